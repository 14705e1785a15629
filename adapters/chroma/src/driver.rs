//! The driver: each ability of the port as a thin call on the server.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portolan_core::driver::{
    Driver, ExactSearch, Hit, Nearest, Neighbours, Page, Paging, Profile, Row, Target, Want,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Metric, Outcome, Result, Status, Value,
    VectorFidelity, time,
};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value as Json;

use crate::PROVIDER;
use crate::api::{Collection, Delete, Deleted, Found, Get, PreFlight, Query, Rows};
use crate::client::{Client, segment};
use crate::config::Config;
use crate::convert::{self, include};
use crate::error::Fault;
use crate::filter::{self, NativeFilter};
use crate::schema;
use crate::writes::Writes;

/// The most rows that one search asks for: Chroma's database takes 32,766 parameters, and each row is one.
const WINDOW: usize = 20_000;

const PAGE_ROWS: usize = 1_000;

/// Larger batches are no faster, and hold up whoever else waits for the server's one writer.
const BATCH_ROWS: usize = 1_000;

/// A quarter of what a server takes at once unless it is configured otherwise.
const BATCH_BYTES: usize = 10 << 20;

/// The most rows that one request deletes by a condition; it takes about a second.
const DELETE_ROWS: u64 = 4_000;

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
    profile: Profile,
    base64: bool,
    collections: RwLock<HashMap<String, Known>>,
}

/// What calls on a collection need of it.
#[derive(Debug, Clone)]
struct Known {
    id: String,
    /// Whether the port made it, so that no list of numbers is native in it.
    ours: bool,
    writes: Arc<Writes>,
}

impl ChromaDriver {
    /// Connects to a server and asks for its limits.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` where it does not answer; `Unauthenticated`, `PermissionDenied`; `NotFound` for a
    /// tenant or database that it has not; `InvalidArgument` for certificates that cannot be read.
    pub async fn connect(config: &Config) -> Result<Self> {
        let client = Client::new(config)?;
        let limits: PreFlight = client.server("pre-flight-checks").await?;
        let _: IgnoredAny = client.get("").await.map_err(|fault| match fault.error.kind() {
            ErrorKind::NotFound => Error::new(
                ErrorKind::NotFound,
                format!(
                    "the server has no database {:?} of a tenant {:?}; create it with Chroma's own tools",
                    config.database, config.tenant
                ),
            ),
            _ => fault.error,
        })?;
        let base64 = limits.supports_base64_encoding;
        let profile = profile(limits.max_batch_size.clamp(1, BATCH_ROWS));
        Ok(Self { client, profile, base64, collections: RwLock::default() })
    }

    /// A collection from the server; what was known of it is replaced.
    async fn look(&self, name: &str) -> Result<(Collection, Known)> {
        let looked = self.client.get::<Collection>(&path(name)?).await;
        let mut collections = self.collections.write();
        let before = collections.remove(name);
        let collection = looked?;
        let ours = schema::info(&collection).is_ok_and(|(_, ours)| ours);
        let writes = before.map(|known| known.writes).unwrap_or_default();
        let known = Known { id: collection.id.clone(), ours, writes };
        collections.insert(name.to_owned(), known.clone());
        Ok((collection, known))
    }

    async fn known(&self, name: &str) -> Result<Known> {
        let known = self.collections.read().get(name).cloned();
        match known {
            Some(known) => Ok(known),
            None => Ok(self.look(name).await?.1),
        }
    }

    /// Sends something about a collection.
    async fn post<T: DeserializeOwned>(
        &self,
        at: &Place<'_>,
        operation: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T, Fault> {
        let answer = self.client.post(&at.path(operation), body).await;
        self.forget_missing(at, &answer);
        answer
    }

    fn forget_missing<T>(&self, at: &Place<'_>, answer: &Result<T, Fault>) {
        if answer.as_ref().is_err_and(|fault| fault.error.kind() == ErrorKind::NotFound) {
            self.collections.write().remove(at.name);
        }
    }

    /// Reads. A record that is being written or deleted may have metadata and no vector: the server then fails, and is
    /// asked again.
    async fn read<T: DeserializeOwned>(
        &self,
        at: &Place<'_>,
        operation: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<T> {
        let mut pause = Duration::from_millis(2);
        for _ in 0..RACES {
            match self.post(at, operation, body).await {
                Err(fault) if fault.error.message().contains(NO_VECTOR) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answer => return Ok(answer?),
            }
        }
        Ok(self.post(at, operation, body).await?)
    }

    /// Rows, no half of which was written meanwhile.
    async fn get_rows(&self, name: &str, get: &Get<'_>) -> Result<Vec<Row>> {
        let at = self.place(name).await?;
        let read = async || convert::rows(self.read::<Rows>(&at, "get", get).await?);
        if get.include.len() < 2 {
            return read().await;
        }
        let reading = at.known.writes.read();
        let rows = read().await?;
        if !reading.met(rows.iter().map(|row| row.id.as_str())) {
            return Ok(rows);
        }
        drop(reading);
        let _pause = at.known.writes.pause().await;
        read().await
    }

    /// Hits likewise.
    async fn get_hits(&self, name: &str, metric: Metric, query: &Query<'_>) -> Result<Vec<Hit>> {
        let at = self.place(name).await?;
        let read = async || convert::hits(metric, self.read::<Found>(&at, "query", query).await?);
        let reading = at.known.writes.read();
        let hits = read().await?;
        let of_one_part = query.include.len() < 2 && query.clause.is_none();
        if of_one_part || !reading.met(hits.iter().map(|hit| hit.row.id.as_str())) {
            return Ok(hits);
        }
        drop(reading);
        let _pause = at.known.writes.pause().await;
        read().await
    }

    /// Removes what meets a condition, some at a time, so that a call which runs out of time has got somewhere.
    async fn remove_all(
        &self,
        name: &str,
        ids: Option<&[String]>,
        clause: Option<&Json>,
    ) -> Result<Option<u64>> {
        let at = self.place(name).await?;
        let _writing = at.known.writes.of_all().await;
        let request = Delete { ids, clause, limit: Some(DELETE_ROWS) };
        let mut removed = 0;
        loop {
            // A server that tells no number knows no limit either.
            let Deleted { deleted: Some(now) } = self.post(&at, "delete", &request).await? else {
                return Ok(None);
            };
            removed += now;
            if now < DELETE_ROWS {
                return Ok(Some(removed));
            }
        }
    }

    async fn place<'a>(&self, name: &'a str) -> Result<Place<'a>> {
        Ok(Place { name, known: self.known(name).await? })
    }

    /// A list of a dropped collection may turn up in a new record, whose place in the database was that of an old one.
    /// Returns which of the rows are there.
    async fn expel(&self, at: &Place<'_>, rows: &[Row]) -> Result<HashSet<String>> {
        let mut there = HashSet::with_capacity(rows.len());
        for chunk in rows.chunks(PAGE_ROWS) {
            let ids: Vec<String> = chunk.iter().map(|row| row.id.clone()).collect();
            let get =
                Get { ids: Some(&ids), clause: None, limit: None, offset: None, include: vec!["metadatas"] };
            let stored = convert::rows(self.read::<Rows>(at, "get", &get).await?)?;
            if let Some(update) = convert::expulsion(chunk, &stored) {
                let _: IgnoredAny = self.post(at, "update", &update).await?;
            }
            there.extend(stored.into_iter().map(|row| row.id));
        }
        Ok(there)
    }
}

/// Where a collection is found by its name. Dots alone would be taken for folders however they are written.
fn path(name: &str) -> Result<String> {
    match name {
        "." | ".." => Err(Error::no_index(name)),
        _ => Ok(format!("/collections/{}", segment(name))),
    }
}

/// A collection, as calls address it.
struct Place<'a> {
    name: &'a str,
    known: Known,
}

impl Place<'_> {
    fn path(&self, operation: &str) -> String {
        format!("/collections/{}/{operation}", segment(&self.known.id))
    }
}

/// The outcomes of a write that was sent: `Err` only where surely nothing was written.
fn outcomes(sent: Result<IgnoredAny, Fault>, count: usize) -> Result<Vec<Outcome>> {
    match sent {
        Ok(_) => Ok(vec![Outcome::Stored; count]),
        Err(Fault { error, in_doubt: true }) => Ok(vec![Outcome::Unknown(error); count]),
        Err(fault) => Err(fault.error),
    }
}

/// The outcome of a row that was written: the server answers an update of one that is not there all the same.
fn found(row: &Row, there: &HashSet<String>) -> Outcome {
    if row.vector.is_some() || there.contains(&row.id) {
        return Outcome::Stored;
    }
    Outcome::Failed(Error::new(ErrorKind::NotFound, format!("the record {:?} is not there any more", row.id)))
}

fn profile(batch: usize) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.vectors = VectorFidelity::Rounded;
    profile.merges = true;
    profile.all_values = false;
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
    profile.limits.batch_count = Some(batch);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile.limits.metadata_bytes = Some(BATCH_BYTES / 2);
    profile
}

impl Driver for ChromaDriver {
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        let ours = self.collections.read().get(&spec.name).is_some_and(|known| known.ours);
        filter::lower(leaf, negated, !ours)
    }

    fn lower_ids(&self, _: &IndexSpec, ids: &[String], negated: bool) -> Lowered<NativeFilter> {
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

    fn represents(&self, _: &IndexSpec, key: &str, value: &Value) -> bool {
        convert::represents(key, value)
    }

    fn may_lie_aside(&self, spec: &IndexSpec, key: &str) -> bool {
        convert::may_lie_aside(spec, key)
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        let request = schema::create(at.name, at.spec, time::now())?;
        self.collections.write().remove(at.name);
        let _: IgnoredAny = self.client.post("/collections", &request).await?;
        Ok(())
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        let (collection, _) = self.look(name).await?;
        Ok(schema::info(&collection)?.0)
    }

    async fn list(&self) -> Result<Vec<String>> {
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

    async fn drop_index(&self, name: &str) -> Result<()> {
        let _: IgnoredAny = self.client.delete(&path(name)?).await?;
        self.collections.write().remove(name);
        Ok(())
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let of_metadata = rows.iter().all(|row| row.vector.is_none());
        let upsert = if of_metadata { None } else { Some(convert::upsert(rows, self.base64)?) };
        let at = self.place(at.name).await?;
        let _writing = at.known.writes.of(rows.iter().map(|row| row.id.as_str())).await;
        let sent = match upsert {
            Some(upsert) => self.post(&at, "upsert", &upsert).await,
            None => self.post(&at, "update", &convert::update(rows)).await,
        };
        let written = outcomes(sent, rows.len())?;
        if !written.iter().all(Outcome::is_stored) {
            return Ok(written);
        }
        Ok(match self.expel(&at, rows).await {
            Ok(there) => rows.iter().map(|row| found(row, &there)).collect(),
            Err(e) => vec![Outcome::Unknown(e); rows.len()],
        })
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let get = Get { ids: Some(ids), clause: None, limit: None, offset: None, include: include(want) };
        self.get_rows(at.name, &get).await
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let request = Delete { ids: Some(ids), clause: None, limit: None };
        let at = self.place(at.name).await?;
        let _writing = at.known.writes.of(ids.iter().map(String::as_str)).await;
        outcomes(self.post(&at, "delete", &request).await, ids.len())
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        // The beam of a search is as wide as the number of results asked for, or wider.
        let beam = query.ef_search.map_or(0, |ef| ef as usize).min(WINDOW);
        let ids = query.filter.and_then(NativeFilter::ids);
        let clause = clause(query.filter, ids.is_some());
        let mut include = include(query.want);
        include.push("distances");
        let request = Query {
            query_embeddings: [query.vector],
            n_results: query.k.max(beam),
            ids: ids.as_deref(),
            clause: clause.as_ref(),
            include,
        };
        let mut hits = self.get_hits(at.name, at.spec.metric, &request).await?;
        hits.truncate(query.k);
        if at.spec.metric == Metric::DotProduct {
            self.sharpen(at, query.vector, &mut hits).await?;
        }
        Ok(Neighbours { records_read: hits.len() as u64, hits, exactness: Exactness::Approximate })
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let offset: usize = cursor.map_or(Ok(0), str::parse).map_err(|_| {
            Error::invalid(format!("the cursor {cursor:?} is none of this store's: start without one"))
        })?;
        let ids = filter.and_then(NativeFilter::ids);
        let get = Get {
            ids: ids.as_deref(),
            clause: filter.and_then(NativeFilter::clause),
            limit: Some(limit + 1),
            offset: Some(offset),
            include: include(want),
        };
        let mut rows = self.get_rows(at.name, &get).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = more.then(|| (offset + rows.len()).to_string());
        Ok(Page { rows, next })
    }

    async fn count(&self, at: Target<'_>, _: Option<&NativeFilter>, _: bool) -> Result<u64> {
        let at = self.place(at.name).await?;
        let answer = self.client.get(&at.path("count")).await;
        self.forget_missing(&at, &answer);
        Ok(answer?)
    }

    async fn remove_where(&self, at: Target<'_>, filter: &NativeFilter) -> Result<Option<u64>> {
        let ids = filter.ids();
        let clause = clause(Some(filter), ids.is_some());
        self.remove_all(at.name, ids.as_deref(), clause.as_ref()).await
    }

    async fn clear(&self, at: Target<'_>) -> Result<()> {
        self.remove_all(at.name, None, Some(&filter::always())).await.map(drop)
    }

    async fn health(&self) -> Result<Health> {
        let _: IgnoredAny = self.client.server("heartbeat").await?;
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(self.client.server("version").await?);
        health.indexes = Some(self.client.get("/collections_count").await?);
        Ok(health)
    }
}

impl ChromaDriver {
    /// Chroma tells `1 - dot` in f32: a small product is computed again from the vectors.
    async fn sharpen(&self, at: Target<'_>, query: &[f32], hits: &mut [Hit]) -> Result<()> {
        let dull = |hit: &Hit| hit.distance.abs() < SMALL_DOT;
        let ids: Vec<String> = hits.iter().filter(|hit| dull(hit)).map(|hit| hit.row.id.clone()).collect();
        let mut vectors = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(PAGE_ROWS) {
            let rows = self.fetch(at, chunk, Want { vectors: true, ..Want::ID }).await?;
            vectors.extend(rows.into_iter().filter_map(|row| Some((row.id, row.vector?))));
        }
        for hit in hits.iter_mut() {
            if let Some(vector) = vectors.get(&hit.row.id) {
                hit.distance =
                    -query.iter().zip(vector.iter()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            }
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        Ok(())
    }
}

/// The condition to send. An id that is not there is an error of a search without one.
fn clause(filter: Option<&NativeFilter>, ids: bool) -> Option<Json> {
    filter.and_then(NativeFilter::clause).cloned().or_else(|| ids.then(filter::always))
}
