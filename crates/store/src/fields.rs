//! The index of the declared fields: for each value the rows that hold it, in the order of the values.
//!
//! A key is (field, value, block) and leads to the rows of that block of 65,536 as a bitmap. The value's bytes sort as
//! the contract orders the values, so a range of values is a range of keys. Of a string, the first [`key::PREFIX`] bytes
//! are kept; a leaf that such a value meets only perhaps says so, and the record is read. What a value means is decided by
//! core's one evaluator: the ranges here only narrow what it is asked.

mod key;
mod keys;
mod select;

use std::collections::BTreeMap;

use portolan_core::{IndexSpec, Metadata};
use redb::{ReadableTable, Table};
use roaring::RoaringBitmap;

use crate::codec::{decode_rows, encode_rows};
use crate::error::StoreError;
use crate::tables::PostingKey;

pub(crate) use select::{Bounds, Fields};

use keys::keys;

/// The most declared fields of an index.
pub(crate) const MAX_FIELDS: usize = u16::MAX as usize;

/// Changes of the field index that one transaction collects: which rows a key gains and loses.
#[derive(Debug, Default)]
pub(crate) struct Delta(BTreeMap<(u16, Vec<u8>, u16), Change>);

#[derive(Debug, Default)]
struct Change {
    gained: RoaringBitmap,
    lost: RoaringBitmap,
}

impl Delta {
    /// Notes that a row's metadata changes; `None` is a row that is not there.
    pub(crate) fn note(
        &mut self,
        spec: &IndexSpec,
        row: u32,
        old: Option<&Metadata>,
        new: Option<&Metadata>,
    ) {
        let old = old.map(|m| keys(spec, m)).unwrap_or_default();
        let new = new.map(|m| keys(spec, m)).unwrap_or_default();
        for (field, value) in old.difference(&new) {
            self.change(*field, value, row).lost.insert(low(row));
        }
        for (field, value) in new.difference(&old) {
            self.change(*field, value, row).gained.insert(low(row));
        }
    }

    /// Notes that a row leaves all keys that it stands under, where its old metadata is not known.
    pub(crate) fn forget(
        &mut self,
        postings: &impl ReadableTable<PostingKey, &'static [u8]>,
        row: u32,
    ) -> Result<(), StoreError> {
        for entry in postings.iter()? {
            let (key, bytes) = entry?;
            let (field, value, place) = key.value();
            if place == block(row) && decode_rows(place.into(), bytes.value())?.contains(low(row)) {
                self.change(field, value, row).lost.insert(low(row));
            }
        }
        Ok(())
    }

    /// Checks that the field index holds the keys gained, and where it `is_whole`, nothing else.
    pub(crate) fn check(
        mut self,
        postings: &impl ReadableTable<PostingKey, &'static [u8]>,
        is_whole: bool,
    ) -> Result<(), StoreError> {
        for entry in postings.iter()? {
            let (key, bytes) = entry?;
            let (field, value, place) = key.value();
            let held = decode_rows(place.into(), bytes.value())?;
            let gained = self.0.remove(&(field, value.to_vec(), place)).unwrap_or_default().gained;
            let agrees = if is_whole { held == gained } else { gained.is_subset(&held) };
            if !agrees {
                return Err(StoreError::damaged("they do not agree with the records"));
            }
        }
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(StoreError::damaged("values of records are missing in them")),
        }
    }

    /// Writes the changes.
    pub(crate) fn apply(self, postings: &mut Table<'_, PostingKey, &[u8]>) -> Result<(), StoreError> {
        for ((field, value, block), change) in self.0 {
            let key = (field, value.as_slice(), block);
            let mut rows = match postings.get(key)? {
                Some(bytes) => decode_rows(block.into(), bytes.value())?,
                None => RoaringBitmap::new(),
            };
            rows -= change.lost;
            rows |= change.gained;
            if rows.is_empty() {
                postings.remove(key)?;
            } else {
                postings.insert(key, encode_rows(block.into(), &rows)?.as_slice())?;
            }
        }
        Ok(())
    }

    fn change(&mut self, field: u16, value: &[u8], row: u32) -> &mut Change {
        self.0.entry((field, value.to_vec(), block(row))).or_default()
    }
}

fn block(row: u32) -> u16 {
    (row >> 16) as u16
}

fn low(row: u32) -> u32 {
    row & 0xFFFF
}
