//! The connection: one channel to the server, and the status in every reply.

use std::time::Duration;

use portolan_core::driver::WriteError;
use portolan_core::{ErrorKind, Result};
use portolan_net::grpc;
use tonic::Code;

use crate::config::Config;
use crate::error::{check, is_no_index};
use crate::proto::common::Status;
use crate::proto::milvus::{self, IndexDescription, milvus_service_client::MilvusServiceClient};

/// Answers that their code does not tell apart.
const KINDS: &[(Code, &str, ErrorKind)] =
    &[(Code::Unknown, "auth check failure", ErrorKind::Unauthenticated)];

/// A request about a collection in a client's database.
macro_rules! about {
    ($client:expr, $name:expr, $request:ident { $($field:ident $(: $value:expr)?),* $(,)? }) => {
        $crate::proto::milvus::$request {
            db_name: $client.database.clone(),
            collection_name: $name.to_owned(),
            $($field $(: $value)?,)*
            ..Default::default()
        }
    };
}
pub(crate) use about;

/// A server and a database.
#[derive(Debug)]
pub(crate) struct Client {
    grpc: grpc::Client,
    /// Empty is the default one.
    pub(crate) database: String,
    /// How long a call waits for a collection that is not loaded, within its time.
    pub(crate) load_timeout: Duration,
}

impl Client {
    /// A client that connects with its first call.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let database = config.database.clone().unwrap_or_default();
        let authorization = config.credentials.base64().map(|secret| ("authorization", secret));
        let name = config.database.as_deref().map(|name| ("dbname", name.into()));
        let headers = authorization.into_iter().chain(name).collect();
        let grpc = grpc::Client::new(&config.endpoint, KINDS, &headers)?;
        Ok(Self { grpc, database, load_timeout: config.load_timeout })
    }

    /// The indexes of a collection; to the server it is an error that there are none.
    pub(crate) async fn indexes(&self, name: &str) -> Result<Vec<IndexDescription>, WriteError> {
        match self.describe_index(about!(self, name, DescribeIndexRequest {})).await {
            Ok(reply) => Ok(reply.index_descriptions),
            Err(e) if is_no_index(&e) => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }
}

/// One method a call: sent once, its status checked.
macro_rules! calls {
    ($($status:expr => { $($name:ident: $request:ident -> $reply:ty;)* })*) => {
        impl Client {$($(
            pub(crate) async fn $name(&self, message: milvus::$request) -> Result<$reply, WriteError> {
                let service = MilvusServiceClient::new(self.grpc.service());
                let mut service = service.max_decoding_message_size(usize::MAX);
                let reply = self.grpc.call(service.$name(message)).await?;
                let status: fn(&$reply) -> Option<&Status> = $status;
                check(self.grpc.endpoint(), status(&reply))?;
                Ok(reply)
            }
        )*)*}
    };
}

calls! {
    |status| Some(status) => {
        create_collection: CreateCollectionRequest -> Status;
        drop_collection: DropCollectionRequest -> Status;
        create_index: CreateIndexRequest -> Status;
        load_collection: LoadCollectionRequest -> Status;
    }
    |reply| reply.status.as_ref() => {
        get_version: GetVersionRequest -> milvus::GetVersionResponse;
        check_health: CheckHealthRequest -> milvus::CheckHealthResponse;
        show_collections: ShowCollectionsRequest -> milvus::ShowCollectionsResponse;
        describe_collection: DescribeCollectionRequest -> milvus::DescribeCollectionResponse;
        describe_index: DescribeIndexRequest -> milvus::DescribeIndexResponse;
        get_loading_progress: GetLoadingProgressRequest -> milvus::GetLoadingProgressResponse;
        upsert: UpsertRequest -> milvus::MutationResult;
        delete: DeleteRequest -> milvus::MutationResult;
        search: SearchRequest -> milvus::SearchResults;
        query: QueryRequest -> milvus::QueryResults;
        flush: FlushRequest -> milvus::FlushResponse;
        get_flush_state: GetFlushStateRequest -> milvus::GetFlushStateResponse;
        manual_compaction: ManualCompactionRequest -> milvus::ManualCompactionResponse;
        get_compaction_state: GetCompactionStateRequest -> milvus::GetCompactionStateResponse;
    }
}
