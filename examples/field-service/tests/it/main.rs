//! The example on a real PostgreSQL: its schema, its data, its isolation and its workload.

mod cluster;
mod data;
mod isolation;
mod schema;
mod workload;
