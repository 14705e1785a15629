//! Records by id, and statistics of an index.

use std::collections::HashMap;

use super::call::Call;
use super::lowering::LoweredFilter;
use super::places::collision;
use super::storage::DriverStorage;
use super::{Driver, NativeId, Want, overflow};
use crate::error::Result;
use crate::filter::{Condition, Filter, Leaf};
use crate::metadata::Metadata;
use crate::record::{GetRequest, Record};
use crate::stats::IndexStats;
use crate::validate;

impl<D: Driver> DriverStorage<D> {
    pub(super) async fn get_in(
        &self,
        call: &Call<D::Index>,
        request: &GetRequest<'_>,
    ) -> Result<Vec<Option<Record>>> {
        let profile = self.profile();
        for (n, id) in request.ids.iter().enumerate() {
            validate::id(id, &profile.limits).map_err(|e| e.with_position(n))?;
        }
        let mut natives: Vec<NativeId> = request.ids.iter().flat_map(|id| profile.ids.forms(id)).collect();
        let asked = natives.len();
        natives.sort_unstable();
        natives.dedup();
        let repeated = natives.len() < asked;
        let mut records: HashMap<String, Record> = HashMap::with_capacity(natives.len());
        let want = self.want(request.include_vectors, request.include_metadata);
        for row in self.fetch_rows(call, &natives, want).await? {
            let native = row.id.clone();
            let mut record = overflow::decode(row)?;
            if !request.include_metadata {
                record.metadata = Metadata::new();
            }
            let id = record.id.clone();
            if records.insert(id.clone(), record).is_some() {
                return Err(collision(&id, &format!("it stands for two records, one of them {native}")));
            }
        }
        let mut taken = |id: &String| if repeated { records.get(id).cloned() } else { records.remove(id) };
        Ok(request.ids.iter().map(&mut taken).collect())
    }

    pub(super) async fn stats_in(&self, call: &Call<D::Index>, detail: bool) -> Result<IndexStats> {
        let info = call.index.info();
        let spec = &info.spec;
        let records = self.count_where(call, None).await?;
        let mut stats = IndexStats::new(spec.name.as_str(), records, spec.dimension, spec.metric);
        stats.created_at = info.created_at.clone();
        if self.profile().sizes {
            let sizes = call.limit.read(self.driver().sizes(call.target())).await?;
            stats.disk_bytes = sizes.disk_bytes;
            stats.memory_bytes = sizes.memory_bytes;
            stats.updated_at = sizes.updated_at;
        }
        if detail {
            self.count_all_fields(call, &mut stats).await?;
        } else {
            for key in spec.fields.keys() {
                let exists = Filter::Leaf(Leaf { key: key.clone(), condition: Condition::Exists });
                stats.fields.insert(key.clone(), self.count_where(call, Some(&exists)).await?);
            }
        }
        call.index.clock.fill(&mut stats);
        Ok(stats)
    }

    async fn count_where(&self, call: &Call<D::Index>, filter: Option<&Filter>) -> Result<u64> {
        let filter = LoweredFilter::new(self.driver(), call.unsent(), filter);
        self.count_matching(call, &filter, false, u64::MAX).await
    }

    async fn count_all_fields(&self, call: &Call<D::Index>, stats: &mut IndexStats) -> Result<()> {
        let all = LoweredFilter::new(self.driver(), call.unsent(), None);
        let want = Want { vectors: false, ..Want::ALL };
        let fields = &mut stats.fields;
        fields.extend(call.spec().fields.keys().map(|key| (key.clone(), 0)));
        self.each_record(call, all.in_pages(), want, u64::MAX, |_, record| {
            for (key, _) in record.metadata.iter() {
                match fields.get_mut(key) {
                    Some(count) => *count += 1,
                    None => drop(fields.insert(key.to_owned(), 1)),
                }
            }
            Ok(())
        })
        .await
        .map(drop)
    }
}
