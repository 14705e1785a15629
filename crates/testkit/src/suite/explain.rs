//! Explain: what is pushed, what is checked on the client, and that nothing is read.

use portolan_core::filter::{PushDown, field, id_in};
use portolan_core::{Exactness, Explanation, Filter, SearchRequest, Support, VectorStorage};

use crate::case::{Verdict, cases, check, check_eq, granted};
use crate::context::{Context, OPTIONS};
use crate::data::{filled, mixed_index, numbered};

cases! { "explain";
    [F32] without_a_filter, the_residual_is_filter_text, a_constant_filter, an_empty_index, estimates_are_bounded;
    [A1] names_index_and_provider;
    [F32 I13] the_vector_may_be_absent;
    [F27 F32] parts_agree_with_the_push_down;
    [I13] counts_as_no_search;
    [I14] what_it_says_of_exactness_is_so;
}

async fn explained(storage: &dyn VectorStorage, index: &str, filter: Option<Filter>) -> Verdict<Explanation> {
    let mut request = SearchRequest::without_vector(index);
    request.filter = filter;
    granted("explain", storage.explain(&request).await)
}

fn filters() -> Vec<Filter> {
    vec![
        field("year").eq(2015),
        field("name").contains("a"),
        !field("name").ends_with("a"),
        field("tags").contains("red") & field("score").gt(1.5),
        field("active").eq(true) | !field("year").exists(),
        id_in(["r00001"]),
        !(field("name").starts_with("A") | field("numbers").lt(2)),
    ]
}

async fn without_a_filter(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(5, 3)).await?;
    let explanation = explained(&*twin.subject, twin.name(), None).await?;
    check!(explanation.residual.is_none(), "something is checked on the client: {explanation:?}");
    check!(!explanation.plan.is_empty(), "there is no plan");
    Ok(())
}

async fn names_index_and_provider(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let explanation = explained(&*twin.subject, twin.name(), None).await?;
    check_eq!(explanation.index, twin.name(), "the index explained");
    check_eq!(explanation.provider, twin.subject.provider(), "the provider");
    Ok(())
}

async fn the_vector_may_be_absent(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in filters() {
        let without = explained(&*twin.subject, twin.name(), Some(filter.clone())).await?;
        let with = twin.subject.explain(&twin.query([1.0, 2.0, 3.0, 4.0]).filter(filter)).await?;
        check_eq!((with.push_down, &with.native), (without.push_down, &without.native), "what is pushed");
    }
    Ok(())
}

async fn parts_agree_with_the_push_down(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in filters() {
        let explanation = explained(&*twin.subject, twin.name(), Some(filter.clone())).await?;
        let parts = (explanation.native.is_some(), explanation.residual.is_some());
        let expected = match explanation.push_down {
            PushDown::Exact => (true, false),
            PushDown::Superset => (true, true),
            PushDown::Nothing => (false, true),
        };
        check_eq!(
            parts,
            expected,
            "whether there is a native and a residual part of {filter}: {explanation:?}"
        );
    }
    Ok(())
}

async fn the_residual_is_filter_text(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in filters() {
        let explanation = explained(&*twin.subject, twin.name(), Some(filter)).await?;
        if let Some(text) = &explanation.residual {
            Filter::parse(text)?;
        }
        check!(explanation.native.as_ref().is_none_or(|n| !n.is_empty()), "the native form is empty");
    }
    Ok(())
}

async fn a_constant_filter(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in [Filter::all(), Filter::none(), field("year").is_in(Vec::<i64>::new())] {
        let explanation = explained(&*twin.subject, twin.name(), Some(filter)).await?;
        check!(!explanation.plan.is_empty(), "there is no plan for a constant filter");
    }
    Ok(())
}

async fn an_empty_index(ctx: &Context) -> Verdict {
    let twin = ctx.index(3).await?;
    let explanation = explained(&*twin.subject, twin.name(), Some(field("a").eq(1))).await?;
    check!(explanation.estimated_records.is_none_or(|n| n == 0), "an empty index would give records to read");
    Ok(())
}

async fn counts_as_no_search(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    let before = twin.subject.stats(twin.name(), false, OPTIONS).await?;
    for filter in filters() {
        explained(&*twin.subject, twin.name(), Some(filter)).await?;
    }
    let after = twin.subject.stats(twin.name(), false, OPTIONS).await?;
    check_eq!(after.average_query_time_ms, before.average_query_time_ms, "the query time after explanations");
    Ok(())
}

async fn estimates_are_bounded(ctx: &Context) -> Verdict {
    let twin = mixed_index(ctx).await?;
    for filter in filters() {
        let estimate = explained(&*twin.subject, twin.name(), Some(filter.clone())).await?.estimated_records;
        check!(estimate.is_none_or(|n| n <= 12), "{filter} would read {estimate:?} of 12 records");
    }
    Ok(())
}

/// Whether an answer is exact may be unknown before it is given; what is said of it is so.
async fn what_it_says_of_exactness_is_so(ctx: &Context) -> Verdict {
    let twin = filled(ctx, &numbered(40, 3)).await?;
    let query = SearchRequest::new(twin.name(), [1.0, 2.0, 3.0]).top_k(5);
    let exact = query.clone().exact(true);
    let supported = twin.subject.capability().exact != Support::Unsupported;
    for request in [Some(query), supported.then_some(exact)].into_iter().flatten() {
        let said = granted("explain", twin.subject.explain(&request).await)?.exactness;
        let found = twin.search(&request).await?.exactness;
        check!(
            said != Some(Exactness::Exact) || found == Exactness::Exact,
            "{said:?} is said, and it is {found:?}"
        );
        let kept = said != Some(Exactness::Approximate) || !request.exact;
        check!(kept, "{said:?} is said of an answer that must be exact");
    }
    Ok(())
}
