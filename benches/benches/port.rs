//! What the port itself costs: nanoseconds of a search that has next to nothing to find.
//!
//! The ways to call are timed in turns, so that whatever else the machine does falls on all of them alike; the figures
//! are medians over the turns. Run it with `cargo bench -p portolan-benches --bench port`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use portolan_core::driver::{
    Deadline, Driver, DriverStorage, NativeId, Nearest, Neighbours, NewIndex, Opened, Page, Profile, Row,
    Target, Want, WriteError,
};
use portolan_core::filter::{Leaf, Lowered};
use portolan_core::layer::{Around, Call, Layer, Op, Part, Reply};
use portolan_core::{
    CallOptions, Exactness, Health, IndexInfo, IndexSpec, MemoryStorage, Outcome, Record, Result,
    SearchRequest, Status, UpsertRequest, VectorStorage,
};

const INDEX: &str = "companies";
const TURNS: usize = 2_001;
const CALLS: u32 = 100;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(run())?)
}

async fn run() -> Result<()> {
    let memory = Arc::new(MemoryStorage::default());
    memory.create_index(&spec(), CallOptions::new()).await?;
    let records = [Record::new("a", [1.0, 0.0])];
    memory.upsert(&UpsertRequest::new(INDEX, &records[..])).await?.into_result()?;
    let shared: Arc<dyn VectorStorage> = Arc::clone(&memory) as _;
    let layered = Noop.layer(Noop.layer(Noop.layer(Arc::clone(&shared))));
    let engine = DriverStorage::new(NoopDriver(Profile::new("noop")));
    let request = SearchRequest::new(INDEX, [1.0, 0.0]);

    let mut turns: [Vec<f64>; 4] = Default::default();
    for _ in 0..TURNS {
        turns[0].push(time(|| memory.search(&request)).await?);
        turns[1].push(time(|| shared.search(&request)).await?);
        turns[2].push(time(|| layered.search(&request)).await?);
        turns[3].push(time(|| engine.search(&request)).await?);
    }
    println!("{:<44} {:>8}", "one search", "ns");
    let names = [
        "memory, called directly",
        "memory, through Arc<dyn VectorStorage>",
        "memory, through three layers that do nothing",
        "DriverStorage over a driver that does nothing",
    ];
    for (name, times) in names.into_iter().zip(turns) {
        println!("{name:<44} {:>8.0}", median(times));
    }
    Ok(())
}

/// Nanoseconds of one call.
async fn time<T, F: Future<Output = Result<T>>>(call: impl Fn() -> F) -> Result<f64> {
    let start = Instant::now();
    for _ in 0..CALLS {
        black_box(call().await?);
    }
    Ok(start.elapsed().as_nanos() as f64 / f64::from(CALLS))
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn spec() -> IndexSpec {
    IndexSpec::new(INDEX, 2)
}

/// A layer that does nothing.
#[derive(Debug, Clone)]
struct Noop;

impl Around for Noop {
    fn around<T: Reply>(&self, _: Op<'_>, next: &dyn Call<T>) -> impl Future<Output = Result<T>> + Send {
        next.call(Part::All)
    }
}

/// A driver that finds nothing.
#[derive(Debug)]
struct NoopDriver(Profile);

impl Driver for NoopDriver {
    type Index = ();
    type Filter = String;

    fn profile(&self) -> &Profile {
        &self.0
    }

    fn lower(&self, _: Target<'_, ()>, _: &Leaf, _: bool) -> Lowered<String> {
        Lowered::Nothing
    }

    fn lower_ids(&self, _: Target<'_, ()>, _: &[NativeId], _: bool) -> Lowered<String> {
        Lowered::Nothing
    }

    fn and(&self, parts: Vec<String>) -> String {
        parts.join(" and ")
    }

    fn or(&self, parts: Vec<String>) -> String {
        parts.join(" or ")
    }

    async fn create(&self, _: NewIndex<'_>) -> Result<(), WriteError> {
        Ok(())
    }

    async fn open(&self, _: &str, _: Option<&()>, _: Deadline) -> Result<Opened<()>> {
        Ok(Opened::new(IndexInfo::new(spec(), "noop"), ()))
    }

    async fn list(&self, _: Deadline) -> Result<Vec<String>> {
        Ok(vec![INDEX.to_owned()])
    }

    async fn drop_index(&self, _: &str, _: Deadline) -> Result<(), WriteError> {
        Ok(())
    }

    async fn write(&self, _: Target<'_, ()>, rows: &[Row]) -> Result<Vec<Outcome>, WriteError> {
        Ok(vec![Outcome::Stored; rows.len()])
    }

    async fn fetch(&self, _: Target<'_, ()>, _: &[NativeId], _: Want) -> Result<Vec<Row>> {
        Ok(Vec::new())
    }

    async fn remove(&self, _: Target<'_, ()>, ids: &[NativeId]) -> Result<Vec<Outcome>, WriteError> {
        Ok(vec![Outcome::Stored; ids.len()])
    }

    async fn nearest(&self, _: Target<'_, ()>, _: &Nearest<'_, String>) -> Result<Neighbours> {
        Ok(Neighbours::new(Vec::new(), Exactness::Exact))
    }

    async fn page(
        &self,
        _: Target<'_, ()>,
        _: Option<&String>,
        _: Option<&str>,
        _: usize,
        _: Want,
    ) -> Result<Page> {
        Ok(Page::default())
    }

    async fn health(&self, _: Deadline) -> Result<Health> {
        Ok(Health::new("noop", Status::Healthy))
    }
}
