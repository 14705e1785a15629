//! The value of a cell: what JSON has, or text that tells it whole.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Date32Type, Date64Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type,
    DecimalType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
    RunEndIndexType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
    UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, RunArray, StructArray};
use arrow_schema::extension::{EXTENSION_TYPE_NAME_KEY, ExtensionType, Uuid};
use arrow_schema::{DataType as T, Field, TimeUnit};
use portolan::{Error, Result};
use serde_json::{Map, Number, Value as Json};

use crate::input::roles::shown;
use crate::input::time::{self, Unit};

/// The milliseconds of a day.
const DAY: i64 = 86_400_000;

/// Whether the cells of such a column can be told.
pub(super) fn is_readable(field: &Field) -> bool {
    match field.data_type() {
        T::Union(..) | T::Interval(_) => false,
        T::FixedSizeBinary(_) => is_uuid(field),
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _)
        | T::Map(item, _)
        | T::RunEndEncoded(_, item) => is_readable(item),
        T::Struct(fields) => fields.iter().all(|field| is_readable(field)),
        T::Dictionary(_, values) => is_readable(&of_dictionary(field, values)),
        _ => true,
    }
}

/// The cell of a row.
///
/// # Errors
/// `InvalidArgument` with what metadata has no value for.
pub(super) fn json(array: &dyn Array, field: &Field, row: usize) -> Result<Json> {
    if array.is_null(row) {
        return Ok(Json::Null);
    }
    match array.data_type() {
        T::Null => Ok(Json::Null),
        T::Boolean => Ok(array.as_boolean().value(row).into()),
        T::Int8 => Ok(primitive::<Int8Type>(array, row).into()),
        T::Int16 => Ok(primitive::<Int16Type>(array, row).into()),
        T::Int32 => Ok(primitive::<Int32Type>(array, row).into()),
        T::Int64 => Ok(primitive::<Int64Type>(array, row).into()),
        T::UInt8 => Ok(primitive::<UInt8Type>(array, row).into()),
        T::UInt16 => Ok(primitive::<UInt16Type>(array, row).into()),
        T::UInt32 => Ok(primitive::<UInt32Type>(array, row).into()),
        T::UInt64 => Ok(primitive::<UInt64Type>(array, row).into()),
        T::Float16 => float(primitive::<Float16Type>(array, row).to_f64()),
        T::Float32 => float(primitive::<Float32Type>(array, row).into()),
        T::Float64 => float(primitive::<Float64Type>(array, row)),
        T::Utf8 => Ok(array.as_string::<i32>().value(row).into()),
        T::LargeUtf8 => Ok(array.as_string::<i64>().value(row).into()),
        T::Utf8View => Ok(array.as_string_view().value(row).into()),
        T::Binary => text(array.as_binary::<i32>().value(row)),
        T::LargeBinary => text(array.as_binary::<i64>().value(row)),
        T::BinaryView => text(array.as_binary_view().value(row)),
        T::FixedSizeBinary(_) if is_uuid(field) => uuid(array.as_fixed_size_binary().value(row)),
        T::Decimal32(_, scale) => Ok(decimal::<Decimal32Type>(array, *scale, row)),
        T::Decimal64(_, scale) => Ok(decimal::<Decimal64Type>(array, *scale, row)),
        T::Decimal128(_, scale) => Ok(decimal::<Decimal128Type>(array, *scale, row)),
        T::Decimal256(_, scale) => Ok(decimal::<Decimal256Type>(array, *scale, row)),
        T::Date32 | T::Date64 | T::Time32(_) | T::Time64(_) | T::Timestamp(..) | T::Duration(_) => {
            time(array, row).map(Json::String)
        }
        T::List(item) => list(&array.as_list::<i32>().value(row), item),
        T::LargeList(item) => list(&array.as_list::<i64>().value(row), item),
        T::ListView(item) => list(&array.as_list_view::<i32>().value(row), item),
        T::LargeListView(item) => list(&array.as_list_view::<i64>().value(row), item),
        T::FixedSizeList(item, _) => list(&array.as_fixed_size_list().value(row), item),
        T::Struct(fields) => {
            let columns = fields.iter().zip(array.as_struct().columns());
            let cells = columns.map(|(field, column)| Ok((field.name().clone(), json(column, field, row)?)));
            cells.collect::<Result<_>>().map(Json::Object)
        }
        T::Map(entries, _) => map(&array.as_map().value(row), entries),
        T::Dictionary(_, values) => {
            let array = array.as_any_dictionary();
            let key = integer(array.keys(), row).and_then(|key| usize::try_from(key).ok());
            let key = key.ok_or_else(|| Error::invalid("a key of the dictionary is negative"))?;
            json(array.values(), &of_dictionary(field, values), key)
        }
        T::RunEndEncoded(ends, values) => {
            let (array, row) = match ends.data_type() {
                T::Int16 => run::<Int16Type>(array, row),
                T::Int32 => run::<Int32Type>(array, row),
                _ => run::<Int64Type>(array, row),
            }?;
            json(&array, values, row)
        }
        other => Err(Error::invalid(format!("values of the type {other} are no metadata"))),
    }
}

/// A decimal as text, digit for digit.
pub(super) fn decimal_text<D: DecimalType>(value: D::Native, scale: i8) -> String {
    D::format_decimal(value, D::MAX_PRECISION, scale)
}

/// The name of a type as messages call it.
pub(super) fn type_name(field: &Field) -> String {
    match field.extension_type_name() {
        Some(name) => format!("{} ({name})", field.data_type()),
        None => field.data_type().to_string(),
    }
}

/// The item of a dictionary, which is what the column's field says of itself.
fn of_dictionary(field: &Field, values: &T) -> Field {
    Field::new(field.name(), values.clone(), true).with_metadata(field.metadata().clone())
}

fn is_uuid(field: &Field) -> bool {
    let is_named = field.metadata().get(EXTENSION_TYPE_NAME_KEY).is_some_and(|name| name == Uuid::NAME);
    is_named && *field.data_type() == T::FixedSizeBinary(16)
}

fn primitive<P: ArrowPrimitiveType>(array: &dyn Array, row: usize) -> P::Native {
    array.as_primitive::<P>().value(row)
}

/// An integer of any width that 64 bits hold.
fn integer(array: &dyn Array, row: usize) -> Option<i64> {
    json(array, &Field::new("", array.data_type().clone(), true), row).ok()?.as_i64()
}

fn float(x: f64) -> Result<Json> {
    Number::from_f64(x).map(Json::Number).ok_or_else(|| Error::invalid(format!("{x} is not finite")))
}

/// Bytes that are text: old writers do not say which columns are.
fn text(bytes: &[u8]) -> Result<Json> {
    let text = std::str::from_utf8(bytes);
    text.map(Json::from).map_err(|_| Error::invalid("bytes that are not UTF-8 text are no metadata"))
}

/// 32 digits in the five groups that a UUID is written in.
fn uuid(bytes: &[u8]) -> Result<Json> {
    let mut text = String::with_capacity(36);
    for (at, byte) in bytes.iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Ok(Json::String(text))
}

/// An integer, or a float that has the same digits, or else text.
fn decimal<D: DecimalType>(array: &dyn Array, scale: i8, row: usize) -> Json {
    let text = decimal_text::<D>(array.as_primitive::<D>().value(row), scale);
    if !text.contains('.') {
        return text.parse::<i64>().map_or(Json::String(text), Json::from);
    }
    let shortest = text.trim_end_matches('0').trim_end_matches('.');
    match text.parse::<f64>() {
        Ok(x) if x.to_string() == shortest => Json::from(x),
        _ => Json::String(text),
    }
}

fn list(items: &ArrayRef, item: &Field) -> Result<Json> {
    (0..items.len()).map(|row| json(items, item, row)).collect::<Result<_>>().map(Json::Array)
}

fn map(entries: &StructArray, field: &Field) -> Result<Json> {
    let T::Struct(fields) = field.data_type() else { return Err(Error::invalid("the map has no entries")) };
    let mut object = Map::new();
    for row in 0..entries.len() {
        let mut cells = fields.iter().zip(entries.columns()).map(|(field, column)| json(column, field, row));
        let (Some(Json::String(key)), Some(value)) = (cells.next().transpose()?, cells.next().transpose()?)
        else {
            return Err(Error::invalid("the keys of a map must be text"));
        };
        if object.contains_key(&key) {
            return Err(Error::invalid(format!("the map has the key {} twice", shown(&key))));
        }
        object.insert(key, value);
    }
    Ok(Json::Object(object))
}

/// The values of a column of runs, and which of them is a row's.
fn run<R: RunEndIndexType>(array: &dyn Array, row: usize) -> Result<(ArrayRef, usize)> {
    let runs = array.as_any().downcast_ref::<RunArray<R>>();
    let runs = runs.ok_or_else(|| Error::invalid("the ends of the runs are no integers"))?;
    Ok((Arc::clone(runs.values()), runs.get_physical_index(row)))
}

fn time(array: &dyn Array, row: usize) -> Result<String> {
    match array.data_type() {
        T::Date32 => time::date(primitive::<Date32Type>(array, row).into()),
        T::Date64 => match primitive::<Date64Type>(array, row) {
            day if day % DAY == 0 => time::date(day / DAY),
            time => time::timestamp(time, Unit::MILLISECOND),
        },
        T::Time32(of) | T::Time64(of) => time::time_of_day(count(array, row)?, unit(*of)),
        T::Duration(of) => Ok(time::duration(count(array, row)?, unit(*of))),
        T::Timestamp(of, _) => time::timestamp(count(array, row)?, unit(*of)),
        other => Err(Error::invalid(format!("{other} is no time"))),
    }
}

fn count(array: &dyn Array, row: usize) -> Result<i64> {
    Ok(match array.data_type() {
        T::Time32(TimeUnit::Second) => primitive::<Time32SecondType>(array, row).into(),
        T::Time32(_) => primitive::<Time32MillisecondType>(array, row).into(),
        T::Time64(TimeUnit::Microsecond) => primitive::<Time64MicrosecondType>(array, row),
        T::Time64(_) => primitive::<Time64NanosecondType>(array, row),
        T::Timestamp(TimeUnit::Second, _) => primitive::<TimestampSecondType>(array, row),
        T::Timestamp(TimeUnit::Millisecond, _) => primitive::<TimestampMillisecondType>(array, row),
        T::Timestamp(TimeUnit::Microsecond, _) => primitive::<TimestampMicrosecondType>(array, row),
        T::Timestamp(TimeUnit::Nanosecond, _) => primitive::<TimestampNanosecondType>(array, row),
        T::Duration(TimeUnit::Second) => primitive::<DurationSecondType>(array, row),
        T::Duration(TimeUnit::Millisecond) => primitive::<DurationMillisecondType>(array, row),
        T::Duration(TimeUnit::Microsecond) => primitive::<DurationMicrosecondType>(array, row),
        T::Duration(TimeUnit::Nanosecond) => primitive::<DurationNanosecondType>(array, row),
        other => return Err(Error::invalid(format!("{other} is no time"))),
    })
}

fn unit(of: TimeUnit) -> Unit {
    match of {
        TimeUnit::Second => Unit::SECOND,
        TimeUnit::Millisecond => Unit::MILLISECOND,
        TimeUnit::Microsecond => Unit::MICROSECOND,
        TimeUnit::Nanosecond => Unit::NANOSECOND,
    }
}
