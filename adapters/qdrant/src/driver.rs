//! The driver: each ability of the port as a thin call on the server.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portolan_core::driver::{
    Driver, ExactSearch, Hit, IdScheme, Nearest, Neighbours, Page, Profile, Row, Target, Want,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Outcome, Result, Status, Value, VectorFidelity,
};
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, CountPoints, DeleteCollection, DeletePoints, Filter,
    GetCollectionInfoRequest, GetPoints, HealthCheckRequest, ListCollectionsRequest, OptimizersConfigDiff,
    PointId, PointsIdsList, PointsOperationResponse, PointsSelector, QuantizationSearchParams, Query,
    QueryPoints, ScrollPoints, SearchParams, UpdateCollection, UpdateStatus, UpsertPoints,
};
use tonic::Response;

use crate::PROVIDER;
use crate::client::{BOUND, Client};
use crate::config::Config;
use crate::convert::{distance, id_text, outgoing, point, point_id, point_ids, represents, row};
use crate::error;
use crate::filter::NativeFilter;
use crate::lower::{self, path};
use crate::options::KEYS;
use crate::request::{nearest_to, payload_of, read_consistency, vectors_of, write_ordering};
use crate::schema::{self, Layout};

/// The most levels of a filter: two messages each, of the hundred that a request may nest.
const MAX_LEVELS: usize = 46;

/// How often a collection is asked whether its optimizers have ended.
const POLL: Duration = Duration::from_millis(200);

/// A Qdrant server, as the engine of the port drives it.
#[derive(Debug)]
pub struct QdrantDriver {
    client: Client,
    config: Config,
    profile: Profile,
    /// How the collections lie that were opened.
    layouts: RwLock<HashMap<String, Arc<Layout>>>,
}

impl QdrantDriver {
    /// A server, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for a host, an API key or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            config: config.clone(),
            profile: profile(),
            layouts: RwLock::default(),
        })
    }

    /// How a collection lies; one that was not opened, as one that Portolan made.
    fn layout(&self, name: &str) -> Arc<Layout> {
        self.layouts.read().get(name).cloned().unwrap_or_default()
    }

    async fn info(&self, name: &str) -> Result<CollectionInfo> {
        let request = GetCollectionInfoRequest { collection_name: name.to_owned() };
        let answer = self.client.ask(self.client.collections().get(request)).await?;
        answer.result.ok_or_else(|| empty("the collection"))
    }

    async fn remove_points(&self, at: Target<'_>, points: PointsSelectorOneOf) -> Written {
        let request = DeletePoints {
            collection_name: at.name.to_owned(),
            wait: Some(true),
            points: Some(PointsSelector { points_selector_one_of: Some(points) }),
            ordering: write_ordering(&self.config),
            ..DeletePoints::default()
        };
        self.client.points().delete(request).await
    }

    /// The outcome of a write of so many rows. Several may have gone to several shards, of which one refused its own.
    fn outcomes(&self, at: Target<'_>, rows: usize, written: Written) -> Result<Vec<Outcome>> {
        let parted = rows > 1 && self.layout(at.name).sharded;
        match written {
            Ok(response) => match applied(&response.into_inner()) {
                Ok(()) => Ok(vec![Outcome::Stored; rows]),
                Err(e) => Ok(vec![Outcome::Unknown(e); rows]),
            },
            Err(status) if error::had_no_effect(&status, parted) => Err(self.client.error(&status)),
            Err(status) => Ok(vec![Outcome::Unknown(self.client.error(&status)); rows]),
        }
    }

    /// Deletes what matches, all of it before this returns.
    async fn remove_all(&self, at: Target<'_>, filter: Filter) -> Result<()> {
        let answer = self.client.ask(self.remove_points(at, PointsSelectorOneOf::Filter(filter))).await?;
        applied(&answer)
    }

    async fn counted(&self, at: Target<'_>, filter: Option<Filter>, exact: bool) -> Result<u64> {
        let request = CountPoints {
            collection_name: at.name.to_owned(),
            filter,
            exact: Some(exact),
            read_consistency: read_consistency(&self.config),
            ..CountPoints::default()
        };
        let answer = self.client.ask(self.client.points().count(request)).await?;
        answer.result.map(|result| result.count).ok_or_else(|| empty("a count"))
    }

    async fn create_field_indexes(&self, at: Target<'_>) -> Result<()> {
        for request in schema::field_indexes(at) {
            let answer = self.client.ask(self.client.points().create_field_index(request)).await?;
            applied(&answer)?;
        }
        Ok(())
    }

    async fn delete_collection(&self, name: &str) -> Result<bool> {
        let request = DeleteCollection { collection_name: name.to_owned(), timeout: Some(BOUND.as_secs()) };
        self.layouts.write().remove(name);
        let answer = self.client.ask_long(self.client.collections().delete(request)).await?;
        Ok(answer.result)
    }
}

type Written = Result<Response<PointsOperationResponse>, tonic::Status>;

fn profile() -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.ids = IdScheme::UuidOrInteger;
    profile.vectors = VectorFidelity::Normalized;
    profile.all_values = false;
    profile.exact = ExactSearch::OnRequest;
    profile.ties_by_id = false;
    profile.native_window = 100_000;
    profile.update = false;
    profile.sizes = false;
    profile.durable = true;
    profile.options = KEYS;
    profile.create_bound = BOUND;
    profile.limits.batch_count = Some(1_000);
    profile.limits.batch_bytes = Some(16 << 20);
    profile
}

impl Driver for QdrantDriver {
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        let declared = spec.fields.get(&leaf.key).copied();
        lower::leaf(leaf, declared, &self.layout(&spec.name), negated)
    }

    fn lower_ids(&self, _: &IndexSpec, ids: &[String], negated: bool) -> Lowered<NativeFilter> {
        let ids = NativeFilter::ids(point_ids(ids));
        Lowered::Exact(if negated { ids.not() } else { ids })
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::all(parts)
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::any(parts)
    }

    fn accepts(&self, filter: &NativeFilter) -> bool {
        filter.levels() <= MAX_LEVELS
    }

    fn represents(&self, _: &IndexSpec, key: &str, value: &Value) -> bool {
        path(key).is_some() && represents(value)
    }

    /// The leaves ask for the keys aside themselves, and are exact where the engine would make them a superset.
    fn may_lie_aside(&self, _: &IndexSpec, _: &str) -> bool {
        false
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        self.client.ask(self.client.collections().create(schema::creation(at)?)).await?;
        let indexed = self.create_field_indexes(at).await;
        if indexed.is_err() {
            // What went wrong is told; that it could not be undone adds nothing.
            let _ = self.delete_collection(at.name).await;
        }
        indexed
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        let info = self.info(name).await?;
        let (info, layout) = schema::describe(name, &info)?;
        self.layouts.write().insert(name.to_owned(), Arc::new(layout));
        Ok(info)
    }

    async fn list(&self) -> Result<Vec<String>> {
        let answer = self.client.ask(self.client.collections().list(ListCollectionsRequest {})).await?;
        Ok(answer.collections.into_iter().map(|collection| collection.name).collect())
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        if self.delete_collection(name).await? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no collection {name:?}")))
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let vector = &self.layout(at.name).vector;
        let request = UpsertPoints {
            collection_name: at.name.to_owned(),
            wait: Some(true),
            points: rows.iter().map(|row| point(row, at.spec.metric, vector)).collect(),
            ordering: write_ordering(&self.config),
            ..UpsertPoints::default()
        };
        self.outcomes(at, rows.len(), self.client.points().upsert(request).await)
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let request = GetPoints {
            collection_name: at.name.to_owned(),
            ids: point_ids(ids),
            with_payload: Some(payload_of(want)),
            with_vectors: Some(vectors_of(want, &self.layout(at.name))),
            read_consistency: read_consistency(&self.config),
            ..GetPoints::default()
        };
        let answer = self.client.ask(self.client.points().get(request)).await?;
        answer.result.into_iter().map(|point| row(point.id, point.payload, point.vectors)).collect()
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let list = PointsIdsList { ids: point_ids(ids) };
        self.outcomes(at, ids.len(), self.remove_points(at, PointsSelectorOneOf::Points(list)).await)
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let layout = self.layout(at.name);
        let exact = query.exact || layout.flat;
        let params = SearchParams {
            hnsw_ef: query.ef_search.map(u64::from),
            exact: Some(exact),
            // The scores of codes are not the vectors' own.
            quantization: Some(QuantizationSearchParams {
                rescore: Some(true),
                ..QuantizationSearchParams::default()
            }),
            ..SearchParams::default()
        };
        let request = QueryPoints {
            collection_name: at.name.to_owned(),
            query: Some(Query { variant: Some(nearest_to(outgoing(query.vector, at.spec.metric))) }),
            using: (!layout.vector.is_empty()).then(|| layout.vector.clone()),
            filter: query.filter.map(|filter| filter.0.clone()),
            params: Some(params),
            limit: Some(query.k as u64),
            with_payload: Some(payload_of(query.want)),
            with_vectors: Some(vectors_of(query.want, &layout)),
            read_consistency: read_consistency(&self.config),
            ..QueryPoints::default()
        };
        let answer = self.client.ask(self.client.points().query(request)).await?;
        let hit = |distance| move |row| Hit { row, distance };
        let hits = answer.result.into_iter().map(|point| {
            row(point.id, point.payload, point.vectors).map(hit(distance(at.spec.metric, point.score)))
        });
        let hits: Vec<Hit> = hits.collect::<Result<_>>()?;
        let exactness = if exact { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours { records_read: hits.len() as u64, hits, exactness })
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let request = ScrollPoints {
            collection_name: at.name.to_owned(),
            filter: filter.map(|filter| filter.0.clone()),
            offset: cursor.map(point_id),
            limit: Some(u32::try_from(limit).unwrap_or(u32::MAX)),
            with_payload: Some(payload_of(want)),
            with_vectors: Some(vectors_of(want, &self.layout(at.name))),
            read_consistency: read_consistency(&self.config),
            ..ScrollPoints::default()
        };
        let answer = self.client.ask(self.client.points().scroll(request)).await?;
        let rows = answer.result.into_iter().map(|point| row(point.id, point.payload, point.vectors));
        let next = answer.next_page_offset.map(|id: PointId| id_text(Some(id))).transpose()?;
        Ok(Page { rows: rows.collect::<Result<_>>()?, next })
    }

    async fn count(&self, at: Target<'_>, filter: Option<&NativeFilter>, with_vector: bool) -> Result<u64> {
        let vector = with_vector.then(|| NativeFilter::has_vector(&self.layout(at.name).vector));
        let parts: Vec<NativeFilter> = filter.cloned().into_iter().chain(vector).collect();
        let filter = (!parts.is_empty()).then(|| NativeFilter::all(parts).0);
        self.counted(at, filter, true).await
    }

    async fn remove_where(&self, at: Target<'_>, filter: &NativeFilter) -> Result<Option<u64>> {
        self.remove_all(at, filter.0.clone()).await.map(|()| None)
    }

    async fn clear(&self, at: Target<'_>) -> Result<()> {
        self.remove_all(at, Filter::default()).await
    }

    /// What Qdrant expects from its payload indexes.
    async fn estimate(&self, at: Target<'_>, filter: Option<&NativeFilter>) -> Result<Option<u64>> {
        self.counted(at, filter.map(|filter| filter.0.clone()), false).await.map(Some)
    }

    async fn health(&self) -> Result<Health> {
        let reply = self.client.ask(self.client.server().health_check(HealthCheckRequest {})).await?;
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(reply.version);
        health.indexes = Some(self.list().await?.len() as u64);
        Ok(health)
    }

    /// Wakes the optimizers, which merge segments, drop what was deleted and build the graph, and waits for them.
    async fn optimize(&self, at: Target<'_>) -> Result<bool> {
        if is_optimized(&self.info(at.name).await?)? {
            return Ok(false);
        }
        let request = UpdateCollection {
            collection_name: at.name.to_owned(),
            optimizers_config: Some(OptimizersConfigDiff::default()),
            ..UpdateCollection::default()
        };
        self.client.ask_long(self.client.collections().update(request)).await?;
        while !is_optimized(&self.info(at.name).await?)? {
            tokio::time::sleep(POLL).await;
        }
        Ok(true)
    }
}

/// Whether the optimizers of a collection have nothing to do.
fn is_optimized(info: &CollectionInfo) -> Result<bool> {
    match info.status() {
        CollectionStatus::Green => Ok(true),
        CollectionStatus::Yellow | CollectionStatus::Grey => Ok(false),
        CollectionStatus::Red | CollectionStatus::UnknownCollectionStatus => {
            let why = info.optimizer_status.as_ref().map_or("", |status| status.error.as_str());
            Err(Error::new(ErrorKind::Unexpected, format!("Qdrant cannot optimize the collection: {why}")))
        }
    }
}

/// Whether a write that was waited for is applied.
fn applied(answer: &PointsOperationResponse) -> Result<()> {
    let result = answer.result.as_ref().ok_or_else(|| empty("a write"))?;
    match result.status() {
        UpdateStatus::Completed => Ok(()),
        UpdateStatus::Acknowledged | UpdateStatus::WaitTimeout => Err(Error::new(
            ErrorKind::Timeout,
            "Qdrant has taken the write, and has not applied it before its own time ran out",
        )),
        status => Err(Error::new(
            ErrorKind::Unexpected,
            format!("Qdrant has ended the write as {}", status.as_str_name()),
        )),
    }
}

fn empty(what: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("Qdrant has answered {what} without a result"))
}
