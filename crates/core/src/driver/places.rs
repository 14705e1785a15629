//! Where the records of some ids are in the database.

use std::collections::HashMap;

use futures::future::BoxFuture;
use futures::stream::{self, StreamExt};

use super::call::Call;
use super::storage::DriverStorage;
use super::{Driver, NativeId, Row, Want, overflow};
use crate::error::{Error, ErrorKind, Result};

/// Where the record of an id is.
pub(super) enum Place {
    /// In this row; where there is none, it would be written under this native id.
    Row(NativeId, Option<Row>),
    /// In two rows.
    Twice(Error),
    /// Nowhere, and its native id belongs to another record.
    Taken(Error),
}

impl<D: Driver> DriverStorage<D> {
    /// Where the records of these ids are; ids whose rows need not be read are left out, unless something of the rows is
    /// wanted.
    pub(super) async fn places<'a>(
        &self,
        call: &Call<D::Index>,
        ids: impl Iterator<Item = &'a str>,
        want: Option<Want>,
    ) -> Result<HashMap<&'a str, Place>> {
        let profile = self.profile();
        if profile.ids.is_plain() && !profile.merges && want.is_none() {
            return Ok(HashMap::new());
        }
        let forms: Vec<(&str, Vec<NativeId>)> = ids.map(|id| (id, profile.ids.forms(id))).collect();
        let mut natives: Vec<NativeId> = forms.iter().flat_map(|(_, f)| f.iter().cloned()).collect();
        natives.sort_unstable();
        natives.dedup();
        let want = want.unwrap_or(Want { vectors: false, metadata: profile.merges, overflow: true });
        let rows = self.fetch_rows(call, &natives, want).await?;
        let mut by_native: HashMap<NativeId, Row> = rows.into_iter().map(|r| (r.id.clone(), r)).collect();
        Ok(forms.into_iter().map(|(id, forms)| (id, place(id, forms, &mut by_native))).collect())
    }

    /// Reads rows by native id, within the limit of one fetch.
    pub(super) async fn fetch_rows(
        &self,
        call: &Call<D::Index>,
        ids: &[NativeId],
        want: Want,
    ) -> Result<Vec<Row>> {
        let fetches: Vec<BoxFuture<'_, Result<Vec<Row>>>> = ids
            .chunks(self.profile().page_rows)
            .map(|chunk| {
                Box::pin(
                    async move { call.limit.read(self.driver().fetch(call.target(), chunk, want)).await },
                ) as BoxFuture<'_, _>
            })
            .collect();
        let mut answers = stream::iter(fetches).buffered(self.profile().parallelism);
        let mut rows = Vec::with_capacity(ids.len());
        while let Some(answer) = answers.next().await {
            rows.extend(answer?);
        }
        Ok(rows)
    }
}

/// An id that stands for more than one record.
pub(super) fn collision(id: &str, why: &str) -> Error {
    Error::new(
        ErrorKind::IdCollision,
        format!("the id {id:?} is ambiguous: {why}; delete one with the database's own tools"),
    )
}

fn place(id: &str, forms: Vec<NativeId>, rows: &mut HashMap<NativeId, Row>) -> Place {
    let mut held = Vec::new();
    let mut occupied = None;
    for form in &forms {
        let Some(row) = rows.get(form) else { continue };
        // If the overflow is corrupt the original id is not known: the row is taken to belong to the id that leads to it,
        // so that it can be overwritten or deleted.
        if overflow::port_id(row).map_or(true, |port| port == id) {
            held.push(form.clone());
        } else {
            occupied.get_or_insert_with(|| form.clone());
        }
    }
    match (held.as_slice(), occupied) {
        ([], None) => Place::Row(forms.into_iter().next().unwrap_or_default(), None),
        ([], Some(form)) => {
            Place::Taken(collision(id, &format!("its native id {form} belongs to another record")))
        }
        ([one], _) => Place::Row(one.clone(), rows.remove(one)),
        (many, _) => {
            let many: Vec<&str> = many.iter().map(NativeId::as_str).collect();
            Place::Twice(collision(id, &format!("it stands for the native ids {}", many.join(" and "))))
        }
    }
}
