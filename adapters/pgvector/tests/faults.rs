//! A server that refuses, is full, or goes away midway, beyond the table of `wire`: the right kind, in bounded time, and
//! nothing reported stored that is not.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use portolan_core::{
    CountRequest, EngineKind, EngineParams, Error, ErrorKind, GetRequest, IndexSpec, Outcome, Record, Result,
    SearchRequest, UpsertRequest, VectorStorage, WriteResult,
};
use portolan_testkit::traps;
use portolan_testkit::wire::{Authority, FaultyTcp, Line, TlsFront};
use support::guard::Guard;
use support::{OPTIONS, Place, open};
use tokio::time::timeout;

/// Longer than any bound that is tested, so that a hang fails.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    traps![
        a_connection_that_nobody_answers_names_the_option_that_bounds_it,
        a_search_is_told_that_the_server_is_down,
        a_missing_database_is_not_found,
        a_user_without_rights_is_refused,
        too_many_connections_say_when_to_come_back,
        an_answer_that_is_lost_leaves_the_outcome_unknown,
        a_connection_that_is_cut_before_a_write_is_no_lie,
        sessions_that_are_ended_are_replaced,
        a_write_that_is_given_up_is_cancelled,
        a_full_pool_says_when_to_come_back,
        a_call_ends_with_the_timeout_of_the_uri,
        an_import_that_is_cut_off_is_resumed,
        a_password_is_asked_for_and_never_shown,
        a_password_of_the_environment_is_taken_where_the_uri_has_none,
        certificates_are_verified_where_that_is_asked,
        a_server_without_tls_is_refused_where_that_is_asked,
    ]
    .main([support::server()])
}

/// A storage that has answered: opening alone does not connect.
async fn reached(uri: &str) -> Result<Arc<dyn VectorStorage>> {
    let storage = open(uri).await?;
    timeout(PATIENCE, storage.list_indexes(OPTIONS)).await.expect("the first call is bounded")?;
    Ok(storage)
}

async fn refused(uri: &str) -> Error {
    reached(uri).await.expect_err("an error")
}

/// The case's schema through a proxy.
async fn proxied(place: &Place, options: &str) -> (FaultyTcp, Arc<dyn VectorStorage>) {
    let (user, address, database) = place.parts();
    let proxy = FaultyTcp::before(address).unwrap();
    let uri = format!("pgvector://{user}@{}/{database}?schema={}&{options}", proxy.address(), place.schema);
    let storage = open(&uri).await.unwrap();
    (proxy, storage)
}

async fn index(place: &Place) {
    let engine = EngineParams { kind: Some(EngineKind::Flat), ..EngineParams::default() };
    place.storage.create_index(&IndexSpec::new("items", 2).engine(engine), OPTIONS).await.unwrap();
}

fn records(range: std::ops::Range<usize>) -> Vec<Record> {
    range.map(|n| Record::new(format!("r{n}"), vec![n as f32 + 1.0, 1.0])).collect()
}

async fn upsert(storage: &dyn VectorStorage, records: &[Record]) -> WriteResult {
    let request = UpsertRequest::new("items", records);
    let written = timeout(PATIENCE, storage.upsert(&request)).await.expect("writing is bounded");
    written.unwrap_or_else(|e| WriteResult::new(vec![Outcome::Failed(e); records.len()]))
}

async fn count(place: &Place) -> u64 {
    place.storage.count(&CountRequest::new("items")).await.unwrap()
}

async fn a_connection_that_nobody_answers_names_the_option_that_bounds_it(_: Place) {
    let server = FaultyTcp::start().unwrap();
    server.on_connection(.., Line::Silent);
    let error = refused(&format!("{}/db?connect_timeout=1", server.uri("pgvector"))).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(error.message().contains("connect_timeout"), "{error}");
}

async fn a_search_is_told_that_the_server_is_down(place: Place) {
    index(&place).await;
    let (proxy, storage) = proxied(&place, "connect_timeout=2").await;
    let search = SearchRequest::new("items", vec![1.0, 2.0]);
    storage.search(&search).await.unwrap();
    proxy.down().await.unwrap();
    let error = storage.search(&search).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
}

async fn a_missing_database_is_not_found(place: Place) {
    let (server, _) = place.uri.rsplit_once('/').unwrap();
    let error = refused(&format!("{server}/no_such_database")).await;
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}

/// The URI for a role of this case, which is dropped with [`drop_role`].
async fn role(place: &Place, rights: &str) -> (String, String) {
    let role = format!("role_{}", place.schema);
    place.sql(&format!("DROP ROLE IF EXISTS \"{role}\"; CREATE ROLE \"{role}\" LOGIN {rights}")).await;
    let (_, rest) = place.uri.split_once('@').unwrap();
    (format!("pgvector://{role}@{rest}?schema={}&pool_size=2&connect_timeout=2", place.schema), role)
}

async fn drop_role(place: &Place, role: &str) {
    place.sql(&format!("DROP OWNED BY \"{role}\"; DROP ROLE \"{role}\"")).await;
}

async fn a_user_without_rights_is_refused(place: Place) {
    index(&place).await;
    let (uri, name) = role(&place, "").await;
    let storage = open(&uri).await.unwrap();
    let error = storage.create_index(&IndexSpec::new("other", 2), OPTIONS).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let error = storage.count(&CountRequest::new("items")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    let written = upsert(&*storage, &records(0..3)).await;
    assert_eq!(written.failed(), 3);
    drop(storage);
    drop_role(&place, &name).await;
}

async fn too_many_connections_say_when_to_come_back(place: Place) {
    let (uri, name) = role(&place, "CONNECTION LIMIT 1").await;
    let first = reached(&uri).await.unwrap();
    let error = refused(&uri).await;
    assert_eq!(error.kind(), ErrorKind::RateLimited, "{error}");
    assert_eq!(error.retry_after(), Some(Duration::from_secs(1)));
    first.close().await.unwrap();
    drop_role(&place, &name).await;
}

async fn an_answer_that_is_lost_leaves_the_outcome_unknown(place: Place) {
    index(&place).await;
    let (proxy, storage) = proxied(&place, "pool_size=1").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    proxy.on_connection(2.., Line::AnswerLost("INSERT INTO".into()));
    proxy.cut().await.unwrap();
    // The pool may learn only now that its connection is gone.
    let _ = storage.count(&CountRequest::new("items")).await;
    let written = upsert(&*storage, &records(0..3)).await;
    assert_eq!(written.unknown(), 3, "{written:?}");
    proxy.heal();
    proxy.cut().await.unwrap();
    let _ = storage.count(&CountRequest::new("items")).await;
    assert!(upsert(&*storage, &records(0..3)).await.is_successful());
    assert_eq!(count(&place).await, 3);
}

async fn a_connection_that_is_cut_before_a_write_is_no_lie(place: Place) {
    index(&place).await;
    let (proxy, storage) = proxied(&place, "pool_size=1").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    proxy.on_connection(2.., Line::CutAt("INSERT INTO".into()));
    proxy.cut().await.unwrap();
    let _ = storage.count(&CountRequest::new("items")).await;
    let written = upsert(&*storage, &records(0..3)).await;
    assert_eq!(written.stored(), 0, "{written:?}");
    assert_eq!(count(&place).await, 0);
}

async fn sessions_that_are_ended_are_replaced(place: Place) {
    index(&place).await;
    let storage = place.with("application_name=ended").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    place
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ended'")
        .await;
    let mut last = None;
    for _ in 0..3 {
        last = Some(storage.get(&GetRequest::new("items", &["a".to_owned()])).await);
        if let Some(Err(error)) = &last {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        }
    }
    last.unwrap().unwrap();
}

/// A call that a lock holds up; the lock ends with the transaction of `admin`.
async fn locked(place: &Place) {
    place.sql("BEGIN; LOCK TABLE items").await;
}

async fn a_write_that_is_given_up_is_cancelled(place: Place) {
    index(&place).await;
    let storage = place.with("application_name=given_up").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    locked(&place).await;
    let records = records(0..3);
    let mut request = UpsertRequest::new("items", &records);
    request.options = OPTIONS.timeout(Duration::from_millis(300));
    let written = storage.upsert(&request).await.unwrap();
    assert_eq!(written.unknown(), 3, "{written:?}");
    let waiting =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'given_up' AND state = 'active'";
    let cancelled = async {
        loop {
            // Within a transaction the view stays as it was first seen.
            place.sql("SELECT pg_stat_clear_snapshot()").await;
            if place.admin.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 0 {
                return;
            }
        }
    };
    timeout(PATIENCE, cancelled).await.expect("the statement is cancelled");
    place.sql("COMMIT").await;
    assert_eq!(count(&place).await, 0);
    assert!(upsert(&*storage, &records).await.is_successful());
}

async fn a_full_pool_says_when_to_come_back(place: Place) {
    index(&place).await;
    let storage = place.with("pool_size=1&connect_timeout=1").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    locked(&place).await;
    let two = records(0..2);
    let (first, second) = tokio::join!(upsert(&*storage, &two[..1]), upsert(&*storage, &two[1..]));
    let kinds: Vec<ErrorKind> =
        [first, second].iter().filter_map(|w| w.errors().next().map(|(_, e)| e.kind())).collect();
    assert!(kinds.contains(&ErrorKind::RateLimited), "{kinds:?}");
    place.sql("COMMIT").await;
}

async fn a_call_ends_with_the_timeout_of_the_uri(place: Place) {
    index(&place).await;
    let storage = place.with("statement_timeout=1").await;
    storage.describe_index("items", OPTIONS).await.unwrap();
    locked(&place).await;
    let error = storage.count(&CountRequest::new("items")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    let written = upsert(&*storage, &records(0..2)).await;
    assert_eq!(written.unknown(), 2, "nothing was answered: {written:?}");
    place.sql("COMMIT").await;
}

async fn an_import_that_is_cut_off_is_resumed(place: Place) {
    index(&place).await;
    let (proxy, storage) = proxied(&place, "pool_size=2").await;
    let all = records(0..4_000);
    let mut outcomes = Vec::new();
    for (n, chunk) in all.chunks(1_000).enumerate() {
        if n == 2 {
            proxy.down().await.unwrap();
        }
        outcomes.extend(upsert(&*storage, chunk).await.items);
    }
    assert!(outcomes[..2_000].iter().all(Outcome::is_stored));
    let open: Vec<Record> =
        all.iter().zip(&outcomes).filter(|(_, o)| !o.is_stored()).map(|(r, _)| r.clone()).collect();
    assert_eq!(open.len(), 2_000);
    for error in outcomes.iter().filter_map(Outcome::error) {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
    assert_eq!(count(&place).await, 2_000, "what is reported stored is stored");
    proxy.up().await.unwrap();
    upsert(&*storage, &open).await.into_result().unwrap();
    assert_eq!(count(&place).await, 4_000);
}

async fn a_password_is_asked_for_and_never_shown(place: Place) {
    let guard = Guard::start(&place, "right").await;
    for (password, advice) in [(":wrong", "the user and the password"), ("", "PGPASSWORD")] {
        let error = refused(&guard.uri(password)).await;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        assert!(error.message().contains(advice), "{error}");
        assert!(!format!("{error} {error:?}").contains("wrong"), "{error:?}");
    }
    reached(&guard.uri(":right")).await.unwrap();
}

/// Only a process of its own can be given a variable: the case runs itself once more.
async fn a_password_of_the_environment_is_taken_where_the_uri_has_none(place: Place) {
    let name = "a_password_of_the_environment_is_taken_where_the_uri_has_none";
    if std::env::var("PGPASSWORD").is_ok_and(|password| password == "right") {
        let guard = Guard::start(&place, "right").await;
        reached(&guard.uri("")).await.unwrap();
        let error = refused(&guard.uri(":wrong")).await;
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "the URI's own goes first: {error}");
        return;
    }
    let again =
        Command::new(std::env::current_exe().unwrap()).arg(name).env("PGPASSWORD", "right").output().unwrap();
    let told = String::from_utf8_lossy(&again.stdout);
    assert!(again.status.success() && told.contains("1 passed"), "{told}");
}

/// The front speaks TLS only. The names of libpq verify as they do there.
async fn certificates_are_verified_where_that_is_asked(place: Place) {
    let (authority, other) = (Authority::new().unwrap(), Authority::new().unwrap());
    let (user, address, database) = place.parts();
    let front = TlsFront::before_postgres(address, &authority).unwrap();
    let uri = |options: &str| {
        format!("pgvector://{user}@localhost:{}/{database}?{options}", front.address().port())
    };
    let (ca, other) = (authority.pem().display(), other.pem().display());
    for (options, works) in [
        ("sslmode=prefer".to_owned(), true),
        ("sslmode=require".to_owned(), true),
        ("sslmode=verify-full".to_owned(), false),
        ("sslmode=verify-ca".to_owned(), false),
        ("sslmode=verify-full&sslrootcert=system".to_owned(), false),
        (format!("sslmode=prefer&sslrootcert={ca}"), true),
        (format!("sslmode=prefer&sslrootcert={other}"), false),
        (format!("sslmode=verify-ca&sslrootcert={ca}"), true),
        (format!("sslmode=verify-ca&sslrootcert={other}"), false),
        (format!("sslmode=verify-full&sslrootcert={ca}"), true),
        (format!("sslmode=require&sslrootcert={ca}"), true),
        (format!("sslmode=verify-full&sslrootcert={other}"), false),
    ] {
        let opened = reached(&uri(&options)).await;
        assert_eq!(opened.is_ok(), works, "{options}: {:?}", opened.err());
        if let Err(error) = opened {
            assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
            assert!(!error.is_retryable() && error.message().contains("tls_ca"), "{error}");
        }
    }
    let elsewhere = |mode| uri(&format!("sslmode={mode}&sslrootcert={ca}")).replace("localhost", "127.0.0.1");
    let error = refused(&elsewhere("verify-full")).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "a certificate of another name");
    for mode in ["verify-ca", "require", "prefer"] {
        reached(&elsewhere(mode)).await.unwrap();
    }
    let error = refused(&uri("sslmode=require&sslrootcert=/no/such/file")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

async fn a_server_without_tls_is_refused_where_that_is_asked(place: Place) {
    reached(&format!("{}?sslmode=prefer", place.uri)).await.unwrap();
    let authority = Authority::new().unwrap();
    let ca = authority.pem().display();
    reached(&format!("{}?sslmode=prefer&sslrootcert={ca}", place.uri)).await.unwrap();
    let error = refused(&format!("{}?sslmode=require", place.uri)).await;
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    assert!(error.message().contains("TLS"), "{error}");
}
