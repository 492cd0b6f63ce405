// SPDX-License-Identifier: MPL-2.0
//! The `OpenAPI` document: it is valid, and it says what the server answers.

use super::analytics::reindex_token;
use super::core_2_1::{Core, service_token};
use super::credentials::{ISSUES, OFFER, PAPER, PRINTS, birth};
use super::integrations::{answered, creator, started};
use super::portal::TOKEN;
use super::{SIGNER, TestApp, eligible_birth, fresh_id, plain_birth, surroundings, user_token};
use openapiv3::{
    OpenAPI, Operation, Parameter, ReferenceOr, Responses, SecurityRequirement, StatusCode,
};
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wiremock::matchers::path_regex;
use wiremock::{Mock, ResponseTemplate};

const STORED: &str = include_str!("../../openapi/countryconfig.json");

/// The operations that are open to everybody. All others need a credential.
const OPEN: [&str; 20] = [
    "GET /ping",
    "GET /livez",
    "GET /readyz",
    "GET /metrics",
    "GET /config/events",
    "GET /config/workqueues",
    "GET /config/roles",
    "GET /config/application",
    "GET /config/locations",
    "GET /fonts/{file}",
    "GET /content/{name}",
    "GET /client-config.js",
    "GET /login-config.js",
    "GET /handlebars.js",
    "GET /static/{file}",
    "GET /causes-of-death",
    "POST /_demo-issuer/openid4vc/sdjwt/issue",
    "POST /_demo-issuer/raw/jwt/sign",
    "GET /graphql",
    "POST /graphql",
];

/// The operations that may need no credential inside the cluster.
const OPEN_INSIDE: [&str; 2] = ["POST /triggers/user/{event}", "POST /email"];

/// All operations: method, path, operation.
fn operations(document: &OpenAPI) -> Vec<(String, String, &Operation)> {
    let paths = document.paths.iter();
    paths
        .flat_map(|(path, item)| {
            let item = item.as_item().unwrap();
            assert!(item.parameters.is_empty(), "{path}");
            item.iter()
                .map(move |(method, operation)| (method.to_uppercase(), path.clone(), operation))
        })
        .collect()
}

/// What a document has and the same document, read by its types and written again, has not: unknown or
/// misplaced fields. The types write no field that is false.
fn unknown(original: &Value, written: Option<&Value>, at: &str) -> Vec<String> {
    match (original, written) {
        (Value::Bool(false), None) => vec![],
        (Value::Object(fields), Some(Value::Object(written))) => fields
            .iter()
            .flat_map(|(name, value)| unknown(value, written.get(name), &format!("{at}/{name}")))
            .collect(),
        (Value::Array(items), Some(Value::Array(written))) if items.len() == written.len() => items
            .iter()
            .zip(written)
            .flat_map(|(value, written)| unknown(value, Some(written), at))
            .collect(),
        (original, Some(written)) if original == written => vec![],
        _ => vec![at.to_owned()],
    }
}

/// Every `$ref` of a document.
fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => fields
            .iter()
            .flat_map(|(name, value)| match value.as_str() {
                Some(target) if name == "$ref" => vec![target],
                _ => references(value),
            })
            .collect(),
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => vec![],
    }
}

fn said(text: Option<&String>) -> bool {
    text.is_some_and(|text| !text.trim().is_empty())
}

#[test]
fn the_document_is_valid() {
    let original: Value = serde_json::from_str(STORED).unwrap();
    let document: OpenAPI = serde_json::from_str(STORED).unwrap();
    let written = serde_json::to_value(&document).unwrap();
    let unknown = unknown(&original, Some(&written), "#");
    assert!(unknown.is_empty(), "not of OpenAPI 3.0: {unknown:?}");
    for target in references(&original) {
        let pointer = target.strip_prefix('#').unwrap();
        assert!(original.pointer(pointer).is_some(), "{target}");
    }
    assert!(document.openapi.starts_with("3.0.") && !document.servers.is_empty());
    assert!(
        document
            .tags
            .iter()
            .all(|tag| said(tag.description.as_ref()))
    );
    let tags: BTreeSet<_> = document.tags.iter().map(|tag| &tag.name).collect();
    assert_eq!(tags.len(), document.tags.len());
    let schemes = &document.components.as_ref().unwrap().security_schemes;

    let mut ids = BTreeSet::new();
    let (mut used_tags, mut used_schemes) = (BTreeSet::new(), BTreeSet::new());
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let id = operation.operation_id.as_deref().unwrap_or_default();
        let is_word = !id.is_empty() && id.chars().all(|c| c.is_ascii_alphanumeric());
        assert!(is_word && ids.insert(id), "{at}: operationId `{id}`");
        assert!(said(operation.summary.as_ref()), "{at}: summary");
        assert!(said(operation.description.as_ref()), "{at}: description");
        assert_eq!(operation.tags.len(), 1, "{at}: tags");
        assert!(tags.contains(&operation.tags[0]), "{at}: tag");
        used_tags.extend(&operation.tags);

        let security = operation.security.as_ref();
        let security = security.unwrap_or_else(|| panic!("{at}: security"));
        for name in security.iter().flat_map(|requirement| requirement.keys()) {
            assert!(schemes.contains_key(name), "{at}: scheme `{name}`");
            used_schemes.insert(name);
        }

        let in_path: Vec<_> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(
            path.matches(['{', '}', '*', ':']).count(),
            2 * in_path.len()
        );
        let parameters = operation.parameters.iter().map(|p| p.as_item().unwrap());
        let mut declared = vec![];
        for parameter in parameters {
            let data = parameter.parameter_data_ref();
            assert!(said(data.description.as_ref()), "{at}: `{}`", data.name);
            if let Parameter::Path { .. } = parameter {
                assert!(data.required, "{at}: `{}`", data.name);
                declared.push(data.name.as_str());
            }
        }
        assert_eq!(declared, in_path, "{at}: path parameters");

        let body = operation
            .request_body
            .as_ref()
            .map(|b| b.as_item().unwrap());
        assert_eq!(
            body.is_some(),
            method == "POST" && path != "/graphql",
            "{at}"
        );
        assert!(body.is_none_or(|body| !body.content.is_empty()), "{at}");
        let may_be_401 = operation
            .responses
            .responses
            .contains_key(&StatusCode::Code(401));
        // Without its credential, `/email` is 403.
        assert_eq!(may_be_401, !security.is_empty() && path != "/email", "{at}");
        answers(&at, &operation.responses);
    }
    assert_eq!(ids.len(), operations(&document).len());
    assert_eq!(used_tags, tags);
    assert_eq!(used_schemes, schemes.keys().collect());
}

#[test]
fn every_operation_that_is_not_open_has_security() {
    let document: OpenAPI = serde_json::from_str(STORED).unwrap();
    let (mut open, mut open_inside) = (BTreeSet::new(), BTreeSet::new());
    for (method, path, operation) in operations(&document) {
        let at = format!("{method} {path}");
        let security = operation.security.as_ref().unwrap();
        if security.is_empty() {
            open.insert(at);
        } else if security.iter().any(SecurityRequirement::is_empty) {
            open_inside.insert(at);
        }
    }
    assert_eq!(open, BTreeSet::from(OPEN.map(str::to_owned)));
    assert_eq!(open_inside, BTreeSet::from(OPEN_INSIDE.map(str::to_owned)));
}

/// What the document calls protected is protected: the callers are outside the cluster.
#[tokio::test(flavor = "multi_thread")]
async fn only_open_operations_answer_callers_without_a_credential() {
    let app = with_everything(&[("CORE_VERSION", "2.1")]).await;
    let document: OpenAPI = serde_json::from_str(STORED).unwrap();
    let operations = operations(&document).into_iter();
    let protected =
        operations.filter(|(method, path, _)| !OPEN.contains(&format!("{method} {path}").as_str()));
    for (method, template, _) in protected {
        let id = fresh_id();
        let is_message = template.contains("/user/");
        let path = filled(&template, if is_message { "2fa" } else { &id });
        let expected = if path == "/email" { 403 } else { 401 };
        let verb = Method::from_bytes(method.as_bytes()).unwrap();
        for credential in ["", "Bearer x.y.z"] {
            let request = app.http.request(verb.clone(), format!("{}{path}", app.url));
            let request = request.header("x-forwarded-for", "203.0.113.9");
            let answer = request.header("authorization", credential).send().await;
            assert_eq!(
                answer.unwrap().status(),
                expected,
                "{method} {path} with `{credential}`"
            );
        }
    }
}

/// Every response has a description, and a body where it may have one; every error has the same body.
fn answers(at: &str, responses: &Responses) {
    const EMPTY: [(&str, u16); 6] = [
        ("POST /trigger/events/{event}/actions/{action}", 202),
        ("POST /triggers/user/{event}", 200),
        ("POST /trigger/user/{event}", 200),
        ("POST /email", 200),
        ("GET /trigger/system/ready", 200),
        ("GET /triggers/system/ready", 200),
    ];
    for (status, response) in &responses.responses {
        let StatusCode::Code(status) = *status else {
            panic!("{at}: {status}")
        };
        let response = response.as_item().unwrap();
        assert!(said(Some(&response.description)), "{at}: {status}");
        let is_empty = status == 304 || EMPTY.contains(&(at, status));
        assert_eq!(response.content.is_empty(), is_empty, "{at}: {status}");
        for (content_type, media) in &response.content {
            let schema = media.schema.as_ref();
            let schema = schema.unwrap_or_else(|| panic!("{at}: {status}"));
            let own = [
                ("GET /readyz", 503),
                ("GET /causes-of-death", 400),
                ("POST /trigger/telemetry", 502),
            ];
            if status >= 400 && !own.contains(&(at, status)) {
                let ReferenceOr::Reference { reference } = schema else {
                    panic!("{at}: {status}")
                };
                assert!(reference.ends_with("/Problem"), "{at}: {status}");
            }
            let is_relayed = at.contains(" /api/") && status == 200;
            assert_eq!(content_type == "*/*", is_relayed, "{at}: {status}");
        }
    }
}

/// An operation, and a status that it answered.
type Seen = BTreeSet<(String, u16)>;

/// Finds the operation that a request is for, and holds its answer against the document.
struct Documented {
    document: OpenAPI,
    seen: Seen,
    /// The body of the last answer, for who looks for a mistake.
    last: String,
}

impl Documented {
    fn new() -> Self {
        Self {
            document: serde_json::from_str(STORED).unwrap(),
            seen: Seen::new(),
            last: String::new(),
        }
    }

    /// The template of a path: the one with the fewest parameters that fits.
    fn operation(&self, method: &str, path: &str) -> (String, &Operation) {
        let path = path.split('?').next().unwrap();
        let fits = |template: &str| {
            let (template, path): (Vec<_>, Vec<_>) =
                (template.split('/').collect(), path.split('/').collect());
            let is_rest = template.last() == Some(&"{file}") && template[1] == "static";
            let parts = template.iter().zip(&path);
            let mut parts = parts.map(|(part, given)| part.starts_with('{') || part == given);
            (template.len() == path.len() || is_rest && path.len() > template.len())
                && parts.all(|fits| fits)
        };
        let operations = operations(&self.document).into_iter();
        let fitting = operations.filter(|(m, template, _)| m == method && fits(template));
        let best = fitting.min_by_key(|(_, template, _)| template.matches('{').count());
        let (_, template, operation) = best.unwrap_or_else(|| panic!("{method} {path}"));
        (format!("{method} {template}"), operation)
    }

    /// An answer was seen.
    fn check(&mut self, method: &str, path: &str, status: u16, content_type: Option<&str>) {
        let (at, operation) = self.operation(method, path);
        let responses = &operation.responses;
        let documented = responses.responses.get(&StatusCode::Code(status));
        let documented = documented.or(responses.default.as_ref());
        let Some(documented) = documented.and_then(ReferenceOr::as_item) else {
            panic!("{method} {path} was answered {status}, which is not documented")
        };
        let of_core = responses.default.is_some() && (200..300).contains(&status);
        match content_type {
            _ if of_core => {}
            Some(content_type) => assert!(
                documented.content.contains_key(content_type),
                "{method} {path}: {status} with {content_type}"
            ),
            None => assert!(documented.content.is_empty(), "{method} {path}: {status}"),
        }
        self.seen.insert((at, status));
    }

    /// Sends a request and holds its answer against the document.
    async fn ask(
        &mut self,
        app: &TestApp,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> u16 {
        let verb = Method::from_bytes(method.as_bytes()).unwrap();
        let mut request = app.http.request(verb, format!("{}{path}", app.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if method == "POST" {
            request = request.body(body);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let content_type = response.headers().get("content-type").cloned();
        let content_type = content_type.as_ref().map(|value| value.to_str().unwrap());
        self.check(method, path, status, content_type);
        self.last = response.text().await.unwrap();
        status
    }
}

/// A path of an operation, with this value for its parameters.
fn filled(template: &str, value: &str) -> String {
    let parts = template.split('/');
    let parts = parts.map(|part| if part.starts_with('{') { value } else { part });
    parts.collect::<Vec<_>>().join("/")
}

/// The status of the answer to a head that announces a body of this many bytes.
async fn answer_to_head(app: &TestApp, path: &str, token: &str, length: usize) -> u16 {
    let address = app.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[9..]).parse().unwrap()
}

/// A server with portals and issuers, between stand-ins that take everything.
async fn with_everything(own: &[(&str, &str)]) -> TestApp {
    let outside = surroundings().await;
    let answers = [
        ("^/token$", json!({"access_token": "x.y.z"})),
        ("^/events/(events|config|locations)$|^/upload$", json!({})),
        ("^/events/events/[^.]*$", json!({})),
        (
            "^/offer$",
            json!("openid-credential-offer://?credential_offer_uri=x"),
        ),
        ("^/sign$", json!("eyJh.eyJp.c2ln")),
        (
            "^/events/administrativeAreas.list$",
            said_by_core(&json!([{"id": "v", "name": "Nuravel", "parentId": null}])),
        ),
        (
            "^/events/locations.list$",
            said_by_core(&json!([
                {"id": "clinic", "name": "Nuravel Clinic", "administrativeAreaId": "v", "locationType": "HEALTH_FACILITY"},
            ])),
        ),
    ];
    for (at, answer) in answers {
        let answer = ResponseTemplate::new(200).set_body_json(answer);
        let mock = Mock::given(path_regex(at)).respond_with(answer);
        mock.mount(&outside).await;
    }
    let digest = Sha256::digest(TOKEN);
    let hash = digest.iter().map(|byte| format!("{byte:02x}"));
    let portals = format!("health:{}", hash.collect::<String>());
    let [offer, sign] = ["offer", "sign"].map(|path| format!("{}/{path}", outside.uri()));
    let settings = [
        ("PORTAL_TOKENS", portals.as_str()),
        ("SYSTEM_CLIENT_ID", "client"),
        ("SYSTEM_CLIENT_SECRET", "secret"),
        ("VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL", &sign),
        ("VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL", &offer),
    ];
    let folder = tempfile::tempdir().unwrap();
    let app = TestApp::with(outside, folder, &[&settings, own].concat()).await;
    app.wait_for(|status| status == 200, "/readyz").await;
    app
}

fn said_by_core(json: &Value) -> Value {
    json!({"result": {"data": {"json": json}}})
}

/// A server in production, where portals may upload only.
async fn in_production(own: &[(&str, &str)]) -> TestApp {
    let needed = countryconfig::settings::VARIABLES.iter();
    let needed = needed.filter(|v| v.production.is_none() && v.development.is_some());
    let mut settings: Vec<_> = needed.map(|v| (v.name, v.example)).collect();
    settings.retain(|(name, _)| !["AUTH_URL", "GATEWAY_URL"].contains(name));
    settings.extend([("NODE_ENV", "production"), ("PORTAL_OPERATIONS", "upload")]);
    settings.extend(own);
    with_everything(&settings).await
}

impl Documented {
    /// Asks every operation without much sense.
    async fn sweep(&mut self, app: &TestApp) {
        let operations: Vec<_> = operations(&self.document)
            .into_iter()
            .map(|(method, template, _)| (method, template))
            .collect();
        let user = format!("Bearer {}", user_token(&[]));
        let headers: [&[(&str, &str)]; 4] = [
            &[],
            &[("authorization", "Bearer x.y.z")],
            &[("authorization", &user)],
            &[("x-forwarded-for", "203.0.113.9")],
        ];
        for (method, template) in operations {
            for value in ["x", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"] {
                let path = filled(&template, value);
                for headers in headers {
                    for body in ["", "{", "{}"]
                        .iter()
                        .take(if method == "GET" { 1 } else { 3 })
                    {
                        self.ask(app, (&method, &path), headers, body.as_bytes().to_vec())
                            .await;
                    }
                }
            }
        }
    }

    /// Asks for what is served, and again with what came.
    async fn files(&mut self, app: &TestApp) {
        let fixed = operations(&self.document).into_iter();
        let fixed = fixed.filter(|(method, path, operation)| {
            let not_modified = StatusCode::Code(304);
            method == "GET"
                && !path.contains('{')
                && operation.responses.responses.contains_key(&not_modified)
        });
        let mut paths: Vec<_> = fixed.map(|(_, path, _)| path).collect();
        let files = [
            "/certificates/birth-certificate.svg",
            "/fonts/NotoSans-Regular.ttf",
            "/fonts/OFL-NotoSans.txt",
            "/content/client",
            "/content/country-logo",
            "/content/map.geojson",
            "/static/manifest.json",
            "/static/images/logo.svg",
            "/static/images/icons/icon-72.png",
        ];
        paths.extend(files.map(str::to_owned));
        let user = format!("Bearer {}", user_token(&[]));
        for path in paths {
            let answer = app.http.get(format!("{}{path}", app.url));
            let answer = answer.header("authorization", &user).send().await.unwrap();
            let etag = answer.headers()["etag"].to_str().unwrap().to_owned();
            let headers = [("authorization", user.as_str()), ("if-none-match", &etag)];
            assert_eq!(
                self.ask(app, ("GET", &path), &headers[..1], vec![]).await,
                200
            );
            assert_eq!(self.ask(app, ("GET", &path), &headers, vec![]).await, 304);
        }
    }

    /// Asks, with a token and a body, and expects a status.
    async fn expect(
        &mut self,
        app: &TestApp,
        path: &str,
        token: &str,
        body: impl Into<Vec<u8>>,
        status: u16,
    ) {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        let answered = self.ask(app, ("POST", path), &headers, body.into()).await;
        assert_eq!(answered, status, "{path}: {}", self.last);
    }

    async fn hooks(&mut self, app: &TestApp) {
        const REGISTER: &str = "/trigger/events/birth/actions/REGISTER";
        for (record, status) in [(plain_birth(), 200), (eligible_birth(), 202)] {
            let pending = record["actions"].as_array().unwrap().last().unwrap();
            let [event, action] = [&record, pending].map(|of| of["id"].as_str().unwrap());
            let token = SIGNER.action_token(event, action).unwrap();
            self.expect(app, REGISTER, &token, record.to_string(), status)
                .await;
            self.expect(app, REGISTER, &token, "{", 422).await;
            let large = answer_to_head(app, REGISTER, &token, 50 * MIB + 1).await;
            assert_eq!(large, 413);
            self.check("POST", REGISTER, large, Some(JSON));
            // A path that is not UTF-8 is no route's. Never 400: core takes that for a legal rejection.
            let unreadable = "/trigger/events/%ff/actions/%ff";
            let answer = app.post(unreadable, &token, record.to_string()).await;
            assert_eq!(answer.status(), 404);
        }
        let token = reindex_token("opencrvs:events-user", "record.reindex");
        self.expect(app, "/reindex", &token, "{", 422).await;
        self.expect(app, "/reindex", &token, "[]", 503).await;
        self.expect(app, "/reindex", &token, vec![b' '; 50 * MIB + 1], 413)
            .await;
        let other = reindex_token("opencrvs:events-user", "record.read");
        self.expect(app, "/reindex", &other, "[]", 403).await;
    }

    async fn portals(&mut self, app: &TestApp) {
        let operations: Vec<_> = operations(&self.document)
            .into_iter()
            .filter(|(_, template, _)| template.starts_with("/api/"))
            .map(|(method, template, _)| (method, filled(&template, &fresh_id())))
            .collect();
        let bearer = format!("Bearer {TOKEN}");
        for (method, path) in operations {
            let is_notification = path == "/api/events/notifications";
            let notification = json!({"eventId": fresh_id(), "transactionId": "t", "createdAtLocation": "l", "declaration": {}});
            let headers = [("authorization", bearer.as_str())];
            let body = notification.to_string().into_bytes();
            let status = self.ask(app, (&method, &path), &headers, body).await;
            assert_eq!(status, 200, "{path}");
            if is_notification {
                self.expect(app, &path, TOKEN, "{", 400).await;
                self.expect(app, &path, TOKEN, vec![b' '; MIB + 1], 413)
                    .await;
            } else if method == "POST" {
                let large = answer_to_head(app, &path, TOKEN, 50 * MIB + 1).await;
                assert_eq!(large, 413, "{path}");
                self.check("POST", &path, large, Some(JSON));
            }
        }
    }

    async fn forms(&mut self, app: &TestApp) {
        let found = self.ask(app, ("GET", "/causes-of-death?terms=malaria"), &[], vec![]);
        assert_eq!(found.await, 200);
        for (route, scope) in [(OFFER, ISSUES), (PAPER, PRINTS)] {
            let token = user_token(&[scope]);
            let id = app.shows(&birth(&[]), &token).await;
            let named = json!({"eventId": id}).to_string();
            self.expect(app, route, &token, named.clone(), 200).await;
            self.expect(app, route, &token, "{}", 400).await;
            self.expect(app, route, &token, vec![b' '; 16 * 1024 + 1], 413)
                .await;
            let bearer = format!("Bearer {token}");
            let page = format!("https://register.crvs.test/events/{}", fresh_id());
            let headers = [("authorization", bearer.as_str()), ("referer", &page)];
            let other_page = self.ask(app, ("POST", route), &headers, named.into_bytes());
            assert_eq!(other_page.await, 409);
        }
        for route in ["openid4vc/sdjwt/issue", "raw/jwt/sign"] {
            let route = format!("/_demo-issuer/{route}");
            self.expect(app, &route, "", "{}", 200).await;
            self.expect(app, &route, "", vec![b' '; 64 * 1024 + 1], 413)
                .await;
        }
    }

    async fn messages(&mut self, app: &TestApp) {
        let name = json!({"firstname": "A", "surname": "B"});
        let reachable = json!({"recipient": {"name": name, "email": "a@crvs.test"}, "code": "1"});
        let unreachable = json!({"recipient": {"name": name}, "code": "1"});
        let token = user_token(&[]);
        for (route, token) in [("/triggers/user/2fa", ""), ("/trigger/user/2fa", &token)] {
            self.expect(app, route, token, reachable.to_string(), 200)
                .await;
            self.expect(app, route, token, unreachable.to_string(), 422)
                .await;
            self.expect(app, route, token, "{", 400).await;
            let outside = [("x-forwarded-for", "203.0.113.9")];
            let stranger = self.ask(app, ("POST", route), &outside, vec![]);
            assert_eq!(stranger.await, 401);
            self.expect(app, route, token, vec![b' '; MIB + 1], 413)
                .await;
        }
        let address = "a@crvs.test";
        let alert = json!({"subject": "s", "html": "h", "from": address, "to": address});
        self.expect(app, "/email", "", alert.to_string(), 200).await;
        self.expect(app, "/email", "", vec![b' '; MIB + 1], 413)
            .await;
    }
}

impl Documented {
    /// What core 2.1 calls, and core 2.0 does not.
    async fn core_2_1(&mut self) {
        let outside = surroundings().await;
        Core::at(&outside).await;
        let figures = Mock::given(path_regex("^/figures$"));
        let figures = figures.respond_with(ResponseTemplate::new(200));
        figures.mount(&outside).await;
        let figures = format!("{}/figures", outside.uri());
        let later = started(outside, &[]).await;
        self.sweep(&later).await;
        answered(&later, 200, &[]).await;
        let bearer = format!("Bearer {}", creator());
        let headers = [("authorization", bearer.as_str())];
        for path in ["/trigger/system/ready", "/triggers/system/ready"] {
            let ready = self.ask(&later, ("GET", path), &headers, vec![]);
            assert_eq!(ready.await, 200);
        }
        let route = "/trigger/telemetry";
        let service = service_token();
        let report = json!({"reported_at": "2026-11-26T00:00:00.000Z", "app_version": "2.1.0", "metrics": {}});
        self.expect(&later, route, &service, report.to_string(), 200)
            .await;
        self.expect(&later, route, &service, "{", 400).await;
        self.expect(&later, route, &service, vec![b' '; 64 * 1024 + 1], 413)
            .await;
        let own = [("CORE_VERSION", "2.1"), ("TELEMETRY_URL", &figures)];
        let production = in_production(&own).await;
        self.expect(&production, route, &service, report.to_string(), 202)
            .await;
    }
}

const JSON: &str = "application/json; charset=utf-8";
const MIB: usize = 1024 * 1024;
/// Statuses of faults and overload, whose tests stand elsewhere.
const FAULTS: [u16; 6] = [408, 429, 500, 502, 503, 504];

/// Whatever is answered is documented, and whatever is documented is answered, faults aside.
#[tokio::test(flavor = "multi_thread")]
async fn the_document_has_the_statuses_that_are_answered_and_no_others() {
    let mut documented = Documented::new();
    let plain = TestApp::start().await;
    let served: Value = plain.get("/openapi.json").await.json().await.unwrap();
    assert_eq!(served, serde_json::from_str::<Value>(STORED).unwrap());
    documented.sweep(&plain).await;
    let token = reindex_token("opencrvs:events-user", "record.reindex");
    documented
        .expect(&plain, "/reindex", &token, "[]", 200)
        .await;

    let production = in_production(&[]).await;
    documented.sweep(&production).await;
    let system = json!({
        "iss": "opencrvs:auth-service", "aud": ["opencrvs:countryconfig-user"],
        "exp": 4_000_000_000_u64, "userType": "system", "scope": [],
    });
    let bearer = format!("Bearer {}", SIGNER.token(&system).unwrap());
    let headers = [("authorization", bearer.as_str())];
    let users = documented.ask(&production, ("GET", "/config/users"), &headers, vec![]);
    assert_eq!(users.await, 409);

    let everything = with_everything(&[
        ("ALLOW_DEMO", "true"),
        ("ANALYTICS_DATABASE_URL", "postgres://127.0.0.1:1/nobody"),
        (
            "PORTAL_OPERATIONS",
            "config,locations,create,notify,upload,read,search,correct",
        ),
    ])
    .await;
    documented.sweep(&everything).await;
    documented.files(&everything).await;
    documented.hooks(&everything).await;
    documented.portals(&everything).await;
    documented.forms(&everything).await;
    documented.messages(&everything).await;
    documented.core_2_1().await;

    let mut unseen = vec![];
    for (method, path, operation) in operations(&documented.document) {
        let at = format!("{method} {path}");
        for status in operation.responses.responses.keys() {
            if let StatusCode::Code(status) = *status
                && !FAULTS.contains(&status)
                && !documented.seen.contains(&(at.clone(), status))
            {
                unseen.push(format!("{at}: {status}"));
            }
        }
    }
    assert!(
        unseen.is_empty(),
        "documented, but never answered: {unseen:#?}"
    );
}
