//! Transactions: as whom they run, what they leave behind, and which error counts.

use pg::schema::{enable_audit, install};
use pg::session::{Commit, Record, Session, Trail};
use pg::{Error, Pool, PoolLimits, Statement};
use tokio_util::task::TaskTracker;

use crate::fixture::{execute, superuser, trusting, url};
use crate::proxy::Proxy;
use crate::{NOBODY, options, pool, soon, statement};

const WHO: &str = "select current_user::text, nullif(current_setting('request.jwt.claims', true), ''), \
                   current_setting('transaction_read_only'), pg_backend_pid()";

/// A Sync, as it is sent.
const SYNC: &str = "S\0\0\0\u{4}";

/// A login without rights of its own, and two roles that it may become.
const ROLES: &str = "
    create role authenticator login noinherit;
    create role alice; grant alice to authenticator;
    create role bob; grant bob to authenticator;
    create role stranger;
    create schema hidden; grant usage on schema hidden to alice;
    create table hidden.note (id int primary key, body text);
    insert into hidden.note values (1, 'secret');
    grant all on hidden.note to alice, bob;
";

fn authenticator(port: u16) -> String {
    format!("postgresql://authenticator@127.0.0.1:{port}/postgres")
}

fn as_role(role: &str) -> Session<'_> {
    Session { role: Some(role), ..Default::default() }
}

fn code<T: std::fmt::Debug>(result: Result<T, Error>) -> String {
    result.unwrap_err().code().expect("the database said so").to_owned()
}

#[tokio::test]
async fn a_read_or_write_is_one_flight() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int)").await;
    let proxy = Proxy::before(cluster.port()).await;
    let pool = pool(&format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port));
    drop(pool.client().await.unwrap());
    let session = Session { settings: &[("request.jwt.claims", "{}")], ..Default::default() };
    let read = statement("select $1::int", &["1"]);
    let write = statement("insert into note values ($1) returning id", &["1"]);

    // Nothing is answered until the one Sync was sent, so nothing before it can have waited for an answer.
    // What is not prepared yet is prepared on the way.
    for (read_parts, write_parts) in [("PDBEPDBES", "PDBEPDBEPDBES"), ("BEBES", "BEBEBES")] {
        proxy.hold();
        let (row, ()) = soon(async {
            tokio::join!(pool.read(session, &read), async {
                proxy.has_seen(SYNC).await;
                proxy.release();
            })
        })
        .await;
        assert_eq!(row.unwrap().get::<i32>(0).unwrap(), 1);
        assert_eq!(kinds(&proxy.sent()), read_parts);

        proxy.hold();
        let (written, ()) = soon(async {
            tokio::join!(pool.write(session, &write, Trail::mark("m"), Commit::Always), async {
                proxy.has_seen(SYNC).await;
                proxy.release();
            })
        })
        .await;
        assert!(written.unwrap().wrote);
        assert_eq!(kinds(&proxy.sent()), write_parts);
    }
    assert_eq!(pool.status().size, 1);
}

#[tokio::test]
async fn an_entry_in_the_audit_log_is_part_of_its_writes_flight() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int primary key)").await;
    let client = superuser(&cluster).await;
    install(&client).await.unwrap();
    enable_audit(&client, None).await.unwrap();
    let proxy = Proxy::before(cluster.port()).await;
    let pool = pool(&format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port));
    drop(pool.client().await.unwrap());
    let record = Record { method: "POST".to_owned(), target: "note".to_owned(), ..Record::default() };
    let trail = Trail { mark: Some("m"), record: Some(&record) };
    for (id, parts) in [("1", "PDBEPDBEPDBEPDBES"), ("2", "BEBEBEBES")] {
        proxy.hold();
        let insert = statement("insert into note values ($1) returning id", &[id]);
        let (written, ()) = soon(async {
            tokio::join!(pool.write(NOBODY, &insert, trail, Commit::Always), async {
                proxy.has_seen(SYNC).await;
                proxy.release();
            })
        })
        .await;
        assert!(written.unwrap().wrote);
        assert_eq!(kinds(&proxy.sent()), parts);
    }
    // What wrote nothing, or was rolled back, has no entry, and is not made a write by being asked.
    let nothing = statement("update note set id = 0 where id = $1 returning (select 1)", &["9"]);
    let nothing = Statement { sql: format!("with w as ({}) select count(*) from w", nothing.sql), ..nothing };
    assert!(!pool.write(NOBODY, &nothing, trail, Commit::Always).await.unwrap().wrote);
    let again = statement("insert into note values ($1) returning id", &["1"]);
    assert_eq!(code(pool.write(NOBODY, &again, trail, Commit::Always).await), "23505");
    let third = statement("insert into note values ($1) returning id", &["3"]);
    assert!(!pool.write(NOBODY, &third, trail, Commit::If(&|_| false)).await.unwrap().committed);
    let entries = "select count(*) from courant.audit_inbox";
    assert_eq!(client.query_one(entries, &[]).await.unwrap().get::<_, i64>(0), 2);
}

/// The types of the messages that a client sent.
fn kinds(mut sent: &[u8]) -> String {
    let mut kinds = String::new();
    while let [kind, a, b, c, d, ..] = *sent {
        kinds.push(kind.into());
        sent = &sent[1 + u32::from_be_bytes([a, b, c, d]) as usize..];
    }
    kinds
}

#[tokio::test]
async fn role_and_settings_hold_for_one_transaction_only() {
    let cluster = trusting();
    execute(&cluster, ROLES).await;
    let pool = pool(&authenticator(cluster.port()));
    let who = statement(WHO, &[]);
    let alice = Session {
        role: Some("alice"),
        settings: &[("request.jwt.claims", r#"{"sub":"a'b"}"#)],
        ..Default::default()
    };

    let mut pids = Vec::new();
    for _ in 0..2 {
        let row = pool.read(alice, &who).await.unwrap();
        assert_eq!(row.get::<&str>(0).unwrap(), "alice");
        assert_eq!(row.get::<&str>(1).unwrap(), r#"{"sub":"a'b"}"#);
        assert_eq!(row.get::<&str>(2).unwrap(), "on");
        pids.push(row.get::<i32>(3).unwrap());

        let row = pool.write(NOBODY, &who, Trail::default(), Commit::Always).await.unwrap().row;
        assert_eq!(row.get::<&str>(0).unwrap(), "authenticator");
        assert_eq!(row.get::<Option<&str>>(1).unwrap(), None);
        assert_eq!(row.get::<&str>(2).unwrap(), "off");
        pids.push(row.get::<i32>(3).unwrap());
    }
    assert!(pids.iter().all(|pid| *pid == pids[0]), "it was one connection: {pids:?}");
}

#[tokio::test]
async fn a_role_that_cannot_be_set_is_the_error_and_nothing_runs() {
    let cluster = trusting();
    execute(&cluster, ROLES).await;
    execute(&cluster, "create table trace (id int); grant all on trace to public").await;
    let pool = pool(&authenticator(cluster.port()));
    let insert = statement("insert into trace values ($1) returning id", &["1"]);
    let who = statement(WHO, &[]);

    for _warm in 0..2 {
        for commit in [Commit::Always, Commit::If(&|_| true)] {
            assert_eq!(
                code(pool.write(as_role("stranger"), &insert, Trail::default(), commit).await),
                "42501"
            );
            assert_eq!(
                code(pool.write(as_role("nowhere"), &insert, Trail::default(), commit).await),
                "22023"
            );
        }
        assert_eq!(code(pool.read(as_role("stranger"), &who).await), "42501");
        // To PostgreSQL this word means the login role.
        assert_eq!(code(pool.read(as_role("none"), &who).await), "22023");
        assert_eq!(
            code(pool.write(as_role("none"), &insert, Trail::default(), Commit::Always).await),
            "22023"
        );
    }
    let count = superuser(&cluster).await.query_one("select count(*) from trace", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);
    assert_eq!(pool.read(as_role("alice"), &who).await.unwrap().get::<&str>(0).unwrap(), "alice");
}

#[tokio::test]
async fn a_begin_that_fails_lets_nothing_run_outside_its_transaction() {
    let cluster = trusting();
    execute(&cluster, "create table trace (id int)").await;
    let proxy = Proxy::before(cluster.port()).await;
    let pool = pool(&format!("postgresql://postgres@127.0.0.1:{}/postgres?sslmode=disable", proxy.port));
    let insert = statement("insert into trace values ($1) returning id", &["1"]);
    proxy.spoil_begin();
    let liked = Commit::If(&|_| unreachable!("there is no row to like"));
    assert_eq!(code(pool.write(NOBODY, &insert, Trail::default(), liked).await), "42601");
    let count = superuser(&cluster).await.query_one("select count(*) from trace", &[]).await.unwrap();
    assert_eq!(count.get::<_, i64>(0), 0);
    assert_eq!(pool.status().idle, 1, "the connection is as good as before");
}

#[tokio::test]
async fn a_statement_is_parsed_as_the_role_that_runs_it() {
    let cluster = trusting();
    execute(&cluster, ROLES).await;
    let limits = PoolLimits { connections_max: 1, ..PoolLimits::default() };
    let pool = Pool::new(options(&authenticator(cluster.port())), limits, TaskTracker::new());
    let read = statement("select body from hidden.note where id = $1", &["1"]);
    for _ in 0..2 {
        assert_eq!(pool.read(as_role("alice"), &read).await.unwrap().get::<&str>(0).unwrap(), "secret");
        // He may read the table, but not name it.
        assert_eq!(code(pool.read(as_role("bob"), &read).await), "42501");
    }
}

#[tokio::test]
async fn the_error_of_the_statement_is_the_one_that_is_told() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int primary key, body text not null)").await;
    let pool = pool(&url(&cluster));
    let insert = statement("insert into note values ($1, $2) returning id", &["1", "a"]);
    for commit in [Commit::Always, Commit::If(&|_| true)] {
        let _first = pool.write(NOBODY, &insert, Trail::mark("m"), commit).await;
        for _ in 0..3 {
            let error = pool.write(NOBODY, &insert, Trail::mark("m"), commit).await.unwrap_err();
            let Error::Database(error) = error else { unreachable!("{error}") };
            assert_eq!((&*error.code, error.constraint.as_deref()), ("23505", Some("note_pkey")));
            assert_eq!(error.detail.as_deref(), Some("Key (id)=(1) already exists."));
        }
    }
    assert_eq!(code(pool.read(NOBODY, &insert).await), "25006");
    assert_eq!(code(pool.read(NOBODY, &statement("select nothing", &[])).await), "42703");
    assert_eq!(code(pool.read(NOBODY, &statement("select $1::int", &["x"])).await), "22P02");
    let few = pool.read(NOBODY, &statement("select $1::int", &[])).await;
    assert!(matches!(few, Err(Error::Protocol(_))), "{few:?}");
    for sql in ["select 1 where false", "select generate_series(1, 3)"] {
        assert!(matches!(pool.read(NOBODY, &statement(sql, &[])).await, Err(Error::RowCount)));
    }
    pool.read(NOBODY, &statement("select 1", &[])).await.unwrap();
}

#[tokio::test]
async fn the_error_of_the_commit_is_told() {
    let cluster = trusting();
    execute(
        &cluster,
        "create table a (id int primary key);
             create table b (a int references a deferrable initially deferred)",
    )
    .await;
    let pool = pool(&url(&cluster));
    let insert = statement("insert into b values ($1) returning a", &["7"]);
    for _ in 0..2 {
        for commit in [Commit::Always, Commit::If(&|_| true)] {
            assert_eq!(code(pool.write(NOBODY, &insert, Trail::mark("m"), commit).await), "23503");
            let row = pool.read(NOBODY, &statement("select count(*) from b", &[])).await.unwrap();
            assert_eq!(row.get::<i64>(0).unwrap(), 0);
        }
    }
}

#[tokio::test]
async fn a_write_is_committed_if_its_row_is_liked_and_marked_if_it_wrote() {
    let cluster = trusting();
    execute(&cluster, ROLES).await;
    let superuser = superuser(&cluster).await;
    superuser
        .batch_execute("select pg_create_logical_replication_slot('watch', 'test_decoding')")
        .await
        .unwrap();
    let pool = pool(&authenticator(cluster.port()));
    let alice = as_role("alice");
    let insert = |id| statement("insert into hidden.note values ($1, 'x') returning id", &[id]);

    let written = pool.write(alice, &insert("2"), Trail::mark("two"), Commit::Always).await.unwrap();
    assert!(written.wrote && written.committed);
    let liked = Commit::If(&|row| row.get::<i32>(0).unwrap() == 3);
    let written = pool.write(alice, &insert("3"), Trail::mark("three"), liked).await.unwrap();
    assert!(written.wrote && written.committed);
    let written = pool.write(alice, &insert("4"), Trail::mark("four"), liked).await.unwrap();
    assert!(!written.wrote && !written.committed);
    assert_eq!(written.row.get::<i32>(0).unwrap(), 4);
    let written = pool.write(alice, &insert("5"), Trail::default(), Commit::Always).await.unwrap();
    assert!(written.wrote && written.committed);
    let nothing = statement("select 1", &[]);
    let written = pool.write(alice, &nothing, Trail::mark("none"), Commit::Always).await.unwrap();
    assert!(!written.wrote && written.committed);

    let sql =
        "select data from pg_logical_slot_get_changes('watch', null, null) where data not like '%table%'";
    let told: Vec<String> = superuser.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    let marks: Vec<&str> =
        told.iter().filter_map(|line| line.split_once("content:")).map(|(_, m)| m).collect();
    assert_eq!(marks, ["two", "three"]);
    let sql = "select string_agg(id::text, ' ' order by id) from hidden.note";
    let ids: String = superuser.query_one(sql, &[]).await.unwrap().get(0);
    assert_eq!(ids, "1 2 3 5");
}

#[tokio::test]
async fn parameters_of_any_type_are_sent_as_text() {
    let cluster = trusting();
    execute(
        &cluster,
        "create type mood as enum ('fine', 'ill'); create domain small as int check (value < 9)",
    )
    .await;
    let pool = pool(&url(&cluster));
    let all = statement(
        "select concat_ws('|', $1::jsonb->>'a', encode($2::bytea, 'hex'), ($3::int[])[2], $4::mood,
            $5::small, $6::numeric, $7::timestamptz at time zone 'UTC', $8::uuid, $9::int is null, $10::text[])",
        &[
            r#"{"a": 1}"#,
            r"\x00ff",
            "{1,2}",
            "ill",
            "8",
            "1.50",
            "2024-01-02T03:04:05Z",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
            "0",
            r#"{"x y",é}"#,
        ],
    );
    let mut with_null = all.clone();
    with_null.parameters[8] = pg::Parameter::Null;
    let expected = "1|00ff|2|ill|8|1.50|2024-01-02 03:04:05|a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11|";
    let row = pool.read(NOBODY, &all).await.unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), format!(r#"{expected}f|{{"x y",é}}"#));
    let row = pool.read(NOBODY, &with_null).await.unwrap();
    assert_eq!(row.get::<&str>(0).unwrap(), format!(r#"{expected}t|{{"x y",é}}"#));
}

#[tokio::test]
async fn statements_that_no_longer_fit_are_prepared_again() {
    let cluster = trusting();
    execute(&cluster, "create table note (id int); insert into note values (1)").await;
    let pool = pool(&url(&cluster));
    let read = statement("select * from note", &[]);
    assert_eq!(pool.read(NOBODY, &read).await.unwrap().width(), 1);
    execute(&cluster, "alter table note add body text").await;
    assert_eq!(pool.read(NOBODY, &read).await.unwrap().width(), 2);

    let forget = statement("with x as (select 1) select count(*) from x", &[]);
    pool.read(NOBODY, &forget).await.unwrap();
    pool.client().await.unwrap().command("deallocate all").await.unwrap();
    pool.read(NOBODY, &forget).await.unwrap();
    pool.write(NOBODY, &read, Trail::default(), Commit::Always).await.unwrap();
}

#[tokio::test]
async fn more_statements_than_are_kept_are_no_trouble() {
    let cluster = trusting();
    let pool = pool(&url(&cluster));
    for number in 0..300 {
        let read = statement(&format!("select {number}"), &[]);
        assert_eq!(pool.read(NOBODY, &read).await.unwrap().get::<i32>(0).unwrap(), number);
    }
    let count = statement("select count(*) from pg_prepared_statements where statement like 'select %'", &[]);
    let count: i64 = pool.read(NOBODY, &count).await.unwrap().get(0).unwrap();
    assert!((250..=258).contains(&count), "{count}");
}
