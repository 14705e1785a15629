//! The options of a spec: what Qdrant can do to a collection that the port has no word for.

use std::collections::BTreeMap;

use portolan_core::{Error, IndexSpec, Result, Scalar};
use qdrant_client::qdrant::quantization_config::Quantization;
use qdrant_client::qdrant::{
    BinaryQuantization, CollectionConfig, CollectionParams, CompressionRatio, ProductQuantization,
    QuantizationConfig, QuantizationType, ScalarQuantization,
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

/// The options of a spec, read.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Options {
    /// The name of the vector; the unnamed one by default.
    pub(crate) vector: Option<String>,
    pub(crate) shard_number: Option<u32>,
    pub(crate) replication_factor: Option<u32>,
    pub(crate) write_consistency_factor: Option<u32>,
    pub(crate) on_disk: Option<bool>,
    pub(crate) on_disk_payload: Option<bool>,
    codes: Option<Codes>,
    always_ram: Option<bool>,
}

/// How vectors are compressed for search; the originals stay beside the codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codes {
    /// A byte a component.
    Scalar,
    /// A sixteenth, by product quantization.
    Product,
    /// A bit a component.
    Binary,
}

impl Codes {
    const ALL: [(&str, Self); 3] =
        [("scalar", Self::Scalar), ("product", Self::Product), ("binary", Self::Binary)];
}

impl Options {
    /// Reads the options of a spec.
    ///
    /// # Errors
    /// `InvalidArgument` naming the option and what it must be.
    pub(crate) fn of(spec: &IndexSpec) -> Result<Self> {
        let options = Self {
            vector: spec.option_text("vector")?.map(str::to_owned),
            shard_number: spec.option_integer("shard_number", 1..=u32::MAX)?,
            replication_factor: spec.option_integer("replication_factor", 1..=u32::MAX)?,
            write_consistency_factor: spec.option_integer("write_consistency_factor", 1..=u32::MAX)?,
            on_disk: spec.option_bool("on_disk")?,
            on_disk_payload: spec.option_bool("on_disk_payload")?,
            codes: spec.option_choice("quantization", &Codes::ALL)?,
            always_ram: spec.option_bool("quantization_always_ram")?,
        };
        if options.always_ram.is_some() && options.codes.is_none() {
            return Err(Error::invalid("the option quantization_always_ram is given without quantization"));
        }
        Ok(options)
    }

    /// The quantization of a collection.
    #[allow(deprecated, reason = "the fields that replace these are unknown to Qdrant 1.18")]
    pub(crate) fn quantization(&self) -> Option<QuantizationConfig> {
        let always_ram = self.always_ram;
        let quantization = match self.codes? {
            Codes::Scalar => Quantization::Scalar(ScalarQuantization {
                r#type: QuantizationType::Int8.into(),
                always_ram,
                ..ScalarQuantization::default()
            }),
            Codes::Product => Quantization::Product(ProductQuantization {
                compression: CompressionRatio::X16.into(),
                always_ram,
                ..ProductQuantization::default()
            }),
            Codes::Binary => {
                Quantization::Binary(BinaryQuantization { always_ram, ..BinaryQuantization::default() })
            }
        };
        Some(QuantizationConfig { quantization: Some(quantization) })
    }
}

/// The options that a collection of another program has, as far as they are not what Qdrant does by default.
pub(crate) fn known(
    params: &CollectionParams,
    config: Option<&CollectionConfig>,
    vector: &str,
) -> BTreeMap<String, Scalar> {
    let mut options = BTreeMap::new();
    let mut set = |key: &str, value: Option<Scalar>| value.map(|value| options.insert(key.to_owned(), value));
    set("vector", (!vector.is_empty()).then(|| vector.into()));
    set("shard_number", (params.shard_number > 1).then(|| i64::from(params.shard_number).into()));
    let more = |factor: Option<u32>| factor.filter(|n| *n > 1).map(|n| i64::from(n).into());
    set("replication_factor", more(params.replication_factor));
    set("write_consistency_factor", more(params.write_consistency_factor));
    let codes = config.and_then(|c| c.quantization_config).and_then(|c| c.quantization);
    let codes = codes.and_then(|codes| match codes {
        Quantization::Scalar(_) => Some("scalar"),
        Quantization::Product(_) => Some("product"),
        Quantization::Binary(_) => Some("binary"),
        Quantization::Turboquant(_) => None,
    });
    set("quantization", codes.map(Into::into));
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::ErrorKind;

    fn spec() -> IndexSpec {
        IndexSpec::new("abc", 4)
    }

    #[test]
    fn options_are_read() {
        let spec = spec().option("vector", "text").option("shard_number", 2).option("on_disk", true);
        let options = Options::of(&spec.option("quantization", "scalar")).unwrap();
        assert_eq!(options.vector.as_deref(), Some("text"));
        assert_eq!((options.shard_number, options.on_disk), (Some(2), Some(true)));
        assert!(matches!(options.quantization().unwrap().quantization, Some(Quantization::Scalar(_))));
        assert_eq!(Options::of(&self::spec()).unwrap(), Options::default());
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (key, value) in [
            ("vector", Scalar::from("")),
            ("shard_number", Scalar::from(0)),
            ("replication_factor", Scalar::from(1.5)),
            ("on_disk", Scalar::from("yes")),
            ("quantization", Scalar::from("int4")),
            ("quantization_always_ram", Scalar::from(true)),
        ] {
            let e = Options::of(&spec().option(key, value)).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::InvalidArgument);
            assert!(e.message().contains(key), "{e}");
        }
    }
}
