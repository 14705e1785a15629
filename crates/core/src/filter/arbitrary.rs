//! Random filters and records for the tests.

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any};
use proptest::prop_oneof;
use proptest::sample::select;
use serde_json::json;

use super::{Condition, Filter, Leaf};
use crate::metadata::{Metadata, Scalar, Value};

/// Valid flat trees of every kind of leaf, with hostile keys and operands.
pub(crate) fn hostile() -> BoxedStrategy<Filter> {
    let strings = prop_oneof![
        any::<String>(),
        select(vec![
            "",
            "\"",
            "'",
            "\\",
            "\\\"",
            "\u{0}\u{1f}\u{7f}",
            "\n\r\t",
            "💥",
            "e\u{301}",
            "\u{feff}",
            "NULL"
        ])
        .prop_map(str::to_owned),
    ];
    trees(hostile_key().boxed(), strings.boxed(), number().boxed()).prop_map(Filter::flat).boxed()
}

/// Filters that few fields and values make meet [`record`]s often, and miss them often; not always flat.
pub(crate) fn likely() -> BoxedStrategy<Filter> {
    let keys = select(vec!["a", "b", "c"]).prop_map(str::to_owned);
    let strings = select(vec!["", "x", "xy", "yx"]).prop_map(str::to_owned);
    let numbers = select(vec![
        Scalar::Integer(-1),
        Scalar::Integer(0),
        Scalar::Integer(1),
        Scalar::Integer(i64::MAX),
        Scalar::Float(0.0),
        Scalar::Float(0.5),
        Scalar::Float(9_223_372_036_854_775_808.0),
    ]);
    trees(keys.boxed(), strings.boxed(), numbers.boxed())
}

/// An id and metadata of the fields and values that [`likely`] asks for.
pub(crate) fn record() -> impl Strategy<Value = (String, Metadata)> {
    let values = select(vec![
        Value::from(true),
        Value::from(0),
        Value::from(1),
        Value::from(0.5),
        Value::from(1.0),
        Value::from(i64::MAX),
        Value::from("x"),
        Value::from("xyx"),
        Value::from(""),
        Value::list(["x", "yx"]),
        Value::list([0, 1]),
        Value::List(Vec::new()),
        Value::from_json(json!([1, "x"])).unwrap().unwrap(),
    ]);
    let keys = select(vec!["a", "b", "c", "d"]);
    let ids = select(vec!["", "x", "xy"]).prop_map(str::to_owned);
    (ids, vec((keys, values), 0..4).prop_map(Metadata::from_iter))
}

fn hostile_key() -> impl Strategy<Value = String> {
    let known = select(vec![
        "industry", "id", "ID", "and", "Or", "NOT", "in", "With", "true", "FALSE", "a.b", "a-b", "größe",
        "`", "a``b", "1a", " ", "日本", "x\"y", "{", "(", "null", "eq", "a b", "💥",
    ])
    .prop_map(str::to_owned);
    prop_oneof![known, "\\PC{1,8}"].prop_filter("a valid key", |key| crate::validate::key(key).is_ok())
}

fn number() -> impl Strategy<Value = Scalar> {
    let floats =
        select(vec![0.0, -0.0, 2.0, 1e300, -1e-300, f64::MIN_POSITIVE, 5e-324, f64::MAX, 1e16, 0.1, -1.5]);
    prop_oneof![
        any::<i64>().prop_map(Scalar::Integer),
        select(vec![0, -1, i64::MIN, i64::MAX, 1_746_714_878_034_235_396]).prop_map(Scalar::Integer),
        any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Scalar::Float),
        floats.prop_map(Scalar::Float),
    ]
}

fn trees(
    keys: BoxedStrategy<String>,
    strings: BoxedStrategy<String>,
    numbers: BoxedStrategy<Scalar>,
) -> BoxedStrategy<Filter> {
    let ordered = prop_oneof![numbers, strings.clone().prop_map(Scalar::String)].boxed();
    let scalars = prop_oneof![ordered.clone(), any::<bool>().prop_map(Scalar::Bool)].boxed();
    let conditions = prop_oneof![
        scalars.clone().prop_map(Condition::Eq),
        scalars.clone().prop_map(Condition::Ne),
        ordered.clone().prop_map(Condition::Gt),
        ordered.clone().prop_map(Condition::Gte),
        ordered.clone().prop_map(Condition::Lt),
        ordered.prop_map(Condition::Lte),
        vec(scalars.clone(), 0..4).prop_map(Condition::In),
        vec(scalars.clone(), 0..4).prop_map(Condition::NotIn),
        scalars.prop_map(Condition::Contains),
        strings.clone().prop_map(Condition::StartsWith),
        strings.clone().prop_map(Condition::EndsWith),
        Just(Condition::Exists),
    ];
    let leaves = prop_oneof![
        9 => (keys, conditions).prop_map(|(key, condition)| Filter::Leaf(Leaf { key, condition })),
        1 => vec(strings, 0..3).prop_map(Filter::Id),
    ];
    let trees = leaves.prop_recursive(6, 40, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::And),
            vec(inner.clone(), 0..4).prop_map(Filter::Or),
            inner.prop_map(|f| !f),
        ]
    });
    trees.boxed()
}
