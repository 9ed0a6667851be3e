//! How PostgreSQL runs what the developers added, once the indexes are there that the reports name: through indexes,
//! never through a whole large table, and without asking a policy anew for each row.

use std::fmt::Write as _;
use std::future::poll_fn;
use std::time::{Duration, UNIX_EPOCH};

use field_service::{DEMO_USERS, Scale};
use pg::cluster::Cluster;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, NoTls};

use crate::fixture::{installed, sign_in};

/// Those of the reports' indexes that these functions use. Finding them is the doctor's work, and tested there.
const INDEXES: &str = "
    create extension pg_trgm;
    create index idx_vapi_calls_created_status on vapi_calls (created_at desc, status);
    create index idx_vapi_calls_status on vapi_calls (status) where status = 'in_progress';
    create index idx_vapi_calls_phone_trgm on vapi_calls using gin (phone_number gin_trgm_ops);
    create index idx_leads_created on leads (created_at);
    create index idx_appointments_active on appointments (status) where status = 'pending';
    create index idx_sms_logs_created_customer on sms_logs (created_at, customer_phone);
    create index idx_interventions_completed on interventions (completed_at);
    create index idx_alerts_acknowledged_created on alerts (acknowledged, created_at);
    create index idx_messages_timestamp on messages (\"timestamp\");
    vacuum analyze;
";

/// A session that is told the plan of every statement it runs, those inside functions too.
struct Explained {
    client: Client,
    plans: UnboundedReceiver<String>,
}

impl Explained {
    async fn connect(cluster: &Cluster) -> Explained {
        let connected = tokio_postgres::connect(&cluster.uri("example"), NoTls).await;
        let (client, mut connection) = connected.expect("the server was waited for");
        let (told, plans) = unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(notice) = message {
                    // Whoever listened has ended, and so does the connection.
                    let _ = told.send(notice.message().to_owned());
                }
            }
        });
        let settings = "load 'auto_explain'; set auto_explain.log_min_duration = 0;
            set auto_explain.log_nested_statements = on; set auto_explain.log_format = json;
            set auto_explain.log_level = notice; set jit = off; set max_parallel_workers_per_gather = 0";
        client.batch_execute(settings).await.expect("a superuser may");
        Explained { client, plans }
    }

    /// The plans of a query and of the statements inside its functions, innermost first.
    async fn plans_of(&mut self, query: &str) -> String {
        while self.plans.try_recv().is_ok() {}
        self.client.batch_execute(query).await.expect(query);
        let mut written = String::new();
        while let Ok(notice) = self.plans.try_recv() {
            let Some((_, plan)) = notice.split_once("plan:\n") else { continue };
            let plan: Value = plan.parse().expect("auto_explain writes JSON");
            write_node(&plan["Plan"], 0, &mut written);
            written.push('\n');
        }
        written
    }
}

/// A node as `explain` shows it, without figures.
fn write_node(node: &Value, depth: usize, written: &mut String) {
    let text = |key: &str| node[key].as_str();
    let mut line = text("Subplan Name").map_or(String::new(), |name| format!("{name}: "));
    line.push_str(text("Node Type").expect("every node has a type"));
    for (key, word) in [("Index Name", "using"), ("Relation Name", "on"), ("CTE Name", "on")] {
        if let Some(name) = text(key) {
            let _ = write!(line, " {word} {name}");
        }
    }
    let _ = writeln!(written, "{:1$}{line}", "", depth * 2);
    for key in ["Index Cond", "Recheck Cond", "Filter"] {
        if let Some(condition) = text(key) {
            let _ = writeln!(written, "{:1$}  {key}: {condition}", "", depth * 2);
        }
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        write_node(child, depth + 1, written);
    }
}

#[tokio::test]
async fn functions_use_indexes_and_ask_no_policy_for_each_row() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    let until = UNIX_EPOCH + Duration::from_secs(1_768_435_200);
    let scale = Scale { calls: 20_000, messages: 50_000 };
    field_service::generate(&client, scale, until, &mut |_| {}).await.unwrap();
    field_service::tune(&client).await.unwrap();
    for index in INDEXES.split_terminator(";\n") {
        client.batch_execute(index).await.unwrap();
    }
    let mut explained = Explained::connect(&cluster).await;
    sign_in(&explained.client, DEMO_USERS[0].sub).await;
    let questions = [
        "select get_dashboard_metrics_ultra_fast('24h')",
        "select * from search_calls_optimized('5550123')",
        "select get_crm_stats_optimized()",
        "select * from realtime_metrics",
    ];
    for (number, question) in questions.into_iter().enumerate() {
        let plans = explained.plans_of(question).await;
        insta::assert_snapshot!(format!("{number}"), plans);
    }
}
