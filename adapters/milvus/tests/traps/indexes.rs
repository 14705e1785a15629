//! Indexes of the port: how they are made, loaded, written and read.

use portolan_core::filter::field;
use portolan_core::{
    CountRequest, EngineKind, EngineParams, ErrorKind, FieldType, GetRequest, Metadata, Outcome, Record,
    ScanRequest, SearchRequest, UpsertRequest as Upsert,
};
use portolan_testkit::wire::{Fault, Faulty};
use serde_json::json;

use crate::others;
use crate::proto::milvus::ReleaseCollectionRequest;
use crate::world::{OPTIONS, World, good, records};

/// The statistics of a collection count nothing before a flush.
pub(crate) async fn the_row_count_before_a_flush_is_right(m: World) {
    m.index(m.spec(2), &[json!({}), json!({}), json!({})]).await;
    assert_eq!(m.storage.stats(&m.name, false, OPTIONS).await.unwrap().vectors, 3);
}

/// Rows written again lie in other segments than before, each with an order of its own.
pub(crate) async fn pages_of_several_segments_are_complete(m: World) {
    let metadata: Vec<_> = (0..3_000).map(|n| json!({"n": n})).collect();
    m.index(m.spec(2), &metadata).await;
    let records = records(&metadata);
    let again: Vec<Record> = records.iter().skip(500).step_by(2).cloned().collect();
    m.storage.upsert(&Upsert::new(&m.name, &again)).await.unwrap().into_result().unwrap();
    let filter = field("n").gte(100);
    for filter in [None, Some(&filter)] {
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let mut request = ScanRequest::new(&m.name).page_size(700);
            request.filter = filter;
            request.cursor = cursor.as_ref();
            let page = m.storage.scan(&request).await.unwrap();
            seen.extend(page.records.into_iter().map(|r| r.id));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let expected: Vec<String> =
            records.iter().skip(if filter.is_some() { 100 } else { 0 }).map(|r| r.id.clone()).collect();
        assert_eq!(seen, expected);
    }
}

/// A collection is not loaded after a restart, or where another program has released it.
pub(crate) async fn a_released_collection_is_loaded_again(m: World) {
    m.index(m.spec(2), &[json!({"k": 1}), json!({})]).await;
    let request = ReleaseCollectionRequest { collection_name: m.native(), ..Default::default() };
    good(&m.raw.clone().release_collection(request).await.unwrap().into_inner());
    assert_eq!(m.met(&field("k").exists()).await, ["r00000"]);
}

/// Milvus takes a second creation of an equal collection for the first, repeated.
pub(crate) async fn creating_twice_is_told(m: World) {
    m.storage.create_index(&m.spec(2), OPTIONS).await.unwrap();
    let error = m.storage.create_index(&m.spec(2), OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let missing = format!("{}-x", m.name);
    let error = m.storage.delete_index(&missing, OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// The metric L2 returns the square.
pub(crate) async fn distances_are_not_squared(m: World) {
    for kind in EngineKind::ALL {
        let engine = EngineParams { kind: Some(kind), ..EngineParams::default() };
        m.index(m.spec(2).engine(engine), &[json!({}), json!({}), json!({})]).await;
        let request = SearchRequest::new(&m.name, vec![5.0, 5.0]).top_k(1);
        let found = m.storage.search(&request).await.unwrap();
        assert_eq!((found.matches[0].id.as_str(), found.matches[0].distance), ("r00002", 5.0), "{kind:?}");
        m.storage.delete_index(&m.name, OPTIONS).await.unwrap();
    }
}

/// Milvus 2.3 takes another field's values for the partition key of an upserted record, which is then found under no
/// equality of it.
pub(crate) async fn a_partition_key_loses_no_record(m: World) {
    let spec = m.spec(2).field("tenant", FieldType::String).option("partition_key", "tenant");
    let created = m.storage.create_index(&spec, OPTIONS).await;
    if !m.is_lite().await {
        assert_eq!(created.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
        return others::a_partition_key_is_not_written(m).await;
    }
    created.unwrap();
    let tenants = ["a", "b", "c", "", "partition"];
    let mut metadata: Vec<serde_json::Value> =
        (0..60).map(|n| json!({"tenant": tenants[n % 5], "n": n})).collect();
    metadata.extend([json!({}), json!({"tenant": ["a", "c"]}), json!({"tenant": "x".repeat(300)})]);
    let records = records(&metadata);
    for _ in 0..2 {
        m.upsert(&records).await.unwrap();
    }
    let tenant = || field("tenant");
    m.agree(
        &metadata,
        [
            tenant().eq("a"),
            tenant().eq(""),
            tenant().is_in(["b", "c", "none"]),
            tenant().eq("a") | field("n").lt(7),
            tenant().eq("x".repeat(300)),
            !tenant().eq("a"),
            tenant().ne("b"),
            tenant().starts_with("part"),
        ],
    )
    .await;
    // A record moves from one tenant to another as a whole.
    let mut moved = records;
    moved[0] = moved[0].clone().metadata(Metadata::new().with("tenant", "b").with("n", 0));
    metadata[0] = json!({"tenant": "b", "n": 0});
    m.storage.upsert(&Upsert::new(&m.name, &moved[..1])).await.unwrap().into_result().unwrap();
    m.agree(&metadata, [tenant().eq("a"), tenant().eq("b")]).await;
}

/// The collection is there when its loading fails, and would be taken for an index.
pub(crate) async fn replicas_that_the_server_cannot_load_leave_no_index(m: World) {
    let created = m.storage.create_index(&m.spec(2).option("replicas", 3), OPTIONS).await;
    if m.is_lite().await {
        // It has no nodes, and takes any number.
        return created.unwrap();
    }
    let e = created.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
    assert!(e.message().contains("replicas"), "{e}");
    assert!(!m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
}

/// What is reported stored is there, what is reported failed is not, and doing it again completes it.
pub(crate) async fn an_import_through_a_server_that_goes_is_told_truly(m: World) {
    m.index(m.spec(2), &[]).await;
    let proxy = Faulty::before(m.address()).unwrap();
    let storage = portolan_milvus::open(proxy.uri("milvus").parse().unwrap()).await.unwrap();
    let records: Vec<Record> =
        (0..400).map(|n| Record::new(format!("i{n:04}"), vec![n as f32, 1.0])).collect();
    proxy.on(6..=6, |r| r.path.ends_with("/Upsert"), Fault::AnswerLost);
    let mut outcomes = Vec::new();
    for (n, chunk) in records.chunks(20).enumerate() {
        if n == 12 {
            proxy.down().await.unwrap();
        }
        match storage.upsert(&Upsert::new(&m.name, chunk)).await {
            Ok(written) => outcomes.extend(written.items),
            Err(e) => outcomes.extend(chunk.iter().map(|_| Outcome::Failed(e.clone()))),
        }
    }
    let ids: Vec<String> = records.iter().map(|r| r.id.clone()).collect();
    let there = m.storage.get(&GetRequest::new(&m.name, &ids)).await.unwrap();
    let mut counts = [0; 3];
    for ((outcome, record), id) in outcomes.iter().zip(&there).zip(&ids) {
        match outcome {
            Outcome::Stored => assert!(record.is_some(), "{id} is stored and not there"),
            Outcome::Failed(e) => assert!(record.is_none(), "{id} failed and is there: {e}"),
            Outcome::Unknown(_) => {}
        }
        counts[match outcome {
            Outcome::Stored => 0,
            Outcome::Failed(_) => 1,
            Outcome::Unknown(_) => 2,
        }] += 1;
    }
    assert!(counts.iter().all(|n| *n > 0), "{counts:?}");
    proxy.heal();
    proxy.up().await.unwrap();
    m.upsert(&records).await.unwrap();
    assert_eq!(m.storage.count(&CountRequest::new(&m.name)).await.unwrap(), 400);
}
