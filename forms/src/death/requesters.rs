// SPDX-License-Identifier: MPL-2.0
//! Relations of the informant to the deceased.

use crate::requester::Relation;

pub(super) const SPOUSE: Relation = Relation::new("SPOUSE", "spouse", "Spouse");

pub(super) const RELATIVES: [Relation; 8] = [
    Relation::new("SON", "son", "Son"),
    Relation::new("DAUGHTER", "daughter", "Daughter"),
    Relation::new("SON_IN_LAW", "son_in_law", "Son in law"),
    Relation::new("DAUGHTER_IN_LAW", "daughter_in_law", "Daughter in law"),
    Relation::new("MOTHER", "mother", "Mother"),
    Relation::new("FATHER", "father", "Father"),
    Relation::new("GRANDSON", "grandson", "Grandson"),
    Relation::new("GRANDDAUGHTER", "granddaughter", "Granddaughter"),
];

pub(super) const OTHER: Relation = Relation::new("OTHER", "other", "Someone else");
