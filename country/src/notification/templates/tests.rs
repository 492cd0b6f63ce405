// SPDX-License-Identifier: MPL-2.0
use super::*;
use serde_json::json;

/// All that a message must say.
fn says(message: &Message) -> String {
    let said = message.essential.iter();
    said.map(|name| format!(" {{{{{name}}}}}"))
        .collect::<Vec<_>>()
        .concat()
}

/// The country's own files, and what was changed in them.
fn compile(changed: &[(&str, &str)]) -> Result<(Templates, Vec<Diagnostic>), Vec<Diagnostic>> {
    let mut files = BTreeMap::new();
    for language in ["en", "fr"] {
        for message in &MESSAGES {
            let says = says(message);
            files.insert(
                format!("{language}/{}.html", message.word),
                format!("<p>{says}</p>"),
            );
            let text = format!("Subject: {language} {}\n\n{says}\n", message.word);
            files.insert(format!("{language}/{}.txt", message.word), text);
        }
    }
    for (path, text) in changed {
        if text.is_empty() {
            files.remove(*path);
        } else {
            files.insert((*path).to_owned(), (*text).to_owned());
        }
    }
    let files: Vec<_> = files
        .into_iter()
        .map(|(path, text)| File {
            name: format!("templates/{path}"),
            path,
            text,
        })
        .collect();
    let ids = MESSAGES
        .iter()
        .filter_map(|message| Some((message.sms?, message)));
    let rows: Vec<_> = ids
        .map(|(id, message)| {
            let says = says(message);
            let texts = ["en", "fr"].map(|code| (code.to_owned(), format!("{code}{says}")));
            Row {
                file: "notification.csv".into(),
                line: 7,
                id: id.to_owned(),
                texts: texts.into(),
            }
        })
        .collect();
    Templates::compile(&["en".into(), "fr".into()], &files, &rows)
}

#[test]
fn a_mistake_is_found_where_it_stands() {
    let part = (
        "en/user-created.html",
        "{{#> frame}}{{username}}{{temporaryPassword}}{{/frame}}",
    );
    let frame = (
        "_frame.html",
        "<b>{{applicationName}}</b>{{> @partial-block}}",
    );
    let mistakes = [
        ("en/2fa.html", "<p>{{code}}</p>\n<p>{{firstnam}}</p>"),
        ("en/2fa.html", "{{code}} {{registrationNumber}}"),
        ("en/2fa.html", "{{code}} {{{firstname}}}"),
        ("en/2fa.html", "{{code}}\n{{#if firstname}}"),
        ("en/2fa.html", "{{code}}{{log firstname}}"),
        (
            "en/2fa.html",
            "{{code}}{{#each lines}}{{this}}{{/each}}{{this}}",
        ),
        ("en/2fa.html", "{{code}}{{> fram}}"),
        ("en/2fa.html", "{{code}}{{> frame}}"),
        ("en/2fa.html", ""),
        ("fr/2fa.txt", "Subject: Code\n\nVotre code est arrivé"),
        ("fr/2fa.txt", "Votre code : {{code}}"),
        ("fr/2fa.txt", "Subject: {{kode}}\n\n{{code}}"),
        ("fr/2fa.txt", "Subject: Code\n\n{{code}}\n  {{kode}}"),
        ("_frame.html", "{{> @partial-block}}{{secret}}{{> frame}}"),
        ("en/2-fa.html", "{{code}}"),
        ("swahili/2fa.html", "{{code}}"),
    ];
    let told = mistakes.map(|mistake| {
        let faults = compile(&[frame, part, mistake]).err().unwrap();
        let told: Vec<_> = faults.iter().map(|fault| format!("{fault}\n")).collect();
        format!("{:?}\n{}", mistake.1, told.concat())
    });
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn what_another_language_lacks_is_said_in_that_of_the_country() {
    let (templates, warnings) = compile(&[("fr/2fa.html", "")]).unwrap();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].severity, Severity::Warning);
    let subject = |word, language| {
        let message = Message::named(word).unwrap();
        templates
            .email(message, Some(language), Variables::new())
            .unwrap()
            .subject
    };
    assert_eq!(subject("2fa", "fr"), "en 2fa");
    assert_eq!(subject("reset-password", "fr"), "fr reset-password");
    assert_eq!(subject("reset-password", "sw"), "en reset-password");
}

/// A value that somebody typed stays what it is: no HTML, no template, no header.
#[test]
fn values_are_escaped_and_never_compiled() {
    let text = "Subject: For {{subject}}\n\n{{body}}";
    let html = "{{subject}} {{#each lines}}<p>{{this}}</p>{{/each}}";
    let changed = [
        ("en/all-user-notification.txt", text),
        ("en/all-user-notification.html", html),
    ];
    let (templates, _) = compile(&changed).unwrap();
    let message = Message::named("all-user-notification").unwrap();
    let typed = "<b>{{applicationName}}</b>\r\nBcc: all@crvs.test";
    let said = json!({"subject": typed, "body": typed, "lines": [typed]});
    let letter = templates
        .email(message, None, said.as_object().unwrap().clone())
        .unwrap();
    assert_eq!(
        letter.subject,
        "For <b>{{applicationName}}</b> Bcc: all@crvs.test"
    );
    assert_eq!(letter.text, typed);
    let escaped = "&lt;b&gt;{{applicationName}}&lt;/b&gt;\r\nBcc: all@crvs.test";
    assert_eq!(letter.html, format!("{escaped} <p>{escaped}</p>"));
}
