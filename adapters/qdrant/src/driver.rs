//! The driver: each ability of the port as a thin call on the server.

use std::time::Duration;

use portolan_core::driver::{
    self, Deadline, Driver, ExactSearch, Hit, IdScheme, NativeId, Nearest, Neighbours, NewIndex, Opened,
    OverflowFilter, Page, Profile, Removed, Row, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Health, Metric, Outcome, Result, Status, Value, VectorFidelity,
};
use qdrant_client::qdrant::points_selector::PointsSelectorOneOf;
use qdrant_client::qdrant::{
    CollectionInfo, CollectionStatus, Condition, CountPoints, DeleteCollection, DeletePoints, Filter,
    GetCollectionInfoRequest, GetPoints, ListCollectionsRequest, OptimizersConfigDiff, PointsIdsList,
    QuantizationSearchParams, Query, QueryPoints, ReadConsistency, ScrollPoints, SearchParams,
    UpdateCollection, UpsertPoints, WriteOrdering,
};

use crate::client::{Client, without};
use crate::config::{Config, PROVIDER, SERVER};
use crate::convert::{
    SCORES, id_text, outgoing, payload_of, point, point_id, point_ids, represents, row, vectors_of,
};
use crate::filter::{NativeFilter, levels};
use crate::lower;
use crate::options::KEYS;
use crate::path::path;
use crate::schema::{self, Layout, SERVER_BOUND};

type Target<'a> = driver::Target<'a, Layout>;

/// The most levels of a filter: two messages each, of the hundred that a request may nest.
const MAX_LEVELS: usize = 46;

/// How often a collection is asked whether its optimizers have ended.
const POLL: Duration = Duration::from_millis(200);

/// A Qdrant server, as the engine of the port drives it.
#[derive(Debug)]
pub struct QdrantDriver {
    client: Client,
    ordering: Option<WriteOrdering>,
    read_consistency: Option<ReadConsistency>,
    profile: Profile,
}

impl QdrantDriver {
    /// A server, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for a host, an API key or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            ordering: config.write_ordering.map(Into::into),
            read_consistency: config.read_consistency.map(Into::into),
            profile: profile(config),
        })
    }

    async fn info(&self, name: &str) -> Result<CollectionInfo> {
        let request = GetCollectionInfoRequest { collection_name: name.to_owned() };
        let answer = self.client.ask(self.client.collections().get(request)).await?;
        answer.result.ok_or_else(|| without("the collection"))
    }

    async fn delete_collection(&self, name: &str) -> Result<bool, WriteError> {
        let request = DeleteCollection { collection_name: name.to_owned(), timeout: Some(SERVER_BOUND) };
        Ok(self.client.ask(self.client.collections().delete(request)).await?.result)
    }

    /// Deletes so many points, all of them before this returns.
    async fn delete(
        &self,
        target: Target<'_>,
        points: PointsSelectorOneOf,
        rows: usize,
    ) -> Result<(), WriteError> {
        let request = DeletePoints {
            collection_name: target.name.to_owned(),
            wait: Some(true),
            points: Some(points.into()),
            ordering: self.ordering,
            ..DeletePoints::default()
        };
        let answer = self.client.points().delete(request).await;
        self.client.written(answer, rows > 1 && target.index.sharded)
    }

    async fn counted(&self, target: Target<'_>, filter: Option<Filter>, exact: bool) -> Result<u64> {
        let request = CountPoints {
            collection_name: target.name.to_owned(),
            filter,
            exact: Some(exact),
            read_consistency: self.read_consistency,
            ..CountPoints::default()
        };
        let answer = self.client.ask(self.client.points().count(request)).await?;
        answer.result.map(|result| result.count).ok_or_else(|| without("the count"))
    }
}

fn profile(config: &Config) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.ids = IdScheme::UuidOrInteger;
    profile.vectors = VectorFidelity::Normalized;
    profile.all_values = false;
    profile.exact_filters = false;
    profile.exact = ExactSearch::OnRequest;
    profile.ties_by_id = false;
    profile.native_window = 100_000;
    profile.update = false;
    profile.sizes = false;
    profile.durable = true;
    profile.options = KEYS;
    profile.timeout = config.endpoint.timeout;
    profile.limits.batch_count = Some(1_000);
    profile.limits.batch_bytes = Some(16 << 20);
    profile
}

impl Driver for QdrantDriver {
    type Index = Layout;
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        SERVER.check_version(&self.client.version().await?)
    }

    fn lower(&self, target: Target<'_>, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        let declared = target.spec.fields.get(&leaf.key).copied();
        lower::leaf(leaf, declared, target.index, negated)
    }

    fn lower_ids(&self, _: Target<'_>, ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
        let ids = NativeFilter::from(Condition::has_id(point_ids(ids)));
        Lowered::Exact(if negated { ids.not() } else { ids })
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::all(parts)
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::any(parts)
    }

    fn accepts(&self, filter: &NativeFilter) -> bool {
        levels(&filter.0) <= MAX_LEVELS
    }

    fn represents(&self, _: Target<'_>, key: &str, value: &Value) -> bool {
        path(key).is_some() && represents(value)
    }

    /// The leaves ask for the keys of the overflow themselves, and are exact where the engine would make them a superset.
    fn overflow(&self, _: Target<'_>, _: &str) -> OverflowFilter {
        OverflowFilter::ByDriver
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        self.client.ask(self.client.collections().create(schema::creation(new)?)).await?;
        for request in schema::field_indexes(new) {
            let answer = self.client.points().create_field_index(request).await;
            if let Err(e) = self.client.written(answer, false) {
                // What went wrong is told; that it could not be undone adds nothing.
                let _ = self.delete_collection(new.name).await;
                return Err(WriteError::InDoubt(e.into_error()));
            }
        }
        Ok(())
    }

    async fn open(&self, name: &str, _: Option<&Layout>, _: Deadline) -> Result<Opened<Layout>> {
        let (info, layout) = schema::describe(name, &self.info(name).await?)?;
        let fidelity = match info.spec.metric {
            Metric::Cosine => VectorFidelity::Normalized,
            Metric::DotProduct | Metric::Euclidean | Metric::Manhattan => VectorFidelity::Exact,
        };
        let exact = if layout.flat { ExactSearch::Always } else { ExactSearch::OnRequest };
        Ok(Opened::new(info, layout).exact(exact).fidelity(fidelity))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let answer = self.client.ask(self.client.collections().list(ListCollectionsRequest {})).await?;
        Ok(answer.collections.into_iter().map(|collection| collection.name).collect())
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        if self.delete_collection(name).await? {
            return Ok(());
        }
        Err(Error::new(ErrorKind::NotFound, format!("there is no collection {name:?}")).into())
    }

    async fn write(&self, target: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let vector = &target.index.vector;
        let request = UpsertPoints {
            collection_name: target.name.to_owned(),
            wait: Some(true),
            points: rows.iter().map(|row| point(row, target.spec.metric, vector)).collect(),
            ordering: self.ordering,
            ..UpsertPoints::default()
        };
        let answer = self.client.points().upsert(request).await;
        self.client.written(answer, rows.len() > 1 && target.index.sharded)?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let request = GetPoints {
            collection_name: target.name.to_owned(),
            ids: point_ids(ids),
            with_payload: payload_of(want),
            with_vectors: vectors_of(want, &target.index.vector),
            read_consistency: self.read_consistency,
            ..GetPoints::default()
        };
        let answer = self.client.ask(self.client.points().get(request)).await?;
        answer.result.into_iter().map(|point| row(point.id, point.payload, point.vectors)).collect()
    }

    async fn remove(&self, target: Target<'_>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let list = PointsSelectorOneOf::Points(PointsIdsList { ids: point_ids(ids) });
        self.delete(target, list, ids.len()).await?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let layout = target.index;
        let exact = query.exact || layout.flat;
        // The scores of codes are not those of the vectors.
        let rescore = QuantizationSearchParams { rescore: Some(true), ..QuantizationSearchParams::default() };
        let params = SearchParams {
            hnsw_ef: query.ef_search.map(u64::from),
            exact: Some(exact),
            quantization: Some(rescore),
            ..SearchParams::default()
        };
        let request = QueryPoints {
            collection_name: target.name.to_owned(),
            query: Some(Query::new_nearest(outgoing(query.vector, target.spec.metric))),
            using: (!layout.vector.is_empty()).then(|| layout.vector.clone()),
            filter: query.filter.map(|filter| filter.0.clone()),
            params: Some(params),
            limit: Some(query.k as u64),
            with_payload: payload_of(query.want),
            with_vectors: vectors_of(query.want, &layout.vector),
            read_consistency: self.read_consistency,
            ..QueryPoints::default()
        };
        let answer = self.client.ask(self.client.points().query(request)).await?;
        let hits = answer.result.into_iter().map(|point| {
            let distance = SCORES.distance(target.spec.metric, point.score.into());
            Ok(Hit::new(row(point.id, point.payload, point.vectors)?, distance))
        });
        let exactness = if exact { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits.collect::<Result<_>>()?, exactness))
    }

    async fn page(
        &self,
        target: Target<'_>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let request = ScrollPoints {
            collection_name: target.name.to_owned(),
            filter: filter.map(|filter| filter.0.clone()),
            offset: cursor.map(point_id),
            limit: Some(u32::try_from(limit).unwrap_or(u32::MAX)),
            with_payload: payload_of(want),
            with_vectors: vectors_of(want, &target.index.vector),
            read_consistency: self.read_consistency,
            ..ScrollPoints::default()
        };
        let answer = self.client.ask(self.client.points().scroll(request)).await?;
        let rows = answer.result.into_iter().map(|point| row(point.id, point.payload, point.vectors));
        let next = answer.next_page_offset.map(|id| id_text(Some(id))).transpose()?;
        Ok(Page::new(rows.collect::<Result<_>>()?, next))
    }

    async fn count(
        &self,
        target: Target<'_>,
        filter: Option<&NativeFilter>,
        with_vector: bool,
    ) -> Result<u64> {
        let vector = with_vector.then(|| Condition::has_vector(target.index.vector.as_str()).into());
        let parts: Vec<NativeFilter> = filter.cloned().into_iter().chain(vector).collect();
        let filter = (!parts.is_empty()).then(|| NativeFilter::all(parts).0);
        self.counted(target, filter, true).await
    }

    async fn remove_where(&self, target: Target<'_>, filter: &NativeFilter) -> Result<Removed, WriteError> {
        self.delete(target, filter.0.clone().into(), usize::MAX).await.map(|()| Removed::All(None))
    }

    async fn clear(&self, target: Target<'_>) -> Result<Removed, WriteError> {
        self.delete(target, Filter::default().into(), usize::MAX).await.map(|()| Removed::All(None))
    }

    /// What Qdrant expects from its payload indexes.
    async fn estimate(&self, target: Target<'_>, filter: Option<&NativeFilter>) -> Result<Option<u64>> {
        self.counted(target, filter.map(|filter| filter.0.clone()), false).await.map(Some)
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(self.client.version().await?);
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        Ok(health)
    }

    /// Wakes the optimizers, which merge segments, drop what was deleted and build the graph, and waits for them.
    async fn optimize(&self, target: Target<'_>) -> Result<bool> {
        if is_optimized(&self.info(target.name).await?)? {
            return Ok(false);
        }
        let request = UpdateCollection {
            collection_name: target.name.to_owned(),
            optimizers_config: Some(OptimizersConfigDiff::default()),
            ..UpdateCollection::default()
        };
        self.client.ask(self.client.collections().update(request)).await?;
        while !is_optimized(&self.info(target.name).await?)? {
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
