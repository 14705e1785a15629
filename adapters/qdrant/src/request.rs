//! The parts that requests share.

use portolan_core::driver::{OVERFLOW, OVERFLOW_KEYS, Want};
use qdrant_client::qdrant::read_consistency::Value;
use qdrant_client::qdrant::{
    self as q, ReadConsistencyType, WithPayloadSelector, WithVectorsSelector, WriteOrderingType,
};

use crate::config::{Config, ReadConsistency, WriteOrdering};
use crate::schema::Layout;

/// What of payloads is to be sent.
pub(crate) fn payload_of(want: Want) -> Option<WithPayloadSelector> {
    let overflow_alone = want.overflow && !want.metadata;
    Some(if overflow_alone { vec![OVERFLOW, OVERFLOW_KEYS].into() } else { want.metadata.into() })
}

/// Whether vectors are to be sent.
pub(crate) fn vectors_of(want: Want, layout: &Layout) -> Option<WithVectorsSelector> {
    let named = want.vectors && !layout.vector.is_empty();
    Some(if named { vec![layout.vector.as_str()].into() } else { want.vectors.into() })
}

pub(crate) fn write_ordering(config: &Config) -> Option<q::WriteOrdering> {
    let ordering = match config.write_ordering? {
        WriteOrdering::Weak => WriteOrderingType::Weak,
        WriteOrdering::Medium => WriteOrderingType::Medium,
        WriteOrdering::Strong => WriteOrderingType::Strong,
    };
    Some(q::WriteOrdering { r#type: ordering.into() })
}

pub(crate) fn read_consistency(config: &Config) -> Option<q::ReadConsistency> {
    let value = match config.read_consistency? {
        ReadConsistency::All => Value::Type(ReadConsistencyType::All.into()),
        ReadConsistency::Majority => Value::Type(ReadConsistencyType::Majority.into()),
        ReadConsistency::Quorum => Value::Type(ReadConsistencyType::Quorum.into()),
        ReadConsistency::Factor(n) => Value::Factor(n),
    };
    Some(q::ReadConsistency { value: Some(value) })
}
