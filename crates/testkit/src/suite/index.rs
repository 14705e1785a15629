//! Creating, describing, listing and deleting indexes.

use portolan_core::{
    EngineKind, EngineParams, ErrorKind, FieldType, IndexSpec, Metric, Support, VectorStorageExt,
};

use crate::case::{Stop, Verdict, cases, check, check_eq, refusal};
use crate::context::{Context, OPTIONS};
use crate::data::{numbered, plain};

cases! { "index";
    [I1 I8 N5] created_is_listed_and_described;
    [N5] list_is_sorted_and_names_each_once;
    [I5] deleted_is_gone_and_its_name_is_free, created_again_is_empty, deleting_one_leaves_the_other;
    [I4] delete_twice_is_not_found;
    [I2] an_equal_spec_already_exists, another_spec_already_exists, a_refused_create_keeps_the_records;
    [I3] ensure_accepts_an_equal_spec, ensure_names_the_difference;
    [I8] describe_gives_the_spec_as_it_was, describe_names_the_provider;
    [I7 I8] describe_gives_every_field_type, describe_gives_engine_parameters;
    [I5 I20] created_again_takes_another_dimension, created_again_takes_another_metric;
    [A1] same_ids_in_two_indexes_are_apart;
    [I7 N11] dimension_one, dimension_1536;
    [I7] dimension_zero_is_refused, engine_parameters_out_of_range_are_refused, an_unknown_option_is_refused;
    [I7 N16] a_bad_field_key_is_refused;
    [I19] a_refused_create_creates_nothing;
}

async fn exists(ctx: &Context, name: &str) -> Verdict<bool> {
    Ok(ctx.storage.list_indexes(OPTIONS).await?.iter().any(|n| n == name))
}

async fn created_is_listed_and_described(ctx: &Context) -> Verdict {
    let spec = ctx.spec(3);
    check!(!exists(ctx, &spec.name).await?, "the index is listed before it is created");
    ctx.storage.create_index(&spec, OPTIONS).await?;
    check!(exists(ctx, &spec.name).await?, "the index is created and not listed");
    check_eq!(ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec, spec, "the description");
    Ok(())
}

async fn list_is_sorted_and_names_each_once(ctx: &Context) -> Verdict {
    let names: Vec<String> = (0..4).map(|_| ctx.name()).collect();
    for name in names.iter().rev() {
        ctx.storage.create_index(&IndexSpec::new(name, 2).metric(ctx.any_metric()), OPTIONS).await?;
    }
    let listed = ctx.storage.list_indexes(OPTIONS).await?;
    check!(listed.is_sorted(), "the list is not sorted: {listed:?}");
    for name in &names {
        check_eq!(listed.iter().filter(|n| *n == name).count(), 1, "how often {name} is listed");
    }
    Ok(())
}

async fn deleted_is_gone_and_its_name_is_free(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    for _ in 0..2 {
        ctx.storage.create_index(&spec, OPTIONS).await?;
        ctx.storage.delete_index(&spec.name, OPTIONS).await?;
        check!(!exists(ctx, &spec.name).await?, "the index is deleted and still listed");
        let described = ctx.storage.describe_index(&spec.name, OPTIONS).await;
        refusal("the description of a deleted index", ErrorKind::NotFound, described)?;
    }
    Ok(())
}

async fn delete_twice_is_not_found(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    ctx.storage.create_index(&spec, OPTIONS).await?;
    ctx.storage.delete_index(&spec.name, OPTIONS).await?;
    let again = ctx.storage.delete_index(&spec.name, OPTIONS).await;
    refusal("a second delete", ErrorKind::NotFound, again).map(drop)
}

async fn an_equal_spec_already_exists(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    ctx.storage.create_index(&spec, OPTIONS).await?;
    let again = ctx.storage.create_index(&spec, OPTIONS).await;
    refusal("a second create", ErrorKind::AlreadyExists, again).map(drop)
}

async fn another_spec_already_exists(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    ctx.storage.create_index(&spec, OPTIONS).await?;
    let other = IndexSpec::new(&spec.name, 5).metric(spec.metric).field("f", FieldType::Bool);
    let again = ctx.storage.create_index(&other, OPTIONS).await;
    refusal("a create of the same name", ErrorKind::AlreadyExists, again)?;
    check_eq!(ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec, spec, "the description");
    Ok(())
}

async fn a_refused_create_keeps_the_records(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(3)).await?;
    twin.upsert(&numbered(5, 3)).await?;
    let again = ctx.storage.create_index(&twin.spec, OPTIONS).await;
    refusal("a second create", ErrorKind::AlreadyExists, again)?;
    twin.same().await
}

async fn ensure_accepts_an_equal_spec(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2).field("year", FieldType::Integer);
    check!(ctx.storage.ensure_index(&spec).await?, "the first ensure_index creates nothing");
    check!(!ctx.storage.ensure_index(&spec).await?, "the second ensure_index creates something");
    Ok(())
}

async fn ensure_names_the_difference(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    ctx.storage.ensure_index(&spec).await?;
    let other = ctx.storage.ensure_index(&IndexSpec::new(&spec.name, 3).metric(spec.metric)).await;
    let e = refusal("another spec", ErrorKind::AlreadyExists, other)?;
    check!(e.message().contains("dimension"), "the error does not name the difference: {e}");
    Ok(())
}

async fn describe_gives_the_spec_as_it_was(ctx: &Context) -> Verdict {
    for metric in Metric::ALL {
        if ctx.capability().metric(metric) == Support::Unsupported {
            continue;
        }
        let spec = ctx.spec(7).metric(metric).field("a", FieldType::String).field("b", FieldType::Float);
        ctx.storage.create_index(&spec, OPTIONS).await?;
        check_eq!(ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec, spec, "the description");
    }
    Ok(())
}

async fn describe_gives_every_field_type(ctx: &Context) -> Verdict {
    let fields = ["plain", "with space", "Über", "a.b", "quote'\"", "UPPER", "upper"];
    let spec =
        fields.iter().zip(FieldType::ALL.iter().cycle()).fold(ctx.spec(2), |s, (key, of)| s.field(*key, *of));
    ctx.storage.create_index(&spec, OPTIONS).await?;
    check_eq!(
        ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec.fields,
        spec.fields,
        "declared fields"
    );
    Ok(())
}

async fn describe_gives_engine_parameters(ctx: &Context) -> Verdict {
    let engine =
        EngineParams { kind: Some(EngineKind::Hnsw), m: Some(24), ef_construction: Some(77), nlist: None };
    let spec = ctx.spec(2).engine(engine);
    ctx.storage.create_index(&spec, OPTIONS).await?;
    check_eq!(ctx.storage.describe_index(&spec.name, OPTIONS).await?.spec.engine, spec.engine, "parameters");
    Ok(())
}

async fn describe_names_the_provider(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2);
    ctx.storage.create_index(&spec, OPTIONS).await?;
    let info = ctx.storage.describe_index(&spec.name, OPTIONS).await?;
    check_eq!(info.provider, ctx.storage.provider(), "the provider");
    let same_width = |time: &String| time.len() == portolan_core::time::now().len() && time.ends_with('Z');
    check!(info.created_at.as_ref().is_none_or(same_width), "the time of creation is {:?}", info.created_at);
    Ok(())
}

async fn created_again_is_empty(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(3)).await?;
    twin.upsert(&numbered(5, 3)).await?;
    ctx.storage.delete_index(twin.name(), OPTIONS).await?;
    twin.oracle.delete_index(twin.name(), OPTIONS).await?;
    let twin = ctx.twin(twin.spec).await?;
    twin.same().await?;
    twin.search(&twin.query([1.0, 2.0, 3.0]).with_total(true)).await?;
    twin.upsert(&numbered(2, 3)).await?;
    twin.same().await
}

/// What was known of the earlier index must not be used for the later one.
async fn created_again_takes_another_dimension(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(3)).await?;
    twin.upsert(&numbered(5, 3)).await?;
    ctx.storage.delete_index(twin.name(), OPTIONS).await?;
    twin.oracle.delete_index(twin.name(), OPTIONS).await?;
    let twin = ctx.twin(IndexSpec::new(twin.name(), 5).metric(twin.spec.metric)).await?;
    twin.upsert(&numbered(5, 5)).await?;
    twin.search(&twin.query([1.0, 2.0, 3.0, 4.0, 5.0])).await?;
    twin.same().await
}

async fn created_again_takes_another_metric(ctx: &Context) -> Verdict {
    let has = |metric: &Metric| ctx.capability().metric(*metric) != Support::Unsupported;
    let metrics: Vec<Metric> = Metric::ALL.into_iter().filter(has).collect();
    let name = ctx.name();
    for metric in metrics {
        let twin = ctx.twin(IndexSpec::new(&name, 3).metric(metric)).await?;
        twin.upsert(&numbered(9, 3)).await?;
        twin.search(&twin.query([1.0, -2.0, 3.0])).await?;
        ctx.storage.delete_index(&name, OPTIONS).await?;
        twin.oracle.delete_index(&name, OPTIONS).await?;
    }
    Ok(())
}

async fn same_ids_in_two_indexes_are_apart(ctx: &Context) -> Verdict {
    let (one, two) = (ctx.twin(ctx.spec(3)).await?, ctx.twin(ctx.spec(3)).await?);
    one.upsert(&numbered(4, 3)).await?;
    two.upsert(&[plain(1, 3), plain(9, 3)]).await?;
    let _ = one.delete(&["r00001".to_owned()]).await?;
    one.same().await?;
    two.same().await
}

async fn dimension_one(ctx: &Context) -> Verdict {
    let twin = ctx.twin(ctx.spec(1)).await?;
    twin.upsert(&[-3.0, 1.0, 2.0, 7.0].map(|x: f32| portolan_core::Record::new(format!("{x}"), [x]))).await?;
    twin.search(&twin.query([2.0])).await?;
    twin.same().await
}

async fn dimension_1536(ctx: &Context) -> Verdict {
    check!(ctx.capability().limits.dimension >= 1536, "the largest dimension is below 1,536");
    let twin = ctx.twin(ctx.spec(1536)).await?;
    twin.upsert(&numbered(12, 1536)).await?;
    twin.search(&twin.query(crate::data::vector(4, 1536)).top_k(5).include_vectors(true)).await?;
    twin.same().await
}

async fn dimension_zero_is_refused(ctx: &Context) -> Verdict {
    let created = ctx.storage.create_index(&ctx.spec(0), OPTIONS).await;
    let e = refusal("dimension 0", ErrorKind::InvalidArgument, created)?;
    check!(e.message().contains("dimension"), "the error does not name the field: {e}");
    Ok(())
}

async fn engine_parameters_out_of_range_are_refused(ctx: &Context) -> Verdict {
    let engine = |m, ef_construction, nlist| EngineParams { kind: None, m, ef_construction, nlist };
    for bad in [
        engine(Some(1), None, None),
        engine(Some(257), None, None),
        engine(None, Some(0), None),
        engine(None, Some(10_001), None),
        engine(None, None, Some(0)),
        engine(None, None, Some(1_000_001)),
    ] {
        let created = ctx.storage.create_index(&ctx.spec(2).engine(bad), OPTIONS).await;
        refusal("a parameter out of range", ErrorKind::InvalidArgument, created)?;
    }
    Ok(())
}

async fn an_unknown_option_is_refused(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2).option("no_such_option", 1);
    let e = refusal(
        "an unknown option",
        ErrorKind::InvalidArgument,
        ctx.storage.create_index(&spec, OPTIONS).await,
    )?;
    check!(e.message().contains("no_such_option"), "the error does not name the option: {e}");
    Ok(())
}

async fn a_bad_field_key_is_refused(ctx: &Context) -> Verdict {
    for key in ["", "_portolan", "_portolan_x", "$or", "a\nb", &"k".repeat(129)] {
        let created = ctx.storage.create_index(&ctx.spec(2).field(key, FieldType::String), OPTIONS).await;
        refusal("a bad field key", ErrorKind::InvalidArgument, created)?;
    }
    Ok(())
}

async fn a_refused_create_creates_nothing(ctx: &Context) -> Verdict {
    let spec = ctx.spec(2).field("$bad", FieldType::String);
    match ctx.storage.create_index(&spec, OPTIONS).await {
        Ok(()) => Err(Stop::Failed("a bad spec is accepted".to_owned())),
        Err(_) => {
            check!(!exists(ctx, &spec.name).await?, "a refused create has created an index");
            Ok(())
        }
    }
}

async fn deleting_one_leaves_the_other(ctx: &Context) -> Verdict {
    let (one, two) = (ctx.twin(ctx.spec(3)).await?, ctx.twin(ctx.spec(3)).await?);
    two.upsert(&numbered(4, 3)).await?;
    ctx.storage.delete_index(one.name(), OPTIONS).await?;
    two.same().await
}
