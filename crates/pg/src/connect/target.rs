//! The hosts of a connection string, each with its port and its password.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use super::ConnectError;
use super::keywords::Keywords;
use super::open::Address;
use super::passfile::Passfile;

/// Where a distribution's PostgreSQL keeps its socket, then where one built from source does.
const SOCKET_DIRECTORIES: [&str; 2] = ["/var/run/postgresql", "/tmp"];

/// One host.
#[derive(Clone)]
pub(crate) struct Target {
    host: Host,
    port: u16,
    pub(super) password: Option<String>,
}

#[derive(Clone)]
enum Host {
    /// The directory of a unix socket (or its abstract name, which begins with `@`).
    Unix(PathBuf),
    /// A name to be looked up.
    Named(String),
    /// An address, and the name that goes with it, if any.
    At(Option<String>, IpAddr),
}

/// Reads `host`, `hostaddr`, `port` and the passwords.
pub(super) fn targets(
    keywords: &Keywords,
    home: Option<&Path>,
    user: &str,
    database: &str,
) -> Result<Vec<Target>, ConnectError> {
    let hosts = hosts(keywords)?;
    let ports = ports(keywords, hosts.len())?;
    let password = keywords.get("password").map(str::to_owned);
    let passfile = match (&password, keywords.get("passfile"), home) {
        (Some(_), ..) => None,
        (None, Some(path), _) => Some(Passfile::read(Path::new(path))),
        (None, None, home) => home.map(|home| Passfile::read(&home.join(".pgpass"))),
    };
    let target = |(host, port): (Host, u16)| {
        let stored = || passfile.as_ref()?.password(&host.in_passfile(), port, database, user);
        let password = password.clone().or_else(stored);
        Target { host, port, password }
    };
    Ok(hosts.into_iter().zip(ports).map(target).collect())
}

fn hosts(keywords: &Keywords) -> Result<Vec<Host>, ConnectError> {
    let list = |keyword| keywords.get(keyword).map(|list| list.split(',').collect::<Vec<_>>());
    match (list("host"), list("hostaddr")) {
        (None, None) => {
            let sockets = SOCKET_DIRECTORIES.iter().map(|directory| Host::Unix(PathBuf::from(directory)));
            Ok(sockets.chain([Host::Named("localhost".to_owned())]).collect())
        }
        (Some(hosts), None) => Ok(hosts.into_iter().map(Host::of).collect()),
        (None, Some(addresses)) => addresses.into_iter().map(|address| at(None, address)).collect(),
        (Some(hosts), Some(addresses)) if hosts.len() == addresses.len() => {
            hosts.into_iter().zip(addresses).map(|(host, address)| at(Some(host), address)).collect()
        }
        (Some(hosts), Some(addresses)) => Err(ConnectError::Invalid(format!(
            "there are {} hosts and {} entries of hostaddr; give as many of each",
            hosts.len(),
            addresses.len()
        ))),
    }
}

fn at(host: Option<&str>, address: &str) -> Result<Host, ConnectError> {
    match (host.filter(|host| !host.is_empty()), address) {
        (None, "") => Ok(Host::of("")),
        (Some(host), "") => Ok(Host::of(host)),
        (host, address) => match address.parse() {
            Ok(ip) => Ok(Host::At(host.map(str::to_owned), ip)),
            Err(_) => Err(ConnectError::Invalid(format!(
                "hostaddr is {address:?}; it must be an IP address (a name belongs in host)"
            ))),
        },
    }
}

fn ports(keywords: &Keywords, hosts: usize) -> Result<Vec<u16>, ConnectError> {
    let list: Vec<&str> = keywords.get("port").unwrap_or_default().split(',').collect();
    let parse = |text: &&str| match text.trim() {
        "" => Ok(5432),
        text => text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
            ConnectError::Invalid(format!("port is {text:?}; it must be a number from 1 to 65535"))
        }),
    };
    match list.len() {
        1 => Ok(vec![parse(&list[0])?; hosts]),
        count if count == hosts => list.iter().map(parse).collect(),
        count => Err(ConnectError::Invalid(format!(
            "there are {hosts} hosts and {count} ports; give one port for all, or one for each"
        ))),
    }
}

impl Host {
    fn of(text: &str) -> Host {
        match text {
            "" => Host::Unix(PathBuf::from(SOCKET_DIRECTORIES[0])),
            _ if text.starts_with(['/', '@']) => Host::Unix(PathBuf::from(text)),
            _ => match text.parse() {
                Ok(ip) => Host::At(Some(text.to_owned()), ip),
                Err(_) => Host::Named(text.to_owned()),
            },
        }
    }

    /// The name under which a password file lists it.
    fn in_passfile(&self) -> String {
        match self {
            Host::Unix(path) if SOCKET_DIRECTORIES.iter().any(|known| path == Path::new(known)) => {
                "localhost".to_owned()
            }
            Host::Unix(path) => path.to_string_lossy().into_owned(),
            Host::Named(name) | Host::At(Some(name), _) => name.clone(),
            Host::At(None, ip) => ip.to_string(),
        }
    }
}

impl Target {
    pub(super) fn is_tcp(&self) -> bool {
        !matches!(self.host, Host::Unix(_))
    }

    pub(super) fn is_loopback(&self) -> bool {
        match &self.host {
            Host::Unix(_) => true,
            Host::Named(name) => name.eq_ignore_ascii_case("localhost"),
            Host::At(_, ip) => ip.is_loopback(),
        }
    }

    /// The name to look for in the server's certificate.
    pub(super) fn host_name(&self) -> Option<&str> {
        match &self.host {
            Host::Named(name) | Host::At(Some(name), _) => Some(name),
            Host::Unix(_) | Host::At(None, _) => None,
        }
    }

    /// Where to connect to, in the order to try.
    pub(super) async fn addresses(&self) -> Result<Vec<Address>, ConnectError> {
        let unreachable = |source| ConnectError::Unreachable { target: self.to_string(), source };
        match &self.host {
            Host::Unix(directory) => Ok(vec![Address::Unix(self.socket(directory))]),
            Host::At(_, ip) => Ok(vec![Address::Tcp(SocketAddr::new(*ip, self.port))]),
            Host::Named(name) => {
                let found = tokio::net::lookup_host((name.as_str(), self.port)).await;
                Ok(found.map_err(unreachable)?.map(Address::Tcp).collect())
            }
        }
    }

    fn socket(&self, directory: &Path) -> PathBuf {
        let name = format!(".s.PGSQL.{}", self.port);
        match directory.to_string_lossy().strip_prefix('@') {
            // Linux's abstract names begin with a zero byte, which tokio takes in a path.
            Some(rest) => PathBuf::from(format!("\0{rest}/{name}")),
            None => directory.join(name),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Unix(path) => write!(f, "{}:{}", path.display(), self.port),
            Host::Named(name) => write!(f, "{name}:{}", self.port),
            Host::At(Some(name), ip) if *name != ip.to_string() => write!(f, "{name}({ip}):{}", self.port),
            Host::At(_, IpAddr::V6(ip)) => write!(f, "[{ip}]:{}", self.port),
            Host::At(_, ip) => write!(f, "{ip}:{}", self.port),
        }
    }
}
