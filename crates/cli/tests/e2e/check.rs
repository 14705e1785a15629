//! `portolan check`, and what a damaged record does to the other verbs.

use std::fs;

use crate::run::Place;

/// A store with 50 records, of which one is damaged.
fn damaged() -> Place {
    let place = Place::new();
    let lines: String = (0..50)
        .map(|n| {
            format!("{{\"id\":\"c{n}\",\"vector\":[{n},1],\"metadata\":{{\"note\":\"note number {n}\"}}}}\n")
        })
        .collect();
    place.write("c.jsonl", lines);
    place.ok(&["import", "companies", "c.jsonl", "--create"]);
    let file = place.path("store/portolan.redb");
    let mut content = fs::read(&file).unwrap();
    let value = b"note number 33";
    let position = content.windows(value.len()).rposition(|window| window == value).unwrap();
    content[position] ^= 1;
    fs::write(&file, content).unwrap();
    place
}

#[test]
fn a_damaged_record_is_named_and_the_others_are_given() {
    let place = damaged();
    place.run(&["get", "companies", "c33"]).failed(1, &["\"c33\"", "portolan check"]);
    place.ok(&["get", "companies", "c32"]);
    let ended = place.run(&["scan", "companies", "--all", "-o", "jsonl"]);
    assert_eq!((ended.status, ended.stdout.lines().count()), (4, 49));
    assert!(ended.stderr.contains("\"ids\":\"c33\""), "{}", ended.stderr);
    place.run(&["scan", "companies", "--all"]).failed(4, &["not read: the record \"c33\""]);
    place.run(&["export", "companies", "all.jsonl"]).failed(4, &["\"c33\" cannot be read"]);
    assert_eq!(place.read("all.jsonl").lines().count(), 49);
}

#[test]
fn a_check_names_the_damage_and_a_repair_saves_the_rest() {
    let place = damaged();
    let ended = place.run(&["check", "-o", "json"]);
    assert_eq!(ended.status, 4);
    let checked: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(
        (&checked["damage"][0]["index"], &checked["damage"][0]["id"]),
        (&"companies".into(), &"c33".into())
    );
    assert_eq!(checked["records"], 49);
    place.run(&["check", "--repair"]).failed(2, &["--yes"]);
    let ended = place.run(&["check", "--repair", "--yes"]);
    assert_eq!(ended.status, 4);
    for part in ["index companies, record \"c33\"", "Saved 49 records", "1 lost", "portolan.redb.damaged-1"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
    assert!(place.path("store/portolan.redb.damaged-1").exists());
    assert!(place.ok(&["check"]).contains("1 index and 49 records can be read"));
    assert_eq!(place.count("companies"), 49);
}

#[test]
fn a_check_is_of_a_file_that_is_there() {
    let place = Place::new();
    place.run(&["check"]).failed(3, &["there is no store at ./store"]);
    place.run(&["check", "--store", "memory:"]).failed(1, &["unsupported", "memory has none"]);
    assert!(!place.path("store").exists());
}

#[test]
fn a_read_of_what_is_not_there_makes_nothing_and_names_the_store() {
    let place = Place::new();
    place.run(&["count", "x"]).failed(3, &["\"x\"", "no store at ./store"]);
    place.run(&["search", "x", "--vector", "[1,2]"]).failed(3, &["no store at ./store"]);
    assert_eq!(place.ok(&["index", "list", "-o", "jsonl"]), "");
    assert!(!place.path("store").exists());
}
