// SPDX-License-Identifier: MPL-2.0
//! `statistics.csv`: the population of areas, and their birth rates, by year.

use super::places::Places;
use rules::csv_table::{Row, Table};
use rules::diagnostic::{Diagnostic, did_you_mean};
use std::collections::{BTreeMap, HashSet};

/// The figures of a year that columns hold, by the beginning of the column's name.
const FIGURES: [&str; 4] = [
    "male_population",
    "female_population",
    "population",
    "crude_birth_rate",
];

/// The largest values that the columns of the analytics database can hold.
const LARGEST: [f64; 4] = [2e9, 2e9, 2e9, 999.9];

/// The people of an area.
#[derive(Debug, Clone, PartialEq)]
pub struct Population {
    /// Code of the area.
    pub area: String,
    /// Its name in this file.
    pub name: String,
    /// By year, the oldest first.
    pub years: Vec<Year>,
}

/// One year.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Year {
    /// The year of our era.
    pub year: i16,
    /// Men and boys.
    pub male: Option<f64>,
    /// Women and girls.
    pub female: Option<f64>,
    /// All people.
    pub all: Option<f64>,
    /// Births a year among 1,000 people.
    pub crude_birth_rate: Option<f64>,
}

/// Reads the file.
pub(super) fn parse(
    file: &str,
    text: &str,
    places: &Places,
    found: &mut Vec<Diagnostic>,
) -> Vec<Population> {
    let mut table = Table::read(file, text, &["adminPcode", "name"], |head| {
        figure(head).is_some()
    });
    found.extend(table.take_found());
    let (Some(code), Some(name)) = (table.column("adminPcode"), table.column("name")) else {
        return Vec::new();
    };
    let mut columns: BTreeMap<i16, [Option<usize>; 4]> = BTreeMap::new();
    for (column, head) in table.columns.iter().enumerate() {
        if let Some((year, figure)) = figure(head)
            && let Some(place) = columns.entry(year).or_default().get_mut(figure)
        {
            *place = Some(column);
        }
    }
    let areas: HashSet<_> = places.areas.iter().map(|area| area.id.as_str()).collect();
    let mut seen = HashSet::new();
    let mut populations = Vec::new();
    for row in table.rows() {
        let area = row.cell(code);
        // Without any area, the fault is in their file.
        if !areas.is_empty() && !areas.contains(area) {
            let message = format!("there is no area `{area}`");
            let hint = did_you_mean(area, areas.iter().copied());
            found.push(table.error(&row, code, message, hint));
        }
        if !seen.insert(area) {
            let message = format!("there are figures for `{area}` above already");
            found.push(table.error(&row, code, message, None));
        }
        let years = columns.iter().map(|(year, columns)| {
            let [male, female, all, crude_birth_rate] = std::array::from_fn(|figure| {
                let (column, largest) = (columns.get(figure)?, LARGEST.get(figure)?);
                number(&table, &row, (*column)?, *largest, found)
            });
            Year {
                year: *year,
                male,
                female,
                all,
                crude_birth_rate,
            }
        });
        populations.push(Population {
            area: area.to_owned(),
            years: years.collect(),
            name: row.cell(name).to_owned(),
        });
    }
    populations
}

/// The year and the kind of figure that a column holds.
fn figure(head: &str) -> Option<(i16, usize)> {
    let (kind, year) = head.rsplit_once('_')?;
    let kind = FIGURES.iter().position(|known| *known == kind)?;
    Some((year.parse().ok()?, kind))
}

/// A figure; none where the cell is empty.
fn number(
    table: &Table<'_>,
    row: &Row<'_>,
    column: usize,
    largest: f64,
    found: &mut Vec<Diagnostic>,
) -> Option<f64> {
    let text = row.cell(column);
    if text.is_empty() {
        return None;
    }
    let number = text
        .parse()
        .ok()
        .filter(|n: &f64| n.is_finite() && *n >= 0.0);
    if number.is_none() {
        let message = format!("`{text}` is not a number");
        let hint = "write digits only, with a dot before decimals".to_owned();
        found.push(table.error(row, column, message, Some(hint)));
    }
    if number.is_some_and(|number| number > largest) {
        let message = format!("`{text}` is more than {largest}");
        found.push(table.error(row, column, message, None));
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_the_analytics_database_does_not_hold_are_errors() {
        let text = "adminPcode,name,population_2025,crude_birth_rate_2025\nP1,Province,2000000000,999.9\nP2,Other,3000000000,1000\n";
        let mut found = Vec::new();
        parse("statistics.csv", text, &Places::default(), &mut found);
        let found = found.iter().map(ToString::to_string);
        let found: Vec<_> = found.filter(|text| text.contains("more")).collect();
        let expected = [
            "statistics.csv:3:10: error: `3000000000` is more than 2000000000",
            "statistics.csv:3:21: error: `1000` is more than 999.9",
        ];
        assert_eq!(found, expected);
    }
}
