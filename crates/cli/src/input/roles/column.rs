//! What a column may hold, what the user says of it, and how messages name it.

/// How many columns are named one by one.
const MOST_NAMED: usize = 20;

/// What the user said of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    /// The column with the id.
    pub(crate) id: Option<String>,
    /// The column with the vector, the beginning of numbered ones, or a path into an object.
    pub(crate) vector: Option<String>,
    /// The column with the metadata.
    pub(crate) metadata: Option<String>,
    /// Columns that are left out.
    pub(crate) ignore: Vec<String>,
}

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// The id.
    Id,
    /// The vector.
    Vector,
    /// The component of this number.
    VectorPart(usize),
    /// The metadata, an object.
    Metadata,
    /// One field of the metadata, named as the column.
    Field,
    /// Nothing that is read.
    Ignored,
}

/// A column's name in a message.
pub(crate) fn shown(name: &str) -> String {
    if name.is_empty() { "the column without a name".to_owned() } else { format!("`{}`", escaped(name)) }
}

/// The names of columns in a message, the first of many.
pub(crate) fn listed(names: &[&str]) -> String {
    let mut list: Vec<String> = names.iter().take(MOST_NAMED).map(|name| shown(name)).collect();
    if names.len() > MOST_NAMED {
        list.push(format!("and {} more", names.len() - MOST_NAMED));
    }
    list.join(", ")
}

/// A name without what would steer a terminal, and cut where it is long.
fn escaped(name: &str) -> String {
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    name.chars().take(64).map(escape).collect()
}
