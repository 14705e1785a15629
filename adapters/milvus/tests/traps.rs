//! What real servers do otherwise than the contract says, trap by trap: each case ran into one.
//!
//! Runs against each server that the environment names; without one the cases are ignored.

// A case fails by a panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod proto;

use std::future::Future;
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use portolan_core::filter::field;
use portolan_core::{
    CallOptions, CountRequest, Cursor, EngineKind, EngineParams, ErrorKind, FieldType, Filter, GetRequest,
    IndexSpec, MemoryStorage, Metadata, Metric, Outcome, Record, ScanRequest, SearchRequest,
    UpsertRequest as Upsert, VectorStorage,
};
use portolan_testkit::wire::{Fault, Faulty};
use prost::Message;
use proto::common::{KeyValuePair, Status};
use proto::milvus::milvus_service_client::MilvusServiceClient;
use proto::milvus::{CreateCollectionRequest, CreateIndexRequest, ReleaseCollectionRequest, UpsertRequest};
use proto::schema::{
    CollectionSchema, DataType, DoubleArray, FieldData, FieldSchema, FloatArray, JsonArray, LongArray,
    ScalarField, StringArray, VectorField, field_data, scalar_field, vector_field,
};
use serde_json::json;
use tonic::transport::Channel;

const OPTIONS: CallOptions = CallOptions::new();

/// A store, and the raw server behind it.
#[derive(Clone)]
struct Milvus {
    storage: Arc<dyn VectorStorage>,
    raw: MilvusServiceClient<Channel>,
    name: String,
    /// Where the server listens.
    address: String,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let trials = ["milvus", "milvus-lite"].into_iter().flat_map(|server| trials(&runtime, server)).collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(2));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn trials(runtime: &tokio::runtime::Runtime, server: &'static str) -> Vec<Trial> {
    macro_rules! each {
        ($($case:ident),* $(,)?) => {
            vec![$(trial(runtime, server, stringify!($case), |m| Box::pin($case(m)))),*]
        };
    }
    each![
        negation_over_json_takes_no_missing_key_by_mistake,
        a_null_of_another_program_does_not_exist,
        true_is_not_one,
        text_of_json_is_no_list,
        a_mixed_list_equals_nothing,
        integers_beyond_2_53_are_told_apart,
        the_least_integer_is_an_operand,
        like_has_no_escape,
        two_hundred_alternatives_are_not_too_deep,
        the_row_count_before_a_flush_is_right,
        pages_of_several_segments_are_complete,
        a_released_collection_is_loaded_again,
        creating_twice_is_told,
        distances_are_not_squared,
        collections_of_others_are_read_and_searched,
        a_partition_key_loses_no_record,
        scores_of_compressed_vectors_are_not_told,
        a_cursor_is_no_expression,
        a_key_that_looks_like_a_path_is_asked_for,
        replicas_that_the_server_cannot_load_leave_no_index,
        an_import_through_a_server_that_goes_is_told_truly,
    ]
}

fn trial<F>(runtime: &tokio::runtime::Runtime, server: &'static str, name: &'static str, case: F) -> Trial
where
    F: FnOnce(Milvus) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send>> + Send + 'static,
{
    let uri = portolan_testkit::server::uri(server);
    let absent = uri.is_none();
    let handle = runtime.handle().clone();
    let run = move || -> Result<(), Failed> {
        let Some(uri) = uri else { return Err("no server".into()) };
        handle.block_on(async move {
            let milvus = Milvus::open(&uri).await;
            let after = milvus.clone();
            let ended = tokio::spawn(case(milvus)).await;
            // Where the case made no index there is nothing to delete.
            let _ = after.storage.delete_index(&after.name, OPTIONS).await;
            ended.map_err(|e| Failed::from(e.to_string()))
        })
    };
    Trial::test(format!("{server}::{name}"), run).with_ignored_flag(absent)
}

impl Milvus {
    async fn open(uri: &str) -> Self {
        let storage = portolan_milvus::open(uri.parse().unwrap()).await.unwrap();
        let endpoint = Channel::from_shared(uri.replace("milvus://", "http://")).unwrap();
        let raw = MilvusServiceClient::new(endpoint.connect_lazy());
        let name = format!("trap-{}", uuid::Uuid::new_v4().simple().to_string().split_at(16).0);
        let address = uri.replace("milvus://", "").trim_end_matches('/').to_owned();
        Self { storage, raw, name, address }
    }

    /// The collection's name in the server.
    fn native(&self) -> String {
        self.name.replace('-', "__")
    }

    async fn index(&self, spec: IndexSpec, metadata: &[serde_json::Value]) {
        self.storage.create_index(&spec, OPTIONS).await.unwrap();
        let records = records(metadata);
        self.storage.upsert(&Upsert::new(&self.name, &records)).await.unwrap().into_result().unwrap();
    }

    /// A collection as another program makes it, with a dynamic field and an index over `embedding`.
    async fn collection(&self, fields: Vec<FieldSchema>, index: &str, params: &str) {
        let schema = CollectionSchema {
            name: self.native(),
            fields,
            enable_dynamic_field: true,
            ..CollectionSchema::default()
        };
        let mut raw = self.raw.clone();
        let create = CreateCollectionRequest {
            collection_name: self.native(),
            schema: schema.encode_to_vec(),
            shards_num: 1,
            ..Default::default()
        };
        good(&raw.create_collection(create).await.unwrap().into_inner());
        let index = CreateIndexRequest {
            collection_name: self.native(),
            field_name: "embedding".into(),
            extra_params: pairs(&[("index_type", index), ("metric_type", "L2"), ("params", params)]),
            ..Default::default()
        };
        good(&raw.create_index(index).await.unwrap().into_inner());
    }

    async fn is_lite(&self) -> bool {
        self.storage.health(OPTIONS).await.unwrap().version.is_some_and(|v| v.starts_with("milvus_lite"))
    }

    fn spec(&self) -> IndexSpec {
        IndexSpec::new(&self.name, 2).metric(Metric::Euclidean)
    }

    async fn ids(&self, filter: &Filter) -> Vec<String> {
        ids(self.storage.as_ref(), &self.name, filter).await
    }

    /// Compares filters with the oracle, each of which selects some records and not all.
    async fn compare(&self, metadata: &[serde_json::Value], filters: impl IntoIterator<Item = Filter>) {
        let oracle = MemoryStorage::default();
        oracle.create_index(&self.spec(), OPTIONS).await.unwrap();
        let records = records(metadata);
        oracle.upsert(&Upsert::new(&self.name, &records)).await.unwrap().into_result().unwrap();
        for filter in filters {
            let expected = ids(&oracle, &self.name, &filter).await;
            assert!(!expected.is_empty() && expected.len() < records.len(), "{filter} tells nothing");
            assert_eq!(self.ids(&filter).await, expected, "{filter}");
            let count =
                self.storage.count(&CountRequest::new(&self.name).filter(Some(&filter))).await.unwrap();
            assert_eq!(count, expected.len() as u64, "{filter}");
        }
    }
}

fn records(metadata: &[serde_json::Value]) -> Vec<Record> {
    let record = |(n, metadata): (usize, &serde_json::Value)| {
        Record::new(format!("r{n:05}"), vec![n as f32, 1.0])
            .metadata(Metadata::from_json(metadata.clone()).unwrap())
    };
    metadata.iter().enumerate().map(record).collect()
}

async fn ids(storage: &dyn VectorStorage, index: &str, filter: &Filter) -> Vec<String> {
    let request = SearchRequest::new(index, vec![0.0, 1.0]).top_k(10_000).filter(filter.clone());
    let mut ids: Vec<String> =
        storage.search(&request).await.unwrap().matches.into_iter().map(|m| m.id).collect();
    ids.sort_unstable();
    ids
}

/// `!=`, `not in` and `not` over a JSON key that is missing, null or of another type differ from server to server.
async fn negation_over_json_takes_no_missing_key_by_mistake(m: Milvus) {
    let metadata = [
        json!({"k": 1}),
        json!({"k": 2}),
        json!({"k": "1"}),
        json!({"k": [1, 3]}),
        json!({"k": []}),
        json!({}),
    ];
    m.index(m.spec(), &metadata).await;
    let key = || field("k");
    let filters = [
        key().ne(1),
        !key().eq(1),
        key().not_in([1, 2]),
        !key().is_in([1, 2]),
        !key().exists(),
        !key().gt(1),
    ];
    for filter in &filters {
        let request = SearchRequest::new(&m.name, vec![0.0, 1.0]).filter(filter.clone());
        let native = m.storage.explain(&request).await.unwrap().native.unwrap_or_default();
        assert!(!native.contains("!=") && !native.contains("not"), "{filter}: {native}");
    }
    m.compare(&metadata, filters).await;
}

/// Milvus 2.3 says that a key with null exists.
async fn a_null_of_another_program_does_not_exist(m: Milvus) {
    m.index(m.spec(), &[json!({"k": 1}), json!({})]).await;
    let texts = |texts: &[&str]| StringArray { data: texts.iter().map(|t| (*t).to_owned()).collect() };
    let objects = JsonArray { data: vec![br#"{"k": null}"#.to_vec()] };
    let fields = vec![
        scalars("id", DataType::VarChar, scalar_field::Data::StringData(texts(&["null"]))),
        floats("vector", 2, vec![9.0, 1.0]),
        scalars("metadata", DataType::Json, scalar_field::Data::JsonData(objects)),
    ];
    m.write(fields, 1).await;
    assert_eq!(m.ids(&field("k").exists()).await, ["r00000"]);
    assert_eq!(m.ids(&!field("k").exists()).await, ["null", "r00001"]);
    let count =
        m.storage.count(&CountRequest::new(&m.name).filter(Some(&field("k").exists()))).await.unwrap();
    assert_eq!(count, 1);
}

/// Milvus Lite compares as Python does, where `True == 1`.
async fn true_is_not_one(m: Milvus) {
    let metadata = [
        json!({"k": 1}),
        json!({"k": true}),
        json!({"k": 0.0}),
        json!({"k": false}),
        json!({"k": [true]}),
        json!({"k": [1]}),
    ];
    m.index(m.spec(), &metadata).await;
    let key = || field("k");
    m.compare(
        &metadata,
        [key().eq(1), key().eq(true), key().eq(0), key().eq(false), key().contains(1), key().lt(0.5)],
    )
    .await;
}

/// Milvus Lite reads a text that is JSON as what it says.
async fn text_of_json_is_no_list(m: Milvus) {
    let metadata = [json!({"k": "[1, \"a\"]"}), json!({"k": ["a"]}), json!({"k": "a"}), json!({"k": [1]})];
    m.index(m.spec().field("k2", FieldType::String), &metadata).await;
    m.compare(&metadata, [field("k").eq("a"), field("k").eq(1), field("k").contains("a")]).await;
}

/// `json_contains` looks into lists of mixed types, which are one opaque value here.
async fn a_mixed_list_equals_nothing(m: Milvus) {
    let metadata =
        [json!({"k": [1, "a", null]}), json!({"k": [1, 2]}), json!({"k": [[1]]}), json!({"k": [1, 2.5]})];
    m.index(m.spec(), &metadata).await;
    m.compare(
        &metadata,
        [field("k").eq(1), field("k").is_in([1, 7]), field("k").contains(2), field("k").gt(0)],
    )
    .await;
}

/// Milvus 2.3 compares an integer with a float as floats.
async fn integers_beyond_2_53_are_told_apart(m: Milvus) {
    let metadata = [
        json!({"k": 9_007_199_254_740_993_i64}),
        json!({"k": 9_007_199_254_740_992.0}),
        json!({"k": 9_007_199_254_740_992_i64}),
        json!({"k": i64::MAX}),
        json!({"k": 1_746_714_878_034_235_396_i64}),
        json!({"k": [9_007_199_254_740_993_i64]}),
    ];
    m.index(m.spec(), &metadata).await;
    let big = 9_007_199_254_740_993_i64;
    let key = || field("k");
    let filters = [
        key().eq(big),
        key().eq(9_007_199_254_740_992.0),
        key().gt(9_007_199_254_740_992_i64),
        key().lt(big),
        key().lte(9_007_199_254_740_992.0),
        key().eq(1_746_714_878_034_235_396_i64),
        key().is_in([i64::MAX, 5]),
    ];
    m.compare(&metadata, filters).await;
}

/// Milvus 2.3 reads the sign of a literal apart from its digits, which are then out of range.
async fn the_least_integer_is_an_operand(m: Milvus) {
    let metadata = [json!({"k": i64::MIN}), json!({"k": i64::MIN + 1}), json!({"k": 0})];
    m.index(m.spec(), &metadata).await;
    let key = || field("k");
    m.compare(&metadata, [key().eq(i64::MIN), key().gt(i64::MIN), key().is_in([i64::MIN, 0])]).await;
}

/// `like` cannot escape `%` and `_` before 2.5, and finds prefixes only before 2.4.
async fn like_has_no_escape(m: Milvus) {
    let metadata = [
        json!({"k": "50% off"}),
        json!({"k": "500 off"}),
        json!({"k": "a_b"}),
        json!({"k": "axb"}),
        json!({"k": r"c:\d"}),
        json!({"k": "c:/d"}),
        json!({"k": ["50% off"]}),
    ];
    m.index(m.spec(), &metadata).await;
    let key = || field("k");
    let filters = [
        key().contains("0% o"),
        key().starts_with("50%"),
        key().ends_with("_b"),
        key().contains("_"),
        key().starts_with("a_"),
        key().contains(r":\"),
        key().ends_with(r"\d"),
    ];
    m.compare(&metadata, filters).await;
}

/// A chain of alternatives nests, and a plan may nest a hundred messages.
async fn two_hundred_alternatives_are_not_too_deep(m: Milvus) {
    let metadata: Vec<_> = (0..300).map(|n| json!({"k": n, "s": n.to_string()})).collect();
    m.index(m.spec(), &metadata).await;
    let any = (0..200).map(|n| field("k").eq(n)).reduce(|a, b| a | b).unwrap();
    let all = (0..200).map(|n| field("s").ne(n.to_string())).reduce(|a, b| a & b).unwrap();
    let many = field("s").is_in((0..250).map(|n| n.to_string()).collect::<Vec<_>>());
    m.compare(&metadata, [any, all, many]).await;
}

/// The statistics of a collection count nothing before a flush.
async fn the_row_count_before_a_flush_is_right(m: Milvus) {
    m.index(m.spec(), &[json!({}), json!({}), json!({})]).await;
    assert_eq!(m.storage.stats(&m.name, false, OPTIONS).await.unwrap().vectors, 3);
}

/// Rows written again lie in other segments than before, each with an order of its own.
async fn pages_of_several_segments_are_complete(m: Milvus) {
    let metadata: Vec<_> = (0..3_000).map(|n| json!({"n": n})).collect();
    m.index(m.spec(), &metadata).await;
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
async fn a_released_collection_is_loaded_again(m: Milvus) {
    m.index(m.spec(), &[json!({"k": 1}), json!({})]).await;
    let request = ReleaseCollectionRequest { collection_name: m.native(), ..Default::default() };
    good(&m.raw.clone().release_collection(request).await.unwrap().into_inner());
    assert_eq!(m.ids(&field("k").exists()).await, ["r00000"]);
}

/// Milvus takes a second creation of an equal collection for the first, repeated.
async fn creating_twice_is_told(m: Milvus) {
    m.storage.create_index(&m.spec(), OPTIONS).await.unwrap();
    let error = m.storage.create_index(&m.spec(), OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    let missing = format!("{}-x", m.name);
    let error = m.storage.delete_index(&missing, OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// The metric L2 returns the square.
async fn distances_are_not_squared(m: Milvus) {
    for kind in EngineKind::ALL {
        let engine = EngineParams { kind: Some(kind), ..EngineParams::default() };
        m.index(m.spec().engine(engine), &[json!({}), json!({}), json!({})]).await;
        let request = SearchRequest::new(&m.name, vec![5.0, 5.0]).top_k(1);
        let found = m.storage.search(&request).await.unwrap();
        assert_eq!((found.matches[0].id.as_str(), found.matches[0].distance), ("r00002", 5.0), "{kind:?}");
        m.storage.delete_index(&m.name, OPTIONS).await.unwrap();
    }
}

/// Milvus 2.3 takes another field's values for the partition key of an upserted record, which is then found under no
/// equality of it.
async fn a_partition_key_loses_no_record(m: Milvus) {
    let spec = m.spec().field("tenant", FieldType::String).option("partition_key", "tenant");
    let created = m.storage.create_index(&spec, OPTIONS).await;
    if !m.is_lite().await {
        assert_eq!(created.unwrap_err().kind(), ErrorKind::Unsupported);
        assert!(!m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
        return a_partition_key_of_others_is_not_written(m).await;
    }
    created.unwrap();
    let tenants = ["a", "b", "c", "", "partition"];
    let mut metadata: Vec<serde_json::Value> =
        (0..60).map(|n| json!({"tenant": tenants[n % 5], "n": n})).collect();
    metadata.extend([json!({}), json!({"tenant": ["a", "c"]}), json!({"tenant": "x".repeat(300)})]);
    let records = records(&metadata);
    for _ in 0..2 {
        m.storage.upsert(&Upsert::new(&m.name, &records)).await.unwrap().into_result().unwrap();
    }
    let tenant = || field("tenant");
    m.compare(
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
    m.compare(&metadata, [tenant().eq("a"), tenant().eq("b")]).await;
}

async fn a_partition_key_of_others_is_not_written(m: Milvus) {
    let vector =
        FieldSchema { type_params: pairs(&[("dim", "2")]), ..column("embedding", DataType::FloatVector) };
    let tenant = FieldSchema {
        is_partition_key: true,
        type_params: pairs(&[("max_length", "100")]),
        ..column("tenant", DataType::VarChar)
    };
    let id = FieldSchema { is_primary_key: true, ..column("pk", DataType::Int64) };
    m.collection(vec![id, vector, tenant], "FLAT", "{}").await;
    let record = Record::new("1", vec![1.0, 1.0]).metadata(Metadata::new().with("tenant", "a"));
    let e = m.storage.upsert(&Upsert::new(&m.name, &vec![record])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    assert_eq!(m.storage.count(&CountRequest::new(&m.name)).await.unwrap(), 0);
}

/// An index of other programs may hold codes instead of vectors, and the server then scores those.
async fn scores_of_compressed_vectors_are_not_told(m: Milvus) {
    let vector =
        FieldSchema { type_params: pairs(&[("dim", "4")]), ..column("embedding", DataType::FloatVector) };
    let id = FieldSchema { is_primary_key: true, ..column("pk", DataType::Int64) };
    m.collection(vec![id, vector], "IVF_SQ8", r#"{"nlist": 4}"#).await;
    let at =
        |n: u16| [f32::from(n % 31), f32::from(n % 17) / 3.0, f32::from(n % 7) / 9.0, f32::from(n) / 50.0];
    let records: Vec<Record> = (0..600).map(|n| Record::new(n.to_string(), at(n).to_vec())).collect();
    m.storage.upsert(&Upsert::new(&m.name, &records)).await.unwrap().into_result().unwrap();
    m.storage.optimize(&m.name, OPTIONS).await.map(drop).unwrap_or_default();
    for n in [7, 300, 599] {
        let request = SearchRequest::new(&m.name, at(n).to_vec()).top_k(5).nprobe(4);
        let found = m.storage.search(&request).await.unwrap().matches;
        assert_eq!((found[0].id.as_str(), found[0].distance), (n.to_string().as_str(), 0.0));
        for row in found {
            let other = at(row.id.parse().unwrap());
            let squares = at(n).into_iter().zip(other).map(|(a, b)| (f64::from(a) - f64::from(b)).powi(2));
            let expected = squares.sum::<f64>().sqrt();
            assert!((f64::from(row.distance) - expected).abs() < 1e-5, "{}: {expected}", row.distance);
        }
    }
}

/// Integer keys stand in expressions as they are.
async fn a_cursor_is_no_expression(m: Milvus) {
    let vector =
        FieldSchema { type_params: pairs(&[("dim", "2")]), ..column("embedding", DataType::FloatVector) };
    let id = FieldSchema { is_primary_key: true, ..column("pk", DataType::Int64) };
    m.collection(vec![id, vector], "FLAT", "{}").await;
    let records: Vec<Record> = (1..6).map(|n| Record::new(n.to_string(), vec![n as f32, 1.0])).collect();
    m.storage.upsert(&Upsert::new(&m.name, &records)).await.unwrap().into_result().unwrap();
    let filter = portolan_core::filter::id_in(["1", "2"].map(str::to_owned));
    let scan = |cursor: Option<Cursor>| {
        let (m, filter) = (m.clone(), filter.clone());
        async move {
            let request =
                ScanRequest::new(&m.name).filter(Some(&filter)).page_size(1).cursor(cursor.as_ref());
            m.storage.scan(&request).await
        }
    };
    let page = scan(None).await.unwrap();
    let cursor = page.cursor.unwrap();
    assert_eq!(scan(Some(cursor.clone())).await.unwrap().records[0].id, "2");
    let forged = cursor.as_str().replace(":1", ":0) or (pk >= 0");
    assert_ne!(forged, cursor.as_str());
    let e = scan(Some(Cursor::new(forged))).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
}

/// Milvus splits a path at brackets in a key, though they stand in quotes.
async fn a_key_that_looks_like_a_path_is_asked_for(m: Milvus) {
    let metadata = [json!({"a][b": 1}), json!({"a][b": "x"}), json!({"a": {"b": 1}}), json!({})];
    m.index(m.spec(), &metadata).await;
    let key = || field("a][b");
    m.compare(&metadata, [key().eq(1), key().exists(), key().contains("x"), !key().exists()]).await;
}

/// The collection is there when its loading fails, and would be taken for an index.
async fn replicas_that_the_server_cannot_load_leave_no_index(m: Milvus) {
    let created = m.storage.create_index(&m.spec().option("replicas", 3), OPTIONS).await;
    if m.is_lite().await {
        // It has no nodes, and takes any number.
        return created.unwrap();
    }
    let e = created.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
    assert!(e.message().contains("replicas"), "{e}");
    assert!(!m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
}

/// A collection with integer keys, typed fields and a dynamic field, as the vendor's clients make them.
async fn collections_of_others_are_read_and_searched(m: Milvus) {
    let vector =
        FieldSchema { type_params: pairs(&[("dim", "2")]), ..column("embedding", DataType::FloatVector) };
    let text =
        FieldSchema { type_params: pairs(&[("max_length", "100")]), ..column("title", DataType::VarChar) };
    let id = FieldSchema { is_primary_key: true, ..column("pk", DataType::Int64) };
    let year = column("year", DataType::Int64);
    m.collection(vec![id, vector, text, year, column("ratio", DataType::Double)], "FLAT", "{}").await;
    let titles = StringArray { data: vec!["one".into(), "two".into(), "three".into()] };
    let rest = [json!({"tag": "a"}), json!({"tag": ["b", "c"], "n": 2}), json!({})];
    let rest = JsonArray { data: rest.iter().map(|j| j.to_string().into_bytes()).collect() };
    let dynamic = scalars("$meta", DataType::Json, scalar_field::Data::JsonData(rest));
    let fields = vec![
        scalars("pk", DataType::Int64, scalar_field::Data::LongData(LongArray { data: vec![1, 2, -3] })),
        floats("embedding", 2, vec![1.0, 1.0, 2.0, 1.0, 3.0, 1.0]),
        scalars("title", DataType::VarChar, scalar_field::Data::StringData(titles)),
        scalars(
            "year",
            DataType::Int64,
            scalar_field::Data::LongData(LongArray { data: vec![2001, 2002, 2003] }),
        ),
        scalars(
            "ratio",
            DataType::Double,
            scalar_field::Data::DoubleData(DoubleArray { data: vec![0.5, 1.5, 2.5] }),
        ),
        FieldData { is_dynamic: true, ..dynamic },
    ];
    m.write(fields, 3).await;

    assert!(m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
    let info = m.storage.describe_index(&m.name, OPTIONS).await.unwrap();
    assert_eq!((info.spec.dimension, info.spec.metric), (2, Metric::Euclidean));
    assert_eq!(info.spec.engine.kind, Some(EngineKind::Flat));
    assert_eq!(info.spec.fields["year"], FieldType::Integer);
    let wanted = ["2".to_owned(), "-3".to_owned(), "x".to_owned()];
    let read = m.storage.get(&GetRequest::new(&m.name, &wanted)).await.unwrap();
    let two = read[0].as_ref().unwrap();
    assert_eq!(
        two.metadata.to_json(),
        json!({"title": "two", "year": 2002, "ratio": 1.5, "tag": ["b", "c"], "n": 2})
    );
    assert_eq!(read[1].as_ref().map(|r| r.id.as_str()), Some("-3"));
    assert!(read[2].is_none());
    for (filter, expected) in [
        (field("title").eq("two"), vec!["2"]),
        (field("title").starts_with("t"), vec!["-3", "2"]),
        (field("title").contains("e"), vec!["-3", "1"]),
        (field("year").gt(2001.5), vec!["-3", "2"]),
        (field("year").ne(2002), vec!["-3", "1"]),
        (field("ratio").lte(1.5), vec!["1", "2"]),
        (field("tag").eq("b"), vec!["2"]),
        (field("tag").exists(), vec!["1", "2"]),
        (!field("n").eq(2), vec!["-3", "1"]),
        (portolan_core::filter::id_in(["-3", "x"]), vec!["-3"]),
    ] {
        assert_eq!(m.ids(&filter).await, expected, "{filter}");
    }
    let scanned = m.storage.scan(&ScanRequest::new(&m.name).page_size(2)).await.unwrap();
    assert_eq!(scanned.records.len(), 2);
    let record = Record::new("4", vec![4.0, 1.0]).metadata(
        Metadata::from_json(json!({"title": "four", "year": 2004, "ratio": 0.0, "new": true})).unwrap(),
    );
    let wrong = Record::new("5", vec![4.0, 1.0]);
    let written = m.storage.upsert(&Upsert::new(&m.name, &[record.clone(), wrong][..])).await.unwrap();
    assert!(written.items[0].error().is_none(), "{:?}", written.items[0]);
    assert_eq!(written.items[1].error().map(portolan_core::Error::kind), Some(ErrorKind::InvalidArgument));
    let read = m.storage.get(&GetRequest::new(&m.name, &["4".to_owned()])).await.unwrap();
    assert_eq!(read[0].as_ref().map(|r| &r.metadata), Some(&record.metadata));
}

/// What is reported stored is there, what is reported failed is not, and doing it again completes it.
async fn an_import_through_a_server_that_goes_is_told_truly(m: Milvus) {
    m.index(m.spec(), &[]).await;
    let proxy = Faulty::before(m.address.as_str()).unwrap();
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
    m.storage.upsert(&Upsert::new(&m.name, &records)).await.unwrap().into_result().unwrap();
    assert_eq!(m.storage.count(&CountRequest::new(&m.name)).await.unwrap(), 400);
}

impl Milvus {
    async fn write(&self, fields_data: Vec<FieldData>, num_rows: u32) {
        let request = UpsertRequest {
            collection_name: self.native(),
            fields_data,
            num_rows,
            ..UpsertRequest::default()
        };
        let reply = self.raw.clone().upsert(request).await.unwrap().into_inner();
        good(&reply.status.unwrap());
    }
}

#[allow(deprecated)]
fn good(status: &Status) {
    assert_eq!((status.code, status.error_code), (0, 0), "{}", status.reason);
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<KeyValuePair> {
    pairs.iter().map(|(key, value)| KeyValuePair { key: (*key).into(), value: (*value).into() }).collect()
}

fn column(name: &str, of: DataType) -> FieldSchema {
    FieldSchema { name: name.into(), data_type: of.into(), ..FieldSchema::default() }
}

fn scalars(name: &str, of: DataType, data: scalar_field::Data) -> FieldData {
    FieldData {
        r#type: of.into(),
        field_name: name.into(),
        field: Some(field_data::Field::Scalars(ScalarField { data: Some(data) })),
        ..FieldData::default()
    }
}

fn floats(name: &str, dim: i64, data: Vec<f32>) -> FieldData {
    let data = Some(vector_field::Data::FloatVector(FloatArray { data }));
    FieldData {
        r#type: DataType::FloatVector.into(),
        field_name: name.into(),
        field: Some(field_data::Field::Vectors(VectorField { dim, data })),
        ..FieldData::default()
    }
}
