// SPDX-License-Identifier: MPL-2.0
//! The country as data: the files of `country/data/`, built into the program or taken from `COUNTRY_DIR`,
//! together with the forms. Everything is read and checked before any of it is served.

use causes_of_death::Causes;
use certificates::{Certificates, ClientSettings, Clients, Readable, country_text};
use credential_template::CredentialTemplate;
use integrations::WantedIntegration;
use jiff::tz::TimeZone;
use marks::Marks;
use notification::NotificationFiles;
use opencrvs_toolkit::core_version::CoreVersion;
use opencrvs_toolkit::event::Event;
use opencrvs_toolkit::message::{Message, message};
use opencrvs_toolkit::visibility::Visibility;
use opencrvs_toolkit::workqueue::Workqueue;
use opencrvs_toolkit::writer;
use roles::{Role, Roles};
use rules::Vocabulary;
use rules::annotated_toml::position;
use rules::diagnostic::{Diagnostic, Severity, closest, mistyped};
use rules::eligibility::{Cases, RuleSet};
use rules::mosip_mapping::Mapping;
use rules::policy::Policy;
use rules::registration_numbers::Formats;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use texts::{IN_PROGRAM, TextUse};
use translations::Syntax;
use users::User;

pub mod analytics_config;
mod application;
pub mod causes_of_death;
pub mod certificates;
mod core_texts;
mod coverage;
pub mod credential_template;
mod currency;
pub mod files;
mod form_index;
mod icu;
pub mod integrations;
mod last_numbers;
mod manifest;
mod map;
pub mod marks;
pub mod notification;
pub mod overlays;
mod places;
mod registration_numbers;
mod roles;
mod scopes;
mod served;
mod settings;
mod statistics;
mod texts;
mod translations;
pub mod upgrade;
mod users;
mod workqueues;

pub use application::Application;
pub use files::{Files, fingerprint, folders, init, init_minimal};
pub use form_index::FormIndex;
pub use last_numbers::{LastNumber, last_numbers, office};
pub use places::{Area, Location, Places};
pub use served::{Caching, Content, Served};
pub use settings::{CountrySettings, WebUrl};
pub use statistics::{Population, Year};
pub use translations::Texts;
pub use users::Unsafe;

/// The code of the country inside the program.
pub const SAMPLE_COUNTRY: &str = "FAR";

/// Its name in core's client.
const SAMPLE_COUNTRY_NAME: &str = "Farajaland";

/// A country that was checked, ready to be served.
pub struct Snapshot {
    /// The content that is served, by path.
    pub served: Served,
    /// The country for core and its pages.
    pub application: Application,
    /// The country's name in the file of the areas.
    pub name: Option<String>,
    /// The templates of requests for credentials.
    pub credentials: Arc<[CredentialTemplate]>,
    /// The causes of death that a physician can choose.
    pub causes_of_death: Arc<Causes>,
    /// The system clients of core that it needs.
    pub integrations: Arc<[WantedIntegration]>,
    /// The population of the areas.
    pub populations: Vec<Population>,
    /// `birth`, `death` …
    pub event_types: Vec<String>,
    /// The fields that hold the place of an event.
    pub place_fields: Vec<String>,
    /// The fields whose answers are counted.
    pub marks: Marks,
    /// Rules, mapping, and the answers that count.
    pub policy: Arc<Policy>,
    /// The messages that people get, and how they are sent.
    pub notification: Arc<NotificationFiles>,
    /// The cases that the rules must decide as expected.
    pub cases: Cases,
    /// The reason why the users may not be served in production.
    pub users_unsafe: Option<Unsafe>,
    /// Warnings about things that work, but were probably meant otherwise.
    pub warnings: Vec<Diagnostic>,
    /// The fingerprint of the content of the files.
    pub fingerprint: u64,
}

impl Snapshot {
    /// The country's own cases that its rules do not meet.
    pub fn failing_cases(&self) -> Vec<Diagnostic> {
        self.policy.rules.run_cases(&self.cases).errors()
    }
}

/// The timeout of reading; far longer than the largest country takes.
const LONGEST: Duration = Duration::from_mins(1);
/// The stack of the thread that reads files, in bytes: large enough for what the parsers accept.
const STACK: usize = 16 * 1024 * 1024;

/// Reads and checks the files of the country.
///
/// # Errors
/// Everything that is wrong with them.
pub fn load(settings: &CountrySettings) -> Result<Snapshot, Vec<Diagnostic>> {
    let files = Files::of(settings.country_dir.as_deref());
    read(settings, files, CheckLevel::Serve)
}

/// Checks files of the country that are to replace those that are served, with their cases, so that a change
/// leaves a country that works.
///
/// # Errors
/// Everything that is wrong with them.
pub fn change(settings: &CountrySettings, files: Files) -> Result<Snapshot, Vec<Diagnostic>> {
    read(settings, files, CheckLevel::Change)
}

/// Reads files with the checks of [`check`]; what was probably meant otherwise is among the warnings.
///
/// # Errors
/// Everything that is wrong with them.
pub fn checked(settings: &CountrySettings, files: Files) -> Result<Snapshot, Vec<Diagnostic>> {
    read(settings, files, CheckLevel::Check)
}

/// All faults of the country, and everything that was probably meant otherwise.
pub fn check(settings: &CountrySettings) -> Vec<Diagnostic> {
    let files = Files::of(settings.country_dir.as_deref());
    read(settings, files, CheckLevel::Check)
        .map_or_else(|problems| problems, |country| country.warnings)
}

/// The depth of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CheckLevel {
    /// Checks everything that could be served wrong.
    Serve,
    /// Also runs the cases: a file that was cut off may be without fault.
    Change,
    /// Also checks the forms, which are compiled in and tested, and finds what is missing or without effect.
    Check,
}

/// Reads on a thread of its own. The parsers have limits; if one of them still panics or does not end, that
/// is reported as a fault of the file that it reads, and the server keeps running.
fn read(
    settings: &CountrySettings,
    files: Files,
    level: CheckLevel,
) -> Result<Snapshot, Vec<Diagnostic>> {
    let (files, settings) = (Arc::new(files), settings.clone());
    let read = {
        let files = files.clone();
        within(LONGEST, move || read_here(&settings, &files, level))
    };
    read.unwrap_or_else(|why| Err(vec![Diagnostic::of_file(files.asked(), why)]))
}

/// Works on a thread of its own, which is abandoned when it takes too long.
///
/// # Errors
/// The reason for a missing result, as text.
fn within<T: Send + 'static>(
    longest: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    let (tell, told) = mpsc::channel();
    let thread = std::thread::Builder::new().stack_size(STACK);
    let working = thread.spawn(move || drop(tell.send(work())));
    working.map_err(|error| format!("there is no thread to read it: {error}"))?;
    told.recv_timeout(longest).map_err(|why| match why {
        mpsc::RecvTimeoutError::Timeout => {
            let seconds = longest.as_secs();
            format!("reading the country's files has not come to an end in {seconds} s; this file was the last")
        }
        mpsc::RecvTimeoutError::Disconnected => {
            "reading the country's files broke off; this file was the last".to_owned()
        }
    })
}

fn read_here(
    settings: &CountrySettings,
    files: &Files,
    level: CheckLevel,
) -> Result<Snapshot, Vec<Diagnostic>> {
    if let Some(problem) = files.problem() {
        return Err(vec![problem]);
    }
    let mut reading = Reading::of(files);
    // Languages, levels and dashboards of all other files are its own: without it nothing can be judged.
    let Some(application) = reading.application() else {
        return Err(reading.found);
    };
    let environment = environment(settings, files, &application);
    let version = settings.core_version;
    let built = build(files, &environment, &application, level, version)?;
    reading.found.extend(built.problems);
    reading.said.extend(built.said_in_files);
    let forms = &built.forms;
    let places = reading.places(application.levels.len());
    let policy = reading.policy(forms, &built.visibility, &application.time_zone, &places);
    let certificates = reading.certificates(&built.readable);
    let dashboards = application.dashboards.iter().map(|(id, ..)| id.as_str());
    let lists = reading.lists(version, forms, &certificates, dashboards.collect());
    let (roles, workqueues) = (lists.roles, lists.workqueues);
    let causes_of_death = Arc::new(reading.causes_of_death());
    let credentials = reading.credentials(&forms.vocabulary).into();
    let users = reading.users(settings, &application, &roles, &places);
    let populations = reading.populations(&places);
    reading.found.extend(manifest::problems(files));
    let languages = &application.languages;
    let mut client = reading.client_texts(languages);
    client.fill_in(&forms::filled_in(&environment));
    let login = reading.texts("translations/login.csv", languages, Syntax::Icu);
    let pages = core_texts::Pages::read(files, &roles.list, [&client, &login], &mut reading.found);
    let notification = notification::read_files(&mut reading, &application);
    let mut served = Served::default();
    served.json("/config/events", built.json);
    let documents = [
        ("/config/workqueues", serde_json::to_vec(&workqueues)),
        ("/config/roles", serde_json::to_vec(&roles.list)),
        (
            "/config/application",
            serde_json::to_vec(&application.document()),
        ),
        ("/config/locations", places.document()),
        ("/config/users", serde_json::to_vec(&users)),
        ("/certificates", serde_json::to_vec(&certificates.json())),
        ("/content/client", pages.client.document()),
        ("/content/login", pages.login.document()),
    ];
    for (path, document) in documents {
        match document {
            Ok(document) => served.json(path, document),
            Err(error) => reading
                .found
                .push(Diagnostic::of_file(path, error.to_string())),
        }
    }
    for (file, svg) in certificates.svgs() {
        let path = format!("/certificates/{file}");
        served.file(&path, svg.into_bytes().into(), Caching::Revalidate);
    }
    reading.pages(settings, &application, &places, &mut served);
    if level == CheckLevel::Check {
        reading.said.extend(built.said);
        reading.said.extend(workqueues::titles().map(in_program));
        reading.name_of_the_country(&application);
        let core_ids = pages.core_ids();
        coverage::problems(files, &client, &core_ids, &reading.said, &mut reading.found);
        reading.found.extend(pages.problems(files));
        let unknown = unknown_files(files, &certificates.files());
        let demo = demo(settings, files, &application, &users);
        reading.found.extend(demo.into_iter().chain(unknown));
    }
    if let Some((policy, cases)) = &policy {
        reading.cases(policy, cases, level);
    }
    explain_removals(&built.removed, &mut reading.found);
    let whole = policy
        .zip(notification)
        .filter(|_| !is_refused(&reading.found));
    let Some(((policy, cases), notification)) = whole else {
        return Err(reading.found);
    };
    Ok(Snapshot {
        served,
        users_unsafe: users::danger(&users),
        name: places.country,
        causes_of_death,
        credentials,
        integrations: lists.integrations.into(),
        populations,
        place_fields: forms.place_fields.clone(),
        event_types: forms.event_types().map(str::to_owned).collect(),
        fingerprint: files.fingerprint(),
        marks: built.marks,
        policy: Arc::new(policy),
        notification: Arc::new(notification),
        cases,
        warnings: reading.found,
        application,
    })
}

fn is_refused(found: &[Diagnostic]) -> bool {
    found
        .iter()
        .any(|problem| problem.severity == Severity::Error)
}

/// Reads one file after the other, and goes on after a fault so that all faults are found at once.
struct Reading<'a> {
    files: &'a Files,
    said: Vec<TextUse>,
    found: Vec<Diagnostic>,
}

impl<'a> Reading<'a> {
    fn of(files: &'a Files) -> Self {
        Self {
            files,
            said: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Name and text of a file; empty where it cannot be read.
    fn text(&mut self, file: &str) -> Option<(String, String)> {
        match self.files.text(file) {
            Ok(text) => Some((self.files.name_of(file), text)),
            Err(problem) => {
                self.found.push(problem);
                None
            }
        }
    }

    /// The value that a parser makes of a file; nothing if the file is refused.
    fn parsed<T>(
        &mut self,
        file: &str,
        parse: impl FnOnce(&str, &str) -> Result<T, Vec<Diagnostic>>,
    ) -> Option<T> {
        let (name, text) = self.text(file)?;
        match parse(&name, &text) {
            Ok(parsed) => Some(parsed),
            Err(problems) => {
                self.found.extend(problems);
                None
            }
        }
    }

    fn application(&mut self) -> Option<Application> {
        let (name, text) = self.text("application.toml")?;
        Application::parse(self.files, &name, &text, &mut self.said, &mut self.found)
    }

    fn policy(
        &mut self,
        forms: &FormIndex,
        visibility: &Arc<Visibility>,
        time_zone: &TimeZone,
        places: &Places,
    ) -> Option<(Policy, Cases)> {
        let vocabulary = &forms.vocabulary;
        let files = self.files;
        let rules = self.parsed("eligibility.toml", |name, text| {
            RuleSet::parse(name, text, vocabulary)
        });
        let mapping = self.parsed("mosip.toml", |name, text| {
            Mapping::parse(name, text, vocabulary, &|file| files.text(file).ok())
        });
        let cases = self.parsed("eligibility.tests.toml", |name, text| {
            Cases::parse(name, text, vocabulary)
        });
        let numbers = self.registration_numbers(forms, places);
        let (rules, mapping) = (rules?, mapping?);
        self.found.extend(mapping.lacks(&rules));
        self.found.extend(rules.warnings().iter().cloned());
        let policy = Policy {
            rules,
            mapping,
            visibility: visibility.clone(),
            time_zone: time_zone.clone(),
            numbers,
        };
        Some((policy, cases?))
    }

    /// A country without the file has random numbers, as its settings say.
    fn registration_numbers(&mut self, forms: &FormIndex, places: &Places) -> Formats {
        const FILE: &str = registration_numbers::FILE;
        if matches!(self.files.find(FILE), Ok(None)) {
            return Formats::default();
        }
        let Some((name, text)) = self.text(FILE) else {
            return Formats::default();
        };
        let events: Vec<&str> = forms.event_types().collect();
        registration_numbers::parse(&name, &text, &events, places, &mut self.found)
    }

    /// Lets the rules decide the country's own cases.
    fn cases(&mut self, policy: &Policy, cases: &Cases, level: CheckLevel) {
        if level == CheckLevel::Serve {
            return;
        }
        let report = policy.rules.run_cases(cases);
        self.found.extend(report.errors());
        if level == CheckLevel::Check {
            self.found.extend(report.warnings());
        }
    }

    /// Roles, workqueues and system clients, which name each other.
    fn lists(
        &mut self,
        core: CoreVersion,
        forms: &FormIndex,
        certificates: &Certificates,
        dashboards: BTreeSet<&str>,
    ) -> Lists {
        let roles = self.text("roles.toml");
        let ids = roles.as_ref().map(|(_, text)| roles::ids(text));
        let ids = ids.unwrap_or_default();
        let workqueues = self.text("workqueues.toml").map(|(name, text)| {
            workqueues::parse(
                &name,
                &text,
                forms,
                &ids,
                core,
                &mut self.said,
                &mut self.found,
            )
        });
        let workqueues = workqueues.unwrap_or_default();
        let known = roles::Known {
            core,
            forms,
            workqueues: workqueues.iter().map(Workqueue::slug).collect(),
            certificates,
            dashboards,
        };
        let roles = roles.map(|(name, text)| {
            roles::parse(&name, &text, &known, &mut self.said, &mut self.found)
        });
        let integrations = match self.files.find(integrations::FILE) {
            Ok(None) => Vec::new(),
            _ => self
                .text(integrations::FILE)
                .map_or_else(Vec::new, |(name, text)| {
                    integrations::parse(&name, &text, &known, &mut self.found)
                }),
        };
        let list = roles.unwrap_or_default();
        if !list.is_empty() {
            self.found.extend(unseen(self.files, &workqueues, &list));
            self.found.extend(unusable(self.files, forms, &list));
        }
        Lists {
            roles: Roles { ids, list },
            workqueues,
            integrations,
        }
    }

    fn certificates(&mut self, events: &[Arc<Readable>]) -> Certificates {
        Certificates::read(self.files, events, &mut self.said, &mut self.found)
    }

    fn places(&mut self, levels: usize) -> Places {
        let areas = self.text("administrative-areas.csv");
        let locations = self.text("locations.csv");
        let mut places = Places::default();
        if let Some((file, text)) = areas {
            places.read_areas(&file, &text, levels, &mut self.found);
        }
        if let Some((file, text)) = locations {
            places.read_locations(&file, &text, &mut self.found);
        }
        places
    }

    /// Adds the text with the country's name in core's client to those that need a translation.
    fn name_of_the_country(&mut self, application: &Application) {
        // Without a text, core's client gives every country the name of its sample country.
        if application.country_code != SAMPLE_COUNTRY {
            let id = country_text(&application.country_code);
            self.said.push(in_program(message(id, SAMPLE_COUNTRY_NAME)));
        }
    }

    fn populations(&mut self, places: &Places) -> Vec<Population> {
        let read = self.text("statistics.csv");
        let populations =
            read.map(|(name, text)| statistics::parse(&name, &text, places, &mut self.found));
        populations.unwrap_or_default()
    }

    /// The templates in `credentials/`: one for each kind and event. Files that an editor leaves beside them
    /// are ignored.
    fn credentials(&mut self, vocabulary: &Vocabulary) -> Vec<CredentialTemplate> {
        let mut templates: Vec<(String, CredentialTemplate)> = Vec::new();
        let mut files = self.files.list("credentials");
        files.retain(|file| is_toml(file));
        for file in files {
            let read = self.parsed(&file, |name, text| {
                CredentialTemplate::parse(name, text, vocabulary)
            });
            let Some(read) = read else { continue };
            let (kind, event) = (read.kind, &read.event);
            let mut known = templates.iter();
            if let Some((other, _)) = known.find(|(_, t)| t.kind == kind && t.event == *event) {
                let kind = kind.name();
                let message = format!("`{other}` is for the kind `{kind}` of a `{event}` already");
                self.found
                    .push(Diagnostic::of_file(self.files.name_of(&file), message));
            }
            templates.push((file, read));
        }
        templates
            .into_iter()
            .map(|(_, template)| template)
            .collect()
    }

    /// A country without the file has a form without a list.
    fn causes_of_death(&mut self) -> Causes {
        const FILE: &str = "causes-of-death.csv";
        match self.files.find(FILE) {
            Ok(None) => Causes::default(),
            _ => self
                .text(FILE)
                .map_or_else(Causes::default, |(name, text)| {
                    causes_of_death::parse::parse(&name, &text, &mut self.found)
                }),
        }
    }

    /// The users of `USERS_FILE`, else those of the country.
    fn users(
        &mut self,
        settings: &CountrySettings,
        application: &Application,
        roles: &Roles,
        places: &Places,
    ) -> Vec<User> {
        let read = match &settings.users_file {
            None => self.text("users.csv"),
            Some(path) => match files::text_at(path) {
                Ok(text) => Some((path.display().to_string(), text)),
                Err(error) => {
                    let why = format!("the file of USERS_FILE cannot be read: {error}");
                    self.found
                        .push(Diagnostic::of_file(path.display().to_string(), why));
                    None
                }
            },
        };
        let phone = application.phone_number();
        let is_phone = |number: &str| phone.as_ref().is_some_and(|phone| phone.matches(number));
        let users = read.map(|(name, text)| {
            users::parse(&name, &text, roles, places, &is_phone, &mut self.found)
        });
        users.unwrap_or_default()
    }

    fn texts(&mut self, file: &str, languages: &[String], syntax: Syntax) -> Texts {
        let read = self.text(file);
        let texts =
            read.map(|(name, text)| Texts::parse(&name, &text, languages, syntax, &mut self.found));
        texts.unwrap_or_default()
    }

    /// The texts of core's client: those of the country, and those next to its changes to the forms.
    fn client_texts(&mut self, languages: &[String]) -> Texts {
        let mut texts = self.texts("translations/client.csv", languages, Syntax::Icu);
        for file in self.files.list(overlays::FOLDER) {
            if Path::new(&file)
                .extension()
                .is_some_and(|kind| kind == "csv")
            {
                texts.extend(self.texts(&file, languages, Syntax::Icu));
            }
        }
        texts
    }

    /// The texts of core's client in one language, by id; those that are empty are left out.
    fn texts_in(&mut self, language: &str) -> BTreeMap<String, String> {
        let texts = self.client_texts(&[language.to_owned()]);
        let text = |row: translations::Row| {
            let text = row.texts.into_iter().next()?;
            (!text.trim().is_empty()).then_some((row.id, text))
        };
        texts.rows.into_iter().filter_map(text).collect()
    }

    /// Scripts, pictures, fonts and whatever else browsers ask for.
    fn pages(
        &mut self,
        settings: &CountrySettings,
        application: &Application,
        places: &Places,
        served: &mut Served,
    ) {
        const SCRIPT: &str = "application/javascript; charset=utf-8";
        let scripts = [
            ("/client-config.js", application.client_config(settings)),
            ("/login-config.js", application.login_config(settings)),
        ];
        for (path, script) in scripts {
            served.add(
                path,
                SCRIPT,
                script.into_bytes().into(),
                Caching::Revalidate,
            );
        }
        let helpers = self.files.find("handlebars.js");
        // Core's client imports this module; without helpers of the country it is one that exports none.
        let helpers = helpers
            .ok()
            .flatten()
            .unwrap_or(Cow::Borrowed(b"export {}\n"));
        served.file("/handlebars.js", helpers, Caching::Revalidate);
        let logo = &application.logo;
        served.add(
            "/content/country-logo",
            logo.content_type,
            logo.bytes.clone().into(),
            Caching::Revalidate,
        );
        match self.files.bytes("map.geojson") {
            Ok(map) => {
                self.found.extend(map::problems(
                    &self.files.name_of("map.geojson"),
                    &map,
                    places,
                ));
                served.file("/content/map.geojson", map, Caching::Revalidate);
            }
            Err(problem) => self.found.push(problem),
        }
        for (folder, caching) in [("fonts", Caching::Forever), ("static", Caching::Revalidate)] {
            for file in self.files.list(folder) {
                match self.files.bytes(&file) {
                    Ok(bytes) => served.file(&format!("/{file}"), bytes, caching),
                    Err(problem) => self.found.push(problem),
                }
            }
        }
    }
}

/// See [`Reading::lists`].
struct Lists {
    roles: Roles,
    workqueues: Vec<Workqueue>,
    integrations: Vec<WantedIntegration>,
}

/// Workqueues that no role has.
fn unseen(files: &Files, workqueues: &[Workqueue], roles: &[Role]) -> Vec<Diagnostic> {
    const FILE: &str = "workqueues.toml";
    let text = files.text(FILE).unwrap_or_default();
    let seen = |slug: &str| roles.iter().any(|role| role.sees(slug));
    let unseen = workqueues.iter().filter(|queue| !seen(queue.slug()));
    let warning = |queue: &Workqueue| {
        let at = text.find(&format!("\"{}\"", queue.slug()));
        let (line, column) = position(&text, at.unwrap_or(0));
        Diagnostic {
            severity: Severity::Warning,
            line,
            column,
            hint: Some("name it in the scope `workqueue` of a role in roles.toml".to_owned()),
            ..Diagnostic::of_file(
                files.name_of(FILE),
                format!("nobody sees the workqueue `{}`", queue.slug()),
            )
        }
    };
    unseen.map(warning).collect()
}

/// Actions that the country's changes of the forms name and that no role may use.
fn unusable(files: &Files, forms: &FormIndex, roles: &[Role]) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for event in forms.event_types() {
        for (file, text) in files.in_layers(&format!("{}/{event}.toml", overlays::FOLDER)) {
            let Ok(text) = text else {
                continue;
            };
            let actions = forms.custom_actions(event);
            let unusable =
                actions.filter(|action| !roles.iter().any(|role| role.may_use(event, action)));
            for action in unusable {
                let written = ['"', '\''].map(|quote| format!("id = {quote}{action}{quote}"));
                let Some(at) = written.iter().find_map(|written| text.find(written)) else {
                    continue;
                };
                let (line, column) = position(&text, at);
                found.push(Diagnostic {
                    severity: Severity::Warning,
                    line,
                    column,
                    hint: Some(format!(
                        "add to the scopes of a role in roles.toml: {{ type = \"record.custom-action\", event = [\"{event}\"], custom_action_types = [\"{action}\"] }}"
                    )),
                    ..Diagnostic::of_file(&file, format!("no role may use the action `{action}`"))
                });
            }
        }
    }
    found
}

fn is_toml(file: &str) -> bool {
    Path::new(file)
        .extension()
        .is_some_and(|kind| kind == "toml")
}

/// Names the removal as the cause of errors about fields that the country's files remove.
fn explain_removals(removed: &[(String, String)], found: &mut [Diagnostic]) {
    let errors = found.iter_mut().filter(|problem| {
        problem.severity == Severity::Error && !problem.message.contains("is removed")
    });
    for problem in errors {
        let is_named =
            |(field, _): &&(String, String)| problem.message.contains(&format!("`{field}`"));
        if let Some((field, place)) = removed.iter().find(is_named) {
            problem.hint = Some(format!(
                "`{field}` is removed in {place}. Hide it there instead: [[change]] with field = \"{field}\" and show-if = \"false\". Or take it out of this file too, in your folder"
            ));
        }
    }
}

/// Files that nothing reads because of a typing error in their names. `drawn` are those of the certificates.
fn unknown_files(files: &Files, drawn: &BTreeSet<String>) -> Vec<Diagnostic> {
    let known = Files::of(None).list("");
    let folders: BTreeSet<&str> = known
        .iter()
        .filter_map(|file| Some(file.split_once('/')?.0))
        .chain([overlays::FOLDER, "credentials", "static", "fonts"])
        .collect();
    // Where the program has no file of that name: `form/birth.toml`.
    let of_other_folder = |file: &str| {
        let (folder, rest) = file.split_once('/')?;
        let is_known = folders.contains(folder);
        let meant = mistyped(&folder.to_lowercase(), folders.iter().copied())?;
        (!is_known).then(|| format!("{meant}/{rest}"))
    };
    let strange = |file: &String| {
        // Read or served whatever they are called.
        let named_freely = ["static/", "fonts/", "forms/"]
            .iter()
            .any(|folder| file.starts_with(folder))
            || file.starts_with("credentials/") && is_toml(file)
            || drawn.contains(file);
        if named_freely {
            return None;
        }
        let alike = closest(file, known.iter().map(String::as_str));
        let alike = alike.filter(|_| !known.contains(file));
        let meant = of_other_folder(file).or_else(|| alike.map(str::to_owned))?;
        (!files.has_both(&meant, file)).then(|| Diagnostic {
            severity: Severity::Warning,
            hint: Some(format!("did you mean `{meant}`?")),
            ..Diagnostic::of_file(files.name_of(file), "nothing reads this file")
        })
    };
    files.list("").iter().filter_map(strange).collect()
}

/// Warns of demonstration data and settings where there are records of real people.
fn demo(
    settings: &CountrySettings,
    files: &Files,
    application: &Application,
    users: &[User],
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if !settings.holds_real_records {
        return found;
    }
    let mut warn = |file: String, message: String, hint: &str| {
        found.push(Diagnostic {
            severity: Severity::Warning,
            hint: Some(hint.to_owned()),
            ..Diagnostic::of_file(file, message)
        });
    };
    if application.country_code == SAMPLE_COUNTRY {
        warn(
            files.name_of("application.toml"),
            format!("`{SAMPLE_COUNTRY}` is the sample country, with invented places and offices"),
            "COUNTRY_DIR names the folder of your own country",
        );
    }
    if let Some(why) = users::danger(users) {
        let message = format!("{why}, so the users are not given to core's seeder");
        let own = settings.users_file.as_ref();
        warn(
            own.map_or_else(
                || files.name_of("users.csv"),
                |file| file.display().to_string(),
            ),
            message,
            "set USERS_FILE to a file where each has a password of their own",
        );
    }
    if settings.openid_provider_client_id.starts_with("mock") {
        let message = "OPENID_PROVIDER_CLIENT_ID is that of the stand-in for E-Signet".to_owned();
        warn(
            "the settings".to_owned(),
            message,
            "set it to the id that E-Signet gave this country",
        );
    }
    found
}

/// The data about the events that is kept once they are built.
struct Built {
    json: Vec<u8>,
    /// The fields that the country's files remove, with the places.
    removed: Vec<(String, String)>,
    forms: FormIndex,
    marks: Marks,
    visibility: Arc<Visibility>,
    readable: Vec<Arc<Readable>>,
    /// The texts of the built events; none unless it is [`CheckLevel::Check`].
    said: Vec<TextUse>,
    /// The texts of the country's files.
    said_in_files: Vec<TextUse>,
    /// The faults in the events: those that this version of core would refuse; at [`CheckLevel::Check`], also
    /// those that any version would.
    problems: Vec<Diagnostic>,
}

/// Builds the events on a thread of its own. Its many small pieces of memory lie together there, and
/// are given back as a whole when it ends.
fn build(
    files: &Files,
    environment: &forms::Environment,
    application: &Application,
    level: CheckLevel,
    version: CoreVersion,
) -> Result<Built, Vec<Diagnostic>> {
    let built = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let building = thread.spawn_scoped(scope, || {
            let overlays::Events {
                list: events,
                said: said_in_files,
                removed,
                found: mut problems,
                definitions: _,
            } = overlays::events(files, environment);
            let written = writer::events(&events, version)?;
            let said = match level {
                CheckLevel::Serve | CheckLevel::Change => vec![],
                CheckLevel::Check => {
                    problems.extend(program_problems(&events));
                    said(&events)
                }
            };
            problems.extend(of_forms(&written.problems));
            let visibility = Visibility::of(&events);
            Ok::<_, serde_json::Error>(Built {
                removed,
                json: serde_json::to_vec(&written.events)?,
                forms: FormIndex::of(&events),
                marks: Marks::of(&events, &visibility),
                visibility: Arc::new(visibility),
                readable: readable(&events, application),
                said,
                said_in_files,
                problems,
            })
        });
        building.map(std::thread::ScopedJoinHandle::join)
    });
    let failed = |why: String| vec![Diagnostic::of_file("forms", why)];
    let built = match built {
        Ok(built) => built,
        Err(error) => return Err(failed(format!("there is no thread to build them: {error}"))),
    };
    match built {
        // What is kept is copied, so that nothing of it holds that memory back.
        Ok(Ok(built)) => Ok(Built {
            json: built.json.as_slice().to_vec(),
            forms: built.forms.clone(),
            marks: built.marks.clone(),
            visibility: Arc::new(Visibility::clone(&built.visibility)),
            readable: built
                .readable
                .iter()
                .map(|of| Arc::new((**of).clone()))
                .collect(),
            ..built
        }),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("building the forms panicked".to_owned())),
    }
}

/// The texts of the forms.
fn said(events: &[Event]) -> Vec<TextUse> {
    let messages = events.iter().flat_map(Event::messages);
    messages.map(in_program).collect()
}

fn in_program(message: Message) -> TextUse {
    TextUse {
        message,
        file: IN_PROGRAM.to_owned(),
        line: 1,
        column: 1,
    }
}

/// The faults in the events that are built in; others were checked when they were read.
fn program_problems(events: &[Event]) -> Vec<Diagnostic> {
    let built_in = events.iter().filter(|event| !event.is_document());
    let built_in: Vec<Event> = built_in.cloned().collect();
    of_forms(&opencrvs_toolkit::event::problems(&built_in))
}

fn of_forms(problems: &[opencrvs_toolkit::event::Problem]) -> Vec<Diagnostic> {
    let problems = problems.iter().map(ToString::to_string);
    problems
        .map(|problem| Diagnostic::of_file("forms", problem))
        .collect()
}

/// The paths and fields that certificates may read, by event.
fn readable(events: &[Event], application: &Application) -> Vec<Arc<Readable>> {
    let levels: Vec<&str> = application.levels.iter().map(|(id, _)| &**id).collect();
    let of = |event| Arc::new(Readable::of(event, &levels));
    events.iter().map(of).collect()
}

/// The certificates, and the settings of core's client in each language of the country.
///
/// # Errors
/// Everything that is wrong with them.
pub fn certificates(
    settings: &CountrySettings,
) -> Result<(Certificates, Clients), Vec<Diagnostic>> {
    let files = Files::of(settings.country_dir.as_deref());
    let mut reading = Reading::of(&files);
    let application = reading.application().unwrap_or_default();
    let events = overlays::events(&files, &environment(settings, &files, &application));
    reading.found.extend(events.found);
    let certificates = reading.certificates(&readable(&events.list, &application));
    let languages = &application.languages;
    let texts = reading.client_texts(languages);
    let texts = core_texts::with_those_of_core(&texts, &files, &mut reading.found);
    if is_refused(&reading.found) {
        return Err(reading.found);
    }
    let client = |(column, language): (usize, &String)| {
        let rows = texts.rows.iter();
        let text = |row: &translations::Row| {
            let text = row.texts.get(column)?;
            (!text.trim().is_empty()).then(|| (row.id.clone(), text.clone()))
        };
        let settings = ClientSettings {
            messages: rows.filter_map(text).collect(),
            time_zone: application.time_zone.clone(),
            country: application.country_code.clone(),
        };
        (language.clone(), settings)
    };
    let clients = languages.iter().enumerate().map(client).collect();
    Ok((certificates, clients))
}

/// The texts of the country that have no wording in a language, as rows for a file of texts.
pub struct Untranslated {
    /// The languages of the country, and the language that was asked for.
    pub languages: Vec<String>,
    /// Each text, with its wording in each of the languages; empty where it has none.
    pub rows: Vec<(Message, Vec<String>)>,
}

/// The texts of the country that have no wording in a language.
///
/// # Errors
/// The faults that keep the texts from being read.
pub fn untranslated(
    settings: &CountrySettings,
    language: &str,
) -> Result<Untranslated, Vec<Diagnostic>> {
    let files = Files::of(settings.country_dir.as_deref());
    let mut reading = Reading::of(&files);
    let Some(application) = reading.application() else {
        return Err(reading.found);
    };
    let environment = environment(settings, &files, &application);
    let version = settings.core_version;
    let built = build(
        &files,
        &environment,
        &application,
        CheckLevel::Check,
        version,
    )?;
    reading.found.extend(built.problems);
    reading.said.extend(built.said_in_files);
    reading.said.extend(built.said);
    reading.said.extend(workqueues::titles().map(in_program));
    let certificates = reading.certificates(&built.readable);
    let dashboards = application.dashboards.iter().map(|(id, ..)| id.as_str());
    reading.lists(version, &built.forms, &certificates, dashboards.collect());
    if is_refused(&reading.found) {
        return Err(reading.found);
    }
    let said = std::mem::take(&mut reading.said);
    let mut languages = application.languages.clone();
    if !languages.iter().any(|known| known == language) {
        languages.push(language.to_owned());
    }
    // One by one: a language without a column has no texts, and that is not an error here.
    let known: Vec<BTreeMap<String, String>> = languages
        .iter()
        .map(|language| reading.texts_in(language))
        .collect();
    let wanted = languages.iter().position(|known| known == language);
    let wanted = wanted.and_then(|n| known.get(n));
    let mut seen = BTreeSet::new();
    let mut rows = Vec::new();
    for message in said.into_iter().map(|said| said.message) {
        let id = message.id();
        let is_known = wanted.is_some_and(|texts| texts.contains_key(id));
        if message.text().trim().is_empty() || is_known || !seen.insert(id.to_owned()) {
            continue;
        }
        let mut texts: Vec<String> = known
            .iter()
            .map(|texts| texts.get(id).cloned().unwrap_or_default())
            .collect();
        if let Some(first) = texts.first_mut().filter(|text| text.is_empty())
            && languages.first().is_some_and(|first| first != language)
        {
            message.text().clone_into(first);
        }
        rows.push((message, texts));
    }
    Ok(Untranslated { languages, rows })
}

/// The events of this country, with the settings that reach its forms.
pub fn events(settings: &CountrySettings) -> overlays::Events {
    let files = Files::of(settings.country_dir.as_deref());
    let application = Reading::of(&files).application().unwrap_or_default();
    overlays::events(&files, &environment(settings, &files, &application))
}

/// The addresses of this installation, by the name that the JSON of events has for them.
pub fn addresses(settings: &CountrySettings) -> overlays::Addresses {
    let files = Files::of(settings.country_dir.as_deref());
    let application = Reading::of(&files).application().unwrap_or_default();
    overlays::addresses(&environment(settings, &files, &application))
}

/// The values that forms take from the settings and the country's files.
fn environment(
    settings: &CountrySettings,
    files: &Files,
    application: &Application,
) -> forms::Environment {
    let prices = certificates::fees(files);
    let fees = |event: &str| {
        let amount = |amount: f64| application.currency.amount(amount);
        let fee = prices.get(event).map(certificates::Fee::amounts);
        let [on_time, late, delayed] = fee.unwrap_or_default().map(amount);
        forms::Fees {
            on_time,
            late,
            delayed,
        }
    };
    forms::Environment {
        esignet_redirect_url: settings.esignet_redirect_url.as_str().to_owned(),
        openid_provider_client_id: settings.openid_provider_client_id.clone(),
        mosip_api_userinfo_url: settings.mosip_api_userinfo_url.as_str().to_owned(),
        country_config_url: settings.country_config_url.as_str().to_owned(),
        client_app_url: settings.client_app_url.base().to_owned(),
        country_code: application.country_code.clone(),
        phone_number_pattern: application.phone_number_pattern.clone(),
        national_id_pattern: application.national_id_pattern.clone(),
        currency: application.currency.sign().to_owned(),
        birth_fees: fees("birth"),
        death_fees: fees("death"),
        credential_offers: settings.credential_offers,
        paper_credentials: settings.paper_credentials,
        analytics: application.analytics,
        duplicate_search: application.duplicate_search,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_or_a_time_out_is_a_fault_that_is_told() {
        let panics = within(LONGEST, || panic!("a fault in a parser"));
        assert!(panics.is_err_and(|why: String| why.contains("broke off")));
        let (_kept, told) = mpsc::channel::<()>();
        let stuck = within(Duration::from_millis(10), move || told.recv());
        assert!(stuck.is_err_and(|why| why.contains("has not come to an end")));
        assert_eq!(within(LONGEST, || 1), Ok(1));
    }
}
