//! Cells of a table, strictly: a quote that opens is closed, and nothing follows it in its cell. (The csv crate takes
//! both as they come, so that one stray quote makes a cell of all rows behind it.)

use std::io::{self, BufRead};

use memchr::{memchr2, memchr3};

use super::super::rows::MAX_ROW_BYTES;

/// Reads row by row into one buffer.
#[derive(Debug)]
pub(super) struct Cells<R> {
    reader: R,
    delimiter: u8,
    /// Whether blanks around cells without quotes are dropped.
    trims: bool,
    /// The line that is read, counted from 1.
    line: u64,
    bytes: u64,
    after_return: bool,
    text: Vec<u8>,
    /// Where each cell ends, and whether it had quotes.
    ends: Vec<(usize, bool)>,
    /// The line of the quote that was opened last, and its cell.
    quote: (u64, usize),
}

/// Why a table cannot be read on.
#[derive(Debug)]
pub(super) enum Broken {
    /// The file cannot be read.
    File(io::Error),
    /// The text is wrong in this line.
    Text { line: u64, what: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing of the cell was read, or only blanks.
    Start,
    /// A cell without quotes.
    Plain,
    /// Between quotes.
    Quoted,
    /// Behind a quote, which may be the first of two.
    Quote,
    /// Behind the closing quote and a blank.
    Closed,
}

impl<R: BufRead> Cells<R> {
    pub(super) fn new(reader: R, delimiter: u8) -> Self {
        Self {
            reader,
            delimiter,
            trims: false,
            line: 1,
            bytes: 0,
            after_return: false,
            text: Vec::new(),
            ends: Vec::new(),
            quote: (0, 0),
        }
    }

    /// How many bytes have been read.
    pub(super) fn bytes_read(&self) -> u64 {
        self.bytes
    }

    /// Drops blanks around cells without quotes from now on.
    pub(super) fn trim(&mut self) {
        self.trims = true;
    }

    /// Reads the next row that is not blank, and gives its line.
    pub(super) fn read(&mut self) -> Result<Option<u64>, Broken> {
        loop {
            let line = self.line;
            self.text.clear();
            self.ends.clear();
            if !self.read_row()? {
                return Ok(None);
            }
            let is_blank = self.ends.len() == 1 && !self.ends[0].1 && self.text.trim_ascii().is_empty();
            if !is_blank {
                // A line feed that belongs to the row before is not a line of its own.
                return Ok(Some(line));
            }
        }
    }

    /// How many cells the row has.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The cells; none where the row is not UTF-8 text.
    pub(super) fn cells(&self) -> Option<Vec<&str>> {
        let text = std::str::from_utf8(&self.text).ok()?;
        let mut begin = 0;
        let cell = |(end, quoted): &(usize, bool)| {
            let cell = &text[std::mem::replace(&mut begin, *end)..*end];
            if self.trims && !quoted { cell.trim() } else { cell }
        };
        Some(self.ends.iter().map(cell).collect())
    }

    /// Whether a cell without quotes has blanks around it.
    pub(super) fn has_blanks(&self) -> bool {
        let mut begin = 0;
        self.ends.iter().any(|(end, quoted)| {
            let cell = &self.text[std::mem::replace(&mut begin, *end)..*end];
            !quoted && cell.trim_ascii().len() < cell.len()
        })
    }

    /// Reads to the end of a row; false where there is none.
    fn read_row(&mut self) -> Result<bool, Broken> {
        let mut state = State::Start;
        let mut was_quoted = false;
        loop {
            self.skip_run(state)?;
            let Some(byte) = self.next()? else {
                return match state {
                    State::Quoted => Err(self.unclosed("is not closed before the end of the file")),
                    State::Start if self.ends.is_empty() && self.text.is_empty() => Ok(false),
                    _ => {
                        self.ends.push((self.text.len(), was_quoted));
                        Ok(true)
                    }
                };
            };
            let ends_row = matches!(byte, b'\n' | b'\r');
            match state {
                State::Quoted if byte == b'"' => state = State::Quote,
                State::Quoted => self.text.push(byte),
                State::Quote if byte == b'"' => {
                    self.text.push(byte);
                    state = State::Quoted;
                }
                _ if byte == self.delimiter || ends_row => {
                    self.ends.push((self.text.len(), was_quoted));
                    if ends_row {
                        return Ok(true);
                    }
                    (state, was_quoted) = (State::Start, false);
                }
                State::Start if byte == b'"' => {
                    self.text.truncate(self.cell_start());
                    self.quote = (self.line, self.ends.len());
                    (state, was_quoted) = (State::Quoted, true);
                }
                State::Start | State::Plain => {
                    self.text.push(byte);
                    if byte != b' ' {
                        state = State::Plain;
                    }
                }
                State::Quote | State::Closed if byte == b' ' => state = State::Closed,
                State::Quote | State::Closed => return Err(self.after_quote(byte)),
            }
            if self.text.len() as u64 > MAX_ROW_BYTES {
                return Err(self.too_long(state));
            }
        }
    }

    /// Copies what needs no look at each byte.
    fn skip_run(&mut self, state: State) -> Result<(), Broken> {
        if !matches!(state, State::Plain | State::Quoted) || self.after_return {
            return Ok(());
        }
        loop {
            let buffer = self.reader.fill_buf().map_err(Broken::File)?;
            let end = match state {
                State::Plain => memchr3(self.delimiter, b'\n', b'\r', buffer),
                _ => memchr3(b'"', b'\n', b'\r', buffer),
            };
            let run = end.unwrap_or(buffer.len());
            self.text.extend_from_slice(&buffer[..run]);
            self.reader.consume(run);
            self.bytes += run as u64;
            if end.is_some() || run == 0 {
                return Ok(());
            }
            if self.text.len() as u64 > MAX_ROW_BYTES {
                return Err(self.too_long(state));
            }
        }
    }

    /// The next byte; a line feed behind a carriage return is dropped outside quotes, where both end one row.
    fn next(&mut self) -> Result<Option<u8>, Broken> {
        let buffer = self.reader.fill_buf().map_err(Broken::File)?;
        let Some(&byte) = buffer.first() else { return Ok(None) };
        self.reader.consume(1);
        self.bytes += 1;
        match byte {
            b'\n' if self.after_return => {}
            b'\n' | b'\r' => self.line += 1,
            _ => {}
        }
        self.after_return = byte == b'\r';
        Ok(Some(byte))
    }

    fn cell_start(&self) -> usize {
        self.ends.last().map_or(0, |(end, _)| *end)
    }

    fn unclosed(&self, how: &str) -> Broken {
        let (line, cell) = self.quote;
        Broken::Text { line, what: format!("the quote that opens cell {} {how}", cell + 1) }
    }

    fn after_quote(&self, byte: u8) -> Broken {
        let (line, cell) = self.quote;
        let what = format!(
            "in cell {}, which begins with a quote, {:?} follows the closing quote; a quote inside is written twice",
            cell + 1,
            char::from(byte)
        );
        Broken::Text { line, what }
    }

    fn too_long(&self, state: State) -> Broken {
        match state {
            State::Quoted => self.unclosed("is not closed within 64 MiB, which is longer than any record"),
            _ => Broken::Text {
                line: self.line,
                what: "the row is longer than 64 MiB, which no record is".to_owned(),
            },
        }
    }
}

/// The first row of a table with what ends it, also where it has quoted line breaks; at most `limit` bytes.
pub(super) fn first_row(reader: &mut impl BufRead, limit: usize) -> io::Result<Vec<u8>> {
    let mut row = Vec::new();
    let mut in_quotes = false;
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() || row.len() > limit {
            return Ok(row);
        }
        let stop = memchr2(b'"', b'\n', buffer);
        let used = stop.map_or(buffer.len(), |at| at + 1);
        row.extend_from_slice(&buffer[..used]);
        let byte = stop.map(|at| buffer[at]);
        reader.consume(used);
        match byte {
            Some(b'"') => in_quotes = !in_quotes,
            Some(b'\n') if !in_quotes && !row.trim_ascii().is_empty() => return Ok(row),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    type Rows = Vec<(u64, Vec<String>)>;

    fn rows(text: &str) -> Result<Rows, (u64, String)> {
        let mut cells = Cells::new(Cursor::new(text.as_bytes().to_vec()), b',');
        let mut rows = Vec::new();
        loop {
            match cells.read() {
                Ok(None) => return Ok(rows),
                Ok(Some(line)) => {
                    rows.push((line, cells.cells().unwrap().into_iter().map(str::to_owned).collect()));
                }
                Err(Broken::Text { line, what }) => return Err((line, what)),
                Err(Broken::File(e)) => panic!("{e}"),
            }
        }
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|&c| c.to_owned()).collect())
    }

    #[test]
    fn rows_have_the_lines_of_an_editor() {
        for (text, expected) in [
            ("a,b\nc,d", vec![row(1, &["a", "b"]), row(2, &["c", "d"])]),
            ("a,b\r\n\r\nc,d\r\n", vec![row(1, &["a", "b"]), row(3, &["c", "d"])]),
            ("a,b\rc,d\r", vec![row(1, &["a", "b"]), row(2, &["c", "d"])]),
            ("\n \na,b\n", vec![row(3, &["a", "b"])]),
            ("\"a\r\nx\",b\r\nc,d", vec![row(1, &["a\r\nx", "b"]), row(3, &["c", "d"])]),
            ("a,\n,b\n,\n", vec![row(1, &["a", ""]), row(2, &["", "b"]), row(3, &["", ""])]),
            ("", vec![]),
            ("\"\"\n", vec![row(1, &[""])]),
        ] {
            assert_eq!(rows(text).unwrap(), expected, "{text:?}");
        }
    }

    #[test]
    fn quotes_are_strict_and_may_follow_blanks() {
        for (text, expected) in [
            ("\"a,b\",c", vec![row(1, &["a,b", "c"])]),
            ("\"a \"\"b\"\"\",c", vec![row(1, &["a \"b\"", "c"])]),
            ("a, \"b,c\" ,d", vec![row(1, &["a", "b,c", "d"])]),
            ("5\" pipe,a\"b", vec![row(1, &["5\" pipe", "a\"b"])]),
            ("a, b ", vec![row(1, &["a", " b "])]),
        ] {
            assert_eq!(rows(text).unwrap(), expected, "{text:?}");
        }
        for (text, line, words) in [
            ("a,b\nc,\"oops\nd,e\n", 2, "the quote that opens cell 2 is not closed before the end"),
            ("a,b\n\"c\"x,d\n", 2, "in cell 1, which begins with a quote, 'x' follows"),
            ("a,b\n\"c\" \"d\",e\n", 2, "'\"' follows"),
        ] {
            let (at, what) = rows(text).unwrap_err();
            assert!(at == line && what.contains(words), "{text:?}: {at} {what}");
        }
    }

    #[test]
    fn the_first_row_ends_outside_quotes() {
        let mut reader = Cursor::new(b"\n\"a\nb\",c\nd".to_vec());
        assert_eq!(first_row(&mut reader, 100).unwrap(), b"\n\"a\nb\",c\n");
    }
}
