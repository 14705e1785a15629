//! Rows to columns of the wire and back.

use portolan_core::driver::kit::{foreign_metadata, foreign_value, integer_id};
use portolan_core::driver::{Row, Want};
use portolan_core::{Error, IndexSpec, Result, Value, Vector};
use serde_json::Value as Json;

use crate::error::rubbish;
use crate::foreign::column::{DYNAMIC, values};
use crate::layout::{Layout, METADATA, PARTITION, Parted, partition};
use crate::proto::schema::{
    DataType, FieldData, FloatArray, IDs, JsonArray, LongArray, StringArray, VectorField, field_data::Field,
    i_ds::IdField, scalar_field::Data, vector_field,
};
use crate::proto::{column, scalars};

/// The fields to ask for.
pub(crate) fn output_fields(layout: &Layout, want: Want) -> Vec<String> {
    let mut fields = vec![layout.id.clone()];
    if want.vectors {
        fields.push(layout.vector.clone());
    }
    if want.metadata {
        fields.extend(layout.metadata_fields());
    }
    fields
}

/// Checks a row that is written.
///
/// # Errors
/// Why the collection cannot take it.
pub(crate) fn admit(layout: &Layout, row: &Row) -> Result<()> {
    if layout.integer_ids && integer_id::<i64>(&row.id).is_none() {
        let message = format!("the id {:?} is no integer, and this collection's ids are", row.id);
        return Err(Error::invalid(message));
    }
    if row.vector.is_none() {
        return Err(Error::unsupported("the record has no vector, and Milvus cannot write one without"));
    }
    let mut columns = layout.columns.iter();
    columns.try_for_each(|columns| columns.admit(&row.metadata, [&layout.id, &layout.vector]))
}

/// Rows that are admitted, as columns.
pub(crate) fn columns(layout: &Layout, rows: &[Row]) -> Vec<FieldData> {
    let mut fields = vec![ids(layout, rows), vectors(layout, rows)];
    if let Some(columns) = &layout.columns {
        fields.extend(columns.write(rows));
    } else {
        let data = rows.iter().map(|row| row.metadata.to_string().into_bytes()).collect();
        fields.push(column(METADATA, DataType::Json, Data::JsonData(JsonArray { data })));
    }
    if let Parted::ByKey(key) = &layout.parted {
        let data = rows.iter().map(|row| partition_of(row.metadata.get(key))).collect();
        fields.push(column(PARTITION, DataType::VarChar, Data::StringData(StringArray { data })));
    }
    fields
}

/// The rows of a reply.
pub(crate) fn rows(layout: &Layout, spec: &IndexSpec, want: Want, fields: &[FieldData]) -> Result<Vec<Row>> {
    let id = fields.iter().find(|f| f.field_name == layout.id).ok_or_else(|| rubbish("has no ids"))?;
    let ids = match scalars(id) {
        Some(Data::StringData(ids)) => ids.data.clone(),
        Some(Data::LongData(ids)) => ids.data.iter().map(i64::to_string).collect(),
        _ => return Err(rubbish("has ids of another type")),
    };
    filled(layout, spec.dimension, want, ids, fields)
}

/// The rows of a search, whose ids come apart.
pub(crate) fn found(
    layout: &Layout,
    spec: &IndexSpec,
    want: Want,
    ids: Option<&IDs>,
    fields: &[FieldData],
) -> Result<Vec<Row>> {
    let ids = match ids.and_then(|ids| ids.id_field.as_ref()) {
        Some(IdField::StrId(ids)) => ids.data.clone(),
        Some(IdField::IntId(ids)) => ids.data.iter().map(i64::to_string).collect(),
        None => Vec::new(),
    };
    filled(layout, spec.dimension, want, ids, fields)
}

fn ids(layout: &Layout, rows: &[Row]) -> FieldData {
    if layout.integer_ids {
        let ids = rows.iter().filter_map(|row| integer_id(&row.id)).collect();
        return column(&layout.id, DataType::Int64, Data::LongData(LongArray { data: ids }));
    }
    let ids = rows.iter().map(|row| row.id.to_string()).collect();
    column(&layout.id, DataType::VarChar, Data::StringData(StringArray { data: ids }))
}

fn vectors(layout: &Layout, rows: &[Row]) -> FieldData {
    let mut data = Vec::with_capacity(rows.len() * layout.dimension);
    for (n, vector) in rows.iter().filter_map(|row| row.vector.as_ref()).enumerate() {
        data.extend_from_slice(vector);
        data.resize((n + 1) * layout.dimension, 0.0);
    }
    let vectors = VectorField {
        dim: layout.dimension as i64,
        data: Some(vector_field::Data::FloatVector(FloatArray { data })),
    };
    FieldData {
        r#type: DataType::FloatVector.into(),
        field_name: layout.vector.clone(),
        field: Some(Field::Vectors(vectors)),
        ..FieldData::default()
    }
}

/// The partition of a record by the value of its partition key.
fn partition_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_scalar).map(partition).unwrap_or_default()
}

fn filled(
    layout: &Layout,
    dimension: usize,
    want: Want,
    ids: Vec<String>,
    fields: &[FieldData],
) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = ids.into_iter().map(|id| Row { id: id.into(), ..Row::default() }).collect();
    for field in fields.iter().filter(|f| f.field_name != layout.id) {
        if field.field_name == layout.vector {
            if want.vectors {
                put_vectors(field, dimension, &mut rows)?;
            }
        } else if want.metadata {
            put_metadata(layout, field, &mut rows)?;
        }
    }
    Ok(rows)
}

fn put_vectors(field: &FieldData, dimension: usize, rows: &mut [Row]) -> Result<()> {
    let Some(Field::Vectors(VectorField { dim, data: Some(vector_field::Data::FloatVector(data)) })) =
        &field.field
    else {
        return if rows.is_empty() { Ok(()) } else { Err(rubbish("has no vectors")) };
    };
    let dim = usize::try_from(*dim).unwrap_or_default().max(1);
    let vectors = data.data.chunks_exact(dim).map(|vector| Vector::from(&vector[..dimension.min(dim)]));
    let vectors = by_row(field, rows.len(), vectors)?;
    for (row, vector) in rows.iter_mut().zip(vectors) {
        row.vector = vector;
    }
    Ok(())
}

fn put_metadata(layout: &Layout, field: &FieldData, rows: &mut [Row]) -> Result<()> {
    let Some(data) = scalars(field) else { return Ok(()) };
    let is_object = layout.columns.is_none() || field.is_dynamic || field.field_name == DYNAMIC;
    let values = by_row(field, rows.len(), values(data)?.into_iter())?;
    for (row, json) in rows.iter_mut().zip(values) {
        match json {
            None | Some(Json::Null) => {}
            Some(Json::Object(object)) if is_object => {
                for (key, value) in foreign_metadata(object)?.iter() {
                    row.metadata.insert(key, value.clone());
                }
            }
            Some(_) if is_object => return Err(rubbish("has metadata that is no JSON object")),
            Some(json) => {
                if let Some(value) = foreign_value(json)? {
                    row.metadata.insert(&field.field_name, value);
                }
            }
        }
    }
    Ok(())
}

/// The value of each row. Some servers send a value also for one that is missing, some do not.
fn by_row<T>(
    field: &FieldData,
    rows: usize,
    mut values: impl ExactSizeIterator<Item = T>,
) -> Result<Vec<Option<T>>> {
    let valid = if field.valid_data.is_empty() { vec![true; rows] } else { field.valid_data.clone() };
    let for_all = values.len() == rows;
    let needed = valid.iter().filter(|valid| **valid || for_all).count();
    if valid.len() != rows || needed > values.len() {
        return Err(rubbish("has columns of different lengths"));
    }
    let mut value = |valid: bool| if valid || for_all { values.next().filter(|_| valid) } else { None };
    Ok(valid.into_iter().map(&mut value).collect())
}

#[cfg(test)]
mod tests;
