//! Upsert and get: replacing, folding, order, batches.

use portolan_core::{ErrorKind, GetRequest, Metadata, Record, UpsertRequest, VectorStorageExt, Visibility};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, ids, numbered, owned, plain};

cases! { "upsert";
    [A3 W20] stored_records_read_back;
    [W20] visible_when_searchable, accepted_is_stored;
    [W3] an_empty_call_changes_nothing;
    [W1] inserts_and_replaces_in_one_call, replaces_the_whole_record, replacing_drops_old_keys,
    writing_again_changes_nothing;
    [W2] the_last_of_equal_ids_wins;
    [W2 W11] equal_ids_across_chunks_fold;
    [W7] one_outcome_per_position;
    [A1] the_input_is_not_changed, write_time_is_told, get_leaves_out_what_is_not_asked_for;
    [W11] a_batch_of_a_thousand, a_wide_batch;
    [A3 W11] more_than_the_batch_limit;
    [W8] one_record_at_a_time;
    [W7] in_chunks, of_a_retry_part;
    [R1] get_answers_in_order, get_repeats_repeated_ids, get_leaves_holes, get_of_nothing_is_nothing,
    get_of_only_missing_is_holes, get_many;
}

async fn stored_records_read_back(ctx: &Context) -> Verdict {
    let records = numbered(12, 3);
    let twin = filled(ctx, &records).await?;
    twin.get(&ids(&records)).await?;
    twin.same().await
}

async fn an_empty_call_changes_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let written = twin.store(&[]).await?;
    check!(written.items.is_empty() && written.is_successful(), "an empty upsert has outcomes");
    twin.same().await
}

async fn inserts_and_replaces_in_one_call(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(6, 3)).await?;
    let mixed: Vec<Record> =
        (3..9).map(|n| plain(n, 3).metadata(Metadata::new().with("new", n as i64))).collect();
    twin.upsert(&mixed).await?;
    twin.same().await
}

async fn replaces_the_whole_record(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    twin.upsert(&[Record::new("r00001", [9.0, 8.0, 7.0]).metadata(Metadata::new().with("other", "x"))])
        .await?;
    twin.same().await
}

async fn replacing_drops_old_keys(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    twin.upsert(&[plain(1, 3)]).await?;
    let read = twin.get(&owned(&["r00001"])).await?;
    check!(read[0].as_ref().is_some_and(|r| r.metadata.is_empty()), "an upsert has merged: {read:?}");
    twin.constant_filter(&portolan_core::filter::field("n").eq(1)).await
}

fn versions(count: usize, distinct: usize) -> Vec<Record> {
    let version = |n: usize| Record::new(format!("id {}", n % distinct), [n as f32, 1.0, 2.0]);
    (0..count).map(|n| version(n).metadata(Metadata::new().with("version", n as i64))).collect()
}

async fn the_last_of_equal_ids_wins(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let written = twin.store(&versions(7, 2)).await?;
    check_eq!(written.stored(), 7, "the items stored");
    twin.same().await
}

async fn equal_ids_across_chunks_fold(ctx: &Context) -> Verdict {
    let chunk = ctx.capability().limits.batch_count.unwrap_or(100).min(1_000);
    let twin = ctx.index(3).await?;
    twin.upsert(&versions(chunk * 3 + 1, chunk + 1)).await?;
    twin.same().await
}

async fn one_outcome_per_position(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    for count in [1, 2, 5, 17] {
        let written = twin.store(&numbered(count, 3)).await?;
        check_eq!(written.items.len(), count, "the outcomes of {count} records");
    }
    Ok(())
}

async fn writing_again_changes_nothing(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    for _ in 0..3 {
        twin.upsert(&numbered(8, 3)).await?;
    }
    twin.same().await
}

async fn the_input_is_not_changed(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = versions(5, 2);
    let before = records.clone();
    twin.upsert(&records).await?;
    check!(records == before, "an upsert has changed its input");
    Ok(())
}

async fn a_batch_of_a_thousand(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(1_000.min(ctx.session.harness.rows()), 3)).await?;
    twin.same_where(None, 1_000).await
}

async fn more_than_the_batch_limit(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.batch_count.unwrap_or(200).min(2_000);
    for count in [most, most + 1, most * 2 + 1] {
        let twin = filled(ctx, &numbered(count, 2)).await?;
        twin.count(None).await?;
    }
    Ok(())
}

/// Records so wide that a limit by bytes has to cut the batch.
async fn a_wide_batch(ctx: &Context) -> Verdict {
    let bytes = ctx.capability().limits.batch_bytes.unwrap_or(1 << 20).min(4 << 20);
    let dimension = 1_024.min(ctx.capability().limits.dimension);
    let count = (bytes / (dimension * 4) + 1) * 2;
    let twin = ctx.index(dimension).await?;
    let records: Vec<Record> = (0..count).map(|n| plain(n, dimension)).collect();
    twin.upsert(&records).await?;
    twin.count(None).await?;
    twin.get(&ids(&records[count - 2..])).await.map(drop)
}

async fn visible_when_searchable(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    for n in 0..10 {
        let written = twin.store(&[plain(n, 3)]).await?;
        check!(written.visible, "a searchable write is not visible");
        twin.count(None).await?;
        twin.search(&twin.query([1.0, 2.0, 3.0]).with_total(true)).await?;
    }
    Ok(())
}

async fn accepted_is_stored(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = numbered(4, 3);
    let request = UpsertRequest::new(twin.name(), &records).visibility(Visibility::Accepted);
    let written = twin.subject.upsert(&request).await?;
    check_eq!(written.stored(), 4, "the items accepted");
    twin.upsert(&records).await?;
    twin.same().await
}

async fn one_record_at_a_time(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    twin.subject.upsert_one(twin.name(), plain(7, 3)).await?;
    let read = twin.subject.get_one(twin.name(), "r00007").await?;
    check!(read.is_some(), "the record is not there");
    twin.subject.delete_one(twin.name(), "r00007").await?;
    twin.same().await
}

async fn in_chunks(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = numbered(50, 3);
    let request = UpsertRequest::new(twin.name(), &records);
    let written = twin.subject.upsert_chunked(&request, 7, 3, &()).await?;
    check_eq!(written.stored(), 50, "the items stored in chunks");
    twin.upsert(&records).await?;
    twin.same().await
}

/// A batch that names positions of a slice writes just those.
async fn of_a_retry_part(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = numbered(9, 3);
    let positions = [7, 1, 4];
    let mut request = UpsertRequest::new(twin.name(), &records);
    request.records = request.records.at(&positions);
    let written = twin.subject.upsert(&request).await?;
    check_eq!(written.stored(), 3, "the items stored");
    check_eq!(written.items.len(), 3, "the outcomes of a part");
    let part: Vec<Record> = positions.iter().map(|&n| records[n].clone()).collect();
    let _ = twin.oracle.upsert(&UpsertRequest::new(twin.name(), &part)).await?;
    twin.same().await
}

async fn get_answers_in_order(ctx: &Context) -> Verdict {
    let records = numbered(20, 3);
    let twin = filled(ctx, &records).await?;
    let mut backwards = ids(&records);
    backwards.reverse();
    twin.get(&backwards).await?;
    backwards.swap(3, 17);
    twin.get(&backwards).await.map(drop)
}

async fn get_repeats_repeated_ids(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(4, 3)).await?;
    twin.get(&owned(&["r00001", "r00001", "r00003", "r00001", "gone", "gone"])).await.map(drop)
}

async fn get_leaves_holes(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(4, 3)).await?;
    twin.get(&owned(&["a", "r00000", "b", "r00003", "r00004", "c"])).await.map(drop)
}

async fn get_of_nothing_is_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(4, 3)).await?;
    check!(twin.get(&[]).await?.is_empty(), "a get of nothing answers something");
    Ok(())
}

async fn get_of_only_missing_is_holes(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(4, 3)).await?;
    twin.get(&owned(&["x", "y"])).await.map(drop)
}

async fn get_many(ctx: &Context) -> Verdict {
    let records = numbered(600.min(ctx.session.harness.rows()), 3);
    let twin = filled(ctx, &records).await?;
    twin.get(&ids(&records)).await.map(drop)
}

async fn get_leaves_out_what_is_not_asked_for(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let wanted = owned(&["r00000", "r00001"]);
    for (vectors, metadata) in [(true, true), (true, false), (false, true), (false, false)] {
        let request =
            GetRequest::new(twin.name(), &wanted).include_vectors(vectors).include_metadata(metadata);
        for record in twin.subject.get(&request).await?.into_iter().flatten() {
            check_eq!(record.vector.is_some(), vectors, "whether a record comes with its vector");
            check_eq!(!record.metadata.is_empty(), metadata, "whether a record comes with its metadata");
        }
    }
    let missing = twin.subject.get(&GetRequest::new("no-such-index", &wanted)).await;
    refusal("a get from a missing index", ErrorKind::NotFound, missing).map(drop)
}

async fn write_time_is_told(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let written = twin.store(&numbered(50, 3)).await?;
    check!(!written.elapsed.is_zero(), "the write took no time");
    Ok(())
}
