//! Who and what is let in: framing, addresses, limits, blocks, other origins.

mod conforming;
mod smuggling;
