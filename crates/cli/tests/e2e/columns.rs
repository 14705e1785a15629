//! The files of `fixtures/files` that hold columns, as pandas, pyarrow, polars, DuckDB, numpy and h5py wrote them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use crate::run::Place;

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/files").join(name)
}

/// Whether this build reads the file.
fn is_built(name: &str) -> bool {
    let always = ["npy", "npz", "fvecs", "bvecs"];
    cfg!(feature = "formats") || always.iter().any(|extension| name.ends_with(extension))
}

/// The arguments that import a fixture.
fn import<'a>(index: &'a str, path: &'a Path, lines: &'a Path) -> Vec<&'a str> {
    let mut args = vec!["import", index, path.to_str().unwrap(), "--create", "--metric", "euclidean"];
    if path.extension().is_some_and(|extension| extension == "npy") {
        args.extend(["--metadata", lines.to_str().unwrap()]);
    }
    args
}

fn sorted(mut records: Json) -> Json {
    records.as_array_mut().unwrap().sort_by_key(|record| record["id"].as_str().unwrap().to_owned());
    records
}

#[test]
fn each_file_is_read_as_the_records_that_were_written() {
    let expected = std::fs::read_to_string(fixture("columns.json")).unwrap();
    let expected: BTreeMap<String, Json> = serde_json::from_str(&expected).unwrap();
    let lines = fixture("numpy.jsonl");
    let place = Place::new();
    let mut tried = 0;
    for (name, records) in expected.iter().filter(|(name, _)| is_built(name)) {
        let index = name.to_lowercase().replace('.', "-");
        place.ok(&import(&index, &fixture(name), &lines));
        let read = place.json(&["scan", &index, "--all", "--include-vectors"])["records"].take();
        assert_eq!(sorted(read), sorted(records.clone()), "{name}");
        tried += 1;
    }
    assert_eq!(tried, if cfg!(feature = "formats") { expected.len() } else { 22 });
}

#[cfg(not(feature = "formats"))]
#[test]
fn a_format_that_was_not_built_is_told_with_the_command_that_builds_it() {
    let place = Place::with_companies();
    let words =
        ["built without Parquet, Arrow and HDF5", "cargo install --path crates/cli --features formats"];
    for name in ["pandas.parquet", "polars.arrow", "ann-benchmarks.hdf5"] {
        place
            .run(&["import", "companies", fixture(name).to_str().unwrap()])
            .failed(1, &[&[name], &words[..]].concat());
    }
    place.run(&["export", "companies", "all.parquet"]).failed(1, &words);
    assert!(!place.path("all.parquet").exists());
}

#[test]
fn columns_that_are_no_records_are_told_by_name() {
    let place = Place::with_companies();
    let refused = |name: &str, bytes: &[u8], words: &[&str]| {
        place.write(name, bytes);
        place.run(&["import", "companies", name]).failed(2, words);
    };
    let whole = std::fs::read(fixture("numpy.npz")).unwrap();
    refused("x.npz", &whole[..whole.len() - 30], &["x.npz is not a .npz file"]);
    refused("x.npz", b"id,vector\n", &["x.npz is not a .npz file"]);
    refused("x.fvecs", &[3, 0, 0, 0, 1, 2], &["x.fvecs is truncated or of another format", "6 bytes"]);
    refused("x.bvecs", &[0, 0, 0, 0], &["x.bvecs is truncated or of another format"]);
    assert_eq!(place.count("companies"), 4);
    assert_eq!(place.json(&["index", "list"])["indexes"].as_array().map(Vec::len), Some(1));
}

#[cfg(feature = "formats")]
#[test]
fn files_of_other_formats_are_told() {
    let place = Place::with_companies();
    let matrix = std::fs::read(fixture("ann-benchmarks.hdf5")).unwrap();
    for (name, bytes, words) in [
        ("x.hdf5", b"id,vector\n".as_slice(), "x.hdf5: it is no HDF5 file, or is truncated"),
        ("x.hdf5", &matrix[..matrix.len() / 2], "x.hdf5"),
        ("x.arrow", b"id,vector\n", "x.arrow is no Arrow file, or is truncated"),
        ("x.feather", b"FEA1....", "x.feather is Feather of version 1, which is not read"),
    ] {
        place.write(name, bytes);
        place.run(&["import", "companies", name]).failed(2, &[words]);
    }
    let file = fixture("ann-benchmarks.hdf5");
    let path = file.to_str().unwrap();
    place.ok(&["import", "tests", path, "--create", "--vector-column", "test"]);
    assert_eq!(place.count("tests"), 1);
    place
        .run(&["import", "tests", path, "--vector-column", "nothing"])
        .failed(2, &["the data set `nothing` cannot be read"]);
}

#[test]
fn a_matrix_without_lines_is_told_how_to_write_some() {
    let place = Place::new();
    let path = fixture("numpy-f4.npy");
    let import = ["import", "matrix", path.to_str().unwrap(), "--create", "--metadata", "ids.jsonl"];
    place.run(&import[..4]).failed(2, &["--metadata FILE.jsonl", "seq 0 999 | sed"]);
    place.write("ids.jsonl", "{\"id\":0}\n{\"id\":1}\n");
    assert_eq!(place.json(&import)["stored"], json!(2));
}
