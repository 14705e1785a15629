//! A connection's bytes, and what cuts them off.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::gate::Gate;

/// What happens to a connection, whatever protocol it speaks.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Line {
    /// It is reset as soon as it is accepted.
    Reset,
    /// It is accepted, and nothing is ever read or answered.
    Silent,
    /// Whatever is sent first, these bytes are answered, and it is closed.
    Rubbish(Bytes),
    /// Nothing passes before the gate is open.
    Held(Gate),
    /// It is closed once the client has sent so many bytes; those have passed.
    CutSent(u64),
    /// It is closed once so many bytes have been answered; those have passed.
    CutAnswered(u64),
    /// It is closed when the client sends this text; what it came with has not passed.
    CutAt(Bytes),
    /// Nothing passes any more once the client sends this text; the connection stays open.
    SilentAt(Bytes),
    /// What the client sends with this text passes, and the connection is closed in place of the next answer.
    AnswerLost(Bytes),
    /// What the client sends with this text passes, and the connection is closed amid the next answer: at half of what
    /// comes of it at once.
    AnswerCut(Bytes),
}

/// How a connection ends.
#[derive(Debug)]
pub(super) enum Ending {
    Close,
    Reset,
    Rubbish(Bytes),
}

impl Ending {
    pub(super) async fn befall(self, mut client: TcpStream) {
        // A client that is gone already has got its ending.
        let _ = match self {
            Self::Close => client.shutdown().await,
            Self::Reset => client.set_zero_linger(),
            Self::Rubbish(bytes) => client.write_all(&bytes).await,
        };
    }
}

/// What happens before any byte passes, and how the connection ends where none will.
pub(super) async fn early(client: &mut TcpStream, line: Option<&Line>) -> Option<Ending> {
    match line? {
        Line::Reset => Some(Ending::Reset),
        Line::Silent => pending().await,
        Line::Rubbish(bytes) => {
            // A client that has sent nothing and gone gets them too.
            let _ = client.read(&mut [0; 1024]).await;
            Some(Ending::Rubbish(bytes.clone()))
        }
        Line::Held(gate) => {
            gate.opened().await;
            None
        }
        Line::CutSent(_)
        | Line::CutAnswered(_)
        | Line::CutAt(_)
        | Line::SilentAt(_)
        | Line::AnswerLost(_)
        | Line::AnswerCut(_) => None,
    }
}

/// Passes bytes between a client and a server until one of them or the line ends it.
pub(super) async fn relay<S>(client: &mut TcpStream, server: &mut S, line: Option<&Line>) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (mut from_client, mut to_client) = client.split();
    let (mut from_server, mut to_server) = tokio::io::split(server);
    let losing = AtomicBool::new(false);
    let mut upward = Limits::sent(line, &losing);
    let mut downward = Limits::answered(line, &losing);
    let up = pump(&mut from_client, &mut to_server, &mut upward);
    let down = pump(&mut from_server, &mut to_client, &mut downward);
    match tokio::try_join!(up, down) {
        Ok(_) => Ending::Close,
        Err(ending) => ending,
    }
}

async fn pump<R, W>(from: &mut R, to: &mut W, limits: &mut Limits<'_>) -> Result<(), Ending>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = from.read(&mut buffer).await.map_err(|_| Ending::Close)?;
        if n == 0 {
            return to.shutdown().await.map_err(|_| Ending::Close);
        }
        let passed = limits.pass(&buffer[..n]);
        to.write_all(&buffer[..passed.unwrap_or(n)]).await.map_err(|_| Ending::Close)?;
        to.flush().await.map_err(|_| Ending::Close)?;
        match passed {
            Some(_) if limits.silent => pending().await,
            Some(_) => return Err(Ending::Close),
            None => {}
        }
    }
}

/// What of one direction may pass.
struct Limits<'a> {
    left: Option<u64>,
    text: Option<&'a [u8]>,
    /// The end of what has passed, in which the text may have begun.
    tail: Vec<u8>,
    /// Whether nothing happens where the text is found, in place of an ending.
    silent: bool,
    /// Whether what is lost where the text is found is the answer.
    loses: bool,
    losing: &'a AtomicBool,
    /// How many bytes of a lost answer pass all the same; absent where these are no answers.
    of_lost: Option<fn(usize) -> usize>,
}

impl<'a> Limits<'a> {
    fn sent(line: Option<&'a Line>, losing: &'a AtomicBool) -> Self {
        let left = if let Some(Line::CutSent(n)) = line { Some(*n) } else { None };
        let text = match line {
            Some(
                Line::CutAt(text) | Line::SilentAt(text) | Line::AnswerLost(text) | Line::AnswerCut(text),
            ) => Some(&text[..]),
            _ => None,
        };
        let silent = matches!(line, Some(Line::SilentAt(_)));
        let loses = matches!(line, Some(Line::AnswerLost(_) | Line::AnswerCut(_)));
        Self { left, text, tail: Vec::new(), silent, loses, losing, of_lost: None }
    }

    fn answered(line: Option<&Line>, losing: &'a AtomicBool) -> Self {
        let left = if let Some(Line::CutAnswered(n)) = line { Some(*n) } else { None };
        let of_lost: fn(usize) -> usize =
            if let Some(Line::AnswerCut(_)) = line { |bytes| bytes / 2 } else { |_| 0 };
        let of_lost = Some(of_lost);
        Self { left, text: None, tail: Vec::new(), silent: false, loses: false, losing, of_lost }
    }

    /// How many of these bytes still pass, where the connection ends with them.
    fn pass(&mut self, bytes: &[u8]) -> Option<usize> {
        if let Some(of_lost) = self.of_lost
            && self.losing.load(Ordering::SeqCst)
        {
            return Some(of_lost(bytes.len()));
        }
        if let Some(left) = &mut self.left {
            let len = bytes.len() as u64;
            if len >= *left {
                return usize::try_from(*left).ok();
            }
            *left -= len;
        }
        if self.finds(bytes) {
            if !self.loses {
                return Some(0);
            }
            self.losing.store(true, Ordering::SeqCst);
        }
        None
    }

    fn finds(&mut self, bytes: &[u8]) -> bool {
        let Some(text) = self.text.filter(|text| !text.is_empty()) else { return false };
        self.tail.extend_from_slice(bytes);
        let found = self.tail.windows(text.len()).any(|window| window == text);
        let keep = self.tail.len().min(text.len() - 1);
        self.tail.drain(..self.tail.len() - keep);
        found
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::timeout;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_begins_with_the_text() {
        let (line, losing) = (Line::SilentAt("commit".into()), AtomicBool::new(false));
        let mut limits = Limits::sent(Some(&line), &losing);
        let mut passed = Vec::new();
        let (mut begin, mut commit) = (&b"begin"[..], &b"commit"[..]);
        assert!(pump(&mut begin, &mut passed, &mut limits).await.is_ok());
        let silent = pump(&mut commit, &mut passed, &mut limits);
        assert!(timeout(Duration::from_secs(1), silent).await.is_err());
        assert_eq!(passed, b"begin");
    }
}
