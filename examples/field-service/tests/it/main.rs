//! The example on a real PostgreSQL: its schema, its data, its isolation and its workload.

mod data;
mod fixture;
mod isolation;
mod plans;
mod schema;
mod tuned;
mod webhooks;
mod workload;
