//! Filters: strings, lists, existence, negation, nesting, constants, ids, limits.

use portolan_core::filter::{MAX_DEPTH, MAX_LEAVES, field, id_in};
use portolan_core::{CountRequest, DeleteWhereRequest, ErrorKind, Filter, Record, ScanRequest};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, mixed_index, numbered};
use crate::twin::Twin;

cases! { "filter";
    [F12]
    contains_substring: field("name").contains("lph"),
    contains_whole_string: field("name").contains("beta"),
    contains_empty_string_is_in_every_string: field("name").contains(""),
    contains_wildcards_are_literal: field("name").contains("%_"),
    contains_unicode: field("name").contains("Ω"),
    contains_element: field("tags").contains("red"),
    contains_on_list_is_never_substring: field("tags").contains("gre"),
    contains_number_in_list: field("numbers").contains(2),
    contains_bool_in_list: field("active").contains(true),
    contains_number_on_scalar_is_false: field("year").contains(2010);
    [F12 F33]
    contains_backslash_is_literal: field("name").contains("\\");
    [F8 F12]
    contains_heeds_case: field("name").contains("LPH").or(field("name").contains("amma"));
    [F4]
    starts_with: field("name").starts_with("Al"),
    starts_with_empty_string: field("name").starts_with(""),
    ends_with: field("name").ends_with("a"),
    exists: field("name").exists();
    [F8]
    starts_with_heeds_case: field("name").starts_with("al");
    [F10]
    starts_with_on_list: field("tags").starts_with("gre"),
    ends_with_on_list: field("tags").ends_with("en");
    [F33]
    ends_with_hostile: field("name").ends_with("_\\");
    [F11]
    exists_on_opaque: field("info").exists(),
    exists_on_lists_and_empty_lists: field("numbers").exists(),
    ne_holds_on_an_empty_list: field("tags").ne("x") & !field("tags").is_in(["red", "green", "blue", "2", "gre", "Red"]);
    [F3 F27]
    not_eq_takes_the_missing_too: !field("name").eq("Alpha");
    [F3]
    not_exists: !field("tags").exists(),
    not_ne: !field("year").ne(2015),
    not_in: !field("year").is_in([2010, 2020]),
    not_not_in: !field("year").not_in([2010, 2015]),
    not_contains: !field("tags").contains("red"),
    not_starts_with: !field("name").starts_with("a"),
    not_ends_with: !field("name").ends_with("a"),
    not_gt: !field("score").gt(1.5),
    not_gte: !field("year").gte(2015),
    not_lt: !field("score").lt(2),
    not_lte: !field("name").lte("beta"),
    not_not: !!field("active").eq(true),
    not_over_and: !(field("active").eq(true) & field("tags").exists()),
    not_over_or: !(field("active").exists() | field("numbers").exists()),
    nested_negations: !(field("year").gte(2015) & !(field("active").eq(true) | !field("name").exists()));
    [F1]
    and_of_two: field("active").eq(true) & field("year").gte(2014),
    and_over_one_field: field("tags").eq("red") & field("tags").eq("green"),
    or_of_two: field("name").eq("beta") | field("score").gt(2.4),
    or_with_missing_field: field("name").eq("beta") | field("nowhere").exists(),
    and_with_negation: field("year").exists() & !field("year").gte(2015),
    or_with_negation: field("name").eq("beta") | !field("active").exists(),
    nested_three_deep:
        (field("year").gte(2015) | field("tags").eq("red")) & !(field("score").gt(2) & field("active").eq(true));
    [F1 F6]
    many_alternatives: Filter::Or((0..200).map(|n| field("year").eq(2000 + n * 3)).collect()),
    in_many: field("year").is_in((1900..2012).collect::<Vec<i64>>());
    [F13]
    constants_inside_fold: (Filter::all() & field("year").eq(2015)) | Filter::none(),
    not_in_of_nothing_is_exists: field("tags").not_in(Vec::<i64>::new());
    [F4 N6]
    ids: id_in(["r00001", "r00003", "no such id"]),
    not_ids: !id_in(["r00001", "r00003"]),
    ids_and_field: id_in(["r00000", "r00001", "r00002"]) & field("active").eq(true),
    ids_or_field: id_in(["r00009"]) | field("name").eq("beta"),
    the_field_id_is_not_the_id: !field("id").exists() & id_in(["r00004"]);
    [F13] empty_and_is_all, empty_or_is_none, in_nothing_is_none, ids_of_nothing_is_none;
    [F3 F13] not_of_constants;
    [F1] contradiction_is_none;
    [F2 F3] missing_field_is_none_whichever_operator;
    [A3 F29 F31 S11] one_in_many_is_found_to_the_last;
    [F29 R3] residual_fills_every_page;
    [A3 W13] tenants_by_filter_are_apart;
    [F6] as_deep_as_allowed, too_deep_is_refused, as_many_operands_as_allowed, too_many_operands_is_refused;
    [F5] operands_that_are_no_values_are_refused;
    [N16] reserved_and_empty_keys_are_refused;
}

async fn selects(twin: &Twin, filter: Filter, expected: u64) -> Verdict {
    twin.constant_filter(&filter).await?;
    check_eq!(twin.count(Some(&filter)).await?, expected, "the count where {filter}");
    Ok(())
}

async fn empty_and_is_all(ctx: &Context) -> Verdict {
    selects(&mixed_index(ctx).await?, Filter::all(), 12).await
}

async fn empty_or_is_none(ctx: &Context) -> Verdict {
    selects(&mixed_index(ctx).await?, Filter::none(), 0).await
}

async fn in_nothing_is_none(ctx: &Context) -> Verdict {
    selects(&mixed_index(ctx).await?, field("year").is_in(Vec::<i64>::new()), 0).await
}

async fn ids_of_nothing_is_none(ctx: &Context) -> Verdict {
    selects(&mixed_index(ctx).await?, id_in(Vec::<String>::new()), 0).await
}

async fn not_of_constants(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    selects(&twin, !Filter::all(), 0).await?;
    selects(&twin, !Filter::none(), 12).await?;
    selects(&twin, !field("year").is_in(Vec::<i64>::new()), 12).await
}

async fn contradiction_is_none(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    selects(&twin, field("year").exists() & !field("year").exists(), 0).await?;
    selects(&twin, field("name").eq("Alpha") | !field("name").eq("Alpha"), 12).await
}

async fn missing_field_is_none_whichever_operator(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let missing = || field("nowhere");
    for leaf in [
        missing().eq(1),
        missing().ne(1),
        missing().gt(1),
        missing().gte("a"),
        missing().lt(1.5),
        missing().lte("z"),
        missing().is_in([1]),
        missing().not_in([1]),
        missing().contains("a"),
        missing().starts_with(""),
        missing().ends_with(""),
        missing().exists(),
    ] {
        selects(&twin, leaf.clone(), 0).await?;
        selects(&twin, !leaf, 12).await?;
    }
    Ok(())
}

/// A filter that keeps one in many still gives just that one, whatever the native search offers first.
async fn one_in_many_is_found_to_the_last(ctx: &Context) -> Verdict {
    let rows = ctx.session.harness.rows();
    let twin = ctx.index(2).await?;
    let record = |n: usize| {
        let metadata = portolan_core::Metadata::new().with("word", format!("word {n} end"));
        Record::new(format!("r{n:05}"), vec![n as f32 / 8.0, 1.0]).metadata(metadata)
    };
    for chunk in (0..rows).map(record).collect::<Vec<_>>().chunks(2_000) {
        twin.upsert(chunk).await?;
    }
    let last = field("word").ends_with(format!(" {} end", rows - 1));
    let found = twin.search(&twin.query([0.0, 1.0]).top_k(1).filter(last).with_total(true)).await?;
    check_eq!(found.matches.len(), 1, "the matches of a filter that keeps one in {rows}");
    let few = field("word").contains("7 end") & !field("word").contains("77");
    let found = twin.search(&twin.query([0.0, 1.0]).top_k(5).filter(few)).await?;
    check_eq!(found.matches.len(), 5, "the matches of a filter that keeps few");
    Ok(())
}

async fn residual_fills_every_page(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(300, 3)).await?;
    let few = field("name").ends_with("7") & field("even").ne(true);
    for offset in [0, 7, 14, 21, 28] {
        let query = twin.query([1.0, 2.0, 3.0]).top_k(7).offset(offset).filter(few.clone());
        twin.search(&query).await?;
    }
    Ok(())
}

/// Two tenants in one index, told apart by a field: what one does, the other does not see.
async fn tenants_by_filter_are_apart(ctx: &Context) -> Verdict {
    let of = |tenant: &str, n: usize| {
        let metadata = portolan_core::Metadata::new().with("tenant", tenant).with("n", n as i64);
        Record::new(format!("{tenant}/{n}"), crate::data::vector(n, 3)).metadata(metadata)
    };
    let twin = ctx.index(3).await?;
    for tenant in ["acme", "acme's", "ACME"] {
        twin.upsert(&(0..15).map(|n| of(tenant, n)).collect::<Vec<_>>()).await?;
    }
    let acme = field("tenant").eq("acme");
    let found = twin.search(&twin.query([1.0, 2.0, 3.0]).top_k(40).filter(acme.clone())).await?;
    check!(found.matches.len() == 15, "a tenant sees {} of its 15 records", found.matches.len());
    check!(found.matches.iter().all(|m| m.id.starts_with("acme/")), "a tenant sees another's records");
    twin.delete_where(&(acme.clone() & field("n").lt(9))).await?;
    twin.filter(&acme).await?;
    twin.same().await
}

async fn as_deep_as_allowed(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let deep = (1..MAX_DEPTH).fold(field("year").eq(2015), |filter, _| !filter);
    twin.filter(&deep).await
}

async fn too_deep_is_refused(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let deep = (0..MAX_DEPTH).fold(field("year").eq(2015), |filter, _| !filter);
    refused_everywhere(&twin, &deep).await
}

async fn as_many_operands_as_allowed(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let many: Vec<i64> = (0..MAX_LEAVES as i64).collect();
    twin.filter(&field("year").is_in(many)).await
}

async fn too_many_operands_is_refused(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let many: Vec<i64> = (0..=MAX_LEAVES as i64).collect();
    refused_everywhere(&twin, &field("year").is_in(many)).await
}

async fn operands_that_are_no_values_are_refused(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in [
        field("score").eq(f64::NAN),
        field("score").gt(f64::INFINITY),
        field("score").is_in([1.0, f64::NEG_INFINITY]),
        field("score").contains(f64::NAN),
        field("active").gt(true),
        field("active").lte(false),
    ] {
        refused_everywhere(&twin, &filter).await?;
    }
    Ok(())
}

async fn reserved_and_empty_keys_are_refused(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for key in ["", "_portolan", "_portolan_keys", "$where", "a\u{0}b", &"k".repeat(129)] {
        refused_everywhere(&twin, &field(key).exists()).await?;
    }
    Ok(())
}

/// Every operation that takes a filter refuses it, and nothing is deleted.
async fn refused_everywhere(twin: &Twin, filter: &Filter) -> Verdict {
    let subject = &twin.subject;
    let what = "a bad filter";
    let query = twin.query([1.0, 0.0, 0.0, 0.0]).filter(filter.clone());
    refusal(what, ErrorKind::InvalidArgument, subject.search(&query).await)?;
    refusal(what, ErrorKind::InvalidArgument, subject.explain(&query).await)?;
    let count = CountRequest::new(twin.name()).filter(Some(filter));
    refusal(what, ErrorKind::InvalidArgument, subject.count(&count).await)?;
    let scan = ScanRequest::new(twin.name()).filter(Some(filter));
    refusal(what, ErrorKind::InvalidArgument, subject.scan(&scan).await)?;
    let delete = DeleteWhereRequest::new(twin.name(), filter);
    refusal(what, ErrorKind::InvalidArgument, subject.delete_where(&delete).await)?;
    check!(twin.count(None).await? == 12, "a refused delete has deleted something");
    Ok(())
}
