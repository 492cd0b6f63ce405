// SPDX-License-Identifier: MPL-2.0
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
    assert_eq!(settings.listen.to_string(), "0.0.0.0:3040");
    assert_eq!(settings.identity_verification, IdentityVerification::Off);
    assert_eq!(settings.log_format, LogFormat::Text);
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

#[test]
fn every_example_is_accepted() {
    let examples: Vec<_> = VARIABLES.iter().map(|v| (v.name, v.example)).collect();
    load(&examples).unwrap();
    load(&[&examples[..], &[("NODE_ENV", "production")]].concat()).unwrap();
}

#[test]
fn demonstrations_do_not_reach_production_by_accident() {
    let examples: Vec<_> = VARIABLES.iter().map(|v| (v.name, v.example)).collect();
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
    let hash = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b";
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
            settings.listen.port(),
            settings.allow_demo,
            settings.log_level.as_str()
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
            .ledger_url,
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
    assert_eq!(settings.listen.port(), 3040);
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
    assert!(settings.messages.smtp.unwrap().credentials.is_none());
}
