//! The plot: for each scenario a bar before, one after without the cache and one with it, on a logarithmic axis.

use std::fmt::Write as _;

use super::outcome::Line;
use crate::bench::report::figure;

const WIDTH: f64 = 860.0;
const LABELS: f64 = 230.0;
const BAR: f64 = 9.0;
const GROUP: f64 = 38.0;
const TOP: f64 = 46.0;
/// The axis, in milliseconds.
const AXIS: [f64; 5] = [1.0, 10.0, 100.0, 1_000.0, 10_000.0];
const COLOURS: [(&str, &str); 3] =
    [("before", "#9aa5b1"), ("Courant, cache off", "#5b8def"), ("Courant, cache on", "#0f9d76")];

/// The plot as SVG, readable on light and dark pages.
pub(super) fn svg(lines: &[Line]) -> String {
    let height = TOP + GROUP * lines.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"system-ui, sans-serif\" \
         font-size=\"12\" role=\"img\" aria-label=\"Median time of each page before and after, in milliseconds\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    for (place, (name, colour)) in COLOURS.into_iter().enumerate() {
        let x = LABELS + 160.0 * place as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"12\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"22\" fill=\"#222222\">{name}</text>",
            x + 18.0
        );
    }
    for ms in AXIS {
        let x = at(ms);
        let _ = writeln!(
            svg,
            "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{}\" y2=\"{}\" stroke=\"#e2e6ea\"/>\
             <text x=\"{x:.1}\" y=\"{}\" fill=\"#52606d\" text-anchor=\"middle\">{ms} ms</text>",
            TOP - 8.0,
            height - 26.0,
            height - 10.0
        );
    }
    for (place, line) in lines.iter().enumerate() {
        let y = TOP + GROUP * place as f64;
        let name = line.name.replace('&', "&amp;").replace('<', "&lt;");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" fill=\"#222222\" text-anchor=\"end\">{name}</text>",
            LABELS - 10.0,
            y + 19.0
        );
        for (bar, timing) in [line.before, line.off, line.on].into_iter().enumerate() {
            let (x, top) = (at(timing.p50_ms), y + BAR * bar as f64);
            let _ = writeln!(
                svg,
                "<rect x=\"{LABELS}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{}\" fill=\"{}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" font-size=\"9\" fill=\"#52606d\">{}</text>",
                (x - LABELS).max(1.0),
                BAR - 1.0,
                COLOURS[bar].1,
                x.max(LABELS) + 4.0,
                top + BAR - 1.5,
                figure(timing.p50_ms)
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Where a time is on the axis.
fn at(ms: f64) -> f64 {
    let (first, last) = (AXIS[0].log10(), AXIS[AXIS.len() - 1].log10());
    let share = (ms.max(0.1).log10() - first) / (last - first);
    LABELS + share * (WIDTH - LABELS - 60.0)
}
