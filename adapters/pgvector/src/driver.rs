//! The driver: each ability of the port as one statement.

use std::collections::HashMap;
use std::sync::Arc;

use futures::TryFutureExt;
use parking_lot::RwLock;
use pgvector::Vector;
use portolan_core::driver::{
    Driver, ExactSearch, Hit, Nearest, Neighbours, Page, Profile, Row, Sizes, Target, Want,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Metric, Outcome, Result, Status, Value,
};
use tokio::sync::OnceCell;

use crate::PROVIDER;
use crate::client::Client;
use crate::config::Config;
use crate::convert::{fits, metadata_to_text};
use crate::create;
use crate::error::Fault;
use crate::filter::{NativeFilter, id_in};
use crate::query::{Bind, Binds, Query, VectorTypes, identifier};
use crate::rows::{self, cell, row};
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

/// PostgreSQL with pgvector, as the engine of the port drives it.
#[derive(Debug)]
pub struct PgvectorDriver {
    client: Client,
    config: Config,
    profile: Profile,
    server: String,
    types: OnceCell<VectorTypes>,
    tables: RwLock<HashMap<String, Arc<Table>>>,
}

impl PgvectorDriver {
    /// Connects to a database.
    ///
    /// # Errors
    /// `Unavailable` or `Timeout` where it cannot be reached; `Unauthenticated` for a wrong user or password;
    /// `NotFound` for a missing database; `Unsupported` for an encoding other than UTF-8.
    pub async fn open(config: &Config) -> Result<Self> {
        let client = Client::new(config)?;
        let rows = client
            .rows(&Query::plain(
                "SELECT split_part(current_setting('server_version'), ' ', 1), current_setting('server_encoding'), \
                 current_setting('synchronous_commit')",
            ))
            .await?;
        let setting = |n: usize| cell::<String>(rows.first(), n);
        let (server, encoding, commit) = (setting(0)?, setting(1)?, setting(2)?);
        if encoding != "UTF8" {
            return Err(Error::unsupported(format!(
                "the database's encoding is {encoding}, and must be UTF8"
            )));
        }
        let profile = profile(commit != "off", config.pool_size);
        Ok(Self {
            client,
            config: config.clone(),
            profile,
            server,
            types: OnceCell::new(),
            tables: RwLock::default(),
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
        if version.starts_with("0.")
            && version.split('.').nth(1).and_then(|n| n.parse().ok()).unwrap_or(0) < 8
        {
            return Err(Error::unsupported(format!(
                "pgvector is {version}, and must be 0.8.0 or newer: ALTER EXTENSION vector UPDATE"
            )));
        }
        Ok(Some(VectorTypes::new(&schema, cell(Some(row), 2)?, cell(Some(row), 3)?)))
    }

    async fn types(&self) -> Result<&VectorTypes> {
        self.types
            .get_or_try_init(|| async {
                self.find_types().await?.ok_or_else(|| {
                    Error::unsupported(
                        "the database has no pgvector: CREATE EXTENSION vector, or create an index",
                    )
                })
            })
            .await
    }

    /// The table of an index, known or looked up.
    async fn table(&self, name: &str) -> Result<Arc<Table>> {
        if let Some(table) = self.tables.read().get(name) {
            return Ok(Arc::clone(table));
        }
        self.look_up(name).await
    }

    async fn look_up(&self, name: &str) -> Result<Arc<Table>> {
        self.tables.write().remove(name);
        let described = self.described(name).await?;
        let foreign = &self.config.foreign;
        let dimension = match described.undimensioned(foreign) {
            Some(column) => self.dimension(name, &column).await?,
            None => None,
        };
        let table = Arc::new(described.open(&self.config.schema, name, foreign, dimension)?);
        self.tables.write().insert(name.to_owned(), Arc::clone(&table));
        Ok(table)
    }

    async fn described(&self, name: &str) -> Result<Described> {
        let rows = self.client.rows(&table::describe(&self.config.schema, name)).await?;
        match rows.first() {
            Some(row) => Described::parse(&cell::<String>(Some(row), 0)?),
            None => Err(Error::no_index(name)),
        }
    }

    /// The dimension of some vector of a table.
    async fn dimension(&self, name: &str, column: &str) -> Result<Option<usize>> {
        let types = self.types().await?;
        let (schema, name) = (identifier(&self.config.schema), identifier(name));
        let sql = format!(
            "SELECT {}.vector_dims({column}) FROM {schema}.{name} WHERE {column} IS NOT NULL LIMIT 1",
            types.schema
        );
        let rows = self.client.rows(&Query::plain(sql)).await?;
        rows.first()
            .map(|row| cell::<i32>(Some(row), 0))
            .transpose()
            .map(|n| n.and_then(|n| n.try_into().ok()))
    }

    /// Makes schema and extension where they are missing.
    async fn prepare(&self) -> Result<()> {
        let mut binds = Binds::default();
        let sql = format!(
            "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = {})",
            binds.text(&self.config.schema)
        );
        let rows = self.client.rows(&binds.query(sql)).await?;
        if !cell::<bool>(rows.first(), 0)? {
            self.client.batch(&create::schema(&self.config.schema)).await.map_err(Fault::error)?;
        }
        if self.find_types().await?.is_none() {
            self.client.batch(&create::extension()).await.map_err(|fault| no_extension(fault.error()))?;
        }
        Ok(())
    }

    async fn changed(&self, query: &Query, rows: usize) -> Result<Vec<Outcome>> {
        match self.client.execute(query).await {
            Ok(_) => Ok(vec![Outcome::Stored; rows]),
            Err(Fault::Refused(error)) => Err(error),
            Err(Fault::Lost(error)) => Ok(vec![Outcome::Unknown(error); rows]),
        }
    }
}

fn profile(durable: bool, pool_size: usize) -> Profile {
    let mut profile = Profile::new(PROVIDER);
    profile.all_values = false;
    profile.exact = ExactSearch::OnRequest;
    profile.update = false;
    profile.durable = durable;
    profile.parallelism = pool_size.min(4);
    profile.limits.dimension = MAX_DIMENSION;
    profile.limits.batch_count = Some(BATCH_ROWS);
    profile.limits.batch_bytes = Some(BATCH_BYTES);
    profile
}

impl Driver for PgvectorDriver {
    type Filter = NativeFilter;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, spec: &IndexSpec, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(NativeFilter::leaf(spec, leaf, negated))
    }

    fn lower_ids(&self, _: &IndexSpec, ids: &[String], negated: bool) -> Lowered<NativeFilter> {
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

    fn represents(&self, _: &IndexSpec, _: &str, value: &Value) -> bool {
        fits(value)
    }

    /// The native filter looks at the values aside itself.
    fn may_lie_aside(&self, _: &IndexSpec, _: &str) -> bool {
        false
    }

    async fn create(&self, at: Target<'_>) -> Result<()> {
        create::check(at.spec)?;
        self.prepare().await?;
        let statements = create::table(&self.config.schema, at.name, at.spec, self.types().await?)?;
        self.tables.write().remove(at.name);
        self.client.batch(&statements).await.map_err(Fault::error)
    }

    async fn open(&self, name: &str) -> Result<IndexInfo> {
        Ok(self.look_up(name).await?.info.clone())
    }

    async fn list(&self) -> Result<Vec<String>> {
        let rows = self.client.rows(&table::list(&self.config.schema)).await?;
        rows.iter().map(|row| cell(Some(row), 0)).collect()
    }

    async fn drop_index(&self, name: &str) -> Result<()> {
        let described = self.described(name).await?;
        self.tables.write().remove(name);
        if !described.has_vectors() {
            return Err(Error::no_index(name));
        }
        if !matches!(described.kind.as_str(), "r" | "p") {
            return Err(Error::unsupported(format!(
                "{name:?} is a view or foreign table; drop it in the database"
            )));
        }
        let (schema, name) = (identifier(&self.config.schema), identifier(name));
        self.client
            .execute(&Query::plain(format!("DROP TABLE {schema}.{name}")))
            .map_ok(drop)
            .await
            .map_err(Fault::error)
    }

    async fn write(&self, at: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>> {
        let (types, table) = (self.types().await?, self.table(at.name).await?);
        let layout = &table.layout;
        let (metadata, of) = layout.written.as_ref().ok_or_else(read_only)?;
        let refused: Vec<Option<Error>> = rows.iter().map(|row| unfit(&table, row)).collect();
        let fit: Vec<&Row> =
            rows.iter().zip(&refused).filter(|(_, e)| e.is_none()).map(|(row, _)| row).collect();
        let stored = if fit.is_empty() {
            Vec::new()
        } else {
            let mut binds = Binds::default();
            let ids = binds.bind(Bind::Texts(fit.iter().map(|row| row.id.clone()).collect()));
            let vectors =
                fit.iter().map(|row| row.vector.as_ref().map(|v| Vector::from(v.to_vec()))).collect();
            let vectors = binds.vectors(types, vectors);
            let texts: Vec<String> =
                fit.iter().map(|row| metadata_to_text(&row.metadata)).collect::<Result<_>>()?;
            let texts = binds.bind(Bind::Texts(texts));
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
            self.changed(&binds.query(sql), fit.len()).await?
        };
        let mut stored = stored.into_iter();
        Ok(refused.into_iter().filter_map(|e| e.map(Outcome::Failed).or_else(|| stored.next())).collect())
    }

    async fn fetch(&self, at: Target<'_>, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let (types, table) = (self.types().await?, self.table(at.name).await?);
        let mut binds = Binds::default();
        let which = id_in(&table.layout, ids, &mut binds);
        let selected = rows::selected(types, &table.layout, want);
        let rows = self
            .client
            .rows(&binds.query(format!("SELECT {selected} FROM {} WHERE {which}", table.name)))
            .await?;
        rows.iter().map(row).collect()
    }

    async fn remove(&self, at: Target<'_>, ids: &[String]) -> Result<Vec<Outcome>> {
        let table = self.table(at.name).await?;
        let mut binds = Binds::default();
        let which = id_in(&table.layout, ids, &mut binds);
        self.changed(&binds.query(format!("DELETE FROM {} WHERE {which}", table.name)), ids.len()).await
    }

    async fn nearest(&self, at: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let (types, table) = (self.types().await?, self.table(at.name).await?);
        let exact = query.exact || table.engine == Engine::Flat || !fits_index(&table, query.vector);
        let rows = if exact {
            self.client.rows(&rows::nearest_of_all(types, &table, query)).await?
        } else {
            let settings = rows::settings(table.engine, query);
            self.client.rows_with(&settings, &rows::nearest_by_index(types, &table, query)).await?
        };
        let mut hits = Vec::with_capacity(rows.len());
        for found in &rows {
            // A record without a vector has no distance.
            if let Some(distance) = cell::<Option<f64>>(Some(found), 3)? {
                hits.push(Hit { row: row(found)?, distance });
            }
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.row.id.cmp(&b.row.id)));
        hits.truncate(query.k);
        let exactness = if exact { Exactness::Exact } else { Exactness::Approximate };
        let records_read = hits.len() as u64;
        Ok(Neighbours { hits, exactness, records_read })
    }

    async fn page(
        &self,
        at: Target<'_>,
        filter: Option<&NativeFilter>,
        cursor: Option<&str>,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        let (types, table) = (self.types().await?, self.table(at.name).await?);
        let layout = &table.layout;
        let mut binds = Binds::default();
        let mut which = vec![filter.map_or_else(|| "true".to_owned(), |f| f.to_sql(layout, &mut binds))];
        let order = table.id_order();
        if let Some(cursor) = cursor {
            if !layout.id_type.takes(cursor) {
                return Err(Error::invalid(format!(
                    "the cursor {cursor:?} is none of this store's: start without one"
                )));
            }
            which.push(format!("{order} > {}::{}", binds.text(cursor), layout.id_type.sql()));
        }
        let selected = rows::selected(types, layout, want);
        let sql = format!(
            "SELECT {selected} FROM {} WHERE {} ORDER BY {order} LIMIT {}",
            table.name,
            which.join(" AND "),
            binds.count(limit.saturating_add(1))
        );
        let mut rows: Vec<Row> =
            self.client.rows(&binds.query(sql)).await?.iter().map(row).collect::<Result<_>>()?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| more).map(|row| row.id.clone());
        Ok(Page { rows, next })
    }

    async fn count(&self, at: Target<'_>, filter: Option<&NativeFilter>, with_vector: bool) -> Result<u64> {
        let table = self.table(at.name).await?;
        let mut binds = Binds::default();
        let mut which = filter.map_or_else(|| "true".to_owned(), |f| f.to_sql(&table.layout, &mut binds));
        if with_vector {
            which = format!("{which} AND {} IS NOT NULL", table.layout.vector);
        }
        let rows = self
            .client
            .rows(&binds.query(format!("SELECT count(*) FROM {} WHERE {which}", table.name)))
            .await?;
        Ok(cell::<i64>(rows.first(), 0)?.unsigned_abs())
    }

    async fn remove_where(&self, at: Target<'_>, filter: &NativeFilter) -> Result<Option<u64>> {
        let table = self.table(at.name).await?;
        let mut binds = Binds::default();
        let which = filter.to_sql(&table.layout, &mut binds);
        let query = binds.query(format!("DELETE FROM {} WHERE {which}", table.name));
        self.client.execute(&query).await.map(Some).map_err(Fault::error)
    }

    async fn clear(&self, at: Target<'_>) -> Result<()> {
        let table = self.table(at.name).await?;
        let query = Query::plain(format!("TRUNCATE {}", table.name));
        match self.client.execute(&query).await.map_err(Fault::error) {
            // Other tables refer to this one.
            Err(e) if e.kind() == ErrorKind::Unsupported => {
                let query = Query::plain(format!("DELETE FROM {}", table.name));
                self.client.execute(&query).await.map(drop).map_err(Fault::error)
            }
            cleared => cleared.map(drop),
        }
    }

    async fn sizes(&self, at: Target<'_>) -> Result<Sizes> {
        let table = self.table(at.name).await?;
        let mut binds = Binds::default();
        let sql = format!("SELECT pg_total_relation_size({}::regclass)", binds.text(&table.name));
        let rows = self.client.rows(&binds.query(sql)).await?;
        Ok(Sizes { disk_bytes: Some(cell::<i64>(rows.first(), 0)?.unsigned_abs()), ..Sizes::default() })
    }

    async fn health(&self) -> Result<Health> {
        let rows = self
            .client
            .rows(&Query::plain(
                "SELECT extract(epoch FROM now() - pg_postmaster_start_time())::float8, \
                 (SELECT COALESCE(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector')",
            ))
            .await?;
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(match cell::<Option<String>>(rows.first(), 1)? {
            Some(version) => format!("PostgreSQL {}, pgvector {version}", self.server),
            None => format!("PostgreSQL {}, without pgvector", self.server),
        });
        health.indexes = Some(self.list().await?.len() as u64);
        health.uptime_seconds = Some(cell(rows.first(), 0)?);
        Ok(health)
    }

    async fn optimize(&self, at: Target<'_>) -> Result<bool> {
        let table = self.table(at.name).await?;
        let mut statements = vec![format!("VACUUM (ANALYZE) {}", table.name)];
        if matches!(table.engine, Engine::Ivf { .. }) && table.layout.aside {
            // Its clusters are those of the rows that were there when it was built.
            let index = create::vector_index_name(&self.config.schema, at.name);
            statements.insert(0, format!("REINDEX INDEX CONCURRENTLY {index}"));
        }
        self.client.maintain(&statements).await.map(|()| true)
    }

    async fn close(&self) -> Result<()> {
        self.client.close();
        Ok(())
    }
}

/// Why a row cannot be written, where that is so.
fn unfit(table: &Table, row: &Row) -> Option<Error> {
    if !table.layout.id_type.takes(&row.id) {
        return Some(Error::invalid(format!(
            "{:?} is no {}, which the ids of this table are",
            row.id,
            table.layout.id_type.sql()
        )));
    }
    if row.vector.as_ref().is_some_and(|v| !fits_index(table, v)) {
        return Some(Error::invalid(format!(
            "a component is beyond {MAX_HALF}, where the halfvec of this index ends; create it with engine flat"
        )));
    }
    None
}

/// Whether the vector index can hold a vector, or be asked with it.
fn fits_index(table: &Table, vector: &[f32]) -> bool {
    let scaled = table.info.spec.metric == Metric::Cosine;
    !table.engine.half() || scaled || vector.iter().all(|x| x.abs() <= MAX_HALF)
}

fn read_only() -> Error {
    Error::unsupported(
        "the table has columns beside id, vector and metadata, which other programs fill; the port only reads it, \
         and deletes from it",
    )
}

fn no_extension(error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) {
        return error;
    }
    Error::new(
        error.kind(),
        format!(
            "the extension vector is missing and could not be created ({}); see pgvector's installation",
            error.message()
        ),
    )
}
