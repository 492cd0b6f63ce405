// SPDX-License-Identifier: MPL-2.0
//! The forms of an event, read from the document that core gets: built in, overlaid or imported, a
//! form is the same here.

use super::{items, text};
use opencrvs_toolkit::evaluate::{Context, FieldRules, Predicate, Verdict};
use serde_json::Value;

/// An event with its forms.
pub(in crate::studio) struct EventForms {
    pub(in crate::studio) id: String,
    /// As it is served.
    pub(in crate::studio) json: Value,
    pub(in crate::studio) declaration: Form,
    /// Those of its actions, as far as they ask something.
    pub(in crate::studio) actions: Vec<Form>,
}

/// The declaration, or the form of an action.
pub(in crate::studio) struct Form {
    /// `declaration`, or the name of the action.
    pub(in crate::studio) key: String,
    /// A message.
    pub(in crate::studio) title: Value,
    pub(in crate::studio) pages: Vec<FormPage>,
}

/// A page of a form.
pub(in crate::studio) struct FormPage {
    pub(in crate::studio) id: String,
    /// A message.
    pub(in crate::studio) title: Value,
    pub(in crate::studio) condition: Option<Condition>,
    pub(in crate::studio) fields: Vec<Field>,
}

/// A field of a form.
pub(in crate::studio) struct Field {
    pub(in crate::studio) id: String,
    /// The type as core names it.
    pub(in crate::studio) kind: String,
    /// As it is served.
    pub(in crate::studio) json: Value,
    /// Nothing where a conditional has no meaning here.
    pub(in crate::studio) rules: Option<FieldRules>,
    pub(in crate::studio) required: bool,
    pub(in crate::studio) show: Vec<Condition>,
    pub(in crate::studio) enable: Vec<Condition>,
    pub(in crate::studio) review: Vec<Condition>,
    /// The fields whose change resets this one.
    pub(in crate::studio) parents: Vec<String>,
    /// The fields, and the path in them, whose value this one takes.
    pub(in crate::studio) sources: Vec<(String, Vec<String>)>,
}

/// A conditional with its schema.
pub(in crate::studio) struct Condition {
    pub(in crate::studio) schema: Value,
    predicate: Option<Predicate>,
}

impl EventForms {
    pub(super) fn of(json: &Value) -> Self {
        let pages = |form: &Value| items(form, "pages").iter().map(FormPage::of).collect();
        let label = |of: &Value| of.get("label").cloned().unwrap_or_default();
        let declaration = json.get("declaration").cloned().unwrap_or_default();
        let mut actions = Vec::new();
        for action in items(json, "actions") {
            let custom = text(action, "customActionType");
            let key = if custom.is_empty() {
                text(action, "type")
            } else {
                custom
            };
            let asked = ["printForm", "correctionForm"]
                .iter()
                .find_map(|key| action.get(key));
            let own = |fields: &[Value]| vec![FormPage::alone(label(action), fields)];
            let pages = match (asked, action.get("review")) {
                (Some(form), _) => pages(form),
                (_, Some(review)) => own(items(review, "fields")),
                _ => own(items(action, "form")),
            };
            // A form without a field asks nothing.
            if pages.iter().any(|page: &FormPage| !page.fields.is_empty()) {
                actions.push(Form {
                    key: key.to_owned(),
                    title: label(action),
                    pages,
                });
            }
        }
        Self {
            id: text(json, "id").to_owned(),
            declaration: Form {
                key: DECLARATION.to_owned(),
                title: label(json),
                pages: pages(&declaration),
            },
            actions,
            json: json.clone(),
        }
    }

    pub(in crate::studio) fn form(&self, key: &str) -> Option<&Form> {
        let mut forms = std::iter::once(&self.declaration).chain(&self.actions);
        forms.find(|form| form.key == key)
    }

    /// Fields of the declaration and of the forms of all actions.
    pub(in crate::studio) fn all_fields(&self) -> impl Iterator<Item = (&Form, &Field)> {
        let forms = std::iter::once(&self.declaration).chain(&self.actions);
        forms.flat_map(|form| form.fields().map(move |field| (form, field)))
    }
}

/// The key of the declaration among the forms of an event.
pub(in crate::studio) const DECLARATION: &str = "declaration";

impl Form {
    pub(in crate::studio) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.pages.iter().flat_map(|page| &page.fields)
    }

    pub(in crate::studio) fn page(&self, id: &str) -> Option<&FormPage> {
        self.pages.iter().find(|page| page.id == id)
    }
}

impl FormPage {
    fn of(page: &Value) -> Self {
        Self {
            id: text(page, "id").to_owned(),
            title: page.get("title").cloned().unwrap_or_default(),
            condition: page.get("conditional").map(Condition::of),
            fields: items(page, "fields").iter().map(Field::of).collect(),
        }
    }

    /// The only page of an action's form.
    fn alone(title: Value, fields: &[Value]) -> Self {
        Self {
            id: "form".to_owned(),
            title,
            condition: None,
            fields: fields.iter().map(Field::of).collect(),
        }
    }

    pub(in crate::studio) fn is_shown(&self, context: &Context) -> bool {
        let condition = self.condition.as_ref();
        condition.is_none_or(|condition| condition.verdict(context) != Verdict::Fails)
    }
}

impl Field {
    fn of(json: &Value) -> Self {
        let references = |key: &str| {
            let references = json.get(key);
            let one = references
                .filter(|reference| reference.is_object())
                .into_iter();
            one.chain(items(json, key))
                .map(reference)
                .collect::<Vec<_>>()
        };
        let parents = references("parent").into_iter().map(|(field, _)| field);
        Self {
            id: text(json, "id").to_owned(),
            kind: text(json, "type").to_owned(),
            rules: FieldRules::new(json).ok(),
            required: json
                .get("required")
                .is_some_and(|required| *required != false),
            show: conditions(json, "SHOW"),
            enable: conditions(json, "ENABLE"),
            review: conditions(json, "DISPLAY_ON_REVIEW"),
            parents: parents.collect(),
            sources: references("value"),
            json: json.clone(),
        }
    }

    /// Whether core shows the field; one that cannot be judged here is shown.
    pub(in crate::studio) fn is_shown(&self, context: &Context) -> bool {
        let rules = self.rules.as_ref();
        rules.is_none_or(|rules| rules.shown(context) != Verdict::Fails)
    }

    pub(in crate::studio) fn is_enabled(&self, context: &Context) -> bool {
        all_hold(&self.enable, context)
    }

    /// Whether the review page shows it.
    pub(in crate::studio) fn is_reviewed(&self, context: &Context) -> bool {
        all_hold(&self.review, context)
    }

    /// Whether it takes an answer from a person.
    pub(in crate::studio) fn asks(&self) -> bool {
        const SILENT: [&str; 15] = [
            "BULLET_LIST",
            "DIVIDER",
            "PAGE_HEADER",
            "IMAGE_VIEW",
            "PARAGRAPH",
            "HEADING",
            "LOADER",
            "DATA",
            "ID_READER",
            "HTTP",
            "QUERY_PARAM_READER",
            "ALPHA_HIDDEN",
            "ALPHA_PRINT_BUTTON",
            "LINK_BUTTON",
            "QR_READER",
        ];
        !SILENT.contains(&self.kind.as_str())
    }

    /// Whether core's client has no input or text for it: its value comes from systems.
    pub(in crate::studio) fn is_of_systems(&self) -> bool {
        ["HTTP", "QUERY_PARAM_READER", "ALPHA_HIDDEN"].contains(&self.kind.as_str())
    }

    /// A setting of its type.
    pub(in crate::studio) fn setting(&self, path: &str) -> Option<&Value> {
        self.json.pointer(&format!("/configuration/{path}"))
    }

    pub(in crate::studio) fn label(&self) -> &Value {
        self.json.get("label").unwrap_or(&Value::Null)
    }

    /// The choices that are shown: value and label.
    pub(in crate::studio) fn choices(&self, context: &Context) -> Vec<(&str, &Value)> {
        let shown = |option: &&Value| all_hold(&conditions(option, "SHOW"), context);
        let options = items(&self.json, "options").iter().filter(shown);
        options
            .map(|option| {
                (
                    text(option, "value"),
                    option.get("label").unwrap_or(&Value::Null),
                )
            })
            .collect()
    }
}

/// The conditions with an effect on a part of an event.
pub(in crate::studio) fn conditions(json: &Value, effect: &str) -> Vec<Condition> {
    let all = items(json, "conditionals").iter();
    let of_effect = all.filter(|conditional| text(conditional, "type") == effect);
    let schemas = of_effect.filter_map(|conditional| conditional.get("conditional"));
    schemas.map(Condition::of).collect()
}

/// Whether all conditions hold; one that cannot be judged here does.
pub(in crate::studio) fn all_hold(conditions: &[Condition], context: &Context) -> bool {
    conditions
        .iter()
        .all(|condition| condition.verdict(context) != Verdict::Fails)
}

impl Condition {
    pub(in crate::studio) fn of(schema: &Value) -> Self {
        Self {
            predicate: Predicate::new(schema).ok(),
            schema: schema.clone(),
        }
    }

    pub(in crate::studio) fn verdict(&self, context: &Context) -> Verdict {
        match &self.predicate {
            Some(predicate) => predicate.verdict(context),
            None => Verdict::NotEvaluable(opencrvs_toolkit::evaluate::Obstacle::JavaScript),
        }
    }
}

/// A field, and the path in its value.
fn reference(reference: &Value) -> (String, Vec<String>) {
    let path = items(reference, "$$subfield").iter();
    let path = path.filter_map(|part| part.as_str().map(str::to_owned));
    (text(reference, "$$field").to_owned(), path.collect())
}
