//! Metadata in fields of one type.

use std::ops::RangeInclusive;

use portolan_core::driver::Row;
use portolan_core::driver::kit::foreign_json;
use portolan_core::{Error, ErrorKind, FieldType, Result, Scalar, Value};
use serde_json::{Number, Value as Json};

use crate::error::rubbish;
use crate::proto::schema::{
    ArrayArray, BoolArray, DataType, DoubleArray, FieldData, FieldSchema, FloatArray, IntArray, JsonArray,
    LongArray, ScalarField, StringArray, scalar_field::Data,
};
use crate::proto::{column, param};

/// A field of one type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) of: DataType,
    /// Of an array.
    pub(crate) element: DataType,
    /// Whether a record may lack it.
    pub(crate) optional: bool,
    /// The most bytes of a text.
    pub(crate) max_length: Option<usize>,
}

impl Column {
    pub(crate) fn of(field: &FieldSchema) -> Self {
        Self {
            name: field.name.clone(),
            of: field.data_type(),
            element: field.element_type(),
            optional: field.nullable || field.default_value.is_some(),
            max_length: param(&field.type_params, "max_length").and_then(|n| n.parse().ok()),
        }
    }

    /// The type that binds its values, or the elements of its lists.
    pub(crate) fn declared(&self) -> Option<FieldType> {
        match if self.of == DataType::Array { self.element } else { self.of } {
            DataType::Bool => Some(FieldType::Bool),
            DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => Some(FieldType::Integer),
            DataType::Float | DataType::Double => Some(FieldType::Float),
            DataType::VarChar | DataType::String => Some(FieldType::String),
            _ => None,
        }
    }

    /// Checks a value that is written.
    pub(crate) fn admit(&self, value: Option<&Value>) -> Result<()> {
        let name = &self.name;
        match (value, self.max_length) {
            (None, _) if self.optional => Ok(()),
            (None, _) => Err(Error::invalid(format!("the collection demands the field {name:?}"))),
            (Some(value), Some(most)) if longest_text(value) > most => Err(Error::new(
                ErrorKind::PayloadTooLarge,
                format!("a text in the field {name:?} is longer than the {most} bytes it holds"),
            )),
            (Some(value), _) if self.values(&[value]).is_none() => {
                Err(Error::invalid(format!("{value} does not fit into the field {name:?}")))
            }
            (Some(_), _) => Ok(()),
        }
    }

    /// The values of rows that are admitted: of an optional one only those that are there are sent, and which.
    pub(crate) fn write(&self, rows: &[Row]) -> Option<FieldData> {
        let values: Vec<Option<&Value>> = rows.iter().map(|row| row.metadata.get(&self.name)).collect();
        let present: Vec<&Value> = values.iter().copied().flatten().collect();
        let field = column(&self.name, self.of, self.values(&present)?);
        let valid_data = values.iter().filter(|_| self.optional).map(Option::is_some).collect();
        Some(FieldData { valid_data, ..field })
    }

    /// Values as the wire has them; `None` where one does not fit.
    fn values(&self, values: &[&Value]) -> Option<Data> {
        let values = values.iter();
        match self.of {
            DataType::Json => {
                let data = values.map(|value| value.to_json().to_string().into_bytes()).collect();
                Some(Data::JsonData(JsonArray { data }))
            }
            DataType::Array => {
                let list = |value: &&Value| match value {
                    Value::List(items) => Some(ScalarField { data: Some(elements(self.element, items)?) }),
                    _ => None,
                };
                let data = values.map(list).collect::<Option<_>>()?;
                Some(Data::ArrayData(ArrayArray { data, element_type: self.element.into() }))
            }
            of => elements(of, values.map(|value| value.as_scalar()).collect::<Option<Vec<_>>>()?),
        }
    }
}

/// The integers that a type holds.
pub(crate) fn range(of: DataType) -> RangeInclusive<i64> {
    match of {
        DataType::Int8 => i8::MIN.into()..=i8::MAX.into(),
        DataType::Int16 => i16::MIN.into()..=i16::MAX.into(),
        DataType::Int32 => i32::MIN.into()..=i32::MAX.into(),
        _ => i64::MIN..=i64::MAX,
    }
}

/// The values of a field as JSON.
pub(crate) fn values(data: &Data) -> Result<Vec<Json>> {
    let float = |x: f64| Number::from_f64(x).map_or(Json::Null, Json::Number);
    Ok(match data {
        Data::BoolData(column) => column.data.iter().map(|b| Json::Bool(*b)).collect(),
        Data::IntData(column) => column.data.iter().map(|i| Json::from(*i)).collect(),
        Data::LongData(column) => column.data.iter().map(|i| Json::from(*i)).collect(),
        Data::FloatData(column) => column.data.iter().map(|x| float(f64::from(*x))).collect(),
        Data::DoubleData(column) => column.data.iter().map(|x| float(*x)).collect(),
        Data::StringData(column) => column.data.iter().map(|s| Json::from(s.as_str())).collect(),
        Data::JsonData(column) => {
            let json = column.data.iter().map(|text| foreign_json(text)).collect::<Result<_, _>>();
            json.map_err(|e| rubbish("has JSON that cannot be read").with_source(e))?
        }
        Data::ArrayData(column) => {
            let list = |scalars: &ScalarField| scalars.data.as_ref().map_or(Ok(Vec::new()), values);
            column.data.iter().map(|scalars| list(scalars).map(Json::Array)).collect::<Result<_>>()?
        }
        _ => return Err(rubbish("has a field of an unknown type")),
    })
}

/// The bytes of the longest text of a value or a list.
fn longest_text(value: &Value) -> usize {
    let scalars = match value {
        Value::Scalar(scalar) => std::slice::from_ref(scalar),
        Value::List(items) => items,
        Value::Opaque(_) => &[],
    };
    scalars.iter().filter_map(Scalar::as_str).map(str::len).max().unwrap_or_default()
}

/// Scalars of one type as the wire has them; `None` where one would change.
fn elements<'a>(of: DataType, items: impl IntoIterator<Item = &'a Scalar>) -> Option<Data> {
    let bool = |scalar: &Scalar| if let Scalar::Bool(b) = scalar { Some(*b) } else { None };
    let integer = |scalar: &Scalar| match scalar {
        Scalar::Integer(i) => Some(*i).filter(|i| range(of).contains(i)),
        _ => None,
    };
    let narrow = |scalar: &Scalar| i32::try_from(integer(scalar)?).ok();
    let single = |scalar: &Scalar| {
        let x = scalar.as_exact_f64()?;
        Some(x as f32).filter(|single| f64::from(*single) == x)
    };
    let text = |scalar: &Scalar| scalar.as_str().map(str::to_owned);
    Some(match of {
        DataType::Bool => Data::BoolData(BoolArray { data: all(items, bool)? }),
        DataType::Int8 | DataType::Int16 | DataType::Int32 => {
            Data::IntData(IntArray { data: all(items, narrow)? })
        }
        DataType::Int64 => Data::LongData(LongArray { data: all(items, integer)? }),
        DataType::Float => Data::FloatData(FloatArray { data: all(items, single)? }),
        DataType::Double => Data::DoubleData(DoubleArray { data: all(items, Scalar::as_exact_f64)? }),
        DataType::VarChar | DataType::String => Data::StringData(StringArray { data: all(items, text)? }),
        _ => return None,
    })
}

fn all<'a, T>(
    items: impl IntoIterator<Item = &'a Scalar>,
    of: impl Fn(&'a Scalar) -> Option<T>,
) -> Option<Vec<T>> {
    items.into_iter().map(of).collect()
}
