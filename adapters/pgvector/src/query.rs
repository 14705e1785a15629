//! SQL texts with their bound values. Names are quoted, values are bound; only the statements that define tables, which
//! take no bound values, hold quoted ones.

use std::fmt::{self, Display, Formatter};

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

/// A value that is bound to a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Bind {
    Text(String),
    Texts(Vec<String>),
    Bools(Vec<bool>),
    Count(i64),
    Vector(Vector),
    Vectors(Vec<Option<Vector>>),
}

/// A statement.
#[derive(Debug, Clone)]
pub(crate) struct Query {
    sql: String,
    binds: Vec<(Bind, Type)>,
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
        self.binds.iter().map(|(bind, of)| (bind.as_sql(), of.clone()))
    }
}

/// The values of a statement while its text is written.
#[derive(Debug, Default)]
pub(crate) struct Binds(Vec<(Bind, Type)>);

impl Binds {
    /// Binds a value and says how the text refers to it.
    pub(crate) fn bind(&mut self, bind: Bind) -> String {
        let of = match &bind {
            Bind::Text(_) => Type::TEXT,
            Bind::Texts(_) => Type::TEXT_ARRAY,
            Bind::Bools(_) => Type::BOOL_ARRAY,
            Bind::Count(_) | Bind::Vector(_) | Bind::Vectors(_) => Type::INT8,
        };
        self.add(bind, of)
    }

    /// Binds a text.
    pub(crate) fn text(&mut self, text: &str) -> String {
        self.bind(Bind::Text(text.to_owned()))
    }

    /// Binds a number of rows.
    pub(crate) fn count(&mut self, count: usize) -> String {
        self.bind(Bind::Count(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// Binds a vector.
    pub(crate) fn vector(&mut self, types: &VectorTypes, vector: &[f32]) -> String {
        self.add(Bind::Vector(Vector::from(vector.to_vec())), types.vector.clone())
    }

    /// Binds a list of vectors.
    pub(crate) fn vectors(&mut self, types: &VectorTypes, vectors: Vec<Option<Vector>>) -> String {
        self.add(Bind::Vectors(vectors), types.list.clone())
    }

    /// The values in their order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &Bind> {
        self.0.iter().map(|(bind, _)| bind)
    }

    /// The statement of a text and these values.
    pub(crate) fn query(self, sql: String) -> Query {
        Query { sql, binds: self.0 }
    }

    fn add(&mut self, bind: Bind, of: Type) -> String {
        self.0.push((bind, of));
        format!("${}", self.0.len())
    }
}

impl Display for Bind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(v) => write!(f, "{v:?}"),
            Self::Texts(v) => write!(f, "{v:?}"),
            Self::Bools(v) => write!(f, "{v:?}"),
            Self::Count(v) => write!(f, "{v}"),
            Self::Vector(_) | Self::Vectors(_) => f.write_str("a vector"),
        }
    }
}

impl Bind {
    fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Text(v) => v,
            Self::Texts(v) => v,
            Self::Bools(v) => v,
            Self::Count(v) => v,
            Self::Vector(v) => v,
            Self::Vectors(v) => v,
        }
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
