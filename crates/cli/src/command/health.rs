//! `portolan health`.

use portolan::{Error, ErrorKind, Status};

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::table;

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let storage = context.open().await?;
    let health = storage.health(context.options()).await?;
    output::print_one(context.format(), &health, || {
        table::facts([
            ("status", Some(table::json_text(&serde_json::json!(health.status)))),
            ("provider", Some(health.provider.clone())),
            ("latency", Some(format!("{:.1} ms", health.latency_ms))),
            ("version", health.version.clone()),
            ("indexes", health.indexes.map(table::count)),
            ("vectors", health.vectors.map(table::count)),
            ("uptime", health.uptime_seconds.map(|s| format!("{s:.1} s"))),
            ("message", health.message.clone()),
        ])
    })?;
    if health.status == Status::Unavailable {
        let why = health.message.unwrap_or_else(|| "the store does not answer".to_owned());
        return Err(Error::new(ErrorKind::Unavailable, why).with_provider(health.provider).into());
    }
    Ok(())
}
