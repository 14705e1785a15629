//! A new index for each case, through the port and past it.

use std::process::ExitCode;
use std::sync::Arc;

use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Failed, Trial};
use portolan_core::{
    CallOptions, CountRequest, Filter, GetRequest, IndexSpec, Metric, Record, ScanRequest, SearchRequest,
    UpsertRequest, VectorStorage,
};
use portolan_testkit::server;
use serde_json::{Value as Json, json};

pub(crate) const OPTIONS: CallOptions = CallOptions::new();

/// A case and its name.
pub(crate) type Case = (&'static str, fn(World) -> BoxFuture<'static, ()>);

/// The index name of a case, the store, and the plain server behind it.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) name: String,
    pub(crate) storage: Arc<dyn VectorStorage>,
    pub(crate) raw: Raw,
}

impl World {
    async fn new(uri: &str, number: usize) -> Self {
        let name = format!("trap-{}-{number}", std::process::id());
        let storage = portolan_chroma::open(uri.parse().unwrap()).await.unwrap();
        let authority = uri.trim_start_matches("chroma://").split('/').next().unwrap();
        let base = format!("http://{authority}/api/v2/tenants/default_tenant/databases/default_database");
        Self { name, storage, raw: Raw { base } }
    }

    /// An index of the case's name, with records.
    pub(crate) async fn filled(&self, spec: IndexSpec, records: &[Record]) {
        self.storage.create_index(&spec, OPTIONS).await.unwrap();
        self.upsert(records).await;
    }

    /// A spec of the case's name.
    pub(crate) fn spec(&self, dimension: usize) -> IndexSpec {
        IndexSpec::new(&self.name, dimension).metric(Metric::Euclidean)
    }

    pub(crate) async fn upsert(&self, records: &[Record]) {
        let request = UpsertRequest::new(&self.name, records);
        self.storage.upsert(&request).await.unwrap().into_result().unwrap();
    }

    pub(crate) async fn get(&self, ids: &[&str]) -> Vec<Option<Record>> {
        let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
        self.storage.get(&GetRequest::new(&self.name, &ids)).await.unwrap()
    }

    /// Ids that meet a filter, sorted; counted, scanned and searched alike.
    pub(crate) async fn ids(&self, filter: &Filter, dimension: usize) -> Vec<String> {
        let page = ScanRequest::new(&self.name).filter(Some(filter)).page_size(10_000);
        let records = self.storage.scan(&page).await.unwrap().records;
        let mut ids: Vec<String> = records.into_iter().map(|r| r.id).collect();
        ids.sort_unstable();
        let count = self.storage.count(&CountRequest::new(&self.name).filter(Some(filter))).await.unwrap();
        assert_eq!(count, ids.len() as u64, "the count of {filter}");
        let all = SearchRequest::new(&self.name, vec![1.0; dimension]).filter(filter.clone()).top_k(10_000);
        let mut found: Vec<String> =
            self.storage.search(&all).await.unwrap().matches.into_iter().map(|m| m.id).collect();
        found.sort_unstable();
        assert_eq!(found, ids, "the search under {filter}");
        ids
    }

    /// Compares filters with the evaluator; each selects some of the records and not all.
    pub(crate) async fn compare(&self, records: &[Record], filters: impl IntoIterator<Item = Filter>) {
        let dimension = records[0].vector.as_ref().unwrap().len();
        for filter in filters {
            let mut expected: Vec<&str> = records
                .iter()
                .filter(|r| filter.matches(&r.id, &r.metadata))
                .map(|r| r.id.as_str())
                .collect();
            expected.sort_unstable();
            assert!(!expected.is_empty() && expected.len() < records.len(), "{filter} selects none or all");
            assert_eq!(self.ids(&filter, dimension).await, expected, "{filter}");
        }
    }
}

/// The server's API, as another program uses it.
#[derive(Clone)]
pub(crate) struct Raw {
    base: String,
}

impl Raw {
    pub(crate) async fn call(&self, method: &str, path: &str, body: Json) -> (u16, Json) {
        let plain = portolan_net::Endpoint::new(&portolan_chroma::SERVER, "localhost");
        let tls = portolan_net::tls::client_config(&plain).unwrap();
        let client = reqwest::Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap();
        let url = format!("{}{path}", self.base);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let answer = client.request(method, url).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json().await.unwrap_or(Json::Null))
    }

    /// A collection of another program; its id.
    pub(crate) async fn create(&self, name: &str, space: &str) -> String {
        let body = json!({ "name": name, "configuration": { "hnsw": { "space": space } } });
        let (status, made) = self.call("POST", "/collections", body).await;
        assert_eq!(status, 200, "{made}");
        made["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn add(&self, id: &str, body: Json) {
        let (status, answer) = self.call("POST", &format!("/collections/{id}/add"), body).await;
        assert!(status < 300, "{answer}");
    }

    pub(crate) async fn id(&self, name: &str) -> String {
        let (_, collection) = self.call("GET", &format!("/collections/{name}"), Json::Null).await;
        collection["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn get(&self, id: &str, body: Json) -> Json {
        self.call("POST", &format!("/collections/{id}/get"), body).await.1
    }

    /// Deletes a collection's records, with their lists, and it.
    pub(crate) async fn clean(&self, name: &str) {
        let (status, collection) = self.call("GET", &format!("/collections/{name}"), Json::Null).await;
        if status == 200 {
            let path = format!("/collections/{}/delete", collection["id"].as_str().unwrap());
            self.call("POST", &path, json!({"where": {"none": {"$ne": ""}}})).await;
            self.drop(name).await;
        }
    }

    pub(crate) async fn drop(&self, name: &str) -> u16 {
        self.call("DELETE", &format!("/collections/{name}"), Json::Null).await.0
    }
}

/// Runs cases against the server of `PORTOLAN_TEST_CHROMA`; without one they are ignored, and shown so.
pub(crate) fn main(cases: Vec<Case>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let uri = server::uri("chroma");
    let trial = |(number, (name, case)): (usize, Case)| {
        let (uri, handle, absent) = (uri.clone(), runtime.handle().clone(), uri.is_none());
        let run = move || -> Result<(), Failed> {
            let uri = uri.ok_or("PORTOLAN_TEST_CHROMA names no server")?;
            handle.block_on(async move {
                let world = World::new(&uri, number).await;
                let after = world.clone();
                let ended = tokio::spawn(case(world)).await;
                after.raw.clean(&after.name).await;
                ended.map_err(|e| Failed::from(e.to_string()))
            })
        };
        Trial::test(name, run).with_ignored_flag(absent)
    };
    let trials = cases.into_iter().enumerate().map(trial).collect();
    let mut arguments = Arguments::from_args();
    // What one case leaves behind may turn up in records of another program.
    arguments.test_threads.get_or_insert(1);
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// The cases of a file, by their names.
#[macro_export]
macro_rules! cases {
    ($($case:ident),* $(,)?) => {
        vec![$((stringify!($case), |world| Box::pin($case(world)))),*]
    };
}
