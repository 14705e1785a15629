//! The driver: each ability of the port as a call of the server.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use portolan_core::driver::kit::{Score, Scores, integer_id};
use portolan_core::driver::{
    self, Deadline, Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile,
    Row, ScoreError, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::{
    Cursor, EngineKind, Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Metric, Outcome, Result,
    Status,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::{Client, about};
use crate::config::{Config, PROVIDER};
use crate::convert::{self, output_fields};
use crate::error::{is_about_replicas, is_no_index, rubbish};
use crate::expression::{Expression, is_of_ids, is_shallow, quoted, text};
use crate::filter::Scope;
use crate::foreign;
use crate::layout::{self, Layout, OPTIONS, Parted, VECTOR};
use crate::load::Loading;
use crate::optimize;
use crate::proto::milvus::{
    CheckHealthRequest, DeleteRequest, DescribeCollectionRequest, DescribeCollectionResponse,
    DescribeIndexRequest, DropCollectionRequest, GetVersionRequest, QueryRequest, QueryResults,
    ShowCollectionsRequest, UpsertRequest,
};
use crate::proto::scalars;
use crate::proto::schema::scalar_field::Data;
use crate::search::{self, COUNT};
use crate::server::Server;

const MAX_DIMENSION: usize = 32_768;
/// The most of what a query or search returns.
const WINDOW: usize = 16_384;
/// The most bytes of a JSON field.
const METADATA_BYTES: usize = 65_536;
/// Below the 64 MiB of a request, with room for what an estimate leaves out.
const BATCH_BYTES: usize = 40 << 20;
const BATCH_COUNT: usize = 5_000;
/// The most bytes of vectors that a call asks for.
const READ_BYTES: usize = 32 << 20;
/// How often the collections are asked for: Milvus Lite fails to list them while one of them is dropped.
const LISTINGS: usize = 10;

const SCORES: Scores = Scores {
    cosine: Score::Cosine,
    dot_product: Score::Dot,
    euclidean: Score::Squared,
    manhattan: Score::Distance,
};

/// Milvus, as the engine of the port drives it.
#[derive(Debug)]
pub struct MilvusDriver {
    client: Client,
    profile: Profile,
    load_timeout: Duration,
    /// Which server it is, and its version; known once it is connected to.
    server: OnceLock<(Server, String)>,
    /// Held while a name is looked up and then taken or given up: to the server a repetition of either is no error.
    names: Mutex<()>,
}

/// A collection, and the server that holds it.
#[derive(Debug)]
pub struct Collection {
    server: Server,
    layout: Layout,
}

/// A collection, as the engine hands it back.
type Target<'a> = driver::Target<'a, Collection>;

impl Collection {
    fn scope<'a>(&'a self, spec: &'a IndexSpec) -> Scope<'a> {
        Scope { server: self.server, layout: &self.layout, spec }
    }
}

impl MilvusDriver {
    /// A server, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for a host, credentials or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            profile: profile(config),
            load_timeout: config.load_timeout,
            server: OnceLock::new(),
            names: Mutex::default(),
        })
    }

    fn server(&self) -> Server {
        self.server.get().map_or(Server::Current, |(server, _)| *server)
    }

    /// Makes a call that needs the collection loaded.
    async fn loaded<T, F>(&self, target: Target<'_>, call: impl Fn() -> F) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, WriteError>>,
    {
        let Target { name, spec, index, deadline } = target;
        let end = Instant::now() + self.load_timeout;
        let end = deadline.instant().map_or(end, |deadline| end.min(deadline));
        Loading { client: &self.client, name, spec, vector: &index.layout.vector, end }.call(call).await
    }

    async fn query(&self, target: Target<'_>, request: &QueryRequest) -> Result<QueryResults> {
        Ok(self.loaded(target, || self.client.query(request.clone())).await?)
    }

    /// The rows that an expression meets; with a limit those with the least keys.
    async fn rows(
        &self,
        target: Target<'_>,
        expression: Option<&Expression>,
        limit: Option<usize>,
        want: Want,
    ) -> Result<Vec<Row>> {
        let Collection { server, layout } = target.index;
        let request = search::query(&self.client, target.name, expression, output_fields(layout, want));
        let request = search::limited(*server, request, limit);
        convert::rows(layout, target.spec, want, &self.query(target, &request).await?.fields_data)
    }

    async fn delete(&self, target: Target<'_>, expression: &Expression) -> Result<i64, WriteError> {
        let request = about!(self.client, target.name, DeleteRequest { expr: expression.to_string() });
        Ok(self.loaded(target, || self.client.delete(request.clone())).await?.delete_cnt)
    }

    async fn describe(&self, name: &str) -> Result<DescribeCollectionResponse, WriteError> {
        self.client.describe_collection(about!(self.client, name, DescribeCollectionRequest {})).await
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        match self.describe(name).await {
            Ok(_) => Ok(true),
            Err(e) if e.error().kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into_error()),
        }
    }

    async fn create_collection(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let _guard = self.names.lock().await;
        if self.exists(new.name).await? {
            let message = format!("the collection {:?} exists", new.name);
            return Err(Error::new(ErrorKind::AlreadyExists, message).into());
        }
        let dimension = new.spec.dimension.max(self.server().least_dimension());
        let request = layout::collection(new.name, self.client.database.clone(), new.spec, dimension)?;
        self.client.create_collection(request).await.map(drop)
    }

    async fn drop_collection(&self, name: &str) -> Result<(), WriteError> {
        self.client.drop_collection(about!(self.client, name, DropCollectionRequest {})).await.map(drop)
    }

    /// The fields of another program's collection.
    async fn foreign(
        &self,
        name: &str,
        described: &DescribeCollectionResponse,
    ) -> Result<(Layout, IndexInfo)> {
        let indexes =
            match self.client.describe_index(about!(self.client, name, DescribeIndexRequest {})).await {
                Ok(reply) => reply.index_descriptions,
                Err(e) if is_no_index(&e) => Vec::new(),
                Err(e) => return Err(e.into_error()),
            };
        foreign::read(name, described, &indexes)
    }

    /// How many rows with vectors are asked for at once.
    fn most_rows(&self, spec: &IndexSpec, want: Want) -> usize {
        let most = self.profile.page_rows;
        if want.vectors { (READ_BYTES / (spec.dimension.max(1) * 4)).clamp(1, most) } else { most }
    }
}

/// Whether the server takes this as a collection's name.
fn is_native(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'$')
}

/// The rows behind one in the order of keys.
fn after(layout: &Layout, last: &str) -> Result<Expression> {
    let last = match (layout.integer_ids, integer_id::<i64>(last)) {
        (false, _) => quoted(last),
        (true, Some(last)) => last.to_string(),
        (true, None) => return Err(Cursor::dead()),
    };
    Ok(text(format!("{} > {last}", layout.id)))
}

/// What every row meets.
fn all_rows(layout: &Layout) -> Expression {
    let id = &layout.id;
    text(if layout.integer_ids { format!("{id} >= 0 or {id} < 0") } else { format!("{id} >= \"\"") })
}

fn profile(config: &Config) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.names.separators = Separators::Underscore;
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.exact_filters = false;
    profile.exact = ExactSearch::Never;
    profile.ties_by_id = false;
    profile.native_window = WINDOW;
    profile.row_cursors = true;
    profile.update = false;
    profile.sizes = false;
    profile.timeout = config.endpoint.timeout;
    profile.durable = true;
    profile.options = OPTIONS;
    profile.limits.dimension = MAX_DIMENSION;
    profile.limits.batch_count = Some(BATCH_COUNT);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile.limits.metadata_bytes = Some(METADATA_BYTES);
    profile
}

impl Driver for MilvusDriver {
    type Index = Collection;
    type Filter = Expression;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        let version = self.client.get_version(GetVersionRequest {}).await?.version;
        let server = Server::of(&version).ok_or_else(|| {
            Error::unsupported(format!(
                "the server is Milvus {version}, and 2.3 is the oldest that is supported"
            ))
        })?;
        self.server.get_or_init(|| (server, version));
        Ok(())
    }

    fn lower(&self, target: Target<'_>, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        target.index.scope(target.spec).leaf(leaf, negated)
    }

    fn lower_ids(&self, target: Target<'_>, ids: &[NativeId], negated: bool) -> Lowered<Expression> {
        target.index.scope(target.spec).ids(ids, negated)
    }

    fn and(&self, parts: Vec<Expression>) -> Expression {
        Expression::all(parts)
    }

    fn or(&self, parts: Vec<Expression>) -> Expression {
        Expression::any(parts)
    }

    fn accepts(&self, filter: &Expression) -> bool {
        is_shallow(filter)
    }

    fn admits(&self, target: Target<'_>, row: &Row) -> Result<()> {
        convert::admit(&target.index.layout, row)
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let NewIndex { name, spec, deadline } = new;
        layout::check(self.server(), spec)?;
        self.create_collection(new).await?;
        let end = deadline.instant().unwrap_or_else(|| Instant::now() + self.profile.create_bound);
        let loading = Loading { client: &self.client, name, spec, vector: VECTOR, end };
        if let Err(e) = loading.create_index().await {
            if !e.is_in_doubt() {
                self.drop_collection(name).await?;
            }
            return Err(e);
        }
        match loading.load().await {
            Err(e) if is_about_replicas(&e) => {
                self.drop_collection(name).await?;
                let replicas = layout::replicas(spec)?;
                let why = format!("the option replicas is {replicas}, and the server has fewer query nodes");
                Err(Error::invalid(why).with_source(e.into_error()).into())
            }
            loaded => loaded.map_err(|e| WriteError::InDoubt(e.into_error())),
        }
    }

    async fn open(&self, name: &str, _: Option<&Collection>, _: Deadline) -> Result<Opened<Collection>> {
        if !is_native(name) {
            return Err(Error::new(ErrorKind::NotFound, format!("no collection can be called {name:?}")));
        }
        let described = self.describe(name).await?;
        let (layout, info) = match Layout::kept(&described)? {
            Some(kept) => kept,
            None => self.foreign(name, &described).await?,
        };
        let compressed = layout.compressed;
        let opened = Opened::new(info, Collection { server: self.server(), layout });
        Ok(if compressed { opened.score_error(ScoreError::Unbounded) } else { opened })
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let db_name = self.client.database.clone();
        let request = ShowCollectionsRequest { db_name, ..ShowCollectionsRequest::default() };
        for _ in 1..LISTINGS {
            match self.client.show_collections(request.clone()).await {
                Err(e) if e.error().kind() == ErrorKind::NotFound => {}
                reply => return Ok(reply?.collection_names),
            }
        }
        Ok(self.client.show_collections(request).await?.collection_names)
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let _guard = self.names.lock().await;
        if !is_native(name) || !self.exists(name).await? {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no collection {name:?}")).into());
        }
        self.drop_collection(name).await
    }

    async fn write(&self, target: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let Collection { server, layout } = target.index;
        if layout.parted != Parted::No && !server.parts_upserts() {
            return Err(layout::parts_wrongly().into());
        }
        let (fields, count) = (convert::columns(layout, rows), rows.len() as u32);
        let request =
            about!(self.client, target.name, UpsertRequest { fields_data: fields, num_rows: count });
        self.client.upsert(request).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let layout = &target.index.layout;
        let scope = target.index.scope(target.spec);
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.most_rows(target.spec, want)) {
            let expression = text(format!("{} in {}", layout.id, scope.id_list(ids)));
            rows.extend(self.rows(target, Some(&expression), None, want).await?);
        }
        Ok(rows)
    }

    async fn remove(&self, target: Target<'_>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let list = target.index.scope(target.spec).id_list(ids);
        if list != "[]" {
            let id = &target.index.layout.id;
            self.delete(target, &text(format!("{id} in {list}"))).await?;
        }
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_>, query: &Nearest<'_, Expression>) -> Result<Neighbours> {
        let layout = &target.index.layout;
        let request = search::nearest(&self.client, target.name, layout, query);
        let reply = self.loaded(target, || self.client.search(request.clone())).await?;
        let found = reply.results.unwrap_or_default();
        let rows = convert::found(layout, target.spec, query.want, found.ids.as_ref(), &found.fields_data)?;
        if rows.len() != found.scores.len() {
            return Err(rubbish("has another number of scores than of ids"));
        }
        let scored = rows.into_iter().zip(found.scores);
        let distance = |score| SCORES.distance(layout.metric, f64::from(score));
        let hits = scored.map(|(row, score)| Hit::new(row, distance(score))).collect();
        let exactness =
            if layout.engine == EngineKind::Flat { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits, exactness))
    }

    async fn page(
        &self,
        target: Target<'_>,
        filter: Option<&Expression>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let layout = &target.index.layout;
        let limit = limit.min(self.most_rows(target.spec, want));
        let from = cursor.map(|last| after(layout, last)).transpose()?;
        let parts: Vec<Expression> = from.into_iter().chain(filter.cloned()).collect();
        let expression = (!parts.is_empty()).then(|| Expression::all(parts));
        let mut rows = self.rows(target, expression.as_ref(), Some(limit), want).await?;
        if layout.integer_ids {
            rows.sort_by_key(|row| integer_id::<i64>(&row.id));
        } else {
            rows.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let ended =
            if target.index.server.pages_as_iterator() { rows.is_empty() } else { rows.len() < limit };
        rows.truncate(limit);
        let next = rows.last().filter(|_| !ended).map(|row| row.id.to_string());
        Ok(Page::new(rows, next))
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        Some(row.id.to_string())
    }

    async fn count(&self, target: Target<'_>, filter: Option<&Expression>, _: bool) -> Result<u64> {
        let request = search::query(&self.client, target.name, filter, vec![COUNT.to_owned()]);
        let reply = self.query(target, &request).await?;
        let fields = &reply.fields_data;
        let count = fields.iter().find(|field| field.field_name == COUNT).or(fields.first());
        match count.and_then(scalars) {
            Some(Data::LongData(counts)) => {
                Ok(counts.data.first().and_then(|n| u64::try_from(*n).ok()).unwrap_or_default())
            }
            _ => Err(rubbish("has no count")),
        }
    }

    async fn remove_where(&self, target: Target<'_>, filter: &Expression) -> Result<Option<u64>, WriteError> {
        let layout = &target.index.layout;
        // Of bare keys the server counts those that were given, not those that were there.
        let counted = if is_of_ids(filter) {
            Expression::all(vec![filter.clone(), all_rows(layout)])
        } else {
            filter.clone()
        };
        Ok(u64::try_from(self.delete(target, &counted).await?).ok())
    }

    async fn clear(&self, target: Target<'_>) -> Result<(), WriteError> {
        let layout = &target.index.layout;
        self.delete(target, &all_rows(layout)).await?;
        Ok(())
    }

    async fn optimize(&self, target: Target<'_>) -> Result<bool> {
        // Milvus Lite has no segments to merge: there is nothing to do.
        if target.index.server == Server::Lite {
            return Ok(false);
        }
        let collection = self.describe(target.name).await?.collection_id;
        optimize::optimize(&self.client, target.name, collection).await
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let state = self.client.check_health(CheckHealthRequest {}).await?;
        let status = if state.is_healthy { Status::Healthy } else { Status::Degraded };
        let mut health = Health::new(PROVIDER, status);
        health.version = self.server.get().map(|(_, version)| version.clone());
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        health.message = (!state.reasons.is_empty()).then(|| state.reasons.join("; "));
        Ok(health)
    }
}
