//! The proposal as a configuration file, all of it commented out: `#key = …` is proposed, `# text` is evidence.
//!
//! Whoever takes a `#` away that stands right before a key has decided.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};

use super::findings::{Finding, Share};
use super::proposal::{Advice, Declaration, Proposal};

/// Everything that is told at the end.
pub(super) struct Outcome<'a> {
    pub(super) upstream: &'a str,
    pub(super) listen: Option<&'a str>,
    pub(super) took: Duration,
    pub(super) requests: usize,
    /// Not written down, or of no pattern.
    pub(super) untold: u64,
    /// Where tables were learnt from, if anywhere.
    pub(super) source: Option<&'a str>,
    pub(super) lacks: &'a [String],
    /// Tables scanned that no route was seen to read.
    pub(super) unclaimed: &'a [String],
    pub(super) proposals: &'a [Proposal],
}

/// The file.
pub(super) fn text(outcome: &Outcome<'_>) -> String {
    let mut out = String::new();
    let seconds = outcome.took.as_secs();
    let mut say = |line: &str| out.push_str(&format!("# {line}\n"));
    say(&format!(
        "Proposed by courant init after {} requests in {seconds} s. Nothing here holds yet:",
        outcome.requests
    ));
    say("take away the # before a key to decide for it. Routes that took the most time come first.");
    say(
        "What a route declares is a promise: its answers change only when these tables do. docs/init.md says more.",
    );
    match outcome.source {
        Some(source) => say(&format!("Tables were learnt from {source}.")),
        None => say("Without --database-url: which tables a route reads was not learnt."),
    }
    outcome.lacks.iter().for_each(|line| say(&format!("! {line}")));
    if !outcome.unclaimed.is_empty() {
        say(&format!("! scanned meanwhile, by whom is not known: {}", outcome.unclaimed.join(", ")));
    }
    if outcome.untold > 0 {
        say(&format!(
            "! {} requests are not in these figures: too many, or of no path that a route can say",
            outcome.untold
        ));
    }
    out.push('\n');
    if let Some(listen) = outcome.listen {
        let _ = writeln!(out, "#listen = {}\n", quoted(listen));
    }
    let _ = writeln!(out, "#[proxy]\n#upstream = {}\n", quoted(outcome.upstream));
    for (number, proposal) in outcome.proposals.iter().enumerate() {
        route(&mut out, number + 1, proposal);
    }
    out
}

fn route(out: &mut String, number: usize, proposal: &Proposal) {
    let Proposal { place, finding, doing, advice, notes } = proposal;
    let _ = writeln!(out, "# {number}. {} {}", place.method, place.pattern);
    for line in evidence(finding) {
        let _ = writeln!(out, "#    {line}");
    }
    if !doing.reads.is_empty() {
        let reads = doing.reads.iter().cloned().collect::<Vec<_>>().join(", ");
        let how = if doing.is_sure() { "sure" } else { "unsure" };
        let _ = writeln!(
            out,
            "#    reads {reads} ({how}: alone in {} moments, among others in {})",
            doing.alone, doing.among
        );
    }
    if !doing.writes.is_empty() {
        let writes = doing.writes.iter().cloned().collect::<Vec<_>>().join(", ");
        let _ = writeln!(out, "#    writes {writes}");
    }
    for note in notes {
        let _ = writeln!(out, "#    ! {note}");
    }
    match advice {
        Advice::Nothing(why) => {
            let _ = writeln!(out, "#    nothing proposed: {why}\n");
        }
        Advice::Open(declaration) | Advice::Declare(declaration) => {
            out.push_str(&table(proposal, declaration));
            out.push('\n');
        }
    }
}

fn table(proposal: &Proposal, declaration: &Declaration) -> String {
    let place = &proposal.place;
    let mut out = String::new();
    let mut key = |name: &str, value: String| out.push_str(&format!("#{name} = {value}\n"));
    key("path", quoted(&place.pattern));
    key("methods", list(std::slice::from_ref(&place.method)));
    if !declaration.depends_on.is_empty() {
        key("depends_on", list(&declaration.depends_on));
        if let Some(identity) = &declaration.identity {
            key("identity", list(identity));
        }
        if declaration.body_in_key {
            key("body_in_key", "true".to_owned());
        }
    }
    if let Some(by_rows) = &declaration.by_rows {
        out.push_str(&format!(
            "# or, by rows (the names match; whether the values do is yours to know):\n# depends_on = {}\n",
            list(by_rows)
        ));
    }
    if declaration.depends_on.is_empty() {
        let identity = declaration.identity.as_ref();
        let identity =
            identity.map_or_else(String::new, |identity| format!("# identity = {}\n", list(identity)));
        out.push_str(&format!("# depends_on = [\"the tables it reads\"]\n{identity}"));
    }
    format!("#[[route]]\n{out}")
}

/// What was learnt, in lines.
fn evidence(finding: &Finding) -> Vec<String> {
    let classes: Vec<String> =
        finding.classes.iter().map(|(class, count)| format!("{class}xx {count}")).collect();
    let mut lines = vec![format!(
        "{} requests, p50 {}, p99 {}, {} in all; {}; {} bytes, at most {}",
        finding.requests,
        spent(finding.p50),
        spent(finding.p99),
        spent(finding.total),
        classes.join(", "),
        finding.bytes_p50,
        finding.bytes_max
    )];
    let alike = &finding.alike;
    if alike.for_one.compared > 0 {
        let mut line = format!("the same request of a user: {} answers the same", share(alike.for_one));
        if let Some(separator) = alike.separator.as_ref().filter(|_| alike.between.compared > 0) {
            let how = if separator.is_needed { "tells them apart" } else { "says who asks" };
            line.push_str(&format!(
                "; of two users: {}; {} {how} ({} seen)",
                share(alike.between),
                separator.place,
                separator.users
            ));
        }
        lines.push(line);
    }
    if finding.doubles > 0 {
        lines.push(format!(
            "{} double requests, in flight together or within 250 ms: they would share one answer",
            finding.doubles
        ));
    }
    for cause in &finding.causes {
        let times = format!("{} of {} times", cause.changed, cause.times);
        lines.push(match &cause.route {
            Some(route) => format!("its answer had changed after {route}, {times}"),
            None => format!("its answer had changed without a request that changes anything, {times}"),
        });
    }
    if !finding.controls.is_empty() {
        let controls: Vec<&str> = finding.controls.iter().map(String::as_str).collect();
        lines.push(format!("Cache-Control: {}", controls.join(" | ")));
    }
    if finding.setting_cookies > 0 {
        lines.push(format!("Set-Cookie in {} answers", finding.setting_cookies));
    }
    lines
}

/// The same for programs.
pub(super) fn json(outcome: &Outcome<'_>) -> Value {
    let routes: Vec<Value> = outcome.proposals.iter().map(json_of).collect();
    json!({
        "upstream": outcome.upstream,
        "seconds": outcome.took.as_secs_f64(),
        "requests": outcome.requests,
        "untold": outcome.untold,
        "tables_from": outcome.source,
        "lacks": outcome.lacks,
        "scanned_by_unknown": outcome.unclaimed,
        "routes": routes,
    })
}

fn json_of(proposal: &Proposal) -> Value {
    let Proposal { place, finding, doing, advice, notes } = proposal;
    let alike = &finding.alike;
    let share = |share: Share| json!({ "same": share.same, "compared": share.compared });
    let (propose, declaration, why) = match advice {
        Advice::Declare(declaration) => ("declare", Some(declaration), None),
        Advice::Open(declaration) => ("open", Some(declaration), None),
        Advice::Nothing(why) => ("nothing", None, Some(why)),
    };
    let classes: serde_json::Map<String, Value> =
        finding.classes.iter().map(|(class, count)| (format!("{class}xx"), json!(count))).collect();
    let causes: Vec<Value> = finding
        .causes
        .iter()
        .map(|cause| json!({ "route": cause.route, "changed": cause.changed, "times": cause.times }))
        .collect();
    json!({
        "path": place.pattern,
        "method": place.method,
        "requests": finding.requests,
        "p50_ms": milliseconds(finding.p50),
        "p99_ms": milliseconds(finding.p99),
        "total_ms": milliseconds(finding.total),
        "statuses": classes,
        "bytes": { "p50": finding.bytes_p50, "max": finding.bytes_max },
        "same_user": share(alike.for_one),
        "between_users": share(alike.between),
        "separator": alike.separator.as_ref().map(|separator| json!({
            "place": separator.place, "users": separator.users, "needed": separator.is_needed,
        })),
        "who": alike.places,
        "doubles": finding.doubles,
        "streams": finding.streams,
        "tunnels": finding.tunnels,
        "set_cookie": finding.setting_cookies,
        "cache_control": finding.controls,
        "changed_after": causes,
        "reads": doing.reads,
        "writes": doing.writes,
        "sure": doing.is_sure(),
        "alone": doing.alone,
        "among": doing.among,
        "propose": propose,
        "why_not": why,
        "depends_on": declaration.map(|declaration| &declaration.depends_on),
        "by_rows": declaration.and_then(|declaration| declaration.by_rows.as_ref()),
        "identity": declaration.and_then(|declaration| declaration.identity.as_ref()),
        "body_in_key": declaration.map(|declaration| declaration.body_in_key),
        "notes": notes,
    })
}

fn share(share: Share) -> String {
    format!("{} of {}", share.same, share.compared)
}

fn spent(time: Duration) -> String {
    let ms = milliseconds(time);
    if ms >= 10_000.0 { format!("{:.1} s", ms / 1e3) } else { format!("{ms:.1} ms") }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_micros() as f64 / 1e3
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(all: &[String]) -> String {
    let all: Vec<String> = all.iter().map(|one| quoted(one)).collect();
    format!("[{}]", all.join(", "))
}

#[cfg(test)]
mod tests;
