//! The cache through its front door.

mod everyday;
mod stress;
mod town;
