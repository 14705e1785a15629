//! The options of a spec: what Qdrant can do to a collection that the port has no word for.

use std::mem::discriminant;

use portolan_core::{Error, IndexSpec, Result};
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::{
    BinaryQuantization, CompressionRatio, ProductQuantization, QuantizationConfig, QuantizationType,
    ScalarQuantization,
};

/// The keys of all options.
pub(crate) const KEYS: &[&str] = &[
    "vector",
    "shard_number",
    "replication_factor",
    "write_consistency_factor",
    "on_disk",
    "on_disk_payload",
    "quantization",
    "quantization_always_ram",
];

/// How vectors are compressed for search, with the codes always in memory or not; the originals stay beside them.
type Codes = fn(Option<bool>) -> Quantization;

/// A byte a component; a sixteenth of all; a bit a component.
#[allow(deprecated, reason = "the fields that replace these are unknown to Qdrant 1.18")]
const CODES: [(&str, Codes); 3] = [
    ("scalar", |always_ram| {
        let r#type = QuantizationType::Int8.into();
        Quantization::Scalar(ScalarQuantization { r#type, always_ram, ..ScalarQuantization::default() })
    }),
    ("product", |always_ram| {
        let compression = CompressionRatio::X16.into();
        Quantization::Product(ProductQuantization {
            compression,
            always_ram,
            ..ProductQuantization::default()
        })
    }),
    ("binary", |always_ram| {
        Quantization::Binary(BinaryQuantization { always_ram, ..BinaryQuantization::default() })
    }),
];

/// The quantization that a spec asks for.
///
/// # Errors
/// `InvalidArgument` naming the option and what it must be.
pub(crate) fn quantization(spec: &IndexSpec) -> Result<Option<QuantizationConfig>> {
    let always_ram = spec.option_bool("quantization_always_ram")?;
    let codes = spec.option_choice("quantization", &CODES)?;
    if always_ram.is_some() && codes.is_none() {
        return Err(Error::invalid("the option quantization_always_ram is given without quantization"));
    }
    Ok(codes.map(|codes| QuantizationConfig { quantization: Some(codes(always_ram)) }))
}

/// What the option `quantization` says of a collection, where it can.
pub(crate) fn codes_of(quantization: &Quantization) -> Option<&'static str> {
    let same = |codes: Codes| discriminant(&codes(None)) == discriminant(quantization);
    CODES.iter().find(|(_, codes)| same(*codes)).map(|(name, _)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::{ErrorKind, Scalar};

    #[test]
    fn codes_are_chosen_by_name() {
        let spec = || IndexSpec::new("abc", 4);
        let scalar = quantization(&spec().option("quantization", "scalar")).unwrap().unwrap();
        assert!(matches!(scalar.quantization, Some(Quantization::Scalar(_))));
        assert_eq!(quantization(&spec()).unwrap(), None);
        for (key, value) in
            [("quantization", Scalar::from("int4")), ("quantization_always_ram", Scalar::from(true))]
        {
            let e = quantization(&spec().option(key, value)).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument);
            assert!(e.message().contains(key), "{e}");
        }
    }
}
