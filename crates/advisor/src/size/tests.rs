//! Sizes foretold, against those of the same indexes once PostgreSQL has built them.

use pg::cluster::Cluster;
use pg::connect::ConnectOptions;

use super::{PAGE_BYTES, SizeModel, pages};
use crate::index::Index;
use crate::session::Session;
use crate::source::Source;

const SCHEMA: &str = "
create table thing (id int not null, few int not null, many int not null, day date not null, word text not null,
                  wide text not null, seldom int, often int, state text not null);
insert into thing select n, hashint4(n) & 31, n * 1013 % 9000, date '2020-01-01' + n / 100, 'word ' || n * 31 % 700,
  md5(n::text) || md5((n + 1)::text), case when n % 20 <> 0 then n end, case when n % 20 = 0 then n end,
  case when n % 10 = 0 then 'open' else 'done' end from generate_series(1, 60000) n;
analyze";

/// Keys, carried columns, a condition and the share of rows that it leaves.
type Built = (&'static [&'static str], &'static [&'static str], Option<&'static str>, f64);

const BUILT: [Built; 12] = [
    (&["id"], &[], None, 1.0),
    (&["few"], &[], None, 1.0),
    (&["many"], &[], None, 1.0),
    (&["day"], &[], None, 1.0),
    (&["word"], &[], None, 1.0),
    (&["wide"], &[], None, 1.0),
    (&["seldom"], &[], None, 1.0),
    (&["often"], &[], None, 1.0),
    (&["few", "id"], &[], None, 1.0),
    (&["few", "word"], &[], None, 1.0),
    (&["many"], &["id", "day"], None, 1.0),
    (&["id"], &[], Some("(state = 'open'::text)"), 0.1),
];

#[tokio::test]
async fn a_b_tree_weighs_within_15_percent_of_what_was_foretold() {
    let cluster = Cluster::for_test("sizes");
    let options = ConnectOptions::parse(Some(&cluster.uri("postgres")), &|_| None).unwrap();
    let mut session = Session::open(&options, &[]).await.unwrap();
    session.rows("make the table", SCHEMA).await.unwrap();
    let source = Source::read(&options).await.unwrap();
    let table = source.tables.iter().find(|table| table.name == "thing").unwrap();
    let mut wrong = Vec::new();
    for (keys, include, predicate, share) in BUILT {
        let mut index = Index::over("public", "thing", keys);
        index.include = include.iter().map(|&name| name.to_owned()).collect();
        index.predicate = predicate.map(str::to_owned);
        let told = (pages(SizeModel::Real, table, &index, share) * PAGE_BYTES) as f64;
        let commands =
            format!("{}; select pg_relation_size('built'); drop index built", index.definition("built"));
        let rows = session.rows("build it", &commands).await.unwrap();
        let real: f64 = rows[0].number(0).unwrap();
        if (told - real).abs() > 0.15 * real {
            wrong.push(format!("{}: {told} foretold, {real} built", index.definition("built")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
