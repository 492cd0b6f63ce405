// SPDX-License-Identifier: MPL-2.0
//! Changed files are read as soon as nobody writes them any more.

use super::Studio;

use anyhow::Context as _;
use notify::{Event, RecursiveMode, Watcher as _};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// Files that are the same after this time are no longer being written.
const SETTLE: Duration = Duration::from_millis(120);
/// The folder is looked at so often even without a sign: network file systems give none.
const LOOK: Duration = Duration::from_secs(2);

/// Watches the country's folder on a thread of its own, while the studio is there.
///
/// # Errors
/// When there is no thread.
pub(super) fn start(studio: &Arc<Studio>) -> anyhow::Result<()> {
    let folders = country::folders(studio.settings.country_dir.as_deref());
    if folders.is_empty() {
        return Ok(());
    }
    let studio = Arc::downgrade(studio);
    let thread = std::thread::Builder::new().name("country".to_owned());
    thread
        .spawn(move || watch(&studio, &folders))
        .context("cannot start a thread to watch the country's folder")?;
    Ok(())
}

fn watch(studio: &Weak<Studio>, folders: &[PathBuf]) {
    let (sign, signs) = sync_channel(1);
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = sign.try_send(());
        }
    });
    // Without signs the folder is looked at every few seconds.
    let _watcher = watcher.and_then(|mut watcher| {
        for folder in folders {
            watcher.watch(folder, RecursiveMode::Recursive)?;
        }
        Ok(watcher)
    });
    let mut read = None;
    loop {
        let found = settled(folders);
        let Some(studio) = studio.upgrade() else {
            return;
        };
        // At first, what was written since the studio was opened.
        if read != Some(found) {
            read = Some(studio.read());
        }
        drop(studio);
        wait(&signs);
    }
}

fn wait(signs: &Receiver<()>) {
    if let Err(RecvTimeoutError::Disconnected) = signs.recv_timeout(LOOK) {
        std::thread::sleep(LOOK);
    }
    while signs.try_recv().is_ok() {}
}

/// The fingerprint of files that nobody writes just now.
fn settled(folders: &[PathBuf]) -> u64 {
    let mut before = country::fingerprint(folders);
    loop {
        std::thread::sleep(SETTLE);
        let now = country::fingerprint(folders);
        if now == before {
            return now;
        }
        before = now;
    }
}
