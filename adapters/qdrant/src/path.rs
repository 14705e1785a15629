//! Keys as paths of the payload.

/// How a key is written in a path; none can be where it holds a quote or a backslash.
pub(crate) fn path(key: &str) -> Option<String> {
    if key.is_empty() || key.contains(['"', '\\']) {
        return None;
    }
    let plain = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    Some(if plain { key.to_owned() } else { format!("\"{key}\"") })
}

/// The key that a path stands for, where it is one of the first level.
pub(crate) fn key_of(of: &str) -> Option<&str> {
    let key = of.strip_prefix('"').and_then(|k| k.strip_suffix('"')).unwrap_or(of);
    (path(key).as_deref() == Some(of)).then_some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_where_a_path_needs_it() {
        assert_eq!(path("a_b-c9").as_deref(), Some("a_b-c9"));
        for key in ["a.b", "a[0]", "a b", "naïve", "$x", "a[].b"] {
            assert_eq!(path(key), Some(format!("\"{key}\"")));
            assert_eq!(path(key).as_deref().and_then(key_of), Some(key));
        }
        for key in ["", "a\"b", "a\\b"] {
            assert_eq!(path(key), None, "{key}");
        }
        for of in ["a.b", "a[].b", "\"a"] {
            assert_eq!(key_of(of), None, "{of}");
        }
    }
}
