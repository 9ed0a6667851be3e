//! Where statements begin and end in a text of SQL: quotes, dollar quotes and comments are looked through.
//!
//! Knows no more of SQL than that; whatever the text is, it ends.

/// A statement as it stands in the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// Its text, from the first character that is not a comment or blank.
    pub(super) text: &'a str,
    /// The lines of comment right before it, without dashes.
    pub(super) comments: Vec<&'a str>,
}

/// What stands at a place.
enum Span {
    Comment,
    Quoted,
    Other,
}

/// The statements of a text.
pub(super) fn statements(text: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let (mut at, mut start) = (0, None);
    let mut comments = Vec::new();
    while at < text.len() {
        let (span, end) = span(text, at);
        let here = &text[at..end];
        match span {
            Span::Comment => {
                if start.is_none() {
                    comments.push(here.trim_start_matches('-').trim());
                }
            }
            Span::Other if here == ";" => {
                if let Some(start) = start.take() {
                    found.push(Piece {
                        text: text[start..at].trim_end(),
                        comments: std::mem::take(&mut comments),
                    });
                }
            }
            Span::Other if here.trim().is_empty() => {}
            Span::Other | Span::Quoted => {
                start.get_or_insert(at);
            }
        }
        at = end;
    }
    if let Some(start) = start {
        found.push(Piece { text: text[start..].trim_end(), comments });
    }
    found
}

/// The text without its comments.
pub(super) fn without_comments(text: &str) -> String {
    let (mut at, mut kept) = (0, String::new());
    while at < text.len() {
        let (span, end) = span(text, at);
        if !matches!(span, Span::Comment) {
            kept.push_str(&text[at..end]);
        }
        at = end;
    }
    kept
}

/// The highest parameter (`$3`: 3) outside quotes and comments.
pub(super) fn parameters(text: &str) -> usize {
    /// As many as the protocol takes.
    const PARAMETERS_MAX: usize = 65_535;
    let (mut at, mut highest) = (0, 0);
    while at < text.len() {
        let (span, end) = span(text, at);
        if matches!(span, Span::Other) && &text[at..end] == "$" && !ends_in_name(&text[..at]) {
            let digits = text[end..].bytes().take_while(u8::is_ascii_digit).count();
            highest = highest.max(text[end..end + digits].parse().unwrap_or(0));
        }
        at = end;
    }
    highest.min(PARAMETERS_MAX)
}

/// Whether a dollar that follows belongs to a name.
fn ends_in_name(text: &str) -> bool {
    text.ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// What begins at this place, and where it ends.
fn span(text: &str, at: usize) -> (Span, usize) {
    let rest = &text[at..];
    let first = rest.chars().next().unwrap_or(' ');
    let until =
        |end: Option<usize>, more: usize| at + end.map_or(rest.len(), |end| (end + more).min(rest.len()));
    match first {
        '-' if rest.starts_with("--") => (Span::Comment, until(rest.find('\n'), 0)),
        '/' if rest.starts_with("/*") => (Span::Comment, at + block_comment(rest)),
        '\'' | '"' => {
            // An E before the quote makes a backslash escape what follows.
            let escapes = first == '\'' && text[..at].ends_with(['e', 'E']);
            (Span::Quoted, at + quoted(rest, first, escapes))
        }
        '$' if !ends_in_name(&text[..at]) => match dollar_tag(rest) {
            Some(tag) => (Span::Quoted, until(rest[tag.len()..].find(tag), tag.len() * 2)),
            None => (Span::Other, at + 1),
        },
        _ => (Span::Other, at + first.len_utf8()),
    }
}

/// The length of a block comment, which may hold others.
fn block_comment(text: &str) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest.starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of a quoted text; a doubled quote looks like two of them, which comes to the same.
fn quoted(text: &str, quote: char, escapes: bool) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' if escapes => escaped = true,
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `$$` or `$tag$`.
fn dollar_tag(text: &str) -> Option<&str> {
    let end = text[1..].find('$')? + 1;
    let name = &text[1..end];
    let is_name = name.chars().all(|c| c.is_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semicolons_in_quotes_and_comments_end_nothing() {
        let text =
            "select 'a;b', \"c;d\", E'e\\';f', $x$g;h$x$ /* i; /* j */ k; */ -- l;\n ; select 'it''s;'";
        let pieces = statements(text);
        assert_eq!(pieces.len(), 2, "{pieces:?}");
        assert_eq!(pieces[1].text, "select 'it''s;'");
    }

    #[test]
    fn whatever_the_text_is_it_ends() {
        for text in ["'", "\"", "$a$", "/* /*", "--", "$", "é'ü", "*/", ";;;", "$1$2", "e'\\"] {
            statements(text);
            parameters(text);
            without_comments(text);
        }
    }

    #[test]
    fn the_highest_parameter_is_found_outside_quotes() {
        assert_eq!(parameters("select $2, '$9', $1 -- $7\n, $a$ $8 $a$"), 2);
        assert_eq!(parameters("select a$3 from t"), 0);
    }
}
