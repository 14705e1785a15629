//! What the conformance suite cannot show on the stores at hand: approximate answers, ids in two forms, outdated
//! specs, the overflow, batches cut by bytes, errors of scores, time.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{
    Deadline, Driver, DriverStorage, ExactSearch, Hit, IdScheme, NativeId, Nearest, Neighbours, NewIndex,
    OVERFLOW, Opened, Page, Profile, Row, ScoreError, Target, Want, WriteError,
};
use crate::arithmetic::distance;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Condition, Filter, Leaf, Lowered, PushDown, field};
use crate::health::{Health, Status};
use crate::index::{IndexInfo, IndexSpec, Metric};
use crate::metadata::{Metadata, MetadataPatch, Scalar, Value};
use crate::options::CallOptions;
use crate::record::{GetRequest, Record};
use crate::scan::{CountRequest, ScanRequest};
use crate::search::{Deduplicate, Exactness, SearchRequest, SearchResult};
use crate::storage::VectorStorage;
use crate::write::{
    DeleteRequest, DeleteWhereRequest, MetadataUpdate, Outcome, UpdateRequest, UpsertRequest,
};

/// Rows in a map; what it declares and how far its approximate search sees is set by the test.
#[derive(Debug)]
struct Fake {
    profile: Profile,
    spec: Mutex<Option<IndexSpec>>,
    rows: Mutex<BTreeMap<NativeId, Row>>,
    /// An approximate search finds no more than this many rows.
    sees: usize,
    asked: Mutex<Vec<(usize, bool)>>,
    chunks: Mutex<Vec<usize>>,
    opens: AtomicUsize,
    connects: AtomicUsize,
    lowerings: AtomicUsize,
    pages: AtomicUsize,
    /// How long a page takes.
    pause: Duration,
    /// By how much the distances it tells are off, alternately too small and too large.
    off: f64,
}

impl Fake {
    fn new(set: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = Profile::new("fake");
        set(&mut profile);
        Self {
            profile,
            spec: Mutex::new(Some(IndexSpec::new("things", 1).metric(Metric::Euclidean))),
            rows: Mutex::default(),
            sees: usize::MAX,
            asked: Mutex::default(),
            chunks: Mutex::default(),
            opens: AtomicUsize::new(0),
            connects: AtomicUsize::new(1),
            lowerings: AtomicUsize::new(0),
            pages: AtomicUsize::new(0),
            pause: Duration::ZERO,
            off: 0.0,
        }
    }

    fn with_native(self, id: &str, x: f32, metadata: Metadata) -> Self {
        self.rows.lock().insert(id.into(), Row::new(id, Some(Arc::new([x])), metadata));
        self
    }

    fn check(&self) -> Result<IndexSpec> {
        self.spec.lock().clone().ok_or_else(|| Error::new(ErrorKind::NotFound, "gone"))
    }

    fn matching(&self, filter: Option<&Native>) -> Vec<Row> {
        self.rows
            .lock()
            .values()
            .filter(|r| filter.is_none_or(|f| f.0.matches(&r.id, &r.metadata)))
            .cloned()
            .collect()
    }
}

#[derive(Debug, Clone)]
struct Native(Filter);

impl Display for Native {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "native {}", self.0)
    }
}

impl Driver for Fake {
    type Index = usize;
    type Filter = Native;

    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn lower(&self, _: Target<'_, usize>, leaf: &Leaf, negated: bool) -> Lowered<Native> {
        self.lowerings.fetch_add(1, Ordering::Relaxed);
        let filter = Filter::Leaf(leaf.clone());
        match leaf.condition {
            Condition::EndsWith(_) => Lowered::Nothing,
            _ => Lowered::Exact(Native(if negated { !filter } else { filter })),
        }
    }

    fn accepts(&self, filter: &Native) -> bool {
        filter.to_string().len() < 1_000
    }

    fn lower_ids(&self, _: Target<'_, usize>, ids: &[NativeId], negated: bool) -> Lowered<Native> {
        let filter = Filter::Id(ids.iter().map(NativeId::to_string).collect());
        Lowered::Exact(Native(if negated { !filter } else { filter }))
    }

    fn and(&self, parts: Vec<Native>) -> Native {
        Native(Filter::And(parts.into_iter().map(|p| p.0).collect()))
    }

    fn or(&self, parts: Vec<Native>) -> Native {
        Native(Filter::Or(parts.into_iter().map(|p| p.0).collect()))
    }

    fn represents(&self, _: Target<'_, usize>, _: &str, value: &Value) -> bool {
        self.profile.all_values || !matches!(value, Value::Opaque(_) | Value::Scalar(Scalar::Float(_)))
    }

    async fn connect(&self, _: Deadline) -> Result<()> {
        match self.connects.fetch_add(1, Ordering::Relaxed) {
            0 => Err(Error::new(ErrorKind::Unavailable, "not yet")),
            _ => Ok(()),
        }
    }

    async fn create(&self, new: NewIndex<'_>) -> Result<(), WriteError> {
        *self.spec.lock() = Some(new.spec.clone());
        Ok(())
    }

    async fn open(&self, _: &str, before: Option<&usize>, _: Deadline) -> Result<Opened<usize>> {
        self.opens.fetch_add(1, Ordering::Relaxed);
        let opened = Opened::new(IndexInfo::new(self.check()?, "fake"), before.map_or(1, |n| n + 1));
        Ok(if self.off > 0.0 { opened.score_error(ScoreError::Bounded(self.off)) } else { opened })
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        Ok(vec!["things".to_owned()])
    }

    async fn drop_index(&self, _: &str, _: Deadline) -> Result<(), WriteError> {
        *self.spec.lock() = None;
        Ok(())
    }

    async fn write(&self, _: Target<'_, usize>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        let spec = self.check()?;
        if rows.iter().any(|r| r.vector.as_ref().is_some_and(|v| v.len() != spec.dimension)) {
            return Err(Error::new(ErrorKind::DimensionMismatch, "another dimension").into());
        }
        self.chunks.lock().push(rows.len());
        self.rows.lock().extend(rows.iter().map(|r| (r.id.clone(), r.clone())));
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, _: Target<'_, usize>, ids: &[NativeId], _: Want) -> Result<Vec<Row>> {
        self.check()?;
        Ok(ids.iter().filter_map(|id| self.rows.lock().get(id).cloned()).collect())
    }

    async fn remove(&self, _: Target<'_, usize>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        self.rows.lock().retain(|id, _| !ids.contains(id));
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, target: Target<'_, usize>, query: &Nearest<'_, Native>) -> Result<Neighbours> {
        self.check()?;
        assert!(query.k <= self.profile.native_window);
        self.asked.lock().push((query.k, query.exact));
        let mut hits: Vec<Hit> = self
            .matching(query.filter)
            .into_iter()
            .filter_map(|row| {
                let distance = distance(target.spec.metric, query.vector, row.vector.as_deref()?);
                let unreadable = row.metadata.contains_key("broken").then(|| "it is broken".to_owned());
                Some(Hit { unreadable, ..Hit::new(row, distance) })
            })
            .collect();
        for (n, hit) in hits.iter_mut().enumerate() {
            hit.distance += if n % 2 == 0 { self.off } else { -self.off };
        }
        hits.sort_by(|a, b| a.distance.total_cmp(&b.distance).then_with(|| a.row.id.cmp(&b.row.id)));
        let exact = query.exact || self.profile.exact == ExactSearch::Always;
        hits.truncate(query.k.min(if exact { usize::MAX } else { self.sees }));
        let exactness = if exact { Exactness::Exact } else { Exactness::Approximate };
        Ok(Neighbours::new(hits, exactness))
    }

    async fn page(
        &self,
        _: Target<'_, usize>,
        filter: Option<&Native>,
        cursor: Option<&str>,
        limit: usize,
        _: Want,
    ) -> Result<Page> {
        self.pages.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(self.pause).await;
        let mut rows = self.matching(filter);
        rows.retain(|r| cursor.is_none_or(|c| r.id.as_str() > c));
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(|r| r.id.to_string()) } else { None };
        Ok(Page::new(rows, next))
    }

    fn cursor_after(&self, row: &Row) -> Option<String> {
        Some(row.id.to_string())
    }

    async fn count(&self, _: Target<'_, usize>, filter: Option<&Native>, _: bool) -> Result<u64> {
        self.check()?;
        Ok(self.matching(filter).len() as u64)
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        Err(Error::new(ErrorKind::Unavailable, "down"))
    }
}

fn approximate(sees: usize) -> DriverStorage<Fake> {
    let mut fake = Fake::new(|p| p.exact = ExactSearch::OnRequest);
    fake.sees = sees;
    for n in 0..20 {
        fake = fake.with_native(&format!("r{n:02}"), n as f32, Metadata::new().with("even", n % 2 == 0));
    }
    DriverStorage::new(fake)
}

fn ids(result: &SearchResult) -> Vec<&str> {
    result.matches.iter().map(|m| m.id.as_str()).collect()
}

#[tokio::test]
async fn an_approximate_answer_says_so() {
    let storage = approximate(10);
    let result = storage.search(&SearchRequest::new("things", [0.0]).top_k(3)).await.unwrap();
    assert_eq!(ids(&result), ["r00", "r01", "r02"]);
    assert_eq!((result.exactness, result.has_more), (Exactness::Approximate, true));
    let result = storage.search(&SearchRequest::new("things", [0.0]).top_k(3).exact(true)).await.unwrap();
    assert_eq!(result.exactness, Exactness::Exact);
}

#[tokio::test]
async fn an_approximate_answer_that_gives_up_is_asked_for_exactly() {
    let storage = approximate(4);
    let result = storage.search(&SearchRequest::new("things", [0.0]).top_k(10)).await.unwrap();
    assert_eq!((result.matches.len(), result.has_more), (10, true));
    assert!(storage.driver().asked.lock().iter().any(|(_, exact)| *exact));
}

#[tokio::test]
async fn a_short_answer_that_the_count_explains_is_taken() {
    let storage = approximate(usize::MAX);
    let filter = field("even").eq(true);
    let result = storage.search(&SearchRequest::new("things", [0.0]).top_k(15).filter(filter)).await.unwrap();
    assert_eq!((result.matches.len(), result.has_more), (10, false));
    assert!(storage.driver().asked.lock().iter().all(|(_, exact)| !*exact));
}

#[tokio::test]
async fn a_residual_filter_past_the_window_is_scanned() {
    let mut fake = Fake::new(|p| p.native_window = 10);
    for n in 0..50 {
        let name = if n == 49 { "the last" } else { "another" };
        fake = fake.with_native(&format!("r{n:02}"), n as f32, Metadata::new().with("name", name));
    }
    let storage = DriverStorage::new(fake);
    let filter = field("name").ends_with("last");
    let request = SearchRequest::new("things", [0.0]).filter(filter);
    assert_eq!(ids(&storage.search(&request).await.unwrap()), ["r49"]);
    let error = storage.search(&request.residual_budget(40)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResidualLimit);
}

#[tokio::test]
async fn a_hit_that_cannot_be_read_fails_the_searches_that_return_it() {
    let fake = Fake::new(|_| ()).with_native("good", 0.0, Metadata::new());
    let fake = fake.with_native("bad", 1.0, Metadata::new().with("broken", true));
    let storage = DriverStorage::new(fake.with_native("far", 2.0, Metadata::new()));
    let request = SearchRequest::new("things", [0.0]).top_k(1);
    let result = storage.search(&request).await.unwrap();
    assert_eq!((ids(&result), result.has_more), (vec!["good"], true));
    assert_eq!(ids(&storage.search(&request.clone().offset(2)).await.unwrap()), ["far"]);
    for returned in [
        request.clone().top_k(2),
        request.clone().offset(1),
        request.clone().filter(!field("name").ends_with("x")),
        request.clone().deduplicate(Deduplicate::Field("name".to_owned())),
    ] {
        let error = storage.search(&returned).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.message().contains("\"bad\" cannot be read: it is broken"), "{error}");
    }
}

#[tokio::test]
async fn an_id_in_two_native_forms_is_a_collision() {
    let with_ids = |p: &mut Profile| {
        p.ids = IdScheme::UuidOrInteger;
        p.all_values = false;
        p.update = false;
    };
    let storage =
        DriverStorage::new(Fake::new(with_ids).with_native("42", 1.0, Metadata::new().with("by", "others")));
    let get = async |storage: &DriverStorage<Fake>| {
        let ids = ["42".to_owned()];
        storage.get(&GetRequest::new("things", &ids)).await
    };
    assert_eq!(get(&storage).await.unwrap()[0].as_ref().map(|r| r.id.as_str()), Some("42"));
    let record = [Record::new("42", [2.0])];
    assert!(storage.upsert(&UpsertRequest::new("things", &record[..])).await.unwrap().is_successful());
    assert_eq!(storage.driver().rows.lock().len(), 1, "a write goes to the form that exists");

    let mapped = IdScheme::UuidOrInteger.forms("42").remove(0);
    let overflow = Metadata::new().with(OVERFLOW, r#"{"v":1,"id":"42"}"#);
    let row = Row::new(mapped.clone(), Some(Arc::new([3.0])), overflow);
    storage.driver().rows.lock().insert(mapped, row);
    assert_eq!(get(&storage).await.unwrap_err().kind(), ErrorKind::IdCollision);
    let result = storage.upsert(&UpsertRequest::new("things", &record[..])).await.unwrap();
    assert_eq!(result.items[0].error().map(Error::kind), Some(ErrorKind::IdCollision));
    let search = SearchRequest::new("things", [1.0]).top_k(1);
    assert_eq!(storage.search(&search).await.unwrap_err().kind(), ErrorKind::IdCollision);
}

#[tokio::test]
async fn a_native_id_that_belongs_to_another_record_is_a_collision() {
    let storage = DriverStorage::new(Fake::new(|p| {
        p.ids = IdScheme::Uuid;
        p.update = false;
    }));
    let first = [Record::new("stripe", [1.0])];
    assert!(storage.upsert(&UpsertRequest::new("things", &first[..])).await.unwrap().is_successful());
    let thief = [Record::new(IdScheme::Uuid.forms("stripe").remove(0).into_string(), [2.0])];
    let result = storage.upsert(&UpsertRequest::new("things", &thief[..])).await.unwrap();
    assert_eq!(result.items[0].error().map(Error::kind), Some(ErrorKind::IdCollision));
    let gone = [thief[0].id.clone()];
    assert!(storage.delete(&DeleteRequest::new("things", &gone[..])).await.unwrap().is_successful());
    assert_eq!(storage.count(&CountRequest::new("things")).await.unwrap(), 1, "the other record stays");
}

#[tokio::test]
async fn an_outdated_spec_is_asked_for_again() {
    let storage = DriverStorage::new(Fake::new(|_| ()));
    let one = [Record::new("a", [1.0])];
    assert!(storage.upsert(&UpsertRequest::new("things", &one[..])).await.unwrap().is_successful());
    *storage.driver().spec.lock() = Some(IndexSpec::new("things", 2).metric(Metric::Euclidean));
    let two = [Record::new("a", [1.0, 2.0])];
    assert!(storage.upsert(&UpsertRequest::new("things", &two[..])).await.unwrap().is_successful());
    assert_eq!(storage.driver().opens.load(Ordering::Relaxed), 2);
    *storage.driver().spec.lock() = None;
    let error = storage.count(&CountRequest::new("things")).await.unwrap_err();
    assert_eq!((error.kind(), error.index()), (ErrorKind::NotFound, Some("things")));
}

#[tokio::test]
async fn values_of_the_overflow_come_back() {
    let storage = DriverStorage::new(Fake::new(|p| {
        p.all_values = false;
        p.update = false;
    }));
    let metadata = Metadata::from_json_str(r#"{"f": 2.5, "i": 7, "o": {"deep": [1, null]}}"#).unwrap();
    let record = [Record::new("a", [1.0]).metadata(metadata.clone())];
    assert!(storage.upsert(&UpsertRequest::new("things", &record[..])).await.unwrap().is_successful());
    let native = storage.driver().rows.lock()[&NativeId::from("a")].metadata.clone();
    assert_eq!(native.get("i").and_then(Value::as_integer), Some(7));
    assert!(!native.contains_key("f") && native.contains_key(OVERFLOW));
    let ids_asked = ["a".to_owned()];
    let read = async || storage.get(&GetRequest::new("things", &ids_asked)).await.unwrap().remove(0).unwrap();
    assert_eq!(read().await.metadata, metadata);
    let count = async |filter: &Filter| {
        storage.count(&CountRequest::new("things").filter(Some(filter))).await.unwrap()
    };
    assert_eq!(count(&field("f").lt(3)).await, 1);
    assert_eq!(count(&!field("f").lt(3)).await, 0);

    let mut by_others = native.clone();
    by_others.insert("f", 9);
    storage.driver().rows.lock().entry("a".into()).and_modify(|row| row.metadata = by_others);
    assert_eq!(read().await.metadata.get("f"), Some(&Value::from(9)), "what another program wrote counts");

    storage.driver().rows.lock().entry("a".into()).and_modify(|row| drop(row.metadata.insert(OVERFLOW, "{")));
    let error = storage.get(&GetRequest::new("things", &ids_asked)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[tokio::test]
async fn a_batch_is_cut_by_bytes_and_by_count() {
    let storage = DriverStorage::new(Fake::new(|p| {
        p.limits.batch_bytes = Some(500);
        p.limits.batch_count = Some(4);
        p.parallelism = 1;
    }));
    let mut records: Vec<Record> = (0..6).map(|n| Record::new(format!("r{n}"), [1.0])).collect();
    records[5].metadata.insert("text", "x".repeat(400));
    assert!(storage.upsert(&UpsertRequest::new("things", &records)).await.unwrap().is_successful());
    assert_eq!(*storage.driver().chunks.lock(), [4, 1, 1]);
}

#[tokio::test]
async fn a_delete_by_a_filter_that_is_not_exact_finds_the_records_first() {
    let storage = DriverStorage::new(
        Fake::new(|_| ()).with_native("a", 1.0, Metadata::new().with("name", "one")).with_native(
            "b",
            1.0,
            Metadata::new().with("name", "two"),
        ),
    );
    let filter = field("name").ends_with("o");
    let result = storage.delete_where(&DeleteWhereRequest::new("things", &filter)).await.unwrap();
    assert_eq!(result.deleted, Some(1));
    assert_eq!(storage.driver().rows.lock().keys().map(NativeId::as_str).collect::<Vec<_>>(), ["a"]);
    let error = storage.delete_where(&DeleteWhereRequest::new("things", &Filter::all())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn explain_shows_what_is_pushed_and_what_is_left() {
    let storage = DriverStorage::new(Fake::new(|_| ()));
    let filter = field("a").eq(1) & field("b").ends_with("x");
    let explained = storage.explain(&SearchRequest::without_vector("things").filter(filter)).await.unwrap();
    assert_eq!(explained.push_down, PushDown::Superset);
    assert_eq!(explained.native.as_deref(), Some("native a = 1"));
    assert_eq!(explained.residual.as_deref(), Some(r#"b ENDS WITH "x""#));
    assert!(storage.driver().asked.lock().is_empty());
}

#[tokio::test]
async fn a_scan_that_checks_rows_here_reads_ahead_and_goes_on_behind_the_last_it_gave() {
    for (row_cursors, pages) in [(true, 11), (false, 41)] {
        let mut fake = Fake::new(|profile| profile.row_cursors = row_cursors);
        for n in 0..40 {
            let name = if n % 4 == 0 { "ends in x" } else { "no" };
            fake = fake.with_native(&format!("{n:02}"), 0.0, Metadata::new().with("name", name));
        }
        let storage = DriverStorage::new(fake);
        let filter = field("name").ends_with("x");
        let (mut ids, mut cursor) = (Vec::new(), None);
        loop {
            let request =
                ScanRequest::new("things").filter(Some(&filter)).page_size(1).cursor(cursor.as_ref());
            let page = storage.scan(&request).await.unwrap();
            ids.extend(page.records.into_iter().map(|r| r.id));
            cursor = page.cursor;
            if cursor.is_none() {
                break;
            }
        }
        let expected: Vec<String> = (0..40).step_by(4).map(|n| format!("{n:02}")).collect();
        assert_eq!(ids, expected);
        assert!(storage.driver().pages.load(Ordering::Relaxed) <= pages);
    }
}

#[tokio::test]
async fn a_record_whose_overflow_is_damaged_is_written_again_or_deleted() {
    let damaged = Metadata::new().with("_portolan", "garbage");
    for (ids, id) in [(IdScheme::Any, "a"), (IdScheme::UuidOrInteger, "7")] {
        let fake = || {
            Fake::new(|profile| (profile.ids, profile.update) = (ids, false)).with_native(
                id,
                0.0,
                damaged.clone(),
            )
        };
        let storage = DriverStorage::new(fake());
        let update = [MetadataUpdate::new(id, MetadataPatch::new().set("n", 1))];
        let updated = storage.update_metadata(&UpdateRequest::new("things", &update[..])).await.unwrap();
        assert_eq!(updated.items[0].error().map(Error::kind), Some(ErrorKind::Corrupt));
        let records = [Record::new(id, [1.0])];
        let written = storage.upsert(&UpsertRequest::new("things", &records[..])).await.unwrap();
        assert!(written.is_successful(), "{written:?}");
        let storage = DriverStorage::new(fake());
        let deleted = storage.delete(&DeleteRequest::new("things", &[id.to_owned()][..])).await.unwrap();
        assert!(deleted.is_successful() && storage.driver().rows.lock().is_empty());
    }
}

#[tokio::test]
async fn a_filter_that_is_too_large_for_the_database_is_checked_here() {
    let storage = DriverStorage::new(Fake::new(|_| ()));
    let filter = field("a").is_in(0..1_000);
    let explained = storage.explain(&SearchRequest::without_vector("things").filter(filter)).await.unwrap();
    assert_eq!(explained.push_down, PushDown::Nothing);
    assert_eq!(explained.native, None);
}

#[tokio::test]
async fn health_is_told_also_when_the_server_is_down_and_a_closed_storage_answers_nothing() {
    let storage = DriverStorage::new(Fake::new(|_| ()));
    assert_eq!(storage.health(CallOptions::new()).await.unwrap().status, Status::Unavailable);
    storage.close().await.unwrap();
    storage.close().await.unwrap();
    assert_eq!(storage.health(CallOptions::new()).await.unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn an_exact_search_by_scan_knows_a_row_by_its_native_id() {
    let storage = DriverStorage::new(Fake::new(|p| {
        p.ids = IdScheme::UuidOrInteger;
        p.exact = ExactSearch::Never;
        (p.all_values, p.update) = (false, false);
    }));
    let records = [Record::new("42", [1.0]), Record::new("stripe", [2.0])];
    assert!(storage.upsert(&UpsertRequest::new("things", &records[..])).await.unwrap().is_successful());
    let search = SearchRequest::new("things", [0.0]).top_k(2).exact(true);
    assert_eq!(ids(&storage.search(&search).await.unwrap()), ["42", "stripe"]);
}

#[tokio::test]
async fn nothing_is_sent_before_the_first_call_which_connects_until_that_succeeds() {
    let storage = DriverStorage::new(Fake::new(|_| ()).with_native("a", 1.0, Metadata::new()));
    storage.driver().connects.store(0, Ordering::Relaxed);
    let request = CountRequest::new("things");
    assert_eq!(storage.count(&request).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(storage.count(&request).await.unwrap(), 1);
    assert_eq!(storage.count(&request).await.unwrap(), 1);
    assert_eq!(storage.driver().connects.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn what_an_opening_learnt_is_handed_to_the_next() {
    let storage = DriverStorage::new(Fake::new(|_| ()));
    for _ in 0..3 {
        storage.describe_index("things", CallOptions::new()).await.unwrap();
    }
    let opened = storage.driver().open("things", Some(&3), Deadline::NONE).await.unwrap();
    assert_eq!(opened.index, 4);
    assert_eq!(storage.driver().opens.load(Ordering::Relaxed), 4);
}

#[tokio::test]
async fn distances_that_are_off_are_computed_again_and_more_rows_are_asked_for() {
    let mut fake = Fake::new(|p| (p.exact, p.ties_by_id) = (ExactSearch::Always, false));
    fake.off = 0.3;
    for n in 0..200 {
        fake = fake.with_native(&format!("{n:03}"), n as f32 / 10.0, Metadata::new());
    }
    let storage = DriverStorage::new(fake);
    let found = storage.search(&SearchRequest::new("things", [0.0]).top_k(60)).await.unwrap();
    let expected: Vec<String> = (0..60).map(|n| format!("{n:03}")).collect();
    assert_eq!(ids(&found), expected);
    assert_eq!(found.matches[7].distance, 0.7);
    assert!(storage.driver().asked.lock().iter().all(|(k, _)| *k >= 61 + 3), "the error is asked past");
}

#[tokio::test]
async fn a_filter_is_lowered_once_a_call() {
    let mut fake = Fake::new(|p| (p.native_window, p.exact) = (10, ExactSearch::OnRequest));
    fake.sees = 5;
    for n in 0..50 {
        let metadata = Metadata::new().with("n", n).with("name", if n % 7 == 0 { "an x" } else { "none" });
        fake = fake.with_native(&format!("r{n:02}"), n as f32, metadata);
    }
    let storage = DriverStorage::new(fake);
    let filter = field("n").gte(7) & field("name").ends_with("x");
    let search = SearchRequest::new("things", [0.0]).top_k(5).with_total(true).filter(filter.clone());
    let found = storage.search(&search).await.unwrap();
    assert_eq!((found.matches.len(), found.total_matches), (5, Some(7)));
    assert_eq!(storage.driver().lowerings.swap(0, Ordering::Relaxed), 2, "one a leaf");
    assert_eq!(storage.count(&CountRequest::new("things").filter(Some(&filter))).await.unwrap(), 7);
    assert_eq!(storage.driver().lowerings.swap(0, Ordering::Relaxed), 2);
    let deleted = storage.delete_where(&DeleteWhereRequest::new("things", &filter)).await.unwrap();
    assert_eq!(deleted.deleted, Some(7));
    assert_eq!(storage.driver().lowerings.load(Ordering::Relaxed), 2);
}

#[tokio::test(start_paused = true)]
async fn a_read_without_a_bound_of_its_own_has_that_of_the_store_for_each_request() {
    let mut fake = Fake::new(|p| {
        p.timeout = Duration::from_secs(3);
        (p.count, p.count_where, p.page_rows) = (false, false, 2);
    });
    fake.pause = Duration::from_secs(2);
    for n in 0..10 {
        fake = fake.with_native(&format!("r{n}"), n as f32, Metadata::new());
    }
    let storage = DriverStorage::new(fake);
    let begun = Instant::now();
    assert_eq!(
        storage.count(&CountRequest::new("things")).await.unwrap(),
        10,
        "five requests of two seconds"
    );
    assert_eq!(begun.elapsed(), Duration::from_secs(10));
    let options = CallOptions::new().timeout(Duration::from_secs(5));
    let e = storage.count(&CountRequest::new("things").options(options)).await.unwrap_err();
    assert_eq!(
        (e.kind(), begun.elapsed()),
        (ErrorKind::Timeout, Duration::from_secs(15)),
        "its own is the total"
    );
}
