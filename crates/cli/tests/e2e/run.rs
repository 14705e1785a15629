//! Runs the program in a directory of its own.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value as Json;
use tempfile::TempDir;

/// An empty directory with a store in it; nothing outside is read or written.
pub(crate) struct Place {
    dir: TempDir,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    /// A place with an index `companies` of four records in two dimensions.
    pub(crate) fn with_companies() -> Self {
        let place = Self::new();
        place.ok(&[
            "index",
            "create",
            "companies",
            "-d",
            "2",
            "--field",
            "industry:string",
            "--field",
            "year:integer",
        ]);
        place.write("companies.jsonl", COMPANIES);
        place.ok(&["import", "companies", "companies.jsonl"]);
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The program, on this place's store.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portolan"));
        command.current_dir(self.dir.path()).env_clear().env("HOME", self.dir.path()).args(args);
        command.env("PORTOLAN_STORE", "embedded:./store").stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::of(self.command(args))
    }

    /// Runs it, with something on stdin.
    pub(crate) fn run_with(&self, args: &[&str], stdin: &[u8]) -> Ended {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A program that refuses its arguments does not read on.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        Ended::from(child.wait_with_output().unwrap())
    }

    /// A pipe with a name.
    #[cfg(unix)]
    pub(crate) fn fifo(&self, name: &str) -> PathBuf {
        let path = self.path(name);
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    }

    /// Runs a line of shell, in which `$P` is the program.
    #[cfg(unix)]
    pub(crate) fn shell(&self, line: &str) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.root()).env_clear().env("HOME", self.root());
        command.env("PATH", "/usr/bin:/bin").env("P", env!("CARGO_BIN_EXE_portolan"));
        command.env("PORTOLAN_STORE", "embedded:./store").stdin(Stdio::null());
        Ended::of(command)
    }

    /// Runs it, and it must end well; gives stdout.
    pub(crate) fn ok(&self, args: &[&str]) -> String {
        let ended = self.run(args);
        assert_eq!(ended.status, 0, "{args:?}: {}", ended.stderr);
        ended.stdout
    }

    /// Runs it with JSON output, and it must end well.
    pub(crate) fn json(&self, args: &[&str]) -> Json {
        one_object(&self.ok(&[args, &["--output", "json"]].concat()))
    }

    /// Runs it with JSON output, and it must end with this status; gives the error.
    pub(crate) fn json_error(&self, status: i32, args: &[&str]) -> Json {
        let ended = self.run(&[args, &["--output", "json"]].concat());
        assert_eq!(ended.status, status, "{args:?}: {}", ended.stderr);
        one_object(&ended.stderr)["error"].take()
    }

    pub(crate) fn count(&self, index: &str) -> u64 {
        self.json(&["count", index])["count"].as_u64().unwrap()
    }

    pub(crate) fn root(&self) -> &Path {
        self.dir.path()
    }
}

impl Ended {
    pub(crate) fn of(mut command: Command) -> Self {
        Self::from(command.output().unwrap())
    }

    /// Requires that it ended well; gives stdout.
    pub(crate) fn well(self) -> String {
        assert_eq!(self.status, 0, "{}", self.stderr);
        self.stdout
    }

    /// Requires a status, and words in what stands on stderr.
    pub(crate) fn failed(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "{}", self.stderr);
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is missing in: {}", self.stderr);
        }
    }
}

impl From<std::process::Output> for Ended {
    fn from(output: std::process::Output) -> Self {
        Self {
            status: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The one line of JSON that a text must be.
pub(crate) fn one_object(text: &str) -> Json {
    assert_eq!(text.trim_end().lines().count(), 1, "one line was expected: {text}");
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

/// The ids of `records` or `matches`.
pub(crate) fn ids(list: &Json) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap()).collect()
}

pub(crate) const COMPANIES: &str = r#"{"id":"stripe","vector":[1.0,0.0],"metadata":{"industry":"fintech","year":2010}}
{"id":"adyen","vector":[0.9,0.1],"metadata":{"industry":"fintech","year":2006}}
{"id":"bayer","vector":[0.0,1.0],"metadata":{"industry":"health","year":1863}}
{"id":"tesla","vector":[0.5,0.5],"metadata":{"industry":"automotive","year":2003}}
"#;
