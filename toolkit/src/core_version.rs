// SPDX-License-Identifier: MPL-2.0
//! The versions of core that a country configuration is written for.

use std::fmt;
use std::str::FromStr;

/// A version of core, distinguished only where a country configuration differs. Later ones are greater.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CoreVersion {
    /// 2.0.0.
    #[default]
    V2_0,
    /// 2.0.1 and later patches of 2.0.
    V2_0_1,
    /// 2.1 and its patches.
    V2_1,
    /// 2.2, as far as its development is known.
    V2_2,
}

impl CoreVersion {
    /// All versions, the oldest first.
    pub const ALL: [Self; 4] = [Self::V2_0, Self::V2_0_1, Self::V2_1, Self::V2_2];

    /// The version as the setting `CORE_VERSION` names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V2_0 => "2.0",
            Self::V2_0_1 => "2.0.1",
            Self::V2_1 => "2.1",
            Self::V2_2 => "2.2",
        }
    }
}

impl fmt::Display for CoreVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that does not name a known version of core.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a known version of core; known are {}", CoreVersion::ALL.map(CoreVersion::as_str).join(", "))]
pub struct UnknownCoreVersion;

impl FromStr for CoreVersion {
    type Err = UnknownCoreVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers: Result<Vec<u16>, _> = text.split('.').map(str::parse).collect();
        match numbers.as_deref() {
            Ok([2, 0] | [2, 0, 0]) => Ok(Self::V2_0),
            Ok([2, 0, _]) => Ok(Self::V2_0_1),
            Ok([2, 1] | [2, 1, _]) => Ok(Self::V2_1),
            Ok([2, 2] | [2, 2, _]) => Ok(Self::V2_2),
            _ => Err(UnknownCoreVersion),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_count_as_their_version_and_others_are_refused() {
        for (text, version) in [
            ("2.0", CoreVersion::V2_0),
            ("2.0.0", CoreVersion::V2_0),
            ("2.0.1", CoreVersion::V2_0_1),
            ("2.0.6", CoreVersion::V2_0_1),
            ("2.1", CoreVersion::V2_1),
            ("2.1.0", CoreVersion::V2_1),
            ("2.1.12", CoreVersion::V2_1),
            ("2.2", CoreVersion::V2_2),
        ] {
            assert_eq!(text.parse(), Ok(version), "{text}");
        }
        for text in [
            "", "2", "1.9", "2.3", "3.0", "2.0.1.1", "v2.1", "2.-1", "latest",
        ] {
            let refused = text.parse::<CoreVersion>().unwrap_err().to_string();
            assert!(refused.ends_with("2.0, 2.0.1, 2.1, 2.2"), "{refused}");
        }
    }
}
