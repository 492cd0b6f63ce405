// SPDX-License-Identifier: MPL-2.0
//! Prints the events as core reads them.

use std::io::{self, Write};

fn main() -> io::Result<()> {
    let events = forms::events(&forms::Environment::sample());
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, &events)?;
    writeln!(out)
}
