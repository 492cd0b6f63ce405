// SPDX-License-Identifier: MPL-2.0
//! The templates of messages. An input is the text of a message and its parts `_a`, `_b` and `_c`, with
//! `====` between them. What is taken can be filled in, in bounded time and space.
#![no_main]

use countryconfig_fuzz::{divided, files, in_time, seed};
use country::notification::messages::{EVERYWHERE, MESSAGES, Message};
use country::notification::templates::{File, Row, Templates, Variables};
use rules::template_bounds::LONGEST;
use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;

const WORD: &str = "birth-registered";

fn seeds() -> Vec<String> {
    let file = |path: &std::path::PathBuf| std::fs::read_to_string(path).expect("it is text");
    let mut seeds: Vec<_> = files("templates/en").iter().map(file).collect();
    seeds.extend(
        files("templates")
            .iter()
            .map(|path| format!("{{{{> a}}}}\n====\n{}", file(path))),
    );
    seeds.push("{{#> a x=name}}{{#each this}}{{@index}}{{else}}{{/each}}{{/a}}\n====\n{{> @partial-block}}{{> b y=(eq x \"1\")}}\n====\n{{{x}}}{{~#if y~}} {{else if x}}{{!-- c --}}{{/if}}{{lookup this \"name\"}}".to_owned());
    seeds.push("{{#*inline \"a\"}}{{name}}{{/inline}}{{> a}}{{#with name as |n|}}{{n}}{{/with}}{{[name]}}{{../name}}\\{{name}}{{#unless name}}{{/unless}}".to_owned());
    seeds
}

/// A text that says all that a message must say.
fn essential(message: &Message) -> String {
    let variables = message.essential.iter();
    variables.map(|name| format!("{{{{{name}}}}} ")).collect()
}

/// The smallest country that has all messages.
fn country(text: &str) -> (Vec<File>, Vec<Row>) {
    let file = |path: String, text: String| File {
        name: path.clone(),
        path,
        text,
    };
    let mut files = Vec::new();
    let mut rows: BTreeMap<&str, String> = BTreeMap::new();
    let mut texts = divided(text);
    let own = texts.next().unwrap_or_default();
    for message in &MESSAGES {
        let word = message.word;
        let body = if word == WORD {
            format!("{}{own}", essential(message))
        } else {
            essential(message)
        };
        files.push(file(
            format!("en/{word}.txt"),
            format!("Subject: x\n\n{body}"),
        ));
        files.push(file(format!("en/{word}.html"), body));
        if let Some(row) = message.sms {
            *rows.entry(row).or_default() += &essential(message);
        }
    }
    for (name, text) in ["a", "b", "c"].into_iter().zip(texts) {
        files.push(file(format!("_{name}.html"), text.to_owned()));
        files.push(file(format!("_{name}.txt"), text.to_owned()));
    }
    let row = |(n, (id, text)): (usize, (&str, String))| Row {
        file: "table".to_owned(),
        line: n + 2,
        id: id.to_owned(),
        texts: [("en".to_owned(), text)].into(),
    };
    (files, rows.into_iter().enumerate().map(row).collect())
}

fuzz_target!(init: seed("template", seeds()), |text: &str| {
    let (files, rows) = country(text);
    let compiled = in_time(|| Templates::compile(&["en".to_owned()], &files, &rows));
    let templates = match compiled {
        Ok((templates, _)) => templates,
        Err(faults) => {
            for fault in faults {
                let file = files.iter().find(|file| file.name == fault.file);
                let lines = file.map_or(usize::MAX, |file| file.text.split('\n').count() + 1);
                assert!((1..=lines).contains(&fault.line), "{fault:?}");
            }
            return;
        }
    };
    let message = Message::named(WORD).expect("it is a message");
    let names = message.variables.iter().chain(&EVERYWHERE);
    let values: Variables = names.map(|name| ((*name).to_owned(), "<b>{{name}}</b>".into())).collect();
    let letter = in_time(|| templates.letter(message, None, values));
    let letter = letter.expect("what was taken can be filled in");
    assert!(letter.html.len() <= 2 * LONGEST);
    assert!(!letter.subject.contains(['\r', '\n']));
    let nothing = in_time(|| templates.letter(message, Some("xx"), Variables::new()));
    nothing.expect("also with nothing");
});
