//! One async port to every vector database.
//!
//! [`open`] gives a store by its URI, as `Arc<dyn` [`VectorStorage`]`>`; what its operations mean is the same whichever
//! database answers. [`VectorStorageExt`] has the sugar: index handles, builders, streams.
//!
//! # Features
//!
//! Each adapter is a feature; `memory:` is always there.
//!
//! - `embedded` (default): `embedded:./data`, a durable store in a directory, without a server.
//! - `chroma`: `chroma://localhost:8000`.
//! - `milvus`: `milvus://localhost:19530`, Milvus and Milvus Lite.
//! - `pgvector`: `pgvector://user@localhost/database`, PostgreSQL with the extension pgvector.
//! - `qdrant`: `qdrant://localhost:6334`.
//! - `all`: every one of them.

mod company;
mod open;
mod presets;

pub use company::CompanyMetadata;
pub use open::{open, open_location, registry};
pub use presets::Preset;

pub use portolan_core::{
    Batch, BatchAtomicity, CallOptions, Capability, CountRequest, Cursor, Deduplicate, DeleteRequest,
    DeleteWhereRequest, DeleteWhereResult, EngineKind, EngineParams, Error, ErrorKind, Exactness,
    Explanation, FieldType, Filter, GetRequest, Health, IndexInfo, IndexSpec, IndexStats, Limits, Location,
    Match, Metadata, MetadataPatch, MetadataUpdate, Metric, Outcome, Partial, Progress, ProgressUpdate,
    Record, Registry, Result, Scalar, ScanPage, ScanRequest, SearchRequest, SearchResult, Status, Support,
    Unreadable, UpdateRequest, UpsertRequest, Value, Vector, VectorFidelity, VectorStorage, VectorStorageExt, Visibility,
    WriteResult, find,
};
pub use portolan_core::{
    driver, ext, filter, layer, memory, metadata, name, progress, suggest, time, validate,
};

/// Layers around a storage.
pub use portolan_layers as layers;

/// Chroma.
#[cfg(feature = "chroma")]
pub use portolan_chroma as chroma;
/// The durable store in a directory.
#[cfg(feature = "embedded")]
pub use portolan_embedded as embedded;
/// Milvus and Milvus Lite.
#[cfg(feature = "milvus")]
pub use portolan_milvus as milvus;
/// PostgreSQL with the extension pgvector.
#[cfg(feature = "pgvector")]
pub use portolan_pgvector as pgvector;
/// Qdrant.
#[cfg(feature = "qdrant")]
pub use portolan_qdrant as qdrant;

/// The README's examples, as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
