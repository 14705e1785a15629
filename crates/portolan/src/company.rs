//! The metadata of a company: the worked example of a typed record.

use std::collections::BTreeMap;

use portolan_core::{Error, FieldType, IndexSpec, Metadata, Result, Value, time};
use serde::{Deserialize, Serialize};

/// The fields that an index of companies declares, with their types.
const FIELDS: [(&str, FieldType); 13] = [
    ("company_name", FieldType::String),
    ("company_id", FieldType::String),
    ("industry", FieldType::String),
    ("company_size", FieldType::String),
    ("founding_year", FieldType::Integer),
    ("country", FieldType::String),
    ("embedding_model", FieldType::String),
    ("embedding_version", FieldType::String),
    ("content_hash", FieldType::String),
    ("created_at", FieldType::String),
    ("updated_at", FieldType::String),
    ("source", FieldType::String),
    ("confidence_score", FieldType::Float),
];

/// What is known of a company and of its embedding. What is `None` is not stored.
///
/// ```
/// use portolan::{CompanyMetadata, IndexSpec, Record, VectorStorageExt};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> portolan::Result<()> {
/// let storage = portolan::open("memory:").await?;
/// storage.ensure_index(&CompanyMetadata::declare(IndexSpec::new("companies", 2))).await?;
/// let index = storage.index("companies");
///
/// let mut company = CompanyMetadata::new("Example Ltd", "co-1");
/// company.industry = Some("fintech".to_owned());
/// company.confidence_score = Some(0.9);
/// company.custom.insert("listed".to_owned(), true.into());
/// index.upsert_one(Record::new("example", [1.0, 0.0]).metadata(company.to_metadata()?)).await?;
///
/// assert_eq!(index.get_as::<CompanyMetadata>("example").await?, Some(company));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CompanyMetadata {
    /// The name as usually written.
    pub company_name: String,
    /// The identifier of the company in the data's source.
    pub company_id: String,
    /// The industry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub industry: Option<String>,
    /// The number of employees as a band, such as `51-200`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company_size: Option<String>,
    /// The year of its founding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub founding_year: Option<i64>,
    /// The country of the head office, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country: Option<String>,
    /// The model that made the embedding.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_model: Option<String>,
    /// The version of that model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_version: Option<String>,
    /// A hash of what was embedded; equal hashes are duplicates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hash: Option<String>,
    /// When the record was made: RFC 3339 UTC to the millisecond, so that text order is time order.
    pub created_at: String,
    /// When the record was last changed, in the same form.
    pub updated_at: String,
    /// Where the facts come from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// How sure the facts are: 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confidence_score: Option<f64>,
    /// Further fields, stored beside these.
    #[serde(flatten)]
    pub custom: BTreeMap<String, Value>,
}

impl CompanyMetadata {
    /// A company of which only name and identifier are known, made now.
    pub fn new(company_name: impl Into<String>, company_id: impl Into<String>) -> Self {
        let now = time::now();
        Self {
            company_name: company_name.into(),
            company_id: company_id.into(),
            industry: None,
            company_size: None,
            founding_year: None,
            country: None,
            embedding_model: None,
            embedding_version: None,
            content_hash: None,
            created_at: now.clone(),
            updated_at: now,
            source: None,
            confidence_score: None,
            custom: BTreeMap::new(),
        }
    }

    /// The fields that filters can be quick on, with their types.
    pub fn filterable_fields() -> impl Iterator<Item = (&'static str, FieldType)> {
        FIELDS.into_iter()
    }

    /// The spec with these fields declared.
    #[must_use]
    pub fn declare(spec: IndexSpec) -> IndexSpec {
        Self::filterable_fields().fold(spec, |spec, (key, of)| spec.field(key, of))
    }

    /// The metadata to store.
    ///
    /// # Errors
    /// `InvalidArgument` for a confidence score outside 0 to 1, a time that is not RFC 3339 UTC to the millisecond, or
    /// a custom field named as one of these fields.
    pub fn to_metadata(&self) -> Result<Metadata> {
        self.validate()?;
        Metadata::from_typed(self)
    }

    /// Checks what the types leave open.
    ///
    /// # Errors
    /// Those of [`to_metadata`](Self::to_metadata).
    pub fn validate(&self) -> Result<()> {
        if let Some(score) = self.confidence_score.filter(|score| !(0.0..=1.0).contains(score)) {
            return Err(Error::out_of_range("confidence_score", score, 0, 1));
        }
        for (field, value) in [("created_at", &self.created_at), ("updated_at", &self.updated_at)] {
            if !is_timestamp(value) {
                return Err(Error::invalid(format!(
                    "{field} is {value:?}, and must be RFC 3339 UTC to the millisecond, such as 2026-11-22T08:30:00.123Z"
                )));
            }
        }
        match FIELDS.iter().find(|(key, _)| self.custom.contains_key(*key)) {
            Some((key, _)) => Err(Error::invalid(format!(
                "the custom field {key:?} is a field of every company; set that one"
            ))),
            None => Ok(()),
        }
    }
}

/// Whether a text is a time in the one form that the port writes.
fn is_timestamp(text: &str) -> bool {
    text.parse().is_ok_and(|time| time::format(time) == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn company() -> CompanyMetadata {
        let mut company = CompanyMetadata::new("Example Ltd", "co-1");
        company.industry = Some("fintech".to_owned());
        company.founding_year = Some(2015);
        company.confidence_score = Some(1.0);
        company.custom.insert("tags".to_owned(), Value::list(["a", "b"]));
        company
    }

    #[test]
    fn a_company_reads_back_equal_and_its_custom_fields_lie_beside_the_others() {
        let metadata = company().to_metadata().unwrap();
        assert_eq!(metadata.get("tags"), Some(&Value::list(["a", "b"])));
        assert!(!metadata.contains_key("country"));
        assert_eq!(metadata.to_typed::<CompanyMetadata>().unwrap(), company_at(&metadata));
    }

    fn company_at(metadata: &Metadata) -> CompanyMetadata {
        let time = |key| metadata.get(key).and_then(|v| v.as_str()).unwrap().to_owned();
        CompanyMetadata { created_at: time("created_at"), updated_at: time("updated_at"), ..company() }
    }

    #[test]
    fn the_declared_fields_are_those_of_the_struct() {
        let mut full = company();
        full.custom.clear();
        for field in [
            &mut full.company_size,
            &mut full.country,
            &mut full.embedding_model,
            &mut full.embedding_version,
            &mut full.content_hash,
            &mut full.source,
        ] {
            *field = Some("x".to_owned());
        }
        let spec = CompanyMetadata::declare(IndexSpec::new("companies", 2));
        for (key, value) in full.to_metadata().unwrap().iter() {
            let declared = spec.fields.get(key).unwrap_or_else(|| panic!("{key} is not declared"));
            assert!(declared.holds(value.as_scalar().unwrap()), "{key}");
        }
        assert_eq!(spec.fields.len(), full.to_metadata().unwrap().len());
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let refused = |change: fn(&mut CompanyMetadata)| {
            let mut company = company();
            change(&mut company);
            company.to_metadata().unwrap_err().to_string()
        };
        assert!(refused(|c| c.confidence_score = Some(1.01)).contains("confidence_score is 1.01"));
        assert!(refused(|c| c.confidence_score = Some(f64::NAN)).contains("confidence_score"));
        assert!(refused(|c| c.created_at = "yesterday".to_owned()).contains("created_at"));
        assert!(refused(|c| c.updated_at = "2026-11-22T00:00:00Z".to_owned()).contains("updated_at"));
        assert!(refused(|c| drop(c.custom.insert("country".to_owned(), "DE".into()))).contains("country"));
    }
}
