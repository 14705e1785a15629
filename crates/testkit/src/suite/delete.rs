//! Deleting records: by id, by filter, all.

use portolan_core::filter::{field, id_in};
use portolan_core::{DeleteRequest, DeleteWhereRequest, ErrorKind, Filter};

use crate::case::{Verdict, cases, check, check_eq, refusal};
use crate::context::Context;
use crate::data::{filled, ids, mixed_index, numbered, owned, plain};

cases! { "delete";
    [W12] one, several, missing_is_no_error, the_same_twice_in_one_call, deleted_can_be_written_again;
    [W3] an_empty_call_changes_nothing;
    [W11 W12] more_than_the_batch_limit;
    [N7 W5] a_bad_id_refuses_the_call;
    [W13 W16] where_equal, where_negated, where_on_a_list, where_ids, where_nothing_matches, where_many,
    where_on_an_empty_index;
    [W13 W14 W16] where_residual;
    [F13 W13] where_false_deletes_nothing;
    [W9 W13] where_repeated_deletes_nothing_more;
    [W15] where_true_is_refused, where_what_folds_to_true_is_refused, clear_leaves_the_index, clear_then_write,
    clear_leaves_other_indexes;
    [W9 W15] clear_twice;
}

async fn one(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let written = twin.delete(&owned(&["r00002"])).await?;
    check!(written.is_successful() && written.visible, "the delete is not successful");
    twin.get(&owned(&["r00002"])).await?;
    twin.same().await
}

async fn several(ctx: &Context) -> Verdict {
    let records = numbered(30, 3);
    let twin = filled(ctx, &records).await?;
    let _ = twin.delete(&ids(&records[5..25])).await?;
    twin.same().await
}

async fn missing_is_no_error(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let written = twin.delete(&owned(&["gone", "r00001", "never there"])).await?;
    check_eq!(written.stored(), 3, "the deletes done");
    twin.same().await
}

async fn the_same_twice_in_one_call(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let written = twin.delete(&owned(&["r00001", "r00001", "gone", "gone"])).await?;
    check_eq!(written.items.len(), 4, "the outcomes");
    twin.same().await
}

async fn an_empty_call_changes_nothing(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    check!(twin.delete(&[]).await?.items.is_empty(), "an empty delete has outcomes");
    twin.same().await
}

async fn more_than_the_batch_limit(ctx: &Context) -> Verdict {
    let most = ctx.capability().limits.batch_count.unwrap_or(200).min(2_000);
    let records = numbered(most * 2 + 5, 2);
    let twin = filled(ctx, &records).await?;
    let _ = twin.delete(&ids(&records[2..])).await?;
    twin.same().await
}

async fn deleted_can_be_written_again(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let _ = twin.delete(&owned(&["r00001"])).await?;
    twin.upsert(&[plain(1, 3)]).await?;
    twin.same().await
}

async fn a_bad_id_refuses_the_call(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    for bad in ["", "a\u{0}", &"x".repeat(ctx.capability().limits.id_bytes + 1)] {
        let wanted = owned(&["r00001", bad]);
        let deleted = twin.subject.delete(&DeleteRequest::new(twin.name(), &wanted)).await;
        let e = refusal("a bad id", ErrorKind::InvalidArgument, deleted)?;
        check_eq!(e.position(), Some(1), "the position of a bad id");
    }
    twin.same().await
}

/// Deletes by a filter that selects some, and compares what is left.
async fn where_some(ctx: &Context, filter: Filter) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let (selected, all) = twin.selected(&filter).await?;
    check!(0 < selected && selected < all, "the case is no case: {filter} selects {selected} of {all}");
    twin.delete_where(&filter).await?;
    twin.same().await
}

async fn where_equal(ctx: &Context) -> Verdict {
    where_some(ctx, field("year").eq(2015)).await
}

async fn where_negated(ctx: &Context) -> Verdict {
    where_some(ctx, !field("name").exists() | field("active").ne(true)).await
}

async fn where_on_a_list(ctx: &Context) -> Verdict {
    where_some(ctx, field("tags").contains("red")).await
}

async fn where_residual(ctx: &Context) -> Verdict {
    where_some(ctx, field("name").ends_with("a") & !field("score").gt(1e100)).await
}

async fn where_ids(ctx: &Context) -> Verdict {
    where_some(ctx, id_in(["r00001", "r00004", "gone"])).await
}

async fn where_nothing_matches(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.delete_where(&field("nowhere").exists()).await?;
    twin.same().await
}

async fn where_many(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(500.min(ctx.session.harness.rows()), 3)).await?;
    twin.delete_where(&field("n").gte(7)).await?;
    twin.same().await
}

async fn refused(ctx: &Context, filters: &[Filter]) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in filters {
        let deleted = twin.subject.delete_where(&DeleteWhereRequest::new(twin.name(), filter)).await;
        refusal(&format!("delete where {filter}"), ErrorKind::InvalidArgument, deleted)?;
    }
    twin.same().await
}

async fn where_true_is_refused(ctx: &Context) -> Verdict {
    refused(ctx, &[Filter::all()]).await
}

async fn where_what_folds_to_true_is_refused(ctx: &Context) -> Verdict {
    let nothing = || field("year").is_in(Vec::<i64>::new());
    refused(
        ctx,
        &[
            !Filter::none(),
            !nothing(),
            Filter::And(vec![Filter::all(), !nothing()]),
            Filter::Or(vec![field("year").eq(1), Filter::all()]),
            !(nothing() & field("year").eq(1)),
            !id_in(Vec::<String>::new()),
        ],
    )
    .await
}

async fn where_false_deletes_nothing(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    twin.delete_where(&Filter::none()).await?;
    twin.delete_where(&field("year").is_in(Vec::<i64>::new())).await?;
    twin.same().await
}

async fn where_repeated_deletes_nothing_more(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for _ in 0..2 {
        twin.delete_where(&field("active").eq(true)).await?;
        twin.same().await?;
    }
    Ok(())
}

async fn where_on_an_empty_index(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    twin.delete_where(&field("active").eq(true)).await?;
    twin.same().await
}

async fn clear_leaves_the_index(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(30, 3)).await?;
    twin.clear().await?;
    let info = ctx.storage.describe_index(twin.name(), crate::context::OPTIONS).await?;
    check_eq!(info.spec, twin.spec, "the description of a cleared index");
    twin.search(&twin.query([1.0, 2.0, 3.0]).with_total(true)).await?;
    twin.same().await
}

async fn clear_twice(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(3, 3)).await?;
    twin.clear().await?;
    twin.clear().await?;
    twin.same().await
}

async fn clear_then_write(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(9, 3)).await?;
    twin.clear().await?;
    twin.upsert(&numbered(4, 3)).await?;
    twin.filter(&field("n").gt(1)).await?;
    twin.same().await
}

async fn clear_leaves_other_indexes(ctx: &Context) -> Verdict {
    let (one, two) = (filled(ctx, &numbered(3, 3)).await?, filled(ctx, &numbered(4, 3)).await?);
    one.clear().await?;
    one.same().await?;
    two.same().await
}
