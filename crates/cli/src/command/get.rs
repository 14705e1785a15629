//! `portolan get`.

use clap::Args as ClapArgs;
use portolan::{Error, ErrorKind, GetRequest, Record};
use serde::Serialize;

use crate::context::Context;
use crate::failure::Failure;
use crate::options::Columns;
use crate::output;
use crate::table;

/// Which records.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The ids of the records
    #[arg(required = true, value_name = "ID")]
    ids: Vec<String>,
    /// Show the vectors as well
    #[arg(long)]
    include_vectors: bool,
    #[command(flatten)]
    columns: Columns,
}

/// A record for each id, or null.
#[derive(Serialize)]
struct Answers<'a> {
    records: &'a [Option<Record>],
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let request = GetRequest::new(&args.name, &args.ids)
        .include_vectors(args.include_vectors)
        .options(context.options());
    let answers = storage.get(&request).await?;
    let missing: Vec<&str> =
        args.ids.iter().zip(&answers).filter(|(_, a)| a.is_none()).map(|(id, _)| id.as_str()).collect();
    let found: Vec<Record> = answers.iter().flatten().cloned().collect();
    if !found.is_empty() {
        let spec = context.spec(&args.name).await;
        output::print(context.format(), &Answers { records: &answers }, &found, || {
            table::records(&found, spec, &args.columns.columns)
        })?;
    }
    if missing.is_empty() {
        return Ok(());
    }
    let message = format!("the index {} has no record {}", args.name, missing.join(", "));
    Err(Error::new(ErrorKind::NotFound, message).with_operation("get").with_index(args.name).into())
}
