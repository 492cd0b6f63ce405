// SPDX-License-Identifier: MPL-2.0
//! The operator's settings: environment variables, optionally a TOML file with the same names.
//!
//! Everything is read once, and refused as a whole with all its problems: a server that starts with
//! half of its settings misread would fail when a record depends on it.

use figment::providers::{Format, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use handlers::analytics;
use handlers::core_client::Credentials;
use handlers::delivery::encryption::{Encryption, EncryptionError};
use handlers::delivery::ledger;
use handlers::delivery::schedule::{Schedule, duration};
use handlers::hooks::rescue;
use handlers::hooks::verification::Actions;
use handlers::integrations::forward;
use handlers::integrations::portal;
use handlers::integrations::reference_data::ReferenceData;
use handlers::integrations::system_clients;
use opencrvs_toolkit::core_version::CoreVersion;
use rules::Diagnostic;
use rules::registration_number::NumberFormat;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;
use validator::{Validate, ValidationError};

mod environment;
mod messages;
mod variables;

use country::CountrySettings;
pub use country::WebUrl;
pub use messages::Messages;
pub use variables::{VARIABLES, Variable, markdown};

/// The settings of a running server. Each field names the variable that sets it.
#[derive(Debug, Clone, Validate)]
#[validate(schema(
    function = "demo_stays_out_of_production",
    skip_on_field_errors = false
))]
pub struct Settings {
    /// `NODE_ENV` is `production`.
    pub production: bool,
    /// `CORE_VERSION`.
    pub core_version: CoreVersion,
    /// True if `CORE_VERSION` is set, and not the default.
    pub core_version_is_set: bool,
    /// `COUNTRY_CONFIG_HOST` and `COUNTRY_CONFIG_PORT`.
    pub listen: SocketAddr,
    /// `COUNTRY_CONFIG_URL`: URL of this server for browsers.
    pub country_config_url: WebUrl,
    /// `AUTH_URL`: core's auth service, whose key signs the tokens.
    pub auth_url: WebUrl,
    /// `GATEWAY_URL`: core's gateway.
    pub gateway_url: WebUrl,
    /// `EVENTS_URL`: core's events service, where system clients are made.
    pub events_url: WebUrl,
    /// `INTEGRATION_CREDENTIALS`: ids and secrets of system clients that are made beforehand.
    pub integration_credentials: Option<SecretString>,
    /// `SYSTEM_CLIENT_ID` and `SYSTEM_CLIENT_SECRET`: this server as a client of core.
    pub system_client: Option<Credentials>,
    /// `LOGIN_URL`: core's login page.
    pub login_url: WebUrl,
    /// `CLIENT_APP_URL`: core's client.
    pub client_app_url: WebUrl,
    /// `DOMAIN` of the installation, or `*`.
    pub domain: String,
    /// `ESIGNET_REDIRECT_URL`: the login page of eSignet, opened from the form.
    pub esignet_redirect_url: WebUrl,
    /// `OPENID_PROVIDER_CLIENT_ID`: this country's client id at eSignet.
    pub openid_provider_client_id: String,
    /// `MOSIP_API_USERINFO_URL`: the URL at which the form fetches an authenticated person's data.
    pub mosip_api_userinfo_url: WebUrl,
    /// `MOSIP_INTEROP_URL`: the middleware.
    pub mosip_interop_url: WebUrl,
    /// `MOSIP_TIMEOUT`: the longest that one call to the middleware may take.
    #[validate(custom(function = "a_sensible_timeout"))]
    pub mosip_timeout: Duration,
    /// `MOSIP_RETRY_AFTER_500`: the shortest wait after a 500 of the middleware.
    pub mosip_retry_after_500: Duration,
    /// `MOSIP_UNKNOWN_FOR`: the time for which core is asked about an unknown outcome.
    pub mosip_unknown_for: Duration,
    /// `RESCUE`: the handling of lost hooks.
    pub rescue: rescue::Mode,
    /// `RESCUE_AFTER`: actions that wait in core for less time may still be answered.
    pub rescue_after: Duration,
    /// Core's own database, to find them; read only.
    pub rescue_database_url: Option<SecretString>,
    /// The file for hooks without an answer; without a file they are kept in memory only.
    pub unanswered_file: Option<PathBuf>,
    /// Time for which requests are still accepted after SIGTERM.
    pub shutdown_delay: Duration,
    /// `IDENTITY_VERIFICATION`.
    pub identity_verification: IdentityVerification,
    /// `VERIFY_ON`: the actions on which identities are verified.
    pub verify_on: Actions,
    /// `ALLOW_DEMO`.
    pub allow_demo: bool,
    /// `COUNTRY_DIR`: folders in place of the embedded country.
    pub country_dir: Option<String>,
    /// `USERS_FILE`: the users to seed, in place of the country's `users.csv`.
    pub users_file: Option<PathBuf>,
    /// `METABASE_URL`: the URL of core's dashboards.
    pub metabase_url: WebUrl,
    /// `SENTRY_DSN`: the address to which browsers report their errors.
    pub sentry_dsn: Option<String>,
    /// The settings about messages.
    pub messages: Messages,
    /// `LEDGER_URL`.
    pub ledger_url: String,
    /// `LEDGER_KEY`.
    pub ledger_key: Option<SecretString>,
    /// `LEDGER_RETENTION`: completed deliveries are erased after this time.
    pub ledger_retention: Duration,
    /// `DELIVERY_DELAY`: the wait before the first attempt, so that core has stored our answer.
    pub delivery_delay: Duration,
    /// `DELIVERY_RETRY_SCHEDULE`.
    pub delivery_retry_schedule: Schedule,
    /// `REFERENCE_DATA_DATABASE_URL`: the database in which dashboards find the causes of death.
    pub reference_data_database_url: Option<SecretString>,
    /// `FORWARD_ACTIONS_TO`: the systems to be notified of every accepted action.
    pub forward_actions_to: Vec<WebUrl>,
    /// `FORWARD_SECRET`: signs these notifications.
    pub forward_secret: Option<SecretString>,
    /// `ANALYTICS_DATABASE_URL`: the database in which accepted actions are counted.
    pub analytics_database_url: Option<SecretString>,
    /// `PORTAL_TOKENS`: the portals that may act through the system client.
    pub portal_tokens: Option<SecretString>,
    /// `PORTAL_OPERATIONS`: the operations that portals may call.
    pub portal_operations: portal::Operations,
    /// `VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL`: the issuer that makes offers of credentials.
    pub credential_offer_url: Option<WebUrl>,
    /// `VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL`: the issuer that signs printed credentials.
    pub credential_sign_url: Option<WebUrl>,
    /// `VERIFIABLE_CREDENTIALS_ISSUER_TOKEN`: this server's own credential there.
    pub credential_issuer_token: Option<SecretString>,
    /// `TELEMETRY_URL`: the receiver of core's telemetry; nothing is sent if it is not set.
    pub telemetry_url: Option<WebUrl>,
    /// `ORGANISATION`: the operator of the installation, for telemetry.
    pub organisation: Option<String>,
    /// `ENVIRONMENT_NAME`: the name of the installation, for telemetry.
    pub environment_name: Option<String>,
    /// `REGISTRATION_NUMBER_FORMAT`.
    pub registration_number_format: NumberFormat,
    /// `LOG_FORMAT`.
    pub log_format: LogFormat,
    /// `LOG_LEVEL`, in the notation of `RUST_LOG`.
    pub log_level: String,
    /// Warnings about variables of the environment that look like settings and are not.
    pub unknown_variables: Vec<Diagnostic>,
}

/// The verification of the identities in a declaration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdentityVerification {
    /// Ask the middleware.
    IdAuth,
    /// Leave the status as it is.
    Off,
    /// Treat every identity as verified: demonstrations only.
    AssumeVerified,
}

impl FromStr for IdentityVerification {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        one_of(
            word,
            &[
                ("id-auth", Self::IdAuth),
                ("off", Self::Off),
                ("assume-verified", Self::AssumeVerified),
            ],
        )
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For reading in a terminal.
    Text,
}

impl FromStr for LogFormat {
    type Err = String;
    fn from_str(word: &str) -> Result<Self, String> {
        one_of(word, &[("json", Self::Json), ("text", Self::Text)])
    }
}

fn one_of<T: Copy>(word: &str, known: &[(&str, T)]) -> Result<T, String> {
    known
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, value)| *value)
        .ok_or_else(|| {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            format!("none of {}", names.join(", "))
        })
}

/// Checks whether `NODE_ENV` is `production`. Refuses unknown words: they would start a development server.
fn is_production(word: &str) -> Result<bool, String> {
    let known = [
        ("production", true),
        ("development", false),
        ("test", false),
    ];
    one_of(word, &known).map_err(|none| format!("`{word}` is {none}"))
}

/// The host of an installation, or `*`.
fn domain(text: &str) -> Result<String, String> {
    let is_host = |c: char| c.is_alphanumeric() || "-._:".contains(c);
    if text.starts_with('*') || text.chars().all(is_host) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{text}` is not a host name; leave out `https://` and what follows the host"
    ))
}

/// Checks a ledger URL. The password is not repeated.
fn ledger_url(url: &str) -> Result<String, String> {
    let checked = ledger::check_url(url).map_err(|error| error.to_string());
    checked.map(|()| url.to_owned())
}

/// Checks levels in the notation of `RUST_LOG`. There a word that is not a level is a module, and all
/// lines of that module are logged.
fn log_level(text: &str) -> Result<String, String> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    for directive in text.split(',') {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        if !LEVELS.contains(&level.to_lowercase().as_str()) {
            let known = LEVELS.map(|level| format!("`{level}`")).join(", ");
            return Err(format!("`{level}` is none of the levels {known}"));
        }
    }
    let filter = tracing_subscriber::EnvFilter::try_new(text);
    filter.map_err(|error| format!("`{text}`: {error}"))?;
    Ok(text.to_owned())
}

fn a_sensible_timeout(timeout: &Duration) -> Result<(), ValidationError> {
    if (Duration::from_secs(1)..=Duration::from_mins(5)).contains(timeout) {
        return Ok(());
    }
    Err(ValidationError::new("MOSIP_TIMEOUT").with_message("lies outside 1 s to 5 min".into()))
}

fn demo_stays_out_of_production(settings: &Settings) -> Result<(), ValidationError> {
    if settings.production
        && !settings.allow_demo
        && settings.identity_verification == IdentityVerification::AssumeVerified
    {
        let why = "`assume-verified` declares every typed identity verified; in production it needs ALLOW_DEMO=true";
        return Err(ValidationError::new("IDENTITY_VERIFICATION").with_message(why.into()));
    }
    Ok(())
}

/// All problems of the settings.
#[derive(Debug)]
pub struct SettingsError(Vec<Problem>);

#[derive(Debug)]
struct Problem {
    name: String,
    what: String,
    example: Option<&'static str>,
}

impl std::error::Error for SettingsError {}

impl Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let n = self.0.len();
        writeln!(
            f,
            "{n} setting{} cannot be used",
            if n == 1 { "" } else { "s" }
        )?;
        for problem in &self.0 {
            write!(f, "  {}: {}", problem.name, problem.what)?;
            match problem.example {
                Some(example) => writeln!(f, "\n      for example {}={example}", problem.name)?,
                None => writeln!(f)?,
            }
        }
        write!(
            f,
            "Set them in the environment, or in a TOML file named with --config."
        )
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
        let (mut environment, unknown) = Given::environment(environment, &mut problems);
        let mut file = file.map_or_else(Given::default, |path| Given::file(path, &mut problems));
        let production = environment
            .get("NODE_ENV")
            .or(file.get("NODE_ENV"))
            .is_some_and(|name| name == "production");
        let mut empty = std::mem::take(&mut file.empty);
        empty.append(&mut environment.empty);
        let figment = Figment::from(Given::defaults(production))
            .merge(file)
            .merge(environment);
        let mut reader = Reader {
            figment,
            empty,
            problems,
        };
        let settings = reader.settings(unknown);
        if let Err(errors) = settings.validate() {
            for error in errors.field_errors().into_values().flatten() {
                reader.problem(&error.code, error.message.as_deref().unwrap_or_default());
            }
        }
        if reader.problems.is_empty() {
            Ok(settings)
        } else {
            Err(SettingsError(reader.problems))
        }
    }

    /// The origins of core's pages that may read answers; `None` if any page may. A browser sends an origin
    /// without a slash at its end.
    pub fn origins(&self) -> Option<Vec<String>> {
        let pages = [&self.login_url, &self.client_app_url];
        let origin = |url: &WebUrl| reqwest::Url::parse(url.as_str()).ok();
        let known = pages.into_iter().filter_map(origin);
        let origins = known.map(|url| url.origin().ascii_serialization());
        (!self.domain.starts_with('*')).then(|| origins.collect())
    }

    /// The settings that the country's files depend on.
    pub fn country(&self) -> CountrySettings {
        CountrySettings {
            country_dir: self.country_dir.clone(),
            core_version: self.core_version,
            users_file: self.users_file.clone(),
            holds_real_records: self.holds_real_records(),
            country_config_url: self.country_config_url.clone(),
            login_url: self.login_url.clone(),
            client_app_url: self.client_app_url.clone(),
            esignet_redirect_url: self.esignet_redirect_url.clone(),
            openid_provider_client_id: self.openid_provider_client_id.clone(),
            mosip_api_userinfo_url: self.mosip_api_userinfo_url.clone(),
            metabase_url: self.metabase_url.clone(),
            sentry_dsn: self.sentry_dsn.clone(),
            credential_offers: self.credential_offer_url.is_some(),
            paper_credentials: self.credential_sign_url.is_some(),
        }
    }

    /// Checks whether this server holds real people's records; demo features are then off.
    pub fn holds_real_records(&self) -> bool {
        self.production && !self.allow_demo
    }

    /// The encryption of the ledger; without a key nothing is encrypted.
    ///
    /// # Errors
    /// Only errors that reading the settings has already reported.
    pub fn encryption(&self) -> Result<Encryption, EncryptionError> {
        self.ledger_key.as_ref().map_or_else(
            || Ok(Encryption::default()),
            |keys| keys.expose_secret().parse(),
        )
    }
}

/// The name of the source of default values.
const DEFAULTS: &str = "defaults";

/// Values of one source, by the name of the variable.
#[derive(Default, Clone)]
struct Given {
    source: String,
    values: Dict,
    /// Set to the empty text, which counts as not set.
    empty: BTreeSet<String>,
}

impl Given {
    fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).and_then(Value::as_str)
    }

    fn defaults(production: bool) -> Self {
        let default = |v: &Variable| {
            Some((
                v.name.to_owned(),
                Value::from(if production {
                    v.production?
                } else {
                    v.development?
                }),
            ))
        };
        Self {
            source: DEFAULTS.into(),
            values: VARIABLES.iter().filter_map(default).collect(),
            empty: BTreeSet::new(),
        }
    }

    /// An empty variable counts as not set. `NAME_FILE` names a file that holds the value of `NAME`.
    /// Variables that look like settings and are not are returned as warnings.
    fn environment(
        variables: impl Iterator<Item = (String, String)>,
        problems: &mut Vec<Problem>,
    ) -> (Self, Vec<Diagnostic>) {
        let (mut values, mut empty, mut unknown) = (Dict::new(), BTreeSet::new(), Vec::new());
        for (name, value) in variables {
            if environment::is_of_kubernetes(&name, &value) {
            } else if value.is_empty() {
                empty.insert(name);
            } else if VARIABLES.iter().any(|v| v.name == name) {
                values.insert(name, Value::from(value));
            } else if let Some(known) = name
                .strip_suffix("_FILE")
                .filter(|known| VARIABLES.iter().any(|v| v.name == *known))
            {
                match std::fs::read_to_string(&value) {
                    Ok(text) => drop(
                        values
                            .entry(known.to_owned())
                            .or_insert_with(|| Value::from(text.trim_end().to_owned())),
                    ),
                    Err(error) => problems.push(Problem {
                        name: name.clone(),
                        what: format!("cannot read `{value}`: {error}"),
                        example: None,
                    }),
                }
            } else {
                unknown.extend(environment::doubt(&name));
            }
        }
        let given = Self {
            source: "environment".into(),
            values,
            empty,
        };
        (given, unknown)
    }

    /// The names in a file may be written in small letters; numbers and `true` need no quotes.
    fn file(path: &Path, problems: &mut Vec<Problem>) -> Self {
        let source = path.display().to_string();
        let read = Figment::from(Toml::file_exact(path)).extract::<Dict>();
        let entries = read.unwrap_or_else(|error| {
            problems.push(Problem {
                name: source.clone(),
                what: error.to_string(),
                example: None,
            });
            Dict::new()
        });
        let (mut values, mut empty) = (Dict::new(), BTreeSet::new());
        for (key, value) in entries {
            let name = key.to_uppercase();
            let text = match &value {
                Value::String(_, text) => Some(text.clone()),
                Value::Num(_, number) => number.to_i128().map(|n| n.to_string()),
                Value::Bool(_, yes) => Some(yes.to_string()),
                _ => None,
            };
            match text {
                _ if !VARIABLES.iter().any(|v| v.name == name) => {
                    let near = rules::closest(&name, VARIABLES.iter().map(|v| v.name));
                    let hint = near
                        .map(|near| format!("; did you mean `{}`?", near.to_lowercase()))
                        .unwrap_or_default();
                    problems.push(Problem {
                        name: source.clone(),
                        what: format!("`{key}` is not a setting{hint}"),
                        example: None,
                    });
                }
                Some(text) if text.is_empty() => drop(empty.insert(name)),
                Some(text) => drop(values.insert(name, Value::from(text))),
                None => problems.push(Problem {
                    name: source.clone(),
                    what: format!("`{key}` is neither a text, a number nor true or false"),
                    example: None,
                }),
            }
        }
        Self {
            source,
            values,
            empty,
        }
    }
}

impl Provider for Given {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Profile::Default.collect(self.values.clone()))
    }
}

struct Reader {
    figment: Figment,
    empty: BTreeSet<String>,
    problems: Vec<Problem>,
}

impl Reader {
    fn settings(&mut self, unknown_variables: Vec<Diagnostic>) -> Settings {
        let host = self.parsed("COUNTRY_CONFIG_HOST");
        let port = self.parsed("COUNTRY_CONFIG_PORT");
        Settings {
            production: self.read("NODE_ENV", is_production),
            core_version: self.parsed("CORE_VERSION"),
            core_version_is_set: self.is_set("CORE_VERSION"),
            listen: SocketAddr::new(host, port),
            country_config_url: self.parsed("COUNTRY_CONFIG_URL"),
            auth_url: self.parsed("AUTH_URL"),
            gateway_url: self.parsed("GATEWAY_URL"),
            events_url: self.parsed("EVENTS_URL"),
            integration_credentials: self
                .secret::<system_clients::Presets>("INTEGRATION_CREDENTIALS"),
            system_client: self.system_client(),
            login_url: self.parsed("LOGIN_URL"),
            client_app_url: self.parsed("CLIENT_APP_URL"),
            domain: self.read("DOMAIN", domain),
            esignet_redirect_url: self.parsed("ESIGNET_REDIRECT_URL"),
            openid_provider_client_id: self.parsed("OPENID_PROVIDER_CLIENT_ID"),
            mosip_api_userinfo_url: self.parsed("MOSIP_API_USERINFO_URL"),
            mosip_interop_url: self.parsed("MOSIP_INTEROP_URL"),
            mosip_timeout: self.duration("MOSIP_TIMEOUT"),
            mosip_retry_after_500: self.duration("MOSIP_RETRY_AFTER_500"),
            mosip_unknown_for: self.duration("MOSIP_UNKNOWN_FOR"),
            rescue: self.rescue(),
            rescue_after: self.duration("RESCUE_AFTER"),
            rescue_database_url: self.secret::<rescue::DatabaseUrl>("RESCUE_DATABASE_URL"),
            unanswered_file: self.unanswered_file(),
            shutdown_delay: self.duration("SHUTDOWN_DELAY"),
            identity_verification: self.identity_verification(),
            verify_on: self.parsed("VERIFY_ON"),
            allow_demo: self.parsed("ALLOW_DEMO"),
            country_dir: self.given("COUNTRY_DIR"),
            users_file: self.given("USERS_FILE").map(PathBuf::from),
            metabase_url: self.metabase_url(),
            sentry_dsn: self.given("SENTRY_DSN"),
            messages: Messages::read(self),
            ledger_url: self.read("LEDGER_URL", ledger_url),
            ledger_key: self.secret::<Encryption>("LEDGER_KEY"),
            ledger_retention: self.duration("LEDGER_RETENTION"),
            delivery_delay: self.duration("DELIVERY_DELAY"),
            delivery_retry_schedule: self.parsed("DELIVERY_RETRY_SCHEDULE"),
            reference_data_database_url: self
                .secret::<ReferenceData>("REFERENCE_DATA_DATABASE_URL"),
            forward_actions_to: self.forward_actions_to(),
            forward_secret: self.secret::<forward::Secret>("FORWARD_SECRET"),
            analytics_database_url: self.secret::<analytics::Url>("ANALYTICS_DATABASE_URL"),
            portal_tokens: self.portal_tokens(),
            portal_operations: self.parsed("PORTAL_OPERATIONS"),
            credential_offer_url: self.issuer_url("VERIFIABLE_CREDENTIALS_SDJWT_ISSUE_URL"),
            credential_sign_url: self.issuer_url("VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL"),
            credential_issuer_token: self
                .given("VERIFIABLE_CREDENTIALS_ISSUER_TOKEN")
                .map(SecretString::from),
            telemetry_url: self
                .given("TELEMETRY_URL")
                .map(|_| self.parsed("TELEMETRY_URL")),
            organisation: self.given("ORGANISATION"),
            environment_name: self.given("ENVIRONMENT_NAME"),
            registration_number_format: self.parsed("REGISTRATION_NUMBER_FORMAT"),
            log_format: self.parsed("LOG_FORMAT"),
            log_level: self.read("LOG_LEVEL", log_level),
            unknown_variables,
        }
    }

    /// The URL of the dashboards. The default is the address at which core's charts put them.
    fn metabase_url(&mut self) -> WebUrl {
        let names = ["DOMAIN", "SUBDOMAIN_SEPARATOR"];
        let values = names.map(|name| (name, self.given(name).unwrap_or_default()));
        self.read("METABASE_URL", |text| {
            let fill = |text: String, (name, value): &(&str, String)| {
                text.replace(&format!("{{{name}}}"), value)
            };
            let url = values.iter().fold(text.to_owned(), fill);
            url.parse().map_err(|error| format!("`{url}`: {error}"))
        })
    }

    /// The verification mode. Without `IDENTITY_VERIFICATION`, `NO_MOSIP` of the reference switches it off.
    fn identity_verification(&mut self) -> IdentityVerification {
        let no_mosip = self.parsed("NO_MOSIP");
        match self.given("IDENTITY_VERIFICATION") {
            None if no_mosip => IdentityVerification::Off,
            None => IdentityVerification::IdAuth,
            Some(_) => self.parsed("IDENTITY_VERIFICATION"),
        }
    }

    /// An optional secret. It is parsed here, so that an invalid one is reported with the other problems; its
    /// value is not repeated.
    fn secret<T: FromStr<Err: Display>>(&mut self, name: &str) -> Option<SecretString> {
        let secret = self.given(name)?;
        if let Err(error) = secret.parse::<T>() {
            self.problem(name, &error.to_string());
        }
        Some(SecretString::from(secret))
    }

    fn rescue(&mut self) -> rescue::Mode {
        let mode = self.parsed("RESCUE");
        let is_shared = self
            .given("LEDGER_URL")
            .is_some_and(|url| url.starts_with("postgres"));
        let is_alone: bool = self.parsed("SINGLE_SERVER");
        if mode == rescue::Mode::On && !is_shared && !is_alone {
            let why = "`on` needs a ledger that all servers of this core share (a PostgreSQL LEDGER_URL), or SINGLE_SERVER=true where there is one only";
            self.problem("RESCUE", why);
        }
        mode
    }

    fn unanswered_file(&mut self) -> Option<PathBuf> {
        const NAME: &str = "unanswered-hooks.jsonl";
        if let Some(given) = self.given("UNANSWERED_HOOKS_FILE") {
            return Some(given.into());
        }
        let url = self.given("LEDGER_URL")?;
        let beside = ledger::file(&url).map(|file| file.with_file_name(NAME));
        beside.or_else(|| {
            url.starts_with("postgres")
                .then(|| Path::new("data").join(NAME))
        })
    }

    fn portal_tokens(&mut self) -> Option<SecretString> {
        let tokens = self.secret::<portal::Tokens>("PORTAL_TOKENS")?;
        let core: CoreVersion = self.parsed("CORE_VERSION");
        // Later versions give this server a client of its own.
        if self.given("SYSTEM_CLIENT_ID").is_none() && core < CoreVersion::V2_0_1 {
            let why = "portals act through the system client: set SYSTEM_CLIENT_ID and SYSTEM_CLIENT_SECRET too";
            self.problem("PORTAL_TOKENS", why);
        }
        Some(tokens)
    }

    /// The URL of an issuer. The demo issuer needs `ALLOW_DEMO`, so that nobody gets a demo credential by
    /// accident.
    fn issuer_url(&mut self, name: &'static str) -> Option<WebUrl> {
        let given = self.given(name)?;
        let demo: bool = self
            .given("ALLOW_DEMO")
            .is_some_and(|allowed| allowed == "true");
        if given.contains("/_demo-issuer/") && !demo {
            self.problem(name, "names the demo issuer, which needs ALLOW_DEMO=true");
        }
        Some(self.parsed(name))
    }

    fn forward_actions_to(&mut self) -> Vec<WebUrl> {
        let given = self.given("FORWARD_ACTIONS_TO").unwrap_or_default();
        let mut urls = Vec::new();
        for url in given
            .split(',')
            .map(str::trim)
            .filter(|url| !url.is_empty())
        {
            match url.parse() {
                Ok(known) if urls.contains(&known) => {
                    self.problem("FORWARD_ACTIONS_TO", &format!("`{url}` is named twice"));
                }
                Ok(url) => urls.push(url),
                Err(error) => {
                    self.problem("FORWARD_ACTIONS_TO", &format!("`{url}`: {error}"));
                }
            }
        }
        urls
    }

    fn system_client(&mut self) -> Option<Credentials> {
        let [id, secret] =
            ["SYSTEM_CLIENT_ID", "SYSTEM_CLIENT_SECRET"].map(|name| self.given(name));
        match (id, secret) {
            (Some(id), Some(secret)) => Some(Credentials {
                id,
                secret: SecretString::from(secret),
            }),
            (None, None) => None,
            (id, _) => {
                let missing = id.map_or("SYSTEM_CLIENT_ID", |_| "SYSTEM_CLIENT_SECRET");
                self.problem(
                    missing,
                    "is not set, but the other half of the system client is",
                );
                None
            }
        }
    }

    /// Checks whether a value is set, and not the default.
    fn is_set(&self, name: &str) -> bool {
        let source = self.figment.find_metadata(name);
        source.is_some_and(|source| source.name != DEFAULTS)
    }

    fn given(&self, name: &str) -> Option<String> {
        self.figment.extract_inner(name).ok()
    }

    /// The value of a variable. If there is none, or it cannot be read, the problem is recorded and the
    /// example is used instead, so that reading goes on and finds all problems.
    fn parsed<T: FromStr<Err: Display>>(&mut self, name: &'static str) -> T {
        self.read(name, |text| {
            text.parse()
                .map_err(|error: T::Err| format!("`{text}`: {error}"))
        })
    }

    fn duration(&mut self, name: &'static str) -> Duration {
        self.read(name, |text| {
            let parsed = duration(text).and_then(|parsed| Duration::try_from(parsed).ok());
            parsed.ok_or_else(|| {
                format!("`{text}` is not a duration like `500ms`, `15s`, `2m` or `30d`")
            })
        })
    }

    fn read<T>(&mut self, name: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> T {
        let given = self.given(name);
        let problem = match given.as_deref().map(&parse) {
            Some(Ok(value)) => return value,
            Some(Err(what)) => what,
            None => "is not set, and has no default in production".to_owned(),
        };
        self.problem(name, &problem);
        #[expect(clippy::expect_used, reason = "a test parses every example")]
        parse(variables::example(name)).expect("the example of a variable is valid")
    }

    fn problem(&mut self, name: &str, what: &str) {
        self.problems.push(Problem {
            name: name.to_owned(),
            what: what.to_owned(),
            example: Some(variables::example(name)),
        });
    }
}

#[cfg(test)]
mod tests;
