//! An index, as the engine hands it to a driver and a driver to the engine.

use super::{Deadline, ExactSearch, Want};
use crate::capability::VectorFidelity;
use crate::index::{IndexInfo, IndexSpec};

/// The largest dimension at which distances that a database sums in `f32` surely keep the contract's tolerance; measured on
/// vectors of equal components, the worst case: beyond some 4,096 they do not.
const MAX_F32_SUM: usize = 3_072;

/// An opened index, as a driver is told of it.
#[derive(Debug)]
pub struct Target<'a, I> {
    /// The database's name for it.
    pub name: &'a str,
    /// Its spec; `spec.name` is the port's name.
    pub spec: &'a IndexSpec,
    /// What the driver learnt when it opened it.
    pub index: &'a I,
    /// When this request must have been answered.
    pub deadline: Deadline,
}

impl<I> Clone for Target<'_, I> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<I> Copy for Target<'_, I> {}

/// An index to be created.
#[derive(Debug, Clone, Copy)]
pub struct NewIndex<'a> {
    /// The database's name for it.
    pub name: &'a str,
    /// Its spec; `spec.name` is the port's name.
    pub spec: &'a IndexSpec,
    /// When it must have been created.
    pub deadline: Deadline,
}

/// By how much the distances that a database tells may be off.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ScoreError {
    /// They keep the contract's tolerance.
    #[default]
    Negligible,
    /// At most by this much, in units of the distance. The engine computes each distance from the vector, and asks for more
    /// until the last native distance is farther than twice this from the last that is needed.
    Bounded(f64),
    /// By nobody knows how much. The engine computes each distance from the vector.
    Unbounded,
}

/// What a driver learnt by opening an index. The engine keeps it, and hands `index` back in every [`Target`].
#[derive(Debug, Clone)]
pub struct Opened<I> {
    /// The index as it was created; the engine puts the port's name into its spec.
    pub info: IndexInfo,
    /// Whatever the driver needs to know of it.
    pub index: I,
    /// Whether its nearest rows are exact; absent: as in the profile.
    pub exact: Option<ExactSearch>,
    /// How good its distances are.
    pub score_error: ScoreError,
    /// How its vectors read back; absent: as in the profile.
    pub fidelity: Option<VectorFidelity>,
    /// Why its records cannot be written; absent: they can.
    pub unwritable: Option<&'static str>,
}

impl<I> Opened<I> {
    /// An index that is as the profile says. Distances are taken to be summed in `f32`: past 3,072 dimensions they are
    /// computed again.
    pub fn new(info: IndexInfo, index: I) -> Self {
        let sums_hold = info.spec.dimension <= MAX_F32_SUM;
        let score_error = if sums_hold { ScoreError::Negligible } else { ScoreError::Unbounded };
        Self { info, index, exact: None, score_error, fidelity: None, unwritable: None }
    }

    /// Sets whether its nearest rows are exact.
    #[must_use]
    pub fn exact(mut self, exact: ExactSearch) -> Self {
        self.exact = Some(exact);
        self
    }

    /// Sets by how much its distances may be off.
    #[must_use]
    pub fn score_error(mut self, error: ScoreError) -> Self {
        self.score_error = error;
        self
    }

    /// Sets how its vectors read back.
    #[must_use]
    pub fn fidelity(mut self, fidelity: VectorFidelity) -> Self {
        self.fidelity = Some(fidelity);
        self
    }

    /// Sets why its records can be read and deleted, and not written.
    #[must_use]
    pub fn unwritable(mut self, why: Option<&'static str>) -> Self {
        self.unwritable = why;
        self
    }
}

/// A request for the nearest rows.
#[derive(Debug, Clone)]
pub struct Nearest<'a, F> {
    /// The query vector, validated.
    pub vector: &'a [f32],
    /// How many, at most [`Profile::native_window`](super::Profile::native_window).
    pub k: usize,
    /// Among which rows.
    pub filter: Option<&'a F>,
    /// Whether the answer must be exact; never set where the index is [`ExactSearch::Never`].
    pub exact: bool,
    /// HNSW: candidates while searching.
    pub ef_search: Option<u32>,
    /// IVF: clusters searched.
    pub nprobe: Option<u32>,
    /// What to return of each.
    pub want: Want,
}

/// How a filter on a key finds the values of that key that are in the overflow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OverflowFilter {
    /// No value of this key can be there.
    Never,
    /// The engine asks `_portolan_keys` beside the leaf, and checks the records again.
    ByEngine,
    /// The driver's own native filter looks there.
    ByDriver,
}
