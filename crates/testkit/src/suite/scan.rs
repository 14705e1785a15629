//! Scan: complete, without repeats, while others write.

use std::collections::BTreeSet;

use portolan_core::filter::{field, id_in};
use portolan_core::{Cursor, ErrorKind, Record, ScanRequest, UpsertRequest, VectorStorageExt};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, ids, numbered, plain};

cases! { "scan";
    [A3 R8] with_filter, with_a_filter_of_few;
    [R8] empty_index_is_one_empty_page, every_page_size_is_complete,
    replaced_records_are_seen_once, records_are_seen_once_while_others_are_written,
    records_are_seen_once_while_others_are_deleted, records_are_seen_once_while_all_are_replaced,
    updated_records_are_seen_once, two_scans_do_not_disturb_each_other, a_page_may_be_read_again, as_a_stream,
    many_pages;
    [A1] vectors_and_metadata_only_where_asked;
    [I19] page_size_out_of_range_is_refused;
    [R10] a_foreign_cursor_is_refused, an_invented_cursor_is_refused;
}

async fn empty_index_is_one_empty_page(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    check!(twin.scan(None, 10).await?.is_empty(), "an empty index has records");
    check!(twin.scan(Some(&field("n").exists()), 10).await?.is_empty(), "an empty index has records");
    Ok(())
}

async fn every_page_size_is_complete(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(23, 3)).await?;
    for size in [1, 2, 7, 22, 23, 24, 10_000] {
        twin.same_where(None, size).await?;
    }
    Ok(())
}

async fn with_filter(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(40, 3)).await?;
    for size in [1, 6, 100] {
        twin.same_where(Some(&field("even").eq(true)), size).await?;
        twin.same_where(Some(&!field("n").lt(31)), size).await?;
        twin.same_where(Some(&id_in(["r00003", "r00020"])), size).await?;
    }
    Ok(())
}

async fn with_a_filter_of_few(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(400, 3)).await?;
    twin.filter(&field("name").ends_with(" 3").and(field("n").gte(380))).await?;
    twin.filter(&field("n").eq(399)).await
}

async fn vectors_and_metadata_only_where_asked(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(4, 3)).await?;
    let filter = field("n").gte(0);
    for (vectors, metadata) in [(false, true), (true, false), (false, false)] {
        for filter in [None, Some(&filter)] {
            let request = ScanRequest::new(twin.name())
                .include_vectors(vectors)
                .include_metadata(metadata)
                .filter(filter);
            for record in twin.subject.scan(&request).await?.records {
                check_eq!(record.vector.is_some(), vectors, "whether a record comes with its vector");
                check_eq!(!record.metadata.is_empty(), metadata, "whether a record comes with its metadata");
            }
        }
    }
    Ok(())
}

async fn page_size_out_of_range_is_refused(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    for size in [0, 10_001] {
        let page = twin.subject.scan(&ScanRequest::new(twin.name()).page_size(size)).await;
        let e = refusal("a page size out of range", ErrorKind::InvalidArgument, page)?;
        check!(e.message().contains("page_size"), "the error does not name the field: {e}");
    }
    Ok(())
}

/// The cursor of another storage, which is open at a place of its own.
async fn a_foreign_cursor_is_refused(ctx: &Context) -> Verdict {
    let other = ctx.open(&ctx.place()).await?;
    let theirs = ctx.twin_in(other.clone(), ctx.spec(3)).await?;
    theirs.upsert(&numbered(9, 3)).await?;
    let page = other.scan(&ScanRequest::new(theirs.name()).page_size(2)).await?;
    check!(page.cursor.is_some(), "the first page of several has no cursor");
    let ours = filled(ctx, &numbered(9, 3)).await?;
    let scan = ours.subject.scan(&ScanRequest::new(ours.name()).cursor(page.cursor.as_ref())).await;
    refusal("another storage's cursor", ErrorKind::InvalidArgument, scan)?;
    Ok(other.close().await?)
}

async fn an_invented_cursor_is_refused(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    for token in ["", "0", "r00003", "no such cursor", "'; --", "{}"] {
        let cursor = Cursor::new(token);
        let scan = twin.subject.scan(&ScanRequest::new(twin.name()).cursor(Some(&cursor))).await;
        refusal("an invented cursor", ErrorKind::InvalidArgument, scan)?;
    }
    Ok(())
}

/// Scans 30 records in pages, with something done between them; gives the ids seen, each once.
async fn disturbed(
    ctx: &Context,
    between: impl AsyncFn(&crate::twin::Twin, usize) -> Verdict,
) -> Verdict<BTreeSet<String>> {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let (mut seen, mut cursor) = (BTreeSet::new(), None);
    for page_number in 0..1_000 {
        let page =
            twin.subject.scan(&ScanRequest::new(twin.name()).page_size(4).cursor(cursor.as_ref())).await?;
        for record in page.records {
            check!(seen.insert(record.id.clone()), "the scan gives {:?} twice", record.id);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
        between(&twin, page_number).await?;
    }
    check!(cursor.is_none(), "the scan has no end");
    Ok(seen)
}

fn all_seen(seen: &BTreeSet<String>, wanted: impl Iterator<Item = usize>) -> Verdict {
    let missing: Vec<String> = wanted.map(|n| format!("r{n:05}")).filter(|id| !seen.contains(id)).collect();
    check!(missing.is_empty(), "the scan leaves out {missing:?}, which were there throughout");
    Ok(())
}

async fn replaced_records_are_seen_once(ctx: &Context) -> Verdict {
    let replace = async |twin: &crate::twin::Twin, page: usize| {
        let again: Vec<Record> = [page, page * 3 % 30, 29 - page % 30].map(|n| plain(n % 30, 3)).to_vec();
        twin.upsert(&again).await
    };
    all_seen(&disturbed(ctx, replace).await?, 0..30)
}

async fn records_are_seen_once_while_others_are_written(ctx: &Context) -> Verdict {
    let write = async |twin: &crate::twin::Twin, page: usize| {
        if page > 20 {
            return Ok(());
        }
        let (low, high) = (format!("a{page}"), format!("z{page}"));
        twin.upsert(&[Record::new(low, [1.0, 0.0, 0.0]), Record::new(high, [0.0, 1.0, 0.0])]).await
    };
    all_seen(&disturbed(ctx, write).await?, 0..30)
}

async fn records_are_seen_once_while_others_are_deleted(ctx: &Context) -> Verdict {
    let delete = async |twin: &crate::twin::Twin, page: usize| {
        let gone = [page, 10 + page].into_iter().filter(|n| n % 2 == 0).map(|n| format!("r{n:05}"));
        twin.delete(&gone.collect::<Vec<_>>()).await.map(drop)
    };
    all_seen(&disturbed(ctx, delete).await?, (0..30).filter(|n| n % 2 == 1))
}

async fn records_are_seen_once_while_all_are_replaced(ctx: &Context) -> Verdict {
    let replace = async |twin: &crate::twin::Twin, _: usize| twin.upsert(&numbered(30, 3)).await;
    all_seen(&disturbed(ctx, replace).await?, 0..30)
}

async fn updated_records_are_seen_once(ctx: &Context) -> Verdict {
    let update = async |twin: &crate::twin::Twin, page: usize| {
        let patch = portolan_core::MetadataPatch::new().set("page", page as i64);
        twin.patch(&format!("r{:05}", page % 30), patch).await
    };
    all_seen(&disturbed(ctx, update).await?, 0..30)
}

async fn two_scans_do_not_disturb_each_other(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let odd = field("even").eq(false);
    let (one, two) = futures::join!(twin.scan(None, 3), twin.scan(Some(&odd), 2));
    check_eq!((one?.len(), two?.len()), (30, 15), "the records of two scans at once");
    Ok(())
}

async fn a_page_may_be_read_again(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(12, 3)).await?;
    let first = twin.subject.scan(&ScanRequest::new(twin.name()).page_size(5)).await?;
    let request = ScanRequest::new(twin.name()).page_size(5).cursor(first.cursor.as_ref());
    let (one, two) = (twin.subject.scan(&request).await?, twin.subject.scan(&request).await?);
    check_eq!(ids(&one.records), ids(&two.records), "a page read again");
    Ok(())
}

async fn as_a_stream(ctx: &Context) -> Verdict {
    use futures::TryStreamExt;

    let twin = filled(ctx, &numbered(25, 3)).await?;
    let records: Vec<Record> = twin
        .subject
        .index(twin.name())
        .scan()
        .page_size(4)
        .filter(field("n").lt(20))
        .stream()
        .try_collect()
        .await?;
    check_eq!(records.len(), 20, "the records of a stream");
    Ok(())
}

async fn many_pages(ctx: &Context) -> Verdict {
    let rows = ctx.session.harness.rows().min(2_500);
    let twin = ctx.index(2).await?;
    for chunk in (0..rows).map(|n| plain(n, 2)).collect::<Vec<_>>().chunks(1_000) {
        twin.subject.upsert(&UpsertRequest::new(twin.name(), chunk)).await?.into_result()?;
    }
    check_eq!(twin.scan(None, 97).await?.len(), rows, "the records of a long scan");
    Ok(())
}
