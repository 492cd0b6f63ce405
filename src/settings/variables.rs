// SPDX-License-Identifier: MPL-2.0
//! Every variable that the server reads: the one table behind settings, `--help` and the README.

/// An environment variable.
pub struct Variable {
    /// Its name; a `--config` file has the same in small letters.
    pub name: &'static str,
    /// What it stands for.
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

/// A default for development; production must say it.
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

/// All of them, in the order in which people look for them.
pub const VARIABLES: &[Variable] = &[
    always(
        "NODE_ENV",
        "development",
        "`production`, `development` or `test`; production makes the settings below mandatory that have no default there",
    ),
    always(
        "CORE_VERSION",
        "2.0",
        "version of core: `2.0`, `2.0.1` (also for later patches of 2.0), `2.1` or `2.2`; decides what is served, which routes exist and which tokens are asked for",
    ),
    always("COUNTRY_CONFIG_HOST", "0.0.0.0", "address to listen on"),
    always("COUNTRY_CONFIG_PORT", "3040", "port to listen on"),
    mandatory(
        "COUNTRY_CONFIG_URL",
        "http://localhost:3040",
        "https://countryconfig.crvs.example",
        "where browsers reach this server",
    ),
    mandatory(
        "AUTH_URL",
        "http://localhost:4040",
        "http://auth:4040",
        "core's auth service: its public key checks tokens, and it gives the system client its own",
    ),
    mandatory(
        "GATEWAY_URL",
        "http://localhost:7070",
        "http://gateway:7070",
        "core's gateway, where waiting actions are rejected",
    ),
    Variable {
        name: "EVENTS_URL",
        meaning: "core's events service inside the cluster, where the system clients of `integrations.toml` are created (core 2.0.1 and later)",
        example: "http://events:5555",
        development: Some("http://localhost:5555"),
        production: Some("http://events:5555"),
    },
    optional(
        "INTEGRATION_CREDENTIALS",
        "MOSIP=9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61:8f5c2f0e1d3b4c6a9e7d",
        "client id and secret of system clients that other programs know already, one a line or with commas between them: `NAME=ID:SECRET`, with the name of `integrations.toml`",
    ),
    optional(
        "SYSTEM_CLIENT_ID",
        "9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b60",
        "this server as a system client of core, with `record.read`; from core 2.0.1 on made by itself where it is not set: asks core whether an action was accepted before what cannot be taken back leaves, and renews expired tokens",
    ),
    optional(
        "SYSTEM_CLIENT_SECRET",
        "8f5c2f0e-1d3b-4c6a-9e7d-0a1b2c3d4e5f",
        "the secret of that client",
    ),
    mandatory(
        "LOGIN_URL",
        "http://localhost:3020/",
        "https://login.crvs.example",
        "core's login page",
    ),
    mandatory(
        "CLIENT_APP_URL",
        "http://localhost:3000/",
        "https://register.crvs.example",
        "core's client",
    ),
    mandatory(
        "DOMAIN",
        "*",
        "crvs.example",
        "domain of the installation; one that starts with `*` lets pages of any origin read what is served",
    ),
    mandatory(
        "ESIGNET_REDIRECT_URL",
        "http://localhost:20260/authorize",
        "https://esignet.crvs.example/authorize",
        "E-Signet's login page, linked from the forms",
    ),
    mandatory(
        "OPENID_PROVIDER_CLIENT_ID",
        "mock-client_id",
        "crvs-client",
        "this country's client id at E-Signet",
    ),
    mandatory(
        "MOSIP_API_USERINFO_URL",
        "http://localhost:2024/esignet/get-oidp-user-info",
        "https://mosip-api.crvs.example/esignet/get-oidp-user-info",
        "where the forms fetch the data of a person whom E-Signet has authenticated",
    ),
    Variable {
        name: "MOSIP_INTEROP_URL",
        meaning: "mosip-api, the middleware of the national ID system",
        example: "http://mosip-api:2024",
        development: Some("http://localhost:2024"),
        production: Some("http://mosip-api:2024"),
    },
    always(
        "MOSIP_TIMEOUT",
        "2m",
        "longest time of one packet to the middleware, which waits for MOSIP; after it the outcome is unknown",
    ),
    always(
        "MOSIP_RETRY_AFTER_500",
        "10m",
        "shortest wait after a 500 of the middleware, before core is asked and the packet is sent with another number",
    ),
    always(
        "MOSIP_UNKNOWN_FOR",
        "72h",
        "how long core is asked about a packet with an unknown outcome before it is parked for an operator",
    ),
    Variable {
        name: "NO_MOSIP",
        meaning: "`true` switches identity verification off unless IDENTITY_VERIFICATION says otherwise",
        example: "false",
        development: Some("true"),
        production: Some("false"),
    },
    optional(
        "IDENTITY_VERIFICATION",
        "id-auth",
        "`id-auth` asks the middleware, `off` leaves identities as they are, `assume-verified` is for demonstrations",
    ),
    always(
        "VERIFY_ON",
        "NOTIFY,DECLARE,EDIT,REQUEST_CORRECTION",
        "the actions on which identities are verified",
    ),
    always(
        "ALLOW_DEMO",
        "false",
        "`true` lets production do what only a demonstration may",
    ),
    optional(
        "COUNTRY_DIR",
        "/etc/countryconfig/country",
        "a folder in place of the country that is built in, or several with `:` between them: a file of a later one stands in for that of an earlier; `built-in` is the one inside the program",
    ),
    optional(
        "USERS_FILE",
        "/run/secrets/users.csv",
        "the users that core's seeder takes, in place of the country's `users.csv`; in production those with shared or well-known passwords are not given away",
    ),
    Variable {
        name: "METABASE_URL",
        meaning: "where the dashboards of `application.toml` are shown",
        example: "https://metabase.crvs.example",
        development: Some("http://localhost:4444"),
        production: Some("https://metabase{SUBDOMAIN_SEPARATOR}{DOMAIN}"),
    },
    always(
        "SUBDOMAIN_SEPARATOR",
        ".",
        "stands between a service's name and DOMAIN",
    ),
    optional(
        "SENTRY_DSN",
        "https://key@sentry.example/1",
        "where core's pages report their errors",
    ),
    optional(
        "SMTP_HOST",
        "smtp.crvs.example",
        "mail server; without one nobody is told by e-mail, and in development the log says what would have gone",
    ),
    always("SMTP_PORT", "587", "its port"),
    optional("SMTP_USERNAME", "crvs", "login at the mail server"),
    optional("SMTP_PASSWORD", "a-long-password", "its password"),
    always(
        "SMTP_SECURE",
        "false",
        "`true` begins the connection with TLS (port 465); otherwise STARTTLS is used where it is offered",
    ),
    Variable {
        name: "SMTP_REQUIRE_TLS",
        meaning: "`true` sends nothing in the clear, except to a mail server on this machine",
        example: "true",
        development: Some("false"),
        production: Some("true"),
    },
    optional(
        "SENDER_EMAIL_ADDRESS",
        "no-reply@crvs.example",
        "who writes the e-mails; needed with SMTP_HOST",
    ),
    always(
        "ALERT_EMAIL",
        "alerts@example.com",
        "who gets the alerts of the cluster's monitoring; an address at example.com gets nothing",
    ),
    optional(
        "EMAIL_ROUTE_TOKEN",
        "kX3vQm8ZtRw2",
        "bearer token that lets callers from outside the cluster use `POST /email`, and on core 2.0 the user triggers",
    ),
    optional(
        "INFOBIP_GATEWAY_ENDPOINT",
        "https://api.infobip.example/sms/2/text/advanced",
        "SMS gateway of Infobip, where `sms.toml` describes no other",
    ),
    optional("INFOBIP_API_KEY", "a-long-key", "its key"),
    optional("INFOBIP_SENDER_ID", "CRVS", "sender that SMS show"),
    optional(
        "SMS_GATEWAY_KEY",
        "another-long-key",
        "the secret of a gateway that `sms.toml` describes: `{{key}}` there",
    ),
    always(
        "MESSAGES_PER_RECIPIENT",
        "20",
        "on core 2.0, so many messages in a minute to one recipient; more are answered 429",
    ),
    always(
        "MESSAGES_PER_MINUTE",
        "600",
        "on core 2.0, so many messages in a minute in all",
    ),
    always(
        "LEDGER_URL",
        "sqlite://data/countryconfig.db",
        "where promises are written down; the folder is made",
    ),
    optional(
        "LEDGER_KEY",
        "uV3s1Nq5xqf0o1rXyq7v0b2mZc8J4wP6kT9eLhGaDQE=",
        "seals the tokens and packets that wait in the ledger: 32 bytes in base64 (`openssl rand -base64 32`); after a comma, older keys that still open",
    ),
    always(
        "LEDGER_RETENTION",
        "30d",
        "packets that were delivered or refused are erased after this time; numbers and answers stay",
    ),
    always(
        "RESCUE",
        "report",
        "records whose hook or answer was lost: `report` says which there are, `on` ends them every 10 minutes, `off` does not look; needs SYSTEM_CLIENT_ID, to search `record.search` too",
    ),
    always(
        "RESCUE_AFTER",
        "15m",
        "what waits in core for less time may still be answered, and is left alone",
    ),
    optional(
        "RESCUE_DATABASE_URL",
        "postgres://rescue:secret@postgres:5432/events",
        "core's own database, with a role that may only select from `app.events` and `app.event_actions`: the one complete list of what waits",
    ),
    always(
        "SINGLE_SERVER",
        "false",
        "`true` says that no other server answers the hooks of this core: RESCUE=on needs that, or a LEDGER_URL of PostgreSQL that all of them share",
    ),
    optional(
        "UNANSWERED_HOOKS_FILE",
        "data/unanswered-hooks.jsonl",
        "the ids of the hooks under way: what a killed process leaves there is rescued; where it is not set, `unanswered-hooks.jsonl` beside the SQLite file, else in `data`",
    ),
    always(
        "SHUTDOWN_DELAY",
        "5s",
        "after SIGTERM, `/readyz` says no at once and requests are still accepted for this time: the cluster needs it to send them elsewhere",
    ),
    always(
        "DELIVERY_DELAY",
        "2s",
        "nothing leaves for the middleware before core had this time to store the answer",
    ),
    always(
        "DELIVERY_RETRY_SCHEDULE",
        "5s,1m,5m,30m,2h,6h,12h,24h,24h,24h,24h",
        "waits between attempts; after the last one an operator decides",
    ),
    optional(
        "REFERENCE_DATA_DATABASE_URL",
        "postgres://events_reference_data:password@postgres:5432/events",
        "PostgreSQL whose table `reference_data.icd10` is kept as `causes-of-death.csv` says, for dashboards",
    ),
    optional(
        "FORWARD_ACTIONS_TO",
        "https://statistics.example/events",
        "URLs with commas between them, each of which gets every event with its accepted action",
    ),
    optional(
        "FORWARD_SECRET",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "signs what is forwarded, after the Standard Webhooks convention: `whsec_` and 24 to 64 bytes in base64",
    ),
    optional(
        "ANALYTICS_DATABASE_URL",
        "postgres://events_analytics:password@postgres:5432/events",
        "PostgreSQL database in whose schema `analytics` every accepted action is counted, for dashboards",
    ),
    optional(
        "PORTAL_TOKENS",
        "health:2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b",
        "portals that may act through the system client: of each its name, a colon and the SHA-256 of its token in hexadecimal, with commas between them; opens `/api`",
    ),
    always(
        "PORTAL_OPERATIONS",
        "config,locations,create,notify,upload",
        "what portals may ask for; besides these `read`, `search` and `correct`",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL",
        "https://issuer.crvs.example/openid4vc/sdjwt/issue",
        "who makes offers of verifiable credentials for wallets",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL",
        "https://issuer.crvs.example/raw/jwt/sign",
        "who signs the credentials that are printed on certificates",
    ),
    optional(
        "VERIFIABLE_CREDENTIALS_ISSUER_TOKEN",
        "of-this-server-at-the-issuer",
        "this server's own credential at the issuer, sent as bearer token",
    ),
    optional(
        "TELEMETRY_URL",
        "https://status.opencrvs.org/v1/telemetry",
        "receiver of the figures that core 2.1 counts about itself once a day; where it is not set, and outside production, they go nowhere",
    ),
    optional(
        "ORGANISATION",
        "Ministry of the Interior",
        "who runs the installation: sent with core's figures",
    ),
    optional(
        "ENVIRONMENT_NAME",
        "production",
        "which installation this is: sent with core's figures",
    ),
    always(
        "REGISTRATION_NUMBER_FORMAT",
        "############",
        "`#` is a random digit or capital letter, `%` a random digit, anything else itself",
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
        "`error`, `warn`, `info`, `debug`, or by module: `info,handlers=debug`; libraries, which may write what they work on, are never heard below `info`",
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

/// The example of a variable; empty for a name that is none.
pub(super) fn example(name: &str) -> &'static str {
    VARIABLES
        .iter()
        .find(|v| v.name == name)
        .map_or("", |v| v.example)
}
