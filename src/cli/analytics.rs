// SPDX-License-Identifier: MPL-2.0
//! The analytics database, made by a role that may make it.

use crate::settings::Settings;
use anyhow::Context;
use clap::{Args, Subcommand};
use handlers::analytics::{Access, Database};

#[derive(Subcommand)]
pub(super) enum Analytics {
    /// Create or update schema, tables, views and roles in the database of `ANALYTICS_DATABASE_URL`
    Migrate(Migrate),
}

#[derive(Args)]
pub(super) struct Migrate {
    /// Create a role that may write, for this server; its password is in `ANALYTICS_POSTGRES_PASSWORD`
    #[arg(long, value_name = "NAME", env = "ANALYTICS_POSTGRES_USER")]
    writer: Option<String>,
    /// Create a role that may read, for dashboards; its password is in `METABASE_DATABASE_PASSWORD`
    #[arg(long, value_name = "NAME", env = "METABASE_DATABASE_USER")]
    reader: Option<String>,
}

/// Runs a command about the analytics database; returns the text to print.
pub(super) async fn run(command: &Analytics, settings: &Settings) -> anyhow::Result<String> {
    let Analytics::Migrate(Migrate { writer, reader }) = command;
    let url = settings.analytics.database_url.as_ref();
    let url = url.context("ANALYTICS_DATABASE_URL is not set")?;
    let database = Database::at(url.expose().clone());
    database.migrate().await?;
    let mut said = "The analytics tables are up to date.\n".to_owned();
    let logins = [
        (
            writer,
            "ANALYTICS_POSTGRES_PASSWORD",
            Access::Write,
            "write",
        ),
        (reader, "METABASE_DATABASE_PASSWORD", Access::Read, "read"),
    ];
    for (name, variable, access, what) in logins {
        let Some(name) = name.as_ref().filter(|name| !name.is_empty()) else {
            continue;
        };
        let password = std::env::var(variable)
            .with_context(|| format!("the password of `{name}` must be in {variable}"))?;
        database.login(name, &password, access).await?;
        said += &format!("`{name}` may log in and {what} them.\n");
    }
    Ok(said)
}
