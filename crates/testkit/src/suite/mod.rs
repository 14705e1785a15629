//! The cases, one file an operation or a theme.

mod cancel;
mod capability;
mod close;
mod concurrent;
mod copy;
mod count;
mod delete;
mod explain;
mod field;
mod filter;
mod filter_compare;
mod health;
mod hostile;
mod index;
mod invalid;
mod limit;
mod maintenance;
mod metric;
mod missing;
mod name;
mod random;
mod reopen;
mod rows;
mod scan;
mod search;
mod stats;
mod update;
mod upsert;
mod value;
mod vector;

use crate::case::Case;

/// Every module and its cases. A file that is left out fails a test.
pub(crate) const MODULES: &[(&str, &[Case])] = &[
    ("cancel", cancel::CASES),
    ("capability", capability::CASES),
    ("close", close::CASES),
    ("concurrent", concurrent::CASES),
    ("copy", copy::CASES),
    ("count", count::CASES),
    ("delete", delete::CASES),
    ("explain", explain::CASES),
    ("field", field::CASES),
    ("filter", filter::CASES),
    ("filter_compare", filter_compare::CASES),
    ("health", health::CASES),
    ("hostile", hostile::CASES),
    ("index", index::CASES),
    ("invalid", invalid::CASES),
    ("limit", limit::CASES),
    ("maintenance", maintenance::CASES),
    ("metric", metric::CASES),
    ("missing", missing::CASES),
    ("name", name::CASES),
    ("random", random::CASES),
    ("reopen", reopen::CASES),
    ("rows", rows::CASES),
    ("scan", scan::CASES),
    ("search", search::CASES),
    ("stats", stats::CASES),
    ("update", update::CASES),
    ("upsert", upsert::CASES),
    ("value", value::CASES),
    ("vector", vector::CASES),
];

/// Why a case does not ask a server the same in every run, so that no tape can answer it.
pub(crate) fn unrepeatable(case: &str) -> Option<&'static str> {
    if case.starts_with("cancel::") {
        Some("what was sent before a call was dropped differs")
    } else if case.starts_with("concurrent::") || case == "update::concurrent_updates_are_all_kept" {
        Some("the order in which callers at once are served differs")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{MODULES, unrepeatable};
    use crate::cases;

    #[test]
    fn no_file_is_left_out() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/suite");
        let files: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .filter(|stem| stem != "mod")
            .collect();
        let modules: BTreeSet<String> = MODULES.iter().map(|(name, _)| (*name).to_owned()).collect();
        assert_eq!(files, modules);
    }

    #[test]
    fn cases_are_told_apart_by_their_digests() {
        let digests: BTreeSet<u32> = cases().map(|case| crate::context::digest(case.name()) as u32).collect();
        assert_eq!(digests.len(), cases().count());
    }

    #[test]
    fn few_cases_are_unrepeatable() {
        let left_out = cases().filter(|case| unrepeatable(case.name()).is_some()).count();
        assert_eq!(left_out, MODULES[0].1.len() + MODULES[3].1.len() + 1);
    }

    #[test]
    fn names_are_unique_and_begin_with_their_module() {
        let mut seen = BTreeSet::new();
        for (module, cases) in MODULES {
            for case in *cases {
                assert!(case.name().starts_with(&format!("{module}::")), "{}", case.name());
                assert!(seen.insert(case.name()), "{} twice", case.name());
            }
        }
        assert_eq!(seen.len(), cases().count());
    }
}
