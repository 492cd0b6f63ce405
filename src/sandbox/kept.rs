// SPDX-License-Identifier: MPL-2.0
//! The file of `--keep`: records, identities and calls, for the next start. Rows of the middleware are left
//! out: the real one loses its file with its pod.

use super::StandIns;
use super::journal::Entry;
use super::mosip::Person;
use anyhow::Context;
use opencrvs_toolkit::event_document::EventDocument;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tracing::warn;

/// The name of the file.
pub(super) const FILE: &str = "stand-ins.json";
/// The shortest time between two writes of the file.
const PAUSE: Duration = Duration::from_secs(2);

#[derive(Serialize, Deserialize)]
struct Kept {
    records: Value,
    people: Vec<Person>,
    said: Vec<Entry>,
}

/// Reads the file, if there is one.
pub(super) fn restore(stand_ins: &StandIns, file: &Path) -> anyhow::Result<()> {
    let name = file.display();
    let json = match std::fs::read(file) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{name}`")),
    };
    let kept: Kept = serde_json::from_slice(&json)
        .with_context(|| format!("`{name}` is not a file of this sandbox; delete it"))?;
    for record in kept.records.as_array().into_iter().flatten() {
        stand_ins
            .core
            .keep(EventDocument::try_from(record.clone())?);
    }
    stand_ins.mosip.restore(kept.people);
    stand_ins.journal.restore(kept.said);
    Ok(())
}

/// Writes the file, completely or not at all.
pub(super) fn save(stand_ins: &StandIns, file: &Path) -> anyhow::Result<()> {
    let kept = Kept {
        records: stand_ins.core.saved(),
        people: stand_ins.mosip.people(),
        said: stand_ins.journal.all(),
    };
    let next = file.with_extension("json.new");
    std::fs::write(&next, serde_json::to_vec(&kept)?)
        .and_then(|()| std::fs::rename(&next, file))
        .with_context(|| format!("cannot write `{}`", file.display()))
}

/// Writes the file after each change. Never ends.
pub(super) async fn keep_up(stand_ins: Arc<StandIns>, file: PathBuf) {
    let mut changes = stand_ins.journal.changes();
    while changes.changed().await.is_ok() {
        tokio::time::sleep(PAUSE).await;
        if let Err(error) = save(&stand_ins, &file) {
            warn!("Could not keep the records of the sandbox: {error:#}");
        }
    }
}
