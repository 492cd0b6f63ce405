// SPDX-License-Identifier: MPL-2.0
//! `causes-of-death.csv`: the causes of death that a physician can choose.

use super::{Cause, Causes};
use rules::csv_table::{Row, Table};
use rules::diagnostic::Diagnostic;
use std::collections::HashMap;

const COLUMNS: [&str; 3] = ["id", "label", "code"];

/// Reads the file. A record keeps the id for ever, so ids and codes are unique; nobody who chooses can
/// distinguish two labels that are the same.
pub(crate) fn parse(file: &str, text: &str, found: &mut Vec<Diagnostic>) -> Causes {
    let mut table = Table::read(file, text, &COLUMNS, |_| false);
    found.extend(table.take_found());
    let columns = COLUMNS.map(|column| table.column(column));
    let [Some(id), Some(label), Some(code)] = columns else {
        return Causes::default();
    };
    let mut lines = [id, code, label].map(|column| (column, HashMap::new()));
    for row in table.rows() {
        for (column, lines) in &mut lines {
            let is_label = *column == label;
            let text = row.cell(*column);
            if text.is_empty() {
                let name = table.columns.get(*column).map_or("", String::as_str);
                found.push(table.error(&row, *column, format!("the {name} is missing"), None));
            } else if let Some(line) = lines.insert(text.to_lowercase(), row.line) {
                let message = format!("`{text}` is in line {line} already");
                found.push(if is_label {
                    let hint = "make the labels different".to_owned();
                    table.warning(&row, *column, message, Some(hint))
                } else {
                    table.error(&row, *column, message, None)
                });
            }
        }
        let text = row.cell(code);
        if !text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-/".contains(c))
        {
            let message = format!("`{text}` is not a code like `I219` or `I21.9`");
            found.push(table.error(&row, code, message, None));
        }
    }
    let cause = |row: Row<'_>| Cause {
        id: row.cell(id).to_owned(),
        label: row.cell(label).to_owned(),
        code: row.cell(code).to_owned(),
    };
    Causes::new(table.rows().map(cause).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mistakes_have_their_places() {
        let text = "id,label,code\n1,Cholera,A00\n2,,A01\n1,\"Fever, other\",A02\n3,cholera,a00\n4,Plague,A 20\n";
        let mut found = Vec::new();
        parse("causes.csv", text, &mut found);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        let expected = [
            "causes.csv:3:3: error: the label is missing",
            "causes.csv:4:1: error: `1` is in line 2 already",
            "causes.csv:5:11: error: `a00` is in line 2 already",
            "causes.csv:5:3: warning: `cholera` is in line 2 already\n  hint: make the labels different",
            "causes.csv:6:10: error: `A 20` is not a code like `I219` or `I21.9`",
        ];
        assert_eq!(found, expected);
    }
}
