//! Waiting for a server to answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BOUND: Duration = Duration::from_secs(120);
const STEP: Duration = Duration::from_millis(100);

/// How a server is known to be ready.
pub(crate) enum Ready {
    /// It answers 200 on a path.
    Http { port: u16, path: &'static str },
    /// It takes connections.
    Tcp { port: u16 },
    /// A command succeeds.
    Command(Command),
}

/// Waits until a server is ready.
pub(crate) fn wait(ready: &Ready, mut ended: impl FnMut() -> bool) -> Result<(), String> {
    let start = Instant::now();
    while start.elapsed() < BOUND {
        if answers(ready) {
            return Ok(());
        }
        if ended() {
            return Err("it ended before it was ready".to_owned());
        }
        std::thread::sleep(STEP);
    }
    Err(format!("it was not ready after {} s", BOUND.as_secs()))
}

/// A port of loopback that is free now.
pub(crate) fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|e| format!("no port of loopback is free: {e}"))
}

fn answers(ready: &Ready) -> bool {
    match ready {
        Ready::Http { port, path } => ok(*port, path).unwrap_or(false),
        Ready::Tcp { port } => TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_ok(),
        Ready::Command(command) => {
            let mut probe = Command::new(command.get_program());
            probe.args(command.get_args()).stdout(Stdio::null()).stderr(Stdio::null());
            probe.status().is_ok_and(|status| status.success())
        }
    }
}

fn ok(port: u16, path: &str) -> std::io::Result<bool> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(STEP))?;
    write!(stream, "GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    Ok(head.ends_with(b" 200"))
}
