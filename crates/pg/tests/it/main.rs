//! Everything that is tested against a real PostgreSQL.

mod catalog;
mod catalog_fixture;
mod schema;
