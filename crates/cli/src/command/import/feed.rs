//! The reading side of an import: a thread that parses rows ahead of the store, by a few batches and no more.

use portolan::Result;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::batch::Batch;
use crate::failure::say;
use crate::input::{ColumnTypes, Input, Row};

/// Past this size, as vectors or in the file, a batch is cut early.
const MAX_BATCH_BYTES: u64 = 16 << 20;

/// How many batches are parsed ahead.
const AHEAD: usize = 2;

/// Batches in order; an error ends them.
pub(super) struct Feed(Receiver<Result<Batch>>);

impl Feed {
    /// Begins to read after the first `passed` rows; `tells` what the columns of a stream are taken for.
    pub(super) fn start(
        inputs: Vec<Input>,
        types: ColumnTypes,
        passed: u64,
        batch_size: usize,
        tells: bool,
    ) -> Self {
        let (sender, receiver) = channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let mut reader =
                Reader { sender, batch: Batch::default(), vectors: 0, flushed_at: 0, batch_size, tells };
            // An error means that nobody listens any more.
            if let Err(error) = reader.read(&inputs, &types, passed)
                && reader.flush().is_some()
            {
                let _ = reader.sender.blocking_send(Err(error));
            }
        });
        Self(receiver)
    }

    /// The next batch.
    pub(super) async fn next(&mut self) -> Option<Result<Batch>> {
        self.0.recv().await
    }
}

struct Reader {
    sender: Sender<Result<Batch>>,
    batch: Batch,
    vectors: u64,
    flushed_at: u64,
    batch_size: usize,
    tells: bool,
}

impl Reader {
    fn read(&mut self, inputs: &[Input], types: &ColumnTypes, mut passed: u64) -> Result<()> {
        let mut bytes_before = 0;
        for (n, input) in inputs.iter().enumerate() {
            let mut rows = input.open(types)?;
            passed -= rows.pass_over(passed)?;
            self.flushed_at = bytes_before + rows.bytes_read();
            let mut untold = self.tells && input.source.is_read_once();
            while let Some(row) = rows.next() {
                let Row { line, record } = row?;
                self.vectors +=
                    record.as_ref().map_or(0, |r| r.vector.as_ref().map_or(0, |v| v.len() as u64 * 4));
                if untold && record.is_ok() {
                    untold = false;
                    rows.told().filter(|told| !told.is_usual).iter().for_each(|told| say(&input.told(told)));
                }
                self.batch.push(n, line, record);
                self.batch.bytes_read = bytes_before + rows.bytes_read();
                if self.is_full() && self.flush().is_none() {
                    return Ok(());
                }
            }
            bytes_before += rows.bytes_read();
        }
        self.flush();
        Ok(())
    }

    fn is_full(&self) -> bool {
        let bytes = self.vectors.max(self.batch.bytes_read.saturating_sub(self.flushed_at));
        self.batch.len() >= self.batch_size || bytes >= MAX_BATCH_BYTES
    }

    /// Hands over what has been read; `None` where nobody listens any more.
    fn flush(&mut self) -> Option<()> {
        if self.batch.len() == 0 {
            return Some(());
        }
        self.vectors = 0;
        self.flushed_at = self.batch.bytes_read;
        self.sender.blocking_send(Ok(std::mem::take(&mut self.batch))).ok()
    }
}
