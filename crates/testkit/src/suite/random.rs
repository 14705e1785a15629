//! Random filters and random sequences of operations, against the oracle.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use portolan_core::{Filter, IndexSpec, Metric, Record, Support};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::case::{Stop, Verdict, cases};
use crate::context::{Context, OPTIONS};
use crate::random::{self, Sequence};
use crate::twin::Twin;

cases! { "random";
    [A1 F1] filters_over_undeclared_fields;
    [A1 F1 N21] filters_over_declared_fields;
    [A1] sequences_of_operations;
    [A1 A3] sequences_with_the_store_opened_again;
}

const RECORDS: usize = 60;
const STEPS: usize = 10;

async fn filters_over_undeclared_fields(ctx: &Context) -> Verdict {
    filters(ctx, |spec| spec).await
}

async fn filters_over_declared_fields(ctx: &Context) -> Verdict {
    filters(ctx, random::declared).await
}

async fn sequences_of_operations(ctx: &Context) -> Verdict {
    for n in (0..ctx.session.settings.random_sequences).step_by(2) {
        sequence(ctx, n as u64).await?;
    }
    Ok(())
}

async fn sequences_with_the_store_opened_again(ctx: &Context) -> Verdict {
    let place = ctx.place();
    for n in (1..ctx.session.settings.random_sequences).step_by(2) {
        let mut rng = ctx.rng(n as u64);
        let storage = ctx.open(&place).await?;
        let twin = ctx.twin_in(storage.clone(), spec(ctx, &mut rng)).await?;
        run(&mut rng, &twin, n).await?;
        storage.close().await?;
        let storage = ctx.open(&place).await?;
        if storage.capability().durable {
            let twin =
                Twin { subject: storage.clone(), oracle: twin.oracle.clone(), spec: twin.spec.clone() };
            twin.same().await?;
            run(&mut rng, &twin, n).await?;
            storage.delete_index(twin.name(), OPTIONS).await?;
        }
        storage.close().await?;
        twin.oracle.delete_index(twin.name(), OPTIONS).await?;
        ctx.session.random_sequences.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Half of all filters, over records of which each selects some and not all.
async fn filters(ctx: &Context, declare: fn(IndexSpec) -> IndexSpec) -> Verdict {
    let wanted = ctx.session.settings.random_filters.div_ceil(2);
    let mut rng = ctx.rng(0);
    let twin = ctx.lent(declare(ctx.spec(4))).await?;
    let records = records(&mut rng);
    twin.upsert(&records).await?;
    let mut counted = 0;
    while counted < wanted {
        let filter = random::filter(&mut rng, 6, RECORDS);
        let (selected, all) = twin.selected(&filter).await?;
        if 0 < selected && selected < all {
            compare(&twin, &mut rng, &filter).await.map_err(|stop| with_records(stop, &filter, &records))?;
            counted += 1;
        }
    }
    ctx.session.random_filters.fetch_add(counted, Ordering::Relaxed);
    Ok(())
}

async fn compare(twin: &Twin, rng: &mut StdRng, filter: &Filter) -> Verdict {
    twin.count(Some(filter)).await?;
    let request =
        twin.query(random::vector(rng, 4)).top_k(rng.random_range(1..=10)).offset(rng.random_range(0..3));
    twin.search(&request.filter(filter.clone())).await.map(drop)
}

/// Records with distinct ids.
fn records(rng: &mut StdRng) -> Vec<Record> {
    let mut records = BTreeMap::new();
    while records.len() < RECORDS {
        let record = random::record(rng, RECORDS, 4);
        records.insert(record.id.clone(), record);
    }
    records.into_values().collect()
}

async fn sequence(ctx: &Context, n: u64) -> Verdict {
    let mut rng = ctx.rng(n);
    let twin = ctx.lent(spec(ctx, &mut rng)).await?;
    run(&mut rng, &twin, n as usize).await?;
    ctx.leave(&twin).await?;
    ctx.session.random_sequences.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// A spec of a fresh name and a random metric that the store has, with declared fields or without.
fn spec(ctx: &Context, rng: &mut StdRng) -> IndexSpec {
    let mut metric = Metric::ALL[rng.random_range(0..4)];
    if ctx.capability().metric(metric) == Support::Unsupported {
        metric = ctx.any_metric();
    }
    let spec = ctx.spec(rng.random_range(2..=4)).metric(metric);
    if rng.random() { random::declared(spec) } else { spec }
}

async fn run(rng: &mut StdRng, twin: &Twin, n: usize) -> Verdict {
    let mut sequence = Sequence { rng, twin, done: Vec::new() };
    for _ in 0..STEPS {
        if let Err(stop) = sequence.step().await {
            return Err(with(stop, &format!("sequence {n}, after:\n{}", sequence.done.join("\n"))));
        }
    }
    Ok(())
}

fn with_records(stop: Stop, filter: &Filter, records: &[Record]) -> Stop {
    let shown: Vec<String> = records.iter().map(|r| format!("{} {}", r.id, r.metadata.to_json())).collect();
    with(stop, &format!("filter {filter}\nover\n{}", shown.join("\n")))
}

fn with(stop: Stop, what: &str) -> Stop {
    match stop {
        Stop::Failed(why) => Stop::Failed(format!("{why}\n{what}")),
        unsupported => unsupported,
    }
}
