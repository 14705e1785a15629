//! An HTTP answer, as a script or a server gives it.

use bytes::{BufMut, Bytes, BytesMut};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{HeaderMap, StatusCode};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What gRPC asks to be encoded in a message: all but printable ASCII, and the percent sign.
const MESSAGE: &AsciiSet = &CONTROLS.add(b'%');

/// An answer: status, headers, body and trailers.
///
/// ```
/// use portolan_testkit::wire::Answer;
///
/// let overload = Answer::status(503).header("retry-after", "2").json(&serde_json::json!({"error": "busy"}));
/// let pushback = Answer::grpc(14, "try later").trailer("grpc-retry-pushback-ms", "1500");
/// # let _ = (overload, pushback);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) trailers: HeaderMap,
}

impl Answer {
    /// An empty answer of a status.
    ///
    /// # Panics
    /// Where the status is not within 100 to 999.
    pub fn status(status: u16) -> Self {
        let Ok(status) = StatusCode::from_u16(status) else { unfit("status", &status.to_string()) };
        Self { status, headers: HeaderMap::new(), body: Bytes::new(), trailers: HeaderMap::new() }
    }

    /// An answer of gRPC without a message, and its status and text in the trailers.
    pub fn grpc(status: u32, text: &str) -> Self {
        let text = utf8_percent_encode(text, MESSAGE).to_string();
        Self::status(200)
            .header(CONTENT_TYPE.as_str(), "application/grpc")
            .trailer("grpc-status", &status.to_string())
            .trailer("grpc-message", &text)
    }

    /// A successful answer of gRPC with one message, encoded.
    pub fn grpc_message(message: &[u8]) -> Self {
        let mut frame = BytesMut::with_capacity(message.len() + 5);
        frame.put_u8(0);
        frame.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
        frame.put_slice(message);
        Self::status(200)
            .header(CONTENT_TYPE.as_str(), "application/grpc")
            .body(frame)
            .trailer("grpc-status", "0")
    }

    /// Adds a header.
    ///
    /// # Panics
    /// Where the name or the value is none of HTTP.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let (name, value) = field(name, value);
        self.headers.append(name, value);
        self
    }

    /// Adds a trailer: in gRPC, metadata beside the status.
    ///
    /// # Panics
    /// Where the name or the value is none of HTTP.
    #[must_use]
    pub fn trailer(mut self, name: &str, value: &str) -> Self {
        let (name, value) = field(name, value);
        self.trailers.append(name, value);
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Sets the body to a JSON value, and the content type.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.header(CONTENT_TYPE.as_str(), "application/json").body(value.to_string())
    }
}

fn field(name: &str, value: &str) -> (HeaderName, HeaderValue) {
    match (name.parse(), value.parse()) {
        (Ok(name), Ok(value)) => (name, value),
        _ => unfit("header", &format!("{name}: {value}")),
    }
}

#[expect(clippy::panic, reason = "a script that HTTP cannot say is an error of the test itself")]
fn unfit(what: &str, value: &str) -> ! {
    panic!("{value:?} is no {what} of HTTP")
}
