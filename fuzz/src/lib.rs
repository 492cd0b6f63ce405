// SPDX-License-Identifier: MPL-2.0
//! What the fuzz targets share: seeds from the project's own files, a record to decide about, and bounds.

use country::FormIndex;
use countryconfig::sandbox::sample_birth;
use countryconfig::settings::Settings;
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::event_document::EventDocument;
use rules::diagnostic::Diagnostic;
use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

/// No input may take longer, also with sanitizers and beside other work.
const LONGEST: Duration = Duration::from_secs(10);

/// The settings as they are when nothing is set.
pub static SETTINGS: LazyLock<Settings> =
    LazyLock::new(|| Settings::load(None, std::iter::empty()).expect("the defaults are good"));

/// The events of the sample country.
pub static EVENTS: LazyLock<Vec<Event>> = LazyLock::new(|| country::events(&SETTINGS.country()).list);

/// What files of the country may name of the forms.
pub static FORMS: LazyLock<FormIndex> = LazyLock::new(|| FormIndex::of(&EVENTS));

/// A birth that waits for its registration.
pub static BIRTH: LazyLock<EventDocument> = LazyLock::new(|| {
    let json = sample_birth("event", "action", "verified");
    EventDocument::try_from(json).expect("the sample is an event document")
});

/// The folder of the sample country.
pub fn sample_country() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../country/data")
}

/// A text of the sample country.
pub fn text(file: &str) -> String {
    let path = sample_country().join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files of a folder of the sample country, in order.
pub fn files(folder: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sample_country().join(folder)).expect("the folder is there");
    let paths: BTreeSet<_> = entries
        .map(|entry| entry.expect("it is read").path())
        .collect();
    paths.into_iter().filter(|path| path.is_file()).collect()
}

/// Writes inputs to begin with to the corpus of a target; where they are already, nothing changes.
pub fn seed<T: AsRef<[u8]>>(target: &str, seeds: impl IntoIterator<Item = T>) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(target);
    std::fs::create_dir_all(&folder).expect("the corpus has a folder");
    for (n, seed) in seeds.into_iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{n:04}")), seed).expect("a seed is written");
    }
}

/// Works in bounded processor time: other work on the machine does not count.
pub fn in_time<T>(work: impl FnOnce() -> T) -> T {
    let time = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default();
    let started = time();
    let done = work();
    let took = time() - started;
    assert!(took < LONGEST, "this took {took:?}");
    done
}

/// Faults must be where an editor can go.
pub fn assert_places(text: &str, found: &[Diagnostic]) {
    let lines = text.split('\n').count() + 1;
    for fault in found {
        assert!(
            (1..=lines).contains(&fault.line),
            "{lines} lines: {fault:?}"
        );
        assert!((1..=text.len() + 1).contains(&fault.column), "{fault:?}");
        assert!(!fault.message.is_empty(), "{fault:?}");
    }
}

/// The texts of an input of several files, which a line of `=` divides.
pub fn divided(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n====\n")
}
