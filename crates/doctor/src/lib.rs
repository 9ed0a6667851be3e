//! The doctor: examines a PostgreSQL database, grades it, says what would help, applies it, and takes back what did not.
//!
//! [`examine`] reads catalogs and statistics, and rows only where that was allowed: no query of the user's runs, and no lock
//! is taken that anybody could wait for. [`apply::apply`] changes what it was asked to change, measures it, and writes down how to undo it.
//! Input: a connection, and for some things a workload file. Never prints; the command line does.

pub mod apply;
mod checks;
mod correlation;
mod defeats;
mod error;
mod examine;
mod explain;
mod finding;
mod grade;
mod kpi;
mod loops;
mod policies;
mod recommendation;
mod refuted;
pub mod report;
mod server;
pub mod workload;

pub use checks::{Check, Remedy, explanations};
pub use error::Error;
pub use examine::{Examination, Step, examine};
pub use finding::{Finding, Limit, Severity};
pub use grade::{Cap, Grade, KpiScore};
pub use kpi::Kpi;
pub use loops::Loop;
pub use recommendation::{Basis, Gaining, ParseError, Recommendation};
pub use report::Report;
