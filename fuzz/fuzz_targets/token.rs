// SPDX-License-Identifier: MPL-2.0
//! Core's tokens: headers as they come, and claims that are signed with core's key. Only what says that it
//! is for this server, and has not ended, is let in.
#![no_main]

use countryconfig::auth::{AUDIENCE, AuthError, ISSUER, Keys, Token};
use countryconfig::sandbox::Signer;
use countryconfig_fuzz::{BIRTH, in_time, seed};
use futures_util::FutureExt as _;
use handlers::clock::{Clock as _, SystemClock};
use handlers::delivery::ledger;
use handlers::delivery::encryption::Encryption;
use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock};
use tokio::runtime::{Builder, Runtime};

struct Core {
    runtime: Runtime,
    signer: Signer,
    keys: Keys,
}

/// A server that knows core's key from its ledger, and has no connection to core.
static CORE: LazyLock<Core> = LazyLock::new(|| {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("there is a runtime");
    let signer = Signer::new().expect("there is a key");
    let folder = tempfile::tempdir().expect("there is a folder");
    let keys = runtime.block_on(async {
        let url = format!("sqlite://{}", folder.path().join("ledger.db").display());
        let ledger = ledger::open(&url, Encryption::default())
            .await
            .expect("a ledger is made");
        let pem = signer.public_pem();
        ledger
            .keep("auth-public-key", pem, SystemClock.now())
            .await
            .expect("it is kept");
        let client = handlers::delivery::transport::client(std::time::Duration::from_secs(1));
        let client = client.expect("there is a client");
        let keys = Keys::new("http://127.0.0.1:9", client, ledger, Arc::new(SystemClock));
        keys.recall().await;
        keys
    });
    assert!(keys.is_known());
    Core {
        runtime,
        signer,
        keys,
    }
});

impl Core {
    /// Nothing where the server would wait for another key.
    fn verify(&self, header: &str) -> Option<Result<Token, AuthError>> {
        let _within = self.runtime.enter();
        in_time(|| self.keys.verify(&[AUDIENCE], Some(header)).now_or_never())
    }
}

fn seeds() -> Vec<String> {
    let now = SystemClock.now().as_second();
    let good = json!({"iss": ISSUER, "aud": [AUDIENCE, "opencrvs:events-user"], "iat": now, "exp": now + 1_000_000_000, "sub": "s",
        "userType": "system", "eventId": "event", "actionId": "action",
        "scope": ["type=record.reindex&event=birth,death", "record.read"]});
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let claims = [
        good.clone(),
        with("aud", json!(AUDIENCE)),
        with("exp", json!(now - 3600)),
        with("exp", json!(1e18)),
        with("nbf", json!(now + 3600)),
        with("iss", json!("x")),
        with("scope", json!("record.read")),
    ];
    // As a text, a token is somebody else's.
    let other = Signer::new().expect("a key");
    let header = |claims: &Value| format!("Bearer {}", other.token(claims).unwrap_or_default());
    let mut seeds: Vec<String> = claims.iter().map(ToString::to_string).collect();
    seeds.extend(claims.iter().map(header));
    seeds.push("bearer Bearer e30.e30.e30".to_owned());
    seeds
}

/// Whether a token that says this is for this server and has not ended, beyond doubt.
fn is_plainly_good(claims: &Value, now: u64) -> bool {
    let is_text = |name: &str| claims.get(name).is_none_or(Value::is_string);
    let ends = claims.get("exp").and_then(Value::as_u64);
    claims.get("iss").and_then(Value::as_str) == Some(ISSUER)
        && claims.get("aud").and_then(Value::as_str) == Some(AUDIENCE)
        && ends.is_some_and(|ends| ends > now + 60 && ends < 1 << 50)
        && claims.get("nbf").is_none()
        && ["sub", "eventId", "actionId", "userType"]
            .into_iter()
            .all(is_text)
}

fn is_for_this_server(claims: &Value) -> bool {
    let is_audience = |aud: &Value| aud.as_str() == Some(AUDIENCE);
    let aud = claims.get("aud").unwrap_or(&Value::Null);
    is_audience(aud)
        || aud
            .as_array()
            .is_some_and(|many| many.iter().any(is_audience))
}

fuzz_target!(init: seed("token", seeds()), |text: &str| {
    let claims = serde_json::from_str::<Value>(text).ok().filter(Value::is_object);
    let Some(claims) = claims else {
        let verified = CORE.verify(text);
        assert!(!matches!(verified, Some(Ok(_))), "nobody else has the key");
        return;
    };
    let Ok(signed) = CORE.signer.token(&claims) else {
        return;
    };
    let too_long = signed.len() > 16 * 1024;
    let now = u64::try_from(SystemClock.now().as_second()).expect("it is after 1970");
    match CORE.verify(&signed) {
        None => panic!("the right key is known, and another is waited for"),
        Some(Err(_)) => assert!(too_long || !is_plainly_good(&claims, now)),
        Some(Ok(token)) => {
            assert_eq!(claims.get("iss").and_then(Value::as_str), Some(ISSUER));
            assert!(is_for_this_server(&claims));
            let ends = claims.get("exp").and_then(Value::as_f64);
            assert!(ends.is_some_and(|ends| ends + 60.0 > now as f64));
            assert_eq!(token.text, signed);
            let pending = BIRTH.pending_action("REGISTER").expect("it waits");
            if token.is_for(&BIRTH, pending) {
                assert!(token.is_for_a_hook());
                let event = token.claims.event_id.as_deref();
                assert!(event.is_none_or(|event| event == BIRTH.id.as_str()));
            }
            if token.may_with("record.reindex", &[("event", "birth")]) {
                assert!(token.may("record.reindex"));
            }
        }
    }
});
