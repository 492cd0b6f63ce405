// SPDX-License-Identifier: MPL-2.0
//! What is wrong with the drawing around the expressions of a template.

use super::template::{Source, at};
use handlers::diagnostic::{Diagnostic, did_you_mean};
use std::ops::Range;

/// Around a part, which is a piece of a drawing.
const OPEN: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">"#;

/// XML that is not well-formed, and fonts that are not brought along. Looked at twice, with the first branch
/// of every block and with the second.
pub(super) fn problems(source: &Source, families: &[&str]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for branch in [0, 1] {
        let masked = masked(&source.text, branch);
        // A part is a piece of a drawing.
        let complete = masked.contains("<svg");
        let (open, close) = if complete { ("", "") } else { (OPEN, "</svg>") };
        let text = format!("{open}{masked}{close}");
        let place = |line: u32, column: u32| {
            let (line, column) = (line as usize, column as usize);
            let before = if line == 1 { open.len() } else { 0 };
            (line, column.saturating_sub(before).max(1))
        };
        match roxmltree::Document::parse(text.trim_end()) {
            Err(error) => {
                let pos = error.pos();
                let message = format!("this is no well-formed XML: {}", without_place(&error));
                found.push(at(&source.file, place(pos.row, pos.col), message, None));
            }
            Ok(drawing) => {
                for (family, range) in used_families(&drawing) {
                    // Without any, the fault is where the certificate lists its fonts.
                    if families.is_empty() || families.contains(&family) {
                        continue;
                    }
                    let pos = drawing.text_pos_at(range.start);
                    let message = format!("the certificate has no font `{family}`");
                    let hint = did_you_mean(family, families.iter().copied())
                        .unwrap_or_else(|| format!("it has {}", families.join(", ")));
                    found.push(at(
                        &source.file,
                        place(pos.row, pos.col),
                        message,
                        Some(hint),
                    ));
                }
            }
        }
    }
    found
}

/// The message of the parser, which ends with the place.
fn without_place(error: &roxmltree::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at ")
        .map_or(text.as_str(), |(message, _)| message)
        .to_owned()
}

/// The families that a drawing names, with the bytes where it does.
fn used_families<'d>(
    drawing: &'d roxmltree::Document<'_>,
) -> impl Iterator<Item = (&'d str, Range<usize>)> {
    let attributes = drawing.descendants().flat_map(|node| node.attributes());
    attributes
        .filter_map(|attribute| {
            let value = attribute.value();
            let families = match attribute.name() {
                "font-family" => Some(value),
                "style" => value.split(';').find_map(|rule| {
                    let (name, value) = rule.split_once(':')?;
                    (name.trim() == "font-family").then_some(value)
                }),
                _ => None,
            };
            Some((families?, attribute.range()))
        })
        .flat_map(|(families, range)| families.split(',').map(move |f| (f, range.clone())))
        .map(|(family, range)| (family.trim().trim_matches(['"', '\'']), range))
        .filter(|(family, _)| !family.is_empty())
}

/// The text with blanks in place of the expressions and of all branches of blocks but the wanted one, so that
/// everything else keeps its place.
fn masked(text: &str, wanted: usize) -> String {
    let mut masked = String::with_capacity(text.len());
    // The branch in which we are, for each block around.
    let mut branches: Vec<usize> = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let start = rest.find("{{").unwrap_or(rest.len());
        let (literal, tag) = rest.split_at(start);
        if branches.iter().all(|branch| *branch == wanted) {
            masked.push_str(literal);
        } else {
            blank(literal, &mut masked);
        }
        let end = if tag.starts_with("{{!--") {
            "--}}"
        } else {
            "}}"
        };
        let length = tag.find(end).map_or(tag.len(), |found| found + end.len());
        // `{{{ … }}}`
        let length =
            length + usize::from(tag.get(length..).is_some_and(|rest| rest.starts_with('}')));
        let (tag, after) = tag.split_at_checked(length).unwrap_or((tag, ""));
        let inside = tag
            .trim_start_matches('{')
            .trim_start_matches('~')
            .trim_start();
        if inside.starts_with('#') {
            branches.push(0);
        } else if inside.starts_with('/') {
            branches.pop();
        } else if (inside.starts_with("else") || inside.starts_with('^'))
            && let Some(branch) = branches.last_mut()
        {
            *branch += 1;
        }
        blank(tag, &mut masked);
        rest = after;
    }
    masked
}

fn blank(text: &str, masked: &mut String) {
    masked.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
}
