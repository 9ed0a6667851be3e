//! Logging in: which host, which address, encrypted or not, until one accepts.
//!
//! Hosts are tried in order. As in libpq, the next one is tried when a host cannot be reached or is of the
//! wrong kind, not when it refuses the login.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::config::{ChannelBinding, SslMode as Wanted, SslNegotiation};
use tokio_postgres::{AsyncMessage, Client, Connection};

use super::open::{Address, ByteStream, Negotiated, Security, Settled, SettledStream, open};
use super::tls::SslMode;
use super::{ConnectError, ConnectOptions, Login, Opened, Target};
use crate::DatabaseError;
use crate::wire::{CancelKey, Kind, Wire, WireError};

/// The half of a connection that moves its bytes; ends when the connection does. A type of its own, without the
/// stream's in sight: the compiler cannot prove of a future that holds that one that it may change threads.
pub(crate) struct Driver(Connection<Box<dyn ByteStream>, SettledStream<Box<dyn ByteStream>>>);

impl Driver {
    /// What the server says unasked, while it is polled.
    pub(crate) fn poll_message(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<AsyncMessage, tokio_postgres::Error>>> {
        self.0.poll_message(context)
    }
}

impl Future for Driver {
    type Output = Result<(), tokio_postgres::Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context)
    }
}

/// How much of what a server sends is read at once.
const READ_BYTES: usize = 16 * 1024;

/// What a login makes of a stream.
pub(crate) trait LogIn: Sized {
    /// Logs in on a stream to the target.
    fn log_in(
        options: &ConnectOptions,
        target: &Target,
        negotiated: Negotiated,
    ) -> impl Future<Output = Result<Self, ConnectError>> + Send;

    /// What kind of server it turned out to be.
    fn kind(&self) -> Kind;
}

/// A session of our own, for requests.
impl LogIn for Wire {
    async fn log_in(
        options: &ConnectOptions,
        target: &Target,
        negotiated: Negotiated,
    ) -> Result<Wire, ConnectError> {
        let opened = options.opened(target, negotiated);
        Wire::start(opened, &[], READ_BYTES).await.map_err(|error| refusal(target.to_string(), error))
    }

    fn kind(&self) -> Kind {
        Wire::kind(self)
    }
}

/// A client of tokio-postgres, for whatever is asked rarely.
impl LogIn for (Client, Driver) {
    async fn log_in(
        options: &ConnectOptions,
        target: &Target,
        negotiated: Negotiated,
    ) -> Result<(Client, Driver), ConnectError> {
        let mut config = options.config.clone();
        // "Direct" and "require" make tokio-postgres take the stream as Settled hands it over.
        config.ssl_mode(Wanted::Require).ssl_negotiation(SslNegotiation::Direct);
        if let Some(password) = &target.password {
            config.password(password);
        }
        let settled = Settled { channel_binding: negotiated.channel_binding };
        let connected = config.connect_raw(negotiated.stream, settled).await.map_err(|source| {
            let has_password = target.password.is_some();
            login_error(target.to_string(), has_password, source)
        });
        connected.map(|(client, connection)| (client, Driver(connection)))
    }

    fn kind(&self) -> Kind {
        let is_on = |name| self.1.0.parameter(name) == Some("on");
        let is_standby = is_on("in_hot_standby");
        Kind { is_standby, is_read_only: is_standby || is_on("default_transaction_read_only") }
    }
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
    fn accepts(self, kind: Kind) -> bool {
        match self {
            Session::Any => true,
            Session::ReadWrite => !kind.is_read_only,
            Session::ReadOnly => kind.is_read_only,
            Session::Primary => !kind.is_standby,
            Session::Standby | Session::PreferStandby => kind.is_standby,
        }
    }
}

impl ConnectOptions {
    /// Logs in at the first host that accepts.
    pub(crate) async fn establish<L: LogIn>(&self) -> Result<(L, Route), ConnectError> {
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
    pub(crate) async fn cancel(&self, key: CancelKey, route: &Route) -> Result<(), ConnectError> {
        let mut negotiated = self.open_route(route).await?;
        let target = || self.targets[route.target].to_string();
        let unreachable = |source| ConnectError::Unreachable { target: target(), source };
        negotiated.stream.write_all(&key.request()).await.map_err(unreachable)?;
        negotiated.stream.flush().await.map_err(unreachable)?;
        // Nothing is ever sent on this connection; an error is as good an end as any.
        let mut rest = [0; 64];
        while negotiated.stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
        Ok(())
    }

    async fn log_in_at<L: LogIn>(&self, index: usize, session: Session) -> Result<(L, Route), ConnectError> {
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

    async fn log_in<L: LogIn>(&self, route: Route, session: Session) -> Result<(L, Route), ConnectError> {
        let target = &self.targets[route.target];
        let negotiated = self.open_route(&route).await?;
        let logged_in = L::log_in(self, target, negotiated).await?;
        if session.accepts(logged_in.kind()) {
            return Ok((logged_in, route));
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
        let binding = self.config.get_channel_binding();
        Opened {
            stream: negotiated.stream,
            encrypted: negotiated.encrypted,
            login: Login {
                user: self.user.clone(),
                password: target.password.clone(),
                database: self.database.clone(),
                parameters,
                channel_binding: negotiated.channel_binding.filter(|_| binding != ChannelBinding::Disable),
                binding_required: binding == ChannelBinding::Require,
            },
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
    ConnectError::Protocol { target, source: Box::new(source) }
}

fn refusal(target: String, error: WireError) -> ConnectError {
    match error {
        WireError::Refused(source) => ConnectError::Refused { target, source },
        WireError::PasswordMissing => ConnectError::PasswordMissing { target },
        WireError::Closed { reason, source } => {
            let source = source.unwrap_or_else(|| std::io::Error::other(reason));
            ConnectError::Unreachable { target, source }
        }
        error => ConnectError::Protocol { target, source: Box::new(error) },
    }
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
