//! A Grafana dashboard of the metrics. What it asks for is looked up in the closed list: a panel for a metric or a
//! label that does not exist cannot be made.

mod panels;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::{Listed, Telemetry};
use crate::config;
use panels::{Panel, ROWS};

/// Columns of Grafana's grid.
const WIDTH: u32 = 24;
const PANEL_HEIGHT: u32 = 8;

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
