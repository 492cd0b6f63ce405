// SPDX-License-Identifier: MPL-2.0
//! Possible requesters for the record of a birth: they depend on the informant and the known parents.

use opencrvs_toolkit::prelude::*;

use crate::requester::Relation;

/// Relations of the informant to the child.
pub(super) const RELATIONS: [Relation; 8] = [
    Relation::new("MOTHER", "mother", "Mother"),
    Relation::new("FATHER", "father", "Father"),
    Relation::new("OTHER", "other", "Informant"),
    Relation::new("BROTHER", "brother", "Brother"),
    Relation::new("GRANDFATHER", "grandfather", "Grandfather"),
    Relation::new("GRANDMOTHER", "grandmother", "Grandmother"),
    Relation::new("SISTER", "sister", "Sister"),
    Relation::new("LEGAL_GUARDIAN", "legal_guardian", "Legal guardian"),
];

/// A combination of informant and known parents.
pub(super) struct Situation {
    pub(super) relation: &'static Relation,
    /// Parents who are known and are not the informant.
    pub(super) parents: Vec<Parent>,
    /// Holds when the record is in this situation.
    pub(super) holds: Conditional,
}

/// A parent as a value, as the last part of message ids, and by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parent {
    pub(super) value: &'static str,
    pub(super) key: &'static str,
    pub(super) name: &'static str,
}

pub(super) const MOTHER: Parent = Parent {
    value: "MOTHER",
    key: "mother",
    name: "Mother",
};
pub(super) const FATHER: Parent = Parent {
    value: "FATHER",
    key: "father",
    name: "Father",
};

impl Parent {
    pub(super) fn known(self) -> Conditional {
        not(self.unknown())
    }

    pub(super) fn unknown(self) -> Conditional {
        field(format!("{}.name", self.key)).is_falsy()
    }
}

/// Every situation in which a record can be; an informant who is a parent is always known.
pub(super) fn situations() -> Vec<Situation> {
    let known = [&[MOTHER][..], &[FATHER], &[FATHER, MOTHER], &[]];
    RELATIONS
        .iter()
        .flat_map(|relation| known.map(|parents| (relation, parents)))
        .filter(|(relation, parents)| {
            let is_parent = [MOTHER, FATHER]
                .into_iter()
                .find(|parent| parent.value == relation.value);
            is_parent.is_none_or(|parent| parents.contains(&parent))
        })
        .map(|(relation, parents)| situation(relation, parents))
        .collect()
}

fn situation(relation: &'static Relation, known: &[Parent]) -> Situation {
    let unknown = [FATHER, MOTHER]
        .into_iter()
        .filter(|parent| !known.contains(parent))
        .map(Parent::unknown);
    let conditions = std::iter::once(relation.is_informants())
        .chain(known.iter().map(|parent| parent.known()))
        .chain(unknown);
    Situation {
        relation,
        parents: known
            .iter()
            .copied()
            .filter(|parent| parent.value != relation.value)
            .collect(),
        holds: and(conditions),
    }
}
