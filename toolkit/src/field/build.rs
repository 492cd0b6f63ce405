// SPDX-License-Identifier: MPL-2.0
//! One function per type of field, each taking what a field of that type must have.

use serde_json::{Value, json};

use super::types::{
    Address, AdministrativeArea, Age, AlphaHidden, AlphaPrintButton, Autocomplete, BulletList,
    Button, Checkbox, Country, Custom, Data, Date, DateRange, Divider, Email, Facility, FieldGroup,
    File, FileWithOptions, Heading, Http, Id, IdReader, ImageView, LinkButton, Loader, Location,
    Name, Number, NumberWithUnit, Office, PageHeader, Paragraph, Phone, QrReader, QueryParamReader,
    RadioGroup, Search, Select, SelectDateRange, Signature, Text, Textarea, Time, UserRole,
    VerificationStatus,
};
use super::{
    AnyField, AreaType, DataEntry, Field, Method, NamePart, SelectOption, SelectRange, Unlabelled,
    Validation,
};
use crate::conditional::FieldReference;
use crate::message::{Message, message};

/// Default size limit of an upload in core, in bytes.
const MAX_FILE_SIZE: u64 = 5 * 1024 * 1024;

macro_rules! plain_fields {
    ($($(#[doc = $doc:literal])+ $function:ident: $kind:ty,)+) => {
        $(
            $(#[doc = $doc])+
            pub fn $function(id: impl Into<String>) -> Unlabelled<$kind> {
                Unlabelled::new(id)
            }
        )+
    };
}

plain_fields! {
    /// A number.
    number: Number,
    /// A telephone number.
    phone: Phone,
    /// An identifier of a person.
    id_number: Id,
    /// A day.
    date: Date,
    /// A time of day.
    time: Time,
    /// A range of days, for search.
    date_range: DateRange,
    /// A country.
    country: Country,
    /// An address, at home or abroad.
    address: Address,
    /// A place such as a health facility or an office.
    location: Location,
    /// A health facility; prefer [`location`].
    facility: Facility,
    /// A registration office; prefer [`location`].
    office: Office,
    /// A header inside a page.
    page_header: PageHeader,
    /// A QR code read by the camera.
    qr_reader: QrReader,
    /// A value without any input.
    hidden: AlphaHidden,
    /// A role of a user.
    user_role: UserRole,
}

/// One line of text.
pub fn text(id: impl Into<String>) -> Unlabelled<Text> {
    Unlabelled::new(id).configured("type", "text")
}

/// Several lines of text, four by default.
pub fn textarea(id: impl Into<String>) -> Unlabelled<Textarea> {
    Unlabelled::new(id).configured("rows", 4)
}

/// An e-mail address of at most 255 characters.
pub fn email(id: impl Into<String>) -> Unlabelled<Email> {
    Unlabelled::new(id).configured("maxLength", 255)
}

/// A person's name; first name and surname are mandatory by default.
pub fn name(id: impl Into<String>) -> Unlabelled<Name> {
    let parts = json!({ "firstname": NamePart::required(), "surname": NamePart::required() });
    Unlabelled::new(id)
        .configured("name", parts)
        .configured("showParentFieldError", false)
}

/// An age in years on the day in another field.
pub fn age(id: impl Into<String>, as_of: impl Into<FieldReference>) -> Unlabelled<Age> {
    Unlabelled::new(id).configured("asOfDate", as_of.into())
}

/// A number with a unit chosen from a list.
pub fn number_with_unit(
    id: impl Into<String>,
    units: impl IntoIterator<Item = SelectOption>,
) -> Unlabelled<NumberWithUnit> {
    Unlabelled::new(id).with_options(units)
}

/// A choice of ranges of days, for search.
pub fn select_date_range(
    id: impl Into<String>,
    ranges: impl IntoIterator<Item = (SelectRange, Message)>,
) -> Unlabelled<SelectDateRange> {
    let ranges: Vec<_> = ranges
        .into_iter()
        .map(|(value, label)| json!({ "value": value, "label": label }))
        .collect();
    Unlabelled::new(id).with("options", ranges)
}

/// A box to tick, empty at first.
pub fn checkbox(id: impl Into<String>) -> Unlabelled<Checkbox> {
    Unlabelled::new(id).with("defaultValue", false)
}

/// A choice shown as a list of buttons.
pub fn radio_group(
    id: impl Into<String>,
    options: impl IntoIterator<Item = SelectOption>,
) -> Unlabelled<RadioGroup> {
    Unlabelled::new(id).with_options(options)
}

/// A choice shown as a drop-down list.
pub fn select(
    id: impl Into<String>,
    options: impl IntoIterator<Item = SelectOption>,
) -> Unlabelled<Select> {
    Unlabelled::new(id).with_options(options)
}

/// An administrative area, or a place in one.
pub fn administrative_area(
    id: impl Into<String>,
    area: AreaType,
) -> Unlabelled<AdministrativeArea> {
    Unlabelled::new(id).configured("type", area)
}

/// An uploaded file of at most 5 MiB.
pub fn file(id: impl Into<String>) -> Unlabelled<File> {
    Unlabelled::new(id).configured("maxFileSize", MAX_FILE_SIZE)
}

/// Uploaded files of at most 5 MiB, each with the kind of document that it is.
pub fn file_with_options(
    id: impl Into<String>,
    options: impl IntoIterator<Item = SelectOption>,
) -> Unlabelled<FileWithOptions> {
    Unlabelled::new(id)
        .with_options(options)
        .configured("maxFileSize", MAX_FILE_SIZE)
}

/// A signature; the prompt stands above the place to draw it.
pub fn signature(id: impl Into<String>, prompt: impl Into<Message>) -> Unlabelled<Signature> {
    let prompt = prompt
        .into()
        .described_as(|| "Title of the window in which a signature is drawn".into());
    Unlabelled::new(id)
        .with("signaturePromptLabel", prompt)
        .configured("maxFileSize", MAX_FILE_SIZE)
}

/// Text to read; the label is the text.
pub fn paragraph(id: impl Into<String>) -> Unlabelled<Paragraph> {
    Unlabelled::new(id).configurable()
}

/// A heading; the label is the text.
pub fn heading(id: impl Into<String>) -> Unlabelled<Heading> {
    Unlabelled::new(id).configurable()
}

/// A list of points to read.
pub fn bullet_list<M: Into<Message>>(
    id: impl Into<String>,
    items: impl IntoIterator<Item = M>,
) -> Unlabelled<BulletList> {
    let id = id.into();
    let items: Vec<Message> = items
        .into_iter()
        .map(|item| {
            item.into()
                .described_as(|| format!("Point of the list {id}"))
        })
        .collect();
    Unlabelled::new(id).with("items", items).configurable()
}

/// A line between fields; it has no label.
pub fn divider(id: impl Into<String>) -> Field<Divider> {
    Unlabelled::new(id).unnamed()
}

/// A line between fields with a message id of its own.
pub fn labelled_divider(id: impl Into<String>) -> Unlabelled<Divider> {
    Unlabelled::new(id)
}

/// A picture.
pub fn image_view(id: impl Into<String>) -> Unlabelled<ImageView> {
    Unlabelled::new(id).configurable()
}

/// Values to read.
pub fn data(
    id: impl Into<String>,
    entries: impl IntoIterator<Item = DataEntry>,
) -> Unlabelled<Data> {
    let entries: Vec<_> = entries.into_iter().collect();
    Unlabelled::new(id).configured("data", entries)
}

/// A button; its value counts the clicks.
pub fn button(id: impl Into<String>, text: impl Into<Message>) -> Unlabelled<Button> {
    let id = id.into();
    let text = text
        .into()
        .described_as(|| format!("Text on the button {id}"));
    Unlabelled::new(id).configured("text", text)
}

/// A button that leads to another address.
pub fn link_button(
    id: impl Into<String>,
    url: impl Into<String>,
    text: impl Into<Message>,
) -> Unlabelled<LinkButton> {
    let id = id.into();
    let text = text
        .into()
        .described_as(|| format!("Text on the button {id}"));
    Unlabelled::new(id)
        .configured("url", url.into())
        .configured("text", text)
}

/// A button that prints a certificate template, named by its id.
pub fn print_button(id: impl Into<String>, template: &str) -> Unlabelled<AlphaPrintButton> {
    Unlabelled::new(id).configured("template", template)
}

/// Fields inside a field.
pub fn field_group(
    id: impl Into<String>,
    fields: impl IntoIterator<Item = AnyField>,
) -> Unlabelled<FieldGroup> {
    Unlabelled::new(id).with("fields", fields.into_iter().collect::<Vec<_>>())
}

/// A request that the browser sends; its timeout is 15 seconds by default.
pub fn http(id: impl Into<String>, method: Method, url: impl Into<String>) -> Unlabelled<Http> {
    Unlabelled::new(id)
        .configured("url", url.into())
        .configured("method", method)
        .configured("timeout", 15_000)
}

/// A search in core's records; the rule says which answers count.
pub fn search(id: impl Into<String>, query: &Value, rule: &Validation) -> Unlabelled<Search> {
    Unlabelled::new(id)
        .configured("query", query)
        .configured("validation", rule)
        .configured("limit", 100)
        .configured("offset", 0)
}

/// A choice from a list that a server narrows down while the user types.
pub fn autocomplete(id: impl Into<String>) -> Unlabelled<Autocomplete> {
    Unlabelled::new(id).configured("method", Method::Get)
}

/// The verification status of an identity; both texts are chosen by `{value}`.
pub fn verification_status(
    id: impl Into<String>,
    status: impl Into<Message>,
    description: impl Into<Message>,
) -> Unlabelled<VerificationStatus> {
    let status = status
        .into()
        .described_as(|| "State of an identity, chosen by `value`".into());
    let description = description
        .into()
        .described_as(|| "What the state of an identity means".into());
    Unlabelled::new(id)
        .configured("status", status)
        .configured("description", description)
}

/// Parameters of the address that the browser shows.
pub fn query_param_reader<'a>(
    id: impl Into<String>,
    names: impl IntoIterator<Item = &'a str>,
) -> Unlabelled<QueryParamReader> {
    Unlabelled::new(id).configured("pickParams", names.into_iter().collect::<Vec<_>>())
}

/// Ways to read an identity: fields made with [`qr_reader`] and [`link_button`].
pub fn id_reader(
    id: impl Into<String>,
    methods: impl IntoIterator<Item = AnyField>,
) -> Unlabelled<IdReader> {
    Unlabelled::new(id).with("methods", methods.into_iter().collect::<Vec<_>>())
}

/// A loading indicator with a text.
pub fn loader(id: impl Into<String>, text: impl Into<Message>) -> Unlabelled<Loader> {
    let id = id.into();
    let text = text
        .into()
        .described_as(|| format!("Text beside the sign {id}"));
    Unlabelled::new(id)
        .with("variant", "default")
        .configured("text", text)
}

/// A component of the country's own, loaded from a module.
pub fn custom(id: impl Into<String>, src: &str) -> Unlabelled<Custom> {
    Unlabelled::new(id).with("src", src)
}

/// A text without a word, for labels that must be there and are not shown.
pub fn empty_label() -> Message {
    message("messages.emptyString", "").describe("A text without a word")
}
