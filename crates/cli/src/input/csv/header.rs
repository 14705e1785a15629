//! The first row of a table, and what separates its cells.

use std::io::{BufRead, Cursor};

use portolan::{Error, Result};

use super::super::reread::{Reread, reread};
use super::super::roles::{Choice, Roles};
use super::cells::{Broken, Cells, first_row};

/// What may separate cells, the most usual first.
const DELIMITERS: [u8; 4] = [b',', b';', b'\t', b'|'];

/// What separates the cells of a table.
#[derive(Debug, Clone, Copy)]
pub(in crate::input) enum Delimiter {
    /// What the user says.
    Given(u8),
    /// What the first row shows, most likely the usual one.
    Found { usual: u8 },
}

/// More bytes than the names of columns take.
const MOST: usize = 8 << 20;

/// A table whose first row was read.
pub(super) struct Header<R> {
    /// The rows that follow.
    pub(super) cells: Cells<Reread<R>>,
    /// What the columns are.
    pub(super) roles: Roles,
    /// What was found to separate cells, where it is not the usual.
    pub(super) found: Option<u8>,
}

/// Reads the first row.
pub(super) fn header<R: BufRead>(mut reader: R, delimiter: Delimiter, choice: &Choice) -> Result<Header<R>> {
    let mut row =
        first_row(&mut reader, MOST).map_err(|e| Error::invalid(format!("it cannot be read: {e}")))?;
    if row.starts_with(b"\xff\xfe") || row.starts_with(b"\xfe\xff") {
        return Err(Error::invalid("it is UTF-16 text; save it as UTF-8 (in Excel, `CSV UTF-8`)"));
    }
    if let Some(rest) = row.strip_prefix("\u{feff}".as_bytes()) {
        row = rest.to_vec();
    }
    if row.trim_ascii().is_empty() {
        return Err(Error::invalid("it has no first row with the names of the columns"));
    }
    let (delimiter, found) = match delimiter {
        Delimiter::Given(given) => (given, None),
        Delimiter::Found { usual } => {
            let found = sniffed(&row, usual, choice);
            (found, (found != usual).then_some(found))
        }
    };
    let mut cells = Cells::new(reread(row, reader), delimiter);
    cells.read().map_err(|broken| match broken {
        Broken::File(e) => Error::invalid(format!("it cannot be read: {e}")),
        Broken::Text { line, what } => Error::invalid(format!("line {line}: {what}")),
    })?;
    if cells.has_blanks() {
        cells.trim();
    }
    let names = cells.cells().ok_or_else(|| Error::invalid("the names of the columns are not UTF-8 text"))?;
    let names: Vec<&str> = names.into_iter().map(str::trim).collect();
    let roles = Roles::of(choice, &names)?;
    Ok(Header { cells, roles, found })
}

/// What a delimiter is called.
pub(super) fn name_of(delimiter: u8) -> String {
    match delimiter {
        b'\t' => "tabs".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}

/// The delimiter by which the columns have what is needed, or else the one that makes the most columns.
fn sniffed(row: &[u8], usual: u8, choice: &Choice) -> u8 {
    let others = DELIMITERS.into_iter().filter(|delimiter| *delimiter != usual);
    let split: Vec<(u8, usize, bool)> = std::iter::once(usual)
        .chain(others)
        .map(|delimiter| {
            let mut cells = Cells::new(Cursor::new(row), delimiter);
            let read = matches!(cells.read(), Ok(Some(_)));
            let names = if read { cells.cells().unwrap_or_default() } else { Vec::new() };
            let names: Vec<&str> = names.into_iter().map(str::trim).collect();
            (delimiter, names.len(), Roles::of(choice, &names).is_ok())
        })
        .collect();
    let fits = split.iter().find(|(_, _, fits)| *fits);
    // Of equals the first is taken.
    let most = || split.iter().rev().max_by_key(|(_, columns, _)| *columns);
    fits.or_else(most).map_or(usual, |(delimiter, ..)| *delimiter)
}

/// The delimiter that a user names.
pub(crate) fn delimiter(text: &str) -> Result<u8, String> {
    match text {
        "tab" | "\\t" => Ok(b'\t'),
        "comma" => Ok(b','),
        "semicolon" => Ok(b';'),
        "pipe" => Ok(b'|'),
        _ => match text.as_bytes() {
            [byte] if byte.is_ascii() && !byte.is_ascii_alphanumeric() && !b"\"\r\n".contains(byte) => {
                Ok(*byte)
            }
            _ => Err(format!("{text:?} is no delimiter; say , or ; or | or tab, or another single sign")),
        },
    }
}
