// SPDX-License-Identifier: MPL-2.0
//! The causes of death as a physician certifies them: a chain of causes A to E, and other conditions, each
//! with up to eight coded conditions that appear one after the other.

use opencrvs_toolkit::prelude::*;

use super::event_details::cause_is_told_by;
use crate::Environment;

/// Places for coded conditions within one cause, by the names that stand in field ids.
const PLACES: [&str; 8] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight",
];

/// A link of the chain of causes.
struct Cause {
    /// Last part of the link's field ids.
    key: &'static str,
    heading: &'static str,
    /// The letter before the number of a condition.
    letter: &'static str,
    condition: &'static str,
    help: &'static str,
}

const CAUSES: [Cause; 6] = [
    Cause {
        key: "A",
        heading: "A. Cause of death",
        letter: "A.",
        condition: "Direct cause",
        help: "The disease or injury that led to death immediately, not the way in which the person died",
    },
    antecedent("B", "B. Cause of death", "B."),
    antecedent("C", "C. Cause of death", "C."),
    antecedent("D", "D. Cause of death", "D."),
    antecedent("E", "E. Cause of death", "E."),
    Cause {
        key: "Other",
        heading: "Part II: Other significant causes",
        letter: "",
        condition: "Antecedent cause",
        help: "A condition that contributed to the death but did not belong to the chain of causes above",
    },
];

const fn antecedent(key: &'static str, heading: &'static str, letter: &'static str) -> Cause {
    Cause {
        key,
        heading,
        letter,
        condition: "Antecedent cause",
        help: "The disease or injury, if there was one, that led to the cause named above",
    }
}

pub(super) fn page(env: &Environment) -> Page {
    let page = form_page(
        "causeOfDeathDetails",
        (
            "form.death.causeOfDeathDetails.title",
            "Cause of death details",
        ),
    )
    .show_if(and([
        field("eventDetails.causeOfDeathEstablished").equals(true),
        cause_is_told_by(["PHYSICIAN", "MEDICALLY_CERTIFIED"]),
    ]));
    CAUSES
        .iter()
        .zip(0..)
        .fold(page, |page, (cause, position)| {
            let page = if position == 0 {
                page
            } else {
                page.with(divider(format!("causeOfDeathDetails.divider{position}")))
            };
            page.with(
                heading(cause.id(""))
                    .label(cause.id(".label"), cause.heading)
                    .font(FontVariant::H3),
            )
            .with_all(
                PLACES
                    .iter()
                    .zip(0..)
                    .flat_map(|(place, before)| cause.condition(env, place, before)),
            )
            .with(cause.next_condition())
            .with(cause.interval())
        })
}

impl Cause {
    /// Id of a field or a message of this cause.
    fn id(&self, rest: &str) -> String {
        format!("causeOfDeathDetails.causeOfDeath{}{rest}", self.key)
    }

    fn place(&self, place: &str) -> String {
        self.id(&format!(".symptom.{place}"))
    }

    /// The button whose clicks open one place after the other.
    fn clicks(&self) -> FieldReference {
        field(self.id(".add.symptom.button"))
    }

    /// A condition from the coded list, and its description when it is not in the list.
    fn condition(&self, env: &Environment, place: &str, before: i64) -> [AnyField; 2] {
        let id = self.place(place);
        let label = |key: &str| format!("{id}.{key}");
        let coded = autocomplete(&id)
            .label(
                label("label"),
                format!("{}{}. {}", self.letter, before + 1, self.condition),
            )
            .analytics()
            .url(format!("{}/causes-of-death?terms=", env.country_config_url))
            .default_options([("Other", "OTHER")]);
        let coded = if before == 0 {
            coded.helper_text((label("helperText"), self.help))
        } else {
            coded.show_if(self.clicks().is_greater_than(before - 1))
        };
        let description = textarea(format!("{id}.other"))
            .label(
                label("other.label"),
                format!(
                    "Description of condition {}{} in words, as it is not in the list",
                    self.letter,
                    before + 1
                ),
            )
            .analytics()
            .show_if(field(&id).get("value").equals("OTHER"))
            .validate(
                field(format!("{id}.other")).matches("^[^;]*$"),
                (
                    "event.death.action.declare.other.condition.error",
                    "Must not contain semicolon(s)",
                ),
            );
        [coded.into(), description.into()]
    }

    /// Opens the next place once the last one is filled in.
    fn next_condition(&self) -> Field<types::Button> {
        let clicks = self.clicks();
        let text = self.id(".add.symptom.buttonText");
        let last_is_filled = PLACES.iter().zip(0..7).map(|(place, before)| {
            and([
                clicks.equals(before),
                not(field(self.place(place)).get("value").is_falsy()),
            ])
        });
        button(
            clicks.id(),
            (format!("{text}.another"), "Add another cause"),
        )
        .label(text, "Add another symptom")
        .hide_label()
        .default_value(0)
        .enable_if(and([not(clicks.equals(7)), or(last_is_filled)]))
        .review_if(never())
        .button_size("small")
        .button_type("tertiary")
        .text_style("primary", "bold14")
    }

    /// Time between the onset of the cause and death.
    fn interval(&self) -> Field<types::NumberWithUnit> {
        let label = format!("spcCodingGroup.causeOfDeath{}.interval", self.key);
        let units = ["Minutes", "Hours", "Days", "Weeks", "Months", "Years"]
            .map(|unit| option(unit, (format!("unit.{}", unit.to_lowercase()), unit)));
        number_with_unit(self.id(".interval"), units)
            .label(&label, "Duration")
            .analytics()
            .helper_text((
                format!("{label}.helperText"),
                "Interval between onset and death",
            ))
    }
}
