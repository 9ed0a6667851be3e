//! Blocks through the admin port: who is kept out, and changes to that which last as long as the process.
//!
//! Changes are never a `POST`: that alone a page of any site could make an administrator's browser send.

use std::time::Duration;

use http::{Method, Response, StatusCode};
use serde_json::{Value, json};

use super::parameter;
use crate::config::network;
use crate::guard::now_s;
use crate::node::Node;
use crate::response::{self, Body};

/// Bytes of a reason, which every list shows.
const REASON_BYTES_MAX: usize = 200;

/// `GET`, `PUT ?network=N&seconds=S&reason=R`, `DELETE ?network=N`.
pub(super) fn answer(node: &Node, method: &Method, query: &str) -> Response<Body> {
    if method == Method::GET {
        return response::json(StatusCode::OK, listed(node).to_string());
    }
    let asked = parameter(query, "network").unwrap_or_default();
    let Some(network) = network(&asked) else {
        let hint = "Like 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32.";
        return refused(&format!("{asked:?} is no address and no network"), hint);
    };
    let changed = if method == Method::PUT {
        let seconds = parameter(query, "seconds").map(|text| text.parse::<u64>());
        let Ok(seconds) = seconds.transpose() else {
            return refused("seconds is no number", "Leave it out for as long as the process runs.");
        };
        let mut reason = parameter(query, "reason").unwrap_or_default();
        reason.truncate(reason.floor_char_boundary(REASON_BYTES_MAX));
        node.guard.block(network, seconds.map(Duration::from_secs), reason).map(|()| true)
    } else {
        node.guard.unblock(network)
    };
    match changed {
        Ok(changed) => {
            let body = json!({ "network": network.to_string(), "changed": changed });
            response::json(StatusCode::OK, body.to_string())
        }
        Err(error) => refused(&error.to_string(), "The configuration is changed in its file."),
    }
}

fn listed(node: &Node) -> Value {
    let now_s = now_s();
    let standings = node.guard.blocks.list(now_s);
    let told = standings.iter().map(|standing| {
        json!({
            "network": standing.network.to_string(),
            "seconds_left": standing.block.until_s.map(|until_s| until_s.saturating_sub(now_s)),
            "reason": standing.block.reason,
            "by": match (standing.configured, standing.block.automatic) {
                (true, _) => "configuration",
                (false, true) => "courant",
                (false, false) => "command",
            },
        })
    });
    told.collect()
}

fn refused(message: &str, hint: &str) -> Response<Body> {
    let body = json!({ "message": message, "hint": hint });
    response::json(StatusCode::BAD_REQUEST, body.to_string())
}
