//! A place on a server that one test has for itself.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;

use portolan_core::{
    CallOptions, CountRequest, ErrorKind, Filter, GetRequest, IndexSpec, Metric, Record, Result, ScanRequest,
    SearchRequest, UpsertRequest, VectorStorage,
};

use crate::server::Open;

const OPTIONS: CallOptions = CallOptions::new();

/// More records than any test of one place writes.
const ALL: usize = 10_000;

/// A name on a server that nothing else uses, and the store through the port.
///
/// The methods that compare fail by a panic, as assertions do.
#[derive(Clone)]
#[non_exhaustive]
pub struct Place {
    /// The URI of the server.
    pub uri: String,
    /// A portable name, for an index or for whatever else the server has names for.
    pub name: String,
    /// The store.
    pub storage: Arc<dyn VectorStorage>,
    open: Arc<Open>,
}

impl Place {
    pub(crate) async fn new(uri: &str, name: String, open: Arc<Open>) -> Result<Self> {
        let storage = open(uri.parse()?).await?;
        Ok(Self { uri: uri.to_owned(), name, storage, open })
    }

    /// The same place, of which the store is opened by another URI.
    ///
    /// # Errors
    /// Those of opening the store.
    pub async fn by(self, uri: &str) -> Result<Self> {
        let storage = self.open(uri).await?;
        Ok(Self { storage, ..self })
    }

    /// Opens the store by a URI.
    ///
    /// # Errors
    /// Where it is no URI of the store, or the store cannot be opened.
    pub async fn open(&self, uri: &str) -> Result<Arc<dyn VectorStorage>> {
        (self.open)(uri.parse()?).await
    }

    /// A spec of the place's name, under the Euclidean distance.
    pub fn spec(&self, dimension: usize) -> IndexSpec {
        IndexSpec::new(&self.name, dimension).metric(Metric::Euclidean)
    }

    /// Creates an index and writes records into it.
    ///
    /// # Errors
    /// Where the index is not created, or a record is not stored.
    pub async fn fill(&self, spec: &IndexSpec, records: &[Record]) -> Result<()> {
        self.storage.create_index(spec, OPTIONS).await?;
        self.upsert(records).await
    }

    /// Writes records into the index of the place's name.
    ///
    /// # Errors
    /// Where a record is not stored.
    pub async fn upsert(&self, records: &[Record]) -> Result<()> {
        self.storage.upsert(&UpsertRequest::new(&self.name, records)).await?.into_result()?;
        Ok(())
    }

    /// Reads records of the index of the place's name.
    ///
    /// # Errors
    /// Those of the read.
    pub async fn get(&self, ids: &[&str]) -> Result<Vec<Option<Record>>> {
        let ids: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        self.storage.get(&GetRequest::new(&self.name, &ids)).await
    }

    /// The ids that meet a filter, sorted; scanned, counted and searched alike. Every record has a vector.
    ///
    /// # Errors
    /// Those of the reads.
    pub async fn ids(&self, filter: &Filter) -> Result<Vec<String>> {
        let scan = ScanRequest::new(&self.name).filter(Some(filter)).page_size(ALL);
        let ids = sorted(self.storage.scan(&scan).await?.records.into_iter().map(|record| record.id));
        let count = self.storage.count(&CountRequest::new(&self.name).filter(Some(filter))).await?;
        assert_eq!(count, ids.len() as u64, "the count of {filter}");
        let dimension = self.storage.describe_index(&self.name, OPTIONS).await?.spec.dimension;
        let search = SearchRequest::new(&self.name, vec![1.0; dimension]).filter(filter.clone());
        let found = self.storage.search(&search.top_k(ALL)).await?.matches;
        assert_eq!(sorted(found.into_iter().map(|m| m.id)), ids, "the search under {filter}");
        Ok(ids)
    }

    /// Compares filters over the records, which are all that there are, with the contract's evaluator. Each must select some
    /// of them and not all.
    ///
    /// # Errors
    /// Those of the reads.
    pub async fn compare(
        &self,
        records: &[Record],
        filters: impl IntoIterator<Item = Filter> + Send,
    ) -> Result<()> {
        for filter in filters.into_iter().collect::<Vec<_>>() {
            let meeting = records.iter().filter(|r| filter.matches(&r.id, &r.metadata));
            let expected = sorted(meeting.map(|r| r.id.clone()));
            assert!(!expected.is_empty() && expected.len() < records.len(), "{filter} selects none or all");
            assert_eq!(self.ids(&filter).await?, expected, "{filter}");
        }
        Ok(())
    }

    /// Deletes the index of the place's name, where there is one, through a store that no test has closed.
    pub(crate) async fn clean(&self) -> Result<()> {
        let storage = self.open(&self.uri).await?;
        match storage.delete_index(&self.name, OPTIONS).await {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(e),
            _ => Ok(()),
        }
    }
}

impl Debug for Place {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("name", &self.name).finish_non_exhaustive()
    }
}

fn sorted(ids: impl Iterator<Item = String>) -> Vec<String> {
    let mut ids: Vec<String> = ids.collect();
    ids.sort_unstable();
    ids
}
