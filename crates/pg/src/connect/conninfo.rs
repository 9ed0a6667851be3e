//! The two spellings of a connection string: `postgresql://…` and `keyword=value …`.
//!
//! Grammar: <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING>. Messages never
//! repeat the string, which may hold a password.

use percent_encoding::percent_decode_str;

use super::ConnectError;
use super::keywords::Keywords;

/// Reads a connection string; a bare word is the name of a database, as on psql's command line.
pub(super) fn parse(text: &str) -> Result<Keywords, ConnectError> {
    let text = text.trim();
    let mut keywords = Keywords::default();
    match text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://")) {
        Some(rest) => uri(rest, &mut keywords)?,
        None if text.contains('=') => pairs(text, &mut keywords)?,
        None if text.contains("://") => {
            return Err(invalid("a connection URI must begin with postgresql:// or postgres://"));
        }
        None if text.is_empty() => {}
        None => keywords.set("dbname", text.to_owned())?,
    }
    Ok(keywords)
}

fn invalid(what: &str) -> ConnectError {
    ConnectError::Invalid(format!("the connection string is wrong: {what}"))
}

fn uri(text: &str, keywords: &mut Keywords) -> Result<(), ConnectError> {
    // As in libpq, whatever stands before the first @ or / is looked at for user and password first, so
    // that a password may hold a question mark.
    let mut rest = text;
    if let Some(end) = text.find(['@', '/']).filter(|&end| text.as_bytes()[end] == b'@') {
        let (user, password) = match text[..end].split_once(':') {
            Some((user, password)) => (user, Some(password)),
            None => (&text[..end], None),
        };
        if !user.is_empty() {
            keywords.set("user", decode(user)?)?;
        }
        if let Some(password) = password.filter(|password| !password.is_empty()) {
            keywords.set("password", decode(password)?)?;
        }
        rest = &text[end + 1..];
    }
    let (authority, path, query) = split(rest);
    let (hosts, ports) = addresses(authority)?;
    if !hosts.is_empty() {
        keywords.set("host", decode(&hosts)?)?;
    }
    if !ports.is_empty() {
        keywords.set("port", decode(&ports)?)?;
    }
    if let Some(path) = path.filter(|path| !path.is_empty()) {
        keywords.set("dbname", decode(path)?)?;
    }
    for parameter in query.into_iter().flat_map(|query| query.split('&')).filter(|p| !p.is_empty()) {
        match parameter.split_once('=') {
            None => return Err(invalid("a parameter after the question mark has no \"=\"")),
            Some((_, value)) if value.contains('=') => {
                return Err(invalid("a parameter after the question mark has more than one \"=\""));
            }
            Some((keyword, value)) => keywords.set(&decode(keyword)?, decode(value)?)?,
        }
    }
    Ok(())
}

fn split(rest: &str) -> (&str, Option<&str>, Option<&str>) {
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    match tail.strip_prefix('/') {
        Some(path) => match path.split_once('?') {
            Some((path, query)) => (authority, Some(path), Some(query)),
            None => (authority, Some(path), None),
        },
        None => (authority, None, tail.strip_prefix('?')),
    }
}

/// Splits `host:port,host:port` into a list of hosts and one of ports, each comma-separated.
fn addresses(authority: &str) -> Result<(String, String), ConnectError> {
    let (mut hosts, mut ports) = (Vec::new(), Vec::new());
    for address in authority.split(',') {
        let (host, tail) = match address.strip_prefix('[') {
            Some(inside) => match inside.split_once(']') {
                None => return Err(invalid("an IPv6 address lacks its closing \"]\"")),
                Some(("", _)) => return Err(invalid("an IPv6 address is empty")),
                Some(both) => both,
            },
            None => address.split_at(address.find(':').unwrap_or(address.len())),
        };
        let port = match tail.strip_prefix(':') {
            Some(port) => port,
            None if tail.is_empty() => "",
            None => return Err(invalid("after an IPv6 address there must be \":\" and a port, or \"/\"")),
        };
        hosts.push(host);
        ports.push(port);
    }
    let join = |list: Vec<&str>| match list.iter().all(|entry| entry.is_empty()) {
        true => String::new(),
        false => list.join(","),
    };
    Ok((join(hosts), join(ports)))
}

fn decode(text: &str) -> Result<String, ConnectError> {
    for (at, _) in text.match_indices('%') {
        let code = text.as_bytes().get(at + 1..at + 3);
        match code {
            Some(code) if code.iter().all(u8::is_ascii_hexdigit) && code != b"00" => {}
            Some(b"00") => return Err(invalid("it must not contain %00")),
            _ => return Err(invalid("\"%\" must be followed by two hexadecimal digits (a plain % is %25)")),
        }
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(decoded) => Ok(decoded.into_owned()),
        Err(_) => Err(invalid("it is not UTF-8 once percent-decoded")),
    }
}

/// `keyword = value` pairs; values may be quoted with `'`, and `\` takes the next character literally.
fn pairs(text: &str, keywords: &mut Keywords) -> Result<(), ConnectError> {
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_ascii_whitespace()).unwrap_or(rest.len());
        let keyword = &rest[..end];
        let Some(value) = rest[end..].trim_start().strip_prefix('=') else {
            return Err(ConnectError::Invalid(format!(
                "the connection string is wrong: there is no \"=\" after word {}",
                text[..text.len() - rest.len()].split_ascii_whitespace().count() + 1
            )));
        };
        let (value, tail) = value_of(value.trim_start())?;
        keywords.set(keyword, value)?;
        rest = tail.trim_start();
    }
    Ok(())
}

fn value_of(text: &str) -> Result<(String, &str), ConnectError> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut characters = text.char_indices().skip(usize::from(quoted));
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            '\'' if quoted => return Ok((value, &text[at + 1..])),
            blank if blank.is_ascii_whitespace() && !quoted => return Ok((value, &text[at..])),
            plain => value.push(plain),
        }
    }
    match quoted {
        true => Err(invalid("a quoted value lacks its closing \"'\"")),
        false => Ok((value, "")),
    }
}

#[cfg(test)]
mod tests;
