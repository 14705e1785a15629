//! Indexes, statistics, lifetime and capabilities that are something else.

use portolan_core::{
    BatchAtomicity, EngineParams, Error, ErrorKind, Exactness, Health, IndexInfo, IndexSpec, Limits, Status,
    Support,
};

use super::{or_where_missing, saboteurs};

saboteurs! {
    [I2 by "index::a_refused_create_keeps_the_records"]
    "create_index replaces an existing index" => Create(|inner, spec, options| Box::pin(async move {
        let _ = inner.delete_index(&spec.name, options).await;
        inner.create_index(spec, options).await
    }));
    [I2 by "index::another_spec_already_exists"]
    "create_index takes an existing index as it is" => Create(|inner, spec, options| {
        Box::pin(async move {
            match inner.create_index(spec, options).await {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                answer => answer,
            }
        })
    });
    [I2 by "index::an_equal_spec_already_exists"]
    "create_index takes an equal index as it is" => Create(|inner, spec, options| {
        Box::pin(async move {
            match inner.describe_index(&spec.name, options).await {
                Ok(info) if info.spec == *spec => Ok(()),
                _ => inner.create_index(spec, options).await,
            }
        })
    });
    [N3 by "name::other_characters_are_refused"]
    "any index name is taken" => Create(|inner, spec, options| Box::pin(async move {
        match portolan_core::name::check(&spec.name) {
            Ok(()) => inner.create_index(spec, options).await,
            Err(_) => Ok(()),
        }
    }));
    [I7 by "index::dimension_zero_is_refused"]
    "any dimension is taken" => ChangeSpec(|spec| {
        spec.dimension = spec.dimension.clamp(1, Limits::default().dimension);
    });
    [I7 by "index::an_unknown_option_is_refused"]
    "unknown options are dropped" => ChangeSpec(|spec| spec.options.clear());
    [I7 by "index::engine_parameters_out_of_range_are_refused"]
    "engine parameters out of range are dropped" => ChangeSpec(|spec| {
        spec.engine.m = spec.engine.m.filter(|m| (2..=256).contains(m));
        spec.engine.ef_construction = spec.engine.ef_construction.filter(|n| (1..=10_000).contains(n));
        spec.engine.nlist = spec.engine.nlist.filter(|n| (1..=1_000_000).contains(n));
    });
    [I7 by "index::describe_gives_every_field_type"]
    "declared fields are forgotten" => ChangeSpec(|spec| spec.fields.clear());
    [I8 by "index::describe_gives_engine_parameters"]
    "engine parameters are not described" => ChangeInfo(|info| info.spec.engine = EngineParams::default());
    [I8 by "index::describe_gives_the_spec_as_it_was"]
    "engine parameters are guessed" => ChangeInfo(|info| {
        info.spec.engine.m.get_or_insert(16);
    });
    [I4 by "missing::describe_index"]
    "a missing index is described" => Describe(|inner, index, options| Box::pin(async move {
        let described = inner.describe_index(index, options).await;
        or_where_missing(described, || IndexInfo::new(IndexSpec::new(index, 1), "memory"))
    }));
    [N4 by "name::a_missing_native_name_is_not_found"]
    "a native name is refused" => Describe(|inner, index, options| Box::pin(async move {
        portolan_core::name::check(index)?;
        inner.describe_index(index, options).await
    }));
    [I3 by "concurrent::ten_ensure_one_index"]
    "each of those that create an index at once has created it" => Create(|inner, spec, options| {
        Box::pin(async move {
            tokio::task::yield_now().await;
            match inner.create_index(spec, options).await {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                created => created,
            }
        })
    });
    [N5 by "index::list_is_sorted_and_names_each_once"]
    "the list of indexes is not sorted" => ChangeNames(|names| names.reverse());
    [N5 by "index::list_is_sorted_and_names_each_once"]
    "the list of indexes lacks one" => ChangeNames(|names| drop(names.pop()));
    [I4 by "index::delete_twice_is_not_found"]
    "deleting a missing index is taken" => DropIndex(|inner, index, options| Box::pin(async move {
        or_where_missing(inner.delete_index(index, options).await, || ())
    }));
    [I5 by "index::deleted_is_gone_and_its_name_is_free"]
    "deleting an index only clears it" => DropIndex(|inner, index, options| {
        inner.clear(index, options)
    });
    [I9 by "stats::count_records_exactly"]
    "statistics count one too many" => ChangeStats(|stats| stats.vectors += 1);
    [I11 by "stats::count_declared_fields"]
    "statistics count no fields" => ChangeStats(|stats| stats.fields.clear());
    [I11 by "stats::count_all_fields_with_detail"]
    "statistics never have detail" => Stats(|inner, index, _, options| {
        inner.stats(index, false, options)
    });
    [I11 by "stats::count_declared_fields"]
    "statistics always have detail" => Stats(|inner, index, _, options| {
        inner.stats(index, true, options)
    });
    [I11 by "stats::count_declared_fields"]
    "statistics of fields count all records" => ChangeStats(|stats| {
        let all = stats.vectors;
        stats.fields.values_mut().for_each(|n| *n = all);
    });
    [I12 by "health::is_healthy"]
    "health is an error" => Health(|_, _| Box::pin(async move {
        Err(Error::new(ErrorKind::Unavailable, "the server is down"))
    }));
    [I12 by "health::is_healthy"]
    "health is always bad" => Health(|inner, options| Box::pin(async move {
        inner.health(options).await.map(|h| Health::new(h.provider, Status::Unavailable))
    }));
    [I24 by "close::reads_are_refused_after_it"]
    "health is an answer after close" => Health(|inner, options| Box::pin(async move {
        match inner.health(options).await {
            Err(_) => Ok(Health::new("memory", Status::Healthy)),
            answer => answer,
        }
    }));
    [F32 by "explain::parts_agree_with_the_push_down"]
    "explain leaves the rest of the filter out" => ChangeExplanation(|explanation| {
        explanation.residual = None;
        explanation.native = None;
    });
    [I13 by "explain::the_vector_may_be_absent"]
    "explain needs a vector" => Explain(|inner, request| Box::pin(async move {
        match request.vector {
            Some(_) => inner.explain(request).await,
            None => Err(Error::invalid("the search has no vector")),
        }
    }));
    [I24 by "close::reads_are_refused_after_it"]
    "close does nothing" => Close(|_| Box::pin(async { Ok(()) }));
    [I24 by "close::may_be_repeated"]
    "a second close fails" => Close(|inner| Box::pin(async move {
        inner.health(portolan_core::CallOptions::new()).await?;
        inner.close().await
    }));
    [C2 by "capability::leaves_unsupported_only_what_it_may"]
    "filters are declared unsupported" => ChangeCapability(|capability| {
        capability.filter = Support::Unsupported;
    });
    [C4 by "maintenance::optimize_changes_no_answer"]
    "what is declared unsupported is done" => ChangeCapability(|capability| {
        capability.optimize = Support::Unsupported;
    });
    [C4 by "capability::manhattan_as_declared"]
    "a metric declared unsupported is taken" => ChangeCapability(|capability| {
        capability.manhattan = Support::Unsupported;
    });
    [C4 by "search::exact_is_kept_or_refused"]
    "exact is declared unsupported and done" => ChangeCapability(|capability| {
        capability.exact = Support::Unsupported;
    });
    [E3 by "limit::metadata_past_it_is_too_large"]
    "a declared limit of metadata is not kept" => ChangeCapability(|capability| {
        capability.limits.metadata_bytes = Some(4_096);
    });
    [E3 by "limit::id_past_it_is_refused"]
    "a declared limit of ids is not kept" => ChangeCapability(|capability| {
        capability.limits.id_bytes = 100;
    });
    [E3 by "limit::top_k_past_it_is_refused"]
    "a declared limit of top_k is not kept" => ChangeCapability(|capability| {
        capability.limits.top_k = 1_000;
    });
    [R4 by "limit::window_past_it_is_unsupported"]
    "a declared window is not kept" => ChangeCapability(|capability| {
        capability.limits.window = Some(2_000);
    });
    [E3 by "limit::dimension_past_it_is_refused"]
    "a declared limit of dimension is not kept" => ChangeCapability(|capability| {
        capability.limits.dimension = 512;
    });
    [A3 by "reopen::keeps_records"]
    "a durable store forgets" => ChangeCapability(|capability| {
        capability.durable = true;
        capability.batch = BatchAtomicity::Item;
    });
    [W10 by "capability::an_atomic_batch_is_not_cut"]
    "a batch is declared atomic and cut" => ChangeCapability(|capability| {
        capability.batch = BatchAtomicity::Atomic;
        capability.limits.batch_count = Some(100);
    });
    [I1 by "index::created_is_listed_and_described"]
    "create_index creates nothing" => Create(|_, _, _| Box::pin(async { Ok(()) }));
    [N1 by "name::names_as_long_as_allowed"]
    "a name of 40 characters is refused" => Create(|inner, spec, options| Box::pin(async move {
        if spec.name.len() == 40 {
            return Err(Error::invalid("the name is too long"));
        }
        inner.create_index(spec, options).await
    }));
    [N2 by "name::hyphen_and_underscore_stay_apart"]
    "hyphen and underscore are one in a name" => ChangeSpec(|spec| spec.name = spec.name.replace('_', "-"));
    [I10 by "stats::query_times_are_of_this_index"]
    "there is a query time before the first search" => ChangeStats(|stats| {
        stats.average_query_time_ms.get_or_insert(1.0);
    });
    [I16 by "maintenance::optimize_changes_no_answer"]
    "optimize drops the records" => Optimize(|inner, index, options| Box::pin(async move {
        inner.clear(index, options).await.map(|()| true)
    }));
    [I15 by "maintenance::flush_changes_no_answer"]
    "flush fails where all is durable" => Flush(|_, _| Box::pin(async {
        Err(Error::new(ErrorKind::Unexpected, "there is nothing to flush"))
    }));
    [C3 by "capability::leaves_unsupported_only_what_it_may"]
    "scans are declared unsupported" => ChangeCapability(|capability| {
        capability.scan = Support::Unsupported;
    });
    [C1 by "capability::limits_are_within_the_contract"]
    "a top_k beyond 10,000 is declared" => ChangeCapability(|capability| {
        capability.limits.top_k = 20_000;
    });
    [E2 by "limit::indexes_past_it_are_over_quota"]
    "a declared number of indexes is not kept" => ChangeCapability(|capability| {
        capability.limits.indexes = Some(3);
    });
    [I14 by "explain::what_it_says_of_exactness_is_so"]
    "explain calls every answer approximate" => ChangeExplanation(|explanation| {
        explanation.exactness = Some(Exactness::Approximate);
    });
}
