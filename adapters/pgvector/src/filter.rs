//! The native filter: SQL that is never null, over bound values.

use std::fmt::{self, Display, Formatter};

use portolan_core::driver::dialect::infix::Expression;
use portolan_core::driver::dialect::{Comparison, Predicate, Side};
use portolan_core::driver::{NativeId, OVERFLOW, OVERFLOW_FIELDS, OVERFLOW_KEYS};
use portolan_core::filter::Leaf;
use portolan_core::{FieldType, IndexSpec, Scalar};

use crate::convert::decimal;
use crate::query::Binds;
use crate::table::{IdType, Layout};

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
pub struct NativeFilter(Expression<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
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

    pub(crate) fn all(parts: Vec<Self>) -> Self {
        Self(Expression::all(parts.into_iter().map(|part| part.0)))
    }

    pub(crate) fn any(parts: Vec<Self>) -> Self {
        Self(Expression::any(parts.into_iter().map(|part| part.0)))
    }

    /// How many leaves it has.
    pub(crate) fn leaves(&self) -> usize {
        self.0.size().leaves
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
        for (n, value) in binds.values().enumerate() {
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
                let key = binds.text(&leaf.key);
                let exact = meets_leaf(&key, leaf, *declared, layout, binds);
                let asked = declared.filter(|_| layout.ours && !negated);
                let sql = match asked.and_then(|of| meets_index(&key, leaf, of, layout, binds)) {
                    Some(wider) => format!("({wider} AND {exact})"),
                    None => exact,
                };
                (sql, *negated)
            }
        };
        if negated { format!("NOT {sql}") } else { sql }
    }
}

/// Which rows have one of these ids.
pub(crate) fn id_in(layout: &Layout, ids: &[NativeId], binds: &mut Binds) -> String {
    let known = ids.iter().filter(|id| layout.id_type.takes(id)).map(NativeId::to_string).collect();
    let list = binds.texts(known);
    match layout.id_type {
        IdType::Text => format!("({} = ANY({list}))", layout.id),
        other => format!("({} = ANY({list}::{}[]))", layout.id, other.sql()),
    }
}

/// A leaf in full: over the native value, and over the one in the overflow where there may be one.
fn meets_leaf(
    key: &str,
    leaf: &Leaf,
    declared: Option<FieldType>,
    layout: &Layout,
    binds: &mut Binds,
) -> String {
    let (metadata, predicate) = (&layout.metadata, Predicate::from(&leaf.condition));
    let native = meets(&format!("({metadata} -> {key})"), predicate, &mut Operands { binds, shifted: false });
    if !layout.ours || !may_overflow(declared) {
        return native;
    }
    let value = format!("({} -> {key})", overflow_fields(metadata));
    let overflow = meets(&value, predicate, &mut Operands { binds, shifted: true });
    format!(
        "({native} OR CASE WHEN {metadata} -> '{OVERFLOW_KEYS}' ? {key} AND NOT {metadata} ? {key} \
         THEN {overflow} ELSE false END)"
    )
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
            let part = operand.as_str();
            let part = part.map(|p| operands.text(p, |part| format!("strpos({TEXT}, {part}) > 0")));
            return cases(value, &part.unwrap_or_default(), &elements);
        }
        Predicate::AnyOf(list) => operands.equal(list),
        Predicate::Order(order, bound) => operands.order(order, bound),
        Predicate::StartsWith(prefix) => {
            operands.text(prefix, |prefix| format!("starts_with({TEXT}, {prefix})"))
        }
        Predicate::EndsWith(suffix) => {
            operands.text(suffix, |suffix| format!("right({TEXT}, char_length({suffix})) = {suffix}"))
        }
    };
    cases(value, &tests, &tests)
}

/// The values to compare with, as they are bound.
struct Operands<'a> {
    binds: &'a mut Binds,
    /// Whether strings are [`shifted`]; else one that the database cannot hold equals nothing there.
    shifted: bool,
}

impl Operands<'_> {
    fn equal(&mut self, operands: &[Scalar]) -> Vec<Test> {
        let texts: Vec<String> = operands.iter().filter_map(|o| self.string(o.as_str()?)).collect();
        let numbers: Vec<String> = operands.iter().filter_map(number_text).collect();
        let bools: Vec<bool> = operands.iter().filter_map(as_bool).collect();
        let mut tests = Vec::new();
        if !texts.is_empty() {
            let list = self.binds.texts(texts);
            let test = Test::new("string", format!("{TEXT} = ANY({list})"));
            tests.push(Test { list: Some(list), ..test });
        }
        if !numbers.is_empty() {
            let list = self.binds.texts(numbers);
            tests.push(Test::new("number", format!("{VALUE}::numeric = ANY({list}::numeric[])")));
        }
        if !bools.is_empty() {
            let list = self.binds.bools(bools);
            tests.push(Test::new("boolean", format!("{VALUE}::boolean = ANY({list})")));
        }
        tests
    }

    fn order(&mut self, mut order: Comparison, bound: &Scalar) -> Vec<Test> {
        let Some(mut text) = bound.as_str() else {
            let bound = number_text(bound).map(|number| self.binds.text(&number));
            let sql = bound.map(|bound| format!("{VALUE}::numeric {} {bound}::numeric", order.symbol()));
            return sql.map(|sql| Test::new("number", sql)).into_iter().collect();
        };
        if !self.shifted && text.contains('\0') {
            // What compares so with the longest part that the database can hold; nothing there is equal to more.
            text = text.split('\0').next().unwrap_or_default();
            order.inclusive = order.side == Side::Below;
        }
        self.text(text, |bound| format!("{TEXT} {} {bound}", order.symbol()))
    }

    fn text(&mut self, text: &str, sql: impl FnOnce(&str) -> String) -> Vec<Test> {
        let bound = self.string(text).map(|text| self.binds.text(&text));
        bound.map(|bound| Test::new("string", sql(&bound))).into_iter().collect()
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

fn as_bool(scalar: &Scalar) -> Option<bool> {
    match scalar {
        Scalar::Bool(b) => Some(*b),
        _ => None,
    }
}

/// A test of one value, with a bound operand.
#[derive(Debug)]
struct Test {
    /// The `jsonb` type that it is about.
    of: &'static str,
    /// The test of a [`VALUE`] of that type.
    sql: String,
    /// The bound texts, where it is equality with one of them.
    list: Option<String>,
}

impl Test {
    fn new(of: &'static str, sql: String) -> Self {
        Self { of, sql, list: None }
    }

    fn on(&self, value: &str) -> String {
        self.sql.replace(VALUE, value)
    }
}

/// Tests of a single value, and of the elements of a list, of which one must be met.
fn cases(value: &str, single: &[Test], elements: &[Test]) -> String {
    let mut sql: String = single.iter().map(|t| format!(" WHEN '{}' THEN {}", t.of, t.on(value))).collect();
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
    let of = test.of;
    let mut alike = format!("bool_and(jsonb_typeof(e) = '{of}')");
    if of == "number" {
        let integer = "CASE jsonb_typeof(e) WHEN 'number' THEN scale(e::numeric) = 0 END";
        alike = format!("{alike} AND (bool_and({integer}) OR NOT bool_or({integer}))");
    }
    let within = format!(
        "(SELECT COALESCE(bool_or(CASE jsonb_typeof(e) WHEN '{of}' THEN {} ELSE false END) AND {alike}, false) \
         FROM jsonb_array_elements({array}) AS t(e))",
        test.on("e")
    );
    match &test.list {
        // Most arrays are passed over without a subquery.
        Some(list) => format!("({array} ?| {list} AND {within})"),
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

/// What every row that meets a leaf on a declared field meets too, and an index answers.
fn meets_index(key: &str, leaf: &Leaf, of: FieldType, layout: &Layout, binds: &mut Binds) -> Option<String> {
    let metadata = &layout.metadata;
    let field = format!("({metadata} -> {key})");
    let wider = match Predicate::from(&leaf.condition) {
        Predicate::AnyOf([operand]) => contained(&field, operand, binds)?,
        Predicate::AnyOf(list) => one_of(&order_key(&field, of)?, list, of, binds)?,
        Predicate::Contains(Scalar::String(part)) if of == FieldType::String => {
            let key = order_key(&field, of).filter(|_| !part.is_empty())?;
            // Any string may hold the part; of the arrays, those with an element equal to it.
            format!("({} OR {key} > '')", contained(&field, &Scalar::from(part), binds)?)
        }
        Predicate::Contains(operand) => contained(&field, operand, binds)?,
        Predicate::Order(order, bound) => bounded(&order_key(&field, of)?, order, bound, of, binds)?,
        Predicate::StartsWith(prefix) if of == FieldType::String => {
            let (key, prefix) = (order_key(&field, of)?, binds.text(&first_chars(prefix)?));
            format!("({key} ^@ {prefix} OR {key} = '')")
        }
        _ => return None,
    };
    Some(if may_overflow(Some(of)) { format!("({wider} OR {})", has_overflow(metadata)) } else { wider })
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
    let texts: Option<Vec<String>> = list.iter().map(|operand| indexed_text(operand, of)).collect();
    let (sql_type, array) = indexed_type(of);
    Some(format!("({key} = ANY({}::{sql_type}[]) OR {key} = {array})", binds.texts(texts?)))
}

fn bounded(key: &str, order: Comparison, bound: &Scalar, of: FieldType, binds: &mut Binds) -> Option<String> {
    // A cut string equals one that was longer.
    let order = order.widened_if(of == FieldType::String);
    let (sql_type, array) = indexed_type(of);
    let bounded = format!("{key} {} {}::{sql_type}", order.symbol(), binds.text(&indexed_text(bound, of)?));
    // Arrays are the least of strings, and the greatest of numbers.
    let has_arrays = (of == FieldType::String) == (order.side == Side::Below);
    Some(if has_arrays { format!("({bounded})") } else { format!("({bounded} OR {key} = {array})") })
}

/// The type of an [`order_key`], and what it is of an array.
fn indexed_type(of: FieldType) -> (&'static str, &'static str) {
    if of == FieldType::String { ("text", "''") } else { ("numeric", "'NaN'::numeric") }
}

fn indexed_text(operand: &Scalar, of: FieldType) -> Option<String> {
    if of == FieldType::String { first_chars(operand.as_str()?) } else { number_text(operand) }
}

/// What of a string its index holds; `None` where the database cannot hold it.
fn first_chars(text: &str) -> Option<String> {
    let cut: String = text.chars().take(INDEXED_CHARS).collect();
    (!cut.contains('\0')).then_some(cut)
}

#[cfg(test)]
mod tests;
