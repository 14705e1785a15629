//! What a Chroma server answers that is well.

use portolan_testkit::wire::{Answer, Fault, Faulty};
use serde_json::json;

pub(crate) const DATABASE: &str = "/api/v2/tenants/default_tenant/databases/default_database";

/// A server without collections.
pub(crate) fn bare(server: &Faulty) {
    let limits = json!({"max_batch_size": 100, "supports_base64_encoding": true});
    server.on(.., |r| r.path == "/api/v2/pre-flight-checks", Answer::status(200).json(&limits));
    server.on(.., |r| r.path == "/api/v2/heartbeat", Answer::status(200).json(&json!({})));
    server.on(.., |r| r.path == "/api/v2/version", Answer::status(200).json(&json!("1.0.0")));
    on(server, "", Answer::status(200).json(&json!({})));
    on(server, "/collections_count", Answer::status(200).json(&json!(0)));
}

/// A server with an empty collection `things` of two dimensions.
pub(crate) fn things(server: &Faulty) {
    bare(server);
    let things = json!({
        "id": "4711", "name": "things", "dimension": 2, "metadata": null,
        "configuration_json": {"hnsw": {"space": "l2"}}, "tenant": "default_tenant",
    });
    on(server, "/collections/things", Answer::status(200).json(&things));
    on(server, "/collections/4711/get", Answer::status(200).json(&json!({"ids": [], "metadatas": []})));
}

/// What happens to all requests for a path below the database.
pub(crate) fn on(server: &Faulty, path: &str, fault: impl Into<Fault>) {
    let path = format!("{DATABASE}{path}");
    server.on(.., move |request| request.path == path, fault.into());
}
