//! What a configuration was read from, and how it is read again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use rest::RootFunction;

use super::error::ConfigError;
use super::load::Sources;
use super::{Config, postgrest};

/// The sources; none where the configuration was made by hand.
#[derive(Clone, Default)]
pub(crate) struct Origin(Option<Arc<Sources>>);

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The environment holds secrets.
        f.write_str("Origin")
    }
}

impl Origin {
    pub(super) fn new(sources: &Sources) -> Origin {
        Origin(Some(Arc::new(sources.clone())))
    }

    /// The sources as they are now, of which files are read again.
    pub(super) fn again(&self) -> Result<Option<Sources>, ConfigError> {
        self.0.as_ref().map(|sources| sources.read_again()).transpose()
    }
}

impl Config {
    /// The names of the settings by which the database may configure, and the function that sets them; none where
    /// it may not.
    pub(crate) fn asks_database(&self) -> Option<(Vec<String>, Option<&RootFunction>)> {
        let is_asked = self.api.in_database && self.origin.0.is_some();
        let names = || postgrest::in_database().map(|parameter| parameter.name.replace('-', "_")).collect();
        is_asked.then(|| (names(), self.api.pre_config.as_ref()))
    }

    /// The same configuration with what the database says, by the names of [`Config::asks_database`].
    pub(crate) fn with_database(&self, said: BTreeMap<String, String>) -> Result<Config, ConfigError> {
        let Some(sources) = &self.origin.0 else { return Ok(self.clone()) };
        if said.is_empty() && sources.database.is_empty() {
            return Ok(self.clone());
        }
        let mut config = Config::read(&Sources { database: said, ..Sources::clone(sources) })?;
        // What was found out on the way here, no source says.
        config.database.url = self.database.url.clone();
        Ok(config)
    }

    /// The configuration as its files say it now. What the database says is asked again by the caller.
    pub(crate) fn read_again(&self) -> Result<Config, ConfigError> {
        let Some(sources) = self.origin.again()? else { return Ok(self.clone()) };
        let mut config = Config::read(&sources)?;
        config.database.url = self.database.url.clone();
        Ok(config)
    }
}
