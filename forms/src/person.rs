// SPDX-License-Identifier: MPL-2.0
//! People: the questions that all forms share about a mother, father, informant, spouse or deceased.

use std::borrow::Cow;

use opencrvs_toolkit::prelude::*;

use crate::{Environment, address, options, validators};

/// States of an identity in which the person's data cannot be typed any more.
pub(crate) const SETTLED: [&str; 3] = ["pending", "verified", "authenticated"];

/// Longest part of a name, in characters.
const MAX_NAME_LENGTH: u32 = 32;

/// A person whom a form asks about.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    key: Cow<'static, str>,
    /// Prefix of the message ids of labels that name the person.
    own_labels: String,
    /// Prefix of the message ids of labels that do not.
    labels: String,
    asked: Option<Conditional>,
    reset_by: Option<&'static str>,
    esignet: bool,
    /// True if an identity can be read, which is verified and fills the fields in.
    identity: bool,
    birth_date_error: Option<Message>,
}

impl Person {
    /// A person with the first part of its field ids and the prefixes of its labels.
    pub(crate) fn new(
        key: impl Into<Cow<'static, str>>,
        own_labels: String,
        labels: String,
    ) -> Self {
        Self {
            key: key.into(),
            own_labels,
            labels,
            asked: None,
            reset_by: None,
            esignet: true,
            identity: true,
            birth_date_error: None,
        }
    }

    /// The form asks about the person only when this holds.
    pub(crate) fn asked_if(self, asked: Conditional) -> Self {
        Self {
            asked: Some(asked),
            ..self
        }
    }

    /// Clears the fields about the person when this field changes.
    pub(crate) fn forgotten_when_changes(self, field: &'static str) -> Self {
        Self {
            reset_by: Some(field),
            ..self
        }
    }

    /// Leaves out authentication: the person is not present.
    pub(crate) fn without_esignet(self) -> Self {
        Self {
            esignet: false,
            ..self
        }
    }

    /// Leaves out the reading and verification of the person's identity.
    pub(crate) fn without_identity(self) -> Self {
        Self {
            identity: false,
            ..self
        }
    }

    /// Message about a date of birth in the future.
    pub(crate) fn birth_date_error(self, message: impl Into<Message>) -> Self {
        Self {
            birth_date_error: Some(message.into()),
            ..self
        }
    }

    /// The same person with labels from elsewhere.
    pub(crate) fn labelled_under(&self, labels: &str) -> Self {
        Self {
            labels: labels.to_owned(),
            ..self.clone()
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn id(&self, name: &str) -> String {
        format!("{}.{name}", self.key)
    }

    pub(crate) fn field(&self, name: &str) -> FieldReference {
        field(self.id(name))
    }

    pub(crate) fn asked(&self) -> Option<&Conditional> {
        self.asked.as_ref()
    }

    pub(crate) fn uses_esignet(&self) -> bool {
        self.esignet
    }

    pub(crate) fn reset_by(&self) -> Option<FieldReference> {
        self.reset_by.map(field)
    }

    /// Shows a field when the person is asked about.
    pub(crate) fn shown<K>(&self, field: Field<K>) -> Field<K> {
        match &self.asked {
            Some(asked) => field.show_if(asked),
            None => field,
        }
    }

    /// Shows a field when the person is asked about and something else holds.
    fn shown_and<K>(&self, field: Field<K>, condition: Conditional) -> Field<K> {
        match &self.asked {
            Some(asked) => field.show_if(and([&condition, asked])),
            None => field.show_if(condition),
        }
    }

    fn forgotten<K>(&self, field: Field<K>) -> Field<K> {
        match self.reset_by() {
            Some(parent) => field.parent(parent),
            None => field,
        }
    }

    /// Fills a field from the identity that was read, and locks it when that is verified.
    pub(crate) fn filled_from_identity<K>(&self, field: Field<K>, key: &str) -> Field<K> {
        if self.identity {
            self.filled_by_id_reader(self.locked_once_verified(field), key)
        } else {
            field
        }
    }

    /// The field takes its value from the identity that was read; `key` says which part of it.
    fn filled_by_id_reader<K>(&self, field: Field<K>, key: &str) -> Field<K> {
        let mut parents = vec![self.field("id-reader")];
        if self.uses_esignet() {
            parents.push(self.field("verify-nid-http-fetch"));
        }
        parents.extend(self.reset_by());
        field
            .parents(parents)
            .value_from_first(self.identity_sources(key))
    }

    /// The field can be changed only until the identity is verified.
    fn locked_once_verified<K>(&self, field: Field<K>) -> Field<K> {
        let status = self.field("verified");
        field.enable_if(not(SETTLED.iter().fold(never(), |settled, state| {
            or([settled, status.equals(*state)])
        })))
    }

    /// The sources of a part of an identity, the better one first.
    pub(crate) fn identity_sources(&self, key: &str) -> Vec<FieldReference> {
        let path = format!("data.{key}");
        let mut sources = Vec::new();
        if self.uses_esignet() {
            sources.push(self.field("verify-nid-http-fetch").get(&path));
        }
        sources.push(self.field("id-reader").get(&path));
        sources
    }

    /// Label of a field that names the person.
    fn own_label(&self, name: &str) -> String {
        format!("{}.{name}.label", self.own_labels)
    }

    fn label(&self, name: &str) -> String {
        format!("{}.{name}.label", self.labels)
    }

    pub(crate) fn name(&self, label: &str) -> Field<types::Name> {
        let name = self.shown(full_name(
            &self.id("name"),
            message(self.own_label("name"), label),
        ));
        self.filled_from_identity(name, "name")
    }

    pub(crate) fn date_of_birth(&self) -> Field<types::Date> {
        let unknown = self.field("dobUnknown").equals(true);
        let born = self.field("dob");
        let error = self.birth_date_error.clone().unwrap_or_else(|| {
            message(
                format!("{}.dob.error", self.labels),
                "Must be a valid Birthdate",
            )
        });
        let field = date(self.id("dob"))
            .label(self.label("dob"), "Date of birth")
            .required()
            .validate(born.is_before().now(), error);
        self.filled_from_identity(self.shown_and(field, not(unknown)), "birthDate")
    }

    pub(crate) fn date_of_birth_unknown(&self) -> Field<types::Checkbox> {
        let field = checkbox(self.id("dobUnknown"))
            .label(self.label("age.checkbox"), "Exact date of birth unknown");
        self.filled_from_identity(self.shown(field).review_if(never()), "dobUnknown")
    }

    /// Age in years on the day of the event, asked when the date of birth is unknown.
    pub(crate) fn age(&self, label: &str, day_of_event: &str, youngest: u32) -> Field<types::Age> {
        let error = if youngest == 0 {
            message(
                format!("{}.age.error", self.own_labels),
                "Age must be between 0 and 120",
            )
        } else {
            message(
                "event.action.declare.form.section.person.field.age.error",
                format!("Age must be between {youngest} and 120"),
            )
        };
        let field = age(self.id("age"), field(day_of_event))
            .label(self.own_label("age"), label)
            .required()
            .postfix((format!("{}.age.postfix", self.labels), "years"))
            .validate(self.field("age").as_age().is_between(youngest, 120), error);
        let field = self.shown_and(field, self.field("dobUnknown").equals(true));
        self.forgotten(if self.identity {
            self.locked_once_verified(field)
        } else {
            field
        })
    }

    pub(crate) fn nationality(&self, env: &Environment) -> Field<types::Country> {
        let field = country(self.id("nationality"))
            .label(self.label("nationality"), "Nationality")
            .required()
            .default_value(env.country_code.as_str());
        self.forgotten(self.shown(field))
    }

    pub(crate) fn id_type(&self) -> Field<types::Select> {
        let field = select(self.id("idType"), options::id_types())
            .label(self.label("idType"), "Type of ID")
            .required();
        self.filled_from_identity(self.shown(field), "idType")
    }

    /// The number of the identity card; nobody else in the record may have it.
    pub(crate) fn national_id<const N: usize>(
        &self,
        env: &Environment,
        others: [&str; N],
        error: (&str, &str),
    ) -> Field<types::Id> {
        let id = self.id("nid");
        let unique = validators::unlike(&id, others);
        let field = id_number(id)
            .label(self.label("nid"), "ID Number")
            .required();
        let field = self.shown_for_id_type(
            validators::national_id(env, field).validate(unique, error),
            "NATIONAL_ID",
        );
        self.filled_from_identity(field, "nid")
    }

    pub(crate) fn passport(&self) -> Field<types::Text> {
        let field = text(self.id("passport"))
            .label(self.label("passport"), "ID Number")
            .required();
        self.filled_from_identity(self.shown_for_id_type(field, "PASSPORT"), "passport")
    }

    pub(crate) fn birth_registration_number(&self) -> Field<types::Text> {
        let field = text(self.id("brn"))
            .label(self.label("brn"), "ID Number")
            .required();
        self.filled_from_identity(
            self.shown_for_id_type(field, "BIRTH_REGISTRATION_NUMBER"),
            "brn",
        )
    }

    fn shown_for_id_type<K>(&self, field: Field<K>, id_type: &str) -> Field<K> {
        self.shown_and(field, self.field("idType").equals(id_type))
    }

    pub(crate) fn divider(&self, name: &str) -> Field<types::Divider> {
        self.forgotten(self.shown(divider(self.id(name))))
    }

    pub(crate) fn address_heading(&self) -> Field<types::Heading> {
        let field = heading(self.id("addressHelper"))
            .label(self.label("addressHelper"), "Usual place of residence")
            .font(FontVariant::H3)
            .review_if(never());
        self.forgotten(self.shown(field))
    }

    pub(crate) fn address(&self, env: &Environment) -> Field<types::Address> {
        let label = message(self.label("address"), "Usual place of residence");
        self.forgotten(self.shown(address::address_field(env, &self.id("address"), label)))
    }

    /// The question whether the person has the same address as somebody else.
    pub(crate) fn same_address(
        &self,
        label: &str,
        usually: &str,
        asked: &Conditional,
    ) -> Field<types::RadioGroup> {
        radio_group(self.id("addressSameAs"), options::yes_no())
            .label(self.own_label("address.addressSameAs"), label)
            .required()
            .default_value(usually)
            .show_if(asked)
            .review_if(self.field("addressSameAs").equals("YES"))
    }

    pub(crate) fn marital_status(&self) -> Field<types::Select> {
        self.shown(
            select(self.id("maritalStatus"), options::marital_status())
                .label(self.label("maritalStatus"), "Marital Status"),
        )
    }

    pub(crate) fn education(&self) -> Field<types::Select> {
        self.shown(
            select(self.id("educationalAttainment"), options::education())
                .label(self.label("educationalAttainment"), "Level of education"),
        )
    }

    pub(crate) fn occupation(&self) -> Field<types::Text> {
        self.shown(text(self.id("occupation")).label(self.label("occupation"), "Occupation"))
    }
}

/// A name whose parts are written in Latin letters.
pub(crate) fn full_name(id: &str, label: Message) -> Field<types::Name> {
    validators::latin_name(
        name(id)
            .labelled(label)
            .required()
            .hide_label()
            .max_length(MAX_NAME_LENGTH),
    )
}

/// The box and the reason for missing details of a person; not offered if that person is the informant.
pub(crate) fn details_may_be_missing(
    person: &Person,
    label: &str,
    relation: &str,
) -> [AnyField; 3] {
    let is_informant = field("informant.relation").equals(relation);
    let missing = person.field("detailsNotAvailable");
    [
        checkbox(person.id("detailsNotAvailable"))
            .label(person.own_label("detailsNotAvailable"), label)
            .show_if(not(&is_informant))
            .review_if(missing.equals(true))
            .into(),
        divider(person.id("details.divider"))
            .show_if(not(&is_informant))
            .into(),
        text(person.id("reason"))
            .label(person.own_label("reason"), "Reason")
            .required()
            .show_if(missing.equals(true).and(not(is_informant)))
            .into(),
    ]
}

/// The person's details are available, or the person is the informant.
pub(crate) fn details_available(key: &str, relation: &str) -> Conditional {
    or([
        field(format!("{key}.detailsNotAvailable")).is_falsy(),
        field("informant.relation").equals(relation),
    ])
}

/// The informant is somebody about whom no other page asks.
pub(crate) fn informant_is_someone_else<const N: usize>(asked_elsewhere: [&str; N]) -> Conditional {
    let relation = field("informant.relation");
    and([
        not(relation.in_array(asked_elsewhere)),
        not(relation.is_falsy()),
    ])
}

/// Id of the message about a phone number that is written wrongly.
pub(crate) fn phone_number_error(section: fn(&str) -> String) -> String {
    section("informant.field.phoneNo.error")
}

/// Contact of the informant; `section` makes ids of messages.
pub(crate) fn informant_contact(env: &Environment, section: fn(&str) -> String) -> [AnyField; 2] {
    let relation = || field("informant.relation");
    let example = validators::example(&env.phone_number_pattern);
    [
        phone("informant.phoneNo")
            .label(section("informant.field.phoneNo.label"), "Phone number")
            .secured()
            .parent(relation())
            .validate(
                validators::phone_number(env, "informant.phoneNo"),
                (
                    phone_number_error(section),
                    format!("Enter a phone number like {example}"),
                ),
            )
            .into(),
        email("informant.email")
            .label(section("informant.field.email.label"), "Email")
            .required()
            .secured()
            .parent(relation())
            .into(),
    ]
}
