//! `portolan count`.

use clap::Args as ClapArgs;
use portolan::CountRequest;
use serde_json::json;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::Where;
use crate::output;

/// What is counted.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    #[command(flatten)]
    filter: Where,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let filter = context.filter(&args.name, &args.filter).await?;
    let request = CountRequest::new(&args.name).filter(filter.as_ref()).options(context.options());
    let count = storage.count(&request).await?;
    output::print_one(context.format(), &json!({ "count": count }), || count.to_string())
}
