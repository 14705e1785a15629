//! The port to every vector database: its contract, the engine that keeps it over any driver, and the exact in-memory
//! store.
//!
//! Applications use [`VectorStorage`], usually as `Arc<dyn VectorStorage>` with the sugar of [`VectorStorageExt`];
//! adapters implement [`driver::Driver`]; layers implement [`layer::Around`].

pub mod arithmetic;
pub mod capability;
pub mod driver;
pub mod error;
pub mod ext;
pub mod filter;
pub mod health;
pub mod index;
pub mod layer;
pub mod location;
pub mod memory;
pub mod metadata;
pub mod name;
pub mod number;
pub mod options;
pub mod progress;
mod query_clock;
pub mod record;
pub mod registry;
pub mod scan;
pub mod search;
pub mod stats;
pub mod storage;
pub mod suggest;
pub mod time;
pub mod validate;
pub mod write;

pub use capability::{BatchAtomicity, Capability, Limits, Support, VectorFidelity};
pub use error::{Error, ErrorKind, Partial, Result};
pub use ext::VectorStorageExt;
pub use filter::Filter;
pub use health::{Health, Status};
pub use index::{EngineKind, EngineParams, FieldType, IndexInfo, IndexSpec, Metric};
pub use location::Location;
pub use memory::{MemoryConfig, MemoryStorage};
pub use metadata::{Metadata, MetadataPatch, Scalar, Value};
pub use options::CallOptions;
pub use progress::{Progress, ProgressUpdate};
pub use record::{Batch, GetRequest, Record, Vector};
pub use registry::Registry;
pub use scan::{CountRequest, Cursor, ScanPage, ScanRequest, Unreadable};
pub use search::{Deduplicate, Exactness, Match, SearchRequest, SearchResult};
pub use stats::{Explanation, IndexStats};
pub use storage::{VectorStorage, find};
pub use write::{
    DeleteRequest, DeleteWhereRequest, DeleteWhereResult, MetadataUpdate, Outcome, UpdateRequest,
    UpsertRequest, Visibility, WriteResult,
};
