use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::Request;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use tempfile::TempDir;

use super::canonical::{Form, canonical};
use super::*;
use crate::wire::{Answer, Faulty};

/// Status, body, and the status of gRPC.
type Got = (u16, Bytes, Option<String>);

async fn call(at: SocketAddr, content_type: &str, path: &str, body: impl Into<Bytes>) -> Got {
    let two = content_type.starts_with("application/grpc");
    let client = Client::builder(TokioExecutor::new()).http2_only(two).build_http();
    let request = Request::post(format!("http://{at}{path}"))
        .header("content-type", content_type)
        .header("authorization", "Bearer hush-hush")
        .header("x-request-id", format!("{:?}", std::time::Instant::now()))
        .body(Full::new(body.into()))
        .unwrap();
    let (parts, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap();
    let trailer = body.trailers().and_then(|t| t.get("grpc-status"));
    let grpc = parts.headers.get("grpc-status").or(trailer).map(|v| v.to_str().unwrap().to_owned());
    (parts.status.as_u16(), body.to_bytes(), grpc)
}

async fn post(at: SocketAddr, path: &str, body: &str) -> Got {
    call(at, "application/json", path, body.to_owned()).await
}

async fn unary(at: SocketAddr, message: &[u8]) -> Got {
    let frame = [&[0, 0, 0, 0, message.len() as u8], message].concat();
    call(at, "application/grpc", "/p.S/M", frame).await
}

/// A field of bytes.
fn bytes(number: u8, payload: &[u8]) -> Vec<u8> {
    [&[number << 3 | 2, payload.len() as u8], payload].concat()
}

/// A server that counts its answers.
fn server() -> Faulty {
    let server = Faulty::start().unwrap();
    for n in 1..=9 {
        server.on(n..=n, |r| r.path.starts_with("/j"), Answer::status(200).json(&json!({"n": n})));
        server.on(n..=n, |r| r.path == "/p.S/M", Answer::grpc_message(&[8, n as u8]));
    }
    server.on(.., |r| r.path == "/busy", Answer::status(429).header("retry-after", "2"));
    server.on(.., |r| r.path == "/p.S/Bad", Answer::grpc(5, "none").trailer("x-more", "data"));
    server
}

struct Recorded {
    tape: std::path::PathBuf,
    _folder: TempDir,
}

async fn recorded() -> Recorded {
    let folder = tempfile::tempdir().unwrap();
    let tape = folder.path().join("new/things.tape");
    let server = server();
    let recorder = Recorder::start(&tape, server.address()).unwrap();
    let at = recorder.address();
    recorder.begin("one");
    post(at, "/j?a=b", r#"{"x": 1, "deep": {"b": [1, 2], "a": null}}"#).await;
    post(at, "/j?a=b", r#"{"deep": {"a": null, "b": [1, 2]}, "x": 1}"#).await;
    assert_eq!(post(at, "/busy", "{}").await.0, 429);
    recorder.begin("two");
    unary(at, &[bytes(1, b"things"), bytes(3, &bytes(1, b"a")), bytes(3, &bytes(1, b"b"))].concat()).await;
    assert_eq!(call(at, "application/grpc", "/p.S/Bad", "\0\0\0\0\0").await.2.as_deref(), Some("5"));
    recorder.begin("random");
    post(at, "/j/last", "{}").await;
    assert_eq!(recorder.end(), Ok(()));
    recorder.finish(Header { seed: 7, nonce: 9, ..Header::new("things", "1.2.3") }).unwrap();
    Recorded { tape, _folder: folder }
}

#[tokio::test]
async fn a_tape_answers_as_the_server_did() {
    let recorded = recorded().await;
    let player = Player::open(&recorded.tape).unwrap();
    let header = player.header().unwrap();
    assert_eq!((&header.name[..], &header.server[..], header.exchanges), ("things", "1.2.3", 6));
    assert_eq!((header.seed, header.nonce), (7, 9));
    let at = player.address();
    // Parts may be played in any order and again.
    for _ in 0..2 {
        player.begin("two");
        let maps = [bytes(1, b"things"), bytes(3, &bytes(1, b"b")), bytes(3, &bytes(1, b"a"))].concat();
        assert_eq!(
            unary(at, &maps).await,
            (200, Bytes::from_static(b"\0\0\0\0\x02\x08\x01"), Some("0".into()))
        );
        assert_eq!(call(at, "application/grpc", "/p.S/Bad", "\0\0\0\0\0").await.2.as_deref(), Some("5"));
        assert_eq!(player.end(), Ok(()));
        player.begin("one");
        assert_eq!(post(at, "/busy", " {} ").await.0, 429);
        for n in 1..=2 {
            let answer = post(at, "/j?a=b", r#"{"deep":{"b":[1,2],"a":null},"x":1}"#).await;
            assert_eq!(answer, (200, format!(r#"{{"n":{n}}}"#).into(), None));
        }
        assert_eq!(player.end(), Ok(()));
    }
}

#[tokio::test]
async fn a_tape_holds_no_secret() {
    let recorded = recorded().await;
    let all = zstd::decode_all(std::fs::File::open(&recorded.tape).unwrap()).unwrap();
    let all = String::from_utf8_lossy(&all);
    assert!(all.starts_with(r#"{"format":1,"name":"things","server":"1.2.3","date":"20"#), "{all}");
    assert!(all.contains("/busy") && all.contains("retry-after") && all.contains("x-more"), "{all}");
    assert!(!all.contains("hush") && !all.contains("x-request-id"), "{all}");
}

#[tokio::test]
async fn a_changed_request_is_told_with_a_diff() {
    let recorded = recorded().await;
    let player = Player::open(&recorded.tape).unwrap();
    player.begin("one");
    post(player.address(), "/busy", "{}").await;
    let (status, _, _) =
        post(player.address(), "/j?a=b", r#"{"x": 2, "deep": {"b": [1, 2], "a": null}}"#).await;
    assert_eq!(status, 500);
    let told = player.end().unwrap_err();
    assert!(told.starts_with("POST /j?a=b of one is not on the tape; the nearest"), "{told}");
    assert!(told.contains("-  \"x\": 1\n+  \"x\": 2\n"), "{told}");
    player.begin("two");
    let message = [bytes(1, b"thongs"), bytes(3, &bytes(1, b"a")), bytes(3, &bytes(1, b"b"))].concat();
    assert_eq!(unary(player.address(), &message).await.2.as_deref(), Some("13"));
    let told = player.end().unwrap_err();
    assert!(told.contains("-1: \"things\"\n+1: \"thongs\"\n"), "{told}");
    assert!(told.contains(" 3 {\n   1: \"a\"\n }\n"), "{told}");
}

#[tokio::test]
async fn a_request_of_another_path_or_part_is_told() {
    let recorded = recorded().await;
    let player = Player::open(&recorded.tape).unwrap();
    player.begin("one");
    post(player.address(), "/other", "{}").await;
    let told = player.end().unwrap_err();
    assert!(told.contains("nor any other of its path") && told.contains("POST /busy"), "{told}");
    player.begin("three");
    post(player.address(), "/j/last", "{}").await;
    post(player.address(), "/j/last", "{}").await;
    let told = player.end().unwrap_err();
    assert!(told.contains("nothing of three: record it again"), "{told}");
    assert!(told.ends_with("and 1 more requests are not on the tape\n"), "{told}");
}

#[tokio::test]
async fn a_request_too_many_or_too_few_is_told() {
    let recorded = recorded().await;
    let player = Player::open(&recorded.tape).unwrap();
    player.begin("random");
    assert_eq!(post(player.address(), "/j/last", "{}").await.0, 200);
    assert_eq!(post(player.address(), "/j/last", "{}").await.0, 500);
    let told = player.end().unwrap_err();
    assert!(
        told.starts_with("random was recorded once with this request, which comes once more:\n"),
        "{told}"
    );
    player.begin("random");
    let told = player.end().unwrap_err();
    assert!(told.starts_with("random was recorded with a request that did not come"), "{told}");
    assert!(told.contains("POST /j/last"), "{told}");
}

#[tokio::test]
async fn a_server_that_does_not_answer_spoils_the_part() {
    let folder = tempfile::tempdir().unwrap();
    let server = server();
    let recorder = Recorder::start(folder.path().join("tape"), server.address()).unwrap();
    server.down().await.unwrap();
    recorder.begin("one");
    assert_eq!(post(recorder.address(), "/j", "{}").await.0, 502);
    assert!(recorder.end().unwrap_err().starts_with("the server gave no answer to POST /j: "));
    assert!(!folder.path().join("tape").exists());
}

#[tokio::test]
async fn a_tape_that_is_damaged_is_refused() {
    let recorded = recorded().await;
    let whole = std::fs::read(&recorded.tape).unwrap();
    for damaged in [&whole[..whole.len() - 9], b"no tape", b""] {
        std::fs::write(&recorded.tape, damaged).unwrap();
        let refused = Player::open(&recorded.tape).unwrap_err().to_string();
        assert!(refused.contains("things.tape"), "{refused}");
    }
    assert!(Player::open("no/such.tape").is_err());
}

fn ordered(message: &[u8]) -> Vec<u8> {
    protobuf::canonical(message)
}

#[test]
fn entries_of_maps_have_an_order_at_every_depth() {
    let entry = |key: &[u8], value: Vec<u8>| bytes(5, &[bytes(1, key), bytes(2, &value)].concat());
    let inner = |keys: [&[u8]; 2]| keys.map(|key| entry(key, bytes(3, b"value"))).concat();
    let message = |outer: [Vec<u8>; 2]| [vec![8, 1], outer.concat(), vec![16, 7]].concat();
    let one = message([entry(b"k", inner([b"x", b"y"])), entry(b"longer", inner([b"p", b"q"]))]);
    let other = message([entry(b"longer", inner([b"q", b"p"])), entry(b"k", inner([b"y", b"x"]))]);
    assert_ne!(one, other);
    assert_eq!(ordered(&one), ordered(&other));
    assert_eq!(ordered(&one).len(), one.len());
}

#[test]
fn an_order_that_means_something_is_kept() {
    let texts = |texts: [&[u8]; 2]| texts.map(|text| bytes(4, text)).concat();
    assert_ne!(
        ordered(&texts([b"hello there", b"again there"])),
        ordered(&texts([b"again there", b"hello there"]))
    );
    let records = |ids: [u8; 2]| ids.map(|id| bytes(4, &[8, id, 16, 1, 24, 5])).concat();
    assert_ne!(ordered(&records([1, 2])), ordered(&records([2, 1])));
    let vector = |x: f32| bytes(2, &[x.to_le_bytes(), 2f32.to_le_bytes()].concat());
    assert_ne!(ordered(&vector(1.0)), ordered(&vector(3.0)));
}

#[test]
fn what_is_no_message_stays_as_it_is() {
    for odd in [&b"\xff\xff\xff"[..], b"\x00\x01", b"\x0a\x7fshort", b"\x0b", b""] {
        assert_eq!(ordered(odd), odd);
        assert_eq!(ordered(&bytes(1, odd)), bytes(1, odd));
    }
    let deep = (0..120).fold(Vec::new(), |inner, _| bytes(1, &inner).into_iter().take(200).collect());
    assert_eq!(ordered(&deep).len(), deep.len());
    let compressed = Bytes::from_static(b"\x01\0\0\0\x02ab");
    assert_eq!(canonical(Form::Protobuf, &compressed), compressed);
    let broken = Bytes::from_static(b"{\"a\": ");
    assert_eq!(canonical(Form::Json, &broken), broken);
}

#[test]
fn times_of_the_port_do_not_count() {
    let made = |time: &str| Bytes::from(format!("{{\"made\": \"{time}\"}}"));
    let form = |time: &str| canonical(Form::Json, &made(time));
    assert_eq!(form("2026-11-23T00:10:12.439Z"), form("2027-01-02T13:59:00.000Z"));
    assert_ne!(form("2026-11-23T00:10:12Z"), form("2027-01-02T13:59:00Z"));
    assert_ne!(form("2026-11-23"), form("2026-11-24"));
}

#[test]
fn a_message_is_shown_as_a_tree() {
    let vector = [1f32, -2.5].map(f32::to_le_bytes).concat();
    let message = [
        bytes(1, b"name"),
        vec![16, 150, 1],
        bytes(3, &[bytes(1, &vector), bytes(2, b"\xff\xfe\x01")].concat()),
        vec![37, 0, 0, 128, 63],
        bytes(5, b"two\nlines"),
    ]
    .concat();
    let tree = "1: \"name\"\n2: 150\n3 {\n  1: [1.0, -2.5]\n  2: 0xfffe01\n}\n4: 1.0 (0x0000803f)\n5: \"two\\nlines\"\n";
    assert_eq!(protobuf::shown(&message), tree);
}
