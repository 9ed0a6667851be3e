//! Every case's statement, prepared and run on a real PostgreSQL.

use std::fmt::Write;

use bytes::{BufMut, BytesMut};
use pg::Parameter;
use pg::cluster::{Cluster, ClusterSettings};
use rest::{Access, Plan, Returned};
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};
use tokio_postgres::{NoTls, Row, Transaction};

use crate::cases::CASES;
use crate::fixture::{asked, rules};
use crate::plans::shown;

/// A parameter as the product sends it: text, whatever type the server inferred.
#[derive(Debug)]
struct Text<'a>(&'a Parameter);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self.0 {
            Parameter::Null => Ok(IsNull::Yes),
            Parameter::Text(text) => {
                out.put_slice(text);
                Ok(IsNull::No)
            }
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

#[tokio::test]
async fn every_case_is_answered_by_postgresql_with_the_right_bytes() {
    let cluster = Cluster::for_test_with("rest", ClusterSettings::for_tests().with("timezone", "UTC"));
    let (mut client, connection) = tokio_postgres::connect(&cluster.uri("postgres"), NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(include_str!("schema.sql")).await.unwrap();
    let (mut wrong, mut read, mut batched) = (Vec::new(), String::new(), 0);
    for case in CASES {
        let asked = asked(case.request, case.headers, case.body);
        let plan = match asked.plan(&rules()) {
            Ok(plan) => plan,
            Err(error) => {
                wrong.push(format!("{}\n  is refused: {error}", case.request));
                continue;
            }
        };
        let transaction = client.transaction().await.unwrap();
        let parameters: Vec<Text<'_>> = plan.statement.parameters.iter().map(Text).collect();
        let parameters: Vec<&(dyn ToSql + Sync)> =
            parameters.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
        match transaction.query(&plan.statement.sql, &parameters).await {
            Ok(rows) => {
                batched += usize::from(is_the_same_asked_twice(&transaction, &plan, &rows[0]).await);
                let [row] = rows.as_slice() else { panic!("{} returned {} rows", case.request, rows.len()) };
                let names: Vec<&str> =
                    row.columns().iter().take(5).map(tokio_postgres::Column::name).collect();
                assert_eq!(names, ["body", "rows", "total", "snapshot", "position"]);
                let body: Option<String> = row.get("body");
                let wanted = case.answer.map(|answer| answer.replace('~', "\n ").replace('^', "\n"));
                if body != wanted {
                    wrong.push(format!("{}\n  {body:?}\n  instead of {wanted:?}", case.request));
                }
                if plan.access == Access::Read {
                    writeln!(read, "{}\n  {}", case.request, reads(&plan, row)).unwrap();
                }
            }
            Err(error) => {
                let error = error.as_db_error().map_or(error.to_string(), |error| error.message().to_owned());
                wrong.push(format!("{}\n  fails: {error}\n  {}", case.request, plan.statement.sql));
            }
        }
        // The rest of the cases expect the rows of the schema.
        transaction.rollback().await.unwrap();
    }
    assert!(batched > 0, "no case names a row by its key");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    insta::assert_snapshot!(read);
}

/// Whether the plan may be asked for several requests at once; then each is answered as it is alone.
async fn is_the_same_asked_twice(transaction: &Transaction<'_>, plan: &Plan, alone: &Row) -> bool {
    let Some(batchable) = &plan.batchable else { return false };
    let asked = [plan.statement.parameters.clone(), plan.statement.parameters.clone()];
    let both = batchable.statement(&plan.statement.sql, &asked);
    let parameters: Vec<Text<'_>> = both.parameters.iter().map(Text).collect();
    let parameters: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|p| p as &(dyn ToSql + Sync)).collect();
    let rows = transaction.query(&both.sql, &parameters).await.unwrap();
    let nth: Vec<i64> = rows.iter().map(|row| row.get("nth")).collect();
    assert_eq!(nth, [1, 2]);
    for row in rows {
        assert_eq!(row.get::<_, Option<String>>("body"), alone.get::<_, Option<String>>("body"));
        assert_eq!(row.get::<_, i64>("rows"), alone.get::<_, i64>("rows"));
        assert_eq!(row.len(), alone.len() + 1);
    }
    true
}

/// What a case read, by the row that PostgreSQL answered with.
fn reads(plan: &Plan, row: &Row) -> String {
    let named = |name: &str| row.columns().iter().position(|column| column.name() == name);
    let keys = (1..).map_while(|number| named(&format!("key_{number}"))).map(|key| row.get(key));
    let keys: Vec<Vec<Option<String>>> = keys.collect();
    let embedded: Option<String> = named("embedded").and_then(|column| row.get(column));
    let rows: i64 = row.get("rows");
    assert!(keys.iter().all(|values| values.len() == rows as usize), "a value for each row");
    shown(plan, &Returned { rows: rows as u64, keys: &keys, embedded: embedded.as_deref() })
}
