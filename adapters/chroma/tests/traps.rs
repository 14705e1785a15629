//! Traps of Chroma, each with a case that fails where an adapter walks into it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use std::process::ExitCode;

use portolan_core::filter::field;
use portolan_core::{
    DeleteWhereRequest, EngineParams, ErrorKind, Exactness, FieldType, Filter, Metadata, MetadataPatch,
    MetadataUpdate, Metric, Record, Scalar, SearchRequest, UpdateRequest, UpsertRequest, Value,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;
use support::{OPTIONS, World};

fn main() -> ExitCode {
    support::main(cases![
        a_float_operand_misses_no_integer,
        integers_beyond_2_53_are_told_apart,
        floats_that_the_parser_changes_come_back,
        an_element_of_a_list_is_equal,
        lists_of_numbers_are_ordered,
        negation_takes_the_records_without_the_field_just_where_it_should,
        an_empty_list_is_no_missing_field,
        an_upsert_replaces_all_metadata,
        an_update_of_a_missing_record_is_not_found,
        get_answers_in_the_order_of_the_ids,
        hidden_keys_lie_in_the_overflow,
        a_document_key_of_another_type_does_not_end_the_writer,
        documents_are_metadata,
        lists_of_a_dropped_collection_do_not_turn_up_again,
        filters_too_large_for_the_server_are_answered,
        an_unknown_id_is_no_error_of_a_search,
        small_dot_products_are_told_apart,
        distances_are_not_squared,
        a_wider_beam_finds_more,
        all_records_are_cleared_at_once,
        collections_of_others_are_listed_searched_and_read,
        an_empty_collection_of_another_program_is_refused,
        a_collection_made_again_by_another_program_is_seen,
        a_spec_that_another_program_damaged_is_corrupt,
        hostile_values_stay_values,
    ])
}

/// Records `r0`, `r1`, … with these values of one field and small vectors.
fn with_values<V: Into<Value>>(key: &str, values: impl IntoIterator<Item = V>) -> Vec<Record> {
    values
        .into_iter()
        .enumerate()
        .map(|(n, value)| {
            Record::new(format!("r{n}"), [n as f32 + 1.0, 2.0]).metadata(Metadata::new().with(key, value))
        })
        .collect()
}

fn numbers() -> Vec<Scalar> {
    let integers = [-3, -2, -1, 0, 1, 2, 3].map(Scalar::Integer);
    let floats = [-3.0, -2.5, -2.0, -0.5, 0.5, 2.0, 2.000_001, 2.5, 3.0].map(Scalar::Float);
    integers.into_iter().chain(floats).collect()
}

/// The server cuts the fraction off a float operand before it compares integers with it.
async fn a_float_operand_misses_no_integer(world: World) {
    let records = with_values("n", numbers());
    world.filled(world.spec(2), &records).await;
    for operand in [-2.5, -2.0, -0.5, 0.5, 2.0, 2.5] {
        let n = || field("n");
        let leaves = [
            n().eq(operand),
            n().ne(operand),
            n().gt(operand),
            n().gte(operand),
            n().lt(operand),
            n().lte(operand),
        ];
        world.compare(&records, leaves.into_iter().flat_map(|leaf| [leaf.clone(), !leaf])).await;
    }
    world.compare(&records, [field("n").is_in([2.5, 3.0]), field("n").not_in([2, -2])]).await;
}

/// The server compares them with floats in floats.
async fn integers_beyond_2_53_are_told_apart(world: World) {
    let edge = 1_i64 << 53;
    let near = [edge - 1, edge, edge + 1, edge + 2, i64::MAX, i64::MAX - 1, i64::MIN].map(Scalar::Integer);
    let floats = [edge as f64, (edge + 2) as f64, 9.2e18].map(Scalar::Float);
    let records = with_values("n", near.into_iter().chain(floats));
    world.filled(world.spec(2), &records).await;
    for operand in [edge, edge + 1, i64::MAX] {
        let n = || field("n");
        world.compare(&records, [n().eq(operand), n().ne(operand), n().lt(operand), n().gte(operand)]).await;
    }
    world.compare(&records, [field("n").gt(9.2e18), field("n").lte(edge as f64)]).await;
}

/// Its JSON parser is an ulp off for floats of many digits.
async fn floats_that_the_parser_changes_come_back(world: World) {
    let mut rng = StdRng::seed_from_u64(7);
    let mut values: Vec<f64> = (0..500).map(|_| rng.random_range(-1e3..1e3)).collect();
    values.extend((0..500).map(|_| (rng.random_range(-1e6..1e6_f64)).round() / 1e3));
    values.extend((0..300).map(|n| 10f64.powi(n - 150) * 1.234));
    values.extend([f64::MAX, f64::MIN_POSITIVE, 5e-324, 1.0 / 3.0, 0.1 + 0.2, 1e22, 1e23]);
    let records = with_values("x", values.iter().copied());
    world.filled(world.spec(2), &records).await;
    for chunk in records.chunks(400) {
        let ids: Vec<&str> = chunk.iter().map(|r| r.id.as_str()).collect();
        for (written, read) in chunk.iter().zip(world.get(&ids).await) {
            assert_eq!(read.unwrap().metadata, written.metadata, "{}", written.id);
        }
    }
    world
        .compare(&records, [field("x").eq(values[3]), field("x").gt(values[5]), field("x").lte(values[600])])
        .await;
}

/// The server's `$eq` and `$in` see no lists.
async fn an_element_of_a_list_is_equal(world: World) {
    let values: [Value; 6] =
        [vec!["a", "b"].into(), "a".into(), "ab".into(), vec!["c"].into(), vec![true].into(), true.into()];
    let records = with_values("tag", values);
    world.filled(world.spec(2).field("other", FieldType::String), &records).await;
    let tag = || field("tag");
    let leaves = [
        tag().eq("a"),
        tag().ne("a"),
        tag().is_in(["b", "c"]),
        tag().contains("a"),
        tag().eq(true),
        tag().contains(true),
    ];
    world.compare(&records, leaves.into_iter().flat_map(|leaf| [leaf.clone(), !leaf])).await;
}

/// Nor do its order operators, so that a list of numbers must not be stored as one.
async fn lists_of_numbers_are_ordered(world: World) {
    let values: [Value; 6] =
        [vec![1, 9].into(), vec![2.5].into(), 3.into(), vec![1].into(), 9.5.into(), vec!["9"].into()];
    let records = with_values("n", values);
    world.filled(world.spec(2), &records).await;
    let n = || field("n");
    world
        .compare(
            &records,
            [n().gt(2), n().lte(1), n().eq(9), n().contains(2.5), !n().gte(9), n().is_in([1, 3])],
        )
        .await;
}

/// The server's `$ne` and `$nin` meet records without the field.
async fn negation_takes_the_records_without_the_field_just_where_it_should(world: World) {
    let mut records = with_values("s", ["a", "b", "c"]);
    records.push(Record::new("without", [9.0, 9.0]));
    world.filled(world.spec(2).field("s", FieldType::String), &records).await;
    let s = || field("s");
    world
        .compare(
            &records,
            [s().ne("a"), !s().eq("a"), s().not_in(["a", "b"]), !s().is_in(["a", "b"]), !s().ne("a")],
        )
        .await;
    let filter = !s().eq("a");
    let explained = world
        .storage
        .explain(&SearchRequest::without_vector(&world.name).filter(filter.clone()))
        .await
        .unwrap();
    assert!(explained.residual.is_none(), "a declared string is answered by the server: {explained:?}");
    let deleted = world.storage.delete_where(&DeleteWhereRequest::new(&world.name, &filter)).await.unwrap();
    assert_eq!(deleted.deleted, Some(3));
    assert_eq!(world.ids(&Filter::all(), 2).await, ["r0"]);
}

/// An empty list reads back as nothing.
async fn an_empty_list_is_no_missing_field(world: World) {
    let values: [Value; 3] = [Value::list(Vec::<String>::new()), vec!["a"].into(), "b".into()];
    let mut records = with_values("s", values);
    records.push(Record::new("without", [9.0, 9.0]));
    world.filled(world.spec(2).field("s", FieldType::String), &records).await;
    assert_eq!(world.get(&["r0"]).await[0].as_ref().unwrap().metadata, records[0].metadata);
    world
        .compare(&records, [field("s").exists(), field("s").ne("a"), !field("s").eq("a"), field("s").eq("a")])
        .await;
}

/// The server's upsert merges into what is there.
async fn an_upsert_replaces_all_metadata(world: World) {
    let full = Metadata::new()
        .with("a", 1)
        .with("list", vec!["x"])
        .with("overflow", vec![1, 2])
        .with("chroma:document", "text");
    world.filled(world.spec(2), &[Record::new("r", [1.0, 2.0]).metadata(full)]).await;
    for metadata in
        [Metadata::new().with("list", "scalar"), Metadata::new().with("b", vec!["y"]), Metadata::new()]
    {
        let record = Record::new("r", [3.0, 4.0]).metadata(metadata);
        world.upsert(std::slice::from_ref(&record)).await;
        assert_eq!(world.get(&["r"]).await[0].as_ref(), Some(&record));
        assert!(world.ids(&field("a").eq(1), 2).await.is_empty());
    }
}

/// The server's update of a missing record succeeds.
async fn an_update_of_a_missing_record_is_not_found(world: World) {
    world.filled(world.spec(2), &with_values("s", ["a"])).await;
    let updates = [
        MetadataUpdate::new("r0", MetadataPatch::new().set("t", 1)),
        MetadataUpdate::new("none", MetadataPatch::new().set("t", 1)),
    ];
    let result = world.storage.update_metadata(&UpdateRequest::new(&world.name, &updates[..])).await.unwrap();
    assert!(result.items[0].is_stored());
    assert_eq!(result.items[1].error().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(world.get(&["none"]).await, [None]);
}

/// The server's get folds ids and orders them as it likes.
async fn get_answers_in_the_order_of_the_ids(world: World) {
    world.filled(world.spec(2), &with_values("n", 0..5)).await;
    let got = world.get(&["r3", "none", "r1", "r3"]).await;
    let ids: Vec<Option<&str>> = got.iter().map(|r| r.as_ref().map(|r| r.id.as_str())).collect();
    assert_eq!(ids, [Some("r3"), None, Some("r1"), Some("r3")]);
}

/// Keys with `#` are refused, and those with `chroma:` are stored and not shown.
async fn hidden_keys_lie_in_the_overflow(world: World) {
    let keys = ["#key", "chroma:key", "chroma:", "plain"];
    let records: Vec<Record> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| {
            Record::new(format!("r{n}"), [n as f32, 1.0])
                .metadata(Metadata::new().with(*key, "v").with("n", 1))
        })
        .collect();
    world.filled(world.spec(2), &records).await;
    for (n, key) in keys.iter().enumerate() {
        assert_eq!(world.get(&[&format!("r{n}")]).await[0].as_ref(), Some(&records[n]));
        world
            .compare(
                &records,
                [field(*key).eq("v"), field(*key).exists(), field(*key).ne("w"), !field(*key).eq("v")],
            )
            .await;
    }
}

/// A number under this key stops the server's writer until it is started again; null does, too.
async fn a_document_key_of_another_type_does_not_end_the_writer(world: World) {
    let values: [Value; 5] = [1.into(), true.into(), vec!["a"].into(), "".into(), "text".into()];
    let records = with_values("chroma:document", values);
    world.filled(world.spec(2), &records).await;
    let bare: Vec<Record> = records.iter().map(|r| Record::new(r.id.clone(), [5.0, 6.0])).collect();
    for written in [&records, &bare, &records] {
        world.upsert(written).await;
        for record in written {
            assert_eq!(world.get(&[&record.id]).await[0].as_ref(), Some(record));
        }
    }
    let removal = [MetadataUpdate::new("r4", MetadataPatch::new().remove("chroma:document"))];
    world
        .storage
        .update_metadata(&UpdateRequest::new(&world.name, &removal[..]))
        .await
        .unwrap()
        .into_result()
        .unwrap();
    assert_eq!(world.get(&["r4"]).await[0].as_ref().unwrap().metadata, Metadata::new());
}

async fn documents_are_metadata(world: World) {
    let id = world.raw.create(&world.name, "l2").await;
    let body = json!({
        "ids": ["a", "b", "c"], "embeddings": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]],
        "documents": ["A %_ text", "another text", null], "uris": ["s3://a", null, null],
        "metadatas": [{"n": 1}, null, {"n": 3}],
    });
    world.raw.add(&id, body).await;
    let metadata =
        Metadata::new().with("n", 1).with("chroma:document", "A %_ text").with("chroma:uri", "s3://a");
    assert_eq!(world.get(&["a"]).await[0].as_ref().unwrap().metadata, metadata);
    let document = || field("chroma:document");
    for (filter, ids) in [
        (document().contains("text"), vec!["a", "b"]),
        (document().contains("%_"), vec!["a"]),
        (document().starts_with("another"), vec!["b"]),
        (document().ends_with("text") & field("n").exists(), vec!["a"]),
        (document().eq("another text"), vec!["b"]),
        (!document().exists(), vec!["c"]),
        (field("chroma:uri").eq("s3://a"), vec!["a"]),
    ] {
        assert_eq!(world.ids(&filter, 2).await, ids, "{filter}");
    }
    let replaced = Record::new("a", [1.0, 2.0]).metadata(Metadata::new().with("chroma:document", "new"));
    world.upsert(&[replaced.clone(), Record::new("b", [3.0, 4.0])]).await;
    assert_eq!(world.get(&["a"]).await[0].as_ref(), Some(&replaced));
    assert_eq!(world.get(&["b"]).await[0].as_ref().unwrap().metadata, Metadata::new());
    let native = world.raw.get(&id, json!({"ids": ["a"], "include": ["documents", "uris"]})).await;
    assert_eq!((&native["documents"], &native["uris"]), (&json!(["new"]), &json!([null])));
}

/// Dropping a collection leaves its lists behind, and they attach to new records that get the old ones' places.
async fn lists_of_a_dropped_collection_do_not_turn_up_again(world: World) {
    let other = format!("{}-other", world.name);
    for round in 0..3 {
        let id = world.raw.create(&other, "l2").await;
        let ids: Vec<String> = (0..50).map(|n| format!("o{n}")).collect();
        let embeddings = vec![[1.0, 2.0]; 50];
        let metadatas = vec![json!({"stray": ["x", "y"]}); 50];
        world.raw.add(&id, json!({"ids": ids, "embeddings": embeddings, "metadatas": metadatas})).await;
        assert_eq!(world.raw.drop(&other).await, 200);
        if round == 0 {
            world.storage.create_index(&world.spec(2), OPTIONS).await.unwrap();
        }
        let records: Vec<Record> =
            (0..60).map(|n| Record::new(format!("{round} {n}"), [n as f32, 1.0])).collect();
        world.upsert(&records).await;
        for record in &records {
            assert_eq!(world.get(&[&record.id]).await[0].as_ref(), Some(record));
        }
        assert!(world.ids(&field("stray").exists(), 2).await.is_empty());
    }
}

/// 1,000 alternatives, 64 levels, 10,000 operands: each is an error of the server.
async fn filters_too_large_for_the_server_are_answered(world: World) {
    let records = with_values("n", 0..50);
    world.filled(world.spec(2), &records).await;
    let many = Filter::Or((0..2_000).map(|n| field("n").eq(n * 2)).collect());
    let deep = (0..60).fold(field("n").lt(40), |f, n| {
        if n % 2 == 0 { f & field("n").gte(1) } else { f | field("n").eq(7) }
    });
    let long = field("n").is_in((0..9_000).map(|n| n * 3));
    let words =
        field("n").is_in((0..5_000).map(|n| if n == 0 { Scalar::from(3) } else { format!("w{n}").into() }));
    let ids = Filter::Id((0..9_000).map(|n| format!("r{}", n * 2)).collect());
    world.compare(&records, [many, deep, long, words, ids]).await;
}

/// A search that is told an id which does not exist fails; one that is told it beside a condition does not.
async fn an_unknown_id_is_no_error_of_a_search(world: World) {
    let records = with_values("n", 0..5);
    world.filled(world.spec(2), &records).await;
    let some = || Filter::Id(vec!["r1".to_owned(), "r3".to_owned(), "none".to_owned()]);
    world.compare(&records, [some(), some() & field("n").gt(1), some() | field("n").eq(0), !some()]).await;
    assert!(world.ids(&Filter::Id(vec!["none".to_owned()]), 2).await.is_empty());
}

/// The server tells `1 - dot` in f32: below 1e-7 nothing is left of the product.
async fn small_dot_products_are_told_apart(world: World) {
    let records: Vec<Record> =
        (1..=9).map(|n| Record::new(format!("r{n}"), [n as f32 * 1e-6, 0.0])).collect();
    world.filled(world.spec(2).metric(Metric::DotProduct), &records).await;
    let found = world.storage.search(&SearchRequest::new(&world.name, [1e-4, 0.0]).top_k(9)).await.unwrap();
    let ids: Vec<&str> = found.matches.iter().map(|m| m.id.as_str()).collect();
    assert_eq!(ids, ["r9", "r8", "r7", "r6", "r5", "r4", "r3", "r2", "r1"]);
    assert!((found.matches[0].score - 9e-10).abs() < 1e-15, "{}", found.matches[0].score);
}

async fn distances_are_not_squared(world: World) {
    world.filled(world.spec(2).metric(Metric::Euclidean), &[Record::new("r", [3.0, 4.0])]).await;
    let found = world.storage.search(&SearchRequest::new(&world.name, [0.0, 0.0])).await.unwrap();
    assert_eq!(found.matches[0].distance, 5.0);
}

/// The beam of a search is fixed for a collection, and widened by asking for more.
async fn a_wider_beam_finds_more(world: World) {
    let mut rng = StdRng::seed_from_u64(3);
    let mut vector = || (0..24).map(|_| rng.random_range(-1.0..1.0)).collect::<Vec<f32>>();
    let engine = EngineParams { m: Some(4), ef_construction: Some(8), ..EngineParams::default() };
    let records: Vec<Record> = (0..3_000).map(|n| Record::new(n.to_string(), vector())).collect();
    world.filled(world.spec(24).engine(engine).option("ef_search", 2), &records).await;
    let (mut narrow, mut wide) = (0, 0);
    for _ in 0..20 {
        let query = SearchRequest::new(&world.name, vector()).top_k(10);
        let exact = world.storage.search(&query.clone().exact(true)).await.unwrap();
        assert_eq!(exact.exactness, Exactness::Exact);
        let truth: Vec<String> = exact.matches.into_iter().map(|m| m.id).collect();
        let recall = async |query: SearchRequest| {
            let found = world.storage.search(&query).await.unwrap();
            assert_eq!((found.exactness, found.matches.len()), (Exactness::Approximate, 10));
            found.matches.iter().filter(|m| truth.contains(&m.id)).count()
        };
        narrow += recall(query.clone()).await;
        wide += recall(query.ef_search(1_000)).await;
    }
    assert!(wide > narrow + 40, "of 200: {narrow} with a narrow beam, {wide} with a wide one");
}

async fn all_records_are_cleared_at_once(world: World) {
    let record =
        |n: i32| Record::new(n.to_string(), [n as f32, 1.0]).metadata(Metadata::new().with("l", vec![n]));
    let records: Vec<Record> = (0..4_500).map(record).collect();
    world.filled(world.spec(2), &records).await;
    world.storage.clear(&world.name, OPTIONS).await.unwrap();
    assert!(world.ids(&Filter::all(), 2).await.is_empty());
}

/// As the vendor's Python client makes them, with lists of numbers.
async fn collections_of_others_are_listed_searched_and_read(world: World) {
    let id = world.raw.create(&world.name, "cosine").await;
    let metadatas =
        [json!({"n": [1, 9], "s": "a"}), json!({"n": 3, "s": ["a", "b"]}), json!({"n": 2.5}), json!(null)];
    let body = json!({
        "ids": ["a", "b", "c", "d"], "embeddings": [[1.0, 0.0], [1.0, 1.0], [0.0, 1.0], [-1.0, 0.5]], "metadatas": metadatas,
    });
    world.raw.add(&id, body).await;
    assert!(world.storage.list_indexes(OPTIONS).await.unwrap().contains(&world.name));
    let info = world.storage.describe_index(&world.name, OPTIONS).await.unwrap();
    assert_eq!((info.spec.dimension, info.spec.metric), (2, Metric::Cosine));
    assert_eq!(info.spec.engine.m, Some(16));
    for (filter, ids) in [
        (field("n").gt(2.7), vec!["a", "b"]),
        (field("n").lte(2.5), vec!["a", "c"]),
        (field("n").eq(9), vec!["a"]),
        (field("s").eq("a"), vec!["a", "b"]),
        (!field("n").exists(), vec!["d"]),
    ] {
        assert_eq!(world.ids(&filter, 2).await, ids, "{filter}");
    }
    let found = world.storage.search(&SearchRequest::new(&world.name, [1.0, 0.1]).top_k(1)).await.unwrap();
    assert_eq!(found.matches[0].id, "a");
    assert_eq!(found.matches[0].metadata, Metadata::new().with("n", vec![1, 9]).with("s", "a"));
}

async fn an_empty_collection_of_another_program_is_refused(world: World) {
    world.raw.create(&world.name, "l2").await;
    assert!(world.storage.list_indexes(OPTIONS).await.unwrap().contains(&world.name));
    let e = world.storage.describe_index(&world.name, OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported);
    assert!(e.message().contains("dimension"), "{e}");
    let e = world.storage.create_index(&world.spec(2), OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::AlreadyExists);
}

/// Calls go by the collection's id, which changes.
async fn a_collection_made_again_by_another_program_is_seen(world: World) {
    world.filled(world.spec(2), &with_values("n", 0..3)).await;
    assert_eq!(world.raw.drop(&world.name).await, 200);
    let id = world.raw.create(&world.name, "l2").await;
    world.raw.add(&id, json!({"ids": ["new"], "embeddings": [[1.0, 2.0, 3.0]]})).await;
    let found = world.storage.search(&SearchRequest::new(&world.name, [1.0, 2.0, 3.0])).await.unwrap();
    assert_eq!(found.matches[0].id, "new");
    let records = [Record::new("old", [1.0, 2.0])];
    let e = world.storage.upsert(&UpsertRequest::new(&world.name, &records[..])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::DimensionMismatch);
    assert_eq!(world.raw.drop(&world.name).await, 200);
    let e = world.storage.upsert(&UpsertRequest::new(&world.name, &records[..])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

async fn a_spec_that_another_program_damaged_is_corrupt(world: World) {
    let body = json!({ "name": world.name, "metadata": { "_portolan": "{" } });
    assert_eq!(world.raw.call("POST", "/collections", body).await.0, 200);
    let e = world.storage.describe_index(&world.name, OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Corrupt);
}

async fn hostile_values_stay_values(world: World) {
    let hostile =
        ["'; DROP TABLE embeddings; --", "$gt", "{\"$ne\": 1}", "a\u{0}b", "a", "%", "\\", "é", "e\u{301}"];
    let records = with_values("key '\"; --", hostile);
    world.filled(world.spec(2).field("key '\"; --", FieldType::String), &records).await;
    for value in hostile {
        let key = || field("key '\"; --");
        world.compare(&records, [key().eq(value), key().ne(value), key().is_in([value, "none"])]).await;
    }
    let id = world.raw.id(&world.name).await;
    let native = world.raw.get(&id, json!({"ids": ["r3"], "include": ["metadatas"]})).await;
    assert_eq!(native["metadatas"][0]["key '\"; --"], json!("a\u{0}b"));
}
