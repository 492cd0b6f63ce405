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
        error.contains("`ledger_ulr` is no setting; did you mean `ledger_url`?"),
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
