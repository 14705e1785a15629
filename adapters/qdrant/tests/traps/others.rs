//! What other programs have made.

use std::collections::HashMap;

use portolan_core::{
    CallOptions, CountRequest, Error, ErrorKind, FieldType, Metadata, Metric, Record, SearchRequest,
    UpsertRequest,
};
use qdrant_client::Payload;
use qdrant_client::qdrant::{
    Condition, CreateCollectionBuilder, CreateFieldIndexCollectionBuilder, Distance, FieldType as NativeType,
    ListValue, NamedVectors, NullValue, PointStruct, SparseVectorParamsBuilder, SparseVectorsConfigBuilder,
    Value, VectorParamsBuilder, VectorsConfigBuilder, value::Kind,
};

use crate::world::World;

const OPTIONS: CallOptions = CallOptions::new();

fn unnamed(name: &str) -> CreateCollectionBuilder {
    CreateCollectionBuilder::new(name).vectors_config(VectorParamsBuilder::new(2, Distance::Dot))
}

fn payload(fields: &[(&str, Value)]) -> Payload {
    fields.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect::<HashMap<_, _>>().into()
}

fn list(values: Vec<Value>) -> Value {
    Value { kind: Some(Kind::ListValue(ListValue { values })) }
}

fn null() -> Value {
    Value { kind: Some(Kind::NullValue(NullValue::NullValue.into())) }
}

async fn keyword_index(world: &World, field: &str, of: NativeType) {
    let request = CreateFieldIndexCollectionBuilder::new(&world.name, field, of).wait(true);
    world.server.create_field_index(request).await.unwrap();
}

pub(crate) async fn a_collection_of_another_program_is_listed_searched_and_read(world: World) {
    let mut vectors = VectorsConfigBuilder::default();
    vectors.add_named_vector_params("text", VectorParamsBuilder::new(2, Distance::Manhattan));
    let point = |n: u64, city: &str| {
        let vectors = NamedVectors::default().add_vector("text", vec![n as f32, 0.0]);
        PointStruct::new(n, vectors, payload(&[("city", city.into()), ("n", (n as i64).into())]))
    };
    let points = (1..=9).map(|n| point(n, if n % 3 == 0 { "Berlin" } else { "Bern" })).collect();
    world.foreign(CreateCollectionBuilder::new(&world.name).vectors_config(vectors), points).await;
    keyword_index(&world, "city", NativeType::Keyword).await;

    assert!(world.port.list_indexes(OPTIONS).await.unwrap().contains(&world.name));
    let spec = world.port.describe_index(&world.name, OPTIONS).await.unwrap().spec;
    assert_eq!((spec.dimension, spec.metric), (2, Metric::Manhattan));
    assert_eq!(spec.fields.get("city"), Some(&FieldType::String));
    assert_eq!(spec.options.get("vector").and_then(|name| name.as_str()), Some("text"));
    assert_eq!(world.met(r#"city = "Berlin" AND n >= 4"#).await, ["6", "9"]);
    let found = world.port.search(&SearchRequest::new(&world.name, [5.2, 0.0]).top_k(2)).await.unwrap();
    assert_eq!(found.matches.iter().map(|m| m.id.as_str()).collect::<Vec<_>>(), ["5", "6"]);
    assert_eq!(world.get("6").await.unwrap(), {
        Record::new("6", [6.0, 0.0]).metadata(Metadata::new().with("city", "Berlin").with("n", 6))
    });
    world.write(&[Record::new("mine", [6.1, 0.0]).metadata(Metadata::new().with("city", "Berlin"))]).await;
    assert_eq!(world.met(r#"city = "Berlin""#).await, ["3", "6", "9", "mine"]);
}

pub(crate) async fn the_scalars_of_a_mixed_list_are_matched_natively(world: World) {
    let point = |n: u64, value: Value| PointStruct::new(n, vec![1.0, n as f32], payload(&[("x", value)]));
    let mixed = list(vec!["a".into(), 1.into()]);
    let points = vec![point(1, mixed), point(2, list(vec!["a".into()])), point(3, "b".into())];
    world.foreign(unnamed(&world.name), points).await;
    assert_eq!(world.native_one(Condition::matches("x", "a".to_owned())).await, 2);
    assert_eq!(world.met(r#"x = "a""#).await, ["2"]);
    assert_eq!(world.met(r#"x != "a""#).await, ["1", "3"]);
    assert_eq!(world.met(r#"NOT x IN ("a", 1)"#).await, ["1", "3"]);
}

pub(crate) async fn null_counts_as_a_field_without_values(world: World) {
    let values = [null(), list(vec![]), list(vec![null()]), "a".into()];
    let point = |(n, value): (usize, Value)| {
        PointStruct::new(n as u64, vec![1.0, n as f32], payload(&[("x", value)]))
    };
    world.foreign(unnamed(&world.name), values.into_iter().enumerate().map(point).collect()).await;
    world.foreign_points(vec![PointStruct::new(9, vec![1.0, 9.0], Payload::new())]).await;
    let none = qdrant_client::qdrant::ValuesCount { gte: Some(0), ..Default::default() };
    assert_eq!(world.native_one(Condition::values_count("x", none)).await, 4);
    assert_eq!(world.met("x EXISTS").await, ["1", "2", "3"]);
    assert_eq!(world.met("NOT x EXISTS").await, ["0", "9"]);
    assert_eq!(world.get("0").await.unwrap().metadata, Metadata::new());
}

pub(crate) async fn a_text_index_folds_case_and_parts(world: World) {
    let point = |n: u64, text: &str| PointStruct::new(n, vec![1.0, n as f32], payload(&[("x", text.into())]));
    let points = vec![point(1, "Deep Sea"), point(2, "deep sea"), point(3, "deepest"), point(4, "shallow")];
    world.foreign(unnamed(&world.name), points).await;
    keyword_index(&world, "x", NativeType::Text).await;
    assert_eq!(world.native_one(Condition::matches_text("x", "deep")).await, 2);
    assert_eq!(world.met(r#"x CONTAINS "deep""#).await, ["2", "3"]);
    assert_eq!(world.met(r#"x STARTS WITH "Deep""#).await, ["1"]);
    assert_eq!(world.met(r#"x = "deep sea""#).await, ["2"]);
}

pub(crate) async fn an_integer_id_and_its_uuid_are_one_record(world: World) {
    let point = PointStruct::new(42, vec![1.0, 2.0], payload(&[("x", 1.into())]));
    world.foreign(unnamed(&world.name), vec![point]).await;
    world.write(&[Record::new("42", [5.0, 6.0])]).await;
    assert_eq!(world.get("42").await.unwrap(), Record::new("42", [5.0, 6.0]));
    let count = world.port.count(&CountRequest::new(&world.name)).await.unwrap();
    assert_eq!(count, 1, "the record was written beside the point that it is");
}

pub(crate) async fn a_point_without_a_vector_is_read_and_never_found(world: World) {
    let without = PointStruct::new(7, NamedVectors::default(), payload(&[("x", 1.into())]));
    let with = PointStruct::new(8, vec![1.0, 2.0], payload(&[("x", 1.into())]));
    world.foreign(unnamed(&world.name), vec![without, with]).await;
    let read = world.get("7").await.unwrap();
    assert_eq!((read.vector, read.metadata), (None, Metadata::new().with("x", 1)));
    let found = world
        .port
        .search(&SearchRequest::new(&world.name, [1.0, 1.0]).top_k(9).with_total(true))
        .await
        .unwrap();
    assert_eq!((found.matches.len(), found.total_matches), (1, Some(1)));
    assert_eq!(world.port.count(&CountRequest::new(&world.name)).await.unwrap(), 2);
}

pub(crate) async fn what_the_port_cannot_hold_is_listed_and_refused(world: World) {
    let mut sparse = SparseVectorsConfigBuilder::default();
    sparse.add_named_vector_params("words", SparseVectorParamsBuilder::default());
    world.foreign(CreateCollectionBuilder::new(&world.name).sparse_vectors_config(sparse), Vec::new()).await;
    assert!(world.port.list_indexes(OPTIONS).await.unwrap().contains(&world.name));
    let records = [Record::new("a", [1.0, 2.0])];
    let refused = |e: Error| assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    refused(world.port.describe_index(&world.name, OPTIONS).await.unwrap_err());
    refused(world.port.upsert(&UpsertRequest::new(&world.name, &records[..])).await.unwrap_err());
}
