//! One JSON document: a list of records, read one by one, an object that holds such a list, columns, or records laid
//! out over several lines.

use std::io::{self, BufRead};
use std::path::{Path, PathBuf};

use portolan::{Error, Result};

use super::super::json_text::Wrong;
use super::super::roles::Told;
use super::super::rows::{Row, Rows};
use super::columns::Columns;
use super::keyed::Keyed;
use super::records::Objects;
use super::scan::{Cut, Scanner};
use super::shape::{ENVELOPES, holds_records};
use crate::failure::file_error;

/// The most bytes of an object that must be kept: one that has no list of records.
const MAX_KEPT: usize = 1 << 30;

/// The records of a document.
pub(in crate::input) struct Document<R> {
    scanner: Scanner<R>,
    path: PathBuf,
    objects: Objects,
    state: State,
}

/// What is read next.
enum State {
    /// The beginning.
    Start,
    /// The items of a list inside so many objects; whether one was read.
    Items { objects: usize, begun: bool },
    /// Records one after the other, the first of which was read already.
    Records(Option<Text>),
    /// The rows of columns.
    Columns(Columns),
    /// Objects by their ids.
    Keyed(Keyed),
    /// Nothing.
    End,
}

/// A text and where it begins.
struct Text {
    text: Vec<u8>,
    line: u64,
    column: u64,
}

impl<R: BufRead> Document<R> {
    pub(in crate::input) fn new(reader: R, path: &Path, objects: Objects) -> Self {
        Self { scanner: Scanner::new(reader), path: path.to_owned(), objects, state: State::Start }
    }

    fn advance(&mut self) -> Result<Option<Row>> {
        loop {
            match &mut self.state {
                State::Start => self.state = self.start()?,
                State::Items { objects, begun } => {
                    let (objects, begun) = (*objects, *begun);
                    match self.item(begun)? {
                        Some(text) => {
                            self.state = State::Items { objects, begun: true };
                            return self.row(&text).map(Some);
                        }
                        None => {
                            self.close(objects)?;
                            self.state = State::End;
                        }
                    }
                }
                State::Records(first) => {
                    let Some(text) = first.take().map_or_else(|| self.record(), |text| Ok(Some(text)))?
                    else {
                        self.state = State::End;
                        continue;
                    };
                    return self.row(&text).map(Some);
                }
                State::Columns(columns) => return Ok(columns.next_row(&mut self.objects)),
                State::Keyed(keyed) => return Ok(keyed.next_row(&mut self.objects)),
                State::End => return Ok(None),
            }
        }
    }

    fn start(&mut self) -> Result<State> {
        match self.peek()? {
            None => Ok(State::End),
            Some(b'[') => {
                self.take()?;
                Ok(State::Items { objects: 0, begun: false })
            }
            Some(b'{') => self.start_object(),
            Some(_) => {
                Err(self.wrong("this is no JSON: a list of records begins with [, and a record with {"))
            }
        }
    }

    /// Looks for the list in an object; an object without one is a record, or columns.
    fn start_object(&mut self) -> Result<State> {
        let (line, column) = self.scanner.position();
        let mut text = Vec::new();
        if let Some(objects) = self.find_list(&mut text, 1)? {
            return Ok(State::Items { objects, begun: false });
        }
        let keyed = std::str::from_utf8(&text).ok().and_then(|text| Keyed::find(text, line, column));
        if let Some(keyed) = keyed.filter(|_| !holds_records(&text)) {
            return self.end().map(|()| State::Keyed(keyed));
        }
        if !holds_records(&text) {
            return Ok(State::Records(Some(Text { text, line, column })));
        }
        self.end()?;
        let text = String::from_utf8(text).map_err(|_| self.wrong("the text is not UTF-8"))?;
        Columns::new(text, line, column).map(State::Columns).map_err(|wrong| self.located(&wrong))
    }

    /// Makes sure that the text ends here.
    fn end(&mut self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(_) => Err(self.wrong("something follows the end of the object")),
        }
    }

    /// Reads an object up to a list of objects in it, and gives how deep that lies; the text of an object without one
    /// is kept.
    fn find_list(&mut self, text: &mut Vec<u8>, depth: usize) -> Result<Option<usize>> {
        self.copy(text)?;
        let mut is_record = false;
        loop {
            match self.peek_after(text)? {
                Some(b'}') => {
                    self.copy(text)?;
                    return Ok(None);
                }
                Some(b',') => self.copy(text)?,
                Some(b'"') => {
                    let begins = text.len();
                    self.value(text)?;
                    let key: String = serde_json::from_slice(&text[begins..]).unwrap_or_default();
                    is_record |= depth == 1 && ["id", "_id", "uuid"].contains(&key.as_str());
                    if self.peek_after(text)? != Some(b':') {
                        return Err(self.wrong("a colon is missing after a key"));
                    }
                    self.copy(text)?;
                    let may_hold = !is_record && (depth > 1 || ENVELOPES.contains(&key.as_str()));
                    if let Some(found) = self.find_in_value(text, depth, may_hold)? {
                        return Ok(Some(found));
                    }
                }
                Some(_) => return Err(self.wrong("a key in double quotes is missing")),
                None => return Err(self.wrong("it ends inside an object, before its }; was it cut off?")),
            }
        }
    }

    fn find_in_value(&mut self, text: &mut Vec<u8>, depth: usize, may_hold: bool) -> Result<Option<usize>> {
        match self.peek_after(text)? {
            Some(b'[') if may_hold => {
                self.copy(text)?;
                if matches!(self.peek_after(text)?, Some(b'{' | b']')) {
                    return Ok(Some(depth));
                }
                let cut = self.scanner.rest(text, MAX_KEPT as u64);
                self.check(cut)?;
            }
            Some(b'{') if may_hold && depth < 4 => return self.find_list(text, depth + 1),
            _ => self.value(text)?,
        }
        if text.len() > MAX_KEPT {
            return Err(self.wrong(
                "the object is longer than 1 GiB and has no list of records, which could be read one by one; write \
                 it as JSON lines",
            ));
        }
        Ok(None)
    }

    /// The next item of a list; none at its end.
    fn item(&mut self, begun: bool) -> Result<Option<Text>> {
        let next = self.peek()?;
        match next {
            Some(b']') => return self.take().map(|()| None),
            Some(b',') if begun => {
                self.take()?;
                if self.peek()? == Some(b']') {
                    return Err(self.wrong("trailing comma: a record is missing before ]"));
                }
            }
            Some(_) if begun => return Err(self.wrong("a comma or ] is missing")),
            _ => {}
        }
        self.text().map(Some)
    }

    /// The next of several records; none at the end.
    fn record(&mut self) -> Result<Option<Text>> {
        match self.peek()? {
            None => Ok(None),
            Some(b'{') => self.text().map(Some),
            Some(_) => Err(self.wrong(
                "something follows the end of the object; records that follow each other begin with {",
            )),
        }
    }

    fn text(&mut self) -> Result<Text> {
        if self.peek()?.is_none() {
            return Err(self.wrong("it ends inside a list, before its ]; was it cut off?"));
        }
        let (line, column) = self.scanner.position();
        let mut text = Vec::new();
        self.value(&mut text)?;
        Ok(Text { text, line, column })
    }

    fn row(&mut self, Text { text, line, column }: &Text) -> Result<Row> {
        let Ok(text) = std::str::from_utf8(text) else {
            return Ok(Row { line: *line, record: Err(Error::invalid("the record is not UTF-8 text")) });
        };
        Ok(match self.objects.record(text) {
            Ok(record) => Row { line: *line, record: Ok(record) },
            Err(wrong) => {
                let (line, error) = wrong.located(text, *line, *column);
                Row { line, record: Err(error) }
            }
        })
    }

    /// Reads what follows the list in the objects around it.
    fn close(&mut self, mut objects: usize) -> Result<()> {
        while objects > 0 {
            match self.peek()? {
                Some(b'}') => {
                    self.take()?;
                    objects -= 1;
                }
                Some(b',' | b':' | b'"') => {
                    let is_string = self.peek()? == Some(b'"');
                    if is_string { self.value(&mut Vec::new())? } else { self.take()? }
                }
                Some(b'{' | b'[' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => self.value(&mut Vec::new())?,
                Some(_) => return Err(self.wrong("a comma or } is missing")),
                None => return Err(self.wrong("it ends inside an object, before its }; was it cut off?")),
            }
        }
        if self.peek()?.is_some() {
            return Err(self.wrong("something follows the end of the list"));
        }
        Ok(())
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        self.scanner.peek().map_err(|e| self.unread(&e))
    }

    fn peek_after(&mut self, text: &mut Vec<u8>) -> Result<Option<u8>> {
        self.scanner.peek_after(text).map_err(|e| self.unread(&e))
    }

    fn take(&mut self) -> Result<()> {
        self.scanner.take().map_err(|e| self.unread(&e))
    }

    /// Passes over a byte, which is kept.
    fn copy(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let byte = self.peek_after(text)?;
        text.extend(byte);
        self.take()
    }

    fn value(&mut self, text: &mut Vec<u8>) -> Result<()> {
        let cut = self.scanner.value(text);
        self.check(cut)
    }

    fn check(&self, cut: io::Result<Cut>) -> Result<()> {
        match cut.map_err(|e| self.unread(&e))? {
            Cut::Whole => Ok(()),
            Cut::Short => Err(self.wrong("it ends inside a record or a value; was it cut off?")),
            Cut::Long => {
                Err(self.wrong("the value is longer than 64 MiB, which no record is; is a quote not closed?"))
            }
        }
    }

    fn unread(&self, error: &io::Error) -> Error {
        file_error(&self.path, "read", error)
    }

    /// The error of the document here.
    fn wrong(&self, what: &str) -> Error {
        let (line, column) = self.scanner.position();
        Error::invalid(format!("{}, line {line}: {what}, column {column}", self.path.display()))
    }

    fn located(&self, wrong: &Wrong) -> Error {
        Error::invalid(format!("{}: {}", self.path.display(), wrong.message))
    }
}

impl<R: BufRead> Iterator for Document<R> {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        let row = self.advance();
        if row.is_err() {
            self.state = State::End;
        }
        row.transpose()
    }
}

impl<R: BufRead + Send> Rows for Document<R> {
    fn pass_over(&mut self, rows: u64) -> Result<u64> {
        for passed in 0..rows {
            let is_passed = match &self.state {
                State::Items { objects, begun: true } => {
                    let objects = *objects;
                    let is_item = self.item(true)?.is_some();
                    if !is_item {
                        self.close(objects)?;
                        self.state = State::End;
                    }
                    is_item
                }
                _ => self.advance()?.is_some(),
            };
            if !is_passed {
                return Ok(passed);
            }
        }
        Ok(rows)
    }

    fn bytes_read(&self) -> u64 {
        self.scanner.bytes_read()
    }

    fn told(&self) -> Option<Told> {
        self.objects.told()
    }
}
