//! Reading: by id, by row, by page, by number.

use portolan_core::Filter;
use portolan_core::driver::{Hit, NativeId, Page, Row, Want};
use portolan_core::filter::Leaf;

use crate::error::StoreError;
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
        self.find(ids)?.into_iter().flatten().map(|row| records.get(row, want)).collect()
    }

    /// The rows with their distances as hits: by distance, then by id, cut at k.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn hits(&self, near: &[(u32, f64)], k: usize, want: Want) -> Result<Vec<Hit>, StoreError> {
        let records = self.records()?;
        let mut named: Vec<(f64, String, u32)> = near
            .iter()
            .map(|&(row, distance)| Ok((distance, records.id(row)?, row)))
            .collect::<Result<_, StoreError>>()?;
        named.sort_unstable_by(|(a, a_id, _), (b, b_id, _)| a.total_cmp(b).then_with(|| a_id.cmp(b_id)));
        named.truncate(k);
        let read = want.vectors || want.metadata;
        let hit = |(distance, id, row): (f64, String, u32)| {
            let row = if read { records.get(row, want)? } else { Row { id: id.into(), ..Row::default() } };
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
        let records = self.records()?;
        let more = limit.saturating_add(1);
        let mut rows: Vec<u32> = match filter {
            None => records.rows_from(from)?.take(more).collect::<Result<_, StoreError>>()?,
            Some(filter) => self.select_from(filter, from, more)?,
        };
        let next = rows.get(limit).map(u32::to_string);
        rows.truncate(limit);
        let rows = rows.into_iter().map(|row| records.get(row, want)).collect::<Result<_, StoreError>>()?;
        Ok(Page { rows, next })
    }

    /// The number of records that meet a filter, or of those among them that have a vector.
    ///
    /// # Errors
    /// Those of reading the file.
    pub fn count(&self, filter: Option<&Filter>, with_vector: bool) -> Result<u64, StoreError> {
        let Some(filter) = filter else {
            return if with_vector { self.vector_count() } else { self.record_count() };
        };
        let rows = self.select(filter)?.rows;
        if !with_vector || self.vector_count()? == self.record_count()? {
            return Ok(rows.len());
        }
        let records = self.records()?;
        rows.iter().try_fold(0, |count, row| Ok(count + u64::from(records.has_vector(row)?)))
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
