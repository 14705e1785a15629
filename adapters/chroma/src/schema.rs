//! Collections and specs: what the port knows of an index, in the collection's metadata and configuration.

use portolan_core::driver::kit::SpecRecord;
use portolan_core::{EngineKind, Error, IndexInfo, IndexSpec, Metric, Result};
use serde_json::Value as Json;

use crate::api::{Collection, Configuration, Create, NativeMetadata, Parameters};
use crate::config::PROVIDER;
use crate::foreign;

/// The collection's metadata key of the spec.
const SPEC: &str = "_portolan";

/// What Chroma calls the metrics that it has.
const SPACES: [(Metric, &str); 3] =
    [(Metric::Cosine, "cosine"), (Metric::DotProduct, "ip"), (Metric::Euclidean, "l2")];

const EF_SEARCH: &str = "ef_search";
const SYNC_THRESHOLD: &str = "sync_threshold";
const RESIZE_FACTOR: &str = "resize_factor";

/// The options of an index that Chroma knows beside those of the port.
pub(crate) const OPTIONS: [&str; 3] = [EF_SEARCH, SYNC_THRESHOLD, RESIZE_FACTOR];

/// The request that creates a collection for a spec.
pub(crate) fn create<'a>(name: &'a str, spec: &IndexSpec, created_at: String) -> Result<Create<'a>> {
    let hnsw = hnsw(spec)?;
    let record = SpecRecord { spec: spec.clone(), created_at: Some(created_at) };
    let text = record.to_json("v")?;
    Ok(Create {
        name,
        configuration: Configuration { hnsw: Some(hnsw), spann: None },
        metadata: NativeMetadata::from_iter([(SPEC.to_owned(), Json::String(text))]),
        get_or_create: false,
    })
}

fn hnsw(spec: &IndexSpec) -> Result<Parameters> {
    if let Some(kind) = spec.engine.kind.filter(|kind| *kind != EngineKind::Hnsw) {
        return Err(Error::unsupported(format!(
            "the engine {} is not supported here: Chroma builds hnsw; leave the kind out",
            kind.as_str()
        )));
    }
    let Some((_, space)) = SPACES.iter().find(|(metric, _)| *metric == spec.metric) else {
        return Err(Error::unsupported(format!("Chroma has no metric {}", spec.metric)));
    };
    Ok(Parameters {
        space: Some((*space).to_owned()),
        max_neighbors: spec.engine.m,
        ef_construction: spec.engine.ef_construction,
        ef_search: spec.option_integer(EF_SEARCH, 1..=10_000)?,
        sync_threshold: spec.option_integer(SYNC_THRESHOLD, 2..=1_000_000)?,
        resize_factor: spec.option_float(RESIZE_FACTOR, 1.0..=10.0)?,
    })
}

/// What the port knows of a collection, and whether the port made it.
pub(crate) fn info(collection: &Collection) -> Result<(IndexInfo, bool)> {
    let metric = metric(collection)?;
    let kept = kept(collection)?;
    let ours = kept.is_some();
    let (spec, created_at) = match kept {
        Some(kept) => (kept.spec, kept.created_at),
        None => (foreign::spec(collection)?, None),
    };
    let mut spec = spec.metric(metric);
    // What was written first decides, whoever wrote it.
    spec.dimension = collection.dimension.unwrap_or(spec.dimension);
    Ok((IndexInfo::new(spec, PROVIDER).created_at(created_at), ours))
}

fn kept(collection: &Collection) -> Result<Option<SpecRecord>> {
    let Some(json) = collection.metadata.as_ref().and_then(|m| m.get(SPEC)) else { return Ok(None) };
    let kept_in = format!("the metadata {SPEC} of the collection {:?}", collection.name);
    SpecRecord::read(&kept_in, json.as_str()).map(Some)
}

fn metric(collection: &Collection) -> Result<Metric> {
    let configuration = &collection.configuration_json;
    let parameters = configuration.hnsw.as_ref().or(configuration.spann.as_ref());
    let told = parameters.and_then(|p| p.space.as_deref()).unwrap_or("l2");
    SPACES.iter().find(|(_, space)| *space == told).map(|(metric, _)| *metric).ok_or_else(|| {
        Error::unsupported(format!(
            "the collection {:?} compares vectors by {told:?}, which this program does not know",
            collection.name
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan_core::{EngineParams, ErrorKind, FieldType};
    use serde_json::json;

    fn collection(json: Json) -> Collection {
        serde_json::from_value(json).unwrap()
    }

    fn spec() -> IndexSpec {
        let engine = EngineParams { m: Some(24), ef_construction: Some(77), ..EngineParams::default() };
        IndexSpec::new("docs", 3).field("tag", FieldType::String).engine(engine).option(EF_SEARCH, 50)
    }

    #[test]
    fn a_spec_is_read_as_it_was_written() {
        let spec = spec().metric(Metric::DotProduct);
        let request = serde_json::to_value(create("docs", &spec, "now".to_owned()).unwrap()).unwrap();
        let hnsw = json!({"space": "ip", "max_neighbors": 24, "ef_construction": 77, "ef_search": 50});
        assert_eq!(request["configuration"], json!({ "hnsw": hnsw }));
        let made = collection(json!({
            "id": "u", "name": "docs", "dimension": null, "metadata": request["metadata"],
            "configuration_json": {"hnsw": {"space": "ip"}, "spann": null, "embedding_function": null},
        }));
        let (info, ours) = info(&made).unwrap();
        assert_eq!((info.spec, info.created_at.as_deref(), ours), (spec, Some("now"), true));
    }

    #[test]
    fn a_collection_of_another_program_is_derived() {
        let mut foreign = json!({
            "id": "u", "name": "theirs", "dimension": 4, "metadata": {"hnsw:space": "cosine"},
            "configuration_json": {"hnsw": {"space": "cosine", "max_neighbors": 16, "ef_construction": 100}},
        });
        let (info, ours) = info(&collection(foreign.clone())).unwrap();
        assert_eq!((info.spec.dimension, info.spec.metric, ours), (4, Metric::Cosine, false));
        assert_eq!(info.spec.engine.m, Some(16));
        foreign["dimension"] = Json::Null;
        let e = super::info(&collection(foreign.clone())).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Unsupported);
        foreign["configuration_json"] = json!({"hnsw": {"space": "hamming"}});
        assert_eq!(super::info(&collection(foreign)).unwrap_err().kind(), ErrorKind::Unsupported);
    }

    #[test]
    fn a_damaged_spec_is_corrupt() {
        for text in [json!(1), json!("{"), json!(r#"{"v":2,"spec":{"name":"x","dimension":1}}"#)] {
            let damaged = collection(json!({"id": "u", "name": "docs", "metadata": {"_portolan": text}}));
            assert_eq!(info(&damaged).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }

    #[test]
    fn parameters_that_chroma_has_not_are_refused() {
        let refused = |spec: IndexSpec| create("x", &spec, String::new()).unwrap_err().kind();
        let flat = EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() };
        assert_eq!(refused(spec().engine(flat)), ErrorKind::Unsupported);
        assert_eq!(refused(spec().option(EF_SEARCH, 0)), ErrorKind::InvalidArgument);
        assert_eq!(refused(spec().option(EF_SEARCH, "many")), ErrorKind::InvalidArgument);
        assert_eq!(refused(spec().option(RESIZE_FACTOR, 0.5)), ErrorKind::InvalidArgument);
    }
}
