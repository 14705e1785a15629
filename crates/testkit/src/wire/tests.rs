use std::io::ErrorKind;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error};
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::*;

/// Both versions of HTTP.
const VERSIONS: [bool; 2] = [false, true];

fn client(two: bool) -> Client<HttpConnector, Full<Bytes>> {
    Client::builder(TokioExecutor::new()).http2_only(two).retry_canceled_requests(false).build_http()
}

struct Got {
    status: u16,
    head: Response<()>,
    body: Bytes,
    trailers: hyper::HeaderMap,
}

/// Posts on a connection of its own. An error tells whether the head had come.
async fn post(two: bool, at: SocketAddr, path: &str, body: &str) -> Result<Got, bool> {
    let request = Request::post(format!("http://{at}{path}")).body(Full::from(body.to_owned())).unwrap();
    let response = client(two).request(request).await.map_err(|_: Error| false)?;
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|_| true)?;
    let trailers = body.trailers().cloned().unwrap_or_default();
    Ok(Got {
        status: parts.status.as_u16(),
        head: Response::from_parts(parts, ()),
        body: body.to_bytes(),
        trailers,
    })
}

#[tokio::test]
async fn the_turns_decide_what_is_answered() {
    for two in VERSIONS {
        let server = Faulty::start().unwrap();
        server.on(2..=2, |r| r.path == "/a", Answer::status(503).header("retry-after", "7"));
        server.on(.., |r| r.path.starts_with("/a"), Answer::status(200).json(&json!({"ok": true})));
        let at = server.address();
        assert_eq!(post(two, at, "/a", "1").await.ok().unwrap().body, r#"{"ok":true}"#);
        let second = post(two, at, "/a", "2").await.ok().unwrap();
        assert_eq!((second.status, &second.head.headers()["retry-after"]), (503, &"7".parse().unwrap()));
        assert_eq!(post(two, at, "/a", "3").await.ok().unwrap().status, 200);
        let other = post(two, at, "/b?c=d", "4").await.ok().unwrap();
        assert_eq!((other.status, &other.body[..]), (501, &b"nothing is scripted for POST /b?c=d"[..]));
        let seen: Vec<String> = server.seen().iter().map(|r| format!("{} {:?}", r.path, r.body)).collect();
        assert_eq!(seen, [r#"/a b"1""#, r#"/a b"2""#, r#"/a b"3""#, r#"/b?c=d b"4""#]);
        assert_eq!(server.connections(), 4);
    }
}

#[tokio::test]
async fn a_status_of_grpc_comes_in_trailers() {
    let server = Faulty::start().unwrap();
    server.on(..=1, |_| true, Answer::grpc(8, "voll: 100 %, ü").trailer("grpc-retry-pushback-ms", "9"));
    server.on(2.., |_| true, Answer::grpc_message(b"abc"));
    let refused = post(true, server.address(), "/p.S/M", "").await.ok().unwrap();
    assert_eq!((refused.status, refused.body.len()), (200, 0));
    assert_eq!(refused.trailers["grpc-status"], "8");
    assert_eq!(refused.trailers["grpc-message"], "voll: 100 %25, %C3%BC");
    assert_eq!(refused.trailers["grpc-retry-pushback-ms"], "9");
    let answered = post(true, server.address(), "/p.S/M", "").await.ok().unwrap();
    assert_eq!(answered.body, &b"\0\0\0\0\x03abc"[..]);
    assert_eq!(answered.trailers["grpc-status"], "0");
}

#[tokio::test]
async fn an_answer_breaks_off_after_its_head() {
    for two in VERSIONS {
        let server = Faulty::start().unwrap();
        let answer = Answer::status(200).body("x".repeat(10_000));
        server.on(.., |_| true, Fault::Partway(answer));
        assert_eq!(post(two, server.address(), "/", "").await.err(), Some(true), "{two}");
    }
}

#[tokio::test]
async fn connections_end_without_an_answer() {
    for two in VERSIONS {
        for fault in [Fault::Gone, Fault::Reset, Fault::rubbish()] {
            let server = Faulty::start().unwrap();
            server.on(1..=1, |_| true, fault.clone());
            server.on(2.., |_| true, Answer::status(200));
            assert_eq!(post(two, server.address(), "/", "x").await.err(), Some(false), "{fault:?}");
            assert_eq!(post(two, server.address(), "/", "x").await.ok().unwrap().status, 200);
            assert_eq!(server.seen().len(), 2);
        }
    }
}

#[tokio::test]
async fn an_answer_is_held_until_the_gate_opens() {
    for two in VERSIONS {
        let server = Faulty::start().unwrap();
        let gate = Gate::new();
        server.on(.., |_| true, Fault::Held(gate.clone(), Box::new(Answer::status(204).into())));
        let call = tokio::spawn(post(two, server.address(), "/slow", "x"));
        assert_eq!(server.request(1).await.path, "/slow");
        assert!(!call.is_finished());
        gate.open();
        assert_eq!(call.await.unwrap().ok().unwrap().status, 204);
    }
}

#[tokio::test]
async fn silence_lasts_until_the_connection_is_cut() {
    for two in VERSIONS {
        let server = Faulty::start().unwrap();
        server.on(.., |_| true, Fault::Silence);
        let call = tokio::spawn(post(two, server.address(), "/", "x"));
        server.request(1).await;
        server.cut().await.unwrap();
        assert_eq!(call.await.unwrap().err(), Some(false));
    }
}

#[tokio::test]
async fn the_real_server_answers_what_is_not_scripted() {
    for two in VERSIONS {
        let real = Faulty::start().unwrap();
        real.on(.., |_| true, Answer::status(201).header("x-real", "1").body("real").trailer("end", "yes"));
        let server = Faulty::before(real.address()).unwrap();
        server.on(2..=2, |_| true, Fault::AnswerLost);
        server.on(3..=3, |_| true, Fault::Gone);
        let first = post(two, server.address(), "/one", "body").await.ok().unwrap();
        assert_eq!((first.status, &first.body[..]), (201, &b"real"[..]));
        assert_eq!(first.head.headers()["x-real"], "1");
        assert_eq!(first.trailers.contains_key("end"), two, "HTTP/1 has them only where asked for");
        assert_eq!(post(two, server.address(), "/two", "").await.err(), Some(false));
        assert_eq!(post(two, server.address(), "/three", "").await.err(), Some(false));
        let paths = |server: &Faulty| server.seen().iter().map(|r| r.path.clone()).collect::<Vec<_>>();
        assert_eq!(paths(&real), ["/one", "/two"]);
        assert_eq!(paths(&server), ["/one", "/two", "/three"]);
        assert_eq!(real.seen()[0].body, "body");
    }
}

#[tokio::test]
async fn a_real_server_that_is_down_is_a_bad_gateway() {
    let real = Faulty::start().unwrap();
    let server = Faulty::before(real.address()).unwrap();
    real.down().await.unwrap();
    assert_eq!(post(false, server.address(), "/", "").await.ok().unwrap().status, 502);
}

#[tokio::test]
async fn down_refuses_and_up_accepts_again() {
    let server = Faulty::start().unwrap();
    server.on(.., |_| true, Answer::status(200));
    server.down().await.unwrap();
    let refused = TcpStream::connect(server.address()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    server.up().await.unwrap();
    assert_eq!(post(false, server.address(), "/", "").await.ok().unwrap().status, 200);
}

#[tokio::test]
async fn lines_end_connections_of_http_before_a_request() {
    for two in VERSIONS {
        let server = Faulty::start().unwrap();
        server.on(.., |_| true, Answer::status(200));
        server.on_connection(1..=1, Line::Reset);
        server.on_connection(2..=2, Line::Rubbish(Bytes::from_static(b"what")));
        server.on_connection(3..=3, Line::CutAnswered(20));
        server.on_connection(4..=4, Line::CutSent(30));
        for _ in 0..4 {
            assert_eq!(post(two, server.address(), "/", "x").await.err(), Some(false));
        }
        assert_eq!(post(two, server.address(), "/", "x").await.ok().unwrap().status, 200);
        server.heal();
        assert_eq!(post(two, server.address(), "/", "x").await.ok().unwrap().status, 501);
    }
}

/// What is heard before the connection ends, which is marked `|`.
async fn shout(tcp: &FaultyTcp, said: &[&str]) -> String {
    // A reset may come so early that connecting fails.
    let Ok(mut stream) = TcpStream::connect(tcp.address()).await else { return "|".to_owned() };
    let mut heard = String::new();
    for words in said {
        let mut answer = vec![0; words.len()];
        let sent = stream.write_all(words.as_bytes()).await;
        if sent.is_err() || stream.read_exact(&mut answer).await.is_err() {
            return format!("{heard}|");
        }
        heard += std::str::from_utf8(&answer).unwrap();
    }
    heard
}

/// A server that answers every byte in capitals.
async fn shouting() -> (Listening, FaultyTcp) {
    let listener = listener::Listener::start(|_, mut client: TcpStream| async move {
        let mut buffer = [0; 100];
        while let Ok(n @ 1..) = client.read(&mut buffer).await {
            buffer.make_ascii_uppercase();
            if client.write_all(&buffer[..n]).await.is_err() {
                return;
            }
        }
    })
    .unwrap();
    let tcp = FaultyTcp::before(listener.address()).unwrap();
    (Listening(listener), tcp)
}

/// Keeps the server behind alive.
struct Listening(#[expect(dead_code, reason = "held, not read")] listener::Listener);

#[tokio::test]
async fn tcp_is_cut_where_the_script_says() {
    let (_real, tcp) = shouting().await;
    tcp.on_connection(2..=2, Line::CutAt("commit".into()));
    tcp.on_connection(3..=3, Line::AnswerLost("commit".into()));
    tcp.on_connection(4..=4, Line::CutAnswered(5));
    tcp.on_connection(5..=5, Line::CutSent(7));
    tcp.on_connection(6..=6, Line::Reset);
    tcp.on_connection(7..=7, Line::AnswerCut("commit".into()));
    assert_eq!(shout(&tcp, &["begin", "commit"]).await, "BEGINCOMMIT");
    assert_eq!(shout(&tcp, &["begin", "commit"]).await, "BEGIN|");
    assert_eq!(shout(&tcp, &["begin", "commit"]).await, "BEGIN|");
    assert_eq!(shout(&tcp, &["begin", "commit"]).await, "BEGIN|");
    assert_eq!(shout(&tcp, &["begin", "commit"]).await, "BEGIN|");
    assert_eq!(shout(&tcp, &["begin"]).await, "|");
    assert_eq!(shout(&tcp, &["commit", "begin"]).await, "|");
    assert_eq!(tcp.connections(), 7);
}

#[tokio::test]
async fn a_text_is_found_across_reads() {
    let (_real, tcp) = shouting().await;
    tcp.on_connection(.., Line::CutAt("commit".into()));
    assert_eq!(shout(&tcp, &["com", "MIT", "com", "mi", "t"]).await, "COMMITCOMMI|");
}

#[tokio::test]
async fn tcp_answers_rubbish_nothing_or_late() {
    let (_real, tcp) = shouting().await;
    let gate = Gate::new();
    tcp.on_connection(1..=1, Line::Rubbish(Bytes::from_static(b"\xff\x00")));
    tcp.on_connection(2..=2, Line::Silent);
    tcp.on_connection(3..=3, Line::Held(gate.clone()));
    let mut first = TcpStream::connect(tcp.address()).await.unwrap();
    first.write_all(b"hello").await.unwrap();
    let mut heard = Vec::new();
    first.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard, b"\xff\x00");
    let mut second = TcpStream::connect(tcp.address()).await.unwrap();
    second.write_all(b"hello").await.unwrap();
    let late = shout(&tcp, &["late"]);
    let (late, ()) = futures::join!(late, async { gate.open() });
    assert_eq!(late, "LATE");
    tcp.cut().await.unwrap();
    let ended = second.read(&mut [0; 1]).await;
    assert!(matches!(ended, Ok(0) | Err(_)), "{ended:?}");
}

#[tokio::test]
async fn a_client_of_postgres_asks_for_tls_first() {
    let (_real, tcp) = shouting().await;
    let front = TlsFront::before_postgres(tcp.address(), &Authority::new().unwrap()).unwrap();
    for (said, heard) in [(&[0, 0, 0, 8, 4, 210, 22, 47], &b"S"[..]), (b"startup!", b"")] {
        let mut stream = TcpStream::connect(front.address()).await.unwrap();
        stream.write_all(said).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // What does not ask is closed, or reset.
        let _ = stream.read_to_end(&mut answer).await;
        assert!(answer.starts_with(heard) && answer.is_empty() == heard.is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn tcp_without_a_server_behind_closes() {
    let tcp = FaultyTcp::start().unwrap();
    assert_eq!(shout(&tcp, &["hello"]).await, "|");
}
