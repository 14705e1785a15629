use proptest::{prop_assert_eq, proptest};

use super::*;
use crate::filter::arbitrary::{likely, record};
use crate::filter::{field, id_in};

fn a() -> Filter {
    field("a").eq(1)
}

fn b() -> Filter {
    field("b").eq(2)
}

fn c() -> Filter {
    id_in(["c"])
}

#[test]
fn an_operator_in_its_like_is_merged_and_one_child_stands_alone() {
    for (filter, flat) in [
        (Filter::And(vec![Filter::And(vec![a(), b()]), c()]), Filter::And(vec![a(), b(), c()])),
        (
            Filter::Or(vec![a(), Filter::Or(vec![b(), Filter::Or(vec![c()])])]),
            Filter::Or(vec![a(), b(), c()]),
        ),
        (Filter::And(vec![Filter::Or(vec![a()])]), a()),
        (
            Filter::And(vec![Filter::Or(vec![Filter::And(vec![a(), b()])]), c()]),
            Filter::And(vec![a(), b(), c()]),
        ),
        (Filter::Not(Box::new(Filter::And(vec![a()]))), !a()),
        (!!a(), !!a()),
        (Filter::And(vec![Filter::all(), a()]), a()),
        (Filter::And(vec![Filter::none(), a()]), Filter::And(vec![Filter::none(), a()])),
        (Filter::And(vec![Filter::none()]), Filter::none()),
        (Filter::all(), Filter::all()),
    ] {
        assert_eq!(filter.flat(), flat);
    }
}

#[test]
fn builders_give_flat_trees() {
    assert_eq!(a() & b() & c(), Filter::And(vec![a(), b(), c()]));
    assert_eq!(a() & (b() & c()), Filter::And(vec![a(), b(), c()]));
    assert_eq!(a() | b() | c(), Filter::Or(vec![a(), b(), c()]));
    assert_eq!(a() | (b() & c()), Filter::Or(vec![a(), Filter::And(vec![b(), c()])]));
    assert_eq!(!(a() & b()), Filter::Not(Box::new(Filter::And(vec![a(), b()]))));
}

proptest! {
    #[test]
    fn flat_keeps_the_meaning_and_is_flat(filter in likely(), (id, metadata) in record()) {
        let flat = filter.clone().flat();
        prop_assert_eq!(flat.matches(&id, &metadata), filter.matches(&id, &metadata));
        prop_assert_eq!(flat.clone().flat(), flat);
    }
}
