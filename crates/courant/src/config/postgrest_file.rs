//! Reads PostgREST's configuration file: a line for each `key = value`.
//!
//! A value is a text in quotes, in which `$(NAME)` stands for what the environment has of that name and `$$` for a
//! dollar, or a number, `true` or `false`. What follows `#` is a comment.

use std::collections::BTreeMap;

use super::error::ConfigError;
use super::postgrest;

/// The file's name and text, and the environment that its values may name.
pub(super) struct PostgrestFile<'a> {
    pub(super) name: &'a str,
    pub(super) text: &'a str,
    pub(super) environment: &'a BTreeMap<String, String>,
}

impl PostgrestFile<'_> {
    /// For each variable that says the same: its value, and the line that it stands on.
    pub(super) fn read(&self) -> Result<BTreeMap<String, (String, String)>, ConfigError> {
        let mut found = BTreeMap::new();
        for (number, line) in (1..).zip(self.text.lines()) {
            let place = format!("{}, line {number}", self.name);
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = self
                .binding(line)
                .map_err(|message| ConfigError::Postgrest { place: place.clone(), message })?;
            found.insert(postgrest::of_file(key), (value, place));
        }
        Ok(found)
    }

    fn binding<'l>(&self, line: &'l str) -> Result<(&'l str, String), String> {
        let (key, value) = line.split_once('=').ok_or("expected key = value")?;
        let (key, value) = (key.trim(), value.trim());
        let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if key.is_empty() || !key.chars().all(is_name) {
            return Err(format!("expected a name like db-uri before the equals sign, found {key:?}"));
        }
        let (value, rest) = match value.strip_prefix('"') {
            Some(text) => self.text(text)?,
            None => {
                let end = value.find([' ', '\t', '#']).unwrap_or(value.len());
                (value[..end].to_owned(), &value[end..])
            }
        };
        match rest.trim_start() {
            rest if rest.is_empty() || rest.starts_with('#') => {}
            rest => return Err(format!("expected nothing more after the value, found {rest:?}")),
        }
        if value.is_empty() && rest.is_empty() && !line.ends_with('"') {
            return Err("expected a value after the equals sign".to_owned());
        }
        Ok((key, value))
    }

    /// A text up to its closing quote, and what follows that.
    fn text<'l>(&self, text: &'l str) -> Result<(String, &'l str), String> {
        let mut value = String::new();
        let mut characters = text.char_indices();
        while let Some((at, c)) = characters.next() {
            match c {
                '"' => return Ok((value, &text[at + 1..])),
                '\\' => match characters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, escaped @ ('"' | '\\'))) => value.push(escaped),
                    _ => return Err("expected \\\", \\\\, \\n, \\r or \\t after a backslash".to_owned()),
                },
                '$' => match characters.next() {
                    Some((_, '$')) => value.push('$'),
                    Some((_, '(')) => {
                        let name: String =
                            characters.by_ref().map(|(_, c)| c).take_while(|c| *c != ')').collect();
                        let found = self.environment.get(&name);
                        value.push_str(found.ok_or_else(|| format!("the environment has no {name}"))?);
                    }
                    _ => return Err("expected $(NAME), or $$ for a dollar".to_owned()),
                },
                c => value.push(c),
            }
        }
        Err("expected a closing quote".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<BTreeMap<String, String>, String> {
        let environment = BTreeMap::from([("SECRET".to_owned(), "from outside".to_owned())]);
        let file = PostgrestFile { name: "postgrest.conf", text, environment: &environment };
        let read = file.read().map_err(|error| error.to_string())?;
        Ok(read.into_iter().map(|(key, (value, _))| (key, value)).collect())
    }

    #[test]
    fn the_documentations_own_file_is_read() {
        let text = r#"
            # postgrest.conf
            db-uri       = "postgres://user:pass@host:5432/dbname"
            db-anon-role = "anon"   # who nobody is
            jwt-secret   = "a $$ and \"quotes\", $(SECRET)"
            jwt-secret-is-base64 = false
            server-port = 3000
            app.settings.my_key = "@not a file"
            max-rows=5
            jwt-role-claim-key = ".\"https://www.example.com/role\".key""#;
        let read = read(text).unwrap();
        let said = |name: &str| read.get(name).map(String::as_str);
        assert_eq!(said("PGRST_DB_URI"), Some("postgres://user:pass@host:5432/dbname"));
        assert_eq!(said("PGRST_DB_ANON_ROLE"), Some("anon"));
        assert_eq!(said("PGRST_JWT_SECRET"), Some("a $ and \"quotes\", from outside"));
        assert_eq!(said("PGRST_JWT_SECRET_IS_BASE64"), Some("false"));
        assert_eq!(said("PGRST_SERVER_PORT"), Some("3000"));
        assert_eq!(said("PGRST_APP_SETTINGS_MY_KEY"), Some("@not a file"));
        assert_eq!(said("PGRST_DB_MAX_ROWS"), Some("5"));
        assert_eq!(said("PGRST_JWT_ROLE_CLAIM_KEY"), Some(r#"."https://www.example.com/role".key"#));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let cases = [
            ("db-uri", "expected key = value"),
            ("a b = 1", "expected a name"),
            ("db-uri = \"x", "a closing quote"),
            ("db-uri = \"$x\"", "$$ for a dollar"),
            ("db-uri = \"$(NOWHERE)\"", "no NOWHERE"),
            ("db-uri = \"x\" y", "nothing more"),
            ("db-uri =", "expected a value"),
        ];
        for (text, expected) in cases {
            let error = read(&format!("\n{text}")).unwrap_err();
            assert!(
                error.starts_with("postgrest.conf, line 2: ") && error.contains(expected),
                "{text}: {error}"
            );
        }
    }
}
