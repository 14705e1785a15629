//! A store that a function opens, under the suite.

use std::sync::Arc;

use portolan_core::{Result, VectorStorage};
use portolan_testkit::Harness;

pub(crate) struct Opened<F> {
    pub(crate) name: &'static str,
    /// How many rows a large case writes.
    pub(crate) rows: usize,
    /// Opens the store at a place.
    pub(crate) open: F,
}

#[async_trait::async_trait]
impl<F> Harness for Opened<F>
where
    F: Fn(&str) -> Result<Arc<dyn VectorStorage>> + Send + Sync + 'static,
{
    fn name(&self) -> &str {
        self.name
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        (self.open)(place)
    }

    fn rows(&self) -> usize {
        self.rows
    }
}
