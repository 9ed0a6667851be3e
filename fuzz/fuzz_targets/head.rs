//! Any bytes as the head of a request: gathered and judged the same whole and byte by byte, changed nowhere
//! but in the request line, and read by the parser behind as it was judged.
#![no_main]

#[path = "../../crates/courant/src/listen/authority.rs"]
mod authority;
#[path = "../../crates/courant/src/listen/head.rs"]
mod head;
#[path = "../../crates/courant/src/listen/judgement.rs"]
mod judgement;

mod failure {
    //! The one variant that a head can end in; the binary's has more.

    #[derive(Debug, PartialEq, Eq, thiserror::Error)]
    #[error("{status}: {why}")]
    pub(crate) enum Failure {
        Head { status: http::StatusCode, why: &'static str },
    }
}

use bytes::BytesMut;
use head::Head;
use libfuzzer_sys::fuzz_target;

const BYTES_MAX: usize = 4096;

/// The head at the input's begin, if one ends there, and how many bytes it took.
fn gathered<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Option<(usize, Head)> {
    let (mut head, mut all) = (Head::default(), 0);
    for piece in pieces {
        let Ok((taken, is_whole)) = head.take(piece, BYTES_MAX) else { return None };
        all += taken;
        if is_whole {
            return Some((all, head));
        }
        if head.len() > BYTES_MAX {
            return None;
        }
        let _ = head.may_become_one();
    }
    None
}

fuzz_target!(|input: &[u8]| {
    let (at_once, in_bytes) = (gathered(std::iter::once(input)), gathered(input.chunks(1)));
    let (Some((taken, mut at_once)), Some((taken_in_bytes, mut in_bytes))) = (at_once, in_bytes) else {
        return;
    };
    assert_eq!(taken, taken_in_bytes);
    let (mut head, mut head_in_bytes) = (BytesMut::new(), BytesMut::new());
    let judged = at_once.finish(&mut head);
    assert_eq!(judged, in_bytes.finish(&mut head_in_bytes));
    assert_eq!(head, head_in_bytes);
    if judged.is_err() {
        return;
    }
    let after_line = |bytes: &[u8]| bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
    let blank = input.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
    let sent = &input[blank..taken];
    assert_eq!(after_line(&head).map(|at| &head[at..]), after_line(sent).map(|at| &sent[at..]));
    let mut headers = [httparse::EMPTY_HEADER; judgement::HEADERS_MAX];
    let parsed = httparse::Request::new(&mut headers).parse(&head);
    assert_eq!(parsed, Ok(httparse::Status::Complete(head.len())));
});
