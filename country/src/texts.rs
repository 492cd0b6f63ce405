// SPDX-License-Identifier: MPL-2.0
//! Texts that people read, and where in the country's files they stand.

use opencrvs_toolkit::message::{Message, message};
use rules::annotated_toml::{Reader, Section};

/// The file name that stands for the program, for texts that are in no file.
pub(super) const IN_PROGRAM: &str = "forms";

/// A text with its place, to look for its translation.
#[derive(Debug, Clone)]
pub struct TextUse {
    /// The text.
    pub message: Message,
    /// The file.
    pub file: String,
    /// Line of the text's id, from 1.
    pub line: usize,
    /// Column of the text's id, from 1.
    pub column: usize,
}

/// Reads `key = { id = "…", text = "…" }`, with a note for translators where the file has none.
pub(super) fn text(
    reader: &mut Reader<'_>,
    section: &Section<'_>,
    key: &str,
    note: impl FnOnce() -> String,
    said: &mut Vec<TextUse>,
) -> Option<Message> {
    if section.item(key).is_none() {
        let message = format!("{}: `{key}` is missing", section.what);
        let hint = format!("{key} = {{ id = \"…\", text = \"…\" }}");
        reader.error(section.span.clone(), message, Some(hint));
    }
    let what = format!("{}: `{key}`", section.what);
    let section = section.section(reader, key, what)?;
    section.only(reader, &["id", "text", "description"]);
    let id = section.required_text(reader, "id")?;
    let text = section.required_text(reader, "text")?;
    for part in [&id, &text] {
        if part.value.trim().is_empty() {
            let message = format!("{} has an empty text", section.what);
            reader.error(part.span.clone(), message, None);
        }
    }
    let description = section.text(reader, "description");
    let description = description.map_or_else(note, |given| given.value.to_owned());
    let message = message(id.value, text.value).describe(description);
    let (line, column) = reader.position(id.span.start);
    said.push(TextUse {
        message: message.clone(),
        file: reader.file().to_owned(),
        line,
        column,
    });
    Some(message)
}
