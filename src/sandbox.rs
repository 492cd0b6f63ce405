// SPDX-License-Identifier: MPL-2.0
//! A sandbox to try the server without core: simulated services, on this machine only.

use crate::server::{self, Listening};
use crate::settings::{Settings, WebUrl};
use crate::{log, report};
use anyhow::Context;
use handlers::clock::{Clock, SystemClock};
use jiff::tz::TimeZone;
use poem::http::StatusCode;
use poem::web::{Data, Json, Path};
use poem::{Endpoint, EndpointExt, IntoResponse, Request, Response, Route, get, handler, post};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path as FilePath, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

mod signer;

pub use signer::Signer;

/// Options of `countryconfig sandbox`.
#[derive(clap::Args)]
pub struct Options {
    /// Folder for the sample records and the ledger of the sandbox
    #[arg(long, value_name = "DIR", default_value = "data/sandbox")]
    folder: PathBuf,
    /// Port of the stand-ins, where another server shall use them too; 0 is any that is free
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    stand_ins_port: u16,
}

/// Starts the stand-ins and the server against them, and prints what to try.
///
/// # Errors
/// When something cannot start.
pub async fn run(mut settings: Settings, options: &Options) -> anyhow::Result<()> {
    log::start(&settings);
    let signer = Signer::new()?;
    let around = SocketAddr::from((Ipv4Addr::LOCALHOST, options.stand_ins_port));
    let around = Listening::on(around).await?;
    let around_url: WebUrl = format!("http://{}", around.address())
        .parse()
        .map_err(anyhow::Error::msg)?;
    let surroundings = surroundings(signer.public_pem().to_owned());
    tokio::spawn(around.serve(surroundings, std::future::pending(), Duration::ZERO));

    std::fs::create_dir_all(&options.folder)
        .with_context(|| format!("cannot make `{}`", options.folder.display()))?;
    settings.server.host = Ipv4Addr::LOCALHOST.into();
    settings.core.auth_url = around_url.clone();
    settings.core.gateway_url = around_url.clone();
    settings.core.system_client_id = None;
    settings.core.system_client_secret = None;
    settings.mosip.interop_url = around_url;
    settings.ledger.url = format!("sqlite://{}", options.folder.join("ledger.db").display());
    settings.delivery.delay = Duration::from_millis(500);
    let country = country::load(&settings.country())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let listener = Listening::on(settings.server.listen())
        .await
        .with_context(|| {
            format!(
                "cannot listen on {}; is the port taken?",
                settings.server.listen()
            )
        })?;
    let running = server::assemble(&settings, country).await?;
    // A token without an action, as core 2.1 sends it: for load tests.
    std::fs::write(
        options.folder.join("service-token.txt"),
        signer.token(&signer::claims(json!({"userType": "system"})))?,
    )?;
    say(&tour(&options.folder, &signer, listener.address())?)?;
    server::run(running, listener).await
}

fn say(text: &str) -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{text}")
}

/// Writes two records with new ids, and returns instructions for them.
fn tour(folder: &FilePath, signer: &Signer, address: SocketAddr) -> anyhow::Result<String> {
    let mut text = format!(
        "\nThe sandbox runs. Core's key, the middleware and core's gateway are stand-ins inside this process.\n\n\
         # the birth form\ncurl -s --compressed http://{address}/config/events | head -c 400\n"
    );
    let samples = [
        (
            "birth-eligible.json",
            "verified",
            "whose mother's identity is verified goes to the middleware: 202, and the packet and MOSIP's credential appear below",
        ),
        (
            "birth-not-eligible.json",
            "failed",
            "whose parents are not verified is registered at once: 200 with a registration number",
        ),
    ];
    for (name, verified, what) in samples {
        let (event, action) = (
            uuid::Uuid::new_v4().to_string(),
            uuid::Uuid::new_v4().to_string(),
        );
        // The commands also work in another folder.
        let file = std::path::absolute(folder.join(name))?;
        let kept = kept_record(&file, &event, &action)?;
        let note = if kept.is_some() {
            "\n# the record is the one in the file; delete the file for a new sample"
        } else {
            ""
        };
        let record = kept.unwrap_or_else(|| sample_birth(&event, &action, verified));
        std::fs::write(&file, format!("{record:#}\n"))
            .with_context(|| format!("cannot write `{}`", file.display()))?;
        let token = signer.action_token(&event, &action)?;
        text += &format!(
            "\n# a birth {what}; asked again, the answer is the same{note}\ncurl -i http://{address}/trigger/events/birth/actions/REGISTER \\\n  \
             -H 'content-type: application/json' -H 'authorization: Bearer {token}' \\\n  -d '@{}'\n",
            file.display()
        );
    }
    Ok(text)
}

/// The record of an earlier start, perhaps edited, with new ids: a ledger gives known ids their first answer.
fn kept_record(file: &FilePath, event: &str, action: &str) -> anyhow::Result<Option<Value>> {
    let remedy = || {
        let file = file.display();
        format!(
            "`{file}` is not a record with a pending REGISTER action; delete it for a new sample"
        )
    };
    let text = match std::fs::read_to_string(file) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.with_context(remedy)?,
    };
    let mut record: Value = serde_json::from_str(&text).with_context(remedy)?;
    let is_pending = |action: &&mut Value| {
        action.get("type").is_some_and(|kind| kind == "REGISTER")
            && action
                .get("status")
                .is_some_and(|status| status == "Requested")
    };
    let actions = record.get_mut("actions").and_then(Value::as_array_mut);
    let pending = actions.into_iter().flatten().find(is_pending);
    let pending = pending
        .and_then(Value::as_object_mut)
        .with_context(remedy)?;
    pending.insert("id".to_owned(), action.into());
    let members = record.as_object_mut().with_context(remedy)?;
    members.insert("id".to_owned(), event.into());
    Ok(Some(record))
}

/// A record as core sends it with a REGISTER hook: a child born three weeks ago.
pub fn sample_birth(event: &str, action: &str, mother_verified: &str) -> Value {
    let today = TimeZone::UTC.to_datetime(SystemClock.now()).date();
    let born = today - jiff::Span::new().days(21);
    let at = |minute: u8| format!("{today}T09:{minute:02}:00.000Z");
    let step = |id: &str, kind: &str, status: &str, minute: u8, declaration: Value| {
        json!({
            "id": id, "transactionId": format!("sandbox-{minute}"), "type": kind, "status": status,
            "createdAt": at(minute), "createdBy": "11111111-2222-4333-8444-555555555555",
            "createdByUserType": "user", "createdByRole": "LOCAL_REGISTRAR", "declaration": declaration,
        })
    };
    let declared = json!({
        "child.name": {"firstname": "Nia", "middlename": "Sade", "surname": "Okello"},
        "child.gender": "female", "child.dob": born.to_string(),
        "informant.relation": "MOTHER", "informant.email": "grace.okello@example.com", "informant.phoneNo": "0700111222",
        "mother.name": {"firstname": "Grace", "surname": "Okello"}, "mother.dob": "1994-08-17",
        "mother.idType": "NATIONAL_ID", "mother.nid": "2345678901", "mother.verified": mother_verified,
        "father.detailsNotAvailable": true, "father.reason": "Not known to the informant",
    });
    json!({
        "id": event, "type": "birth", "trackingId": "SANDBX", "createdAt": at(0), "updatedAt": at(2),
        "actions": [
            step(&uuid::Uuid::new_v4().to_string(), "CREATE", "Accepted", 0, json!({})),
            step(&uuid::Uuid::new_v4().to_string(), "DECLARE", "Accepted", 1, declared),
            step(action, "REGISTER", "Requested", 2, json!({})),
        ],
    })
}

/// Time that MOSIP takes to make the credential of a packet.
const CREDENTIAL: Duration = Duration::from_secs(1);

/// The state of the simulated services.
struct Around {
    public_key: String,
    /// The middleware's rows: registration numbers and the tokens that came with them, each unique. A
    /// row is there from before MOSIP is called until its credential comes.
    rows: Mutex<HashMap<String, String>>,
    /// The number of identities that MOSIP has made.
    identities: AtomicU32,
}

/// Core's key, core's gateway and the middleware, as one small server.
fn surroundings(public_key: String) -> impl Endpoint {
    let around = Around {
        public_key,
        rows: Mutex::default(),
        identities: AtomicU32::new(0),
    };
    Route::new()
        .at("/.well-known", get(key))
        .at("/events/registration", post(registration))
        .at("/events/update-biographics", post(update))
        .at("/verify", post(verify))
        .at("/events/:procedure", post(procedure))
        .data(Arc::new(around))
}

#[handler]
fn key(Data(around): Data<&Arc<Around>>) -> String {
    around.public_key.clone()
}

/// The middleware's only error answer, whatever is wrong.
fn fault() -> Response {
    Json(json!({"error": "An unexpected error occurred"}))
        .with_status(StatusCode::INTERNAL_SERVER_ERROR)
        .into_response()
}

/// Prints the sample data of a packet. `false` if the middleware cannot read it.
fn show_packet(body: &Value) -> bool {
    drop(say(&format!("\nThe middleware got a packet:\n{body:#}\n")));
    let fields = body.get("requestFields").and_then(Value::as_object);
    let texts = fields.is_some_and(|fields| fields.values().all(Value::is_string));
    texts && body.get("trackingId").is_some_and(Value::is_string)
}

#[handler]
fn registration(
    request: &Request,
    Json(body): Json<Value>,
    Data(around): Data<&Arc<Around>>,
) -> Response {
    let token = request.header("authorization").unwrap_or_default();
    let text = |field: &str| body.pointer(&format!("/requestFields/{field}"))?.as_str();
    let number = text("birthCertificateNumber").or_else(|| text("deathCertificateNumber"));
    let (true, Some(number)) = (show_packet(&body), number) else {
        return fault();
    };
    {
        let mut rows = around.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.contains_key(number) || rows.values().any(|known| known == token) {
            drop(say(
                "The middleware has a row of this number or token already: 500.\n",
            ));
            return fault();
        }
        rows.insert(number.to_owned(), token.to_owned());
    }
    let (around, number) = (around.clone(), number.to_owned());
    let is_birth = text("birthCertificateNumber").is_some();
    tokio::spawn(async move {
        tokio::time::sleep(CREDENTIAL).await;
        let mut rows = around.rows.lock().unwrap_or_else(PoisonError::into_inner);
        rows.remove(&number);
        drop(rows);
        let identity = if is_birth {
            let made = around.identities.fetch_add(1, Ordering::Relaxed);
            format!(" and the national ID {}", 2_000_000_001 + u64::from(made))
        } else {
            String::new()
        };
        drop(say(&format!(
            "\nMOSIP has issued the credential: the middleware accepts the pending action in core, with the number {number}{identity}.\n"
        )));
    });
    (StatusCode::ACCEPTED, Json(json!({}))).into_response()
}

#[handler]
fn update(Json(body): Json<Value>) -> Response {
    if show_packet(&body) {
        (StatusCode::ACCEPTED, Json(json!({}))).into_response()
    } else {
        fault()
    }
}

#[handler]
fn verify() -> &'static str {
    "verified"
}

#[handler]
fn procedure(Path(procedure): Path<String>, Json(body): Json<Value>) -> Json<Value> {
    drop(say(&format!("\nCore was called: {procedure} {body}\n")));
    Json(json!({"result": {"data": {"json": {}}}}))
}
