//! Writes and reads of one record.

use crate::error::{Error, ErrorKind, Result};
use crate::metadata::MetadataPatch;
use crate::record::{GetRequest, Record};
use crate::storage::VectorStorage;
use crate::write::{DeleteRequest, MetadataUpdate, Outcome, UpdateRequest, UpsertRequest, WriteResult};

pub(super) async fn upsert<S: VectorStorage + ?Sized>(
    storage: &S,
    index: &str,
    record: Record,
) -> Result<()> {
    let records = [record];
    single(storage.upsert(&UpsertRequest::new(index, &records[..])).await?)
}

pub(super) async fn get<S: VectorStorage + ?Sized>(
    storage: &S,
    index: &str,
    id: &str,
) -> Result<Option<Record>> {
    let ids = [id.to_owned()];
    Ok(storage.get(&GetRequest::new(index, &ids)).await?.pop().flatten())
}

pub(super) async fn delete<S: VectorStorage + ?Sized>(storage: &S, index: &str, id: &str) -> Result<()> {
    let ids = [id.to_owned()];
    single(storage.delete(&DeleteRequest::new(index, &ids[..])).await?)
}

pub(super) async fn update<S: VectorStorage + ?Sized>(
    storage: &S,
    index: &str,
    id: &str,
    patch: MetadataPatch,
) -> Result<()> {
    let updates = [MetadataUpdate::new(id, patch)];
    single(storage.update_metadata(&UpdateRequest::new(index, &updates[..])).await?)
}

/// The outcome of a write of one item.
pub(super) fn single(result: WriteResult) -> Result<()> {
    match result.items.into_iter().next() {
        Some(Outcome::Stored) => Ok(()),
        Some(Outcome::Failed(e)) => Err(e),
        Some(Outcome::Unknown(e)) => Err(e.with_context("outcome", "unknown")),
        None => {
            Err(Error::new(ErrorKind::Unexpected, "the storage gave no outcome for the one item written"))
        }
    }
}
