//! The verbs, one file each.

pub(crate) mod clear;
pub(crate) mod completions;
pub(crate) mod count;
pub(crate) mod delete;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod get;
mod health;
pub(crate) mod import;
pub(crate) mod index;
pub(crate) mod man;
mod providers;
pub(crate) mod scan;
pub(crate) mod search;
pub(crate) mod update;
pub(crate) mod upsert;
mod written;

use crate::args::Command;
use crate::context::Context;
use crate::failure::Failure;

/// Runs a verb.
pub(crate) async fn run(command: Command, context: &Context) -> Result<(), Failure> {
    match command {
        Command::Demo(args) => demo::run(args, context).await,
        Command::Providers => providers::run(context).await,
        Command::Index(command) => index::run(command, context).await,
        Command::Import(args) => import::run(args, context).await,
        Command::Export(args) => export::run(args, context).await,
        Command::Upsert(args) => upsert::run(args, context).await,
        Command::Get(args) => get::run(args, context).await,
        Command::Delete(args) => delete::run(args, context).await,
        Command::Clear(args) => clear::run(args, context).await,
        Command::Count(args) => count::run(args, context).await,
        Command::Scan(args) => scan::run(args, context).await,
        Command::Update(args) => update::run(args, context).await,
        Command::Search(args) => search::run(args, context).await,
        Command::Explain(args) => explain::run(args, context).await,
        Command::Health => health::run(context).await,
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args),
    }
}
