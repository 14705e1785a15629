//! Hostile ids, keys and values: quotes, other scripts, injection forms; they are data and nothing else.

use portolan_core::filter::{field, id_in};
use portolan_core::{ErrorKind, GetRequest, Metadata, MetadataPatch, Record, UpsertRequest, Value};

use crate::case::{Verdict, cases, refusal};
use crate::context::Context;
use crate::data::{filled, ids, owned, plain, vector};
use crate::twin::Twin;

cases! { "hostile";
    [F33 N7] ids_round_trip, ids_delete_and_update, ids_in_filters;
    [N8 N10] ids_like_uuids_stay_apart;
    [N6 N9] ids_like_numbers_stay_apart;
    [N9 N10] ids_that_are_numbers_are_found;
    [N7] ids_as_long_as_allowed;
    [N6] ids_differing_in_normalization_stay_apart, ids_differing_in_case_stay_apart;
    [N7 W5] ids_with_control_characters_are_refused;
    [F33 N16 N25] keys_round_trip_and_filter;
    [N6 N25] keys_differing_in_case_stay_apart;
    [N25 N26] keys_with_dots_are_not_paths, keys_named_like_columns;
    [N16] keys_as_long_as_allowed;
    [F33 N18] values_round_trip_and_filter, values_in_lists;
    [N18 N25] values_with_control_characters_round_trip;
    [F12 F33] values_under_string_operators;
    [N18] long_values_round_trip;
    [F9 N18] values_like_numbers_stay_strings;
    [N25 W17] patches_of_hostile_keys;
}

/// Text that breaks what is spliced and not bound.
pub(crate) const TEXTS: [&str; 24] = [
    "'",
    "\"",
    "`",
    "\\",
    "';--",
    "\" OR 1=1 --",
    "' OR '1'='1",
    "{}",
    "{\"$gt\": \"\"}",
    "$where",
    "%",
    "_",
    "*",
    "[a]",
    "a,b",
    "a b",
    " lead and trail ",
    "null",
    "NaN",
    "\\u0000",
    "日本語",
    "e\u{301}",
    "💥👩‍👩‍👧",
    "\u{202e}rtl\u{feff}",
];

fn hostile_records() -> Vec<Record> {
    TEXTS.iter().enumerate().map(|(n, text)| Record::new(*text, vector(n, 3))).collect()
}

async fn ids_round_trip(ctx: &Context) -> Verdict {
    let records = hostile_records();
    let twin = filled(ctx, &records).await?;
    twin.get(&ids(&records)).await?;
    twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(100)).await?;
    twin.same().await
}

async fn ids_delete_and_update(ctx: &Context) -> Verdict {
    let records = hostile_records();
    let twin = filled(ctx, &records).await?;
    for (n, text) in TEXTS.iter().enumerate() {
        if n % 2 == 0 {
            let _ = twin.delete(&owned(&[text])).await?;
        } else {
            twin.patch(text, MetadataPatch::new().set("n", n as i64)).await?;
        }
    }
    twin.same().await
}

async fn ids_in_filters(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &hostile_records()).await?;
    for text in TEXTS {
        twin.filter(&id_in([text])).await?;
    }
    twin.filter(&!id_in(TEXTS[..8].iter().copied())).await
}

async fn ids_like_uuids_stay_apart(ctx: &Context) -> Verdict {
    let forms = [
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "6BA7B810-9DAD-11D1-80B4-00C04FD430C8",
        "6ba7b8109dad11d180b400c04fd430c8",
        "{6ba7b810-9dad-11d1-80b4-00c04fd430c8}",
        "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "00000000-0000-0000-0000-000000000000",
    ];
    apart(ctx, &forms).await
}

async fn ids_like_numbers_stay_apart(ctx: &Context) -> Verdict {
    apart(ctx, &["1", "01", "1.0", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551615", "1e0"]).await
}

/// A database may hold such an id as a number or as what stands for its text: it is one record, and no collision.
async fn ids_that_are_numbers_are_found(ctx: &Context) -> Verdict {
    let records = ["0", "7", "42", "18446744073709551615"].map(|id| Record::new(id, vector(id.len(), 3)));
    let twin = filled(ctx, &records).await?;
    twin.search(&twin.query([1.0, 2.0, 3.0])).await?;
    twin.filter(&id_in(["42"])).await?;
    let _ = twin.delete(&owned(&["42"])).await?;
    twin.search(&twin.query([1.0, 2.0, 3.0])).await?;
    twin.same().await
}

async fn ids_differing_in_normalization_stay_apart(ctx: &Context) -> Verdict {
    apart(ctx, &["é", "e\u{301}", "ﬁ", "fi", "Å", "\u{212b}"]).await
}

async fn ids_differing_in_case_stay_apart(ctx: &Context) -> Verdict {
    apart(ctx, &["straße", "STRASSE", "Strasse", "strasse", "ǅ", "ǆ"]).await
}

/// Each id is its own record.
async fn apart(ctx: &Context, forms: &[&str]) -> Verdict {
    let records: Vec<Record> =
        forms.iter().enumerate().map(|(n, id)| Record::new(*id, vector(n, 3))).collect();
    let twin = filled(ctx, &records).await?;
    twin.get(&owned(forms)).await?;
    twin.filter(&id_in([forms[1]])).await?;
    let _ = twin.delete(&owned(&forms[..1])).await?;
    twin.get(&owned(forms)).await?;
    twin.same().await
}

async fn ids_as_long_as_allowed(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.id_bytes;
    let long = ["x".repeat(most), format!("{}é", "x".repeat(most - 2)), format!("y{}", "x".repeat(most - 1))];
    let long: Vec<&str> = long.iter().map(String::as_str).collect();
    apart(ctx, &long).await
}

async fn ids_with_control_characters_are_refused(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3)]).await?;
    for id in ["", "a\u{0}", "\n", "tab\t", "\u{7f}", "\u{85}"] {
        let records = [plain(1, 3), Record::new(id, vector(0, 3))];
        let e = refusal(
            "a bad id",
            ErrorKind::InvalidArgument,
            twin.subject.upsert(&UpsertRequest::new(twin.name(), &records[..])).await,
        )?;
        crate::case::check_eq!(e.position(), Some(1), "the position of a bad id");
        let read = owned(&[id]);
        refusal(
            "a read of a bad id",
            ErrorKind::InvalidArgument,
            twin.subject.get(&GetRequest::new(twin.name(), &read)).await,
        )?;
    }
    twin.same().await
}

fn hostile_keys() -> Vec<&'static str> {
    let mut keys: Vec<&str> = TEXTS.iter().copied().filter(|text| !text.starts_with('$')).collect();
    keys.extend([
        "_",
        "id",
        "ID",
        "vector",
        "metadata",
        "_id",
        "score",
        "payload",
        "__proto__",
        "and",
        "NOT",
    ]);
    keys
}

async fn keys_round_trip_and_filter(ctx: &Context) -> Verdict {
    let keys = hostile_keys();
    let records: Vec<Record> = keys
        .iter()
        .enumerate()
        .map(|(n, key)| plain(n, 3).metadata(Metadata::new().with(*key, n as i64).with("common", "x")))
        .collect();
    let twin = filled(ctx, &records).await?;
    for key in &keys {
        twin.filter(&field(*key).exists()).await?;
    }
    twin.filter(&field(keys[3]).gte(0)).await?;
    twin.filter(&!field(keys[5]).eq(5)).await?;
    twin.same().await
}

async fn keys_differing_in_case_stay_apart(ctx: &Context) -> Verdict {
    let one = plain(0, 3).metadata(Metadata::new().with("Key", 1).with("key", 2).with("KEY", 3).with("é", 4));
    let two = plain(1, 3).metadata(Metadata::new().with("key", 1).with("e\u{301}", 4));
    let twin = filled(ctx, &[one, two]).await?;
    for filter in [field("Key").eq(1), field("key").eq(1), field("KEY").exists(), field("é").eq(4)] {
        twin.filter(&filter).await?;
    }
    twin.same().await
}

async fn keys_with_dots_are_not_paths(ctx: &Context) -> Verdict {
    let nested = crate::data::opaque(serde_json::json!({"b": 1}));
    let one = plain(0, 3).metadata(Metadata::new().with("a", nested));
    let two = plain(1, 3).metadata(Metadata::new().with("a.b", 1).with("a[0]", 2).with("a/b", 3));
    let twin = filled(ctx, &[one, two]).await?;
    for filter in [field("a.b").eq(1), field("a[0]").exists(), field("a").exists(), field("a/b").gt(2)] {
        twin.filter(&filter).await?;
    }
    twin.same().await
}

async fn keys_as_long_as_allowed(ctx: &Context) -> Verdict {
    let long = "k".repeat(128);
    let other = format!("{}é", "k".repeat(126));
    let one = plain(0, 3).metadata(Metadata::new().with(long.as_str(), 1));
    let two = plain(1, 3).metadata(Metadata::new().with(other.as_str(), 1));
    let twin = filled(ctx, &[one, two]).await?;
    twin.filter(&field(long).eq(1)).await?;
    twin.filter(&field(other).eq(1)).await?;
    twin.same().await
}

/// Keys that stores like to use for themselves.
async fn keys_named_like_columns(ctx: &Context) -> Verdict {
    let names =
        ["id", "vector", "score", "distance", "values", "document", "_additional", "namespace", "_score"];
    let all: Metadata = names.iter().enumerate().map(|(n, name)| (*name, n as i64)).collect();
    let twin = filled(ctx, &[plain(0, 3).metadata(all), plain(1, 3)]).await?;
    for name in names {
        twin.filter(&field(name).exists()).await?;
    }
    twin.same().await
}

/// An index of these values, each of a record of its own.
async fn valued<V: Into<Value>>(ctx: &Context, values: impl IntoIterator<Item = V>) -> Verdict<Twin> {
    let record = |(n, value): (usize, V)| plain(n, 3).metadata(Metadata::new().with("v", value));
    filled(ctx, &values.into_iter().enumerate().map(record).collect::<Vec<_>>()).await
}

async fn values_round_trip_and_filter(ctx: &Context) -> Verdict {
    let twin = valued(ctx, TEXTS).await?;
    for text in TEXTS {
        twin.filter(&field("v").eq(text)).await?;
    }
    twin.filter(&field("v").is_in(TEXTS[..9].iter().copied())).await?;
    twin.filter(&field("v").ne("'")).await?;
    twin.filter(&field("v").gt("`")).await?;
    twin.same().await
}

async fn values_with_control_characters_round_trip(ctx: &Context) -> Verdict {
    let texts = ["a\u{0}b", "\u{0}", "line\nbreak\r\n", "\u{1}\u{1f}\u{7f}", "tab\t", "\u{2028}"];
    let twin = valued(ctx, texts).await?;
    for text in texts {
        twin.filter(&field("v").eq(text)).await?;
    }
    twin.filter(&field("v").contains("\u{0}")).await?;
    twin.same().await
}

async fn values_in_lists(ctx: &Context) -> Verdict {
    let twin = valued(ctx, TEXTS.chunks(4).map(<[_]>::to_vec)).await?;
    for text in TEXTS {
        twin.filter(&field("v").contains(text)).await?;
    }
    twin.same().await
}

async fn values_under_string_operators(ctx: &Context) -> Verdict {
    let twin = valued(ctx, TEXTS.map(|text| format!("<{text}|{text}>"))).await?;
    for text in TEXTS {
        twin.filter(&field("v").contains(format!("{text}|"))).await?;
        twin.filter(&field("v").starts_with(format!("<{text}|"))).await?;
        twin.filter(&!field("v").ends_with(format!("|{text}>"))).await?;
    }
    Ok(())
}

async fn long_values_round_trip(ctx: &Context) -> Verdict {
    let size = ctx.capability().limits.metadata_bytes.map_or(100_000, |most| most / 2);
    let long = "wörd ".repeat(size / 6);
    let one = plain(0, 3).metadata(Metadata::new().with("v", long.as_str()));
    let two = plain(1, 3).metadata(Metadata::new().with("v", format!("{long}!")));
    let twin = filled(ctx, &[one, two]).await?;
    twin.filter(&field("v").ends_with("!")).await?;
    twin.filter(&field("v").eq(long)).await?;
    twin.same().await
}

async fn values_like_numbers_stay_strings(ctx: &Context) -> Verdict {
    let texts = ["1", "1.0", "true", "null", "2026-11-22T08:30:00.123Z", "0x10", "1e5", "-0"];
    let twin = valued(ctx, texts).await?;
    twin.filter(&field("v").eq("1")).await?;
    twin.filter(&field("v").gte("2026-01-01T00:00:00.000Z")).await?;
    twin.constant_filter(&field("v").eq(1)).await?;
    twin.constant_filter(&field("v").eq(true)).await?;
    twin.same().await
}

async fn patches_of_hostile_keys(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &[plain(0, 3).metadata(Metadata::new().with("keep", 1)), plain(1, 3)]).await?;
    let keys = hostile_keys();
    for key in &keys {
        twin.patch("r00000", MetadataPatch::new().set(*key, *key)).await?;
    }
    twin.same().await?;
    for key in keys.iter().step_by(2) {
        twin.patch("r00000", MetadataPatch::new().remove(*key)).await?;
    }
    twin.same().await
}
