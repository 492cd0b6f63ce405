// SPDX-License-Identifier: MPL-2.0
//! Every variable that the server reads: the one table behind settings, `--help` and the README.

/// An environment variable.
pub struct Variable {
    /// Its name; a `--config` file has the same in small letters.
    pub name: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// A value that works.
    pub example: &'static str,
    /// Default while `NODE_ENV` is not `production`.
    pub development: Option<&'static str>,
    /// Default in production; `None` makes it mandatory there unless it may be left out altogether.
    pub production: Option<&'static str>,
}

/// Same value everywhere.
const fn always(name: &'static str, default: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        example: default,
        development: Some(default),
        production: Some(default),
    }
}

/// A default for development; mandatory in production.
const fn mandatory(
    name: &'static str,
    development: &'static str,
    example: &'static str,
    meaning: &'static str,
) -> Variable {
    Variable {
        name,
        meaning,
        example,
        development: Some(development),
        production: None,
    }
}

/// May be left out.
const fn optional(name: &'static str, example: &'static str, meaning: &'static str) -> Variable {
    Variable {
        name,
        meaning,
        example,
        development: None,
        production: None,
    }
}

/// All variables, in the order in which people look for them.
pub const VARIABLES: &[Variable] = &[
    always(
        "NODE_ENV",
        "development",
        "`production`, `development` or `test`; in production, settings without a production default are mandatory",
    ),
    always(
        "CORE_VERSION",
        "2.0",
        "version of core: `2.0`, `2.0.1` (also for later patches of 2.0), `2.1` or `2.2`; decides which configuration and routes are served and which tokens are required",
    ),
    always("COUNTRY_CONFIG_HOST", "0.0.0.0", "address to listen on"),
    always("COUNTRY_CONFIG_PORT", "3040", "port to listen on"),
    mandatory(
        "COUNTRY_CONFIG_URL",
        "http://localhost:3040",
        "https://countryconfig.crvs.example",
        "URL of this server for browsers",
    ),
    mandatory(
        "AUTH_URL",
        "http://localhost:4040",
        "http://auth:4040",
        "URL of core's auth service, which has the public key for tokens and issues the system client's tokens",
    ),
    mandatory(
        "GATEWAY_URL",
        "http://localhost:7070",
        "http://gateway:7070",
        "URL of core's gateway, where pending actions are rejected",
    ),
    Variable {
        name: "EVENTS_URL",
        meaning: "URL of core's events service inside the cluster, where the system clients of `integrations.toml` are created (core 2.0.1 and later)",
        example: "http://events:5555",
        development: Some("http://localhost:5555"),
        production: Some("http://events:5555"),
    },
    optional(
        "INTEGRATION_CREDENTIALS",
        "MOSIP=9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61:8f5c2f0e1d3b4c6a9e7d",
        "credentials of system clients that other programs already have, separated by commas or lines: `NAME=ID:SECRET`, with the name in `integrations.toml`",
    ),
    optional(
        "SYSTEM_CLIENT_ID",
        "9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b60",
        "id of this server's system client in core, with `record.read`: core is asked whether an action was accepted before irreversible data is sent, and expired tokens are renewed; from core 2.0.1 on, if it is not set, the client of `integrations.toml` is used",
    ),
    optional(
        "SYSTEM_CLIENT_SECRET",
        "8f5c2f0e-1d3b-4c6a-9e7d-0a1b2c3d4e5f",
        "secret of the system client",
    ),
    mandatory(
        "LOGIN_URL",
        "http://localhost:3020/",
        "https://login.crvs.example",
        "URL of core's login page",
    ),
    mandatory(
        "CLIENT_APP_URL",
        "http://localhost:3000/",
        "https://register.crvs.example",
        "URL of core's client",
    ),
    mandatory(
        "DOMAIN",
        "*",
        "crvs.example",
        "domain of the installation; if it starts with `*`, pages of any origin may read the served files",
    ),
    mandatory(
        "ESIGNET_REDIRECT_URL",
        "http://localhost:20260/authorize",
        "https://esignet.crvs.example/authorize",
        "URL of eSignet's login page, linked from the forms",
    ),
    mandatory(
        "OPENID_PROVIDER_CLIENT_ID",
        "mock-client_id",
        "crvs-client",
        "client id of this country at eSignet",
    ),
    mandatory(
        "MOSIP_API_USERINFO_URL",
        "http://localhost:2024/esignet/get-oidp-user-info",
        "https://mosip-api.crvs.example/esignet/get-oidp-user-info",
        "URL where the forms fetch the data of a person who has authenticated with eSignet",
    ),
    Variable {
        name: "MOSIP_INTEROP_URL",
        meaning: "URL of mosip-api, the middleware of the national ID system",
        example: "http://mosip-api:2024",
        development: Some("http://localhost:2024"),
        production: Some("http://mosip-api:2024"),
    },
    always(
        "MOSIP_TIMEOUT",
        "2m",
        "timeout of one packet to the middleware, which waits for MOSIP; after a timeout the outcome is unknown",
    ),
    always(
        "MOSIP_RETRY_AFTER_500",
        "10m",
        "minimum wait after a 500 of the middleware; then core is asked, and the packet is sent with another number",
    ),
    always(
        "MOSIP_UNKNOWN_FOR",
        "72h",
        "time during which core is asked about a packet with an unknown outcome; then the packet is parked for an operator",
    ),
    Variable {
        name: "NO_MOSIP",
        meaning: "`true` switches off identity verification, unless IDENTITY_VERIFICATION is set",
        example: "false",
        development: Some("true"),
        production: Some("false"),
    },
    optional(
        "IDENTITY_VERIFICATION",
        "id-auth",
        "`id-auth` verifies identities with the middleware, `off` does not change their statuses, `assume-verified` is for demonstrations only",
    ),
    always(
        "VERIFY_ON",
        "NOTIFY,DECLARE,EDIT,REQUEST_CORRECTION",
        "actions on which identities are verified, separated by commas",
    ),
    always(
        "ALLOW_DEMO",
        "false",
        "`true` enables demo features in production",
    ),
    optional(
        "COUNTRY_DIR",
        "/etc/countryconfig/country",
        "folder of the country's files, instead of the built-in country; or several folders separated by `:`, where files in later folders replace those in earlier ones; `built-in` is the built-in country",
    ),
    optional(
        "USERS_FILE",
        "/run/secrets/users.csv",
        "CSV file of the users for core's seeder, instead of the country's `users.csv`; in production, shared and well-known passwords are refused",
    ),
    Variable {
        name: "METABASE_URL",
        meaning: "base URL of the dashboards in `application.toml`",
        example: "https://metabase.crvs.example",
        development: Some("http://localhost:4444"),
        production: Some("https://metabase{SUBDOMAIN_SEPARATOR}{DOMAIN}"),
    },
    always(
        "SUBDOMAIN_SEPARATOR",
        ".",
        "separator between the name of a service and DOMAIN",
    ),
    optional(
        "SENTRY_DSN",
        "https://key@sentry.example/1",
        "Sentry DSN for the errors of core's pages",
    ),
    optional(
        "SMTP_HOST",
        "smtp.crvs.example",
        "mail server; without it no e-mails are sent, and in development they are logged without their content",
    ),
    always("SMTP_PORT", "587", "port of the mail server"),
    optional("SMTP_USERNAME", "crvs", "user name at the mail server"),
    optional(
        "SMTP_PASSWORD",
        "a-long-password",
        "password at the mail server",
    ),
    always(
        "SMTP_SECURE",
        "false",
        "`true` uses TLS from the start of the connection (port 465); `false` uses STARTTLS if the server offers it",
    ),
    Variable {
        name: "SMTP_REQUIRE_TLS",
        meaning: "`true` never sends without TLS, except to a mail server on this machine",
        example: "true",
        development: Some("false"),
        production: Some("true"),
    },
    optional(
        "SENDER_EMAIL_ADDRESS",
        "no-reply@crvs.example",
        "sender address of e-mails; mandatory with SMTP_HOST",
    ),
    always(
        "ALERT_EMAIL",
        "alerts@example.com",
        "recipient of the alerts of the cluster's monitoring; an address at example.com gets nothing",
    ),
    optional(
        "EMAIL_ROUTE_TOKEN",
        "kX3vQm8ZtRw2",
        "bearer token for callers outside the cluster to `POST /email` and, with core 2.0, to `/triggers/user/…`",
    ),
    optional(
        "INFOBIP_GATEWAY_ENDPOINT",
        "https://api.infobip.example/sms/2/text/advanced",
        "URL of Infobip's SMS gateway; unused if `sms.toml` describes another gateway",
    ),
    optional("INFOBIP_API_KEY", "a-long-key", "API key at Infobip"),
    optional("INFOBIP_SENDER_ID", "CRVS", "sender of SMS"),
    optional(
        "SMS_GATEWAY_KEY",
        "another-long-key",
        "secret of the SMS gateway in `sms.toml`, written there as `{{key}}`",
    ),
    always(
        "MESSAGES_PER_RECIPIENT",
        "20",
        "with core 2.0, messages per minute and recipient; more are answered 429",
    ),
    always(
        "MESSAGES_PER_MINUTE",
        "600",
        "with core 2.0, messages per minute in total",
    ),
    always(
        "LEDGER_URL",
        "sqlite://data/countryconfig.db",
        "database for numbers, answers and pending deliveries (SQLite or PostgreSQL); the folder of an SQLite file is created",
    ),
    optional(
        "LEDGER_KEY",
        "uV3s1Nq5xqf0o1rXyq7v0b2mZc8J4wP6kT9eLhGaDQE=",
        "encrypts the tokens and packets in the ledger: 32 bytes in base64 (`openssl rand -base64 32`); after a comma, further keys, used only to decrypt",
    ),
    always(
        "LEDGER_RETENTION",
        "30d",
        "time after which delivered and refused packets are erased; numbers and answers are kept",
    ),
    always(
        "RESCUE",
        "report",
        "records whose hook or answer was lost: `report` lists them, `on` decides them every 10 minutes, `off` does not search; needs SYSTEM_CLIENT_ID, and the scope `record.search` for core's search",
    ),
    always(
        "RESCUE_AFTER",
        "15m",
        "minimum age of a pending action in core before its hook counts as lost",
    ),
    optional(
        "RESCUE_DATABASE_URL",
        "postgres://rescue:secret@postgres:5432/events",
        "PostgreSQL database of core, with a role that may only select from `app.events` and `app.event_actions`: the only complete list of pending actions",
    ),
    always(
        "SINGLE_SERVER",
        "false",
        "`true` states that no other server answers hooks of this core; RESCUE=on requires this, or a PostgreSQL ledger (LEDGER_URL) that all servers share",
    ),
    optional(
        "UNANSWERED_HOOKS_FILE",
        "data/unanswered-hooks.jsonl",
        "file with the ids of hooks in progress, from which the hooks of a killed process are rescued; by default `unanswered-hooks.jsonl` beside the SQLite file, otherwise in `data`",
    ),
    always(
        "SHUTDOWN_DELAY",
        "5s",
        "after SIGTERM, `/readyz` is 503 at once and requests are still accepted for this time, so that the cluster can redirect them",
    ),
    always(
        "DELIVERY_DELAY",
        "2s",
        "wait before the first attempt, so that core has stored our answer",
    ),
    always(
        "DELIVERY_RETRY_SCHEDULE",
        "5s,1m,5m,30m,2h,6h,12h,24h,24h,24h,24h",
        "waits between attempts; after the last one the delivery is parked for an operator",
    ),
    optional(
        "REFERENCE_DATA_DATABASE_URL",
        "postgres://events_reference_data:password@postgres:5432/events",
        "PostgreSQL database whose table `reference_data.icd10` is synchronised with `causes-of-death.csv`, for dashboards",
    ),
    optional(
        "FORWARD_ACTIONS_TO",
        "https://statistics.example/events",
        "URLs, separated by commas, that get every event with its accepted action",
    ),
    optional(
        "FORWARD_SECRET",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "secret that signs forwarded events by the Standard Webhooks convention: `whsec_` and 24 to 64 bytes in base64",
    ),
    optional(
        "ANALYTICS_DATABASE_URL",
        "postgres://events_analytics:password@postgres:5432/events",
        "PostgreSQL database for dashboards; accepted actions are counted in its schema `analytics`",
    ),
    optional(
        "PORTAL_TOKENS",
        "health:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        "portals that may act as the system client, separated by commas: for each, its name, a colon and the SHA-256 of its token in hexadecimal; enables `/api`",
    ),
    always(
        "PORTAL_OPERATIONS",
        "config,locations,create,notify,upload",
        "operations that portals may call; `read`, `search` and `correct` can be added",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL",
        "https://issuer.crvs.example/openid4vc/sdjwt/issue",
        "URL of the issuer of credential offers for wallets",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
        "https://issuer.crvs.example/raw/jwt/sign",
        "URL of the issuer that signs the credentials printed on certificates",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_ISSUER_TOKEN",
        "of-this-server-at-the-issuer",
        "this server's bearer token at the issuer",
    ),
    optional(
        "TELEMETRY_URL",
        "https://status.opencrvs.org/v1/telemetry",
        "URL that gets the figures that core 2.1 reports about itself once a day; without it, and outside production, they are dropped",
    ),
    optional(
        "ORGANISATION",
        "Ministry of the Interior",
        "organisation that runs the installation, sent with core's figures",
    ),
    optional(
        "ENVIRONMENT_NAME",
        "production",
        "name of the installation, sent with core's figures",
    ),
    always(
        "REGISTRATION_NUMBER_FORMAT",
        "############",
        "format of registration numbers: `#` is a random digit or capital letter, `%` a random digit, any other character itself",
    ),
    Variable {
        name: "LOG_FORMAT",
        meaning: "`json` or `text`",
        example: "json",
        development: Some("text"),
        production: Some("json"),
    },
    always(
        "LOG_LEVEL",
        "info,poem=warn",
        "`error`, `warn`, `info` or `debug`, or per module: `info,handlers=debug`; third-party libraries never log below `info`, since that could expose personal data",
    ),
];

impl Variable {
    /// Its default in words.
    pub fn default_in_words(&self) -> String {
        match (self.development, self.production) {
            (Some(both), Some(same)) if both == same => format!("`{both}`"),
            (Some(development), Some(production)) => {
                format!("`{development}`, in production `{production}`")
            }
            (Some(development), None) => format!("`{development}`; must be set in production"),
            (None, _) => "none; may be left out".to_owned(),
        }
    }
}

/// The table of the README.
pub fn markdown() -> String {
    let mut table = "| variable | meaning | default |\n| --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let (name, meaning) = (variable.name, variable.meaning);
        table += &format!(
            "| `{name}` | {meaning} | {} |\n",
            variable.default_in_words()
        );
    }
    table
}

/// The example of a variable; empty for an unknown name.
pub(super) fn example(name: &str) -> &'static str {
    VARIABLES
        .iter()
        .find(|v| v.name == name)
        .map_or("", |v| v.example)
}
