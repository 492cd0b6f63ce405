// SPDX-License-Identifier: MPL-2.0
//! Records of every branch of a certificate, and what it has to say of them.

use serde_json::{Value, json};

/// A change to the sample, and the row of a certificate that shows it.
pub(super) type Branch = (&'static str, Value, &'static str, &'static str);

/// All that a birth may be, and what the certified copy says of it.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn births() -> Vec<Branch> {
    const COPY: &str = "v2.birth-certified-certificate";
    let informant = |code: &str| {
        json!({
            "informant.relation": code,
            "informant.name": { "firstname": "Ola", "surname": "Renn" },
            "informant.other.relation": "Neighbour",
        })
    };
    let abroad = json!({
        "country": "FRA",
        "addressType": "INTERNATIONAL",
        "streetLevelDetails": { "state": "Alsace", "district2": "Bas-Rhin", "cityOrTown": "Colmar", "addressLine1": "3 rue du Lac" },
    });
    let at_home = json!({ "child.placeOfBirth": "PRIVATE_HOME", "child.birthLocation.privateHome": abroad, "child.birthLocation.other": null });
    let elsewhere = json!({ "child.placeOfBirth": "OTHER", "child.birthLocation.other": abroad });
    let no_father = json!({ "father.detailsNotAvailable": true });
    let no_mother = json!({ "mother.detailsNotAvailable": true, "informant.relation": "FATHER" });
    let aged = json!({ "mother.dobUnknown": true, "mother.age": { "age": 27 }, "father.dobUnknown": true, "father.age": { "age": 31 } });
    let own_home = json!({ "father.addressSameAs": "NO", "father.address": abroad });
    let rows = [
        (
            informant("MOTHER"),
            "Informant",
            "Ilenka Marisol Veradu | Mother · Mère",
        ),
        (
            informant("FATHER"),
            "Informant",
            "Tomasi Veradu | Father · Père",
        ),
        (
            informant("GRANDFATHER"),
            "Informant",
            "Ola Renn | Grandfather · Grand-père",
        ),
        (
            informant("GRANDMOTHER"),
            "Informant",
            "Ola Renn | Grandmother · Grand-mère",
        ),
        (
            informant("BROTHER"),
            "Informant",
            "Ola Renn | Brother · Frère",
        ),
        (informant("SISTER"), "Informant", "Ola Renn | Sister · Sœur"),
        (
            informant("LEGAL_GUARDIAN"),
            "Informant",
            "Ola Renn | Legal guardian · Tuteur légal",
        ),
        (informant("OTHER"), "Informant", "Ola Renn | Neighbour"),
        (json!({ "child.gender": "male" }), "Sex", "Male · Masculin"),
        (
            json!({ "child.gender": "female" }),
            "Sex",
            "Female · Féminin",
        ),
        (
            json!({ "child.gender": "unknown" }),
            "Sex",
            "Unknown · Inconnu",
        ),
        (
            json!({}),
            "Place of birth",
            "Port Vasemo General Hospital | Port Vasemo, Avelora, Lumareva, Farajaland",
        ),
        (
            at_home,
            "Place of birth",
            "3 rue du Lac, Colmar, Bas-Rhin, Alsace | France",
        ),
        (
            elsewhere,
            "Place of birth",
            "3 rue du Lac, Colmar, Bas-Rhin, Alsace | France",
        ),
        (no_father.clone(), "Father", "—"),
        (no_father.clone(), "Details of the father", "—"),
        (no_father.clone(), "Residence of the father", "—"),
        (
            json!({ "father.detailsNotAvailable": true, "informant.relation": "FATHER" }),
            "Father",
            "Tomasi Veradu",
        ),
        (no_mother.clone(), "Mother", "—"),
        (no_mother.clone(), "Details of the mother", "—"),
        (no_mother, "Residence of the mother", "—"),
        (
            aged.clone(),
            "Details of the mother",
            "27 years / ans · Farajaland · Weaver",
        ),
        (
            aged,
            "Details of the father",
            "31 years / ans · Farajaland · Boat builder",
        ),
        (
            json!({ "mother.dobUnknown": true }),
            "Details of the mother",
            "Farajaland · Weaver",
        ),
        (
            json!({}),
            "Details of the mother",
            "2 September 1998 · Farajaland · Weaver",
        ),
        (
            json!({ "father.nationality": "VCT" }),
            "Details of the father",
            "30 January 1996 · Saint Vincent and the Grenadines · Boat builder",
        ),
        (
            json!({}),
            "Residence of the father",
            "12 Harbour Lane, Nuravel | Nuravel, Avelora, Lumareva, Farajaland",
        ),
        (
            own_home,
            "Residence of the father",
            "3 rue du Lac, Colmar, Bas-Rhin, Alsace | France",
        ),
        (
            json!({ "child.name": { "firstname": "Ila", "surname": "Renn" } }),
            "Child",
            "Ila Renn",
        ),
        (json!({}), "Date of registration", "23 March 2026"),
        (
            json!({}),
            "Registered at",
            "Avelora District Registry | Avelora, Lumareva, Farajaland",
        ),
    ];
    let row = |(change, label, text)| (COPY, change, label, text);
    let copy = rows.into_iter().map(row);
    let first = "v2.birth-certificate";
    copy.chain([(first, no_father, "Father", "—")]).collect()
}

/// Likewise of a death.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn deaths() -> Vec<Branch> {
    const COPY: &str = "v2.death-certified-certificate";
    let informant =
        |code: &str| json!({ "informant.relation": code, "informant.other.relation": "Neighbour" });
    let age = |age: u8| json!({ "deceased.dobUnknown": true, "deceased.age": { "age": age } });
    let manner = |code: &str| json!({ "eventDetails.mannerOfDeath": code });
    let marital = |code: &str| json!({ "deceased.maritalStatus": code });
    let hospital = "0f5a3c1e-0013-4b7a-9c2d-3e8f6a1b0c13";
    let in_hospital = json!({ "eventDetails.placeOfDeath": "HEALTH_FACILITY", "eventDetails.deathLocation": hospital });
    let elsewhere = json!({
        "eventDetails.placeOfDeath": "OTHER",
        "eventDetails.deathLocation": hospital,
        "eventDetails.deathLocationOther": { "country": "FRA", "addressType": "INTERNATIONAL", "streetLevelDetails": { "state": "Alsace" } },
    });
    let no_spouse = json!({ "spouse.detailsNotAvailable": true });
    let rows = [
        (
            informant("SPOUSE"),
            "Informant",
            "Celestine Aurore Tamarind | Spouse · Conjoint(e)",
        ),
        (
            informant("SON"),
            "Informant",
            "Yvaine Tamarind | Son · Fils",
        ),
        (
            informant("DAUGHTER"),
            "Informant",
            "Yvaine Tamarind | Daughter · Fille",
        ),
        (
            informant("SON_IN_LAW"),
            "Informant",
            "Yvaine Tamarind | Son-in-law · Gendre",
        ),
        (
            informant("DAUGHTER_IN_LAW"),
            "Informant",
            "Yvaine Tamarind | Daughter-in-law · Belle-fille",
        ),
        (
            informant("MOTHER"),
            "Informant",
            "Yvaine Tamarind | Mother · Mère",
        ),
        (
            informant("FATHER"),
            "Informant",
            "Yvaine Tamarind | Father · Père",
        ),
        (
            informant("GRANDSON"),
            "Informant",
            "Yvaine Tamarind | Grandson · Petit-fils",
        ),
        (
            informant("GRANDDAUGHTER"),
            "Informant",
            "Yvaine Tamarind | Granddaughter · Petite-fille",
        ),
        (
            informant("OTHER"),
            "Informant",
            "Yvaine Tamarind | Neighbour",
        ),
        (
            manner("MANNER_NATURAL"),
            "Manner of death",
            "Natural · Naturelle",
        ),
        (
            manner("MANNER_ACCIDENT"),
            "Manner of death",
            "Not natural · Non naturelle",
        ),
        (
            manner("MANNER_SUICIDE"),
            "Manner of death",
            "Not natural · Non naturelle",
        ),
        (
            manner("MANNER_HOMICIDE"),
            "Manner of death",
            "Not natural · Non naturelle",
        ),
        (
            manner("MANNER_UNDETERMINED"),
            "Manner of death",
            "Undetermined · Indéterminée",
        ),
        (
            json!({ "eventDetails.mannerOfDeath": null }),
            "Manner of death",
            "—",
        ),
        (marital("SINGLE"), "Marital status", "Single · Célibataire"),
        (marital("MARRIED"), "Marital status", "Married · Marié(e)"),
        (
            marital("WIDOWED"),
            "Marital status",
            "Widowed · Veuf / veuve",
        ),
        (
            marital("DIVORCED"),
            "Marital status",
            "Divorced · Divorcé(e)",
        ),
        (
            marital("SEPARATED"),
            "Marital status",
            "Separated · Séparé(e)",
        ),
        (
            marital("NOT_STATED"),
            "Marital status",
            "Not stated · Non déclarée",
        ),
        (
            json!({ "deceased.gender": "unknown" }),
            "Sex",
            "Unknown · Inconnu",
        ),
        (
            in_hospital,
            "Place of death",
            "Mirevanu District Registry | Mirevanu, Lumareva, Farajaland",
        ),
        (
            json!({}),
            "Place of death",
            "4 Tamarind Row, Miralo | Miralo, Mirevanu, Lumareva, Farajaland",
        ),
        (elsewhere, "Place of death", "Alsace | France"),
        (json!({}), "Date of birth", "19 June 1941"),
        (age(0), "Age at death", "Under 1 year · Moins d’un an"),
        (age(1), "Age at death", "1 year · 1 an"),
        (age(84), "Age at death", "84 years · 84 ans"),
        (json!({ "deceased.dobUnknown": true }), "Age at death", "—"),
        (no_spouse, "Spouse", "—"),
        (
            json!({ "spouse.detailsNotAvailable": true, "informant.relation": "SPOUSE" }),
            "Spouse",
            "Celestine Aurore Tamarind",
        ),
        (json!({}), "Nationality", "Farajaland"),
    ];
    let row = |(change, label, text)| (COPY, change, label, text);
    rows.into_iter().map(row).collect()
}
