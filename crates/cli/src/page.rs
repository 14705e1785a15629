//! Pages of a scan, which a lost connection does not end.

use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use portolan::{Error, ErrorKind, Result, ScanPage, ScanRequest, VectorStorage};

/// How often a page is asked for again, and for how long at first; each wait is twice the one before.
const TIMES: usize = 4;
const WAIT: Duration = Duration::from_millis(250);

/// Reads a page. One that follows another is asked for again where the server was lost or is busy: a read is safe to
/// repeat. The first tells at once that there is no server.
pub(crate) async fn read(storage: &dyn VectorStorage, request: &ScanRequest<'_>) -> Result<ScanPage> {
    let times = if request.cursor.is_some() { TIMES } else { 0 };
    let waits = ExponentialBuilder::new().with_min_delay(WAIT).with_max_times(times);
    let asked = |e: &Error, wait: Option<Duration>| wait.map(|wait| e.retry_after().unwrap_or(wait));
    (|| storage.scan(request)).retry(waits).when(may_pass).adjust(asked).await
}

/// Whether an error may be over soon. A time-out is the caller's own.
fn may_pass(error: &Error) -> bool {
    error.is_retryable() && error.kind() != ErrorKind::Timeout
}

#[cfg(test)]
mod tests {
    use portolan::layer::Layer;
    use portolan::layers::ChaosConfig;
    use portolan::{IndexSpec, Record, VectorStorageExt};

    use super::*;

    async fn pages(fails: f64) -> Result<usize> {
        let storage = portolan::open("memory:").await?;
        storage.ensure_index(&IndexSpec::new("things", 1)).await?;
        let records: Vec<Record> = (0..60).map(|n| Record::new(format!("r{n:02}"), [1.0])).collect();
        storage.index("things").upsert(&records).await?.into_result()?;
        let mut chaos = ChaosConfig::default().seed(7);
        chaos.error_rate = fails;
        let troubled = chaos.build()?.layer(storage);
        let mut cursor = None;
        let mut read_so_far = 0;
        loop {
            let request = ScanRequest::new("things").page_size(3).cursor(cursor.as_ref());
            let page = match read(&*troubled, &request).await {
                // That of the first page is not ours to repeat.
                Err(_) if cursor.is_none() => continue,
                page => page?,
            };
            read_so_far += page.records.len();
            cursor = page.cursor;
            if cursor.is_none() {
                return Ok(read_so_far);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_scan_goes_on_where_a_page_was_lost() {
        assert_eq!(pages(0.3).await.unwrap(), 60);
        assert!(pages(0.95).await.unwrap_err().is_retryable());
    }
}
