//! Compressed text, which is told by its first bytes.

use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::reread::reread;

/// What a file begins with that is compressed in a way that is not read, and what unpacks it.
const OTHERS: &[(&[u8], &str, &str)] = &[
    (b"BZh", "bzip2", "bzip2 -dc"),
    (b"\xfd7zXZ\0", "xz", "xz -dc"),
    (b"\x04\x22\x4d\x18", "lz4", "lz4 -dc"),
    (b"PK\x03\x04", "zip", "unzip -p"),
];

/// The extensions of compressed files that are read.
const EXTENSIONS: [&str; 3] = ["gz", "zst", "zstd"];

/// How many bytes tell.
const MAGIC: u64 = 6;

/// The name of what is in a compressed file, and whether it is one.
pub(super) fn uncompressed_name(path: &Path) -> (&Path, bool) {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
    match path.file_stem() {
        Some(stem) if EXTENSIONS.contains(&extension.as_str()) => (Path::new(stem), true),
        _ => (path, false),
    }
}

/// Whether a file that begins so is compressed.
pub(super) fn is_compressed(head: &[u8]) -> bool {
    is_gzip(head) || is_zstd(head)
}

/// The beginning of what is compressed in a file that begins so; none where it is not compressed.
pub(super) fn head_of(head: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    // The rest is missing, so that reading ends with an error.
    let _ = match head {
        _ if is_gzip(head) => MultiGzDecoder::new(head).read_to_end(&mut text),
        _ if is_zstd(head) => zstd::stream::read::Decoder::with_buffer(head).ok()?.read_to_end(&mut text),
        _ => return None,
    };
    Some(text)
}

/// The text of a stream that may be compressed by gzip or zstd.
pub(super) fn text<'r, R: BufRead + Send + 'r>(
    mut reader: R,
    path: &Path,
) -> io::Result<Box<dyn BufRead + Send + 'r>> {
    let mut head = Vec::new();
    // More is not asked for than tells, so that nothing waits on a stream that is slow.
    while (head.len() as u64) < MAGIC && may_be_magic(&head) {
        if reader.by_ref().take(1).read_to_end(&mut head)? == 0 {
            break;
        }
    }
    let reader = reread(head.clone(), reader);
    if is_gzip(&head) {
        return Ok(Box::new(BufReader::new(Told { reader: MultiGzDecoder::new(reader), what: "gzip" })));
    }
    if is_zstd(&head) {
        let reader = zstd::stream::read::Decoder::with_buffer(reader)?;
        return Ok(Box::new(BufReader::new(Told { reader, what: "zstd" })));
    }
    match other(&head, path) {
        Some(what) => Err(io::Error::new(io::ErrorKind::InvalidData, what)),
        None => Ok(Box::new(reader)),
    }
}

/// What to do with a file that begins so, where it is compressed in a way that is not read.
pub(super) fn other(head: &[u8], path: &Path) -> Option<String> {
    let (_, what, unpack) = OTHERS.iter().find(|(magic, ..)| head.starts_with(magic))?;
    let path = path.display();
    Some(format!("it is compressed by {what}; unpack it first: {unpack} {path} | portolan import INDEX -"))
}

fn may_be_magic(head: &[u8]) -> bool {
    let others = OTHERS.iter().map(|(magic, ..)| *magic);
    [&b"\x1f\x8b"[..], b"\x28\xb5\x2f\xfd"]
        .into_iter()
        .chain(others)
        .any(|m| m.starts_with(head) && m != head)
}

fn is_gzip(head: &[u8]) -> bool {
    head.starts_with(b"\x1f\x8b")
}

fn is_zstd(head: &[u8]) -> bool {
    head.starts_with(b"\x28\xb5\x2f\xfd")
}

/// A decoder whose errors say what is damaged.
struct Told<R> {
    reader: R,
    what: &'static str,
}

impl<R: Read> Read for Told<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.reader.read(buffer).map_err(|e| match e.kind() {
            io::ErrorKind::Interrupted => e,
            io::ErrorKind::UnexpectedEof => io::Error::new(
                io::ErrorKind::InvalidData,
                format!("the {} data ends early; it was cut off", self.what),
            ),
            _ => {
                io::Error::new(io::ErrorKind::InvalidData, format!("the {} data is damaged: {e}", self.what))
            }
        })
    }
}
