//! Random sequences of operations, each done to the store and to the oracle.

use portolan_core::{Deduplicate, MetadataPatch, MetadataUpdate, SearchRequest};
use rand::RngExt;
use rand::rngs::StdRng;

use super::record::record as random_record;
use super::{KEYS, filter, one_of, record};
use crate::case::Verdict;
use crate::twin::Twin;

const IDS: usize = 12;

/// One sequence over one index, and what it has done so far.
pub(crate) struct Sequence<'a> {
    pub(crate) rng: &'a mut StdRng,
    pub(crate) twin: &'a Twin,
    pub(crate) done: Vec<String>,
}

impl Sequence<'_> {
    /// One operation, and a look at all that the store then holds.
    pub(crate) async fn step(&mut self) -> Verdict {
        match self.rng.random_range(0..12) {
            0..=3 => self.upsert().await?,
            4 | 5 => self.update().await?,
            6 => self.delete().await?,
            7 => self.delete_where().await?,
            8 if self.rng.random_bool(0.2) => self.clear().await?,
            9 => self.get().await?,
            _ => self.search().await?,
        }
        self.twin.same_where(None, 5).await
    }

    /// A search with random options.
    pub(crate) async fn search(&mut self) -> Verdict {
        let request = self.request();
        self.done.push(format!("search {request:?}"));
        self.twin.search(&request).await.map(drop)
    }

    fn request(&mut self) -> SearchRequest {
        let rng = &mut *self.rng;
        let mut request = self.twin.query(record::vector(rng, self.twin.spec.dimension));
        request =
            request.top_k(rng.random_range(1..=8)).offset(rng.random_range(0..4)).with_total(rng.random());
        if rng.random() {
            request = request.filter(filter(rng, 4, IDS));
        }
        if rng.random_bool(0.2) {
            let deduplicate = if rng.random() {
                Deduplicate::Vector
            } else {
                Deduplicate::Field(one_of(rng, &KEYS).into())
            };
            request = request.deduplicate(deduplicate);
        }
        request.score_normalization(rng.random_bool(0.2)).include_vectors(rng.random())
    }

    async fn upsert(&mut self) -> Verdict {
        let dimension = self.twin.spec.dimension;
        let records: Vec<_> =
            (0..self.rng.random_range(0..6)).map(|_| random_record(self.rng, IDS, dimension)).collect();
        self.done.push(format!("upsert {records:?}"));
        self.twin.upsert(&records).await
    }

    async fn update(&mut self) -> Verdict {
        let updates: Vec<_> = (0..self.rng.random_range(1..4)).map(|_| self.patch()).collect();
        self.done.push(format!("update {updates:?}"));
        // A missing id fails alone, as it does in the oracle.
        self.twin.update(&updates).await.map(drop)
    }

    fn patch(&mut self) -> MetadataUpdate {
        let rng = &mut *self.rng;
        let mut patch = MetadataPatch::new();
        for _ in 0..rng.random_range(0..4) {
            let key = one_of(rng, &KEYS);
            patch = if rng.random_bool(0.3) {
                patch.remove(key)
            } else {
                patch.set(key, record::value(rng, key))
            };
        }
        MetadataUpdate::new(record::id(rng, IDS), patch)
    }

    async fn delete(&mut self) -> Verdict {
        let ids: Vec<_> = (0..self.rng.random_range(0..3)).map(|_| record::id(self.rng, IDS)).collect();
        self.done.push(format!("delete {ids:?}"));
        self.twin.delete(&ids).await.map(drop)
    }

    async fn delete_where(&mut self) -> Verdict {
        let filter = filter(self.rng, 3, IDS);
        if filter.clone().fold().is_all() {
            return Ok(());
        }
        self.done.push(format!("delete where {filter}"));
        self.twin.delete_where(&filter).await
    }

    async fn clear(&mut self) -> Verdict {
        self.done.push("clear".to_owned());
        self.twin.clear().await
    }

    async fn get(&mut self) -> Verdict {
        let ids: Vec<_> = (0..self.rng.random_range(0..5)).map(|_| record::id(self.rng, IDS)).collect();
        self.done.push(format!("get {ids:?}"));
        self.twin.get(&ids).await.map(drop)
    }
}
