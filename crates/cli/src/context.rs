//! What every verb is run with.

use std::io::{IsTerminal, stderr, stdin};
use std::sync::Arc;

use portolan::{CallOptions, Filter, IndexSpec, VectorStorage};

use crate::args::{Global, Where};
use crate::failure::Failure;
use crate::output::Format;
use crate::{hint, profile};

/// The global options, and what follows from them.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
}

impl Context {
    /// A context of these options.
    pub(crate) fn new(global: Global) -> Self {
        Self { global }
    }

    /// How results are printed.
    pub(crate) fn format(&self) -> Format {
        self.global.output
    }

    /// Whether results are for people.
    pub(crate) fn is_table(&self) -> bool {
        self.global.output == Format::Table
    }

    /// Whether only results and errors are printed.
    pub(crate) fn is_quiet(&self) -> bool {
        self.global.quiet
    }

    /// The store's location, as it may be shown and typed again.
    pub(crate) fn location(&self) -> Result<portolan::Location, Failure> {
        profile::location(&self.global)
    }

    /// Whether the same store is opened without an option.
    pub(crate) fn is_default_store(&self) -> bool {
        self.global.store.is_none() && self.global.profile.is_none()
    }

    /// Opens the store.
    pub(crate) async fn open(&self) -> Result<Arc<dyn VectorStorage>, Failure> {
        Ok(portolan::open_location(self.location()?).await?)
    }

    /// The options of each call.
    pub(crate) fn options(&self) -> CallOptions {
        self.global.timeout.map_or_else(CallOptions::new, |t| CallOptions::new().timeout(t))
    }

    /// The filter that was given, if any; fields that were probably mistyped are hinted at.
    pub(crate) async fn filter(
        &self,
        storage: &dyn VectorStorage,
        index: &str,
        given: &Where,
    ) -> Result<Option<Filter>, Failure> {
        let Some(text) = &given.filter else { return Ok(None) };
        let filter = Filter::parse(text)?;
        if self.is_table() && !self.is_quiet() {
            let spec = storage.describe_index(index, self.options()).await?.spec;
            hint::mistyped_fields(&filter, &spec).iter().for_each(|h| self.note(h));
        }
        Ok(Some(filter))
    }

    /// The spec of an index, for the choice of columns; nothing where results are not for people.
    pub(crate) async fn spec(&self, storage: &dyn VectorStorage, index: &str) -> Option<IndexSpec> {
        if !self.is_table() {
            return None;
        }
        storage.describe_index(index, self.options()).await.ok().map(|info| info.spec)
    }

    /// Says something to people, on stderr, that is neither result nor error.
    pub(crate) fn note(&self, text: &str) {
        if self.is_table() && !self.is_quiet() {
            crate::failure::say(text);
        }
    }

    /// Asks before something is destroyed.
    ///
    /// Without a terminal nobody can answer, so that `--yes` must be given.
    pub(crate) fn confirm(&self, what: &str) -> Result<(), Failure> {
        if self.global.yes {
            return Ok(());
        }
        if !stdin().is_terminal() || !stderr().is_terminal() {
            return Err(Failure::usage(format!("this will {what}, and there is no terminal to ask"))
                .hint("add --yes"));
        }
        let question = format!("This will {what}. Go on?");
        let answer = dialoguer::Confirm::new().with_prompt(question).default(false).interact();
        match answer {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::failed(portolan::Error::new(
                portolan::ErrorKind::Cancelled,
                "nothing was changed",
            ))),
            Err(dialoguer::Error::IO(e)) => Err(e.into()),
        }
    }
}
