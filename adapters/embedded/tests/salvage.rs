//! Damage on purpose: nothing wrong is read as right, check names it, and repair saves the rest.
#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;

use portolan_core::{
    CallOptions, CountRequest, DeleteRequest, ErrorKind, FieldType, Filter, GetRequest, IndexSpec, Location,
    Metadata, Record, ScanRequest, SearchRequest, UpsertRequest, VectorStorage,
};
use portolan_embedded::{Checked, Config};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const INDEX: &str = "companies";
const FILE: &str = "portolan.redb";
const DIMENSION: usize = 16;
const FILTERS: [&str; 3] = ["industry = \"industry 3\"", "n >= 900", "note = \"note 7\""];

type Records = BTreeMap<String, Record>;

async fn open(path: &Path) -> portolan_core::Result<Arc<dyn VectorStorage>> {
    portolan_embedded::open(Location::new("embedded").with_path(path.display().to_string())).await
}

fn record(n: usize) -> Record {
    let mut random = StdRng::seed_from_u64(n as u64);
    let vector: Vec<f32> = (0..DIMENSION).map(|_| random.random_range(-1.0..1.0)).collect();
    let metadata = Metadata::new()
        .with("industry", format!("industry {}", n % 50))
        .with("n", n as i64)
        .with("note", format!("note {n}"));
    Record::new(format!("company-{n}"), vector).metadata(metadata)
}

/// A store that is closed, and what is in it.
async fn make(path: &Path, records: usize) -> Records {
    let storage = open(path).await.unwrap();
    let spec = IndexSpec::new(INDEX, DIMENSION)
        .field("industry", FieldType::String)
        .field("n", FieldType::Integer);
    storage.create_index(&spec, CallOptions::new()).await.unwrap();
    let records: Vec<Record> = (0..records).map(record).collect();
    for batch in records.chunks(1_000) {
        storage.upsert(&UpsertRequest::new(INDEX, batch)).await.unwrap().into_result().unwrap();
    }
    storage.close().await.unwrap();
    records.into_iter().map(|record| (record.id.clone(), record)).collect()
}

/// What a damaged store answered: what was right, an error, or wrong.
#[derive(Debug, Default)]
struct Answers {
    right: usize,
    refused: usize,
    wrong: Vec<String>,
}

impl Answers {
    fn note<T: PartialEq>(&mut self, what: &str, found: portolan_core::Result<T>, expected: &T) {
        match found {
            Ok(found) if found == *expected => self.right += 1,
            Ok(_) => self.wrong.push(what.to_owned()),
            Err(e) => {
                assert!(matches!(e.kind(), ErrorKind::Corrupt | ErrorKind::NotFound), "{what}: {e}");
                self.refused += 1;
            }
        }
    }
}

/// Asks a store for everything, in many ways.
async fn answers(path: &Path, records: &Records) -> Answers {
    let mut answers = Answers::default();
    let Ok(storage) = open(path).await else { return Answers { refused: 1, ..answers } };
    let ids: Vec<String> = records.keys().cloned().collect();
    for ids in ids.chunks(64) {
        let expected: Vec<Option<Record>> = ids.iter().map(|id| records.get(id).cloned()).collect();
        match storage.get(&GetRequest::new(INDEX, ids)).await {
            Ok(found) => answers.note("get", Ok(found), &expected),
            Err(_) => {
                for (id, expected) in ids.iter().zip(expected) {
                    let found = storage.get(&GetRequest::new(INDEX, std::slice::from_ref(id))).await;
                    answers.note(&format!("get {id}"), found, &vec![expected]);
                }
            }
        }
    }
    let all = records.len() as u64;
    answers.note("count", storage.count(&CountRequest::new(INDEX)).await, &all);
    for text in FILTERS {
        let filter = Filter::parse(text).unwrap();
        let expected = records.values().filter(|r| filter.matches(&r.id, &r.metadata)).count() as u64;
        let counted = storage.count(&CountRequest::new(INDEX).filter(Some(&filter))).await;
        answers.note(text, counted, &expected);
    }
    let nearest = storage.search(&SearchRequest::new(INDEX, record(5).vector.unwrap().to_vec()).top_k(1)).await;
    let nearest = nearest.map(|found| found.matches.first().map(|m| m.id.clone()));
    answers.note("search", nearest, &Some("company-5".to_owned()));
    match scan(&*storage).await {
        Ok((read, unreadable)) => {
            let found = read.len() + unreadable.len();
            let is_right = read.iter().all(|(id, record)| records.get(id) == Some(record));
            answers.note("scan", Ok((is_right, found)), &(true, records.len()));
        }
        Err(e) => answers.note("scan", Err(e), &(true, 0)),
    }
    answers
}

async fn scan(storage: &dyn VectorStorage) -> portolan_core::Result<(Records, BTreeSet<String>)> {
    let (mut read, mut unreadable, mut cursor) = (Records::new(), BTreeSet::new(), None);
    loop {
        let page = storage.scan(&ScanRequest::new(INDEX).page_size(1_000).cursor(cursor.as_ref())).await?;
        read.extend(page.records.into_iter().map(|record| (record.id.clone(), record)));
        unreadable.extend(page.unreadable.into_iter().map(|record| record.id));
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok((read, unreadable));
        }
    }
}

/// A file with this content: what it answers, what check names, and what repair saves.
async fn trial(content: &[u8], records: &Records) -> (Answers, Checked, usize) {
    let directory = tempfile::tempdir().unwrap();
    let (path, file) = (directory.path(), directory.path().join(FILE));
    fs::write(&file, content).unwrap();
    let answers = answers(path, records).await;
    fs::write(&file, content).unwrap();
    let config = Config::new(path);
    let checked = portolan_embedded::check(&config).unwrap();
    assert!(fs::read(&file).unwrap() == content, "a check changes nothing");
    let repaired = portolan_embedded::repair(&config).unwrap();
    assert_eq!(repaired.damage, checked.damage);
    let Some(done) = &repaired.repaired else {
        assert!(checked.is_sound());
        return (answers, checked, records.len());
    };
    assert!(fs::read(&done.kept).unwrap() == content, "the damaged file is kept");
    assert!(portolan_embedded::check(&config).unwrap().is_sound());
    let storage = open(path).await.unwrap();
    let saved = match scan(&*storage).await {
        Ok((saved, unreadable)) => {
            assert!(unreadable.is_empty());
            saved
        }
        Err(e) => {
            assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
            Records::new()
        }
    };
    for (id, record) in &saved {
        assert!(records.get(id) == Some(record), "{id} is as it was");
    }
    (answers, checked, saved.len())
}

async fn damage(flips: u64, truncations: u64, size: usize) {
    let directory = tempfile::tempdir().unwrap();
    let records = make(directory.path(), size).await;
    let whole = fs::read(directory.path().join(FILE)).unwrap();
    let (mut sound, mut named, mut saved) = (0, 0, Vec::new());
    for seed in 0..flips + truncations {
        let mut random = StdRng::seed_from_u64(seed);
        let mut content = whole.clone();
        let position = random.random_range(0..whole.len());
        if seed < flips {
            content[position] ^= 1 << random.random_range(0..8);
        } else {
            content.truncate(position);
        }
        let (answers, checked, kept) = trial(&content, &records).await;
        println!(
            "seed {seed}, byte {position}: answers {} right, {} refused, {} wrong; check names {}; saved {kept}: {:?}",
            answers.right,
            answers.refused,
            answers.wrong.len(),
            checked.damage.len(),
            checked.damage.first()
        );
        assert!(answers.wrong.is_empty(), "seed {seed}, byte {position}: {:?}", answers.wrong);
        assert!(checked.is_sound() == (checked.damage.is_empty()));
        assert!(answers.refused == 0 || !checked.is_sound(), "seed {seed}: check finds what reads do");
        sound += usize::from(checked.is_sound());
        named += usize::from(!checked.is_sound());
        saved.push(kept);
    }
    let least = saved[..flips as usize].iter().min();
    println!("{sound} sound, {named} named; saved of {size}: least after a flip {least:?}, all {saved:?}");
    assert!(named > 0);
}

#[tokio::test]
async fn nothing_wrong_is_read_as_right() {
    damage(12, 4, 1_500).await;
}

#[tokio::test]
#[ignore = "takes minutes: 50 bit flips and 20 truncations of 20,000 records"]
async fn nothing_wrong_is_read_as_right_at_length() {
    damage(50, 20, 20_000).await;
}

/// The position of a value in the file, by bytes that only it holds.
fn position(content: &[u8], of: &[u8]) -> usize {
    content.windows(of.len()).rposition(|window| window == of).unwrap()
}

#[tokio::test]
async fn one_damaged_record_is_named_and_the_others_are_given() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let records = make(path, 300).await;
    let file = path.join(FILE);
    let mut content = fs::read(&file).unwrap();
    let byte = position(&content, b"note 123");
    content[byte] ^= 1;
    fs::write(&file, &content).unwrap();
    let storage = open(path).await.unwrap();

    let bad = ["company-123".to_owned()];
    let e = storage.get(&GetRequest::new(INDEX, &bad)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Corrupt);
    assert!(e.message().contains("\"company-123\"") && e.message().contains("portolan check"), "{e}");
    let good = ["company-122".to_owned(), "none".to_owned()];
    let found = storage.get(&GetRequest::new(INDEX, &good)).await.unwrap();
    assert_eq!(found, [records.get("company-122").cloned(), None]);

    let near = |n: usize| SearchRequest::new(INDEX, record(n).vector.unwrap().to_vec()).top_k(1);
    assert_eq!(storage.search(&near(7)).await.unwrap().matches[0].id, "company-7");
    let e = storage.search(&near(123)).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Corrupt && e.message().contains("\"company-123\""), "{e}");
    let others = Filter::parse("industry != \"industry 23\"").unwrap();
    assert_eq!(storage.search(&near(123).filter(others)).await.unwrap().matches.len(), 1);

    let (read, unreadable) = scan(&*storage).await.unwrap();
    assert_eq!((read.len(), unreadable), (299, BTreeSet::from(["company-123".to_owned()])));
    assert_eq!(storage.count(&CountRequest::new(INDEX)).await.unwrap(), 300);
    let undeclared = Filter::parse("note = \"note 5\"").unwrap();
    let e = storage.count(&CountRequest::new(INDEX).filter(Some(&undeclared))).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Corrupt && e.message().contains("\"company-123\""), "{e}");

    let checked = portolan_embedded::check(&Config::new(path)).unwrap();
    assert_eq!(checked.records, 299);
    let named: Vec<_> = checked.damage.iter().map(|d| (d.index.as_deref(), d.id.as_deref())).collect();
    assert_eq!(named, [(Some(INDEX), Some("company-123"))]);

    let again = [records["company-123"].clone()];
    storage.upsert(&UpsertRequest::new(INDEX, &again[..])).await.unwrap().into_result().unwrap();
    assert_eq!(storage.get(&GetRequest::new(INDEX, &bad)).await.unwrap(), [Some(again[0].clone())]);
    storage.close().await.unwrap();
    assert!(portolan_embedded::check(&Config::new(path)).unwrap().is_sound(), "stored again, it is whole");
}

#[tokio::test]
async fn a_damaged_vector_is_no_answer_and_its_record_can_be_deleted() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let records = make(path, 300).await;
    let file = path.join(FILE);
    let mut content = fs::read(&file).unwrap();
    let vector = records["company-9"].vector.clone().unwrap();
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    let byte = position(&content, &bytes);
    content[byte] ^= 1;
    fs::write(&file, &content).unwrap();
    let storage = open(path).await.unwrap();
    let search = || SearchRequest::new(INDEX, record(7).vector.unwrap().to_vec()).top_k(1);
    let e = storage.search(&search()).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Corrupt && e.message().contains("\"company-9\""), "{e}");
    let others = Filter::parse("NOT id = \"company-9\"").unwrap();
    assert_eq!(storage.search(&search().filter(others)).await.unwrap().matches[0].id, "company-7");
    let bad = ["company-9".to_owned()];
    storage.delete(&DeleteRequest::new(INDEX, &bad[..])).await.unwrap().into_result().unwrap();
    assert_eq!(storage.search(&search()).await.unwrap().matches[0].id, "company-7");
    assert_eq!(storage.count(&CountRequest::new(INDEX)).await.unwrap(), 299);
}

#[test]
fn a_repair_needs_a_store_that_it_may_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("none");
    for checked in [portolan_embedded::check(&Config::new(&path)), portolan_embedded::repair(&Config::new(&path))] {
        assert_eq!(checked.unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(!path.exists());
    let refused = portolan_embedded::repair(&Config::new(&path).read_only(true));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
}
