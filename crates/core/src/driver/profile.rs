//! What a driver declares of its database.

use std::time::Duration;

use crate::capability::{BatchAtomicity, Capability, Limits, Support, VectorFidelity};
use crate::index::Metric;
use crate::name::NameRule;
use crate::options::CallOptions;

/// What ids a database takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum IdScheme {
    /// Any id of the contract.
    #[default]
    Any,
    /// ASCII text; another id is stored by its UUIDv5.
    Ascii,
    /// UUIDs; another id is stored by its UUIDv5.
    Uuid,
    /// UUIDs, and unsigned 64-bit integers that other programs may have written.
    UuidOrInteger,
}

/// Whether a driver's nearest rows are exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExactSearch {
    /// Always.
    #[default]
    Always,
    /// On request.
    OnRequest,
    /// Never: exact answers come from a scan, or not at all.
    Never,
}

/// How a driver's pages follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Paging {
    /// By a cursor: a row that is there throughout is seen exactly once, replaced or not.
    #[default]
    Stable,
    /// By an offset: the cursor is a decimal number of rows, and rows shift when others are deleted or replaced.
    Shifting,
}

/// What a driver declares of its database: known without asking it, and true of every supported version.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Profile {
    /// The provider's name, also its URI scheme.
    pub provider: &'static str,
    /// How index names map.
    pub names: NameRule,
    /// What ids the database takes.
    pub ids: IdScheme,
    /// The metrics that it has.
    pub metrics: Vec<Metric>,
    /// How vectors read back, of the index that keeps least.
    pub vectors: VectorFidelity,
    /// Whether a write merges into what is stored: [`Row::removed`](super::Row::removed) names the keys to drop, and a row without a vector,
    /// that of an update, leaves the stored one.
    pub merges: bool,
    /// Whether every value of the contract is represented natively, so that nothing goes into the overflow.
    pub all_values: bool,
    /// Whether the database answers every kind of leaf on every field exactly.
    pub exact_filters: bool,
    /// Whether nearest rows are exact, unless an opened index says otherwise ([`Opened::exact`](super::Opened::exact)).
    pub exact: ExactSearch,
    /// Whether the engine may read all rows that a filter meets and score them itself.
    pub scans: bool,
    /// Whether equal distances come in the order of ids, also at the cut.
    pub ties_by_id: bool,
    /// The most rows that [`nearest`](super::Driver::nearest) returns.
    pub native_window: usize,
    /// How pages follow each other.
    pub paging: Paging,
    /// Whether there is [`cursor_after`](super::Driver::cursor_after); only with stable pages.
    pub row_cursors: bool,
    /// Whether [`page`](super::Driver::page) takes a filter.
    pub page_where: bool,
    /// Whether [`count`](super::Driver::count) counts everything.
    pub count: bool,
    /// Whether [`count`](super::Driver::count) takes a filter.
    pub count_where: bool,
    /// Whether there is [`remove_where`](super::Driver::remove_where).
    pub remove_where: bool,
    /// Whether there is [`clear`](super::Driver::clear).
    pub clear: bool,
    /// Whether there is [`update`](super::Driver::update); only with `all_values`.
    pub update: bool,
    /// Whether there are [`sizes`](super::Driver::sizes).
    pub sizes: bool,
    /// Whether there is [`optimize`](super::Driver::optimize).
    pub optimize: bool,
    /// What is written together or not at all; `Atomic` only where batches are not cut.
    pub batch: BatchAtomicity,
    /// Whether another client's concurrent update cannot be lost.
    pub update_isolated: bool,
    /// Whether acknowledged writes survive the end of the process.
    pub durable: bool,
    /// How many chunks are under way at once.
    pub parallelism: usize,
    /// The most rows of a page, and ids of a fetch.
    pub page_rows: usize,
    /// The keys of [`IndexSpec::options`](crate::index::IndexSpec::options) that it knows.
    pub options: &'static [&'static str],
    /// How long creating an index may take.
    pub create_bound: Duration,
    /// The time that a call has whose caller sets none: the URI's `timeout`.
    pub timeout: Duration,
    /// The limits.
    pub limits: Limits,
}

impl Profile {
    /// A profile in which everything is native, exact and without limits, and nothing survives.
    pub fn new(provider: &'static str) -> Self {
        Self {
            provider,
            names: NameRule::default(),
            ids: IdScheme::Any,
            metrics: Metric::ALL.to_vec(),
            vectors: VectorFidelity::Exact,
            merges: false,
            all_values: true,
            exact_filters: true,
            exact: ExactSearch::Always,
            scans: true,
            ties_by_id: true,
            native_window: usize::MAX,
            paging: Paging::Stable,
            row_cursors: false,
            page_where: true,
            count: true,
            count_where: true,
            remove_where: true,
            clear: true,
            update: true,
            sizes: true,
            optimize: true,
            batch: BatchAtomicity::Item,
            update_isolated: false,
            durable: false,
            parallelism: 4,
            page_rows: 1_000,
            options: &[],
            create_bound: Duration::from_secs(300),
            timeout: CallOptions::DEFAULT_TIMEOUT,
            limits: Limits::default(),
        }
    }

    /// What the engine makes of these abilities.
    pub(super) fn capability(&self) -> Capability {
        let native = |yes: bool| if yes { Support::Native } else { Support::Emulated };
        let or_not = |yes: bool| if yes { Support::Native } else { Support::Unsupported };
        let mut limits = self.limits.clone();
        if self.scans {
            limits.window = None;
        }
        Capability {
            cosine: or_not(self.metrics.contains(&Metric::Cosine)),
            dot_product: or_not(self.metrics.contains(&Metric::DotProduct)),
            euclidean: or_not(self.metrics.contains(&Metric::Euclidean)),
            manhattan: or_not(self.metrics.contains(&Metric::Manhattan)),
            exact: match self.exact {
                ExactSearch::Always | ExactSearch::OnRequest => Support::Native,
                ExactSearch::Never if self.scans => Support::Emulated,
                ExactSearch::Never => Support::Unsupported,
            },
            filter: native(self.exact_filters),
            scan: native(self.paging == Paging::Stable),
            count: native(self.count && self.count_where),
            delete_where: native(self.remove_where),
            update_metadata: native(self.update),
            offset: Support::Emulated,
            total_matches: native(self.count && self.count_where),
            deduplicate: Support::Emulated,
            sizes: or_not(self.sizes),
            optimize: or_not(self.optimize),
            vectors: self.vectors,
            batch: self.batch,
            update_isolated: self.update_isolated,
            durable: self.durable,
            limits,
        }
    }
}
