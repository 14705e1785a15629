//! Comparing an answer with the oracle's, within the contract's tolerance.

use std::collections::BTreeMap;

use portolan_core::{Exactness, Match, Metric, Record, SearchRequest, SearchResult, VectorFidelity};

use crate::case::{Stop, Verdict, check, check_eq};
use crate::context::unoracular;
use crate::twin::Twin;

/// What the oracle knows about the answer to a search.
pub(crate) struct Expected<'a> {
    twin: &'a Twin,
    request: &'a SearchRequest,
    /// Everything that meets filter and deduplication, best first, whatever threshold, offset and k.
    ranked: Vec<Ranked>,
    total: u64,
    /// Whether all distances are exactly representable, so that order and ties are settled.
    settled: bool,
}

struct Ranked {
    record: Match,
    /// Where the record stands in the space in which the contract's tolerance is given.
    at: f64,
    tolerance: f64,
}

impl<'a> Expected<'a> {
    pub(crate) async fn of(twin: &'a Twin, request: &'a SearchRequest) -> Verdict<Self> {
        let mut all = request.clone().top_k(10_000).offset(0).include_vectors(true).include_metadata(true);
        all.similarity_threshold = None;
        let all = twin.oracle.search(&all.with_total(true)).await.map_err(unoracular)?;
        check!(!all.has_more, "the case is no case: it has more than 10,000 matches to compare");
        let query = request.vector.as_deref().unwrap_or_default();
        let metric = twin.spec.metric;
        let settled = metric != Metric::Cosine
            && twin.subject.capability().vectors == VectorFidelity::Exact
            && is_small(query)
            && all.matches.iter().all(|m| m.vector.as_deref().is_some_and(is_small));
        let ranked = all.matches.into_iter().map(|record| {
            let tolerance = tolerance(metric, query, record.vector.as_deref().unwrap_or_default());
            Ranked { at: place(metric, record.distance.into()), tolerance, record }
        });
        let ranked = ranked.collect();
        Ok(Self { twin, request, ranked, total: all.total_matches.unwrap_or_default(), settled })
    }

    pub(crate) fn check(&self, found: &SearchResult) -> Verdict {
        let request = self.request;
        let exact = found.exactness == Exactness::Exact;
        check!(exact || !request.exact, "the answer is approximate, and exact was asked for");
        check_eq!(found.total_matches, request.with_total.then_some(self.total), "total_matches");
        check_eq!(found.offset, request.offset, "the offset of the answer");
        check_eq!(found.metric, self.twin.spec.metric, "the metric of the answer");
        self.check_length(found)?;
        let rows = self.rows(found)?;
        for (row, expected) in found.matches.iter().zip(&rows) {
            self.check_row(row, expected)?;
        }
        check_order(&found.matches, &rows)?;
        if self.settled && exact {
            let page = self.ranked.iter().skip(request.offset).take(found.matches.len());
            let expected: Vec<&str> = page.map(|r| r.record.id.as_str()).collect();
            let ids: Vec<&str> = found.matches.iter().map(|m| m.id.as_str()).collect();
            check_eq!(ids, expected, "the matches in order, ties by id");
        }
        self.check_ranks(&rows, exact)
    }

    /// The expected rows of the ids found.
    fn rows(&self, found: &SearchResult) -> Verdict<Vec<&Ranked>> {
        let mut known: BTreeMap<&str, &Ranked> =
            self.ranked.iter().map(|r| (r.record.id.as_str(), r)).collect();
        let rows = found.matches.iter().map(|row| {
            known.remove(row.id.as_str()).ok_or_else(|| {
                Stop::Failed(format!("{:?} is found twice, or is no match at all{}", row.id, self.shown()))
            })
        });
        rows.collect()
    }

    fn check_row(&self, row: &Match, expected: &Ranked) -> Verdict {
        let metric = self.twin.spec.metric;
        let id = &row.id;
        let off = (place(metric, row.distance.into()) - expected.at).abs();
        check!(
            off <= expected.tolerance,
            "{id:?} has the distance {}, expected {}",
            row.distance,
            expected.record.distance
        );
        let mut score = metric.score(row.distance.into());
        if self.request.score_normalization {
            score = metric.normalize_score(score);
        }
        check!(
            (f64::from(row.score) - score).abs() <= 1e-6 * score.abs().max(1.0),
            "{id:?} has the score {}, and by its distance {} should have {score}",
            row.score,
            row.distance
        );
        if let Some(threshold) = self.request.similarity_threshold {
            check!(row.score >= threshold, "{id:?} has the score {}, below the threshold", row.score);
        }
        let mut wanted = expected.record.clone();
        if !self.request.include_metadata {
            wanted.metadata = portolan_core::Metadata::new();
        }
        check_eq!(row.metadata, wanted.metadata, "the metadata of {id:?} in a search");
        check_eq!(row.vector.is_some(), self.request.include_vectors, "whether {id:?} comes with its vector");
        match (&row.vector, &wanted.vector) {
            (Some(found), Some(expected)) => vector(self.twin, id, found, expected),
            _ => Ok(()),
        }
    }

    /// How many rows may be there, from offset and k and the number of survivors; whether there are more.
    fn check_length(&self, found: &SearchResult) -> Verdict {
        let survivors = |slack: f64| match self.request.similarity_threshold {
            None => self.ranked.len(),
            Some(t) => self.ranked.iter().filter(|r| self.score_with(r, slack) >= t).count(),
        };
        let (least, most) = (survivors(1.0), survivors(-1.0));
        let (offset, k) = (self.request.offset, self.request.top_k);
        let length = |survivors: usize| survivors.saturating_sub(offset).min(k);
        let n = found.matches.len();
        check!(
            (length(least)..=length(most)).contains(&n),
            "{n} matches, expected {}{}",
            length(least),
            self.shown()
        );
        let more = |survivors: usize| survivors > offset + k;
        if more(least) == more(most) {
            check_eq!(found.has_more, more(least), "has_more{}", self.shown());
        }
        Ok(())
    }

    /// The score as returned, had the distance been measured worse (or better) by so much of the tolerance.
    fn score_with(&self, ranked: &Ranked, slack: f64) -> f32 {
        let metric = self.twin.spec.metric;
        let at = ranked.at + slack * ranked.tolerance;
        let distance = if metric == Metric::Euclidean { at.max(0.0).sqrt() } else { at };
        let score = metric.score(distance);
        (if self.request.score_normalization { metric.normalize_score(score) } else { score }) as f32
    }

    /// Each row stands where it must: not too many records are surely nearer, and enough are not surely farther.
    fn check_ranks(&self, rows: &[&Ranked], exact: bool) -> Verdict {
        for (n, row) in rows.iter().enumerate() {
            let rank = self.request.offset + n;
            let nearer =
                self.ranked.iter().filter(|r| r.at + r.tolerance.max(row.tolerance) < row.at).count();
            check!(
                !exact || nearer <= rank,
                "{:?} stands at {rank}, and {nearer} are nearer{}",
                row.record.id,
                self.shown()
            );
            let maybe =
                self.ranked.iter().filter(|r| r.at - r.tolerance.max(row.tolerance) <= row.at).count();
            check!(
                maybe > rank,
                "{:?} stands at {rank}, and only {} others are as near{}",
                row.record.id,
                maybe - 1,
                self.shown()
            );
        }
        Ok(())
    }

    fn shown(&self) -> String {
        self.request.filter.as_ref().map(|f| format!(" where {f}")).unwrap_or_default()
    }
}

/// Compares a record with the oracle's, which has vector and metadata.
pub(crate) fn record(twin: &Twin, found: &Record, expected: &Record) -> Verdict {
    check_eq!(found.id, expected.id, "the id of a record");
    check_eq!(found.metadata, expected.metadata, "the metadata of {:?}", expected.id);
    match (&found.vector, &expected.vector) {
        (Some(found), Some(wanted)) => vector(twin, &expected.id, found, wanted),
        (found, wanted) => {
            check_eq!(found.is_some(), wanted.is_some(), "whether {:?} comes with its vector", expected.id);
            Ok(())
        }
    }
}

/// Compares a vector with the one that was written, as the declared fidelity allows.
fn vector(twin: &Twin, id: &str, found: &[f32], written: &[f32]) -> Verdict {
    check_eq!(found.len(), written.len(), "the length of the vector of {id:?}");
    let unit = twin.spec.metric == Metric::Cosine;
    let same = |equal: &dyn Fn(f32, f32) -> bool| found.iter().zip(written).all(|(&f, &w)| equal(f, w));
    let good = match twin.subject.capability().vectors {
        VectorFidelity::Normalized if unit => {
            let norm = norm(written);
            same(&|f, w| (f64::from(f) - f64::from(w) / norm).abs() <= 1e-6)
        }
        VectorFidelity::Rounded => {
            const STEP: f32 = 1.0 / 2_097_152.0;
            same(&|f, w| (f - w).abs() <= w.abs() * STEP)
        }
        _ => same(&|f, w| f.to_bits() == w.to_bits()),
    };
    check!(good, "the vector of {id:?} reads back as {found:?}, written {written:?}");
    Ok(())
}

/// Distances as returned rise, and records surely farther do not stand first.
fn check_order(found: &[Match], rows: &[&Ranked]) -> Verdict {
    for (n, pair) in found.windows(2).enumerate() {
        check!(
            pair[0].distance <= pair[1].distance && pair[0].score >= pair[1].score,
            "{:?} stands before {:?}, at {} before {}",
            pair[0].id,
            pair[1].id,
            pair[0].distance,
            pair[1].distance
        );
        let slack = rows[n].tolerance.max(rows[n + 1].tolerance);
        check!(
            rows[n].at - rows[n + 1].at <= slack,
            "{:?} stands before {:?}, which is nearer",
            pair[0].id,
            pair[1].id
        );
    }
    Ok(())
}

/// The distance in the space in which the tolerance is given: L2 squared, the others as they are.
fn place(metric: Metric, distance: f64) -> f64 {
    if metric == Metric::Euclidean { distance * distance } else { distance }
}

fn tolerance(metric: Metric, a: &[f32], b: &[f32]) -> f64 {
    let size = match metric {
        Metric::Cosine => 1.0,
        Metric::DotProduct => norm(a) * norm(b),
        Metric::Euclidean => norm(a).powi(2) + norm(b).powi(2),
        Metric::Manhattan => sum(a) + sum(b),
    };
    1e-5 * size
}

fn norm(v: &[f32]) -> f64 {
    v.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>().sqrt()
}

fn sum(v: &[f32]) -> f64 {
    v.iter().map(|&x| f64::from(x).abs()).sum()
}

fn is_small(v: &[f32]) -> bool {
    v.iter().all(|x| x.fract() == 0.0 && x.abs() <= 1_024.0)
}
