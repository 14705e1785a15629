//! The native filter: Chroma's `where`, and a list of ids beside it.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};

use portolan_core::Scalar;
use portolan_core::driver::NativeId;
use portolan_core::filter::{Condition, Leaf, Lowered};
use serde_json::{Value as Json, json};

use crate::convert::{DOCUMENT, URI, is_native_key};
use crate::number::{Forms, Side, beyond};

/// The most leaves of a filter: Chroma takes 0.5 ms for each, and no more than 1,000 beside one another.
const MOST_LEAVES: usize = 400;

/// The most operands of a filter: Chroma's database takes 32,766 parameters.
const MOST_OPERANDS: usize = 10_000;

/// The deepest filter: Chroma's JSON parser takes 128 levels, two for each of the filter's.
const MOST_LEVELS: usize = 50;

/// A native key whose elements lie in a list that Portolan keeps.
const ASIDE_KEYS: &str = "_portolan_keys";

/// What Chroma is asked for: ids, and a condition on metadata; with neither, everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeFilter {
    ids: Option<BTreeSet<NativeId>>,
    clause: Option<Clause>,
}

/// A `where` and its size.
#[derive(Debug, Clone, PartialEq)]
struct Clause {
    json: Json,
    leaves: usize,
    operands: usize,
    levels: usize,
}

impl NativeFilter {
    /// The ids to choose from, if any are named.
    pub(crate) fn ids(&self) -> Option<Vec<NativeId>> {
        self.ids.as_ref().map(|ids| ids.iter().cloned().collect())
    }

    /// The condition on metadata, if there is one.
    pub(crate) fn clause(&self) -> Option<&Json> {
        self.clause.as_ref().map(|clause| &clause.json)
    }

    /// Whether Chroma takes this as a whole.
    pub(crate) fn is_small(&self) -> bool {
        let ids = self.ids.as_ref().map_or(0, BTreeSet::len);
        let (leaves, operands, levels) =
            self.clause.as_ref().map_or((0, 0, 0), |c| (c.leaves, c.operands, c.levels));
        leaves <= MOST_LEAVES && ids + operands <= MOST_OPERANDS && levels <= MOST_LEVELS
    }

    fn of(clause: Clause) -> Self {
        Self { ids: None, clause: Some(clause) }
    }
}

impl Display for NativeFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut shown = serde_json::Map::new();
        if let Some(ids) = &self.ids {
            shown.insert("ids".to_owned(), json!(ids));
        }
        if let Some(clause) = self.clause() {
            shown.insert("where".to_owned(), clause.clone());
        }
        Display::fmt(&Json::Object(shown), f)
    }
}

/// A condition that every record meets.
pub(crate) fn always() -> Json {
    json!({ ASIDE_KEYS: { "$ne": "" } })
}

/// Records of these ids. Ids stand beside the `where`, not in it, so that an `or` may have to leave them out.
pub(crate) fn lower_ids(ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
    if negated {
        return Lowered::Nothing;
    }
    Lowered::Superset(NativeFilter { ids: Some(ids.iter().cloned().collect()), clause: None })
}

/// All of two or more.
pub(crate) fn and(parts: Vec<NativeFilter>) -> NativeFilter {
    let mut ids: Option<BTreeSet<NativeId>> = None;
    let mut clauses = Vec::with_capacity(parts.len());
    for part in parts {
        ids = match (ids, part.ids) {
            (Some(a), Some(b)) => Some(a.intersection(&b).cloned().collect()),
            (a, b) => a.or(b),
        };
        clauses.extend(part.clause);
    }
    NativeFilter { ids, clause: join("$and", clauses) }
}

/// Any of two or more; everything where ids and conditions meet.
pub(crate) fn or(parts: Vec<NativeFilter>) -> NativeFilter {
    if parts.iter().all(|part| part.clause.is_none() && part.ids.is_some()) {
        let ids = parts.into_iter().filter_map(|part| part.ids).flatten().collect();
        return NativeFilter { ids: Some(ids), clause: None };
    }
    if parts.iter().any(|part| part.clause.is_none() || part.ids.is_some()) {
        return NativeFilter::default();
    }
    NativeFilter {
        ids: None,
        clause: join("$or", parts.into_iter().filter_map(|part| part.clause).collect()),
    }
}

/// How a leaf is answered. `lists` says whether lists of numbers may be stored natively: Chroma does not order those.
pub(crate) fn lower(leaf: &Leaf, negated: bool, lists: bool) -> Lowered<NativeFilter> {
    let key = leaf.key.as_str();
    let lowered = if key == URI {
        None
    } else if key == DOCUMENT {
        document(leaf, negated)
    } else if !is_native_key(key) {
        // Only aside is there anything under such a key.
        (!negated).then(|| (false, element(ASIDE_KEYS, &key.into())))
    } else if negated {
        complement(key, &leaf.condition)
    } else {
        positive(key, &leaf.condition, lists)
    };
    match lowered {
        Some((true, clause)) => Lowered::Exact(NativeFilter::of(clause)),
        Some((false, clause)) => Lowered::Superset(NativeFilter::of(clause)),
        None => Lowered::Nothing,
    }
}

/// Whether it is exact, and the clause.
type Answer = Option<(bool, Clause)>;

fn positive(key: &str, condition: &Condition, lists: bool) -> Answer {
    match condition {
        Condition::Eq(operand) => any_of(key, std::slice::from_ref(operand)),
        Condition::In(operands) => any_of(key, operands),
        Condition::Ne(operand) => none_of(key, std::slice::from_ref(operand)).map(present),
        Condition::NotIn(operands) => none_of(key, operands).map(present),
        Condition::Contains(Scalar::String(_)) if key != ASIDE_KEYS => None,
        Condition::Contains(operand) => Some((is_exact(operand), elements(key, operand)?)),
        Condition::Gt(bound) => range(key, Side::Above, false, bound, lists),
        Condition::Gte(bound) => range(key, Side::Above, true, bound, lists),
        Condition::Lt(bound) => range(key, Side::Below, false, bound, lists),
        Condition::Lte(bound) => range(key, Side::Below, true, bound, lists),
        Condition::StartsWith(_) | Condition::EndsWith(_) | Condition::Exists => None,
    }
}

/// What a leaf does not meet, records without the field among it. Chroma has no negation but that of equality.
fn complement(key: &str, condition: &Condition) -> Answer {
    match condition {
        Condition::Eq(operand) => none_of(key, std::slice::from_ref(operand)),
        Condition::In(operands) => none_of(key, operands),
        Condition::Contains(operand) => {
            let clauses = without_elements(key, operand);
            join("$and", clauses).map(|clause| (is_exact(operand) && operand.as_str().is_none(), clause))
        }
        _ => None,
    }
}

/// Chroma's negation also meets records without the field.
fn present((_, clause): (bool, Clause)) -> (bool, Clause) {
    (false, clause)
}

/// Whether Chroma compares an operand as the contract does: numbers it converts.
fn is_exact(operand: &Scalar) -> bool {
    matches!(operand, Scalar::String(_) | Scalar::Bool(_))
}

/// Operands by the type of the column that they are compared with.
struct Typed {
    strings: Vec<Json>,
    bools: Vec<Json>,
    integers: Vec<Json>,
    floats: Vec<Json>,
}

impl Typed {
    fn lists(self) -> impl Iterator<Item = Vec<Json>> {
        [self.strings, self.bools, self.integers, self.floats].into_iter().filter(|list| !list.is_empty())
    }
}

/// A scalar equal to an operand, or a list with an element that is. Chroma's `$in` sees scalars only.
fn any_of(key: &str, operands: &[Scalar]) -> Answer {
    let mut typed =
        Typed { strings: Vec::new(), bools: Vec::new(), integers: Vec::new(), floats: Vec::new() };
    let mut clauses = Vec::new();
    for operand in operands {
        match operand {
            Scalar::String(s) => typed.strings.push(json!(s)),
            Scalar::Bool(b) => typed.bools.push(json!(b)),
            Scalar::Integer(_) | Scalar::Float(_) => {
                let forms = Forms::of(operand)?;
                typed.integers.extend(forms.integer.map(|i| json!(i)));
                typed.floats.extend(forms.float.map(|x| json!(x)));
            }
        }
        clauses.push(elements(key, operand)?);
    }
    clauses.extend(typed.lists().map(|list| set(key, "$in", list)));
    Some((operands.iter().all(is_exact), join("$or", clauses)?))
}

/// No scalar equal to an operand, and no list with an element that is.
fn none_of(key: &str, operands: &[Scalar]) -> Answer {
    let mut typed =
        Typed { strings: Vec::new(), bools: Vec::new(), integers: Vec::new(), floats: Vec::new() };
    let mut clauses = Vec::new();
    for operand in operands {
        match operand {
            Scalar::String(s) => typed.strings.push(json!(s)),
            Scalar::Bool(b) => typed.bools.push(json!(b)),
            Scalar::Integer(_) | Scalar::Float(_) => {
                typed.integers.extend(Forms::of(operand).and_then(Forms::distinct).map(|i| json!(i)));
            }
        }
        clauses.extend(without_elements(key, operand));
    }
    clauses.extend(typed.lists().map(|list| set(key, "$nin", list)));
    Some((operands.iter().all(is_exact), join("$and", clauses)?))
}

/// A number on one side of a bound.
fn range(key: &str, side: Side, inclusive: bool, bound: &Scalar, lists: bool) -> Answer {
    if lists {
        return None;
    }
    let parts = beyond(side, inclusive, bound).into_iter().map(|(op, operand)| single(key, op, operand));
    join("$or", parts.collect()).map(|clause| (false, clause))
}

/// A document, of which Chroma knows the substrings.
fn document(leaf: &Leaf, negated: bool) -> Answer {
    let part = match &leaf.condition {
        Condition::Eq(Scalar::String(s)) | Condition::Contains(Scalar::String(s)) => s,
        Condition::StartsWith(s) | Condition::EndsWith(s) => s,
        _ => return None,
    };
    let usable = !negated && !part.is_empty() && part.len() < 10_000 && !part.contains('\0');
    usable.then(|| (false, single("#document", "$contains", json!(part))))
}

/// A list with an element equal to an operand; `None` for a number that Chroma cannot be told.
fn elements(key: &str, operand: &Scalar) -> Option<Clause> {
    match operand {
        Scalar::String(_) | Scalar::Bool(_) => Some(element(key, operand)),
        Scalar::Integer(_) | Scalar::Float(_) => {
            let forms = Forms::of(operand)?;
            let integer = forms.integer.map(|i| single(key, "$contains", json!(i)));
            let float = forms.float.map(|x| single(key, "$contains", json!(x)));
            join("$or", integer.into_iter().chain(float).collect())
        }
    }
}

fn without_elements(key: &str, operand: &Scalar) -> Vec<Clause> {
    let forms = Forms::of(operand).unwrap_or_default();
    let operands = match operand {
        Scalar::String(s) => vec![json!(s)],
        Scalar::Bool(b) => vec![json!(b)],
        _ => forms.integer.map(|i| json!(i)).into_iter().chain(forms.float.map(|x| json!(x))).collect(),
    };
    operands.into_iter().map(|operand| single(key, "$not_contains", operand)).collect()
}

fn element(key: &str, operand: &Scalar) -> Clause {
    single(key, "$contains", json!(operand))
}

fn single(key: &str, operator: &str, operand: Json) -> Clause {
    Clause { json: json!({ key: { operator: operand } }), leaves: 1, operands: 1, levels: 1 }
}

fn set(key: &str, operator: &str, operands: Vec<Json>) -> Clause {
    let count = operands.len();
    Clause { json: json!({ key: { operator: operands } }), leaves: 1, operands: count, levels: 1 }
}

/// Clauses under one operator; a single one stands alone.
fn join(operator: &str, mut clauses: Vec<Clause>) -> Option<Clause> {
    if clauses.len() < 2 {
        return clauses.pop();
    }
    Some(Clause {
        leaves: clauses.iter().map(|c| c.leaves).sum(),
        operands: clauses.iter().map(|c| c.operands).sum(),
        levels: 1 + clauses.iter().map(|c| c.levels).max().unwrap_or_default(),
        json: json!({ operator: clauses.into_iter().map(|c| c.json).collect::<Vec<_>>() }),
    })
}

#[cfg(test)]
mod tests;
