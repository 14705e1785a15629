//! Export.

use crate::run::{Place, one_object};

#[test]
fn an_export_is_imported_again_as_it_was() {
    let place = Place::with_companies();
    let summary = place.json(&["export", "companies", "all.jsonl"]);
    assert_eq!((summary["exported"].as_u64(), summary["file"].as_str()), (Some(4), Some("all.jsonl")));
    let mut exported: Vec<_> = place.read("all.jsonl").lines().map(one_object).collect();
    let mut given: Vec<_> = crate::run::COMPANIES.lines().map(one_object).collect();
    for records in [&mut exported, &mut given] {
        records.sort_by_key(|r| r["id"].as_str().unwrap().to_owned());
    }
    assert_eq!(exported, given);
}

#[test]
fn an_export_may_be_filtered_and_go_to_stdout() {
    let place = Place::with_companies();
    let lines = place.ok(&["export", "companies", "-", "--where", "industry = 'health'"]);
    assert_eq!(one_object(&lines)["id"], "bayer");
}

#[test]
fn an_existing_file_is_replaced_only_with_a_yes() {
    let place = Place::with_companies();
    place.write("all.jsonl", "precious");
    place.run(&["export", "companies", "all.jsonl"]).failed(2, &["all.jsonl", "--yes"]);
    assert_eq!(place.read("all.jsonl"), "precious");
    place.ok(&["export", "companies", "all.jsonl", "--yes"]);
    assert_eq!(place.read("all.jsonl").lines().count(), 4);
}

#[test]
fn a_file_of_no_known_format_or_place_is_refused() {
    let place = Place::with_companies();
    place.run(&["export", "companies", "all.txt"]).failed(2, &["all.txt", "--format"]);
    place.run(&["export", "companies", "no/such/dir.jsonl"]).failed(2, &["no/such/dir.jsonl"]);
    place.run(&["export", "companies", ".", "--format", "jsonl", "--yes"]).failed(2, &["directory"]);
}
