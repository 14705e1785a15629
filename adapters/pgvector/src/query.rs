//! SQL texts with their bound values. Names are quoted, values are bound; only the statements that define tables, which
//! take no bound values, hold quoted ones.

use std::fmt::Debug;

use pgvector::Vector;
use postgres_types::{Kind, ToSql, Type};

/// The extension's types, which have other numbers in each database.
#[derive(Debug, Clone)]
pub(crate) struct VectorTypes {
    /// The schema that the extension is in, quoted.
    pub(crate) schema: String,
    vector: Type,
    list: Type,
}

impl VectorTypes {
    /// The types of an extension in this schema.
    pub(crate) fn new(schema: &str, vector: u32, list: u32) -> Self {
        let vector = Type::new("vector".to_owned(), vector, Kind::Simple, schema.to_owned());
        let list = Type::new("_vector".to_owned(), list, Kind::Array(vector.clone()), schema.to_owned());
        Self { schema: identifier(schema), vector, list }
    }
}

/// A value that is bound to a statement, and its type.
type Bind = (Box<dyn ToSql + Sync + Send>, Type);

/// A statement.
#[derive(Debug)]
pub(crate) struct Query {
    sql: String,
    binds: Vec<Bind>,
}

impl Query {
    /// A statement without values.
    pub(crate) fn plain(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), binds: Vec::new() }
    }

    pub(crate) fn sql(&self) -> &str {
        &self.sql
    }

    pub(crate) fn binds(&self) -> impl ExactSizeIterator<Item = (&(dyn ToSql + Sync), Type)> {
        self.binds.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone()))
    }
}

/// The values of a statement while its text is written; each says how the text refers to it.
#[derive(Debug, Default)]
pub(crate) struct Binds(Vec<Bind>);

impl Binds {
    pub(crate) fn text(&mut self, text: &str) -> String {
        self.bind(text.to_owned(), Type::TEXT)
    }

    pub(crate) fn texts(&mut self, texts: Vec<String>) -> String {
        self.bind(texts, Type::TEXT_ARRAY)
    }

    pub(crate) fn bools(&mut self, bools: Vec<bool>) -> String {
        self.bind(bools, Type::BOOL_ARRAY)
    }

    /// A number of rows.
    pub(crate) fn count(&mut self, count: usize) -> String {
        self.bind(i64::try_from(count).unwrap_or(i64::MAX), Type::INT8)
    }

    pub(crate) fn vector(&mut self, types: &VectorTypes, vector: &[f32]) -> String {
        self.bind(Vector::from(vector.to_vec()), types.vector.clone())
    }

    pub(crate) fn vectors(&mut self, types: &VectorTypes, vectors: Vec<Option<Vector>>) -> String {
        self.bind(vectors, types.list.clone())
    }

    /// The values in their order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &dyn Debug> {
        self.0.iter().map(|(value, _)| value as &dyn Debug)
    }

    /// The statement of a text and these values.
    pub(crate) fn query(self, sql: String) -> Query {
        Query { sql, binds: self.0 }
    }

    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static, of: Type) -> String {
        self.0.push((Box::new(value), of));
        format!("${}", self.0.len())
    }
}

/// A name as SQL writes it.
pub(crate) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it, whatever it holds but U+0000.
pub(crate) fn literal(text: &str) -> String {
    format!("E'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_stay_in_their_quotes() {
        assert_eq!(identifier(r#"a"; DROP TABLE x; --"#), r#""a""; DROP TABLE x; --""#);
        assert_eq!(literal(r"it's \' here"), r"E'it''s \\'' here'");
    }

    #[test]
    fn values_are_numbered_as_they_come() {
        let mut binds = Binds::default();
        assert_eq!((binds.text("a"), binds.count(7)), ("$1".to_owned(), "$2".to_owned()));
        let query = binds.query("SELECT $1, $2".to_owned());
        assert_eq!(query.binds().map(|(_, of)| of).collect::<Vec<_>>(), [Type::TEXT, Type::INT8]);
    }
}
