//! What Qdrant does otherwise than one would expect, each shown on the server itself, and that the port's answer is right
//! all the same. And what other programs have made: read, searched and filtered.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod others;
mod payload;
mod vectors;
mod world;

use std::process::ExitCode;

use futures::FutureExt;
use futures::future::BoxFuture;
use libtest_mimic::{Arguments, Trial};
use portolan_testkit::server;

use world::World;

/// A case, by name.
type Case = (&'static str, fn(World) -> BoxFuture<'static, ()>);

/// The table of cases from the functions' paths.
macro_rules! cases {
    ($($module:ident::$name:ident),* $(,)?) => {
        &[$((concat!(stringify!($module), "::", stringify!($name)), |world| $module::$name(world).boxed())),*]
    };
}

const CASES: &[Case] = cases![
    payload::a_float_of_many_digits_is_read_back_changed,
    payload::an_integer_match_passes_over_floats,
    payload::past_2_to_the_53_a_range_takes_neighbours_for_equal,
    payload::a_range_on_strings_meets_nothing,
    payload::a_negation_meets_missing_fields,
    payload::except_meets_a_list_with_any_other_element,
    payload::an_empty_alternative_meets_everything,
    payload::a_text_match_finds_parts_of_elements_too,
    payload::is_empty_takes_an_empty_list_for_missing,
    payload::a_key_with_a_quote_or_backslash_has_no_path,
    payload::a_dotted_key_is_a_path_unless_quoted,
    vectors::vectors_near_zero_are_not_normalized,
    vectors::cosine_vectors_are_read_back_at_unit_length,
    vectors::codes_are_rescored_by_the_vectors,
    vectors::parameters_of_the_graph_reach_the_collection,
    vectors::a_flat_index_is_exact,
    others::a_collection_of_another_program_is_listed_searched_and_read,
    others::the_scalars_of_a_mixed_list_are_matched_natively,
    others::null_counts_as_a_field_without_values,
    others::a_text_index_folds_case_and_parts,
    others::an_integer_id_and_its_uuid_are_one_record,
    others::a_point_without_a_vector_is_read_and_never_found,
    others::what_the_port_cannot_hold_is_listed_and_refused,
];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let uri = server::uri(portolan_qdrant::PROVIDER);
    let trials = CASES.iter().map(|(name, case)| {
        let ignored = uri.is_none();
        let uri = uri.clone().unwrap_or_default();
        let run = move || {
            world::run(&uri, *case);
            Ok(())
        };
        Trial::test(*name, run).with_ignored_flag(ignored)
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    if uri.is_none() {
        let variable = server::variable(portolan_qdrant::PROVIDER);
        println!("traps {}: not run ({variable} names no server)", portolan_qdrant::PROVIDER);
    }
    conclusion.exit_code()
}
