//! PostgreSQL, with tokio-postgres.

use async_trait::async_trait;
use pgvector::Vector;
use portolan::Record;
use tokio_postgres::{Client, NoTls, Statement};

use super::plain::{Plain, Work};

pub(crate) struct Pgvector {
    client: Client,
    upsert: Statement,
    search: Statement,
    fetch: Statement,
}

impl Pgvector {
    pub(crate) async fn connect(uri: &str, index: &str) -> Self {
        let uri = uri.replace("pgvector://", "postgres://");
        let (client, connection) = tokio_postgres::connect(&uri, NoTls).await.unwrap();
        tokio::spawn(connection);
        let table = format!("portolan.\"{index}\"");
        let upsert = format!(
            "INSERT INTO {table} (id, embedding, metadata) \
             SELECT i, e, m::jsonb FROM unnest($1::text[], $2::vector[], $3::text[]) AS r (i, e, m) \
             ON CONFLICT (id) DO UPDATE SET embedding = EXCLUDED.embedding, metadata = EXCLUDED.metadata"
        );
        let search =
            format!("SELECT id, metadata::text, embedding <-> $1 AS d FROM {table} ORDER BY d LIMIT $2");
        let fetch = format!("SELECT id, embedding, metadata::text FROM {table} WHERE id = ANY ($1)");
        Self {
            upsert: client.prepare(&upsert).await.unwrap(),
            search: client.prepare(&search).await.unwrap(),
            fetch: client.prepare(&fetch).await.unwrap(),
            client,
        }
    }
}

#[async_trait]
impl Plain for Pgvector {
    async fn upsert(&self, records: &[Record], _: Work) {
        let ids: Vec<&str> = records.iter().map(|r| r.id.as_str()).collect();
        let vectors: Vec<Vector> =
            records.iter().map(|r| Vector::from(r.vector.as_deref().unwrap().to_vec())).collect();
        let metadata: Vec<String> =
            records.iter().map(|r| serde_json::to_string(&r.metadata).unwrap()).collect();
        let stored = self.client.execute(&self.upsert, &[&ids, &vectors, &metadata]).await.unwrap();
        assert_eq!(stored, records.len() as u64);
    }

    async fn search(&self, vector: &[f32], k: usize) -> Vec<String> {
        let rows =
            self.client.query(&self.search, &[&Vector::from(vector.to_vec()), &(k as i64)]).await.unwrap();
        rows.iter()
            .map(|row| {
                let metadata: serde_json::Value = serde_json::from_str(row.get(1)).unwrap();
                assert!(metadata.is_object());
                row.get(0)
            })
            .collect()
    }

    async fn fetch(&self, ids: &[String]) -> usize {
        let rows = self.client.query(&self.fetch, &[&ids]).await.unwrap();
        rows.iter().filter(|row| row.get::<_, Vector>(1).as_slice().len() > 1).count()
    }
}
