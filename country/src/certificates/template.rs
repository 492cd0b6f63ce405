// SPDX-License-Identifier: MPL-2.0
//! A template of a certificate: an SVG with Handlebars, and the parts that it shares with others.

use super::readable::{HELPERS, OPERATORS, Paths, Readable, VARIABLES, holds};
use handlebars::Template as Handlebars;
use handlebars::template::{DecoratorTemplate, HelperTemplate, Parameter, TemplateElement};
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough, known_name_or_all};
use rules::template_bounds;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A file with Handlebars in it.
#[derive(Debug)]
pub(super) struct Source {
    /// Its name in messages.
    pub(super) file: String,
    /// Its content.
    pub(super) text: String,
    /// The compiled Handlebars template, or the fault in it.
    compiled: Result<Handlebars, Diagnostic>,
}

impl Source {
    /// Compiles the text.
    pub(super) fn new(file: String, text: String) -> Self {
        let compiled = template_bounds::compile(&text).map_err(|fault| {
            let message = format!("this is not Handlebars: {}", fault.message);
            at(&file, fault.at, message, fault.hint)
        });
        Self {
            file,
            text,
            compiled,
        }
    }

    /// The compiled Handlebars template; `None` if it has errors.
    pub(super) fn handlebars(&self) -> Option<&Handlebars> {
        self.compiled.as_ref().ok()
    }

    /// The parts that it calls.
    fn calls(&self) -> BTreeSet<&str> {
        let mut names = BTreeSet::new();
        if let Ok(template) = &self.compiled {
            each_call(template, &mut |call| names.extend(call.name.as_name()));
        }
        names
    }

    /// The position of a word in the expression at a place.
    pub(super) fn word(&self, place: Position, word: &str) -> Position {
        let text = &self.text;
        let (line, column) = place;
        let line_start: usize = text
            .split_inclusive('\n')
            .take(line - 1)
            .map(str::len)
            .sum();
        let start = text.get(line_start..).unwrap_or_default();
        let before: usize = start.chars().take(column - 1).map(char::len_utf8).sum();
        let expression = start.get(before..).unwrap_or_default();
        let end = expression.find("}}").unwrap_or(expression.len());
        let inside = expression.get(..end).unwrap_or_default();
        // `$o` does not stand where `$or` does.
        let is_alone = |found: &usize| {
            let part = |c: char| c.is_alphanumeric() || "$_-.".contains(c);
            let before = inside.get(..*found).unwrap_or_default();
            let after = inside.get(found + word.len()..).unwrap_or_default();
            !before.ends_with(part) && !after.starts_with(part)
        };
        let mut found = inside.match_indices(word).map(|(found, _)| found);
        let found = found.find(is_alone);
        found.map_or(place, |found| position(text, line_start + before + found))
    }
}

/// Files of `certificates/parts/`, by the name that `{{> name}}` calls.
pub(super) type Parts = BTreeMap<String, Arc<Source>>;

/// A template with the parts that it needs.
#[derive(Debug)]
pub(super) struct Template {
    source: Source,
    parts: Parts,
    helpers: Vec<String>,
}

impl Template {
    /// Takes from all parts those that the template calls, directly or by way of others.
    /// `helpers` are those that the country adds.
    pub(super) fn new(source: Source, all: &Parts, helpers: &[String]) -> Self {
        let mut parts = Parts::new();
        let mut wanted = source.calls();
        while let Some(name) = wanted.pop_first() {
            if let Some(part) = all.get(name)
                && parts.insert(name.to_owned(), part.clone()).is_none()
            {
                wanted.extend(part.calls());
            }
        }
        Self {
            source,
            parts,
            helpers: helpers.to_vec(),
        }
    }

    /// The file's name in messages.
    pub(super) fn name(&self) -> &str {
        &self.source.file
    }

    /// The name of the file that holds a part, or the template itself.
    pub(super) fn file_of(&self, name: &str) -> &str {
        let part = self.parts.get(name);
        part.map_or(self.name(), |part| &part.file)
    }

    /// The template and its parts by name, compiled.
    pub(super) fn compiled(&self) -> impl Iterator<Item = (&str, &Result<Handlebars, Diagnostic>)> {
        let parts = self.parts.iter();
        std::iter::once((self.name(), &self.source.compiled))
            .chain(parts.map(|(name, part)| (name.as_str(), &part.compiled)))
    }

    /// A part, and its compiled Handlebars template.
    pub(super) fn part(&self, name: &str) -> Option<(&Source, &Handlebars)> {
        let part = self.parts.get(name)?;
        Some((part, part.handlebars()?))
    }

    /// The helpers that the country adds.
    pub(super) fn helpers(&self) -> &[String] {
        &self.helpers
    }

    /// One text for core's client, which knows no parts: they come first, as inline partials.
    pub(super) fn whole(&self) -> String {
        let inline = self.parts.iter().map(|(name, part)| {
            let part = part.text.trim_end();
            format!("{{{{#*inline \"{name}\"}}}}\n{part}\n{{{{/inline}}}}\n")
        });
        inline.chain([self.source.text.clone()]).collect()
    }

    /// A circle of parts, or parts that multiply.
    pub(super) fn too_much(&self) -> Option<Diagnostic> {
        let part = |name: &str| Some(self.part(name)?.1);
        let fault = template_bounds::fault(self.source.handlebars()?, &part)?;
        let file = fault.part.map_or(self.name(), |part| self.file_of(&part));
        Some(at(file, fault.at, fault.message, fault.hint))
    }

    /// The template and its parts.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.source).chain(self.parts.values().map(Arc::as_ref))
    }

    /// The template without its parts.
    pub(super) fn source(&self) -> &Source {
        &self.source
    }

    /// The faults that Handlebars finds.
    pub(super) fn faults(&self) -> impl Iterator<Item = &Diagnostic> {
        self.sources()
            .filter_map(|source| source.compiled.as_ref().err())
    }

    /// The faults in expressions.
    pub(super) fn expressions(&self, readable: &Readable) -> Vec<Diagnostic> {
        let compiled = || {
            self.sources()
                .filter_map(|source| Some((source, source.handlebars()?)))
        };
        let mut variables: BTreeSet<&str> = VARIABLES.into();
        for (_, template) in compiled() {
            each_call(template, &mut |call| {
                variables.extend(call.hash.keys().map(String::as_str));
            });
        }
        let mut found = Vec::new();
        for (source, template) in compiled() {
            let mut check = Check {
                source,
                whole: self,
                readable,
                variables: &variables,
                found: Vec::new(),
            };
            check.template(template, (1, 1));
            found.extend(check.found);
        }
        found
    }
}

/// Line and column, from 1.
pub(super) type Position = (usize, usize);

/// A fault at a place.
pub(super) fn at(
    file: &str,
    (line, column): Position,
    message: String,
    hint: Option<String>,
) -> Diagnostic {
    Diagnostic {
        line,
        column,
        hint,
        ..Diagnostic::of_file(file, message)
    }
}

/// The branches of a block.
pub(super) fn each_template(block: &HelperTemplate) -> impl Iterator<Item = &Handlebars> {
    block.template.iter().chain(&block.inverse)
}

/// Visits every `{{> name}}`.
fn each_call<'t>(template: &'t Handlebars, visit: &mut impl FnMut(&'t DecoratorTemplate)) {
    for element in &template.elements {
        match element {
            TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                visit(call);
                if let Some(block) = &call.template {
                    each_call(block, visit);
                }
            }
            TemplateElement::HelperBlock(block) => {
                for branch in each_template(block) {
                    each_call(branch, visit);
                }
            }
            _ => {}
        }
    }
}

/// Looks at the expressions of one file.
struct Check<'t> {
    source: &'t Source,
    whole: &'t Template,
    readable: &'t Readable,
    variables: &'t BTreeSet<&'t str>,
    found: Vec<Diagnostic>,
}

impl Check<'_> {
    fn template(&mut self, template: &Handlebars, above: Position) {
        for (index, element) in template.elements.iter().enumerate() {
            // The branch of an `{{else if}}` has no place of its own.
            let place = template.mapping.get(index);
            let place = place.map_or(above, |place| (place.0, place.1));
            match element {
                TemplateElement::Expression(expression)
                | TemplateElement::HtmlExpression(expression) => self.helper(expression, place),
                TemplateElement::HelperBlock(block) => {
                    self.helper(block, place);
                    for branch in each_template(block) {
                        self.template(branch, place);
                    }
                }
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    self.call(call, place);
                }
                TemplateElement::DecoratorExpression(_) | TemplateElement::DecoratorBlock(_) => {
                    let hint =
                        "put it in a file in certificates/parts/, and call it with {{> name}}";
                    self.error(
                        place,
                        "parts are not defined here".to_owned(),
                        Some(hint.to_owned()),
                    );
                }
                _ => {}
            }
        }
    }

    fn call(&mut self, call: &DecoratorTemplate, place: Position) {
        match call.name.as_name() {
            Some(name) if self.whole.parts.contains_key(name) => {}
            name => {
                let name = name.unwrap_or_default();
                let message = format!("there is no part `{name}`");
                let hint = format!("it would be the file certificates/parts/{name}.svg");
                self.error(place, message, Some(hint));
            }
        }
        for parameter in call.params.iter().chain(call.hash.values()) {
            self.parameter(parameter, place);
        }
        if let Some(block) = &call.template {
            self.template(block, place);
        }
    }

    fn helper(&mut self, helper: &HelperTemplate, place: Position) {
        let Some(name) = helper.name.as_name() else {
            return self.parameter(&helper.name, place);
        };
        if helper.params.is_empty() && helper.hash.is_empty() && !helper.block {
            return self.variable(name, place);
        }
        let own = self.whole.helpers.iter().map(String::as_str);
        let known: Vec<&str> = HELPERS.into_iter().chain(own).collect();
        if !known.contains(&name) {
            let message = format!("`{name}` is not a helper of core's client");
            let hint = known_name_or_all(name, &known);
            self.error(self.source.word(place, name), message, Some(hint));
        }
        match (name, helper.params.as_slice()) {
            ("$lookup", [of, path]) => self.lookup(of, path, place),
            ("$lookup", _) => self.arguments(place, "`$lookup` takes what to look in, and a path"),
            ("lookup", [of, Parameter::Literal(Value::String(id))]) => self.raw(of, id, place),
            ("$or", [_, _]) => {}
            ("$or", _) => self.arguments(place, "`$or` takes two values"),
            ("$action" | "$actions", [Parameter::Literal(Value::String(of_type))]) => {
                self.action(of_type, place);
            }
            ("$action" | "$actions", _) => {
                self.arguments(place, "an action is asked for by its type, in quotes");
            }
            ("ifCond", [_, Parameter::Literal(Value::String(operator)), _])
                if OPERATORS.contains(&operator.as_str()) => {}
            ("ifCond", _) => self.arguments(
                place,
                "`ifCond` takes a value, one of \"===\" \"!==\" \"<\" \"<=\" \">\" \">=\" \"&&\" \"||\", and a value",
            ),
            _ => {}
        }
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            self.parameter(parameter, place);
        }
    }

    fn arguments(&mut self, place: Position, message: &str) {
        self.error(place, message.to_owned(), None);
    }

    fn parameter(&mut self, parameter: &Parameter, place: Position) {
        match parameter {
            Parameter::Subexpression(inner) => {
                if let TemplateElement::Expression(inner) = inner.as_element() {
                    self.helper(inner, place);
                }
            }
            Parameter::Literal(_) => {}
            _ => self.variable(parameter.as_name().unwrap_or_default(), place),
        }
    }

    fn variable(&mut self, path: &str, place: Position) {
        let name = path.trim_start_matches("../").trim_start_matches("@root.");
        let first = name.split(['.', '/']).next().unwrap_or_default();
        // `undefined` is a word of Handlebars, like `null`.
        let inside = ["", "this", "undefined", "@index", "@key", "@first", "@last"];
        if inside.contains(&first) || self.variables.contains(first) {
            return;
        }
        let message = format!("core's client offers nothing called `{first}`");
        let hint = did_you_mean(first, self.variables.iter().copied())
            .unwrap_or_else(|| format!("there are {}", VARIABLES.join(", ")));
        self.error(self.source.word(place, path), message, Some(hint));
    }

    fn action(&mut self, of_type: &str, place: Position) {
        let known = self.readable.actions.keys().map(String::as_str);
        if !self.readable.actions.contains_key(of_type) {
            let message = format!("a `{}` has no action `{of_type}`", self.readable.event);
            let hint = did_you_mean(of_type, known);
            self.error(self.source.word(place, of_type), message, hint);
        }
    }

    fn lookup(&mut self, of: &Parameter, path: &Parameter, place: Position) {
        let Parameter::Literal(Value::String(path)) = path else {
            return;
        };
        let readable = self.readable;
        match of {
            Parameter::Path(_) => match of.as_name() {
                Some("$declaration" | "@root.$declaration") => {
                    let what = format!("the declaration of a `{}`", readable.event);
                    self.path(&readable.declaration, path, &what, place);
                }
                Some("$metadata" | "@root.$metadata") => {
                    self.path(&readable.metadata, path, "`$metadata`", place);
                }
                _ => {}
            },
            Parameter::Subexpression(inner) if inner.name() == "$action" => {
                if let Some([Parameter::Literal(Value::String(of_type))]) =
                    inner.params().map(Vec::as_slice)
                    && let Some(paths) = readable.actions.get(of_type)
                {
                    self.path(paths, path, &format!("the action `{of_type}`"), place);
                }
            }
            _ => {}
        }
    }

    /// `lookup` of Handlebars itself takes the whole id of a field.
    fn raw(&mut self, of: &Parameter, id: &str, place: Position) {
        let readable = self.readable;
        if of.as_name() == Some("$declaration") && !readable.fields.contains_key(id) {
            let message = format!("there is no field `{id}` in a `{}`", readable.event);
            let known = readable.fields.keys().map(String::as_str);
            let hint = match known
                .clone()
                .find(|known| id.starts_with(&format!("{known}.")))
            {
                Some(field) => {
                    let part = id.strip_prefix(field).unwrap_or_default();
                    let part = part.trim_start_matches('.');
                    Some(format!(
                        "`(lookup (lookup $declaration \"{field}\") \"{part}\")`"
                    ))
                }
                None => did_you_mean(id, known),
            };
            self.error(self.source.word(place, id), message, hint);
        }
    }

    fn path(&mut self, paths: &Paths, path: &str, what: &str, place: Position) {
        if !holds(paths, path) {
            let known = paths.iter().filter(|path| !path.ends_with(".*"));
            let hint = did_you_mean(path, known.map(String::as_str));
            let message = format!("there is no `{path}` in {what}");
            self.error(self.source.word(place, path), message, hint);
        }
    }

    fn error(&mut self, place: Position, message: String, hint: Option<String>) {
        if is_enough(&self.found, Severity::Error) {
            return;
        }
        let file = &self.source.file;
        self.found.push(at(file, place, message, hint));
    }
}
