//! The suite over a tape: what is recorded of a run, and what a replay makes of requests that are not as recorded.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use http_body_util::Empty;
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use portolan_core::{MemoryStorage, Result, VectorStorage};
use portolan_testkit::wire::tape::{Player, Recorder, Tape};
use portolan_testkit::wire::{Answer, Fault, Faulty};
use portolan_testkit::{Harness, Report, Settings, Status, run};

/// Where each opening of a store in a place of its own asks the server so often for `/hello`.
struct Greeting {
    tape: Box<dyn Tape>,
    times: usize,
}

#[async_trait]
impl Harness for Greeting {
    fn name(&self) -> &str {
        "greeting"
    }

    async fn open(&self, place: &str) -> Result<Arc<dyn VectorStorage>> {
        let times = if place == "shared" { 1 } else { self.times };
        for _ in 0..times {
            greet(self.tape.address()).await;
        }
        Ok(Arc::new(MemoryStorage::default()))
    }

    fn server(&self) -> Option<String> {
        Some("1.2.3".to_owned())
    }

    fn tape(&self) -> Option<&dyn Tape> {
        Some(&*self.tape)
    }
}

async fn greet(at: SocketAddr) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    client.get(format!("http://{at}/hello").parse().unwrap()).await.unwrap();
}

/// A case that opens one store of its own, one that opens none, and one that no tape can hold.
const PICKED: [&str; 3] = ["close::may_be_repeated", "count::everything", "cancel::upsert"];

async fn run_over(tape: impl Tape + 'static, times: usize, settings: &Settings) -> Result<Report> {
    run_picked(tape, times, settings, &PICKED).await
}

async fn run_picked(
    tape: impl Tape + 'static,
    times: usize,
    settings: &Settings,
    picked: &[&str],
) -> Result<Report> {
    let harness = Arc::new(Greeting { tape: Box::new(tape), times });
    run(harness, settings, |case| picked.contains(&case)).await
}

async fn record(path: &Path, settings: &Settings) -> Result<Report> {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::status(200));
    let recorder = Recorder::start(path, server.address()).unwrap();
    run_over(recorder, 1, settings).await
}

async fn replay(path: &Path, times: usize) -> Result<Report> {
    let player = Player::open(path).unwrap();
    run_over(player, times, &Settings::brief()).await
}

struct Folder {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn folder() -> Folder {
    let folder = tempfile::tempdir().unwrap();
    Folder { path: folder.path().join("greeting.zst"), _folder: folder }
}

#[tokio::test]
async fn a_run_is_replayed_with_the_settings_of_its_recording() {
    let folder = folder();
    let mut settings = Settings::brief();
    settings.seed = 77;
    let recorded = record(&folder.path, &settings).await.unwrap();
    assert_eq!(
        recorded.to_string(),
        "conformance greeting (1.2.3): 2 passed, 0 unsupported, 0 failed, 1 left out"
    );
    let player = Player::open(&folder.path).unwrap();
    let header = player.header().unwrap();
    assert_eq!((header.seed, &header.server[..]), (77, "1.2.3"));
    let replayed = replay(&folder.path, 1).await.unwrap();
    assert_eq!(
        replayed.to_string(),
        "conformance greeting (1.2.3, replayed): 2 passed, 0 unsupported, 0 failed, 1 left out"
    );
    let left_out: Vec<_> = replayed.cases.iter().filter(|(_, s)| matches!(s, Status::LeftOut(_))).collect();
    assert_eq!((left_out.len(), left_out[0].0), (1, "cancel::upsert"));
}

#[tokio::test]
async fn a_case_that_asks_too_much_or_too_little_fails() {
    let folder = folder();
    record(&folder.path, &Settings::brief()).await.unwrap();
    for (times, why) in [(0, "that did not come"), (2, "which comes once more")] {
        let report = replay(&folder.path, times).await.unwrap();
        let failures: Vec<_> = report.failures().collect();
        assert_eq!((failures.len(), failures[0].0), (1, "close::may_be_repeated"));
        assert!(failures[0].1.contains(why), "{}", failures[0].1);
    }
}

#[tokio::test]
async fn a_case_that_is_newer_than_the_tape_is_left_out() {
    let folder = folder();
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::status(200));
    let recorder = Recorder::start(&folder.path, server.address()).unwrap();
    run_picked(recorder, 1, &Settings::brief(), &["count::everything"]).await.unwrap();
    let report = replay(&folder.path, 1).await.unwrap();
    assert_eq!((report.passed(), report.failed(), report.left_out()), (1, 0, 2));
    assert_eq!(report.left_out_reasons().get("the case is newer than the tape"), Some(&1));
}

#[tokio::test]
async fn a_run_that_failed_makes_no_tape() {
    let folder = folder();
    let server = Faulty::start().unwrap();
    server.on(..=1, |_| true, Answer::status(200));
    server.on(2.., |_| true, Fault::Gone);
    let recorder = Recorder::start(&folder.path, server.address()).unwrap();
    let refused = run_over(recorder, 1, &Settings::brief()).await.unwrap_err();
    assert!(refused.to_string().contains("no tape was written, as 1 cases failed"), "{refused}");
    assert!(!folder.path.exists());
}
