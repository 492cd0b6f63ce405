// SPDX-License-Identifier: MPL-2.0
//! The structure that core 2.0 demands of an event. Keys that are not named here pass.

use serde_json::{Map, Value};

use super::Problem;
use super::problems::did_you_mean;
use crate::action::TYPES;
use crate::field::FieldType;
use crate::json_pointer::escaped;

/// Limit of reported problems: an event with more needs a review as a whole.
const MOST: usize = 100;
/// Maximum depth of fields in fields and clauses in clauses.
const DEEPEST: usize = 64;

/// The shape that a value must have.
#[derive(Clone, Copy)]
enum Shape {
    Any,
    Text,
    Flag,
    Number,
    Whole,
    Message,
    /// A text that is translated, or one that is the same in every language.
    Label,
    Conditional,
    FieldReference,
    /// One of a few words.
    Word(&'static [&'static str]),
    List(&'static Shape),
    Table(&'static [Key]),
    Either(&'static Shape, &'static Shape),
    /// An object of any keys, with values of one shape.
    Values(&'static Shape),
    Field,
    Action,
    Clause,
}

struct Key {
    name: &'static str,
    needed: bool,
    shape: Shape,
}

const fn must(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        needed: true,
        shape,
    }
}

const fn may(name: &'static str, shape: Shape) -> Key {
    Key {
        name,
        needed: false,
        shape,
    }
}

use Shape::{
    Action, Any, Clause, Conditional, Either, Field, FieldReference, Flag, Label, List, Message,
    Number, Table, Text, Values, Whole, Word,
};

const EVENT: &[Key] = &[
    must("id", Text),
    must("label", Message),
    must("title", Message),
    may("fallbackTitle", Message),
    must("summary", Table(&[must("fields", List(&Table(SUMMARY)))])),
    may(
        "dateOfEvent",
        Either(&FieldReference, &Table(&[must("$$event", Text)])),
    ),
    may("placeOfEvent", FieldReference),
    must("declaration", FORM),
    must("actions", List(&Action)),
    may("actionOrder", List(&Text)),
    may(
        "advancedSearch",
        List(&Table(&[
            must("title", Message),
            must("fields", List(&Table(SEARCH))),
        ])),
    ),
    may(
        "flags",
        List(&Table(&[
            must("id", Text),
            must("requiresAction", Flag),
            must("label", Message),
        ])),
    ),
    may("analytics", Flag),
    may("icon", Values(&Conditional)),
];

const FORM: Shape = Table(&[must("label", Message), must("pages", List(&Table(PAGE)))]);

const PAGE: &[Key] = &[
    must("id", Text),
    may("type", Word(&["FORM", "VERIFICATION"])),
    must("title", Message),
    must("fields", List(&Field)),
    may("requireCompletionToContinue", Flag),
    may("conditional", Conditional),
    may(
        "actions",
        Table(&[
            must("verify", Table(&[must("label", Message)])),
            must(
                "cancel",
                Table(&[
                    must("label", Message),
                    must(
                        "confirmation",
                        Table(&[must("title", Message), must("body", Message)]),
                    ),
                ]),
            ),
        ]),
    ),
];

const SUMMARY: &[Key] = &[
    may("fieldId", Text),
    may("id", Text),
    may("label", Message),
    may("value", Message),
    may("emptyValueMessage", Message),
    may("conditionals", SHOWN),
];

const SHOWN: Shape = List(&Table(&[
    must("type", Word(&["SHOW", "ENABLE", "DISPLAY_ON_REVIEW"])),
    must("conditional", Conditional),
]));

const CHOICES: Shape = List(&Table(&[
    must("value", Text),
    must("label", Label),
    may("conditionals", SHOWN),
]));

const VALIDATIONS: Shape = List(&Table(VALIDATION));
const VALIDATION: &[Key] = &[must("validator", Conditional), must("message", Message)];

const SEARCH: &[Key] = &[
    must("fieldId", Text),
    must("fieldType", Word(&["field", "event"])),
    must(
        "config",
        Table(&[
            must("type", Word(&["fuzzy", "exact", "range", "within"])),
            may("searchFields", List(&Text)),
        ]),
    ),
    may("type", Text),
    may("label", Message),
    may("options", CHOICES),
    may("searchCriteriaLabelPrefix", Message),
    may("conditionals", SHOWN),
    may("validations", VALIDATIONS),
];

/// Keys of every action.
const ACTION: &[Key] = &[
    must("type", Word(TYPES)),
    must("label", Message),
    may(
        "flags",
        List(&Table(&[
            must("id", Text),
            must("operation", Word(&["add", "remove"])),
            may("conditional", Conditional),
        ])),
    ),
    may("supportingCopy", Message),
    may("icon", Text),
    may("conditionals", SHOWN),
];

const REVIEW: Key = must(
    "review",
    Table(&[must("title", Message), must("fields", List(&Field))]),
);
const DIALOG: Shape = Table(&[
    must("notify", Message),
    must("declare", Message),
    must("register", Message),
]);
const DUPLICATES: Key = may(
    "deduplication",
    Table(&[
        must("id", Text),
        must("label", Message),
        must("query", Clause),
    ]),
);

/// Keys of one type of action.
const ACTIONS: &[(&str, &[Key])] = &[
    ("READ", &[REVIEW]),
    ("DECLARE", &[REVIEW, DUPLICATES, may("dialogCopy", DIALOG)]),
    ("REGISTER", &[DUPLICATES]),
    ("EDIT", &[must("dialogCopy", DIALOG)]),
    ("PRINT_CERTIFICATE", &[must("printForm", FORM)]),
    ("REQUEST_CORRECTION", &[must("correctionForm", FORM)]),
    (
        "CUSTOM",
        &[
            must("customActionType", Text),
            must("form", List(&Field)),
            must("auditHistoryLabel", Message),
        ],
    ),
];

/// Keys of every field.
const FIELD: &[Key] = &[
    must("id", Text),
    must("type", Text),
    must("label", Message),
    may("parent", Either(&FieldReference, &List(&FieldReference))),
    may(
        "required",
        Either(&Flag, &Table(&[must("message", Message)])),
    ),
    may("conditionals", SHOWN),
    may("secured", Either(&Flag, &Conditional)),
    may("placeholder", Message),
    may("helperText", Message),
    may("validation", VALIDATIONS),
    may("hideLabel", Flag),
    may("uncorrectable", Flag),
    may("value", Either(&FieldReference, &List(&FieldReference))),
    may("analytics", Flag),
];

const PREFIX: Key = may("prefix", Message);
const POSTFIX: Key = may("postfix", Message);
const LONGEST: Key = may("maxLength", Whole);
const FILES: &[Key] = &[
    may("maxFileSize", Number),
    may("acceptedFileTypes", List(&Text)),
    may("fileName", Message),
];
const PART: Shape = Table(&[
    may(
        "required",
        Either(&Flag, &Table(&[must("message", Message)])),
    ),
    may("label", Message),
]);
const OPTIONS: Key = must("options", CHOICES);
const REQUEST: &[Key] = &[
    must("url", Text),
    must("method", Word(&["GET", "POST", "PUT", "DELETE"])),
    may("trigger", FieldReference),
    may("headers", Values(&Text)),
    may("params", Values(&Either(&Text, &FieldReference))),
    may("timeout", Number),
];

/// Keys of one type of field. The default value is not checked: core takes many shapes there.
const FIELDS: &[(&str, &[Key])] = &[
    (
        "TEXT",
        &[may(
            "configuration",
            Table(&[
                LONGEST,
                may("type", Word(&["text", "password"])),
                PREFIX,
                POSTFIX,
            ]),
        )],
    ),
    (
        "TEXTAREA",
        &[may(
            "configuration",
            Table(&[
                LONGEST,
                may("rows", Whole),
                may("cols", Whole),
                PREFIX,
                POSTFIX,
            ]),
        )],
    ),
    (
        "NUMBER",
        &[may(
            "configuration",
            Table(&[
                may("min", Number),
                may("max", Number),
                may("integer", Flag),
                PREFIX,
                POSTFIX,
            ]),
        )],
    ),
    (
        "NUMBER_WITH_UNIT",
        &[
            OPTIONS,
            may(
                "configuration",
                Table(&[
                    may("min", Number),
                    may("max", Number),
                    may("numberFieldPlaceholder", Message),
                ]),
            ),
        ],
    ),
    ("EMAIL", &[may("configuration", Table(&[LONGEST]))]),
    (
        "NAME",
        &[may(
            "configuration",
            Table(&[
                may(
                    "name",
                    Table(&[
                        may("firstname", PART),
                        may("middlename", PART),
                        may("surname", PART),
                    ]),
                ),
                may(
                    "order",
                    List(&Word(&["firstname", "middlename", "surname"])),
                ),
                LONGEST,
                PREFIX,
                POSTFIX,
            ]),
        )],
    ),
    (
        "DATE",
        &[may("configuration", Table(&[may("notice", Message)]))],
    ),
    (
        "TIME",
        &[may(
            "configuration",
            Table(&[may("use12HourFormat", Flag), may("notice", Message)]),
        )],
    ),
    (
        "AGE",
        &[must(
            "configuration",
            Table(&[must("asOfDate", FieldReference), PREFIX, POSTFIX]),
        )],
    ),
    ("RADIO_GROUP", &[OPTIONS]),
    ("SELECT", &[OPTIONS, may("noOptionsMessage", Message)]),
    (
        "COUNTRY",
        &[may(
            "optionOverrides",
            List(&Table(&[must("value", Text), may("conditionals", SHOWN)])),
        )],
    ),
    (
        "ADDRESS",
        &[may(
            "configuration",
            Table(&[
                may("lineSeparator", Text),
                may(
                    "fields",
                    List(&Table(&[
                        must("id", Text),
                        must("type", Text),
                        may("label", Message),
                        may("conditionals", SHOWN),
                    ])),
                ),
                may(
                    "streetAddressForm",
                    List(&Table(&[
                        must("id", Text),
                        must("label", Message),
                        must("type", Word(&["TEXT"])),
                        may("conditionals", SHOWN),
                    ])),
                ),
            ]),
        )],
    ),
    (
        "ADMINISTRATIVE_AREA",
        &[must(
            "configuration",
            Table(&[
                must(
                    "type",
                    Word(&["ADMIN_STRUCTURE", "HEALTH_FACILITY", "CRVS_OFFICE"]),
                ),
                may("partOf", FieldReference),
            ]),
        )],
    ),
    (
        "LOCATION",
        &[may(
            "configuration",
            Table(&[may("locationTypes", List(&Text))]),
        )],
    ),
    ("FILE", &[may("configuration", Table(FILES))]),
    (
        "FILE_WITH_OPTIONS",
        &[OPTIONS, may("configuration", Table(FILES))],
    ),
    (
        "SIGNATURE",
        &[
            must("signaturePromptLabel", Message),
            may("configuration", Table(FILES)),
        ],
    ),
    (
        "PARAGRAPH",
        &[may(
            "configuration",
            Table(&[may(
                "styles",
                Table(&[may("hint", Flag), may("textAlign", Text)]),
            )]),
        )],
    ),
    (
        "HEADING",
        &[may(
            "configuration",
            Table(&[may(
                "styles",
                Table(&[may("fontVariant", Text), may("textAlign", Text)]),
            )]),
        )],
    ),
    ("BULLET_LIST", &[must("items", List(&Message))]),
    (
        "IMAGE_VIEW",
        &[must("configuration", Table(&[may("alt", Text)]))],
    ),
    (
        "DATA",
        &[must(
            "configuration",
            Table(&[
                may("subtitle", Message),
                must(
                    "data",
                    List(&Table(&[
                        may("fieldId", Text),
                        may("id", Text),
                        may("label", Message),
                    ])),
                ),
            ]),
        )],
    ),
    (
        "BUTTON",
        &[must(
            "configuration",
            Table(&[must("text", Message), may("icon", Text)]),
        )],
    ),
    (
        "LINK_BUTTON",
        &[must(
            "configuration",
            Table(&[must("url", Text), must("text", Message)]),
        )],
    ),
    (
        "ALPHA_PRINT_BUTTON",
        &[must(
            "configuration",
            Table(&[must("template", Text), may("buttonLabel", Message)]),
        )],
    ),
    ("FIELD_GROUP", &[must("fields", List(&Field))]),
    ("HTTP", &[must("configuration", Table(REQUEST))]),
    (
        "SEARCH",
        &[must(
            "configuration",
            Table(&[
                must("query", Any),
                must("validation", Table(VALIDATION)),
                may("limit", Number),
                may("offset", Number),
            ]),
        )],
    ),
    (
        "AUTOCOMPLETE",
        &[must(
            "configuration",
            Table(&[may("url", Text), may("method", Word(&["GET", "POST"]))]),
        )],
    ),
    (
        "VERIFICATION_STATUS",
        &[must(
            "configuration",
            Table(&[must("status", Message), must("description", Message)]),
        )],
    ),
    (
        "QUERY_PARAM_READER",
        &[must(
            "configuration",
            Table(&[must("pickParams", List(&Text))]),
        )],
    ),
    (
        "QR_READER",
        &[may(
            "configuration",
            Table(&[may("validator", Conditional)]),
        )],
    ),
    ("ID_READER", &[must("methods", List(&Field))]),
    (
        "LOADER",
        &[must("configuration", Table(&[must("text", Message)]))],
    ),
    ("CUSTOM", &[must("src", Text)]),
];

/// All parts of an event that core would refuse for their structure.
pub(super) fn problems(document: &Value) -> Vec<Problem> {
    let id = document.get("id").and_then(Value::as_str);
    let mut check = Check {
        event: id.unwrap_or_default().to_owned(),
        pointer: String::new(),
        depth: 0,
        found: Vec::new(),
    };
    check.value(document, Table(EVENT));
    check.found
}

struct Check {
    event: String,
    pointer: String,
    depth: usize,
    found: Vec<Problem>,
}

impl Check {
    fn problem(&mut self, what: String, hint: Option<String>) {
        if self.found.len() < MOST {
            self.found.push(Problem {
                event: self.event.clone(),
                pointer: self.pointer.clone(),
                what,
                hint,
                is_refused: true,
            });
        }
    }

    fn below(&mut self, key: &str, check: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escaped(key));
        check(self);
        self.pointer.truncate(length);
    }

    fn value(&mut self, value: &Value, shape: Shape) {
        if self.depth > DEEPEST {
            self.problem(
                format!("more than {DEEPEST} parts stand in each other"),
                None,
            );
            return;
        }
        self.depth += 1;
        if let Some(expected) = self.mismatch(value, shape) {
            let name = self.pointer.rsplit('/').next().unwrap_or_default();
            let what = if name.is_empty() {
                format!("an event is {expected}")
            } else {
                format!("`{name}` must be {expected}")
            };
            self.problem(what, None);
        }
        self.depth -= 1;
    }

    /// The expected shape, if the value does not have it. Faults inside the value are reported there.
    fn mismatch(&mut self, value: &Value, shape: Shape) -> Option<&'static str> {
        match shape {
            Any => None,
            Text => (!value.is_string()).then_some("a text"),
            Flag => (!value.is_boolean()).then_some("true or false"),
            Number => (!value.is_number()).then_some("a number"),
            Whole => (!value.is_u64()).then_some("a whole number"),
            Label if value.is_string() => None,
            Message | Label => {
                let Value::Object(message) = value else {
                    return Some("a text with `id`, `defaultMessage` and `description`");
                };
                self.keys(
                    message,
                    &[
                        must("id", Text),
                        must("defaultMessage", Text),
                        must("description", Text),
                    ],
                );
                None
            }
            Conditional => (!value.is_object()).then_some("a JSON Schema"),
            FieldReference => {
                let is_one = value.get("$$field").is_some_and(Value::is_string);
                (!is_one).then_some("a reference to a field, {\"$$field\": \"…\"}")
            }
            Word(known) => {
                let Some(word) = value.as_str() else {
                    return Some("a text");
                };
                if !known.contains(&word) {
                    let name = self.pointer.rsplit('/').next().unwrap_or_default();
                    let what = format!("unknown {name} `{word}`");
                    let hint = did_you_mean(word, known.iter().copied());
                    let hint = hint.or_else(|| Some(format!("it is one of {}", known.join(", "))));
                    self.problem(what, hint);
                }
                None
            }
            List(item) => {
                let Some(items) = value.as_array() else {
                    return Some("a list");
                };
                for (index, value) in items.iter().enumerate() {
                    self.below(&index.to_string(), |this| this.value(value, *item));
                }
                None
            }
            Values(shape) => {
                let Value::Object(members) = value else {
                    return Some("an object");
                };
                for (key, value) in members {
                    self.below(key, |this| this.value(value, *shape));
                }
                None
            }
            Either(one, other) => {
                let before = self.found.len();
                let expected = self.mismatch(value, *one)?;
                self.found.truncate(before);
                self.mismatch(value, *other).map(|_| expected)
            }
            Table(keys) => self.object(value, |this, members| this.keys(members, keys)),
            Field => self.object(value, Self::field),
            Action => self.object(value, Self::action),
            Clause => self.object(value, Self::clause),
        }
    }

    fn object(
        &mut self,
        value: &Value,
        check: impl FnOnce(&mut Self, &Map<String, Value>),
    ) -> Option<&'static str> {
        let Value::Object(members) = value else {
            return Some("an object");
        };
        check(self, members);
        None
    }

    fn keys(&mut self, members: &Map<String, Value>, keys: &[Key]) {
        for key in keys {
            match members.get(key.name) {
                Some(value) => self.below(key.name, |this| this.value(value, key.shape)),
                None if key.needed => {
                    let what = members.get("id").and_then(Value::as_str);
                    let what = what.map_or_else(String::new, |id| format!("`{id}`: "));
                    self.problem(format!("{what}`{}` is missing", key.name), None);
                }
                None => {}
            }
        }
    }

    fn field(&mut self, members: &Map<String, Value>) {
        self.keys(members, FIELD);
        let Some(of_type) = members.get("type").and_then(Value::as_str) else {
            return;
        };
        let names = || FieldType::ALL.iter().map(|known| known.name());
        if !names().any(|known| known == of_type) {
            let what = format!("core does not know the field type `{of_type}`");
            let hint = did_you_mean(&of_type.to_uppercase(), names()).or_else(|| {
                let names: Vec<_> = names().collect();
                Some(format!("it is one of {}", names.join(", ")))
            });
            self.below("type", |this| this.problem(what, hint));
        }
        self.keys(members, of(FIELDS, of_type));
    }

    fn action(&mut self, members: &Map<String, Value>) {
        self.keys(members, ACTION);
        if let Some(of_type) = members.get("type").and_then(Value::as_str) {
            self.keys(members, of(ACTIONS, of_type));
        }
    }

    fn clause(&mut self, members: &Map<String, Value>) {
        const FIELD: &[Key] = &[must("fieldId", Text)];
        const DAYS: &[Key] = &[
            must("fieldId", Text),
            must("options", Table(&[must("days", Number)])),
        ];
        let keys: &[Key] = match members.get("type").and_then(Value::as_str) {
            Some("and" | "or") => &[must("clauses", List(&Clause))],
            Some("not") => &[must("clause", Clause)],
            Some("fuzzy" | "strict") => FIELD,
            Some("dateRange") => DAYS,
            _ => &[must(
                "type",
                Word(&["and", "or", "not", "fuzzy", "strict", "dateRange"]),
            )],
        };
        self.keys(members, keys);
    }
}

fn of(known: &'static [(&str, &'static [Key])], name: &str) -> &'static [Key] {
    let found = known.iter().find(|(known, _)| *known == name);
    found.map_or(&[], |(_, keys)| *keys)
}
