//! The driver: each ability of the port as a call of the server.

use std::future::Future;
use std::sync::OnceLock;
use std::time::Duration;

use portolan_core::driver::{
    Deadline, Driver, ExactSearch, Hit, IdScheme, NativeId, Nearest, Neighbours, NewIndex, Opened, Page,
    Paging, Profile, Row, ScoreError, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::{
    BatchAtomicity, Cursor, EngineKind, Error, ErrorKind, Exactness, Health, IndexSpec, Metric, Outcome,
    Result, Status, VectorFidelity,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::PROVIDER;
use crate::client::Client;
use crate::config::Config;
use crate::convert::{self, output_fields};
use crate::error::{is_about_replicas, is_no_index, rubbish};
use crate::expression::{Expression, is_of_ids, is_shallow, quoted, text};
use crate::filter::Scope;
use crate::layout::{self, Layout, OPTIONS, Parted};
use crate::load;
use crate::optimize;
use crate::proto::milvus::{
    CheckHealthRequest, DeleteRequest, DescribeCollectionRequest, DescribeIndexRequest,
    DropCollectionRequest, GetVersionRequest, QueryRequest, QueryResults, ShowCollectionsRequest,
    UpsertRequest,
};
use crate::proto::schema::{field_data::Field, scalar_field::Data};
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
const CREATE_BOUND: Duration = Duration::from_secs(300);
/// How often the collections are asked for: Milvus Lite fails to list them while one of them is dropped.
const LISTINGS: usize = 10;

/// Milvus, as the engine of the port drives it.
#[derive(Debug)]
pub struct MilvusDriver {
    client: Client,
    profile: Profile,
    load_timeout: Duration,
    version: OnceLock<String>,
    /// Held while a name is looked up and then taken or given up: to the server a repetition of either is no error.
    names: Mutex<()>,
}

/// A collection, and the server that holds it.
#[derive(Debug)]
pub struct Collection {
    server: Server,
    layout: Layout,
}

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
            version: OnceLock::new(),
            names: Mutex::default(),
        })
    }

    fn version(&self) -> &str {
        self.version.get().map_or("", String::as_str)
    }

    fn server(&self) -> Server {
        Server::of(self.version())
    }

    /// Makes a call that needs the collection loaded.
    async fn loaded<T, F>(
        &self,
        target: Target<'_, Collection>,
        call: impl Fn() -> F,
    ) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, WriteError>>,
    {
        let vector = &target.index.layout.vector;
        load::with_loaded(&self.client, self.load_timeout, target.name, target.spec, vector, call).await
    }

    async fn query(&self, target: Target<'_, Collection>, request: &QueryRequest) -> Result<QueryResults> {
        Ok(self.loaded(target, || self.client.query(request.clone())).await?)
    }

    async fn delete(
        &self,
        target: Target<'_, Collection>,
        expression: &Expression,
    ) -> Result<i64, WriteError> {
        let request = DeleteRequest {
            db_name: self.client.database(),
            collection_name: target.name.to_owned(),
            expr: expression.to_string(),
            ..DeleteRequest::default()
        };
        Ok(self.loaded(target, || self.client.delete(request.clone())).await?.delete_cnt)
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let request = DescribeCollectionRequest {
            db_name: self.client.database(),
            collection_name: name.to_owned(),
            ..DescribeCollectionRequest::default()
        };
        match self.client.describe_collection(request).await {
            Ok(_) => Ok(true),
            Err(e) if e.error().kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e.into_error()),
        }
    }

    async fn create_collection(&self, new: NewIndex<'_>, dimension: usize) -> Result<(), WriteError> {
        let _guard = self.names.lock().await;
        if self.exists(new.name).await? {
            let message = format!("the collection {:?} exists", new.name);
            return Err(Error::new(ErrorKind::AlreadyExists, message).into());
        }
        let request = layout::collection(new.name, self.client.database(), new.spec, dimension)?;
        self.client.create_collection(request).await.map(drop)
    }

    async fn drop_collection(&self, name: &str) -> Result<(), WriteError> {
        let request = DropCollectionRequest {
            db_name: self.client.database(),
            collection_name: name.to_owned(),
            ..DropCollectionRequest::default()
        };
        self.client.drop_collection(request).await.map(drop)
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
    let last = match (layout.integer_ids, convert::integer_id(last)) {
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
    profile.ids = IdScheme::Any;
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.vectors = VectorFidelity::Exact;
    profile.all_values = true;
    profile.exact_filters = false;
    profile.exact = ExactSearch::Never;
    profile.scans = true;
    profile.ties_by_id = false;
    profile.native_window = WINDOW;
    profile.paging = Paging::Stable;
    profile.row_cursors = true;
    profile.update = false;
    profile.sizes = false;
    profile.timeout = config.timeout;
    profile.batch = BatchAtomicity::Item;
    profile.durable = true;
    profile.page_rows = 1_000;
    profile.options = OPTIONS;
    profile.create_bound = CREATE_BOUND;
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
        self.version.get_or_init(|| version);
        Ok(())
    }

    fn lower(&self, target: Target<'_, Collection>, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        target.index.scope(target.spec).leaf(leaf, negated)
    }

    fn lower_ids(
        &self,
        target: Target<'_, Collection>,
        ids: &[NativeId],
        negated: bool,
    ) -> Lowered<Expression> {
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

    fn admits(&self, target: Target<'_, Collection>, row: &Row) -> Result<()> {
        convert::fits(&target.index.layout, row)
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let server = self.server();
        layout::check(server, new.spec)?;
        let dimension = new.spec.dimension.max(server.least_dimension());
        self.create_collection(new, dimension).await?;
        let vector = Layout::of_spec(new.spec, dimension).vector;
        if let Err(e) = load::create_index(&self.client, new.name, new.spec, &vector).await {
            if !e.is_in_doubt() {
                self.drop_collection(new.name).await?;
            }
            return Err(e);
        }
        let end = Instant::now() + CREATE_BOUND;
        let loaded = load::load(&self.client, new.name, new.spec, &vector, end).await;
        if let Err(e) = loaded {
            if is_about_replicas(&e) {
                self.drop_collection(new.name).await?;
                let replicas = layout::replicas(new.spec);
                let why = format!("the option replicas is {replicas}, and the server has fewer query nodes");
                return Err(Error::invalid(why).with_source(e.into_error()).into());
            }
            return Err(WriteError::InDoubt(e.into_error()));
        }
        Ok(())
    }

    async fn open(&self, name: &str, _: Option<&Collection>, _: Deadline) -> Result<Opened<Collection>> {
        if !is_native(name) {
            return Err(Error::new(ErrorKind::NotFound, format!("no collection can be called {name:?}")));
        }
        let request = DescribeCollectionRequest {
            db_name: self.client.database(),
            collection_name: name.to_owned(),
            ..DescribeCollectionRequest::default()
        };
        let described = self.client.describe_collection(request).await?;
        let indexes = if Layout::is_foreign(&described) {
            let request = DescribeIndexRequest {
                db_name: self.client.database(),
                collection_name: name.to_owned(),
                ..DescribeIndexRequest::default()
            };
            match self.client.describe_index(request).await {
                Ok(reply) => reply.index_descriptions,
                Err(e) if is_no_index(&e) => Vec::new(),
                Err(e) => return Err(e.into_error()),
            }
        } else {
            Vec::new()
        };
        let (layout, info) = Layout::read(name, &described, &indexes)?;
        let compressed = layout.compressed;
        let opened = Opened::new(info, Collection { server: self.server(), layout });
        Ok(if compressed { opened.score_error(ScoreError::Unbounded) } else { opened })
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let request =
            ShowCollectionsRequest { db_name: self.client.database(), ..ShowCollectionsRequest::default() };
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

    async fn write(&self, target: Target<'_, Collection>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let Collection { server, layout } = target.index;
        if layout.parted != Parted::No && !server.parts_upserts() {
            return Err(layout::misplaces().into());
        }
        let request = UpsertRequest {
            db_name: self.client.database(),
            collection_name: target.name.to_owned(),
            fields_data: convert::columns(layout, rows),
            num_rows: rows.len() as u32,
            ..UpsertRequest::default()
        };
        self.client.upsert(request).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_, Collection>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let layout = &target.index.layout;
        let scope = target.index.scope(target.spec);
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.most_rows(target.spec, want)) {
            let expression = text(format!("{} in {}", layout.id, scope.id_list(ids)));
            let fields = output_fields(layout, want);
            let request = search::query(self.client.database(), target.name, Some(&expression), fields);
            let reply = self.query(target, &request).await?;
            rows.extend(convert::rows(layout, target.spec, want, &reply.fields_data)?);
        }
        Ok(rows)
    }

    async fn remove(
        &self,
        target: Target<'_, Collection>,
        ids: &[NativeId],
    ) -> Result<Vec<Outcome>, WriteError> {
        let list = target.index.scope(target.spec).id_list(ids);
        if list != "[]" {
            let id = &target.index.layout.id;
            self.delete(target, &text(format!("{id} in {list}"))).await?;
        }
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(
        &self,
        target: Target<'_, Collection>,
        query: &Nearest<'_, Expression>,
    ) -> Result<Neighbours> {
        let layout = &target.index.layout;
        let request = search::nearest(self.client.database(), target.name, layout, query);
        let reply = self.loaded(target, || self.client.search(request.clone())).await?;
        let found = reply.results.unwrap_or_default();
        let rows = convert::found(layout, target.spec, query.want, found.ids.as_ref(), &found.fields_data)?;
        if rows.len() != found.scores.len() {
            return Err(rubbish("has another number of scores than of ids"));
        }
        let scored = rows.into_iter().zip(found.scores);
        let hits: Vec<Hit> =
            scored.map(|(row, score)| Hit::new(row, convert::distance(layout.metric, score))).collect();
        let exactness =
            if layout.engine == EngineKind::Flat { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits, exactness))
    }

    async fn page(
        &self,
        target: Target<'_, Collection>,
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
        let fields = output_fields(layout, want);
        let request = search::query(self.client.database(), target.name, expression.as_ref(), fields);
        let reply = self.query(target, &search::limited(target.index.server, request, limit)).await?;
        let mut rows = convert::rows(layout, target.spec, want, &reply.fields_data)?;
        if layout.integer_ids {
            rows.sort_by_key(|row| convert::integer_id(&row.id));
        } else {
            rows.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let ended =
            if target.index.server.pages_as_iterator() { rows.is_empty() } else { rows.len() < limit };
        rows.truncate(limit);
        let next = rows.last().filter(|_| !ended).map(|row| row.id.to_string());
        Ok(Page { rows, next })
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        Some(row.id.to_string())
    }

    async fn count(
        &self,
        target: Target<'_, Collection>,
        filter: Option<&Expression>,
        _: bool,
    ) -> Result<u64> {
        let request = search::query(self.client.database(), target.name, filter, vec![COUNT.to_owned()]);
        let reply = self.query(target, &request).await?;
        let count =
            reply.fields_data.iter().find(|field| field.field_name == COUNT).or(reply.fields_data.first());
        match count.and_then(|field| field.field.as_ref()) {
            Some(Field::Scalars(scalars)) => match &scalars.data {
                Some(Data::LongData(counts)) => {
                    Ok(counts.data.first().and_then(|n| u64::try_from(*n).ok()).unwrap_or_default())
                }
                _ => Err(rubbish("counts in another type")),
            },
            _ => Err(rubbish("has no count")),
        }
    }

    async fn remove_where(
        &self,
        target: Target<'_, Collection>,
        filter: &Expression,
    ) -> Result<Option<u64>, WriteError> {
        let layout = &target.index.layout;
        // Of bare keys the server counts those that were given, not those that were there.
        let counted = if is_of_ids(filter) {
            Expression::all(vec![filter.clone(), all_rows(layout)])
        } else {
            filter.clone()
        };
        Ok(u64::try_from(self.delete(target, &counted).await?).ok())
    }

    async fn clear(&self, target: Target<'_, Collection>) -> Result<(), WriteError> {
        let layout = &target.index.layout;
        self.delete(target, &all_rows(layout)).await?;
        Ok(())
    }

    async fn optimize(&self, target: Target<'_, Collection>) -> Result<bool> {
        // Milvus Lite has no segments to merge: there is nothing to do.
        if target.index.server == Server::Lite {
            return Ok(false);
        }
        optimize::optimize(&self.client, target.name).await
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let state = self.client.check_health(CheckHealthRequest {}).await?;
        let status = if state.is_healthy { Status::Healthy } else { Status::Degraded };
        let mut health = Health::new(PROVIDER, status);
        health.version = Some(self.version().to_owned());
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        health.message = (!state.reasons.is_empty()).then(|| state.reasons.join("; "));
        Ok(health)
    }
}
