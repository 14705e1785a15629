//! What a case works with.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use portolan_core::{
    CallOptions, Capability, Error, IndexSpec, MemoryStorage, Metric, Result, Support, VectorStorage,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

use crate::case::{Stop, Verdict, granted, unsupported};
use crate::session::Session;
use crate::twin::Twin;

/// Options of a call that says nothing.
pub(crate) const OPTIONS: CallOptions = CallOptions::new();

/// What a case works with: the store, the oracle, fresh names, a seed.
pub(crate) struct Context {
    pub(crate) session: Arc<Session>,
    pub(crate) storage: Arc<dyn VectorStorage>,
    case: &'static str,
    oracle: Arc<dyn VectorStorage>,
    created: Mutex<Vec<Created>>,
    names: AtomicUsize,
    places: AtomicUsize,
}

/// A name of the shared storage that the case was given.
struct Created {
    name: String,
    /// The spec, once there is an index that another case may take over.
    spec: Option<IndexSpec>,
}

impl Context {
    pub(crate) fn new(session: Arc<Session>, case: &'static str) -> Self {
        Self {
            storage: session.storage.clone(),
            session,
            case,
            oracle: Arc::new(MemoryStorage::default()),
            created: Mutex::default(),
            names: AtomicUsize::new(0),
            places: AtomicUsize::new(0),
        }
    }

    pub(crate) fn capability(&self) -> &Capability {
        self.storage.capability()
    }

    /// A portable index name that nothing else uses: of the run, the case, and how many it has asked for.
    pub(crate) fn name(&self) -> String {
        let n = self.names.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{:08x}{:08x}-{n}", self.session.nonce, digest(self.case) as u32);
        self.created.lock().push(Created { name: name.clone(), spec: None });
        name
    }

    /// The seed of this case's random choices: of the run, and of the case's name.
    pub(crate) fn rng(&self, stream: u64) -> StdRng {
        let case = digest(self.case).rotate_left(17);
        StdRng::seed_from_u64(self.session.settings.seed ^ case ^ stream.rotate_left(40))
    }

    /// A metric that the store has, if possible one in which small integers give exact distances.
    pub(crate) fn any_metric(&self) -> Metric {
        let order = [Metric::Euclidean, Metric::DotProduct, Metric::Manhattan, Metric::Cosine];
        let has = |metric: &Metric| self.capability().metric(*metric) != Support::Unsupported;
        order.into_iter().find(has).unwrap_or_default()
    }

    /// A spec of a fresh name.
    pub(crate) fn spec(&self, dimension: usize) -> IndexSpec {
        IndexSpec::new(self.name(), dimension).metric(self.any_metric())
    }

    /// An empty index, and its like in the oracle; it may be [lent](Self::lent).
    pub(crate) async fn index(&self, dimension: usize) -> Verdict<Twin> {
        self.lent(self.spec(dimension)).await
    }

    /// An empty index of a metric, which may be [lent](Self::lent); ends the case where the store has not that metric,
    /// and says so.
    pub(crate) async fn metric_index(&self, metric: Metric, dimension: usize) -> Verdict<Twin> {
        self.lent(self.spec(dimension).metric(metric)).await
    }

    /// A fresh index of a spec, and its like in the oracle.
    pub(crate) async fn twin(&self, spec: IndexSpec) -> Verdict<Twin> {
        self.twin_in(self.storage.clone(), spec).await
    }

    /// An empty index of a spec, and its like in the oracle. Where the harness reuses indexes, it may be one that an
    /// earlier case has left, of another name.
    pub(crate) async fn lent(&self, spec: IndexSpec) -> Verdict<Twin> {
        let twin = match self.spare(&spec) {
            Some(spare) => {
                self.created.lock().retain(|created| created.name != spec.name);
                self.created.lock().push(Created { name: spare.name.clone(), spec: None });
                self.oracle.create_index(&spare, OPTIONS).await.map_err(unoracular)?;
                Twin { subject: self.storage.clone(), oracle: self.oracle.clone(), spec: spare }
            }
            None => self.twin(spec).await?,
        };
        if let Some(created) = self.created.lock().iter_mut().find(|created| created.name == twin.spec.name) {
            created.spec = Some(twin.spec.clone());
        }
        Ok(twin)
    }

    fn spare(&self, spec: &IndexSpec) -> Option<IndexSpec> {
        let mut spare = self.session.spare.lock();
        let like = |other: &IndexSpec| {
            let mut other = other.clone();
            other.name.clone_from(&spec.name);
            other == *spec
        };
        let at = spare.iter().position(like)?;
        Some(spare.swap_remove(at))
    }

    /// An index in another storage than the shared one, and its like in the oracle.
    pub(crate) async fn twin_in(&self, subject: Arc<dyn VectorStorage>, spec: IndexSpec) -> Verdict<Twin> {
        let created = subject.create_index(&spec, OPTIONS).await;
        if self.capability().metric(spec.metric) == Support::Unsupported {
            return Err(unsupported(&format!("the metric {}", spec.metric), created));
        }
        granted("create_index", created)?;
        self.oracle.create_index(&spec, OPTIONS).await.map_err(unoracular)?;
        Ok(Twin { subject, oracle: self.oracle.clone(), spec })
    }

    /// A place that no other case opens.
    pub(crate) fn place(&self) -> String {
        let n = self.places.fetch_add(1, Ordering::Relaxed);
        format!("{}-{n}", self.case.replace("::", "-").replace('_', "-"))
    }

    /// Opens the store at a place.
    pub(crate) async fn open(&self, place: &str) -> Verdict<Arc<dyn VectorStorage>> {
        Ok(self.session.harness.open(place).await?)
    }

    /// Gives up an index that was [lent](Self::lent), for another case to take over where the harness reuses them.
    pub(crate) async fn leave(&self, twin: &Twin) -> Verdict {
        let created = self.take_created(twin.name());
        self.release(created).await?;
        self.oracle.delete_index(twin.name(), OPTIONS).await.map_err(unoracular)
    }

    /// Deletes what the case has created in the shared storage and left there; after a case that passed, leaves its
    /// indexes empty to the next one where the harness reuses them.
    pub(crate) async fn clean(&self, passed: bool) {
        let created = std::mem::take(&mut *self.created.lock());
        for mut created in created {
            created.spec = created.spec.filter(|_| passed);
            // Most names were deleted by the case, or never created.
            let _ = self.release(created).await;
        }
    }

    fn take_created(&self, name: &str) -> Created {
        let mut all = self.created.lock();
        match all.iter().position(|created| created.name == name) {
            Some(at) => all.swap_remove(at),
            None => Created { name: name.to_owned(), spec: None },
        }
    }

    async fn release(&self, created: Created) -> Result<()> {
        let Created { name, spec } = created;
        if let Some(spec) = spec.filter(|_| self.session.reuses())
            && self.storage.clear(&name, OPTIONS).await.is_ok()
        {
            self.session.spare.lock().push(spec);
            return Ok(());
        }
        self.storage.delete_index(&name, OPTIONS).await
    }
}

/// A number that stands for a case, the same in every run.
pub(crate) fn digest(case: &str) -> u64 {
    case.bytes().fold(0, |hash, b| hash.wrapping_mul(31).wrapping_add(b.into()))
}

/// The failure of the oracle itself: the case asks what the contract does not allow.
pub(crate) fn unoracular(e: Error) -> Stop {
    Stop::Broken(format!("the oracle refuses what the case asks of it: {e}"))
}
