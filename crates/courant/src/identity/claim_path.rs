//! Where in a token's claims the role is: PostgREST's path language.
//!
//! ```text
//! path   = name | ["$"] step+                     a name alone is one claim of that name
//! step   = "." (word | quoted) | "[" choice "]"
//! choice = index | quoted | [index] ":" [index] | "?" filter
//! filter = "@" operator quoted | ("search" | "match") "(" "@" "," quoted ")", in parentheses or not
//! ```
//!
//! Words are letters, digits, `_`, `$` and `@`; operators `==`, `!=`, `^==` (begins), `==^` (ends) and `*==`
//! (contains). `search` finds a regular expression anywhere, `match` one that is the whole text, as in RFC 9535. An index
//! below zero counts from the end. A slice of a text is of its characters.
//! <https://docs.postgrest.org/en/stable/references/auth.html#jwt-role-extraction>

use std::str::FromStr;

use regex_lite::Regex;
use serde_json::{Map, Value};

/// The steps from the claims to the role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClaimPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Index(i64),
    Slice(Option<i64>, Option<i64>),
    /// The first text of a list of which this holds.
    First(Comparison, String),
    /// The first text of a list in which this expression is found.
    Found(Pattern),
}

/// A regular expression; two are the same if they are written alike.
#[derive(Clone, Debug)]
struct Pattern(Regex);

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

impl Eq for Pattern {}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Begins,
    Ends,
    Contains,
}

/// Longer ones first where one begins like another.
const COMPARISONS: [(&str, Comparison); 5] = [
    ("==^", Comparison::Ends),
    ("==", Comparison::Equal),
    ("!=", Comparison::NotEqual),
    ("^==", Comparison::Begins),
    ("*==", Comparison::Contains),
];

impl Default for ClaimPath {
    fn default() -> ClaimPath {
        ClaimPath(vec![Step::Key("role".to_owned())])
    }
}

impl ClaimPath {
    /// The role that these claims name: a text, or another value's JSON.
    pub(super) fn role(&self, claims: &Map<String, Value>) -> Option<String> {
        let mut steps = self.0.iter();
        let mut at = match steps.next()? {
            Step::Key(name) => claims.get(name)?.clone(),
            _ => return None,
        };
        for step in steps {
            at = step.of(&at)?;
        }
        Some(match at {
            Value::String(text) => text,
            other => other.to_string(),
        })
    }
}

impl Step {
    fn of(&self, value: &Value) -> Option<Value> {
        match (self, value) {
            (Step::Key(name), Value::Object(members)) => members.get(name).cloned(),
            (Step::Index(index), Value::Array(values)) => {
                let at =
                    if *index < 0 { index.checked_add(i64::try_from(values.len()).ok()?)? } else { *index };
                values.get(usize::try_from(at).ok()?).cloned()
            }
            (Step::Slice(start, end), Value::String(text)) => {
                let letters: Vec<char> = text.chars().collect();
                let (start, end) = bounds(*start, *end, letters.len());
                // Of nothing, no role is made; the role of no name is one that does not exist.
                let part = letters.get(start..end).filter(|part| !part.is_empty());
                part.map(|part| Value::String(part.iter().collect()))
            }
            (Step::Slice(start, end), Value::Array(values)) => {
                let (start, end) = bounds(*start, *end, values.len());
                values.get(start..end)?.first().cloned()
            }
            (Step::First(comparison, right), Value::Array(values)) => {
                let holds = |value: &&Value| value.as_str().is_some_and(|left| comparison.holds(left, right));
                values.iter().find(holds).cloned()
            }
            (Step::Found(Pattern(pattern)), Value::Array(values)) => {
                let holds = |value: &&Value| value.as_str().is_some_and(|text| pattern.is_match(text));
                values.iter().find(holds).cloned()
            }
            _ => None,
        }
    }
}

/// From where to where, as Python slices.
fn bounds(start: Option<i64>, end: Option<i64>, length: usize) -> (usize, usize) {
    let length = i64::try_from(length).unwrap_or(i64::MAX);
    let within = |index: i64| (if index < 0 { index.saturating_add(length) } else { index }).clamp(0, length);
    let start = start.map_or(0, within);
    let end = end.map_or(length, within).max(start);
    (usize::try_from(start).unwrap_or(0), usize::try_from(end).unwrap_or(0))
}

impl Comparison {
    fn holds(self, left: &str, right: &str) -> bool {
        match self {
            Comparison::Equal => left == right,
            Comparison::NotEqual => left != right,
            Comparison::Begins => left.starts_with(right),
            Comparison::Ends => left.ends_with(right),
            Comparison::Contains => left.contains(right),
        }
    }
}

impl FromStr for ClaimPath {
    type Err = String;

    fn from_str(text: &str) -> Result<ClaimPath, String> {
        if text.is_empty() {
            return Err("expected a claim's name, or a path like .realm.roles[0]".to_owned());
        }
        if !text.starts_with(['.', '$']) {
            return Ok(ClaimPath(vec![Step::Key(text.to_owned())]));
        }
        let mut reader = Reader { text, rest: text.strip_prefix('$').unwrap_or(text) };
        let mut steps = Vec::new();
        while !reader.rest.is_empty() {
            steps.push(reader.step()?);
        }
        match steps.first() {
            Some(Step::Key(_)) => Ok(ClaimPath(steps)),
            _ => Err(reader.expected("a claim's name first")),
        }
    }
}

/// What is left of a path.
struct Reader<'a> {
    text: &'a str,
    rest: &'a str,
}

impl Reader<'_> {
    fn expected(&self, what: &str) -> String {
        let at = self.text.chars().count() - self.rest.chars().count() + 1;
        format!("expected {what} at character {at} of the path")
    }

    fn take(&mut self, token: &str) -> bool {
        let rest = self.rest.strip_prefix(token);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn must(&mut self, token: &str) -> Result<(), String> {
        if self.take(token) { Ok(()) } else { Err(self.expected(token)) }
    }

    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches(' ');
    }

    fn step(&mut self) -> Result<Step, String> {
        if self.take(".") {
            if self.rest.starts_with('"') {
                return self.quoted().map(Step::Key);
            }
            let is_word = |letter: char| letter.is_alphanumeric() || "_$@".contains(letter);
            let end = self.rest.find(|letter| !is_word(letter)).unwrap_or(self.rest.len());
            let (word, rest) = self.rest.split_at(end);
            if word.is_empty() {
                return Err(self.expected("a name of letters, digits, _, $ and @, or one in quotes"));
            }
            self.rest = rest;
            return Ok(Step::Key(word.to_owned()));
        }
        self.must("[")?;
        let step = if self.take("?") {
            self.filter()?
        } else if self.rest.starts_with(['"', '\'']) {
            Step::Key(self.quoted()?)
        } else {
            let start = self.index()?;
            match (self.take(":"), start) {
                (true, start) => Step::Slice(start, self.index()?),
                (false, Some(index)) => Step::Index(index),
                (false, None) => return Err(self.expected("an index, a slice, a name in quotes or a filter")),
            }
        };
        self.must("]")?;
        Ok(step)
    }

    fn filter(&mut self) -> Result<Step, String> {
        let enclosed = self.take("(");
        self.blanks();
        let step = match (self.take("search("), self.rest.starts_with("match(")) {
            (true, _) => self.pattern(|text| text.to_owned())?,
            (false, true) => {
                self.must("match(")?;
                self.pattern(|text| format!("^(?:{text})$"))?
            }
            (false, false) => self.comparison()?,
        };
        self.blanks();
        if enclosed {
            self.must(")")?;
        }
        Ok(step)
    }

    /// What stands in the parentheses of `search` and `match`.
    fn pattern(&mut self, whole: impl Fn(&str) -> String) -> Result<Step, String> {
        self.blanks();
        self.must("@")?;
        self.blanks();
        self.must(",")?;
        self.blanks();
        let text = self.quoted()?;
        let pattern =
            Regex::new(&whole(&text)).map_err(|_| self.expected("a regular expression before this,"))?;
        self.blanks();
        self.must(")")?;
        Ok(Step::Found(Pattern(pattern)))
    }

    fn comparison(&mut self) -> Result<Step, String> {
        self.must("@")?;
        self.blanks();
        let known = COMPARISONS.iter().find(|(token, _)| self.rest.starts_with(token));
        let Some((token, comparison)) = known else {
            return Err(self.expected("one of ==, !=, ^==, ==^ and *=="));
        };
        self.must(token)?;
        self.blanks();
        let right = self.quoted()?;
        Ok(Step::First(*comparison, right))
    }

    fn quoted(&mut self) -> Result<String, String> {
        let mark = if self.rest.starts_with('\'') { '\'' } else { '"' };
        let inner = self.rest.strip_prefix(mark).and_then(|rest| rest.split_once(mark));
        let Some((text, rest)) = inner else { return Err(self.expected("a text in quotes")) };
        self.rest = rest;
        Ok(text.to_owned())
    }

    fn index(&mut self) -> Result<Option<i64>, String> {
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest[sign..].bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return Ok(None);
        }
        let (number, rest) = self.rest.split_at(sign + digits);
        let number = number.parse().map_err(|_| self.expected("an index that is not so large"))?;
        self.rest = rest;
        Ok(Some(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn role(path: &str, claims: &Value) -> Option<String> {
        path.parse::<ClaimPath>().unwrap().role(claims.as_object().unwrap())
    }

    #[test]
    fn every_way_of_the_documentation_leads_to_the_role() {
        let claims = serde_json::json!({
            "role": "author", "https://www.example.com/role": {"key": "author"},
            "postgrest": {"roles": ["other", "author"], "wlcg": ["/author", "/author/"]},
        });
        for path in [
            "role",
            ".role",
            "$.role",
            "$['role']",
            "https://www.example.com/role",
            r#"."https://www.example.com/role".key"#,
            r#"$["https://www.example.com/role"].key"#,
            ".postgrest.roles[1]",
            ".postgrest.roles[-1]",
            r#".postgrest.roles[?(@ == "author")]"#,
            r#".postgrest.roles[?(@ != "other")]"#,
            r#".postgrest.roles[?(@ ^== "aut")]"#,
            r#".postgrest.roles[?(@ ==^ "hor")]"#,
            r#".postgrest.roles[?(@ *== "utho")]"#,
            r#"$.postgrest.roles[?@ == 'author']"#,
            r#"$.postgrest.roles[?search(@, "^aut")]"#,
            r#"$.postgrest.roles[?(match(@, 'a.*r'))]"#,
            ".postgrest.roles[1:]",
            ".postgrest.wlcg[0][1:]",
            ".postgrest.wlcg[1][1:-1]",
        ] {
            let found = role(path, &claims);
            let is_object = path == "https://www.example.com/role";
            assert_eq!(
                found.as_deref(),
                Some(if is_object { r#"{"key":"author"}"# } else { "author" }),
                "{path}"
            );
        }
    }

    #[test]
    fn what_is_not_there_is_no_role() {
        let claims = serde_json::json!({"a": ["x", 7], "text": "role", "empty": ""});
        for path in [".b", ".a[2]", ".a[-3]", ".a.x", ".text[0]", ".text[11:2]", r#".a[?(@ == "y")]"#] {
            assert_eq!(role(path, &claims), None, "{path}");
        }
        assert_eq!(role(".text[:-2]", &claims).as_deref(), Some("ro"));
        assert_eq!(role(".text[:]", &claims).as_deref(), Some("role"));
        assert_eq!(role(".empty", &claims).as_deref(), Some(""));
        assert_eq!(role(".a[1]", &claims).as_deref(), Some("7"));
    }

    #[test]
    fn a_path_that_is_none_is_refused_with_its_place() {
        for (path, said) in [
            ("", "expected a claim's name"),
            (".", "at character 2"),
            (".a..b", "at character 4"),
            (".a[x]", "expected an index"),
            (".a[1", "expected ] at character 5"),
            (".a[?(@ > \"x\")]", "expected one of =="),
            (".a[?(@ == x)]", "expected a text in quotes at character 11"),
            (".a\"", "expected ["),
            ("$", "expected a claim's name first"),
            (".a[99999999999999999999]", "not so large"),
            ("$.a[?search(@, '(')]", "expected a regular expression"),
        ] {
            let refused = path.parse::<ClaimPath>().unwrap_err();
            assert!(refused.contains(said), "{path}: {refused}");
        }
    }
}
