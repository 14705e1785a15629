//! Ids, values, vectors and rows to Qdrant's and back.

use std::collections::HashMap;

use portolan_core::driver::kit::{Score, Scores, foreign_metadata};
use portolan_core::driver::{NativeId, OVERFLOW, OVERFLOW_KEYS, Row, Want};
use portolan_core::number::decimal_parts;
use portolan_core::record::Vector;
use portolan_core::{Error, ErrorKind, Metadata, Metric, Result, Scalar, Value};
use qdrant_client::qdrant::point_id::PointIdOptions;
use qdrant_client::qdrant::{
    self as q, Distance, NamedVectors, PointId, PointStruct, VectorsOutput, WithPayloadSelector,
    WithVectorsSelector, vector_output, vectors_output,
};
use serde_json::Value as Json;

/// A payload, as requests and answers hold it.
pub(crate) type Payload = HashMap<String, q::Value>;

/// The levels of an object that are stored natively: a request may nest about a hundred messages, three a level.
const NATIVE_LEVELS: usize = 16;

/// What Qdrant tells of two vectors.
pub(crate) const SCORES: Scores = Scores {
    cosine: Score::Cosine,
    dot_product: Score::Dot,
    euclidean: Score::Distance,
    manhattan: Score::Distance,
};

/// Below this squared length Qdrant takes a vector for zero and does not normalize it.
const TINY: f64 = 1e-6;

/// Qdrant's name of a metric.
pub(crate) fn distance_of(metric: Metric) -> Distance {
    match metric {
        Metric::Cosine => Distance::Cosine,
        Metric::DotProduct => Distance::Dot,
        Metric::Euclidean => Distance::Euclid,
        Metric::Manhattan => Distance::Manhattan,
    }
}

/// A native id, which is an unsigned integer or a UUID.
pub(crate) fn point_id(id: &str) -> PointId {
    id.parse::<u64>().map_or_else(|_| id.into(), PointId::from)
}

/// Native ids, in one order, so that a request for the same ids is the same request.
pub(crate) fn point_ids(ids: &[NativeId]) -> Vec<PointId> {
    let mut sorted: Vec<&NativeId> = ids.iter().collect();
    sorted.sort_unstable();
    sorted.into_iter().map(|id| point_id(id)).collect()
}

/// A native id as text.
pub(crate) fn id_text(id: Option<PointId>) -> Result<String> {
    match id.and_then(|id| id.point_id_options) {
        Some(PointIdOptions::Num(n)) => Ok(n.to_string()),
        Some(PointIdOptions::Uuid(uuid)) => Ok(uuid),
        None => Err(Error::new(ErrorKind::Unexpected, "Qdrant has answered a point without an id")),
    }
}

/// Whether a value reads back equal, and filters take it for what it is, when it stands in the payload.
///
/// Qdrant keeps payloads as JSON text and reads numbers from it with less than full care. It matches the scalars of any
/// list one by one, which an opaque one must not be.
pub(crate) fn represents(value: &Value) -> bool {
    match value {
        Value::Scalar(scalar) => scalar_survives(scalar),
        Value::List(items) => items.iter().all(scalar_survives),
        Value::Opaque(json) => {
            let hides_scalars = |items: &Vec<Json>| items.iter().all(|i| i.is_object() || i.is_array());
            json.as_array().is_none_or(hides_scalars) && json_survives(json, NATIVE_LEVELS)
        }
    }
}

fn scalar_survives(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Float(x) => float_survives(*x),
        Scalar::Bool(_) | Scalar::Integer(_) | Scalar::String(_) => true,
    }
}

fn json_survives(json: &Json, levels: usize) -> bool {
    match json {
        Json::Array(items) => levels > 0 && items.iter().all(|item| json_survives(item, levels - 1)),
        Json::Object(map) => levels > 0 && map.values().all(|value| json_survives(value, levels - 1)),
        Json::Number(n) if n.is_f64() => n.as_f64().is_some_and(float_survives),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => true,
    }
}

/// Whether a float is read back bit for bit from JSON text by a parser that rounds twice: its digits to a float, and that
/// times or by a power of ten.
pub(crate) fn float_survives(x: f64) -> bool {
    let Some((digits, power)) = decimal_parts(x) else { return false };
    let Ok(scale) = format!("1e{}", power.unsigned_abs()).parse::<f64>() else { return false };
    let read = if power < 0 { digits as f64 / scale } else { digits as f64 * scale };
    read == x
}

/// What of payloads is to be sent.
pub(crate) fn payload_of(want: Want) -> Option<WithPayloadSelector> {
    let overflow_alone = want.overflow && !want.metadata;
    Some(if overflow_alone { vec![OVERFLOW, OVERFLOW_KEYS].into() } else { want.metadata.into() })
}

/// Whether the vector of this name is to be sent; empty is the unnamed one.
pub(crate) fn vectors_of(want: Want, name: &str) -> Option<WithVectorsSelector> {
    let named = want.vectors && !name.is_empty();
    Some(if named { vec![name].into() } else { want.vectors.into() })
}

/// A payload of metadata.
pub(crate) fn payload(metadata: &Metadata) -> Payload {
    metadata.iter().map(|(key, value)| (key.to_owned(), value.to_json().into())).collect()
}

/// The metadata of a payload; null is no value.
pub(crate) fn metadata(payload: Payload) -> Result<Metadata> {
    foreign_metadata(payload.into_iter().map(|(key, value)| (key, value.into_json())))
}

/// A row as a point; `name` is the vector's, empty for the unnamed one.
pub(crate) fn point(row: &Row, metric: Metric, name: &str) -> PointStruct {
    let vectors: q::Vectors = match &row.vector {
        None => NamedVectors::default().into(),
        Some(vector) if name.is_empty() => outgoing(vector, metric).into(),
        Some(vector) => NamedVectors::default().add_vector(name, outgoing(vector, metric)).into(),
    };
    PointStruct { id: Some(point_id(&row.id)), payload: payload(&row.metadata), vectors: Some(vectors) }
}

/// A vector as it is sent: Qdrant normalizes under cosine, but for those that are near zero.
pub(crate) fn outgoing(vector: &[f32], metric: Metric) -> Vec<f32> {
    let squared: f64 = vector.iter().map(|x| f64::from(*x) * f64::from(*x)).sum();
    if metric != Metric::Cosine || squared >= TINY || squared == 0.0 {
        return vector.to_vec();
    }
    let length = squared.sqrt();
    vector.iter().map(|x| (f64::from(*x) / length) as f32).collect()
}

/// A row of an answer.
pub(crate) fn row(id: Option<PointId>, payload: Payload, vectors: Option<VectorsOutput>) -> Result<Row> {
    Ok(Row::new(id_text(id)?, vectors.and_then(incoming), metadata(payload)?))
}

/// The one dense vector of an answer.
fn incoming(vectors: VectorsOutput) -> Option<Vector> {
    let vector = match vectors.vectors_options? {
        vectors_output::VectorsOptions::Vector(vector) => vector,
        vectors_output::VectorsOptions::Vectors(named) => named.vectors.into_values().next()?,
    };
    match vector.into_vector() {
        vector_output::Vector::Dense(dense) if !dense.data.is_empty() => Some(dense.data.into()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::metadata::parse_json;
    use qdrant_client::qdrant::value::Kind;

    fn value(text: &str) -> Value {
        Value::from_json(parse_json(text).unwrap()).unwrap().unwrap()
    }

    #[test]
    fn ids_are_integers_or_uuids() {
        for id in ["0", "42", "18446744073709551615", "018f4c1e-7b5a-4d3c-8a2b-1c2d3e4f5a6b"] {
            assert_eq!(id_text(Some(point_id(id))).unwrap(), id);
        }
        assert_eq!(point_id("7").point_id_options, Some(PointIdOptions::Num(7)));
        assert_eq!(id_text(None).unwrap_err().kind(), ErrorKind::Unexpected);
    }

    #[test]
    fn metadata_survives_with_integers_and_floats_apart() {
        let text = r#"{"b":true,"big":1746714878034235396,"e":[],"f":2.0,"i":2,"l":[1,2],"m":["x","y"],
            "o":{"a":[1,null,{"b":2.5}],"c":-0.5},"s":"a\u0000b\"\\","x":1e300}"#;
        let before = Metadata::from_json_str(text).unwrap();
        assert_eq!(metadata(payload(&before)).unwrap(), before);
    }

    #[test]
    fn null_is_no_value() {
        let nulls = HashMap::from([
            ("a".to_owned(), q::Value { kind: Some(Kind::NullValue(0)) }),
            ("b".to_owned(), q::Value { kind: None }),
            ("c".to_owned(), 1.into()),
        ]);
        assert_eq!(metadata(nulls).unwrap(), Metadata::new().with("c", 1));
    }

    #[test]
    fn floats_of_many_digits_do_not_survive() {
        for x in [0.0, 0.5, -2.5, 12.99, 1e15, 1e16, 1e22, 123_456.789, 0.1 + 0.2, 5e-10, 1_746_714_878.25] {
            assert!(float_survives(x), "{x:?}");
        }
        for x in [0.999_999_999_999_999_9, 9_007_199_254_740_991.0, f64::MIN_POSITIVE, 5e-324] {
            assert!(!float_survives(x), "{x:?}");
        }
    }

    #[test]
    fn what_filters_would_take_for_something_else_goes_into_the_overflow() {
        for text in
            ["true", "7", "\"\"", "[]", "[1,2]", r#"["a"]"#, r#"{"a":[1,"x",null]}"#, r#"[{"a":1},[2]]"#]
        {
            assert!(represents(&value(text)), "{text}");
        }
        let deep = format!("{}1{}", "[".repeat(20), "]".repeat(20));
        for text in [r#"[1,"a"]"#, "[1,2.5]", "[null]", r#"[{"a":1},2]"#, "[0.9999999999999999]", &deep] {
            assert!(!represents(&value(text)), "{text}");
        }
    }

    #[test]
    fn only_vectors_near_zero_are_normalized_here() {
        assert_eq!(outgoing(&[3.0, 4.0], Metric::Cosine), [3.0, 4.0]);
        assert_eq!(outgoing(&[3e-12, 4e-12], Metric::Euclidean), [3e-12, 4e-12]);
        let sent = outgoing(&[3e-12, 4e-12], Metric::Cosine);
        assert!((sent[0] - 0.6).abs() < 1e-6 && (sent[1] - 0.8).abs() < 1e-6, "{sent:?}");
    }

    #[test]
    fn scores_become_distances() {
        assert_eq!(SCORES.distance(Metric::Cosine, 0.25), 0.75);
        assert_eq!(SCORES.distance(Metric::DotProduct, 3.0), -3.0);
        assert_eq!(SCORES.distance(Metric::Euclidean, 5.0), 5.0);
        assert_eq!(SCORES.distance(Metric::Manhattan, 7.0), 7.0);
    }

    #[test]
    fn a_row_without_a_vector_is_sent_without_one() {
        let row = Row { id: "7".into(), ..Row::default() };
        let vectors = point(&row, Metric::Cosine, "").vectors.unwrap().vectors_options.unwrap();
        assert_eq!(vectors, q::vectors::VectorsOptions::Vectors(NamedVectors::default()));
    }
}
