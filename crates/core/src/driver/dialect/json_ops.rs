//! JSON operators: `{"key": {"$op": operand}}`, under `$and` and `$or`.

use serde_json::{Value as Json, json};

pub use super::json_numbers::Numbers;
use super::{Predicate, Size};
use crate::metadata::Scalar;

/// A filter of JSON operators, and its size.
#[derive(Debug, Clone, PartialEq)]
pub struct Clause {
    json: Json,
    size: Size,
}

impl Clause {
    /// A condition on a key with one operand.
    pub fn new(key: &str, operator: &str, operand: impl Into<Json>) -> Self {
        Self { json: json!({ key: { operator: operand.into() } }), size: Size::of_leaf(1) }
    }

    /// All of some; none of none.
    pub fn all(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        joined("$and", parts)
    }

    /// Any of some; none of none.
    pub fn any(parts: impl IntoIterator<Item = Self>) -> Option<Self> {
        joined("$or", parts)
    }

    /// As it is sent.
    pub fn json(&self) -> &Json {
        &self.json
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        self.size
    }

    fn of_list(key: &str, operator: &str, operands: Vec<Json>) -> Self {
        let size = Size::of_leaf(operands.len());
        Self { json: json!({ key: { operator: operands } }), size }
    }
}

/// What the operators of a database mean where databases differ.
///
/// ```
/// use portolan_core::driver::dialect::Predicate;
/// use portolan_core::driver::dialect::json_ops::{Elements, JsonOps, Missing, Numbers};
/// use portolan_core::filter::Condition;
///
/// const PINECONE: JsonOps =
///     JsonOps { elements: Elements::AsScalars, missing: Missing::Exists, numbers: Numbers::Floats };
///
/// let condition = Condition::Eq("fintech".into());
/// let not = PINECONE.clause("industry", Predicate::from(&condition), true).unwrap();
/// assert_eq!(not.json().to_string(), r#"{"$or":[{"industry":{"$exists":false}},{"industry":{"$nin":["fintech"]}}]}"#);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct JsonOps {
    /// How the elements of lists are found.
    pub elements: Elements,
    /// What becomes of records without the field.
    pub missing: Missing,
    /// How numbers are compared.
    pub numbers: Numbers,
}

/// How the elements of lists are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elements {
    /// `$in` and `$nin` look at them too.
    AsScalars,
    /// By `$contains` and `$not_contains`, which see lists only.
    Apart,
}

/// What becomes of records without the field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// Negations meet them, and there is no `$exists`.
    MeetsNegations,
    /// Negations do not, and `$exists` tells.
    Exists,
}

impl JsonOps {
    /// The clause of a leaf, or where `negated` of its complement: no narrower, and as exact as the operators are. None
    /// where there is no such operator, or an operand that the server cannot be told.
    pub fn clause(&self, key: &str, predicate: Predicate<'_>, negated: bool) -> Option<Clause> {
        let one = std::slice::from_ref;
        match (predicate, negated) {
            (Predicate::AnyOf(operands), false) => self.any_of(key, operands),
            (Predicate::AnyOf(operands), true) => self.or_missing(key, self.none_of(key, operands)?),
            (Predicate::NoneOf(operands), false) => self.none_of(key, operands),
            (Predicate::NoneOf(operands), true) if self.missing == Missing::Exists => {
                self.or_missing(key, self.any_of(key, operands)?)
            }
            (Predicate::Order(comparison, bound), false) => {
                let parts = self.numbers.beyond(comparison, bound).into_iter();
                Clause::any(parts.map(|(comparison, x)| Clause::new(key, order(comparison.symbol()), x)))
            }
            (Predicate::Contains(operand), false) if self.elements == Elements::Apart => {
                Clause::any(self.each(key, "$contains", one(operand)))
            }
            (Predicate::Contains(operand), false) => self.any_of(key, one(operand)),
            (Predicate::Contains(operand), true) if self.elements == Elements::Apart => {
                self.or_missing(key, Clause::all(self.each(key, "$not_contains", one(operand)))?)
            }
            (Predicate::Exists, _) if self.missing == Missing::Exists => {
                Some(Clause::new(key, "$exists", !negated))
            }
            _ => None,
        }
    }

    /// A scalar equal to an operand, or a list with an element that is.
    fn any_of(&self, key: &str, operands: &[Scalar]) -> Option<Clause> {
        let told: Vec<Vec<Json>> = operands.iter().map(|operand| self.told(operand)).collect();
        if told.iter().any(Vec::is_empty) {
            return None;
        }
        let elements = self.elements(key, "$contains", operands);
        Clause::any(
            elements.chain(by_type(told.into_iter().flatten()).map(|list| Clause::of_list(key, "$in", list))),
        )
    }

    /// No scalar equal to an operand, and no list with an element that is.
    fn none_of(&self, key: &str, operands: &[Scalar]) -> Option<Clause> {
        let distinct = operands.iter().filter_map(|operand| match operand {
            Scalar::Integer(_) | Scalar::Float(_) => self.numbers.distinct(operand),
            other => Some(json!(other)),
        });
        let elements = self.elements(key, "$not_contains", operands);
        Clause::all(elements.chain(by_type(distinct).map(|list| Clause::of_list(key, "$nin", list))))
    }

    /// The clauses on elements of lists, where those are asked apart.
    fn elements(&self, key: &str, operator: &str, operands: &[Scalar]) -> impl Iterator<Item = Clause> {
        let apart = self.elements == Elements::Apart;
        self.each(key, operator, if apart { operands } else { &[] })
    }

    fn each(&self, key: &str, operator: &str, operands: &[Scalar]) -> impl Iterator<Item = Clause> {
        operands
            .iter()
            .flat_map(|operand| self.told(operand))
            .map(move |told| Clause::new(key, operator, told))
    }

    /// An operand in each type under which an equal value may be stored.
    fn told(&self, operand: &Scalar) -> Vec<Json> {
        match operand {
            Scalar::Integer(_) | Scalar::Float(_) => self.numbers.equal(operand),
            other => vec![json!(other)],
        }
    }

    /// A negation, which records without the field are to meet too.
    fn or_missing(&self, key: &str, clause: Clause) -> Option<Clause> {
        match self.missing {
            Missing::MeetsNegations => Some(clause),
            Missing::Exists => Clause::any([Clause::new(key, "$exists", false), clause]),
        }
    }
}

/// Clauses under one operator; a single one stands alone.
fn joined(operator: &str, parts: impl IntoIterator<Item = Clause>) -> Option<Clause> {
    let mut parts: Vec<Clause> = parts.into_iter().collect();
    if parts.len() < 2 {
        return parts.pop();
    }
    let size = Size::joined(parts.iter().map(Clause::size));
    Some(Clause { json: json!({ operator: parts.into_iter().map(|c| c.json).collect::<Vec<_>>() }), size })
}

/// Operands in lists of one type each: texts, bools, integers, floats.
fn by_type(operands: impl Iterator<Item = Json>) -> impl Iterator<Item = Vec<Json>> {
    let mut lists: [Vec<Json>; 4] = Default::default();
    for operand in operands {
        let of = match &operand {
            Json::String(_) => 0,
            Json::Bool(_) => 1,
            number if number.is_i64() => 2,
            _ => 3,
        };
        lists[of].push(operand);
    }
    lists.into_iter().filter(|list| !list.is_empty())
}

fn order(symbol: &str) -> &'static str {
    match symbol {
        ">" => "$gt",
        ">=" => "$gte",
        "<" => "$lt",
        _ => "$lte",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{Filter, Leaf};

    /// `$contains` for elements, negations that meet records without the field, integers and floats apart.
    const APART: JsonOps = JsonOps {
        elements: Elements::Apart,
        missing: Missing::MeetsNegations,
        numbers: Numbers::Apart { survives: |x| x != 0.1 },
    };

    /// Any element meets `$in`, `$exists` tells of records without the field, all numbers are floats.
    const PLAIN: JsonOps =
        JsonOps { elements: Elements::AsScalars, missing: Missing::Exists, numbers: Numbers::Floats };

    fn clause(ops: JsonOps, text: &str, negated: bool) -> Option<String> {
        let Filter::Leaf(Leaf { key, condition }) = Filter::parse(text).unwrap() else { panic!("{text}") };
        ops.clause(&key, Predicate::from(&condition), negated).map(|clause| clause.json.to_string())
    }

    #[track_caller]
    fn check(ops: JsonOps, rows: &[(&str, bool, &str)]) {
        for (text, negated, wanted) in rows {
            let found = clause(ops, text, *negated);
            assert_eq!(found.as_deref().unwrap_or("none"), *wanted, "{text}, negated: {negated}");
        }
    }

    #[test]
    fn elements_may_have_operators_of_their_own() {
        let rows = [
            ("k = \"a\"", false, r#"{"$or":[{"k":{"$contains":"a"}},{"k":{"$in":["a"]}}]}"#),
            ("k = \"a\"", true, r#"{"$and":[{"k":{"$not_contains":"a"}},{"k":{"$nin":["a"]}}]}"#),
            ("k != \"a\"", false, r#"{"$and":[{"k":{"$not_contains":"a"}},{"k":{"$nin":["a"]}}]}"#),
            ("k != \"a\"", true, "none"),
            ("k CONTAINS true", false, r#"{"k":{"$contains":true}}"#),
            ("k CONTAINS true", true, r#"{"k":{"$not_contains":true}}"#),
            ("k EXISTS", false, "none"),
            ("k STARTS WITH \"a\"", false, "none"),
        ];
        check(APART, &rows);
    }

    #[test]
    fn numbers_may_be_kept_apart() {
        let rows = [
            (
                "k IN (1, 2.5)",
                false,
                concat!(
                    r#"{"$or":[{"k":{"$contains":1}},{"k":{"$contains":1.0}},{"k":{"$contains":2.5}},"#,
                    r#"{"k":{"$in":[1]}},{"k":{"$in":[1.0,2.5]}}]}"#
                ),
            ),
            ("k IN (1, 0.1)", false, "none"),
            ("k != 0.1", false, "none"),
            ("k CONTAINS 2.5", true, r#"{"k":{"$not_contains":2.5}}"#),
            ("k > 2", false, r#"{"$or":[{"k":{"$gt":2}},{"k":{"$gt":2.0}}]}"#),
            ("k < -2.5", false, r#"{"$or":[{"k":{"$lt":-2.5}},{"k":{"$lte":-3}}]}"#),
            ("k < \"a\"", false, "none"),
            ("k < 2", true, "none"),
        ];
        check(APART, &rows);
    }

    #[test]
    fn a_language_with_exists_says_the_complements() {
        let rows = [
            ("k = 1", false, r#"{"k":{"$in":[1.0]}}"#),
            ("k = 1", true, r#"{"$or":[{"k":{"$exists":false}},{"k":{"$nin":[1.0]}}]}"#),
            ("k != \"a\"", false, r#"{"k":{"$nin":["a"]}}"#),
            (
                "k NOT IN (\"a\", true)",
                true,
                r#"{"$or":[{"k":{"$exists":false}},{"$or":[{"k":{"$in":["a"]}},{"k":{"$in":[true]}}]}]}"#,
            ),
            ("k != 9007199254740993", false, "none"),
            ("k >= 1.5", false, r#"{"k":{"$gte":1.5}}"#),
            ("k > 9007199254740993", false, r#"{"k":{"$gte":9007199254740992.0}}"#),
            ("k CONTAINS \"a\"", false, r#"{"k":{"$in":["a"]}}"#),
            ("k CONTAINS \"a\"", true, "none"),
            ("k EXISTS", false, r#"{"k":{"$exists":true}}"#),
            ("k EXISTS", true, r#"{"k":{"$exists":false}}"#),
        ];
        check(PLAIN, &rows);
    }

    #[test]
    fn sizes_are_counted() {
        let list = APART.any_of("k", &["a".into(), "b".into()]).unwrap();
        assert_eq!(list.size(), Size { leaves: 3, operands: 4, levels: 2 });
        let both = Clause::all([list, Clause::new("k", "$gt", 1)]).unwrap();
        assert_eq!(both.size(), Size { leaves: 4, operands: 5, levels: 3 });
        assert_eq!(Clause::all([]), None);
    }
}
