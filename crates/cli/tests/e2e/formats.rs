//! Import from `.npy`, CSV and Parquet.

use std::path::Path;

use npyz::WriterBuilder;
use serde_json::json;

use crate::run::Place;

const LINES: &str =
    "{\"id\":\"a\",\"metadata\":{\"n\":1}}\n{\"id\":\"b\",\"n\":2,\"tags\":[\"x\",\"y\"]}\n{\"id\":3}\n";
const IMPORT: [&str; 6] = ["import", "vectors", "vectors.npy", "--metadata", "lines.jsonl", "--create"];

pub(crate) fn write_npy<T: npyz::AutoSerialize + Copy>(
    path: &Path,
    shape: &[u64],
    order: npyz::Order,
    components: &[T],
) {
    let file = std::fs::File::create(path).unwrap();
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(shape).order(order).writer(file).begin_nd().unwrap();
    writer.extend(components.iter().copied()).unwrap();
    writer.finish().unwrap();
}

#[test]
fn npy_rows_are_paired_with_lines() {
    let place = Place::new();
    write_npy(&place.path("vectors.npy"), &[3, 2], npyz::Order::C, &[1.0f32, 0.0, 0.1, 0.2, 0.0, 1.0]);
    place.write("lines.jsonl", LINES);
    assert_eq!(place.json(&IMPORT)["stored"], 3);
    let got = place.json(&["get", "vectors", "a", "b", "3", "--include-vectors"]);
    assert_eq!(
        got["records"],
        json!([
            { "id": "a", "vector": [1.0, 0.0], "metadata": { "n": 1 } },
            { "id": "b", "vector": [0.1, 0.2], "metadata": { "n": 2, "tags": ["x", "y"] } },
            { "id": "3", "vector": [0.0, 1.0] },
        ])
    );
}

#[test]
fn npy_of_f64_becomes_f32() {
    let place = Place::new();
    write_npy(&place.path("vectors.npy"), &[3, 2], npyz::Order::C, &[1.0f64, 0.0, 0.1, 0.2, 0.0, 1.0]);
    place.write("lines.jsonl", LINES);
    assert_eq!(place.json(&IMPORT)["stored"], 3);
    assert_eq!(
        place.json(&["get", "vectors", "b", "--include-vectors"])["records"][0]["vector"],
        json!([0.1, 0.2])
    );
}

#[test]
fn npy_and_lines_of_unequal_number_are_refused_first() {
    let place = Place::new();
    write_npy(&place.path("vectors.npy"), &[4, 1], npyz::Order::C, &[1.0f32, 2.0, 3.0, 4.0]);
    place.write("lines.jsonl", LINES);
    place.run(&IMPORT).failed(2, &["4 vectors", "3 lines", "nothing was stored"]);
    assert_eq!(place.json(&["index", "list"]), json!({ "indexes": [] }));
}

#[test]
fn a_file_of_the_wrong_form_is_refused_before_those_before_it_are_stored() {
    let place = Place::with_companies();
    place.write("good.jsonl", "{\"id\":\"new\",\"vector\":[1,0]}\n");
    write_npy(&place.path("vectors.npy"), &[4, 2], npyz::Order::C, &[1.0f32; 8]);
    place.write("lines.jsonl", LINES);
    let args = ["import", "companies", "good.jsonl", "vectors.npy", "--metadata", "lines.jsonl"];
    place.run(&args).failed(2, &["4 vectors", "3 lines"]);
    place.run(&["import", "companies", "good.jsonl", "missing.csv"]).failed(2, &["missing.csv"]);
    assert_eq!(place.count("companies"), 4);
}

#[test]
fn npy_that_is_truncated_or_of_another_shape_or_type_is_refused() {
    let place = Place::new();
    place.write("lines.jsonl", LINES);
    let path = place.path("vectors.npy");
    let refused = |words: &[&str]| place.run(&IMPORT).failed(2, words);

    write_npy(&path, &[3, 2], npyz::Order::C, &[1.0f32; 6]);
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    refused(&["vectors.npy is truncated", "24 bytes", "19 are there"]);
    std::fs::write(&path, &whole[..30]).unwrap();
    refused(&["vectors.npy is not a .npy file"]);
    std::fs::write(&path, b"id,vector\n").unwrap();
    refused(&["vectors.npy is not a .npy file"]);
    write_npy(&path, &[6], npyz::Order::C, &[1.0f32; 6]);
    refused(&["[6]", "must be a matrix"]);
    write_npy(&path, &[3, 2], npyz::Order::C, &[true; 6]);
    refused(&["vectors.npy holds no numbers", "astype"]);
    place.run(&["import", "vectors", "vectors.npy", "--create"]).failed(2, &["--metadata"]);
}

#[test]
fn csv_takes_types_from_options_or_from_the_whole_column() {
    let place = Place::new();
    place.write(
        "data.csv",
        "id,v0,v1,year,zip,rate,open,name,mixed\n\
         a,1,0,2010,0123,1.5,true,\"Comma, Inc.\",1\n\
         b,0,1,,99,2,False,Bee,one\n",
    );
    place.ok(&["import", "csv-data", "data.csv", "--create", "--field", "year:float"]);
    let got = place.json(&["get", "csv-data", "a", "b"]);
    assert_eq!(
        got["records"][0]["metadata"],
        json!({ "year": 2010.0, "zip": "0123", "rate": 1.5, "open": true, "name": "Comma, Inc.", "mixed": "1" })
    );
    assert_eq!(
        got["records"][1]["metadata"],
        json!({ "zip": "99", "rate": 2, "open": false, "name": "Bee", "mixed": "one" })
    );
}

#[test]
fn csv_has_its_vector_as_json_too_and_may_come_on_stdin() {
    let place = Place::with_companies();
    let csv = b"id\tvector\tyear\nx\t[0.5, 0.25]\t1999\n";
    let ended = place.run_with(&["import", "companies", "-", "--format", "tsv"], csv);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    let got = place.json(&["get", "companies", "x", "--include-vectors"]);
    assert_eq!(got["records"][0], json!({ "id": "x", "vector": [0.5, 0.25], "metadata": { "year": 1999 } }));
}

#[test]
fn csv_rows_and_headers_that_are_wrong_are_told() {
    let place = Place::with_companies();
    for (csv, status, words) in [
        ("id,year\na,1\n", 2, &["data.csv", "no column vector"][..]),
        ("vector\n[1]\n", 2, &["no column id"]),
        ("id,v0,v1,id\n", 2, &["twice"]),
        ("id,v0,v1,year\na,1,0,soon\n", 1, &["data.csv, line 2", "year", "soon", "integer"]),
        ("id,v0,v1\na,1,0\nb,1\n", 4, &["data.csv, line 3", "2 cells", "3"]),
        ("id,v0,v1\na,1,x\n", 1, &["data.csv, line 2", "v1"]),
    ] {
        place.write("data.csv", csv);
        place.run(&["import", "companies", "data.csv", "--restart"]).failed(status, words);
    }
}

#[cfg(feature = "formats")]
#[test]
fn parquet_is_what_was_exported() {
    let place = Place::with_companies();
    place.ok(&[
        "upsert",
        "companies",
        r#"{"id":"ö","vector":[0.1,0.2],"metadata":{"o":{"a":[1,null]},"f":2.0,"i":2}}"#,
    ]);
    place.ok(&["export", "companies", "all.parquet"]);
    place.ok(&["import", "again", "all.parquet", "--create"]);
    let all = |index| {
        let mut records = place.json(&["scan", index, "--all", "--include-vectors"])["records"].take();
        records.as_array_mut().unwrap().sort_by_key(|r| r["id"].as_str().unwrap().to_owned());
        records
    };
    let exported = all("companies");
    assert_eq!(exported, all("again"));
    assert_eq!(crate::run::ids(&exported), ["adyen", "bayer", "stripe", "tesla", "ö"]);
}

#[cfg(feature = "formats")]
#[test]
fn parquet_that_is_truncated_damaged_or_none_is_refused() {
    let place = Place::with_companies();
    place.ok(&["export", "companies", "all.parquet"]);
    let whole = std::fs::read(place.path("all.parquet")).unwrap();
    for wrong in [&whole[..whole.len() - 9], &whole[..3], b"", b"id,vector\n"] {
        place.write("wrong.parquet", wrong);
        place
            .run(&["import", "again", "wrong.parquet", "--create"])
            .failed(2, &["wrong.parquet", "no Parquet file"]);
    }
    let mut damaged = whole;
    for byte in &mut damaged[4..200] {
        *byte ^= 0x5a;
    }
    place.write("wrong.parquet", damaged);
    place.run(&["import", "companies", "wrong.parquet"]).failed(1, &["wrong.parquet", "row 1"]);
    place.write("rows.jsonl", "{\"id\":\"a\",\"vector\":[0,0]}");
    place.ok(&["index", "create", "zero", "-d", "2", "--metric", "euclidean"]);
    place.ok(&["import", "zero", "rows.jsonl"]);
    place.ok(&["export", "zero", "zero.parquet"]);
    place
        .run(&["import", "companies", "zero.parquet"])
        .failed(1, &["zero.parquet, row 1: the vector is zero"]);
    assert_eq!(place.count("companies"), 4);
}
