//! What `DriverStorage` makes of a database that refuses, loses answers and hangs.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use portolan_core::driver::DriverStorage;
use portolan_core::filter::field;
use portolan_core::{
    CallOptions, CountRequest, DeleteRequest, DeleteWhereRequest, Error, ErrorKind, IndexSpec, Metadata,
    MetadataPatch, MetadataUpdate, Metric, Outcome, Partial, Record, ScanRequest, SearchRequest, Status,
    UpdateRequest, UpsertRequest, VectorStorage, WriteResult,
};
use portolan_testkit::faults::{Ability, Fault, Faults};
use portolan_testkit::fickle::FickleDriver;
use portolan_testkit::poor::PoorDriver;
use tokio::time::{Instant, timeout};

type Storage = DriverStorage<Faults<PoorDriver>>;

const UNAVAILABLE: Fault = Fault::Refused(ErrorKind::Unavailable);

/// An index `things`, with as many records of version 0.
async fn storage_with(records: usize) -> Storage {
    let storage = DriverStorage::new(Faults::new(PoorDriver::new(5)));
    let spec = IndexSpec::new("things", 2).metric(Metric::Euclidean);
    storage.create_index(&spec, CallOptions::new()).await.unwrap();
    let written = upsert(&storage, &versioned(records, 0)).await.unwrap();
    assert!(written.is_successful());
    storage.driver().forget();
    storage
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("r{n:02}")).collect()
}

fn versioned(count: usize, version: i64) -> Vec<Record> {
    let record =
        |(n, id)| Record::new(id, [n as f32, version as f32]).metadata(Metadata::new().with("v", version));
    ids(count).into_iter().enumerate().map(record).collect()
}

fn patches(count: usize, version: i64) -> Vec<MetadataUpdate> {
    ids(count).into_iter().map(|id| MetadataUpdate::new(id, MetadataPatch::new().set("v", version))).collect()
}

async fn upsert(storage: &Storage, records: &[Record]) -> Result<WriteResult, Error> {
    storage.upsert(&UpsertRequest::new("things", records)).await
}

/// One letter per item: Stored, Failed, Unknown.
fn marks(result: &WriteResult) -> String {
    let mark = |outcome: &Outcome| match outcome {
        Outcome::Stored => 'S',
        Outcome::Failed(_) => 'F',
        Outcome::Unknown(_) => 'U',
    };
    result.items.iter().map(mark).collect()
}

/// The version of every record, in the order of ids; each record's vector must be of the same version.
async fn versions(storage: &Storage) -> Vec<i64> {
    let mut found = BTreeMap::new();
    let mut cursor = None;
    loop {
        let page = storage.scan(&ScanRequest::new("things").cursor(cursor.as_ref())).await.unwrap();
        for record in page.records {
            let version = record.metadata.get("v").and_then(|v| v.as_integer()).unwrap();
            assert_eq!(record.vector.unwrap()[1], version as f32, "{}", record.id);
            assert!(found.insert(record.id, version).is_none());
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return found.into_values().collect();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_chunk_fails_alone() {
    let storage = storage_with(0).await;
    storage.driver().inject(Ability::Write, 1, UNAVAILABLE);
    let written = upsert(&storage, &versioned(8, 1)).await.unwrap();
    assert_eq!(marks(&written), "SSSFFFSS");
    assert_eq!(written.items[3].error().unwrap().kind(), ErrorKind::Unavailable);
    assert_eq!(storage.driver().calls(Ability::Write), [3, 3, 2]);
    assert_eq!(versions(&storage).await.len(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_retry_sends_only_what_is_needed() {
    let storage = storage_with(0).await;
    storage.driver().inject(Ability::Write, 0, Fault::RefusedItems(vec![1], ErrorKind::RateLimited));
    storage.driver().inject(Ability::Write, 2, Fault::LostAfter);
    let records = versioned(8, 1);
    let first = upsert(&storage, &records).await.unwrap();
    assert_eq!(marks(&first), "SFSSSSUU");
    storage.driver().forget();
    let request = UpsertRequest::new("things", &records);
    let to_repeat = portolan_core::layer::Reply::to_repeat(&first);
    let mut again = request.clone();
    again.records = request.records.at(&to_repeat);
    assert_eq!(marks(&storage.upsert(&again).await.unwrap()), "SSS");
    assert_eq!(storage.driver().calls(Ability::Write), [3]);
    assert_eq!(versions(&storage).await, [1; 8]);
}

#[tokio::test(start_paused = true)]
async fn equal_ids_report_the_outcome_of_the_last() {
    let storage = storage_with(0).await;
    storage.driver().inject(Ability::Write, 0, Fault::RefusedItems(vec![0], ErrorKind::Unavailable));
    let mut records = versioned(2, 1);
    records.extend(versioned(1, 2));
    let written = upsert(&storage, &records).await.unwrap();
    assert_eq!(marks(&written), "FSF");
    assert_eq!(storage.driver().calls(Ability::Write), [2]);
}

#[tokio::test(start_paused = true)]
async fn an_error_of_a_write_means_that_nothing_was_changed() {
    let storage = storage_with(4).await;
    for ability in [Ability::Fetch, Ability::Write] {
        storage.driver().forget();
        for call in 0..9 {
            storage.driver().inject(ability, call, UNAVAILABLE);
        }
        let e = upsert(&storage, &versioned(4, 1)).await.unwrap_err();
        assert_eq!(
            (e.kind(), e.operation(), e.index()),
            (ErrorKind::Unavailable, Some("upsert"), Some("things"))
        );
        assert!(e.is_retryable());
        storage.driver().forget();
        assert_eq!(versions(&storage).await, [0; 4]);
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_are_unknown_whether_done_or_not() {
    for (fault, version) in [(Fault::LostBefore, 0), (Fault::LostAfter, 1)] {
        let storage = storage_with(3).await;
        storage.driver().inject(Ability::Write, 0, fault);
        let written = upsert(&storage, &versioned(3, 1)).await.unwrap();
        assert_eq!((marks(&written).as_str(), written.unknown()), ("UUU", 3));
        assert_eq!(versions(&storage).await, [version; 3]);
    }
}

#[tokio::test(start_paused = true)]
async fn when_time_runs_out_what_was_sent_is_unknown_and_what_was_not_has_failed() {
    let storage = storage_with(0).await;
    for call in 0..4 {
        storage.driver().inject(Ability::Write, call, Fault::HangsBefore);
    }
    let start = Instant::now();
    let records = versioned(15, 1);
    let options = CallOptions::new().timeout(Duration::from_secs(2));
    let written = storage.upsert(&UpsertRequest::new("things", &records).options(options)).await.unwrap();
    assert_eq!(marks(&written), "UUUUUUUUUUUUFFF");
    assert!(written.errors().all(|(_, e)| e.kind() == ErrorKind::Timeout && e.is_retryable()));
    assert_eq!(start.elapsed().as_secs(), 2);
    assert_eq!(versions(&storage).await, [0; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_slow_chunk_does_not_spoil_the_others() {
    let storage = storage_with(0).await;
    storage.driver().inject(Ability::Write, 1, Fault::HangsAfter);
    let written = upsert(&storage, &versioned(12, 1)).await.unwrap();
    assert_eq!(marks(&written), "SSSUUUSSSSSS");
    assert_eq!(versions(&storage).await, [1; 12]);
}

#[tokio::test(start_paused = true)]
async fn time_that_runs_out_before_anything_is_sent_is_an_error() {
    let storage = storage_with(4).await;
    storage.driver().inject(Ability::Fetch, 0, Fault::HangsBefore);
    let start = Instant::now();
    let e = upsert(&storage, &versioned(4, 1)).await.unwrap_err();
    assert_eq!((e.kind(), e.operation()), (ErrorKind::Timeout, Some("upsert")));
    assert_eq!(start.elapsed(), CallOptions::DEFAULT_TIMEOUT);
    assert_eq!(versions(&storage).await, [0; 4]);
}

#[tokio::test(start_paused = true)]
async fn deletes_report_item_by_item() {
    let storage = storage_with(9).await;
    storage.driver().inject(Ability::Remove, 0, Fault::RefusedItems(vec![0, 2], ErrorKind::Unavailable));
    storage.driver().inject(Ability::Remove, 2, Fault::HangsAfter);
    let mut gone = ids(9);
    gone.insert(0, "absent".to_owned());
    let deleted = storage.delete(&DeleteRequest::new("things", &gone)).await.unwrap();
    assert_eq!(marks(&deleted), "SFSFSSSUUU");
    assert_eq!(versions(&storage).await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn updates_report_item_by_item_and_keep_vectors() {
    let storage = storage_with(6).await;
    storage.driver().inject(Ability::Write, 1, Fault::LostBefore);
    let mut updates = patches(6, 0);
    updates.push(MetadataUpdate::new("absent", MetadataPatch::new().set("v", 1)));
    let updated = storage.update_metadata(&UpdateRequest::new("things", &updates)).await.unwrap();
    assert_eq!(marks(&updated), "SSSUUUF");
    assert_eq!(updated.items[6].error().unwrap().kind(), ErrorKind::NotFound);
    assert_eq!(versions(&storage).await, [0; 6]);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_visibility_that_fails_is_no_error() {
    for fault in [UNAVAILABLE, Fault::HangsBefore] {
        let storage = storage_with(3).await;
        storage.driver().inject(Ability::AwaitVisible, 0, fault);
        let written = upsert(&storage, &versioned(3, 1)).await.unwrap();
        assert_eq!((marks(&written).as_str(), written.visible), ("SSS", false));
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_by_filter_that_was_cut_short_can_be_repeated() {
    let storage = storage_with(12).await;
    storage.driver().inject(Ability::Remove, 1, UNAVAILABLE);
    let filter = field("v").eq(0) & !portolan_core::filter::id_in(["r05"]);
    let request = DeleteWhereRequest::new("things", &filter);
    let e = storage.delete_where(&request).await.unwrap_err();
    assert_eq!((e.kind(), e.operation()), (ErrorKind::Unavailable, Some("delete_where")));
    assert_eq!(e.partial(), Some(Partial::new(4, false)));
    assert!(e.to_string().ends_with("; 4 records are deleted; it is safe to repeat"), "{e}");
    storage.delete_where(&request).await.unwrap();
    assert_eq!(versions(&storage).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_clear_in_parts_goes_on_past_the_time_of_a_request_and_says_how_far_it_came() {
    let storage = DriverStorage::new(Faults::new(FickleDriver::new(1)));
    let spec = IndexSpec::new("things", 2).metric(Metric::Euclidean);
    storage.create_index(&spec, CallOptions::new()).await.unwrap();
    let records = versioned(5 * FickleDriver::CLEARED, 0);
    storage.upsert(&UpsertRequest::new("things", &records)).await.unwrap().into_result().unwrap();

    storage.driver().inject(Ability::Clear, 2, Fault::HangsBefore);
    let e = storage.clear("things", CallOptions::new()).await.unwrap_err();
    let two = 2 * FickleDriver::CLEARED as u64;
    assert_eq!((e.kind(), e.partial()), (ErrorKind::Timeout, Some(Partial::new(two, true))));

    let slow = Fault::Slow(CallOptions::DEFAULT_TIMEOUT * 2 / 3);
    (0..2).for_each(|call| storage.driver().inject(Ability::Clear, call, slow.clone()));
    storage.clear("things", CallOptions::new()).await.unwrap();
    assert_eq!(storage.count(&CountRequest::new("things")).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_clear_that_was_cut_short_can_be_repeated() {
    let storage = storage_with(12).await;
    storage.driver().inject(Ability::Remove, 2, UNAVAILABLE);
    let e = storage.clear("things", CallOptions::new()).await.unwrap_err();
    assert_eq!(e.partial(), Some(Partial::new(6, false)));
    storage.clear("things", CallOptions::new()).await.unwrap();
    assert_eq!(storage.count(&CountRequest::new("things")).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_delete_by_filter_whose_write_hangs_ends_in_time() {
    let storage = storage_with(3).await;
    storage.driver().inject(Ability::Remove, 0, Fault::HangsBefore);
    let filter = field("v").eq(0);
    let e = storage.delete_where(&DeleteWhereRequest::new("things", &filter)).await.unwrap_err();
    assert_eq!((e.kind(), e.partial()), (ErrorKind::Timeout, Some(Partial::new(0, true))));
}

#[tokio::test(start_paused = true)]
async fn reads_that_fail_say_where_and_those_that_hang_end_in_time() {
    let storage = storage_with(9).await;
    let search = SearchRequest::new("things", [0.0, 0.0]);
    for (fault, kind) in [(UNAVAILABLE, ErrorKind::Unavailable), (Fault::HangsBefore, ErrorKind::Timeout)] {
        storage.driver().inject(Ability::Nearest, 0, fault.clone());
        let e = storage.search(&search).await.unwrap_err();
        assert_eq!((e.kind(), e.operation(), e.provider()), (kind, Some("search"), Some("poor")));
        storage.driver().inject(Ability::Page, 1, fault.clone());
        let e = storage.count(&CountRequest::new("things")).await.unwrap_err();
        assert_eq!((e.kind(), e.operation(), e.index()), (kind, Some("count"), Some("things")));
        storage.driver().inject(Ability::List, 0, fault);
        assert_eq!(storage.list_indexes(CallOptions::new()).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scan_goes_on_from_its_cursor_after_a_fault() {
    let storage = storage_with(20).await;
    let first = storage.scan(&ScanRequest::new("things").page_size(6)).await.unwrap();
    let next = ScanRequest::new("things").page_size(9).cursor(first.cursor.as_ref());
    storage.driver().inject(Ability::Page, 1, UNAVAILABLE);
    storage.scan(&next).await.unwrap_err();
    storage.driver().inject(Ability::Page, 1, Fault::HangsAfter);
    storage.scan(&next).await.unwrap_err();
    let mut seen: Vec<Record> = first.records;
    let mut cursor = first.cursor;
    while let Some(at) = cursor {
        let page = storage.scan(&ScanRequest::new("things").page_size(9).cursor(Some(&at))).await.unwrap();
        seen.extend(page.records);
        cursor = page.cursor;
    }
    let mut seen: Vec<String> = seen.into_iter().map(|r| r.id).collect();
    seen.sort_unstable();
    assert_eq!(seen, ids(20));
}

#[tokio::test(start_paused = true)]
async fn health_is_an_answer_when_the_server_is_down() {
    let storage = storage_with(0).await;
    for fault in [UNAVAILABLE, Fault::HangsBefore] {
        storage.driver().inject(Ability::Health, 0, fault);
        let health = storage.health(CallOptions::new()).await.unwrap();
        assert_eq!(health.status, Status::Unavailable);
        assert!(health.message.is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_not_ready_within_the_bound_is_not_ready() {
    let storage = storage_with(0).await;
    storage.driver().inject(Ability::Create, 0, Fault::HangsAfter);
    let start = Instant::now();
    let spec = IndexSpec::new("later", 2);
    let e = storage.create_index(&spec, CallOptions::new()).await.unwrap_err();
    assert_eq!((e.kind(), start.elapsed().as_secs()), (ErrorKind::NotReady, 300));
    assert_eq!(storage.describe_index("later", CallOptions::new()).await.unwrap().spec, spec);
}

#[tokio::test(start_paused = true)]
async fn an_index_deleted_behind_the_port_is_not_found() {
    let storage = storage_with(3).await;
    let other = "Things";
    portolan_core::driver::Driver::drop_index(storage.driver(), other, portolan_core::driver::Deadline::NONE)
        .await
        .unwrap();
    let e = upsert(&storage, &versioned(1, 1)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
    let e = storage.search(&SearchRequest::new("things", [0.0, 0.0])).await.unwrap_err();
    assert_eq!((e.kind(), e.index()), (ErrorKind::NotFound, Some("things")));
}

#[tokio::test(start_paused = true)]
async fn a_dropped_write_leaves_whole_records_and_free_locks() {
    for (version, fault) in [Fault::HangsBefore, Fault::HangsAfter].into_iter().enumerate() {
        for call in 0..4 {
            let storage = storage_with(12).await;
            storage.driver().inject(Ability::Write, call, fault.clone());
            let records = versioned(12, 1);
            let dropped = timeout(Duration::from_secs(1), upsert(&storage, &records)).await;
            assert!(dropped.is_err());
            let mut expected = [1; 12];
            expected[call * 3..call * 3 + 3].fill(version as i64);
            assert_eq!(versions(&storage).await, expected);
            assert_eq!(marks(&upsert(&storage, &versioned(12, 2)).await.unwrap()), "S".repeat(12));
            assert_eq!(versions(&storage).await, [2; 12]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_update_or_delete_leaves_free_locks() {
    let storage = storage_with(6).await;
    storage.driver().inject(Ability::Write, 0, Fault::HangsBefore);
    let updates = patches(6, 0);
    let update = UpdateRequest::new("things", &updates);
    assert!(timeout(Duration::from_secs(1), storage.update_metadata(&update)).await.is_err());
    assert_eq!(marks(&storage.update_metadata(&update).await.unwrap()), "SSSSSS");
    storage.driver().inject(Ability::Remove, 1, Fault::HangsBefore);
    let ids = ids(6);
    let delete = DeleteRequest::new("things", &ids);
    assert!(timeout(Duration::from_secs(1), storage.delete(&delete)).await.is_err());
    assert_eq!(versions(&storage).await.len(), 3);
    assert_eq!(marks(&storage.delete(&delete).await.unwrap()), "SSSSSS");
    assert_eq!(versions(&storage).await.len(), 0);
}

/// Every await of a call is a place where it may be dropped.
#[tokio::test(start_paused = true)]
async fn a_call_may_be_dropped_at_every_step() {
    for steps in 0..60 {
        let storage = storage_with(7).await;
        let records = versioned(9, 1);
        {
            let mut call = std::pin::pin!(upsert(&storage, &records));
            for _ in 0..steps {
                if futures::poll!(call.as_mut()).is_ready() {
                    break;
                }
            }
        }
        assert!(versions(&storage).await.len() >= 7);
        assert_eq!(marks(&upsert(&storage, &versioned(9, 2)).await.unwrap()), "S".repeat(9));
        assert_eq!(versions(&storage).await, [2; 9]);
    }
}
