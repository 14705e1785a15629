//! What every verb is run with.

use std::io::{IsTerminal, stderr, stdin};
use std::sync::Arc;

use portolan::{CallOptions, Error, ErrorKind, Filter, IndexInfo, IndexSpec, Location, VectorStorage};
use tokio::sync::OnceCell;

use crate::failure::{Failure, say};
use crate::options::{Format, Global, Where};
use crate::{hint, profile};

/// The global options, and what follows from them: the store, and the index that the command is about, which is
/// described once.
#[derive(Debug)]
pub(crate) struct Context {
    global: Global,
    storage: OnceCell<Arc<dyn VectorStorage>>,
    info: OnceCell<IndexInfo>,
}

impl Context {
    /// A context of these options.
    pub(crate) fn new(global: Global) -> Self {
        Self { global, storage: OnceCell::new(), info: OnceCell::new() }
    }

    /// A context of a store that is open.
    #[cfg(test)]
    pub(crate) fn over(storage: Arc<dyn VectorStorage>, global: Global) -> Self {
        Self { storage: OnceCell::new_with(Some(storage)), ..Self::new(global) }
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
    pub(crate) fn location(&self) -> Result<Location, Failure> {
        profile::location(&self.global)
    }

    /// Whether the same store is opened without an option.
    pub(crate) fn is_default_store(&self) -> bool {
        self.global.store.is_none() && self.global.profile.is_none()
    }

    /// The store, opened.
    pub(crate) async fn open(&self) -> Result<Arc<dyn VectorStorage>, Failure> {
        let open = async || Ok::<_, Failure>(portolan::open_location(self.location()?).await?);
        self.storage.get_or_try_init(open).await.cloned()
    }

    /// The options of each call.
    pub(crate) fn options(&self) -> CallOptions {
        self.global.timeout.map_or_else(CallOptions::new, |t| CallOptions::new().timeout(t))
    }

    /// What the index was created with. A command is about one index, which is described at the first call.
    pub(crate) async fn describe(&self, index: &str) -> Result<&IndexInfo, Failure> {
        let storage = self.open().await?;
        let describe = async || Ok(storage.describe_index(index, self.options()).await?);
        self.info.get_or_try_init(describe).await
    }

    /// The filter that was given, if any; fields that were probably mistyped are hinted at.
    pub(crate) async fn filter(&self, index: &str, given: &Where) -> Result<Option<Filter>, Failure> {
        let Some(text) = &given.filter else { return Ok(None) };
        let filter = Filter::parse(text)?;
        if self.is_table() && !self.is_quiet() {
            let spec = &self.describe(index).await?.spec;
            hint::mistyped_fields(&filter, spec).iter().for_each(|h| self.note(h));
        }
        Ok(Some(filter))
    }

    /// The spec of an index, for the choice of columns; nothing where results are not for people.
    pub(crate) async fn spec(&self, index: &str) -> Option<&IndexSpec> {
        if !self.is_table() {
            return None;
        }
        self.describe(index).await.ok().map(|info| &info.spec)
    }

    /// Says something to people, on stderr, that is neither result nor error.
    pub(crate) fn note(&self, text: &str) {
        if self.is_table() && !self.is_quiet() {
            say(text);
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
            Ok(false) => Err(Failure::failed(Error::new(ErrorKind::Cancelled, "nothing was changed"))),
            Err(dialoguer::Error::IO(e)) => Err(e.into()),
        }
    }
}
