//! The statements that read rows, and the rows that they answer.

use pgvector::Vector;
use portolan_core::driver::{Nearest, Row, Want};
use portolan_core::{Error, ErrorKind, Result};
use postgres_types::{FromSql, Type};

use crate::convert::metadata_from_text;
use crate::filter::NativeFilter;
use crate::query::{Binds, Query, VectorTypes};
use crate::table::{Engine, Layout, Table, halved, operator};

const MAX_EF_SEARCH: usize = 1_000;
const DEFAULT_EF_SEARCH: usize = 40;
/// How far an index is searched on when a filter rejects what it finds.
const MAX_SCAN_TUPLES: usize = 100_000;

/// What is selected of a row: id, vector and metadata as they are wanted.
pub(crate) fn selected(types: &VectorTypes, layout: &Layout, want: Want) -> String {
    let vector = if want.vectors {
        format!("{}.vector_send({})", types.schema, layout.vector)
    } else {
        "NULL::bytea".to_owned()
    };
    let metadata = if want.metadata || want.overflow {
        format!("({})::text", layout.metadata)
    } else {
        "NULL::text".to_owned()
    };
    format!("{}::text, {vector}, {metadata}", layout.id)
}

/// The nearest rows by scoring each that meets the filter.
pub(crate) fn nearest_of_all(types: &VectorTypes, table: &Table, query: &Nearest<'_, NativeFilter>) -> Query {
    nearest(types, table, query, query.k, |_, distance| {
        // As a sum the distance is the order of no vector index.
        format!("{distance} + 0.0::float8, {}", table.layout.id_text())
    })
}

/// The nearest rows by the vector index.
pub(crate) fn nearest_by_index(
    types: &VectorTypes,
    table: &Table,
    query: &Nearest<'_, NativeFilter>,
) -> Query {
    if !table.engine.half() {
        return nearest(types, table, query, query.k, |_, distance| distance.to_owned());
    }
    let spec = &table.info.spec;
    let half = |vector: &str| halved(types, spec, vector);
    // Halves are nearly in order: of twice as many the nearest are kept.
    nearest(types, table, query, query.k.saturating_mul(2), |vector, _| {
        format!("{} {} {}", half(&table.layout.vector), operator(types, spec.metric), half(vector))
    })
}

/// Rows in the order of an expression over the query vector and the distance. What is selected of them is made when they
/// are few. Those without a vector have no distance and come last.
fn nearest(
    types: &VectorTypes,
    table: &Table,
    query: &Nearest<'_, NativeFilter>,
    limit: usize,
    order: impl FnOnce(&str, &str) -> String,
) -> Query {
    let mut binds = Binds::default();
    let layout = &table.layout;
    let vector = binds.vector(types, query.vector);
    let distance = format!("({} {} {vector})", layout.vector, operator(types, table.info.spec.metric));
    let order = order(&vector, &distance);
    let rows = condition(query.filter, layout, &mut binds);
    let (limit, columns) = (binds.count(limit), columns(layout, query.want));
    let selected = selected(types, layout, query.want);
    binds.query(format!(
        "SELECT {selected}, \"portolan.distance\" FROM (SELECT {columns}, {distance} AS \"portolan.distance\" FROM {} \
         WHERE {rows} ORDER BY {order} LIMIT {limit}) AS nearest",
        table.name
    ))
}

/// The columns that [`selected`] is made of. In foreign tables any may be metadata.
fn columns(layout: &Layout, want: Want) -> String {
    match (layout.ours, want.vectors) {
        (true, false) => format!("{}, {}", layout.id, layout.metadata),
        (true, true) => format!("{}, {}, {}", layout.id, layout.vector, layout.metadata),
        (false, _) => "*".to_owned(),
    }
}

/// How far the vector index is searched. A filter is applied to what it finds, so it goes on until enough is left.
pub(crate) fn settings(engine: Engine, query: &Nearest<'_, NativeFilter>) -> String {
    match engine {
        Engine::Flat => String::new(),
        Engine::Hnsw { .. } => {
            let ef = query
                .ef_search
                .map_or(DEFAULT_EF_SEARCH.max(query.k), |ef| ef as usize)
                .clamp(1, MAX_EF_SEARCH);
            format!(
                "SET LOCAL hnsw.ef_search = {ef}; SET LOCAL hnsw.iterative_scan = relaxed_order; \
                 SET LOCAL hnsw.max_scan_tuples = {MAX_SCAN_TUPLES}; SET LOCAL hnsw.scan_mem_multiplier = 4"
            )
        }
        Engine::Ivf { lists, .. } => {
            let probes =
                query.nprobe.unwrap_or_else(|| f64::from(lists).sqrt().ceil() as u32).clamp(1, lists);
            format!("SET LOCAL ivfflat.probes = {probes}; SET LOCAL ivfflat.iterative_scan = relaxed_order")
        }
    }
}

/// A row of [`selected`].
pub(crate) fn row(row: &tokio_postgres::Row) -> Result<Row> {
    let vector = match cell::<Option<&[u8]>>(Some(row), 1)? {
        Some(bytes) => Some(Vec::from(Vector::from_sql(&Type::BYTEA, bytes).map_err(unreadable)?).into()),
        None => None,
    };
    let metadata =
        cell::<Option<&str>>(Some(row), 2)?.map(metadata_from_text).transpose()?.unwrap_or_default();
    Ok(Row::new(cell::<String>(Some(row), 0)?, vector, metadata))
}

/// A filter as SQL, or what every row meets.
pub(crate) fn condition(filter: Option<&NativeFilter>, layout: &Layout, binds: &mut Binds) -> String {
    filter.map_or_else(|| "true".to_owned(), |filter| filter.to_sql(layout, binds))
}

/// A column of a row, which must be there.
pub(crate) fn cell<'a, T: FromSql<'a>>(row: Option<&'a tokio_postgres::Row>, n: usize) -> Result<T> {
    let row = row.ok_or_else(|| Error::new(ErrorKind::Unexpected, "PostgreSQL answered without a row"))?;
    row.try_get(n).map_err(|e| unreadable(Box::new(e)))
}

fn unreadable(error: Box<dyn std::error::Error + Sync + Send>) -> Error {
    Error::new(ErrorKind::Unexpected, format!("PostgreSQL's answer could not be read: {error}"))
}
