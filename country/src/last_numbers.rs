// SPDX-License-Identifier: MPL-2.0
//! The last numbers of a former system, from which sequences go on: a CSV file of
//! `event,office,year,month,last`.

use jiff::civil::Date;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rules::csv_table::{Row, Table};
use rules::diagnostic::{Diagnostic, did_you_mean};
use rules::registration_number::NumberFormat;
use rules::registration_numbers::{Formats, LAST_POSITION, Office, Request, Scope};

/// The last position of a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastNumber {
    /// The sequence.
    pub sequence: String,
    /// The position.
    pub last: u64,
    /// The number there.
    pub number: String,
}

/// Reads the file, for the formats of a country.
///
/// # Errors
/// Everything that is wrong with it.
pub fn last_numbers(
    file: &str,
    text: &str,
    formats: &Formats,
    random: &NumberFormat,
) -> Result<Vec<LastNumber>, Vec<Diagnostic>> {
    let also = |head: &str| ["office", "year", "month"].contains(&head);
    let mut table = Table::read(file, text, &["event", "last"], also);
    let mut found = table.take_found();
    let mut numbers: Vec<LastNumber> = Vec::new();
    if found.is_empty() {
        for row in table.rows() {
            match read(&table, &row, formats, random) {
                Ok(number) if numbers.iter().any(|n| n.sequence == number.sequence) => {
                    let message = format!("there is another line of `{}` above", number.sequence);
                    found.push(table.error(&row, 0, message, Some("keep one of them".into())));
                }
                Ok(number) => numbers.push(number),
                Err(problem) => found.push(problem),
            }
        }
    }
    if found.is_empty() {
        Ok(numbers)
    } else {
        Err(found)
    }
}

fn read(
    table: &Table<'_>,
    row: &Row<'_>,
    formats: &Formats,
    random: &NumberFormat,
) -> Result<LastNumber, Diagnostic> {
    let column = |name: &str| table.column(name).unwrap_or_default();
    let cell = |name: &str| table.column(name).map_or("", |column| row.cell(column));
    let wrong = |name: &str, message: String, hint: Option<String>| {
        table.error(row, column(name), message, hint)
    };
    let event = cell("event");
    let format = formats
        .of(event)
        .filter(|format| format.format.has_sequence());
    let format = format.ok_or_else(|| {
        let message = format!("numbers of `{event}` have no sequence in registration-numbers.toml");
        wrong(
            "event",
            message,
            did_you_mean(event, formats.events.keys().map(String::as_str)),
        )
    })?;
    let whole = |name: &str| {
        let text = cell(name);
        let read = text.parse::<u64>().ok().filter(|n| *n <= LAST_POSITION);
        read.ok_or_else(|| {
            wrong(
                name,
                format!("`{text}` is not a whole number"),
                Some(match (name, text) {
                    ("last", given) if !given.is_empty() => {
                        "write only the position, without prefix and check digits: 12".to_owned()
                    }
                    _ => format!("fill in the column `{name}`"),
                }),
            )
        })
    };
    let last = whole("last")?;
    let per = |scope: Scope| format.per.contains(&scope);
    let year = if per(Scope::Year) {
        whole("year")?
    } else {
        2000
    };
    if year < 1000 {
        let message = format!("`{year}` is not a year of four digits");
        return Err(wrong("year", message, Some("write 2027".to_owned())));
    }
    let month = if per(Scope::Month) {
        whole("month")?
    } else {
        1
    };
    let date = i16::try_from(year).ok().zip(i8::try_from(month).ok());
    let date = date.and_then(|(year, month)| Date::new(year, month, 1).ok());
    let today =
        date.ok_or_else(|| wrong("year", "there is no such year and month".into(), None))?;
    let office = office(cell("office"), formats);
    if format.needs_office() && office.is_none() {
        let ids = formats
            .offices
            .iter()
            .map(|office| office.external_id.as_str());
        let message = format!("there is no office `{}`", cell("office"));
        let hint = did_you_mean(cell("office"), ids)
            .unwrap_or_else(|| "name it by its id or code in locations.csv".to_owned());
        return Err(wrong("office", message, Some(hint)));
    }
    let (event_id, action_id) = (EventId::new("import"), ActionId::new("import"));
    let draw = Request {
        event_id: &event_id,
        action_id: &action_id,
        event_type: event,
        office: None,
        today,
        format,
        formats,
        random,
    }
    .draw(office);
    let sequence = draw.sequence.as_ref().ok_or_else(|| {
        wrong(
            "office",
            format!("`{}` has no numbers of this format", cell("office")),
            None,
        )
    })?;
    Ok(LastNumber {
        sequence: sequence.name.clone(),
        last,
        number: draw.preview(last),
    })
}

/// An office by its id in the country's files, or by its code.
pub fn office<'f>(name: &str, formats: &'f Formats) -> Option<&'f Office> {
    let offices = || formats.offices.iter();
    let by_code = |office: &&Office| formats.code(&office.external_id) == Some(name);
    offices()
        .find(|office| office.external_id == name)
        .or_else(|| offices().find(by_code))
}
