//! Metadata as types of your own, by way of serde.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::metadata::Metadata;
use crate::record::{Record, Vector};
use crate::search::Match;

impl Metadata {
    /// The fields of a struct or map. What serializes as null, such as `None`, is left out; so is a float that is not
    /// finite, for which JSON has no form.
    ///
    /// ```
    /// use portolan_core::Metadata;
    /// use serde::{Deserialize, Serialize};
    ///
    /// #[derive(Debug, PartialEq, Serialize, Deserialize)]
    /// struct Company {
    ///     industry: String,
    ///     founding_year: Option<i64>,
    /// }
    ///
    /// let company = Company { industry: "fintech".to_owned(), founding_year: None };
    /// let metadata = Metadata::from_typed(&company)?;
    /// assert_eq!(metadata, Metadata::new().with("industry", "fintech"));
    /// assert_eq!(metadata.to_typed::<Company>()?, company);
    /// # Ok::<(), portolan_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` where it does not serialize as a JSON object, or holds an integer beyond i64.
    pub fn from_typed<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let json = serde_json::to_value(value)
            .map_err(|e| Error::invalid(format!("{} is no metadata: {e}", std::any::type_name::<T>())))?;
        Self::from_json(json)
    }

    /// The value whose fields these are.
    ///
    /// # Errors
    /// `InvalidArgument` where they do not fit the type.
    pub fn to_typed<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_value(self.to_json()).map_err(|e| {
            Error::invalid(format!("the metadata does not fit {}: {e}", std::any::type_name::<T>()))
        })
    }
}

impl Record {
    /// A record with the fields of a value as metadata.
    ///
    /// # Errors
    /// Those of [`Metadata::from_typed`].
    pub fn from_typed<T: Serialize + ?Sized>(
        id: impl Into<String>,
        vector: impl Into<Vector>,
        value: &T,
    ) -> Result<Self> {
        Ok(Self::new(id, vector).metadata(Metadata::from_typed(value)?))
    }

    /// The metadata as a type of your own.
    ///
    /// # Errors
    /// Those of [`Metadata::to_typed`].
    pub fn metadata_as<T: DeserializeOwned>(&self) -> Result<T> {
        self.metadata.to_typed()
    }
}

impl Match {
    /// The metadata as a type of your own.
    ///
    /// # Errors
    /// Those of [`Metadata::to_typed`].
    pub fn metadata_as<T: DeserializeOwned>(&self) -> Result<T> {
        self.metadata.to_typed()
    }
}
