//! `portolan upsert`.

use clap::Args as ClapArgs;
use portolan::{Metadata, Record, UpsertRequest};

use super::written;
use crate::context::Context;
use crate::failure::Failure;
use crate::input::record::{parse_record, parse_vector};
use crate::input::text_of;

/// The record.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The record as JSON, '{"id": …, "vector": […], "metadata": {…}}', or - for stdin
    #[arg(value_name = "RECORD", required_unless_present = "id", conflicts_with_all = ["id", "vector", "metadata"])]
    record: Option<String>,
    /// The record's id
    #[arg(long, requires = "vector")]
    id: Option<String>,
    /// The record's vector, a JSON list of numbers, or - for stdin
    #[arg(long, requires = "id", allow_hyphen_values = true)]
    vector: Option<String>,
    /// The record's metadata, a JSON object
    #[arg(long, requires = "id")]
    metadata: Option<String>,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let record = record(&args)?;
    let storage = context.open().await?;
    let ids = [record.id.clone()];
    let records = [record];
    let request = UpsertRequest::new(&args.name, &records[..]).options(context.options());
    let result = storage.upsert(&request).await?;
    written::report(context, &ids, &result, written::STORED, || format!("Stored {}.", ids[0]))
}

fn record(args: &Args) -> Result<Record, Failure> {
    if let Some(record) = &args.record {
        return Ok(parse_record(&text_of(record)?)?);
    }
    let vector = parse_vector(&text_of(args.vector.as_deref().unwrap_or_default())?)?;
    let metadata = args.metadata.as_deref().map(Metadata::from_json_str).transpose()?;
    Ok(Record::new(args.id.clone().unwrap_or_default(), vector).metadata(metadata.unwrap_or_default()))
}
