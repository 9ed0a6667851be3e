use std::time::Duration;

use super::*;
use crate::init::database::Moment;
use crate::init::findings::learn;
use crate::init::findings::tests::{exchange, seen};
use crate::init::statement;

fn moment(from_ms: u64, to_ms: u64, statements: &[usize]) -> Moment {
    let statements = statements.iter().map(|statement| (*statement, 1)).collect();
    Moment { from: Duration::from_millis(from_ms), to: Duration::from_millis(to_ms), statements }
}

fn told(moments: Vec<Moment>, texts: &[&str]) -> Told {
    let statements = texts.iter().map(|text| statement::read(text)).collect();
    Told { moments, statements, is_complete: true, ..Told::default() }
}

fn of(doings: &HashMap<Place, Doing>, method: &str, pattern: &str) -> Doing {
    doings[&Place { pattern: pattern.to_owned(), method: method.to_owned() }].clone()
}

const TEXTS: [&str; 4] = [
    "select * from users where id = $1",
    "select * from messages where conversation_id = $1",
    "delete from jobs",
    "update users set name = $1 where id = $2",
];

#[test]
fn what_runs_while_a_route_is_alone_is_its_own() {
    let paths = ["/me", "/messages", "/me", "/messages", "/me", "/messages"];
    let all = (0u64..).zip(paths).map(|(n, path)| exchange(n * 100, "GET", path, &[], 1)).collect();
    let mut moments = Vec::new();
    for n in 0..6 {
        moments.push(moment(n * 100, n * 100 + 20, &[usize::from(n % 2 == 1)]));
        // A job of the database's own.
        moments.push(moment(n * 100 + 50, n * 100 + 60, &[2]));
    }
    let seen = seen(&[], all);
    let doings = attribute(&seen, &learn(&seen), &told(moments, &TEXTS));
    let (me, messages) = (of(&doings, "GET", "/me"), of(&doings, "GET", "/messages"));
    assert_eq!((me.reads, me.writes), (BTreeSet::from(["users".to_owned()]), BTreeSet::new()));
    assert_eq!((me.alone, messages.is_sure()), (3, true));
    assert_eq!(messages.reads, BTreeSet::from(["messages".to_owned()]));
    let narrowed = BTreeMap::from([("messages".to_owned(), BTreeSet::from(["conversation_id".to_owned()]))]);
    assert_eq!(messages.narrowed, narrowed);
}

#[test]
fn routes_that_are_never_alone_are_told_apart_by_how_often() {
    let (mut all, mut moments) = (Vec::new(), Vec::new());
    for n in 0..20u64 {
        let (me, messages) = (1 + n % 3, 1 + (n * 7) % 5);
        all.extend((0..me).map(|_| exchange(n * 1000, "GET", "/me", &[], 1)));
        all.extend((0..messages).map(|_| exchange(n * 1000, "GET", "/messages", &[], 1)));
        let statements = [(0, me as u32), (1, messages as u32)];
        moments.push(Moment { statements: statements.to_vec(), ..moment(n * 1000, n * 1000 + 500, &[]) });
    }
    let seen = seen(&[], all);
    let doings = attribute(&seen, &learn(&seen), &told(moments, &TEXTS));
    let me = of(&doings, "GET", "/me");
    assert_eq!((me.reads, me.alone, me.among), (BTreeSet::from(["users".to_owned()]), 0, 20));
    assert_eq!(of(&doings, "GET", "/messages").reads, BTreeSet::from(["messages".to_owned()]));
}

#[test]
fn a_change_that_nothing_wrote_is_told() {
    let answers = [1, 1, 2, 3];
    let all =
        (0u64..).zip(answers).map(|(n, answer)| exchange(n * 1000, "GET", "/me", &[], answer)).collect();
    let mut moments: Vec<Moment> = (0..4).map(|n| moment(n * 1000, n * 1000 + 10, &[0])).collect();
    // Between the second and the third.
    moments.insert(2, moment(1500, 1510, &[3]));
    let seen = seen(&[], all);
    let doings = attribute(&seen, &learn(&seen), &told(moments, &TEXTS));
    assert_eq!(of(&doings, "GET", "/me").unexplained, 1);
}
