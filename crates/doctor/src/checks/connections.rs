//! How close the server is to refusing connections.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "connections",
    title: "Connections near their limit",
    explanation: "\
        At max_connections new clients are refused; and each connection costs memory and a share of every \
        snapshot. A pool in front keeps them few.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("connections.sql"),
};
