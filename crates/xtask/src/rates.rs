//! How fast files are imported into the embedded store, format by format.

use std::env;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value as Json;

use crate::Outcome;

const ROWS: usize = 50_000;
const DIMENSION: usize = 256;
const ROUNDS: usize = 5;

/// The files, and what is given beside each.
const FILES: [(&str, &[&str]); 4] = [
    ("rows.npy", &["--metadata", "lines.jsonl"]),
    ("rows.parquet", &[]),
    ("rows.csv", &[]),
    ("rows.jsonl", &[]),
];

/// Runs `cargo xtask rates [programs]`: the rounds of all programs and files alternate, so that each meets the same
/// machine; the median is told.
pub(crate) fn run(programs: &[String]) -> Outcome {
    let programs =
        if programs.is_empty() { vec![built()?] } else { programs.iter().map(PathBuf::from).collect() };
    let place = env::temp_dir().join(format!("portolan-rates-{}", std::process::id()));
    let measured = write(&place).and_then(|()| measure(&programs, &place));
    // What is left behind in the folder of temporary files does no harm.
    let _ = fs::remove_dir_all(&place);
    measured.map_err(|e| e.to_string())
}

/// This checkout's program.
fn built() -> Result<PathBuf, String> {
    let build = ["build", "--release", "-p", "portolan-cli", "--features", "formats"];
    crate::cargo(&build, &[])?;
    Ok(Path::new(crate::ROOT).join("target/release/portolan"))
}

fn measure(programs: &[PathBuf], place: &Path) -> io::Result<()> {
    let program = programs.first().ok_or(io::ErrorKind::InvalidInput)?;
    import(program, place, FILES[0])?;
    told(program, place, &["export", "rates", "rows.parquet", "--yes"])?;
    let mut rates = vec![Vec::new(); programs.len() * FILES.len()];
    for _ in 0..ROUNDS {
        for (n, program) in programs.iter().enumerate() {
            for (m, file) in FILES.into_iter().enumerate() {
                rates[n * FILES.len() + m].push(import(program, place, file)?);
            }
        }
    }
    println!("{ROWS} rows of {DIMENSION} components, the median of {ROUNDS} rounds, rows a second:");
    for (program, rates) in programs.iter().zip(rates.chunks_mut(FILES.len())) {
        println!("{}", program.display());
        for ((file, _), rates) in FILES.iter().zip(rates) {
            rates.sort_by(f64::total_cmp);
            println!("  {file:<14} {:>8.0}", rates[ROUNDS / 2]);
        }
    }
    Ok(())
}

/// Imports a file into an empty store; gives the rows a second.
fn import(program: &Path, place: &Path, (file, options): (&str, &[&str])) -> io::Result<f64> {
    if place.join("store").exists() {
        fs::remove_dir_all(place.join("store"))?;
    }
    let arguments = [&["import", "rates", file, "--create", "--output", "json"], options].concat();
    let summary: Json = serde_json::from_str(&told(program, place, &arguments)?)?;
    let (Some(stored), Some(elapsed)) = (summary["stored"].as_f64(), summary["elapsed_ms"].as_f64()) else {
        return Err(io::Error::other(format!("no summary of an import: {summary}")));
    };
    Ok(stored * 1e3 / elapsed)
}

/// What the program prints.
fn told(program: &Path, place: &Path, arguments: &[&str]) -> io::Result<String> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(place).env("PORTOLAN_STORE", "embedded:./store").env("HOME", place);
    let output = command.output()?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(io::Error::other(format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr))))
}

/// Writes the same rows in every format.
fn write(place: &Path) -> Result<(), io::Error> {
    fs::create_dir_all(place)?;
    let create = |name: &str| File::create(place.join(name)).map(BufWriter::new);
    let mut matrix = create("rows.npy")?;
    let mut lines = create("lines.jsonl")?;
    let mut table = create("rows.csv")?;
    let mut records = create("rows.jsonl")?;
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({ROWS}, {DIMENSION}), }}");
    // The header is as long as it says, 118 bytes.
    matrix.write_all(b"\x93NUMPY\x01\x00\x76\x00")?;
    writeln!(matrix, "{header:<117}")?;
    writeln!(table, "id,vector,year,kind")?;
    let mut state = 1_u32;
    for row in 0..ROWS {
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f32::from_bits(state >> 9 | 0x3f80_0000) - 1.5
        };
        let vector: Vec<f32> = (0..DIMENSION).map(|_| next()).collect();
        let (year, kind) = (1900 + row % 120, ["red", "green", "blue"][row % 3]);
        for x in &vector {
            matrix.write_all(&x.to_le_bytes())?;
        }
        writeln!(lines, r#"{{"id":"row-{row}","year":{year},"kind":"{kind}"}}"#)?;
        writeln!(table, "row-{row},\"{vector:?}\",{year},{kind}")?;
        writeln!(
            records,
            r#"{{"id":"row-{row}","vector":{vector:?},"metadata":{{"year":{year},"kind":"{kind}"}}}}"#
        )?;
    }
    [matrix, lines, table, records].iter_mut().try_for_each(Write::flush)
}
