//! The native filter: SQL that is never null, over bound values.

use std::fmt::{self, Display, Formatter};

use portolan_core::driver::dialect::infix::Expression;
use portolan_core::driver::dialect::{ByType, Comparison, Predicate, Side};
use portolan_core::driver::{NativeId, OVERFLOW, OVERFLOW_FIELDS, OVERFLOW_KEYS};
use portolan_core::filter::Leaf;
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::convert::decimal;
use crate::query::Binds;
use crate::table::Layout;

/// How much of a string is in the index of its field.
const INDEXED_CHARS: usize = 256;

/// What stands for U+0000 to U+0003 in a [`shifted`] string, after U+0001.
const CODES: [[u8; 2]; 4] = [[2, 2], [2, 3], [3, 2], [3, 3]];

/// What stands for the value in the SQL of a [`Test`].
const VALUE: &str = ":value";

/// A condition on rows. How it reads in SQL depends on the table's columns; `Display` shows it for an index that
/// Portolan made.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeFilter(pub(crate) Expression<Part>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Part {
    Leaf { leaf: Leaf, declared: Option<FieldType>, negated: bool },
    Ids { ids: Vec<NativeId>, negated: bool },
}

impl NativeFilter {
    pub(crate) fn leaf(spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Self {
        let declared = spec.fields.get(&leaf.key).copied();
        Self(Expression::leaf(Part::Leaf { leaf: leaf.clone(), declared, negated }))
    }

    pub(crate) fn ids(ids: &[NativeId], negated: bool) -> Self {
        Self(Expression::leaf(Part::Ids { ids: ids.to_vec(), negated }))
    }

    /// The condition as SQL for a table.
    pub(crate) fn to_sql(&self, layout: &Layout, binds: &mut Binds) -> String {
        format!("({})", self.0.write(&mut |part| part.to_sql(layout, binds)))
    }
}

impl Display for NativeFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut binds = Binds::default();
        f.write_str(&self.to_sql(&Layout::default(), &mut binds))?;
        for (n, (value, _)) in binds.iter().enumerate() {
            write!(f, "{}${} = {value:?}", if n == 0 { " -- " } else { ", " }, n + 1)?;
        }
        Ok(())
    }
}

impl Part {
    fn to_sql(&self, layout: &Layout, binds: &mut Binds) -> String {
        let (sql, negated) = match self {
            Self::Ids { ids, negated } => (id_in(layout, ids, binds), *negated),
            Self::Leaf { leaf, declared, negated } => {
                let indexed = declared.filter(|_| layout.ours && !negated);
                (meets_leaf(leaf, *declared, indexed, layout, binds), *negated)
            }
        };
        if negated { format!("NOT {sql}") } else { sql }
    }
}

/// Which rows have one of these ids.
pub(crate) fn id_in(layout: &Layout, ids: &[NativeId], binds: &mut Binds) -> String {
    let known = ids.iter().filter(|id| layout.id_type.takes(id)).map(NativeId::to_string).collect();
    format!("({} = ANY({}::{}[]))", layout.id, binds.texts(known), layout.id_type.sql())
}

/// A leaf in full: over the native value, and over the one in the overflow where there may be one. What is `indexed` is
/// asked of the index first.
fn meets_leaf(
    leaf: &Leaf,
    declared: Option<FieldType>,
    indexed: Option<FieldType>,
    layout: &Layout,
    binds: &mut Binds,
) -> String {
    let (predicate, metadata) = (Predicate::from(&leaf.condition), &layout.metadata);
    let key = binds.text(&leaf.key);
    let field = format!("({metadata} -> {key})");
    let mut exact = meets(&field, predicate, &mut Operands { binds, shifted: false });
    let overflows = layout.ours && may_overflow(declared);
    if overflows {
        let value = format!("({} -> {key})", overflow_fields(metadata));
        let there = meets(&value, predicate, &mut Operands { binds, shifted: true });
        exact = format!(
            "({exact} OR CASE WHEN {metadata} -> '{OVERFLOW_KEYS}' ? {key} AND NOT {metadata} ? {key} \
             THEN {there} ELSE false END)"
        );
    }
    match indexed.and_then(|of| meets_index(&field, predicate, of, binds)) {
        Some(wider) if overflows => format!("(({wider} OR {}) AND {exact})", has_overflow(metadata)),
        Some(wider) => format!("({wider} AND {exact})"),
        None => exact,
    }
}

/// Only text is ever unfit for the database.
fn may_overflow(declared: Option<FieldType>) -> bool {
    matches!(declared, None | Some(FieldType::String))
}

/// The values in the overflow, as `jsonb` could not hold them: their strings are [`shifted`].
///
/// Doubled backslashes go first, so that each `\u000n` left is an escape and no text.
fn overflow_fields(metadata: &str) -> String {
    let unambiguous = format!(r"replace({metadata} ->> '{OVERFLOW}', '\\', '\u005c')");
    let marked = format!(r"regexp_replace({unambiguous}, '\\u000([0-3])', '\\x\1', 'g')");
    let shifted = CODES.iter().enumerate().fold(marked, |sql, (n, [first, second])| {
        format!(r"replace({sql}, '\x{n}', '\u0001\u000{first}\u000{second}')")
    });
    format!("(({shifted})::jsonb -> '{OVERFLOW_FIELDS}')")
}

/// A string with U+0000 to U+0003 in a code of U+0001 to U+0003 that keeps order, prefixes, suffixes and substrings:
/// U+0001 begins each word of it and stands nowhere else.
fn shifted(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match CODES.get(c as usize) {
            Some(code) => out.extend(std::iter::once('\u{1}').chain(code.map(char::from))),
            None => out.push(c),
        }
    }
    out
}

/// A condition over a `jsonb` value that may be absent: true or false, never null.
fn meets(value: &str, predicate: Predicate<'_>, operands: &mut Operands<'_>) -> String {
    let present = format!("COALESCE(jsonb_typeof({value}) <> 'null', false)");
    let tests = match predicate {
        Predicate::Exists => return present,
        Predicate::NoneOf(list) => {
            let tests = operands.equal(list);
            return format!("({present} AND NOT {})", cases(value, &tests, &tests));
        }
        Predicate::Contains(operand) => {
            let elements = operands.equal(std::slice::from_ref(operand));
            let part = operand.as_str().and_then(|part| operands.string(part));
            let part = operands.test(&STRING, part, |text, part| format!("strpos({text}, {part}) > 0"));
            return cases(value, &part, &elements);
        }
        Predicate::AnyOf(list) => operands.equal(list),
        Predicate::Order(order, bound) => operands.order(order, bound),
        Predicate::StartsWith(prefix) => {
            let prefix = operands.string(prefix);
            operands.test(&STRING, prefix, |text, prefix| format!("starts_with({text}, {prefix})"))
        }
        Predicate::EndsWith(suffix) => {
            let ends = |text: &str, end: &str| format!("right({text}, char_length({end})) = {end}");
            let suffix = operands.string(suffix);
            operands.test(&STRING, suffix, ends)
        }
    };
    cases(value, &tests, &tests)
}

/// A type of `jsonb` values: what it is called there and in SQL, and what reads a [`VALUE`] of it.
#[derive(Debug)]
struct Type {
    name: &'static str,
    sql: &'static str,
    read: &'static str,
}

const STRING: Type = Type { name: "string", sql: "text", read: r#"(:value #>> '{}') COLLATE "C""# };
const NUMBER: Type = Type { name: "number", sql: "numeric", read: ":value::numeric" };
const BOOLEAN: Type = Type { name: "boolean", sql: "boolean", read: ":value::boolean" };

/// A test of one value, with a bound operand.
#[derive(Debug)]
struct Test {
    of: &'static Type,
    /// The test of a [`VALUE`] of that type.
    sql: String,
    /// The bound texts, where it is equality with one of them.
    texts: Option<String>,
}

impl Test {
    fn on(&self, value: &str) -> String {
        self.sql.replace(VALUE, value)
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
        let ByType { texts, numbers, bools } = ByType::of(operands);
        let texts = texts.into_iter().filter_map(|text| self.string(text)).collect();
        let numbers = numbers.into_iter().filter_map(number_text).collect();
        let bools = bools.iter().map(bool::to_string).collect();
        let mut tests = Vec::new();
        for (of, operands) in [(&STRING, texts), (&NUMBER, numbers), (&BOOLEAN, bools)] {
            let operands: Vec<String> = operands;
            if !operands.is_empty() {
                let list = self.binds.texts(operands);
                let sql = format!("{} = ANY({list}::{}[])", of.read, of.sql);
                tests.push(Test { of, sql, texts: (of.name == STRING.name).then_some(list) });
            }
        }
        tests
    }

    fn order(&mut self, mut order: Comparison, bound: &Scalar) -> Vec<Test> {
        let (of, bound) = match bound.as_str() {
            None => (&NUMBER, number_text(bound)),
            Some(text) if !self.shifted && text.contains('\0') => {
                // What compares so with the longest part that the database can hold; nothing there is equal to more.
                order.inclusive = order.side == Side::Below;
                (&STRING, text.split('\0').next().map(str::to_owned))
            }
            Some(text) => (&STRING, self.string(text)),
        };
        self.test(of, bound, |value, bound| format!("{value} {} {bound}::{}", order.symbol(), of.sql))
    }

    /// A test with one operand, where there is one; its SQL of the value and the operand.
    fn test(
        &mut self,
        of: &'static Type,
        operand: Option<String>,
        sql: impl FnOnce(&str, &str) -> String,
    ) -> Vec<Test> {
        let bound = operand.map(|operand| self.binds.text(&operand));
        bound.map(|bound| Test { of, sql: sql(of.read, &bound), texts: None }).into_iter().collect()
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

/// Tests of a single value, and of the elements of a list, of which one must be met.
fn cases(value: &str, single: &[Test], elements: &[Test]) -> String {
    let mut sql: String =
        single.iter().map(|t| format!(" WHEN '{}' THEN {}", t.of.name, t.on(value))).collect();
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
    let of = test.of.name;
    let mut alike = format!("bool_and(jsonb_typeof(e) = '{of}')");
    if of == NUMBER.name {
        let integer = "CASE jsonb_typeof(e) WHEN 'number' THEN scale(e::numeric) = 0 END";
        alike = format!("{alike} AND (bool_and({integer}) OR NOT bool_or({integer}))");
    }
    let within = format!(
        "(SELECT COALESCE(bool_or(CASE jsonb_typeof(e) WHEN '{of}' THEN {} ELSE false END) AND {alike}, false) \
         FROM jsonb_array_elements({array}) AS t(e))",
        test.on("e")
    );
    match &test.texts {
        // Most arrays are passed over without a subquery.
        Some(texts) => format!("({array} ?| {texts} AND {within})"),
        None => within,
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

/// The condition under which a row is in the index of rows with values in the overflow.
pub(crate) fn has_overflow(metadata: &str) -> String {
    format!("({metadata} ? '{OVERFLOW_KEYS}')")
}

/// What every row that meets a leaf on a declared field meets too, natively, and an index answers.
fn meets_index(field: &str, predicate: Predicate<'_>, of: FieldType, binds: &mut Binds) -> Option<String> {
    let (texts, key) = (of == FieldType::String, order_key(field, of));
    let (sql, array) = if texts { ("text", "''") } else { ("numeric", "'NaN'::numeric") };
    let operand =
        |operand: &Scalar| if texts { first_chars(operand.as_str()?) } else { number_text(operand) };
    Some(match predicate {
        Predicate::AnyOf([operand]) => contained(field, operand, binds)?,
        Predicate::AnyOf(list) => {
            let (key, list) = (key?, list.iter().map(operand).collect::<Option<_>>()?);
            format!("({key} = ANY({}::{sql}[]) OR {key} = {array})", binds.texts(list))
        }
        Predicate::Contains(Scalar::String(part)) if texts && part.is_empty() => return None,
        Predicate::Contains(part @ Scalar::String(_)) if texts => {
            // Any string may hold the part; of the arrays, those with an element equal to it.
            format!("({} OR {} > '')", contained(field, part, binds)?, key?)
        }
        Predicate::Contains(operand) => contained(field, operand, binds)?,
        Predicate::Order(order, bound) => {
            let (key, bound) = (key?, binds.text(&operand(bound)?));
            // A cut string equals one that was longer.
            let bounded = format!("{key} {} {bound}::{sql}", order.widened_if(texts).symbol());
            // Arrays are the least of strings, and the greatest of numbers.
            let has_arrays = texts == (order.side == Side::Below);
            if has_arrays { format!("({bounded})") } else { format!("({bounded} OR {key} = {array})") }
        }
        Predicate::StartsWith(prefix) if texts => {
            let (key, prefix) = (key?, binds.text(&first_chars(prefix)?));
            format!("({key} ^@ {prefix} OR {key} = '')")
        }
        _ => return None,
    })
}

fn contained(field: &str, operand: &Scalar, binds: &mut Binds) -> Option<String> {
    Some(match operand {
        Scalar::String(s) if s.contains('\0') => return None,
        Scalar::String(s) => format!("{field} @> to_jsonb({})", binds.text(s)),
        Scalar::Bool(b) => format!("{field} @> '{b}'::jsonb"),
        number => format!("{field} @> to_jsonb({}::numeric)", binds.text(&number_text(number)?)),
    })
}

/// What of a string its index holds; `None` where the database cannot hold it.
fn first_chars(text: &str) -> Option<String> {
    let cut: String = text.chars().take(INDEXED_CHARS).collect();
    (!cut.contains('\0')).then_some(cut)
}

#[cfg(test)]
mod tests;
