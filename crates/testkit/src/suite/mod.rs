//! The cases, one file an operation or a theme.

mod delete;
mod field;
mod filter;
mod filter_compare;
mod hostile;
mod index;
mod metric;
mod name;
mod random;
mod rows;
mod scan;
mod search;
mod update;
mod upsert;
mod value;
mod vector;

use crate::case::Case;

/// Every module and its cases. A file that is left out fails a test.
pub(crate) const MODULES: &[(&str, &[Case])] = &[
    ("delete", delete::CASES),
    ("field", field::CASES),
    ("filter", filter::CASES),
    ("filter_compare", filter_compare::CASES),
    ("hostile", hostile::CASES),
    ("index", index::CASES),
    ("metric", metric::CASES),
    ("name", name::CASES),
    ("random", random::CASES),
    ("rows", rows::CASES),
    ("scan", scan::CASES),
    ("search", search::CASES),
    ("update", update::CASES),
    ("upsert", upsert::CASES),
    ("value", value::CASES),
    ("vector", vector::CASES),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::MODULES;
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
