//! Qdrant's own filter, put together flat: a request nests at most a hundred messages.

use std::fmt::{self, Display, Formatter};

use qdrant_client::qdrant::condition::ConditionOneOf;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{Condition, FieldCondition, Filter, PointId, Range, ValuesCount};
use serde_json::{Value as Json, json};

/// A filter of Qdrant's; its `Display` is the form of the REST API.
#[derive(Debug, Clone, PartialEq)]
pub struct NativeFilter(pub(crate) Filter);

impl From<Condition> for NativeFilter {
    fn from(condition: Condition) -> Self {
        Self(Filter { must: vec![condition], ..Filter::default() })
    }
}

impl NativeFilter {
    /// The text, or an element of a list, is equal.
    pub(crate) fn keyword(path: &str, text: &str) -> Self {
        Condition::matches(path, MatchValue::Keyword(text.to_owned())).into()
    }

    /// What meets all of these. The deepest alternatives stand beside the other conditions, and so cost no level.
    pub(crate) fn all(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all = Filter::default();
        for Self(part) in parts {
            all.must.extend(part.must);
            all.must_not.extend(part.must_not);
            if part.should.is_empty() {
                continue;
            }
            let mut should = part.should;
            if all.should.is_empty() || deepest(&should) > deepest(&all.should) {
                std::mem::swap(&mut all.should, &mut should);
            }
            if !should.is_empty() {
                all.must.push(nested(Filter { should, ..Filter::default() }));
            }
        }
        Self(all)
    }

    /// What meets any of these, of which there is one at least.
    pub(crate) fn any(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut parts: Vec<Self> = parts.into_iter().collect();
        if parts.len() == 1 {
            return parts.remove(0);
        }
        let mut should = Vec::new();
        for Self(part) in parts {
            if part.must.is_empty() && part.must_not.is_empty() {
                should.extend(part.should);
            } else {
                should.push(nested(part));
            }
        }
        Self(Filter { should, ..Filter::default() })
    }

    /// What does not meet this.
    pub(crate) fn not(self) -> Self {
        Self(Filter { must_not: vec![nested(self.0)], ..Filter::default() })
    }
}

/// How deep conditions stand in conditions.
pub(crate) fn levels(filter: &Filter) -> usize {
    deepest(&filter.must).max(deepest(&filter.must_not)).max(deepest(&filter.should))
}

/// A filter as a condition of another.
fn nested(mut filter: Filter) -> Condition {
    let single = filter.must.len() == 1 && filter.must_not.is_empty() && filter.should.is_empty();
    match filter.must.pop() {
        Some(condition) if single => condition,
        last => {
            filter.must.extend(last);
            Condition { condition_one_of: Some(ConditionOneOf::Filter(filter)) }
        }
    }
}

fn deepest(conditions: &[Condition]) -> usize {
    let depth = |condition: &Condition| match &condition.condition_one_of {
        Some(ConditionOneOf::Filter(filter)) => 1 + levels(filter),
        _ => 1,
    };
    conditions.iter().map(depth).max().unwrap_or(0)
}

impl Display for NativeFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        filter_json(&self.0).fmt(f)
    }
}

fn filter_json(filter: &Filter) -> Json {
    let clause = |conditions: &[Condition]| {
        (!conditions.is_empty()).then(|| conditions.iter().map(condition_json).collect::<Json>())
    };
    let Filter { must, must_not, should, .. } = filter;
    object([("must", clause(must)), ("must_not", clause(must_not)), ("should", clause(should))])
}

fn condition_json(condition: &Condition) -> Json {
    match &condition.condition_one_of {
        Some(ConditionOneOf::Field(field)) => field_json(field),
        Some(ConditionOneOf::Filter(filter)) => filter_json(filter),
        Some(ConditionOneOf::HasId(ids)) => {
            json!({ "has_id": ids.has_id.iter().map(id_json).collect::<Json>() })
        }
        Some(ConditionOneOf::IsNull(of)) => json!({ "is_null": { "key": of.key } }),
        Some(ConditionOneOf::HasVector(vector)) => json!({ "has_vector": vector.has_vector }),
        // Never made here.
        _ => Json::Null,
    }
}

fn field_json(field: &FieldCondition) -> Json {
    let value = field.r#match.as_ref().and_then(|m| m.match_value.as_ref());
    let range = field.range.map(|Range { lt, gt, gte, lte }| bounds(gt, gte, lt, lte));
    let count = field.values_count.map(|ValuesCount { lt, gt, gte, lte }| bounds(gt, gte, lt, lte));
    object([
        ("key", Some(field.key.as_str().into())),
        ("match", value.map(match_json)),
        ("range", range),
        ("values_count", count),
        ("is_empty", field.is_empty.map(Json::from)),
    ])
}

fn bounds<T: Into<Json>>(gt: Option<T>, gte: Option<T>, lt: Option<T>, lte: Option<T>) -> Json {
    object([("gt", gt), ("gte", gte), ("lt", lt), ("lte", lte)])
}

/// An object of the parts that there are.
fn object<T: Into<Json>, const N: usize>(parts: [(&str, Option<T>); N]) -> Json {
    let parts = parts.into_iter().filter_map(|(name, part)| Some((name.to_owned(), part?.into())));
    Json::Object(parts.collect())
}

fn match_json(value: &MatchValue) -> Json {
    match value {
        MatchValue::Keyword(text) => json!({ "value": text }),
        MatchValue::Integer(i) => json!({ "value": i }),
        MatchValue::Boolean(b) => json!({ "value": b }),
        MatchValue::Text(text) => json!({ "text": text }),
        MatchValue::Keywords(texts) => json!({ "any": texts.strings }),
        MatchValue::Integers(integers) => json!({ "any": integers.integers }),
        // Never made here.
        _ => Json::Null,
    }
}

fn id_json(id: &PointId) -> Json {
    match &id.point_id_options {
        Some(PointIdOptions::Num(n)) => Json::from(*n),
        Some(PointIdOptions::Uuid(uuid)) => Json::from(uuid.as_str()),
        None => Json::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a() -> NativeFilter {
        NativeFilter::keyword("a", "x")
    }

    fn b() -> NativeFilter {
        Condition::matches("b", 2).into()
    }

    fn shown(filter: &NativeFilter) -> Json {
        serde_json::from_str(&filter.to_string()).unwrap()
    }

    #[test]
    fn a_filter_is_shown_as_rest_takes_it() {
        let range = Range { gte: Some(1.5), ..Range::default() };
        let one = NativeFilter::all([a(), NativeFilter::from(Condition::range("c", range)).not()]);
        let a_json = json!({ "key": "a", "match": { "value": "x" } });
        let c_json = json!({ "key": "c", "range": { "gte": 1.5 } });
        assert_eq!(shown(&one), json!({ "must": [a_json], "must_not": [c_json] }));
        let ids = Condition::has_id([7]).into();
        let two = NativeFilter::any([b(), ids]);
        let b_json = json!({ "key": "b", "match": { "value": 2 } });
        assert_eq!(shown(&two), json!({ "should": [b_json, { "has_id": [7] }] }));
    }

    #[test]
    fn alternatives_stand_beside_conditions() {
        let either = || NativeFilter::any([a(), b()]);
        let all = NativeFilter::all([a(), either()]);
        assert_eq!((all.0.must.len(), all.0.should.len()), (1, 2));
        let twice = NativeFilter::all([either(), either()]);
        assert_eq!((twice.0.must.len(), twice.0.should.len()), (1, 2));
    }

    #[test]
    fn a_chain_of_64_levels_fits_into_a_request() {
        let mut filter = a();
        for level in 0..64 {
            filter = if level % 2 == 0 {
                NativeFilter::any([b(), filter])
            } else {
                NativeFilter::all([b(), filter])
            };
        }
        assert!(levels(&filter.0) <= 34, "{}", levels(&filter.0));
    }
}
