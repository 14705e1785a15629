//! Rows to columns of the wire and back.

use portolan_core::driver::kit::foreign_metadata;
use portolan_core::driver::{Row, Want};
use portolan_core::{Error, IndexSpec, Result, Value, Vector};
use serde_json::{Map, Value as Json};

use crate::error::rubbish;
use crate::foreign::column::values;
use crate::layout::{Layout, PARTITION, Target, partition, partition_key};
use crate::proto::schema::{
    DataType, FieldData, FloatArray, StringArray, VectorField, field_data::Field, scalar_field::Data,
    vector_field,
};
use crate::proto::{column, scalars};

/// The fields to ask for.
pub(crate) fn output_fields(layout: &Layout, want: Want) -> Vec<String> {
    let vector = want.vectors.then(|| layout.vector.clone());
    let metadata = want.metadata.then(|| layout.columns.names()).into_iter().flatten();
    [layout.id.clone()].into_iter().chain(vector).chain(metadata).collect()
}

/// Checks whether the collection can take a row.
pub(crate) fn admit(layout: &Layout, row: &Row) -> Result<()> {
    layout.admit_id(&row.id)?;
    if row.vector.is_none() {
        return Err(Error::unsupported("the record has no vector, and Milvus cannot write one without"));
    }
    layout.columns.admit(&row.metadata, [&layout.id, &layout.vector])
}

/// Rows that are admitted, as columns.
pub(crate) fn columns(target: Target<'_>, rows: &[Row]) -> Vec<FieldData> {
    let Target { spec, index: layout, .. } = target;
    let mut fields = vec![layout.id_column(rows), vectors(layout, spec, rows)];
    fields.extend(layout.columns.write(rows));
    if let Some(key) = partition_key(spec) {
        let of = |row: &Row| row.metadata.get(key).and_then(Value::as_scalar).map(partition);
        let data = rows.iter().map(|row| of(row).unwrap_or_default()).collect();
        fields.push(column(PARTITION, DataType::VarChar, Data::StringData(StringArray { data })));
    }
    fields
}

/// The rows of a reply, with what it holds beside their ids.
pub(crate) fn rows(target: Target<'_>, ids: Vec<String>, fields: &[FieldData]) -> Result<Vec<Row>> {
    let Target { spec, index: layout, .. } = target;
    let mut vectors = vec![None; ids.len()];
    let mut objects = vec![Map::new(); ids.len()];
    for field in fields.iter().filter(|field| field.field_name != layout.id) {
        if field.field_name == layout.vector {
            vectors = read_vectors(field, spec.dimension, ids.len())?;
        } else {
            read_metadata(layout, field, &mut objects)?;
        }
    }
    let rows = ids.into_iter().zip(vectors).zip(objects);
    rows.map(|((id, vector), object)| Ok(Row::new(id, vector, foreign_metadata(object)?))).collect()
}

fn vectors(layout: &Layout, spec: &IndexSpec, rows: &[Row]) -> FieldData {
    let dimension = layout.server.dimension(spec);
    let mut data = Vec::with_capacity(rows.len() * dimension);
    for (n, vector) in rows.iter().filter_map(|row| row.vector.as_ref()).enumerate() {
        data.extend_from_slice(vector);
        data.resize((n + 1) * dimension, 0.0);
    }
    let data = Some(vector_field::Data::FloatVector(FloatArray { data }));
    let vectors = VectorField { dim: dimension as i64, data };
    FieldData {
        r#type: DataType::FloatVector.into(),
        field_name: layout.vector.clone(),
        field: Some(Field::Vectors(vectors)),
        ..FieldData::default()
    }
}

fn read_vectors(field: &FieldData, dimension: usize, rows: usize) -> Result<Vec<Option<Vector>>> {
    let (dim, data) = match &field.field {
        Some(Field::Vectors(VectorField { dim, data: Some(vector_field::Data::FloatVector(data)) })) => {
            (usize::try_from(*dim).unwrap_or_default().max(1), data.data.as_slice())
        }
        _ if rows == 0 => (1, &[][..]),
        _ => return Err(rubbish("has no vectors")),
    };
    let vectors = data.chunks_exact(dim).map(|vector| Vector::from(&vector[..dimension.min(dim)]));
    by_row(field, rows, vectors.collect())
}

fn read_metadata(layout: &Layout, field: &FieldData, objects: &mut [Map<String, Json>]) -> Result<()> {
    let Some(data) = scalars(field) else { return Ok(()) };
    let is_object = field.is_dynamic || Some(field.field_name.as_str()) == layout.columns.object;
    let values = by_row(field, objects.len(), values(data)?)?;
    for (object, value) in objects.iter_mut().zip(values) {
        match value {
            None | Some(Json::Null) => {}
            Some(Json::Object(fields)) if is_object => object.extend(fields),
            Some(_) if is_object => return Err(rubbish("has metadata that is no JSON object")),
            Some(value) => drop(object.insert(field.field_name.clone(), value)),
        }
    }
    Ok(())
}

/// The value of each row. Some servers send a value also for one that is missing, some do not.
fn by_row<T>(field: &FieldData, rows: usize, values: Vec<T>) -> Result<Vec<Option<T>>> {
    let valid = if field.valid_data.is_empty() { vec![true; rows] } else { field.valid_data.clone() };
    let (for_all, given) = (values.len() == rows, valid.iter().filter(|valid| **valid).count());
    if valid.len() != rows || (!for_all && values.len() < given) {
        return Err(rubbish("has columns of different lengths"));
    }
    let mut values = values.into_iter();
    let value = |valid| if valid || for_all { values.next().filter(|_| valid) } else { None };
    Ok(valid.into_iter().map(value).collect())
}

#[cfg(test)]
mod tests;
