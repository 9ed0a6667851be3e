//! Passwords that are kept in a form which was broken long ago.

use super::{Check, Kpi, Remedy};

pub(super) const CHECK: Check = Check {
    id: "password-encryption",
    title: "Passwords kept as MD5",
    explanation: "\
        MD5 hashes of passwords can be used to log in by whoever reads them. scram-sha-256 cannot; set it \
        and have the passwords set anew.",
    wins: &[Kpi::Findings],
    remedy: Remedy::Manual,
    sql: include_str!("password_encryption.sql"),
};
