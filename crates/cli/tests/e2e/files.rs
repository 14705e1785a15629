//! Files as people have them: what other programs write, each imported by one command.

use serde_json::{Value as Json, json};

use crate::run::{Ended, Place, ids};

const FIXTURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/files");

/// Imports a fixture by one command; with the options that the error printed, where it needs a choice.
fn import(file: &str, options: &[&str]) -> (Place, Ended) {
    let place = Place::new();
    std::fs::copy(format!("{FIXTURES}/{file}"), place.path(file)).unwrap();
    let ended = place.run(&[&["import", "data", file, "--create"], options].concat());
    (place, ended)
}

/// The records of an index by their ids.
fn records(place: &Place) -> Vec<Json> {
    let mut all = place.json(&["scan", "data", "--all", "--include-vectors"])["records"].take();
    let all = all.as_array_mut().unwrap();
    all.sort_by_key(|record| record["id"].as_str().unwrap().to_owned());
    std::mem::take(all)
}

#[test]
fn files_of_other_databases_are_imported_by_one_command() {
    for (file, told, ids, metadata) in [
        (
            "pinecone-upsert.json",
            "id from `id`, vector from `values` (3 numbers), metadata from `metadata`, field `sparseValues`",
            &["vec1", "vec2"][..],
            json!({"genre": "action"}),
        ),
        (
            "pinecone-import.jsonl",
            "id from `id`, vector from `values` (3 numbers), metadata from `metadata`",
            &["vec1", "vec2"],
            json!({"genre": "action"}),
        ),
        (
            "pinecone-fetch.json",
            "id from `id`, vector from `values` (3 numbers), metadata from `metadata`",
            &["vec1", "vec2"],
            json!({"genre": "action"}),
        ),
        (
            "langchain-store.json",
            "id from `id`, vector from `vector` (3 numbers), metadata from `metadata`, field `text`",
            &["5a1c", "9b7e"],
            json!({"page": 2, "text": "second page"}),
        ),
        (
            "cohere-wikipedia.jsonl",
            "id from `_id`, vector from `emb` (3 numbers), fields `url`, `title`, `text`",
            &["20231101.simple_1_0", "20231101.simple_1_1"],
            json!({
                "url": "https://simple.wikipedia.org/wiki/April",
                "title": "April",
                "text": "April comes between March and May.",
            }),
        ),
        (
            "openai-cookbook.csv",
            "id from the column without a name, vector from `embedding` (3 numbers), fields `ProductId`, `UserId`",
            &["0", "297"],
            json!({
                "ProductId": "B003VXHGPK",
                "UserId": "A21VWSCGW7UUAR",
                "Score": 4,
                "Summary": "Good, but not Wolfgang Puck good",
                "Text": "Honestly, I have to admit that I expected a little better.",
                "combined": "Title: Good, but not Wolfgang Puck good; Content: Honestly",
                "n_tokens": 178,
            }),
        ),
        (
            "qdrant-scroll.json",
            "id from `id`, vector from `vector` (3 numbers), metadata from `payload`",
            &["1", "3", "5c56c793-69f3-4fbf-87e6-c4bf54c28c26"],
            json!({"city": ["London", "Moscow"]}),
        ),
        (
            "weaviate-objects.json",
            "id from `id`, vector from `vector` (3 numbers), metadata from `properties`, fields `class`",
            &["00ff6900-e64f-5d94-90db-c8cfa3fc851b", "0143a5cf-5ad1-5ce9-8d4c-5a0d0b4c1c7e"],
            json!({
                "answer": "the nose",
                "round": "Jeopardy!",
                "points": 200,
                "class": "JeopardyQuestion",
                "creationTimeUnix": 1_695_326_173_230_i64,
                "lastUpdateTimeUnix": 1_695_326_173_230_i64,
            }),
        ),
        (
            "weaviate-client.jsonl",
            "id from `uuid`, vector from `vector` (3 numbers), metadata from `properties`",
            &["00ff6900-e64f-5d94-90db-c8cfa3fc851b", "0143a5cf-5ad1-5ce9-8d4c-5a0d0b4c1c7e"],
            json!({"answer": "the nose"}),
        ),
        (
            "milvus-rows.json",
            "id from `id`, vector from `vector` (3 numbers), metadata from `$meta`, field `color`",
            &["0", "1"],
            json!({"color": "red_7025"}),
        ),
        (
            "chroma-get.json",
            "id from `ids`, vector from `embeddings` (3 numbers), metadata from `metadatas`, field `documents`",
            &["id1", "id2"],
            Json::Null,
        ),
        (
            "chromadb.json",
            "id from `ids`, vector from `embeddings` (3 numbers), metadata from `metadatas`, field `documents`",
            &["a", "b", "c"],
            json!({"documents": "Zürich", "year": 2024, "price": 1e-5, "open": true}),
        ),
        (
            "langchain-pgvector.csv",
            "id from `uuid`, vector from `embedding` (3 numbers), metadata from `cmetadata`",
            &["7c1a0c4e-0f3d-4e93-8d55-0d6b3f3b7a11", "d2719a0e-5c26-4ef2-9f6c-2a4fbb1a1d02"],
            json!({"collection_id": 1, "document": "second page", "source": "a.pdf", "page": 2}),
        ),
        (
            "excel-semicolons.csv",
            "separated by `;`: id from `ID`, vector from `Vector` (3 numbers), fields `Name`, `Count`",
            &["7", "8"],
            json!({"Name": "Müller", "Count": 4}),
        ),
    ] {
        let (place, ended) = import(file, &[]);
        assert_eq!(ended.status, 0, "{file}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("{file}: {told}")), "{file}: {}", ended.stderr);
        let records = records(&place);
        assert_eq!(self::ids(&json!(records)), ids, "{file}");
        assert_eq!(records.last().unwrap()["metadata"], metadata, "{file}");
    }
}

/// The records of `write.py`, whose values are the same in each of its files.
#[test]
fn files_of_data_frames_are_imported_by_one_command() {
    for file in [
        "pandas.csv",
        "pandas.tsv.gz",
        "pandas-numpy.csv",
        "pandas-numbered.csv",
        "pandas-records.jsonl",
        "pandas-records.json",
        "pandas-records.json.gz",
        "pandas-columns.json",
        "polars.jsonl",
        "polars.json",
        "polars.csv",
        "duckdb.csv",
        "duckdb-pipes.csv",
        "duckdb.json",
        "duckdb-array.json",
        "duckdb.json.zst",
    ] {
        let (place, ended) = import(file, &[]);
        assert_eq!(ended.status, 0, "{file}: {}", ended.stderr);
        let expected = json!([
            {
                "id": "a",
                "vector": [0.5, -1.25, 3.0],
                "metadata": {"title": "one, two", "year": 2001, "price": 0.5, "open": true},
            },
            {
                "id": "b",
                "vector": [0.25, 1e-7, -2.0],
                "metadata": {"title": "a \"quoted\"\nword", "year": 1999, "price": 2.0, "open": false},
            },
            {
                "id": "c",
                "vector": [1.0, 2.0, 3.5],
                "metadata": {"title": "Zürich", "year": 2024, "price": 1e-5, "open": true},
            },
        ]);
        assert_eq!(json!(records(&place)), expected, "{file}");
    }
    let (place, ended) = import("pandas-index-only.csv", &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert_eq!(ids(&json!(records(&place))), ["0", "1", "2"]);
}

#[test]
fn a_file_that_needs_a_choice_prints_the_option_that_makes_it() {
    for (file, option, count) in [
        ("milvus-insert.json", "--id-column book_id", 2),
        ("openai-cookbook-articles.csv", "--vector-column content_vector", 2),
        ("qdrant-named.jsonl", "--vector-column vector.text", 2),
    ] {
        let (place, refused) = import(file, &[]);
        assert_ne!(refused.status, 0, "{file}");
        assert!(refused.stderr.contains(option), "{file}: {}", refused.stderr);
        assert_eq!(place.ok(&["index", "list", "-o", "json"]).trim(), r#"{"indexes":[]}"#);
        let options: Vec<&str> = option.split(' ').collect();
        let ended = place.run(&[&["import", "data", file, "--create"], &options[..]].concat());
        assert_eq!(ended.status, 0, "{file}: {}", ended.stderr);
        assert_eq!(place.count("data"), count, "{file}");
    }
}

#[test]
fn a_dry_run_shows_what_would_be_read_and_leaves_nothing() {
    let place = Place::new();
    place.write("d.csv", "ID;emb;title\nx;[1 2 3 4 5 6];one\n");
    let shown = place.ok(&["import", "data", "d.csv", "--dry-run"]);
    assert_eq!(
        shown,
        "d.csv: separated by `;`: id from `ID`, vector from `emb` (6 numbers), field `title`.\n  first id        x\n  \
         first vector    [1.0, 2.0, 3.0, 4.0, … 6 numbers]\n  first metadata  {\"title\":\"one\"}\nNothing was stored.\n"
    );
    let summary = place.json(&["import", "data", "d.csv", "--dry-run", "--ignore-column", "title"]);
    assert_eq!(summary["files"][0]["first"], json!({"id": "x", "vector": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]}));
    let ended = place.run_with(&["import", "data", "-", "--dry-run"], br#"{"id":"a","v":1}"#);
    ended.failed(1, &["stdin, line 1: there is no column vector", "--vector-column"]);
    assert!(!place.path("store").exists());
}

#[test]
fn cells_are_separated_by_what_the_first_row_shows_or_the_user_says() {
    for (file, text, options, told) in [
        ("a.csv", "id|vector|t\na|[1,2]|x,y\n", &[][..], "separated by `|`: id"),
        ("a.csv", "id\tvector\tt\na\t[1,2]\tx,y\n", &[], "separated by tabs: id"),
        ("a.tsv", "id,vector,t\na,\"[1,2]\",\"x,y\"\n", &[], "separated by `,`: id"),
        ("a.csv", "id^vector^t\na^[1,2]^x,y\n", &["--delimiter", "^"], "a.csv: id"),
        ("a.csv", "id, vector, t\na, \"[1,2]\", \"x,y\"\n", &[], "a.csv: id"),
    ] {
        let place = Place::new();
        place.write(file, text);
        let ended = place.run(&[&["import", "data", file, "--create"], options].concat());
        assert_eq!(ended.status, 0, "{text:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(told), "{text:?}: {}", ended.stderr);
        let expected = json!([{"id": "a", "vector": [1.0, 2.0], "metadata": {"t": "x,y"}}]);
        assert_eq!(json!(records(&place)), expected, "{text:?}");
    }
    let place = Place::new();
    place.run(&["import", "data", "a.csv", "--delimiter", "ab"]).failed(2, &["\"ab\" is no delimiter"]);
}

#[test]
fn compressed_text_is_told_by_its_content_also_on_stdin() {
    let place = Place::with_companies();
    let packed = std::fs::read(format!("{FIXTURES}/pandas-records.json.gz")).unwrap();
    place.ok(&["index", "create", "data", "-d", "3"]);
    for name in ["-", "packed", "packed.json"] {
        place.write("packed", &packed);
        place.write("packed.json", &packed);
        let ended = place.run_with(&["import", "data", name], &packed);
        assert_eq!(ended.status, 0, "{name}: {}", ended.stderr);
        assert_eq!(place.count("data"), 3, "{name}");
        place.ok(&["clear", "data", "--yes"]);
    }
    place.write("cut.jsonl.gz", &packed[..packed.len() / 2]);
    place.run(&["import", "data", "cut.jsonl.gz"]).failed(1, &["cut.jsonl.gz", "the gzip data ends early"]);
    place.write("other.csv.bz2", b"BZh91AY&SY");
    place.run(&["import", "data", "other.csv.bz2"]).failed(2, &["other.csv.bz2", "bzip2 -dc"]);
    place.write("matrix.npy.gz", &packed);
    place.run(&["import", "data", "matrix.npy.gz"]).failed(2, &["matrix.npy.gz", "unpack"]);
}

/// Each text that is wrong, and what is said of it: the file, the line of an editor, and what to do, in no words but
/// the user's.
#[test]
fn what_is_wrong_with_text_is_told_in_the_words_of_its_author() {
    for (file, text, words) in [
        (
            "a.csv",
            "id,v0,v1,t\na,1,2,\"oops\nb,3,4,fine\nc,5,6,fine\n",
            &["a.csv, line 2: the quote that opens cell 4"][..],
        ),
        ("a.csv", "id,v0,t\r\n\r\na,1,\"x\"y\r\n", &["line 3: in cell 3", "'y' follows the closing quote"]),
        ("a.csv", "id,v0,v2\na,1,2\n", &["a column `v2` and no column `v1`"]),
        ("a.csv", "id;x\na;1\n", &["there is no column vector", "`id`, `x`", "--vector-column NAME"]),
        ("a.csv", "ID,Id,vector\na,b,[1]\n", &["`ID`, `Id`", "--id-column ID or --id-column Id"]),
        ("a.csv", "key,vector\na,[1]\n", &["there is no column id", "`key`, `vector`", "--id-column NAME"]),
        ("a.csv", "id,vector,\na,[1],2\n", &["column 3 has no name", "--ignore-column \"\""]),
        ("a.csv", "id,vector\na,[0.1 ... 0.2]\n", &["line 2", "`vector` is not a vector", "json.dumps"]),
        ("a.csv", "id,vector\na,\n", &["line 2: the vector is missing"]),
        ("a.csv", "id,vector\n,[1]\n", &["line 2: the id is missing"]),
        ("a.csv", "id,vector\na,\"[1,two]\"\n", &["line 2", "component 1 is two, and must be a number"]),
        ("a.csv", "id,v0,v1\na,1,\n", &["line 2: the column `v1` is empty"]),
        ("a.csv", "id,v0\na,\"0,5\"\n", &["line 2: the column `v0` is \"0,5\", and must be a number"]),
        (
            "a.csv",
            "id,vector,metadata\na,[1],{'n': 1}\n",
            &["line 2", "`metadata`: it begins with { and is no JSON"],
        ),
        ("a.csv", "\u{feff}id,vector\n\n\na,[1],2\n", &["line 4: the row has 3 cells, and the header has 2"]),
        ("a.csv", "", &["a.csv: it has no first row"]),
        (
            "a.jsonl",
            "\r\n{\"id\":\"a\",\"vector\":[1]\r\n",
            &["line 2: not valid JSON: it ends inside an object"],
        ),
        ("a.jsonl", "[\"a\",[0.1,0.2],{\"k\":1}]\n", &["line 1: not a record: this is a list", "{\"id\""]),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":{}}\n",
            &["the vector is an empty object, and must be a list of numbers"],
        ),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":[\"x\"]}\n",
            &["component 0 is \"x\", and must be a number, column 21"],
        ),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":[1e39]}\n",
            &["component 0 is 1e39, beyond what 32-bit floats hold"],
        ),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":[NaN]}\n",
            &["not valid JSON", "NaN and Infinity are no JSON, column 21"],
        ),
        (
            "a.jsonl",
            "{\"id\":true,\"vector\":[1]}\n",
            &["the id is a bool, and must be a string or an integer, column 7"],
        ),
        ("a.jsonl", "{id:1}\n", &["a key must stand in double quotes"]),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":[1]} {}\n",
            &["something follows the value; each record stands on its own line"],
        ),
        (
            "a.jsonl",
            "{\"id\":\"a\",\"vector\":[1],\"metadata\":{\"n\":99999999999999999999}}\n",
            &["in the metadata", "beyond 64 bits"],
        ),
        (
            "a.json",
            "[\n  {\"id\": \"a\",\n   \"vector\": [1, null]}\n]\n",
            &["a.json, line 3", "component 1 is null", "column 18"],
        ),
        (
            "a.json",
            "[{\"id\":\"a\",\"vector\":[1]",
            &["a.json, line 1: it ends inside a record or a value; was it cut off?"],
        ),
        ("a.dat", "\u{1}\u{2}", &["neither name nor content tells the format of a.dat", "--format"]),
    ] {
        let place = Place::new();
        place.write(file, text);
        let ended = place.run(&["import", "data", file, "--create"]);
        assert!(ended.status == 1 || ended.status == 2, "{file} {text:?}: {} {}", ended.status, ended.stderr);
        for word in words {
            assert!(ended.stderr.contains(word), "{text:?}: {word:?} is missing in: {}", ended.stderr);
        }
        for parsers in ["invalid type", "expected f32", "expected ident", "EOF", "at line"] {
            assert!(!ended.stderr.contains(parsers), "{text:?}: {}", ended.stderr);
        }
        assert_eq!(place.ok(&["index", "list", "-o", "json"]).trim(), r#"{"indexes":[]}"#, "{text:?}");
    }
}

#[test]
fn numbers_of_a_column_are_each_what_they_are() {
    let place = Place::new();
    place.write("i.csv", "id,v0,v1,tweet\na,1,2,1746714878034235397\nb,3,4,0.5\n");
    place.ok(&["import", "inf", "i.csv", "--create"]);
    let got = place.ok(&["get", "inf", "a", "b", "-o", "json"]);
    assert!(got.contains(r#"{"tweet":1746714878034235397}"#) && got.contains(r#"{"tweet":0.5}"#), "{got}");
    let count = place.json(&["count", "inf", "--where", "tweet = 1746714878034235397"]);
    assert_eq!(count["count"], 1);
    place.write("f.jsonl", r#"{"id":"a","vector":[1,2],"n":9007199254740993}"#);
    place
        .run(&["import", "inf", "f.jsonl", "--field", "n:float"])
        .failed(1, &["`n`: the integer 9007199254740993 has no equal float"]);
}

#[test]
fn a_dimension_of_one_is_one_dimension() {
    let place = Place::new();
    place.write("one.jsonl", r#"{"id":"a","vector":[1]}"#);
    let ended = place.run(&["import", "one", "one.jsonl", "--create"]);
    assert!(ended.stderr.contains("Created the index one: 1 dimension, cosine."), "{}", ended.stderr);
    assert_eq!(
        place.ok(&["index", "create", "two", "-d", "1"]),
        "Created the index two: 1 dimension, cosine.\n"
    );
}
