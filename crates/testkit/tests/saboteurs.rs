//! The suite against itself: each saboteur breaks one sentence of the contract, and the case that it names must catch it
//! by a check that fails; an error in its way or a timeout does not count.
//!
//! Arguments are parts of the saboteurs' names; without one, all of them run.

mod opened;

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use opened::Opened;
use portolan_core::{MemoryStorage, VectorStorage};
use portolan_testkit::fickle::{fickle, numbered};
use portolan_testkit::saboteur::Saboteur;
use portolan_testkit::{Harness, Settings, Status, cases, run};

/// What the saboteurs are put around; the suite must find nothing wrong with it.
const RIGHT: [fn() -> Arc<dyn VectorStorage>; 3] =
    [|| Arc::new(MemoryStorage::default()), || fickle(1), || numbered(1)];

/// The suite over a store.
fn over(
    name: &'static str,
    open: impl Fn() -> Arc<dyn VectorStorage> + Send + Sync + 'static,
) -> Arc<dyn Harness> {
    Arc::new(Opened { name, rows: 100, open: move |_: &str| Ok(open()) })
}

/// How the check fails that catches a saboteur; an error says how it was missed.
async fn caught(saboteur: &'static Saboteur) -> Result<String, String> {
    let report =
        run(over(saboteur.name, || saboteur.open()), &settings(), |case| case == saboteur.caught_by).await;
    let report = report.map_err(|e| format!("the store does not open or close: {e}"))?;
    match report.cases.into_iter().next() {
        Some((_, Status::Failed(why))) => Ok(why),
        Some((_, other)) => Err(format!("{} ends otherwise: {other:?}", saboteur.caught_by)),
        None => Err(format!("there is no case {}", saboteur.caught_by)),
    }
}

fn settings() -> Settings {
    let mut settings = Settings::brief();
    settings.case_timeout = Duration::from_secs(30);
    settings
}

/// Says which cases no saboteur names: nothing proves that they can fail.
fn print_unproven() {
    let named: BTreeSet<&str> = Saboteur::all().map(|s| s.caught_by).collect();
    let unproven: Vec<&str> = cases().map(|case| case.name()).filter(|name| !named.contains(name)).collect();
    println!("cases that no saboteur names: {} of {}", unproven.len(), cases().count());
    for names in unproven.chunks(4) {
        println!("  {}", names.join(", "));
    }
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let picked = |s: &&Saboteur| wanted.is_empty() || wanted.iter().any(|w| s.name.contains(w.as_str()));
    for right in RIGHT {
        match run(over("right", right), &settings(), |case| !case.starts_with("random::")).await {
            Ok(report) if report.failed() == 0 => {}
            wrong => {
                println!("the suite finds fault with a store that is to be sabotaged: {wrong:?}");
                return ExitCode::FAILURE;
            }
        }
    }
    let mut missed = Vec::new();
    let mut noticed = 0;
    let runs = Saboteur::all().filter(picked).map(|s| async move { (s, caught(s).await) });
    let mut runs = std::pin::pin!(futures::stream::iter(runs).buffered(4));
    while let Some((Saboteur { name, breaks, caught_by, .. }, caught)) = runs.next().await {
        match caught {
            Ok(why) => {
                noticed += 1;
                println!("{breaks:4} {name:55} {caught_by:50} {}", why.chars().take(80).collect::<String>());
            }
            Err(why) => {
                println!("{breaks:4} {name:55} missed: {why}");
                missed.push(*name);
            }
        }
    }
    print_unproven();
    println!("saboteurs: {noticed} caught, {} not caught {missed:?}", missed.len());
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
