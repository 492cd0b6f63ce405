// SPDX-License-Identifier: MPL-2.0
//! The paths that a template may read about a record of one event, and the helpers that it may use.

use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::field::{AnyField, FieldType, SelectOption};
use std::collections::{BTreeMap, BTreeSet};

/// Helpers of core's client, and those of Handlebars itself.
pub(super) const HELPERS: [&str; 14] = [
    "$lookup",
    "$action",
    "$actions",
    "$join",
    "$or",
    "$intl",
    "$intlWithParams",
    "$json",
    "ifCond",
    "if",
    "unless",
    "with",
    "each",
    "lookup",
];

/// The operators of `{{#ifCond a operator b}}`.
pub(super) const OPERATORS: [&str; 8] = ["===", "!==", "<", "<=", ">", ">=", "&&", "||"];

/// The variables at the root of the context.
pub(super) const VARIABLES: [&str; 4] = ["$declaration", "$metadata", "$review", "$references"];

/// The text with the name of a country; core's client prints Farajaland for the own country where it is missing.
pub(crate) fn country_text(code: &str) -> String {
    format!("countries.{code}")
}

const LOCATION: [&str; 2] = ["name", "country"];
const USER: [&str; 2] = ["name", "fullHonorificName"];
const LEGAL_STATUS: [&str; 3] = ["createdAt", "acceptedAt", "createdByRole"];
/// The paths of an action, besides its annotation.
const ACTION: [&str; 6] = [
    "id",
    "type",
    "createdAt",
    "createdByUserType",
    "createdByRole",
    "createdBySignature",
];
const METADATA: [&str; 11] = [
    "id",
    "type",
    "status",
    "trackingId",
    "dateOfEvent",
    "createdAt",
    "updatedAt",
    "modifiedAt",
    "updatedByUserRole",
    "copiesPrintedForTemplate",
    "flags",
];
/// Actions that core stores besides those that an event configures.
const OTHER_ACTIONS: [&str; 10] = [
    "CREATE",
    "NOTIFY",
    "DUPLICATE_DETECTED",
    "MARK_AS_DUPLICATE",
    "MARK_AS_NOT_DUPLICATE",
    "APPROVE_CORRECTION",
    "REJECT_CORRECTION",
    "ASSIGN",
    "UNASSIGN",
    "REQUEST_CORRECTION",
];

/// Paths that `$lookup` finds something at. One that ends with `.*` stands for all below it.
pub(super) type Paths = BTreeSet<String>;

/// Fields of a form by id.
pub(super) type Fields = BTreeMap<String, FormField>;

/// A field as far as a template can tell.
#[derive(Debug, Clone)]
pub(super) struct FormField {
    pub(super) of_type: FieldType,
    /// The choices of a SELECT or a `RADIO_GROUP`.
    pub(super) options: Vec<SelectOption>,
}

impl FormField {
    fn of(field: &AnyField) -> (String, Self) {
        let options = match field.field_type() {
            FieldType::Select | FieldType::RadioGroup => field.choices().to_vec(),
            _ => Vec::new(),
        };
        let of_type = field.field_type();
        (field.id().to_owned(), Self { of_type, options })
    }

    /// The codes of the choices.
    pub(super) fn codes(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(SelectOption::value)
    }
}

/// The paths and fields of one event.
#[derive(Debug, Clone)]
pub(crate) struct Readable {
    pub(super) event: String,
    pub(super) declaration: Paths,
    pub(super) metadata: Paths,
    /// By type of action.
    pub(super) actions: BTreeMap<String, Paths>,
    /// The fields of the declaration.
    pub(super) fields: Fields,
    /// The fields of the forms of actions, by type of action.
    pub(super) annotations: BTreeMap<String, Fields>,
    /// Ids of the administrative levels, the widest first.
    pub(super) levels: Vec<String>,
}

impl Readable {
    /// `levels` are the ids of the administrative levels.
    pub(crate) fn of(event: &Event, levels: &[&str]) -> Self {
        let field = |(id, of_type): (&str, FieldType)| with(id, parts_of(of_type, levels));
        let mut actions: BTreeMap<String, Paths> = OTHER_ACTIONS
            .map(|of_type| (of_type.to_owned(), action(levels).collect()))
            .into();
        let mut annotations: BTreeMap<String, Fields> = BTreeMap::new();
        for configured in event.all_actions() {
            let of_type = configured.action_type();
            // Of several custom actions, the client knows the form of the first.
            if annotations.contains_key(of_type) {
                continue;
            }
            let annotation = configured.fields().into_iter().flat_map(|annotated| {
                field((
                    &format!("annotation.{}", annotated.id()),
                    annotated.field_type(),
                ))
            });
            actions
                .entry(of_type.to_owned())
                .or_default()
                .extend(action(levels).chain(annotation));
            let fields = configured.fields().into_iter().map(FormField::of);
            annotations.insert(of_type.to_owned(), fields.collect());
        }
        Self {
            event: event.id().to_owned(),
            declaration: event.field_ids().flat_map(field).collect(),
            metadata: metadata(levels),
            actions,
            fields: event
                .fields()
                .map(|(_, field)| FormField::of(field))
                .collect(),
            annotations,
            levels: levels.iter().map(|&level| level.to_owned()).collect(),
        }
    }
}

/// Returns true if something may be read at a path.
pub(super) fn holds(paths: &Paths, path: &str) -> bool {
    paths.contains(path)
        || path.match_indices('.').any(|(dot, _)| {
            path.get(..dot)
                .is_some_and(|above| paths.contains(&format!("{above}.*")))
        })
}

/// The parts into which the client splits the value of a field; none for a value that is one text.
fn parts_of(of_type: FieldType, levels: &[&str]) -> Vec<String> {
    match of_type {
        FieldType::Name => owned(&["fullname", "firstname", "middlename", "surname"]),
        FieldType::Address => {
            let own = [
                "country",
                "addressType",
                "administrativeHierarchy",
                "streetLevelDetails.*",
            ];
            owned(&[&own, levels].concat())
        }
        FieldType::Location
        | FieldType::Facility
        | FieldType::Office
        | FieldType::AdministrativeArea => location(levels),
        // By kind of document, or as it was answered.
        FieldType::FileWithOptions | FieldType::Http => owned(&["*"]),
        _ => Vec::new(),
    }
}

fn location(levels: &[&str]) -> Vec<String> {
    owned(&[&LOCATION, levels].concat())
}

fn metadata(levels: &[&str]) -> Paths {
    let users = ["createdBy", "updatedBy", "assignedTo"].map(|user| with(user, owned(&USER)));
    let places =
        ["createdAtLocation", "updatedAtLocation"].map(|place| with(place, location(levels)));
    let status = |name: &str| {
        let at = |key: &str| format!("legalStatuses.{name}.{key}");
        let texts = LEGAL_STATUS.map(at).to_vec();
        let user = with(&at("createdBy"), owned(&USER));
        let place = with(&at("createdAtLocation"), location(levels));
        [vec![format!("legalStatuses.{name}")], texts, user, place].concat()
    };
    let number = "legalStatuses.REGISTERED.registrationNumber".to_owned();
    owned(&METADATA)
        .into_iter()
        .chain(users.into_iter().flatten())
        .chain(places.into_iter().flatten())
        .chain(["DECLARED", "REGISTERED"].into_iter().flat_map(status))
        .chain([number])
        .collect()
}

fn action(levels: &[&str]) -> impl Iterator<Item = String> {
    owned(&ACTION)
        .into_iter()
        .chain(with("createdAtLocation", location(levels)))
        // The client hands over the user as it is.
        .chain(["createdBy".to_owned(), "createdBy.*".to_owned()])
}

/// A value as a whole, and its parts.
fn with(path: &str, parts: Vec<String>) -> Vec<String> {
    let below = parts.into_iter().map(|part| format!("{path}.{part}"));
    [path.to_owned()].into_iter().chain(below).collect()
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}
