//! What a search has found so far: scored, checked, in order, without duplicates.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::places::collision;
use super::{Driver, Hit, NativeId, Want, overflow};
use crate::arithmetic;
use crate::error::Result;
use crate::filter::Pushed;
use crate::index::Metric;
use crate::metadata::{Metadata, Scalar, Value};
use crate::number::exact_i64;
use crate::record::{Record, Vector};
use crate::scan::Unreadable;
use crate::search::{Deduplicate, Match, SearchRequest};

/// A row that survived so far.
pub(super) struct Candidate {
    pub(super) record: Record,
    pub(super) native_id: NativeId,
    /// Never -0.0, which would sort before 0.0.
    pub(super) distance: f64,
    /// The record, where all that can be read of it is its id and vector.
    pub(super) unreadable: Option<Unreadable>,
}

impl Candidate {
    fn order(&self, other: &Self) -> Ordering {
        self.distance
            .total_cmp(&other.distance)
            .then_with(|| self.record.id.as_bytes().cmp(other.record.id.as_bytes()))
    }
}

/// A search, prepared.
pub(super) struct Query<'a, D: Driver> {
    pub(super) request: &'a SearchRequest,
    pub(super) vector: &'a [f32],
    pub(super) metric: Metric,
    pub(super) pushed: &'a Pushed<D::Filter>,
    /// The survivors needed: those passed over, those returned, and one more.
    pub(super) need: usize,
    pub(super) want: Want,
}

impl<D: Driver> Query<'_, D> {
    /// The distance of a vector from the query, by the one arithmetic.
    pub(super) fn distance(&self, vector: &[f32]) -> f64 {
        arithmetic::distance(self.metric, self.vector, vector)
    }

    /// The hits that meet residual filter and threshold, best first, without duplicates.
    pub(super) fn survivors(&self, hits: Vec<Hit>) -> Result<Vec<Candidate>> {
        let mut candidates = Vec::with_capacity(hits.len());
        let residual = self.pushed.residual_matcher();
        // Zero vectors that other programs wrote have no cosine (NaN), and are not found.
        for Hit { row, distance, unreadable, .. } in hits.into_iter().filter(|hit| !hit.distance.is_nan()) {
            let native_id = row.id.clone();
            let unreadable = unreadable.map(|why| Unreadable { id: native_id.to_string(), why });
            if let Some(unreadable) = unreadable.as_ref().filter(|_| self.looks_at_metadata()) {
                return Err(unreadable.to_error());
            }
            let record = overflow::decode(row)?;
            if residual.matches(&record.id, &record.metadata) && self.reaches(distance) {
                candidates.push(Candidate { record, native_id, distance: distance + 0.0, unreadable });
            }
        }
        self.best(candidates)
    }

    /// Candidates in order, the best of each group of duplicates.
    pub(super) fn best(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
        candidates.sort_by(Candidate::order);
        let mut ids: HashMap<&str, &NativeId> = HashMap::with_capacity(candidates.len());
        let mut groups = HashSet::new();
        let mut kept = Vec::with_capacity(candidates.len());
        for c in &candidates {
            let twin = ids.insert(&c.record.id, &c.native_id);
            if let Some(other) = twin.filter(|other| **other != c.native_id) {
                let why = format!("it stands for the native ids {other} and {}", c.native_id);
                return Err(collision(&c.record.id, &why));
            }
            let first = twin.is_none();
            kept.push(first && self.group(&c.record).is_none_or(|group| groups.insert(group)));
        }
        let mut kept = kept.into_iter();
        candidates.retain(|_| kept.next().unwrap_or_default());
        Ok(candidates)
    }

    /// Whether a distance is within the threshold.
    pub(super) fn reaches(&self, distance: f64) -> bool {
        self.request.similarity_threshold.is_none_or(|least| self.score(distance) >= least)
    }

    /// A candidate as it is returned; `Corrupt` where it cannot be read.
    pub(super) fn matched(&self, candidate: Candidate) -> Result<Match> {
        let Candidate { record, distance, unreadable, .. } = candidate;
        unreadable.map_or(Ok(()), |record| Err(record.to_error()))?;
        Ok(Match {
            id: record.id,
            score: self.score(distance),
            distance: self.metric.returned_distance(distance),
            metadata: if self.request.include_metadata { record.metadata } else { Metadata::new() },
            vector: if self.request.include_vectors { record.vector } else { None },
        })
    }

    /// Whether it depends on a record's metadata if it is found.
    fn looks_at_metadata(&self) -> bool {
        let by_field = matches!(self.request.deduplicate, Some(Deduplicate::Field(_)));
        by_field || self.pushed.residual.is_some()
    }

    fn score(&self, distance: f64) -> f32 {
        self.metric.returned_score(distance, self.request.score_normalization)
    }

    /// What a record is a duplicate by; equal for duplicates.
    fn group(&self, record: &Record) -> Option<Vec<u8>> {
        match self.request.deduplicate.as_ref()? {
            Deduplicate::Vector => record.vector.as_ref().map(vector_key),
            Deduplicate::Field(key) => record.metadata.get(key).map(value_key),
        }
    }
}

fn vector_key(vector: &Vector) -> Vec<u8> {
    vector.iter().flat_map(|x| (x + 0.0).to_bits().to_le_bytes()).collect()
}

/// Bytes that are equal for equal values: numbers by mathematical value, lists element by element.
fn value_key(value: &Value) -> Vec<u8> {
    match value {
        Value::Scalar(s) => [b"s", scalar_key(s).as_slice()].concat(),
        Value::List(items) => {
            let elements = items
                .iter()
                .map(scalar_key)
                .flat_map(|k| [(k.len() as u64).to_le_bytes().to_vec(), k].concat());
            b"l".iter().copied().chain(elements).collect()
        }
        Value::Opaque(json) => [b"o", json.to_string().as_bytes()].concat(),
    }
}

fn scalar_key(scalar: &Scalar) -> Vec<u8> {
    match scalar {
        Scalar::Bool(b) => vec![b'b', u8::from(*b)],
        Scalar::String(s) => [b"t", s.as_bytes()].concat(),
        Scalar::Integer(i) => [b"n", i.to_le_bytes().as_slice()].concat(),
        Scalar::Float(x) => match exact_i64(*x) {
            Some(i) => [b"n", i.to_le_bytes().as_slice()].concat(),
            None => [b"f", x.to_bits().to_le_bytes().as_slice()].concat(),
        },
    }
}
