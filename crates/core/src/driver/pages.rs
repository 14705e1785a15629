//! Reading all rows page by page, whatever the database's paging.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;

use super::storage::{DriverStorage, Opened};
use super::{Driver, Paging, Row, Want, aside, push};
use crate::filter::{Filter, Pushed};
use crate::record::Record;
use crate::scan::{CountRequest, Cursor, ScanPage, ScanRequest};
use crate::{Error, ErrorKind, Result};

/// How many scans over shifting pages are kept; the longest unused one ends first.
const OPEN_SCANS: usize = 64;

/// Where a walk over all rows stands.
#[derive(Debug, Default)]
pub(super) struct Walk {
    cursor: Option<String>,
    seen: Seen,
    ended: bool,
}

/// The rows that a walk over shifting pages has passed, in that order.
#[derive(Debug, Default)]
struct Seen {
    order: Vec<Arc<str>>,
    at: HashMap<Arc<str>, usize>,
}

impl Seen {
    fn insert(&mut self, id: &str) -> bool {
        if self.at.contains_key(id) {
            return false;
        }
        let id: Arc<str> = id.into();
        self.at.insert(id.clone(), self.order.len());
        self.order.push(id);
        true
    }

    fn truncate(&mut self, len: usize) {
        for id in self.order.drain(len.min(self.order.len())..) {
            self.at.remove(&id);
        }
    }
}

/// The scans over shifting pages that may go on.
#[derive(Debug, Default)]
pub(super) struct Scans {
    open: Mutex<VecDeque<(u64, Arc<tokio::sync::Mutex<Walk>>)>>,
}

impl Scans {
    fn start(&self) -> (u64, Arc<tokio::sync::Mutex<Walk>>) {
        let mut open = self.open.lock();
        let number = open.back().map_or(0, |(n, _)| n + 1);
        let walk = Arc::default();
        open.push_back((number, Arc::clone(&walk)));
        if open.len() > OPEN_SCANS {
            open.pop_front();
        }
        (number, walk)
    }

    fn resume(&self, number: u64) -> Option<Arc<tokio::sync::Mutex<Walk>>> {
        self.open.lock().iter().find(|(n, _)| *n == number).map(|(_, walk)| Arc::clone(walk))
    }
}

impl<D: Driver> DriverStorage<D> {
    /// The next rows of a walk that were not seen before, at most `limit`; `None` at the end.
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

    /// Rows move forward when earlier ones are deleted or replaced, so each page begins with a row already seen: then
    /// all rows before it have been seen too, and none is missed.
    async fn next_shifting(
        &self,
        at: &Opened,
        filter: Option<&D::Filter>,
        walk: &mut Walk,
        limit: usize,
        want: Want,
    ) -> Result<Option<Vec<Row>>> {
        let mut offset: usize = walk.cursor.as_deref().and_then(|c| c.parse().ok()).unwrap_or(0);
        loop {
            let from = offset.saturating_sub(1);
            let rows = limit + (offset - from);
            let cursor = from.to_string();
            let page = self.driver().page(at.target(), filter, Some(&cursor), rows, want).await?;
            let joined =
                from == 0 || page.rows.first().is_some_and(|r| walk.seen.at.contains_key(r.id.as_str()));
            if !joined {
                offset = from / 2;
                continue;
            }
            let end = from + page.rows.len();
            walk.ended = page.next.is_none();
            walk.cursor = Some(end.to_string());
            let fresh: Vec<Row> = page.rows.into_iter().filter(|r| walk.seen.insert(&r.id)).collect();
            if fresh.is_empty() && !walk.ended {
                offset = end;
                continue;
            }
            return Ok(Some(fresh));
        }
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
        if let Some((seen, offset)) = &scan.back_to {
            walk.seen.truncate(*seen);
            walk.cursor = Some(offset.clone());
            walk.ended = false;
        }
        let mut records = Vec::new();
        while records.len() < request.page_size && !filter.is_none() {
            let limit = request.page_size - records.len();
            let Some(rows) = self.next_rows(at, pushed.native.as_ref(), &mut walk, limit, want).await? else {
                break;
            };
            for row in rows {
                let mut record = aside::decode(row)?;
                if meets(&pushed.residual, &record) {
                    if !request.include_metadata {
                        record.metadata = Default::default();
                    }
                    records.push(record);
                }
            }
        }
        let more = !walk.ended && !filter.is_none();
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
        let (seen, offset) = rest.split_once(':').ok_or_else(Cursor::dead)?;
        let seen = seen.parse().map_err(|_| Cursor::dead())?;
        let walk = self.scans().resume(number).ok_or_else(Cursor::dead)?;
        Ok(OpenScan { number, walk, back_to: Some((seen, offset.to_owned())) })
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
