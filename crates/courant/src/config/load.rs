//! Puts the sources together: whoever comes later wins, key by key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::environment::{self, Variables};
use super::error::ConfigError;
use super::file::File;
use super::given::Given;
use super::keys::Key;
use super::origin::Origin;
use super::postgrest_file::PostgrestFile;
use super::tables::disjoint;
use super::{Config, Environment, LogFormat, Said};
use crate::identity;

/// What is given for each key, and where.
pub(super) type Layer = BTreeMap<&'static str, (Given, String)>;

/// Everything a configuration is read from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file's name and text.
    pub(crate) file: Option<(String, String)>,
    /// The name and text of PostgREST's own file.
    pub(crate) postgrest: Option<(String, String)>,
    /// What the database says, by PostgREST's names for it: `db_anon_role`.
    pub(crate) database: BTreeMap<String, String>,
    /// The environment.
    pub(crate) environment: BTreeMap<String, String>,
    /// What flags say, by key.
    pub(crate) flags: Vec<(&'static str, String)>,
    /// Whether the log goes to somebody's terminal.
    pub(crate) terminal: bool,
}

impl Sources {
    /// The sources of this process: its environment and `courant.toml`, or the file that is named.
    pub(crate) fn of_process(
        named: Option<PathBuf>,
        flags: Vec<(&'static str, String)>,
        terminal: bool,
    ) -> Result<Sources, ConfigError> {
        let environment = variables();
        let named = named.or_else(|| environment.get("COURANT_CONFIG").map(PathBuf::from));
        let path = named.clone().unwrap_or_else(|| PathBuf::from("courant.toml"));
        let file = match std::fs::read_to_string(&path) {
            Ok(text) => Some((path.display().to_string(), text)),
            Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(ConfigError::Unreadable { path, source }),
        };
        Ok(Sources { file, environment, flags, terminal, ..Sources::default() })
    }

    /// The same, with a file of PostgREST's.
    pub(crate) fn with_postgrest(mut self, path: Option<PathBuf>) -> Result<Sources, ConfigError> {
        self.postgrest = path.map(|path| text(&path)).transpose()?;
        Ok(self)
    }

    /// The same, with files as they are now.
    pub(super) fn read_again(&self) -> Result<Sources, ConfigError> {
        let again = |file: &Option<(String, String)>| {
            file.as_ref().map(|(name, _)| text(&PathBuf::from(name))).transpose()
        };
        let (file, postgrest) = (again(&self.file)?, again(&self.postgrest)?);
        Ok(Sources { file, postgrest, ..self.clone() })
    }

    /// The same, whatever file there is.
    pub(crate) fn without_file(flags: Vec<(&'static str, String)>, terminal: bool) -> Sources {
        Sources { environment: variables(), flags, terminal, ..Sources::default() }
    }
}

fn text(path: &Path) -> Result<(String, String), ConfigError> {
    let read = std::fs::read_to_string(path);
    let text = read.map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    Ok((path.display().to_string(), text))
}

fn variables() -> BTreeMap<String, String> {
    // What is not Unicode is no value of ours.
    let all = std::env::vars_os();
    all.filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))).collect()
}

impl Config {
    /// Reads and validates it.
    pub(crate) fn read(sources: &Sources) -> Result<Config, ConfigError> {
        let mut given = match &sources.file {
            Some((name, text)) => File { name, text }.read()?,
            None => Layer::new(),
        };
        let file = match &sources.postgrest {
            Some((name, text)) => PostgrestFile { name, text, environment: &sources.environment }.read()?,
            None => BTreeMap::new(),
        };
        let (all, places) = environment::together(sources, file);
        let variables = Variables { all: &all, places: &places };
        let warnings = variables.read(&mut given);
        for (key, value) in &sources.flags {
            let flag = format!("--{}", key.replace(['.', '_'], "-"));
            given.insert(key, (Given::Text(value.clone()), flag));
        }

        let mut config = Config::blank();
        config.warnings = warnings;
        config.database.app_settings = variables.app_settings();
        config.origin = Origin::new(sources);
        config.log.format = if sources.terminal { LogFormat::Human } else { LogFormat::Json };
        // First, because defaults of others rest on it.
        for key in Key::named("environment").into_iter().chain(Key::all()) {
            let (value, place) = match (given.get(key.name), key.default_in(config.environment)) {
                (Some((value, place)), _) => (value.clone(), place.as_str()),
                (None, Some(default)) => (Given::Text(default.to_owned()), "default"),
                (None, None) => continue,
            };
            (key.read)(&mut config, &value).map_err(|why| invalid(key.name, place, why))?;
            config.said.push(Said { key: key.name, value: key.shown(&value), place: place.to_owned() });
        }
        config.settle(&given)?;
        Ok(config)
    }

    /// What rests on more than one key.
    fn settle(&mut self, given: &Layer) -> Result<(), ConfigError> {
        let fail = |key: &str, why: String| {
            let place = given.get(key).map_or("default", |(_, place)| place.as_str());
            Err(invalid(key, place, why))
        };
        if self.cache.poll_interval.is_zero() {
            self.cache.poll_interval = self.cache.bound / 4;
        }
        if self.cache.poll_interval >= self.cache.bound {
            let bound = self.cache.bound.as_millis();
            return fail(
                "cache.poll_interval_ms",
                format!("expected less than cache.bound_ms, which is {bound}"),
            );
        }
        if self.cache.entry_bytes_max > self.cache.memory_bytes_max {
            let memory = self.cache.memory_bytes_max;
            let why = format!("expected at most cache.memory_bytes_max, which is {memory}");
            return fail("cache.entry_bytes_max", why);
        }
        if let Err(why) = disjoint(&self.cache.named, &self.database.schemas) {
            return fail("cache.named", why);
        }
        if let Err(why) = self.proxy.settle(&self.cache.named) {
            return fail("route", why);
        }
        if self.proxy.cache_entry_bytes_max > self.proxy.cache_bytes_max {
            let memory = self.proxy.cache_bytes_max;
            let why = format!("expected at most proxy.cache_bytes_max, which is {memory}");
            return fail("proxy.cache_entry_bytes_max", why);
        }
        if let Err(why) = identity::check(&self.jwt) {
            return fail("jwt.secret", why);
        }
        let webhooks = || self.webhooks.contradiction(!self.jobs.queues.is_empty());
        let contradiction = self.door.contradiction().or_else(|| self.jobs.contradiction()).or_else(webhooks);
        if let Some((key, why)) = contradiction {
            return fail(key, why);
        }
        // Port 0 asks for any free port, and gets two different ones.
        if self.listen == self.admin_listen && self.listen.port() != 0 {
            return fail(
                "admin_listen",
                format!("expected another address than listen, which is {}", self.listen),
            );
        }
        if self.environment == Environment::Production && self.database.url.is_none() {
            let why = "expected a database: the private cluster is for development";
            return fail("database.url", why.to_owned());
        }
        Ok(())
    }
}

fn invalid(key: &str, place: &str, why: String) -> ConfigError {
    ConfigError::Invalid { key: key.to_owned(), place: place.to_owned(), why }
}
