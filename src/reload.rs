// SPDX-License-Identifier: MPL-2.0
//! Changed files of `COUNTRY_DIR` are taken while the server runs: read and checked completely first,
//! then swapped whole. A fault keeps what is there, and is reported in the log and in `/readyz`.

use crate::country::{self, Files, Snapshot};
use crate::routes::App;
use crate::settings::Settings;
use handlers::diagnostic::{Diagnostic, Severity};
use metrics::counter;
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

/// Files are read so long after the first sign of a change: who saves one often saves several.
const SETTLE: Duration = Duration::from_millis(300);
/// The folder is looked at so often even without a sign: network file systems give none, and a folder
/// that was replaced gives none any more.
const LOOK: Duration = Duration::from_secs(20);

/// Watches the folder, if there is one. Never ends then.
pub async fn watch(app: Arc<App>, settings: Settings) {
    let files = Files::of(settings.country_dir.as_deref());
    if files.folders().next().is_none() {
        return;
    }
    let (told, mut signs) = mpsc::channel(1);
    let mut watcher = watcher(told.clone());
    files
        .folders()
        .for_each(|folder| listen(&mut watcher, folder));
    let mut seen = app.country.load().fingerprint;
    loop {
        tokio::select! {
            _ = signs.recv() => tokio::time::sleep(SETTLE).await,
            () = tokio::time::sleep(LOOK) => {}
        }
        while signs.try_recv().is_ok() {}
        let found = files.fingerprint();
        if found != seen {
            seen = found;
            files
                .folders()
                .for_each(|folder| listen(&mut watcher, folder));
            take(&app, &settings).await;
        }
    }
}

/// The folder is watched, not its files: editors and Kubernetes replace files and links, they do not
/// write into them.
fn watcher(told: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Reading the files is no change. A full channel has the sign already.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = told.try_send(());
        }
    })
}

fn listen(watcher: &mut notify::Result<RecommendedWatcher>, folder: &Path) {
    let listening = match watcher {
        Ok(watcher) => watcher.watch(folder, RecursiveMode::Recursive).err(),
        Err(error) => Some(notify::Error::generic(&error.to_string())),
    };
    if let Some(error) = listening {
        warn!(
            error = &error as &dyn std::error::Error,
            "COUNTRY_DIR cannot be watched; it is looked at every {} s",
            LOOK.as_secs()
        );
    }
}

async fn take(app: &App, settings: &Settings) {
    let settings = settings.clone();
    let loaded = tokio::task::spawn_blocking(move || country::load(&settings)).await;
    match loaded {
        Ok(Ok(country)) => {
            swap(app, country);
            counter!("countryconfig_reloads_total", "outcome" => "taken").increment(1);
        }
        Ok(Err(problems)) => {
            refuse(app, &problems);
            counter!("countryconfig_reloads_total", "outcome" => "refused").increment(1);
        }
        Err(error) => error!(
            error = &error as &dyn std::error::Error,
            "Reading the country's files broke off"
        ),
    }
}

fn swap(app: &App, mut country: Snapshot) {
    for warning in &country.warnings {
        warn!("{warning}");
    }
    country.served.keep(&app.country.load().served);
    app.hooks.policy.store(country.policy.clone());
    if let Some(analytics) = &app.analytics {
        analytics.count(Arc::new(country.counting()));
    }
    app.telling.users.post.voice.store(country.voice.clone());
    let country = Arc::new(country);
    app.country.store(country.clone());
    std::thread::spawn(move || country.served.compress());
    app.refused_change.store(None);
    info!("The country's files have changed; the new ones are used");
}

fn refuse(app: &App, problems: &[Diagnostic]) {
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
    error!("The country's files have changed and have errors; those before the change are used");
    app.refused_change.store(Some(Arc::new(why)));
}
