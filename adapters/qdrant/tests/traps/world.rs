//! What a case works with: the port, and the server itself through the official client.

use std::sync::Arc;

use futures::future::BoxFuture;
use portolan_core::filter::Filter;
use portolan_core::{
    CallOptions, CountRequest, GetRequest, IndexSpec, Location, Metadata, Metric, Record, ScanRequest,
    SearchRequest, UpsertRequest, VectorStorage,
};
use qdrant_client::Qdrant;
use qdrant_client::qdrant::{
    Condition, CountPointsBuilder, CreateCollectionBuilder, Filter as Native, PointStruct,
    UpsertPointsBuilder,
};

const OPTIONS: CallOptions = CallOptions::new();

/// The port and the server, and a collection that no other case uses.
pub(crate) struct World {
    pub(crate) port: Arc<dyn VectorStorage>,
    pub(crate) server: Qdrant,
    pub(crate) name: String,
}

/// Runs a case, and deletes its collection.
pub(crate) fn run(uri: &str, case: fn(World) -> BoxFuture<'static, ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::open(uri).await;
        let (server, name) = (world.server.clone(), world.name.clone());
        let ended = tokio::spawn(case(world)).await;
        // The case may have deleted it.
        let _ = server.delete_collection(name).await;
        ended.unwrap();
    });
}

impl World {
    async fn open(uri: &str) -> Self {
        let location: Location = uri.parse().unwrap();
        let address = format!("http://{}:{}", location.host().unwrap(), location.port().unwrap_or(6334));
        let server = Qdrant::from_url(&address).skip_compatibility_check().build().unwrap();
        let name = format!("trap-{}", nonce());
        Self { port: portolan_qdrant::open(location).await.unwrap(), server, name }
    }

    /// Creates the index through the port, of two dimensions.
    pub(crate) async fn index(&self, change: impl FnOnce(IndexSpec) -> IndexSpec) {
        let spec = change(IndexSpec::new(&self.name, 2).metric(Metric::DotProduct));
        self.port.create_index(&spec, OPTIONS).await.unwrap();
    }

    /// Creates the index through the port and writes a record for each metadata: `0`, `1`, ….
    pub(crate) async fn filled(&self, metadata: &[&str]) {
        self.index(|spec| spec).await;
        let record = |(n, text): (usize, &&str)| {
            Record::new(n.to_string(), [1.0, n as f32]).metadata(Metadata::from_json_str(text).unwrap())
        };
        self.write(&metadata.iter().enumerate().map(record).collect::<Vec<_>>()).await;
    }

    pub(crate) async fn write(&self, records: &[Record]) {
        let written = self.port.upsert(&UpsertRequest::new(&self.name, records)).await.unwrap();
        assert!(written.is_successful(), "{written:?}");
    }

    /// The ids that meet a filter, by scan, which is also what search and count answer.
    pub(crate) async fn met(&self, filter: &str) -> Vec<String> {
        let filter = Filter::parse(filter).unwrap();
        let page = self
            .port
            .scan(&ScanRequest::new(&self.name).filter(Some(&filter)).page_size(1_000))
            .await
            .unwrap();
        let mut ids: Vec<String> = page.records.into_iter().map(|record| record.id).collect();
        ids.sort_unstable();
        let mut found = self.search([1.0, 1.0], |request| request.filter(filter.clone())).await;
        found.sort_unstable();
        assert_eq!(found, ids, "search and scan differ under {filter}");
        let count = self.port.count(&CountRequest::new(&self.name).filter(Some(&filter))).await.unwrap();
        assert_eq!(count, ids.len() as u64, "count and scan differ under {filter}");
        ids
    }

    /// The ids of a search for a hundred.
    pub(crate) async fn search(
        &self,
        vector: [f32; 2],
        change: impl FnOnce(SearchRequest) -> SearchRequest,
    ) -> Vec<String> {
        let request = change(SearchRequest::new(&self.name, vector).top_k(100));
        let result = self.port.search(&request).await.unwrap();
        result.matches.into_iter().map(|found| found.id).collect()
    }

    pub(crate) async fn get(&self, id: &str) -> Option<Record> {
        let ids = [id.to_owned()];
        self.port.get(&GetRequest::new(&self.name, &ids)).await.unwrap().remove(0)
    }

    /// How many points the server itself counts.
    pub(crate) async fn native(&self, filter: Native) -> u64 {
        let request = CountPointsBuilder::new(&self.name).filter(filter).exact(true);
        self.server.count(request).await.unwrap().result.unwrap().count
    }

    /// How many points the server itself counts under one condition.
    pub(crate) async fn native_one(&self, condition: Condition) -> u64 {
        self.native(Native::must([condition])).await
    }

    /// Creates the collection as another program would, and writes points to it.
    pub(crate) async fn foreign(&self, request: CreateCollectionBuilder, points: Vec<PointStruct>) {
        self.server.create_collection(request).await.unwrap();
        self.foreign_points(points).await;
    }

    pub(crate) async fn foreign_points(&self, points: Vec<PointStruct>) {
        if !points.is_empty() {
            self.server.upsert_points(UpsertPointsBuilder::new(&self.name, points).wait(true)).await.unwrap();
        }
    }
}

/// A name's tail that no other run has.
fn nonce() -> String {
    use std::hash::{BuildHasher, Hasher, RandomState};
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
