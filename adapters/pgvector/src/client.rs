//! Connections: pooled, bounded in number; a call that is given up is cancelled in the database too.

use std::fmt::{self, Debug, Formatter};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, Object, Pool, QueueMode, Runtime, Timeouts};
use futures::TryStreamExt;
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use portolan_net::Endpoint;
use portolan_net::tls::trusting_config;
use postgres_types::FromSql;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Config;
use crate::error;
use crate::query::Binds;

const CANCEL_BOUND: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 5;

/// What is written is on disk when it is answered, whatever the server's default.
const DURABLE: &str = "SELECT set_config('synchronous_commit', 'on', false) \
                       WHERE current_setting('synchronous_commit') = 'off'";

/// Held while something is made, for PostgreSQL's own checks of what exists do not wait for each other.
const LOCK: i64 = 0x706f_7274_6f6c_616e;

/// The way to the database.
pub(crate) struct Client {
    pool: Pool,
    tls: MakeRustlsConnect,
    endpoint: Endpoint,
    /// How many calls were given up whose statements may still be under way.
    abandoned: Arc<watch::Sender<usize>>,
}

impl Client {
    /// A pool without a connection yet.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let tls = MakeRustlsConnect::new(trusting_config(&config.endpoint, config.trust)?);
        let bound = Some(config.endpoint.connect_timeout);
        let pool = Pool::builder(Manager::new(config.connection.clone(), tls.clone()))
            .max_size(config.pool_size)
            // A connection that was used last is warm: the server has its plans and pages at hand.
            .queue_mode(QueueMode::Lifo)
            .timeouts(Timeouts { wait: bound, create: bound, recycle: bound })
            .post_create(Hook::async_fn(|client, _| {
                Box::pin(async { client.batch_execute(DURABLE).await.map_err(HookError::Backend) })
            }))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|e| Error::invalid(format!("the pool cannot be set up: {e}")))?;
        Ok(Self { pool, tls, endpoint: config.endpoint.clone(), abandoned: Arc::default() })
    }

    /// The rows of a query.
    pub(crate) async fn rows(&self, sql: &str, binds: &Binds) -> Result<Vec<Row>> {
        Ok(self.send(sql, binds).await?.0)
    }

    /// The only row of a query that always has one.
    pub(crate) async fn row(&self, sql: &str, binds: &Binds) -> Result<Row> {
        let rows = self.rows(sql, binds).await?;
        let missing = || Error::new(ErrorKind::Unexpected, "PostgreSQL answered without a row");
        rows.into_iter().next().ok_or_else(missing)
    }

    /// The rows of a query under settings that end with it.
    pub(crate) async fn rows_under(&self, settings: &str, sql: &str, binds: &Binds) -> Result<Vec<Row>> {
        let mut lease = self.lease().await?;
        let object = lease.object()?;
        let begin = format!("BEGIN READ ONLY; {settings}");
        // All three are sent at once; an error of one makes the last a rollback.
        let (begun, answer, ended) = futures::join!(
            object.batch_execute(&begin),
            answer(object, sql, binds),
            object.batch_execute("COMMIT")
        );
        lease.idle = ended.is_ok();
        begun.and(answer).and_then(|(rows, _)| ended.map(|()| rows)).map_err(|e| self.failed(e).into_error())
    }

    /// Changes something; the number of rows.
    pub(crate) async fn execute(&self, sql: &str, binds: &Binds) -> Result<u64, WriteError> {
        Ok(self.send(sql, binds).await?.1)
    }

    /// Runs statements one by one; each text of several is one transaction.
    pub(crate) async fn batch(&self, statements: &[String]) -> Result<(), WriteError> {
        let mut lease = self.lease().await?;
        for statement in statements {
            // After an error a transaction is still open, and ends with the connection.
            lease.object()?.batch_execute(statement).await.map_err(|e| self.failed(e))?;
        }
        lease.idle = true;
        Ok(())
    }

    /// Makes something by statements, all or nothing.
    pub(crate) async fn make(&self, statements: &[String]) -> Result<(), WriteError> {
        let statements = statements.join("; ");
        self.batch(&[format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {statements}; COMMIT")]).await
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    /// What a statement gave. A conflict with another transaction, which the database has undone, is tried again.
    async fn send(&self, sql: &str, binds: &Binds) -> Result<Answer, WriteError> {
        let mut attempt = 1;
        loop {
            let mut lease = self.lease().await?;
            let answer = answer(lease.object()?, sql, binds).await;
            lease.idle = answer.as_ref().err().is_none_or(|e| e.as_db_error().is_some());
            match answer {
                Err(e) if error::is_conflict(&e) && attempt < ATTEMPTS => attempt += 1,
                answer => return answer.map_err(|e| self.failed(e)),
            }
        }
    }

    /// Leases a connection. Waits for cancelled statements to end first, so that a late `DELETE` cannot remove rows
    /// written after it.
    async fn lease(&self) -> Result<Lease<'_>, WriteError> {
        let _ = timeout(CANCEL_BOUND, self.abandoned.subscribe().wait_for(|calls| *calls == 0)).await;
        let object = self.pool.get().await.map_err(|e| error::unconnected(&self.endpoint, e))?;
        Ok(Lease { client: self, object: Some(object), idle: false })
    }

    fn failed(&self, error: tokio_postgres::Error) -> WriteError {
        error::failed(&self.endpoint, error)
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

/// A column of a row.
pub(crate) fn cell<'a, T: FromSql<'a>>(row: &'a Row, n: usize) -> Result<T> {
    row.try_get(n).map_err(error::unreadable)
}

/// What a statement gave: its rows, and how many it changed.
type Answer = (Vec<Row>, u64);

async fn answer(object: &Object, sql: &str, binds: &Binds) -> Result<Answer, tokio_postgres::Error> {
    let mut stream = pin!(object.query_typed_raw(sql, binds.iter()).await?);
    let rows = stream.as_mut().try_collect().await?;
    Ok((rows, stream.rows_affected().unwrap_or_default()))
}

/// A connection out of the pool. It goes back only when no statement is under way on it; else what is under way is
/// cancelled and the connection closed.
struct Lease<'a> {
    client: &'a Client,
    /// There until it is dropped.
    object: Option<Object>,
    idle: bool,
}

impl Lease<'_> {
    fn object(&self) -> Result<&Object> {
        self.object.as_ref().ok_or_else(|| Error::new(ErrorKind::Unexpected, "the connection was given back"))
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        let Some(object) = self.object.take().filter(|_| !self.idle) else { return };
        let connection = Object::take(object);
        let Ok(runtime) = Handle::try_current() else { return };
        if connection.is_closed() {
            return;
        }
        let (tls, abandoned) = (self.client.tls.clone(), Arc::clone(&self.client.abandoned));
        abandoned.send_modify(|calls| *calls += 1);
        runtime.spawn(async move {
            let end = async {
                let _ = connection.cancel_token().cancel_query(tls).await;
                // Even if cancellation fails, the empty statement returns only after the running one.
                let _ = connection.batch_execute("").await;
            };
            let _ = timeout(CANCEL_BOUND, end).await;
            drop(connection);
            abandoned.send_modify(|calls| *calls -= 1);
        });
    }
}
