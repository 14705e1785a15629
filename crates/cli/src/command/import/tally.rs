//! What an import did, row by row: counts of all, and the rows that were not stored.

use portolan::{Error, Outcome};
use serde_json::{Value as Json, json};

/// How many problems are listed one by one.
pub(super) const MOST_PROBLEMS: usize = 100;

/// What an import did.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Rows read by this run.
    pub(super) read: u64,
    /// Records stored by this run.
    pub(super) stored: u64,
    /// Rows that surely were not stored, and ended the run.
    pub(super) failed: u64,
    /// Rows that may have been stored: the store's answer was lost.
    pub(super) unknown: u64,
    /// Rows that are no records and were passed over.
    pub(super) skipped: u64,
    /// The first of the rows not surely stored.
    pub(super) problems: Vec<Problem>,
}

impl Tally {
    /// How many rows were read and not surely stored.
    pub(super) fn not_stored(&self) -> u64 {
        self.failed + self.unknown + self.skipped
    }

    /// Counts and keeps a problem; one of the row behind, with the same error, becomes part of the one before.
    pub(super) fn add(&mut self, problem: Problem) {
        match problem.fate {
            Fate::Failed => self.failed += 1,
            Fate::Unknown => self.unknown += 1,
            Fate::Skipped => self.skipped += 1,
        }
        let joined = self.problems.last_mut().is_some_and(|before| before.join(&problem));
        if !joined && self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }
}

/// Rows that were not surely stored, all for the same reason.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    pub(super) file: String,
    /// What a row is called: line or row.
    pub(super) unit: &'static str,
    pub(super) line: u64,
    pub(super) last_line: u64,
    pub(super) fate: Fate,
    pub(super) error: Error,
}

/// What is known of a row that was not surely stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It surely was not stored.
    Failed,
    /// It may have been.
    Unknown,
    /// It was passed over.
    Skipped,
}

impl Fate {
    /// That of a record which the store answered for.
    pub(super) fn of(outcome: &Outcome) -> Self {
        if matches!(outcome, Outcome::Unknown(_)) { Self::Unknown } else { Self::Failed }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
        }
    }
}

impl Problem {
    pub(super) fn to_json(&self) -> Json {
        let mut object = json!({
            "file": self.file,
            "line": self.line,
            "outcome": self.fate.as_str(),
            "kind": self.error.kind(),
            "message": self.error.message(),
        });
        if self.last_line > self.line {
            object["last_line"] = json!(self.last_line);
        }
        object
    }

    /// Where it is and what is wrong.
    pub(super) fn sentence(&self) -> String {
        let Self { file, unit, line, last_line, .. } = self;
        let lines = if last_line > line {
            format!("{unit}s {line} to {last_line}")
        } else {
            format!("{unit} {line}")
        };
        let message = self.error.message();
        match self.fate {
            Fate::Unknown => format!("{file}, {lines}: unknown whether stored: {message}"),
            Fate::Failed | Fate::Skipped => format!("{file}, {lines}: {message}"),
        }
    }

    /// Takes up the row behind, where its error is the same; says whether it did.
    pub(super) fn join(&mut self, next: &Self) -> bool {
        let alike = next.line == self.last_line + 1
            && next.file == self.file
            && next.fate == self.fate
            && next.error.kind() == self.error.kind()
            && next.error.message() == self.error.message();
        if alike {
            self.last_line = next.last_line;
        }
        alike
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use portolan::ErrorKind;

    fn problem(line: u64, fate: Fate, message: &str) -> Problem {
        let error = Error::new(ErrorKind::Unavailable, message.to_owned());
        Problem { file: "a.jsonl".to_owned(), unit: "line", line, last_line: line, fate, error }
    }

    #[test]
    fn rows_in_a_row_with_one_error_are_one_problem() {
        let mut tally = Tally::default();
        for line in 1..=500 {
            tally.add(problem(line, Fate::Unknown, "lost"));
        }
        tally.add(problem(501, Fate::Failed, "lost"));
        tally.add(problem(503, Fate::Failed, "lost"));
        tally.add(problem(504, Fate::Failed, "refused"));
        let told: Vec<String> = tally.problems.iter().map(Problem::sentence).collect();
        assert_eq!(
            told,
            [
                "a.jsonl, lines 1 to 500: unknown whether stored: lost",
                "a.jsonl, line 501: lost",
                "a.jsonl, line 503: lost",
                "a.jsonl, line 504: refused",
            ]
        );
        assert_eq!(tally.problems[0].to_json()["last_line"], 500);
        assert_eq!((tally.unknown, tally.failed, tally.not_stored()), (500, 3, 503));
    }

    #[test]
    fn no_more_problems_are_kept_than_are_told() {
        let mut tally = Tally::default();
        for line in 0..1_000 {
            tally.add(problem(line * 2, Fate::Skipped, "bad"));
        }
        assert_eq!((tally.problems.len(), tally.skipped), (MOST_PROBLEMS, 1_000));
    }
}
