//! The nearest word: "did you mean …?" for whatever a person can mistype.

use strsim::{damerau_levenshtein, jaro_winkler};

/// The candidate that `word` was most likely meant to be, or none that is near.
///
/// Case does not count. A candidate is near if at most a third of its letters differ.
///
/// ```
/// use portolan_core::suggest::suggest;
///
/// assert_eq!(suggest("metrc", ["dimension", "metric"]), Some("metric"));
/// assert_eq!(suggest("colour", ["dimension", "metric"]), None);
/// ```
pub fn suggest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    let mut best: Option<(&str, usize, f64)> = None;
    for candidate in candidates {
        let longest = candidate.chars().count().max(length);
        let limit = longest / 3;
        if candidate.chars().count().abs_diff(length) > limit {
            continue;
        }
        let (a, b) = (word.to_lowercase(), candidate.to_lowercase());
        let distance = damerau_levenshtein(&a, &b);
        let likeness = jaro_winkler(&a, &b);
        let better = |(_, d, l): (&str, usize, f64)| distance < d || distance == d && likeness > l;
        if distance <= limit && best.is_none_or(better) {
            best = Some((candidate, distance, likeness));
        }
    }
    best.map(|(candidate, ..)| candidate)
}

/// `; did you mean …?` for the end of an error message, or nothing where no candidate is near.
///
/// ```
/// use portolan_core::suggest::did_you_mean;
///
/// assert_eq!(did_you_mean("metrc", ["dimension", "metric"]), "; did you mean metric?");
/// assert_eq!(did_you_mean("colour", ["dimension", "metric"]), "");
/// ```
pub fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    suggest(word, candidates).map_or_else(String::new, |candidate| format!("; did you mean {candidate}?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_candidate_wins() {
        let operators = ["$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$starts_with"];
        for (word, expected) in [
            ("$ge", Some("$gte")),
            ("$neq", Some("$ne")),
            ("$GTE", Some("$gte")),
            ("gte", Some("$gte")),
            ("$startsWith", Some("$starts_with")),
            ("$regex", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(suggest(word, operators), expected, "{word}");
        }
    }

    #[test]
    fn a_huge_word_is_near_nothing() {
        assert_eq!(suggest(&"x".repeat(1_000_000), ["exists", ""]), None);
    }

    #[test]
    fn without_candidates_there_is_no_suggestion() {
        assert_eq!(suggest("exists", []), None);
    }
}
