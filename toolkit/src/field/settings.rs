// SPDX-License-Identifier: MPL-2.0
//! Settings of single types of field.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Number, Value, json};

use super::own::Setting;
use super::types::{
    Address, AdministrativeArea, Age, AlphaHidden, AlphaPrintButton, Autocomplete, BulletList,
    Button, Checkbox, Country, Custom, Data, Date, Email, Facility, FieldGroup, File,
    FileWithOptions, Heading, Http, Id, ImageView, LinkButton, Loader, Location, Name,
    Number as NumberField, NumberWithUnit, Office, Paragraph, Phone, QrReader, RadioGroup, Search,
    Select, Signature, Text, Textarea, Time, UserRole, VerificationStatus,
};
use super::{AddressDefault, AddressPart, Field, Kind, NamePart, SelectOption, StreetField};
use crate::conditional::{
    Computed, Conditional, FieldId, FieldReference, JurisdictionReference, Now, UserFieldReference,
};
use crate::message::Message;

/// Types that can start with a value.
pub trait StartsWith: Kind {
    /// The Rust type of the value.
    type Value: Serialize;
}

macro_rules! starts_with {
    ($($kind:ty => $value:ty),+ $(,)?) => { $(impl StartsWith for $kind { type Value = $value; })+ };
}

starts_with! {
    Text => String, Textarea => String, NumberField => Number, Email => String, Phone => String, Id => String,
    Name => Value, Date => String, Time => String, Age => Number, Checkbox => bool, RadioGroup => String,
    Select => String, Country => String, Address => AddressDefault, AdministrativeArea => String, Location => String,
    Facility => String, Office => String, ImageView => String, Button => Number, VerificationStatus => String,
    AlphaHidden => String, UserRole => String, Custom => Value, NumberWithUnit => Value,
}

impl<K: StartsWith> Field<K> {
    /// The value with which the field starts.
    pub fn default_value(self, value: impl Into<K::Value>) -> Self {
        self.with("defaultValue", value.into())
    }

    /// The browser computes the value with which the field starts; see [`crate::conditional::evaluate`].
    pub fn default_computed(self, value: &Computed) -> Self {
        self.with("defaultValue", value)
    }
}

/// Types that can start with a property of the user.
pub trait StartsWithUser: Kind {}
macro_rules! starts_with_user { ($($kind:ty),+) => { $(impl StartsWithUser for $kind {})+ }; }
starts_with_user!(Text, AdministrativeArea, Location);

impl<K: StartsWithUser> Field<K> {
    /// The field starts with a property of the user.
    pub fn default_from_user(self, property: &UserFieldReference) -> Self {
        self.with("defaultValue", property)
    }
}

/// Types that can start with the present moment.
pub trait StartsNow: Kind {}
impl StartsNow for Date {}
impl StartsNow for Time {}

impl<K: StartsNow> Field<K> {
    /// The field starts with the moment at which the form is opened.
    pub fn default_now(self, now: Now) -> Self {
        self.with("defaultValue", now)
    }

    /// A note beside the input.
    pub fn notice(self, notice: impl Into<Message>) -> Self {
        self.configured("notice", notice.into())
    }
}

/// Types whose text has a greatest length.
pub trait HasLength: Kind {}
macro_rules! has_length { ($($kind:ty),+) => { $(impl HasLength for $kind {})+ }; }
has_length!(Text, Textarea, Email, Name);

impl<K: HasLength> Field<K> {
    /// Longest text that the field takes, in characters.
    pub fn max_length(self, characters: u32) -> Self {
        self.configured("maxLength", characters)
    }
}

/// Types that can print a text before and after the input.
pub trait HasAffixes: Kind {}
macro_rules! has_affixes { ($($kind:ty),+) => { $(impl HasAffixes for $kind {})+ }; }
has_affixes!(Text, Textarea, NumberField, Name, Age);

impl<K: HasAffixes> Field<K> {
    /// A text before the input, such as a currency.
    pub fn prefix(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Text before the input {}", self.id));
        self.configured("prefix", text)
    }

    /// A text after the input, such as a unit.
    pub fn postfix(self, text: impl Into<Message>) -> Self {
        let text = text
            .into()
            .described_as(|| format!("Text after the input {}", self.id));
        self.configured("postfix", text)
    }
}

/// Types that hold numbers within limits.
pub trait HasLimits: Kind {}
impl HasLimits for NumberField {}
impl HasLimits for NumberWithUnit {}

impl<K: HasLimits> Field<K> {
    /// Smallest number that the field takes.
    pub fn min(self, minimum: impl Into<Number>) -> Self {
        self.configured("min", minimum.into())
    }

    /// Greatest number that the field takes.
    pub fn max(self, maximum: impl Into<Number>) -> Self {
        self.configured("max", maximum.into())
    }
}

/// Types that offer places.
pub trait OffersPlaces: Kind {}
macro_rules! offers_places { ($($kind:ty),+) => { $(impl OffersPlaces for $kind {})+ }; }
offers_places!(Address, AdministrativeArea, Location, Facility, Office);

impl<K: OffersPlaces> Field<K> {
    /// Offers only places within a jurisdiction.
    pub fn allowed_locations(self, jurisdiction: &JurisdictionReference) -> Self {
        self.configured("allowedLocations", jurisdiction)
    }
}

/// Types that offer places whose name and state depend on a day.
pub trait OffersDatedPlaces: OffersPlaces {}
macro_rules! offers_dated_places { ($($kind:ty),+) => { $(impl OffersDatedPlaces for $kind {})+ }; }
offers_dated_places!(Address, AdministrativeArea, Location);

impl<K: OffersDatedPlaces> Field<K> {
    /// Offers only places that are active. From core 2.1 on.
    pub fn active_only(self) -> Self {
        self.configured("activeOnly", true)
    }

    /// Offers and names places as they were on the day of the event. From core 2.1 on.
    pub fn anchor_to_date_of_event(self) -> Self {
        self.configured("anchorToDateOfEvent", true)
    }
}

impl Field<FieldGroup> {
    /// Separator between the values of the group where it is only read. From core 2.1 on.
    pub fn separator(self, text: &str) -> Self {
        self.configured("separator", text)
    }

    /// Leaves empty values out where the group is only read. From core 2.1 on.
    pub fn hide_empty_fields(self) -> Self {
        self.configured("hideEmptyFields", true)
    }
}

/// Types that take uploads.
pub trait TakesFiles: Kind {}
macro_rules! takes_files { ($($kind:ty),+) => { $(impl TakesFiles for $kind {})+ }; }
takes_files!(File, FileWithOptions, Signature);

impl<K: TakesFiles> Field<K> {
    /// Largest file, in bytes.
    pub fn max_file_size(self, bytes: u64) -> Self {
        self.configured("maxFileSize", bytes)
    }

    /// Media types that may be uploaded, for example `image/png`.
    pub fn accepted_file_types<S: Into<String>>(self, types: impl IntoIterator<Item = S>) -> Self {
        let types: Vec<String> = types.into_iter().map(Into::into).collect();
        self.configured("acceptedFileTypes", types)
    }

    /// Pictures are made smaller than this, in pixels, before they are uploaded.
    pub fn max_image_size(self, width: u32, height: u32) -> Self {
        self.configured(
            "maxImageSize",
            json!({ "targetSize": { "width": width, "height": height } }),
        )
    }
}

impl Field<File> {
    /// The button takes the whole width.
    pub fn full_width(self) -> Self {
        self.configured("style", json!({ "width": "full" }))
    }

    /// Name under which the file is shown.
    pub fn file_name(self, name: impl Into<Message>) -> Self {
        let name = name
            .into()
            .described_as(|| format!("Name of the file in {}", self.id));
        self.configured("fileName", name)
    }
}

impl Field<Text> {
    /// Hides the typed text.
    pub fn password(self) -> Self {
        self.configured("type", "password")
    }
}

impl Field<Textarea> {
    /// Height of the input, in lines.
    pub fn rows(self, rows: u32) -> Self {
        self.configured("rows", rows)
    }

    /// Width of the input, in characters.
    pub fn cols(self, cols: u32) -> Self {
        self.configured("cols", cols)
    }
}

impl Field<NumberField> {
    /// Takes whole numbers only.
    pub fn integer(self) -> Self {
        self.configured("integer", true)
    }
}

impl Field<NumberWithUnit> {
    /// Placeholder of the empty number.
    pub fn number_placeholder(self, text: impl Into<Message>) -> Self {
        self.configured("numberFieldPlaceholder", text.into())
    }
}

impl Field<Time> {
    /// Shows hours from 1 to 12 with am and pm.
    pub fn twelve_hours(self) -> Self {
        self.configured("use12HourFormat", true)
    }
}

impl Field<Name> {
    /// The parts of the name that are asked for: `firstname`, `middlename`, `surname`.
    pub fn parts<'a>(self, parts: impl IntoIterator<Item = (&'a str, NamePart)>) -> Self {
        let parts: Map<_, _> = parts
            .into_iter()
            .map(|(key, part)| (key.to_owned(), json!(part)))
            .collect();
        self.configured("name", parts)
    }

    /// Order of the parts.
    pub fn order<'a>(self, keys: impl IntoIterator<Item = &'a str>) -> Self {
        self.configured("order", keys.into_iter().collect::<Vec<_>>())
    }

    /// Shows the error of the whole name beside those of its parts.
    pub fn show_parent_field_error(self) -> Self {
        self.configured("showParentFieldError", true)
    }
}

impl Field<Select> {
    /// Message when nothing matches the typed text; `{input}` stands for that text.
    pub fn no_options_message(self, text: impl Into<Message>) -> Self {
        self.with("noOptionsMessage", text.into())
    }
}

impl Field<RadioGroup> {
    /// Large buttons.
    pub fn large(self) -> Self {
        self.styled("size", "LARGE")
    }
}

impl Field<Country> {
    /// Changes the conditions for offering single countries; the labels stay core's.
    pub fn option_overrides(
        self,
        options: impl IntoIterator<Item = (String, Conditional)>,
    ) -> Self {
        let overrides: Vec<_> = options
            .into_iter()
            .map(|(value, shown)| json!({ "value": value, "conditionals": [{ "type": "SHOW", "conditional": shown }] }))
            .collect();
        self.with("optionOverrides", overrides)
    }
}

impl Field<Address> {
    /// The text fields below country and administrative area.
    pub fn street_form(self, fields: impl Into<Arc<[StreetField]>>) -> Self {
        self.configured_as("streetAddressForm", Setting::Street(fields.into()))
    }

    /// Changes to country and administrative area.
    pub fn parts(self, parts: &[AddressPart]) -> Self {
        self.configured("fields", parts)
    }

    /// Separator between the parts of the printed address.
    pub fn line_separator(self, separator: &str) -> Self {
        self.configured("lineSeparator", separator)
    }
}

/// The choices of an `ADMINISTRATIVE_AREA` field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AreaType {
    /// Areas of the administrative structure.
    AdminStructure,
    /// Health facilities.
    HealthFacility,
    /// Registration offices.
    CrvsOffice,
}

impl Field<AdministrativeArea> {
    /// Offers only places in the area chosen in another field.
    pub fn part_of(self, field: impl Into<FieldReference>) -> Self {
        self.configured("partOf", field.into())
    }
}

impl Field<Location> {
    /// Types of place that are offered, for example `HEALTH_FACILITY`.
    pub fn location_types<'a>(self, types: impl IntoIterator<Item = &'a str>) -> Self {
        self.configured("locationTypes", types.into_iter().collect::<Vec<_>>())
    }
}

/// Size and weight of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are core's and say it")]
pub enum FontVariant {
    Reg12,
    Reg14,
    Reg16,
    Reg18,
    H1,
    H2,
    H3,
    H4,
}

/// Alignment of a text or a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are core's and say it")]
pub enum TextAlign {
    Left,
    Center,
    Right,
    Start,
    End,
}

/// Types that print text in a font.
pub trait HasFont: Kind {}
impl HasFont for Heading {}
impl HasFont for BulletList {}

impl<K: HasFont> Field<K> {
    /// Size and weight of the text.
    pub fn font(self, font: FontVariant) -> Self {
        self.styled("fontVariant", font)
    }
}

impl Field<Heading> {
    /// Alignment of the text.
    pub fn align(self, align: TextAlign) -> Self {
        self.styled("textAlign", align)
    }
}

impl Field<Paragraph> {
    /// Prints the text as a hint.
    pub fn hint(self) -> Self {
        self.styled("hint", true)
    }

    /// Alignment of the text.
    pub fn align(self, align: TextAlign) -> Self {
        self.styled("textAlign", align)
    }
}

impl Field<ImageView> {
    /// Width as CSS writes it.
    pub fn width(self, width: &str) -> Self {
        self.configured("width", width)
    }

    /// Height as CSS writes it.
    pub fn height(self, height: &str) -> Self {
        self.configured("height", height)
    }

    /// Alternative text that is read out instead of the picture.
    pub fn alt(self, text: &str) -> Self {
        self.configured("alt", text)
    }

    /// Alignment of the picture.
    pub fn align(self, align: TextAlign) -> Self {
        self.configured("textAlign", align)
    }

    /// Fit of the picture in its place: `contain`, `cover`, `fill`, `none` or `scale-down`.
    pub fn object_fit(self, fit: &str) -> Self {
        self.configured("objectFit", fit)
    }
}

/// One line of a DATA field.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum DataEntry {
    /// Label and value of a field of the declaration.
    Field(FieldId),
    /// A label with a text, or with the value of a field.
    Line {
        /// Id of the line.
        id: String,
        /// The text before the value.
        label: Message,
        /// The value.
        value: Value,
    },
}

impl DataEntry {
    /// Label and value of a field of the declaration.
    pub fn field(id: impl Into<String>) -> Self {
        Self::Field(crate::conditional::field(id).get_id())
    }

    /// A label with a text that is translated.
    pub fn message(id: &str, label: impl Into<Message>, value: impl Into<Message>) -> Self {
        Self::line(
            id,
            label,
            json!(
                value
                    .into()
                    .described_as(|| format!("Value of the line {id}"))
            ),
        )
    }

    /// A label with a text that is the same in every language.
    pub fn plain(id: &str, label: impl Into<Message>, value: &str) -> Self {
        Self::line(id, label, json!(value))
    }

    /// A label with the value of a field.
    pub fn value_of(id: &str, label: impl Into<Message>, field: &FieldReference) -> Self {
        Self::line(id, label, json!(field))
    }

    fn line(id: &str, label: impl Into<Message>, value: Value) -> Self {
        let label = label
            .into()
            .described_as(|| format!("Label of the line {id}"));
        Self::Line {
            id: id.to_owned(),
            label,
            value,
        }
    }
}

impl Field<Data> {
    /// A line below the label.
    pub fn subtitle(self, text: impl Into<Message>) -> Self {
        self.configured("subtitle", text.into())
    }
}

impl Field<Button> {
    /// Style of the button: `primary`, `secondary`, `tertiary` …
    pub fn button_type(self, name: &str) -> Self {
        self.configured("buttonType", name)
    }

    /// Size of the button: `small`, `medium` or `large`.
    pub fn button_size(self, name: &str) -> Self {
        self.configured("buttonSize", name)
    }

    /// Style of the text: colour `primary` or `copy`, variant `bold14` or `reg14`.
    pub fn text_style(self, color: &str, variant: &str) -> Self {
        self.configured("textColor", color)
            .configured("textVariant", variant)
    }

    /// Icon before the text.
    pub fn icon(self, name: &str) -> Self {
        self.configured("icon", name)
    }
}

impl Field<LinkButton> {
    /// Icon before the text.
    pub fn icon(self, name: &str) -> Self {
        self.configured("icon", name)
    }
}

impl Field<AlphaPrintButton> {
    /// Text of the button.
    pub fn button_label(self, text: impl Into<Message>) -> Self {
        self.configured("buttonLabel", text.into())
    }
}

/// Method of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Delete,
}

impl Field<Http> {
    /// The request is sent when this field changes; without it, when the form is opened.
    pub fn trigger(self, field: impl Into<FieldReference>) -> Self {
        self.configured("trigger", field.into())
    }

    /// Headers of the request.
    pub fn headers<'a>(self, headers: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let headers: Map<_, _> = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), json!(value)))
            .collect();
        self.configured("headers", headers)
    }

    /// Body of the request.
    pub fn body(self, body: &Value) -> Self {
        self.configured("body", body)
    }

    /// Query parameters taken from other fields.
    pub fn params<'a>(self, params: impl IntoIterator<Item = (&'a str, FieldReference)>) -> Self {
        let params: Map<_, _> = params
            .into_iter()
            .map(|(name, field)| (name.to_owned(), json!(field)))
            .collect();
        self.configured("params", params)
    }

    /// The field's value when the request fails.
    pub fn error_value(self, value: &Value) -> Self {
        self.configured("errorValue", value)
    }

    /// Timeout for the answer in the browser, in milliseconds.
    pub fn timeout(self, milliseconds: u32) -> Self {
        self.configured("timeout", milliseconds)
    }
}

impl Field<Search> {
    /// Greatest number of records found.
    pub fn limit(self, records: u32) -> Self {
        self.configured("limit", records)
    }

    /// Texts of the states and buttons of the search, by core's names: `loading`, `noResultsError` …
    pub fn indicators<'a>(self, texts: impl IntoIterator<Item = (&'a str, Message)>) -> Self {
        let texts: Map<_, _> = texts
            .into_iter()
            .map(|(name, text)| (name.to_owned(), json!(text)))
            .collect();
        self.configured("indicators", texts)
    }
}

impl Field<Autocomplete> {
    /// Address of the request; the typed text is added at its end.
    pub fn url(self, url: impl Into<String>) -> Self {
        self.configured("url", url.into())
    }

    /// Choices that are always offered: label and value.
    pub fn default_options<'a>(
        self,
        options: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Self {
        let options: Vec<_> = options
            .into_iter()
            .map(|(label, value)| json!({ "label": label, "value": value }))
            .collect();
        self.configured("defaultOptions", options)
    }
}

impl Field<QrReader> {
    /// The condition that the content of the code must satisfy.
    pub fn validator(self, conditional: impl Into<Conditional>) -> Self {
        self.configured("validator", conditional.into())
    }
}

impl Field<Loader> {
    /// Draws attention.
    pub fn highlighted(self) -> Self {
        self.with("variant", "highlighted")
    }
}

impl Field<Custom> {
    /// The configuration that the component gets.
    pub fn configuration(self, configuration: &Value) -> Self {
        self.with("configuration", configuration)
    }
}

/// Types whose options can be read back.
pub trait HasOptions: Kind {}
macro_rules! has_options { ($($kind:ty),+) => { $(impl HasOptions for $kind {})+ }; }
has_options!(Select, RadioGroup, FileWithOptions, NumberWithUnit);

impl<K: HasOptions> Field<K> {
    /// Replaces the choices.
    pub fn options(self, options: impl IntoIterator<Item = SelectOption>) -> Self {
        self.with_options(options)
    }
}
