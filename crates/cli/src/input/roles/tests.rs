use super::{Choice, Role, Roles};

fn roles(columns: &[&str]) -> Result<Roles, String> {
    chosen(&Choice::default(), columns)
}

fn chosen(choice: &Choice, columns: &[&str]) -> Result<Roles, String> {
    Roles::of(choice, columns).map_err(|e| e.message().to_owned())
}

fn told(columns: &[&str]) -> String {
    roles(columns).map_or_else(|e| format!("error: {e}"), |roles| roles.told(None))
}

#[test]
fn columns_are_found_by_the_names_that_files_have() {
    for (columns, expected) in [
        (&["id", "vector", "metadata"][..], "id from `id`, vector from `vector`, metadata from `metadata`"),
        (
            &["id", "values", "sparse_values", "metadata"],
            "id from `id`, vector from `values`, metadata from `metadata`, field `sparse_values`",
        ),
        (
            &["_id", "url", "title", "text", "emb"],
            "id from `_id`, vector from `emb`, fields `url`, `title`, `text`",
        ),
        (
            &["ids", "embeddings", "metadatas", "documents"],
            "id from `ids`, vector from `embeddings`, metadata from `metadatas`, field `documents`",
        ),
        (&["id", "payload", "vector"], "id from `id`, vector from `vector`, metadata from `payload`"),
        (
            &["uuid", "vectors", "properties"],
            "id from `uuid`, vector from `vectors`, metadata from `properties`",
        ),
        (&["id", "feature_vector"], "id from `id`, vector from `feature_vector`"),
        (
            &["doc_id", "text", "text_embedding"],
            "id from `doc_id`, vector from `text_embedding`, field `text`",
        ),
        (&["ID", "Vector"], "id from `ID`, vector from `Vector`"),
    ] {
        assert_eq!(told(columns), expected);
    }
}

#[test]
fn the_exact_spelling_wins_then_the_order_of_the_list_then_another_case() {
    for (columns, id) in [
        (&["_id", "id", "vector"][..], "id"),
        (&["ID", "_id", "vector"], "_id"),
        (&["Id", "uuid", "vector"], "uuid"),
        (&["UUID", "Id", "vector"], "Id"),
        (&["", "Id", "vector"], "Id"),
        (&["index", "id", "vector"], "id"),
    ] {
        let roles = roles(columns).unwrap();
        assert_eq!(roles.name(roles.id().unwrap()), id, "{columns:?}");
    }
    assert_eq!(
        told(&["ID", "Id", "vector"]),
        "error: the id may be in the columns `ID`, `Id`: choose with --id-column ID or --id-column Id"
    );
    assert_eq!(
        told(&["id", "title_vector", "content_vector"]),
        "error: the vector may be in the columns `title_vector`, `content_vector`: choose with --vector-column \
         title_vector or --vector-column content_vector"
    );
}

#[test]
fn the_index_of_pandas_is_the_id_only_where_nothing_else_is() {
    for index in ["", "Unnamed: 0", "__index_level_0__"] {
        let alone = roles(&[index, "vector", "n"]).unwrap();
        assert_eq!((alone.role(0), alone.role(2)), (Role::Id, Role::Field), "{index:?}");
        let beside = roles(&[index, "id", "vector"]).unwrap();
        assert_eq!((beside.role(0), beside.role(1)), (Role::Ignored, Role::Id), "{index:?}");
    }
    assert_eq!(
        told(&["", "id", "vector"]),
        "id from `id`, vector from `vector`, left out the column without a name"
    );
    assert_eq!(
        told(&["id", "vector", ""]),
        "error: column 3 has no name; name it, or leave it out with --ignore-column \"\""
    );
}

#[test]
fn numbered_columns_are_a_vector_without_a_gap() {
    let ordered = roles(&["id", "v1", "v0", "v2", "vat"]).unwrap();
    assert_eq!(ordered.vector_parts(), [2, 1, 3]);
    assert_eq!(ordered.told(Some(3)), "id from `id`, vector from `v0` to `v2` (3 numbers), field `vat`");
    for columns in
        [&["id", "dim_0", "dim_1"][..], &["", "0", "1"], &["id", "V0", "V1"], &["id", "v[0]", "v[1]"]]
    {
        assert_eq!(roles(columns).unwrap().vector_parts(), [1, 2], "{columns:?}");
    }
    let fields = roles(&["id", "vector", "v2", "v3"]).unwrap();
    assert_eq!((fields.role(1), fields.role(2)), (Role::Vector, Role::Field));
    for (columns, words) in [
        (&["id", "v0", "v1", "v3"][..], "a column `v3` and no column `v2`"),
        (&["id", "v1", "v2"], "a column `v1` and no column `v0`"),
        (&["id", "v0", "v1", "v01"], "`v01` have the same number"),
        (&["id", "v0", "vector"], "--vector-column vector or --vector-column v"),
    ] {
        let error = roles(columns).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn the_options_decide() {
    let columns = ["id", "key", "vector", "v0", "v1", "metadata", "notes", "created"];
    let choice = Choice {
        id: Some("key".into()),
        vector: Some("v".into()),
        metadata: Some("notes".into()),
        ignore: vec!["created".into(), "vector".into()],
    };
    assert_eq!(
        chosen(&choice, &columns).unwrap().told(None),
        "id from `key`, vector from `v0` to `v1` (2 numbers), metadata from `notes`, fields `id`, `metadata`, left out \
         `vector`, `created`"
    );
    let path = Choice { vector: Some("vectors.title".into()), ..Choice::default() };
    assert_eq!(chosen(&path, &["id", "vectors"]).unwrap().role(1), Role::Vector);
    for (choice, words) in [
        (Choice { id: Some("Key".into()), ..Choice::default() }, "did you mean --id-column key?"),
        (Choice { ignore: vec!["x".into()], ..Choice::default() }, "--ignore-column: there is no column `x`"),
        (Choice { vector: Some("w".into()), ..Choice::default() }, "--vector-column: there is no column `w`"),
        (
            Choice { id: Some("key".into()), ignore: vec!["key".into()], ..Choice::default() },
            "`key` is named by two options",
        ),
    ] {
        let error = chosen(&choice, &columns).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_is_missing_is_told_with_the_columns_and_a_guess() {
    for (columns, expected) in [
        (
            &["book_id", "vector"][..],
            "error: there is no column id, nor one of its other usual names; the columns are `book_id`, `vector`; did you mean --id-column book_id?",
        ),
        (
            &["id", "my_embs"],
            "error: there is no column vector, nor one of its other usual names; the columns are `id`, `my_embs`; did you mean --vector-column \
             my_embs?",
        ),
        (
            &["a", "b"],
            "error: there is no column id, nor one of its other usual names; the columns are `a`, `b`; name it with --id-column NAME",
        ),
        (
            &[],
            "error: there is no column id, nor one of its other usual names; there are no columns; name it with --id-column NAME",
        ),
        (&["id", "id", "vector"], "error: the column `id` is there twice"),
    ] {
        assert_eq!(told(columns), expected);
    }
}

#[test]
fn rows_beside_vectors_need_none() {
    let roles = Roles::beside_vectors(&Choice::default(), &["id", "values", "n"]).unwrap();
    assert_eq!(roles.told(None), "id from `id`, fields `values`, `n`");
}

#[test]
fn names_do_not_steer_the_terminal_and_many_are_not_listed() {
    assert_eq!(
        told(&["id", "vector", "a\u{1b}[2J"]),
        "id from `id`, vector from `vector`, field `a\\u{1b}[2J`"
    );
    let many: Vec<String> = (0..30).map(|n| format!("field {n:02}x")).collect();
    let columns: Vec<&str> = ["id", "vector"].into_iter().chain(many.iter().map(String::as_str)).collect();
    assert!(told(&columns).ends_with("`field 19x`, and 10 more"), "{}", told(&columns));
}
