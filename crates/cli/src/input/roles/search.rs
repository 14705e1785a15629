//! How the role of each column is found.

use portolan::suggest::suggest;
use portolan::{Error, Result};

use super::column::{Choice, Role, listed, shown};
use super::names;
use super::numbered::Numbered;

/// The columns, and the roles found so far.
pub(super) struct Search<'a> {
    choice: &'a Choice,
    columns: Vec<String>,
    roles: Vec<Option<Role>>,
}

/// A role that one column has.
struct Wanted {
    role: Role,
    what: &'static str,
    option: &'static str,
    names: &'static [&'static str],
}

const ID: Wanted = Wanted { role: Role::Id, what: "id", option: "--id-column", names: names::ID };
const VECTOR: Wanted =
    Wanted { role: Role::Vector, what: "vector", option: "--vector-column", names: names::VECTOR };
const METADATA: Wanted =
    Wanted { role: Role::Metadata, what: "metadata", option: "--metadata-column", names: names::METADATA };

impl<'a> Search<'a> {
    /// Leaves out the columns that are to be.
    pub(super) fn new(choice: &'a Choice, columns: &[&str]) -> Result<Self> {
        if let Some((_, name)) =
            columns.iter().enumerate().find(|(at, name)| !name.is_empty() && columns[..*at].contains(name))
        {
            return Err(Error::invalid(format!("the column {} is there twice", shown(name))));
        }
        let columns: Vec<String> = columns.iter().map(|&c| c.to_owned()).collect();
        let mut this = Self { choice, roles: vec![None; columns.len()], columns };
        for name in &choice.ignore {
            this.named(name, "--ignore-column")?;
            for at in 0..this.columns.len() {
                if this.columns[at] == *name {
                    this.roles[at] = Some(Role::Ignored);
                }
            }
        }
        Ok(this)
    }

    /// The roles in a file that has vectors.
    pub(super) fn with_vector(mut self) -> Result<Vec<Role>> {
        self.reserve_chosen()?;
        self.find_id()?;
        self.find_vector()?;
        self.finish()
    }

    /// The roles in a file that has none.
    pub(super) fn without_vector(mut self) -> Result<Vec<Role>> {
        self.reserve_chosen()?;
        self.find_id()?;
        self.finish()
    }

    /// Gives the roles that the user chose, before any is guessed.
    fn reserve_chosen(&mut self) -> Result<()> {
        for (wanted, name) in [(ID, &self.choice.id), (METADATA, &self.choice.metadata)] {
            if let Some(name) = name {
                let at = self.named(name, wanted.option)?;
                self.give(at, wanted.role)?;
            }
        }
        Ok(())
    }

    fn find_id(&mut self) -> Result<()> {
        if self.has(Role::Id) {
            return Ok(());
        }
        let is_index = |at: &usize| self.is_free(*at) && names::is_index(&self.columns[*at]);
        let at = match self.by_name(&ID)? {
            Some(at) => at,
            None => (0..self.columns.len()).find(is_index).ok_or_else(|| self.missing(&ID))?,
        };
        self.give(at, Role::Id)
    }

    fn find_vector(&mut self) -> Result<()> {
        if let Some(name) = &self.choice.vector {
            return self.take_vector(name);
        }
        let numbered = Numbered::find(&self.columns, |at| self.is_free(at));
        let named = match self.by_name(&VECTOR)? {
            None if !numbered.as_ref().is_some_and(Numbered::starts_at_zero) => self.by_ending()?,
            named => named,
        };
        match (named, numbered) {
            (Some(at), Some(numbered)) if numbered.starts_at_zero() => {
                let (name, prefix) = (&self.columns[at], numbered.prefix());
                Err(Error::invalid(format!(
                    "the vector may be in the column {} or in the columns {}, …: choose with --vector-column {name} \
                     or --vector-column {prefix}",
                    shown(name),
                    shown(&format!("{prefix}0")),
                )))
            }
            (Some(at), _) => self.give(at, Role::Vector),
            (None, Some(numbered)) => self.give_parts(numbered),
            (None, None) => Err(self.missing(&VECTOR)),
        }
    }

    /// The column of a name, the numbered ones that begin with it, or the column that a path begins with.
    fn take_vector(&mut self, name: &str) -> Result<()> {
        if let Some(at) = self.position(name) {
            return self.give(at, Role::Vector);
        }
        if let Some(numbered) = Numbered::with_prefix(&self.columns, name, |at| self.is_free(at)) {
            return self.give_parts(numbered);
        }
        let first = name.split_once('.').and_then(|(first, _)| self.position(first));
        match first {
            Some(at) => self.give(at, Role::Vector),
            None => self.named(name, VECTOR.option).map(drop),
        }
    }

    fn give_parts(&mut self, numbered: Numbered) -> Result<()> {
        for (number, at) in numbered.parts(&self.columns)? {
            self.give(at, Role::VectorPart(number))?;
        }
        Ok(())
    }

    /// Finds the metadata; what is left are its fields.
    fn finish(mut self) -> Result<Vec<Role>> {
        if !self.has(Role::Metadata)
            && let Some(at) = self.by_name(&METADATA)?
        {
            self.give(at, Role::Metadata)?;
        }
        for at in 0..self.columns.len() {
            if !self.is_free(at) {
                continue;
            }
            if self.columns[at].is_empty() && at > 0 {
                return Err(Error::invalid(format!(
                    "column {} has no name; name it, or leave it out with --ignore-column \"\"",
                    at + 1
                )));
            }
            let is_index = names::is_index(&self.columns[at]);
            self.roles[at] = Some(if is_index { Role::Ignored } else { Role::Field });
        }
        Ok(self.roles.into_iter().map(|role| role.unwrap_or(Role::Ignored)).collect())
    }

    /// The column of the first usual name, spelled so; or else in another case, where only one is.
    fn by_name(&self, wanted: &Wanted) -> Result<Option<usize>> {
        let free = |at: &usize| self.is_free(*at);
        let exact = wanted.names.iter().find_map(|name| self.position(name).filter(free));
        if exact.is_some() {
            return Ok(exact);
        }
        for name in wanted.names {
            let alike: Vec<usize> = (0..self.columns.len())
                .filter(free)
                .filter(|at| self.columns[*at].to_lowercase() == *name)
                .collect();
            match alike[..] {
                [] => {}
                [at] => return Ok(Some(at)),
                _ => return Err(self.tied(wanted, &alike)),
            }
        }
        Ok(None)
    }

    /// The one column whose name ends as those of vectors do.
    fn by_ending(&self) -> Result<Option<usize>> {
        let ends = |column: &str| {
            let column = column.to_lowercase();
            names::VECTOR_ENDINGS.iter().any(|ending| column.ends_with(ending))
        };
        let found: Vec<usize> =
            (0..self.columns.len()).filter(|at| self.is_free(*at) && ends(&self.columns[*at])).collect();
        match found[..] {
            [] => Ok(None),
            [at] => Ok(Some(at)),
            _ => Err(self.tied(&VECTOR, &found)),
        }
    }

    fn give(&mut self, at: usize, role: Role) -> Result<()> {
        match self.roles[at] {
            None => self.roles[at] = Some(role),
            Some(_) => {
                return Err(Error::invalid(format!(
                    "the column {} is named by two options; each role needs its own",
                    shown(&self.columns[at])
                )));
            }
        }
        Ok(())
    }

    fn has(&self, role: Role) -> bool {
        self.roles.contains(&Some(role))
    }

    fn is_free(&self, at: usize) -> bool {
        self.roles[at].is_none()
    }

    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    /// The column that an option names.
    fn named(&self, name: &str, option: &str) -> Result<usize> {
        self.position(name).ok_or_else(|| {
            let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
            let guess = suggest(name, columns.iter().copied())
                .map_or_else(String::new, |near| format!("; did you mean {option} {near}?"));
            Error::invalid(format!(
                "{option}: there is no column {}; the columns are {}{guess}",
                shown(name),
                listed(&columns)
            ))
        })
    }

    fn missing(&self, wanted: &Wanted) -> Error {
        let Wanted { what, option, .. } = wanted;
        let columns: Vec<&str> = self.columns.iter().map(String::as_str).collect();
        let there = if columns.is_empty() {
            "there are no columns".to_owned()
        } else {
            format!("the columns are {}", listed(&columns))
        };
        let advice = match self.guess(wanted) {
            Some(guess) => format!("did you mean {option} {guess}?"),
            None => format!("name it with {option} NAME"),
        };
        Error::invalid(format!(
            "there is no column {what}, nor one of its other usual names; {there}; {advice}"
        ))
    }

    /// The column that was probably meant: one with a telling word in its name, or one that may be mistyped.
    fn guess(&self, wanted: &Wanted) -> Option<&str> {
        let known = [names::ID, names::VECTOR, names::METADATA].concat();
        let free = (0..self.columns.len()).filter(|at| self.is_free(*at)).map(|at| self.columns[at].as_str());
        let free: Vec<&str> = free.filter(|column| !known.contains(column)).collect();
        let tells = |column: &&str| {
            let column = column.to_lowercase();
            match wanted.role {
                Role::Id => column.ends_with("id"),
                _ => column.contains("vec") || column.contains("emb"),
            }
        };
        let near = || wanted.names.iter().find_map(|name| suggest(name, free.iter().copied()));
        free.iter().copied().find(tells).or_else(near)
    }

    fn tied(&self, wanted: &Wanted, at: &[usize]) -> Error {
        let Wanted { what, option, .. } = wanted;
        let names: Vec<&str> = at.iter().map(|&at| self.columns[at].as_str()).collect();
        let options: Vec<String> = names.iter().map(|name| format!("{option} {name}")).collect();
        Error::invalid(format!(
            "the {what} may be in the columns {}: choose with {}",
            listed(&names),
            options.join(" or ")
        ))
    }
}
