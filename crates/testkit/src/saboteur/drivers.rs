//! Drivers that are something else than they declare, under the right engine.

use portolan_core::Exactness;
use portolan_core::driver::{OVERFLOW, OVERFLOW_KEYS, Row};
use portolan_core::filter::{Condition, Leaf, Lowered};
use serde_json::Value as Json;

use super::driver::DriverSabotage::{Count, Fetch, FirstOpening, Lower, Nearest, Page, Query, Remove, Write};
use super::saboteurs;
use crate::fickle::Native;

saboteurs! {
    [A3 by "upsert::more_than_the_batch_limit"]
    "a driver loses a chunk" => Fickle(Write(|rows| {
        if rows.len() == CHUNK {
            rows.clear();
        }
    }));
    [N25 by "hostile::keys_with_dots_are_not_paths"]
    "a driver drops the overflow" => Fickle(Write(|rows| {
        rows.iter_mut().for_each(|row| drop(row.metadata.remove(OVERFLOW)));
    }));
    [F28 by "value::objects"]
    "a driver lists no keys of the overflow" => Fickle(Write(|rows| {
        rows.iter_mut().for_each(|row| drop(row.metadata.remove(OVERFLOW_KEYS)));
    }));
    [N14 by "vector::reads_back_as_declared"]
    "a driver keeps the half of each component" => Fickle(Write(|rows| rows.iter_mut().for_each(half)));
    [F27 by "filter_compare::eq_string"]
    "a driver says that a superset is exact" => Fickle(Lower(|leaf, negated| {
        let equal = matches!(leaf.condition, Condition::Eq(_)) && !negated;
        equal.then(|| Lowered::Exact(Native::Has(leaf.key.clone())))
    }));
    [F27 by "filter::not_eq_takes_the_missing_too"]
    "a driver takes a complement for no missing field" => Fickle(Lower(|leaf, negated| {
        let exists = Leaf { key: leaf.key.clone(), condition: Condition::Exists };
        let complement = || vec![Native::Leaf(leaf.clone(), true), Native::Leaf(exists, false)];
        negated.then(|| Lowered::Exact(Native::And(complement())))
    }));
    [A3 by "filter_compare::eq_string"]
    "a driver drops the filter of a search" => Fickle(Query(|query| query.filter = None));
    [A2 by "search::exact_is_kept_or_refused"]
    "a driver answers approximately where it is asked for the exact" => Fickle(Query(|query| query.exact = false));
    [I20 by "index::created_again_takes_another_metric"]
    "a driver opens an index as it was before it was created again" => Fickle(FirstOpening);
    [S11 by "search::fewer_records_than_k"]
    "a driver answers one row too few and says that it is exact" => Fickle(Nearest(|query, found| {
        if query.exact {
            found.hits.pop();
        }
    }));
    [S17 by "search::presets_find_what_is_there"]
    "a driver calls an approximate answer exact" => Fickle(Nearest(|_, found| {
        found.exactness = Exactness::Exact;
    }));
    [S12 by "metric::random_floats_by_euclidean"]
    "a driver's distances are off by more than it says" => Fickle(Nearest(|_, found| {
        found.hits.iter_mut().for_each(|hit| hit.distance *= 1.001);
    }));
    [R8 by "scan::many_pages"]
    "a driver's page lacks a row" => Fickle(Page(|page| drop(page.rows.pop())));
    [R8 by "scan::many_pages"]
    "a driver's pages overlap" => Fickle(Page(|page| {
        let one_back = |cursor: &String| Some((cursor.parse::<u64>().ok()? - 1).to_string());
        page.next = page.next.as_ref().and_then(one_back);
    }));
    [R11 by "count::everything"]
    "a driver counts one too many" => Fickle(Count(|count| *count += 1));
    [W12 by "delete::several"]
    "a driver leaves the last of those that it removes" => Fickle(Remove(|ids| drop(ids.pop())));
    [R1 by "upsert::get_answers_in_order"]
    "a driver gives rows the ids of others" => Fickle(Fetch(|rows| {
        if let Some(first) = rows.first().map(|row| row.id.clone()) {
            let next: Vec<_> = rows.iter().skip(1).map(|row| row.id.clone()).chain([first]).collect();
            rows.iter_mut().zip(next).for_each(|(row, id)| row.id = id);
        }
    }));
    [N10 by "hostile::ids_that_are_numbers_are_found"]
    "a driver gives rows the ids that they have in the port" => Numbered(Page(|page| {
        page.rows.iter_mut().for_each(with_port_id);
    }));
}

/// The rows of a chunk that is full.
const CHUNK: usize = 100;

fn half(row: &mut Row) {
    let half = |x: &f32| f32::from_bits(x.to_bits() & 0xffff_0000);
    row.vector = row.vector.as_ref().map(|vector| vector.iter().map(half).collect());
}

fn with_port_id(row: &mut Row) {
    let overflow =
        row.metadata.get(OVERFLOW).and_then(|text| serde_json::from_str::<Json>(text.as_str()?).ok());
    if let Some(id) = overflow.as_ref().and_then(|overflow| overflow["id"].as_str()) {
        row.id = id.into();
    }
}
