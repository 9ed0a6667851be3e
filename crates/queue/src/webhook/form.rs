//! Names and values as forms write them (`application/x-www-form-urlencoded`).

use std::borrow::Cow;

use percent_encoding::percent_decode;

/// Parameters of one form.
const PARAMETERS_MAX: usize = 1000;

/// A parameter's name and value, decoded.
pub(super) type Parameter = (Vec<u8>, Vec<u8>);

/// The parameters in their order; none where there are too many.
pub(super) fn parameters(text: &[u8]) -> Option<Vec<Parameter>> {
    let pairs = text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty());
    let decoded = pairs.take(PARAMETERS_MAX + 1).map(|pair| {
        let (name, value) = match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        };
        (decoded(name), decoded(value))
    });
    let parameters: Vec<Parameter> = decoded.collect();
    (parameters.len() <= PARAMETERS_MAX).then_some(parameters)
}

/// The first value of that name.
pub(super) fn value<'a>(parameters: &'a [Parameter], name: &str) -> Option<Cow<'a, str>> {
    let found = parameters.iter().find(|(known, _)| known == name.as_bytes());
    found.map(|(_, value)| String::from_utf8_lossy(value))
}

fn decoded(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    percent_decode(&spaced).collect()
}
