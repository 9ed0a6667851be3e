//! Any bytes as a body in chunks: framed the same whole and byte by byte, handed over unchanged, and read by the
//! parser behind to the same end.
#![no_main]

#[path = "../../crates/courant/src/listen/chunks.rs"]
mod chunks;

mod failure {
    //! The one way in which a body can end early; the binary has more.

    #[derive(Debug, PartialEq, Eq)]
    pub(crate) struct Failure;
}

mod judgement {
    //! What the rules for heads say; those for chunks are in their own file.

    pub(crate) fn malformed(_: &str) -> super::failure::Failure {
        super::failure::Failure
    }
}

use bytes::BytesMut;
use chunks::{Chunks, Next};
use libfuzzer_sys::fuzz_target;

/// What was handed over, and how many bytes that took, if the body ended.
fn framed(input: &[u8], piece_bytes: usize) -> Result<Option<(Vec<u8>, usize)>, failure::Failure> {
    let (mut chunks, mut sound, mut data) = (Chunks::default(), BytesMut::new(), 0);
    let (mut raw, mut rest) = (BytesMut::new(), input);
    loop {
        if raw.is_empty() {
            if rest.is_empty() {
                return Ok(None);
            }
            let (piece, after) = rest.split_at(piece_bytes.min(rest.len()));
            raw.extend_from_slice(piece);
            rest = after;
        }
        if data > 0 {
            let passed = raw.split_to(raw.len().min(usize::try_from(data).unwrap_or(usize::MAX)));
            data -= passed.len() as u64;
            sound.extend_from_slice(&passed);
            continue;
        }
        match chunks.take(&mut raw, &mut sound)? {
            Next::Line => {}
            Next::Data(bytes) => data = bytes,
            Next::End => return Ok(Some((sound.to_vec(), input.len() - rest.len() - raw.len()))),
        }
    }
}

fuzz_target!(|input: &[u8]| {
    let whole = framed(input, usize::MAX);
    assert_eq!(whole, framed(input, 1));
    let Ok(Some((passed, taken))) = whole else { return };
    assert_eq!(passed, &input[..taken]);
    // Line by line, as the parser behind finds the sizes.
    let (mut at, mut size) = (0, 1);
    while size > 0 {
        let Ok(httparse::Status::Complete((begin, found))) = httparse::parse_chunk_size(&passed[at..]) else {
            panic!("no size at {at}");
        };
        size = found;
        at += begin + usize::try_from(size).unwrap() + if size > 0 { 2 } else { 0 };
    }
    assert!(at < taken);
});
