//! Rows to columns of the wire and back, scores to distances.

use portolan_core::driver::{Row, Want};
use portolan_core::{Error, ErrorKind, IndexSpec, Metadata, Metric, Result, Scalar, Value, Vector};
use serde::Deserialize;
use serde_json::{Number, Value as Json};

use crate::error::rubbish;
use crate::layout::{Column, DYNAMIC, Home, Layout, METADATA, PARTITION, Parted, partition};
use crate::proto::schema::{
    ArrayArray, BoolArray, DataType, DoubleArray, FieldData, FloatArray, IDs, IntArray, JsonArray, LongArray,
    ScalarField, StringArray, VectorField, field_data::Field, i_ds::IdField, scalar_field::Data,
    vector_field,
};

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

/// A row's place among those that are sent, or why it cannot be.
pub(crate) fn fits(layout: &Layout, row: &Row) -> Result<()> {
    if layout.integer_ids {
        integer_id(&row.id).map(drop).ok_or_else(|| {
            Error::invalid(format!("the id {:?} is no integer, and this collection's ids are", row.id))
        })?;
    }
    if row.vector.is_none() {
        return Err(Error::unsupported("the record has no vector, and Milvus cannot write one without"));
    }
    let Home::Columns { columns, dynamic } = &layout.metadata else { return Ok(()) };
    for column in columns {
        match row.metadata.get(&column.name) {
            None if column.optional => {}
            None => {
                return Err(Error::invalid(format!("the collection demands the field {:?}", column.name)));
            }
            Some(value) if is_too_long(value, column.max_length) => {
                let most = column.max_length.unwrap_or_default();
                return Err(Error::new(
                    ErrorKind::PayloadTooLarge,
                    format!("a text in the field {:?} is longer than the {most} bytes it holds", column.name),
                ));
            }
            Some(value) => drop(scalars(column.of, column.element, &[Some(value)]).ok_or_else(|| {
                Error::invalid(format!("{value} does not fit into the field {:?}", column.name))
            })?),
        }
    }
    let rest = row.metadata.iter().find(|(key, _)| !columns.iter().any(|c| c.name == *key));
    match rest {
        Some((key, _)) if !dynamic || key == layout.id || key == layout.vector => {
            Err(Error::invalid(format!("the collection has no room for the field {key:?}")))
        }
        _ => Ok(()),
    }
}

fn is_too_long(value: &Value, most: Option<usize>) -> bool {
    let long =
        |scalar: &Scalar| scalar.as_str().is_some_and(|text| most.is_some_and(|most| text.len() > most));
    match value {
        Value::Scalar(scalar) => long(scalar),
        Value::List(items) => items.iter().any(long),
        Value::Opaque(_) => false,
    }
}

/// Rows that fit, as columns.
pub(crate) fn columns(layout: &Layout, rows: &[Row]) -> Vec<FieldData> {
    let mut fields = vec![ids(layout, rows), vectors(layout, rows)];
    match &layout.metadata {
        Home::Object => {
            let objects = rows.iter().map(|row| row.metadata.to_string().into_bytes()).collect();
            fields.push(column(METADATA, DataType::Json, Data::JsonData(JsonArray { data: objects })));
        }
        Home::Columns { columns, dynamic } => {
            fields.extend(columns.iter().filter_map(|column| typed(column, rows)));
            if *dynamic {
                let mut field = column(DYNAMIC, DataType::Json, Data::JsonData(others(columns, rows)));
                field.is_dynamic = true;
                fields.push(field);
            }
        }
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
    let ids = match scalar(id) {
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

/// The contract's distance of a score.
pub(crate) fn distance(metric: Metric, score: f32) -> f64 {
    let score = f64::from(score);
    match metric {
        Metric::Cosine => 1.0 - score,
        Metric::DotProduct => -score,
        Metric::Euclidean | Metric::Manhattan => score.max(0.0).sqrt(),
    }
}

/// The integer that an id stands for, where it is how that reads.
pub(crate) fn integer_id(id: &str) -> Option<i64> {
    id.parse::<i64>().ok().filter(|n| n.to_string() == id)
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

fn column(name: &str, of: DataType, data: Data) -> FieldData {
    FieldData {
        r#type: of.into(),
        field_name: name.to_owned(),
        field: Some(Field::Scalars(ScalarField { data: Some(data) })),
        ..FieldData::default()
    }
}

/// One field of another program's collection. Of an optional one only the values that are there are sent, and which.
fn typed(of: &Column, rows: &[Row]) -> Option<FieldData> {
    let values: Vec<Option<&Value>> = rows.iter().map(|row| row.metadata.get(&of.name)).collect();
    let mut field = column(&of.name, of.of, scalars(of.of, of.element, &values)?);
    if of.optional {
        field.valid_data = values.iter().map(Option::is_some).collect();
    }
    Some(field)
}

/// The partition of a record by the value of its partition key.
fn partition_of(value: Option<&Value>) -> String {
    value.and_then(Value::as_scalar).map(partition).unwrap_or_default()
}

/// The metadata that has no field of its own.
fn others(columns: &[Column], rows: &[Row]) -> JsonArray {
    let object = |row: &Row| {
        let rest: Metadata = row
            .metadata
            .iter()
            .filter(|(key, _)| !columns.iter().any(|c| c.name == *key))
            .map(|(key, value)| (key.to_owned(), value.clone()))
            .collect();
        rest.to_string().into_bytes()
    };
    JsonArray { data: rows.iter().map(object).collect() }
}

/// The values that are there, of one type; `None` where one does not fit.
fn scalars(of: DataType, element: DataType, values: &[Option<&Value>]) -> Option<Data> {
    let present = || values.iter().filter_map(|value| *value);
    let single = || present().map(Value::as_scalar);
    Some(match of {
        DataType::Json => Data::JsonData(JsonArray {
            data: present().map(|value| value.to_json().to_string().into_bytes()).collect(),
        }),
        DataType::Array => {
            let list = |value: &Value| match value {
                Value::List(items) => elements(element, items),
                _ => None,
            };
            let data = present().map(list).collect::<Option<_>>()?;
            Data::ArrayData(ArrayArray { data, element_type: element.into() })
        }
        _ => {
            let items: Vec<Scalar> = single().map(|s| s.cloned()).collect::<Option<_>>()?;
            elements(of, &items)?.data?
        }
    })
}

/// Scalars of one type as the wire has them; `None` where one would change.
fn elements(of: DataType, items: &[Scalar]) -> Option<ScalarField> {
    let integers = |least: i64, most: i64| {
        let integer = |s: &Scalar| match s {
            Scalar::Integer(i) if (least..=most).contains(i) => i32::try_from(*i).ok(),
            _ => None,
        };
        items.iter().map(integer).collect::<Option<Vec<i32>>>().map(|data| Data::IntData(IntArray { data }))
    };
    let float = |s: &Scalar| match s {
        Scalar::Float(x) => Some(*x),
        Scalar::Integer(i) if (*i as f64) as i128 == i128::from(*i) => Some(*i as f64),
        _ => None,
    };
    let data = match of {
        DataType::Bool => {
            let bool = |s: &Scalar| if let Scalar::Bool(b) = s { Some(*b) } else { None };
            Data::BoolData(BoolArray { data: items.iter().map(bool).collect::<Option<_>>()? })
        }
        DataType::Int8 => integers(i8::MIN.into(), i8::MAX.into())?,
        DataType::Int16 => integers(i16::MIN.into(), i16::MAX.into())?,
        DataType::Int32 => integers(i32::MIN.into(), i32::MAX.into())?,
        DataType::Int64 => {
            let integer = |s: &Scalar| if let Scalar::Integer(i) = s { Some(*i) } else { None };
            Data::LongData(LongArray { data: items.iter().map(integer).collect::<Option<_>>()? })
        }
        DataType::Float => {
            let narrow = |s: &Scalar| float(s).map(|x| x as f32).filter(|n| Some(f64::from(*n)) == float(s));
            Data::FloatData(FloatArray { data: items.iter().map(narrow).collect::<Option<_>>()? })
        }
        DataType::Double => {
            Data::DoubleData(DoubleArray { data: items.iter().map(float).collect::<Option<_>>()? })
        }
        DataType::VarChar | DataType::String => {
            let text = |s: &Scalar| s.as_str().map(str::to_owned);
            Data::StringData(StringArray { data: items.iter().map(text).collect::<Option<_>>()? })
        }
        _ => return None,
    };
    Some(ScalarField { data: Some(data) })
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
    let mut vectors = data.data.chunks_exact(dim).map(|v| Vector::from(&v[..dimension.min(dim)]));
    let present = present(field, rows.len(), data.data.len() / dim)?;
    for (row, there) in rows.iter_mut().zip(present) {
        row.vector = there.take(&mut vectors);
    }
    Ok(())
}

fn put_metadata(layout: &Layout, field: &FieldData, rows: &mut [Row]) -> Result<()> {
    let Some(data) = scalar(field) else {
        return Ok(());
    };
    let whole = layout.metadata == Home::Object || field.is_dynamic || field.field_name == DYNAMIC;
    let values = values(data)?;
    let present = present(field, rows.len(), values.len())?;
    let mut values = values.into_iter();
    for (row, there) in rows.iter_mut().zip(present) {
        match there.take(&mut values) {
            None | Some(Json::Null) => {}
            Some(Json::Object(object)) if whole => {
                for (key, json) in object {
                    put(row, &key, json)?;
                }
            }
            Some(_) if whole => return Err(rubbish("has metadata that is no JSON object")),
            Some(json) => put(row, &field.field_name, json)?,
        }
    }
    Ok(())
}

fn put(row: &mut Row, key: &str, json: Json) -> Result<()> {
    if let Some(value) = Value::from_json(softened(json))? {
        row.metadata.insert(key, value);
    }
    Ok(())
}

/// How a row's value is found among those of a reply.
#[derive(Clone, Copy)]
enum There {
    Yes,
    /// It has none, and a value stands for it all the same.
    Placeholder,
    /// It has none.
    No,
}

impl There {
    fn take<T>(self, values: &mut impl Iterator<Item = T>) -> Option<T> {
        match self {
            Self::Yes => values.next(),
            Self::Placeholder => values.next().and(None),
            Self::No => None,
        }
    }
}

/// Which rows have a value. Some servers put a value in the place of one that is missing, some do not.
fn present(field: &FieldData, rows: usize, values: usize) -> Result<Vec<There>> {
    let valid = &field.valid_data;
    let missing = if values == rows { There::Placeholder } else { There::No };
    let there: Vec<There> = match valid.len() {
        0 => vec![There::Yes; rows],
        _ => valid.iter().map(|valid| if *valid { There::Yes } else { missing }).collect(),
    };
    let needed = there.iter().filter(|t| !matches!(t, There::No)).count();
    if there.len() != rows || needed > values {
        return Err(rubbish("has columns of different lengths"));
    }
    Ok(there)
}

fn scalar(field: &FieldData) -> Option<&Data> {
    match &field.field {
        Some(Field::Scalars(scalars)) => scalars.data.as_ref(),
        _ => None,
    }
}

/// The values of a column as JSON.
fn values(data: &Data) -> Result<Vec<Json>> {
    let float = |x: f64| Number::from_f64(x).map_or(Json::Null, Json::Number);
    Ok(match data {
        Data::BoolData(column) => column.data.iter().map(|b| Json::Bool(*b)).collect(),
        Data::IntData(column) => column.data.iter().map(|i| Json::from(*i)).collect(),
        Data::LongData(column) => column.data.iter().map(|i| Json::from(*i)).collect(),
        Data::FloatData(column) => column.data.iter().map(|x| float(f64::from(*x))).collect(),
        Data::DoubleData(column) => column.data.iter().map(|x| float(*x)).collect(),
        Data::StringData(column) => column.data.iter().map(|s| Json::from(s.as_str())).collect(),
        Data::JsonData(column) => column.data.iter().map(|bytes| parse(bytes)).collect::<Result<_>>()?,
        Data::ArrayData(column) => {
            let list = |scalars: &ScalarField| match &scalars.data {
                Some(data) => values(data).map(Json::Array),
                None => Ok(Json::Array(Vec::new())),
            };
            column.data.iter().map(list).collect::<Result<_>>()?
        }
        _ => return Err(rubbish("has a field of an unknown type")),
    })
}

/// A JSON text however deep; an empty one is null.
fn parse(bytes: &[u8]) -> Result<Json> {
    if bytes.is_empty() {
        return Ok(Json::Null);
    }
    let mut text = serde_json::Deserializer::from_slice(bytes);
    text.disable_recursion_limit();
    Json::deserialize(&mut text).map_err(|e| rubbish("has JSON that cannot be read").with_source(e))
}

/// The same with integers beyond i64 as floats.
fn softened(json: Json) -> Json {
    match json {
        Json::Number(n) if n.as_i64().is_none() && !n.is_f64() => {
            n.as_f64().and_then(Number::from_f64).map_or(Json::Null, Json::Number)
        }
        Json::Array(items) => Json::Array(items.into_iter().map(softened).collect()),
        Json::Object(fields) => Json::Object(fields.into_iter().map(|(k, v)| (k, softened(v))).collect()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
