// SPDX-License-Identifier: MPL-2.0
//! The changes of a file, one after the other. Each must find what it changes.

use super::document::{self, Spot, at, list_mut, list_of, mark};
use super::keys::{ACTION, EVENT_REFERENCES, EVENT_TEXTS, FIELD, MadeText, PAGE};
use super::parts::{Condition, Work};
use rules::annotated_toml::{Section, Text, camel};
use rules::diagnostic::did_you_mean;
use serde_json::{Map, Value, json};

/// The keys at the top of a file.
const KEYS: [&str; 8] = [
    "extends",
    "id",
    "label",
    "title",
    "form-label",
    "date-of-event",
    "place-of-event",
    "event",
];
const OPERATIONS: [&str; 8] = [
    "add",
    "remove",
    "change",
    "move",
    "add-page",
    "add-action",
    "page",
    "action",
];
/// The keys that only an event of the country's own has.
const OWN: [&str; 8] = [
    "id",
    "label",
    "title",
    "form-label",
    "page",
    "action",
    "date-of-event",
    "place-of-event",
];

/// The way to choose between several fields with the same name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OfSeveral {
    /// The key `nth`.
    Nth,
    /// Nothing: the name stands once, or in both reviews.
    None,
}

/// The parts that a file removed.
#[derive(Debug, Default)]
pub(super) struct Removed {
    /// Field, and the number of the place.
    pub(super) fields: Vec<(String, usize)>,
    /// Field, option, and the number of the place.
    pub(super) options: Vec<(String, String, usize)>,
}

impl Work<'_, '_, '_> {
    /// The event that a file begins, without its pages and actions.
    pub(super) fn own_event(&mut self, root: &Section<'_>) -> Option<Value> {
        let id = root.required_text(self.reader, "id")?;
        if id.value != self.event {
            let hint = format!("call the file {}.toml", id.value);
            let message = format!(
                "the event is called `{}`, and its file `{}`",
                id.value, self.event
            );
            self.reader.error(id.span, message, Some(hint));
            return None;
        }
        for key in ["label", "title"] {
            if root.item(key).is_none() {
                let message = format!("the event `{}` has no {key}", id.value);
                self.reader
                    .error(id.span.clone(), message, Some(format!("{key} = \"…\"")));
            }
        }
        let base = format!("event.{}", id.value);
        let mut event = Map::new();
        event.insert("id".into(), json!(id.value));
        self.set_texts(&mut event, root, &EVENT_TEXTS, &base, id.value);
        if EVENT_TEXTS
            .iter()
            .any(|text| !event.contains_key(text.core_key))
        {
            return None;
        }
        let made = MadeText::form_label(&format!("{base}.action.declare"));
        let label = self.message(root, "form-label", made);
        let label = label.or_else(|| event.get("label").cloned());
        event.insert("summary".into(), json!({ "fields": [] }));
        event.insert("declaration".into(), json!({ "label": label, "pages": [] }));
        for key in ["actions", "advancedSearch", "flags"] {
            event.insert(key.into(), json!([]));
        }
        event.insert("analytics".into(), json!(self.environment.analytics));
        Some(Value::Object(event))
    }

    /// Checks that `extends` names the event that this file changes.
    pub(super) fn base(&mut self, root: &Section<'_>, id: &str, is_json: bool) {
        let Some(extends) = root.text(self.reader, "extends") else {
            return;
        };
        let json = format!("{id}.json");
        let is_meant = match extends.value {
            "built-in" => !is_json,
            name => is_json && name == json,
        };
        if !is_meant {
            let message = format!(
                "`extends` names `{}`, which this file does not change",
                extends.value
            );
            let hint = if is_json {
                format!("{json} stands beside it: extends = \"{json}\", or leave it out")
            } else {
                format!("extends = \"built-in\", or put {json} beside it")
            };
            self.reader.error(extends.span, message, Some(hint));
        }
    }

    /// Applies the changes in the order in which they are written.
    pub(super) fn apply(
        &mut self,
        root: &Section<'_>,
        document: &mut Value,
        is_own: bool,
        removed: &mut Removed,
    ) {
        let known: Vec<&str> = KEYS.into_iter().chain(OPERATIONS).collect();
        root.only(self.reader, &known);
        if !is_own {
            for key in OWN.into_iter().filter(|key| root.item(key).is_some()) {
                let message =
                    format!("`{key}` belongs to an event of one's own, which begins with `id`");
                let hint = match key {
                    "page" => "a page is added with [[add-page]]",
                    "action" => "an action is added with [[add-action]]",
                    _ => "what belongs to the event as a whole stands under [event]",
                };
                self.error_at_key(root, key, message, hint);
            }
        }
        let mut operations = Vec::new();
        for kind in OPERATIONS {
            let sections = root.sections(self.reader, kind);
            operations.extend(sections.into_iter().map(|section| (kind, section)));
        }
        operations.sort_by_key(|(_, section)| section.span.start);
        self.fields = document::all_fields(document).into_iter().collect();
        self.collect_new_fields(&operations);
        let day = is_own
            .then(|| root.item("date-of-event")?.as_str())
            .flatten();
        for (kind, section) in &operations {
            match *kind {
                "add" => self.add(document, section),
                "remove" => self.remove(document, section, removed),
                "change" => self.change(document, section, removed),
                "move" => self.move_part(document, section),
                "add-page" => self.add_page(document, section, day, false),
                "page" => self.add_page(document, section, day, true),
                _ => self.add_action(document, section),
            }
        }
        if is_own {
            self.days_and_places(document, root);
        }
        if let Some(event) = root.section(self.reader, "event", "event".to_owned()) {
            self.change_event(document, &event);
        }
    }

    /// Conditions may name what is added further down.
    fn collect_new_fields(&mut self, operations: &[(&str, Section<'_>)]) {
        let mut sections: Vec<Section<'_>> = operations
            .iter()
            .map(|(_, section)| section.clone())
            .collect();
        while let Some(section) = sections.pop() {
            let id = section.item("id").and_then(|id| id.as_str());
            let is_field = section.item("type").is_some() || section.item("json").is_some();
            self.fields
                .extend(id.filter(|_| is_field).map(str::to_owned));
            if let Some(key) = section.item("key").and_then(|key| key.as_str()) {
                let parts = forms::PERSON_FIELDS.iter();
                self.fields
                    .extend(parts.map(|part| format!("{key}.{part}")));
            }
            for key in ["field", "person", "page"] {
                if section.has_tables(key) {
                    sections.extend(section.sections(self.reader, key));
                }
            }
        }
    }

    /// The form that a change is about.
    fn form(&mut self, document: &Value, section: &Section<'_>) -> Option<String> {
        let Some(form) = section.text(self.reader, "form") else {
            return Some("declaration".to_owned());
        };
        let known = document::forms(document);
        if known.iter().any(|known| known == form.value) {
            return Some(form.value.to_owned());
        }
        let message = format!("there is no form `{}`", form.value);
        self.missing(
            form.span.clone(),
            message,
            form.value,
            known.iter().map(String::as_str),
        );
        None
    }

    /// The fields with an id: one, or one on each review page.
    fn fields_named(
        &mut self,
        document: &Value,
        section: &Section<'_>,
        form: &str,
        name: &Text<'_>,
        of_several: OfSeveral,
    ) -> Option<Vec<Spot>> {
        let lists = document::field_lists(document, form);
        let spots = document::spots(document, &lists, name.value);
        if spots.is_empty() {
            let ids = document::ids(document, &lists);
            let place = if form == "declaration" {
                String::new()
            } else {
                format!(" in the form `{form}`")
            };
            let message = format!("there is no field `{}`{place}", name.value);
            self.missing(name.span.clone(), message, name.value, ids);
            return None;
        }
        let nth = section.item("nth");
        if let Some(nth) = nth.filter(|_| of_several == OfSeveral::Nth) {
            let index = nth
                .as_integer()
                .and_then(|nth| usize::try_from(nth.checked_sub(1)?).ok());
            let wanted = index.and_then(|index| spots.get(index));
            if wanted.is_none() {
                let message = format!("`{}` stands {} times in the form", name.value, spots.len());
                self.error_at_key(section, "nth", message, "count from 1");
            }
            return wanted.map(|spot| vec![spot.clone()]);
        }
        if spots.len() > 1 && form != "review" {
            let message = format!(
                "`{}` stands {} times in the form `{form}`",
                name.value,
                spots.len()
            );
            let hint = match of_several {
                OfSeveral::Nth => format!("say which with nth = 1 to {}", spots.len()),
                OfSeveral::None => "name a field that stands there once".to_owned(),
            };
            self.reader.error(name.span.clone(), message, Some(hint));
            return None;
        }
        Some(spots)
    }

    /// The places at which something is inserted: `after`, `before`, or at the end of a page.
    fn targets(
        &mut self,
        document: &Value,
        section: &Section<'_>,
        form: &str,
        of_several: OfSeveral,
    ) -> Option<Vec<Spot>> {
        for (key, offset) in [("after", 1), ("before", 0)] {
            if let Some(anchor) = section.text(self.reader, key) {
                let spots = self.fields_named(document, section, form, &anchor, of_several)?;
                let moved = spots.into_iter().map(|spot| Spot {
                    index: spot.index + offset,
                    ..spot
                });
                return Some(moved.collect());
            }
        }
        let pages = document::pages(document, form);
        if let Some(page) = section.text(self.reader, "page") {
            let spot = self.page_named(document, form, &page)?;
            return Some(vec![Spot {
                list: format!("{}/{}/fields", spot.list, spot.index),
                index: usize::MAX,
            }]);
        }
        if pages.is_empty() {
            let lists = document::field_lists(document, form).into_iter();
            let ends = lists.map(|list| Spot {
                list,
                index: usize::MAX,
            });
            return Some(ends.collect());
        }
        let message = format!("{}: its place is missing", section.what);
        let hint = "after = \"FIELD\", before = \"FIELD\", or page = \"PAGE\" for its end";
        self.reader
            .error(section.span.clone(), message, Some(hint.to_owned()));
        None
    }

    fn insert(document: &mut Value, spot: &Spot, item: Value) {
        if let Some(list) = list_mut(document, &spot.list) {
            list.insert(spot.index.min(list.len()), item);
        }
    }

    fn add(&mut self, document: &mut Value, section: &Section<'_>) {
        let known: Vec<&str> = ["id", "after", "before", "page", "form", "nth"]
            .into_iter()
            .chain(FIELD)
            .collect();
        section.only(self.reader, &known);
        let Some(form) = self.form(document, section) else {
            return;
        };
        if let Some(id) = section.text(self.reader, "id") {
            let lists = document::field_lists(document, &form);
            if form == "declaration" && !document::spots(document, &lists, id.value).is_empty() {
                let message = format!("there is a field `{}` already", id.value);
                let hint = "change it with [[change]], or give the new one another id";
                self.reader.error(id.span, message, Some(hint.to_owned()));
                return;
            }
        }
        let targets = self.targets(document, section, &form, OfSeveral::Nth);
        let field = self.field(section);
        if let (Some(targets), Some(field)) = (targets, field) {
            for spot in targets {
                Self::insert(document, &spot, field.clone());
            }
        }
    }

    fn remove(&mut self, document: &mut Value, section: &Section<'_>, removed: &mut Removed) {
        section.only(self.reader, &["field", "page", "action", "form", "nth"]);
        let Some(form) = self.form(document, section) else {
            return;
        };
        if let Some(name) = section.text(self.reader, "field") {
            let place = self.place(&name.span.clone());
            let Some(spots) = self.fields_named(document, section, &form, &name, OfSeveral::Nth)
            else {
                return;
            };
            for spot in spots.iter().rev() {
                remove_at(document, spot);
            }
            removed.fields.push((name.value.to_owned(), place));
        } else if let Some(name) = section.text(self.reader, "page") {
            let place = self.place(&name.span.clone());
            let Some(spot) = self.page_named(document, &form, &name) else {
                return;
            };
            let fields = format!("{}/{}/fields", spot.list, spot.index);
            let gone = document::ids(document, &[fields]).into_iter();
            removed.fields.extend(gone.map(|id| (id.to_owned(), place)));
            remove_at(document, &spot);
        } else if let Some(name) = section.text(self.reader, "action") {
            let Some(spot) = self.action_named(document, &name) else {
                return;
            };
            remove_at(document, &spot);
            if let Some(order) = document
                .get_mut("actionOrder")
                .and_then(Value::as_array_mut)
            {
                order.retain(|known| known != name.value);
            }
        } else {
            self.names_nothing(section);
        }
    }

    fn names_nothing(&mut self, section: &Section<'_>) {
        let hint = "field = \"…\", page = \"…\" or action = \"…\"";
        self.reader.error(
            section.span.clone(),
            "this names nothing".to_owned(),
            Some(hint.to_owned()),
        );
    }

    fn page_named(&mut self, document: &Value, form: &str, name: &Text<'_>) -> Option<Spot> {
        let pages = document::pages(document, form);
        let spot = document::spots(document, &pages, name.value)
            .into_iter()
            .next();
        if spot.is_none() {
            let ids = document::ids(document, &pages);
            let message = format!("there is no page `{}`", name.value);
            self.missing(name.span.clone(), message, name.value, ids);
        }
        spot
    }

    fn action_named(&mut self, document: &Value, name: &Text<'_>) -> Option<Spot> {
        let spot = document::action(document, name.value);
        if spot.is_none() {
            let known = document::actions(document);
            let message = format!("there is no action `{}`", name.value);
            self.missing(name.span.clone(), message, name.value, known);
        }
        spot
    }

    fn change(&mut self, document: &mut Value, section: &Section<'_>, removed: &mut Removed) {
        let (kind, known): (&str, Vec<&str>) = if section.item("field").is_some() {
            let own = [
                "field",
                "form",
                "nth",
                "and-show-if",
                "and-enable-if",
                "and-review-if",
            ];
            ("field", own.into_iter().chain(FIELD).collect())
        } else if section.item("page").is_some() {
            (
                "page",
                ["page", "form", "and-show-if"]
                    .into_iter()
                    .chain(PAGE)
                    .collect(),
            )
        } else if section.item("action").is_some() {
            (
                "action",
                ["action", "and-show-if", "and-enable-if"]
                    .into_iter()
                    .chain(ACTION)
                    .collect(),
            )
        } else {
            // A slip in the word for it is reported where it stands.
            let kinds = ["field", "page", "action", "form", "nth"];
            let known = kinds.into_iter().chain(FIELD).chain(PAGE).chain(ACTION);
            let known: Vec<&str> = known.collect();
            section.only(self.reader, &known);
            return self.names_nothing(section);
        };
        section.only(self.reader, &known);
        let address = [kind, "form", "nth"];
        if section
            .keys()
            .iter()
            .all(|key| address.contains(&key.value))
        {
            let hint = format!(
                "say what becomes of it: {}",
                known.get(3..).unwrap_or_default().join(", ")
            );
            let message = format!("this changes nothing of the {kind}");
            self.reader.error(section.span.clone(), message, Some(hint));
        }
        let Some(name) = section.text(self.reader, kind) else {
            return;
        };
        let Some(form) = self.form(document, section) else {
            return;
        };
        let named = section.clone().called(format!("{kind} `{}`", name.value));
        match kind {
            "field" => {
                let Some(spots) =
                    self.fields_named(document, section, &form, &name, OfSeveral::Nth)
                else {
                    return;
                };
                for spot in spots {
                    if let Some(field) = at(document, &spot) {
                        self.set_field(field, &named, name.value);
                    }
                }
                let gone = section
                    .item("options")
                    .and_then(|options| options.get("remove"));
                for option in gone.and_then(|gone| gone.as_array()).into_iter().flatten() {
                    if let (Some(value), Some(span)) = (option.as_str(), option.span()) {
                        let place = self.place(&span);
                        removed
                            .options
                            .push((name.value.to_owned(), value.to_owned(), place));
                    }
                }
            }
            "page" => {
                let spot = self.page_named(document, &form, &name);
                if let Some(page) = spot.and_then(|spot| at(document, &spot)) {
                    self.set_page(page, &named, name.value);
                }
            }
            _ => {
                let spot = self.action_named(document, &name);
                if let Some(action) = spot.and_then(|spot| at(document, &spot)) {
                    self.set_action(action, &named, name.value);
                }
            }
        }
    }

    fn move_part(&mut self, document: &mut Value, section: &Section<'_>) {
        section.only(
            self.reader,
            &["field", "page", "after", "before", "form", "nth"],
        );
        let Some(form) = self.form(document, section) else {
            return;
        };
        if let Some(name) = section.text(self.reader, "field") {
            let Some(spots) = self.fields_named(document, section, &form, &name, OfSeveral::Nth)
            else {
                return;
            };
            let target = ["after", "before"]
                .iter()
                .any(|key| section.item(key).is_some());
            // A field that goes to the end of a page names that page.
            if !target && section.item("page").is_none() {
                let message = format!("`{}` is moved nowhere", name.value);
                let hint = "after = \"FIELD\", before = \"FIELD\" or page = \"PAGE\"";
                self.reader
                    .error(section.span.clone(), message, Some(hint.to_owned()));
                return;
            }
            let before = document.clone();
            let mut field = None;
            for spot in spots.iter().rev() {
                field = remove_at(document, spot);
            }
            let Some(field) = field else {
                return;
            };
            match self.targets(document, section, &form, OfSeveral::None) {
                Some(targets) => {
                    for target in targets {
                        Self::insert(document, &target, field.clone());
                    }
                }
                None => *document = before,
            }
            return;
        }
        let Some(name) = section.text(self.reader, "page") else {
            return self.names_nothing(section);
        };
        let Some(spot) = self.page_named(document, &form, &name) else {
            return;
        };
        let Some(target) = self.page_target(document, section, &form) else {
            return;
        };
        let Some(page) = remove_at(document, &spot) else {
            return;
        };
        let index = target.index - usize::from(target.index > spot.index);
        Self::insert(document, &Spot { index, ..target }, page);
    }

    fn page_target(&mut self, document: &Value, section: &Section<'_>, form: &str) -> Option<Spot> {
        for (key, offset) in [("after", 1), ("before", 0)] {
            if let Some(anchor) = section.text(self.reader, key) {
                let spot = self.page_named(document, form, &anchor)?;
                return Some(Spot {
                    index: spot.index + offset,
                    ..spot
                });
            }
        }
        let message = format!("{}: its place is missing", section.what);
        let hint = "after = \"PAGE\" or before = \"PAGE\"";
        self.reader
            .error(section.span.clone(), message, Some(hint.to_owned()));
        None
    }

    /// A page: where it says, or in an event of one's own at the end.
    fn add_page(
        &mut self,
        document: &mut Value,
        section: &Section<'_>,
        day: Option<&str>,
        is_own: bool,
    ) {
        let known: Vec<&str> = ["id", "after", "before", "form", "field", "person"]
            .into_iter()
            .chain(PAGE)
            .collect();
        section.only(self.reader, &known);
        let Some(form) = self.form(document, section) else {
            return;
        };
        let has_place = ["after", "before"]
            .iter()
            .any(|key| section.item(key).is_some());
        let target = if is_own && !has_place {
            let list = document::pages(document, &form).into_iter().next();
            list.map(|list| Spot {
                list,
                index: usize::MAX,
            })
        } else {
            self.page_target(document, section, &form)
        };
        if let Some(id) = section.text(self.reader, "id") {
            let pages = document::pages(document, &form);
            if !document::spots(document, &pages, id.value).is_empty() {
                let message = format!("there is a page `{}` already", id.value);
                self.reader.error(
                    id.span,
                    message,
                    Some("give the new one another id".to_owned()),
                );
                return;
            }
        }
        let page = self.page(section, day);
        if let (Some(target), Some(page)) = (target, page) {
            Self::insert(document, &target, page);
        }
    }

    /// An action: of core's types, or the country's own.
    fn add_action(&mut self, document: &mut Value, section: &Section<'_>) {
        let own = [
            "id",
            "type",
            "after",
            "before",
            "review-title",
            "form-label",
            "field",
            "page",
        ];
        let known: Vec<&str> = own.into_iter().chain(ACTION).collect();
        section.only(self.reader, &known);
        let of_type = section.text(self.reader, "type");
        let id = section.text(self.reader, "id");
        let Some(name) = id.clone().or_else(|| of_type.clone()) else {
            let message = "the action has neither `id` nor `type`".to_owned();
            let hint = "id = \"…\" names an action of your own, type = \"…\" is one of core's";
            self.reader
                .error(section.span.clone(), message, Some(hint.to_owned()));
            return;
        };
        if document::action(document, name.value).is_some() {
            let message = format!("there is an action `{}` already", name.value);
            self.reader.error(
                name.span,
                message,
                Some("change it with [[change]]".to_owned()),
            );
            return;
        }
        let kind = of_type.as_ref().map_or("CUSTOM", |of_type| of_type.value);
        let named = section.clone().called(format!("action `{}`", name.value));
        let mut action = Map::new();
        let place = self.place(&section.span.clone());
        mark(&mut action, "", place);
        action.insert("type".into(), json!(kind));
        if of_type.is_some() {
            let place = self.place_of(section, "type");
            mark(&mut action, "type", place);
        }
        action.insert("flags".into(), json!([]));
        let event = self.event.clone();
        if ["DECLARE", "EDIT"].contains(&kind) {
            let copy = forms::dialog(&event, kind == "EDIT");
            self.keep_texts_of_program(&json!(copy), section);
            action.insert("dialogCopy".into(), json!(copy));
        }
        if kind == "CUSTOM" {
            action.insert("customActionType".into(), json!(name.value));
        }
        self.set_action(&mut action, &named, name.value);
        let base = format!("event.{event}.action.{}", name.value);
        match kind {
            "READ" | "DECLARE" => {
                let made = MadeText::review_title(&event);
                let title = self.message(&named, "review-title", made);
                let title = title.or_else(|| document.get("title").cloned());
                let fields = self.fields_of(&named, None);
                action.insert("review".into(), json!({ "title": title, "fields": fields }));
            }
            "PRINT_CERTIFICATE" | "REQUEST_CORRECTION" => {
                let key = if kind == "PRINT_CERTIFICATE" {
                    "printForm"
                } else {
                    "correctionForm"
                };
                let label = self.message(&named, "form-label", MadeText::form_label(&base));
                let label = label.or_else(|| action.get("label").cloned());
                let mut pages = Vec::new();
                for page in named.sections(self.reader, "page") {
                    let known: Vec<&str> =
                        ["id", "field", "person"].into_iter().chain(PAGE).collect();
                    page.only(self.reader, &known);
                    pages.extend(self.page(&page, None));
                }
                action.insert(key.into(), json!({ "label": label, "pages": pages }));
            }
            "CUSTOM" => {
                let fields = self.fields_of(&named, None);
                action.insert("form".into(), Value::Array(fields));
                if !action.contains_key("auditHistoryLabel") {
                    let label = action.get("label").cloned().unwrap_or_default();
                    action.insert("auditHistoryLabel".into(), label);
                }
            }
            _ => {}
        }
        let mut index = usize::MAX;
        for (key, offset) in [("after", 1), ("before", 0)] {
            if let Some(anchor) = section.text(self.reader, key) {
                let Some(spot) = self.action_named(document, &anchor) else {
                    return;
                };
                index = spot.index + offset;
            }
        }
        let list = "/actions".to_owned();
        Self::insert(document, &Spot { list, index }, Value::Object(action));
    }

    /// `date-of-event` and `place-of-event`.
    fn days_and_places(&mut self, document: &mut Value, section: &Section<'_>) {
        for key in EVENT_REFERENCES {
            if let Some(name) = section.text(self.reader, key) {
                let value = match name.value.strip_prefix("event.") {
                    Some(kept) if key == "date-of-event" => json!({ "$$event": kept }),
                    _ => self.reference(name.value),
                };
                if let Some(event) = document.as_object_mut() {
                    self.set(event, &camel(key), value, section, key);
                }
            }
        }
    }

    /// Changes the settings of the event as a whole.
    fn change_event(&mut self, document: &mut Value, section: &Section<'_>) {
        let known = [
            "label",
            "title",
            "fallback-title",
            "flags",
            "summary",
            "search",
            "date-of-event",
            "place-of-event",
            "duplicates",
            "action-order",
            "analytics",
            "json",
        ];
        section.only(self.reader, &known);
        self.days_and_places(document, section);
        let base = format!("event.{}", self.event);
        let Some(event) = document.as_object_mut() else {
            return;
        };
        for key in ["label", "title", "fallback-title"] {
            let made = MadeText::event_setting(&base, key);
            if let Some(text) = self.message(section, key, made) {
                self.set(event, &camel(key), text, section, key);
            }
        }
        if let Some(analytics) = section.switch(self.reader, "analytics") {
            self.set(event, "analytics", json!(analytics), section, "analytics");
        }
        if section.item("action-order").is_some() {
            let order = section.texts(self.reader, "action-order");
            let order: Vec<&str> = order.iter().map(|name| name.value).collect();
            self.set(event, "actionOrder", json!(order), section, "action-order");
        }
        if section.item("summary").is_some() {
            self.summary(event, section, &base);
        }
        if let Some(search) = section.text(self.reader, "duplicates") {
            if search.value == "off" {
                let actions = event.get_mut("actions").and_then(Value::as_array_mut);
                for action in actions.into_iter().flatten() {
                    if let Some(action) = action.as_object_mut() {
                        action.shift_remove("deduplication");
                    }
                }
            } else if search.value != "built-in" {
                let message = format!("`duplicates` is `{}`", search.value);
                let hint = "\"off\" or \"built-in\"; clauses stand in the json of the actions DECLARE and REGISTER";
                self.reader
                    .error(search.span, message, Some(hint.to_owned()));
            }
        }
        self.flags(event, section, &base);
        self.search(event, section, &base);
        self.core_json(event, section);
    }

    /// Lines of the summary: ids of fields, or `{ id, label, value }`.
    fn summary(&mut self, event: &mut Map<String, Value>, section: &Section<'_>, base: &str) {
        let place = self.place_of(section, "summary");
        let is_plain = section.has_texts("summary");
        let mut lines = Vec::new();
        if is_plain {
            for name in section.texts(self.reader, "summary") {
                let place = self.place(&name.span.clone());
                let mut line = Map::new();
                line.insert("fieldId".into(), json!(name.value));
                line.insert("conditionals".into(), json!([]));
                mark(&mut line, "", place);
                lines.push(Value::Object(line));
            }
        } else {
            for line in section.sections(self.reader, "summary") {
                line.only(
                    self.reader,
                    &["id", "field", "label", "value", "empty", "show-if"],
                );
                let mut item = Map::new();
                let place = self.place(&line.span.clone());
                mark(&mut item, "", place);
                if let Some(field) = line.text(self.reader, "field") {
                    item.insert("fieldId".into(), json!(field.value));
                }
                let id = line.text(self.reader, "id");
                let name = id.as_ref().map_or("line", |id| id.value).to_owned();
                if let Some(id) = id {
                    item.insert("id".into(), json!(id.value));
                }
                for (key, core_key) in [
                    ("label", "label"),
                    ("value", "value"),
                    ("empty", "emptyValueMessage"),
                ] {
                    let made = MadeText::new(
                        format!("{base}.summary.{name}.{key}"),
                        format!("Summary line {name}: {key}"),
                    );
                    if let Some(text) = self.message(&line, key, made) {
                        item.insert(core_key.into(), text);
                    }
                }
                item.insert("conditionals".into(), json!([]));
                if let Some(Condition::When(condition)) = self.condition(&line, "show-if") {
                    item.insert(
                        "conditionals".into(),
                        json!([{ "type": "SHOW", "conditional": condition }]),
                    );
                }
                lines.push(Value::Object(item));
            }
        }
        event.insert("summary".into(), json!({ "fields": lines }));
        mark(event, "summary", place);
    }

    /// `flags.add` and `flags.remove` of the event.
    fn flags(&mut self, event: &mut Map<String, Value>, section: &Section<'_>, base: &str) {
        let Some(changes) = section.section(self.reader, "flags", "event: `flags`".to_owned())
        else {
            return;
        };
        changes.only(self.reader, &["add", "remove"]);
        let mut list = list_of(event, "flags");
        self.remove_named(&mut list, &changes, "/id", "there is no flag");
        for flag in changes.sections(self.reader, "add") {
            flag.only(self.reader, &["id", "label", "requires-action"]);
            let Some(id) = flag.required_text(self.reader, "id") else {
                continue;
            };
            let made = MadeText::new(
                format!("{base}.flag.{}.label", id.value),
                format!("Name of the flag {}", id.value),
            );
            if flag.item("label").is_none() {
                self.text_is_missing(
                    &flag.clone().called(format!("flag `{}`", id.value)),
                    "label",
                );
            }
            let label = self.message(&flag, "label", made).unwrap_or_default();
            let requires = flag.switch(self.reader, "requires-action").unwrap_or(false);
            let mut item = Map::new();
            item.insert("id".into(), json!(id.value));
            item.insert("requiresAction".into(), json!(requires));
            item.insert("label".into(), label);
            let place = self.place(&id.span.clone());
            mark(&mut item, "", place);
            list.push(Value::Object(item));
        }
        event.insert("flags".into(), Value::Array(list));
    }

    /// `search.add` and `search.remove`.
    fn search(&mut self, event: &mut Map<String, Value>, section: &Section<'_>, base: &str) {
        let Some(changes) = section.section(self.reader, "search", "event: `search`".to_owned())
        else {
            return;
        };
        changes.only(self.reader, &["add", "remove"]);
        let mut sections = list_of(event, "advancedSearch");
        for gone in changes.texts(self.reader, "remove") {
            let mut is_hit = false;
            for section in &mut sections {
                if let Some(fields) = section.get_mut("fields").and_then(Value::as_array_mut) {
                    let before = fields.len();
                    fields.retain(|field| field.get("fieldId").is_none_or(|id| id != gone.value));
                    is_hit |= fields.len() < before;
                }
            }
            if !is_hit {
                let ids: Vec<String> = sections
                    .iter()
                    .filter_map(|section| section.get("fields")?.as_array())
                    .flatten()
                    .filter_map(|field| Some(field.get("fieldId")?.as_str()?.to_owned()))
                    .collect();
                let message = format!("the search does not ask for `{}`", gone.value);
                let hint = did_you_mean(gone.value, ids.iter().map(String::as_str));
                self.reader.error(gone.span.clone(), message, hint);
            }
        }
        for added in changes.sections(self.reader, "add") {
            added.only(self.reader, &["section", "field", "match", "title"]);
            let Some(name) = added.required_text(self.reader, "section") else {
                continue;
            };
            let Some(field) = added.required_text(self.reader, "field") else {
                continue;
            };
            let known = ["exact", "fuzzy", "range", "within"].map(|how| (how, how));
            let how = rules::annotated_toml::one_of(self.reader, &added, "match", known);
            let of_event = field.value.starts_with("event.");
            let mut item = Map::new();
            item.insert("fieldId".into(), json!(field.value));
            item.insert(
                "fieldType".into(),
                json!(if of_event { "event" } else { "field" }),
            );
            item.insert("config".into(), json!({ "type": how.unwrap_or("exact") }));
            let place = self.place(&field.span.clone());
            mark(&mut item, "", place);
            // A section is known by what it asks for already: `child` asks for fields that begin so.
            let prefix = format!("{}.", name.value);
            let is_meant = |section: &Value| {
                let fields = section.get("fields").and_then(Value::as_array);
                let mut ids = fields
                    .into_iter()
                    .flatten()
                    .filter_map(|field| field.get("fieldId")?.as_str());
                ids.any(|id| id.starts_with(&prefix))
            };
            if let Some(section) = sections.iter_mut().find(|section| is_meant(section)) {
                if let Some(fields) = section.get_mut("fields").and_then(Value::as_array_mut) {
                    fields.push(Value::Object(item));
                }
                continue;
            }
            let made = MadeText::new(
                format!("{base}.search.{}.title", name.value),
                "Title of a section of the search form",
            );
            let Some(title) = self.message(&added, "title", made) else {
                let message = format!("the search has no section `{}`", name.value);
                let hint = "title = \"…\" makes a new one";
                self.reader
                    .error(name.span.clone(), message, Some(hint.to_owned()));
                continue;
            };
            sections.push(json!({ "title": title, "fields": [item] }));
        }
        event.insert("advancedSearch".into(), Value::Array(sections));
    }
}

fn remove_at(document: &mut Value, spot: &Spot) -> Option<Value> {
    let list = list_mut(document, &spot.list)?;
    (spot.index < list.len()).then(|| list.remove(spot.index))
}
