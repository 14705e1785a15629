//! Traps of PostgreSQL and pgvector, each with a case that fails where an adapter walks into it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::ExitCode;

use portolan_core::filter::field;
use portolan_core::{
    EngineKind, EngineParams, ErrorKind, Exactness, FieldType, GetRequest, IndexSpec, Metadata, Metric,
    Outcome, Record, SearchRequest, UpsertRequest, Value,
};
use portolan_testkit::traps;
use support::{OPTIONS, Place, compare, ids, nearest, records, upsert};

fn main() -> ExitCode {
    traps![
        a_filtered_approximate_search_is_not_short,
        equal_vectors_are_all_found_under_a_filter,
        an_exact_search_does_not_take_the_vector_index,
        an_ivf_index_made_empty_finds_everything_and_is_rebuilt,
        a_whole_float_stays_a_float,
        strings_with_u0000_are_in_the_overflow_and_meet_filters,
        long_strings_in_a_declared_field_are_stored_and_found,
        null_logic_loses_no_record,
        a_list_and_an_array_of_many_types_differ,
        vectors_past_2000_dimensions_come_back_bit_for_bit,
        a_component_beyond_halfvec_fails_alone,
        a_query_beyond_halfvec_is_answered_exactly,
        distances_past_3072_dimensions_are_true,
        a_table_without_vectors_is_no_index_and_is_not_dropped,
        a_table_that_others_refer_to_is_cleared,
        an_id_with_u0000_is_one_that_nothing_has,
        a_filter_of_ten_thousand_leaves_is_answered,
        an_index_made_again_by_another_program_is_seen,
        a_change_of_dimension_by_another_program_is_seen,
        names_and_keys_stay_in_their_quotes,
        order_is_that_of_bytes,
        writes_wait_for_the_disk_whatever_the_servers_default,
        health_names_the_server_and_the_extension,
    ]
    .main([support::server()])
}

fn hnsw(name: &str, dimension: usize) -> IndexSpec {
    let engine =
        EngineParams { kind: Some(EngineKind::Hnsw), m: Some(8), ef_construction: Some(32), nlist: None };
    IndexSpec::new(name, dimension).metric(Metric::Euclidean).engine(engine)
}

/// Points on a line, so that the nearest are known.
fn line(count: usize, dimension: usize, metadata: impl Fn(usize) -> Metadata) -> Vec<Record> {
    let vector = |n: usize| {
        (0..dimension).map(|d| if d == 0 { n as f32 } else { (d * n % 7) as f32 / 50.0 }).collect::<Vec<_>>()
    };
    (0..count).map(|n| Record::new(format!("r{n:05}"), vector(n)).metadata(metadata(n))).collect()
}

async fn fill(place: &Place, spec: &IndexSpec, records: &[Record]) {
    place.storage.create_index(spec, OPTIONS).await.unwrap();
    for chunk in records.chunks(500) {
        upsert(&*place.storage, &spec.name, chunk).await;
    }
    place.sql(&format!("ANALYZE \"{}\"", spec.name)).await;
}

/// An index that is asked first and filtered afterwards finds the nearest, none of which is far.
async fn a_filtered_approximate_search_is_not_short(place: Place) {
    let records = line(3_000, 4, |n| Metadata::new().with("far", n >= 2_985));
    fill(&place, &hnsw("companies", 4), &records).await;
    let planned = "options=-c%20enable_seqscan=off%20-c%20enable_sort=off";
    let bare = "SELECT FROM companies WHERE metadata @> '{\"far\": true}' ORDER BY embedding <-> '[0,0,0,0]' LIMIT 10";
    place.sql("SET enable_seqscan = off; SET enable_sort = off").await;
    assert!(place.admin.query(bare, &[]).await.unwrap().len() < 10, "the trap is there");
    let storage = place.with(planned).await;
    let far = |k: usize| SearchRequest::new("companies", vec![0.0; 4]).filter(field("far").eq(true)).top_k(k);
    for ef in [1, 20, 1_000] {
        let expected: Vec<String> = (2_985..2_995).map(|n| format!("r{n:05}")).collect();
        assert_eq!(nearest(&*storage, &far(10).ef_search(ef)).await, expected);
    }
    let all = storage.search(&far(100).with_total(true)).await.unwrap();
    assert_eq!((all.matches.len(), all.total_matches, all.has_more), (15, Some(15), false));
}

async fn equal_vectors_are_all_found_under_a_filter(place: Place) {
    let records: Vec<Record> = (0..2_000)
        .map(|n| {
            Record::new(format!("r{n:05}"), vec![1.0, 2.0]).metadata(Metadata::new().with("even", n % 2 == 0))
        })
        .collect();
    fill(&place, &hnsw("companies", 2), &records).await;
    let request = SearchRequest::new("companies", vec![1.0, 2.0]).filter(field("even").eq(true)).top_k(1_500);
    let storage = place.with("options=-c%20enable_seqscan=off%20-c%20enable_sort=off").await;
    let found = storage.search(&request).await.unwrap();
    assert_eq!(found.matches.len(), 1_000);
    assert!(!found.has_more);
}

async fn an_exact_search_does_not_take_the_vector_index(place: Place) {
    let records = line(2_000, 8, |n| Metadata::new().with("n", n as i64));
    fill(&place, &hnsw("companies", 8), &records).await;
    let query = records[777].vector.clone().unwrap();
    for ef in [1, 1_000] {
        let request = SearchRequest::new("companies", query.to_vec()).top_k(50).ef_search(ef).exact(true);
        let found = place.storage.search(&request).await.unwrap();
        assert_eq!(found.exactness, Exactness::Exact);
        let mut expected: Vec<String> = (752..=802).map(|n| format!("r{n:05}")).collect();
        let mut got: Vec<String> = found.matches.into_iter().map(|m| m.id).collect();
        got.sort_unstable();
        expected.retain(|id| got.contains(id) || (id != "r00752" && id != "r00802"));
        assert_eq!(got, expected);
    }
}

/// Its clusters are chosen when it is built, of no records at all.
async fn an_ivf_index_made_empty_finds_everything_and_is_rebuilt(place: Place) {
    let engine = EngineParams { kind: Some(EngineKind::Ivf), nlist: Some(20), ..EngineParams::default() };
    let spec = IndexSpec::new("companies", 4).metric(Metric::Euclidean).engine(engine);
    let records = line(2_000, 4, |n| Metadata::new().with("even", n % 2 == 0));
    fill(&place, &spec, &records).await;
    for pass in ["made empty", "rebuilt"] {
        let all = SearchRequest::new("companies", vec![0.0; 4])
            .filter(field("even").eq(true))
            .top_k(1_500)
            .nprobe(1);
        assert_eq!(nearest(&*place.storage, &all).await.len(), 1_000, "{pass}");
        let few = SearchRequest::new("companies", vec![0.0; 4]).top_k(5).nprobe(20);
        assert_eq!(nearest(&*place.storage, &few).await[0], "r00000", "{pass}");
        assert!(place.storage.optimize("companies", OPTIONS).await.unwrap());
    }
}

async fn a_whole_float_stays_a_float(place: Place) {
    let values = [
        Value::from(2),
        Value::from(2.0),
        Value::from(1e16),
        Value::from(10_000_000_000_000_000_i64),
        Value::from(1e300),
        Value::from(5e-324),
        Value::from(-0.0),
        Value::from(9_007_199_254_740_993_i64),
        Value::from(9_007_199_254_740_992.0),
        Value::from([1e16, 2.0]),
        Value::from_json(serde_json::json!({"a": [1e16, -0.0, 1]})).unwrap().unwrap(),
    ];
    let records = records(values.iter().map(|v| Metadata::new().with("x", v.clone())));
    fill(&place, &IndexSpec::new("numbers", 3), &records).await;
    let ids_of: Vec<String> = records.iter().map(|r| r.id.clone()).collect();
    let read = place.storage.get(&GetRequest::new("numbers", &ids_of)).await.unwrap();
    for (record, read) in records.iter().zip(read) {
        let (read, written) = (read.unwrap().metadata.to_string(), record.metadata.to_string());
        assert_eq!(read, written.replace("-0.0", "0.0"));
    }
    compare(
        &*place.storage,
        "numbers",
        &records,
        [
            field("x").eq(2),
            field("x").eq(1e16),
            field("x").eq(10_000_000_000_000_000_i64),
            field("x").eq(9_007_199_254_740_993_i64),
            field("x").gt(9_007_199_254_740_992.0),
            field("x").lt(5e-324),
            !field("x").gte(1e16),
            field("x").ne(2.0),
        ],
    )
    .await;
}

async fn strings_with_u0000_are_in_the_overflow_and_meet_filters(place: Place) {
    let texts = [
        "",
        "\0",
        "a",
        "a\0",
        "a\0b",
        "ab",
        "\u{1}",
        "\u{2}b",
        "\\u0000",
        "a\\",
        "a\0\\u0000b",
        "\u{3}",
        "n\n",
        "\"\0\"",
    ];
    let values = texts.iter().map(|t| Value::from(*t)).chain([
        Value::list(["x", "a\0b"]),
        Value::list(["x", "ab"]),
        Value::from_json(serde_json::json!([1, "a\0b"])).unwrap().unwrap(),
        Value::from(7),
    ]);
    let records = records(values.map(|v| Metadata::new().with("free", v).with("n", 1)));
    let mut records: Vec<Record> = records;
    for record in &mut records {
        // A declared field is asked of its indexes as well.
        if let Some(value) = record
            .metadata
            .get("free")
            .filter(|v| !matches!(v, Value::Opaque(_)) && v.as_integer().is_none())
            .cloned()
        {
            record.metadata.insert("text", value);
        }
    }
    records.push(Record::new("none", vec![1.0, 1.0, 1.0]));
    fill(&place, &IndexSpec::new("texts", 3).field("text", FieldType::String), &records).await;
    let read = place
        .storage
        .get(&GetRequest::new("texts", &records.iter().map(|r| r.id.clone()).collect::<Vec<_>>()))
        .await;
    assert_eq!(read.unwrap().into_iter().flatten().collect::<Vec<_>>(), records);
    for key in ["free", "text"] {
        let mut filters = vec![field(key).exists(), !field(key).exists()];
        for text in ["", "\0", "a", "a\0", "a\0b", "ab", "\u{1}", "u0000", "\\", "n", "\u{2}"] {
            filters.extend([
                field(key).eq(text),
                field(key).ne(text),
                field(key).gt(text),
                field(key).gte(text),
                field(key).lt(text),
                field(key).lte(text),
                field(key).contains(text),
                field(key).starts_with(text),
                field(key).ends_with(text),
                field(key).is_in([text, "x"]),
                !field(key).eq(text),
                !field(key).lt(text),
            ]);
        }
        filters.retain(|f| {
            let n = records.iter().filter(|r| f.matches(&r.id, &r.metadata)).count();
            n > 0 && n < records.len()
        });
        assert!(filters.len() > 90, "{}", filters.len());
        compare(&*place.storage, "texts", &records, filters).await;
    }
}

/// A sorted index takes no key of 2.7 kB; text that does not compress shows it.
async fn long_strings_in_a_declared_field_are_stored_and_found(place: Place) {
    let long = |seed: u32| -> String {
        let mut x = seed;
        (0..100_000)
            .map(|_| {
                x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                char::from(b'a' + (x >> 24) as u8 % 26)
            })
            .collect()
    };
    let (a, b) = (long(1), long(2));
    let twin = format!("{}!", &a[..99_999]);
    let records = records(
        [&a, &b, &twin, &a[..300].to_owned(), &"~".to_owned()]
            .map(|t| Metadata::new().with("text", t.as_str())),
    );
    fill(&place, &IndexSpec::new("texts", 3).field("text", FieldType::String), &records).await;
    compare(
        &*place.storage,
        "texts",
        &records,
        [
            field("text").eq(a.as_str()),
            field("text").starts_with(&a[..99_999]),
            field("text").starts_with(&a[..256]),
            field("text").gt(a.as_str()),
            field("text").gte(a.as_str()),
            field("text").lt(a.as_str()),
            field("text").is_in([a.as_str(), b.as_str()]),
        ],
    )
    .await;
}

async fn null_logic_loses_no_record(place: Place) {
    let records = records([
        Metadata::new(),
        Metadata::new().with("x", 1),
        Metadata::new().with("x", "1"),
        Metadata::new().with("x", true),
        Metadata::new().with("x", Vec::<i64>::new()),
        Metadata::new().with("x", [1, 2]),
    ]);
    fill(&place, &IndexSpec::new("mixed", 3), &records).await;
    place.sql("UPDATE mixed SET metadata = jsonb_set(metadata, '{x}', 'null') WHERE id = 'r0'").await;
    compare(
        &*place.storage,
        "mixed",
        &records,
        [
            field("x").ne(1),
            !field("x").eq(1),
            !field("x").ne(1),
            field("x").not_in([1, 2]),
            !field("x").gt(0),
            field("x").exists(),
        ],
    )
    .await;
}

async fn a_list_and_an_array_of_many_types_differ(place: Place) {
    let json = |v: serde_json::Value| Value::from_json(v).unwrap().unwrap();
    let values = [
        json(serde_json::json!([1, 2])),
        json(serde_json::json!([1, 2.0])),
        json(serde_json::json!([1.0, 2.0])),
        json(serde_json::json!([1, "a"])),
        json(serde_json::json!([[1], [2]])),
        json(serde_json::json!([1, null])),
        json(serde_json::json!({"a": 1})),
        json(serde_json::json!("[1, 2]")),
        json(serde_json::json!(["a"])),
        json(serde_json::json!([true])),
    ];
    let records = records(values.iter().map(|v| Metadata::new().with("x", v.clone())));
    fill(&place, &IndexSpec::new("lists", 3), &records).await;
    compare(
        &*place.storage,
        "lists",
        &records,
        [
            field("x").eq(1),
            field("x").contains(1),
            field("x").contains("a"),
            field("x").eq(true),
            field("x").gt(1.5),
            field("x").contains("[1"),
            field("x").ne(1),
            !field("x").contains(1),
        ],
    )
    .await;
}

async fn vectors_past_2000_dimensions_come_back_bit_for_bit(place: Place) {
    let engine = EngineParams { kind: Some(EngineKind::Hnsw), ..EngineParams::default() };
    let spec = IndexSpec::new("wide", 2_001).metric(Metric::Cosine).engine(engine);
    let vector = |n: usize| {
        (0..2_001).map(|d| ((n * 31 + d * 7) % 101) as f32 * 1_234.567 + 0.123_456_7).collect::<Vec<f32>>()
    };
    let records: Vec<Record> = (0..60).map(|n| Record::new(format!("r{n:02}"), vector(n))).collect();
    fill(&place, &spec, &records).await;
    let ids: Vec<String> = records.iter().map(|r| r.id.clone()).collect();
    let read = place.storage.get(&GetRequest::new("wide", &ids)).await.unwrap();
    assert_eq!(read.into_iter().flatten().collect::<Vec<_>>(), records);
    let request = SearchRequest::new("wide", vector(17)).top_k(3);
    let (near, exact) = (
        place.storage.search(&request).await.unwrap(),
        place.storage.search(&request.exact(true)).await.unwrap(),
    );
    assert_eq!(near.matches, exact.matches, "scores are those of the vectors, not of their halves");
    assert_eq!(near.matches[0].id, "r17");
    let info = place.storage.describe_index("wide", OPTIONS).await.unwrap();
    assert_eq!(info.spec, spec);
}

async fn a_component_beyond_halfvec_fails_alone(place: Place) {
    let engine = EngineParams { kind: Some(EngineKind::Hnsw), ..EngineParams::default() };
    let spec = IndexSpec::new("wide", 2_001).metric(Metric::DotProduct);
    place.storage.create_index(&spec.clone().engine(engine), OPTIONS).await.unwrap();
    let records = [Record::new("fits", vec![60_000.0; 2_001]), Record::new("beyond", vec![70_000.0; 2_001])];
    let written = place.storage.upsert(&UpsertRequest::new("wide", &records[..])).await.unwrap();
    assert!(written.items[0].is_stored());
    assert!(
        matches!(&written.items[1], Outcome::Failed(e) if e.kind() == ErrorKind::InvalidArgument),
        "{written:?}"
    );
    let mut open = spec;
    open.name = "open".to_owned();
    place.storage.create_index(&open, OPTIONS).await.unwrap();
    upsert(&*place.storage, "open", &records).await;
}

async fn an_index_made_again_by_another_program_is_seen(place: Place) {
    fill(&place, &IndexSpec::new("items", 3), &records([Metadata::new().with("x", 1)])).await;
    let other = place.with("pool_size=1").await;
    other.delete_index("items", OPTIONS).await.unwrap();
    other.create_index(&IndexSpec::new("items", 3).metric(Metric::Manhattan), OPTIONS).await.unwrap();
    upsert(&*place.storage, "items", &records([Metadata::new(), Metadata::new().with("x", 2)])).await;
    assert_eq!(ids(&*place.storage, "items", &field("x").eq(2)).await, ["r1"]);
}

async fn a_change_of_dimension_by_another_program_is_seen(place: Place) {
    fill(&place, &IndexSpec::new("items", 3), &records([Metadata::new()])).await;
    let other = place.with("pool_size=1").await;
    other.delete_index("items", OPTIONS).await.unwrap();
    other.create_index(&IndexSpec::new("items", 2), OPTIONS).await.unwrap();
    upsert(&*other, "items", &[Record::new("a", vec![1.0, 2.0])]).await;
    let e = place.storage.search(&SearchRequest::new("items", vec![1.0, 2.0, 3.0])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::DimensionMismatch, "{e}");
    upsert(&*place.storage, "items", &[Record::new("b", vec![1.0, 2.0])]).await;
}

async fn names_and_keys_stay_in_their_quotes(place: Place) {
    place.sql("CREATE TABLE witness (x int)").await;
    let keys = ["a'b", "a\"b", "a\\'; DROP TABLE witness; --", "k$1", "é", "{}", "a->>b", "%s"];
    let mut spec = IndexSpec::new("hostile", 3);
    let mut metadata = Metadata::new();
    for key in keys {
        spec = spec.field(key, FieldType::String);
        metadata.insert(key, "'; DROP TABLE witness; --");
    }
    let records = records([metadata.clone(), Metadata::new()]);
    fill(&place, &spec, &records).await;
    for key in keys {
        let filters = [
            field(key).eq("'; DROP TABLE witness; --"),
            field(key).starts_with("'; DROP"),
            field(key).gt("'"),
            !field(key).exists(),
        ];
        compare(&*place.storage, "hostile", &records, filters).await;
    }
    assert_eq!(place.storage.describe_index("hostile", OPTIONS).await.unwrap().spec, spec);
    for name in ["x\"; DROP TABLE witness; --", "witness", "pg_class"] {
        let e = place.storage.describe_index(name, OPTIONS).await.unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Unsupported), "{e}");
    }
    let long = "x".repeat(70);
    place.sql(&format!("CREATE TABLE \"{}\" (id text PRIMARY KEY, embedding vector(3))", &long[..63])).await;
    let e = place.storage.delete_index(&long, OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "a name is not cut to another: {e}");
    place.sql("SELECT 1 FROM witness").await;
}

async fn order_is_that_of_bytes(place: Place) {
    let texts = ["B", "a", "Z", "z", "é", "e", "É", "a b", "a-b", "ab", "10", "9"];
    let records = records(texts.map(|t| Metadata::new().with("text", t).with("free", t)));
    fill(&place, &IndexSpec::new("texts", 3).field("text", FieldType::String), &records).await;
    for key in ["text", "free"] {
        let filters = ["B", "a b", "z", "9"].map(|t| [field(key).gt(t), field(key).lte(t)]).concat();
        compare(&*place.storage, "texts", &records, filters).await;
    }
}

async fn a_query_beyond_halfvec_is_answered_exactly(place: Place) {
    let spec = hnsw("companies", 2_500).metric(Metric::DotProduct);
    fill(&place, &spec, &line(30, 2_500, |_| Metadata::new())).await;
    let mut query = vec![0.0; 2_500];
    query[0] = 1e5;
    let found = place.storage.search(&SearchRequest::new("companies", query).top_k(3)).await.unwrap();
    assert_eq!(found.exactness, Exactness::Exact);
    assert_eq!(
        found.matches.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(),
        ["r00029", "r00028", "r00027"]
    );
}

/// The server sums in f32: thousands of equal terms go astray.
async fn distances_past_3072_dimensions_are_true(place: Place) {
    let dimension = 16_000;
    let record = Record::new("a", vec![0.7; dimension]);
    let spec = IndexSpec::new("companies", dimension).metric(Metric::Euclidean);
    fill(&place, &spec, std::slice::from_ref(&record)).await;
    let request = SearchRequest::new("companies", vec![1.0 / 3.0; dimension]);
    let found = place.storage.search(&request).await.unwrap().matches.remove(0);
    let apart = f64::from(0.7_f32) - f64::from(1.0_f32 / 3.0);
    let expected = (apart * apart * dimension as f64).sqrt();
    assert!((f64::from(found.distance) - expected).abs() < 1e-5, "{} and {expected}", found.distance);
    assert_eq!(found.vector, None);
}

async fn a_table_without_vectors_is_no_index_and_is_not_dropped(place: Place) {
    place
        .sql("CREATE TABLE orders (id int PRIMARY KEY, amount numeric); INSERT INTO orders VALUES (1, 2)")
        .await;
    let e = place.storage.delete_index("orders", OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    assert_eq!(place.admin.query("SELECT FROM orders", &[]).await.unwrap().len(), 1);
}

async fn a_table_that_others_refer_to_is_cleared(place: Place) {
    fill(&place, &IndexSpec::new("companies", 3), &records([Metadata::new(), Metadata::new()])).await;
    place.sql("CREATE TABLE notes (of text REFERENCES companies (id))").await;
    place.storage.clear("companies", OPTIONS).await.unwrap();
    assert_eq!(place.admin.query("SELECT FROM companies", &[]).await.unwrap().len(), 0);
}

async fn an_id_with_u0000_is_one_that_nothing_has(place: Place) {
    let records = records([Metadata::new(), Metadata::new()]);
    fill(&place, &IndexSpec::new("companies", 3), &records).await;
    let ids_in = portolan_core::filter::id_in(["a\0b".to_owned(), records[1].id.clone()]);
    compare(&*place.storage, "companies", &records, [ids_in.clone(), !ids_in]).await;
}

/// A statement binds at most 65,535 values.
async fn a_filter_of_ten_thousand_leaves_is_answered(place: Place) {
    let records = records((0..20).map(|n| Metadata::new().with("name", format!("company {n}"))));
    fill(&place, &IndexSpec::new("companies", 3).field("name", FieldType::String), &records).await;
    let leaf = |n: usize| match n % 2 {
        0 => field("name").contains(format!("y {n} ")),
        _ => field("name").eq(format!("company {n}")),
    };
    let filter = (0..10_000).map(leaf).reduce(|all, leaf| all | leaf).unwrap();
    compare(&*place.storage, "companies", &records, [filter]).await;
}

async fn health_names_the_server_and_the_extension(place: Place) {
    let version = place.storage.health(OPTIONS).await.unwrap().version.unwrap();
    assert!(version.contains("PostgreSQL") && version.contains("pgvector"), "{version}");
}

async fn writes_wait_for_the_disk_whatever_the_servers_default(place: Place) {
    place.storage.create_index(&hnsw("items", 3), OPTIONS).await.unwrap();
    place
        .sql(&format!(
            "CREATE TABLE seen (setting text); \
             CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO \"{}\".seen VALUES (current_setting('synchronous_commit')); RETURN NEW; END $$; \
             CREATE TRIGGER note AFTER INSERT OR UPDATE ON items FOR EACH ROW EXECUTE FUNCTION note()",
            place.schema
        ))
        .await;
    for (default, used) in [("off", "on"), ("local", "local")] {
        let storage = place.with(&format!("options=-c%20synchronous_commit={default}")).await;
        upsert(&*storage, "items", &records([Metadata::new()])).await;
        let seen = place.admin.query_one("DELETE FROM seen RETURNING setting", &[]).await.unwrap();
        assert_eq!(seen.get::<_, String>(0), used);
    }
}
