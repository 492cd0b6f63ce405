// SPDX-License-Identifier: MPL-2.0

use super::*;
use jiff::civil::date;
use proptest::prelude::*;
use rstest::rstest;

fn event(format: &str, per: &[Scope]) -> EventFormat {
    EventFormat {
        format: Format::parse(format, None, Some(CheckDigits::Mod37_36)).unwrap(),
        fallback: None,
        per: per.to_vec(),
        start: 1,
        starts: HashMap::from([("CRO2".to_owned(), 500)]),
        fallback_offices: BTreeSet::from(["CRO3".to_owned()]),
    }
}

fn office(external_id: &str) -> Office {
    Office {
        id: "uuid".to_owned(),
        external_id: external_id.to_owned(),
        areas: vec!["P1".to_owned(), "D/2".to_owned()],
    }
}

/// The draw of a birth on the last day of 2027.
fn draw(format: &EventFormat, office: Option<&Office>) -> Draw {
    let codes = [("CRO1", "LMR"), ("CRO4", "no code")];
    let formats = Formats {
        codes: codes
            .map(|(id, code)| (id.to_owned(), code.to_owned()))
            .into(),
        ..Formats::default()
    };
    let (event_id, action_id) = (EventId::new("e"), ActionId::new("a"));
    let request = Request {
        event_id: &event_id,
        action_id: &action_id,
        event_type: "birth",
        office: None,
        today: date(2027, 12, 31),
        format,
        formats: &formats,
        random: &"############".parse().unwrap(),
    };
    request.draw(office)
}

#[rstest]
#[case("B-{office.code}-{year}-{sequence:5}", "CRO1", 42, "B-LMR-2027-00042")]
#[case::no_code_of_its_own("{office.code}/{sequence:3}", "CRO7", 7, "CRO7/007")]
#[case::areas(
    "{area.1.code}{area.2.code}/{year:2}{month}/{sequence:4}",
    "CRO1",
    1,
    "P1D/2/2712/0001"
)]
#[case::event("{event}{sequence:2}{check}", "CRO1", 1, "BIRTH011")]
#[case::wider_than_said("{sequence:3}", "CRO1", 12_345, "12345")]
fn numbers_are_made_as_the_format_says(
    #[case] format: &str,
    #[case] of: &str,
    #[case] position: u64,
    #[case] expected: &str,
) {
    let draw = draw(&event(format, &[]), Some(&office(of)));
    assert_eq!(draw.fallback, None);
    assert_eq!(draw.number(position), expected);
}

#[rstest]
#[case(None, Some(Fallback::UnknownOffice))]
#[case(Some("CRO1"), None)]
#[case(Some("CRO3"), Some(Fallback::Listed))]
#[case(Some("CRO4"), Some(Fallback::NoCode))]
fn an_office_without_a_code_gets_another_number(
    #[case] of: Option<&str>,
    #[case] expected: Option<Fallback>,
) {
    let office = of.map(office);
    let mut format = event("{office.code}-{sequence:5}", &[Scope::Office]);
    let random = draw(&format, office.as_ref());
    assert_eq!(random.fallback, expected);
    assert_eq!(random.sequence.is_some(), expected.is_none());
    assert!(
        Format::parse("X{year}-{random:10}", Some("AB"), None).is_err(),
        "too few"
    );
    if expected.is_some() {
        assert_eq!(random.number(1).len(), 12);
        assert_ne!(random.number(1), random.number(1));
        format.fallback = Some(Format::parse("X{year}-{random:10}", None, None).unwrap());
        let own = draw(&format, office.as_ref());
        assert!(own.number(1).starts_with("X2027-"));
        assert_eq!(own.preview(1), "X2027-??????????");
    }
}

#[rstest]
#[case(&[], "birth")]
#[case(&[Scope::Office, Scope::Year], "birth office=LMR year=2027")]
#[case(&[Scope::Area(2), Scope::Year, Scope::Month], "birth area.2=D/2 year=2027 month=12")]
fn sequences_are_told_apart(#[case] per: &[Scope], #[case] expected: &str) {
    let format = event("{office.code}{area.2.code}{year}{month}{sequence:5}", per);
    let sequence = draw(&format, Some(&office("CRO1"))).sequence.unwrap();
    assert_eq!((sequence.name.as_str(), sequence.start), (expected, 1));
    let other = draw(&format, Some(&office("CRO2"))).sequence.unwrap();
    assert_eq!(other.start, 500);
}

#[rstest]
#[case("{year}", "too few numbers")]
#[case("{random:7}", "too few numbers")]
#[case("{sequence:5}{sequence:5}", "one `{sequence}` only")]
#[case("{sequence}", "how many characters")]
#[case("{sequence:0}", "how many characters")]
#[case("{ofice.code}{sequence:5}", "there is no `{ofice.code}`")]
#[case("{area.0.code}{sequence:5}", "there is no")]
#[case("{office.code:3}{sequence:5}", "nothing behind a colon")]
#[case("{year:3}{sequence:5}", "4 or 2 digits")]
#[case("{sequence:5", "never closed")]
#[case("{sequence:5} B", "cannot hold ` `")]
#[case("é{sequence:5}", "cannot hold `é`")]
#[case("{sequence:5}{check}", "how `{check}` is computed")]
fn mistakes_in_a_format_are_told(#[case] format: &str, #[case] expected: &str) {
    let error = Format::parse(format, None, None).unwrap_err();
    assert!(error.what.contains(expected), "{error}");
}

proptest! {
    /// No text makes the parser panic, and every format makes numbers of allowed characters that a ledger can
    /// store and make again.
    #[test]
    fn every_format_makes_numbers(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "B-", "/", "{year}", "{year:2}", "{month}", "{event}", "{office.code}", "{area.1.code}",
                "{sequence:5}", "{random:8}", "{check}", "{", "}", "x", "é",
            ]),
            1..8,
        ),
        position in 0..u64::MAX,
    ) {
        let text = parts.concat();
        let Ok(read) = Format::parse(&text, None, Some(CheckDigits::Mod37_2)) else { return Ok(()) };
        let format = EventFormat { format: read, ..event("{sequence:5}", &[]) };
        let draw = draw(&format, Some(&office("CRO1")));
        let number = draw.number(position);
        prop_assert!(number.chars().all(|c| c.is_ascii_alphanumeric() || "-/*".contains(c)), "{number}");
        if draw.sequence.is_some() {
            prop_assert!(number.contains(&position.to_string()));
            prop_assert!(draw.number(position) != draw.number(position ^ 1));
        }
        let stored = serde_json::to_string(&draw).unwrap();
        prop_assert_eq!(serde_json::from_str::<Draw>(&stored).unwrap(), draw);
    }
}
