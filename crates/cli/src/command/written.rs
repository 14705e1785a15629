//! What a write by ids did, as it is printed and as it ends the run.

use portolan::{Outcome, WriteResult};
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::failure::{Failure, to_json};
use crate::output;

/// Prints what was written, and fails where not all was.
pub(super) fn report(
    context: &Context,
    ids: &[String],
    result: &WriteResult,
    done: impl FnOnce() -> String,
) -> Result<(), Failure> {
    if result.is_successful() {
        return output::print_one(context.format(), &as_json(ids, result), done);
    }
    let Some((at, error)) = result.errors().next() else { return Ok(()) };
    let id = ids.get(at).cloned().unwrap_or_default();
    let error = error.clone().with_position(at).with_context("id", id);
    if result.stored() == 0 {
        return Err(error.into());
    }
    output::print_one(context.format(), &as_json(ids, result), || {
        format!("Done: {}, failed: {}, unknown: {}.", result.stored(), result.failed(), result.unknown())
    })?;
    Err(Failure::partly(error))
}

fn as_json(ids: &[String], result: &WriteResult) -> Json {
    let items: Vec<Json> = ids.iter().zip(&result.items).map(|(id, outcome)| item(id, outcome)).collect();
    json!({
        "items": items,
        "stored": result.stored(),
        "failed": result.failed(),
        "unknown": result.unknown(),
        "visible": result.visible,
        "elapsed_ms": result.elapsed.as_secs_f64() * 1e3,
    })
}

fn item(id: &str, outcome: &Outcome) -> Json {
    match outcome {
        Outcome::Stored => json!({ "id": id, "outcome": "stored" }),
        Outcome::Failed(e) => json!({ "id": id, "outcome": "failed", "error": to_json(e) }),
        Outcome::Unknown(e) => json!({ "id": id, "outcome": "unknown", "error": to_json(e) }),
    }
}
