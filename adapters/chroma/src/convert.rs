//! Records of Chroma and rows of the port.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use portolan_core::driver::kit::{Score, Scores, foreign_metadata};
use portolan_core::driver::{Hit, NativeId, Row, Want};
use portolan_core::number::decimal_parts;
use portolan_core::{Error, ErrorKind, FieldType, IndexSpec, Metadata, Metric, Result, Scalar, Value};
use serde_json::Value as Json;

use crate::api::{Embeddings, Found, NativeMetadata, Rows, Write};

/// The key of a record's document: as Chroma calls it, hidden among the metadata.
pub(crate) const DOCUMENT: &str = "chroma:document";

/// The key of a record's URI, hidden as well.
pub(crate) const URI: &str = "chroma:uri";

/// What Chroma tells of two vectors; it has no manhattan.
const SCORES: Scores = Scores {
    cosine: Score::Distance,
    dot_product: Score::OneMinusDot,
    euclidean: Score::Squared,
    manhattan: Score::Distance,
};

/// Whether Chroma takes a metadata key as it is, and shows it.
pub(crate) fn is_native_key(key: &str) -> bool {
    !key.starts_with(['#', '$']) && !key.starts_with("chroma:")
}

/// Whether a value reads back equal and answers filters. A list of numbers would not be found by order, an empty list
/// reads as missing, and some floats change.
pub(crate) fn represents(key: &str, value: &Value) -> bool {
    if key == DOCUMENT || key == URI {
        return value.as_str().is_some_and(|s| !s.is_empty() && !s.contains('\0'));
    }
    is_native_key(key)
        && match value {
            Value::Scalar(Scalar::Float(x)) => survives(*x),
            Value::Scalar(_) => true,
            Value::List(items) => matches!(items.first(), Some(Scalar::String(_) | Scalar::Bool(_))),
            Value::Opaque(_) => false,
        }
}

/// Whether a float comes through Chroma's parser, which computes `digits * 10^exponent` in floats, as it is: both are floats
/// themselves, so that the one operation on them is rounded right.
pub(crate) fn survives(x: f64) -> bool {
    decimal_parts(x)
        .is_some_and(|(digits, exponent)| digits.unsigned_abs() <= 1 << 53 && exponent.abs() <= 22)
}

/// Whether a filter on this key must look at values in the overflow.
pub(crate) fn may_overflow(spec: &IndexSpec, key: &str) -> bool {
    let all_native = matches!(spec.fields.get(key), Some(FieldType::Bool | FieldType::String));
    // Of a declared bool or string field only the empty list does, and no leaf that is pushed meets that one.
    !(all_native && is_native_key(key))
}

/// The columns to ask for.
pub(crate) fn include(want: Want) -> Vec<&'static str> {
    let mut include = Vec::new();
    if want.vectors {
        include.push("embeddings");
    }
    if want.metadata || want.overflow {
        include.extend(["metadatas", "documents", "uris"]);
    }
    include
}

/// Rows as Chroma takes them; without vectors, an update: read and written again, a cosine vector would change a little
/// each time. What is not named there stays as it was.
pub(crate) fn batch(rows: &[Row], base64: bool) -> Result<Write<'_>> {
    let vectors: Vec<&[f32]> = rows.iter().filter_map(|row| row.vector.as_deref()).collect();
    let embeddings = match vectors.len() {
        0 => None,
        n if n < rows.len() => return Err(Error::invalid("Chroma keeps no record without a vector")),
        _ if base64 => Some(Embeddings::Base64(vectors.into_iter().map(encoded).collect())),
        _ => Some(Embeddings::Numbers(vectors)),
    };
    let documents: Vec<Option<String>> = rows.iter().map(document).collect();
    Ok(Write {
        ids: rows.iter().map(|row| row.id.as_str()).collect(),
        embeddings,
        metadatas: rows.iter().map(native_metadata).collect(),
        documents: documents.iter().any(Option::is_some).then_some(documents),
    })
}

fn encoded(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

/// A document can be replaced and not removed: an empty one stands for none.
fn document(row: &Row) -> Option<String> {
    let text = row.metadata.get(DOCUMENT).and_then(Value::as_str).map(str::to_owned);
    text.or_else(|| row.removed.iter().any(|key| key == DOCUMENT).then(String::new))
}

/// The keys to set, and those to remove as null; none where there is nothing to do. Null for a document would end the
/// server's writer.
fn native_metadata(row: &Row) -> Option<NativeMetadata> {
    let set = row.metadata.iter().filter(|(key, _)| *key != DOCUMENT);
    let mut metadata: NativeMetadata = set.map(|(key, value)| (key.to_owned(), value.to_json())).collect();
    for key in row.removed.iter().filter(|key| *key != DOCUMENT) {
        metadata.insert(key.clone(), Json::Null);
    }
    (!metadata.is_empty()).then_some(metadata)
}

/// What takes out of stored rows the lists that were not written to them; none where there are none.
pub(crate) fn expulsion<'a>(written: &[Row], stored: &'a [Row]) -> Option<Write<'a>> {
    let wanted: HashMap<&str, &Metadata> =
        written.iter().map(|row| (row.id.as_str(), &row.metadata)).collect();
    let mut update = Write::default();
    for row in stored {
        let Some(wanted) = wanted.get(row.id.as_str()) else { continue };
        let strays: NativeMetadata = row
            .metadata
            .iter()
            .filter(|(key, value)| matches!(value, Value::List(_)) && !wanted.contains_key(key))
            .map(|(key, _)| (key.to_owned(), Json::Null))
            .collect();
        if !strays.is_empty() {
            update.ids.push(&row.id);
            update.metadatas.push(Some(strays));
        }
    }
    (!update.ids.is_empty()).then_some(update)
}

/// Rows from their columns.
pub(crate) fn rows(rows: Rows) -> Result<Vec<Row>> {
    let Rows { ids, embeddings, documents, uris, metadatas } = rows;
    let count = ids.len();
    let mut embeddings = column(embeddings, count)?;
    let mut documents = column(documents, count)?;
    let mut uris = column(uris, count)?;
    let mut metadatas = column(metadatas, count)?;
    let mut next = |id: NativeId| {
        let mut metadata = foreign_metadata(metadatas.next().flatten().unwrap_or_default())?;
        for (key, text) in [(DOCUMENT, documents.next().flatten()), (URI, uris.next().flatten())] {
            if let Some(text) = text.filter(|text| !text.is_empty()) {
                metadata.insert(key, text);
            }
        }
        let vector = embeddings.next().flatten().map(Arc::from);
        Ok(Row::new(id, vector, metadata))
    };
    ids.into_iter().map(&mut next).collect()
}

/// The nearest rows of the only query vector.
pub(crate) fn hits(metric: Metric, found: Found) -> Result<Vec<Hit>> {
    let distances = first(found.distances).unwrap_or_default();
    let found = Rows {
        ids: found.ids.into_iter().next().unwrap_or_default(),
        embeddings: first(found.embeddings),
        documents: first(found.documents),
        uris: first(found.uris),
        metadatas: first(found.metadatas),
    };
    let rows = rows(found)?;
    if distances.len() != rows.len() {
        return Err(short("distances", distances.len(), rows.len()));
    }
    let hit = |(row, told): (Row, Option<f64>)| {
        let told = told.ok_or_else(|| short("distances", 0, 1))?;
        Ok(Hit::new(row, SCORES.distance(metric, told)))
    };
    rows.into_iter().zip(distances).map(hit).collect()
}

fn first<T>(columns: Option<Vec<T>>) -> Option<T> {
    columns.and_then(|columns| columns.into_iter().next())
}

fn column<T>(column: Option<Vec<T>>, count: usize) -> Result<std::vec::IntoIter<T>> {
    match column {
        None => Ok(Vec::new().into_iter()),
        Some(column) if column.len() == count => Ok(column.into_iter()),
        Some(column) => Err(short("values", column.len(), count)),
    }
}

fn short(what: &str, found: usize, wanted: usize) -> Error {
    let message = format!("the server's answer holds {found} {what} for {wanted} records");
    Error::new(ErrorKind::Unexpected, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn floats_of_few_digits_survive() {
        for x in [0.0, 0.1, -2.5, 1e22, 1e-22, 123_456.789, 0.000_001, 9_007_199_254_740.5] {
            assert!(survives(x), "{x:?}");
        }
        for x in [0.1 + 0.2, 1.1 / 3.0 + 0.6, 1e23, 5e-324, f64::MAX, 9_007_199_254_740_991.0] {
            assert!(!survives(x), "{x:?}");
        }
    }

    #[test]
    fn what_chroma_would_change_is_not_represented() {
        let no = |key: &str, value: Value| assert!(!represents(key, &value), "{key} {value}");
        let yes = |key: &str, value: Value| assert!(represents(key, &value), "{key} {value}");
        yes("k", "".into());
        yes("k", i64::MAX.into());
        yes("k", 0.1.into());
        yes("k", vec!["a"].into());
        yes("k", vec![true].into());
        yes(DOCUMENT, "text".into());
        no("k", (0.1 + 0.2).into());
        no("k", Value::list(Vec::<i64>::new()));
        no("k", vec![1, 2].into());
        no("k", Value::Opaque(Arc::new(json!({"a": 1}))));
        no("#k", "a".into());
        no("chroma:k", "a".into());
        no(DOCUMENT, 1.into());
        no(DOCUMENT, "".into());
    }

    #[test]
    fn rows_are_written_with_what_is_to_go() {
        let metadata = Metadata::new().with("a", 1).with(URI, "u");
        let row = Row {
            id: "x".into(),
            vector: Some([1.0, 0.5].into()),
            metadata,
            removed: vec!["b".to_owned(), DOCUMENT.to_owned()],
        };
        let plain = Row { id: "y".into(), vector: Some([0.0, 2.0].into()), ..Row::default() };
        let written = serde_json::to_value(batch(&[row, plain.clone()], false).unwrap()).unwrap();
        assert_eq!(
            written,
            json!({
                "ids": ["x", "y"],
                "embeddings": [[1.0, 0.5], [0.0, 2.0]],
                "metadatas": [{"a": 1, "b": null, "chroma:uri": "u"}, null],
                "documents": ["", null],
            })
        );
        let written = serde_json::to_value(batch(&[plain], true).unwrap()).unwrap();
        assert_eq!(written["embeddings"], json!(["AAAAAAAAAEA="]));
        assert_eq!(written.get("documents"), None);
    }

    #[test]
    fn lists_that_were_not_written_are_taken_out() {
        let row = |id: &str, metadata: Metadata| Row { id: id.into(), metadata, ..Row::default() };
        let clean = Metadata::new().with("a", vec!["x"]);
        let stray = clean.clone().with("b", vec!["y"]).with("scalar", 1);
        let written = [row("1", clean.clone()), row("2", clean.clone())];
        let stored = [row("1", stray), row("2", clean.clone())];
        let update = expulsion(&written, &stored).unwrap();
        assert_eq!(serde_json::to_value(update).unwrap(), json!({"ids": ["1"], "metadatas": [{"b": null}]}));
        assert_eq!(expulsion(&written, &[row("1", clean)]), None);
    }

    #[test]
    fn rows_are_read_with_their_documents() {
        let answer = json!({
            "ids": ["a", "b"],
            "embeddings": null,
            "documents": ["text", ""],
            "uris": [null, "u"],
            "metadatas": [{"n": 2, "x": 2.0, "big": 9_223_372_036_854_775_808_u64}, null],
        });
        let read = rows(serde_json::from_value(answer).unwrap()).unwrap();
        let first = Metadata::new().with("n", 2).with("x", 2.0).with("big", 9_223_372_036_854_775_808.0);
        assert_eq!(read[0].metadata, first.with(DOCUMENT, "text"));
        assert_eq!(read[1].metadata, Metadata::new().with(URI, "u"));
        assert_eq!(read[1].vector, None);
    }

    #[test]
    fn distances_are_the_metrics_own() {
        for (metric, told, wanted) in
            [(Metric::Cosine, 0.25, 0.25), (Metric::DotProduct, 0.25, -0.75), (Metric::Euclidean, 0.25, 0.5)]
        {
            let answer = json!({ "ids": [["a"]], "distances": [[told]] });
            let hits = hits(metric, serde_json::from_value(answer).unwrap()).unwrap();
            assert_eq!(hits[0].distance, wanted, "{metric}");
        }
    }

    #[test]
    fn an_answer_with_holes_is_refused() {
        for answer in
            [json!({ "ids": ["a"], "metadatas": [] }), json!({ "ids": ["a"], "embeddings": [[1.0], [2.0]] })]
        {
            let e = rows(serde_json::from_value(answer).unwrap()).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Unexpected);
        }
        let answer = json!({ "ids": [["a"]], "distances": [[null]] });
        assert!(hits(Metric::Cosine, serde_json::from_value(answer).unwrap()).is_err());
    }
}
