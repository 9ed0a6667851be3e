//! Routes that declare what their answers read: a backend that reads PostgreSQL by itself, changed around and through
//! Courant.

use std::sync::Arc;

use ::http::Method;
use http_body_util::BodyExt as _;
use pg::cluster::Cluster;
use serde_json::json;
use tokio_postgres::Client;

use super::backend::{Backend, whole};
use super::start_with;
use crate::http::{Answered, bearer};
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table things (id int primary key, name text not null);
    insert into things select n, 'thing ' || n from generate_series(1, 20) n;
    create table notes (id int primary key, thing_id int not null, body text not null);
    alter table notes replica identity full;
    insert into notes select n, n % 5, 'note ' || n from generate_series(1, 20) n;
";

const ROUTES: &str = r#"
    [[route]]
    path = "/things/{id}"
    depends_on = ["things.id = {path.id}"]
    identity = []
    [[route]]
    path = "/notes/{thing}"
    depends_on = ["notes.thing_id = {path.thing}"]
    identity = ["header.x-user"]
    [[route]]
    path = "/mine"
    depends_on = ["things"]
    identity = ["jwt.sub"]
    [[route]]
    path = "/told/{id}"
    depends_on = ["{upstream}"]
    identity = []
    [[route]]
    path = "/ask"
    methods = ["POST"]
    depends_on = ["things"]
    identity = []
    body_in_key = true
    [[route]]
    path = "/wrong"
    depends_on = ["nothing.id = {query.id}"]
    identity = []
"#;

/// An app as it would be without Courant: it asks the database for everything, and numbers nothing.
async fn app(cluster: &Cluster) -> Backend {
    let database = Arc::new(connect(cluster).await);
    Backend::start(move |request| {
        let database = Arc::clone(&database);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let who = |name: &str| head.headers.get(name).map_or("nobody", |value| value.to_str().unwrap()).to_owned();
            let mut parts = head.uri.path().trim_start_matches('/').split('/');
            let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            let id: i32 = second.parse().unwrap_or_default();
            match (&head.method, first) {
                (&Method::PUT, "things") => {
                    let name = String::from_utf8_lossy(&body).into_owned();
                    database.execute("update things set name = $2 where id = $1", &[&id, &name]).await.unwrap();
                    whole(200, &[], "done")
                }
                (_, "things") => one(&database, id, &[("surrogate-key", "all things")]).await,
                (_, "told") if id == 13 => one(&database, id, &[]).await,
                (_, "told") => one(&database, id, &[("courant-depends", &format!("things.id={id}"))]).await,
                (_, "notes") => {
                    let sql = "select coalesce(string_agg(body, ',' order by id), '') from notes where thing_id = $1";
                    let notes: String = database.query_one(sql, &[&id]).await.unwrap().get(0);
                    whole(200, &[], format!("{}: {notes}", who("x-user")))
                }
                (_, "mine") => {
                    let count: i64 = database.query_one("select count(*) from things", &[]).await.unwrap().get(0);
                    whole(200, &[], format!("{} {} {count}", who("authorization"), who("cookie")))
                }
                (_, "ask") => {
                    let count: i64 = database.query_one("select count(*) from things", &[]).await.unwrap().get(0);
                    whole(200, &[], format!("{count} things, {}", String::from_utf8_lossy(&body)))
                }
                _ => whole(200, &[], "something"),
            }
        }
    })
    .await
}

async fn one(database: &Client, id: i32, headers: &[(&str, &str)]) -> ::http::Response<super::backend::Body> {
    match database.query_opt("select name from things where id = $1", &[&id]).await.unwrap() {
        Some(row) => whole(200, headers, row.get::<_, String>(0)),
        None => whole(404, headers, "no such thing"),
    }
}

async fn started(name: &str) -> (Cluster, Backend, Node, Client) {
    let cluster = cluster(name, SCHEMA).await;
    let backend = app(&cluster).await;
    let configuration = format!("[proxy]\nupstream = \"{}\"\n{ROUTES}", backend.url());
    let mut node = start_with(&cluster, name, &configuration, &[]);
    node.until_open().await;
    let outside = connect(&cluster).await;
    (cluster, backend, node, outside)
}

async fn get(node: &Node, target: &str, headers: &[(&str, &str)]) -> Answered {
    node.send(Method::GET, target, headers, "").await
}

fn text(answer: &Answered) -> &str {
    std::str::from_utf8(&answer.body).unwrap()
}

/// Asks until it hits; the answer is kept by the time its last byte has come, unless a change was under way.
async fn warm(node: &Node, target: &str, headers: &[(&str, &str)]) -> Answered {
    for _ in 0..100 {
        let answer = get(node, target, headers).await;
        if answer.is_hit() {
            return answer;
        }
    }
    panic!("{target} is never a hit: {:?}", get(node, target, headers).await);
}

#[tokio::test]
async fn a_change_of_a_declared_row_drops_its_answer_and_no_other() {
    let (_cluster, backend, mut node, outside) = started("declared_rows").await;
    assert_eq!(text(&warm(&node, "/things/1", &[]).await), "thing 1");
    // The same row by another spelling is another answer of the same row.
    assert_eq!(text(&warm(&node, "/things/001", &[]).await), "thing 1");
    assert_eq!(text(&warm(&node, "/things/2", &[]).await), "thing 2");
    assert_eq!(warm(&node, "/things/99", &[]).await.status, 404);
    let asked = backend.count();
    outside.execute("update things set name = 'new' where id = 1", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 2).await;
    assert!(get(&node, "/things/2", &[]).await.is_hit());
    assert_eq!(backend.count(), asked);
    for spelling in ["/things/1", "/things/001"] {
        let fresh = get(&node, spelling, &[]).await;
        assert_eq!((fresh.is_hit(), text(&fresh)), (false, "new"));
    }
    // A row that was not there is a row that may come.
    outside.execute("insert into things values (99, 'late')", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 3).await;
    assert_eq!(text(&get(&node, "/things/99", &[]).await), "late");
    // What is no number could be any.
    warm(&node, "/things/x", &[]).await;
    outside.execute("delete from things where id = 20", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 4).await;
    assert!(!get(&node, "/things/x", &[]).await.is_hit());
}

#[tokio::test]
async fn a_row_that_moves_away_is_missed_where_it_was_and_found_where_it_is() {
    let (_cluster, _backend, mut node, outside) = started("declared_columns").await;
    let user = [("x-user", "ann")];
    for thing in 0..5 {
        warm(&node, &format!("/notes/{thing}"), &user).await;
    }
    outside.execute("update notes set thing_id = 1 where id = 2", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 3).await;
    assert_eq!(text(&get(&node, "/notes/2", &user).await), "ann: note 7,note 12,note 17");
    assert_eq!(text(&get(&node, "/notes/1", &user).await), "ann: note 1,note 2,note 6,note 11,note 16");
    assert!(get(&node, "/notes/3", &user).await.is_hit());
    // Another user has an answer of her own, and so has nobody.
    assert!(text(&warm(&node, "/notes/3", &[("x-user", "bob")]).await).starts_with("bob: "));
    assert!(text(&warm(&node, "/notes/3", &[]).await).starts_with("nobody: "));
    assert!(text(&warm(&node, "/notes/3", &user).await).starts_with("ann: "));
}

#[tokio::test]
async fn who_cannot_be_told_by_what_the_route_says_is_told_by_all_there_is() {
    let (_cluster, _backend, node, _outside) = started("declared_identity").await;
    let (ann, bob) = (bearer(&json!({"sub": "ann"})), bearer(&json!({"sub": "bob"})));
    for token in [&ann, &bob] {
        let answer = warm(&node, "/mine", &[("authorization", token)]).await;
        assert!(text(&answer).starts_with(token.as_str()), "{answer:?}");
    }
    // No token, but cookies: the app may know users by them.
    for cookie in ["session=1", "session=2"] {
        let answer = warm(&node, "/mine", &[("cookie", cookie)]).await;
        assert_eq!(text(&answer), format!("nobody {cookie} 20"));
    }
    // A token that is not good here is the app's to judge, each time.
    for _ in 0..3 {
        let answer = get(&node, "/mine", &[("authorization", "Bearer nonsense")]).await;
        assert_eq!(answer.cache(), "courant; fwd=bypass; detail=\"the token could not be verified\"");
        assert_eq!(text(&answer), "Bearer nonsense nobody 20");
    }
}

#[tokio::test]
async fn after_a_write_through_the_app_the_next_read_shows_it() {
    let (_cluster, _backend, node, _outside) = started("declared_writes").await;
    for number in 0..50 {
        warm(&node, "/things/3", &[]).await;
        let name = format!("name {number}");
        let done = node.send(Method::PUT, "/things/3", &[], &name).await;
        assert_eq!(text(&done), "done");
        assert_eq!(text(&get(&node, "/things/3", &[]).await), name);
    }
}

#[tokio::test]
async fn an_app_says_itself_what_it_read_and_names_what_is_to_be_forgotten() {
    let (_cluster, backend, mut node, outside) = started("declared_told").await;
    let told = warm(&node, "/told/5", &[]).await;
    assert_eq!((text(&told), told.header("courant-depends")), ("thing 5", ""));
    warm(&node, "/told/6", &[]).await;
    outside.execute("update things set name = 'five' where id = 5", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 1).await;
    assert_eq!(text(&get(&node, "/told/5", &[]).await), "five");
    // Where it says nothing, nothing is kept.
    for _ in 0..2 {
        assert_eq!(get(&node, "/told/13", &[]).await.cache(), "courant; fwd=miss; detail=untold");
    }
    warm(&node, "/things/7", &[]).await;
    let clear = async |tag: &str| {
        crate::http::send(node.admin, Method::DELETE, &format!("/cache?tag={tag}"), &[], "").await
    };
    assert_eq!(clear("thing").await.json()["cleared"], 0);
    assert_eq!(clear("things").await.json()["cleared"], 1);
    let asked = backend.count();
    get(&node, "/things/7", &[]).await;
    assert_eq!(backend.count(), asked + 1);
}

#[tokio::test]
async fn a_question_in_a_body_is_answered_once_until_something_changes() {
    let (_cluster, backend, mut node, outside) = started("declared_body").await;
    let ask = async |body: &str| node.send(Method::POST, "/ask", &[], body).await;
    assert_eq!(text(&ask("why").await), "20 things, why");
    let asked = backend.count();
    let again = ask("why").await;
    assert_eq!((again.is_hit(), text(&again), backend.count()), (true, "20 things, why", asked));
    assert_eq!(text(&ask("how").await), "20 things, how");
    outside.execute("insert into things values (21, 'x')", &[]).await.unwrap();
    node.until(|cache| cache["entries"] == 0).await;
    assert_eq!(text(&node.send(Method::POST, "/ask", &[], "why").await), "21 things, why");
    node.until_said("route /wrong: depends_on: there is no relation public.nothing");
    let wrong = get(&node, "/wrong?id=1", &[]).await;
    assert_eq!(
        wrong.cache(),
        "courant; fwd=bypass; detail=\"depends_on names public.nothing, which is not there\""
    );
}

#[tokio::test]
async fn a_read_through_another_node_that_brings_the_position_of_a_write_sees_it() {
    let cluster = cluster("proxy_position", SCHEMA).await;
    let backend = app(&cluster).await;
    let configuration = format!("[proxy]\nupstream = \"{}\"\n{ROUTES}", backend.url());
    let mut one = start_with(&cluster, "proxy_position_one", &configuration, &[]);
    let mut other = start_with(&cluster, "proxy_position_other", &configuration, &[]);
    one.until_open().await;
    other.until_open().await;
    let miss = get(&one, "/things/2", &[]).await;
    assert_eq!((miss.cache(), miss.header("courant-position")), ("courant; fwd=miss; stored", ""));
    for name in ["a", "b", "c", "d", "e", "f"] {
        other.warm("/things/1").await;
        let written = one.send(Method::PUT, "/things/1", &[], name).await;
        let token = format!("token={}", written.header("courant-position"));
        let read = get(&other, "/things/1", &[("courant-consistency", &token)]).await;
        assert_eq!(read.body, name, "{token}: {read:?}");
    }
}
