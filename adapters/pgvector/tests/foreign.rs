//! Tables that other programs made: listed, read, searched with filters, and written where that loses nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::ExitCode;

use portolan_core::filter::field;
use portolan_core::{
    DeleteRequest, EngineKind, ErrorKind, GetRequest, Metadata, Metric, Outcome, Record, ScanRequest,
    SearchRequest, UpsertRequest, Value,
};
use portolan_testkit::traps;
use support::{OPTIONS, Place, ids, nearest};

fn main() -> ExitCode {
    traps![
        a_table_of_langchain_is_read_and_searched,
        a_table_of_plain_columns_is_read_and_searched,
        a_table_of_id_vector_and_metadata_is_written_too,
        uuids_are_ids,
        numbers_are_ids_and_pages_follow_them,
        what_is_no_index_is_listed_and_says_why,
        the_uri_names_columns_and_metric,
        a_view_says_why_and_is_not_dropped,
        numbers_beyond_the_port_are_read_as_floats,
    ]
    .main([support::server()])
}

/// As `langchain-postgres` makes it: the vector without a dimension, no vector index.
async fn a_table_of_langchain_is_read_and_searched(place: Place) {
    place
        .sql(
            "CREATE TABLE langchain_pg_embedding (id varchar PRIMARY KEY, collection_id uuid, embedding vector, \
             document varchar, cmetadata jsonb);
             CREATE INDEX ix_cmetadata_gin ON langchain_pg_embedding USING gin (cmetadata jsonb_path_ops);
             INSERT INTO langchain_pg_embedding VALUES
               ('a', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '[1,0,0]', 'first text', '{\"page\": 1, \"tags\": [\"x\"]}'),
               ('b', '6ba7b810-9dad-11d1-80b4-00c04fd430c8', '[0,1,0]', 'second text', '{\"page\": 2, \"score\": 0.5}'),
               ('c', NULL, NULL, NULL, NULL)",
        )
        .await;
    assert_eq!(place.storage.list_indexes(OPTIONS).await.unwrap(), ["langchain_pg_embedding"]);
    let e = place.storage.describe_index("langchain_pg_embedding", OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.message().contains("metric=cosine"), "{e}");
    let storage = place.with("metric=cosine").await;
    let info = storage.describe_index("langchain_pg_embedding", OPTIONS).await.unwrap();
    assert_eq!((info.spec.dimension, info.spec.metric), (3, Metric::Cosine));
    let request = SearchRequest::new("langchain_pg_embedding", vec![0.1, 0.9, 0.0]);
    assert_eq!(nearest(&*storage, &request).await, ["b", "a"], "a record without a vector is not found");
    let request = request.filter(field("page").eq(1) & field("document").starts_with("first"));
    assert_eq!(nearest(&*storage, &request).await, ["a"]);
    assert_eq!(ids(&*storage, "langchain_pg_embedding", &!field("page").exists()).await, ["c"]);
    assert_eq!(ids(&*storage, "langchain_pg_embedding", &field("tags").contains("x")).await, ["a"]);
    let read = storage.get(&GetRequest::new("langchain_pg_embedding", &["b".to_owned()])).await.unwrap();
    let expected = Metadata::new()
        .with("page", 2)
        .with("score", 0.5)
        .with("document", "second text")
        .with("collection_id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    assert_eq!(read, [Some(Record::new("b", vec![0.0, 1.0, 0.0]).metadata(expected))]);
    let records = [Record::new("d", vec![1.0, 1.0, 1.0])];
    let e = storage.upsert(&UpsertRequest::new("langchain_pg_embedding", &records[..])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
}

/// As in pgvector's own examples, with an index that tells the metric.
async fn a_table_of_plain_columns_is_read_and_searched(place: Place) {
    place
        .sql(
            "CREATE TABLE items (id bigserial PRIMARY KEY, title text, \"year\" int, price float8, tags text[], sold bool, \
             at timestamptz, embedding vector(2));
             CREATE INDEX ON items USING hnsw (embedding vector_l2_ops) WITH (m = 12, ef_construction = 50);
             INSERT INTO items (title, \"year\", price, tags, sold, at, embedding) \
             SELECT 'title ' || n, 2000 + n, n + 0.5, ARRAY['t' || n % 3, 'all'], n % 2 = 0, '2026-11-22T08:30:00Z', \
             ('[' || n || ',0]')::vector FROM generate_series(1, 200) n",
        )
        .await;
    let info = place.storage.describe_index("items", OPTIONS).await.unwrap();
    assert_eq!((info.spec.metric, info.spec.dimension), (Metric::Euclidean, 2));
    assert_eq!(
        (info.spec.engine.kind, info.spec.engine.m, info.spec.engine.ef_construction),
        (Some(EngineKind::Hnsw), Some(12), Some(50))
    );
    let filter = field("tags").contains("t0")
        & field("sold").eq(true)
        & field("year").gt(2100)
        & field("price").gte(150.5);
    let request = SearchRequest::new("items", vec![0.0, 0.0]).filter(filter).top_k(3).with_total(true);
    let found = place.storage.search(&request).await.unwrap();
    assert_eq!(found.matches.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["150", "156", "162"]);
    assert_eq!(found.total_matches, Some(9));
    assert!((found.matches[0].distance - 150.0).abs() < 1e-3);
    let metadata = &found.matches[0].metadata;
    assert_eq!(metadata.get("title"), Some(&Value::from("title 150")));
    assert_eq!(metadata.get("tags"), Some(&Value::list(["t0", "all"])));
    assert_eq!(metadata.get("price"), Some(&Value::from(150.5)));
    assert!(metadata.get("at").and_then(Value::as_str).is_some_and(|t| t.starts_with("2026-11-22T08:30:00")));
}

async fn a_table_of_id_vector_and_metadata_is_written_too(place: Place) {
    place.sql("CREATE TABLE notes (id text PRIMARY KEY, embedding vector(2), metadata json)").await;
    let storage = place.with("metric=dot_product").await;
    let records = [
        Record::new("a", vec![1.0, 2.0]).metadata(Metadata::new().with("x", 2.0)),
        Record::new("b", vec![3.0, 4.0]),
    ];
    support::upsert(&*storage, "notes", &records).await;
    let read = storage.get(&GetRequest::new("notes", &["a".to_owned(), "b".to_owned()])).await.unwrap();
    assert_eq!(read.into_iter().flatten().collect::<Vec<_>>(), records);
    assert_eq!(ids(&*storage, "notes", &field("x").eq(2)).await, ["a"]);
}

async fn uuids_are_ids(place: Place) {
    place.sql("CREATE TABLE docs (id uuid PRIMARY KEY, embedding vector(2), metadata jsonb)").await;
    let storage = place.with("metric=euclidean").await;
    let id = "6ba7b810-9dad-11d1-80b4-00c04fd430c8";
    let records = [Record::new(id, vec![1.0, 2.0]), Record::new("no uuid", vec![1.0, 2.0])];
    let written = storage.upsert(&UpsertRequest::new("docs", &records[..])).await.unwrap();
    assert!(written.items[0].is_stored());
    assert!(matches!(&written.items[1], Outcome::Failed(e) if e.kind() == ErrorKind::InvalidArgument));
    let asked = [id.to_owned(), "no uuid".to_owned(), id.to_uppercase()];
    let read = storage.get(&GetRequest::new("docs", &asked)).await.unwrap();
    assert_eq!(read.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false]);
    let asked = [id.to_owned(), "absent".to_owned()];
    assert!(storage.delete(&DeleteRequest::new("docs", &asked[..])).await.unwrap().is_successful());
    assert_eq!(storage.count(&portolan_core::CountRequest::new("docs")).await.unwrap(), 0);
}

async fn numbers_are_ids_and_pages_follow_them(place: Place) {
    place
        .sql(
            "CREATE TABLE numbered (id int PRIMARY KEY, embedding vector(1), extra jsonb);
             INSERT INTO numbered SELECT n, '[1]', '{}' FROM generate_series(-5, 40) n",
        )
        .await;
    let storage = place.with("metric=cosine").await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let mut request = ScanRequest::new("numbered").page_size(7);
        request.cursor = cursor.as_ref();
        let page = storage.scan(&request).await.unwrap();
        seen.extend(page.records.into_iter().map(|r| r.id));
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, (-5..=40).map(|n| n.to_string()).collect::<Vec<_>>());
    let read = storage
        .get(&GetRequest::new("numbered", &["7", "07", "x", "99999999999999999999"].map(str::to_owned)))
        .await;
    assert_eq!(read.unwrap().iter().map(Option::is_some).collect::<Vec<_>>(), [true, false, false, false]);
}

async fn what_is_no_index_is_listed_and_says_why(place: Place) {
    place
        .sql(
            "CREATE TABLE two (id text PRIMARY KEY, a vector(2), b vector(2));
             CREATE TABLE halves (id text PRIMARY KEY, a halfvec(2));
             CREATE TABLE pairs (a text, b text, v vector(2), PRIMARY KEY (a, b));
             CREATE TABLE dates (id date PRIMARY KEY, v vector(2));
             CREATE TABLE empty (id text PRIMARY KEY, v vector);
             CREATE TABLE plain (id text PRIMARY KEY)",
        )
        .await;
    let storage = place.with("metric=cosine").await;
    assert_eq!(storage.list_indexes(OPTIONS).await.unwrap(), ["dates", "empty", "halves", "pairs", "two"]);
    for (table, why) in [
        ("two", "several columns of type vector"),
        ("halves", "no column of type vector"),
        ("pairs", "no primary key of one column"),
        ("dates", "ids are of type date"),
        ("empty", "no dimension"),
    ] {
        let e = storage.search(&SearchRequest::new(table, vec![1.0, 2.0])).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{table}: {e}");
        assert!(e.message().contains(why), "{table}: {e}");
    }
}

async fn the_uri_names_columns_and_metric(place: Place) {
    place
        .sql(
            "CREATE TABLE nodes (serial bigserial PRIMARY KEY, node_id text UNIQUE NOT NULL, embedding vector(2), other vector(2), \
             metadata_ json, more jsonb);
             INSERT INTO nodes (node_id, embedding, metadata_, more) VALUES ('n1', '[1,2]', '{\"a\": 1}', '{\"b\": 2}'), \
             ('n2', '[3,4]', '{\"a\": 2}', NULL)",
        )
        .await;
    let storage = place
        .with("metric=manhattan&id_column=node_id&vector_column=embedding&metadata_column=metadata_")
        .await;
    let found =
        storage.search(&SearchRequest::new("nodes", vec![1.0, 2.0]).filter(field("a").eq(1))).await.unwrap();
    assert_eq!(found.matches[0].id, "n1");
    assert_eq!(found.matches[0].distance, 0.0);
    let expected = serde_json::json!({"a": 1, "more": {"b": 2}, "serial": 1});
    assert_eq!(found.matches[0].metadata.to_json(), expected);
}

async fn a_view_says_why_and_is_not_dropped(place: Place) {
    place
        .sql(
            "CREATE TABLE base (id text PRIMARY KEY, embedding vector(1), metadata jsonb);
             INSERT INTO base VALUES ('a', '[1]', '{}'), ('b', '[2]', '{}');
             CREATE VIEW seen AS SELECT * FROM base WHERE id = 'b'",
        )
        .await;
    let storage = place.with("metric=euclidean").await;
    let e = storage.describe_index("seen", OPTIONS).await.unwrap_err();
    assert!(e.message().contains("primary key"), "a view has none: {e}");
    let e = storage.delete_index("seen", OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
}

async fn numbers_beyond_the_port_are_read_as_floats(place: Place) {
    place
        .sql(
            "CREATE TABLE big (id text PRIMARY KEY, embedding vector(1), metadata jsonb);
             INSERT INTO big VALUES ('a', '[1]', '{\"x\": 99999999999999999999, \"n\": null}'), ('b', '[1]', '{\"x\": 1}')",
        )
        .await;
    let storage = place.with("metric=euclidean").await;
    let read = storage.get(&GetRequest::new("big", &["a".to_owned()])).await.unwrap();
    assert_eq!(read[0].as_ref().unwrap().metadata, Metadata::new().with("x", 1e20));
    assert_eq!(ids(&*storage, "big", &field("x").gt(i64::MAX)).await, ["a"]);
}
