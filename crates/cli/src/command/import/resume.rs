//! Where an interrupted import goes on.
//!
//! A small file in the user's state directory holds which files were read (size and hash), and how many of their rows
//! the store has acknowledged. The same command finds it again; it is removed when the import is done.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use portolan::{CallOptions, VectorStorage};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::args::Args;
use crate::context::Context;
use crate::failure::Failure;
use crate::input::{Fingerprint, Input, Source};
use crate::profile::state_dir;

/// The state of an import, and where it is kept; kept nowhere for what is read only once and for stores that forget.
#[derive(Debug)]
pub(super) struct Resume {
    file: Option<PathBuf>,
    state: State,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    inputs: Vec<Fingerprint>,
    /// When the index was made, so that another one of the same name is not taken for it.
    index_created_at: Option<String>,
    /// How many rows, from the first of the first file, need not be read again.
    acknowledged: u64,
}

impl Resume {
    /// Whether the state of such an import is kept, for which the fingerprints of its files are needed.
    pub(super) fn is_kept(storage: &dyn VectorStorage, inputs: &[Input]) -> bool {
        storage.capability().durable && inputs.iter().flat_map(Input::sources).all(Source::is_file)
    }

    /// Finds where an earlier run of the same command ended. The state is not kept where there are no fingerprints.
    pub(super) async fn find(
        args: &Args,
        inputs: Vec<Fingerprint>,
        context: &Context,
    ) -> Result<Self, Failure> {
        if inputs.is_empty() {
            return Ok(Self { file: None, state: State::default() });
        }
        let location = context.location()?.to_string();
        let file = state_dir()?.join("imports").join(format!("{}.json", key(&location, args, &inputs)));
        let index_created_at = context.describe(&args.name).await?.created_at.clone();
        let state = State { inputs, index_created_at, ..State::default() };
        let mut this = Self { file: Some(file), state };
        if !args.restart {
            this.take_up(context);
        }
        this.begin(context);
        Ok(this)
    }

    /// How many rows need not be read again.
    pub(super) fn acknowledged(&self) -> u64 {
        self.state.acknowledged
    }

    /// Goes back to the first row that is not in the store any more.
    pub(super) fn go_back(&mut self, first_missing: u64) {
        self.state.acknowledged = first_missing;
    }

    /// Notes that further rows are dealt with, once they are durable.
    pub(super) async fn advance(
        &mut self,
        rows: u64,
        storage: &dyn VectorStorage,
        options: CallOptions,
    ) -> Result<(), Failure> {
        self.state.acknowledged += rows;
        let Some(file) = self.file.as_ref().filter(|_| rows > 0) else { return Ok(()) };
        storage.flush(options).await?;
        save(file, &self.state).map_err(|e| Failure::file(file, "write", &e))
    }

    /// Ends the import: nothing is left to go on with.
    pub(super) fn finish(&self) {
        if let Some(file) = &self.file {
            // A file that stays behind is found to be outdated by what it holds.
            let _ = fs::remove_file(file);
        }
    }

    /// What to do after an interruption.
    pub(super) fn advice(&self) -> &'static str {
        if self.file.is_some() { "the same command goes on from there" } else { "run the import again" }
    }

    /// Makes sure that the state can be kept, before there is any.
    fn begin(&mut self, context: &Context) {
        let Some(file) = &self.file else { return };
        if let Err(e) = save(file, &self.state) {
            context.note(&format!(
                "An interrupted import could not go on later: {} cannot be written: {e}",
                file.display()
            ));
            self.file = None;
        }
    }

    /// Goes on with an earlier state, if its files and its index are the same.
    fn take_up(&mut self, context: &Context) {
        let Some(earlier) = self.file.as_deref().and_then(load) else { return };
        if earlier.inputs != self.state.inputs || earlier.index_created_at != self.state.index_created_at {
            context
                .note("The files or the index changed since an earlier run was interrupted: starting over.");
        } else {
            self.state = earlier;
        }
    }
}

/// Names the state by the command: store, index, files and how they are read.
fn key(location: &str, args: &Args, inputs: &[Fingerprint]) -> String {
    let paths: Vec<&Path> = inputs.iter().map(|i| i.path.as_path()).collect();
    let fields: Vec<(&str, &str)> = args.fields.iter().map(|(k, of)| (k.as_str(), of.as_str())).collect();
    let command =
        json!([location, absolute(location), args.name, paths, format!("{:?}", args.format), fields]);
    blake3::hash(command.to_string().as_bytes()).to_hex()[..32].to_owned()
}

/// A store in a relative path is another one in another directory.
fn absolute(location: &str) -> Option<PathBuf> {
    let path = location.split_once(':')?.1;
    if path.starts_with('/') { None } else { std::env::current_dir().ok() }
}

/// The state in a file; one that cannot be read is as good as none.
fn load(file: &Path) -> Option<State> {
    serde_json::from_slice(&fs::read(file).ok()?).ok()
}

/// Replaces the file at once, so that no half of it is ever read.
fn save(file: &Path, state: &State) -> io::Result<()> {
    let dir = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    let next = file.with_extension("next");
    fs::write(&next, serde_json::to_vec(state)?)?;
    fs::rename(&next, file)
}
