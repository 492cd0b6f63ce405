// SPDX-License-Identifier: MPL-2.0
//! Verifiable credentials: the record comes from core, the signature from the issuer.

use super::{TestApp, fresh_id, json as body, surroundings, user_token};
use countryconfig::settings::Settings;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use reqwest::Response;
use serde_json::{Value, json};
use wiremock::matchers::{header, path, query_param};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(super) const OFFER: &str = "/verifiable-credentials/credential-offer";
pub(super) const PAPER: &str = "/verifiable-credentials/paper-credential";
pub(super) const ISSUES: &str =
    "type=record.custom-action&event=birth&customActionTypes=ISSUE_VERIFIABLE_CREDENTIAL";
pub(super) const PRINTS: &str =
    "type=record.print-certified-copies&registeredIn=administrativeArea";

/// A server with an issuer, which answers so.
async fn issuing(answer: ResponseTemplate) -> (TestApp, MockServer) {
    let issuer = MockServer::start().await;
    Mock::given(wiremock::matchers::any())
        .respond_with(answer)
        .mount(&issuer)
        .await;
    let [offer, sign] =
        ["issue", "sign"].map(|path| format!("{}/{path}?tenant=crvs", issuer.uri()));
    let settings = [
        ("VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL", offer.as_str()),
        ("VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL", sign.as_str()),
        ("VERIFIABLE_CREDENTIALS_ISSUER_TOKEN", "of-this-server"),
    ];
    let app = TestApp::with(
        surroundings().await,
        tempfile::tempdir().unwrap(),
        &settings,
    )
    .await;
    app.wait_for(|status| status == 200, "/readyz").await;
    (app, issuer)
}

fn says(text: &str) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_string(text)
}

/// A birth that is registered, and what happened since: type, status and more.
pub(super) fn birth(since: &[(&str, &str, Value)]) -> Value {
    let declared = json!({
        "child.name": {"firstname": "Nia", "surname": "Okello"}, "child.dob": "2026-05-20", "child.gender": "female",
        "child.birthLocationId": "clinic", "child.nid": "1111111111",
        "mother.name": {"firstname": "Grace", "middlename": "A", "surname": "Okello"}, "mother.nid": "2222222222", "mother.nationality": "KEN",
    });
    let mut actions = vec![
        json!({"id": "d", "type": "DECLARE", "status": "Accepted", "createdAt": "2026-06-01T10:00:00.000Z", "declaration": declared}),
        json!({"id": "r", "type": "REGISTER", "status": "Accepted", "createdAt": "2026-06-01T11:00:00.000Z", "registrationNumber": "NUMBER"}),
    ];
    for (n, (kind, status, more)) in since.iter().enumerate() {
        let mut action = json!({"id": format!("s{n}"), "type": kind, "status": status, "createdAt": format!("2026-06-02T10:00:0{n}.000Z")});
        action
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        actions.push(action);
    }
    json!({"id": fresh_id(), "type": "birth", "trackingId": "ABC123", "actions": actions})
}

impl TestApp {
    /// Core shows a record to the bearer of this token, and its places.
    pub(super) async fn shows(&self, record: &Value, token: &str) -> String {
        let id = record["id"].as_str().unwrap();
        let reply = |json: Value| {
            ResponseTemplate::new(200).set_body_json(json!({"result": {"data": {"json": json}}}))
        };
        let places = [
            (
                "administrativeAreas",
                json!([{"id": "p", "name": "Lumareva", "parentId": null}, {"id": "v", "name": "Nuravel", "parentId": "p"}]),
            ),
            (
                "locations",
                json!([{"id": "clinic", "name": "Nuravel Clinic", "administrativeAreaId": "v", "locationType": "HEALTH_FACILITY"}]),
            ),
        ];
        let bearer = format!("Bearer {token}");
        for (name, list) in places {
            let asked = Mock::given(path(format!("/events/{name}.list")))
                .and(header("authorization", bearer.as_str()));
            asked.respond_with(reply(list)).mount(&self.outside).await;
        }
        let input = json!({"json": {"eventId": id}}).to_string();
        let asked = Mock::given(path("/events/event.get"))
            .and(query_param("input", input))
            .and(header("authorization", bearer.as_str()));
        asked
            .respond_with(reply(record.clone()))
            .mount(&self.outside)
            .await;
        id.to_owned()
    }

    async fn ask(&self, route: &str, token: &str, asked: &Value) -> Response {
        self.post(route, token, asked.to_string()).await
    }
}

async fn asked(issuer: &MockServer) -> Vec<Request> {
    issuer.received_requests().await.unwrap()
}

async fn message(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    (
        status,
        body(response).await["message"].as_str().unwrap().to_owned(),
    )
}

#[tokio::test]
async fn an_offer_says_what_the_record_says_and_the_template_names() {
    let uri = "openid-credential-offer://?credential_offer_uri=https%3A%2F%2Fissuer%2F1";
    let (app, issuer) = issuing(says(&format!("\"{uri}\"\n"))).await;
    let token = user_token(&[ISSUES]);
    let id = app.shows(&birth(&[]), &token).await;
    let answer = app
        .ask(OFFER, &token, &json!({"pathname": format!("/events/{id}")}))
        .await;
    assert_eq!(answer.status(), 200);
    let answer = body(answer).await;
    assert_eq!(answer["credential_offer_uri"], uri);
    let picture = answer["credential_offer_uri_qr"].as_str().unwrap();
    assert!(
        picture.starts_with("data:image/png;base64,iVBOR"),
        "{picture}"
    );

    let [request] = &asked(&issuer).await[..] else {
        panic!("one request")
    };
    assert_eq!(
        (request.url.path(), request.url.query()),
        ("/issue", Some("tenant=crvs"))
    );
    assert_eq!(request.headers["authorization"], "Bearer of-this-server");
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    let expected = json!({
        "given_name": "Nia", "family_name": "Okello", "registration_number": "NUMBER", "birthdate": "2026-05-20", "sex": 2,
        "place_of_birth": {"name": "Nuravel Clinic, Nuravel, Lumareva", "country": "FAR"},
        "parents": [{"given_name": "Grace", "middle_name": "A", "family_name": "Okello", "nationalities": ["KEN"]}],
    });
    assert_eq!(sent["credentialData"], expected);
    assert_eq!(sent["authenticationMethod"], "PRE_AUTHORIZED");
    assert_eq!(sent["mapping"]["id"], "<uuid>");
    assert_eq!(
        sent["selectiveDisclosure"]["fields"]["parents"],
        json!({"sd": true})
    );
    for secret in ["1111111111", "2222222222", "ABC123"] {
        assert!(!sent.to_string().contains(secret), "{sent}");
    }
}

#[tokio::test]
async fn a_paper_credential_is_what_the_issuer_signed() {
    let (app, issuer) = issuing(says("eyJh.eyJp.c2ln")).await;
    let token = user_token(&[PRINTS]);
    let id = app.shows(&birth(&[]), &token).await;
    let page = format!("/events/print-certificate/{id}/pages/collectPayment");
    // With two slashes, as the forms have it.
    let request = app
        .http
        .post(format!("{}/{PAPER}", app.url))
        .bearer_auth(&token);
    let request = request.header(
        "referer",
        format!("https://register.crvs.example{page}?back=1"),
    );
    let answer = request
        .json(&json!({"pathname": page}))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let answer = body(answer).await;
    assert_eq!(answer["credential"], "eyJh.eyJp.c2ln");
    assert!(
        answer["credential_qr"]
            .as_str()
            .unwrap()
            .starts_with("data:image/png;base64,")
    );
    let sent: Value = serde_json::from_slice(&asked(&issuer).await[0].body).unwrap();
    let subject = json!({"rn": "NUMBER", "gn": "Nia", "fn": "Okello", "dob": "2026-05-20"});
    assert_eq!(sent["credentialData"]["credentialSubject"], subject);
    assert_eq!(sent["subjectDid"], format!("urn:uuid:{id}"));
}

#[tokio::test]
async fn nobody_gets_a_credential_of_what_is_not_theirs_or_not_certain() {
    let (app, issuer) = issuing(says("eyJh.eyJp.c2ln")).await;
    let token = user_token(&[ISSUES, PRINTS]);
    let custom = |name: &str| ("CUSTOM", "Accepted", json!({"customActionType": name}));
    let of = async |record: Value, expected: &str| {
        let id = app.shows(&record, &token).await;
        let answer = app.ask(PAPER, &token, &json!({"eventId": id})).await;
        assert_eq!(message(answer).await, (409, expected.to_owned()));
    };
    let mut declared = birth(&[]);
    declared["actions"].as_array_mut().unwrap().pop();
    of(declared, "the record is not registered").await;
    of(
        birth(&[("ARCHIVE", "Accepted", json!({}))]),
        "the record is not registered",
    )
    .await;
    let of_core_2_2 = ("REVOKE_REGISTRATION", "Accepted", json!({}));
    for revoked in [custom("REVOKE_REGISTRATION"), of_core_2_2] {
        of(
            birth(&[revoked]),
            "the registration of the record is revoked",
        )
        .await;
    }
    let open = "the record has a pending action or correction";
    of(
        birth(&[("REQUEST_CORRECTION", "Accepted", json!({}))]),
        open,
    )
    .await;
    of(
        birth(&[(
            "EDIT",
            "Accepted",
            json!({"declaration": {"child.dob": null}}),
        )]),
        "the record has no `child.dob`",
    )
    .await;
    let mut death = birth(&[]);
    death["type"] = json!("death");
    of(
        death,
        "there is no credential of the kind `paper` for a `death`",
    )
    .await;

    let id = app.shows(&birth(&[]), &token).await;
    let pathname = json!({"pathname": format!("/events/{id}")});
    for (token, expected, why) in [
        (String::new(), 401, "Missing authentication"),
        (
            user_token(&[]),
            403,
            "the token has no scope `record.custom-action` for `ISSUE_VERIFIABLE_CREDENTIAL`",
        ),
        (
            user_token(&[PRINTS]),
            403,
            "the token has no scope `record.custom-action` for `ISSUE_VERIFIABLE_CREDENTIAL`",
        ),
        (
            user_token(&["type=record.custom-action&event=birth&customActionTypes=ESCALATE"]),
            403,
            "the token has no scope `record.custom-action` for `ISSUE_VERIFIABLE_CREDENTIAL`",
        ),
    ] {
        let answer = app.ask(OFFER, &token, &pathname).await;
        assert_eq!(message(answer).await, (expected, why.to_owned()));
    }
    // Core decides who sees the record: this bearer does not.
    let deaths = user_token(&["type=record.custom-action&event=death"]);
    let answer = app.ask(OFFER, &deaths, &pathname).await;
    assert_eq!(answer.status(), 404, "core knows no record for this bearer");
    app.shows(&json!({"id": id, "type": "birth", "actions": []}), &deaths)
        .await;
    let answer = app.ask(OFFER, &deaths, &pathname).await;
    assert_eq!(
        message(answer).await,
        (
            403,
            "the token does not allow credentials of a `birth`".to_owned()
        )
    );

    for asked in [
        json!({}),
        json!({"pathname": "/workqueue/recent"}),
        json!({"eventId": "../x"}),
    ] {
        assert_eq!(app.ask(OFFER, &token, &asked).await.status(), 400);
    }
    assert!(asked(&issuer).await.is_empty());
}

/// Core's client may send the path of the record before.
#[tokio::test]
async fn a_page_that_shows_another_record_gets_no_credential() {
    let (app, issuer) = issuing(says("eyJh.eyJp.c2ln")).await;
    let token = user_token(&[PRINTS]);
    let [before, now] = [
        app.shows(&birth(&[]), &token).await,
        app.shows(&birth(&[]), &token).await,
    ];
    let request = app
        .http
        .post(format!("{}{PAPER}", app.url))
        .bearer_auth(&token);
    let request = request.header(
        "referer",
        format!("https://register.crvs.example/events/print-certificate/{now}"),
    );
    let answer = request
        .json(&json!({"pathname": format!("/events/print-certificate/{before}")}))
        .send()
        .await;
    assert_eq!(
        message(answer.unwrap()).await,
        (
            409,
            "the page shows another record than the one that is named; load it again".to_owned()
        )
    );
    assert!(asked(&issuer).await.is_empty());
}

#[tokio::test]
async fn an_issuer_in_trouble_is_told_of() {
    for (answer, why) in [
        (
            ResponseTemplate::new(500).set_body_string("Nia Okello"),
            "the issuer answered 500 Internal Server Error",
        ),
        (says("<html>"), "the issuer's answer is not a credential"),
        (
            says(&"x".repeat(100_000)),
            "the issuer's answer is not a credential",
        ),
        (
            says(&format!("{}.x.x", "x".repeat(4000))),
            "what the issuer answered does not fit into a QR code",
        ),
    ] {
        let (app, _issuer) = issuing(answer).await;
        let token = user_token(&[PRINTS]);
        let id = app.shows(&birth(&[]), &token).await;
        let answer = app.ask(PAPER, &token, &json!({"eventId": id})).await;
        assert_eq!(message(answer).await, (502, why.to_owned()));
    }
}

#[tokio::test]
async fn without_an_issuer_there_are_no_credentials_and_no_demo_either() {
    let app = TestApp::start().await;
    let token = user_token(&[ISSUES, PRINTS]);
    let asked = json!({"pathname": format!("/events/{}", fresh_id())});
    let answer = app.ask(OFFER, &token, &asked).await;
    assert_eq!(
        message(answer).await,
        (
            404,
            "no issuer is configured for credentials of the kind `offer`".to_owned()
        )
    );
    for demo in ["openid4vc/sdjwt/issue", "raw/jwt/sign"] {
        assert_eq!(
            app.ask(&format!("/_demo-issuer/{demo}"), &token, &json!({}))
                .await
                .status(),
            404
        );
    }
    for asked in [
        app.get("/graphql").await,
        app.ask("/graphql", "", &json!({})).await,
    ] {
        let (status, why) = message(asked).await;
        assert_eq!(status, 410);
        assert!(why.contains("no GraphQL interface"), "{why}");
    }
}

#[tokio::test]
async fn what_the_demo_issuer_signs_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(surroundings().await, folder, &[("ALLOW_DEMO", "true")]).await;
    let request = json!({"subjectDid": "urn:uuid:1", "credentialData": {"type": ["VerifiableCredential"]}, "credentialConfigurationId": "crvs_birth_v1"});
    let signed = app
        .ask("/_demo-issuer/raw/jwt/sign", "", &request)
        .await
        .text()
        .await
        .unwrap();
    let key = decode_header(&signed).unwrap().jwk.unwrap();
    let mut validation = Validation::new(Algorithm::ES256);
    validation.validate_aud = false;
    let claims = decode::<Value>(&signed, &DecodingKey::from_jwk(&key).unwrap(), &validation)
        .unwrap()
        .claims;
    assert_eq!(
        (&claims["demo"], &claims["sub"]),
        (&json!(true), &json!("urn:uuid:1"))
    );
    assert_eq!(claims["iss"], "urn:demonstration:not-an-issuer");

    let offer = app
        .ask("/_demo-issuer/openid4vc/sdjwt/issue", "", &request)
        .await
        .text()
        .await
        .unwrap();
    let offer = reqwest::Url::parse(&offer).unwrap();
    assert_eq!(offer.scheme(), "openid-credential-offer");
    let (_, offer) = offer.query_pairs().next().unwrap();
    let offer: Value = serde_json::from_str(&offer).unwrap();
    assert_eq!(offer["demo"], true);
    assert_eq!(
        offer["credential_configuration_ids"],
        json!(["crvs_birth_v1"])
    );

    let large = json!({"credentialData": "x".repeat(100_000)});
    for (asked, expected) in [(large.to_string(), 413), ("{".to_owned(), 400)] {
        let answer = app.post("/_demo-issuer/raw/jwt/sign", "", asked).await;
        assert_eq!(answer.status(), expected);
    }
}

/// What an editor leaves beside a template is none; a second template of a kind is one too many.
#[test]
fn the_templates_of_the_country_are_one_for_each_kind_and_event() {
    let folder = tempfile::tempdir().unwrap();
    let templates = folder.path().join("credentials");
    std::fs::create_dir(&templates).unwrap();
    let country = format!("built-in:{}", folder.path().display());
    let problems = || {
        let own = [("COUNTRY_DIR".to_owned(), country.clone())];
        let settings = Settings::load(None, own.into_iter()).unwrap();
        let problems = country::check(&settings.country());
        problems.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let shipped = include_str!("../../country/data/credentials/birth-paper.toml");
    let write = |name: &str, text: &str| std::fs::write(templates.join(name), text).unwrap();
    write("birth-paper.toml", shipped);
    write("birth-paper.toml~", "kind =");
    assert!(problems().is_empty(), "{:?}", problems());
    write("later.toml", shipped);
    let why = "`credentials/birth-paper.toml` is for the kind `paper` of a `birth` already";
    let [problem] = &problems()[..] else {
        panic!("{:?}", problems())
    };
    assert!(
        problem.contains("later.toml") && problem.ends_with(why),
        "{problem}"
    );
}
