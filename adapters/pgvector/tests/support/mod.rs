//! A schema of its own for each case, and a plain connection beside the port.

#![allow(dead_code)]

pub(crate) mod guard;

use std::process::ExitCode;
use std::sync::Arc;

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use portolan_core::{
    CallOptions, CountRequest, Filter, Metadata, Record, Result, ScanRequest, SearchRequest, UpsertRequest,
    VectorStorage,
};
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

impl Place {
    async fn new(uri: &str, case: &str) -> Self {
        let (admin, connection) =
            tokio_postgres::connect(&uri.replacen("pgvector://", "postgres://", 1), NoTls).await.unwrap();
        tokio::spawn(connection);
        let schema = format!("test_{}_{case}", std::process::id()).chars().take(60).collect::<String>();
        // Cases that create schema and extension at once would disturb each other here, not in the port.
        admin.batch_execute("SELECT pg_advisory_lock(77); CREATE EXTENSION IF NOT EXISTS vector; SELECT pg_advisory_unlock(77)").await.unwrap();
        admin
            .batch_execute(&format!("CREATE SCHEMA \"{schema}\"; SET search_path = \"{schema}\", public"))
            .await
            .unwrap();
        let storage = open(&format!("{uri}?schema={schema}")).await.unwrap();
        Self { uri: uri.to_owned(), schema, storage, admin: Arc::new(admin) }
    }

    /// Runs statements in the case's schema, past the port.
    pub(crate) async fn sql(&self, statements: &str) {
        self.admin.batch_execute(statements).await.unwrap();
    }

    /// The schema through the port once more, with more options.
    pub(crate) async fn with(&self, options: &str) -> Arc<dyn VectorStorage> {
        open(&format!("{}?schema={}&{options}", self.uri, self.schema)).await.unwrap()
    }
}

pub(crate) async fn open(uri: &str) -> Result<Arc<dyn VectorStorage>> {
    portolan_pgvector::open(uri.parse().unwrap()).await
}

type Case = fn(Place) -> BoxFuture<'static, ()>;

/// Runs cases against the server of `PORTOLAN_TEST_PGVECTOR`; without it they are ignored, and shown so.
pub(crate) fn main(cases: Vec<(&'static str, Case)>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let uri = portolan_testkit::server::uri("pgvector");
    let trials = cases
        .into_iter()
        .map(|(name, case)| {
            let (uri, handle) = (uri.clone(), runtime.handle().clone());
            let absent = uri.is_none();
            let run = move || -> std::result::Result<(), Failed> {
                let uri = uri.ok_or("PORTOLAN_TEST_PGVECTOR names no server")?;
                handle.block_on(async move {
                    let place = Place::new(&uri, name).await;
                    let after = place.clone();
                    let ended = tokio::spawn(case(place)).await;
                    // A case that failed may have left a transaction open.
                    after.sql(&format!("ROLLBACK; DROP SCHEMA \"{}\" CASCADE", after.schema)).await;
                    ended.map_err(|e| Failed::from(e.to_string()))
                })
            };
            Trial::test(name, run).with_ignored_flag(absent)
        })
        .collect();
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(2);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases of a file, by their names.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        vec![$((stringify!($case), |place| Box::pin($case(place)))),*]
    };
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
