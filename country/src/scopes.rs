// SPDX-License-Identifier: MPL-2.0
//! The scopes of each version of core, and the options that limit them.
//!
//! Core drops an option that it does not know: the scope is then not limited by it. So an option that is newer than
//! the version is refused. A scope that is newer grants nothing there, and is left out.

use opencrvs_toolkit::core_version::CoreVersion;
use rules::annotated_toml::camel;

use CoreVersion::{V2_0, V2_0_1, V2_1, V2_2};

/// An option of a scope, and the first version that knows it.
pub(super) type Limit = (&'static str, CoreVersion);

/// A type of scope.
pub(super) struct ScopeType {
    /// Its name.
    pub(super) name: &'static str,
    /// The options that may limit it, in the order in which core writes them.
    pub(super) limits: &'static [Limit],
    /// The first version that knows it.
    pub(super) since: CoreVersion,
    /// The first version that does not know it any more, and what takes its place.
    pub(super) gone: Option<(CoreVersion, &'static str)>,
    /// True if only system clients may have it.
    pub(super) for_clients: bool,
}

/// … of what makes records …
const NEW: &[Limit] = &[
    ("event", V2_0),
    ("place_of_event", V2_0),
    ("created_in", V2_0_1),
    ("created_by", V2_0_1),
];
/// … changes what is declared …
const DECLARED: &[Limit] = &[
    ("event", V2_0),
    ("place_of_event", V2_0),
    ("declared_in", V2_0),
    ("declared_by", V2_0),
    ("notified_in", V2_1),
    ("notified_by", V2_1),
    ("status", V2_1),
];

macro_rules! record_limits {
    ($(#[doc = $doc:literal] $name:ident: registered since $registered:ident $(, $more:literal)?;)+) => { $(
        #[doc = $doc]
        const $name: &[Limit] = &[
            ("event", V2_0),
            ("place_of_event", V2_0),
            ("declared_in", V2_0),
            ("declared_by", V2_0),
            ("registered_in", $registered),
            ("registered_by", $registered),
            $(($more, V2_0),)?
            ("notified_in", V2_1),
            ("notified_by", V2_1),
            ("status", V2_1),
            ("flags_any_of", V2_1),
            ("flags_none_of", V2_1),
            ("flags_all_of", V2_1),
        ];
    )+ };
}

record_limits! {
    /// … reaches what is registered …
    RECORD: registered since V2_0;
    /// … decides about duplicates …
    DUPLICATES: registered since V2_1;
    /// … is an action of the country's own …
    CUSTOM: registered since V2_0, "custom_action_types";
    /// … and prints.
    PRINT: registered since V2_0, "templates";
}

const USERS: &[Limit] = &[("access_level", V2_0), ("role", V2_0)];
const PLACES: &[Limit] = &[("access_level", V2_0)];
const IDS: &[Limit] = &[("ids", V2_0)];

const fn always(name: &'static str, limits: &'static [Limit]) -> ScopeType {
    since(V2_0, name, limits)
}

const fn since(version: CoreVersion, name: &'static str, limits: &'static [Limit]) -> ScopeType {
    ScopeType {
        name,
        limits,
        since: version,
        gone: None,
        for_clients: false,
    }
}

const fn of_clients(
    version: CoreVersion,
    name: &'static str,
    limits: &'static [Limit],
) -> ScopeType {
    ScopeType {
        for_clients: true,
        ..since(version, name, limits)
    }
}

const fn until_2_1(name: &'static str, instead: &'static str) -> ScopeType {
    ScopeType {
        gone: Some((V2_1, instead)),
        ..always(name, &[])
    }
}

/// The scope that is new in core 2.1 for the holders of `record.archive`.
pub(super) const UNARCHIVE: &str = "record.unarchive";

/// The scopes that are new in core 2.1 for administrators of core.
pub(super) const OF_ADMINISTRATORS: [&str; 2] = ["integration.audit.read", "location.edit"];

/// All types.
pub(super) const SCOPES: [ScopeType; 43] = [
    always("record.create", NEW),
    always("record.declare", NEW),
    always("record.notify", NEW),
    always("record.edit", DECLARED),
    always("record.reject", DECLARED),
    always("record.archive", DECLARED),
    since(V2_1, UNARCHIVE, DECLARED),
    always("record.review-duplicates", DUPLICATES),
    always("record.register", DECLARED),
    since(V2_2, "record.revoke-registration", DECLARED),
    since(V2_2, "record.reinstate-registration", DECLARED),
    always("record.search", RECORD),
    always("record.read", RECORD),
    always("record.request-correction", RECORD),
    always("record.correct", RECORD),
    always("record.unassign-others", RECORD),
    always("record.custom-action", CUSTOM),
    always("record.print-certified-copies", PRINT),
    of_clients(V2_1, "record.action.accept", RECORD),
    of_clients(V2_1, "record.action.reject", RECORD),
    always("user.create", USERS),
    always("user.edit", USERS),
    always("user.read", PLACES),
    always("user.search", PLACES),
    always("organisation.read-locations", PLACES),
    always("workqueue", IDS),
    always("dashboard.view", IDS),
    always("bypassratelimit", &[]),
    always("record.reindex", &[]),
    always("user.data-seeding", &[]),
    always("integration.create", &[]),
    since(V2_1, "integration.audit.read", &[]),
    since(V2_1, "location.edit", &[]),
    always("record.import", &[]),
    always("config.update-all", &[]),
    always("attachment.upload", &[]),
    always("profile.electronic-signature", &[]),
    always("user.read-only-my-audit", &[]),
    always("performance.read", &[]),
    always("performance.read-dashboards", &[]),
    always("performance.vital-statistics-export", &[]),
    until_2_1("record.confirm-registration", "record.action.accept"),
    until_2_1("record.reject-registration", "record.action.reject"),
];

/// The types that a version does not know any more.
pub(super) fn removed_by(core: CoreVersion) -> impl Iterator<Item = &'static str> {
    SCOPES
        .iter()
        .filter(move |scope| scope.gone.is_some_and(|(version, _)| core >= version))
        .map(|scope| scope.name)
}

/// The option as core names it: `place_of_event` is `placeOfEvent`, `flags_none_of` is `flags.noneOf`.
pub(super) fn wire(option: &str) -> String {
    match option.strip_prefix("flags_") {
        Some(list) => format!("flags.{}", camel(&list.replace('_', "-"))),
        None => camel(&option.replace('_', "-")),
    }
}
