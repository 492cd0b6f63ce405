// SPDX-License-Identifier: MPL-2.0
//! Reading CSV so that every fault can say where it is.

use handlers::annotated_toml::position;
use handlers::diagnostic::{Diagnostic, Severity, did_you_mean};

/// A file with a head line.
pub(super) struct Table<'t> {
    /// The names of the columns.
    pub(super) columns: Vec<String>,
    file: &'t str,
    text: &'t str,
    found: Vec<Diagnostic>,
}

/// A line of the file.
pub(super) struct Row {
    cells: csv::StringRecord,
    start: usize,
    /// Line in the file, from 1.
    pub(super) line: usize,
}

impl Row {
    /// The text in a column, without blanks around it.
    pub(super) fn cell(&self, column: usize) -> &str {
        self.cells.get(column).unwrap_or_default().trim()
    }

    /// The text in a column as it stands.
    pub(super) fn raw(&self, column: usize) -> &str {
        self.cells.get(column).unwrap_or_default()
    }
}

fn reader(text: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .flexible(true)
        .from_reader(text.as_bytes())
}

/// Byte and line at which a record begins.
fn start(cells: &csv::StringRecord) -> (usize, usize) {
    let (start, line) = cells.position().map_or((0, 1), |at| (at.byte(), at.line()));
    let [start, line] = [start, line].map(|n| usize::try_from(n).unwrap_or_default());
    (start, line)
}

impl<'t> Table<'t> {
    /// Reads a file that must have these columns, and may have others that `also` lets through.
    pub(super) fn read(
        file: &'t str,
        text: &'t str,
        columns: &[&str],
        also: impl Fn(&str) -> bool,
    ) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = reader(text);
        let mut table = Self {
            columns: Vec::new(),
            file,
            text,
            found: Vec::new(),
        };
        if let Ok(heads) = reader.headers() {
            table.columns = heads.iter().map(|head| head.trim().to_owned()).collect();
        }
        table.check_columns(columns, also);
        for record in reader.into_records() {
            match record {
                Ok(cells) => table.check_cells(&cells),
                Err(error) => {
                    let at = error.position().map_or(0, csv::Position::byte);
                    table.fault(
                        usize::try_from(at).unwrap_or_default(),
                        error.to_string(),
                        None,
                    );
                }
            }
        }
        table
    }

    /// The lines below the first, as many cells in each as there are columns. They are read again
    /// rather than kept: a country has tens of thousands of places.
    pub(super) fn rows(&self) -> impl Iterator<Item = Row> + use<'t> {
        let columns = self.columns.len();
        reader(self.text)
            .into_records()
            .filter_map(Result::ok)
            .filter(move |cells| cells.len() == columns)
            .map(|cells| {
                let (start, line) = start(&cells);
                Row { cells, start, line }
            })
    }

    fn check_columns(&mut self, columns: &[&str], also: impl Fn(&str) -> bool) {
        for column in columns {
            if !self.columns.iter().any(|head| head == column) {
                let message = format!("the column `{column}` is missing");
                let hint = format!("the first line is {}", columns.join(","));
                self.fault(0, message, Some(hint));
            }
        }
        let mut before: Vec<&String> = Vec::new();
        let heads = self.columns.clone();
        for (i, head) in heads.iter().enumerate() {
            if !columns.contains(&head.as_str()) && !also(head) {
                let hint = did_you_mean(head, columns.iter().copied());
                let at = self.cell_start(0, i);
                self.fault(at, format!("unknown column `{head}`"), hint);
            } else if before.contains(&head) {
                let at = self.cell_start(0, i);
                self.fault(at, format!("there are two columns `{head}`"), None);
            }
            before.push(head);
        }
    }

    fn check_cells(&mut self, cells: &csv::StringRecord) {
        if cells.len() == self.columns.len() {
            return;
        }
        let message = format!(
            "this line has {} cells, the first line has {}",
            cells.len(),
            self.columns.len()
        );
        let hint = "a text with a comma in it stands in double quotes".to_owned();
        self.fault(start(cells).0, message, Some(hint));
    }

    /// Where a column is.
    pub(super) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|head| head == name)
    }

    /// Reports what makes the file unusable.
    pub(super) fn error(
        &self,
        row: &Row,
        column: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        self.diagnostic(
            Severity::Error,
            self.cell_start(row.start, column),
            message,
            hint,
        )
    }

    /// Reports what was probably meant otherwise.
    pub(super) fn warning(
        &self,
        row: &Row,
        column: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        self.diagnostic(
            Severity::Warning,
            self.cell_start(row.start, column),
            message,
            hint,
        )
    }

    /// The faults of the file as a table.
    pub(super) fn take_found(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.found)
    }

    fn fault(&mut self, at: usize, message: String, hint: Option<String>) {
        let fault = self.diagnostic(Severity::Error, at, message, hint);
        self.found.push(fault);
    }

    fn diagnostic(
        &self,
        severity: Severity,
        at: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let (line, column) = position(self.text, at);
        Diagnostic {
            severity,
            file: self.file.to_owned(),
            line,
            column,
            message,
            hint,
        }
    }

    /// The byte at which a cell of the line that starts at a byte begins.
    fn cell_start(&self, line: usize, column: usize) -> usize {
        let mut quoted = false;
        let mut before = 0;
        // A reader skips empty lines: they belong to the start of the next.
        let text = self.text.get(line..).unwrap_or_default();
        let blank = text.len() - text.trim_start_matches(['\r', '\n']).len();
        for (i, byte) in text.bytes().enumerate().skip(blank) {
            if before == column {
                return line + i;
            }
            match byte {
                b'"' => quoted = !quoted,
                b',' if !quoted => before += 1,
                _ => {}
            }
        }
        line + blank
    }
}
