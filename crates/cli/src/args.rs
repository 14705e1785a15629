//! What can be said on the command line, and which verb answers it.

use clap::{CommandFactory, Parser, Subcommand};

use crate::command;
use crate::context::Context;
use crate::failure::Failure;
use crate::options::Global;

const AFTER: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 not found, 4 partly done.

The store is the first that is given of: --store, --profile, $PORTOLAN_STORE, the default profile of portolan.toml. \
[default: an embedded store in your data directory]";

/// Work with any vector database: the same commands, the same answers.
#[derive(Debug, Parser)]
#[command(name = "portolan", version, after_help = AFTER, propagate_version = true, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
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
    /// Verify the file of an embedded store, and name what is damaged
    Check(command::check::Args),
    /// Print the completions of a shell
    Completions(command::completions::Args),
    /// Write the manual pages
    Man(command::man::Args),
}

impl Command {
    /// Runs the verb.
    pub(crate) async fn run(self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Demo(args) => command::demo::run(args, context).await,
            Self::Providers => command::providers::run(context).await,
            Self::Index(command) => command::index::run(command, context).await,
            Self::Import(args) => command::import::run(args, context).await,
            Self::Export(args) => command::export::run(args, context).await,
            Self::Upsert(args) => command::upsert::run(args, context).await,
            Self::Get(args) => command::get::run(args, context).await,
            Self::Delete(args) => command::delete::run(args, context).await,
            Self::Clear(args) => command::clear::run(args, context).await,
            Self::Count(args) => command::count::run(args, context).await,
            Self::Scan(args) => command::scan::run(args, context).await,
            Self::Update(args) => command::update::run(args, context).await,
            Self::Search(args) => command::search::run(args, context).await,
            Self::Explain(args) => command::explain::run(args, context).await,
            Self::Health => command::health::run(context).await,
            Self::Check(args) => command::check::run(args, context).await,
            Self::Completions(args) => command::completions::run(&args, Cli::command()),
            Self::Man(args) => command::man::run(&args, Cli::command()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Cli::command().debug_assert();
    }
}
