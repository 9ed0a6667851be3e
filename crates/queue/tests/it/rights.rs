//! Who may enqueue what, and what is refused as no job.

use crate::fixture::Database;

async fn refused(database: &Database, sql: &str) -> String {
    let error = database.client.batch_execute(sql).await.expect_err(sql);
    error.as_db_error().map(|said| said.message().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn only_a_role_that_was_allowed_enqueues_and_only_its_kinds() {
    let database = Database::new().await;
    let role = format!("app_{}", database.text("select current_database()").await);
    database.client.batch_execute(&format!("create role {role}; set role {role}")).await.unwrap();
    assert!(refused(&database, "select courant.enqueue('mail')").await.contains("permission denied"));
    let allow =
        format!("reset role; select courant.queue_allow('{role}', 'enqueue', 'mail'); set role {role}");
    database.client.batch_execute(&allow).await.unwrap();
    database.client.batch_execute("select courant.enqueue('mail')").await.unwrap();
    database.client.batch_execute("select courant.enqueue_many('[{\"kind\":\"mail\"}]')").await.unwrap();
    let why = refused(&database, "select courant.enqueue('pay')").await;
    assert_eq!(why, format!("role {role} may not enqueue jobs of the kind pay"));
    let why =
        refused(&database, "select courant.enqueue_many('[{\"kind\":\"mail\"},{\"kind\":\"pay\"}]')").await;
    assert_eq!(why, format!("role {role} may not enqueue jobs of the kind pay"));
    for forbidden in [
        "select * from courant.job",
        "insert into courant.job (id) values (1)",
        "select courant.cancel_job(1)",
        "select courant.queue_allow('public', 'enqueue')",
        "select courant.job_end('{1}', '{null}', 'completed', true)",
    ] {
        assert!(refused(&database, forbidden).await.contains("permission denied"), "{forbidden}");
    }
}

#[tokio::test]
async fn what_is_no_job_is_refused_and_nothing_of_a_batch_is_enqueued() {
    let database = Database::new().await;
    for (call, why) in [
        ("enqueue('')", "kind"),
        ("enqueue('a', queue => 'No Such')", "queue"),
        ("enqueue('a', priority => 10)", "priority"),
        ("enqueue('a', max_attempts => 0)", "max_attempts"),
        ("enqueue('a', null)", "args"),
        ("enqueue('a', after => 77)", "after"),
        ("enqueue('a', to_jsonb(array(select md5(n::text) from generate_series(1, 90000) n)))", "1 MiB"),
        ("enqueue('a', unique_key => repeat('k', 300))", "longer than 200"),
        ("enqueue_many('{}')", "array"),
        ("enqueue_many('[1]')", "objects"),
        ("enqueue_many('[{\"kind\":\"a\"},{\"kind\":\"a\",\"wrong\":1}]')", "wrong"),
        ("enqueue_many('[{\"kind\":\"a\"},{}]')", "kind"),
        ("enqueue_many('[{\"kind\":\"a\"},{\"kind\":\"a\",\"priority\":11}]')", "priority"),
    ] {
        let refused = refused(&database, &format!("select courant.{call}")).await;
        assert!(refused.contains(why), "{call}: {refused}");
    }
    assert_eq!(database.text("select count(*) from courant.jobs").await, "0");
    assert_eq!(database.text("select courant.enqueue_many('[]')").await, "{}");
}
