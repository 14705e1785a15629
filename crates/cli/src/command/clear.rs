//! `portolan clear`.

use clap::Args as ClapArgs;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::output;

/// Which index.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    context.describe(&args.name).await?;
    context.confirm(&format!("delete every record of the index {}", args.name))?;
    storage.clear(&args.name, context.options()).await?;
    let done = json!({ "index": args.name, "cleared": true });
    output::print_one(context.format(), &done, || format!("Cleared the index {}.", args.name))
}
