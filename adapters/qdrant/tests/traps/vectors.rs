//! Vectors and the graph over them.

use portolan_core::{EngineKind, EngineParams, Exactness, Metric, Record, SearchRequest};
use qdrant_client::qdrant::{
    CreateCollectionBuilder, Distance, PointStruct, QueryPointsBuilder, VectorParamsBuilder,
};

use crate::world::World;

pub(crate) async fn vectors_near_zero_are_not_normalized(world: World) {
    let vectors = VectorParamsBuilder::new(2, Distance::Cosine);
    let point = PointStruct::new(1, vec![3e-9, 4e-9], qdrant_client::Payload::new());
    world.foreign(CreateCollectionBuilder::new(&world.name).vectors_config(vectors), vec![point]).await;
    let query = QueryPointsBuilder::new(&world.name).query(vec![3.0, 4.0]);
    let score = world.server.query(query).await.unwrap().result[0].score;
    assert!(score < 1e-6, "Qdrant normalizes small vectors now: {score}");
    world.server.delete_collection(&world.name).await.unwrap();

    world.index(|spec| spec.metric(Metric::Cosine)).await;
    world.write(&[Record::new("small", [3e-9, 4e-9]), Record::new("other", [4.0, -3.0])]).await;
    for query in [[3.0, 4.0], [3e-9, 4e-9]] {
        let found = world.port.search(&SearchRequest::new(&world.name, query).top_k(2)).await.unwrap();
        assert_eq!(found.matches[0].id, "small");
        assert!((found.matches[0].score - 1.0).abs() < 1e-5, "{found:?}");
    }
}

pub(crate) async fn cosine_vectors_are_read_back_at_unit_length(world: World) {
    world.index(|spec| spec.metric(Metric::Cosine)).await;
    world.write(&[Record::new("a", [30.0, 40.0])]).await;
    let vector = world.get("a").await.unwrap().vector.unwrap();
    assert!((vector[0] - 0.6).abs() < 1e-6 && (vector[1] - 0.8).abs() < 1e-6, "{vector:?}");
}

pub(crate) async fn codes_are_rescored_by_the_vectors(world: World) {
    let options = |spec: portolan_core::IndexSpec| {
        spec.metric(Metric::Euclidean)
            .option("quantization", "scalar")
            .option("quantization_always_ram", true)
    };
    world.index(options).await;
    let records: Vec<Record> = (0..200).map(|n| Record::new(n.to_string(), [n as f32 / 7.0, 1.0])).collect();
    world.write(&records).await;
    for exact in [false, true] {
        let request = SearchRequest::new(&world.name, [0.0, 1.0]).top_k(20).exact(exact);
        let found = world.port.search(&request).await.unwrap();
        for (n, found) in found.matches.iter().enumerate() {
            assert_eq!(found.id, n.to_string());
            assert!((found.distance - n as f32 / 7.0).abs() < 1e-4, "{found:?}");
        }
    }
    let described = world.port.describe_index(&world.name, Default::default()).await.unwrap();
    assert_eq!(described.spec.options.len(), 2);
}

pub(crate) async fn parameters_of_the_graph_reach_the_collection(world: World) {
    let engine =
        EngineParams { kind: Some(EngineKind::Hnsw), m: Some(24), ef_construction: Some(77), nlist: None };
    world.index(|spec| spec.engine(engine).option("on_disk", true).option("shard_number", 2)).await;
    let info = world.server.collection_info(&world.name).await.unwrap().result.unwrap();
    let config = info.config.unwrap();
    let hnsw = config.hnsw_config.unwrap();
    assert_eq!((hnsw.m, hnsw.ef_construct), (Some(24), Some(77)));
    assert_eq!(config.params.unwrap().shard_number, 2);
    assert!(info.payload_schema.contains_key("_portolan_keys"));
}

pub(crate) async fn a_flat_index_is_exact(world: World) {
    let engine = EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() };
    world.index(|spec| spec.engine(engine)).await;
    world.write(&[Record::new("a", [1.0, 2.0]), Record::new("b", [2.0, 1.0])]).await;
    let found = world.port.search(&SearchRequest::new(&world.name, [1.0, 0.0]).top_k(1)).await.unwrap();
    assert_eq!((found.matches[0].id.as_str(), found.exactness), ("b", Exactness::Exact));
}
