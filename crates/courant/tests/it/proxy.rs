//! In front of a backend: what passes through, in which pieces, and what happens when the backend does not do as
//! it should.

pub(crate) mod backend;
mod cached;
mod declared;
mod failing;
mod passing;
mod tls;
mod written;

use std::io::Write as _;

use pg::cluster::Cluster;

use crate::node::{self, Node};

/// A node in front of backends, with a configuration file of the test's own.
async fn start(name: &str, configuration: &str) -> (Cluster, Node) {
    let cluster =
        node::cluster(name, "create table things (id int primary key); grant select on things to anon").await;
    let node = start_with(&cluster, name, configuration, &[]);
    (cluster, node)
}

fn start_with(cluster: &Cluster, name: &str, configuration: &str, environment: &[(&str, &str)]) -> Node {
    let mut file = std::env::temp_dir();
    file.push(format!("courant-{name}-{}.toml", std::process::id()));
    std::fs::File::create(&file).unwrap().write_all(configuration.as_bytes()).unwrap();
    let said = [environment, &[("COURANT_CONFIG", file.to_str().unwrap())]].concat();
    let node = Node::start_uncached(cluster, &said);
    std::fs::remove_file(&file).unwrap();
    node
}
