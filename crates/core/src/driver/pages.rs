//! Reading all rows page by page, whatever the database's paging.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::storage::{DriverStorage, Opened};
use super::{Driver, Page, Paging, Row, Want, aside, push};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Filter, Pushed};
use crate::record::Record;
use crate::scan::{CountRequest, Cursor, ScanPage, ScanRequest};

/// How many scans over shifting pages are kept; the longest unused one ends first.
const OPEN_SCANS: usize = 1_024;

/// How many of those that have come to their end are kept, for a last page that was lost.
const ENDED_SCANS: usize = 8;

/// The most pages that one call of a scan reads before it answers with what it has, so that it ends in time.
const PAGES_OF_A_CALL: usize = 128;

/// The least rows that a scan reads at once where some of them may fall away.
const READ_AHEAD: usize = 256;

/// Where a walk over all rows stands.
#[derive(Debug, Default)]
pub(super) struct Walk {
    cursor: Option<String>,
    seen: Seen,
    ended: bool,
    /// Whether there were calls of others between its pages.
    resumed: bool,
}

/// The rows that a walk over shifting pages has passed, in that order.
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
    /// The rows of a page that were not seen before, at most `limit`, and the mark of the next; none at the end.
    fn take(&mut self, page: Page, from: usize, limit: usize) -> (Vec<Row>, Option<Mark>) {
        let rows = page.rows.len();
        let mut fresh = Vec::new();
        for (n, row) in page.rows.into_iter().enumerate() {
            let last = n + 1 == rows;
            let held_back = last && n > 0 && page.next.is_some();
            if held_back || fresh.len() == limit {
                let last = last && page.next.is_none();
                let mark = Mark { offset: from + n, row: Some(row.id), last, ..Mark::default() };
                return (fresh, Some(mark));
            }
            if self.seen.insert(&row.id) {
                fresh.push(row);
            }
        }
        (fresh, page.next.map(|_| Mark { offset: from + rows, ..Mark::default() }))
    }
}

/// A place in shifting pages: all rows before this one have been seen.
#[derive(Debug, Clone, Default)]
struct Mark {
    offset: usize,
    /// Which row stood there; absent where none is known.
    row: Option<String>,
    /// Whether it was known to be the last.
    last: bool,
    pass: Pass,
}

/// Which time a walk goes over the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Pass {
    #[default]
    First,
    /// For rows that were missed: none was, so far.
    Clean,
    /// For rows that were missed: some were, and there will be another pass.
    Found,
}

impl Mark {
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
        let row = parts.next().filter(|row| !row.is_empty()).map(str::to_owned);
        Some(Self { offset, row, last, pass })
    }

    fn to_cursor(&self) -> String {
        let last = if self.last { "last" } else { "" };
        let pass = match self.pass {
            Pass::First => "",
            Pass::Clean => "clean",
            Pass::Found => "found",
        };
        format!("{}:{last}:{pass}:{}", self.offset, self.row.as_deref().unwrap_or_default())
    }

    /// Whether a page shows the row where it may be taken for the one that was marked. If the row was replaced it
    /// stands at the end, behind others that have not been seen.
    fn is_on(&self, page: &Page) -> bool {
        let Some(row) = &self.row else { return true };
        match page.rows.iter().position(|r| r.id == *row) {
            Some(at) => self.last || page.next.is_some() || at + 1 < page.rows.len(),
            None => false,
        }
    }
}

/// The scans over shifting pages that may go on, the longest unused one first.
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
    fn start(&self) -> (u64, Arc<tokio::sync::Mutex<Walk>>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let walk = Arc::default();
        let mut open = self.open.lock();
        open.push_back(Scan { number, walk: Arc::clone(&walk), ended: false });
        if open.len() > OPEN_SCANS {
            open.pop_front();
        }
        (number, walk)
    }

    fn resume(&self, number: u64) -> Option<Arc<tokio::sync::Mutex<Walk>>> {
        let mut open = self.open.lock();
        let at = open.iter().position(|scan| scan.number == number)?;
        let scan = open.remove(at)?;
        let walk = Arc::clone(&scan.walk);
        open.push_back(Scan { ended: false, ..scan });
        Some(walk)
    }

    /// Notes that a scan has come to its end. It holds the ids of all that it has seen, so that few such are kept.
    fn end(&self, number: u64) {
        let mut open = self.open.lock();
        open.iter_mut().filter(|scan| scan.number == number).for_each(|scan| scan.ended = true);
        if open.iter().filter(|scan| scan.ended).count() > ENDED_SCANS
            && let Some(oldest) = open.iter().position(|scan| scan.ended)
        {
            open.remove(oldest);
        }
    }
}

impl<D: Driver> DriverStorage<D> {
    /// The next rows of a walk that were not seen before, at most `limit`, maybe none; `None` at the end.
    pub(super) async fn next_rows(
        &self,
        at: &Opened,
        filter: Option<&D::Filter>,
        walk: &mut Walk,
        limit: usize,
        want: Want,
    ) -> Result<Option<Vec<Row>>> {
        if walk.ended {
            return Ok(None);
        }
        let limit = limit.clamp(1, self.profile().page_rows);
        match self.profile().paging {
            Paging::Stable => {
                let page =
                    self.driver().page(at.target(), filter, walk.cursor.as_deref(), limit, want).await?;
                walk.ended = page.next.is_none();
                walk.cursor = page.next;
                Ok(Some(page.rows))
            }
            Paging::Shifting => self.next_shifting(at, filter, walk, limit, want).await,
        }
    }

    /// Rows move forward when earlier ones are deleted or replaced, so each page begins with a row that the one before
    /// ended with and held back. If it is not there it has moved a little, or the walk begins again and passes over
    /// what was seen. A walk that others interrupted goes over all ids once more, until nothing was missed.
    async fn next_shifting(
        &self,
        at: &Opened,
        filter: Option<&D::Filter>,
        walk: &mut Walk,
        limit: usize,
        want: Want,
    ) -> Result<Option<Vec<Row>>> {
        let most = self.profile().page_rows;
        let limit = limit.min(most.saturating_sub(1)).max(1);
        let mut mark = walk.cursor.as_deref().and_then(Mark::parse).unwrap_or_default();
        let again = mark.pass != Pass::First;
        let mut from = mark.offset;
        let mut rows = if again { most } else { most.min(limit.max(2) + 1) };
        let mut page = self.page_from(at, filter, from, rows, if again { Want::ID } else { want }).await?;
        if !mark.is_on(&page) {
            (from, rows) = (from.saturating_sub(most), most);
            page = self.page_from(at, filter, from, rows, if again { Want::ID } else { want }).await?;
        }
        if again && mark.is_on(&page) && page.rows.iter().any(|r| !walk.seen.ids.contains(r.id.as_str())) {
            page = self.page_from(at, filter, from, rows, want).await?;
        }
        if !mark.is_on(&page) {
            walk.cursor = Some(Mark::start(mark.pass).to_cursor());
            return Ok(Some(Vec::new()));
        }
        let (fresh, next) = walk.take(page, from, limit);
        if again && !fresh.is_empty() {
            mark.pass = Pass::Found;
        }
        let next = match (next, mark.pass) {
            (Some(next), pass) => Some(Mark { pass, ..next }),
            (None, Pass::First) if walk.resumed => Some(Mark::start(Pass::Clean)),
            (None, Pass::Found) => Some(Mark::start(Pass::Clean)),
            (None, Pass::First | Pass::Clean) => None,
        };
        walk.ended = next.is_none();
        walk.cursor = next.map(|mark| mark.to_cursor());
        Ok(Some(fresh))
    }

    async fn page_from(
        &self,
        at: &Opened,
        filter: Option<&D::Filter>,
        offset: usize,
        limit: usize,
        want: Want,
    ) -> Result<Page> {
        self.driver().page(at.target(), filter, Some(&offset.to_string()), limit, want).await
    }

    /// All records that meet a filter, handed over page by page; fails past the budget of records read.
    pub(super) async fn each_record(
        &self,
        at: &Opened,
        pushed: &Pushed<D::Filter>,
        want: Want,
        budget: u64,
        mut take: impl FnMut(Record) -> Result<()> + Send,
    ) -> Result<u64> {
        let mut walk = Walk::default();
        let mut read = 0;
        while let Some(rows) =
            self.next_rows(at, pushed.native.as_ref(), &mut walk, self.profile().page_rows, want).await?
        {
            read += rows.len() as u64;
            within_budget(read, budget)?;
            for row in rows {
                let record = aside::decode(row)?;
                if meets(&pushed.residual, &record) {
                    take(record)?;
                }
            }
        }
        Ok(read)
    }

    pub(super) async fn scan_in(&self, at: &Opened, request: &ScanRequest<'_>) -> Result<ScanPage> {
        request.validate()?;
        let filter = request.filter.map_or_else(Filter::all, push::prepared);
        let pushed = push::push_to_pages(self.driver(), at.spec(), &filter);
        let want = Want {
            vectors: request.include_vectors,
            metadata: request.include_metadata || pushed.residual.is_some(),
            own: !self.profile().ids.is_plain(),
        };
        let scan = self.resume_scan(at, request.cursor)?;
        let mut walk = scan.walk.lock().await;
        if let Some((seen, mark)) = &scan.back_to {
            walk.seen.truncate(*seen);
            walk.cursor = Some(mark.clone());
            walk.ended = false;
            walk.resumed = true;
        }
        let mut records = Vec::new();
        for _ in 0..PAGES_OF_A_CALL {
            let missing = request.page_size - records.len();
            if missing == 0 || filter.is_none() {
                break;
            }
            let ahead = pushed.residual.is_some() && self.profile().row_cursors;
            let limit = if ahead { missing.max(READ_AHEAD) } else { missing };
            let Some(rows) = self.next_rows(at, pushed.native.as_ref(), &mut walk, limit, want).await? else {
                break;
            };
            let mut rows = rows.into_iter().peekable();
            while let Some(row) = rows.next() {
                let behind = if ahead { self.driver().cursor_after(&row) } else { None };
                let mut record = aside::decode(row)?;
                if meets(&pushed.residual, &record) {
                    if !request.include_metadata {
                        record.metadata = Default::default();
                    }
                    records.push(record);
                }
                if records.len() == request.page_size && rows.peek().is_some() {
                    walk.cursor = behind;
                    walk.ended = false;
                    break;
                }
            }
        }
        let more = !walk.ended && !filter.is_none();
        if !more && self.profile().paging == Paging::Shifting {
            self.scans().end(scan.number);
        }
        Ok(ScanPage::new(records, more.then(|| self.cursor(at, scan.number, &walk))))
    }

    pub(super) async fn count_in(&self, at: &Opened, request: &CountRequest<'_>) -> Result<u64> {
        request.options.validate()?;
        request.filter.map_or(Ok(()), Filter::validate)?;
        let filter = request.filter.map_or_else(Filter::all, push::prepared);
        self.count_matching(at, &filter, false, request.residual_budget).await
    }

    /// Counts natively where the filter is exact, else by reading.
    pub(super) async fn count_matching(
        &self,
        at: &Opened,
        filter: &Filter,
        with_vector: bool,
        budget: u64,
    ) -> Result<u64> {
        if filter.is_none() {
            return Ok(0);
        }
        let pushed = push::push(self.driver(), at.spec(), filter);
        let native = if pushed.native.is_some() { self.profile().count_where } else { self.profile().count };
        if native && pushed.residual.is_none() {
            return self.driver().count(at.target(), pushed.native.as_ref(), with_vector).await;
        }
        let pushed = push::push_to_pages(self.driver(), at.spec(), filter);
        let want = Want {
            vectors: with_vector,
            metadata: pushed.residual.is_some(),
            own: !self.profile().ids.is_plain(),
        };
        let mut count = 0;
        self.each_record(at, &pushed, want, budget, |record| {
            count += u64::from(!with_vector || record.vector.is_some());
            Ok(())
        })
        .await?;
        Ok(count)
    }

    fn resume_scan(&self, at: &Opened, cursor: Option<&Cursor>) -> Result<OpenScan> {
        let shifting = self.profile().paging == Paging::Shifting;
        let Some(cursor) = cursor else {
            let (number, walk) = if shifting { self.scans().start() } else { (0, Arc::default()) };
            return Ok(OpenScan { number, walk, back_to: None });
        };
        let token = cursor.as_str().strip_prefix(&self.cursor_prefix(at));
        let (number, rest) = token.and_then(|t| t.split_once(':')).ok_or_else(Cursor::dead)?;
        let number: u64 = number.parse().map_err(|_| Cursor::dead())?;
        if !shifting {
            let walk = Walk { cursor: Some(rest.to_owned()), ..Walk::default() };
            return Ok(OpenScan { number, walk: Arc::new(walk.into()), back_to: None });
        }
        let (seen, mark) = rest.split_once(':').ok_or_else(Cursor::dead)?;
        let seen = seen.parse().map_err(|_| Cursor::dead())?;
        let walk = self.scans().resume(number).ok_or_else(Cursor::dead)?;
        Ok(OpenScan { number, walk, back_to: Some((seen, mark.to_owned())) })
    }

    fn cursor(&self, at: &Opened, number: u64, walk: &Walk) -> Cursor {
        let prefix = self.cursor_prefix(at);
        let to = walk.cursor.as_deref().unwrap_or_default();
        match self.profile().paging {
            Paging::Stable => Cursor::new(format!("{prefix}{number}:{to}")),
            Paging::Shifting => Cursor::new(format!("{prefix}{number}:{}:{to}", walk.seen.order.len())),
        }
    }

    fn cursor_prefix(&self, at: &Opened) -> String {
        format!("{}:{}:", self.nonce(), at.native)
    }
}

/// A scan that goes on. Over shifting pages an earlier cursor may be used again, when its page was lost: what was
/// seen since then is forgotten.
struct OpenScan {
    number: u64,
    walk: Arc<tokio::sync::Mutex<Walk>>,
    back_to: Option<(usize, String)>,
}

/// Whether a record meets what is left to check.
pub(super) fn meets(residual: &Option<Filter>, record: &Record) -> bool {
    residual.as_ref().is_none_or(|f| f.matches(&record.id, &record.metadata))
}

fn within_budget(read: u64, budget: u64) -> Result<()> {
    if read <= budget { Ok(()) } else { Err(past_budget(budget)) }
}

pub(super) fn past_budget(budget: u64) -> Error {
    Error::new(
        ErrorKind::ResidualLimit,
        format!(
            "the database cannot evaluate all of this request, and more than {budget} records would be read to do it \
             here; narrow the filter, declare its fields, or raise residual_budget"
        ),
    )
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
