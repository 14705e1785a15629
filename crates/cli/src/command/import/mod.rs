//! `portolan import`.

mod feed;
mod resume;
mod sink;
mod tally;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use clap::{Args as ClapArgs, ValueEnum};
use portolan::{
    CallOptions, Error, ErrorKind, FieldType, IndexSpec, Metric, VectorStorage, VectorStorageExt,
};
use serde_json::{Value as Json, json};

use self::feed::Feed;
use self::resume::Resume;
use self::sink::Sink;
use self::tally::{Problem, Tally};
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{self, ColumnTypes, Format, Input};
use crate::output;
use crate::progress::Bar;
use crate::table;

/// How many rows of each file are looked at for the dimension.
const ROWS_TRIED: usize = 1000;

/// What is imported.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// The index
    name: String,
    /// The files; - is stdin
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The files' format [default: by each file's name; JSONL for stdin]
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,
    /// The ids and metadata of a .npy file, paired by line: {"id": …, "metadata": {…}}, or {"id": …} with the
    /// metadata's fields beside it. Once for each .npy file, in their order
    #[arg(long, value_name = "FILE.jsonl")]
    metadata: Vec<PathBuf>,
    /// Create the index if it does not exist, with the dimension of the data
    #[arg(long)]
    create: bool,
    /// With --create: cosine, dot_product, euclidean or manhattan [default: cosine]
    #[arg(long, value_name = "METRIC", value_parser = super::index::parse::<Metric>)]
    metric: Option<Metric>,
    /// A metadata field with its type, such as industry:string; with --create it is declared, and a CSV column of
    /// that name is read as that type
    #[arg(long = "field", value_name = "KEY:TYPE", value_parser = super::index::field)]
    fields: Vec<(String, FieldType)>,
    /// What to do with a row that is no record
    #[arg(long, value_enum, default_value_t)]
    on_error: OnError,
    /// How many records are stored at once: 1 to 10,000
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    batch_size: u64,
    /// Begin anew, also where an earlier run was interrupted
    #[arg(long)]
    restart: bool,
}

/// What to do with a row that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum OnError {
    /// Store the rows before it, then stop
    #[default]
    Stop,
    /// Report it and go on
    Skip,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let location = context.location()?;
    let (inputs, _spooled) = inputs(&args)?;
    let storage = context.open().await?;
    let existing = existing(&*storage, &args, context).await?;
    let declared = declared(existing.as_ref(), &args)?;
    let types = input::survey(&inputs, &declared)?;
    let spec = match existing {
        Some(spec) => spec,
        None => create(&*storage, &args, &inputs, &types, context).await?,
    };
    let mut resume = Resume::find(&*storage, &location.to_string(), &args, &inputs, context).await?;
    let resumed_at = resume.acknowledged();
    if resumed_at > 0 {
        context
            .note(&format!("Going on after {} rows that an earlier run stored.", table::count(resumed_at)));
    }
    let total = inputs.iter().map(|i| i.path.metadata().map(|m| m.len()).ok()).sum::<Option<u64>>();
    let bar = Bar::over_bytes(context.is_quiet(), "Importing", total);
    let batch = usize::try_from(args.batch_size).unwrap_or(1000);
    let feed = Feed::start(inputs.clone(), types, resumed_at, batch);
    let options = import_options(context);
    let mut sink = Sink::new(&*storage, &spec, &inputs, args.on_error, options, context.is_table(), &bar);
    let ended = sink.drain(feed, &mut resume).await;
    let tally = sink.into_tally();
    drop(bar);
    storage.close().await?;
    if ended.is_ok() {
        resume.finish();
    }
    report(&args.name, &tally, resumed_at, started, ended, context)
}

/// The inputs, checked; stdin is kept in a file where it must be read twice.
fn inputs(args: &Args) -> Result<(Vec<Input>, Option<tempfile::NamedTempFile>), Failure> {
    let mut metadata = args.metadata.iter();
    let mut spooled = None;
    let mut inputs = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let format = args.format.map_or_else(|| Format::of(path), Ok)?;
        let mut path = path.clone();
        let name = if input::is_stdin(&path) { "stdin".to_owned() } else { path.display().to_string() };
        if input::is_stdin(&path) {
            if inputs.iter().any(|i: &Input| input::is_stdin(&i.path)) || spooled.is_some() {
                return Err(Failure::usage("stdin is named twice"));
            }
            if format != Format::Jsonl || args.create {
                let file = input::spool_stdin()?;
                path = file.path().to_owned();
                spooled = Some(file);
            }
        }
        let metadata = if format == Format::Npy { metadata.next().cloned() } else { None };
        inputs.push(Input { path, name, format, metadata });
    }
    if metadata.next().is_some() {
        return Err(Failure::usage("--metadata is given more often than there are .npy files"));
    }
    Ok((inputs, spooled))
}

/// The spec of the index, if there is one; it must not contradict the arguments.
async fn existing(
    storage: &dyn VectorStorage,
    args: &Args,
    context: &Context,
) -> Result<Option<IndexSpec>, Failure> {
    let spec = match storage.describe_index(&args.name, context.options()).await {
        Ok(info) => info.spec,
        Err(e) if e.kind() == ErrorKind::NotFound && args.create => return Ok(None),
        Err(e) if e.kind() == ErrorKind::NotFound => {
            return Err(Failure::from(e).hint("add --create to create it with the dimension of the data"));
        }
        Err(e) => return Err(e.into()),
    };
    if let Some(metric) = args.metric.filter(|m| *m != spec.metric) {
        return Err(Failure::usage(format!(
            "the index {} compares by {}, not by {metric}",
            args.name, spec.metric
        )));
    }
    Ok(Some(spec))
}

/// The types of fields: those of the index, and those of the arguments.
fn declared(existing: Option<&IndexSpec>, args: &Args) -> Result<BTreeMap<String, FieldType>, Failure> {
    let mut types = existing.map(|spec| spec.fields.clone()).unwrap_or_default();
    for (key, of) in &args.fields {
        match types.insert(key.clone(), *of) {
            Some(other) if other != *of => {
                return Err(Failure::usage(format!("--field {key}:{of}: the field is declared {other}")));
            }
            _ => {}
        }
    }
    Ok(types)
}

async fn create(
    storage: &dyn VectorStorage,
    args: &Args,
    inputs: &[Input],
    types: &ColumnTypes,
    context: &Context,
) -> Result<IndexSpec, Failure> {
    let dimension = dimension(inputs, types)?;
    let spec = IndexSpec::new(&args.name, dimension).metric(args.metric.unwrap_or_default());
    let spec = args.fields.iter().fold(spec, |spec, (key, of)| spec.field(key, *of));
    storage.ensure_index(&spec).await?;
    context.note(&format!("Created the index {}: {dimension} dimensions, {}.", args.name, spec.metric));
    Ok(spec)
}

/// The dimension of the first valid record. Every file is opened, so that what is wrong with one as a whole is told
/// before there is an index.
fn dimension(inputs: &[Input], types: &ColumnTypes) -> Result<usize, Failure> {
    let (mut dimension, mut first_problem) = (None, None);
    for input in inputs {
        let mut rows = input.open(types)?.take(ROWS_TRIED);
        while dimension.is_none()
            && let Some(row) = rows.next().transpose()?
        {
            match row.record {
                Ok(record) => dimension = record.vector.map(|v| v.len()),
                Err(e) => {
                    let problem =
                        || format!("; {}, {} {}: {}", input.name, input.unit(), row.line, e.message());
                    first_problem.get_or_insert_with(problem);
                }
            }
        }
    }
    dimension.ok_or_else(|| {
        let why = first_problem.unwrap_or_default();
        Failure::failed(Error::invalid(format!("there is no valid record to take the dimension from{why}")))
    })
}

/// A batch is large, and may take longer than a search.
fn import_options(context: &Context) -> CallOptions {
    let options = context.options();
    if options.timeout.is_some() { options } else { options.timeout(std::time::Duration::from_secs(60)) }
}

fn report(
    name: &str,
    tally: &Tally,
    resumed_at: u64,
    started: Instant,
    ended: Result<(), Failure>,
    context: &Context,
) -> Result<(), Failure> {
    if tally.stored + tally.unknown > 0 || ended.is_ok() {
        let summary = summary(tally, resumed_at, started);
        output::print_one(context.format(), &summary, || sentence(name, tally, started))?;
    }
    match ended {
        Ok(()) if tally.not_stored() == 0 => Ok(()),
        Ok(()) => Err(Failure::partly(Error::invalid(format!(
            "{} of {} rows were not stored",
            table::count(tally.not_stored()),
            table::count(tally.read)
        )))),
        Err(failure) if tally.stored + tally.unknown + resumed_at > 0 => Err(failure.partly_done()),
        Err(failure) => Err(failure),
    }
}

fn summary(tally: &Tally, resumed_at: u64, started: Instant) -> Json {
    let mut summary = json!({
        "read": tally.read,
        "stored": tally.stored,
        "failed": tally.failed,
        "unknown": tally.unknown,
        "skipped": tally.skipped,
        "elapsed_ms": started.elapsed().as_secs_f64() * 1e3,
    });
    if resumed_at > 0 {
        summary["resumed_at"] = json!(resumed_at);
    }
    if !tally.problems.is_empty() {
        summary["errors"] = tally.problems.iter().map(Problem::to_json).collect();
    }
    summary
}

fn sentence(name: &str, tally: &Tally, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    let some = |n: u64, what: &str| match n {
        0 => String::new(),
        n => format!(", {} {what}", table::count(n)),
    };
    let not = some(tally.skipped + tally.failed, "not");
    let perhaps = some(tally.unknown, "perhaps");
    format!(
        "Stored {} in {name}{perhaps}{not}, in {seconds:.1} s ({}/s).",
        table::record_count(tally.stored),
        table::count((tally.stored as f64 / seconds.max(1e-3)) as u64)
    )
}
