//! The names that columns usually have, the most telling first.

/// Columns with the id.
pub(super) const ID: &[&str] = &[
    "id",
    "_id",
    "ids",
    "uuid",
    "pk",
    "primary_key",
    "vector_id",
    "point_id",
    "chunk_id",
    "doc_id",
    "document_id",
    "docid",
    "custom_id",
    "index",
];

/// Columns with the vector.
pub(super) const VECTOR: &[&str] = &[
    "vector",
    "vectors",
    "values",
    "embedding",
    "embeddings",
    "emb",
    "embs",
    "vec",
    "float_vector",
    "dense_vector",
    "feature_vector",
    "$vector",
    "dense",
];

/// What the name of another column with a vector ends with, as `content_vector`.
pub(super) const VECTOR_ENDINGS: &[&str] =
    &["_vector", "_vectors", "_embedding", "_embeddings", "_emb", "_vec", "embedding", "embeddings"];

/// What stands before the number of a column with one component.
pub(super) const COMPONENT: &[&str] =
    &["v", "vec", "vector", "embedding", "emb", "dim", "component", "feature", "feat", "values", ""];

/// Columns with the metadata.
pub(super) const METADATA: &[&str] = &[
    "metadata",
    "metadatas",
    "payload",
    "properties",
    "meta",
    "cmetadata",
    "langchain_metadata",
    "attributes",
    "$meta",
];

/// Whether a column is the index that pandas writes beside the data: without a name, or named for having none.
pub(super) fn is_index(name: &str) -> bool {
    name.is_empty()
        || name.strip_prefix("Unnamed: ").is_some_and(is_number)
        || name.strip_prefix("__index_level_").and_then(|rest| rest.strip_suffix("__")).is_some_and(is_number)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
