use proptest::prelude::ProptestConfig;
use proptest::{prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::filter::arbitrary::{likely, record};
use crate::filter::{field, id_in};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn fold_keeps_the_meaning_and_leaves_no_constant_inside(filter in likely(), (id, metadata) in record()) {
        let folded = filter.clone().fold();
        prop_assert_eq!(folded.matches(&id, &metadata), filter.matches(&id, &metadata));
        prop_assert_eq!(&folded.clone().flat(), &folded);
        prop_assert!(folded.is_all() || folded.is_none() || !has_constant(&folded), "{}", folded);
    }
}

fn has_constant(filter: &Filter) -> bool {
    match filter {
        Filter::And(children) | Filter::Or(children) => {
            children.is_empty() || children.iter().any(has_constant)
        }
        Filter::Not(child) => has_constant(child),
        Filter::Id(ids) => ids.is_empty(),
        Filter::Leaf(leaf) => match &leaf.condition {
            Condition::In(operands) | Condition::NotIn(operands) => operands.is_empty(),
            _ => false,
        },
    }
}

#[test]
fn constants_fold_away() {
    let a = || field("a").eq(1);
    let b = || field("b").eq(2);
    let nothing = || field("a").is_in(Vec::<i64>::new());
    for (filter, folded) in [
        (nothing(), Filter::none()),
        (id_in(Vec::<String>::new()), Filter::none()),
        (field("a").not_in(Vec::<i64>::new()), field("a").exists()),
        (!nothing(), Filter::all()),
        (a() & nothing(), Filter::none()),
        (a() | nothing(), a()),
        (a() & !nothing(), a()),
        (a() | !nothing(), Filter::all()),
        (a() & (b() | nothing()), Filter::And(vec![a(), b()])),
        (a() & !(b() & nothing()), a()),
        (Filter::Or(vec![Filter::none(), Filter::none()]), Filter::none()),
        (Filter::And(vec![Filter::all(), Filter::all()]), Filter::all()),
        (!Filter::all(), Filter::none()),
        (a() | !a(), Filter::Or(vec![a(), !a()])),
    ] {
        assert_eq!(filter.clone().fold(), folded, "{filter}");
    }
}
