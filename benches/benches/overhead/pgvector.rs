//! PostgreSQL, with tokio-postgres.

use async_trait::async_trait;
use pgvector::Vector;
use portolan::Record;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls, Row, Statement};

use super::plain::{Plain, Work};

/// What a search sets for itself alone: one server process serves many callers in turn.
const BEGIN: &str = "BEGIN READ ONLY; SET LOCAL hnsw.ef_search = 40; \
    SET LOCAL hnsw.iterative_scan = relaxed_order; SET LOCAL hnsw.max_scan_tuples = 100000; \
    SET LOCAL hnsw.scan_mem_multiplier = 4";

/// A connection for each kind of work, as the port has one: each is a process of the server, warm with what it did last.
pub(crate) struct Pgvector {
    same: Session,
    bare: Session,
}

struct Session {
    client: Client,
    upsert: Statement,
    search: Prepared,
    fetch: Prepared,
}

/// A statement, prepared for bare calls. Done the same way as the port it is not: a pooler between would lose it, and the
/// server could plan it for any vector and limit.
struct Prepared {
    sql: String,
    statement: Statement,
}

impl Pgvector {
    pub(crate) async fn connect(uri: &str, index: &str) -> Self {
        Self { same: Session::connect(uri, index).await, bare: Session::connect(uri, index).await }
    }

    fn session(&self, work: Work) -> &Session {
        if work == Work::Same { &self.same } else { &self.bare }
    }
}

impl Session {
    async fn connect(uri: &str, index: &str) -> Self {
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
            search: Prepared { statement: client.prepare(&search).await.unwrap(), sql: search },
            fetch: Prepared { statement: client.prepare(&fetch).await.unwrap(), sql: fetch },
            client,
        }
    }

    async fn rows(&self, query: &Prepared, work: Work, binds: &[&(dyn ToSql + Sync)]) -> Vec<Row> {
        if work == Work::Bare {
            return self.client.query(&query.statement, binds).await.unwrap();
        }
        let types = query.statement.params().iter().cloned();
        let typed: Vec<(&(dyn ToSql + Sync), Type)> = binds.iter().copied().zip(types).collect();
        self.client.query_typed(&query.sql, &typed).await.unwrap()
    }
}

#[async_trait]
impl Plain for Pgvector {
    async fn upsert(&self, records: &[Record], work: Work) {
        let session = self.session(work);
        let ids: Vec<&str> = records.iter().map(|r| r.id.as_str()).collect();
        let vectors: Vec<Vector> =
            records.iter().map(|r| Vector::from(r.vector.as_deref().unwrap().to_vec())).collect();
        let metadata: Vec<String> =
            records.iter().map(|r| serde_json::to_string(&r.metadata).unwrap()).collect();
        let stored = session.client.execute(&session.upsert, &[&ids, &vectors, &metadata]).await.unwrap();
        assert_eq!(stored, records.len() as u64);
    }

    async fn search(&self, vector: &[f32], k: usize, work: Work) -> Vec<String> {
        let session = self.session(work);
        let (vector, k) = (Vector::from(vector.to_vec()), k as i64);
        let binds: [&(dyn ToSql + Sync); 2] = [&vector, &k];
        let search = session.rows(&session.search, work, &binds);
        let rows = if work == Work::Same {
            let (begun, rows, ended) = tokio::join!(
                session.client.batch_execute(BEGIN),
                search,
                session.client.batch_execute("COMMIT")
            );
            begun.and(ended).unwrap();
            rows
        } else {
            search.await
        };
        rows.iter()
            .map(|row| {
                let metadata: serde_json::Value = serde_json::from_str(row.get(1)).unwrap();
                assert!(metadata.is_object());
                row.get(0)
            })
            .collect()
    }

    async fn fetch(&self, ids: &[String], work: Work) -> usize {
        let session = self.session(work);
        let rows = session.rows(&session.fetch, work, &[&ids]).await;
        let whole = |row: &&Row| {
            let metadata: serde_json::Value = serde_json::from_str(row.get(2)).unwrap();
            row.get::<_, Vector>(1).as_slice().len() > 1 && metadata.is_object()
        };
        rows.iter().filter(whole).count()
    }
}
