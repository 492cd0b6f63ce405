// SPDX-License-Identifier: MPL-2.0
//! Finds faults in the drawing around the expressions of a template.

use super::template::{Position, Source, at};
use regex::Regex;
use roxmltree::{Attribute, Document, Node, ParsingOptions};
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Around a part, which is a piece of a drawing.
const OPEN: &str =
    r#"<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">"#;

/// Attributes that name a picture or another element.
const LINK: &str = "href";

/// A character that XML writes as an entity.
static ENTITY: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"&(?:quot|apos|lt|gt|amp|nbsp|#[0-9]+|#x[0-9a-fA-F]+);").ok());
static ID: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"\bid\s*=\s*["']([^"']*)["']"#).ok());
static URL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"url\(\s*["']?#([^"')]+)["']?\s*\)"#).ok());

/// Parses a drawing. A DOCTYPE may stand before it.
///
/// # Errors
/// When it is not well-formed.
pub(super) fn parse(svg: &str) -> Result<Document<'_>, roxmltree::Error> {
    let options = ParsingOptions {
        allow_dtd: true,
        ..ParsingOptions::default()
    };
    Document::parse_with_options(svg, options)
}

/// Finds escapes that a drawing program writes into expressions, where it takes them for text.
pub(super) fn escaped(source: &Source) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (start, expression) in expressions(&source.text) {
        let entity = ENTITY.as_ref().and_then(|entity| entity.find(expression));
        if let Some(entity) = entity
            && !is_enough(&found, Severity::Error)
        {
            let place = position(&source.text, start + entity.start());
            let message = format!(
                "an expression holds `{}`, as a drawing program writes it: core's client does not read it",
                entity.as_str()
            );
            let hint = "write '…' around texts and a plain `>`, in a text editor";
            found.push(at(&source.file, place, message, Some(hint.to_owned())));
        }
    }
    if let Some(start) = source.text.find("<!ENTITY") {
        let message = "core's PDF maker cannot read a drawing that defines entities".to_owned();
        let hint = "remove the DOCTYPE, and write the addresses of the namespaces in full";
        let place = position(&source.text, start);
        found.push(at(&source.file, place, message, Some(hint.to_owned())));
    }
    found
}

/// The ids of elements of a drawing, and of its parts.
pub(super) fn ids<'s>(sources: impl Iterator<Item = &'s Source>) -> BTreeSet<&'s str> {
    let in_source = |source: &'s Source| {
        let ids = ID.as_ref().map(|id| id.captures_iter(&source.text));
        ids.into_iter().flatten().filter_map(|found| found.get(1))
    };
    sources.flat_map(in_source).map(|id| id.as_str()).collect()
}

/// The fonts and ids that the drawing of one file may use.
pub(super) struct Resources<'r> {
    /// Fonts that the certificate brings along.
    pub(super) families: &'r [&'r str],
    /// Ids of elements, of other files too.
    pub(super) ids: &'r BTreeSet<&'r str>,
}

/// Finds XML that is not well-formed, and parts that do not reach the PDF. Checked twice, with the first
/// branch of every block and with the second.
pub(super) fn problems(source: &Source, resources: &Resources<'_>) -> Vec<Diagnostic> {
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
        match parse(text.trim_end()) {
            Err(error) => {
                let pos = error.pos();
                let message = format!("this is not well-formed XML: {}", without_place(&error));
                found.push(at(&source.file, place(pos.row, pos.col), message, None));
            }
            Ok(drawing) => {
                let mut look = Look {
                    source,
                    resources,
                    drawing: &drawing,
                    place: &place,
                    found: &mut found,
                };
                drawing.descendants().for_each(|node| look.element(node));
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

/// Looks at the elements of a drawing.
struct Look<'l, 'd> {
    source: &'l Source,
    resources: &'l Resources<'l>,
    drawing: &'l Document<'d>,
    place: &'l dyn Fn(u32, u32) -> Position,
    found: &'l mut Vec<Diagnostic>,
}

impl Look<'_, '_> {
    fn element(&mut self, node: Node<'_, '_>) {
        let (name, start) = (node.tag_name().name(), node.range().start);
        if name == "script" {
            let message = "core's client prints no scripts".to_owned();
            self.error(start, message, "remove the <script>");
        }
        if name == "style" {
            let css: String = node.children().filter_map(|child| child.text()).collect();
            self.style_sheet(start, &css);
        }
        for attribute in node.attributes() {
            self.attribute(node, attribute);
        }
    }

    fn attribute(&mut self, node: Node<'_, '_>, attribute: Attribute<'_, '_>) {
        let (name, value) = (attribute.name(), attribute.value().trim());
        let start = attribute.range().start;
        match name {
            "width" | "height" if node.parent_element().is_none() => self.size(start, name, value),
            "font-family" => self.families(start, value),
            "style" => self.declarations(start, value),
            LINK if node.tag_name().name() == "image" => self.picture(start, value),
            LINK => {
                if let Some(id) = value.strip_prefix('#') {
                    self.reference(start, id);
                } else if value.to_lowercase().starts_with("javascript:") {
                    self.error(
                        start,
                        "core's client prints no scripts".to_owned(),
                        "remove it",
                    );
                }
            }
            event if event.starts_with("on") && event.len() > 2 => {
                let message = format!("`{event}` is a script, and core's client prints none");
                self.error(start, message, "remove the attribute");
            }
            "filter" => self.warning(start, "core's PDF maker draws no filters".to_owned(), None),
            _ => {}
        }
        for reference in URL
            .as_ref()
            .into_iter()
            .flat_map(|url| url.captures_iter(value))
        {
            if let Some(id) = reference.get(1) {
                self.reference(start, id.as_str());
            }
        }
    }

    /// Core reads a page in whole points.
    fn size(&mut self, start: usize, name: &str, value: &str) {
        let is_whole = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
        if !is_whole && !value.is_empty() {
            let points: String = value.chars().take_while(char::is_ascii_digit).collect();
            let points = if points.is_empty() {
                "no".to_owned()
            } else {
                points
            };
            let message = format!(
                "core reads the {name} of a page as a whole number of points: `{value}` is {points} points"
            );
            self.error(start, message, "an A4 page is 595 by 842");
        }
    }

    /// Core fetches a picture only by some addresses, and prints without it where it cannot.
    fn picture(&mut self, start: usize, value: &str) {
        if value.is_empty() || value.starts_with("data:") {
            return;
        }
        if value.starts_with("http://") || value.starts_with("https://") {
            let message = format!("`{value}` is printed only where that host is reachable");
            let hint = "serve it yourself: put it in static/, as /api/countryconfig/static/…";
            self.warning(start, message, Some(hint.to_owned()));
        } else if !value.starts_with('/') {
            let message = format!("core's client does not fetch `{value}`, and prints without it");
            let hint = "an address begins with http://, https:// or /; or write the picture as a data: URL";
            self.error(start, message, hint);
        }
    }

    fn reference(&mut self, start: usize, id: &str) {
        // Blank stands for an expression.
        let known = &self.resources.ids;
        if id.contains(' ') || known.contains(id) || known.iter().any(|known| known.contains("{{"))
        {
            return;
        }
        let message = format!("there is no element with the id `{id}`");
        let hint = did_you_mean(id, known.iter().copied());
        self.error(
            start,
            message,
            &hint.unwrap_or_else(|| "it would not be drawn".to_owned()),
        );
    }

    /// A style sheet, of which the PDF maker knows simple rules only.
    fn style_sheet(&mut self, start: usize, css: &str) {
        for rule in css.split('}') {
            let Some((selectors, declarations)) = rule.split_once('{') else {
                continue;
            };
            let simple = |selector: &str| {
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-.#*".contains(c);
                selector.trim().chars().all(plain)
            };
            if let Some(other) = selectors.split(',').find(|selector| !simple(selector)) {
                let other = other.trim();
                let message = format!("core's PDF maker does not read the rule `{other}`");
                let hint = "it knows rules of an element, a class or an id; or use attributes";
                self.warning(start, message, Some(hint.to_owned()));
            }
            self.declarations(start, declarations);
        }
    }

    fn declarations(&mut self, start: usize, css: &str) {
        for declaration in css.split(';') {
            let Some((name, value)) = declaration.split_once(':') else {
                continue;
            };
            match name.trim() {
                "font-family" => self.families(start, value),
                "font" => self.families(start, after_size(value)),
                _ => {}
            }
        }
    }

    /// Of a list, the first family that the certificate brings along is printed; of none, its first font.
    fn families(&mut self, start: usize, list: &str) {
        let families = list
            .split(',')
            .map(|family| family.trim().trim_matches(['"', '\'']));
        let used: Vec<&str> = families.filter(|family| !family.is_empty()).collect();
        let known = self.resources.families;
        // Without any, the fault is where the certificate lists its fonts.
        if known.is_empty() || used.is_empty() || used.iter().any(|family| known.contains(family)) {
            return;
        }
        let message = format!("the certificate has no font `{}`", used.join(", "));
        if let [family] = used.as_slice() {
            let hint = did_you_mean(family, known.iter().copied());
            let hint = hint.unwrap_or_else(|| format!("it has {}", known.join(", ")));
            self.error(start, message, &hint);
        } else {
            let hint = known
                .first()
                .map(|first| format!("it is printed in {first}"));
            self.warning(start, message, hint);
        }
    }

    fn error(&mut self, start: usize, message: String, hint: &str) {
        self.report(Severity::Error, start, message, Some(hint.to_owned()));
    }

    fn warning(&mut self, start: usize, message: String, hint: Option<String>) {
        self.report(Severity::Warning, start, message, hint);
    }

    fn report(&mut self, severity: Severity, start: usize, message: String, hint: Option<String>) {
        if is_enough(self.found, severity) {
            return;
        }
        let pos = self.drawing.text_pos_at(start);
        let place = (self.place)(pos.row, pos.col);
        self.found.push(Diagnostic {
            severity,
            ..at(&self.source.file, place, message, hint)
        });
    }
}

/// The families of a `font:` in CSS, which stand behind the size.
fn after_size(value: &str) -> &str {
    let value = value.trim();
    let is_size = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let is_weight = |word: &str| word.len() == 3 && word.parse::<u16>().is_ok();
    let size = value
        .split_whitespace()
        .find(|word| is_size(word) && !is_weight(word));
    let families = size.and_then(|size| value.split_once(size));
    families.map_or("", |(_, families)| families.trim())
}

/// A piece of a template.
enum Piece<'t> {
    Drawing(&'t str),
    Expression(&'t str),
}

fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let start = rest.find("{{").unwrap_or(rest.len());
        if start > 0 {
            let (drawing, after) = rest.split_at_checked(start)?;
            rest = after;
            return Some(Piece::Drawing(drawing));
        }
        let end = if rest.starts_with("{{!--") {
            "--}}"
        } else {
            "}}"
        };
        let length = rest.find(end).map_or(rest.len(), |found| found + end.len());
        // `{{{ … }}}`
        let third = rest.get(length..).is_some_and(|rest| rest.starts_with('}'));
        let (expression, after) = rest.split_at_checked(length + usize::from(third))?;
        rest = after;
        Some(Piece::Expression(expression))
    })
}

/// The expressions that are not comments, with their places.
fn expressions(text: &str) -> impl Iterator<Item = (usize, &str)> {
    pieces(text)
        .scan(0, |end, piece| {
            let start = *end;
            let (Piece::Drawing(piece_text) | Piece::Expression(piece_text)) = piece;
            *end += piece_text.len();
            Some((start, piece))
        })
        .filter_map(|(start, piece)| match piece {
            Piece::Expression(text) if !text.starts_with("{{!") => Some((start, text)),
            _ => None,
        })
}

/// The text with blanks in place of the expressions and of all branches of blocks but the wanted one, so that
/// everything else keeps its place.
fn masked(text: &str, wanted: usize) -> String {
    let mut masked = String::with_capacity(text.len());
    // The branch in which we are, for each block around.
    let mut branches: Vec<usize> = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Drawing(drawing) => {
                if branches.iter().all(|branch| *branch == wanted) {
                    masked.push_str(drawing);
                } else {
                    blank(drawing, &mut masked);
                }
            }
            Piece::Expression(expression) => {
                let inside = expression.trim_start_matches('{').trim_start_matches('~');
                let inside = inside.trim_start();
                if inside.starts_with('#') {
                    branches.push(0);
                } else if inside.starts_with('/') {
                    branches.pop();
                } else if (inside.starts_with("else") || inside.starts_with('^'))
                    && let Some(branch) = branches.last_mut()
                {
                    *branch += 1;
                }
                blank(expression, &mut masked);
            }
        }
    }
    // An XML declaration must come first, and comments were before it.
    if masked.trim_start().starts_with("<?xml")
        && let Some((declaration, rest)) = masked.split_once("?>")
    {
        let mut without = String::with_capacity(masked.len());
        blank(declaration, &mut without);
        return without + "  " + rest;
    }
    masked
}

fn blank(text: &str, masked: &mut String) {
    masked.extend(text.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
}
