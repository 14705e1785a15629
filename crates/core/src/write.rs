//! Writes: their requests, and an outcome per item.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::filter::Filter;
use crate::metadata::MetadataPatch;
use crate::options::{CallOptions, DEFAULT_RESIDUAL_BUDGET};
use crate::record::{Batch, Record};

/// When a write returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// When every read through Portolan sees it.
    #[default]
    Searchable,
    /// When the database has accepted it.
    Accepted,
}

/// Stores records, each replacing the record of its id as a whole; the last of equal ids wins.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpsertRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// The records.
    pub records: Batch<'a, Record>,
    /// When the call returns.
    pub visibility: Visibility,
    /// Options of the call.
    pub options: CallOptions,
}

/// Deletes records by id; an absent one is no error.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// The ids.
    pub ids: Batch<'a, String>,
    /// When the call returns.
    pub visibility: Visibility,
    /// Options of the call.
    pub options: CallOptions,
}

/// A change of one record's metadata.
#[derive(Debug, Clone, PartialEq)]
pub struct MetadataUpdate {
    /// The record's id.
    pub id: String,
    /// What changes.
    pub patch: MetadataPatch,
}

impl MetadataUpdate {
    /// A change of one record.
    pub fn new(id: impl Into<String>, patch: MetadataPatch) -> Self {
        Self { id: id.into(), patch }
    }
}

/// Merges patches into the metadata of existing records; patches of one id apply in order.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UpdateRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// The changes.
    pub updates: Batch<'a, MetadataUpdate>,
    /// When the call returns.
    pub visibility: Visibility,
    /// Options of the call.
    pub options: CallOptions,
}

macro_rules! batch_request {
    ($request:ident, $items:ident: $item:ty) => {
        impl<'a> $request<'a> {
            /// A request with default visibility and options.
            pub fn new(index: &'a str, $items: impl Into<Batch<'a, $item>>) -> Self {
                Self {
                    index,
                    $items: $items.into(),
                    visibility: Visibility::default(),
                    options: CallOptions::new(),
                }
            }

            /// Sets when the call returns.
            #[must_use]
            pub fn visibility(mut self, visibility: Visibility) -> Self {
                self.visibility = visibility;
                self
            }

            /// Sets the options of the call.
            #[must_use]
            pub fn options(mut self, options: CallOptions) -> Self {
                self.options = options;
                self
            }
        }
    };
}
batch_request!(UpsertRequest, records: Record);
batch_request!(DeleteRequest, ids: String);
batch_request!(UpdateRequest, updates: MetadataUpdate);

/// Deletes the records that meet a filter.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct DeleteWhereRequest<'a> {
    /// The index.
    pub index: &'a str,
    /// Which records; a filter that folds to true is `InvalidArgument` (`clear` is its own operation).
    pub filter: &'a Filter,
    /// The most records that may be read to check the filter on the client (1,000,000).
    pub residual_budget: u64,
    /// When the call returns.
    pub visibility: Visibility,
    /// Options of the call.
    pub options: CallOptions,
}

impl<'a> DeleteWhereRequest<'a> {
    /// A request with default visibility and options.
    pub fn new(index: &'a str, filter: &'a Filter) -> Self {
        Self {
            index,
            filter,
            residual_budget: DEFAULT_RESIDUAL_BUDGET,
            visibility: Visibility::default(),
            options: CallOptions::new(),
        }
    }

    /// Sets the most records that may be read to check the filter on the client.
    #[must_use]
    pub fn residual_budget(mut self, records: u64) -> Self {
        self.residual_budget = records;
        self
    }

    /// Sets when the call returns.
    #[must_use]
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.visibility = visibility;
        self
    }

    /// Sets the options of the call.
    #[must_use]
    pub fn options(mut self, options: CallOptions) -> Self {
        self.options = options;
        self
    }
}

/// How one item of a write ended.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The write took effect; for a delete, the record is gone.
    Stored,
    /// It surely did not.
    Failed(Error),
    /// It may have: the time ran out or the connection was lost.
    Unknown(Error),
}

impl Outcome {
    /// Whether the write took effect.
    pub fn is_stored(&self) -> bool {
        matches!(self, Self::Stored)
    }

    /// Why it did not, or may not have.
    pub fn error(&self) -> Option<&Error> {
        match self {
            Self::Stored => None,
            Self::Failed(e) | Self::Unknown(e) => Some(e),
        }
    }
}

/// What a write did, per input position.
#[must_use = "a write may have failed for some items: look at `is_successful`, or call `into_result`"]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WriteResult {
    /// One outcome per input position.
    pub items: Vec<Outcome>,
    /// Whether every read through Portolan sees what was stored. False after [`Visibility::Accepted`], and where the
    /// bounded wait for visibility passed.
    pub visible: bool,
    /// The time the call took.
    pub elapsed: Duration,
}

impl WriteResult {
    /// A result with these outcomes, visible.
    pub fn new(items: Vec<Outcome>) -> Self {
        Self { items, visible: true, elapsed: Duration::ZERO }
    }

    /// Sets whether the write is visible.
    #[must_use = "this sets nothing in place"]
    pub fn visible(mut self, visible: bool) -> Self {
        self.visible = visible;
        self
    }

    /// Sets the time the call took.
    #[must_use = "this sets nothing in place"]
    pub fn elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }

    /// Whether every item was stored.
    pub fn is_successful(&self) -> bool {
        self.items.iter().all(Outcome::is_stored)
    }

    /// The number of items stored.
    pub fn stored(&self) -> usize {
        self.items.iter().filter(|o| o.is_stored()).count()
    }

    /// The number of items that surely failed.
    pub fn failed(&self) -> usize {
        self.items.iter().filter(|o| matches!(o, Outcome::Failed(_))).count()
    }

    /// The number of items whose outcome is unknown.
    pub fn unknown(&self) -> usize {
        self.items.iter().filter(|o| matches!(o, Outcome::Unknown(_))).count()
    }

    /// The items that were not surely stored, by input position.
    pub fn errors(&self) -> impl Iterator<Item = (usize, &Error)> {
        self.items.iter().enumerate().filter_map(|(at, o)| Some((at, o.error()?)))
    }

    /// Done, if every item was stored.
    ///
    /// # Errors
    /// Else the first item's error, with its position and the counts.
    pub fn into_result(self) -> Result<()> {
        let first = self.errors().next().map(|(at, e)| (at, e.clone()));
        match first {
            None => Ok(()),
            Some((at, e)) => Err(e
                .with_position(at)
                .with_context("stored", self.stored().to_string())
                .with_context("failed", self.failed().to_string())
                .with_context("unknown", self.unknown().to_string())),
        }
    }
}

/// What a delete by filter did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeleteWhereResult {
    /// How many records were deleted; exact or absent.
    pub deleted: Option<u64>,
    /// Whether every read through Portolan sees it.
    pub visible: bool,
    /// The time the call took.
    pub elapsed: Duration,
}

impl DeleteWhereResult {
    /// A visible result.
    pub fn new(deleted: Option<u64>) -> Self {
        Self { deleted, visible: true, elapsed: Duration::ZERO }
    }

    /// Sets whether the delete is visible.
    #[must_use]
    pub fn visible(mut self, visible: bool) -> Self {
        self.visible = visible;
        self
    }

    /// Sets the time the call took.
    #[must_use]
    pub fn elapsed(mut self, elapsed: Duration) -> Self {
        self.elapsed = elapsed;
        self
    }
}
