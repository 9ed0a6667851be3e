//! The binary against a real PostgreSQL: what a user does, and what must hold.

mod cached;
mod command;
mod degraded;
mod http;
mod isolation;
mod lifecycle;
mod node;
mod stream;
mod writes;
