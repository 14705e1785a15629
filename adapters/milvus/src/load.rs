//! Collections that are not loaded: after a restart of the server, or as another program left them.

use std::future::Future;
use std::time::Duration;

use portolan_core::driver::Target;
use portolan_core::{Error, ErrorKind};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::error::Fault;
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
    at: Target<'_>,
    vector: &str,
    call: impl Fn() -> F,
) -> Result<T, Fault>
where
    F: Future<Output = Result<T, Fault>>,
{
    let mut answer = call().await;
    if !matches!(&answer, Err(fault) if fault.is_not_loaded()) {
        return answer;
    }
    let end = Instant::now() + bound;
    let mut pause = FIRST_PAUSE;
    loop {
        if let Err(fault) = load(client, at, vector, end).await
            && !fault.is_not_loaded()
        {
            return Err(fault);
        }
        answer = call().await;
        match &answer {
            Err(fault) if fault.is_not_loaded() && Instant::now() + pause < end => {
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            _ => return answer,
        }
    }
}

/// Loads a collection, which needs an index, and waits until it is loaded.
pub(crate) async fn load(client: &Client, at: Target<'_>, vector: &str, end: Instant) -> Result<(), Fault> {
    let request = || LoadCollectionRequest {
        db_name: client.database(),
        collection_name: at.name.to_owned(),
        replica_number: replicas(at.spec),
        ..LoadCollectionRequest::default()
    };
    if let Err(fault) = client.load_collection(request()).await {
        if has_index(client, at).await? {
            return Err(fault);
        }
        create_index(client, at, vector).await?;
        client.load_collection(request()).await?;
    }
    let mut pause = FIRST_PAUSE;
    loop {
        let progress = client
            .get_loading_progress(GetLoadingProgressRequest {
                db_name: client.database(),
                collection_name: at.name.to_owned(),
                ..GetLoadingProgressRequest::default()
            })
            .await?;
        if progress.progress >= DONE {
            return Ok(());
        }
        if Instant::now() + pause >= end {
            let message = format!("the collection is loaded to {} %; try again later", progress.progress);
            return Err(Fault::sure(Error::new(ErrorKind::NotReady, message)));
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Makes the vector index that the spec asks for.
pub(crate) async fn create_index(client: &Client, at: Target<'_>, vector: &str) -> Result<(), Fault> {
    let request = CreateIndexRequest {
        db_name: client.database(),
        collection_name: at.name.to_owned(),
        field_name: vector.to_owned(),
        extra_params: index_params(at.spec),
        ..CreateIndexRequest::default()
    };
    client.create_index(request).await.map(drop)
}

async fn has_index(client: &Client, at: Target<'_>) -> Result<bool, Fault> {
    let request = DescribeIndexRequest {
        db_name: client.database(),
        collection_name: at.name.to_owned(),
        ..DescribeIndexRequest::default()
    };
    match client.describe_index(request).await {
        Ok(reply) => Ok(!reply.index_descriptions.is_empty()),
        Err(fault) if fault.is_no_index() => Ok(false),
        Err(fault) => Err(fault),
    }
}
