//! Filters that mean something else, in every operation alike.

use portolan_core::filter::Condition;
use portolan_core::{Filter, Metadata, Scalar, Value};

use super::saboteurs;
use super::tree::{Truth, evaluate, three_valued, with_leaves, with_missing, with_scalars};

saboteurs! {
    [F2 by "filter::missing_field_is_none_whichever_operator"]
    "ne meets a missing field" => ChangeFilter(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::Ne(_)))
    });
    [F2 by "filter::missing_field_is_none_whichever_operator"]
    "not_in meets a missing field" => ChangeFilter(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::NotIn(_)))
    });
    [F13 by "filter::not_in_of_nothing_is_exists"]
    "not_in [] meets a missing field" => ChangeFilter(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::NotIn(operands) if operands.is_empty()))
    });
    [F2 by "filter::missing_field_is_none_whichever_operator"]
    "starts_with the empty string meets a missing field" => ChangeFilter(|f, id, m| {
        with_missing(f, id, m, |c| matches!(c, Condition::StartsWith(s) if s.is_empty()))
    });
    [F3 by "filter::not_eq_takes_the_missing_too"]
    "Not knows a third truth value" => ChangeFilter(|f, id, m| three_valued(f, id, m) == Truth::True);
    [F3 by "filter::not_over_or"]
    "Not is ignored over an Or" => ChangeFilter(not_over_or_is_ignored);
    [F1 by "filter::many_alternatives"]
    "Or takes only its first two" => ChangeFilter(or_takes_two);
    [N6 by "hostile::ids_differing_in_case_stay_apart"]
    "ids are compared without case" => ChangeFilter(ids_without_case);
    [F13 by "filter::in_nothing_is_none"]
    "in [] meets every record with the field" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, _| {
        matches!(c, Condition::In(operands) if operands.is_empty()).then_some(true)
    }));
    [F13 by "filter::not_in_of_nothing_is_exists"]
    "not_in [] is false" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, _| {
        matches!(c, Condition::NotIn(operands) if operands.is_empty()).then_some(false)
    }));
    [F8 by "filter_compare::eq_string_heeds_case"]
    "strings are compared without case" => ChangeFilter(|f, id, m| with_scalars(f, id, m, lower_case));
    [F8 by "filter_compare::gt_string"]
    "strings are ordered without case" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| {
        let changed = match c {
            Condition::Gt(s) => Condition::Gt(lower_case(s)),
            Condition::Gte(s) => Condition::Gte(lower_case(s)),
            Condition::Lt(s) => Condition::Lt(lower_case(s)),
            Condition::Lte(s) => Condition::Lte(lower_case(s)),
            _ => return None,
        };
        v.as_scalar().map(|s| changed.matches(&Value::Scalar(lower_case(s))))
    }));
    [N6 by "rows::filters_over_undeclared_fields"]
    "strings are normalized" => ChangeFilter(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.replace("e\u{301}", "é")),
        other => other.clone(),
    }));
    [F8 by "rows::filters_over_undeclared_fields"]
    "strings are trimmed" => ChangeFilter(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.trim()),
        other => other.clone(),
    }));
    [F8 by "rows::filters_over_undeclared_fields"]
    "strings end at U+0000" => ChangeFilter(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.split('\0').next().unwrap_or_default()),
        other => other.clone(),
    }));
    [F7 by "filter_compare::eq_bool_is_no_number"]
    "a bool is equal to 1 or 0" => ChangeFilter(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::Bool(b) => Scalar::Integer((*b).into()),
        other => other.clone(),
    }));
    [F9 by "filter_compare::eq_string_of_digits_is_no_number"]
    "a number in a string is that number" => ChangeFilter(|f, id, m| {
        with_scalars(f, id, m, |s| match s {
            Scalar::String(s) => s.parse().map(Scalar::Integer).unwrap_or_else(|_| Scalar::from(s)),
            other => other.clone(),
        })
    });
    [F7 by "filter_compare::gt_integer_beyond_2_53"]
    "integers are compared as floats" => ChangeFilter(|f, id, m| {
        with_scalars(f, id, m, |s| match s {
            Scalar::Integer(i) => Scalar::Float(*i as f64),
            other => other.clone(),
        })
    });
    [F7 by "filter_compare::eq_integer_by_float"]
    "2 is not 2.0" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Eq(a), Value::Scalar(b)) => Some(a == b),
        _ => None,
    }));
    [F4 by "filter_compare::gt_integer"]
    "gt is inclusive" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match c {
        Condition::Gt(s) => Some(Condition::Gte(s.clone()).matches(v)),
        _ => None,
    }));
    [F4 by "filter_compare::lte_integer"]
    "lte is exclusive" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match c {
        Condition::Lte(s) => Some(Condition::Lt(s.clone()).matches(v)),
        _ => None,
    }));
    [F9 by "field::filters_of_other_types_on_declared_fields"]
    "a string is ordered after every number" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Gt(Scalar::Integer(_)), Value::Scalar(Scalar::String(_))) => Some(true),
            _ => None,
        })
    });
    [F12 by "filter::contains_on_list_is_never_substring"]
    "contains on a list is a substring" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Contains(Scalar::String(s)), Value::List(items)) => {
                Some(items.iter().filter_map(Scalar::as_str).any(|item| item.contains(s)))
            }
            _ => None,
        })
    });
    [F12 by "filter::contains_number_on_scalar_is_false"]
    "contains looks into numbers" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Contains(s), Value::Scalar(Scalar::Integer(i))) => {
            Some(i.to_string().contains(&s.to_string()))
        }
        _ => None,
    }));
    [F12 by "filter::contains_wildcards_are_literal"]
    "contains knows a wildcard" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::Contains(Scalar::String(s)), Value::Scalar(Scalar::String(text))) => {
            Some(s.split(['%', '_']).all(|part| text.contains(part)))
        }
        _ => None,
    }));
    [F8 by "filter::starts_with_heeds_case"]
    "starts_with is without case" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::StartsWith(s), Value::Scalar(Scalar::String(text))) => {
            Some(text.to_lowercase().starts_with(&s.to_lowercase()))
        }
        _ => None,
    }));
    [F4 by "filter::ends_with"]
    "ends_with is contains" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| match (c, v) {
        (Condition::EndsWith(s), Value::Scalar(Scalar::String(text))) => Some(text.contains(s)),
        _ => None,
    }));
    [F10 by "filter::starts_with_on_list"]
    "a list meets a leaf only if all elements do" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Ne(_) | Condition::NotIn(_) | Condition::Exists, _) => None,
            (c, Value::List(items)) => {
                Some(items.iter().all(|item| c.matches(&Value::List(vec![item.clone()]))))
            }
            _ => None,
        })
    });
    [F10 by "filter_compare::ne_on_list_wants_no_equal_element"]
    "ne on a list asks for any element" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match (c, v) {
            (Condition::Ne(_), Value::List(items)) => {
                Some(items.iter().any(|item| c.matches(&Value::Scalar(item.clone()))))
            }
            _ => None,
        })
    });
    [F10 by "filter::starts_with_on_list"]
    "a list answers by its first element" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match v {
            Value::List(items) => {
                Some(items.first().is_some_and(|item| c.matches(&Value::List(vec![item.clone()]))))
            }
            _ => None,
        })
    });
    [F11 by "filter::exists_on_lists_and_empty_lists"]
    "an empty list does not exist" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |_, v| {
        matches!(v, Value::List(items) if items.is_empty()).then_some(false)
    }));
    [F11 by "filter::exists_on_opaque"]
    "an opaque value does not exist" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |_, v| {
        matches!(v, Value::Opaque(_)).then_some(false)
    }));
    [F11 by "rows::filters_over_undeclared_fields"]
    "a mixed list is searched like another" => ChangeFilter(|f, id, m| {
        with_leaves(f, id, m, |c, v| match v {
            Value::Opaque(json) if json.is_array() => {
                let items = json.as_array()?.iter().cloned();
                let items = items.filter_map(|item| Value::from_json(item).ok()?);
                Some(items.into_iter().any(|item| c.matches(&item)))
            }
            _ => None,
        })
    });
    [F4 by "filter::exists"]
    "false and the empty string do not exist" => ChangeFilter(|f, id, m| with_leaves(f, id, m, |c, v| {
        let falsy = v.as_bool() == Some(false) || v.as_str() == Some("");
        (falsy && matches!(c, Condition::Exists)).then_some(false)
    }));
    [A3 by "count::with_filters"]
    "a filter is dropped in counts" => Count(|inner, request| Box::pin(async move {
        inner.count(&request.clone().filter(None)).await
    }));
    [A3 by "scan::with_filter"]
    "a filter is dropped in scans" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().filter(None)).await
    }));
    [A3 by "filter::one_in_many_is_found_to_the_last"]
    "a filter is dropped in searches" => ChangeRequest(|request| request.filter = None);
    [F1 by "filter::and_of_two"]
    "only the first part of an And is checked" => ChangeRequest(|request| {
        if let Some(Filter::And(children)) = &mut request.filter {
            children.truncate(1);
        }
    });
    [F5 by "filter::operands_that_are_no_values_are_refused"]
    "a filter is not validated" => Count(|inner, request| Box::pin(async move {
        match request.filter.map_or(Ok(()), Filter::validate) {
            Ok(()) => inner.count(request).await,
            Err(_) => Ok(0),
        }
    }));
    [F22 by "filter_compare::between_on_list_by_two_elements"]
    "one element must meet both halves of BETWEEN" => ChangeFilter(between_by_one_element);
    [F33 by "hostile::values_round_trip_and_filter"]
    "an operand ends at a quote" => ChangeFilter(|f, id, m| with_scalars(f, id, m, |s| match s {
        Scalar::String(s) => Scalar::from(s.split('\'').next().unwrap_or_default()),
        other => other.clone(),
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

fn between_by_one_element(filter: &Filter, id: &str, metadata: &Metadata) -> bool {
    let Filter::And(halves) = filter else { return filter.matches(id, metadata) };
    let [Filter::Leaf(low), Filter::Leaf(high)] = &halves[..] else { return filter.matches(id, metadata) };
    match metadata.get(&low.key) {
        Some(Value::List(items)) if low.key == high.key => items.iter().any(|item| {
            let item = Value::Scalar(item.clone());
            low.condition.matches(&item) && high.condition.matches(&item)
        }),
        _ => filter.matches(id, metadata),
    }
}
