//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand};

use crate::command;
use crate::output::Format;

const AFTER: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 partly done.

The store is --store, else the one of --profile, else $PORTOLAN_STORE, else the default profile of portolan.toml, \
else an embedded store in your data directory.";

/// Work with any vector database: the same commands, the same answers.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, after_help = AFTER, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that stand before or after the verb.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The store, as a URI such as embedded:./data or memory: [env: PORTOLAN_STORE]
    #[arg(long, global = true, value_name = "URI")]
    pub(crate) store: Option<String>,

    /// The profile of portolan.toml that names the store
    #[arg(long, global = true, value_name = "NAME", conflicts_with = "store")]
    pub(crate) profile: Option<String>,

    /// The configuration file [default: ./portolan.toml, then the one in your configuration directory]
    #[arg(long, global = true, value_name = "FILE", env = "PORTOLAN_CONFIG")]
    pub(crate) config: Option<PathBuf>,

    /// How results are printed
    #[arg(long, short, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,

    /// Print results and errors only: no progress, no hints
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,

    /// Answer every question with yes
    #[arg(long, short, global = true)]
    pub(crate) yes: bool,

    /// The time that each call to the store may take, in seconds: 0.001 to 86400
    #[arg(long, global = true, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<Duration>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import real companies and find similar ones
    Demo(command::demo::Args),
    /// List the databases compiled in, and what each can do
    Providers,
    /// Create, list, show and delete indexes
    #[command(subcommand)]
    Index(command::index::Command),
    /// Store the records of files
    Import(command::import::Args),
    /// Write the records of an index to a file
    Export(command::export::Args),
    /// Store one record
    Upsert(command::upsert::Args),
    /// Read records by id
    Get(command::get::Args),
    /// Delete records by id or by filter
    Delete(command::delete::Args),
    /// Delete all records of an index, and keep the index
    Clear(command::clear::Args),
    /// Count records
    Count(command::count::Args),
    /// Read records in no particular order
    Scan(command::scan::Args),
    /// Change the metadata of records
    Update(command::update::Args),
    /// Find the records most similar to a vector or to another record
    Search(command::search::Args),
    /// Show how a search would be answered, without running it
    Explain(command::explain::Args),
    /// Check whether the store answers
    Health,
    /// Print the completions of a shell
    Completions(command::completions::Args),
    /// Write the manual pages
    Man(command::man::Args),
}

/// A filter, as its own option.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Where {
    /// Only records that meet this filter, written as text ('country = "DE" AND founding_year >= 2015') or as JSON
    /// ('{"country": "DE"}')
    #[arg(long = "where", value_name = "FILTER")]
    pub(crate) filter: Option<String>,
}

/// Which columns a table shows.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Columns {
    /// The metadata fields that a table shows, separated by commas [default: those that say most]
    #[arg(long, value_name = "FIELDS", value_delimiter = ',')]
    pub(crate) columns: Vec<String>,
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("the range is 0.001 to 86400 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use portolan::CallOptions;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_timeout_is_within_its_range() {
        assert_eq!(seconds("0.001"), Ok(CallOptions::MIN_TIMEOUT));
        assert_eq!(seconds("86400"), Ok(CallOptions::MAX_TIMEOUT));
        for wrong in ["0", "0.0009", "86401", "NaN", "inf", "-1", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
