//! Searches that ask for something else, or answer something else.

use portolan_core::{Deduplicate, Exactness, Filter, Match, Metric, SearchRequest, SearchResult, Value};

use super::{Inner, Of, saboteurs};

saboteurs! {
    "search", "the threshold is ignored" => Asked(|request| request.similarity_threshold = None);
    "search", "the threshold is exclusive" => Found(|request, found| {
        found.matches.retain(|m| request.similarity_threshold.is_none_or(|t| m.score > t));
    });
    "search", "the threshold is on the score before normalization" => Search(threshold_before_normalization);
    "search", "a threshold of NaN is taken for none" => Asked(|request| {
        request.similarity_threshold = request.similarity_threshold.filter(|t| !t.is_nan());
    });
    "search", "the offset is ignored" => Search(|inner, request| with_offset(inner, request, 0));
    "search", "the offset is one too far" => Search(|inner, request| {
        with_offset(inner, request, request.offset + usize::from(request.offset > 0))
    });
    "search", "a top_k of 0 is taken for 1" => Asked(|request| request.top_k = request.top_k.max(1));
    "search", "a top_k beyond 10,000 is cut" => Asked(|request| request.top_k = request.top_k.min(10_000));
    "search", "one match is missing" => Found(|_, found| drop(found.matches.pop()));
    "search", "the best match is missing" => Found(|_, found| {
        if found.matches.len() > 1 {
            found.matches.remove(0);
        }
    });
    "search", "a match is there twice" => Found(|request, found| {
        if let (Some(last), true) = (found.matches.last().cloned(), found.matches.len() < request.top_k) {
            found.matches.push(last);
        }
    });
    "search", "the worst come first" => Found(|_, found| found.matches.reverse());
    "search", "ties are out of order" => Found(|_, found| {
        found.matches.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| b.id.cmp(&a.id)));
    });
    "search", "ties at the cut are settled by chance" => Search(ties_at_the_cut);
    "search", "the score is flipped" => Found(|_, found| each(found, |m| m.score = -m.score));
    "search", "the distance is the score" => Found(|_, found| each(found, |m| m.distance = m.score));
    "search", "L2 is shown squared" => Found(|_, found| {
        if found.metric == Metric::Euclidean {
            each(found, |m| m.distance *= m.distance);
        }
    });
    "search", "the distance of a dot product is the dot product" => Found(|_, found| {
        if found.metric == Metric::DotProduct {
            each(found, |m| m.distance = -m.distance);
        }
    });
    "search", "the score of L2 is 1 - d" => Found(|_, found| {
        if found.metric == Metric::Euclidean {
            each(found, |m| m.score = 1.0 - m.distance);
        }
    });
    "search", "the score of L1 is 1 / d" => Found(|_, found| {
        if found.metric == Metric::Manhattan {
            each(found, |m| m.score = 1.0 / m.distance.max(1e-6));
        }
    });
    "search", "cosine is always normalized" => Found(|_, found| {
        if found.metric == Metric::Cosine {
            each(found, |m| m.score = f32::midpoint(1.0, m.score));
        }
    });
    "search", "a score is not normalized" => Asked(|request| request.score_normalization = false);
    "search", "has_more is never true" => Found(|_, found| found.has_more = false);
    "search", "has_more is true whenever k are found" => Found(|request, found| {
        found.has_more = found.matches.len() == request.top_k;
    });
    "search", "has_more is always true" => Found(|_, found| found.has_more = true);
    "search", "the total is lowered by the threshold" => Found(|request, found| {
        if request.with_total && request.similarity_threshold.is_some() {
            found.total_matches = Some(found.matches.len() as u64);
        }
    });
    "search", "the total is lowered by deduplication" => Found(|request, found| {
        if request.with_total && request.deduplicate.is_some() {
            found.total_matches = Some(found.matches.len() as u64);
        }
    });
    "search", "the total ignores the filter" => Search(total_without_filter);
    "search", "the total is never given" => Asked(|request| request.with_total = false);
    "search", "the total is always given" => Asked(|request| request.with_total = true);
    "search", "the total is of the page" => Found(|request, found| {
        found.total_matches = request.with_total.then_some(found.matches.len() as u64);
    });
    "search", "metadata is always given" => Asked(|request| request.include_metadata = true);
    "search", "metadata is never given" => Asked(|request| request.include_metadata = false);
    "search", "vectors are always given" => Asked(|request| request.include_vectors = true);
    "search", "vectors are never given" => Asked(|request| request.include_vectors = false);
    "search", "an exact answer is called approximate" => Found(|_, found| {
        found.exactness = Exactness::Approximate;
    });
    "search", "duplicates stay" => Asked(|request| request.deduplicate = None);
    "search", "duplicates by vector stay" => Asked(|request| {
        request.deduplicate = request.deduplicate.take().filter(|by| *by != Deduplicate::Vector);
    });
    "search", "the worst of duplicates is kept" => Search(|inner, request| deduplicated(inner, request, true));
    "search", "2 and 2.0 are no duplicates" => Search(|inner, request| deduplicated(inner, request, false));
    "search", "records without the field are duplicates" => Asked(|request| {
        if let Some(Deduplicate::Field(key)) = &request.deduplicate {
            let has = portolan_core::filter::field(key.as_str()).exists();
            request.filter = Some(request.filter.take().map_or(has.clone(), |f| f & has));
        }
    });
    "search", "deduplication comes after the cut" => Search(deduplicated_after_the_cut);
    "search", "search_by_id finds the record itself" => Asked(|request| {
        request.filter = request.filter.take().map(without_negated_ids);
    });
    "search", "a query of another dimension is cut or filled" => Search(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(&request.index, request.options).await?.spec.dimension;
        let mut vector = request.vector.as_deref().unwrap_or_default().to_vec();
        vector.resize(dimension, 1.0);
        let mut asked = request.clone();
        asked.vector = Some(vector.into());
        inner.search(&asked).await
    }));
    "search", "a query of zeros is taken under cosine" => Asked(|request| {
        if let Some(vector) = &request.vector && vector.iter().all(|x| *x == 0.0) {
            request.vector = Some(vec![1.0; vector.len()].into());
        }
    });
    "search", "NaN in a query is taken for 0" => Asked(|request| {
        if let Some(vector) = &request.vector {
            request.vector = Some(vector.iter().map(|x| if x.is_nan() { 0.5 } else { *x }).collect());
        }
    });
    "search", "a timeout out of range is ignored" => Asked(|request| {
        if request.options.validate().is_err() {
            request.options = portolan_core::CallOptions::new();
        }
    });
    "search", "ef_search out of range is ignored" => Asked(|request| {
        request.ef_search = request.ef_search.filter(|ef| (1..=10_000).contains(ef));
        request.nprobe = request.nprobe.filter(|n| (1..=1_000).contains(n));
    });
    "search", "a search without a vector finds something" => Search(|inner, request| Box::pin(async move {
        match request.vector {
            Some(_) => inner.search(request).await,
            None => Ok(SearchResult::new(&request.index, "memory", Metric::Cosine)),
        }
    }));
    "search", "a search in a missing index finds nothing" => Search(|inner, request| Box::pin(async move {
        match inner.search(request).await {
            Err(e) if e.kind() == portolan_core::ErrorKind::NotFound => {
                Ok(SearchResult::new(&request.index, "memory", Metric::Cosine))
            }
            answer => answer,
        }
    }));
    "search", "the answer tells another offset" => Found(|_, found| found.offset = 0);
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
