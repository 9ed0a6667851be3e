//! A path in the one form in which rules are held against it: decoded, without empty and dotted steps.
//!
//! Whoever writes `//app`, `/x/../app` or `/%61pp` means `/app`, or hopes that some server does. Only for rules: what is
//! passed on stays as it was sent.

use std::borrow::Cow;

/// The path that rules are held against.
pub fn canonical(path: &str) -> Cow<'_, str> {
    if !path.contains('%') && !path.contains("//") && !path.contains("/.") {
        return Cow::Borrowed(path);
    }
    let decoded = decoded(path);
    let mut steps: Vec<&str> = Vec::new();
    for step in decoded.split('/').skip(1) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    let mut canonical = String::with_capacity(decoded.len());
    steps.iter().for_each(|step| canonical.extend(["/", step]));
    if canonical.is_empty() || decoded.ends_with('/') {
        canonical.push('/');
    }
    Cow::Owned(canonical)
}

/// Percent signs are read once, as servers do; what they do not make sense of stays.
fn decoded(path: &str) -> String {
    let (bytes, mut out, mut at) = (path.as_bytes(), Vec::with_capacity(path.len()), 0);
    while let Some(byte) = bytes.get(at) {
        let pair = bytes.get(at + 1..at + 3).and_then(|pair| std::str::from_utf8(pair).ok());
        let value = pair.filter(|pair| pair.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let value = value.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *byte == b'%');
        out.push(value.unwrap_or(*byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::canonical;

    #[test]
    fn every_way_to_write_a_path_is_one_path() {
        for (path, written) in [
            ("/app/pay", "/app/pay"),
            ("/%61pp/p%61y", "/app/pay"),
            ("//app///pay", "/app/pay"),
            ("/x/../app/./pay", "/app/pay"),
            ("/x/%2e%2E/app%2Fpay", "/app/pay"),
            ("/../../app/pay", "/app/pay"),
            ("/app/", "/app/"),
            ("//", "/"),
            ("/..", "/"),
            ("/%", "/%"),
            ("/%zz%4", "/%zz%4"),
            ("/%+1", "/%+1"),
            ("/%2561", "/%61"),
            ("/%ff", "/\u{fffd}"),
        ] {
            assert_eq!(canonical(path), written, "{path}");
        }
    }
}
