//! The pre-request function: it authorizes, so nothing is kept behind its back.

use ::http::StatusCode;

use crate::node::{Node, cluster, connect};

/// Whoever is banned sees nothing.
const SCHEMA: &str = "
    create table notes (id int primary key, body text not null);
    insert into notes values (1, 'one');
    create table bans (role name primary key);
    create function check_ban() returns void language plpgsql as $$
    begin
        if exists (select from bans where role = current_user) then
            raise exception 'banned' using errcode = '42501';
        end if;
    end $$;
    grant select on notes, bans to anon;
";
const CHECKED: (&str, &str) = ("PGRST_DB_PRE_REQUEST", "public.check_ban");
const ASKED: &str = "/notes?id=eq.1";

#[tokio::test]
async fn a_function_of_which_nothing_is_known_is_called_for_every_request() {
    let cluster = cluster("pre_request_opaque", SCHEMA).await;
    let node = Node::start_with(&cluster, &[CHECKED]).await;
    for _ in 0..3 {
        let answered = node.get(ASKED).await;
        assert_eq!(answered.status, StatusCode::OK);
        assert!(answered.cache().contains("check_ban cannot be read"), "{}", answered.cache());
    }
    connect(&cluster).await.batch_execute("insert into bans values ('anon')").await.unwrap();
    assert_eq!(node.get(ASKED).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_function_that_is_declared_is_obeyed_as_soon_as_what_it_depends_on_changes() {
    let cluster = cluster("pre_request_declared", SCHEMA).await;
    let file = cluster.directory().join("courant.toml");
    let declared = "[[cache.declare]]\nfunction = 'public.check_ban'\ndepends_on = ['bans']\n";
    std::fs::write(&file, declared).unwrap();
    let environment = [CHECKED, ("COURANT_CONFIG", file.to_str().unwrap())];
    let node = Node::start_with(&cluster, &environment).await;
    node.warm(ASKED).await;
    connect(&cluster).await.batch_execute("insert into bans values ('anon')").await.unwrap();
    let strict = [("courant-consistency", "strict")];
    let answered = node.send(::http::Method::GET, ASKED, &strict, "").await;
    assert_eq!(answered.status, StatusCode::UNAUTHORIZED, "{answered:?}");
}
