//! Declared fields: their type binds.

use portolan_core::filter::field;
use portolan_core::{ErrorKind, FieldType, Metadata, Record, UpsertRequest, Value};
use serde_json::json;

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{opaque, owned, plain};
use crate::twin::Twin;

cases! { "field";
    [N21] values_of_the_type_are_stored, lists_of_the_type_are_stored, a_field_may_be_missing;
    [N21 W5] another_type_is_refused, a_list_of_another_type_is_refused, opaque_values_are_refused;
    [N22] integers_in_a_float_field_become_floats, mixed_numbers_in_a_float_field_become_floats;
    [N22 W5] an_integer_without_an_equal_float_is_refused;
    [N23] undeclared_fields_still_mix;
    [F4 N21] filters_on_declared_fields;
    [F9 N21] filters_of_other_types_on_declared_fields;
    [F7 F8 N21] order_on_declared_fields;
    [F3 N21] negation_on_declared_fields;
    [F33 N16] hostile_declared_names;
    [W5 W6] a_refusal_stores_nothing;
}

async fn typed(ctx: &Context) -> Verdict<Twin> {
    let spec = ctx
        .spec(3)
        .field("flag", FieldType::Bool)
        .field("count", FieldType::Integer)
        .field("size", FieldType::Float)
        .field("word", FieldType::String);
    ctx.lent(spec).await
}

fn with(n: usize, key: &str, value: impl Into<Value>) -> Record {
    plain(n, 3).metadata(Metadata::new().with(key, value))
}

/// Records that fill declared fields: typed, in lists, missing.
fn records() -> Vec<Record> {
    let full = |n: usize| {
        let i = n as i64;
        Metadata::new()
            .with("flag", n.is_multiple_of(3))
            .with("count", i * 10 - 20)
            .with("size", i as f64 / 4.0 - 1.0)
            .with("word", ["", "a", "ab", "B", "é", "zz"][n % 6])
    };
    let mut records: Vec<Record> = (0..12).map(|n| plain(n, 3).metadata(full(n))).collect();
    records.push(plain(12, 3));
    records.push(plain(13, 3).metadata(Metadata::new().with("count", [10, 99]).with("word", ["a", "zz"])));
    records
        .push(plain(14, 3).metadata(Metadata::new().with("size", [0.25, 7.5]).with("flag", [true, false])));
    records
        .push(plain(15, 3).metadata(Metadata::new().with("word", Value::list::<&str>([])).with("other", 10)));
    records
}

async fn values_of_the_type_are_stored(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()[..12]).await?;
    twin.same().await
}

async fn lists_of_the_type_are_stored(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    twin.filter(&field("count").contains(99)).await?;
    twin.filter(&field("flag").contains(true)).await?;
    twin.same().await
}

async fn refused(ctx: &Context, bad: Vec<(&str, Value)>) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&[plain(0, 3)]).await?;
    for (key, value) in bad {
        let what = format!("{value:?} in the field {key}");
        let records = [plain(1, 3), with(2, key, value)];
        let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
        let e = refusal(&what, ErrorKind::InvalidArgument, written)?;
        check_eq!(e.position(), Some(1), "the position of {what}");
        check!(e.message().contains(key), "the error does not name the field: {e}");
    }
    twin.same().await
}

async fn another_type_is_refused(ctx: &Context) -> Verdict {
    let bad = vec![
        ("flag", 1.into()),
        ("flag", "true".into()),
        ("count", 1.5.into()),
        ("count", 2.0.into()),
        ("count", "1".into()),
        ("size", "1.5".into()),
        ("size", true.into()),
        ("word", 1.into()),
        ("word", false.into()),
    ];
    refused(ctx, bad).await
}

async fn a_list_of_another_type_is_refused(ctx: &Context) -> Verdict {
    refused(
        ctx,
        vec![("flag", [1].into()), ("count", ["a"].into()), ("word", [1, 2].into()), ("count", [0.5].into())],
    )
    .await
}

async fn opaque_values_are_refused(ctx: &Context) -> Verdict {
    let bad = ["flag", "count", "size", "word"].map(|key| (key, opaque(json!({"a": 1})))).to_vec();
    refused(ctx, bad).await?;
    refused(ctx, vec![("word", opaque(json!(["a", 1]))), ("count", opaque(json!([1, null])))]).await
}

async fn integers_in_a_float_field_become_floats(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&[with(0, "size", 3), with(1, "size", [1, 2]), with(2, "size", 4.5)]).await?;
    let read = twin.get(&owned(&["r00000", "r00001"])).await?;
    let value = |n: usize| read[n].as_ref().and_then(|r| r.metadata.get("size")).cloned();
    check_eq!((value(0), value(1)), (Some(3.0.into()), Some([1.0, 2.0].into())), "integers in a float field");
    twin.filter(&field("size").gte(3)).await
}

async fn an_integer_without_an_equal_float_is_refused(ctx: &Context) -> Verdict {
    refused(ctx, vec![("size", 9_007_199_254_740_993_i64.into()), ("size", [1, i64::MAX].into())]).await
}

async fn mixed_numbers_in_a_float_field_become_floats(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&[with(0, "size", opaque(json!([1, 2.5]))), plain(1, 3)]).await?;
    twin.filter(&field("size").eq(1)).await?;
    twin.same().await
}

async fn a_field_may_be_missing(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    for key in ["flag", "count", "size", "word"] {
        twin.filter(&field(key).exists()).await?;
        twin.filter(&!field(key).exists()).await?;
    }
    Ok(())
}

async fn undeclared_fields_still_mix(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&[with(0, "free", 1), with(1, "free", "x"), with(2, "free", [true]), with(3, "free", 1.5)])
        .await?;
    twin.filter(&field("free").gt(0)).await?;
    twin.same().await
}

async fn filters_on_declared_fields(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    for filter in [
        field("flag").eq(true),
        field("flag").ne(true),
        field("count").eq(10),
        field("count").is_in([0, 10, 99]),
        field("count").not_in([0, 10]),
        field("size").eq(0.25),
        field("size").ne(0.25),
        field("word").eq("a"),
        field("word").ne("a"),
        field("word").is_in(["é", ""]),
        field("word").contains("b"),
        field("word").starts_with("a"),
        field("word").ends_with("z"),
    ] {
        twin.filter(&filter).await?;
        twin.filter(&!filter).await?;
    }
    Ok(())
}

/// A filter may compare with any type: it is then false, or true for `ne` and `not_in`.
async fn filters_of_other_types_on_declared_fields(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    for filter in [
        field("count").eq("10"),
        field("flag").eq(1),
        field("word").gt(1),
        field("size").starts_with("0"),
        field("word").is_in([1, 2]),
    ] {
        check_eq!(twin.count(Some(&filter)).await?, 0, "the count where {filter}");
        twin.constant_filter(&!filter).await?;
    }
    for filter in [
        field("count").ne("10"),
        field("word").not_in([1]),
        field("flag").ne("true"),
        field("count").eq(10.0),
    ] {
        twin.filter(&filter).await?;
    }
    twin.filter(&field("count").gt(9.5)).await?;
    twin.filter(&field("size").lt(1)).await
}

async fn order_on_declared_fields(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    for filter in [
        field("count").gt(0),
        field("count").gte(10),
        field("count").lt(-10),
        field("count").lte(-10),
        field("size").gt(0.5),
        field("size").lte(0.0),
        field("word").gt("a"),
        field("word").lte("a"),
        portolan_core::filter::range("count", 5, 35),
    ] {
        twin.filter(&filter).await?;
    }
    Ok(())
}

async fn negation_on_declared_fields(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    twin.upsert(&records()).await?;
    for filter in [
        !field("count").gt(0),
        !(field("flag").eq(true) | field("word").eq("a")),
        !(field("flag").eq(false) & field("size").gte(0.0)),
        field("word").exists() & !field("word").ne("zz"),
    ] {
        twin.filter(&filter).await?;
    }
    Ok(())
}

async fn hostile_declared_names(ctx: &Context) -> Verdict {
    let names =
        ["a b", "quo\"te", "ap'os", "dot.ted", "ünï", "SELECT", "select", "id", "vector", "x-y", "1st"];
    let spec = names.iter().fold(ctx.spec(3), |spec, name| spec.field(*name, FieldType::String));
    let twin = ctx.twin(spec).await?;
    let records: Vec<Record> = names.iter().enumerate().map(|(n, name)| with(n, name, *name)).collect();
    twin.upsert(&records).await?;
    for name in names {
        twin.filter(&field(name).eq(name)).await?;
    }
    twin.same().await
}

async fn a_refusal_stores_nothing(ctx: &Context) -> Verdict {
    let twin = typed(ctx).await?;
    let mut records = records();
    records.push(with(16, "count", "no integer"));
    let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records)).await;
    refusal("one bad value of many", ErrorKind::InvalidArgument, written)?;
    twin.same().await
}
