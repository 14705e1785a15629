//! The driver: each ability of the port as a thin call on the server.

use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use portolan_core::driver::{
    Deadline, Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened, OverflowFilter,
    Page, Paging, Profile, Removed, Row, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Health, Metric, Outcome, Result, Status, Value, VectorFidelity, time,
};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::api::{Collection, Deleted, Found, PreFlight, Query, Rows, Selection};
use crate::client::{Client, segment};
use crate::config::{Config, PROVIDER};
use crate::convert::{self, include};
use crate::filter::{self, ALWAYS, NativeFilter};
use crate::schema;
use crate::writes::Writes;

/// The most rows that one search asks for: Chroma's database takes 32,766 parameters, and each row is one.
const WINDOW: usize = 20_000;

const PAGE_ROWS: usize = 1_000;

/// Larger batches are no faster, and hold up whoever else waits for the server's one writer.
const BATCH_ROWS: usize = 1_000;

/// A quarter of what a server takes at once where nothing else is configured.
const BATCH_BYTES: usize = 10 << 20;

/// The most rows that one request deletes by a condition; it takes about a second.
const DELETE_ROWS: usize = 4_000;

/// By how many collections the pages of a list overlap.
const LIST_OVERLAP: usize = 20;

/// How often a read is repeated that met a record without a vector.
const RACES: u32 = 8;

/// What the server says then.
const NO_VECTOR: &str = "Error finding id";

/// The dot products that `1 - dot` in f32 keeps too little of.
const SMALL_DOT: f64 = 1.0 / 64.0;

/// A Chroma server, as the engine of the port drives it.
#[derive(Debug)]
pub struct ChromaDriver {
    client: Client,
    config: Config,
    profile: Profile,
    limits: OnceLock<Limits>,
}

/// What only the server knows.
#[derive(Debug, Clone, Copy)]
struct Limits {
    batch_rows: usize,
    base64: bool,
}

/// What calls on a collection need of it.
#[derive(Debug)]
pub struct Index {
    path: String,
    /// Whether the port made it, so that no list of numbers is native in it.
    ours: bool,
    /// Outlives an opening: what is being written stays so when the collection is opened again.
    writes: Arc<Writes>,
}

impl ChromaDriver {
    /// A server, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for certificates that cannot be read, and for a tenant or database of dots alone.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            config: config.clone(),
            profile: profile(config),
            limits: OnceLock::new(),
        })
    }

    fn limits(&self) -> Limits {
        self.limits.get().copied().unwrap_or(Limits { batch_rows: BATCH_ROWS, base64: false })
    }

    /// Sends something about a collection.
    async fn post<T: DeserializeOwned>(
        &self,
        index: &Index,
        operation: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, WriteError> {
        self.client.post(&format!("{}/{operation}", index.path), body).await
    }

    /// Reads. A record that is being written or deleted may have metadata and no vector: the server then fails, and is
    /// asked again.
    async fn read<T: DeserializeOwned>(
        &self,
        index: &Index,
        operation: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T> {
        let mut pause = Duration::from_millis(2);
        for _ in 0..RACES {
            match self.post(index, operation, body).await {
                Err(e) if e.error().message().contains(NO_VECTOR) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answer => return Ok(answer?),
            }
        }
        Ok(self.post(index, operation, body).await?)
    }

    /// Rows, none of them half written. (Chroma keeps vectors and metadata apart.)
    async fn get_rows(&self, index: &Index, get: &Selection<'_>) -> Result<Vec<Row>> {
        let read = || async { convert::rows(self.read::<Rows>(index, "get", get).await?) };
        index.writes.unmixed(get.mixes(), read, |row| &row.id).await
    }

    /// Hits, none of them half written.
    async fn get_hits(&self, index: &Index, metric: Metric, query: &Query<'_>) -> Result<Vec<Hit>> {
        let read = || async { convert::hits(metric, self.read::<Found>(index, "query", query).await?) };
        index.writes.unmixed(query.among.mixes(), read, |hit| &hit.row.id).await
    }

    /// Removes what is selected, in parts, so that a call which runs out of time has got somewhere.
    async fn remove_part(&self, index: &Index, all: Selection<'_>) -> Result<Removed, WriteError> {
        let _writing = index.writes.of_all().await;
        let request = Selection { limit: Some(DELETE_ROWS), ..all };
        // A server that tells no number knows no limit either.
        let Deleted { deleted } = self.post(index, "delete", &request).await?;
        Ok(match deleted {
            Some(number) if number >= DELETE_ROWS => Removed::Part(number as u64),
            number => Removed::All(number.map(|n| n as u64)),
        })
    }

    /// Writes one batch that the server takes at once.
    async fn write_batch(&self, index: &Index, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let batch = convert::batch(rows, self.limits().base64)?;
        let operation = if batch.embeddings.is_some() { "upsert" } else { "update" };
        let _writing = index.writes.of(rows.iter().map(|row| row.id.as_str())).await;
        let _: IgnoredAny = self.post(index, operation, &batch).await?;
        let there = self.expel(index, rows).await.map_err(WriteError::InDoubt)?;
        Ok(rows.iter().map(|row| found(row, &there)).collect())
    }

    /// Removes stale lists from new records: in Chroma, list metadata of a deleted collection can reappear on a new record that
    /// reuses its row number. Returns the ids that exist.
    async fn expel(&self, index: &Index, rows: &[Row]) -> Result<HashSet<NativeId>> {
        let mut there = HashSet::with_capacity(rows.len());
        for chunk in rows.chunks(PAGE_ROWS) {
            let ids = Some(chunk.iter().map(|row| &row.id).collect());
            let get = Selection { ids, include: Some(vec!["metadatas"]), ..Selection::default() };
            let stored = convert::rows(self.read::<Rows>(index, "get", &get).await?)?;
            if let Some(update) = convert::expulsion(chunk, &stored) {
                let _: IgnoredAny = self.post(index, "update", &update).await?;
            }
            there.extend(stored.into_iter().map(|row| row.id));
        }
        Ok(there)
    }
}

/// Where a collection is found by its name or id.
fn path(name: &str) -> Result<String> {
    segment(name).map(|name| format!("/collections/{name}")).ok_or_else(|| Error::no_index(name))
}

/// The outcome of a row that was written: the server answers an update of one that is not there all the same.
fn found(row: &Row, there: &HashSet<NativeId>) -> Outcome {
    if row.vector.is_some() || there.contains(&row.id) {
        return Outcome::Stored;
    }
    Outcome::Failed(Error::new(
        ErrorKind::NotFound,
        format!("the record {:?} is not there any more", row.id.as_str()),
    ))
}

fn profile(config: &Config) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.vectors = VectorFidelity::Rounded;
    profile.merges = true;
    profile.all_values = false;
    profile.exact_filters = false;
    profile.timeout = config.endpoint.timeout;
    profile.exact = ExactSearch::Never;
    profile.ties_by_id = false;
    profile.native_window = WINDOW;
    profile.paging = Paging::Shifting;
    profile.count_where = false;
    profile.update = false;
    profile.sizes = false;
    profile.optimize = false;
    profile.durable = true;
    profile.page_rows = PAGE_ROWS;
    profile.options = &schema::OPTIONS;
    profile.limits.batch_count = Some(BATCH_ROWS);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile.limits.metadata_bytes = Some(BATCH_BYTES / 2);
    profile
}

impl Driver for ChromaDriver {
    type Index = Index;
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        let limits: PreFlight = self.client.server("pre-flight-checks").await?;
        let _: IgnoredAny = self.client.get("").await.map_err(|e| match e.error().kind() {
            ErrorKind::NotFound => Error::new(
                ErrorKind::NotFound,
                format!(
                    "the server has no database {:?} of a tenant {:?}; create it with the tools of Chroma",
                    self.config.database, self.config.tenant
                ),
            ),
            _ => e.into_error(),
        })?;
        let batch_rows = limits.max_batch_size.clamp(1, BATCH_ROWS);
        self.limits.get_or_init(|| Limits { batch_rows, base64: limits.supports_base64_encoding });
        Ok(())
    }

    fn lower(&self, target: Target<'_, Index>, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        filter::lower(leaf, negated, !target.index.ours)
    }

    fn lower_ids(&self, _: Target<'_, Index>, ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
        filter::lower_ids(ids, negated)
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        filter::and(parts)
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        filter::or(parts)
    }

    fn accepts(&self, filter: &NativeFilter) -> bool {
        filter.is_small()
    }

    fn represents(&self, _: Target<'_, Index>, key: &str, value: &Value) -> bool {
        convert::represents(key, value)
    }

    fn overflow(&self, target: Target<'_, Index>, key: &str) -> OverflowFilter {
        if convert::may_overflow(target.spec, key) { OverflowFilter::ByEngine } else { OverflowFilter::Never }
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let request = schema::create(new.name, new.spec, time::now())?;
        let _: IgnoredAny = self.client.post("/collections", &request).await?;
        Ok(())
    }

    async fn open(&self, name: &str, before: Option<&Index>, _: Deadline) -> Result<Opened<Index>> {
        let collection: Collection = self.client.get(&path(name)?).await?;
        let (info, ours) = schema::info(&collection)?;
        let writes = before.map(|before| Arc::clone(&before.writes)).unwrap_or_default();
        Ok(Opened::new(info, Index { path: path(&collection.id)?, ours, writes }))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let mut names = BTreeSet::new();
        loop {
            // A server may show less than all at once; what is deleted meanwhile must not hide another.
            let path = format!("/collections?offset={}", names.len().saturating_sub(LIST_OVERLAP));
            let page: Vec<Collection> = self.client.get(&path).await?;
            let before = names.len();
            names.extend(page.into_iter().map(|collection| collection.name));
            if names.len() == before {
                return Ok(names.into_iter().collect());
            }
        }
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let _: IgnoredAny = self.client.delete(&path(name)?).await?;
        Ok(())
    }

    async fn write(&self, target: Target<'_, Index>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let mut outcomes = Vec::with_capacity(rows.len());
        for batch in rows.chunks(self.limits().batch_rows) {
            match self.write_batch(target.index, batch).await {
                Ok(written) => outcomes.extend(written),
                Err(e) if outcomes.is_empty() && batch.len() == rows.len() => return Err(e),
                Err(e) => outcomes.extend(vec![e.outcome(); batch.len()]),
            }
        }
        Ok(outcomes)
    }

    async fn fetch(&self, target: Target<'_, Index>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let ids = Some(ids.iter().collect());
        let get = Selection { ids, include: Some(include(want)), ..Selection::default() };
        self.get_rows(target.index, &get).await
    }

    async fn remove(&self, target: Target<'_, Index>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let request = Selection { ids: Some(ids.iter().collect()), ..Selection::default() };
        let _writing = target.index.writes.of(ids.iter().map(NativeId::as_str)).await;
        let _: IgnoredAny = self.post(target.index, "delete", &request).await?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(
        &self,
        target: Target<'_, Index>,
        query: &Nearest<'_, NativeFilter>,
    ) -> Result<Neighbours> {
        // The beam of a search is as wide as the number of results asked for, or wider.
        let beam = query.ef_search.map_or(0, |ef| ef as usize).min(WINDOW);
        let among = query.filter.map(NativeFilter::selection).unwrap_or_default();
        let mut include = include(query.want);
        include.push("distances");
        let request = Query {
            query_embeddings: [query.vector],
            n_results: query.k.max(beam),
            among: Selection { include: Some(include), ..among },
        };
        let mut hits = self.get_hits(target.index, target.spec.metric, &request).await?;
        hits.truncate(query.k);
        if target.spec.metric == Metric::DotProduct {
            // Chroma tells `1 - dot` in f32: of a small product too little is left.
            hits.iter_mut().for_each(|hit| hit.coarse = hit.distance.abs() < SMALL_DOT);
        }
        Ok(Neighbours::new(hits, Exactness::Approximate))
    }

    async fn page(
        &self,
        target: Target<'_, Index>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let offset: usize = cursor.map_or(Ok(0), str::parse).map_err(|_| {
            Error::invalid(format!("the cursor {cursor:?} is none of this store's: start without one"))
        })?;
        let get = Selection {
            limit: Some(limit + 1),
            offset: Some(offset),
            include: Some(include(want)),
            ..filter.map(NativeFilter::selection).unwrap_or_default()
        };
        let mut rows = self.get_rows(target.index, &get).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = more.then(|| (offset + rows.len()).to_string());
        Ok(Page::new(rows, next))
    }

    async fn count(&self, target: Target<'_, Index>, _: Option<&NativeFilter>, _: bool) -> Result<u64> {
        Ok(self.client.get(&format!("{}/count", target.index.path)).await?)
    }

    async fn remove_where(
        &self,
        target: Target<'_, Index>,
        filter: &NativeFilter,
    ) -> Result<Removed, WriteError> {
        self.remove_part(target.index, filter.selection()).await
    }

    async fn clear(&self, target: Target<'_, Index>) -> Result<Removed, WriteError> {
        let all = Selection { clause: Some(&ALWAYS), ..Selection::default() };
        self.remove_part(target.index, all).await
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        let _: IgnoredAny = self.client.server("heartbeat").await?;
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(self.client.server("version").await?);
        health.indexes = Some(self.client.get("/collections_count").await?);
        Ok(health)
    }
}
