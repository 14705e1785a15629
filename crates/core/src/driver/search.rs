//! Search over a driver: fetches on until the answer is certain.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use super::distance::distance;
use super::pages::{meets, past_budget};
use super::storage::{DriverStorage, Opened};
use super::{Driver, ExactSearch, Hit, Nearest, Want, aside, push, write};
use crate::error::{Error, Result};
use crate::filter::{Filter, Pushed};
use crate::index::Metric;
use crate::metadata::{Metadata, Scalar, Value};
use crate::record::{Record, Vector};
use crate::search::{Deduplicate, Exactness, Match, SearchRequest, SearchResult};
use crate::stats::Explanation;
use crate::validate;

/// How the number of rows asked for grows from one step to the next.
const GROWTH: usize = 4;

/// The least rows asked for where some of them may fall away.
const FIRST: usize = 64;

/// A row that survived so far.
struct Candidate {
    record: Record,
    native_id: String,
    /// Never -0.0, which would sort before 0.0.
    distance: f64,
}

impl Candidate {
    fn order(&self, other: &Self) -> Ordering {
        self.distance
            .total_cmp(&other.distance)
            .then_with(|| self.record.id.as_bytes().cmp(other.record.id.as_bytes()))
    }
}

/// The survivors, and whether they are certain.
struct Found {
    candidates: Vec<Candidate>,
    exactness: Exactness,
    read: u64,
    /// Whether there are more than were needed, where that is known otherwise than from one more of them.
    more: Option<bool>,
}

/// A search, prepared.
struct Query<'a, F> {
    request: &'a SearchRequest,
    vector: &'a [f32],
    metric: Metric,
    pushed: Pushed<F>,
    /// The survivors needed: those passed over, those returned, and one more.
    need: usize,
    want: Want,
}

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn search_in(&self, at: &Opened, request: &SearchRequest) -> Result<SearchResult> {
        validate::search(request, at.spec(), self.capability_of())?;
        let Some(vector) = &request.vector else {
            return Err(Error::invalid("the search has no vector; only explain takes one without"));
        };
        let filter = request.filter.as_ref().map_or_else(Filter::all, push::prepared);
        let query = self.query(at, request, vector, &filter);
        let found = if filter.is_none() {
            Found { candidates: Vec::new(), exactness: Exactness::Exact, read: 0, more: None }
        } else {
            self.find(at, &query, &filter).await?
        };
        let mut result =
            SearchResult::new(at.spec().name.as_str(), self.profile().provider, at.spec().metric);
        if request.with_total {
            result.total_matches =
                Some(self.count_matching(at, &filter, true, request.residual_budget).await?);
        }
        result.has_more = found.more.unwrap_or(found.candidates.len() >= query.need);
        result.exactness = found.exactness;
        result.records_read = found.read;
        result.offset = request.offset;
        let page = found.candidates.into_iter().skip(request.offset).take(request.top_k).collect();
        result.matches = self.matches(at, &query, page).await?;
        Ok(result)
    }

    pub(super) async fn explain_in(&self, at: &Opened, request: &SearchRequest) -> Result<Explanation> {
        validate::search(request, at.spec(), self.capability_of())?;
        let filter = request.filter.as_ref().map_or_else(Filter::all, push::prepared);
        let pushed = push::push(self.driver(), at.spec(), &filter);
        let provider = self.profile().provider;
        let plan = if filter.is_none() {
            "the filter is true for no record: nothing is read"
        } else if pushed.residual.is_none() {
            "the database searches and evaluates the whole filter"
        } else if pushed.native.is_some() {
            "the database searches under a wider filter; what it returns is checked here, and more is fetched until \
             enough is left"
        } else {
            "the database searches without a filter; what it returns is checked here, and more is fetched until \
             enough is left"
        };
        let mut explanation = Explanation::new(at.spec().name.as_str(), provider, pushed.push_down(), plan);
        explanation.native = pushed.native.as_ref().map(ToString::to_string);
        explanation.residual = pushed.residual.as_ref().map(ToString::to_string);
        explanation.estimated_records = if filter.is_none() {
            Some(0)
        } else {
            self.driver().estimate(at.target(), pushed.native.as_ref()).await?
        };
        Ok(explanation)
    }

    fn query<'a>(
        &self,
        at: &Opened,
        request: &'a SearchRequest,
        vector: &'a [f32],
        filter: &Filter,
    ) -> Query<'a, D::Filter> {
        let pushed = push::push(self.driver(), at.spec(), filter);
        let by_field = matches!(request.deduplicate, Some(Deduplicate::Field(_)));
        let coarse = self.driver().is_coarse(at.spec());
        let want = Want {
            vectors: request.include_vectors || request.deduplicate == Some(Deduplicate::Vector) || coarse,
            metadata: request.include_metadata || by_field || pushed.residual.is_some(),
            own: !self.profile().ids.is_plain(),
        };
        let need = request.offset.saturating_add(request.top_k).saturating_add(1);
        Query { request, vector, metric: at.spec().metric, pushed, need, want }
    }

    /// Asks for more and more rows until enough have surely survived, or there are no more.
    async fn find(&self, at: &Opened, query: &Query<'_, D::Filter>, filter: &Filter) -> Result<Found> {
        let profile = self.profile();
        if query.request.exact && profile.exact == ExactSearch::Never {
            return self.find_by_scan(at, query, filter).await;
        }
        let window = profile.native_window;
        let thins = query.pushed.residual.is_some() || query.request.deduplicate.is_some();
        let mut exact = query.request.exact && profile.exact == ExactSearch::OnRequest;
        let budget = usize::try_from(query.request.residual_budget).unwrap_or(usize::MAX);
        let most = if thins { window.min(budget) } else { window };
        let mut k =
            if thins { query.need.saturating_mul(2).max(FIRST) } else { query.need.saturating_add(1) };
        let mut read = 0;
        loop {
            k = k.min(most);
            let nearest = Nearest {
                vector: query.vector,
                k,
                filter: query.pushed.native.as_ref(),
                exact,
                ef_search: query.request.ef_search,
                nprobe: query.request.nprobe,
                want: query.want,
            };
            let mut answer = self.driver().nearest(at.target(), &nearest).await?;
            read += answer.records_read;
            let short = answer.hits.len() < k;
            if self.driver().is_coarse(at.spec()) {
                query.rescore(&mut answer.hits);
            }
            let exactness = answer.exactness;
            let all = short
                && (exactness == Exactness::Exact || self.explained(at, query, answer.hits.len()).await?);
            let last = answer.hits.last().map(|h| h.distance);
            // An approximate answer that is short may have passed over what is above the threshold.
            let gave_up = short && exactness == Exactness::Approximate;
            let below = !gave_up && last.is_some_and(|d| !query.reaches(d));
            let candidates = query.survivors(answer.hits)?;
            let ordered = profile.ties_by_id || exactness == Exactness::Approximate;
            let certain = if all || below || ordered {
                candidates.len()
            } else {
                candidates.iter().take_while(|c| last.is_some_and(|d| c.distance < d)).count()
            };
            if all || below || certain >= query.need {
                let exactness = query.exactness_of(exactness, all);
                return Ok(Found { candidates, exactness, read, more: None });
            }
            if short && !exact && profile.exact == ExactSearch::OnRequest {
                exact = true;
            } else if k == budget && thins {
                return Err(past_budget(query.request.residual_budget));
            } else if gave_up || k == window {
                return self.find_past_window(at, query, filter, candidates, read).await;
            } else {
                k = k.saturating_mul(GROWTH);
            }
        }
    }

    /// What the driver's window does not reach is read and scored here. Where that is to be avoided, and the window
    /// shows all but whether there is more, the total tells.
    async fn find_past_window(
        &self,
        at: &Opened,
        query: &Query<'_, D::Filter>,
        filter: &Filter,
        candidates: Vec<Candidate>,
        read: u64,
    ) -> Result<Found> {
        let request = query.request;
        let end = request.offset.saturating_add(request.top_k);
        let plain = query.pushed.residual.is_none()
            && request.deduplicate.is_none()
            && request.similarity_threshold.is_none();
        if plain && !self.profile().scans && candidates.len() >= end {
            let total = self.count_matching(at, filter, true, request.residual_budget).await?;
            let more = Some(total > end as u64);
            return Ok(Found { candidates, exactness: Exactness::Approximate, read, more });
        }
        let mut found = self.find_by_scan(at, query, filter).await?;
        found.read += read;
        Ok(found)
    }

    /// Reads all that the pushed filter meets and scores it here.
    async fn find_by_scan(
        &self,
        at: &Opened,
        query: &Query<'_, D::Filter>,
        filter: &Filter,
    ) -> Result<Found> {
        let pushed = push::push_to_pages(self.driver(), at.spec(), filter);
        let mut want = Want { vectors: true, ..query.want };
        want.metadata |= pushed.residual.is_some();
        let keep = query.need.saturating_mul(2).max(1_024);
        let mut candidates: Vec<Candidate> = Vec::new();
        let budget = query.request.residual_budget;
        let read = self
            .each_record(at, &pushed, want, budget, |record| {
                let Some(vector) = &record.vector else { return Ok(()) };
                let distance = distance(query.metric, query.vector, vector);
                if query.reaches(distance) {
                    candidates.push(Candidate {
                        native_id: record.id.clone(),
                        record,
                        distance: distance + 0.0,
                    });
                }
                if candidates.len() > keep {
                    candidates = query.best(std::mem::take(&mut candidates))?;
                    candidates.truncate(query.need);
                }
                Ok(())
            })
            .await?;
        Ok(Found { candidates: query.best(candidates)?, exactness: Exactness::Exact, read, more: None })
    }

    /// Whether the number of rows that the pushed filter meets explains an answer that is shorter than asked.
    async fn explained(&self, at: &Opened, query: &Query<'_, D::Filter>, hits: usize) -> Result<bool> {
        let native = query.pushed.native.as_ref();
        let counts = if native.is_some() { self.profile().count_where } else { self.profile().count };
        Ok(counts && self.driver().count(at.target(), native, true).await? == hits as u64)
    }

    async fn matches(
        &self,
        at: &Opened,
        query: &Query<'_, D::Filter>,
        page: Vec<Candidate>,
    ) -> Result<Vec<Match>> {
        self.check_twins(at, &page).await?;
        let request = query.request;
        Ok(page
            .into_iter()
            .map(|c| Match {
                id: c.record.id,
                score: query.score(c.distance),
                distance: query.clamped(c.distance),
                metadata: if request.include_metadata { c.record.metadata } else { Metadata::new() },
                vector: if request.include_vectors { c.record.vector } else { None },
            })
            .collect())
    }

    /// An id that may stand in two native forms and does so is no answer.
    async fn check_twins(&self, at: &Opened, page: &[Candidate]) -> Result<()> {
        let scheme = self.profile().ids;
        if scheme.is_plain() {
            return Ok(());
        }
        let twins: HashMap<String, &str> = page
            .iter()
            .flat_map(|c| scheme.forms(&c.record.id).into_iter().map(move |form| (form, c)))
            .filter(|(form, c)| *form != c.native_id && scheme.forms(&c.record.id).len() > 1)
            .map(|(form, c)| (form, c.record.id.as_str()))
            .collect();
        if twins.is_empty() {
            return Ok(());
        }
        let ids: Vec<String> = twins.keys().cloned().collect();
        for row in self.fetch_rows(at, &ids, Want { own: true, ..Want::ID }).await? {
            if let Some(id) = twins.get(&row.id).filter(|id| aside::port_id(&row).is_ok_and(|p| p == **id)) {
                return Err(write::collision(id, &format!("it also stands for the native id {}", row.id)));
            }
        }
        Ok(())
    }
}

impl<F> Query<'_, F> {
    /// Scores hits by their vectors.
    fn rescore(&self, hits: &mut [Hit]) {
        for hit in hits.iter_mut() {
            if let Some(vector) = &hit.row.vector {
                hit.distance = distance(self.metric, self.vector, vector);
            }
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    }

    /// The hits that meet residual filter and threshold, best first, without duplicates.
    fn survivors(&self, hits: Vec<Hit>) -> Result<Vec<Candidate>> {
        let mut candidates = Vec::with_capacity(hits.len());
        // A zero vector of another program has no cosine, and is not found.
        for Hit { row, distance } in hits.into_iter().filter(|hit| !hit.distance.is_nan()) {
            let native_id = row.id.clone();
            let record = aside::decode(row)?;
            if meets(&self.pushed.residual, &record) && self.reaches(distance) {
                candidates.push(Candidate { record, native_id, distance: distance + 0.0 });
            }
        }
        self.best(candidates)
    }

    /// Candidates in order, the best of each group of duplicates.
    fn best(&self, mut candidates: Vec<Candidate>) -> Result<Vec<Candidate>> {
        candidates.sort_by(Candidate::order);
        let mut ids: HashMap<&str, &str> = HashMap::with_capacity(candidates.len());
        for c in &candidates {
            if let Some(other) = ids.insert(&c.record.id, &c.native_id)
                && other != c.native_id
            {
                let why = format!("it stands for the native ids {other} and {}", c.native_id);
                return Err(write::collision(&c.record.id, &why));
            }
        }
        let mut seen = HashSet::new();
        let mut groups = HashSet::new();
        candidates.retain(|c| {
            seen.insert(c.record.id.clone()) && self.group(&c.record).is_none_or(|group| groups.insert(group))
        });
        Ok(candidates)
    }

    /// What a record is a duplicate by; equal for duplicates.
    fn group(&self, record: &Record) -> Option<Vec<u8>> {
        match self.request.deduplicate.as_ref()? {
            Deduplicate::Vector => record.vector.as_ref().map(vector_key),
            Deduplicate::Field(key) => record.metadata.get(key).map(value_key),
        }
    }

    /// Whether a distance is within the threshold.
    fn reaches(&self, distance: f64) -> bool {
        self.request.similarity_threshold.is_none_or(|least| self.score(distance) >= least)
    }

    fn score(&self, distance: f64) -> f32 {
        let score = self.metric.score(distance);
        (if self.request.score_normalization { self.metric.normalize_score(score) } else { score }) as f32
    }

    fn clamped(&self, distance: f64) -> f32 {
        (match self.metric {
            Metric::Cosine => distance.clamp(0.0, 2.0),
            Metric::DotProduct => distance,
            Metric::Euclidean | Metric::Manhattan => distance.max(0.0),
        }) as f32
    }

    fn exactness_of(&self, native: Exactness, all: bool) -> Exactness {
        if all { Exactness::Exact } else { native }
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
        Scalar::Float(x) => match whole(*x) {
            Some(i) => [b"n", i.to_le_bytes().as_slice()].concat(),
            None => [b"f", x.to_bits().to_le_bytes().as_slice()].concat(),
        },
    }
}

/// The integer that a float is equal to.
fn whole(x: f64) -> Option<i64> {
    let i = x as i64;
    (crate::filter::compare_mixed(i, x) == Some(Ordering::Equal)).then_some(i)
}
