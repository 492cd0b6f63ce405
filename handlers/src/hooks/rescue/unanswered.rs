// SPDX-License-Identifier: MPL-2.0
//! Hooks without an answer: under way now, or lost because the process was killed, the caller
//! disconnected or the ledger was not reachable. They are kept in a file on local disk, which outlives
//! the process; those that stay unanswered go from there into the ledger.
//!
//! Each hook is a line, each decision and each answer another. A separate thread writes them, so that a
//! hanging disk does not delay a hook. Nothing is synchronised to the disk, so a crash of the machine, unlike that of the
//! process, may lose the last lines; core's own search and database then show those hooks.

use jiff::Timestamp;
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId};
use opencrvs_toolkit::hook_action::HookAction;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError, mpsc};
use tracing::warn;

/// A file beyond this size is rewritten with the hooks that are still unanswered.
const LONG: u64 = 1024 * 1024;
/// The maximum number of processes that keep their files side by side.
const FILES: usize = 32;

/// A hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Asked {
    /// The record.
    pub event_id: EventId,
    /// The action that core asks about.
    pub action_id: ActionId,
    /// `birth`, `death` …
    pub event_type: String,
    /// `REGISTER` …
    pub action_type: String,
    /// When it came.
    pub at: Timestamp,
    /// Not a hook: a reindex has shown that it waits.
    #[serde(default)]
    pub is_shown: bool,
    /// It was decided, but its caller went away before the answer.
    #[serde(default)]
    pub is_decided: bool,
}

type Key = (EventId, ActionId);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Asked(Asked),
    Answered(EventId, ActionId),
}

/// See the module.
pub struct Unanswered {
    open: Mutex<HashMap<Key, Asked>>,
    lines: Option<mpsc::Sender<Line>>,
}

impl Unanswered {
    /// Stores hooks in this file, or in one beside it if another process uses it, and takes over the hooks
    /// of processes that have ended. Without a file, in memory only.
    pub fn at(path: Option<&Path>) -> Self {
        let mut open = HashMap::new();
        let mut own: Option<File> = None;
        for path in path
            .iter()
            .flat_map(|path| (0..FILES).map(|n| numbered(path, n)))
        {
            if own.is_some() && !path.exists() {
                continue;
            }
            match locked(&path) {
                Ok(Some(file)) => {
                    let left = read(&file);
                    if let Some(own) = &mut own {
                        // Only what stands in the own file may leave the other.
                        if append(own, left.values()).is_ok() {
                            drop(file.set_len(0));
                        }
                    } else {
                        own = Some(file);
                    }
                    open.extend(left);
                }
                Ok(None) => {}
                Err(error) => {
                    warn!(error = &error as &dyn std::error::Error, path = %path.display(), "Unanswered hooks are kept in memory only: their file cannot be used (UNANSWERED_HOOKS_FILE)");
                    break;
                }
            }
        }
        let lines = own.and_then(|file| {
            let (sender, receiver) = mpsc::channel();
            let known = open.clone();
            let thread = std::thread::Builder::new().name("unanswered hooks".to_owned());
            let started = thread.spawn(move || write(file, known, &receiver));
            started.is_ok().then_some(sender)
        });
        Self {
            open: Mutex::new(open),
            lines,
        }
    }

    /// A hook has come. One that was decided before stays decided.
    pub fn asked(&self, mut hook: Asked) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (hook.event_id.clone(), hook.action_id.clone());
        hook.is_decided |= open.get(&key).is_some_and(|known| known.is_decided);
        self.note(Line::Asked(hook.clone()));
        open.insert(key, hook);
    }

    /// Remembers the pending actions of a record that core has sent with a reindex. A later check tells
    /// whether they do wait.
    pub fn shown(&self, record: &EventDocument) {
        for pending in record.history().pending_actions() {
            let kind = pending.action_type.as_str();
            let created_at = pending.created_at.as_deref().and_then(|at| at.parse().ok());
            let is_asked = HookAction::of(kind).is_some();
            let known = self.is_open(&record.id, &pending.id);
            if let (Some(at), true, false) = (created_at, is_asked, known) {
                self.asked(Asked {
                    event_id: record.id.clone(),
                    action_id: pending.id.clone(),
                    event_type: record.event_type.clone(),
                    action_type: kind.to_owned(),
                    at,
                    is_shown: true,
                    is_decided: false,
                });
            }
        }
    }

    /// There is a decision about a hook; whether its caller still waits is not known.
    pub fn decided(&self, event: &EventId, action: &ActionId) {
        let hook = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.get(&(event.clone(), action.clone())).cloned()
        };
        if let Some(hook) = hook {
            self.asked(Asked {
                is_decided: true,
                ..hook
            });
        }
    }

    fn is_open(&self, event: &EventId, action: &ActionId) -> bool {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.contains_key(&(event.clone(), action.clone()))
    }

    /// Its answer is on its way, or it need not be remembered here any more.
    pub fn answered(&self, event: &EventId, action: &ActionId) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.remove(&(event.clone(), action.clone())).is_some() {
            self.note(Line::Answered(event.clone(), action.clone()));
        }
    }

    /// Those that came before a moment.
    pub fn before(&self, moment: Timestamp) -> Vec<Asked> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.values()
            .filter(|hook| hook.at < moment)
            .cloned()
            .collect()
    }

    fn note(&self, line: Line) {
        if let Some(lines) = &self.lines {
            // Without its thread there is memory.
            drop(lines.send(line));
        }
    }
}

fn numbered(path: &Path, n: usize) -> PathBuf {
    if n == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

/// The file, for this process alone; nothing where another has it.
fn locked(path: &Path) -> std::io::Result<Option<File>> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(error),
    }
}

/// The hooks without an answer in a file. A truncated line is ignored.
fn read(file: &File) -> HashMap<Key, Asked> {
    let mut open = HashMap::new();
    for line in BufReader::new(file).lines().map_while(Result::ok) {
        take(&mut open, serde_json::from_str(&line).ok());
    }
    open
}

fn take(open: &mut HashMap<Key, Asked>, line: Option<Line>) {
    match line {
        Some(Line::Asked(hook)) => {
            open.insert((hook.event_id.clone(), hook.action_id.clone()), hook);
        }
        Some(Line::Answered(event, action)) => drop(open.remove(&(event, action))),
        None => {}
    }
}

fn append<'a>(file: &mut File, hooks: impl Iterator<Item = &'a Asked>) -> std::io::Result<()> {
    let lines = hooks.filter_map(|hook| serde_json::to_string(&Line::Asked(hook.clone())).ok());
    let text: String = lines.flat_map(|line| [line, "\n".to_owned()]).collect();
    file.write_all(text.as_bytes())
}

/// Writes lines until nobody sends any. Those that have come meanwhile are written at once: a call of the
/// system for each would cost more than the hook.
fn write(mut file: File, mut open: HashMap<Key, Asked>, lines: &mpsc::Receiver<Line>) {
    let mut is_told = false;
    let mut length = file.metadata().map_or(0, |file| file.len());
    while let Ok(first) = lines.recv() {
        let mut text = String::new();
        for line in std::iter::once(first).chain(lines.try_iter()) {
            text += &serde_json::to_string(&line).unwrap_or_default();
            text.push('\n');
            take(&mut open, Some(line));
        }
        let mut written = file.write_all(text.as_bytes());
        length += text.len() as u64;
        // Not for every line where much is unanswered.
        if length > LONG.max(open.len() as u64 * 1000) {
            written = file
                .set_len(0)
                .and_then(|()| append(&mut file, open.values()));
            length = file.metadata().map_or(0, |file| file.len());
        }
        if let Err(error) = written
            && !std::mem::replace(&mut is_told, true)
        {
            warn!(
                error = &error as &dyn std::error::Error,
                "Could not write the file of unanswered hooks (UNANSWERED_HOOKS_FILE)"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hook(n: u32) -> Asked {
        Asked {
            event_id: EventId::new(format!("e{n}")),
            action_id: ActionId::new("a"),
            event_type: "birth".into(),
            action_type: "REGISTER".into(),
            at: Timestamp::UNIX_EPOCH,
            is_shown: false,
            is_decided: false,
        }
    }

    fn open(hooks: &Unanswered) -> Vec<Asked> {
        let mut open = hooks.before(Timestamp::MAX);
        open.sort_by(|a, b| a.event_id.cmp(&b.event_id));
        open
    }

    #[test]
    fn what_was_not_answered_is_known_to_the_next_process_and_to_one_of_them_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/unanswered.jsonl");
        let first = Unanswered::at(Some(&path));
        for n in 0..10_000 {
            first.asked(hook(n));
            if n % 5000 != 3 {
                first.answered(&hook(n).event_id, &hook(n).action_id);
            }
        }
        // Beside a process that runs, another has a file of its own.
        let beside = Unanswered::at(Some(&path));
        assert_eq!(open(&beside), []);
        beside.asked(hook(99_999));
        let expected = [hook(3), hook(5003)];
        assert_eq!(open(&first), expected);
        drop((first, beside));
        let all = [hook(3), hook(5003), hook(99_999)];
        let mut next = Unanswered::at(Some(&path));
        for _ in 0..100 {
            if open(&next) == all {
                break;
            }
            // The threads of the first two end a little later.
            drop(next);
            std::thread::sleep(std::time::Duration::from_millis(20));
            next = Unanswered::at(Some(&path));
        }
        assert_eq!(open(&next), all);
        assert!(std::fs::metadata(&path).unwrap().len() < 2 * LONG);
    }

    #[test]
    fn a_line_that_was_cut_off_or_is_nonsense_hides_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("unanswered.jsonl");
        let good = serde_json::to_string(&Line::Asked(hook(1))).unwrap();
        std::fs::write(&path, format!("{{\"asked\"\n{good}\n[]\n{}", &good[..20])).unwrap();
        assert_eq!(open(&Unanswered::at(Some(&path))), [hook(1)]);
    }
}
