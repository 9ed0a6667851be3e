//! In front of any backend: which route a request takes, which upstream answers it, what HTTP itself lets a
//! cache keep, and who may come in.
//!
//! Never knows which tables an answer read unless it is told, and speaks to no database. Its input is what the
//! binary gives it: heads of requests and responses, and the configuration of routes.

mod block;
mod client_address;
pub mod coding;
mod cors;
mod csrf;
pub mod dependence;
pub mod forward;
#[cfg(test)]
mod heads;
pub mod http_cache;
mod limit;
mod path;
pub mod route;
mod security_headers;
pub mod source;
pub mod surrogate;
pub mod upstream;
mod wildcard;

pub use block::{Block, BlockError, Blocks, Standing as BlockStanding};
pub use client_address::{AddressHeader, Trust};
pub use cors::{Cors, Origins};
pub use csrf::{Csrf, Forged};
pub use limit::{Buckets, Quota, Standing, headers as limit_headers};
pub use path::canonical as canonical_path;
pub use security_headers::SecurityHeaders;
pub use wildcard::Wildcard;
