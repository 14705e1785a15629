//! `portolan scan`.

use clap::Args as ClapArgs;
use portolan::{Filter, Record, ScanRequest, Unreadable, VectorStorage};
use serde::Serialize;

use super::unreadable;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::{Columns, Format, Where};
use crate::output;
use crate::page;
use crate::table;

const PAGE: u64 = 1000;

/// What is read.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    #[command(flatten)]
    filter: Where,
    /// The most records to read
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u64).range(1..))]
    limit: u64,
    /// Read every record
    #[arg(long, conflicts_with = "limit")]
    all: bool,
    /// Show the vectors as well
    #[arg(long)]
    include_vectors: bool,
    #[command(flatten)]
    columns: Columns,
}

/// What was read.
#[derive(Serialize)]
struct Records<'a> {
    records: &'a [Record],
    /// The records among these that cannot be read.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unreadable: &'a [Unreadable],
    has_more: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let filter = context.filter(&args.name, &args.filter).await?;
    let limit = if args.all { u64::MAX } else { args.limit };
    let (mut kept, mut unread) = (Vec::new(), Vec::new());
    let has_more = each(&*storage, &args, filter.as_ref(), context, limit, &mut unread, |record| {
        if context.format() == Format::Jsonl {
            return output::json(&record);
        }
        kept.push(record);
        Ok(())
    })
    .await?;
    match context.format() {
        Format::Jsonl => {}
        Format::Json => output::json(&Records { records: &kept, unreadable: &unread, has_more })?,
        Format::Table => {
            let spec = context.spec(&args.name).await;
            output::text(&table::records(&kept, spec, &args.columns.columns))?;
            if has_more {
                context.note(&format!(
                    "The first {} records; more with --limit N or --all.",
                    table::count(limit)
                ));
            }
        }
    }
    unreadable::report(&args.name, &unread, context)
}

/// Hands over record by record, up to the limit; says whether there are more.
async fn each(
    storage: &dyn VectorStorage,
    args: &Args,
    filter: Option<&Filter>,
    context: &Context,
    limit: u64,
    unreadable: &mut Vec<Unreadable>,
    mut take: impl FnMut(Record) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    let mut cursor = None;
    let mut left = limit;
    loop {
        let page_size = usize::try_from(left.saturating_add(1).min(PAGE)).unwrap_or(1);
        let request = ScanRequest::new(&args.name)
            .filter(filter)
            .cursor(cursor.as_ref())
            .page_size(page_size)
            .include_vectors(args.include_vectors)
            .options(context.options());
        let page = page::read(storage, &request).await?;
        unreadable.extend(page.unreadable);
        for record in page.records {
            if left == 0 {
                return Ok(true);
            }
            left -= 1;
            take(record)?;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(false);
        }
    }
}
