//! Which server it is, for what differs between them.

use portolan_core::{Error, IndexSpec, Result};

/// The servers that answer differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    /// Milvus Lite 3: written in Python, evaluates expressions row by row.
    Lite,
    /// Milvus before 2.4: `like` finds prefixes only.
    Old,
    /// Milvus since 2.4.
    Current,
}

impl Server {
    /// The server that reports this version, such as `v2.3.5` or `milvus_lite-3.2.2`; before 2.3 there is no upsert.
    pub(crate) fn of(version: &str) -> Result<Self> {
        if version.starts_with("milvus_lite") {
            return Ok(Self::Lite);
        }
        let mut numbers = version.trim_start_matches('v').split(['.', '-']).map(str::parse::<u32>);
        match (numbers.next(), numbers.next()) {
            (Some(Ok(2)), Some(Ok(3))) => Ok(Self::Old),
            (Some(Ok(0..=1)), _) | (Some(Ok(2)), Some(Ok(0..=2))) => Err(Error::unsupported(format!(
                "the server is Milvus {version}, and 2.3 is the oldest that is supported"
            ))),
            _ => Ok(Self::Current),
        }
    }

    /// The length of vectors that is sent: Milvus takes none of one, so that a zero is added, which changes no distance.
    pub(crate) fn dimension(self, spec: &IndexSpec) -> usize {
        spec.dimension.max(if self == Self::Lite { 1 } else { 2 })
    }

    /// Checks that upserted records come into the partition of their partition key. 2.3.5 takes another field's values for
    /// it (milvus-io/milvus#30772).
    pub(crate) fn check_partitions(self) -> Result<()> {
        if self != Self::Old {
            return Ok(());
        }
        Err(Error::unsupported(
            "before 2.4 Milvus puts upserted records into wrong partitions, where searches under the partition key miss \
             them; leave the partition key out, or use a newer Milvus",
        ))
    }

    /// Whether `like` finds a part anywhere in a text.
    pub(crate) fn finds_infixes(self) -> bool {
        self != Self::Old
    }

    /// Whether a page may be shorter than asked while there are more rows, and is in order only as an iterator's.
    pub(crate) fn pages_as_iterator(self) -> bool {
        self != Self::Old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_told_apart() {
        for (version, server) in [
            ("milvus_lite-3.2.2", Server::Lite),
            ("v2.3.5", Server::Old),
            ("v2.3.5-lite", Server::Old),
            ("2.4.1", Server::Current),
            ("v2.6.0-rc1", Server::Current),
            ("3.0.0", Server::Current),
            ("unknown", Server::Current),
        ] {
            assert_eq!(Server::of(version).unwrap(), server, "{version}");
        }
        for version in ["v2.2.16", "2.0.0-rc8", "1.1.1"] {
            assert!(Server::of(version).is_err(), "{version}");
        }
    }
}
