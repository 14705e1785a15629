//! The signals that ask the program to end: Ctrl-C, and on Unix TERM and HUP as well.
//!
//! Most commands leave them to the system, which ends the program at once. A command that has something to put in order
//! first waits for them beside its work.

use std::future::pending;
use std::io;

use tokio::sync::oneshot;

#[cfg(not(unix))]
use self::elsewhere::Signals;
#[cfg(unix)]
use self::unix::Signals;

/// Waits for the first signal. A second one ends the program at once, and so does one that nobody waits for.
#[derive(Debug)]
pub(crate) struct Stop(Option<oneshot::Receiver<u8>>);

impl Stop {
    /// Takes the signals over from the system.
    pub(crate) fn listen() -> io::Result<Self> {
        let mut signals = Signals::new()?;
        let (sender, receiver) = oneshot::channel();
        tokio::spawn(async move {
            let status = signals.next().await;
            if sender.send(status).is_err() {
                std::process::exit(status.into());
            }
            std::process::exit(signals.next().await.into());
        });
        Ok(Self(Some(receiver)))
    }

    /// Leaves the signals to the system, so that none is ever waited for.
    pub(crate) fn left_to_the_system() -> Self {
        Self(None)
    }

    /// Waits for a signal, and gives the exit status of a program that it ended.
    pub(crate) async fn asked(&mut self) -> u8 {
        if let Some(receiver) = &mut self.0
            && let Ok(status) = receiver.await
        {
            return status;
        }
        pending().await
    }
}

#[cfg(unix)]
mod unix {
    use std::fs;
    use std::future::poll_fn;
    use std::io;
    use std::task::Poll;

    use tokio::signal::unix::{Signal, SignalKind, signal};

    /// Signals, each with the exit status of a program that it ended.
    pub(super) struct Signals(Vec<(u8, Signal)>);

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            let mut kinds = vec![SignalKind::interrupt(), SignalKind::terminate()];
            if !is_hangup_ignored() {
                kinds.push(SignalKind::hangup());
            }
            let with_status = |kind: SignalKind| {
                let status = u8::try_from(128 + kind.as_raw_value()).unwrap_or(u8::MAX);
                Ok((status, signal(kind)?))
            };
            kinds.into_iter().map(with_status).collect::<io::Result<_>>().map(Self)
        }

        pub(super) async fn next(&mut self) -> u8 {
            poll_fn(|cx| {
                let mut signals = self.0.iter_mut();
                let came = signals.find_map(|(status, s)| s.poll_recv(cx).is_ready().then_some(*status));
                came.map_or(Poll::Pending, Poll::Ready)
            })
            .await
        }
    }

    /// Whether the program is to outlive its terminal, as `nohup` asks for; where the system does not tell, HUP is left
    /// to it.
    fn is_hangup_ignored() -> bool {
        let Ok(status) = fs::read_to_string("/proc/self/status") else { return true };
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(u64::MAX);
        mask >> (SignalKind::hangup().as_raw_value() - 1) & 1 == 1
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use std::io;

    use tokio::signal::windows::{CtrlC, ctrl_c};

    /// The exit status of a program that Ctrl-C ended.
    const INTERRUPTED: u8 = 130;

    /// Ctrl-C.
    pub(super) struct Signals(CtrlC);

    impl Signals {
        pub(super) fn new() -> io::Result<Self> {
            ctrl_c().map(Self)
        }

        pub(super) async fn next(&mut self) -> u8 {
            self.0.recv().await;
            INTERRUPTED
        }
    }
}
