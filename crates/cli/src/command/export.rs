//! `portolan export`.

mod sink;
mod target;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args as ClapArgs;
use portolan::{CountRequest, Filter, ScanRequest, Unreadable, VectorStorage};
use serde_json::json;

use self::sink::{Format, Sink};
use self::target::{Draft, Target};
use super::unreadable;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Where;
use crate::output;
use crate::page;
use crate::progress::Bar;
use crate::stop::Stop;
use crate::table;

const PAGE: usize = 1000;

/// What is exported.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The file, .jsonl or .parquet, or a pipe or device; - is stdout
    file: PathBuf,
    /// The format [default: by the file's name; JSONL for stdout, pipes and devices]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    #[command(flatten)]
    filter: Where,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let failed = |e: io::Error| unwritten(&args.file, &e);
    let target = Target::of(&args.file).map_err(failed)?;
    let format = args.format.map_or_else(|| Format::of(&args.file, &target), Ok)?;
    let is_stdout = target.is_stdout();
    if is_stdout && format == Format::Parquet && io::stdout().is_terminal() {
        return Err(Failure::usage("Parquet is not for terminals: name a file"));
    }
    #[cfg(not(feature = "formats"))]
    if format == Format::Parquet {
        return Err(crate::input::without_formats().into());
    }
    let storage = context.open().await?;
    context.describe(&args.name).await?;
    let filter = context.filter(&args.name, &args.filter).await?;
    if target.is_destroyed() {
        context.confirm(&format!("replace {}", args.file.display()))?;
    }
    // What is written at once needs no tidying, and its reader may keep it waiting for ever.
    let mut stop = if target.is_file() { Stop::listen()? } else { Stop::left_to_the_system() };
    let (output, draft) = target.open().map_err(failed)?;
    let mut sink = Sink::new(output, format).map_err(failed)?;
    let mut unread = Vec::new();
    let exported = tokio::select! {
        biased;
        status = stop.asked() => {
            let message = format!("interrupted; {} is left as it was", args.file.display());
            return Err(Failure::interrupted(message, status));
        }
        exported = copy(&*storage, &args, filter.as_ref(), &mut sink, &mut unread, context) => exported?,
    };
    sink.finish().map_err(failed)?;
    draft.map_or(Ok(()), Draft::finish).map_err(failed)?;
    storage.close().await?;
    if !is_stdout {
        report(&args.file, exported, started, context)?;
    }
    unreadable::report(&args.name, &unread, context)
}

async fn copy(
    storage: &dyn VectorStorage,
    args: &Args,
    filter: Option<&Filter>,
    sink: &mut Sink,
    unread: &mut Vec<Unreadable>,
    context: &Context,
) -> Result<u64, Failure> {
    let (index, file) = (args.name.as_str(), args.file.as_path());
    let total = storage.count(&CountRequest::new(index).options(context.options())).await?;
    let bar = Bar::over_items(context.is_quiet(), "Exporting", total);
    let mut cursor = None;
    let mut exported = 0;
    loop {
        let request = ScanRequest::new(index)
            .filter(filter)
            .cursor(cursor.as_ref())
            .page_size(PAGE)
            .options(context.options());
        let page = page::read(storage, &request).await?;
        sink.write(&page.records).map_err(|e| unwritten(file, &e))?;
        unread.extend(page.unreadable);
        exported += page.records.len() as u64;
        bar.set(exported);
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(exported);
        }
    }
}

fn unwritten(file: &Path, error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::BrokenPipe {
        Failure::ClosedPipe
    } else {
        Failure::file(file, "write", error)
    }
}

fn report(file: &Path, exported: u64, started: Instant, context: &Context) -> Result<(), Failure> {
    let seconds = started.elapsed().as_secs_f64();
    let sentence =
        || format!("Wrote {} to {} in {seconds:.1} s.", table::record_count(exported), file.display());
    let summary = json!({ "exported": exported, "file": file, "elapsed_ms": seconds * 1e3 });
    output::print_one(context.format(), &summary, sentence)
}
