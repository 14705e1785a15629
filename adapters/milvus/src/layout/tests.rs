use portolan_core::driver::{Deadline, ScoreError};
use portolan_core::{EngineParams, ErrorKind};

use super::*;
use crate::columns::DYNAMIC;
use crate::foreign;
use crate::proto::milvus::IndexDescription;

fn described(schema: CollectionSchema, properties: Vec<KeyValuePair>) -> DescribeCollectionResponse {
    DescribeCollectionResponse { schema: Some(schema), properties, ..DescribeCollectionResponse::default() }
}

fn made(spec: &IndexSpec) -> DescribeCollectionResponse {
    let request = create(Server::Current, spec).unwrap();
    described(CollectionSchema::decode(request.schema.as_slice()).unwrap(), request.properties)
}

fn create(server: Server, spec: &IndexSpec) -> Result<CreateCollectionRequest> {
    let index = &Layout::of_spec(server, spec);
    collection(Target { name: "abc", spec, index, deadline: Deadline::NONE }, "")
}

fn kept(collection: &DescribeCollectionResponse) -> Option<Opened<Layout>> {
    Layout::kept(Server::Current, collection).unwrap()
}

fn read(
    collection: &DescribeCollectionResponse,
    indexes: &[IndexDescription],
) -> Result<Opened<Layout>, String> {
    foreign::read(Server::Current, "abc", collection, indexes)
}

fn index(params: &[(&str, &str)]) -> IndexDescription {
    let params = params.iter().map(|(k, v)| KeyValuePair { key: (*k).into(), value: (*v).into() }).collect();
    IndexDescription { field_name: "v".into(), params, ..IndexDescription::default() }
}

fn foreign(fields: Vec<FieldSchema>) -> DescribeCollectionResponse {
    let id = FieldSchema { is_primary_key: true, ..field("pk", DataType::Int64) };
    let vector =
        FieldSchema { type_params: pairs([("dim", "3".to_owned())]), ..field("v", DataType::FloatVector) };
    let fields = [vec![id, vector], fields].concat();
    described(CollectionSchema { fields, enable_dynamic_field: true, ..Default::default() }, Vec::new())
}

#[test]
fn a_spec_is_read_as_it_was_given() {
    let spec = IndexSpec::new("abc", 1)
        .metric(Metric::Euclidean)
        .field("name", FieldType::String)
        .engine(EngineParams { kind: Some(EngineKind::Ivf), nlist: Some(64), ..EngineParams::default() })
        .option("shards", 2);
    let kept = kept(&made(&spec)).unwrap();
    assert_eq!(kept.info.spec, spec);
    assert!(kept.info.created_at.is_some());
    assert_eq!((nlist(&kept.info.spec), engine_kind(&kept.info.spec)), (64, EngineKind::Ivf));
    assert_eq!(kept.index.columns.names().collect::<Vec<_>>(), [METADATA]);
}

#[test]
fn two_creations_of_one_collection_are_told_apart() {
    let spec = IndexSpec::new("abc", 2);
    let schema = |r: CreateCollectionRequest| CollectionSchema::decode(r.schema.as_slice()).unwrap();
    let [one, two] = [(); 2].map(|()| schema(create(Server::Current, &spec).unwrap()));
    assert_ne!(one.description, two.description);
    assert_eq!(one.fields, two.fields);
}

#[test]
fn a_collection_whose_fields_were_changed_is_one_foreign() {
    let mut changed = made(&IndexSpec::new("abc", 2));
    changed.schema.as_mut().unwrap().fields.retain(|f| f.name != METADATA);
    assert!(kept(&changed).is_none());
    let error = read(&changed, &[]).unwrap_err();
    assert!(error.contains("no index"), "{error}");
}

#[test]
fn a_foreign_collection_says_what_it_is() {
    let year = FieldSchema { nullable: true, ..field("year", DataType::Int32) };
    let tags = FieldSchema { element_type: DataType::VarChar.into(), ..field("tags", DataType::Array) };
    let collection = foreign(vec![year, tags, field("extra", DataType::Json)]);
    for (params, engine) in [
        (
            index(&[("index_type", "HNSW"), ("metric_type", "IP"), ("M", "8"), ("efConstruction", "90")]),
            EngineParams { kind: Some(EngineKind::Hnsw), m: Some(8), ef_construction: Some(90), nlist: None },
        ),
        (
            index(&[("index_type", "IVF_SQ8"), ("metric_type", "IP"), ("params", r#"{"nlist": 99}"#)]),
            EngineParams { kind: Some(EngineKind::Ivf), nlist: Some(99), ..EngineParams::default() },
        ),
        (index(&[("index_type", "DISKANN"), ("metric_type", "IP")]), EngineParams::default()),
    ] {
        let Opened { index: layout, info, score_error, .. } = read(&collection, &[params]).unwrap();
        assert_eq!(score_error == ScoreError::Negligible, engine.kind == Some(EngineKind::Hnsw));
        assert_eq!(info.spec.engine, engine);
        assert_eq!((info.spec.dimension, info.spec.metric), (3, Metric::DotProduct));
        let declared = [("tags".to_owned(), FieldType::String), ("year".to_owned(), FieldType::Integer)];
        assert_eq!(info.spec.fields, declared.into());
        assert_eq!(layout.columns.names().collect::<Vec<_>>(), ["year", "tags", "extra", DYNAMIC]);
        assert!(layout.integer_ids);
    }
}

#[test]
fn a_metric_that_the_port_has_not_is_named() {
    let index = index(&[("index_type", "FLAT"), ("metric_type", "JACCARD")]);
    let error = read(&foreign(Vec::new()), &[index]).unwrap_err();
    assert!(error.contains("JACCARD"), "{error}");
}

#[test]
fn options_and_parameters_out_of_range_are_refused() {
    let spec = || IndexSpec::new("abc", 2);
    let parted = || spec().field("a", FieldType::String).option("partition_key", "a");
    let nlist = EngineParams { nlist: Some(100_000), ..EngineParams::default() };
    for (spec, word) in [
        (spec().option("shards", 17), "1 to 16"),
        (spec().option("replicas", 0), "1 to 64"),
        (spec().option("shards", "two"), "integer"),
        (spec().engine(nlist), "65536"),
        (spec().option("partition_key", 1), "a text"),
        (spec().option("partition_key", "a"), "declared string or integer"),
        (spec().field("a", FieldType::Float).option("partition_key", "a"), "declared string or integer"),
        (spec().option("partitions", 4), "only with partition_key"),
        (parted().option("partitions", 2_000), "1 to 1024"),
    ] {
        let error = create(Server::Current, &spec).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(word), "{error}");
    }
    create(Server::Old, &spec().option("shards", 16).option("replicas", 2)).unwrap();
    create(Server::Current, &parted().option("partitions", 4)).unwrap();
    assert_eq!(create(Server::Old, &parted()).unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(replicas(&spec().option("replicas", 2)).unwrap(), 2);
}

#[test]
fn each_engine_has_its_index() {
    for (kind, shown, params) in [
        (None, "HNSW", r#"{"M":16,"efConstruction":200}"#),
        (Some(EngineKind::Flat), "FLAT", "{}"),
        (Some(EngineKind::Ivf), "IVF_FLAT", r#"{"nlist":128}"#),
    ] {
        let spec = IndexSpec::new("abc", 2).engine(EngineParams { kind, ..EngineParams::default() });
        let sent = index_params(&spec);
        assert_eq!(param(&sent, "index_type"), Some(shown));
        assert_eq!(param(&sent, "metric_type"), Some("COSINE"));
        assert_eq!(param(&sent, "params"), Some(params));
    }
}

#[test]
fn a_partition_key_is_a_field_of_its_own() {
    let spec = IndexSpec::new("abc", 2)
        .field("tenant", FieldType::String)
        .option("partition_key", "tenant")
        .option("partitions", 8);
    let request = create(Server::Current, &spec).unwrap();
    assert_eq!(request.num_partitions, 8);
    let kept = kept(&made(&spec)).unwrap();
    assert_eq!(kept.info.spec, spec);
    assert_eq!(partition_key(&kept.info.spec), Some("tenant"));
    assert!(kept.index.parted);
    assert_eq!(kept.index.columns.names().collect::<Vec<_>>(), [METADATA]);

    let theirs = FieldSchema { is_partition_key: true, ..field("tenant", DataType::VarChar) };
    let index = index(&[("index_type", "FLAT"), ("metric_type", "L2")]);
    let theirs = read(&foreign(vec![theirs]), &[index]).unwrap();
    assert!(theirs.index.parted);
    assert_eq!(partition_key(&theirs.info.spec), None);
}
