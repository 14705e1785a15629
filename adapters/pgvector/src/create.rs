//! The statements that make an index.

use portolan_core::driver::kit::{SpecRecord, in_range};
use portolan_core::{EngineKind, Error, FieldType, IndexSpec, Metric, Result};

use crate::filter::{has_overflow, order_key};
use crate::query::{VectorTypes, identifier, literal};
use crate::table::{Engine, ID, MAX_HALFVEC, METADATA, VECTOR, VERSION, halved, measure};

const DEFAULT_M: u32 = 16;
const DEFAULT_EF_CONSTRUCTION: u32 = 64;

/// Held while something is made, for PostgreSQL's own checks of what exists do not wait for each other.
const LOCK: i64 = 0x706f_7274_6f6c_616e;

/// Checks what only this database limits.
pub(crate) fn check(spec: &IndexSpec) -> Result<()> {
    let engine = &spec.engine;
    let kind = engine.kind;
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
    match engine.ef_construction {
        Some(ef) if ef < 2 * m => {
            Err(Error::invalid(format!("ef_construction is {ef}, and must be at least twice m, {}", 2 * m)))
        }
        _ => Ok(()),
    }
}

/// Makes the schema, where it is missing.
pub(crate) fn schema(schema: &str) -> String {
    transaction(&[format!("CREATE SCHEMA IF NOT EXISTS {}", identifier(schema))])
}

/// Makes the extension, where it is missing.
pub(crate) fn extension() -> String {
    transaction(&["CREATE EXTENSION IF NOT EXISTS vector".to_owned()])
}

/// Makes table, indexes and comment, all or nothing.
pub(crate) fn table(schema: &str, name: &str, spec: &IndexSpec, types: &VectorTypes) -> Result<String> {
    let table = format!("{}.{}", identifier(schema), identifier(name));
    let comment = SpecRecord::now(spec).to_json(VERSION)?;
    let mut statements = vec![
        format!(
            "CREATE TABLE {table} ({ID} text COLLATE \"C\" NOT NULL, {VECTOR} {}.vector({}), {METADATA} jsonb NOT NULL, \
             CONSTRAINT {} PRIMARY KEY ({ID}))",
            types.schema,
            spec.dimension,
            identifier(&format!("{name}.id"))
        ),
        format!("COMMENT ON TABLE {table} IS {}", literal(&comment)),
        format!(
            "CREATE INDEX {} ON {table} ({ID}) WHERE {}",
            identifier(&format!("{name}.overflow")),
            has_overflow(METADATA)
        ),
    ];
    statements.extend(vector_index(&table, name, spec, types));
    for (n, (key, of)) in spec.fields.iter().enumerate() {
        statements.extend(field_indexes(&table, name, n, key, *of));
    }
    Ok(transaction(&statements))
}

/// The name of the vector index of an index; no portable name has a point.
pub(crate) fn vector_index_name(schema: &str, name: &str) -> String {
    format!("{}.{}", identifier(schema), identifier(&format!("{name}.{VECTOR}")))
}

fn transaction(statements: &[String]) -> String {
    format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {}; COMMIT", statements.join("; "))
}

fn vector_index(table: &str, name: &str, spec: &IndexSpec, types: &VectorTypes) -> Option<String> {
    let engine = Engine::of(spec);
    let (method, with) = match engine {
        Engine::Flat => return None,
        Engine::Hnsw { .. } => ("hnsw", hnsw_options(spec)),
        Engine::Ivf { lists, .. } => ("ivfflat", format!("lists = {lists}")),
    };
    let (of, expression) = if engine.half() {
        ("halfvec", format!("({})", halved(types, spec, VECTOR)))
    } else {
        ("vector", VECTOR.to_owned())
    };
    let index = identifier(&format!("{name}.{VECTOR}"));
    let opclass = format!("{}.{of}_{}_ops", types.schema, measure(spec.metric).1);
    Some(format!("CREATE INDEX {index} ON {table} USING {method} ({expression} {opclass}) WITH ({with})"))
}

fn hnsw_options(spec: &IndexSpec) -> String {
    let m = spec.engine.m.unwrap_or(DEFAULT_M);
    let ef_construction = spec.engine.ef_construction.unwrap_or(DEFAULT_EF_CONSTRUCTION.max(2 * m));
    format!("m = {m}, ef_construction = {ef_construction}")
}

/// Equality is asked of hashes, which take strings of any length and the elements of lists; order of a sorted index.
fn field_indexes(table: &str, name: &str, n: usize, key: &str, of: FieldType) -> Vec<String> {
    let field = format!("({METADATA} -> {})", literal(key));
    let index = |suffix: &str| identifier(&format!("{name}.{n}.{suffix}"));
    let equality = format!("CREATE INDEX {} ON {table} USING gin ({field} jsonb_path_ops)", index("equal"));
    let order =
        order_key(&field, of).map(|key| format!("CREATE INDEX {} ON {table} ({key})", index("order")));
    std::iter::once(equality).chain(order).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::MAX_VECTOR;
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

    #[test]
    fn what_the_spec_leaves_open_is_hnsw_where_that_takes_the_vectors() {
        assert_eq!(Engine::of(&spec(MAX_VECTOR, Metric::Manhattan, None)), Engine::Hnsw { half: false });
        assert_eq!(Engine::of(&spec(MAX_VECTOR + 1, Metric::Cosine, None)), Engine::Hnsw { half: true });
        assert_eq!(Engine::of(&spec(MAX_VECTOR + 1, Metric::Euclidean, None)), Engine::Flat);
        assert_eq!(Engine::of(&spec(MAX_HALFVEC + 1, Metric::Cosine, None)), Engine::Flat);
    }
}
