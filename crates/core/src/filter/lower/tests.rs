use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use proptest::prelude::{ProptestConfig, Strategy};
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::filter::arbitrary::{likely, record};
use crate::metadata::Metadata;

/// A database that answers some leaves exactly, some too widely and some not at all.
struct Patchy(u64);

#[derive(Debug)]
enum Native {
    /// A leaf or its complement.
    Exact(Filter),
    /// As well all records that the seed picks.
    Wide(Filter, u64),
    And(Vec<Native>),
    Or(Vec<Native>),
}

impl Native {
    fn matches(&self, id: &str, metadata: &Metadata) -> bool {
        match self {
            Self::Exact(filter) => filter.matches(id, metadata),
            Self::Wide(filter, seed) => {
                filter.matches(id, metadata) || digest((seed, id, metadata.to_json().to_string())) % 2 == 0
            }
            Self::And(parts) => parts.iter().all(|p| p.matches(id, metadata)),
            Self::Or(parts) => parts.iter().any(|p| p.matches(id, metadata)),
        }
    }
}

fn digest(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

impl Patchy {
    fn answer(&self, filter: Filter, negated: bool) -> Lowered<Native> {
        let seed = digest((self.0, filter.to_string(), negated));
        let filter = with_sign(&filter, negated);
        match seed % 3 {
            0 => Lowered::Exact(Native::Exact(filter)),
            1 => Lowered::Superset(Native::Wide(filter, seed)),
            _ => Lowered::Nothing,
        }
    }
}

impl Lowering for Patchy {
    type Native = Native;

    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<Native> {
        self.answer(Filter::Leaf(leaf.clone()), negated)
    }

    fn id(&self, ids: &[String], negated: bool) -> Lowered<Native> {
        self.answer(Filter::Id(ids.to_vec()), negated)
    }

    fn and(&self, parts: Vec<Native>) -> Native {
        assert!(parts.len() > 1);
        Native::And(parts)
    }

    fn or(&self, parts: Vec<Native>) -> Native {
        assert!(parts.len() > 1);
        Native::Or(parts)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn native_and_residual_together_are_the_filter(
        filter in likely(),
        seed in 0..u64::MAX,
        folded in proptest::bool::ANY,
        (id, metadata) in record(),
    ) {
        let expected = filter.matches(&id, &metadata);
        let filter = if folded { filter.fold() } else { filter };
        let pushed = lower(&filter, &Patchy(seed));
        let native = pushed.native.as_ref().is_none_or(|n| n.matches(&id, &metadata));
        let residual = pushed.residual.as_ref().is_none_or(|r| r.matches(&id, &metadata));
        prop_assert_eq!(native && residual, expected, "{:?}", pushed);
        prop_assert!(native || !expected, "the native part loses a record: {:?}", pushed);
        if pushed.push_down() == PushDown::Exact {
            prop_assert_eq!(native, expected, "{:?}", pushed);
        }
    }
}

#[test]
fn the_random_filters_reach_every_push_down_with_either_answer() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..1000 {
        let filter = likely().new_tree(&mut runner).unwrap().current();
        let (id, metadata) = record().new_tree(&mut runner).unwrap().current();
        let pushed = lower(&filter, &Patchy(seed));
        seen.insert((pushed.push_down().to_string(), filter.matches(&id, &metadata)));
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

/// Answers every leaf on `exact` exactly, every on `wide` too widely, and no other.
struct Named;

impl Lowering for Named {
    type Native = String;

    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<String> {
        let text = format!("{}{leaf}", if negated { "not " } else { "" });
        match leaf.key.as_str() {
            "exact" => Lowered::Exact(text),
            "wide" => Lowered::Superset(text),
            _ => Lowered::Nothing,
        }
    }

    fn id(&self, ids: &[String], negated: bool) -> Lowered<String> {
        Lowered::Exact(format!("{}{}", if negated { "not " } else { "" }, Filter::Id(ids.to_vec())))
    }

    fn and(&self, parts: Vec<String>) -> String {
        format!("all({})", parts.join("; "))
    }

    fn or(&self, parts: Vec<String>) -> String {
        format!("any({})", parts.join("; "))
    }
}

#[test]
fn what_is_pushed_and_what_is_left() {
    for (filter, native, residual) in [
        ("exact = 1", Some("exact = 1"), None),
        ("wide = 1", Some("wide = 1"), Some("wide = 1")),
        ("other = 1", None, Some("other = 1")),
        ("NOT exact = 1", Some("not exact = 1"), None),
        ("NOT NOT exact = 1", Some("exact = 1"), None),
        ("NOT id IN ('a', 'b')", Some(r#"not id IN ("a", "b")"#), None),
        (
            "exact = 1 AND wide = 2 AND other = 3",
            Some("all(exact = 1; wide = 2)"),
            Some("wide = 2 AND other = 3"),
        ),
        ("exact = 1 OR wide = 2", Some("any(exact = 1; wide = 2)"), Some("exact = 1 OR wide = 2")),
        ("exact = 1 OR other = 2", None, Some("exact = 1 OR other = 2")),
        ("NOT (exact = 1 OR other = 2)", Some("not exact = 1"), Some("NOT other = 2")),
        ("NOT (exact = 1 AND exact = 2)", Some("any(not exact = 1; not exact = 2)"), None),
        (
            "NOT (exact = 1 AND wide = 2)",
            Some("any(not exact = 1; not wide = 2)"),
            Some("NOT (exact = 1 AND wide = 2)"),
        ),
        ("TRUE", None, None),
        ("FALSE", None, Some("FALSE")),
        ("NOT TRUE", None, Some("NOT TRUE")),
    ] {
        let pushed = lower(&Filter::parse(filter).unwrap(), &Named);
        assert_eq!(pushed.native.as_deref(), native, "{filter}");
        assert_eq!(pushed.residual.map(|r| r.to_string()).as_deref(), residual, "{filter}");
    }
}
