//! Words of other tools, and what says the same here.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Each verb of ours with the words for which it is often meant.
const MEANT: [(&str, &[&str]); 14] = [
    ("index list", &["list", "ls", "indexes", "indices", "collections"]),
    ("index show", &["info", "describe", "show"]),
    ("index stats", &["stats", "stat"]),
    ("index create", &["create", "new", "mk"]),
    ("index delete", &["rm", "remove", "del", "drop"]),
    ("delete", &["rm", "remove", "del", "drop"]),
    ("search", &["query", "find", "knn", "similar", "nearest"]),
    ("upsert", &["add", "insert", "put"]),
    ("import", &["add", "insert", "load", "ingest"]),
    ("export", &["dump", "backup", "save"]),
    ("scan", &["cat", "head", "dump"]),
    ("clear", &["truncate", "empty"]),
    ("update", &["set", "patch"]),
    ("health", &["ping", "status", "ready"]),
];

/// Puts the verbs that are probably meant into the error of one that is not known.
pub(crate) fn suggest(mut error: clap::Error) -> clap::Error {
    let meant = meant(&error);
    if !meant.is_empty() {
        error.remove(ContextKind::SuggestedSubcommand);
        let tips = meant.iter().map(|verb| StyledStr::from(format!("use `portolan {verb}`"))).collect();
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(tips));
    }
    error
}

fn meant(error: &clap::Error) -> Vec<&'static str> {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else {
        return Vec::new();
    };
    if error.kind() != ErrorKind::InvalidSubcommand {
        return Vec::new();
    }
    let typed = typed.to_lowercase();
    MEANT.iter().filter(|(_, words)| words.contains(&typed.as_str())).map(|(verb, _)| *verb).collect()
}
