//! What the schema has and, above all, what it has not.

use pg::cluster::Cluster;

use crate::fixture::installed;

#[tokio::test]
async fn no_table_has_an_index_besides_its_primary_key() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    let rows = client
        .query(
            "select c.relname::text,
                (select count(*) from pg_index i where i.indrelid = c.oid and i.indisprimary),
                (select count(*) from pg_index i where i.indrelid = c.oid and not i.indisprimary),
                (select count(*) from pg_trigger t where t.tgrelid = c.oid and not t.tgisinternal),
                c.relrowsecurity
            from pg_class c
            where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(rows.len(), 16);
    for row in rows {
        let table: String = row.get(0);
        assert_eq!(row.get::<_, i64>(1), 1, "primary keys of {table}");
        assert_eq!(row.get::<_, i64>(2), 0, "secondary indexes of {table}");
        assert_eq!(row.get::<_, i64>(3), 0, "triggers of {table}");
        assert!(row.get::<_, bool>(4), "row-level security of {table}");
    }
}

#[tokio::test]
async fn two_databases_of_one_cluster_share_the_roles() {
    let cluster = Cluster::for_test("example");
    installed(&cluster, "first").await;
    let client = installed(&cluster, "second").await;
    let row = client
        .query_one(
            "select count(*), bool_or(rolbypassrls and rolname <> 'service_role'), bool_or(rolcanlogin)
            from pg_roles where rolname in ('anon', 'authenticated', 'service_role')",
            &[],
        )
        .await
        .unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
    assert!(!row.get::<_, bool>(1));
    assert!(!row.get::<_, bool>(2));
}

#[tokio::test]
async fn a_second_installation_is_refused_and_says_in_which_file() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    let error = field_service::install(&client).await.unwrap_err();
    assert_eq!(error.to_string(), "the example's 02-tables.sql was refused");
    // The connection is fit for use afterwards.
    client.batch_execute("select 1").await.unwrap();
}

#[tokio::test]
async fn what_the_configuration_declares_exists() {
    let cluster = Cluster::for_test("example");
    let client = installed(&cluster, "example").await;
    let configuration: toml::Table = field_service::CONFIGURATION.parse().unwrap();
    let declared = configuration["cache"]["declare"].as_array().unwrap();
    assert_eq!(declared.len(), 4);
    for entry in declared {
        let mut relations: Vec<&str> =
            entry["depends_on"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        relations.extend(entry.get("view").map(|name| name.as_str().unwrap()));
        for name in relations {
            let row = client.query_one("select to_regclass($1) is not null", &[&name]).await.unwrap();
            assert!(row.get::<_, bool>(0), "{name}");
        }
        if let Some(name) = entry.get("function").map(|name| name.as_str().unwrap()) {
            let row = client.query_one("select to_regproc($1) is not null", &[&name]).await.unwrap();
            assert!(row.get::<_, bool>(0), "{name}");
        }
    }
}
