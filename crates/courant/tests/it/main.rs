//! The binary against a real PostgreSQL: what a user does, and what must hold.

// Under `cfg(test)`, clippy lets the functions that tests share unwrap, as tests may.
#[cfg(test)]
mod atomic;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod batch;
#[cfg(test)]
mod cached;
#[cfg(test)]
mod command;
#[cfg(test)]
mod consistency;
#[cfg(test)]
mod degraded;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod encoding;
#[cfg(test)]
mod explain;
#[cfg(test)]
mod front_door;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod http;
#[cfg(test)]
mod init;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod keyset;
#[cfg(test)]
mod lifecycle;
#[cfg(test)]
mod metrics;
#[cfg(test)]
mod named;
#[cfg(test)]
mod node;
#[cfg(test)]
mod postgrest;
#[cfg(test)]
mod pre_request;
#[cfg(test)]
mod precision;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod queue;
#[cfg(test)]
mod recalled;
#[cfg(test)]
mod refreshed;
#[cfg(test)]
mod stream;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod torture;
#[cfg(test)]
mod treated;
#[cfg(test)]
mod webhook;
#[cfg(test)]
mod writes;
