// SPDX-License-Identifier: MPL-2.0
//! Pages of forms.

use serde::{Deserialize, Serialize};

use crate::conditional::Conditional;
use crate::field::AnyField;
use crate::message::Message;

/// A page of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    id: String,
    #[serde(rename = "type", default)]
    kind: PageType,
    title: Message,
    #[serde(default)]
    require_completion_to_continue: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    show_clear_button: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    conditional: Option<Conditional>,
    fields: Vec<AnyField>,
    #[serde(skip_serializing_if = "Option::is_none")]
    actions: Option<Verification>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum PageType {
    #[default]
    Form,
    Verification,
}

/// The answers to choose from on a verification page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verification {
    verify: Labelled,
    cancel: Cancel,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Labelled {
    label: Message,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Cancel {
    label: Message,
    confirmation: Confirmation,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Confirmation {
    title: Message,
    body: Message,
}

impl Verification {
    /// Texts of the button that confirms, of the button that does not, and of the question before going on
    /// unconfirmed: title and body.
    pub fn new(
        verify: impl Into<Message>,
        cancel: impl Into<Message>,
        title: impl Into<Message>,
        body: impl Into<Message>,
    ) -> Self {
        Self {
            verify: Labelled {
                label: verify
                    .into()
                    .described_as(|| "Button: the identity is confirmed".into()),
            },
            cancel: Cancel {
                label: cancel
                    .into()
                    .described_as(|| "Button: the identity is not confirmed".into()),
                confirmation: Confirmation {
                    title: title.into().described_as(|| {
                        "Title of the question before going on unconfirmed".into()
                    }),
                    body: body
                        .into()
                        .described_as(|| "Question before going on unconfirmed".into()),
                },
            },
        }
    }
}

/// A page with fields to fill in.
pub fn form_page(id: impl Into<String>, title: impl Into<Message>) -> Page {
    Page::new(id.into(), PageType::Form, title.into(), None)
}

/// A page on which an identity is confirmed, for action forms only.
pub fn verification_page(
    id: impl Into<String>,
    title: impl Into<Message>,
    answers: Verification,
) -> Page {
    Page::new(
        id.into(),
        PageType::Verification,
        title.into(),
        Some(answers),
    )
}

impl Page {
    fn new(id: String, kind: PageType, title: Message, actions: Option<Verification>) -> Self {
        let title = title.described_as(|| format!("Title of the page {id}"));
        Self {
            id,
            kind,
            title,
            require_completion_to_continue: false,
            show_clear_button: false,
            conditional: None,
            fields: Vec::new(),
            actions,
        }
    }

    /// Adds a field.
    pub fn with(mut self, field: impl Into<AnyField>) -> Self {
        self.fields.push(field.into());
        self
    }

    /// Adds several fields.
    pub fn with_all<F: Into<AnyField>>(mut self, fields: impl IntoIterator<Item = F>) -> Self {
        self.fields.extend(fields.into_iter().map(Into::into));
        self
    }

    /// The page must be complete before the next one opens.
    pub fn require_completion(self) -> Self {
        Self {
            require_completion_to_continue: true,
            ..self
        }
    }

    /// The page offers a button that clears its answers. From core 2.1 on.
    pub fn show_clear_button(self) -> Self {
        Self {
            show_clear_button: true,
            ..self
        }
    }

    /// The page is asked only when this holds.
    pub fn show_if(self, conditional: impl Into<Conditional>) -> Self {
        Self {
            conditional: Some(conditional.into()),
            ..self
        }
    }

    /// Id of the page, unique in its form.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Fields in their order.
    pub fn fields(&self) -> &[AnyField] {
        &self.fields
    }

    /// The condition on which the page is asked.
    pub(crate) fn shown_if(&self) -> Option<&Conditional> {
        self.conditional.as_ref()
    }

    pub(crate) fn is_verification(&self) -> bool {
        self.kind == PageType::Verification
    }
}

/// The pages of a form under a label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Form {
    label: Message,
    pages: Vec<Page>,
}

/// A form of several pages.
pub fn form(label: impl Into<Message>, pages: impl IntoIterator<Item = Page>) -> Form {
    Form {
        label: label.into().described_as(|| "Name of a form".into()),
        pages: pages.into_iter().collect(),
    }
}

impl Form {
    /// Pages in their order.
    pub fn pages(&self) -> &[Page] {
        &self.pages
    }

    /// Every field with its page.
    pub fn fields(&self) -> impl Iterator<Item = (&Page, &AnyField)> {
        self.pages
            .iter()
            .flat_map(|page| page.fields().iter().map(move |field| (page, field)))
    }
}
