//! The request language from outside: requests to statements and read sets, errors, random input, and
//! every statement on a real PostgreSQL.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cases;
mod errors;
mod fixture;
mod fuzz;
mod plans;
mod postgres;
mod reads;
mod responses;
