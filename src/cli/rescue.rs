// SPDX-License-Identifier: MPL-2.0
//! Ends records whose hook or answer was lost, by hand.

use super::{existing_ledger, print};
use crate::settings::Settings;
use crate::{report, server};
use anyhow::Context;
use clap::Args;
use handlers::hooks::WithIdentity;
use handlers::hooks::rescue::{End, Mode, Reason, Rescue, Round, Step};
use opencrvs_toolkit::event_document::EventId;
use std::io::Write as _;
use std::process::ExitCode;

#[derive(Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub(super) struct Options {
    /// Id of a record; reading it leaves a READ action in the record
    event: Option<String>,
    /// Show the decisions without sending anything
    #[arg(long)]
    dry_run: bool,
    /// Send the packet that creates an identity, after asking; only if MOSIP has no identity of this person
    #[arg(long, requires = "event", conflicts_with_all = ["register_only", "dry_run"])]
    forward: bool,
    /// Register without a packet: MOSIP has the identity, or none is wanted
    #[arg(long = "continue", requires = "event", conflicts_with = "dry_run")]
    register_only: bool,
    /// Do not ask for confirmation
    #[arg(long, short, requires = "forward")]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    if let (true, false, Some(event)) = (options.forward, options.yes, &options.event) {
        super::confirm(&format!(
            "This sends the packet of event {event} to MOSIP, without asking the middleware. If MOSIP has an identity of this person already, a second one is created.\n"
        ))?;
    }
    // The server below would make a new and empty ledger.
    existing_ledger(settings).await?;
    // The hooks under way are those of the server.
    let mut settings = settings.clone();
    settings.rescue.unanswered_file = None;
    let running = server::assemble(&settings, super::loaded(&settings)?).await?;
    let wanted = running.app.country.load().integrations.clone();
    running.app.system_clients.adopt_own(&wanted).await?;
    let rescue = &*running.rescue;
    let Round { steps, unseen } = match &options.event {
        Some(event) => Round {
            steps: of_event(rescue, &EventId::new(event), options).await?,
            unseen: vec![],
        },
        None if options.dry_run => rescue.round(Mode::Report, true).await?,
        None => rescue.round(Mode::On, true).await?,
    };
    let all_told = unseen.is_empty();
    for error in unseen {
        let error = anyhow::Error::from(error);
        drop(writeln!(std::io::stderr(), "warning: {error:#}"));
    }
    if options.json {
        print(&format!("{}\n", serde_json::to_string_pretty(&steps)?))?;
    } else if steps.is_empty() && all_told {
        print("No action in core waits without a reason.\n")?;
    } else {
        print(&table(&steps))?;
    }
    let is_done = all_told && (options.dry_run || !steps.iter().any(|step| step.end.is_open()));
    Ok(if is_done {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn of_event(
    rescue: &Rescue,
    event: &EventId,
    options: &Options,
) -> anyhow::Result<Vec<Step>> {
    let said = match options {
        Options { forward: true, .. } => WithIdentity::Forward,
        Options {
            register_only: true,
            ..
        } => WithIdentity::Continue,
        _ => WithIdentity::Refuse,
    };
    let steps = rescue.event(event, said, options.dry_run).await?;
    let is_asked = |step: &Step| step.end == End::Found(Reason::MakesIdentity);
    if options.dry_run || !steps.iter().any(is_asked) {
        return Ok(steps);
    }
    let unsent = rescue.is_unsent(event).await.context(
        "the decision would create an identity, and the middleware could not be asked for a packet of this record; search MOSIP for the identity, then use --forward or --continue",
    )?;
    if !unsent {
        anyhow::bail!(
            "the decision would create an identity, and the middleware has a packet of this record already. Wait for its credential; if none comes, search MOSIP for the identity, then use --forward or --continue"
        );
    }
    Ok(rescue.event(event, WithIdentity::Forward, false).await?)
}

fn table(steps: &[Step]) -> String {
    let row = |step: &Step| {
        [
            step.event_id.to_string(),
            step.action_type.clone(),
            step.since.to_string(),
            step.end.to_string(),
        ]
    };
    let rows: Vec<_> = steps.iter().map(row).collect();
    report::table(["EVENT", "ACTION", "SINCE", "RESULT"], &rows)
}
