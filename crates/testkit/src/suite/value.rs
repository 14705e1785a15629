//! Metadata values: every type reads back as it was written.

use portolan_core::filter::field;
use portolan_core::{ErrorKind, Metadata, Record, Scalar, UpsertRequest, Value};
use serde_json::json;

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, opaque, owned, plain};

cases! { "value";
    [N18] no_metadata, bools, integers, the_long_1746714878034235396, integers_at_the_edges, floats_bit_for_bit,
    floats_at_the_edges, whole_floats_stay_floats, strings, an_empty_string, long_lists, many_fields,
    lists_keep_order_and_repeats;
    [N17 N18] negative_zero_becomes_zero, lists_of_each_type, a_list_of_one, mixed_lists_are_opaque, nested_lists,
    lists_that_hold_null, deep_objects, empty_objects, numbers_inside_opaque_values,
    a_value_made_by_hand_is_stored_in_canonical_form;
    [N6 N18] unicode_strings;
    [F11 N18] an_empty_list;
    [F11 F28 N18] objects;
    [N19] nulls_in_json_are_left_out;
    [N23] one_field_of_many_types;
    [F7 N18] integer_and_float_are_told_apart_by_reading_and_not_by_filters;
    [N17 W5 W6] nothing_finite_is_refused_and_nothing_stored;
    [N16 W5] bad_keys_are_refused;
}

/// Writes each value into a record of its own and looks at what reads back, by get, scan and search.
async fn round_trip(ctx: &Context, values: Vec<Value>) -> Verdict {
    let record = |(n, v): (usize, Value)| plain(n, 3).metadata(Metadata::new().with("v", v));
    let records: Vec<Record> = values.into_iter().enumerate().map(record).collect();
    let twin = filled(ctx, &records).await?;
    twin.get(&crate::data::ids(&records)).await?;
    twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(100)).await?;
    twin.same().await?;
    let stored =
        twin.oracle.get(&portolan_core::GetRequest::new(twin.name(), &crate::data::ids(&records))).await?;
    for (written, stored) in records.iter().zip(stored) {
        check_eq!(stored.map(|r| r.metadata), Some(written.metadata.clone()), "what the oracle stored");
    }
    Ok(())
}

async fn no_metadata(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3), plain(1, 3)]).await?;
    twin.same().await
}

async fn bools(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![true.into(), false.into()]).await
}

async fn integers(ctx: &Context) -> Verdict {
    round_trip(ctx, [0, 1, -1, 42, 2_147_483_648, -2_147_483_649].map(|i: i64| i.into()).to_vec()).await
}

async fn the_long_1746714878034235396(ctx: &Context) -> Verdict {
    let long = 1_746_714_878_034_235_396_i64;
    let records =
        [-1, 0, 1].map(|d| plain((d + 1) as usize, 3).metadata(Metadata::new().with("v", long + d)));
    let twin = filled(ctx, &records).await?;
    twin.filter(&field("v").eq(long)).await?;
    twin.filter(&field("v").gt(long)).await?;
    twin.filter(&field("v").is_in([long - 1, long + 1])).await?;
    let read = twin.get(&owned(&["r00001"])).await?;
    let value = read[0].as_ref().and_then(|r| r.metadata.get("v")).and_then(Value::as_integer);
    check_eq!(value, Some(long), "the long");
    twin.same().await
}

async fn integers_at_the_edges(ctx: &Context) -> Verdict {
    let edges =
        [i64::MIN, i64::MIN + 1, i64::MAX, i64::MAX - 1, (1 << 53) - 1, 1 << 53, (1 << 53) + 1, 1 << 62];
    round_trip(ctx, edges.map(Into::into).to_vec()).await
}

async fn floats_bit_for_bit(ctx: &Context) -> Verdict {
    let floats = [
        0.1,
        0.1 + 0.2,
        1.0 / 3.0,
        std::f64::consts::PI,
        2.499_999_999_999_999_6,
        1e-7,
        123_456.789e10,
        9.007e15,
    ];
    let records: Vec<Record> =
        floats.iter().enumerate().map(|(n, x)| plain(n, 3).metadata(Metadata::new().with("v", *x))).collect();
    let twin = filled(ctx, &records).await?;
    for (read, x) in twin.get(&crate::data::ids(&records)).await?.iter().zip(floats) {
        let read = read.as_ref().and_then(|r| r.metadata.get("v")).and_then(Value::as_float);
        check_eq!(read.map(f64::to_bits), Some(f64::to_bits(x)), "the bits of {x:?}");
    }
    for x in floats {
        twin.filter(&field("v").eq(x)).await?;
    }
    Ok(())
}

async fn floats_at_the_edges(ctx: &Context) -> Verdict {
    let edges =
        [f64::MAX, f64::MIN, f64::MIN_POSITIVE, 5e-324, -5e-324, f64::EPSILON, 1e300, -1e-300, 1e16, 1e22];
    round_trip(ctx, edges.map(Into::into).to_vec()).await
}

async fn whole_floats_stay_floats(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![2.0.into(), 2.into(), (-3.0).into(), 1e15.into(), 0.0.into(), 0.into()]).await
}

async fn negative_zero_becomes_zero(ctx: &Context) -> Verdict {
    let twin = filled(
        ctx,
        &[plain(0, 3).metadata(Metadata::new().with("v", -0.0).with("list", [-0.0, 1.5])), plain(1, 3)],
    )
    .await?;
    let read = twin.get(&owned(&["r00000"])).await?;
    let value = read[0].as_ref().and_then(|r| r.metadata.get("v")).and_then(Value::as_float);
    check_eq!(value.map(f64::to_bits), Some(0), "the bits of -0.0 read back");
    twin.filter(&field("v").eq(0)).await
}

async fn strings(ctx: &Context) -> Verdict {
    round_trip(ctx, ["a", "A", " a ", "a\tb", "multi\nline", "0", "NULL"].map(Into::into).to_vec()).await
}

async fn unicode_strings(ctx: &Context) -> Verdict {
    let texts = ["é", "e\u{301}", "日本語", "👩‍👩‍👧", "\u{10ffff}", "\u{feff}bom", "עברית", "ﬁ", "İ", "ß"];
    round_trip(ctx, texts.map(Into::into).to_vec()).await
}

async fn an_empty_string(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("v", "")), plain(1, 3)]).await?;
    twin.filter(&field("v").exists()).await?;
    twin.filter(&field("v").eq("")).await?;
    twin.same().await
}

async fn lists_of_each_type(ctx: &Context) -> Verdict {
    round_trip(
        ctx,
        vec![["a", "b"].into(), [1, 2, 3].into(), [0.5, 2.0].into(), [true, false].into(), ["", " "].into()],
    )
    .await
}

async fn an_empty_list(ctx: &Context) -> Verdict {
    let empty = Value::list::<i64>([]);
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("v", empty)), plain(1, 3)]).await?;
    twin.filter(&field("v").exists()).await?;
    twin.filter(&field("v").ne(1)).await?;
    twin.filter(&field("v").not_in(["a"])).await?;
    twin.constant_filter(&field("v").contains(1)).await?;
    twin.same().await
}

async fn a_list_of_one(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![["a"].into(), "a".into(), [1].into(), 1.into(), [1.0].into()]).await
}

async fn long_lists(ctx: &Context) -> Verdict {
    let words: Vec<String> = (0..300).map(|n| format!("word {n}")).collect();
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("v", words)), plain(1, 3)]).await?;
    twin.filter(&field("v").contains("word 299")).await?;
    twin.same().await
}

async fn lists_keep_order_and_repeats(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![["b", "a", "b"].into(), [3, 1, 2, 3, 3].into(), [2.5, 2.5].into()]).await
}

async fn mixed_lists_are_opaque(ctx: &Context) -> Verdict {
    round_trip(
        ctx,
        vec![opaque(json!([1, "a"])), opaque(json!([1, 2.5])), opaque(json!([true, 1, "x", 0.5]))],
    )
    .await
}

async fn nested_lists(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![opaque(json!([[1, 2], [3]])), opaque(json!([[]])), opaque(json!([[["deep"]]]))])
        .await
}

async fn lists_that_hold_null(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![opaque(json!([null])), opaque(json!([1, null, 2])), opaque(json!(["a", null]))])
        .await
}

async fn objects(ctx: &Context) -> Verdict {
    let twin = filled(
        ctx,
        &[
            plain(0, 3).metadata(
                Metadata::new().with("v", opaque(json!({"a": 1, "b": "x", "c": [1, 2], "d": null}))),
            ),
            plain(1, 3),
        ],
    )
    .await?;
    twin.filter(&field("v").exists()).await?;
    twin.filter(&field("v").ne("x")).await?;
    twin.constant_filter(&field("v.a").eq(1)).await?;
    twin.same().await
}

async fn deep_objects(ctx: &Context) -> Verdict {
    let deep = (0..40)
        .fold(json!("bottom"), |inner, n| if n % 2 == 0 { json!({"k": inner}) } else { json!([inner]) });
    round_trip(ctx, vec![opaque(json!({"top": deep}))]).await
}

async fn empty_objects(ctx: &Context) -> Verdict {
    round_trip(ctx, vec![opaque(json!({})), opaque(json!({"": {}}))]).await
}

async fn numbers_inside_opaque_values(ctx: &Context) -> Verdict {
    round_trip(
        ctx,
        vec![opaque(
            json!({"i": 1_746_714_878_034_235_396_i64, "f": 2.0, "g": 0.1, "n": -1, "e": 1e300, "z": 0}),
        )],
    )
    .await
}

async fn nulls_in_json_are_left_out(ctx: &Context) -> Verdict {
    let metadata = Metadata::from_json(json!({"a": null, "b": 1}))?;
    let twin = filled(ctx, &[plain(0, 3).metadata(metadata), plain(1, 3)]).await?;
    twin.constant_filter(&field("a").exists()).await?;
    twin.same().await
}

async fn one_field_of_many_types(ctx: &Context) -> Verdict {
    let values: Vec<Value> =
        vec![1.into(), 1.5.into(), "1".into(), true.into(), [1].into(), opaque(json!({"1": 1}))];
    round_trip(ctx, values).await
}

async fn many_fields(ctx: &Context) -> Verdict {
    let metadata: Metadata = (0..120).map(|n| (format!("field_{n}"), n)).collect();
    let twin = filled(ctx, &[plain(0, 3).metadata(metadata), plain(1, 3)]).await?;
    twin.filter(&field("field_119").eq(119)).await?;
    twin.same().await
}

async fn integer_and_float_are_told_apart_by_reading_and_not_by_filters(ctx: &Context) -> Verdict {
    let records = [
        plain(0, 3).metadata(Metadata::new().with("v", 7)),
        plain(1, 3).metadata(Metadata::new().with("v", 7.0)),
        plain(2, 3).metadata(Metadata::new().with("v", 8)),
    ];
    let twin = filled(ctx, &records).await?;
    twin.filter(&field("v").eq(7)).await?;
    check_eq!(twin.count(Some(&field("v").eq(7.0))).await?, 2, "the count of 7, in either type");
    twin.same().await
}

async fn nothing_finite_is_refused_and_nothing_stored(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for value in [Value::from(x), Value::from([1.0, x])] {
            let records = [plain(1, 3), plain(2, 3).metadata(Metadata::new().with("v", value))];
            let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
            let e = refusal("a value that is not finite", ErrorKind::InvalidArgument, written)?;
            check_eq!(e.position(), Some(1), "the position of the bad record");
        }
    }
    twin.same().await
}

async fn bad_keys_are_refused(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    for key in ["", "_portolan", "_portolan_keys", "_portolanx", "$set", "a\u{0}", "line\n", &"k".repeat(129)]
    {
        let records = [plain(1, 3).metadata(Metadata::new().with(key, 1))];
        let written = twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await;
        refusal(&format!("the key {key:?}"), ErrorKind::InvalidArgument, written)?;
    }
    twin.same().await
}

/// A list of mixed scalars put together by hand is the opaque value that it would have been.
async fn a_value_made_by_hand_is_stored_in_canonical_form(ctx: &Context) -> Verdict {
    let by_hand = Value::List(vec![Scalar::Integer(1), Scalar::String("x".to_owned())]);
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("v", by_hand)), plain(1, 3)]).await?;
    let read = twin.get(&owned(&["r00000"])).await?;
    let value = read[0].as_ref().and_then(|r| r.metadata.get("v"));
    check!(value == Some(&opaque(json!([1, "x"]))), "the list reads back as {value:?}");
    twin.constant_filter(&field("v").contains(1)).await
}
