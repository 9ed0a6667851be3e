//! The workload's files agree with the schema, and with one another.

use std::collections::{BTreeMap, BTreeSet};

use field_service::{DEMO_USERS, draws, statements};
use pg::cluster::Cluster;
use serde_json::Value;
use tokio_postgres::{Client, SimpleQueryMessage};

use crate::fixture::{generate, installed};

/// The values that each draw gives to a member of an organization.
async fn drawn(client: &Client, org_id: &str) -> BTreeMap<&'static str, Vec<String>> {
    let mut values = BTreeMap::new();
    for draw in draws() {
        let rows = client.query(draw.sql, &[]).await.expect("the draw runs");
        assert!(rows.len() <= 1000, "{}", draw.name);
        let fit = rows.iter().filter(|row| row.get::<_, Option<&str>>(0).is_none_or(|org| org == org_id));
        values.insert(draw.name, fit.map(|row| row.get(1)).collect());
    }
    values
}

#[tokio::test]
async fn every_statement_prepares_and_runs_with_drawn_values() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    let user = DEMO_USERS[1];
    let values = drawn(&client, user.org_id).await;
    let statements = statements();
    assert!(statements.len() > 55);
    for statement in statements {
        let prepared = client.prepare(statement.sql).await.expect(statement.name);
        assert_eq!(prepared.params().len(), statement.parameters.len(), "{}", statement.name);
        let arguments: Vec<String> = statement
            .parameters
            .iter()
            .map(|name| format!("'{}'", values[name].first().expect(name).replace('\'', "''")))
            .collect();
        let arguments =
            if arguments.is_empty() { String::new() } else { format!("({})", arguments.join(", ")) };
        let claims = format!(r#"{{"role":"{}","sub":"{}"}}"#, statement.role, user.sub);
        let script = format!(
            "begin; set local role {}; set local request.jwt.claims = '{claims}';
            prepare given as {}; execute given {arguments}; rollback; deallocate given",
            statement.role, statement.sql
        );
        let messages = client.simple_query(&script).await.expect(statement.name);
        let rows = messages.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count();
        if statement.name.starts_with("dashboard_latest") || statement.name.starts_with("inbox_") {
            assert!(rows > 0 || statement.name == "inbox_touch", "{} finds nothing", statement.name);
        }
    }
}

#[tokio::test]
async fn every_draw_gives_values_to_both_large_organizations() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    generate(&client).await;
    for user in [DEMO_USERS[0], DEMO_USERS[2]] {
        for (name, values) in drawn(&client, user.org_id).await {
            assert!(!values.is_empty(), "{name}");
            assert!(values.iter().all(|value| !value.is_empty()), "{name}");
        }
    }
}

#[test]
fn statements_have_names_of_their_own_and_pages_that_exist() {
    let pages: BTreeSet<String> =
        pages().iter().map(|page| page["name"].as_str().unwrap().to_owned()).collect();
    let mut names = BTreeSet::new();
    for statement in statements() {
        assert!(names.insert(statement.name), "{} stands twice", statement.name);
        assert!(pages.contains(statement.page), "{}", statement.name);
        assert!(matches!(statement.role, "authenticated" | "service_role"), "{}", statement.name);
    }
}

#[test]
fn pages_ask_for_nothing_that_cannot_be_filled_in() {
    let known: BTreeSet<&str> = draws().iter().map(|draw| draw.name).collect();
    for page in pages() {
        let name = page["name"].as_str().unwrap();
        assert!(matches!(page["as"].as_str(), Some("member" | "service" | "anonymous")), "{name}");
        assert!(page["visits_per_hour"].as_u64().is_some(), "{name}");
        let mut requests = 0;
        for step in page["steps"].as_array().unwrap() {
            requests += check(step, &known.iter().map(|name| (*name).to_owned()).collect(), name);
        }
        assert!(requests > 0, "{name}");
        assert_eq!(requests == 15, name == "dashboard", "{name} sends {requests} requests");
    }
}

fn pages() -> Vec<Value> {
    let file: Value = serde_json::from_str(field_service::PAGES).expect("the file is JSON");
    file["pages"].as_array().expect("it holds pages").clone()
}

/// Checks a step's placeholders, and returns how many requests it holds.
fn check(step: &Value, known: &BTreeSet<String>, page: &str) -> usize {
    if let Some(steps) = step["parallel"].as_array() {
        return steps.iter().map(|step| check(step, known, page)).sum();
    }
    if let Some(steps) = step["steps"].as_array() {
        let mut known = known.clone();
        if step["each"].is_object() {
            known.insert(step["each"]["as"].as_str().expect("a loop names its value").to_owned());
            assert!(step["each"]["row_of"].is_string() && step["each"]["column"].is_string(), "{page}");
        } else {
            assert!(step["repeat"].is_u64(), "{page}");
        }
        return steps.iter().map(|step| check(step, &known, page)).sum();
    }
    assert!(
        step["name"].is_string() && step["path"].as_str().expect("a request has a path").starts_with('/')
    );
    let method = step["method"].as_str().unwrap_or("GET");
    assert!(matches!(method, "GET" | "POST" | "PATCH" | "DELETE"), "{page}");
    for placeholder in placeholders(&step["path"]).into_iter().chain(placeholders(&step["body"])) {
        assert!(known.contains(&placeholder), "{page} asks for {{{placeholder}}}");
    }
    1
}

fn placeholders(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => {
            let parts =
                text.split('{').skip(1).map(|part| part.split('}').next().unwrap_or_default().to_owned());
            parts.collect()
        }
        Value::Array(values) => values.iter().flat_map(placeholders).collect(),
        Value::Object(fields) => fields.values().flat_map(placeholders).collect(),
        _ => Vec::new(),
    }
}
