//! What of the API itself can be told: how it is described, what its answers carry, and where else its configuration
//! comes from.
//!
//! The keys stand apart from those of `keys.rs` only for their number; they are read in the same way.

use http::{HeaderName, Uri};
use rest::{OpenApiMode, RootFunction};

use super::given::Refusal;
use super::keys::Key;

/// What of the API itself can be told.
#[derive(Clone, Debug, Default)]
pub(crate) struct Api {
    pub(crate) openapi: OpenApi,
    /// What answers at the root instead of the description.
    pub(crate) root: Option<RootFunction>,
    /// Schemas whose objects those of the API may name without them.
    pub(crate) extra_search_path: Vec<String>,
    /// A header of a request that its answer carries too.
    pub(crate) trace_header: Option<HeaderName>,
    /// Whether answers tell how long they took.
    pub(crate) server_timing: bool,
    /// Whether clients are told no more of an error than its code and message.
    pub(crate) errors_are_brief: bool,
    /// Whether an embed that has an alias is known by that alone, and not by its relation's name as well.
    pub(crate) aliases_only: bool,
    /// Where the database may tell to read schema or configuration again.
    pub(crate) channel: Option<String>,
    /// Whether the database may hold a part of the configuration.
    pub(crate) in_database: bool,
    /// The function that says it.
    pub(crate) pre_config: Option<RootFunction>,
}

/// How the API is described.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenApi {
    pub(crate) mode: OpenApiMode,
    pub(crate) security: bool,
    /// Where clients find it, if that is not where it listens.
    pub(crate) url: Option<Uri>,
}

/// The keys, in the order of the reference page.
pub(super) const KEYS: &[Key] = &[
    Key::new(
        "openapi.mode",
        "follow-privileges",
        "Of what the description at the root tells: `follow-privileges`, of what the role may use; `ignore-privileges`, \
         of everything; `disabled`: there is none.",
        |config, given| {
            let words = [
                ("follow-privileges", OpenApiMode::FollowPrivileges),
                ("ignore-privileges", OpenApiMode::IgnorePrivileges),
                ("disabled", OpenApiMode::Disabled),
            ];
            given.word(&words).map(|mode| config.api.openapi.mode = mode)
        },
    )
    .postgrest(&["PGRST_OPENAPI_MODE"]),
    Key::new(
        "openapi.security",
        "false",
        "Whether the description says that requests carry tokens.",
        |config, given| given.boolean().map(|security| config.api.openapi.security = security),
    )
    .postgrest(&["PGRST_OPENAPI_SECURITY_ACTIVE"]),
    Key::new(
        "openapi.url",
        "where it listens",
        "Where clients find the API, for its description: `https://api.example.com/v1`.",
        |config, given| given.text().and_then(address).map(|url| config.api.openapi.url = Some(url)),
    )
    .unset()
    .postgrest(&["PGRST_OPENAPI_SERVER_PROXY_URI"]),
    Key::new(
        "database.root_function",
        "none: the root is the description",
        "A function that answers at the root instead, with or without its schema.",
        |config, given| given.text().and_then(function).map(|root| config.api.root = Some(root)),
    )
    .unset()
    .postgrest(&["PGRST_DB_ROOT_SPEC"]),
    Key::new(
        "database.extra_search_path",
        "public",
        "Schemas that follow that of the request in `search_path`: functions and views find what is in them, requests \
         do not.",
        |config, given| given.names().map(|names| config.api.extra_search_path = names),
    )
    .postgrest(&["PGRST_DB_EXTRA_SEARCH_PATH"]),
    Key::new(
        "database.channel",
        "pgrst",
        "The channel on which `notify pgrst, 'reload schema'` and `'reload config'` are heard.",
        |config, given| given.text().map(|channel| config.api.channel = Some(channel)),
    )
    .postgrest(&["PGRST_DB_CHANNEL"]),
    Key::new(
        "database.channel_enabled",
        "true",
        "Whether it is listened to. It takes a connection of its own.",
        |config, given| {
            let enabled = given.boolean()?;
            config.api.channel = config.api.channel.take().filter(|_| enabled);
            Ok(())
        },
    )
    .postgrest(&["PGRST_DB_CHANNEL_ENABLED"]),
    Key::new(
        "database.configures",
        "true",
        "Whether the database may hold a part of the configuration: settings `pgrst.*` of the role that Courant \
         connects as, or what `database.pre_config` sets. They win over PostgREST's variables and file.",
        |config, given| given.boolean().map(|configures| config.api.in_database = configures),
    )
    .postgrest(&["PGRST_DB_CONFIG"]),
    Key::new(
        "database.pre_config",
        "none",
        "A function that is called before the configuration is read from the database, and sets `pgrst.*` there.",
        |config, given| given.text().and_then(function).map(|function| config.api.pre_config = Some(function)),
    )
    .unset()
    .postgrest(&["PGRST_DB_PRE_CONFIG"]),
    Key::new(
        "http.trace_header",
        "none",
        "A header whose value every answer carries as its request did.",
        |config, given| {
            let name = given.text()?;
            let name = name.parse().map_err(|_| format!("expected a header's name, found {name:?}"))?;
            config.api.trace_header = Some(name);
            Ok(())
        },
    )
    .unset()
    .postgrest(&["PGRST_SERVER_TRACE_HEADER"]),
    Key::new(
        "http.server_timing",
        "false",
        "Whether answers tell how long they took (`Server-Timing`): token, body, plan, transaction, response.",
        |config, given| given.boolean().map(|timing| config.api.server_timing = timing),
    )
    .postgrest(&["PGRST_SERVER_TIMING_ENABLED"]),
    Key::new(
        "http.errors",
        "verbose",
        "How much clients are told of an error: `verbose`, everything; `minimal`, its code and its message, but neither \
         details nor hint. The log is told the same.",
        |config, given| {
            let words = [("verbose", false), ("minimal", true)];
            given.word(&words).map(|brief| config.api.errors_are_brief = brief)
        },
    )
    .postgrest(&["PGRST_CLIENT_ERROR_VERBOSITY"]),
    Key::new(
        "http.legacy_target_names",
        "true",
        "Whether filters, orders and limits may name an embed that has an alias by its relation. Answers to those that \
         do carry a `Warning`.",
        |config, given| given.boolean().map(|legacy| config.api.aliases_only = !legacy),
    )
    .postgrest(&["PGRST_URL_USE_LEGACY_TARGET_NAMES"]),
];

impl Api {
    /// What the planner is told of descriptions, where nothing else is known but the address that is listened on.
    pub(crate) fn described(&self, listen: std::net::SocketAddr) -> rest::OpenApi {
        let OpenApi { mode, security, url } = &self.openapi;
        let (scheme, host, base_path) = match url {
            Some(url) => {
                let scheme = url.scheme_str().unwrap_or("http");
                let port = url.port_u16().unwrap_or(if scheme == "https" { 443 } else { 80 });
                let host = format!("{}:{port}", url.host().unwrap_or_default());
                (scheme.to_owned(), host, url.path().to_owned())
            }
            None => ("http".to_owned(), listen.to_string(), "/".to_owned()),
        };
        rest::OpenApi { mode: *mode, security: *security, scheme, host, base_path }
    }
}

fn address(text: String) -> Result<Uri, Refusal> {
    let is_address = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    let url = text.parse::<Uri>().ok().filter(is_address);
    url.ok_or_else(|| format!("expected a URL like https://api.example.com/v1, found {text:?}"))
}

/// A function's name, with or without its schema, quoted or not.
fn function(text: String) -> Result<RootFunction, Refusal> {
    let unquoted = |name: &str| {
        let inner = name.strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        inner.map_or_else(|| name.to_owned(), |name| name.replace("\"\"", "\""))
    };
    // A dot between quotes belongs to the name.
    let mut quoted = false;
    let dot = text.char_indices().find(|(_, c)| {
        quoted ^= *c == '"';
        *c == '.' && !quoted
    });
    let (schema, name) = match dot {
        Some((at, _)) => (Some(unquoted(&text[..at])), unquoted(&text[at + 1..])),
        None => (None, unquoted(&text)),
    };
    if name.is_empty() || schema.as_ref().is_some_and(String::is_empty) {
        return Err(format!("expected a function's name, like api.root, found {text:?}"));
    }
    Ok(RootFunction { schema, name })
}
