// SPDX-License-Identifier: MPL-2.0
//! Messages on the command line.

use crate::report;
use crate::settings::Settings;
use anyhow::Context;
use clap::{Args, Subcommand};
use country::notification;
use country::notification::messages::{MESSAGES, Message};
use rules::diagnostic::did_you_mean;

#[derive(Subcommand)]
pub(super) enum Notify {
    /// Print a message with sample data as HTML, for a browser
    Preview(Preview),
}

#[derive(Args)]
pub(super) struct Preview {
    /// Name of the message: reset-password, birth-registered …
    message: String,
    /// Language; default: the country's first language
    #[arg(long, value_name = "LANGUAGE")]
    lang: Option<String>,
    /// Print subject and plain text instead
    #[arg(long, conflicts_with = "sms")]
    text: bool,
    /// Print the SMS instead
    #[arg(long)]
    sms: bool,
}

pub(super) fn run(command: &Notify, settings: &Settings) -> anyhow::Result<String> {
    let Notify::Preview(preview) = command;
    let files = notification::read(settings.country_files.dirs.as_deref())
        .map_err(|problems| anyhow::anyhow!(report::problems(&problems)))?;
    let word = preview.message.as_str();
    let message = Message::named(word).with_context(|| {
        let words = || MESSAGES.iter().map(|message| message.word);
        let all = || format!("there are {}", words().collect::<Vec<_>>().join(", "));
        let hint = did_you_mean(word, words()).unwrap_or_else(all);
        format!("there is no message `{word}`; {hint}")
    })?;
    let language = preview.lang.as_deref();
    let known: Vec<_> = files.templates.languages().collect();
    anyhow::ensure!(
        language.is_none_or(|language| known.contains(&language)),
        "there is no language `{}`; there are {}",
        language.unwrap_or_default(),
        known.join(", ")
    );
    let sample = notification::sample(&files, message);
    if preview.sms {
        let sms = files.templates.sms(message, language, sample)?;
        let sms = sms.with_context(|| format!("`{word}` is sent by e-mail only"))?;
        return Ok(format!("{}\n", sms.trim_end()));
    }
    let letter = files.templates.email(message, language, sample)?;
    Ok(if preview.text {
        format!("Subject: {}\n\n{}", letter.subject, letter.text)
    } else {
        letter.html
    })
}
