//! Writes that store something else, or tell something else.

use std::collections::BTreeSet;

use portolan_core::{
    DeleteRequest, DeleteWhereResult, Error, ErrorKind, GetRequest, Limits, Metadata, MetadataPatch,
    MetadataUpdate, Outcome, Record, Scalar, UpdateRequest, UpsertRequest, Value, WriteResult, validate,
};

use super::{Inner, Of, saboteurs};

saboteurs! {
    "value", "integers become floats" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Integer(i) => Scalar::Float(i as f64),
        other => other,
    }));
    "value", "whole floats become integers" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) if x.fract() == 0.0 => Scalar::Integer(x as i64),
        other => other,
    }));
    "value", "integers are rounded to 53 bits" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Integer(i) => Scalar::Integer((i as f64) as i64),
        other => other,
    }));
    "value", "floats are rounded to f32" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) if (x as f32).is_finite() => Scalar::Float(f64::from(x as f32)),
        other => other,
    }));
    "value", "floats keep 15 digits" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) => Scalar::Float(format!("{x:.14e}").parse().unwrap_or(x)),
        other => other,
    }));
    "value", "bools become integers" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::Bool(b) => Scalar::Integer(b.into()),
        other => other,
    }));
    "value", "everything becomes a string" => Stored(|r| each_scalar(r, |s| Scalar::from(s.to_string())));
    "value", "strings are trimmed when stored" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::from(s.trim()),
        other => other,
    }));
    "value", "strings are cut at U+0000" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::from(s.split('\0').next().unwrap_or_default()),
        other => other,
    }));
    "value", "long strings are cut" => Stored(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::String(s.chars().take(255).collect()),
        other => other,
    }));
    "value", "the empty string is null" => Stored(|r| keep(r, |v| v.as_str() != Some("")));
    "value", "the empty list is null" => Stored(|r| keep(r, |v| *v != Value::List(Vec::new())));
    "value", "the order of a list is lost" => Stored(|r| each_list(r, |items| items.reverse()));
    "value", "equal elements of a list fold" => Stored(|r| each_list(r, |items| items.dedup()));
    "value", "a list of one is its element" => Stored(|r| each_value(r, |v| match v {
        Value::List(items) if items.len() == 1 => Value::Scalar(items[0].clone()),
        other => other,
    }));
    "value", "objects are dropped" => Stored(|r| keep(r, |v| !matches!(v, Value::Opaque(_))));
    "value", "objects become text" => Stored(|r| each_value(r, |v| match v {
        Value::Opaque(json) => Value::from(json.to_string()),
        other => other,
    }));
    "hostile", "keys are folded to lower case" => Stored(|r| each_key(r, str::to_lowercase));
    "hostile", "dots in keys become underscores" => Stored(|r| each_key(r, |k| k.replace('.', "_")));
    "hostile", "ids are trimmed" => Stored(|r| r.id = r.id.trim().to_owned());
    "hostile", "ids are folded to lower case" => Stored(|r| r.id = r.id.to_lowercase());
    "upsert", "vectors are normalized" => Stored(|r| each_vector(r, |v| {
        let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 { v.iter().map(|x| x / norm).collect() } else { v.to_vec() }
    }));
    "upsert", "vectors are rounded to 8 bits" => Stored(|r| each_vector(r, |v| {
        v.iter().map(|x| f32::from_bits(x.to_bits() & 0xffff_0000)).collect()
    }));
    "upsert", "a vector of another dimension is cut or filled" => Upsert(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(request.index, request.options).await?.spec.dimension;
        upsert_changed(inner, request, |mut r| {
            let mut vector = r.vector.as_deref().unwrap_or_default().to_vec();
            vector.resize(dimension, 0.5);
            r.vector = Some(vector.into());
            r
        })
        .await
    }));
    "upsert", "a vector of zeros is taken under cosine" => Stored(|r| each_vector(r, |v| {
        if v.iter().all(|x| *x == 0.0) { vec![1.0; v.len()] } else { v.to_vec() }
    }));
    "upsert", "NaN in a vector becomes 0" => Stored(|r| each_vector(r, |v| {
        v.iter().map(|x| if x.is_finite() { *x } else { 0.0 }).collect()
    }));
    "upsert", "an empty id gets a name" => Stored(|r| {
        if r.id.is_empty() {
            r.id = "unnamed".to_owned();
        }
    });
    "upsert", "a long id is cut" => Stored(|r| r.id = r.id.chars().take(512).collect());
    "hostile", "control characters in ids are dropped" => Stored(|r| r.id.retain(|c| !c.is_control()));
    "hostile", "a reserved key is taken for another" => Stored(|r| each_key(r, |k| {
        k.replace("_portolan", "portolan").replace('$', "S")
    }));
    "value", "NaN in metadata is dropped" => Stored(|r| keep(r, |v| {
        v.as_float().is_none_or(f64::is_finite)
    }));
    "value", "a value of another type than declared is dropped" => Upsert(|inner, request| {
        Box::pin(async move {
            let spec = inner.describe_index(request.index, request.options).await?.spec;
            upsert_changed(inner, request, |mut r| {
                r.metadata = r
                    .metadata
                    .iter()
                    .filter(|(k, v)| {
                        let one = Metadata::new().with(*k, (*v).clone());
                        validate::metadata(&one, &spec, &Limits::default()).is_ok()
                    })
                    .map(|(k, v)| (k, v.clone()))
                    .collect();
                r
            })
            .await
        })
    });
    "upsert", "a lost item is reported stored" => Upsert(|inner, request| Box::pin(async move {
        let all: Vec<usize> = (0..request.records.len().saturating_sub(1).max(1)).collect();
        validated(inner, request).await?;
        let mut part = request.clone();
        let positions = request.records.positions(&all);
        part.records = request.records.at(&positions);
        let _ = inner.upsert(&part).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.records.len()]))
    }));
    "upsert", "an upsert merges metadata" => Upsert(|inner, request| Box::pin(async move {
        validated(inner, request).await?;
        let ids: Vec<String> = request.records.iter().map(|r| r.id.clone()).collect();
        let before = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let merged = request.records.iter().zip(before).map(|(record, before)| {
            let mut metadata = before.map(|b| b.metadata).unwrap_or_default();
            metadata.apply(&MetadataPatch::from(record.metadata.clone()));
            Record { metadata, ..record.clone() }
        });
        let merged: Vec<Record> = merged.collect();
        inner.upsert(&UpsertRequest::new(request.index, &merged)).await
    }));
    "upsert", "an upsert does not replace" => Upsert(|inner, request| Box::pin(async move {
        validated(inner, request).await?;
        let ids: Vec<String> = request.records.iter().map(|r| r.id.clone()).collect();
        let before = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let fresh = request.records.iter().zip(before).filter(|(_, before)| before.is_none());
        let fresh: Vec<Record> = fresh.map(|(record, _)| record.clone()).collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &fresh)).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.records.len()]))
    }));
    "upsert", "an upsert keeps the old vector" => Upsert(|inner, request| Box::pin(async move {
        validated(inner, request).await?;
        let ids: Vec<String> = request.records.iter().map(|r| r.id.clone()).collect();
        let before = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let kept = request.records.iter().zip(before).map(|(record, before)| {
            let vector = before.and_then(|b| b.vector).or_else(|| record.vector.clone());
            Record { vector, ..record.clone() }
        });
        let kept: Vec<Record> = kept.collect();
        inner.upsert(&UpsertRequest::new(request.index, &kept)).await
    }));
    "upsert", "the first of equal ids wins" => Upsert(|inner, request| Box::pin(async move {
        validated(inner, request).await?;
        let mut seen = BTreeSet::new();
        let first: Vec<Record> = request.records.iter().filter(|r| seen.insert(&r.id)).cloned().collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &first)).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.records.len()]))
    }));
    "upsert", "there is one outcome for equal ids" => Upsert(|inner, request| Box::pin(async move {
        let mut written = inner.upsert(request).await?;
        written.items.truncate(request.records.iter().map(|r| &r.id).collect::<BTreeSet<_>>().len());
        Ok(written)
    }));
    "upsert", "an invalid item fails alone" => Upsert(|inner, request| Box::pin(async move {
        let mut items = Vec::new();
        for record in request.records.iter() {
            match inner.upsert(&UpsertRequest::new(request.index, std::slice::from_ref(record))).await {
                Ok(written) => items.extend(written.items),
                Err(e) if e.kind() == ErrorKind::NotFound => return Err(e),
                Err(e) => items.push(Outcome::Failed(e)),
            }
        }
        Ok(WriteResult::new(items))
    }));
    "upsert", "what comes before an invalid item is stored" => Upsert(|inner, request| Box::pin(async move {
        if let Err(e) = validated(inner, request).await && let Some(at) = e.position() {
            let before: Vec<Record> = request.records.iter().take(at).cloned().collect();
            let _ = inner.upsert(&UpsertRequest::new(request.index, &before)).await?;
        }
        inner.upsert(request).await
    }));
    "upsert", "the error of an invalid item has no position" => Upsert(|inner, request| Box::pin(async move {
        inner.upsert(request).await.map_err(|e| Error::new(e.kind(), e.message()))
    }));
    "upsert", "a wrong dimension is an invalid argument" => Upsert(|inner, request| Box::pin(async move {
        inner.upsert(request).await.map_err(|e| match e.kind() {
            ErrorKind::DimensionMismatch => Error::invalid(e.message()).with_position(e.position().unwrap_or(0)),
            _ => e,
        })
    }));
    "upsert", "an empty call is refused" => Upsert(|inner, request| Box::pin(async move {
        if request.records.is_empty() {
            return Err(Error::invalid("there is nothing to write"));
        }
        inner.upsert(request).await
    }));
    "upsert", "an empty call on a missing index is taken" => Upsert(|inner, request| Box::pin(async move {
        if request.records.is_empty() {
            return Ok(WriteResult::new(Vec::new()));
        }
        inner.upsert(request).await
    }));
    "upsert", "a missing index is created" => Upsert(|inner, request| Box::pin(async move {
        if let (Err(_), Some(first)) =
            (inner.describe_index(request.index, request.options).await, request.records.get(0))
        {
            let dimension = first.vector.as_ref().map_or(1, |v| v.len());
            let spec = portolan_core::IndexSpec::new(request.index, dimension);
            inner.create_index(&spec, request.options).await?;
        }
        inner.upsert(request).await
    }));
    "delete", "deleting what is absent fails" => Delete(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.ids.iter().cloned().collect();
        let found = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let mut deleted = inner.delete(request).await?;
        for (outcome, _) in deleted.items.iter_mut().zip(found).filter(|(_, found)| found.is_none()) {
            *outcome = Outcome::Failed(Error::new(ErrorKind::NotFound, "there is no such record"));
        }
        Ok(deleted)
    }));
    "delete", "nothing is deleted" => Delete(|inner, request| Box::pin(async move {
        let none: [String; 0] = [];
        let _ = inner.delete(&DeleteRequest::new(request.index, &none[..])).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.ids.len()]))
    }));
    "delete", "only the first id is deleted" => Delete(|inner, request| Box::pin(async move {
        let mut first = request.clone();
        let positions = request.ids.positions(&[0]);
        first.ids = request.ids.at(&positions);
        let _ = inner.delete(&first).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; request.ids.len()]))
    }));
    "delete", "deleting an invalid id is taken" => Delete(|inner, request| Box::pin(async move {
        match inner.delete(request).await {
            Err(e) if e.kind() == ErrorKind::InvalidArgument && e.position().is_some() => {
                Ok(WriteResult::new(vec![Outcome::Stored; request.ids.len()]))
            }
            answer => answer,
        }
    }));
    "delete", "delete by filter deletes all" => DeleteWhere(|inner, request| Box::pin(async move {
        let deleted = inner.delete_where(request).await?;
        inner.clear(request.index, request.options).await?;
        Ok(deleted)
    }));
    "delete", "delete by filter deletes nothing" => DeleteWhere(|inner, request| Box::pin(async move {
        let filter = portolan_core::Filter::none();
        let mut none = request.clone();
        none.filter = &filter;
        let _ = inner.delete_where(&none).await?;
        Ok(DeleteWhereResult::new(None))
    }));
    "delete", "the number deleted is one off" => DeleteWhere(|inner, request| Box::pin(async move {
        let deleted = inner.delete_where(request).await?;
        Ok(DeleteWhereResult::new(deleted.deleted.map(|n| n + 1)))
    }));
    "delete", "delete by a filter that is true clears" => DeleteWhere(|inner, request| Box::pin(async move {
        if request.filter.clone().fold().is_all() {
            inner.clear(request.index, request.options).await?;
            return Ok(DeleteWhereResult::new(None));
        }
        inner.delete_where(request).await
    }));
    "delete", "clear does nothing" => Clear(|inner, index, options| Box::pin(async move {
        inner.describe_index(index, options).await.map(drop)
    }));
    "delete", "clear deletes the index" => Clear(|inner, index, options| {
        inner.delete_index(index, options)
    });
    "update", "an update replaces" => Update(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.updates.iter().map(|u| u.id.clone()).collect();
        let before = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let replaced = request.updates.iter().zip(before).map(|(update, before)| {
            let mut patch = update.patch.clone();
            for (key, _) in before.iter().flat_map(|b| b.metadata.iter()) {
                if !update.patch.iter().any(|(k, _)| k == key) {
                    patch = patch.remove(key);
                }
            }
            MetadataUpdate::new(&update.id, patch)
        });
        let replaced: Vec<MetadataUpdate> = replaced.collect();
        inner.update_metadata(&UpdateRequest::new(request.index, &replaced)).await
    }));
    "update", "an update creates what is missing" => Update(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(request.index, request.options).await?.spec.dimension;
        let written = inner.update_metadata(request).await?;
        let failed = request.updates.iter().zip(&written.items).filter(|(_, o)| !o.is_stored());
        let fresh = failed.map(|(u, _)| Record::new(&u.id, vec![1.0; dimension]));
        let fresh: Vec<Record> = fresh.collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &fresh)).await?;
        Ok(written)
    }));
    "update", "the failure of a missing id is hidden" => Update(|inner, request| Box::pin(async move {
        let written = inner.update_metadata(request).await?;
        Ok(WriteResult::new(vec![Outcome::Stored; written.items.len()]))
    }));
    "update", "a missing id refuses the whole update" => Update(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.updates.iter().map(|u| u.id.clone()).collect();
        if inner.get(&GetRequest::new(request.index, &ids)).await?.contains(&None) {
            return Err(Error::new(ErrorKind::NotFound, "there is no such record"));
        }
        inner.update_metadata(request).await
    }));
    "update", "null does not remove a key" => Update(|inner, request| Box::pin(async move {
        let kept = request.updates.iter().map(|update| {
            let set = update.patch.iter().filter_map(|(k, v)| Some((k, v?.clone())));
            MetadataUpdate::new(&update.id, MetadataPatch::from(set.collect::<Metadata>()))
        });
        let kept: Vec<MetadataUpdate> = kept.collect();
        inner.update_metadata(&UpdateRequest::new(request.index, &kept)).await
    }));
    "update", "patches of one id apply backwards" => Update(|inner, request| Box::pin(async move {
        let mut backwards: Vec<MetadataUpdate> = request.updates.iter().cloned().collect();
        backwards.reverse();
        let mut written = inner.update_metadata(&UpdateRequest::new(request.index, &backwards)).await?;
        written.items.reverse();
        Ok(written)
    }));
    "update", "an update is not validated" => Update(|inner, request| Box::pin(async move {
        match inner.update_metadata(request).await {
            Err(e) if e.kind() == ErrorKind::InvalidArgument && e.position().is_some() => {
                Ok(WriteResult::new(vec![Outcome::Stored; request.updates.len()]))
            }
            answer => answer,
        }
    }));
    "upsert", "a write to a missing index is stored" => Upsert(|inner, request| Box::pin(async move {
        match inner.upsert(request).await {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                Ok(WriteResult::new(vec![Outcome::Stored; request.records.len()]))
            }
            answer => answer,
        }
    }));
}

fn each_value(record: &mut Record, change: impl Fn(Value) -> Value) {
    record.metadata = record.metadata.iter().map(|(k, v)| (k, change(v.clone()))).collect();
}

fn each_scalar(record: &mut Record, change: fn(Scalar) -> Scalar) {
    each_value(record, |v| match v {
        Value::Scalar(s) => Value::Scalar(change(s)),
        Value::List(items) => Value::List(items.into_iter().map(change).collect()),
        opaque => opaque,
    });
}

fn each_list(record: &mut Record, change: fn(&mut Vec<Scalar>)) {
    each_value(record, |v| match v {
        Value::List(mut items) => {
            change(&mut items);
            Value::List(items)
        }
        other => other,
    });
}

fn each_key(record: &mut Record, change: fn(&str) -> String) {
    record.metadata = record.metadata.iter().map(|(k, v)| (change(k), v.clone())).collect();
}

fn each_vector(record: &mut Record, change: fn(&[f32]) -> Vec<f32>) {
    record.vector = record.vector.take().map(|v| change(&v).into());
}

fn keep(record: &mut Record, keeps: fn(&Value) -> bool) {
    record.metadata = record.metadata.iter().filter(|(_, v)| keeps(v)).map(|(k, v)| (k, v.clone())).collect();
}

async fn upsert_changed(
    inner: &Inner,
    request: &UpsertRequest<'_>,
    change: impl Fn(Record) -> Record + Send,
) -> portolan_core::Result<WriteResult> {
    let records: Vec<Record> = request.records.iter().cloned().map(change).collect();
    inner.upsert(&UpsertRequest::new(request.index, &records)).await
}

/// The refusal of the whole call, if it is due.
fn validated<'a>(inner: &'a Inner, request: &'a UpsertRequest<'a>) -> Of<'a, ()> {
    Box::pin(async move {
        let spec = inner.describe_index(request.index, request.options).await?.spec;
        let limits = &inner.capability().limits;
        for (at, record) in request.records.iter().enumerate() {
            validate::record(record, &spec, limits).map_err(|e| e.with_position(at))?;
        }
        Ok(())
    })
}
