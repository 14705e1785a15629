//! What other programs have made.

use portolan_core::filter::{field, id_in};
use portolan_core::{
    CountRequest, Cursor, DeleteRequest, EngineKind, ErrorKind, FieldType, GetRequest, Metadata,
    MetadataPatch, MetadataUpdate, Metric, Record, ScanRequest, SearchRequest, UpdateRequest,
    UpsertRequest as Upsert,
};
use serde_json::json;

use crate::proto::column as values;
use crate::proto::schema::{
    DataType, DoubleArray, FieldData, FieldSchema, JsonArray, LongArray, StringArray, scalar_field,
};
use crate::world::{OPTIONS, World, column, floats, text};

/// Milvus 2.3 says that a key with null exists.
pub(crate) async fn a_null_of_another_program_does_not_exist(m: World) {
    m.index(m.spec(2), &[json!({"k": 1}), json!({})]).await;
    let texts = |texts: &[&str]| StringArray { data: texts.iter().map(|t| (*t).to_owned()).collect() };
    let objects = JsonArray { data: vec![br#"{"k": null}"#.to_vec()] };
    let fields = vec![
        values("id", DataType::VarChar, scalar_field::Data::StringData(texts(&["null"]))),
        floats("vector", 2, vec![9.0, 1.0]),
        values("metadata", DataType::Json, scalar_field::Data::JsonData(objects)),
    ];
    m.write(fields, 1).await;
    assert_eq!(m.met(&field("k").exists()).await, ["r00000"]);
    assert_eq!(m.met(&!field("k").exists()).await, ["null", "r00001"]);
    let count =
        m.storage.count(&CountRequest::new(&m.name).filter(Some(&field("k").exists()))).await.unwrap();
    assert_eq!(count, 1);
}

/// A collection with integer keys, typed fields and a dynamic field, as the vendor's clients make them.
pub(crate) async fn collections_of_others_are_read_and_searched(m: World) {
    let fields = vec![text("title"), column("year", DataType::Int64), column("ratio", DataType::Double)];
    m.collection(2, fields, "FLAT", "{}").await;
    let titles = StringArray { data: vec!["one".into(), "two".into(), "three".into()] };
    let rest = [json!({"tag": "a"}), json!({"tag": ["b", "c"], "n": 2}), json!({})];
    let rest = JsonArray { data: rest.iter().map(|j| j.to_string().into_bytes()).collect() };
    let dynamic = values("$meta", DataType::Json, scalar_field::Data::JsonData(rest));
    let fields = vec![
        values("pk", DataType::Int64, scalar_field::Data::LongData(LongArray { data: vec![1, 2, -3] })),
        floats("embedding", 2, vec![1.0, 1.0, 2.0, 1.0, 3.0, 1.0]),
        values("title", DataType::VarChar, scalar_field::Data::StringData(titles)),
        values(
            "year",
            DataType::Int64,
            scalar_field::Data::LongData(LongArray { data: vec![2001, 2002, 2003] }),
        ),
        values(
            "ratio",
            DataType::Double,
            scalar_field::Data::DoubleData(DoubleArray { data: vec![0.5, 1.5, 2.5] }),
        ),
        FieldData { is_dynamic: true, ..dynamic },
    ];
    m.write(fields, 3).await;

    assert!(m.storage.list_indexes(OPTIONS).await.unwrap().contains(&m.name));
    let info = m.storage.describe_index(&m.name, OPTIONS).await.unwrap();
    assert_eq!((info.spec.dimension, info.spec.metric), (2, Metric::Euclidean));
    assert_eq!(info.spec.engine.kind, Some(EngineKind::Flat));
    assert_eq!(info.spec.fields["year"], FieldType::Integer);
    let wanted = ["2".to_owned(), "-3".to_owned(), "x".to_owned()];
    let read = m.storage.get(&GetRequest::new(&m.name, &wanted)).await.unwrap();
    let two = read[0].as_ref().unwrap();
    assert_eq!(
        two.metadata.to_json(),
        json!({"title": "two", "year": 2002, "ratio": 1.5, "tag": ["b", "c"], "n": 2})
    );
    assert_eq!(read[1].as_ref().map(|r| r.id.as_str()), Some("-3"));
    assert!(read[2].is_none());
    for (filter, expected) in [
        (field("title").eq("two"), vec!["2"]),
        (field("title").starts_with("t"), vec!["-3", "2"]),
        (field("title").contains("e"), vec!["-3", "1"]),
        (field("year").gt(2001.5), vec!["-3", "2"]),
        (field("year").ne(2002), vec!["-3", "1"]),
        (field("ratio").lte(1.5), vec!["1", "2"]),
        (field("tag").eq("b"), vec!["2"]),
        (field("tag").exists(), vec!["1", "2"]),
        (!field("n").eq(2), vec!["-3", "1"]),
        (id_in(["-3", "x"]), vec!["-3"]),
    ] {
        assert_eq!(m.met(&filter).await, expected, "{filter}");
    }
    let scanned = m.storage.scan(&ScanRequest::new(&m.name).page_size(2)).await.unwrap();
    assert_eq!(scanned.records.len(), 2);
    let record = Record::new("4", vec![4.0, 1.0]).metadata(
        Metadata::from_json(json!({"title": "four", "year": 2004, "ratio": 0.0, "new": true})).unwrap(),
    );
    let wrong = Record::new("5", vec![4.0, 1.0]);
    let written = m.storage.upsert(&Upsert::new(&m.name, &[record.clone(), wrong][..])).await.unwrap();
    assert!(written.items[0].error().is_none(), "{:?}", written.items[0]);
    assert_eq!(written.items[1].error().map(portolan_core::Error::kind), Some(ErrorKind::InvalidArgument));
    let read = m.storage.get(&GetRequest::new(&m.name, &["4".to_owned()])).await.unwrap();
    assert_eq!(read[0].as_ref().map(|r| &r.metadata), Some(&record.metadata));
}

/// An index of other programs may hold codes instead of vectors, and the server then scores those.
pub(crate) async fn scores_of_compressed_vectors_are_not_told(m: World) {
    m.collection(4, Vec::new(), "IVF_SQ8", r#"{"nlist": 4}"#).await;
    let at =
        |n: u16| [f32::from(n % 31), f32::from(n % 17) / 3.0, f32::from(n % 7) / 9.0, f32::from(n) / 50.0];
    let records: Vec<Record> = (0..600).map(|n| Record::new(n.to_string(), at(n).to_vec())).collect();
    m.upsert(&records).await.unwrap();
    m.storage.optimize(&m.name, OPTIONS).await.map(drop).unwrap_or_default();
    for n in [7, 300, 599] {
        let request = SearchRequest::new(&m.name, at(n).to_vec()).top_k(5).nprobe(4);
        let found = m.storage.search(&request).await.unwrap().matches;
        assert_eq!((found[0].id.as_str(), found[0].distance), (n.to_string().as_str(), 0.0));
        for row in found {
            let other = at(row.id.parse().unwrap());
            let squares = at(n).into_iter().zip(other).map(|(a, b)| (f64::from(a) - f64::from(b)).powi(2));
            let expected = squares.sum::<f64>().sqrt();
            assert!((f64::from(row.distance) - expected).abs() < 1e-5, "{}: {expected}", row.distance);
        }
    }
}

/// Integer keys stand in expressions as they are.
pub(crate) async fn a_cursor_is_no_expression(m: World) {
    m.collection(2, Vec::new(), "FLAT", "{}").await;
    let records: Vec<Record> = (1..6).map(|n| Record::new(n.to_string(), vec![n as f32, 1.0])).collect();
    m.upsert(&records).await.unwrap();
    let filter = id_in(["1", "2"].map(str::to_owned));
    let scan = |cursor: Option<Cursor>| {
        let (m, filter) = (m.clone(), filter.clone());
        async move {
            let request =
                ScanRequest::new(&m.name).filter(Some(&filter)).page_size(1).cursor(cursor.as_ref());
            m.storage.scan(&request).await
        }
    };
    let page = scan(None).await.unwrap();
    let cursor = page.cursor.unwrap();
    assert_eq!(scan(Some(cursor.clone())).await.unwrap().records[0].id, "2");
    let forged = cursor.as_str().replace(":1", ":0) or (pk >= 0");
    assert_ne!(forged, cursor.as_str());
    let e = scan(Some(Cursor::new(forged))).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{e}");
}

/// What a_partition_key_loses_no_record says of 2.3 holds for their collections too.
pub(crate) async fn a_partition_key_is_not_written(m: World) {
    let tenant = FieldSchema { is_partition_key: true, ..text("tenant") };
    m.collection(2, vec![tenant], "FLAT", "{}").await;
    let record = Record::new("1", vec![1.0, 1.0]).metadata(Metadata::new().with("tenant", "a"));
    let e = m.storage.upsert(&Upsert::new(&m.name, &vec![record])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    assert_eq!(m.storage.count(&CountRequest::new(&m.name)).await.unwrap(), 0);
}

/// What is upserted there comes to lie under another id than the one given, or is refused by a riddle.
pub(crate) async fn where_the_server_makes_the_ids_no_record_is_written(m: World) {
    let key = FieldSchema { auto_id: true, ..column("pk", DataType::Int64) };
    m.collection_with(key, 2, vec![text("title")], "FLAT", "{}").await;
    let titles = StringArray { data: vec!["one".into(), "two".into()] };
    let fields = vec![
        floats("embedding", 2, vec![1.0, 1.0, 2.0, 1.0]),
        values("title", DataType::VarChar, scalar_field::Data::StringData(titles)),
    ];
    m.insert(fields, 2).await;

    let met = m.met(&field("title").eq("two")).await;
    let [two] = met.as_slice() else { panic!("{met:?}") };
    let record = Record::new(two.as_str(), vec![4.0, 1.0]);
    let e = m.storage.upsert(&Upsert::new(&m.name, &[record][..])).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Unsupported && e.message().contains("auto_id"), "{e}");
    let update = MetadataUpdate::new(two.as_str(), MetadataPatch::new().set("title", "three"));
    let e = m.storage.update_metadata(&UpdateRequest::new(&m.name, &[update][..])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Unsupported, "{e}");
    m.storage.delete(&DeleteRequest::new(&m.name, &met)).await.unwrap().into_result().unwrap();
    assert_eq!(m.storage.count(&CountRequest::new(&m.name)).await.unwrap(), 1);
}
