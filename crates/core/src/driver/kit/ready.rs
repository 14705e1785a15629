//! Waiting for what a database does after it has answered: it creates, loads or compacts.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::driver::WriteError;
use crate::error::{Error, ErrorKind};

const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// The answer to a question that is asked again, ever less often, while it is [`ErrorKind::NotReady`]; that is the answer too
/// where the next time would not be before `end`.
///
/// ```
/// use std::cell::Cell;
///
/// use portolan_core::driver::kit::{ready, when_ready};
///
/// # tokio::runtime::Builder::new_current_thread().enable_time().build()?.block_on(async {
/// let percent = Cell::new(0);
/// let is_loaded = || async {
///     percent.set(percent.get() + 50);
///     ready(percent.get() >= 100, || format!("it is loaded to {} %", percent.get()))
/// };
/// assert!(when_ready(None, is_loaded).await.is_ok());
/// # });
/// # Ok::<(), std::io::Error>(())
/// ```
pub async fn when_ready<T, F>(end: Option<Instant>, ask: impl Fn() -> F) -> Result<T, WriteError>
where
    F: Future<Output = Result<T, WriteError>>,
{
    let mut pause = FIRST_PAUSE;
    loop {
        let answer = ask().await;
        let is_final = !matches!(&answer, Err(e) if e.error().kind() == ErrorKind::NotReady);
        if is_final || end.is_some_and(|end| Instant::now() + pause >= end) {
            return answer;
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// That something is done; else how far it is, as a [`ErrorKind::NotReady`].
pub fn ready(is_done: bool, state: impl FnOnce() -> String) -> Result<(), WriteError> {
    let not_yet = || Error::new(ErrorKind::NotReady, format!("{}; try again later", state()));
    if is_done { Ok(()) } else { Err(not_yet().into()) }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_asked_until_the_end_and_another_error_is_final() {
        let asked = Cell::new(0);
        let never = || async {
            asked.set(asked.get() + 1);
            ready(false, || "it is created".to_owned())
        };
        let end = Instant::now() + Duration::from_millis(100);
        let e = when_ready(Some(end), never).await.unwrap_err();
        assert_eq!(
            (e.error().kind(), e.error().message()),
            (ErrorKind::NotReady, "it is created; try again later")
        );
        // At 0, 20 and 60 ms.
        assert_eq!(asked.get(), 3);
        let refused = || async { Err::<(), _>(Error::invalid("it cannot be").into()) };
        assert_eq!(when_ready(None, refused).await.unwrap_err().error().kind(), ErrorKind::InvalidArgument);
    }
}
