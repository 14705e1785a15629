//! Collections that are not loaded: after a restart of the server, or as another program left them.

use std::future::Future;
use std::time::Duration;

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, IndexSpec};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::error::{is_no_index, is_not_loaded};
use crate::layout::{index_params, replicas};
use crate::proto::milvus::{
    CreateIndexRequest, DescribeIndexRequest, GetLoadingProgressRequest, LoadCollectionRequest,
};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);
const DONE: i64 = 100;

/// Makes a call, and where the collection is not loaded, loads it and makes the call again, within a bound.
pub(crate) async fn with_loaded<T, F>(
    client: &Client,
    bound: Duration,
    name: &str,
    spec: &IndexSpec,
    vector: &str,
    call: impl Fn() -> F,
) -> Result<T, WriteError>
where
    F: Future<Output = Result<T, WriteError>>,
{
    let mut answer = call().await;
    if !matches!(&answer, Err(fault) if is_not_loaded(fault)) {
        return answer;
    }
    let end = Instant::now() + bound;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Err(fault) = load(client, name, spec, vector, end).await
            && !is_not_loaded(&fault)
        {
            return Err(fault);
        }
        answer = call().await;
        match &answer {
            Err(fault) if is_not_loaded(fault) && Instant::now() + pause < end => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            _ => return answer,
        }
    }
}

/// Loads a collection, which needs an index, and waits until it is loaded.
pub(crate) async fn load(
    client: &Client,
    name: &str,
    spec: &IndexSpec,
    vector: &str,
    end: Instant,
) -> Result<(), WriteError> {
    let request = || LoadCollectionRequest {
        db_name: client.database(),
        collection_name: name.to_owned(),
        replica_number: replicas(spec),
        ..LoadCollectionRequest::default()
    };
    if let Err(fault) = client.load_collection(request()).await {
        if has_index(client, name).await? {
            return Err(fault);
        }
        create_index(client, name, spec, vector).await?;
        client.load_collection(request()).await?;
    }
    let mut pause = FIRST_PAUSE;
    loop {
        let progress = client
            .get_loading_progress(GetLoadingProgressRequest {
                db_name: client.database(),
                collection_name: name.to_owned(),
                ..GetLoadingProgressRequest::default()
            })
            .await?;
        if progress.progress >= DONE {
            return Ok(());
        }
        if Instant::now() + pause >= end {
            let message = format!("the collection is loaded to {} %; try again later", progress.progress);
            return Err(Error::new(ErrorKind::NotReady, message).into());
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Makes the vector index that the spec asks for.
pub(crate) async fn create_index(
    client: &Client,
    name: &str,
    spec: &IndexSpec,
    vector: &str,
) -> Result<(), WriteError> {
    let request = CreateIndexRequest {
        db_name: client.database(),
        collection_name: name.to_owned(),
        field_name: vector.to_owned(),
        extra_params: index_params(spec),
        ..CreateIndexRequest::default()
    };
    client.create_index(request).await.map(drop)
}

async fn has_index(client: &Client, name: &str) -> Result<bool, WriteError> {
    let request = DescribeIndexRequest {
        db_name: client.database(),
        collection_name: name.to_owned(),
        ..DescribeIndexRequest::default()
    };
    match client.describe_index(request).await {
        Ok(reply) => Ok(!reply.index_descriptions.is_empty()),
        Err(fault) if is_no_index(&fault) => Ok(false),
        Err(fault) => Err(fault),
    }
}
