//! As whom, and with which settings, a request runs: what the database is sent, and what the key holds.
//!
//! The two are one thing here, so that no answer can depend on what its key does not say.

use std::sync::Arc;

use cache::{Key, KeyBuilder, KeySecret};
use http::request::Parts;
use pg::catalog::{Catalog, KeptSettings, Settings};
use pg::session::Session;

use crate::identity::Identity;
use crate::schema::Planned;

/// The transaction's role and settings, ready to be lent to the pool.
#[derive(Clone)]
pub(crate) struct Settled {
    who: Arc<Identity>,
    planned: Arc<Planned>,
    /// Those of the role, whatever the request.
    of_role: Option<Arc<KeptSettings>>,
    /// Those that the answer can depend on; of an answer that is not kept, all.
    settings: Vec<(&'static str, String)>,
}

impl Settled {
    /// What the request with this head settles.
    pub(crate) fn new(head: &Parts, who: Arc<Identity>, planned: Arc<Planned>, catalog: &Catalog) -> Settled {
        let mut settings = Vec::new();
        let read: &dyn Fn(&str) -> bool = match &planned.tracked {
            // What an answer cannot depend on need not be sent either.
            Ok(Settings::Only(names)) => &|name| names.contains(name),
            Ok(Settings::Any) | Err(_) => &|_| true,
        };
        let mut set = |name: &'static str, value: &dyn Fn() -> String| {
            if read(name) {
                settings.push((name, value()));
            }
        };
        set("request.jwt.claims", &|| who.claims.clone());
        set("request.method", &|| head.method.as_str().to_owned());
        set("request.path", &|| head.uri.path().to_owned());
        set("request.headers", &|| headers_json(head, |name| name != "cookie"));
        set("request.cookies", &|| cookies_json(head));
        settings.extend(planned.plan.timezone.clone().map(|zone| ("timezone", zone)));
        let of_role = who.role.as_ref().and_then(|role| catalog.roles.get(role)).cloned();
        Settled { who, planned, of_role, settings }
    }

    pub(crate) fn who(&self) -> &Identity {
        &self.who
    }

    /// The memory that its own texts take.
    pub(crate) fn bytes(&self) -> usize {
        self.who.claims.len()
            + self.settings.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
    }

    pub(crate) fn planned(&self) -> &Arc<Planned> {
        &self.planned
    }

    pub(crate) fn role(&self) -> Option<&str> {
        self.who.role.as_deref()
    }

    /// Whether the request carried no token.
    pub(crate) fn is_anonymous(&self) -> bool {
        self.who.anonymous
    }

    /// Whether what the transaction says to the response is wanted.
    pub(crate) fn is_heard(&self) -> bool {
        self.planned.is_heard
    }

    /// All settings of the transaction, the stronger ones last.
    pub(crate) fn settings(&self) -> Vec<(&str, &str)> {
        let search_path = ("search_path", self.planned.search_path.as_str());
        std::iter::once(search_path).chain(self.told_settings()).collect()
    }

    /// Those that do not follow from the plan's schema: the role's, the app's, the request's, a called function's.
    fn told_settings(&self) -> impl Iterator<Item = (&str, &str)> {
        let of_role = self.of_role.iter().flat_map(|kept| &kept.settings);
        let of_app = self.planned.app_settings.iter();
        let hoisted = self.planned.hoisted.settings.iter();
        let asked = self.settings.iter().map(|(name, value)| (*name, value.as_str()));
        of_role.map(lent).chain(of_app.map(lent)).chain(asked).chain(hoisted.map(lent))
    }

    pub(crate) fn lent<'a>(&'a self, settings: &'a [(&'a str, &'a str)]) -> Session<'a> {
        let of_role = self.of_role.as_ref().and_then(|kept| kept.isolation);
        Session {
            role: self.role(),
            settings,
            isolation: self.planned.hoisted.isolation.or(of_role),
            before: self.planned.before.as_deref(),
            is_heard: self.planned.is_heard,
        }
    }

    /// The statement, without the values in it, and everything that its transaction is told.
    pub(crate) fn lane(&self, secret: &KeySecret) -> Key {
        let key = secret.key().part(&self.planned.search_path).part(&self.planned.plan.statement.sql);
        self.told(key).build()
    }

    /// The canonical request and everything its answer depends on. The search path is part of the plan's
    /// fingerprint.
    pub(crate) fn key(&self, secret: &KeySecret) -> Key {
        let key = secret.key().part(self.planned.fingerprint());
        self.told(key).build_in(self.planned.home)
    }

    fn told(&self, mut key: KeyBuilder) -> KeyBuilder {
        key = match self.role() {
            Some(role) => key.part("role").part(role),
            None => key.part("login"),
        };
        for (name, value) in self.told_settings() {
            key = key.part(name).part(value);
        }
        key
    }
}

fn lent((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

fn headers_json(head: &Parts, wanted: impl Fn(&str) -> bool) -> String {
    let mut map = serde_json::Map::new();
    for (name, value) in head.headers.iter().filter(|(name, _)| wanted(name.as_str())) {
        let value = String::from_utf8_lossy(value.as_bytes());
        map.entry(name.as_str()).or_insert_with(|| value.into());
    }
    serde_json::Value::Object(map).to_string()
}

fn cookies_json(head: &Parts) -> String {
    let mut map = serde_json::Map::new();
    for value in head.headers.get_all(http::header::COOKIE) {
        let value = String::from_utf8_lossy(value.as_bytes());
        for (name, value) in value.split(';').filter_map(|pair| pair.trim().split_once('=')) {
            map.insert(name.to_owned(), value.into());
        }
    }
    serde_json::Value::Object(map).to_string()
}
