//! Tables that are readable at 100 columns, and at fewer where the terminal has no more.

use std::collections::BTreeMap;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Row, Table, TableStyle};
use portolan::{IndexSpec, Metadata, Record, SearchResult, Value};
use serde_json::Value as Json;

const RULED: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
const WIDTH: u16 = 100;
const LONGEST_CELL: usize = 32;
const NARROWEST: u16 = 24;
/// What a field needs to say something, and what stands beside the fields.
const FIELD_WIDTH: usize = 12;
const OTHER_WIDTH: usize = 28;
const FEWEST_FIELDS: usize = 4;
const MOST_FIELDS: usize = 6;
const SHOWN_COMPONENTS: usize = 3;

/// A table with these headings.
pub(crate) fn table<S: Into<String>>(headings: impl IntoIterator<Item = S>) -> Table {
    let mut table = Table::new();
    let headings: Vec<Cell> = headings.into_iter().map(|h| Cell::new(h.into())).collect();
    table.load_style(RULED).set_content_arrangement(ContentArrangement::Dynamic).set_width(width());
    table.set_header(one_line(headings)).set_truncation_indicator("…");
    table
}

/// Names and values, one pair a line; what is absent is left out.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, Option<String>)>) -> String {
    let facts: Vec<(&str, String)> =
        facts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    let width = facts.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines: Vec<String> = facts.iter().map(|(name, value)| format!("{name:width$}  {value}")).collect();
    lines.join("\n")
}

/// The matches of a search.
pub(crate) fn matches(result: &SearchResult, spec: Option<&IndexSpec>, asked: &[String]) -> String {
    if result.matches.is_empty() {
        return "No record matches.".to_owned();
    }
    let columns = columns(result.matches.iter().map(|m| &m.metadata), spec, asked);
    let vectors = result.matches.iter().any(|m| m.vector.is_some());
    let headings = ["#", "id", "score"].into_iter().chain(columns.iter().map(String::as_str));
    let mut table = table(headings.chain(vectors.then_some("vector")));
    for (n, found) in result.matches.iter().enumerate() {
        let mut row = vec![
            right((result.offset + n + 1).to_string()),
            Cell::new(clip(&found.id)),
            right(format!("{:.4}", found.score)),
        ];
        row.extend(columns.iter().map(|c| value_cell(found.metadata.get(c))));
        if vectors {
            row.push(Cell::new(found.vector.as_deref().map(vector).unwrap_or_default()));
        }
        table.add_row(one_line(row));
    }
    table.to_string()
}

/// Records.
pub(crate) fn records(records: &[Record], spec: Option<&IndexSpec>, asked: &[String]) -> String {
    if records.is_empty() {
        return "There is no such record.".to_owned();
    }
    let columns = columns(records.iter().map(|r| &r.metadata), spec, asked);
    let vectors = records.iter().any(|r| r.vector.is_some());
    let headings = std::iter::once("id").chain(columns.iter().map(String::as_str));
    let mut table = table(headings.chain(vectors.then_some("vector")));
    for record in records {
        let mut row = vec![Cell::new(clip(&record.id))];
        row.extend(columns.iter().map(|c| value_cell(record.metadata.get(c))));
        if vectors {
            row.push(Cell::new(record.vector.as_deref().map(vector).unwrap_or_default()));
        }
        table.add_row(one_line(row));
    }
    table.to_string()
}

/// A right-aligned cell.
pub(crate) fn right(text: impl Into<String>) -> Cell {
    Cell::new(text.into()).set_alignment(CellAlignment::Right)
}

/// An integer with its thousands apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many records.
pub(crate) fn record_count(records: u64) -> String {
    format!("{} record{}", count(records), if records == 1 { "" } else { "s" })
}

/// A size.
pub(crate) fn bytes(bytes: u64) -> String {
    indicatif::HumanBytes(bytes).to_string()
}

/// The fields to show: those asked for; else names and the declared fields that occur; and where those are few, those
/// most often there, the long texts last.
fn columns<'a>(
    rows: impl Iterator<Item = &'a Metadata>,
    spec: Option<&IndexSpec>,
    asked: &[String],
) -> Vec<String> {
    if !asked.is_empty() {
        return asked.to_vec();
    }
    let mut seen: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (key, value) in rows.flat_map(Metadata::iter) {
        let (times, longest) = seen.entry(key).or_default();
        *times += 1;
        *longest = (*longest).max(value.to_string().chars().count());
    }
    let declared = |key: &str| spec.is_some_and(|s| s.fields.contains_key(key));
    let mut fields: Vec<(&str, (usize, usize))> = seen.into_iter().collect();
    fields.sort_by_key(|(key, (times, longest))| {
        (!is_name(key), !declared(key), *longest > LONGEST_CELL, std::cmp::Reverse(*times))
    });
    let telling = fields.iter().filter(|(key, _)| is_name(key) || declared(key)).count();
    let shown = telling.clamp(FEWEST_FIELDS, MOST_FIELDS).min(fields_within(width()));
    fields.into_iter().take(shown).map(|(key, _)| key.to_owned()).collect()
}

/// How wide a table may be: as `COLUMNS` or the terminal says, and no wider than is readable.
fn width() -> u16 {
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = columns.or_else(|| Table::new().width());
    width.map_or(WIDTH, |width: u16| width.clamp(NARROWEST, WIDTH))
}

/// How many fields say something within a width.
fn fields_within(width: u16) -> usize {
    (usize::from(width).saturating_sub(OTHER_WIDTH) / FIELD_WIDTH).max(1)
}

fn is_name(key: &str) -> bool {
    matches!(key, "name" | "title") || key.ends_with("_name")
}

fn value_cell(value: Option<&Value>) -> Cell {
    let text = value.map(|v| clip(&v.to_string())).unwrap_or_default();
    match value {
        Some(v) if v.as_float().is_some() => right(text),
        _ => Cell::new(text),
    }
}

/// What does not fit is cut off, so that each row has one line.
fn one_line(cells: Vec<Cell>) -> Row {
    let mut row = Row::from(cells);
    row.max_height(1);
    row
}

/// Long text, clipped, on one line.
fn clip(text: &str) -> String {
    let mut line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let mut clipped: String = line.by_ref().take(LONGEST_CELL).collect();
    if line.next().is_some() {
        clipped.pop();
        clipped.push('…');
    }
    clipped
}

fn vector(vector: &[f32]) -> String {
    let shown: Vec<String> = vector.iter().take(SHOWN_COMPONENTS).map(|x| format!("{x:.4}")).collect();
    let rest = if vector.len() > SHOWN_COMPONENTS { ", …" } else { "" };
    format!("[{}{rest}]", shown.join(", "))
}

/// A JSON value as a cell shows it.
pub(crate) fn json_text(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_clipped_by_characters() {
        assert_eq!(clip("short"), "short");
        let clipped = clip(&"ä".repeat(50));
        assert_eq!((clipped.chars().count(), clipped.ends_with('…')), (LONGEST_CELL, true));
        assert_eq!(clip("two\nlines"), "two lines");
    }

    #[test]
    fn thousands_stand_apart() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1000, "1,000"), (60_000, "60,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), text);
        }
    }

    #[test]
    fn names_and_declared_fields_come_first() {
        let spec = IndexSpec::new("companies", 2).field("country", portolan::FieldType::String);
        let row = Metadata::new()
            .with("about", "x".repeat(200))
            .with("company_name", "Stripe")
            .with("country", "US")
            .with("age", 15);
        let columns = columns(std::iter::once(&row), Some(&spec), &[]);
        assert_eq!(columns, ["company_name", "country", "age", "about"]);
    }

    #[test]
    fn fewer_fields_are_shown_where_there_is_less_room() {
        for (width, fields) in [(NARROWEST, 1), (40, 1), (60, 2), (80, 4), (WIDTH, MOST_FIELDS)] {
            assert_eq!(fields_within(width), fields, "{width}");
        }
    }

    #[test]
    fn no_line_is_longer_than_the_width() {
        let long = "x".repeat(500);
        let metadata: Metadata =
            ["a", "b", "c", "d", "e"].map(|key| (key, long.clone())).into_iter().collect();
        let record = Record::new(long, vec![0.5; 384]).metadata(metadata);
        let text = records(&[record], None, &[]);
        assert!(text.lines().all(|l| l.chars().count() <= usize::from(WIDTH)), "{text}");
    }
}
