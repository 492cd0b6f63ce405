// SPDX-License-Identifier: MPL-2.0
//! The field types of core 2.0.

use serde::{Deserialize, Serialize};

/// A type of field.
pub trait Kind {
    /// The type as core names it.
    const TYPE: FieldType;
}

macro_rules! field_types {
    ($($(#[doc = $doc:literal])+ $name:ident = $wire:literal,)+) => {
        /// The types of form field that core 2.0 knows.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum FieldType {
            $($(#[doc = $doc])+ #[serde(rename = $wire)] $name,)+
        }

        impl FieldType {
            /// All types.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The name in the configuration.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => $wire,)+
                }
            }
        }

        /// One Rust type per type of field, so that a method can belong to one type only.
        pub mod types {
            use super::{FieldType, Kind};

            /// A field of any type.
            #[derive(Clone, Debug, PartialEq)]
            pub enum Any {}

            $(
                $(#[doc = $doc])+
                #[derive(Clone, Debug, PartialEq)]
                pub enum $name {}

                impl Kind for $name {
                    const TYPE: FieldType = FieldType::$name;
                }
            )+
        }
    };
}

field_types! {
    /// One line of text.
    Text = "TEXT",
    /// Several lines of text.
    Textarea = "TEXTAREA",
    /// A number.
    Number = "NUMBER",
    /// A number with a unit chosen from a list.
    NumberWithUnit = "NUMBER_WITH_UNIT",
    /// An e-mail address.
    Email = "EMAIL",
    /// A telephone number.
    Phone = "PHONE",
    /// An identifier of a person.
    Id = "ID",
    /// A person's name in its parts.
    Name = "NAME",
    /// A day.
    Date = "DATE",
    /// A time of day.
    Time = "TIME",
    /// An age in years, counted to the day in another field.
    Age = "AGE",
    /// A range of days, for search.
    DateRange = "DATE_RANGE",
    /// A choice of ranges of days, for search.
    SelectDateRange = "SELECT_DATE_RANGE",
    /// A box to tick.
    Checkbox = "CHECKBOX",
    /// A choice shown as a list of buttons.
    RadioGroup = "RADIO_GROUP",
    /// A choice shown as a drop-down list.
    Select = "SELECT",
    /// A country.
    Country = "COUNTRY",
    /// An address, at home or abroad.
    Address = "ADDRESS",
    /// An administrative area.
    AdministrativeArea = "ADMINISTRATIVE_AREA",
    /// A place such as a health facility or an office.
    Location = "LOCATION",
    /// A health facility; superseded by LOCATION.
    Facility = "FACILITY",
    /// A registration office; superseded by LOCATION.
    Office = "OFFICE",
    /// An uploaded file.
    File = "FILE",
    /// Uploaded files, each with the kind of document that it is.
    FileWithOptions = "FILE_WITH_OPTIONS",
    /// A signature, drawn or uploaded.
    Signature = "SIGNATURE",
    /// Text to read.
    Paragraph = "PARAGRAPH",
    /// A heading.
    Heading = "HEADING",
    /// A list of points to read.
    BulletList = "BULLET_LIST",
    /// A header inside a page.
    PageHeader = "PAGE_HEADER",
    /// A line between fields.
    Divider = "DIVIDER",
    /// A picture.
    ImageView = "IMAGE_VIEW",
    /// Values of other fields, to read.
    Data = "DATA",
    /// A button; its value counts the clicks.
    Button = "BUTTON",
    /// A button that leads to another address.
    LinkButton = "LINK_BUTTON",
    /// A button that prints a certificate template.
    AlphaPrintButton = "ALPHA_PRINT_BUTTON",
    /// Fields inside a field.
    FieldGroup = "FIELD_GROUP",
    /// A request that the browser sends; its value is the answer.
    Http = "HTTP",
    /// A search in core's records; its value is the answer.
    Search = "SEARCH",
    /// A choice from a list that a server narrows down while the user types.
    Autocomplete = "AUTOCOMPLETE",
    /// The verification status of an identity.
    VerificationStatus = "VERIFICATION_STATUS",
    /// Parameters of the address that the browser shows.
    QueryParamReader = "QUERY_PARAM_READER",
    /// A QR code read by the camera.
    QrReader = "QR_READER",
    /// Ways to read an identity.
    IdReader = "ID_READER",
    /// A loading indicator.
    Loader = "LOADER",
    /// A value without any input.
    AlphaHidden = "ALPHA_HIDDEN",
    /// A role of a user.
    UserRole = "USER_ROLE",
    /// A component of the country's own.
    Custom = "CUSTOM",
}
