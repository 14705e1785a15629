//! Reads that answer something else.

use std::collections::BTreeSet;

use portolan_core::{Cursor, ErrorKind, GetRequest, ScanPage, Value};

use super::{or_where_invalid, or_where_missing, saboteurs};

saboteurs! {
    [R1 by "upsert::get_answers_in_order"]
    "get answers in the order of ids" => Get(|inner, request| Box::pin(async move {
        let mut found = inner.get(request).await?;
        found.sort_by(|a, b| a.as_ref().map(|r| &r.id).cmp(&b.as_ref().map(|r| &r.id)));
        Ok(found)
    }));
    [R1 by "upsert::get_leaves_holes"]
    "get drops the holes" => Get(|inner, request| Box::pin(async move {
        let mut found = inner.get(request).await?;
        found.retain(Option::is_some);
        Ok(found)
    }));
    [R1 by "upsert::get_repeats_repeated_ids"]
    "get answers a repeated id once" => Get(|inner, request| Box::pin(async move {
        let mut seen = BTreeSet::new();
        let mut found = inner.get(request).await?;
        for (id, record) in request.ids.iter().zip(&mut found) {
            if !seen.insert(id) {
                *record = None;
            }
        }
        Ok(found)
    }));
    [R1 by "upsert::get_of_only_missing_is_holes"]
    "get fails for a missing id" => Get(|inner, request| Box::pin(async move {
        let found = inner.get(request).await?;
        if found.contains(&None) {
            return Err(portolan_core::Error::new(ErrorKind::NotFound, "there is no such record"));
        }
        Ok(found)
    }));
    [A1 by "upsert::get_leaves_out_what_is_not_asked_for"]
    "get always gives vectors" => Get(|inner, request| Box::pin(async move {
        inner.get(&request.clone().include_vectors(true)).await
    }));
    [A1 by "upsert::get_leaves_out_what_is_not_asked_for"]
    "get never gives vectors" => Get(|inner, request| Box::pin(async move {
        inner.get(&request.clone().include_vectors(false)).await
    }));
    [A1 by "upsert::get_leaves_out_what_is_not_asked_for"]
    "get always gives metadata" => Get(|inner, request| Box::pin(async move {
        inner.get(&request.clone().include_metadata(true)).await
    }));
    [N7 by "hostile::ids_with_control_characters_are_refused"]
    "get takes an invalid id for a missing one" => Get(|inner, request| Box::pin(async move {
        or_where_invalid(inner.get(request).await, || vec![None; request.ids.len()])
    }));
    [I4 by "missing::get"]
    "get finds nothing in a missing index" => Get(|inner, request| Box::pin(async move {
        or_where_missing(inner.get(request).await, || vec![None; request.ids.len()])
    }));
    [R8 by "scan::every_page_size_is_complete"]
    "a scan repeats a record" => Scan(|inner, request| Box::pin(async move {
        let mut page = inner.scan(request).await?;
        if let (Some(first), true) = (page.records.first().cloned(), page.records.len() < request.page_size) {
            page.records.push(first);
        }
        Ok(page)
    }));
    [R8 by "scan::every_page_size_is_complete"]
    "a scan misses a record of each full page" => Scan(|inner, request| Box::pin(async move {
        let mut page = inner.scan(request).await?;
        if page.records.len() == request.page_size {
            page.records.pop();
        }
        Ok(page)
    }));
    [R8 by "scan::many_pages"]
    "a scan ends after its first page" => Scan(|inner, request| Box::pin(async move {
        let page = inner.scan(request).await?;
        Ok(ScanPage::new(page.records, None))
    }));
    [R8 by "scan::every_page_size_is_complete"]
    "a scan heeds no page size" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().page_size(10_000)).await
    }));
    [I19 by "scan::page_size_out_of_range_is_refused"]
    "a scan takes any page size" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().page_size(request.page_size.clamp(1, 10_000))).await
    }));
    [A1 by "scan::vectors_and_metadata_only_where_asked"]
    "a scan always gives vectors" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().include_vectors(true)).await
    }));
    [A1 by "scan::vectors_and_metadata_only_where_asked"]
    "a scan never gives metadata" => Scan(|inner, request| Box::pin(async move {
        inner.scan(&request.clone().include_metadata(false)).await
    }));
    [R10 by "scan::an_invented_cursor_is_refused"]
    "an unknown cursor starts again" => Scan(|inner, request| Box::pin(async move {
        match inner.scan(request).await {
            Err(e) if e.kind() == ErrorKind::InvalidArgument && e.message() == Cursor::dead().message() => {
                inner.scan(&request.clone().cursor(None)).await
            }
            answer => answer,
        }
    }));
    [R8 by "scan::records_are_seen_once_while_others_are_deleted"]
    "a scan's pages are cut by offset" => Scan(|inner, request| Box::pin(async move {
        let offset: usize = request.cursor.and_then(|c| c.as_str().parse().ok()).unwrap_or(0);
        let all = inner.scan(&request.clone().cursor(None).page_size(10_000)).await?.records;
        let end = offset + request.page_size;
        let cursor = (end < all.len()).then(|| Cursor::new(end.to_string()));
        Ok(ScanPage::new(all.into_iter().skip(offset).take(request.page_size).collect(), cursor))
    }));
    [I4 by "missing::scan"]
    "a scan of a missing index is empty" => Scan(|inner, request| Box::pin(async move {
        or_where_missing(inner.scan(request).await, || ScanPage::new(Vec::new(), None))
    }));
    [R11 by "count::everything"]
    "a count is one off" => Count(|inner, request| Box::pin(async move {
        inner.count(request).await.map(|n| n + 1)
    }));
    [R11 by "count::everything"]
    "a count is rounded" => Count(|inner, request| Box::pin(async move {
        inner.count(request).await.map(|n| if n > 10 { n / 10 * 10 } else { n })
    }));
    [I4 by "missing::count"]
    "a missing index counts 0" => Count(|inner, request| Box::pin(async move {
        or_where_missing(inner.count(request).await, || 0)
    }));
    [R1 by "upsert::get_many"]
    "get loses metadata of all but the first" => Get(|inner, request| Box::pin(async move {
        let mut found = inner.get(&GetRequest::new(request.index, request.ids)).await?;
        for record in found.iter_mut().flatten().skip(1) {
            record.metadata = portolan_core::Metadata::new();
        }
        Ok(found)
    }));
    [N22 by "field::integers_in_a_float_field_become_floats"]
    "whole floats are read as integers" => Get(|inner, request| Box::pin(async move {
        let mut found = inner.get(request).await?;
        for record in found.iter_mut().flatten() {
            record.metadata = record.metadata.iter().map(|(k, v)| (k, integer(v))).collect();
        }
        Ok(found)
    }));
    [N26 by "hostile::keys_with_dots_are_not_paths"]
    "the overflow is shown" => Scan(|inner, request| Box::pin(async move {
        let mut page = inner.scan(request).await?;
        for record in &mut page.records {
            record.metadata.insert("_portolan_keys", ["a"]);
        }
        Ok(page)
    }));
    [I4 by "missing::an_empty_get"]
    "an empty get finds nothing in a missing index" => Get(|inner, request| Box::pin(async move {
        if request.ids.is_empty() {
            return Ok(Vec::new());
        }
        inner.get(request).await
    }));
}

fn integer(value: &Value) -> Value {
    match value.as_float() {
        Some(x) if x.fract() == 0.0 => Value::from(x as i64),
        _ => value.clone(),
    }
}
