use std::collections::BTreeMap;

use portolan_core::filter::{Leaf, Lowered, Lowering, lower};

use super::*;

#[test]
fn there_are_rows_enough() {
    assert!(filter_rows().count() >= 150);
    assert!(score_rows().count() >= 40);
}

#[test]
fn every_filter_row_holds() {
    for row in filter_rows() {
        let (filter, metadata) = (row.filter().unwrap(), row.metadata().unwrap());
        assert_eq!(filter.matches(row.id.unwrap_or("any"), &metadata), row.meets, "{row:?}");
    }
}

#[test]
fn every_filter_row_holds_folded_and_in_the_other_notations() {
    for row in filter_rows() {
        let (filter, metadata) = (row.filter().unwrap(), row.metadata().unwrap());
        let forms = [
            Filter::parse(&filter.to_string()).unwrap(),
            Filter::parse(&filter.to_json().to_string()).unwrap(),
            filter.clone().fold(),
        ];
        for form in forms {
            assert_eq!(form.matches(row.id.unwrap_or("any"), &metadata), row.meets, "{row:?} as {form}");
        }
    }
}

/// Takes leaves exactly, as the filters they are; the rest stays.
struct Exactly;

impl Lowering for Exactly {
    type Native = Filter;

    fn leaf(&self, leaf: &Leaf, negated: bool) -> Lowered<Filter> {
        let leaf = Filter::Leaf(leaf.clone());
        Lowered::Exact(if negated { !leaf } else { leaf })
    }

    fn id(&self, _: &[String], _: bool) -> Lowered<Filter> {
        Lowered::Nothing
    }

    fn and(&self, parts: Vec<Filter>) -> Filter {
        Filter::And(parts)
    }

    fn or(&self, parts: Vec<Filter>) -> Filter {
        Filter::Or(parts)
    }
}

#[test]
fn every_filter_row_holds_after_lowering() {
    for row in filter_rows() {
        let (filter, metadata) = (row.filter().unwrap(), row.metadata().unwrap());
        let id = row.id.unwrap_or("any");
        let pushed = lower(&filter, &Exactly);
        let meets = [pushed.native, pushed.residual].into_iter().flatten().all(|f| f.matches(id, &metadata));
        assert_eq!(meets, row.meets, "{row:?}");
    }
}

#[test]
fn rows_of_one_id_are_of_one_record() {
    let mut records = BTreeMap::new();
    for row in filter_rows() {
        if let Some(id) = row.id {
            assert_eq!(*records.entry(id).or_insert(row.metadata), row.metadata, "{id}");
        }
    }
}

#[test]
fn no_row_is_there_twice() {
    let mut rows: Vec<_> = filter_rows().map(|r| (r.id, r.metadata, r.filter)).collect();
    let all = rows.len();
    rows.sort_unstable();
    rows.dedup();
    assert_eq!(rows.len(), all);
}

#[test]
fn every_score_row_holds() {
    for row in score_rows() {
        let score = row.metric.score(row.distance);
        assert!((score - row.score).abs() < 1e-9, "{row:?}: {score}");
        let normalized = row.metric.normalize_score(row.score);
        assert!((normalized - row.normalized).abs() < 1e-9, "{row:?}: {normalized}");
    }
}
