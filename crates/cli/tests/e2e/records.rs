//! Indexes and single records.

use serde_json::json;

use crate::run::{Ended, Place, ids, one_object};

#[test]
fn an_index_is_created_listed_shown_measured_and_deleted() {
    let place = Place::new();
    let create = [
        "index",
        "create",
        "companies",
        "--dimension",
        "2",
        "--metric",
        "euclidean",
        "--field",
        "year:integer",
    ];
    let created = place.json(&create);
    assert_eq!(created["created"], true);
    assert_eq!(created["metric"], "euclidean");
    assert_eq!(created["fields"], json!({ "year": "integer" }));
    assert_eq!(place.json(&["index", "list"]), json!({ "indexes": ["companies"] }));
    assert_eq!(place.json(&["index", "show", "companies"])["dimension"], 2);
    assert_eq!(place.json(&["index", "stats", "companies"])["vectors"], 0);
    for verb in ["show", "stats"] {
        assert!(place.ok(&["index", verb, "companies"]).contains("euclidean"));
    }
    let deleted = place.json(&["index", "delete", "companies", "--yes"]);
    assert_eq!(deleted, json!({ "index": "companies", "deleted": true }));
    place.run(&["index", "show", "companies"]).failed(3, &["companies"]);
}

#[test]
fn an_index_that_exists_is_left_alone_if_it_is_equal() {
    let place = Place::with_companies();
    let equal =
        ["index", "create", "companies", "-d", "2", "--field", "industry:string", "--field", "year:integer"];
    assert_eq!(place.json_error(1, &equal)["kind"], "already_exists");
    assert_eq!(place.json(&[&equal[..], &["--if-not-exists"]].concat())["created"], false);
    place
        .run(&["index", "create", "companies", "-d", "3", "--if-not-exists"])
        .failed(1, &["dimension is 2, not 3"]);
    assert_eq!(place.count("companies"), 4);
}

#[test]
fn a_record_is_stored_read_changed_and_deleted() {
    let place = Place::with_companies();
    let record = r#"{"id":"qonto","vector":[0.8,0.2],"metadata":{"industry":"fintech","year":2016,"big":1746714878034235396}}"#;
    assert_eq!(place.json(&["upsert", "companies", record])["stored"], 1);
    let got = place.json(&["get", "companies", "qonto", "--include-vectors"]);
    assert_eq!(got["records"][0], serde_json::from_str::<serde_json::Value>(record).unwrap());

    let update =
        ["update", "companies", "qonto", "--metadata", r#"{"big":null,"year":2017}"#, "--set", "city=Paris"];
    assert_eq!(place.json(&update)["items"], json!([{ "id": "qonto", "outcome": "stored" }]));
    let got = place.json(&["get", "companies", "qonto"]);
    assert_eq!(
        got["records"][0]["metadata"],
        json!({ "industry": "fintech", "year": 2017, "city": "Paris" })
    );

    let deleted = place.json(&["delete", "companies", "qonto", "never-there", "--yes"]);
    assert_eq!(deleted["deleted"], 2);
    assert_eq!(deleted["items"][1], json!({ "id": "never-there", "outcome": "deleted" }));
    assert_eq!(place.json_error(3, &["get", "companies", "qonto"])["kind"], "not_found");
}

#[test]
fn a_record_is_given_by_options_or_on_stdin() {
    let place = Place::with_companies();
    place.ok(&["upsert", "companies", "--id", "a", "--vector", "[-1, 0]", "--metadata", r#"{"year":1}"#]);
    let ended = place.run_with(&["upsert", "companies", "-"], br#"{"id":"b","vector":[0.5,1]}"#);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(place.count("companies"), 6);
}

#[test]
fn a_record_that_is_none_is_refused_before_anything_is_stored() {
    let place = Place::with_companies();
    for (record, words) in [
        (r#"{"id":"a","vector":[1,2,3]}"#, &["3 components", "dimension is 2"][..]),
        (r#"{"id":"a","vector":[1,NaN]}"#, &["not valid JSON", "column"]),
        (r#"{"id":"a","vector":[0,0]}"#, &["zero"]),
        (r#"{"id":"","vector":[1,2]}"#, &["0 bytes"]),
        (r#"{"id":"a","vector":[1,2],"metadata":{"year":"2010"}}"#, &["year", "declares it integer"]),
        (
            r#"{"id":"a","vector":[1,2],"metadata":{"n":9223372036854775808}}"#,
            &["9223372036854775808", "64 bits"],
        ),
        (r#"{"id":"a","vector":[1,2],"fields":{}}"#, &["unknown field `fields`"]),
        (r#"{"id":"a"}"#, &["missing field `vector`"]),
    ] {
        place.run(&["upsert", "companies", record]).failed(2, words);
    }
    assert_eq!(place.count("companies"), 4);
}

#[test]
fn a_read_of_some_missing_records_shows_the_others_and_ends_with_3() {
    let place = Place::with_companies();
    let ended = place.run(&["get", "companies", "stripe", "nobody", "--output", "json"]);
    assert_eq!(ended.status, 3);
    let found = one_object(&ended.stdout);
    assert_eq!((found["records"][0]["id"].as_str(), found["records"][1].is_null()), (Some("stripe"), true));
    assert!(one_object(&ended.stderr)["error"]["message"].as_str().unwrap().contains("nobody"));
}

#[test]
fn an_update_of_some_missing_records_is_partly_done() {
    let place = Place::with_companies();
    let ended =
        place.run(&["update", "companies", "stripe", "nobody", "--set", "size=5", "--output", "json"]);
    assert_eq!(ended.status, 4);
    let done = one_object(&ended.stdout);
    assert_eq!((&done["stored"], &done["failed"]), (&json!(1), &json!(1)));
    assert_eq!(done["items"][1]["error"]["kind"], "not_found");
    assert_eq!(
        place.json_error(3, &["update", "companies", "nobody", "--remove", "size"])["kind"],
        "not_found"
    );
}

#[test]
fn records_are_counted_and_deleted_by_filter() {
    let place = Place::with_companies();
    assert_eq!(place.ok(&["count", "companies"]).trim(), "4");
    let filter = ["--where", "industry = 'fintech'"];
    assert_eq!(place.json(&[&["count", "companies"], &filter[..]].concat()), json!({ "count": 2 }));
    assert_eq!(
        place.json(&["count", "companies", "--where", r#"{"year":{"$lt":2000}}"#]),
        json!({ "count": 1 })
    );
    assert_eq!(place.json(&[&["delete", "companies", "--yes"], &filter[..]].concat())["deleted"], 2);
    assert_eq!(place.count("companies"), 2);
    place.run(&["delete", "companies", "--where", "TRUE", "--yes"]).failed(2, &["clear"]);
}

#[test]
fn what_destroys_needs_a_yes_where_nobody_can_be_asked() {
    let place = Place::with_companies();
    for args in [
        &["clear", "companies"][..],
        &["delete", "companies", "stripe"],
        &["delete", "companies", "--where", "year > 0"],
        &["index", "delete", "companies"],
    ] {
        place.run(args).failed(2, &["--yes"]);
    }
    assert_eq!(place.count("companies"), 4);
    assert_eq!(place.json(&["clear", "companies", "-y"]), json!({ "index": "companies", "cleared": true }));
    assert_eq!(place.count("companies"), 0);
}

#[test]
fn a_scan_reads_up_to_its_limit_or_everything() {
    let place = Place::with_companies();
    let some = place.json(&["scan", "companies", "--limit", "3"]);
    assert_eq!((some["records"].as_array().unwrap().len(), &some["has_more"]), (3, &json!(true)));
    let all = place.json(&["scan", "companies", "--limit", "4"]);
    assert_eq!((all["records"].as_array().unwrap().len(), &all["has_more"]), (4, &json!(false)));
    let lines = place.ok(&["scan", "companies", "--all", "--where", "year > 2000", "--output", "jsonl"]);
    let mut found: Vec<String> =
        lines.lines().map(|l| one_object(l)["id"].as_str().unwrap().to_owned()).collect();
    found.sort();
    assert_eq!(found, ["adyen", "stripe", "tesla"]);
    assert!(place.ok(&["scan", "companies"]).contains("automotive"));
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let place = Place::with_companies();
    let mut command = place.command(&["scan", "companies", "--output", "jsonl"]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    let ended = Ended::of(command);
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
}

#[test]
fn a_missing_index_ends_every_verb_with_3() {
    let place = Place::new();
    for args in [
        &["count", "nothing"][..],
        &["scan", "nothing"],
        &["get", "nothing", "a"],
        &["search", "nothing", "--vector", "[1]"],
        &["explain", "nothing", "--where", "a = 1"],
        &["delete", "nothing", "a", "--yes"],
        &["clear", "nothing", "--yes"],
        &["index", "delete", "nothing", "--yes"],
        &["index", "stats", "nothing"],
        &["upsert", "nothing", r#"{"id":"a","vector":[1]}"#],
        &["update", "nothing", "a", "--set", "b=1"],
        &["export", "nothing", "-"],
    ] {
        assert_eq!(place.json_error(3, args)["kind"], "not_found", "{args:?}");
    }
}

#[test]
fn ids_of_records_are_read_in_order() {
    let place = Place::with_companies();
    let got = place.json(&["get", "companies", "tesla", "adyen", "tesla"]);
    assert_eq!(ids(&got["records"]), ["tesla", "adyen", "tesla"]);
}
