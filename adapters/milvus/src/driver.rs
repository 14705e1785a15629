//! The driver: each ability of the port as a call of the server.

use std::sync::OnceLock;

use portolan_core::driver::kit::{Score, Scores};
use portolan_core::driver::{
    Deadline, Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile,
    Removed, Row, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::name::Separators;
use portolan_core::{EngineKind, Error, ErrorKind, Exactness, Health, IndexSpec, Outcome, Result, Status};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::{Client, about};
use crate::config::{Config, PROVIDER};
use crate::convert::{self, output_fields};
use crate::error::{is_about_replicas, rubbish};
use crate::expression::{Expression, is_name};
use crate::foreign;
use crate::ids;
use crate::layout::{self, Layout, METRICS, OPTIONS, Target, engine_kind};
use crate::proto::milvus::{self, DescribeCollectionResponse};
use crate::proto::scalars;
use crate::proto::schema::scalar_field::Data;
use crate::server::Server;

/// The most of what a query or search returns.
const WINDOW: usize = 16_384;
/// The most bytes of a JSON field.
const METADATA_BYTES: usize = 65_536;
/// Below the 64 MiB of a request, with room for what an estimate leaves out.
const BATCH_BYTES: usize = 40 << 20;
/// How deep the server reads expressions that are nested in each other; an operator is two of its hundred levels.
const MAX_LEVELS: usize = 40;
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
    /// Which server it is, and its version; known once it is connected to.
    server: OnceLock<(Server, String)>,
    /// Held while a name is looked up and then taken or given up: to the server a repetition of either is no error.
    names: Mutex<()>,
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
            server: OnceLock::new(),
            names: Mutex::default(),
        })
    }

    fn server(&self) -> Server {
        self.server.get().map_or(Server::Current, |(server, _)| *server)
    }

    async fn delete(&self, target: Target<'_>, expression: &Expression) -> Result<i64, WriteError> {
        let request = about!(self.client, target.name, DeleteRequest { expr: expression.to_string() });
        Ok(self.client.loaded(target, || self.client.delete(request.clone())).await?.delete_cnt)
    }

    async fn describe(&self, name: &str) -> Result<DescribeCollectionResponse, WriteError> {
        if !is_name(name) {
            return Err(Error::no_index(name).into());
        }
        self.client.describe_collection(about!(self.client, name, DescribeCollectionRequest {})).await
    }

    async fn create_collection(&self, request: milvus::CreateCollectionRequest) -> Result<(), WriteError> {
        let _guard = self.names.lock().await;
        let name = request.collection_name.clone();
        match self.describe(&name).await {
            Err(e) if e.error().kind() == ErrorKind::NotFound => {
                self.client.create_collection(request).await.map(drop)
            }
            Err(e) => Err(e.into_error().into()),
            Ok(_) => {
                Err(Error::new(ErrorKind::AlreadyExists, format!("the collection {name:?} exists")).into())
            }
        }
    }

    async fn drop_collection(&self, name: &str) -> Result<(), WriteError> {
        self.client.drop_collection(about!(self.client, name, DropCollectionRequest {})).await.map(drop)
    }

    /// How many rows with vectors are asked for at once.
    fn most_rows(&self, spec: &IndexSpec, want: Want) -> usize {
        let most = self.profile.page_rows;
        if want.vectors { (READ_BYTES / (spec.dimension.max(1) * 4)).clamp(1, most) } else { most }
    }
}

fn profile(config: &Config) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.names.separators = Separators::Underscore;
    profile.metrics = METRICS.map(|(metric, _)| metric).to_vec();
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
    profile.limits.dimension = 32_768;
    profile.limits.batch_count = Some(5_000);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile.limits.metadata_bytes = Some(METADATA_BYTES);
    profile
}

impl Driver for MilvusDriver {
    type Index = Layout;
    type Filter = Expression;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        let version = self.client.get_version(milvus::GetVersionRequest {}).await?.version;
        let server = Server::of(&version)?;
        self.server.get_or_init(|| (server, version));
        Ok(())
    }

    fn lower(&self, target: Target<'_>, leaf: &Leaf, negated: bool) -> Lowered<Expression> {
        target.index.lower(target.spec, leaf, negated)
    }

    fn lower_ids(&self, target: Target<'_>, ids: &[NativeId], negated: bool) -> Lowered<Expression> {
        target.index.lower_ids(ids, negated)
    }

    fn and(&self, parts: Vec<Expression>) -> Expression {
        Expression::all(parts)
    }

    fn or(&self, parts: Vec<Expression>) -> Expression {
        Expression::any(parts)
    }

    fn accepts(&self, filter: &Expression) -> bool {
        filter.size().levels <= MAX_LEVELS
    }

    fn admits(&self, target: Target<'_>, row: &Row) -> Result<()> {
        convert::admit(target.index, row)
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        let NewIndex { name, spec, deadline } = new;
        let layout = Layout::of_spec(self.server(), spec);
        let target = Target { name, spec, index: &layout, deadline };
        self.create_collection(layout::collection(target, &self.client.database)?).await?;
        if let Err(e) = self.client.index(target).await {
            if !e.is_in_doubt() {
                self.drop_collection(name).await?;
            }
            return Err(e);
        }
        let end = deadline.instant().unwrap_or_else(|| Instant::now() + self.profile.create_bound);
        match self.client.load(target, end).await {
            Err(e) if is_about_replicas(&e) => {
                self.drop_collection(name).await?;
                let replicas = layout::replicas(spec)?;
                let why = format!("the option replicas is {replicas}, and the server has fewer query nodes");
                Err(Error::invalid(why).with_source(e.into_error()).into())
            }
            loaded => loaded.map_err(|e| WriteError::InDoubt(e.into_error())),
        }
    }

    async fn open(&self, name: &str, _: Option<&Layout>, _: Deadline) -> Result<Opened<Layout>> {
        let (server, described) = (self.server(), self.describe(name).await?);
        match Layout::kept(server, &described)? {
            Some(kept) => Ok(kept),
            None => {
                foreign::read(server, name, &described, &self.client.indexes(name).await?).map_err(|why| {
                    Error::unsupported(format!("the collection {name:?} cannot be opened: {why}"))
                })
            }
        }
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let db_name = self.client.database.clone();
        let request = milvus::ShowCollectionsRequest { db_name, ..Default::default() };
        let mut again = 1..LISTINGS;
        loop {
            match self.client.show_collections(request.clone()).await {
                Err(e) if e.error().kind() == ErrorKind::NotFound && again.next().is_some() => {}
                reply => return Ok(reply?.collection_names),
            }
        }
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let _guard = self.names.lock().await;
        // To the server it is no error that there is none.
        self.describe(name).await.map_err(WriteError::into_error)?;
        self.drop_collection(name).await
    }

    async fn write(&self, target: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let Target { name, index: layout, .. } = target;
        if layout.parted {
            layout.server.check_partitions()?;
        }
        let (fields_data, num_rows) = (convert::columns(target, rows), rows.len() as u32);
        self.client.upsert(about!(self.client, name, UpsertRequest { fields_data, num_rows })).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let Target { spec, index: layout, .. } = target;
        let mut rows = Vec::with_capacity(ids.len());
        for ids in ids.chunks(self.most_rows(spec, want)) {
            let (filter, output) = (layout.one_of(ids), output_fields(layout, want));
            let fields = self.client.select(target, Some(&filter), None, output).await?;
            rows.extend(convert::rows(target, layout.ids(&fields)?, &fields)?);
        }
        Ok(rows)
    }

    async fn remove(&self, target: Target<'_>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        if target.index.has_any(ids) {
            self.delete(target, &target.index.one_of(ids)).await?;
        }
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_>, query: &Nearest<'_, Expression>) -> Result<Neighbours> {
        let spec = target.spec;
        let found = self.client.nearest(target, query).await?;
        let rows = convert::rows(target, ids::found(found.ids), &found.fields_data)?;
        if rows.len() != found.scores.len() {
            return Err(rubbish("has another number of scores than of ids"));
        }
        let distance = |score| SCORES.distance(spec.metric, f64::from(score));
        let hits = rows.into_iter().zip(found.scores).map(|(row, score)| Hit::new(row, distance(score)));
        let is_exact = engine_kind(spec) == EngineKind::Flat;
        let exactness = if is_exact { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits.collect(), exactness))
    }

    async fn page(
        &self,
        target: Target<'_>,
        filter: Option<&Expression>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let Target { spec, index: layout, .. } = target;
        let limit = limit.min(self.most_rows(spec, want));
        let from = cursor.map(|last| layout.after(last)).transpose()?;
        let parts: Vec<Expression> = from.into_iter().chain(filter.cloned()).collect();
        let expression = (!parts.is_empty()).then(|| Expression::all(parts));
        let output = output_fields(layout, want);
        let fields = self.client.select(target, expression.as_ref(), Some(limit), output).await?;
        let mut rows = convert::rows(target, layout.ids(&fields)?, &fields)?;
        layout.sort(&mut rows);
        let ended = if layout.server.pages_as_iterator() { rows.is_empty() } else { rows.len() < limit };
        rows.truncate(limit);
        let next = rows.last().filter(|_| !ended).map(|row| row.id.to_string());
        Ok(Page::new(rows, next))
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        Some(row.id.to_string())
    }

    async fn count(&self, target: Target<'_>, filter: Option<&Expression>, _: bool) -> Result<u64> {
        let fields = self.client.select(target, filter, None, vec!["count(*)".to_owned()]).await?;
        match fields.first().and_then(scalars) {
            Some(Data::LongData(counts)) => {
                Ok(counts.data.first().and_then(|n| u64::try_from(*n).ok()).unwrap_or_default())
            }
            _ => Err(rubbish("has no count")),
        }
    }

    async fn remove_where(&self, target: Target<'_>, filter: &Expression) -> Result<Removed, WriteError> {
        // Of bare ids the server counts those that were given, not those that were there.
        let counted = Expression::all([filter.clone(), target.index.all_rows()]);
        Ok(Removed::All(u64::try_from(self.delete(target, &counted).await?).ok()))
    }

    async fn clear(&self, target: Target<'_>) -> Result<Removed, WriteError> {
        self.delete(target, &target.index.all_rows()).await.map(|_| Removed::All(None))
    }

    async fn optimize(&self, target: Target<'_>) -> Result<bool> {
        // Milvus Lite has no segments to merge: there is nothing to do.
        if target.index.server == Server::Lite {
            return Ok(false);
        }
        let collection = self.describe(target.name).await?.collection_id;
        Ok(self.client.compact(target.name, collection).await?)
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let state = self.client.check_health(milvus::CheckHealthRequest {}).await?;
        let status = if state.is_healthy { Status::Healthy } else { Status::Degraded };
        let mut health = Health::new(PROVIDER, status);
        health.version = self.server.get().map(|(_, version)| version.clone());
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        health.message = (!state.reasons.is_empty()).then(|| state.reasons.join("; "));
        Ok(health)
    }
}
