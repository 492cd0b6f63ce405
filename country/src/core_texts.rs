// SPDX-License-Identifier: MPL-2.0
//! `translations/core-client.csv` and `translations/core-login.csv`: the texts of core's own client and
//! login page. The rows inside the program are also the list of the ids that core has.

use super::files::Files;
use super::icu;
use super::roles::Role;
use super::translations::{Row, Texts, difference, is_language};
use rules::csv_table::Table;
use rules::diagnostic::{Diagnostic, Severity, did_you_mean, is_enough};

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The version of core whose ids are listed.
const CORE: &str = "2.0";
/// The language that core's own texts are in: where there is no other text, core shows its own.
const OF_CORE: &str = "en";
/// The languages of the files in the program.
const IN_PROGRAM: [&str; 2] = [OF_CORE, "fr"];
/// The share of core's texts, in percent, below which a language is reported.
const ENOUGH: usize = 90;
/// Core shows this id for two countries, so that no name would be right.
const AMBIGUOUS: &str = "countries.KGZ";
/// The name of a role in a record's history, chosen by the role's id.
const ROLE: &str = "event.history.role";

/// The texts of core's client, and the file of core's own.
const CLIENT: &str = "translations/core-client.csv";
/// The same of the login page.
const LOGIN: &str = "translations/core-login.csv";

/// The texts of core's pages: those of the country, and those of core where the country has none.
pub(super) struct Pages {
    /// For core's client.
    pub(super) client: Texts,
    /// For the login page.
    pub(super) login: Texts,
    core: [Texts; 2],
}

impl Pages {
    /// `country` are the country's own texts for the client and for the login page.
    pub(super) fn read(
        files: &Files,
        roles: &[Role],
        [client, login]: [&Texts; 2],
        found: &mut Vec<Diagnostic>,
    ) -> Self {
        let mut core = [
            read(files, CLIENT, &client.languages, found),
            read(files, LOGIN, &login.languages, found),
        ];
        let [core_client, core_login] = &mut core;
        name_roles(core_client, roles, client);
        Self {
            client: client.clone().over(core_client),
            login: login.clone().over(core_login),
            core,
        }
    }

    /// The ids that core's client has.
    pub(super) fn core_ids(&self) -> HashSet<&str> {
        let [client, _] = &self.core;
        client.rows.iter().map(|row| row.id.as_str()).collect()
    }

    /// Reports languages in which people would read much of core in English.
    pub(super) fn problems(&self, files: &Files) -> Vec<Diagnostic> {
        let [client, login] = &self.core;
        let pages = [(client, &self.client), (login, &self.login)];
        let mut found = Vec::new();
        for (n, language) in self.client.languages.iter().enumerate() {
            let (mut all, mut there) = (0, 0);
            for (core, served) in pages {
                let ids = core.rows.iter().map(|row| row.id.as_str());
                let ids: HashSet<_> = ids.filter(|id| *id != AMBIGUOUS).collect();
                let has = |row: &&Row| row.texts.get(n).is_some_and(|text| !text.trim().is_empty());
                let rows = served.rows.iter().filter(has);
                there += rows.filter(|row| ids.contains(row.id.as_str())).count();
                all += ids.len();
            }
            if language != OF_CORE && there * 100 < all * ENOUGH {
                let lacks = all - there;
                found.push(Diagnostic {
                    severity: Severity::Warning,
                    hint: Some(format!("add a column `{language}` to {CLIENT} and {LOGIN}")),
                    ..Diagnostic::of_file(
                        files.name_of(CLIENT),
                        format!("`{language}` lacks {lacks} of the {all} texts of core {CORE}: people will read these in English"),
                    )
                });
            }
        }
        found
    }
}

/// Texts of the country's client, with those of core where it has none.
pub(super) fn with_those_of_core(
    client: &Texts,
    files: &Files,
    found: &mut Vec<Diagnostic>,
) -> Texts {
    let core = read(files, CLIENT, &client.languages, found);
    client.clone().over(&core)
}

/// Reads a file of core's texts. A country need not have it; what it lacks is taken from the program, so that
/// a new version brings new texts.
fn read(files: &Files, file: &str, languages: &[String], found: &mut Vec<Diagnostic>) -> Texts {
    let built_in = Files::of(None).text(file).unwrap_or_default();
    let in_program = IN_PROGRAM.map(str::to_owned);
    let core = parse(file, &built_in, &in_program, None, found);
    let known = core.in_languages(languages);
    let own = files.find(file).and_then(|own| match own {
        Some(own) if *own != *built_in.as_bytes() => files.text(file).map(Some),
        _ => Ok(None),
    });
    match own {
        Ok(Some(text)) => {
            let own = parse(&files.name_of(file), &text, languages, Some(&core), found);
            own.over(&known)
        }
        Ok(None) => known,
        Err(problem) => {
            found.push(problem);
            known
        }
    }
}

/// Reads rows of which each has an id and any of the languages. `known` are core's own, whose arguments are
/// those that core gives.
fn parse(
    file: &str,
    text: &str,
    languages: &[String],
    known: Option<&Texts>,
    found: &mut Vec<Diagnostic>,
) -> Texts {
    let also = |head: &str| head == "description" || is_language(head);
    let mut table = Table::read(file, text, &["id"], also);
    found.extend(table.take_found());
    let Some(id) = table.column("id") else {
        return Texts::default();
    };
    let columns: Vec<_> = languages.iter().map(|name| table.column(name)).collect();
    let file_name: Arc<str> = file.into();
    let core: Option<HashMap<&str, &Row>> =
        known.map(|known| known.rows.iter().map(|row| (&*row.id, row)).collect());
    let mut seen: HashSet<&str> = HashSet::new();
    let mut rows = Vec::new();
    for row in table.rows() {
        let name = row.cell(id);
        if !seen.insert(name) {
            let message = format!("there is another text `{name}` above");
            found.push(table.error(&row, id, message, Some("keep one of them".to_owned())));
        }
        let of_core = core.as_ref().and_then(|core| core.get(name));
        if let (Some(core), None) = (&core, of_core)
            && !is_enough(found, Severity::Warning)
        {
            let message = format!("core {CORE} has no text `{name}`");
            let hint = did_you_mean(name, core.keys().copied());
            found.push(table.warning(&row, id, message, hint));
        }
        // Who writes the whole text of the roles has an argument there, see `name_roles`.
        let expected = of_core.filter(|_| name != ROLE).and_then(|row| {
            let mut texts = row.texts.iter().filter(|text| !text.trim().is_empty());
            icu::arguments(texts.next()?).ok()
        });
        let mut texts = Vec::new();
        for (column, language) in columns.iter().zip(languages) {
            let Some(column) = *column else {
                texts.push(String::new());
                continue;
            };
            let text = row.raw(column);
            match icu::arguments(text) {
                Err(fault) => {
                    let message = format!("`{name}` in `{language}` cannot be formatted: {fault}");
                    found.push(table.error(&row, column, message, None));
                }
                Ok(given) if !text.trim().is_empty() => {
                    let differs = expected
                        .as_ref()
                        .and_then(|expected| difference(expected, &given, "core's text"));
                    if let Some((what, hint)) = differs {
                        let message = format!("`{name}` in `{language}`: {what}");
                        found.push(table.warning(&row, column, message, Some(hint)));
                    }
                }
                Ok(_) => {}
            }
            texts.push(text.to_owned());
        }
        rows.push(Row {
            id: name.to_owned(),
            texts,
            file: file_name.clone(),
            line: row.line,
        });
    }
    Texts {
        languages: languages.to_vec(),
        rows,
    }
}

/// Core has one text for the names of all roles, chosen by the role's id: made of `roles.toml` and its
/// translations. The row of the file is the word for a role that is in none of both.
fn name_roles(core: &mut Texts, roles: &[Role], country: &Texts) {
    let Some(row) = core.rows.iter_mut().find(|row| row.id == ROLE) else {
        return;
    };
    let labels: HashMap<&str, &Row> = country.rows.iter().map(|row| (&*row.id, row)).collect();
    for (n, text) in row.texts.iter_mut().enumerate() {
        let unknown = match text.trim() {
            "" => "?".to_owned(),
            // Somebody has written the whole text.
            word if word.contains('{') => continue,
            word => word.to_owned(),
        };
        let cases = roles.iter().map(|role| {
            let translated = labels.get(role.label.id());
            let translated = translated.and_then(|row| row.texts.get(n));
            let translated = translated.filter(|text| !text.trim().is_empty());
            let label = translated.map_or(role.label.text(), |text| text);
            format!("{} {{{label}}}", role.id)
        });
        let cases = cases.collect::<Vec<_>>().join(" ");
        *text = format!("{{role, select, {cases} other {{{unknown}}}}}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// A country's folder with these texts of core.
    fn country(text: &str) -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("translations")).unwrap();
        fs::write(folder.path().join(CLIENT), text).unwrap();
        let files = Files::of(folder.path().to_str());
        (folder, files)
    }

    fn texts_of(files: &Files, languages: &[&str]) -> (Texts, Vec<Diagnostic>) {
        let languages: Vec<_> = languages.iter().map(|&name| name.to_owned()).collect();
        let mut found = Vec::new();
        let texts = read(files, CLIENT, &languages, &mut found);
        (texts, found)
    }

    fn text<'t>(texts: &'t Texts, id: &str) -> Vec<&'t str> {
        let row = texts.rows.iter().find(|row| row.id == id).unwrap();
        row.texts.iter().map(String::as_str).collect()
    }

    #[test]
    fn a_country_changes_single_texts_and_gets_the_others_from_the_program() {
        let (_kept, files) = country("id,fr\naction.view,Voir : {recordOrDeclaration}\n");
        let (texts, found) = texts_of(&files, &["en", "fr"]);
        assert_eq!(found, []);
        let own = text(&texts, "action.view");
        assert_eq!(own, ["", "Voir : {recordOrDeclaration}"]);
        assert_eq!(
            text(&texts, "action.update"),
            ["", "Mettre à jour la déclaration"]
        );
    }

    #[test]
    fn mistakes_are_reported_against_the_texts_of_core() {
        let rows = "id,pt\naction.veiw,Ver\naction.assignee,Com {nome} em {officeName}\naction.action,Ação {\n";
        let (_kept, files) = country(rows);
        let (_, found) = texts_of(&files, &["en", "pt"]);
        let told: Vec<_> = found
            .iter()
            .map(|f| (f.line, f.message.as_str(), f.severity))
            .collect();
        assert_eq!(told.len(), 3, "{told:?}");
        assert_eq!(
            told[0],
            (2, "core 2.0 has no text `action.veiw`", Severity::Warning)
        );
        assert!(
            told[1].1.contains("there is no argument `nome`"),
            "{told:?}"
        );
        assert_eq!((told[2].0, told[2].2), (4, Severity::Error));
    }

    #[test]
    fn a_language_that_lacks_much_is_a_warning_with_the_number() {
        let (_kept, files) = country("id,pt\naction.update,Atualizar\n");
        let languages = ["en", "pt", "fr"].map(str::to_owned);
        let country = Texts {
            languages: languages.to_vec(),
            rows: vec![],
        };
        let pages = Pages::read(&files, &[], [&country, &country], &mut vec![]);
        let found = pages.problems(&files);
        assert_eq!(found.len(), 1, "{found:?}");
        let all = pages.client.rows.len() + pages.login.rows.len() - 1;
        // It has the text of its file, and the one that is made of the names of roles.
        let expected = format!("`pt` lacks {} of the {all} texts of core 2.0", all - 2);
        assert!(found[0].message.starts_with(&expected), "{found:?}");
    }
}
