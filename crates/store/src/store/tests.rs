mod disk;

use std::collections::BTreeMap;
use std::path::Path;

use portolan_core::driver::{Row, Want};
use portolan_core::filter::field;
use portolan_core::{ErrorKind, FieldType, IndexSpec, Metadata};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use roaring::RoaringBitmap;

use super::*;
use crate::codec::Components;
use crate::derived::Derived;
use crate::snapshot::Snapshot;
use crate::tables::{FORMAT, FORMAT_KEY, META};
use disk::Disk;

const INDEX: &str = "batches";
const PER_BATCH: usize = 5;

fn spec() -> IndexSpec {
    IndexSpec::new(INDEX, 8).field("batch", FieldType::Integer)
}

fn open(disk: &Disk) -> Result<Store> {
    Store::over(Path::new("./data"), StoreOptions::default(), disk.clone())
}

/// The first component of each row's vector.
#[derive(Debug, Clone, Default)]
struct Firsts(BTreeMap<u32, f32>);

impl Firsts {
    fn set(&mut self, row: u32, vector: Option<Components<'_>>) {
        match vector {
            Some(vector) => drop(self.0.insert(row, vector.to_vector()[0])),
            None => drop(self.0.remove(&row)),
        }
    }
}

impl Derived for Firsts {
    fn build(snapshot: &Snapshot<'_>) -> Result<Self, StoreError> {
        let mut firsts = Self::default();
        snapshot.records()?.each_vector(|row, vector| firsts.set(row, vector))?;
        Ok(firsts)
    }

    fn catch_up(&mut self, snapshot: &Snapshot<'_>, rows: &RoaringBitmap) -> Result<(), StoreError> {
        let records = snapshot.records()?;
        rows.iter().try_for_each(|row| records.with_vector(row, |vector| self.set(row, vector)))
    }

    fn memory_bytes(&self) -> u64 {
        self.0.len() as u64
    }
}

fn record(id: String, batch: usize) -> Row {
    let metadata = Metadata::new().with("batch", batch as i64);
    Row::new(id, Some([batch as f32; 8].into()), metadata)
}

/// New records, and one that every batch replaces.
fn batch(number: usize) -> Vec<Row> {
    let new = (0..PER_BATCH - 1).map(|n| record(format!("{number}/{n}"), number));
    new.chain([record("latest".to_owned(), number)]).collect()
}

fn write(store: &Store, number: usize) -> Result<(), WriteError> {
    store.edit(INDEX, |_, edit| batch(number).iter().try_for_each(|row| edit.put(row)))
}

/// Imports until the power is cut; how many batches were acknowledged.
fn import(store: &Store, batches: usize) -> usize {
    (0..batches).take_while(|&number| write(store, number).is_ok()).count()
}

/// The number of whole batches; fails where one is there by half, or what is derived disagrees.
fn whole_batches(store: &Store) -> usize {
    let count = store.view(INDEX, |view| {
        let records = view.records()?;
        let mut batches: BTreeMap<i64, usize> = BTreeMap::new();
        for row in records.rows_from(0)? {
            let read = records.get(row?, Want::ALL)?;
            let batch = read.metadata.get("batch").and_then(|v| v.as_integer()).unwrap();
            assert_eq!(read.vector.unwrap()[..], [batch as f32; 8]);
            assert!(read.id.as_str() == "latest" || read.id.starts_with(&format!("{batch}/")), "{}", read.id);
            *batches.entry(batch).or_default() += 1;
        }
        let last = batches.len().checked_sub(1);
        for (number, (batch, records)) in batches.iter().enumerate() {
            assert_eq!(*batch, number as i64, "batches are there one after the other");
            assert_eq!(*records, PER_BATCH - usize::from(Some(number) != last), "batch {number} is whole");
            let found = view.bounds(&field("batch").eq(*batch))?;
            assert_eq!(found.lower.len(), *records as u64);
        }
        let firsts = view.derived::<Firsts>()?;
        assert!(firsts.0.keys().copied().eq(view.rows()?.0.iter()));
        assert_eq!(view.memory_bytes(), view.rows()?.memory_bytes() + firsts.memory_bytes());
        assert_eq!(view.head(), batches.len() as u64);
        Ok(batches.len())
    });
    count.unwrap()
}

#[test]
fn after_a_power_cut_every_acknowledged_batch_is_there_and_none_by_half() {
    const BATCHES: usize = 30;
    let created = |disk: &Disk| {
        let store = open(disk).unwrap();
        store.create(INDEX, &spec()).unwrap();
        store
    };
    let whole = Disk::new(Vec::new());
    let store = created(&whole);
    let first = whole.operations();
    assert_eq!(import(&store, BATCHES), BATCHES);
    let last = whole.operations();
    let mut interrupted = 0;
    for seed in 0..50 {
        let disk = Disk::new(Vec::new());
        let store = created(&disk);
        disk.cut_at(StdRng::seed_from_u64(seed).random_range(first..last));
        let acknowledged = import(&store, BATCHES);
        interrupted += usize::from((1..BATCHES).contains(&acknowledged));
        drop(store);
        let store = open(&disk.after_power_cut(seed)).unwrap();
        let found = whole_batches(&store);
        assert!(
            found == acknowledged || found == acknowledged + 1,
            "seed {seed}: {found}, acknowledged {acknowledged}"
        );
        write(&store, found).unwrap();
        assert_eq!(whole_batches(&store), found + 1);
    }
    assert!(interrupted > 40, "{interrupted} of 50 imports were cut in their middle");
}

#[test]
fn a_full_disk_refuses_the_batch_and_keeps_the_rest() {
    let disk = Disk::new(Vec::new());
    let store = open(&disk).unwrap();
    store.create(INDEX, &spec()).unwrap();
    assert_eq!(import(&store, 3), 3);
    disk.set_room(0);
    let large = |store: &Store| {
        store.edit(INDEX, |_, edit| (0..5_000).try_for_each(|n| edit.put(&record(format!("3/{n}"), 3))))
    };
    let e = large(&store).unwrap_err();
    assert!(!e.is_in_doubt(), "{e:?}");
    let e = e.into_error();
    assert_eq!(e.kind(), ErrorKind::QuotaExceeded, "{e}");
    assert!(e.message().contains("./data") && e.message().contains("free some space"), "{e}");
    assert_eq!(whole_batches(&store), 3);
    disk.set_room(usize::MAX);
    write(&store, 3).unwrap();
    assert_eq!(whole_batches(&store), 4);
}

#[test]
fn a_newer_format_is_refused() {
    let disk = Disk::new(Vec::new());
    drop(open(&disk).unwrap());
    let database = disk.database().unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(META).unwrap().insert(FORMAT_KEY, FORMAT + 1).unwrap();
    txn.commit().unwrap();
    drop(database);
    let e = open(&disk).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Corrupt);
    assert!(e.message().contains("format 2") && e.message().contains("reads up to 1"), "{e}");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let disk = Disk::new(Vec::new());
    let database = disk.database().unwrap();
    let txn = database.begin_write().unwrap();
    txn.open_table(redb::TableDefinition::<u32, u32>::new("theirs")).unwrap();
    txn.commit().unwrap();
    drop(database);
    let e = open(&disk).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Corrupt);
    assert!(e.message().contains("another program"), "{e}");
}

#[test]
fn what_is_derived_catches_up_by_the_change_log() {
    let disk = Disk::new(Vec::new());
    let store = open(&disk).unwrap();
    store.create(INDEX, &spec()).unwrap();
    assert_eq!(import(&store, 3), 3);
    assert_eq!(whole_batches(&store), 3);
    store
        .view(INDEX, |view| {
            assert_eq!(view.changes_since(0)?.unwrap().len(), 13);
            assert_eq!(view.changes_since(2)?.unwrap().len(), 5);
            assert_eq!(view.changes_since(3)?.unwrap().len(), 0);
            Ok(())
        })
        .unwrap();
    store.edit(INDEX, |_, edit| edit.remove("2/0")).unwrap();
    store.edit(INDEX, |_, edit| edit.put(&record("2/x".to_owned(), 2))).unwrap();
    store
        .view(INDEX, |view| {
            assert_eq!(view.changes_since(3)?.unwrap().len(), 1, "the new record took the free row");
            assert_eq!(view.derived::<Firsts>()?.0.len(), 13);
            Ok(())
        })
        .unwrap();
}

#[test]
fn the_change_log_is_bounded_and_who_fell_behind_builds_anew() {
    let disk = Disk::new(Vec::new());
    let store = Store::over(Path::new("disk"), StoreOptions { durability: Durability::None, ..StoreOptions::default() }, disk.clone()).unwrap();
    store.create(INDEX, &spec()).unwrap();
    write(&store, 0).unwrap();
    let first = || store.view(INDEX, |view| Ok(view.derived::<Firsts>()?.0[&4])).unwrap();
    assert_eq!(first(), 0.0);
    let commits = 4_100;
    for n in 1..=commits {
        store.edit(INDEX, |_, edit| edit.put(&record("latest".to_owned(), n))).unwrap();
    }
    store
        .view(INDEX, |view| {
            assert_eq!(view.changes_since(1)?, None);
            assert!(view.changes_since(10)?.is_some());
            Ok(())
        })
        .unwrap();
    assert_eq!(first(), commits as f32);
}

#[test]
fn a_record_without_a_vector_is_counted_apart() {
    let disk = Disk::new(Vec::new());
    let store = open(&disk).unwrap();
    store.create(INDEX, &spec()).unwrap();
    write(&store, 0).unwrap();
    let bare = Row { vector: None, ..record("bare".to_owned(), 0) };
    store.edit(INDEX, |_, edit| edit.put(&bare)).unwrap();
    let filter = field("batch").eq(0);
    let count = |filter, with_vector| store.view(INDEX, |view| view.count(filter, with_vector)).unwrap();
    assert_eq!((count(None, false), count(None, true)), (6, 5));
    assert_eq!((count(Some(&filter), false), count(Some(&filter), true)), (6, 5));
}
