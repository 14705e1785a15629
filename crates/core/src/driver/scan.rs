//! Reading all rows page by page: scans, counts, and whatever the engine does over every record.

use std::sync::Arc;

use super::call::Call;
use super::lowering::LoweredFilter;
use super::offset_paging::Walk;
use super::storage::DriverStorage;
use super::{Driver, NativeId, Page, Paging, Row, Want, overflow};
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Filter, Pushed};
use crate::record::Record;
use crate::scan::{CountRequest, Cursor, ScanPage, ScanRequest};

/// The most pages that one call of a scan reads before it answers with what it has, so that it ends in time.
const PAGES_OF_A_CALL: usize = 128;

/// The least rows that a scan reads at once where some of them may fall away.
const READ_AHEAD: usize = 256;

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn scan_in(&self, call: &Call<D::Index>, request: &ScanRequest<'_>) -> Result<ScanPage> {
        request.validate()?;
        let filter = LoweredFilter::new(self.driver(), call.unsent(), request.filter);
        let scan = self.resume_scan(call, request.cursor)?;
        let mut walk = scan.walk.lock().await;
        if let Some((seen, cursor)) = &scan.back_to {
            walk.go_back(*seen, cursor);
        }
        let (mut records, mut unreadable) = (Vec::new(), Vec::new());
        if filter.filter.is_none() {
            walk.ended = true;
        }
        for _ in 0..PAGES_OF_A_CALL {
            if records.len() == request.page_size {
                break;
            }
            let Some(page) = self.page_of_scan(call, request, &filter, &mut walk, records.len()).await?
            else {
                break;
            };
            unreadable.extend(page.unreadable);
            self.take_rows(request, filter.in_pages(), page.rows, &mut walk, &mut records)?;
        }
        if walk.ended && self.profile().paging == Paging::Shifting {
            self.scans().end(scan.number);
        }
        let cursor = (!walk.ended).then(|| self.cursor(call, scan.number, &walk));
        Ok(ScanPage::new(records, cursor).unreadable(unreadable))
    }

    pub(super) async fn count_in(&self, call: &Call<D::Index>, request: &CountRequest<'_>) -> Result<u64> {
        request.options.validate()?;
        request.filter.map_or(Ok(()), Filter::validate)?;
        let filter = LoweredFilter::new(self.driver(), call.unsent(), request.filter);
        self.count_matching(call, &filter, false, request.residual_budget).await
    }

    /// Counts natively where the filter is exact, else by reading.
    pub(super) async fn count_matching(
        &self,
        call: &Call<D::Index>,
        filter: &LoweredFilter<D::Filter>,
        with_vector: bool,
        budget: u64,
    ) -> Result<u64> {
        if filter.filter.is_none() {
            return Ok(0);
        }
        if filter.pushed.residual.is_none()
            && let Some(count) = self.count_natively(call, filter.pushed.native.as_ref(), with_vector).await?
        {
            return Ok(count);
        }
        let pushed = filter.in_pages();
        let want = self.want(with_vector, pushed.residual.is_some());
        let mut count = 0;
        self.each_record(call, pushed, want, budget, |_, record| {
            count += u64::from(!with_vector || record.vector.is_some());
            Ok(())
        })
        .await?;
        Ok(count)
    }

    /// The database's own count, where it counts such rows.
    pub(super) async fn count_natively(
        &self,
        call: &Call<D::Index>,
        native: Option<&D::Filter>,
        with_vector: bool,
    ) -> Result<Option<u64>> {
        let counts = if native.is_some() { self.profile().count_where } else { self.profile().count };
        if !counts {
            return Ok(None);
        }
        call.limit.read(self.driver().count(call.target(), native, with_vector)).await.map(Some)
    }

    /// All records that meet a filter with their native ids, handed over page by page; fails past the budget of records
    /// read.
    pub(super) async fn each_record(
        &self,
        call: &Call<D::Index>,
        pushed: &Pushed<D::Filter>,
        want: Want,
        budget: u64,
        mut take: impl FnMut(NativeId, Record) -> Result<()> + Send,
    ) -> Result<u64> {
        let mut walk = Walk::default();
        let mut read = 0;
        let residual = pushed.residual_matcher();
        let page_rows = self.profile().page_rows;
        while let Some(page) =
            self.next_page(call, pushed.native.as_ref(), &mut walk, page_rows, want).await?
        {
            read += page.rows.len() as u64;
            if read > budget {
                return Err(past_budget(budget));
            }
            if let Some(record) = page.unreadable.first() {
                return Err(record.to_error());
            }
            for row in page.rows {
                let native_id = row.id.clone();
                let record = overflow::decode(row)?;
                if residual.matches(&record.id, &record.metadata) {
                    take(native_id, record)?;
                }
            }
        }
        Ok(read)
    }

    /// What a read of many rows needs, the overflow fields with it where ids may be there.
    pub(super) fn want(&self, vectors: bool, metadata: bool) -> Want {
        Want { vectors, metadata, overflow: !self.profile().ids.is_plain() }
    }

    /// The next rows of a walk that were not seen before, at most `limit`, maybe none; `None` at the end.
    async fn next_page(
        &self,
        call: &Call<D::Index>,
        filter: Option<&D::Filter>,
        walk: &mut Walk,
        limit: usize,
        want: Want,
    ) -> Result<Option<Page>> {
        if walk.ended {
            return Ok(None);
        }
        let limit = limit.clamp(1, self.profile().page_rows);
        match self.profile().paging {
            Paging::Stable => {
                let page = self.driver().page(call.target(), filter, walk.cursor.as_deref(), limit, want);
                let page = call.limit.read(page).await?;
                walk.ended = page.next.is_none();
                walk.cursor = page.next.clone();
                Ok(Some(page))
            }
            Paging::Shifting => {
                let rows = walk.next(self.driver(), call, filter, limit, want).await?;
                Ok(rows.map(|rows| Page::new(rows, None)))
            }
        }
    }

    async fn page_of_scan(
        &self,
        call: &Call<D::Index>,
        request: &ScanRequest<'_>,
        filter: &LoweredFilter<D::Filter>,
        walk: &mut Walk,
        found: usize,
    ) -> Result<Option<Page>> {
        let pushed = filter.in_pages();
        let missing = request.page_size - found;
        let limit = if self.reads_ahead(pushed) { missing.max(READ_AHEAD) } else { missing };
        let want = self.want(request.include_vectors, request.include_metadata || pushed.residual.is_some());
        self.next_page(call, pushed.native.as_ref(), walk, limit, want).await
    }

    /// Takes the records of some rows, as many as the page still takes; the walk goes on behind the last.
    fn take_rows(
        &self,
        request: &ScanRequest<'_>,
        pushed: &Pushed<D::Filter>,
        rows: Vec<Row>,
        walk: &mut Walk,
        records: &mut Vec<Record>,
    ) -> Result<()> {
        let (ahead, residual) = (self.reads_ahead(pushed), pushed.residual_matcher());
        let mut rows = rows.into_iter().peekable();
        while let Some(row) = rows.next() {
            let behind = if ahead { self.driver().cursor_after(&row) } else { None };
            let mut record = overflow::decode(row)?;
            if residual.matches(&record.id, &record.metadata) {
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
        Ok(())
    }

    /// Whether a scan may read more rows than it returns, since it can go on behind any of them.
    fn reads_ahead(&self, pushed: &Pushed<D::Filter>) -> bool {
        pushed.residual.is_some() && self.profile().row_cursors
    }

    fn resume_scan(&self, call: &Call<D::Index>, cursor: Option<&Cursor>) -> Result<OpenScan> {
        let shifting = self.profile().paging == Paging::Shifting;
        let Some(cursor) = cursor else {
            let (number, walk) = if shifting { self.scans().start() } else { (0, Arc::default()) };
            return Ok(OpenScan { number, walk, back_to: None });
        };
        let token = cursor.as_str().strip_prefix(&self.cursor_prefix(call));
        let (number, rest) = token.and_then(|t| t.split_once(':')).ok_or_else(Cursor::dead)?;
        let number: u64 = number.parse().map_err(|_| Cursor::dead())?;
        if !shifting {
            let walk = Arc::new(Walk::at(rest).into());
            return Ok(OpenScan { number, walk, back_to: None });
        }
        let (seen, anchor) = rest.split_once(':').ok_or_else(Cursor::dead)?;
        let seen = seen.parse().map_err(|_| Cursor::dead())?;
        let walk = self.scans().resume(number).ok_or_else(Cursor::dead)?;
        Ok(OpenScan { number, walk, back_to: Some((seen, anchor.to_owned())) })
    }

    fn cursor(&self, call: &Call<D::Index>, number: u64, walk: &Walk) -> Cursor {
        let prefix = self.cursor_prefix(call);
        let to = walk.cursor.as_deref().unwrap_or_default();
        match self.profile().paging {
            Paging::Stable => Cursor::new(format!("{prefix}{number}:{to}")),
            Paging::Shifting => Cursor::new(format!("{prefix}{number}:{}:{to}", walk.passed())),
        }
    }

    fn cursor_prefix(&self, call: &Call<D::Index>) -> String {
        format!("{}:{}:", self.nonce(), call.native_name())
    }
}

/// A scan that goes on. By offset an earlier cursor may be used again, when its page was lost: the walk then goes back.
struct OpenScan {
    number: u64,
    walk: Arc<tokio::sync::Mutex<Walk>>,
    back_to: Option<(usize, String)>,
}

/// Past the budget of records read.
pub(super) fn past_budget(budget: u64) -> Error {
    Error::new(
        ErrorKind::ResidualLimit,
        format!(
            "the database cannot evaluate all of this request, and more than {budget} records would be read to do it \
             here; narrow the filter, declare its fields, or raise residual_budget"
        ),
    )
}
