//! What PostgreSQL's catalog says of the server, the extension and tables.

use portolan_core::IndexInfo;
use portolan_core::driver::kit::SpecRecord;
use serde::Deserialize;

use crate::config::PROVIDER;

/// The column of ids of an index that Portolan made.
pub(crate) const ID: &str = "id";
/// The column of vectors of an index that Portolan made.
pub(crate) const VECTOR: &str = "embedding";
/// The column of metadata of an index that Portolan made.
pub(crate) const METADATA: &str = "metadata";

/// Asks for the database's encoding, and the extension: its schema and version, and the numbers of its types.
pub(crate) const EXTENSION: &str = "
    SELECT current_setting('server_encoding'), n.nspname::text, e.extversion, t.oid, t.typarray
    FROM (pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
    JOIN pg_type t ON t.typnamespace = n.oid AND t.typname = 'vector')
    RIGHT JOIN (VALUES ('vector')) AS asked (name) ON e.extname = asked.name";

/// Asks for what `health` tells: the versions of server and extension, and how long the server is up.
pub(crate) const HEALTH: &str = "
    SELECT split_part(current_setting('server_version'), ' ', 1),
    (SELECT COALESCE(installed_version, default_version) FROM pg_available_extensions WHERE name = 'vector'),
    extract(epoch FROM now() - pg_postmaster_start_time())::float8";

/// Asks for the names of the tables of a schema that have vectors.
pub(crate) const TABLES: &str = "
    SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition AND EXISTS (
      SELECT FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = c.oid AND a.attnum > 0
      AND NOT a.attisdropped AND t.typname IN ('vector', 'halfvec', 'sparsevec'))";

/// Asks for a table of a schema: JSON, of which [`Described`] is made.
pub(crate) const TABLE: &str = "
    SELECT json_build_object(
      'kind', c.relkind::text,
      'comment', obj_description(c.oid, 'pg_class'),
      'columns', (SELECT COALESCE(json_agg(json_build_object(
          'name', a.attname, 'of', t.typname, 'modifier', a.atttypmod,
          'unique', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid
            AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum AND i.indpred IS NULL),
          'primary', EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary
            AND i.indnkeyatts = 1 AND i.indkey[0] = a.attnum)) ORDER BY a.attnum), '[]')
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped),
      'indexes', (SELECT COALESCE(json_agg(json_build_object(
          'method', m.amname, 'opclass', o.opcname, 'options', COALESCE(x.reloptions, '{}'), 'column', a.attname)), '[]')
        FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_am m ON m.oid = x.relam
        JOIN pg_opclass o ON o.oid = i.indclass[0]
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]
        WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND m.amname IN ('hnsw', 'ivfflat')))
    FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = $1 AND c.relname::text = $2 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// A table as the catalog describes it.
#[derive(Debug, Deserialize)]
pub(crate) struct Described {
    pub(crate) kind: String,
    comment: Option<String>,
    pub(crate) columns: Vec<Column>,
    pub(crate) indexes: Vec<VectorIndex>,
}

/// A column of a table.
#[derive(Debug, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) of: String,
    /// The dimension of a vector, where its type says one.
    pub(crate) modifier: i32,
    pub(crate) unique: bool,
    pub(crate) primary: bool,
}

/// A vector index over a column.
#[derive(Debug, Deserialize)]
pub(crate) struct VectorIndex {
    pub(crate) method: String,
    pub(crate) opclass: String,
    pub(crate) options: Vec<String>,
    pub(crate) column: String,
}

impl Described {
    /// The index that Portolan made it for, where it still looks so.
    pub(crate) fn ours(&self) -> Option<IndexInfo> {
        let record = SpecRecord::read("the table's comment", self.comment.as_deref()).ok()?;
        let has = |name: &str, of: &str| self.columns.iter().any(|c| c.name == name && c.of == of);
        let looks_so = has(ID, "text") && has(VECTOR, "vector") && has(METADATA, "jsonb");
        looks_so.then(|| record.into_info(PROVIDER))
    }
}

impl Column {
    /// Whether its type is one of pgvector: a table with such a column is listed as an index.
    pub(crate) fn is_vector(&self) -> bool {
        matches!(self.of.as_str(), "vector" | "halfvec" | "sparsevec")
    }
}
