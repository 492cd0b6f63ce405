// SPDX-License-Identifier: MPL-2.0
//! `sms.toml`: the region of phone numbers, and the gateway for SMS.

use description::Description;
use phonenumber::{Mode, country};
use rules::annotated_toml::{Reader, Section};
use rules::diagnostic::Diagnostic;
use std::ops::Range;
use std::str::FromStr;

pub mod description;

/// `sms.toml`: the region of phone numbers, and the gateway for SMS.
pub struct SmsFile {
    /// The region of numbers without a country code.
    pub region: Region,
    /// Line and column of the region in the file, from 1.
    pub region_at: (usize, usize),
    /// Another gateway than that of Infobip.
    pub gateway: Option<Description>,
}

/// The country that numbers without a country code belong to.
#[derive(Debug, Clone, Copy)]
pub struct Region(country::Id);

impl Region {
    /// Its code of two letters.
    pub fn code(&self) -> &str {
        self.0.as_ref()
    }

    /// The number as it is dialled from anywhere; nothing for a text that is not a number.
    pub fn international(self, number: &str) -> Option<String> {
        let parsed = phonenumber::parse(Some(self.0), number).ok()?;
        Some(parsed.format().mode(Mode::E164).to_string())
    }
}

impl SmsFile {
    /// Reads the file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader::new(file, text);
        let document = reader.document();
        let parsed = document.as_ref().and_then(|document| {
            let root = Section::root(document);
            root.only(&mut reader, &["region", "gateway"]);
            let region = region(&root, &mut reader);
            let gateway = root.section(&mut reader, "gateway", "the gateway".into());
            let gateway = gateway.map(|gateway| Description::read(&gateway, &mut reader));
            let region = region?;
            Some(Self {
                region: Region(region.0),
                region_at: reader.position(region.1.start),
                gateway: gateway.flatten(),
            })
        });
        let failed = reader.failed();
        parsed
            .filter(|_| !failed)
            .ok_or_else(|| reader.into_found())
    }
}

fn region(root: &Section<'_>, reader: &mut Reader<'_>) -> Option<(country::Id, Range<usize>)> {
    let code = root.required_text(reader, "region")?;
    let id = country::Id::from_str(code.value).ok();
    if id.is_none() {
        let hint = "two letters of ISO 3166, like `ZM`".to_owned();
        let message = format!(
            "`{}` is not a country code with known phone numbers",
            code.value
        );
        reader.error(code.span.clone(), message, Some(hint));
    }
    Some((id?, code.span))
}

#[cfg(test)]
mod tests;
