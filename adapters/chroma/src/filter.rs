//! The native filter: Chroma's `where`, and a list of ids beside it.

use std::collections::BTreeSet;
use std::fmt::{self, Display, Formatter};
use std::sync::LazyLock;

use portolan_core::Scalar;
use portolan_core::driver::dialect::json_ops::{Clause, Elements, JsonOps, Missing, Numbers};
use portolan_core::driver::dialect::{Exception, Operator, Predicate, Row, Size, Table};
use portolan_core::driver::{NativeId, OVERFLOW_KEYS};
use portolan_core::filter::PushDown::{Exact, Nothing, Superset};
use portolan_core::filter::{Condition, Leaf, Lowered};
use serde_json::{Value as Json, json};

use crate::api::Selection;
use crate::convert::{DOCUMENT, URI, is_native_key, survives};

/// What Chroma answers, where the context says whether lists of numbers may be stored natively. It has no negation but that
/// of equality, which records without the field meet too.
const TABLE: Table<bool> = Table {
    rows: &[
        Row {
            operator: Operator::Equal,
            leaf: [Exact, Superset, Exact],
            complement: [Exact, Superset, Exact],
        },
        Row { operator: Operator::Unequal, leaf: [Superset; 3], complement: [Nothing; 3] },
        Row { operator: Operator::Order, leaf: [Nothing, Superset, Nothing], complement: [Nothing; 3] },
        Row {
            operator: Operator::Contains,
            leaf: [Exact, Superset, Nothing],
            complement: [Exact, Superset, Superset],
        },
    ],
    exceptions: &[Exception {
        when: "an order in a collection of another program, which may hold lists of numbers",
        at_most: Nothing,
        applies: |lists, predicate| *lists && predicate.operator() == Operator::Order,
    }],
};

const OPERATORS: JsonOps = JsonOps {
    elements: Elements::Apart,
    missing: Missing::MeetsNegations,
    numbers: Numbers::Apart { survives },
};

/// The largest filter: Chroma takes 0.5 ms for each leaf, and no more than 1,000 beside one another; its database takes
/// 32,766 parameters; its JSON parser takes 128 levels, two for each of the filter's.
const MOST: Size = Size { leaves: 400, operands: 10_000, levels: 50 };

/// A condition that every record meets.
pub(crate) static ALWAYS: LazyLock<Json> = LazyLock::new(|| json!({ OVERFLOW_KEYS: { "$ne": "" } }));

/// What Chroma is asked for: ids, and a condition on metadata; with neither, everything.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeFilter {
    ids: Option<BTreeSet<NativeId>>,
    clause: Option<Clause>,
}

impl NativeFilter {
    /// The records to choose from. Ids have a condition beside them: without one, a search for an id that is not there is
    /// an error.
    pub(crate) fn selection(&self) -> Selection<'_> {
        let ids: Option<Vec<&NativeId>> = self.ids.as_ref().map(|ids| ids.iter().collect());
        let clause = self.clause.as_ref().map(Clause::json).or_else(|| ids.as_ref().map(|_| &*ALWAYS));
        Selection { ids, clause, ..Selection::default() }
    }

    /// Whether Chroma takes this in one request.
    pub(crate) fn is_small(&self) -> bool {
        let mut size = self.clause.as_ref().map(Clause::size).unwrap_or_default();
        size.operands += self.ids.as_ref().map_or(0, BTreeSet::len);
        size.is_within(&MOST)
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
        if let Some(clause) = &self.clause {
            shown.insert("where".to_owned(), clause.json().clone());
        }
        Display::fmt(&Json::Object(shown), f)
    }
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
    NativeFilter { ids, clause: Clause::all(clauses) }
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
    NativeFilter { ids: None, clause: Clause::any(parts.into_iter().filter_map(|part| part.clause)) }
}

/// How a leaf is answered. `lists` says whether lists of numbers may be stored natively: Chroma does not order those.
pub(crate) fn lower(leaf: &Leaf, negated: bool, lists: bool) -> Lowered<NativeFilter> {
    let clause = |predicate: Predicate<'_>| OPERATORS.clause(&leaf.key, predicate, negated);
    let lowered = match (leaf.key.as_str(), &leaf.condition) {
        (URI, _) => Lowered::Nothing,
        (DOCUMENT, condition) => Superset.lowered(document(condition, negated)),
        // Only in the overflow is there anything under such a key.
        (key, _) if !is_native_key(key) => {
            Superset.lowered((!negated).then(|| Clause::new(OVERFLOW_KEYS, "$contains", key)))
        }
        (OVERFLOW_KEYS, Condition::Contains(_)) if !negated => {
            Exact.lowered(clause(Predicate::from(&leaf.condition)))
        }
        (_, condition) => TABLE.lower(&lists, condition, negated, clause),
    };
    lowered.map(NativeFilter::of)
}

/// A document, of which Chroma knows the substrings.
fn document(condition: &Condition, negated: bool) -> Option<Clause> {
    let part = match condition {
        Condition::Eq(Scalar::String(s)) | Condition::Contains(Scalar::String(s)) => s,
        Condition::StartsWith(s) | Condition::EndsWith(s) => s,
        _ => return None,
    };
    let usable = !negated && !part.is_empty() && part.len() < 10_000 && !part.contains('\0');
    usable.then(|| Clause::new("#document", "$contains", part.as_str()))
}

#[cfg(test)]
mod tests;
