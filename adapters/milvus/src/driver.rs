//! The driver: each ability of the port as a call of the server.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use portolan_core::driver::{
    Driver, ExactSearch, Hit, IdScheme, MAX_F32_SUM, Nearest, Neighbours, Page, Paging, Profile, Row, Target,
    Want,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::{
    BatchAtomicity, Cursor, EngineKind, Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Metric,
    Outcome, Result, Status, VectorFidelity,
};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::PROVIDER;
use crate::client::Client;
use crate::config::Config;
use crate::convert::{self, output_fields};
use crate::error::{Fault, rubbish};
use crate::expression::{Expression, quoted};
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
    server: Server,
    version: String,
    profile: Profile,
    load_timeout: Duration,
    layouts: RwLock<HashMap<String, Arc<Layout>>>,
    /// Held while a name is looked up and then taken or given up: to the server a repetition of either is no error.
    names: Mutex<()>,
}

impl MilvusDriver {
    /// Connects to a server and asks its version.
    ///
    /// # Errors
    /// `Unavailable` where it does not answer; `Unauthenticated` where it does not know the client.
    pub async fn open(config: &Config) -> Result<Self> {
        let client = Client::new(config).await?;
        let version = client.get_version(GetVersionRequest {}).await?.version;
        let server = Server::of(&version);
        Ok(Self {
            client,
            server,
            version,
            profile: profile(server),
            load_timeout: config.load_timeout,
            layouts: RwLock::default(),
            names: Mutex::default(),
        })
    }

    /// The fields of a collection as far as they are known; those of the port where they are not.
    fn layout(&self, name: &str, spec: &IndexSpec) -> Arc<Layout> {
        let known = self.layouts.read().get(name).cloned();
        known.unwrap_or_else(|| Arc::new(Layout::of_spec(spec, spec.dimension)))
    }

    /// The same by the port's name.
    fn layout_of(&self, spec: &IndexSpec) -> Arc<Layout> {
        let native = self.profile.names.to_native(&spec.name).unwrap_or_else(|_| spec.name.clone());
        self.layout(&native, spec)
    }

    fn scope<T>(&self, spec: &IndexSpec, call: impl FnOnce(Scope<'_>) -> T) -> T {
        let layout = self.layout_of(spec);
        call(Scope { server: self.server, layout: &layout, spec })
    }

    /// Makes a call that needs the collection loaded.
    async fn loaded<T, F>(&self, at: Target<'_>, layout: &Layout, call: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        load::with_loaded(&self.client, self.load_timeout, at, &layout.vector, call).await
    }

    async fn query(&self, at: Target<'_>, layout: &Layout, request: &QueryRequest) -> Result<QueryResults> {
        Ok(self.loaded(at, layout, || self.client.query(request.clone())).await?)
    }

    async fn delete(&self, at: Target<'_>, layout: &Layout, expression: &Expression) -> Result<i64, Fault> {
        let request = DeleteRequest {
            db_name: self.client.database(),
            collection_name: at.name.to_owned(),
            expr: expression.to_string(),
            ..DeleteRequest::default()
        };
        Ok(self.loaded(at, layout, || self.client.delete(request.clone())).await?.delete_cnt)
    }

    async fn exists(&self, name: &str) -> Result<bool> {
        let request = DescribeCollectionRequest {
            db_name: self.client.database(),
            collection_name: name.to_owned(),
            ..DescribeCollectionRequest::default()
        };
        match self.client.describe_collection(request).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.error.kind() == ErrorKind::NotFound => Ok(false),
            Err(fault) => Err(fault.error),
        }
    }

    async fn create_collection(&self, at: Target<'_>, least: usize) -> Result<()> {
        let _guard = self.names.lock().await;
        if self.exists(at.name).await? {
            return Err(Error::new(ErrorKind::AlreadyExists, format!("the collection {:?} exists", at.name)));
        }
        self.layouts.write().remove(at.name);
        let dimension = at.spec.dimension.max(least);
        let request = layout::collection(at.name, self.client.database(), at.spec, dimension)?;
        Ok(self.client.create_collection(request).await.map(drop)?)
    }

    async fn drop_collection(&self, name: &str) -> Result<(), Fault> {
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
    Ok(Expression::new(format!("{} > {last}", layout.id)))
}

/// What every row meets.
fn all_rows(layout: &Layout) -> Expression {
    let id = &layout.id;
    Expression::new(if layout.integer_ids {
        format!("{id} >= 0 or {id} < 0")
    } else {
        format!("{id} >= \"\"")
    })
}

fn profile(server: Server) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.names.separators = Separators::Underscore;
    profile.ids = IdScheme::Any;
    profile.metrics = vec![Metric::Cosine, Metric::DotProduct, Metric::Euclidean];
    profile.vectors = VectorFidelity::Exact;
    profile.all_values = true;
    profile.exact = ExactSearch::Never;
    profile.scans = true;
    profile.ties_by_id = false;
    profile.native_window = WINDOW;
    profile.paging = Paging::Stable;
    profile.row_cursors = true;
    profile.update = false;
    profile.sizes = false;
    profile.optimize = server != Server::Lite;
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
    type Filter = Expression;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        self.scope(spec, |scope| scope.leaf(leaf, negated))
    }

    fn lower_ids(&self, spec: &IndexSpec, ids: &[String], negated: bool) -> Lowered<Expression> {
        self.scope(spec, |scope| scope.ids(ids, negated))
    }

    fn and(&self, parts: Vec<Expression>) -> Expression {
        Expression::all(parts)
    }

    fn or(&self, parts: Vec<Expression>) -> Expression {
        Expression::any(parts)
    }

    fn accepts(&self, filter: &Expression) -> bool {
        filter.is_shallow()
    }

    fn is_coarse(&self, spec: &IndexSpec) -> bool {
        spec.dimension > MAX_F32_SUM || self.layout_of(spec).compressed
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        let least = self.server.least_dimension();
        layout::check(self.server, at.spec)?;
        self.create_collection(at, least).await?;
        let layout = Layout::of_spec(at.spec, at.spec.dimension.max(least));
        if let Err(fault) = load::create_index(&self.client, at, &layout.vector).await {
            if !fault.in_doubt {
                self.drop_collection(at.name).await?;
            }
            return Err(fault.error);
        }
        let loaded = load::load(&self.client, at, &layout.vector, Instant::now() + CREATE_BOUND).await;
        if let Err(fault) = loaded {
            if fault.is_about_replicas() {
                self.drop_collection(at.name).await?;
                let replicas = layout::replicas(at.spec);
                let why = format!("the option replicas is {replicas}, and the server has fewer query nodes");
                return Err(Error::invalid(why).with_source(fault.error));
            }
            return Err(fault.error);
        }
        Ok(())
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        if !is_native(name) {
            return Err(Error::new(ErrorKind::NotFound, format!("no collection can be called {name:?}")));
        }
        let collection = self
            .client
            .describe_collection(DescribeCollectionRequest {
                db_name: self.client.database(),
                collection_name: name.to_owned(),
                ..DescribeCollectionRequest::default()
            })
            .await?;
        let indexes = if Layout::is_foreign(&collection) {
            let request = DescribeIndexRequest {
                db_name: self.client.database(),
                collection_name: name.to_owned(),
                ..DescribeIndexRequest::default()
            };
            match self.client.describe_index(request).await {
                Ok(reply) => reply.index_descriptions,
                Err(fault) if fault.is_no_index() => Vec::new(),
                Err(fault) => return Err(fault.error),
            }
        } else {
            Vec::new()
        };
        let (layout, info) = Layout::read(name, &collection, &indexes)?;
        self.layouts.write().insert(name.to_owned(), Arc::new(layout));
        Ok(info)
    }

    async fn list(&self) -> Result<Vec<String>> {
        let request =
            ShowCollectionsRequest { db_name: self.client.database(), ..ShowCollectionsRequest::default() };
        for _ in 1..LISTINGS {
            match self.client.show_collections(request.clone()).await {
                Err(fault) if fault.error.kind() == ErrorKind::NotFound => {}
                reply => return Ok(reply?.collection_names),
            }
        }
        Ok(self.client.show_collections(request).await?.collection_names)
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        let _guard = self.names.lock().await;
        if !is_native(name) || !self.exists(name).await? {
            return Err(Error::new(ErrorKind::NotFound, format!("there is no collection {name:?}")));
        }
        self.layouts.write().remove(name);
        Ok(self.drop_collection(name).await?)
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let layout = self.layout(at.name, at.spec);
        if layout.parted != Parted::No && !self.server.parts_upserts() {
            return Err(layout::misplaces());
        }
        let fits: Vec<Result<()>> = rows.iter().map(|row| convert::fits(&layout, row)).collect();
        let sent: Vec<&Row> =
            rows.iter().zip(&fits).filter(|(_, fits)| fits.is_ok()).map(|(row, _)| row).collect();
        let outcome = if sent.is_empty() {
            Outcome::Stored
        } else {
            let request = UpsertRequest {
                db_name: self.client.database(),
                collection_name: at.name.to_owned(),
                fields_data: convert::columns(&layout, &sent),
                num_rows: sent.len() as u32,
                ..UpsertRequest::default()
            };
            match self.client.upsert(request).await {
                Ok(_) => Outcome::Stored,
                Err(fault) if fault.in_doubt => Outcome::Unknown(fault.error),
                Err(fault) => return Err(fault.error),
            }
        };
        Ok(fits.into_iter().map(|fits| fits.map_or_else(Outcome::Failed, |()| outcome.clone())).collect())
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let layout = self.layout(at.name, at.spec);
        let scope = Scope { server: self.server, layout: &layout, spec: at.spec };
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.most_rows(at.spec, want)) {
            let expression = Expression::new(format!("{} in {}", layout.id, scope.id_list(ids)));
            let fields = output_fields(&layout, want);
            let request = search::query(self.client.database(), at.name, Some(&expression), fields);
            let reply = self.query(at, &layout, &request).await?;
            rows.extend(convert::rows(&layout, at.spec, want, &reply.fields_data)?);
        }
        Ok(rows)
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let layout = self.layout(at.name, at.spec);
        let scope = Scope { server: self.server, layout: &layout, spec: at.spec };
        let list = scope.id_list(ids);
        let outcome = if list == "[]" {
            Outcome::Stored
        } else {
            match self.delete(at, &layout, &Expression::new(format!("{} in {list}", layout.id))).await {
                Ok(_) => Outcome::Stored,
                Err(fault) if fault.in_doubt => Outcome::Unknown(fault.error),
                Err(fault) => return Err(fault.error),
            }
        };
        Ok(vec![outcome; ids.len()])
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, Expression>) -> Result<Neighbours> {
        let layout = self.layout(at.name, at.spec);
        let request = search::nearest(self.client.database(), at.name, &layout, query);
        let reply = self.loaded(at, &layout, || self.client.search(request.clone())).await?;
        let found = reply.results.unwrap_or_default();
        let rows = convert::found(&layout, at.spec, query.want, found.ids.as_ref(), &found.fields_data)?;
        if rows.len() != found.scores.len() {
            return Err(rubbish("has another number of scores than of ids"));
        }
        let scored = rows.into_iter().zip(found.scores);
        let hits: Vec<Hit> = scored
            .map(|(row, score)| Hit { row, distance: convert::distance(layout.metric, score) })
            .collect();
        let exactness =
            if layout.engine == EngineKind::Flat { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours { records_read: hits.len() as u64, hits, exactness })
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&Expression>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let layout = self.layout(at.name, at.spec);
        let limit = limit.min(self.most_rows(at.spec, want));
        let from = cursor.map(|last| after(&layout, last)).transpose()?;
        let parts: Vec<Expression> = from.into_iter().chain(filter.cloned()).collect();
        let expression = (!parts.is_empty()).then(|| Expression::all(parts));
        let fields = output_fields(&layout, want);
        let request = search::query(self.client.database(), at.name, expression.as_ref(), fields);
        let reply = self.query(at, &layout, &search::limited(self.server, request, limit)).await?;
        let mut rows = convert::rows(&layout, at.spec, want, &reply.fields_data)?;
        if layout.integer_ids {
            rows.sort_by_key(|row| convert::integer_id(&row.id));
        } else {
            rows.sort_by(|a, b| a.id.cmp(&b.id));
        }
        let ended = if self.server.pages_as_iterator() { rows.is_empty() } else { rows.len() < limit };
        rows.truncate(limit);
        let next = rows.last().filter(|_| !ended).map(|row| row.id.clone());
        Ok(Page { rows, next })
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        Some(row.id.clone())
    }

    async fn count(&self, at: Target<'_>, filter: Option<&Expression>, _: bool) -> Result<u64> {
        let layout = self.layout(at.name, at.spec);
        let request = search::query(self.client.database(), at.name, filter, vec![COUNT.to_owned()]);
        let reply = self.query(at, &layout, &request).await?;
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

    async fn remove_where(&self, at: Target<'_>, filter: &Expression) -> Result<Option<u64>> {
        let layout = self.layout(at.name, at.spec);
        // Of bare keys the server counts those that were given, not those that were there.
        let counted = if filter.is_of_ids() {
            Expression::all(vec![filter.clone(), all_rows(&layout)])
        } else {
            filter.clone()
        };
        Ok(u64::try_from(self.delete(at, &layout, &counted).await?).ok())
    }

    async fn clear(&self, at: Target<'_>) -> Result<()> {
        let layout = self.layout(at.name, at.spec);
        self.delete(at, &layout, &all_rows(&layout)).await?;
        Ok(())
    }

    async fn optimize(&self, at: Target<'_>) -> Result<bool> {
        optimize::optimize(&self.client, at).await
    }

    async fn health(&self) -> Result<Health> {
        let state = self.client.check_health(CheckHealthRequest {}).await?;
        let status = if state.is_healthy { Status::Healthy } else { Status::Degraded };
        let mut health = Health::new(PROVIDER, status);
        health.version = Some(self.version.clone());
        health.indexes = Some(self.list().await?.len() as u64);
        health.message = (!state.reasons.is_empty()).then(|| state.reasons.join("; "));
        Ok(health)
    }
}
