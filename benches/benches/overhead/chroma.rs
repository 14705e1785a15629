//! Chroma's REST API, called with reqwest.

use async_trait::async_trait;
use portolan::Record;
use reqwest::Client;
use serde_json::{Value as Json, json};

use super::plain::{Plain, Work};

pub(crate) struct Chroma {
    client: Client,
    collection: String,
}

impl Chroma {
    pub(crate) async fn connect(uri: &str, index: &str) -> Self {
        // The process has a provider already where the port has made a client.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::new();
        let base = uri.replace("chroma://", "http://");
        let base = format!("{base}/api/v2/tenants/default_tenant/databases/default_database/collections");
        let found: Json = client.get(format!("{base}/{index}")).send().await.unwrap().json().await.unwrap();
        Self { client, collection: format!("{base}/{}", found["id"].as_str().unwrap()) }
    }

    async fn post(&self, what: &str, body: &Json) -> Json {
        let answer = self.client.post(format!("{}/{what}", self.collection)).json(body).send().await.unwrap();
        answer.error_for_status().unwrap().json().await.unwrap()
    }
}

#[async_trait]
impl Plain for Chroma {
    /// Chroma merges metadata, so that replacing a record takes a look at what is stored.
    async fn upsert(&self, records: &[Record], work: Work) {
        let ids: Vec<&str> = records.iter().map(|r| r.id.as_str()).collect();
        if work == Work::Same {
            let found = self.post("get", &json!({ "ids": ids, "include": ["metadatas"] })).await;
            assert_eq!(found["ids"].as_array().unwrap().len(), ids.len());
        }
        let embeddings: Vec<&[f32]> = records.iter().map(|r| r.vector.as_deref().unwrap()).collect();
        let metadatas: Vec<&portolan::Metadata> = records.iter().map(|r| &r.metadata).collect();
        self.post("upsert", &json!({ "ids": ids, "embeddings": embeddings, "metadatas": metadatas })).await;
    }

    async fn search(&self, vector: &[f32], k: usize, _: Work) -> Vec<String> {
        let query =
            json!({ "query_embeddings": [vector], "n_results": k, "include": ["metadatas", "distances"] });
        let found = self.post("query", &query).await;
        found["ids"][0].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    async fn fetch(&self, ids: &[String], _: Work) -> usize {
        let found = self.post("get", &json!({ "ids": ids, "include": ["metadatas", "embeddings"] })).await;
        assert_eq!(found["embeddings"].as_array().unwrap().len(), ids.len());
        found["ids"].as_array().unwrap().len()
    }
}
