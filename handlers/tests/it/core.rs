// SPDX-License-Identifier: MPL-2.0
//! Core as a partner of deliveries: tokens, what became of an action, accepting and rejecting.

use super::deliveries::Setting;
use super::entry;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use handlers::clock::{Clock, SystemClock};
use handlers::core_client::{self, Credentials};
use handlers::delivery::ledger::{Answer, Counts, Entry, NewDelivery};
use jiff::{SignedDuration, Timestamp};
use opencrvs_toolkit::event_document::{ActionId, EventDocument, EventId, Fields};
use serde_json::json;
use wiremock::matchers::{body_string_contains, header, method, path, query_param};
use wiremock::{Mock, ResponseTemplate};

fn now() -> Timestamp {
    SystemClock.now()
}

/// A token of core, as far as anybody but core looks at it.
fn token(event: Option<&str>, lasts: SignedDuration) -> String {
    let claims = json!({"exp": (now() + lasts).as_second(), "eventId": event, "actionId": event});
    format!(
        "e30.{}.c2lnbmVk",
        URL_SAFE_NO_PAD.encode(claims.to_string())
    )
}

const HOUR: SignedDuration = SignedDuration::from_hours(1);

fn credentials() -> Credentials {
    let (id, secret) = ("client".to_owned(), "s&cret".into());
    Credentials { id, secret }
}

/// An action that waits, with a packet that is sent with this token.
fn waiting(event: &str, token: &str) -> Entry {
    let mut entry = entry(event, event, event);
    for delivery in &mut entry.deliveries {
        token.clone_into(&mut delivery.token);
    }
    entry
}

/// The same, but core was told to accept at once.
fn accepted_at_once(event: &str) -> Entry {
    let answer = Answer::accept(json!({}));
    Entry {
        answer,
        ..waiting(event, &token(Some(event), HOUR))
    }
}

impl Setting {
    async fn answers(&self, times: u64, when: wiremock::MockBuilder, with: ResponseTemplate) {
        when.respond_with(with)
            .up_to_n_times(times)
            .mount(&self.outside)
            .await;
    }

    /// Core gives the system client its token.
    async fn knows_the_system_client(&self, times: u64, system: &str) {
        let asked = Mock::given(path("/token"))
            .and(header("content-type", "application/x-www-form-urlencoded"))
            .and(body_string_contains(
                "grant_type=client_credentials&client_id=client&client_secret=s%26cret",
            ));
        let granted = ResponseTemplate::new(200).set_body_json(json!({"access_token": system}));
        asked
            .respond_with(granted)
            .expect(times)
            .mount(&self.outside)
            .await;
    }

    /// Core shows the record of event `e`, whose action was answered so.
    async fn shows(&self, times: u64, bearer: &str, answered: &str) {
        self.shows_record("e", times, bearer, answered).await;
    }

    async fn shows_record(&self, event: &str, times: u64, bearer: &str, answered: &str) {
        let shown = Mock::given(path("/events/event.get"))
            .and(query_param(
                "input",
                json!({"json": {"eventId": event}}).to_string(),
            ))
            .and(header("authorization", format!("Bearer {bearer}")));
        let actions = json!([
            {"id": event, "type": "REGISTER", "status": "Requested", "declaration": {}},
            {"id": "x", "type": "REGISTER", "status": answered, "originalActionId": event},
        ]);
        let document =
            json!({"id": event, "type": "death", "trackingId": "ABC123", "actions": actions});
        let reply = json!({"result": {"data": {"json": document, "meta": {}}}});
        self.answers(
            times,
            shown,
            ResponseTemplate::new(200).set_body_json(reply),
        )
        .await;
    }

    async fn takes_packets(&self) {
        let packets = Mock::given(path("/events/registration"));
        self.answers(9, packets, ResponseTemplate::new(202)).await;
    }

    /// Path and bearer of what came, without the questions to core.
    async fn sent(&self) -> Vec<(String, String)> {
        let requests = self.outside.received_requests().await.unwrap();
        let bearer = |r: &wiremock::Request| {
            let header = r.headers.get("authorization").unwrap();
            header.to_str().unwrap().to_owned()
        };
        let sent = requests
            .iter()
            .filter(|r| r.url.path().starts_with("/events/"));
        sent.filter(|r| r.method == "POST")
            .map(|r| (r.url.path().to_owned(), bearer(r)))
            .collect()
    }

    async fn outcomes(&self) -> Vec<String> {
        let attempts = self.ledger.attempts(1).await.unwrap();
        attempts
            .into_iter()
            .map(|attempt| attempt.outcome)
            .collect()
    }
}

fn delivered(delivered: u64) -> Counts {
    Counts {
        delivered,
        ..Counts::default()
    }
}

#[tokio::test]
async fn an_expired_token_is_replaced_by_one_for_the_same_action() {
    let setting = Setting::with("10ms", Some(credentials())).await;
    let system = token(None, HOUR);
    setting.knows_the_system_client(1, &system).await;
    let exchange = |event: &str| {
        Mock::given(method("POST"))
            .and(path("/token"))
            .and(body_string_contains("grant-type%3Atoken-exchange"))
            .and(body_string_contains(format!("subject_token={system}")))
            .and(body_string_contains("single_record_token"))
            .and(body_string_contains(format!(
                "event_id={event}&action_id={event}"
            )))
    };
    for event in ["e", "f"] {
        setting.shows_record(event, 9, &system, "Requested").await;
        let granted = json!({"access_token": format!("for-{event}")});
        setting
            .answers(
                1,
                exchange(event),
                ResponseTemplate::new(200).set_body_json(granted),
            )
            .await;
    }
    setting.takes_packets().await;
    for event in ["e", "f"] {
        let entry = waiting(event, &token(Some(event), -HOUR));
        setting.record_at(&entry, now()).await;
    }
    setting.until(delivered(2)).await;
    let mut sent = setting.sent().await;
    sent.sort();
    let to = "/events/registration".to_owned();
    assert_eq!(
        sent,
        [
            (to.clone(), "Bearer for-e".into()),
            (to, "Bearer for-f".into())
        ]
    );
    setting.outside.verify().await;
    setting.end().await;
}

#[tokio::test]
async fn the_service_token_of_core_2_1_serves_the_middleware_but_core_is_called_as_the_system_client()
 {
    let setting = Setting::with("10ms", Some(credentials())).await;
    let (system, service) = (token(None, HOUR), token(None, SignedDuration::from_mins(5)));
    setting.knows_the_system_client(1, &system).await;
    setting.shows(9, &system, "Requested").await;
    let refused = Mock::given(path("/events/registration"));
    setting
        .answers(1, refused, ResponseTemplate::new(400))
        .await;
    let reject = Mock::given(path("/events/event.actions.register.reject"));
    setting.answers(1, reject, ResponseTemplate::new(200)).await;
    let entry = waiting("e", &service);
    setting.record_at(&entry, now()).await;
    setting
        .until(Counts {
            refused: 1,
            ..delivered(1)
        })
        .await;
    let bearers: Vec<_> = setting
        .sent()
        .await
        .into_iter()
        .map(|(_, bearer)| bearer)
        .collect();
    assert_eq!(
        bearers,
        [format!("Bearer {service}"), format!("Bearer {system}")]
    );
    setting.end().await;
}

#[tokio::test]
async fn without_a_system_client_an_expired_token_is_for_an_operator() {
    let setting = Setting::with("10ms", None).await;
    let entry = waiting("e", &token(Some("e"), -HOUR));
    setting.record_at(&entry, now()).await;
    setting
        .until(Counts {
            parked: 1,
            ..Counts::default()
        })
        .await;
    assert_eq!(setting.outcomes().await, ["expired"]);
    assert_eq!(setting.requests().await, []);
    setting.end().await;
}

#[tokio::test]
async fn what_cannot_be_tried_again_before_its_token_ends_is_for_an_operator_at_once() {
    let setting = Setting::with("2h", None).await;
    Mock::given(path("/events/registration"))
        .respond_with(ResponseTemplate::new(503))
        .mount(&setting.outside)
        .await;
    let waiting = waiting("e", &token(Some("e"), HOUR));
    setting.record_at(&waiting, now()).await;
    setting
        .until(Counts {
            parked: 1,
            ..Counts::default()
        })
        .await;
    assert_eq!(setting.outcomes().await, ["unavailable"]);
    setting.end().await;
}

#[tokio::test]
async fn a_packet_that_cannot_be_taken_back_waits_until_core_has_accepted() {
    // One retry only: waiting must not use it up.
    let setting = Setting::with("10ms", Some(credentials())).await;
    let system = token(None, HOUR);
    setting.knows_the_system_client(1, &system).await;
    setting.shows(3, &system, "Requested").await;
    setting.shows(9, &system, "Accepted").await;
    let packets = Mock::given(path("/events/registration"));
    setting
        .answers(1, packets, ResponseTemplate::new(503))
        .await;
    setting.takes_packets().await;
    setting.record_at(&accepted_at_once("e"), now()).await;
    setting.until(delivered(1)).await;
    let outcomes = setting.outcomes().await;
    assert_eq!(
        outcomes,
        [
            "undecided",
            "undecided",
            "undecided",
            "unavailable",
            "delivered"
        ]
    );
    assert_eq!(setting.sent().await.len(), 2);
    setting.end().await;
}

#[tokio::test]
async fn what_core_rejected_is_never_sent_and_what_it_leaves_open_for_a_day_is_for_an_operator() {
    let setting = Setting::with("10ms", Some(credentials())).await;
    let system = token(None, HOUR);
    setting.knows_the_system_client(1, &system).await;
    setting.shows(1, &system, "Rejected").await;
    setting.record_at(&accepted_at_once("e"), now()).await;
    let refused = Counts {
        refused: 1,
        ..Counts::default()
    };
    setting.until(refused).await;
    assert_eq!(setting.outcomes().await, ["unwanted"]);

    setting.shows(1, &system, "Requested").await;
    let mut late = accepted_at_once("e");
    (late.action_id, late.registration_number) = (ActionId::new("late"), None);
    setting.record_at(&late, now() - HOUR * 24).await;
    setting
        .until(Counts {
            parked: 1,
            ..refused
        })
        .await;
    assert!(setting.sent().await.is_empty());
    setting.end().await;
}

/// An entry whose only delivery tells core about action `e` of event `e`.
fn confirming(delivery: Option<NewDelivery>) -> Entry {
    let mut entry = entry("e", "e", "e");
    entry.deliveries = vec![delivery.unwrap()];
    entry
}

#[tokio::test]
async fn accepting_carries_what_core_wants_and_is_repeated_with_the_same_transaction() {
    let pending = json!({"id": "e", "type": "birth", "actions": [
        {"id": "e", "type": "APPROVE_CORRECTION", "status": "Requested", "requestId": "r", "content": {"immediateCorrection": true}},
    ]});
    let event = EventDocument::parse(pending.to_string().as_bytes()).unwrap();
    let action = event.pending_action("APPROVE_CORRECTION").unwrap();
    let patch = Fields::from_iter([("child.nid".to_owned(), json!("6500123456"))]);
    let token = token(Some("e"), HOUR);
    let accept = core_client::accept(&event.id, action, &patch, Some("B-1"));
    let accept =
        accept.map(|accept| NewDelivery::confirming(accept, &token, Timestamp::UNIX_EPOCH));

    let setting = Setting::with("10ms,10ms", None).await;
    let procedure = "/events/event.actions.correction.approve.accept";
    setting
        .answers(1, Mock::given(path(procedure)), ResponseTemplate::new(503))
        .await;
    setting
        .answers(1, Mock::given(path(procedure)), ResponseTemplate::new(200))
        .await;
    setting.record_at(&confirming(accept), now()).await;
    setting.until(delivered(1)).await;
    let expected = json!({"json": {
        "eventId": "e", "actionId": "e", "declaration": {"child.nid": "6500123456"},
        "registrationNumber": "B-1", "content": {"immediateCorrection": true}, "requestId": "r",
        "transactionId": "countryconfig-accept-e",
    }});
    assert_eq!(
        setting.requests().await,
        vec![(procedure.to_owned(), expected); 2]
    );
    setting.end().await;
}

/// Core answers 400 or 500 about an action that is settled already: only the record tells which way.
#[rstest::rstest]
#[case::rejected_twice("reject", 500, "Rejected", true)]
#[case::accepted_before_it_could_be_rejected("reject", 500, "Accepted", false)]
#[case::accepted_twice("accept", 409, "Accepted", true)]
#[case::rejected_before_it_could_be_accepted("accept", 400, "Rejected", false)]
#[tokio::test]
async fn what_core_has_settled_is_not_asked_for_again(
    #[case] verb: &str,
    #[case] status: u16,
    #[case] fate: &str,
    #[case] arrived: bool,
) {
    let token = token(Some("e"), HOUR);
    let (event, action) = (EventId::new("e"), ActionId::new("e"));
    let rejection = core_client::reject(&event, &action, "REGISTER").unwrap();
    let mut delivery = NewDelivery::confirming(rejection, &token, Timestamp::UNIX_EPOCH);
    delivery.operation = format!("register.{verb}");
    let setting = Setting::with("10ms,10ms,10ms", None).await;
    let procedure = Mock::given(path(&delivery.path));
    setting
        .answers(9, procedure, ResponseTemplate::new(status))
        .await;
    // The first time nobody knows: a fault like any other.
    setting.shows(1, &token, "Requested").await;
    setting.shows(1, &token, fate).await;
    setting.record_at(&confirming(Some(delivery)), now()).await;
    let (delivered, refused) = if arrived { (1, 0) } else { (0, 1) };
    setting
        .until(Counts {
            delivered,
            refused,
            ..Counts::default()
        })
        .await;
    assert_eq!(setting.sent().await.len(), 2);
    setting.end().await;
}

#[test]
fn core_is_not_told_about_actions_that_it_never_asks_about() {
    let (event, action) = (EventId::new("e"), ActionId::new("a"));
    assert!(core_client::reject(&event, &action, "READ").is_none());
}

/// The middleware's own 500.
fn fault() -> ResponseTemplate {
    let body = json!({"error": "An unexpected error occurred"});
    ResponseTemplate::new(500).set_body_json(body)
}

/// A packet of the event `e` with a number, as the shipped mapping makes it.
fn packet(operation: &str, field: &str, answer: Answer) -> Entry {
    let mut entry = waiting("e", &token(Some("e"), HOUR));
    entry.answer = answer;
    entry.registration_number = Some("NUMBER-1".into());
    let delivery = &mut entry.deliveries[0];
    delivery.operation = operation.into();
    delivery.payload = json!({"requestFields": {field: "NUMBER-1"}, "audit": {"id": "NUMBER-1"}});
    entry
}

impl Setting {
    async fn grants_fresh_tokens(&self) {
        let exchange = Mock::given(path("/token")).and(body_string_contains("token-exchange"));
        let granted = ResponseTemplate::new(200).set_body_json(json!({"access_token": "fresh"}));
        self.answers(9, exchange, granted).await;
    }
}

/// The middleware keeps a row of number and token before it calls MOSIP.
#[tokio::test]
async fn after_a_500_a_birth_gets_another_number_and_a_death_a_suffix() {
    for (operation, field, answer) in [
        ("create-uin", "birthCertificateNumber", Answer::wait()),
        (
            "flag-deceased",
            "deathCertificateNumber",
            Answer::accept(json!({"registrationNumber": "NUMBER-1"})),
        ),
    ] {
        let births = answer.status == 202;
        let setting = Setting::with("10ms,10ms", Some(credentials())).await;
        let system = token(None, HOUR);
        setting.knows_the_system_client(1, &system).await;
        let fate = if births { "Requested" } else { "Accepted" };
        setting.shows(9, &system, fate).await;
        setting.grants_fresh_tokens().await;
        let packets = || Mock::given(path("/events/registration"));
        setting.answers(1, packets(), fault()).await;
        setting.takes_packets().await;
        setting
            .record_at(&packet(operation, field, answer), now())
            .await;
        setting.until(delivered(1)).await;
        assert_eq!(setting.outcomes().await, ["not-started", "delivered"]);
        let posts = setting.posts("/events/registration").await;
        assert_eq!(posts[0]["requestFields"][field], "NUMBER-1");
        let second = posts[1]["requestFields"][field].as_str().unwrap();
        if births {
            assert_eq!(
                (second.len(), &posts[1]["audit"]["id"]),
                (12, &json!(second))
            );
        } else {
            assert_eq!(
                (second, &posts[1]["audit"]["id"]),
                ("NUMBER-1-2", &json!("NUMBER-1"))
            );
        }
        let bearers: Vec<_> = setting.sent().await.into_iter().map(|(_, b)| b).collect();
        assert_eq!(bearers[1], "Bearer fresh");
        setting.end().await;
    }
}

/// The number of a correction is registered: it cannot be sent again, and is right without an identity.
#[tokio::test]
async fn after_a_500_or_a_refusal_a_correction_is_accepted_without_an_identity() {
    for (answer, parked) in [(fault(), 1), (ResponseTemplate::new(400), 0)] {
        let setting = Setting::with("10ms,10ms", Some(credentials())).await;
        let system = token(None, HOUR);
        setting.knows_the_system_client(1, &system).await;
        setting.shows(9, &system, "Requested").await;
        setting.grants_fresh_tokens().await;
        let packets = Mock::given(path("/events/registration"));
        setting.answers(9, packets, answer).await;
        let procedure = "/events/event.actions.correction.approve.accept";
        let accepts = Mock::given(path(procedure));
        setting
            .answers(1, accepts, ResponseTemplate::new(200))
            .await;
        let mut entry = packet("create-uin", "birthCertificateNumber", Answer::wait());
        entry.action_type = "APPROVE_CORRECTION".into();
        let pending = json!({"id": "e", "type": "birth", "actions": [
            {"id": "e", "type": "APPROVE_CORRECTION", "status": "Requested", "requestId": "r"},
        ]});
        let event = EventDocument::parse(pending.to_string().as_bytes()).unwrap();
        let action = event.pending_action("APPROVE_CORRECTION").unwrap();
        entry.deliveries[0].fallback = core_client::accept(&event.id, action, &Fields::new(), None);
        setting.record_at(&entry, now()).await;
        setting
            .until(Counts {
                delivered: 1,
                parked,
                refused: 1 - parked,
                ..Counts::default()
            })
            .await;
        assert_eq!(setting.posts("/events/registration").await.len(), 1);
        let accepted = setting.posts(procedure).await;
        assert_eq!(accepted[0]["json"]["requestId"], "r");
        setting.end().await;
    }
}

#[tokio::test]
async fn without_a_system_client_a_500_is_for_an_operator_at_once() {
    let setting = Setting::with("10ms,10ms", None).await;
    let packets = Mock::given(path("/events/registration"));
    setting.answers(9, packets, fault()).await;
    let entry = packet("create-uin", "birthCertificateNumber", Answer::wait());
    setting.record_at(&entry, now()).await;
    let parked = Counts {
        parked: 1,
        ..Counts::default()
    };
    setting.until(parked).await;
    assert_eq!(setting.posts("/events/registration").await.len(), 1);
    setting.end().await;
}

/// Core 2.0 gives any user a hook token for any event.
#[tokio::test]
async fn a_packet_about_an_action_that_core_does_not_show_is_not_sent() {
    let setting = Setting::with("10ms,10ms", Some(credentials())).await;
    let system = token(None, HOUR);
    setting.knows_the_system_client(1, &system).await;
    setting.shows(9, &system, "Requested").await;
    setting.takes_packets().await;
    let mut forged = packet("create-uin", "birthCertificateNumber", Answer::wait());
    forged.action_id = ActionId::new("made-up");
    setting.record_at(&forged, now() - HOUR * 24 * 30).await;
    let parked = Counts {
        parked: 1,
        ..Counts::default()
    };
    setting.until(parked).await;
    assert_eq!(setting.outcomes().await, ["undecided"]);
    assert!(setting.sent().await.is_empty());
    setting.end().await;
}

/// Core shows the end while the outcome is unknown: the packet was taken.
#[tokio::test]
async fn an_unknown_outcome_ends_when_core_shows_the_action_as_accepted() {
    let setting = Setting::with("5ms,10ms,10ms", Some(credentials())).await;
    let system = token(None, HOUR);
    setting.knows_the_system_client(1, &system).await;
    setting.shows(3, &system, "Requested").await;
    setting.shows(9, &system, "Accepted").await;
    let packets = Mock::given(path("/events/registration"));
    setting
        .answers(9, packets, ResponseTemplate::new(504))
        .await;
    let entry = packet("create-uin", "birthCertificateNumber", Answer::wait());
    setting.record_at(&entry, now()).await;
    setting.until(delivered(1)).await;
    let outcomes = setting.outcomes().await;
    assert_eq!(outcomes.first().map(String::as_str), Some("unknown"));
    assert_eq!(outcomes.last().map(String::as_str), Some("settled"));
    assert_eq!(setting.sent().await.len(), 1);
    assert!(setting.ledger.pending(9).await.unwrap().is_empty());
    setting.end().await;
}
