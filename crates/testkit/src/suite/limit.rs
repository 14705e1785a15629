//! Every limit that is declared is enforced, before anything is sent; within it, things work.

use portolan_core::{ErrorKind, IndexSpec, Metadata, Record, UpsertRequest};

use crate::case::{Verdict, cases, check, check_eq, refusal, unsupported};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, numbered, plain, vector};

cases! { "limit";
    [E3] dimension_past_it_is_refused, metadata_of_patches_past_it_is_too_large;
    [E3 R3] top_k_past_it_is_refused;
    [E3 N7 W5] id_past_it_is_refused;
    [E3 W5] metadata_past_it_is_too_large;
    [C4 E3 R4] window_past_it_is_unsupported;
    [E2] indexes_past_it_are_over_quota, records_past_it_are_over_quota, replacing_records_needs_no_quota;
}

async fn dimension_past_it_is_refused(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.dimension;
    let created = ctx.storage.create_index(&ctx.spec(most.saturating_add(1)), OPTIONS).await;
    let e = refusal("a dimension past the limit", ErrorKind::InvalidArgument, created)?;
    check!(e.message().contains(&most.to_string()), "the error does not name the limit: {e}");
    Ok(())
}

async fn top_k_past_it_is_refused(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.top_k;
    let twin = filled(ctx, &numbered(4, 3)).await?;
    for k in [0, most + 1] {
        let found = twin.subject.search(&twin.query([1.0, 2.0, 3.0]).top_k(k)).await;
        let e = refusal(&format!("top_k {k}"), ErrorKind::InvalidArgument, found)?;
        check!(e.message().contains("top_k"), "the error does not name the field: {e}");
    }
    Ok(())
}

async fn id_past_it_is_refused(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.id_bytes;
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    for id in ["x".repeat(most + 1), format!("{}é", "x".repeat(most - 1)), "x".repeat(100_000)] {
        let records = [plain(1, 3), Record::new(id, vector(2, 3))];
        let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
        let e = refusal("an id past the limit", ErrorKind::InvalidArgument, written)?;
        check_eq!(e.position(), Some(1), "the position of the id");
        check!(e.message().len() < 1_000, "the error repeats a huge id");
    }
    twin.same().await
}

/// Metadata of about so many bytes as JSON.
fn metadata_of(bytes: usize) -> Metadata {
    Metadata::new().with("text", "x".repeat(bytes))
}

async fn metadata_past_it_is_too_large(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    let Some(most) = ctx.capability().limits.metadata_bytes else {
        twin.upsert(&[plain(1, 3).metadata(metadata_of(1 << 20))]).await?;
        return twin.same().await;
    };
    let records = [plain(1, 3), plain(2, 3).metadata(metadata_of(most))];
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
    let e = refusal("metadata past the limit", ErrorKind::PayloadTooLarge, written)?;
    check_eq!(e.position(), Some(1), "the position of the record");
    twin.upsert(&[plain(1, 3).metadata(metadata_of(most - 20))]).await?;
    twin.same().await
}

async fn metadata_of_patches_past_it_is_too_large(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    let Some(most) = ctx.capability().limits.metadata_bytes else {
        twin.patch("r00000", metadata_of(1 << 20).into()).await?;
        return twin.same().await;
    };
    let updates = [portolan_core::MetadataUpdate::new("r00000", metadata_of(most).into())];
    let request = portolan_core::UpdateRequest::new(twin.name(), &updates[..]);
    let kind = match twin.subject.update_metadata(&request).await {
        Err(e) => Some(e.kind()),
        Ok(written) => written.errors().next().map(|(_, e)| e.kind()),
    };
    check_eq!(kind, Some(ErrorKind::PayloadTooLarge), "the refusal of a patch past the limit");
    twin.same().await
}

/// Where no window is declared, a search may go as deep as there are records.
async fn window_past_it_is_unsupported(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(60, 3)).await?;
    let Some(window) = ctx.capability().limits.window else {
        for offset in [30, 55, 60, 20_000] {
            twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(10).offset(offset)).await?;
        }
        return Ok(());
    };
    let past = twin.query([1.0, 2.0, 3.0]).top_k(1).offset(window);
    Err(unsupported("searching past the window", twin.subject.search(&past).await))
}

async fn indexes_past_it_are_over_quota(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.indexes.unwrap_or(12).min(120);
    let storage = ctx.open(&ctx.place()).await?;
    let name = |n: usize| format!("quota-{n}");
    for n in 0..most {
        storage.create_index(&IndexSpec::new(name(n), 2).metric(ctx.any_metric()), OPTIONS).await?;
    }
    let one_more =
        storage.create_index(&IndexSpec::new(name(most), 2).metric(ctx.any_metric()), OPTIONS).await;
    match ctx.capability().limits.indexes {
        Some(limit) if limit == most => {
            refusal("one index past the limit", ErrorKind::QuotaExceeded, one_more)?;
            check_eq!(storage.list_indexes(OPTIONS).await?.len(), most, "the indexes after a refusal");
            storage.delete_index(&name(0), OPTIONS).await?;
            storage.create_index(&IndexSpec::new(name(most), 2).metric(ctx.any_metric()), OPTIONS).await?;
        }
        _ => one_more?,
    }
    for index in (0..=most).map(name).filter(|index| index.starts_with("quota-")) {
        // The first is gone where the limit was met.
        let _ = storage.delete_index(&index, OPTIONS).await;
    }
    Ok(storage.close().await?)
}

async fn records_past_it_are_over_quota(ctx: &Context) -> Verdict {
    let rows = ctx.session.harness.rows();
    let most = ctx.capability().limits.records.filter(|most| *most <= 20_000).unwrap_or(rows);
    let twin = ctx.index(1).await?;
    let records: Vec<Record> = (0..=most).map(|n| Record::new(n.to_string(), [n as f32 + 1.0])).collect();
    for chunk in records[..most].chunks(2_000) {
        twin.upsert(chunk).await?;
    }
    if ctx.capability().limits.records == Some(most) {
        let request = UpsertRequest::new(twin.name(), &records[most - 1..]);
        refusal("a record past the limit", ErrorKind::QuotaExceeded, twin.subject.upsert(&request).await)?;
    }
    check_eq!(twin.count(None).await?, most as u64, "the records within the limit");
    Ok(())
}

async fn replacing_records_needs_no_quota(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.records.filter(|most| *most <= 20_000).unwrap_or(100);
    let twin = ctx.index(1).await?;
    let records: Vec<Record> = (0..most).map(|n| Record::new(n.to_string(), [n as f32 + 1.0])).collect();
    for _ in 0..2 {
        for chunk in records.chunks(5_000) {
            twin.upsert(chunk).await?;
        }
    }
    check_eq!(twin.count(None).await?, most as u64, "the records, each written twice");
    Ok(())
}
