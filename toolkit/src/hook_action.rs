// SPDX-License-Identifier: MPL-2.0
//! The actions that core asks the country about before they happen.

/// An action with a hook: core stores it as requested and asks whether it may happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HookAction {
    /// An incomplete declaration is sent.
    Notify,
    /// A declaration is sent.
    Declare,
    /// A declaration is changed.
    Edit,
    /// The record becomes a registered one.
    Register,
    /// A declaration is sent back.
    Reject,
    /// A record is set aside.
    Archive,
    /// A record is taken up again. Core 2.0 does not ask about it.
    Unarchive,
    /// A certificate is printed.
    PrintCertificate,
    /// A change of a registered record is asked for.
    RequestCorrection,
    /// A requested change takes effect.
    ApproveCorrection,
    /// A requested change is turned down.
    RejectCorrection,
    /// An action of the country's own.
    Custom,
}

impl HookAction {
    /// All actions with a hook.
    pub const ALL: [Self; 12] = [
        Self::Notify,
        Self::Declare,
        Self::Edit,
        Self::Register,
        Self::Reject,
        Self::Archive,
        Self::Unarchive,
        Self::PrintCertificate,
        Self::RequestCorrection,
        Self::ApproveCorrection,
        Self::RejectCorrection,
        Self::Custom,
    ];

    /// The action of this type; none for a type without a hook.
    pub fn of(action_type: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|action| action.name() == action_type)
    }

    /// The type as core writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Notify => "NOTIFY",
            Self::Declare => "DECLARE",
            Self::Edit => "EDIT",
            Self::Register => "REGISTER",
            Self::Reject => "REJECT",
            Self::Archive => "ARCHIVE",
            Self::Unarchive => "UNARCHIVE",
            Self::PrintCertificate => "PRINT_CERTIFICATE",
            Self::RequestCorrection => "REQUEST_CORRECTION",
            Self::ApproveCorrection => "APPROVE_CORRECTION",
            Self::RejectCorrection => "REJECT_CORRECTION",
            Self::Custom => "CUSTOM",
        }
    }

    /// Core's procedure below `event.actions`: its `.accept` and `.reject` settle an action that waits.
    pub fn procedure(self) -> &'static str {
        match self {
            Self::Notify => "notify",
            Self::Declare => "declare",
            Self::Edit => "edit",
            Self::Register => "register",
            Self::Reject => "reject",
            Self::Archive => "archive",
            Self::Unarchive => "unarchive",
            Self::PrintCertificate => "printCertificate",
            Self::RequestCorrection => "correction.request",
            Self::ApproveCorrection => "correction.approve",
            Self::RejectCorrection => "correction.reject",
            Self::Custom => "custom",
        }
    }

    /// Checks whether core 2.0 can reject it once it waits. Its database refuses some rejections, and the
    /// action then waits for ever.
    pub fn is_rejectable(self) -> bool {
        !matches!(
            self,
            Self::Reject | Self::ApproveCorrection | Self::RejectCorrection
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_its_name_and_no_other() {
        for action in HookAction::ALL {
            assert_eq!(HookAction::of(action.name()), Some(action));
        }
        let procedures: std::collections::BTreeSet<_> =
            HookAction::ALL.map(HookAction::procedure).into();
        assert_eq!(procedures.len(), HookAction::ALL.len());
        assert_eq!(HookAction::of("READ"), None);
    }
}
