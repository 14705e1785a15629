//! The driver: each ability of the port as one statement.

use pgvector::Vector;
use portolan_core::driver::dialect::infix::Expression;
use portolan_core::driver::{
    self, Deadline, Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, NewIndex, Opened,
    OverflowFilter, Page, Profile, Removed, Row, Sizes, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::{
    Cursor, EngineKind, Error, ErrorKind, Exactness, Health, IndexInfo, Outcome, Result, Status, Unreadable,
    Value,
};
use postgres_types::Json;

use crate::catalog::{self, Column, Described, VECTOR};
use crate::client::{Client, cell};
use crate::config::{Config, MAX_DIMENSION, PROVIDER};
use crate::convert::{fits, metadata_to_text};
use crate::create;
use crate::filter::{NativeFilter, id_in};
use crate::foreign::ForeignTable;
use crate::query::{Binds, VectorTypes, identifier};
use crate::rows::{self, condition, row};
use crate::table::{MAX_HALF, Table};

const BATCH_ROWS: usize = 500;
const BATCH_BYTES: usize = 16 << 20;
/// The most leaves of a filter: a statement binds at most 65,535 values, some eight of them a leaf, and planning ten
/// thousand takes longer than a call.
const MAX_LEAVES: usize = 2_000;

/// The oldest pgvector that is taken: 0.8 was the first with iterative scans.
const MIN_EXTENSION: [u32; 2] = [0, 8];

const READ_ONLY: &str = "the table has columns beside id, vector and metadata, which other programs fill; Portolan only \
                         reads it, and deletes from it";

type Target<'a> = driver::Target<'a, Table>;

/// PostgreSQL with pgvector, as the engine of the port drives it.
#[derive(Debug)]
pub struct PgvectorDriver {
    client: Client,
    config: Config,
    profile: Profile,
}

impl PgvectorDriver {
    /// A database, which is connected to with the first call.
    ///
    /// # Errors
    /// `InvalidArgument` for settings or a certificate that cannot be used.
    pub fn new(config: &Config) -> Result<Self> {
        Ok(Self { client: Client::new(config)?, config: config.clone(), profile: profile(config) })
    }

    /// The types of the extension; `None` where it is not there. Checks the database, and the extension's version.
    async fn find_types(&self) -> Result<Option<VectorTypes>> {
        let row = self.client.row(catalog::EXTENSION, &Binds::default()).await?;
        let (encoding, schema): (String, Option<String>) = (cell(&row, 0)?, cell(&row, 1)?);
        if encoding != "UTF8" {
            let what = format!("the database's encoding is {encoding}, and must be UTF8");
            return Err(Error::unsupported(what));
        }
        let Some(schema) = schema else { return Ok(None) };
        let version: String = cell(&row, 2)?;
        if version.split('.').map_while(|n| n.parse::<u32>().ok()).lt(MIN_EXTENSION) {
            return Err(Error::unsupported(format!(
                "pgvector is {version}, and must be 0.8.0 or newer: ALTER EXTENSION vector UPDATE"
            )));
        }
        Ok(Some(VectorTypes::new(&schema, cell(&row, 3)?, cell(&row, 4)?)))
    }

    async fn types(&self) -> Result<VectorTypes> {
        let missing = "the database has no pgvector: CREATE EXTENSION vector, or create an index";
        self.find_types().await?.ok_or_else(|| Error::unsupported(missing))
    }

    async fn described(&self, name: &str) -> Result<Described> {
        let rows = self.client.rows(catalog::TABLE, &Binds::of(&[&self.config.schema, name])).await?;
        let row = rows.first().ok_or_else(|| Error::no_index(name))?;
        Ok(cell::<Json<Described>>(row, 0)?.0)
    }

    /// The extension's types. Makes it, and the schema, where they are missing.
    async fn prepare(&self) -> Result<VectorTypes, WriteError> {
        let schema = &self.config.schema;
        let exists = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
        if !cell::<bool>(&self.client.row(exists, &Binds::of(&[schema])).await?, 0)? {
            self.client.make(&[format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(schema))]).await?;
        }
        if let Some(types) = self.find_types().await? {
            return Ok(types);
        }
        let made = self.client.make(&["CREATE EXTENSION IF NOT EXISTS vector".to_owned()]).await;
        made.map_err(|e| e.map(no_extension))?;
        Ok(self.types().await?)
    }

    /// Rows of a table, as what follows its name in the statement says, each with why it cannot be read.
    async fn read(
        &self,
        table: &Table,
        want: Want,
        which: &str,
        binds: &Binds,
    ) -> Result<Vec<(Row, Option<String>)>> {
        let sql = format!("SELECT {} FROM {} {which}", rows::selected(table, want), table.name);
        self.client.rows(&sql, binds).await?.iter().map(row).collect()
    }

    async fn delete(&self, table: &Table, which: &str, binds: &Binds) -> Result<u64, WriteError> {
        self.client.execute(&format!("DELETE FROM {} WHERE {which}", table.name), binds).await
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
        // The extension may be made later, with the first index.
        self.find_types().await.map(drop)
    }

    fn lower(&self, target: Target<'_>, leaf: &Leaf, negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(NativeFilter::leaf(target.spec, leaf, negated))
    }

    fn lower_ids(&self, _: Target<'_>, ids: &[NativeId], negated: bool) -> Lowered<NativeFilter> {
        Lowered::Exact(NativeFilter::ids(ids, negated))
    }

    fn and(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Expression::all(parts.into_iter().map(|part| part.0)))
    }

    fn or(&self, parts: Vec<NativeFilter>) -> NativeFilter {
        NativeFilter(Expression::any(parts.into_iter().map(|part| part.0)))
    }

    fn accepts(&self, filter: &NativeFilter) -> bool {
        filter.0.size().leaves <= MAX_LEAVES
    }

    fn represents(&self, _: Target<'_>, _: &str, value: &Value) -> bool {
        fits(value)
    }

    /// The native filter looks at the overflow itself.
    fn overflow(&self, _: Target<'_>, _: &str) -> OverflowFilter {
        OverflowFilter::ByDriver
    }

    fn admits(&self, target: Target<'_>, row: &Row) -> Result<()> {
        let (table, id_type) = (target.index, target.index.layout.id_type);
        if !id_type.takes(&row.id) {
            let (id, of) = (row.id.as_str(), id_type.sql());
            return Err(Error::invalid(format!("{id:?} is no {of}, which the ids of this table are")));
        }
        if row.vector.as_ref().is_some_and(|vector| !table.indexes(vector)) {
            return Err(Error::invalid(format!(
                "a component is beyond {MAX_HALF}, where the halfvec of this index ends; create it with engine flat"
            )));
        }
        Ok(())
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        create::check(new.spec)?;
        let types = self.prepare().await?;
        let info = IndexInfo::new(new.spec.clone(), PROVIDER);
        let table = Table::ours(self.qualified(new.name), info, types);
        self.client.make(&create::statements(&table, new.name)?).await
    }

    async fn open(&self, name: &str, _: Option<&Table>, _: Deadline) -> Result<Opened<Table>> {
        let described = self.described(name).await?;
        let (qualified, types) = (self.qualified(name), self.types().await?);
        let table = match described.ours() {
            Some(info) => Table::ours(qualified, info, types),
            None => {
                let told = &self.config.foreign;
                let table = ForeignTable { name, qualified, described: &described, told };
                table.open(&self.client, types).await?
            }
        };
        let flat = table.engine == EngineKind::Flat;
        let exact = if flat { ExactSearch::Always } else { ExactSearch::OnRequest };
        Ok(Opened::new(table.info.clone(), table).exact(exact))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        let rows = self.client.rows(catalog::TABLES, &Binds::of(&[&self.config.schema])).await?;
        rows.iter().map(|row| cell(row, 0)).collect()
    }

    async fn drop_index(&self, name: &str, _: Deadline) -> Result<(), WriteError> {
        let described = self.described(name).await?;
        if !described.columns.iter().any(Column::is_vector) {
            return Err(Error::no_index(name).into());
        }
        if !matches!(described.kind.as_str(), "r" | "p") {
            let what = format!("{name:?} is a view or foreign table; drop it in the database");
            return Err(Error::unsupported(what).into());
        }
        let sql = format!("DROP TABLE {}", self.qualified(name));
        self.client.execute(&sql, &Binds::default()).await.map(drop)
    }

    async fn write(&self, target: Target<'_>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let Table { name, layout, types, .. } = target.index;
        let (metadata, of) = layout.written.as_ref().ok_or_else(|| Error::unsupported(READ_ONLY))?;
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
            "INSERT INTO {name} ({id}, {vector}, {metadata}) SELECT i::{id_of}, v, m::{of} \
             FROM unnest({ids}, {vectors}, {texts}) AS r(i, v, m) ORDER BY i COLLATE \"C\" \
             ON CONFLICT ({id}) DO UPDATE SET {vector} = EXCLUDED.{vector}, {metadata} = EXCLUDED.{metadata}"
        );
        self.client.execute(&sql, &binds).await?;
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, target: Target<'_>, ids: &[NativeId], want: Want) -> Result<Vec<Row>> {
        let mut binds = Binds::default();
        let which = id_in(&target.index.layout, ids, &mut binds);
        let rows = self.read(target.index, want, &format!("WHERE {which}"), &binds).await?;
        let readable = |(row, why)| unreadable(&row, why).map_or(Ok(row), |record| Err(record.to_error()));
        rows.into_iter().map(readable).collect()
    }

    async fn remove(&self, target: Target<'_>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        let mut binds = Binds::default();
        let which = id_in(&target.index.layout, ids, &mut binds);
        self.delete(target.index, &which, &binds).await?;
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_>, query: &Nearest<'_, NativeFilter>) -> Result<Neighbours> {
        let table = target.index;
        let exact = query.exact || table.engine == EngineKind::Flat || !table.indexes(query.vector);
        let mut binds = Binds::default();
        let sql = rows::nearest(table, query, exact, &mut binds);
        let rows = if exact {
            self.client.rows(&sql, &binds).await?
        } else {
            self.client.rows_under(&rows::settings(table, query), &sql, &binds).await?
        };
        let hits = rows.iter().map(|found| {
            let (row, unreadable) = row(found)?;
            Ok(Hit { unreadable, ..Hit::new(row, cell(found, 3)?) })
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
        let (table, id_type) = (target.index, target.index.layout.id_type);
        let mut binds = Binds::default();
        let mut which = format!("WHERE {}", condition(filter, &table.layout, &mut binds));
        let order = table.id_order();
        if let Some(cursor) = cursor {
            if !id_type.takes(cursor) {
                return Err(Cursor::dead());
            }
            which += &format!(" AND {order} > {}::{}", binds.text(cursor), id_type.sql());
        }
        which += &format!(" ORDER BY {order} LIMIT {}", binds.count(limit.saturating_add(1)));
        let mut rows = self.read(table, want, &which, &binds).await?;
        let more = rows.len() > limit;
        rows.truncate(limit);
        let mut page =
            Page { next: rows.last().filter(|_| more).map(|(row, _)| row.id.to_string()), ..Page::default() };
        for (row, why) in rows {
            match unreadable(&row, why) {
                Some(record) => page.unreadable.push(record),
                None => page.rows.push(row),
            }
        }
        Ok(page)
    }

    async fn count(
        &self,
        target: Target<'_>,
        filter: Option<&NativeFilter>,
        with_vector: bool,
    ) -> Result<u64> {
        let Table { name, layout, .. } = target.index;
        let mut binds = Binds::default();
        let which = condition(filter, layout, &mut binds);
        let counted = if with_vector { &layout.compared } else { "*" };
        let sql = format!("SELECT count({counted}) FROM {name} WHERE {which}");
        Ok(cell::<i64>(&self.client.row(&sql, &binds).await?, 0)?.unsigned_abs())
    }

    async fn remove_where(&self, target: Target<'_>, filter: &NativeFilter) -> Result<Removed, WriteError> {
        let layout = &target.index.layout;
        let mut binds = Binds::default();
        let mut which = filter.to_sql(layout, &mut binds);
        if filter.asks_metadata() {
            // Of a record that cannot be read nobody can tell what it meets.
            which += &format!(" AND jsonb_typeof({}) = 'object'", layout.metadata.json);
        }
        Ok(Removed::All(Some(self.delete(target.index, &which, &binds).await?)))
    }

    async fn clear(&self, target: Target<'_>) -> Result<Removed, WriteError> {
        let (name, binds) = (&target.index.name, Binds::default());
        let mut cleared = self.client.execute(&format!("TRUNCATE {name}"), &binds).await;
        // Other tables refer to this one.
        if cleared.as_ref().is_err_and(|e| e.error().kind() == ErrorKind::Unsupported) {
            cleared = self.client.execute(&format!("DELETE FROM {name}"), &binds).await;
        }
        cleared.map(|_| Removed::All(None))
    }

    async fn sizes(&self, target: Target<'_>) -> Result<Sizes> {
        let sql = "SELECT pg_total_relation_size($1::regclass)";
        let row = self.client.row(sql, &Binds::of(&[&target.index.name])).await?;
        Ok(Sizes { disk_bytes: Some(cell::<i64>(&row, 0)?.unsigned_abs()), ..Sizes::default() })
    }

    async fn health(&self, deadline: Deadline) -> Result<Health> {
        let row = self.client.row(catalog::HEALTH, &Binds::default()).await?;
        let (server, extension): (String, Option<String>) = (cell(&row, 0)?, cell(&row, 1)?);
        let extension = extension.map_or_else(|| "without pgvector".to_owned(), |v| format!("pgvector {v}"));
        let mut health = Health::new(PROVIDER, Status::Healthy);
        health.version = Some(format!("PostgreSQL {server}, {extension}"));
        health.indexes = Some(self.list(deadline).await?.len() as u64);
        health.uptime_seconds = Some(cell(&row, 2)?);
        Ok(health)
    }

    async fn optimize(&self, target: Target<'_>) -> Result<bool> {
        let table = target.index;
        let mut statements = vec![format!("VACUUM (ANALYZE) {}", table.name)];
        if table.engine == EngineKind::Ivf && table.layout.ours {
            // Its clusters are those of the rows that were there when it was built.
            let (schema, index) = (identifier(&self.config.schema), create::part(target.name, VECTOR));
            statements.insert(0, format!("REINDEX INDEX CONCURRENTLY {schema}.{index}"));
        }
        self.client.batch(&statements).await?;
        Ok(true)
    }

    async fn close(&self) -> Result<()> {
        self.client.close();
        Ok(())
    }
}

fn unreadable(row: &Row, why: Option<String>) -> Option<Unreadable> {
    Some(Unreadable { id: row.id.to_string(), why: why? })
}

fn no_extension(error: Error) -> Error {
    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::Timeout) {
        return error;
    }
    let why = error.message();
    let message = format!("the extension vector could not be created ({why}); see pgvector's installation");
    Error::new(error.kind(), message)
}
