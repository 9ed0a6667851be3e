//! The reference page of the configuration, generated from the table of keys.

use std::fmt::Write as _;

use super::keys::{Default, KEYS};

const HEAD: &str = "\
# Configuration

<!-- Generated from crates/courant/src/config/keys.rs by `cargo xtask reference`. -->

Read once, at the start. Where a key is set more than once, the last of these wins: the default,
`courant.toml` (or the file that `--config` or `COURANT_CONFIG` names), PostgREST's environment variables,
Courant's own, flags. A key that does not exist is refused; an empty environment variable counts as absent.
Sizes are bytes and times are milliseconds, as the names say.

In the file, a dot is a section: `pool.connections_max` is `connections_max` under `[pool]`. In the
environment it is `COURANT_POOL_CONNECTIONS_MAX`.
";

/// The page, in Markdown.
pub(crate) fn reference() -> String {
    let mut page = HEAD.to_owned();
    let mut section = None;
    for key in KEYS {
        let here = key.name.split_once('.').map_or("", |(section, _)| section);
        if section != Some(here) {
            let title = if here.is_empty() { "The process".to_owned() } else { format!("`[{here}]`") };
            section = Some(here);
            // Writing to a string cannot fail.
            let _ = write!(page, "\n## {title}\n\n| key | default | meaning |\n|---|---|---|\n");
        }
        let default = match key.default {
            Default::Text(text) => format!("`{text}`"),
            Default::ByEnvironment(development, production) => {
                format!("`{development}`, in production `{production}`")
            }
            Default::Unset(means) => means.to_owned(),
        };
        let also = match key.postgrest {
            [] => String::new(),
            names => format!(" Also `{}`.", names.join("`, `")),
        };
        let _ = writeln!(page, "| `{}` | {default} | {}{also} |", key.name, key.meaning);
    }
    page
}
