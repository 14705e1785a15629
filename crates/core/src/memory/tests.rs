use super::*;
use crate::filter::field;
use crate::index::{FieldType, Metric};
use crate::metadata::Metadata;
use crate::search::Deduplicate;
use crate::write::MetadataUpdate;

const OPTIONS: CallOptions = CallOptions { timeout: None };

async fn storage_with(metric: Metric, records: &[Record]) -> MemoryStorage {
    let storage = MemoryStorage::default();
    let spec = IndexSpec::new("things", 2).metric(metric).field("year", FieldType::Integer);
    storage.create_index(&spec, OPTIONS).await.unwrap();
    storage.upsert(&UpsertRequest::new("things", records)).await.unwrap().into_result().unwrap();
    storage
}

fn ids(result: &SearchResult) -> Vec<&str> {
    result.matches.iter().map(|m| m.id.as_str()).collect()
}

#[tokio::test]
async fn nearest_come_first_and_ties_by_id() {
    let records = [
        Record::new("b", [0.0, 2.0]),
        Record::new("a", [2.0, 0.0]),
        Record::new("far", [9.0, 9.0]),
        Record::new("q", [0.0, 0.0]),
    ];
    let storage = storage_with(Metric::Euclidean, &records).await;
    let found =
        storage.search(&SearchRequest::new("things", [0.0, 0.0]).top_k(3).with_total(true)).await.unwrap();
    assert_eq!(ids(&found), ["q", "a", "b"]);
    assert_eq!((found.total_matches, found.has_more, found.records_read), (Some(4), true, 4));
    assert_eq!((found.matches[1].distance, found.matches[0].score), (2.0, 1.0));
}

#[tokio::test]
async fn the_threshold_is_on_the_normalized_score() {
    let storage =
        storage_with(Metric::Cosine, &[Record::new("same", [1.0, 0.0]), Record::new("across", [0.0, 1.0])])
            .await;
    let search = SearchRequest::new("things", [1.0, 0.0]).similarity_threshold(0.5);
    assert_eq!(ids(&storage.search(&search).await.unwrap()), ["same"]);
    let normalized = search.score_normalization(true);
    assert_eq!(ids(&storage.search(&normalized).await.unwrap()), ["same", "across"]);
}

#[tokio::test]
async fn duplicates_fold_by_mathematical_value_and_the_page_is_filled() {
    let tagged = |id: &str, x: f32, metadata| Record::new(id, [x, 0.0]).metadata(metadata);
    let records = [
        tagged("a", 1.0, Metadata::new().with("n", 2)),
        tagged("b", 2.0, Metadata::new().with("n", 2.0)),
        tagged("c", 3.0, Metadata::new()),
        tagged("d", 4.0, Metadata::new()),
        tagged("e", 4.0, Metadata::new().with("n", [1, 2])),
        tagged("f", 5.0, Metadata::new().with("n", [1.0, 2.0])),
    ];
    let storage = storage_with(Metric::Euclidean, &records).await;
    let search = SearchRequest::new("things", [0.0, 0.0]).top_k(4);
    let found = storage.search(&search.clone().deduplicate(Deduplicate::Field("n".into()))).await.unwrap();
    assert_eq!((ids(&found), found.has_more), (vec!["a", "c", "d", "e"], false));
    let found = storage.search(&search.top_k(9).deduplicate(Deduplicate::Vector)).await.unwrap();
    assert_eq!(ids(&found), ["a", "b", "c", "d", "f"]);
}

#[tokio::test]
async fn one_bad_record_refuses_the_call_and_changes_nothing() {
    let storage = storage_with(Metric::Cosine, &[Record::new("a", [1.0, 0.0])]).await;
    let records = vec![Record::new("b", [1.0, 0.0]), Record::new("c", [0.0, 0.0])];
    let e = storage.upsert(&UpsertRequest::new("things", &records)).await.unwrap_err();
    assert_eq!(
        (e.kind(), e.position(), e.operation()),
        (ErrorKind::InvalidArgument, Some(1), Some("upsert"))
    );
    assert_eq!((e.index(), e.provider()), (Some("things"), Some("memory")));
    assert_eq!(storage.count(&CountRequest::new("things")).await.unwrap(), 1);
}

#[tokio::test]
async fn limits_are_quotas_and_nothing_is_changed_past_them() {
    let config = MemoryConfig::new().max_indexes(1).max_vectors_per_index(2);
    let storage = MemoryStorage::new(config).unwrap();
    storage.create_index(&IndexSpec::new("one", 1), OPTIONS).await.unwrap();
    let e = storage.create_index(&IndexSpec::new("two", 1), OPTIONS).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::QuotaExceeded);
    let records: Vec<Record> = ["a", "b", "c"].iter().map(|id| Record::new(*id, [1.0])).collect();
    let e = storage.upsert(&UpsertRequest::new("one", &records)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::QuotaExceeded);
    assert_eq!(storage.count(&CountRequest::new("one")).await.unwrap(), 0);
    for _ in 0..2 {
        storage
            .upsert(&UpsertRequest::new("one", &records[..2].to_vec()))
            .await
            .unwrap()
            .into_result()
            .unwrap();
    }
}

#[tokio::test]
async fn a_scan_sees_each_record_once_and_knows_its_own_cursors() {
    let records: Vec<Record> = (0..5).map(|n| Record::new(n.to_string(), [1.0, 0.0])).collect();
    let storage = storage_with(Metric::Cosine, &records).await;
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let page =
            storage.scan(&ScanRequest::new("things").page_size(2).cursor(cursor.as_ref())).await.unwrap();
        seen.extend(page.records.into_iter().map(|r| r.id));
        let more = vec![Record::new("0", [0.0, 1.0]), Record::new("4", [0.0, 1.0])];
        storage.upsert(&UpsertRequest::new("things", &more)).await.unwrap().into_result().unwrap();
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, ["0", "1", "2", "3", "4"]);

    let other = storage_with(Metric::Cosine, &records).await;
    let cursor = other.scan(&ScanRequest::new("things").page_size(2)).await.unwrap().cursor;
    let e = storage.scan(&ScanRequest::new("things").cursor(cursor.as_ref())).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn patches_apply_in_order_and_a_missing_id_fails_alone() {
    let storage = storage_with(Metric::Cosine, &[Record::new("a", [1.0, 0.0])]).await;
    let updates = vec![
        MetadataUpdate::new("a", MetadataPatch::new().set("x", 1).set("y", 1)),
        MetadataUpdate::new("gone", MetadataPatch::new().set("x", 1)),
        MetadataUpdate::new("a", MetadataPatch::new().set("x", 2).remove("y")),
    ];
    let written = storage.update_metadata(&UpdateRequest::new("things", &updates)).await.unwrap();
    let e = written.items[1].error().unwrap();
    assert_eq!(
        (written.stored(), e.kind(), e.operation()),
        (2, ErrorKind::NotFound, Some("update_metadata"))
    );
    let ids = ["a".to_owned(), "gone".to_owned()];
    let read = storage.get(&GetRequest::new("things", &ids)).await.unwrap();
    assert_eq!(read[0].as_ref().unwrap().metadata, Metadata::new().with("x", 2));
    assert!(read[1].is_none());
}

fn numbered(count: usize) -> Vec<Record> {
    (0..count).map(|n| Record::new(format!("{n:04}"), [n as f32, 1.0])).collect()
}

#[tokio::test]
async fn a_snapshot_answers_as_it_was_whatever_is_written_meanwhile() {
    let storage = storage_with(Metric::Euclidean, &numbered(1_000)).await;
    let request = SearchRequest::new("things", [500.0, 1.0]).top_k(1_000).include_vectors(true);
    let before = storage.snapshot("things").unwrap();
    let search = |index: &Index| search::search(index, &request, &[500.0, 1.0]).matches;
    let expected = search(&before);

    let replaced = vec![Record::new("0500", [-9.0, 0.0]), Record::new("new", [500.0, 1.0])];
    storage.upsert(&UpsertRequest::new("things", &replaced)).await.unwrap().into_result().unwrap();
    let patch = vec![MetadataUpdate::new("0400", MetadataPatch::new().set("x", 1))];
    storage.update_metadata(&UpdateRequest::new("things", &patch)).await.unwrap().into_result().unwrap();
    let ids = vec!["0499".to_owned(), "0501".to_owned()];
    storage.delete(&DeleteRequest::new("things", &ids)).await.unwrap().into_result().unwrap();
    assert_eq!(search(&before), expected);

    let after = storage.snapshot("things").unwrap();
    assert_eq!((after.records.size(), search(&after)[0].id.as_str()), (999, "new"));
    storage.clear("things", OPTIONS).await.unwrap();
    storage.delete_index("things", OPTIONS).await.unwrap();
    assert_eq!((search(&before), after.records.size()), (expected, 999));
}

#[tokio::test]
async fn a_write_beside_a_snapshot_copies_no_other_record() {
    let storage = storage_with(Metric::Euclidean, &numbered(1_000)).await;
    let before = storage.snapshot("things").unwrap();
    let replaced = vec![Record::new("0500", [0.0, 0.0])];
    storage.upsert(&UpsertRequest::new("things", &replaced)).await.unwrap().into_result().unwrap();
    let patch = vec![MetadataUpdate::new("0400", MetadataPatch::new().set("x", 1))];
    storage.update_metadata(&UpdateRequest::new("things", &patch)).await.unwrap().into_result().unwrap();
    let after = storage.snapshot("things").unwrap();
    let pairs = before.records.iter().zip(after.records.iter());
    let copied = pairs.filter(|((_, old), (_, new))| !std::ptr::eq(*old, *new)).map(|((id, _), _)| &**id);
    assert_eq!(copied.collect::<Vec<_>>(), ["0400", "0500"]);
}

#[tokio::test]
async fn delete_where_refuses_what_folds_to_true() {
    let year = |y: i64| Metadata::new().with("year", y);
    let records =
        [Record::new("a", [1.0, 0.0]).metadata(year(1)), Record::new("b", [1.0, 0.0]).metadata(year(2))];
    let storage = storage_with(Metric::Cosine, &records).await;
    let all = !field("year").is_in(Vec::<i64>::new());
    let e = storage.delete_where(&DeleteWhereRequest::new("things", &all)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument);
    let old = field("year").lt(2);
    let deleted = storage.delete_where(&DeleteWhereRequest::new("things", &old)).await.unwrap();
    assert_eq!(deleted.deleted, Some(1));
    assert_eq!(storage.count(&CountRequest::new("things")).await.unwrap(), 1);
}

#[tokio::test]
async fn statistics_count_declared_fields_or_all() {
    let metadata = Metadata::new().with("year", 1).with("tag", "x");
    let records = [Record::new("a", [1.0, 0.0]).metadata(metadata), Record::new("b", [1.0, 0.0])];
    let storage = storage_with(Metric::Cosine, &records).await;
    let _ = storage.search(&SearchRequest::new("things", [1.0, 0.0])).await.unwrap();
    let stats = storage.stats("things", false, OPTIONS).await.unwrap();
    assert_eq!(stats.fields.into_iter().collect::<Vec<_>>(), [("year".to_owned(), 1)]);
    assert!(
        stats.memory_bytes > Some(16) && stats.average_query_time_ms.is_some() && stats.updated_at.is_some()
    );
    let stats = storage.stats("things", true, OPTIONS).await.unwrap();
    assert_eq!(stats.fields.get("tag"), Some(&1));
}

#[tokio::test]
async fn a_closed_storage_refuses_everything_but_close() {
    let storage = storage_with(Metric::Cosine, &[]).await;
    storage.close().await.unwrap();
    storage.close().await.unwrap();
    let e = storage.health(OPTIONS).await.unwrap_err();
    assert_eq!((e.kind(), e.operation()), (ErrorKind::Closed, Some("health")));
    assert!(storage.search(&SearchRequest::new("things", [1.0, 0.0])).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_search_leaves_the_thread_and_answers_the_same() {
    let records: Vec<Record> =
        (0..2_000).map(|n| Record::new(format!("{n:05}"), vec![n as f32; 600])).collect();
    let storage = MemoryStorage::default();
    storage.create_index(&IndexSpec::new("long", 600).metric(Metric::Manhattan), OPTIONS).await.unwrap();
    storage.upsert(&UpsertRequest::new("long", &records)).await.unwrap().into_result().unwrap();
    let found = storage.search(&SearchRequest::new("long", vec![7.0; 600]).top_k(3)).await.unwrap();
    assert_eq!(ids(&found), ["00007", "00006", "00008"]);
}

#[tokio::test]
async fn a_location_gives_the_limits() {
    let storage = MemoryStorage::open("memory:?max_indexes=3".parse().unwrap()).await.unwrap();
    assert_eq!(storage.capability().limits.indexes, Some(3));
    assert_eq!(storage.capability().limits.records, Some(100_000));
    for bad in ["memory:?max_indexes=0", "memory:?max_indices=3", "memory:?max_indexes=many", "memory:./data"]
    {
        let e = MemoryStorage::open(bad.parse().unwrap()).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{bad}");
    }
}
