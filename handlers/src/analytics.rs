// SPDX-License-Identifier: MPL-2.0
//! Statistics: every accepted action as rows in `PostgreSQL`, for dashboards.
//!
//! What may be counted of a record, and no more, waits in the ledger and is written after the answer.
//! A hook's document tells the whole history of its record, and all of it is written each time: what
//! was missed before is mended by the next action. What core accepts later (202) is written when core
//! says so. A reindex brings the records as core keeps them; the same rows come of it.
//!
//! **Invariant:** nothing here has a say in an answer, or delays one.

use crate::core_client::Core;
use crate::core_client::location_lists::LocationLists;
use crate::current::Current;
use crate::delivery::acceptance::Acceptance;
use crate::delivery::ledger::{Claimed, Destination, NewDelivery};
use crate::delivery::outcome::Outcome;
use crate::delivery::transport::Transport;
use crate::fault;
use crate::hooks::{ActionListener, DecidedAction};
use async_trait::async_trait;
use country::analytics_config::AnalyticsConfig;
use opencrvs_toolkit::event_document::EventDocument;
use reqwest::StatusCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::{error, info, warn};

mod database;
mod reindex;
mod rows;

pub use database::{Access, AnalyticsError, Database, RecordError, Url};
pub use reindex::{Failed, ReindexError, Report, Turn};
pub use rows::{Cleared, Row, RowError, Rows, rows};

use database::Lock;

/// Core is asked for its places so often …
const PLACES: Duration = Duration::from_hours(1);
/// … and what did not succeed is tried again after this time.
const AGAIN: Duration = Duration::from_secs(30);

/// The analytics database, and what goes there.
pub struct Analytics {
    database: Database,
    core: Arc<Core>,
    acceptance: Arc<Acceptance>,
    counting: Current<AnalyticsConfig>,
    /// When core is asked for its places again; at once where it was not asked yet.
    places_due: Mutex<Option<Instant>>,
    /// One batch at a time: its size decides how much memory a reindex takes.
    reindexing: Mutex<()>,
}

impl Analytics {
    /// Connects when there is something to write.
    pub fn new(
        url: Url,
        core: Arc<Core>,
        acceptance: Arc<Acceptance>,
        counting: Current<AnalyticsConfig>,
    ) -> Self {
        Self {
            database: Database::at(url),
            core,
            acceptance,
            counting,
            places_due: Mutex::default(),
            reindexing: Mutex::default(),
        }
    }

    /// Keeps tables, figures and places up to date. Never ends.
    pub async fn keep_up(&self) {
        let mut written: Option<Arc<AnalyticsConfig>> = None;
        loop {
            let counting = self.counting.load();
            if !written.as_ref().is_some_and(|w| Arc::ptr_eq(w, &counting)) {
                match self.prepare(&counting).await {
                    Ok(()) => written = Some(counting),
                    Err(error) => warn!(
                        error = &error as &dyn std::error::Error,
                        sqlstate = error.sql_state(),
                        "The analytics database is not ready; next attempt in {} s. If this server may not create its tables, run `countryconfig analytics migrate` with a role that may",
                        AGAIN.as_secs()
                    ),
                }
            }
            if written.is_some() && self.core.may_ask() {
                self.sync_places().await;
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    async fn prepare(&self, counting: &AnalyticsConfig) -> Result<(), AnalyticsError> {
        if !self.database.is_current().await? {
            self.database.migrate().await?;
        }
        self.database.write_figures(&counting.figures).await?;
        info!("The analytics database is ready");
        Ok(())
    }

    async fn sync_places(&self) {
        let mut due = self.places_due.lock().await;
        let Some(places) = self.places(&mut due, None).await else {
            return;
        };
        let counting = self.counting.load();
        let written = self
            .database
            .write(Lock::Shared, Some(&places), vec![], &counting);
        if let Err(error) = written.await {
            not_written(&error);
            *due = Some(Instant::now() + AGAIN);
        }
    }

    /// Core's places, when it is time to ask for them again.
    async fn places(
        &self,
        due: &mut Option<Instant>,
        token: Option<&str>,
    ) -> Option<LocationLists> {
        let now = Instant::now();
        if due.is_some_and(|due| now < due) {
            return None;
        }
        match self.core.location_lists(token).await {
            Ok(places) => {
                *due = Some(now + PLACES);
                Some(places)
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "Could not get locations from core; the analytics database keeps the previous ones"
                );
                *due = Some(now + AGAIN);
                None
            }
        }
    }
}

impl ActionListener for Analytics {
    fn deliveries(&self, told: &DecidedAction<'_>) -> Vec<NewDelivery> {
        let mut record = told.facts.event.clone();
        match told.acceptance() {
            Some(by) => record.actions.push(by),
            None if told.answer.status == 202 && self.core.may_ask() => {}
            None => return vec![],
        }
        let Some(record) = self.counting.load().marks.reduced(&record) else {
            return vec![];
        };
        match serde_json::to_value(&record) {
            Ok(payload) => vec![NewDelivery {
                destination: Destination::ANALYTICS,
                operation: "record".to_owned(),
                path: String::new(),
                payload,
                token: String::new(),
                due_at: told.due_at,
                fallback: None,
            }],
            Err(error) => {
                error!(error = &error as &dyn std::error::Error, event.id = %record.id, "`{}` cannot be counted", record.id);
                vec![]
            }
        }
    }
}

#[async_trait]
impl Transport for Analytics {
    async fn send(&self, delivery: &Claimed) -> Outcome {
        const REFUSED: Outcome = Outcome::Refused(StatusCode::UNPROCESSABLE_ENTITY);
        const DONE: Outcome = Outcome::Delivered(StatusCode::OK);
        let by = match self.acceptance.accepted(delivery).await {
            Ok(by) => by,
            Err(outcome) => return outcome,
        };
        let Ok(mut record) = EventDocument::parse(delivery.payload.as_bytes()) else {
            return REFUSED;
        };
        record.actions.extend(by.map(|by| *by));
        let counting = self.counting.load();
        let Some(record) = counting.marks.reduced(&record) else {
            // The country has changed its mind about this event.
            return DONE;
        };
        let written = self
            .database
            .write(Lock::Shared, None, vec![record], &counting);
        match written.await.map(|mut results| results.pop()) {
            Ok(Some(Err(error))) => {
                let event = &delivery.event_id;
                warn!(error = &error as &dyn std::error::Error, event.id = %event, "`{event}` cannot be counted");
                REFUSED
            }
            Ok(_) => DONE,
            Err(error) => {
                not_written(&error);
                fault::note(self.database.fault(&error));
                if error.is_of_database() {
                    Outcome::Failed(StatusCode::INTERNAL_SERVER_ERROR, None)
                } else {
                    Outcome::Unreachable
                }
            }
        }
    }
}

/// What the database says in words may hold values; its code does not.
fn not_written(error: &AnalyticsError) {
    warn!(
        sqlstate = error.sql_state(),
        "Could not write to the analytics database: {error}"
    );
}
