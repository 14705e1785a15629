//! What is kept of an index in the database, beside what the database itself knows of it.

use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};

use crate::error::{Error, ErrorKind, Result};
use crate::index::{IndexInfo, IndexSpec};
use crate::time;

const VERSION: u32 = 1;

/// The spec of an index, as it is kept in the database: a JSON text of version, spec and the time of creation.
///
/// The first adapters name the version differently (`v`, `version`, `portolan`): any is read, and each writes its own.
///
/// ```
/// use portolan_core::IndexSpec;
/// use portolan_core::driver::kit::SpecRecord;
///
/// let spec = IndexSpec::new("companies", 384);
/// let text = SpecRecord::now(&spec).to_json("v")?;
/// assert_eq!(SpecRecord::read("the comment of the table", Some(&text))?.spec, spec);
/// # Ok::<(), portolan_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SpecRecord {
    /// The spec, as the index was created with it.
    pub spec: IndexSpec,
    /// When it was created, RFC 3339 UTC; absent where the database tells that itself.
    pub created_at: Option<String>,
}

impl SpecRecord {
    /// Of an index that is created now.
    pub fn now(spec: &IndexSpec) -> Self {
        Self { spec: spec.clone(), created_at: Some(time::now()) }
    }

    /// The text to keep, in which `version` is the name of the version.
    ///
    /// # Errors
    /// `Unexpected` where the spec cannot be written as JSON.
    pub fn to_json(&self, version: &'static str) -> Result<String> {
        serde_json::to_string(&Written { version, record: self }).map_err(|e| {
            Error::new(ErrorKind::Unexpected, "the spec cannot be written as JSON").with_source(e)
        })
    }

    /// The record of a kept text; `place` says where it lies, and there is none where something else than a text does.
    ///
    /// # Errors
    /// `Corrupt` where it is damaged, or of a version that this program does not read.
    pub fn read(place: &str, text: Option<&str>) -> Result<Self> {
        let corrupt = |why: String| {
            let message = format!(
                "{place} is damaged ({why}); restore it, or remove it to have the index read as another program's"
            );
            Error::new(ErrorKind::Corrupt, message)
        };
        let text = text.ok_or_else(|| corrupt("it is no text".to_owned()))?;
        let read: Read = serde_json::from_str(text).map_err(|e| corrupt(e.to_string()))?;
        if read.version != VERSION {
            return Err(corrupt(format!(
                "its version is {}, and this program reads {VERSION}",
                read.version
            )));
        }
        Ok(Self { spec: read.spec, created_at: read.created_at })
    }

    /// The index that it is the record of.
    pub fn into_info(self, provider: &str) -> IndexInfo {
        IndexInfo::new(self.spec, provider).created_at(self.created_at)
    }
}

struct Written<'a> {
    version: &'static str,
    record: &'a SpecRecord,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry(self.version, &VERSION)?;
        map.serialize_entry("spec", &self.record.spec)?;
        if let Some(created_at) = &self.record.created_at {
            map.serialize_entry("created_at", created_at)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
struct Read {
    #[serde(alias = "v", alias = "portolan")]
    version: u32,
    spec: IndexSpec,
    created_at: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_as_the_first_adapters_write_them() {
        let spec = IndexSpec::new("docs", 3);
        let inner = r#"{"name":"docs","dimension":3,"metric":"cosine","engine":{}}"#;
        for (version, created_at) in
            [("v", Some("now")), ("version", Some("now")), ("portolan", None), ("v", None)]
        {
            let record = SpecRecord { spec: spec.clone(), created_at: created_at.map(str::to_owned) };
            let text = record.to_json(version).unwrap();
            let created_at = created_at.map_or(String::new(), |at| format!(r#","created_at":"{at}""#));
            assert_eq!(text, format!(r#"{{"{version}":1,"spec":{inner}{created_at}}}"#));
            assert_eq!(SpecRecord::read("it", Some(&text)).unwrap(), record);
        }
        let nothing_of_time = format!(r#"{{"v":1,"spec":{inner},"created_at":null}}"#);
        assert_eq!(SpecRecord::read("it", Some(&nothing_of_time)).unwrap().created_at, None);
    }

    #[test]
    fn a_damaged_text_is_corrupt_and_says_where_and_why() {
        let newer = r#"{"v":2,"spec":{"name":"x","dimension":1}}"#;
        for (text, why) in [
            (None, "it is no text"),
            (Some("{"), "EOF"),
            (Some(r#"{"v":1}"#), "spec"),
            (Some(r#"{"spec":{"name":"x","dimension":1}}"#), "version"),
            (Some(newer), "its version is 2, and this program reads 1"),
        ] {
            let e = SpecRecord::read("the comment of x", text).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Corrupt);
            let message = e.message();
            assert!(
                message.starts_with("the comment of x is damaged (") && message.contains(why),
                "{message}"
            );
        }
    }
}
