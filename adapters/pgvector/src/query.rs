//! SQL texts with their bound values. Names are quoted, values are bound; only the statements that define tables, which
//! take no bound values, hold quoted ones.

use pgvector::Vector;
pub(crate) use postgres_protocol::escape::{escape_identifier as identifier, escape_literal as literal};
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

/// The values of a statement while its text is written; each says how the text refers to it.
#[derive(Debug, Default)]
pub(crate) struct Binds(Vec<(Box<dyn ToSql + Sync + Send>, Type)>);

impl Binds {
    /// None but these texts, which are `$1`, `$2`, ….
    pub(crate) fn of(texts: &[&str]) -> Self {
        let mut binds = Self::default();
        texts.iter().for_each(|text| drop(binds.text(text)));
        binds
    }

    pub(crate) fn text(&mut self, text: &str) -> String {
        self.bind(text.to_owned(), Type::TEXT)
    }

    pub(crate) fn texts(&mut self, texts: Vec<String>) -> String {
        self.bind(texts, Type::TEXT_ARRAY)
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

    /// The values in their order, with their types.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&(dyn ToSql + Sync), Type)> {
        self.0.iter().map(|(value, of)| (&**value as &(dyn ToSql + Sync), of.clone()))
    }

    fn bind(&mut self, value: impl ToSql + Sync + Send + 'static, of: Type) -> String {
        self.0.push((Box::new(value), of));
        format!("${}", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_stay_in_their_quotes() {
        assert_eq!(identifier(r#"a"; DROP TABLE x; --"#), r#""a""; DROP TABLE x; --""#);
        assert_eq!(literal(r"it's \' here"), r" E'it''s \\'' here'");
    }

    #[test]
    fn values_are_numbered_as_they_come() {
        let mut binds = Binds::default();
        assert_eq!((binds.text("a"), binds.count(7)), ("$1".to_owned(), "$2".to_owned()));
        assert_eq!(binds.iter().map(|(_, of)| of).collect::<Vec<_>>(), [Type::TEXT, Type::INT8]);
    }
}
