//! Arguments, stores and profiles, help.

use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;

use crate::run::{Ended, Place};

#[test]
fn wrong_usage_ends_with_2_and_names_option_value_and_range() {
    let place = Place::new();
    for (args, words) in [
        (&["search", "companies", "--id", "a", "--top-k", "0"][..], &["--top-k", "'0'", "1..=10000"][..]),
        (
            &["search", "companies", "--id", "a", "--ef-search", "10001"],
            &["--ef-search", "'10001'", "1..=10000"],
        ),
        (&["search", "companies", "--id", "a", "--nprobe", "0"], &["--nprobe", "1..=1000"]),
        (&["search", "companies", "--id", "a", "--timeout", "86401"], &["--timeout", "0.001 to 86400"]),
        (&["search", "companies"], &["--vector", "--id"]),
        (&["search", "companies", "--id", "a", "--vector", "[1]"], &["cannot be used with"]),
        (&["index", "create", "companies", "-d", "2", "--metric", "cosin"], &["did you mean cosine?"]),
        (&["index", "create", "companies", "-d", "2", "--field", "a:strng"], &["did you mean string?"]),
        (&["index", "create", "Companies", "-d", "2"], &["Companies"]),
        (&["index", "create", "companies", "-d", "0"], &["dimension is 0"]),
        (&["serch"], &["'search'"]),
        (&["list"], &["unrecognized subcommand 'list'", "use `portolan index list`"]),
        (&["ls"], &["use `portolan index list`"]),
        (&["index", "ls"], &["use `portolan index list`"]),
        (&["info", "companies"], &["use `portolan index show`"]),
        (&["rm", "companies"], &["use `portolan index delete`", "use `portolan delete`"]),
        (&["drop", "companies"], &["use `portolan index delete`"]),
        (&["query", "companies"], &["use `portolan search`"]),
    ] {
        place.run(args).failed(2, words);
    }
}

#[test]
fn with_json_wrong_usage_is_one_object_on_stderr() {
    let place = Place::new();
    let error = place.json_error(2, &["search", "companies", "--id", "a", "--top-k", "0"]);
    assert_eq!(error["kind"], "invalid_argument");
    assert!(error["message"].as_str().unwrap().contains("--top-k"));
    let error = place.json_error(2, &["query", "companies"]);
    assert_eq!(error["hints"], serde_json::json!(["use `portolan search`"]));
    assert_eq!(error["message"], "unrecognized subcommand 'query'");
}

#[test]
fn a_table_is_as_wide_as_the_terminal() {
    let place = Place::with_companies();
    for (columns, widest) in [("40", 40), ("60", 60), ("300", 100)] {
        for args in
            [&["search", "companies", "--id", "stripe", "--include-vectors"][..], &["scan", "companies"]]
        {
            let mut command = place.command(args);
            command.env("COLUMNS", columns);
            let shown = Ended::of(command).well();
            let width = shown.lines().map(|line| line.chars().count()).max();
            assert!(width <= Some(widest), "{columns}: {shown}");
            assert!(shown.contains("bayer") && shown.contains("tesla"), "{shown}");
            assert_eq!(shown.lines().count(), 2 + 3 + usize::from(args[0] == "scan"), "{shown}");
        }
    }
}

#[test]
fn output_stands_before_or_after_the_verb() {
    let place = Place::new();
    let before = place.ok(&["--output", "json", "index", "list"]);
    assert_eq!(before, place.ok(&["index", "list", "--output", "json"]));
    assert_eq!(before.trim(), r#"{"indexes":[]}"#);
}

#[test]
fn an_unknown_provider_is_told_with_the_nearest() {
    Place::new().run(&["health", "--store", "memry:"]).failed(1, &["memry", "did you mean memory:?"]);
}

#[test]
fn the_store_is_taken_from_option_profile_variable_and_default_profile_in_this_order() {
    let place = Place::new();
    place.write(
        "portolan.toml",
        "default = 'second'\n[profiles.first]\nstore = 'embedded:./first'\n[profiles.second]\nstore = { provider = 'embedded', path = './second' }",
    );
    let create = |name: &str, args: &[&str], variable: Option<&str>| {
        let mut command = place.command(&[&["index", "create", name, "-d", "2"], args].concat());
        command.env_remove("PORTOLAN_STORE");
        if let Some(uri) = variable {
            command.env("PORTOLAN_STORE", uri);
        }
        let ended = Ended::of(command);
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    };
    create("from-option", &["--store", "embedded:./option"], Some("embedded:./variable"));
    create("from-profile", &["--profile", "first"], Some("embedded:./variable"));
    create("from-variable", &[], Some("embedded:./variable"));
    create("from-default", &[], None);
    for (store, index) in [
        ("option", "from-option"),
        ("first", "from-profile"),
        ("variable", "from-variable"),
        ("second", "from-default"),
    ] {
        let uri = format!("embedded:./{store}");
        assert_eq!(place.ok(&["index", "list", "--store", &uri]).trim(), index);
    }
}

#[test]
fn without_any_word_of_it_the_store_is_in_the_data_directory() {
    let place = Place::new();
    let mut command = place.command(&["index", "create", "companies", "-d", "2"]);
    command.env_remove("PORTOLAN_STORE").env("XDG_DATA_HOME", place.path("data"));
    assert_eq!(Ended::of(command).status, 0);
    assert!(place.root().join("data/portolan").is_dir());
}

#[test]
fn an_unknown_profile_and_a_broken_file_are_told() {
    let place = Place::new();
    place.run(&["health", "--profile", "live"]).failed(2, &["portolan.toml", "live"]);
    place.write("portolan.toml", "[profiles.live]\nstore = 'memory:'");
    place.run(&["health", "--profile", "lve"]).failed(2, &["did you mean live?"]);
    place.ok(&["health", "--profile", "live"]);
    place.write("portolan.toml", "[profiles.live]\nstor = 'memory:'");
    place.run(&["health", "--profile", "live"]).failed(2, &["portolan.toml", "stor"]);
}

#[test]
fn health_and_providers_tell_of_the_store() {
    let place = Place::new();
    let health = place.json(&["health"]);
    assert_eq!((health["status"].as_str(), health["provider"].as_str()), (Some("healthy"), Some("embedded")));
    let providers = place.json(&["providers"]);
    let names: Vec<&str> =
        providers["providers"].as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["chroma", "embedded", "memory", "milvus", "pgvector", "qdrant"]);
    assert_eq!(providers["providers"][2]["capability"]["cosine"], "native");
    assert!(place.ok(&["providers"]).contains("manhattan"));
}

#[test]
fn completions_and_manual_pages_are_written() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.ok(&["completions", shell]).contains("portolan"), "{shell}");
    }
    assert!(place.ok(&["man"]).contains(".TH portolan"));
    place.ok(&["man", "--dir", "pages"]);
    assert!(place.read("pages/portolan-search.1").contains("similarity"));
}

#[test]
fn a_second_process_reads_and_is_told_who_writes() {
    let place = Place::with_companies();
    let mut holder = place.command(&["import", "companies", "-", "--on-error", "skip", "--batch-size", "1"]);
    holder.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut holder = holder.spawn().unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    // The second row is passed over, and that is told, when the first is stored.
    stdin.write_all(b"{\"id\":\"a\",\"vector\":[1,2]}\nno record\n").unwrap();
    let mut told = String::new();
    BufReader::new(holder.stderr.take().unwrap()).read_line(&mut told).unwrap();
    assert!(told.contains("stdin, line 2"), "{told}");
    assert_eq!(place.count("companies"), 5);
    place.run(&["clear", "companies", "--yes"]).failed(1, &["not ready", &holder.id().to_string()]);
    drop(stdin);
    assert_eq!(holder.wait().unwrap().code(), Some(4));
    assert_eq!(place.count("companies"), 5);
}
