//! Collections that other programs made.

pub(crate) mod column;
pub(crate) mod filter;

use portolan_core::driver::{Opened, ScoreError};
use portolan_core::{EngineKind, EngineParams, IndexInfo, IndexSpec, Metric};

use self::column::Column;
use crate::columns::{Columns, DYNAMIC};
use crate::config::PROVIDER;
use crate::layout::{Layout, METRICS};
use crate::proto::milvus::{DescribeCollectionResponse, IndexDescription};
use crate::proto::param;
use crate::proto::schema::{CollectionSchema, DataType, FieldSchema};
use crate::server::Server;

/// The kinds of index that compare vectors as they are: the scores of another may be those of compressed ones.
const UNCOMPRESSED: [&str; 4] = ["FLAT", "BRUTE_FORCE", "HNSW", "IVF_FLAT"];

/// A collection that another program made, with what its spec would be; or why the port cannot hold it.
pub(crate) fn read(
    server: Server,
    name: &str,
    collection: &DescribeCollectionResponse,
    indexes: &[IndexDescription],
) -> Result<Opened<Layout>, String> {
    let schema = collection.schema.as_ref().ok_or("the server tells no schema of it")?;
    let vector = vector(schema)?;
    let id = schema.fields.iter().find(|f| f.is_primary_key).ok_or("it has no primary key")?;
    let dimension = param(&vector.type_params, "dim").and_then(|dim| dim.parse().ok());
    let dimension = dimension.ok_or("its dimension is not known")?;
    let index = indexes
        .iter()
        .find(|index| index.field_name == vector.name)
        .ok_or("its vector field has no index, so that its metric is not known; create one")?;
    let fields = schema.fields.iter().filter(|f| !f.is_primary_key && !is_vector(f) && !f.is_dynamic);
    let object = schema.enable_dynamic_field.then_some(DYNAMIC);
    let columns = Columns { typed: fields.map(Column::of).collect(), object };
    let mut spec = IndexSpec::new(name, dimension).metric(metric(index)?).engine(engine(index));
    let declared = |column: &Column| Some((column.name.clone(), column.declared()?));
    spec.fields = columns.typed.iter().filter_map(declared).collect();
    let layout = Layout {
        server,
        id: id.name.clone(),
        integer_ids: id.data_type() == DataType::Int64,
        vector: vector.name.clone(),
        columns,
        parted: schema.fields.iter().any(|f| f.is_partition_key),
    };
    let makes_ids = id.auto_id.then_some("its collection makes ids of its own (auto_id)");
    let opened = Opened::new(IndexInfo::new(spec, PROVIDER), layout).unwritable(makes_ids);
    let is_true = UNCOMPRESSED.contains(&param(&index.params, "index_type").unwrap_or_default());
    Ok(if is_true { opened } else { opened.score_error(ScoreError::Unbounded) })
}

fn vector(schema: &CollectionSchema) -> Result<&FieldSchema, String> {
    match schema.fields.iter().filter(|f| is_vector(f)).collect::<Vec<_>>().as_slice() {
        [one] if one.data_type() == DataType::FloatVector => Ok(*one),
        [one] => Err(format!("its vectors are {}, not FloatVector", one.data_type().as_str_name())),
        many => Err(format!("it has {} vector fields, not one", many.len())),
    }
}

fn metric(index: &IndexDescription) -> Result<Metric, String> {
    let name = param(&index.params, "metric_type").unwrap_or_default();
    let metric = METRICS.into_iter().find(|(_, metric)| *metric == name).map(|(metric, _)| metric);
    metric.ok_or_else(|| format!("its metric {name:?} is not one of COSINE, IP and L2"))
}

fn engine(index: &IndexDescription) -> EngineParams {
    // Some servers show parameters one by one, others as one JSON text.
    let text = param(&index.params, "params").unwrap_or_default();
    let inner: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let number = |key: &str| {
        let single = param(&index.params, key).and_then(|n| n.parse().ok());
        single.or_else(|| u32::try_from(inner[key].as_u64()?).ok())
    };
    let kind = match param(&index.params, "index_type").unwrap_or_default() {
        "FLAT" | "BRUTE_FORCE" => Some(EngineKind::Flat),
        "HNSW" => Some(EngineKind::Hnsw),
        kind if kind.starts_with("IVF") => Some(EngineKind::Ivf),
        _ => None,
    };
    EngineParams { kind, m: number("M"), ef_construction: number("efConstruction"), nlist: number("nlist") }
}

/// Also true for vector types newer than this program.
fn is_vector(field: &FieldSchema) -> bool {
    field.data_type >= DataType::BinaryVector as i32
}
