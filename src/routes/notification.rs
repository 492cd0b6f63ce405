// SPDX-License-Identifier: MPL-2.0
//! Messages: core's to its users, and the cluster monitoring's alerts to the operators.

use super::App;
use super::authority::{Authority, Authorized, CORE_TOKEN, NO_KEY, NO_TOKEN, Scheme, token};
use super::body::{Unread, wrong};
use super::client_network::is_inside;
use super::in_path::{FromPath, InPath};
use super::openapi_meta::{BAD_BODY, Refusals, Refused, SLOW_BODY, Statuses, Tag};
use crate::problem::Problem;
use crate::settings::Settings;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use country::notification::messages::Message;
use country::notification::templates::Variables;
use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use handlers::notification::{Mailboxes, NotTold, Users};
use opencrvs_toolkit::core_version::CoreVersion;
use poem::Request;
use poem::http::StatusCode;
use poem::http::header::AUTHORIZATION;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use tracing::info;
use validator::Validate;

/// Size limit of a body. An announcement to 500 addresses is far smaller.
const BODY_LIMIT: usize = 1024 * 1024;
/// Number of counted recipients above which those of more than a minute ago are dropped.
const COUNTED: usize = 10_000;

pub(super) struct Notification(pub(super) Arc<App>);

/// Sends messages to people, and decides whether a caller may ask for that.
pub struct Notifications {
    /// Sends the messages.
    pub users: Users,
    /// True if core sends a token with every request.
    tokens: bool,
    /// The token that admits callers from outside the cluster.
    pass: Option<SecretString>,
    /// Limits for messages that somebody is waiting for, such as codes.
    urgent: Limits,
    /// Limits for all other messages, so that a day of invitations locks nobody out.
    other: Limits,
    /// Values that alerts refer to by name.
    names: [(&'static str, String); 3],
}

impl Notifications {
    /// Creates it from the settings.
    pub fn new(users: Users, settings: &Settings) -> Self {
        let (mail, limit) = (&settings.mail, &settings.message_limits);
        // Without a mail server nobody reads it.
        let sender = mail.sender.as_ref();
        let sender = sender.map_or("no-reply@localhost".to_owned(), ToString::to_string);
        let limits = || Limits {
            all: RateLimiter::direct(Quota::per_minute(limit.per_minute)),
            each: RateLimiter::keyed(Quota::per_minute(limit.per_recipient)),
        };
        Self {
            users,
            tokens: settings.core.version >= CoreVersion::V2_0_1,
            pass: mail.route_token.clone(),
            urgent: limits(),
            other: limits(),
            names: [
                ("DOMAIN", settings.pages.domain.clone()),
                ("ALERT_EMAIL", mail.alert_address.clone()),
                ("SENDER_EMAIL_ADDRESS", sender),
            ],
        }
    }

    /// Checks whether a caller is admitted without core's token.
    fn lets_in(&self, request: &Request) -> bool {
        let pass = self.pass.as_ref().zip(bearer(request));
        let shown = pass.is_some_and(|(pass, shown)| {
            let pass = pass.expose_secret().as_bytes();
            verify_slices_are_equal(pass, shown.as_bytes()).is_ok()
        });
        let [(_, domain), ..] = &self.names;
        shown || is_inside(request, domain)
    }

    /// Fills the named values into a text, literally: nothing is compiled.
    fn filled_in(&self, text: &str) -> String {
        let filled = |text: String, (name, value): &(&str, String)| {
            text.replace(&format!("{{{{{name}}}}}"), value)
        };
        self.names.iter().fold(text.to_owned(), filled)
    }
}

fn bearer(request: &Request) -> Option<&str> {
    let header = request.headers().get(AUTHORIZATION)?.to_str().ok()?;
    header.strip_prefix("Bearer ")
}

/// Rate limits for messages, since any caller inside the cluster can ask for them.
struct Limits {
    all: DefaultDirectRateLimiter,
    each: DefaultKeyedRateLimiter<String>,
}

impl Limits {
    fn allow<'a>(&self, mut contacts: impl Iterator<Item = &'a String>) -> bool {
        if self.each.len() > COUNTED {
            self.each.retain_recent();
        }
        self.all.check().is_ok()
            && contacts.all(|contact| self.each.check_key(&contact.to_lowercase()).is_ok())
    }
}

/// What core wants a user to be told. Which texts it takes depends on the event.
#[derive(Object, Serialize, Deserialize, Validate)]
#[oai(rename_all = "camelCase")]
#[serde(rename_all = "camelCase")]
struct UserMessage {
    /// Who is to be told.
    #[validate(required(message = "is missing"), nested)]
    recipient: Option<Recipient>,
    /// With user-created, resend-invite, username-reminder.
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    /// With user-created, resend-invite, reset-password-by-admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    temporary_password: Option<String>,
    /// With user-updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    old_username: Option<String>,
    /// With user-updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    new_username: Option<String>,
    /// With reset-password, 2fa, change-phone-number, change-email-address.
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<String>,
    /// With password-reset-link, username-reminder-link.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// With reset-password-by-admin: who has done it.
    #[serde(skip_serializing_if = "Option::is_none")]
    admin: Option<Admin>,
    /// With all-user-notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    /// With all-user-notification.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// Who is to be told.
#[derive(Object, Serialize, Deserialize, Validate)]
struct Recipient {
    /// Name.
    name: Option<Name>,
    /// Telephone number.
    #[validate(length(max = 40, message = "is too long for a telephone number"))]
    mobile: Option<String>,
    /// E-mail address.
    #[validate(email(message = "is not an e-mail address"))]
    email: Option<String>,
    /// Others who get an announcement, unseen by each other.
    #[validate(length(max = 1000, message = "has more than 1000 addresses"))]
    bcc: Option<Vec<String>>,
    /// The recipient's language, from callers who know it.
    #[validate(length(max = 20, message = "is not a language code"))]
    language: Option<String>,
}

/// A name.
#[derive(Object, Serialize, Deserialize)]
struct Name {
    firstname: String,
    surname: String,
    middlename: Option<String>,
}

/// An administrator.
#[derive(Object, Serialize, Deserialize)]
struct Admin {
    id: String,
    name: Name,
    role: String,
}

/// An alert. `{{DOMAIN}}`, `{{ALERT_EMAIL}}` and `{{SENDER_EMAIL_ADDRESS}}` are filled in.
#[derive(Object, Deserialize, Validate)]
#[serde(deny_unknown_fields)]
struct Alert {
    #[validate(length(min = 1, message = "is empty"))]
    subject: String,
    html: String,
    from: String,
    to: String,
}

#[derive(ApiResponse)]
enum Reply {
    /// The message is sent, stored to be sent, or there is nobody to send it to
    #[oai(status = 200)]
    Sent,
}

const SMALL_BODY: (u16, &str) = (413, "More than 1 MiB");
const REFUSED: (u16, &str) = (
    502,
    "The mail server or SMS gateway refused the message for good",
);
const NOT_YET: (u16, &str) = (504, "The message was not taken yet; it is tried again");

struct UserNotTold;
impl Refusals for UserNotTold {
    const STATUSES: Statuses = &[
        BAD_BODY,
        (404, "There is no such message"),
        SLOW_BODY,
        SMALL_BODY,
        (422, "A code, and no address to send it to"),
        (429, "Too many messages in a minute; only before core 2.0.1"),
        REFUSED,
        (
            503,
            "There is nothing to send the message with or to store it in, or core's public key cannot be fetched",
        ),
        NOT_YET,
    ];
}

struct AlertNotSent;
impl Refusals for AlertNotSent {
    const STATUSES: Statuses = &[
        BAD_BODY,
        SLOW_BODY,
        SMALL_BODY,
        REFUSED,
        (
            503,
            "There is nothing to send the alert with or to store it in",
        ),
    ];
}

impl FromPath for &'static Message {
    fn from_path(name: &str) -> Result<Self, Problem> {
        let not_found = || Problem::new(StatusCode::NOT_FOUND, "Not Found");
        Message::to_users(name).ok_or_else(not_found)
    }
}

const EMAIL_ROUTE_TOKEN: Scheme = Scheme::bearer(
    "emailRouteToken",
    "The value of EMAIL_ROUTE_TOKEN, for callers outside the cluster.",
);

/// The authority to send messages to core's users. Core 2.0 has no token for it: callers inside the cluster
/// have the authority too.
struct MayNotify;

impl Authority for MayNotify {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN, EMAIL_ROUTE_TOKEN];
    const OPTIONAL: bool = true;
    const REFUSALS: Statuses = &[NO_TOKEN, NO_KEY];
    type Grant = ();

    async fn check(app: &App, request: &Request) -> Result<(), Problem> {
        if !app.notifications.tokens && app.notifications.lets_in(request) {
            return Ok(());
        }
        MayNotifyFromCore21::check(app, request).await
    }
}

/// The authority of core 2.1 to send messages to its users: it always has a token.
struct MayNotifyFromCore21;

impl Authority for MayNotifyFromCore21 {
    const SCHEMES: &'static [Scheme] = &[CORE_TOKEN];
    const REFUSALS: Statuses = &[NO_TOKEN, NO_KEY];
    type Grant = ();

    async fn check(app: &App, request: &Request) -> Result<(), Problem> {
        token(app, request).await?;
        app.core_gateway.called(request.uri().path());
        Ok(())
    }
}

/// The authority to send alerts: that of callers inside the cluster, or with the token for it.
struct MayAlert;

impl Authority for MayAlert {
    const SCHEMES: &'static [Scheme] = &[EMAIL_ROUTE_TOKEN];
    const OPTIONAL: bool = true;
    const REFUSALS: Statuses = &[(
        403,
        "The caller is outside the cluster, and has no EMAIL_ROUTE_TOKEN",
    )];
    type Grant = ();

    async fn check(app: &App, request: &Request) -> Result<(), Problem> {
        if app.notifications.lets_in(request) {
            return Ok(());
        }
        let why = "only from inside the cluster, or with EMAIL_ROUTE_TOKEN as bearer token";
        Err(Problem::new(StatusCode::FORBIDDEN, why))
    }
}

#[OpenApi]
impl Notification {
    /// A message to a user of core (core 2.0)
    ///
    /// For codes, the answer says whether the message was sent. Anything else is stored and sent as soon
    /// as possible. From core 2.0.1 on a token of core is needed; before, callers inside the cluster need
    /// none, and messages per minute are limited.
    #[oai(
        path = "/triggers/user/:event",
        method = "post",
        operation_id = "notifyUser",
        tag = "Tag::Core"
    )]
    async fn user(
        &self,
        /// user-created, resend-invite, user-updated, username-reminder, reset-password, reset-password-by-admin, 2fa, change-phone-number, change-email-address, all-user-notification
        #[oai(name = "event")]
        InPath(message): InPath<&'static Message>,
        _sender: Authorized<MayNotify>,
        unread: Unread<UserMessage>,
    ) -> Result<Reply, Refused<UserNotTold>> {
        Ok(self.tell(message, unread).await?)
    }

    /// A message to a user of core (core 2.1)
    ///
    /// As under `/triggers/user`, always with a token of core.
    #[oai(
        path = "/trigger/user/:event",
        method = "post",
        operation_id = "notifyUserOfCore21",
        tag = "Tag::Core"
    )]
    async fn user_of_later_core(
        &self,
        /// As under `/triggers/user`, and password-reset-link, username-reminder-link
        #[oai(name = "event")]
        InPath(message): InPath<&'static Message>,
        _sender: Authorized<MayNotifyFromCore21>,
        unread: Unread<UserMessage>,
    ) -> Result<Reply, Refused<UserNotTold>> {
        Ok(self.tell(message, unread).await?)
    }

    /// An alert of the cluster's monitoring, by e-mail
    ///
    /// Callers inside the cluster need no credential. Requests that came through a proxy or from a public
    /// address need the bearer token of `EMAIL_ROUTE_TOKEN`.
    #[oai(
        path = "/email",
        method = "post",
        operation_id = "sendAlert",
        tag = "Tag::Monitoring"
    )]
    async fn email(
        &self,
        _sender: Authorized<MayAlert>,
        unread: Unread<Alert>,
    ) -> Result<Reply, Refused<AlertNotSent>> {
        Ok(self.alert(unread).await?)
    }
}

impl Notification {
    async fn tell(
        &self,
        message: &'static Message,
        unread: Unread<UserMessage>,
    ) -> Result<Reply, Problem> {
        let notifications = &self.0.notifications;
        let mut content = unread.read(BODY_LIMIT).await?;
        let recipient = content.recipient.take().ok_or_else(|| wrong(vec![]))?;
        let texts = texts(message, &content)?;
        let recipient = handlers::notification::Recipient::from(recipient);
        let contacts = recipient.contact(notifications.users.method()).into_iter();
        let limits = if message.urgent {
            &notifications.urgent
        } else {
            &notifications.other
        };
        if !notifications.tokens && !limits.allow(contacts.chain(&recipient.bcc)) {
            let why = "too many messages in a minute; try again in one";
            return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, why));
        }
        match notifications.users.tell(message, recipient, texts).await {
            Ok(()) => Ok(Reply::Sent),
            Err(why @ NotTold::NoContact(method)) if message.urgent => {
                let field = format!("recipient.{}", method.field());
                let problem = Problem::unprocessable(why.to_string());
                Err(problem.with_fields(vec![(field, "is missing".to_owned())]))
            }
            Err(why @ (NotTold::NoContact(_) | NotTold::EmailOnly)) => {
                let event = message.word;
                info!(operation = event, "No message `{event}` is sent: {why}");
                Ok(Reply::Sent)
            }
            Err(why) => Err(not_told(why)),
        }
    }

    async fn alert(&self, unread: Unread<Alert>) -> Result<Reply, Problem> {
        let notifications = &self.0.notifications;
        let alert = unread.read(BODY_LIMIT).await?;
        let alert = handlers::notification::Alert {
            from: notifications.filled_in(&alert.from),
            to: notifications.filled_in(&alert.to),
            subject: notifications.filled_in(&alert.subject),
            html: notifications.filled_in(&alert.html),
        };
        let addresses = [("from", &alert.from), ("to", &alert.to)];
        let no_addresses = addresses
            .into_iter()
            .filter(|(_, text)| text.parse::<Mailboxes>().is_err());
        let faults: Vec<_> = no_addresses
            .map(|(field, _)| (field.to_owned(), "is not an e-mail address".to_owned()))
            .collect();
        if !faults.is_empty() {
            return Err(wrong(faults));
        }
        notifications.users.alert(alert).await.map_err(not_told)?;
        Ok(Reply::Sent)
    }
}

/// The texts that a message takes.
fn texts(message: &Message, content: &UserMessage) -> Result<Variables, Problem> {
    let given = serde_json::to_value(content).unwrap_or_default();
    let missing: Vec<_> = message
        .payload
        .iter()
        .filter(|name| given.get(**name).is_none())
        .map(|name| ((*name).to_owned(), "is missing".to_owned()))
        .collect();
    if !missing.is_empty() {
        return Err(wrong(missing));
    }
    let texts = message.payload.iter().filter_map(|name| {
        let text = given.get(*name).filter(|value| value.is_string())?;
        Some(((*name).to_owned(), Value::clone(text)))
    });
    Ok(texts.collect())
}

fn not_told(why: NotTold) -> Problem {
    let status = match why {
        NotTold::Refused => StatusCode::BAD_GATEWAY,
        NotTold::NotYet => StatusCode::GATEWAY_TIMEOUT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    Problem::new(status, why.to_string())
}

impl From<Recipient> for handlers::notification::Recipient {
    fn from(recipient: Recipient) -> Self {
        Self {
            firstname: recipient.name.map(|name| name.firstname),
            email: recipient.email,
            mobile: recipient.mobile,
            bcc: recipient.bcc.unwrap_or_default(),
            language: recipient.language,
        }
    }
}
