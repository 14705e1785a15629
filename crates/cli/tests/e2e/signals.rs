//! Signals: what they end, and what they leave.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::thread;

use crate::run::{Ended, Place};

const SIGNALS: [(&str, i32); 3] = [("INT", 2), ("TERM", 15), ("HUP", 1)];

/// How a program ended that a signal killed.
fn killed_by(status: std::process::ExitStatus) -> Option<i32> {
    status.signal().or(status.code().map(|code| code - 128))
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

fn start(command: Command) -> (Child, ChildStdin) {
    let mut command = heeding_signals(command);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let stdin = child.stdin.take().unwrap();
    (child, stdin)
}

/// The same program where whoever runs the tests ignores signals, as a shell does for what it starts in the background.
fn heeding_signals(command: Command) -> Command {
    const DEFAULT: &str = "--default-signal=INT,TERM,HUP";
    // Not every `env` knows how.
    if !Command::new("env").args([DEFAULT, "true"]).stderr(Stdio::null()).status().unwrap().success() {
        return command;
    }
    let mut wrapped = Command::new("env");
    wrapped.arg(DEFAULT).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        match value {
            Some(value) => wrapped.env(key, value),
            None => wrapped.env_remove(key),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        wrapped.current_dir(folder);
    }
    wrapped
}

/// Waits until the program says something that contains these words on stderr.
fn wait_for(child: &mut Child, words: &str) {
    let mut line = Vec::new();
    let stderr = child.stderr.as_mut().unwrap();
    // Byte by byte, so that nothing is taken from what comes later.
    while !String::from_utf8_lossy(&line).contains(words) || line.last() != Some(&b'\n') {
        let mut byte = [0];
        assert_eq!(stderr.read(&mut byte).unwrap(), 1, "it ended: {}", String::from_utf8_lossy(&line));
        line.push(byte[0]);
    }
}

/// Whether the program has a file in a folder open, with or without a name.
fn holds_file_in(child: &Child, dir: &Path) -> bool {
    let open = fs::read_dir(format!("/proc/{}/fd", child.id())).into_iter().flatten().flatten();
    open.filter_map(|fd| fs::read_link(fd.path()).ok()).any(|file| file.starts_with(dir))
}

/// Whether the program has taken a signal over from the system.
fn catches(child: &Child, signal: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let mask = mask.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or_default();
    mask >> (signal - 1) & 1 == 1
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().next().is_none()
}

const IMPORT: [&str; 7] = ["import", "companies", "-", "--batch-size", "1", "--on-error", "skip"];

#[test]
fn an_idle_input_ends_at_once_with_what_was_stored() {
    for (signal, _) in SIGNALS {
        let place = Place::with_companies();
        let (mut child, mut stdin) = start(place.command(&IMPORT));
        // The second row is passed over, and that is told, when the first is stored.
        stdin.write_all(b"{\"id\":\"a\",\"vector\":[1,2]}\nno record\n").unwrap();
        wait_for(&mut child, "line 2");
        send(signal, &child);
        let ended = Ended::from(child.wait_with_output().unwrap());
        ended.failed(4, &["interrupted", "stays stored"]);
        assert!(ended.stdout.contains("Stored 1 record in companies"), "{signal}: {}", ended.stdout);
        assert_eq!(place.count("companies"), 5, "{signal}");
        drop(stdin);
    }
}

#[test]
fn where_nothing_was_stored_nothing_stays() {
    for (signal, number) in SIGNALS {
        let place = Place::with_companies();
        let (mut child, mut stdin) = start(place.command(&IMPORT));
        stdin.write_all(b"no record\n").unwrap();
        wait_for(&mut child, "line 1");
        send(signal, &child);
        Ended::from(child.wait_with_output().unwrap()).failed(128 + number, &["nothing was stored"]);
        assert_eq!(place.count("companies"), 4, "{signal}");
        drop(stdin);
    }
}

#[test]
fn a_second_signal_ends_everything() {
    let place = Place::with_companies();
    let (stderr, full) = io::pipe().unwrap();
    let mut filler = full.try_clone().unwrap();
    // Nobody reads what the program says, and there is no room for it, so that it cannot go on after the first signal.
    let filling = thread::spawn(move || while filler.write_all(&[b'.'; 512]).is_ok() {});
    let mut command = heeding_signals(place.command(&IMPORT));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(full).spawn().unwrap();
    drop(command);
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"no record\n").unwrap();
    while !(catches(&child, 2) && catches(&child, 15)) {
        thread::yield_now();
    }
    send("INT", &child);
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(143));
    drop((stdin, stderr));
    filling.join().unwrap();
}

#[test]
fn a_hangup_that_is_ignored_stays_ignored() {
    let place = Place::with_companies();
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' HUP; exec \"$@\"", "sh", env!("CARGO_BIN_EXE_portolan")]).args(IMPORT);
    command.current_dir(place.root()).env("HOME", place.root()).env("PORTOLAN_STORE", "embedded:./store");
    let (mut child, mut stdin) = start(command);
    stdin.write_all(b"no record\n").unwrap();
    wait_for(&mut child, "line 1");
    send("HUP", &child);
    stdin.write_all(b"{\"id\":\"a\",\"vector\":[1,2]}\nno record\n").unwrap();
    wait_for(&mut child, "line 3");
    send("TERM", &child);
    assert_eq!(child.wait().unwrap().code(), Some(4));
    drop(stdin);
}

#[test]
fn an_interrupted_export_leaves_nothing() {
    let interrupted = SIGNALS.map(|(signal, number)| {
        thread::spawn(move || {
            let place = Place::with_companies();
            let dir = place.path("exports");
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("all.jsonl"), "precious").unwrap();
            // Each call takes a while, so that the export is still at work when its file is there.
            let args = ["export", "companies", "exports/all.jsonl", "-y", "--store"];
            let (child, _stdin) =
                start(place.command(&[&args[..], &["embedded:./store?latency=3s"]].concat()));
            while !holds_file_in(&child, &dir) {
                thread::yield_now();
            }
            send(signal, &child);
            let ended = Ended::from(child.wait_with_output().unwrap());
            ended.failed(128 + number, &["interrupted", "all.jsonl is left as it was"]);
            let left: Vec<_> = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            assert_eq!(left, ["all.jsonl"], "{signal}");
            assert_eq!(place.read("exports/all.jsonl"), "precious");
        })
    });
    interrupted.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn an_interrupted_copy_of_stdin_leaves_nothing() {
    for (signal, number) in SIGNALS.into_iter().chain([("KILL", 9)]) {
        let place = Place::new();
        let temporary = place.path("temporary");
        fs::create_dir(&temporary).unwrap();
        let mut command = place.command(&["import", "companies", "-", "--create"]);
        command.env("TMPDIR", &temporary);
        let (mut child, mut stdin) = start(command);
        stdin.write_all(b"{\"id\":\"a\",\"vector\":[1,2]}\n").unwrap();
        while !holds_file_in(&child, &temporary) {
            thread::yield_now();
        }
        send(signal, &child);
        assert_eq!(killed_by(child.wait().unwrap()), Some(number));
        assert!(is_empty(&temporary), "{signal}");
        drop(stdin);
    }
}

#[test]
fn a_search_that_waits_for_its_vector_ends() {
    for (signal, number) in SIGNALS {
        let place = Place::with_companies();
        let (mut child, stdin) = start(place.command(&["search", "companies", "--vector", "-"]));
        send(signal, &child);
        assert_eq!(killed_by(child.wait().unwrap()), Some(number));
        drop(stdin);
    }
}

#[test]
fn a_reader_that_has_had_enough_ends_an_export_well() {
    let place = Place::with_companies();
    let mut child = place.command(&["export", "companies", "-"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    drop(stdout);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
