//! What answers from a tape.

use std::collections::{HashMap, VecDeque};
use std::fmt::{self, Debug, Formatter};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use parking_lot::Mutex;

use super::super::answer::Answer;
use super::super::http::{Say, serve};
use super::super::listener::Listener;
use super::canonical::Form;
use super::diff::{repeated, unknown, unused};
use super::exchange::{Asked, Exchange};
use super::file::read;
use crate::tape::{Header, Tape};

/// The code of an internal error of gRPC.
const INTERNAL: u32 = 13;

/// Answers requests as they were answered when the tape was recorded.
///
/// ```no_run
/// use portolan_testkit::wire::tape::{Player, Tape};
///
/// # fn main() -> std::io::Result<()> {
/// let player = Player::open("tests/things.tape")?;
/// player.begin("first");
/// // … the same requests to `player.address()`
/// assert_eq!(player.end(), Ok(()));
/// # Ok(())
/// # }
/// ```
pub struct Player {
    listener: Listener,
    header: Header,
    stage: Arc<Mutex<Stage>>,
}

struct Stage {
    /// Those of a part, in the order of recording.
    parts: HashMap<String, Vec<Exchange>>,
    part: String,
    /// Of the part, where the answers to a request are that were not given yet.
    left: HashMap<Asked, VecDeque<usize>>,
    misses: Vec<String>,
}

impl Player {
    /// Reads a tape and answers from it.
    ///
    /// # Errors
    /// Where the file is not there or no tape, no port can be bound or no thread started.
    pub fn open(path: impl AsRef<Path>) -> io::Result<Self> {
        let (header, exchanges) = read(path.as_ref())
            .map_err(|e| io::Error::new(e.kind(), format!("the tape {}: {e}", path.as_ref().display())))?;
        let mut parts: HashMap<String, Vec<Exchange>> = HashMap::new();
        for exchange in exchanges {
            parts.entry(exchange.part.clone()).or_default().push(exchange);
        }
        let stage = Stage { parts, part: String::new(), left: HashMap::new(), misses: Vec::new() };
        let stage = Arc::new(Mutex::new(stage));
        let shared = stage.clone();
        let listener = Listener::start(move |_, client| {
            let stage = shared.clone();
            serve(client, None, move |request| {
                let answer = stage.lock().answer(&request);
                async move { Say::Whole(answer) }
            })
        })?;
        Ok(Self { listener, header, stage })
    }
}

impl Tape for Player {
    fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    fn header(&self) -> Option<&Header> {
        Some(&self.header)
    }

    fn holds(&self, part: &str) -> bool {
        self.stage.lock().parts.contains_key(part)
    }

    /// Winds to the beginning of a part.
    fn begin(&self, part: &str) {
        self.stage.lock().begin(part);
    }

    /// An error tells the requests of the part that are not on the tape, with a diff, or else those that are on it and did
    /// not come.
    fn end(&self) -> Result<(), String> {
        self.stage.lock().end()
    }

    fn finish(&self, _: Header) -> io::Result<()> {
        Ok(())
    }
}

impl Stage {
    fn begin(&mut self, part: &str) {
        part.clone_into(&mut self.part);
        let mut left: HashMap<Asked, VecDeque<usize>> = HashMap::new();
        for (at, exchange) in self.exchanges().iter().enumerate() {
            left.entry(exchange.asked.clone()).or_default().push_back(at);
        }
        self.left = left;
    }

    fn exchanges(&self) -> &[Exchange] {
        self.parts.get(&self.part).map_or(&[], Vec::as_slice)
    }

    fn answer(&mut self, request: &Request<Bytes>) -> Answer {
        let asked = Asked::of(request);
        let found = self.left.get_mut(&asked).and_then(VecDeque::pop_front);
        let answer = found.map(|at| self.exchanges()[at].answer());
        let why = match answer {
            Some(Ok(answer)) => return answer,
            Some(Err(e)) => format!("the answer to {} {} is none of HTTP: {e}", asked.method, asked.path),
            None => self.miss(&asked),
        };
        let refusal = match asked.form() {
            Form::Protobuf => Answer::grpc(INTERNAL, "this request is not on the tape"),
            Form::Json | Form::Bytes => Answer::status(500).body("this request is not on the tape"),
        };
        self.misses.push(why);
        refusal
    }

    fn miss(&self, asked: &Asked) -> String {
        let recorded = self.exchanges().iter().filter(|e| e.asked == *asked).count();
        match recorded {
            0 => unknown(&self.part, asked, self.exchanges(), |e| self.is_left(e)),
            n => repeated(&self.part, asked, n),
        }
    }

    fn is_left(&self, exchange: &Exchange) -> bool {
        self.left.get(&exchange.asked).is_some_and(|left| !left.is_empty())
    }

    fn end(&mut self) -> Result<(), String> {
        let misses = std::mem::take(&mut self.misses);
        let mut left: Vec<usize> = self.left.drain().flat_map(|(_, left)| left).collect();
        left.sort_unstable();
        match (misses.first(), left.first()) {
            (Some(miss), _) if misses.len() == 1 => Err(miss.clone()),
            (Some(miss), _) => {
                Err(format!("{miss}and {} more requests are not on the tape\n", misses.len() - 1))
            }
            (None, Some(first)) => Err(unused(&self.part, &self.exchanges()[*first].asked, left.len())),
            (None, None) => Ok(()),
        }
    }
}

impl Debug for Player {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("Player").field("header", &self.header).finish_non_exhaustive()
    }
}
