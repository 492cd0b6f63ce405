// SPDX-License-Identifier: MPL-2.0
//! What statistics need to know of the country.

use super::{Population, Snapshot};
use handlers::analytics::{self, Counting, Country, Figures, Level};

impl Snapshot {
    /// What is counted and where.
    pub fn counting(&self) -> Counting {
        let application = &self.application;
        let code = application.country_code.clone();
        let levels = application.levels.iter().zip(1..);
        Counting {
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
fn years(population: &Population) -> impl Iterator<Item = analytics::Population> {
    population.years.iter().filter_map(|year| {
        Some(analytics::Population {
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
