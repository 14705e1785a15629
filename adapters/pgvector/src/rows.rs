//! The statements that read rows, and the rows that they answer.

use pgvector::Vector;
use portolan_core::driver::{Nearest, Row, Want};
use portolan_core::{EngineKind, Result};
use postgres_types::{FromSql, Type};

use crate::client::cell;
use crate::convert::metadata_from_text;
use crate::error::unreadable;
use crate::filter::NativeFilter;
use crate::query::Binds;
use crate::table::{Layout, Table};

const MAX_EF_SEARCH: usize = 1_000;
const DEFAULT_EF_SEARCH: usize = 40;
/// How far an index is searched on when a filter rejects what it finds.
const MAX_SCAN_TUPLES: usize = 100_000;

/// What is selected of a row: id, vector and metadata as they are wanted.
pub(crate) fn selected(table: &Table, want: Want) -> String {
    let Layout { id, vector, metadata, .. } = &table.layout;
    let metadata = metadata.object();
    let wanted = |wanted: bool, sql: String, of: &str| if wanted { sql } else { format!("NULL::{of}") };
    let vector = wanted(want.vectors, format!("{}.vector_send({vector})", table.types.schema), "bytea");
    let metadata = wanted(want.metadata || want.overflow, format!("({metadata})::text"), "text");
    format!("{id}::text, {vector}, {metadata}")
}

/// The nearest rows by the vector index, or where `exact` by scoring each that meets the filter. What is selected of them
/// is made when they are few. Rows without a vector have no distance.
pub(crate) fn nearest(
    table: &Table,
    query: &Nearest<'_, NativeFilter>,
    exact: bool,
    binds: &mut Binds,
) -> String {
    let (layout, operator) = (&table.layout, table.operator());
    let vector = binds.vector(&table.types, query.vector);
    let distance = format!("({} {operator} {vector})", layout.compared);
    let (order, limit) = if exact {
        // As a sum the distance is the order of no vector index.
        (format!("{distance} + 0.0::float8, {}", layout.id_text()), query.k)
    } else if table.is_half() {
        // Halves are nearly in order: of twice as many the nearest are kept.
        let (stored, asked) = (table.halved(&layout.vector), table.halved(&vector));
        (format!("{stored} {operator} {asked}"), query.k.saturating_mul(2))
    } else {
        (distance.clone(), query.k)
    };
    // What is selected is made of these columns. In foreign tables any may be metadata.
    let columns = match (layout.ours, query.want.vectors) {
        (true, false) => format!("{}, {}", layout.id, layout.metadata.json),
        (true, true) => format!("{}, {}, {}", layout.id, layout.vector, layout.metadata.json),
        (false, _) => "*".to_owned(),
    };
    let rows = condition(query.filter, layout, binds);
    format!(
        "SELECT {}, \"portolan.distance\" FROM (SELECT {columns}, {distance} AS \"portolan.distance\" FROM {} \
         WHERE {rows} ORDER BY {order} LIMIT {}) AS nearest WHERE \"portolan.distance\" IS NOT NULL \
         ORDER BY \"portolan.distance\", {} LIMIT {}",
        selected(table, query.want),
        table.name,
        binds.count(limit),
        layout.id_text(),
        binds.count(query.k)
    )
}

/// How far the vector index is searched. A filter is applied to what it finds, so it goes on until enough is left.
pub(crate) fn settings(table: &Table, query: &Nearest<'_, NativeFilter>) -> String {
    match table.engine {
        EngineKind::Flat => String::new(),
        EngineKind::Hnsw => {
            let ef = query.ef_search.map_or(DEFAULT_EF_SEARCH.max(query.k), |ef| ef as usize);
            format!(
                "SET LOCAL hnsw.ef_search = {}; SET LOCAL hnsw.iterative_scan = relaxed_order; \
                 SET LOCAL hnsw.max_scan_tuples = {MAX_SCAN_TUPLES}; SET LOCAL hnsw.scan_mem_multiplier = 4",
                ef.clamp(1, MAX_EF_SEARCH)
            )
        }
        EngineKind::Ivf => {
            let probes = query.nprobe.unwrap_or_else(|| f64::from(table.lists()).sqrt().ceil() as u32);
            format!(
                "SET LOCAL ivfflat.probes = {}; SET LOCAL ivfflat.iterative_scan = relaxed_order",
                probes.clamp(1, table.lists())
            )
        }
    }
}

/// A row of [`selected`], and why its metadata cannot be read, where it cannot.
pub(crate) fn row(row: &tokio_postgres::Row) -> Result<(Row, Option<String>)> {
    let vector = cell::<Option<&[u8]>>(row, 1)?.map(|bytes| Vector::from_sql(&Type::BYTEA, bytes));
    let vector = vector.transpose().map_err(unreadable)?.map(|vector| Vec::from(vector).into());
    let metadata = cell::<Option<&str>>(row, 2)?.map(metadata_from_text).transpose();
    let (metadata, why) = metadata.map_or_else(|why| (None, Some(why)), |metadata| (metadata, None));
    Ok((Row::new(cell::<String>(row, 0)?, vector, metadata.unwrap_or_default()), why))
}

/// A filter as SQL, or what every row meets.
pub(crate) fn condition(filter: Option<&NativeFilter>, layout: &Layout, binds: &mut Binds) -> String {
    filter.map_or_else(|| "true".to_owned(), |filter| filter.to_sql(layout, binds))
}
