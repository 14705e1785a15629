//! Search over a driver: asks for more until the answer is certain.

use std::collections::HashMap;

use super::call::Call;
use super::candidates::{Candidate, Query};
use super::lowering::LoweredFilter;
use super::places::collision;
use super::scan::past_budget;
use super::step::{self, Round, Step};
use super::storage::DriverStorage;
use super::{Driver, ExactSearch, Hit, NativeId, Nearest, Neighbours, ScoreError, Want, overflow};
use crate::error::{Error, Result};
use crate::index::EngineKind;
use crate::record::Vector;
use crate::search::{Deduplicate, Exactness, SearchRequest, SearchResult};
use crate::stats::Explanation;
use crate::validate;

/// How the number of rows asked for grows from one step to the next.
const GROWTH: usize = 4;

/// The least rows asked for where some of them may fall away.
const FIRST: usize = 64;

/// The survivors, and whether they are certain.
struct Found {
    candidates: Vec<Candidate>,
    exactness: Exactness,
    read: u64,
    /// Whether there are more than were needed, where that is known otherwise than from one more of them.
    more: Option<bool>,
}

impl Found {
    fn new(candidates: Vec<Candidate>, exactness: Exactness, read: u64) -> Self {
        Self { candidates, exactness, read, more: None }
    }
}

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn search_in(
        &self,
        call: &Call<D::Index>,
        request: &SearchRequest,
    ) -> Result<SearchResult> {
        self.check_search(call, request)?;
        let Some(vector) = &request.vector else {
            return Err(Error::invalid("the search has no vector; only explain takes one without"));
        };
        let filter = LoweredFilter::new(self.driver(), call.unsent(), request.filter.as_ref());
        let query = self.query(call, request, vector, &filter);
        let found = if filter.filter.is_none() {
            Found::new(Vec::new(), Exactness::Exact, 0)
        } else {
            self.find(call, &query, &filter).await?
        };
        let spec = call.spec();
        let mut result = SearchResult::new(spec.name.as_str(), self.profile().provider, spec.metric);
        if request.with_total {
            result.total_matches =
                Some(self.count_matching(call, &filter, true, request.residual_budget).await?);
        }
        result.has_more = found.more.unwrap_or(found.candidates.len() >= query.need);
        result.exactness = found.exactness;
        result.records_read = found.read;
        result.offset = request.offset;
        let page: Vec<Candidate> =
            found.candidates.into_iter().skip(request.offset).take(request.top_k).collect();
        self.check_twins(call, &page).await?;
        result.matches = page.into_iter().map(|candidate| query.matched(candidate)).collect::<Result<_>>()?;
        Ok(result)
    }

    pub(super) async fn explain_in(
        &self,
        call: &Call<D::Index>,
        request: &SearchRequest,
    ) -> Result<Explanation> {
        self.check_search(call, request)?;
        let filter = LoweredFilter::new(self.driver(), call.unsent(), request.filter.as_ref());
        let pushed = &filter.pushed;
        let provider = self.profile().provider;
        let plan = if filter.filter.is_none() {
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
        let mut explanation = Explanation::new(call.spec().name.as_str(), provider, pushed.push_down(), plan);
        explanation.native = pushed.native.as_ref().map(ToString::to_string);
        explanation.residual = pushed.residual.as_ref().map(ToString::to_string);
        explanation.exactness = Some(self.exactness_of(call, request));
        let always_exact = call.exact(self.profile().exact) == ExactSearch::Always;
        explanation.engine = call.spec().engine.kind.or(always_exact.then_some(EngineKind::Flat));
        explanation.estimated_records = if filter.filter.is_none() {
            Some(0)
        } else {
            let target = call.target();
            call.limit.read(self.driver().estimate(target, pushed.native.as_ref())).await?
        };
        Ok(explanation)
    }

    /// How a search would be answered.
    fn exactness_of(&self, call: &Call<D::Index>, request: &SearchRequest) -> Exactness {
        match call.exact(self.profile().exact) {
            ExactSearch::Always => Exactness::Exact,
            ExactSearch::OnRequest | ExactSearch::Never if request.exact => Exactness::Exact,
            ExactSearch::OnRequest | ExactSearch::Never => Exactness::Approximate,
        }
    }

    fn check_search(&self, call: &Call<D::Index>, request: &SearchRequest) -> Result<()> {
        validate::search(request, call.spec(), self.capability_of())?;
        let profile = self.profile();
        if request.exact && call.exact(profile.exact) == ExactSearch::Never && !profile.scans {
            return Err(Error::unsupported("this index answers approximately, and is not scanned"));
        }
        Ok(())
    }

    fn query<'a>(
        &self,
        call: &Call<D::Index>,
        request: &'a SearchRequest,
        vector: &'a [f32],
        filter: &'a LoweredFilter<D::Filter>,
    ) -> Query<'a, D> {
        let by_field = matches!(request.deduplicate, Some(Deduplicate::Field(_)));
        let by_vector = request.deduplicate == Some(Deduplicate::Vector);
        let rescored = call.score_error() != ScoreError::Negligible;
        let want = Want {
            vectors: request.include_vectors || by_vector || rescored,
            metadata: request.include_metadata || by_field || filter.pushed.residual.is_some(),
            overflow: !self.profile().ids.is_plain(),
        };
        let need = request.offset.saturating_add(request.top_k).saturating_add(1);
        Query { request, vector, metric: call.spec().metric, pushed: &filter.pushed, need, want }
    }

    /// Asks for more and more rows until enough have surely survived, or there are no more.
    async fn find(
        &self,
        call: &Call<D::Index>,
        query: &Query<'_, D>,
        filter: &LoweredFilter<D::Filter>,
    ) -> Result<Found> {
        let profile = self.profile();
        let exact_search = call.exact(profile.exact);
        if query.request.exact && exact_search == ExactSearch::Never {
            return self.find_by_scan(call, query, filter).await;
        }
        let off = match call.score_error() {
            ScoreError::Bounded(off) => off,
            ScoreError::Negligible | ScoreError::Unbounded => 0.0,
        };
        let window = profile.native_window;
        let thins = query.pushed.residual.is_some() || query.request.deduplicate.is_some();
        let budget = usize::try_from(query.request.residual_budget).unwrap_or(usize::MAX);
        let most = if thins { window.min(budget) } else { window };
        let mut exact = query.request.exact && exact_search == ExactSearch::OnRequest;
        let mut k = if thins || off > 0.0 {
            query.need.saturating_mul(2).max(FIRST)
        } else {
            query.need.saturating_add(1)
        };
        let mut read = 0;
        loop {
            k = k.min(most);
            let answer = self.nearest(call, query, k, exact).await?;
            read += answer.records_read;
            let (hits, exactness) = (answer.hits.len(), answer.exactness);
            let short = hits < k;
            let is_exact = exactness == Exactness::Exact;
            let explained = short && !is_exact && self.explained(call, query, hits).await?;
            // No row that did not come is nearer than this.
            let edge = answer.hits.last().map(|hit| hit.distance - off);
            let hits = self.rescored(call, query, answer.hits).await?;
            let candidates = query.survivors(hits)?;
            let in_order = off == 0.0 && (profile.ties_by_id || !is_exact);
            let before_edge = |c: &&Candidate| edge.is_some_and(|edge| c.distance < edge);
            let round = Round {
                need: query.need,
                certain: if in_order {
                    candidates.len()
                } else {
                    candidates.iter().take_while(before_edge).count()
                },
                short,
                exact: is_exact,
                explained,
                past_threshold: edge.is_some_and(|edge| !query.reaches(edge)),
                exact_left: !exact && exact_search == ExactSearch::OnRequest,
                at_budget: thins && k == budget,
                at_window: k == window,
            };
            match step::next(&round) {
                Step::Complete => return Ok(Found::new(candidates, Exactness::Exact, read)),
                Step::Enough => return Ok(Found::new(candidates, exactness, read)),
                Step::AskExactly => exact = true,
                Step::AskForMore => k = k.saturating_mul(GROWTH),
                Step::OverBudget => return Err(past_budget(query.request.residual_budget)),
                Step::PastWindow => {
                    return self.find_past_window(call, query, filter, candidates, read).await;
                }
            }
        }
    }

    async fn nearest(
        &self,
        call: &Call<D::Index>,
        query: &Query<'_, D>,
        k: usize,
        exact: bool,
    ) -> Result<Neighbours> {
        let nearest = Nearest {
            vector: query.vector,
            k,
            filter: query.pushed.native.as_ref(),
            exact,
            ef_search: query.request.ef_search,
            nprobe: query.request.nprobe,
            want: query.want,
        };
        call.limit.read(self.driver().nearest(call.target(), &nearest)).await
    }

    /// The hits with distances that keep the tolerance: where the database's own may not, by the vectors.
    async fn rescored(
        &self,
        call: &Call<D::Index>,
        query: &Query<'_, D>,
        mut hits: Vec<Hit>,
    ) -> Result<Vec<Hit>> {
        let all = call.score_error() != ScoreError::Negligible;
        let coarse = |hit: &Hit| all || hit.coarse;
        if !hits.iter().any(coarse) {
            return Ok(hits);
        }
        let without: Vec<NativeId> = hits
            .iter()
            .filter(|hit| coarse(hit) && hit.row.vector.is_none())
            .map(|hit| hit.row.id.clone())
            .collect();
        let rows = self.fetch_rows(call, &without, Want { vectors: true, ..Want::ID }).await?;
        let vectors: HashMap<NativeId, Option<Vector>> =
            rows.into_iter().map(|row| (row.id, row.vector)).collect();
        for hit in hits.iter_mut().filter(|hit| coarse(hit)) {
            let fetched = || vectors.get(&hit.row.id).and_then(Option::as_ref);
            if let Some(vector) = hit.row.vector.as_ref().or_else(fetched) {
                hit.distance = query.distance(vector);
            }
        }
        Ok(hits)
    }

    /// What the driver's window does not reach is read and scored here. Where that is to be avoided, and the window
    /// shows all but whether there is more, the total tells.
    async fn find_past_window(
        &self,
        call: &Call<D::Index>,
        query: &Query<'_, D>,
        filter: &LoweredFilter<D::Filter>,
        candidates: Vec<Candidate>,
        read: u64,
    ) -> Result<Found> {
        let request = query.request;
        let end = request.offset.saturating_add(request.top_k);
        let plain = query.pushed.residual.is_none()
            && request.deduplicate.is_none()
            && request.similarity_threshold.is_none();
        if plain && !self.profile().scans && candidates.len() >= end {
            let total = self.count_matching(call, filter, true, request.residual_budget).await?;
            let more = Some(total > end as u64);
            return Ok(Found { more, ..Found::new(candidates, Exactness::Approximate, read) });
        }
        let mut found = self.find_by_scan(call, query, filter).await?;
        found.read += read;
        Ok(found)
    }

    /// Reads all that the pushed filter meets and scores it here.
    async fn find_by_scan(
        &self,
        call: &Call<D::Index>,
        query: &Query<'_, D>,
        filter: &LoweredFilter<D::Filter>,
    ) -> Result<Found> {
        let pushed = filter.in_pages();
        let mut want = Want { vectors: true, ..query.want };
        want.metadata |= pushed.residual.is_some();
        let keep = query.need.saturating_mul(2).max(1_024);
        let mut candidates: Vec<Candidate> = Vec::new();
        let budget = query.request.residual_budget;
        let read = self
            .each_record(call, pushed, want, budget, |native_id, record| {
                let Some(vector) = &record.vector else { return Ok(()) };
                let distance = query.distance(vector) + 0.0;
                if !distance.is_nan() && query.reaches(distance) {
                    candidates.push(Candidate { record, native_id, distance, unreadable: None });
                }
                if candidates.len() > keep {
                    candidates = query.best(std::mem::take(&mut candidates))?;
                    candidates.truncate(query.need);
                }
                Ok(())
            })
            .await?;
        Ok(Found::new(query.best(candidates)?, Exactness::Exact, read))
    }

    /// Whether the number of rows that the pushed filter meets explains an answer that is shorter than asked.
    async fn explained(&self, call: &Call<D::Index>, query: &Query<'_, D>, hits: usize) -> Result<bool> {
        let count = self.count_natively(call, query.pushed.native.as_ref(), true).await?;
        Ok(count == Some(hits as u64))
    }

    /// An id that may stand in two native forms and does so is no answer.
    async fn check_twins(&self, call: &Call<D::Index>, page: &[Candidate]) -> Result<()> {
        let scheme = self.profile().ids;
        if scheme.is_plain() {
            return Ok(());
        }
        let mut twins: HashMap<NativeId, &str> = HashMap::new();
        for candidate in page {
            let id = candidate.record.id.as_str();
            let others = scheme.forms(id).into_iter().filter(|form| *form != candidate.native_id);
            twins.extend(others.filter(|_| scheme.forms(id).len() > 1).map(|form| (form, id)));
        }
        let forms: Vec<NativeId> = twins.keys().cloned().collect();
        for row in self.fetch_rows(call, &forms, Want { overflow: true, ..Want::ID }).await? {
            let id = twins.get(&row.id).filter(|id| overflow::port_id(&row).is_ok_and(|port| port == **id));
            if let Some(id) = id {
                return Err(collision(id, &format!("it also stands for the native id {}", row.id)));
            }
        }
        Ok(())
    }
}
