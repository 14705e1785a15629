//! JSON objects as records, whichever keys hold the parts.

use portolan::suggest::did_you_mean;
use portolan::{Error, Metadata, Record, Result};

use super::super::json_text::{Wrong, value_of};
use super::super::parts::{Declared, Parts};
use super::super::roles::{Choice, Role, Roles, Told, listed, shown};
use super::super::vector_text::vector_of;
use super::object::{Object, kind};

/// Where the vectors of the records are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::input) enum Vectors {
    /// In the objects.
    Here,
    /// In another file.
    Elsewhere,
}

/// Reads objects; the roles of keys are found for the first, and again where the keys change.
#[derive(Debug)]
pub(in crate::input) struct Objects {
    choice: Choice,
    declared: Declared,
    vectors: Vectors,
    keys: Vec<String>,
    roles: Option<Roles>,
    /// The keys that held id, vector and metadata so far, which may not be others later.
    settled: [Option<String>; 3],
    told: Option<Told>,
}

impl Objects {
    pub(in crate::input) fn new(choice: &Choice, declared: &Declared, vectors: Vectors) -> Self {
        let (choice, declared) = (choice.clone(), declared.clone());
        Self {
            choice,
            declared,
            vectors,
            keys: Vec::new(),
            roles: None,
            settled: [None, None, None],
            told: None,
        }
    }

    /// What the keys of the first record were taken for.
    pub(in crate::input) fn told(&self) -> Option<Told> {
        self.told.clone()
    }

    /// The record in the text of an object.
    pub(in crate::input) fn record(&mut self, text: &str) -> Result<Record, Wrong> {
        let object = parse(text)?;
        self.record_of(&object, text)
    }

    /// The record in the text of an object that has the first two of these keys, and no others.
    pub(in crate::input) fn only(&mut self, text: &str, keys: &[&str]) -> Result<Record, Wrong> {
        let object = parse(text)?;
        let there: Vec<&str> = object.0.iter().map(|(key, _)| key.0.as_ref()).collect();
        let wrong = |what: String| Wrong::new(format!("not a record: {what}"), None);
        if let Some(other) = there.iter().find(|key| !keys.contains(key)) {
            let guess = did_you_mean(other, keys.iter().copied());
            return Err(wrong(format!(
                "unknown field {}; its keys are {}{guess}",
                shown(other),
                listed(keys)
            )));
        }
        if let Some(missing) = keys.iter().take(2).find(|key| !there.contains(key)) {
            return Err(wrong(format!("missing field {}", shown(missing))));
        }
        self.record_of(&object, text)
    }

    /// Id and metadata in the text of an object.
    pub(in crate::input) fn id_and_metadata(&mut self, text: &str) -> Result<(String, Metadata), Wrong> {
        let object = parse(text)?;
        self.find_roles(&object)?;
        Ok(self.parts(&object, text)?.without_vector()?)
    }

    /// The record in an object that is part of a text.
    pub(super) fn record_of(&mut self, object: &Object<'_>, text: &str) -> Result<Record, Wrong> {
        self.find_roles(object)?;
        let record = self.parts(object, text)?.finish()?;
        if self.told.is_none() {
            let dimension = record.vector.as_ref().map(|v| v.len());
            self.told = self.roles.as_ref().map(|roles| roles.tell(dimension));
        }
        Ok(record)
    }

    fn parts(&self, object: &Object<'_>, text: &str) -> Result<Parts<'_>, Wrong> {
        let mut parts = Parts::new(&self.declared);
        let Some(roles) = &self.roles else { return Ok(parts) };
        let mut numbered = Vec::new();
        for ((key, value), (_, role)) in object.0.iter().zip(roles.iter()) {
            let value = value.get();
            let place = |wrong: Wrong| wrong.within(offset(value, text));
            match role {
                Role::Id => parts.id(id_of(value).map_err(place)?),
                Role::Vector => parts.vector(self.vector_in(&key.0, value).map_err(place)?),
                Role::VectorPart(number) => numbered.push((number, value)),
                Role::Metadata => {
                    let inside =
                        |wrong: Wrong| Wrong::new(format!("in the metadata: {}", wrong.message), wrong.at);
                    let cell = value_of(value).map_err(inside).map_err(place)?;
                    parts.metadata(&key.0, cell).map_err(|e| place(e.into()))?;
                }
                Role::Field => {
                    parts.field(&key.0, value_of(value).map_err(place)?).map_err(|e| place(e.into()))?;
                }
                Role::Ignored => {}
            }
        }
        if !numbered.is_empty() {
            numbered.sort_unstable_by_key(|(number, _)| *number);
            let numbers: Vec<&str> = numbered.into_iter().map(|(_, value)| value).collect();
            parts.vector(
                vector_of(&numbers.join(",")).map_err(|e| Wrong::new(format!("the vector: {e}"), None))?,
            );
        }
        Ok(parts)
    }

    /// The vector in the value of a key: a list, a text, or an object of named vectors.
    fn vector_in(&self, key: &str, value: &str) -> Result<Vec<f32>, Wrong> {
        let path = self.choice.vector.as_deref().and_then(|path| path.strip_prefix(key)?.strip_prefix('.'));
        vector_at(value, key, path)
    }

    fn find_roles(&mut self, object: &Object<'_>) -> Result<(), Wrong> {
        let same =
            object.0.len() == self.keys.len() && object.0.iter().zip(&self.keys).all(|((k, _), s)| k.0 == *s);
        if same && self.roles.is_some() {
            return Ok(());
        }
        let keys: Vec<&str> = object.0.iter().map(|(key, _)| key.0.as_ref()).collect();
        let roles = match self.vectors {
            Vectors::Here => Roles::of(&self.choice, &keys),
            Vectors::Elsewhere => Roles::beside_vectors(&self.choice, &keys),
        };
        self.settle(&roles.map_err(|e| self.missing(e, &keys))?)?;
        self.keys = keys.iter().map(|&key| key.to_owned()).collect();
        Ok(())
    }

    /// Keeps roles that do not contradict those of earlier records.
    fn settle(&mut self, roles: &Roles) -> Result<()> {
        let vector = roles.vector().or_else(|| roles.vector_parts().first().copied());
        let found = [roles.id(), vector, roles.metadata()];
        let what = [("id", "--id-column"), ("vector", "--vector-column"), ("metadata", "--metadata-column")];
        for ((settled, found), (what, option)) in self.settled.iter_mut().zip(found).zip(what) {
            let Some(name) = found.map(|at| roles.name(at)) else { continue };
            match settled {
                Some(before) if before != name => {
                    return Err(Error::invalid(format!(
                        "the {what} is in {} here and in {} in an earlier record: choose with {option} {before} or \
                         {option} {name}",
                        shown(name),
                        shown(before),
                    )));
                }
                _ => *settled = Some(name.to_owned()),
            }
        }
        self.roles = Some(roles.clone());
        Ok(())
    }

    /// The error of a record without what earlier ones had.
    fn missing(&self, error: Error, keys: &[&str]) -> Error {
        let lost = ["id", "vector"].iter().zip(&self.settled).find_map(|(what, name)| {
            let name = name.as_deref()?;
            (!keys.contains(&name)).then_some((what, name))
        });
        lost.map_or(error, |(what, name)| {
            Error::invalid(format!(
                "the {what} is missing: there is no {}, only {}",
                shown(name),
                listed(keys)
            ))
        })
    }
}

/// The object in a text.
fn parse(text: &str) -> Result<Object<'_>, Wrong> {
    let start = text.len() - text.trim_start().len();
    let what = match kind(text) {
        "an object" => return Object::parse(text),
        _ if serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() => return Object::parse(text),
        what => what,
    };
    let message = format!(
        r#"not a record: this is {what}, and a record is a JSON object, {{"id": "a", "vector": [0.1, 0.2], "metadata": {{"year": 2001}}}}"#
    );
    Err(Wrong::new(message, Some(start)))
}

/// A string, an integer as its text, or the id of MongoDB, `{"$oid": …}`.
fn id_of(value: &str) -> Result<String, Wrong> {
    let wrong =
        |what: String| Wrong::new(format!("the id is {what}, and must be a string or an integer"), Some(0));
    match kind(value) {
        "a string" => serde_json::from_str(value).map_err(|e| Wrong::syntax(&e, value)),
        "a number" if value == "-0" => Ok("0".to_owned()),
        "a number" if !value.contains(['.', 'e', 'E']) => Ok(value.to_owned()),
        "a number" => Err(wrong(value.chars().take(40).collect())),
        "an object" => match Object::parse(value)?.get("$oid") {
            Some(id) => id_of(id),
            None => Err(wrong("an object".to_owned())),
        },
        other => Err(wrong(other.to_owned())),
    }
}

fn vector_at(value: &str, name: &str, path: Option<&str>) -> Result<Vec<f32>, Wrong> {
    let no_vector =
        |what: &str| Wrong::new(format!("the vector is {what}, and must be a list of numbers"), Some(0));
    match kind(value) {
        "a list" => vector_of(value)
            .map_err(|e| Wrong::new(format!("not a vector, a list of numbers: {e}"), Some(e.at))),
        "a string" => {
            let text: String = serde_json::from_str(value).map_err(|e| Wrong::syntax(&e, value))?;
            vector_of(&text).map_err(|e| Wrong::new(format!("not a vector, a list of numbers: {e}"), Some(0)))
        }
        "an object" => {
            let object = Object::parse(value)?;
            let (key, value, rest) = named(&object, name, path)?;
            vector_at(value, &format!("{name}.{key}"), rest)
        }
        other => Err(no_vector(other)),
    }
}

/// The vector of an object of named ones: that of the path, or the only one.
fn named<'o>(
    object: &'o Object<'_>,
    name: &str,
    path: Option<&'o str>,
) -> Result<(&'o str, &'o str, Option<&'o str>), Wrong> {
    let names: Vec<&str> = object.0.iter().map(|(key, _)| key.0.as_ref()).collect();
    let (key, rest) = match path {
        Some(path) if names.contains(&path) => (path, None),
        Some(path) => path.split_once('.').map_or((path, None), |(key, rest)| (key, Some(rest))),
        None => match names[..] {
            [] => {
                return Err(Wrong::new(
                    "the vector is an empty object, and must be a list of numbers",
                    Some(0),
                ));
            }
            [only] => (only, None),
            _ => ("default", None),
        },
    };
    object.get(key).map(|value| (key, value, rest)).ok_or_else(|| {
        let options = names.iter().map(|key| format!("--vector-column {name}.{key}"));
        let options = options.collect::<Vec<String>>().join(" or ");
        Wrong::new(format!("there are several vectors, {}: choose with {options}", listed(&names)), Some(0))
    })
}

/// Where a part of a text begins.
fn offset(part: &str, text: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize).min(text.len())
}
