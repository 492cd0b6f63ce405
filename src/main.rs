// SPDX-License-Identifier: MPL-2.0
//! The program `countryconfig`.

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    countryconfig::cli::run(countryconfig::cli::Cli::parse()).await
}
