//! The driver: each ability of the port as one statement.

use pgvector::Vector;
use portolan_core::driver::{
    Deadline, Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened, OverflowFilter,
    Page, Profile, Row, Sizes, Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{Cursor, Error, ErrorKind, Exactness, Health, Metric, Outcome, Result, Status, Value};
use tokio::sync::OnceCell;

use crate::client::Client;
use crate::config::Config;
use crate::convert::{fits, metadata_to_text};
use crate::create;
use crate::filter::{NativeFilter, id_in};
use crate::provider::PROVIDER;
use crate::query::{Binds, Query, VectorTypes, identifier};
use crate::rows::{self, cell, condition, row};
use crate::table::{self, Described, Engine, Table};

/// The largest dimension of a `vector`.
const MAX_DIMENSION: usize = 16_000;
const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 16 << 20;
/// The most leaves of a filter: a statement binds at most 65,535 values, some eight of them a leaf, and planning ten
/// thousand takes longer than a call.
const MAX_LEAVES: usize = 2_000;
/// The largest magnitude of a `halfvec`.
const MAX_HALF: f32 = 65_504.0;

/// The oldest pgvector that is taken: 0.8 was the first with iterative scans.
const MIN_EXTENSION: [u32; 2] = [0, 8];

/// PostgreSQL with pgvector, as the engine of the port drives it.
#[derive(Debug)]
pub struct PgvectorDriver {
    client: Client,
    config: Config,
    profile: Profile,
    types: OnceCell<VectorTypes>,
}

impl PgvectorDriver {
    /// A database, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for settings or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self {
            client: Client::new(config)?,
            config: config.clone(),
            profile: profile(config),
            types: OnceCell::new(),
        })
    }

    /// The extension's types; `None` where it is not there.
    async fn find_types(&self) -> Result<Option<VectorTypes>> {
        let query = Query::plain(
            "SELECT n.nspname::text, e.extversion, t.oid, t.typarray FROM pg_extension e \
             JOIN pg_namespace n ON n.oid = e.extnamespace \
             JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector' WHERE e.extname = 'vector'",
        );
        let rows = self.client.rows(&query).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let (schema, version): (String, String) = (cell(Some(row), 0)?, cell(Some(row), 1)?);
        if version.split('.').map_while(|n| n.parse::<u32>().ok()).lt(MIN_EXTENSION) {
            return Err(Error::unsupported(format!(
                "pgvector is {version}, and must be 0.8.0 or newer: ALTER EXTENSION vector UPDATE"
            )));
        }
        Ok(Some(VectorTypes::new(&schema, cell(Some(row), 2)?, cell(Some(row), 3)?)))
    }

    async fn types(&self) -> Result<&VectorTypes> {
        let missing = "the database has no pgvector: CREATE EXTENSION vector, or create an index";
        let find = || async { self.find_types().await?.ok_or_else(|| Error::unsupported(missing)) };
        self.types.get_or_try_init(find).await
    }

    async fn described(&self, name: &str) -> Result<Described> {
        let rows = self.client.rows(&table::describe(&self.config.schema, name)).await?;
        match rows.first() {
            Some(row) => Described::parse(&cell::<String>(Some(row), 0)?),
            None => Err(Error::no_index(name)),
        }
    }

    async fn open_foreign(&self, name: &str, described: &Described) -> Result<Table> {
        let (foreign, qualified) = (&self.config.foreign, self.qualified(name));
        let dimension = match foreign.undimensioned(described) {
            Some(column) => {
                let sql = format!(
                    "SELECT {}.vector_dims({column}) FROM {qualified} WHERE {column} IS NOT NULL LIMIT 1",
                    self.types().await?.schema
                );
                let rows = self.client.rows(&Query::plain(sql)).await?;
                rows.first().map(|row| cell::<i32>(Some(row), 0)).transpose()?
            }
            None => None,
        };
        foreign.open(described, name, qualified, dimension.and_then(|n| n.try_into().ok()))
    }

    /// Makes schema and extension where they are missing.
    async fn prepare(&self) -> Result<(), WriteError> {
        let mut binds = Binds::default();
        let schema = binds.text(&self.config.schema);
        let sql = format!("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = {schema})");
        let rows = self.client.rows(&binds.query(sql)).await?;
        if !cell::<bool>(rows.first(), 0)? {
            self.client.batch(&[create::schema(&self.config.schema)]).await?;
        }
        if self.find_types().await?.is_none() {
            self.client.batch(&[create::extension()]).await.map_err(|e| e.map(no_extension))?;
        }
        Ok(())
    }

    /// The name of a table as SQL writes it.
    fn qualified(&self, name: &str) -> String {
        format!("{}.{}", identifier(&self.config.schema), identifier(name))
    }
}

fn profile(config: &Config) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.all_values = false;
    profile.exact = ExactSearch::OnRequest;
    profile.update = false;
    profile.durable = true;
    profile.timeout = config.endpoint.timeout;
    profile.parallelism = config.pool_size.min(4);
    profile.limits.dimension = MAX_DIMENSION;
    profile.limits.batch_count = Some(BATCH_ROWS);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile
}

impl Driver for PgvectorDriver {
    type Index = Table;
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        let rows = self.client.rows(&Query::plain("SELECT current_setting('server_encoding')")).await?;
        let encoding: String = cell(rows.first(), 0)?;
        if encoding != "UTF8" {
            let what = format!("the database's encoding is {encoding}, and must be UTF8");
            return Err(Error::unsupported(what));
        }
        // The extension may be made later, with the first index.
        if let Some(types) = self.find_types().await? {
            self.types.get_or_init(|| async { types }).await;
        }
        Ok(())
    }

    fn lower(&self, target: Target<'_, Table>, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(NativeFilter::leaf(target.spec, leaf, negated))
    }

    fn lower_ids(&self, _: Target<'_, Table>, ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(NativeFilter::ids(ids, negated))
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::all(parts)
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter::any(parts)
    }

    fn accepts(&self, filter: &NativeFilter) -> bool {
        filter.leaves() <= MAX_LEAVES
    }

    fn represents(&self, _: Target<'_, Table>, _: &str, value: &Value) -> bool {
        fits(value)
    }

    /// The native filter looks at the overflow itself.
    fn overflow(&self, _: Target<'_, Table>, _: &str) -> OverflowFilter {
        OverflowFilter::ByDriver
    }

    fn admits(&self, target: Target<'_, Table>, row: &Row) -> Result<()> {
        let (table, id_type) = (target.index, target.index.layout.id_type);
        let refuse = |why: String| Err(Error::invalid(why));
        if !id_type.takes(&row.id) {
            let id = row.id.as_str();
            return refuse(format!("{id:?} is no {}, which the ids of this table are", id_type.sql()));
        }
        if row.vector.as_ref().is_some_and(|v| !fits_index(table, v)) {
            return refuse(format!(
                "a component is beyond {MAX_HALF}, where the halfvec of this index ends; create it with engine flat"
            ));
        }
        Ok(())
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        create::check(new.spec)?;
        self.prepare().await?;
        let statements = create::table(&self.config.schema, new.name, new.spec, self.types().await?)?;
        self.client.batch(&[statements]).await
    }

    async fn open(&self, name: &str, _: Option<&Table>, _: Deadline) -> Result<Opened<Table>> {
        let described = self.described(name).await?;
        let table = match described.ours(&self.qualified(name)) {
            Some(table) => table,
            None => self.open_foreign(name, &described).await?,
        };
        let exact = if table.engine == Engine::Flat { ExactSearch::Always } else { ExactSearch::OnRequest };
        Ok(Opened::new(table.info.clone(), table).exact(exact))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let rows = self.client.rows(&table::list(&self.config.schema)).await?;
        rows.iter().map(|row| cell(Some(row), 0)).collect()
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let described = self.described(name).await?;
        if !described.has_vectors() {
            return Err(Error::no_index(name).into());
        }
        if !matches!(described.kind.as_str(), "r" | "p") {
            let what = format!("{name:?} is a view or foreign table; drop it in the database");
            return Err(Error::unsupported(what).into());
        }
        self.client.execute(&Query::plain(format!("DROP TABLE {}", self.qualified(name)))).await.map(drop)
    }

    async fn write(&self, target: Target<'_, Table>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let (types, table) = (self.types().await?, target.index);
        let layout = &table.layout;
        let (metadata, of) = layout.written.as_ref().ok_or_else(read_only)?;
        let mut binds = Binds::default();
        let ids = binds.texts(rows.iter().map(|row| row.id.to_string()).collect());
        let vectors = rows.iter().map(|row| row.vector.as_ref().map(|v| Vector::from(v.to_vec()))).collect();
        let vectors = binds.vectors(types, vectors);
        let texts = rows.iter().map(|row| metadata_to_text(&row.metadata)).collect::<Result<_>>()?;
        let texts = binds.texts(texts);
        let (id, vector) = (&layout.id, &layout.vector);
        let id_of = layout.id_type.sql();
        // Arrays take less time than a COPY into a temporary table and from there (0.9 s to 1.4 s for 10,000 rows of
        // 384). In one order, so that two such statements wait for each other and do not lock each other out.
        let sql = format!(
            "INSERT INTO {} ({id}, {vector}, {metadata}) SELECT i::{id_of}, v, m::{of} \
             FROM unnest({ids}, {vectors}, {texts}) AS r(i, v, m) ORDER BY i COLLATE \"C\" \
             ON CONFLICT ({id}) DO UPDATE SET {vector} = EXCLUDED.{vector}, {metadata} = EXCLUDED.{metadata}",
            table.name
        );
        self.client.execute(&binds.query(sql)).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_, Table>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let (types, table) = (self.types().await?, target.index);
        let mut binds = Binds::default();
        let which = id_in(&table.layout, ids, &mut binds);
        let selected = rows::selected(types, &table.layout, want);
        let sql = format!("SELECT {selected} FROM {} WHERE {which}", table.name);
        self.client.rows(&binds.query(sql)).await?.iter().map(row).collect()
    }

    async fn remove(&self, target: Target<'_, Table>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let mut binds = Binds::default();
        let which = id_in(&target.index.layout, ids, &mut binds);
        let sql = format!("DELETE FROM {} WHERE {which}", target.index.name);
        self.client.execute(&binds.query(sql)).await?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(
        &self,
        target: Target<'_, Table>,
        query: &Nearest<'_, NativeFilter>,
    ) -> Result<Neighbours> {
        let (types, table) = (self.types().await?, target.index);
        let exact = query.exact || table.engine == Engine::Flat || !fits_index(table, query.vector);
        let rows = if exact {
            self.client.rows(&rows::nearest_of_all(types, table, query)).await?
        } else {
            let settings = rows::settings(table.engine, query);
            self.client.rows_with(&settings, &rows::nearest_by_index(types, table, query)).await?
        };
        let mut hits = Vec::with_capacity(rows.len());
        for found in &rows {
            // A record without a vector has no distance.
            if let Some(distance) = cell::<Option<f64>>(Some(found), 3)? {
                hits.push(Hit::new(row(found)?, distance));
            }
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.row.id.cmp(&b.row.id)));
        hits.truncate(query.k);
        let exactness = if exact { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits, exactness))
    }

    async fn page(
        &self,
        target: Target<'_, Table>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let (types, table) = (self.types().await?, target.index);
        let layout = &table.layout;
        let mut binds = Binds::default();
        let mut which = condition(filter, layout, &mut binds);
        let order = table.id_order();
        if let Some(cursor) = cursor {
            if !layout.id_type.takes(cursor) {
                return Err(Cursor::dead());
            }
            let last = binds.text(cursor);
            which = format!("{which} AND {order} > {last}::{}", layout.id_type.sql());
        }
        let selected = rows::selected(types, layout, want);
        let sql = format!(
            "SELECT {selected} FROM {} WHERE {which} ORDER BY {order} LIMIT {}",
            table.name,
            binds.count(limit.saturating_add(1))
        );
        let mut rows: Vec<Row> =
            self.client.rows(&binds.query(sql)).await?.iter().map(row).collect::<Result<_>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.id.to_string());
        Ok(Page::new(rows, next))
    }

    async fn count(
        &self,
        target: Target<'_, Table>,
        filter: Option<&NativeFilter>,
        with_vector: bool,
    ) -> Result<u64> {
        let table = target.index;
        let mut binds = Binds::default();
        let mut which = condition(filter, &table.layout, &mut binds);
        if with_vector {
            which = format!("{which} AND {} IS NOT NULL", table.layout.vector);
        }
        let sql = format!("SELECT count(*) FROM {} WHERE {which}", table.name);
        let rows = self.client.rows(&binds.query(sql)).await?;
        Ok(cell::<i64>(rows.first(), 0)?.unsigned_abs())
    }

    async fn remove_where(
        &self,
        target: Target<'_, Table>,
        filter: &NativeFilter,
    ) -> Result<Option<u64>, WriteError> {
        let table = target.index;
        let mut binds = Binds::default();
        let which = filter.to_sql(&table.layout, &mut binds);
        let query = binds.query(format!("DELETE FROM {} WHERE {which}", table.name));
        self.client.execute(&query).await.map(Some)
    }

    async fn clear(&self, target: Target<'_, Table>) -> Result<(), WriteError> {
        let table = target.index;
        let query = Query::plain(format!("TRUNCATE {}", table.name));
        match self.client.execute(&query).await {
            // Other tables refer to this one.
            Err(e) if e.error().kind() == ErrorKind::Unsupported => {
                let query = Query::plain(format!("DELETE FROM {}", table.name));
                self.client.execute(&query).await.map(drop)
            }
            cleared => cleared.map(drop),
        }
    }

    async fn sizes(&self, target: Target<'_, Table>) -> Result<Sizes> {
        let table = target.index;
        let mut binds = Binds::default();
        let sql = format!("SELECT pg_total_relation_size({}::regclass)", binds.text(&table.name));
        let rows = self.client.rows(&binds.query(sql)).await?;
        Ok(Sizes { disk_bytes: Some(cell::<i64>(rows.first(), 0)?.unsigned_abs()), ..Sizes::default() })
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let query = Query::plain(
            "SELECT split_part(current_setting('server_version'), ' ', 1), \
             (SELECT COALESCE(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'), \
             extract(epoch FROM now() - pg_postmaster_start_time())::float8",
        );
        let rows = self.client.rows(&query).await?;
        let (server, extension): (String, Option<String>) = (cell(rows.first(), 0)?, cell(rows.first(), 1)?);
        let extension = extension.map_or_else(|| "without pgvector".to_owned(), |v| format!("pgvector {v}"));
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(format!("PostgreSQL {server}, {extension}"));
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        health.uptime_seconds = Some(cell(rows.first(), 2)?);
        Ok(health)
    }

    async fn optimize(&self, target: Target<'_, Table>) -> Result<bool> {
        let table = target.index;
        let mut statements = vec![format!("VACUUM (ANALYZE) {}", table.name)];
        if matches!(table.engine, Engine::Ivf { .. }) && table.layout.ours {
            // Its clusters are those of the rows that were there when it was built.
            let index = create::vector_index_name(&self.config.schema, target.name);
            statements.insert(0, format!("REINDEX INDEX CONCURRENTLY {index}"));
        }
        self.client.batch(&statements).await?;
        Ok(true)
    }

    async fn close(&self) -> Result<()> {
        self.client.close();
        Ok(())
    }
}

/// Whether the vector index can hold a vector, or be asked with it.
fn fits_index(table: &Table, vector: &[f32]) -> bool {
    let scaled = table.info.spec.metric == Metric::Cosine;
    !table.engine.half() || scaled || vector.iter().all(|x| x.abs() <= MAX_HALF)
}

fn read_only() -> Error {
    Error::unsupported(
        "the table has columns beside id, vector and metadata, which other programs fill; Portolan only reads it, \
         and deletes from it",
    )
}

fn no_extension(error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) {
        return error;
    }
    let why = error.message();
    let message = format!("the extension vector could not be created ({why}); see pgvector's installation");
    Error::new(error.kind(), message)
}
