//! The native filter: SQL that is never null, over bound values.

use std::fmt::{self, Display, Formatter};

use portolan_core::driver::NativeId;
use portolan_core::filter::{Condition, Leaf};
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::convert::decimal;
use crate::query::{Bind, Binds};
use crate::table::{IdType, Layout};

/// The key under which a record lists what of it lies aside.
const ASIDE_KEYS: &str = "_portolan_keys";

/// How long a string stands in the index of its field.
const INDEXED_CHARS: usize = 256;

/// A condition on rows. How it reads in SQL depends on the table's columns; `Display` shows it for an index that the
/// port made.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeFilter(Node);

#[derive(Debug, Clone, PartialEq)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Leaf { leaf: Leaf, declared: Option<FieldType>, negated: bool },
    Ids { ids: Vec<NativeId>, negated: bool },
}

impl NativeFilter {
    pub(crate) fn leaf(spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Self {
        Self(Node::Leaf { leaf: leaf.clone(), declared: spec.fields.get(&leaf.key).copied(), negated })
    }

    pub(crate) fn ids(ids: &[NativeId], negated: bool) -> Self {
        Self(Node::Ids { ids: ids.to_vec(), negated })
    }

    pub(crate) fn all(parts: Vec<Self>) -> Self {
        Self(Node::All(parts.into_iter().map(|part| part.0).collect()))
    }

    pub(crate) fn any(parts: Vec<Self>) -> Self {
        Self(Node::Any(parts.into_iter().map(|part| part.0).collect()))
    }

    /// How many leaves it has.
    pub(crate) fn leaves(&self) -> usize {
        self.0.leaves()
    }

    /// The condition as SQL for a table.
    pub(crate) fn to_sql(&self, table: &Layout, binds: &mut Binds) -> String {
        self.0.to_sql(table, binds)
    }
}

impl Display for NativeFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut binds = Binds::default();
        f.write_str(&self.to_sql(&Layout::own(), &mut binds))?;
        for (n, value) in binds.values().enumerate() {
            write!(f, "{}${} = {value}", if n == 0 { " -- " } else { ", " }, n + 1)?;
        }
        Ok(())
    }
}

impl Node {
    fn leaves(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::leaves).sum(),
            Self::Leaf { .. } | Self::Ids { .. } => 1,
        }
    }

    fn to_sql(&self, table: &Layout, binds: &mut Binds) -> String {
        match self {
            Self::All(parts) => joined(parts, " AND ", table, binds),
            Self::Any(parts) => joined(parts, " OR ", table, binds),
            Self::Ids { ids, negated } => signed(id_in(table, ids, binds), *negated),
            Self::Leaf { leaf, declared, negated: true } => {
                signed(whole(leaf, *declared, table, binds), true)
            }
            Self::Leaf { leaf, declared, negated: false } => {
                let exact = whole(leaf, *declared, table, binds);
                match declared.filter(|_| table.aside).and_then(|of| indexed(leaf, of, table, binds)) {
                    Some(wider) => format!("({wider} AND {exact})"),
                    None => exact,
                }
            }
        }
    }
}

fn joined(parts: &[Node], by: &str, table: &Layout, binds: &mut Binds) -> String {
    let parts: Vec<String> = parts.iter().map(|part| part.to_sql(table, binds)).collect();
    format!("({})", parts.join(by))
}

fn signed(sql: String, negated: bool) -> String {
    if negated { format!("NOT {sql}") } else { sql }
}

/// Which rows have one of these ids.
pub(crate) fn id_in(table: &Layout, ids: &[NativeId], binds: &mut Binds) -> String {
    let known: Vec<String> =
        ids.iter().filter(|id| table.id_type.takes(id)).map(NativeId::to_string).collect();
    let list = binds.bind(Bind::Texts(known));
    match table.id_type {
        IdType::Text => format!("({} = ANY({list}))", table.id),
        IdType::Uuid => format!("({} = ANY({list}::uuid[]))", table.id),
        IdType::Integer => format!("({} = ANY({list}::bigint[]))", table.id),
    }
}

/// A leaf in full: over the native value, and over the one aside where that may be.
fn whole(leaf: &Leaf, declared: Option<FieldType>, table: &Layout, binds: &mut Binds) -> String {
    let key = binds.text(&leaf.key);
    let metadata = &table.metadata;
    let native =
        over(&format!("({metadata} -> {key})"), &leaf.condition, &mut Operands { binds, shifted: false });
    if !table.aside || !may_lie_aside(declared) {
        return native;
    }
    let aside = over(
        &format!("({} -> {key})", aside_fields(metadata)),
        &leaf.condition,
        &mut Operands { binds, shifted: true },
    );
    format!(
        "({native} OR CASE WHEN {metadata} -> '{ASIDE_KEYS}' ? {key} AND NOT {metadata} ? {key} THEN {aside} ELSE false END)"
    )
}

/// Only text is ever unfit for the database.
fn may_lie_aside(declared: Option<FieldType>) -> bool {
    matches!(declared, None | Some(FieldType::String))
}

/// The values aside, as `jsonb` could not hold them: their strings are [`shifted`].
///
/// Doubled backslashes go first, so that each `\u000n` left is an escape and no text.
fn aside_fields(metadata: &str) -> String {
    let unambiguous = format!(r"replace({metadata} ->> '_portolan', '\\', '\u005c')");
    let marked = format!(r"regexp_replace({unambiguous}, '\\u000([0-3])', '\\x\1', 'g')");
    let shifted = [(0, "22"), (1, "23"), (2, "32"), (3, "33")].iter().fold(marked, |sql, (n, code)| {
        let digits = code.as_bytes();
        format!(
            r"replace({sql}, '\x{n}', '\u0001\u000{}\u000{}')",
            char::from(digits[0]),
            char::from(digits[1])
        )
    });
    format!("(({shifted})::jsonb -> 'fields')")
}

/// A string with U+0000 to U+0003 in a code of U+0001 to U+0003 that keeps order, prefixes, suffixes and substrings:
/// U+0001 begins each word of it and stands nowhere else.
fn shifted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0' => out.push_str("\u{1}\u{2}\u{2}"),
            '\u{1}' => out.push_str("\u{1}\u{2}\u{3}"),
            '\u{2}' => out.push_str("\u{1}\u{3}\u{2}"),
            '\u{3}' => out.push_str("\u{1}\u{3}\u{3}"),
            other => out.push(other),
        }
    }
    out
}

/// A condition over a `jsonb` value that may be absent: true or false, never null.
fn over(value: &str, condition: &Condition, operands: &mut Operands<'_>) -> String {
    let present = format!("COALESCE(jsonb_typeof({value}) <> 'null', false)");
    match condition {
        Condition::Exists => present,
        Condition::Ne(operand) => {
            format!("({present} AND NOT {})", meets(value, &operands.equal(std::slice::from_ref(operand))))
        }
        Condition::NotIn(list) => format!("({present} AND NOT {})", meets(value, &operands.equal(list))),
        Condition::Eq(operand) => meets(value, &operands.equal(std::slice::from_ref(operand))),
        Condition::In(list) => meets(value, &operands.equal(list)),
        Condition::Gt(operand) => meets(value, &operands.order(">", operand)),
        Condition::Gte(operand) => meets(value, &operands.order(">=", operand)),
        Condition::Lt(operand) => meets(value, &operands.order("<", operand)),
        Condition::Lte(operand) => meets(value, &operands.order("<=", operand)),
        Condition::StartsWith(prefix) => meets(value, &operands.text(prefix, Test::StartsWith)),
        Condition::EndsWith(suffix) => meets(value, &operands.text(suffix, Test::EndsWith)),
        Condition::Contains(operand) => {
            let elements = operands.equal(std::slice::from_ref(operand));
            let within =
                operand.as_str().map(|part| operands.text(part, Test::Substring)).unwrap_or_default();
            cases(value, &within, &elements)
        }
    }
}

/// The values to compare with, as they are bound.
struct Operands<'a> {
    binds: &'a mut Binds,
    /// Whether strings are [`shifted`]; else one that the database cannot hold equals nothing there.
    shifted: bool,
}

impl Operands<'_> {
    fn equal(&mut self, operands: &[Scalar]) -> Vec<Test> {
        let (mut texts, mut numbers, mut bools) = (Vec::new(), Vec::new(), Vec::new());
        for operand in operands {
            match operand {
                Scalar::String(s) => texts.extend(self.string(s)),
                Scalar::Bool(b) => bools.push(*b),
                Scalar::Integer(i) => numbers.push(i.to_string()),
                Scalar::Float(x) => numbers.push(decimal(*x)),
            }
        }
        let mut tests = Vec::new();
        if !texts.is_empty() {
            tests.push(Test::TextIn(self.binds.bind(Bind::Texts(texts))));
        }
        if !numbers.is_empty() {
            tests.push(Test::NumberIn(self.binds.bind(Bind::Texts(numbers))));
        }
        if !bools.is_empty() {
            tests.push(Test::BoolIn(self.binds.bind(Bind::Bools(bools))));
        }
        tests
    }

    fn order(&mut self, operator: &'static str, operand: &Scalar) -> Vec<Test> {
        match operand {
            Scalar::String(s) if self.shifted || !s.contains('\0') => {
                self.text(s, |bound| Test::Text(operator, bound))
            }
            Scalar::String(s) => {
                // What compares so with the longest part that the database can hold; nothing there is equal to more.
                let part = s.split('\0').next().unwrap_or_default();
                let operator = if operator.starts_with('>') { ">" } else { "<=" };
                self.text(part, |bound| Test::Text(operator, bound))
            }
            number => number_text(number)
                .map(|text| vec![Test::Number(operator, self.binds.bind(Bind::Text(text)))])
                .unwrap_or_default(),
        }
    }

    fn text(&mut self, text: &str, test: impl FnOnce(String) -> Test) -> Vec<Test> {
        self.string(text).map(|text| vec![test(self.binds.bind(Bind::Text(text)))]).unwrap_or_default()
    }

    fn string(&self, text: &str) -> Option<String> {
        if self.shifted { Some(shifted(text)) } else { (!text.contains('\0')).then(|| text.to_owned()) }
    }
}

fn number_text(scalar: &Scalar) -> Option<String> {
    match scalar {
        Scalar::Integer(i) => Some(i.to_string()),
        Scalar::Float(x) => Some(decimal(*x)),
        _ => None,
    }
}

/// A test of one element, with a bound operand.
#[derive(Debug, Clone)]
enum Test {
    Text(&'static str, String),
    TextIn(String),
    StartsWith(String),
    EndsWith(String),
    Substring(String),
    Number(&'static str, String),
    NumberIn(String),
    BoolIn(String),
}

impl Test {
    /// The `jsonb` type that it is about.
    fn of(&self) -> &'static str {
        match self {
            Self::Text(..)
            | Self::TextIn(_)
            | Self::StartsWith(_)
            | Self::EndsWith(_)
            | Self::Substring(_) => "string",
            Self::Number(..) | Self::NumberIn(_) => "number",
            Self::BoolIn(_) => "boolean",
        }
    }

    /// The test of a value of that type.
    fn on(&self, value: &str) -> String {
        let text = format!(r#"({value} #>> '{{}}') COLLATE "C""#);
        match self {
            Self::Text(operator, operand) => format!("{text} {operator} {operand}"),
            Self::TextIn(operands) => format!("{text} = ANY({operands})"),
            Self::StartsWith(prefix) => format!("starts_with({text}, {prefix})"),
            Self::EndsWith(suffix) => format!("right({text}, char_length({suffix})) = {suffix}"),
            Self::Substring(part) => format!("strpos({text}, {part}) > 0"),
            Self::Number(operator, operand) => format!("{value}::numeric {operator} {operand}::numeric"),
            Self::NumberIn(operands) => format!("{value}::numeric = ANY({operands}::numeric[])"),
            Self::BoolIn(operands) => format!("{value}::boolean = ANY({operands})"),
        }
    }
}

/// Whether a value, or an element of a list, meets one of the tests.
fn meets(value: &str, tests: &[Test]) -> String {
    cases(value, tests, tests)
}

/// Tests of a single value, and of the elements of a list.
fn cases(value: &str, single: &[Test], elements: &[Test]) -> String {
    let mut sql: String = single.iter().map(|t| format!(" WHEN '{}' THEN {}", t.of(), t.on(value))).collect();
    if !elements.is_empty() {
        let any: Vec<String> = elements.iter().map(|test| any_element(value, test)).collect();
        sql = format!("{sql} WHEN 'array' THEN {}", any.join(" OR "));
    }
    if sql.is_empty() {
        "false".to_owned()
    } else {
        format!("CASE jsonb_typeof({value}){sql} ELSE false END")
    }
}

/// Whether an element of an array meets a test, and all are of one type: else it is no list.
fn any_element(array: &str, test: &Test) -> String {
    let of = test.of();
    let alike = match of {
        "number" => {
            let whole = "CASE jsonb_typeof(e) WHEN 'number' THEN scale(e::numeric) = 0 END";
            format!("bool_and(jsonb_typeof(e) = 'number') AND (bool_and({whole}) OR NOT bool_or({whole}))")
        }
        _ => format!("bool_and(jsonb_typeof(e) = '{of}')"),
    };
    let within = format!(
        "(SELECT COALESCE(bool_or(CASE jsonb_typeof(e) WHEN '{of}' THEN {} ELSE false END) AND {alike}, false) \
         FROM jsonb_array_elements({array}) AS t(e))",
        test.on("e")
    );
    match test {
        // Most arrays are passed over without a subquery.
        Test::TextIn(operands) => format!("({array} ?| {operands} AND {within})"),
        _ => within,
    }
}

/// The key by which the values of a declared field are in order; `None` where no order is asked of the type. Arrays
/// stand together, for they are to be looked at.
pub(crate) fn order_key(field: &str, of: FieldType) -> Option<String> {
    match of {
        FieldType::Bool => None,
        FieldType::Integer | FieldType::Float => Some(format!(
            "(CASE jsonb_typeof({field}) WHEN 'number' THEN {field}::numeric WHEN 'array' THEN 'NaN'::numeric END)"
        )),
        FieldType::String => Some(format!(
            "((CASE jsonb_typeof({field}) WHEN 'string' THEN left({field} #>> '{{}}', {INDEXED_CHARS}) \
             WHEN 'array' THEN '' END) COLLATE \"C\")"
        )),
    }
}

/// The condition under which a row is in the index of rows with values aside.
pub(crate) fn has_aside(metadata: &str) -> String {
    format!("({metadata} ? '{ASIDE_KEYS}')")
}

/// What every row that meets a leaf on a declared field meets too, and an index answers.
fn indexed(leaf: &Leaf, of: FieldType, table: &Layout, binds: &mut Binds) -> Option<String> {
    let metadata = &table.metadata;
    let field = |binds: &mut Binds| format!("({metadata} -> {})", binds.text(&leaf.key));
    let wider = match &leaf.condition {
        Condition::Eq(operand) => contained(&field(binds), operand, binds)?,
        Condition::Contains(Scalar::String(part)) if of == FieldType::String && !part.is_empty() => {
            // Any string may hold the part; of the arrays, those with an element equal to it.
            let strings = format!("{} > ''", order_key(&field(binds), of)?);
            format!("({} OR {strings})", contained(&field(binds), &Scalar::from(part), binds)?)
        }
        Condition::Contains(operand) if of != FieldType::String || operand.as_str().is_none() => {
            contained(&field(binds), operand, binds)?
        }
        Condition::In(list) => one_of(&order_key(&field(binds), of)?, list, of, binds)?,
        Condition::Gt(operand) => bounded(&order_key(&field(binds), of)?, ">", operand, of, binds)?,
        Condition::Gte(operand) => bounded(&order_key(&field(binds), of)?, ">=", operand, of, binds)?,
        Condition::Lt(operand) => bounded(&order_key(&field(binds), of)?, "<", operand, of, binds)?,
        Condition::Lte(operand) => bounded(&order_key(&field(binds), of)?, "<=", operand, of, binds)?,
        Condition::StartsWith(prefix) if of == FieldType::String => {
            let key = order_key(&field(binds), of)?;
            let prefix = binds.text(&first_chars(prefix)?);
            format!("({key} ^@ {prefix} OR {key} = '')")
        }
        _ => return None,
    };
    Some(if may_lie_aside(Some(of)) { format!("({wider} OR {})", has_aside(metadata)) } else { wider })
}

fn contained(field: &str, operand: &Scalar, binds: &mut Binds) -> Option<String> {
    Some(match operand {
        Scalar::String(s) if s.contains('\0') => return None,
        Scalar::String(s) => format!("{field} @> to_jsonb({})", binds.text(s)),
        Scalar::Bool(b) => format!("{field} @> '{b}'::jsonb"),
        number => format!("{field} @> to_jsonb({}::numeric)", binds.text(&number_text(number)?)),
    })
}

fn one_of(key: &str, list: &[Scalar], of: FieldType, binds: &mut Binds) -> Option<String> {
    if of == FieldType::String {
        let texts: Option<Vec<String>> = list.iter().map(|s| first_chars(s.as_str()?)).collect();
        return Some(format!("({key} = ANY({}) OR {key} = '')", binds.bind(Bind::Texts(texts?))));
    }
    let numbers: Option<Vec<String>> = list.iter().map(number_text).collect();
    Some(format!("({key} = ANY({}::numeric[]) OR {key} = 'NaN'::numeric)", binds.bind(Bind::Texts(numbers?))))
}

fn bounded(key: &str, operator: &str, operand: &Scalar, of: FieldType, binds: &mut Binds) -> Option<String> {
    let ascending = operator.starts_with('>');
    if of == FieldType::String {
        // A cut string equals one that was longer.
        let operator = if ascending { ">=" } else { "<=" };
        let bound = binds.text(&first_chars(operand.as_str()?)?);
        return Some(if ascending {
            format!("({key} {operator} {bound} OR {key} = '')")
        } else {
            format!("({key} {operator} {bound})")
        });
    }
    let bound = binds.text(&number_text(operand)?);
    Some(if ascending {
        // NaN is the greatest number there.
        format!("({key} {operator} {bound}::numeric)")
    } else {
        format!("({key} {operator} {bound}::numeric OR {key} = 'NaN'::numeric)")
    })
}

/// What of a string its index holds; `None` where the database cannot hold it.
fn first_chars(text: &str) -> Option<String> {
    let cut: String = text.chars().take(INDEXED_CHARS).collect();
    (!cut.contains('\0')).then_some(cut)
}

#[cfg(test)]
mod tests;
