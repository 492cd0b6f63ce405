// SPDX-License-Identifier: MPL-2.0
//! Settings that only some types of field have: `options`, `configuration`, `defaultValue` …

use std::borrow::Cow;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::{SelectOption, StreetField};

/// Settings in the order in which they were first made.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Settings(Vec<(Cow<'static, str>, Setting)>);

/// The value of a setting. Long lists become JSON only when they are written.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Setting {
    Json(Value),
    Options(Vec<SelectOption>),
    Street(Arc<[StreetField]>),
    Group(Settings),
}

impl Settings {
    pub(super) fn set(&mut self, key: Cow<'static, str>, value: Setting) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => self.0.push((key, value)),
        }
    }

    /// The settings under a key, added if missing; none if the key has a plain value.
    pub(super) fn group(&mut self, key: &'static str) -> Option<&mut Self> {
        if !self.0.iter().any(|(known, _)| *known == key) {
            self.set(key.into(), Setting::Group(Self::default()));
        }
        self.0.iter_mut().find_map(|(known, value)| match value {
            Setting::Group(settings) if *known == key => Some(settings),
            _ => None,
        })
    }

    /// The choices; none where the field has none.
    pub(super) fn choices(&self) -> &[SelectOption] {
        let choices = self.0.iter().find_map(|(key, value)| match value {
            Setting::Options(options) if *key == "options" => Some(options.as_slice()),
            _ => None,
        });
        choices.unwrap_or_default()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Setting)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }
}

impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// The choices are read; everything else stays as it is written.
impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut settings = Self::default();
        for (key, value) in Map::<String, Value>::deserialize(deserializer)? {
            let options = match key.as_str() {
                "options" => Vec::<SelectOption>::deserialize(&value).ok(),
                _ => None,
            };
            let setting = options.map_or(Setting::Json(value), Setting::Options);
            settings.set(key.into(), setting);
        }
        Ok(settings)
    }
}

impl Serialize for Setting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Json(value) => value.serialize(serializer),
            Self::Options(options) => options.serialize(serializer),
            Self::Street(fields) => fields[..].serialize(serializer),
            Self::Group(settings) => settings.serialize(serializer),
        }
    }
}
