//! The exact search: score everything that meets the filter, sort, cut.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::Value as Json;

use super::config::PROVIDER;
use super::distance::distance;
use super::index::{Entry, Index};
use crate::filter::Filter;
use crate::index::Metric;
use crate::metadata::{Metadata, Value};
use crate::search::{Deduplicate, Match, SearchRequest, SearchResult};

struct Candidate<'a> {
    id: &'a str,
    entry: &'a Entry,
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

    let mut result = SearchResult::new(&request.index, PROVIDER, index.spec().metric);
    result.total_matches = request.with_total.then_some(total);
    result.records_read = index.records.size() as u64;
    result.offset = request.offset;
    result.has_more = survivors.len() > request.offset + request.top_k;
    let page = survivors.iter().skip(request.offset).take(request.top_k);
    result.matches = page.map(|candidate| candidate.to_match(index.spec().metric, request)).collect();
    result
}

fn candidates<'a>(index: &'a Index, request: &SearchRequest, query: &[f32]) -> Vec<Candidate<'a>> {
    let metric = index.spec().metric;
    let matcher = request.filter.as_ref().map(Filter::matcher);
    let meets =
        |id: &str, entry: &Entry| matcher.as_ref().is_none_or(|matcher| matcher.matches(id, &entry.metadata));
    let matching = index.records.iter().filter(|(id, entry)| meets(id, entry));
    let candidate = |(id, entry): (&'a Arc<str>, &'a Entry)| {
        let distance = distance(metric, query, &entry.vector);
        let score = metric.returned_score(distance, request.score_normalization);
        Candidate { id, entry, distance, score }
    };
    matching.map(candidate).collect()
}

/// Keeps the first of each group; those without the field are all kept.
fn deduplicate(sorted: &mut Vec<Candidate<'_>>, by: &Deduplicate) {
    match by {
        Deduplicate::Vector => {
            let mut seen = HashSet::new();
            sorted.retain(|c| {
                seen.insert(c.entry.vector.iter().map(|x| (x + 0.0).to_bits()).collect::<Vec<_>>())
            });
        }
        Deduplicate::Field(key) => {
            let mut seen = HashSet::new();
            sorted.retain(|c| c.entry.metadata.get(key).is_none_or(|value| seen.insert(group(value))));
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
    fn to_match(&self, metric: Metric, request: &SearchRequest) -> Match {
        Match {
            id: self.id.to_owned(),
            score: self.score,
            distance: metric.returned_distance(self.distance),
            metadata: if request.include_metadata { self.entry.metadata.clone() } else { Metadata::new() },
            vector: request.include_vectors.then(|| self.entry.vector.clone()),
        }
    }
}
