//! The same records, written in every format over the values that it can hold, are read back equal; a file that was
//! cut gives the rows that it still shows.

mod columns;

use std::fs;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use portolan::{FieldType, Metadata, Record, Scalar, Value};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::{Strategy, any, prop_oneof, proptest};
use proptest::test_runner::Config;
use serde_json::{Value as Json, json};

use super::file::{Format, Input};
use super::parts::Declared;
use super::roles::Choice;
use super::rows::Row;
use super::source::Source;
use super::survey::{Survey, Wanted};

/// A way to write records.
struct Way {
    file: &'static str,
    /// Whether it can hold a value.
    holds: fn(&Value) -> bool,
    write: fn(&[Record]) -> Vec<u8>,
}

const WAYS: &[Way] = &[
    Way { file: "nested.jsonl", holds: any_value, write: |r| lines(r, nested) },
    Way { file: "flat.jsonl", holds: any_value, write: |r| lines(r, flat) },
    Way { file: "text.jsonl", holds: any_value, write: |r| lines(r, as_text) },
    Way {
        file: "list.json",
        holds: any_value,
        write: |r| json!(r.iter().map(nested).collect::<Vec<_>>()).to_string().into(),
    },
    Way {
        file: "laid-out.json",
        holds: any_value,
        write: |r| format!("{:#}", json!(r.iter().map(flat).collect::<Vec<_>>())).into(),
    },
    Way {
        file: "points.json",
        holds: any_value,
        write: |r| {
            json!({"result": {"points": r.iter().map(payload).collect::<Vec<_>>()}}).to_string().into()
        },
    },
    Way { file: "columns.json", holds: any_value, write: columns },
    Way { file: "gzip.jsonl.gz", holds: any_value, write: |r| gzip(&lines(r, nested)) },
    Way {
        file: "zstd.csv.zst",
        holds: is_cell,
        write: |r| zstd::encode_all(&table(r, ',', "\n")[..], 1).unwrap(),
    },
    Way { file: "comma.csv", holds: is_cell, write: |r| table(r, ',', "\n") },
    Way { file: "semicolon.csv", holds: is_cell, write: |r| table(r, ';', "\r\n") },
    Way { file: "pipe.csv", holds: is_cell, write: |r| table(r, '|', "\r") },
    Way { file: "tabs.tsv", holds: is_cell, write: |r| table(r, '\t', "\n") },
    Way { file: "metadata.csv", holds: any_value, write: table_of_json },
];

fn any_value(_: &Value) -> bool {
    true
}

/// A cell has no list and no object, and an empty one is no value.
fn is_cell(value: &Value) -> bool {
    matches!(value, Value::Scalar(scalar) if scalar.as_str() != Some(""))
}

/// Text stays text where it is declared, and a field that is declared float holds floats.
fn declared() -> Declared {
    Declared::from([("s".to_owned(), FieldType::String), ("f".to_owned(), FieldType::Float)])
}

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn records_are_the_same_in_every_format(records in vec(record(), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        for way in WAYS {
            let written: Vec<Record> = records.iter().map(|r| held(r, way.holds)).collect();
            let path = dir.path().join(way.file);
            fs::write(&path, (way.write)(&written)).unwrap();
            let expected: Vec<Record> = written.into_iter().map(bound).collect();
            let read: Vec<Record> = read(&path).into_iter().map(|row| row.unwrap()).collect();
            assert_eq!(read, expected, "{}", way.file);
        }
    }

    #[test]
    fn a_file_that_was_cut_gives_the_rows_before(records in vec(record(), 2..6), share in 0.0..1.0) {
        let dir = tempfile::tempdir().unwrap();
        for way in WAYS.iter().filter(|w| !["columns.json", "gzip.jsonl.gz", "zstd.csv.zst"].contains(&w.file)) {
            let written: Vec<Record> = records.iter().map(|r| held(r, way.holds)).collect();
            let text = (way.write)(&written);
            let cut = (text.len() as f64 * share) as usize;
            let path = dir.path().join(way.file);
            fs::write(&path, &text[..cut]).unwrap();
            let expected: Vec<Record> = written.into_iter().map(bound).collect();
            let rows = read(&path);
            let before = rows.iter().take_while(|row| row.is_ok()).count();
            assert!(rows.len() <= before + 1, "{}: rows behind the cut", way.file);
            // The last row may have been cut, where its end does not show that.
            let sure = before.saturating_sub(1);
            for (row, record) in rows.iter().take(sure).zip(&expected) {
                assert_eq!(row.as_ref().unwrap(), record, "{}", way.file);
            }
        }
    }
}

proptest! {
    #![proptest_config(Config { cases: 96, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_stray_quote_swallows_no_row(numbers in vec(1..1_000_000_i64, 2..6), share in 0.0..1.0) {
        let records: Vec<Record> = numbers
            .iter()
            .map(|n| {
                let metadata = Metadata::new().with("n", *n).with("s", format!("text {n}"));
                Record::new(format!("r{n}"), vec![*n as f32, 1.0, 2.0]).metadata(metadata)
            })
            .collect();
        let mut text = table(&records, ',', "\n");
        let header = text.iter().position(|b| *b == b'\n').unwrap() + 1;
        text.insert(header + ((text.len() - header) as f64 * share) as usize, b'"');
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("stray.csv");
        fs::write(&path, text).unwrap();
        let rows = read(&path);
        assert!(rows.len() == records.len() || rows.iter().any(Result::is_err), "{rows:?}");
    }
}

/// The rows of a file; an error that ends it is the last.
fn read(path: &Path) -> Vec<Result<Record, String>> {
    let input = Input {
        source: Source::named(path).unwrap(),
        format: Format::by_name(path).unwrap(),
        metadata: None,
        columns: Choice::default(),
        delimiter: None,
    };
    let survey = Survey::of(
        std::slice::from_ref(&input),
        &declared(),
        Wanted { dimension: false, fingerprints: false },
    );
    let survey = match survey {
        Ok(survey) => survey,
        Err(failure) => return vec![Err(format!("{failure:?}"))],
    };
    match input.open(&survey.types) {
        Err(e) => vec![Err(e.to_string())],
        Ok(rows) => {
            rows.map(|row| row.and_then(|Row { record, .. }| record).map_err(|e| e.to_string())).collect()
        }
    }
}

fn record() -> impl Strategy<Value = Record> {
    let number = prop_oneof![any::<i64>().prop_map(Scalar::Integer), float().prop_map(Scalar::Float)];
    let exact =
        prop_oneof![any::<i32>().prop_map(|i| Scalar::Integer(i.into())), float().prop_map(Scalar::Float)];
    let fields = (
        option::of(number),
        option::of(any::<bool>()),
        option::of(text(0..6)),
        option::of(exact),
        option::of(vec(text(0..3), 0..3)),
        option::of(any::<bool>()),
    );
    let components = vec(any::<f32>().prop_filter("finite", |x| x.is_finite()), 3);
    (text(1..6), components, fields).prop_map(|(id, vector, (n, b, s, f, l, o))| {
        let mut metadata = Metadata::new();
        let fields = [
            ("n", n.map(Value::Scalar)),
            ("b", b.map(Value::from)),
            ("s", s.map(Value::from)),
            ("f", f.map(Value::Scalar)),
            ("l", l.map(Value::list)),
            ("o", o.and_then(|b| Value::from_json(json!({"a": [1, b, null], "b": 0.5})).unwrap())),
        ];
        for (key, value) in fields {
            if let Some(value) = value {
                metadata.insert(key, value);
            }
        }
        Record::new(id, vector).metadata(metadata)
    })
}

/// Any text, often with what means something in a table.
fn text(length: std::ops::Range<usize>) -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        any::<char>(),
        proptest::sample::select(vec![
            '"', ',', ';', '|', '\t', '\n', '\r', ' ', '{', '[', '0', '1', '.', '-', 'e'
        ])
    ];
    vec(letter, length).prop_map(|letters| letters.into_iter().collect())
}

fn float() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter_map("finite", |x| x.is_finite().then_some(x + 0.0))
}

/// The record with the fields that a format can hold.
fn held(record: &Record, holds: fn(&Value) -> bool) -> Record {
    let fields = record.metadata.iter().filter(|(_, value)| holds(value));
    let metadata: Metadata = fields.map(|(key, value)| (key, value.clone())).collect();
    Record::new(record.id.clone(), record.vector.clone().unwrap()).metadata(metadata)
}

/// The record as it is read, its float field bound.
fn bound(mut record: Record) -> Record {
    if let Some(Value::Scalar(Scalar::Integer(i))) = record.metadata.get("f") {
        let float = *i as f64;
        record.metadata.insert("f", float);
    }
    record
}

fn lines(records: &[Record], shape: fn(&Record) -> Json) -> Vec<u8> {
    records.iter().flat_map(|r| format!("{}\n", shape(r)).into_bytes()).collect()
}

fn nested(record: &Record) -> Json {
    json!({ "id": record.id, "vector": numbers(record), "metadata": record.metadata.to_json() })
}

fn payload(record: &Record) -> Json {
    json!({ "id": record.id, "payload": record.metadata.to_json(), "vector": numbers(record) })
}

fn flat(record: &Record) -> Json {
    let mut object = record.metadata.to_json();
    object["_id"] = json!(record.id);
    object["embedding"] = numbers(record);
    object
}

/// Vector and metadata as JSON text.
fn as_text(record: &Record) -> Json {
    json!({ "id": record.id, "vector": numbers(record).to_string(), "metadata": record.metadata.to_string() })
}

fn columns(records: &[Record]) -> Vec<u8> {
    let column = |of: fn(&Record) -> Json| records.iter().map(of).collect::<Vec<Json>>();
    let metadata = column(|r| if r.metadata.is_empty() { Json::Null } else { r.metadata.to_json() });
    let ids = column(|r| json!(r.id));
    json!({ "ids": ids, "embeddings": column(numbers), "metadatas": metadata, "included": ["embeddings"] })
        .to_string()
        .into()
}

/// The components, as a number of 32 bits is written.
fn numbers(record: &Record) -> Json {
    let texts: Vec<String> = record.vector.as_ref().unwrap().iter().map(|x| format!("{x:?}")).collect();
    serde_json::from_str(&format!("[{}]", texts.join(","))).unwrap()
}

fn table(records: &[Record], delimiter: char, end: &str) -> Vec<u8> {
    let keys = ["n", "b", "s", "f"];
    let mut rows =
        vec![["id", "v0", "v1", "v2"].into_iter().chain(keys).map(str::to_owned).collect::<Vec<_>>()];
    for record in records {
        let vector = record.vector.as_ref().unwrap().iter().map(|x| format!("{x:?}"));
        let cells = keys.map(|key| record.metadata.get(key).map_or_else(String::new, cell));
        rows.push([cell_of(&record.id)].into_iter().chain(vector).chain(cells).collect());
    }
    rows.into_iter().map(|row| row.join(&delimiter.to_string()) + end).collect::<String>().into()
}

/// The metadata in one column, as JSON text.
fn table_of_json(records: &[Record]) -> Vec<u8> {
    let row = |r: &Record| {
        let vector = numbers(r).to_string().replace(',', " ");
        format!("{}, {vector}, {}\n", cell_of(&r.id), cell_of(&r.metadata.to_string()))
    };
    format!("id, vector, metadata\n{}", records.iter().map(row).collect::<String>()).into()
}

fn cell(value: &Value) -> String {
    match value {
        Value::Scalar(Scalar::String(text)) => cell_of(text),
        Value::Scalar(scalar) => scalar.to_string(),
        _ => String::new(),
    }
}

fn cell_of(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}
