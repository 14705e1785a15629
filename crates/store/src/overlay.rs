//! A file as if it could be written: what is written stays in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::Path;

use parking_lot::Mutex;
use redb::StorageBackend;
use redb::backends::FileBackend;

/// The granularity of what is kept in memory, in bytes.
const BLOCK: u64 = 4_096;

/// A file that is read, and never written. A database whose last writer was killed is put in order so where its file cannot
/// be written, or must not be.
#[derive(Debug)]
pub(crate) struct Overlay {
    file: FileBackend,
    file_length: u64,
    written: Mutex<Written>,
}

#[derive(Debug)]
struct Written {
    length: u64,
    blocks: BTreeMap<u64, Box<[u8]>>,
}

impl Overlay {
    /// Over a file.
    pub(crate) fn new(path: &Path) -> Result<Self, redb::Error> {
        let file = FileBackend::new(File::open(path)?)?;
        let file_length = file.len()?;
        Ok(Self {
            file,
            file_length,
            written: Mutex::new(Written { length: file_length, blocks: BTreeMap::new() }),
        })
    }

    /// A block as it is seen; what lies beyond the file is zero.
    fn block(&self, written: &Written, number: u64) -> io::Result<Box<[u8]>> {
        if let Some(block) = written.blocks.get(&number) {
            return Ok(block.clone());
        }
        let mut block = vec![0; BLOCK as usize].into_boxed_slice();
        let start = number * BLOCK;
        let held = self.file_length.saturating_sub(start).min(BLOCK);
        if held > 0 {
            self.file.read(start, &mut block[..held as usize])?;
        }
        Ok(block)
    }
}

impl StorageBackend for Overlay {
    fn len(&self) -> io::Result<u64> {
        Ok(self.written.lock().length)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let written = self.written.lock();
        if offset + out.len() as u64 > written.length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, part) in parts(offset, out.len()) {
            let block = self.block(&written, number)?;
            let length = part.len();
            out[part].copy_from_slice(&block[within..within + length]);
        }
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.written.lock().length = length;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut written = self.written.lock();
        for (number, within, part) in parts(offset, data.len()) {
            let mut block = self.block(&written, number)?;
            block[within..within + part.len()].copy_from_slice(&data[part]);
            written.blocks.insert(number, block);
        }
        Ok(())
    }
}

/// The blocks that a range of bytes touches: the number, where in the block it begins, and which of the bytes.
fn parts(offset: u64, length: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        if done == length {
            return None;
        }
        let position = offset + done as u64;
        let within = (position % BLOCK) as usize;
        let part = done..length.min(done + BLOCK as usize - within);
        done = part.end;
        Some((position / BLOCK, within, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_the_file_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("file");
        let content: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        std::fs::write(&path, &content).unwrap();
        let overlay = Overlay::new(&path).unwrap();
        overlay.write(4_090, &[7; 5_000]).unwrap();
        overlay.set_len(20_000).unwrap();
        let mut expected = content.clone();
        expected[4_090..9_090].fill(7);
        expected.resize(20_000, 0);
        let mut seen = vec![1; 20_000];
        overlay.read(0, &mut seen).unwrap();
        assert!(seen == expected);
        assert_eq!(overlay.read(19_999, &mut [0; 2]).unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        assert!(std::fs::read(&path).unwrap() == content);
    }
}
