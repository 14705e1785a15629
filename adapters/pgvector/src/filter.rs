//! The native filter: SQL that is never null, over bound values.

use std::fmt::{self, Display, Formatter};

use portolan_core::driver::dialect::infix::Expression;
use portolan_core::driver::dialect::{Comparison, Predicate, Side};
use portolan_core::driver::{NativeId, OVERFLOW, OVERFLOW_FIELDS, OVERFLOW_KEYS};
use portolan_core::filter::Leaf;
use portolan_core::{FieldType, IndexSpec, Scalar};
use serde_json::Value as Json;

use crate::convert::decimal;
use crate::query::Binds;
use crate::table::Layout;

/// How much of a string is in the index of its field.
const INDEXED_CHARS: usize = 256;

/// What stands for U+0000 to U+0003 in a [`shifted`] string, after U+0001.
const CODES: [[u8; 2]; 4] = [[2, 2], [2, 3], [3, 2], [3, 3]];

/// What stands for the value in the SQL of a [`Test`].
const VALUE: &str = ":value";
const TEXT: &str = r#"(:value #>> '{}') COLLATE "C""#;

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

    /// Whether it asks for more than ids.
    pub(crate) fn asks_metadata(&self) -> bool {
        let mut asks = false;
        self.0.write(&mut |part| {
            asks |= matches!(part, Part::Leaf { .. });
            String::new()
        });
        asks
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
                let (predicate, key) = (Predicate::from(&leaf.condition), binds.text(&leaf.key));
                // Only what Portolan writes is ever in the overflow.
                let overflows = layout.written.is_some() && may_overflow(*declared);
                let (metadata, field) = (&layout.metadata.json, layout.metadata.value(&leaf.key, &key));
                let mut sql = meets(&field, predicate, &mut Operands { binds, shifted: false });
                if overflows {
                    sql = format!("({sql} OR {})", meets_in_overflow(&key, predicate, metadata, binds));
                }
                let indexed = declared.filter(|_| layout.ours && !negated);
                if let Some(mut wider) = indexed.and_then(|of| meets_index(&field, predicate, of, binds)) {
                    if overflows {
                        wider = format!("({wider} OR {})", has_overflow(metadata));
                    }
                    sql = format!("({wider} AND {sql})");
                }
                (sql, *negated)
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

/// A leaf over the value in the overflow, which counts where there is no native one.
fn meets_in_overflow(key: &str, predicate: Predicate<'_>, metadata: &str, binds: &mut Binds) -> String {
    let value = format!("({} -> {key})", overflow_fields(metadata));
    let sql = meets(&value, predicate, &mut Operands { binds, shifted: true });
    let is_there = format!("{metadata} -> '{OVERFLOW_KEYS}' ? {key} AND NOT {metadata} ? {key}");
    format!("CASE WHEN {is_there} THEN {sql} ELSE false END")
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
    let test = match predicate {
        Predicate::Exists => return present,
        Predicate::NoneOf(list) => {
            let test = Some(operands.equal(list));
            return format!("({present} AND NOT {})", cases(value, test.as_ref(), test.as_ref()));
        }
        Predicate::Contains(operand) => {
            let element = operands.equal(std::slice::from_ref(operand));
            let part = operand.as_str();
            let part = part.and_then(|p| operands.text(p, |part| format!("strpos({TEXT}, {part}) > 0")));
            return cases(value, part.as_ref(), Some(&element));
        }
        Predicate::AnyOf(list) => Some(operands.equal(list)),
        Predicate::Order(order, bound) => operands.order(order, bound),
        Predicate::StartsWith(prefix) => {
            operands.text(prefix, |prefix| format!("starts_with({TEXT}, {prefix})"))
        }
        Predicate::EndsWith(suffix) => {
            operands.text(suffix, |suffix| format!("right({TEXT}, char_length({suffix})) = {suffix}"))
        }
    };
    cases(value, test.as_ref(), test.as_ref())
}

/// A test of a single value, and of the elements of a list, of which one must be met.
fn cases(value: &str, single: Option<&Test>, element: Option<&Test>) -> String {
    let never = || "false".to_owned();
    let single = single.map_or_else(never, |test| format!("COALESCE({}, false)", test.on(value)));
    let any = element.map_or_else(never, |test| any_element(value, test));
    format!("CASE jsonb_typeof({value}) WHEN 'array' THEN {any} ELSE {single} END")
}

/// Whether an element of an array meets a test, and all are of one type: else it is no list.
fn any_element(array: &str, test: &Test) -> String {
    let integer = "CASE jsonb_typeof(e) WHEN 'number' THEN scale(e::numeric) = 0 ELSE false END";
    let within = format!(
        "(SELECT COALESCE(bool_or({}) AND min(jsonb_typeof(e)) = max(jsonb_typeof(e)) \
         AND (bool_and({integer}) OR NOT bool_or({integer})), false) FROM jsonb_array_elements({array}) AS t(e))",
        test.on("e")
    );
    match &test.operands {
        // Most arrays are passed over without a subquery.
        Some(operands) => format!("({array} @> {operands} AND {within})"),
        None => within,
    }
}

/// A test of one value that is there, with bound operands.
#[derive(Debug)]
struct Test {
    /// The test of a [`VALUE`], which only a scalar meets.
    sql: String,
    /// Any of the operands, where it is equality with one of them.
    operands: Option<String>,
}

impl Test {
    /// A test of values of a `jsonb` type.
    fn of(name: &str, sql: &str) -> Self {
        Self {
            sql: format!("CASE jsonb_typeof({VALUE}) WHEN '{name}' THEN {sql} ELSE false END"),
            operands: None,
        }
    }

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
    fn equal(&mut self, operands: &[Scalar]) -> Test {
        let texts = operands.iter().filter_map(|operand| self.json(operand)).collect();
        let any = format!("ANY({}::jsonb[])", self.binds.texts(texts));
        Test { sql: format!("{VALUE} = {any}"), operands: Some(any) }
    }

    fn order(&mut self, mut order: Comparison, bound: &Scalar) -> Option<Test> {
        let Some(mut text) = bound.as_str() else {
            let bound = self.binds.text(&number_text(bound)?);
            return Some(Test::of(
                "number",
                &format!("{VALUE}::numeric {} {bound}::numeric", order.symbol()),
            ));
        };
        if !self.shifted && text.contains('\0') {
            // What compares so with the longest part that the database can hold; nothing there is equal to more.
            text = text.split('\0').next().unwrap_or_default();
            order.inclusive = order.side == Side::Below;
        }
        self.text(text, |bound| format!("{TEXT} {} {bound}", order.symbol()))
    }

    /// A test of strings with one operand.
    fn text(&mut self, operand: &str, sql: impl FnOnce(&str) -> String) -> Option<Test> {
        let bound = self.binds.text(&self.string(operand)?);
        Some(Test::of("string", &sql(&bound)))
    }

    /// An operand as JSON text.
    fn json(&self, operand: &Scalar) -> Option<String> {
        match operand {
            Scalar::String(text) => Some(Json::from(self.string(text)?).to_string()),
            Scalar::Bool(b) => Some(b.to_string()),
            number => number_text(number),
        }
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
    let operand = Operands { binds, shifted: false }.json(operand)?;
    Some(format!("{field} @> {}::jsonb", binds.text(&operand)))
}

/// What of a string its index holds; `None` where the database cannot hold it.
fn first_chars(text: &str) -> Option<String> {
    let cut: String = text.chars().take(INDEXED_CHARS).collect();
    (!cut.contains('\0')).then_some(cut)
}

#[cfg(test)]
mod tests;
