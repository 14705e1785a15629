//! Writes: validated whole, folded, cut into chunks, sent with bounded parallelism, an outcome per item.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};
use tokio::sync::RwLockWriteGuard;
use tokio::time::{Instant, timeout_at};

use super::locks::IdGuard;
use super::storage::{DriverStorage, Opened, by_deadline};
use super::{Driver, Row, Want, aside, push};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::Filter;
use crate::metadata::{Metadata, MetadataPatch};
use crate::record::{Record, Vector};
use crate::validate;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Outcome, UpdateRequest, UpsertRequest, Visibility,
    WriteResult,
};

/// A chunk under way: which items, and how they ended.
type Sent<'a> = BoxFuture<'a, (Range<usize>, Result<Vec<Outcome>>)>;

/// A part of a write that one call carries.
#[derive(Debug, Clone, Copy)]
enum Chunk<'a> {
    Write(&'a [Row]),
    Remove(&'a [String]),
    Update(&'a [(String, MetadataPatch)]),
}

impl<'a> Chunk<'a> {
    fn len(self) -> usize {
        match self {
            Self::Write(rows) => rows.len(),
            Self::Remove(ids) => ids.len(),
            Self::Update(patches) => patches.len(),
        }
    }

    fn part(self, range: Range<usize>) -> Self {
        match self {
            Self::Write(rows) => Self::Write(&rows[range]),
            Self::Remove(ids) => Self::Remove(&ids[range]),
            Self::Update(patches) => Self::Update(&patches[range]),
        }
    }

    fn bytes(self, at: usize) -> usize {
        match self {
            Self::Write(rows) => row_bytes(&rows[at]),
            Self::Remove(ids) => ids[at].len() + 16,
            Self::Update(patches) => patches[at].0.len() + 256,
        }
    }
}

/// A row's size as JSON, roughly: what byte limits are about.
fn row_bytes(row: &Row) -> usize {
    let vector = row.vector.as_ref().map_or(0, |v| v.len() * 12);
    row.id.len() + vector + row.metadata.to_string().len() + 64
}

/// Where the record of an id stands in the database.
enum Place {
    /// In this row, or where there is none, to be written under this native id.
    Row(String, Option<Row>),
    /// In two rows.
    Twice(Error),
    /// Nowhere, and its native id belongs to another record.
    Taken(Error),
}

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn upsert_in(
        &self,
        at: &Opened,
        request: &UpsertRequest<'_>,
        deadline: Option<Instant>,
    ) -> Result<WriteResult> {
        request.options.validate()?;
        let mut metadata = Vec::with_capacity(request.records.len());
        for (n, record) in request.records.iter().enumerate() {
            metadata.push(
                validate::record(record, at.spec(), &self.profile().limits)
                    .map_err(|e| e.with_position(n))?,
            );
        }
        let (folded, winners) = fold(request.records.iter().map(|r| r.id.as_str()));
        let records: Vec<(&str, Option<Vector>, Metadata)> = winners
            .iter()
            .filter_map(|&n| Some((request.records.get(n)?, std::mem::take(&mut metadata[n]))))
            .map(|(r, metadata)| (r.id.as_str(), r.vector.clone(), metadata))
            .collect();
        let _guard = self.lock_ids(at, records.iter().map(|r| r.0), deadline).await?;
        let outcomes = self.put(at, &records, deadline).await?;
        self.answer(at, request.visibility, deadline, spread(&folded, outcomes)).await
    }

    pub(super) async fn delete_in(
        &self,
        at: &Opened,
        request: &DeleteRequest<'_>,
        deadline: Option<Instant>,
    ) -> Result<WriteResult> {
        request.options.validate()?;
        for (n, id) in request.ids.iter().enumerate() {
            validate::id(id, &self.profile().limits).map_err(|e| e.with_position(n))?;
        }
        let (folded, winners) = fold(request.ids.iter().map(String::as_str));
        let ids: Vec<&str> = winners.iter().filter_map(|&n| request.ids.get(n)).map(String::as_str).collect();
        let _guard = self.lock_ids(at, ids.iter().copied(), deadline).await?;
        let outcomes = self.remove_ids(at, &ids, deadline).await?;
        self.answer(at, request.visibility, deadline, spread(&folded, outcomes)).await
    }

    pub(super) async fn update_in(
        &self,
        at: &Opened,
        request: &UpdateRequest<'_>,
        deadline: Option<Instant>,
    ) -> Result<WriteResult> {
        request.options.validate()?;
        let mut patches: Vec<(String, MetadataPatch)> = Vec::new();
        let mut folded = Vec::with_capacity(request.updates.len());
        let mut places: HashMap<&str, usize> = HashMap::new();
        for (n, update) in request.updates.iter().enumerate() {
            let patch = validate::id(&update.id, &self.profile().limits)
                .and_then(|()| validate::patch(&update.patch, at.spec()))
                .map_err(|e| e.with_position(n))?;
            let place = *places.entry(&update.id).or_insert_with(|| {
                patches.push((update.id.clone(), MetadataPatch::new()));
                patches.len() - 1
            });
            patches[place].1 = std::mem::take(&mut patches[place].1).then(&patch);
            folded.push(place);
        }
        let _guard = self.lock_ids(at, patches.iter().map(|p| p.0.as_str()), deadline).await?;
        let outcomes = if self.profile().update {
            self.send(at, Chunk::Update(&patches), deadline).await?
        } else {
            self.merge(at, &patches, deadline).await?
        };
        self.answer(at, request.visibility, deadline, spread(&folded, outcomes)).await
    }

    pub(super) async fn delete_where_in(
        &self,
        at: &Opened,
        request: &DeleteWhereRequest<'_>,
    ) -> Result<DeleteWhereResult> {
        request.options.validate()?;
        request.filter.validate()?;
        let filter = push::prepared(request.filter);
        if filter.is_all() {
            return Err(Error::invalid("the filter is true for every record; use clear to delete them all"));
        }
        let deleted =
            if filter.is_none() { Some(0) } else { self.remove_matching(at, request, &filter).await? };
        let visible =
            request.visibility == Visibility::Searchable && self.driver().settle(at.target()).await?;
        Ok(DeleteWhereResult::new(deleted).visible(visible))
    }

    pub(super) async fn clear_in(&self, at: &Opened) -> Result<()> {
        let _guard = self.lock_index(at).await;
        if self.profile().clear {
            return self.driver().clear(at.target()).await;
        }
        loop {
            let page =
                self.driver().page(at.target(), None, None, self.profile().page_rows, Want::ID).await?;
            if page.rows.is_empty() {
                return Ok(());
            }
            let ids: Vec<String> = page.rows.into_iter().map(|r| r.id).collect();
            let outcomes = self.send(at, Chunk::Remove(&ids), None).await?;
            if let Some(e) = outcomes.iter().find_map(Outcome::error) {
                return Err(e.clone());
            }
        }
    }

    /// Writes records with distinct ids, each to the row that it has or will have.
    async fn put(
        &self,
        at: &Opened,
        records: &[(&str, Option<Vector>, Metadata)],
        deadline: Option<Instant>,
    ) -> Result<Vec<Outcome>> {
        let mut places = self.places(at, records.iter().map(|r| r.0), deadline, None).await?;
        let mut outcomes: Vec<Option<Outcome>> = Vec::with_capacity(records.len());
        let mut rows = Vec::with_capacity(records.len());
        let mut used = HashSet::with_capacity(records.len());
        for (id, vector, metadata) in records {
            match places.remove(*id).unwrap_or_else(|| Place::Row((*id).to_owned(), None)) {
                Place::Twice(e) | Place::Taken(e) => outcomes.push(Some(Outcome::Failed(e))),
                Place::Row(native_id, _) if !used.insert(native_id.clone()) => {
                    let why = format!("its native id {native_id} belongs to another record of this call");
                    outcomes.push(Some(Outcome::Failed(collision(id, &why))));
                }
                Place::Row(native_id, before) => {
                    let mut row =
                        aside::encode(self.driver(), at.spec(), id, native_id, vector.clone(), metadata)?;
                    row.removed = before.map_or_else(Vec::new, |before| vanished(&before, &row));
                    rows.push(row);
                    outcomes.push(None);
                }
            }
        }
        fill(outcomes, self.send(at, Chunk::Write(&rows), deadline).await)
    }

    async fn remove_ids(&self, at: &Opened, ids: &[&str], deadline: Option<Instant>) -> Result<Vec<Outcome>> {
        if self.profile().ids.is_plain() {
            let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            return self.send(at, Chunk::Remove(&ids), deadline).await;
        }
        let mut places = self.places(at, ids.iter().copied(), deadline, None).await?;
        let mut outcomes = Vec::with_capacity(ids.len());
        let mut natives = Vec::new();
        for id in ids {
            match places.remove(*id) {
                Some(Place::Twice(e)) => outcomes.push(Some(Outcome::Failed(e))),
                Some(Place::Row(native_id, Some(_))) => {
                    natives.push(native_id);
                    outcomes.push(None);
                }
                _ => outcomes.push(Some(Outcome::Stored)),
            }
        }
        fill(outcomes, self.send(at, Chunk::Remove(&natives), deadline).await)
    }

    /// The emulated update: reads, merges, writes whole rows.
    async fn merge(
        &self,
        at: &Opened,
        patches: &[(String, MetadataPatch)],
        deadline: Option<Instant>,
    ) -> Result<Vec<Outcome>> {
        // Where writes merge, what is not sent stays, and a vector that is read rounded is not written back.
        let want = Want { vectors: !self.profile().merges, ..Want::ALL };
        let mut places = self.places(at, patches.iter().map(|p| p.0.as_str()), deadline, Some(want)).await?;
        let mut outcomes = Vec::with_capacity(patches.len());
        let mut rows = Vec::new();
        for (id, patch) in patches {
            match places.remove(id.as_str()) {
                Some(Place::Twice(e)) => outcomes.push(Some(Outcome::Failed(e))),
                Some(Place::Row(native_id, Some(before))) => {
                    match self.patched(at, id, native_id, before, patch) {
                        Ok(row) => {
                            rows.push(row);
                            outcomes.push(None);
                        }
                        Err(e) => outcomes.push(Some(Outcome::Failed(e))),
                    }
                }
                _ => {
                    let e = Error::new(ErrorKind::NotFound, format!("there is no record {id:?} to update"));
                    outcomes.push(Some(Outcome::Failed(e)));
                }
            }
        }
        fill(outcomes, self.send(at, Chunk::Write(&rows), deadline).await)
    }

    fn patched(
        &self,
        at: &Opened,
        id: &str,
        native_id: String,
        before: Row,
        patch: &MetadataPatch,
    ) -> Result<Row> {
        let Record { vector, mut metadata, .. } = aside::decode(before.clone())?;
        metadata.apply(patch);
        if let Some(most) = self.profile().limits.metadata_bytes {
            validate::metadata_size(&metadata, most)?;
        }
        let mut row = aside::encode(self.driver(), at.spec(), id, native_id, vector, &metadata)?;
        if self.profile().merges {
            row.removed = vanished(&before, &row);
        }
        Ok(row)
    }

    /// Where the records of these ids stand; ids that need no look are left out, unless something of the rows is wanted.
    async fn places<'a>(
        &self,
        at: &Opened,
        ids: impl Iterator<Item = &'a str>,
        deadline: Option<Instant>,
        want: Option<Want>,
    ) -> Result<HashMap<&'a str, Place>> {
        let profile = self.profile();
        if profile.ids.is_plain() && !profile.merges && want.is_none() {
            return Ok(HashMap::new());
        }
        let forms: Vec<(&str, Vec<String>)> = ids.map(|id| (id, profile.ids.forms(id))).collect();
        let mut natives: Vec<String> = forms.iter().flat_map(|(_, f)| f.iter().cloned()).collect();
        natives.sort_unstable();
        natives.dedup();
        let want = want.unwrap_or(Want { vectors: false, metadata: profile.merges, own: true });
        let rows = by_deadline(deadline, self.fetch_rows(at, &natives, want)).await?;
        let mut by_native: HashMap<String, Row> = rows.into_iter().map(|r| (r.id.clone(), r)).collect();
        Ok(forms.into_iter().map(|(id, forms)| (id, place(id, forms, &mut by_native))).collect())
    }

    /// Reads rows by native id, within the limit of one fetch.
    pub(super) async fn fetch_rows(&self, at: &Opened, ids: &[String], want: Want) -> Result<Vec<Row>> {
        let calls: Vec<BoxFuture<'_, Result<Vec<Row>>>> = ids
            .chunks(self.profile().page_rows)
            .map(|chunk| Box::pin(self.driver().fetch(at.target(), chunk, want)) as BoxFuture<'_, _>)
            .collect();
        let mut answers = stream::iter(calls).buffered(self.profile().parallelism);
        let mut rows = Vec::with_capacity(ids.len());
        while let Some(answer) = answers.next().await {
            rows.extend(answer?);
        }
        Ok(rows)
    }

    async fn remove_matching(
        &self,
        at: &Opened,
        request: &DeleteWhereRequest<'_>,
        filter: &Filter,
    ) -> Result<Option<u64>> {
        let pushed = push::push(self.driver(), at.spec(), filter);
        if let (Some(native), None, true) = (&pushed.native, &pushed.residual, self.profile().remove_where) {
            let _guard = self.lock_index(at).await;
            return self.driver().remove_where(at.target(), native).await;
        }
        let pushed = push::push_to_pages(self.driver(), at.spec(), filter);
        let want =
            Want { vectors: false, metadata: pushed.residual.is_some(), own: !self.profile().ids.is_plain() };
        let mut ids = Vec::new();
        self.each_record(at, &pushed, want, request.residual_budget, |record| {
            ids.push(record.id);
            Ok(())
        })
        .await?;
        let mut deleted = 0;
        for chunk in ids.chunks(self.profile().page_rows) {
            deleted += self.remove_checked(at, chunk, filter).await?;
        }
        Ok(Some(deleted))
    }

    /// Deletes those of some ids that still meet the filter, so that a record which never did is not deleted.
    async fn remove_checked(&self, at: &Opened, ids: &[String], filter: &Filter) -> Result<u64> {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let _guard = self.locks().ids(&at.native, ids.iter().copied()).await;
        let places =
            self.places(at, ids.iter().copied(), None, Some(Want { vectors: false, ..Want::ALL })).await?;
        let mut natives = Vec::with_capacity(ids.len());
        for place in places.into_values() {
            match place {
                Place::Twice(e) => return Err(e),
                Place::Row(native_id, Some(row)) => {
                    let record = aside::decode(row)?;
                    if filter.matches(&record.id, &record.metadata) {
                        natives.push(native_id);
                    }
                }
                Place::Row(_, None) | Place::Taken(_) => {}
            }
        }
        let outcomes = self.send(at, Chunk::Remove(&natives), None).await?;
        match outcomes.iter().find_map(Outcome::error) {
            Some(e) => Err(e.clone()),
            None => Ok(natives.len() as u64),
        }
    }

    async fn lock_ids<'a, 'g>(
        &'g self,
        at: &Opened,
        ids: impl Iterator<Item = &'a str>,
        deadline: Option<Instant>,
    ) -> Result<IdGuard<'g>> {
        if !self.reads_first() {
            return Ok(IdGuard::default());
        }
        by_deadline(deadline, async { Ok(self.locks().ids(&at.native, ids).await) }).await
    }

    async fn lock_index(&self, at: &Opened) -> Option<RwLockWriteGuard<'_, ()>> {
        if self.reads_first() { Some(self.locks().index(&at.native).await) } else { None }
    }

    /// Whether some write reads what is stored, and writes it back changed.
    fn reads_first(&self) -> bool {
        let profile = self.profile();
        !profile.update || !profile.ids.is_plain() || profile.merges
    }

    /// Sends items in chunks. `Err` only where surely nothing was changed.
    async fn send(&self, at: &Opened, items: Chunk<'_>, deadline: Option<Instant>) -> Result<Vec<Outcome>> {
        let calls: Vec<Sent<'_>> = self
            .cuts(items)
            .into_iter()
            .map(|range| {
                let chunk = items.part(range.clone());
                Box::pin(async move { (range, self.send_chunk(at, chunk, deadline).await) })
                    as BoxFuture<'_, _>
            })
            .collect();
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(items.len());
        let mut refused = None;
        let mut all_refused = true;
        let mut answers = stream::iter(calls).buffered(self.profile().parallelism);
        while let Some((range, answer)) = answers.next().await {
            match answer {
                Ok(done) if done.len() == range.len() => {
                    all_refused = false;
                    outcomes.extend(done);
                }
                Ok(done) => {
                    all_refused = false;
                    let message = format!("the driver answered {} of {} items", done.len(), range.len());
                    let e = Error::new(ErrorKind::Unexpected, message);
                    outcomes.extend(range.map(|_| Outcome::Unknown(e.clone())));
                }
                Err(e) => {
                    outcomes.extend(range.map(|_| Outcome::Failed(e.clone())));
                    refused.get_or_insert(e);
                }
            }
        }
        match refused {
            Some(e) if all_refused => Err(e),
            _ => Ok(outcomes),
        }
    }

    async fn send_chunk(
        &self,
        at: &Opened,
        chunk: Chunk<'_>,
        deadline: Option<Instant>,
    ) -> Result<Vec<Outcome>> {
        if deadline.is_some_and(|end| Instant::now() >= end) {
            return Err(Error::new(ErrorKind::Timeout, "the time ran out before these items were sent"));
        }
        let call = async {
            match chunk {
                Chunk::Write(rows) => self.driver().write(at.target(), rows).await,
                Chunk::Remove(ids) => self.driver().remove(at.target(), ids).await,
                Chunk::Update(patches) => self.driver().update(at.target(), patches).await,
            }
        };
        let Some(end) = deadline else { return call.await };
        timeout_at(end, call).await.unwrap_or_else(|_| {
            let e = Error::new(ErrorKind::Timeout, "the time ran out while these items were under way");
            Ok(vec![Outcome::Unknown(e); chunk.len()])
        })
    }

    /// Where a batch is cut, by count and by bytes.
    fn cuts(&self, items: Chunk<'_>) -> Vec<Range<usize>> {
        let limits = &self.profile().limits;
        let most = limits.batch_count.unwrap_or(usize::MAX).max(1);
        let mut cuts = Vec::new();
        let (mut start, mut bytes) = (0, 0);
        for at in 0..items.len() {
            let size = if limits.batch_bytes.is_some() { items.bytes(at) } else { 0 };
            let full =
                at - start >= most || limits.batch_bytes.is_some_and(|b| at > start && bytes + size > b);
            if full {
                cuts.push(start..at);
                (start, bytes) = (at, 0);
            }
            bytes += size;
        }
        if start < items.len() {
            cuts.push(start..items.len());
        }
        cuts
    }

    async fn answer(
        &self,
        at: &Opened,
        visibility: Visibility,
        deadline: Option<Instant>,
        items: Vec<Outcome>,
    ) -> Result<WriteResult> {
        let waits =
            visibility == Visibility::Searchable && items.iter().any(|o| !matches!(o, Outcome::Failed(_)));
        let visible = if waits {
            by_deadline(deadline, self.driver().settle(at.target())).await.unwrap_or(false)
        } else {
            visibility == Visibility::Searchable
        };
        Ok(WriteResult::new(items).visible(visible))
    }
}

/// For each position the place of its id among the distinct ids, and for each of those the last position.
fn fold<'a>(ids: impl Iterator<Item = &'a str>) -> (Vec<usize>, Vec<usize>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut winners = Vec::new();
    let mut folded = Vec::new();
    for (n, id) in ids.enumerate() {
        let place = *places.entry(id).or_insert(winners.len());
        if place == winners.len() {
            winners.push(n);
        } else {
            winners[place] = n;
        }
        folded.push(place);
    }
    (folded, winners)
}

/// The outcomes of distinct ids, for each input position.
fn spread(folded: &[usize], outcomes: Vec<Outcome>) -> Vec<Outcome> {
    folded.iter().map(|&place| outcomes[place].clone()).collect()
}

/// Puts the outcomes of what was sent into the holes. An error means that nothing was changed, and stays an error
/// only where every item was sent.
fn fill(outcomes: Vec<Option<Outcome>>, sent: Result<Vec<Outcome>>) -> Result<Vec<Outcome>> {
    let settled = outcomes.iter().any(Option::is_some);
    match sent {
        Err(e) if settled => {
            Ok(outcomes.into_iter().map(|o| o.unwrap_or_else(|| Outcome::Failed(e.clone()))).collect())
        }
        Err(e) => Err(e),
        Ok(sent) => {
            let mut sent = sent.into_iter();
            Ok(outcomes.into_iter().filter_map(|o| o.or_else(|| sent.next())).collect())
        }
    }
}

fn place(id: &str, forms: Vec<String>, rows: &mut HashMap<String, Row>) -> Place {
    let mut own = Vec::new();
    let mut occupied = None;
    for form in &forms {
        let Some(row) = rows.get(form) else { continue };
        // A row whose text aside is damaged is that of the id which leads to it, to be written anew or deleted.
        if aside::port_id(row).map_or(true, |port| port == id) {
            own.push(form.clone());
        } else {
            occupied.get_or_insert_with(|| form.clone());
        }
    }
    match (own.as_slice(), occupied) {
        ([], None) => Place::Row(forms.into_iter().next().unwrap_or_default(), None),
        ([], Some(form)) => {
            Place::Taken(collision(id, &format!("its native id {form} belongs to another record")))
        }
        ([one], _) => Place::Row(one.clone(), rows.remove(one)),
        (many, _) => {
            Place::Twice(collision(id, &format!("it stands for the native ids {}", many.join(" and "))))
        }
    }
}

pub(super) fn collision(id: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::IdCollision,
        format!("the id {id:?} is ambiguous: {why}; delete one with the database's own tools"),
    )
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
