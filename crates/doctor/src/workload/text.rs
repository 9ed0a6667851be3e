//! A statement's text in parts: enough to split a file, to see what reads, and to find what a parameter is compared with.
//!
//! No parser: PostgreSQL is asked what a statement means. Input is any text, well-formed or not.

/// A part of a statement. Literals and comments are kept whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// A word, or a quoted identifier with its quotes.
    Word(&'a str),
    /// A literal, with its quotes.
    Literal(&'a str),
    /// `$1`.
    Parameter(u32),
    /// A comment.
    Comment,
    /// Anything else, a character at a time; operators are taken together.
    Symbol(&'a str),
}

/// The parts of a text with where they begin, blanks left out.
pub(crate) fn parts(text: &str) -> impl Iterator<Item = (usize, Part<'_>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        at += text[at..].len() - text[at..].trim_start().len();
        let rest = &text[at..];
        let first = rest.chars().next()?;
        let length = length(rest, first);
        let part = &rest[..length];
        let start = at;
        at += length;
        let kind = match first {
            '-' if part.starts_with("--") => Part::Comment,
            '/' if part.starts_with("/*") => Part::Comment,
            '\'' => Part::Literal(part),
            '$' => match part[1..].parse() {
                Ok(number) => Part::Parameter(number),
                Err(_) => Part::Literal(part),
            },
            '"' => Part::Word(part),
            c if is_word(c) && part.ends_with('\'') => Part::Literal(part),
            c if is_word(c) => Part::Word(part),
            _ => Part::Symbol(part),
        };
        Some((start, kind))
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// How many bytes the part has that begins here.
fn length(rest: &str, first: char) -> usize {
    let to = |found: Option<usize>| found.unwrap_or(rest.len());
    match first {
        '-' if rest.starts_with("--") => to(rest.find('\n')),
        '/' if rest.starts_with("/*") => comment(rest),
        '\'' => quoted(rest, 1, '\'', false),
        '"' => quoted(rest, 1, '"', false),
        'e' | 'E' if rest[1..].starts_with('\'') => quoted(rest, 2, '\'', true),
        'b' | 'B' | 'x' | 'X' | 'n' | 'N' if rest[1..].starts_with('\'') => quoted(rest, 2, '\'', false),
        '$' => dollar(rest),
        c if is_word(c) => to(rest.find(|c| !is_word(c) && c != '$')),
        '<' | '>' | '=' | '!' | '~' | '@' | '&' | '|' | '#' | '%' | '^' | '*' | '+' | '/' | '-' | '?' => {
            to(rest.find(|c| !"<>=!~@&|#%^*+/-?".contains(c)))
        }
        c => c.len_utf8(),
    }
}

/// Comments nest.
fn comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = rest.as_bytes();
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}

fn quoted(rest: &str, from: usize, quote: char, escapes: bool) -> usize {
    let mut characters = rest.char_indices().skip(from).peekable();
    while let Some((at, c)) = characters.next() {
        match c {
            '\\' if escapes => _ = characters.next(),
            c if c == quote && characters.next_if(|(_, next)| *next == quote).is_none() => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// `$1`, or a literal between two equal `$tag$`.
fn dollar(rest: &str) -> usize {
    let digits = rest[1..].bytes().take_while(u8::is_ascii_digit).count();
    if digits > 0 {
        return 1 + digits;
    }
    let Some(end) = rest[1..].find(|c| !is_word(c)).filter(|&end| rest[1 + end..].starts_with('$')) else {
        return 1;
    };
    let tag = &rest[..end + 2];
    rest[tag.len()..].find(tag).map_or(rest.len(), |close| tag.len() + close + tag.len())
}

/// Whether it looks like a statement that only reads. Whether it is one, a read-only transaction decides.
pub(crate) fn reads(sql: &str) -> bool {
    let mut words = parts(sql).filter_map(|(_, part)| match part {
        Part::Word(word) => Some(word.to_ascii_lowercase()),
        _ => None,
    });
    let first = words.next().unwrap_or_default();
    let locks = |word: &String| matches!(word.as_str(), "insert" | "update" | "delete" | "merge" | "into");
    matches!(first.as_str(), "select" | "with" | "table" | "values") && !words.any(|word| locks(&word))
}

/// A statement on one line, cut to so many characters.
pub(crate) fn short(sql: &str, characters: usize) -> String {
    let line = sql.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(characters) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_quotes_and_comments_is_one_part() {
        let text = "select 'a''b', E'c\\'d', \"e\"\"f\", $x$ ; $x$, $12 -- g;\n/* h /* i */ ; */ <> j";
        let all: Vec<Part<'_>> = parts(text).map(|(_, part)| part).collect();
        assert_eq!(all[1], Part::Literal("'a''b'"));
        assert_eq!(all[3], Part::Literal("E'c\\'d'"));
        assert_eq!(all[5], Part::Word("\"e\"\"f\""));
        assert_eq!(all[7], Part::Literal("$x$ ; $x$"));
        assert_eq!(
            all[9..],
            [Part::Parameter(12), Part::Comment, Part::Comment, Part::Symbol("<>"), Part::Word("j")]
        );
    }

    #[test]
    fn what_never_ends_ends_with_the_text() {
        for text in ["'a", "\"a", "$a$ b", "/* a", "E'\\", "$", "e", "é'"] {
            assert!(parts(text).count() > 0, "{text}");
        }
    }

    #[test]
    fn statements_that_write_do_not_read() {
        assert!(reads("select 'delete' from t"));
        assert!(reads("/* a */ with a as (select 1) select * from a"));
        assert!(!reads("with a as (delete from t returning *) select * from a"));
        assert!(!reads("update t set a = 1"));
        assert!(!reads("select 1 into t"));
    }
}
