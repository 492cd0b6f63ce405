// SPDX-License-Identifier: MPL-2.0
//! Reindexing: core sends all its records in batches whenever it renews its search index.

use super::Analytics;
use super::database::{AnalyticsError, Lock};
use country::analytics_config::AnalyticsConfig;
use opencrvs_toolkit::event_document::EventDocument;
use serde_json::value::RawValue;
use std::sync::Arc;
use tokio::sync::MutexGuard;
use tracing::{info, warn};

/// The right to write a batch, which one caller at a time has.
pub struct Turn<'a> {
    analytics: &'a Analytics,
    _alone: MutexGuard<'a, ()>,
}

/// The result of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Records that were written.
    pub imported: usize,
    /// Rows of these: their accepted actions.
    pub actions: usize,
    /// Records of events that are not counted.
    pub skipped: usize,
    /// Records that could not be written.
    pub failed: Vec<Failed>,
}

/// A record that could not be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Its place in the batch, from 0.
    pub index: usize,
    /// The reason.
    pub error: String,
}

/// The reason why nothing of a batch was written.
#[derive(Debug, thiserror::Error)]
pub enum ReindexError {
    /// The body is not a list.
    #[error("the body is not a JSON array of event documents")]
    Body(#[source] serde_json::Error),
    /// The database is not reachable, or its tables are missing.
    #[error("could not write to the analytics database")]
    Database(#[from] AnalyticsError),
    /// An internal error.
    #[error("reading the batch was aborted")]
    Broken(#[from] tokio::task::JoinError),
}

impl Analytics {
    /// Waits until no other batch is under way in this process, so that batches do not add up in memory.
    pub async fn turn(&self) -> Turn<'_> {
        Turn {
            analytics: self,
            _alone: self.reindexing.lock().await,
        }
    }
}

impl Turn<'_> {
    /// Writes a batch, and the places before it when it is time for them, in one transaction. The token
    /// is the caller's. Each record is shown to `see` as it came.
    ///
    /// # Errors
    /// See [`ReindexError`]; the same batch can be sent again.
    pub async fn reindex(
        self,
        json: impl AsRef<[u8]> + Send + 'static,
        token: &str,
        see: impl Fn(&EventDocument) + Send + 'static,
    ) -> Result<Report, ReindexError> {
        let analytics = self.analytics;
        let counting = analytics.counting.load();
        let reading = Arc::clone(&counting);
        let read = tokio::task::spawn_blocking(move || read(json.as_ref(), &reading, &see)).await?;
        let (mut report, indices, records) = read.map_err(ReindexError::Body)?;
        let database = &analytics.database;
        database.until_current().await?;
        let mut due = analytics.places_due.lock().await;
        let before = *due;
        let places = analytics.places(&mut due, Some(token)).await;
        let written = database.write(Lock::Alone, places.as_ref(), records, &counting);
        let results = written.await.inspect_err(|_| *due = before)?;
        for (index, result) in indices.into_iter().zip(results) {
            match result {
                Ok(rows) => {
                    report.imported += 1;
                    report.actions += rows.rows.len();
                }
                Err(error) => report.fail(index, error),
            }
        }
        report.failed.sort_by_key(|failed| failed.index);
        let Report {
            imported,
            actions,
            skipped,
            failed,
        } = &report;
        for Failed { index, error } in failed {
            warn!(
                index,
                error, "Document {index} of a reindex cannot be counted: {error}"
            );
        }
        info!(
            imported,
            actions,
            skipped,
            failed = failed.len(),
            "Reindexed {imported} records with {actions} actions"
        );
        Ok(report)
    }
}

impl Report {
    fn fail(&mut self, index: usize, error: impl std::fmt::Display) {
        self.failed.push(Failed {
            index,
            error: error.to_string(),
        });
    }
}

/// The records of a batch to write, with the place of each. Documents are read one after the other, so
/// that only what is counted of them is in memory at once.
fn read(
    json: &[u8],
    counting: &AnalyticsConfig,
    see: &dyn Fn(&EventDocument),
) -> Result<(Report, Vec<usize>, Vec<EventDocument>), serde_json::Error> {
    let documents: Vec<&RawValue> = serde_json::from_slice(json)?;
    let mut report = Report::default();
    let (mut indices, mut records) = (Vec::new(), Vec::new());
    for (index, document) in documents.into_iter().enumerate() {
        match EventDocument::parse(document.get().as_bytes()) {
            Ok(record) => {
                see(&record);
                match counting.marks.reduced(&record) {
                    Some(record) => {
                        indices.push(index);
                        records.push(record);
                    }
                    None => report.skipped += 1,
                }
            }
            Err(error) => report.fail(index, error),
        }
    }
    Ok((report, indices, records))
}
