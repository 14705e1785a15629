//! Whether what an earlier run stored is still there.

use portolan::{CallOptions, GetRequest, IndexSpec, VectorStorage, validate};

use super::feed::Feed;
use crate::failure::Failure;
use crate::progress::Bar;

/// How many of the first `rows` rows are in the store by their ids, up to the first that is not. A row that no store
/// takes was passed over by the earlier run, and is not missed.
pub(super) async fn rows_still_there(
    storage: &dyn VectorStorage,
    spec: &IndexSpec,
    mut feed: Feed,
    rows: u64,
    options: CallOptions,
    bar: &Bar,
) -> Result<u64, Failure> {
    let limits = &storage.capability().limits;
    let mut checked = 0;
    while checked < rows
        && let Some(batch) = feed.next().await
    {
        let batch = batch.map_err(Failure::failed)?;
        let stored = batch.records.iter().zip(&batch.positions);
        let stored = stored.filter(|(record, _)| validate::record(record, spec, limits).is_ok());
        let (ids, at): (Vec<String>, Vec<u64>) = stored
            .map(|(record, position)| (record.id.clone(), checked + position.row as u64))
            .take_while(|(_, at)| *at < rows)
            .unzip();
        let request =
            GetRequest::new(&spec.name, &ids).include_vectors(false).include_metadata(false).options(options);
        let found = storage.get(&request).await?;
        if let Some((_, missing)) = found.iter().zip(at).find(|(record, _)| record.is_none()) {
            return Ok(missing);
        }
        checked += batch.len() as u64;
        bar.set(checked);
    }
    Ok(rows)
}
