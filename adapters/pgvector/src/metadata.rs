//! Metadata out of columns: a `jsonb` object, and columns of another program that are fields beside it.

use crate::catalog::Column;
use crate::query::{identifier, literal};

/// A function takes at most 100 arguments: two for each field.
const FIELDS_OF_A_CALL: usize = 50;

/// What metadata is made of. Where a column and a key of the object have one name, the column has it, unless it is null: then
/// the object has. Where both have a value, that of the object is under `prefix` and the name, so that none is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Metadata {
    /// A `jsonb` value that is never null, as SQL.
    pub(crate) json: String,
    /// Columns that are fields: name, and value as SQL.
    pub(crate) fields: Vec<(String, String)>,
    /// What no column's name begins with.
    pub(crate) prefix: String,
}

impl Metadata {
    /// Of a column of JSON, if there is one, and columns that are fields.
    pub(crate) fn of(column: Option<&Column>, fields: &[&Column]) -> Self {
        let mut prefix = format!("{}.", column.map_or("", |column| &column.name));
        while fields.iter().any(|field| field.name.starts_with(&prefix)) {
            prefix.push('.');
        }
        let json = column.map_or_else(
            || "'{}'::jsonb".to_owned(),
            |column| format!("COALESCE(NULLIF({}, 'null'), '{{}}')", value_of(column)),
        );
        let fields = fields.iter().map(|field| (field.name.clone(), value_of(field))).collect();
        Self { json, fields, prefix }
    }

    /// All of it as one `jsonb` value: an object, or what another program wrote in place of one.
    pub(crate) fn object(&self) -> String {
        let Self { json, fields, prefix } = self;
        if fields.is_empty() {
            return json.clone();
        }
        let columns: Vec<String> = fields.chunks(FIELDS_OF_A_CALL).map(object_of).collect();
        let (columns, prefix) = (format!("({})", columns.join(" || ")), literal(prefix));
        let names: Vec<String> = fields.iter().map(|(name, _)| literal(name)).collect();
        let (names, key, value) = (names.join(", "), "\"portolan.key\"", "\"portolan.value\"");
        // What begins with the prefix already gets it once more: two keys never become one.
        let moved = format!("NULLIF({columns} -> {key}, 'null') IS NOT NULL OR starts_with({key}, {prefix})");
        format!(
            "(CASE WHEN jsonb_typeof({json}) <> 'object' THEN {json} WHEN {json} ?| ARRAY[{names}] THEN {columns} || \
             (SELECT COALESCE(jsonb_object_agg(CASE WHEN {moved} THEN {prefix} || {key} ELSE {key} END, {value}), '{{}}') \
             FROM jsonb_each({json}) AS clash ({key}, {value}) \
             WHERE {value}::text IS DISTINCT FROM ({columns} -> {key})::text) ELSE {json} || {columns} END)"
        )
    }

    /// The value of a key, which is bound, or null: as in [`object`](Self::object).
    pub(crate) fn value(&self, key: &str, bound: &str) -> String {
        let within = format!("({} -> {bound})", self.json);
        if let Some((_, field)) = self.fields.iter().find(|(name, _)| name == key) {
            format!("COALESCE(NULLIF(to_jsonb({field}), 'null'), {within})")
        } else if !self.fields.is_empty() && key.starts_with(&self.prefix) {
            format!("({} -> {bound})", self.object())
        } else {
            within
        }
    }
}

/// A column's value. `json` may hold escapes that `jsonb` does not, of U+0000 and of halves of pairs: then it is the text.
fn value_of(column: &Column) -> String {
    let name = identifier(&column.name);
    if column.of != "json" {
        return name;
    }
    let unfit = r"'\\u(0000|[dD][89a-fA-F])'";
    let escapes = format!(r"replace({name}::text, '\\', '')");
    let unpaired = format!(r"regexp_replace({escapes}, '\\u[dD][89abAB]..\\u[dD][c-fC-F]', '', 'g')");
    format!(
        "(CASE WHEN {name}::text ~ {unfit} AND {unpaired} ~ {unfit} THEN to_jsonb({name}::text) ELSE {name}::jsonb END)"
    )
}

fn object_of(fields: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}, {value}", literal(name));
    format!("jsonb_build_object({})", fields.iter().map(pair).collect::<Vec<_>>().join(", "))
}
