// SPDX-License-Identifier: MPL-2.0
//! The version of this build, and the versions of core and mosip-api that it works with.

use std::sync::LazyLock;

/// Version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Commit that it was built from: `COUNTRYCONFIG_COMMIT` at build time, else `unknown`.
pub const COMMIT: &str = match option_env!("COUNTRYCONFIG_COMMIT") {
    Some(commit) if !commit.is_empty() => commit,
    _ => "unknown",
};

/// Versions of core that it serves.
pub const CORE_VERSIONS: &str = "2.0, 2.1";

/// The text that `--version` prints.
pub fn in_words() -> &'static str {
    static WORDS: LazyLock<String> = LazyLock::new(|| {
        format!(
            "{VERSION} (commit {COMMIT})\nfor OpenCRVS core {CORE_VERSIONS}, with mosip-api of the same version"
        )
    });
    &WORDS
}
