//! `portolan import`.

mod args;
mod batch;
mod dry_run;
mod feed;
mod resume;
mod sink;
mod tally;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portolan::{CallOptions, Error, ErrorKind, FieldType, IndexSpec, VectorStorage};
use serde_json::{Value as Json, json};
use tempfile::NamedTempFile;

pub(crate) use self::args::Args;
use self::feed::Feed;
use self::resume::Resume;
use self::sink::Sink;
use self::tally::{Problem, Tally};
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{Format, Input, Survey, Wanted, is_stdin, spool_stdin};
use crate::output;
use crate::progress::Bar;
use crate::table;

/// The default time of a call: a batch is large, and may take longer than a search.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let (inputs, _spooled) = inputs(&args)?;
    if args.dry_run {
        return dry_run::run(&inputs, &declared(None, &args)?, context);
    }
    let storage = context.open().await?;
    let existing = existing(&args, context).await?;
    let declared = declared(existing, &args)?;
    let wanted = Wanted { fingerprints: Resume::is_kept(&*storage, &args) };
    let survey = Survey::of(&inputs, &declared, wanted)?;
    for (file, told) in survey.told.iter().filter(|(_, told)| !told.is_usual) {
        context.note(&format!("{file}: {}.", told.text));
    }
    let spec = match existing {
        Some(spec) => spec.clone(),
        None => create(&*storage, &args, &survey, context).await?,
    };
    let mut resume = Resume::find(&*storage, &args, survey.fingerprints, context).await?;
    let resumed_at = resume.acknowledged();
    if resumed_at > 0 {
        context
            .note(&format!("Going on after {} rows that an earlier run stored.", table::count(resumed_at)));
    }
    let total = inputs.iter().map(|i| i.path.metadata().map(|m| m.len()).ok()).sum::<Option<u64>>();
    let bar = Bar::over_bytes(context.is_quiet(), "Importing", total);
    let feed = Feed::start(inputs.clone(), survey.types, resumed_at, args.batch_size);
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
fn inputs(args: &Args) -> Result<(Vec<Input>, Option<NamedTempFile>), Failure> {
    let mut metadata = args.metadata.iter();
    let mut spooled = None;
    let mut inputs = Vec::with_capacity(args.files.len());
    for path in &args.files {
        let format = args.format.map_or_else(|| Format::of(path), Ok)?;
        let mut path = path.clone();
        let name = if is_stdin(&path) { "stdin".to_owned() } else { path.display().to_string() };
        if is_stdin(&path) {
            if inputs.iter().any(|i: &Input| is_stdin(&i.path)) || spooled.is_some() {
                return Err(Failure::usage("stdin is named twice"));
            }
            if format != Format::Jsonl || args.create || args.dry_run {
                let file = spool_stdin()?;
                path = file.path().to_owned();
                spooled = Some(file);
            }
        }
        let metadata = if format == Format::Npy { metadata.next().cloned() } else { None };
        let (columns, delimiter) = (args.columns(), args.delimiter);
        inputs.push(Input { path, name, format, metadata, columns, delimiter });
    }
    if metadata.next().is_some() {
        return Err(Failure::usage("--metadata is given more often than there are .npy files"));
    }
    Ok((inputs, spooled))
}

/// The spec of the index, if there is one; it must not contradict the arguments.
async fn existing<'a>(args: &Args, context: &'a Context) -> Result<Option<&'a IndexSpec>, Failure> {
    let spec = match context.describe(&args.name).await {
        Ok(info) => &info.spec,
        Err(failure) if failure.kind() != Some(ErrorKind::NotFound) => return Err(failure),
        Err(_) if args.create => return Ok(None),
        Err(failure) => {
            return Err(failure.hint("add --create to create it with the dimension of the data"));
        }
    };
    match args.metric {
        Some(metric) if metric != spec.metric => Err(Failure::usage(format!(
            "the index {} compares by {}, not by {metric}",
            args.name, spec.metric
        ))),
        _ => Ok(Some(spec)),
    }
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
    survey: &Survey,
    context: &Context,
) -> Result<IndexSpec, Failure> {
    let dimension = survey.dimension().map_err(Failure::failed)?;
    let spec = IndexSpec::new(&args.name, dimension).metric(args.metric.unwrap_or_default());
    let spec = args.fields.iter().fold(spec, |spec, (key, of)| spec.field(key, *of));
    storage.create_index(&spec, CallOptions::new()).await?;
    context.note(&format!(
        "Created the index {}: {}, {}.",
        args.name,
        table::dimensions(dimension),
        spec.metric
    ));
    Ok(spec)
}

fn import_options(context: &Context) -> CallOptions {
    let options = context.options();
    if options.timeout.is_some() { options } else { options.timeout(TIMEOUT) }
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
    let unknown = some(tally.unknown, "unknown");
    format!(
        "Stored {} in {name}{unknown}{not}, in {seconds:.1} s ({}/s).",
        table::record_count(tally.stored),
        table::count((tally.stored as f64 / seconds.max(1e-3)) as u64)
    )
}
