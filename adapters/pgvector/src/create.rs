//! The statements that make an index.

use portolan_core::driver::kit::{SpecRecord, in_range};
use portolan_core::{EngineKind, Error, FieldType, IndexSpec, Metric, Result};

use crate::catalog::{ID, METADATA, VECTOR};
use crate::filter::{has_overflow, order_key};
use crate::query::{identifier, literal};
use crate::table::{MAX_HALFVEC, Table, measure};

/// What the version of the record of a spec is called, which is the table's comment.
const VERSION: &str = "portolan";

const DEFAULT_M: u32 = 16;
const DEFAULT_EF_CONSTRUCTION: u32 = 64;

/// Checks what only this database limits.
pub(crate) fn check(spec: &IndexSpec) -> Result<()> {
    let (engine, kind) = (&spec.engine, spec.engine.kind);
    let refuse = |why: String| Err(Error::unsupported(why));
    if kind == Some(EngineKind::Ivf) && spec.metric == Metric::Manhattan {
        return refuse("IVFFlat has no manhattan metric; take hnsw or flat".to_owned());
    }
    if matches!(kind, Some(EngineKind::Hnsw | EngineKind::Ivf)) && spec.dimension > MAX_HALFVEC {
        return refuse(format!(
            "vector indexes end at {MAX_HALFVEC} dimensions, and these are {}; take flat",
            spec.dimension
        ));
    }
    in_range("m", engine.m, 2..=100)?;
    in_range("ef_construction", engine.ef_construction, 4..=1_000)?;
    in_range("nlist", engine.nlist, 1..=32_768)?;
    let m = engine.m.unwrap_or(DEFAULT_M);
    if let Some(ef) = engine.ef_construction.filter(|ef| *ef < 2 * m) {
        return Err(Error::invalid(format!(
            "ef_construction is {ef}, and must be at least twice m, {}",
            2 * m
        )));
    }
    Ok(())
}

/// What makes table, indexes and comment of an index of this name.
pub(crate) fn statements(table: &Table, name: &str) -> Result<Vec<String>> {
    let (spec, qualified) = (&table.info.spec, &table.name);
    let comment = SpecRecord::now(spec).to_json(VERSION)?;
    let (vector, key) = (format!("{}.vector({})", table.types.schema, spec.dimension), part(name, "id"));
    let (overflow, has_overflow) = (part(name, "overflow"), has_overflow(METADATA));
    let mut statements = vec![
        format!(
            "CREATE TABLE {qualified} ({ID} text COLLATE \"C\" NOT NULL, {VECTOR} {vector}, \
             {METADATA} jsonb NOT NULL, CONSTRAINT {key} PRIMARY KEY ({ID}))"
        ),
        format!("COMMENT ON TABLE {qualified} IS {}", literal(&comment)),
        format!("CREATE INDEX {overflow} ON {qualified} ({ID}) WHERE {has_overflow}"),
    ];
    statements.extend(vector_index(table, name));
    for (n, (key, of)) in spec.fields.iter().enumerate() {
        statements.extend(field_indexes(table, name, n, key, *of));
    }
    Ok(statements)
}

/// What belongs to an index of this name, quoted; no portable name has a point.
pub(crate) fn part(name: &str, suffix: &str) -> String {
    identifier(&format!("{name}.{suffix}"))
}

fn vector_index(table: &Table, name: &str) -> Option<String> {
    let (spec, schema) = (&table.info.spec, &table.types.schema);
    let (method, with) = match table.engine {
        EngineKind::Flat => return None,
        EngineKind::Hnsw => {
            let m = spec.engine.m.unwrap_or(DEFAULT_M);
            let ef = spec.engine.ef_construction.unwrap_or(DEFAULT_EF_CONSTRUCTION.max(2 * m));
            ("hnsw", format!("m = {m}, ef_construction = {ef}"))
        }
        EngineKind::Ivf => ("ivfflat", format!("lists = {}", table.lists())),
    };
    let (of, expression) = if table.is_half() {
        ("halfvec", format!("({})", table.halved(VECTOR)))
    } else {
        ("vector", VECTOR.to_owned())
    };
    let class = format!("{schema}.{of}_{}_ops", measure(spec.metric).1);
    let index = format!("CREATE INDEX {} ON {} USING {method}", part(name, VECTOR), table.name);
    Some(format!("{index} ({expression} {class}) WITH ({with})"))
}

/// Equality is asked of hashes, which take strings of any length and the elements of lists; order of a sorted index.
fn field_indexes(table: &Table, name: &str, n: usize, key: &str, of: FieldType) -> Vec<String> {
    let field = format!("({METADATA} -> {})", literal(key));
    let index =
        |suffix: &str| format!("CREATE INDEX {} ON {}", part(name, &format!("{n}.{suffix}")), table.name);
    let equality = format!("{} USING gin ({field} jsonb_path_ops)", index("equal"));
    let order = order_key(&field, of).map(|key| format!("{} ({key})", index("order")));
    std::iter::once(equality).chain(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::{EngineParams, ErrorKind};

    fn spec(dimension: usize, metric: Metric, kind: Option<EngineKind>) -> IndexSpec {
        IndexSpec::new("any", dimension)
            .metric(metric)
            .engine(EngineParams { kind, ..EngineParams::default() })
    }

    #[test]
    fn what_the_indexes_cannot_is_refused() {
        for (spec, kind) in [
            (spec(3, Metric::Manhattan, Some(EngineKind::Ivf)), ErrorKind::Unsupported),
            (spec(4_001, Metric::Cosine, Some(EngineKind::Hnsw)), ErrorKind::Unsupported),
            (
                spec(3, Metric::Cosine, None)
                    .engine(EngineParams { m: Some(101), ..EngineParams::default() }),
                ErrorKind::InvalidArgument,
            ),
            (
                spec(3, Metric::Cosine, None).engine(EngineParams {
                    m: Some(40),
                    ef_construction: Some(79),
                    ..EngineParams::default()
                }),
                ErrorKind::InvalidArgument,
            ),
            (
                spec(3, Metric::Cosine, None)
                    .engine(EngineParams { ef_construction: Some(20), ..EngineParams::default() }),
                ErrorKind::InvalidArgument,
            ),
        ] {
            assert_eq!(check(&spec).unwrap_err().kind(), kind, "{spec:?}");
        }
        check(&spec(16_000, Metric::Manhattan, None)).unwrap();
    }
}
