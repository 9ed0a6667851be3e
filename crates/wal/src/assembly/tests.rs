use proptest::prelude::*;

use super::*;
use crate::pgoutput::tests::capture;

const ROOM: Limits = Limits { changes_max: 1000, bytes_max: 1 << 20, streamed_bytes_max: 1 << 20 };

/// Every transaction of a stream.
fn assemble(limits: Limits, messages: &[Bytes]) -> Result<Vec<Transaction>, DecodeError> {
    let mut assembly = Assembly::new(limits);
    let mut transactions = Vec::new();
    for message in messages {
        transactions.extend(assembly.push(message.clone())?);
        if assembly.block.is_some() {
            let held: usize = assembly.streamed.values().map(Gathering::bytes).sum();
            assert_eq!(held, assembly.streamed_bytes);
            assert!(held <= limits.streamed_bytes_max);
        }
    }
    Ok(transactions)
}

fn text(change: &Change) -> String {
    let tuple = |tuple: &Option<Tuple>| {
        let datum = |datum: &Datum| match datum {
            Datum::Null => "null".to_owned(),
            Datum::Absent => "-".to_owned(),
            Datum::Text(text) => String::from_utf8_lossy(text).into_owned(),
        };
        tuple
            .as_ref()
            .map(|tuple| tuple.0.iter().map(datum).collect::<Vec<_>>().join(" "))
            .unwrap_or_default()
    };
    match change {
        Change::Row { relation, old, new } => format!("{}: {} -> {}", relation.name, tuple(old), tuple(new)),
        Change::Whole(_) => "whole".to_owned(),
        Change::Schema(_) => "schema".to_owned(),
    }
}

fn texts(transaction: &Transaction) -> Vec<String> {
    transaction.changes.iter().map(text).collect()
}

#[test]
fn a_captured_stream_becomes_its_transactions() {
    let transactions = assemble(ROOM, &capture()).unwrap();
    let told: Vec<_> = transactions.iter().map(texts).collect();
    let expected: [&[&str]; 6] = [
        &[
            "d:  -> 1 a null",
            "d:  -> 2 é good",
            "f:  -> 1 a",
            "d:  -> 1 b null",
            "d: 2 - - -> 3 é good",
            "f: 1 a -> 1 null",
        ],
        &["d: 1 - - -> "],
        &["schema", "d:  -> 3 é good 5"],
        &["whole", "whole"],
        &["f:  -> 7 before", "big:  -> 1 kept", "f: 7 before -> ", "big:  -> 3 kept"],
        &["f:  -> 8 end"],
    ];
    assert_eq!(told, expected);
    let messages: Vec<usize> = transactions.iter().map(|transaction| transaction.messages.len()).collect();
    assert_eq!(messages, [1, 0, 0, 0, 1, 0]);
    assert!(transactions.is_sorted_by_key(|transaction| transaction.end));
}

/// Builds messages as a server does.
struct Sender {
    messages: Vec<Bytes>,
}

impl Sender {
    fn send(&mut self, kind: u8, parts: &[&[u8]]) {
        let mut message = vec![kind];
        parts.iter().for_each(|part| message.extend_from_slice(part));
        self.messages.push(message.into());
    }

    /// A table of one column, its identity.
    fn relation(&mut self, subxid: &[u8], id: u32, column: &[u8]) {
        let columns = [b"\0\x01\x01", column, b"\0\0\0\0\x17\xff\xff\xff\xff"].concat();
        self.send(b'R', &[subxid, &id.to_be_bytes(), b"public\0t\0d", &columns]);
    }

    fn insert(&mut self, subxid: &[u8], id: u32, value: &[u8]) {
        let length = u32::try_from(value.len()).unwrap().to_be_bytes();
        self.send(b'I', &[subxid, &id.to_be_bytes(), b"N\0\x01t", &length, value]);
    }

    fn begin(&mut self, xid: u32) {
        self.send(b'B', &[&[0; 16], &xid.to_be_bytes()]);
    }

    fn commit(&mut self, end: u64) {
        self.send(b'C', &[&[0; 9], &end.to_be_bytes(), &[0; 8]]);
    }

    fn block(&mut self, xid: u32, first: bool, fill: impl FnOnce(&mut Sender)) {
        self.send(b'S', &[&xid.to_be_bytes(), &[first.into()]]);
        fill(self);
        self.send(b'E', &[]);
    }

    fn stream_commit(&mut self, xid: u32, end: u64) {
        self.send(b'c', &[&xid.to_be_bytes(), &[0; 9], &end.to_be_bytes(), &[0; 8]]);
    }

    fn stream_abort(&mut self, xid: u32, subxid: u32) {
        self.send(b'A', &[&xid.to_be_bytes(), &subxid.to_be_bytes()]);
    }
}

#[test]
fn what_a_streamed_transaction_describes_holds_for_others_once_it_commits() {
    let mut sender = Sender { messages: Vec::new() };
    let one = 1_u32.to_be_bytes();
    sender.begin(9);
    sender.relation(&[], 7, b"old");
    sender.insert(&[], 7, b"a");
    sender.commit(10);
    sender.block(1, true, |sender| {
        sender.relation(&one, 7, b"new");
        sender.insert(&one, 7, b"b");
    });
    sender.begin(11);
    sender.insert(&[], 7, b"c");
    sender.commit(20);
    sender.stream_commit(1, 30);
    sender.begin(12);
    sender.insert(&[], 7, b"d");
    sender.commit(40);
    let transactions = assemble(ROOM, &sender.messages).unwrap();
    let columns = |transaction: &Transaction| match transaction.changes.last() {
        Some(Change::Row { relation, .. }) => relation.columns[0].name.clone(),
        other => panic!("not a row: {other:?}"),
    };
    assert_eq!(transactions.iter().map(columns).collect::<Vec<_>>(), ["old", "old", "new", "new"]);
    assert_eq!(texts(&transactions[2]), ["schema", "t:  -> b"]);
}

#[test]
fn an_aborted_subtransaction_leaves_nothing_but_its_siblings() {
    let (top, sub, other) = (1_u32.to_be_bytes(), 2_u32.to_be_bytes(), 3_u32.to_be_bytes());
    let mut sender = Sender { messages: Vec::new() };
    sender.block(1, true, |sender| {
        sender.relation(&top, 7, b"c");
        sender.insert(&top, 7, b"top");
        sender.insert(&sub, 7, b"sub");
        sender.send(b'T', &[&sub, &1_u32.to_be_bytes(), &[0], &7_u32.to_be_bytes()]);
    });
    sender.block(1, false, |sender| sender.insert(&other, 7, b"other"));
    sender.stream_abort(1, 2);
    sender.block(5, true, |_| {});
    sender.stream_abort(5, 5);
    sender.stream_abort(6, 6);
    sender.block(1, false, |sender| sender.insert(&top, 7, b"end"));
    sender.stream_commit(1, 10);
    let transactions = assemble(ROOM, &sender.messages).unwrap();
    assert_eq!(transactions.len(), 1);
    assert_eq!(texts(&transactions[0]), ["t:  -> top", "t:  -> other", "t:  -> end"]);
}

#[test]
fn a_relation_that_changed_between_transactions_is_told_with_the_next() {
    let mut sender = Sender { messages: Vec::new() };
    sender.relation(&[], 7, b"old");
    sender.relation(&[], 7, b"new");
    sender.begin(1);
    sender.insert(&[], 7, b"a");
    sender.commit(10);
    let transactions = assemble(ROOM, &sender.messages).unwrap();
    assert_eq!(texts(&transactions[0]), ["schema", "t:  -> a"]);
}

#[test]
fn streamed_transactions_together_stay_within_their_bound() {
    let mut sender = Sender { messages: Vec::new() };
    for part in 0..100 {
        for xid in 1..=20_u32 {
            let subxid = xid.to_be_bytes();
            sender.block(xid, part == 0, |sender| {
                sender.relation(&subxid, xid, b"c");
                sender.insert(&subxid, xid, &[b'x'; 1000]);
            });
        }
    }
    for xid in 1..=20_u32 {
        sender.stream_commit(xid, u64::from(xid));
    }
    let limits = Limits { streamed_bytes_max: 1_000_000, ..ROOM };
    let transactions = assemble(limits, &sender.messages).unwrap();
    assert_eq!(transactions.len(), 20);
    let collapsed = transactions.iter().filter(|transaction| texts(transaction) == ["whole"]).count();
    assert!(collapsed > 0 && collapsed < 20, "{collapsed} collapsed");
    assert!(transactions.iter().all(|told| told.changes.len() == 100 || texts(told) == ["whole"]));
}

#[test]
fn a_transaction_that_is_past_its_bound_keeps_no_read_buffer_alive() {
    let mut sender = Sender { messages: Vec::new() };
    sender.begin(1);
    sender.relation(&[], 7, b"c");
    sender.send(b'M', &[&[1], &[0; 8], b"other\0", &1000_u32.to_be_bytes(), &[0; 1000]]);
    sender.insert(&[], 7, b"kept");
    sender.commit(10);
    let slices = |bytes_max: usize| {
        let told = assemble(Limits { bytes_max, ..ROOM }, &sender.messages).unwrap();
        let Change::Row { new: Some(Tuple(values)), .. } = &told[0].changes[0] else { panic!("not a row") };
        let Datum::Text(text) = &values[0] else { panic!("not a text") };
        sender.messages[3].as_ptr_range().contains(&text.as_ptr())
    };
    assert!(slices(10_000), "copied without need");
    assert!(!slices(500), "not copied");
}

#[test]
fn doubt_is_an_error() {
    let stream = |build: fn(&mut Sender)| {
        let mut sender = Sender { messages: Vec::new() };
        build(&mut sender);
        assemble(ROOM, &sender.messages).unwrap_err()
    };
    assert_eq!(stream(|sender| sender.commit(1)), DecodeError::OutOfPlace(b'C'));
    assert_eq!(stream(|sender| sender.insert(&[], 7, b"x")), DecodeError::OutOfPlace(b'I'));
    assert_eq!(stream(|sender| sender.send(b'E', &[])), DecodeError::OutOfPlace(b'E'));
    assert_eq!(stream(|sender| sender.stream_commit(3, 4)), DecodeError::UnknownTransaction(3));
    assert_eq!(stream(|sender| sender.block(3, false, |_| {})), DecodeError::UnknownTransaction(3));
    let nested: fn(&mut Sender) = |sender| sender.block(3, true, |sender| sender.begin(4));
    assert_eq!(stream(nested), DecodeError::OutOfPlace(b'B'));
    let unknown: fn(&mut Sender) = |sender| {
        sender.begin(1);
        sender.insert(&[], 7, b"x");
    };
    assert_eq!(stream(unknown), DecodeError::UnknownRelation(RelationId(7)));
    let wide: fn(&mut Sender) = |sender| {
        sender.begin(1);
        sender.relation(&[], 7, b"c");
        sender.send(b'I', &[&7_u32.to_be_bytes(), b"N\0\x02nn"]);
    };
    assert_eq!(stream(wide), DecodeError::Width(RelationId(7)));
}

/// A change of a server's stream: a message lost, doubled or moved, or a byte overwritten.
#[derive(Clone, Debug)]
enum Harm {
    Lose(prop::sample::Index),
    Double(prop::sample::Index),
    Swap(prop::sample::Index, prop::sample::Index),
    Overwrite(prop::sample::Index, prop::sample::Index, u8),
    Cut(prop::sample::Index, prop::sample::Index),
}

fn harm() -> impl Strategy<Value = Harm> {
    use prop::sample::Index;
    prop_oneof![
        any::<Index>().prop_map(Harm::Lose),
        any::<Index>().prop_map(Harm::Double),
        any::<(Index, Index)>().prop_map(|(one, other)| Harm::Swap(one, other)),
        any::<(Index, Index, u8)>().prop_map(|(message, at, byte)| Harm::Overwrite(message, at, byte)),
        any::<(Index, Index)>().prop_map(|(message, at)| Harm::Cut(message, at)),
    ]
}

fn apply(harm: Harm, messages: &mut Vec<Bytes>) {
    let count = messages.len();
    match harm {
        Harm::Lose(at) => drop(messages.remove(at.index(count))),
        Harm::Double(at) => messages.insert(at.index(count), messages[at.index(count)].clone()),
        Harm::Swap(one, other) => messages.swap(one.index(count), other.index(count)),
        Harm::Overwrite(at, byte, value) => {
            let message = &mut messages[at.index(count)];
            let mut bytes = message.to_vec();
            if !bytes.is_empty() {
                bytes[byte.index(message.len())] = value;
            }
            *message = bytes.into();
        }
        Harm::Cut(at, length) => {
            let message = &mut messages[at.index(count)];
            *message = message.slice(..length.index(message.len() + 1));
        }
    }
}

proptest! {
    #[test]
    fn a_harmed_stream_never_panics_nor_outgrows_its_bounds(
        harms in prop::collection::vec(harm(), 1..8),
        changes_max in 0_usize..20,
        bytes_max in 0_usize..2000,
        streamed_bytes_max in 0_usize..2000,
    ) {
        let mut messages = capture();
        harms.into_iter().for_each(|harm| apply(harm, &mut messages));
        let limits = Limits { changes_max, bytes_max, streamed_bytes_max };
        let mut assembly = Assembly::new(limits);
        for message in messages {
            // An error ends a real stream; going on after it must be harmless all the same.
            if let Ok(Some(transaction)) = assembly.push(message) {
                let rows = transaction.changes.iter().filter(|change| matches!(change, Change::Row { .. }));
                prop_assert!(rows.count() <= changes_max);
            }
            let held: usize = assembly.streamed.values().map(Gathering::bytes).sum();
            prop_assert_eq!(held, assembly.streamed_bytes);
            prop_assert!(held <= streamed_bytes_max);
        }
    }

    #[test]
    fn what_collapses_claims_no_less_than_what_is_told_in_full(changes_max in 0_usize..8) {
        let full = assemble(ROOM, &capture()).unwrap();
        let bounded = assemble(Limits { changes_max, ..ROOM }, &capture()).unwrap();
        for (full, bounded) in full.iter().zip(&bounded) {
            let whole = |id: RelationId| {
                bounded.changes.iter().any(|change| matches!(change, Change::Whole(other) if *other == id))
            };
            for change in &full.changes {
                let told = bounded.changes.iter().any(|other| text(other) == text(change));
                let covered = matches!(change, Change::Row { relation, .. } if whole(relation.id));
                prop_assert!(told || covered, "{} is lost", text(change));
            }
        }
    }
}
