//! The configured limits: which hold for a request, whose account it is on, and what its answer says of them.
//!
//! Costs nothing where no limit is configured and nobody has failed to authenticate lately.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gateway::{Buckets, Quota, Standing, Wildcard, canonical_path};
use http::{HeaderMap, HeaderName, Request, StatusCode};
use hyper::body::Incoming;
use ipnet::IpNet;

use super::Refusal;
use crate::config::{By, Counts, FrontDoor, Limit};
use crate::identity::Identities;
use crate::request;

const API_KEY: HeaderName = HeaderName::from_static("apikey");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// An IPv6 client has a network of its own, in which it chooses addresses as it likes.
const IPV6_PREFIX: u8 = 64;
const MINUTE: Duration = Duration::from_secs(60);

/// The limits, and who has used how much of them.
pub(super) struct Limits {
    all: Vec<Limit>,
    /// For failures to authenticate, of an address.
    failures: Option<Quota>,
    /// Until when somebody may owe for failures, in milliseconds: until then it is worth a look.
    failing_until_ms: AtomicU64,
    keys_max: usize,
    /// Made when somebody is first charged: most nodes never need it.
    buckets: OnceLock<Buckets>,
    hashing: RandomState,
}

/// What a request was charged with, by limit, and what it will be charged with if it fails.
#[derive(Default)]
pub(super) struct Charges {
    made: Vec<(usize, Standing)>,
    on_failure: Vec<(usize, u64)>,
}

/// Whose account a request is on.
#[derive(Hash)]
enum Account<'a> {
    Network(IpNet),
    User(&'a str, &'a str),
    Key(&'a [u8]),
    Everyone,
}

impl Limits {
    pub(super) fn new(config: &FrontDoor) -> Limits {
        let failures = config.failures_per_minute;
        Limits {
            all: config.limits.clone(),
            failures: (failures > 0).then(|| Quota::new("failures", failures, MINUTE, failures)),
            failing_until_ms: AtomicU64::new(0),
            keys_max: config.limit_keys_max,
            buckets: OnceLock::new(),
            hashing: RandomState::new(),
        }
    }

    /// Whether nobody can be charged or refused now.
    pub(super) fn are_idle(&self, now: impl Fn() -> Duration) -> bool {
        let failing_until = self.failing_until_ms.load(Ordering::Relaxed);
        self.all.is_empty() && (failing_until == 0 || now().as_millis() >= u128::from(failing_until))
    }

    /// Charges a request with every limit that holds for it, or refuses it by the first that is used up.
    pub(super) fn charge(
        &self,
        client: IpAddr,
        asked: &Request<Incoming>,
        identities: &Identities,
        now: impl Fn() -> Duration,
        charges: &mut Charges,
    ) -> Result<(), Refusal> {
        let failing_until = self.failing_until_ms.load(Ordering::Relaxed);
        if let Some(quota) = self.failures.as_ref().filter(|_| failing_until > 0) {
            let now = now();
            if now.as_millis() < u128::from(failing_until) {
                refused(quota, self.buckets().peek(network_of(client), quota, now))?;
            }
        }
        if self.all.is_empty() {
            return Ok(());
        }
        let (path, now) = (canonical_path(asked.uri().path()), now());
        // Both forms of an address ask the same.
        let short = path.strip_prefix(request::PREFIX).filter(|short| short.starts_with('/'));
        let is_of =
            |pattern: &Wildcard| pattern.matches(&path) || short.is_some_and(|short| pattern.matches(short));
        for (number, limit) in self.all.iter().enumerate() {
            let of_method = limit.methods.as_ref().is_none_or(|methods| methods.contains(asked.method()));
            if !of_method || !limit.path.as_ref().is_none_or(is_of) {
                continue;
            }
            let account = self.account(number, limit.by, client, asked.headers(), identities);
            match limit.counts {
                Counts::Requests => {
                    let standing = self.buckets().take(account, &limit.quota, now);
                    charges.made.push((number, standing));
                    refused(&limit.quota, standing)?;
                }
                Counts::Failures => {
                    refused(&limit.quota, self.buckets().peek(account, &limit.quota, now))?;
                    charges.on_failure.push((number, account));
                }
            }
        }
        Ok(())
    }

    /// Charges an answer that is a failure with the limits that count those.
    pub(super) fn settle(
        &self,
        client: IpAddr,
        charges: &Charges,
        status: StatusCode,
        is_unknown: bool,
        started: Instant,
    ) {
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            for (number, account) in &charges.on_failure {
                self.buckets().take(account, &self.all[*number].quota, started.elapsed());
            }
        }
        if let Some(quota) = self.failures.as_ref().filter(|_| is_unknown) {
            let now = started.elapsed();
            let standing = self.buckets().take(network_of(client), quota, now);
            let until = u64::try_from((now + standing.reset).as_millis()).unwrap_or(u64::MAX);
            self.failing_until_ms.fetch_max(until, Ordering::Relaxed);
        }
    }

    fn buckets(&self) -> &Buckets {
        self.buckets.get_or_init(|| Buckets::new(self.keys_max))
    }

    fn account(
        &self,
        number: usize,
        by: By,
        client: IpAddr,
        headers: &HeaderMap,
        identities: &Identities,
    ) -> u64 {
        let hash = |account: Account<'_>| self.hashing.hash_one((number, account));
        let address = || hash(Account::Network(network_of(client)));
        match by {
            By::Address => address(),
            By::Everyone => hash(Account::Everyone),
            By::Key => match headers.get(API_KEY) {
                Some(key) => hash(Account::Key(key.as_bytes())),
                None => address(),
            },
            // Who cannot be told is counted by address, and refused later if at all.
            By::User => match identities.of(headers) {
                Ok(who) if !who.anonymous => {
                    let subject = who.subject();
                    hash(Account::User(who.role.as_deref().unwrap_or_default(), &subject))
                }
                Ok(_) | Err(_) => address(),
            },
        }
    }
}

impl Charges {
    /// Says in an answer's headers how its client stands.
    pub(super) fn tell(&self, limits: &Limits, headers: &mut HeaderMap) {
        if self.made.is_empty() {
            return;
        }
        let standings: Vec<_> =
            self.made.iter().map(|(number, standing)| (&limits.all[*number].quota, *standing)).collect();
        if let Some((policy, limit)) = gateway::limit_headers(&standings) {
            headers.insert(POLICY, policy);
            headers.insert(LIMIT, limit);
        }
    }
}

/// The network that counts as one client.
pub(crate) fn network_of(client: IpAddr) -> IpNet {
    match client {
        IpAddr::V4(_) => IpNet::from(client),
        IpAddr::V6(_) => IpNet::new(client, IPV6_PREFIX).map_or(IpNet::from(client), |net| net.trunc()),
    }
}

fn refused(quota: &Quota, standing: Standing) -> Result<(), Refusal> {
    if standing.allowed {
        return Ok(());
    }
    Err(Refusal::Limited { name: quota.name.clone(), retry_after: standing.retry_after })
}
