//! Random filters over declared and undeclared fields, against core's evaluator.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeSet;

use portolan_core::driver::{Deadline, Driver, NativeId, NewIndex, Row, Target, Want};
use portolan_core::filter::{Condition, Leaf, Lowered};
use portolan_core::{FieldType, Filter, IndexSpec, Metadata, MetadataPatch, Scalar, Value};
use portolan_embedded::{Config, EmbeddedDriver, NativeFilter};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const TWO_53: i64 = 1 << 53;

fn spec() -> IndexSpec {
    let fields = [
        ("b", FieldType::Bool),
        ("f", FieldType::Float),
        ("i", FieldType::Integer),
        ("s", FieldType::String),
    ];
    fields.into_iter().fold(IndexSpec::new("filters", 1), |spec, (key, of)| spec.field(key, of))
}

fn integers() -> Vec<i64> {
    vec![i64::MIN, -TWO_53 - 1, -2, -1, 0, 1, 2, 3, TWO_53, TWO_53 + 1, i64::MAX - 1, i64::MAX]
}

fn floats() -> Vec<f64> {
    vec![
        -1e300,
        -9_223_372_036_854_775_808.0,
        -1.5,
        0.0,
        0.5,
        2.0,
        2.5,
        9_007_199_254_740_992.0,
        9.3e18,
        1e300,
    ]
}

fn strings() -> Vec<String> {
    let long = |tail: &str| format!("{}{tail}", "é".repeat(130));
    let mut strings = vec![long(""), long("x"), long("y"), "x".repeat(256), "x".repeat(255)];
    strings.extend(["", "a", "ab", "a\0", "b", "ba", "é", "💥", "x"].map(str::to_owned));
    strings
}

fn of_type(of: FieldType) -> BoxedStrategy<Scalar> {
    match of {
        FieldType::Bool => any::<bool>().prop_map(Scalar::Bool).boxed(),
        FieldType::Integer => select(integers()).prop_map(Scalar::Integer).boxed(),
        FieldType::Float => select(floats()).prop_map(Scalar::Float).boxed(),
        FieldType::String => select(strings()).prop_map(Scalar::String).boxed(),
    }
}

fn value(of: FieldType) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![
        1 => Just(None),
        4 => of_type(of).prop_map(|s| Some(Value::Scalar(s))),
        2 => vec(of_type(of), 0..3).prop_map(|items| Some(Value::List(items))),
    ]
}

fn metadata() -> impl Strategy<Value = Metadata> {
    let undeclared = select(FieldType::ALL.to_vec()).prop_flat_map(value);
    let values = (
        value(FieldType::Bool),
        value(FieldType::Float),
        value(FieldType::Integer),
        value(FieldType::String),
        undeclared,
    );
    values.prop_map(|(b, f, i, s, u)| {
        let fields = [("b", b), ("f", f), ("i", i), ("s", s), ("u", u)];
        fields.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    })
}

fn filter() -> BoxedStrategy<Filter> {
    let any_scalar = || select(FieldType::ALL.to_vec()).prop_flat_map(of_type);
    let ordered =
        || select(vec![FieldType::Integer, FieldType::Float, FieldType::String]).prop_flat_map(of_type);
    let text = || select(strings());
    let conditions = prop_oneof![
        any_scalar().prop_map(Condition::Eq),
        any_scalar().prop_map(Condition::Ne),
        ordered().prop_map(Condition::Gt),
        ordered().prop_map(Condition::Gte),
        ordered().prop_map(Condition::Lt),
        ordered().prop_map(Condition::Lte),
        vec(any_scalar(), 0..4).prop_map(Condition::In),
        vec(any_scalar(), 0..4).prop_map(Condition::NotIn),
        any_scalar().prop_map(Condition::Contains),
        text().prop_map(Condition::StartsWith),
        text().prop_map(Condition::EndsWith),
        Just(Condition::Exists),
    ];
    let keys = select(vec!["b", "f", "i", "s", "u"]);
    let leaves = prop_oneof![
        12 => (keys, conditions).prop_map(|(key, condition)| Filter::Leaf(Leaf { key: key.to_owned(), condition })),
        1 => vec(0..40_u8, 0..5).prop_map(|ids| Filter::Id(ids.iter().map(u8::to_string).collect())),
    ];
    let trees = leaves.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|f| !f),
        ]
    });
    trees.boxed()
}

fn native(driver: &EmbeddedDriver, filter: &Filter) -> NativeFilter {
    let exact = |lowered| match lowered {
        Lowered::Exact(native) => native,
        other => panic!("{other:?}"),
    };
    match filter {
        Filter::And(children) => driver.and(children.iter().map(|c| native(driver, c)).collect()),
        Filter::Or(children) => driver.or(children.iter().map(|c| native(driver, c)).collect()),
        Filter::Leaf(leaf) => exact(driver.lower(target(&spec()), leaf, false)),
        Filter::Id(ids) => exact(driver.lower_ids(target(&spec()), &natives(ids), false)),
        // The engine brings negations to the leaves.
        Filter::Not(child) => match &**child {
            Filter::And(c) => driver.or(c.iter().map(|c| native(driver, &!c.clone())).collect()),
            Filter::Or(c) => driver.and(c.iter().map(|c| native(driver, &!c.clone())).collect()),
            Filter::Leaf(leaf) => exact(driver.lower(target(&spec()), leaf, true)),
            Filter::Id(ids) => exact(driver.lower_ids(target(&spec()), &natives(ids), true)),
            Filter::Not(grandchild) => native(driver, grandchild),
        },
    }
}

fn target(spec: &IndexSpec) -> Target<'_, ()> {
    Target { name: "filters", spec, index: &(), deadline: Deadline::NONE }
}

fn natives(ids: &[String]) -> Vec<NativeId> {
    ids.iter().map(|id| id.as_str().into()).collect()
}

fn row(id: usize, metadata: Metadata) -> Row {
    Row { id: id.to_string().into(), vector: Some([1.0].into()), metadata, removed: Vec::new() }
}

/// Writes the records in the ways that there are: new, replaced, updated, removed and written again.
async fn write(
    driver: &EmbeddedDriver,
    spec: &IndexSpec,
    records: &[(Metadata, Metadata)],
) -> Vec<(String, Metadata)> {
    let at = target(spec);
    let before: Vec<Row> = records.iter().enumerate().map(|(n, (old, _))| row(n, old.clone())).collect();
    driver.write(at, &before).await.unwrap();
    let of_kind = |kind: usize| records.iter().enumerate().filter(move |(n, _)| n % 4 == kind);
    let replaced: Vec<Row> = of_kind(0).map(|(n, (_, new))| row(n, new.clone())).collect();
    driver.write(at, &replaced).await.unwrap();
    let patches: Vec<(NativeId, MetadataPatch)> =
        of_kind(1).map(|(n, (_, new))| (n.to_string().into(), MetadataPatch::from(new.clone()))).collect();
    driver.update(at, &patches).await.unwrap();
    let removed: Vec<NativeId> = of_kind(2).map(|(n, _)| n.to_string().into()).collect();
    driver.remove(at, &removed).await.unwrap();
    let again: Vec<Row> =
        of_kind(2).filter(|(n, _)| n % 8 == 2).map(|(n, (_, new))| row(n, new.clone())).collect();
    driver.write(at, &again).await.unwrap();
    let kept = records.iter().enumerate().filter(|(n, _)| n % 8 != 6);
    kept.map(|(n, (old, new))| {
        let mut merged = old.clone();
        merged.apply(&new.clone().into());
        (n.to_string(), [new.clone(), merged, new.clone(), old.clone()][n % 4].clone())
    })
    .collect()
}

async fn pages(driver: &EmbeddedDriver, at: Target<'_, ()>, native: &NativeFilter) -> BTreeSet<String> {
    let (mut ids, mut cursor, mut rows) = (BTreeSet::new(), None, 0);
    loop {
        let page = driver.page(at, Some(native), cursor.as_deref(), 7, Want::ID).await.unwrap();
        rows += page.rows.len();
        ids.extend(page.rows.into_iter().map(|row| row.id.into_string()));
        cursor = page.next;
        if cursor.is_none() {
            assert_eq!(ids.len(), rows);
            return ids;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn filters_select_what_the_evaluator_says(
        records in vec((metadata(), metadata()), 8..40),
        filters in vec(filter(), 60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let directory = tempfile::tempdir().unwrap();
            let driver = EmbeddedDriver::open(&Config::new(directory.path())).await.unwrap();
            let spec = spec();
            let at = target(&spec);
            driver.create(NewIndex { name: at.name, spec: at.spec, deadline: Deadline::NONE }).await.unwrap();
            let records = write(&driver, &spec, &records).await;
            for filter in &filters {
                let native = native(&driver, filter);
                let meets = |(id, metadata): &&(String, Metadata)| filter.matches(id, metadata);
                let expected: BTreeSet<String> = records.iter().filter(meets).map(|(id, _)| id.clone()).collect();
                assert_eq!(pages(&driver, at, &native).await, expected, "{filter}");
                assert_eq!(driver.count(at, Some(&native), false).await.unwrap(), expected.len() as u64, "{filter}");
                let estimate = driver.estimate(at, Some(&native)).await.unwrap().unwrap();
                assert!(estimate >= expected.len() as u64, "{filter}");
            }
        });
    }
}
