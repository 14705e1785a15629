//! A schema of its own for each case, and a plain connection beside the port.

#![allow(dead_code)]

pub(crate) mod guard;

use std::sync::Arc;

use async_trait::async_trait;
use portolan_core::{
    CallOptions, CountRequest, Filter, Metadata, Record, Result, ScanRequest, SearchRequest, UpsertRequest,
    VectorStorage,
};
use portolan_testkit::traps::World;
use portolan_testkit::{Server, place};
use tokio_postgres::NoTls;

pub(crate) const OPTIONS: CallOptions = CallOptions::new();

/// The schema of a case, and both ways to it.
#[derive(Clone)]
pub(crate) struct Place {
    pub(crate) uri: String,
    pub(crate) schema: String,
    pub(crate) storage: Arc<dyn VectorStorage>,
    pub(crate) admin: Arc<tokio_postgres::Client>,
}

#[async_trait]
impl World for Place {
    async fn of(place: place::Place) -> Result<Self> {
        let (uri, schema) = (place.uri, place.name);
        let (admin, connection) =
            tokio_postgres::connect(&uri.replacen("pgvector://", "postgres://", 1), NoTls).await.unwrap();
        tokio::spawn(connection);
        // Cases that create schema and extension at once would disturb each other here, not in the port.
        admin
            .batch_execute("SELECT pg_advisory_xact_lock(77); CREATE EXTENSION IF NOT EXISTS vector")
            .await
            .unwrap();
        admin
            .batch_execute(&format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\", public"))
            .await
            .unwrap();
        let storage = open(&format!("{uri}?schema={schema}")).await?;
        Ok(Self { uri, schema, storage, admin: Arc::new(admin) })
    }

    async fn clean(&self) -> Result<()> {
        // A case that failed may have left a transaction open.
        self.sql(&format!("ROLLBACK; DROP SCHEMA \"{}\" CASCADE", self.schema)).await;
        Ok(())
    }
}

impl Place {
    /// Runs statements in the case's schema, past the port.
    pub(crate) async fn sql(&self, statements: &str) {
        self.admin.batch_execute(statements).await.unwrap();
    }

    /// The schema through the port once more, with more options.
    pub(crate) async fn with(&self, options: &str) -> Arc<dyn VectorStorage> {
        open(&format!("{}?schema={}&{options}", self.uri, self.schema)).await.unwrap()
    }

    /// The URI's user, the server's address, and the database.
    pub(crate) fn parts(&self) -> (&str, &str, &str) {
        let (user, rest) = self.uri.trim_start_matches("pgvector://").split_once('@').unwrap();
        let (address, database) = rest.split_once('/').unwrap();
        (user, address, database)
    }
}

pub(crate) async fn open(uri: &str) -> Result<Arc<dyn VectorStorage>> {
    portolan_pgvector::open(uri.parse()?).await
}

pub(crate) fn server() -> Server {
    Server::new("pgvector", portolan_pgvector::open).parallel(2)
}

pub(crate) async fn upsert(storage: &dyn VectorStorage, index: &str, records: &[Record]) {
    let written = storage.upsert(&UpsertRequest::new(index, records)).await.unwrap();
    written.into_result().unwrap();
}

/// Ids that meet a filter, sorted; counted and scanned alike.
pub(crate) async fn ids(storage: &dyn VectorStorage, index: &str, filter: &Filter) -> Vec<String> {
    let page = storage.scan(&ScanRequest::new(index).filter(Some(filter)).page_size(1_000)).await.unwrap();
    assert!(page.cursor.is_none(), "more than one page");
    let mut ids: Vec<String> = page.records.into_iter().map(|r| r.id).collect();
    ids.sort_unstable();
    let count = storage.count(&CountRequest::new(index).filter(Some(filter))).await.unwrap();
    assert_eq!(count, ids.len() as u64, "the count of {filter}");
    ids
}

/// Compares filters with the evaluator, each of which selects some records and not all.
pub(crate) async fn compare(
    storage: &dyn VectorStorage,
    index: &str,
    records: &[Record],
    filters: impl IntoIterator<Item = Filter>,
) {
    for filter in filters {
        let mut expected: Vec<&str> =
            records.iter().filter(|r| filter.matches(&r.id, &r.metadata)).map(|r| r.id.as_str()).collect();
        expected.sort_unstable();
        assert!(!expected.is_empty() && expected.len() < records.len(), "{filter} selects none or all");
        assert_eq!(ids(storage, index, &filter).await, expected, "{filter}");
    }
}

/// Records `r0`, `r1`, … with this metadata and small vectors.
pub(crate) fn records(metadata: impl IntoIterator<Item = Metadata>) -> Vec<Record> {
    metadata
        .into_iter()
        .enumerate()
        .map(|(n, m)| Record::new(format!("r{n}"), vec![n as f32 + 1.0, 1.0, 2.0]).metadata(m))
        .collect()
}

/// Ids of the nearest records, nearest first.
pub(crate) async fn nearest(storage: &dyn VectorStorage, request: &SearchRequest) -> Vec<String> {
    storage.search(request).await.unwrap().matches.into_iter().map(|m| m.id).collect()
}
