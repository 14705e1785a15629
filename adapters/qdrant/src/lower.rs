//! Leaves to Qdrant's conditions: exact wherever Qdrant can tell, which it cannot of the order of strings.
//!
//! A payload that Portolan wrote has opaque lists and floats of many digits in the overflow, whose keys are listed in
//! [`OVERFLOW_KEYS`]. An opaque value meets `exists`, `ne` and `not_in` only, so that these are exact with the keys asked
//! too; a number in the overflow may meet any leaf with a number, which is a superset then. Of a declared field of another
//! type than float nothing is in the overflow.

use portolan_core::driver::OVERFLOW_KEYS;
use portolan_core::driver::dialect::{ByType, Comparison, Exception, Operator, Predicate, Row, Side, Table};
use portolan_core::filter::PushDown::{Exact, Nothing, Superset};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::number::{TWO_53, exact_f64};
use portolan_core::{FieldType, Scalar};
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{Condition, FieldCondition, PayloadSchemaType, Range, ValuesCount};

use crate::filter::NativeFilter;
use crate::path::path;
use crate::schema::Layout;

/// What Qdrant answers of a field. The complement of what is exact is so too; that of a superset would miss records.
const TABLE: Table<Field> = Table {
    rows: &[
        Row { operator: Operator::Equal, leaf: [Exact; 3], complement: [Exact; 3] },
        Row { operator: Operator::Unequal, leaf: [Exact; 3], complement: [Exact; 3] },
        Row {
            operator: Operator::Order,
            leaf: [Nothing, Exact, Nothing],
            complement: [Nothing, Exact, Nothing],
        },
        Row { operator: Operator::Contains, leaf: [Exact; 3], complement: [Exact; 3] },
        Row { operator: Operator::StartsWith, leaf: [Superset; 3], complement: [Nothing; 3] },
        Row { operator: Operator::EndsWith, leaf: [Superset; 3], complement: [Nothing; 3] },
        Row { operator: Operator::Exists, leaf: [Exact; 3], complement: [Exact; 3] },
    ],
    exceptions: &[
        Exception {
            when: "a number that a float equals, on a field not declared or declared float (it may be in the overflow)",
            at_most: Superset,
            applies: |field, asked| {
                field.may_overflow() && asked.operands().iter().any(|o| o.as_exact_f64().is_some())
            },
        },
        Exception {
            when: "a float from ±2^53 on, or an order relative to such a number (ranges compare as floats)",
            at_most: Superset,
            applies: |field, asked| {
                let in_range = |o| field.is_ranged(o) || asked.operator() == Operator::Order;
                asked.operands().iter().any(|o| o.is_beyond_2_53() && in_range(o))
            },
        },
        Exception {
            when: "a text, on a field with an index of UUIDs, or a part of a text, on one with an index of words",
            at_most: Superset,
            applies: Field::is_misread,
        },
        Exception {
            when: "all but `exists`, in a collection of another program (Qdrant looks into mixed lists)",
            at_most: Superset,
            applies: |field, asked| !field.ours && asked != Predicate::Exists,
        },
    ],
};

/// How a leaf, or where `negated` its complement, is answered.
pub(crate) fn leaf(
    leaf: &Leaf,
    declared: Option<FieldType>,
    layout: &Layout,
    negated: bool,
) -> Lowered<NativeFilter> {
    let Some(path) = path(&leaf.key) else { return Lowered::Nothing };
    let index = layout.indexes.get(&leaf.key).copied();
    let field = Field { key: leaf.key.clone(), path, declared, index, ours: layout.ours };
    let lowered = TABLE.lower(&field, &leaf.condition, negated, |asked| field.native(asked));
    match (lowered, negated) {
        (lowered, false) => lowered,
        (Lowered::Exact(native), true) => Lowered::Exact(native.not()),
        (_, true) => Lowered::Nothing,
    }
}

/// A field that is asked about.
#[derive(Clone)]
struct Field {
    key: String,
    path: String,
    declared: Option<FieldType>,
    /// What payload index it has.
    index: Option<PayloadSchemaType>,
    /// Whether Portolan made the collection.
    ours: bool,
}

impl Field {
    /// Conditions that are no narrower than the leaf, and as exact as the table says.
    fn native(&self, asked: Predicate<'_>) -> Option<NativeFilter> {
        Some(match asked {
            _ if self.is_misread(asked) => self.exists(),
            Predicate::AnyOf(operands) => self.any_of(operands),
            // Of those that meet too much, none may be left out.
            Predicate::NoneOf(_) if TABLE.look_up(self, asked, false) != Exact => self.exists(),
            Predicate::NoneOf(operands) => NativeFilter::all([self.exists(), self.any_of(operands).not()]),
            Predicate::Order(comparison, bound) => self.order(comparison, bound.as_float()?),
            Predicate::Contains(operand) => self.contains(operand),
            Predicate::StartsWith(part) | Predicate::EndsWith(part) => self.text(part),
            Predicate::Exists => self.exists(),
        })
    }

    /// Whether an index answers, and not as payloads do: one of words folds case, one of UUIDs knows no other text.
    fn is_misread(&self, asked: Predicate<'_>) -> bool {
        let texts = || asked.operands().iter().any(|o| matches!(o, Scalar::String(_)));
        let words = self.has_index(PayloadSchemaType::Text);
        let uuids = self.has_index(PayloadSchemaType::Uuid);
        match asked {
            Predicate::AnyOf(_) | Predicate::NoneOf(_) => uuids && texts(),
            Predicate::Contains(_) => (words || uuids) && texts(),
            Predicate::StartsWith(_) | Predicate::EndsWith(_) => words,
            Predicate::Order(..) | Predicate::Exists => false,
        }
    }

    /// Strings and integers that no float equals are matched by type, all of them in one condition; other numbers by
    /// ranges.
    fn any_of(&self, operands: &[Scalar]) -> NativeFilter {
        let ByType { texts, numbers, bools } = ByType::of(operands);
        let (ranged, matched): (Vec<_>, Vec<_>) = numbers.into_iter().partition(|n| self.is_ranged(n));
        let mut texts: Vec<String> = texts.into_iter().map(str::to_owned).collect();
        let mut integers: Vec<i64> = matched.into_iter().filter_map(Scalar::as_exact_i64).collect();
        let text = if texts.len() > 1 { Some(texts.into()) } else { texts.pop().map(MatchValue::Keyword) };
        let integer =
            if integers.len() > 1 { Some(integers.into()) } else { integers.pop().map(MatchValue::Integer) };
        let values = bools.into_iter().map(MatchValue::Boolean).chain(text).chain(integer);
        let ranges = ranged.iter().filter_map(|n| n.as_float()).map(|x| self.range(self.point(x)));
        let parts = values.map(|value| self.matches(value)).chain(ranges);
        if ranged.is_empty() { NativeFilter::any(parts) } else { self.or_in_overflow(parts) }
    }

    /// The numbers on one side of a bound; past 2^53, where a strict one would miss integers, with the bound.
    fn order(&self, comparison: Comparison, x: f64) -> NativeFilter {
        let range = self.side(comparison.widened_if(x.abs() >= TWO_53), x);
        self.or_in_overflow([self.range(range)])
    }

    /// Any of some conditions on what may be in the overflow, or the key is in it.
    fn or_in_overflow(&self, parts: impl IntoIterator<Item = NativeFilter>) -> NativeFilter {
        let overflow = self.may_overflow().then(|| NativeFilter::keyword(OVERFLOW_KEYS, &self.key));
        NativeFilter::any(parts.into_iter().chain(overflow))
    }

    /// An element of a list that is equal; or, of a text, a part of a text that is no list.
    fn contains(&self, operand: &Scalar) -> NativeFilter {
        let elements = Self { path: format!("{}[]", self.path), ..self.clone() };
        let equal = std::slice::from_ref(operand);
        let element = NativeFilter::all([self.any_of(equal), elements.any_of(equal)]);
        let Scalar::String(part) = operand else { return element };
        let text = NativeFilter::all([self.text(part), elements.is_there().not()]);
        NativeFilter::any([text, element])
    }

    /// What equals a number.
    fn point(&self, x: f64) -> Range {
        let from = self.side(Comparison { side: Side::Above, inclusive: true }, x);
        let to = self.side(Comparison { side: Side::Below, inclusive: true }, x);
        Range { lt: to.lt, lte: to.lte, ..from }
    }

    /// What lies on one side of a bound. An index of integers, to which Qdrant before 1.18.1 cuts bounds, is given the next
    /// integer outside, without it.
    fn side(&self, comparison: Comparison, x: f64) -> Range {
        let cut = x.fract() != 0.0 && (self.is_integer() || self.has_index(PayloadSchemaType::Integer));
        let (below, above) = if cut { (x.floor(), x.ceil()) } else { (x, x) };
        match (comparison.side, comparison.inclusive && !cut) {
            (Side::Above, false) => Range { gt: Some(below), ..Range::default() },
            (Side::Above, true) => Range { gte: Some(x), ..Range::default() },
            (Side::Below, false) => Range { lt: Some(above), ..Range::default() },
            (Side::Below, true) => Range { lte: Some(x), ..Range::default() },
        }
    }

    /// The field is there, maybe as an empty list, and is not null; or its value is in the overflow. Whether it is empty a
    /// payload index knows.
    fn exists(&self) -> NativeFilter {
        let key = self.path.clone();
        let filled = FieldCondition { key, is_empty: Some(false), ..FieldCondition::default() };
        let null = NativeFilter::from(Condition::is_null(self.path.as_str()));
        let not_null = NativeFilter::all([self.is_there(), null.not()]);
        self.or_in_overflow([NativeFilter::from(Condition::from(filled)), not_null])
    }

    /// There is any number of values; null has none, and a missing field meets nothing.
    fn is_there(&self) -> NativeFilter {
        let any = ValuesCount { gte: Some(0), ..ValuesCount::default() };
        Condition::values_count(self.path.as_str(), any).into()
    }

    /// The value, or an element of a list, is equal to this or to one of these; no float is to an integer.
    fn matches(&self, value: MatchValue) -> NativeFilter {
        Condition::matches(self.path.as_str(), value).into()
    }

    /// The text, or an element of a list, holds this part; so only where the field has no index of words.
    fn text(&self, part: &str) -> NativeFilter {
        self.matches(MatchValue::Text(part.to_owned()))
    }

    /// The number, or an element of a list, lies in a range.
    fn range(&self, range: Range) -> NativeFilter {
        Condition::range(self.path.as_str(), range).into()
    }

    fn may_overflow(&self) -> bool {
        matches!(self.declared, None | Some(FieldType::Float))
    }

    fn is_integer(&self) -> bool {
        self.declared == Some(FieldType::Integer)
    }

    /// Whether what equals an operand is found by a range, which compares as floats.
    fn is_ranged(&self, operand: &Scalar) -> bool {
        match operand {
            Scalar::Integer(i) => !self.is_integer() && exact_f64(*i).is_some(),
            Scalar::Float(_) => true,
            Scalar::Bool(_) | Scalar::String(_) => false,
        }
    }

    fn has_index(&self, of: PayloadSchemaType) -> bool {
        self.index == Some(of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::Filter;

    fn ours() -> Layout {
        Layout { ours: true, ..Layout::default() }
    }

    fn lower(text: &str, declared: Option<FieldType>, negated: bool) -> Lowered<NativeFilter> {
        lower_in(&ours(), text, declared, negated)
    }

    fn lower_in(
        layout: &Layout,
        text: &str,
        declared: Option<FieldType>,
        negated: bool,
    ) -> Lowered<NativeFilter> {
        let Filter::Leaf(of) = Filter::parse(text).unwrap() else { panic!("{text} is no leaf") };
        leaf(&of, declared, layout, negated)
    }

    fn shown(lowered: &Lowered<NativeFilter>) -> String {
        match lowered {
            Lowered::Exact(native) => format!("exact {native}"),
            Lowered::Superset(native) => format!("superset {native}"),
            Lowered::Nothing => "nothing".to_owned(),
        }
    }

    #[test]
    fn strings_bools_and_declared_integers_are_exact() {
        for (text, declared) in [
            ("a = \"x\"", None),
            ("a != \"x\"", None),
            ("a IN (\"x\", true)", None),
            ("a NOT IN (\"x\", \"y\")", None),
            ("a CONTAINS \"x\"", None),
            ("a CONTAINS true", None),
            ("a EXISTS", None),
            ("a = 2", Some(FieldType::Integer)),
            ("a = 9007199254740993", None),
            ("a >= 2.5", Some(FieldType::Integer)),
            ("a CONTAINS 2", Some(FieldType::Integer)),
        ] {
            for negated in [false, true] {
                let lowered = lower(text, declared, negated);
                assert!(matches!(lowered, Lowered::Exact(_)), "{text}: {lowered:?}");
            }
        }
    }

    #[test]
    fn numbers_that_may_be_in_the_overflow_are_a_superset() {
        for text in ["a = 2", "a < 2.5", "a IN (1, \"x\")", "a != 2", "a CONTAINS 2"] {
            for declared in [None, Some(FieldType::Float)] {
                assert!(matches!(lower(text, declared, false), Lowered::Superset(_)), "{text}");
                assert_eq!(lower(text, declared, true), Lowered::Nothing, "{text}");
            }
        }
        let native = shown(&lower("a = 2", None, false));
        assert!(native.contains(OVERFLOW_KEYS), "{native}");
    }

    #[test]
    fn ranges_are_widened_where_floats_meet_several_integers() {
        let native = shown(&lower("a > 9007199254740992", Some(FieldType::Integer), false));
        assert!(
            native.starts_with("superset") && native.contains("gte") && !native.contains("\"gt\""),
            "{native}"
        );
    }

    #[test]
    fn bounds_of_integers_are_integers() {
        for (text, bounds) in [
            ("a > 2.5", r#""gt":2.0"#),
            ("a >= 2.5", r#""gt":2.0"#),
            ("a < -2.5", r#""lt":-2.0"#),
            ("a <= -2.5", r#""lt":-2.0"#),
            ("a = 2.5", r#""gt":2.0,"lt":3.0"#),
        ] {
            let native = shown(&lower(text, Some(FieldType::Integer), false));
            assert!(native.starts_with("exact") && native.contains(bounds), "{text}: {native}");
            assert!(shown(&lower(text, None, false)).contains("2.5"), "{text}");
        }
        let layout = Layout::default();
        let native = shown(&lower_in(&layout, "a < 2.5", Some(FieldType::Integer), false));
        assert!(native.starts_with("superset") && native.contains(r#""lt":3.0"#), "{native}");
    }

    #[test]
    fn strings_have_no_order() {
        for declared in [None, Some(FieldType::String)] {
            assert_eq!(lower("a > \"x\"", declared, false), Lowered::Nothing);
        }
    }

    #[test]
    fn a_text_index_folds_case_and_is_not_asked() {
        let mut layout = ours();
        layout.indexes.insert("a".to_owned(), PayloadSchemaType::Text);
        for text in ["a CONTAINS \"x\"", "a STARTS WITH \"x\"", "a ENDS WITH \"x\""] {
            let native = shown(&lower_in(&layout, text, None, false));
            assert!(native.starts_with("superset") && !native.contains("\"text\""), "{native}");
        }
    }

    #[test]
    fn an_index_of_uuids_is_not_asked_for_texts() {
        let mut layout = ours();
        layout.indexes.insert("a".to_owned(), PayloadSchemaType::Uuid);
        for text in ["a = \"x\"", "a IN (\"x\", true)", "a != \"x\"", "a CONTAINS \"x\""] {
            let native = shown(&lower_in(&layout, text, None, false));
            assert!(
                native.starts_with("superset") && !native.contains("\"match\":{\"value\":\"x\"}"),
                "{native}"
            );
            assert_eq!(lower_in(&layout, text, None, true), Lowered::Nothing, "{text}");
        }
        assert!(matches!(lower_in(&layout, "a = true", None, false), Lowered::Exact(_)));
    }

    #[test]
    fn in_payloads_of_others_an_equal_element_may_stand_in_a_mixed_list() {
        let layout = Layout::default();
        for text in ["a = \"x\"", "a != \"x\"", "a CONTAINS \"x\"", "a = true"] {
            assert!(matches!(lower_in(&layout, text, None, false), Lowered::Superset(_)), "{text}");
        }
        assert!(matches!(lower_in(&layout, "a EXISTS", None, true), Lowered::Exact(_)));
    }

    #[test]
    fn the_page_shows_the_table() {
        let page = include_str!("../../../docs/stores/qdrant.md");
        assert!(page.contains(&TABLE.to_string()), "docs/stores/qdrant.md has not this table:\n{TABLE}");
    }
}
