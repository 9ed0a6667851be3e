//! Which changes drop which answers: those that could be others now, and, where it can be told, no more.

use ::http::Method;
use tokio_postgres::Client;

use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table authors (id int primary key, name text not null);
    create table posts (
        id int primary key, author_id int references authors, title text not null,
        views int not null default 0, at timestamptz not null
    );
    create table tags (id int primary key, label text not null);
    create table post_tags (post_id int references posts, tag_id int references tags, primary key (post_id, tag_id));
    create table metrics (id int primary key, kind text not null, value int not null, note text not null);
    alter table metrics replica identity full;
    create table partial (id int primary key, shown text not null, hidden text not null);
    insert into authors select n, 'author ' || n from generate_series(1, 5) n;
    insert into posts select n, n % 4 + 1, 'post ' || n, n, timestamptz '2026-01-01 00:00+00' + n * interval '1 day'
        from generate_series(1, 40) n;
    insert into tags select n, 'tag ' || n from generate_series(1, 4) n;
    insert into post_tags select n, n % 3 + 1 from generate_series(1, 40) n;
    insert into metrics select n, 'kind ' || n % 2, n, '' from generate_series(1, 20) n;
    insert into partial values (1, 'yes', 'no');
    grant select on authors, posts, tags, post_tags, metrics to anon;
    grant select (shown) on partial to anon;
";

/// A request, a change, and whether the answer is still there after it.
type Case = (&'static str, &'static str, bool);

const SURVIVES: bool = true;
const DROPPED: bool = false;

async fn judge(node: &Node, outside: &Client, cases: &[Case]) {
    for (target, change, survives) in cases {
        node.warm(target).await;
        outside.batch_execute(change).await.unwrap_or_else(|error| panic!("{change}: {error:?}"));
        // Strict: the change has been applied when this is answered.
        let read = node.send(Method::GET, target, &[("courant-consistency", "strict")], "").await;
        assert_eq!(read.is_hit(), *survives, "{target} after {change}: {read:?}");
        let fresh = node.get(&format!("{target}&and=(id.gt.-1)")).await;
        assert_eq!(read.json(), fresh.json(), "{target} after {change}");
    }
}

#[tokio::test]
async fn an_embed_is_read_by_the_values_that_join_it_even_where_there_are_none() {
    let cluster = cluster("precise_embeds", SCHEMA).await;
    let (node, outside) = (Node::start(&cluster).await, connect(&cluster).await);
    let many = "/authors?id=in.(1,5)&select=id,name,posts(id,title)&order=id&posts.order=id";
    let one = "/posts?id=eq.3&select=id,authors(name)";
    let through = "/posts?id=in.(1,2)&select=id,tags(label)&order=id&tags.label=neq.none";
    let deep = "/authors?id=eq.1&select=id,posts(id,tags(id,label))&posts.order=id&posts.limit=3";
    let inner = "/authors?select=id,posts!inner(id)&posts.title=eq.x&order=id";
    let cases: &[Case] = &[
        // Another author's posts.
        (many, "insert into posts values (100, 2, 'new', 0, now())", SURVIVES),
        (many, "update posts set title = title || '!' where id = 100", SURVIVES),
        (many, "delete from posts where id = 100", SURVIVES),
        // The author without any gets one, has it changed, moved and taken away.
        (many, "insert into posts values (101, 5, 'first', 0, now())", DROPPED),
        (many, "update posts set title = 'changed' where id = 101", DROPPED),
        (many, "update posts set author_id = 2 where id = 101", DROPPED),
        (many, "update posts set author_id = 1 where id = 101", DROPPED),
        (many, "delete from posts where id = 101", DROPPED),
        (many, "update authors set name = 'other' where id = 2", SURVIVES),
        (many, "update authors set name = 'same' where id = 5", DROPPED),
        (one, "update authors set name = 'else' where id = 1", SURVIVES),
        (one, "update authors set name = 'this' where id = 4", DROPPED),
        (one, "update posts set author_id = null where id = 3", DROPPED),
        (one, "update authors set name = 'that' where id = 4", SURVIVES),
        // Through a junction, filtered: a far row that was not shown may come to be.
        (through, "insert into tags values (9, 'none')", SURVIVES),
        (through, "insert into post_tags values (1, 9)", DROPPED),
        (through, "update tags set label = 'seen' where id = 9", DROPPED),
        (through, "delete from post_tags where post_id = 1 and tag_id = 9", DROPPED),
        (through, "update tags set label = 'unseen' where id = 9", SURVIVES),
        (through, "insert into post_tags values (30, 4)", SURVIVES),
        (deep, "update tags set label = 'deep' where id = 4", SURVIVES),
        (deep, "update tags set label = label || '!' where id <= 3", DROPPED),
        (deep, "insert into post_tags values (4, 4)", DROPPED),
        (inner, "insert into posts values (102, 3, 'y', 0, now())", DROPPED),
        (inner, "update posts set title = 'x' where id = 102", DROPPED),
    ];
    judge(&node, &outside, cases).await;
}

#[tokio::test]
async fn a_junction_with_more_rows_than_are_told_makes_every_far_row_count() {
    let cluster = cluster("precise_crowds", SCHEMA).await;
    let node = Node::start_with(&cluster, &[("COURANT_CACHE_KEYS_PER_ENTRY_MAX", "3")]).await;
    let outside = connect(&cluster).await;
    outside
        .batch_execute(
            "insert into post_tags select 1, n from generate_series(1, 4) n on conflict do nothing",
        )
        .await
        .unwrap();
    let crowd = "/posts?id=eq.1&select=id,tags(label)&tags.label=eq.shown&tags.limit=1";
    let few = "/posts?id=eq.2&select=id,tags(label)&tags.label=eq.shown&tags.limit=1";
    let cases: &[Case] = &[
        (few, "update tags set label = 'other' where id = 4", SURVIVES),
        (crowd, "insert into tags values (9, 'shown')", DROPPED),
        (crowd, "update tags set label = 'shown' where id = 4", DROPPED),
        (crowd, "delete from post_tags where post_id = 1 and tag_id = 4", DROPPED),
        (crowd, "insert into post_tags values (30, 4)", SURVIVES),
    ];
    judge(&node, &outside, cases).await;
}

#[tokio::test]
async fn a_full_page_ends_at_its_last_row_and_a_range_at_its_ends() {
    let cluster = cluster("precise_pages", SCHEMA).await;
    let (node, outside) = (Node::start(&cluster).await, connect(&cluster).await);
    let latest = "/posts?select=id,at&order=at.desc,id&limit=5";
    let second = "/posts?select=id&order=id&limit=5&offset=5";
    let earlier = "/posts?select=id&order=at.desc,id&limit=5&offset=5";
    let since = "/posts?select=id,at&at=gte.2026-02-01T00:00:00Z&order=id";
    let row = |id: u32, at: &str| format!("insert into posts values ({id}, 1, 't', 0, '{at}')");
    let row = |id, at| -> &'static str { Box::leak(row(id, at).into_boxed_str()) };
    let cases: &[Case] = &[
        (latest, row(50, "2026-01-05 00:00+00"), SURVIVES),
        (latest, "update posts set views = views + 1 where id = 3", SURVIVES),
        (latest, "delete from posts where id = 50", SURVIVES),
        (latest, row(51, "2026-03-01 00:00+05"), DROPPED),
        (latest, "update posts set at = '2026-04-01 00:00+00' where id = 3", DROPPED),
        (latest, "delete from post_tags where post_id = 3; delete from posts where id = 3", DROPPED),
        // As far back as the last row: it may come before it.
        (latest, row(52, "2026-02-07 00:00+00"), DROPPED),
        (latest, row(53, "infinity"), DROPPED),
        (second, row(60, "2026-01-01 00:00+00"), SURVIVES),
        (second, row(0, "2026-01-01 00:00+00"), DROPPED),
        // Of an old row the log tells the key, by which this page is ordered.
        (second, "delete from posts where id = 60", SURVIVES),
        (second, "update posts set title = 'x' where id = 40", SURVIVES),
        (second, "delete from posts where id = 0", DROPPED),
        // But not when the row was made.
        (earlier, "update posts set title = 'y' where id = 1", DROPPED),
        (since, row(70, "2026-01-31 23:59:59+00"), SURVIVES),
        (since, row(71, "2026-01-31 23:59:59-01"), DROPPED),
        (since, "update posts set at = '2026-01-01 00:00+00' where id = 71", DROPPED),
        (since, "delete from posts where id = 71", SURVIVES),
    ];
    judge(&node, &outside, cases).await;
}

#[tokio::test]
async fn an_update_of_columns_that_were_not_looked_at_is_spared_where_old_rows_are_told_whole() {
    let cluster = cluster("precise_columns", SCHEMA).await;
    let (node, outside) = (Node::start(&cluster).await, connect(&cluster).await);
    let values = "/metrics?select=id,value&kind=eq.kind%201&order=id";
    let count = "/metrics?select=id&value=gte.15&order=id&offset=1";
    let cases: &[Case] = &[
        (values, "update metrics set note = 'x'", SURVIVES),
        (values, "update metrics set value = 0 where id = 2", SURVIVES),
        (values, "update metrics set value = 0 where id = 1", DROPPED),
        (values, "update metrics set kind = 'kind 1' where id = 2", DROPPED),
        (values, "update metrics set kind = 'kind 0' where id = 2", DROPPED),
        (values, "insert into metrics values (30, 'kind 0', 1, '')", SURVIVES),
        (count, "update metrics set kind = 'z' where id = 16", SURVIVES),
        (count, "update metrics set value = 3 where id = 5", SURVIVES),
        (count, "update metrics set value = 14 where id = 16", DROPPED),
        (count, "delete from metrics where id = 30", SURVIVES),
        (count, "delete from metrics where id = 17", DROPPED),
    ];
    judge(&node, &outside, cases).await;
    // The default identity does not tell which columns changed.
    let titles = "/posts?id=eq.1&select=id,title";
    judge(&node, &outside, &[(titles, "update posts set views = 9 where id = 1", DROPPED)]).await;
}

#[tokio::test]
async fn a_reader_with_rights_on_single_columns_is_not_asked_for_others() {
    let cluster = cluster("precise_grants", SCHEMA).await;
    let node = Node::start(&cluster).await;
    let read = node.warm("/partial?select=shown&shown=eq.yes").await;
    assert_eq!(read.json(), serde_json::json!([{"shown": "yes"}]));
}
