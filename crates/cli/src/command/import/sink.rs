//! The writing side of an import.

use std::future::Future;

use portolan::{CallOptions, Error, ErrorKind, IndexSpec, Record, UpsertRequest, VectorStorage, validate};
use serde_json::{Value as Json, json};

use super::OnError;
use super::feed::{Batch, Feed, Item};
use super::resume::Resume;
use crate::failure::Failure;
use crate::input::Input;
use crate::progress::Bar;

/// How many bad rows are told one by one.
const MOST_PROBLEMS: usize = 100;

/// What an import did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Rows read by this run.
    pub(super) read: u64,
    /// Records stored by this run.
    pub(super) stored: u64,
    /// Rows that ended the run, or that the store did not take.
    pub(super) failed: u64,
    /// Rows that are no records and were passed over.
    pub(super) skipped: u64,
    /// The first of the rows not stored.
    pub(super) problems: Vec<Problem>,
}

/// A row that was not stored.
#[derive(Debug)]
pub(super) struct Problem {
    file: String,
    unit: &'static str,
    line: u64,
    error: Error,
}

impl Problem {
    pub(super) fn to_json(&self) -> Json {
        json!({ "file": self.file, "line": self.line, "kind": self.error.kind(), "message": self.error.message() })
    }
}

/// Stores batches, and counts.
pub(super) struct Sink<'a> {
    storage: &'a dyn VectorStorage,
    spec: &'a IndexSpec,
    inputs: &'a [Input],
    on_error: OnError,
    options: CallOptions,
    tell: bool,
    bar: &'a Bar,
    tally: Tally,
}

/// A record and the place of its row.
struct Placed {
    input: usize,
    line: u64,
    record: Record,
}

impl<'a> Sink<'a> {
    /// `tell`: whether rows that are passed over are told on stderr at once.
    pub(super) fn new(
        storage: &'a dyn VectorStorage,
        spec: &'a IndexSpec,
        inputs: &'a [Input],
        on_error: OnError,
        options: CallOptions,
        tell: bool,
        bar: &'a Bar,
    ) -> Self {
        Self { storage, spec, inputs, on_error, options, tell, bar, tally: Tally::default() }
    }

    /// What was done.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Stores everything, until the end, a bad row or an interrupt.
    pub(super) async fn drain(&mut self, mut feed: Feed, resume: &mut Resume) -> Result<(), Failure> {
        let mut interrupt = std::pin::pin!(tokio::signal::ctrl_c());
        while let Some(batch) = feed.next().await {
            let batch = batch.map_err(Failure::failed)?;
            let bytes_read = batch.bytes_read;
            self.store(batch, resume).await?;
            self.bar.set(bytes_read);
            self.bar.records(self.tally.stored);
            if is_ready(interrupt.as_mut()).await {
                let message = "interrupted; what was stored stays stored";
                return Err(Failure::failed(Error::new(ErrorKind::Cancelled, message)).hint(resume.advice()));
            }
        }
        Ok(())
    }

    /// Stores the records of a batch, up to the first bad row where that is to stop.
    async fn store(&mut self, batch: Batch, resume: &mut Resume) -> Result<(), Failure> {
        let mut good = Vec::with_capacity(batch.items.len());
        let mut stop = None;
        let mut rows = 0;
        for item in batch.items {
            self.tally.read += 1;
            match self.check(item) {
                Ok(placed) => good.push(placed),
                Err(problem) if self.on_error == OnError::Skip => self.skip(problem),
                Err(problem) => {
                    stop = Some(problem);
                    break;
                }
            }
            rows += 1;
        }
        self.upsert(good, resume).await?;
        resume.advance(rows, self.storage, self.options).await?;
        stop.map_or(Ok(()), |problem| Err(self.stop(problem)))
    }

    fn check(&self, item: Item) -> Result<Placed, Problem> {
        let Item { input, line, record } = item;
        let limits = &self.storage.capability().limits;
        let checked = record.and_then(|r| validate::record(&r, self.spec, limits).map(|_| r));
        checked.map(|record| Placed { input, line, record }).map_err(|e| self.problem(input, line, e))
    }

    /// Stores records; those that the store refuses for what they are, are bad rows as well.
    async fn upsert(&mut self, mut placed: Vec<Placed>, resume: &mut Resume) -> Result<(), Failure> {
        while !placed.is_empty() {
            let records: Vec<Record> = placed.iter().map(|p| p.record.clone()).collect();
            let request = UpsertRequest::new(&self.spec.name, &records).options(self.options);
            match self.storage.upsert(&request).await {
                Ok(result) => {
                    self.tally.stored += result.stored() as u64;
                    let not_stored: Vec<(usize, Error)> =
                        result.errors().map(|(at, e)| (at, e.clone())).collect();
                    let whole = not_stored.first().map_or(records.len(), |(at, _)| *at);
                    resume.remember(records.iter().take(whole).next_back());
                    return self.settle(&placed, not_stored, resume).await;
                }
                Err(e) if is_about_data(&e) && e.position().is_some_and(|at| at < placed.len()) => {
                    let bad = placed.remove(e.position().unwrap_or_default());
                    let problem = self.problem(bad.input, bad.line, e);
                    if self.on_error == OnError::Stop {
                        return Err(self.stop(problem));
                    }
                    self.skip(problem);
                }
                Err(e) => return Err(Failure::failed(e).hint(resume.advice())),
            }
        }
        Ok(())
    }

    /// Deals with the records of a batch that were not stored.
    async fn settle(
        &mut self,
        placed: &[Placed],
        not_stored: Vec<(usize, Error)>,
        resume: &mut Resume,
    ) -> Result<(), Failure> {
        let all = not_stored.len() as u64;
        for (n, (at, error)) in not_stored.into_iter().enumerate() {
            let passable = is_about_data(&error) && self.on_error == OnError::Skip;
            let Some(row) = placed.get(at) else { continue };
            let problem = self.problem(row.input, row.line, error);
            if !passable {
                resume.advance(at as u64, self.storage, self.options).await?;
                self.tally.failed += all - n as u64 - 1;
                return Err(self.stop(problem).hint(resume.advice()));
            }
            self.skip(problem);
        }
        Ok(())
    }

    fn problem(&self, input: usize, line: u64, error: Error) -> Problem {
        let input = &self.inputs[input];
        let file = input.metadata.as_ref().map_or(input.name.clone(), |m| m.display().to_string());
        Problem { file, unit: input.unit(), line, error }
    }

    fn skip(&mut self, problem: Problem) {
        self.tally.skipped += 1;
        let told = self.tally.problems.len();
        if self.tell && told < MOST_PROBLEMS {
            self.bar.line(&format!("skipped: {}", place(&problem)));
        } else if self.tell && self.tally.skipped == MOST_PROBLEMS as u64 + 1 {
            self.bar.line("skipped: further rows, which are counted and not shown");
        }
        if told < MOST_PROBLEMS {
            self.tally.problems.push(problem);
        }
    }

    fn stop(&mut self, problem: Problem) -> Failure {
        self.tally.failed += 1;
        let error = Error::new(problem.error.kind(), place(&problem))
            .with_index(&self.spec.name)
            .with_context("file", problem.file.clone())
            .with_context("line", problem.line.to_string());
        let failure = Failure::failed(error);
        let about_data = is_about_data(&problem.error);
        self.tally.problems.push(problem);
        if about_data {
            failure.hint("correct the row, or pass over such rows with --on-error skip")
        } else {
            failure
        }
    }
}

fn place(problem: &Problem) -> String {
    format!("{}, {} {}: {}", problem.file, problem.unit, problem.line, problem.error.message())
}

/// Whether a record is refused for what it is, and would be refused again.
fn is_about_data(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::InvalidArgument
            | ErrorKind::DimensionMismatch
            | ErrorKind::PayloadTooLarge
            | ErrorKind::IdCollision
    )
}

/// Whether a future has come to its end already.
async fn is_ready<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}
