// SPDX-License-Identifier: MPL-2.0
//! Finds faults in a template as a whole: in its expressions, its comparisons and its drawing.

use super::readable::Readable;
use super::template::{Source, Template};
use super::{comparison, drawing};
use rules::diagnostic::Diagnostic;

/// Finds everything that core's client would fail on, or leave blank. `families` are the fonts that the
/// certificate brings along.
pub(super) fn problems(
    template: &Template,
    readable: &Readable,
    families: &[&str],
) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = template.sources().flat_map(drawing::escaped).collect();
    if !found.is_empty() {
        // All else would follow from it.
        return found;
    }
    found.extend(template.faults().cloned());
    if let Some(problem) = template.too_much() {
        // Filling it in would not come to an end.
        found.push(problem);
        return found;
    }
    found.extend(template.expressions(readable));
    found.extend(comparison::problems(template, template.source(), readable));
    let ids = drawing::ids(template.sources());
    let resources = drawing::Resources {
        families,
        ids: &ids,
    };
    // The drawing of a template that cannot be compiled is not known.
    let compiled = |source: &&Source| source.handlebars().is_some();
    for source in template.sources().filter(compiled) {
        found.extend(drawing::problems(source, &resources));
    }
    found.sort_by(|a, b| {
        let key = |d: &Diagnostic| (d.file.clone(), d.line, d.column, d.message.clone());
        key(a).cmp(&key(b))
    });
    found.dedup();
    found
}
