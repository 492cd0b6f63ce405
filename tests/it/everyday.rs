// SPDX-License-Identifier: MPL-2.0
//! What countries change from day to day: in their files only, each change checked, served and counted in lines.

use countryconfig::settings::Settings;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is done to a file.
enum Edit {
    /// A file of the forms, which is laid over what is built in.
    New(&'static str, &'static str),
    /// A place in a file of the sample country, and what stands there afterwards.
    Replace(&'static str, &'static str, &'static str),
    /// A row at the end of a table.
    Row(&'static str, &'static str),
    /// A column at the end of a table, with the content of the column `en`.
    Column(&'static str, &'static str),
    /// A copy of a folder of the sample country.
    Copy(&'static str, &'static str),
}
use Edit::{Column, Copy, New, Replace, Row};

/// The change, where it is served, and what is served there then.
struct Change {
    name: &'static str,
    edits: Vec<Edit>,
    served: &'static str,
    shows: &'static str,
}

#[expect(clippy::too_many_lines, reason = "it is a table")]
fn changes() -> Vec<Change> {
    let change = |name, edits, served, shows| Change {
        name,
        edits,
        served,
        shows,
    };
    vec![
        change(
            "a new language",
            vec![
                Replace(
                    "application.toml",
                    r#"["en", "fr"]"#,
                    r#"["en", "fr", "pt"]"#,
                ),
                Column("translations/client.csv", "pt"),
                Column("translations/login.csv", "pt"),
                Column("translations/notification.csv", "pt"),
                Copy("templates/en", "templates/pt"),
            ],
            "/content/client",
            r#""lang":"pt""#,
        ),
        change(
            "an office and a user",
            vec![
                Row(
                    "locations.csv",
                    "CRO9001,Nuravel Registry,Location/FAR010102,CRVS_OFFICE",
                ),
                Row(
                    "users.csv",
                    "CRVS_OFFICE_CRO9001,Ilse,Tamarind,REGISTRATION_AGENT,0755510999,i.tamarind,ilse.tamarind@example.com,test",
                ),
            ],
            "/config/users",
            "i.tamarind",
        ),
        change(
            "a certificate line",
            vec![Replace(
                "certificates/birth-certificate.svg",
                "{{> row y=\"384\"",
                "{{> row y=\"700\" en=\"Weight\" fr=\"Poids\" text=($lookup $declaration \"child.weightAtBirth\")}}\n{{> row y=\"384\"",
            )],
            "/certificates/birth-certificate.svg",
            "child.weightAtBirth",
        ),
        change(
            "who may print",
            vec![Replace(
                "roles.toml",
                "  { type = \"record.print-certified-copies\", registered_in = \"administrativeArea\" },\n",
                "  { type = \"record.print-certified-copies\", registered_in = \"location\" },\n",
            )],
            "/config/roles",
            "type=record.print-certified-copies&registeredIn=location",
        ),
        change(
            "the text of an SMS",
            vec![Replace(
                "translations/notification.csv",
                "is your {{applicationName}} verification code.",
                "is the code for {{applicationName}}.",
            )],
            "",
            "",
        ),
        change(
            "the pattern of phones",
            vec![Replace(
                "application.toml",
                "\"^0(7|9)[0-9]{8}$\"",
                "\"^0(7|9)[0-9]{8}$|^[+]88[0-9]{8}$\"",
            )],
            "/config/events",
            "[+]88",
        ),
        change(
            "12 digits for the father's ID",
            vec![New(
                "forms/birth.toml",
                "[[change]]\nfield = \"father.nid\"\nvalid.remove = [\"error.invalidNationalId\"]\nvalid.add = [{ if = \"matches(father.nid, '^[0-9]{12}$')\", else = \"12 digits\" }]\n",
            )],
            "/config/events",
            "^[0-9]{12}$",
        ),
        change(
            "a field of one's own",
            vec![New(
                "forms/birth.toml",
                "[[add]]\nid = \"child.vaccinationCard\"\ntype = \"TEXT\"\nlabel = \"Number of the vaccination card\"\nafter = \"child.weightAtBirth\"\n",
            )],
            "/config/events",
            "child.vaccinationCard",
        ),
        change(
            "a hidden field",
            vec![New(
                "forms/birth.toml",
                "[[change]]\nfield = \"mother.occupation\"\nshow-if = \"false\"\n",
            )],
            "/config/events",
            "mother.occupation",
        ),
        change(
            "a new birth place",
            vec![New(
                "forms/birth.toml",
                "[[change]]\nfield = \"child.placeOfBirth\"\noptions.add = [{ value = \"IN_TRANSIT\", label = \"On the way\", after = \"PRIVATE_HOME\" }]\n",
            )],
            "/config/events",
            "IN_TRANSIT",
        ),
        change(
            "another fee",
            vec![Replace(
                "certificates.toml",
                "default = true\nfee = { on-time = 7, late = 10.6, delayed = 18 }\nsvg = \"birth",
                "default = true\nfee = { on-time = 8.25, late = 10.6, delayed = 18 }\nsvg = \"birth",
            )],
            "/config/events",
            "8.25",
        ),
    ]
}

/// A file of the sample country.
fn shipped(file: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    root.join("country/data").join(file)
}

/// Makes the edit, and tells how many lines were written by hand.
fn edit(folder: &Path, edit: &Edit) -> usize {
    let write = |file: &str, text: &str| {
        let path = folder.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let read = |file: &str| fs::read_to_string(shipped(file)).unwrap();
    match edit {
        New(file, text) => {
            write(file, text);
            text.lines().count()
        }
        Replace(file, before, after) => {
            let text = read(file);
            assert!(text.contains(before), "{file} has no {before}");
            write(file, &text.replacen(before, after, 1));
            let kept = after.lines().filter(|line| before.contains(line));
            after.lines().count() - kept.count()
        }
        Row(file, row) => {
            write(file, &format!("{}{row}\n", read(file)));
            1
        }
        Column(file, name) => {
            let text = read(file);
            let mut rows = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(text.as_bytes());
            let mut table = csv::Writer::from_writer(Vec::new());
            let mut source = None;
            for row in rows.records() {
                let mut row = row.unwrap();
                let source =
                    *source.get_or_insert_with(|| row.iter().position(|cell| cell == "en"));
                let english = row.get(source.unwrap()).unwrap().to_owned();
                row.push_field(if english == "en" { name } else { &english });
                table.write_record(&row).unwrap();
            }
            write(
                file,
                &String::from_utf8(table.into_inner().unwrap()).unwrap(),
            );
            0
        }
        Copy(from, to) => {
            for entry in fs::read_dir(shipped(from)).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                write(
                    &format!("{to}/{name}"),
                    &fs::read_to_string(entry.path()).unwrap(),
                );
            }
            0
        }
    }
}

/// Each change is in order at once, and shows where it is served. None takes more than a few lines, and a table or
/// templates to translate where a language is added.
#[test]
fn everyday_changes_need_no_rust() {
    for change in changes() {
        let folder = tempfile::tempdir().unwrap();
        let lines: usize = change
            .edits
            .iter()
            .map(|made| edit(folder.path(), made))
            .sum();
        let dirs = format!("built-in:{}", folder.path().display());
        let own = ("COUNTRY_DIR".to_owned(), dirs);
        let settings = Settings::load(None, [own].into_iter()).unwrap().country();
        let begun = Instant::now();
        let country = country::load(&settings)
            .unwrap_or_else(|faults| panic!("{}: {faults:#?}", change.name));
        println!("{}: {lines} lines, {:?}", change.name, begun.elapsed());
        assert!(lines <= 5, "{}", change.name);
        assert_eq!(country.warnings, [], "{}", change.name);
        if !change.served.is_empty() {
            let mut served = country.served.iter();
            let (_, content) = served.find(|(path, _)| *path == change.served).unwrap();
            let text = String::from_utf8(content.bytes.to_vec()).unwrap();
            assert!(text.contains(change.shows), "{}", change.name);
            let is_json = change.served.starts_with("/config/");
            assert!(!is_json || serde_json::from_str::<Value>(&text).is_ok());
        }
    }
}
