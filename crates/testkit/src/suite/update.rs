//! Updating metadata: merging, removing, order, outcomes.

use portolan_core::filter::field;
use portolan_core::{
    ErrorKind, FieldType, Metadata, MetadataPatch, MetadataUpdate, Metric, Outcome, Record, UpdateRequest,
    Value, VectorStorageExt,
};
use serde_json::json;

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, mixed_index, numbered, opaque, owned, plain};

cases! { "update";
    [W17] sets_a_new_key, replaces_a_value_whole, changes_a_type, removes_a_missing_key, removes_the_last_key,
    leaves_the_vector, leaves_the_vector_however_often, leaves_other_records, replaces_objects_and_does_not_merge_them,
    patches_of_one_id_apply_in_order, an_empty_patch_changes_nothing, many_at_once;
    [N19 W17] removes_a_key, null_in_a_value_is_no_value;
    [N18 W17] sets_every_kind_of_value;
    [W7 W18] a_missing_id_fails_alone;
    [W18] a_missing_id_is_not_created;
    [W3] an_empty_call_changes_nothing;
    [A1] the_input_is_not_changed;
    [N16 N17 W5] a_bad_patch_refuses_the_call;
    [N7 W5] a_bad_id_refuses_the_call;
    [N21 N22] binds_declared_fields;
    [W17 W20] filters_see_it;
    [W8 W18] one_record_at_a_time;
    [W19] concurrent_updates_are_all_kept;
}

async fn sets_a_new_key(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    twin.patch("r00001", MetadataPatch::new().set("fresh", "value")).await?;
    twin.same().await
}

async fn replaces_a_value_whole(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.patch("r00000", MetadataPatch::new().set("tags", ["only"]).set("info", opaque(json!({"z": 9}))))
        .await?;
    twin.same().await
}

async fn changes_a_type(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.patch("r00000", MetadataPatch::new().set("year", "text").set("name", 5).set("tags", true)).await?;
    twin.filter(&field("name").eq(5)).await?;
    twin.same().await
}

async fn removes_a_key(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.patch("r00000", MetadataPatch::new().remove("year").remove("info")).await?;
    twin.constant_filter(&field("year").eq(2010)).await?;
    twin.same().await
}

async fn removes_a_missing_key(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    twin.patch("r00001", MetadataPatch::new().remove("nowhere")).await?;
    twin.same().await
}

async fn removes_the_last_key(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("only", 1)), plain(1, 3)]).await?;
    twin.patch("r00000", MetadataPatch::new().remove("only")).await?;
    twin.same().await
}

async fn leaves_the_vector(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    for n in 0..9 {
        twin.patch(&format!("r{n:05}"), MetadataPatch::new().set("n", -n)).await?;
    }
    twin.search(&twin.query([3.0, -1.0, 2.0]).include_vectors(true)).await?;
    twin.same().await
}

/// A vector that was read back rounded and written again would drift from update to update; under cosine databases round.
async fn leaves_the_vector_however_often(ctx: &Context) -> Verdict {
    let vector = |n: usize| (0..64).map(|i| 0.1 + (n * 64 + i) as f32 / 7.0).collect::<Vec<f32>>();
    let records: Vec<Record> = (0..10).map(|n| Record::new(format!("r{n:05}"), vector(n))).collect();
    let twin = ctx.metric_index(Metric::Cosine, 64).await?;
    twin.upsert(&records).await?;
    for round in 0..12 {
        for record in &records {
            twin.patch(&record.id, MetadataPatch::new().set("round", round)).await?;
        }
    }
    twin.same().await
}

async fn leaves_other_records(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.patch("r00005", MetadataPatch::new().set("name", "changed")).await?;
    twin.same().await
}

async fn sets_every_kind_of_value(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let values: [Value; 9] = [
        1_746_714_878_034_235_396_i64.into(),
        0.1.into(),
        "täxt".into(),
        true.into(),
        ["a", "b"].into(),
        [1.5, 2.0].into(),
        Value::list::<i64>([]),
        opaque(json!({"deep": [1, {"x": null}]})),
        opaque(json!([1, 2.0, "x"])),
    ];
    for (n, value) in values.into_iter().enumerate() {
        twin.patch("r00001", MetadataPatch::new().set(format!("key {n}"), value.clone()).set("one", value))
            .await?;
    }
    twin.same().await
}

async fn replaces_objects_and_does_not_merge_them(ctx: &Context) -> Verdict {
    let twin =
        filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("o", opaque(json!({"a": 1, "b": 2}))))])
            .await?;
    twin.patch("r00000", MetadataPatch::new().set("o", opaque(json!({"b": 3})))).await?;
    twin.same().await
}

async fn null_in_a_value_is_no_value(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let patch = MetadataPatch::from_json(json!({"n": null, "kept": {"inner": null}}))?;
    twin.patch("r00001", patch).await?;
    twin.same().await
}

async fn patches_of_one_id_apply_in_order(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let patch = MetadataPatch::new;
    let updates = [
        MetadataUpdate::new("r00001", patch().set("a", 1).set("b", 1)),
        MetadataUpdate::new("r00002", patch().set("a", 9)),
        MetadataUpdate::new("r00001", patch().set("a", 2).remove("b")),
        MetadataUpdate::new("r00001", patch().set("b", 3).remove("n")),
    ];
    let written = twin.update(&updates).await?;
    check_eq!(written.stored(), 4, "the updates stored");
    twin.same().await
}

async fn a_missing_id_fails_alone(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let update = |id: &str| MetadataUpdate::new(id, MetadataPatch::new().set("x", 1));
    let written = twin.update(&[update("r00000"), update("gone"), update("r00002"), update("gone")]).await?;
    let failed = written.items.iter().filter_map(Outcome::error).all(|e| e.kind() == ErrorKind::NotFound);
    check!(failed && written.failed() == 2, "the outcomes are {:?}", written.items);
    twin.same().await
}

async fn a_missing_id_is_not_created(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let _ = twin.update(&[MetadataUpdate::new("gone", MetadataPatch::new().set("x", 1))]).await?;
    twin.get(&owned(&["gone"])).await?;
    twin.same().await
}

async fn an_empty_call_changes_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    check!(twin.update(&[]).await?.items.is_empty(), "an empty update has outcomes");
    twin.same().await
}

async fn an_empty_patch_changes_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let updates = [
        MetadataUpdate::new("r00001", MetadataPatch::new()),
        MetadataUpdate::new("gone", MetadataPatch::new()),
    ];
    let written = twin.update(&updates).await?;
    check_eq!((written.stored(), written.failed()), (1, 1), "the outcomes");
    twin.same().await
}

async fn the_input_is_not_changed(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let updates = vec![MetadataUpdate::new("r00001", MetadataPatch::new().set("x", -0.0).remove("n"))];
    let before = updates.clone();
    let _ = twin.update(&updates).await?;
    check!(updates == before, "an update has changed its input");
    Ok(())
}

async fn many_at_once(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(150, 3)).await?;
    let updates: Vec<MetadataUpdate> = (0..200)
        .map(|n| {
            MetadataUpdate::new(format!("r{:05}", n % 160), MetadataPatch::new().set("n", n * 10).set("m", n))
        })
        .collect();
    let written = twin.update(&updates).await?;
    check_eq!(written.failed(), 10, "the updates of missing records");
    twin.same().await
}

async fn a_bad_patch_refuses_the_call(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let good = || MetadataUpdate::new("r00000", MetadataPatch::new().set("x", 1));
    for (key, value) in
        [("x", Value::from(f64::NAN)), ("", 1.into()), ("_portolan", 1.into()), ("$set", 1.into())]
    {
        let updates = [good(), MetadataUpdate::new("r00001", MetadataPatch::new().set(key, value))];
        let updated = twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &updates[..])).await;
        let e = refusal("a bad patch", ErrorKind::InvalidArgument, updated)?;
        check_eq!(e.position(), Some(1), "the position of a bad patch");
    }
    twin.same().await
}

async fn a_bad_id_refuses_the_call(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let update = |id: &str| MetadataUpdate::new(id, MetadataPatch::new().set("x", 1));
    let updates = [update("r00000"), update("")];
    let updated = twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &updates[..])).await;
    refusal("an empty id", ErrorKind::InvalidArgument, updated)?;
    twin.same().await
}

async fn binds_declared_fields(ctx: &Context) -> Verdict {
    let spec = ctx.spec(3).field("size", FieldType::Float).field("year", FieldType::Integer);
    let twin = ctx.lent(spec).await?;
    twin.upsert(&numbered(3, 3)).await?;
    twin.patch("r00001", MetadataPatch::new().set("size", 3).set("year", 4)).await?;
    twin.filter(&field("size").eq(3.0)).await?;
    let updates = [MetadataUpdate::new("r00001", MetadataPatch::new().set("year", 4.5))];
    let updated = twin.subject.update_metadata(&UpdateRequest::new(twin.name(), &updates[..])).await;
    refusal("a value of another type", ErrorKind::InvalidArgument, updated)?;
    twin.same().await
}

async fn filters_see_it(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for (n, value) in [Value::from(77), 77.5.into(), "77".into(), ["77"].into()].into_iter().enumerate() {
        twin.patch(&format!("r{n:05}"), MetadataPatch::new().set("fresh", value)).await?;
    }
    for filter in
        [field("fresh").eq(77), field("fresh").gt(77), field("fresh").eq("77"), field("fresh").ne(77)]
    {
        twin.filter(&filter).await?;
    }
    Ok(())
}

async fn one_record_at_a_time(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    let missing = twin.subject.update_one(twin.name(), "gone", MetadataPatch::new().set("x", 1)).await;
    refusal("an update of a missing record", ErrorKind::NotFound, missing)?;
    twin.same().await
}

/// Ten callers set ten keys of one record at once, through one storage: none is lost.
async fn concurrent_updates_are_all_kept(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(2, 3)).await?;
    let patch = |n: usize| MetadataPatch::new().set(format!("key {n}"), n as i64);
    let updates = (0..10).map(|n| twin.subject.update_one(twin.name(), "r00001", patch(n)));
    futures::future::try_join_all(updates).await?;
    let read = twin.subject.get_one(twin.name(), "r00001").await?;
    check_eq!(read.map(|r| r.metadata.len()), Some(13), "the keys of the record");
    Ok(())
}
