//! Leaves over fields of one type, and paths into the dynamic field.

use portolan_core::Scalar;
use portolan_core::driver::dialect::{ByType, Predicate, Side};
use portolan_core::filter::PushDown::Superset;
use portolan_core::filter::{Condition, Lowered};
use portolan_core::number::TWO_53;

use super::column::{Column, DYNAMIC, range};
use crate::expression::{Expression, pattern, prefix_range, quoted, quoted_list, reads, text};
use crate::proto::schema::DataType;
use crate::server::Server;

/// Words that are no name in Milvus Lite's expressions.
const KEYWORDS: [&str; 12] =
    ["and", "or", "not", "in", "like", "is", "null", "exists", "iso", "interval", "true", "false"];

/// The path of a key in the dynamic field. Milvus Lite finds lists in it only under a plain name.
pub(crate) fn dynamic_path(server: Server, key: &str) -> Option<String> {
    match server {
        Server::Lite => is_plain_name(key).then(|| key.to_owned()),
        _ => reads(server, key).then(|| format!("{DYNAMIC}[{}]", quoted(key))),
    }
}

/// A field of one type in a collection of another program: never narrower than the leaf.
pub(crate) fn typed(server: Server, column: &Column, condition: &Condition) -> Lowered<Expression> {
    let (name, asked) = (&column.name, Predicate::from(condition));
    let expression = match column.of {
        DataType::VarChar | DataType::String => of_text(server, name, asked),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => of_integer(column, asked),
        DataType::Float | DataType::Double => of_float(name, asked),
        DataType::Bool => match asked {
            Predicate::AnyOf([Scalar::Bool(b)]) => Some(format!("{name} == {b}")),
            _ => None,
        },
        _ => None,
    };
    Superset.lowered(expression.map(text))
}

fn of_text(server: Server, name: &str, asked: Predicate<'_>) -> Option<String> {
    let like = |text: String| server.finds_infixes().then(|| format!("{name} like {}", quoted(&text)));
    match asked {
        Predicate::AnyOf(operands) => {
            let texts = ByType::of(operands).texts;
            (!texts.is_empty()).then(|| format!("{name} in {}", quoted_list(texts)))
        }
        Predicate::Order(order, Scalar::String(bound)) => {
            Some(format!("{name} {} {}", order.symbol(), quoted(bound)))
        }
        Predicate::StartsWith(prefix) => Some(prefix_range(name, prefix).to_string()),
        Predicate::EndsWith(suffix) => like(format!("%{}", pattern(suffix))),
        Predicate::Contains(Scalar::String(text)) => like(format!("%{}%", pattern(text))),
        _ => None,
    }
}

fn of_integer(column: &Column, asked: Predicate<'_>) -> Option<String> {
    let name = &column.name;
    let integer = |scalar: &Scalar, round: fn(f64) -> f64| {
        let integer = match scalar {
            Scalar::Integer(i) => Some(*i),
            Scalar::Float(x) => Some(round(*x)).filter(|x| x.abs() < TWO_53).map(|x| x as i64),
            _ => None,
        };
        // The server reads no literal of the least i64.
        integer.filter(|i| range(column.of).contains(i) && *i != i64::MIN)
    };
    match asked {
        Predicate::AnyOf(operands) => {
            // An operand that is no integer of this type equals none.
            let possible = operands.iter().filter(|o| !matches!(o, Scalar::Float(x) if x.fract() != 0.0));
            let integers: Vec<String> =
                possible.map(|o| integer(o, f64::round).map(|i| i.to_string())).collect::<Option<_>>()?;
            (!integers.is_empty()).then(|| format!("{name} in [{}]", integers.join(", ")))
        }
        Predicate::Order(order, bound) => {
            let round = if order.side == Side::Above { f64::floor } else { f64::ceil };
            integer(bound, round).map(|i| format!("{name} {} {i}", order.widened().symbol()))
        }
        _ => None,
    }
}

/// A field may be of single precision, which the server compares as such: a comparison includes what is equal.
fn of_float(name: &str, asked: Predicate<'_>) -> Option<String> {
    let (symbol, operand) = match asked {
        Predicate::AnyOf([operand]) => ("==", operand),
        Predicate::Order(order, bound) => (order.widened().symbol(), bound),
        _ => return None,
    };
    operand.as_float().map(|x| format!("{name} {symbol} {x:?}"))
}

fn is_plain_name(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !KEYWORDS.contains(&key.to_ascii_lowercase().as_str())
}
