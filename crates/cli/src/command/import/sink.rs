//! The writing side of an import.

use std::future::Future;
use std::iter;

use portolan::{
    CallOptions, Error, ErrorKind, IndexSpec, Outcome, Record, UpsertRequest, VectorStorage, validate,
};

use super::OnError;
use super::feed::{Batch, Feed, Item};
use super::resume::Resume;
use super::tally::{Fate, MOST_PROBLEMS, Problem, Tally};
use crate::failure::Failure;
use crate::input::Input;
use crate::progress::Bar;

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
        stop.map_or(Ok(()), |problem| Err(self.stop(problem, iter::empty())))
    }

    fn check(&self, item: Item) -> Result<Placed, Problem> {
        let Item { input, line, record } = item;
        let limits = &self.storage.capability().limits;
        let checked = record.and_then(|r| validate::record(&r, self.spec, limits).map(|_| r));
        checked
            .map(|record| Placed { input, line, record })
            .map_err(|e| self.problem_at(input, line, Fate::Failed, e))
    }

    /// Stores records; those that the store refuses for what they are, are bad rows as well.
    async fn upsert(&mut self, mut placed: Vec<Placed>, resume: &mut Resume) -> Result<(), Failure> {
        while !placed.is_empty() {
            let records: Vec<Record> = placed.iter().map(|p| p.record.clone()).collect();
            let request = UpsertRequest::new(&self.spec.name, &records).options(self.options);
            match self.storage.upsert(&request).await {
                Ok(result) => {
                    self.tally.stored += result.stored() as u64;
                    let whole = result.items.iter().take_while(|o| o.is_stored()).count();
                    resume.remember(records.iter().take(whole).next_back());
                    return self.settle(&placed, &result.items, resume).await;
                }
                Err(e) if is_about_data(&e) && e.position().is_some_and(|at| at < placed.len()) => {
                    let bad = placed.remove(e.position().unwrap_or_default());
                    let problem = self.problem(&bad, Fate::Failed, e);
                    if self.on_error == OnError::Stop {
                        return Err(self.stop(problem, iter::empty()));
                    }
                    self.skip(problem);
                }
                Err(e) => {
                    let not = |row| self.problem(row, Fate::Failed, e.clone());
                    let problems: Vec<Problem> = placed.iter().map(not).collect();
                    return self.stop_at(problems).map_err(|failure| failure.hint(resume.advice()));
                }
            }
        }
        Ok(())
    }

    /// Deals with the records of a batch that were not stored.
    async fn settle(
        &mut self,
        placed: &[Placed],
        outcomes: &[Outcome],
        resume: &mut Resume,
    ) -> Result<(), Failure> {
        let mut whole = None;
        let mut stopping = Vec::new();
        for (at, (row, outcome)) in placed.iter().zip(outcomes).enumerate() {
            let Some(error) = outcome.error() else { continue };
            let problem = self.problem(row, Fate::of(outcome), error.clone());
            if is_about_data(error) && self.on_error == OnError::Skip {
                self.skip(problem);
            } else {
                whole.get_or_insert(at as u64);
                stopping.push(problem);
            }
        }
        let stopped = self.stop_at(stopping);
        if let Some(whole) = whole {
            resume.advance(whole, self.storage, self.options).await?;
        }
        stopped.map_err(|failure| failure.hint(resume.advice()))
    }

    fn problem(&self, row: &Placed, fate: Fate, error: Error) -> Problem {
        self.problem_at(row.input, row.line, fate, error)
    }

    fn problem_at(&self, input: usize, line: u64, fate: Fate, error: Error) -> Problem {
        let input = &self.inputs[input];
        let file = input.metadata.as_ref().map_or(input.name.clone(), |m| m.display().to_string());
        Problem { file, unit: input.unit(), line, last_line: line, fate, error }
    }

    fn skip(&mut self, problem: Problem) {
        self.tally.add(Problem { fate: Fate::Skipped, ..problem.clone() });
        if self.tell && self.tally.skipped <= MOST_PROBLEMS as u64 {
            self.bar.line(&format!("skipped: {}", problem.sentence()));
        } else if self.tell && self.tally.skipped == MOST_PROBLEMS as u64 + 1 {
            self.bar.line("skipped: further rows, which are counted and not shown");
        }
    }

    /// Ends the run where rows were not stored.
    fn stop_at(&mut self, problems: Vec<Problem>) -> Result<(), Failure> {
        let mut problems = problems.into_iter();
        problems.next().map_or(Ok(()), |first| Err(self.stop(first, problems)))
    }

    /// Ends the run for a row, and others behind it; those that share its reason are told with it.
    fn stop(&mut self, mut first: Problem, others: impl Iterator<Item = Problem>) -> Failure {
        self.tally.add(first.clone());
        for other in others {
            first.join(&other);
            self.tally.add(other);
        }
        let error = Error::new(first.error.kind(), first.sentence())
            .with_index(&self.spec.name)
            .with_context("file", first.file.clone())
            .with_context("line", first.line.to_string());
        let failure = Failure::failed(error);
        if is_about_data(&first.error) {
            failure.hint("correct the row, or pass over such rows with --on-error skip")
        } else {
            failure
        }
    }
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
