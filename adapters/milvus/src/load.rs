//! Collections that are not loaded: after a restart of the server, or as another program left them.

use std::future::Future;
use std::time::Duration;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, IndexSpec};
use tokio::time::{Instant, sleep};

use crate::client::{Client, about};
use crate::error::{is_no_index, is_not_loaded};
use crate::layout::{index_params, replicas};
use crate::proto::milvus::{
    CreateIndexRequest, DescribeIndexRequest, GetLoadingProgressRequest, LoadCollectionRequest,
};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const DONE: i64 = 100;

/// Ever longer pauses, between questions whether something is done.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    pub(crate) fn new() -> Self {
        Self(FIRST_PAUSE)
    }

    /// The next pause; false, and none, where it would not end before `end`.
    pub(crate) async fn before(&mut self, end: Option<Instant>) -> bool {
        let fits = end.is_none_or(|end| Instant::now() + self.0 < end);
        if fits {
            sleep(self.0).await;
            self.0 = (self.0 * 2).min(LONGEST_PAUSE);
        }
        fits
    }
}

/// A collection to be loaded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Loading<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a str,
    pub(crate) spec: &'a IndexSpec,
    /// The field of the vectors.
    pub(crate) vector: &'a str,
    /// When it must be loaded.
    pub(crate) end: Instant,
}

impl Loading<'_> {
    /// Makes a call, and where the collection is not loaded, loads it and makes the call again.
    pub(crate) async fn call<T, F>(self, call: impl Fn() -> F) -> Result<T, WriteError>
    where
        F: Future<Output = Result<T, WriteError>>,
    {
        let mut pauses = Pauses::new();
        loop {
            let answer = call().await;
            if !matches!(&answer, Err(e) if is_not_loaded(e)) {
                return answer;
            }
            match self.load().await {
                Err(e) if !is_not_loaded(&e) => return Err(e),
                loaded => loaded.ok(),
            };
            if !pauses.before(Some(self.end)).await {
                return answer;
            }
        }
    }

    /// Loads the collection, which needs an index, and waits until it is loaded.
    pub(crate) async fn load(self) -> Result<(), WriteError> {
        let Self { client, name, spec, .. } = self;
        let replicas = replicas(spec)?;
        let request = || about!(client, name, LoadCollectionRequest { replica_number: replicas });
        if let Err(e) = client.load_collection(request()).await {
            if self.has_index().await? {
                return Err(e);
            }
            self.create_index().await?;
            client.load_collection(request()).await?;
        }
        let mut pauses = Pauses::new();
        loop {
            let asked = about!(client, name, GetLoadingProgressRequest {});
            let progress = client.get_loading_progress(asked).await?.progress;
            if progress >= DONE {
                return Ok(());
            }
            if !pauses.before(Some(self.end)).await {
                let message = format!("the collection is loaded to {progress} %; try again later");
                return Err(Error::new(ErrorKind::NotReady, message).into());
            }
        }
    }

    /// Makes the vector index that the spec asks for.
    pub(crate) async fn create_index(self) -> Result<(), WriteError> {
        let Self { client, name, spec, vector, .. } = self;
        let fields = (vector.to_owned(), index_params(spec));
        let request =
            about!(client, name, CreateIndexRequest { field_name: fields.0, extra_params: fields.1 });
        client.create_index(request).await.map(drop)
    }

    async fn has_index(self) -> Result<bool, WriteError> {
        match self.client.describe_index(about!(self.client, self.name, DescribeIndexRequest {})).await {
            Ok(reply) => Ok(!reply.index_descriptions.is_empty()),
            Err(e) if is_no_index(&e) => Ok(false),
            Err(e) => Err(e),
        }
    }
}
