//! Healthy databases: an A, and no false alarm.

use std::time::Duration;

use doctor::Examination;

use crate::fixture::{Patient, alarms};

const SHOP: &str = "create role gateway login noinherit;
create role customer nologin;
grant customer to gateway;
create table customers (id int8 generated always as identity primary key, email text not null unique, since timestamptz not null default now());
create table orders (id int8 generated always as identity primary key, customer_id int8 not null references customers, total numeric not null, at timestamptz not null default now());
create index on orders (customer_id, at);
create table lines (order_id int8 not null references orders, line int not null, article text not null, primary key (order_id, line));
insert into customers (email) select n || '@example.org' from generate_series(1, 3000) n;
insert into orders (customer_id, total, at) select 1 + n % 3000, n, now() - n * interval '1 minute' from generate_series(1, 30000) n;
insert into lines select 1 + n % 30000, n / 30000, 'a' || n % 100 from generate_series(0, 59999) n;
alter table orders enable row level security;
grant select, insert on orders to customer;
create policy own on orders to customer using (customer_id = (select nullif(current_setting('app.customer', true), '')::int8));
create view recent with (security_barrier) as select id, total from orders where at > now() - interval '1 day';
create function total_of(customer int8) returns numeric language sql stable as 'select sum(total) from public.orders where customer_id = customer';
vacuum analyze customers;
vacuum analyze orders;
vacuum analyze lines;
select pg_stat_reset();
select extensions.pg_stat_statements_reset()";

async fn shop() -> Patient {
    let patient = Patient::new(SHOP).await;
    let order = patient.client.prepare("select * from orders where id = $1").await.unwrap();
    let of = patient
        .client
        .prepare("select * from orders where customer_id = $1 order by at desc limit 10")
        .await
        .unwrap();
    let lines = patient.client.prepare("select * from lines where order_id = $1").await.unwrap();
    for n in 0..500_i64 {
        for statement in [&order, &of, &lines] {
            patient.client.query(statement, &[&(1 + n * 5)]).await.unwrap();
        }
    }
    patient
}

#[tokio::test]
async fn a_healthy_database_gets_an_a_without_a_false_alarm() {
    let patient = shop().await;
    let report = patient.examine().await;
    assert_eq!(alarms(&report), Vec::<&str>::new());
    assert_eq!(report.grade.letter(), 'A', "{:#?}", report.kpis);
    assert!(report.score > 95.0, "{}", report.score);
}

#[tokio::test]
async fn what_the_user_decided_to_live_with_is_left_out() {
    let patient = shop().await;
    patient.run("create index again on orders (customer_id, at)").await;
    let asked = |ignore: &[&str]| Examination {
        ignore: ignore.iter().map(|&name| name.to_owned()).collect(),
        sample: Duration::ZERO,
        ..Examination::default()
    };
    assert_eq!(alarms(&patient.examine_as(&asked(&[])).await), ["duplicate-index:public.again"]);
    for name in ["duplicate-index", "duplicate-index:public.again"] {
        assert!(alarms(&patient.examine_as(&asked(&[name])).await).is_empty(), "{name}");
    }
}

#[tokio::test]
async fn an_empty_database_is_not_graded() {
    let report = Patient::new("select 1").await.examine().await;
    assert_eq!(report.grade.letter(), 'I');
    assert!(alarms(&report).is_empty(), "{:?}", alarms(&report));
}
