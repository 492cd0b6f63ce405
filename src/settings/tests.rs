// SPDX-License-Identifier: MPL-2.0
use super::reader::PUBLISHED;
use super::*;

fn load(variables: &[(&str, &str)]) -> Result<Settings, String> {
    Settings::load(
        None,
        variables
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned())),
    )
    .map_err(|e| e.to_string())
}

#[test]
fn development_needs_nothing() {
    let settings = load(&[]).unwrap();
    assert_eq!(settings.server.listen().to_string(), "0.0.0.0:3040");
    assert_eq!(
        settings.hooks.identity_verification,
        IdentityVerification::Off
    );
    assert_eq!(settings.log.format, LogFormat::Text);
}

#[test]
fn production_names_everything_that_is_missing_or_wrong_at_once() {
    let error = load(&[
        ("NODE_ENV", "production"),
        ("COUNTRY_CONFIG_PORT", "many"),
        ("AUTH_URL", "auth:4040"),
        ("DOMAIN", ""),
    ])
    .unwrap_err();
    insta::assert_snapshot!(error);
}

/// The example of every variable, and a secret where the example is a command.
fn examples() -> Vec<(&'static str, &'static str)> {
    let example = |v: &Variable| match v.name {
        "LEDGER_KEY" => "T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=",
        "FORWARD_SECRET" => "whsec_T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=",
        "PORTAL_TOKENS" => {
            "health:7a2f0b5de1c94386b7d02e51f8ac6394d15be7083c62fa49e0b8d71c2f6a5934"
        }
        _ => v.example,
    };
    VARIABLES.iter().map(|v| (v.name, example(v))).collect()
}

/// An example that was a key would be used as one.
#[test]
fn a_secret_that_everybody_can_read_is_refused() {
    let portal = format!("health:{}", PUBLISHED[2]);
    for (name, value) in [
        ("LEDGER_KEY", PUBLISHED[0]),
        ("FORWARD_SECRET", PUBLISHED[1]),
        ("PORTAL_TOKENS", &portal),
    ] {
        let error = load(&[(name, value)]).unwrap_err();
        assert!(error.contains("is an example that everybody"), "{error}");
        assert!(!error.contains(value), "{error}");
        load(&[(name, variables::example(name))]).unwrap_err();
    }
    let new = "T5nRk0m3vYw8a1Zs6uQx2dLh9pGc7fBj4eKo0iXtVyM=";
    load(&[("LEDGER_KEY", &format!("{new},{}", PUBLISHED[0]))]).unwrap();
}

#[test]
fn every_example_is_accepted() {
    let examples = examples();
    load(&examples).unwrap();
    load(&[&examples[..], &[("NODE_ENV", "production")]].concat()).unwrap();
}

#[test]
fn demonstrations_do_not_reach_production_by_accident() {
    let examples = examples();
    let demo = [
        &examples[..],
        &[
            ("NODE_ENV", "production"),
            ("IDENTITY_VERIFICATION", "assume-verified"),
        ],
    ]
    .concat();
    assert!(load(&demo).unwrap_err().contains("ALLOW_DEMO=true"));
    load(&[&demo[..], &[("ALLOW_DEMO", "true")]].concat()).unwrap();
}

#[test]
fn doors_want_what_they_need() {
    let refused = |given: &[(&str, &str)]| load(given).unwrap_err();
    let hash = "7a2f0b5de1c94386b7d02e51f8ac6394d15be7083c62fa49e0b8d71c2f6a5934";
    let tokens = format!("health:{hash}");
    assert!(refused(&[("PORTAL_TOKENS", &tokens)]).contains("SYSTEM_CLIENT_ID"));
    let demo = "http://localhost:3040/_demo-issuer/raw/jwt/sign";
    let url = ("VERIFIABLE_CREDENTIALS_RAW_JWT_SIGN_URL", demo);
    assert!(refused(&[url]).contains("ALLOW_DEMO=true"));
    load(&[url, ("ALLOW_DEMO", "true")]).unwrap();
    let twice = "http://a.example, http://a.example";
    assert!(refused(&[("FORWARD_ACTIONS_TO", twice)]).contains("named twice"));
    for (name, secret) in [
        ("FORWARD_SECRET", "whsec_c2hvcnQ="),
        ("PORTAL_TOKENS", "health:the-token-itself"),
        (
            "REFERENCE_DATA_DATABASE_URL",
            "mysql://user:password@host/db",
        ),
    ] {
        let said = refused(&[(name, secret)]);
        assert!(said.contains(name) && !said.contains(secret), "{said}");
    }
}

#[test]
fn a_file_is_read_below_the_environment_and_checked_for_names() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("settings.toml");
    std::fs::write(
        &path,
        "country_config_port = 4000\nALLOW_DEMO = true\nlog_level = \"debug\"",
    )
    .unwrap();
    let settings = Settings::load(
        Some(&path),
        [("LOG_LEVEL".to_owned(), "warn".to_owned())].into_iter(),
    )
    .unwrap();
    assert_eq!(
        (
            settings.server.port,
            settings.server.allow_demo,
            settings.log.level.as_str()
        ),
        (4000, true, "warn")
    );

    std::fs::write(&path, "ledger_ulr = \"sqlite://x.db\"").unwrap();
    let error = Settings::load(Some(&path), std::iter::empty())
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`ledger_ulr` is not a setting; did you mean `ledger_url`?"),
        "{error}"
    );
}

#[test]
fn a_value_may_come_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    std::fs::write(&path, "sqlite://elsewhere.db\n").unwrap();
    assert_eq!(
        load(&[("LEDGER_URL_FILE", path.to_str().unwrap())])
            .unwrap()
            .ledger
            .url,
        "sqlite://elsewhere.db"
    );
    assert!(
        load(&[("LEDGER_URL_FILE", "/no/such/file")])
            .unwrap_err()
            .contains("LEDGER_URL_FILE: cannot read `/no/such/file`")
    );
}

#[test]
fn half_a_system_client_and_unknown_actions_are_refused() {
    let error = load(&[("SYSTEM_CLIENT_ID", "x"), ("VERIFY_ON", "DECLARE, DECLAR")]).unwrap_err();
    assert!(
        error.contains("SYSTEM_CLIENT_SECRET: is not set"),
        "{error}"
    );
    assert!(
        error.contains("`DECLAR` is none of NOTIFY, DECLARE"),
        "{error}"
    );
    let both = [("SYSTEM_CLIENT_ID", "x"), ("SYSTEM_CLIENT_SECRET", "quiet")];
    assert!(!format!("{:?}", load(&both).unwrap()).contains("quiet"));
}

#[test]
fn values_that_would_quietly_mean_something_else_are_refused() {
    for (name, value, expected) in [
        (
            "NODE_ENV",
            "prod",
            "`prod` is none of `production`, `development`, `test`",
        ),
        ("NODE_ENV", "Production", "is none of"),
        ("COUNTRY_CONFIG_PORT", "70000", "a number from 1 to 65535"),
        ("SMTP_PORT", "25a", "a number from 1 to 65535"),
        ("MESSAGES_PER_MINUTE", "many", "it is not a whole number"),
        ("NO_MOSIP", "yes", "it is neither `true` nor `false`"),
        ("LOG_LEVEL", "loud", "`loud` is none of the levels"),
        (
            "LOG_LEVEL",
            "info,handlers",
            "`handlers` is none of the levels",
        ),
        ("DOMAIN", "https://crvs.example", "leave out `https://`"),
        ("DOMAIN", "crvs.example/login", "is not a host name"),
        (
            "LEDGER_URL",
            "mysql://crvs:secret@db/crvs",
            "`mysql://…` is not a ledger",
        ),
        (
            "LEDGER_URL",
            "data/ledger.db",
            "`data/ledger.db` is not a ledger",
        ),
        (
            "LEDGER_URL",
            "postgres://crvs:secret@db:port/crvs",
            "PostgreSQL URL",
        ),
    ] {
        let error = load(&[(name, value)]).unwrap_err();
        assert!(error.contains(name) && error.contains(expected), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
    for (name, value) in [
        ("LOG_LEVEL", "warn,handlers=debug,countryconfig::auth=TRACE"),
        ("DOMAIN", "*"),
        ("DOMAIN", "crvs.example:8443"),
        ("NODE_ENV", "test"),
        ("LEDGER_URL", "postgres://crvs:secret@db/crvs"),
    ] {
        load(&[(name, value)]).unwrap();
    }
}

#[test]
fn what_looks_like_a_setting_and_is_none_is_told_and_what_is_of_others_is_not() {
    let said = |name: &str| {
        let settings = load(&[(name, "x")]).unwrap();
        let said = settings.unknown_variables.iter().map(ToString::to_string);
        said.collect::<String>()
    };
    for (name, meant) in [
        ("LEDGR_KEY", "did you mean `LEDGER_KEY`?"),
        ("LEDGER_KEYS_FILE", "did you mean `LEDGER_KEY_FILE`?"),
        ("ledger_key", "did you mean `LEDGER_KEY`?"),
        ("MOSIP_INTEROP_URI", "did you mean `MOSIP_INTEROP_URL`?"),
        ("SMTP_USER", "did you mean `SMTP_USERNAME`?"),
        ("COUNTRY_CONFIG_PATH", "is not a setting"),
    ] {
        let said = said(name);
        assert!(said.contains(name) && said.contains(meant), "{said}");
    }
    for name in [
        "COUNTRYCONFIG_SERVICE_HOST",
        "COUNTRYCONFIG_SERVICE_PORT_HTTP",
        "COUNTRYCONFIG_PORT_3040_TCP_ADDR",
        "AUTH_PORT_4040_TCP",
        "MOSIP_API_SERVICE_HOST",
        "CERT_PUBLIC_KEY_PATH",
        "OPENID_PROVIDER_CLAIMS",
        "NOTIFICATION_TRANSPORT",
        "DATABASE_URL",
        "MONGO_URL",
        "MINIO_BUCKET",
        "HOSTNAME",
        "NO_PROXY",
        "PATH",
        "HOME",
        "USER",
        "LANG",
        "TZ",
    ] {
        assert_eq!(said(name), "", "{name}");
    }
    // A service that is called `country-config` or `smtp`.
    let injected = [
        ("COUNTRY_CONFIG_PORT", "tcp://10.0.0.1:3040"),
        ("SMTP_PORT", "tcp://10.0.0.2:25"),
        ("COUNTRYCONFIG_PORT", "tcp://10.0.0.1:3040"),
    ];
    let settings = load(&injected).unwrap();
    assert_eq!(settings.server.port, 3040);
    assert!(settings.unknown_variables.is_empty());
}

#[test]
fn what_charts_set_to_the_empty_text_is_not_in_use() {
    let mail = [
        ("SMTP_HOST", "mail.example"),
        ("SENDER_EMAIL_ADDRESS", "crvs@crvs.example"),
        ("SMTP_USERNAME", "crvs"),
    ];
    let error = load(&mail).unwrap_err();
    assert!(error.contains("SMTP_PASSWORD: is not set"), "{error}");
    let settings = load(&[&mail[..], &[("SMTP_PASSWORD", "")]].concat()).unwrap();
    assert!(settings.mail.smtp().unwrap().credentials.is_none());
}

#[test]
fn some_defaults_follow_from_other_settings() {
    let needed: Vec<_> = examples()
        .into_iter()
        .filter(|(name, _)| *name != "METABASE_URL")
        .collect();
    let own = [
        ("NODE_ENV", "production"),
        ("DOMAIN", "crvs.example"),
        ("SUBDOMAIN_SEPARATOR", "-"),
    ];
    let pages = load(&[&needed[..], &own].concat()).unwrap().pages;
    assert_eq!(pages.metabase_url.as_str(), "https://metabase-crvs.example");
    for (ledger, file) in [
        (
            "sqlite://folder/ledger.db",
            Some("folder/unanswered-hooks.jsonl"),
        ),
        (
            "postgres://crvs@db/crvs",
            Some("data/unanswered-hooks.jsonl"),
        ),
        ("sqlite::memory:", None),
    ] {
        let rescue = load(&[("LEDGER_URL", ledger)]).unwrap().rescue;
        assert_eq!(rescue.unanswered_file.as_deref(), file.map(Path::new));
    }
    for (given, expected) in [
        (&[("NO_MOSIP", "true")][..], IdentityVerification::Off),
        (&[("NO_MOSIP", "false")], IdentityVerification::IdAuth),
        (
            &[("NO_MOSIP", "true"), ("IDENTITY_VERIFICATION", "id-auth")],
            IdentityVerification::IdAuth,
        ),
        (
            &[("NO_MOSIP", "false"), ("IDENTITY_VERIFICATION", "off")],
            IdentityVerification::Off,
        ),
    ] {
        let hooks = load(given).unwrap().hooks;
        assert_eq!(hooks.identity_verification, expected, "{given:?}");
    }
}

#[test]
fn problems_are_in_the_order_of_the_table_whatever_finds_them() {
    let error = load(&[
        ("LOG_FORMAT", "yaml"),
        ("MOSIP_TIMEOUT", "10m"),
        ("RESCUE", "on"),
        ("SYSTEM_CLIENT_ID", "x"),
        ("CORE_VERSION", "1.9"),
    ])
    .unwrap_err();
    let names = [
        "CORE_VERSION",
        "SYSTEM_CLIENT_SECRET",
        "MOSIP_TIMEOUT",
        "RESCUE",
        "LOG_FORMAT",
    ];
    let places = names.map(|name| error.find(&format!("\n  {name}: ")));
    assert!(places.iter().all(Option::is_some), "{error}");
    assert!(places.is_sorted(), "{error}");
}

#[test]
fn no_secret_is_in_debug_output() {
    let examples = examples();
    let shown = format!("{:?}", load(&examples).unwrap());
    for name in [
        "INTEGRATION_CREDENTIALS",
        "SYSTEM_CLIENT_SECRET",
        "SMTP_PASSWORD",
        "EMAIL_ROUTE_TOKEN",
        "INFOBIP_API_KEY",
        "SMS_GATEWAY_KEY",
        "LEDGER_KEY",
        "RESCUE_DATABASE_URL",
        "REFERENCE_DATA_DATABASE_URL",
        "FORWARD_SECRET",
        "ANALYTICS_DATABASE_URL",
        "PORTAL_TOKENS",
        "VERIFIABLE_CREDENTIALS_ISSUER_TOKEN",
    ] {
        let (_, example) = examples.iter().find(|(known, _)| *known == name).unwrap();
        assert!(!shown.contains(example), "{name}");
    }
    for password_of_database in ["\"secret\"", "\"password\""] {
        assert!(!shown.contains(password_of_database));
    }
}
