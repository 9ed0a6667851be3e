//! A value as some source gave it, and its reading as what a key wants.
//!
//! Flags and the environment give text; the file gives TOML's types. Errors say what is allowed, and what
//! was found only where that is no secret.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::ops::RangeInclusive;
use std::time::Duration;

/// A value that was given for a key.
#[derive(Clone, Debug)]
pub(super) enum Given {
    /// Text: a TOML string, or anything from a flag or the environment.
    Text(String),
    /// A TOML integer.
    Integer(i64),
    /// A TOML boolean.
    Boolean(bool),
    /// A TOML array of strings.
    List(Vec<String>),
    /// A TOML array of tables.
    Tables(Vec<BTreeMap<String, Given>>),
}

/// What is allowed, when something else was given.
pub(super) type Refusal = String;

impl Given {
    /// A whole number within bounds.
    pub(super) fn number(&self, allowed: RangeInclusive<u64>) -> Result<u64, Refusal> {
        let number = match self {
            Given::Integer(number) => u64::try_from(*number).ok(),
            Given::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| allowed.contains(number)).ok_or_else(|| {
            self.refuse(&format!("a whole number from {} to {}", allowed.start(), allowed.end()))
        })
    }

    /// A number of things or bytes.
    pub(super) fn count(&self, allowed: RangeInclusive<u64>) -> Result<usize, Refusal> {
        let number = self.number(allowed)?;
        usize::try_from(number).map_err(|_| self.refuse("a number that fits this machine's memory"))
    }

    /// A duration in milliseconds.
    pub(super) fn milliseconds(&self, allowed: RangeInclusive<u64>) -> Result<Duration, Refusal> {
        self.number(allowed).map(Duration::from_millis)
    }

    /// True or false, in any case, or a number that is above zero or not, as PostgREST reads it.
    pub(super) fn boolean(&self) -> Result<bool, Refusal> {
        match self {
            Given::Boolean(value) => Ok(*value),
            Given::Text(text) if text.eq_ignore_ascii_case("true") => Ok(true),
            Given::Text(text) if text.eq_ignore_ascii_case("false") => Ok(false),
            Given::Text(text) => {
                text.parse::<i64>().map(|number| number > 0).map_err(|_| self.refuse("true or false"))
            }
            _ => Err(self.refuse("true or false")),
        }
    }

    /// Text that is not empty.
    pub(super) fn text(&self) -> Result<String, Refusal> {
        match self {
            Given::Text(text) if !text.is_empty() => Ok(text.clone()),
            _ => Err(self.refuse("text in quotes, not empty")),
        }
    }

    /// Text that must not be shown: itself, or what is in the file it names as `@path`.
    pub(super) fn secret(&self) -> Result<String, Refusal> {
        let Given::Text(text) = self else { return Err("expected text in quotes".to_owned()) };
        let secret = match text.strip_prefix('@') {
            // An editor ends the file with a newline that belongs to no secret.
            Some(path) => std::fs::read_to_string(path)
                .map_err(|error| format!("cannot read the file {path}: {error}"))?
                .trim_end_matches(['\n', '\r'])
                .to_owned(),
            None => text.clone(),
        };
        if secret.is_empty() {
            Err("expected text, or @ and the name of a file".to_owned())
        } else {
            Ok(secret)
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, words: &[(&str, T)]) -> Result<T, Refusal> {
        let found = match self {
            Given::Text(text) => words.iter().find(|(word, _)| word == text),
            _ => None,
        };
        found.map(|(_, value)| *value).ok_or_else(|| {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(&format!("one of {}", known.join(", ")))
        })
    }

    /// Names: an array of strings, or text with commas.
    pub(super) fn names(&self) -> Result<Vec<String>, Refusal> {
        let names: Vec<String> = match self {
            Given::List(names) => names.clone(),
            Given::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
            _ => Vec::new(),
        };
        let sound = !names.is_empty() && names.iter().all(|name| !name.is_empty());
        if sound {
            Ok(names)
        } else {
            Err(self.refuse("one name or more, [\"like\", \"this\"] or like,this"))
        }
    }

    /// An array of strings, perhaps without any.
    pub(super) fn list(&self) -> Result<Vec<String>, Refusal> {
        match self {
            Given::List(texts) => Ok(texts.clone()),
            _ => Err(self.refuse("an array of strings, [\"like\", \"this\"]")),
        }
    }

    /// An address to listen on.
    pub(super) fn address(&self) -> Result<SocketAddr, Refusal> {
        let found: Vec<SocketAddr> = match self {
            Given::Text(text) => text.to_socket_addrs().map(Iterator::collect).unwrap_or_default(),
            _ => Vec::new(),
        };
        // "localhost" has two; the other is what people type into curl.
        let best = found.iter().find(|address| address.is_ipv4()).or(found.first());
        best.copied().ok_or_else(|| self.refuse("an address and a port, like 127.0.0.1:3000"))
    }

    /// Tables of the file, each read by `read`.
    pub(super) fn tables<T>(
        &self,
        name: &str,
        read: fn(&BTreeMap<String, Given>) -> Result<T, Refusal>,
    ) -> Result<Vec<T>, Refusal> {
        match self {
            Given::Tables(tables) => tables.iter().map(read).collect(),
            _ => Err(format!("expected tables, [[{name}]], in the file")),
        }
    }

    fn refuse(&self, allowed: &str) -> Refusal {
        format!("expected {allowed}, found {}", self.shown())
    }

    /// The value, as it would be written.
    pub(super) fn shown(&self) -> String {
        match self {
            Given::Text(text) => format!("{text:?}"),
            Given::Integer(number) => number.to_string(),
            Given::Boolean(value) => value.to_string(),
            Given::List(names) => format!("{names:?}"),
            Given::Tables(_) => "a table".to_owned(),
        }
    }
}
