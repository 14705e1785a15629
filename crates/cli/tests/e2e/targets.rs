//! What an export writes to: nothing is replaced but a regular file, and of that nothing but the content.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::thread;

use crate::run::Place;

fn lines(text: &str) -> usize {
    text.lines().filter(|line| line.starts_with("{\"id\":")).count()
}

fn names(place: &Place) -> Vec<String> {
    let entries = fs::read_dir(place.root()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_pipe_gets_the_records_and_stays_a_pipe() {
    let place = Place::with_companies();
    let pipe = place.fifo("pipe");
    for (args, format) in PIPED {
        let reader = thread::spawn({
            let pipe = pipe.clone();
            move || fs::read(pipe).unwrap()
        });
        // There is nothing to be confirmed, since nothing is lost.
        place.ok(args);
        place.write(&format!("copy.{format}"), reader.join().unwrap());
        assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
        place.ok(&["import", format, &format!("copy.{format}"), "--create"]);
        assert_eq!(place.count(format), 4);
    }
}

/// An export into a pipe, and the format of what comes out of it.
const PIPED: &[(&[&str], &str)] = &[
    (&["export", "companies", "pipe"], "jsonl"),
    #[cfg(feature = "formats")]
    (&["export", "companies", "pipe", "--format", "parquet"], "parquet"),
];

#[test]
fn stdout_and_descriptors_have_paths() {
    let place = Place::with_companies();
    let shown = place.shell("$P export companies /dev/stdout").well();
    assert_eq!((shown.lines().count(), lines(&shown)), (4, 4), "{shown}");
    let shown = place.shell("$P export companies /dev/fd/3 --format jsonl 3>&1 >/dev/null | cat").well();
    assert_eq!(lines(&shown), 4);
    // A file that the shell holds open goes on where the export ends.
    place.shell("{ echo begin; $P export companies /dev/stdout; echo end; } > all.txt").well();
    let text = place.read("all.txt");
    assert!(text.starts_with("begin\n{") && text.ends_with("}\nend\n") && lines(&text) == 4, "{text}");
    place.shell("{ echo begin >&3; $P export companies /dev/fd/3; } 3> kept.txt").well();
    let text = place.read("kept.txt");
    assert!(text.starts_with("begin\n{") && lines(&text) == 4, "{text}");
}

#[cfg(feature = "formats")]
#[test]
fn parquet_goes_to_stdout_where_that_is_no_terminal() {
    let place = Place::with_companies();
    place.shell("$P export companies - --format parquet | $P import again - --create --store memory:").well();
    place.shell("$P export companies - --format parquet > all.parquet").well();
    place.ok(&["import", "again", "all.parquet", "--create"]);
    assert_eq!(place.count("again"), 4);
}

#[test]
fn a_device_is_written_and_stays_a_device() {
    let place = Place::with_companies();
    let node = place.path("null");
    let made = Command::new("mknod").arg(&node).args(["c", "1", "3"]).status();
    if made.is_ok_and(|status| status.success()) {
        place.ok(&["export", "companies", "null", "--yes"]);
        assert!(fs::metadata(&node).unwrap().file_type().is_char_device());
    }
    // Who may make no nodes may not replace this one either.
    let before = fs::metadata("/dev/null").unwrap();
    if before.uid() != fs::metadata(place.root()).unwrap().uid() {
        place.ok(&["export", "companies", "/dev/null"]);
        assert_eq!(fs::metadata("/dev/null").unwrap().ino(), before.ino());
    }
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let place = Place::with_companies();
    fs::create_dir(place.path("real")).unwrap();
    place.write("real/old.jsonl", "old");
    symlink("real/old.jsonl", place.path("link.jsonl")).unwrap();
    symlink("link.jsonl", place.path("far.jsonl")).unwrap();
    symlink("real/new.jsonl", place.path("dangling.jsonl")).unwrap();
    for (link, target) in [
        ("link.jsonl", "real/old.jsonl"),
        ("far.jsonl", "real/old.jsonl"),
        ("dangling.jsonl", "real/new.jsonl"),
    ] {
        place.ok(&["export", "companies", link, "--yes"]);
        assert!(fs::symlink_metadata(place.path(link)).unwrap().is_symlink(), "{link}");
        assert_eq!(lines(&place.read(target)), 4, "{link}");
        place.write(target, "old");
    }
    symlink("round.jsonl", place.path("round.jsonl")).unwrap();
    place.run(&["export", "companies", "round.jsonl", "--yes"]).failed(1, &["round.jsonl", "links"]);
}

#[test]
fn the_mode_of_a_file_stays() {
    let place = Place::with_companies();
    for mode in [0o600, 0o640, 0o666, 0o755] {
        let file = place.write("all.jsonl", "old");
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        place.ok(&["export", "companies", "all.jsonl", "--yes"]);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, mode);
        assert_eq!(lines(&place.read("all.jsonl")), 4);
    }
}

#[test]
fn every_name_of_a_file_has_the_new_content() {
    let place = Place::with_companies();
    let file = place.write("all.jsonl", "old\n".repeat(1000));
    fs::hard_link(&file, place.path("same.jsonl")).unwrap();
    let before = names(&place);
    place.ok(&["export", "companies", "all.jsonl", "--yes"]);
    assert_eq!(lines(&place.read("same.jsonl")), 4);
    assert_eq!(place.read("same.jsonl").lines().count(), 4);
    assert_eq!(names(&place), before);
}

#[test]
fn the_owner_of_a_file_stays() {
    let place = Place::with_companies();
    let file = place.write("all.jsonl", "old\n".repeat(1000));
    // Only root can give a file away; everybody else is tested by the other names of a file.
    if std::os::unix::fs::chown(&file, Some(4321), Some(4321)).is_err() {
        return;
    }
    place.ok(&["export", "companies", "all.jsonl", "--yes"]);
    let after = fs::metadata(&file).unwrap();
    assert_eq!((after.uid(), after.gid(), place.read("all.jsonl").lines().count()), (4321, 4321, 4));
}

#[test]
fn an_export_that_fails_changes_nothing_and_names_no_file_of_its_own() {
    let place = Place::with_companies();
    place.write("all.jsonl", "precious");
    let before = names(&place);
    let failing = "embedded:./store?fail=scan&seed=1&error_rate=1";
    place.run(&["export", "companies", "all.jsonl", "--yes", "--store", failing]).failed(1, &[]);
    let ended = place.run(&["export", "companies", "no/such/dir.jsonl"]);
    ended.failed(2, &["cannot write no/such/dir.jsonl"]);
    assert!(!ended.stderr.contains(".tmp"), "{}", ended.stderr);
    assert_eq!((names(&place), place.read("all.jsonl").as_str()), (before, "precious"));
    assert!(!Path::new("/dev/fd/99").exists());
    place.run(&["export", "companies", "/dev/fd/99", "--format", "jsonl"]).failed(2, &["/dev/fd/99"]);
}
