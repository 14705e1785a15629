//! The program as its users run it: arguments in, stdout, stderr and exit status out.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod demo;
#[cfg(all(unix, feature = "parquet"))]
mod docs;
mod export;
mod formats;
mod import;
#[cfg(unix)]
mod pipes;
#[cfg(target_os = "linux")]
mod reads;
mod records;
mod resume;
mod run;
mod search;
#[cfg(target_os = "linux")]
mod signals;
#[cfg(unix)]
mod targets;
mod usage;
