//! The cache through its front door.

mod everyday;
mod stores;
mod stress;
mod town;
