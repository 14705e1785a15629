//! One number, text or time of an array.

use half::f16;
use npyz::{DType, Endianness, TimeUnits, TypeChar};
use portolan::{Error, Result};
use serde_json::{Number, Value as Json};

use crate::input::time::{Unit, date, duration, timestamp};

/// The type of the items of an array.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Item {
    kind: Kind,
    size: usize,
    is_big_endian: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Float,
    Integer,
    Unsigned,
    /// Four bytes a character.
    Text,
    Bytes,
    Time(TimeUnits),
    Span(TimeUnits),
}

impl Item {
    /// The type of this name, if it can be read.
    pub(super) fn of(dtype: &DType) -> Option<Self> {
        let DType::Plain(of) = dtype else { return None };
        let size = of.num_bytes()?;
        let kind = match (of.type_char(), size) {
            (TypeChar::Bool, 1) => Kind::Bool,
            (TypeChar::Float, 2 | 4 | 8) => Kind::Float,
            (TypeChar::Int, 1 | 2 | 4 | 8) => Kind::Integer,
            (TypeChar::Uint, 1 | 2 | 4 | 8) => Kind::Unsigned,
            (TypeChar::UnicodeStr, 1..) => Kind::Text,
            (TypeChar::ByteStr, 1..) => Kind::Bytes,
            (TypeChar::DateTime, 8) => Kind::Time(of.time_units().filter(|units| is_known(*units))?),
            (TypeChar::TimeDelta, 8) => Kind::Span(of.time_units().filter(|units| is_known(*units))?),
            _ => return None,
        };
        Some(Self { kind, size, is_big_endian: of.endianness() == Endianness::Big })
    }

    /// The bytes of one.
    pub(super) fn size(self) -> usize {
        self.size
    }

    /// Whether it can be a component of a vector.
    pub(super) fn is_number(self) -> bool {
        matches!(self.kind, Kind::Float | Kind::Integer | Kind::Unsigned)
    }

    /// The components of a vector, as near as f32 comes to them.
    pub(super) fn components(self, row: &[u8]) -> Vec<f32> {
        match (self.kind, self.size) {
            (Kind::Float, 2) => self.converted(row, |b| f16::from_le_bytes(b).to_f32()),
            (Kind::Float, 4) => self.converted(row, f32::from_le_bytes),
            (Kind::Float, _) => self.converted(row, |b| f64::from_le_bytes(b) as f32),
            (Kind::Unsigned, 1) => self.converted(row, |b| f32::from(u8::from_le_bytes(b))),
            (Kind::Unsigned, 2) => self.converted(row, |b| f32::from(u16::from_le_bytes(b))),
            (Kind::Unsigned, 4) => self.converted(row, |b| u32::from_le_bytes(b) as f32),
            (Kind::Unsigned, _) => self.converted(row, |b| u64::from_le_bytes(b) as f32),
            (_, 1) => self.converted(row, |b| f32::from(i8::from_le_bytes(b))),
            (_, 2) => self.converted(row, |b| f32::from(i16::from_le_bytes(b))),
            (_, 4) => self.converted(row, |b| i32::from_le_bytes(b) as f32),
            _ => self.converted(row, |b| i64::from_le_bytes(b) as f32),
        }
    }

    /// The value of one; a time that is none is null.
    pub(super) fn json(self, bytes: &[u8]) -> Result<Json> {
        match self.kind {
            Kind::Bool => Ok(Json::Bool(bytes != [0])),
            Kind::Float => {
                let x = self.float(bytes);
                Number::from_f64(x)
                    .map(Json::Number)
                    .ok_or_else(|| Error::invalid(format!("{x} is not finite")))
            }
            Kind::Integer => Ok(self.integer(bytes).into()),
            Kind::Unsigned => Ok(self.unsigned(bytes).into()),
            Kind::Text => self.text(bytes).map(Json::String),
            Kind::Bytes => {
                let end = bytes.iter().rposition(|b| *b != 0).map_or(0, |last| last + 1);
                let text = std::str::from_utf8(&bytes[..end]);
                text.map(Json::from)
                    .map_err(|_| Error::invalid("bytes that are not UTF-8 text are no metadata"))
            }
            Kind::Time(_) | Kind::Span(_) if self.integer(bytes) == i64::MIN => Ok(Json::Null),
            Kind::Time(TimeUnits::Day) => date(self.integer(bytes)).map(Json::String),
            Kind::Time(units) => {
                let (count, unit) = counted(self.integer(bytes), units);
                timestamp(count, unit).map(Json::String)
            }
            Kind::Span(units) => {
                let (count, unit) = counted(self.integer(bytes), units);
                Ok(Json::String(duration(count, unit)))
            }
        }
    }

    fn converted<const N: usize>(self, row: &[u8], convert: impl Fn([u8; N]) -> f32) -> Vec<f32> {
        let (items, _) = row.as_chunks::<N>();
        if self.is_big_endian {
            let reversed = |item: &[u8; N]| {
                let mut item = *item;
                item.reverse();
                item
            };
            items.iter().map(|item| convert(reversed(item))).collect()
        } else {
            items.iter().map(|item| convert(*item)).collect()
        }
    }

    fn float(self, bytes: &[u8]) -> f64 {
        match self.little::<8>(bytes) {
            [a, b, ..] if self.size == 2 => f16::from_le_bytes([a, b]).to_f64(),
            [a, b, c, d, ..] if self.size == 4 => f32::from_le_bytes([a, b, c, d]).into(),
            bytes => f64::from_le_bytes(bytes),
        }
    }

    fn unsigned(self, bytes: &[u8]) -> u64 {
        u64::from_le_bytes(self.little(bytes))
    }

    fn integer(self, bytes: &[u8]) -> i64 {
        let unused = 64 - 8 * self.size.min(8) as u32;
        (self.unsigned(bytes) << unused) as i64 >> unused
    }

    fn text(self, bytes: &[u8]) -> Result<String> {
        let (characters, _) = bytes.as_chunks::<4>();
        let character = |bytes: &[u8; 4]| u32::from_le_bytes(self.little(bytes));
        let end = characters.iter().rposition(|c| *c != [0; 4]).map_or(0, |last| last + 1);
        let text: Option<String> = characters[..end].iter().map(|c| char::from_u32(character(c))).collect();
        text.ok_or_else(|| Error::invalid("the text holds what is no character"))
    }

    /// The bytes of a number, the lowest first.
    fn little<const N: usize>(self, bytes: &[u8]) -> [u8; N] {
        let mut little = [0; N];
        let place = |at: usize| if self.is_big_endian { bytes.len() - 1 - at } else { at };
        for at in 0..bytes.len().min(N) {
            little[at] = bytes[place(at)];
        }
        little
    }
}

fn is_known(units: TimeUnits) -> bool {
    use TimeUnits as U;
    matches!(
        units,
        U::Week | U::Day | U::Hour | U::Minute | U::Second | U::Millisecond | U::Microsecond | U::Nanosecond
    )
}

/// The same time in units that are at most a second.
fn counted(count: i64, units: TimeUnits) -> (i64, Unit) {
    let seconds = match units {
        TimeUnits::Week => 7 * 86_400,
        TimeUnits::Day => 86_400,
        TimeUnits::Hour => 3_600,
        TimeUnits::Minute => 60,
        TimeUnits::Millisecond => return (count, Unit::MILLISECOND),
        TimeUnits::Microsecond => return (count, Unit::MICROSECOND),
        TimeUnits::Nanosecond => return (count, Unit::NANOSECOND),
        _ => 1,
    };
    (count.saturating_mul(seconds), Unit::SECOND)
}
