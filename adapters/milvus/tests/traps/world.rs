//! A store, and the raw server behind it.

use std::ops::Deref;

use async_trait::async_trait;
use portolan_core::{CallOptions, Filter, IndexSpec, Metadata, Record, Result};
use portolan_testkit::place::Place;
use portolan_testkit::traps;
use prost::Message;
use serde_json::Value as Json;
use tonic::transport::Channel;

use crate::proto::common::Status;
use crate::proto::milvus::milvus_service_client::MilvusServiceClient;
use crate::proto::milvus::{CreateCollectionRequest, CreateIndexRequest, InsertRequest, UpsertRequest};
use crate::proto::pairs;
use crate::proto::schema::{
    CollectionSchema, DataType, FieldData, FieldSchema, FloatArray, VectorField, field_data, vector_field,
};

pub(crate) const OPTIONS: CallOptions = CallOptions::new();

/// A place on the server, and the server's own client.
#[derive(Clone)]
pub(crate) struct World {
    place: Place,
    pub(crate) raw: MilvusServiceClient<Channel>,
}

#[async_trait]
impl traps::World for World {
    async fn of(place: Place) -> Result<Self> {
        let endpoint = Channel::from_shared(place.uri.replace("milvus://", "http://")).unwrap();
        Ok(Self { place, raw: MilvusServiceClient::new(endpoint.connect_lazy()) })
    }

    async fn clean(&self) -> Result<()> {
        traps::World::clean(&self.place).await
    }
}

impl Deref for World {
    type Target = Place;

    fn deref(&self) -> &Place {
        &self.place
    }
}

impl World {
    /// The collection's name in the server.
    pub(crate) fn native(&self) -> String {
        self.name.replace('-', "__")
    }

    /// Where the server listens.
    pub(crate) fn address(&self) -> &str {
        self.uri.trim_start_matches("milvus://").trim_end_matches('/')
    }

    pub(crate) async fn is_lite(&self) -> bool {
        let version = self.storage.health(OPTIONS).await.unwrap().version;
        version.is_some_and(|version| version.starts_with("milvus_lite"))
    }

    /// Creates an index with a record for each metadata.
    pub(crate) async fn index(&self, spec: IndexSpec, metadata: &[Json]) {
        self.fill(&spec, &records(metadata)).await.unwrap();
    }

    /// The ids that meet a filter.
    pub(crate) async fn met(&self, filter: &Filter) -> Vec<String> {
        self.ids(filter).await.unwrap()
    }

    /// Compares filters with the contract's evaluator over the records of [`index`](Self::index).
    pub(crate) async fn agree(&self, metadata: &[Json], filters: impl IntoIterator<Item = Filter> + Send) {
        self.compare(&records(metadata), filters).await.unwrap();
    }

    /// A collection as another program makes it, with a key `pk`, vectors `embedding` under an index, these fields and a
    /// dynamic one.
    pub(crate) async fn collection(
        &self,
        dimension: usize,
        fields: Vec<FieldSchema>,
        index: &str,
        params: &str,
    ) {
        self.collection_with(column("pk", DataType::Int64), dimension, fields, index, params).await;
    }

    /// The same with a key as it is given.
    pub(crate) async fn collection_with(
        &self,
        key: FieldSchema,
        dimension: usize,
        fields: Vec<FieldSchema>,
        index: &str,
        params: &str,
    ) {
        let vector = FieldSchema {
            type_params: pairs([("dim", dimension.to_string())]),
            ..column("embedding", DataType::FloatVector)
        };
        let id = FieldSchema { is_primary_key: true, ..key };
        let schema = CollectionSchema {
            name: self.native(),
            fields: [vec![id, vector], fields].concat(),
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
        let params = [("index_type", index), ("metric_type", "L2"), ("params", params)];
        let index = CreateIndexRequest {
            collection_name: self.native(),
            field_name: "embedding".into(),
            extra_params: pairs(params.map(|(key, value)| (key, value.to_owned()))),
            ..Default::default()
        };
        good(&raw.create_index(index).await.unwrap().into_inner());
    }

    /// Adds rows whose keys the server makes.
    pub(crate) async fn insert(&self, fields_data: Vec<FieldData>, num_rows: u32) {
        let collection_name = self.native();
        let request = InsertRequest { collection_name, fields_data, num_rows, ..InsertRequest::default() };
        let reply = self.raw.clone().insert(request).await.unwrap().into_inner();
        good(&reply.status.unwrap());
    }

    /// Writes rows as another program does.
    pub(crate) async fn write(&self, fields_data: Vec<FieldData>, num_rows: u32) {
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

/// Records `r00000`, `r00001`, …, in the order of their distance from `[0, 1]`.
pub(crate) fn records(metadata: &[Json]) -> Vec<Record> {
    let record = |(n, metadata): (usize, &Json)| {
        Record::new(format!("r{n:05}"), vec![n as f32, 1.0])
            .metadata(Metadata::from_json(metadata.clone()).unwrap())
    };
    metadata.iter().enumerate().map(record).collect()
}

#[allow(deprecated)]
pub(crate) fn good(status: &Status) {
    assert_eq!((status.code, status.error_code), (0, 0), "{}", status.reason);
}

pub(crate) fn column(name: &str, of: DataType) -> FieldSchema {
    FieldSchema { name: name.into(), data_type: of.into(), ..FieldSchema::default() }
}

/// A field of texts no longer than 100 bytes.
pub(crate) fn text(name: &str) -> FieldSchema {
    FieldSchema { type_params: pairs([("max_length", "100".to_owned())]), ..column(name, DataType::VarChar) }
}

pub(crate) fn floats(name: &str, dim: i64, data: Vec<f32>) -> FieldData {
    let data = Some(vector_field::Data::FloatVector(FloatArray { data }));
    FieldData {
        r#type: DataType::FloatVector.into(),
        field_name: name.into(),
        field: Some(field_data::Field::Vectors(VectorField { dim, data })),
        ..FieldData::default()
    }
}
