//! `portolan import`.

mod args;
mod batch;
mod check;
mod feed;
mod inputs;
mod resume;
mod sink;
mod tally;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use portolan::{CallOptions, CountRequest, Error, ErrorKind, FieldType, IndexSpec, VectorStorage};
use serde_json::{Value as Json, json};

pub(crate) use self::args::Args;
use self::feed::Feed;
use self::resume::Resume;
use self::sink::Sink;
use self::tally::{Problem, Tally};
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{ColumnTypes, Input, Survey, Wanted};
use crate::output;
use crate::progress::Bar;
use crate::table;

/// The default time of a call.
const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let started = Instant::now();
    let named = inputs::named(&args)?;
    let storage = context.open().await?;
    let existing = existing(&args, context).await?;
    let creates = existing.is_none();
    let inputs = inputs::ready(named, &args, creates)?;
    let declared = declared(existing, &args)?;
    let wanted = Wanted { dimension: creates, fingerprints: Resume::is_kept(&*storage, &inputs) };
    let survey = Survey::of(&inputs, &declared, wanted)?;
    let spec = match existing {
        Some(spec) => spec.clone(),
        None => create(&*storage, &args, &survey, context).await?,
    };
    let import = Import { storage: &*storage, spec: &spec, inputs: &inputs, args: &args, context };
    let mut resume = Resume::find(&args, survey.fingerprints, context).await?;
    import.check(&mut resume, &survey.types).await?;
    let resumed_at = resume.acknowledged();
    let (tally, ended) = import.store(&mut resume, survey.types).await;
    let withdrawn = creates && import.withdraw(&tally).await;
    storage.close().await?;
    if ended.is_ok() || withdrawn {
        resume.finish();
    }
    let reported = report(&args.name, &tally, resumed_at, started, ended, context);
    let removed = || format!("the index {} is removed again, since nothing came into it", args.name);
    reported.map_err(|failure| if withdrawn { failure.hint(removed()) } else { failure })
}

/// An import whose index is there.
struct Import<'a> {
    storage: &'a dyn VectorStorage,
    spec: &'a IndexSpec,
    inputs: &'a [Input],
    args: &'a Args,
    context: &'a Context,
}

impl Import<'_> {
    /// Makes sure that what an earlier run stored is still there; what follows the first row that is not, is stored
    /// again.
    async fn check(&self, resume: &mut Resume, types: &ColumnTypes) -> Result<(), Failure> {
        let rows = resume.acknowledged();
        if rows == 0 {
            return Ok(());
        }
        let bar = Bar::over_items(self.context.is_quiet(), "Checking", rows);
        let feed = self.feed(types.clone(), 0);
        let there =
            check::rows_still_there(self.storage, self.spec, feed, rows, self.options(), &bar).await?;
        drop(bar);
        resume.go_back(there);
        self.context.note(&match there {
            0 => "What an earlier, interrupted run stored is not there any more: starting over.".to_owned(),
            _ if there < rows => format!(
                "Row {} of the {} that an earlier run stored is not there any more: going on from it.",
                table::count(there + 1),
                table::count(rows)
            ),
            _ => format!("Going on after {} rows that an earlier run stored.", table::count(rows)),
        });
        Ok(())
    }

    /// Stores the rows that are not there yet.
    async fn store(&self, resume: &mut Resume, types: ColumnTypes) -> (Tally, Result<(), Failure>) {
        let total = self.inputs.iter().map(|input| input.source.size()).sum();
        let bar = Bar::over_bytes(self.context.is_quiet(), "Importing", total);
        let feed = self.feed(types, resume.acknowledged());
        let Self { storage, spec, inputs, args, context } = *self;
        let reports = context.is_table();
        let mut sink = Sink::new(storage, spec, inputs, args.on_error, self.options(), reports, &bar);
        let ended = sink.drain(feed, resume).await;
        (sink.into_tally(), ended)
    }

    /// Removes the index, which this command created, where nothing came into it.
    async fn withdraw(&self, tally: &Tally) -> bool {
        if tally.stored + tally.unknown > 0 {
            return false;
        }
        let (index, options) = (self.spec.name.as_str(), self.context.options());
        let count = self.storage.count(&CountRequest::new(index).options(options)).await;
        count.is_ok_and(|n| n == 0) && self.storage.delete_index(index, options).await.is_ok()
    }

    fn feed(&self, types: ColumnTypes, passed: u64) -> Feed {
        Feed::start(self.inputs.to_vec(), types, passed, self.args.batch_size)
    }

    /// A batch is large, and may take longer than other calls.
    fn options(&self) -> CallOptions {
        let options = self.context.options();
        if options.timeout.is_some() { options } else { options.timeout(TIMEOUT) }
    }
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
    context.note(&format!("Created the index {}: {dimension} dimensions, {}.", args.name, spec.metric));
    Ok(spec)
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
