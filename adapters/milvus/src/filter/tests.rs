use portolan_core::Filter;
use portolan_core::filter::field;

use super::*;
use crate::columns::Columns;
use crate::expression::after;
use crate::foreign::column::Column;
use crate::proto::schema::DataType;

const SERVERS: [Server; 3] = [Server::Lite, Server::Old, Server::Current];

fn spec() -> IndexSpec {
    IndexSpec::new("abc", 2)
        .field("year", FieldType::Integer)
        .field("name", FieldType::String)
        .field("open", FieldType::Bool)
}

fn lower(server: Server, filter: Filter) -> Lowered<String> {
    lower_in(&made(server), &spec(), filter)
}

fn lower_in(layout: &Layout, spec: &IndexSpec, filter: Filter) -> Lowered<String> {
    let Filter::Leaf(leaf) = filter else { panic!("no leaf: {filter:?}") };
    shown(layout.lower(spec, &leaf, false))
}

fn made(server: Server) -> Layout {
    Layout::of_spec(server, &spec())
}

fn shown(lowered: Lowered<Expression>) -> Lowered<String> {
    lowered.map(|expression| expression.to_string())
}

fn exact(text: &str) -> Lowered<String> {
    Lowered::Exact(text.to_owned())
}

fn superset(text: &str) -> Lowered<String> {
    Lowered::Superset(text.to_owned())
}

fn foreign(server: Server, columns: Vec<Column>) -> Layout {
    Layout {
        id: "pk".into(),
        integer_ids: true,
        vector: "v".into(),
        columns: Columns { typed: columns, object: Some(DYNAMIC) },
        ..made(server)
    }
}

#[test]
fn an_equality_of_the_partition_key_names_its_partitions() {
    let spec = spec().option("partition_key", "name");
    let layout = Layout::of_spec(Server::Current, &spec);
    let lower = |filter| lower_in(&layout, &spec, filter);
    let within = |list: &str, key: &str| {
        exact(&format!(
            "(partition in [{list}]) and ((metadata[\"name\"] {key}) or (json_contains(metadata[\"name\"], \"acme\")))"
        ))
    };
    assert_eq!(lower(field("name").eq("acme")), within("\"\", \"acme\"", "== \"acme\""));
    let long = "x".repeat(257);
    let Lowered::Exact(text) = lower(field("name").is_in([long.as_str(), "b", "a"])) else {
        panic!("not exact")
    };
    assert!(text.starts_with("(partition in [\"\", \"a\", \"b\"]) and "), "{text}");
    for other in [field("year").eq(2015), field("name").ne("acme"), field("name").starts_with("a")] {
        let lowered = lower(other);
        assert!(!format!("{lowered:?}").contains("partition"), "{lowered:?}");
    }
}

#[test]
fn equality_on_a_declared_field_is_exact() {
    let year = field("year").eq(2015);
    assert_eq!(
        lower(Server::Old, year.clone()),
        exact(r#"(metadata["year"] == 2015.0) or (json_contains(metadata["year"], 2015.0))"#)
    );
    assert_eq!(
        lower(Server::Lite, year),
        exact(r#"(metadata["year"] == 2015) or (json_contains_any(metadata["year"], [2015]))"#)
    );
    assert_eq!(
        lower(Server::Old, field("name").is_in(["a", "b"])),
        exact(r#"(metadata["name"] in ["a", "b"]) or (json_contains_any(metadata["name"], ["a", "b"]))"#)
    );
}

#[test]
fn equality_on_an_undeclared_field_may_look_into_a_mixed_list() {
    for server in SERVERS {
        assert!(matches!(lower(server, field("other").eq(1)), Lowered::Superset(_)), "{server:?}");
    }
}

#[test]
fn lite_takes_true_for_one_and_text_for_a_list() {
    for (filter, is_exact) in [
        (field("year").eq(1), true),
        (field("year").eq(true), false),
        (field("open").eq(true), true),
        (field("open").eq(1), false),
        (field("name").eq("[1]"), false),
    ] {
        let lowered = lower(Server::Lite, filter.clone());
        assert_eq!(matches!(lowered, Lowered::Exact(_)), is_exact, "{filter}");
    }
}

#[test]
fn negations_are_never_pushed() {
    let key = field("year");
    for server in SERVERS {
        for filter in [key.clone().ne(1), key.clone().not_in([1, 2])] {
            assert_eq!(lower(server, filter), superset(r#"exists metadata["year"]"#));
        }
        for filter in [key.clone().eq(1), key.clone().ne(1), key.clone().exists(), key.clone().gt(1)] {
            let Filter::Leaf(leaf) = filter else { panic!("no leaf") };
            assert_eq!(made(server).lower(&spec(), &leaf, true), Lowered::Nothing);
        }
    }
}

#[test]
fn order_is_widened_to_lists() {
    assert_eq!(
        lower(Server::Old, field("year").gt(2.5)),
        superset(r#"(metadata["year"] > 2.5) or (exists metadata["year"][0])"#)
    );
}

#[test]
fn floats_that_stand_for_several_integers_are_widened() {
    let big = 9_007_199_254_740_993_i64;
    assert_eq!(
        lower(Server::Old, field("year").lt(big)),
        superset(r#"(metadata["year"] <= 9007199254740992.0) or (exists metadata["year"][0])"#)
    );
    assert!(matches!(lower(Server::Old, field("year").eq(big)), Lowered::Superset(_)));
    assert_eq!(
        lower(Server::Lite, field("year").lt(big)),
        superset(r#"(metadata["year"] < 9007199254740993) or (exists metadata["year"][0])"#)
    );
}

#[test]
fn a_prefix_is_a_range() {
    assert_eq!(after("ab").as_deref(), Some("ac"));
    assert_eq!(after("a\u{d7ff}").as_deref(), Some("a\u{e000}"));
    assert_eq!(after("a\u{10ffff}").as_deref(), Some("b"));
    assert_eq!(after("\u{10ffff}"), None);
    assert_eq!(after(""), None);
    assert_eq!(
        lower(Server::Old, field("name").starts_with("50%_")),
        superset(
            r#"((metadata["name"] >= "50%_") and (metadata["name"] < "50%`")) or (exists metadata["name"][0])"#
        )
    );
}

#[test]
fn what_is_special_in_a_pattern_stands_for_any_character() {
    assert_eq!(
        lower(Server::Lite, field("name").ends_with(r"50%\")),
        superset(r#"(metadata["name"] like "%50__") or (exists metadata["name"][0])"#)
    );
    assert_eq!(lower(Server::Old, field("name").ends_with("x")), superset(r#"exists metadata["name"]"#));
}

#[test]
fn hostile_keys_and_values_stay_in_their_quotes() {
    let filter = field(r#"k"] == 1 or metadata["x"#).eq(r#"" or id != ""#);
    let Lowered::Superset(expression) = lower(Server::Old, filter) else { panic!("not a superset") };
    assert!(
        expression.starts_with(r#"(metadata["k\"] == 1 or metadata[\"x"] == "\" or id != \"") or "#),
        "{expression}"
    );
}

#[test]
fn ids_are_exact_both_ways() {
    let texts = made(Server::Old);
    let ids = ["a\"".into(), "b".into()];
    assert_eq!(shown(texts.lower_ids(&ids, false)), exact(r#"id in ["a\"", "b"]"#));
    assert_eq!(shown(texts.lower_ids(&ids, true)), exact(r#"id not in ["a\"", "b"]"#));
    let integers = foreign(Server::Old, Vec::new());
    let ids = ["42".into(), "042".into(), "x".into()];
    assert_eq!(shown(integers.lower_ids(&ids, false)), exact("pk in [42]"));
    assert_eq!(integers.lower_ids(&ids[1..], true), Lowered::Nothing);
}

#[test]
fn fields_of_other_programs_are_filtered_as_they_are() {
    let column = |name: &str, of| Column {
        name: name.into(),
        of,
        element: DataType::None,
        optional: false,
        max_length: None,
    };
    let layout = foreign(
        Server::Old,
        vec![
            column("name", DataType::VarChar),
            column("small", DataType::Int8),
            column("ratio", DataType::Float),
            column("open", DataType::Bool),
        ],
    );
    for (filter, expected) in [
        (field("name").eq("a"), superset(r#"name in ["a"]"#)),
        (field("name").eq(1), Lowered::Nothing),
        (field("name").ne("a"), Lowered::Nothing),
        (field("small").eq(1.5), Lowered::Nothing),
        (field("small").gt(1.5), superset("small >= 1")),
        (field("small").lt(1.5), superset("small <= 2")),
        (field("small").gt(1_000), Lowered::Nothing),
        (field("ratio").gt(0.1), superset("ratio >= 0.1")),
        (field("open").eq(true), superset("open == true")),
        (field("free").exists(), superset(r#"exists $meta["free"]"#)),
    ] {
        assert_eq!(lower_in(&layout, &spec(), filter.clone()), expected, "{filter}");
    }
}

#[test]
fn lite_reaches_dynamic_keys_by_plain_names_only() {
    let layout = foreign(Server::Lite, Vec::new());
    assert_eq!(lower_in(&layout, &spec(), field("free").exists()), exact("exists free"));
    for key in ["with space", "in", "True", "9a", "naïve"] {
        assert_eq!(lower_in(&layout, &spec(), field(key).eq("x")), Lowered::Nothing, "{key}");
    }
}

#[test]
fn a_key_that_looks_like_two_is_not_pushed_to_milvus() {
    for key in ["a][b", "e][0"] {
        assert_eq!(lower(Server::Old, field(key).eq(1)), Lowered::Nothing);
        assert_ne!(lower(Server::Lite, field(key).eq(1)), Lowered::Nothing);
    }
    assert_ne!(lower(Server::Old, field("a]b[").eq(1)), Lowered::Nothing);
}

#[test]
fn the_page_shows_the_table() {
    let page = include_str!("../../../../docs/stores/milvus.md");
    assert!(page.contains(&TABLE.to_string()), "docs/stores/milvus.md has not this table:\n{TABLE}");
}
