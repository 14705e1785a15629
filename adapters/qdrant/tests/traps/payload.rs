//! Values, keys and filters.

use portolan_core::Metadata;
use qdrant_client::Payload;
use qdrant_client::qdrant::r#match::MatchValue;
use qdrant_client::qdrant::{Condition, Filter as Native, GetPointsBuilder, PointStruct, Range};

use crate::world::World;

fn payload(fields: &[(&str, qdrant_client::qdrant::Value)]) -> Payload {
    fields
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect::<std::collections::HashMap<_, _>>()
        .into()
}

pub(crate) async fn a_float_of_many_digits_is_read_back_changed(world: World) {
    let x = 0.999_999_999_999_999_9;
    world.filled(&[r#"{"x": 0.9999999999999999}"#, r#"{"x": 0.5}"#, r#"{"x": 1.5}"#]).await;
    let native = PointStruct::new(77, vec![1.0, 2.0], payload(&[("y", x.into())]));
    world.foreign_points(vec![native]).await;
    let request = GetPointsBuilder::new(&world.name, vec![77.into()]).with_payload(true);
    let read = world.server.get_points(request).await.unwrap().result.remove(0).payload;
    assert_eq!(
        read["y"].as_double(),
        Some(1.0),
        "Qdrant keeps such a float now: it need not go into the overflow"
    );
    assert_eq!(world.get("0").await.unwrap().metadata, Metadata::new().with("x", x));
    assert_eq!(world.met("x < 1").await, ["0", "1"]);
    assert_eq!(world.met("x = 0.9999999999999999").await, ["0"]);
    assert_eq!(world.met("NOT x < 1").await, ["2", "77"]);
}

pub(crate) async fn an_integer_match_passes_over_floats(world: World) {
    world.filled(&[r#"{"x": 2}"#, r#"{"x": 2.0}"#, r#"{"x": 2.5}"#, r#"{"x": [1, 2]}"#]).await;
    assert_eq!(world.native_one(Condition::matches("x", 2)).await, 2);
    assert_eq!(world.met("x = 2").await, ["0", "1", "3"]);
    assert_eq!(world.met("x != 2.0").await, ["2"]);
}

pub(crate) async fn past_2_to_the_53_a_range_takes_neighbours_for_equal(world: World) {
    world.filled(&[r#"{"x": 9007199254740992}"#, r#"{"x": 9007199254740993}"#, r#"{"x": 3}"#]).await;
    let range = |range| Condition::range("x", range);
    let two53 = 9_007_199_254_740_992.0;
    let equal = Range { gte: Some(two53), lte: Some(two53), ..Range::default() };
    assert_eq!(world.native_one(range(equal)).await, 2);
    assert_eq!(world.native_one(range(Range { gt: Some(two53), ..Range::default() })).await, 0);
    assert_eq!(world.met("x = 9007199254740992").await, ["0"]);
    assert_eq!(world.met("x = 9007199254740993").await, ["1"]);
    assert_eq!(world.met("x > 9007199254740992").await, ["1"]);
    assert_eq!(world.met("x <= 9007199254740992").await, ["0", "2"]);
}

pub(crate) async fn a_range_on_strings_meets_nothing(world: World) {
    world.filled(&[r#"{"t": "2024-05-01"}"#, r#"{"t": "2026-01-31"}"#, r#"{"t": 7}"#]).await;
    let all = Range { gte: Some(f64::MIN), ..Range::default() };
    assert_eq!(world.native_one(Condition::range("t", all)).await, 1);
    assert_eq!(world.met(r#"t >= "2025""#).await, ["1"]);
}

pub(crate) async fn a_negation_meets_missing_fields(world: World) {
    world.filled(&[r#"{"x": "a"}"#, r#"{"x": "b"}"#, "{}"]).await;
    assert_eq!(world.native(Native::must_not([Condition::matches("x", "a".to_owned())])).await, 2);
    assert_eq!(world.met(r#"x != "a""#).await, ["1"]);
    assert_eq!(world.met(r#"NOT x = "a""#).await, ["1", "2"]);
}

pub(crate) async fn except_meets_a_list_with_any_other_element(world: World) {
    world.filled(&[r#"{"x": ["a", "b"]}"#, r#"{"x": ["b"]}"#, r#"{"x": "a"}"#]).await;
    let except = MatchValue::ExceptKeywords(vec!["a".to_owned()].into());
    assert_eq!(world.native_one(Condition::matches("x", except)).await, 2);
    assert_eq!(world.met(r#"x NOT IN ("a")"#).await, ["1"]);
}

pub(crate) async fn an_empty_alternative_meets_everything(world: World) {
    world.filled(&[r#"{"x": "a"}"#, "{}"]).await;
    assert_eq!(world.native(Native::should([])).await, 2);
    assert!(world.met("FALSE").await.is_empty());
    assert!(world.met("x IN ()").await.is_empty());
}

pub(crate) async fn a_text_match_finds_parts_of_elements_too(world: World) {
    world.filled(&[r#"{"x": "abc"}"#, r#"{"x": ["abc"]}"#, r#"{"x": ["b", "c"]}"#, r#"{"x": "aBc"}"#]).await;
    assert_eq!(world.native_one(Condition::matches_text("x", "b")).await, 3);
    assert_eq!(world.met(r#"x CONTAINS "b""#).await, ["0", "2"]);
    assert_eq!(world.met(r#"NOT x CONTAINS "b""#).await, ["1", "3"]);
    assert_eq!(world.met(r#"x STARTS WITH "ab""#).await, ["0", "1"]);
}

pub(crate) async fn is_empty_takes_an_empty_list_for_missing(world: World) {
    world.filled(&[r#"{"x": []}"#, r#"{"x": ""}"#, "{}", r#"{"x": {}}"#]).await;
    assert_eq!(world.native_one(Condition::is_empty("x")).await, 2);
    assert_eq!(world.met("x EXISTS").await, ["0", "1", "3"]);
    assert_eq!(world.met("NOT x EXISTS").await, ["2"]);
}

pub(crate) async fn a_key_with_a_quote_or_backslash_has_no_path(world: World) {
    world.filled(&[r#"{"a\"b": 1, "c\\d": "x"}"#, r#"{"a\"b": 2}"#, "{}"]).await;
    for path in [r#""a"b""#, r#""c\d""#, r#""c\\d""#] {
        let request = qdrant_client::qdrant::CountPointsBuilder::new(&world.name);
        let request = request.filter(Native::must([Condition::matches(path, 1)])).exact(true);
        assert!(world.server.count(request).await.is_err(), "{path}");
    }
    assert_eq!(world.met(r#"`a"b` >= 2"#).await, ["1"]);
    assert_eq!(world.met(r#"`c\d` = "x""#).await, ["0"]);
}

pub(crate) async fn a_dotted_key_is_a_path_unless_quoted(world: World) {
    world.filled(&[r#"{"a.b": 1}"#, r#"{"a": {"b": 1}}"#, r#"{"a[]": 1}"#, r#"{"a": [1]}"#]).await;
    assert_eq!(world.native_one(Condition::matches("a.b", 1)).await, 1);
    assert_eq!(world.native_one(Condition::matches("a[]", 1)).await, 1);
    assert_eq!(world.met("`a.b` = 1").await, ["0"]);
    assert_eq!(world.met("`a[]` = 1").await, ["2"]);
    assert_eq!(world.met("a = 1").await, ["3"]);
}
