//! A listener on a free loopback port, on a thread of its own.

use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

/// Accepts connections until it is dropped.
pub(super) struct Listener {
    address: SocketAddr,
    accepted: Arc<watch::Sender<usize>>,
    orders: mpsc::UnboundedSender<(Order, oneshot::Sender<io::Result<()>>)>,
}

#[derive(Clone, Copy)]
enum Order {
    Down,
    Up,
    Cut,
}

impl Listener {
    /// Gives each connection, counted from 1, to `serve`.
    pub(super) fn start<F, R>(serve: F) -> io::Result<Self>
    where
        F: Fn(usize, TcpStream) -> R + Send + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        let accepted = Arc::new(watch::Sender::new(0));
        let (orders, ordered) = mpsc::unbounded_channel();
        let state = State { address, accepted: accepted.clone(), ordered, connections: JoinSet::new() };
        thread::Builder::new().name("wire".to_owned()).spawn(move || {
            runtime.block_on(async {
                if let Ok(listener) = TcpListener::from_std(listener) {
                    state.run(listener, serve).await;
                }
            });
        })?;
        Ok(Self { address, accepted, orders })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many connections were accepted.
    pub(super) fn accepted(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Closes the port and every connection: the next one is refused.
    pub(super) async fn down(&self) -> io::Result<()> {
        self.order(Order::Down).await
    }

    /// Opens the same port again.
    pub(super) async fn up(&self) -> io::Result<()> {
        self.order(Order::Up).await
    }

    /// Closes every connection.
    pub(super) async fn cut(&self) -> io::Result<()> {
        self.order(Order::Cut).await
    }

    async fn order(&self, order: Order) -> io::Result<()> {
        let (done, result) = oneshot::channel();
        let ended = |()| io::Error::other("the listener has ended");
        self.orders.send((order, done)).map_err(|_| ended(()))?;
        result.await.map_err(|_| ended(()))?
    }
}

/// What a server of the tests has of its listener.
macro_rules! listening {
    ($server:ident) => {
        impl $server {
            /// Where it listens.
            pub fn address(&self) -> std::net::SocketAddr {
                self.listener.address()
            }

            /// Where it listens, as a URI of a scheme: `scheme://127.0.0.1:PORT`.
            pub fn uri(&self, scheme: &str) -> String {
                format!("{scheme}://{}", self.address())
            }

            /// How many connections were accepted.
            pub fn connections(&self) -> usize {
                self.listener.accepted()
            }

            /// Closes every connection.
            ///
            /// # Errors
            /// Where the server's thread has ended.
            pub async fn cut(&self) -> std::io::Result<()> {
                self.listener.cut().await
            }

            /// Closes the port and every connection: the next one is refused.
            ///
            /// # Errors
            /// Where the server's thread has ended.
            pub async fn down(&self) -> std::io::Result<()> {
                self.listener.down().await
            }

            /// Opens the port again.
            ///
            /// # Errors
            /// Where another program has taken it.
            pub async fn up(&self) -> std::io::Result<()> {
                self.listener.up().await
            }
        }

        impl std::fmt::Debug for $server {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($server)).field("address", &self.address()).finish_non_exhaustive()
            }
        }
    };
}
pub(super) use listening;

struct State {
    address: SocketAddr,
    accepted: Arc<watch::Sender<usize>>,
    ordered: mpsc::UnboundedReceiver<(Order, oneshot::Sender<io::Result<()>>)>,
    connections: JoinSet<()>,
}

impl State {
    async fn run<F, R>(mut self, listener: TcpListener, serve: F)
    where
        F: Fn(usize, TcpStream) -> R,
        R: Future<Output = ()> + Send + 'static,
    {
        let mut listener = Some(listener);
        loop {
            tokio::select! {
                order = self.ordered.recv() => {
                    let Some((order, done)) = order else { return };
                    let result = self.obey(order, &mut listener).await;
                    // Whoever has asked may have stopped waiting.
                    let _ = done.send(result);
                }
                Some(client) = accept(listener.as_ref()) => {
                    self.accepted.send_modify(|n| *n += 1);
                    let n = *self.accepted.borrow();
                    self.connections.spawn(serve(n, client));
                }
                Some(_) = self.connections.join_next() => {}
            }
        }
    }

    async fn obey(&mut self, order: Order, listener: &mut Option<TcpListener>) -> io::Result<()> {
        match order {
            Order::Up if listener.is_some() => {}
            Order::Up => *listener = Some(TcpListener::bind(self.address).await?),
            Order::Down => {
                *listener = None;
                self.connections.shutdown().await;
            }
            Order::Cut => self.connections.shutdown().await,
        }
        Ok(())
    }
}

async fn accept(listener: Option<&TcpListener>) -> Option<TcpStream> {
    let (client, _) = listener?.accept().await.ok()?;
    // Only latency would suffer.
    let _ = client.set_nodelay(true);
    Some(client)
}
