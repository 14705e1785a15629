//! `portolan check`.

use clap::Args as ClapArgs;
use portolan::embedded::{self, Checked, Config, PROVIDER};
use portolan::{Error, ErrorKind};

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::table;

/// How many damaged parts are named to people.
const NAMED: usize = 20;

/// What is done about damage.
#[derive(Debug, ClapArgs)]
pub(crate) struct Args {
    /// Write a new file with every record that can be read, and keep the damaged one beside it
    #[arg(long)]
    repair: bool,
}

pub(crate) async fn run(args: Args, context: &Context) -> Result<(), Failure> {
    let location = context.location()?;
    if location.provider() != PROVIDER {
        let provider = location.provider().to_owned();
        let message =
            format!("check reads the file of an embedded store, and {provider} has none; ask its own tools");
        return Err(Error::unsupported(message).with_provider(provider).into());
    }
    let config = Config::from_location(location)?;
    // What the database finds wrong in a damaged file is told below, once.
    std::panic::set_hook(Box::new(|_| {}));
    let checked = if args.repair {
        context.confirm("write the store again if it is damaged")?;
        embedded::repair(&config)?
    } else {
        embedded::check(&config)?
    };
    drop(std::panic::take_hook());
    output::print_one(context.format(), &checked, || describe(&checked))?;
    match (checked.is_sound(), &checked.repaired) {
        (true, _) => Ok(()),
        (false, Some(_)) => Err(damaged(&checked)),
        (false, None) => Err(damaged(&checked).hint("save what can be read with portolan check --repair")),
    }
}

fn describe(checked: &Checked) -> String {
    let mut lines: Vec<String> = checked.damage.iter().take(NAMED).map(|damage| {
        let index = damage.index.as_ref().map(|index| format!("index {index}, "));
        let id = damage.id.as_ref().map(|id| format!("record {id:?}: "));
        format!("damaged: {}{}{}", index.unwrap_or_default(), id.unwrap_or_default(), damage.what)
    }).collect();
    if checked.damage.len() > NAMED {
        lines.push(format!("… and {} more; --output json names all", checked.damage.len() - NAMED));
    }
    lines.push(format!(
        "Checked {}: {} and {} can be read.",
        checked.file.display(),
        counted(checked.indexes, "index", "indexes"),
        table::record_count(checked.records)
    ));
    if let Some(repaired) = &checked.repaired {
        lines.push(format!(
            "Saved {} in a new file, {} lost; the damaged file is kept at {}.",
            table::record_count(repaired.records),
            repaired.lost,
            repaired.kept.display()
        ));
    }
    lines.join("\n")
}

fn damaged(checked: &Checked) -> Failure {
    let message = format!("the store was damaged in {}", counted(checked.damage.len() as u64, "part", "parts"));
    Failure::partly(Error::new(ErrorKind::Corrupt, message).with_provider(PROVIDER))
}

fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", table::count(number), if number == 1 { one } else { many })
}
