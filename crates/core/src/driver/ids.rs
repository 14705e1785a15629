//! Ids of the port to ids of the database.

use uuid::Uuid;

use super::kit::{integer_id, is_uuid};
use super::{IdScheme, NativeId};

/// The namespace of all UUIDv5 that stand for ids; it never changes, or stored records would be lost.
const NAMESPACE: Uuid = Uuid::from_u128(0x0b9c_6f1e_52d4_4f6a_9d0e_7a61_2c3f_8e55);

impl IdScheme {
    /// The native ids that may hold the record of this id; a new record is written to the first.
    pub(super) fn forms(self, id: &str) -> Vec<NativeId> {
        if self.takes(id) {
            vec![id.into()]
        } else if self == Self::UuidOrInteger && integer_id::<u64>(id).is_some() {
            vec![mapped(id), id.into()]
        } else {
            vec![mapped(id)]
        }
    }

    /// Whether ids are stored as they are, so that a native id is the id.
    pub(super) fn is_plain(self) -> bool {
        self == Self::Any
    }

    fn takes(self, id: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Ascii => id.is_ascii(),
            Self::Uuid | Self::UuidOrInteger => is_uuid(id),
        }
    }
}

fn mapped(id: &str) -> NativeId {
    NativeId::new(Uuid::new_v5(&NAMESPACE, id.as_bytes()).hyphenated().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_kept_where_the_database_takes_it() {
        let uuid = "018f4c1e-7b5a-4d3c-8a2b-1c2d3e4f5a6b";
        assert_eq!(IdScheme::Any.forms("any thing"), ["any thing".into()]);
        assert_eq!(IdScheme::Uuid.forms(uuid), [uuid.into()]);
        assert_eq!(IdScheme::Ascii.forms("plain id"), ["plain id".into()]);
    }

    #[test]
    fn another_is_mapped_always_alike() {
        let upper = "018F4C1E-7B5A-4D3C-8A2B-1C2D3E4F5A6B";
        assert_ne!(IdScheme::Uuid.forms(upper), [upper.to_lowercase().into()]);
        assert_eq!(IdScheme::Ascii.forms("naïve"), IdScheme::Uuid.forms("naïve"));
        assert_eq!(IdScheme::Uuid.forms("stripe")[0].as_str(), "fe8fa400-b1fe-5d8e-8bfc-741fe43ac269");
    }

    #[test]
    fn an_integer_may_stand_in_two_forms() {
        assert_eq!(IdScheme::UuidOrInteger.forms("42")[1].as_str(), "42");
        assert_eq!(IdScheme::UuidOrInteger.forms("042").len(), 1);
        assert_eq!(IdScheme::UuidOrInteger.forms("-1").len(), 1);
    }
}
