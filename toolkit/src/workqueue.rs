// SPDX-License-Identifier: MPL-2.0
//! Workqueues: lists of records that wait for someone.

mod versions;

use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::conditional::EventColumn;
use crate::message::Message;

/// The icons that core knows.
pub const ICONS: [&str; 103] = [
    "Archived",
    "Assigned",
    "Briefcase",
    "Certified",
    "Close",
    "Collapse",
    "Draft",
    "DuplicateYellow",
    "Expand",
    "ExternalValidate",
    "FilledCheck",
    "InReview",
    "Offline",
    "Registered",
    "RequiresUpdates",
    "Sent",
    "Validated",
    "WaitingApproval",
    "ChartActivity",
    "Activity",
    "Archive",
    "ArchiveTray",
    "ArrowLeft",
    "ArrowRight",
    "Buildings",
    "Circle",
    "CaretDown",
    "CaretLeft",
    "CaretRight",
    "ChartBar",
    "ChartLine",
    "ChatCircle",
    "CheckSquare",
    "Compass",
    "Check",
    "Copy",
    "Database",
    "DotsThreeVertical",
    "ArrowCounterClockwise",
    "MagnifyingGlassMinus",
    "MagnifyingGlassPlus",
    "Export",
    "Eye",
    "EyeSlash",
    "Envelope",
    "File",
    "FileSearch",
    "FileMinus",
    "FilePlus",
    "FileText",
    "FileX",
    "Handshake",
    "Gear",
    "GitBranch",
    "IdentificationCard",
    "List",
    "ListBullets",
    "Lock",
    "MagnifyingGlass",
    "MapPin",
    "Medal",
    "NotePencil",
    "Paperclip",
    "PaperPlaneTilt",
    "Pen",
    "PenNib",
    "Pencil",
    "PencilSimpleLine",
    "Phone",
    "Plus",
    "Printer",
    "SignOut",
    "Stamp",
    "Star",
    "Target",
    "TextT",
    "Trash",
    "UploadSimple",
    "User",
    "UserPlus",
    "Users",
    "WarningCircle",
    "X",
    "ChatText",
    "CircleWavyCheck",
    "CircleWavyQuestion",
    "ArchiveBox",
    "ArrowCircleDown",
    "FileArrowUp",
    "FileDotted",
    "Files",
    "PencilLine",
    "PencilCircle",
    "UserCircle",
    "Clock",
    "QrCode",
    "Webcam",
    "Sun",
    "DeviceTabletCamera",
    "Globe",
    "Fingerprint",
    "PushPin",
    "Timer",
];

/// A list of records that wait for someone.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Workqueue {
    slug: String,
    name: Message,
    icon: String,
    query: WorkqueueQuery,
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    columns: Option<Vec<Column>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    empty_message: Option<Message>,
}

/// The records in a list: those that satisfy all, or at least one, of several descriptions.
///
/// Core refuses a single description, and silently ignores unknown keys, so descriptions are built by
/// [`Records`].
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorkqueueQuery {
    #[serde(rename = "type")]
    kind: &'static str,
    clauses: Vec<Records>,
}

/// A description of records.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Records(Map<String, Value>);

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Column {
    label: Message,
    value: EventColumn,
}

impl Workqueue {
    /// A list with its slug (address and scope name), name, icon and content.
    pub fn new(slug: &str, name: impl Into<Message>, icon: &str, query: WorkqueueQuery) -> Self {
        Self {
            slug: slug.to_owned(),
            name: name
                .into()
                .described_as(|| format!("Name of the workqueue {slug}")),
            icon: icon.to_owned(),
            query,
            action: None,
            columns: None,
            empty_message: None,
        }
    }

    /// Its slug.
    pub fn slug(&self) -> &str {
        &self.slug
    }

    /// The action that the list offers, for example `REGISTER`.
    pub fn action(self, action_type: &str) -> Self {
        Self {
            action: Some(json!({ "type": action_type })),
            ..self
        }
    }

    /// The columns instead of the date of the event and of the last change.
    pub fn columns(self, columns: impl IntoIterator<Item = (Message, EventColumn)>) -> Self {
        let columns = columns
            .into_iter()
            .map(|(label, value)| Column {
                label: label.described_as(|| "Title of a column".into()),
                value,
            })
            .collect();
        Self {
            columns: Some(columns),
            ..self
        }
    }

    /// Message when the list is empty.
    pub fn empty_message(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Said when the workqueue {} is empty", self.slug));
        Self {
            empty_message: Some(text),
            ..self
        }
    }
}

impl WorkqueueQuery {
    /// Records that satisfy all descriptions.
    pub fn all(clauses: impl IntoIterator<Item = Records>) -> Self {
        Self {
            kind: "and",
            clauses: clauses.into_iter().collect(),
        }
    }

    /// Records that satisfy at least one description.
    pub fn any(clauses: impl IntoIterator<Item = Records>) -> Self {
        Self {
            kind: "or",
            clauses: clauses.into_iter().collect(),
        }
    }
}

/// Starts a description that every record satisfies.
pub fn records() -> Records {
    Records::default()
}

impl Records {
    /// Records of a kind of event.
    pub fn event_type(self, event: &str) -> Self {
        self.with("eventType", json!(event))
    }

    /// Records in one of these states.
    pub fn status<'a>(self, states: impl IntoIterator<Item = &'a str>) -> Self {
        let states: Vec<_> = states.into_iter().collect();
        match states.as_slice() {
            [state] => self.with("status", json!({ "type": "exact", "term": state })),
            _ => self.any_of("status", states),
        }
    }

    /// Records declared or registered by somebody with one of these roles.
    pub fn by_role<'a>(
        self,
        property: RoleProperty,
        roles: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        self.any_of(property.name(), roles)
    }

    /// Records with at least one of these flags.
    pub fn with_any_flag<'a>(self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags("anyOf", flags)
    }

    /// Records with all of these flags. Core 2.0 does not know the word; see [`Workqueue::for_core`].
    pub fn with_all_flags<'a>(self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags("allOf", flags)
    }

    /// Records with none of these flags.
    pub fn without_flags<'a>(self, flags: impl IntoIterator<Item = &'a str>) -> Self {
        self.flags("noneOf", flags)
    }

    /// Records whose property is exactly this: a text or a property of the user.
    pub fn exactly(self, property: ExactProperty, term: impl Serialize) -> Self {
        self.with(property.name(), json!({ "type": "exact", "term": term }))
    }

    /// Records whose place lies within an area or an office: an id or a place of the user.
    pub fn within(self, property: PlaceProperty, location: impl Serialize) -> Self {
        self.with(
            property.name(),
            json!({ "type": "within", "location": location }),
        )
    }

    /// Records made, changed or registered in a period that ends now, for example `last7Days`.
    pub fn in_period(self, property: TimeProperty, period: &str) -> Self {
        self.with(
            property.name(),
            json!({ "type": "timePeriod", "term": period }),
        )
    }

    fn any_of<'a>(self, key: &str, terms: impl IntoIterator<Item = &'a str>) -> Self {
        self.with(
            key,
            json!({ "type": "anyOf", "terms": terms.into_iter().collect::<Vec<_>>() }),
        )
    }

    fn flags<'a>(mut self, key: &str, flags: impl IntoIterator<Item = &'a str>) -> Self {
        let flags: Vec<_> = flags.into_iter().collect();
        if let Value::Object(entry) = self.0.entry("flags").or_insert_with(|| json!({})) {
            entry.insert(key.to_owned(), json!(flags));
        }
        self
    }

    fn with(mut self, key: &str, value: Value) -> Self {
        self.0.insert(key.to_owned(), value);
        self
    }
}

macro_rules! properties {
    ($(#[doc = $doc:literal])+ $enum:ident: $($variant:ident = $wire:literal,)+) => {
        $(#[doc = $doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the names are core's and say it")]
        pub enum $enum {
            $($variant,)+
        }

        impl $enum {
            fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)+
                }
            }
        }
    };
}

properties! {
    /// A property of a record that is compared exactly.
    ExactProperty:
    AssignedTo = "assignedTo",
    CreatedBy = "createdBy",
    CreatedByUserType = "createdByUserType",
    CreatedAtLocation = "createdAtLocation",
    UpdatedBy = "updatedBy",
    UpdatedByUserRole = "updatedByUserRole",
    UpdatedAtLocation = "updatedAtLocation",
    TrackingId = "trackingId",
    RegistrationNumber = "legalStatuses.REGISTERED.registrationNumber",
}

properties! {
    /// A place of a record.
    PlaceProperty:
    CreatedAt = "createdAtLocation",
    UpdatedAt = "updatedAtLocation",
    DeclaredAt = "legalStatuses.DECLARED.createdAtLocation",
    RegisteredAt = "legalStatuses.REGISTERED.createdAtLocation",
}

properties! {
    /// The user whose role is compared.
    RoleProperty:
    DeclaredBy = "legalStatuses.DECLARED.createdByRole",
    RegisteredBy = "legalStatuses.REGISTERED.createdByRole",
}

properties! {
    /// A moment in a record's life.
    TimeProperty:
    Created = "createdAt",
    Updated = "updatedAt",
    Registered = "legalStatuses.REGISTERED.createdAt",
}
