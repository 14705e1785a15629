//! What can be read only once is an input like any other.

use std::fs;
use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use serde_json::json;

use crate::formats::write_npy;
use crate::run::{COMPANIES, Place};

const CSV: &str = "id,v0,v1,year,name\nstripe,1,0,2010,Stripe\nbayer,0,1,1863,\n";

/// Writes into a pipe as soon as somebody reads it.
fn write(pipe: PathBuf, bytes: impl AsRef<[u8]> + Send + 'static) -> JoinHandle<()> {
    thread::spawn(move || fs::write(pipe, bytes).unwrap())
}

#[test]
fn a_named_pipe_is_read_once() {
    let place = Place::with_companies();
    for (pipe, args) in [
        ("p.jsonl", &["import", "companies"][..]),
        ("created.jsonl", &["import", "created", "--create"]),
        ("nameless", &["import", "sniffed", "--create"]),
        ("streamed", &["import", "companies", "--format", "jsonl", "--batch-size", "1"]),
        ("memory.jsonl", &["import", "volatile", "--create", "--store", "memory:"]),
    ] {
        let writer = write(place.fifo(pipe), COMPANIES);
        assert_eq!(place.json(&[args, &[pipe]].concat())["stored"], 4, "{args:?}");
        writer.join().unwrap();
    }
    assert_eq!((place.count("created"), place.count("sniffed")), (4, 4));
}

#[test]
fn a_table_from_a_pipe_has_the_types_of_its_columns() {
    let place = Place::new();
    let writer = write(place.fifo("p.csv"), CSV);
    place.ok(&["import", "tables", "p.csv", "--create"]);
    writer.join().unwrap();
    let got = place.json(&["get", "tables", "stripe", "bayer"]);
    assert_eq!(got["records"][0]["metadata"], json!({ "year": 2010, "name": "Stripe" }));
    assert_eq!(got["records"][1]["metadata"], json!({ "year": 1863 }));
}

#[test]
fn the_content_tells_the_format_where_there_is_no_name() {
    let place = Place::with_companies();
    for csv in [CSV.to_owned(), CSV.replace(',', "\t")] {
        place.run_with(&["import", "companies", "-"], csv.as_bytes()).well();
        assert_eq!(
            place.json(&["get", "companies", "bayer"])["records"][0]["metadata"],
            json!({ "year": 1863 })
        );
        place.ok(&["import", "companies", "companies.jsonl"]);
    }
    place.run_with(&["import", "companies", "-"], b"name,v0,v1\n").failed(2, &["stdin: ", "no column id"]);
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_comes_through_a_pipe_as_well() {
    let place = Place::with_companies();
    place.ok(&["export", "companies", "all.parquet"]);
    let parquet = fs::read(place.path("all.parquet")).unwrap();
    place.run_with(&["import", "again", "-", "--create"], &parquet).well();
    assert_eq!(place.count("again"), 4);
    place.run_with(&["import", "again", "-"], &parquet[..40]).failed(2, &["stdin is no Parquet file"]);
}

#[test]
fn a_matrix_and_its_lines_come_through_pipes_as_well() {
    let place = Place::new();
    write_npy(&place.path("whole.npy"), &[2, 2], npyz::Order::C, &[1.0f32, 0.0, 0.0, 1.0]);
    let matrix = write(place.fifo("vectors.npy"), fs::read(place.path("whole.npy")).unwrap());
    let lines = write(place.fifo("lines"), "{\"id\":\"a\"}\n{\"id\":\"b\",\"n\":1}\n");
    place.ok(&["import", "vectors", "vectors.npy", "--metadata", "lines", "--create"]);
    matrix.join().unwrap();
    lines.join().unwrap();
    let got = place.json(&["get", "vectors", "b", "--include-vectors"]);
    assert_eq!(got["records"][0], json!({ "id": "b", "vector": [0.0, 1.0], "metadata": { "n": 1 } }));
}

#[test]
fn stdin_and_descriptors_have_paths() {
    let place = Place::with_companies();
    for (index, line) in [
        ("abc", "cat companies.jsonl | $P import abc /dev/stdin --create"),
        ("abd", "$P import abd /dev/stdin --create < companies.jsonl"),
        ("abd-here", "$P import abd-here /dev/stdin --create <<END\n$(cat companies.jsonl)\nEND"),
        (
            "abd-gone",
            "exec 3< companies.jsonl; mv companies.jsonl x; $P import abd-gone /dev/fd/3 --create; mv x companies.jsonl",
        ),
        ("abd-lost", "cp companies.jsonl y; exec 3< y; rm y; $P import abd-lost /dev/fd/3 --create"),
        ("abe", "cat companies.jsonl | $P import abe /dev/fd/3 --create 3<&0 </dev/null"),
        ("abf", "cat companies.jsonl | $P import abf /dev/fd/3 --create --format jsonl 3<&0 </dev/null"),
    ] {
        place.shell(line).well();
        assert_eq!(place.count(index), 4, "{line}");
    }
    let line = "cat companies.jsonl | $P import companies - /dev/stdin";
    place.shell(line).failed(2, &["stdin is named twice"]);
    let line = "echo '[1,0]' | $P search companies --vector-file /dev/stdin --top-k 1 --output jsonl";
    assert!(place.shell(line).well().contains("stripe"));
}

#[test]
fn a_pipe_that_cannot_be_read_leaves_no_index() {
    let place = Place::new();
    place.run(&["import", "abc", "/dev/fd/99", "--create"]).failed(2, &["cannot open /dev/fd/99"]);
    let ended = place.run_with(&["import", "abc", "-", "--create"], b"");
    ended.failed(1, &["no valid record"]);
    assert_eq!(place.json(&["index", "list"]), json!({ "indexes": [] }));
}
