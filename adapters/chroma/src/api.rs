//! What Chroma's REST API v2 sends and takes.

use portolan_core::driver::NativeId;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// A map as Chroma keeps it: for a record or a collection.
pub(crate) type NativeMetadata = Map<String, Json>;

/// The limits and abilities of a server.
#[derive(Debug, Deserialize)]
pub(crate) struct PreFlight {
    pub(crate) max_batch_size: usize,
    #[serde(default)]
    pub(crate) supports_base64_encoding: bool,
}

/// A collection.
#[derive(Debug, Deserialize)]
pub(crate) struct Collection {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) dimension: Option<usize>,
    pub(crate) metadata: Option<NativeMetadata>,
    #[serde(default)]
    pub(crate) configuration_json: Configuration,
}

/// The parameters of a collection's vector index, of whichever kind it is. Only hnsw is made here.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Configuration {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hnsw: Option<Parameters>,
    #[serde(skip_serializing)]
    pub(crate) spann: Option<Parameters>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Parameters {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) max_neighbors: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ef_construction: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ef_search: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) sync_threshold: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) resize_factor: Option<f64>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Create<'a> {
    pub(crate) name: &'a str,
    pub(crate) configuration: Configuration,
    pub(crate) metadata: NativeMetadata,
    pub(crate) get_or_create: bool,
}

/// Vectors as numbers, or as base64 of little-endian f32.
#[derive(Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Embeddings<'a> {
    Numbers(Vec<&'a [f32]>),
    Base64(Vec<String>),
}

/// Records to write. Without embeddings they are changes to those that are there, whose vectors stay.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(crate) struct Write<'a> {
    pub(crate) ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) embeddings: Option<Embeddings<'a>>,
    pub(crate) metadatas: Vec<Option<NativeMetadata>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) documents: Option<Vec<Option<String>>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Deleted {
    pub(crate) deleted: Option<usize>,
}

/// Which records a request is about, and what of them is wanted.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Selection<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) ids: Option<Vec<&'a NativeId>>,
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub(crate) clause: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) limit: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) include: Option<Vec<&'static str>>,
}

impl Selection<'_> {
    /// Whether what is read may be of two writes: a single column is of one.
    pub(crate) fn mixes(&self) -> bool {
        self.clause.is_some() || self.include.as_ref().is_none_or(|columns| columns.len() > 1)
    }
}

/// Rows, column by column; a column that was not asked for is absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Rows {
    pub(crate) ids: Vec<NativeId>,
    pub(crate) embeddings: Option<Vec<Option<Vec<f32>>>>,
    pub(crate) documents: Option<Vec<Option<String>>>,
    pub(crate) uris: Option<Vec<Option<String>>>,
    pub(crate) metadatas: Option<Vec<Option<NativeMetadata>>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Query<'a> {
    pub(crate) query_embeddings: [&'a [f32]; 1],
    pub(crate) n_results: usize,
    #[serde(flatten)]
    pub(crate) among: Selection<'a>,
}

/// The rows of each query vector, nearest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) ids: Vec<Vec<NativeId>>,
    pub(crate) distances: Option<Vec<Vec<Option<f64>>>>,
    pub(crate) embeddings: Option<Vec<Vec<Option<Vec<f32>>>>>,
    pub(crate) documents: Option<Vec<Vec<Option<String>>>>,
    pub(crate) uris: Option<Vec<Vec<Option<String>>>>,
    pub(crate) metadatas: Option<Vec<Vec<Option<NativeMetadata>>>>,
}
