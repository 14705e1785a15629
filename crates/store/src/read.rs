//! Reading: by id, by row, by page, by number.

use portolan_core::driver::{Hit, NativeId, Page, Row, Want};
use portolan_core::filter::Leaf;
use portolan_core::{Filter, Unreadable};

use crate::error::{RESTORE, StoreError, guarded};
use crate::view::View;

/// About how long it takes to read one record, in nanoseconds as measured on a small server.
const READ_NANOS: u64 = 2_000;

/// The same, for one record that a filter on declared fields may meet.
const SELECT_NANOS: u64 = 50;

impl View<'_> {
    /// The records of these ids that there are.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn fetch(&self, ids: &[NativeId], want: Want) -> Result<Vec<Row>, StoreError> {
        let records = self.records()?;
        let mut rows = Vec::with_capacity(ids.len());
        for (id, row) in ids.iter().zip(self.find(ids)?) {
            let Some(row) = row else { continue };
            let read = guarded(|| records.get(row, want)).map_err(|e| self.named(row, e))?;
            if read.id != *id {
                return Err(self.named(row, StoreError::damaged("its id leads to another record")));
            }
            rows.push(read);
        }
        Ok(rows)
    }

    /// The rows with their distances as hits: by distance, then by id, cut at k.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn hits(&self, near: &[(u32, f64)], k: usize, want: Want) -> Result<Vec<Hit>, StoreError> {
        let records = self.records()?;
        let mut named: Vec<(f64, String, u32)> = near
            .iter()
            .map(|&(row, distance)| {
                let id = guarded(|| records.id(row)).map_err(|e| self.named(row, e))?;
                Ok((distance, id, row))
            })
            .collect::<Result<_, StoreError>>()?;
        named.sort_unstable_by(|(a, a_id, _), (b, b_id, _)| a.total_cmp(b).then_with(|| a_id.cmp(b_id)));
        named.truncate(k);
        let read = want.vectors || want.metadata;
        let hit = |(distance, id, row): (f64, String, u32)| {
            let get = || records.get(row, want).map_err(|e| self.named(row, e));
            let row = if read { get()? } else { Row { id: id.into(), ..Row::default() } };
            Ok(Hit::new(row, distance))
        };
        named.into_iter().map(hit).collect()
    }

    /// A page in the order of rows, which a replaced record keeps; its cursor is the row to go on from.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn page(
        &self,
        filter: Option<&Filter>,
        from: u32,
        limit: usize,
        want: Want,
    ) -> Result<Page, StoreError> {
        match guarded(|| self.sound_page(filter, from, limit, want)) {
            Err(e) if e.is_damage() => guarded(|| self.damaged_page(filter, from, limit, want)),
            page => page,
        }
    }

    /// A page, where all of it can be read.
    fn sound_page(
        &self,
        filter: Option<&Filter>,
        from: u32,
        limit: usize,
        want: Want,
    ) -> Result<Page, StoreError> {
        let records = self.records()?;
        let more = limit.saturating_add(1);
        let mut rows: Vec<u32> = match filter {
            None => records.rows_from(from)?.take(more).collect::<Result<_, StoreError>>()?,
            Some(filter) => self.select_from(filter, from, more)?,
        };
        if !rows.is_sorted_by(|a, b| a < b) {
            return Err(StoreError::damaged("the rows are out of order"));
        }
        // A row that is damaged itself would lead the next page astray.
        let next = rows.get(limit).map(|&row| records.id(row).map(|_| row.to_string())).transpose()?;
        rows.truncate(limit);
        let rows = rows.into_iter().map(|row| records.get(row, want)).collect::<Result<_, StoreError>>()?;
        Ok(Page::new(rows, next))
    }

    /// A page by the list of ids, which names the records that cannot be read.
    fn damaged_page(
        &self,
        filter: Option<&Filter>,
        from: u32,
        limit: usize,
        want: Want,
    ) -> Result<Page, StoreError> {
        let rows = match filter {
            None => self.rows()?.0.clone(),
            Some(filter) => self.select(filter)?.possible(),
        };
        let records = self.records()?;
        let mut rows = rows.range(from..);
        let mut page = Page::default();
        for row in rows.by_ref().take(limit) {
            match guarded(|| records.get(row, want)) {
                Ok(read) => page.rows.push(read),
                Err(e) if e.is_damage() => {
                    page.unreadable.push(Unreadable { id: self.name_of(row), why: e.what() });
                }
                Err(e) => return Err(e),
            }
        }
        page.next = rows.next().map(|row| row.to_string());
        Ok(page)
    }

    /// The number of records that meet a filter, or of those among them that have a vector.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn count(&self, filter: Option<&Filter>, with_vector: bool) -> Result<u64, StoreError> {
        let Some(filter) = filter else {
            return if with_vector { self.vector_count() } else { self.record_count() };
        };
        let rows = self.select_all(filter)?;
        if !with_vector || self.vector_count()? == self.record_count()? {
            return Ok(rows.len());
        }
        let records = self.records()?;
        rows.iter().try_fold(0, |count, row| Ok(count + u64::from(records.has_vector(row)?)))
    }

    /// The error of a record that cannot be read.
    pub fn unreadable(&self, row: u32) -> StoreError {
        self.named(row, StoreError::damaged("its bytes are damaged"))
    }

    /// An error of reading a row, which names the record where that is damaged.
    fn named(&self, row: u32, error: StoreError) -> StoreError {
        if !error.is_damage() {
            return error;
        }
        Unreadable { id: self.name_of(row), why: format!("{}; {RESTORE}", error.what()) }.to_error().into()
    }

    /// The id of a row whose record may be damaged; the row where there is none.
    fn name_of(&self, row: u32) -> String {
        let id = guarded(|| self.id_of(row)).ok().flatten();
        id.unwrap_or_else(|| format!("row {row}"))
    }

    /// About how long it takes to read some records and to find those that meet a filter, in nanoseconds.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn read_nanos(&self, records: usize, filter: Option<&Filter>) -> Result<u64, StoreError> {
        let count = self.record_count()?;
        let declared = |leaf: &Leaf| self.spec().fields.contains_key(&leaf.key);
        let each = match filter {
            None => 0,
            Some(filter) if all_leaves(filter, &declared) => SELECT_NANOS,
            Some(_) => READ_NANOS,
        };
        Ok((records as u64).min(count) * READ_NANOS + count * each)
    }
}

fn all_leaves(filter: &Filter, are: &impl Fn(&Leaf) -> bool) -> bool {
    match filter {
        Filter::And(children) | Filter::Or(children) => children.iter().all(|f| all_leaves(f, are)),
        Filter::Not(child) => all_leaves(child, are),
        Filter::Id(_) => true,
        Filter::Leaf(leaf) => are(leaf),
    }
}
