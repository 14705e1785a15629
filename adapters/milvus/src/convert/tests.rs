use portolan_core::driver::Deadline;
use portolan_core::{ErrorKind, Metadata};
use serde_json::json;

use super::*;
use crate::columns::{Columns, DYNAMIC, METADATA};
use crate::foreign::column::Column;
use crate::proto::schema::{JsonArray, LongArray};
use crate::server::Server;

fn spec() -> IndexSpec {
    IndexSpec::new("abc", 2)
}

fn made() -> Layout {
    Layout::of_spec(Server::Current, &spec())
}

fn foreign(columns: Vec<Column>) -> Layout {
    Layout {
        id: "pk".into(),
        integer_ids: true,
        vector: "embedding".into(),
        columns: Columns { typed: columns, object: Some(DYNAMIC) },
        ..made()
    }
}

fn a_column(name: &str, of: DataType, optional: bool) -> Column {
    Column { name: name.into(), of, element: DataType::Int64, optional, max_length: None }
}

fn row(id: &str, metadata: serde_json::Value) -> Row {
    Row {
        id: id.into(),
        vector: Some(vec![1.0, 2.0].into()),
        metadata: Metadata::from_json(metadata).unwrap(),
        removed: Vec::new(),
    }
}

fn read(layout: &Layout, spec: &IndexSpec, fields: &[FieldData]) -> Result<Vec<Row>> {
    rows(target(layout, spec), layout.ids(fields)?, fields)
}

fn target<'a>(index: &'a Layout, spec: &'a IndexSpec) -> Target<'a> {
    Target { name: "abc", spec, index, deadline: Deadline::NONE }
}

fn round_trip(layout: &Layout, given: &[Row]) -> Vec<Row> {
    read(layout, &spec(), &columns(target(layout, &spec()), given)).unwrap()
}

#[test]
fn rows_read_back_as_they_were() {
    let given = [
        row(
            "a",
            json!({"i": 1_746_714_878_034_235_396_i64, "f": 2.0, "list": [1.5], "deep": {"x": [1, null]}}),
        ),
        row("b", json!({})),
    ];
    assert_eq!(round_trip(&made(), &given), given);
}

#[test]
fn rows_of_other_programs_read_back_as_they_were() {
    let layout = foreign(vec![
        a_column("year", DataType::Int64, false),
        a_column("ratio", DataType::Float, true),
        a_column("tags", DataType::Array, false),
    ]);
    let given = [
        row("1", json!({"year": 2010, "ratio": 0.5, "tags": [1, 2], "free": "x"})),
        row("-2", json!({"year": -1, "tags": []})),
    ];
    assert_eq!(round_trip(&layout, &given), given);
}

#[test]
fn what_does_not_fit_is_refused() {
    let layout =
        foreign(vec![a_column("year", DataType::Int8, false), a_column("ratio", DataType::Float, true)]);
    admit(&layout, &row("7", json!({"year": 3}))).unwrap();
    for (id, metadata, word) in [
        ("seven", json!({"year": 3}), "seven"),
        ("07", json!({"year": 3}), "07"),
        ("7", json!({}), "year"),
        ("7", json!({"year": 1_000}), "1000"),
        ("7", json!({"year": "a"}), "year"),
        ("7", json!({"year": 3, "ratio": 0.1}), "0.1"),
        ("7", json!({"year": 3, "pk": 1}), "pk"),
    ] {
        let error = admit(&layout, &row(id, metadata)).unwrap_err();
        assert!(error.message().contains(word), "{error}");
    }
}

#[test]
fn a_text_that_is_too_long_is_refused_alone() {
    let title = Column { max_length: Some(4), ..a_column("title", DataType::VarChar, false) };
    let layout = foreign(vec![title]);
    admit(&layout, &row("7", json!({"title": "four"}))).unwrap();
    let error = admit(&layout, &row("7", json!({"title": "fünf"}))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PayloadTooLarge);
    assert!(error.message().contains("title") && error.message().contains("4 bytes"), "{error}");
}

#[test]
fn nulls_and_numbers_beyond_i64_are_read_as_the_contract_says() {
    let bytes = br#"{"gone": null, "huge": 18446744073709551615, "list": [18446744073709551615]}"#.to_vec();
    let fields = [
        column("id", DataType::VarChar, Data::StringData(StringArray { data: vec!["a".into()] })),
        column(METADATA, DataType::Json, Data::JsonData(JsonArray { data: vec![bytes] })),
    ];
    let read = read(&made(), &spec(), &fields).unwrap();
    assert_eq!(
        read[0].metadata.to_json(),
        json!({"huge": 18_446_744_073_709_551_615.0, "list": [18_446_744_073_709_551_615.0]})
    );
}

#[test]
fn both_ways_to_send_missing_values_are_read() {
    let layout = foreign(vec![a_column("year", DataType::Int64, true)]);
    for data in [vec![5], vec![0, 5]] {
        let mut year = column("year", DataType::Int64, Data::LongData(LongArray { data }));
        year.valid_data = vec![false, true];
        let ids = column("pk", DataType::Int64, Data::LongData(LongArray { data: vec![1, 2] }));
        let read = read(&layout, &spec(), &[ids, year]).unwrap();
        assert_eq!(read[0].metadata.to_json(), json!({}));
        assert_eq!(read[1].metadata.to_json(), json!({"year": 5}));
    }
}

#[test]
fn rubbish_is_an_error() {
    let ids =
        column("id", DataType::VarChar, Data::StringData(StringArray { data: vec!["a".into(), "b".into()] }));
    let short = column(METADATA, DataType::Json, Data::JsonData(JsonArray { data: vec![b"{}".to_vec()] }));
    let broken = column(METADATA, DataType::Json, Data::JsonData(JsonArray { data: vec![b"{".to_vec(); 2] }));
    let no_object =
        column(METADATA, DataType::Json, Data::JsonData(JsonArray { data: vec![b"[1]".to_vec(); 2] }));
    for bad in [short, broken, no_object] {
        assert!(read(&made(), &spec(), &[ids.clone(), bad]).is_err());
    }
    assert!(read(&made(), &spec(), &[]).is_err());
}

#[test]
fn a_vector_too_short_for_the_server_gets_a_zero() {
    let spec = IndexSpec::new("abc", 1);
    let layout = Layout::of_spec(Server::Current, &spec);
    let given = Row { id: "a".into(), vector: Some(vec![7.0].into()), ..Row::default() };
    let sent = columns(target(&layout, &spec), std::slice::from_ref(&given));
    let Some(Field::Vectors(vectors)) = &sent[1].field else { panic!("no vectors") };
    assert_eq!(vectors.data, Some(vector_field::Data::FloatVector(FloatArray { data: vec![7.0, 0.0] })));
    assert_eq!(read(&layout, &spec, &sent).unwrap(), [given]);
}

#[test]
fn each_record_names_its_partition() {
    let spec = spec().field("tenant", portolan_core::FieldType::String).option("partition_key", "tenant");
    let long = "x".repeat(257);
    let rows: Vec<Row> = [json!("a"), json!(7), json!(["a", "b"]), json!(long), json!(null)]
        .into_iter()
        .map(|value| row("r", json!({ "tenant": value })))
        .collect();
    let sent = columns(target(&Layout::of_spec(Server::Current, &spec), &spec), &rows);
    let partitions = sent.iter().find(|field| field.field_name == PARTITION).and_then(scalars);
    let Some(Data::StringData(partitions)) = partitions else { panic!("no partitions") };
    assert_eq!(partitions.data, ["a", "7", "", "", ""]);
}
