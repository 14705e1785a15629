//! The file of a tape.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::Path;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use zstd::stream::{read, write};

use super::exchange::Exchange;
use crate::tape::{FORMAT, Header};

const LEVEL: i32 = 15;

/// How far back repetitions are found: 2^25 bytes.
const WINDOW: u32 = 25;

/// An exchange, and the lengths of the bodies that follow it.
#[derive(Serialize, Deserialize)]
struct Line<E> {
    request: usize,
    answer: usize,
    #[serde(flatten)]
    exchange: E,
}

/// Writes exchanges as they come. There is no file before the end.
pub(super) struct Writer {
    encoder: write::Encoder<'static, BufWriter<File>>,
    exchanges: usize,
}

impl Writer {
    pub(super) fn new() -> io::Result<Self> {
        let mut encoder = write::Encoder::new(BufWriter::new(tempfile::tempfile()?), LEVEL)?;
        encoder.long_distance_matching(true)?;
        encoder.window_log(WINDOW)?;
        Ok(Self { encoder, exchanges: 0 })
    }

    pub(super) fn write(&mut self, exchange: &Exchange) -> io::Result<()> {
        let (request, answer) = (&exchange.asked.body, &exchange.body);
        let line = Line { request: request.len(), answer: answer.len(), exchange };
        serde_json::to_writer(&mut self.encoder, &line)?;
        for bytes in [b"\n", &request[..], b"\n", &answer[..], b"\n"] {
            self.encoder.write_all(bytes)?;
        }
        self.exchanges += 1;
        Ok(())
    }

    /// Puts the header before the exchanges: as zstd's frames are, one after the other.
    pub(super) fn finish(self, path: &Path, mut header: Header) -> io::Result<()> {
        header.exchanges = self.exchanges;
        let mut exchanges = self.encoder.finish()?.into_inner().map_err(|e| e.into_error())?;
        exchanges.rewind()?;
        let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        fs::create_dir_all(folder)?;
        let mut file = tempfile::Builder::new().permissions(permissions()).tempfile_in(folder)?;
        let line = format!("{}\n", serde_json::to_string(&header)?);
        file.write_all(&zstd::encode_all(line.as_bytes(), LEVEL)?)?;
        io::copy(&mut exchanges, &mut file)?;
        file.persist(path)?;
        Ok(())
    }
}

/// Those of any file, where a temporary one is its owner's alone.
#[cfg(unix)]
fn permissions() -> fs::Permissions {
    std::os::unix::fs::PermissionsExt::from_mode(0o644)
}

/// Reads a whole tape.
pub(super) fn read(path: &Path) -> io::Result<(Header, Vec<Exchange>)> {
    let mut decoder = read::Decoder::new(File::open(path)?)?;
    decoder.window_log_max(WINDOW)?;
    let mut reader = BufReader::new(decoder);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let header: Header = serde_json::from_str(&line)?;
    if header.format != FORMAT {
        return Err(invalid(format!("its format is {}, and only {FORMAT} is known", header.format)));
    }
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest)?;
    let mut rest = Bytes::from(rest);
    let mut exchanges = Vec::with_capacity(header.exchanges);
    while !rest.is_empty() {
        exchanges.push(next(&mut rest)?);
    }
    if exchanges.len() != header.exchanges {
        return Err(invalid(format!("it holds {} of {} exchanges", exchanges.len(), header.exchanges)));
    }
    Ok((header, exchanges))
}

fn next(rest: &mut Bytes) -> io::Result<Exchange> {
    let end = rest.iter().position(|byte| *byte == b'\n').ok_or_else(cut_off)?;
    let line: Line<Exchange> = serde_json::from_slice(&taken(rest, end)?)?;
    let mut exchange = line.exchange;
    exchange.asked.body = taken(rest, line.request)?;
    exchange.body = taken(rest, line.answer)?;
    Ok(exchange)
}

/// The next bytes, which a line feed ends.
fn taken(rest: &mut Bytes, length: usize) -> io::Result<Bytes> {
    if rest.get(length) != Some(&b'\n') {
        return Err(cut_off());
    }
    let taken = rest.split_to(length);
    let _ = rest.split_to(1);
    Ok(taken)
}

fn cut_off() -> io::Error {
    invalid("it is cut off".to_owned())
}

fn invalid(why: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
