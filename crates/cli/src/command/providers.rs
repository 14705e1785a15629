//! `portolan providers`.

use std::sync::Arc;

use portolan::{Capability, Location, VectorStorage};
use serde_json::{Value as Json, json};

use crate::context::Context;
use crate::failure::Failure;
use crate::output;
use crate::table;

pub(crate) async fn run(context: &Context) -> Result<(), Failure> {
    let mut providers = Vec::new();
    let asked = if context.is_default_store() { None } else { Some(context.location()?) };
    for name in portolan::registry().schemes() {
        let known = match &asked {
            // A store that was named must answer.
            Some(location) if location.provider() == name => Some(declared(context.open().await?).await?),
            _ => capability(name).await,
        };
        providers.push((name, known));
    }
    let rows: Vec<Json> = providers
        .iter()
        .map(|(name, capability)| json!({ "name": name, "capability": capability }))
        .collect();
    output::print(context.format(), &json!({ "providers": rows }), &rows, || as_table(&providers))
}

/// What a provider can do, asked of an empty store; none where only a server knows it.
async fn capability(name: &'static str) -> Option<Capability> {
    let dir = tempfile::tempdir().ok()?;
    let location = match name {
        "memory" => Location::new(name),
        "embedded" => Location::new(name).with_path(dir.path().to_str()?),
        _ => return None,
    };
    declared(portolan::open_location(location).await.ok()?).await.ok()
}

async fn declared(storage: Arc<dyn VectorStorage>) -> Result<Capability, Failure> {
    let capability = storage.capability().clone();
    storage.close().await?;
    Ok(capability)
}

/// A row for each feature, a column for each provider.
fn as_table(providers: &[(&'static str, Option<Capability>)]) -> String {
    let known: Vec<(&str, &Capability)> =
        providers.iter().filter_map(|(name, capability)| Some((*name, capability.as_ref()?))).collect();
    let mut table = table::table(std::iter::once("feature").chain(known.iter().map(|(name, _)| *name)));
    let mut row = |feature: &str, value: &dyn Fn(&Capability) -> String| {
        table.add_row(std::iter::once(feature.to_owned()).chain(known.iter().map(|(_, c)| value(c))));
    };
    for (n, (feature, _)) in Capability::native().features().iter().enumerate() {
        row(feature, &|c| c.features()[n].1.to_string());
    }
    row("vectors read back", &|c| table::json_text(&json!(c.vectors)));
    row("batch", &|c| table::json_text(&json!(c.batch)));
    row("update isolated", &|c| yes(c.update_isolated));
    row("durable", &|c| yes(c.durable));
    row("largest dimension", &|c| table::count(c.limits.dimension as u64));
    row("largest top_k", &|c| table::count(c.limits.top_k as u64));
    row("most records of an index", &|c| c.limits.records.map_or("-".to_owned(), |n| table::count(n as u64)));
    let servers: Vec<&str> = providers.iter().filter(|(_, c)| c.is_none()).map(|(name, _)| *name).collect();
    if servers.is_empty() {
        return table.to_string();
    }
    format!("{table}\n\nThe server tells, named by --store URI: {}", servers.join(", "))
}

fn yes(yes: bool) -> String {
    if yes { "yes" } else { "no" }.to_owned()
}
