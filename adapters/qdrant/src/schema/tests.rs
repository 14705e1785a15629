use portolan_core::driver::Deadline;

use super::*;
use portolan_core::{ErrorKind, Metric, Scalar};
use qdrant_client::qdrant::{CollectionParams, Datatype, Distance};
use serde_json::Value as Json;

fn created(spec: &IndexSpec) -> CollectionInfo {
    let request = creation(NewIndex { name: &spec.name, spec, deadline: Deadline::NONE }).unwrap();
    info(
        CollectionParams {
            vectors_config: request.vectors_config,
            shard_number: 1,
            ..CollectionParams::default()
        },
        request.hnsw_config,
        request.metadata,
    )
}

fn info(
    params: CollectionParams,
    hnsw_config: Option<HnswConfigDiff>,
    metadata: HashMap<String, q::Value>,
) -> CollectionInfo {
    let config = q::CollectionConfig { params: Some(params), hnsw_config, metadata, ..Default::default() };
    CollectionInfo { config: Some(config), ..CollectionInfo::default() }
}

fn foreign(vectors: vectors_config::Config) -> CollectionInfo {
    let vectors_config = Some(VectorsConfig { config: Some(vectors) });
    let params = CollectionParams { vectors_config, shard_number: 1, ..CollectionParams::default() };
    let hnsw = HnswConfigDiff { m: Some(16), ef_construct: Some(100), ..HnswConfigDiff::default() };
    info(params, Some(hnsw), HashMap::new())
}

fn vector(size: u64, distance: Distance) -> VectorParams {
    VectorParams { size, distance: distance.into(), ..VectorParams::default() }
}

fn named(names: &[&str]) -> vectors_config::Config {
    let map = names.iter().map(|name| ((*name).to_owned(), vector(4, Distance::Dot))).collect();
    vectors_config::Config::ParamsMap(VectorParamsMap { map })
}

#[test]
fn a_spec_is_recovered_as_it_was_given() {
    let engine =
        EngineParams { kind: Some(EngineKind::Hnsw), m: Some(24), ef_construction: Some(77), nlist: None };
    let spec = IndexSpec::new("abc-d", 7)
        .metric(Metric::Manhattan)
        .field("a b", FieldType::Float)
        .engine(engine)
        .option("vector", "text");
    let (described, layout) = describe("abc-d", &created(&spec)).unwrap();
    assert_eq!(described.spec, spec);
    assert_eq!((layout.vector.as_str(), layout.ours, layout.flat), ("text", true, false));
}

#[test]
fn a_flat_engine_has_no_graph() {
    let engine = EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() };
    let (described, layout) = describe("abc", &created(&IndexSpec::new("abc", 2).engine(engine))).unwrap();
    assert!(layout.flat);
    assert_eq!(described.spec.engine.kind, Some(EngineKind::Flat));
    let ivf = EngineParams { kind: Some(EngineKind::Ivf), ..EngineParams::default() };
    let spec = IndexSpec::new("abc", 2).engine(ivf);
    let refused = creation(NewIndex { name: "abc", spec: &spec, deadline: Deadline::NONE }).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);
}

#[test]
fn each_declared_field_and_the_overflow_get_an_index() {
    let spec = IndexSpec::new("abc", 2).field("a.b", FieldType::Integer).field("q\"", FieldType::Bool);
    let requests: Vec<_> =
        field_indexes(NewIndex { name: "abc", spec: &spec, deadline: Deadline::NONE }).collect();
    let fields: Vec<(&str, Option<i32>)> =
        requests.iter().map(|r| (r.field_name.as_str(), r.field_type)).collect();
    let (integer, keyword) = (q::FieldType::Integer.into(), q::FieldType::Keyword.into());
    assert_eq!(fields, [("\"a.b\"", Some(integer)), (OVERFLOW_KEYS, Some(keyword))]);
    assert!(requests.iter().all(|r| r.wait == Some(true)));
}

#[test]
fn a_collection_of_another_program_is_described_by_what_qdrant_knows() {
    let mut info = foreign(named(&["text"]));
    info.created_at = Some(Default::default());
    info.created_at.as_mut().unwrap().seconds = 1_700_000_000;
    let schema = |of: PayloadSchemaType| q::PayloadSchemaInfo { data_type: of.into(), ..Default::default() };
    info.payload_schema = HashMap::from([
        ("city".to_owned(), schema(PayloadSchemaType::Keyword)),
        ("\"a.b\"".to_owned(), schema(PayloadSchemaType::Integer)),
        ("nested.key".to_owned(), schema(PayloadSchemaType::Bool)),
        ("words".to_owned(), schema(PayloadSchemaType::Text)),
    ]);
    let (described, layout) = describe("Theirs", &info).unwrap();
    let spec = described.spec;
    assert_eq!((spec.dimension, spec.metric, spec.engine.m), (4, Metric::DotProduct, Some(16)));
    let fields: Vec<_> = spec.fields.iter().map(|(key, of)| (key.as_str(), *of)).collect();
    assert_eq!(fields, [("a.b", FieldType::Integer), ("city", FieldType::String)]);
    assert_eq!(spec.options.get("vector"), Some(&Scalar::from("text")));
    assert_eq!(described.created_at.as_deref(), Some("2023-11-14T22:13:20.000Z"));
    assert_eq!((layout.vector.as_str(), layout.ours), ("text", false));
    assert_eq!(layout.indexes.get("words"), Some(&PayloadSchemaType::Text));
}

#[test]
fn what_the_port_cannot_hold_is_unsupported_and_says_why() {
    let mut sparse = foreign(named(&["text"]));
    let params = sparse.config.as_mut().unwrap().params.as_mut().unwrap();
    let map = HashMap::from([("words".to_owned(), q::SparseVectorParams::default())]);
    params.sparse_vectors_config = Some(q::SparseVectorConfig { map });
    let bytes = VectorParams { datatype: Some(Datatype::Uint8.into()), ..vector(4, Distance::Dot) };
    for (info, part) in [
        (foreign(named(&[])), "no dense vector"),
        (foreign(named(&["text", "image"])), "several vectors (image, text)"),
        (sparse, "sparse vectors"),
        (foreign(vectors_config::Config::Params(bytes)), "Uint8"),
        (foreign(vectors_config::Config::Params(vector(4, Distance::UnknownDistance))), "distance"),
    ] {
        let e = describe("theirs", &info).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        assert!(e.message().contains(part), "{e}");
    }
}

#[test]
fn damaged_metadata_is_corrupt() {
    let spec = IndexSpec::new("abc", 2);
    for text in [Json::from(7), Json::from("{"), Json::from(r#"{"v":2}"#)] {
        let mut info = created(&spec);
        let metadata = &mut info.config.as_mut().unwrap().metadata;
        metadata.insert(RESERVED_PREFIX.to_owned(), text.into());
        assert_eq!(describe("abc", &info).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn options_are_read_and_what_is_wrong_is_named() {
    let spec = IndexSpec::new("abc", 2).option("shard_number", 2).option("replication_factor", 3);
    let request = creation(NewIndex { name: "abc", spec: &spec, deadline: Deadline::NONE }).unwrap();
    assert_eq!((request.shard_number, request.replication_factor), (Some(2), Some(3)));
    for (key, value) in [
        ("vector", Scalar::from("")),
        ("shard_number", Scalar::from(0)),
        ("replication_factor", Scalar::from(1.5)),
        ("on_disk", Scalar::from("yes")),
    ] {
        let spec = IndexSpec::new("abc", 2).option(key, value);
        let e = creation(NewIndex { name: "abc", spec: &spec, deadline: Deadline::NONE }).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert!(e.message().contains(key), "{e}");
    }
}
