//! Compiles the protos of Milvus, for the plain client that the port is measured against.

use std::error::Error;

fn main() -> Result<(), Box<dyn Error>> {
    const PROTOS: &str = "../adapters/milvus/proto";
    println!("cargo:rerun-if-changed={PROTOS}");
    let files = protox::compile(["milvus.proto"], [PROTOS])?;
    tonic_prost_build::configure()
        .build_server(false)
        .build_transport(false)
        .disable_comments(["."])
        .include_file("milvus.rs")
        .compile_fds(files)?;
    Ok(())
}
