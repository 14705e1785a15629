use std::io::{BufReader, Cursor};
use std::path::Path;

use portolan::Record;

use super::super::parts::Declared;
use super::super::roles::Choice;
use super::shape::is_telling;
use super::{Document, Form, Objects, Vectors, form_of};

fn objects(choice: &Choice) -> Objects {
    Objects::new(choice, &Declared::new(), Vectors::Here)
}

/// The records of a document, or the first error with its line; read through a buffer of a few bytes.
fn read(text: &str) -> Result<Vec<Record>, (u64, String)> {
    let reader = BufReader::with_capacity(3, Cursor::new(text.as_bytes().to_vec()));
    Document::new(reader, Path::new("d.json"), objects(&Choice::default()))
        .map(|row| {
            let row = row.map_err(|e| (0, e.message().to_owned()))?;
            row.record.map_err(|e| (row.line, e.message().to_owned()))
        })
        .collect()
}

fn ids(text: &str) -> String {
    match read(text) {
        Ok(records) => records.iter().map(|r| r.id.as_str()).collect::<Vec<_>>().join(" "),
        Err((line, message)) => format!("{line}: {message}"),
    }
}

#[test]
fn a_document_is_read_however_it_is_laid_out() {
    for text in [
        r#"[{"id":"a","vector":[1]},{"id":"b","vector":[2]}]"#,
        "\u{feff}[\n  {\"id\": \"a\",\n   \"vector\": [1]},\n  {\"id\": \"b\", \"vector\": [2]}\n]\n",
        r#"{"rows":[{"id":"a","vector":[1]},{"id":"b","vector":[2]}]}"#,
        r#"{"vectors":[{"id":"a","values":[1]},{"id":"b","values":[2]}],"namespace":"n"}"#,
        r#"{"time":0.1,"result":{"points":[{"id":"a","vector":[1]},{"id":"b","vector":[2]}],"next":null},"ok":true}"#,
        r#"{"data":{"Get":{"Thing":[{"id":"a","vector":[1]},{"id":"b","vector":[2]}]}}}"#,
        r#"{"ids":["a","b"],"embeddings":[[1],[2]],"metadatas":[null,{}],"included":["embeddings"],"data":null}"#,
        r#"{"id":{"0":"a","1":"b"},"vector":{"0":[1],"1":[2]}}"#,
        r#"{"a":{"vector":[1],"text":"x"},"b":{"vector":[2]}}"#,
        "{\"vectors\":{\"a\":{\"id\":\"a\",\"values\":[1]},\n\"b\":{\"id\":\"b\",\"values\":[2]}},\"namespace\":\"\"}",
        "{\"id\":\"a\",\"vector\":[1]}\n{\"id\":\"b\",\"vector\":[2]}\n",
        "{\n\"id\":\"a\",\"vector\":[1]}\n{\n\"id\":\"b\",\"vector\":[2]}",
    ] {
        let records = read(text).unwrap();
        let read: Vec<(&str, f32)> =
            records.iter().map(|r| (r.id.as_str(), r.vector.as_ref().unwrap()[0])).collect();
        assert_eq!(read, [("a", 1.0), ("b", 2.0)], "{text}");
    }
    for empty in ["", " \n", "[]", "[ ]\n", r#"{"vectors":[]}"#] {
        assert_eq!(ids(empty), "", "{empty:?}");
    }
}

#[test]
fn what_is_wrong_in_a_document_is_told_with_line_and_column() {
    for (text, expected) in [
        (
            "[\n  {\"id\": \"a\",\n   \"vector\": [1, \"x\"]}\n]",
            "3: not a vector, a list of numbers: component 1 is \"x\"",
        ),
        ("[{\"id\":\"a\",\"vector\":[1]}", "0: d.json, line 1: it ends inside a list"),
        ("[{\"id\":\"a\",\"vector\":[1]},]", "0: d.json, line 1: trailing comma"),
        ("[{\"id\":\"a\",\"vector\":[1]} {\"id\":\"b\"}]", "0: d.json, line 1: a comma or ] is missing"),
        ("[{\"id\":\"a\",\"vector\":[1]}]\n[]", "0: d.json, line 2: something follows the end of the list"),
        ("{\"rows\":[{\"id\":\"a\",\"vector\":[1]}]", "0: d.json, line 1: it ends inside an object"),
        ("[{\"id\":\"a\",\"vector\":[1]", "0: d.json, line 1: it ends inside a record"),
        ("[[\"a\",[1],{}]]", "1: not a record: this is a list, and a record is a JSON object"),
        (
            "{\"ids\":[\"a\",\"b\"],\"embeddings\":[[1]]}",
            "0: d.json: `embeddings` has 1 values, and `ids` has 2",
        ),
        (
            "{\"ids\":[\"a\"],\n\"embeddings\":[[1,null]]}",
            "2: not a vector, a list of numbers: component 1 is null",
        ),
        (
            "{\"a\":{\"vector\":[1]},\n\"b\":{\"vector\":[null]}}",
            "2: not a vector, a list of numbers: component 0 is null",
        ),
        ("nonsense", "0: d.json, line 1: this is no JSON"),
    ] {
        assert!(ids(text).starts_with(expected), "{text}: {}", ids(text));
    }
}

#[test]
fn lines_and_documents_are_told_apart_by_their_beginning() {
    for (head, form) in [
        (r#"{"id":"a","vector":[1]}"#, Form::Lines),
        ("{\"id\":\"a\",\"vector\":[1]}\n{", Form::Lines),
        (r#"{"id":"a","data":[{"x":1}],"vector":[1]}"#, Form::Lines),
        (r#"{"_id":{"$oid":"a"},"vector":[1]}"#, Form::Lines),
        ("{\"id\":\"a\",\"vector\":[1,2\n{\"id\":\"b\",\"vector\":[1,2]}\n", Form::Lines),
        ("{\n", Form::Document),
        ("{\"id\": \"a\",\n", Form::Document),
        (r#"{"vectors":[{"id":"a""#, Form::Document),
        (r#"{"result":{"points":[{"#, Form::Document),
        (r#"{"ids":["a"]"#, Form::Document),
        (r#"{"id":{"0":"a"},"vector":{}}"#, Form::Document),
        ("[\n\n {", Form::Document),
        ("[1,2]", Form::Lines),
        (r#"["a",[1],{}]"#, Form::Lines),
        ("no record", Form::Lines),
    ] {
        assert_eq!(form_of(head.as_bytes(), Form::Lines), form, "{head}");
    }
    for (head, telling) in [
        ("", false),
        ("\n ", false),
        ("[", false),
        ("[\n", false),
        ("[\n{", true),
        ("{", false),
        ("{\n", true),
    ] {
        assert_eq!(is_telling(head.as_bytes()), telling, "{head:?}");
    }
}

#[test]
fn parts_are_found_whatever_holds_them() {
    for (text, id) in [
        (r#"{"id":7,"vector":"[1, 2]"}"#, "7"),
        (r#"{"id":123456789012345678901234567890,"vector":[1,2]}"#, "123456789012345678901234567890"),
        (r#"{"_id":{"$oid":"66a"},"emb":[1,2]}"#, "66a"),
        (r#"{"uuid":"u","vector":{"default":[1,2]},"properties":{}}"#, "u"),
        (r#"{"uuid":"u","vectors":{"default":[1,2],"other":[3]}}"#, "u"),
        (r#"{"id":"a","v1":2,"v0":1}"#, "a"),
    ] {
        let record = objects(&Choice::default()).record(text).unwrap();
        assert_eq!((record.id.as_str(), &record.vector.unwrap()[..]), (id, &[1.0, 2.0][..]), "{text}");
    }
    let choice = Choice { vector: Some("vector.text".into()), ..Choice::default() };
    let record = objects(&choice).record(r#"{"id":1,"vector":{"image":[9],"text":[1,2]}}"#).unwrap();
    assert_eq!(&record.vector.unwrap()[..], [1.0, 2.0]);
}

#[test]
fn later_records_have_the_same_keys_for_their_parts() {
    let mut objects = objects(&Choice::default());
    objects.record(r#"{"id":"a","emb":[1],"title":"x"}"#).unwrap();
    objects.record(r#"{"id":"b","emb":[1],"metadata":{"n":1}}"#).unwrap();
    for (text, words) in [
        (
            r#"{"id":"c","emb":[1],"vector":[2]}"#,
            "the vector is in `vector` here and in `emb` in an earlier record",
        ),
        (r#"{"id":"c","title":"y"}"#, "the vector is missing: there is no `emb`, only `id`, `title`"),
        (r#"{"id":"c","emb":[1],"metadata":{"n":1},"n":2}"#, "`n` is both a column and a key"),
        (r#"{"id":"c","id":"d","emb":[1]}"#, "`id` is there twice"),
        (r#"{"id":"c","emb":null}"#, "the vector is null"),
        (r#"{"id":null,"emb":[1]}"#, "the id is null"),
        (r#"{"id":1.5,"emb":[1]}"#, "the id is 1.5"),
        (
            r#"{"id":"c","emb":{"x":[1],"y":[2]}}"#,
            "there are several vectors, `x`, `y`: choose with --vector-column emb.x or",
        ),
        (
            r#"{"id":"c","emb":[1],"metadata":"{broken"}"#,
            "in the metadata, `metadata`: it begins with { and is no JSON object",
        ),
    ] {
        let e = objects.record(text).unwrap_err();
        assert!(e.message.contains(words), "{text}: {}", e.message);
    }
    let record = objects.record(r#"{"id":"c","emb":[1],"metadata":"{\"n\":5}"}"#).unwrap();
    assert_eq!(record.metadata.to_string(), r#"{"n":5}"#);
    let record = objects.record(r#"{"id":"c","emb":[1],"metadata":"plain"}"#).unwrap();
    assert_eq!(record.metadata.to_string(), r#"{"metadata":"plain"}"#);
}
