// SPDX-License-Identifier: MPL-2.0
//! Rewrites the files of a country for a later version of core, as far as that is mechanical. Comments, order and
//! layout stay as they are.

use super::scopes::{OF_ADMINISTRATORS, UNARCHIVE, removed_by};
use super::{files, integrations};
use opencrvs_toolkit::core_version::CoreVersion;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, TableLike, Value, value};

/// A file in its new form.
pub struct Rewritten {
    /// The file.
    pub path: PathBuf,
    /// Its content.
    pub text: String,
    /// The changes, one line each.
    pub changes: Vec<String>,
}

/// The reason why a file cannot be rewritten.
#[derive(Debug, thiserror::Error)]
pub enum UpgradeError {
    /// It cannot be read or written.
    #[error("`{0}` cannot be read or written")]
    File(PathBuf, #[source] io::Error),
    /// It is not TOML.
    #[error("`{0}` is not TOML; `countryconfig check` shows the place")]
    Toml(PathBuf, #[source] toml_edit::TomlError),
}

/// Changes a file, and says what is different.
type Step = fn(&mut DocumentMut, CoreVersion) -> Vec<String>;

/// The files of a folder that are different for a version of core. Nothing is written.
///
/// # Errors
/// See [`UpgradeError`].
pub fn upgrade(folder: &Path, to: CoreVersion) -> Result<Vec<Rewritten>, UpgradeError> {
    let mut rewritten = Vec::new();
    let steps = [
        ("roles.toml", roles as Step),
        ("workqueues.toml", workqueues),
    ];
    for (file, change) in steps {
        let path = folder.join(file);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(UpgradeError::File(path, error)),
        };
        let document: Result<DocumentMut, _> = text.parse();
        let mut document = document.map_err(|error| UpgradeError::Toml(path.clone(), error))?;
        let changes = change(&mut document, to);
        if !changes.is_empty() {
            rewritten.push(Rewritten {
                path,
                text: document.to_string(),
                changes,
            });
        }
    }
    let path = folder.join(integrations::FILE);
    if to >= CoreVersion::V2_0_1 && folder.join("roles.toml").exists() && !path.exists() {
        rewritten.extend(files::built_in(integrations::FILE).map(|text| Rewritten {
            path,
            text,
            changes: vec!["new: the system clients that core creates".to_owned()],
        }));
    }
    Ok(rewritten)
}

impl Rewritten {
    /// Puts the new file in the place of the old one, or none of it.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn write(&self) -> Result<(), UpgradeError> {
        let beside = self.path.with_extension("toml.new");
        let written = fs::write(&beside, &self.text).and_then(|()| fs::rename(&beside, &self.path));
        written.map_err(|error| UpgradeError::File(self.path.clone(), error))
    }
}

fn roles(document: &mut DocumentMut, to: CoreVersion) -> Vec<String> {
    let mut changes = Vec::new();
    if to < CoreVersion::V2_1 {
        return changes;
    }
    let has = |document: &DocumentMut, kind: &str| {
        let roles = document.get("role").and_then(Item::as_array_of_tables);
        let mut roles = roles.into_iter().flatten();
        roles.any(|role| {
            role.get("scope")
                .is_some_and(|scopes| kinds(scopes).contains(&kind))
        })
    };
    let lacking: Vec<_> = OF_ADMINISTRATORS
        .into_iter()
        .filter(|kind| !has(document, kind))
        .collect();
    let unarchive = !has(document, UNARCHIVE);
    let mut lacking = Some(lacking);
    let roles = document
        .get_mut("role")
        .and_then(Item::as_array_of_tables_mut);
    for role in roles.into_iter().flat_map(ArrayOfTables::iter_mut) {
        let id = text_of(role, "id");
        let Some(scopes) = role.get_mut("scope") else {
            continue;
        };
        for kind in removed_by(to) {
            if kinds(scopes).contains(&kind) {
                remove(scopes, kind);
                changes.push(format!("role `{id}`: removed the scope {kind}"));
            }
        }
        let mut add = |scopes: &mut Item, like: &str, kind: &str, limited: bool| {
            repeat(scopes, like, kind, limited);
            changes.push(format!("role `{id}`: added the scope {kind}"));
        };
        if unarchive && kinds(scopes).contains(&"record.archive") {
            add(scopes, "record.archive", UNARCHIVE, true);
        }
        if kinds(scopes).contains(&"config.update-all") {
            // Each is put directly behind the other scope.
            for kind in lacking.take().into_iter().flatten().rev() {
                add(scopes, "config.update-all", kind, false);
            }
        }
    }
    changes
}

/// The types of the scopes of a role.
fn kinds(scopes: &Item) -> Vec<&str> {
    fn kind(scope: &dyn TableLike) -> Option<&str> {
        scope.get("type")?.as_str()
    }
    match scopes {
        Item::ArrayOfTables(tables) => tables.iter().filter_map(|table| kind(table)).collect(),
        Item::Value(Value::Array(list)) => list
            .iter()
            .filter_map(|scope| kind(scope.as_inline_table()?))
            .collect(),
        _ => Vec::new(),
    }
}

fn text_of(table: &dyn TableLike, key: &str) -> String {
    let text = table.get(key).and_then(Item::as_str);
    text.unwrap_or_default().to_owned()
}

fn is_of(scope: &dyn TableLike, kind: &str) -> bool {
    scope.get("type").and_then(Item::as_str) == Some(kind)
}

fn remove(scopes: &mut Item, kind: &str) {
    match scopes {
        Item::ArrayOfTables(tables) => tables.retain(|table| !is_of(table, kind)),
        Item::Value(Value::Array(list)) => {
            list.retain(|scope| {
                !scope
                    .as_inline_table()
                    .is_some_and(|scope| is_of(scope, kind))
            });
        }
        _ => {}
    }
}

/// Adds a scope behind each of another type, laid out like it and with the same limits.
fn repeat(scopes: &mut Item, like: &str, kind: &str, limited: bool) {
    match scopes {
        Item::ArrayOfTables(tables) => repeat_tables(tables, like, kind, limited),
        Item::Value(Value::Array(list)) => repeat_values(list, like, kind, limited),
        _ => {}
    }
}

fn repeat_tables(tables: &mut ArrayOfTables, like: &str, kind: &str, limited: bool) {
    let of_kind: Vec<_> = tables
        .iter()
        .filter(|table| is_of(*table, like))
        .cloned()
        .collect();
    for mut table in of_kind {
        table.retain(|key, _| limited || key == "type");
        table.insert("type", value(kind));
        table.decor_mut().clear();
        tables.push(table);
    }
}

fn repeat_values(list: &mut Array, like: &str, kind: &str, limited: bool) {
    let mut at = 0;
    while let Some(scope) = list.get(at) {
        at += 1;
        let Some(scope) = scope.as_inline_table().filter(|scope| is_of(*scope, like)) else {
            continue;
        };
        let mut copy: InlineTable = scope.clone();
        copy.retain(|key, _| limited || key == "type");
        if let Some(old) = copy.get_mut("type") {
            let decor = old.decor().clone();
            *old = kind.into();
            *old.decor_mut() = decor;
        }
        // A comment in front of the one is not repeated in front of the other.
        let prefix = copy.decor().prefix().and_then(|prefix| prefix.as_str());
        let indent = prefix.and_then(|prefix| prefix.rfind('\n').and_then(|at| prefix.get(at..)));
        let indent = indent.unwrap_or(" ").to_owned();
        copy.decor_mut().set_prefix(indent);
        copy.decor_mut().set_suffix("");
        list.insert_formatted(at, copy.into());
        at += 1;
    }
}

/// Core 2.2 has the status NOTIFIED in place of the flag `incomplete`.
fn workqueues(document: &mut DocumentMut, to: CoreVersion) -> Vec<String> {
    const FLAGS: &str = "with-any-flag";
    let mut changes = Vec::new();
    if to < CoreVersion::V2_2 {
        return changes;
    }
    let queues = document
        .get_mut("workqueue")
        .and_then(Item::as_array_of_tables_mut);
    for queue in queues.into_iter().flat_map(ArrayOfTables::iter_mut) {
        let slug = text_of(queue, "slug");
        let records = queue
            .get_mut("records")
            .and_then(Item::as_array_of_tables_mut);
        for clause in records.into_iter().flat_map(ArrayOfTables::iter_mut) {
            let flags = clause.get(FLAGS).and_then(Item::as_array);
            let is_incomplete = flags.is_some_and(|flags| {
                flags.len() == 1 && flags.iter().all(|flag| flag.as_str() == Some("incomplete"))
            });
            if is_incomplete && clause.get("status").is_none() {
                clause.remove(FLAGS);
                clause.insert("status", value("NOTIFIED"));
                changes.push(format!(
                    "workqueue `{slug}`: status NOTIFIED in place of the flag incomplete"
                ));
            }
        }
    }
    changes
}
