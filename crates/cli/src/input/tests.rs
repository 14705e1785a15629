use std::collections::BTreeMap;
use std::io::{BufReader, Cursor, Read, repeat};
use std::path::Path;

use portolan::{Metadata, Record};

use super::csv::{ColumnTypes, Csv, Delimiter, Kind};
use super::json::{Objects, Vectors};
use super::lines::Lines;
use super::parts::Declared;
use super::record::{parse_record, parse_vector};
use super::roles::Choice;
use super::rows::MAX_ROW_BYTES;

fn lines(text: &[u8]) -> Vec<(u64, Result<String, &'static str>)> {
    let mut lines = Lines::new(Cursor::new(text.to_vec()));
    let mut all = Vec::new();
    while let Some(line) = lines.next().unwrap() {
        all.push((line.number, line.text.map(|t| t.trim_end().to_owned())));
    }
    all
}

#[test]
fn blank_lines_are_counted_and_passed_over() {
    let text = "\u{feff}one\r\n\n  \ntwo\nthree".as_bytes();
    assert_eq!(lines(text), [(1, Ok("one".into())), (4, Ok("two".into())), (5, Ok("three".into()))]);
    assert_eq!(lines(b""), []);
}

#[test]
fn a_line_that_is_not_utf8_is_told_and_the_next_is_read() {
    assert_eq!(lines(b"\xff\nok\n"), [(1, Err("the line is not UTF-8 text")), (2, Ok("ok".into()))]);
}

#[test]
fn an_endless_line_is_not_kept() {
    let long = repeat(b'x').take(MAX_ROW_BYTES + 5).chain(Cursor::new(b"\nok"));
    let mut lines = Lines::new(BufReader::new(long));
    assert!(lines.next().unwrap().unwrap().text.is_err());
    let next = lines.next().unwrap().unwrap();
    assert_eq!((next.number, next.text), (2, Ok("ok")));
    assert_eq!(lines.bytes_read(), MAX_ROW_BYTES + 8);
}

#[test]
fn a_record_is_read_bit_for_bit() {
    for x in [0.1_f32, 1.0 / 3.0, f32::MIN_POSITIVE, f32::from_bits(1), 16_777_217.0, -0.0, 3.402_823_4e38] {
        let text = serde_json::to_string(&Record::new("a", vec![x])).unwrap();
        let vector = parse_record(&text).unwrap().vector.unwrap();
        assert_eq!(vector[0].to_bits(), x.to_bits(), "{text}");
    }
}

#[test]
fn what_is_no_record_is_told_with_its_column() {
    for (text, message) in [
        ("{\"id\":\"a\",\"vector\":[1,]}", "not valid JSON: trailing comma, column 23"),
        ("{\"id\":true,\"vector\":[1]}", "the id is a bool, and must be a string or an integer, column 7"),
        ("{\"id\":\"a\",\"vector\":[\"1\"]}", "component 0 is \"1\", and must be a number, column 21"),
        ("{\"vector\":[1]}", "not a record: missing field `id`"),
    ] {
        let e = parse_record(text).unwrap_err();
        assert!(e.message().contains(message), "{text}: {e}");
    }
    assert!(parse_vector("{}").unwrap_err().message().starts_with("not a vector"));
}

#[test]
fn metadata_stands_under_its_key_or_beside_the_id() {
    let year = Metadata::new().with("year", 2010);
    let parse = |text: &str| {
        Objects::new(&Choice::default(), &Declared::new(), Vectors::Elsewhere).id_and_metadata(text)
    };
    for text in [r#"{"id":"a","metadata":{"year":2010}}"#, r#"{"id":"a","year":2010}"#] {
        assert_eq!(parse(text).unwrap(), ("a".to_owned(), year.clone()), "{text}");
    }
    let (_, both) = parse(r#"{"id":"a","metadata":{"b":1},"year":2010}"#).unwrap();
    assert_eq!(both, year.with("b", 1));
    for wrong in ["[]", "{}", r#"{"id":1.5}"#, r#"{"id":"a","n":99999999999999999999}"#] {
        assert!(parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_column_has_one_type_and_a_number_its_own() {
    for (cells, of) in [
        (&["1", "-2", "0"][..], Kind::Number),
        (&["1", "2.5"], Kind::Number),
        (&["1e3", "0.5", "-0.25"], Kind::Number),
        (&["true", "False"], Kind::Bool),
        (&["true", "1"], Kind::Text),
        (&["007", "1"], Kind::Text),
        (&["9223372036854775808"], Kind::Text),
        (&["NaN"], Kind::Text),
        (&["inf"], Kind::Text),
        (&["1.", "2"], Kind::Number),
        (&["00.5"], Kind::Text),
        (&["1e999"], Kind::Text),
        (&["", "3"], Kind::Number),
    ] {
        let csv: String = cells.iter().map(|c| format!("a,[1],{c}\n")).collect();
        let mut types = ColumnTypes::new(&BTreeMap::new());
        let csv = Cursor::new(format!("id,vector,x\n{csv}"));
        let rows =
            Csv::new(csv, Path::new("t.csv"), Delimiter::Given(b','), &Choice::default(), &types).unwrap();
        rows.widening(&mut types).finish().unwrap();
        assert_eq!(types.inferred("x"), Some(of), "{cells:?}");
    }
}
