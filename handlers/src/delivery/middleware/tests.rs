// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::delivery::ledger::Destination;
use opencrvs_toolkit::event_document::{ActionId, EventId};
use rstest::rstest;
use serde_json::json;

fn packet(operation: &str, action: &str, answer_status: u16) -> Claimed {
    let field = if operation == "flag-deceased" {
        "deathCertificateNumber"
    } else {
        "birthCertificateNumber"
    };
    let path = if operation == "update-biographics" {
        "/events/update-biographics"
    } else {
        REGISTRATION
    };
    Claimed {
        id: 1,
        event_id: EventId::new("e"),
        action_id: ActionId::new("a"),
        action_type: action.into(),
        answer_status,
        destination: Destination::MIDDLEWARE,
        operation: operation.into(),
        path: path.into(),
        payload: json!({"requestFields": {field: "N1"}, "audit": {"number": "N1"}}).to_string(),
        token: "token".into(),
        attempt: 2,
        created_at: Timestamp::UNIX_EPOCH,
        knowledge: Knowledge::Untried,
        unknown_since: None,
        registration_number: Some("N1".into()),
        fallback: None,
    }
}

#[rstest]
#[case::birth("create-uin", "REGISTER", 202, Resend::FreshNumber)]
#[case::birth_that_was_told_its_number("create-uin", "REGISTER", 200, Resend::Never)]
#[case::correction_that_waits("create-uin", "APPROVE_CORRECTION", 202, Resend::Never)]
#[case::death("flag-deceased", "REGISTER", 200, Resend::Suffix)]
#[case::death_that_waits("flag-deceased", "REGISTER", 202, Resend::FreshNumber)]
#[case::update("update-biographics", "APPROVE_CORRECTION", 200, Resend::AsItIs)]
fn a_packet_with_a_row_is_sent_again_with_a_number_that_nobody_was_told(
    #[case] operation: &str,
    #[case] action: &str,
    #[case] status: u16,
    #[case] expected: Resend,
) {
    let delivery = packet(operation, action, status);
    let payload = serde_json::from_str(&delivery.payload).unwrap();
    let field = number_field(&payload);
    for known in [Knowledge::NotStarted, Knowledge::Unknown] {
        assert_eq!(resend(&delivery, known, field), expected);
    }
    for known in [
        Knowledge::Untried,
        Knowledge::NotReached,
        Knowledge::Unavailable,
    ] {
        assert_eq!(resend(&delivery, known, field), Resend::AsItIs);
    }
}

#[test]
fn a_fresh_number_stands_everywhere_and_a_suffix_in_the_row_only() {
    let mut delivery = packet("create-uin", "REGISTER", 202);
    delivery.fallback = Some(crate::core_client::Confirmation {
        operation: "register.accept".into(),
        path: "/".into(),
        payload: json!({"json": {"registrationNumber": "N1", "declaration": {}}}),
    });
    let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
    let fresh = renumber(
        &delivery,
        &payload,
        number_field(&payload),
        ("N2".into(), false),
        "t",
    )
    .unwrap();
    assert_eq!(
        fresh.payload,
        json!({"requestFields": {"birthCertificateNumber": "N2"}, "audit": {"number": "N2"}})
    );
    assert_eq!(
        fresh.fallback.unwrap().payload["json"]["registrationNumber"],
        "N2"
    );

    let delivery = packet("flag-deceased", "REGISTER", 200);
    let payload: Value = serde_json::from_str(&delivery.payload).unwrap();
    let suffixed = add_suffix(&delivery, &payload, number_field(&payload), 0, "t").unwrap();
    assert_eq!(suffixed.number, "N1-2");
    assert_eq!(
        suffixed.payload,
        json!({"requestFields": {"deathCertificateNumber": "N1-2"}, "audit": {"number": "N1"}})
    );
}

#[test]
fn once_unknown_stays_unknown_and_503_hides_a_row() {
    use Outcome as O;
    let ends = [
        O::NotReached(None, None),
        O::Unavailable(None),
        O::NotStarted,
        O::Unknown(None),
        O::Timeout,
        O::Unprepared,
        O::Undecided(Timestamp::UNIX_EPOCH),
    ];
    for end in ends {
        assert_eq!(Knowledge::Unknown.after(end), Knowledge::Unknown);
    }
    let after = |ends: &[Outcome]| {
        ends.iter()
            .fold(Knowledge::Untried, |known, end| known.after(*end))
    };
    let (unreached, own_500) = (O::NotReached(None, None), O::NotStarted);
    assert_eq!(after(&[unreached, unreached]), Knowledge::NotReached);
    assert_eq!(
        after(&[unreached, own_500, unreached]),
        Knowledge::NotStarted
    );
    assert_eq!(after(&[own_500, own_500]), Knowledge::NotStarted);
    assert_eq!(after(&[O::Unavailable(None), own_500]), Knowledge::Unknown);
    assert_eq!(
        after(&[own_500, O::Unavailable(None)]),
        Knowledge::Unavailable
    );
    assert_eq!(
        after(&[O::Timeout, O::Delivered(StatusCode::ACCEPTED)]),
        Knowledge::Taken
    );
    assert_eq!(after(&[O::Unprepared]), Knowledge::Untried);
}
