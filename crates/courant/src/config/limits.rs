//! `[[limit]]`: who may ask what, and how often.

use std::collections::BTreeMap;

use gateway::{Quota, Wildcard};
use http::Method;

use super::given::{Given, Refusal};
use super::keys::{DAY_MS, MINUTE_MS};
use super::tables::{names, only, text, within, word};

/// Clients read the headers of all that hold for them.
const NAME_BYTES_MAX: usize = 63;

/// A limit of `[[limit]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) quota: Quota,
    pub(crate) by: By,
    pub(crate) counts: Counts,
    /// None: all.
    pub(crate) methods: Option<Vec<Method>>,
    /// None: all.
    pub(crate) path: Option<Wildcard>,
}

/// Whose requests are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// Those of an address; of IPv6, of a network of 64 bits.
    Address,
    /// Those of a role and subject; of an address where nobody has logged in.
    User,
    /// Those with one `apikey`; of an address where there is none.
    Key,
    /// All.
    Everyone,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Each request.
    Requests,
    /// Those answered 401 or 403.
    Failures,
}

/// Reads a table of `[[limit]]`.
pub(super) fn limit(table: &BTreeMap<String, Given>) -> Result<Limit, Refusal> {
    let known = ["name", "by", "count", "rate", "window_ms", "burst", "methods", "path"];
    only(table, "a limit", &known)?;
    let name = text(table, "name")?.ok_or("each limit has a name")?;
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if name.len() > NAME_BYTES_MAX || !name.chars().all(plain) {
        return Err(format!("name: expected at most 63 of a-z, 0-9, _ and -, found {name:?}"));
    }
    let number = |key: &'static str| {
        table.get(key).map(|given| given.number(1..=1_000_000_000)).transpose().map_err(within(key))
    };
    let rate = number("rate")?.ok_or_else(|| format!("{name}: each limit has a rate"))? as u32;
    let burst = number("burst")?.map_or(rate, |burst| burst as u32);
    let window = table.get("window_ms").map(|given| given.milliseconds(1..=DAY_MS)).transpose();
    let window = window.map_err(within("window_ms"))?;
    let window = window.unwrap_or(std::time::Duration::from_millis(MINUTE_MS));
    let by = [("address", By::Address), ("user", By::User), ("key", By::Key), ("everyone", By::Everyone)];
    let counts = [("requests", Counts::Requests), ("failures", Counts::Failures)];
    let method = |name: &String| {
        let upper = name.bytes().all(|byte| byte.is_ascii_uppercase());
        Method::from_bytes(name.as_bytes())
            .ok()
            .filter(|_| upper)
            .ok_or_else(|| format!("methods: expected names like GET, found {name:?}"))
    };
    let methods = names(table, "methods")?.map(|names| names.iter().map(method).collect()).transpose()?;
    let path = text(table, "path")?;
    if let Some(path) = path.as_ref().filter(|path| !path.starts_with(['/', '*'])) {
        return Err(format!("path: expected a path, like /rpc/search or /app/*, found {path:?}"));
    }
    Ok(Limit {
        quota: Quota::new(&name, rate, window, burst),
        by: word(table, "by", &by)?.unwrap_or(By::Address),
        counts: word(table, "count", &counts)?.unwrap_or(Counts::Requests),
        methods,
        path: path.as_deref().map(Wildcard::new),
    })
}
