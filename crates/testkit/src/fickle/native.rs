//! The filters of the fickle driver.

use std::fmt::{self, Display, Formatter};
use std::hash::{DefaultHasher, Hash, Hasher};

use portolan_core::Filter;
use portolan_core::driver::{NativeId, Row};
use portolan_core::filter::{Condition, Leaf, Lowered};

/// A filter over native rows.
#[derive(Debug, Clone)]
pub enum Native {
    /// A leaf, or its complement.
    Leaf(Leaf, bool),
    /// The field is there; wider than any leaf on it.
    Has(String),
    /// One of these ids, or none of them.
    Ids(Vec<NativeId>, bool),
    /// All.
    And(Vec<Native>),
    /// Any.
    Or(Vec<Native>),
}

impl Native {
    pub(super) fn meets(&self, row: &Row) -> bool {
        match self {
            Self::Leaf(leaf, negated) => leaf.matches(&row.metadata) != *negated,
            Self::Has(key) => row.metadata.contains_key(key),
            Self::Ids(ids, negated) => ids.contains(&row.id) != *negated,
            Self::And(parts) => parts.iter().all(|part| part.meets(row)),
            Self::Or(parts) => parts.iter().any(|part| part.meets(row)),
        }
    }
}

impl Display for Native {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let list = |f: &mut Formatter<'_>, word: &str, parts: &[Self]| {
            let parts: Vec<String> = parts.iter().map(ToString::to_string).collect();
            write!(f, "({})", parts.join(word))
        };
        match self {
            Self::Leaf(leaf, false) => write!(f, "{}", Filter::Leaf(leaf.clone())),
            Self::Leaf(leaf, true) => write!(f, "not {}", Filter::Leaf(leaf.clone())),
            Self::Has(key) => write!(f, "has {key:?}"),
            Self::Ids(ids, negated) => {
                let ids: Vec<&str> = ids.iter().map(NativeId::as_str).collect();
                write!(f, "id {}in {ids:?}", if *negated { "not " } else { "" })
            }
            Self::And(parts) => list(f, " & ", parts),
            Self::Or(parts) => list(f, " | ", parts),
        }
    }
}

/// Exactly, as a superset or not at all, by chance of seed and leaf; the keys of the overflow always exactly.
pub(super) fn lower(seed: u64, leaf: &Leaf, negated: bool) -> Lowered<Native> {
    let mut hasher = DefaultHasher::new();
    (seed, &leaf.key, format!("{:?}", leaf.condition)).hash(&mut hasher);
    let exact = Native::Leaf(leaf.clone(), negated);
    match hasher.finish() % 4 {
        _ if leaf.key.starts_with("_portolan") => Lowered::Exact(exact),
        0 | 1 => Lowered::Exact(exact),
        2 if !negated && !matches!(leaf.condition, Condition::Exists) => {
            Lowered::Superset(Native::Has(leaf.key.clone()))
        }
        _ => Lowered::Nothing,
    }
}
