//! Metrics of the front door.
//!
//! Labels are closed lists and the names of configured limits, never what a client sent.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;

use super::list::{List, labels};

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A request's head.
    Head,
    /// A body in chunks.
    Body,
    /// A connection of somebody who is blocked.
    Connection,
    /// A request of somebody who is blocked.
    Request,
    /// A request that a page of another site may have sent.
    Forged,
    /// A token.
    Token,
    /// A TLS handshake.
    Handshake,
    /// A webhook that its provider did not sign.
    Webhook,
}

/// Counts.
#[derive(Clone, Default)]
pub(crate) struct GuardMetrics {
    refusals: Family<RefusalLabels, Counter>,
    limited: Family<LimitLabels, Counter>,
    automatic_blocks: Counter,
    blocks: Gauge,
    certificates: Family<CertificateLabels, Counter>,
}

labels! {
    struct RefusalLabels {
        what: &'static str,
    }
}

labels! {
    struct LimitLabels {
        limit: String,
    }
}

labels! {
    struct CertificateLabels {
        outcome: &'static str,
    }
}

impl GuardMetrics {
    pub(super) fn register(&self, r: &mut List) {
        r.register("guard_refusals", "What the front door refused", self.refusals.clone());
        r.register("guard_limited", "Requests answered 429, by limit", self.limited.clone());
        r.register("guard_automatic_blocks", "Blocks after too many offences", self.automatic_blocks.clone());
        r.register("guard_blocks", "Networks that are kept out", self.blocks.clone());
        r.register("tls_certificates", "Certificates read, by outcome", self.certificates.clone());
    }

    /// Something was refused.
    pub(crate) fn refused(&self, what: Refused) {
        let what = match what {
            Refused::Head => "head",
            Refused::Body => "body",
            Refused::Connection => "blocked_connection",
            Refused::Request => "blocked_request",
            Refused::Forged => "csrf",
            Refused::Token => "token",
            Refused::Handshake => "tls_handshake",
            Refused::Webhook => "webhook",
        };
        self.refusals.get_or_create(&RefusalLabels { what }).inc();
    }

    /// A request was over a limit.
    pub(crate) fn limited(&self, limit: &str) {
        self.limited.get_or_create(&LimitLabels { limit: limit.to_owned() }).inc();
    }

    /// Somebody was kept out after too many offences.
    pub(crate) fn blocked_automatically(&self) {
        self.automatic_blocks.inc();
    }

    /// How many networks are kept out now.
    pub(super) fn take(&self, blocks: usize) {
        self.blocks.set(blocks as i64);
    }

    /// A certificate was read, and is used or not.
    pub(crate) fn certificate(&self, is_used: bool) {
        let outcome = if is_used { "used" } else { "refused" };
        self.certificates.get_or_create(&CertificateLabels { outcome }).inc();
    }
}
