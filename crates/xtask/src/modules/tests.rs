use super::*;

/// The imports of a crate of these files, as `from -> to`.
fn imports(files: &[(&str, &str)]) -> Vec<String> {
    let modules = Modules::of(files.iter().map(|(path, text)| (Path::new(*path), *text)));
    modules.imports().iter().map(|i| format!("{} -> {}", i.from.display(), i.to.display())).collect()
}

#[test]
fn trees_of_names_are_read_to_their_leaves() {
    let user = "use crate::{a::{self, A as Other, deep::{B, C}}, e::*};\nfn f() { a::g() }";
    let files = [("lib.rs", ""), ("user.rs", user), ("a.rs", "mod deep;"), ("a/deep.rs", ""), ("e.rs", "")];
    assert_eq!(
        imports(&files),
        [
            "user.rs -> a.rs",
            "user.rs -> a/deep.rs",
            "user.rs -> a/deep.rs",
            "user.rs -> e.rs",
            "user.rs -> a.rs"
        ]
    );
}

#[test]
fn other_crates_and_local_names_are_no_imports() {
    let text = "use std::fmt; use a::X; use other::b; fn f() { fmt::write(); Vec::<u8>::new(); b::c(); x.a::<u8>(); }";
    let files = [("lib.rs", ""), ("user.rs", text), ("a.rs", ""), ("b.rs", ""), ("fmt.rs", "")];
    assert_eq!(imports(&files), Vec::<String>::new());
}

#[test]
fn a_module_and_a_name_may_be_called_the_same() {
    let files = [
        ("lib.rs", ""),
        ("filter/mod.rs", "mod lower; mod ast; pub use lower::{lower}; use ast::Filter;"),
        ("filter/lower.rs", "use super::Filter;"),
        ("filter/ast.rs", ""),
        ("user.rs", "use crate::filter::lower; fn f() { lower() }"),
        ("other.rs", "use crate::filter::lower; fn f() { lower::g() }"),
    ];
    assert_eq!(
        imports(&files),
        [
            "filter/lower.rs -> filter/ast.rs",
            "filter/mod.rs -> filter/ast.rs",
            "other.rs -> filter/lower.rs",
            "other.rs -> filter/lower.rs",
            "user.rs -> filter/lower.rs"
        ]
    );
}
