//! How much of its inputs an import reads, counted by the system.

use std::fs;
use std::io::Read;
use std::process::Stdio;

use crate::formats::write_npy;
use crate::run::Place;

const ROWS: usize = 2000;
const DIMENSION: usize = 128;

/// A line for each vector.
fn lines(line: impl Fn(usize, &[f32]) -> String) -> String {
    vectors().iter().enumerate().map(|(n, vector)| line(n, vector)).collect()
}

/// Vectors that do not compress.
fn vectors() -> Vec<Vec<f32>> {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from_bits(state >> 9 | 0x3f80_0000)
    };
    (0..ROWS).map(|_| (0..DIMENSION).map(|_| next()).collect()).collect()
}

/// Runs an import of files, which must be read at most twice: once to know them, and once for their records.
fn is_read_twice(place: &Place, args: &[&str], files: &[&str]) {
    let size: u64 = files.iter().map(|file| fs::metadata(place.path(file)).unwrap().len()).sum();
    assert!(size > 1_000_000, "{size}");
    let mut child = place.command(args).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // At the end of stdout the program has ended, and what it did can be asked until it is waited for.
    child.stdout.take().unwrap().read_to_end(&mut Vec::new()).unwrap();
    let counts = fs::read_to_string(format!("/proc/{}/io", child.id())).unwrap();
    assert!(child.wait().unwrap().success(), "{args:?}");
    let read: u64 = counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap();
    assert!((2 * size..size * 9 / 4).contains(&read), "{args:?}: {size} bytes, and {read} were read");
}

#[test]
fn json_lines_are_read_twice() {
    let place = Place::new();
    place.write("rows.jsonl", lines(|n, vector| format!("{{\"id\":{n},\"vector\":{vector:?}}}\n")));
    is_read_twice(&place, &["import", "vectors", "rows.jsonl", "--create"], &["rows.jsonl"]);
}

#[test]
fn a_table_is_read_twice() {
    let place = Place::new();
    let rows = lines(|n, vector| format!("{n},\"{vector:?}\",{n}\n"));
    place.write("rows.csv", format!("id,vector,n\n{rows}"));
    is_read_twice(&place, &["import", "vectors", "rows.csv", "--create"], &["rows.csv"]);
}

#[test]
fn a_matrix_and_its_lines_are_read_twice() {
    let place = Place::new();
    let shape = [ROWS as u64, DIMENSION as u64];
    write_npy(&place.path("vectors.npy"), &shape, npyz::Order::C, &vectors().concat());
    place.write("lines.jsonl", lines(|n, _| format!("{{\"id\":{n},\"text\":\"{}\"}}\n", "x".repeat(500))));
    let args = ["import", "vectors", "vectors.npy", "--metadata", "lines.jsonl", "--create"];
    is_read_twice(&place, &args, &["vectors.npy", "lines.jsonl"]);
}

#[cfg(feature = "formats")]
#[test]
fn parquet_is_read_twice() {
    let place = Place::new();
    place.write("rows.jsonl", lines(|n, vector| format!("{{\"id\":{n},\"vector\":{vector:?}}}\n")));
    place.ok(&["import", "vectors", "rows.jsonl", "--create"]);
    place.ok(&["export", "vectors", "rows.parquet"]);
    let store = ["--store", "embedded:./empty"];
    place.ok(&[&["index", "create", "vectors", "-d", "128"][..], &store].concat());
    is_read_twice(&place, &[&["import", "vectors", "rows.parquet"][..], &store].concat(), &["rows.parquet"]);
}
