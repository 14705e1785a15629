//! What a write by ids did, as it is printed and as it ends the run.

use portolan::{Outcome, WriteResult};
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::failure::{Failure, to_json};
use crate::output;

/// What becomes of records that a write succeeds with.
pub(super) const STORED: &str = "stored";
/// The same of a deletion; a record that was not there counts as well.
pub(super) const DELETED: &str = "deleted";

/// Prints what was `done` to records, in words too, and fails where not all was.
pub(super) fn report(
    context: &Context,
    ids: &[String],
    result: &WriteResult,
    done: &str,
    words: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if result.is_successful() {
        return output::print_one(context.format(), &as_json(ids, result, done), words);
    }
    let Some((at, error)) = result.errors().next() else { return Ok(()) };
    let id = ids.get(at).cloned().unwrap_or_default();
    let error = error.clone().with_position(at).with_context("id", id);
    if result.stored() == 0 {
        return Err(error.into());
    }
    output::print_one(context.format(), &as_json(ids, result, done), || {
        format!(
            "Records {done}: {}, failed: {}, unknown: {}.",
            result.stored(),
            result.failed(),
            result.unknown()
        )
    })?;
    Err(Failure::partly(error))
}

fn as_json(ids: &[String], result: &WriteResult, done: &str) -> Json {
    let items: Vec<Json> =
        ids.iter().zip(&result.items).map(|(id, outcome)| item(id, outcome, done)).collect();
    json!({
        "items": items,
        done: result.stored(),
        "failed": result.failed(),
        "unknown": result.unknown(),
        "visible": result.visible,
        "elapsed_ms": result.elapsed.as_secs_f64() * 1e3,
    })
}

fn item(id: &str, outcome: &Outcome, done: &str) -> Json {
    match outcome {
        Outcome::Stored => json!({ "id": id, "outcome": done }),
        Outcome::Failed(e) => json!({ "id": id, "outcome": "failed", "error": to_json(e) }),
        Outcome::Unknown(e) => json!({ "id": id, "outcome": "unknown", "error": to_json(e) }),
    }
}
