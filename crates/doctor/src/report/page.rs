//! The report as a page: one file, with its plots drawn in it, that opens without a network.
//!
//! Names and statements come from the database: everything is escaped, and the page runs no script.

use std::fmt::Write as _;

use super::{Report, cost};
use crate::checks::explanations;
use crate::finding::Finding;
use crate::grade::KpiScore;
use crate::workload::text::short;

/// Fewer points than this are shown as none.
const LOST_MIN: f64 = 0.05;

/// The page.
pub fn page(report: &Report) -> String {
    let mut out = String::from(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
    );
    let database = escaped(&report.about.database);
    push(
        &mut out,
        &format!(
            "<title>{database}: {}</title>\n<style>{}</style></head><body><main>\n",
            report.grade.letter(),
            include_str!("page.css")
        ),
    );
    push(
        &mut out,
        &format!(
            "<header><div class=\"grade g{letter}\">{letter}</div><div><h1>{database}</h1>\
             <p>{:.0} of 100 · PostgreSQL {} · {} · {:.0} calls counted</p></div></header>\n",
            report.score,
            escaped(&report.about.server_version),
            escaped(&report.about.examined_at),
            report.about.calls,
            letter = report.grade.letter(),
        ),
    );
    for cap in &report.caps {
        push(
            &mut out,
            &format!(
                "<p class=\"cap\">No better than {} while <code>{}</code> stands.</p>\n",
                cap.grade.letter(),
                escaped(&cap.finding)
            ),
        );
    }
    push(&mut out, "<section><h2>Indicators</h2><table class=\"kpis\">\n");
    for kpi in &report.kpis {
        indicator(&mut out, kpi);
    }
    push(&mut out, "</table></section>\n");
    actions(&mut out, report);
    statements(&mut out, report);
    checks(&mut out, report);
    if !report.limits.is_empty() {
        push(&mut out, "<section><h2>What this report lacks</h2><ul>\n");
        for limit in &report.limits {
            push(&mut out, &format!("<li><b>{}</b>: {}</li>\n", escaped(&limit.what), escaped(&limit.why)));
        }
        push(&mut out, "</ul></section>\n");
    }
    push(&mut out, "</main></body></html>\n");
    out
}

fn push(out: &mut String, text: &str) {
    out.push_str(text);
}

/// A row with a bar: how much of its points the indicator keeps, with the target's mark at nine tenths.
fn indicator(out: &mut String, kpi: &KpiScore) {
    let title = kpi.kpi.title();
    let (Some(value), Some(score)) = (kpi.value, kpi.score) else {
        push(out, &format!("<tr><th>{title}</th><td colspan=\"3\" class=\"dim\">not measured</td></tr>\n"));
        return;
    };
    let class = if score >= 0.9 {
        "good"
    } else if score >= 0.7 {
        "fair"
    } else {
        "poor"
    };
    // What is not lost need not be won back.
    let back = kpi.won_back_by.iter().take(3).filter(|_| kpi.lost >= LOST_MIN);
    let back: String = back.map(|id| format!("<br><code>{}</code>", escaped(id))).collect();
    let lost =
        if kpi.lost >= LOST_MIN { format!("−{:.1} points", kpi.lost) } else { "none lost".to_owned() };
    let _ = writeln!(
        out,
        "<tr><th>{title}</th><td class=\"value\">{}{value:.2} {}</td><td class=\"bar\">\
         <svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"{:.0} of 100\">\
         <rect class=\"rail\" width=\"100\" height=\"6\"/><rect class=\"{class}\" width=\"{:.1}\" height=\"6\"/>\
         <line x1=\"90\" x2=\"90\" y1=\"0\" y2=\"6\"/></svg></td><td class=\"dim\">{lost}{back}</td></tr>",
        if kpi.estimated { "~" } else { "" },
        kpi.kpi.unit(),
        100.0 * score,
        100.0 * score,
    );
}

fn actions(out: &mut String, report: &Report) {
    push(out, "<section><h2>The most valuable actions</h2><ol>\n");
    for finding in report.actions() {
        let sql =
            finding.fix_sql.as_ref().map(|sql| format!("<pre>{}</pre>", escaped(sql))).unwrap_or_default();
        let _ = writeln!(
            out,
            "<li><b class=\"{0}\">{0}</b> <b>{1}</b><br><span class=\"dim\">{2:.1} points · cost: {3} · <code>{4}</code></span>\
             {sql}</li>",
            finding.severity.name(),
            escaped(&finding.summary),
            finding.points,
            escaped(&cost(finding)),
            escaped(&finding.id),
        );
    }
    push(out, "</ol></section>\n");
}

/// Bars of the time that statements take.
fn statements(out: &mut String, report: &Report) {
    let most = report.statements.iter().map(|statement| statement.total_ms).fold(0.0, f64::max);
    if most <= 0.0 {
        return;
    }
    push(
        out,
        "<section><h2>Where the time goes</h2><table class=\"statements\">\n\
         <tr class=\"dim head\"><td></td><td class=\"value\">in all</td><td class=\"value\">calls</td>\
         <td class=\"value\">each</td><td>statement</td></tr>\n",
    );
    for statement in report.statements.iter().take(15) {
        let width = 100.0 * statement.total_ms / most;
        let _ = writeln!(
            out,
            "<tr><td class=\"bar\"><svg viewBox=\"0 0 100 6\" preserveAspectRatio=\"none\" aria-hidden=\"true\">\
             <rect class=\"time\" width=\"{width:.1}\" height=\"6\"/></svg></td>\
             <td class=\"value\">{:.0} ms</td><td class=\"value\">{:.0} ×</td><td class=\"value\">{:.2} ms</td>\
             <td class=\"text\"><code title=\"{}\">{}</code></td></tr>",
            statement.total_ms,
            statement.calls,
            statement.mean_ms,
            escaped(&statement.text),
            escaped(&short(&statement.text, 110)),
        );
    }
    push(out, "</table></section>\n");
}

fn checks(out: &mut String, report: &Report) {
    push(out, "<section><h2>Everything found</h2>\n");
    for (check, title, explanation) in explanations() {
        let found: Vec<&Finding> =
            report.findings.iter().filter(|finding| finding.check() == check).collect();
        if found.is_empty() {
            continue;
        }
        let _ = writeln!(
            out,
            "<details><summary>{title} <span class=\"dim\">{}</span></summary><p>{}</p><ul>",
            found.len(),
            escaped(explanation)
        );
        for finding in found {
            let sql = finding
                .fix_sql
                .as_ref()
                .map(|sql| format!("<pre>{}</pre>", escaped(sql)))
                .unwrap_or_default();
            let _ = writeln!(
                out,
                "<li><b class=\"{0}\">{0}</b> {1}{sql}</li>",
                finding.severity.name(),
                escaped(&finding.summary)
            );
        }
        push(out, "</ul></details>\n");
    }
    push(out, "</section>\n");
}

/// Text as HTML shows it, in an attribute too.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}
