// SPDX-License-Identifier: MPL-2.0
//! Comparisons that never hold: `$lookup` gives words, and is compared with a code.

use super::readable::{Fields, FormField, Readable};
use super::record::{is_country, is_day};
use super::template::{Position, Source, Template, at, each_template};
use handlebars::Template as Handlebars;
use handlebars::template::{HelperTemplate, Parameter, TemplateElement};
use opencrvs_toolkit::field::{FieldType, Label};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough};
use serde_json::Value;
use std::collections::BTreeMap;

/// Comparisons of words with codes, at the place where the words are looked up. Parts must not be in a circle.
pub(super) fn problems(
    template: &Template,
    source: &Source,
    readable: &Readable,
) -> Vec<Diagnostic> {
    let mut search = Search {
        template,
        readable,
        found: Vec::new(),
    };
    if let Some(compiled) = source.handlebars() {
        search.template(compiled, source, (1, 1), &Bindings::new());
    }
    search.found
}

/// The result of `$lookup`.
#[derive(Clone)]
struct LookedUp<'t> {
    fields: &'t Fields,
    /// Path below the fields.
    path: &'t str,
    /// The action whose forms they belong to; none for the declaration.
    action: Option<&'t str>,
    source: &'t Source,
    place: Position,
}

/// The words that parts are called with, by the name under which they have them.
type Bindings<'t> = BTreeMap<&'t str, Vec<LookedUp<'t>>>;

struct Search<'t> {
    template: &'t Template,
    readable: &'t Readable,
    found: Vec<Diagnostic>,
}

impl<'t> Search<'t> {
    fn template(
        &mut self,
        template: &'t Handlebars,
        source: &'t Source,
        above: Position,
        bound: &Bindings<'t>,
    ) {
        for (index, element) in template.elements.iter().enumerate() {
            let place = template.mapping.get(index);
            let place = place.map_or(above, |place| (place.0, place.1));
            match element {
                TemplateElement::Expression(helper)
                | TemplateElement::HtmlExpression(helper)
                | TemplateElement::HelperBlock(helper) => {
                    self.helper(helper, source, place, bound);
                    for branch in each_template(helper) {
                        self.template(branch, source, place, bound);
                    }
                }
                TemplateElement::PartialExpression(call) | TemplateElement::PartialBlock(call) => {
                    let part = call
                        .name
                        .as_name()
                        .and_then(|name| self.template.part(name));
                    let mut inside = bound.clone();
                    for (name, value) in &call.hash {
                        self.nested(value, source, place, bound);
                        inside.insert(name, self.words(value, source, place, bound));
                    }
                    if let Some((part, compiled)) = part {
                        self.template(compiled, part, (1, 1), &inside);
                    }
                }
                _ => {}
            }
        }
    }

    fn helper(
        &mut self,
        helper: &'t HelperTemplate,
        source: &'t Source,
        place: Position,
        bound: &Bindings<'t>,
    ) {
        for parameter in helper.params.iter().chain(helper.hash.values()) {
            self.nested(parameter, source, place, bound);
        }
        let name = helper.name.as_name().unwrap_or_default();
        if name == "$intl" {
            let words = |parameter| self.words(parameter, source, place, bound);
            let words: Vec<LookedUp<'_>> = helper.params.iter().flat_map(words).collect();
            for words in words {
                let choice = words.field().is_some_and(|field| !field.options.is_empty());
                if choice && words.rest().is_empty() {
                    self.report(&words, "and `$intl` needs a code");
                }
            }
        }
        // Helpers of the country may compare, too.
        if name != "ifCond" && !self.template.helpers().iter().any(|own| own == name) {
            return;
        }
        for parameter in &helper.params {
            let Parameter::Literal(literal) = parameter else {
                continue;
            };
            for other in &helper.params {
                self.raw(other, literal, source, place);
                for words in self.words(other, source, place, bound) {
                    if words.never(literal) {
                        self.report(&words, &format!("which is never {literal}"));
                    }
                }
            }
        }
    }

    fn nested(
        &mut self,
        parameter: &'t Parameter,
        source: &'t Source,
        place: Position,
        bound: &Bindings<'t>,
    ) {
        if let Parameter::Subexpression(inner) = parameter
            && let TemplateElement::Expression(helper) = inner.as_element()
        {
            self.helper(helper, source, place, bound);
        }
    }

    /// The words that a value may be.
    fn words(
        &self,
        value: &'t Parameter,
        source: &'t Source,
        place: Position,
        bound: &Bindings<'t>,
    ) -> Vec<LookedUp<'t>> {
        let Parameter::Subexpression(inner) = value else {
            let name = value.as_name().unwrap_or_default();
            return bound
                .get(name.trim_start_matches("../"))
                .cloned()
                .unwrap_or_default();
        };
        let parameters = inner.params().map(Vec::as_slice).unwrap_or_default();
        match (inner.name(), parameters) {
            ("$lookup", [of, Parameter::Literal(Value::String(path))]) => {
                let of_action = action(of);
                let fields = match of_action {
                    Some(action) => self.readable.annotations.get(action),
                    None => (of.as_name() == Some("$declaration")).then_some(&self.readable.fields),
                };
                let path = match of_action {
                    Some(_) => path.strip_prefix("annotation."),
                    None => Some(path.as_str()),
                };
                let found = fields.zip(path).map(|(fields, path)| LookedUp {
                    fields,
                    path,
                    action: of_action,
                    source,
                    place,
                });
                found.into_iter().collect()
            }
            ("$or", values) => {
                let words = |value| self.words(value, source, place, bound);
                values.iter().flat_map(words).collect()
            }
            _ => Vec::new(),
        }
    }

    fn report(&mut self, words: &LookedUp<'t>, never: &str) {
        if is_enough(&self.found, Severity::Error) {
            return;
        }
        let field = words.fields.get(words.id()).map(|field| field.of_type);
        let gives = match field {
            Some(FieldType::Select | FieldType::RadioGroup) => "the label of the choice",
            Some(FieldType::Country | FieldType::Address) => "the name of the country",
            _ => "a text",
        };
        let LookedUp { path, source, .. } = words;
        let message = format!("`$lookup` of `{path}` gives {gives}, {never}");
        let hint = format!("`{}` gives the code", words.code());
        let problem = at(
            &source.file,
            source.word(words.place, path),
            message,
            Some(hint),
        );
        let same = |other: &Diagnostic| {
            (&other.file, other.line, other.column) == (&problem.file, problem.line, problem.column)
        };
        if !self.found.iter().any(same) {
            self.found.push(problem);
        }
    }

    /// Reports a code that the choice does not have.
    fn raw(&mut self, value: &'t Parameter, literal: &Value, source: &'t Source, place: Position) {
        let Parameter::Subexpression(inner) = value else {
            return;
        };
        let parameters = inner.params().map(Vec::as_slice).unwrap_or_default();
        if let ("lookup", [of, Parameter::Literal(Value::String(id))]) = (inner.name(), parameters)
            && of.as_name() == Some("$declaration")
            && let Some(field) = self.readable.fields.get(id)
            && let Some(code) = literal.as_str()
            && !field.options.is_empty()
            && !super::readable::OPERATORS.contains(&code)
            && !field.codes().any(|known| known == code)
        {
            let message = format!("`{id}` is never `{code}`");
            let codes: Vec<&str> = field.codes().collect();
            let hint = did_you_mean(code, codes.iter().copied())
                .unwrap_or_else(|| format!("it is one of {}", codes.join(", ")));
            let problem = at(&source.file, source.word(place, code), message, Some(hint));
            self.found.push(problem);
        }
    }
}

/// `TYPE` of `($action "TYPE")`.
fn action(of: &Parameter) -> Option<&str> {
    let Parameter::Subexpression(inner) = of else {
        return None;
    };
    match (inner.name(), inner.params().map(Vec::as_slice)) {
        ("$action", Some([Parameter::Literal(Value::String(of_type))])) => Some(of_type),
        _ => None,
    }
}

impl LookedUp<'_> {
    /// The id of the field: the longest that the path begins with.
    fn id(&self) -> &str {
        let begins = |id: &&String| {
            let rest = self.path.strip_prefix(id.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        let ids = self.fields.keys().filter(begins);
        ids.max_by_key(|id| id.len()).map_or("", String::as_str)
    }

    fn field(&self) -> Option<&FormField> {
        self.fields.get(self.id())
    }

    /// The path inside the field.
    fn rest(&self) -> &str {
        let rest = self.path.strip_prefix(self.id()).unwrap_or_default();
        rest.trim_start_matches('.')
    }

    /// Returns true if the words are never equal to the literal.
    fn never(&self, literal: &Value) -> bool {
        let Some(field) = self.field() else {
            return false;
        };
        let text = literal.as_str();
        match (field.of_type, self.rest()) {
            (FieldType::Select | FieldType::RadioGroup, "") => {
                let mut options = field.options.iter();
                let option = options.find(|option| Some(option.value()) == text);
                option.is_some_and(|option| match option.label() {
                    Label::Plain(label) => Some(label.as_str()) != text,
                    Label::Message(_) => true,
                })
            }
            (FieldType::Country, "") | (FieldType::Address, "country") => {
                text.is_some_and(is_country)
            }
            (FieldType::Date, "") => text.is_some_and(is_day),
            (FieldType::Checkbox, "") => literal.is_boolean(),
            (FieldType::Number | FieldType::Age, "") => literal.is_number(),
            _ => false,
        }
    }

    /// The expression with which a template reads the code.
    fn code(&self) -> String {
        let (id, rest) = (self.id(), self.rest());
        let form = match self.action {
            Some(action) => format!("(lookup ($action \"{action}\") \"annotation\")"),
            None => "$declaration".to_owned(),
        };
        let code = format!("(lookup {form} \"{id}\")");
        if rest.is_empty() {
            code
        } else {
            format!("(lookup {code} \"{rest}\")")
        }
    }
}
