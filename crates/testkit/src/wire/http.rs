//! A connection that speaks HTTP, of which whoever answers may make an end.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::stream;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::header::CONTENT_LENGTH;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::answer::Answer;
use super::line::{Ending, Line, early, relay};

/// How much waits between the connection and HTTP.
const BUFFER: usize = 1 << 20;

/// What is said to a request.
pub(super) enum Say {
    Whole(Answer),
    /// The head and half of the body.
    Half(Answer),
    Nothing,
    End(Ending),
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Answers the requests of a connection until it ends.
pub(super) async fn serve<F, R>(mut client: TcpStream, line: Option<Line>, answer: F)
where
    F: Fn(Request<Bytes>) -> R + Send + Sync + 'static,
    R: Future<Output = Say> + Send,
{
    let (mut near, far) = tokio::io::duplex(BUFFER);
    let (ends, mut ended) = mpsc::channel(1);
    let half = Arc::new(AtomicBool::new(false));
    let io = TokioIo::new(Flushed { inner: far, half: half.clone(), ends: ends.clone() });
    let answer = Arc::new(answer);
    let service = service_fn(move |request: Request<Incoming>| {
        let (answer, ends, half) = (answer.clone(), ends.clone(), half.clone());
        async move {
            let (parts, body) = request.into_parts();
            let Ok(body) = body.collect().await else { return pending().await };
            let say = answer(Request::from_parts(parts, body.to_bytes())).await;
            Ok::<_, Infallible>(respond(say, ends, half).await)
        }
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let http = async {
        // An error ends the connection, which the relay sees.
        let _ = builder.serve_connection(io, service).await;
        pending().await
    };
    let ending = {
        let relay = async {
            match early(&mut client, line.as_ref()).await {
                Some(ending) => ending,
                None => relay(&mut client, &mut near, line.as_ref()).await,
            }
        };
        tokio::select! {
            Some(ending) = ended.recv() => ending,
            ending = relay => ending,
            ending = http => ending,
        }
    };
    if let Ending::Close = ending {
        // What HTTP had said before it was stopped is on its way.
        let _ = near.shutdown().await;
        let _ = tokio::io::copy(&mut near, &mut client).await;
    }
    ending.befall(client).await;
}

async fn respond(say: Say, ends: mpsc::Sender<Ending>, half: Arc<AtomicBool>) -> Response<Body> {
    match say {
        Say::Whole(answer) => whole(answer),
        Say::Half(answer) => halved(answer, half),
        Say::Nothing => pending().await,
        Say::End(ending) => {
            // There is room, or an ending already.
            let _ = ends.try_send(ending);
            pending().await
        }
    }
}

fn whole(answer: Answer) -> Response<Body> {
    let Answer { status, headers, body, trailers } = answer;
    let body = match trailers.is_empty() {
        true => Full::new(body).boxed_unsync(),
        false => Full::new(body).with_trailers(async move { Some(Ok(trailers)) }).boxed_unsync(),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// A body that never ends, and asks for the end of the connection once its first half has been sent.
fn halved(answer: Answer, half: Arc<AtomicBool>) -> Response<Body> {
    let Answer { status, mut headers, body, .. } = answer;
    let length = body.len().max(2);
    headers.insert(CONTENT_LENGTH, length.into());
    let first = body.slice(..body.len() / 2);
    let frames = stream::unfold(Some(first), move |first| {
        let half = half.clone();
        async move {
            match first {
                Some(first) => Some((Ok(Frame::data(first)), None)),
                None => {
                    half.store(true, Ordering::SeqCst);
                    pending().await
                }
            }
        }
    });
    let mut response = Response::new(StreamBody::new(frames).boxed_unsync());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    response
}

/// Tells that all that HTTP had to say of a halved answer has been written.
struct Flushed {
    inner: DuplexStream,
    half: Arc<AtomicBool>,
    ends: mpsc::Sender<Ending>,
}

impl AsyncRead for Flushed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl AsyncWrite for Flushed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(cx);
        if flushed.is_ready() && self.half.load(Ordering::SeqCst) {
            let _ = self.ends.try_send(Ending::Close);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
