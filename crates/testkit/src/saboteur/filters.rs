//! Filters that mean something else, in every operation alike.

use portolan_core::filter::Condition;
use portolan_core::{Filter, Metadata, Scalar, Value};

use super::saboteurs;
use super::tree::{Truth, evaluate, three_valued, with_leaves, with_missing, with_scalars};

saboteurs! {
    "filter", "ne meets a missing field" => Meaning(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::Ne(_)))
    });
    "filter", "not_in meets a missing field" => Meaning(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::NotIn(_)))
    });
    "filter", "not_in [] meets a missing field" => Meaning(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::NotIn(operands) if operands.is_empty()))
    });
    "filter", "starts_with the empty string meets a missing field" => Meaning(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::StartsWith(s) if s.is_empty()))
    });
    "filter", "Not knows a third truth value" => Meaning(|f, id, m| three_valued(f, id, m) == Truth::True);
    "filter", "Not is ignored over an Or" => Meaning(not_over_or_is_ignored);
    "filter", "Or takes only its first two" => Meaning(or_takes_two);
    "filter", "ids are compared without case" => Meaning(ids_without_case);
    "filter", "in [] meets every record with the field" => Meaning(|f, id, m| with_leaves(f, id, m, |c, _| {
        matches!(c, Condition::In(operands) if operands.is_empty()).then_some(true)
    }));
    "filter", "not_in [] is false" => Meaning(|f, id, m| with_leaves(f, id, m, |c, _| {
        matches!(c, Condition::NotIn(operands) if operands.is_empty()).then_some(false)
    }));
    "filter", "strings are compared without case" => Meaning(|f, id, m| with_scalars(f, id, m, lower_case));
    "filter_compare", "strings are ordered without case" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| {
        let changed = match c {
            Condition::Gt(s) => Condition::Gt(lower_case(s)),
            Condition::Gte(s) => Condition::Gte(lower_case(s)),
            Condition::Lt(s) => Condition::Lt(lower_case(s)),
            Condition::Lte(s) => Condition::Lte(lower_case(s)),
            _ => return None,
        };
        v.as_scalar().map(|s| changed.matches(&Value::Scalar(lower_case(s))))
    }));
    "rows", "strings are normalized" => Meaning(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.replace("e\u{301}", "é")),
        other => other.clone(),
    }));
    "rows", "strings are trimmed" => Meaning(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.trim()),
        other => other.clone(),
    }));
    "rows", "strings end at U+0000" => Meaning(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.split('\0').next().unwrap_or_default()),
        other => other.clone(),
    }));
    "filter_compare", "a bool is equal to 1 or 0" => Meaning(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::Bool(b) => Scalar::Integer((*b).into()),
        other => other.clone(),
    }));
    "filter_compare", "a number in a string is that number" => Meaning(|f, id, m| {
        with_scalars(f, id, m, |s| match s {
            Scalar::String(s) => s.parse().map(Scalar::Integer).unwrap_or_else(|_| Scalar::from(s)),
            other => other.clone(),
        })
    });
    "filter_compare", "integers are compared as floats" => Meaning(|f, id, m| {
        with_scalars(f, id, m, |s| match s {
            Scalar::Integer(i) => Scalar::Float(*i as f64),
            other => other.clone(),
        })
    });
    "filter_compare", "2 is not 2.0" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Eq(a), Value::Scalar(b)) => Some(a == b),
        _ => None,
    }));
    "filter_compare", "gt is inclusive" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match c {
        Condition::Gt(s) => Some(Condition::Gte(s.clone()).matches(v)),
        _ => None,
    }));
    "filter_compare", "lte is exclusive" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match c {
        Condition::Lte(s) => Some(Condition::Lt(s.clone()).matches(v)),
        _ => None,
    }));
    "filter_compare", "a string is ordered after every number" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Gt(Scalar::Integer(_)), Value::Scalar(Scalar::String(_))) => Some(true),
            _ => None,
        })
    });
    "filter", "contains on a list is a substring" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Contains(Scalar::String(s)), Value::List(items)) => {
                Some(items.iter().filter_map(Scalar::as_str).any(|item| item.contains(s)))
            }
            _ => None,
        })
    });
    "rows", "contains looks into numbers" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Contains(s), Value::Scalar(Scalar::Integer(i))) => {
            Some(i.to_string().contains(&s.to_string()))
        }
        _ => None,
    }));
    "filter", "contains knows a wildcard" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Contains(Scalar::String(s)), Value::Scalar(Scalar::String(text))) => {
            Some(s.split(['%', '_']).all(|part| text.contains(part)))
        }
        _ => None,
    }));
    "filter", "starts_with is without case" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::StartsWith(s), Value::Scalar(Scalar::String(text))) => {
            Some(text.to_lowercase().starts_with(&s.to_lowercase()))
        }
        _ => None,
    }));
    "filter", "ends_with is contains" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::EndsWith(s), Value::Scalar(Scalar::String(text))) => Some(text.contains(s)),
        _ => None,
    }));
    "filter", "a list meets a leaf only if all elements do" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Ne(_) | Condition::NotIn(_) | Condition::Exists, _) => None,
            (c, Value::List(items)) => {
                Some(items.iter().all(|item| c.matches(&Value::List(vec![item.clone()]))))
            }
            _ => None,
        })
    });
    "filter", "ne on a list asks for any element" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Ne(_), Value::List(items)) => {
                Some(items.iter().any(|item| c.matches(&Value::Scalar(item.clone()))))
            }
            _ => None,
        })
    });
    "filter", "a list answers by its first element" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match v {
            Value::List(items) => {
                Some(items.first().is_some_and(|item| c.matches(&Value::List(vec![item.clone()]))))
            }
            _ => None,
        })
    });
    "filter", "an empty list does not exist" => Meaning(|f, id, m| with_leaves(f, id, m, |_, v| {
        matches!(v, Value::List(items) if items.is_empty()).then_some(false)
    }));
    "filter", "an opaque value does not exist" => Meaning(|f, id, m| with_leaves(f, id, m, |_, v| {
        matches!(v, Value::Opaque(_)).then_some(false)
    }));
    "rows", "a mixed list is searched like another" => Meaning(|f, id, m| {
        with_leaves(f, id, m, |c, v| match v {
            Value::Opaque(json) if json.is_array() => {
                let items = json.as_array()?.iter().cloned();
                let items = items.filter_map(|item| Value::from_json(item).ok()?);
                Some(items.into_iter().any(|item| c.matches(&item)))
            }
            _ => None,
        })
    });
    "filter", "false and the empty string do not exist" => Meaning(|f, id, m| with_leaves(f, id, m, |c, v| {
        let falsy = v.as_bool() == Some(false) || v.as_str() == Some("");
        (falsy && matches!(c, Condition::Exists)).then_some(false)
    }));
    "filter", "a filter is dropped in counts" => Count(|inner, request| Box::pin(async move {
        inner.count(&request.clone().filter(None)).await
    }));
    "filter", "a filter is dropped in scans" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().filter(None)).await
    }));
    "filter", "a filter is dropped in searches" => Asked(|request| request.filter = None);
    "filter", "only the first part of an And is checked" => Asked(|request| {
        if let Some(Filter::And(children)) = &mut request.filter {
            children.truncate(1);
        }
    });
    "filter", "a filter is not validated" => Count(|inner, request| Box::pin(async move {
        match request.filter.map_or(Ok(()), Filter::validate) {
            Ok(()) => inner.count(request).await,
            Err(_) => Ok(0),
        }
    }));
}

fn lower_case(scalar: &Scalar) -> Scalar {
    match scalar {
        Scalar::String(s) => Scalar::from(s.to_lowercase()),
        other => other.clone(),
    }
}

fn not_over_or_is_ignored(filter: &Filter, id: &str, metadata: &Metadata) -> bool {
    match filter {
        Filter::Not(child) if matches!(&**child, Filter::Or(of) if of.len() > 1) => {
            not_over_or_is_ignored(child, id, metadata)
        }
        Filter::And(children) => children.iter().all(|f| not_over_or_is_ignored(f, id, metadata)),
        other => other.matches(id, metadata),
    }
}

fn or_takes_two(filter: &Filter, id: &str, metadata: &Metadata) -> bool {
    match filter {
        Filter::Or(children) => children.iter().take(2).any(|f| or_takes_two(f, id, metadata)),
        Filter::And(children) => children.iter().all(|f| or_takes_two(f, id, metadata)),
        Filter::Not(child) => !or_takes_two(child, id, metadata),
        other => other.matches(id, metadata),
    }
}

fn ids_without_case(filter: &Filter, id: &str, metadata: &Metadata) -> bool {
    match filter {
        Filter::Id(ids) => ids.iter().any(|i| i.eq_ignore_ascii_case(id)),
        Filter::Not(child) => !ids_without_case(child, id, metadata),
        Filter::And(children) => children.iter().all(|f| ids_without_case(f, id, metadata)),
        other => evaluate(other, id, &|leaf| leaf.matches(metadata)),
    }
}
