//! The writing side of an import.

use portolan::{CallOptions, Error, ErrorKind, IndexSpec, Outcome, UpsertRequest, VectorStorage, validate};

use super::args::OnError;
use super::batch::{Batch, Position};
use super::feed::Feed;
use super::resume::Resume;
use super::tally::{Fate, MOST_PROBLEMS, Problem, Tally};
use crate::failure::Failure;
use crate::input::Input;
use crate::progress::Bar;
use crate::stop::Stop;

/// Stores batches, and counts.
pub(super) struct Sink<'a> {
    storage: &'a dyn VectorStorage,
    spec: &'a IndexSpec,
    inputs: &'a [Input],
    on_error: OnError,
    options: CallOptions,
    reports: bool,
    bar: &'a Bar,
    tally: Tally,
}

/// A row that was not surely stored.
struct NotStored {
    /// Which row of its batch.
    row: usize,
    /// Whether the run ends with it.
    stops: bool,
    problem: Problem,
}

impl<'a> Sink<'a> {
    /// `reports`: whether rows that are passed over are named on stderr at once.
    pub(super) fn new(
        storage: &'a dyn VectorStorage,
        spec: &'a IndexSpec,
        inputs: &'a [Input],
        on_error: OnError,
        options: CallOptions,
        reports: bool,
        bar: &'a Bar,
    ) -> Self {
        Self { storage, spec, inputs, on_error, options, reports, bar, tally: Tally::default() }
    }

    /// What was done.
    pub(super) fn into_tally(self) -> Tally {
        self.tally
    }

    /// Stores everything, until the end, a bad row or an interrupt.
    pub(super) async fn drain(&mut self, mut feed: Feed, resume: &mut Resume) -> Result<(), Failure> {
        let mut stop = Stop::listen()?;
        let earlier = resume.acknowledged();
        loop {
            // The next batch may be long in coming, or never come; one that came is stored to its end.
            let batch = tokio::select! {
                biased;
                status = stop.asked() => return Err(self.interrupted(status, earlier).hint(resume.advice())),
                batch = feed.next() => batch,
            };
            let Some(batch) = batch else { return Ok(()) };
            let batch = batch.map_err(Failure::failed)?;
            let bytes_read = batch.bytes_read;
            self.store(batch, resume).await?;
            self.bar.set(bytes_read);
            self.bar.records(self.tally.stored);
        }
    }

    /// Stores the records of a batch, up to the first bad row where that is to stop.
    async fn store(&mut self, mut batch: Batch, resume: &mut Resume) -> Result<(), Failure> {
        let answer = self.upsert(&mut batch).await;
        let outcomes = answer.as_deref().unwrap_or_default();
        self.tally.read += batch.len() as u64;
        self.tally.stored += outcomes.iter().filter(|o| o.is_stored()).count() as u64;

        let not_stored = self.not_stored(&batch, &answer);
        let (stopping, skipped): (Vec<_>, Vec<_>) = not_stored.into_iter().partition(|row| row.stops);
        skipped.into_iter().for_each(|row| self.skip(row.problem));
        let done = stopping.first().map_or(batch.len(), |row| row.row);
        let advanced = resume.advance(done as u64, self.storage, self.options).await;
        match self.stop(stopping.into_iter().map(|row| row.problem), resume) {
            Some(failure) => Err(failure),
            None => advanced,
        }
    }

    /// Sends the records; those that the store refuses for what they are, are bad rows as well. The store names the
    /// first of them, and the others are found here, so that no batch is sent once for each.
    async fn upsert(&self, batch: &mut Batch) -> portolan::Result<Vec<Outcome>> {
        let limits = &self.storage.capability().limits;
        loop {
            if self.on_error == OnError::Stop {
                batch.end_at_bad_row();
            }
            if batch.records.is_empty() {
                return Ok(Vec::new());
            }
            let request = UpsertRequest::new(&self.spec.name, &batch.records).options(self.options);
            match self.storage.upsert(&request).await {
                Ok(result) => return Ok(result.items),
                Err(e) => match e.position() {
                    Some(at) if is_about_data(&e) && at < batch.records.len() => {
                        batch.refuse(at, e, |r| validate::record(r, self.spec, limits).map(drop));
                    }
                    _ => return Err(e),
                },
            }
        }
    }

    /// The rows that were not surely stored, in order.
    fn not_stored(&self, batch: &Batch, answer: &portolan::Result<Vec<Outcome>>) -> Vec<NotStored> {
        let skips = self.on_error == OnError::Skip;
        let row = |position: &Position, fate, error: &Error, stops| NotStored {
            row: position.row,
            stops,
            problem: self.problem(position, fate, error.clone()),
        };
        let bad = batch.bad.iter().map(|(position, e)| row(position, Fate::Failed, e, !skips));
        let mut rows: Vec<NotStored> = match answer {
            Err(e) => bad.chain(batch.positions.iter().map(|p| row(p, Fate::Failed, e, true))).collect(),
            Ok(outcomes) => {
                let outcomes = batch.positions.iter().zip(outcomes);
                let failed = outcomes.filter_map(|(position, outcome)| {
                    let error = outcome.error()?;
                    Some(row(position, Fate::of(outcome), error, !skips || !is_about_data(error)))
                });
                bad.chain(failed).collect()
            }
        };
        rows.sort_by_key(|row| row.row);
        rows
    }

    fn problem(&self, position: &Position, fate: Fate, error: Error) -> Problem {
        let input = &self.inputs[position.input];
        let line = position.line;
        Problem { file: input.name(), unit: input.unit(), line, last_line: line, fate, error }
    }

    fn interrupted(&self, status: u8, earlier: u64) -> Failure {
        let message = match self.tally.stored + self.tally.unknown + earlier {
            0 => "interrupted; nothing was stored",
            _ => "interrupted; what was stored stays stored",
        };
        Failure::interrupted(message, status)
    }

    fn skip(&mut self, problem: Problem) {
        let problem = Problem { fate: Fate::Skipped, ..problem };
        self.tally.add(problem.clone());
        if self.reports && self.tally.skipped <= MOST_PROBLEMS as u64 {
            self.bar.line(&format!("skipped: {}", problem.sentence()));
        } else if self.reports && self.tally.skipped == MOST_PROBLEMS as u64 + 1 {
            self.bar.line("skipped: further rows, which are counted and not shown");
        }
    }

    /// Ends the run where rows were not stored; those that share the reason of the first are named with it.
    fn stop(&mut self, mut problems: impl Iterator<Item = Problem>, resume: &Resume) -> Option<Failure> {
        let mut first = problems.next()?;
        self.tally.add(first.clone());
        for problem in problems {
            first.join(&problem);
            self.tally.add(problem);
        }
        let error = Error::new(first.error.kind(), first.sentence())
            .with_index(&self.spec.name)
            .with_context("file", first.file.clone())
            .with_context("line", first.line.to_string());
        let hint = if is_about_data(&first.error) {
            "correct the row, or pass over such rows with --on-error skip"
        } else {
            resume.advice()
        };
        Some(Failure::failed(error).hint(hint))
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
