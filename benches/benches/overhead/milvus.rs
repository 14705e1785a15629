//! Milvus over gRPC, with the client that its protos give.

use async_trait::async_trait;
use portolan::Record;
use prost::Message;
use tonic::transport::{Channel, Endpoint};

use super::plain::{Plain, Work};
use proto::common::{
    ConsistencyLevel, DslType, KeyValuePair, PlaceholderGroup, PlaceholderType, PlaceholderValue, Status,
};
use proto::milvus::milvus_service_client::MilvusServiceClient;
use proto::milvus::{QueryRequest, SearchRequest, UpsertRequest};
use proto::schema::field_data::Field;
use proto::schema::scalar_field::Data;
use proto::schema::{
    DataType, FieldData, FloatArray, JsonArray, ScalarField, StringArray, VectorField, i_ds, vector_field,
};

#[allow(warnings, clippy::all)]
mod generated {
    tonic::include_proto!("milvus");
}

mod proto {
    pub(super) use super::generated::milvus::proto::{common, milvus, schema};
}

pub(crate) struct Milvus {
    client: MilvusServiceClient<Channel>,
    index: &'static str,
}

impl Milvus {
    pub(crate) async fn connect(uri: &str, index: &'static str) -> Self {
        let endpoint = Endpoint::from_shared(uri.replace("milvus://", "http://")).unwrap().tcp_nodelay(true);
        let client = MilvusServiceClient::new(endpoint.connect().await.unwrap());
        Self {
            client: client.max_decoding_message_size(usize::MAX).max_encoding_message_size(usize::MAX),
            index,
        }
    }
}

#[async_trait]
impl Plain for Milvus {
    async fn upsert(&self, records: &[Record], _: Work) {
        let ids = StringArray { data: records.iter().map(|r| r.id.clone()).collect() };
        let data = records.iter().flat_map(|r| r.vector.as_deref().unwrap()).copied().collect();
        let metadata = records.iter().map(|r| serde_json::to_vec(&r.metadata).unwrap()).collect();
        let scalars = |data| Some(Field::Scalars(ScalarField { data: Some(data) }));
        let request = UpsertRequest {
            collection_name: self.index.to_owned(),
            num_rows: records.len() as u32,
            fields_data: vec![
                column("id", DataType::VarChar, scalars(Data::StringData(ids))),
                column(
                    "vector",
                    DataType::FloatVector,
                    Some(Field::Vectors(VectorField {
                        dim: records[0].vector.as_ref().unwrap().len() as i64,
                        data: Some(vector_field::Data::FloatVector(FloatArray { data })),
                    })),
                ),
                column("metadata", DataType::Json, scalars(Data::JsonData(JsonArray { data: metadata }))),
            ],
            ..UpsertRequest::default()
        };
        let answer = self.client.clone().upsert(request).await.unwrap().into_inner();
        succeeded(answer.status);
        assert_eq!(answer.succ_index.len(), records.len());
    }

    async fn search(&self, vector: &[f32], k: usize, _: Work) -> Vec<String> {
        let values = vec![vector.iter().flat_map(|x| x.to_le_bytes()).collect()];
        let value =
            PlaceholderValue { tag: "$0".to_owned(), r#type: PlaceholderType::FloatVector.into(), values };
        let request = SearchRequest {
            collection_name: self.index.to_owned(),
            dsl_type: DslType::BoolExprV1.into(),
            placeholder_group: PlaceholderGroup { placeholders: vec![value] }.encode_to_vec(),
            output_fields: vec!["metadata".to_owned()],
            search_params: vec![
                pair("anns_field", "vector"),
                pair("topk", &k.to_string()),
                pair("metric_type", "L2"),
                pair("params", r#"{"ef":64}"#),
                pair("round_decimal", "-1"),
            ],
            nq: 1,
            consistency_level: ConsistencyLevel::Strong.into(),
            ..SearchRequest::default()
        };
        let answer = self.client.clone().search(request).await.unwrap().into_inner();
        succeeded(answer.status);
        match answer.results.unwrap().ids.unwrap().id_field.unwrap() {
            i_ds::IdField::StrId(ids) => ids.data,
            i_ds::IdField::IntId(_) => unreachable!("the ids are text"),
        }
    }

    async fn fetch(&self, ids: &[String], _: Work) -> usize {
        let quoted: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
        let request = QueryRequest {
            collection_name: self.index.to_owned(),
            expr: format!("id in [{}]", quoted.join(",")),
            output_fields: vec!["id".to_owned(), "vector".to_owned(), "metadata".to_owned()],
            consistency_level: ConsistencyLevel::Strong.into(),
            ..QueryRequest::default()
        };
        let answer = self.client.clone().query(request).await.unwrap().into_inner();
        succeeded(answer.status);
        let ids = answer.fields_data.into_iter().find(|field| field.field_name == "id").unwrap();
        match ids.field.unwrap() {
            Field::Scalars(ScalarField { data: Some(Data::StringData(ids)) }) => ids.data.len(),
            _ => unreachable!("the ids are text"),
        }
    }
}

fn column(name: &str, of: DataType, field: Option<Field>) -> FieldData {
    FieldData { r#type: of.into(), field_name: name.to_owned(), field, ..FieldData::default() }
}

fn pair(key: &str, value: &str) -> KeyValuePair {
    KeyValuePair { key: key.to_owned(), value: value.to_owned() }
}

fn succeeded(status: Option<Status>) {
    let status = status.unwrap();
    assert_eq!(status.code, 0, "{}", status.reason);
}
