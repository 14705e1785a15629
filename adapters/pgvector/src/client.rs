//! Connections: pooled, bounded in number and time; a call that is given up is cancelled in the database too.

use std::fmt::{self, Debug, Formatter};
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Manager, ManagerConfig, Object, Pool, QueueMode, RecyclingMethod, Runtime};
use futures::{StreamExt, pin_mut};
use portolan_core::driver::WriteError;
use portolan_core::{Error, ErrorKind, Result};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::config::Config;
use crate::error;
use crate::query::Query;
use crate::tls;

const CANCEL_BOUND: Duration = Duration::from_secs(5);
const ATTEMPTS: usize = 5;

/// The way to the database.
pub(crate) struct Client {
    pool: Pool,
    tls: MakeRustlsConnect,
    connect_bound: Duration,
    bound: Duration,
    /// How many calls were given up whose statements may still be under way.
    abandoned: Arc<watch::Sender<usize>>,
}

impl Client {
    /// A pool without a connection yet.
    pub(crate) fn new(config: &Config) -> Result<Self> {
        let (tls, mode) = tls::connector(config)?;
        let mut connection = config.connection.clone();
        connection.ssl_mode(mode);
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(connection, tls.clone(), recycling);
        let pool = Pool::builder(manager)
            .max_size(config.pool_size)
            // A connection that was used last is warm: the server has its plans and pages at hand.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(config.connect_timeout))
            .create_timeout(Some(config.connect_timeout))
            .recycle_timeout(Some(config.connect_timeout))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|e| Error::invalid(format!("the pool cannot be set up: {e}")))?;
        // The server's own bound comes first, and says what it stopped.
        let bound = config.statement_timeout + Duration::from_secs(5);
        Ok(Self { pool, tls, connect_bound: config.connect_timeout, bound, abandoned: Arc::default() })
    }

    /// A connection for this call alone. What was given up ends first, lest a clear undo what is written after it.
    pub(crate) async fn lease(&self) -> Result<Lease> {
        // One that does not end within the bound ends by its own timeout.
        let _ = timeout(CANCEL_BOUND, self.abandoned.subscribe().wait_for(|calls| *calls == 0)).await;
        let object = self.pool.get().await.map_err(|e| error::pool(e, self.connect_bound))?;
        Ok(Lease {
            object: Some(object),
            tls: self.tls.clone(),
            idle: false,
            abandoned: Arc::clone(&self.abandoned),
        })
    }

    /// The rows of a query.
    pub(crate) async fn rows(&self, query: &Query) -> Result<Vec<Row>> {
        self.send(query).await.map(|answer| answer.rows).map_err(WriteError::into_error)
    }

    /// The rows of a query under settings that end with it.
    pub(crate) async fn rows_with(&self, settings: &str, query: &Query) -> Result<Vec<Row>> {
        let call = async {
            let mut lease = self.lease().await?;
            let begin = format!("BEGIN READ ONLY; {settings}");
            // All three are sent at once; an error of one makes the last a rollback.
            let (begun, answer, ended) = futures::join!(
                lease.client()?.batch_execute(&begin),
                lease.send(query),
                lease.client()?.batch_execute("COMMIT")
            );
            lease.idle = ended.is_ok();
            begun.map_err(error::failed)?;
            let answer = answer.map_err(error::failed)?;
            ended.map_err(error::failed)?;
            Ok(answer.rows)
        };
        self.within(call).await.map_err(WriteError::into_error)
    }

    /// Changes something; the number of rows. A conflict with another transaction, which the database has undone, is
    /// tried again.
    pub(crate) async fn execute(&self, query: &Query) -> Result<u64, WriteError> {
        self.send(query).await.map(|answer| answer.affected)
    }

    /// Runs statements as one transaction.
    pub(crate) async fn batch(&self, statements: &str) -> Result<(), WriteError> {
        let call = async {
            let mut lease = self.lease().await?;
            let done = lease.client()?.batch_execute(statements).await;
            // After an error the transaction is still open, and ends with the connection.
            lease.idle = done.is_ok();
            done.map_err(error::failed)
        };
        self.within(call).await
    }

    /// Runs statements one by one, as long as they take.
    pub(crate) async fn maintain(&self, statements: &[String]) -> Result<()> {
        let mut lease = self.lease().await?;
        lease.client()?.batch_execute("SET statement_timeout = 0").await.map_err(error::database)?;
        for statement in statements {
            lease.client()?.batch_execute(statement).await.map_err(error::database)?;
        }
        lease.client()?.batch_execute("RESET statement_timeout").await.map_err(error::database)?;
        lease.idle = true;
        Ok(())
    }

    /// Closes all connections.
    pub(crate) fn close(&self) {
        self.pool.close();
    }

    async fn send(&self, query: &Query) -> Result<Answer, WriteError> {
        let attempts = async {
            let mut attempt = 1;
            loop {
                let mut lease = self.lease().await?;
                let answer = lease.send(query).await;
                lease.idle = answer.as_ref().err().is_none_or(|e| e.as_db_error().is_some());
                match answer {
                    Err(e) if error::is_conflict(&e) && attempt < ATTEMPTS => attempt += 1,
                    answer => return answer.map_err(error::failed),
                }
            }
        };
        self.within(attempts).await
    }

    async fn within<T>(&self, call: impl Future<Output = Result<T, WriteError>>) -> Result<T, WriteError> {
        timeout(self.bound, call).await.unwrap_or_else(|_| Err(WriteError::InDoubt(error::late(self.bound))))
    }
}

impl Debug for Client {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("bound", &self.bound).finish_non_exhaustive()
    }
}

/// What a statement gave.
struct Answer {
    rows: Vec<Row>,
    affected: u64,
}

/// A connection out of the pool. It goes back only when no statement is under way on it; else what is under way is
/// cancelled and the connection closed.
pub(crate) struct Lease {
    object: Option<Object>,
    tls: MakeRustlsConnect,
    idle: bool,
    abandoned: Arc<watch::Sender<usize>>,
}

impl Lease {
    fn client(&self) -> Result<&tokio_postgres::Client> {
        self.object.as_ref().map(|object| &***object).ok_or_else(gone)
    }

    async fn send(&self, query: &Query) -> Result<Answer, tokio_postgres::Error> {
        let Some(object) = &self.object else { return Ok(Answer { rows: Vec::new(), affected: 0 }) };
        let stream = object.query_typed_raw(query.sql(), query.binds()).await?;
        pin_mut!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            rows.push(row?);
        }
        Ok(Answer { rows, affected: stream.rows_affected().unwrap_or_default() })
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if self.idle {
            return;
        }
        let client = Object::take(object);
        let (cancel, tls) = (client.cancel_token(), self.tls.clone());
        if let Ok(runtime) = Handle::try_current()
            && !client.is_closed()
        {
            let abandoned = Abandoned::new(&self.abandoned);
            runtime.spawn(async move {
                let end = async {
                    // Also where it cannot be cancelled, what is sent behind it is answered after it.
                    let _ = cancel.cancel_query(tls).await;
                    let _ = client.batch_execute("").await;
                };
                // A statement that cannot be cancelled ends by its own timeout.
                let _ = timeout(CANCEL_BOUND, end).await;
                drop(client);
                drop(abandoned);
            });
        }
    }
}

/// Counts a call that was given up until its statement has ended.
struct Abandoned(Arc<watch::Sender<usize>>);

impl Abandoned {
    fn new(calls: &Arc<watch::Sender<usize>>) -> Self {
        calls.send_modify(|calls| *calls += 1);
        Self(Arc::clone(calls))
    }
}

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.send_modify(|calls| *calls -= 1);
    }
}

fn gone() -> Error {
    Error::new(ErrorKind::Unexpected, "the connection was given back")
}
