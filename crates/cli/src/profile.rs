//! Where the store is: an option, a profile, the environment, or the user's data directory.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::{AppStrategy, AppStrategyArgs, choose_app_strategy};
use portolan::suggest::did_you_mean;
use portolan::{Error, Location};
use serde::Deserialize;

use crate::failure::Failure;
use crate::options::Global;

const FILE_NAME: &str = "portolan.toml";
const STORE_VARIABLE: &str = "PORTOLAN_STORE";

/// `portolan.toml`: named stores, and which one is meant by default.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    default: Option<String>,
    #[serde(default)]
    profiles: BTreeMap<String, Profile>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Profile {
    store: Location,
}

/// The store that the options mean: `--store`, `--profile`, `PORTOLAN_STORE`, the default profile, the user's data
/// directory, in this order.
pub(crate) fn location(global: &Global) -> Result<Location, Failure> {
    if let Some(uri) = &global.store {
        return Ok(uri.parse::<Location>()?);
    }
    if let Some(name) = &global.profile {
        let (path, config) = config(global)?.ok_or_else(|| {
            Failure::usage(format!("there is no {FILE_NAME} to take the profile {name:?} from")).hint(
                format!(
                    "put one into this directory, with [profiles.{name}] and store = \"embedded:./data\""
                ),
            )
        })?;
        return profile(config, &path, name);
    }
    if let Some(uri) = std::env::var(STORE_VARIABLE).ok().filter(|uri| !uri.is_empty()) {
        return uri.parse().map_err(|e: Error| e.with_context("from", STORE_VARIABLE).into());
    }
    if let Some((path, config)) = config(global)?
        && let Some(name) = config.default.clone()
    {
        return profile(config, &path, &name);
    }
    default_location()
}

/// The directory in which the state of unfinished work is kept.
pub(crate) fn state_dir() -> Result<PathBuf, Failure> {
    let strategy = directories()?;
    Ok(strategy.state_dir().unwrap_or_else(|| strategy.in_data_dir("state")))
}

fn profile(mut config: Config, path: &Path, name: &str) -> Result<Location, Failure> {
    config.profiles.remove(name).map(|p| p.store).ok_or_else(|| {
        let names: Vec<&str> = config.profiles.keys().map(String::as_str).collect();
        let known =
            if names.is_empty() { "it has none".to_owned() } else { format!("it has {}", names.join(", ")) };
        let near = did_you_mean(name, names.iter().copied());
        Failure::usage(format!("{} has no profile {name:?}: {known}{near}", path.display()))
    })
}

/// The configuration file that was named, else the one of this directory, else the user's.
fn config(global: &Global) -> Result<Option<(PathBuf, Config)>, Failure> {
    if let Some(path) = &global.config {
        return read(path).map(|config| Some((path.clone(), config)));
    }
    let user = directories().map(|d| d.in_config_dir(FILE_NAME)).ok();
    for path in std::iter::once(PathBuf::from(FILE_NAME)).chain(user) {
        if path.is_file() {
            return read(&path).map(|config| Some((path, config)));
        }
    }
    Ok(None)
}

fn read(path: &Path) -> Result<Config, Failure> {
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, "read", &e))?;
    toml::from_str(&text).map_err(|e| Failure::usage(format!("{} cannot be read: {e}", path.display())))
}

fn default_location() -> Result<Location, Failure> {
    let path = directories()?.data_dir();
    let path = path
        .to_str()
        .ok_or_else(|| Failure::usage("your data directory's path is not UTF-8; use --store"))?;
    Ok(Location::new("embedded").with_path(path))
}

fn directories() -> Result<impl AppStrategy, Failure> {
    choose_app_strategy(AppStrategyArgs {
        top_level_domain: "org".to_owned(),
        author: "Portolan".to_owned(),
        app_name: "portolan".to_owned(),
    })
    .map_err(|e| Failure::usage(format!("your home directory is not known ({e}); say where with --store")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Config {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn a_profile_is_a_uri_or_a_table() {
        let text = "
            [profiles.dev]
            store = 'embedded:./data'
            [profiles.live]
            store = { provider = 'qdrant', host = 'db', port = 6334 }
        ";
        let path = Path::new("portolan.toml");
        assert_eq!(profile(parse(text), path, "dev").unwrap().path(), "./data");
        assert_eq!(profile(parse(text), path, "live").unwrap().port(), Some(6334));
    }

    #[test]
    fn an_unknown_profile_names_those_there_are() {
        let config = parse("profiles.production.store = 'memory:'");
        let Failure::Error { error, .. } = profile(config, Path::new("p.toml"), "prodution").unwrap_err()
        else {
            panic!("an error was expected");
        };
        assert!(error.message().ends_with("it has production; did you mean production?"), "{error}");
    }
}
