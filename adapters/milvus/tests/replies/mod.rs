//! Replies of a server of version 2.3 that has a collection of two dimensions.

use portolan_core::IndexSpec;
use portolan_testkit::wire::{Answer, Faulty, Seen};
use prost::Message;

use crate::proto::common::{KeyValuePair, Status};
use crate::proto::milvus::{DescribeCollectionResponse, GetVersionResponse, QueryResults};
use crate::proto::schema::{
    CollectionSchema, DataType, FieldData, FieldSchema, JsonArray, ScalarField, StringArray, field_data,
    scalar_field,
};

/// Scripts the server's version and its collection.
pub(crate) fn basics(server: &Faulty) {
    version(server);
    server.on(.., ends("/DescribeCollection"), reply(&described(port_fields(), true)));
}

pub(crate) fn version(server: &Faulty) {
    let version = GetVersionResponse { status: ok(), version: "v2.3.5".into() };
    server.on(.., ends("/GetVersion"), reply(&version));
}

pub(crate) fn ends(method: &'static str) -> impl Fn(&Seen) -> bool + Send + 'static {
    move |request| request.path.ends_with(method)
}

pub(crate) fn reply(message: &impl Message) -> Answer {
    Answer::grpc_message(&message.encode_to_vec())
}

pub(crate) fn ok() -> Option<Status> {
    Some(Status::default())
}

pub(crate) fn described(fields: Vec<FieldSchema>, kept: bool) -> DescribeCollectionResponse {
    let spec = serde_json::to_value(IndexSpec::new("companies", 2)).unwrap();
    let value = serde_json::json!({"version": 1, "spec": spec, "created_at": "2026-11-22T08:30:00.000Z"});
    let property = KeyValuePair { key: "portolan.spec".into(), value: value.to_string() };
    DescribeCollectionResponse {
        status: ok(),
        schema: Some(CollectionSchema { fields, ..CollectionSchema::default() }),
        properties: if kept { vec![property] } else { Vec::new() },
        ..DescribeCollectionResponse::default()
    }
}

/// The fields of a collection that the port has made.
pub(crate) fn port_fields() -> Vec<FieldSchema> {
    let id = FieldSchema { is_primary_key: true, ..column("id", DataType::VarChar) };
    vec![id, vector("vector", DataType::FloatVector), column("metadata", DataType::Json)]
}

pub(crate) fn column(name: &str, of: DataType) -> FieldSchema {
    FieldSchema { name: name.into(), data_type: of.into(), ..FieldSchema::default() }
}

pub(crate) fn vector(name: &str, of: DataType) -> FieldSchema {
    let dim = KeyValuePair { key: "dim".into(), value: "2".into() };
    FieldSchema { type_params: vec![dim], ..column(name, of) }
}

/// Rows without vectors and metadata.
pub(crate) fn rows(ids: &[&str]) -> QueryResults {
    let field = |name: &str, data| FieldData {
        field_name: name.into(),
        field: Some(field_data::Field::Scalars(ScalarField { data: Some(data) })),
        ..FieldData::default()
    };
    let texts = StringArray { data: ids.iter().map(|id| (*id).to_owned()).collect() };
    let objects = JsonArray { data: vec![b"{}".to_vec(); ids.len()] };
    QueryResults {
        status: ok(),
        fields_data: vec![
            field("id", scalar_field::Data::StringData(texts)),
            field("metadata", scalar_field::Data::JsonData(objects)),
        ],
        ..QueryResults::default()
    }
}
