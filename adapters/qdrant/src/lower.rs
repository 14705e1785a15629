//! Leaves to Qdrant's conditions: exact wherever Qdrant can tell, which it cannot of the order of strings.
//!
//! A payload that Portolan wrote has opaque lists and floats of many digits in the overflow, whose keys are listed in
//! [`OVERFLOW_KEYS`]. An opaque value meets `exists`, `ne` and `not_in` only, so that these are exact with the keys asked
//! too; a number in the overflow may meet any leaf with a number, which is a superset then. Of a declared field of another
//! type than float nothing is in the overflow.

use portolan_core::driver::OVERFLOW_KEYS;
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::number::{TWO_53, exact_f64};
use portolan_core::{FieldType, Scalar};
use qdrant_client::qdrant::{PayloadSchemaType, Range, ValuesCount};

use crate::filter::NativeFilter;
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
    match (field.condition(&leaf.condition), negated) {
        (lowered, false) => lowered,
        (Lowered::Exact(native), true) => Lowered::Exact(native.not()),
        (_, true) => Lowered::Nothing,
    }
}

/// How a key is written in a path; none can be where it holds a quote or a backslash.
pub(crate) fn path(key: &str) -> Option<String> {
    if key.is_empty() || key.contains(['"', '\\']) {
        return None;
    }
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    Some(if plain { key.to_owned() } else { format!("\"{key}\"") })
}

/// The key that a path stands for, where it is one of the first level.
pub(crate) fn key_of(of: &str) -> Option<&str> {
    let key = of.strip_prefix('"').and_then(|k| k.strip_suffix('"')).unwrap_or(of);
    (path(key).as_deref() == Some(of)).then_some(key)
}

/// A field that is asked about.
struct Field<'a> {
    key: &'a str,
    path: String,
    declared: Option<FieldType>,
    layout: &'a Layout,
}

impl Field<'_> {
    fn condition(&self, condition: &Condition) -> Lowered<NativeFilter> {
        match condition {
            Condition::Eq(operand) => self.equal(operand),
            Condition::Ne(operand) => self.none_of(self.equal(operand)),
            Condition::In(operands) => self.any_of(operands),
            Condition::NotIn(operands) => self.none_of(self.any_of(operands)),
            Condition::Gt(operand) => self.order(operand, |x| Range { gt: Some(x), ..Range::default() }),
            Condition::Gte(operand) => self.order(operand, |x| Range { gte: Some(x), ..Range::default() }),
            Condition::Lt(operand) => self.order(operand, |x| Range { lt: Some(x), ..Range::default() }),
            Condition::Lte(operand) => self.order(operand, |x| Range { lte: Some(x), ..Range::default() }),
            Condition::Contains(Scalar::String(part)) => self.contains(part),
            Condition::Contains(operand) => self.element(operand),
            Condition::StartsWith(part) | Condition::EndsWith(part) => self.part(part),
            Condition::Exists => Lowered::Exact(self.exists()),
        }
    }

    /// In a payload of others an opaque list may stand natively, and Qdrant matches its scalars one by one.
    fn exact(&self, native: NativeFilter) -> Lowered<NativeFilter> {
        if self.layout.ours { Lowered::Exact(native) } else { Lowered::Superset(native) }
    }

    fn equal(&self, operand: &Scalar) -> Lowered<NativeFilter> {
        self.any_of(std::slice::from_ref(operand))
    }

    /// Strings and integers that no float equals are matched by type, all of them in one condition; other numbers by
    /// ranges, which compare as floats.
    fn any_of(&self, operands: &[Scalar]) -> Lowered<NativeFilter> {
        let (mut texts, mut integers, mut numbers, mut parts) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for operand in operands {
            match operand {
                Scalar::String(text) => texts.push(text.clone()),
                Scalar::Bool(b) => parts.push(NativeFilter::boolean(&self.path, *b)),
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
            _ => Some(NativeFilter::keywords(&self.path, texts)),
        });
        parts.extend(match integers.as_slice() {
            [] => None,
            [integer] => Some(NativeFilter::integer(&self.path, *integer)),
            _ => Some(NativeFilter::integers(&self.path, integers)),
        });
        parts.extend(numbers.iter().map(|x| NativeFilter::range(&self.path, self.point(*x))));
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
    fn order(&self, operand: &Scalar, range: impl Fn(f64) -> Range) -> Lowered<NativeFilter> {
        let x = match operand {
            Scalar::Integer(i) => *i as f64,
            Scalar::Float(x) => *x,
            Scalar::String(_) | Scalar::Bool(_) => return Lowered::Nothing,
        };
        let wide = x.abs() >= TWO_53;
        let mut range = range(x);
        if wide {
            range = Range { gte: range.gte.or(range.gt), lte: range.lte.or(range.lt), ..Range::default() };
        }
        if x.fract() != 0.0 && self.compares_integers() {
            range = self.of_integers(range);
        }
        self.lowered(vec![NativeFilter::range(&self.path, range)], true, wide)
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
        let elements = self.elements();
        let list = NativeFilter::count(&elements, at_least_none());
        let text = NativeFilter::all([NativeFilter::text(&self.path, part), list.not()]);
        let element = NativeFilter::all([
            NativeFilter::keyword(&self.path, part),
            NativeFilter::keyword(&elements, part),
        ]);
        self.exact(NativeFilter::any([text, element]))
    }

    /// An element of a list that is a number or a bool.
    fn element(&self, operand: &Scalar) -> Lowered<NativeFilter> {
        let elements = Field { path: self.elements(), ..*self };
        match (self.equal(operand), elements.equal(operand)) {
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
        Lowered::Superset(NativeFilter::text(&self.path, part))
    }

    /// The field is there, maybe as an empty list, and is not null; or its value is in the overflow.
    fn exists(&self) -> NativeFilter {
        let not_null = NativeFilter::all([
            NativeFilter::count(&self.path, at_least_none()),
            NativeFilter::is_null(&self.path).not(),
        ]);
        let native = [NativeFilter::is_not_empty(&self.path), not_null];
        let overflows = self.may_overflow().then(|| self.in_overflow());
        NativeFilter::any(native.into_iter().chain(overflows))
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

/// Any number of values: what a field that is there has.
fn at_least_none() -> ValuesCount {
    ValuesCount { gte: Some(0), ..ValuesCount::default() }
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

    #[test]
    fn keys_are_quoted_where_a_path_needs_it() {
        assert_eq!(path("a_b-c9").as_deref(), Some("a_b-c9"));
        for key in ["a.b", "a[0]", "a b", "naïve", "$x", "a[].b"] {
            assert_eq!(path(key), Some(format!("\"{key}\"")));
            assert_eq!(path(key).as_deref().and_then(key_of), Some(key));
        }
        for key in ["", "a\"b", "a\\b"] {
            assert_eq!(path(key), None, "{key}");
            let leaf_of = Leaf { key: key.to_owned(), condition: Condition::Exists };
            assert_eq!(leaf(&leaf_of, None, &Layout::default(), false), Lowered::Nothing);
        }
        for of in ["a.b", "a[].b", "\"a"] {
            assert_eq!(key_of(of), None, "{of}");
        }
    }
}
