// SPDX-License-Identifier: MPL-2.0
//! The drawings of certificates. An input is a certificate and its parts `a`, `b` and `c`, with `====`
//! between them, in a folder over the sample country. What is taken can be filled in.
#![no_main]

use country::certificates::{ClientSettings, Record};
use country::{Files, certificates};
use countryconfig::settings::Settings;
use countryconfig_fuzz::{divided, in_time, sample_country, seed, text};
use libfuzzer_sys::fuzz_target;
use std::path::PathBuf;
use std::sync::LazyLock;
use tempfile::TempDir;

const LIST: &str = r#"
[[certificate]]
id = "a"
event = "birth"
label = { id = "certificates.birth.certificate", text = "Birth Certificate copy", description = "A certificate" }
default = true
fee = { on-time = 7, late = 10.6, delayed = 18 }
svg = "a.svg"
fonts = ["Noto Sans"]

[[font]]
name = "Noto Sans"
normal = "NotoSans-Regular.ttf"
bold = "NotoSans-Bold.ttf"
italics = "NotoSans-Regular.ttf"
bolditalics = "NotoSans-Regular.ttf"
"#;

struct Country {
    _folder: TempDir,
    certificates: PathBuf,
    settings: Settings,
    files: String,
}

static COUNTRY: LazyLock<Country> = LazyLock::new(|| {
    let memory = std::path::Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    };
    let folder = folder.expect("there is a folder");
    let certificates = folder.path().join("certificates");
    std::fs::create_dir_all(certificates.join("parts")).expect("there is a folder");
    std::fs::write(folder.path().join("certificates.toml"), LIST).expect("it is written");
    let files = format!("built-in:{}", folder.path().display());
    let variable = ("COUNTRY_DIR".to_owned(), files.clone());
    let settings = Settings::load(None, [variable].into_iter()).expect("the settings are good");
    Country {
        certificates,
        settings,
        files,
        _folder: folder,
    }
});

fn seeds() -> Vec<String> {
    let file = |name: &str| text(&format!("certificates/{name}"));
    let mut seeds = vec![
        file("birth-certificate.svg"),
        file("birth-certified-copy.svg"),
    ];
    let parts =
        std::fs::read_dir(sample_country().join("certificates/parts")).expect("there are parts");
    for part in parts {
        let part = std::fs::read_to_string(part.expect("it is read").path()).expect("it is text");
        seeds.push(format!("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"100\" height=\"100\">{{{{> a}}}}</svg>\n====\n{part}"));
    }
    seeds
}

fuzz_target!(init: seed("certificate", seeds()), |text: &str| {
    let country = &*COUNTRY;
    let mut texts = divided(text);
    let write = |file: String, text: &str| {
        std::fs::write(country.certificates.join(file), text).expect("it is written");
    };
    write("a.svg".to_owned(), texts.next().unwrap_or_default());
    for part in ["a", "b", "c"] {
        write(format!("parts/{part}.svg"), texts.next().unwrap_or_default());
    }
    match in_time(|| certificates(&country.settings.country())) {
        Err(found) => assert!(found.iter().all(|fault| fault.line > 0 && fault.column > 0)),
        Ok((certificates, clients)) => {
            let files = Files::of(Some(&country.files));
            for certificate in certificates.iter() {
                let sample = certificate.sample(&files).expect("there is a sample");
                let settings = clients.iter().map(|(_, settings)| settings);
                for settings in settings.chain([&ClientSettings::default()]) {
                    let drawn = in_time(|| certificate.render(&sample, settings));
                    drawn.expect("what was taken can be drawn");
                    drop(certificate.render(&Record::default(), settings));
                }
            }
        }
    }
});
