// SPDX-License-Identifier: MPL-2.0
//! Comparison of core's version with `CORE_VERSION`. A difference is reported in the log and in `/readyz`,
//! and changes nothing by itself.

use arc_swap::ArcSwapOption;
use opencrvs_toolkit::core_version::CoreVersion;
use std::sync::Arc;
use std::time::Duration;
use tracing::{info, warn};

/// The longest wait for the gateway's answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The pause until the gateway has answered: core starts after this server.
const UNTIL_SEEN: Duration = Duration::from_secs(30);
/// The pause afterwards.
const EVERY: Duration = Duration::from_mins(10);

/// The last known difference.
pub struct CoreGateway {
    setting: CoreVersion,
    difference: ArcSwapOption<String>,
}

/// The difference between core's version and the setting, in words. None if they agree, or if core shows
/// no version.
pub(crate) fn difference(shown: &str, setting: CoreVersion) -> Option<String> {
    let numbers = shown.split(['-', '+']).next().unwrap_or_default();
    if !numbers.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // What is shown comes from the network.
    let shown: String = shown.chars().filter(|c| !c.is_control()).take(40).collect();
    match numbers.parse::<CoreVersion>() {
        Ok(core) if core == setting => None,
        Ok(_) => Some(format!(
            "core is version {shown}, CORE_VERSION says {setting}"
        )),
        Err(_) => Some(format!(
            "core is version {shown}, which this program does not know; CORE_VERSION says {setting}"
        )),
    }
}

impl CoreGateway {
    pub(crate) fn new(setting: CoreVersion) -> Self {
        Self {
            setting,
            difference: ArcSwapOption::empty(),
        }
    }

    /// The version of the setting.
    pub(crate) fn setting(&self) -> CoreVersion {
        self.setting
    }

    /// The last known difference.
    pub(crate) fn difference(&self) -> Option<Arc<String>> {
        self.difference.load_full()
    }

    /// Records a difference if core calls a path of other versions: `/trigger/…` from 2.1 on, `/triggers/…`
    /// before.
    pub(crate) fn called(&self, path: &str) {
        let is_later = path.starts_with("/trigger/");
        if is_later == (self.setting >= CoreVersion::V2_1) {
            return;
        }
        let core = if is_later { "2.1 or later" } else { "2.0" };
        self.note(Some(format!(
            "core calls {path}, as version {core} does, CORE_VERSION says {}",
            self.setting
        )));
    }

    /// Asks the gateway for core's version from time to time. Never ends.
    pub(crate) async fn watch(&self, client: reqwest::Client, gateway_url: &str) {
        let url = format!("{}/ping", gateway_url.trim_end_matches('/'));
        let mut pause = UNTIL_SEEN;
        loop {
            tokio::time::sleep(pause).await;
            let answer = client.get(&url).timeout(TIMEOUT).send().await.ok();
            let shown = answer.and_then(|answer| {
                Some(answer.headers().get("x-version")?.to_str().ok()?.to_owned())
            });
            if let Some(shown) = shown {
                self.note(difference(&shown, self.setting));
                pause = EVERY;
            }
        }
    }

    /// One line in the log for each change.
    fn note(&self, difference: Option<String>) {
        let difference = difference.map(Arc::new);
        let before = self.difference.swap(difference.clone());
        match difference {
            Some(text) if before.as_ref() != Some(&text) => {
                warn!("{text}: set CORE_VERSION to the version of core");
            }
            None if before.is_some() => info!("Core shows the version that CORE_VERSION says"),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_named_and_a_missing_version_is_none() {
        let said = |shown, setting| difference(shown, setting).unwrap_or_default();
        assert_eq!(said("2.0.0", CoreVersion::V2_0), "");
        assert_eq!(said("2.0.6", CoreVersion::V2_0_1), "");
        assert_eq!(said("2.1.3-rc.1", CoreVersion::V2_1), "");
        assert_eq!(said("undefined", CoreVersion::V2_1), "");
        assert_eq!(
            said("2.1.0", CoreVersion::V2_0),
            "core is version 2.1.0, CORE_VERSION says 2.0"
        );
        assert!(said("2.0.2", CoreVersion::V2_0).contains("CORE_VERSION says 2.0"));
        assert!(said("3.0.0", CoreVersion::V2_1).contains("does not know"));
    }
}
