use super::*;

fn names(set: &BTreeSet<String>) -> Vec<&str> {
    set.iter().map(String::as_str).collect()
}

#[test]
fn tables_are_found_where_statements_name_them() {
    let cases: [(&str, &[&str], &[&str]); 16] = [
        ("select * from messages where id = $1", &["messages"], &[]),
        (
            "SELECT m.* FROM Messages AS m JOIN public.users u ON u.id = m.user_id",
            &["messages", "public.users"],
            &[],
        ),
        ("select 1 from a, b x, only c where a.id = x.id", &["a", "b", "c"], &[]),
        ("select \"Account\".\"id\" from \"public\".\"Account\" where $1 = $2", &["public.Account"], &[]),
        (
            "with m as (select * from messages) select * from m join users on true",
            &["messages", "users"],
            &[],
        ),
        (
            "with recursive a as not materialized (select 1), b as (select * from c) select * from a, b",
            &["c"],
            &[],
        ),
        ("insert into notes (a, b) values ($1, $2) returning id", &[], &["notes"]),
        ("insert into a select * from b on conflict (id) do update set x = $1", &["b"], &["a"]),
        ("update only crm.leads l set a = b.a from b where b.id = l.id", &["b"], &["crm.leads"]),
        ("delete from sessions using users where users.id = sessions.user_id", &["users"], &["sessions"]),
        ("select extract(year from at), substring(x from $1) from calls", &["calls"], &[]),
        ("select * from messages where a is distinct from b for update", &["messages"], &[]),
        ("select count(*) from (select * from inner_one) s", &["inner_one"], &[]),
        ("select * from t where x in (select y from u) -- from comment\n/* from other */", &["t", "u"], &[]),
        ("begin", &[], &[]),
        ("select 'from nothing', $1::text[]", &[], &[]),
    ];
    for (text, reads, writes) in cases {
        let found = read(text);
        assert_eq!((names(&found.reads), names(&found.writes)), (reads.to_vec(), writes.to_vec()), "{text}");
    }
    assert_eq!(
        names(&read("select * from unread($1) f, generate_series($2, $3)").functions),
        ["generate_series", "unread"]
    );
}

#[test]
fn a_column_narrows_where_every_row_must_pass() {
    let cases: [(&str, &[(&str, &str)]); 12] = [
        (
            "select * from messages where conversation_id = $1 order by id limit $2",
            &[("messages", "conversation_id")],
        ),
        ("select * from t where a = $1 and $2 = b", &[("t", "a"), ("t", "b")]),
        ("select * from a x join b y on y.id = x.id where x.owner = $1::uuid", &[("a", "owner")]),
        ("select * from \"Account\" where (\"Account\".\"id\" = $1 and $2 = $3)", &[("Account", "id")]),
        ("select * from a, b where id = $1", &[("", "id")]),
        ("select * from t where a = $1 or b = $2", &[]),
        ("select * from t where not (a = $1)", &[]),
        ("select * from t where a >= $1 and b <> $2 and c = any($3)", &[]),
        ("select * from t where a + b = $1", &[]),
        ("select * from t where id in (select t_id from u where x = $1)", &[]),
        ("select * from a left join b on b.id = $1 where a.id = $2", &[]),
        ("select * from t", &[]),
    ];
    for (text, expected) in cases {
        let found = read(text).narrowed;
        let found: Vec<(&str, &str)> =
            found.iter().map(|(table, column)| (table.as_str(), column.as_str())).collect();
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn whatever_stands_there_is_read_to_its_end() {
    for text in [
        "'",
        "\"",
        "$",
        "$9",
        "--",
        "/*",
        "from",
        "a.",
        "select * from a.",
        "::",
        "é from ü.ß",
        "(",
        "from (",
    ] {
        read(text);
    }
    read(&"from x, ".repeat(20_000));
    read(&format!("{}{}", "from (".repeat(9_000), ")".repeat(9_000)));
}
