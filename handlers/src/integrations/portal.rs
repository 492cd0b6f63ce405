// SPDX-License-Identifier: MPL-2.0
//! Requests of government portals and health systems to core through this server: a few operations,
//! each with a route of its own. A portal shows a credential of this server and acts as the system
//! client; a caller with a token of core acts as its bearer, and core decides what that may do.

use crate::core_client::locations::LocationCache;
use crate::core_client::{Core, CoreError};
use crate::fault::Fault;
use aws_lc_rs::{constant_time, digest};
use bytes::Bytes;
use futures_util::TryStreamExt;
use futures_util::stream::{BoxStream, StreamExt};
use reqwest::header::{
    ACCEPT, ACCEPT_ENCODING, ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LANGUAGE,
    CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH,
    RETRY_AFTER,
};
use reqwest::{Body, Client, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::io;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tracing::{info, warn};
use uuid::Uuid;

/// The maximum size of a picture or a scanned document, in bytes.
pub const BODY_LIMIT: usize = 50 * 1024 * 1024;
/// The timeout of a call, with its body and that of the answer.
const TIMEOUT: Duration = Duration::from_mins(1);
/// A body of which nothing arrives for this long is aborted, and the place of its call is freed.
const STALLED: Duration = Duration::from_secs(10);
/// The maximum number of parallel calls; they do not wait for hooks and their connections.
const AT_ONCE: usize = 32;
/// Bodies without a length that are in memory at once, each of up to [`BODY_LIMIT`].
const BUFFERED_AT_ONCE: usize = 4;

/// The name by which a caller follows a call through the systems.
const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
/// The headers of a caller that core gets, besides the token.
const THERE: [HeaderName; 7] = [
    ACCEPT,
    ACCEPT_ENCODING,
    ACCEPT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    IF_NONE_MATCH,
    CORRELATION,
];
/// The headers of core that a caller gets.
const BACK: [HeaderName; 9] = [
    CACHE_CONTROL,
    CONTENT_ENCODING,
    CONTENT_LANGUAGE,
    CONTENT_LENGTH,
    CONTENT_TYPE,
    ETAG,
    RETRY_AFTER,
    HeaderName::from_static("content-disposition"),
    CORRELATION,
];

/// An operation that can be asked of core.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    /// The forms.
    Config,
    /// Offices and facilities.
    Locations,
    /// A new record.
    Create,
    /// Notify core of a birth or death.
    Notify,
    /// One record.
    Read,
    /// Records by their content.
    Search,
    /// Request, approve or reject a correction.
    Correct,
    /// Attach a file.
    Upload,
}

impl Operation {
    const ALL: [Self; 8] = [
        Self::Config,
        Self::Locations,
        Self::Create,
        Self::Notify,
        Self::Read,
        Self::Search,
        Self::Correct,
        Self::Upload,
    ];

    /// Its word in `PORTAL_OPERATIONS` and in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Locations => "locations",
            Self::Create => "create",
            Self::Notify => "notify",
            Self::Read => "read",
            Self::Search => "search",
            Self::Correct => "correct",
            Self::Upload => "upload",
        }
    }

    /// The permissions of which the bearer of a token of core needs any one; empty if every token is
    /// accepted.
    pub fn permissions(self) -> &'static [&'static str] {
        match self {
            Self::Config | Self::Locations => &[],
            Self::Create => &["record.create"],
            Self::Notify => &["record.notify"],
            Self::Read => &["record.read"],
            Self::Search => &["record.search"],
            Self::Correct => &["record.request-correction", "record.correct"],
            Self::Upload => &["attachment.upload", "record.notify", "record.declare"],
        }
    }
}

/// The operations that are open: `PORTAL_OPERATIONS`.
#[derive(Debug, Clone)]
pub struct Operations(Vec<Operation>);

impl FromStr for Operations {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let operation = |word: &str| {
            let known = Operation::ALL.into_iter().find(|o| o.name() == word);
            known.ok_or_else(|| {
                let names = Operation::ALL.map(Operation::name);
                format!("`{word}` is none of {}", names.join(", "))
            })
        };
        let words = text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty());
        words.map(operation).collect::<Result<_, _>>().map(Self)
    }
}

/// The credentials of portals, as hashes: `PORTAL_TOKENS`.
#[derive(Clone)]
pub struct Tokens(Vec<(String, [u8; 32])>);

/// A text that holds no credentials; it is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {0} is not a portal's name, a colon and the SHA-256 of its token in hexadecimal")]
pub struct TokensError(usize);

impl FromStr for Tokens {
    type Err = TokensError;
    fn from_str(text: &str) -> Result<Self, TokensError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        let entry = |entry: &str| {
            let (name, hash) = entry.trim().split_once(':')?;
            let named = (1..=32).contains(&name.len()) && name.chars().all(plain);
            Some((name.to_owned(), bytes_of(hash)?)).filter(|_| named)
        };
        let entries = text.split(',').enumerate();
        let entries = entries.map(|(n, text)| entry(text).ok_or(TokensError(n + 1)));
        entries.collect::<Result<_, _>>().map(Self)
    }
}

/// 32 bytes in hexadecimal.
fn bytes_of(hex: &str) -> Option<[u8; 32]> {
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let digits = hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(pair).collect();
    bytes.filter(|_| digits)?.try_into().ok()
}

impl Tokens {
    /// The name of the portal whose token this is. Takes constant time for known and unknown tokens.
    pub fn holder(&self, token: &str) -> Option<&str> {
        let hash = digest::digest(&digest::SHA256, token.as_bytes());
        let mut holder = None;
        for (name, known) in &self.0 {
            if constant_time::verify_slices_are_equal(known, hash.as_ref()).is_ok() {
                holder = Some(name.as_str());
            }
        }
        holder
    }
}

/// A caller.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A portal, by its name.
    Portal(String),
    /// The bearer of a token of core.
    Bearer(String),
}

impl Caller {
    /// Its name in the log.
    fn name(&self) -> &str {
        match self {
            Self::Portal(name) => name,
            Self::Bearer(_) => "bearer of a token",
        }
    }
}

/// A streamed body.
pub type Passing = BoxStream<'static, io::Result<Bytes>>;

/// A call as it goes to core.
pub struct Call {
    /// The operation.
    pub operation: Operation,
    /// The HTTP method.
    pub method: Method,
    /// The path below the gateway's URL; made of fixed words and ids that were parsed as such.
    pub path: String,
    /// The query as it came.
    pub query: Option<String>,
    /// The headers as they came.
    pub headers: HeaderMap,
    /// The body as it comes; `None` if there is none.
    pub body: Option<Passing>,
}

/// Core's answer, while it arrives.
pub struct Relayed {
    /// Its status.
    pub status: StatusCode,
    /// Those of its headers that concern the caller.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Passing,
}

/// The reason why core was not asked, or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum PortalError {
    /// Too many calls are under way.
    #[error("too many parallel calls; try again in a moment")]
    Busy,
    /// The body is too large.
    #[error("the body is larger than {BODY_LIMIT} bytes")]
    TooLarge,
    /// The caller's body breaks off, or takes too long.
    #[error("the body did not arrive completely")]
    Incomplete,
    /// Nothing of the body arrives any more.
    #[error("the body is incomplete: nothing arrived for {} s", STALLED.as_secs())]
    Stalled,
    /// The system client gets no token, or core does not take it.
    #[error("Failed to authenticate with upstream service")]
    Token(#[source] CoreError),
    /// Core does not answer in time.
    #[error("core does not answer in time")]
    Timeout(#[source] Fault),
    /// Core cannot be reached.
    #[error("core is not reachable")]
    Unreachable(#[source] Fault),
}

/// A portal's notification of a birth or death, for an existing record. Core checks the rest of it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notification {
    /// The record.
    pub event_id: Uuid,
    /// The id by which core detects a repetition.
    pub transaction_id: String,
    /// The office, if no other is responsible for the place of the event.
    pub created_at_location: String,
    /// The answers, by field.
    pub declaration: Map<String, Value>,
    /// Answers about the notification itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotation: Option<Map<String, Value>>,
    /// True if the record stays assigned to the same user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keep_assignment: Option<bool>,
}

/// Relays calls to core.
pub struct Portal {
    client: Client,
    core: Arc<Core>,
    atlas: Arc<LocationCache>,
    tokens: Tokens,
    operations: Operations,
    free: Arc<Semaphore>,
    buffers: Semaphore,
}

impl Portal {
    /// A relay with the credentials of portals and the operations that are open.
    pub fn new(
        client: Client,
        core: Arc<Core>,
        atlas: Arc<LocationCache>,
        tokens: Tokens,
        operations: Operations,
    ) -> Self {
        let free = Arc::new(Semaphore::new(AT_ONCE));
        Self {
            client,
            core,
            atlas,
            tokens,
            operations,
            free,
            buffers: Semaphore::new(BUFFERED_AT_ONCE),
        }
    }

    /// The portal whose credential this is.
    pub fn caller(&self, credential: &str) -> Option<Caller> {
        let name = self.tokens.holder(credential)?;
        Some(Caller::Portal(name.to_owned()))
    }

    /// True if an operation is open.
    pub fn allows(&self, operation: Operation) -> bool {
        self.operations.0.contains(&operation)
    }

    /// Passes a call on, and core's answer back; neither is kept.
    ///
    /// # Errors
    /// When core does not answer.
    pub async fn relay(&self, caller: &Caller, call: Call) -> Result<Relayed, PortalError> {
        let free = self.free.clone().try_acquire_owned();
        let place = free.map_err(|_| PortalError::Busy)?;
        let length = call.headers.get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        if length.is_some_and(|length: usize| length > BODY_LIMIT) {
            return Err(PortalError::TooLarge);
        }
        let token = self.token(caller).await?;
        let query = call
            .query
            .map(|query| format!("?{query}"))
            .unwrap_or_default();
        let url = format!("{}{}{query}", self.core.gateway(), call.path);
        let mut headers = only(&THERE, &call.headers);
        if call.body.is_none() {
            // The length of a body that does not go along would swallow the next request on the connection.
            headers.remove(CONTENT_LENGTH);
        }
        let mut request = self
            .client
            .request(call.method, url)
            .timeout(TIMEOUT)
            .headers(headers)
            .bearer_auth(&token);
        let fault = Arc::new(OnceLock::new());
        let mut buffered = None;
        if let Some(body) = call.body {
            let body = limited(body, fault.clone());
            // Core's gateway answers 400 to a body without a length, so such a body is read completely first.
            request = request.body(if length.is_some() {
                Body::wrap_stream(body)
            } else {
                buffered = Some(self.buffers.try_acquire().map_err(|_| PortalError::Busy)?);
                Body::from(complete(body, &fault).await?)
            });
        }
        let answered = request.send().await;
        drop(buffered);
        let response = answered.map_err(|error| {
            if let Some(fault) = fault.get() {
                match fault {
                    BodyFault::TooLarge => PortalError::TooLarge,
                    BodyFault::Stalled => PortalError::Stalled,
                }
            } else if error.is_timeout() {
                PortalError::Timeout(error.into())
            } else {
                PortalError::Unreachable(error.into())
            }
        })?;
        let status = response.status();
        let (name, operation) = (caller.name(), call.operation.name());
        info!(
            portal = name,
            operation,
            status = status.as_u16(),
            "Core answered {status} to `{operation}` of {name}"
        );
        if status == StatusCode::UNAUTHORIZED && matches!(caller, Caller::Portal(_)) {
            // The caller's credential is good; it is this server that core does not let in.
            self.core.forget(&token).await;
            return Err(PortalError::Token(CoreError::Status(status)));
        }
        let headers = only(&BACK, response.headers());
        // The place is free again when the last byte has gone.
        let body = response.bytes_stream().map_err(move |error| {
            let _ = &place;
            io::Error::other(error.without_url())
        });
        Ok(Relayed {
            status,
            headers,
            body: body.boxed(),
        })
    }

    /// Notifies core of a birth or death, in the name of the office that is responsible for its place.
    ///
    /// # Errors
    /// When core does not answer.
    pub async fn notify(
        &self,
        caller: &Caller,
        mut notification: Notification,
        place_fields: &[String],
        headers: &HeaderMap,
    ) -> Result<Relayed, PortalError> {
        let place = place_fields
            .iter()
            .find_map(|field| notification.declaration.get(field)?.as_str());
        if let Some(place) = place {
            let own = match caller {
                Caller::Portal(_) => None,
                Caller::Bearer(token) => Some(token.as_str()),
            };
            match self.atlas.map(own).await {
                Ok(map) => {
                    let office = map.office(place, &notification.created_at_location);
                    if let Some(office) = office {
                        notification.created_at_location = office.to_owned();
                    }
                }
                Err(error) => {
                    let event = notification.event_id;
                    warn!(error = &error as &dyn std::error::Error, event.id = %event, "Could not get locations from core; `{event}` is notified for the office that the portal named");
                }
            }
        }
        let path = format!("/events/events/{}/notify", notification.event_id);
        let body = serde_json::to_vec(&notification).unwrap_or_default();
        let mut sent = only(&[CORRELATION], headers);
        sent.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        sent.insert(CONTENT_LENGTH, body.len().into());
        let call = Call {
            operation: Operation::Notify,
            method: Method::POST,
            path,
            query: None,
            headers: sent,
            body: Some(futures_util::stream::iter([Ok(Bytes::from(body))]).boxed()),
        };
        self.relay(caller, call).await
    }

    async fn token(&self, caller: &Caller) -> Result<String, PortalError> {
        match caller {
            Caller::Portal(_) => self.core.system_token().await.map_err(PortalError::Token),
            Caller::Bearer(token) => Ok(token.clone()),
        }
    }
}

/// The headers that are passed on.
fn only(names: &[HeaderName], headers: &HeaderMap) -> HeaderMap {
    let known = names
        .iter()
        .filter_map(|name| Some((name.clone(), headers.get(name)?.clone())));
    known.collect()
}

/// The whole of a body.
async fn complete(body: Passing, fault: &OnceLock<BodyFault>) -> Result<Vec<u8>, PortalError> {
    let whole = body.try_fold(Vec::new(), async |mut whole, chunk| {
        whole.extend_from_slice(&chunk);
        Ok(whole)
    });
    if let Ok(Ok(whole)) = timeout(TIMEOUT, whole).await {
        return Ok(whole);
    }
    Err(match fault.get() {
        Some(BodyFault::TooLarge) => PortalError::TooLarge,
        Some(BodyFault::Stalled) => PortalError::Stalled,
        None => PortalError::Incomplete,
    })
}

/// The reason why a body ends early.
#[derive(Clone, Copy)]
enum BodyFault {
    TooLarge,
    Stalled,
}

/// A body that breaks off, with the reason in `fault`, when it becomes too large or stalls.
fn limited(body: Passing, fault: Arc<OnceLock<BodyFault>>) -> Passing {
    let breaks_off = move |why: BodyFault| {
        fault.get_or_init(|| why);
        io::Error::other("the body breaks off")
    };
    futures_util::stream::unfold((body, BODY_LIMIT), move |(mut body, left)| {
        let breaks_off = breaks_off.clone();
        async move {
            let arrived = timeout(STALLED, body.next()).await;
            let (chunk, left) = match arrived {
                Ok(None) => return None,
                Ok(Some(Err(error))) => (Err(error), left),
                Ok(Some(Ok(chunk))) => match left.checked_sub(chunk.len()) {
                    Some(left) => (Ok(chunk), left),
                    None => (Err(breaks_off(BodyFault::TooLarge)), 0),
                },
                Err(_) => (Err(breaks_off(BodyFault::Stalled)), left),
            };
            Some((chunk, (body, left)))
        }
    })
    .boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    /// SHA-256 of `secret`, from `printf %s secret | sha256sum`.
    const HASH: &str = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";

    #[test]
    fn a_token_is_known_by_its_hash() {
        let zero = "0".repeat(64);
        let tokens: Tokens = format!("other:{zero}, health:{HASH}").parse().unwrap();
        assert_eq!(tokens.holder("secret"), Some("health"));
        for wrong in ["", "Secret", HASH, "secret "] {
            assert_eq!(tokens.holder(wrong), None, "{wrong}");
        }
    }

    #[rstest]
    #[case::empty("", 1)]
    #[case::no_name(&format!(":{HASH}"), 1)]
    #[case::no_hash("health", 1)]
    #[case::the_token_itself(&format!("a:{HASH},b:secret"), 2)]
    #[case::too_short(&format!("a:{}", &HASH[2..]), 1)]
    #[case::signs(&format!("a:+{}", &HASH[1..]), 1)]
    #[case::letters_of_two_bytes(&format!("a:é{}", &HASH[2..]), 1)]
    fn what_holds_no_credentials_is_refused_without_repeating_it(
        #[case] text: &str,
        #[case] entry: usize,
    ) {
        let error = text.parse::<Tokens>().err().unwrap();
        assert_eq!(error, TokensError(entry));
        assert!(!error.to_string().contains("secret"));
    }

    #[test]
    fn operations_are_named() {
        let operations: Operations = "create, notify".parse().unwrap();
        assert_eq!(operations.0, [Operation::Create, Operation::Notify]);
        let error = "create,delete".parse::<Operations>().unwrap_err();
        assert!(
            error.contains("`delete` is none of config, locations"),
            "{error}"
        );
    }

    /// A query may name the person searched for, and errors are logged with their causes.
    #[tokio::test]
    async fn an_error_says_nothing_of_the_query() {
        let client = crate::delivery::transport::client(TIMEOUT).unwrap();
        let nowhere = "http://127.0.0.1:9";
        let clock = Arc::new(crate::clock::SystemClock);
        let core = Core::new(client.clone(), nowhere, nowhere, None, clock);
        let core = Arc::new(core);
        let atlas = Arc::new(LocationCache::new(core.clone()));
        let tokens = Tokens(vec![]);
        let portal = Portal::new(client, core, atlas, tokens, Operations(vec![]));
        let call = Call {
            operation: Operation::Locations,
            method: Method::GET,
            path: "/events/locations".to_owned(),
            query: Some("name=Nia".to_owned()),
            headers: HeaderMap::new(),
            body: None,
        };
        let caller = Caller::Bearer("token".to_owned());
        let error = portal.relay(&caller, call).await.err().unwrap();
        let said = format!("{error:?}");
        assert!(
            said.contains("Unreachable") && !said.contains("Nia"),
            "{said}"
        );
    }
}
