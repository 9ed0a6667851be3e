//! Logging in: which host, which address, encrypted or not, until one accepts.
//!
//! Hosts are tried in order. As in libpq, the next one is tried when a host cannot be reached or is of the
//! wrong kind, not when it refuses the login.

use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio_postgres::config::{SslMode as Wanted, SslNegotiation};
use tokio_postgres::{CancelToken, Client, Connection};

use super::open::{Address, ByteStream, Negotiated, Security, Settled, SettledStream, open};
use super::tls::SslMode;
use super::{ConnectError, ConnectOptions, Opened, Target};
use crate::DatabaseError;

/// The half of a connection that moves its bytes; ends when the connection does.
pub(crate) type Driver = Connection<Box<dyn ByteStream>, SettledStream<Box<dyn ByteStream>>>;

/// A login that succeeded.
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) driver: Driver,
    pub(crate) route: Route,
}

/// The way by which a connection was made; a cancel request must take the same.
#[derive(Clone)]
pub(crate) struct Route {
    target: usize,
    address: Address,
    security: Security,
}

/// `target_session_attrs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Session {
    Any,
    ReadWrite,
    ReadOnly,
    Primary,
    Standby,
    PreferStandby,
}

pub(super) const SESSIONS: &[(&str, Session)] = &[
    ("any", Session::Any),
    ("read-write", Session::ReadWrite),
    ("read-only", Session::ReadOnly),
    ("primary", Session::Primary),
    ("standby", Session::Standby),
    ("prefer-standby", Session::PreferStandby),
];

impl Session {
    /// Judged by two settings that servers from 14 on report at login.
    fn accepts(self, driver: &Driver) -> bool {
        let standby = driver.parameter("in_hot_standby") == Some("on");
        let read_only = standby || driver.parameter("default_transaction_read_only") == Some("on");
        match self {
            Session::Any => true,
            Session::ReadWrite => !read_only,
            Session::ReadOnly => read_only,
            Session::Primary => !standby,
            Session::Standby | Session::PreferStandby => standby,
        }
    }
}

impl ConnectOptions {
    /// Logs in at the first host that accepts.
    pub(crate) async fn establish(&self) -> Result<Connected, ConnectError> {
        let passes: &[Session] = match &self.session {
            Session::PreferStandby => &[Session::PreferStandby, Session::Any],
            one => std::slice::from_ref(one),
        };
        let mut failures = Vec::new();
        for &session in passes {
            failures.clear();
            for index in 0..self.targets.len() {
                match self.log_in_at(index, session).await {
                    Ok(connected) => return Ok(connected),
                    Err(error) if error.is_final() => return Err(error),
                    Err(error) => failures.push(error),
                }
            }
        }
        Err(ConnectError::of(failures))
    }

    /// Opens a stream to the first host that answers.
    pub(super) async fn open_first(&self) -> Result<Opened, ConnectError> {
        let mut failures = Vec::new();
        for (index, target) in self.targets.iter().enumerate() {
            let work = async {
                let mut failures = Vec::new();
                for address in target.addresses().await? {
                    for security in self.securities(&address) {
                        let route = Route { target: index, address: address.clone(), security };
                        match self.open_route(&route).await {
                            Ok(negotiated) => return Ok(self.opened(target, negotiated)),
                            Err(error) => {
                                failures.push(error);
                                if !failures.last().is_some_and(is_about_tls) {
                                    break;
                                }
                            }
                        }
                    }
                }
                Err(ConnectError::of(failures))
            };
            match within(self.connect_timeout, target, work).await {
                Ok(opened) => return Ok(opened),
                Err(error) => failures.push(error),
            }
        }
        Err(ConnectError::of(failures))
    }

    /// Sends a cancel request and waits until the server has closed that connection, by which time it has
    /// signalled the session. A cancel that is still on its way could hit the session's next user.
    pub(crate) async fn cancel(&self, token: &CancelToken, route: &Route) -> Result<(), ConnectError> {
        let mut negotiated = self.open_route(route).await?;
        let target = self.targets[route.target].to_string();
        let settled = Settled { channel_binding: None };
        token
            .cancel_query_raw(&mut negotiated.stream, settled)
            .await
            .map_err(|source| ConnectError::Protocol { target, source })?;
        // Nothing is ever sent on this connection; an error is as good an end as any.
        let mut rest = [0; 64];
        while negotiated.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        Ok(())
    }

    async fn log_in_at(&self, index: usize, session: Session) -> Result<Connected, ConnectError> {
        let target = &self.targets[index];
        let work = async {
            let mut failures = Vec::new();
            for address in target.addresses().await? {
                for security in self.securities(&address) {
                    let route = Route { target: index, address: address.clone(), security };
                    match self.log_in(route, session).await {
                        Ok(connected) => return Ok(connected),
                        Err(error) if error.is_final() && !is_about_tls(&error) => return Err(error),
                        Err(error) => {
                            failures.push(error);
                            if !failures.last().is_some_and(is_about_tls) {
                                break;
                            }
                        }
                    }
                }
            }
            Err(ConnectError::of(failures))
        };
        within(self.connect_timeout, target, work).await
    }

    async fn log_in(&self, route: Route, session: Session) -> Result<Connected, ConnectError> {
        let target = &self.targets[route.target];
        let negotiated = self.open_route(&route).await?;
        let mut config = self.config.clone();
        // "Direct" and "require" make tokio-postgres take the stream as Settled hands it over.
        config.ssl_mode(Wanted::Require).ssl_negotiation(SslNegotiation::Direct);
        if let Some(password) = &target.password {
            config.password(password);
        }
        let settled = Settled { channel_binding: negotiated.channel_binding };
        let (client, driver) = config.connect_raw(negotiated.stream, settled).await.map_err(|source| {
            let has_password = target.password.is_some();
            login_error(target.to_string(), has_password, source)
        })?;
        if session.accepts(&driver) {
            return Ok(Connected { client, driver, route });
        }
        let wanted = SESSIONS.iter().find(|(_, known)| *known == session).map_or("any", |(name, _)| *name);
        Err(ConnectError::Session { target: target.to_string(), wanted })
    }

    async fn open_route(&self, route: &Route) -> Result<Negotiated, ConnectError> {
        let target = &self.targets[route.target];
        let name = target.to_string();
        open(&route.address, target.host_name(), route.security, &self.tls, &self.liveness, &name).await
    }

    fn securities(&self, address: &Address) -> Vec<Security> {
        match (address, self.tls.mode) {
            (Address::Unix(_), _) | (_, SslMode::Disable) => vec![Security::Plain],
            (_, SslMode::Allow) => vec![Security::Plain, Security::Encrypted],
            (_, SslMode::Prefer) => vec![Security::Offered, Security::Plain],
            _ => vec![Security::Encrypted],
        }
    }

    fn opened(&self, target: &Target, negotiated: Negotiated) -> Opened {
        let mut parameters = vec![("client_encoding".to_owned(), "UTF8".to_owned())];
        if let Some(options) = self.config.get_options() {
            parameters.push(("options".to_owned(), options.to_owned()));
        }
        if let Some(name) = self.config.get_application_name() {
            parameters.push(("application_name".to_owned(), name.to_owned()));
        }
        Opened {
            stream: negotiated.stream,
            encrypted: negotiated.encrypted,
            channel_binding: negotiated.channel_binding,
            user: self.user.clone(),
            password: target.password.clone(),
            database: self.database.clone(),
            parameters,
        }
    }
}

/// Whether the same address may accept with TLS where it did not without, or the other way round.
fn is_about_tls(error: &ConnectError) -> bool {
    match error {
        ConnectError::Tls { .. } | ConnectError::TlsNotOffered { .. } => true,
        // pg_hba.conf has no line for this kind of connection; it may have one for the other.
        ConnectError::Refused { source, .. } => source.code == "28000",
        _ => false,
    }
}

fn login_error(target: String, has_password: bool, source: tokio_postgres::Error) -> ConnectError {
    if let Some(refusal) = source.as_db_error() {
        return ConnectError::Refused { target, source: Box::new(DatabaseError::from(refusal)) };
    }
    let cause = std::error::Error::source(&source);
    if let Some(io) = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>()) {
        return ConnectError::Unreachable { target, source: std::io::Error::new(io.kind(), io.to_string()) };
    }
    // tokio-postgres says so in words only.
    if !has_password && cause.is_some_and(|cause| cause.to_string() == "password missing") {
        return ConnectError::PasswordMissing { target };
    }
    ConnectError::Protocol { target, source }
}

async fn within<T>(
    limit: Option<Duration>,
    target: &Target,
    work: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, ConnectError> {
    match limit {
        None => work.await,
        Some(after) => match tokio::time::timeout(after, work).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::Timeout { target: target.to_string(), after }),
        },
    }
}
