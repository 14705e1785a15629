//! What stands before a real server and records.

use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use hyper::header::{ACCEPT_ENCODING, HeaderName};
use parking_lot::Mutex;

use super::super::answer::Answer;
use super::super::http::{Say, serve};
use super::super::listener::Listener;
use super::super::upstream::{Upstream, resolve};
use super::exchange::{Asked, Exchange};
use super::file::Writer;
use crate::tape::{Header, Tape};

/// What would have bodies compressed, of which then nothing is seen.
const ENCODINGS: [HeaderName; 2] = [ACCEPT_ENCODING, HeaderName::from_static("grpc-accept-encoding")];

/// Passes requests to a real server, and records them with their answers.
///
/// ```no_run
/// use portolan_testkit::wire::tape::{Header, Recorder, Tape};
///
/// # fn main() -> std::io::Result<()> {
/// let recorder = Recorder::start("tests/things.tape", "127.0.0.1:6334")?;
/// recorder.begin("first");
/// // … requests to `recorder.address()`
/// recorder.finish(Header::new("qdrant", "1.18.3"))?;
/// # Ok(())
/// # }
/// ```
pub struct Recorder {
    listener: Listener,
    path: PathBuf,
    reel: Arc<Mutex<Reel>>,
}

struct Reel {
    part: String,
    /// Gone once the tape is finished.
    writer: Option<Writer>,
    /// What went wrong, of the part.
    error: Option<String>,
}

impl Recorder {
    /// Stands before a real server, which speaks HTTP without TLS.
    ///
    /// # Errors
    /// Where the name has no address, no port can be bound, no thread started, or no temporary file made.
    pub fn start(path: impl Into<PathBuf>, upstream: impl ToSocketAddrs) -> io::Result<Self> {
        let upstream = Upstream::new(resolve(upstream)?);
        let reel = Reel { part: String::new(), writer: Some(Writer::new()?), error: None };
        let reel = Arc::new(Mutex::new(reel));
        let shared = reel.clone();
        let listener = Listener::start(move |_, client| {
            let (upstream, reel) = (upstream.clone(), shared.clone());
            serve(client, None, move |request| {
                let (upstream, reel) = (upstream.clone(), reel.clone());
                async move { Say::Whole(pass(&upstream, &reel, request).await) }
            })
        })?;
        Ok(Self { listener, path: path.into(), reel })
    }
}

impl Tape for Recorder {
    fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    fn header(&self) -> Option<&Header> {
        None
    }

    fn holds(&self, _: &str) -> bool {
        true
    }

    /// Names the part that the next requests belong to.
    fn begin(&self, part: &str) {
        part.clone_into(&mut self.reel.lock().part);
    }

    /// An error tells what could not be recorded: the server gave no answer, or the disk is full.
    fn end(&self) -> Result<(), String> {
        self.reel.lock().error.take().map_or(Ok(()), Err)
    }

    /// Writes the tape. What is said later is passed, but not recorded.
    fn finish(&self, header: Header) -> io::Result<()> {
        let writer = self.reel.lock().writer.take();
        writer.map_or(Ok(()), |writer| writer.finish(&self.path, header))
    }
}

async fn pass(upstream: &Upstream, reel: &Mutex<Reel>, mut request: Request<Bytes>) -> Answer {
    let part = reel.lock().part.clone();
    let asked = Asked::of(&request);
    ENCODINGS.iter().for_each(|name| drop(request.headers_mut().remove(name)));
    match upstream.answer(request).await {
        Ok(answer) => {
            let mut reel = reel.lock();
            let exchange = Exchange::new(&part, asked, &answer);
            let written = reel.writer.as_mut().map_or(Ok(()), |writer| writer.write(&exchange));
            if let Err(e) = written {
                reel.error = Some(format!("an exchange could not be recorded: {e}"));
            }
            answer
        }
        Err(e) => {
            reel.lock().error =
                Some(format!("the server gave no answer to {} {}: {e}", asked.method, asked.path));
            Answer::status(502).body(format!("the server behind: {e}"))
        }
    }
}

impl Debug for Recorder {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").field("path", &self.path).finish_non_exhaustive()
    }
}
