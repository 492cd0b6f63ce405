// SPDX-License-Identifier: MPL-2.0
//! Checks that a template does only what it may: name the variables of its message, ask whether there is
//! one, go through a list, include parts. Anything else is a mistake, or writes unescaped what a stranger
//! has typed.

use super::super::messages::{EVERYWHERE, Message};
use handlebars::Template;
use handlebars::template::{
    DecoratorTemplate, HelperTemplate, Parameter, TemplateElement, TemplateMapping,
};
use rules::diagnostic::{Diagnostic, known_name_or_all};
use rules::template_bounds;
use std::collections::{BTreeMap, BTreeSet};

/// A compiled text and where it stands.
pub(super) struct Part {
    file: String,
    /// Line and column of its first letter.
    begins: (usize, usize),
    pub(super) template: Template,
}

impl Part {
    pub(super) fn compile(
        file: &str,
        begins: (usize, usize),
        text: &str,
        faults: &mut Vec<Diagnostic>,
    ) -> Option<Self> {
        let compiled = template_bounds::compile(text);
        let fault = compiled.as_ref().err().cloned();
        let part = Self {
            file: file.to_owned(),
            begins,
            template: compiled.unwrap_or_default(),
        };
        let Some(fault) = fault else {
            return Some(part);
        };
        let message = format!("no template: {}", fault.message);
        faults.push(part.fault(fault.at, message, fault.hint));
        None
    }

    /// The diagnostic of a fault, by its line and column in this text.
    fn fault(&self, at: (usize, usize), message: String, hint: Option<String>) -> Diagnostic {
        let (line, column) = self.begins;
        Diagnostic {
            line: line + at.0 - 1,
            column: if at.0 == 1 { column + at.1 - 1 } else { at.1 },
            hint,
            ..Diagnostic::of_file(&self.file, message)
        }
    }
}

/// Finds what a message's template must not do, and the variables that it lacks. A template that would never
/// end is not checked further.
pub(super) fn check(
    message: &Message,
    has_all: bool,
    body: &Part,
    parts: &BTreeMap<String, Part>,
    faults: &mut Vec<Diagnostic>,
) {
    let part = |name: &str| Some(&parts.get(name)?.template);
    if let Some(fault) = template_bounds::fault(&body.template, &part) {
        let within = fault.part.and_then(|name| parts.get(&name));
        let fault = within
            .unwrap_or(body)
            .fault(fault.at, fault.message, fault.hint);
        if !faults.contains(&fault) {
            faults.push(fault);
        }
        return;
    }
    let mut walk = Walk {
        message,
        parts,
        said: BTreeSet::new(),
        faults,
    };
    let scope = Scope {
        part: body,
        arguments: vec![],
        items: false,
        has_block: false,
    };
    walk.through(&body.template, &scope);
    let said = walk.said;
    for missing in message
        .essential
        .iter()
        .filter(|v| has_all && !said.contains(**v))
    {
        let message = format!("`{}` does not say `{{{{{missing}}}}}`", message.word);
        let hint = "without it the message is of no use".to_owned();
        faults.push(body.fault((1, 1), message, Some(hint)));
    }
}

struct Walk<'a> {
    message: &'a Message,
    parts: &'a BTreeMap<String, Part>,
    said: BTreeSet<String>,
    faults: &'a mut Vec<Diagnostic>,
}

/// The position in the templates that the walk has reached.
#[derive(Clone)]
struct Scope<'a> {
    part: &'a Part,
    /// The arguments that a part was given by name.
    arguments: Vec<&'a str>,
    /// Inside a list: its items are `this`.
    items: bool,
    /// The part was called with a block, its `@partial-block`.
    has_block: bool,
}

impl<'a> Walk<'a> {
    fn through(&mut self, template: &'a Template, scope: &Scope<'a>) {
        for (element, at) in template.elements.iter().zip(&template.mapping) {
            match element {
                TemplateElement::RawString(_) | TemplateElement::Comment(_) => {}
                TemplateElement::Expression(value) => self.value(value, scope, at),
                TemplateElement::HelperBlock(block) => self.block(block, scope, at),
                TemplateElement::PartialExpression(part) | TemplateElement::PartialBlock(part) => {
                    self.part(part, scope, at);
                }
                TemplateElement::HtmlExpression(_) => {
                    let hint = "write two braces, so that typed text is escaped";
                    self.fault(
                        scope,
                        at,
                        "three braces write a value unescaped".into(),
                        Some(hint.into()),
                    );
                }
                _ => {
                    self.fault(scope, at, "`{{*…}}` means nothing here".into(), None);
                }
            }
        }
    }

    fn value(&mut self, value: &HelperTemplate, scope: &Scope<'a>, at: &TemplateMapping) {
        let called = !value.params.is_empty() || !value.hash.is_empty();
        match value.name.as_name() {
            Some(name) if !called => self.variable(name, scope, at),
            name => self.unknown_word(name.unwrap_or_default(), scope, at),
        }
    }

    fn block(&mut self, block: &'a HelperTemplate, scope: &Scope<'a>, at: &TemplateMapping) {
        let name = block.name.as_name().unwrap_or_default();
        match (name, block.params.as_slice()) {
            ("if" | "unless" | "each", [Parameter::Path(_)]) => {}
            ("if" | "unless" | "each", _) => {
                let message = format!("`{{{{#{name}}}}}` needs one variable");
                return self.fault(scope, at, message, None);
            }
            _ => return self.unknown_word(name, scope, at),
        }
        for parameter in &block.params {
            self.variable(parameter.as_name().unwrap_or_default(), scope, at);
        }
        let inside = Scope {
            items: scope.items || name == "each",
            ..scope.clone()
        };
        if let Some(template) = &block.template {
            self.through(template, &inside);
        }
        if let Some(template) = &block.inverse {
            self.through(template, scope);
        }
    }

    fn part(&mut self, part: &'a DecoratorTemplate, scope: &Scope<'a>, at: &TemplateMapping) {
        let name = part.name.as_name().unwrap_or_default();
        for argument in part.hash.values() {
            match argument {
                Parameter::Literal(_) => {}
                other => self.variable(other.as_name().unwrap_or_default(), scope, at),
            }
        }
        if let Some(block) = &part.template {
            self.through(block, scope);
        }
        if name == "@partial-block" {
            if !scope.has_block {
                let message = "`@partial-block` has no content here".to_owned();
                let hint = "call this part with `{{#> part}}…{{/part}}`".to_owned();
                self.fault(scope, at, message, Some(hint));
            }
            return;
        }
        let Some(found) = self.parts.get(name) else {
            let known: Vec<&str> = self.parts.keys().map(String::as_str).collect();
            let hint = known_name_or_all(name, &known);
            return self.fault(scope, at, format!("unknown part `{name}`"), Some(hint));
        };
        let inside = Scope {
            part: found,
            arguments: part.hash.keys().map(String::as_str).collect(),
            items: scope.items,
            has_block: part.template.is_some(),
        };
        self.through(&found.template, &inside);
    }

    fn variable(&mut self, name: &str, scope: &Scope<'_>, at: &TemplateMapping) {
        let item = name == "this" || name.starts_with('@');
        if item && scope.items || scope.arguments.contains(&name) {
            return;
        }
        if self.message.may_say(name) {
            self.said.insert(name.to_owned());
            return;
        }
        let known = self.message.variables.iter().chain(&EVERYWHERE).copied();
        let hint = known_name_or_all(name, &known.collect::<Vec<_>>());
        let message = format!("`{}` knows no `{name}`", self.message.word);
        self.fault(scope, at, message, Some(hint));
    }

    fn unknown_word(&mut self, name: &str, scope: &Scope<'_>, at: &TemplateMapping) {
        let hint = "there are `if`, `unless` and `each`".to_owned();
        self.fault(scope, at, format!("unknown word `{name}`"), Some(hint));
    }

    /// A part that many messages include is reported once.
    fn fault(
        &mut self,
        scope: &Scope<'_>,
        at: &TemplateMapping,
        message: String,
        hint: Option<String>,
    ) {
        let fault = scope.part.fault((at.0, at.1), message, hint);
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }
}
