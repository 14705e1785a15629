use serde_json::json;

use super::*;
use crate::filter::{FieldRef, field, id_in, one_of, range};

fn f() -> FieldRef {
    field("f")
}

fn opaque() -> Value {
    Value::from_json(json!({"x": "fintech"})).unwrap().unwrap()
}

/// The leaves against one value: which of them it meets.
fn check(value: impl Into<Value>, leaves: impl IntoIterator<Item = (Filter, bool)>) {
    let metadata = Metadata::new().with("f", value.into());
    for (leaf, expected) in leaves {
        assert_eq!(leaf.matches("a", &metadata), expected, "{leaf} on {metadata:?}");
        assert_eq!((!leaf.clone()).matches("a", &metadata), !expected, "NOT {leaf} on {metadata:?}");
    }
}

fn every_leaf() -> Vec<Filter> {
    vec![
        f().eq("x"),
        f().ne("x"),
        f().gt(1),
        f().gte(1),
        f().lt(1),
        f().lte(1),
        f().is_in(["x"]),
        f().not_in(["x"]),
        f().not_in(Vec::<Scalar>::new()),
        f().contains("x"),
        f().starts_with(""),
        f().ends_with(""),
        f().exists(),
    ]
}

#[test]
fn every_leaf_is_false_on_a_missing_field() {
    let other = Metadata::new().with("g", "x");
    for leaf in every_leaf() {
        assert!(!leaf.matches("a", &other), "{leaf}");
        assert!((!leaf.clone()).matches("a", &other), "NOT {leaf}");
    }
}

#[test]
fn an_empty_list_and_an_opaque_value_meet_only_exists_ne_and_not_in() {
    for value in [Value::List(Vec::new()), opaque()] {
        for leaf in every_leaf() {
            let Filter::Leaf(Leaf { condition, .. }) = &leaf else { unreachable!() };
            let expected = matches!(condition, Condition::Exists | Condition::Ne(_) | Condition::NotIn(_));
            check(value.clone(), [(leaf, expected)]);
        }
    }
}

#[test]
fn a_string_compares_by_its_bytes() {
    check(
        "fintech",
        [
            (f().eq("fintech"), true),
            (f().eq("Fintech"), false),
            (f().ne("fintech"), false),
            (f().gt("Fintech"), true),
            (f().lt("fintechs"), true),
            (f().lte("fintech"), true),
            (f().gt("fintech"), false),
            (f().contains("inte"), true),
            (f().contains(""), true),
            (f().contains("INTE"), false),
            (f().contains(1), false),
            (f().starts_with("fin"), true),
            (f().starts_with("tech"), false),
            (f().ends_with("tech"), true),
            (f().ends_with("fin"), false),
            (range("f", "a", "g"), true),
            (range("f", "g", "z"), false),
        ],
    );
    check("é", [(f().eq("e\u{301}"), false), (f().gt("z"), true), (f().lt("\u{ffff}"), true)]);
    check("\u{ffff}", [(f().lt("\u{10000}"), true)]);
}

#[test]
fn order_operators_take_the_operand_in_or_leave_it_out() {
    let numbers = [1, 2, 3].map(Scalar::from);
    let mixed = [Scalar::from(1.5), Scalar::from(2), Scalar::from(2.5)];
    let strings = ["a", "b", "c"].map(Scalar::from);
    for [low, value, high] in [numbers, mixed, strings] {
        for (operand, [gt, gte, lt, lte]) in [
            (low, [true, true, false, false]),
            (value.clone(), [false, true, false, true]),
            (high, [false, false, true, true]),
        ] {
            check(
                Value::Scalar(value.clone()),
                [
                    (f().gt(operand.clone()), gt),
                    (f().gte(operand.clone()), gte),
                    (f().lt(operand.clone()), lt),
                    (f().lte(operand), lte),
                ],
            );
        }
    }
}

#[test]
fn types_never_equal_each_other() {
    check(
        "1",
        [
            (f().eq(1), false),
            (f().ne(1), true),
            (f().gt(0), false),
            (f().lt(2), false),
            (one_of("f", [Scalar::from(1), Scalar::from("1")]), true),
            (f().not_in([Scalar::from(1), Scalar::from(true)]), true),
        ],
    );
    check(true, [(f().eq(1), false), (f().eq(true), true), (f().gt(0), false), (f().contains(true), false)]);
    check(
        1,
        [
            (f().eq(true), false),
            (f().starts_with("1"), false),
            (f().contains(1), false),
            (f().gt("0"), false),
        ],
    );
}

#[test]
fn a_list_meets_a_positive_leaf_by_any_element() {
    check(
        Value::list([10, 20]),
        [
            (f().eq(20), true),
            (f().eq(20.0), true),
            (f().eq(15), false),
            (f().ne(20), false),
            (f().ne(15), true),
            (f().gt(15), true),
            (f().lt(15), true),
            (f().gt(20), false),
            (range("f", 12, 18), true),
            (f().is_in([5, 10]), true),
            (f().not_in([5, 10]), false),
            (f().not_in([5, 15]), true),
            (f().contains(10), true),
            (f().contains(1), false),
        ],
    );
    check(
        Value::list(["fintech", "ai"]),
        [
            (f().contains("ai"), true),
            (f().contains("fin"), false),
            (f().starts_with("fin"), true),
            (f().ends_with("i"), true),
            (f().ends_with("n"), false),
        ],
    );
    check(Value::list([true]), [(f().eq(true), true), (f().contains(true), true), (f().contains(1), false)]);
}

#[test]
fn constants_and_ids() {
    let none = Vec::<Scalar>::new();
    check(
        1,
        [
            (Filter::all(), true),
            (Filter::none(), false),
            (f().is_in(none.clone()), false),
            (f().not_in(none), true),
            (id_in(["b", "a"]), true),
            (id_in(["A"]), false),
            (id_in(Vec::<String>::new()), false),
            (field("id").eq("a"), false),
        ],
    );
}

#[test]
fn numbers_compare_by_mathematical_value() {
    const TWO_53: i64 = 1 << 53;
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    for (integer, float, expected) in [
        (2, 2.0, Ordering::Equal),
        (0, -0.0, Ordering::Equal),
        (0, 0.5, Ordering::Less),
        (0, -0.5, Ordering::Greater),
        (-1, -0.5, Ordering::Less),
        (-1, -1.5, Ordering::Greater),
        (1, 5e-324, Ordering::Greater),
        (0, 5e-324, Ordering::Less),
        (0, -5e-324, Ordering::Greater),
        (TWO_53, TWO_53 as f64, Ordering::Equal),
        (TWO_53 + 1, TWO_53 as f64, Ordering::Greater),
        (TWO_53 + 1, (TWO_53 + 2) as f64, Ordering::Less),
        (-TWO_53 - 1, -(TWO_53 as f64), Ordering::Less),
        (i64::MAX, TWO_63, Ordering::Less),
        (i64::MAX, TWO_63 - 1024.0, Ordering::Greater),
        (i64::MIN, -TWO_63, Ordering::Equal),
        (i64::MIN + 1, -TWO_63, Ordering::Greater),
        (i64::MIN, -TWO_63 - 2048.0, Ordering::Greater),
        (i64::MAX, f64::INFINITY, Ordering::Less),
        (i64::MIN, f64::NEG_INFINITY, Ordering::Greater),
        (i64::MAX, 1e300, Ordering::Less),
    ] {
        assert_eq!(number::compare(integer, float), Some(expected), "{integer} to {float:?}");
        let (i, x) = (Scalar::Integer(integer), Scalar::Float(float));
        assert_eq!(compare(&i, &x), Some(expected), "{integer} to {float:?}");
        assert_eq!(compare(&x, &i), Some(expected.reverse()), "{float:?} to {integer}");
        assert_eq!(equal(&x, &i), expected.is_eq(), "{float:?} to {integer}");
    }
    assert_eq!(number::compare(0, f64::NAN), None);
    assert!(equal(&Scalar::Float(0.0), &Scalar::Float(-0.0)));
}
