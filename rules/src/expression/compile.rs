// SPDX-License-Identifier: MPL-2.0
//! Compiles a text to an expression whose names are all known.

use std::collections::BTreeSet;

use cel::common::ast::{
    CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators,
};
use cel::{ParseError, Program};

use super::facts::{CORE_VARIABLES, CoreFact, Source, VARIABLES};
use super::{Expression, Place, functions};
use crate::diagnostic::did_you_mean;
use opencrvs_toolkit::evaluate::Pattern;

/// The longest expression, in bytes: a condition that nobody can read is not a rule, and the parser needs
/// stack for every bracket.
pub const MAX_LENGTH: usize = 1_000;

/// The deepest nesting of an expression: the interpreter needs stack for each level.
const DEEPEST: usize = 100;

/// The most loops such as `exists(v, ..)` in each other, or over the result of another: they multiply.
const MOST_LOOPS: usize = 2;

/// Operators, and the results of CEL's macros; these need no check.
const OPERATORS: [&str; 18] = [
    operators::CONDITIONAL,
    operators::LOGICAL_AND,
    operators::LOGICAL_OR,
    operators::LOGICAL_NOT,
    operators::SUBSTRACT,
    operators::ADD,
    operators::MULTIPLY,
    operators::DIVIDE,
    operators::MODULO,
    operators::EQUALS,
    operators::NOT_EQUALS,
    operators::GREATER_EQUALS,
    operators::LESS_EQUALS,
    operators::GREATER,
    operators::LESS,
    operators::NEGATE,
    operators::INDEX,
    operators::IN,
];

/// A fault in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpressionFault {
    /// The offset in bytes from the start of the expression.
    pub offset: usize,
    /// The description of the fault.
    pub message: String,
    /// The probable meaning.
    pub hint: Option<String>,
}

impl Expression {
    /// Parses the text and checks every name against the fields of the form, the variables and
    /// the functions. Reports all faults, not only the first.
    pub fn compile(text: &str, fields: &BTreeSet<String>) -> Result<Self, Vec<ExpressionFault>> {
        Self::compile_for(text, fields, false).map(|(expression, _)| expression)
    }

    /// As [`Self::compile`], with the program that knows the place of each part. `of_form` lets it name what only core knows.
    pub(super) fn compile_for(
        text: &str,
        fields: &BTreeSet<String>,
        of_form: bool,
    ) -> Result<(Self, Program), Vec<ExpressionFault>> {
        if text.len() > MAX_LENGTH {
            let message = format!("the expression is longer than {MAX_LENGTH} characters");
            let hint = Some("split it into several conditions".into());
            return Err(vec![ExpressionFault {
                offset: 0,
                message,
                hint,
            }]);
        }
        let program =
            Program::compile(text).map_err(|errors| syntax_faults(text, &errors.errors))?;
        measured(program.expression(), program.source_info())?;
        let mut root = program.expression().clone();
        let mut names = Names {
            fields,
            info: program.source_info(),
            places: Vec::new(),
            bound: Vec::new(),
            faults: Vec::new(),
            hyphen_met: false,
            of_form,
            is_one_word: matches!(root.expr, Expr::Ident(_)),
        };
        names.replace(&mut root);
        if names.faults.is_empty() {
            let expression = Self {
                text: text.to_owned(),
                root,
                places: names.places,
            };
            Ok((expression, program))
        } else {
            Err(names.faults)
        }
    }
}

/// The depth of an expression, and the number of its loops that multiply.
#[derive(Clone, Copy, Default)]
struct Extent {
    depth: usize,
    loops: usize,
}

/// Measures an expression from the inside out.
///
/// # Errors
/// When evaluating it could take too much stack or time.
fn measured(node: &IdedExpr, info: &SourceInfo) -> Result<Extent, Vec<ExpressionFault>> {
    let mut all = Extent::default();
    let mut children: Vec<&IdedExpr> = Vec::new();
    match &node.expr {
        Expr::Call(call) => children.extend(call.target.as_deref().into_iter().chain(&call.args)),
        Expr::Comprehension(loops) => {
            all.loops = 1;
            children.extend([
                &loops.accu_init,
                &loops.loop_cond,
                &loops.loop_step,
                &loops.result,
                &loops.iter_range,
            ]);
        }
        Expr::List(list) => children.extend(&list.elements),
        Expr::Map(map) => {
            for entry in &map.entries {
                if let EntryExpr::MapEntry(entry) = &entry.expr {
                    children.extend([&entry.key, &entry.value]);
                }
            }
        }
        Expr::Select(select) => children.push(&select.operand),
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
    let own = all.loops;
    for child in children {
        let inner = measured(child, info)?;
        all.depth = all.depth.max(inner.depth + 1);
        all.loops = all.loops.max(inner.loops + own);
    }
    let message = if all.depth > DEEPEST {
        format!("the expression is nested too deeply: more than {DEEPEST} levels")
    } else if all.loops > MOST_LOOPS {
        format!("more than {MOST_LOOPS} nested loops")
    } else {
        return Ok(all);
    };
    let offset = info.offset_for(node.id);
    Err(vec![ExpressionFault {
        offset: offset.map_or(0, |(start, _)| start as usize),
        message,
        hint: Some("split it into several conditions".into()),
    }])
}

/// Walks an expression and replaces field and variable names by places.
struct Names<'a> {
    fields: &'a BTreeSet<String>,
    info: &'a SourceInfo,
    places: Vec<Place>,
    /// Names that `exists(v, ..)` and its like bind, innermost last.
    bound: Vec<String>,
    faults: Vec<ExpressionFault>,
    /// A field id with a hyphen reads as a subtraction; one report of that is enough.
    hyphen_met: bool,
    /// Conditions of forms can also name what only core knows.
    of_form: bool,
    /// The expression is nothing but one name.
    is_one_word: bool,
}

impl Names<'_> {
    fn replace(&mut self, node: &mut IdedExpr) {
        if let Some(chain) = Chain::of(node) {
            if self
                .bound
                .iter()
                .any(|name| chain.segments.first() == Some(name))
            {
                return;
            }
            if let Some(place) = self.place(&chain) {
                node.expr = reading(place, chain.is_test);
            }
            return;
        }
        if let Some(arguments) = arguments_of_ever(&node.expr) {
            if let Some(place) = self.place_in_the_past(node.id, arguments) {
                node.expr = reading(place, false);
            }
            return;
        }
        if self.of_form
            && let Some((name, fact)) = core_question(&node.expr)
        {
            let place = self.place_of(name, Source::Core(fact));
            node.expr = reading(place, false);
            return;
        }
        match &mut node.expr {
            Expr::Call(call) => {
                self.check_call(call, node.id);
                call.target
                    .iter_mut()
                    .for_each(|target| self.replace(target));
                call.args.iter_mut().for_each(|arg| self.replace(arg));
                self.guard(call, node.id);
            }
            Expr::Comprehension(comprehension) => {
                self.replace(&mut comprehension.iter_range);
                let range = std::mem::take(&mut comprehension.iter_range);
                comprehension.iter_range = in_order(range);
                self.replace(&mut comprehension.accu_init);
                let outer = self.bound.len();
                self.bound.extend([
                    comprehension.iter_var.clone(),
                    comprehension.accu_var.clone(),
                ]);
                self.bound.extend(comprehension.iter_var2.clone());
                self.replace(&mut comprehension.loop_cond);
                self.replace(&mut comprehension.loop_step);
                self.replace(&mut comprehension.result);
                self.bound.truncate(outer);
            }
            Expr::List(list) => list
                .elements
                .iter_mut()
                .for_each(|element| self.replace(element)),
            Expr::Map(map) => {
                for entry in &mut map.entries {
                    if let EntryExpr::MapEntry(entry) = &mut entry.expr {
                        self.replace(&mut entry.key);
                        self.replace(&mut entry.value);
                    }
                }
            }
            Expr::Select(select) => self.replace(&mut select.operand),
            Expr::Struct(object) => {
                let message = format!("unknown type `{}`", object.type_name);
                self.fault_before(node.id, &object.type_name, message, None);
            }
            Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
        }
    }

    /// Inserts the functions that follow the values of forms: only dates and numbers have an order, and
    /// patterns are ECMAScript.
    fn guard(&mut self, call: &mut CallExpr, id: u64) {
        match call.func_name.as_str() {
            operators::LESS
            | operators::LESS_EQUALS
            | operators::GREATER
            | operators::GREATER_EQUALS => {
                for arg in &mut call.args {
                    if self.is_answer(arg) {
                        let answer = std::mem::take(&mut arg.expr);
                        arg.expr = Expr::Call(CallExpr {
                            func_name: functions::DATE.into(),
                            target: None,
                            args: vec![IdedExpr {
                                id: arg.id,
                                expr: answer,
                            }],
                        });
                    }
                }
            }
            "matches" => {
                if let Some(target) = call.target.take() {
                    call.args.insert(0, *target);
                }
                call.func_name = functions::MATCHES.into();
                if let Some(Expr::Literal(LiteralValue::String(pattern))) =
                    call.args.get(1).map(|arg| &arg.expr)
                    && let Err(problem) = Pattern::new(pattern.inner())
                {
                    self.fault_before(id, "matches", format!("the pattern {problem}"), None);
                }
            }
            _ => {}
        }
    }

    /// Returns true if this reads an answer of the form.
    fn is_answer(&self, node: &IdedExpr) -> bool {
        let Expr::Ident(name) = &node.expr else {
            return false;
        };
        let number = name
            .strip_prefix('$')
            .and_then(|number| number.parse().ok());
        let place = number.and_then(|number: usize| self.places.get(number));
        place.is_some_and(|place| matches!(place.source, Source::Field { .. }))
    }

    /// The place that a chain of names stands for, the longest known field id first.
    fn place(&mut self, chain: &Chain) -> Option<usize> {
        let name = chain.segments.join(".");
        let source = self.field(&chain.segments).or_else(|| variable(&name));
        let source = source.or_else(|| self.of_form.then(|| core_variable(&name)).flatten());
        let Some(source) = source else {
            self.unknown(chain, &name);
            return None;
        };
        if let Some(meant) = self.nested_field_meant(&source) {
            self.fault(
                chain.start,
                format!("unknown field `{name}`"),
                Some(format!("did you mean `{meant}`?")),
            );
            return None;
        }
        Some(self.place_of(name, source))
    }

    fn place_of(&mut self, name: String, source: Source) -> usize {
        let known = self.places.iter().position(|place| place.source == source);
        known.unwrap_or_else(|| {
            self.places.push(Place { name, source });
            self.places.len() - 1
        })
    }

    /// The place that `ever(child.nid)` stands for. It takes a whole field, whose earlier answers are looked for.
    fn place_in_the_past(&mut self, call: u64, arguments: &[IdedExpr]) -> Option<usize> {
        const NOT_A_FIELD: &str = "`ever` takes one field";
        const HINT: &str = "write the id of a field, ever(child.nid)";
        let chain = match arguments {
            [argument] => Chain::of(argument),
            _ => None,
        };
        let Some(chain) = chain else {
            self.fault_before(call, "ever", NOT_A_FIELD.into(), Some(HINT.into()));
            return None;
        };
        let name = chain.segments.join(".");
        match self.field(&chain.segments).or_else(|| variable(&name)) {
            Some(Source::Field { id, parts }) if parts.is_empty() => {
                return Some(self.place_of(format!("ever({id})"), Source::Ever(id)));
            }
            Some(Source::Field { id, .. }) => {
                self.fault(
                    chain.start,
                    NOT_A_FIELD.into(),
                    Some(format!("write ever({id})")),
                );
            }
            Some(_) => self.fault(chain.start, NOT_A_FIELD.into(), Some(HINT.into())),
            None => self.unknown(&chain, &name),
        }
        None
    }

    fn field(&self, segments: &[String]) -> Option<Source> {
        (1..=segments.len()).rev().find_map(|length| {
            let (id, parts) = segments.split_at_checked(length)?;
            let id = id.join(".");
            self.fields.contains(&id).then(|| Source::Field {
                id,
                parts: parts.to_vec(),
            })
        })
    }

    /// A field may have further fields below it (`child.birthLocation.privateHome`), and a
    /// misspelt one of those must not pass for a part of the upper one's answer.
    fn nested_field_meant(&self, source: &Source) -> Option<&str> {
        let Source::Field { id, parts } = source else {
            return None;
        };
        let first = parts.first()?;
        let nested = self
            .fields
            .iter()
            .filter_map(|field| Some((field, field.strip_prefix(id)?.strip_prefix('.')?)));
        nested
            .filter(|(_, rest)| strsim::normalized_damerau_levenshtein(first, rest) >= 0.8)
            .map(|(field, _)| field.as_str())
            .next()
    }

    fn unknown(&mut self, chain: &Chain, name: &str) {
        if self.hyphen_met {
            return;
        }
        let fields = self.fields;
        let starting = |start: String| fields.iter().find(|field| field.starts_with(&start));
        if let Some(field) = starting(format!("{name}.")) {
            let hint = format!("name one of its fields, `{field}` for example");
            return self.fault(
                chain.start,
                format!("`{name}` is a page, not a field"),
                Some(hint),
            );
        }
        let kind = if chain.segments.len() > 1 {
            "field"
        } else {
            "variable"
        };
        let hyphenated = starting(format!("{name}-"));
        self.hyphen_met = hyphenated.is_some();
        let hint = match hyphenated {
            Some(field) => Some(format!(
                "a field id with a hyphen is written field(\"{field}\")"
            )),
            None => self.closest_name(&chain.segments).or_else(|| match kind {
                "field" => Some(
                    "`countryconfig export fields --event …` lists the fields of an event".into(),
                ),
                // A word in a loop is a variable; the text as a whole may be meant for a template.
                _ if self.bound.is_empty() && !self.is_one_word => {
                    Some(format!("a text is written in quotes: '{name}'"))
                }
                _ => None,
            }),
        };
        self.fault(chain.start, format!("unknown {kind} `{name}`"), hint);
    }

    /// A misspelt id may be followed by parts of its answer, so only as much of it is compared as
    /// the known name has.
    fn closest_name(&self, segments: &[String]) -> Option<String> {
        let known = || {
            self.fields
                .iter()
                .map(String::as_str)
                .chain(VARIABLES.iter().map(|(name, _)| *name))
                .chain(
                    CORE_VARIABLES
                        .iter()
                        .map(|(name, _)| *name)
                        .filter(|_| self.of_form),
                )
        };
        (1..=segments.len()).rev().find_map(|length| {
            let start = segments.get(..length)?.join(".");
            did_you_mean(
                &start,
                known().filter(|known| known.split('.').count() == length),
            )
        })
    }

    fn check_call(&mut self, call: &CallExpr, id: u64) {
        let (name, is_method) = (call.func_name.as_str(), call.target.is_some());
        if OPERATORS.contains(&name) || name == operators::NOT_STRICTLY_FALSE {
            return;
        }
        if name == "field" && !is_method {
            let hint = Some("write the field id as a text, field(\"child.name\")".into());
            return self.fault_before(id, name, "`field` takes one field id".into(), hint);
        }
        match functions::arity(name, is_method) {
            Some(arity) if arity == call.args.len() => {}
            Some(arity) => {
                let found = call.args.len();
                let message = format!(
                    "`{name}` takes {arity} {}, not {found}",
                    plural(arity, "value")
                );
                self.fault_before(id, name, message, None);
            }
            None => {
                let hint = match functions::arity(name, !is_method) {
                    Some(_) if is_method => Some(format!("write it as {name}(..)")),
                    Some(_) => Some(format!("write it as x.{name}(..)")),
                    None => did_you_mean(name, functions::names(is_method)),
                };
                self.fault_before(id, name, format!("unknown function `{name}`"), hint);
            }
        }
    }

    fn fault(&mut self, id: u64, message: String, hint: Option<String>) {
        self.fault_before(id, "", message, hint);
    }

    /// Reports a fault in a call: its place is that of its bracket, the fault is in the name before that.
    fn fault_before(&mut self, id: u64, name: &str, message: String, hint: Option<String>) {
        let offset = self
            .info
            .offset_for(id)
            .map_or(0, |(start, _)| start as usize);
        self.faults.push(ExpressionFault {
            offset: offset.saturating_sub(name.len()),
            message,
            hint,
        });
    }
}

/// Names with dots between them: `child.name.firstname`, or `field("child.name").firstname`.
struct Chain {
    segments: Vec<String>,
    /// The node that stands leftmost.
    start: u64,
    /// `has(child.name)` asks whether there is an answer.
    is_test: bool,
}

impl Chain {
    fn of(node: &IdedExpr) -> Option<Self> {
        match &node.expr {
            Expr::Ident(name) => Some(Self {
                segments: vec![name.clone()],
                start: node.id,
                is_test: false,
            }),
            Expr::Call(CallExpr {
                func_name,
                target: None,
                args,
            }) if func_name == "field" => {
                let [
                    IdedExpr {
                        expr: Expr::Literal(LiteralValue::String(id)),
                        ..
                    },
                ] = args.as_slice()
                else {
                    return None;
                };
                let segments = id.inner().split('.').map(str::to_owned).collect();
                Some(Self {
                    segments,
                    start: node.id,
                    is_test: false,
                })
            }
            Expr::Select(SelectExpr {
                operand,
                field,
                test,
            }) => {
                let mut chain = Self::of(operand)?;
                chain.segments.push(field.clone());
                chain.is_test = *test;
                Some(chain)
            }
            _ => None,
        }
    }
}

/// Puts the range of a loop in order, see [`functions::IN_ORDER`].
fn in_order(range: IdedExpr) -> IdedExpr {
    IdedExpr {
        id: range.id,
        expr: Expr::Call(CallExpr {
            func_name: functions::IN_ORDER.into(),
            target: None,
            args: [range].into(),
        }),
    }
}

/// The arguments of a call of `ever`.
fn arguments_of_ever(expr: &Expr) -> Option<&[IdedExpr]> {
    match expr {
        Expr::Call(CallExpr {
            func_name,
            target: None,
            args,
        }) if func_name == "ever" => Some(args),
        _ => None,
    }
}

/// The fact that a call asks of core: `flag('x')`, `user.scope('x')`, `event.has_action('X')`.
fn core_question(expr: &Expr) -> Option<(String, CoreFact)> {
    let Expr::Call(call) = expr else { return None };
    let [
        IdedExpr {
            expr: Expr::Literal(LiteralValue::String(argument)),
            ..
        },
    ] = call.args.as_slice()
    else {
        return None;
    };
    let argument = argument.inner().to_owned();
    let target = match call.target.as_deref().map(|target| &target.expr) {
        None => "",
        Some(Expr::Ident(name)) => name.as_str(),
        Some(_) => return None,
    };
    let name = format!("{}('{argument}')", call.func_name);
    match (target, call.func_name.as_str()) {
        ("", "flag") => Some((name, CoreFact::Flag(argument))),
        ("user", "scope") => Some((format!("user.{name}"), CoreFact::Scope(argument))),
        ("event", "has_action") => Some((format!("event.{name}"), CoreFact::HasAction(argument))),
        _ => None,
    }
}

fn core_variable(name: &str) -> Option<Source> {
    let known = CORE_VARIABLES.iter().find(|(known, _)| *known == name);
    known.map(|(_, fact)| Source::Core(fact.clone()))
}

fn variable(name: &str) -> Option<Source> {
    VARIABLES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, variable)| Source::Variable(*variable))
}

/// Reads a place, or asks whether there is anything in it.
fn reading(place: usize, is_test: bool) -> Expr {
    let read = Expr::Ident(format!("${place}"));
    if !is_test {
        return read;
    }
    let null = Expr::Literal(LiteralValue::Null);
    let args = [read, null].map(|expr| IdedExpr { id: 0, expr }).into();
    Expr::Call(CallExpr {
        func_name: operators::NOT_EQUALS.into(),
        target: None,
        args,
    })
}

/// The faults of a text that is not an expression. After the first, the parser guesses: a later one counts
/// only where its remedy is known.
fn syntax_faults(text: &str, errors: &[ParseError]) -> Vec<ExpressionFault> {
    let faults = errors.iter().map(|error| syntax_fault(text, error));
    let is_meant = |(n, fault): &(usize, ExpressionFault)| *n == 0 || fault.hint.is_some();
    faults
        .enumerate()
        .filter(is_meant)
        .map(|(_, fault)| fault)
        .collect()
}

fn syntax_fault(text: &str, error: &ParseError) -> ExpressionFault {
    let (line, column) = (
        usize::try_from(error.pos.0).unwrap_or(1),
        usize::try_from(error.pos.1).unwrap_or(1),
    );
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let in_line = text.get(before..).unwrap_or_default();
    let within = in_line
        .char_indices()
        .nth(column.saturating_sub(1))
        .map_or(in_line.len(), |(offset, _)| offset);
    let offset = before + within;
    let (reason, hint) = plain_reason(&error.msg);
    let mut words = text.get(..offset).unwrap_or_default().split_whitespace();
    let hint = hint.or_else(|| operator_meant(words.next_back()?));
    ExpressionFault {
        offset,
        message: format!("the expression cannot be read: {reason}"),
        hint,
    }
}

/// The parser's own words name its grammar rather than the mistake.
fn plain_reason(message: &str) -> (String, Option<String>) {
    let quoted = message.split('\'').nth(1).unwrap_or_default().trim();
    if message.contains("mismatched input '<EOF>'") {
        ("it ends too early".into(), None)
    } else if message.contains("missing") && message.contains("<EOF>") {
        (format!("`{quoted}` is missing at the end"), None)
    } else if message.contains("token recognition error") {
        let hint = (quoted == "=").then(|| "equality is written `==`".into());
        (format!("`{quoted}` means nothing here"), hint)
    } else if message.contains("Recursion limit") {
        ("it is nested too deeply".into(), None)
    } else if message.contains("extraneous input") || message.contains("mismatched input") {
        let reason = format!("`{quoted}` is not expected here");
        (reason, operator_meant(quoted))
    } else {
        (
            message
                .strip_prefix("Syntax error: ")
                .unwrap_or(message)
                .to_owned(),
            None,
        )
    }
}

/// The remedy for an operator that is written as a word.
fn operator_meant(word: &str) -> Option<String> {
    let operator = match word.to_ascii_lowercase().as_str() {
        "and" => "&&",
        "or" => "||",
        "not" => "!",
        "is" => "==",
        _ => return None,
    };
    Some(format!("in place of `{word}`, write `{operator}`"))
}

fn plural(number: usize, noun: &str) -> String {
    if number == 1 {
        noun.to_owned()
    } else {
        format!("{noun}s")
    }
}
