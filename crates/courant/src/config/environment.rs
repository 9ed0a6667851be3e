//! Reads the environment: `COURANT_*`, what PostgREST calls the same, and libpq's variables.
//!
//! What PostgREST's file and the database say in its name is read as if the variables said it. An empty variable counts
//! as absent, as it is in compose files that pass everything on.

use std::collections::BTreeMap;

use super::given::Given;
use super::keys::Key;
use super::load::{Layer, Sources};
use super::postgrest;

/// Any of these says which database `psql` would open, so the private cluster is not meant.
const LIBPQ: [&str; 5] = ["PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGSERVICE"];

/// Parameters of Prisma's that libpq does not know.
const APPS_OWN: [&str; 8] = [
    "schema",
    "connection_limit",
    "pool_timeout",
    "socket_timeout",
    "pgbouncer",
    "statement_cache_size",
    "sslaccept",
    "single_use_connections",
];

/// Variables that set what no key names.
const APP_SETTINGS: &str = "PGRST_APP_SETTINGS_";

/// Not keys, but read elsewhere.
const OTHERS: [&str; 2] = ["COURANT_CONFIG", "COURANT_PG_BIN"];

/// The address PostgREST splits in two variables, and the key that holds both.
const ADDRESSES: [(&str, &str, &str); 2] = [
    ("listen", "PGRST_SERVER_HOST", "PGRST_SERVER_PORT"),
    ("admin_listen", "PGRST_ADMIN_SERVER_HOST", "PGRST_ADMIN_SERVER_PORT"),
];

/// Values by the names of variables, and the places of those that are not from the environment.
type Together = (BTreeMap<String, String>, BTreeMap<String, String>);

/// The environment over PostgREST's file, and what the database says in PostgREST's name over both.
pub(super) fn together(sources: &Sources, file: BTreeMap<String, (String, String)>) -> Together {
    let (mut all, mut places) = (sources.environment.clone(), BTreeMap::new());
    for (before, value) in &sources.environment {
        let Some(now) = postgrest::renamed(before) else { continue };
        all.remove(before);
        if all.get(&now).is_none_or(String::is_empty) {
            all.insert(now.clone(), value.clone());
            places.insert(now, format!("environment {before}"));
        }
    }
    for (name, (value, place)) in file {
        if all.get(&name).is_none_or(String::is_empty) {
            all.insert(name.clone(), value);
            places.insert(name, place);
        }
    }
    for (name, value) in &sources.database {
        let variable = postgrest::of_file(name);
        places.insert(variable.clone(), format!("the database's pgrst.{name}"));
        all.insert(variable, value.clone());
    }
    (all, places)
}

/// The variables, over what the layers below gave.
pub(super) struct Variables<'a> {
    pub(super) all: &'a BTreeMap<String, String>,
    pub(super) places: &'a BTreeMap<String, String>,
}

impl Variables<'_> {
    /// Adds what they say to a layer, and returns what they say in vain.
    pub(super) fn read(&self, layer: &mut Layer) -> Vec<String> {
        if let Some(url) = self.get("DATABASE_URL").and_then(of_an_app)
            && !layer.contains_key("database.url")
        {
            layer.insert("database.url", (Given::Text(url), "environment DATABASE_URL".to_owned()));
        }
        if LIBPQ.iter().any(|name| self.get(name).is_some()) && !layer.contains_key("database.url") {
            layer.insert(
                "database.url",
                (Given::Text("postgresql://".to_owned()), "environment PGHOST".to_owned()),
            );
        }
        for key in Key::all() {
            for name in key.postgrest.iter().rev() {
                self.take(name, key.name, layer);
            }
        }
        self.postgrest_forms(layer);
        for key in Key::all() {
            self.take(&key.variable(), key.name, layer);
        }
        self.unknown()
    }

    /// What is set for the app, by the names that PostgreSQL has for it: `app.settings.*`.
    pub(super) fn app_settings(&self) -> Vec<(String, String)> {
        let named =
            self.all.iter().filter_map(|(variable, value)| Some((app_setting(variable)?, value.clone())));
        named.collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.all.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn take(&self, variable: &str, key: &'static str, layer: &mut Layer) {
        if let Some(value) = self.get(variable) {
            layer.insert(key, (Given::Text(value.to_owned()), self.place(variable)));
        }
    }

    fn place(&self, variable: &str) -> String {
        self.places.get(variable).cloned().unwrap_or_else(|| format!("environment {variable}"))
    }

    /// Variables of PostgREST's that say the same in another form.
    fn postgrest_forms(&self, layer: &mut Layer) {
        for (key, host, port) in ADDRESSES {
            if self.get(host).is_none() && self.get(port).is_none() {
                continue;
            }
            let default =
                Key::named(key).and_then(|key| key.default_in(Default::default())).unwrap_or_default();
            let below = match layer.get(key) {
                Some((Given::Text(text), _)) => text.as_str(),
                _ => default,
            };
            let (below_host, below_port) = below.rsplit_once(':').unwrap_or((below, ""));
            let host_now = self.get(host).map_or(below_host.to_owned(), address);
            let address = format!("{host_now}:{}", self.get(port).unwrap_or(below_port));
            let said = [host, port].into_iter().filter(|name| self.get(name).is_some());
            let places: Vec<String> = said.map(|name| self.place(name)).collect();
            layer.insert(key, (Given::Text(address), places.join(", ")));
        }
        if let Some(seconds) = self.get("PGRST_DB_POOL_ACQUISITION_TIMEOUT") {
            let place = self.place("PGRST_DB_POOL_ACQUISITION_TIMEOUT");
            layer.insert("pool.wait_timeout_ms", (Given::Text(format!("{seconds}000")), place));
        }
        if let Some(level) = self.get("PGRST_LOG_LEVEL") {
            let level = if level == "crit" { "error" } else { level };
            let place = self.place("PGRST_LOG_LEVEL");
            layer.insert("log.level", (Given::Text(level.to_owned()), place));
        }
    }

    /// Only warned of: orchestrators invent variables such as `COURANT_SERVICE_HOST` by themselves, and
    /// PostgREST has some that make no difference here.
    fn unknown(&self) -> Vec<String> {
        let forms = ["PGRST_DB_POOL_ACQUISITION_TIMEOUT", "PGRST_LOG_LEVEL"];
        let known = |name: &str| {
            OTHERS.contains(&name)
                || forms.contains(&name)
                || app_setting(name).is_some()
                || ADDRESSES.iter().any(|(_, host, port)| [*host, *port].contains(&name))
                || Key::all().any(|key| key.postgrest.contains(&name) || key.variable() == name)
        };
        let ours = |name: &&String| name.starts_with("COURANT_") || name.starts_with("PGRST_");
        let unknown = self.all.keys().filter(ours).filter(|name| !known(name));
        let warning = |name: &String| {
            let place = self.places.get(name).map(|place| format!(" ({place})")).unwrap_or_default();
            match postgrest::of_variable(name).and_then(|parameter| parameter.needless()) {
                Some(why) => format!("{name}{place} is set and not needed: {why}"),
                None => format!("{name}{place} is set but means nothing to this version of Courant"),
            }
        };
        unknown.map(warning).collect()
    }
}

/// The setting that a variable of PostgREST's is about. PostgreSQL takes no other characters in a name, and knows
/// no case.
fn app_setting(variable: &str) -> Option<String> {
    let name = variable.strip_prefix(APP_SETTINGS)?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '$');
    let is_setting =
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_name);
    is_setting.then(|| format!("app.settings.{}", name.to_ascii_lowercase()))
}

/// The variable by which most frameworks are told their database, as libpq would read it: without the driver in
/// its scheme (SQLAlchemy) and without the parameters of an app's own pool (Prisma). None where it is of another
/// database.
fn of_an_app(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let kind = scheme.split('+').next().unwrap_or(scheme);
    if !matches!(kind, "postgres" | "postgresql") {
        return None;
    }
    let (place, parameters) = rest.split_once('?').unwrap_or((rest, ""));
    let is_own = |parameter: &&str| {
        let name = parameter.split('=').next().unwrap_or(parameter);
        !name.is_empty() && !APPS_OWN.contains(&name)
    };
    let kept: Vec<&str> = parameters.split('&').filter(is_own).collect();
    let question = if kept.is_empty() { "" } else { "?" };
    Some(format!("{kind}://{place}{question}{}", kept.join("&")))
}

/// PostgREST's words for any address, as an address.
fn address(host: &str) -> String {
    match host {
        "*" | "*4" | "!4" => "0.0.0.0".to_owned(),
        "*6" | "!6" => "[::]".to_owned(),
        plain if plain.contains(':') && !plain.starts_with('[') => format!("[{plain}]"),
        plain => plain.to_owned(),
    }
}
