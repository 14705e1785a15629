//! The options that verbs share, and how their values are parsed.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, ValueEnum};
use portolan::{Error, FieldType, validate};

/// Options that stand before or after the verb.
#[derive(Debug, Clone, Default, Args)]
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

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// One JSON object
    Json,
    /// One JSON object a line: a line for each match, record or index
    Jsonl,
}

/// The option for a filter.
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

/// Parses a word of the port, such as a metric.
pub(crate) fn parse<T: FromStr<Err = Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|e: Error| e.message().to_owned())
}

/// Parses a metadata field and its type, `KEY:TYPE`.
pub(crate) fn field(text: &str) -> Result<(String, FieldType), String> {
    let (key, of) = text.rsplit_once(':').ok_or("it must be KEY:TYPE, such as industry:string")?;
    validate::key(key).map_err(|e| e.message().to_owned())?;
    Ok((key.to_owned(), parse(of)?))
}

fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=86_400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("the range is 0.001 to 86400 seconds".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_within_its_range() {
        assert_eq!(seconds("0.001"), Ok(Duration::from_millis(1)));
        assert_eq!(seconds("86400"), Ok(Duration::from_secs(86_400)));
        for wrong in ["0", "86401", "NaN", "inf", "-1", "soon"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}
