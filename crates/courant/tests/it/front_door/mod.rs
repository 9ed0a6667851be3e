//! Who and what is let in: framing, addresses, limits, blocks, other origins.

mod blocks;
mod conforming;
mod http2;
mod limits;
mod origins;
mod smuggling;

use std::path::PathBuf;

use pg::cluster::Cluster;

use crate::node::Node;

/// A node with this in its file, in front of which the test is the trusted proxy.
fn node(cluster: &Cluster, name: &str, file: &str) -> Node {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("front-door-{name}.toml"));
    std::fs::write(&path, format!("client.trusted_proxies = ['127.0.0.1']\n{file}")).unwrap();
    Node::start_uncached(cluster, &[("COURANT_CONFIG", path.to_str().unwrap())])
}
