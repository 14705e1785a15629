//! What every adapter of a server needs, once: where the server is ([`Options`], [`Endpoint`]), who the client is
//! ([`Credentials`], [`Secret`]), TLS ([`tls`]), and what a failed request means (the methods of
//! [`Endpoint`] that make errors).
//!
//! Every store of a server has the same options in its URI: `tls`, `tls_ca`, `timeout`, `connect_timeout`, and what its
//! credentials are called. An adapter says how its server is called and where it listens, and reads the rest:
//!
//! ```
//! use portolan_net::{Credentials, Options, Server};
//!
//! const SERVER: Server = Server::new("Example", "example://localhost:7000", 7_000).aliases(&[("tls_ca", "ca")]);
//!
//! let uri = "example://db.example/sales?token=t0ken&tls=true&timeout=2.5";
//! let mut options = Options::new(uri.parse()?, &SERVER);
//! let endpoint = options.endpoint()?;
//! let credentials = options.credentials(&["token"])?;
//! let [database] = options.path(["database"])?;
//! options.finish()?;
//!
//! assert_eq!(endpoint.authority(), "db.example:7000");
//! assert_eq!(format!("{credentials:?}"), "Token(***)");
//! assert_eq!(database.as_deref(), Some("sales"));
//! # Ok::<(), portolan_core::Error>(())
//! ```
//!
//! With the feature `http` there is a client of JSON over HTTP, with `grpc` one of gRPC. Both are made without sending
//! anything, send each request once, and tell what was surely not sent; how long a call may take, the engine says.

mod cause;
mod certificate;
#[cfg(any(feature = "grpc", feature = "http"))]
mod client;
mod credentials;
mod endpoint;
mod failure;
#[cfg(feature = "grpc")]
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
mod kinds;
mod options;
mod retry_after;
mod secret;
mod server;
#[cfg(all(test, any(feature = "grpc", feature = "http")))]
mod testing;
pub mod tls;

pub use cause::{cause, has, io_kind};
pub use credentials::Credentials;
pub use endpoint::Endpoint;
pub use kinds::Kinds;
pub use options::Options;
pub use retry_after::retry_after;
pub use secret::{Headers, Secret};
pub use server::Server;
