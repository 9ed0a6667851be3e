//! PostgREST's parameters: each by its name, what it means here, and whether it may stand in the database.
//!
//! One table for its file, its variables and its settings in the database, which say the same in three spellings:
//! `db-anon-role`, `PGRST_DB_ANON_ROLE` and `pgrst.db_anon_role`. What a parameter sets is said by the key that names
//! its variable (`Key::postgrest`), or by `environment.rs` where it has another form. The page `docs/postgrest.md` is
//! generated from here.

use std::fmt::Write as _;

use super::keys::Key;

/// A parameter of PostgREST's.
pub(super) struct Parameter {
    /// Its name in PostgREST's file.
    pub(super) name: &'static str,
    /// What it was called before.
    also: &'static [&'static str],
    means: Means,
    /// Whether the database may say it.
    pub(super) in_database: bool,
    /// Whether a change is heard while Courant runs.
    reloads: bool,
}

/// What a parameter means here.
#[derive(Clone, Copy)]
enum Means {
    /// What the key means that names its variable.
    Same,
    /// The key of this name, said in another form.
    Form(&'static str, &'static str),
    /// Nothing, and why none is needed.
    Nothing(&'static str),
}

use Means::{Form, Nothing, Same};

const fn said(name: &'static str, means: Means) -> Parameter {
    Parameter { name, also: &[], means, in_database: false, reloads: false }
}

impl Parameter {
    /// Heard again when the configuration is read again, from the database too.
    const fn live(mut self) -> Parameter {
        (self.in_database, self.reloads) = (true, true);
        self
    }

    const fn in_database(mut self) -> Parameter {
        self.in_database = true;
        self
    }

    const fn also(mut self, names: &'static [&'static str]) -> Parameter {
        self.also = names;
        self
    }

    /// Its name in the environment.
    pub(super) fn variable(&self) -> String {
        variable(self.name)
    }

    /// Why it does nothing here, if it does not.
    pub(super) fn needless(&self) -> Option<&'static str> {
        match self.means {
            Nothing(why) => Some(why),
            Same | Form(..) => None,
        }
    }

    fn key(&self) -> Option<&'static str> {
        let variable = self.variable();
        match self.means {
            Form(key, _) => Some(key),
            Same => Key::all().find(|key| key.postgrest.contains(&variable.as_str())).map(|key| key.name),
            Nothing(_) => None,
        }
    }
}

/// Every parameter of versions 14 to 16, by name.
const PARAMETERS: &[Parameter] = &[
    said(
        "admin-server-host",
        Form(
            "admin_listen",
            "the host of `admin_listen`; 127.0.0.1 if nothing is said, and never that of `server-host`: this port can do more than tell",
        ),
    ),
    said(
        "admin-server-port",
        Form(
            "admin_listen",
            "the port of `admin_listen`; the admin port is always open, on 127.0.0.1:3001 if nothing is said",
        ),
    ),
    said("admin-server-unix-socket", Nothing("only addresses of TCP are listened on")),
    said("admin-server-unix-socket-mode", Nothing("only addresses of TCP are listened on")),
    said("client-error-verbosity", Same).live(),
    said("db-aggregates-enabled", Same).live(),
    said("db-anon-role", Same).live(),
    said("db-channel", Same),
    said("db-channel-enabled", Same),
    said("db-config", Same),
    said("db-extra-search-path", Same).live(),
    said("db-hoisted-tx-settings", Same).live(),
    said("db-max-rows", Same).also(&["max-rows"]).live(),
    said("db-plan-enabled", Same).live(),
    said("db-pool", Same),
    said("db-pool-acquisition-timeout", Form("pool.wait_timeout_ms", "seconds there, milliseconds here")),
    said("db-pool-automatic-recovery", Nothing("connections are always made again")),
    said("db-pool-max-idletime", Nothing("idle connections are kept, and looked after"))
        .also(&["db-pool-timeout"]),
    said("db-pool-max-lifetime", Nothing("connections are kept as long as they are good")),
    said("db-pre-config", Same).in_database(),
    said("db-pre-request", Same).also(&["pre-request"]).live(),
    said("db-prepared-statements", Nothing("statements are prepared on the connection they run on")).live(),
    said("db-root-spec", Same).also(&["root-spec"]).live(),
    said("db-schemas", Same).also(&["db-schema"]).live(),
    said("db-timezone-enabled", Nothing("time zones are read with the catalog")).live(),
    said("db-tx-end", Same).live(),
    said("db-uri", Same),
    said("jwt-aud", Same).live(),
    said("jwt-cache-max-entries", Same).live(),
    said(
        "jwt-cache-max-lifetime",
        Nothing("a token that was good is remembered, and its times are looked at again"),
    )
    .live(),
    said("jwt-role-claim-key", Same).also(&["role-claim-key"]).live(),
    said("jwt-secret", Same).live(),
    said("jwt-secret-is-base64", Same).also(&["secret-is-base64"]).live(),
    said("log-level", Form("log.level", "`crit` is `error` here")),
    said("log-query", Nothing("statements that are slow are logged (`log.slow_query_ms`)")),
    said("openapi-mode", Same).live(),
    said("openapi-security-active", Same).live(),
    said("openapi-server-proxy-uri", Same).live(),
    said("server-cors-allowed-origins", Same).in_database(),
    said(
        "server-host",
        Form("listen", "the host of `listen`; 127.0.0.1 if nothing is said, where PostgREST opens all"),
    ),
    said("server-otel-enabled", Nothing("there are no traces of that kind; `/metrics` has times and counts")),
    said("server-port", Form("listen", "the port of `listen`")),
    said("server-reuseport", Nothing("one process listens on an address")),
    said("server-timing-enabled", Same).live(),
    said("server-trace-header", Same).live(),
    said("server-unix-socket", Nothing("only addresses of TCP are listened on")),
    said("server-unix-socket-mode", Nothing("only addresses of TCP are listened on")),
    said("url-use-legacy-target-names", Same).live(),
];

/// The parameters that the database may say.
pub(super) fn in_database() -> impl Iterator<Item = &'static Parameter> {
    PARAMETERS.iter().filter(|parameter| parameter.in_database)
}

/// The parameter of that variable.
pub(super) fn of_variable(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|parameter| parameter.variable() == name)
}

/// The variable that says the same as a name in PostgREST's file.
pub(super) fn of_file(name: &str) -> String {
    let renamed = PARAMETERS.iter().find(|parameter| parameter.also.contains(&name));
    variable(renamed.map_or(name, |parameter| parameter.name))
}

/// What a variable is called now that was called so before.
pub(super) fn renamed(variable_before: &str) -> Option<String> {
    let is_before =
        |parameter: &&Parameter| parameter.also.iter().any(|name| variable(name) == variable_before);
    PARAMETERS.iter().find(is_before).map(Parameter::variable)
}

fn variable(name: &str) -> String {
    format!("PGRST_{}", name.replace(['-', '.'], "_").to_uppercase())
}

const HEAD: &str = include_str!("postgrest_head.md");
const TAIL: &str = include_str!("postgrest_tail.md");

/// The page on moving from PostgREST.
pub(crate) fn page() -> String {
    let mut table =
        String::from("| PostgREST | here | reloads | in the database | notes |\n|---|---|---|---|---|\n");
    let yes = |holds: bool| if holds { "yes" } else { "" };
    for parameter in PARAMETERS {
        let key = parameter.key();
        let (here, notes) = match (key, parameter.means) {
            (Some(key), Form(_, notes)) => (format!("`{key}`"), notes),
            (Some(key), _) => (format!("`{key}`"), ""),
            (None, Nothing(why)) => (String::from("nothing"), why),
            (None, _) => (String::from("not yet"), "it is warned of"),
        };
        let heard = key.is_some();
        writeln!(
            table,
            "| `{}` | {here} | {} | {} | {notes} |",
            parameter.name,
            yes(heard && parameter.reloads),
            yes(heard && parameter.in_database),
        )
        .expect("a String takes whatever is written");
    }
    format!("{HEAD}{table}{TAIL}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variable_that_a_key_names_is_a_parameter() {
        for key in Key::all() {
            for name in key.postgrest {
                let old = PARAMETERS
                    .iter()
                    .any(|parameter| parameter.also.iter().any(|also| variable(also) == **name));
                assert!(old || of_variable(name).is_some(), "{name} of {} is in no table", key.name);
            }
        }
    }

    #[test]
    fn the_three_spellings_say_the_same() {
        assert_eq!(of_file("db-anon-role"), "PGRST_DB_ANON_ROLE");
        assert_eq!(of_file("max-rows"), "PGRST_DB_MAX_ROWS");
        assert_eq!(of_file("app.settings.Secret"), "PGRST_APP_SETTINGS_SECRET");
        assert!(of_variable("PGRST_DB_SCHEMAS").is_some_and(|parameter| parameter.in_database));
        assert!(of_variable("PGRST_DB_URI").is_some_and(|parameter| !parameter.in_database));
    }
}
