// SPDX-License-Identifier: MPL-2.0
//! A form as a table in text: `countryconfig export fields`.

use opencrvs_toolkit::describe::describe;
use opencrvs_toolkit::event::Event;
use serde_json::Value;
use std::fmt::Write;

/// The columns of a field, in the order of [`HEADINGS`].
type Row = [String; 5];

const HEADINGS: [&str; 5] = ["field", "type", "required", "shown when", "must hold"];

/// The widest padded cell. Wider ones are not padded, so that one long condition does not stretch the table.
const WIDEST: usize = 48;

/// Every field of an event's declaration, page by page.
///
/// # Errors
/// When a field cannot be written as JSON, which a built event never refuses.
pub(super) fn table(event: &Event) -> serde_json::Result<String> {
    let mut text = String::new();
    for page in event.declaration().pages() {
        let page_json = serde_json::to_value(page)?;
        let shown = page_json
            .get("conditional")
            .map(|conditional| format!(", shown when {}", describe(conditional)));
        let _ = writeln!(text, "\n# {}{}\n", page.id(), shown.unwrap_or_default());
        let rows: Vec<Row> = page
            .fields()
            .iter()
            .map(|field| serde_json::to_value(field).map(|field| row(&field)))
            .collect::<Result<_, _>>()?;
        let headings = HEADINGS.map(str::to_owned);
        for row in std::iter::once(&headings).chain(&rows) {
            let mut line = String::new();
            for (n, cell) in row.iter().enumerate() {
                let widest = std::iter::once(&headings)
                    .chain(&rows)
                    .filter_map(|row| row.get(n))
                    .map(|cell| cell.chars().count());
                let width = widest.filter(|width| *width <= WIDEST).max().unwrap_or(0);
                let _ = write!(line, "{cell:<width$}  ");
            }
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    Ok(text)
}

fn row(field: &Value) -> Row {
    let word = |key: &str| {
        field
            .get(key)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let list = |key: &str| {
        field
            .get(key)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let required = match field.get("required") {
        None | Some(Value::Bool(false)) => "",
        Some(_) => "yes",
    };
    let conditionals = list("conditionals");
    let shown = conditionals
        .iter()
        .filter(|c| c.get("type").is_some_and(|kind| kind == "SHOW"));
    let shown: Vec<_> = shown
        .filter_map(|c| c.get("conditional"))
        .map(describe)
        .collect();
    let validators = list("validation");
    let validators: Vec<_> = validators
        .iter()
        .filter_map(|v| v.get("validator"))
        .map(describe)
        .collect();
    [
        word("id"),
        word("type"),
        required.to_owned(),
        shown.join(" and "),
        validators.join("; "),
    ]
}
