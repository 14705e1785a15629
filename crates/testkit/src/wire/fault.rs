//! What happens to a request.

use bytes::Bytes;
use hyper::HeaderMap;

use super::answer::Answer;
use super::gate::Gate;

/// A request that a server has read to its end.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Seen {
    /// The connection it came over, counted from 1.
    pub connection: usize,
    /// The method, in capitals.
    pub method: String,
    /// The path with the query, as it was sent: of gRPC `/package.Service/Method`.
    pub path: String,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What happens to a request.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Fault {
    /// None: the real server answers. Without one, or where it cannot be reached, the status is 502.
    Pass,
    /// This is answered.
    Answer(Answer),
    /// Only the head and the first half of this answer's body are sent; then the connection is closed.
    Partway(Answer),
    /// Nothing is ever answered, and the connection stays open.
    Silence,
    /// The connection is closed; the real server does not see the request.
    Gone,
    /// The connection is reset; the real server does not see the request.
    Reset,
    /// The real server does what is asked, and the connection is closed instead of an answer.
    AnswerLost,
    /// These bytes are sent in place of any HTTP, and the connection is closed.
    Rubbish(Bytes),
    /// Once the gate is open, the other happens.
    Held(Gate, Box<Self>),
}

impl Fault {
    /// Bytes that are neither HTTP, nor JSON, nor text.
    pub fn rubbish() -> Self {
        Self::Rubbish(Bytes::from_static(b"\x00\xff\xfe\x13\x37 no protocol \x80\x81\r\n\r\n\x00\x01\x02"))
    }
}

impl From<Answer> for Fault {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}
