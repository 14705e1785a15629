//! The words of the notation.

/// The words that no bare key can be.
const KEYWORDS: [&str; 12] =
    ["AND", "OR", "NOT", "IN", "CONTAINS", "STARTS", "ENDS", "WITH", "EXISTS", "BETWEEN", "TRUE", "FALSE"];

/// The keyword that the word is, whatever its case.
pub(super) fn keyword(word: &str) -> Option<&'static str> {
    KEYWORDS.into_iter().find(|k| k.eq_ignore_ascii_case(word))
}
