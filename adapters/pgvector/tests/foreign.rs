//! Tables that other programs made: listed, read, searched with filters, and written where that loses nothing.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::ExitCode;

use portolan_core::filter::field;
use portolan_core::{
    CountRequest, DeleteRequest, DeleteWhereRequest, EngineKind, ErrorKind, GetRequest, Metadata, Metric,
    Outcome, Record, ScanRequest, SearchRequest, UpsertRequest, Value, VectorStorage,
};
use portolan_testkit::traps;
use support::{OPTIONS, Place, compare, ids, nearest};

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
        a_column_and_a_key_of_one_name_are_both_read,
        a_column_named_as_a_moved_key_drops_nothing,
        a_row_that_cannot_be_read_concerns_itself_alone,
        a_row_that_cannot_be_read_is_named_beside_columns_too,
        vectors_of_another_dimension_are_never_found,
        what_portolan_writes_into_a_table_of_others_meets_filters,
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
    assert_eq!(storage.count(&CountRequest::new("docs")).await.unwrap(), 0);
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
             CREATE TABLE halves (id text PRIMARY KEY, a halfvec(2), b sparsevec(2), c bit(2));
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
        ("halves", "\"a\" is of type halfvec, \"b\" is of type sparsevec, \"c\" is of type bit"),
        ("pairs", "no primary key of one column"),
        ("dates", "ids are of type date"),
        ("empty", "no dimension"),
    ] {
        let e = storage.search(&SearchRequest::new(table, vec![1.0, 2.0])).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported, "{table}: {e}");
        assert!(e.message().contains(why), "{table}: {e}");
    }
    let e = place.with("vector_column=a").await.describe_index("halves", OPTIONS).await.unwrap_err();
    assert!(e.message().contains("\"a\" is of type halfvec"), "{e}");
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

async fn a_column_and_a_key_of_one_name_are_both_read(place: Place) {
    place
        .sql(
            r#"CREATE TABLE clash (id text PRIMARY KEY, embedding vector(3), text text, n int, more jsonb, metadata jsonb);
             INSERT INTO clash (id, embedding, text, n, more, metadata) VALUES
               ('both', '[1,0,0]', 'column', 2, NULL, '{"text": "meta", "n": 2.0, "more": [1]}'),
               ('equal', '[0,1,0]', 'same', 3, NULL, '{"text": "same", "n": 3}'),
               ('above', '[0,1,0]', 'column', NULL, 'null', '{"more": {"a": 1}, "other": true}'),
               ('below', '[0,0,1]', NULL, NULL, NULL, '{"text": "meta", "n": [4, 5], "metadata.text": "far"}'),
               ('nulls', '[0,0,1]', 'column', 5, NULL, '{"text": null, "n": null}'),
               ('deep', '[0,0,1]', 'column', NULL, NULL, '{"text": "meta", "metadata.text": "own", "metadata.": 1}'),
               ('plain', '[0,0,1]', NULL, NULL, NULL, '{"metadata.text": "own"}'),
               ('none', '[1,1,1]', NULL, NULL, NULL, NULL)"#,
        )
        .await;
    let storage = place.with("metric=cosine&metadata_column=metadata").await;
    let expected = [
        ("both", r#"{"text": "column", "metadata.text": "meta", "n": 2, "metadata.n": 2.0, "more": [1]}"#),
        ("equal", r#"{"text": "same", "n": 3}"#),
        ("above", r#"{"text": "column", "more": {"a": 1}, "other": true}"#),
        ("below", r#"{"text": "meta", "n": [4, 5], "metadata.metadata.text": "far"}"#),
        ("nulls", r#"{"text": "column", "n": 5}"#),
        (
            "deep",
            r#"{"text": "column", "metadata.text": "meta", "metadata.metadata.text": "own", "metadata.metadata.": 1}"#,
        ),
        ("plain", r#"{"metadata.text": "own"}"#),
        ("none", "{}"),
    ];
    let expected = expected
        .map(|(id, metadata)| Record::new(id, vec![]).metadata(Metadata::from_json_str(metadata).unwrap()));
    for record in &expected {
        let read = storage.get(&GetRequest::new("clash", std::slice::from_ref(&record.id))).await.unwrap();
        assert_eq!(read[0].as_ref().unwrap().metadata, record.metadata, "{}", record.id);
    }
    let keys =
        ["text", "n", "more", "other", "metadata.text", "metadata.n", "metadata.metadata.text", "metadata."];
    let filters = keys.iter().flat_map(|key| {
        let values =
            ["column", "meta", "own", "far"].map(|text| [field(*key).eq(text), field(*key).ne(text)]);
        let numbers = [1, 2, 4, 5].map(|n| [field(*key).eq(n), !field(*key).gte(n)]);
        [vec![field(*key).exists(), !field(*key).exists()], values.concat(), numbers.concat()].concat()
    });
    let selects_some = |filter: &portolan_core::Filter| {
        let met = expected.iter().filter(|r| filter.matches(&r.id, &r.metadata)).count();
        met > 0 && met < expected.len()
    };
    let filters: Vec<_> = filters.filter(selects_some).collect();
    assert!(filters.len() > 40, "{}", filters.len());
    compare(&*storage, "clash", &expected, filters).await;
    let request =
        SearchRequest::new("clash", vec![1.0, 0.0, 0.0]).filter(field("metadata.text").eq("meta")).top_k(1);
    let found = storage.search(&request).await.unwrap().matches.remove(0);
    assert_eq!((found.id.as_str(), &found.metadata), ("both", &expected[0].metadata));
    let without = !field("text").exists();
    let deleted = storage.delete_where(&DeleteWhereRequest::new("clash", &without)).await.unwrap().deleted;
    assert_eq!(deleted, Some(2), "plain and none");
    assert_eq!(ids(&*storage, "clash", &without).await, [""; 0]);
    assert_eq!(storage.count(&CountRequest::new("clash")).await.unwrap(), 6);
}

async fn a_column_named_as_a_moved_key_drops_nothing(place: Place) {
    place
        .sql(
            r#"CREATE TABLE clash (id text PRIMARY KEY, embedding vector(1), text text, "meta.text" text, value int, meta json);
             INSERT INTO clash VALUES ('a', '[1]', 'one', 'two', 3, '{"text": "four", "meta.text": "five", "value": 6}')"#,
        )
        .await;
    let storage = place.with("metric=euclidean").await;
    let read = storage.get(&GetRequest::new("clash", &["a".to_owned()])).await.unwrap();
    let expected = serde_json::json!({
        "text": "one", "meta.text": "two", "value": 3, "meta..text": "four", "meta..meta.text": "five", "meta..value": 6
    });
    assert_eq!(read[0].as_ref().unwrap().metadata.to_json(), expected);
    for (key, value) in [("meta.text", "two"), ("meta..text", "four"), ("meta..meta.text", "five")] {
        assert_eq!(ids(&*storage, "clash", &field(key).eq(value)).await, ["a"], "{key}");
    }
}

/// Ids that a scan reads, and those that it names as unreadable.
async fn scanned(storage: &dyn VectorStorage, index: &str) -> (Vec<String>, Vec<String>) {
    let (mut read, mut unreadable, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let mut request = ScanRequest::new(index).page_size(2);
        request.cursor = cursor.as_ref();
        let page = storage.scan(&request).await.unwrap();
        read.extend(page.records.into_iter().map(|record| record.id));
        unreadable.extend(page.unreadable.into_iter().map(|record| record.id));
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => return (read, unreadable),
        }
    }
}

async fn a_row_that_cannot_be_read_concerns_itself_alone(place: Place) {
    place
        .sql(
            r#"CREATE TABLE odd_row (id text PRIMARY KEY, embedding vector(2), metadata jsonb);
             INSERT INTO odd_row VALUES ('bad', '[0.6,0.8]', '[1,2]'), ('best', '[1,0]', '{"a": 1}'), ('good', '[0,1]', 'null'),
               ('huge', '[-0.6,0.8]', '{"x": 1e400}'), ('text', '[-1,0]', '"{\"a\": 1}"'), ('true', '[-1,0]', 'true')"#,
        )
        .await;
    let storage = place.with("metric=cosine").await;
    let search = |k| SearchRequest::new("odd_row", vec![1.0, 0.0]).top_k(k);
    assert_eq!(nearest(&*storage, &search(1)).await, ["best"]);
    assert_eq!(nearest(&*storage, &search(5).filter(field("a").eq(1))).await, ["best"]);
    let e = storage.search(&search(2)).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Corrupt && e.message().contains("\"bad\""), "{e}");
    let mut bare = search(6);
    bare.include_metadata = false;
    assert_eq!(nearest(&*storage, &bare).await.len(), 6, "what is not asked for need not be read");
    for id in ["bad", "huge", "text", "true"] {
        let e = storage.get(&GetRequest::new("odd_row", &[id.to_owned()])).await.unwrap_err();
        assert!(e.kind() == ErrorKind::Corrupt && e.message().contains(&format!("{id:?}")), "{e}");
    }
    let read =
        storage.get(&GetRequest::new("odd_row", &["good".to_owned(), "best".to_owned()])).await.unwrap();
    assert!(read.iter().all(Option::is_some));
    let (read, unreadable) = scanned(&*storage, "odd_row").await;
    assert_eq!(read, ["best", "good"]);
    assert_eq!(unreadable, ["bad", "huge", "text", "true"]);
    assert_eq!(storage.count(&CountRequest::new("odd_row")).await.unwrap(), 6);
    let without = !field("a").exists();
    let deleted = storage.delete_where(&DeleteWhereRequest::new("odd_row", &without)).await.unwrap().deleted;
    assert_eq!(deleted, Some(2), "good and huge, and none of which nobody can tell");
    let asked = ["bad", "text"].map(str::to_owned);
    assert!(storage.delete(&DeleteRequest::new("odd_row", &asked[..])).await.unwrap().is_successful());
    support::upsert(&*storage, "odd_row", &[Record::new("true", vec![1.0, 1.0])]).await;
    assert_eq!(scanned(&*storage, "odd_row").await, (vec!["best".to_owned(), "true".to_owned()], vec![]));
}

async fn a_row_that_cannot_be_read_is_named_beside_columns_too(place: Place) {
    place
        .sql(
            r#"CREATE TABLE odd_row (id int PRIMARY KEY, embedding vector(1), title text, metadata json, more json);
             INSERT INTO odd_row VALUES (1, '[1]', 'one', '["title"]'), (2, '[2]', 'two', '"title"'), (3, '[3]', 'three', '{}'),
               (4, '[4]', 'four', 'null'), (5, '[5]', 'five', '{"a": "\u0000"}'), (6, '[6]', 'six', '{"a": "\ud83d"}'),
               (7, '[7]', 'seven', '{"a": "\\u0000 \ud83d\ude00"}')"#,
        )
        .await;
    place.sql(r#"UPDATE odd_row SET more = '{"b": "\u0000"}' WHERE id = 3"#).await;
    let storage = place.with("metric=euclidean&metadata_column=metadata").await;
    let read = storage.get(&GetRequest::new("odd_row", &["3".to_owned()])).await.unwrap();
    let expected = serde_json::json!({"title": "three", "more": r#"{"b": "\u0000"}"#});
    assert_eq!(read[0].as_ref().unwrap().metadata.to_json(), expected);
    let (read, unreadable) = scanned(&*storage, "odd_row").await;
    assert_eq!((read.join(" "), unreadable.join(" ")), ("3 4 7".to_owned(), "1 2 5 6".to_owned()));
    let e = storage.get(&GetRequest::new("odd_row", &["5".to_owned()])).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Corrupt && e.message().contains("\"5\""), "{e}");
    assert_eq!(nearest(&*storage, &SearchRequest::new("odd_row", vec![3.1]).top_k(1)).await, ["3"]);
    assert_eq!(ids(&*storage, "odd_row", &field("a").starts_with("\\u0000")).await, ["7"]);
}

async fn vectors_of_another_dimension_are_never_found(place: Place) {
    place
        .sql(
            r#"CREATE TABLE mixdim (id text PRIMARY KEY, embedding vector, metadata jsonb);
             INSERT INTO mixdim VALUES ('a', '[1,0,0]', '{"g": 1}'), ('b', '[1,0]', '{"g": 2}'), ('c', '[0,1]', '{"g": 2}'),
               ('d', '[0,1,0]', '{"g": 2}'), ('e', NULL, '{"g": 2}')"#,
        )
        .await;
    let (first, two) = (place.with("metric=cosine").await, place.with("metric=cosine&dimension=2").await);
    for (storage, vector, nearer) in
        [(&first, vec![1.0, 0.1, 0.0], ["a", "d"]), (&two, vec![1.0, 0.1], ["b", "c"])]
    {
        let request = SearchRequest::new("mixdim", vector.clone()).with_total(true);
        for exact in [false, true] {
            let found = storage.search(&request.clone().exact(exact)).await.unwrap();
            assert_eq!(found.matches.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), nearer);
            assert_eq!((found.total_matches, found.has_more), (Some(2), false));
        }
        let filtered = request.clone().filter(field("g").eq(2));
        assert_eq!(
            nearest(&**storage, &filtered).await,
            nearer.iter().filter(|id| **id != "a").copied().collect::<Vec<_>>()
        );
        let e = storage.search(&SearchRequest::new("mixdim", vec![1.0; 4])).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::DimensionMismatch, "{e}");
        assert_eq!(storage.count(&CountRequest::new("mixdim")).await.unwrap(), 5);
        let read = storage.get(&GetRequest::new("mixdim", &["a".to_owned(), "b".to_owned()])).await.unwrap();
        let lengths = read.iter().flatten().map(|r| r.vector.as_ref().unwrap().len()).collect::<Vec<_>>();
        assert_eq!(lengths, [3, 2], "vectors are read as they are");
    }
    place.sql("CREATE TABLE empty (id text PRIMARY KEY, v vector); CREATE TABLE typed (id text PRIMARY KEY, v vector(3))").await;
    assert_eq!(two.describe_index("empty", OPTIONS).await.unwrap().spec.dimension, 2);
    assert_eq!(two.describe_index("typed", OPTIONS).await.unwrap().spec.dimension, 3);
}

async fn what_portolan_writes_into_a_table_of_others_meets_filters(place: Place) {
    place.sql("CREATE TABLE notes (id text PRIMARY KEY, embedding vector(3), metadata json)").await;
    let storage = place.with("metric=dot_product").await;
    let records = support::records([
        Metadata::new().with("x", "a\0b"),
        Metadata::new().with("x", "ab"),
        Metadata::new().with("y", "ab"),
    ]);
    support::upsert(&*storage, "notes", &records).await;
    let filters =
        [field("x").exists(), !field("x").exists(), field("x").eq("a\0b"), field("x").contains("\0")];
    compare(&*storage, "notes", &records, filters).await;
}
