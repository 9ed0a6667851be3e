//! In front of any backend: which route a request takes, which upstream answers it, what HTTP itself lets a
//! cache keep, and who may come in.
//!
//! Never knows which tables an answer read unless it is told, and speaks to no database. Its input is what the
//! binary gives it: heads of requests and responses, and the configuration of routes.

pub mod dependence;
pub mod forward;
#[cfg(test)]
mod heads;
pub mod http_cache;
pub mod route;
pub mod source;
pub mod upstream;
