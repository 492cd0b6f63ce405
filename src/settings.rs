// SPDX-License-Identifier: MPL-2.0
//! The operator's settings: environment variables, optionally a TOML file with the same names.
//!
//! Everything is read once, and refused as a whole with all its problems: a server that starts with
//! half of its settings misread would fail when a record depends on it.
//!
//! Each setting is declared once, in the table below: variable, meaning, type, default, example and checks.
//! The macro `settings!` makes the structs, their reading, `--help` and the table of the README from it. It
//! is a macro, because nothing else lets one doc comment be both documentation and help. `figment` merges
//! the sources. Each value is parsed by its type and checked with `validator`, one by one: `serde` would stop
//! at the first problem.
//!
//! - `variables`: the macro, and the table for people
//! - `sources`: environment, file and defaults
//! - `reader` and `problems`: the values, or all that is wrong with them
//! - `values`: the types of settings
//! - `checks`: what types do not check

use handlers::analytics;
use handlers::core_client::Credentials as SystemClient;
use handlers::delivery::encryption::Encryption;
use handlers::delivery::schedule::Schedule;
use handlers::hooks::rescue;
use handlers::hooks::verification::Actions;
use handlers::integrations::forward;
use handlers::integrations::portal;
use handlers::integrations::reference_data::ReferenceData;
use handlers::integrations::system_clients::Presets;
use handlers::notification::{Mailbox, SmtpSettings};
use opencrvs_toolkit::core_version::CoreVersion;
use rules::Diagnostic;
use rules::registration_number::NumberFormat;
use secrecy::SecretString;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;
use validator::Validate;

mod checks;
mod environment;
mod problems;
mod reader;
mod sources;
mod values;
mod variables;

use country::CountrySettings;
pub use country::WebUrl;
pub use problems::SettingsError;
use reader::Reader;
use sources::Given;
pub use values::{IdentityVerification, Infobip, LogFormat, NodeEnv, Redacted};
pub use variables::{Variable, markdown};
use variables::{always, differing, mandatory, optional, settings};

settings! {
    /// The settings of a running server.
    #[validate(schema(function = "checks::demo_stays_out_of_production"))]
    #[validate(schema(function = "checks::rescue_has_one_ledger"))]
    #[validate(schema(function = "checks::portals_have_a_client"))]
    #[validate(schema(function = "checks::offers_are_no_demo"))]
    #[validate(schema(function = "checks::signatures_are_no_demo"))]
    pub struct Settings;

    /// This server.
    server: Server {
        /// `production`, `development` or `test`; in production, settings without a production default are
        /// mandatory
        NODE_ENV => node_env: NodeEnv = always("development");
        /// address to listen on
        COUNTRY_CONFIG_HOST => host: IpAddr = always("0.0.0.0");
        /// port to listen on
        COUNTRY_CONFIG_PORT => port: u16 = always("3040");
        /// URL of this server for browsers
        COUNTRY_CONFIG_URL => url: WebUrl =
            mandatory("http://localhost:3040", "https://countryconfig.crvs.example");
        /// `true` enables demo features in production
        ALLOW_DEMO => allow_demo: bool = always("false");
        /// after SIGTERM, `/readyz` is 503 at once and requests are still accepted for this time, so that
        /// the cluster can redirect them
        SHUTDOWN_DELAY => shutdown_delay: Duration = always("5s");
    }

    /// Core, and this server as a client of it.
    #[validate(schema(function = "checks::system_client_is_complete"))]
    core: Core {
        /// version of core: `2.0`, `2.0.1` (also for later patches of 2.0), `2.1` or `2.2`; decides which
        /// configuration and routes are served and which tokens are required
        CORE_VERSION => version: CoreVersion = always("2.0");
        /// URL of core's auth service, which has the public key for tokens and issues the system client's
        /// tokens
        AUTH_URL => auth_url: WebUrl = mandatory("http://localhost:4040", "http://auth:4040");
        /// URL of core's gateway, where pending actions are rejected
        GATEWAY_URL => gateway_url: WebUrl = mandatory("http://localhost:7070", "http://gateway:7070");
        /// URL of core's events service inside the cluster, where the system clients of `integrations.toml`
        /// are created (core 2.0.1 and later)
        EVENTS_URL => events_url: WebUrl = differing("http://localhost:5555", "http://events:5555");
        /// credentials of system clients that other programs already have, separated by commas or lines:
        /// `NAME=ID:SECRET`, with the name in `integrations.toml`
        INTEGRATION_CREDENTIALS => integration_credentials: Option<Redacted<Presets>> =
            optional("MOSIP=9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b61:8f5c2f0e1d3b4c6a9e7d");
        /// account of this server in core, with `record.read`. With it, core is asked before irreversible
        /// data is sent, and expired tokens are renewed. From core 2.0.1 on it can stay empty: the server then
        /// uses the client of `integrations.toml`
        SYSTEM_CLIENT_ID => system_client_id: Option<String> =
            optional("9a8d3c51-6f0e-4b7e-a7a3-2f1d5c8e4b60");
        /// secret of the system client
        SYSTEM_CLIENT_SECRET => system_client_secret: Option<SecretString> =
            optional("8f5c2f0e-1d3b-4c6a-9e7d-0a1b2c3d4e5f");
    }

    /// The installation's pages in the browser.
    pages: Pages {
        /// URL of core's login page
        LOGIN_URL => login_url: WebUrl = mandatory("http://localhost:3020/", "https://login.crvs.example");
        /// URL of core's client
        CLIENT_APP_URL => client_app_url: WebUrl =
            mandatory("http://localhost:3000/", "https://register.crvs.example");
        /// domain of the installation; if it starts with `*`, pages of any origin may read the served files
        #[validate(custom(function = "checks::host_or_any"))]
        DOMAIN => domain: String = mandatory("*", "crvs.example");
        /// separator between the name of a service and `DOMAIN`
        SUBDOMAIN_SEPARATOR => subdomain_separator: String = always(".");
        /// base URL of the dashboards in `application.toml`
        METABASE_URL => metabase_url: WebUrl = Variable {
            example: "https://metabase.crvs.example",
            ..differing("http://localhost:4444", "https://metabase{SUBDOMAIN_SEPARATOR}{DOMAIN}")
        };
        /// Sentry DSN for the errors of core's pages
        SENTRY_DSN => sentry_dsn: Option<String> = optional("https://key@sentry.example/1");
    }

    /// eSignet, where people authenticate themselves.
    esignet: Esignet {
        /// URL of eSignet's login page, linked from the forms
        ESIGNET_REDIRECT_URL => redirect_url: WebUrl =
            mandatory("http://localhost:20260/authorize", "https://esignet.crvs.example/authorize");
        /// client id of this country at eSignet
        OPENID_PROVIDER_CLIENT_ID => client_id: String = mandatory("mock-client_id", "crvs-client");
        /// URL where the forms fetch the data of a person who has authenticated with eSignet
        MOSIP_API_USERINFO_URL => userinfo_url: WebUrl = mandatory(
            "http://localhost:2024/esignet/get-oidp-user-info",
            "https://mosip-api.crvs.example/esignet/get-oidp-user-info",
        );
    }

    /// Packets to the middleware of the national ID system.
    mosip: Mosip {
        /// URL of mosip-api, the middleware of the national ID system
        MOSIP_INTEROP_URL => interop_url: WebUrl =
            differing("http://localhost:2024", "http://mosip-api:2024");
        /// timeout of one packet to the middleware, which waits for MOSIP; after a timeout the outcome is
        /// unknown
        #[validate(custom(function = "checks::sensible_timeout"))]
        MOSIP_TIMEOUT => timeout: Duration = always("2m");
        /// minimum wait after a 500 of the middleware; then core is asked, and the packet is sent with
        /// another number
        MOSIP_RETRY_AFTER_500 => retry_after_500: Duration = always("10m");
        /// time during which core is asked about a packet with an unknown outcome; then the packet is parked
        /// for an operator
        MOSIP_UNKNOWN_FOR => unknown_for: Duration = always("72h");
    }

    /// The answers to hooks.
    hooks: Hooks {
        /// `true` switches off identity verification, unless `IDENTITY_VERIFICATION` is set
        NO_MOSIP => no_mosip: bool = differing("true", "false");
        /// `id-auth` verifies identities with the middleware, `off` does not change their statuses,
        /// `assume-verified` is for demonstrations only
        IDENTITY_VERIFICATION => identity_verification: IdentityVerification = optional("id-auth");
        /// actions on which identities are verified, separated by commas
        VERIFY_ON => verify_on: Actions = always("NOTIFY,DECLARE,EDIT,REQUEST_CORRECTION");
        /// format of registration numbers: `#` is a random digit or capital letter, `%` a random digit, any
        /// other character itself
        REGISTRATION_NUMBER_FORMAT => registration_number_format: NumberFormat = always("############");
    }

    /// The country's files.
    country_files: CountryFiles {
        /// folder of the country's files, instead of the built-in country; or several folders separated by
        /// `:`, where files in later folders replace those in earlier ones; `built-in` is the built-in
        /// country
        COUNTRY_DIR => dirs: Option<String> = optional("/etc/countryconfig/country");
        /// CSV file of the users for core's seeder, instead of the country's `users.csv`; in production,
        /// shared and well-known passwords are refused
        USERS_FILE => users: Option<PathBuf> = optional("/run/secrets/users.csv");
    }

    /// The mail server, and the addresses in e-mails.
    #[validate(schema(function = "checks::login_is_complete"))]
    #[validate(schema(function = "checks::sender_is_known"))]
    mail: Mail {
        /// mail server; without it no e-mails are sent, and in development they are logged without their
        /// content
        SMTP_HOST => host: Option<String> = optional("smtp.crvs.example");
        /// port of the mail server
        SMTP_PORT => port: u16 = always("587");
        /// user name at the mail server
        SMTP_USERNAME => username: Option<String> = optional("crvs");
        /// password at the mail server
        SMTP_PASSWORD => password: Option<SecretString> = optional("a-long-password");
        /// `true` uses TLS from the start of the connection (port 465); `false` uses STARTTLS if the server
        /// offers it
        SMTP_SECURE => implicit_tls: bool = always("false");
        /// `true` never sends without TLS, except to a mail server on this machine
        SMTP_REQUIRE_TLS => require_tls: bool = differing("false", "true");
        /// sender address of e-mails; mandatory with `SMTP_HOST`
        SENDER_EMAIL_ADDRESS => sender: Option<Mailbox> = optional("no-reply@crvs.example");
        /// recipient of the alerts of the cluster's monitoring; an address at example.com gets nothing
        ALERT_EMAIL => alert_address: String = always("alerts@example.com");
        /// bearer token for callers outside the cluster to `POST /email` and, with core 2.0, to
        /// `/triggers/user/…`
        EMAIL_ROUTE_TOKEN => route_token: Option<SecretString> = optional("kX3vQm8ZtRw2");
    }

    /// The SMS gateway.
    sms: Sms {
        /// URL of Infobip's SMS gateway; unused if `sms.toml` describes another gateway
        INFOBIP_GATEWAY_ENDPOINT => infobip: Option<Infobip> =
            optional("https://api.infobip.example/sms/2/text/advanced");
        /// API key at Infobip
        INFOBIP_API_KEY => infobip_key: Option<SecretString> = optional("a-long-key");
        /// sender of SMS
        INFOBIP_SENDER_ID => infobip_sender: Option<String> = optional("CRVS");
        /// secret of the SMS gateway in `sms.toml`, written there as `{{key}}`
        SMS_GATEWAY_KEY => gateway_key: Option<SecretString> = optional("another-long-key");
    }

    /// The rate limits of messages, where core sends no token.
    message_limits: MessageLimits {
        /// with core 2.0, messages per minute and recipient; more are answered 429
        MESSAGES_PER_RECIPIENT => per_recipient: NonZeroU32 = always("20");
        /// with core 2.0, messages per minute in total
        MESSAGES_PER_MINUTE => per_minute: NonZeroU32 = always("600");
    }

    /// The database of this server.
    ledger: Ledger {
        /// database for numbers, answers and pending deliveries (SQLite or PostgreSQL); the folder of an
        /// SQLite file is created
        #[validate(custom(function = "checks::ledger_url"))]
        LEDGER_URL => url: String = always("sqlite://data/countryconfig.db");
        /// encrypts the tokens and packets in the ledger, which are stored unencrypted without it: 32 bytes in
        /// base64 (`openssl rand -base64 32`); after a comma, further keys, used only to decrypt
        LEDGER_KEY => key: Option<Redacted<Encryption>> =
            optional("$(openssl rand -base64 32)");
        /// time after which delivered and refused packets are erased; numbers and answers are kept
        LEDGER_RETENTION => retention: Duration = always("30d");
    }

    /// The search for lost hooks.
    rescue: Rescue {
        /// records whose hook or answer was lost: `report` lists them, `on` decides them every 10 minutes,
        /// `off` does not search; needs `SYSTEM_CLIENT_ID`, and the scope `record.search` for core's search
        RESCUE => mode: rescue::Mode = always("report");
        /// minimum age of a pending action in core before its hook counts as lost
        RESCUE_AFTER => after: Duration = always("15m");
        /// PostgreSQL database of core, with a role that may only select from `app.events` and
        /// `app.event_actions`: the only complete list of pending actions
        RESCUE_DATABASE_URL => database_url: Option<Redacted<rescue::DatabaseUrl>> =
            optional("postgres://rescue:secret@postgres:5432/events");
        /// `true` states that no other server answers hooks of this core; `RESCUE=on` requires this, or a
        /// PostgreSQL ledger (`LEDGER_URL`) that all servers share
        SINGLE_SERVER => single_server: bool = always("false");
        /// file with the ids of hooks in progress, from which the hooks of a killed process are rescued; by
        /// default `unanswered-hooks.jsonl` beside the SQLite file, otherwise in `data`
        UNANSWERED_HOOKS_FILE => unanswered_file: Option<PathBuf> = optional("data/unanswered-hooks.jsonl");
    }

    /// The times of deliveries.
    delivery: Delivery {
        /// wait before the first attempt, so that core has stored our answer
        DELIVERY_DELAY => delay: Duration = always("2s");
        /// waits between attempts; after the last one the delivery is parked for an operator
        DELIVERY_RETRY_SCHEDULE => retry_schedule: Schedule =
            always("5s,1m,5m,30m,2h,6h,12h,24h,24h,24h,24h");
    }

    /// The databases for dashboards.
    analytics: Analytics {
        /// PostgreSQL database whose table `reference_data.icd10` is synchronised with
        /// `causes-of-death.csv`, for dashboards
        REFERENCE_DATA_DATABASE_URL => reference_data_url: Option<Redacted<ReferenceData>> =
            optional("postgres://events_reference_data:password@postgres:5432/events");
        /// PostgreSQL database for dashboards; accepted actions are counted in its schema `analytics`
        ANALYTICS_DATABASE_URL => database_url: Option<Redacted<analytics::Url>> =
            optional("postgres://events_analytics:password@postgres:5432/events");
    }

    /// The systems that are notified of accepted actions.
    forwarding: Forwarding {
        /// URLs, separated by commas, that get every event with its accepted action
        FORWARD_ACTIONS_TO => urls: Vec<WebUrl> = optional("https://statistics.example/events");
        /// secret that signs forwarded events by the Standard Webhooks convention: `whsec_` and 24 to 64
        /// bytes in base64
        FORWARD_SECRET => secret: Option<Redacted<forward::Secret>> =
            optional("whsec_$(openssl rand -base64 32)");
    }

    /// The API for portals.
    portal: Portal {
        /// portals that may act as the system client, separated by commas: for each, its name, a colon and
        /// the SHA-256 of its token in hexadecimal; enables `/api`
        PORTAL_TOKENS => tokens: Option<Redacted<portal::Tokens>> =
            optional("health:$(printf %s \"$TOKEN\" | sha256sum | cut -c1-64)");
        /// operations that portals may call; `read`, `search` and `correct` can be added
        PORTAL_OPERATIONS => operations: portal::Operations =
            always("config,locations,create,notify,upload");
    }

    /// The issuers of verifiable credentials.
    credentials: Credentials {
        /// URL of the issuer of credential offers for wallets
        VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL => offer_url: Option<WebUrl> =
            optional("https://issuer.crvs.example/openid4vc/sdjwt/issue");
        /// URL of the issuer that signs the credentials printed on certificates
        VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL => sign_url: Option<WebUrl> =
            optional("https://issuer.crvs.example/raw/jwt/sign");
        /// this server's bearer token at the issuer
        VERIFIABLE_CREDENTIALS_ISSUER_TOKEN => issuer_token: Option<SecretString> =
            optional("of-this-server-at-the-issuer");
    }

    /// The forwarding of core's telemetry.
    telemetry: Telemetry {
        /// URL that gets the figures that core 2.1 reports about itself once a day; without it, and outside
        /// production, they are dropped
        TELEMETRY_URL => url: Option<WebUrl> = optional("https://status.opencrvs.org/v1/telemetry");
        /// organisation that runs the installation, sent with core's figures
        ORGANISATION => organisation: Option<String> = optional("Ministry of the Interior");
        /// name of the installation, sent with core's figures
        ENVIRONMENT_NAME => environment_name: Option<String> = optional("production");
    }

    /// The log.
    log: Log {
        /// `json` or `text`
        LOG_FORMAT => format: LogFormat = differing("text", "json");
        /// `error`, `warn`, `info` or `debug`, or per module: `info,handlers=debug`; third-party libraries
        /// never log below `info`, since that could expose personal data
        #[validate(custom(function = "checks::log_levels"))]
        LOG_LEVEL => level: String = always("info,poem=warn");
    }
}

impl Settings {
    /// Reads the environment over an optional TOML file over the defaults.
    ///
    /// # Errors
    /// All problems at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let mut problems = Vec::new();
        let (environment, unknown) = Given::environment(environment, &mut problems);
        let file = file.map_or_else(Given::default, |path| Given::file(path, &mut problems));
        let mut reader = Reader::new(sources::merged(file, environment), problems);
        let settings = Self::read(&mut reader, unknown);
        reader.finish(settings)
    }

    /// The settings that the country's files depend on.
    pub fn country(&self) -> CountrySettings {
        CountrySettings {
            country_dir: self.country_files.dirs.clone(),
            core_version: self.core.version,
            users_file: self.country_files.users.clone(),
            holds_real_records: self.server.holds_real_records(),
            country_config_url: self.server.url.clone(),
            login_url: self.pages.login_url.clone(),
            client_app_url: self.pages.client_app_url.clone(),
            esignet_redirect_url: self.esignet.redirect_url.clone(),
            openid_provider_client_id: self.esignet.client_id.clone(),
            mosip_api_userinfo_url: self.esignet.userinfo_url.clone(),
            metabase_url: self.pages.metabase_url.clone(),
            sentry_dsn: self.pages.sentry_dsn.clone(),
            credential_offers: self.credentials.offer_url.is_some(),
            paper_credentials: self.credentials.sign_url.is_some(),
        }
    }
}

impl Server {
    /// Checks whether this is a production server.
    pub fn is_production(&self) -> bool {
        self.node_env == NodeEnv::Production
    }

    /// Checks whether this server holds real people's records; demo features are then off.
    pub fn holds_real_records(&self) -> bool {
        self.is_production() && !self.allow_demo
    }

    /// The address to listen on.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Core {
    /// This server as a client of core.
    pub fn system_client(&self) -> Option<SystemClient> {
        Some(SystemClient {
            id: self.system_client_id.clone()?,
            secret: self.system_client_secret.clone()?,
        })
    }
}

impl Pages {
    /// The origins of core's pages that may read answers; `None` if any page may. A browser sends an origin
    /// without a slash at its end.
    pub fn origins(&self) -> Option<Vec<String>> {
        let pages = [&self.login_url, &self.client_app_url];
        let origin = |url: &WebUrl| reqwest::Url::parse(url.as_str()).ok();
        let known = pages.into_iter().filter_map(origin);
        let origins = known.map(|url| url.origin().ascii_serialization());
        (!self.domain.starts_with('*')).then(|| origins.collect())
    }
}

impl Mail {
    /// The mail server, if there is one.
    pub fn smtp(&self) -> Option<SmtpSettings> {
        Some(SmtpSettings {
            host: self.host.clone()?,
            port: self.port,
            credentials: self.username.clone().zip(self.password.clone()),
            implicit_tls: self.implicit_tls,
            require_tls: self.require_tls,
            sender: self.sender.clone()?,
        })
    }
}

impl Ledger {
    /// The encryption of the ledger; without a key nothing is encrypted.
    pub fn encryption(&self) -> Encryption {
        let keys = self.key.as_ref().map(Redacted::expose);
        keys.cloned().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
