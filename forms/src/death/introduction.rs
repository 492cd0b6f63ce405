// SPDX-License-Identifier: MPL-2.0
//! The registrar's explanations to the informant.

use opencrvs_toolkit::prelude::*;

pub(super) fn page() -> Page {
    let point =
        |key: &str, text: &str| message(format!("form.section.information.death.{key}"), text);
    form_page(
        "introduction",
        ("register.eventInfo.death.title", "What the informant should know before a death is declared"),
    )
    .with(
        bullet_list(
            "form.section.information.death.bulletList",
            [
                point("bullet1", "I will go through the declaration of the death with you, step by step."),
                point(
                    "bullet2",
                    "You are the informant in law, so please make sure that everything you tell me is correct.",
                ),
                point(
                    "bullet3",
                    "When the declaration has been dealt with, a message will tell you when the certificate can be \
                     collected at the office. Please bring your own ID.",
                ),
                point(
                    "bullet4",
                    "Do collect the certificate: the family will need it to settle the estate and to end or claim \
                     payments.",
                ),
            ],
        )
        .label("form.section.information.death.bulletList.label", "Death Information")
        .hide_label()
        .font(FontVariant::Reg16),
    )
}
