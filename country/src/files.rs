// SPDX-License-Identifier: MPL-2.0
//! The files of the country. A folder is read as a whole, once: the files that were read are checked and then
//! served, even if the folder changes meanwhile.

use rules::diagnostic::Diagnostic;
use rust_embed::RustEmbed;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;
use std::sync::{Mutex, PoisonError};

#[derive(RustEmbed)]
#[folder = "data/"]
struct Embedded;

/// The word of `COUNTRY_DIR` for the sample country inside the program.
pub const BUILT_IN: &str = "built-in";

/// The largest file, in bytes; larger than the map of any country.
const LARGEST_FILE: u64 = 32 * MIB;
/// The largest size of all files of a folder together, in bytes.
const LARGEST_FOLDER: u64 = 256 * MIB;
const MIB: u64 = 1024 * 1024;
/// The most files and folders below one folder: a circle of links has no end.
const MOST_ENTRIES: usize = 10_000;
/// The most levels of folders.
const DEEPEST: usize = 16;

/// The folders that the files come from: a file in a later layer replaces that in an earlier one.
pub struct Files {
    layers: Vec<Layer>,
    fingerprint: u64,
    /// The file that was asked for last.
    asked: Mutex<String>,
}

enum Layer {
    /// The sample country inside the program.
    Embedded,
    /// A folder, as it was when it was read.
    Folder(PathBuf, BTreeMap<String, Entry>),
}

/// The entry at a path of a folder.
#[derive(Hash)]
enum Entry {
    File(Vec<u8>),
    Folder,
    /// The reason why it cannot be read.
    Unreadable(String),
}

impl Layer {
    fn find(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>, &str> {
        match self {
            Self::Embedded => Ok(Embedded::get(file).map(|found| found.data)),
            Self::Folder(_, entries) => match entries.get(file) {
                Some(Entry::File(bytes)) => Ok(Some(bytes.clone().into())),
                Some(Entry::Folder) => Err("it is a folder, not a file"),
                Some(Entry::Unreadable(why)) => Err(why),
                None => Ok(None),
            },
        }
    }

    fn has(&self, file: &str) -> bool {
        match self {
            Self::Embedded => Embedded::get(file).is_some(),
            Self::Folder(_, entries) => entries.contains_key(file),
        }
    }

    fn name_of(&self, file: &str) -> String {
        match self {
            Self::Embedded => format!("country/data/{file}"),
            Self::Folder(folder, _) => folder.join(file).display().to_string(),
        }
    }

    fn list(&self, below: &str, found: &mut BTreeSet<String>) {
        let is_below = |file: &str| !file.is_empty() && Path::new(file).starts_with(below);
        match self {
            Self::Embedded => found.extend(
                Embedded::iter()
                    .filter(|file| is_below(file))
                    .map(Cow::into_owned),
            ),
            Self::Folder(_, entries) => {
                let files = entries
                    .iter()
                    .filter(|(file, entry)| is_below(file) && !matches!(entry, Entry::Folder));
                found.extend(files.map(|(file, _)| file.clone()));
            }
        }
    }
}

/// The text of a file of the sample country.
pub(super) fn built_in(file: &str) -> Option<String> {
    let found = Embedded::get(file)?;
    String::from_utf8(found.data.into_owned()).ok()
}

/// The folders of `COUNTRY_DIR`, to watch them for changes.
pub fn folders(country_dir: Option<&str>) -> Vec<PathBuf> {
    let words = country_dir.unwrap_or(BUILT_IN).split(':');
    let folders = words.filter(|word| *word != BUILT_IN);
    folders.map(PathBuf::from).collect()
}

/// A number that changes when the content of a file does. Hidden files do not belong to the country: editors
/// and Kubernetes keep their own there.
pub fn fingerprint(folders: &[PathBuf]) -> u64 {
    let mut all = DefaultHasher::new();
    for folder in folders {
        walk(folder, |_, _| {}).hash(&mut all);
    }
    all.finish()
}

impl Files {
    /// Reads the folders of `COUNTRY_DIR`; the sample country where it is not set.
    pub fn of(country_dir: Option<&str>) -> Self {
        let mut all = DefaultHasher::new();
        let mut layer = |word: &str| {
            if word == BUILT_IN {
                return Layer::Embedded;
            }
            let (folder, mut entries) = (PathBuf::from(word), BTreeMap::new());
            walk(&folder, |path, entry| drop(entries.insert(path, entry))).hash(&mut all);
            Layer::Folder(folder, entries)
        };
        let words = country_dir.unwrap_or(BUILT_IN).split(':');
        Self {
            layers: words.map(&mut layer).collect(),
            fingerprint: all.finish(),
            asked: Mutex::default(),
        }
    }

    /// The number that [`fingerprint`] gives for folders with this content.
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The name of the file that was asked for last: the one at which reading stopped.
    pub(super) fn asked(&self) -> String {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        self.name_of(&asked)
    }

    /// The name of a file in messages.
    pub fn name_of(&self, file: &str) -> String {
        let layers = || self.layers.iter().rev();
        let layer = layers()
            .find(|layer| layer.has(file))
            .or_else(|| layers().next());
        layer.map_or_else(String::new, |layer| layer.name_of(file))
    }

    /// Returns true if a file is the program's own, below folders of the country. `name` is its name in messages.
    pub(super) fn is_built_in_below(&self, name: &str) -> bool {
        let is_folder = |layer: &&Layer| matches!(layer, Layer::Folder(..));
        let mut folders = self.layers.iter().filter(is_folder).peekable();
        folders.peek().is_some() && !folders.any(|layer| name.starts_with(&layer.name_of("")))
    }

    /// Returns true if several layers have a file each, and one has both.
    pub(super) fn has_both(&self, one: &str, other: &str) -> bool {
        let mut layers = self.layers.iter();
        layers.any(|layer| layer.has(one) && layer.has(other))
    }

    /// The fault in a folder as a whole.
    pub(super) fn problem(&self) -> Option<Diagnostic> {
        self.layers.iter().find_map(|layer| match layer {
            Layer::Folder(folder, entries) => match entries.get("") {
                Some(Entry::Unreadable(why)) => Some(Diagnostic {
                    hint: Some(
                        "COUNTRY_DIR names it; `countryconfig init DIR` makes one to start with"
                            .to_owned(),
                    ),
                    ..Diagnostic::of_file(folder.display().to_string(), why)
                }),
                _ => None,
            },
            Layer::Embedded => None,
        })
    }

    /// The files below a folder (`""` for all), by path from the country's root, sorted.
    pub fn list(&self, below: &str) -> Vec<String> {
        let mut found = BTreeSet::new();
        self.layers
            .iter()
            .for_each(|layer| layer.list(below, &mut found));
        found.into_iter().collect()
    }

    /// The content of a file, by path from the country's root; nothing where there is none.
    ///
    /// # Errors
    /// When it is there but cannot be read.
    pub fn find(&self, file: &str) -> Result<Option<Cow<'static, [u8]>>, Diagnostic> {
        file.clone_into(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        for layer in self.layers.iter().rev() {
            match layer.find(file) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(why) => return Err(self.unreadable(file, why)),
            }
        }
        Ok(None)
    }

    /// The content of a file that must be there.
    ///
    /// # Errors
    /// When it is not, or cannot be read.
    pub fn bytes(&self, file: &str) -> Result<Cow<'static, [u8]>, Diagnostic> {
        let found = self.find(file)?;
        found.ok_or_else(|| self.unreadable(file, "there is no such file"))
    }

    /// The text of a file that must be there.
    ///
    /// # Errors
    /// When it is not, cannot be read, or is not UTF-8.
    pub fn text(&self, file: &str) -> Result<String, Diagnostic> {
        String::from_utf8(self.bytes(file)?.into_owned())
            .map_err(|error| not_utf8(&self.name_of(file), &error))
    }

    /// The text of a file by the name that it has in messages.
    pub fn text_by_name(&self, name: &str) -> Option<String> {
        let mut layers = self.layers.iter();
        let found = layers.find_map(|layer| {
            let file = name.strip_prefix(&layer.name_of(""))?;
            layer.find(file).ok().flatten()
        });
        match found {
            Some(bytes) => String::from_utf8(bytes.into_owned()).ok(),
            None => text_at(Path::new(name)).ok(),
        }
    }

    /// The text of a file in each layer that has it, with its name there, the first layer first.
    pub(super) fn in_layers(&self, file: &str) -> Vec<(String, Result<String, Diagnostic>)> {
        file.clone_into(&mut self.asked.lock().unwrap_or_else(PoisonError::into_inner));
        let found = self.layers.iter().filter_map(|layer| {
            let name = layer.name_of(file);
            let text = match layer.find(file) {
                Ok(None) => return None,
                Ok(Some(bytes)) => {
                    String::from_utf8(bytes.into_owned()).map_err(|error| not_utf8(&name, &error))
                }
                Err(why) => {
                    let why = format!("the file cannot be read: {why}");
                    Err(Diagnostic::of_file(&name, why))
                }
            };
            Some((name, text))
        });
        found.collect()
    }

    fn unreadable(&self, file: &str, why: &str) -> Diagnostic {
        Diagnostic {
            hint: Some("take the file of the sample country as a start".to_owned()),
            ..Diagnostic::of_file(
                self.name_of(file),
                format!("the file cannot be read: {why}"),
            )
        }
    }
}

/// The fault of a file that is not UTF-8, at the first line that is not.
fn not_utf8(name: &str, error: &FromUtf8Error) -> Diagnostic {
    let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
    let lines = before
        .unwrap_or_default()
        .iter()
        .filter(|byte| **byte == b'\n');
    let hint = if Path::new(name)
        .extension()
        .is_some_and(|kind| kind == "csv")
    {
        "save it as \"CSV UTF-8\" in the spreadsheet program"
    } else {
        "save it with the encoding UTF-8"
    };
    Diagnostic {
        line: lines.count() + 1,
        hint: Some(hint.to_owned()),
        ..Diagnostic::of_file(name, "the file is not UTF-8 text")
    }
}

/// The text of a file outside the country's folder.
///
/// # Errors
/// The reason why it cannot be read.
pub(super) fn text_at(path: &Path) -> Result<String, String> {
    let bytes = read(path, LARGEST_FILE)?;
    String::from_utf8(bytes)
        .map_err(|_| "it is not UTF-8 text; save it with the encoding UTF-8".to_owned())
}

/// Visits everything below a folder, always in the same order, and gives its fingerprint. A fault of the
/// folder itself has the path `""`.
fn walk(folder: &Path, visit: impl FnMut(String, Entry)) -> u64 {
    let mut walk = Walk {
        visit,
        hasher: DefaultHasher::new(),
        entries: 0,
        room: LARGEST_FOLDER,
    };
    if let Err(why) = walk.folder(folder, "", 0) {
        walk.tell(String::new(), Entry::Unreadable(why));
    }
    walk.hasher.finish()
}

struct Walk<V> {
    visit: V,
    hasher: DefaultHasher,
    entries: usize,
    /// In bytes.
    room: u64,
}

impl<V: FnMut(String, Entry)> Walk<V> {
    fn folder(&mut self, folder: &Path, below: &str, depth: usize) -> Result<(), String> {
        let mut names = Vec::new();
        let listed = fs::read_dir(folder).map_err(|error| match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => "there is no such folder".to_owned(),
            _ => error.to_string(),
        })?;
        for entry in listed {
            let entry = entry.map_err(|error| error.to_string())?;
            self.entries += 1;
            if self.entries > MOST_ENTRIES || depth > DEEPEST {
                return Err(format!(
                    "there are too many files in it: more than {MOST_ENTRIES}, or folders more than {DEEPEST} deep; does a link lead back?"
                ));
            }
            let name = entry.file_name().into_string();
            names.extend(name.ok().filter(|name| !name.starts_with('.')));
        }
        names.sort_unstable();
        for name in names {
            let (path, file) = (
                folder.join(&name),
                match below {
                    "" => name,
                    below => format!("{below}/{name}"),
                },
            );
            // Kubernetes mounts files as links: what they point at counts.
            match fs::metadata(&path) {
                Ok(found) if found.is_dir() => {
                    self.tell(file.clone(), Entry::Folder);
                    match self.folder(&path, &file, depth + 1) {
                        Err(why) if self.entries > MOST_ENTRIES || depth >= DEEPEST => {
                            return Err(why);
                        }
                        Err(why) => self.tell(file, Entry::Unreadable(why)),
                        Ok(()) => {}
                    }
                }
                Ok(_) => {
                    let entry = read(&path, LARGEST_FILE.min(self.room));
                    self.tell(file, entry.map_or_else(Entry::Unreadable, Entry::File));
                }
                Err(error) => self.tell(file, Entry::Unreadable(error.to_string())),
            }
        }
        Ok(())
    }

    fn tell(&mut self, file: String, entry: Entry) {
        if let Entry::File(bytes) = &entry {
            self.room = self.room.saturating_sub(bytes.len() as u64);
        }
        (&file, &entry).hash(&mut self.hasher);
        (self.visit)(file, entry);
    }
}

/// The content of a regular file of at most `room` bytes. Opening a pipe waits for a writer, so the type is
/// checked before opening; and again afterwards, as the file may have been replaced.
fn read(path: &Path, room: u64) -> Result<Vec<u8>, String> {
    let words = |error: std::io::Error| error.to_string();
    let too_large = || {
        format!(
            "it is larger than {} MiB, or with all others than {} MiB",
            LARGEST_FILE / MIB,
            LARGEST_FOLDER / MIB
        )
    };
    regular(&fs::metadata(path).map_err(words)?)?;
    let file = open(path).map_err(words)?;
    let found = file.metadata().map_err(words)?;
    regular(&found)?;
    if found.len() > room {
        return Err(too_large());
    }
    let mut bytes = Vec::new();
    let read = file.take(room + 1).read_to_end(&mut bytes).map_err(words)?;
    if read as u64 > room {
        return Err(too_large());
    }
    Ok(bytes)
}

#[cfg(unix)]
fn open(path: &Path) -> std::io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let at_once = rustix::fs::OFlags::NONBLOCK.bits();
    let flags = i32::try_from(at_once).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

fn regular(found: &Metadata) -> Result<(), String> {
    if found.is_file() {
        return Ok(());
    }
    Err(format!("it is {}, not a regular file", kind(found)))
}

#[cfg(unix)]
fn kind(found: &Metadata) -> &'static str {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = found.file_type();
    if kind.is_fifo() {
        "a named pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_dir() {
        "a folder"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn kind(_: &Metadata) -> &'static str {
    "something else"
}

/// The files that a country needs of its own; everything else can come from the sample country.
const MINIMAL: [&str; 6] = [
    "README.md",
    "application.toml",
    "administrative-areas.csv",
    "locations.csv",
    "statistics.csv",
    "users.csv",
];

/// Also the map and the logo, which belong to the areas and to the name of the country.
fn is_minimal(file: &str) -> bool {
    MINIMAL.contains(&file) || file == "map.geojson" || file.starts_with("logo.")
}

/// Writes the country that is built in to a folder that is empty or not there, as a start for one's own.
///
/// # Errors
/// When something is in the folder already, or it cannot be written to.
pub fn init(folder: &Path) -> std::io::Result<usize> {
    write_country(folder, |_| true)
}

/// Writes only what a country must have of its own.
///
/// # Errors
/// As [`init`].
pub fn init_minimal(folder: &Path) -> std::io::Result<usize> {
    write_country(folder, is_minimal)
}

fn write_country(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> std::io::Result<usize> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(std::io::Error::new(
            ErrorKind::AlreadyExists,
            "there is something in it already",
        ));
    }
    let mut files = Files::of(None).list("");
    files.retain(|file| is_wanted(file));
    for file in &files {
        let (path, content) = (folder.join(file), Embedded::get(file));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(
            path,
            content.map(|content| content.data).unwrap_or_default(),
        )?;
    }
    Ok(files.len())
}
