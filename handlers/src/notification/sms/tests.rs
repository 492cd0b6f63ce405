// SPDX-License-Identifier: MPL-2.0
use super::*;
use crate::delivery::transport;
use country::notification::sms::SmsFile;
use rstest::rstest;
use wiremock::matchers::{any, body_string, header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

fn gateway(description: impl Into<Arc<Description>>) -> HttpGateway {
    let client = transport::client(TIMEOUT).unwrap();
    HttpGateway::new(
        client,
        description.into(),
        "s3cret".to_owned().into(),
        "CRVS".to_owned(),
    )
}

const TEXT: &str = "L'acte \"n° 7\" est prêt\n& signé";

#[tokio::test]
async fn infobip_gets_its_format() {
    let server = MockServer::start().await;
    let expected = r#"{"messages":[{"destinations":[{"recipient":"+260700111222"}],"from":"CRVS","text":"L'acte \"n° 7\" est prêt\n& signé"}]}"#;
    Mock::given(method("POST"))
        .and(path("/sms/2/text"))
        .and(header("authorization", "App s3cret"))
        .and(header("content-type", "application/json"))
        .and(body_string(expected))
        .respond_with(ResponseTemplate::new(200))
        .expect(1)
        .mount(&server)
        .await;
    let description = Description::infobip(&format!("{}/sms/2/text", server.uri())).unwrap();
    let outcome = gateway(description).send("+260700111222", TEXT).await;
    assert_eq!(outcome, Outcome::Delivered(StatusCode::OK));
}

/// A country describes its own gateway: values arrive as they were, however the body is written.
#[rstest]
#[case::form(
    r#"body = "to={{digits}}&key={{key}}&text={{text}}"
       headers = { Content-Type = "application/x-www-form-urlencoded" }"#,
    "to=260700111222&key=s3cret&text=L%27acte%20%22n%C2%B0%207%22%20est%20pr%C3%AAt%0A%26%20sign%C3%A9"
)]
#[case::xml(
    r#"body = "<sms to='{{number}}'>{{text}}</sms>"
       headers = { Content-Type = "text/xml; charset=utf-8" }"#,
    "<sms to='+260700111222'>L&#x27;acte &quot;n° 7&quot; est prêt\n&amp; signé</sms>"
)]
#[case::url(r#"method = "GET""#, "")]
#[tokio::test]
async fn a_gateway_is_described_without_code(#[case] more: &str, #[case] body: &str) {
    let server = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(201))
        .mount(&server)
        .await;
    let text = format!(
        "region = \"ZM\"\n[gateway]\nurl = \"{}/send?text={{{{text}}}}\"\n{more}\n",
        server.uri()
    );
    let description = SmsFile::parse("sms.toml", &text)
        .ok()
        .unwrap()
        .gateway
        .unwrap();
    let outcome = gateway(description).send("+260700111222", TEXT).await;
    assert_eq!(outcome, Outcome::Delivered(StatusCode::CREATED));
    let request: Request = server.received_requests().await.unwrap().remove(0);
    assert_eq!(String::from_utf8(request.body).unwrap(), body);
    let text = request.url.query_pairs().next().unwrap().1.into_owned();
    assert_eq!(text, TEXT);
}

#[rstest]
#[case::taken(200, r#"{"status": "queued"}"#, Outcome::Delivered(StatusCode::OK))]
#[case::says_no(
    200,
    r#"{"status": "no credit"}"#,
    Outcome::Failed(StatusCode::OK, None)
)]
#[case::other_status(
    204,
    r#"{"status": "queued"}"#,
    Outcome::Failed(StatusCode::NO_CONTENT, None)
)]
#[case::bad_number(400, "", Outcome::Refused(StatusCode::BAD_REQUEST))]
#[case::bad_key(401, "", Outcome::Failed(StatusCode::UNAUTHORIZED, None))]
#[case::down(503, "", Outcome::Failed(StatusCode::SERVICE_UNAVAILABLE, None))]
#[tokio::test]
async fn success_is_what_the_country_says(
    #[case] status: u16,
    #[case] reply: &str,
    #[case] expected: Outcome,
) {
    let server = MockServer::start().await;
    let answer = ResponseTemplate::new(status).set_body_string(reply);
    Mock::given(any()).respond_with(answer).mount(&server).await;
    let rule = r#"{ status = [200], reply = '"status":\s*"(queued|sent)"' }"#;
    let text = format!(
        "region = \"ZM\"\n[gateway]\nurl = \"{}\"\nsuccess = {rule}\n",
        server.uri()
    );
    let description = SmsFile::parse("sms.toml", &text)
        .ok()
        .unwrap()
        .gateway
        .unwrap();
    assert_eq!(
        gateway(description).send("+260700111222", TEXT).await,
        expected
    );
}
