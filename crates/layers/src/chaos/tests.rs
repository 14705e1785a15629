use std::time::Duration;

use portolan_core::filter::field;
use portolan_core::layer::{Layer, Wrapped};
use portolan_core::{
    CallOptions, IndexSpec, Location, MemoryStorage, Metadata, Record, SearchRequest, Status, VectorStorage,
    VectorStorageExt, WriteResult, find,
};

use super::*;

const INDEX: &str = "companies";

async fn around(config: ChaosConfig) -> (Arc<MemoryStorage>, Chaos, Arc<dyn VectorStorage>) {
    let memory = Arc::new(MemoryStorage::default());
    memory.create_index(&IndexSpec::new(INDEX, 2), CallOptions::new()).await.unwrap();
    let chaos = config.build().unwrap();
    let storage = chaos.layer(Arc::clone(&memory) as Arc<dyn VectorStorage>);
    (memory, chaos, storage)
}

fn records(n: usize) -> Vec<Record> {
    let one = |n| Record::new(format!("c{n}"), [1.0, n as f32]).metadata(Metadata::new().with("n", n as i64));
    (0..n).map(one).collect()
}

/// Which of a hundred counts fail.
async fn failing_counts(config: ChaosConfig) -> Vec<bool> {
    let (_, _, storage) = around(config).await;
    let mut failing = Vec::new();
    for _ in 0..100 {
        failing.push(storage.index(INDEX).count().await.is_err());
    }
    failing
}

fn stored(result: &WriteResult) -> Vec<bool> {
    result.items.iter().map(Outcome::is_stored).collect()
}

#[tokio::test]
async fn an_error_rate_fails_some_calls_and_the_same_ones_again() {
    let half = |seed| ChaosConfig { error_rate: 0.5, seed, ..ChaosConfig::default() };
    let failing = failing_counts(half(1)).await;
    assert!((30..70).contains(&failing.iter().filter(|f| **f).count()), "{failing:?}");
    assert_eq!(failing, failing_counts(half(1)).await);
    assert_ne!(failing, failing_counts(half(2)).await);
}

#[tokio::test]
async fn the_extreme_rates_fail_none_and_all() {
    let rate = |error_rate| ChaosConfig { error_rate, ..ChaosConfig::default() };
    assert!(failing_counts(rate(0.0)).await.iter().all(|failed| !failed));
    assert!(failing_counts(rate(1.0)).await.iter().all(|failed| *failed));
}

#[tokio::test]
async fn named_operations_fail_and_others_do_not() {
    let (memory, chaos, storage) =
        around(ChaosConfig { fail: vec!["upsert".to_owned()], ..Default::default() }).await;
    let e = storage.index(INDEX).upsert(&records(2)).await.unwrap_err();
    assert_eq!((e.kind(), e.operation(), e.index()), (ErrorKind::Unavailable, Some("upsert"), Some(INDEX)));
    assert!(e.is_retryable());
    assert_eq!(memory.index(INDEX).count().await.unwrap(), 0);
    assert_eq!(storage.index(INDEX).count().await.unwrap(), 0);
    assert_eq!(chaos.failures(), 1);
}

#[tokio::test]
async fn a_failure_after_the_effect_leaves_the_effect_and_an_unknown_outcome() {
    let fail = ["upsert", "delete_where"].map(str::to_owned).to_vec();
    let (memory, _, storage) = around(ChaosConfig { fail, when: When::After, ..Default::default() }).await;
    let result = storage.index(INDEX).upsert(&records(3)).await.unwrap();
    assert_eq!((result.stored(), result.unknown()), (0, 3));
    assert_eq!(memory.index(INDEX).count().await.unwrap(), 3);
    let e = storage.index(INDEX).delete_where(&field("n").eq(1)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unavailable);
    assert_eq!(memory.index(INDEX).count().await.unwrap(), 2);
}

#[tokio::test]
async fn a_failure_after_the_effect_passes_on_a_real_error() {
    let config = ChaosConfig { error_rate: 1.0, when: When::After, ..Default::default() };
    let (_, _, storage) = around(config).await;
    let e = storage.index("nowhere").count().await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_batch_fails_in_part_and_stores_the_rest() {
    let (memory, _, storage) = around(ChaosConfig { partial: 0.5, seed: 7, ..Default::default() }).await;
    let all = records(40);
    let result = storage.index(INDEX).upsert(&all).await.unwrap();
    assert_eq!(result.items.len(), 40);
    assert!((8..32).contains(&result.stored()) && result.unknown() == 0, "{result:?}");
    for (record, stored) in all.iter().zip(stored(&result)) {
        assert_eq!(memory.index(INDEX).get_one(&record.id).await.unwrap().is_some(), stored, "{}", record.id);
    }
}

#[tokio::test]
async fn after_the_effect_a_part_is_unknown_and_all_is_stored() {
    let config = ChaosConfig { partial: 0.5, seed: 7, when: When::After, ..Default::default() };
    let (memory, _, storage) = around(config).await;
    let result = storage.index(INDEX).upsert(&records(40)).await.unwrap();
    assert!((8..32).contains(&result.unknown()) && result.failed() == 0, "{result:?}");
    assert_eq!(memory.index(INDEX).count().await.unwrap(), 40);
}

#[tokio::test]
async fn equal_ids_of_a_batch_fail_together() {
    let (_, _, storage) = around(ChaosConfig { partial: 0.5, ..Default::default() }).await;
    let twice: Vec<Record> = records(20).into_iter().chain(records(20)).collect();
    let stored = stored(&storage.index(INDEX).upsert(&twice).await.unwrap());
    assert!(stored.contains(&true) && stored.contains(&false));
    assert_eq!(stored[..20], stored[20..]);
}

#[tokio::test(start_paused = true)]
async fn latency_shows_in_search_write_and_health() {
    let latency = Duration::from_millis(500);
    let (_, _, storage) = around(ChaosConfig { latency, ..Default::default() }).await;
    let start = tokio::time::Instant::now();
    let search = SearchRequest::new(INDEX, [1.0, 0.0]);
    assert!(storage.search(&search).await.unwrap().elapsed >= latency);
    assert!(storage.index(INDEX).upsert(&records(2)).await.unwrap().elapsed >= latency);
    assert!(storage.health(CallOptions::new()).await.unwrap().latency_ms >= 500.0);
    assert_eq!(start.elapsed().as_millis(), 1500);
}

#[tokio::test(start_paused = true)]
async fn latency_past_the_timeout_is_a_timeout() {
    let latency = Duration::from_secs(3);
    let (memory, _, storage) = around(ChaosConfig { latency, ..Default::default() }).await;
    let start = tokio::time::Instant::now();
    let options = CallOptions::new().timeout(Duration::from_secs(1));
    let request = SearchRequest::new(INDEX, [1.0, 0.0]).options(options);
    assert_eq!(storage.search(&request).await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(start.elapsed().as_secs(), 1);
    assert_eq!(memory.index(INDEX).count().await.unwrap(), 0);
}

#[tokio::test]
async fn a_failing_health_check_is_an_answer() {
    for when in [When::Before, When::After] {
        let (_, _, storage) =
            around(ChaosConfig { fail: vec!["health".to_owned()], when, ..Default::default() }).await;
        let health = storage.health(CallOptions::new()).await.unwrap();
        assert_eq!((health.status, health.provider.as_str()), (Status::Unavailable, "memory"));
        assert!(health.message.unwrap().contains("simulated"));
    }
}

#[tokio::test]
async fn closing_fails_only_where_it_is_named() {
    let (_, _, storage) = around(ChaosConfig { error_rate: 1.0, ..Default::default() }).await;
    storage.close().await.unwrap();
    let (_, _, storage) = around(ChaosConfig { fail: vec!["close".to_owned()], ..Default::default() }).await;
    storage.close().await.unwrap_err();
}

#[tokio::test]
async fn the_layer_and_the_store_are_found_in_the_stack() {
    let (_, chaos, storage) = around(ChaosConfig { error_rate: 1.0, ..Default::default() }).await;
    storage.index(INDEX).count().await.unwrap_err();
    let found = find::<Wrapped<Chaos>>(&*storage).unwrap();
    assert_eq!((found.around().failures(), chaos.failures()), (1, 1));
    assert!(find::<MemoryStorage>(&*storage).is_some());
}

#[test]
fn a_bad_field_is_named() {
    for (config, expected) in [
        (ChaosConfig { error_rate: 1.5, ..Default::default() }, "error_rate is 1.5, and must be 0 to 1"),
        (ChaosConfig { partial: f64::NAN, ..Default::default() }, "partial is NaN"),
        (ChaosConfig { latency: Duration::from_secs(61), ..Default::default() }, "latency is 61s"),
        (ChaosConfig { fail: vec!["upsrt".to_owned()], ..Default::default() }, "did you mean upsert?"),
    ] {
        let e = config.build().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        assert!(e.message().contains(expected), "{e}");
    }
}

#[test]
fn a_location_and_a_table_say_the_same() {
    let uri =
        "memory:?error_rate=0.5&latency=5ms&fail=upsert,%20scan&partial=0.1&seed=1&when=after&max_indexes=3";
    let mut location: Location = uri.parse().unwrap();
    let config = ChaosConfig::take_from(&mut location).unwrap().unwrap();
    let table = r#"{"error_rate":0.5,"latency":"5ms","fail":["upsert","scan"],"partial":0.1,"seed":1,"when":"after"}"#;
    assert_eq!(config, serde_json::from_str(table).unwrap());
    assert_eq!(
        serde_json::from_str::<ChaosConfig>(&serde_json::to_string(&config).unwrap()).unwrap(),
        config
    );
    assert_eq!(location.take("max_indexes").unwrap().as_deref(), Some("3"));
    location.finish().unwrap();
}

#[test]
fn a_location_without_trouble_has_none_and_a_bad_value_is_named() {
    let mut calm: Location = "memory:?max_indexes=3".parse().unwrap();
    assert_eq!(ChaosConfig::take_from(&mut calm).unwrap(), None);
    for (uri, expected) in [
        ("memory:?error_rate=often", "error_rate is \"often\""),
        ("memory:?latency=5", "latency is \"5\""),
        ("memory:?latency=-5ms", "latency is \"-5ms\""),
        ("memory:?when=never", "when is \"never\", and must be before or after"),
    ] {
        let e = ChaosConfig::take_from(&mut uri.parse().unwrap()).unwrap_err();
        assert!(e.message().contains(expected), "{e}");
    }
}
