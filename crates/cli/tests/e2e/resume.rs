//! An import that was interrupted goes on where it was.

use std::path::PathBuf;
use std::process::Stdio;

use crate::run::{Place, one_object};

const ROWS: usize = 2500;

fn rows() -> String {
    (0..ROWS).map(|n| format!("{{\"id\":\"r{n}\",\"vector\":[1,{n}]}}\n")).collect()
}

/// Row 1,700 is wrong: the import stores what stands before it, and stops.
fn interrupted() -> Place {
    let place = Place::new();
    let mut lines: Vec<String> = rows().lines().map(str::to_owned).collect();
    lines[1700] = lines[1700].replace("[1,1700]", "[0,0]  ");
    place.write("rows.jsonl", lines.join("\n"));
    let ended = place.run(&["import", "numbers", "rows.jsonl", "--create"]);
    ended.failed(4, &["rows.jsonl, line 1701"]);
    assert_eq!(place.count("numbers"), 1700);
    place
}

fn states(place: &Place) -> Vec<PathBuf> {
    let dir = place.path(".local/state/portolan/imports");
    let files = std::fs::read_dir(dir).into_iter().flatten().map(|f| f.unwrap().path());
    files.filter(|f| f.extension().is_some_and(|e| e == "json")).collect()
}

/// How many rows the state says are stored.
fn acknowledged(place: &Place) -> u64 {
    let text = states(place).pop().and_then(|file| std::fs::read_to_string(file).ok());
    text.map_or(0, |text| one_object(&text)["acknowledged"].as_u64().unwrap())
}

#[test]
fn the_same_command_goes_on_after_the_acknowledged_rows() {
    let place = interrupted();
    assert_eq!(states(&place).len(), 1);
    let ended =
        place.run(&["import", "numbers", "rows.jsonl", "--create", "--on-error", "skip", "--output", "json"]);
    assert_eq!(ended.status, 4);
    let summary = one_object(&ended.stdout);
    for (key, value) in [("resumed_at", 1700), ("read", 800), ("stored", 799), ("skipped", 1)] {
        assert_eq!(summary[key], value, "{key}");
    }
    assert_eq!(place.count("numbers"), 2499);
    assert_eq!(states(&place), Vec::<PathBuf>::new());
}

#[test]
fn a_file_that_was_changed_is_read_from_its_first_row() {
    let place = interrupted();
    place.write("rows.jsonl", rows());
    let summary = place.json(&["import", "numbers", "rows.jsonl", "--create"]);
    assert_eq!((summary["read"].as_u64(), summary.get("resumed_at")), (Some(2500), None));
    assert_eq!(place.count("numbers"), 2500);
}

#[test]
fn an_index_that_lost_its_records_is_filled_again() {
    let place = interrupted();
    place.ok(&["clear", "numbers", "--yes"]);
    place.run(&["import", "numbers", "rows.jsonl"]).failed(4, &["not there any more", "line 1701"]);
    assert_eq!(place.count("numbers"), 1700);

    place.ok(&["index", "delete", "numbers", "--yes"]);
    place.run(&["import", "numbers", "rows.jsonl", "--create"]).failed(4, &["starting over"]);
    assert_eq!(place.count("numbers"), 1700);
}

#[test]
fn a_restart_forgets_the_earlier_run() {
    let place = interrupted();
    let ended = place.run(&["import", "numbers", "rows.jsonl", "--restart", "--output", "json"]);
    assert_eq!(ended.status, 4);
    assert_eq!(one_object(&ended.stdout)["stored"], 1700);
}

#[test]
fn a_store_that_fails_midway_loses_nothing() {
    let place = Place::new();
    place.write("rows.jsonl", rows());
    place.ok(&["index", "create", "numbers", "-d", "2"]);
    let mut runs = 0;
    loop {
        let store = format!("embedded:./store?partial=0.002&seed={runs}");
        let ended = place.run(&["import", "numbers", "rows.jsonl", "--batch-size", "100", "--store", &store]);
        runs += 1;
        match ended.status {
            0 => break,
            1 | 4 => assert!(runs < 200, "{}", ended.stderr),
            other => panic!("{other}: {}", ended.stderr),
        }
    }
    assert!(runs > 1, "no trouble was simulated");
    assert_eq!(place.count("numbers"), ROWS as u64);
}

#[test]
fn a_killed_import_goes_on() {
    let place = Place::new();
    place.write("rows.jsonl", rows());
    place.ok(&["index", "create", "numbers", "-d", "2"]);
    let mut child =
        place.command(&["import", "numbers", "rows.jsonl", "--batch-size", "10"]).spawn().unwrap();
    while acknowledged(&place) == 0 && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let stored = place.count("numbers");
    assert!(stored > 0);
    let summary = place.json(&["import", "numbers", "rows.jsonl", "--batch-size", "10"]);
    let resumed_at = summary["resumed_at"].as_u64().unwrap_or_default();
    assert!(resumed_at <= stored && stored <= resumed_at + 10, "{resumed_at} {stored}");
    assert_eq!(place.count("numbers"), ROWS as u64);
}

#[test]
fn a_record_that_was_deleted_meanwhile_is_stored_again() {
    let place = interrupted();
    place.ok(&["delete", "numbers", "r5", "--yes"]);
    let skip = ["import", "numbers", "rows.jsonl", "--on-error", "skip"];
    place.run(&skip).failed(4, &["Row 6 of the 1,700", "not there any more"]);
    assert_eq!(place.count("numbers"), ROWS as u64 - 1);
    place.ok(&["get", "numbers", "r5"]);
}

#[test]
fn of_rows_with_one_id_the_last_is_stored_again() {
    let place = Place::new();
    let rows =
        "{\"id\":\"a\",\"vector\":[1,1]}\n{\"id\":\"b\",\"vector\":[1,2]}\n{\"id\":\"a\",\"vector\":[1,3]}\n";
    place.write("rows.jsonl", format!("{rows}no record\n"));
    let import = ["import", "numbers", "rows.jsonl", "--batch-size", "1", "--create"];
    place.run(&import).failed(4, &["line 4"]);
    place.ok(&["delete", "numbers", "a", "--yes"]);
    place.run(&import).failed(4, &["line 4", "starting over"]);
    let got = place.json(&["get", "numbers", "a", "b", "--include-vectors"]);
    assert_eq!(got["records"][0]["vector"], serde_json::json!([1.0, 3.0]));
}

#[test]
fn rows_that_an_earlier_run_passed_over_are_not_missed() {
    let place = interrupted();
    let mut rows: Vec<String> = place.read("rows.jsonl").lines().map(str::to_owned).collect();
    rows[3] = rows[3].replace("[1,3]", "[0,0]");
    rows[4] = "no record".to_owned();
    place.write("rows.jsonl", rows.join("\n"));
    place.ok(&["delete", "numbers", "r3", "r4", "--yes"]);
    // The first run passes over rows 4 and 5, and is killed; the second does not look for them.
    let skip = ["import", "numbers", "rows.jsonl", "--on-error", "skip", "--batch-size", "10"];
    let mut child = place.command(&skip).stderr(Stdio::null()).spawn().unwrap();
    while !(10..1700).contains(&acknowledged(&place)) && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let resumed_at = acknowledged(&place);
    let ended = place.run(&[&skip[..], &["-o", "json"]].concat());
    assert_eq!(one_object(&ended.stdout)["resumed_at"].as_u64().unwrap_or_default(), resumed_at);
    assert_eq!(place.count("numbers"), ROWS as u64 - 3);
}
