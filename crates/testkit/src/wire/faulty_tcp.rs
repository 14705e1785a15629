//! What stands before a server of any protocol, and cuts its connections.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::TcpStream;

use super::faulty::bounds;
use super::line::{Ending, Line, early, relay};
use super::listener::{Listener, listening};
use super::upstream::resolve;

/// Passes the bytes of connections to a real server and back, save those that a script cuts off.
///
/// ```
/// use portolan_testkit::wire::{FaultyTcp, Line};
///
/// # fn example() -> std::io::Result<()> {
/// let server = FaultyTcp::before("127.0.0.1:5432")?;
/// server.on_connection(2..=2, Line::AnswerLost("COMMIT".into()));
/// # Ok(())
/// # }
/// ```
pub struct FaultyTcp {
    listener: Listener,
    lines: Arc<Mutex<Vec<Scripted>>>,
}

type Scripted = ((Bound<usize>, Bound<usize>), Line);

impl FaultyTcp {
    /// A server of its own, which closes every connection that no rule names.
    ///
    /// # Errors
    /// Where no port can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        Self::with(None)
    }

    /// Stands before a real server. Where the server cannot be reached, connections are accepted and closed.
    ///
    /// # Errors
    /// Where the name has no address, no port can be bound, or no thread started.
    pub fn before(upstream: impl ToSocketAddrs) -> io::Result<Self> {
        Self::with(Some(resolve(upstream)?))
    }

    fn with(upstream: Option<SocketAddr>) -> io::Result<Self> {
        let lines = Arc::new(Mutex::new(Vec::<Scripted>::new()));
        let script = lines.clone();
        let listener = Listener::start(move |connection, client| {
            let find = |(turns, _): &&Scripted| turns.contains(&connection);
            let line = script.lock().iter().find(find).map(|(_, line)| line.clone());
            pass(client, upstream, line)
        })?;
        Ok(Self { listener, lines })
    }

    /// Scripts what happens to the connections from the first in `turns`, counted from 1, to the last. The first rule
    /// that names a connection decides.
    pub fn on_connection(&self, turns: impl RangeBounds<usize>, line: Line) {
        self.lines.lock().push((bounds(&turns), line));
    }

    /// Forgets every rule; connections that are open keep theirs.
    pub fn heal(&self) {
        self.lines.lock().clear();
    }
}

listening!(FaultyTcp);

async fn pass(mut client: TcpStream, upstream: Option<SocketAddr>, line: Option<Line>) {
    let ending = match early(&mut client, line.as_ref()).await {
        Some(ending) => ending,
        None => relayed(&mut client, upstream, line.as_ref()).await.unwrap_or(Ending::Close),
    };
    ending.befall(client).await;
}

async fn relayed(
    client: &mut TcpStream,
    upstream: Option<SocketAddr>,
    line: Option<&Line>,
) -> io::Result<Ending> {
    let Some(upstream) = upstream else { return Ok(Ending::Close) };
    let mut server = TcpStream::connect(upstream).await?;
    server.set_nodelay(true)?;
    Ok(relay(client, &mut server, line).await)
}
