// SPDX-License-Identifier: MPL-2.0
//! What core's pages get to show: a walk over all texts of both languages.

use crate::TestApp;
use serde_json::Value;
use std::collections::BTreeMap;

/// The only text that may be missing: core shows it for two countries.
const AMBIGUOUS: &str = "countries.KGZ";

/// One text with all arguments filled in, once for each case of each choice.
struct Filled<'t> {
    rest: &'t str,
    language: &'t str,
    /// Which case each choice takes, and how many there are.
    turn: usize,
    cases: usize,
}

impl<'t> Filled<'t> {
    fn text(&mut self, number: Option<&str>) -> String {
        let mut text = String::new();
        while let Some(next) = self.rest.chars().next() {
            if next == '}' {
                return text;
            }
            self.rest = &self.rest[next.len_utf8()..];
            match next {
                '{' => text += &self.argument(),
                '#' => text += number.unwrap_or("#"),
                '\'' if self.rest.starts_with(['{', '}']) => {
                    let (quoted, rest) = self.rest.split_once('\'').unwrap();
                    text += quoted;
                    self.rest = rest;
                }
                _ => text.push(next),
            }
        }
        text
    }

    fn word(&mut self) -> &'t str {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| c.is_whitespace() || "{},".contains(c));
        let (word, rest) = self.rest.split_at(end.unwrap());
        self.rest = rest.trim_start();
        word
    }

    fn argument(&mut self) -> String {
        let name = self.word();
        if let Some(rest) = self.rest.strip_prefix('}') {
            self.rest = rest;
            return format!("<{name}>");
        }
        self.rest = &self.rest[1..];
        let kind = self.word();
        if !self.rest.starts_with(',') {
            self.rest = &self.rest[1..];
            return format!("<{name}>");
        }
        self.rest = &self.rest[1..];
        if ["number", "date", "time"].contains(&kind) {
            self.rest = self.rest.split_once('}').unwrap().1;
            return format!("<{name}>");
        }
        let numbers = ["0", "1", "2", "7"];
        let number = numbers[self.turn % numbers.len()];
        let mut cases = BTreeMap::new();
        let mut named = Vec::new();
        while !self.rest.trim_start().starts_with('}') {
            let case = self.word();
            self.rest = &self.rest[1..];
            let text = self.text((kind == "plural").then_some(number));
            self.rest = &self.rest[1..];
            cases.insert(case, text);
            named.push(case);
        }
        self.rest = &self.rest.trim_start()[1..];
        let exact = format!("={number}");
        let case = if kind == "plural" {
            // In French nothing is one, too.
            match (self.language, number) {
                _ if cases.contains_key(exact.as_str()) => exact.as_str(),
                ("fr", "0" | "1") | ("en", "1") => "one",
                _ => "other",
            }
        } else {
            // Core passes what it has a case for.
            named.retain(|case| *case != "other" || cases.len() == 1);
            self.cases = self.cases.max(named.len());
            named[self.turn % named.len()]
        };
        let other = || cases.get("other");
        cases.get(case).or_else(other).unwrap().clone()
    }
}

fn filled(text: &str, language: &str) -> Vec<String> {
    let (mut all, mut turn, mut cases) = (Vec::new(), 0, 4);
    while turn < cases {
        let mut filled = Filled {
            rest: text,
            language,
            turn,
            cases,
        };
        all.push(filled.text(None));
        assert_eq!(filled.rest, "", "{text}");
        (turn, cases) = (turn + 1, filled.cases);
    }
    all
}

#[tokio::test]
async fn every_text_can_be_read_in_every_language() {
    let app = TestApp::start().await;
    for (path, core) in [
        ("/content/client", "core-client"),
        ("/content/login", "core-login"),
    ] {
        let served: Value = app.get(path).await.json().await.unwrap();
        let file = format!("country/data/translations/{core}.csv");
        let rows = csv::Reader::from_path(file).unwrap().into_records();
        let ids: Vec<_> = rows.map(|row| row.unwrap()[0].to_owned()).collect();
        assert!(ids.len() > 80, "{path}");
        for language in served["languages"].as_array().unwrap() {
            let name = language["lang"].as_str().unwrap();
            let messages = language["messages"].as_object().unwrap();
            for (id, text) in messages {
                // Core's own text says nothing about no results.
                let may_be_empty = text.as_str().unwrap().contains("=0 {}");
                for text in filled(text.as_str().unwrap(), name) {
                    let empty = text.trim().is_empty();
                    assert!(!empty || may_be_empty, "`{id}` is empty in `{name}`");
                    assert!(text != *id, "`{id}` is its own text in `{name}`");
                    assert!(!text.contains(['{', '}']), "`{id}` in `{name}`: {text}");
                }
            }
            // Where English is missing, core shows its own.
            if name == "fr" {
                let lost: Vec<_> = ids
                    .iter()
                    .filter(|id| !messages.contains_key(*id))
                    .collect();
                let allowed: &[&str] = if path == "/content/client" {
                    &[AMBIGUOUS]
                } else {
                    &[]
                };
                assert_eq!(lost, allowed, "{path}");
            }
        }
    }
}

#[tokio::test]
async fn the_countrys_texts_go_before_those_of_core_and_roles_have_their_names() {
    let app = TestApp::start().await;
    let served: Value = app.get("/content/client").await.json().await.unwrap();
    let text = |language: usize, id: &str| served["languages"][language]["messages"][id].clone();
    assert_eq!(text(0, "configuration.dateFormat"), "d MMMM y");
    assert_eq!(text(1, "configuration.dateFormat"), "dd/MM/y");
    assert_eq!(text(0, "home.header.teamTitle"), "Team");
    assert_eq!(text(1, "action.update"), "Mettre à jour la déclaration");
    assert_eq!(
        text(0, "action.update"),
        Value::Null,
        "core's own English counts"
    );
    let roles = text(1, "event.history.role");
    let roles = roles.as_str().unwrap();
    assert!(
        roles.starts_with("{role, select, REGISTRATION_AGENT {Agent de l’état civil} "),
        "{roles}"
    );
    assert!(roles.ends_with("other {Rôle inconnu}}"), "{roles}");
    assert_eq!(roles.matches('{').count(), 12, "{roles}");
}

#[tokio::test]
async fn every_workqueue_says_so_when_it_is_empty() {
    let app = TestApp::start().await;
    let queues: Value = app.get("/config/workqueues").await.json().await.unwrap();
    for queue in queues.as_array().unwrap() {
        assert!(queue["emptyMessage"]["id"].is_string(), "{}", queue["slug"]);
    }
}
