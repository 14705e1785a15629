//! A column of vectors, taken as slices.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type,
    UInt32Type, UInt64Type,
};
use arrow_array::{Array, ArrayRef, Float32Array, StructArray};
use arrow_schema::{DataType as T, Field};
use portolan::{Error, Result};
use serde_json::Value as Json;

use super::cell::{decimal_text, json};
use crate::input::roles::shown;
use crate::input::vector_text::vector_of;

/// The vectors of a batch.
pub(super) enum Vectors {
    /// Lists, and the components of all of them.
    Lists(ArrayRef, Float32Array),
    /// Text, such as `[0.1, 0.2]`.
    Texts(ArrayRef, Field),
    /// A column for each component.
    Parts(Vec<Float32Array>),
    /// Those of a field of structs.
    Inside(StructArray, Box<Self>),
}

impl Vectors {
    /// The vectors of a column whose type is right; those of structs are in the field that the path leads to.
    pub(super) fn new(column: &ArrayRef, field: &Field, path: &[String]) -> Result<Self> {
        if let Some((name, rest)) = path.split_first() {
            let (parent, child) = (column.as_struct_opt(), child(field, name));
            let array = parent.and_then(|parent| parent.column_by_name(name).map(|c| (parent, c)));
            let (Some((parent, array)), Some(child)) = (array, child) else {
                return Err(no_field(field, name));
            };
            let inner = Self::new(array, child, rest)?;
            return Ok(Self::Inside(parent.clone(), Box::new(inner)));
        }
        let items = match column.data_type() {
            T::List(_) => column.as_list::<i32>().values(),
            T::LargeList(_) => column.as_list::<i64>().values(),
            T::ListView(_) => column.as_list_view::<i32>().values(),
            T::LargeListView(_) => column.as_list_view::<i64>().values(),
            T::FixedSizeList(..) => column.as_fixed_size_list().values(),
            _ => return Ok(Self::Texts(column.clone(), field.clone())),
        };
        floats(items).map(|components| Self::Lists(column.clone(), components))
    }

    /// The vectors whose components are in a column each.
    pub(super) fn of_parts(columns: &[ArrayRef]) -> Result<Self> {
        columns.iter().map(floats).collect::<Result<_>>().map(Self::Parts)
    }

    /// The vector of a row.
    pub(super) fn of(&self, row: usize) -> Result<Arc<[f32]>> {
        let missing = || Error::invalid("the vector is null");
        match self {
            Self::Texts(texts, field) => match json(texts, field, row)? {
                Json::String(text) => {
                    let vector =
                        vector_of(&text).map_err(|e| Error::invalid(format!("not a vector: {e}")))?;
                    Ok(vector.into())
                }
                _ => Err(missing()),
            },
            Self::Inside(structs, _) if structs.is_null(row) => Err(missing()),
            Self::Inside(_, vectors) => vectors.of(row),
            Self::Lists(lists, _) if lists.is_null(row) => Err(missing()),
            Self::Lists(lists, components) => {
                let range = bounds(lists, row);
                if components.null_count() > 0
                    && let Some(at) = range.clone().position(|at| components.is_null(at))
                {
                    return Err(null_component(at));
                }
                Ok(components.values()[range].into())
            }
            Self::Parts(parts) => parts
                .iter()
                .enumerate()
                .map(
                    |(at, part)| {
                        if part.is_null(row) { Err(null_component(at)) } else { Ok(part.value(row)) }
                    },
                )
                .collect(),
        }
    }
}

/// The type of what a path of fields leads to.
pub(super) fn inner<'a>(field: &'a Field, path: &[String]) -> Result<&'a T> {
    let Some((name, rest)) = path.split_first() else { return Ok(field.data_type()) };
    child(field, name).ok_or_else(|| no_field(field, name)).and_then(|child| inner(child, rest))
}

/// Whether a column of this type holds vectors: lists of numbers, or text.
pub(super) fn is_vector(of: &T) -> bool {
    match of {
        T::List(item)
        | T::LargeList(item)
        | T::ListView(item)
        | T::LargeListView(item)
        | T::FixedSizeList(item, _) => is_number(item.data_type()),
        T::Dictionary(_, values) => values.is_string(),
        T::Utf8 | T::LargeUtf8 | T::Utf8View | T::Binary | T::LargeBinary | T::BinaryView => true,
        _ => false,
    }
}

/// Whether values of this type are components.
pub(super) fn is_number(of: &T) -> bool {
    of.is_integer() || of.is_floating() || of.is_decimal() || *of == T::Null
}

fn child<'a>(field: &'a Field, name: &str) -> Option<&'a Field> {
    let T::Struct(fields) = field.data_type() else { return None };
    fields.find(name).map(|(_, child)| child.as_ref())
}

fn no_field(field: &Field, name: &str) -> Error {
    Error::invalid(format!("the column {} has no field {}", shown(field.name()), shown(name)))
}

fn null_component(at: usize) -> Error {
    Error::invalid(format!("component {at} of the vector is null"))
}

/// Which components are those of a row.
fn bounds(lists: &ArrayRef, row: usize) -> Range<usize> {
    let (start, length) = match lists.data_type() {
        T::LargeList(_) => {
            let lists = lists.as_list::<i64>();
            (lists.value_offsets()[row] as usize, lists.value_length(row) as usize)
        }
        T::ListView(_) => {
            let lists = lists.as_list_view::<i32>();
            (lists.value_offset(row) as usize, lists.value_size(row) as usize)
        }
        T::LargeListView(_) => {
            let lists = lists.as_list_view::<i64>();
            (lists.value_offset(row) as usize, lists.value_size(row) as usize)
        }
        T::FixedSizeList(..) => {
            let lists = lists.as_fixed_size_list();
            (lists.value_offset_at(row), lists.value_length() as usize)
        }
        _ => {
            let lists = lists.as_list::<i32>();
            (lists.value_offsets()[row] as usize, lists.value_length(row) as usize)
        }
    };
    start..start + length
}

/// The numbers as a vector holds them.
fn floats(items: &ArrayRef) -> Result<Float32Array> {
    Ok(match items.data_type() {
        T::Float32 => items.as_primitive::<Float32Type>().clone(),
        T::Float64 => converted::<Float64Type>(items, |x| x as f32),
        T::Float16 => converted::<Float16Type>(items, f32::from),
        T::Int8 => converted::<Int8Type>(items, f32::from),
        T::Int16 => converted::<Int16Type>(items, f32::from),
        T::Int32 => converted::<Int32Type>(items, |x| x as f32),
        T::Int64 => converted::<Int64Type>(items, |x| x as f32),
        T::UInt8 => converted::<UInt8Type>(items, f32::from),
        T::UInt16 => converted::<UInt16Type>(items, f32::from),
        T::UInt32 => converted::<UInt32Type>(items, |x| x as f32),
        T::UInt64 => converted::<UInt64Type>(items, |x| x as f32),
        T::Decimal32(_, scale) => decimals::<Decimal32Type>(items, *scale),
        T::Decimal64(_, scale) => decimals::<Decimal64Type>(items, *scale),
        T::Decimal128(_, scale) => decimals::<Decimal128Type>(items, *scale),
        T::Decimal256(_, scale) => decimals::<Decimal256Type>(items, *scale),
        T::Null => Float32Array::new_null(items.len()),
        other => return Err(Error::invalid(format!("values of the type {other} are no numbers"))),
    })
}

fn converted<P: ArrowPrimitiveType>(items: &ArrayRef, convert: impl Fn(P::Native) -> f32) -> Float32Array {
    items.as_primitive::<P>().unary(convert)
}

/// As the same digits are read in JSON.
fn decimals<D: DecimalType>(items: &ArrayRef, scale: i8) -> Float32Array {
    converted::<D>(items, |x| decimal_text::<D>(x, scale).parse::<f64>().map_or(f32::NAN, |x| x as f32))
}
