//! Which rows meet a leaf on a declared field.

use std::ops::{Bound, RangeInclusive};

use portolan_core::filter::{Condition, Leaf};
use portolan_core::{FieldType, IndexSpec, Scalar};
use redb::ReadOnlyTable;
use roaring::RoaringBitmap;

use super::key::{self, Decoded, EXISTS, LIST};
use super::keys::keys;
use crate::codec::decode_rows;
use crate::error::StoreError;
use crate::records::Records;
use crate::tables::PostingKey;

/// How many keys of a range are checked against a record; the order of all is.
const CHECKED: usize = 4;

/// What is known of a set of rows without reading records: it holds all of `lower`, and nothing beyond `upper`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Bounds {
    /// Surely in it.
    pub(crate) lower: RoaringBitmap,
    /// Perhaps in it; holds `lower`.
    pub(crate) upper: RoaringBitmap,
}

impl Bounds {
    /// A set that is known.
    pub(crate) fn exact(rows: RoaringBitmap) -> Self {
        Self { lower: rows.clone(), upper: rows }
    }

    /// Rows of which nothing is known.
    pub(crate) fn unknown(rows: RoaringBitmap) -> Self {
        Self { lower: RoaringBitmap::new(), upper: rows }
    }

    /// The rows of `all` that are not in this set.
    pub(crate) fn complement(self, all: &RoaringBitmap) -> Self {
        Self { lower: all - self.upper, upper: all - self.lower }
    }

    /// The rows in both sets.
    pub(crate) fn and(mut self, other: &Self) -> Self {
        self.lower &= &other.lower;
        self.upper &= &other.upper;
        self
    }

    /// The rows in either set.
    pub(crate) fn or(mut self, other: &Self) -> Self {
        self.lower |= &other.lower;
        self.upper |= &other.upper;
        self
    }

    /// The rows that have to be read to decide.
    pub(crate) fn undecided(&self) -> RoaringBitmap {
        &self.upper - &self.lower
    }
}

/// The declared fields of an index, to be asked.
#[derive(Debug)]
pub(crate) struct Fields<'a> {
    spec: &'a IndexSpec,
    postings: ReadOnlyTable<PostingKey, &'static [u8]>,
    records: Records,
}

impl<'a> Fields<'a> {
    /// The fields of a spec, over their postings.
    pub(crate) fn new(
        spec: &'a IndexSpec,
        postings: ReadOnlyTable<PostingKey, &'static [u8]>,
        records: Records,
    ) -> Self {
        Self { spec, postings, records }
    }

    /// The rows that meet a leaf; `None` where its field is not declared.
    pub(crate) fn select(&self, leaf: &Leaf) -> Result<Option<Bounds>, StoreError> {
        let Some((field, of)) = self.field(&leaf.key) else { return Ok(None) };
        let equal = |operand: &Scalar| self.values(field, of, &Condition::Eq(operand.clone()));
        let any = |operands: &[Scalar]| {
            operands
                .iter()
                .try_fold(Bounds::default(), |sum, operand| Ok::<_, StoreError>(sum.or(&equal(operand)?)))
        };
        Ok(Some(match &leaf.condition {
            Condition::Exists => Bounds::exact(self.marked(field, EXISTS)?),
            Condition::Ne(operand) => equal(operand)?.complement(&self.marked(field, EXISTS)?),
            Condition::In(operands) => any(operands)?,
            Condition::NotIn(operands) => any(operands)?.complement(&self.marked(field, EXISTS)?),
            Condition::Contains(operand) => {
                let lists = self.marked(field, LIST)?;
                let elements = equal(operand)?.and(&Bounds::exact(lists.clone()));
                let texts = self.values(field, of, &leaf.condition)?;
                let texts = Bounds { lower: texts.lower - &lists, upper: texts.upper - &lists };
                elements.or(&texts)
            }
            positive => self.values(field, of, positive)?,
        }))
    }

    fn field(&self, name: &str) -> Option<(u16, FieldType)> {
        (0..).zip(&self.spec.fields).find(|(_, (key, _))| *key == name).map(|(field, (_, of))| (field, *of))
    }

    /// The rows with a value that meets a positive condition of one operand.
    fn values(&self, field: u16, of: FieldType, condition: &Condition) -> Result<Bounds, StoreError> {
        let mut met = Bounds::default();
        let Some(range) = key::range(of, condition) else { return Ok(met) };
        self.walk(field, range, |bytes, rows| {
            match key::decode(bytes)
                .ok_or_else(|| StoreError::damaged("the value of a field cannot be decoded"))?
            {
                Decoded::Prefix => met.upper |= rows()?,
                Decoded::Whole(value) if condition.matches(&value) => met.lower |= rows()?,
                Decoded::Whole(_) => {}
            }
            Ok(())
        })?;
        met.upper |= &met.lower;
        Ok(met)
    }

    /// The rows under one of the marks of a field.
    fn marked(&self, field: u16, mark: u8) -> Result<RoaringBitmap, StoreError> {
        let mut all = RoaringBitmap::new();
        self.walk(field, vec![mark]..=vec![mark], |_, rows| {
            all |= rows()?;
            Ok(())
        })?;
        Ok(all)
    }

    fn walk(
        &self,
        field: u16,
        range: RangeInclusive<Vec<u8>>,
        mut each: impl FnMut(&[u8], &dyn Fn() -> Result<RoaringBitmap, StoreError>) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let (low, high) = range.into_inner();
        let (first, last) = ((field, low.as_slice(), 0), (field, high.as_slice(), u16::MAX));
        let mut before: Option<Vec<u8>> = None;
        for (position, entry) in self.postings.range(first..=last)?.enumerate() {
            let (key, bytes) = entry?;
            let (_, value, block) = key.value();
            if position < CHECKED {
                self.check(key.value(), bytes.value())?;
            }
            if before.as_deref().is_some_and(|before| before > value) {
                return Err(StoreError::damaged("the index of a declared field is out of order"));
            }
            before = Some(value.to_vec());
            each(value, &|| Ok(in_block(decode_rows(block.into(), bytes.value())?, block)))?;
        }
        self.check_around(first, last)
    }

    /// A key that is damaged lies where its value would: beside the range, or in it and out of order.
    fn check_around(&self, first: (u16, &[u8], u16), last: (u16, &[u8], u16)) -> Result<(), StoreError> {
        let below = self.postings.range(..first)?.next_back().transpose()?;
        let above = (Bound::Excluded(last), Bound::Unbounded);
        let above = self.postings.range::<(u16, &[u8], u16)>(above)?.next().transpose()?;
        for (key, bytes) in [below, above].into_iter().flatten() {
            self.check(key.value(), bytes.value())?;
        }
        Ok(())
    }

    /// Checks that a record of those under a key has its value. A record that is damaged itself says nothing.
    fn check(&self, (field, value, block): (u16, &[u8], u16), bytes: &[u8]) -> Result<(), StoreError> {
        let rows = in_block(decode_rows(block.into(), bytes)?, block);
        let held = rows.min().and_then(|row| self.records.metadata(row).ok());
        if held.is_none_or(|metadata| keys(self.spec, &metadata).contains(&(field, value.to_vec()))) {
            return Ok(());
        }
        Err(StoreError::damaged("the index of a declared field does not agree with the records"))
    }
}

/// Rows of a block as rows of the index.
fn in_block(rows: RoaringBitmap, block: u16) -> RoaringBitmap {
    if block == 0 { rows } else { rows.into_iter().map(|row| u32::from(block) << 16 | row).collect() }
}
