//! What the catalog says of relations, functions and keys, against a real PostgreSQL.

mod columns;
mod dependence;
mod fingerprint;
mod functions;
mod tables;
