//! Vectors written as text: JSON lists, and what numpy, pandas and databases print.

use std::fmt;

/// What is wrong with a text that should be a vector, and at which byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NoVector {
    pub(super) message: String,
    pub(super) at: usize,
}

/// Reads `[0.1, 0.2]`, `[0.1 0.2]`, `{0.1,0.2}`, `(0.1, 0.2)`, or the numbers alone, separated by commas or by blanks.
pub(super) fn vector_of(text: &str) -> Result<Vec<f32>, NoVector> {
    let (start, inner) = unwrapped(text)?;
    let vector = if inner.contains(',') {
        components(inner.split(','), start, true)
    } else {
        components(inner.split(char::is_whitespace), start, false)
    };
    vector.map_err(|e| left_out(start, inner).unwrap_or(e))
}

/// The error of a print without all of its numbers.
fn left_out(start: usize, inner: &str) -> Option<NoVector> {
    let dots = inner.find("...").or_else(|| inner.find('…'))?;
    Some(NoVector::new(
        start + dots,
        "numbers are left out where it was printed (`...`); numpy does so with long arrays: write it as a list, \
         json.dumps(vector.tolist())",
    ))
}

/// The components of tokens that follow each other, one sign apart, from `at` on; blank ones are none, or missing.
fn components<'t>(
    tokens: impl Iterator<Item = &'t str>,
    mut at: usize,
    commas: bool,
) -> Result<Vec<f32>, NoVector> {
    let mut vector = Vec::new();
    for token in tokens {
        let number = token.trim();
        if !number.is_empty() {
            let begins = || at + (token.len() - token.trim_start().len());
            let component = component(number, vector.len());
            vector.push(component.map_err(|message| NoVector { message, at: begins() })?);
        } else if commas {
            return Err(NoVector { message: format!("component {} is missing", vector.len()), at });
        }
        at += token.len() + 1;
    }
    if vector.is_empty() { Err(NoVector::new(0, "it has no numbers")) } else { Ok(vector) }
}

/// The text between the brackets, if there are any, and where it begins.
fn unwrapped(text: &str) -> Result<(usize, &str), NoVector> {
    let trimmed = text.trim();
    let start = text.len() - text.trim_start().len();
    let closing = match trimmed.chars().next() {
        Some('[') => ']',
        Some('{') => '}',
        Some('(') => ')',
        _ => return Ok((start, trimmed)),
    };
    let inner = trimmed[1..].strip_suffix(closing).ok_or_else(|| {
        NoVector::new(start + trimmed.len(), &format!("it does not end with {closing}; was it cut off?"))
    })?;
    // A list of no numbers is as empty as its text.
    if inner.trim().is_empty() {
        Err(NoVector::new(start, "it has no numbers"))
    } else {
        Ok((start + 1, inner))
    }
}

fn component(number: &str, n: usize) -> Result<f32, String> {
    match number.parse::<f32>() {
        Ok(x) if x.is_finite() => Ok(x),
        // Rust reads words such as inf, too.
        Ok(_) if number.contains(|c: char| c.is_ascii_digit()) => {
            Err(format!("component {n} is {}, beyond what 32-bit floats hold", cut(number)))
        }
        Ok(_) => Err(format!("component {n} is {number}, and must be a finite number")),
        Err(_) if number.starts_with('[') => Err(format!("component {n} is a list, and must be a number")),
        Err(_) => Err(format!("component {n} is {}, and must be a number", cut(number))),
    }
}

/// A token in a message.
fn cut(token: &str) -> String {
    token.chars().take(40).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

impl NoVector {
    fn new(at: usize, message: &str) -> Self {
        Self { message: message.to_owned(), at }
    }
}

impl fmt::Display for NoVector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_as_they_are_printed() {
        for text in [
            "[0.5, -1, 2e3]",
            "[0.5,-1.,2000]",
            "[ 0.5 -1.   2.e+03]",
            "[0.5 -1.0\n 2000.]",
            "0.5 -1 2000",
            "0.5,-1,2000",
            "{0.5,-1,2000}",
            "(0.5, -1, 2000)",
            " [5e-1\t-1\r\n2000] ",
        ] {
            assert_eq!(vector_of(text).unwrap(), [0.5, -1.0, 2000.0], "{text}");
        }
        assert_eq!(vector_of("[7]").unwrap(), [7.0]);
    }

    #[test]
    fn what_is_no_vector_is_told_with_its_component() {
        for (text, message, at) in [
            ("", "it has no numbers", 0),
            ("[]", "it has no numbers", 0),
            ("[0.1 0.2 ... 0.9]", "numbers are left out", 9),
            ("[0.1, 0.2", "it does not end with ]", 9),
            ("[0.1,,0.2]", "component 1 is missing", 5),
            ("[0.1,0.2,]", "component 2 is missing", 9),
            ("[0.1, \"0.2\"]", "component 1 is \"0.2\", and must be a number", 6),
            ("[1, NaN]", "component 1 is NaN, and must be a finite number", 4),
            ("[inf 1]", "component 0 is inf, and must be a finite number", 1),
            ("[1e39]", "component 0 is 1e39, beyond what 32-bit floats hold", 1),
            ("[[1,2]]", "component 0 is a list", 1),
            ("[1 2, 3]", "component 0 is 1 2, and must be a number", 1),
            ("[1,null]", "component 1 is null", 3),
            ("0,5;1", "component 1 is 5;1", 2),
        ] {
            let e = vector_of(text).unwrap_err();
            assert!(e.message.starts_with(message) && e.at == at, "{text}: {e:?}");
        }
    }

    #[test]
    fn components_are_read_bit_for_bit() {
        for x in [0.1_f32, 1.0 / 3.0, f32::MIN_POSITIVE, f32::from_bits(1), 16_777_217.0, -0.0, f32::MAX] {
            assert_eq!(vector_of(&format!("[{x:e}]")).unwrap()[0].to_bits(), x.to_bits(), "{x}");
        }
    }
}
