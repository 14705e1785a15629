//! Running cases.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::panic::AssertUnwindSafe;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::{FutureExt, StreamExt, stream};
use libtest_mimic::{Arguments, Completion, Failed, Trial};
use parking_lot::Mutex;
use portolan_core::{CallOptions, Error, IndexSpec, Result, VectorStorage};

use crate::case::{Case, Stop};
use crate::context::Context;
use crate::harness::{Harness, Settings};
use crate::report::{Report, Status};
use crate::suite;
use crate::tape::{Header, Tape};

/// The folder into which a run of the whole suite writes its [`Report`], where it is set.
pub const REPORTS: &str = "PORTOLAN_REPORTS";

/// Why a case is left out that asks a server, and of which nothing was recorded.
const NEWER: &str = "the case is newer than the tape";

/// Runs the suite as a test binary with `harness = false`, with the arguments of `cargo test`.
///
/// The last line is `conformance NAME (SERVER VERSION): N passed, N unsupported, N failed`; over a tape
/// `(SERVER VERSION, replayed)`, and at the end `, N left out`.
pub fn main(harness: impl Harness) -> ExitCode {
    let mut arguments = Arguments::from_args();
    if let Some(why) = harness.absent() {
        println!("conformance {}: not run ({why})", harness.name());
        return ExitCode::SUCCESS;
    }
    arguments.test_threads = match harness.tape() {
        Some(_) => Some(1),
        None => arguments.test_threads.or(Some(harness.parallel())),
    };
    match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => run_trials(&runtime, Arc::new(harness), &arguments),
        Err(e) => {
            println!("conformance {}: not run (there is no runtime: {e})", harness.name());
            ExitCode::FAILURE
        }
    }
}

/// Runs the cases whose name is picked.
///
/// # Errors
/// Where the store cannot be opened.
pub async fn run(
    harness: Arc<dyn Harness>,
    settings: &Settings,
    pick: impl Fn(&str) -> bool,
) -> Result<Report> {
    let session = Session::open(harness, settings.clone()).await?;
    let picked = cases().filter(|case| pick(case.name));
    let runs = picked.map(|case| {
        let session = session.clone();
        async move { session.run(case).await }
    });
    stream::iter(runs).buffer_unordered(session.parallel()).for_each(|()| async {}).await;
    session.close().await?;
    let report = session.report();
    session.keep(&report)?;
    Ok(report)
}

/// All cases.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    suite::MODULES.iter().flat_map(|(_, cases)| *cases)
}

/// One run over one store.
pub(crate) struct Session {
    pub(crate) harness: Arc<dyn Harness>,
    pub(crate) settings: Settings,
    pub(crate) storage: Arc<dyn VectorStorage>,
    /// Tells the indexes of this run from those of any other.
    pub(crate) nonce: u32,
    /// Indexes that a case has left empty for another, where the harness reuses them.
    pub(crate) spare: Mutex<Vec<IndexSpec>>,
    pub(crate) random_filters: AtomicUsize,
    pub(crate) random_sequences: AtomicUsize,
    ended: Mutex<Vec<(&'static str, Status)>>,
}

impl Session {
    async fn open(harness: Arc<dyn Harness>, settings: Settings) -> Result<Arc<Self>> {
        let recording = harness.tape().and_then(Tape::header);
        let settings = recording.map_or(settings.clone(), |header| header.settings(settings));
        let nonce = recording.map(|header| header.nonce);
        begin(&*harness, "opening");
        let storage = harness.open("shared").await;
        end(&*harness).map_err(Error::invalid)?;
        let storage = storage?;
        Ok(Arc::new(Self {
            harness,
            settings,
            storage,
            nonce: nonce.unwrap_or_else(|| RandomState::new().build_hasher().finish() as u32),
            spare: Mutex::default(),
            random_filters: AtomicUsize::new(0),
            random_sequences: AtomicUsize::new(0),
            ended: Mutex::default(),
        }))
    }

    async fn run(self: &Arc<Self>, case: &Case) {
        let left_out = self.harness.tape().and_then(|_| suite::unrepeatable(case.name));
        let status = match left_out {
            Some(why) => Status::LeftOut(why.to_owned()),
            None => self.judge(case).await,
        };
        self.ended.lock().push((case.name, status));
    }

    async fn judge(self: &Arc<Self>, case: &Case) -> Status {
        begin(&*self.harness, case.name);
        let context = Context::new(self.clone(), case.name);
        let run = AssertUnwindSafe((case.run)(&context)).catch_unwind();
        let status = match tokio::time::timeout(self.settings.case_timeout, run).await {
            Ok(Ok(Ok(()))) => Status::Passed,
            Ok(Ok(Err(Stop::Unsupported(why)))) => Status::Unsupported(why),
            Ok(Ok(Err(Stop::Failed(why)))) => Status::Failed(why),
            Ok(Ok(Err(Stop::Broken(why)))) => Status::Broken(why),
            Ok(Err(_)) => Status::Broken("a panic".to_owned()),
            Err(_) => Status::Broken(format!("no end after {:?}", self.settings.case_timeout)),
        };
        context.clean(status == Status::Passed).await;
        match (end(&*self.harness), status) {
            (Ok(()), status) => status,
            (Err(_), _) if self.is_newer_than_the_tape(case) => Status::LeftOut(NEWER.to_owned()),
            (Err(why), Status::Failed(then) | Status::Broken(then)) => Status::Broken(format!("{why}{then}")),
            (Err(why), _) => Status::Broken(why),
        }
    }

    fn is_newer_than_the_tape(&self, case: &Case) -> bool {
        self.harness.tape().is_some_and(|tape| !tape.holds(case.name))
    }

    /// How many cases run at once.
    fn parallel(&self) -> usize {
        if self.harness.tape().is_some() { 1 } else { self.harness.parallel().max(1) }
    }

    /// Whether a case may take over an index that an earlier one has cleared.
    pub(crate) fn reuses(&self) -> bool {
        self.harness.reuse() && self.harness.tape().is_none()
    }

    /// Deletes the indexes that are left over, and closes the store.
    async fn close(&self) -> Result<()> {
        let spare = std::mem::take(&mut *self.spare.lock());
        for spec in spare {
            self.storage.delete_index(&spec.name, CallOptions::new()).await?;
        }
        begin(&*self.harness, "closing");
        let closed = self.storage.close().await;
        end(&*self.harness).map_err(Error::invalid)?;
        closed
    }

    /// Makes a tape of what was recorded, if all of it went well.
    fn keep(&self, report: &Report) -> Result<()> {
        let recorder = self.harness.tape().filter(|tape| tape.header().is_none());
        let Some(recorder) = recorder else { return Ok(()) };
        if report.failed() > 0 {
            return Err(Error::invalid(format!("no tape was written, as {} cases failed", report.failed())));
        }
        let header = Header {
            nonce: self.nonce,
            seed: self.settings.seed,
            random_filters: self.settings.random_filters,
            random_sequences: self.settings.random_sequences,
            rows: self.harness.rows(),
            ..Header::new(&report.name, report.server.as_deref().unwrap_or("unknown version"))
        };
        recorder.finish(header).map_err(|e| Error::invalid(format!("the tape cannot be written: {e}")))
    }

    fn status(&self, case: &Case) -> Option<Status> {
        self.ended.lock().iter().find(|(name, _)| *name == case.name).map(|(_, status)| status.clone())
    }

    fn report(&self) -> Report {
        Report {
            name: self.harness.name().to_owned(),
            server: self.harness.server(),
            replayed: self.harness.tape().is_some_and(|tape| tape.header().is_some()),
            cases: self.ended.lock().clone(),
            random_filters: self.random_filters.load(Ordering::Relaxed),
            random_sequences: self.random_sequences.load(Ordering::Relaxed),
        }
    }
}

/// A part of the tape begins, where there is one.
fn begin(harness: &dyn Harness, part: &str) {
    if let Some(tape) = harness.tape() {
        tape.begin(part);
    }
}

fn end(harness: &dyn Harness) -> Result<(), String> {
    harness.tape().map_or(Ok(()), Tape::end)
}

fn run_trials(
    runtime: &tokio::runtime::Runtime,
    harness: Arc<dyn Harness>,
    arguments: &Arguments,
) -> ExitCode {
    let name = harness.name().to_owned();
    let session = match runtime.block_on(Session::open(harness.clone(), harness.settings())) {
        Ok(session) => session,
        Err(e) => {
            println!("conformance {name}: not run ({e})");
            return ExitCode::FAILURE;
        }
    };
    let trials = cases().map(|case| trial(case, &session, runtime.handle())).collect();
    let conclusion = libtest_mimic::run(arguments, trials);
    // A part of the suite says nothing of the store.
    let whole = arguments.filter.is_none() && arguments.skip.is_empty();
    if !arguments.list {
        let report = session.report();
        println!(
            "{name}: {} random filters and {} random sequences of operations agreed with the oracle (seed {})",
            report.random_filters, report.random_sequences, session.settings.seed
        );
        for (what, reasons) in
            [("unsupported", report.reasons()), ("left out of the tape", report.left_out_reasons())]
        {
            let reasons: Vec<String> = reasons.iter().map(|(why, n)| format!("{why} ({n})")).collect();
            if !reasons.is_empty() {
                println!("{name}: {what}: {}", reasons.join(", "));
            }
        }
        println!("{report}");
        if let Some(folder) = std::env::var_os(REPORTS).filter(|_| whole)
            && let Err(e) = report.write(Path::new(&folder), session.storage.capability())
        {
            eprintln!("{e}");
            return ExitCode::FAILURE;
        }
    }
    if let Err(e) = runtime.block_on(session.close()) {
        eprintln!("the store could not be closed: {e}");
        return ExitCode::FAILURE;
    }
    // A tape is of the whole suite.
    if whole
        && !arguments.list
        && let Err(e) = session.keep(&session.report())
    {
        eprintln!("{e}");
        return ExitCode::FAILURE;
    }
    conclusion.exit_code()
}

fn trial(case: &'static Case, session: &Arc<Session>, runtime: &tokio::runtime::Handle) -> Trial {
    let (session, runtime) = (session.clone(), runtime.clone());
    Trial::ignorable_test(case.name, move || {
        runtime.block_on(session.run(case));
        match session.status(case) {
            Some(Status::Passed) => Ok(Completion::Completed),
            Some(Status::Unsupported(why) | Status::LeftOut(why)) => Ok(Completion::ignored_with(why)),
            Some(Status::Failed(why) | Status::Broken(why)) => {
                Err(Failed::from(format!("{why}\nchecks of the contract: {}", case.checks.join(", "))))
            }
            None => Err(Failed::from("the case did not end")),
        }
    })
}
