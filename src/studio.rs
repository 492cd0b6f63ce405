// SPDX-License-Identifier: MPL-2.0
//! `countryconfig studio`: pages that show a country while it is being written.
//!
//! The folder is watched; a saved file is read and checked, and open pages are loaded again. What is
//! wrong is shown at its line, and the last state without errors stays. **Invariant:** answers that are
//! typed in live in [`Desk`], in memory. Files are written by two buttons only: a changed
//! `eligibility.toml`, and a record kept as a case.

mod case;
mod conditions;
mod decision;
mod desk;
mod forms;
mod generated;
mod impact;
mod model;
mod overview;
mod papers;
mod places;
mod problems;
mod queues;
mod view;
mod watch;

use crate::log;
use crate::pages::{self, Changes, Hosts};
use crate::settings::Settings;
use anyhow::Context as _;
use arc_swap::{ArcSwap, ArcSwapOption};
use country::{CountrySettings, Files};
use desk::Desk;
use model::Model;
use poem::endpoint::BoxEndpoint;
use poem::{EndpointExt, Response, Route, get, post};
use problems::Problem;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Options of `countryconfig studio`.
#[derive(clap::Args)]
pub struct Options {
    /// The country's folder, or `built-in:DIR` for one with changes only; default: `COUNTRY_DIR`, or the
    /// built-in country, which cannot be changed
    #[arg(value_name = "DIR")]
    country: Option<String>,
    /// Port on this machine; the next free one if it is taken
    #[arg(long, value_name = "PORT", default_value_t = 7070)]
    port: u16,
}

/// What the pages show, and the record on the desk.
pub struct Studio {
    settings: CountrySettings,
    /// The folder that files are written to; none for the built-in country.
    folder: Option<PathBuf>,
    /// The last state that can be served; nothing while there was none.
    model: ArcSwapOption<Model>,
    trouble: ArcSwap<Trouble>,
    desk: Mutex<Desk>,
    changes: Changes,
}

/// Errors in the files as they are now.
#[derive(Default)]
struct Trouble {
    problems: Vec<Problem>,
    /// The files cannot be served: the pages show an earlier state of them.
    stale: bool,
}

/// Serves the studio until the process is told to stop.
///
/// # Errors
/// When no port is free.
pub async fn run(settings: Settings, options: &Options) -> anyhow::Result<()> {
    log::start(&settings);
    let studio = Studio::open(settings.country(), options.country.as_deref()).await?;
    studio.watch()?;
    let (listening, note) = pages::listen(options.port).await?;
    let address = listening.address();
    let mut out = std::io::stdout();
    if let Some(note) = note {
        writeln!(out, "{note}")?;
    }
    let what = match &studio.settings.country_dir {
        Some(dir) => format!("`{dir}`"),
        None => {
            "the built-in country (read only; `countryconfig init DIR` makes a folder of your own)"
                .to_owned()
        }
    };
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
    /// Reads a country and prepares its pages. `country` is a value for `COUNTRY_DIR`, and takes the place of
    /// that setting. Errors in the files are shown by the pages.
    ///
    /// # Errors
    /// When a folder is not there, or is not a country.
    pub async fn open(
        settings: CountrySettings,
        country: Option<&str>,
    ) -> anyhow::Result<Arc<Self>> {
        let country_dir = country.map(str::to_owned).or(settings.country_dir.clone());
        let folders = country::folders(country_dir.as_deref());
        for folder in &folders {
            let name = folder.display();
            std::fs::read_dir(folder).with_context(|| {
                format!("cannot read the folder `{name}`; `countryconfig init {name}` makes one to start with")
            })?;
        }
        if let [folder] = folders.as_slice()
            && country_dir.as_deref().map(Path::new) == Some(folder.as_path())
            && !folder.join("application.toml").exists()
        {
            let folder = folder.display();
            anyhow::bail!(
                "`{folder}` has no application.toml; if it has only changes, open `built-in:{folder}`"
            );
        }
        let studio = Arc::new(Self {
            settings: CountrySettings {
                country_dir,
                ..settings
            },
            folder: folders.last().cloned(),
            model: ArcSwapOption::empty(),
            trouble: ArcSwap::default(),
            desk: Mutex::default(),
            changes: Changes::default(),
        });
        let reading = studio.clone();
        tokio::task::spawn_blocking(move || {
            reading.read();
        })
        .await?;
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
            .at(
                "/rules",
                get(decision::get_rules).post(decision::post_rules),
            )
            .at("/rules/save", post(decision::post_save))
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
        let settings = &self.settings;
        let files = || Files::of(settings.country_dir.as_deref());
        let read = files();
        let fingerprint = read.fingerprint();
        let (problems, snapshot) = match country::checked(settings, read) {
            Ok(snapshot) => (Vec::new(), Ok(snapshot)),
            // Cases that are not met keep nobody from looking at the rules.
            Err(problems) => (problems, country::load(settings)),
        };
        let mut trouble = Trouble {
            problems: Problem::all(problems, &files()),
            stale: false,
        };
        match snapshot.and_then(|snapshot| Model::of(settings, snapshot)) {
            Ok(model) => {
                self.desk().settle(&model);
                self.model.store(Some(Arc::new(model)));
            }
            Err(problems) => {
                trouble.stale = true;
                if trouble.problems.is_empty() {
                    trouble.problems = Problem::all(problems, &files());
                }
            }
        }
        self.trouble.store(Arc::new(trouble));
        self.changes.tell();
        fingerprint
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
