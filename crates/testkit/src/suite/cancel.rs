//! Dropping a future midway leaves the storage consistent.

use std::future::Future;
use std::pin::pin;

use portolan_core::filter::field;
use portolan_core::{
    DeleteRequest, DeleteWhereRequest, Metadata, MetadataPatch, MetadataUpdate, Record, ScanRequest,
    UpdateRequest, UpsertRequest,
};

use crate::case::{Verdict, cases, check};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, ids, numbered, plain};
use crate::twin::Twin;

cases! { "cancel";
    [I25 W10] upsert, upsert_of_replacements, update_metadata;
    [I25] delete, clear, search, scan, create_index, delete_index;
    [I25 W13] delete_where;
}

/// How often a future is polled before it is dropped, from never to nearly done.
const POLLS: [usize; 8] = [0, 1, 2, 3, 5, 8, 13, 40];

/// Polls a future so often and drops it.
async fn drop_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    for _ in 0..polls {
        if futures::poll!(future.as_mut()).is_ready() {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Whatever was cut off: each record is there as one of those given, or missing if it may be; scan and count agree;
/// and the storage takes the records again.
async fn consistent(twin: &Twin, versions: &[&[Record]], may_miss: bool) -> Verdict {
    let wanted = ids(versions[0]);
    let request = portolan_core::GetRequest::new(twin.name(), &wanted);
    for (id, read) in wanted.iter().zip(twin.subject.get(&request).await?) {
        let Some(read) = read else {
            check!(may_miss, "{id:?} is gone");
            continue;
        };
        let is = |records: &&[Record]| records.iter().any(|r| r.id == *id && r.metadata == read.metadata);
        check!(versions.iter().any(is), "{id:?} is of no version that was written: {:?}", read.metadata);
    }
    let last = versions[versions.len() - 1];
    twin.upsert(last).await?;
    twin.same().await
}

/// The same records with other metadata.
fn again(records: &[Record]) -> Vec<Record> {
    let other = |r: &Record| Record { metadata: Metadata::new().with("again", true), ..r.clone() };
    records.iter().map(other).collect()
}

async fn upsert(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let twin = ctx.index(3).await?;
        let records = numbered(12, 3);
        drop_after(polls, twin.subject.upsert(&UpsertRequest::new(twin.name(), &records))).await;
        consistent(&twin, &[&records], true).await?;
    }
    Ok(())
}

async fn upsert_of_replacements(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let old = numbered(12, 3);
        let new = again(&old);
        let twin = filled(ctx, &old).await?;
        drop_after(polls, twin.subject.upsert(&UpsertRequest::new(twin.name(), &new))).await;
        consistent(&twin, &[&old, &new], false).await?;
    }
    Ok(())
}

async fn update_metadata(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let old = numbered(8, 3);
        let updates: Vec<MetadataUpdate> = old
            .iter()
            .map(|r| MetadataUpdate::new(r.id.as_str(), MetadataPatch::new().set("new", 1)))
            .collect();
        let mut new = old.clone();
        new.iter_mut().for_each(|r| drop(r.metadata.insert("new", 1)));
        let twin = filled(ctx, &old).await?;
        drop_after(polls, twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &updates))).await;
        consistent(&twin, &[&old, &new], false).await?;
    }
    Ok(())
}

async fn delete(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let records = numbered(12, 3);
        let twin = filled(ctx, &records).await?;
        drop_after(polls, twin.subject.delete(&DeleteRequest::new(twin.name(), &ids(&records)))).await;
        consistent(&twin, &[&records], true).await?;
    }
    Ok(())
}

async fn delete_where(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let records = numbered(12, 3);
        let twin = filled(ctx, &records).await?;
        let filter = field("n").lt(9);
        drop_after(polls, twin.subject.delete_where(&DeleteWhereRequest::new(twin.name(), &filter))).await;
        let kept = ids(&records[9..]);
        let read = twin.subject.get(&portolan_core::GetRequest::new(twin.name(), &kept)).await?;
        check!(read.iter().all(Option::is_some), "a record that does not meet the filter is gone");
        consistent(&twin, &[&records], true).await?;
    }
    Ok(())
}

async fn clear(ctx: &Context) -> Verdict {
    for polls in POLLS {
        let records = numbered(12, 3);
        let twin = filled(ctx, &records).await?;
        drop_after(polls, twin.subject.clear(twin.name(), OPTIONS)).await;
        consistent(&twin, &[&records], true).await?;
    }
    Ok(())
}

async fn search(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(60, 3)).await?;
    let query = twin.query([1.0, 2.0, 3.0]).top_k(9).filter(field("name").ends_with("3")).with_total(true);
    for polls in POLLS {
        drop_after(polls, twin.subject.search(&query)).await;
        twin.search(&query).await?;
    }
    twin.same().await
}

async fn scan(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let first = twin.subject.scan(&ScanRequest::new(twin.name()).page_size(7)).await?;
    for polls in POLLS {
        let request = ScanRequest::new(twin.name()).page_size(7).cursor(first.cursor.as_ref());
        drop_after(polls, twin.subject.scan(&request)).await;
        let page = twin.subject.scan(&request).await?;
        check!(
            page.records.iter().all(|r| !first.records.contains(r)),
            "a page repeats after a scan was dropped"
        );
    }
    twin.same().await
}

async fn create_index(ctx: &Context) -> Verdict {
    use portolan_core::VectorStorageExt;

    for polls in POLLS {
        let spec = ctx.spec(3);
        drop_after(polls, ctx.storage.create_index(&spec, OPTIONS)).await;
        ctx.storage.ensure_index(&spec).await?;
        ctx.storage.upsert(&UpsertRequest::new(&spec.name, &[plain(0, 3)][..])).await?.into_result()?;
        ctx.storage.delete_index(&spec.name, OPTIONS).await?;
    }
    Ok(())
}

async fn delete_index(ctx: &Context) -> Verdict {
    use portolan_core::VectorStorageExt;

    for polls in POLLS {
        // Not lent: a server may still delete it after the case.
        let twin = ctx.twin(ctx.spec(3)).await?;
        twin.upsert(&numbered(3, 3)).await?;
        drop_after(polls, ctx.storage.delete_index(twin.name(), OPTIONS)).await;
        if ctx.storage.ensure_index(&twin.spec).await? {
            twin.oracle.clear(twin.name(), OPTIONS).await?;
        }
        if let Err(stop) = twin.same().await {
            // A server may end what was given up, once, after the index was found there.
            if !ctx.storage.ensure_index(&twin.spec).await? {
                return Err(stop);
            }
            twin.oracle.clear(twin.name(), OPTIONS).await?;
            twin.same().await?;
        }
    }
    Ok(())
}
