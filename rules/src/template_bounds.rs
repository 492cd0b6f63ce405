// SPDX-License-Identifier: MPL-2.0
//! Limits of a country's templates: their size, their depth, the number of calls of parts, and the number of
//! nested loops. Handlebars itself has no limits: a circle of parts overflows the stack, and ten parts that
//! call each other ten times never come to an end.

use crate::annotated_toml::position;
use handlebars::Template;
use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use std::collections::HashMap;

/// The largest template, in bytes; drawings contain pictures.
const LARGEST: usize = 4 * 1024 * 1024;
/// The deepest nesting of blocks, branches of `{{else if}}`, parts and helpers. Anything less deep is filled
/// in on the small stack of a server's thread.
const DEEPEST: usize = 64;
/// The largest number of expressions times bytes: Handlebars counts the lines before each expression.
const MOST_WORK: usize = 1 << 31;
/// The most calls of parts, counted as often as they are filled in.
const MOST_PARTS: usize = 2_000;
/// The deepest nesting of loops, across parts.
const MOST_LOOPS: usize = 3;
/// The longest text that a template and its parts may write of themselves, in bytes.
pub const LONGEST: usize = 4 * LARGEST;

/// A fault in a template, and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The part in which it is; none in the template itself.
    pub part: Option<String>,
    /// Line and column, from 1.
    pub at: (usize, usize),
    /// The description of the fault.
    pub message: String,
    /// The remedy.
    pub hint: Option<String>,
}

/// Compiles a text. Whether its parts exist is not checked here: see [`fault`].
///
/// # Errors
/// When it is not Handlebars, is too large, or goes too deep.
pub fn compile(text: &str) -> Result<Template, Fault> {
    let whole = |message: String| Fault {
        part: None,
        at: (1, 1),
        message,
        hint: None,
    };
    if text.len() > LARGEST {
        let most = LARGEST / 1024 / 1024;
        return Err(whole(format!("the template is larger than {most} MiB")));
    }
    if let Some(fault) = too_much_to_parse(text) {
        return Err(fault);
    }
    let template = Template::compile(text).map_err(|error| {
        unbalanced(text).unwrap_or_else(|| {
            // What may stand there instead fills a screen.
            let reason = error.reason().to_string();
            let reason = reason.split(": expected").next().unwrap_or_default();
            Fault {
                at: error.pos().unwrap_or((1, 1)),
                hint: Some("is each `{{` closed by `}}`, and each quote by another?".to_owned()),
                ..whole(reason.to_owned())
            }
        })
    })?;
    match fault(&template, &|_| None) {
        Some(fault) => Err(fault),
        None => Ok(template),
    }
}

/// Finds a text for which the parser needs too much stack or time: counts braces, as it is not parsed yet.
fn too_much_to_parse(text: &str) -> Option<Fault> {
    let (mut blocks, mut expressions) = (0_usize, 0_usize);
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        let expression = rest.get(start..).unwrap_or_default();
        let (inside, after) = split(expression);
        expressions += 1;
        let word = inside.trim_start_matches(['{', '~']);
        if word.starts_with('#') {
            blocks += 1;
        } else if word.starts_with('/') {
            blocks = blocks.saturating_sub(1);
        }
        if blocks.max(brackets(word)) > DEEPEST {
            let at = position(text, text.len() - expression.len());
            return Some(too_deep(at));
        }
        rest = after;
    }
    (expressions.saturating_mul(text.len()) > MOST_WORK).then(|| Fault {
        part: None,
        at: (1, 1),
        message: format!("{expressions} expressions are too many for a template of this size"),
        hint: Some("divide it, or put pictures into files of their own".to_owned()),
    })
}

/// Finds a block that is not closed, or a close without its block.
fn unbalanced(text: &str) -> Option<Fault> {
    let mut open: Vec<(&str, usize)> = Vec::new();
    let mut rest = text;
    let fault = |offset, message: String, hint: String| {
        Some(Fault {
            part: None,
            at: position(text, offset),
            message,
            hint: Some(hint),
        })
    };
    let not_closed = |name: &str, offset| {
        let message = format!("`{{{{#{name}}}}}` is not closed");
        fault(
            offset,
            message,
            format!("write `{{{{/{name}}}}}` where it ends"),
        )
    };
    while let Some(start) = rest.find("{{") {
        let expression = rest.get(start..).unwrap_or_default();
        let (inside, after) = split(expression);
        let offset = text.len() - expression.len();
        rest = after;
        let word = inside.trim_start_matches(['{', '~']);
        if let Some(block) = word.strip_prefix('#') {
            let block = block.trim_start_matches(['>', '*', ' ']);
            open.push((first_word(block), offset));
        } else if let Some(close) = word.strip_prefix('/') {
            let close = first_word(close.trim_start());
            match open.pop() {
                Some((block, _)) if block == close => {}
                Some((block, at)) => return not_closed(block, at),
                None => {
                    let message = format!("`{{{{/{close}}}}}` closes nothing");
                    return fault(
                        offset,
                        message,
                        format!("write `{{{{#{close} …}}}}` where it begins"),
                    );
                }
            }
        }
    }
    let (block, at) = open.pop()?;
    not_closed(block, at)
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| c.is_whitespace() || c == '}' || c == '~');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}

/// An expression, and what follows it.
fn split(expression: &str) -> (&str, &str) {
    let end = |end: &str| Some(expression.find(end)? + end.len());
    let comment = expression.starts_with("{{!--").then(|| end("--}}"));
    let length = match comment.flatten() {
        Some(length) => Some(length),
        None if expression.starts_with("{{!") => end("}}"),
        None => {
            let mut quote = None;
            let closes = |(at, byte): (usize, u8)| {
                match quote {
                    Some(open) if open == byte => quote = None,
                    None if byte == b'"' || byte == b'\'' => quote = Some(byte),
                    None if expression.get(at..)?.starts_with("}}") => return Some(at + 2),
                    _ => {}
                }
                None
            };
            expression.bytes().enumerate().find_map(closes)
        }
    };
    let comment = expression.starts_with("{{!");
    let (inside, after) = expression
        .split_at_checked(length.unwrap_or(expression.len()))
        .unwrap_or((expression, ""));
    (if comment { "" } else { inside }, after)
}

/// The largest number of brackets of an expression that are open at once.
fn brackets(expression: &str) -> usize {
    let (mut open, mut most, mut quote) = (0_usize, 0, None);
    for byte in expression.bytes() {
        match byte {
            _ if quote == Some(byte) => quote = None,
            b'"' | b'\'' if quote.is_none() => quote = Some(byte),
            b'(' | b'[' | b'{' if quote.is_none() => open += 1,
            b')' | b']' | b'}' if quote.is_none() => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn too_deep(at: (usize, usize)) -> Fault {
    Fault {
        part: None,
        at,
        message: format!(
            "blocks, branches of `else if`, parts and helpers are nested too deeply: more than {DEEPEST} levels"
        ),
        hint: Some("is each `{{#…}}` closed by its `{{/…}}`?".to_owned()),
    }
}

/// The fault that keeps a template from being filled in with these parts: a circle, or a limit exceeded.
pub fn fault<'t>(
    template: &'t Template,
    part: &dyn Fn(&str) -> Option<&'t Template>,
) -> Option<Fault> {
    let mut count = Count {
        part,
        known: HashMap::new(),
        within: Vec::new(),
    };
    count.template(template, (1, 1), 0).err()
}

/// The cost of filling a template in.
#[derive(Debug, Clone, Copy, Default)]
struct Cost {
    depth: usize,
    loops: usize,
    parts: usize,
    bytes: usize,
}

impl Cost {
    fn and(self, other: Self) -> Self {
        Self {
            depth: self.depth.max(other.depth),
            loops: self.loops.max(other.loops),
            parts: self.parts.saturating_add(other.parts),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }

    fn inside(self) -> Self {
        Self {
            depth: self.depth + 1,
            ..self
        }
    }
}

struct Count<'t, 'p> {
    part: &'p dyn Fn(&str) -> Option<&'t Template>,
    /// Parts by name; nothing while one is being counted.
    known: HashMap<&'t str, Option<Cost>>,
    /// The parts that are being counted, the innermost last.
    within: Vec<&'t str>,
}

impl<'t> Count<'t, '_> {
    /// `above` is the depth of the template.
    fn template(
        &mut self,
        template: &'t Template,
        around: (usize, usize),
        above: usize,
    ) -> Result<Cost, Fault> {
        let mut all = Cost::default();
        for (index, element) in template.elements.iter().enumerate() {
            // The branch of an `{{else if}}` has no place of its own.
            let place = template.mapping.get(index);
            let at = place.map_or(around, |place| (place.0, place.1));
            let cost = match element {
                TemplateElement::RawString(text) => Cost {
                    bytes: text.len(),
                    ..Cost::default()
                },
                TemplateElement::Expression(helper)
                | TemplateElement::HtmlExpression(helper)
                | TemplateElement::HelperBlock(helper) => self.helper(helper, at, above)?,
                TemplateElement::PartialExpression(call)
                | TemplateElement::PartialBlock(call)
                | TemplateElement::DecoratorExpression(call)
                | TemplateElement::DecoratorBlock(call) => self.call(call, at, above)?,
                _ => Cost::default(),
            };
            all = all.and(cost);
            self.check(all, at, above)?;
        }
        Ok(all)
    }

    fn helper(
        &mut self,
        helper: &'t HelperTemplate,
        at: (usize, usize),
        above: usize,
    ) -> Result<Cost, Fault> {
        let mut all = Cost::default();
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            all = all.and(self.parameter(parameter, at, above + 1)?);
        }
        for branch in helper.template.iter().chain(&helper.inverse) {
            self.deep(at, above + 1)?;
            all = all.and(self.template(branch, at, above + 1)?.inside());
        }
        all.loops += usize::from(helper.name.as_name() == Some("each"));
        Ok(all)
    }

    fn call(
        &mut self,
        call: &'t DecoratorTemplate,
        at: (usize, usize),
        above: usize,
    ) -> Result<Cost, Fault> {
        let mut all = Cost::default();
        for parameter in call.params.iter().chain(call.hash.values()) {
            all = all.and(self.parameter(parameter, at, above + 1)?);
        }
        if let Some(block) = &call.template {
            self.deep(at, above + 1)?;
            all = all.and(self.template(block, at, above + 1)?.inside());
        }
        let Some(name) = call.name.as_name() else {
            return Ok(all);
        };
        let Some(part) = (self.part)(name) else {
            return Ok(all);
        };
        self.deep(at, above + 1)?;
        let cost = match self.known.get(name) {
            Some(Some(cost)) => *cost,
            Some(None) => {
                let message = format!("part `{name}` includes itself");
                let hint = "a part may call others, but not the one that calls it";
                return Err(self.fault(at, message, Some(hint.to_owned())));
            }
            None => {
                self.known.insert(name, None);
                self.within.push(name);
                let cost = self.template(part, (1, 1), above + 1)?;
                self.within.pop();
                self.known.insert(name, Some(cost));
                cost
            }
        };
        let called = Cost {
            parts: 1,
            ..Cost::default()
        };
        Ok(all.and(cost.inside()).and(called))
    }

    fn parameter(
        &mut self,
        parameter: &'t Parameter,
        at: (usize, usize),
        above: usize,
    ) -> Result<Cost, Fault> {
        self.deep(at, above)?;
        match parameter {
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(helper) => Ok(self.helper(helper, at, above)?.inside()),
                _ => Ok(Cost::default()),
            },
            Parameter::Literal(value) => {
                let depth = depth_of(value, DEEPEST);
                self.deep(at, above + depth)?;
                Ok(Cost {
                    depth,
                    ..Cost::default()
                })
            }
            _ => Ok(Cost::default()),
        }
    }

    fn check(&self, cost: Cost, at: (usize, usize), above: usize) -> Result<(), Fault> {
        self.deep(at, above + cost.depth)?;
        if cost.loops > MOST_LOOPS {
            let message = format!("more than {MOST_LOOPS} nested loops");
            return Err(self.fault(at, message, None));
        }
        if cost.parts > MOST_PARTS {
            let message = format!("parts are filled in more than {MOST_PARTS} times");
            let hint = "parts that call parts multiply".to_owned();
            return Err(self.fault(at, message, Some(hint)));
        }
        if cost.bytes > LONGEST {
            let most = LONGEST / 1024 / 1024;
            let message = format!("with its parts this is larger than {most} MiB");
            return Err(self.fault(at, message, None));
        }
        Ok(())
    }

    fn deep(&self, at: (usize, usize), depth: usize) -> Result<(), Fault> {
        if depth <= DEEPEST {
            return Ok(());
        }
        let Fault { message, hint, .. } = too_deep(at);
        Err(self.fault(at, message, hint))
    }

    fn fault(&self, at: (usize, usize), message: String, hint: Option<String>) -> Fault {
        Fault {
            part: self.within.last().map(|&part| part.to_owned()),
            at,
            message,
            hint,
        }
    }
}

/// The depth of a literal; not looked at below `most`.
fn depth_of(value: &serde_json::Value, most: usize) -> usize {
    let items: Vec<&serde_json::Value> = match value {
        serde_json::Value::Array(items) => items.iter().collect(),
        serde_json::Value::Object(members) => members.values().collect(),
        _ => return 0,
    };
    if most == 0 {
        return 1;
    }
    let deepest = items.into_iter().map(|item| depth_of(item, most - 1)).max();
    1 + deepest.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use handlebars::Handlebars;
    use rstest::rstest;
    use serde_json::json;

    fn nested(open: &str, close: &str, depth: usize) -> String {
        format!("{}x{}", open.repeat(depth), close.repeat(depth))
    }

    /// Also in a build without optimisation, on the small stack of a server's thread.
    #[rstest]
    #[case::blocks(nested("{{#if a}}", "{{/if}}", DEEPEST - 1))]
    #[case::loops(nested("{{#each this}}", "{{/each}}", MOST_LOOPS).replacen("this", "b", 1))]
    #[case::branches(format!("{{{{#if c}}}}{}{{{{else}}}}x{{{{/if}}}}", "{{else if c}}".repeat(DEEPEST - 3)))]
    #[case::helpers(format!("{{{{#if {}}}}}x{{{{/if}}}}", nested("(not ", ")", DEEPEST - 3).replace('x', "c")))]
    fn what_is_not_refused_for_its_depth_can_be_filled_in(#[case] text: String) {
        let filled = std::thread::Builder::new()
            .stack_size(2 << 20)
            .spawn(move || {
                let template = compile(&text).unwrap();
                assert_eq!(fault(&template, &|_| None), None);
                let mut registry = Handlebars::new();
                registry.register_template("t", template);
                registry.render("t", &json!({ "a": true, "b": [[[1]]] }))
            });
        assert_eq!(filled.unwrap().join().unwrap().unwrap(), "x");
    }

    #[rstest]
    #[case::blocks(nested("{{#if a}}", "{{/if}}", DEEPEST + 1), "too deep")]
    #[case::loops(nested("{{#each b}}", "{{/each}}", MOST_LOOPS + 1), "loops")]
    #[case::size("x".repeat(LARGEST + 1), "larger than")]
    #[case::work(format!("{}{}", "{{a}}".repeat(1000), "x".repeat(LARGEST - 5_000)), "too many")]
    #[case::open("{{#if a}}".repeat(100_000), "too deep")]
    #[case::after_a_comment(format!("{{{{!-- it's \"so\" --}}}}{}", "{{~#if a}}".repeat(100_000)), "too deep")]
    #[case::brackets(format!("{{{{a {}}}}}", nested("(a \")\" [", "])", 100_000)), "too deep")]
    fn what_is_too_much_is_refused(#[case] text: String, #[case] words: &str) {
        let fault = compile(&text).unwrap_err();
        assert!(fault.message.contains(words), "{fault:?}");
    }

    #[rstest]
    #[case("a\n {{#if b}}x", (2, 2), "`{{#if}}` is not closed")]
    #[case("{{#each b}}\n{{~#if c}}{{/each}}", (2, 1), "`{{#if}}` is not closed")]
    #[case("{{#> part}}x", (1, 1), "`{{#part}}` is not closed")]
    #[case("x{{/if}}", (1, 2), "`{{/if}}` closes nothing")]
    fn a_block_that_is_not_closed_is_named(
        #[case] text: &str,
        #[case] at: (usize, usize),
        #[case] message: &str,
    ) {
        let fault = compile(text).unwrap_err();
        assert_eq!((fault.at, fault.message.as_str()), (at, message));
    }

    #[test]
    fn a_circle_is_found_in_the_part_that_closes_it() {
        let parts = ["{{> b}}", "\n {{#if x}}{{> c}}{{/if}}", "c\n\n{{> a}}"];
        let parts = parts.map(|text| compile(text).unwrap());
        let part = |name: &str| parts.get(["a", "b", "c"].iter().position(|n| *n == name)?);
        let found = fault(&parts[0], &part).unwrap();
        assert_eq!((found.part.as_deref(), found.at), (Some("a"), (1, 1)));
        let template = compile("{{> a}}").unwrap();
        let found = fault(&template, &part).unwrap();
        assert_eq!((found.part.as_deref(), found.at), (Some("c"), (3, 1)));
        assert_eq!(found.message, "part `a` includes itself");
    }

    #[test]
    fn parts_may_be_shared_as_long_as_they_do_not_multiply() {
        let part =
            |n: usize, times: usize| compile(&format!("{{{{> p{n}}}}}").repeat(times)).unwrap();
        let once: Vec<_> = (1..30).map(|n| part(n, 1)).collect();
        let twice: Vec<_> = (1..30).map(|n| part(n, 2)).collect();
        let of = |parts: &[Template]| {
            let number = |name: &str| name.strip_prefix('p')?.parse::<usize>().ok();
            fault(&parts[0], &|name: &str| parts.get(number(name)?))
        };
        assert_eq!(of(&once), None);
        assert!(of(&twice).unwrap().message.contains("more than 2000 times"));
    }
}
