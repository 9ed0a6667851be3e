use proptest::prelude::*;

use super::*;

/// One message a line, in hexadecimal; `tests/captures/everything.sql` is where they come from.
const CAPTURE: &str = include_str!("../../tests/captures/everything.hex");

pub(crate) fn capture() -> Vec<Bytes> {
    let byte = |line: &str, at: usize| u8::from_str_radix(&line[at..at + 2], 16).unwrap();
    CAPTURE.lines().map(|line| (0..line.len()).step_by(2).map(|at| byte(line, at)).collect()).collect()
}

/// Reads a message to its end, as either a row or something else.
fn read(message: &Bytes, in_block: bool) -> Result<(), DecodeError> {
    match row_head(message, in_block)? {
        Some(_) => row(message, in_block).map(drop),
        None => control(message, in_block).map(drop),
    }
}

/// Each captured message, and whether it stands in a stream block.
fn placed() -> Vec<(Bytes, bool)> {
    let mut in_block = false;
    let place = |message: Bytes| {
        in_block &= message[0] != tag::STREAM_STOP;
        let placed = (message.clone(), in_block);
        in_block |= message[0] == tag::STREAM_START;
        placed
    };
    capture().into_iter().map(place).collect()
}

#[test]
fn everything_that_a_server_sent_is_read() {
    let kinds: std::collections::BTreeSet<u8> = capture().iter().map(|message| message[0]).collect();
    assert_eq!(kinds.into_iter().map(char::from).collect::<String>(), "ABCDEIMRSTUYc");
    for (message, in_block) in placed() {
        read(&message, in_block).unwrap_or_else(|error| panic!("{message:?}: {error}"));
    }
}

#[test]
fn no_message_can_be_cut_short_or_drawn_out() {
    for (message, in_block) in placed() {
        for length in 0..message.len() {
            assert!(read(&message.slice(..length), in_block).is_err(), "{length} bytes of {message:?}");
        }
        let longer: Bytes = message.iter().copied().chain([0]).collect();
        assert_eq!(read(&longer, in_block), Err(DecodeError::Trailing(1)), "{message:?}");
    }
}

#[test]
fn a_value_is_a_slice_of_its_message() {
    let message = Bytes::from_static(b"I\0\0\0\x07N\0\x03t\0\0\0\x02hinu");
    let Row { old, new } = row(&message, false).unwrap();
    let Tuple(values) = new.unwrap();
    assert_eq!(old, None);
    assert_eq!(*values, [Datum::Text(Bytes::from_static(b"hi")), Datum::Null, Datum::Absent]);
    let Datum::Text(text) = &values[0] else { panic!("not a text") };
    assert_eq!(text.as_ptr(), message[13..].as_ptr());
}

#[test]
fn what_was_not_asked_for_is_an_error_of_its_own() {
    let binary = Bytes::from_static(b"I\0\0\0\x07N\0\x01b\0\0\0\x01x");
    assert_eq!(row(&binary, false), Err(DecodeError::Binary));
    assert_eq!(control(&Bytes::from_static(b"b"), false), Err(DecodeError::Message(b'b')));
    assert_eq!(row(&Bytes::from_static(b"I\0\0\0\x07K\0\0"), false), Err(DecodeError::Kind(b'K')));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), in_block: bool) {
        let _outcome = read(&bytes.into(), in_block);
    }

    #[test]
    fn arbitrary_bytes_of_a_known_kind_never_panic(
        kind in prop::sample::select(b"BCOYRIUDTMSEcA".to_vec()),
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(b'N'), Just(b't')], 0..100),
        in_block: bool,
    ) {
        let message: Vec<u8> = std::iter::once(kind).chain(bytes).collect();
        let _outcome = read(&message.into(), in_block);
    }
}
