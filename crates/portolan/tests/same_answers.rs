//! The example `similar_companies` gives the same output on every store, byte for byte: only the URI differs. Stores behind a
//! server are those that the environment names; the others are ignored, and shown so.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

#[path = "../examples/similar_companies.rs"]
#[expect(dead_code, reason = "its main is not run here")]
mod similar_companies;

use std::env;
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use portolan::CallOptions;

const COMPANIES: [&str; 3] = ["stripe", "adyen", "volkswagen"];

fn main() -> ExitCode {
    let mut trials = Vec::new();
    if cfg!(feature = "embedded") {
        let folder = tempfile::tempdir().expect("a folder");
        let uri = format!("embedded:{}", folder.path().display());
        trials.push(Trial::test("embedded", move || {
            let _folder = folder;
            compare(&uri)
        }));
    }
    for (name, variable, built) in [
        ("chroma", "PORTOLAN_TEST_CHROMA", cfg!(feature = "chroma")),
        ("milvus", "PORTOLAN_TEST_MILVUS", cfg!(feature = "milvus")),
        ("milvus-lite", "PORTOLAN_TEST_MILVUS_LITE", cfg!(feature = "milvus")),
        ("pgvector", "PORTOLAN_TEST_PGVECTOR", cfg!(feature = "pgvector")),
        ("qdrant", "PORTOLAN_TEST_QDRANT", cfg!(feature = "qdrant")),
    ] {
        let uri = env::var(variable).ok().filter(|_| built);
        let absent = uri.is_none();
        let run = move || compare(&uri.unwrap_or_default());
        trials.push(Trial::test(name, run).with_ignored_flag(absent));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

fn compare(uri: &str) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let (expected, answers) = runtime.block_on(async { (answers("memory:").await, answers(uri).await) });
    assert_eq!(expected.lines().count(), COMPANIES.len() * 14, "{expected}");
    if answers == expected { Ok(()) } else { Err(format!("{answers}\nand in memory:\n{expected}").into()) }
}

async fn answers(uri: &str) -> String {
    let storage = portolan::open(uri).await.unwrap();
    let index = format!("same-answers-{}", std::process::id());
    let mut out = Vec::new();
    for company in COMPANIES {
        similar_companies::similar(&*storage, &index, company, &mut out).await.unwrap();
    }
    storage.delete_index(&index, CallOptions::new()).await.unwrap();
    storage.close().await.unwrap();
    String::from_utf8(out).unwrap()
}
