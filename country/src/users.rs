// SPDX-License-Identifier: MPL-2.0
//! `users.csv`: the first users of a new installation. Core's seeder takes them once.

use super::places::Places;
use super::roles::Roles;
use rules::csv_table::{Row, Table};
use rules::diagnostic::{Diagnostic, Severity, did_you_mean};
use serde::Serialize;
use std::collections::HashSet;

const COLUMNS: [&str; 8] = [
    "primaryOfficeId",
    "givenNames",
    "familyName",
    "role",
    "mobile",
    "username",
    "email",
    "password",
];
/// Passwords of examples, which everybody knows.
const KNOWN_PASSWORDS: [&str; 6] = ["test", "password", "changeme", "admin", "secret", "123456"];

/// A user as core's seeder reads it.
#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct User {
    primary_office_id: String,
    given_names: String,
    family_name: String,
    role: String,
    mobile: String,
    username: String,
    email: String,
    password: String,
}

/// The reason why users may not be served where records of real people are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unsafe {
    /// Several users have the same password: anyone who knows one knows the other.
    #[error("several users share a password")]
    Shared,
    /// A password of an example.
    #[error("a user has a well-known password")]
    Known,
}

/// The reason why the passwords are unfit for production, if there is one.
pub(super) fn danger(users: &[User]) -> Option<Unsafe> {
    let mut seen = HashSet::new();
    if users
        .iter()
        .any(|user| KNOWN_PASSWORDS.contains(&user.password.as_str()))
    {
        return Some(Unsafe::Known);
    }
    let repeated = users.iter().any(|user| !seen.insert(&user.password));
    repeated.then_some(Unsafe::Shared)
}

/// Reads the file.
pub(super) fn parse(
    file: &str,
    text: &str,
    roles: &Roles,
    places: &Places,
    is_phone: &dyn Fn(&str) -> bool,
    found: &mut Vec<Diagnostic>,
) -> Vec<User> {
    let mut table = Table::read(file, text, &COLUMNS, |_| false);
    found.extend(table.take_found());
    let columns = COLUMNS.map(|name| table.column(name));
    if columns.contains(&None) {
        return Vec::new();
    }
    let [
        office,
        given,
        family,
        role,
        mobile,
        username,
        email,
        password,
    ] = columns.map(Option::unwrap_or_default);
    let offices: HashSet<_> = places
        .locations
        .iter()
        .map(|place| place.id.as_str())
        .collect();
    let mut seen: [HashSet<&str>; 3] = Default::default();
    let mut users = Vec::new();
    for row in table.rows() {
        let mut error =
            |column, message: String, hint| found.push(table.error(&row, column, message, hint));
        let who = row.cell(username);
        let id = row.cell(office).rsplit('_').next().unwrap_or_default();
        // Where nothing at all is known, the fault is in the other file.
        if !offices.is_empty() && !offices.contains(id) {
            let message = format!("user `{who}`: there is no office `{id}` in locations.csv");
            error(office, message, did_you_mean(id, offices.iter().copied()));
        }
        if !roles.ids.is_empty() && !roles.ids.contains(row.cell(role)) {
            let message = format!("user `{who}`: there is no role `{}`", row.cell(role));
            let ids = roles.ids.iter().map(String::as_str);
            error(role, message, did_you_mean(row.cell(role), ids));
        }
        if !is_username(who) {
            let hint = "5 to 30 small letters, digits, dots and hyphens, with a letter or digit at both ends";
            error(
                username,
                format!("core takes no username `{who}`"),
                Some(hint.to_owned()),
            );
        }
        for (column, name) in [
            (given, "givenNames"),
            (family, "familyName"),
            (password, "password"),
        ] {
            if row.cell(column).is_empty() {
                error(column, format!("user `{who}`: `{name}` is empty"), None);
            }
        }
        contacts(&table, &row, (mobile, email), is_phone, found);
        for (seen, (column, name)) in seen.iter_mut().zip([
            (username, "username"),
            (email, "e-mail address"),
            (mobile, "phone number"),
        ]) {
            let value = row.cell(column);
            if !value.is_empty() && !seen.insert(value) {
                let message = format!("user `{who}`: another user above has the same {name}");
                found.push(table.error(&row, column, message, None));
            }
        }
        let cell = |column| row.cell(column).to_owned();
        users.push(User {
            primary_office_id: cell(office),
            given_names: cell(given),
            family_name: cell(family),
            role: cell(role),
            mobile: cell(mobile),
            username: cell(username),
            email: cell(email),
            password: cell(password),
        });
    }
    if users.is_empty() && found.iter().all(|problem| problem.file != file) {
        found.push(Diagnostic {
            severity: Severity::Warning,
            hint: Some("core needs a national system administrator to begin with".to_owned()),
            ..Diagnostic::of_file(
                file,
                "there is no user, so core cannot be set up with this file",
            )
        });
    }
    let may = |user: &User| {
        let mut roles = roles.list.iter().filter(|role| role.id == user.role);
        roles.any(|role| role.may("config.update-all"))
    };
    if !users.is_empty() && !roles.list.is_empty() && !users.iter().any(may) {
        let message =
            "no user has a role with the scope `config.update-all`, so core refuses to seed";
        found.push(Diagnostic::of_file(file, message));
    }
    users
}

fn contacts(
    table: &Table<'_>,
    row: &Row<'_>,
    (mobile, email): (usize, usize),
    is_phone: &dyn Fn(&str) -> bool,
    found: &mut Vec<Diagnostic>,
) {
    let (number, address) = (row.cell(mobile), row.cell(email));
    if number.is_empty() && address.is_empty() {
        let message = "this user has neither a phone number nor an e-mail address".to_owned();
        found.push(table.error(row, mobile, message, None));
    }
    if !number.is_empty() && !is_phone(number) {
        let message = "this phone number does not look as application.toml wants it".to_owned();
        let hint = "see phone-number-pattern there".to_owned();
        found.push(table.error(row, mobile, message, Some(hint)));
    }
    if !address.is_empty() && !validator::ValidateEmail::validate_email(&address) {
        found.push(table.error(row, email, "this is not an e-mail address".to_owned(), None));
    }
}

fn is_username(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    (5..=30).contains(&name.len())
        && name.starts_with(plain)
        && name.ends_with(plain)
        && name.chars().all(|c| plain(c) || ".-".contains(c))
}
