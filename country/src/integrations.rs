// SPDX-License-Identifier: MPL-2.0
//! `integrations.toml`: the system clients of core that the country needs. Core 2.0.1 and later have them created.

use super::roles::{self, Holder, Known};
use opencrvs_toolkit::core_version::CoreVersion;
use rules::annotated_toml::{Reader, Section, one_of};
use rules::diagnostic::Diagnostic;
use std::collections::BTreeSet;

/// The file. A country without it has no system clients created.
pub(super) const FILE: &str = "integrations.toml";

/// The scopes that this server needs for its own client, and the first version of core that has each.
const OWN_SCOPES: [(&str, CoreVersion); 3] = [
    ("record.read", CoreVersion::V2_0_1),
    ("record.action.accept", CoreVersion::V2_1),
    ("record.action.reject", CoreVersion::V2_1),
];

/// A system client that the country needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedIntegration {
    /// Its name in core.
    pub name: String,
    /// Its scopes, as core reads them.
    pub scopes: Vec<String>,
    /// True if this server is the client.
    pub for_this_server: bool,
}

/// Reads the file.
pub(super) fn parse(
    file: &str,
    text: &str,
    known: &Known<'_>,
    found: &mut Vec<Diagnostic>,
) -> Vec<WantedIntegration> {
    let mut reader = Reader::new(file, text);
    let mut clients: Vec<WantedIntegration> = Vec::new();
    if let Some(document) = reader.document() {
        let root = Section::root(&document);
        root.only(&mut reader, &["integration"]);
        for section in root.required_sections(&mut reader, "integration") {
            let Some(client) = integration(&mut reader, &section, known) else {
                continue;
            };
            if clients.iter().any(|other| other.name == client.name) {
                let message = format!("there is another integration `{}` above", client.name);
                reader.error(section.span.clone(), message, None);
            }
            if client.for_this_server && clients.iter().any(|other| other.for_this_server) {
                let message = format!("{}: another integration above is this server", section.what);
                let hint = "set `for = \"this-server\"` for one of them".to_owned();
                reader.error(section.span.clone(), message, Some(hint));
            }
            clients.push(client);
        }
    }
    found.extend(reader.into_found());
    clients
}

fn integration(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    known: &Known<'_>,
) -> Option<WantedIntegration> {
    section.only(reader, &["name", "for", "scope"]);
    let name = section.required_text(reader, "name");
    // It stands in a setting, in front of `=`, with commas between entries.
    if let Some(name) = name.as_ref().filter(|name| {
        name.value.trim() != name.value
            || name.value.is_empty()
            || name.value.contains(['=', ',', '\n'])
    }) {
        let message = format!(
            "the name `{}` holds a comma or `=`, or begins or ends with a space",
            name.value
        );
        reader.error(name.span.clone(), message, None);
    }
    let holder = ["this-server", "another-program"].map(|word| (word, word == "this-server"));
    let for_this_server = one_of(reader, section, "for", holder);
    let mut scopes = Vec::new();
    for entry in section.sections(reader, "scope") {
        let scope = roles::scopes(
            reader,
            section,
            &entry,
            known,
            &BTreeSet::new(),
            Holder::Client,
        );
        scopes.extend(scope);
    }
    if section.sections(reader, "scope").is_empty() {
        let message = format!("{} may do nothing: it has no scope", section.what);
        let hint = "scope = [ { type = \"record.read\" } ]".to_owned();
        reader.error(section.span.clone(), message, Some(hint));
    }
    let (name, for_this_server) = (name?.value.to_owned(), for_this_server?);
    for (needed, since) in OWN_SCOPES {
        let has = scopes.iter().any(|scope| scope.kind() == needed);
        if for_this_server && known.core >= since && !has {
            let message = format!("{} lacks the scope `{needed}`", section.what);
            let hint = format!(
                "add {{ type = \"{needed}\" }}: this server asks about actions and ends them as this client"
            );
            reader.error(section.span.clone(), message, Some(hint));
        }
    }
    Some(WantedIntegration {
        name,
        scopes: scopes.iter().map(ToString::to_string).collect(),
        for_this_server,
    })
}
