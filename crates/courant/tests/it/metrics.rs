//! What a running node tells of itself: what its reference says, and what the dashboard needs of each route.

use std::collections::BTreeMap;

use ::http::Method;

use crate::http;
use crate::node::{self, Node};
use crate::proxy::backend::{Backend, whole};

fn page() -> String {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/metrics.md");
    std::fs::read_to_string(path).unwrap()
}

/// Each metric of the reference: its type and labels.
fn reference() -> BTreeMap<String, (String, Vec<String>)> {
    let page = page();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        let labels = cells[3].split(", ").map(|label| label.trim_matches('`').to_owned());
        let labels = labels.filter(|label| label != "–").collect();
        (cells[0].trim_matches('`').to_owned(), (cells[1].to_owned(), labels))
    })
    .collect()
}

/// Whether it is one of PostgREST's own, which are no part of the closed list.
fn is_of_postgrest(line: &str) -> bool {
    line.starts_with("pgrst_")
}

/// The page names the samples.
fn tells_of_postgrest(metrics: &str) {
    let told: Vec<&str> = metrics.lines().filter(|line| is_of_postgrest(line)).collect();
    let page = page();
    let named: Vec<&str> = page.split('`').filter(|name| is_of_postgrest(name)).collect();
    assert_eq!((named.len(), told.len()), (6, 6), "{told:?}");
    for name in named {
        assert!(told.iter().any(|line| line.starts_with(name)), "{name} is not told");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_in_the_reference_and_each_route_has_its_own() {
    let cluster = node::cluster("metrics", "create table things (id int primary key)").await;
    let backend = Backend::start(async |request: ::http::Request<_>| match request.uri().path() {
        "/kept/1" => whole(200, &[("cache-control", "max-age=60")], "kept"),
        _ => whole(503, &[], "unwell"),
    })
    .await;
    let file = std::env::temp_dir().join(format!("courant-metrics-{}.toml", std::process::id()));
    let upstream = backend.url();
    let routes = format!(
        "[proxy]\nupstream = \"{upstream}\"\n[[route]]\npath = \"/kept/{{id}}\"\n[[route]]\npath = \"/failing\"\n"
    );
    std::fs::write(&file, routes).unwrap();
    let node = Node::start_with(&cluster, &[("COURANT_CONFIG", file.to_str().unwrap())]).await;
    std::fs::remove_file(&file).unwrap();
    node.get("/kept/1").await;
    node.get("/kept/1").await;
    node.get("/failing").await;
    let metrics = http::send(node.admin, Method::GET, "/metrics", &[], "").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();

    tells_of_postgrest(&metrics);
    let known = reference();
    let types = metrics.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    for line in types.filter(|line| !is_of_postgrest(line)) {
        let (name, kind) = line.split_once(' ').unwrap();
        assert_eq!(
            known.get(name).map(|(kind, _)| kind.as_str()),
            Some(kind),
            "{name} is not in docs/metrics.md"
        );
    }
    for line in metrics.lines().filter(|line| !line.starts_with('#') && !is_of_postgrest(line)) {
        let (name, rest) = line.split_once(['{', ' ']).unwrap();
        let (_, (_, labels)) = known
            .iter()
            .filter(|(known, _)| name.starts_with(known.as_str()))
            .max_by_key(|(known, _)| known.len())
            .unwrap();
        if line.as_bytes()[name.len()] == b'{' {
            let told = rest
                .split("=\"")
                .filter_map(|part| part.rsplit([',', '"']).next())
                .filter(|label| label.chars().all(|c| c.is_ascii_lowercase() || c == '_'));
            for label in told.filter(|label| !label.is_empty() && *label != "le") {
                assert!(labels.iter().any(|known| known == label), "{label} of {line}");
            }
        }
    }
    let needed = [
        "courant_requests_total{route=\"/kept/{id}\",method=\"GET\",status=\"200\",cache=\"hit\"} 1",
        "courant_requests_total{route=\"/kept/{id}\",method=\"GET\",status=\"200\",cache=\"miss\"} 1",
        "courant_requests_total{route=\"/failing\",method=\"GET\",status=\"503\",",
        "courant_request_duration_seconds_sum{route=\"/kept/{id}\",cache=\"hit\"}",
        "courant_request_duration_seconds_bucket{le=\"0.1\",route=\"/kept/{id}\",cache=\"hit\"}",
        "courant_upstream_duration_seconds_count{route=\"/kept/{id}\"} 1",
        &format!("courant_upstream_well{{upstream=\"{}\"}} 1", backend.address),
    ];
    for line in needed {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}
