// SPDX-License-Identifier: MPL-2.0
//! A field as core's client shows it: label, input, hint, errors.

use super::values::{country, in_words, place_kinds};
use crate::studio::model::{Field, Place, all_hold, conditions, items, text};
use crate::studio::view::View;
use maud::{Markup, html};
use opencrvs_toolkit::evaluate::Context;
use rules::countries;
use serde_json::{Value, json};

/// So many suggestions for what is typed.
const SUGGESTIONS: usize = 20;

/// A field that is about to be shown.
pub(in crate::studio) struct Control<'a> {
    pub(in crate::studio) view: &'a View,
    pub(in crate::studio) field: &'a Field,
    /// Unique in the page.
    pub(in crate::studio) id: String,
    pub(in crate::studio) context: &'a Context,
    pub(in crate::studio) value: Option<&'a Value>,
    pub(in crate::studio) enabled: bool,
    pub(in crate::studio) errors: Vec<String>,
    pub(in crate::studio) label: String,
}

/// The field with everything that belongs to it.
pub(in crate::studio) fn input(control: &Control<'_>) -> Markup {
    let Control {
        view,
        field,
        id,
        errors,
        label,
        ..
    } = control;
    let hint = field.json.get("helperText").map(|hint| view.say(hint));
    let is_group = [
        "NAME",
        "ADDRESS",
        "RADIO_GROUP",
        "FILE_WITH_OPTIONS",
        "NUMBER_WITH_UNIT",
    ]
    .contains(&field.kind.as_str());
    let hide_label = field.json.get("hideLabel") == Some(&json!(true));
    let label = html! { (label) @if field.required { span.required aria-hidden="true" { " *" } span.visually-hidden { " (required)" } } };
    let after = html! {
        @if let Some(hint) = &hint { p.hint id={(id) "-hint"} { (hint) } }
        @for error in errors { p.error id={(id) "-error"} { (error) } }
    };
    if !field.asks() {
        return shown_only(control);
    }
    if is_group {
        return html! {
            fieldset disabled[!control.enabled] {
                legend class=[hide_label.then_some("visually-hidden")] { (label) }
                (control.body())
                (after)
            }
        };
    }
    if field.kind == "CHECKBOX" {
        return html! {
            // Without it a box that is not ticked would not be sent.
            @if control.enabled { input type="hidden" name=(control.name()) value="false"; }
            label.choice {
                input type="checkbox" id=(id) name=(control.name()) value="true" disabled[!control.enabled]
                    checked[control.value == Some(&json!(true))];
                span { (label) }
            }
            (after)
        };
    }
    html! {
        label for=(id) class=[hide_label.then_some("visually-hidden")] { (label) }
        (control.body())
        (after)
    }
}

/// Texts, pictures and whatever else asks nothing.
fn shown_only(control: &Control<'_>) -> Markup {
    let Control {
        view, field, label, ..
    } = control;
    match field.kind.as_str() {
        "DIVIDER" => html! { hr; },
        "HEADING" | "PAGE_HEADER" => html! { h3 { (label) } },
        "PARAGRAPH" => html! { p class=[field.setting("styles/hint").map(|_| "soft")] { (label) } },
        "BULLET_LIST" => {
            html! { ul { @for item in items(&field.json, "items") { li { (view.say(item)) } } } }
        }
        "LOADER" => html! {
            p.soft { @if let Some(text) = field.setting("text") { (view.say(text)) "…" } }
        },
        "ID_READER" => html! {
            div.row {
                @for method in items(&field.json, "methods") {
                    @let text = method.pointer("/configuration/text").or(method.get("label"));
                    button type="button" disabled { (text.map(|text| view.say(text)).unwrap_or_default()) }
                }
            }
            p.hint { "Not played here. What it would answer can be written at “Filled in by systems” or chosen as the verification status." }
        },
        "DATA" => data(control),
        "IMAGE_VIEW" => html! { p.soft { "A picture, when there is one." } },
        _ => html! { p.soft { (label) } },
    }
}

/// Answers of the declaration, shown again.
fn data(control: &Control<'_>) -> Markup {
    let Control {
        view, field, label, ..
    } = control;
    let event = view.model.event(&view.desk.event);
    let rows = field
        .setting("data")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let row = |row: &Value| {
        let id = text(row, "fieldId");
        if id.is_empty() {
            let label = row
                .get("label")
                .map(|label| view.say(label))
                .unwrap_or_default();
            let value = row
                .get("value")
                .map(|value| view.say(value))
                .unwrap_or_default();
            return Some((label, value));
        }
        let known = event?.declaration.fields().find(|field| field.id == id)?;
        let value = control.context.value(id)?;
        Some((view.say(known.label()), in_words(view, known, value)))
    };
    html! {
        p.label { (label) }
        dl.facts { @for (label, value) in rows.filter_map(row) { dt { (label) } dd { (value) } } }
    }
}

impl Control<'_> {
    fn name(&self) -> String {
        format!("f:{}", self.field.id)
    }

    fn part(&self, part: &str) -> String {
        format!("{}/{part}", self.name())
    }

    fn text(&self) -> &str {
        self.value.and_then(Value::as_str).unwrap_or_default()
    }

    fn invalid(&self) -> Option<&'static str> {
        (!self.errors.is_empty()).then_some("true")
    }

    /// What describes the input to who does not see the page.
    fn described(&self) -> Option<String> {
        let hint = self
            .field
            .json
            .get("helperText")
            .map(|_| format!("{}-hint", self.id));
        let error = self.invalid().map(|_| format!("{}-error", self.id));
        let ids: Vec<_> = [hint, error].into_iter().flatten().collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn body(&self) -> Markup {
        let setting = |path| self.field.setting(path);
        match self.field.kind.as_str() {
            "NAME" => self.name_parts(),
            "ADDRESS" => self.address(),
            "SELECT" | "VERIFICATION_STATUS" | "COUNTRY" => self.select(),
            "RADIO_GROUP" => self.radios(),
            "TEXTAREA" => html! {
                textarea id=(self.id) name=(self.name()) rows=(setting("rows").map_or_else(|| "4".to_owned(), Value::to_string))
                    disabled[!self.enabled] aria-invalid=[self.invalid()] aria-describedby=[self.described()] { (self.text()) }
            },
            "NUMBER_WITH_UNIT" => self.number_with_unit(),
            "AGE" => self.line(
                "number",
                &self
                    .value
                    .and_then(|value| value.get("age"))
                    .map(Value::to_string)
                    .unwrap_or_default(),
            ),
            "NUMBER" => self.line(
                "number",
                &self.value.map(Value::to_string).unwrap_or_default(),
            ),
            "DATE" => self.line("date", self.text()),
            "TIME" => self.line("time", self.text()),
            "EMAIL" => self.line("email", self.text()),
            "PHONE" => self.line("tel", self.text()),
            "LOCATION" | "FACILITY" | "OFFICE" | "ADMINISTRATIVE_AREA" => self.place(),
            "AUTOCOMPLETE" => self.cause(),
            "FILE" | "SIGNATURE" => html! {
                @if self.enabled { input type="hidden" name=(self.name()) value="false"; }
                label.choice {
                    input type="checkbox" id=(self.id) name=(self.name()) value="true" disabled[!self.enabled] checked[self.value.is_some()];
                    span.soft { @if self.field.kind == "FILE" { "A sample file is attached" } @else { "It is signed" } }
                }
            },
            "FILE_WITH_OPTIONS" => self.files(),
            "BUTTON" => html! {
                button id=(self.id) name="press" value=(self.field.id) disabled[!self.enabled] {
                    (setting("text").map(|text| self.view.say(text)).unwrap_or_default())
                }
                @if let Some(times) = self.value { span.hint { " pressed: " (times) } }
            },
            "DATE_RANGE" | "SELECT_DATE_RANGE" | "FIELD_GROUP" | "SEARCH" | "CUSTOM" => self.json(),
            _ => self.line("text", self.text()),
        }
    }

    /// A value that is not played: it is written as core stores it.
    fn json(&self) -> Markup {
        let value = self.value.map(Value::to_string).unwrap_or_default();
        html! {
            input id=(self.id) type="text" name=(self.part("json")) value=(value) disabled[!self.enabled]
                placeholder="JSON" aria-invalid=[self.invalid()] aria-describedby=[self.described()];
            p.hint { "Not played here: write the value as JSON." }
        }
    }

    /// An input of one line with what stands before and after it.
    fn line(&self, kind: &str, value: &str) -> Markup {
        let beside = |key: &str| self.field.setting(key).map(|text| self.view.say(text));
        let placeholder = self
            .field
            .json
            .get("placeholder")
            .map(|text| self.view.say(text));
        html! {
            div.row {
                @if let Some(before) = beside("prefix") { span.soft { (before) } }
                input id=(self.id) type=(kind) name=(self.name()) value=(value) placeholder=[placeholder]
                    step=[(kind == "number").then_some("any")]
                    disabled[!self.enabled] aria-invalid=[self.invalid()] aria-describedby=[self.described()];
                @if let Some(after) = beside("postfix") { span.soft { (after) } }
            }
        }
    }

    fn name_parts(&self) -> Markup {
        let parts = self.field.setting("name").and_then(Value::as_object);
        let labels = [
            ("firstname", "First name"),
            ("middlename", "Middle name"),
            ("surname", "Last name"),
        ];
        html! {
            div.parts {
                @for (part, label) in labels {
                    @if let Some(known) = parts.and_then(|parts| parts.get(part)) {
                        @let id = format!("{}-{part}", self.id);
                        div {
                            label.sub for=(id) {
                                @match known.get("label") { Some(own) => (self.view.say(own)), None => (label) }
                                @if known.get("required") == Some(&json!(true)) { " *" }
                            }
                            input id=(id) type="text" name=(self.part(part)) value=(self.value.map(|value| text(value, part)).unwrap_or_default())
                                aria-invalid=[self.invalid()];
                        }
                    }
                }
            }
        }
    }

    fn select(&self) -> Markup {
        let choices: Vec<(String, String)> = match self.field.kind.as_str() {
            "COUNTRY" => countries_of(self.view),
            "VERIFICATION_STATUS" => ["verified", "authenticated", "failed", "pending"]
                .map(|code| (code.to_owned(), code.to_owned()))
                .to_vec(),
            _ => self
                .field
                .choices(self.context)
                .into_iter()
                .map(|(code, label)| (code.to_owned(), self.view.say(label)))
                .collect(),
        };
        let known = choices.iter().any(|(code, _)| code == self.text());
        html! {
            select id=(self.id) name=(self.name()) disabled[!self.enabled] aria-invalid=[self.invalid()] aria-describedby=[self.described()] {
                option value="" { "" }
                @if !known && !self.text().is_empty() { option value=(self.text()) selected { (self.text()) " (not a choice)" } }
                @for (code, label) in &choices { option value=(code) selected[code == self.text()] { (label) } }
            }
        }
    }

    fn radios(&self) -> Markup {
        html! {
            @for (code, label) in self.field.choices(self.context) {
                label.choice {
                    input type="radio" name=(self.name()) value=(code) checked[code == self.text()];
                    span { (self.view.say(label)) }
                }
            }
        }
    }

    fn number_with_unit(&self) -> Markup {
        let part = |key: &str| self.value.and_then(|value| value.get(key));
        let unit = part("unit").and_then(Value::as_str).unwrap_or_default();
        html! {
            div.row {
                input.short type="number" step="any" aria-label="Number" name=(self.part("number"))
                    value=(part("numericValue").map(Value::to_string).unwrap_or_default());
                select.short aria-label="Unit" name=(self.part("unit")) {
                    option value="" {}
                    @for (code, label) in self.field.choices(self.context) {
                        option value=(code) selected[code == unit] { (self.view.say(label)) }
                    }
                }
            }
        }
    }

    fn files(&self) -> Markup {
        let chosen = self.value.and_then(Value::as_array);
        let has = |code: &str| {
            chosen.is_some_and(|files| files.iter().any(|file| text(file, "option") == code))
        };
        html! {
            input type="hidden" name=(self.part("asked")) value="1";
            @for (code, label) in self.field.choices(self.context) {
                label.choice {
                    input type="checkbox" name=(self.name()) value=(code) checked[has(code)];
                    span { (self.view.say(label)) span.soft { " (sample file)" } }
                }
            }
        }
    }

    /// A place by its name: a list of all would be too long for most countries.
    fn place(&self) -> Markup {
        let places = &self.view.model.places;
        let kinds = place_kinds(self.field);
        let chosen = places.get(self.text());
        let typed = chosen.map_or_else(|| self.text().to_owned(), |place| places.label(&place.id));
        let found = places.search(&kinds, if chosen.is_some() { "" } else { &typed });
        let found: Vec<&Place> = found.take(SUGGESTIONS).collect();
        html! {
            (self.suggesting(&typed))
            datalist id={(self.id) "-list"} { @for place in found { option value=(places.label(&place.id)) {} } }
            @if chosen.is_none() && !typed.is_empty() { p.hint { "Not a place yet: go on typing, or choose one of the list." } }
        }
    }

    fn cause(&self) -> Markup {
        let typed = self
            .value
            .map(|value| text(value, "label"))
            .unwrap_or_default();
        let causes = self.view.model.snapshot.causes_of_death.search(typed);
        let defaults = self
            .field
            .setting("defaultOptions")
            .and_then(Value::as_array);
        html! {
            (self.suggesting(typed))
            datalist id={(self.id) "-list"} {
                @for cause in causes.into_iter().take(SUGGESTIONS) { option value=(cause.label) { (cause.code) } }
                @for option in defaults.into_iter().flatten() { option value=(text(option, "label")) {} }
            }
        }
    }

    fn suggesting(&self, typed: &str) -> Markup {
        html! {
            input id=(self.id) type="text" name=(self.name()) value=(typed) list={(self.id) "-list"} disabled[!self.enabled]
                aria-invalid=[self.invalid()] aria-describedby=[self.described()];
        }
    }

    fn address(&self) -> Markup {
        let model = &self.view.model;
        let own = &model.snapshot.application.country_code;
        let value = |key: &str| self.value.map(|value| text(value, key)).unwrap_or_default();
        let country = if self.value.is_some() {
            value("country")
        } else {
            own
        };
        let path = model.places.path(value("administrativeArea"));
        let lines = self.value.and_then(|value| value.get("streetLevelDetails"));
        html! {
            div.parts.lines {
                div {
                    label.sub for={(self.id) "-country"} { "Country" }
                    select id={(self.id) "-country"} name=(self.part("country")) {
                        option value="" {}
                        @for (code, name) in countries_of(self.view) { option value=(code) selected[code == *country] { (name) } }
                    }
                }
                @if country == own { (self.areas(&path)) }
                @for line in self.address_lines(&path, country) {
                    @let name = text(line, "id");
                    @let id = format!("{}-{name}", self.id);
                    div {
                        label.sub for=(id) {
                            (line.get("label").map(|label| self.view.say(label)).unwrap_or_default())
                            @if line.get("required").is_some_and(|required| *required != false) { " *" }
                        }
                        input id=(id) type="text" name=(self.part(&format!("line.{name}"))) value=(lines.map(|lines| text(lines, name)).unwrap_or_default());
                    }
                }
            }
        }
    }

    /// A choice for each level, as far as the level above is chosen.
    fn areas(&self, path: &[&Place]) -> Markup {
        let places = &self.view.model.places;
        let mut above = "";
        html! {
            @for (level, (_, label)) in places.levels.iter().enumerate() {
                @let chosen = path.get(level).map(|place| place.id.as_str());
                @let areas: Vec<&Place> = places.areas(above).collect();
                @if (level == 0 || !above.is_empty()) && !areas.is_empty() {
                    @let id = format!("{}-area-{level}", self.id);
                    div {
                        label.sub for=(id) { (self.view.say(label)) }
                        select id=(id) name=(self.part(&format!("area.{level}"))) {
                            option value="" {}
                            @for area in areas { option value=(area.id) selected[chosen == Some(area.id.as_str())] { (area.name) } }
                        }
                    }
                }
                ({ above = chosen.unwrap_or_default(); html! {} })
            }
        }
    }

    /// The lines of the address that its own conditions show.
    fn address_lines(&self, path: &[&Place], country: &str) -> Vec<&Value> {
        let model = &self.view.model;
        let domestic = country == model.snapshot.application.country_code;
        let mut form = self
            .value
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default();
        form.insert("country".to_owned(), json!(country));
        form.insert(
            "addressType".to_owned(),
            json!(if domestic {
                "DOMESTIC"
            } else {
                "INTERNATIONAL"
            }),
        );
        for ((level, _), place) in model.places.levels.iter().zip(path) {
            form.insert(level.clone(), json!(place.id));
        }
        let context = Context::new(form, self.view.today);
        let lines = self
            .field
            .setting("streetAddressForm")
            .and_then(Value::as_array);
        let shown = |line: &&Value| all_hold(&conditions(line, "SHOW"), &context);
        lines.into_iter().flatten().filter(shown).collect()
    }
}

/// Codes and names of all countries, the own one first.
fn countries_of(view: &View) -> Vec<(String, String)> {
    let own = &view.model.snapshot.application.country_code;
    let others = countries::all().into_iter().filter(|(code, _)| code != own);
    let others = others.map(|(code, name)| (code.to_owned(), name.to_owned()));
    std::iter::once((own.clone(), country(&view.model, own)))
        .chain(others)
        .collect()
}
