//! Where the database is and how to log in, as libpq would understand it; and the login itself.
//!
//! Input: a connection string, the environment, and the files these point to. Never reads the process's
//! environment itself, and never shows a password.

mod conninfo;
mod error;
mod keywords;
mod listen;
mod login;
mod open;
mod passfile;
mod target;
mod tls;
mod verifier;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use socket2::TcpKeepalive;
use tokio_postgres::config::ChannelBinding;
use tokio_postgres::{Client, Config};

pub use error::ConnectError;
pub use listen::{ListenError, Listening};
pub(crate) use login::Route;
pub use open::ByteStream;

use keywords::Keywords;
use login::{SESSIONS, Session};
use open::Liveness;
use target::Target;
use tls::Tls;

/// How long a server may leave what was sent to it unacknowledged, in milliseconds.
const USER_TIMEOUT_MS: i64 = 30_000;

/// Everything needed to connect; see [`ConnectOptions::parse`].
#[derive(Clone)]
pub struct ConnectOptions {
    targets: Vec<Target>,
    user: String,
    database: String,
    /// The startup parameters; hosts, passwords and TLS stand beside it.
    config: Config,
    tls: Tls,
    liveness: Liveness,
    session: Session,
    connect_timeout: Option<Duration>,
}

/// A stream to a server that awaits the startup message; TLS, if any, is settled.
pub struct Opened {
    /// The stream.
    pub stream: Box<dyn ByteStream>,
    /// Whether it is encrypted.
    pub encrypted: bool,
    /// What to say on it.
    pub login: Login,
}

/// How to log in on a stream.
pub struct Login {
    /// The user to log in as.
    pub user: String,
    /// The password, if one is known.
    pub password: Option<String>,
    /// The database.
    pub database: String,
    /// Further startup parameters, by name.
    pub parameters: Vec<(String, String)>,
    /// `tls-server-end-point`, for SCRAM with channel binding.
    pub channel_binding: Option<Vec<u8>>,
    /// Whether to refuse a login without it.
    pub binding_required: bool,
}

impl ConnectOptions {
    /// Reads a connection string (`postgresql://…`, `keyword=value …` or a database's name); what it leaves
    /// out is taken from libpq's environment variables, and then from libpq's defaults.
    pub fn parse(
        text: Option<&str>,
        environment: &dyn Fn(&str) -> Option<String>,
    ) -> Result<ConnectOptions, ConnectError> {
        let mut keywords = conninfo::parse(text.unwrap_or_default())?;
        keywords.complete(environment)?;
        let home = environment("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
        let user = match keywords.get("user") {
            Some(user) => user.to_owned(),
            None => whoami::username().map_err(|error| {
                ConnectError::Invalid(format!(
                    "no user is given, nor known to the system ({error}); set PGUSER"
                ))
            })?,
        };
        let database = keywords.get("dbname").unwrap_or(&user).to_owned();
        let targets = target::targets(&keywords, home.as_deref(), &user, &database)?;
        let tls = Tls::new(&keywords, home.as_deref(), targets.iter().any(Target::is_tcp))?;
        Ok(ConnectOptions {
            config: config(&keywords, environment, &user, &database)?,
            liveness: liveness(&keywords)?,
            session: keywords.choice("target_session_attrs", SESSIONS)?.unwrap_or(Session::Any),
            connect_timeout: timeout(&keywords)?,
            targets,
            user,
            database,
            tls,
        })
    }

    /// The startup parameters: user, database, `options`, `application_name`. Hosts, passwords and TLS are
    /// not in it; [`ConnectOptions::open`] sees to them.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The user to log in as.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The database.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// Whether every host is this machine: a unix socket or the loopback interface.
    pub fn is_loopback(&self) -> bool {
        self.targets.iter().all(Target::is_loopback)
    }

    /// The same, with settings that hold unless `options` says otherwise, and a name for whom it lacks one.
    #[must_use]
    pub fn with_defaults(mut self, settings: &[(&str, &str)], application_name: &str) -> ConnectOptions {
        let mut options: Vec<String> =
            settings.iter().map(|(name, value)| format!("-c {name}={}", escape(value))).collect();
        // The server lets the last one win.
        options.extend(self.config.get_options().map(str::to_owned));
        self.config.options(options.join(" "));
        if self.config.get_application_name().is_none() {
            self.config.application_name(application_name);
        }
        self
    }

    /// The same, with standbys passed over unless `target_session_attrs` asks for a kind of server.
    #[must_use]
    pub fn preferring_primary(mut self) -> ConnectOptions {
        if self.session == Session::Any && self.targets.len() > 1 {
            self.session = Session::Primary;
        }
        self
    }

    /// Connects a stream to the first host that answers, up to where the startup message is due.
    pub async fn open(&self) -> Result<Opened, ConnectError> {
        self.open_first().await
    }

    /// Logs in. The future that is returned beside the client must be driven for the client to work, and
    /// ends when the connection does.
    pub async fn connect(
        &self,
    ) -> Result<(Client, impl Future<Output = Result<(), tokio_postgres::Error>> + Send + use<>), ConnectError>
    {
        let ((client, driver), _) = self.establish::<(Client, login::Driver)>().await?;
        Ok((client, driver))
    }

    /// Where and as whom, for logs: `user@host:port/database`.
    pub fn redacted(&self) -> String {
        let hosts: Vec<_> = self.targets.iter().map(ToString::to_string).collect();
        format!("{}@{}/{}", self.user, hosts.join(","), self.database)
    }
}

impl fmt::Display for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

impl fmt::Debug for ConnectOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConnectOptions({self})")
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Login { user, database, .. } = &self.login;
        write!(f, "Opened({user}/{database}, encrypted: {})", self.encrypted)
    }
}

fn config(
    keywords: &Keywords,
    environment: &dyn Fn(&str) -> Option<String>,
    user: &str,
    database: &str,
) -> Result<Config, ConnectError> {
    let mut config = Config::new();
    config.user(user).dbname(database);
    let mut options: Vec<String> = keywords.get("options").map(str::to_owned).into_iter().collect();
    // libpq sends these as parameters of their own, which take effect after `options`.
    for (variable, setting) in [("PGTZ", "timezone"), ("PGDATESTYLE", "datestyle"), ("PGGEQO", "geqo")] {
        if let Some(value) = environment(variable).filter(|value| !value.is_empty() && value != "default") {
            options.push(format!("-c {setting}={}", escape(&value)));
        }
    }
    if !options.is_empty() {
        config.options(options.join(" "));
    }
    if let Some(name) = keywords.get("application_name").or_else(|| keywords.get("fallback_application_name"))
    {
        config.application_name(name);
    }
    const BINDINGS: &[(&str, ChannelBinding)] = &[
        ("disable", ChannelBinding::Disable),
        ("prefer", ChannelBinding::Prefer),
        ("require", ChannelBinding::Require),
    ];
    if let Some(binding) = keywords.choice("channel_binding", BINDINGS)? {
        config.channel_binding(binding);
    }
    Ok(config)
}

/// Quotes a value for `options`, where blanks separate and a backslash takes the next character literally.
fn escape(value: &str) -> String {
    let mut escaped = String::new();
    for character in value.chars() {
        if character.is_ascii_whitespace() || character == '\\' {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

fn timeout(keywords: &Keywords) -> Result<Option<Duration>, ConnectError> {
    // Zero, negative and absent mean no limit; one is rounded up to two, as in libpq.
    let seconds = keywords.number("connect_timeout")?.filter(|seconds| *seconds > 0);
    Ok(seconds.map(|seconds| Duration::from_secs(seconds.unsigned_abs().max(2))))
}

fn liveness(keywords: &Keywords) -> Result<Liveness, ConnectError> {
    let positive = |keyword| Ok::<_, ConnectError>(keywords.number(keyword)?.filter(|number| *number > 0));
    let mut keepalive = TcpKeepalive::new();
    if let Some(seconds) = positive("keepalives_idle")? {
        keepalive = keepalive.with_time(Duration::from_secs(seconds.unsigned_abs()));
    }
    if let Some(seconds) = positive("keepalives_interval")? {
        keepalive = keepalive.with_interval(Duration::from_secs(seconds.unsigned_abs()));
    }
    if let Some(count) = positive("keepalives_count")? {
        keepalive = keepalive.with_retries(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let enabled = keywords.number("keepalives")? != Some(0);
    // libpq leaves it to the system, which on Linux means a quarter of an hour for a server that is cut off;
    // zero asks for that.
    let user_timeout = keywords.number("tcp_user_timeout")?.unwrap_or(USER_TIMEOUT_MS);
    let user_timeout = (user_timeout > 0).then(|| Duration::from_millis(user_timeout.unsigned_abs()));
    Ok(Liveness { keepalive: enabled.then_some(keepalive), user_timeout })
}
