//! The password file (`~/.pgpass`): `host:port:database:user:password`, a line each.
//!
//! Rules: <https://www.postgresql.org/docs/current/libpq-pgpass.html>.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// The lines of a password file that may be used.
pub(super) struct Passfile(String);

impl Passfile {
    /// Reads the file; missing or readable by others, it counts as empty, as it does for libpq.
    pub(super) fn read(path: &Path) -> Passfile {
        let Ok(metadata) = std::fs::metadata(path) else { return Passfile(String::new()) };
        if !metadata.is_file() {
            tracing::warn!(path = %path.display(), "the password file is not a plain file and is ignored");
            return Passfile(String::new());
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!(
                path = %path.display(),
                "the password file can be read by others and is ignored; make it u=rw (0600)"
            );
            return Passfile(String::new());
        }
        Passfile(std::fs::read_to_string(path).unwrap_or_default())
    }

    /// The password of the first line that matches.
    pub(super) fn password(&self, host: &str, port: u16, database: &str, user: &str) -> Option<String> {
        let port = port.to_string();
        self.0.lines().filter(|line| !line.starts_with('#')).find_map(|line| {
            let mut rest = line;
            for wanted in [host, &port, database, user] {
                let (matches, tail) = field(rest, wanted)?;
                rest = tail;
                matches.then_some(())?;
            }
            // An unescaped colon ends the password, as in libpq.
            Some(unescape(&rest[..colon(rest).unwrap_or(rest.len())]))
        })
    }
}

/// Whether the first field is `*` or equals `wanted`, and what follows it.
fn field<'a>(line: &'a str, wanted: &str) -> Option<(bool, &'a str)> {
    let end = colon(line)?;
    let text = &line[..end];
    Some((text == "*" || unescape(text) == wanted, &line[end + 1..]))
}

/// The place of the first colon that is not escaped.
fn colon(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.find(|c: char| {
        let ends = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    })
}

fn unescape(text: &str) -> String {
    let mut plain = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        plain.extend(if character == '\\' { characters.next() } else { Some(character) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_matches_gives_the_password() {
        let file = Passfile(
            "# a comment\nbroken\nhost:5432:db:u:one\n*:5433:*:u\\:x:t\\:wo\\\\\nhost:*:*:*:last\\:word:rest\n".into(),
        );
        assert_eq!(file.password("host", 5432, "db", "u").as_deref(), Some("one"));
        assert_eq!(file.password("any", 5433, "db", "u:x").as_deref(), Some("t:wo\\"));
        assert_eq!(file.password("host", 1, "other", "v").as_deref(), Some("last:word"));
        assert_eq!(file.password("elsewhere", 1, "other", "v"), None);
    }
}
