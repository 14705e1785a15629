//! Progress bars on stderr, with rate and estimated end.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

const BYTES: &str = "{prefix} [{bar:30}] {percent:>3}%  {msg}  ETA {eta}";
const ITEMS: &str = "{prefix} [{bar:30}] {human_pos}/{human_len}  {per_sec}  ETA {eta}";
const UNKNOWN: &str = "{prefix} {spinner} {msg}  {elapsed}";

/// A bar; silent where stderr is no terminal or the user asked for quiet.
#[derive(Debug)]
pub(crate) struct Bar(ProgressBar);

impl Bar {
    /// A bar over bytes of input, or a spinner where their number is not known. The message counts records.
    pub(crate) fn over_bytes(quiet: bool, what: &str, total: Option<u64>) -> Self {
        Self::new(quiet, what, total, if total.is_some() { BYTES } else { UNKNOWN })
    }

    /// A bar over items.
    pub(crate) fn over_items(quiet: bool, what: &str, total: u64) -> Self {
        Self::new(quiet, what, Some(total), ITEMS)
    }

    /// Where the work is.
    pub(crate) fn set(&self, position: u64) {
        self.0.set_position(position);
    }

    /// Tells how many records are done, and how fast.
    pub(crate) fn records(&self, records: u64) {
        let rate = records as f64 / self.0.elapsed().as_secs_f64().max(1e-3);
        self.0.set_message(format!(
            "{} records  {}/s",
            crate::table::count(records),
            crate::table::count(rate as u64)
        ));
    }

    /// Prints a line above the bar.
    pub(crate) fn line(&self, text: &str) {
        if self.0.is_hidden() {
            crate::failure::say(text);
        } else {
            self.0.println(text);
        }
    }

    fn new(quiet: bool, what: &str, total: Option<u64>, style: &str) -> Self {
        if quiet || !stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = match total {
            Some(total) => ProgressBar::new(total),
            None => ProgressBar::new_spinner(),
        };
        bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
        bar.set_prefix(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
