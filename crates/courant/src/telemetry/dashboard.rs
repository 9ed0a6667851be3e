//! A Grafana dashboard of the metrics. What it asks for is looked up in the closed list: a panel for a metric or a
//! label that does not exist cannot be made.

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Listed, Telemetry};
use crate::config;

/// Columns of Grafana's grid.
const WIDTH: u32 = 24;
const PANEL_HEIGHT: u32 = 8;

/// A panel: its title, Grafana's unit, what it says, and its lines as (expression, legend).
///
/// In an expression `{name}` stands for a metric, without the prefix, and `$where` for the node that is looked at.
struct Panel {
    title: &'static str,
    unit: &'static str,
    about: &'static str,
    lines: &'static [(&'static str, &'static str)],
}

/// Rows, each with its panels, which share its width.
const ROWS: [(&str, &[Panel]); 5] = [
    ("Requests", &REQUESTS),
    ("Caches", &CACHES),
    ("Freshness", &FRESHNESS),
    ("Upstreams and database", &BEHIND),
    ("Front door", &DOOR),
];

const REQUESTS: [Panel; 4] = [
    Panel {
        title: "Average duration per route",
        unit: "s",
        about: "From a request's arrival to its response.",
        lines: &[(
            "sum by (route) (rate({request_duration}_sum[$__rate_interval])) / sum by (route) (rate({request_duration}_count[$__rate_interval]))",
            "{{route}}",
        )],
    },
    Panel {
        title: "p99 duration per route",
        unit: "s",
        about: "99 of 100 requests were answered within this time.",
        lines: &[(
            "histogram_quantile(0.99, sum by (route, le) (rate({request_duration}_bucket[$__rate_interval])))",
            "{{route}}",
        )],
    },
    Panel {
        title: "Share of 5xx",
        unit: "percentunit",
        about: "Of all answers of a route, those that say the server failed.",
        lines: &[(
            "(sum by (route) (rate({requests}_total{status=~\"5..\"}[$__rate_interval])) or sum by (route) (rate({requests}_total[$__rate_interval])) * 0) / sum by (route) (rate({requests}_total[$__rate_interval]))",
            "{{route}}",
        )],
    },
    Panel {
        title: "Requests per second",
        unit: "reqps",
        about: "By route.",
        lines: &[("sum by (route) (rate({requests}_total[$__rate_interval]))", "{{route}}")],
    },
];

const CACHES: [Panel; 4] = [
    Panel {
        title: "Hit ratio per cache",
        unit: "percentunit",
        about: "Of the lookups of a named cache, those that found an answer. `general` is what has no cache of its own.",
        lines: &[(
            "sum by (cache) (rate({cache_events}_total{event=\"hit\"}[$__rate_interval])) / sum by (cache) (rate({cache_events}_total{event=~\"hit|miss\"}[$__rate_interval]))",
            "{{cache}}",
        )],
    },
    Panel {
        title: "Hit ratio per route",
        unit: "percentunit",
        about: "Of all requests of a route, those answered from a cache: Courant's own or HTTP's.",
        lines: &[(
            "sum by (route) (rate({requests}_total{cache=\"hit\"}[$__rate_interval])) / sum by (route) (rate({requests}_total[$__rate_interval]))",
            "{{route}}",
        )],
    },
    Panel {
        title: "Invalidations and evictions",
        unit: "ops",
        about: "Answers dropped: because what they read had changed, for want of room, or because their time was over.",
        lines: &[(
            "sum by (cache, event) (rate({cache_events}_total{event=~\"invalidated|evicted|expired\"}[$__rate_interval]))",
            "{{event}} {{cache}}",
        )],
    },
    Panel {
        title: "Memory of answers",
        unit: "bytes",
        about: "What answers take, and what they may take.",
        lines: &[
            ("sum by (cache) ({cache_size}{})", "{{cache}}"),
            ("sum by (cache) ({cache_budget}{})", "{{cache}}: budget"),
            ("sum({http_cache_size}{})", "HTTP's"),
        ],
    },
];

const FRESHNESS: [Panel; 4] = [
    Panel {
        title: "Stream behind",
        unit: "s",
        about: "Age of the last moment at which the cache was known to be current. Past cache.bound_ms it is bypassed.",
        lines: &[("max by (instance) ({stream_behind}{})", "{{instance}}")],
    },
    Panel {
        title: "Cache follows the stream",
        unit: "bool_yes_no",
        about: "No: every request goes to the database.",
        lines: &[("min by (instance) ({stream_open}{})", "{{instance}}")],
    },
    Panel {
        title: "Changes applied",
        unit: "ops",
        about: "Transactions and changes that the stream told of, and times the cache had to begin again.",
        lines: &[
            ("sum(rate({stream_transactions}_total[$__rate_interval]))", "transactions"),
            ("sum(rate({stream_changes}_total[$__rate_interval]))", "changes"),
            ("sum(increase({stream_epochs}_total[$__rate_interval]))", "begun anew"),
        ],
    },
    Panel {
        title: "Past the cache, and checks",
        unit: "ops",
        about: "Requests past the cache by reason; hits compared with the database by outcome. Stale must stay at zero.",
        lines: &[
            ("sum by (reason) (rate({bypasses}_total[$__rate_interval]))", "{{reason}}"),
            ("sum by (outcome) (rate({checks}_total[$__rate_interval]))", "checked: {{outcome}}"),
        ],
    },
];

const BEHIND: [Panel; 4] = [
    Panel {
        title: "Upstream latency",
        unit: "s",
        about: "From a request to an upstream to the head of its answer: average and p99 per route.",
        lines: &[
            (
                "sum by (route) (rate({upstream_duration}_sum[$__rate_interval])) / sum by (route) (rate({upstream_duration}_count[$__rate_interval]))",
                "{{route}} average",
            ),
            (
                "histogram_quantile(0.99, sum by (route, le) (rate({upstream_duration}_bucket[$__rate_interval])))",
                "{{route}} p99",
            ),
        ],
    },
    Panel {
        title: "Upstream health",
        unit: "short",
        about: "1 while an upstream is asked, 0 while it is left out; and requests per second that none answered.",
        lines: &[
            ("min by (upstream) ({upstream_well}{})", "{{upstream}}"),
            ("sum by (route) (rate({upstream_failures}_total[$__rate_interval]))", "{{route}} failed"),
        ],
    },
    Panel {
        title: "Query duration",
        unit: "s",
        about: "Of a request's statement, the wait for a connection included; and statements over log.slow_query_ms.",
        lines: &[
            (
                "histogram_quantile(0.99, sum by (le) (rate({query_duration}_bucket[$__rate_interval])))",
                "p99",
            ),
            (
                "sum(rate({query_duration}_sum[$__rate_interval])) / sum(rate({query_duration}_count[$__rate_interval]))",
                "average",
            ),
        ],
    },
    Panel {
        title: "Pool",
        unit: "short",
        about: "Connections to the database by state, and requests that wait for one.",
        lines: &[("sum by (state) ({pool_connections}{})", "{{state}}")],
    },
];

const DOOR: [Panel; 3] = [
    Panel {
        title: "Over a limit",
        unit: "reqps",
        about: "Requests answered 429, by limit.",
        lines: &[("sum by (limit) (rate({guard_limited}_total[$__rate_interval]))", "{{limit}}")],
    },
    Panel {
        title: "Refused",
        unit: "reqps",
        about: "What the front door refused, by kind.",
        lines: &[("sum by (what) (rate({guard_refusals}_total[$__rate_interval]))", "{{what}}")],
    },
    Panel {
        title: "Blocks",
        unit: "short",
        about: "Networks that are kept out, and blocks made automatically.",
        lines: &[
            ("sum({guard_blocks}{})", "kept out"),
            ("sum(increase({guard_automatic_blocks}_total[$__rate_interval]))", "automatic"),
        ],
    },
];

/// The dashboard, as Grafana imports it.
pub(crate) fn dashboard() -> Result<String> {
    let telemetry = Telemetry::new(&config::Log::default());
    let mut panels = Vec::new();
    let mut y = 0;
    for (title, row) in ROWS {
        let id = panels.len() + 1;
        panels.push(json!({
            "id": id, "type": "row", "title": title, "collapsed": false, "panels": [],
            "gridPos": { "h": 1, "w": WIDTH, "x": 0, "y": y },
        }));
        y += 1;
        let width = WIDTH / row.len() as u32;
        for (at, panel) in row.iter().enumerate() {
            let place = json!({ "h": PANEL_HEIGHT, "w": width, "x": at as u32 * width, "y": y });
            let id = panels.len() + 1;
            panels.push(chart(panel, id, place, telemetry.listed()).with_context(|| panel.title)?);
        }
        y += PANEL_HEIGHT;
    }
    let whole = json!({
        "uid": "courant",
        "title": "Courant",
        "description": "Generated from Courant's list of metrics by cargo xtask reference.",
        "tags": ["courant"],
        "schemaVersion": 39,
        "version": 1,
        "editable": true,
        "graphTooltip": 1,
        "refresh": "10s",
        "time": { "from": "now-1h", "to": "now" },
        "timezone": "browser",
        "annotations": { "list": [] },
        "links": [],
        "templating": { "list": variables(telemetry.listed())? },
        "panels": panels,
    });
    Ok(format!("{whole:#}\n"))
}

/// Which data source, and which nodes of it.
fn variables(listed: &[Listed]) -> Result<Value> {
    let query = format!("label_values({}, instance)", find(listed, "stream_open")?.name);
    Ok(json!([
        {
            "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
            "current": {}, "hide": 0, "includeAll": false, "multi": false, "options": [], "refresh": 1, "regex": "",
        },
        {
            "name": "instance", "label": "Node", "type": "query", "datasource": source(),
            "definition": query, "query": { "query": query, "refId": "instance", "qryType": 1 },
            "current": {}, "hide": 0, "includeAll": true, "allValue": ".*", "multi": true, "options": [],
            "refresh": 2, "regex": "", "sort": 1,
        },
    ]))
}

fn chart(panel: &Panel, id: usize, place: Value, listed: &[Listed]) -> Result<Value> {
    let target = |(at, (line, legend)): (usize, &(&str, &str))| {
        // Twenty-six lines would be no chart.
        let letter = char::from(b'A' + at as u8).to_string();
        let expression = expression(line, legend, listed)?;
        Ok(json!({
            "refId": letter, "expr": expression, "legendFormat": legend, "datasource": source(),
            "editorMode": "code", "range": true,
        }))
    };
    let targets = panel.lines.iter().enumerate().map(target).collect::<Result<Vec<Value>>>()?;
    Ok(json!({
        "id": id,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": source(),
        "gridPos": place,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "custom": { "drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "never" },
            },
            "overrides": [],
        },
        "options": {
            "legend": { "displayMode": "list", "placement": "bottom", "showLegend": true },
            "tooltip": { "mode": "multi", "sort": "desc" },
        },
        "targets": targets,
    }))
}

fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// An expression with the metrics' whole names, each of which is in the list, has the labels it is asked by, and is
/// asked of the chosen nodes.
fn expression(line: &str, legend: &str, listed: &[Listed]) -> Result<String> {
    let mut out = String::new();
    let mut labels: Vec<&str> = vec!["le", "instance"];
    let mut rest = line;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').context("a brace is not closed")?;
        let metric = find(listed, name)?;
        labels.extend(metric.labels);
        // What follows a metric's name: how the format calls its samples, and by which labels they are chosen.
        let end = after.find(|c: char| !(c.is_ascii_lowercase() || c == '_')).unwrap_or(after.len());
        let (suffix, after) = after.split_at(end);
        let fits = match metric.kind.as_str() {
            "counter" => suffix == "_total",
            "histogram" => ["_sum", "_count", "_bucket"].contains(&suffix),
            _ => suffix.is_empty(),
        };
        ensure!(fits, "{name} is a {}, and has no {suffix:?}", metric.kind);
        let chosen = after.strip_prefix('{').and_then(|after| after.split_once('}'));
        let (chosen, after) = chosen.unwrap_or(("", after));
        let label = chosen.split('=').next().unwrap_or_default();
        ensure!(label.is_empty() || metric.labels.contains(&label), "{name} has no label {label}");
        let separator = if chosen.is_empty() { "" } else { "," };
        out.push_str(&format!(
            "{before}{}{suffix}{{instance=~\"$instance\"{separator}{chosen}}}",
            metric.name
        ));
        rest = after;
    }
    out.push_str(rest);
    let by =
        out.split("by (").skip(1).filter_map(|part| part.split(')').next()).flat_map(|list| list.split(", "));
    let shown = legend.split("{{").skip(1).filter_map(|part| part.split("}}").next());
    for label in by.chain(shown) {
        ensure!(labels.contains(&label), "no metric of {line:?} has a label {label}");
    }
    Ok(out)
}

/// The metric of that name, without prefix and unit.
fn find<'a>(listed: &'a [Listed], name: &str) -> Result<&'a Listed> {
    let is_it = |metric: &&Listed| {
        let own = metric.name.strip_prefix("courant_").unwrap_or(&metric.name);
        let unit = &metric.unit;
        own == name || own.strip_suffix(unit.as_str()).and_then(|own| own.strip_suffix('_')) == Some(name)
    };
    listed.iter().find(is_it).with_context(|| format!("there is no metric {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_in_the_list_cannot_be_asked_for() {
        let telemetry = Telemetry::new(&config::Log::default());
        let cases = [
            ("sum({requests}_total)", "", None),
            ("sum({nothing}_total)", "", Some("there is no metric nothing")),
            ("sum({requests}_sum)", "", Some("requests is a counter, and has no \"_sum\"")),
            ("sum({requests}_total{colour=\"red\"})", "", Some("requests has no label colour")),
            ("sum by (colour) ({requests}_total)", "", Some("no metric of")),
            ("sum({requests}_total)", "{{colour}}", Some("no metric of")),
        ];
        for (line, legend, refused) in cases {
            let why = expression(line, legend, telemetry.listed()).err().map(|error| error.to_string());
            match (why, refused) {
                (None, None) => {}
                (Some(why), Some(refused)) => assert!(why.starts_with(refused), "{line}: {why}"),
                (why, _) => unreachable!("{line}: {why:?}"),
            }
        }
        let chosen = expression("{request_duration}_bucket{cache=\"hit\"}", "", telemetry.listed());
        let expected = "courant_request_duration_seconds_bucket{instance=~\"$instance\",cache=\"hit\"}";
        assert_eq!(chosen.ok().as_deref(), Some(expected));
    }
}
