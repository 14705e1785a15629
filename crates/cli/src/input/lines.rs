//! Lines of bounded length.

use std::io::{self, BufRead, Read};

use super::rows::MAX_ROW_BYTES;

/// Reads lines one by one into one buffer.
pub(super) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
    bytes: u64,
    in_long_line: bool,
}

/// A line that is not blank.
pub(super) struct Line<'a> {
    /// Counted from 1, blank lines too.
    pub(super) number: u64,
    /// The text, or why it is none.
    pub(super) text: Result<&'a str, &'static str>,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, buffer: Vec::new(), number: 0, bytes: 0, in_long_line: false }
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next line that is not blank; a line past the limit is given as such, and not kept in memory.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        loop {
            if self.in_long_line {
                self.skip_to_line_end()?;
            }
            if !self.fill()? {
                return Ok(None);
            }
            if self.in_long_line || !self.buffer.trim_ascii().is_empty() {
                break;
            }
        }
        let text = if self.in_long_line {
            Err("the line is longer than 64 MiB, which no record is")
        } else {
            let line = self.buffer.strip_prefix("\u{feff}".as_bytes()).unwrap_or(&self.buffer);
            std::str::from_utf8(line).map_err(|_| "the line is not UTF-8 text")
        };
        Ok(Some(Line { number: self.number, text }))
    }

    /// Reads a line, or as much of it as the limit allows; false at the end.
    fn fill(&mut self) -> io::Result<bool> {
        self.buffer.clear();
        let read = self.reader.by_ref().take(MAX_ROW_BYTES + 1).read_until(b'\n', &mut self.buffer)?;
        self.bytes += read as u64;
        self.number += 1;
        if read as u64 > MAX_ROW_BYTES && self.buffer.last() != Some(&b'\n') {
            self.in_long_line = true;
            self.buffer = Vec::new();
        }
        Ok(read > 0)
    }

    fn skip_to_line_end(&mut self) -> io::Result<()> {
        self.in_long_line = false;
        loop {
            let available = self.reader.fill_buf()?;
            if available.is_empty() {
                return Ok(());
            }
            let end = available.iter().position(|&b| b == b'\n');
            let used = end.map_or(available.len(), |at| at + 1);
            self.reader.consume(used);
            self.bytes += used as u64;
            if end.is_some() {
                return Ok(());
            }
        }
    }
}
