//! The server of a case, with its fault.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use portolan_core::{CallOptions, VectorStorage};

use super::calls::{Column, Ended};
use super::table::{OfCall, RETRY_AFTER, Trouble, Trust};
use super::{Adapter, Calls, INDEX, Protocol};
use crate::wire::{Answer, Authority, Fault, Faulty, FaultyTcp, Line, Seen, TlsFront};

/// So that what is silent is soon given up.
const SHORT: Duration = Duration::from_millis(400);

/// For what is not to be given up.
const LONG: Duration = Duration::from_secs(20);

/// How often a server that has come back is called before it must answer.
const CALLS: usize = 20;

/// What neither HTTP nor PostgreSQL says.
const BANNER: &[u8] = b"SSH-2.0-OpenSSH_9.6\r\n";

/// A server that a fault befalls, or its call.
pub(super) struct Peer {
    trouble: Trouble,
    wire: Wire,
    /// From when on the call's own fault befalls it.
    armed: Arc<AtomicBool>,
    writes: fn(&Seen) -> bool,
    server: String,
    options: String,
    /// What speaks TLS, and whose certificates lie in files.
    _tls: Option<(TlsFront, [Authority; 2])>,
}

enum Wire {
    Http(Faulty),
    Tcp(FaultyTcp),
}

impl Peer {
    pub(super) fn start(adapter: &Adapter, trouble: Trouble, column: Column) -> io::Result<Self> {
        let armed = Arc::new(AtomicBool::new(false));
        let (wire, writes) = match &adapter.protocol {
            Protocol::Http(calls) => (http(calls, false, trouble, column, &armed)?, calls.writes),
            Protocol::Grpc(calls) => (http(calls, true, trouble, column, &armed)?, calls.writes),
            Protocol::Postgres { server, reads, writes } => {
                let text = if column == Column::Read { reads } else { writes };
                (tcp(server.as_deref().unwrap_or_default(), text, trouble)?, none as fn(&Seen) -> bool)
            }
        };
        if let Some(line) = line(trouble) {
            wire.on_connection(line);
        }
        let postgres = matches!(adapter.protocol, Protocol::Postgres { .. });
        let tls = match trouble {
            Trouble::PlainToTls | Trouble::TlsToPlain | Trouble::Tls(_) => {
                Some(front(wire.address(), postgres)?)
            }
            _ => None,
        };
        let server = match (&tls, trouble) {
            (Some((front, _)), Trouble::Tls(Trust::OtherName)) => front.address().to_string(),
            (Some((front, _)), Trouble::PlainToTls | Trouble::Tls(_)) => {
                format!("localhost:{}", front.address().port())
            }
            _ => wire.address().to_string(),
        };
        let options = options(trouble, tls.as_ref().map(|(_, authorities)| authorities));
        Ok(Self { trouble, wire, armed, writes, server, options, _tls: tls })
    }

    /// Host and port.
    pub(super) fn server(&self) -> &str {
        &self.server
    }

    /// The options of the URI.
    pub(super) fn options(&self) -> &str {
        &self.options
    }

    /// The call's own time, where it has one.
    pub(super) fn timeout(&self) -> Option<Duration> {
        (self.trouble == Trouble::Call(OfCall::SilenceWithTimeout)).then_some(SHORT)
    }

    /// How often a write was sent.
    pub(super) fn writes(&self) -> usize {
        match &self.wire {
            Wire::Http(server) => server.seen().iter().filter(|request| (self.writes)(request)).count(),
            Wire::Tcp(_) => 0,
        }
    }

    /// Lets happen what happens before the call.
    pub(super) async fn befall(&self, storage: &dyn VectorStorage, column: Column) -> Result<(), String> {
        match self.trouble {
            Trouble::NotThere => self.wire.down().await,
            Trouble::GoesAway => {
                warm(storage).await?;
                self.wire.down().await
            }
            Trouble::ComesBack => return self.come_back(storage, column).await,
            Trouble::Call(_) => {
                warm(storage).await?;
                self.armed.store(true, Ordering::SeqCst);
                Ok(())
            }
            _ => Ok(()),
        }
        .map_err(|e| e.to_string())
    }

    /// Goes away, so that a call fails, and comes back. Connections that were lost may be found out by a call each.
    async fn come_back(&self, storage: &dyn VectorStorage, column: Column) -> Result<(), String> {
        warm(storage).await?;
        self.wire.down().await.map_err(|e| e.to_string())?;
        column.call(storage, None).await?;
        self.wire.up().await.map_err(|e| e.to_string())?;
        for _ in 0..CALLS {
            if let Ended::Done = Column::Read.call(storage, None).await? {
                break;
            }
        }
        Ok(())
    }
}

/// Connects and opens the index, in its own time.
async fn warm(storage: &dyn VectorStorage) -> Result<(), String> {
    let described = storage.describe_index(INDEX, CallOptions::new().timeout(LONG)).await;
    described.map(drop).map_err(|e| format!("the server is well, but: {e}"))
}

impl Wire {
    fn address(&self) -> SocketAddr {
        match self {
            Self::Http(server) => server.address(),
            Self::Tcp(server) => server.address(),
        }
    }

    fn on_connection(&self, line: Line) {
        match self {
            Self::Http(server) => server.on_connection(.., line),
            Self::Tcp(server) => server.on_connection(.., line),
        }
    }

    async fn down(&self) -> io::Result<()> {
        match self {
            Self::Http(server) => server.down().await,
            Self::Tcp(server) => server.down().await,
        }
    }

    async fn up(&self) -> io::Result<()> {
        match self {
            Self::Http(server) => server.up().await,
            Self::Tcp(server) => server.up().await,
        }
    }
}

fn http(
    calls: &Calls,
    grpc: bool,
    trouble: Trouble,
    column: Column,
    armed: &Arc<AtomicBool>,
) -> io::Result<Wire> {
    let server = Faulty::start()?;
    if let Trouble::Call(of) = trouble {
        let armed = armed.clone();
        let of_call = match column {
            Column::Read => calls.reads,
            Column::Write => calls.writes,
            Column::Health => any,
        };
        server.on(.., move |request| armed.load(Ordering::SeqCst) && of_call(request), fault(of, grpc));
    }
    (calls.replies)(&server);
    Ok(Wire::Http(server))
}

fn any(_: &Seen) -> bool {
    true
}

fn none(_: &Seen) -> bool {
    false
}

fn fault(of: OfCall, grpc: bool) -> Fault {
    let seconds = RETRY_AFTER.as_secs().to_string();
    match of {
        OfCall::Silence | OfCall::SilenceWithTimeout => Fault::Silence,
        OfCall::Reset => Fault::Reset,
        OfCall::Close => Fault::Gone,
        OfCall::Cut if grpc => Fault::Partway(Answer::grpc_message(&[0; 64])),
        OfCall::Cut => Fault::Partway(Answer::status(200).body(r#"{"longer": [1, 2, 3, 4]}"#)),
        OfCall::Overload if grpc => Answer::grpc(8, "slow down").trailer("retry-after", &seconds).into(),
        OfCall::Overload => Answer::status(429).header("retry-after", &seconds).into(),
        OfCall::Rubbish => Fault::rubbish(),
    }
}

fn tcp(server: &str, text: &'static str, trouble: Trouble) -> io::Result<Wire> {
    let proxy = FaultyTcp::before(server)?;
    let line = match trouble {
        Trouble::Call(OfCall::Silence | OfCall::SilenceWithTimeout) => Some(Line::SilentAt(text.into())),
        Trouble::Call(OfCall::Close) => Some(Line::CutAt(text.into())),
        Trouble::Call(OfCall::Cut) => Some(Line::AnswerCut(text.into())),
        _ => None,
    };
    if let Some(line) = line {
        proxy.on_connection(.., line);
    }
    Ok(Wire::Tcp(proxy))
}

/// What befalls every connection.
fn line(trouble: Trouble) -> Option<Line> {
    match trouble {
        Trouble::SilentConnection => Some(Line::Silent),
        Trouble::ResetConnection => Some(Line::Reset),
        Trouble::OtherProtocol => Some(Line::Rubbish(BANNER.into())),
        _ => None,
    }
}

fn front(server: SocketAddr, postgres: bool) -> io::Result<(TlsFront, [Authority; 2])> {
    let authorities = [Authority::new()?, Authority::new()?];
    let before = if postgres { TlsFront::before_postgres } else { TlsFront::before };
    Ok((before(server, &authorities[0])?, authorities))
}

fn options(trouble: Trouble, authorities: Option<&[Authority; 2]>) -> String {
    let time = match trouble {
        Trouble::SilentConnection | Trouble::Call(OfCall::Silence) => SHORT,
        _ => LONG,
    };
    let ca = match trouble {
        Trouble::TlsToPlain | Trouble::Tls(Trust::Own | Trust::OtherName) => authorities.map(|[own, _]| own),
        Trouble::Tls(Trust::Other) => authorities.map(|[_, other]| other),
        _ => None,
    };
    let tls = matches!(trouble, Trouble::TlsToPlain | Trouble::Tls(_));
    let ca = ca.map(|ca| format!("&tls_ca={}", ca.pem().display())).unwrap_or_default();
    format!("timeout={0}ms&connect_timeout={0}ms&tls={tls}{ca}", time.as_millis())
}
