//! A large upsert in chunks, with the outcomes of a single one.

use std::collections::HashMap;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use crate::error::{Error, ErrorKind, Result};
use crate::options::CallOptions;
use crate::progress::{Meter, Progress};
use crate::record::{Batch, Record};
use crate::storage::VectorStorage;
use crate::validate;
use crate::write::{Outcome, UpsertRequest, WriteResult};

pub(super) async fn upsert<S: VectorStorage + ?Sized>(
    storage: &S,
    request: &UpsertRequest<'_>,
    chunk_size: usize,
    max_parallel: usize,
    progress: &dyn Progress,
) -> Result<WriteResult> {
    validate::at_least_one("chunk_size", chunk_size)?;
    validate::at_least_one("max_parallel", max_parallel)?;
    check(storage, request).await?;
    let start = Instant::now();
    let winners = last_of_each_id(&request.records);
    let mut done = WriteResult::new(vec![Outcome::Failed(cancelled()); request.records.len()]);
    let mut meter = Meter::new(progress, "upsert", Some(winners.distinct.len() as u64));
    let chunks: Vec<BoxFuture<'_, (&[usize], WriteResult)>> = winners
        .distinct
        .chunks(chunk_size)
        .map(|at| -> BoxFuture<'_, _> { Box::pin(send(storage, request, at, progress)) })
        .collect();
    let mut chunks = stream::iter(chunks).buffer_unordered(max_parallel);
    while let Some((at, sent)) = chunks.next().await {
        done.visible &= sent.visible;
        for (&position, outcome) in at.iter().zip(sent.items) {
            done.items[position] = outcome;
        }
        meter.advance(at.len() as u64);
    }
    drop(chunks);
    for (earlier, last) in winners.folded {
        done.items[earlier] = done.items[last].clone();
    }
    Ok(done.elapsed(start.elapsed()))
}

/// Checks every record, so that one invalid record refuses the whole call and not a chunk of it.
async fn check<S: VectorStorage + ?Sized>(storage: &S, request: &UpsertRequest<'_>) -> Result<()> {
    let spec = storage.describe_index(request.index, CallOptions::new()).await?.spec;
    let limits = &storage.capability().limits;
    for (at, record) in request.records.iter().enumerate() {
        validate::record(record, &spec, limits)
            .map_err(|e| e.with_position(at).with_operation("upsert").with_index(request.index))?;
    }
    Ok(())
}

/// The records that count, and those that a later one of equal id replaces.
struct Winners {
    /// Positions to send.
    distinct: Vec<usize>,
    /// Positions not to send, each with the one whose outcome it shares.
    folded: Vec<(usize, usize)>,
}

fn last_of_each_id(records: &Batch<'_, Record>) -> Winners {
    let last: HashMap<&str, usize> = records.iter().enumerate().map(|(at, r)| (r.id.as_str(), at)).collect();
    let mut winners = Winners { distinct: Vec::with_capacity(last.len()), folded: Vec::new() };
    for (at, record) in records.iter().enumerate() {
        match last[record.id.as_str()] {
            winner if winner == at => winners.distinct.push(at),
            winner => winners.folded.push((at, winner)),
        }
    }
    winners
}

/// Sends one chunk; an error of the call becomes the outcome of every item.
async fn send<'p, S: VectorStorage + ?Sized>(
    storage: &S,
    request: &UpsertRequest<'_>,
    at: &'p [usize],
    progress: &dyn Progress,
) -> (&'p [usize], WriteResult) {
    let failed = |e: Error| WriteResult::new(vec![Outcome::Failed(e); at.len()]);
    if progress.is_cancelled() {
        return (at, failed(cancelled()));
    }
    let positions = request.records.positions(at);
    let chunk = UpsertRequest { records: request.records.at(&positions), ..request.clone() };
    (at, storage.upsert(&chunk).await.unwrap_or_else(failed))
}

fn cancelled() -> Error {
    Error::new(ErrorKind::Cancelled, "the caller cancelled the upsert before this record was sent")
}
