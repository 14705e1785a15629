use proptest::collection::vec;
use proptest::prelude::{ProptestConfig, any};
use proptest::sample::select;
use proptest::{prop_assert_eq, proptest};

use super::*;
use crate::error::ErrorKind;
use crate::filter::arbitrary::hostile;
use crate::filter::{MAX_DEPTH, field, id_in, one_of, range};
use crate::metadata::Scalar;

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn refused(text: &str) -> String {
    let error = Filter::parse(text).expect_err(text);
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
    error.message().to_owned()
}

#[test]
fn every_operator_is_read() {
    for (text, filter) in [
        ("a = 1", field("a").eq(1)),
        ("a != 'x'", field("a").ne("x")),
        ("a > 1.5", field("a").gt(1.5)),
        ("a >= \"x\"", field("a").gte("x")),
        ("a<-1", field("a").lt(-1)),
        ("a<=1e3", field("a").lte(1000.0)),
        ("a = true", field("a").eq(true)),
        ("a != False", field("a").ne(false)),
        ("a IN (1, 'x', true, 2.0)", one_of("a", [1.into(), "x".into(), true.into(), Scalar::Float(2.0)])),
        ("a in ()", field("a").is_in(Vec::<i64>::new())),
        ("a NOT IN (1)", field("a").not_in([1])),
        ("a not in ()", field("a").not_in(Vec::<i64>::new())),
        ("a CONTAINS 'x'", field("a").contains("x")),
        ("a Contains 2", field("a").contains(2)),
        ("a STARTS WITH 'x'", field("a").starts_with("x")),
        ("a ends\n\twith 'x'", field("a").ends_with("x")),
        ("a EXISTS", field("a").exists()),
        ("a BETWEEN 1 AND 2.5", range("a", 1, 2.5)),
        ("a between 'b' and 'c' and d exists", range("a", "b", "c") & field("d").exists()),
        ("TRUE", Filter::all()),
        ("false", Filter::none()),
        ("id = 'x'", id_in(["x"])),
        ("id IN ('x', \"y\")", id_in(["x", "y"])),
        ("id IN ()", id_in(Vec::<String>::new())),
        ("id NOT IN ('x')", !id_in(["x"])),
        ("NOT id = 'x'", !id_in(["x"])),
    ] {
        assert_eq!(parsed(text), filter, "{text}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_than_or() {
    let [a, b, c, d] = ["a", "b", "c", "d"].map(|key| field(key).exists());
    for (text, filter) in [
        ("a EXISTS OR b EXISTS AND c EXISTS", a.clone() | (b.clone() & c.clone())),
        ("a EXISTS AND b EXISTS OR c EXISTS", (a.clone() & b.clone()) | c.clone()),
        ("(a EXISTS OR b EXISTS) AND c EXISTS", (a.clone() | b.clone()) & c.clone()),
        ("NOT a EXISTS AND b EXISTS", !a.clone() & b.clone()),
        ("NOT (a EXISTS AND b EXISTS)", !(a.clone() & b.clone())),
        ("NOT not a EXISTS", !!a.clone()),
        (
            "a EXISTS AND (b EXISTS AND (c EXISTS AND d EXISTS))",
            a.clone() & b.clone() & c.clone() & d.clone(),
        ),
        ("((a EXISTS)) OR (b EXISTS OR c EXISTS)", a | b | c),
        ("TRUE AND d EXISTS", d),
    ] {
        assert_eq!(parsed(text), filter, "{text}");
    }
}

#[test]
fn strings_take_jsons_escapes() {
    for (text, string) in [
        (r#""""#, ""),
        (r#"'it"s'"#, "it\"s"),
        (r#""it's""#, "it's"),
        (r"'it\'s'", "it's"),
        (r#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{c}\n\r\t"),
        (r#""\u0041\u00e9\u65E5""#, "Aé日"),
        (r#""\ud83d\uDCA5!""#, "💥!"),
        ("\"two\nlines 💥\"", "two\nlines 💥"),
        ("'AND'", "AND"),
    ] {
        assert_eq!(parsed(&format!("a = {text}")), field("a").eq(string), "{text}");
    }
}

#[test]
fn integers_and_floats_stay_apart() {
    for (text, number) in [
        ("2", Scalar::Integer(2)),
        ("2.0", Scalar::Float(2.0)),
        ("2e0", Scalar::Float(2.0)),
        ("-0", Scalar::Integer(0)),
        ("1746714878034235396", Scalar::Integer(1_746_714_878_034_235_396)),
        ("-9223372036854775808", Scalar::Integer(i64::MIN)),
        ("9223372036854775807", Scalar::Integer(i64::MAX)),
        ("9223372036854775808.0", Scalar::Float(9_223_372_036_854_775_808.0)),
        ("1E+300", Scalar::Float(1e300)),
        ("-2.5e-3", Scalar::Float(-0.0025)),
        ("5e-324", Scalar::Float(5e-324)),
        ("1e-999", Scalar::Float(0.0)),
    ] {
        assert_eq!(parsed(&format!("a = {text}")), field("a").eq(number), "{text}");
    }
    let Filter::Leaf(leaf) = parsed("a = -0.0") else { panic!("a leaf was expected") };
    assert_eq!(leaf.to_string(), "a = 0.0");
}

#[test]
fn any_key_can_stand_in_backticks() {
    for (text, key) in [
        ("`a.b`", "a.b"),
        ("``` ```", "` `"),
        ("````", "`"),
        ("`id`", "id"),
        ("`and`", "and"),
        ("`größe`", "größe"),
        ("`a = 1 OR b`", "a = 1 OR b"),
        ("_a9", "_a9"),
        ("ID", "ID"),
        ("ANDY", "ANDY"),
        ("null", "null"),
    ] {
        assert_eq!(parsed(&format!("{text} EXISTS")), field(key).exists(), "{text}");
    }
}

#[test]
fn text_is_written_with_the_parentheses_it_needs() {
    for text in [
        "TRUE",
        "FALSE",
        "NOT TRUE",
        "a = 2",
        "a = 2.0",
        "a = -0.5",
        "a = 1e300",
        r#"a = "\"\\\u0001\n""#,
        "a IN ()",
        r#"a NOT IN (1, "x", true)"#,
        r#"NOT a IN ("x")"#,
        r#"id = "x""#,
        r#"NOT id IN ("x", "y")"#,
        "`id` EXISTS",
        "`a``b` EXISTS",
        "a EXISTS AND b EXISTS OR c EXISTS",
        "a EXISTS AND (b EXISTS OR c EXISTS)",
        "NOT (a EXISTS AND b EXISTS) AND FALSE",
        "NOT (a EXISTS OR b EXISTS) OR TRUE",
        "NOT NOT a EXISTS",
        r#"a STARTS WITH "x" AND a ENDS WITH "y" AND a CONTAINS 1"#,
        "a > 1 AND a >= 2 AND a < 3 AND a <= 4 AND a != 5",
    ] {
        assert_eq!(parsed(text).to_string(), text);
    }
}

#[test]
fn a_tree_that_is_not_flat_is_written_as_its_flat_form() {
    let a = || field("a").exists();
    let odd = Filter::And(vec![
        Filter::And(vec![a(), a()]),
        Filter::Or(vec![a()]),
        Filter::And(vec![Filter::none()]),
    ]);
    assert_eq!(parsed(&odd.to_string()), odd.flat());
}

#[test]
fn an_error_shows_its_place() {
    assert_eq!(
        refused("industry CONTAIN \"x\""),
        "filter, column 10: expected an operator after industry, found CONTAIN; did you mean CONTAINS?\n  \
         industry CONTAIN \"x\"\n           ^^^^^^^"
    );
    assert_eq!(
        refused("a = 1\nAND é\t== 2\nAND c = 3"),
        "filter, line 2, column 5: é is no bare key; in backticks it is one: `é`, in quotes a string\n  \
         AND é == 2\n      ^"
    );
    assert_eq!(
        refused("a = 1 AND"),
        "filter, column 10: expected a condition (such as year >= 2015), NOT or (, found the end\n  a = 1 AND\n           ^"
    );
}

#[test]
fn a_long_line_is_clipped_around_the_place() {
    let text =
        format!("{} == 2 AND {}", vec!["é = 1"; 1000].join(" AND ").replace('é', "e"), "x".repeat(1000));
    let message = refused(&text);
    let lines: Vec<&str> = message.lines().collect();
    let [first, line, carets] = lines.as_slice() else { panic!("{message}") };
    assert!(first.contains("column 9997: == is no operator"), "{message}");
    assert!(line.starts_with("  …") && line.ends_with('…') && line.chars().count() == 84, "{message}");
    let at = carets.chars().count() - 2;
    let marked: String = line.chars().skip(at).take(2).collect();
    assert_eq!((marked.as_str(), carets.trim()), ("==", "^^"), "{message}");
}

#[test]
fn what_other_languages_write_is_answered_with_what_to_write() {
    for (text, hint) in [
        ("", "TRUE is the filter that every record meets"),
        ("  \n", "TRUE is the filter that every record meets"),
        ("a == 1", "== is no operator; did you mean =?"),
        ("a <> 1", "did you mean !=?"),
        ("a => 1", "did you mean >=?"),
        ("a =< 1", "did you mean <=?"),
        ("a = 1 && b = 2", "did you mean AND?"),
        ("a = 1 || b = 2", "did you mean OR?"),
        ("!(a = 1)", "did you mean NOT?"),
        ("a >>= 1", ">>= is no operator"),
        ("a LIKE 'x%'", "use CONTAINS, STARTS WITH or ENDS WITH"),
        ("a IS NULL", "NOT a EXISTS (for IS NULL)"),
        ("a = NULL", "write NOT … EXISTS"),
        ("a eq 1", "did you mean =?"),
        ("a gte 1", "did you mean >=?"),
        ("a STARTSWITH 'x'", "did you mean STARTS WITH?"),
        ("a STARTS 'x'", "expected WITH"),
        ("a NOTIN (1)", "did you mean NOT IN?"),
        ("a EXIST", "did you mean EXISTS?"),
        ("EXISTS a", "EXISTS follows the key"),
        ("a NOT EXISTS", "NOT before a negates any condition"),
        ("contains = 1", "as a key, CONTAINS stands in backticks: `contains`"),
        ("a = fintech", "a string stands in quotes: \"fintech\""),
        ("a = `b`", "a string stands in quotes"),
        ("\"a\" = 1", "a key stands bare or in backticks: a"),
        ("'a b' = 1", "a key stands bare or in backticks: `a b`"),
        ("a = 'O''Reilly'", r"a quote in a string is written \'"),
        ("a = “x”", "“ is no quote"),
        ("a IN [1]", "lists and groups stand in parentheses"),
        ("a IN 1", "expected ( and a list of values"),
        ("a = (1)", "a list follows IN or NOT IN"),
        ("a IN (1 2)", "expected , or ), found 2; the ( at character 6 is open"),
        ("a IN (1,)", "expected a value, found )"),
        ("a IN (1", "the ( at character 6 is open"),
        ("a = 1 ADN b = 2", "expected AND, OR or the end, found ADN; did you mean AND?"),
        ("(a = 1 ADN b = 2)", "did you mean AND?"),
        ("a = 1, b = 2", "conditions are joined by AND or OR"),
        ("a = 1)", "no ( is open"),
        ("(a = 1", "the ( at character 1 is open"),
        ("a > true", "a bool has no order"),
        ("a BETWEEN false AND 1", "a bool has no order"),
        ("a BETWEEN 1, 2", "expected AND, found ,"),
        ("a STARTS WITH 1", "STARTS WITH takes a string"),
        ("a ENDS WITH x", "ENDS WITH takes a string"),
        ("a.b = 1", "in backticks it is one: `a.b`"),
        ("a-b = 1", "in backticks it is one: `a-b`"),
        (
            "a b = 1",
            "expected =, !=, >, >=, <, <=, IN, NOT IN, CONTAINS, STARTS WITH, ENDS WITH, EXISTS or BETWEEN",
        ),
        ("a 'b' = 1", "a key of several words stands in backticks"),
        ("2015 = year", "expected a condition"),
        ("date > 2015-01-01", "no number"),
        ("a = 007", "no number"),
        ("a = .5", "no number"),
        ("a = 5.", "no number"),
        ("a = +5", "no number"),
        ("a = 1_000", "no number"),
        ("a = 0x10", "no number"),
        ("a = -", "no number"),
        ("a = 9223372036854775808", "an integer beyond 64 bits"),
        ("a = 1e400", "beyond the range"),
        ("a = 'x", "this string is not closed"),
        ("`a = 1", "not closed"),
        ("`` = 1", "a metadata key has 0 bytes"),
        (r"a = '\x41'", "no escape"),
        (r"a = '\u12'", "four hex digits"),
        (r"a = '\u12é4'", "four hex digits"),
        (r"a = '\ud800'", "surrogate"),
        (r"a = '\ud800\u0041'", "surrogate"),
        (r"a = '\udc00'", "surrogate"),
        ("id != 'x'", "write NOT id = "),
        ("id = 5", "an id is a string"),
        ("id IN ('x', 5)", "an id is a string"),
        ("id CONTAINS 'x'", "a metadata key of that name stands in backticks: `id`"),
        ("id EXISTS", "backticks: `id`"),
        ("id NOT = 'x'", "expected IN after NOT"),
        ("$and = 1", "in backticks"),
        ("`$and` = 1", "reserved"),
        ("a = 1;", "unexpected ;"),
        ("a = 1 -- comment", "no number"),
        ("\u{0}", "no bare key"),
    ] {
        let message = refused(text);
        assert!(message.contains(hint), "{text}: expected {hint:?} in {message}");
    }
}

#[test]
fn deep_nesting_is_refused_and_overflows_no_stack() {
    let deepest = format!("{}a = 1{}", "(".repeat(MAX_DEPTH - 1), ")".repeat(MAX_DEPTH - 1));
    assert_eq!(parsed(&deepest), field("a").eq(1));
    let deepest = format!("{}a = 1", "NOT ".repeat(MAX_DEPTH - 1));
    assert_eq!(parsed(&deepest).to_string(), deepest);
    for (text, column) in [
        ("(".repeat(MAX_DEPTH), 64),
        ("(".repeat(100_000), 64),
        ("NOT ".repeat(100_000), 253),
        ("NOT (".repeat(100_000), 160),
    ] {
        let message = refused(&text);
        assert!(message.contains("deeper than 64 levels"), "{message}");
        assert!(message.contains(&format!("column {column}:")), "{message}");
    }
}

#[test]
fn groups_side_by_side_are_not_nested() {
    let text = vec!["NOT (a EXISTS OR b EXISTS)"; 200].join(" AND ");
    assert_eq!(parsed(&text).to_string(), text);
}

#[test]
fn the_deepest_valid_tree_round_trips() {
    let deepest = (1..MAX_DEPTH).fold(field("a").exists(), |filter, level| match level % 3 {
        0 => !filter,
        1 => filter & field("b").eq(1),
        _ => filter | field("b").eq(1),
    });
    deepest.validate().unwrap();
    assert_eq!(parsed(&deepest.to_string()), deepest);
}

#[test]
fn too_many_operands_are_refused() {
    let list = vec!["1"; 10_001].join(",");
    assert!(refused(&format!("a IN ({list})")).contains("more than 10000"));
    assert_eq!(parsed(&format!("a IN ({})", &list[2..])), field("a").is_in(vec![1; 10_000]));
}

#[test]
fn json_is_known_by_its_brace() {
    assert_eq!(parsed(" \n{\"a\": 1}"), field("a").eq(1));
    assert!(refused("{a = 1}").contains("not valid JSON"));
    assert_eq!("a = 1".parse::<Filter>().unwrap(), field("a").eq(1));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn a_flat_tree_round_trips(filter in hostile()) {
        let text = filter.to_string();
        prop_assert_eq!(Filter::parse(&text)?, filter, "{}", text);
    }

    #[test]
    fn any_input_gives_a_filter_or_an_invalid_argument(input in any::<String>()) {
        if let Err(e) = Filter::parse(&input) {
            prop_assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        }
    }

    #[test]
    fn any_tokens_give_a_filter_that_round_trips_or_an_invalid_argument(
        tokens in vec(select(TOKENS.to_vec()), 0..12),
        space in select(vec!["", " ", "\n"]),
    ) {
        match Filter::parse(&tokens.join(space)) {
            Ok(filter) => prop_assert_eq!(Filter::parse(&filter.to_string())?, filter),
            Err(e) => prop_assert_eq!(e.kind(), ErrorKind::InvalidArgument),
        }
    }

    #[test]
    fn damaged_text_gives_a_filter_or_an_invalid_argument(filter in hostile(), at in any::<usize>(), c in any::<char>()) {
        let mut chars: Vec<char> = filter.to_string().chars().collect();
        let at = at % chars.len();
        chars[at] = c;
        if let Err(e) = Filter::parse(&chars.into_iter().collect::<String>()) {
            prop_assert_eq!(e.kind(), ErrorKind::InvalidArgument);
        }
    }
}

const TOKENS: [&str; 36] = [
    "a", "id", "`id`", "`", "AND", "OR", "NOT", "NOT", "IN", "CONTAINS", "STARTS", "ENDS", "WITH", "EXISTS",
    "BETWEEN", "TRUE", "FALSE", "(", "(", ")", ")", ",", "=", "!=", ">", "<=", "1", "-2.5", "1e9", "'x'",
    "\"", "\\", "\\u", "💥", ".", "{",
];
