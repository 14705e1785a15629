use super::*;
use portolan_core::Filter;
use portolan_core::filter::field;

fn lowered(filter: Filter, negated: bool, lists: bool) -> Lowered<String> {
    let Filter::Leaf(leaf) = filter else { panic!("{filter}") };
    lower(&leaf, negated, lists).map(|native| native.to_string())
}

fn exact(json: &str) -> Lowered<String> {
    Lowered::Exact(json.to_owned())
}

fn superset(json: &str) -> Lowered<String> {
    Lowered::Superset(json.to_owned())
}

#[test]
fn strings_and_bools_are_exact_in_scalars_and_lists() {
    let eq = field("tag").eq("a");
    assert_eq!(
        lowered(eq.clone(), false, true),
        exact(r#"{"where":{"$or":[{"tag":{"$contains":"a"}},{"tag":{"$in":["a"]}}]}}"#)
    );
    assert_eq!(
        lowered(eq, true, true),
        exact(r#"{"where":{"$and":[{"tag":{"$not_contains":"a"}},{"tag":{"$nin":["a"]}}]}}"#)
    );
    assert!(matches!(lowered(field("tag").ne("a"), false, true), Lowered::Superset(_)));
    assert_eq!(
        lowered(field("on").contains(true), false, true),
        exact(r#"{"where":{"on":{"$contains":true}}}"#)
    );
}

#[test]
fn numbers_are_asked_for_in_both_types() {
    assert_eq!(
        lowered(field("n").gt(2), false, false),
        superset(r#"{"where":{"$or":[{"n":{"$gt":2}},{"n":{"$gt":2.0}}]}}"#)
    );
    assert_eq!(
        lowered(field("n").lt(-2.5), false, false),
        superset(r#"{"where":{"$or":[{"n":{"$lt":-2.5}},{"n":{"$lte":-3}}]}}"#)
    );
}

#[test]
fn what_chroma_has_no_word_for_is_left() {
    for leaf in [
        field("n").exists(),
        field("n").starts_with("a"),
        field("n").ends_with("a"),
        field("n").contains("a"),
        field("n").gt("a"),
        field("n").eq(0.1 + 0.2),
    ] {
        assert_eq!(lowered(leaf, false, false), Lowered::Nothing);
    }
    for leaf in [field("n").gt(1), field("n").ne(1), field("n").exists()] {
        assert_eq!(lowered(leaf, true, false), Lowered::Nothing);
    }
}

#[test]
fn lists_of_numbers_are_not_ordered() {
    assert_eq!(lowered(field("n").gt(1), false, true), Lowered::Nothing);
}

#[test]
fn keys_that_chroma_refuses_or_hides_are_looked_for_in_the_overflow() {
    for key in ["#x", "chroma:x"] {
        let wanted = format!(r#"{{"where":{{"_portolan_keys":{{"$contains":"{key}"}}}}}}"#);
        assert_eq!(lowered(field(key).eq(1), false, false), superset(&wanted));
        assert_eq!(lowered(field(key).eq(1), true, false), Lowered::Nothing);
    }
}

#[test]
fn ids_stand_beside_the_condition() {
    let ids =
        |ids: &[&str]| NativeFilter { ids: Some(ids.iter().map(|id| (*id).into()).collect()), clause: None };
    let leaf = NativeFilter::of(Clause::new("a", "$eq", 1));
    let both = and(vec![ids(&["x", "y"]), leaf.clone(), ids(&["y", "z"])]);
    assert_eq!(both.to_string(), r#"{"ids":["y"],"where":{"a":{"$eq":1}}}"#);
    assert_eq!(or(vec![ids(&["x"]), ids(&["y"])]).to_string(), r#"{"ids":["x","y"]}"#);
    assert_eq!(or(vec![ids(&["x"]), leaf]), NativeFilter::default());
}

#[test]
fn a_filter_too_large_for_the_server_is_told() {
    let leaves = |n: usize| or((0..n).map(|i| NativeFilter::of(Clause::new("a", "$eq", i))).collect());
    assert!(leaves(400).is_small());
    assert!(!leaves(401).is_small());
    let deep = (0..50).fold(leaves(1), |f, _| and(vec![f, leaves(1)]));
    assert!(!deep.is_small());
}

#[test]
fn the_page_shows_the_table() {
    let page = include_str!("../../../../docs/stores/chroma.md");
    assert!(page.contains(&TABLE.to_string()), "docs/stores/chroma.md has not this table:\n{TABLE}");
}
