// SPDX-License-Identifier: MPL-2.0
//! Changed files of `COUNTRY_DIR` are taken while the server runs: once nobody writes them any more, they
//! are checked completely, held against their own cases, and swapped whole. A fault keeps what is there, and
//! is reported in the log and in `/readyz`. Everything that touches the folder happens on a thread of its own:
//! the server answers even when the folder does not.

use crate::blob::ServedCountry;
use crate::routes::App;
use crate::settings::Settings;
use country::{Files, Snapshot};
use metrics::counter;
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher};
use rules::diagnostic::{Diagnostic, Severity};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

/// What is found twice, so long after each other, is no longer being written.
const SETTLE: Duration = Duration::from_secs(1);
/// Who changes files for so many looks in a row will not stop soon.
const RESTLESS: usize = 60;
/// The folder is looked at so often even without a sign: network file systems give none, and a folder
/// that was replaced gives none any more.
const LOOK: Duration = Duration::from_secs(20);
/// Without a look for so long, the folder's file system does not answer. Reading a country ends sooner.
const PATIENCE: Duration = Duration::from_secs(150);

/// What a look at the folder came to.
enum Look {
    /// All is as it was.
    AsBefore,
    /// A country to be used from now on.
    Changed(Box<Snapshot>),
    /// What is wrong with the changed files.
    Refused(Vec<Diagnostic>),
}

/// Watches the folder, if there is one. Never ends then.
pub async fn watch(app: Arc<App>, settings: Settings) {
    let folders = country::folders(settings.country_files.dirs.as_deref());
    if folders.is_empty() {
        return;
    }
    // What stands in `/readyz` about the files that were found last.
    let mut standing = at_start(&app);
    app.refused_change.store(standing.clone());
    let (tell, mut told) = mpsc::channel(1);
    let seen = app.country.load().fingerprint;
    let watching = Watching {
        folders,
        settings,
        seen,
    };
    let thread = std::thread::Builder::new().name("country".to_owned());
    let watching = thread.spawn(move || watching.run(&tell));
    if let Err(error) = watching {
        error!(
            error = &error as &dyn std::error::Error,
            "Could not start the thread that watches COUNTRY_DIR: changes are loaded at the next start"
        );
    }
    let mut answers = true;
    loop {
        match tokio::time::timeout(PATIENCE, told.recv()).await {
            Ok(Some(look)) => {
                standing = match look {
                    Look::AsBefore => standing,
                    Look::Changed(country) => {
                        swap(&app, *country);
                        counter!("countryconfig_reloads_total", "outcome" => "taken").increment(1);
                        None
                    }
                    Look::Refused(problems) => {
                        counter!("countryconfig_reloads_total", "outcome" => "refused")
                            .increment(1);
                        Some(refuse(&problems))
                    }
                };
                answers = true;
                app.refused_change.store(standing.clone());
            }
            Err(_) if answers => {
                answers = false;
                let why = "COUNTRY_DIR does not answer: its changes are not seen, and the files from before are used";
                error!("{why}");
                app.refused_change.store(Some(Arc::new(why.to_owned())));
            }
            Err(_) => {}
            // Only a panic ends the thread.
            Ok(None) => {
                let why = "COUNTRY_DIR is no longer watched: changes are loaded at the next start";
                error!("{why}");
                app.refused_change.store(Some(Arc::new(why.to_owned())));
                return;
            }
        }
    }
}

/// Cases that the rules do not meet although the server has started with them: it must answer core, and
/// says so.
fn at_start(app: &App) -> Option<Arc<String>> {
    let problems = app.country.load().failing_cases();
    for problem in &problems {
        error!("{problem}");
    }
    let first = problems.first()?;
    let number = match problems.len() {
        1 => "1 case is".to_owned(),
        n => format!("{n} cases are"),
    };
    error!(
        "{number} decided otherwise than eligibility.tests.toml expects: rules or cases are wrong. Hooks are answered by these rules all the same, as core asks only once"
    );
    let why = format!("in use, although {number} decided otherwise, the first: {first}");
    Some(Arc::new(why))
}

/// The thread's side.
struct Watching {
    folders: Vec<PathBuf>,
    settings: Settings,
    /// The fingerprint of the files that were judged last.
    seen: u64,
}

impl Watching {
    /// Tells each look until nobody listens.
    fn run(mut self, tell: &mpsc::Sender<Look>) {
        let (sign, signs) = sync_channel(1);
        let mut watcher = watcher(sign);
        self.listen(&mut watcher);
        loop {
            match signs.recv_timeout(LOOK) {
                // Without a watcher there are no signs.
                Err(RecvTimeoutError::Disconnected) => std::thread::sleep(LOOK),
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
            }
            while signs.try_recv().is_ok() {}
            let look = self.look();
            if !matches!(look, Look::AsBefore) {
                self.listen(&mut watcher);
            }
            if tell.blocking_send(look).is_err() {
                return;
            }
        }
    }

    fn look(&mut self) -> Look {
        let mut found = country::fingerprint(&self.folders);
        for _ in 0..RESTLESS {
            if found == self.seen {
                return Look::AsBefore;
            }
            std::thread::sleep(SETTLE);
            let files = Files::of(self.settings.country_files.dirs.as_deref());
            if files.fingerprint() == found {
                self.seen = found;
                return match country::change(&self.settings.country(), files) {
                    Ok(country) => Look::Changed(Box::new(country)),
                    Err(problems) => Look::Refused(problems),
                };
            }
            found = files.fingerprint();
        }
        let folder = self
            .folders
            .first()
            .map(|folder| folder.display().to_string());
        let message = "files in it change all the time; they are read when they rest for a second";
        Look::Refused(vec![Diagnostic::of_file(
            folder.unwrap_or_default(),
            message,
        )])
    }

    /// The folder is watched, not its files: editors and Kubernetes replace files and links, they do not
    /// write into them.
    fn listen(&self, watcher: &mut notify::Result<RecommendedWatcher>) {
        for folder in &self.folders {
            listen(watcher, folder);
        }
    }
}

fn watcher(sign: SyncSender<()>) -> notify::Result<RecommendedWatcher> {
    let tell = move |event: notify::Result<Event>| {
        // Reading the files is no change. A full channel has the sign already.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = sign.try_send(());
        }
    };
    // Links may lead in a circle, or all over the machine.
    RecommendedWatcher::new(tell, Config::default().with_follow_symlinks(false))
}

fn listen(watcher: &mut notify::Result<RecommendedWatcher>, folder: &Path) {
    // The folder itself may be a link.
    let folder = folder.canonicalize().unwrap_or(folder.to_owned());
    let listening = match watcher {
        Ok(watcher) => watcher.watch(&folder, RecursiveMode::Recursive).err(),
        Err(error) => Some(notify::Error::generic(&error.to_string())),
    };
    if let Some(error) = listening {
        warn!(
            error = &error as &dyn std::error::Error,
            "COUNTRY_DIR cannot be watched; it is read every {} s",
            LOOK.as_secs()
        );
    }
}

fn swap(app: &App, country: Snapshot) {
    for warning in &country.warnings {
        warn!("{warning}");
    }
    let sms = &app.notifications.users.sender.sms;
    let mut country = ServedCountry::new(country, sms);
    country.keep(&app.country.load());
    let country = Arc::new(country);
    app.country.store(country.clone());
    compress_later(&country);
    info!("The country's files have changed; the new files are in use");
}

/// Compresses what is served, once the start is over: hooks come first. Content that is asked for before
/// is compressed when it is asked for. A country that is replaced by then is not compressed.
pub(crate) fn compress_later(country: &Arc<ServedCountry>) {
    const WAIT: Duration = Duration::from_secs(10);
    let country = Arc::downgrade(country);
    std::thread::spawn(move || {
        std::thread::sleep(WAIT);
        if let Some(country) = country.upgrade() {
            country.compress();
        }
    });
}

/// Says why changed files are not used, in the log and in a line.
fn refuse(problems: &[Diagnostic]) -> Arc<String> {
    let errors = || {
        problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
    };
    for problem in errors() {
        error!("{problem}");
    }
    let first = errors().next().map(ToString::to_string).unwrap_or_default();
    let why = format!(
        "a change is not used for {} errors, the first: {first}",
        errors().count()
    );
    error!("The country's files have changed and have errors; the old files stay in use");
    Arc::new(why)
}
