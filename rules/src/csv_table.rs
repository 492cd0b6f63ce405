// SPDX-License-Identifier: MPL-2.0
//! Reads CSV so that every fault has its place.

use crate::annotated_toml::position;
use crate::diagnostic::{Diagnostic, MOST_TOLD, Severity, did_you_mean};
use std::cell::Cell;

/// The most columns of a file.
const MOST_COLUMNS: usize = 500;

/// A file with a head line. Its cells are in one text, as a country has tens of thousands of places.
pub struct Table<'t> {
    /// The names of the columns.
    pub columns: Vec<String>,
    cells: String,
    /// The end of each cell in them.
    ends: Vec<usize>,
    /// Byte and line at which each line begins.
    starts: Vec<(usize, usize)>,
    file: &'t str,
    text: &'t str,
    found: Vec<Diagnostic>,
    /// The number of errors that were reported.
    errors: Cell<usize>,
}

/// A line of the file.
pub struct Row<'r> {
    cells: &'r str,
    first: usize,
    ends: &'r [usize],
    start: usize,
    /// Line in the file, from 1.
    pub line: usize,
}

impl<'r> Row<'r> {
    /// The text in a column, without blanks around it.
    pub fn cell(&self, column: usize) -> &'r str {
        self.raw(column).trim()
    }

    /// The text in a column as it stands.
    pub fn raw(&self, column: usize) -> &'r str {
        let before = column.checked_sub(1).and_then(|n| self.ends.get(n));
        let first = *before.unwrap_or(&self.first);
        let end = self.ends.get(column);
        end.and_then(|end| self.cells.get(first..*end))
            .unwrap_or_default()
    }
}

impl<'t> Table<'t> {
    /// Reads a file that must have these columns, and may have others that `also` lets through.
    pub fn read(
        file: &'t str,
        text: &'t str,
        columns: &[&str],
        also: impl Fn(&str) -> bool,
    ) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .from_reader(text.as_bytes());
        let mut table = Self {
            columns: Vec::new(),
            cells: String::new(),
            ends: Vec::new(),
            starts: Vec::new(),
            file,
            text,
            found: Vec::new(),
            errors: Cell::new(0),
        };
        if let Ok(heads) = reader.headers() {
            table.columns = heads.iter().map(|head| head.trim().to_owned()).collect();
        }
        if table.columns.len() > MOST_COLUMNS {
            let message = format!("the first line has more than {MOST_COLUMNS} columns");
            table.fault((0, 1), 0, message, None);
            table.columns.clear();
            return table;
        }
        if let [head] = table.columns.as_slice()
            && let Some(separator) = [';', '\t'].into_iter().find(|c| head.contains(*c))
        {
            let separator = if separator == '\t' {
                "tabs"
            } else {
                "semicolons"
            };
            let message = format!("the columns are separated by {separator}");
            let hint = "use commas: in a spreadsheet program, \"CSV UTF-8\" with commas";
            table.fault((0, 1), 0, message, Some(hint.to_owned()));
            table.columns.clear();
            return table;
        }
        table.check_columns(columns, also);
        let mut record = csv::StringRecord::new();
        while table.errors.get() < MOST_TOLD {
            match reader.read_record(&mut record) {
                Ok(true) => table.take(&record),
                Ok(false) => break,
                Err(error) => {
                    let at = error.position().map_or(0, csv::Position::byte);
                    let at = usize::try_from(at).unwrap_or_default();
                    table.fault((0, 1), at, error.to_string(), None);
                }
            }
        }
        table
    }

    /// The lines below the first, as many cells in each as there are columns; none any more after many errors.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        let mut first = 0;
        let rows = self
            .starts
            .iter()
            .zip(self.ends.chunks(self.columns.len().max(1)));
        let rows = rows.take_while(|_| self.errors.get() < MOST_TOLD);
        rows.map(move |(&(start, line), ends)| {
            let cells = &self.cells;
            let row = Row {
                cells,
                first,
                ends,
                start,
                line,
            };
            first = ends.last().copied().unwrap_or(first);
            row
        })
    }

    fn check_columns(&mut self, columns: &[&str], also: impl Fn(&str) -> bool) {
        for column in columns {
            if !self.columns.iter().any(|head| head == column) {
                let message = format!("the column `{column}` is missing");
                let hint = format!("the first line is {}", columns.join(","));
                self.fault((0, 1), 0, message, Some(hint));
            }
        }
        let mut before: Vec<&String> = Vec::new();
        let heads = self.columns.clone();
        for (i, head) in heads.iter().enumerate() {
            if !columns.contains(&head.as_str()) && !also(head) {
                let hint = did_you_mean(head, columns.iter().copied());
                let at = self.cell_start(0, i);
                self.fault((0, 1), at, format!("unknown column `{head}`"), hint);
            } else if before.contains(&head) {
                let at = self.cell_start(0, i);
                self.fault((0, 1), at, format!("there are two columns `{head}`"), None);
            }
            before.push(head);
        }
    }

    fn take(&mut self, record: &csv::StringRecord) {
        let at = record
            .position()
            .map_or((0, 1), |at| (at.byte(), at.line()));
        let [start, line] = [at.0, at.1].map(|n| usize::try_from(n).unwrap_or_default());
        if record.len() == self.columns.len() {
            self.starts.push((start, line));
            for cell in record {
                self.cells.push_str(cell);
                self.ends.push(self.cells.len());
            }
            return;
        }
        let message = format!(
            "this line has {} cells, the first line has {}",
            record.len(),
            self.columns.len()
        );
        let hint = "a value that contains a comma needs double quotes".to_owned();
        self.fault((start, line), start, message, Some(hint));
    }

    /// The index of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|head| head == name)
    }

    /// Reports a fault that makes the file unusable.
    pub fn error(
        &self,
        row: &Row<'_>,
        column: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let at = self.cell_start(row.start, column);
        self.diagnostic(Severity::Error, (row.start, row.line), at, message, hint)
    }

    /// Reports something that was probably meant otherwise.
    pub fn warning(
        &self,
        row: &Row<'_>,
        column: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        let at = self.cell_start(row.start, column);
        self.diagnostic(Severity::Warning, (row.start, row.line), at, message, hint)
    }

    /// The faults of the file as a table.
    pub fn take_found(&mut self) -> Vec<Diagnostic> {
        std::mem::take(&mut self.found)
    }

    fn fault(&mut self, row: (usize, usize), at: usize, message: String, hint: Option<String>) {
        let fault = self.diagnostic(Severity::Error, row, at, message, hint);
        self.found.push(fault);
    }

    /// About a byte at or behind the start of a row, of which byte and line are known: counting from the start
    /// of a large file takes too long.
    fn diagnostic(
        &self,
        severity: Severity,
        (start, first_line): (usize, usize),
        at: usize,
        message: String,
        hint: Option<String>,
    ) -> Diagnostic {
        if severity == Severity::Error {
            self.errors.set(self.errors.get() + 1);
        }
        let text = self.text.get(start..).unwrap_or_default();
        let (line, column) = position(text, at.saturating_sub(start));
        let line = first_line + line - 1;
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
