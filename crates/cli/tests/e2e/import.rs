//! Import: what is created, counted, refused, passed over.

use std::io::Write;
use std::process::Stdio;

use serde_json::json;

use crate::run::{COMPANIES, Ended, Place, one_object};

const BAD: &str = r#"{"id":"a","vector":[1,0]}
no record

{"id":"b","vector":[1,0,0]}
{"id":"c","vector":[0,0]}
{"id":"d","vector":[0,1],"metadata":{"n":99999999999999999999}}
{"id":"e","vector":[0,1]}
"#;

#[test]
fn the_index_is_created_from_the_data_only_where_asked() {
    let place = Place::new();
    place.write("data.jsonl", COMPANIES);
    place.run(&["import", "companies", "data.jsonl"]).failed(3, &["companies", "--create"]);
    let args =
        ["import", "companies", "data.jsonl", "--create", "--metric", "euclidean", "--field", "year:integer"];
    let summary = place.json(&args);
    for (key, value) in [("read", 4), ("stored", 4), ("failed", 0), ("skipped", 0)] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert!(summary["elapsed_ms"].is_number());
    let index = place.json(&["index", "show", "companies"]);
    assert_eq!(
        (&index["dimension"], &index["metric"], &index["fields"]),
        (&json!(2), &json!("euclidean"), &json!({"year": "integer"}))
    );
}

#[test]
fn arguments_that_contradict_the_index_are_refused() {
    let place = Place::with_companies();
    let import = |args: &[&str]| place.run(&[&["import", "companies", "companies.jsonl"], args].concat());
    import(&["--metric", "manhattan"]).failed(2, &["cosine", "manhattan"]);
    import(&["--field", "year:string"]).failed(2, &["year", "declared integer"]);
}

#[test]
fn several_files_are_stored_in_their_order() {
    let place = Place::with_companies();
    place.write("second.jsonl", r#"{"id":"stripe","vector":[0.6,0.8]}"#);
    assert_eq!(place.json(&["import", "companies", "companies.jsonl", "second.jsonl"])["stored"], 5);
    let got = place.json(&["get", "companies", "stripe", "--include-vectors"]);
    assert_eq!(got["records"][0], json!({ "id": "stripe", "vector": [0.6, 0.8] }));
}

#[test]
fn a_bad_row_stops_the_import_after_the_rows_before_it() {
    let place = Place::with_companies();
    place.write("bad.jsonl", BAD);
    let ended = place.run(&["import", "companies", "bad.jsonl"]);
    ended.failed(4, &["bad.jsonl, line 2", "not valid JSON", "--on-error skip"]);
    assert_eq!(place.count("companies"), 5);
    let error = place.json_error(4, &["import", "companies", "bad.jsonl", "--restart"]);
    assert_eq!(error["context"], json!({ "file": "bad.jsonl", "line": "2" }));
}

#[test]
fn a_bad_row_stops_the_import_though_more_may_come() {
    let place = Place::with_companies();
    let mut command = place.command(&["import", "companies", "-", "--batch-size", "1"]);
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"no record\n").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(1));
    drop(stdin);
}

#[test]
fn a_bad_first_row_stores_nothing_and_fails() {
    let place = Place::with_companies();
    place.write("bad.jsonl", "[]\n");
    place.run(&["import", "companies", "bad.jsonl"]).failed(1, &["bad.jsonl, line 1", "not a record"]);
}

#[test]
fn bad_rows_are_passed_over_and_told_with_file_and_line() {
    let place = Place::with_companies();
    place.write("bad.jsonl", BAD);
    let ended = place.run(&["import", "companies", "bad.jsonl", "--on-error", "skip"]);
    ended.failed(
        4,
        &[
            "line 2: not valid JSON",
            "line 4: the vector has 3",
            "line 5: the vector is zero",
            "line 6: in the metadata",
        ],
    );
    assert_eq!(place.count("companies"), 6);

    let ended = place.run(&["import", "companies", "bad.jsonl", "--on-error", "skip", "--output", "json"]);
    assert_eq!(ended.status, 4);
    let summary = one_object(&ended.stdout);
    for (key, value) in [("read", 6), ("stored", 2), ("failed", 0), ("skipped", 4)] {
        assert_eq!(summary[key], value, "{key}");
    }
    let lines: Vec<u64> =
        summary["errors"].as_array().unwrap().iter().map(|e| e["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 4, 5, 6]);
    assert_eq!(summary["errors"][1]["kind"], "dimension_mismatch");
    one_object(&ended.stderr);
}

#[test]
fn a_line_past_the_limit_is_refused_and_can_be_passed_over() {
    let place = Place::with_companies();
    let mut command = place.command(&["import", "companies", "-", "--on-error", "skip"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mebibyte = vec![b'1'; 1 << 20];
    stdin.write_all(b"{\"id\":\"a\",\"vector\":[").unwrap();
    for _ in 0..65 {
        stdin.write_all(&mebibyte).unwrap();
    }
    stdin.write_all(b"]}\n{\"id\":\"b\",\"vector\":[1,0]}\n").unwrap();
    drop(stdin);
    let ended = Ended::from(child.wait_with_output().unwrap());
    ended.failed(4, &["stdin, line 1", "longer than 64 MiB"]);
    assert_eq!(place.count("companies"), 5);
}

#[test]
fn files_that_cannot_be_read_are_told_before_the_index_is_created() {
    let place = Place::new();
    place.write("good.jsonl", COMPANIES);
    place.write("notes.txt", "x");
    place
        .run(&["import", "companies", "good.jsonl", "missing.jsonl", "--create"])
        .failed(2, &["missing.jsonl"]);
    place.run(&["import", "companies", "notes.txt", "--create"]).failed(2, &["notes.txt", "--format"]);
    place.run(&["import", "companies", ".", "--format", "jsonl", "--create"]).failed(2, &["directory"]);
    place.write("empty.jsonl", "");
    place.run(&["import", "companies", "empty.jsonl", "--create"]).failed(1, &["no valid record"]);
    place.write("bad.jsonl", "[1,2]");
    place
        .run(&["import", "companies", "bad.jsonl", "--create"])
        .failed(1, &["no valid record", "bad.jsonl, line 1"]);
    assert_eq!(place.ok(&["index", "list", "-o", "json"]).trim(), r#"{"indexes":[]}"#);
}

#[test]
fn stdin_may_tell_the_dimension_too() {
    let place = Place::new();
    let ended = place.run_with(&["import", "companies", "-", "--create"], COMPANIES.as_bytes());
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(place.count("companies"), 4);
    let ended = place.run_with(&["import", "companies", "-", "--create"], b"[]");
    ended.failed(1, &["stdin, line 1"]);
}

#[test]
fn an_id_that_is_an_integer_is_its_text() {
    let place = Place::with_companies();
    place.write("numbers.jsonl", "\u{feff}{\"id\":42,\"vector\":[1,1]}\r\n");
    place.ok(&["import", "companies", "numbers.jsonl"]);
    place.ok(&["get", "companies", "42"]);
}

#[test]
fn an_index_that_was_created_for_nothing_is_removed_again() {
    let place = Place::new();
    for (rows, args) in [
        (r#"{"id":"a","vector":[0,0]}"#, &[][..]),
        (r#"{"id":"a","vector":[0,0]}"#, &["--on-error", "skip"]),
        (r#"{"id":"a","vector":[1,0],"metadata":{"$in":1}}"#, &[]),
    ] {
        place.write("rows.jsonl", rows);
        let ended = place.run(&[&["import", "companies", "rows.jsonl", "--create"], args].concat());
        assert!(matches!(ended.status, 1 | 4), "{}", ended.stderr);
        ended.failed(ended.status, &["rows.jsonl, line 1", "the index companies is removed again"]);
        assert_eq!(place.json(&["index", "list"]), json!({ "indexes": [] }), "{rows}");
    }
    let error = place.json_error(1, &["import", "companies", "rows.jsonl", "--create"]);
    assert!(error["hints"].to_string().contains("removed again"), "{error}");
}

#[test]
fn an_index_with_something_in_it_or_of_another_command_stays() {
    let place = Place::new();
    place.write("rows.jsonl", "{\"id\":\"a\",\"vector\":[1,0]}\n{\"id\":\"b\",\"vector\":[0,0]}\n");
    let ended = place.run(&["import", "created", "rows.jsonl", "--create"]);
    ended.failed(4, &["line 2"]);
    assert!(!ended.stderr.contains("removed"), "{}", ended.stderr);
    assert_eq!(place.count("created"), 1);
    place.ok(&["index", "create", "earlier", "-d", "2"]);
    place.write("rows.jsonl", "{\"id\":\"b\",\"vector\":[0,0]}\n");
    place.run(&["import", "earlier", "rows.jsonl", "--create"]).failed(1, &["line 1"]);
    assert_eq!(place.count("earlier"), 0);
}

#[test]
fn a_folder_is_its_files_by_name() {
    let place = Place::new();
    std::fs::create_dir(place.path("out.jsonl")).unwrap();
    for (name, text) in [
        ("part-10.jsonl", "{\"id\":\"a\",\"vector\":[0,10]}\n"),
        ("part-02.jsonl", "{\"id\":\"a\",\"vector\":[0,2]}\n{\"id\":\"b\",\"vector\":[1,0]}\n"),
        ("_SUCCESS", ""),
        (".part-02.jsonl.crc", "crc"),
    ] {
        place.write(&format!("out.jsonl/{name}"), text);
    }
    assert_eq!(place.json(&["import", "folders", "out.jsonl", "--create"])["stored"], 3);
    let got = place.json(&["get", "folders", "a", "--include-vectors"]);
    assert_eq!(got["records"][0]["vector"], json!([0.0, 10.0]));

    std::fs::create_dir(place.path("out.jsonl/year=2020")).unwrap();
    place.run(&["import", "folders", "out.jsonl"]).failed(2, &["the directory out.jsonl holds", "year=2020"]);
    std::fs::create_dir(place.path("bare")).unwrap();
    place.run(&["import", "folders", "bare"]).failed(2, &["the directory bare holds no files"]);
}

#[cfg(feature = "parquet")]
#[test]
fn a_folder_of_parquet_is_its_files() {
    let place = Place::with_companies();
    std::fs::create_dir(place.path("out.parquet")).unwrap();
    place.write("out.parquet/_SUCCESS", "");
    for (file, industry) in [("part-0", "fintech"), ("part-1", "health")] {
        let path = format!("out.parquet/{file}.snappy.parquet");
        place.ok(&["export", "companies", &path, "--where", &format!("industry = '{industry}'")]);
    }
    place.ok(&["import", "folders", "out.parquet", "--create"]);
    assert_eq!(place.count("folders"), 3);
}
