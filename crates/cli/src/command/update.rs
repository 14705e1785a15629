//! `portolan update`.

use clap::Args as ClapArgs;
use portolan::metadata::parse_json;
use portolan::{MetadataPatch, MetadataUpdate, UpdateRequest, Value};

use super::written;
use crate::context::Context;
use crate::failure::Failure;

/// Which records, and what changes.
#[derive(Debug, ClapArgs)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true))]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The ids of the records
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Fields to set, as a JSON object; a field that is null is removed
    #[arg(long, group = "change", value_name = "JSON")]
    metadata: Option<String>,
    /// A field to set; a value that is not JSON is text
    #[arg(long, group = "change", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// A field to remove
    #[arg(long, group = "change", value_name = "KEY")]
    remove: Vec<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let patch = patch(&args)?;
    let storage = context.open().await?;
    let updates: Vec<MetadataUpdate> =
        args.ids.iter().map(|id| MetadataUpdate::new(id, patch.clone())).collect();
    let request = UpdateRequest::new(&args.name, &updates).options(context.options());
    let result = storage.update_metadata(&request).await?;
    written::report(context, &args.ids, &result, written::STORED, || {
        format!("Updated {}.", args.ids.join(", "))
    })
}

fn patch(args: &Args) -> Result<MetadataPatch, Failure> {
    let mut patch = match &args.metadata {
        Some(json) => MetadataPatch::from_json(parse_json(json)?)?,
        None => MetadataPatch::new(),
    };
    for assignment in &args.set {
        let (key, text) = assignment
            .split_once('=')
            .ok_or_else(|| Failure::usage(format!("--set is {assignment:?}, and must be KEY=VALUE")))?;
        patch = match value(text)? {
            Some(value) => patch.set(key, value),
            None => patch.remove(key),
        };
    }
    Ok(args.remove.iter().fold(patch, |patch, key| patch.remove(key)))
}

/// JSON where it is JSON, else text.
fn value(text: &str) -> Result<Option<Value>, Failure> {
    if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
        return Ok(Some(Value::from(text)));
    }
    Ok(Value::from_json(parse_json(text)?)?)
}
