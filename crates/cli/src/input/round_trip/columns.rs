//! The same in formats that hold columns.

use std::fs;
use std::io::Write;
use std::path::Path;

use portolan::Record;
use proptest::collection::vec;
use proptest::prelude::proptest;
use proptest::test_runner::Config;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::{bound, declared, lines, nested, read, record};
use crate::input::csv::ColumnTypes;
use crate::input::file::{Format, Input};
use crate::input::roles::Choice;
use crate::input::source::Source;

proptest! {
    #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

    #[test]
    fn arrays_hold_the_same_vectors(records in vec(record(), 1..8)) {
        let dir = tempfile::tempdir().unwrap();
        let (matrix, beside) = (dir.path().join("matrix.npy"), dir.path().join("lines.jsonl"));
        fs::write(&matrix, array("<f4", &format!("({}, 3)", records.len()), components(&records))).unwrap();
        fs::write(&beside, lines(&records, |r| {
            let mut line = nested(r);
            line.as_object_mut().unwrap().remove("vector");
            line
        })).unwrap();
        let input = Input {
            source: Source::named(&matrix).unwrap(),
            format: Format::Npy,
            metadata: Some(Source::named(&beside).unwrap()),
            columns: Choice::default(),
            delimiter: None,
        };
        let rows = input.open(&ColumnTypes::new(&declared())).unwrap();
        let read_back: Vec<Record> = rows.map(|row| row.unwrap().record.unwrap()).collect();
        assert_eq!(read_back, records.iter().cloned().map(bound).collect::<Vec<_>>());

        // A text of numpy ends where only zeros follow, and an array has no holes.
        let bare = |r: &Record| Record::new(format!("{}.", r.id), r.vector.clone().unwrap());
        let bare: Vec<Record> = records.iter().map(bare).collect();
        let path = dir.path().join("arrays.npz");
        archive(&path, &bare);
        let read_back: Vec<Record> = read(&path).into_iter().map(|row| row.unwrap()).collect();
        assert_eq!(read_back, bare);
    }
}

fn components(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(|r| r.vector.as_ref().unwrap().iter().flat_map(|x| x.to_le_bytes())).collect()
}

/// An array as numpy writes it.
fn array(descr: &str, shape: &str, data: Vec<u8>) -> Vec<u8> {
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.into_bytes());
    bytes.extend(data);
    bytes
}

fn archive(path: &Path, records: &[Record]) {
    let width = records.iter().map(|r| r.id.chars().count()).max().unwrap();
    let padded =
        |r: &Record| r.id.chars().map(u32::from).chain(vec![0; width]).take(width).collect::<Vec<_>>();
    let ids = records.iter().flat_map(padded).flat_map(u32::to_le_bytes).collect();
    let mut archive = ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in [
        ("ids.npy", array(&format!("<U{width}"), &format!("({},)", records.len()), ids)),
        ("vectors.npy", array("<f4", &format!("({}, 3)", records.len()), components(records))),
    ] {
        archive.start_file(name, SimpleFileOptions::default()).unwrap();
        archive.write_all(&bytes).unwrap();
    }
    archive.finish().unwrap();
}

#[cfg(feature = "formats")]
mod arrow {
    use std::sync::Arc;

    use arrow_array::builder::{FixedSizeListBuilder, Float32Builder, ListBuilder, StringBuilder};
    use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
    use arrow_ipc::writer::{FileWriter, StreamWriter};
    use parquet::arrow::ArrowWriter;
    use portolan::{Scalar, Value};

    use super::super::{Way, any_value, held};
    use super::*;
    use crate::input::parquet::ParquetWriter;

    const WAYS: &[Way] = &[
        Way { file: "exported.parquet", holds: any_value, write: exported },
        Way { file: "floats.parquet", holds: is_typed, write: |r| parquet(&batch(r, floats)) },
        Way { file: "integers.parquet", holds: is_integer, write: |r| parquet(&batch(r, integers)) },
        Way {
            file: "floats.feather",
            holds: is_typed,
            write: |r| {
                let batch = batch(r, floats);
                let mut file = FileWriter::try_new(Vec::new(), &batch.schema()).unwrap();
                file.write(&batch).unwrap();
                file.into_inner().unwrap()
            },
        },
        Way {
            file: "integers.arrows",
            holds: is_integer,
            write: |r| {
                let batch = batch(r, integers);
                let mut stream = StreamWriter::try_new(Vec::new(), &batch.schema()).unwrap();
                stream.write(&batch).unwrap();
                stream.into_inner().unwrap()
            },
        },
    ];

    proptest! {
        #![proptest_config(Config { cases: 48, failure_persistence: None, ..Config::default() })]

        #[test]
        fn columns_hold_the_same_records(records in vec(record(), 1..8)) {
            let dir = tempfile::tempdir().unwrap();
            for way in WAYS {
                let written: Vec<Record> = records.iter().map(|r| held(r, way.holds)).collect();
                let path = dir.path().join(way.file);
                fs::write(&path, (way.write)(&written)).unwrap();
                let read_back: Vec<Record> = read(&path).into_iter().map(|row| row.unwrap()).collect();
                assert_eq!(read_back, written.into_iter().map(bound).collect::<Vec<_>>(), "{}", way.file);
            }
        }
    }

    /// A column of floats, bools, texts or lists has no other values.
    fn is_typed(value: &Value) -> bool {
        matches!(
            value,
            Value::Scalar(Scalar::Float(_) | Scalar::Bool(_) | Scalar::String(_)) | Value::List(_)
        )
    }

    fn is_integer(value: &Value) -> bool {
        matches!(value, Value::Scalar(Scalar::Integer(_)))
    }

    fn exported(records: &[Record]) -> Vec<u8> {
        let mut writer = ParquetWriter::new(Vec::new()).unwrap();
        writer.write(records).unwrap();
        writer.finish().unwrap()
    }

    fn parquet(batch: &RecordBatch) -> Vec<u8> {
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(batch).unwrap();
        writer.into_inner().unwrap()
    }

    fn floats(records: &[Record], key: &str) -> ArrayRef {
        Arc::new(
            records.iter().map(|r| r.metadata.get(key).and_then(Value::as_float)).collect::<Float64Array>(),
        )
    }

    fn integers(records: &[Record], key: &str) -> ArrayRef {
        Arc::new(
            records.iter().map(|r| r.metadata.get(key).and_then(Value::as_integer)).collect::<Int64Array>(),
        )
    }

    fn batch(records: &[Record], numbers: fn(&[Record], &str) -> ArrayRef) -> RecordBatch {
        let mut vectors = FixedSizeListBuilder::new(Float32Builder::new(), 3);
        let mut lists = ListBuilder::new(StringBuilder::new());
        for record in records {
            vectors.values().append_slice(record.vector.as_ref().unwrap());
            vectors.append(true);
            match record.metadata.get("l") {
                Some(Value::List(items)) => lists.append_value(items.iter().map(|item| item.as_str())),
                _ => lists.append_null(),
            }
        }
        let get = |key: &'static str| records.iter().map(move |r| r.metadata.get(key));
        let columns: Vec<(&str, ArrayRef)> = vec![
            ("id", Arc::new(records.iter().map(|r| Some(r.id.as_str())).collect::<StringArray>())),
            ("vector", Arc::new(vectors.finish())),
            ("n", numbers(records, "n")),
            ("f", numbers(records, "f")),
            ("b", Arc::new(get("b").map(|v| v.and_then(Value::as_bool)).collect::<BooleanArray>())),
            ("s", Arc::new(get("s").map(|v| v.and_then(Value::as_str)).collect::<StringArray>())),
            ("l", Arc::new(lists.finish())),
        ];
        // A column of nothing else than null is written as well.
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
            .unwrap()
    }
}
