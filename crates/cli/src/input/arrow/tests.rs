use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::builder::{
    FixedSizeListBuilder, Float32Builder, LargeListBuilder, LargeListViewBuilder, ListBuilder,
    ListViewBuilder, MapBuilder, StringBuilder, UInt64Builder,
};
use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, BinaryArray, DictionaryArray, FixedSizeBinaryArray, Float32Array, Float64Array,
    Int64Array, IntervalYearMonthArray, RecordBatch, RunArray, StringArray, StructArray, UInt64Array,
};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{Field, Fields};
use parquet::arrow::ArrowWriter;
use parquet::data_type::{ByteArrayType, FloatType};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use portolan::Record;
use tempfile::TempDir;

use crate::input::arrow::open_ipc;
use crate::input::parquet::open;
use crate::input::parts::Declared;
use crate::input::roles::Choice;
use crate::input::rows::Rows;
use crate::input::source::Source;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter(columns).unwrap()
}

fn ids(count: usize) -> ArrayRef {
    Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("r{n}"))))
}

fn floats(count: usize) -> ArrayRef {
    let mut lists = ListBuilder::new(Float32Builder::new());
    (0..count).for_each(|n| lists.append_value([Some(n as f32), Some(0.5)]));
    Arc::new(lists.finish())
}

/// The same rows in a Parquet file and in an Arrow stream.
fn files(dir: &TempDir, batch: &RecordBatch) -> [PathBuf; 2] {
    let paths = [dir.path().join("rows.parquet"), dir.path().join("rows.arrows")];
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(3)).build();
    let mut parquet =
        ArrowWriter::try_new(File::create(&paths[0]).unwrap(), batch.schema(), Some(properties)).unwrap();
    parquet.write(batch).unwrap();
    parquet.close().unwrap();
    let mut stream = StreamWriter::try_new(File::create(&paths[1]).unwrap(), &batch.schema()).unwrap();
    stream.write(batch).unwrap();
    stream.finish().unwrap();
    paths
}

fn opened(path: &Path, choice: &Choice) -> Result<Box<dyn Rows>, String> {
    let is_parquet = path.extension().unwrap() == "parquet";
    let (source, declared) = (Source::named(path).unwrap(), Declared::new());
    if is_parquet { open(&source, choice, &declared) } else { open_ipc(&source, choice, &declared) }
        .map_err(|e| e.message().to_owned())
}

/// The records of a file, or what is wrong with it or with a row.
fn read(path: &Path, choice: &Choice) -> Result<Vec<Result<Record, String>>, String> {
    let rows = opened(path, choice)?;
    rows.map(|row| {
        row.map(|r| r.record.map_err(|e| e.message().to_owned())).map_err(|e| e.message().to_owned())
    })
    .collect()
}

fn vectors(path: &Path) -> Vec<Result<Vec<f32>, String>> {
    read(path, &Choice::default())
        .unwrap()
        .into_iter()
        .map(|r| r.map(|r| r.vector.unwrap().to_vec()))
        .collect()
}

#[test]
fn every_kind_of_list_is_a_vector() {
    let dir = tempfile::tempdir().unwrap();
    macro_rules! lists {
        ($builder:expr) => {{
            let mut lists = $builder;
            for row in [[Some(1.0), Some(-0.5)], [Some(f32::MIN_POSITIVE), Some(2.0)]] {
                row.iter().for_each(|x| lists.values().append_option(*x));
                lists.append(true);
            }
            Arc::new(lists.finish()) as ArrayRef
        }};
    }
    let kinds = [
        lists!(ListBuilder::new(Float32Builder::new())),
        lists!(LargeListBuilder::new(Float32Builder::new())),
        lists!(FixedSizeListBuilder::new(Float32Builder::new(), 2)),
        lists!(ListViewBuilder::new(Float32Builder::new())),
        lists!(LargeListViewBuilder::new(Float32Builder::new())),
    ];
    for vector in kinds {
        let of = vector.data_type().clone();
        // Of a slice as well, whose offsets do not begin at 0.
        for from in [0, 1] {
            let rows = batch(vec![("id", ids(2)), ("vector", vector.clone())]).slice(from, 2 - from);
            for path in files(&dir, &rows) {
                let expected = [Ok(vec![1.0, -0.5]), Ok(vec![f32::MIN_POSITIVE, 2.0])];
                assert_eq!(vectors(&path), expected[from..], "{of} in {}", path.display());
            }
        }
    }
}

#[test]
fn a_list_that_is_null_or_holds_null_is_refused_and_the_others_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut lists = ListBuilder::new(Float32Builder::new());
    lists.append_value([Some(1.0), None]);
    lists.append_null();
    lists.append_value([Some(f32::NAN), Some(1.0)]);
    lists.append_value([Some(3.0), Some(4.0)]);
    for path in files(&dir, &batch(vec![("id", ids(4)), ("vector", Arc::new(lists.finish()))])) {
        let read = vectors(&path);
        assert_eq!(read[0], Err("component 1 of the vector is null".to_owned()));
        assert_eq!(read[1], Err("the vector is null".to_owned()));
        // That it is no number is what the store says, by the row.
        assert!(read[2].as_ref().unwrap()[0].is_nan());
        assert_eq!(read[3], Ok(vec![3.0, 4.0]));
    }
}

#[test]
fn lists_of_two_levels_are_read() {
    for repeated in [
        "repeated float array;",
        "repeated group array { required float item; }",
        "repeated group bag { optional float array_element; }",
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("legacy.parquet");
        let schema = format!(
            "message m {{ required binary id (UTF8); optional group vector (LIST) {{ {repeated} }} }}"
        );
        let schema = Arc::new(parse_message_type(&schema).unwrap());
        let file = File::create(&path).unwrap();
        let mut writer = SerializedFileWriter::new(file, schema, Arc::default()).unwrap();
        let mut group = writer.next_row_group().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&["a".into(), "b".into()], None, None).unwrap();
        column.close().unwrap();
        let mut column = group.next_column().unwrap().unwrap();
        let depth = if repeated.contains("optional") { 3 } else { 2 };
        column
            .typed::<FloatType>()
            .write_batch(&[1.0, 2.0, 3.0, 4.0], Some(&[depth; 4]), Some(&[0, 1, 0, 1]))
            .unwrap();
        column.close().unwrap();
        group.close().unwrap();
        writer.close().unwrap();
        if repeated.contains("required float item") {
            // A group called `array` is the element itself, a struct of one field.
            assert!(read(&path, &Choice::default()).unwrap_err().contains("no lists of numbers"));
        } else {
            assert_eq!(vectors(&path), [Ok(vec![1.0, 2.0]), Ok(vec![3.0, 4.0])], "{repeated}");
        }
    }
}

#[test]
fn the_vector_may_be_text_or_numbered_columns_or_inside_a_struct() {
    let dir = tempfile::tempdir().unwrap();
    let text: ArrayRef = Arc::new(StringArray::from(vec![Some("[1, 0.5]"), None, Some("[")]));
    for path in files(&dir, &batch(vec![("id", ids(3)), ("vector", text)])) {
        let read = vectors(&path);
        assert_eq!((&read[0], &read[1]), (&Ok(vec![1.0, 0.5]), &Err("the vector is null".to_owned())));
        assert!(read[2].is_err());
    }
    let part = |numbers: Vec<Option<f64>>| Arc::new(Float64Array::from(numbers)) as ArrayRef;
    let rows = batch(vec![
        ("v1", part(vec![Some(0.5), Some(1.0)])),
        ("id", ids(2)),
        ("v0", part(vec![Some(2.0), None])),
    ]);
    for path in files(&dir, &rows) {
        assert_eq!(vectors(&path), [Ok(vec![2.0, 0.5]), Err("component 0 of the vector is null".to_owned())]);
    }
    let inner = Field::new("title", floats(2).data_type().clone(), true);
    let structs =
        StructArray::new(Fields::from(vec![inner]), vec![floats(2)], Some(vec![true, false].into()));
    let choice = Choice { vector: Some("vectors.title".to_owned()), ..Choice::default() };
    for path in files(&dir, &batch(vec![("id", ids(2)), ("vectors", Arc::new(structs))])) {
        let read = read(&path, &choice).unwrap();
        assert_eq!(read[0].as_ref().unwrap().vector.as_deref(), Some(&[0.0, 0.5][..]));
        assert_eq!(read[1].as_ref().unwrap_err(), "the vector is null");
        let wrong = Choice { vector: Some("vectors.text".to_owned()), ..Choice::default() };
        assert!(opened(&path, &wrong).err().unwrap().contains("the column `vectors` has no field `text`"));
    }
}

#[test]
fn a_column_that_metadata_has_not_is_told_with_its_type_and_how_to_leave_it_out() {
    let dir = tempfile::tempdir().unwrap();
    let months: ArrayRef = Arc::new(IntervalYearMonthArray::from(vec![1, 2]));
    let bytes: ArrayRef =
        Arc::new(FixedSizeBinaryArray::try_from_iter([[1, 2], [3, 4]].into_iter()).unwrap());
    for (column, of) in [(months, "Interval(YearMonth)"), (bytes, "FixedSizeBinary(2)")] {
        for path in files(&dir, &batch(vec![("id", ids(2)), ("vector", floats(2)), ("x", column.clone())])) {
            let error = read(&path, &Choice::default()).unwrap_err();
            if error.contains(of) {
                assert!(
                    error.ends_with("which metadata has not; leave it out with --ignore-column x"),
                    "{error}"
                );
            } else {
                // Parquet keeps the months as bytes.
                assert!(error.contains("--ignore-column x"), "{error}");
            }
            let choice = Choice { ignore: vec!["x".to_owned()], ..Choice::default() };
            assert_eq!(read(&path, &choice).unwrap().len(), 2);
        }
    }
    let scalar: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    for path in files(&dir, &batch(vec![("id", ids(2)), ("vector", scalar)])) {
        assert!(
            read(&path, &Choice::default()).unwrap_err().contains("`vector` holds values of the type Int64")
        );
    }
}

#[test]
fn a_cell_that_metadata_has_not_is_of_its_row_only() {
    let dir = tempfile::tempdir().unwrap();
    let columns: [(ArrayRef, &str); 3] = [
        (Arc::new(BinaryArray::from_vec(vec![b"\xff", b"text"])), "UTF-8"),
        (Arc::new(Float64Array::from(vec![f64::NAN, 1.0])), "not finite"),
        (Arc::new(UInt64Array::from(vec![u64::MAX, 1])), "18446744073709551615"),
    ];
    for (column, words) in columns {
        for path in files(&dir, &batch(vec![("id", ids(2)), ("vector", floats(2)), ("x", column.clone())])) {
            let read = read(&path, &Choice::default()).unwrap();
            assert!(read[0].as_ref().unwrap_err().contains(words), "{:?}", read[0]);
            assert!(read[1].is_ok());
        }
    }
    let mut maps = MapBuilder::new(None, StringBuilder::new(), UInt64Builder::new());
    for (key, value) in [("k", 1), ("k", 2)] {
        maps.keys().append_value(key);
        maps.values().append_value(value);
    }
    maps.append(true).unwrap();
    let rows = batch(vec![("id", ids(1)), ("vector", floats(1)), ("x", Arc::new(maps.finish()))]);
    for path in files(&dir, &rows) {
        assert!(
            read(&path, &Choice::default()).unwrap()[0].as_ref().unwrap_err().contains("the key `k` twice")
        );
    }
}

#[test]
fn runs_and_dictionaries_are_their_values() {
    let dir = tempfile::tempdir().unwrap();
    let runs: RunArray<Int32Type> = ["x", "x", "y"].into_iter().collect();
    let words: DictionaryArray<Int32Type> = [Some("a"), None, Some("a")].into_iter().collect();
    let rows = batch(vec![
        ("id", ids(3)),
        ("vector", floats(3)),
        ("runs", Arc::new(runs)),
        ("words", Arc::new(words)),
    ]);
    let path = dir.path().join("rows.arrows");
    let mut stream = StreamWriter::try_new(File::create(&path).unwrap(), &rows.schema()).unwrap();
    stream.write(&rows).unwrap();
    stream.finish().unwrap();
    let read = read(&path, &Choice::default()).unwrap();
    let metadata: Vec<String> = read.into_iter().map(|r| r.unwrap().metadata.to_string()).collect();
    assert_eq!(metadata, [r#"{"runs":"x","words":"a"}"#, r#"{"runs":"x"}"#, r#"{"runs":"y","words":"a"}"#]);
}

#[test]
fn rows_are_passed_over_within_and_across_groups() {
    let dir = tempfile::tempdir().unwrap();
    for path in files(&dir, &batch(vec![("id", ids(8)), ("vector", floats(8))])) {
        for passed in 0..=9 {
            let mut rows = opened(&path, &Choice::default()).unwrap();
            assert_eq!(rows.pass_over(passed).unwrap(), passed.min(8));
            let left: Vec<_> = rows.by_ref().map(|row| row.unwrap()).collect();
            let ids: Vec<_> = left.iter().map(|row| row.record.as_ref().unwrap().id.clone()).collect();
            assert_eq!(ids, (passed..8).map(|n| format!("r{n}")).collect::<Vec<_>>(), "{}", path.display());
            assert_eq!(left.first().map_or(passed.min(8) + 1, |row| row.line), passed.min(8) + 1);
        }
        let mut rows = opened(&path, &Choice::default()).unwrap();
        rows.next().unwrap().unwrap();
        assert_eq!(rows.pass_over(3).unwrap(), 3);
        assert_eq!(rows.next().unwrap().unwrap().record.unwrap().id, "r4");
    }
}

#[test]
fn damaged_files_are_errors_or_show_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let rows =
        batch(vec![("id", ids(8)), ("vector", floats(8)), ("n", Arc::new(Float32Array::from(vec![1.0; 8])))]);
    for path in files(&dir, &rows) {
        let whole = std::fs::read(&path).unwrap();
        let wrong = path.with_file_name(format!("wrong.{}", path.extension().unwrap().to_str().unwrap()));
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 0xa5;
            std::fs::write(&wrong, &bytes).unwrap();
            // It must end, and neither crash nor give more than was written.
            if let Ok(read) = read(&wrong, &Choice::default()) {
                assert!(read.len() <= 8, "byte {at}");
            }
            std::fs::write(&wrong, &whole[..at]).unwrap();
            let truncated = read(&wrong, &Choice::default());
            assert!(truncated.is_err() || path.extension().unwrap() == "arrows", "cut at byte {at}");
        }
    }
}

#[test]
fn what_an_old_writer_did_not_say_is_text() {
    let dir = tempfile::tempdir().unwrap();
    let bytes: ArrayRef = Arc::new(BinaryArray::from_vec(vec![b"a", b"b"]));
    for path in files(&dir, &batch(vec![("id", bytes), ("vector", floats(2))])) {
        let read = read(&path, &Choice::default()).unwrap();
        assert_eq!(read.into_iter().map(|r| r.unwrap().id).collect::<Vec<_>>(), ["a", "b"]);
    }
}
