//! Leaves to Qdrant's conditions: exact wherever Qdrant can tell, which it cannot of the order of strings.
//!
//! A payload that Portolan wrote has opaque lists and floats of many digits in the overflow, whose keys are listed in
//! [`OVERFLOW_KEYS`]. An opaque value meets `exists`, `ne` and `not_in` only, so that these are exact with the keys asked
//! too; a number in the overflow may meet any leaf with a number, which is a superset then. Of a declared field of another
//! type than float nothing is in the overflow.

use portolan_core::driver::OVERFLOW_KEYS;
use portolan_core::driver::dialect::{Comparison, Predicate, Side};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::number::{TWO_53, exact_f64};
use portolan_core::{FieldType, Scalar};
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{
    Condition, PayloadSchemaType, Range, RepeatedIntegers, RepeatedStrings, ValuesCount,
};

use crate::filter::NativeFilter;
use crate::path::path;
use crate::schema::Layout;

/// How a leaf, or where `negated` its complement, is answered.
pub(crate) fn leaf(
    leaf: &Leaf,
    declared: Option<FieldType>,
    layout: &Layout,
    negated: bool,
) -> Lowered<NativeFilter> {
    let Some(path) = path(&leaf.key) else { return Lowered::Nothing };
    let field = Field { key: &leaf.key, path, declared, layout };
    match (field.predicate(Predicate::from(&leaf.condition)), negated) {
        (lowered, false) => lowered,
        (Lowered::Exact(native), true) => Lowered::Exact(native.not()),
        (_, true) => Lowered::Nothing,
    }
}

/// A field that is asked about.
struct Field<'a> {
    key: &'a str,
    path: String,
    declared: Option<FieldType>,
    layout: &'a Layout,
}

impl Field<'_> {
    fn predicate(&self, asked: Predicate<'_>) -> Lowered<NativeFilter> {
        match asked {
            Predicate::AnyOf(operands) => self.any_of(operands),
            Predicate::NoneOf(operands) => self.none_of(self.any_of(operands)),
            Predicate::Order(comparison, operand) => self.order(comparison, operand),
            Predicate::Contains(Scalar::String(part)) => self.contains(part),
            Predicate::Contains(operand) => self.element(operand),
            Predicate::StartsWith(part) | Predicate::EndsWith(part) => self.part(part),
            Predicate::Exists => Lowered::Exact(self.exists()),
        }
    }

    /// In a payload of another program an opaque list may stand natively, and Qdrant matches its scalars one by one.
    fn exact(&self, native: NativeFilter) -> Lowered<NativeFilter> {
        if self.layout.ours { Lowered::Exact(native) } else { Lowered::Superset(native) }
    }

    /// Strings and integers that no float equals are matched by type, all of them in one condition; other numbers by
    /// ranges, which compare as floats.
    fn any_of(&self, operands: &[Scalar]) -> Lowered<NativeFilter> {
        let (mut texts, mut integers, mut numbers, mut parts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for operand in operands {
            match operand {
                Scalar::String(text) => texts.push(text.clone()),
                Scalar::Bool(b) => parts.push(self.matches(MatchValue::Boolean(*b))),
                Scalar::Integer(i) if self.is_integer() || exact_f64(*i).is_none() => integers.push(*i),
                Scalar::Integer(i) => numbers.push(*i as f64),
                Scalar::Float(x) => numbers.push(*x),
            }
        }
        if !texts.is_empty() && self.has_index(PayloadSchemaType::Uuid) {
            return Lowered::Superset(self.exists());
        }
        parts.extend(match texts.as_slice() {
            [] => None,
            [text] => Some(NativeFilter::keyword(&self.path, text)),
            _ => Some(self.matches(MatchValue::Keywords(RepeatedStrings { strings: texts }))),
        });
        parts.extend(match integers.as_slice() {
            [] => None,
            [integer] => Some(self.matches(MatchValue::Integer(*integer))),
            _ => Some(self.matches(MatchValue::Integers(RepeatedIntegers { integers }))),
        });
        parts.extend(numbers.iter().map(|x| self.range(self.point(*x))));
        let numeric = !numbers.is_empty();
        self.lowered(parts, numeric, numbers.iter().any(|x| x.abs() >= TWO_53))
    }

    /// Any of some conditions. Where they are `numeric`, what they ask about may be in the overflow; `wide` ones meet more than they
    /// should.
    fn lowered(&self, mut parts: Vec<NativeFilter>, numeric: bool, wide: bool) -> Lowered<NativeFilter> {
        let overflows = numeric && self.may_overflow();
        parts.extend(overflows.then(|| self.in_overflow()));
        let any = NativeFilter::any(parts);
        if overflows || wide { Lowered::Superset(any) } else { self.exact(any) }
    }

    /// The field exists, and no value of it meets what `equal` does.
    fn none_of(&self, equal: Lowered<NativeFilter>) -> Lowered<NativeFilter> {
        match equal {
            Lowered::Exact(equal) => Lowered::Exact(NativeFilter::all([self.exists(), equal.not()])),
            Lowered::Superset(_) | Lowered::Nothing => Lowered::Superset(self.exists()),
        }
    }

    /// Ranges compare as floats: past 2^53 a strict one would miss integers.
    fn order(&self, comparison: Comparison, operand: &Scalar) -> Lowered<NativeFilter> {
        let x = match operand {
            Scalar::Integer(i) => *i as f64,
            Scalar::Float(x) => *x,
            Scalar::String(_) | Scalar::Bool(_) => return Lowered::Nothing,
        };
        let wide = x.abs() >= TWO_53;
        let comparison = comparison.widened_if(wide);
        let mut range = match (comparison.side, comparison.inclusive) {
            (Side::Above, false) => Range { gt: Some(x), ..Range::default() },
            (Side::Above, true) => Range { gte: Some(x), ..Range::default() },
            (Side::Below, false) => Range { lt: Some(x), ..Range::default() },
            (Side::Below, true) => Range { lte: Some(x), ..Range::default() },
        };
        if x.fract() != 0.0 && self.compares_integers() {
            range = self.of_integers(range);
        }
        self.lowered(vec![self.range(range)], true, wide)
    }

    /// What equals a number.
    fn point(&self, x: f64) -> Range {
        if x.fract() == 0.0 || !self.compares_integers() {
            return Range { gte: Some(x), lte: Some(x), ..Range::default() };
        }
        self.of_integers(Range { gt: Some(x), lt: Some(x), ..Range::default() })
    }

    /// A range with bounds that are integers. Where all values are, as in collections of the port, it meets the same ones;
    /// else it is widened.
    fn of_integers(&self, range: Range) -> Range {
        if self.layout.ours {
            return Range {
                gt: range.gt.map(f64::floor),
                gte: range.gte.map(f64::ceil),
                lt: range.lt.map(f64::ceil),
                lte: range.lte.map(f64::floor),
            };
        }
        Range {
            gte: range.gte.or(range.gt).map(f64::floor),
            lte: range.lte.or(range.lt).map(f64::ceil),
            ..Range::default()
        }
    }

    /// Whether an index of integers answers, to which Qdrant before 1.18.1 cuts the bounds of a range.
    fn compares_integers(&self) -> bool {
        self.is_integer() || self.has_index(PayloadSchemaType::Integer)
    }

    /// A part of a text that is no list, or an element of a list.
    fn contains(&self, part: &str) -> Lowered<NativeFilter> {
        if self.has_index(PayloadSchemaType::Text) {
            return Lowered::Superset(self.exists());
        }
        let elements = Field { path: self.elements(), ..*self };
        let text = NativeFilter::all([self.text(part), elements.is_there().not()]);
        let element = NativeFilter::all([
            NativeFilter::keyword(&self.path, part),
            NativeFilter::keyword(&elements.path, part),
        ]);
        self.exact(NativeFilter::any([text, element]))
    }

    /// An element of a list that is a number or a bool.
    fn element(&self, operand: &Scalar) -> Lowered<NativeFilter> {
        let elements = Field { path: self.elements(), ..*self };
        let operand = std::slice::from_ref(operand);
        match (self.any_of(operand), elements.any_of(operand)) {
            (Lowered::Exact(equal), Lowered::Exact(element)) => {
                Lowered::Exact(NativeFilter::all([equal, element]))
            }
            (Lowered::Superset(equal), Lowered::Superset(element)) => {
                Lowered::Superset(NativeFilter::all([equal, element]))
            }
            _ => Lowered::Nothing,
        }
    }

    fn part(&self, part: &str) -> Lowered<NativeFilter> {
        if self.has_index(PayloadSchemaType::Text) {
            return Lowered::Superset(self.exists());
        }
        Lowered::Superset(self.text(part))
    }

    /// The field is there, maybe as an empty list, and is not null; or its value is in the overflow.
    fn exists(&self) -> NativeFilter {
        let not_null = NativeFilter::all([
            self.is_there(),
            NativeFilter::from(Condition::is_null(self.path.as_str())).not(),
        ]);
        let native = [NativeFilter::is_not_empty(&self.path), not_null];
        let overflows = self.may_overflow().then(|| self.in_overflow());
        NativeFilter::any(native.into_iter().chain(overflows))
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

    /// The text, or an element of a list, holds this part; so only where the field has no index of full text.
    fn text(&self, part: &str) -> NativeFilter {
        self.matches(MatchValue::Text(part.to_owned()))
    }

    /// The number, or an element of a list, lies in a range.
    fn range(&self, range: Range) -> NativeFilter {
        Condition::range(self.path.as_str(), range).into()
    }

    fn in_overflow(&self) -> NativeFilter {
        NativeFilter::keyword(OVERFLOW_KEYS, self.key)
    }

    fn may_overflow(&self) -> bool {
        matches!(self.declared, None | Some(FieldType::Float))
    }

    fn is_integer(&self) -> bool {
        self.declared == Some(FieldType::Integer)
    }

    /// The path of a list's elements; a single value has none.
    fn elements(&self) -> String {
        format!("{}[]", self.path)
    }

    fn has_index(&self, of: PayloadSchemaType) -> bool {
        self.layout.indexes.get(self.key) == Some(&of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::Filter;

    fn lower(text: &str, declared: Option<FieldType>, negated: bool) -> Lowered<NativeFilter> {
        lower_in(&Layout::default(), text, declared, negated)
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
            ("a >= 2.5", r#""gte":3.0"#),
            ("a < -2.5", r#""lt":-2.0"#),
            ("a <= -2.5", r#""lte":-3.0"#),
            ("a = 2.5", r#""gt":2.0,"lt":3.0"#),
        ] {
            let native = shown(&lower(text, Some(FieldType::Integer), false));
            assert!(native.starts_with("exact") && native.contains(bounds), "{text}: {native}");
            assert!(shown(&lower(text, None, false)).contains("2.5"), "{text}");
        }
        let layout = Layout { ours: false, ..Layout::default() };
        let native = shown(&lower_in(&layout, "a < 2.5", Some(FieldType::Integer), false));
        assert!(native.starts_with("superset") && native.contains(r#""lte":3.0"#), "{native}");
    }

    #[test]
    fn strings_have_no_order() {
        for declared in [None, Some(FieldType::String)] {
            assert_eq!(lower("a > \"x\"", declared, false), Lowered::Nothing);
        }
    }

    #[test]
    fn a_text_index_folds_case_and_is_not_asked() {
        let mut layout = Layout::default();
        layout.indexes.insert("a".to_owned(), PayloadSchemaType::Text);
        for text in ["a CONTAINS \"x\"", "a STARTS WITH \"x\"", "a ENDS WITH \"x\""] {
            let native = shown(&lower_in(&layout, text, None, false));
            assert!(native.starts_with("superset") && !native.contains("\"text\""), "{native}");
        }
    }

    #[test]
    fn in_payloads_of_others_an_equal_element_may_stand_in_a_mixed_list() {
        let layout = Layout { ours: false, ..Layout::default() };
        for text in ["a = \"x\"", "a != \"x\"", "a CONTAINS \"x\"", "a = true"] {
            assert!(matches!(lower_in(&layout, text, None, false), Lowered::Superset(_)), "{text}");
        }
        assert!(matches!(lower_in(&layout, "a EXISTS", None, true), Lowered::Exact(_)));
    }
}
