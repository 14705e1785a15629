//! Sends the items of a write in chunks: cut by count and bytes, with bounded parallelism, an outcome per item.

use std::ops::Range;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::call::Call;
use super::storage::DriverStorage;
use super::{Driver, NativeId, Row, WriteError};
use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataPatch;
use crate::write::Outcome;

/// Items of a write: what is sent, of which one request carries a part.
#[derive(Debug, Clone, Copy)]
pub(super) enum Chunk<'a> {
    /// Rows, and the length of the metadata of each as JSON (0 where the database has no limit of bytes).
    Write(&'a [Row], &'a [usize]),
    Remove(&'a [NativeId]),
    Update(&'a [(NativeId, MetadataPatch)]),
}

impl<'a> Chunk<'a> {
    fn len(self) -> usize {
        match self {
            Self::Write(rows, _) => rows.len(),
            Self::Remove(ids) => ids.len(),
            Self::Update(patches) => patches.len(),
        }
    }

    fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::Write(rows, sizes) => Self::Write(&rows[range.clone()], &sizes[range]),
            Self::Remove(ids) => Self::Remove(&ids[range]),
            Self::Update(patches) => Self::Update(&patches[range]),
        }
    }

    /// The size of an item as JSON, roughly: what byte limits are about.
    fn bytes(self, n: usize) -> usize {
        match self {
            Self::Write(rows, sizes) => row_bytes(&rows[n], sizes[n]),
            Self::Remove(ids) => ids[n].len() + 16,
            Self::Update(patches) => patches[n].0.len() + 256,
        }
    }
}

/// How a chunk ended: an outcome per item, or one error for all.
type ChunkResult = Result<Vec<Outcome>, WriteError>;

fn row_bytes(row: &Row, metadata: usize) -> usize {
    let vector = row.vector.as_ref().map_or(0, |v| v.len() * 12);
    row.id.len() + vector + metadata + 64
}

impl<D: Driver> DriverStorage<D> {
    /// Sends items in chunks: an outcome per item, or an error where surely none was applied.
    pub(super) async fn send(&self, call: &Call<D::Index>, items: Chunk<'_>) -> Result<Vec<Outcome>> {
        let requests: Vec<BoxFuture<'_, (Range<usize>, ChunkResult)>> = self
            .cuts(items)
            .into_iter()
            .map(|range| {
                let chunk = items.part(range.clone());
                Box::pin(async move { (range, self.send_chunk(call, chunk).await) }) as BoxFuture<'_, _>
            })
            .collect();
        let mut answers = stream::iter(requests).buffered(self.profile().parallelism);
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
        let mut refused = None;
        let mut all_refused = true;
        while let Some((range, answer)) = answers.next().await {
            all_refused &= matches!(answer, Err(WriteError::NotApplied(_)));
            match answer {
                Ok(done) => outcomes.extend(done),
                Err(e) => {
                    outcomes.extend(range.map(|_| e.outcome()));
                    refused.get_or_insert(e.into_error());
                }
            }
        }
        match refused {
            Some(e) if all_refused => Err(e),
            _ => Ok(outcomes),
        }
    }

    async fn send_chunk(&self, call: &Call<D::Index>, chunk: Chunk<'_>) -> Result<Vec<Outcome>, WriteError> {
        let target = call.target();
        if target.deadline.has_passed() {
            let e = Error::new(ErrorKind::Timeout, "the time ran out before these items were sent");
            return Err(WriteError::NotApplied(e));
        }
        let request = async {
            match chunk {
                Chunk::Write(rows, _) => self.driver().write(target, rows).await,
                Chunk::Remove(ids) => self.driver().remove(target, ids).await,
                Chunk::Update(patches) => self.driver().update(target, patches).await,
            }
        };
        let outcomes = call.limit.change(request).await?;
        if outcomes.len() != chunk.len() {
            let message = format!("the driver answered {} of {} items", outcomes.len(), chunk.len());
            return Err(WriteError::InDoubt(Error::new(ErrorKind::Unexpected, message)));
        }
        Ok(outcomes)
    }

    /// Where a batch is cut, by count and by bytes.
    fn cuts(&self, items: Chunk<'_>) -> Vec<Range<usize>> {
        let limits = &self.profile().limits;
        let most = limits.batch_count.unwrap_or(usize::MAX).max(1);
        let mut cuts = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for n in 0..items.len() {
            let size = if limits.batch_bytes.is_some() { items.bytes(n) } else { 0 };
            let full = n - start >= most || limits.batch_bytes.is_some_and(|b| n > start && bytes + size > b);
            if full {
                cuts.push(start..n);
                (start, bytes) = (n, 0);
            }
            bytes += size;
        }
        if start < items.len() {
            cuts.push(start..items.len());
        }
        cuts
    }
}
