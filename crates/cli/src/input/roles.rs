//! Which column of a file is what: the id, the vector, the metadata, or a field of it.

mod column;
mod names;
mod numbered;
mod search;
#[cfg(test)]
mod tests;

use std::fmt::{self, Display, Formatter};

use portolan::Result;

pub(crate) use self::column::{Choice, Role, listed, shown};
use self::search::Search;

/// What was chosen, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    /// In words.
    pub(crate) text: String,
    /// Whether there was nothing to choose: the columns are id, vector and metadata.
    pub(crate) is_usual: bool,
}

/// The role of each column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Roles {
    columns: Vec<String>,
    roles: Vec<Role>,
}

impl Roles {
    /// Finds the columns by the user's choice and by their names.
    ///
    /// # Errors
    /// `InvalidArgument` where the id or the vector is missing or may be in several columns; it names the columns and
    /// the option to use.
    pub(crate) fn of(choice: &Choice, columns: &[&str]) -> Result<Self> {
        Ok(Self::new(columns, Search::new(choice, columns)?.with_vector()?))
    }

    /// The same for rows whose vectors are in another file.
    ///
    /// # Errors
    /// As [`Roles::of`].
    pub(crate) fn beside_vectors(choice: &Choice, columns: &[&str]) -> Result<Self> {
        Ok(Self::new(columns, Search::new(choice, columns)?.without_vector()?))
    }

    /// The columns in their order, with their roles.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, Role)> {
        self.columns.iter().map(String::as_str).zip(self.roles.iter().copied())
    }

    /// The role of a column.
    pub(crate) fn role(&self, column: usize) -> Role {
        self.roles.get(column).copied().unwrap_or(Role::Ignored)
    }

    /// The name of a column.
    pub(crate) fn name(&self, column: usize) -> &str {
        self.columns.get(column).map_or("", String::as_str)
    }

    /// The column with the id.
    pub(crate) fn id(&self) -> Option<usize> {
        self.position(Role::Id)
    }

    /// The column with the vector; none where it is in numbered columns or in another file.
    pub(crate) fn vector(&self) -> Option<usize> {
        self.position(Role::Vector)
    }

    /// The columns with the components of the vector, in the order of their numbers.
    pub(crate) fn vector_parts(&self) -> Vec<usize> {
        let numbered = self.roles.iter().enumerate().filter_map(|(at, role)| match role {
            Role::VectorPart(number) => Some((*number, at)),
            _ => None,
        });
        let mut numbered: Vec<(usize, usize)> = numbered.collect();
        numbered.sort_unstable();
        numbered.into_iter().map(|(_, at)| at).collect()
    }

    /// The column with the metadata.
    pub(crate) fn metadata(&self) -> Option<usize> {
        self.position(Role::Metadata)
    }

    /// What was chosen; with the dimension of the vectors where it is known.
    pub(crate) fn tell(&self, dimension: Option<usize>) -> Told {
        let usual = [(Role::Id, "id"), (Role::Vector, "vector"), (Role::Metadata, "metadata")];
        let is_usual = self.iter().all(|(name, role)| usual.contains(&(role, name)));
        Told { text: self.told(dimension), is_usual }
    }

    /// What was chosen, in words; with the dimension of the vectors where it is known.
    pub(crate) fn told(&self, dimension: Option<usize>) -> String {
        let mut parts = Vec::new();
        if let Some(id) = self.id() {
            parts.push(format!("id from {}", shown(self.name(id))));
        }
        parts.extend(self.vector_told(dimension));
        if let Some(metadata) = self.metadata() {
            parts.push(format!("metadata from {}", shown(self.name(metadata))));
        }
        for (role, one, many) in [(Role::Field, "field", "fields"), (Role::Ignored, "left out", "left out")] {
            let names: Vec<&str> = self.iter().filter(|(_, r)| *r == role).map(|(name, _)| name).collect();
            if !names.is_empty() {
                let what = if names.len() == 1 { one } else { many };
                parts.push(format!("{what} {}", listed(&names)));
            }
        }
        parts.join(", ")
    }

    fn new(columns: &[&str], roles: Vec<Role>) -> Self {
        Self { columns: columns.iter().map(|&c| c.to_owned()).collect(), roles }
    }

    fn vector_told(&self, dimension: Option<usize>) -> Option<String> {
        let count = |n: usize| if n == 1 { "1 number".to_owned() } else { format!("{n} numbers") };
        if let Some(vector) = self.vector() {
            let numbers = dimension.map_or_else(String::new, |n| format!(" ({})", count(n)));
            return Some(format!("vector from {}{numbers}", shown(self.name(vector))));
        }
        let parts = self.vector_parts();
        let (first, last) = (self.name(*parts.first()?), self.name(*parts.last()?));
        let to = if parts.len() > 1 { format!(" to {}", shown(last)) } else { String::new() };
        Some(format!("vector from {}{to} ({})", shown(first), count(parts.len())))
    }

    fn position(&self, role: Role) -> Option<usize> {
        self.roles.iter().position(|r| *r == role)
    }
}

impl Display for Roles {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&self.told(None))
    }
}
