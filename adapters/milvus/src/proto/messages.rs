//! The messages of the wire, as they are generated. The tests, which play the server, have the same.

#[allow(
    clippy::all,
    dead_code,
    deprecated,
    missing_debug_implementations,
    missing_docs,
    rustdoc::all,
    unreachable_pub,
    unused_qualifications
)]
mod generated {
    tonic::include_proto!("milvus");
}

pub(crate) use generated::milvus::proto::{common, milvus, schema};
