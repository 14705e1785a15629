//! Search and explain.

use serde_json::{Value as Json, json};

use crate::run::{Place, ids, one_object};

fn search(place: &Place, args: &[&str]) -> Json {
    place.json(&[&["search", "companies"], args].concat())
}

#[test]
fn the_nearest_come_first_with_scores_and_distances() {
    let result = search(&Place::with_companies(), &["--vector", "[1, 0]", "--top-k", "3", "--with-total"]);
    assert_eq!(ids(&result["matches"]), ["stripe", "adyen", "tesla"]);
    assert_eq!(result["matches"][0]["score"].as_f64(), Some(1.0));
    assert_eq!(result["matches"][0]["metadata"], json!({ "industry": "fintech", "year": 2010 }));
    assert!(result["matches"][0].get("vector").is_none());
    for (key, value) in [
        ("total_matches", json!(4)),
        ("has_more", json!(true)),
        ("offset", json!(0)),
        ("approximate", json!(false)),
        ("metric", json!("cosine")),
        ("index", json!("companies")),
        ("provider", json!("embedded")),
        ("cached", json!(false)),
    ] {
        assert_eq!(result[key], value, "{key}");
    }
    for key in ["elapsed_ms", "records_read", "query_id", "served_by", "timestamp"] {
        assert!(!result[key].is_null(), "{key}");
    }
}

#[test]
fn a_vector_comes_from_an_option_a_file_or_stdin() {
    let place = Place::with_companies();
    place.write("vector.json", "[0, 1]");
    assert_eq!(ids(&search(&place, &["--vector-file", "vector.json", "-k", "1"])["matches"]), ["bayer"]);
    let ended =
        place.run_with(&["search", "companies", "--vector", "-", "-k", "1", "-o", "jsonl"], b"[0, 1]\n");
    assert_eq!(one_object(&ended.stdout)["id"], "bayer");
    place.run(&["search", "companies", "--vector", "[1, 0"]).failed(2, &["column"]);
    place.run(&["search", "companies", "--vector-file", "nothing.json"]).failed(2, &["nothing.json"]);
    place
        .run(&["search", "companies", "--vector", "[1, 0, 0]"])
        .failed(2, &["3 components", "dimension is 2"]);
    place.run(&["search", "companies", "--vector", "[0, 0]"]).failed(2, &["zero"]);
}

#[test]
fn a_search_by_id_leaves_the_record_itself_out() {
    let place = Place::with_companies();
    let result = search(&place, &["--id", "stripe", "--top-k", "3", "--with-total"]);
    assert_eq!(ids(&result["matches"]), ["adyen", "tesla", "bayer"]);
    assert_eq!(result["total_matches"], 3);
    assert_eq!(place.json_error(3, &["search", "companies", "--id", "nobody"])["kind"], "not_found");
}

#[test]
fn a_filter_is_text_or_json() {
    let place = Place::with_companies();
    for filter in
        ["industry = 'fintech' AND year < 2010", r#"{"industry": "fintech", "year": {"$lt": 2010}}"#]
    {
        assert_eq!(ids(&search(&place, &["--vector", "[1, 0]", "--where", filter])["matches"]), ["adyen"]);
    }
}

#[test]
fn pages_thresholds_and_normalized_scores() {
    let place = Place::with_companies();
    let page = search(&place, &["--vector", "[1, 0]", "--top-k", "2", "--offset", "2", "--exact"]);
    assert_eq!((ids(&page["matches"]), &page["has_more"]), (vec!["tesla", "bayer"], &json!(false)));
    let near = search(&place, &["--vector", "[1, 0]", "--similarity-threshold", "0.9"]);
    assert_eq!(ids(&near["matches"]), ["stripe", "adyen"]);
    let normalized = search(&place, &["--vector", "[-1, 0]", "--normalize-scores"]);
    assert_eq!(normalized["matches"][3]["score"].as_f64(), Some(0.0));
}

#[test]
fn duplicates_fold_into_their_best() {
    let place = Place::with_companies();
    let one_each = search(&place, &["--vector", "[1, 0]", "--deduplicate", "industry"]);
    assert_eq!(ids(&one_each["matches"]), ["stripe", "tesla", "bayer"]);
    place.ok(&["upsert", "companies", r#"{"id":"twin","vector":[1.0,0.0]}"#]);
    let by_vector = search(&place, &["--vector", "[1, 0]", "--deduplicate", "vector"]);
    assert_eq!(ids(&by_vector["matches"]), ["stripe", "adyen", "tesla", "bayer"]);
}

#[test]
fn vectors_come_and_metadata_stays_away_on_request() {
    let place = Place::with_companies();
    let result = search(&place, &["--vector", "[1, 0]", "-k", "1", "--include-vectors", "--no-metadata"]);
    assert_eq!(result["matches"][0]["vector"], json!([1.0, 0.0]));
    assert_eq!(result["matches"][0]["metadata"], json!({}));
}

#[test]
fn a_table_shows_scores_to_four_decimals_and_the_fields_asked_for() {
    let place = Place::with_companies();
    let table = place.ok(&["search", "companies", "--vector", "[1, 0]"]);
    assert!(table.contains("industry") && table.contains("0.9939"), "{table}");
    assert!(table.lines().all(|l| l.chars().count() <= 100), "{table}");
    let table = place.ok(&["search", "companies", "--vector", "[1, 0]", "--columns", "year"]);
    assert!(table.contains("year") && !table.contains("industry"), "{table}");
}

#[test]
fn a_filter_with_an_error_shows_the_place() {
    let place = Place::with_companies();
    let ended = place.run(&["search", "companies", "--vector", "[1, 0]", "--where", "year CONTAIN 3"]);
    ended.failed(2, &["CONTAINS", "^^^^^^^"]);
    let deep = format!("{}year = 1{}", "(".repeat(10_000), ")".repeat(10_000));
    place.run(&["count", "companies", "--where", &deep]).failed(2, &["64"]);
    place.run(&["count", "companies", "--where", r#"{"year": {"$gt": null}}"#]).failed(2, &["$gt"]);
}

#[test]
fn a_field_that_was_probably_mistyped_is_hinted_at() {
    let place = Place::with_companies();
    let ended = place.run(&["count", "companies", "--where", "indsutry = 'fintech'"]);
    assert_eq!((ended.status, ended.stdout.trim()), (0, "0"));
    assert!(ended.stderr.contains("did you mean industry?"), "{}", ended.stderr);
    let quiet = place.run(&["count", "companies", "--where", "indsutry = 'fintech'", "--quiet"]);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn explain_reads_nothing_and_tells_the_plan() {
    let place = Place::with_companies();
    let explanation = place.json(&["explain", "companies", "--where", "industry = 'fintech'"]);
    assert_eq!(explanation["index"], "companies");
    assert!(!explanation["plan"].as_str().unwrap().is_empty());
    assert!(place.ok(&["explain", "companies", "--where", "industry = 'fintech'"]).contains("plan"));
}
