// SPDX-License-Identifier: MPL-2.0
//! One field of every type that core knows, with the settings that belong to the type.

use std::collections::BTreeSet;

use opencrvs_toolkit::field::{AddressPart, AreaType, FieldType, SelectRange, Validation};
use opencrvs_toolkit::prelude::*;
use serde_json::json;

fn yes() -> Vec<SelectOption> {
    vec![
        option("YES", ("yes", "Yes")).enable_if(user().is_online()),
        plain_option("NO", "No"),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn all_fields() -> Vec<AnyField> {
    let other = || field("other.field");
    let place = user().jurisdiction(user().scope("record.create").attribute("placeOfEvent"));
    let area = || user().field(UserField::AdministrativeAreaId);
    let rule = Validation::new(always(), ("rule", "Must be found"));
    let line = StreetField::new("street", ("street", "Street")).parent(field("country"));
    vec![
        text("text")
            .label("l", "L")
            .default_from_user(&user().field(UserField::Name))
            .max_length(9)
            .password()
            .into(),
        textarea("textarea")
            .label("l", "L")
            .rows(2)
            .cols(40)
            .prefix(("p", "P"))
            .into(),
        number("number")
            .label("l", "L")
            .min(0)
            .max(9)
            .integer()
            .postfix(("kg", "kg"))
            .default_value(1)
            .into(),
        number_with_unit("number-with-unit", yes())
            .label("l", "L")
            .number_placeholder(("p", "P"))
            .into(),
        email("email")
            .label("l", "L")
            .placeholder(("p", "P"))
            .helper_text(("h", "H"))
            .into(),
        phone("phone")
            .label("l", "L")
            .required_with_message(("needed", "Needed"))
            .into(),
        id_number("id").label("l", "L").secured().into(),
        name("name")
            .label("l", "L")
            .parts([("firstname", NamePart::required().label(("f", "F")))])
            .order(["firstname"])
            .into(),
        date("date")
            .label("l", "L")
            .default_now(now())
            .notice(("n", "N"))
            .into(),
        time("time")
            .label("l", "L")
            .twelve_hours()
            .default_computed(&evaluate("(_,ctx)=>'12:00'"))
            .into(),
        age("age", other())
            .label("l", "L")
            .postfix(("years", "years"))
            .into(),
        date_range("date-range").label("l", "L").into(),
        select_date_range(
            "select-date-range",
            [(SelectRange::Last7Days, message("week", "A week"))],
        )
        .label("l", "L")
        .into(),
        checkbox("checkbox")
            .label("l", "L")
            .default_value(true)
            .into(),
        radio_group("radio-group", yes())
            .label("l", "L")
            .large()
            .into(),
        select("select", yes())
            .label("l", "L")
            .no_options_message(("none", "Nothing like {input}"))
            .into(),
        country("country")
            .label("l", "L")
            .option_overrides([("FAR".to_owned(), never())])
            .into(),
        address("address")
            .label("l", "L")
            .default_value(AddressDefault::domestic("FAR").area_of_user(area()))
            .street_form([line])
            .parts(&[
                AddressPart::country().required(),
                AddressPart::administrative_area().label(("a", "A")),
            ])
            .line_separator(", ")
            .allowed_locations(&place)
            .into(),
        administrative_area("area", AreaType::AdminStructure)
            .label("l", "L")
            .part_of(other())
            .default_from_user(&area())
            .into(),
        location("location")
            .label("l", "L")
            .location_types(["HEALTH_FACILITY"])
            .allowed_locations(&place)
            .into(),
        facility("facility").label("l", "L").into(),
        office("office")
            .label("l", "L")
            .allowed_locations(&place)
            .into(),
        file("file")
            .label("l", "L")
            .full_width()
            .max_file_size(9)
            .max_image_size(600, 800)
            .file_name(("n", "N"))
            .into(),
        file_with_options("file-with-options", yes())
            .label("l", "L")
            .accepted_file_types(["image/png"])
            .into(),
        signature("signature", ("sign", "Sign here"))
            .label("l", "L")
            .into(),
        paragraph("paragraph")
            .label("l", "L")
            .hint()
            .align(TextAlign::Center)
            .into(),
        heading("heading")
            .label("l", "L")
            .font(FontVariant::H3)
            .align(TextAlign::Start)
            .into(),
        bullet_list("bullet-list", [("point", "Point")])
            .label("l", "L")
            .font(FontVariant::H1)
            .into(),
        page_header("page-header").label("l", "L").into(),
        divider("divider").into(),
        image_view("image-view")
            .label("l", "L")
            .width("30%")
            .height("1em")
            .alt("A code")
            .object_fit("contain")
            .into(),
        data(
            "data",
            [
                DataEntry::field("other.field"),
                DataEntry::plain("fee", ("fee", "Fee"), "7.00"),
                DataEntry::message("service", ("service", "Service"), ("copy", "A copy")),
                DataEntry::value_of("name", ("name", "Name"), &other()),
            ],
        )
        .label("l", "L")
        .subtitle(("s", "S"))
        .into(),
        button("button", ("go", "Go"))
            .label("l", "L")
            .button_type("primary")
            .button_size("small")
            .icon("Pen")
            .into(),
        link_button("link-button", "https://example.org", ("go", "Go"))
            .label("l", "L")
            .icon("Pen")
            .into(),
        print_button("print-button", "a-template")
            .label("l", "L")
            .button_label(("print", "Print"))
            .into(),
        field_group("field-group", [text("inner").label("l", "L").into()])
            .label("l", "L")
            .into(),
        http("http", Method::Get, "/x")
            .label("l", "L")
            .trigger(other())
            .params([("code", other())])
            .error_value(&json!(null))
            .into(),
        search(
            "search",
            &json!({ "type": "and", "clauses": [{ "eventType": "birth" }] }),
            &rule,
        )
        .label("l", "L")
        .limit(10)
        .indicators([("loading", message("loading", "Searching"))])
        .into(),
        autocomplete("autocomplete")
            .label("l", "L")
            .url("/causes?terms=")
            .default_options([("Other", "OTHER")])
            .into(),
        verification_status("verification-status", ("s", "{value}"), ("d", "{value}"))
            .label("l", "L")
            .into(),
        query_param_reader("query-param-reader", ["code"])
            .label("l", "L")
            .into(),
        qr_reader("qr-reader")
            .label("l", "L")
            .validator(always())
            .into(),
        id_reader("id-reader", [qr_reader("qr").label("l", "L").into()])
            .label("l", "L")
            .into(),
        loader("loader", ("wait", "Wait"))
            .label("l", "L")
            .highlighted()
            .into(),
        hidden("hidden")
            .label("l", "L")
            .default_value("x")
            .value_from(other())
            .into(),
        user_role("user-role").label("l", "L").into(),
        custom("custom", "/component.js")
            .label("l", "L")
            .configuration(&json!({ "a": 1 }))
            .into(),
    ]
}

#[test]
fn every_type_of_field_can_be_built() {
    let fields = all_fields();
    let built: BTreeSet<_> = fields.iter().map(AnyField::field_type).collect();
    assert_eq!(built, FieldType::ALL.iter().copied().collect());
    assert_eq!(fields.len(), 47);
    for field in &fields {
        assert_eq!(json!(field)["type"], field.field_type().name());
    }
}

#[test]
fn settings_stand_where_core_looks_for_them() {
    let json = json!(all_fields());
    let field = |id: &str| {
        let fields = json.as_array().into_iter().flatten();
        fields
            .clone()
            .find(|field| field["id"] == id)
            .cloned()
            .unwrap_or_default()
    };
    let expected = [
        (
            "text",
            "/configuration",
            json!({ "type": "password", "maxLength": 9 }),
        ),
        ("text", "/defaultValue", json!({ "$userField": "name" })),
        ("date", "/defaultValue", json!({ "$$now": true })),
        (
            "time",
            "/defaultValue",
            json!({ "$$code": "(_,ctx)=>'12:00'" }),
        ),
        (
            "age",
            "/configuration/asOfDate",
            json!({ "$$field": "other.field", "$$subfield": [] }),
        ),
        ("checkbox", "/defaultValue", json!(true)),
        (
            "radio-group",
            "/configuration/styles",
            json!({ "size": "LARGE" }),
        ),
        (
            "area",
            "/configuration/partOf/$$field",
            json!("other.field"),
        ),
        (
            "file",
            "/configuration/maxImageSize/targetSize",
            json!({ "width": 600, "height": 800 }),
        ),
        (
            "file-with-options",
            "/configuration/maxFileSize",
            json!(5_242_880),
        ),
        (
            "paragraph",
            "/configuration/styles",
            json!({ "hint": true, "textAlign": "center" }),
        ),
        (
            "data",
            "/configuration/data/0",
            json!({ "fieldId": "other.field" }),
        ),
        ("http", "/configuration/timeout", json!(15_000)),
        ("loader", "/variant", json!("highlighted")),
        (
            "hidden",
            "/value",
            json!({ "$$field": "other.field", "$$subfield": [] }),
        ),
        ("phone", "/required/message/defaultMessage", json!("Needed")),
        (
            "qr-reader",
            "/configuration/validator/$id",
            json!(always().schema_id()),
        ),
    ];
    for (id, path, value) in expected {
        assert_eq!(field(id).pointer(path), Some(&value), "{id}{path}");
    }
}
