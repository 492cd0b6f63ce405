// SPDX-License-Identifier: MPL-2.0
//! The system clients of core on the command line.

use super::existing_ledger;
use crate::settings::Settings;
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::ledger::Integration;
use rules::diagnostic::known_name_or_all;
use secrecy::ExposeSecret;

#[derive(Subcommand)]
pub(super) enum Integrations {
    /// List the system clients of `integrations.toml` and what the ledger knows of them
    List,
    /// Print id and secret of a client that was made here, once: afterwards the secret is erased
    Show(Show),
}

#[derive(Args)]
pub(super) struct Show {
    /// Its name in `integrations.toml`
    name: String,
}

pub(super) async fn run(command: &Integrations, settings: &Settings) -> anyhow::Result<String> {
    let country = super::loaded(settings)?;
    let ledger = existing_ledger(settings).await?;
    let Integrations::Show(Show { name }) = command else {
        let kept = ledger.integrations().await?;
        let mut text = String::new();
        for wanted in country.integrations.iter() {
            let kept = kept.iter().find(|kept| kept.name == wanted.name);
            let id = kept.map_or("-", |kept| kept.client_id.as_str());
            text += &format!("{}\t{id}\t{}\n", wanted.name, standing(kept));
        }
        return Ok(text);
    };
    let wanted = country
        .integrations
        .iter()
        .find(|client| client.name == *name);
    let wanted = wanted.with_context(|| {
        let names = country.integrations.iter();
        let names: Vec<&str> = names.map(|client| client.name.as_str()).collect();
        let hint = known_name_or_all(name, &names);
        format!("there is no integration `{name}`; {hint}")
    })?;
    if wanted.for_this_server {
        bail!("`{name}` is this server: it keeps its secret to itself");
    }
    let shown = ledger.show_integration(name, SystemClock.now()).await?;
    let Some(shown) = shown else {
        let kept = ledger.integrations().await?;
        let kept = kept.iter().find(|kept| kept.name == *name);
        bail!(
            "the secret of `{name}` is not here: {}. A lost one is replaced in core (Configurations, Integrations, Refresh secret)",
            standing(kept)
        );
    };
    Ok(format!(
        "client id:     {}\nclient secret: {}\n",
        shown.client_id,
        shown.secret.expose_secret()
    ))
}

/// The state of a client, in words.
fn standing(kept: Option<&Integration>) -> &'static str {
    match kept {
        None => "core has not asked for it yet",
        Some(kept) if kept.shown_at.is_some() => "its secret was shown",
        Some(kept) if kept.registered_at.is_none() => "not in core yet",
        Some(kept) if kept.secret.expose_secret().is_empty() => {
            "in core, with a secret of INTEGRATION_CREDENTIALS"
        }
        Some(_) => "in core, its secret is kept here",
    }
}
