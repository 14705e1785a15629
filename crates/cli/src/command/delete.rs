//! `portolan delete`.

use clap::Args as ClapArgs;
use portolan::{DeleteRequest, DeleteWhereRequest, Filter, VectorStorage};
use serde_json::json;

use super::written;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Where;
use crate::output;
use crate::table;

/// Which records.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The ids of the records
    #[arg(value_name = "ID", required_unless_present = "filter", conflicts_with = "filter")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Where,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    match context.filter(&args.name, &args.filter).await? {
        Some(filter) => delete_where(&*storage, &args, &filter, context).await,
        None => delete_ids(&*storage, &args, context).await,
    }
}

async fn delete_ids(storage: &dyn VectorStorage, args: &Args, context: &Context) -> Result<(), Failure> {
    context.describe(&args.name).await?;
    context.confirm(&format!(
        "delete {} from the index {}",
        table::record_count(args.ids.len() as u64),
        args.name
    ))?;
    let request = DeleteRequest::new(&args.name, &args.ids).options(context.options());
    let result = storage.delete(&request).await?;
    written::report(context, &args.ids, &result, written::DELETED, || match args.ids.len() {
        1 => format!("Deleted {}.", args.ids[0]),
        n => format!("Deleted {}.", table::record_count(n as u64)),
    })
}

async fn delete_where(
    storage: &dyn VectorStorage,
    args: &Args,
    filter: &Filter,
    context: &Context,
) -> Result<(), Failure> {
    let text = args.filter.filter.as_deref().unwrap_or_default();
    context.confirm(&format!("delete the records of the index {} that meet {text}", args.name))?;
    let request = DeleteWhereRequest::new(&args.name, filter).options(context.options());
    let result = storage.delete_where(&request).await?;
    let done = json!({
        "deleted": result.deleted,
        "visible": result.visible,
        "elapsed_ms": result.elapsed.as_secs_f64() * 1e3,
    });
    output::print_one(context.format(), &done, || match result.deleted {
        Some(n) => format!("Deleted {}.", table::record_count(n)),
        None => "Deleted the records that met the filter.".to_owned(),
    })
}
