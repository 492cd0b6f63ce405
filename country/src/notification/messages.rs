// SPDX-License-Identifier: MPL-2.0
//! The messages that people get, and when: the one table behind triggers, templates and previews.

use jiff::SignedDuration;

/// A message to people.
#[derive(Debug)]
pub struct Message {
    /// Its name: in the trigger's path, in the names of its templates, in the ledger.
    pub word: &'static str,
    /// The values that core sends with it, besides the recipient.
    pub payload: &'static [&'static str],
    /// The variables that its templates may use, besides [`EVERYWHERE`].
    pub variables: &'static [&'static str],
    /// The variables that each of its templates must use: without them the message is of no use.
    pub essential: &'static [&'static str],
    /// The row of `translations/notification.csv` that is its SMS.
    pub sms: Option<&'static str>,
    /// The time for which it is of use to its recipient; unlimited if there is none.
    pub lasts: Option<SignedDuration>,
    /// True if a user is waiting for it in front of a login page.
    pub urgent: bool,
}

/// The variables that every template may use.
pub const EVERYWHERE: [&str; 3] = ["applicationName", "countryLogo", "language"];

/// Core takes a code for so long.
const CODE: Option<SignedDuration> = Some(SignedDuration::from_mins(10));
/// Core takes the token of a link for so long.
const LINK: Option<SignedDuration> = Some(SignedDuration::from_hours(1));

const INVITATION: Message = Message {
    word: "user-created",
    payload: &["username", "temporaryPassword"],
    variables: &["firstname", "username", "temporaryPassword", "loginURL"],
    essential: &["username", "temporaryPassword"],
    sms: Some("userCredentialsNotification"),
    lasts: None,
    urgent: false,
};

const RESET_CODE: Message = Message {
    word: "reset-password",
    payload: &["code"],
    variables: &["firstname", "code", "minutes"],
    essential: &["code"],
    sms: Some("resetUserPasswordNotification"),
    lasts: CODE,
    urgent: true,
};

const AUTHENTICATION_CODE: Message = Message {
    word: "2fa",
    sms: Some("authenticationCodeNotification"),
    ..RESET_CODE
};

const RESET_LINK: Message = Message {
    word: "password-reset-link",
    payload: &["token"],
    variables: &["firstname", "recoverURL", "minutes"],
    essential: &["recoverURL"],
    sms: Some("passwordResetLinkNotification"),
    lasts: LINK,
    urgent: false,
};

const DECLARATION: Message = Message {
    word: "birth-in-review",
    payload: &[],
    variables: &["informantName", "name", "trackingId", "crvsOffice"],
    essential: &["trackingId"],
    sms: Some("birthDeclarationNotification"),
    lasts: None,
    urgent: false,
};

const REGISTRATION: Message = Message {
    word: "birth-registered",
    variables: &[
        "informantName",
        "name",
        "trackingId",
        "crvsOffice",
        "registrationNumber",
    ],
    essential: &["registrationNumber"],
    sms: Some("birthRegistrationNotification"),
    ..DECLARATION
};

/// All of them.
pub static MESSAGES: [Message; 20] = [
    INVITATION,
    Message {
        word: "resend-invite",
        sms: Some("resendInviteNotification"),
        ..INVITATION
    },
    Message {
        word: "user-updated",
        payload: &["oldUsername", "newUsername"],
        variables: &["firstname", "oldUsername", "newUsername"],
        essential: &["newUsername"],
        sms: Some("updateUserNameNotification"),
        ..INVITATION
    },
    Message {
        word: "username-reminder",
        payload: &["username"],
        variables: &["firstname", "username"],
        essential: &["username"],
        sms: Some("retieveUserNameNotification"),
        ..INVITATION
    },
    RESET_CODE,
    Message {
        word: "reset-password-by-admin",
        payload: &["temporaryPassword", "admin"],
        variables: &["firstname", "temporaryPassword", "loginURL"],
        essential: &["temporaryPassword"],
        sms: Some("resetUserPasswordByAdminNotification"),
        ..INVITATION
    },
    AUTHENTICATION_CODE,
    Message {
        word: "change-phone-number",
        ..AUTHENTICATION_CODE
    },
    Message {
        word: "change-email-address",
        ..AUTHENTICATION_CODE
    },
    ANNOUNCEMENT,
    RESET_LINK,
    Message {
        word: "username-reminder-link",
        sms: Some("usernameReminderLinkNotification"),
        ..RESET_LINK
    },
    Message {
        word: "birth-in-progress",
        sms: Some("birthInProgressNotification"),
        ..DECLARATION
    },
    DECLARATION,
    REGISTRATION,
    Message {
        word: "birth-rejected",
        sms: Some("birthRejectionNotification"),
        ..DECLARATION
    },
    Message {
        word: "death-in-progress",
        sms: Some("deathInProgressNotification"),
        ..DECLARATION
    },
    Message {
        word: "death-in-review",
        sms: Some("deathDeclarationNotification"),
        ..DECLARATION
    },
    Message {
        word: "death-registered",
        sms: Some("deathRegistrationNotification"),
        ..REGISTRATION
    },
    Message {
        word: "death-rejected",
        sms: Some("deathRejectionNotification"),
        ..DECLARATION
    },
];

/// An announcement of an administrator to all users; too long for an SMS. `lines` are those of `body`.
const ANNOUNCEMENT: Message = Message {
    word: "all-user-notification",
    payload: &["subject", "body"],
    variables: &["subject", "body", "lines"],
    essential: &[],
    sms: None,
    lasts: None,
    urgent: false,
};

impl Message {
    /// The message of that name.
    pub fn named(word: &str) -> Option<&'static Self> {
        MESSAGES.iter().find(|message| message.word == word)
    }

    /// The message that this trigger sends to users of core.
    pub fn to_users(word: &str) -> Option<&'static Self> {
        Self::named(word).filter(|message| !message.payload.is_empty())
    }

    /// The message to the informant after an action on a birth or death.
    pub fn to_informants(event: &str, action: &str) -> Option<&'static Self> {
        let what = match action {
            "NOTIFY" => "in-progress",
            "DECLARE" => "in-review",
            "REGISTER" => "registered",
            "REJECT" => "rejected",
            _ => return None,
        };
        Self::named(&format!("{event}-{what}"))
    }

    /// Returns true if a template of it may name a variable.
    pub(crate) fn may_say(&self, variable: &str) -> bool {
        self.variables.contains(&variable) || EVERYWHERE.contains(&variable)
    }
}
