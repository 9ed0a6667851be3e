//! What is shown of a request: its answer, PostgreSQL's plan for its statement, or what Courant makes of it.
//!
//! The latter two say more of the database than its answers do, so that they are there only where the
//! configuration allows it. Input is a media range of `Accept`.

use pg::Statement;
use pg::catalog::Obstacle;

use crate::media::Media;
use crate::{Plan, Reads};

const PLAN: &str = "application/vnd.pgrst.plan";
const EXPLANATION: &str = "application/vnd.courant.explain+json";

/// What is shown of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Shown {
    /// Its answer.
    #[default]
    Answer,
    /// PostgreSQL's plan for its statement.
    Plan { format: Format, options: Vec<&'static str>, content_type: String },
    /// Its statement, what that reads, and whether the answer is kept.
    Explanation { content_type: String },
}

/// How a plan is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Format {
    Text,
    Json,
}

/// A media range that asks for something else than the answer.
pub(crate) enum Asked {
    Plan { format: Format, options: Vec<&'static str> },
    Explanation,
}

impl Shown {
    /// What a media range asks for beside answers, and of which media type's making.
    pub(crate) fn of(range: &str) -> Option<(Asked, &str)> {
        let (name, parameters) = range.split_once(';').unwrap_or((range, ""));
        let format = match name.trim().to_ascii_lowercase().as_str() {
            EXPLANATION => return Some((Asked::Explanation, made_for(parameters))),
            PLAN | "application/vnd.pgrst.plan+text" => Format::Text,
            "application/vnd.pgrst.plan+json" => Format::Json,
            _ => return None,
        };
        let asked = parameters.split(';').find_map(|parameter| parameter.trim().strip_prefix("options="));
        let asked: Vec<&str> = asked.unwrap_or_default().split('|').map(str::trim).collect();
        let known = ["analyze", "verbose", "settings", "buffers", "wal"];
        let options = known.into_iter().filter(|option| asked.contains(option)).collect();
        Some((Asked::Plan { format, options }, made_for(parameters)))
    }

    /// The value of `Content-Type`, where it is not the answer's.
    pub(crate) fn content_type(&self) -> Option<&str> {
        match self {
            Shown::Answer => None,
            Shown::Plan { content_type, .. } | Shown::Explanation { content_type } => Some(content_type),
        }
    }
}

/// The media type whose making is to be shown.
fn made_for(parameters: &str) -> &str {
    let named = parameters.split_once("for=").map(|(_, value)| value);
    let named = named.map(|value| match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap_or_default(),
        None => value.split(';').next().unwrap_or_default().trim(),
    });
    named.filter(|named| !named.is_empty()).unwrap_or("application/json")
}

impl Asked {
    /// The same, of bodies in this form.
    pub(crate) fn shown(self, media: &Media) -> Shown {
        let of = media.content_type();
        let of = of.strip_suffix("; charset=utf-8").unwrap_or(&of);
        match self {
            Asked::Plan { format, options } => {
                let suffix = if format == Format::Text { "text" } else { "json" };
                let told = if options.is_empty() {
                    String::new()
                } else {
                    format!("; options={}", options.join("|"))
                };
                let content_type = format!("{PLAN}+{suffix}; for=\"{of}\"{told}; charset=utf-8");
                Shown::Plan { format, options, content_type }
            }
            Asked::Explanation => {
                Shown::Explanation { content_type: format!("{EXPLANATION}; for=\"{of}\"; charset=utf-8") }
            }
        }
    }
}

impl Plan {
    /// The plan of showing that of this one.
    pub(crate) fn showing(mut self, shown: Shown) -> Plan {
        if let Shown::Plan { format, options, .. } = &shown {
            self.statement = explain(*format, options, &self.statement);
            (self.batchable, self.estimate) = (None, None);
            let object = format!("a plan for {}", self.target);
            self.reads = Reads::Untracked { why: Obstacle::Volatile, object };
        }
        self.answer.shown = shown;
        self
    }
}

/// Has PostgreSQL tell its plan for a statement; `analyze` runs it as well.
pub(crate) fn explain(format: Format, options: &[&'static str], statement: &Statement) -> Statement {
    let mut sql = String::from(match format {
        Format::Text => "explain (format text",
        Format::Json => "explain (format json",
    });
    options.iter().for_each(|option| sql.extend([", ", option]));
    sql.extend([") ", &statement.sql]);
    Statement { sql, parameters: statement.parameters.clone() }
}
