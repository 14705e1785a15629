//! Values, keys and filters.

use portolan_core::filter::field;
use portolan_core::{FieldType, SearchRequest};
use serde_json::json;

use crate::world::World;

/// `!=`, `not in` and `not` over a JSON key that is missing, null or of another type differ from server to server.
pub(crate) async fn negation_over_json_takes_no_missing_key_by_mistake(m: World) {
    let metadata = [
        json!({"k": 1}),
        json!({"k": 2}),
        json!({"k": "1"}),
        json!({"k": [1, 3]}),
        json!({"k": []}),
        json!({}),
    ];
    m.index(m.spec(2), &metadata).await;
    let key = || field("k");
    let filters = [
        key().ne(1),
        !key().eq(1),
        key().not_in([1, 2]),
        !key().is_in([1, 2]),
        !key().exists(),
        !key().gt(1),
    ];
    for filter in &filters {
        let request = SearchRequest::new(&m.name, vec![0.0, 1.0]).filter(filter.clone());
        let native = m.storage.explain(&request).await.unwrap().native.unwrap_or_default();
        assert!(!native.contains("!=") && !native.contains("not"), "{filter}: {native}");
    }
    m.agree(&metadata, filters).await;
}

/// Milvus Lite compares as Python does, where `True == 1`.
pub(crate) async fn true_is_not_one(m: World) {
    let metadata = [
        json!({"k": 1}),
        json!({"k": true}),
        json!({"k": 0.0}),
        json!({"k": false}),
        json!({"k": [true]}),
        json!({"k": [1]}),
    ];
    m.index(m.spec(2), &metadata).await;
    let key = || field("k");
    m.agree(
        &metadata,
        [key().eq(1), key().eq(true), key().eq(0), key().eq(false), key().contains(1), key().lt(0.5)],
    )
    .await;
}

/// Milvus Lite reads a text that is JSON as what it says.
pub(crate) async fn text_of_json_is_no_list(m: World) {
    let metadata = [json!({"k": "[1, \"a\"]"}), json!({"k": ["a"]}), json!({"k": "a"}), json!({"k": [1]})];
    m.index(m.spec(2).field("k2", FieldType::String), &metadata).await;
    m.agree(&metadata, [field("k").eq("a"), field("k").eq(1), field("k").contains("a")]).await;
}

/// `json_contains` looks into lists of mixed types, which are one opaque value here.
pub(crate) async fn a_mixed_list_equals_nothing(m: World) {
    let metadata =
        [json!({"k": [1, "a", null]}), json!({"k": [1, 2]}), json!({"k": [[1]]}), json!({"k": [1, 2.5]})];
    m.index(m.spec(2), &metadata).await;
    m.agree(
        &metadata,
        [field("k").eq(1), field("k").is_in([1, 7]), field("k").contains(2), field("k").gt(0)],
    )
    .await;
}

/// Milvus 2.3 compares an integer with a float as floats.
pub(crate) async fn integers_beyond_2_53_are_told_apart(m: World) {
    let metadata = [
        json!({"k": 9_007_199_254_740_993_i64}),
        json!({"k": 9_007_199_254_740_992.0}),
        json!({"k": 9_007_199_254_740_992_i64}),
        json!({"k": i64::MAX}),
        json!({"k": 1_746_714_878_034_235_396_i64}),
        json!({"k": [9_007_199_254_740_993_i64]}),
    ];
    m.index(m.spec(2), &metadata).await;
    let big = 9_007_199_254_740_993_i64;
    let key = || field("k");
    let filters = [
        key().eq(big),
        key().eq(9_007_199_254_740_992.0),
        key().gt(9_007_199_254_740_992_i64),
        key().lt(big),
        key().lte(9_007_199_254_740_992.0),
        key().eq(1_746_714_878_034_235_396_i64),
        key().is_in([i64::MAX, 5]),
    ];
    m.agree(&metadata, filters).await;
}

/// Milvus 2.3 reads the sign of a literal apart from its digits, which are then out of range.
pub(crate) async fn the_least_integer_is_an_operand(m: World) {
    let metadata = [json!({"k": i64::MIN}), json!({"k": i64::MIN + 1}), json!({"k": 0})];
    m.index(m.spec(2), &metadata).await;
    let key = || field("k");
    m.agree(&metadata, [key().eq(i64::MIN), key().gt(i64::MIN), key().is_in([i64::MIN, 0])]).await;
}

/// `like` cannot escape `%` and `_` before 2.5, and finds prefixes only before 2.4.
pub(crate) async fn like_has_no_escape(m: World) {
    let metadata = [
        json!({"k": "50% off"}),
        json!({"k": "500 off"}),
        json!({"k": "a_b"}),
        json!({"k": "axb"}),
        json!({"k": r"c:\d"}),
        json!({"k": "c:/d"}),
        json!({"k": ["50% off"]}),
    ];
    m.index(m.spec(2), &metadata).await;
    let key = || field("k");
    let filters = [
        key().contains("0% o"),
        key().starts_with("50%"),
        key().ends_with("_b"),
        key().contains("_"),
        key().starts_with("a_"),
        key().contains(r":\"),
        key().ends_with(r"\d"),
    ];
    m.agree(&metadata, filters).await;
}

/// A chain of alternatives nests, and a plan may nest a hundred messages.
pub(crate) async fn two_hundred_alternatives_are_not_too_deep(m: World) {
    let metadata: Vec<_> = (0..300).map(|n| json!({"k": n, "s": n.to_string()})).collect();
    m.index(m.spec(2), &metadata).await;
    let any = (0..200).map(|n| field("k").eq(n)).reduce(|a, b| a | b).unwrap();
    let all = (0..200).map(|n| field("s").ne(n.to_string())).reduce(|a, b| a & b).unwrap();
    let many = field("s").is_in((0..250).map(|n| n.to_string()).collect::<Vec<_>>());
    m.agree(&metadata, [any, all, many]).await;
}

/// Milvus splits a path at brackets in a key, though they stand in quotes.
pub(crate) async fn a_key_that_looks_like_a_path_is_asked_for(m: World) {
    let metadata = [json!({"a][b": 1}), json!({"a][b": "x"}), json!({"a": {"b": 1}}), json!({})];
    m.index(m.spec(2), &metadata).await;
    let key = || field("a][b");
    m.agree(&metadata, [key().eq(1), key().exists(), key().contains("x"), !key().exists()]).await;
}
