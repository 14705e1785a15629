use super::*;
use portolan_core::filter::field;
use portolan_core::{Filter, IndexSpec};

fn shown(filter: Filter, spec: &IndexSpec) -> String {
    let Filter::Leaf(leaf) = filter else { panic!("a leaf was expected") };
    NativeFilter::leaf(spec, &leaf, false).to_string()
}

#[test]
fn keys_and_operands_are_bound_and_never_part_of_the_text() {
    let spec = IndexSpec::new("any", 3).field("declared' OR 1=1", FieldType::String);
    let hostile = "x'; DROP TABLE y; --";
    for filter in [
        field("k'--").eq(hostile),
        field("declared' OR 1=1").starts_with(hostile),
        field("declared' OR 1=1").gt(hostile),
        field("k'--").contains(hostile),
    ] {
        let sql = shown(filter, &spec);
        let text = sql.split(" -- ").next().unwrap_or_default();
        assert!(!text.contains("DROP") && !text.contains("OR 1=1") && !text.contains("k'"), "{sql}");
    }
}

#[test]
fn a_declared_field_is_asked_of_its_index_and_checked_in_full() {
    let spec = IndexSpec::new("any", 3).field("year", FieldType::Integer).field("name", FieldType::String);
    let sql = shown(field("year").gte(2015), &spec);
    assert!(sql.contains(" >= $3::numeric) AND CASE "), "{sql}");
    assert!(!sql.contains("_portolan"), "numbers are never in the overflow: {sql}");
    let sql = shown(field("name").eq("x"), &spec);
    assert!(sql.contains("@> $4::jsonb") && sql.contains("_portolan_keys"), "{sql}");
}

#[test]
fn the_code_of_the_lowest_characters_keeps_order_and_parts() {
    let words = [
        "",
        "\0",
        "\0\0",
        "\0\u{1}",
        "\u{1}",
        "\u{2}",
        "\u{2}\u{2}",
        "\u{3}",
        "\u{4}",
        "a",
        "a\0",
        "a\0b",
        "ab",
    ];
    for a in words {
        for b in words {
            assert_eq!(shifted(a).cmp(&shifted(b)), a.cmp(b), "{a:?} {b:?}");
            assert_eq!(shifted(a).contains(&shifted(b)), a.contains(b), "{a:?} {b:?}");
            assert_eq!(shifted(a).starts_with(&shifted(b)), a.starts_with(b), "{a:?} {b:?}");
            assert_eq!(shifted(a).ends_with(&shifted(b)), a.ends_with(b), "{a:?} {b:?}");
        }
    }
}
