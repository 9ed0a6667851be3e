//! Every way to change the chain is found and named; what is no change is not.

use pg::cluster::Cluster;
use serde_json::json;
use tokio_postgres::Client;

use super::{run, verified};
use crate::node::{cluster, connect};

/// A chain of nine.
const NINE: &str = "
    truncate courant.audit, courant.audit_inbox;
    delete from courant.audit_chain;
    insert into courant.audit_chain (first_seq, first_previous, last_seq, last_hash) values (1, '\\x00', 0, '\\x00');
    insert into courant.audit_inbox (event, client) select 'limited', '203.0.113.' || i from generate_series(1, 9) i;
    select courant.audit_link(1000);
";
const RENUMBER: &str = "update courant.audit set seq = -seq where seq < 0";

async fn prepared(name: &str) -> (Cluster, Client) {
    let cluster = cluster(name, "").await;
    let (done, said) = run(&cluster, &["install", "--for", "postgres"]);
    assert!(done, "{said}");
    let client = connect(&cluster).await;
    client.batch_execute(NINE).await.unwrap();
    (cluster, client)
}

/// Makes room at a row for a forged one, which is sound in itself or not.
fn inserted(at: i64, hash: &str) -> String {
    format!(
        "update courant.audit set seq = -(seq + 1) where seq >= {at}; {RENUMBER};
         insert into courant.audit
         select {at}, '{{\"event\":\"forged\"}}', a.hash, {hash} from courant.audit a where a.seq = {at} - 1;
         update courant.audit_chain set last_seq = 10"
    )
}

#[tokio::test]
async fn each_kind_of_tampering_is_found_and_named() {
    let (cluster, client) = prepared("tampering").await;
    assert_eq!(verified(&cluster)["rows"], 9);
    let sound = "courant.audit_hash(a.hash, a.seq + 1, '{\"event\":\"forged\"}')";
    let swap = |one: i64, other: i64| {
        format!(
            "update courant.audit set seq = -({one} + {other} - seq) where seq in ({one}, {other}); {RENUMBER}"
        )
    };
    let cases: Vec<(String, &str, Option<i64>)> = vec![
        ("update courant.audit set entry = '{}' where seq = 1".into(), "edited", Some(1)),
        ("update courant.audit set entry = '{}' where seq = 5".into(), "edited", Some(5)),
        ("update courant.audit set entry = '{}' where seq = 9".into(), "edited", Some(9)),
        ("update courant.audit set hash = '\\x01' where seq = 5".into(), "edited", Some(5)),
        ("update courant.audit set previous = '\\x01' where seq = 5".into(), "edited", Some(5)),
        (
            "update courant.audit set entry = '{}', hash = courant.audit_hash(previous, seq, '{}') where seq = 5".into(),
            "edited",
            Some(5),
        ),
        (
            "update courant.audit set entry = '{}', hash = courant.audit_hash(previous, seq, '{}') where seq = 9".into(),
            "edited",
            Some(9),
        ),
        ("delete from courant.audit where seq = 1".into(), "removed", Some(1)),
        ("delete from courant.audit where seq in (4, 5)".into(), "removed", Some(4)),
        ("delete from courant.audit where seq > 7".into(), "removed", Some(8)),
        (
            format!("delete from courant.audit where seq = 5; update courant.audit set seq = -(seq - 1) where seq > 5; {RENUMBER};
                     update courant.audit_chain set last_seq = 8"),
            "removed",
            Some(5),
        ),
        (
            "delete from courant.audit where seq < 4;
             update courant.audit_chain set first_seq = 4, first_previous = (select previous from courant.audit where seq = 4)"
                .into(),
            "removed",
            Some(1),
        ),
        ("delete from courant.audit where seq < 4; update courant.audit_chain set first_seq = 4".into(), "removed", Some(1)),
        ("truncate courant.audit".into(), "removed", Some(1)),
        (inserted(5, sound), "inserted", Some(5)),
        (inserted(5, "'\\x01'"), "inserted", Some(5)),
        (
            format!("insert into courant.audit select 10, '{{\"event\":\"forged\"}}', a.hash, {sound} from courant.audit a where a.seq = 9"),
            "inserted",
            Some(10),
        ),
        (swap(4, 7), "reordered", Some(4)),
        (swap(4, 5), "reordered", Some(4)),
        ("delete from courant.audit_chain".into(), "unended", None),
    ];
    for (tampering, what, seq) in cases {
        client.batch_execute(NINE).await.unwrap();
        client.batch_execute(&tampering).await.unwrap_or_else(|error| panic!("{tampering}: {error:?}"));
        let told = verified(&cluster);
        assert_eq!(
            (&told["finding"]["what"], &told["finding"]["seq"]),
            (&json!(what), &json!(seq)),
            "{tampering}: {told}"
        );
    }
    let (intact, said) = run(&cluster, &["verify"]);
    assert!(!intact && said.starts_with("courant: the audit log was changed: "), "{said}");
}

#[tokio::test]
async fn what_the_owner_rewrites_from_end_to_end_is_found_by_a_head_kept_elsewhere() {
    let (cluster, client) = prepared("rewritten").await;
    let head = verified(&cluster)["head"].as_str().unwrap().to_owned();
    assert!(run(&cluster, &["verify", "--head", &head]).0);
    client
        .batch_execute(
            "do $$ declare r record; h bytea; begin
                update courant.audit set entry = '{}' where seq = 5;
                select hash into h from courant.audit where seq = 4;
                for r in select seq, entry from courant.audit where seq > 4 order by seq loop
                    update courant.audit set previous = h, hash = courant.audit_hash(h, seq, entry) where seq = r.seq
                    returning hash into h;
                end loop;
                update courant.audit_chain set last_hash = h;
            end $$",
        )
        .await
        .unwrap();
    assert!(verified(&cluster)["intact"].as_bool().unwrap());
    let (intact, said) = run(&cluster, &["verify", "--head", &head]);
    assert!(!intact && said.contains("row 9 is not the one of --head"), "{said}");
    client.batch_execute(NINE).await.unwrap();
    let (intact, said) = run(&cluster, &["verify", "--head", &head.replacen('9', "12", 1)]);
    assert!(!intact && said.contains("rows 10 to 12 were removed"), "{said}");
    assert!(!run(&cluster, &["verify", "--head", "9"]).0);
}

#[tokio::test]
async fn gaps_in_numbers_clocks_that_go_back_and_pruning_are_no_tampering() {
    let (cluster, client) = prepared("no_tampering").await;
    client
        .batch_execute(
            "begin; insert into courant.audit_inbox (event) values ('limited'); rollback;
             insert into courant.audit_inbox (event, at) values ('limited', '2001-01-01'), ('limited', '1999-01-01');
             select courant.audit_link(1);
             select courant.audit_link(1000)",
        )
        .await
        .unwrap();
    let told = verified(&cluster);
    assert!(told["intact"] == true && told["rows"] == 11, "{told}");
    let (done, said) = run(&cluster, &["prune", "--older-than", "1d"]);
    assert!(done && said.starts_with("0 entries"), "only what is at the beginning may go: {said}");
    client.batch_execute("update courant.audit_inbox set at = now()").await.unwrap();
    for (sql, rows) in [("'limited'", 1), ("'forged'", 1)] {
        client
            .batch_execute(&format!(
                "select courant.audit_prune(now() + interval '1 day');
                 insert into courant.audit_inbox (event) values ({sql}); select courant.audit_link(1000)"
            ))
            .await
            .unwrap();
        let told = verified(&cluster);
        assert!(told["intact"] == true && told["rows"] == rows + 1, "{told}");
    }
    // Who removes the entry of the pruning removes what vouches for the beginning.
    client
        .batch_execute(
            "update courant.audit_chain c set first_seq = a.seq + 1, first_previous = a.hash
             from courant.audit a where a.entry ->> 'event' = 'pruned';
             delete from courant.audit a using courant.audit_chain c where a.seq < c.first_seq",
        )
        .await
        .unwrap();
    assert_eq!(verified(&cluster)["finding"]["what"], "removed");
}

#[tokio::test]
async fn a_hundred_thousand_rows_are_linked_and_verified() {
    let (cluster, client) = prepared("long_log").await;
    client
        .batch_execute(
            "insert into courant.audit_inbox (event, client, role, sub, method, target, rows)
             select 'write', '203.0.113.1', 'clerk', 'u' || i, 'POST', 'notes', 1 from generate_series(1, 100000) i",
        )
        .await
        .unwrap();
    loop {
        let row = client.query_one("select linked from courant.audit_link(1000)", &[]).await.unwrap();
        if row.get::<_, i64>(0) == 0 {
            break;
        }
    }
    let told = verified(&cluster);
    assert!(told["intact"] == true && told["rows"] == 100_009 && told["waiting"] == 0, "{told}");
    client.batch_execute("update courant.audit set entry = '{}' where seq = 99000").await.unwrap();
    assert_eq!(verified(&cluster)["finding"]["seq"], 99_000);
}

#[tokio::test]
async fn the_tail_shows_the_latest_as_text_and_as_json() {
    let (cluster, _client) = prepared("tail").await;
    let (done, said) = run(&cluster, &["tail", "--limit", "2"]);
    assert!(
        done && said.lines().count() == 2 && said.contains("limited") && said.contains("client=203.0.113.9"),
        "{said}"
    );
    let (done, said) = run(&cluster, &["tail", "--limit", "3", "--json"]);
    let first: serde_json::Value = serde_json::from_str(said.lines().next().unwrap()).unwrap();
    assert!(done && first["seq"] == 7 && first["entry"]["client"] == "203.0.113.7", "{said}");
    assert_eq!(run(&cluster, &["tail", "--limit", "0"]), (true, String::new()));
}
