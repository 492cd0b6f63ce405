// SPDX-License-Identifier: MPL-2.0
//! Actions on the record of a birth.

use opencrvs_toolkit::prelude::*;

use super::child::registration_is_late;
use super::credential::issue_verifiable_credential;
use super::{correct, print};
use crate::options::shared;
use crate::{Environment, review};

const LATE: &str = "approval-required-for-late-registration";
const ESCALATED_TO_PROVINCE: &str = "escalated-to-provincial-registrar";
const ESCALATED_TO_GENERAL: &str = "escalated-to-registrar-general";
const PRINTED_IN_ADVANCE: &str = "certified-copy-printed-in-advance-of-issuance";
const FIRST_CERTIFICATE_PENDING: &str = "pending-first-certificate-issuance";

pub(super) fn actions(env: &Environment) -> Vec<Action> {
    vec![
        read(),
        declare(env),
        edit(),
        review::validate_declaration("birth"),
        approve(),
        issue_certified_copy(),
        escalate(),
        feedback(
            "PROVINCIAL_REGISTER_FEEDBACK",
            "provincial-registrar",
            "Provincial registrar",
            ESCALATED_TO_PROVINCE,
        ),
        feedback(
            "REGISTRAR_GENERAL_FEEDBACK",
            "registrar-general",
            "Registrar general",
            ESCALATED_TO_GENERAL,
        ),
        revoke(),
        reinstate(),
        review::reject("birth").remove_flag("validated"),
        register(env),
        print_certificate(env),
        Action::request_correction(review_title(), correct::form_of_request(env))
            .show_if(not(flag("revoked"))),
        review::archive("birth"),
        review::unarchive("birth"),
        issue_verifiable_credential(env),
    ]
}

pub(super) fn flags() -> Vec<FlagConfig> {
    let label = |id: &str, text: &str| message(format!("event.birth.flag.{id}"), text);
    let action_required = |id, text| FlagConfig::action_required(id, label(id, text));
    vec![
        action_required(LATE, "Approval required for late registration"),
        action_required(ESCALATED_TO_PROVINCE, "Escalated to Provincial Registrar"),
        action_required(ESCALATED_TO_GENERAL, "Escalated to Registrar General"),
        action_required("validated", "Validated"),
        action_required(
            FIRST_CERTIFICATE_PENDING,
            "Pending first certificate issuance",
        ),
        action_required(
            PRINTED_IN_ADVANCE,
            "Certified copy printed in advance of issuance",
        ),
        action_required("revoked", "Revoked"),
        FlagConfig::informative(
            "vc-issued",
            label("vc-issued", "Verifiable Credential issued"),
        ),
    ]
}

/// Id of a message about an action.
fn action(key: &str) -> String {
    format!("event.birth.action.{key}")
}

/// Id of a message about a field of an action of the country's own.
fn custom_action(key: &str) -> String {
    format!("event.birth.custom.action.{key}")
}

pub(super) fn review_title() -> Message {
    review::title_with_name(
        &action("declare.form.review.title"),
        "Birth declaration",
        "child",
    )
}

fn read() -> Action {
    Action::read(
        (action("Read.label"), "Read"),
        review::review("birth", review_title()),
    )
}

/// Registration staff declare records that they have validated themselves; a late one needs an approval.
fn declare(env: &Environment) -> Action {
    let validated_by = ["REGISTRATION_AGENT", "LOCAL_REGISTRAR", "EMBASSY_OFFICIAL"];
    Action::declare(
        (action("declare.label"), "Declare"),
        review::review("birth", review_title()),
    )
    .dialog_copy(review::declare_dialog("birth"))
    .deduplication(duplicates(env))
    .add_flag_if(LATE, registration_is_late())
    .add_flag_if(
        "validated",
        or(validated_by.map(|role| user().has_role(role))),
    )
}

/// The search for duplicates: the children's names are similar and their days of birth near, and the mother
/// is the same by her number or by name and age.
fn duplicates(env: &Environment) -> Option<Deduplication> {
    let same_mother = Clause::or([
        field("mother.nid").strict_matches().boost(2),
        Clause::and([
            field("mother.name").fuzzy_matches(),
            Clause::or([
                field("mother.dob").date_range_matches(365),
                field("mother.age").strict_matches(),
            ]),
        ]),
    ]);
    env.duplicate_search.then(|| {
        Deduplication::new(
            "birth-deduplication",
            (
                "event.birth.deduplication.label",
                "Births of the same child",
            ),
            Clause::and([
                field("child.name").fuzzy_matches(),
                field("child.dob").date_range_matches(5),
                same_mother,
            ]),
        )
    })
}

fn edit() -> Action {
    Action::edit(("actions.edit", "Edit"), review::edit_dialog("birth"))
        .remove_flag("validated")
        .remove_flag(LATE)
        .remove_flag(ESCALATED_TO_PROVINCE)
        .remove_flag(ESCALATED_TO_GENERAL)
}

fn register(env: &Environment) -> Action {
    review::register("birth")
        .deduplication(duplicates(env))
        .enable_if(
            flag("validated")
                .and(not(flag(LATE)))
                .and(not(flag(ESCALATED_TO_PROVINCE)))
                .and(not(flag(ESCALATED_TO_GENERAL))),
        )
}

/// Prints the certificate, to be handed over at once or kept until it is collected.
fn print_certificate(env: &Environment) -> Action {
    Action::print_certificate(
        (action("collect-certificate.label"), "Print"),
        print::form_before_printing(env),
    )
    .add_flag_if(
        PRINTED_IN_ADVANCE,
        field("collector.requesterId").equals("PRINT_IN_ADVANCE"),
    )
    .remove_flag(FIRST_CERTIFICATE_PENDING)
    .show_if(not(flag("revoked").or(flag(PRINTED_IN_ADVANCE))))
}

/// Approves a late declaration.
fn approve() -> Action {
    Action::custom(
        "APPROVE_DECLARATION",
        (action("approve.label"), "Approve"),
        [notes().into()],
        (action("approve.audit-history-label"), "Approved"),
    )
    .icon("Stamp")
    .supporting_copy((
        action("approve.confirmationText"),
        "The registration of this birth is late. With your approval it can be registered all the same.",
    ))
    .remove_flag("rejected")
    .remove_flag(LATE)
    .show_if(flag(LATE))
    .enable_if(not(flag("potential-duplicate")))
}

/// Hands over a certificate that was printed in advance.
fn issue_certified_copy() -> Action {
    let collectors = [
        shared("MOTHER", "app.whoContDet.mother", "Mother"),
        shared("FATHER", "informantRelation.father", "Father"),
        shared("SOMEONE_ELSE", "informantRelation.others", "Someone else"),
    ];
    Action::custom(
        "ISSUE_CERTIFIED_COPY",
        (action("issue-certified-copy.label"), "Issue certified copy"),
        [select("collector", collectors)
            .label(custom_action("approve.field.collector.label"), "Collector")
            .required()
            .into()],
        (action("issued.audit-history-label"), "Issued"),
    )
    .icon("Handshake")
    .supporting_copy((
        action("issue-certified-copy.supportingCopy"),
        "Say who receives the printed certificate. It is then recorded as handed over.",
    ))
    .remove_flag(FIRST_CERTIFICATE_PENDING)
    .remove_flag(PRINTED_IN_ADVANCE)
    .show_if(
        flag(PRINTED_IN_ADVANCE)
            .and(status("REGISTERED"))
            .and(not(flag("revoked"))),
    )
}

/// Asks a higher authority for advice.
fn escalate() -> Action {
    let escalate_to = |key: &str| custom_action(&format!("escalate.field.escalate-to.{key}"));
    let authorities = [
        option(
            "PROVINCIAL_REGISTRAR",
            (
                escalate_to("option.officer-in-charge.label"),
                "My state provincial registrar",
            ),
        ),
        option(
            "REGISTRAR_GENERAL",
            (
                escalate_to("option.registrar-general.label"),
                "Registrar General",
            ),
        ),
    ];
    let chosen = field("escalate-to");
    Action::custom(
        "ESCALATE",
        (action("escalate.label"), "Escalate"),
        [
            select("escalate-to", authorities)
                .label(escalate_to("label"), "Escalate to")
                .required()
                .into(),
            textarea("reason")
                .label("form.field.label.reasonNotApplying", "Reason")
                .required()
                .into(),
        ],
        (action("escalate.audit-history-label"), "Escalated"),
    )
    .icon("FileArrowUp")
    .supporting_copy((
        action("escalate.supportingCopy"),
        "The record is put before a higher authority, which can read it and answer.",
    ))
    .add_flag_if(ESCALATED_TO_PROVINCE, chosen.equals("PROVINCIAL_REGISTRAR"))
    .add_flag_if(ESCALATED_TO_GENERAL, chosen.equals("REGISTRAR_GENERAL"))
    .show_if(not(
        flag(ESCALATED_TO_PROVINCE).or(flag(ESCALATED_TO_GENERAL))
    ))
}

/// The answer of the authority that was asked.
fn feedback(name: &str, key: &str, authority: &str, escalated: &str) -> Action {
    Action::custom(
        name,
        (
            action(&format!("{key}-feedback.label")),
            format!("{authority} feedback"),
        ),
        [notes().required().into()],
        (
            action("registrar-feedback.audit-history-label"),
            "Escalation feedback",
        ),
    )
    .icon("ChatText")
    .supporting_copy((
        action(&format!("{key}-feedback.supportingCopy")),
        "Your answer goes back to the office that escalated the record.",
    ))
    .remove_flag(escalated)
    .show_if(flag(escalated))
}

fn revoke() -> Action {
    Action::custom(
        "REVOKE_REGISTRATION",
        (action("revoke-registration.label"), "Revoke registration"),
        [reason().into()],
        (action("revoke-registration.audit-history-label"), "Revoked"),
    )
    .icon("Briefcase")
    .supporting_copy(legal_effect())
    .add_flag("revoked")
    .remove_flag(FIRST_CERTIFICATE_PENDING)
    .remove_flag(ESCALATED_TO_GENERAL)
    .remove_flag(ESCALATED_TO_PROVINCE)
    .remove_flag(PRINTED_IN_ADVANCE)
    .show_if(
        status("REGISTERED")
            .and(not(flag("correction-requested")))
            .and(not(flag("revoked"))),
    )
}

fn reinstate() -> Action {
    Action::custom(
        "REINSTATE_REVOKE_REGISTRATION",
        (
            action("reinstate-registration.label"),
            "Reinstate registration",
        ),
        [reason().into()],
        (
            action("reinstate-registration.audit-history-label"),
            "Registration reinstated",
        ),
    )
    .icon("ArchiveTray")
    .supporting_copy(legal_effect())
    .remove_flag("revoked")
    .show_if(flag("revoked"))
}

/// Text shown before a registration is revoked, and before it is reinstated.
fn legal_effect() -> Message {
    message(
        action("revoke-registration.supportingCopy"),
        "This decides whether the registration has legal effect. Your reason is kept with the record.",
    )
}

fn notes() -> Field<types::Textarea> {
    textarea("notes").label(custom_action("approve.field.notes.label"), "Comments")
}

fn reason() -> Field<types::Textarea> {
    textarea("reason")
        .label(
            custom_action("revoke-registration.field.reason.label"),
            "Reason",
        )
        .required()
}
