//! The exact search: score everything that meets the filter, sort, cut.

use std::collections::HashSet;

use serde_json::Value as Json;

use super::config::PROVIDER;
use super::distance::distance;
use super::index::{Index, Stored};
use crate::metadata::{Metadata, Value};
use crate::search::{Deduplicate, Match, SearchRequest, SearchResult};

struct Candidate<'a> {
    id: &'a str,
    stored: &'a Stored,
    distance: f64,
    score: f32,
}

/// Answers a validated request.
pub(super) fn search(index: &Index, request: &SearchRequest, query: &[f32]) -> SearchResult {
    let mut survivors = candidates(index, request, query);
    let total = survivors.len() as u64;
    if let Some(threshold) = request.similarity_threshold {
        survivors.retain(|c| c.score >= threshold);
    }
    survivors.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(b.id)));
    if let Some(by) = &request.deduplicate {
        deduplicate(&mut survivors, by);
    }

    let mut result = SearchResult::new(&request.index, PROVIDER, index.spec.metric);
    result.total_matches = request.with_total.then_some(total);
    result.records_read = index.records.len() as u64;
    result.offset = request.offset;
    result.has_more = survivors.len() > request.offset + request.top_k;
    let page = survivors.iter().skip(request.offset).take(request.top_k);
    result.matches = page.map(|candidate| candidate.to_match(request)).collect();
    result
}

fn candidates<'a>(index: &'a Index, request: &SearchRequest, query: &[f32]) -> Vec<Candidate<'a>> {
    let metric = index.spec.metric;
    let meets = |id: &str, stored: &Stored| {
        request.filter.as_ref().is_none_or(|filter| filter.matches(id, &stored.metadata))
    };
    let matching = index.records.iter().filter(|(id, stored)| meets(id, stored));
    let candidate = |(id, stored): (&'a std::sync::Arc<str>, &'a Stored)| {
        let distance = distance(metric, query, &stored.vector);
        let score = metric.score(distance);
        let score = if request.score_normalization { metric.normalize_score(score) } else { score };
        Candidate { id, stored, distance, score: score as f32 }
    };
    matching.map(candidate).collect()
}

/// Keeps the first of each group; those without the field are all kept.
fn deduplicate(sorted: &mut Vec<Candidate<'_>>, by: &Deduplicate) {
    match by {
        Deduplicate::Vector => {
            let mut seen = HashSet::new();
            sorted.retain(|c| {
                seen.insert(c.stored.vector.iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<_>>())
            });
        }
        Deduplicate::Field(key) => {
            let mut seen = HashSet::new();
            sorted.retain(|c| c.stored.metadata.get(key).is_none_or(|value| seen.insert(group(value))));
        }
    }
}

/// A text that is the same just for equal values: numbers by mathematical value, lists element by element.
fn group(value: &Value) -> String {
    fn write(json: &Json) -> String {
        match json {
            Json::Number(n) => match (n.as_i64(), n.as_f64()) {
                (Some(i), _) => i.to_string(),
                (None, Some(x)) if x.fract() == 0.0 && (-TWO_63..TWO_63).contains(&x) => {
                    (x as i64).to_string()
                }
                _ => n.to_string(),
            },
            Json::Array(items) => format!("[{}]", items.iter().map(write).collect::<Vec<_>>().join(",")),
            Json::Object(map) => {
                let fields = map.iter().map(|(k, v)| format!("{}:{}", Json::from(k.as_str()), write(v)));
                format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
            }
            other => other.to_string(),
        }
    }
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    write(&value.to_json())
}

impl Candidate<'_> {
    fn to_match(&self, request: &SearchRequest) -> Match {
        Match {
            id: self.id.to_owned(),
            score: self.score,
            distance: self.distance as f32,
            metadata: if request.include_metadata { self.stored.metadata.clone() } else { Metadata::new() },
            vector: request.include_vectors.then(|| self.stored.vector.clone()),
        }
    }
}
