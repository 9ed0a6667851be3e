//! What the configuration puts before the statement of every request: the pre-request function, the settings of the
//! app, and those of called functions that hold for the whole transaction.

use std::sync::Arc;

use pg::catalog::{Function, KeptSettings};
use pg::identifier;

use crate::config::Database;

/// What transactions begin with, whatever is asked.
#[derive(Debug, Default)]
pub(crate) struct Preamble {
    /// Calls the pre-request function.
    pub(crate) before: Option<Arc<str>>,
    /// Settings of the app, which every transaction is given.
    pub(crate) app_settings: Arc<[(String, String)]>,
    hoisted: Vec<String>,
}

impl Preamble {
    /// From the configuration.
    pub(crate) fn new(database: &Database) -> Preamble {
        let call = |name: &String| Arc::from(format!("select {}()", quoted(name)));
        Preamble {
            before: database.pre_request.as_ref().map(call),
            app_settings: database.app_settings.as_slice().into(),
            hoisted: database.hoisted_settings.clone(),
        }
    }

    /// The settings that a call of this function gives its transaction.
    pub(crate) fn hoisted(&self, function: &Function) -> KeptSettings {
        function.settings.only(&self.hoisted)
    }
}

/// A function's name, perhaps with its schema, as an identifier: a name alone is looked for along the search path.
fn quoted(name: &str) -> String {
    match name.split_once('.') {
        Some((schema, name)) => format!("{}.{}", identifier(schema), identifier(name)),
        None => identifier(name),
    }
}
