//! Memory and the embedded store give the same ids in the same order, at the same scores and distances, bit for bit.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use portolan_core::filter::field;
use portolan_core::{
    CallOptions, Deduplicate, Exactness, FieldType, Filter, IndexSpec, Location, MemoryStorage, Metadata,
    Metric, Record, SearchRequest, SearchResult, UpsertRequest, VectorStorage,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

const INDEX: &str = "agreement";
const RECORDS: usize = 200;
const DIMENSIONS: [usize; 5] = [1, 3, 8, 129, 514];

/// An id, and the bits of score and distance.
type Bits<'a> = (&'a str, u32, u32);

/// Vectors of which a third are copies of others but for a part in ten million, and a few are very long or very short.
fn vectors(random: &mut StdRng, dimension: usize) -> Vec<Vec<f32>> {
    let mut vectors: Vec<Vec<f32>> = Vec::with_capacity(RECORDS);
    for n in 0..RECORDS {
        let vector = match n % 6 {
            1 | 2 => {
                let other = &vectors[random.random_range(0..n)];
                other.iter().map(|x| x * (1.0 + random.random_range(-1e-7..1e-7))).collect()
            }
            3 if n % 4 == 1 => vectors[random.random_range(0..n)].clone(),
            _ => {
                let scale = [1.0, 1.0, 1.0, 1e-9, 1e9][random.random_range(0..5)];
                (0..dimension).map(|_| random.random_range(-1.0..1.0) * scale).collect()
            }
        };
        vectors.push(vector);
    }
    vectors
}

fn records(random: &mut StdRng, dimension: usize) -> Vec<Record> {
    let vectors = vectors(random, dimension);
    let mut record = |(n, vector): (usize, Vec<f32>)| {
        let mut metadata = Metadata::new().with("year", random.random_range(1990..2020));
        if random.random_bool(0.7) {
            metadata.insert("group", format!("group {}", n % 7));
        }
        // Ids are in another order than the rows.
        Record::new(format!("{:04}", n * 7_919 % 10_007), vector).metadata(metadata)
    };
    vectors.into_iter().enumerate().map(&mut record).collect()
}

/// What is asked: filters on declared and undeclared fields, thresholds, pages, duplicates, normalized scores.
fn requests(random: &mut StdRng, query: &[f32], scores: &[f32]) -> Vec<SearchRequest> {
    let filters: [Option<Filter>; 4] = [
        None,
        Some(field("year").gte(2005)),
        Some(field("group").is_in(["group 1", "group 3"])),
        Some(!field("group").exists() & field("year").lt(2010)),
    ];
    let mut requests = Vec::new();
    for filter in filters {
        for top_k in [1, 10, RECORDS] {
            let mut request = SearchRequest::new(INDEX, query).top_k(top_k).with_total(true);
            request.filter = filter.clone();
            requests.push(request.clone().offset(random.random_range(0..20)));
            // A score that is there: the threshold is inclusive.
            let threshold = scores[random.random_range(0..scores.len())];
            requests.push(request.clone().similarity_threshold(threshold));
            requests.push(request.clone().deduplicate(Deduplicate::Vector));
            requests
                .push(request.deduplicate(Deduplicate::Field("group".to_owned())).score_normalization(true));
        }
    }
    requests
}

/// All of an answer that is the same in both stores: its matches, and what it says of them.
fn bits(result: &SearchResult) -> (Vec<Bits<'_>>, (bool, Option<u64>)) {
    assert_eq!(result.exactness, Exactness::Exact);
    let matches = result.matches.iter();
    let matches = matches.map(|m| (m.id.as_str(), m.score.to_bits(), m.distance.to_bits())).collect();
    (matches, (result.has_more, result.total_matches))
}

async fn filled(
    storage: Arc<dyn VectorStorage>,
    spec: &IndexSpec,
    records: &[Record],
) -> Arc<dyn VectorStorage> {
    storage.create_index(spec, CallOptions::new()).await.unwrap();
    storage.upsert(&UpsertRequest::new(INDEX, records)).await.unwrap().into_result().unwrap();
    storage
}

async fn agree(random: &mut StdRng, metric: Metric, dimension: usize) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let location = Location::new("embedded").with_path(directory.path().display().to_string());
    let spec = IndexSpec::new(INDEX, dimension).metric(metric).field("year", FieldType::Integer);
    let records = records(random, dimension);
    let memory = filled(MemoryStorage::open(Location::new("memory")).await.unwrap(), &spec, &records).await;
    let embedded = filled(portolan_embedded::open(location).await.unwrap(), &spec, &records).await;
    let mut matches = 0;
    for _ in 0..2 {
        let query = records[random.random_range(0..RECORDS)].vector.clone().unwrap();
        let all = memory.search(&SearchRequest::new(INDEX, query.clone()).top_k(RECORDS)).await.unwrap();
        let scores: Vec<f32> = all.matches.iter().map(|m| m.score).collect();
        for request in requests(random, &query, &scores) {
            let (expected, found) =
                (memory.search(&request).await.unwrap(), embedded.search(&request).await.unwrap());
            assert_eq!(bits(&found), bits(&expected), "{metric}, {dimension}: {request:?}");
            matches += found.matches.len();
        }
    }
    matches
}

#[test]
fn both_stores_answer_with_the_same_bits() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut random = StdRng::seed_from_u64(11);
    let mut matches = 0;
    for metric in Metric::ALL {
        for dimension in DIMENSIONS {
            matches += runtime.block_on(agree(&mut random, metric, dimension));
        }
    }
    assert!(matches > 20_000, "only {matches} matches were compared");
}
