// SPDX-License-Identifier: MPL-2.0
//! `countryconfig studio`: pages that show a country while it is being written.
//!
//! The folder is watched; a saved file is read and checked, and open pages are loaded again. What is
//! wrong is shown at its line, and the last state without errors stays. **Invariant:** answers that are
//! typed in live in [`Desk`], in memory. Files are written by two buttons only: a changed
//! `eligibility.toml`, and a record kept as a case.

mod case;
mod conditions;
mod desk;
mod forms;
mod generated;
mod impact;
mod model;
mod overview;
mod papers;
mod places;
mod queues;
mod rules;
mod view;
mod watch;

use crate::country::Files;
use crate::pages::{self, Changes, Hosts};
use crate::settings::Settings;
use crate::{country, log};
use anyhow::Context as _;
use arc_swap::{ArcSwap, ArcSwapOption};
use desk::Desk;
use model::{Model, Problem};
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, Response, Route, get, post};
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Options of `countryconfig studio`.
#[derive(clap::Args)]
pub struct Options {
    /// The country's folder; the built-in country, which cannot be changed, when it is left out
    folder: Option<PathBuf>,
    /// Port on this machine; the next free one when it is taken
    #[arg(long, value_name = "PORT", default_value_t = 7070)]
    port: u16,
}

/// What the pages show, and the record on the desk.
pub struct Studio {
    settings: Settings,
    /// The country's folder; none for the built-in country.
    folder: Option<PathBuf>,
    /// The last state without errors; nothing while there was none.
    model: ArcSwapOption<Model>,
    /// What is wrong with the files as they are now, if they have errors.
    trouble: ArcSwap<Vec<Problem>>,
    desk: Mutex<Desk>,
    changes: Changes,
}

/// Serves the studio until the process is told to stop.
///
/// # Errors
/// When no port is free.
pub async fn run(settings: Settings, options: &Options) -> anyhow::Result<()> {
    log::start(&settings);
    let studio = Studio::open(settings, options.folder.clone()).await?;
    studio.watch()?;
    let (listening, note) = pages::listen(options.port).await?;
    let address = listening.address();
    let mut out = std::io::stdout();
    if let Some(note) = note {
        writeln!(out, "{note}")?;
    }
    let what = studio.folder.as_ref().map_or_else(
        || {
            "the built-in country (read only; `countryconfig init DIR` makes a folder of your own)"
                .to_owned()
        },
        |folder| format!("`{}`", folder.display()),
    );
    writeln!(out, "Studio of {what}: http://{address}/")?;
    let pages = studio.endpoint(Hosts::loopback(address));
    let stop = async {
        // Without a handler for it the process ends at once, which is as well.
        drop(tokio::signal::ctrl_c().await);
    };
    listening
        .serve(pages, stop, Duration::from_millis(200))
        .await;
    Ok(())
}

impl Studio {
    /// Reads a country and prepares its pages. Errors in its files are shown by the pages.
    ///
    /// # Errors
    /// When the folder is not there.
    pub async fn open(settings: Settings, folder: Option<PathBuf>) -> anyhow::Result<Arc<Self>> {
        if let Some(folder) = &folder {
            std::fs::read_dir(folder).with_context(|| {
                let folder = folder.display();
                format!("cannot read the folder `{folder}`; `countryconfig init {folder}` makes one to start with")
            })?;
        }
        let country_dir = folder.as_ref().map(|folder| folder.display().to_string());
        let studio = Arc::new(Self {
            settings: Settings {
                country_dir,
                ..settings
            },
            folder,
            model: ArcSwapOption::empty(),
            trouble: ArcSwap::default(),
            desk: Mutex::default(),
            changes: Changes::default(),
        });
        let reading = studio.clone();
        tokio::task::spawn_blocking(move || drop(reading.read())).await?;
        Ok(studio)
    }

    /// Watches the folder, if there is one, as long as the studio is there.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn watch(self: &Arc<Self>) -> anyhow::Result<()> {
        watch::start(self)
    }

    /// The pages, for requests to these hosts.
    pub fn endpoint(self: &Arc<Self>, hosts: Hosts) -> BoxEndpoint<'static, Response> {
        let pages = Route::new()
            .at("/", get(overview::get_overview))
            .at("/view", post(view::post_view))
            .at("/forms", get(forms::get_forms))
            .at("/forms/:event/new", post(forms::post_new))
            .at("/forms/:event/example", post(forms::post_example))
            .at(
                "/forms/:event/record",
                post(forms::post_record).get(forms::get_record),
            )
            .at("/forms/:event/sheet", get(forms::get_sheet))
            .at(
                "/forms/:event/:form/:page",
                get(forms::get_page).post(forms::post_page),
            )
            .at("/rules", get(rules::get_rules).post(rules::post_rules))
            .at("/rules/save", post(rules::post_save))
            .at("/rules/case", post(case::post_case))
            .at("/papers", get(papers::get_papers))
            .at("/papers/certificate/:id", get(papers::get_certificate))
            .at("/papers/letter/:word", get(papers::get_letter))
            .at("/queues", get(queues::get_queues).post(queues::post_queues))
            .at("/places", get(places::get_places))
            .data(self.clone());
        let pages = pages
            .catch_all_error(|error| async move { view::failed(&error) })
            .map_to_response();
        pages::endpoint(pages, self.changes.clone(), hosts)
            .map_to_response()
            .boxed()
    }

    /// Reads and checks the files as they are now, and tells open pages. The number stands for their
    /// content.
    fn read(&self) -> u64 {
        let files = Files::of(self.settings.country_dir.as_deref());
        let fingerprint = files.fingerprint();
        let read = country::checked(&self.settings, files)
            .and_then(|snapshot| Model::of(&self.settings, snapshot));
        let trouble = match read {
            Ok(model) => {
                self.desk().settle(&model);
                self.model.store(Some(Arc::new(model)));
                Vec::new()
            }
            Err(problems) => {
                let files = Files::of(self.settings.country_dir.as_deref());
                Problem::all(problems, &files)
            }
        };
        self.trouble.store(Arc::new(trouble));
        self.changes.tell();
        fingerprint
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
