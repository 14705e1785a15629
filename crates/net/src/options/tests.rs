use std::path::Path;

use portolan_core::ErrorKind;

use crate::{Credentials, Endpoint};

use super::*;

const SERVER: Server = Server::new("Example", "example://localhost:7000", 7_000).tls_port(443).aliases(&[
    ("tls_ca", "sslrootcert"),
    ("timeout", "statement_timeout"),
    ("host", "host"),
]);

fn options(uri: &str) -> Options {
    Options::new(uri.parse().unwrap(), &SERVER)
}

fn read(uri: &str) -> Result<(Endpoint, Credentials)> {
    let mut options = options(uri);
    let read = (options.endpoint()?, options.credentials(&["token", "api_key"])?);
    options.finish()?;
    Ok(read)
}

fn millis(n: u64) -> Option<Duration> {
    Some(Duration::from_millis(n))
}

#[test]
fn a_uri_says_where_the_server_is() {
    for (uri, authority, origin) in [
        ("example://h", "h:7000", "http://h:7000"),
        ("example://h?tls=true", "h:443", "https://h:443"),
        ("example://h:9?tls=true", "h:9", "https://h:9"),
        ("example://h?tls=false", "h:7000", "http://h:7000"),
        ("example:///db?host=h", "h:7000", "http://h:7000"),
        ("example://[::1]", "[::1]:7000", "http://[::1]:7000"),
    ] {
        let (endpoint, _) = read(uri).unwrap();
        assert_eq!((endpoint.authority().as_str(), endpoint.origin().as_str()), (authority, origin), "{uri}");
    }
    assert_eq!(read("example://[::1]").unwrap().0.host_name(), "::1");
    assert_eq!(read("example://h").unwrap().0, Endpoint::new(&SERVER, "h"));
}

#[test]
fn times_are_seconds_or_have_a_unit() {
    for (text, expected) in [
        ("5", millis(5_000)),
        ("2.5", millis(2_500)),
        ("0.001", millis(1)),
        ("500ms", millis(500)),
        ("10s", millis(10_000)),
        ("2m", millis(120_000)),
        ("24h", millis(86_400_000)),
        ("86400", millis(86_400_000)),
        ("0", None),
        ("0.0001", None),
        ("-1", None),
        ("-1s", None),
        ("25h", None),
        ("NaN", None),
        ("1e300", None),
        ("soon", None),
        ("", None),
    ] {
        let read = read(&format!("example://h?timeout={text}"));
        assert_eq!(read.as_ref().ok().map(|(endpoint, _)| endpoint.timeout), expected, "{text}");
        assert_eq!(read.is_err(), expected.is_none(), "{text}");
    }
}

#[test]
fn connecting_takes_no_longer_than_a_call_unless_it_is_said() {
    for (uri, expected) in [
        ("example://h", 5_000),
        ("example://h?timeout=30", 5_000),
        ("example://h?timeout=300ms", 300),
        ("example://h?timeout=1&connect_timeout=2", 2_000),
    ] {
        assert_eq!(Some(read(uri).unwrap().0.connect_timeout), millis(expected), "{uri}");
    }
}

#[test]
fn an_alias_means_the_same() {
    let (endpoint, _) = read("example://h?tls=true&sslrootcert=/ca.pem&statement_timeout=7").unwrap();
    assert_eq!(endpoint.tls_ca.as_deref(), Some(Path::new("/ca.pem")));
    assert_eq!(Some(endpoint.timeout), millis(7_000));
}

#[test]
fn credentials_are_one_of_four() {
    let password = |user: &str, password| Credentials::Password { user: user.into(), password };
    for (uri, expected) in [
        ("example://h", Credentials::Anonymous),
        ("example://me@h", Credentials::User("me".into())),
        ("example://me:pw@h", password("me", "pw".into())),
        ("example://:key@h", Credentials::Token("key".into())),
        ("example://h?token=t", Credentials::Token("t".into())),
        ("example://h?api_key=t", Credentials::Token("t".into())),
    ] {
        assert_eq!(read(uri).unwrap().1, expected, "{uri}");
    }
    let sent = password("me", "pw".into()).base64().unwrap();
    assert_eq!(sent.expose(), "bWU6cHc=");
    assert_eq!(Credentials::Token("t".into()).base64().unwrap().expose(), "dA==");
    assert_eq!(Credentials::User("me".into()).base64(), None);
}

#[test]
fn a_path_has_at_most_its_parts() {
    let none = [None, None];
    let tenant = [Some("acme".to_owned()), None];
    let both = [Some("acme".to_owned()), Some("docs".to_owned())];
    for (uri, expected) in [
        ("example://h", &none),
        ("example://h/", &none),
        ("example://h/acme/", &tenant),
        ("example://h/acme/docs", &both),
    ] {
        assert_eq!(&options(uri).path(["tenant", "database"]).unwrap(), expected, "{uri}");
    }
    let long = options("example://h/a/b/c").path(["tenant", "database"]).unwrap_err();
    assert!(long.message().contains("3 part(s), and Example has at most /TENANT/DATABASE"), "{long}");
    let some = options("example://h/a").path([]).unwrap_err();
    assert!(some.message().contains("1 part(s), and Example has none"), "{some}");
}

#[test]
fn options_have_types() {
    let mut given = options("example://h?pool=8&strict=false&name=x");
    assert_eq!(given.number("pool", 1..=10).unwrap(), Some(8));
    assert_eq!(given.parsed("strict", "true or false").unwrap(), Some(false));
    assert_eq!(given.text("name").unwrap().as_deref(), Some("x"));
    assert_eq!(given.number("absent", 1..=10).unwrap(), None);
    given.finish().unwrap();
}

#[test]
fn what_is_wrong_is_named_and_no_secret_shown() {
    for (uri, part) in [
        ("example:", "the host is missing: say example://localhost:7000"),
        ("example://h?host=i", "the URI's host and host mean the same"),
        ("example://h?tls=yes", "tls is \"yes\", and must be true or false"),
        (
            "example://h?tls_ca=/ca.pem",
            "tls_ca is given, and the connection is not encrypted: say tls=true too",
        ),
        (
            "example://h?tls=false&sslrootcert=/ca.pem",
            "sslrootcert is given, and the connection is not encrypted",
        ),
        (
            "example://h?tls=true&tls_ca=a&sslrootcert=b",
            "tls_ca and sslrootcert mean the same: give one of them",
        ),
        ("example://h?timeout=0", "timeout is \"0\", and must be a time from 1ms to 24h"),
        ("example://h?statement_timeout=x", "statement_timeout is \"x\", and must be a time from 1ms to 24h"),
        ("example://h?connect_timeout=2d", "connect_timeout is \"2d\""),
        ("example://me@h?token=s3cret", "both a user and the option token"),
        ("example://:s3cret@h?token=s3cret", "both a password and the option token"),
        ("example://h?token=s3cret&api_key=s3cret", "both token and api_key"),
        ("example://h?token=env:PORTOLAN_NO_SUCH_VARIABLE", "PORTOLAN_NO_SUCH_VARIABLE, which is not set"),
        ("example://h?timout=1", "did you mean timeout?"),
    ] {
        let e = read(uri).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::InvalidArgument, "{uri}");
        assert!(e.message().contains(part), "{uri}: {e}");
        assert!(!format!("{e:?}").contains("s3cret"), "{uri}: {e}");
    }
    let mut given = options("example://h?pool=0");
    let e = given.number("pool", 1..=10).unwrap_err();
    assert!(e.message().contains("pool is \"0\", and must be a number from 1 to 10"), "{e}");
}

#[test]
fn another_option_may_decide_on_tls() {
    for (uri, encrypted) in [("example://h?tls_ca=/ca.pem", Some(true)), ("example://h?tls=true", None)] {
        let mut given = options(uri);
        given.decide_tls("sslmode", true);
        assert_eq!(given.endpoint().ok().and_then(|e| e.tls), encrypted, "{uri}");
    }
}

#[test]
fn nothing_read_shows_a_secret() {
    for uri in ["example://me:s3cret@h", "example://:s3cret@h", "example://h?token=s3cret"] {
        let given = options(uri);
        let shown = format!("{given:?} {:?}", read(uri).unwrap());
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
