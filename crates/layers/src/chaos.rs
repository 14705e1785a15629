//! Simulated trouble, from a seed.

mod config;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use portolan_core::layer::{Around, Call, Op, Part, Reply};
use portolan_core::{Error, ErrorKind, Outcome, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

pub use config::{ChaosConfig, When};

/// Simulated trouble: latency, failing operations, batches that fail in part.
///
/// Two runs that make the same calls in the same order, with the same seed, meet the same trouble. A simulated failure
/// is [`ErrorKind::Unavailable`] and keeps the contract: a write with an outcome per item whose effect happened ends
/// `Unknown`, and a health check is `Ok` with the status unavailable.
///
/// ```
/// use std::{sync::Arc, time::Duration};
/// use portolan_core::{CallOptions, ErrorKind, IndexSpec, MemoryStorage, Record, VectorStorage, VectorStorageExt};
/// use portolan_core::layer::Layer;
/// use portolan_layers::ChaosConfig;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan_core::Result<()> {
/// let chaos = ChaosConfig::default().latency(Duration::from_millis(5)).fail(["upsert"]).build()?;
///
/// let storage = chaos.layer(Arc::new(MemoryStorage::default()));
/// storage.ensure_index(&IndexSpec::new("companies", 2)).await?;
/// let error = storage.index("companies").upsert_one(Record::new("a", [1.0, 0.0])).await.unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Unavailable);
/// assert!(storage.health(CallOptions::new()).await?.latency_ms >= 5.0);
/// assert_eq!(chaos.failures(), 1);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Chaos(Arc<State>);

#[derive(Debug)]
struct State {
    config: ChaosConfig,
    random: Mutex<StdRng>,
    failures: AtomicU64,
}

impl ChaosConfig {
    /// The layer.
    ///
    /// # Errors
    /// `InvalidArgument` naming the field that is out of range.
    pub fn build(self) -> Result<Chaos> {
        self.check()?;
        Ok(Chaos::new(self))
    }
}

/// What a call will meet.
enum Fate {
    Spared,
    Fails,
    /// The items at these positions, in order, fail.
    FailsInPart(Vec<usize>),
}

impl Chaos {
    fn new(config: ChaosConfig) -> Self {
        let random = Mutex::new(StdRng::seed_from_u64(config.seed));
        Self(Arc::new(State { config, random, failures: AtomicU64::new(0) }))
    }

    /// How many calls failed so far, wholly or in part, by this layer's doing.
    pub fn failures(&self) -> u64 {
        self.0.failures.load(Ordering::Relaxed)
    }

    fn config(&self) -> &ChaosConfig {
        &self.0.config
    }

    /// Draws what this call will meet.
    fn fate(&self, op: Op<'_>) -> Fate {
        let mut random = self.0.random.lock();
        let drawn = random.random_bool(self.config().error_rate);
        let named = self.config().fail.iter().any(|name| name == op.name());
        let fate = if named || drawn && !matches!(op, Op::Close) {
            Fate::Fails
        } else {
            match failing_items(op, self.config().partial, &mut random) {
                items if items.is_empty() => return Fate::Spared,
                items => Fate::FailsInPart(items),
            }
        };
        self.0.failures.fetch_add(1, Ordering::Relaxed);
        fate
    }

    async fn fail<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        let error = simulated(op, self.config().when);
        let health = matches!(op, Op::Health(_));
        if self.config().when == When::Before && !health {
            return Err(error);
        }
        let mut reply = next.call(Part::All).await?;
        if reply.record_error(&error) {
            return Ok(reply);
        }
        T::all_items(op.items(), Outcome::Unknown(error.clone())).ok_or(error)
    }

    async fn fail_in_part<T: Reply>(&self, op: Op<'_>, failing: &[usize], next: &dyn Call<T>) -> Result<T> {
        let error = simulated(op, self.config().when);
        match self.config().when {
            When::Before => {
                let sent: Vec<usize> =
                    (0..op.items()).filter(|at| failing.binary_search(at).is_err()).collect();
                let reply = next.call(Part::Items(&sent)).await?;
                let Some(mut all) = T::all_items(op.items(), Outcome::Failed(error)) else {
                    return Ok(reply);
                };
                all.merge(&sent, reply);
                Ok(all)
            }
            When::After => {
                let mut reply = next.call(Part::All).await?;
                if let Some(unknown) = T::all_items(failing.len(), Outcome::Unknown(error)) {
                    reply.merge(failing, unknown);
                }
                Ok(reply)
            }
        }
    }
}

impl Around for Chaos {
    async fn around<T: Reply>(&self, op: Op<'_>, next: &dyn Call<T>) -> Result<T> {
        let fate = self.fate(op);
        let latency = self.config().latency;
        if let Some(limit) = op.timeout().filter(|&limit| limit <= latency) {
            tokio::time::sleep(limit).await;
            return Err(Error::new(
                ErrorKind::Timeout,
                format!("the simulated latency of {latency:?} used up {limit:?}"),
            ));
        }
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let mut reply = match fate {
            Fate::Spared => next.call(Part::All).await,
            Fate::Fails => self.fail(op, next).await,
            Fate::FailsInPart(items) => self.fail_in_part(op, &items, next).await,
        }?;
        reply.add_elapsed(latency);
        Ok(reply)
    }
}

/// The positions of a batch that fail: drawn once per id, since equal ids in one call share their outcome.
fn failing_items(op: Op<'_>, share: f64, random: &mut StdRng) -> Vec<usize> {
    let mut drawn = HashMap::new();
    (0..op.items())
        .filter(|&at| *drawn.entry(id_at(op, at)).or_insert_with(|| random.random_bool(share)))
        .collect()
}

fn id_at<'a>(op: Op<'a>, at: usize) -> Option<&'a str> {
    match op {
        Op::Upsert(request) => request.records.get(at).map(|r| r.id.as_str()),
        Op::Delete(request) => request.ids.get(at).map(String::as_str),
        Op::UpdateMetadata(request) => request.updates.get(at).map(|u| u.id.as_str()),
        _ => None,
    }
}

fn simulated(op: Op<'_>, when: When) -> Error {
    let error = Error::new(ErrorKind::Unavailable, format!("simulated trouble {when} the effect"));
    let error = error.with_operation(op.name());
    match op.index() {
        Some(index) => error.with_index(index),
        None => error,
    }
}
