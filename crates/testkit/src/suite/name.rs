//! Index names: the portable rule, and what breaks it.

use std::collections::BTreeSet;

use portolan_core::{ErrorKind, IndexSpec};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::{Context, OPTIONS};
use crate::data::plain;
use crate::suite::hostile::TEXTS;

cases! { "name";
    [N1 N5] portable_names_are_taken_and_listed_as_given;
    [N2 N5] hyphen_and_underscore_stay_apart;
    [N1 N2] names_as_long_as_allowed;
    [N1 N3] too_short_and_too_long_are_refused, other_characters_are_refused, doubled_and_final_separators_are_refused,
    hostile_names_are_refused;
    [I4 N4] a_missing_native_name_is_not_found;
    [I4] an_empty_name_is_not_found;
}

/// Names of this run, from patterns in which `#` is the place for something unique.
fn names(ctx: &Context, patterns: &[&str]) -> Vec<String> {
    let unique = ctx.name().replace('-', "x");
    patterns.iter().map(|pattern| pattern.replace('#', &unique)).collect()
}

/// Creates indexes of these names, each with one record of its own, and looks whether they are apart.
async fn taken(ctx: &Context, names: &[String]) -> Verdict {
    let result = taken_each(ctx, names).await;
    for name in names {
        // The case has failed where this does.
        let _ = ctx.storage.delete_index(name, OPTIONS).await;
    }
    result
}

async fn taken_each(ctx: &Context, names: &[String]) -> Verdict {
    let mut twins = Vec::new();
    for (n, name) in names.iter().enumerate() {
        let twin = ctx.twin(IndexSpec::new(name, 2).metric(ctx.any_metric())).await?;
        twin.upsert(&[plain(n, 2)]).await?;
        twins.push(twin);
    }
    let listed: BTreeSet<String> = ctx.storage.list_indexes(OPTIONS).await?.into_iter().collect();
    for (name, twin) in names.iter().zip(&twins) {
        check!(listed.contains(name), "{name} is not listed");
        check_eq!(ctx.storage.describe_index(name, OPTIONS).await?.spec.name, *name, "the name described");
        twin.same().await?;
    }
    Ok(())
}

async fn portable_names_are_taken_and_listed_as_given(ctx: &Context) -> Verdict {
    taken(ctx, &names(ctx, &["#", "a#", "a-#", "a_#", "a1-b2_#-c3"])).await
}

async fn hyphen_and_underscore_stay_apart(ctx: &Context) -> Verdict {
    taken(ctx, &names(ctx, &["#-a-b", "#_a_b", "#-a_b", "#_a-b", "#ab"])).await
}

async fn names_as_long_as_allowed(ctx: &Context) -> Verdict {
    let unique = names(ctx, &["#"]).remove(0);
    let fill = |start: String| format!("{start}{}", "z".repeat(40 - start.len()));
    taken(ctx, &[fill(unique.clone()), fill(format!("{unique}_a_b_c_d_"))]).await
}

async fn refused(ctx: &Context, names: &[&str]) -> Verdict {
    for name in names {
        let created =
            ctx.storage.create_index(&IndexSpec::new(*name, 2).metric(ctx.any_metric()), OPTIONS).await;
        refusal(&format!("the name {name:?}"), ErrorKind::InvalidArgument, created)?;
        let listed = ctx.storage.list_indexes(OPTIONS).await?;
        check!(!listed.iter().any(|n| n == name), "the refused name {name:?} is listed");
    }
    Ok(())
}

async fn too_short_and_too_long_are_refused(ctx: &Context) -> Verdict {
    let many_underscores = format!("a{}", "_b".repeat(16));
    refused(ctx, &["", "a", "ab", &"a".repeat(41), &"a".repeat(10_000), &many_underscores]).await
}

async fn other_characters_are_refused(ctx: &Context) -> Verdict {
    refused(
        ctx,
        &[
            "Upper",
            "mixedCase",
            "with space",
            "dot.ted",
            "slash/ed",
            "naïve",
            "名前です",
            "9lives",
            "-abc",
            "_abc",
        ],
    )
    .await
}

async fn doubled_and_final_separators_are_refused(ctx: &Context) -> Verdict {
    refused(ctx, &["a--b", "a__b", "a-_b", "a_-b", "abc-", "abc_"]).await
}

async fn hostile_names_are_refused(ctx: &Context) -> Verdict {
    let hostile: Vec<&str> = TEXTS.into_iter().filter(|text| *text != "null").collect();
    refused(ctx, &hostile).await?;
    refused(ctx, &["abc\u{0}", "../../etc/passwd", "abc\n", "a; drop table x", "con\u{202e}"]).await
}

/// A name that no portable one maps to is taken as the database's own, and there is none such.
async fn a_missing_native_name_is_not_found(ctx: &Context) -> Verdict {
    for name in ["No Such Index", "no.such.index", "missing'; --"] {
        let described = ctx.storage.describe_index(name, OPTIONS).await;
        refusal(&format!("the missing index {name:?}"), ErrorKind::NotFound, described)?;
        let deleted = ctx.storage.delete_index(name, OPTIONS).await;
        refusal(&format!("the missing index {name:?}"), ErrorKind::NotFound, deleted)?;
    }
    Ok(())
}

async fn an_empty_name_is_not_found(ctx: &Context) -> Verdict {
    let described = ctx.storage.describe_index("", OPTIONS).await;
    refusal("an index without a name", ErrorKind::NotFound, described).map(drop)
}
