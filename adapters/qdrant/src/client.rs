//! The connection: one channel to the server, over the generated clients of the official crate.
//!
//! Its ready-made client repeats a call whose connection was lost, writes and creations too, and tells a refused connection
//! from a lost one by its text alone; here no call is repeated, and what was surely not sent is known.

use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use portolan_net::grpc::{self, Service};
use portolan_net::has;
use qdrant_client::qdrant::collections_client::CollectionsClient;
use qdrant_client::qdrant::points_client::PointsClient;
use qdrant_client::qdrant::qdrant_client::QdrantClient;
use qdrant_client::qdrant::{HealthCheckRequest, PointsOperationResponse, UpdateStatus};
use tonic::{Code, ConnectError, Response, Status};

use crate::config::Config;

/// Answers that their code does not tell apart.
const KINDS: &[(Code, &str, ErrorKind)] = &[
    (Code::InvalidArgument, "Vector dimension error", ErrorKind::DimensionMismatch),
    (Code::InvalidArgument, "already exists", ErrorKind::AlreadyExists),
    // A name that no collection can have.
    (Code::InvalidArgument, "[collection_name: ", ErrorKind::NotFound),
    (Code::OutOfRange, "", ErrorKind::PayloadTooLarge),
    (Code::PermissionDenied, "Invalid API key", ErrorKind::Unauthenticated),
];

/// Codes with which a server refuses a request before it goes to a shard.
const BEFORE_SHARDS: [Code; 4] =
    [Code::OutOfRange, Code::Unauthenticated, Code::PermissionDenied, Code::Unimplemented];

/// A server.
#[derive(Debug)]
pub(crate) struct Client(grpc::Client);

impl Client {
    /// A server that is reached with the first call.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let headers = config.api_key.iter().map(|key| ("api-key", key.clone())).collect();
        Ok(Self(grpc::Client::new(&config.endpoint, KINDS, &headers)?))
    }

    pub(crate) fn points(&self) -> PointsClient<Service> {
        PointsClient::new(self.0.service()).max_decoding_message_size(usize::MAX)
    }

    pub(crate) fn collections(&self) -> CollectionsClient<Service> {
        CollectionsClient::new(self.0.service())
    }

    /// The server's version, such as `1.18.3`.
    pub(crate) async fn version(&self) -> Result<String> {
        let mut server = QdrantClient::new(self.0.service());
        Ok(self.ask(server.health_check(HealthCheckRequest {})).await?.version)
    }

    /// The answer to a call.
    pub(crate) async fn ask<T>(
        &self,
        call: impl Future<Output = Result<Response<T>, Status>>,
    ) -> Result<T, WriteError> {
        self.0.call(call).await
    }

    /// What a write that was waited for has come to. One that went to several shards may have been refused by one of them
    /// while others applied their part; what is refused before that holds for all.
    pub(crate) fn written(
        &self,
        answer: Result<Response<PointsOperationResponse>, Status>,
        several_shards: bool,
    ) -> Result<(), WriteError> {
        let answer = answer.map_err(|status| {
            let before_shards = BEFORE_SHARDS.contains(&status.code()) || has::<ConnectError>(&status);
            let failed = self.0.failed(status);
            let in_doubt = failed.is_in_doubt() || (several_shards && !before_shards);
            WriteError::new(failed.into_error(), in_doubt)
        })?;
        applied(&answer.into_inner()).map_err(WriteError::InDoubt)
    }
}

/// The error of an answer that lacks what was asked for.
pub(crate) fn without(what: &str) -> Error {
    Error::new(ErrorKind::Unexpected, format!("Qdrant has answered without {what}"))
}

fn applied(answer: &PointsOperationResponse) -> Result<()> {
    let result = answer.result.as_ref().ok_or_else(|| without("what became of the write"))?;
    match result.status() {
        UpdateStatus::Completed => Ok(()),
        UpdateStatus::Acknowledged | UpdateStatus::WaitTimeout => Err(Error::new(
            ErrorKind::Timeout,
            "Qdrant has taken the write, and has not applied it before its own time ran out",
        )),
        status => Err(Error::new(
            ErrorKind::Unexpected,
            format!("Qdrant has ended the write as {}", status.as_str_name()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(code: Code, words: &str, several_shards: bool) -> WriteError {
        let client = Client::new(&Config::new("localhost")).unwrap();
        client.written(Err(Status::new(code, words)), several_shards).unwrap_err()
    }

    #[tokio::test]
    async fn answers_that_share_a_code_are_told_apart() {
        for (code, words, kind) in [
            (Code::AlreadyExists, "Collection `x` already exists!", ErrorKind::AlreadyExists),
            (Code::InvalidArgument, "Wrong input: Collection `x` already exists!", ErrorKind::AlreadyExists),
            (
                Code::InvalidArgument,
                "Wrong input: Vector dimension error: expected dim: 4, got 3",
                ErrorKind::DimensionMismatch,
            ),
            (Code::InvalidArgument, "[collection_name: value \"\" invalid]", ErrorKind::NotFound),
            (Code::InvalidArgument, "Wrong input: something", ErrorKind::InvalidArgument),
            (Code::OutOfRange, "decoded message length too large", ErrorKind::PayloadTooLarge),
            (Code::PermissionDenied, "Invalid API key or JWT", ErrorKind::Unauthenticated),
            (Code::PermissionDenied, "Forbidden: read-only", ErrorKind::PermissionDenied),
            (Code::Internal, "Service internal error", ErrorKind::Unexpected),
        ] {
            let error = failed(code, words, false).into_error();
            assert_eq!(error.kind(), kind, "{code:?} {words:?}");
            assert!(error.message().contains(words), "{error}");
        }
    }

    #[tokio::test]
    async fn a_refusal_by_one_of_several_shards_leaves_doubt() {
        for code in [Code::InvalidArgument, Code::NotFound, Code::ResourceExhausted] {
            assert!(!failed(code, "", false).is_in_doubt(), "{code:?}");
            assert!(failed(code, "", true).is_in_doubt(), "{code:?} of one shard");
        }
        assert!(!failed(Code::PermissionDenied, "", true).is_in_doubt());
        assert!(failed(Code::Internal, "", false).is_in_doubt());
    }
}
