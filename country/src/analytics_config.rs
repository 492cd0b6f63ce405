// SPDX-License-Identifier: MPL-2.0
//! The country's analytics settings.

use super::marks::Marks;
use super::{Population as PopulationByYear, Snapshot};
use jiff::tz::TimeZone;
use opencrvs_toolkit::visibility::Visibility;
use serde::Serialize;
use std::sync::Arc;

/// The country's analytics settings.
#[derive(Debug, Clone)]
pub struct AnalyticsConfig {
    /// The fields whose answers are counted.
    pub marks: Marks,
    /// The answers that count: those that the forms show.
    pub visibility: Arc<Visibility>,
    /// The country itself.
    pub country: Country,
    /// Its areas and their population.
    pub figures: Figures,
}

/// The country in which records are made.
#[derive(Debug, Clone)]
pub struct Country {
    /// Its code of three letters, as in addresses.
    pub code: String,
    /// Its English name.
    pub name: String,
    /// The time zone that defines its calendar days.
    pub zone: TimeZone,
}

/// The name of a level of areas.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Level {
    /// Its id in the country's files.
    pub id: String,
    /// From 1, the largest.
    pub level: usize,
    /// Its name.
    pub name: String,
}

/// The population of an area in a year.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Population {
    /// The country's own code of the area.
    pub reference_id: String,
    /// The year.
    pub year: i16,
    /// Name of the area.
    pub name: String,
    /// Births a year per thousand people.
    pub crude_birth_rate: f64,
    /// Boys and men.
    pub male_population: u32,
    /// Girls and women.
    pub female_population: u32,
    /// Everyone.
    pub total_population: u32,
}

/// The levels and population of areas, from the country's files.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// The sizes of areas, from the largest.
    pub levels: Vec<Level>,
    /// The population of areas.
    pub statistics: Vec<Population>,
}

impl Snapshot {
    /// The country's analytics settings.
    pub fn analytics_config(&self) -> AnalyticsConfig {
        let application = &self.application;
        let code = application.country_code.clone();
        let levels = application.levels.iter().zip(1..);
        AnalyticsConfig {
            marks: self.marks.clone(),
            visibility: self.policy.visibility.clone(),
            country: Country {
                name: self.name.clone().unwrap_or(code.clone()),
                code,
                zone: application.time_zone.clone(),
            },
            figures: Figures {
                levels: levels
                    .map(|((id, label), level)| Level {
                        id: id.clone(),
                        level,
                        name: label.text().to_owned(),
                    })
                    .collect(),
                statistics: self.populations.iter().flat_map(years).collect(),
            },
        }
    }
}

/// The years of which all figures are known.
fn years(population: &PopulationByYear) -> impl Iterator<Item = Population> {
    population.years.iter().filter_map(|year| {
        Some(Population {
            reference_id: population.area.clone(),
            year: year.year,
            name: population.name.clone(),
            crude_birth_rate: year.crude_birth_rate?,
            male_population: people(year.male?),
            female_population: people(year.female?),
            total_population: people(year.all?),
        })
    })
}

/// Whole people; more than the world holds are as many as can be counted.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the file has no negative figures, and the conversion keeps to the range"
)]
fn people(figure: f64) -> u32 {
    figure.round() as u32
}
