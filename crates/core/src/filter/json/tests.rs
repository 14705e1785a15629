use proptest::prelude::{ProptestConfig, any};
use proptest::{prop_assert_eq, proptest};
use serde_json::json;

use super::*;
use crate::error::ErrorKind;
use crate::filter::arbitrary::hostile;
use crate::filter::{MAX_DEPTH, field, id_in, one_of, range};
use crate::metadata::Scalar;

fn parsed(text: &str) -> Filter {
    Filter::from_json_str(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused(text: &str) -> String {
    let error = Filter::from_json_str(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
    error.message().to_owned()
}

#[test]
fn every_form_is_read() {
    let f = || field("f");
    let [a, b] = ["a", "b"].map(|key| field(key).eq(1));
    for (text, filter) in [
        ("{}", Filter::all()),
        (r#"{"f": "x"}"#, f().eq("x")),
        (r#"{"f": 2}"#, f().eq(2)),
        (r#"{"f": 2.0}"#, f().eq(2.0)),
        (r#"{"f": true}"#, f().eq(true)),
        (r#"{"f": {"$eq": 1}}"#, f().eq(1)),
        (r#"{"f": {"$ne": "x"}}"#, f().ne("x")),
        (r#"{"f": {"$gt": 1}}"#, f().gt(1)),
        (r#"{"f": {"$gte": -1.5}}"#, f().gte(-1.5)),
        (r#"{"f": {"$lt": "x"}}"#, f().lt("x")),
        (r#"{"f": {"$lte": 1}}"#, f().lte(1)),
        (r#"{"f": {"$in": [1, "x", true]}}"#, one_of("f", [Scalar::from(1), "x".into(), true.into()])),
        (r#"{"f": {"$in": []}}"#, f().is_in(Vec::<i64>::new())),
        (r#"{"f": {"$nin": ["x"]}}"#, f().not_in(["x"])),
        (r#"{"f": {"$contains": "x"}}"#, f().contains("x")),
        (r#"{"f": {"$starts_with": "x"}}"#, f().starts_with("x")),
        (r#"{"f": {"$ends_with": ""}}"#, f().ends_with("")),
        (r#"{"f": {"$exists": true}}"#, f().exists()),
        (r#"{"f": {"$exists": false}}"#, !f().exists()),
        (r#"{"f": {"$gte": 1, "$lte": 2}}"#, range("f", 1, 2)),
        (r#"{"f": {"$not": {"$gte": 1, "$lte": 2}}}"#, !range("f", 1, 2)),
        (r#"{"f": {"$not": {"$not": {"$eq": 1}}}}"#, !!f().eq(1)),
        (r#"{"f": {"$exists": true, "$not": {"$eq": 1}}}"#, f().exists() & !f().eq(1)),
        (r#"{"b": 1, "a": 1}"#, b.clone() & a.clone()),
        (r#"{"b": 1, "f": {"$lte": 2, "$gte": 1}, "a": 1}"#, b.clone() & f().lte(2) & f().gte(1) & a.clone()),
        (r#"{"$and": [{"a": 1}, {"b": 1}]}"#, a.clone() & b.clone()),
        (r#"{"$and": [{"a": 1}, {"$and": [{"b": 1}]}]}"#, a.clone() & b.clone()),
        (r#"{"$or": [{"a": 1}, {"b": 1}]}"#, a.clone() | b.clone()),
        (r#"{"f": 1, "$or": [{"a": 1}, {"b": 1}]}"#, f().eq(1) & (a.clone() | b.clone())),
        (r#"{"$not": {"a": 1, "b": 1}}"#, !(a.clone() & b)),
        (r#"{"$not": {}}"#, !Filter::all()),
        (r#"{"$and": []}"#, Filter::all()),
        (r#"{"$or": []}"#, Filter::none()),
        (r#"{"$or": [{"a": 1}]}"#, a),
        (r#"{"$id": "a"}"#, id_in(["a"])),
        (r#"{"$id": {"$in": ["a", "b"]}}"#, id_in(["a", "b"])),
        (r#"{"$id": {"$in": []}}"#, id_in(Vec::<String>::new())),
        (r#"{"id": "a"}"#, field("id").eq("a")),
        (r#"{"f": "\u0000\ud83d\udca5"}"#, f().eq("\u{0}💥")),
        (r#"{"f": 1746714878034235396}"#, f().eq(1_746_714_878_034_235_396_i64)),
    ] {
        assert_eq!(parsed(text), filter, "{text}");
    }
}

#[test]
fn a_json_value_gives_its_keys_in_the_order_of_their_bytes() {
    let filter = Filter::from_json(json!({"b": 1, "a": {"$lt": 9, "$gte": 2}})).unwrap();
    assert_eq!(filter, field("a").gte(2) & field("a").lt(9) & field("b").eq(1));
}

#[test]
fn the_canonical_form_is_short_and_unambiguous() {
    let a = || field("a").gt(1);
    for (filter, json) in [
        (field("a").eq(1), json!({"a": 1})),
        (field("a").eq(1.0), json!({"a": 1.0})),
        (a() & field("a").lt(5), json!({"$and": [{"a": {"$gt": 1}}, {"a": {"$lt": 5}}]})),
        (Filter::all(), json!({})),
        (Filter::none(), json!({"$or": []})),
        (!!a(), json!({"$not": {"$not": {"a": {"$gt": 1}}}})),
        (id_in(["x"]), json!({"$id": "x"})),
        (id_in(["x", "y"]), json!({"$id": {"$in": ["x", "y"]}})),
        (field("a").exists(), json!({"a": {"$exists": true}})),
        (field("a").not_in([1, 2]), json!({"a": {"$nin": [1, 2]}})),
    ] {
        assert_eq!(filter.to_json(), json);
        assert_eq!(Filter::from_json(json).unwrap(), filter);
    }
}

#[test]
fn an_error_names_the_path_and_what_to_write() {
    assert_eq!(
        refused(r#"{"$and": [{"a": 1}, {"year": {"$gtee": 1}}]}"#),
        "filter at $and[1].year.$gtee: unknown operator; did you mean $gte?; the operators are $eq, $ne, $gt, $gte, $lt, \
         $lte, $in, $nin, $contains, $starts_with, $ends_with, $exists, $not"
    );
    for (text, hint) in [
        ("", "not valid JSON"),
        ("{", "not valid JSON: EOF while parsing an object at line 1 column 1"),
        (r#"{"a": 1} x"#, "not valid JSON: trailing characters"),
        ("[]", "expected a filter, which is an object, found a list"),
        ("null", "found null"),
        ("\"a = 1\"", "found a string"),
        (r#"{"a": null}"#, r#"filter at a: null is no value; for a missing field use {"$exists": false}"#),
        (r#"{"a": {"$eq": null}}"#, "filter at a.$eq: null is no value"),
        (r#"{"a": {"$in": [1, null]}}"#, "filter at a.$in[1]: null is no value"),
        (r#"{"a": ["x"]}"#, r#"a list is no value; for any of several use {"$in": […]}"#),
        (r#"{"or": [{"a": 1}]}"#, "did you mean $or?"),
        (r#"{"a": {"$eq": [1]}}"#, "found a list"),
        (r#"{"a": {"$in": 1}}"#, "expected a list of values, found a number"),
        (
            r#"{"a": {"$in": [[1]]}}"#,
            "filter at a.$in[0]: expected a string, a number or a bool, found a list",
        ),
        (r#"{"a": {}}"#, "names no operator"),
        (r#"{"a": {"b": 1}}"#, "an object here holds operators, which begin with $"),
        (r#"{"a": {"gte": 1}}"#, "did you mean $gte?"),
        (r#"{"a": {"$regex": "x"}}"#, "use $contains, $starts_with or $ends_with"),
        (r#"{"a": {"$startsWith": "x"}}"#, "did you mean $starts_with?"),
        (r#"{"a": {"$or": [{"$eq": 1}]}}"#, "$or stands at the top of a filter"),
        (r#"{"$an": [{"a": 1}]}"#, "did you mean $and?"),
        (r#"{"$gte": 1}"#, "$gte stands under a field"),
        (r#"{"$nor": []}"#, r#"{"$not": {"$or": […]}}"#),
        (r#"{"$and": {"a": 1}}"#, "expected a list of filters, found an object"),
        (r#"{"$or": [1]}"#, "filter at $or[0]: expected a filter"),
        (r#"{"$not": [{"a": 1}]}"#, "expected a filter, which is an object, found a list"),
        (r#"{"a": {"$not": 1}}"#, "did you mean $ne?"),
        (r#"{"a": {"$exists": 1}}"#, "$exists takes true or false, not a number"),
        (r#"{"a": {"$starts_with": 1}}"#, "$starts_with takes a string, not a number"),
        (r#"{"a": {"$gt": true}}"#, "orders by a bool"),
        (r#"{"$id": 5}"#, "$id takes a string"),
        (r#"{"$id": {"$in": [5]}}"#, "filter at $id.$in[0]: $id takes a string"),
        (r#"{"$id": {"$nin": ["a"]}}"#, r#"{"$not": {"$id": …}}"#),
        (r#"{"$id": {"$in": ["a"], "$eq": "b"}}"#, r#"{"$not": {"$id": …}}"#),
        (r#"{"$id": {}}"#, "$id takes a string"),
        (r#"{"": 1}"#, "a metadata key has 0 bytes"),
        (r#"{"_portolan": 1}"#, "reserved"),
        (r#"{"a": 1, "a": 2}"#, r#""a" stands twice in one object"#),
        (r#"{"a": {"$gt": 1, "$gt": 2}}"#, r#""$gt" stands twice"#),
        (r#"{"a": 9223372036854775808}"#, "beyond 64 bits"),
        (r#"{"a": {"$in": [-99999999999999999999]}}"#, "beyond 64 bits"),
        (r#"{"a": 1e400}"#, "number out of range"),
        (r#"{"a": "\ud800"}"#, "not valid JSON"),
    ] {
        let message = refused(text);
        assert!(message.contains(hint), "{text}: expected {hint:?} in {message}");
    }
}

#[test]
fn a_json_value_is_refused_like_the_text() {
    for (json, hint) in [
        (json!(null), "found null"),
        (json!({"a": 9_223_372_036_854_775_808_u64}), "beyond 64 bits"),
        (json!({"a": [1]}), "a list is no value"),
    ] {
        let error = Filter::from_json(json).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains(hint), "{error}");
    }
}

#[test]
fn deep_nesting_is_refused_and_overflows_no_stack() {
    for text in [
        "{\"$not\":".repeat(100_000),
        "{\"$and\":[".repeat(100_000),
        format!("{{\"a\":{}", "[".repeat(100_000)),
    ] {
        assert!(refused(&text).contains("deeper than 64 levels"));
    }
    let nots = |n: usize| format!("{}{{\"a\":1}}{}", "{\"$not\":".repeat(n), "}".repeat(n));
    assert_eq!(parsed(&nots(MAX_DEPTH - 1)).to_json().to_string(), nots(MAX_DEPTH - 1));
    assert!(refused(&nots(MAX_DEPTH)).contains("deeper than 64 levels"));
    let deep = (0..MAX_DEPTH).fold(json!({"a": 1}), |json, _| json!({ "$not": json }));
    assert!(Filter::from_json(deep).unwrap_err().message().contains("deeper than 64 levels"));
}

#[test]
fn the_deepest_valid_tree_round_trips() {
    let deepest = (1..MAX_DEPTH).fold(field("a").is_in([1]), |filter, level| match level % 2 {
        0 => filter & field("b").eq(1),
        _ => filter | field("b").eq(1),
    });
    deepest.validate().unwrap();
    assert_eq!(parsed(&deepest.to_json().to_string()), deepest);
    assert_eq!(Filter::from_json(deepest.to_json()).unwrap(), deepest);
}

#[test]
fn serde_keeps_the_order_of_keys_and_refuses_what_is_invalid() {
    let filter: Filter = serde_json::from_str(r#"{"b": 1, "a": {"$gte": 2}}"#).unwrap();
    assert_eq!(filter, field("b").eq(1) & field("a").gte(2));
    assert_eq!(serde_json::to_string(&filter).unwrap(), r#"{"$and":[{"b":1},{"a":{"$gte":2}}]}"#);
    let error = serde_json::from_str::<Filter>(r#"{"a": {"$gtt": 2}}"#).unwrap_err();
    assert!(error.to_string().contains("did you mean $gt"), "{error}");
    for invalid in [field("a").eq(f64::NAN), field("$id").eq("a"), field("a").gt(true)] {
        serde_json::to_string(&invalid).unwrap_err();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_flat_tree_round_trips(filter in hostile()) {
        let json = filter.to_json();
        prop_assert_eq!(&Filter::from_json_str(&json.to_string())?, &filter, "{}", json);
        prop_assert_eq!(&Filter::parse(&json.to_string())?, &filter, "{}", json);
        prop_assert_eq!(&serde_json::from_str::<Filter>(&serde_json::to_string(&filter)?)?, &filter);
        prop_assert_eq!(Filter::from_json(json)?, filter);
    }

    #[test]
    fn damaged_json_gives_a_filter_or_an_invalid_argument(filter in hostile(), at in any::<usize>(), c in any::<char>()) {
        let mut chars: Vec<char> = filter.to_json().to_string().chars().collect();
        let at = at % chars.len();
        chars[at] = c;
        if let Err(e) = Filter::from_json_str(&chars.into_iter().collect::<String>()) {
            prop_assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        }
    }
}
