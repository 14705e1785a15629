//! Filters: equality and order, over every type of value.

use portolan_core::filter::{field, one_of, range};

use crate::case::cases;

cases! { "filter_compare";
    [F4 F7]
    eq_integer: field("year").eq(2015),
    eq_integer_by_float: field("year").eq(2015.0),
    eq_negative_integer: field("year").eq(-5),
    eq_integer_beyond_2_53: field("year").eq(9_007_199_254_740_993_i64),
    eq_float_beside_integer_beyond_2_53: field("score").eq(9_007_199_254_740_992_i64),
    eq_float: field("score").eq(1.5),
    eq_float_by_integer: field("score").eq(2),
    eq_zero: field("score").eq(0),
    eq_negative_zero: field("score").eq(-0.0),
    eq_huge_float: field("score").eq(1e300),
    gt_integer: field("year").gt(2014),
    gt_integer_by_float: field("year").gt(2014.5),
    gt_integer_beyond_2_53: field("year").gt(9_007_199_254_740_992_i64),
    gt_float: field("score").gt(2.0),
    gt_negative: field("score").gt(-3),
    gte_integer: field("year").gte(2015),
    gte_float: field("score").gte(2.5),
    lt_integer: field("year").lt(2010),
    lt_float: field("score").lt(0.5),
    lt_negative: field("score").lt(-2),
    lte_integer: field("year").lte(2010),
    lte_float: field("score").lte(1.5),
    lte_float_nearby: field("score").lte(2.499_999_9),
    in_mathematical_values: one_of("numbers", [2.0, 7.5]);
    [F7 F9]
    eq_bool_is_no_number: field("active").eq(1);
    [A3 F4 F8 F27]
    eq_string: field("name").eq("Alpha");
    [F4 F8]
    eq_string_heeds_case: field("name").eq("alpha"),
    eq_empty_string: field("name").eq(""),
    eq_unicode_string: field("name").eq("Ωmega"),
    gt_string: field("name").gt("alpha"),
    gt_string_by_bytes: field("name").gt("Z"),
    gte_string: field("name").gte("beta"),
    lt_string: field("name").lt("Beta"),
    lt_empty_string_side: field("name").lt("A"),
    lte_string: field("name").lte("Alpha");
    [F9]
    eq_string_of_digits_is_no_number: field("year").eq("2015"),
    eq_true_is_no_string: field("active").eq("true"),
    ne_other_type_is_true_where_present: field("active").ne("nothing"),
    order_by_number_skips_strings: field("year").gte(-1_000_000),
    order_by_string_skips_numbers: field("year").gte(""),
    not_in_other_types: field("year").not_in(["2014", "2016"]);
    [F4]
    eq_true: field("active").eq(true),
    eq_false: field("active").eq(false),
    in_integers: one_of("year", [2010, 2020]),
    in_floats: one_of("score", [1.5, 2.5]),
    in_strings: one_of("name", ["Alpha", "beta", "no one"]),
    in_bools: one_of("active", [false]),
    in_single: one_of("name", ["alphabet"]);
    [F5]
    in_mixed_types: one_of(
        "year",
        [portolan_core::Scalar::from("2015"), portolan_core::Scalar::from(2010), portolan_core::Scalar::from(true)]
    );
    [F10]
    eq_string_on_list: field("tags").eq("red"),
    eq_integer_on_list: field("numbers").eq(2),
    eq_float_on_list: field("numbers").eq(4.5),
    eq_negative_on_list: field("numbers").eq(-1),
    ne_on_list_wants_no_equal_element: field("tags").ne("red"),
    gt_on_list: field("numbers").gt(2),
    gte_on_list: field("year").gte(2020),
    lt_on_list: field("numbers").lt(0),
    lte_on_list: field("score").lte(0.5),
    in_on_list: one_of("tags", ["blue", "en"]),
    not_in_on_list: field("tags").not_in(["red", "2"]);
    [F2 F3]
    ne_integer: field("year").ne(2015),
    ne_float: field("score").ne(2.0),
    ne_string: field("name").ne("Alpha"),
    ne_bool: field("active").ne(true),
    not_in_integers: field("year").not_in([2010, 2015]),
    not_in_strings: field("name").not_in(["Alpha", "alpha"]),
    not_in_bools: field("active").not_in([true]);
    [F11]
    ne_on_opaque_is_true: field("info").ne(1);
    [F22]
    between: range("year", 2010, 2014),
    between_floats: range("score", 1.5, 2.5),
    between_strings: range("name", "A", "H");
    [F10 F22]
    between_on_list_by_two_elements: range("year", 2011, 2019);
}
