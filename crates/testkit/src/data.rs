//! Records that many cases use.

use portolan_core::{Metadata, Record, Value, Vector};
use serde_json::json;

use crate::case::Verdict;
use crate::context::Context;
use crate::twin::Twin;

/// Small integers, different for each number: exact distances, few of them equal.
pub(crate) fn vector(n: usize, dimension: usize) -> Vector {
    (0..dimension)
        .map(|i| ((n * 7 + i * 3) % 11) as f32 - 5.0 + if i == n % dimension { 6.0 } else { 0.0 })
        .collect()
}

/// A record of a number, without metadata.
pub(crate) fn plain(n: usize, dimension: usize) -> Record {
    Record::new(format!("r{n:05}"), vector(n, dimension))
}

/// So many records, with `n`, `even` and `name`.
pub(crate) fn numbered(count: usize, dimension: usize) -> Vec<Record> {
    let metadata = |n: usize| {
        Metadata::new()
            .with("n", n as i64)
            .with("even", n.is_multiple_of(2))
            .with("name", format!("name {}", n % 10))
    };
    (0..count).map(|n| plain(n, dimension).metadata(metadata(n))).collect()
}

/// The ids of records.
pub(crate) fn ids(records: &[Record]) -> Vec<String> {
    records.iter().map(|r| r.id.clone()).collect()
}

/// Strings, as ids.
pub(crate) fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|&id| id.to_owned()).collect()
}

/// A JSON value as metadata.
pub(crate) fn opaque(json: serde_json::Value) -> Value {
    Value::from_json(json).ok().flatten().unwrap_or_else(|| Value::list::<i64>([]))
}

/// Twelve records in which every field is mixed, missing, a list and opaque somewhere.
pub(crate) fn mixed() -> Vec<Record> {
    let fields = [
        Metadata::new()
            .with("name", "Alpha")
            .with("year", 2010)
            .with("score", 1.5)
            .with("active", true)
            .with("tags", ["red", "green"])
            .with("numbers", [1, 2, 3])
            .with("info", opaque(json!({"a": 1}))),
        Metadata::new()
            .with("name", "beta")
            .with("year", 2015)
            .with("score", -2.5)
            .with("active", false)
            .with("tags", ["green"])
            .with("numbers", [2.0, 4.5]),
        Metadata::new()
            .with("name", "Gamma Ray")
            .with("year", 2015.0)
            .with("score", 2)
            .with("active", true)
            .with("tags", Value::list::<&str>([])),
        Metadata::new()
            .with("name", "alphabet")
            .with("year", 2020)
            .with("score", 2.0)
            .with("tags", "red")
            .with("info", opaque(json!([1, "x"]))),
        Metadata::new()
            .with("name", "")
            .with("year", "2015")
            .with("score", 0.0)
            .with("active", false)
            .with("numbers", Value::list::<i64>([])),
        Metadata::new()
            .with("name", "Ωmega")
            .with("year", -5)
            .with("score", 1e300)
            .with("tags", ["blue", "red"])
            .with("numbers", [-1]),
        Metadata::new()
            .with("year", 9_007_199_254_740_993_i64)
            .with("score", 9_007_199_254_740_992.0)
            .with("active", true)
            .with("tags", ["2"]),
        Metadata::new()
            .with("name", r"Zeta 100%_\")
            .with("year", 2015)
            .with("score", 2.5)
            .with("active", "true")
            .with("tags", ["gre", "en"]),
        Metadata::new()
            .with("name", ["Alpha", "beta"])
            .with("year", [2010, 2020])
            .with("score", [0.5, 1.5])
            .with("active", [true, false]),
        Metadata::new(),
        Metadata::new()
            .with("name", true)
            .with("year", true)
            .with("score", false)
            .with("active", 1)
            .with("tags", [1, 2]),
        Metadata::new()
            .with("name", "alpha")
            .with("year", 2014)
            .with("score", 2.499_999_9)
            .with("active", true)
            .with("tags", ["Red"])
            .with("info", opaque(json!({"b": [null]}))),
    ];
    fields.into_iter().enumerate().map(|(n, metadata)| plain(n, 4).metadata(metadata)).collect()
}

/// An index of [`mixed`].
pub(crate) async fn mixed_index(ctx: &Context) -> Verdict<Twin> {
    filled(ctx, &mixed()).await
}

/// An index of these records.
pub(crate) async fn filled(ctx: &Context, records: &[Record]) -> Verdict<Twin> {
    let dimension = records.first().and_then(|r| r.vector.as_ref()).map_or(1, |v| v.len());
    let twin = ctx.index(dimension).await?;
    twin.upsert(records).await?;
    Ok(twin)
}
