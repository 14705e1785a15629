//! Searches: the fluent builder, by id, many at once, pages.

use std::future::IntoFuture;
use std::time::Instant;

use futures::future::BoxFuture;
use futures::stream::{self, Stream, StreamExt};

use super::shared::Shared;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Filter, id_in};
use crate::options::CallOptions;
use crate::record::GetRequest;
use crate::search::{Deduplicate, SearchRequest, SearchResult};
use crate::storage::VectorStorage;
use crate::validate;

/// A search that is being put together; `.await` runs it.
///
/// Its setters are those of [`SearchRequest`].
#[derive(Debug)]
#[must_use = "a search does nothing until it is awaited or its pages are read"]
pub struct SearchBuilder<'a, S: VectorStorage + ?Sized = dyn VectorStorage> {
    storage: Shared<'a, S>,
    request: SearchRequest,
    like: Option<String>,
}

macro_rules! forward {
    ($($(#[$doc:meta])* $name:ident($($value:ident: $type:ty)?)),* $(,)?) => {$(
        $(#[$doc])*
        pub fn $name(mut self $(, $value: $type)?) -> Self {
            self.request = self.request.$name($($value)?);
            self
        }
    )*};
}

impl<'a, S: VectorStorage + ?Sized> SearchBuilder<'a, S> {
    pub(super) fn near(storage: Shared<'a, S>, index: &str, vector: &[f32]) -> Self {
        Self { storage, request: SearchRequest::new(index, vector), like: None }
    }

    pub(super) fn like(storage: Shared<'a, S>, index: &str, id: String) -> Self {
        Self { storage, request: SearchRequest::without_vector(index), like: Some(id) }
    }

    forward! {
        /// How many matches: 1 to 10,000 (10).
        top_k(matches: usize),
        /// How many survivors are passed over first (0).
        offset(survivors: usize),
        /// The lowest score returned, inclusive.
        similarity_threshold(score: f32),
        /// Which records.
        filter(filter: Filter),
        /// HNSW: candidates while searching, 1 to 10,000.
        ef_search(candidates: u32),
        /// IVF: clusters searched, 1 to 1,000.
        nprobe(clusters: u32),
        /// Whether the answer must be exact (no).
        exact(yes: bool),
        /// Whether metadata is returned (yes).
        include_metadata(yes: bool),
        /// Whether vectors are returned (no).
        include_vectors(yes: bool),
        /// Which matches fold into their best.
        deduplicate(by: Deduplicate),
        /// Whether scores are mapped to [0, 1] (no).
        score_normalization(yes: bool),
        /// Whether all matches are counted (no).
        with_total(yes: bool),
        /// The most records read to check a filter on the client (1,000,000).
        residual_budget(records: u64),
        /// Options of the call.
        options(options: CallOptions),
        /// The preset for recall.
        precise(),
        /// The preset for speed.
        fast(),
    }

    /// The pages of the answer, of `top_k` matches each, from `offset` on; they end after the last match or the first
    /// error.
    ///
    /// Pages join without gap or repeat where the search is `exact` and nobody writes; else use
    /// [`scan`](super::IndexHandle::scan).
    pub fn pages(self) -> impl Stream<Item = Result<SearchResult>> + Send + 'a {
        stream::unfold(Some(self), |search| async move { search?.next_page().await })
    }

    async fn next_page(mut self) -> Option<(Result<SearchResult>, Option<Self>)> {
        let page = match self.resolve().await {
            Ok(()) => self.storage.search(&self.request).await,
            Err(e) => Err(e),
        };
        match page {
            Ok(page) => {
                self.request.offset += page.matches.len();
                let more = page.has_more && !page.matches.is_empty();
                Some((Ok(page), more.then_some(self)))
            }
            Err(e) => Some((Err(e), None)),
        }
    }

    /// Turns "like this record" into "near this vector", once.
    async fn resolve(&mut self) -> Result<()> {
        if let Some(id) = self.like.take() {
            self.request = like(&*self.storage, &id, self.request.clone()).await?;
        }
        Ok(())
    }
}

impl<'a, S: VectorStorage + ?Sized> IntoFuture for SearchBuilder<'a, S> {
    type Output = Result<SearchResult>;
    type IntoFuture = BoxFuture<'a, Result<SearchResult>>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
            self.resolve().await?;
            self.storage.search(&self.request).await
        })
    }
}

/// The request for the records most like a stored one: its vector, and a filter that leaves it out.
pub(super) async fn like<S: VectorStorage + ?Sized>(
    storage: &S,
    id: &str,
    mut request: SearchRequest,
) -> Result<SearchRequest> {
    request.validate()?;
    let start = Instant::now();
    let ids = [id.to_owned()];
    let get = GetRequest::new(&request.index, &ids).include_metadata(false).options(request.options);
    let Some(record) = storage.get(&get).await?.pop().flatten() else {
        let message = format!("there is no record {id:?} to search by");
        return Err(Error::new(ErrorKind::NotFound, message).with_index(&request.index));
    };
    let Some(vector) = record.vector else {
        let message = format!("the record {id:?} has no vector, so that nothing can be compared with it");
        return Err(Error::invalid(message).with_index(&request.index));
    };
    request.options = remaining(request.options, start)?;
    let others = !id_in([id]);
    request.filter = Some(match request.filter.take() {
        Some(filter) => filter & others,
        None => others,
    });
    request.vector = Some(vector);
    Ok(request)
}

/// What is left of a call's total time.
fn remaining(options: CallOptions, start: Instant) -> Result<CallOptions> {
    let total = options.timeout.unwrap_or(CallOptions::DEFAULT_TIMEOUT);
    let left = options.timeout(total.saturating_sub(start.elapsed()));
    match left.validate() {
        Ok(()) => Ok(left),
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("the search took longer than {total:?}"))),
    }
}

/// Several searches at once, in order.
pub(super) async fn many<S: VectorStorage + ?Sized>(
    storage: &S,
    requests: &[SearchRequest],
    max_parallel: usize,
) -> Result<Vec<Result<SearchResult>>> {
    validate::at_least_one("max_parallel", max_parallel)?;
    let searches: Vec<_> = requests.iter().map(|request| storage.search(request)).collect();
    Ok(stream::iter(searches).buffered(max_parallel).collect().await)
}
