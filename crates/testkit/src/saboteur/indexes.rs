//! Indexes, statistics, lifetime and capabilities that are something else.

use portolan_core::{
    BatchAtomicity, EngineParams, Error, ErrorKind, Health, IndexInfo, IndexSpec, Status, Support,
};

use super::saboteurs;

saboteurs! {
    "index", "create_index replaces an existing index" => Create(|inner, spec, options| Box::pin(async move {
        let _ = inner.delete_index(&spec.name, options).await;
        inner.create_index(spec, options).await
    }));
    "index", "create_index takes an existing index as it is" => Create(|inner, spec, options| {
        Box::pin(async move {
            match inner.create_index(spec, options).await {
                Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok(()),
                answer => answer,
            }
        })
    });
    "index", "create_index takes an equal index as it is" => Create(|inner, spec, options| {
        Box::pin(async move {
            match inner.describe_index(&spec.name, options).await {
                Ok(info) if info.spec == *spec => Ok(()),
                _ => inner.create_index(spec, options).await,
            }
        })
    });
    "name", "any index name is taken" => Create(|inner, spec, options| Box::pin(async move {
        match portolan_core::name::check(&spec.name) {
            Ok(()) => inner.create_index(spec, options).await,
            Err(_) => Ok(()),
        }
    }));
    "index", "any dimension is taken" => Create(|inner, spec, options| Box::pin(async move {
        let mut spec = spec.clone();
        spec.dimension = spec.dimension.clamp(1, inner.capability().limits.dimension);
        inner.create_index(&spec, options).await
    }));
    "index", "unknown options are dropped" => Create(|inner, spec, options| Box::pin(async move {
        let mut spec = spec.clone();
        spec.options.clear();
        inner.create_index(&spec, options).await
    }));
    "index", "engine parameters out of range are dropped" => Create(|inner, spec, options| {
        Box::pin(async move {
            let mut spec = spec.clone();
            spec.engine.m = spec.engine.m.filter(|m| (2..=256).contains(m));
            spec.engine.ef_construction = spec.engine.ef_construction.filter(|n| (1..=10_000).contains(n));
            spec.engine.nlist = spec.engine.nlist.filter(|n| (1..=1_000_000).contains(n));
            inner.create_index(&spec, options).await
        })
    });
    "index", "declared fields are forgotten" => Create(|inner, spec, options| Box::pin(async move {
        let mut spec = spec.clone();
        spec.fields.clear();
        inner.create_index(&spec, options).await
    }));
    "index", "engine parameters are not described" => Describe(|inner, index, options| Box::pin(async move {
        let mut info = inner.describe_index(index, options).await?;
        info.spec.engine = EngineParams::default();
        Ok(info)
    }));
    "index", "engine parameters are guessed" => Describe(|inner, index, options| Box::pin(async move {
        let mut info = inner.describe_index(index, options).await?;
        info.spec.engine.m.get_or_insert(16);
        Ok(info)
    }));
    "index", "a missing index is described" => Describe(|inner, index, options| Box::pin(async move {
        match inner.describe_index(index, options).await {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(IndexInfo::new(IndexSpec::new(index, 1), "memory")),
            answer => answer,
        }
    }));
    "index", "the list of indexes is not sorted" => List(|inner, options| Box::pin(async move {
        let mut names = inner.list_indexes(options).await?;
        names.reverse();
        Ok(names)
    }));
    "index", "the list of indexes lacks one" => List(|inner, options| Box::pin(async move {
        let mut names = inner.list_indexes(options).await?;
        names.pop();
        Ok(names)
    }));
    "index", "deleting a missing index is taken" => DropIndex(|inner, index, options| Box::pin(async move {
        match inner.delete_index(index, options).await {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
            answer => answer,
        }
    }));
    "index", "deleting an index only clears it" => DropIndex(|inner, index, options| {
        inner.clear(index, options)
    });
    "stats", "statistics count one too many" => Stats(|inner, index, detail, options| Box::pin(async move {
        let mut stats = inner.stats(index, detail, options).await?;
        stats.vectors += 1;
        Ok(stats)
    }));
    "stats", "statistics count no fields" => Stats(|inner, index, detail, options| Box::pin(async move {
        let mut stats = inner.stats(index, detail, options).await?;
        stats.fields.clear();
        Ok(stats)
    }));
    "stats", "statistics never have detail" => Stats(|inner, index, _, options| {
        inner.stats(index, false, options)
    });
    "stats", "statistics always have detail" => Stats(|inner, index, _, options| {
        inner.stats(index, true, options)
    });
    "stats", "statistics of fields count all records" => Stats(|inner, index, detail, options| {
        Box::pin(async move {
            let mut stats = inner.stats(index, detail, options).await?;
            let all = stats.vectors;
            stats.fields.values_mut().for_each(|n| *n = all);
            Ok(stats)
        })
    });
    "health", "health is an error" => Health(|_, _| Box::pin(async move {
        Err(Error::new(ErrorKind::Unavailable, "the server is down"))
    }));
    "health", "health is always bad" => Health(|inner, options| Box::pin(async move {
        inner.health(options).await.map(|h| Health::new(h.provider, Status::Unavailable))
    }));
    "health", "health is an answer after close" => Health(|inner, options| Box::pin(async move {
        match inner.health(options).await {
            Err(_) => Ok(Health::new("memory", Status::Healthy)),
            answer => answer,
        }
    }));
    "explain", "explain leaves the rest of the filter out" => Explain(|inner, request| Box::pin(async move {
        let mut explanation = inner.explain(request).await?;
        explanation.residual = None;
        explanation.native = None;
        Ok(explanation)
    }));
    "explain", "explain needs a vector" => Explain(|inner, request| Box::pin(async move {
        match request.vector {
            Some(_) => inner.explain(request).await,
            None => Err(Error::invalid("the search has no vector")),
        }
    }));
    "close", "close does nothing" => Close(|_| Box::pin(async { Ok(()) }));
    "close", "a second close fails" => Close(|inner| Box::pin(async move {
        inner.health(portolan_core::CallOptions::new()).await?;
        inner.close().await
    }));
    "capability", "filters are declared unsupported" => Claim(|mut capability| {
        capability.filter = Support::Unsupported;
        capability
    });
    "capability", "what is declared unsupported is done" => Claim(|mut capability| {
        capability.optimize = Support::Unsupported;
        capability
    });
    "capability", "a metric declared unsupported is taken" => Claim(|mut capability| {
        capability.manhattan = Support::Unsupported;
        capability
    });
    "capability", "exact is declared unsupported and done" => Claim(|mut capability| {
        capability.exact = Support::Unsupported;
        capability
    });
    "capability", "a declared limit of metadata is not kept" => Claim(|mut capability| {
        capability.limits.metadata_bytes = Some(4_096);
        capability
    });
    "capability", "a declared limit of ids is not kept" => Claim(|mut capability| {
        capability.limits.id_bytes = 100;
        capability
    });
    "capability", "a declared limit of top_k is not kept" => Claim(|mut capability| {
        capability.limits.top_k = 1_000;
        capability
    });
    "capability", "a declared window is not kept" => Claim(|mut capability| {
        capability.limits.window = Some(2_000);
        capability
    });
    "capability", "a declared limit of dimension is not kept" => Claim(|mut capability| {
        capability.limits.dimension = 512;
        capability
    });
    "capability", "a durable store forgets" => Claim(|mut capability| {
        capability.durable = true;
        capability.batch = BatchAtomicity::Item;
        capability
    });
}
