//! What an adapter's author writes to run the suite.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use portolan_core::{Result, VectorStorage};

use crate::tape::Tape;

/// How the suite reaches the store under test.
///
/// ```
/// use std::sync::Arc;
/// use portolan_core::{MemoryStorage, Result, VectorStorage};
/// use portolan_testkit::Harness;
///
/// struct Memory;
///
/// #[async_trait::async_trait]
/// impl Harness for Memory {
///     fn name(&self) -> &str {
///         "memory"
///     }
///
///     async fn open(&self, _place: &str) -> Result<Arc<dyn VectorStorage>> {
///         Ok(Arc::new(MemoryStorage::default()))
///     }
/// }
/// ```
#[async_trait]
pub trait Harness: Send + Sync + 'static {
    /// The URI scheme of the store.
    fn name(&self) -> &str;

    /// Opens the store at a place.
    ///
    /// Most cases share one storage at the place `shared`. Cases about closing, limits and opening again have a place
    /// of their own, each a short name of letters, digits and `-`, and open it twice: always one after the other, the
    /// first closed. A store in a directory puts each place into a directory of its own; a server is the same
    /// wherever it is opened.
    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>>;

    /// The version of the server, where there is one.
    fn server(&self) -> Option<String> {
        None
    }

    /// Why the suite cannot run here, such as a server that is not installed.
    fn absent(&self) -> Option<String> {
        None
    }

    /// How many cases run at once.
    fn parallel(&self) -> usize {
        4
    }

    /// How many rows a large case writes: 100 to 10,000. Fewer where that would take minutes.
    fn rows(&self) -> usize {
        10_000
    }

    /// How much the random cases do.
    fn settings(&self) -> Settings {
        Settings::from_env()
    }

    /// Whether a case may take over an index that an earlier one has cleared: faster where creating one is slow.
    fn reuse(&self) -> bool {
        false
    }

    /// The tape that the run is recorded on or answered from. Then one case runs at a time, on indexes of its own,
    /// and those are left out that do not ask the same each time.
    fn tape(&self) -> Option<&dyn Tape> {
        None
    }
}

/// How much the random cases do, and from which seed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Settings {
    /// What every random choice comes from.
    pub seed: u64,
    /// How many random filters are compared with the oracle; those that select no row or every row do not count.
    pub random_filters: usize,
    /// How many random sequences of operations are compared with the oracle.
    pub random_sequences: usize,
    /// After how long a case has failed.
    pub case_timeout: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            seed: 0x706f_7274,
            random_filters: 2_000,
            random_sequences: 300,
            case_timeout: Duration::from_secs(600),
        }
    }
}

impl Settings {
    /// The defaults, changed by `PORTOLAN_SEED`, `PORTOLAN_RANDOM_FILTERS` and `PORTOLAN_RANDOM_SEQUENCES` where these
    /// are numbers.
    pub fn from_env() -> Self {
        Self::default().or_env()
    }

    /// Itself, changed by the same variables.
    #[must_use]
    pub fn or_env(self) -> Self {
        let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
        let count = |name: &str| number(name).and_then(|n| usize::try_from(n).ok());
        Self {
            seed: number("PORTOLAN_SEED").unwrap_or(self.seed),
            random_filters: count("PORTOLAN_RANDOM_FILTERS").unwrap_or(self.random_filters),
            random_sequences: count("PORTOLAN_RANDOM_SEQUENCES").unwrap_or(self.random_sequences),
            case_timeout: self.case_timeout,
        }
    }

    /// The defaults with so few random filters and sequences that a run takes seconds.
    pub fn brief() -> Self {
        Self { random_filters: 100, random_sequences: 12, ..Self::default() }
    }
}
