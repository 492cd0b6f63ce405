// SPDX-License-Identifier: MPL-2.0
//! The declaration of settings: environment variables with their meaning, default and example, and the macro
//! that makes structs of them.

use super::VARIABLES;

/// An environment variable.
pub struct Variable {
    /// Its name; a `--config` file has the same in small letters.
    pub name: &'static str,
    /// Its meaning.
    pub meaning: &'static str,
    /// A value that works; of a secret key, the command that generates one.
    pub example: &'static str,
    /// Default while `NODE_ENV` is not `production`.
    pub development: Option<&'static str>,
    /// Default in production; `None` makes it mandatory there unless it may be left out altogether.
    pub production: Option<&'static str>,
}

/// Declares all settings. An entry states all facts about a setting:
///
/// ```text
/// /// meaning, for help, README and the documentation of the field
/// #[validate(custom(function = "…"))]                         a check, if the type is not enough
/// VARIABLE => field: Type = always("default and example");    see the functions below
/// ```
///
/// The type parses the value (`values.rs`). An optional setting is an `Option`; a secret one is a `SecretString`
/// or `Redacted`.
///
/// Each group becomes a struct that reads and checks itself. The groups together become the struct of all
/// settings, and the variables the table `VARIABLES`.
macro_rules! settings {
    (
        $(#[doc = $about_all:literal])+
        $(#[validate $check_of_all:tt])*
        pub struct $Settings:ident;
        $(
            $(#[doc = $about:literal])+
            $(#[validate $check_of_group:tt])*
            $group:ident: $Group:ident {
                $(
                    $(#[doc = $meaning:literal])+
                    $(#[validate $check:tt])*
                    $VARIABLE:ident => $field:ident: $type:ty = $values:expr;
                )+
            }
        )+
    ) => {
        /// All variables, in the order in which people look for them.
        pub const VARIABLES: &[Variable] = &[$($(
            Variable {
                name: stringify!($VARIABLE),
                meaning: concat!($($meaning),+).trim_ascii(),
                ..$values
            },
        )+)+];

        $(#[doc = $about_all])+
        #[derive(Debug, Clone, Validate)]
        $(#[validate $check_of_all])*
        pub struct $Settings {
            $(
                $(#[doc = $about])+
                pub $group: $Group,
            )+
            /// True if `CORE_VERSION` is set, and not the default.
            pub core_version_is_set: bool,
            /// True in the sandbox: the SMS gateway of `sms.toml` is not used.
            pub ignores_own_sms_gateway: bool,
            /// Warnings about variables of the environment that look like settings and are not.
            pub unknown_variables: Vec<Diagnostic>,
        }

        impl $Settings {
            fn read(reader: &mut Reader, unknown_variables: Vec<Diagnostic>) -> Self {
                let settings = Self {
                    $($group: $Group::read(reader),)+
                    core_version_is_set: reader.is_set("CORE_VERSION"),
                    ignores_own_sms_gateway: false,
                    unknown_variables,
                };
                reader.check(&settings, &[]);
                settings
            }
        }

        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Validate)]
            $(#[validate $check_of_group])*
            pub struct $Group {
                $(
                    #[doc = concat!("`", stringify!($VARIABLE), "`:", $($meaning,)+ ".")]
                    $(#[validate $check])*
                    pub $field: $type,
                )+
            }

            impl $Group {
                fn read(reader: &mut Reader) -> Self {
                    let group = Self {
                        $($field: reader.read(stringify!($VARIABLE)),)+
                    };
                    reader.check(&group, &[$((stringify!($field), stringify!($VARIABLE))),+]);
                    group
                }
            }
        )+
    };
}
pub(super) use settings;

/// Same value everywhere.
pub(super) const fn always(default: &'static str) -> Variable {
    differing(default, default)
}

/// A default for development and another one for production.
pub(super) const fn differing(development: &'static str, production: &'static str) -> Variable {
    Variable {
        development: Some(development),
        production: Some(production),
        ..optional(production)
    }
}

/// A default for development; mandatory in production.
pub(super) const fn mandatory(development: &'static str, example: &'static str) -> Variable {
    Variable {
        development: Some(development),
        ..optional(example)
    }
}

/// May be left out.
pub(super) const fn optional(example: &'static str) -> Variable {
    Variable {
        name: "",
        meaning: "",
        example,
        development: None,
        production: None,
    }
}

impl Variable {
    /// Its default in words.
    pub fn default_in_words(&self) -> String {
        match (self.development, self.production) {
            (Some(both), Some(same)) if both == same => format!("`{both}`"),
            (Some(development), Some(production)) => {
                format!("`{development}`, in production `{production}`")
            }
            (Some(development), None) => format!("`{development}`; must be set in production"),
            (None, _) => "none; may be left out".to_owned(),
        }
    }
}

/// The table of the README.
pub fn markdown() -> String {
    let mut table = "| variable | meaning | default |\n| --- | --- | --- |\n".to_owned();
    for variable in VARIABLES {
        let (name, meaning) = (variable.name, variable.meaning);
        table += &format!(
            "| `{name}` | {meaning} | {} |\n",
            variable.default_in_words()
        );
    }
    table
}

/// The example of a variable; empty for an unknown name.
pub(super) fn example(name: &str) -> &'static str {
    VARIABLES
        .iter()
        .find(|v| v.name == name)
        .map_or("", |v| v.example)
}
