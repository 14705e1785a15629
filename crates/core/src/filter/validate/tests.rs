use super::*;
use crate::error::ErrorKind;
use crate::filter::{field, id_in};

fn refused(filter: &Filter, part: &str) {
    let error = filter.validate().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains(part), "{error}");
}

fn nested(levels: usize) -> Filter {
    (1..levels).fold(field("a").eq(1), |filter, _| !filter)
}

#[test]
fn sixty_four_levels_are_the_most() {
    nested(MAX_DEPTH).validate().unwrap();
    refused(&nested(MAX_DEPTH + 1), "64 levels");
    let both = (1..=MAX_DEPTH / 2).fold(field("a").eq(1), |f, _| Filter::Or(vec![Filter::And(vec![f])]));
    refused(&both, "64 levels");
}

#[test]
fn leaves_and_operands_are_counted() {
    let leaves = |n: usize| Filter::Or(vec![field("a").eq(1); n]);
    leaves(MAX_LEAVES).validate().unwrap();
    refused(&leaves(MAX_LEAVES + 1), "10000");
    field("a").is_in(0..MAX_LEAVES as i64).validate().unwrap();
    refused(&field("a").not_in(0..=MAX_LEAVES as i64), "10000");
    refused(&(field("a").is_in(0..6000) & field("b").not_in(0..6000)), "10000");
    refused(&(id_in((0..MAX_LEAVES).map(|i| i.to_string())) & field("a").exists()), "10000");
    refused(&Filter::And(vec![Filter::none(); MAX_LEAVES + 1]), "10000");
}

#[test]
fn operands_are_finite_and_ordered() {
    for operand in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for filter in [
            field("a").eq(operand),
            field("a").ne(operand),
            field("a").gt(operand),
            field("a").lte(operand),
            field("a").contains(operand),
            field("a").is_in([1.0, operand]),
            !(field("b").exists() & field("a").not_in([operand])),
        ] {
            refused(&filter, "not finite");
        }
    }
    for filter in [field("a").gt(true), field("a").gte(true), field("a").lt(false), field("a").lte(false)] {
        refused(&filter, "orders by a bool");
    }
    for filter in [field("a").eq(true), field("a").contains(false), field("a").gt(1e300), field("a").lt("z")]
    {
        filter.validate().unwrap();
    }
}

#[test]
fn keys_are_those_that_metadata_can_have() {
    for key in ["", "$and", "$id", "_portolan", "_portolan_keys", "a\nb", &"x".repeat(129)] {
        refused(&field(key).exists(), "key");
    }
    for key in ["id", "and", "a$b", "portolan", "größe", " ", "`", &"x".repeat(128)] {
        field(key).exists().validate().unwrap();
    }
}
