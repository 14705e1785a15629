//! The parts that requests share.

use portolan_core::driver::{OVERFLOW, OVERFLOW_KEYS, Want};
use qdrant_client::qdrant::with_payload_selector::SelectorOptions as PayloadOptions;
use qdrant_client::qdrant::with_vectors_selector::SelectorOptions as VectorOptions;
use qdrant_client::qdrant::{
    self as q, DenseVector, PayloadIncludeSelector, ReadConsistencyType, VectorInput, VectorsSelector,
    WithPayloadSelector, WithVectorsSelector, WriteOrderingType, query, read_consistency::Value,
    vector_input,
};

use crate::config::{Config, ReadConsistency, WriteOrdering};
use crate::schema::Layout;

/// What of payloads is to be sent.
pub(crate) fn payload_of(want: Want) -> WithPayloadSelector {
    let options = if want.overflow && !want.metadata {
        let fields = vec![OVERFLOW.to_owned(), OVERFLOW_KEYS.to_owned()];
        PayloadOptions::Include(PayloadIncludeSelector { fields })
    } else {
        PayloadOptions::Enable(want.metadata)
    };
    WithPayloadSelector { selector_options: Some(options) }
}

/// Whether vectors are to be sent.
pub(crate) fn vectors_of(want: Want, layout: &Layout) -> WithVectorsSelector {
    let options = if want.vectors && !layout.vector.is_empty() {
        VectorOptions::Include(VectorsSelector { names: vec![layout.vector.clone()] })
    } else {
        VectorOptions::Enable(want.vectors)
    };
    WithVectorsSelector { selector_options: Some(options) }
}

/// The query for what is nearest to a vector.
pub(crate) fn nearest_to(data: Vec<f32>) -> query::Variant {
    query::Variant::Nearest(VectorInput { variant: Some(vector_input::Variant::Dense(DenseVector { data })) })
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
