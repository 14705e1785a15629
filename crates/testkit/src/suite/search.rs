//! Search: k, pages, totals, deduplication, what comes back, search by id.

use std::collections::BTreeSet;

use portolan_core::filter::field;
use portolan_core::{Deduplicate, ErrorKind, Metadata, Record, SearchRequest, Support, VectorStorageExt};

use crate::case::{Verdict, cases, check, check_eq, refusal, unsupported};
use crate::context::Context;
use crate::data::{filled, ids, numbered, opaque, vector};
use crate::twin::Twin;

cases! { "search";
    [R5 R7 S11] empty_index_gives_nothing, one_record, fewer_records_than_k;
    [E3 R3 S11] largest_k;
    [R3 R5] default_k_is_ten;
    [S3 S9] a_record_finds_itself_first;
    [R3 R6] pages_join_without_gap_or_repeat, pages_of_everything_are_complete;
    [R3 R5] an_offset_past_the_end_gives_nothing;
    [R5] has_more_at_every_edge;
    [R7] total_counts_the_filter_only, total_is_absent_unless_asked;
    [A1] metadata_only_where_asked, vectors_only_where_asked, the_answer_names_itself, query_ids_differ;
    [R3 R7] with_filter_and_offset;
    [R7 S7] with_filter_threshold_and_total;
    [S17] presets_find_what_is_there, hints_do_not_change_an_exact_answer;
    [A2 C4 S18] exact_is_kept_or_refused;
    [S19] duplicates_by_vector, duplicates_by_field, duplicates_by_number_of_either_type, duplicates_by_list,
    duplicates_by_opaque_value;
    [S20] without_the_field_no_duplicates;
    [R3 S21] duplicates_fill_k_and_pages;
    [R7 S19] duplicates_leave_the_total;
    [S7 S19] duplicates_with_filter_and_threshold;
    [R2] by_id_leaves_itself_out, by_id_of_a_missing_record_is_not_found;
    [R2 R7] by_id_with_filter_and_total;
    [W12 W20] deleted_records_are_not_found;
    [W1 W20] replaced_records_are_found_at_their_new_place;
    [W17 W20] updated_metadata_is_found;
}

const QUERY: [f32; 3] = [3.0, -1.0, 2.0];

async fn empty_index_gives_nothing(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let found = twin.search(&twin.query(QUERY).with_total(true)).await?;
    check_eq!(
        (found.matches.len(), found.has_more, found.total_matches),
        (0, false, Some(0)),
        "an empty answer"
    );
    twin.search(&twin.query(QUERY).filter(field("n").eq(1)).deduplicate(Deduplicate::Vector)).await.map(drop)
}

async fn one_record(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(1, 3)).await?;
    let found = twin.search(&twin.query(QUERY).top_k(1).with_total(true)).await?;
    check_eq!((found.matches.len(), found.has_more), (1, false), "the only record");
    Ok(())
}

async fn fewer_records_than_k(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(6, 3)).await?;
    let found = twin.search(&twin.query(QUERY).top_k(50)).await?;
    check_eq!((found.matches.len(), found.has_more), (6, false), "all records");
    Ok(())
}

async fn largest_k(ctx: &Context) -> Verdict {
    let limits = &ctx.capability().limits;
    let most = limits.top_k.min(limits.window.unwrap_or(limits.top_k));
    let twin = filled(ctx, &numbered(120, 3)).await?;
    let found = twin.search(&twin.query(QUERY).top_k(most)).await?;
    check_eq!(found.matches.len(), most.min(120), "the matches of the largest k");
    Ok(())
}

async fn default_k_is_ten(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(15, 3)).await?;
    let found = twin.search(&SearchRequest::new(twin.name(), QUERY)).await?;
    check_eq!((found.matches.len(), found.has_more), (10, true), "the default page");
    Ok(())
}

async fn a_record_finds_itself_first(ctx: &Context) -> Verdict {
    let distinct = |n: usize| Record::new(format!("r{n}"), [n as f32 + 1.0, 20.0 - (n * n) as f32, 1.0]);
    let twin = ctx.metric_index(portolan_core::Metric::Euclidean, 3).await?;
    let records: Vec<Record> = (0..12).map(distinct).collect();
    twin.upsert(&records).await?;
    exactly(&twin).await?;
    for record in &records {
        let itself = record.vector.clone().unwrap_or_default();
        let found = twin.search(&twin.query(itself).top_k(3)).await?;
        check_eq!(found.matches[0].id, record.id, "the nearest to a record's own vector");
        check_eq!(found.matches[0].distance, 0.0, "the distance of a record to itself");
    }
    Ok(())
}

/// Ends a case about exact answers where there are none, and that is said.
async fn exactly(twin: &Twin) -> Verdict {
    match twin.subject.capability().exact {
        Support::Unsupported => {
            let refused = twin.subject.search(&twin.query(QUERY).exact(true)).await;
            Err(unsupported("an exact search", refused))
        }
        Support::Native | Support::Emulated => Ok(()),
    }
}

async fn pages_join_without_gap_or_repeat(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(53, 3)).await?;
    exactly(&twin).await?;
    let mut seen = BTreeSet::new();
    for page in 0..8 {
        let found = twin.search(&twin.query(QUERY).top_k(7).offset(page * 7)).await?;
        check_eq!(found.has_more, page < 7, "has_more of page {page}");
        for row in found.matches {
            check!(seen.insert(row.id.clone()), "{:?} stands on two pages", row.id);
        }
    }
    check_eq!(seen.len(), 53, "the records on all pages");
    Ok(())
}

async fn an_offset_past_the_end_gives_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let far = ctx.capability().limits.window.map_or(900, |window| window - 10);
    for offset in [5, 6, far] {
        let found = twin.search(&twin.query(QUERY).top_k(10).offset(offset).with_total(true)).await?;
        check_eq!((found.matches.len(), found.has_more), (0, false), "a page past the end");
    }
    Ok(())
}

async fn has_more_at_every_edge(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(24, 3)).await?;
    for (k, offset) in
        [(24, 0), (23, 0), (25, 0), (1, 23), (1, 22), (20, 4), (20, 3), (20, 0), (19, 0), (21, 0)]
    {
        let found = twin.search(&twin.query(QUERY).top_k(k).offset(offset)).await?;
        check_eq!(found.has_more, offset + k < 24, "has_more at {offset} + {k} of 24");
        let half = twin.query(QUERY).top_k(k).offset(offset).filter(field("even").eq(true));
        let found = twin.search(&half).await?;
        check_eq!(found.has_more, offset + k < 12, "has_more at {offset} + {k} of 12 that meet a filter");
    }
    Ok(())
}

async fn total_counts_the_filter_only(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let query = twin.query(QUERY).top_k(4).with_total(true);
    let found = twin.search(&query.clone().filter(field("n").lt(11))).await?;
    check_eq!(found.total_matches, Some(11), "the total under a filter");
    let found = twin.search(&query.clone().similarity_threshold(f32::MAX)).await?;
    check_eq!((found.total_matches, found.matches.len()), (Some(30), 0), "the total under a threshold");
    let found = twin.search(&query.offset(28)).await?;
    check_eq!(found.total_matches, Some(30), "the total from an offset");
    Ok(())
}

async fn total_is_absent_unless_asked(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    check_eq!(twin.search(&twin.query(QUERY)).await?.total_matches, None, "a total that nobody asked for");
    Ok(())
}

async fn metadata_only_where_asked(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    let with = twin.search(&twin.query(QUERY)).await?;
    check!(with.matches.iter().all(|m| m.metadata.len() == 3), "metadata is missing");
    let without = twin.search(&twin.query(QUERY).include_metadata(false).filter(field("n").gt(2))).await?;
    check!(without.matches.iter().all(|m| m.metadata.is_empty()), "metadata comes unasked");
    Ok(())
}

async fn vectors_only_where_asked(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    twin.search(&twin.query(QUERY)).await?;
    let with = twin.search(&twin.query(QUERY).include_vectors(true).include_metadata(false)).await?;
    check!(with.matches.iter().all(|m| m.vector.is_some()), "a vector is missing");
    Ok(())
}

async fn with_filter_and_offset(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(60, 3)).await?;
    for offset in [0, 4, 19, 20] {
        let query =
            twin.query(QUERY).top_k(5).offset(offset).filter(field("n").gte(20) & field("even").eq(true));
        twin.search(&query.with_total(true)).await?;
    }
    Ok(())
}

async fn with_filter_threshold_and_total(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(60, 3)).await?;
    let base = twin.query(QUERY).filter(field("even").eq(false)).with_total(true);
    let all = twin.search(&base.clone().top_k(60)).await?;
    let between = (all.matches[12].score + all.matches[14].score) / 2.0;
    for (k, offset) in [(5, 0), (5, 10), (30, 0)] {
        twin.search(&base.clone().top_k(k).offset(offset).similarity_threshold(between)).await?;
    }
    Ok(())
}

async fn the_answer_names_itself(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    let found = twin.search(&twin.query(QUERY).top_k(2).offset(3)).await?;
    check_eq!(found.index, twin.name(), "the index of an answer");
    check_eq!(found.provider, twin.subject.provider(), "the provider of an answer");
    check!(!found.served_by.is_empty() && !found.query_id.is_empty(), "served_by or query_id is empty");
    check!(!found.cached, "an answer without a cache says that it comes from one");
    let now = portolan_core::time::now();
    check!(
        found.timestamp.len() == now.len() && found.timestamp <= now,
        "the timestamp is {}",
        found.timestamp
    );
    check!(found.records_read >= 2, "2 matches at offset 3, and {} records read", found.records_read);
    check_eq!(found.top(1).len(), 1, "the best match alone");
    Ok(())
}

async fn query_ids_differ(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let (one, two) = (twin.search(&twin.query(QUERY)).await?, twin.search(&twin.query(QUERY)).await?);
    check!(one.query_id != two.query_id, "two searches have one query id");
    Ok(())
}

async fn presets_find_what_is_there(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(40, 3)).await?;
    let request = || SearchRequest::new(twin.name(), QUERY).top_k(40);
    check_eq!(twin.search(&request().precise()).await?.matches.len(), 40, "the matches of a precise search");
    check_eq!(twin.search(&request().fast()).await?.matches.len(), 40, "the matches of a fast search");
    Ok(())
}

async fn hints_do_not_change_an_exact_answer(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(40, 3)).await?;
    for (ef_search, nprobe) in [(1, 1), (10_000, 1_000)] {
        twin.search(&twin.query(QUERY).ef_search(ef_search).nprobe(nprobe)).await?;
    }
    Ok(())
}

async fn exact_is_kept_or_refused(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(40, 3)).await?;
    let request = SearchRequest::new(twin.name(), QUERY).exact(true);
    if ctx.capability().exact == Support::Unsupported {
        return Err(unsupported("exact search", twin.subject.search(&request).await));
    }
    twin.search(&request).await.map(drop)
}

/// Records in which vectors and a field repeat.
fn repeating() -> Vec<Record> {
    let metadata = |n: usize| Metadata::new().with("group", (n % 7) as i64).with("n", n as i64);
    let record = |n: usize| Record::new(format!("r{n:05}"), vector(n / 3, 3)).metadata(metadata(n));
    (0..30).map(record).collect()
}

async fn duplicates_by_vector(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    let found = twin.search(&twin.query(QUERY).top_k(30).deduplicate(Deduplicate::Vector)).await?;
    check!(found.matches.len() <= 10, "{} matches, and there are 10 different vectors", found.matches.len());
    Ok(())
}

async fn duplicates_by_field(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    let found =
        twin.search(&twin.query(QUERY).top_k(30).deduplicate(Deduplicate::Field("group".into()))).await?;
    check_eq!(found.matches.len(), 7, "the matches, one a group");
    Ok(())
}

/// One record a value, nearest first; gives the ids that stay when the field `v` is deduplicated.
async fn kept(ctx: &Context, values: Vec<portolan_core::Value>) -> Verdict<Vec<String>> {
    let twin = ctx.metric_index(portolan_core::Metric::Euclidean, 2).await?;
    let record =
        |(n, v)| Record::new(format!("r{n}"), [n as f32, 0.0]).metadata(Metadata::new().with("v", v));
    twin.upsert(&values.into_iter().enumerate().map(record).collect::<Vec<_>>()).await?;
    let query = twin.query([0.0, 0.0]).top_k(50).deduplicate(Deduplicate::Field("v".into()));
    Ok(twin.search(&query).await?.matches.into_iter().map(|m| m.id).collect())
}

async fn duplicates_by_number_of_either_type(ctx: &Context) -> Verdict {
    let values = vec![
        2.into(),
        2.0.into(),
        "2".into(),
        2.5.into(),
        9_007_199_254_740_993_i64.into(),
        9_007_199_254_740_992.0.into(),
        9_007_199_254_740_992_i64.into(),
        true.into(),
        1.into(),
    ];
    check_eq!(kept(ctx, values).await?, ["r0", "r2", "r3", "r4", "r5", "r7", "r8"], "one of each number");
    Ok(())
}

async fn duplicates_by_list(ctx: &Context) -> Verdict {
    let values = vec![
        [1, 2].into(),
        [1.0, 2.0].into(),
        [2, 1].into(),
        ["a", "b"].into(),
        ["a", "b"].into(),
        ["a"].into(),
        "a".into(),
        portolan_core::Value::list::<i64>([]),
        portolan_core::Value::list::<i64>([]),
    ];
    check_eq!(kept(ctx, values).await?, ["r0", "r2", "r3", "r5", "r6", "r7"], "one of each list");
    Ok(())
}

async fn duplicates_by_opaque_value(ctx: &Context) -> Verdict {
    let json = |text: &str| opaque(serde_json::from_str(text).unwrap_or_default());
    let values = vec![
        json(r#"{"a": 1, "b": [2]}"#),
        json(r#"{"b": [2], "a": 1}"#),
        json(r#"{"a": 1, "b": [3]}"#),
        json(r#"[1, "x"]"#),
        json(r#"[1, "x"]"#),
        json(r#"["x", 1]"#),
    ];
    check_eq!(kept(ctx, values).await?, ["r0", "r2", "r3", "r5"], "one of each value");
    Ok(())
}

async fn without_the_field_no_duplicates(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(12, 3)).await?;
    let query = twin.query(QUERY).top_k(12).deduplicate(Deduplicate::Field("nowhere".into()));
    check_eq!(twin.search(&query).await?.matches.len(), 12, "the records without the field");
    Ok(())
}

async fn duplicates_fill_k_and_pages(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    let query = twin.query(QUERY).top_k(3).deduplicate(Deduplicate::Field("group".into()));
    for offset in [0, 3, 6] {
        let found = twin.search(&query.clone().offset(offset)).await?;
        check_eq!(
            found.matches.len(),
            if offset == 6 { 1 } else { 3 },
            "the matches of the page at {offset}"
        );
    }
    Ok(())
}

async fn duplicates_leave_the_total(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    let query = twin.query(QUERY).top_k(2).deduplicate(Deduplicate::Vector).with_total(true);
    check_eq!(twin.search(&query).await?.total_matches, Some(30), "the total under deduplication");
    Ok(())
}

async fn duplicates_with_filter_and_threshold(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    let query = twin.query(QUERY).top_k(30).filter(field("n").gt(8));
    let all = twin.search(&query).await?;
    let middle = all.matches[10].score;
    let next = all.matches.iter().map(|m| m.score).find(|s| *s < middle).unwrap_or(middle - 1.0);
    let query =
        query.deduplicate(Deduplicate::Field("group".into())).similarity_threshold((middle + next) / 2.0);
    twin.search(&query.top_k(4)).await.map(drop)
}

async fn by_id_leaves_itself_out(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(12, 3)).await?;
    let found =
        twin.subject.search_by_id("r00004", SearchRequest::without_vector(twin.name()).top_k(5)).await?;
    check_eq!(found.matches.len(), 5, "the matches of a search by id");
    check!(found.matches.iter().all(|m| m.id != "r00004"), "a search by id finds the record itself");
    let all =
        twin.subject.search_by_id("r00004", SearchRequest::without_vector(twin.name()).top_k(50)).await?;
    check_eq!((all.matches.len(), all.has_more), (11, false), "all others");
    Ok(())
}

async fn by_id_with_filter_and_total(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(12, 3)).await?;
    let request = SearchRequest::without_vector(twin.name()).filter(field("even").eq(true)).with_total(true);
    let found = twin.subject.search_by_id("r00004", request.clone().top_k(2)).await?;
    check_eq!((found.total_matches, found.matches.len()), (Some(5), 2), "the others that are even");
    let found = twin.subject.search_by_id("r00003", request).await?;
    check_eq!((found.total_matches, found.matches.len()), (Some(6), 6), "all that are even");
    Ok(())
}

async fn by_id_of_a_missing_record_is_not_found(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let found = twin.subject.search_by_id("no such id", SearchRequest::without_vector(twin.name())).await;
    refusal("a search by a missing id", ErrorKind::NotFound, found).map(drop)
}

async fn deleted_records_are_not_found(ctx: &Context) -> Verdict {
    let records = numbered(20, 3);
    let twin = filled(ctx, &records).await?;
    let _ = twin.delete(&ids(&records[3..13])).await?;
    let found = twin.search(&twin.query(QUERY).top_k(20).with_total(true)).await?;
    check_eq!(found.matches.len(), 10, "the matches after a delete");
    Ok(())
}

async fn replaced_records_are_found_at_their_new_place(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(20, 3)).await?;
    let moved: Vec<Record> =
        (0..20).step_by(3).map(|n| Record::new(format!("r{n:05}"), vector(n + 5, 3))).collect();
    twin.upsert(&moved).await?;
    twin.search(&twin.query(QUERY).top_k(20).include_vectors(true).with_total(true)).await.map(drop)
}

async fn updated_metadata_is_found(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(20, 3)).await?;
    twin.patch("r00007", portolan_core::MetadataPatch::new().set("n", 1_000)).await?;
    twin.filter(&field("n").gt(500)).await?;
    twin.filter(&field("n").eq(6)).await?;
    twin.constant_filter(&field("n").eq(7)).await
}

async fn pages_of_everything_are_complete(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &repeating()).await?;
    exactly(&twin).await?;
    let query = twin.query(QUERY).top_k(4).filter(field("group").ne(3)).deduplicate(Deduplicate::Vector);
    let (mut offset, mut seen) = (0, 0);
    loop {
        let found = twin.search(&query.clone().offset(offset)).await?;
        seen += found.matches.len();
        offset += 4;
        if !found.has_more {
            break;
        }
    }
    let whole = twin.search(&query.top_k(30)).await?;
    check_eq!(seen, whole.matches.len(), "the matches on all pages");
    Ok(())
}
