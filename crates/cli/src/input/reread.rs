//! A reader whose first bytes were looked at.

use std::io::{BufRead, Chain, Cursor, Read};

/// A reader that gives the bytes that were read from it once more.
pub(super) type Reread<R> = Chain<Cursor<Vec<u8>>, R>;

/// Puts bytes back before the rest.
pub(super) fn reread<R: BufRead>(head: Vec<u8>, rest: R) -> Reread<R> {
    Cursor::new(head).chain(rest)
}
