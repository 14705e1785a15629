//! A call as data: what a uniform layer knows of a request.

use std::time::Duration;

use crate::filter::Filter;
use crate::index::IndexSpec;
use crate::options::CallOptions;
use crate::record::GetRequest;
use crate::scan::{CountRequest, ScanRequest};
use crate::search::SearchRequest;
use crate::write::{DeleteRequest, DeleteWhereRequest, UpdateRequest, UpsertRequest};

/// A call with its borrowed request: all that a uniform layer may look at.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Op<'a> {
    /// [`create_index`](crate::VectorStorage::create_index).
    CreateIndex(&'a IndexSpec, CallOptions),
    /// [`describe_index`](crate::VectorStorage::describe_index).
    DescribeIndex(&'a str, CallOptions),
    /// [`list_indexes`](crate::VectorStorage::list_indexes).
    ListIndexes(CallOptions),
    /// [`delete_index`](crate::VectorStorage::delete_index).
    DeleteIndex(&'a str, CallOptions),
    /// [`upsert`](crate::VectorStorage::upsert).
    Upsert(&'a UpsertRequest<'a>),
    /// [`get`](crate::VectorStorage::get).
    Get(&'a GetRequest<'a>),
    /// [`delete`](crate::VectorStorage::delete).
    Delete(&'a DeleteRequest<'a>),
    /// [`delete_where`](crate::VectorStorage::delete_where).
    DeleteWhere(&'a DeleteWhereRequest<'a>),
    /// [`clear`](crate::VectorStorage::clear).
    Clear(&'a str, CallOptions),
    /// [`update_metadata`](crate::VectorStorage::update_metadata).
    UpdateMetadata(&'a UpdateRequest<'a>),
    /// [`search`](crate::VectorStorage::search).
    Search(&'a SearchRequest),
    /// [`scan`](crate::VectorStorage::scan).
    Scan(&'a ScanRequest<'a>),
    /// [`count`](crate::VectorStorage::count).
    Count(&'a CountRequest<'a>),
    /// [`stats`](crate::VectorStorage::stats).
    Stats(&'a str, CallOptions),
    /// [`health`](crate::VectorStorage::health).
    Health(CallOptions),
    /// [`explain`](crate::VectorStorage::explain).
    Explain(&'a SearchRequest),
    /// [`optimize`](crate::VectorStorage::optimize).
    Optimize(&'a str, CallOptions),
    /// [`flush`](crate::VectorStorage::flush).
    Flush(CallOptions),
    /// [`close`](crate::VectorStorage::close).
    Close,
}

impl<'a> Op<'a> {
    /// The names of all operations.
    pub const NAMES: [&'static str; 19] = [
        "create_index",
        "describe_index",
        "list_indexes",
        "delete_index",
        "upsert",
        "get",
        "delete",
        "delete_where",
        "clear",
        "update_metadata",
        "search",
        "scan",
        "count",
        "stats",
        "health",
        "explain",
        "optimize",
        "flush",
        "close",
    ];

    /// The operation's name, as the trait spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::CreateIndex(..) => "create_index",
            Self::DescribeIndex(..) => "describe_index",
            Self::ListIndexes(_) => "list_indexes",
            Self::DeleteIndex(..) => "delete_index",
            Self::Upsert(_) => "upsert",
            Self::Get(_) => "get",
            Self::Delete(_) => "delete",
            Self::DeleteWhere(_) => "delete_where",
            Self::Clear(..) => "clear",
            Self::UpdateMetadata(_) => "update_metadata",
            Self::Search(_) => "search",
            Self::Scan(_) => "scan",
            Self::Count(_) => "count",
            Self::Stats(..) => "stats",
            Self::Health(_) => "health",
            Self::Explain(_) => "explain",
            Self::Optimize(..) => "optimize",
            Self::Flush(_) => "flush",
            Self::Close => "close",
        }
    }

    /// The index it is about.
    pub fn index(&self) -> Option<&'a str> {
        match *self {
            Self::CreateIndex(spec, _) => Some(&spec.name),
            Self::DescribeIndex(index, _)
            | Self::DeleteIndex(index, _)
            | Self::Clear(index, _)
            | Self::Stats(index, _)
            | Self::Optimize(index, _) => Some(index),
            Self::Upsert(r) => Some(r.index),
            Self::Get(r) => Some(r.index),
            Self::Delete(r) => Some(r.index),
            Self::DeleteWhere(r) => Some(r.index),
            Self::UpdateMetadata(r) => Some(r.index),
            Self::Search(r) | Self::Explain(r) => Some(&r.index),
            Self::Scan(r) => Some(r.index),
            Self::Count(r) => Some(r.index),
            Self::ListIndexes(_) | Self::Health(_) | Self::Flush(_) | Self::Close => None,
        }
    }

    /// The number of items of a write with an outcome per item; 0 for every other operation.
    pub fn items(&self) -> usize {
        match self {
            Self::Upsert(r) => r.records.len(),
            Self::Delete(r) => r.ids.len(),
            Self::UpdateMetadata(r) => r.updates.len(),
            _ => 0,
        }
    }

    /// The options of the call.
    pub fn options(&self) -> CallOptions {
        match *self {
            Self::CreateIndex(_, options)
            | Self::DescribeIndex(_, options)
            | Self::ListIndexes(options)
            | Self::DeleteIndex(_, options)
            | Self::Clear(_, options)
            | Self::Stats(_, options)
            | Self::Health(options)
            | Self::Optimize(_, options)
            | Self::Flush(options) => options,
            Self::Upsert(r) => r.options,
            Self::Get(r) => r.options,
            Self::Delete(r) => r.options,
            Self::DeleteWhere(r) => r.options,
            Self::UpdateMetadata(r) => r.options,
            Self::Search(r) | Self::Explain(r) => r.options,
            Self::Scan(r) => r.options,
            Self::Count(r) => r.options,
            Self::Close => CallOptions::new(),
        }
    }

    /// The total time of the call: its own, or the default of its operation; `None` is no limit. What the URI sets
    /// is not known here.
    pub fn timeout(&self) -> Option<Duration> {
        self.options().timeout.or(match self {
            Self::CreateIndex(..) | Self::DeleteIndex(..) | Self::Optimize(..) | Self::Close => None,
            Self::Clear(..) | Self::DeleteWhere(_) | Self::Scan(_) => None,
            _ => Some(CallOptions::DEFAULT_TIMEOUT),
        })
    }

    /// The filter of the call, where it has one.
    pub fn filter(&self) -> Option<&'a Filter> {
        match *self {
            Self::DeleteWhere(r) => Some(r.filter),
            Self::Search(r) | Self::Explain(r) => r.filter.as_ref(),
            Self::Scan(r) => r.filter,
            Self::Count(r) => r.filter,
            _ => None,
        }
    }

    /// Whether the same call may be sent again after an unknown outcome.
    pub fn is_idempotent(&self) -> bool {
        !matches!(self, Self::CreateIndex(..) | Self::DeleteIndex(..))
    }
}
