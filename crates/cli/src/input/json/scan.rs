//! JSON values cut out of a stream, none parsed.

use std::io::{self, BufRead};

use super::super::rows::MAX_ROW_BYTES;

/// A reader with its position.
#[derive(Debug)]
pub(super) struct Scanner<R> {
    reader: R,
    line: u64,
    column: u64,
    bytes: u64,
}

/// How a value ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    /// At its end.
    Whole,
    /// With the text, which is too short.
    Short,
    /// At the limit.
    Long,
}

/// Where a value that is being read is.
#[derive(Debug, Default)]
struct State {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl<R: BufRead> Scanner<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 1, column: 1, bytes: 0 }
    }

    /// Line and column of the next byte, counted from 1.
    pub(super) fn position(&self) -> (u64, u64) {
        (self.line, self.column)
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// The next byte that is not blank, which stays to be read; a byte order mark is blank.
    pub(super) fn peek(&mut self) -> io::Result<Option<u8>> {
        self.peek_after(&mut Vec::new())
    }

    /// The same; blanks before it are kept.
    pub(super) fn peek_after(&mut self, blanks: &mut Vec<u8>) -> io::Result<Option<u8>> {
        loop {
            let buffer = self.reader.fill_buf()?;
            let Some(&first) = buffer.first() else { return Ok(None) };
            if self.bytes < 3 && b"\xef\xbb\xbf".contains(&first) {
                self.pass(1);
                continue;
            }
            let blank = buffer.iter().take_while(|b| b.is_ascii_whitespace()).count();
            if blank == 0 {
                return Ok(Some(first));
            }
            blanks.extend_from_slice(&buffer[..blank]);
            self.pass(blank);
        }
    }

    /// Passes over the next byte.
    pub(super) fn take(&mut self) -> io::Result<()> {
        if !self.reader.fill_buf()?.is_empty() {
            self.pass(1);
        }
        Ok(())
    }

    /// Appends the text of the next value.
    pub(super) fn value(&mut self, text: &mut Vec<u8>) -> io::Result<Cut> {
        if self.peek()?.is_none() {
            return Ok(Cut::Short);
        }
        self.read(text, State::default(), MAX_ROW_BYTES)
    }

    /// Appends the rest of a list or an object whose opening bracket was read.
    pub(super) fn rest(&mut self, text: &mut Vec<u8>, limit: u64) -> io::Result<Cut> {
        self.read(text, State { depth: 1, begun: true, ..State::default() }, limit)
    }

    fn read(&mut self, text: &mut Vec<u8>, mut state: State, limit: u64) -> io::Result<Cut> {
        let start = text.len();
        loop {
            let buffer = self.reader.fill_buf()?;
            if buffer.is_empty() {
                // A number or a word may end with the text.
                let ends = state.depth == 0 && !state.in_string && state.begun;
                return Ok(if ends { Cut::Whole } else { Cut::Short });
            }
            let end = buffer.iter().position(|&byte| state.ends_before(byte));
            let used = end.unwrap_or(buffer.len());
            text.extend_from_slice(&buffer[..used]);
            self.pass(used);
            if end.is_some() {
                return Ok(Cut::Whole);
            }
            if (text.len() - start) as u64 > limit {
                return Ok(Cut::Long);
            }
        }
    }

    fn pass(&mut self, count: usize) {
        let Ok(buffer) = self.reader.fill_buf() else { return };
        for byte in &buffer[..count.min(buffer.len())] {
            match byte {
                b'\n' => (self.line, self.column) = (self.line + 1, 1),
                // What continues a character is no column of its own, and neither is a byte order mark.
                0x80..=0xbf => {}
                0xef if self.bytes == 0 => {}
                _ => self.column += 1,
            }
        }
        self.bytes += count as u64;
        self.reader.consume(count);
    }
}

impl State {
    /// Takes up a byte; says whether the value was at its end before it.
    fn ends_before(&mut self, byte: u8) -> bool {
        if self.begun && self.depth == 0 && !self.in_string && self.is_past(byte) {
            return true;
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
        self.begun = true;
        false
    }

    fn is_past(&self, byte: u8) -> bool {
        byte.is_ascii_whitespace() || matches!(byte, b',' | b':' | b'}' | b']' | b'{' | b'[' | b'"')
    }
}
