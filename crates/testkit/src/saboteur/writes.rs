//! Writes that store something else, or tell something else.

use std::collections::BTreeSet;

use portolan_core::{
    CountRequest, DeleteRequest, DeleteWhereRequest, DeleteWhereResult, Error, ErrorKind, Filter, GetRequest,
    Limits, Metadata, MetadataPatch, MetadataUpdate, Outcome, Record, Scalar, UpdateRequest, UpsertRequest,
    Value, WriteResult, validate,
};

use super::{Inner, Of, all_stored, or_where_invalid, or_where_missing, saboteurs};

saboteurs! {
    [N18 by "value::integers"]
    "integers become floats" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Integer(i) => Scalar::Float(i as f64),
        other => other,
    }));
    [N18 by "value::whole_floats_stay_floats"]
    "whole floats become integers" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) if x.fract() == 0.0 => Scalar::Integer(x as i64),
        other => other,
    }));
    [N18 by "value::the_long_1746714878034235396"]
    "integers are rounded to 53 bits" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Integer(i) => Scalar::Integer((i as f64) as i64),
        other => other,
    }));
    [N18 by "value::floats_bit_for_bit"]
    "floats are rounded to f32" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) if (x as f32).is_finite() => Scalar::Float(f64::from(x as f32)),
        other => other,
    }));
    [N18 by "value::floats_bit_for_bit"]
    "floats keep 15 digits" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Float(x) => Scalar::Float(format!("{x:.14e}").parse().unwrap_or(x)),
        other => other,
    }));
    [N18 by "value::bools"]
    "bools become integers" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::Bool(b) => Scalar::Integer(b.into()),
        other => other,
    }));
    [N18 by "value::integers"]
    "everything becomes a string" => ChangeRecord(|r| each_scalar(r, |s| Scalar::from(s.to_string())));
    [N18 by "value::strings"]
    "strings are trimmed when stored" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::from(s.trim()),
        other => other,
    }));
    [N18 by "hostile::values_with_control_characters_round_trip"]
    "strings are cut at U+0000" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::from(s.split('\0').next().unwrap_or_default()),
        other => other,
    }));
    [N18 by "hostile::long_values_round_trip"]
    "long strings are cut" => ChangeRecord(|r| each_scalar(r, |s| match s {
        Scalar::String(s) => Scalar::String(s.chars().take(255).collect()),
        other => other,
    }));
    [N18 by "value::an_empty_string"]
    "the empty string is null" => ChangeRecord(|r| keep(r, |v| v.as_str() != Some("")));
    [N18 by "value::an_empty_list"]
    "the empty list is null" => ChangeRecord(|r| keep(r, |v| *v != Value::List(Vec::new())));
    [N18 by "value::lists_keep_order_and_repeats"]
    "the order of a list is lost" => ChangeRecord(|r| each_list(r, |items| items.reverse()));
    [N18 by "value::lists_keep_order_and_repeats"]
    "equal elements of a list fold" => ChangeRecord(|r| each_list(r, |items| items.dedup()));
    [N17 by "value::a_list_of_one"]
    "a list of one is its element" => ChangeRecord(|r| each_value(r, |v| match v {
        Value::List(items) if items.len() == 1 => Value::Scalar(items[0].clone()),
        other => other,
    }));
    [N17 by "value::deep_objects"]
    "objects are dropped" => ChangeRecord(|r| keep(r, |v| !matches!(v, Value::Opaque(_))));
    [N17 by "value::deep_objects"]
    "objects become text" => ChangeRecord(|r| each_value(r, |v| match v {
        Value::Opaque(json) => Value::from(json.to_string()),
        other => other,
    }));
    [N25 by "hostile::keys_differing_in_case_stay_apart"]
    "keys are folded to lower case" => ChangeRecord(|r| each_key(r, str::to_lowercase));
    [N25 by "hostile::keys_with_dots_are_not_paths"]
    "dots in keys become underscores" => ChangeRecord(|r| each_key(r, |k| k.replace('.', "_")));
    [N7 by "hostile::ids_round_trip"]
    "ids are trimmed" => ChangeRecord(|r| r.id = r.id.trim().to_owned());
    [N6 by "hostile::ids_differing_in_case_stay_apart"]
    "ids are folded to lower case" => ChangeRecord(|r| r.id = r.id.to_lowercase());
    [N14 by "vector::reads_back_as_declared"]
    "vectors are normalized" => ChangeRecord(|r| each_vector(r, |v| {
        let norm = v.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm > 0.0 { v.iter().map(|x| x / norm).collect() } else { v.to_vec() }
    }));
    [N14 by "vector::reads_back_as_declared"]
    "vectors are rounded to 8 bits" => ChangeRecord(|r| each_vector(r, |v| {
        v.iter().map(|x| f32::from_bits(x.to_bits() & 0xffff_0000)).collect()
    }));
    [N11 by "vector::another_length_is_a_mismatch"]
    "a vector of another dimension is cut or filled" => Upsert(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(request.index, request.options).await?.spec.dimension;
        upsert_changed(inner, request, |mut r| {
            let mut vector = r.vector.as_deref().unwrap_or_default().to_vec();
            vector.resize(dimension, 0.5);
            r.vector = Some(vector.into());
            r
        })
        .await
    }));
    [N12 by "vector::zero_is_refused_under_cosine"]
    "a vector of zeros is taken under cosine" => ChangeRecord(|r| each_vector(r, |v| {
        if v.iter().all(|x| *x == 0.0) { vec![1.0; v.len()] } else { v.to_vec() }
    }));
    [N11 by "vector::not_finite_is_refused"]
    "NaN in a vector becomes 0" => ChangeRecord(|r| each_vector(r, |v| {
        v.iter().map(|x| if x.is_finite() { *x } else { 0.0 }).collect()
    }));
    [N7 by "hostile::ids_with_control_characters_are_refused"]
    "an empty id gets a name" => ChangeRecord(|r| {
        if r.id.is_empty() {
            r.id = "unnamed".to_owned();
        }
    });
    [N7 by "limit::id_past_it_is_refused"]
    "a long id is cut" => ChangeRecord(|r| r.id = r.id.chars().take(512).collect());
    [N7 by "hostile::ids_with_control_characters_are_refused"]
    "control characters in ids are dropped" => ChangeRecord(|r| r.id.retain(|c| !c.is_control()));
    [N16 by "value::bad_keys_are_refused"]
    "a reserved key is taken for another" => ChangeRecord(|r| each_key(r, |k| {
        k.replace("_portolan", "portolan").replace('$', "S")
    }));
    [N17 by "value::nothing_finite_is_refused_and_nothing_stored"]
    "NaN in metadata is dropped" => ChangeRecord(|r| keep(r, |v| {
        v.as_float().is_none_or(f64::is_finite)
    }));
    [N21 by "field::another_type_is_refused"]
    "a value of another type than declared is dropped" => Upsert(|inner, request| {
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
    [A3 by "upsert::stored_records_read_back"]
    "a lost item is reported stored" => Upsert(|inner, request| Box::pin(async move {
        let all: Vec<usize> = (0..request.records.len().saturating_sub(1).max(1)).collect();
        validated(inner, request).await?;
        let mut part = request.clone();
        let positions = request.records.positions(&all);
        part.records = request.records.at(&positions);
        let _ = inner.upsert(&part).await?;
        Ok(all_stored(request.records.len()))
    }));
    [W1 by "upsert::replacing_drops_old_keys"]
    "an upsert merges metadata" => Upsert(|inner, request| Box::pin(async move {
        let before = stored_before(inner, request).await?;
        let merged = request.records.iter().zip(before).map(|(record, before)| {
            let mut metadata = before.map(|b| b.metadata).unwrap_or_default();
            metadata.apply(&MetadataPatch::from(record.metadata.clone()));
            Record { metadata, ..record.clone() }
        });
        let merged: Vec<Record> = merged.collect();
        inner.upsert(&UpsertRequest::new(request.index, &merged)).await
    }));
    [W1 by "upsert::replaces_the_whole_record"]
    "an upsert does not replace" => Upsert(|inner, request| Box::pin(async move {
        let before = stored_before(inner, request).await?;
        let fresh = request.records.iter().zip(before).filter(|(_, before)| before.is_none());
        let fresh: Vec<Record> = fresh.map(|(record, _)| record.clone()).collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &fresh)).await?;
        Ok(all_stored(request.records.len()))
    }));
    [W1 by "upsert::replaces_the_whole_record"]
    "an upsert keeps the old vector" => Upsert(|inner, request| Box::pin(async move {
        let before = stored_before(inner, request).await?;
        let kept = request.records.iter().zip(before).map(|(record, before)| {
            let vector = before.and_then(|b| b.vector).or_else(|| record.vector.clone());
            Record { vector, ..record.clone() }
        });
        let kept: Vec<Record> = kept.collect();
        inner.upsert(&UpsertRequest::new(request.index, &kept)).await
    }));
    [W2 by "upsert::the_last_of_equal_ids_wins"]
    "the first of equal ids wins" => Upsert(|inner, request| Box::pin(async move {
        validated(inner, request).await?;
        let mut seen = BTreeSet::new();
        let first: Vec<Record> = request.records.iter().filter(|r| seen.insert(&r.id)).cloned().collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &first)).await?;
        Ok(all_stored(request.records.len()))
    }));
    [W2 by "upsert::the_last_of_equal_ids_wins"]
    "there is one outcome for equal ids" => Upsert(|inner, request| Box::pin(async move {
        let mut written = inner.upsert(request).await?;
        written.items.truncate(request.records.iter().map(|r| &r.id).collect::<BTreeSet<_>>().len());
        Ok(written)
    }));
    [W5 by "invalid::the_first_bad_record_is_named"]
    "an invalid item fails alone" => Upsert(|inner, request| Box::pin(async move {
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
    [W6 by "field::a_refusal_stores_nothing"]
    "what comes before an invalid item is stored" => Upsert(|inner, request| Box::pin(async move {
        if let Err(e) = validated(inner, request).await && let Some(at) = e.position() {
            let before: Vec<Record> = request.records.iter().take(at).cloned().collect();
            let _ = inner.upsert(&UpsertRequest::new(request.index, &before)).await?;
        }
        inner.upsert(request).await
    }));
    [W5 by "invalid::the_first_bad_record_is_named"]
    "the error of an invalid item has no position" => Upsert(|inner, request| Box::pin(async move {
        inner.upsert(request).await.map_err(|e| Error::new(e.kind(), e.message()))
    }));
    [W5 by "vector::another_length_is_a_mismatch"]
    "a wrong dimension is an invalid argument" => Upsert(|inner, request| Box::pin(async move {
        inner.upsert(request).await.map_err(|e| match e.kind() {
            ErrorKind::DimensionMismatch => Error::invalid(e.message()).with_position(e.position().unwrap_or(0)),
            _ => e,
        })
    }));
    [W3 by "upsert::an_empty_call_changes_nothing"]
    "an empty call is refused" => Upsert(|inner, request| Box::pin(async move {
        if request.records.is_empty() {
            return Err(Error::invalid("there is nothing to write"));
        }
        inner.upsert(request).await
    }));
    [I4 by "missing::an_empty_upsert"]
    "an empty call on a missing index is taken" => Upsert(|inner, request| Box::pin(async move {
        if request.records.is_empty() {
            return Ok(WriteResult::new(Vec::new()));
        }
        inner.upsert(request).await
    }));
    [I4 by "missing::upsert"]
    "a missing index is created" => Upsert(|inner, request| Box::pin(async move {
        if let (Err(_), Some(first)) =
            (inner.describe_index(request.index, request.options).await, request.records.get(0))
        {
            let dimension = first.vector.as_ref().map_or(1, |v| v.len());
            let spec = portolan_core::IndexSpec::new(request.index, dimension);
            inner.create_index(&spec, request.options).await?;
        }
        inner.upsert(request).await
    }));
    [W12 by "delete::missing_is_no_error"]
    "deleting what is absent fails" => Delete(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.ids.iter().cloned().collect();
        let found = inner.get(&GetRequest::new(request.index, &ids)).await?;
        let mut deleted = inner.delete(request).await?;
        for (outcome, _) in deleted.items.iter_mut().zip(found).filter(|(_, found)| found.is_none()) {
            *outcome = Outcome::Failed(Error::new(ErrorKind::NotFound, "there is no such record"));
        }
        Ok(deleted)
    }));
    [W12 by "delete::one"]
    "nothing is deleted" => Delete(|inner, request| Box::pin(async move {
        let none: [String; 0] = [];
        let _ = inner.delete(&DeleteRequest::new(request.index, &none[..])).await?;
        Ok(all_stored(request.ids.len()))
    }));
    [W12 by "delete::several"]
    "only the first id is deleted" => Delete(|inner, request| Box::pin(async move {
        let mut first = request.clone();
        let positions = request.ids.positions(&[0]);
        first.ids = request.ids.at(&positions);
        let _ = inner.delete(&first).await?;
        Ok(all_stored(request.ids.len()))
    }));
    [W5 by "delete::a_bad_id_refuses_the_call"]
    "deleting an invalid id is taken" => Delete(|inner, request| Box::pin(async move {
        or_where_invalid(inner.delete(request).await, || all_stored(request.ids.len()))
    }));
    [W13 by "delete::where_equal"]
    "delete by filter deletes all" => DeleteWhere(|inner, request| Box::pin(async move {
        let deleted = inner.delete_where(request).await?;
        inner.clear(request.index, request.options).await?;
        Ok(deleted)
    }));
    [W13 by "delete::where_equal"]
    "delete by filter deletes nothing" => DeleteWhere(|inner, request| Box::pin(async move {
        let filter = Filter::none();
        let mut none = request.clone();
        none.filter = &filter;
        let _ = inner.delete_where(&none).await?;
        Ok(DeleteWhereResult::new(None))
    }));
    [W16 by "delete::where_equal"]
    "the number deleted is one off" => DeleteWhere(|inner, request| Box::pin(async move {
        let deleted = inner.delete_where(request).await?;
        Ok(DeleteWhereResult::new(deleted.deleted.map(|n| n + 1)))
    }));
    [W15 by "delete::where_true_is_refused"]
    "delete by a filter that is true clears" => DeleteWhere(|inner, request| Box::pin(async move {
        if request.filter.clone().fold().is_all() {
            inner.clear(request.index, request.options).await?;
            return Ok(DeleteWhereResult::new(None));
        }
        inner.delete_where(request).await
    }));
    [W15 by "delete::clear_leaves_the_index"]
    "clear does nothing" => Clear(|inner, index, options| Box::pin(async move {
        inner.describe_index(index, options).await.map(drop)
    }));
    [W15 by "delete::clear_leaves_other_indexes"]
    "clear deletes the index" => Clear(|inner, index, options| {
        inner.delete_index(index, options)
    });
    [W17 by "update::sets_a_new_key"]
    "an update replaces" => Update(|inner, request| Box::pin(async move {
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
    [W18 by "update::a_missing_id_is_not_created"]
    "an update creates what is missing" => Update(|inner, request| Box::pin(async move {
        let dimension = inner.describe_index(request.index, request.options).await?.spec.dimension;
        let written = inner.update_metadata(request).await?;
        let failed = request.updates.iter().zip(&written.items).filter(|(_, o)| !o.is_stored());
        let fresh = failed.map(|(u, _)| Record::new(&u.id, vec![1.0; dimension]));
        let fresh: Vec<Record> = fresh.collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &fresh)).await?;
        Ok(written)
    }));
    [W18 by "update::a_missing_id_fails_alone"]
    "the failure of a missing id is hidden" => Update(|inner, request| Box::pin(async move {
        let written = inner.update_metadata(request).await?;
        Ok(all_stored(written.items.len()))
    }));
    [W8 by "update::one_record_at_a_time"]
    "the outcome of a single item is not looked at" => Update(|inner, request| Box::pin(async move {
        let written = inner.update_metadata(request).await?;
        Ok(if request.updates.len() == 1 { all_stored(1) } else { written })
    }));
    [W7 by "update::a_missing_id_fails_alone"]
    "a missing id refuses the whole update" => Update(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.updates.iter().map(|u| u.id.clone()).collect();
        if inner.get(&GetRequest::new(request.index, &ids)).await?.contains(&None) {
            return Err(Error::new(ErrorKind::NotFound, "there is no such record"));
        }
        inner.update_metadata(request).await
    }));
    [N19 by "update::removes_a_key"]
    "null does not remove a key" => Update(|inner, request| Box::pin(async move {
        let kept = request.updates.iter().map(|update| {
            let set = update.patch.iter().filter_map(|(k, v)| Some((k, v?.clone())));
            MetadataUpdate::new(&update.id, MetadataPatch::from(set.collect::<Metadata>()))
        });
        let kept: Vec<MetadataUpdate> = kept.collect();
        inner.update_metadata(&UpdateRequest::new(request.index, &kept)).await
    }));
    [W17 by "update::patches_of_one_id_apply_in_order"]
    "patches of one id apply backwards" => Update(|inner, request| Box::pin(async move {
        let mut backwards: Vec<MetadataUpdate> = request.updates.iter().cloned().collect();
        backwards.reverse();
        let mut written = inner.update_metadata(&UpdateRequest::new(request.index, &backwards)).await?;
        written.items.reverse();
        Ok(written)
    }));
    [W5 by "update::a_bad_patch_refuses_the_call"]
    "an update is not validated" => Update(|inner, request| Box::pin(async move {
        or_where_invalid(inner.update_metadata(request).await, || all_stored(request.updates.len()))
    }));
    [I4 by "missing::upsert"]
    "a write to a missing index is stored" => Upsert(|inner, request| Box::pin(async move {
        or_where_missing(inner.upsert(request).await, || all_stored(request.records.len()))
    }));
    [N8 by "hostile::ids_like_uuids_stay_apart"]
    "an id like a UUID is taken for that UUID" => ChangeRecord(|r| {
        if r.id.len() == 36 {
            r.id = r.id.to_lowercase();
        }
    });
    [N9 by "hostile::ids_like_numbers_stay_apart"]
    "an id like a number is taken for that number" => ChangeRecord(|r| {
        if let Ok(n) = r.id.trim().parse::<i64>() {
            r.id = n.to_string();
        }
    });
    [W4 by "concurrent::a_reader_sees_whole_records"]
    "a vector is written before its metadata" => Upsert(|inner, request| Box::pin(async move {
        let without = |r: Record| Record { metadata: Metadata::new(), ..r };
        let _ = upsert_changed(inner, request, without).await?;
        tokio::task::yield_now().await;
        inner.upsert(request).await
    }));
    [I25 by "cancel::upsert_of_replacements"]
    "a record is deleted before it is replaced" => Upsert(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.records.iter().map(|r| r.id.clone()).collect();
        let _ = inner.delete(&DeleteRequest::new(request.index, &ids)).await?;
        tokio::task::yield_now().await;
        inner.upsert(request).await
    }));
    [N23 by "value::one_field_of_many_types"]
    "an undeclared field takes the type of its first value" => Upsert(|inner, request| {
        Box::pin(async move {
            let first = request.records.get(0).map(|r| r.metadata.clone()).unwrap_or_default();
            let type_of = |value: &Value| value.as_scalar().map(Scalar::type_name);
            let typed = |(key, value): (&str, &Value)| match first.get(key) {
                Some(first) if type_of(first) != type_of(value) => (key.to_owned(), Value::from(value.to_string())),
                _ => (key.to_owned(), value.clone()),
            };
            upsert_changed(inner, request, |r| Record { metadata: r.metadata.iter().map(typed).collect(), ..r })
                .await
        })
    });
    [W11 by "upsert::more_than_the_batch_limit"]
    "a batch of more than 100 is cut" => Upsert(|inner, request| Box::pin(async move {
        let first: Vec<Record> = request.records.iter().take(100).cloned().collect();
        let _ = inner.upsert(&UpsertRequest::new(request.index, &first)).await?;
        Ok(all_stored(request.records.len()))
    }));
    [W20 by "upsert::visible_when_searchable"]
    "a write is never said to be visible" => Upsert(|inner, request| Box::pin(async move {
        let mut written = inner.upsert(request).await?;
        written.visible = false;
        Ok(written)
    }));
    [W14 by "delete::where_residual"]
    "delete by filter checks only the first part of an And" => DeleteWhere(|inner, request| {
        Box::pin(async move {
            let first = match request.filter {
                Filter::And(parts) => parts.first().unwrap_or(request.filter),
                other => other,
            };
            inner.delete_where(&DeleteWhereRequest::new(request.index, first)).await
        })
    });
    [W9 by "delete::clear_twice"]
    "a clear of nothing fails" => Clear(|inner, index, options| Box::pin(async move {
        if inner.count(&CountRequest::new(index)).await? == 0 {
            return Err(Error::new(ErrorKind::NotFound, "there is nothing to clear"));
        }
        inner.clear(index, options).await
    }));
    [W19 by "update::concurrent_updates_are_all_kept"]
    "updates at once lose each other" => Update(|inner, request| Box::pin(async move {
        let ids: Vec<String> = request.updates.iter().map(|u| u.id.clone()).collect();
        let mut read = inner.get(&GetRequest::new(request.index, &ids)).await?;
        tokio::task::yield_now().await;
        for (record, update) in read.iter_mut().flatten().zip(request.updates.iter()) {
            record.metadata.apply(&update.patch);
        }
        let changed: Vec<Record> = read.into_iter().flatten().collect();
        inner.upsert(&UpsertRequest::new(request.index, &changed)).await
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

/// What is stored under the ids of records that are not refused.
async fn stored_before(
    inner: &Inner,
    request: &UpsertRequest<'_>,
) -> portolan_core::Result<Vec<Option<Record>>> {
    validated(inner, request).await?;
    let ids: Vec<String> = request.records.iter().map(|r| r.id.clone()).collect();
    inner.get(&GetRequest::new(request.index, &ids)).await
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
