//! What the dashboard shows: rows of panels, each with the lines it draws.

/// A panel: its title, Grafana's unit, what it says, and its lines as (expression, legend).
///
/// In an expression `{name}` stands for a metric, without the prefix, and `$where` for the node that is looked at.
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) unit: &'static str,
    pub(super) about: &'static str,
    pub(super) lines: &'static [(&'static str, &'static str)],
}

/// Rows, each with its panels, which share its width.
pub(super) const ROWS: [(&str, &[Panel]); 6] = [
    ("Requests", &REQUESTS),
    ("Caches", &CACHES),
    ("Freshness", &FRESHNESS),
    ("Upstreams and database", &BEHIND),
    ("Front door", &DOOR),
    ("Jobs", &JOBS),
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

const JOBS: [Panel; 4] = [
    Panel {
        title: "Runs",
        unit: "reqps",
        about: "Runs of jobs that ended, by kind and how.",
        lines: &[(
            "sum by (kind, outcome) (rate({job_runs}_total[$__rate_interval]))",
            "{{kind}} {{outcome}}",
        )],
    },
    Panel {
        title: "Jobs",
        unit: "short",
        about: "Jobs that have not ended, by queue and state; and jobs whose worker was lost.",
        lines: &[
            ("max by (queue, state) ({jobs}{})", "{{queue}} {{state}}"),
            ("sum by (queue) (increase({jobs_lost}_total[$__rate_interval]))", "{{queue}} lost"),
        ],
    },
    Panel {
        title: "Wait and run time",
        unit: "s",
        about: "p99, from when a job was available to when it ran, and from there to its end.",
        lines: &[
            (
                "histogram_quantile(0.99, sum by (queue, le) (rate({job_wait}_bucket[$__rate_interval])))",
                "{{queue}} waited",
            ),
            (
                "histogram_quantile(0.99, sum by (kind, le) (rate({job_run}_bucket[$__rate_interval])))",
                "{{kind}} ran",
            ),
        ],
    },
    Panel {
        title: "Oldest waiting",
        unit: "s",
        about: "For how long the oldest job has been available.",
        lines: &[("max by (queue) ({job_oldest}{})", "{{queue}}")],
    },
];
