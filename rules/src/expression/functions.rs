// SPDX-License-Identifier: MPL-2.0
//! The functions that expressions may call, besides the few of CEL that are of use here.
//!
//! Dates are texts, `2026-05-20`; month and day may have one digit.

#![expect(
    clippy::needless_pass_by_value,
    clippy::unnecessary_wraps,
    reason = "cel prescribes the signature of functions"
)]

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use cel::common::functions::Function;
use cel::common::types::{
    CelBool, CelInt, CelList, CelMap, CelMapKey, CelNull, CelString, DYN_TYPE,
};
use cel::common::value::{CowVal, Val};
use cel::{Env, ExecutionError};
use jiff::civil::Date;
use opencrvs_toolkit::evaluate::Pattern;
use serde_json::json;

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

/// Our own functions: name, number of arguments, implementation.
const OWN: [(&str, usize, Function); 12] = [
    ("known", 1, known),
    ("empty", 1, empty),
    ("first_known", 1, first_known),
    ("years", 2, years),
    ("days", 2, days),
    ("full_name", 1, full_name),
    ("in_language", 2, in_language),
    ("slashed_date", 1, slashed_date),
    ("capitalised", 1, capitalised),
    ("lower_case", 1, lower_case),
    (DATE, 1, dated),
    (MATCHES, 2, matches_pattern),
];

/// The function around the answers that `<` and its like compare; nobody writes it.
pub(super) const DATE: &str = "_date";
/// The function behind `matches`: patterns are ECMAScript, as in the forms.
pub(super) const MATCHES: &str = "_matches";

/// Functions of CEL that are written `name(x)`.
const GLOBAL: [(&str, usize); 6] = [
    ("matches", 2),
    ("size", 1),
    ("int", 1),
    ("double", 1),
    ("string", 1),
    ("bool", 1),
];

/// Functions of CEL that are written `x.name(y)`.
const METHODS: [(&str, usize); 5] = [
    ("size", 0),
    ("contains", 1),
    ("startsWith", 1),
    ("endsWith", 1),
    ("matches", 1),
];

/// The function around the range of a loop; nobody can write its name.
pub(super) const IN_ORDER: &str = "$in_order";

/// The one environment that all expressions share.
pub(super) static ENVIRONMENT: LazyLock<Arc<Env>> = LazyLock::new(|| {
    let mut env = Env::stdlib();
    let in_order: (&str, usize, Function) = (IN_ORDER, 1, in_order);
    for (name, arity, function) in OWN.into_iter().chain([in_order]) {
        let added = env.add_overload(name, name, (0..arity).map(|_| DYN_TYPE).collect(), function);
        debug_assert!(added.is_ok(), "`{name}` is declared twice");
    }
    Arc::new(env)
});

/// The number of arguments of the function of that name, called as `x.name(..)` or as `name(..)`.
pub(super) fn arity(name: &str, is_method: bool) -> Option<usize> {
    let of_cel: &[(&str, usize)] = if is_method { &METHODS } else { &GLOBAL };
    let own = OWN
        .iter()
        .filter(|(name, ..)| !is_method && !name.starts_with('_'))
        .map(|(known, arity, _)| (*known, *arity));
    of_cel
        .iter()
        .copied()
        .chain(own)
        .find(|(known, _)| *known == name)
        .map(|(_, arity)| arity)
}

/// The names of all functions, called as `x.name(..)` or as `name(..)`.
pub(super) fn names(is_method: bool) -> Vec<&'static str> {
    if is_method {
        METHODS.iter().map(|(name, _)| *name).collect()
    } else {
        OWN.iter()
            .map(|(name, ..)| *name)
            .filter(|name| !name.starts_with('_'))
            .chain(GLOBAL.iter().map(|(name, _)| *name))
            .chain(["ever", "field", "has"])
            .collect()
    }
}

/// Returns true if the function is one of ours, whose error messages hold no values.
pub(super) fn is_own(name: &str) -> bool {
    OWN.iter().any(|(own, ..)| *own == name)
}

/// Reads a date, `2026-05-20` or `2026-5-2`.
pub fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || year.len() != 4 || ![year, month, day].into_iter().all(digits) {
        return None;
    }
    if month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()
}

/// Birthdays passed between two days; one born on 29 February has the birthday on 1 March in
/// other years. Negative where `from` is later.
pub fn years_between(from: Date, on: Date) -> i64 {
    let before_birthday = (on.month(), on.day()) < (from.month(), from.day());
    i64::from(on.year()) - i64::from(from.year()) - i64::from(before_birthday)
}

/// The names of the members of an object in alphabetical order, and anything else as it is. The interpreter
/// goes through them in a random order, and the same facts must give the same decision.
fn in_order<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(range) = args.into_iter().next() else {
        return Ok(null());
    };
    let Some(map) = range.downcast_ref::<CelMap>() else {
        return Ok(range);
    };
    let mut keys: Vec<_> = map.inner().keys().collect();
    keys.sort_unstable();
    let keys = keys.into_iter().map(|key| key.inner().clone_as_boxed());
    Ok(CowVal::owned(CelList::from(
        keys.collect::<Vec<Box<dyn Val + 'v>>>(),
    )))
}

/// `known(x)`: there is an answer, and it is not the empty text.
fn known<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let known = args.first().is_some_and(is_known);
    Ok(CowVal::owned(CelBool::from(known)))
}

fn is_known(value: &CowVal<'_, '_>) -> bool {
    let empty = text(value).is_some_and(str::is_empty);
    !empty && value.downcast_ref::<CelNull>().is_none()
}

/// `empty(x)`: there is no answer, or it is the empty text or an unticked box; core's `isFalsy`.
fn empty<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let empty = args.first().is_none_or(|value| {
        let unticked = value
            .downcast_ref::<CelBool>()
            .is_some_and(|box_| !box_.inner());
        !is_known(value) || unticked || text(value) == Some("undefined")
    });
    Ok(CowVal::owned(CelBool::from(empty)))
}

/// The value, unless it is a text that is not a date as forms write it, `2026-05-20`: such a text has no order.
fn dated<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = args.into_iter().next().unwrap_or_else(null);
    if text(&value).is_some_and(|text| !is_form_date(text)) {
        return Err(failure(DATE, "a text that is not a date has no order"));
    }
    Ok(value)
}

/// Returns true if a text is a date as forms write it: `2026-05-20`, not `2026-5-2`.
pub(super) fn is_form_date(text: &str) -> bool {
    text.len() == "2026-05-20".len() && date(text).is_some()
}

/// `matches(x, pattern)`: the text, or a part of it, is like the pattern.
fn matches_pattern<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (Some(value), Some(pattern)) = (args.first().and_then(text), args.get(1).and_then(text))
    else {
        return Err(failure(MATCHES, "takes a text and a pattern"));
    };
    let pattern = compiled(pattern);
    let pattern = pattern.map_err(|_| failure(MATCHES, "the pattern cannot be read"))?;
    Ok(CowVal::owned(CelBool::from(pattern.matches(value))))
}

/// A compiled pattern. Rules use the same few for every record, and compiling takes far longer than matching.
fn compiled(pattern: &str) -> Result<Arc<Pattern>, String> {
    /// More than the rules of a country have; a pattern may also be made of answers.
    const MOST: usize = 100;
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Pattern>>>> = LazyLock::new(Mutex::default);
    let lock = || COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = lock().get(pattern) {
        return Ok(known.clone());
    }
    let new = Arc::new(Pattern::new(pattern)?);
    let mut known = lock();
    if known.len() >= MOST {
        known.clear();
    }
    known.insert(pattern.to_owned(), new.clone());
    Ok(new)
}

/// `first_known([a, b, c])`: the first that is known, else null.
fn first_known<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(list) = args.first().and_then(|list| list.downcast_ref::<CelList>()) else {
        return Err(failure(
            "first_known",
            "takes a list, `first_known([a, b])`",
        ));
    };
    let first = list
        .inner()
        .iter()
        .find(|item| is_known(&CowVal::Borrowed(item.as_ref())));
    Ok(first.map_or_else(null, |item| CowVal::Owned(item.clone())))
}

/// `years(from, on)`: full years from one day to another.
fn years<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (from, on) = two_dates("years", &args)?;
    Ok(CowVal::owned(CelInt::from(years_between(from, on))))
}

/// `days(from, to)`: days from one day to another.
fn days<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (from, to) = two_dates("days", &args)?;
    let span = from
        .until(to)
        .map_err(|_| failure("days", "the dates are too far apart"))?;
    Ok(CowVal::owned(CelInt::from(i64::from(span.get_days()))))
}

/// `full_name(name)`: first, middle and last name with single spaces, without missing ones.
fn full_name<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(name) = present(&args) else {
        return Ok(null());
    };
    let Some(name) = name.downcast_ref::<CelMap>() else {
        return Err(failure(
            "full_name",
            "takes a name, with `firstname` and `surname`",
        ));
    };
    let part = |key: &'static str| {
        name.inner()
            .get(&CelMapKey::from(key))?
            .downcast_ref::<CelString>()
    };
    let words = ["firstname", "middlename", "surname"]
        .into_iter()
        .filter_map(part);
    let words: Vec<&str> = words
        .flat_map(|part| part.inner().split_whitespace())
        .collect();
    Ok(known_text(words.join(" ")))
}

/// `in_language(code, x)`: the text as MOSIP takes texts, JSON with its language inside a text.
fn in_language<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(language) = args.first().and_then(text) else {
        return Err(failure(
            "in_language",
            "takes a language code first, `in_language(\"eng\", x)`",
        ));
    };
    let Some(value) = args.get(1).filter(|value| is_known(value)) else {
        return Ok(null());
    };
    let value = text(value).ok_or_else(|| failure("in_language", "takes a text"))?;
    Ok(known_text(
        json!([{"language": language, "value": value}]).to_string(),
    ))
}

/// `slashed_date(date)`: the date with slashes, `2026/05/20`; null for a value that is not a date.
fn slashed_date<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let date = args
        .first()
        .and_then(text)
        .filter(|text| date(text).is_some());
    Ok(date.map_or_else(null, |text| known_text(text.replace('-', "/"))))
}

/// `capitalised(x)`: first letter large, the others small.
fn capitalised<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(value) = present(&args) else {
        return Ok(null());
    };
    let value = text(value).ok_or_else(|| failure("capitalised", "takes a text"))?;
    let mut letters = value.chars();
    let first = letters.next().into_iter().flat_map(char::to_uppercase);
    Ok(known_text(
        first.chain(letters.flat_map(char::to_lowercase)).collect(),
    ))
}

/// `lower_case(x)`: all letters small.
fn lower_case<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let Some(value) = present(&args) else {
        return Ok(null());
    };
    let value = text(value).ok_or_else(|| failure("lower_case", "takes a text"))?;
    Ok(known_text(value.to_lowercase()))
}

fn two_dates(function: &str, args: &Args<'_, '_>) -> Result<(Date, Date), ExecutionError> {
    let nth = |n: usize, place: &str| {
        let value = args.get(n).filter(|value| is_known(value));
        let value =
            value.ok_or_else(|| failure(function, &format!("the {place} date is missing")))?;
        let date = text(value).and_then(date);
        date.ok_or_else(|| failure(function, &format!("the {place} date is not a date")))
    };
    Ok((nth(0, "first")?, nth(1, "second")?))
}

/// The first argument, unless it is null or the empty text.
fn present<'a, 'b, 'v>(args: &'a Args<'b, 'v>) -> Option<&'a CowVal<'b, 'v>> {
    args.first().filter(|value| is_known(value))
}

fn text<'a>(value: &'a CowVal<'_, '_>) -> Option<&'a str> {
    value.downcast_ref::<CelString>().map(CelString::inner)
}

fn null<'b, 'v>() -> CowVal<'b, 'v> {
    CowVal::owned(CelNull)
}

/// The text, or null where nothing is left of it.
fn known_text<'b, 'v>(text: String) -> CowVal<'b, 'v> {
    if text.is_empty() {
        null()
    } else {
        CowVal::owned(CelString::from(text))
    }
}

fn failure(function: &str, message: &str) -> ExecutionError {
    ExecutionError::function_error(function, message)
}
