//! The driver, called directly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::future::Future;
use std::path::Path;

use portolan_core::driver::{Deadline, Driver, Nearest, NewIndex, Removed, Row, Target, Want};
use portolan_core::filter::field;
use portolan_core::{ErrorKind, FieldType, Filter, IndexSpec, Metadata, MetadataPatch, Metric, Outcome};
use portolan_embedded::{Config, Durability, EmbeddedDriver, NativeFilter};

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

async fn open(directory: &Path) -> EmbeddedDriver {
    EmbeddedDriver::open(&Config::new(directory)).await.unwrap()
}

fn spec() -> IndexSpec {
    IndexSpec::new("companies", 2).metric(Metric::Euclidean).field("industry", FieldType::String)
}

fn target(spec: &IndexSpec) -> Target<'_, ()> {
    Target { name: &spec.name, spec, index: &(), deadline: Deadline::NONE }
}

fn new(spec: &IndexSpec) -> NewIndex<'_> {
    NewIndex { name: &spec.name, spec, deadline: Deadline::NONE }
}

fn row(id: &str, x: f32, metadata: Metadata) -> Row {
    Row { id: id.into(), vector: Some([x, 0.0].into()), metadata, removed: Vec::new() }
}

fn industry(name: &str) -> Metadata {
    Metadata::new().with("industry", name)
}

fn native(driver: &EmbeddedDriver, filter: &Filter) -> NativeFilter {
    match filter {
        Filter::Leaf(leaf) => match driver.lower(target(&spec()), leaf, false) {
            portolan_core::filter::Lowered::Exact(native) => native,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

async fn filled(directory: &Path) -> (EmbeddedDriver, IndexSpec) {
    let (driver, spec) = (open(directory).await, spec());
    driver.create(new(&spec)).await.unwrap();
    let rows = [
        row("b", 1.0, industry("tech")),
        row("a", 1.0, industry("tech")),
        row("c", 3.0, industry("health")),
        row("d", 2.0, Metadata::new()),
    ];
    driver.write(target(&spec), &rows).await.unwrap();
    (driver, spec)
}

async fn nearest(
    driver: &EmbeddedDriver,
    spec: &IndexSpec,
    k: usize,
    filter: Option<&NativeFilter>,
) -> Vec<String> {
    let query = Nearest {
        vector: &[0.0, 0.0],
        k,
        filter,
        exact: false,
        ef_search: None,
        nprobe: None,
        want: Want::ID,
    };
    let found = driver.nearest(target(spec), &query).await.unwrap();
    found.hits.into_iter().map(|hit| hit.row.id.into_string()).collect()
}

async fn pages(driver: &EmbeddedDriver, spec: &IndexSpec, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (Vec::new(), None);
    loop {
        let page = driver.page(target(spec), None, cursor.as_deref(), limit, Want::ID).await.unwrap();
        assert!(page.rows.len() == limit || page.next.is_none());
        ids.extend(page.rows.into_iter().map(|row| row.id.into_string()));
        cursor = page.next;
        if cursor.is_none() {
            return ids;
        }
    }
}

#[test]
fn the_nearest_come_first_and_ties_by_id() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        assert_eq!(nearest(&driver, &spec, 10, None).await, ["a", "b", "d", "c"]);
        assert_eq!(nearest(&driver, &spec, 1, None).await, ["a"]);
        let tech = native(&driver, &field("industry").eq("tech"));
        assert_eq!(nearest(&driver, &spec, 10, Some(&tech)).await, ["a", "b"]);
    });
}

#[test]
fn a_search_sees_what_was_written_since_the_last() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        assert_eq!(nearest(&driver, &spec, 1, None).await, ["a"]);
        driver
            .write(target(&spec), &[row("c", 0.5, Metadata::new()), row("e", 0.25, Metadata::new())])
            .await
            .unwrap();
        driver.remove(target(&spec), &["a".into(), "none".into()]).await.unwrap();
        assert_eq!(nearest(&driver, &spec, 10, None).await, ["e", "c", "b", "d"]);
        driver.clear(target(&spec)).await.unwrap();
        assert_eq!(nearest(&driver, &spec, 10, None).await, [""; 0]);
        assert_eq!(driver.count(target(&spec), None, true).await.unwrap(), 0);
        driver.write(target(&spec), &[row("f", 1.0, Metadata::new())]).await.unwrap();
        assert_eq!(nearest(&driver, &spec, 10, None).await, ["f"]);
    });
}

#[test]
fn everything_is_there_after_the_store_is_opened_again() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        driver
            .update(target(&spec), &[("c".into(), MetadataPatch::new().set("industry", "tech"))])
            .await
            .unwrap();
        driver.close().await.unwrap();
        let driver = open(directory.path()).await;
        assert_eq!(driver.list(Deadline::NONE).await.unwrap(), ["companies"]);
        assert_eq!(driver.open("companies", None, Deadline::NONE).await.unwrap().info.spec, spec);
        let tech = native(&driver, &field("industry").eq("tech"));
        assert_eq!(nearest(&driver, &spec, 10, Some(&tech)).await, ["a", "b", "c"]);
        let rows =
            driver.fetch(target(&spec), &["c".into(), "x".into(), "d".into()], Want::ALL).await.unwrap();
        assert_eq!(rows, [row("c", 3.0, industry("tech")), row("d", 2.0, Metadata::new())]);
    });
}

#[test]
fn without_durability_what_was_flushed_or_closed_is_there() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::new(directory.path()).durability(Durability::None);
        let driver = EmbeddedDriver::open(&config).await.unwrap();
        assert!(!driver.profile().durable);
        driver.create(new(&spec())).await.unwrap();
        driver.write(target(&spec()), &[row("a", 1.0, Metadata::new())]).await.unwrap();
        driver.flush(Deadline::NONE).await.unwrap();
        driver.write(target(&spec()), &[row("b", 1.0, Metadata::new())]).await.unwrap();
        driver.close().await.unwrap();
        let driver = open(directory.path()).await;
        assert_eq!(driver.count(target(&spec()), None, false).await.unwrap(), 2);
    });
}

#[test]
fn pages_show_each_record_once_while_some_are_replaced() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        assert_eq!(pages(&driver, &spec, 2).await, ["b", "a", "c", "d"]);
        assert_eq!(pages(&driver, &spec, 4).await, ["b", "a", "c", "d"]);
        let first = driver.page(target(&spec), None, None, 2, Want::ID).await.unwrap();
        driver
            .write(target(&spec), &[row("b", 9.0, Metadata::new()), row("d", 9.0, Metadata::new())])
            .await
            .unwrap();
        let second = driver.page(target(&spec), None, first.next.as_deref(), 2, Want::ID).await.unwrap();
        assert_eq!(second.rows.iter().map(|r| r.id.as_str()).collect::<Vec<_>>(), ["c", "d"]);
        let e = driver.page(target(&spec), None, Some("x"), 2, Want::ID).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    });
}

#[test]
fn an_update_of_a_missing_record_fails_alone() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        let patch = || MetadataPatch::new().set("x", 1).remove("industry");
        let outcomes =
            driver.update(target(&spec), &[("none".into(), patch()), ("a".into(), patch())]).await.unwrap();
        assert!(
            matches!(&outcomes[..], [Outcome::Failed(e), Outcome::Stored] if e.kind() == ErrorKind::NotFound)
        );
        let rows = driver.fetch(target(&spec), &["a".into()], Want::ALL).await.unwrap();
        assert_eq!(rows, [row("a", 1.0, Metadata::new().with("x", 1))]);
    });
}

#[test]
fn removing_by_filter_counts_and_frees_the_rows() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        let tech = native(&driver, &field("industry").eq("tech"));
        assert_eq!(driver.remove_where(target(&spec), &tech).await.unwrap(), Removed::All(Some(2)));
        assert_eq!(driver.remove_where(target(&spec), &tech).await.unwrap(), Removed::All(Some(0)));
        driver.write(target(&spec), &[row("new", 7.0, industry("tech"))]).await.unwrap();
        assert_eq!(pages(&driver, &spec, 10).await, ["new", "c", "d"]);
        assert_eq!(nearest(&driver, &spec, 10, Some(&tech)).await, ["new"]);
    });
}

#[test]
fn the_estimate_is_what_a_search_reads() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        for (filter, expected) in [
            (None, 4),
            (Some(native(&driver, &field("industry").eq("tech"))), 2),
            (Some(native(&driver, &field("undeclared").eq(1))), 4),
        ] {
            let at = target(&spec);
            assert_eq!(driver.estimate(at, filter.as_ref()).await.unwrap(), Some(expected), "{filter:?}");
            let query = Nearest {
                vector: &[0.0, 0.0],
                k: 10,
                filter: filter.as_ref(),
                exact: true,
                ef_search: None,
                nprobe: None,
                want: Want::ID,
            };
            assert_eq!(driver.nearest(at, &query).await.unwrap().records_read, expected, "{filter:?}");
        }
    });
}

#[test]
fn indexes_are_created_listed_and_dropped() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        let e = driver.create(new(&spec)).await.unwrap_err();
        assert_eq!(e.error().kind(), ErrorKind::AlreadyExists);
        let other = IndexSpec::new("other", 3);
        driver.create(new(&other)).await.unwrap();
        assert_eq!(driver.list(Deadline::NONE).await.unwrap(), ["companies", "other"]);
        driver.drop_index("companies", Deadline::NONE).await.unwrap();
        assert_eq!(
            driver.drop_index("companies", Deadline::NONE).await.unwrap_err().error().kind(),
            ErrorKind::NotFound
        );
        assert_eq!(
            driver.open("companies", None, Deadline::NONE).await.unwrap_err().kind(),
            ErrorKind::NotFound
        );
        driver.create(new(&spec)).await.unwrap();
        assert_eq!(driver.count(target(&spec), None, false).await.unwrap(), 0);
    });
}

#[test]
fn optimizing_gives_space_back_once() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        let rows: Vec<Row> = (0..5_000).map(|n| row(&n.to_string(), 1.0, industry("x"))).collect();
        driver.write(target(&spec), &rows).await.unwrap();
        let x = native(&driver, &field("industry").eq("x"));
        assert_eq!(driver.remove_where(target(&spec), &x).await.unwrap(), Removed::All(Some(5_000)));
        let size = || directory.path().join("portolan.redb").metadata().unwrap().len();
        let before = size();
        assert!(driver.optimize(target(&spec)).await.unwrap());
        assert!(size() < before);
        assert!(!driver.optimize(target(&spec)).await.unwrap());
        assert_eq!(nearest(&driver, &spec, 10, None).await, ["a", "b", "d", "c"]);
    });
}

#[test]
fn sizes_and_health_are_known() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        nearest(&driver, &spec, 1, None).await;
        let sizes = driver.sizes(target(&spec)).await.unwrap();
        assert!(
            sizes.disk_bytes.unwrap() > 100
                && sizes.memory_bytes.unwrap() > 100
                && sizes.updated_at.is_some()
        );
        let health = driver.health(Deadline::NONE).await.unwrap();
        assert_eq!((health.indexes, health.vectors), (Some(1), Some(4)));
    });
}

#[test]
fn readers_see_whole_batches_while_others_are_written() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let spec = spec();
        let driver = std::sync::Arc::new(open(directory.path()).await);
        driver.create(new(&spec)).await.unwrap();
        let writer = tokio::spawn({
            let (driver, spec) = (driver.clone(), spec.clone());
            async move {
                for batch in 0..20_u16 {
                    let batch_rows =
                        (0..10).map(|n| row(&n.to_string(), f32::from(batch) + 1.0, Metadata::new()));
                    driver.write(target(&spec), &batch_rows.collect::<Vec<_>>()).await.unwrap();
                }
            }
        });
        while !writer.is_finished() {
            let query = Nearest {
                vector: &[0.0, 0.0],
                k: 10,
                filter: None,
                exact: true,
                ef_search: None,
                nprobe: None,
                want: Want::ALL,
            };
            let hits = driver.nearest(target(&spec), &query).await.unwrap().hits;
            let mut distances = BTreeMap::new();
            for hit in &hits {
                *distances.entry(hit.distance.to_bits()).or_insert(0) += 1;
                assert_eq!(f64::from(hit.row.vector.as_ref().unwrap()[0]), hit.distance);
            }
            assert!(distances.is_empty() || distances.values().eq([&10]), "{distances:?}");
        }
        writer.await.unwrap();
    });
}

#[test]
fn a_closed_store_refuses_and_can_be_opened_again() {
    run(async {
        let directory = tempfile::tempdir().unwrap();
        let (driver, spec) = filled(directory.path()).await;
        let second = open(directory.path()).await;
        assert_eq!(nearest(&second, &spec, 1, None).await, ["a"], "it reads beside the writer");
        let e = second.clear(target(&spec)).await.unwrap_err().into_error();
        assert_eq!(e.kind(), ErrorKind::NotReady);
        assert!(e.message().contains(&std::process::id().to_string()), "{e}");
        driver.close().await.unwrap();
        driver.close().await.unwrap();
        assert_eq!(
            driver.count(target(&spec), None, false).await.unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
        open(directory.path()).await;
    });
}
