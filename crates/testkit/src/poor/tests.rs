use portolan_core::{CallOptions, FieldType, IndexSpec, Metadata};

use super::*;

const NAME: &str = "Things__x";

async fn driver() -> (PoorDriver, IndexSpec) {
    let driver = PoorDriver::new(1);
    let spec = IndexSpec::new("things-x", 2);
    driver.create(new(NAME, &spec)).await.unwrap();
    (driver, spec)
}

fn new<'a>(name: &'a str, spec: &'a IndexSpec) -> NewIndex<'a> {
    NewIndex { name, spec, deadline: Deadline::NONE }
}

fn row(n: u128, metadata: Metadata) -> Row {
    let id = format!("{n:032x}");
    let id = format!("{}-{}-{}-{}-{}", &id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]);
    Row::new(id, Some([1.0, 2.0].into()), metadata)
}

fn broke_a_rule<T, E: Into<WriteError>>(answer: Result<T, E>) -> bool {
    answer
        .map_err(|e| e.into().into_error())
        .is_err_and(|e| e.kind() == ErrorKind::Unexpected && e.message().contains("broke the driver's rules"))
}

#[tokio::test]
async fn what_a_poor_server_would_refuse_is_refused() {
    let (driver, spec) = driver().await;
    let at = Target { name: NAME, spec: &spec, index: &(), deadline: Deadline::NONE };
    let plain = |n| row(n, Metadata::new());
    assert!(driver.write(at, &[plain(1), plain(2), plain(3)]).await.is_ok());
    assert!(broke_a_rule(driver.write(at, &[plain(1), plain(2), plain(3), plain(4)]).await));
    assert!(broke_a_rule(driver.write(at, &[plain(1), plain(1)]).await));
    assert!(broke_a_rule(driver.write(at, &[Row { id: "stripe".into(), ..plain(1) }]).await));
    assert!(driver.write(at, &[Row { vector: None, ..plain(1) }]).await.is_ok());
    assert!(broke_a_rule(driver.write(at, &[Row { vector: None, ..plain(9) }]).await));
    assert!(broke_a_rule(driver.fetch(at, &["stripe".into()], Want::ID).await));
    assert!(broke_a_rule(driver.page(at, None, None, 8, Want::ID).await));
    assert!(broke_a_rule(driver.create(new("Things-y", &spec)).await));
    let wide = Nearest {
        vector: &[1.0, 0.0],
        k: 21,
        filter: None,
        exact: false,
        ef_search: None,
        nprobe: None,
        want: Want::ID,
    };
    assert!(broke_a_rule(driver.nearest(at, &wide).await));
    driver.close().await.unwrap();
    assert!(broke_a_rule(driver.list(Deadline::NONE).await));
}

#[test]
fn values_that_would_not_read_back_equal_are_not_represented() {
    let spec = IndexSpec::new("things", 2).field("f", FieldType::Float);
    let represents = |key: &str, value: Value| rules::represents(&spec, key, &value);
    for (key, value) in [
        ("s", Value::from("text")),
        ("i", Value::from(-7)),
        ("x", Value::from(0.1)),
        ("f", Value::from(2.0)),
        ("_portolan", Value::from("")),
    ] {
        assert!(represents(key, value.clone()), "{key} {value}");
    }
    for (key, value) in [
        ("s", Value::from("")),
        ("s", Value::from("a\0b")),
        ("b", Value::from(true)),
        ("i", Value::from(1_746_714_878_034_235_396_i64)),
        ("x", Value::from(0.1 + 0.2)),
        ("x", Value::from(2.0)),
        ("l", Value::list([1, 2])),
        ("a.b", Value::from(1)),
        ("Key", Value::from(1)),
        ("_portolan_keys", Value::list(["a"])),
    ] {
        assert!(!represents(key, value.clone()), "{key} {value}");
    }
}

#[tokio::test]
async fn an_upsert_merges_and_moves_the_row_to_the_end() {
    let (driver, spec) = driver().await;
    let at = Target { name: NAME, spec: &spec, index: &(), deadline: Deadline::NONE };
    let first = row(1, Metadata::new().with("a", 1).with("b", 1).with("c", 1));
    let _ = driver.write(at, &[first.clone(), row(2, Metadata::new())]).await.unwrap();
    let second = Row { removed: vec!["b".into()], ..row(1, Metadata::new().with("a", 2)) };
    let _ = driver.write(at, &[second]).await.unwrap();
    let page = driver.page(at, None, Some("1"), 5, Want::ALL).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].id, first.id);
    assert_eq!(page.rows[0].metadata, Metadata::new().with("a", 2).with("c", 1));
}

#[tokio::test]
async fn the_port_over_it_shows_portable_names() {
    let storage = poor(7);
    storage.create_index(&IndexSpec::new("a-b_c", 3), CallOptions::new()).await.unwrap();
    assert_eq!(storage.list_indexes(CallOptions::new()).await.unwrap(), ["a-b_c"]);
    storage.capability().check().unwrap();
}
