//! Help with filters: where one is wrong, and which field was probably meant.

use std::collections::BTreeSet;

use portolan::suggest::suggest;
use portolan::{Filter, IndexSpec};

/// Hints for the fields of a filter that the index does not declare and that are near one it does.
pub(crate) fn mistyped_fields(filter: &Filter, spec: &IndexSpec) -> Vec<String> {
    let mut keys = BTreeSet::new();
    collect_keys(filter, &mut keys);
    let undeclared = keys.into_iter().filter(|key| !spec.fields.contains_key(*key));
    undeclared
        .filter_map(|key| {
            let meant = suggest(key, spec.fields.keys().map(String::as_str))?;
            Some(format!("hint: the index declares no field {key:?}; did you mean {meant}?"))
        })
        .collect()
}

fn collect_keys<'a>(filter: &'a Filter, keys: &mut BTreeSet<&'a str>) {
    match filter {
        Filter::And(children) | Filter::Or(children) => children.iter().for_each(|c| collect_keys(c, keys)),
        Filter::Not(child) => collect_keys(child, keys),
        Filter::Id(_) => {}
        Filter::Leaf(leaf) => drop(keys.insert(&leaf.key)),
    }
}

#[cfg(test)]
mod tests {
    use portolan::FieldType;
    use portolan::filter::field;

    use super::*;

    #[test]
    fn a_field_near_a_declared_one_is_hinted_at() {
        let spec = IndexSpec::new("companies", 2).field("industry", FieldType::String);
        let filter =
            !(field("indsutry").eq("fintech") | field("colour").eq("red")) & field("industry").exists();
        let hints = mistyped_fields(&filter, &spec);
        assert_eq!(hints, [r#"hint: the index declares no field "indsutry"; did you mean industry?"#]);
    }
}
