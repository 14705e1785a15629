//! Rows on their way into the store.

use portolan::{Error, Record, Result};

/// Rows in order: records, and rows that are none.
#[derive(Debug, Default)]
pub(super) struct Batch {
    /// The records to be stored.
    pub(super) records: Vec<Record>,
    /// The position of each record's row.
    pub(super) positions: Vec<Position>,
    /// The rows that cannot be stored for what they are, and why.
    pub(super) bad: Vec<(Position, Error)>,
    /// How far the inputs were read.
    pub(super) bytes_read: u64,
}

/// The position of a row in the inputs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Position {
    /// Which row of the batch.
    pub(super) row: usize,
    /// Which input.
    pub(super) input: usize,
    /// Which line of it.
    pub(super) line: u64,
}

impl Batch {
    /// How many rows it has.
    pub(super) fn len(&self) -> usize {
        self.records.len() + self.bad.len()
    }

    /// Adds the next row.
    pub(super) fn push(&mut self, input: usize, line: u64, record: Result<Record>) {
        self.add(Position { row: self.len(), input, line }, record);
    }

    /// Drops the rows behind the first bad one.
    pub(super) fn end_at_bad_row(&mut self) {
        let Some(end) = self.bad.iter().map(|(position, _)| position.row).min() else { return };
        self.bad.retain(|(position, _)| position.row == end);
        self.positions.retain(|position| position.row < end);
        self.records.truncate(self.positions.len());
    }

    /// Takes out the record that the store refused, and those behind it that it would refuse next.
    pub(super) fn refuse(&mut self, at: usize, error: Error, check: impl Fn(&Record) -> Result<()>) {
        let records = self.records.split_off(at);
        let positions = self.positions.split_off(at);
        let mut refused = Some(error);
        for (record, position) in records.into_iter().zip(positions) {
            let checked = refused.take().map_or_else(|| check(&record), Err);
            self.add(position, checked.map(|()| record));
        }
    }

    fn add(&mut self, position: Position, record: Result<Record>) {
        match record {
            Ok(record) => {
                self.records.push(record);
                self.positions.push(position);
            }
            Err(error) => self.bad.push((position, error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows `a` to `e`, of which `c` is no record.
    fn batch() -> Batch {
        let mut batch = Batch::default();
        for (line, id) in ["a", "b", "c", "d", "e"].into_iter().enumerate() {
            let record = if id == "c" { Err(Error::invalid(id)) } else { Ok(Record::new(id, vec![1.0])) };
            batch.push(0, line as u64, record);
        }
        batch
    }

    type Named<'a> = Vec<(usize, &'a str)>;

    /// The rows with the ids of their records, and the bad ones with what is wrong.
    fn rows(batch: &Batch) -> (Named<'_>, Named<'_>) {
        let good = batch.positions.iter().zip(&batch.records).map(|(p, r)| (p.row, r.id.as_str()));
        (good.collect(), batch.bad.iter().map(|(p, e)| (p.row, e.message())).collect())
    }

    #[test]
    fn refused_records_are_taken_out_and_the_others_keep_their_positions() {
        let mut batch = batch();
        let check = |record: &Record| match record.id.as_str() {
            "e" => Err(Error::invalid("e is checked")),
            "d" => Ok(()),
            id => panic!("{id} was refused or accepted by the store"),
        };
        batch.refuse(1, Error::invalid("b is refused"), check);
        let bad = vec![(2, "c"), (1, "b is refused"), (4, "e is checked")];
        assert_eq!(rows(&batch), (vec![(0, "a"), (3, "d")], bad));
        assert_eq!(batch.len(), 5);
    }

    #[test]
    fn nothing_is_left_behind_the_first_bad_row() {
        let mut batch = batch();
        batch.end_at_bad_row();
        assert_eq!(rows(&batch), (vec![(0, "a"), (1, "b")], vec![(2, "c")]));
        batch.refuse(0, Error::invalid("a is refused"), |_| Ok(()));
        batch.end_at_bad_row();
        assert_eq!(rows(&batch), (vec![], vec![(0, "a is refused")]));
    }
}
