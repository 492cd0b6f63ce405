// SPDX-License-Identifier: MPL-2.0
//! Addresses: the street fields, the rules and the start value that all of them share.

use std::sync::{Arc, LazyLock};

use opencrvs_toolkit::prelude::*;
use serde_json::json;

use crate::Environment;

/// An address that starts at the user's own area, with the street fields and the rules of the country.
pub(crate) fn address_field(env: &Environment, id: &str, label: Message) -> Field<types::Address> {
    let here = field(id);
    let address = address(id)
        .labelled(label)
        .required()
        .hide_label()
        .default_value(
            AddressDefault::domestic(&env.country_code)
                .area_of_user(user().field(UserField::AdministrativeAreaId)),
        )
        .street_form(STREET.clone())
        .validate(
            here.is_valid_administrative_leaf_level(),
            ("error.invalidInput", "Invalid input"),
        );
    STREET
        .iter()
        .fold(address, |address, part| match part.required_message() {
            Some(message) => address.validate(needed_abroad(&here, part.id()), message.clone()),
            None => address,
        })
}

/// Places for which the user may create records.
pub(crate) fn places_of_record_creation() -> opencrvs_toolkit::conditional::JurisdictionReference {
    user().jurisdiction(user().scope("record.create").attribute("placeOfEvent"))
}

/// Holds if an address abroad has the part, which is mandatory there.
fn needed_abroad(address: &FieldReference, part: &str) -> Conditional {
    address.satisfies(json!({
        "type": "object",
        "properties": {
            "addressType": { "type": "string", "enum": ["INTERNATIONAL", "DOMESTIC"] },
            "streetLevelDetails": { "type": "object", "properties": { part: { "minLength": 1 } } }
        },
        "if": { "properties": { "addressType": { "const": "INTERNATIONAL" } } },
        "then": {
            "required": ["streetLevelDetails"],
            "properties": { "streetLevelDetails": { "required": [part] } }
        }
    }))
}

/// The lines below country and administrative area: one set at home, another abroad.
static STREET: LazyLock<Arc<[StreetField]>> = LazyLock::new(street_fields);

fn street_fields() -> Arc<[StreetField]> {
    let country_chosen = not(field("country").is_undefined());
    let kind = |kind| and([&country_chosen, &field("addressType").equals(kind)]);
    let at_home = and([kind("DOMESTIC"), not(field("district").is_undefined())]);
    let abroad = kind("INTERNATIONAL");
    let line = |id: &str, key: &str, text: &str, shown: &Conditional| {
        StreetField::new(id, (format!("field.address.{key}.label"), text))
            .show_if(shown)
            .parent(field("country"))
    };
    let required = |line: StreetField, text: &str| {
        let id = format!("field.address.{}.label.required", line.id());
        line.required_with_message((id, text))
    };
    Arc::new([
        line("town", "town", "Town", &at_home),
        line(
            "residentialArea",
            "residentialArea",
            "Residential Area",
            &at_home,
        ),
        line("street", "street", "Street", &at_home),
        line("number", "number", "Number", &at_home),
        line("zipCode", "postcodeOrZip", "Postcode / Zip", &at_home),
        required(
            line("state", "state", "State", &abroad),
            "State is required",
        ),
        required(
            line("district2", "district2", "District", &abroad),
            "District is required",
        ),
        line("cityOrTown", "cityOrTown", "City / Town", &abroad),
        line("addressLine1", "addressLine1", "Address Line 1", &abroad),
        line("addressLine2", "addressLine2", "Address Line 2", &abroad),
        line("addressLine3", "addressLine3", "Address Line 3", &abroad),
        line("postcodeOrZip", "postcodeOrZip", "Postcode / Zip", &abroad),
    ])
}
