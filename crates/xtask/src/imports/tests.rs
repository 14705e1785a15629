use super::*;

/// What is wrong in a crate of these files; the rooms are `low`, `middle` and `high`.
fn wrong(files: &[(&str, &str)]) -> Vec<String> {
    let rooms = Rooms::parse("# the lowest first\nlow\nmiddle\nhigh\nlib\n");
    let present =
        |name: &&str| files.iter().any(|(path, _)| Path::new(path).with_extension("").starts_with(name));
    let others = ["low", "middle", "high", "lib"].into_iter().filter(|name| !present(name));
    let others: Vec<String> = others.map(|name| format!("{name}.rs")).collect();
    let empty = others.iter().map(|path| (Path::new(path), ""));
    let modules = Modules::of(files.iter().map(|(path, text)| (Path::new(*path), *text)).chain(empty));
    violations(&modules, Some(&rooms))
}

#[test]
fn imports_downwards_are_in_order() {
    let files = [("high.rs", "use crate::{low::A, middle};\nfn f() { middle::g(crate::low::h()) }")];
    assert_eq!(wrong(&files), Vec::<String>::new());
}

#[test]
fn an_upward_import_is_named() {
    let upward = "low.rs:2: crate::high::A is of high.rs, a room above";
    assert_eq!(wrong(&[("low.rs", "\nuse crate::high::A;")]), [upward]);
    assert_eq!(wrong(&[("low.rs", "\nuse crate::{middle as m, high::{A}};")]), [upward]);
}

#[test]
fn an_upward_path_in_code_is_named() {
    let named = |text| wrong(&[("low.rs", text)]);
    assert_eq!(
        named("fn f() {\n crate::high::g() }"),
        ["low.rs:2: crate::high::g is of high.rs, a room above"]
    );
    assert_eq!(
        named("use crate::high;\nfn f() -> high::A {}"),
        ["low.rs:2: high::A is of high.rs, a room above"]
    );
    assert_eq!(named("macro_rules! m { () => { $crate::high::g() } }").len(), 1);
    assert_eq!(named("mod inner { fn f() { super::super::high::g() } }").len(), 1);
}

#[test]
fn what_is_no_code_imports_nothing() {
    for text in [
        "// crate::high::A\n/* use crate::high::A; */ /// [`A`](crate::high::A)\n",
        "const TEXT: &str = \"use crate::high::A;\";",
        "#[cfg(test)] mod tests { use crate::high::A; }",
        "#[cfg(test)] use crate::high::A;",
        "pub use crate::high::A; pub(crate) use crate::high::{B, C};",
        "pub mod high;",
    ] {
        assert_eq!(wrong(&[("low.rs", text)]), Vec::<String>::new(), "{text}");
    }
    let files = [("low.rs", "#[cfg(test)] mod tests;"), ("low/tests.rs", "use crate::high::A;")];
    assert_eq!(wrong(&files), Vec::<String>::new());
}

#[test]
fn a_name_belongs_to_the_file_that_defines_it() {
    let through = |front| wrong(&[("middle.rs", front), ("low.rs", "use crate::middle::A;")]);
    assert_eq!(
        through("pub use crate::high::A;"),
        ["low.rs:1: crate::middle::A is of high.rs, a room above"]
    );
    assert_eq!(through("pub use crate::low::A;"), Vec::<String>::new());
    assert_eq!(through("pub use crate::high;\npub use high::A;").len(), 1);
}

#[test]
fn a_name_taken_from_the_root_is_an_import_of_the_root() {
    let files = [("lib.rs", "pub use low::A;"), ("middle.rs", "use crate::A;")];
    assert_eq!(wrong(&files), ["middle.rs:1: crate::A is of lib.rs, a room above"]);
}

#[test]
fn a_circle_of_three_files_is_named_once() {
    let files = [
        ("high/a.rs", "use super::b::B;"),
        ("high/b.rs", "use crate::high::c;\nfn f() { c::g() }"),
        ("high/c.rs", "use crate::high::{a::A};"),
        ("high.rs", "pub use a::A; mod a; mod b; mod c;"),
    ];
    assert_eq!(
        wrong(&files),
        ["high/a.rs:1 (super::b::B) -> high/b.rs:2 (c::g) -> high/c.rs:1 (crate::high::a::A): a circle"]
    );
}

#[test]
fn a_module_and_the_file_it_leads_to_may_make_a_circle() {
    let files = [
        ("high/mod.rs", "mod inner; fn f() { inner::g() } pub(crate) const C: u8 = 1;"),
        ("high/inner.rs", "use super::C; pub(super) fn g() {}"),
    ];
    assert_eq!(wrong(&files), ["high/inner.rs:1 (super::C) -> high/mod.rs:1 (inner::g): a circle"]);
    let files = [("high/mod.rs", "mod inner; pub use inner::g;"), ("high/inner.rs", "pub fn g() {}")];
    assert_eq!(wrong(&files), Vec::<String>::new());
}

#[test]
fn every_file_has_a_room_and_every_room_a_file() {
    let files = [("low.rs", ""), ("other/deep.rs", "")];
    assert_eq!(wrong(&files), ["other/deep.rs: the list of rooms does not have it"]);
    let rooms = Rooms::parse("low\ngone\n");
    let modules = Modules::of([(Path::new("low.rs"), "")]);
    assert_eq!(violations(&modules, Some(&rooms)), ["gone: the list of rooms has it, and it is not there"]);
}
