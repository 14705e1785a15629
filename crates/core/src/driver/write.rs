//! Writes: validated whole, folded, each id written where its record is, an outcome per position.

use std::collections::{HashMap, HashSet};

use tokio::sync::RwLockWriteGuard;

use super::call::Call;
use super::chunks::Chunk;
use super::locks::IdGuard;
use super::lowering::LoweredFilter;
use super::overflow::{self, OVERFLOW};
use super::places::{Place, collision};
use super::storage::DriverStorage;
use super::{Driver, NativeId, Removed, Row, Want, WriteError};
use crate::error::{Error, ErrorKind, Partial, Result};
use crate::metadata::{Metadata, MetadataPatch};
use crate::record::{Record, Vector};
use crate::validate;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Outcome, UpdateRequest, UpsertRequest, Visibility,
    WriteResult,
};

/// A record that was validated, with the length of its metadata as JSON where a limit of bytes asks for it.
struct Valid<'a> {
    id: &'a str,
    vector: Option<Vector>,
    metadata: Metadata,
    json_len: Option<usize>,
}

/// What is to be sent for an item, or how it ended without.
type Planned<T> = Result<T, Outcome>;

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn upsert_in(
        &self,
        call: &Call<D::Index>,
        request: &UpsertRequest<'_>,
    ) -> Result<WriteResult> {
        call.check_writable()?;
        let limits = &self.profile().limits;
        let mut checked = Vec::with_capacity(request.records.len());
        for (n, record) in request.records.iter().enumerate() {
            let valid = validate::record(record, call.spec(), limits);
            checked.push(Some(valid.map_err(|e| e.with_position(n))?));
        }
        let (folded, winners) = fold(request.records.iter().map(|r| r.id.as_str()));
        let records: Vec<Valid<'_>> = winners
            .iter()
            .filter_map(|&n| Some((request.records.get(n)?, checked[n].take()?)))
            .map(|(record, valid)| Valid {
                id: &record.id,
                vector: record.vector.clone(),
                metadata: valid.metadata,
                json_len: valid.json_len,
            })
            .collect();
        let _guard = self.lock_ids(call, records.iter().map(|r| r.id)).await?;
        let outcomes = self.put(call, &records).await?;
        self.answer(call, request.visibility, spread(&folded, outcomes)).await
    }

    pub(super) async fn delete_in(
        &self,
        call: &Call<D::Index>,
        request: &DeleteRequest<'_>,
    ) -> Result<WriteResult> {
        for (n, id) in request.ids.iter().enumerate() {
            validate::id(id, &self.profile().limits).map_err(|e| e.with_position(n))?;
        }
        let (folded, winners) = fold(request.ids.iter().map(String::as_str));
        let ids: Vec<&str> = winners.iter().filter_map(|&n| request.ids.get(n)).map(String::as_str).collect();
        let _guard = self.lock_ids(call, ids.iter().copied()).await?;
        let outcomes = self.remove_ids(call, &ids).await?;
        self.answer(call, request.visibility, spread(&folded, outcomes)).await
    }

    pub(super) async fn update_in(
        &self,
        call: &Call<D::Index>,
        request: &UpdateRequest<'_>,
    ) -> Result<WriteResult> {
        call.check_writable()?;
        let mut patches: Vec<(NativeId, MetadataPatch)> = Vec::new();
        let mut folded = Vec::with_capacity(request.updates.len());
        let mut positions: HashMap<&str, usize> = HashMap::new();
        for (n, update) in request.updates.iter().enumerate() {
            let patch = validate::id(&update.id, &self.profile().limits)
                .and_then(|()| validate::patch(&update.patch, call.spec()))
                .map_err(|e| e.with_position(n))?;
            let position = *positions.entry(&update.id).or_insert_with(|| {
                patches.push((update.id.as_str().into(), MetadataPatch::new()));
                patches.len() - 1
            });
            patches[position].1 = std::mem::take(&mut patches[position].1).then(&patch);
            folded.push(position);
        }
        let _guard = self.lock_ids(call, patches.iter().map(|p| p.0.as_str())).await?;
        let outcomes = if self.profile().update {
            self.send(call, Chunk::Update(&patches)).await?
        } else {
            self.merge(call, &patches).await?
        };
        self.answer(call, request.visibility, spread(&folded, outcomes)).await
    }

    pub(super) async fn delete_where_in(
        &self,
        call: &Call<D::Index>,
        request: &DeleteWhereRequest<'_>,
    ) -> Result<DeleteWhereResult> {
        request.filter.validate()?;
        let filter = LoweredFilter::new(self.driver(), call.unsent(), Some(request.filter));
        if filter.filter.is_all() {
            return Err(Error::invalid("the filter is true for every record; use clear to delete them all"));
        }
        let deleted = if filter.filter.is_none() {
            Some(0)
        } else {
            self.remove_matching(call, request, &filter).await?
        };
        let visible = self.is_visible(call, request.visibility).await;
        Ok(DeleteWhereResult::new(deleted).visible(visible))
    }

    pub(super) async fn clear_in(&self, call: &Call<D::Index>) -> Result<()> {
        let _guard = self.lock_index(call).await;
        if self.profile().clear {
            return self.remove_in_parts(call, || self.driver().clear(call.target())).await.map(drop);
        }
        let mut deleted = 0;
        loop {
            let page = self.driver().page(call.target(), None, None, self.profile().page_rows, Want::ID);
            let page = call.limit.read(page).await.map_err(|e| partly(e.into(), deleted))?;
            let unreadable = page.unreadable.into_iter().map(|row| row.id.into());
            let ids: Vec<NativeId> = page.rows.into_iter().map(|r| r.id).chain(unreadable).collect();
            if ids.is_empty() {
                return Ok(());
            }
            deleted += self.remove_all(call, &ids, deleted).await?;
        }
    }

    /// Writes records with distinct ids, each to the row that it has or will have.
    async fn put(&self, call: &Call<D::Index>, records: &[Valid<'_>]) -> Result<Vec<Outcome>> {
        let mut places = self.places(call, records.iter().map(|r| r.id), None).await?;
        let mut used = HashSet::with_capacity(records.len());
        let mut planned = Vec::with_capacity(records.len());
        for Valid { id, vector, metadata, json_len } in records {
            planned.push(match places.remove(*id).unwrap_or_else(|| Place::Row((*id).into(), None)) {
                Place::Twice(e) | Place::Taken(e) => Err(Outcome::Failed(e)),
                Place::Row(native_id, _) if !used.insert(native_id.clone()) => {
                    let why = format!("its native id {native_id} belongs to another record of this call");
                    Err(Outcome::Failed(collision(id, &why)))
                }
                Place::Row(native_id, before) => {
                    let mut row = overflow::encode(
                        self.driver(),
                        call.unsent(),
                        id,
                        native_id,
                        vector.clone(),
                        metadata,
                    )?;
                    row.removed = before.map_or_else(Vec::new, |before| vanished(&before, &row));
                    Ok((row, *json_len))
                }
            });
        }
        self.write_rows(call, planned).await
    }

    async fn remove_ids(&self, call: &Call<D::Index>, ids: &[&str]) -> Result<Vec<Outcome>> {
        if self.profile().ids.is_plain() {
            let ids: Vec<NativeId> = ids.iter().map(|id| (*id).into()).collect();
            return self.send(call, Chunk::Remove(&ids)).await;
        }
        let mut places = self.places(call, ids.iter().copied(), None).await?;
        let planned = ids.iter().map(|id| match places.remove(*id) {
            Some(Place::Twice(e)) => Err(Outcome::Failed(e)),
            Some(Place::Row(native_id, Some(_))) => Ok(native_id),
            _ => Err(Outcome::Stored),
        });
        let (ended, natives) = part(planned);
        fill(ended, self.send(call, Chunk::Remove(&natives)).await)
    }

    /// The emulated update: reads, merges, writes whole rows.
    async fn merge(
        &self,
        call: &Call<D::Index>,
        patches: &[(NativeId, MetadataPatch)],
    ) -> Result<Vec<Outcome>> {
        // Where writes merge, what is not sent stays, and a vector that is read rounded is not written back.
        let want = Want { vectors: !self.profile().merges, ..Want::ALL };
        let mut places = self.places(call, patches.iter().map(|p| p.0.as_str()), Some(want)).await?;
        let planned = patches.iter().map(|(id, patch)| match places.remove(id.as_str()) {
            Some(Place::Twice(e)) => Err(Outcome::Failed(e)),
            Some(Place::Row(native_id, Some(before))) => {
                self.patched(call, id, native_id, before, patch).map_err(Outcome::Failed)
            }
            _ => {
                let e = Error::new(
                    ErrorKind::NotFound,
                    format!("there is no record {:?} to update", id.as_str()),
                );
                Err(Outcome::Failed(e))
            }
        });
        let planned = planned.collect();
        self.write_rows(call, planned).await
    }

    fn patched(
        &self,
        call: &Call<D::Index>,
        id: &str,
        native_id: NativeId,
        before: Row,
        patch: &MetadataPatch,
    ) -> Result<(Row, Option<usize>)> {
        let Record { vector, mut metadata, .. } = overflow::decode(before.clone())?;
        metadata.apply(patch);
        let json_len = validate::metadata_size(&metadata, &self.profile().limits)?;
        let mut row = overflow::encode(self.driver(), call.unsent(), id, native_id, vector, &metadata)?;
        if self.profile().merges {
            row.removed = vanished(&before, &row);
        }
        Ok((row, json_len))
    }

    /// Sends the rows that the database can take.
    async fn write_rows(
        &self,
        call: &Call<D::Index>,
        planned: Vec<Planned<(Row, Option<usize>)>>,
    ) -> Result<Vec<Outcome>> {
        let admitted = planned.into_iter().map(|planned| {
            let (row, json_len) = planned?;
            self.driver().admits(call.unsent(), &row).map_err(Outcome::Failed)?;
            Ok((row, json_len))
        });
        let (ended, sized) = part(admitted);
        let sizes: Vec<usize> = sized.iter().map(|(row, json_len)| native_size(row, *json_len)).collect();
        let rows: Vec<Row> = sized.into_iter().map(|(row, _)| row).collect();
        fill(ended, self.send(call, Chunk::Write(&rows, &sizes)).await)
    }

    async fn remove_matching(
        &self,
        call: &Call<D::Index>,
        request: &DeleteWhereRequest<'_>,
        filter: &LoweredFilter<D::Filter>,
    ) -> Result<Option<u64>> {
        let pushed = &filter.pushed;
        if let (Some(native), None, true) = (&pushed.native, &pushed.residual, self.profile().remove_where) {
            let _guard = self.lock_index(call).await;
            let removed = || self.driver().remove_where(call.target(), native);
            return self.remove_in_parts(call, removed).await;
        }
        let pushed = filter.in_pages();
        let want = self.want(false, pushed.residual.is_some());
        let mut ids = Vec::new();
        self.each_record(call, pushed, want, request.residual_budget, |_, record| {
            ids.push(record.id);
            Ok(())
        })
        .await?;
        let mut deleted = 0;
        for chunk in ids.chunks(self.profile().page_rows) {
            deleted += self.remove_checked(call, chunk, filter, deleted).await?;
        }
        Ok(Some(deleted))
    }

    /// Has rows removed until none is left that was meant; how many, where that is exact.
    async fn remove_in_parts<F>(&self, call: &Call<D::Index>, remove: impl Fn() -> F) -> Result<Option<u64>>
    where
        F: Future<Output = Result<Removed, WriteError>>,
    {
        let mut deleted = 0;
        loop {
            match call.limit.change(remove()).await.map_err(|e| partly(e, deleted))? {
                Removed::All(number) => return Ok(number.map(|n| deleted + n)),
                Removed::Part(number) => deleted += number,
            }
        }
    }

    /// Deletes those of some ids that still meet the filter, so that a record which never did is not deleted.
    async fn remove_checked(
        &self,
        call: &Call<D::Index>,
        ids: &[String],
        filter: &LoweredFilter<D::Filter>,
        before: u64,
    ) -> Result<u64> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let _guard = self.locks().ids(call.native_name(), ids.iter().copied()).await;
        let want = Want { vectors: false, ..Want::ALL };
        let places = self.places(call, ids.iter().copied(), Some(want)).await;
        let mut natives = Vec::with_capacity(ids.len());
        for place in places.map_err(|e| partly(e.into(), before))?.into_values() {
            match place {
                Place::Twice(e) => return Err(partly(e.into(), before)),
                Place::Row(native_id, Some(row)) => {
                    let record = overflow::decode(row).map_err(|e| partly(e.into(), before))?;
                    if filter.filter.matches(&record.id, &record.metadata) {
                        natives.push(native_id);
                    }
                }
                Place::Row(_, None) | Place::Taken(_) => {}
            }
        }
        self.remove_all(call, &natives, before).await
    }

    /// Removes rows, all of them or else an error that tells how many are known to be gone.
    async fn remove_all(&self, call: &Call<D::Index>, ids: &[NativeId], before: u64) -> Result<u64> {
        let outcomes = self.send(call, Chunk::Remove(ids)).await.map_err(|e| partly(e.into(), before))?;
        let removed = outcomes.iter().filter(|outcome| outcome.is_stored()).count() as u64;
        match outcomes.into_iter().find(|outcome| !outcome.is_stored()) {
            None => Ok(removed),
            Some(Outcome::Unknown(e)) => Err(partly(WriteError::InDoubt(e), before + removed)),
            Some(Outcome::Failed(e)) => Err(partly(WriteError::NotApplied(e), before + removed)),
            Some(Outcome::Stored) => Ok(removed),
        }
    }

    async fn lock_ids<'a, 'g>(
        &'g self,
        call: &Call<D::Index>,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<IdGuard<'g>> {
        if !self.reads_first() {
            return Ok(IdGuard::default());
        }
        call.limit.read(async { Ok(self.locks().ids(call.native_name(), ids).await) }).await
    }

    async fn lock_index(&self, call: &Call<D::Index>) -> Option<RwLockWriteGuard<'_, ()>> {
        if self.reads_first() { Some(self.locks().index(call.native_name()).await) } else { None }
    }

    /// Whether some write reads what is stored, and writes it back changed.
    fn reads_first(&self) -> bool {
        let profile = self.profile();
        !profile.update || !profile.ids.is_plain() || profile.merges
    }

    async fn answer(
        &self,
        call: &Call<D::Index>,
        visibility: Visibility,
        items: Vec<Outcome>,
    ) -> Result<WriteResult> {
        let sent = items.iter().any(|outcome| !matches!(outcome, Outcome::Failed(_)));
        let visible =
            if sent { self.is_visible(call, visibility).await } else { visibility == Visibility::Searchable };
        Ok(WriteResult::new(items).visible(visible))
    }

    /// Waits until a change is visible, where that is asked for. That it is not is no error.
    async fn is_visible(&self, call: &Call<D::Index>, visibility: Visibility) -> bool {
        visibility == Visibility::Searchable
            && call.limit.read(self.driver().await_visible(call.target())).await.unwrap_or(false)
    }
}

/// For each position the number of its id among the distinct ids, and for each of those its last position.
fn fold<'a>(ids: impl Iterator<Item = &'a str>) -> (Vec<usize>, Vec<usize>) {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let mut winners = Vec::new();
    let mut folded = Vec::new();
    for (position, id) in ids.enumerate() {
        let number = *numbers.entry(id).or_insert(winners.len());
        if number == winners.len() {
            winners.push(position);
        } else {
            winners[number] = position;
        }
        folded.push(number);
    }
    (folded, winners)
}

/// The outcomes of distinct ids, for each input position.
fn spread(folded: &[usize], outcomes: Vec<Outcome>) -> Vec<Outcome> {
    folded.iter().map(|&number| outcomes[number].clone()).collect()
}

/// The outcomes of items that are not sent, with a hole for each that is, and those that are.
fn part<T>(planned: impl Iterator<Item = Planned<T>>) -> (Vec<Option<Outcome>>, Vec<T>) {
    let mut sent = Vec::new();
    let ended = planned.map(|planned| planned.map(|item| sent.push(item)).err()).collect();
    (ended, sent)
}

/// Puts the outcomes of what was sent into the holes. An error means that nothing was changed, and stays an error
/// only where every item was sent.
fn fill(ended: Vec<Option<Outcome>>, sent: Result<Vec<Outcome>>) -> Result<Vec<Outcome>> {
    match sent {
        Err(e) if ended.iter().all(Option::is_none) => Err(e),
        Err(e) => Ok(ended.into_iter().map(|o| o.unwrap_or_else(|| Outcome::Failed(e.clone()))).collect()),
        Ok(sent) => {
            let mut sent = sent.into_iter();
            Ok(ended.into_iter().filter_map(|o| o.or_else(|| sent.next())).collect())
        }
    }
}

/// The length of a row's native metadata as JSON: the record's own, which was counted, unless some of it is overflow.
fn native_size(row: &Row, json_len: Option<usize>) -> usize {
    match json_len {
        Some(len) if !row.metadata.contains_key(OVERFLOW) => len,
        Some(_) => row.metadata.json_len(),
        None => 0,
    }
}

/// The error of a change of many records that ended midway: what is known of how far it came.
fn partly(error: WriteError, deleted: u64) -> Error {
    let in_doubt = error.is_in_doubt();
    let error = error.into_error();
    if deleted == 0 && !in_doubt {
        return error;
    }
    error.with_partial(Partial::new(deleted, in_doubt))
}

/// The keys of a stored row that its successor does not have.
fn vanished(before: &Row, after: &Row) -> Vec<String> {
    before
        .metadata
        .iter()
        .map(|(k, _)| k)
        .filter(|k| !after.metadata.contains_key(k))
        .map(str::to_owned)
        .collect()
}
