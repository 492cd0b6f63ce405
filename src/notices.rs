// SPDX-License-Identifier: MPL-2.0
//! Warnings at start about settings that work, but are unsuitable for a real installation.

use crate::settings::Settings;
use country::files::BUILT_IN;
use country::{SAMPLE_COUNTRY, Snapshot};
use handlers::delivery::ledger;
use std::path::Path;
use tracing::warn;

/// Logs one line for each.
pub(crate) fn say(settings: &Settings, country: &Snapshot) {
    for unknown in &settings.unknown_variables {
        let hint = unknown.hint.as_deref();
        warn!(hint, "{} and has no effect", unknown.message);
    }
    if !settings.server.is_production() {
        return;
    }
    if !settings.core_version_is_set {
        warn!(
            "CORE_VERSION is not set: what is served is for core {}. Set CORE_VERSION to the version of core",
            settings.core.version
        );
    }
    let code = &country.application.country_code;
    if code == SAMPLE_COUNTRY && !settings.server.allow_demo {
        warn!(
            "This is the sample country, with invented places, offices and rules: COUNTRY_DIR names the folder of your own"
        );
    }
    if let Some(why) = ledger_is_lost_with_container(settings) {
        warn!(
            "LEDGER_URL names a file {why}: registration numbers, answers and pending deliveries are lost with the container. Mount a volume there, or use PostgreSQL"
        );
    }
}

/// Checks whether the built-in sample is served: no other country folder is set, and this is not a demo.
pub(crate) fn serves_sample(settings: &Settings) -> bool {
    let mut folders = settings
        .country_files
        .dirs
        .iter()
        .flat_map(|folders| folders.split(':'));
    !settings.server.allow_demo && folders.all(|folder| folder == BUILT_IN)
}

/// The reason why the ledger's file is lost with the container; none if it is kept.
pub(crate) fn ledger_is_lost_with_container(settings: &Settings) -> Option<&'static str> {
    let file = ledger::file(&settings.ledger.url)?;
    let folder = std::path::absolute(file.parent()?).ok()?;
    // What is not made yet is made on the file system of the folder above.
    let real = folder.ancestors().find_map(|it| it.canonicalize().ok())?;
    let mounts = std::fs::read_to_string("/proc/self/mountinfo").ok()?;
    volatile(&mounts, &real)
}

/// The reason why the file system of a folder is volatile, by the mounts of a Linux process.
fn volatile(mounts: &str, folder: &Path) -> Option<&'static str> {
    // 36 35 98:0 /root-of-mount /mount-point rw,noatime master:1 - ext3 /dev/root rw
    let mount = |line: &str| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, point) = (left.next()?.to_owned(), left.next()?.to_owned());
        let kind = right.split(' ').next()?.to_owned();
        Some((root, point, kind))
    };
    let holds = |point: &str| folder.starts_with(point);
    let mounts = mounts.lines().filter_map(mount);
    let (root, _, kind) = mounts
        .filter(|(_, point, _)| holds(point))
        // Of two at the same place the later one hides the earlier.
        .enumerate()
        .max_by_key(|(n, (_, point, _))| (point.len(), *n))
        .map(|(_, mount)| mount)?;
    match kind.as_str() {
        "overlay" | "fuse-overlayfs" | "aufs" => Some("in the container's own file system"),
        "tmpfs" | "ramfs" => Some("in memory"),
        _ if is_anonymous_volume(&root) => Some("in a volume without a name"),
        _ => None,
    }
}

/// Checks for an anonymous volume, which Docker makes for a container without any other:
/// `/…/volumes/<64 digits>/_data`.
fn is_anonymous_volume(root: &str) -> bool {
    let name = root
        .strip_suffix("/_data")
        .and_then(|path| path.rsplit_once("/volumes/"));
    name.is_some_and(|(_, name)| name.len() == 64 && name.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::layers("/srv/other", Some("in the container's own file system"))]
    #[case::named_volume("/srv/data/below", None)]
    #[case::claim("/var/lib/ledger", None)]
    #[case::memory("/dev/shm", Some("in memory"))]
    #[case::anonymous_volume("/anonymous", Some("in a volume without a name"))]
    fn what_ends_with_the_container_is_told_by_the_mounts(
        #[case] folder: &str,
        #[case] expected: Option<&str>,
    ) {
        let id = "0f".repeat(32);
        let mounts = format!(
            "1 0 0:1 / / rw - overlay overlay rw,lowerdir=/a\n\
             2 1 8:1 /var/lib/docker/volumes/ledger/_data /srv/data rw master:1 - ext4 /dev/sda1 rw\n\
             3 1 8:1 /var/lib/docker/volumes/{id}/_data /anonymous rw - ext4 /dev/sda1 rw\n\
             4 1 0:3 / /dev/shm rw - tmpfs shm rw\n\
             5 1 0:9 / /var/lib/ledger rw shared:3 - nfs4 server:/claims/7 rw\n"
        );
        assert_eq!(volatile(&mounts, Path::new(folder)), expected);
    }
}
