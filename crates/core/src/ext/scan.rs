//! Scans as a stream.

use futures::stream::{self, Stream, TryStreamExt};

use super::shared::Shared;
use crate::error::Result;
use crate::filter::Filter;
use crate::options::CallOptions;
use crate::record::Record;
use crate::scan::{Cursor, ScanPage, ScanRequest};
use crate::storage::VectorStorage;

/// A scan that is being put together; [`stream`](Self::stream) runs it.
///
/// ```
/// use futures::TryStreamExt;
/// use portolan_core::{IndexSpec, MemoryStorage, Record, VectorStorageExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan_core::Result<()> {
/// let storage = MemoryStorage::default();
/// storage.ensure_index(&IndexSpec::new("companies", 2)).await?;
/// let index = storage.index("companies");
/// index.upsert(&[Record::new("a", [1.0, 0.0]), Record::new("b", [0.0, 1.0])]).await?.into_result()?;
///
/// let records: Vec<Record> = index.scan().include_vectors(false).stream().try_collect().await?;
/// assert_eq!(records.len(), 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a scan does nothing until its stream is read"]
pub struct ScanBuilder<'a, S: VectorStorage + ?Sized = dyn VectorStorage> {
    storage: Shared<'a, S>,
    index: String,
    filter: Option<Filter>,
    page_size: usize,
    include_vectors: bool,
    include_metadata: bool,
    options: CallOptions,
}

impl<'a, S: VectorStorage + ?Sized> ScanBuilder<'a, S> {
    pub(super) fn new(storage: Shared<'a, S>, index: &str) -> Self {
        let defaults = ScanRequest::new(index);
        Self {
            storage,
            index: index.to_owned(),
            filter: None,
            page_size: defaults.page_size,
            include_vectors: defaults.include_vectors,
            include_metadata: defaults.include_metadata,
            options: defaults.options,
        }
    }

    /// Which records.
    pub fn filter(mut self, filter: Filter) -> Self {
        self.filter = Some(filter);
        self
    }

    /// The most records read at a time: 1 to 10,000 (100).
    pub fn page_size(mut self, records: usize) -> Self {
        self.page_size = records;
        self
    }

    /// Whether vectors are returned (yes).
    pub fn include_vectors(mut self, yes: bool) -> Self {
        self.include_vectors = yes;
        self
    }

    /// Whether metadata is returned (yes).
    pub fn include_metadata(mut self, yes: bool) -> Self {
        self.include_metadata = yes;
        self
    }

    /// Options of each page's call.
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }

    /// The records, one by one. One that cannot be read is an error, and the stream goes on behind it; after another error
    /// it ends.
    pub fn stream(self) -> impl Stream<Item = Result<Record>> + Send + 'a {
        let items = |page: ScanPage| {
            let unreadable = page.unreadable.into_iter().map(|record| Err(record.to_error()));
            stream::iter(page.records.into_iter().map(Ok).chain(unreadable))
        };
        self.pages().map_ok(items).try_flatten()
    }

    /// The pages, as the storage gives them.
    pub fn pages(self) -> impl Stream<Item = Result<ScanPage>> + Send + 'a {
        stream::try_unfold((self, Next::Start), |(scan, next)| async move {
            let cursor = match next {
                Next::Start => None,
                Next::From(cursor) => Some(cursor),
                Next::End => return Ok(None),
            };
            let page = scan.page(cursor.as_ref()).await?;
            let next = page.cursor.clone().map_or(Next::End, Next::From);
            Ok(Some((page, (scan, next))))
        })
    }

    async fn page(&self, cursor: Option<&Cursor>) -> Result<ScanPage> {
        let request = ScanRequest::new(&self.index)
            .filter(self.filter.as_ref())
            .cursor(cursor)
            .page_size(self.page_size)
            .include_vectors(self.include_vectors)
            .include_metadata(self.include_metadata)
            .options(self.options);
        self.storage.scan(&request).await
    }
}

/// Where a stream of pages is.
enum Next {
    Start,
    From(Cursor),
    End,
}
