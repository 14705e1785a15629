//! Qdrant's own client.

use async_trait::async_trait;
use portolan::{Metadata, Record};
use qdrant_client::qdrant::{
    GetPointsBuilder, PointId, PointStruct, QueryPointsBuilder, UpsertPointsBuilder, Value, point_id,
};
use uuid::Uuid;

use super::plain::{Plain, Work};

pub(crate) struct Qdrant {
    client: qdrant_client::Qdrant,
    index: &'static str,
}

impl Qdrant {
    pub(crate) fn connect(uri: &str, index: &'static str) -> Self {
        let url = uri.replace("qdrant://", "http://");
        Self {
            client: qdrant_client::Qdrant::from_url(&url).skip_compatibility_check().build().unwrap(),
            index,
        }
    }
}

#[async_trait]
impl Plain for Qdrant {
    /// Ids that are no UUID are stored by one; that it stands for no other id takes a look at what is stored.
    async fn upsert(&self, records: &[Record], work: Work) {
        if work == Work::Same {
            let ids: Vec<PointId> = records.iter().map(|r| native(&r.id)).collect();
            let stored = GetPointsBuilder::new(self.index, ids).with_payload(true).with_vectors(false);
            assert_eq!(self.client.get_points(stored).await.unwrap().result.len(), records.len());
        }
        let points: Vec<PointStruct> = records
            .iter()
            .map(|r| PointStruct::new(native(&r.id), r.vector.as_deref().unwrap().to_vec(), payload(r)))
            .collect();
        self.client.upsert_points(UpsertPointsBuilder::new(self.index, points).wait(true)).await.unwrap();
    }

    async fn search(&self, vector: &[f32], k: usize, _: Work) -> Vec<String> {
        let query =
            QueryPointsBuilder::new(self.index).query(vector.to_vec()).limit(k as u64).with_payload(true);
        let found = self.client.query(query).await.unwrap().result;
        found.into_iter().map(|point| format!("{:?}", point.id)).collect()
    }

    async fn fetch(&self, ids: &[String], _: Work) -> usize {
        let ids: Vec<PointId> = ids.iter().map(|id| native(id)).collect();
        let points = GetPointsBuilder::new(self.index, ids).with_payload(true).with_vectors(true);
        self.client.get_points(points).await.unwrap().result.len()
    }
}

/// The namespace of the UUIDs that stand for the port's ids.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b9c_6f1e_52d4_4f6a_9d0e_7a61_2c3f_8e55);

/// The point id that the port gives a record.
fn native(id: &str) -> PointId {
    let uuid = Uuid::new_v5(&NAMESPACE, id.as_bytes()).to_string();
    PointId { point_id_options: Some(point_id::PointIdOptions::Uuid(uuid)) }
}

fn payload(record: &Record) -> std::collections::HashMap<String, Value> {
    let whole: Metadata =
        record.metadata.clone().with("_portolan", format!("{{\"v\":1,\"id\":\"{}\"}}", record.id));
    let json = serde_json::to_value(whole).unwrap();
    json.as_object().unwrap().iter().map(|(key, value)| (key.clone(), scalar(value))).collect()
}

fn scalar(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Bool(b) => (*b).into(),
        serde_json::Value::Number(n) => n.as_i64().map_or_else(|| n.as_f64().unwrap().into(), Value::from),
        serde_json::Value::String(text) => text.clone().into(),
        other => unreachable!("the records hold no {other}"),
    }
}
