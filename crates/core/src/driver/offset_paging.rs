//! Walks over all rows of a database whose pages go by offset.
//!
//! # Why offsets need care
//!
//! A page by offset says "skip so many rows". When a row that was already passed is deleted, or replaced and so moved to
//! the end, every later row moves one place towards the start, and the next page by plain counting would skip one.
//! Five rows, pages of two, with a deletion in between:
//!
//! ```text
//! the table           a b c d e
//! page 1, skip 0      a b            both are returned
//! another client deletes a:
//! the table           b c d e
//! page 2, skip 2          d e        by counting alone c would never be seen
//! ```
//!
//! So each page holds back its last row, the **anchor**, and the next page begins with it. In the example, with pages of
//! two and an anchor:
//!
//! ```text
//! the table           a b c d e
//! page 1, skip 0      a b [c]        c is the anchor, at offset 2
//! another client deletes a:
//! the table           b c d e
//! page 2, skip 2          d e        c is not on it: rows have moved
//! again, skip 0       b c d e        a page further back: c is there; b was seen, and c, d, e are new
//! ```
//!
//! - The anchor is on the page: nothing before it has moved, and the walk goes on from there.
//! - It is not, but is on a page that begins one page length earlier: the walk goes on from there; rows that were seen are
//!   passed over by their ids.
//! - It is on neither: it was deleted, or replaced and moved to the end. The walk starts over, passing over what was seen.
//! - The anchor stands last on the last page, though more rows followed it before: it was replaced and moved there, and
//!   rows before it may be new. It does not count as found.
//!
//! A walk in which the caller paused, so that others may have written between its pages, ends with a pass over the ids
//! alone ([`Pass::Clean`]); if that finds rows that were missed, they are returned and there is another pass.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::call::Call;
use super::{Driver, Page, Row, Want};
use crate::error::Result;

/// How many walks are kept for scans that may go on; the longest unused one ends first.
const OPEN_SCANS: usize = 1_024;

/// How many of those that have come to their end are kept, for a last page that was lost.
const ENDED_SCANS: usize = 8;

/// Where a walk over all rows stands.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) cursor: Option<String>,
    pub(super) ended: bool,
    seen: Seen,
    /// Whether the caller paused between pages, so that others may have written meanwhile.
    resumed: bool,
}

/// The rows that a walk by offset has passed, in that order.
#[derive(Debug, Default)]
struct Seen {
    order: Vec<Arc<str>>,
    ids: HashSet<Arc<str>>,
}

impl Seen {
    fn insert(&mut self, id: &str) -> bool {
        if self.ids.contains(id) {
            return false;
        }
        let id: Arc<str> = id.into();
        self.ids.insert(id.clone());
        self.order.push(id);
        true
    }

    fn truncate(&mut self, len: usize) {
        for id in self.order.drain(len.min(self.order.len())..) {
            self.ids.remove(&id);
        }
    }
}

impl Walk {
    /// A walk that goes on at a cursor of the database.
    pub(super) fn at(cursor: &str) -> Self {
        Self { cursor: Some(cursor.to_owned()), ..Self::default() }
    }

    /// Goes back to where an earlier page ended: what was seen since then is forgotten.
    pub(super) fn go_back(&mut self, seen: usize, cursor: &str) {
        self.seen.truncate(seen);
        self.cursor = Some(cursor.to_owned());
        self.ended = false;
        self.resumed = true;
    }

    /// How many rows it has passed.
    pub(super) fn passed(&self) -> usize {
        self.seen.order.len()
    }

    /// The next rows that were not seen before; see the module.
    pub(super) async fn next<D: Driver>(
        &mut self,
        driver: &D,
        call: &Call<D::Index>,
        filter: Option<&D::Filter>,
        limit: usize,
        want: Want,
    ) -> Result<Option<Vec<Row>>> {
        let most = driver.profile().page_rows;
        let limit = limit.min(most.saturating_sub(1)).max(1);
        let mut anchor = self.cursor.as_deref().and_then(Anchor::parse).unwrap_or_default();
        let again = anchor.pass != Pass::First;
        let mut from = anchor.offset;
        let mut rows = if again { most } else { most.min(limit.max(2) + 1) };
        let mut page =
            page_from(driver, call, filter, from, rows, if again { Want::ID } else { want }).await?;
        if !anchor.is_on(&page) {
            (from, rows) = (from.saturating_sub(most), most);
            page = page_from(driver, call, filter, from, rows, if again { Want::ID } else { want }).await?;
        }
        if again && anchor.is_on(&page) && page.rows.iter().any(|r| !self.seen.ids.contains(r.id.as_str())) {
            page = page_from(driver, call, filter, from, rows, want).await?;
        }
        if !anchor.is_on(&page) {
            self.cursor = Some(Anchor::start(anchor.pass).to_cursor());
            return Ok(Some(Vec::new()));
        }
        let (fresh, next) = self.take(page, from, limit);
        if again && !fresh.is_empty() {
            anchor.pass = Pass::Found;
        }
        let next = match (next, anchor.pass) {
            (Some(next), pass) => Some(Anchor { pass, ..next }),
            (None, Pass::First) if self.resumed => Some(Anchor::start(Pass::Clean)),
            (None, Pass::Found) => Some(Anchor::start(Pass::Clean)),
            (None, Pass::First | Pass::Clean) => None,
        };
        self.ended = next.is_none();
        self.cursor = next.map(|anchor| anchor.to_cursor());
        Ok(Some(fresh))
    }

    /// The rows of a page that were not seen before, at most `limit`, and where the next page begins; nowhere at the end.
    fn take(&mut self, page: Page, from: usize, limit: usize) -> (Vec<Row>, Option<Anchor>) {
        let rows = page.rows.len();
        let mut fresh = Vec::new();
        for (n, row) in page.rows.into_iter().enumerate() {
            let last = n + 1 == rows;
            let held_back = last && n > 0 && page.next.is_some();
            if held_back || fresh.len() == limit {
                let last = last && page.next.is_none();
                let id = Some(row.id.into_string());
                return (fresh, Some(Anchor { offset: from + n, id, last, ..Anchor::default() }));
            }
            if self.seen.insert(&row.id) {
                fresh.push(row);
            }
        }
        (fresh, page.next.map(|_| Anchor { offset: from + rows, ..Anchor::default() }))
    }
}

/// The row with which a page begins: all rows before it have been seen.
#[derive(Debug, Clone, Default)]
struct Anchor {
    offset: usize,
    /// Its native id; absent where none is known.
    id: Option<String>,
    /// Whether it was known to be the last.
    last: bool,
    pass: Pass,
}

/// How often a walk has gone over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pass {
    #[default]
    First,
    /// Looks for rows that were missed, and has found none.
    Clean,
    /// Looks for rows that were missed, and has found some: there will be another pass.
    Found,
}

impl Anchor {
    fn start(pass: Pass) -> Self {
        Self { pass, ..Self::default() }
    }

    fn parse(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(4, ':');
        let offset = parts.next()?.parse().ok()?;
        let last = parts.next()? == "last";
        let pass = match parts.next()? {
            "clean" => Pass::Clean,
            "found" => Pass::Found,
            _ => Pass::First,
        };
        let id = parts.next().filter(|id| !id.is_empty()).map(str::to_owned);
        Some(Self { offset, id, last, pass })
    }

    fn to_cursor(&self) -> String {
        let last = if self.last { "last" } else { "" };
        let pass = match self.pass {
            Pass::First => "",
            Pass::Clean => "clean",
            Pass::Found => "found",
        };
        format!("{}:{last}:{pass}:{}", self.offset, self.id.as_deref().unwrap_or_default())
    }

    /// Whether a page still contains the anchor at a position that can be trusted: a row that was replaced has moved to the
    /// end, behind others that have not been seen.
    fn is_on(&self, page: &Page) -> bool {
        let Some(id) = &self.id else { return true };
        match page.rows.iter().position(|row| row.id.as_str() == id) {
            Some(position) => self.last || page.next.is_some() || position + 1 < page.rows.len(),
            None => false,
        }
    }
}

/// The scans by offset that may go on, the longest unused one first.
#[derive(Debug, Default)]
pub(super) struct Scans {
    open: Mutex<VecDeque<Scan>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Scan {
    number: u64,
    walk: Arc<tokio::sync::Mutex<Walk>>,
    ended: bool,
}

impl Scans {
    pub(super) fn start(&self) -> (u64, Arc<tokio::sync::Mutex<Walk>>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let walk = Arc::default();
        let mut open = self.open.lock();
        open.push_back(Scan { number, walk: Arc::clone(&walk), ended: false });
        if open.len() > OPEN_SCANS {
            open.pop_front();
        }
        (number, walk)
    }

    pub(super) fn resume(&self, number: u64) -> Option<Arc<tokio::sync::Mutex<Walk>>> {
        let mut open = self.open.lock();
        let position = open.iter().position(|scan| scan.number == number)?;
        let scan = open.remove(position)?;
        let walk = Arc::clone(&scan.walk);
        open.push_back(Scan { ended: false, ..scan });
        Some(walk)
    }

    /// Notes that a scan has come to its end. It holds the ids of all that it has seen, so that few such are kept.
    pub(super) fn end(&self, number: u64) {
        let mut open = self.open.lock();
        open.iter_mut().filter(|scan| scan.number == number).for_each(|scan| scan.ended = true);
        if open.iter().filter(|scan| scan.ended).count() > ENDED_SCANS
            && let Some(oldest) = open.iter().position(|scan| scan.ended)
        {
            open.remove(oldest);
        }
    }
}

async fn page_from<D: Driver>(
    driver: &D,
    call: &Call<D::Index>,
    filter: Option<&D::Filter>,
    offset: usize,
    limit: usize,
    want: Want,
) -> Result<Page> {
    let offset = offset.to_string();
    let page = driver.page(call.target(), filter, Some(&offset), limit, want);
    let page = call.limit.read(page).await?;
    // The place of a row that cannot be read is not told, and by offset all others follow from it.
    page.unreadable.first().map_or(Ok(()), |row| Err(row.to_error()))?;
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_scans_that_have_ended_are_kept_and_all_that_go_on() {
        let scans = Scans::default();
        let numbers: Vec<u64> = (0..100).map(|_| scans.start().0).collect();
        for number in &numbers[10..] {
            scans.end(*number);
        }
        let kept: Vec<u64> = numbers.into_iter().filter(|number| scans.resume(*number).is_some()).collect();
        let expected: Vec<u64> = (0..10).chain(100 - ENDED_SCANS as u64..100).collect();
        assert_eq!(kept, expected);
    }
}
