//! Searches that ask for something else, or answer something else.

use portolan_core::{Deduplicate, Exactness, Filter, Match, Metric, SearchRequest, SearchResult, Value};

use super::{Inner, Of, or_where_missing, saboteurs};

saboteurs! {
    [S7 by "metric::threshold_on_cosine"]
    "the threshold is ignored" => ChangeRequest(|request| request.similarity_threshold = None);
    [S7 by "metric::threshold_is_inclusive_on_cosine"]
    "the threshold is exclusive" => ChangeAnswer(|request, found| {
        found.matches.retain(|m| request.similarity_threshold.is_none_or(|t| m.score > t));
    });
    [S7 by "metric::normalized_scores_of_cosine"]
    "the threshold is on the score before normalization" => Search(threshold_before_normalization);
    [S8 by "invalid::threshold_that_is_no_number"]
    "a threshold of NaN is taken for none" => ChangeRequest(|request| {
        request.similarity_threshold = request.similarity_threshold.filter(|t| !t.is_nan());
    });
    [R3 by "search::pages_join_without_gap_or_repeat"]
    "the offset is ignored" => Search(|inner, request| with_offset(inner, request, 0));
    [R3 by "search::pages_join_without_gap_or_repeat"]
    "the offset is one too far" => Search(|inner, request| {
        with_offset(inner, request, request.offset + usize::from(request.offset > 0))
    });
    [R3 by "limit::top_k_past_it_is_refused"]
    "a top_k of 0 is taken for 1" => ChangeRequest(|request| request.top_k = request.top_k.max(1));
    [E3 by "limit::top_k_past_it_is_refused"]
    "a top_k beyond 10,000 is cut" => ChangeRequest(|request| request.top_k = request.top_k.min(10_000));
    [S11 by "search::fewer_records_than_k"]
    "one match is missing" => ChangeAnswer(|_, found| drop(found.matches.pop()));
    [S11 by "search::fewer_records_than_k"]
    "the best match is missing" => ChangeAnswer(|_, found| {
        if found.matches.len() > 1 {
            found.matches.remove(0);
        }
    });
    [S19 by "search::duplicates_by_vector"]
    "a match is there twice" => ChangeAnswer(|request, found| {
        if let (Some(last), true) = (found.matches.last().cloned(), found.matches.len() < request.top_k) {
            found.matches.push(last);
        }
    });
    [S9 by "search::a_record_finds_itself_first"]
    "the worst come first" => ChangeAnswer(|_, found| found.matches.reverse());
    [S9 by "metric::ties_by_id_on_dot_product"]
    "ties are out of order" => ChangeAnswer(|_, found| {
        found.matches.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| b.id.cmp(&a.id)));
    });
    [S10 by "metric::ties_across_the_cut_on_dot_product"]
    "ties at the cut are settled by chance" => Search(ties_at_the_cut);
    [S1 by "metric::order_by_cosine"]
    "the score is flipped" => ChangeAnswer(|_, found| each(found, |m| m.score = -m.score));
    [S3 by "metric::scores_of_euclidean"]
    "the distance is the score" => ChangeAnswer(|_, found| each(found, |m| m.distance = m.score));
    [S5 by "metric::scores_of_euclidean"]
    "L2 is shown squared" => ChangeAnswer(|_, found| {
        if found.metric == Metric::Euclidean {
            each(found, |m| m.distance *= m.distance);
        }
    });
    [S3 by "metric::scores_of_dot_product"]
    "the distance of a dot product is the dot product" => ChangeAnswer(|_, found| {
        if found.metric == Metric::DotProduct {
            each(found, |m| m.distance = -m.distance);
        }
    });
    [S2 by "metric::scores_of_euclidean"]
    "the score of L2 is 1 - d" => ChangeAnswer(|_, found| {
        if found.metric == Metric::Euclidean {
            each(found, |m| m.score = 1.0 - m.distance);
        }
    });
    [S2 by "metric::scores_of_manhattan"]
    "the score of L1 is 1 / d" => ChangeAnswer(|_, found| {
        if found.metric == Metric::Manhattan {
            each(found, |m| m.score = 1.0 / m.distance.max(1e-6));
        }
    });
    [S6 by "metric::normalized_scores_of_cosine"]
    "cosine is always normalized" => ChangeAnswer(|_, found| {
        if found.metric == Metric::Cosine {
            each(found, |m| m.score = f32::midpoint(1.0, m.score));
        }
    });
    [S6 by "metric::normalized_scores_of_cosine"]
    "a score is not normalized" => ChangeRequest(|request| request.score_normalization = false);
    [R5 by "search::has_more_at_every_edge"]
    "has_more is never true" => ChangeAnswer(|_, found| found.has_more = false);
    [R5 by "search::has_more_at_every_edge"]
    "has_more is true whenever k are found" => ChangeAnswer(|request, found| {
        found.has_more = found.matches.len() == request.top_k;
    });
    [R5 by "search::has_more_at_every_edge"]
    "has_more is always true" => ChangeAnswer(|_, found| found.has_more = true);
    [R7 by "search::total_counts_the_filter_only"]
    "the total is lowered by the threshold" => ChangeAnswer(|request, found| {
        if request.with_total && request.similarity_threshold.is_some() {
            found.total_matches = Some(found.matches.len() as u64);
        }
    });
    [R7 by "search::duplicates_leave_the_total"]
    "the total is lowered by deduplication" => ChangeAnswer(|request, found| {
        if request.with_total && request.deduplicate.is_some() {
            found.total_matches = Some(found.matches.len() as u64);
        }
    });
    [R7 by "search::total_counts_the_filter_only"]
    "the total ignores the filter" => Search(total_without_filter);
    [R7 by "search::total_counts_the_filter_only"]
    "the total is never given" => ChangeRequest(|request| request.with_total = false);
    [R7 by "search::total_is_absent_unless_asked"]
    "the total is always given" => ChangeRequest(|request| request.with_total = true);
    [R7 by "search::total_counts_the_filter_only"]
    "the total is of the page" => ChangeAnswer(|request, found| {
        found.total_matches = request.with_total.then_some(found.matches.len() as u64);
    });
    [A1 by "search::metadata_only_where_asked"]
    "metadata is always given" => ChangeRequest(|request| request.include_metadata = true);
    [A1 by "search::metadata_only_where_asked"]
    "metadata is never given" => ChangeRequest(|request| request.include_metadata = false);
    [A1 by "search::vectors_only_where_asked"]
    "vectors are always given" => ChangeRequest(|request| request.include_vectors = true);
    [A1 by "search::vectors_only_where_asked"]
    "vectors are never given" => ChangeRequest(|request| request.include_vectors = false);
    [S18 by "search::exact_is_kept_or_refused"]
    "an exact answer is called approximate" => ChangeAnswer(|_, found| {
        found.exactness = Exactness::Approximate;
    });
    [S19 by "search::duplicates_by_field"]
    "duplicates stay" => ChangeRequest(|request| request.deduplicate = None);
    [S19 by "search::duplicates_by_vector"]
    "duplicates by vector stay" => ChangeRequest(|request| {
        request.deduplicate = request.deduplicate.take().filter(|by| *by != Deduplicate::Vector);
    });
    [S19 by "search::duplicates_by_field"]
    "the worst of duplicates is kept" => Search(|inner, request| deduplicated(inner, request, true));
    [S19 by "search::duplicates_by_number_of_either_type"]
    "2 and 2.0 are no duplicates" => Search(|inner, request| deduplicated(inner, request, false));
    [S20 by "search::without_the_field_no_duplicates"]
    "records without the field are duplicates" => ChangeRequest(|request| {
        if let Some(Deduplicate::Field(key)) = &request.deduplicate {
            let has = portolan_core::filter::field(key.as_str()).exists();
            request.filter = Some(request.filter.take().map_or(has.clone(), |f| f & has));
        }
    });
    [S21 by "search::duplicates_fill_k_and_pages"]
    "deduplication comes after the cut" => Search(deduplicated_after_the_cut);
    [R2 by "search::by_id_leaves_itself_out"]
    "search_by_id finds the record itself" => ChangeRequest(|request| {
        request.filter = request.filter.take().map(without_negated_ids);
    });
    [N13 by "vector::another_length_is_a_mismatch"]
    "a query of another dimension is cut or filled" => Search(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(&request.index, request.options).await?.spec.dimension;
        let mut vector = request.vector.as_deref().unwrap_or_default().to_vec();
        vector.resize(dimension, 1.0);
        let mut asked = request.clone();
        asked.vector = Some(vector.into());
        inner.search(&asked).await
    }));
    [N13 by "vector::zero_is_refused_under_cosine"]
    "a query of zeros is taken under cosine" => ChangeRequest(|request| {
        if let Some(vector) = &request.vector && vector.iter().all(|x| *x == 0.0) {
            request.vector = Some(vec![1.0; vector.len()].into());
        }
    });
    [N13 by "vector::not_finite_is_refused"]
    "NaN in a query is taken for 0" => ChangeRequest(|request| {
        if let Some(vector) = &request.vector {
            request.vector = Some(vector.iter().map(|x| if x.is_nan() { 0.5 } else { *x }).collect());
        }
    });
    [I21 by "invalid::timeouts_out_of_range_on_reads"]
    "a timeout out of range is ignored" => ChangeRequest(|request| {
        if request.options.validate().is_err() {
            request.options = portolan_core::CallOptions::new();
        }
    });
    [I19 by "invalid::ef_search_out_of_range"]
    "ef_search out of range is ignored" => ChangeRequest(|request| {
        request.ef_search = request.ef_search.filter(|ef| (1..=10_000).contains(ef));
        request.nprobe = request.nprobe.filter(|n| (1..=1_000).contains(n));
    });
    [N13 by "vector::queries_are_checked_like_records"]
    "a search without a vector finds something" => Search(|inner, request| Box::pin(async move {
        match request.vector {
            Some(_) => inner.search(request).await,
            None => Ok(SearchResult::new(&request.index, "memory", Metric::Cosine)),
        }
    }));
    [I4 by "missing::search"]
    "a search in a missing index finds nothing" => Search(|inner, request| Box::pin(async move {
        let found = inner.search(request).await;
        or_where_missing(found, || SearchResult::new(&request.index, "memory", Metric::Cosine))
    }));
    [A1 by "search::the_answer_names_itself"]
    "the answer tells another offset" => ChangeAnswer(|_, found| found.offset = 0);
    [R6 by "search::pages_join_without_gap_or_repeat"]
    "pages overlap by one" => Search(|inner, request| {
        with_offset(inner, request, request.offset.saturating_sub(1))
    });
    [S4 by "vector::opposite_vectors_by_cosine"]
    "a cosine is a little beyond 1" => ChangeAnswer(|_, found| each(found, |m| m.score = m.score.next_up()));
    [F29 by "filter::residual_fills_every_page"]
    "only the nearest 50 are checked against the filter" => Search(nearest_50_under_the_filter);
    [F31 by "filter::one_in_many_is_found_to_the_last"]
    "an answer under a filter that was given up early is believed" => ChangeAnswer(|request, found| {
        if request.filter.is_some() {
            found.matches.truncate(request.top_k.div_ceil(2));
        }
    });
    [F30 by "invalid::residual_budget_of_zero"]
    "a residual budget of 0 is taken for 1" => ChangeRequest(|request| {
        request.residual_budget = request.residual_budget.max(1);
    });
    [F6 by "filter::too_many_operands_is_refused"]
    "a filter beyond the limits is dropped" => ChangeRequest(|request| {
        request.filter = request.filter.take().filter(|filter| filter.validate().is_ok());
    });
    [E1 by "invalid::errors_say_where"]
    "an error does not say where it is" => Search(|inner, request| Box::pin(async move {
        let found = inner.search(request).await;
        found.map_err(|e| portolan_core::Error::new(e.kind(), e.message()))
    }));
    [N13 by "vector::norms_at_the_edges"]
    "a query of a norm at the edge is refused" => Search(|inner, request| Box::pin(async move {
        let large = |x: &f32| x.abs() > 9e14;
        if request.vector.as_deref().is_some_and(|vector| vector.iter().any(large)) {
            return Err(portolan_core::Error::invalid("the vector is too long"));
        }
        inner.search(request).await
    }));
}

fn each(found: &mut SearchResult, change: fn(&mut Match)) {
    found.matches.iter_mut().for_each(change);
}

fn with_offset<'a>(inner: &'a Inner, request: &'a SearchRequest, offset: usize) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let mut found = inner.search(&request.clone().offset(offset)).await?;
        found.offset = request.offset;
        Ok(found)
    })
}

/// All that there is, with vectors and metadata, whatever page was asked for.
fn everything(request: &SearchRequest) -> SearchRequest {
    let mut all = request.clone().top_k(10_000).offset(0).include_metadata(true).include_vectors(true);
    all.deduplicate = None;
    all
}

/// The page that was asked for, of all that there is.
fn page(request: &SearchRequest, mut all: SearchResult) -> SearchResult {
    all.has_more = all.matches.len() > request.offset + request.top_k;
    all.offset = request.offset;
    all.matches = all.matches.into_iter().skip(request.offset).take(request.top_k).collect();
    for found in &mut all.matches {
        if !request.include_metadata {
            found.metadata = portolan_core::Metadata::new();
        }
        found.vector = found.vector.take().filter(|_| request.include_vectors);
    }
    all
}

fn threshold_before_normalization<'a>(inner: &'a Inner, request: &'a SearchRequest) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let mut all = inner.search(&everything(request).score_normalization(false)).await?;
        if request.deduplicate.is_some() || request.similarity_threshold.is_none() {
            return inner.search(request).await;
        }
        let metric = all.metric;
        if request.score_normalization {
            all.matches.iter_mut().for_each(|m| m.score = metric.normalize_score(m.score.into()) as f32);
        }
        Ok(page(request, all))
    })
}

fn ties_at_the_cut<'a>(inner: &'a Inner, request: &'a SearchRequest) -> Of<'a, SearchResult> {
    Box::pin(async move {
        if request.deduplicate.is_some() {
            return inner.search(request).await;
        }
        let mut all = inner.search(&everything(request)).await?;
        all.matches.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| b.id.cmp(&a.id)));
        let mut found = page(request, all);
        found.matches.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.id.cmp(&b.id)));
        Ok(found)
    })
}

fn total_without_filter<'a>(inner: &'a Inner, request: &'a SearchRequest) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let mut found = inner.search(request).await?;
        if request.with_total {
            let all = portolan_core::CountRequest::new(&request.index);
            found.total_matches = Some(inner.count(&all).await?);
        }
        Ok(found)
    })
}

/// Deduplicates by the value as it is written, keeping the best or the worst.
fn deduplicated<'a>(inner: &'a Inner, request: &'a SearchRequest, worst: bool) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let Some(Deduplicate::Field(key)) = &request.deduplicate else { return inner.search(request).await };
        let mut all = inner.search(&everything(request)).await?;
        if worst {
            all.matches.reverse();
        }
        let mut seen: Vec<Value> = Vec::new();
        all.matches.retain(|m| match m.metadata.get(key) {
            Some(value) if seen.contains(value) => false,
            Some(value) => {
                seen.push(value.clone());
                true
            }
            None => true,
        });
        if worst {
            all.matches.reverse();
        }
        Ok(page(request, all))
    })
}

fn deduplicated_after_the_cut<'a>(inner: &'a Inner, request: &'a SearchRequest) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let right = inner.search(request).await?;
        let mut all = request.clone();
        all.deduplicate = None;
        let mut cut = inner.search(&all).await?;
        cut.matches.retain(|m| right.matches.iter().any(|r| r.id == m.id));
        Ok(cut)
    })
}

fn without_negated_ids(filter: Filter) -> Filter {
    match filter {
        Filter::Not(child) if matches!(*child, Filter::Id(_)) => Filter::all(),
        Filter::And(children) => Filter::And(children.into_iter().map(without_negated_ids).collect()),
        other => other,
    }
}

fn nearest_50_under_the_filter<'a>(inner: &'a Inner, request: &'a SearchRequest) -> Of<'a, SearchResult> {
    Box::pin(async move {
        let Some(filter) = &request.filter else { return inner.search(request).await };
        let mut nearest = everything(request).top_k(50);
        nearest.filter = None;
        let mut found = inner.search(&nearest).await?;
        found.matches.retain(|m| filter.matches(&m.id, &m.metadata));
        Ok(page(request, found))
    })
}
