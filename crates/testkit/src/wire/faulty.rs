//! An HTTP server that does what a script says.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use bytes::Bytes;
use hyper::Request;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::answer::Answer;
use super::fault::{Fault, Seen};
use super::http::{Say, serve};
use super::line::{Ending, Line};
use super::listener::{Listener, listening};
use super::upstream::{Upstream, resolve};

/// An HTTP server that does what a script says: HTTP/1, and HTTP/2 with prior knowledge.
///
/// Rules count from 1 the requests that they match, and the first rule whose turn it is decides. What no rule says
/// is answered by the real server behind, where there is one, else with status 501.
///
/// ```
/// use portolan_testkit::wire::{Fault, Faulty};
///
/// # async fn example() -> std::io::Result<()> {
/// let server = Faulty::before("127.0.0.1:6334")?;
/// server.on(3..=3, |request| request.path.ends_with("/Upsert"), Fault::AnswerLost);
/// // … five upserts through an adapter that opens `server.uri("qdrant")`
/// assert_eq!(server.seen().iter().filter(|r| r.path.ends_with("/Upsert")).count(), 5);
/// # Ok(())
/// # }
/// ```
pub struct Faulty {
    listener: Listener,
    script: Arc<Script>,
}

struct Script {
    upstream: Option<Upstream>,
    rules: Mutex<Vec<Rule>>,
    lines: Mutex<Vec<(Turns, Line)>>,
    seen: Mutex<Vec<Seen>>,
    count: watch::Sender<usize>,
}

type Turns = (Bound<usize>, Bound<usize>);

struct Rule {
    turns: Turns,
    matches: Box<dyn Fn(&Seen) -> bool + Send>,
    matched: usize,
    fault: Fault,
}

impl Faulty {
    /// A server of its own.
    ///
    /// # Errors
    /// Where no port can be bound or no thread started.
    pub fn start() -> io::Result<Self> {
        Self::with(None)
    }

    /// A server before a real one, which speaks HTTP without TLS.
    ///
    /// # Errors
    /// Where the name has no address, no port can be bound, or no thread started.
    pub fn before(upstream: impl ToSocketAddrs) -> io::Result<Self> {
        Self::with(Some(resolve(upstream)?))
    }

    fn with(upstream: Option<SocketAddr>) -> io::Result<Self> {
        let script = Arc::new(Script {
            upstream: upstream.map(Upstream::new),
            rules: Mutex::default(),
            lines: Mutex::default(),
            seen: Mutex::default(),
            count: watch::Sender::new(0),
        });
        let shared = script.clone();
        let listener = Listener::start(move |connection, client| {
            let (line, script) = (shared.line(connection), shared.clone());
            serve(client, line, move |request| {
                let script = script.clone();
                async move { script.say(connection, request).await }
            })
        })?;
        Ok(Self { listener, script })
    }

    /// Scripts what happens to the requests that match, of these from the first in `turns` to the last: `..` to each,
    /// `3..=3` to the third, `..3` to the first two.
    pub fn on(
        &self,
        turns: impl RangeBounds<usize>,
        matches: impl Fn(&Seen) -> bool + Send + 'static,
        fault: impl Into<Fault>,
    ) {
        let rule =
            Rule { turns: bounds(&turns), matches: Box::new(matches), matched: 0, fault: fault.into() };
        self.script.rules.lock().push(rule);
    }

    /// Scripts what happens to connections, whatever is sent over them.
    pub fn on_connection(&self, turns: impl RangeBounds<usize>, line: Line) {
        self.script.lines.lock().push((bounds(&turns), line));
    }

    /// Forgets every rule.
    pub fn heal(&self) {
        self.script.rules.lock().clear();
        self.script.lines.lock().clear();
    }

    /// The requests so far, in the order in which they were read.
    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().clone()
    }

    /// Waits for the `n`-th request, counted from 1.
    pub async fn request(&self, n: usize) -> Seen {
        let at = n.max(1) - 1;
        // The sender lives as long as `self`: there is no error.
        let _ = self.script.count.subscribe().wait_for(|count| *count > at).await;
        self.script.seen.lock()[at].clone()
    }
}

listening!(Faulty);

impl Script {
    fn line(&self, connection: usize) -> Option<Line> {
        let lines = self.lines.lock();
        lines.iter().find(|(turns, _)| turns.contains(&connection)).map(|(_, line)| line.clone())
    }

    async fn say(&self, connection: usize, request: Request<Bytes>) -> Say {
        let mut fault = self.fault(connection, &request);
        loop {
            return match fault {
                Fault::Pass => Say::Whole(self.pass(request).await),
                Fault::Answer(answer) => Say::Whole(answer),
                Fault::Partway(answer) => Say::Half(answer),
                Fault::Silence => Say::Nothing,
                Fault::Gone => Say::End(Ending::Close),
                Fault::Reset => Say::End(Ending::Reset),
                Fault::Rubbish(bytes) => Say::End(Ending::Rubbish(bytes)),
                Fault::AnswerLost => {
                    self.pass(request).await;
                    Say::End(Ending::Close)
                }
                Fault::Held(gate, then) => {
                    gate.opened().await;
                    fault = *then;
                    continue;
                }
            };
        }
    }

    fn fault(&self, connection: usize, request: &Request<Bytes>) -> Fault {
        let seen = Seen {
            connection,
            method: request.method().to_string(),
            path: request.uri().path_and_query().map_or_else(String::new, ToString::to_string),
            headers: request.headers().clone(),
            body: request.body().clone(),
        };
        let mut due = None;
        for rule in &mut *self.rules.lock() {
            if (rule.matches)(&seen) {
                rule.matched += 1;
                if due.is_none() && rule.turns.contains(&rule.matched) {
                    due = Some(rule.fault.clone());
                }
            }
        }
        let unscripted = format!("nothing is scripted for {} {}", seen.method, seen.path);
        self.seen.lock().push(seen);
        self.count.send_modify(|n| *n += 1);
        due.unwrap_or_else(|| match self.upstream {
            Some(_) => Fault::Pass,
            None => Answer::status(501).body(unscripted).into(),
        })
    }

    async fn pass(&self, request: Request<Bytes>) -> Answer {
        let Some(upstream) = &self.upstream else {
            return Answer::status(502).body("there is no server behind");
        };
        match upstream.answer(request).await {
            Ok(answer) => answer,
            Err(e) => Answer::status(502).body(format!("the server behind: {e}")),
        }
    }
}

pub(super) fn bounds(turns: &impl RangeBounds<usize>) -> Turns {
    (turns.start_bound().cloned(), turns.end_bound().cloned())
}
