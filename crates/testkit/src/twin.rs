//! An index under test and its like in the oracle: every call goes to both, and the answers are compared.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_core::{
    CountRequest, DeleteRequest, DeleteWhereRequest, Filter, GetRequest, IndexSpec, MetadataPatch,
    MetadataUpdate, Outcome, Record, Result, ScanRequest, SearchRequest, SearchResult, Support,
    UpdateRequest, UpsertRequest, VectorStorage, WriteResult,
};

use crate::case::{Stop, Verdict, check, check_eq, granted};
use crate::compare;
use crate::context::{OPTIONS, unoracular};

/// An index under test and its like in the oracle.
pub(crate) struct Twin {
    pub(crate) subject: Arc<dyn VectorStorage>,
    pub(crate) oracle: Arc<dyn VectorStorage>,
    pub(crate) spec: IndexSpec,
}

impl Twin {
    pub(crate) fn name(&self) -> &str {
        &self.spec.name
    }

    /// Writes to both; every record must be stored.
    pub(crate) async fn upsert(&self, records: &[Record]) -> Verdict {
        granted("upsert", self.store(records).await?.into_result())?;
        Ok(())
    }

    /// Writes to both; the outcomes must be the same.
    pub(crate) async fn store(&self, records: &[Record]) -> Verdict<WriteResult> {
        let request = UpsertRequest::new(self.name(), records);
        let expected = self.oracle.upsert(&request).await;
        agree("upsert", self.subject.upsert(&request).await, expected)
    }

    /// Deletes from both.
    pub(crate) async fn delete(&self, ids: &[String]) -> Verdict<WriteResult> {
        let request = DeleteRequest::new(self.name(), ids);
        let expected = self.oracle.delete(&request).await;
        agree("delete", self.subject.delete(&request).await, expected)
    }

    /// Deletes from both by filter; a number deleted must be exact.
    pub(crate) async fn delete_where(&self, filter: &Filter) -> Verdict {
        let request = DeleteWhereRequest::new(self.name(), filter);
        let expected = self.oracle.delete_where(&request).await.map_err(unoracular)?;
        let deleted = granted("delete_where", self.subject.delete_where(&request).await)?.deleted;
        check!(
            deleted.is_none() || deleted == expected.deleted,
            "delete where {filter}: says it deleted {deleted:?}, expected {:?}",
            expected.deleted
        );
        Ok(())
    }

    /// Updates both; the outcomes must be the same.
    pub(crate) async fn update(&self, updates: &[MetadataUpdate]) -> Verdict<WriteResult> {
        let request = UpdateRequest::new(self.name(), updates);
        let expected = self.oracle.update_metadata(&request).await;
        agree("update_metadata", self.subject.update_metadata(&request).await, expected)
    }

    /// Updates one record of both.
    pub(crate) async fn patch(&self, id: &str, patch: MetadataPatch) -> Verdict {
        granted("update_metadata", self.update(&[MetadataUpdate::new(id, patch)]).await?.into_result())?;
        Ok(())
    }

    pub(crate) async fn clear(&self) -> Verdict {
        self.oracle.clear(self.name(), OPTIONS).await.map_err(unoracular)?;
        granted("clear", self.subject.clear(self.name(), OPTIONS).await)
    }

    /// A search for the nearest ten, exact where the store can promise that.
    pub(crate) fn query(&self, vector: impl Into<portolan_core::Vector>) -> SearchRequest {
        let exact = self.subject.capability().exact != Support::Unsupported;
        SearchRequest::new(self.name(), vector).exact(exact)
    }

    /// Searches, and compares the answer with what the oracle knows.
    pub(crate) async fn search(&self, request: &SearchRequest) -> Verdict<SearchResult> {
        let found = granted("search", self.subject.search(request).await)?;
        let expected = compare::Expected::of(self, request).await?;
        expected.check(&found)?;
        Ok(found)
    }

    /// Reads ids from both; records must be the same.
    pub(crate) async fn get(&self, ids: &[String]) -> Verdict<Vec<Option<Record>>> {
        let request = GetRequest::new(self.name(), ids);
        let expected = self.oracle.get(&request).await.map_err(unoracular)?;
        let found = granted("get", self.subject.get(&request).await)?;
        check_eq!(found.len(), expected.len(), "the number of answers to get");
        for ((id, found), expected) in ids.iter().zip(&found).zip(&expected) {
            match (found, expected) {
                (Some(found), Some(expected)) => compare::record(self, found, expected)?,
                (None, None) => {}
                _ => {
                    let there = |r: &Option<Record>| if r.is_some() { "there" } else { "missing" };
                    let (found, expected) = (there(found), there(expected));
                    return Err(Stop::Failed(format!(
                        "get {id:?}: the record is {found}, expected {expected}"
                    )));
                }
            }
        }
        Ok(found)
    }

    /// Everything that a scan gives, page by page; each record once.
    pub(crate) async fn scan(&self, filter: Option<&Filter>, page_size: usize) -> Verdict<Vec<Record>> {
        scan_all(&*self.subject, self.name(), filter, page_size).await
    }

    /// Counts, and compares.
    pub(crate) async fn count(&self, filter: Option<&Filter>) -> Verdict<u64> {
        let request = CountRequest::new(self.name()).filter(filter);
        let expected = self.oracle.count(&request).await.map_err(unoracular)?;
        let found = granted("count", self.subject.count(&request).await)?;
        check_eq!(found, expected, "count{}", shown(filter));
        Ok(found)
    }

    /// Compares all records of both, by scan and by count.
    pub(crate) async fn same(&self) -> Verdict {
        self.same_where(None, 100).await
    }

    /// Compares the records of both that meet a filter.
    pub(crate) async fn same_where(&self, filter: Option<&Filter>, page_size: usize) -> Verdict {
        let expected = scan_all(&*self.oracle, self.name(), filter, 10_000).await?;
        let mut found = self.scan(filter, page_size).await?;
        found.sort_by(|a, b| a.id.cmp(&b.id));
        let ids = |records: &[Record]| records.iter().map(|r| r.id.clone()).collect::<Vec<_>>();
        check_eq!(ids(&found), ids(&expected), "the ids of a scan{}", shown(filter));
        for (found, expected) in found.iter().zip(&expected) {
            compare::record(self, found, expected)?;
        }
        self.count(filter).await?;
        Ok(())
    }

    /// How many records there are in the oracle, and how many of them meet a filter.
    pub(crate) async fn selected(&self, filter: &Filter) -> Verdict<(u64, u64)> {
        let request = CountRequest::new(self.name());
        let all = self.oracle.count(&request).await.map_err(unoracular)?;
        let selected = self.oracle.count(&request.filter(Some(filter))).await.map_err(unoracular)?;
        Ok((selected, all))
    }

    /// Searches, counts and scans with a filter that must select some of the records and not all.
    pub(crate) async fn filter(&self, filter: &Filter) -> Verdict {
        let (selected, all) = self.selected(filter).await?;
        check!(
            0 < selected && selected < all,
            "the case is no case: {filter} selects {selected} of {all} records"
        );
        self.constant_filter(filter).await
    }

    /// Searches, counts and scans with a filter that may select all or none.
    pub(crate) async fn constant_filter(&self, filter: &Filter) -> Verdict {
        let query =
            self.query(vec![1.0; self.spec.dimension]).top_k(100).with_total(true).filter(filter.clone());
        self.search(&query).await?;
        self.same_where(Some(filter), 5).await
    }
}

/// Everything that a scan gives; no id twice, and an end.
pub(crate) async fn scan_all(
    storage: &dyn VectorStorage,
    index: &str,
    filter: Option<&Filter>,
    page_size: usize,
) -> Verdict<Vec<Record>> {
    let mut seen = BTreeSet::new();
    let mut records = Vec::new();
    let mut cursor = None;
    for _ in 0..100_000 {
        let request = ScanRequest::new(index).filter(filter).page_size(page_size).cursor(cursor.as_ref());
        let page = granted("scan", storage.scan(&request).await)?;
        check!(page.records.len() <= page_size, "a page of {page_size} has {} records", page.records.len());
        for record in page.records {
            check!(seen.insert(record.id.clone()), "the scan gives {:?} twice", record.id);
            records.push(record);
        }
        cursor = page.cursor;
        if cursor.is_none() {
            return Ok(records);
        }
    }
    Err(Stop::Failed("the scan has no end".to_owned()))
}

/// Both refused alike, or both wrote with the same outcomes.
fn agree(what: &str, found: Result<WriteResult>, expected: Result<WriteResult>) -> Verdict<WriteResult> {
    match (found, expected) {
        (Ok(found), Ok(expected)) => {
            check_eq!(outcomes(&found), outcomes(&expected), "the outcomes of {what}");
            Ok(found)
        }
        (found, expected) => {
            let refused = |result: Result<WriteResult>| result.err().map(|e| (e.kind(), e.position()));
            check_eq!(refused(found), refused(expected), "the refusal of {what}");
            Err(Stop::Broken(format!("{what} is refused: the case asks what the contract does not allow")))
        }
    }
}

fn outcomes(result: &WriteResult) -> Vec<String> {
    let outcome = |outcome: &Outcome| match outcome {
        Outcome::Stored => "stored".to_owned(),
        Outcome::Failed(e) => format!("failed ({})", e.kind()),
        Outcome::Unknown(e) => format!("unknown ({})", e.kind()),
    };
    result.items.iter().map(outcome).collect()
}

fn shown(filter: Option<&Filter>) -> String {
    filter.map(|f| format!(" where {f}")).unwrap_or_default()
}
