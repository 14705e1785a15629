//! Between an adapter and its server: scripted faults, the table of those that every adapter meets ([`suite`]), and
//! recorded exchanges ([`tape`]).
//!
//! [`Faulty`] is an HTTP server (HTTP/1, and HTTP/2 with prior knowledge, hence gRPC) that does what a script says,
//! alone or before a real server; [`FaultyTcp`] stands before a server of any protocol, and
//! [`TlsFront`] speaks TLS for one. They listen on a free
//! loopback port, on a thread of their own, so that neither a paused clock nor a blocked runtime of a test reaches
//! them, and end when they are dropped.
//!
//! ```
//! use portolan_testkit::wire::{Answer, Fault, Faulty, Gate};
//!
//! # fn main() -> std::io::Result<()> {
//! let server = Faulty::start()?;
//! server.on(.., |request| request.path == "/health", Answer::status(200));
//! server.on(1..=2, |request| request.path.ends_with("/search"), Answer::status(429).header("retry-after", "3"));
//! server.on(3.., |request| request.path.ends_with("/search"), Answer::grpc(14, "node down"));
//! let gate = Gate::new();
//! server.on(.., |request| request.method == "DELETE", Fault::Held(gate.clone(), Box::new(Fault::Gone)));
//! let uri = server.uri("qdrant"); // qdrant://127.0.0.1:PORT
//! # let _ = uri;
//! # Ok(())
//! # }
//! ```

mod answer;
mod fault;
mod faulty;
mod faulty_tcp;
mod gate;
mod http;
mod line;
mod listener;
pub mod suite;
pub mod tape;
mod tls;
mod upstream;

pub use answer::Answer;
pub use fault::{Fault, Seen};
pub use faulty::Faulty;
pub use faulty_tcp::FaultyTcp;
pub use gate::Gate;
pub use line::Line;
pub use tls::{Authority, TlsFront};

#[cfg(test)]
mod tests;
