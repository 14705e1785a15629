//! The suite against itself: each saboteur breaks one sentence of the contract, and some case must notice.
//!
//! Arguments are parts of the saboteurs' names; without one, all of them run.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use portolan_core::{MemoryStorage, Result, VectorStorage};
use portolan_testkit::saboteur::Saboteur;
use portolan_testkit::{Harness, Settings, cases, run};

/// What the saboteurs are put around; the suite must find nothing wrong with it.
struct Right;

#[async_trait::async_trait]
impl Harness for Right {
    fn name(&self) -> &str {
        "right"
    }

    async fn open(&self, _place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(Arc::new(MemoryStorage::default()))
    }

    fn rows(&self) -> usize {
        100
    }
}

struct Sabotaged(&'static Saboteur);

#[async_trait::async_trait]
impl Harness for Sabotaged {
    fn name(&self) -> &str {
        self.0.name
    }

    async fn open(&self, _place: &str) -> Result<Arc<dyn VectorStorage>> {
        Ok(self.0.over(Arc::new(MemoryStorage::default())))
    }

    fn rows(&self) -> usize {
        100
    }
}

/// The case that notices, and what it says.
async fn caught(saboteur: &'static Saboteur) -> Option<(&'static str, String)> {
    for module in modules(saboteur.module) {
        let of_module = |case: &str| case.split_once("::").is_some_and(|(of, _)| of == module);
        let report = match run(Arc::new(Sabotaged(saboteur)), &settings(), of_module).await {
            Ok(report) => report,
            Err(e) => return Some(("open or close", e.to_string())),
        };
        if let Some((case, why)) = report.failures().next() {
            return Some((case, why.to_owned()));
        }
    }
    None
}

/// All modules but the random cases, the one that should notice first.
fn modules(first: &'static str) -> Vec<&'static str> {
    let mut modules = vec![first];
    for module in cases().filter_map(|case| case.name().split_once("::")).map(|(module, _)| module) {
        if !modules.contains(&module) && module != "random" {
            modules.push(module);
        }
    }
    modules
}

fn settings() -> Settings {
    let mut settings = Settings::brief();
    settings.case_timeout = Duration::from_secs(30);
    settings
}

#[tokio::main(flavor = "multi_thread")]
async fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|a| !a.starts_with('-')).collect();
    let picked = |s: &&Saboteur| wanted.is_empty() || wanted.iter().any(|w| s.name.contains(w.as_str()));
    match run(Arc::new(Right), &settings(), |case| !case.starts_with("random::")).await {
        Ok(report) if report.failed() == 0 => {}
        wrong => {
            println!("the suite finds fault with the storage that is to be sabotaged: {wrong:?}");
            return ExitCode::FAILURE;
        }
    }
    let mut missed = Vec::new();
    let mut noticed = 0;
    let runs = Saboteur::all().filter(picked).map(|s| async move { (s, caught(s).await) });
    let mut runs = std::pin::pin!(futures::stream::iter(runs).buffered(4));
    while let Some((saboteur, caught)) = runs.next().await {
        match caught {
            Some((case, why)) => {
                noticed += 1;
                println!("{:55} {case:50} {}", saboteur.name, why.chars().take(80).collect::<String>());
            }
            None => {
                println!("{:55} -", saboteur.name);
                missed.push(saboteur.name);
            }
        }
    }
    println!("saboteurs: {noticed} caught, {} not caught {missed:?}", missed.len());
    if missed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
