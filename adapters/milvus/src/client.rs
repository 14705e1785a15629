//! The connection: one HTTP/2 channel, who the client is, and the status in every reply.

use std::fmt::{self, Debug, Formatter};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use portolan_core::driver::WriteError;
use portolan_core::{Error, Result};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::config::Config;
use crate::error::{check, transport};
use crate::proto::common::Status;
use crate::proto::milvus::{self, milvus_service_client::MilvusServiceClient};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The most bytes of a reply.
const REPLY_BYTES: usize = 512 << 20;

/// A client of one server and database.
#[derive(Clone)]
pub(crate) struct Client {
    service: MilvusServiceClient<Channel>,
    authorization: Option<MetadataValue<Ascii>>,
    database: String,
    authority: String,
}

impl Client {
    /// A client that connects with its first call.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let scheme = if config.tls { "https" } else { "http" };
        let place = config.place();
        let refused = |e: tonic::transport::Error| Error::invalid(format!("{place}: {e}")).with_source(e);
        let mut endpoint = Endpoint::from_shared(format!("{scheme}://{place}"))
            .map_err(refused)?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .tcp_nodelay(true);
        if config.tls {
            endpoint = endpoint.tls_config(tls(config)?).map_err(refused)?;
        }
        let service = MilvusServiceClient::new(endpoint.connect_lazy())
            .max_decoding_message_size(REPLY_BYTES)
            .max_encoding_message_size(REPLY_BYTES);
        Ok(Self {
            service,
            authorization: config.credentials.as_ref().map(|c| authorization(&c.secret())).transpose()?,
            database: config.database.clone().unwrap_or_default(),
            authority: config.place(),
        })
    }

    /// The database; empty is the default one.
    pub(crate) fn database(&self) -> String {
        self.database.clone()
    }

    fn request<T>(&self, message: T) -> tonic::Request<T> {
        let mut request = tonic::Request::new(message);
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        if let Ok(database) = self.database.parse()
            && !self.database.is_empty()
        {
            request.metadata_mut().insert("dbname", database);
        }
        request
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("authority", &self.authority)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

/// One method a call: sent once, its status checked.
macro_rules! calls {
    ($($name:ident: $request:ident -> $reply:ty;)*) => {
        impl Client {$(
            pub(crate) async fn $name(&self, message: milvus::$request) -> Result<$reply, WriteError> {
                let mut service = self.service.clone();
                let reply = service.$name(self.request(message)).await;
                let reply = reply.map_err(|status| transport(&self.authority, status))?.into_inner();
                check(reply.status())?;
                Ok(reply)
            }
        )*}
    };
}

calls! {
    get_version: GetVersionRequest -> milvus::GetVersionResponse;
    check_health: CheckHealthRequest -> milvus::CheckHealthResponse;
    show_collections: ShowCollectionsRequest -> milvus::ShowCollectionsResponse;
    create_collection: CreateCollectionRequest -> Status;
    describe_collection: DescribeCollectionRequest -> milvus::DescribeCollectionResponse;
    drop_collection: DropCollectionRequest -> Status;
    create_index: CreateIndexRequest -> Status;
    describe_index: DescribeIndexRequest -> milvus::DescribeIndexResponse;
    load_collection: LoadCollectionRequest -> Status;
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

/// A reply that says how the call ended.
trait Reply {
    fn status(&self) -> Option<&Status>;
}

impl Reply for Status {
    fn status(&self) -> Option<&Status> {
        Some(self)
    }
}

macro_rules! replies {
    ($($reply:ident),*) => {$(
        impl Reply for milvus::$reply {
            fn status(&self) -> Option<&Status> {
                self.status.as_ref()
            }
        }
    )*};
}
replies!(
    GetVersionResponse,
    CheckHealthResponse,
    ShowCollectionsResponse,
    DescribeCollectionResponse,
    DescribeIndexResponse,
    GetLoadingProgressResponse,
    MutationResult,
    SearchResults,
    QueryResults,
    FlushResponse,
    GetFlushStateResponse,
    ManualCompactionResponse,
    GetCompactionStateResponse
);

fn authorization(secret: &str) -> Result<MetadataValue<Ascii>> {
    let mut value: MetadataValue<Ascii> = BASE64_STANDARD
        .encode(secret)
        .parse()
        .map_err(|_| Error::invalid("user and password cannot be sent: they do not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn tls(config: &Config) -> Result<ClientTlsConfig> {
    let tls = ClientTlsConfig::new().domain_name(&config.host);
    let Some(path) = &config.ca else { return Ok(tls.with_native_roots()) };
    let pem = std::fs::read(path)
        .map_err(|e| Error::invalid(format!("ca: {} cannot be read: {e}", path.display())))?;
    Ok(tls.ca_certificate(Certificate::from_pem(pem)))
}
