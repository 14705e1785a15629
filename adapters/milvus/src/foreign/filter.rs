//! Leaves over fields of one type, and paths into the dynamic field.

use std::fmt::Display;

use portolan_core::Scalar;
use portolan_core::driver::dialect::{ByType, Predicate, Side};
use portolan_core::filter::PushDown::Superset;
use portolan_core::filter::{Condition, Lowered};
use portolan_core::number::exact_i64;

use super::column::{Column, range};
use crate::columns::DYNAMIC;
use crate::expression::{Expression, is_name, like, list, path, pattern, prefix_range, quoted};
use crate::proto::schema::DataType;
use crate::server::Server;

/// Words that are no name in Milvus Lite's expressions.
const KEYWORDS: [&str; 12] =
    ["and", "or", "not", "in", "like", "is", "null", "exists", "iso", "interval", "true", "false"];

/// The path of a key in the dynamic field. Milvus Lite finds lists in it only under a plain name.
pub(crate) fn dynamic_path(server: Server, key: &str) -> Option<String> {
    if server != Server::Lite {
        return path(server, DYNAMIC, key);
    }
    let is_keyword = KEYWORDS.contains(&key.to_ascii_lowercase().as_str());
    (is_name(key) && !key.contains('$') && !is_keyword).then(|| key.to_owned())
}

/// A field of one type in a collection of another program: never narrower than the leaf.
pub(crate) fn typed(server: Server, column: &Column, condition: &Condition) -> Lowered<Expression> {
    let (name, asked) = (&column.name, Predicate::from(condition));
    Superset.lowered(match column.of {
        DataType::VarChar | DataType::String => of_text(server, name, asked),
        DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::Int64 => of_integer(column, asked),
        DataType::Float | DataType::Double => of_float(name, asked),
        DataType::Bool => match asked {
            Predicate::AnyOf([Scalar::Bool(b)]) => Some(Expression::leaf(format!("{name} == {b}"))),
            _ => None,
        },
        _ => None,
    })
}

fn of_text(server: Server, name: &str, asked: Predicate<'_>) -> Option<Expression> {
    let infixes = server.finds_infixes();
    Some(match asked {
        Predicate::AnyOf(operands) => one_of(name, ByType::of(operands).texts.into_iter().map(quoted))?,
        Predicate::Order(order, Scalar::String(bound)) => {
            Expression::leaf(format!("{name} {} {}", order.symbol(), quoted(bound)))
        }
        Predicate::StartsWith(prefix) => prefix_range(name, prefix),
        Predicate::EndsWith(suffix) if infixes => like(name, &format!("%{}", pattern(suffix))),
        Predicate::Contains(Scalar::String(part)) if infixes => like(name, &format!("%{}%", pattern(part))),
        _ => return None,
    })
}

fn of_integer(column: &Column, asked: Predicate<'_>) -> Option<Expression> {
    let name = &column.name;
    let integer = |scalar: &Scalar, round: fn(f64) -> f64| {
        let integer = match scalar {
            Scalar::Float(x) => exact_i64(round(*x)),
            other => other.as_exact_i64(),
        };
        // The server reads no literal of the least i64.
        integer.filter(|i| range(column.of).contains(i) && *i != i64::MIN)
    };
    match asked {
        Predicate::AnyOf(operands) => {
            // An operand that is no integer of this type equals none.
            let possible = operands.iter().filter(|o| !matches!(o, Scalar::Float(x) if x.fract() != 0.0));
            one_of(name, possible.map(|o| integer(o, f64::round)).collect::<Option<Vec<_>>>()?)
        }
        Predicate::Order(order, bound) => {
            let round = if order.side == Side::Above { f64::floor } else { f64::ceil };
            let bound = integer(bound, round)?;
            Some(Expression::leaf(format!("{name} {} {bound}", order.widened().symbol())))
        }
        _ => None,
    }
}

/// A field may be of single precision, which the server compares as such: a comparison includes what is equal.
fn of_float(name: &str, asked: Predicate<'_>) -> Option<Expression> {
    let (symbol, operand) = match asked {
        Predicate::AnyOf([operand]) => ("==", operand),
        Predicate::Order(order, bound) => (order.widened().symbol(), bound),
        _ => return None,
    };
    Some(Expression::leaf(format!("{name} {symbol} {:?}", operand.as_float()?)))
}

/// One of these literals, where there are any.
fn one_of(name: &str, literals: impl IntoIterator<Item = impl Display>) -> Option<Expression> {
    let list = list(literals);
    (list != "[]").then(|| Expression::leaf(format!("{name} in {list}")))
}
