// SPDX-License-Identifier: MPL-2.0
//! Parts that the forms of certificates and corrections share about the requester.

use opencrvs_toolkit::prelude::*;

/// A relation of the informant: the value in the form, the last part of message ids, and its name.
pub(crate) struct Relation {
    pub(crate) value: &'static str,
    pub(crate) key: &'static str,
    pub(crate) name: &'static str,
}

impl Relation {
    pub(crate) const fn new(value: &'static str, key: &'static str, name: &'static str) -> Self {
        Self { value, key, name }
    }

    /// The informant has this relation.
    pub(crate) fn is_informants(&self) -> Conditional {
        field("informant.relation").equals(self.value)
    }

    /// The relation is none of those with a name.
    pub(crate) fn is_other(&self) -> bool {
        self.value == "OTHER"
    }
}

/// The requester is this person, either named as such or because the person is the informant.
pub(crate) fn requester_is(requester: &FieldReference, relation: &str) -> Conditional {
    or([
        requester.equals(relation),
        and([
            requester.equals("INFORMANT"),
            field("informant.relation").equals(relation),
        ]),
    ])
}

/// The requester is the informant and none of the people about whom other pages ask.
pub(crate) fn requester_is_other_informant<const N: usize>(
    requester: &FieldReference,
    asked_elsewhere: [&str; N],
) -> Conditional {
    let relation = field("informant.relation");
    let is_not = asked_elsewhere.map(|other| not(relation.equals(other)));
    and(std::iter::once(requester.equals("INFORMANT")).chain(is_not))
}

/// The proof of a person's identity, as lines to read.
pub(crate) fn identity(person: &str) -> Vec<DataEntry> {
    identity_with(person, &["nationality"])
}

/// The proof of the informant's identity, with the relation, as lines to read.
pub(crate) fn identity_of_informant() -> Vec<DataEntry> {
    identity_with("informant", &["other.relation", "nationality"])
}

fn identity_with(person: &str, further: &[&str]) -> Vec<DataEntry> {
    let proof = ["idType", "nid", "passport", "brn", "name", "dob", "age"];
    entries(person, &[proof.as_slice(), further].concat())
}

/// Lines to read about a person.
pub(crate) fn entries(person: &str, fields: &[&str]) -> Vec<DataEntry> {
    fields
        .iter()
        .map(|name| DataEntry::field(format!("{person}.{name}")))
        .collect()
}
