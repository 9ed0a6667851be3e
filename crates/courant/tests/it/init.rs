//! `courant init` in front of an app with a database: what it learns, what it proposes, and that the proposal holds.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;

use ::http::{Method, Request, Response};
use hyper::body::Incoming;
use pg::cluster::{Cluster, ClusterSettings};
use serde_json::{Value, json};
use tokio_postgres::Client;

use crate::http::{self, Answered, bearer};
use crate::node::{self, Node};
use crate::proxy::backend::{Backend, Body, pieces, whole};

const SCHEMA: &str = "
    create extension pg_stat_statements;
    create table users (id text primary key, name text not null);
    create table conversations (id int primary key, title text not null);
    create table messages (id int primary key, conversation_id int not null, body text not null);
    insert into users values ('ann', 'Ann'), ('bob', 'Bob');
    insert into conversations select n, 'about ' || n from generate_series(1, 5) n;
    insert into messages select n, 1 + n % 5, 'message ' || n from generate_series(1, 50) n";

/// A watch under way.
struct Watch {
    process: Child,
    address: SocketAddr,
    output: PathBuf,
}

impl Watch {
    fn start(upstream: &Backend, cluster: Option<&Cluster>, requests: usize, name: &str) -> Watch {
        let output = std::env::temp_dir().join(format!("courant-init-{name}-{}.toml", std::process::id()));
        let _ = std::fs::remove_file(&output);
        let mut command =
            node::command(&["init", "--upstream", &upstream.url(), "--listen", "127.0.0.1:0", "--json"]);
        command.args(["--requests", &requests.to_string(), "--output", output.to_str().unwrap()]);
        if let Some(cluster) = cluster {
            command.args(["--database-url", &cluster.uri("postgres")]);
        }
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        let mut errors = BufReader::new(process.stderr.take().unwrap());
        errors.read_line(&mut line).unwrap();
        let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next());
        let address = address.unwrap_or_else(|| panic!("it does not say where it listens: {line}"));
        let address = address.parse().unwrap();
        std::thread::spawn(move || std::io::copy(&mut errors, &mut std::io::sink()));
        Watch { process, address, output }
    }

    async fn send(&self, method: Method, target: &str, token: &str, body: &str) -> Answered {
        http::send(self.address, method, target, &[("authorization", token)], body).await
    }

    /// What it printed and what it wrote, once it has ended.
    fn ended(mut self) -> (Value, String) {
        let mut printed = String::new();
        self.process.stdout.take().unwrap().read_to_string(&mut printed).unwrap();
        assert!(self.process.wait().unwrap().success(), "{printed}");
        let written = std::fs::read_to_string(&self.output).unwrap();
        (serde_json::from_str(&printed).unwrap(), written)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = std::fs::remove_file(&self.output);
    }
}

/// The app: users by their tokens, conversations with their messages, a stream.
async fn app(client: Client, users: HashMap<String, String>) -> Backend {
    let (client, users) = (Arc::new(client), Arc::new(users));
    Backend::start(move |request| answer(Arc::clone(&client), Arc::clone(&users), request)).await
}

async fn answer(
    client: Arc<Client>,
    users: Arc<HashMap<String, String>>,
    request: Request<Incoming>,
) -> Response<Body> {
    let token = request.headers().get("authorization").map_or("", |value| value.to_str().unwrap());
    let user = users.get(token).map_or("", String::as_str);
    let path: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    match (request.method(), path.as_slice()) {
        (&Method::GET, ["auth", "me"]) => {
            let row = client.query_one("select name from users where id = $1", &[&user]).await.unwrap();
            whole(200, &[], json!({ "name": row.get::<_, &str>(0) }).to_string())
        }
        (&Method::GET, ["conversations", id]) => {
            let id: i32 = id.parse().unwrap();
            let one = "select title from conversations where id = $1";
            let row = client.query_one(one, &[&id]).await.unwrap();
            let of = "select body from messages where conversation_id = $1 order by id";
            let messages = client.query(of, &[&id]).await.unwrap();
            let messages: Vec<&str> = messages.iter().map(|row| row.get(0)).collect();
            whole(200, &[], json!({ "title": row.get::<_, &str>(0), "messages": messages }).to_string())
        }
        (&Method::PATCH, ["conversations", id]) => {
            let id: i32 = id.parse().unwrap();
            let set = "update conversations set title = title || '!' where id = $1";
            client.execute(set, &[&id]).await.unwrap();
            whole(204, &[], "")
        }
        (&Method::GET, ["events"]) => {
            let (sender, response) = pieces(&[("content-type", "text/event-stream")]);
            sender.send("data: one\n\n").unwrap();
            response
        }
        _ => whole(404, &[], "no such page"),
    }
}

/// The configuration with what is proposed in it taken over.
fn decided(written: &str) -> String {
    let proposed =
        |line: &str| line.strip_prefix('#').filter(|rest| !rest.starts_with([' ', '#'])).map(str::to_owned);
    written.lines().map(|line| proposed(line).unwrap_or_else(|| line.to_owned()) + "\n").collect()
}

/// Waits until the watch has looked at the statistics once more, so that requests are told apart.
async fn looked(around: &Client) {
    let sql = "select coalesce(sum(calls), 0)::int8 from pg_stat_statements where query like '%sum(calls)::int8 as calls%' \
               and query not like '%coalesce%'";
    let looks = async || around.query_one(sql, &[]).await.unwrap().get::<_, i64>(0);
    let before = looks().await;
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while looks().await == before {
        assert!(std::time::Instant::now() < deadline, "the watch does not look");
    }
}

fn route<'a>(learnt: &'a Value, method: &str, path: &str) -> &'a Value {
    let routes = learnt["routes"].as_array().unwrap();
    let found = routes.iter().find(|route| route["path"] == path && route["method"] == method);
    found.unwrap_or_else(|| panic!("no {method} {path} in {learnt:#}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_proposed_is_accepted_and_makes_hits_of_the_same_requests() {
    let settings = ClusterSettings::for_tests().with("shared_preload_libraries", "pg_stat_statements");
    let cluster = node::cluster_with("init", settings, SCHEMA).await;
    let (ann, bob) = (bearer(&json!({ "sub": "ann" })), bearer(&json!({ "sub": "bob" })));
    let users = HashMap::from([(ann.clone(), "ann".to_owned()), (bob.clone(), "bob".to_owned())]);
    let backend = app(node::connect(&cluster).await, users).await;
    let around = node::connect(&cluster).await;
    let conversations = [1, 2, 1, 3, 1, 4];
    let watch = Watch::start(&backend, Some(&cluster), 12 + 2 * 12 + 6, "held");
    for _ in 0..6 {
        for (token, name) in [(&ann, "Ann"), (&bob, "Bob")] {
            let me = watch.send(Method::GET, "/auth/me", token, "").await;
            assert_eq!(me.json()["name"], name);
            looked(&around).await;
        }
    }
    for part in 0..2 {
        for (id, token) in conversations.iter().flat_map(|id| [(id, &ann), (id, &bob)]) {
            let answered = watch.send(Method::GET, &format!("/conversations/{id}"), token, "").await;
            assert!(answered.status.is_success());
            looked(&around).await;
        }
        for id in conversations.iter().filter(|_| part == 0) {
            let answered = watch.send(Method::PATCH, &format!("/conversations/{id}"), &ann, "").await;
            assert_eq!(answered.status, 204);
            looked(&around).await;
        }
    }
    let (learnt, written) = watch.ended();

    let me = route(&learnt, "GET", "/auth/me");
    assert_eq!(me["propose"], "declare", "{me:#}");
    assert_eq!(me["depends_on"], json!(["users"]));
    assert_eq!(me["separator"]["place"], "jwt.sub");
    assert_eq!(me["same_user"], json!({ "same": 10, "compared": 10 }));
    assert_eq!(me["between_users"]["same"], 0);
    let conversation = route(&learnt, "GET", "/conversations/{conversation_id}");
    assert_eq!(conversation["depends_on"], json!(["conversations", "messages"]), "{conversation:#}");
    let by_rows =
        ["conversations.id = {path.conversation_id}", "messages.conversation_id = {path.conversation_id}"];
    assert_eq!(conversation["by_rows"], json!(by_rows));
    assert!(written.contains("alter table public.messages replica identity full;"), "{written}");
    assert_eq!(conversation["changed_after"][0]["route"], "PATCH /conversations/{conversation_id}");
    let patch = route(&learnt, "PATCH", "/conversations/{conversation_id}");
    assert_eq!((&patch["propose"], &patch["writes"]), (&json!("nothing"), &json!(["conversations"])));
    for secret in [ann.as_str(), bob.as_str(), "Ann", "about 1", "message 1"] {
        let secret = secret.trim_start_matches("Bearer ");
        assert!(!written.contains(secret) && !learnt.to_string().contains(secret), "{secret} in {written}");
    }
    // As it is written it says nothing at all.
    assert!(written.lines().all(|line| line.is_empty() || line.starts_with('#')), "{written}");

    let file = std::env::temp_dir().join(format!("courant-init-decided-{}.toml", std::process::id()));
    std::fs::write(&file, decided(&written)).unwrap();
    let node = Node::start_with(&cluster, &[("COURANT_CONFIG", file.to_str().unwrap())]).await;
    std::fs::remove_file(&file).unwrap();
    for (token, name) in [(&ann, "Ann"), (&bob, "Bob")] {
        assert_eq!(node.warm_as(Some(token), "/auth/me").await.json()["name"], name);
        node.warm_as(Some(token), "/conversations/1").await;
    }
    around.batch_execute("update conversations set title = 'new' where id = 1").await.unwrap();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(1);
    while node.get_as(&ann, "/conversations/1").await.json()["title"] != "new" {
        assert!(std::time::Instant::now() < deadline, "the answer is older than promised");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_it_tells_what_it_saw_and_asks_for_the_tables() {
    let backend = Backend::start(async |request: Request<Incoming>| match request.uri().path() {
        "/events" => {
            let (sender, response) = pieces(&[("content-type", "text/event-stream")]);
            sender.send("data: one\n\n").unwrap();
            response
        }
        "/login" => whole(200, &[("set-cookie", "sid=s3cret")], "welcome"),
        _ => whole(200, &[("cache-control", "private")], "the same for all"),
    })
    .await;
    let watch = Watch::start(&backend, None, 6, "plain");
    for cookie in ["sid=one", "sid=two"] {
        for target in ["/api/organizations", "/events"] {
            http::send(watch.address, Method::GET, target, &[("cookie", cookie)], "").await;
        }
        http::send(watch.address, Method::POST, "/login", &[], "password").await;
    }
    let (learnt, written) = watch.ended();
    let organizations = route(&learnt, "GET", "/api/organizations");
    assert_eq!((&organizations["propose"], &organizations["who"]), (&json!("open"), &json!(["cookie.sid"])));
    assert_eq!(organizations["cache_control"], json!(["private"]));
    assert_eq!(route(&learnt, "GET", "/events")["streams"], 2);
    assert!(route(&learnt, "GET", "/events")["why_not"].as_str().unwrap().contains("stream"));
    assert_eq!(route(&learnt, "POST", "/login")["set_cookie"], 2);
    assert!(
        !written.contains("s3cret") && !written.contains("sid=") && !written.contains("password"),
        "{written}"
    );
    assert!(decided(&written).parse::<toml::Table>().is_ok(), "{written}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_extension_a_sample_is_said_to_be_one() {
    let schema = SCHEMA.replace("create extension pg_stat_statements;", "");
    let cluster = node::cluster("init-sample", &schema).await;
    let ann = bearer(&json!({ "sub": "ann" }));
    let users = HashMap::from([(ann.clone(), "ann".to_owned())]);
    let backend = app(node::connect(&cluster).await, users).await;
    // So many that a sample is taken while some of them are asked.
    let watch = Watch::start(&backend, Some(&cluster), 500, "sample");
    for _ in 0..500 {
        watch.send(Method::GET, "/auth/me", &ann, "").await;
    }
    let (learnt, written) = watch.ended();
    assert_eq!(learnt["tables_from"], "pg_stat_activity and pg_stat_user_tables");
    assert!(written.contains("# ! pg_stat_statements is missing"), "{written}");
    let me = route(&learnt, "GET", "/auth/me");
    assert_eq!((&me["reads"], &me["propose"]), (&json!(["users"]), &json!("declare")), "{me:#}");
    assert!(me["notes"].to_string().contains("from a sample"), "{me:#}");
}

#[test]
fn what_cannot_be_is_told_before_the_watch() {
    let there = std::env::temp_dir().join(format!("courant-init-there-{}.toml", std::process::id()));
    std::fs::write(&there, "").unwrap();
    let there_text = there.to_str().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["init"], "courant: the following required arguments were not provided:"),
        (
            &["init", "--upstream", "ftp://x"],
            "courant: proxy.upstream (--proxy-upstream): expected an address",
        ),
        (&["init", "--upstream", "http://x", "--for", "5"], "courant: invalid value '5' for '--for <TIME>'"),
        (&["init", "--upstream", "http://x", "--output", there_text], "courant: output ("),
    ];
    for (arguments, expected) in cases {
        let output = node::command(arguments).output().unwrap();
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.starts_with(expected), "{errors}");
        assert_eq!(errors.lines().count(), 1, "{errors}");
    }
    std::fs::remove_file(&there).unwrap();
}
