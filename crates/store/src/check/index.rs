//! Checking one index: its ids, records, vectors, field index and change log, each by itself and against the others.

use std::collections::{BTreeMap, HashSet};

use portolan_core::IndexSpec;
use portolan_core::driver::{Row, Want};
use redb::{Key, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, Value};
use roaring::RoaringBitmap;

use super::report::Damage;
use crate::codec;
use crate::error::{StoreError, guarded};
use crate::fields::Delta;
use crate::records::Records;
use crate::tables::{CHANGES, IDS, LOG, POSTINGS, RECORDS, VECTORS};

/// What can be read of an index.
pub(super) struct Saved {
    pub(super) spec: IndexSpec,
    pub(super) created_at: String,
    pub(super) rows: Vec<Row>,
}

/// What was found in an index.
pub(super) struct CheckedIndex {
    pub(super) sound: u64,
    pub(super) damage: Vec<Damage>,
    /// The records that can be read, where they are to be saved.
    pub(super) rows: Vec<Row>,
}

impl CheckedIndex {
    /// Reads all of an index.
    pub(super) fn read(
        txn: &ReadTransaction,
        number: u32,
        spec: &IndexSpec,
        to_be_saved: bool,
    ) -> Result<Self, StoreError> {
        let mut check = Check {
            spec,
            found: Self { sound: 0, damage: Vec::new(), rows: Vec::new() },
            ids: BTreeMap::new(),
            fields: Delta::default(),
            held: HashSet::new(),
            astray: Vec::new(),
        };
        let ids = guarded(|| IDS.read(txn, number));
        let records = guarded(|| RECORDS.read(txn, number));
        let vectors = guarded(|| VECTORS.read(txn, number));
        if let Some(ids) = check.table("ids", ids) {
            check.ids(&ids);
        }
        if let (Some(records), Some(vectors)) =
            (check.table("records", records), check.table("vectors", vectors))
        {
            check.lengths(&records, &vectors);
            let rows = check.rows(&records, &vectors);
            check.records(&Records::new(records, vectors, spec.dimension), rows, to_be_saved);
            check.note_astray();
        }
        check.postings(txn, number);
        check.changes(txn, number);
        Ok(check.found)
    }
}

struct Check<'a> {
    spec: &'a IndexSpec,
    found: CheckedIndex,
    /// The id that leads to each row.
    ids: BTreeMap<u32, String>,
    /// What the field index holds if it agrees with the records.
    fields: Delta,
    /// The ids of the records that were read.
    held: HashSet<String>,
    /// The ids that do not lead to their records.
    astray: Vec<String>,
}

impl Check<'_> {
    fn note(&mut self, id: Option<String>, what: impl Into<String>) {
        self.found.damage.push(Damage { index: Some(self.spec.name.clone()), id, what: what.into() });
    }

    fn table<T>(&mut self, name: &str, opened: Result<T, StoreError>) -> Option<T> {
        opened.map_err(|e| self.note(None, format!("the table of {name} cannot be read: {}", e.what()))).ok()
    }

    fn ids(&mut self, ids: &ReadOnlyTable<&'static str, u32>) {
        let mut last: Option<String> = None;
        let mut found = BTreeMap::new();
        let read = guarded(|| {
            for entry in ids.iter()? {
                let (id, row) = entry?;
                if last.as_deref().is_some_and(|last| last >= id.value()) {
                    return Err(StoreError::damaged(format!("the ids are out of order at {:?}", id.value())));
                }
                last = Some(id.value().to_owned());
                found.insert(row.value(), id.value().to_owned());
            }
            Ok(())
        });
        self.ids = found;
        self.table("ids", read);
    }

    fn lengths<V: Value + 'static, W: Value + 'static>(
        &mut self,
        records: &ReadOnlyTable<u32, V>,
        vectors: &ReadOnlyTable<u32, W>,
    ) {
        let lengths = guarded(|| Ok((records.len()?, vectors.len()?)));
        if let Some((records, vectors)) = self.table("records", lengths)
            && (records != self.ids.len() as u64 || vectors > records)
        {
            let ids = self.ids.len();
            self.note(None, format!("there are {ids} ids, {records} records and {vectors} vectors"));
        }
    }

    /// All rows that may hold something: those that an id leads to, and those below the last that a table names.
    fn rows<V: Value + 'static>(
        &mut self,
        records: &ReadOnlyTable<u32, V>,
        vectors: &ReadOnlyTable<u32, V>,
    ) -> RoaringBitmap {
        let mut rows: RoaringBitmap = self.ids.keys().copied().collect();
        for (name, table) in [("records", records), ("vectors", vectors)] {
            let read = guarded(|| keys(table, &mut rows));
            self.table(name, read);
        }
        // Rows are dense, so that a number beyond all others is a damaged one.
        let likely = (rows.len() as u32).saturating_mul(2).saturating_add(1 << 16);
        rows.remove_range(likely..);
        let end = rows.max().map_or(0, |last| last + 1);
        rows.insert_range(0..end);
        rows
    }

    fn records(&mut self, records: &Records, rows: RoaringBitmap, to_be_saved: bool) {
        for row in rows {
            let expected = self.ids.get(&row).cloned();
            let is_there = expected.is_some() || guarded(|| records.holds(row)).unwrap_or(true);
            if !is_there {
                continue;
            }
            match guarded(|| records.get(row, Want::ALL)) {
                Ok(read) => self.record(row, read, expected, to_be_saved),
                Err(e) => {
                    let held = expected.or_else(|| guarded(|| records.id(row)).ok());
                    self.note(Some(held.unwrap_or_else(|| format!("row {row}"))), e.what());
                }
            }
        }
    }

    fn record(&mut self, row: u32, read: Row, expected: Option<String>, to_be_saved: bool) {
        let id = read.id.to_string();
        if expected.as_ref() != Some(&id) {
            self.astray.push(id.clone());
        }
        if !self.held.insert(id.clone()) {
            self.note(Some(id), "two rows hold a record of this id; the first is kept");
            return;
        }
        self.fields.note(self.spec, row, None, Some(&read.metadata));
        self.found.sound += 1;
        if to_be_saved {
            self.found.rows.push(read);
        }
    }

    /// The records themselves are sound, so that they are told together.
    fn note_astray(&mut self) {
        if let Some(first) = self.astray.first() {
            let what =
                format!("{} ids do not lead to their records, the first is {first:?}", self.astray.len());
            self.note(None, what);
        }
    }

    /// The field index against the records; where some of those cannot be read, it may hold more.
    fn postings(&mut self, txn: &ReadTransaction, number: u32) {
        let is_whole = self.found.damage.is_empty();
        let fields = std::mem::take(&mut self.fields);
        let read = guarded(|| fields.check(&POSTINGS.read(txn, number)?, is_whole));
        self.table("declared fields", read);
    }

    fn changes(&mut self, txn: &ReadTransaction, number: u32) {
        let read = guarded(|| {
            let changes = CHANGES.read(txn, number)?;
            for entry in changes.iter()? {
                codec::decode_rows(LOG, entry?.1.value().1)?;
            }
            Ok(())
        });
        self.table("changes", read);
    }
}

/// The keys of a table from both ends, as far as they can be read.
fn keys<K, V>(table: &ReadOnlyTable<K, V>, rows: &mut RoaringBitmap) -> Result<(), StoreError>
where
    K: for<'k> Key<SelfType<'k> = u32> + 'static,
    V: Value + 'static,
{
    let forward = guarded(|| {
        table.iter()?.try_for_each(|entry| {
            rows.insert(entry?.0.value());
            Ok(())
        })
    });
    if forward.is_err() {
        table.iter()?.rev().try_for_each(|entry| {
            rows.insert(entry?.0.value());
            Ok::<_, StoreError>(())
        })?;
    }
    forward
}
