// SPDX-License-Identifier: MPL-2.0
//! The program `countryconfig`.

use clap::Parser;
use std::process::ExitCode;

#[tokio::main]
async fn main() -> ExitCode {
    match countryconfig::cli::Cli::try_parse() {
        Ok(cli) => countryconfig::cli::run(cli).await,
        Err(error) => countryconfig::cli::refuse(&error),
    }
}
