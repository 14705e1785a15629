//! What real servers do otherwise than the contract says, trap by trap: each case ran into one.
//!
//! Runs against each server that the environment names; without one the cases are ignored.

// A case fails by a panic.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod filters;
mod indexes;
mod others;
#[allow(dead_code, reason = "not every test needs all of it")]
#[path = "../../src/proto.rs"]
mod proto;
mod world;

use std::process::ExitCode;

use portolan_testkit::{Server, traps};

fn main() -> ExitCode {
    let traps = traps![
        filters::negation_over_json_takes_no_missing_key_by_mistake,
        filters::true_is_not_one,
        filters::text_of_json_is_no_list,
        filters::a_mixed_list_equals_nothing,
        filters::integers_beyond_2_53_are_told_apart,
        filters::the_least_integer_is_an_operand,
        filters::like_has_no_escape,
        filters::two_hundred_alternatives_are_not_too_deep,
        filters::a_key_that_looks_like_a_path_is_asked_for,
        indexes::the_row_count_before_a_flush_is_right,
        indexes::pages_of_several_segments_are_complete,
        indexes::a_released_collection_is_loaded_again,
        indexes::creating_twice_is_told,
        indexes::distances_are_not_squared,
        indexes::a_partition_key_loses_no_record,
        indexes::replicas_that_the_server_cannot_load_leave_no_index,
        indexes::an_import_through_a_server_that_goes_is_told_truly,
        others::a_null_of_another_program_does_not_exist,
        others::collections_of_others_are_read_and_searched,
        others::scores_of_compressed_vectors_are_not_told,
        others::a_cursor_is_no_expression,
        others::where_the_server_makes_the_ids_no_record_is_written,
    ];
    traps.main(["milvus", "milvus-lite"].map(|name| Server::new(name, portolan_milvus::open).parallel(2)))
}
