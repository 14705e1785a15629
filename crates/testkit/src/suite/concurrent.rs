//! Ten callers at once.

use futures::future::{join_all, try_join_all};
use portolan_core::filter::field;
use portolan_core::{
    CountRequest, DeleteRequest, ErrorKind, GetRequest, Metadata, MetadataPatch, MetadataUpdate, Record,
    UpdateRequest, UpsertRequest, Value, VectorStorageExt,
};

use crate::case::{Verdict, cases, check, check_eq};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, ids, numbered, owned};

cases! { "concurrent";
    [A1] ten_writers_of_different_records, ten_searches_answer_alike, writers_and_deleters, ten_indexes_at_once,
    many_searches_by_sugar;
    [W4 W19] ten_writers_of_one_record;
    [W4 W10] a_reader_sees_whole_records;
    [W19] updates_and_upserts_of_one_record;
    [I2] one_of_ten_creates_the_index;
    [I4] one_of_ten_deletes_the_index;
    [I3] ten_ensure_one_index;
}

async fn ten_writers_of_different_records(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let records = numbered(200, 3);
    let writes = records.chunks(20).map(|chunk| {
        let (subject, name) = (twin.subject.clone(), twin.name().to_owned());
        async move { subject.upsert(&UpsertRequest::new(&name, chunk)).await?.into_result() }
    });
    try_join_all(writes).await?;
    twin.oracle.upsert(&UpsertRequest::new(twin.name(), &records)).await?.into_result()?;
    twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(40).with_total(true)).await?;
    twin.same().await
}

/// A record of which every part tells the version.
fn version(id: &str, n: usize) -> Record {
    let metadata: Metadata = (0..5).map(|k| (format!("part {k}"), n as i64)).collect();
    Record::new(id, [n as f32 + 1.0, n as f32 + 2.0, 0.5])
        .metadata(metadata.with(format!("only in {n}"), true))
}

/// Whether a record is wholly of one version.
fn whole(record: &Record) -> Verdict<usize> {
    let part = |k: usize| record.metadata.get(&format!("part {k}")).and_then(Value::as_integer);
    let n = part(0).unwrap_or(-1);
    let alike = (1..5).all(|k| part(k) == Some(n)) && record.metadata.len() == 6;
    let own = record.metadata.contains_key(&format!("only in {n}"));
    let ratio = record.vector.as_ref().map(|v| f64::from(v[0]) / f64::from(v[1]));
    let expected = (n as f64 + 1.0) / (n as f64 + 2.0);
    let vector = ratio.is_none_or(|r| (r - expected).abs() < 1e-5);
    check!(alike && own && vector, "a record is half of one version and half of another: {record:?}");
    Ok(n as usize)
}

async fn ten_writers_of_one_record(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    try_join_all((0..10).map(|n| twin.subject.upsert_one(twin.name(), version("shared", n)))).await?;
    check_eq!(twin.subject.count(&CountRequest::new(twin.name())).await?, 1, "the records of one id");
    let read = twin.subject.get_one(twin.name(), "shared").await?;
    let read = read.map(|r| whole(&r)).transpose()?;
    check!(read.is_some_and(|n| n < 10), "the record is of no version that was written");
    Ok(())
}

async fn a_reader_sees_whole_records(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let batch = |n: usize| ["a", "b", "c"].map(|id| version(id, n)).to_vec();
    twin.subject.upsert(&UpsertRequest::new(twin.name(), &batch(0))).await?.into_result()?;
    let write = async {
        for n in 1..25 {
            twin.subject.upsert(&UpsertRequest::new(twin.name(), &batch(n))).await?.into_result()?;
        }
        Verdict::Ok(())
    };
    let wanted = owned(&["a", "b", "c"]);
    let read = async {
        for _ in 0..25 {
            let records = twin.subject.get(&GetRequest::new(twin.name(), &wanted)).await?;
            check!(records.iter().all(Option::is_some), "a record is gone while it is replaced");
            records.iter().flatten().try_for_each(|r| whole(r).map(drop))?;
            let found = twin.subject.search(&twin.query([1.0, 1.0, 1.0])).await?;
            check_eq!(found.matches.len(), 3, "the matches while they are replaced");
        }
        Verdict::Ok(())
    };
    futures::try_join!(write, read).map(drop)
}

async fn ten_searches_answer_alike(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(80, 3)).await?;
    let query = twin.query([1.0, 2.0, 3.0]).top_k(9).filter(field("even").eq(true));
    try_join_all((0..10).map(|_| twin.search(&query))).await.map(drop)
}

/// Updates and upserts of one record are serialized: the record is never a mixture.
async fn updates_and_upserts_of_one_record(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    twin.subject.upsert_one(twin.name(), version("shared", 0)).await?;
    let patch = |n: usize| {
        let set = MetadataPatch::new().set(format!("patched {n}"), n as i64);
        [MetadataUpdate::new("shared", set)]
    };
    let updates = (0..10).map(async |n| {
        twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &patch(n)[..])).await?.into_result()
    });
    let upserts = (1..4).map(|n| twin.subject.upsert_one(twin.name(), version("shared", n)));
    let (updated, upserted) = futures::join!(try_join_all(updates), try_join_all(upserts));
    updated?;
    upserted?;
    let read = twin.subject.get_one(twin.name(), "shared").await?;
    let Some(mut record) = read else {
        return Err(crate::case::Stop::Failed("the record is gone".to_owned()));
    };
    for n in 0..10 {
        record.metadata.remove(&format!("patched {n}"));
    }
    whole(&record).map(drop)
}

async fn writers_and_deleters(ctx: &Context) -> Verdict {
    let records = numbered(60, 3);
    let twin = filled(ctx, &records[..30]).await?;
    let gone = ids(&records[..20]);
    let delete = async { twin.subject.delete(&DeleteRequest::new(twin.name(), &gone)).await };
    let write = async { twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[30..])).await };
    let (deleted, written) = futures::join!(delete, write);
    deleted?.into_result()?;
    written?.into_result()?;
    twin.oracle.delete(&DeleteRequest::new(twin.name(), &gone)).await?.into_result()?;
    twin.oracle.upsert(&UpsertRequest::new(twin.name(), &records[30..])).await?.into_result()?;
    twin.same().await
}

async fn one_of_ten_creates_the_index(ctx: &Context) -> Verdict {
    let spec = ctx.spec(3);
    let created = join_all((0..10).map(|_| ctx.storage.create_index(&spec, OPTIONS))).await;
    check_eq!(created.iter().filter(|r| r.is_ok()).count(), 1, "how many of ten created the index");
    let others = created.iter().filter_map(|r| r.as_ref().err());
    check!(others.clone().all(|e| e.kind() == ErrorKind::AlreadyExists), "{:?}", others.collect::<Vec<_>>());
    Ok(())
}

async fn one_of_ten_deletes_the_index(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let deleted = join_all((0..10).map(|_| ctx.storage.delete_index(twin.name(), OPTIONS))).await;
    check_eq!(deleted.iter().filter(|r| r.is_ok()).count(), 1, "how many of ten deleted the index");
    let others = deleted.iter().filter_map(|r| r.as_ref().err());
    check!(others.clone().all(|e| e.kind() == ErrorKind::NotFound), "{:?}", others.collect::<Vec<_>>());
    Ok(())
}

async fn ten_ensure_one_index(ctx: &Context) -> Verdict {
    let spec = ctx.spec(3);
    let ensured = try_join_all((0..10).map(|_| ctx.storage.ensure_index(&spec))).await?;
    check_eq!(ensured.iter().filter(|created| **created).count(), 1, "how many of ten created the index");
    Ok(())
}

async fn ten_indexes_at_once(ctx: &Context) -> Verdict {
    let work = (0..10).map(|n| async move {
        let twin = filled(ctx, &numbered(n + 3, 3)).await?;
        twin.search(&twin.query([1.0, 2.0, 3.0])).await?;
        twin.same().await?;
        Verdict::Ok(ctx.storage.delete_index(twin.name(), OPTIONS).await?)
    });
    try_join_all(work).await.map(drop)
}

async fn many_searches_by_sugar(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    let query = |k: usize| twin.query([1.0, 2.0, 3.0]).top_k(k);
    let requests: Vec<_> = [3, 0, 5, 7].into_iter().map(query).collect();
    let answers = twin.subject.search_many(&requests, 2).await?;
    let lengths: Vec<Option<usize>> =
        answers.iter().map(|a| a.as_ref().ok().map(|r| r.matches.len())).collect();
    check_eq!(lengths, [Some(3), None, Some(5), Some(7)], "the lengths of answers, each at its place");
    Ok(())
}
