//! A request's head, gathered before hyper reads it: line by line, up to its limit, and then judged as a whole.
//!
//! Request targets come as people write them: `select=data->>name` has a bare `>`, and `name=in.("Doe, J")` bare
//! quotes, which no URI has, and which PostgREST's documentation is full of. `<`, `>` and `"` of request lines are
//! written as `%3C`, `%3E` and `%22`; no other byte is changed. Never reads a socket, never sees a body; the rules are those of `judgement`.

use bytes::BytesMut;

use super::judgement::{Framing, judge, malformed};
use crate::failure::Failure;

/// Empty lines before a request line. RFC 9112, section 2.2, wants one to be ignored: old clients end bodies
/// with it.
const BLANK_LINES_MAX: usize = 3;
/// What a connection keeps of its last head's memory while it waits for the next.
const KEPT_BYTES_MAX: usize = 2048;

/// A head that is being gathered.
#[derive(Debug, Default)]
pub(super) struct Head {
    bytes: Vec<u8>,
    /// Where its last line begins; the first one is the request line.
    line_from: usize,
    /// At this length it is looked at again, although it is not whole.
    look_at: usize,
    blank_lines: usize,
}

impl Head {
    /// How much was gathered.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Takes what belongs to this head, but not far beyond `bytes_max`: how many bytes were taken, and
    /// whether it is whole.
    pub(super) fn take(&mut self, input: &[u8], bytes_max: usize) -> Result<(usize, bool), Failure> {
        let mut taken = 0;
        while taken < input.len() && self.len() <= bytes_max {
            let rest = &input[taken..];
            let end = rest.iter().position(|byte| *byte == b'\n');
            let piece = &rest[..end.map_or(rest.len(), |end| end + 1)];
            taken += piece.len();
            self.write(piece);
            if end.is_none() {
                continue;
            }
            if !self.bytes[self.line_from..].ends_with(b"\r\n") {
                return Err(malformed("a line ends in a bare line feed"));
            }
            let is_empty = self.len() - self.line_from == 2;
            match (is_empty, self.line_from) {
                (true, 0) => self.pass_blank_line()?,
                (true, _) => return Ok((taken, true)),
                (false, _) => self.line_from = self.len(),
            }
        }
        Ok((taken, false))
    }

    fn pass_blank_line(&mut self) -> Result<(), Failure> {
        self.bytes.clear();
        self.blank_lines += 1;
        if self.blank_lines > BLANK_LINES_MAX {
            return Err(malformed("too many empty lines come before it"));
        }
        Ok(())
    }

    fn write(&mut self, piece: &[u8]) {
        let foreign = |byte: &u8| matches!(byte, b'<' | b'>' | b'"');
        if self.line_from > 0 || !piece.iter().any(foreign) {
            return self.bytes.extend_from_slice(piece);
        }
        // A method has none of them, written in whatever way.
        let mut is_target = self.bytes.contains(&b' ');
        for &byte in piece {
            is_target |= byte == b' ';
            match byte {
                byte if !is_target => self.bytes.push(byte),
                b'<' => self.bytes.extend(b"%3C"),
                b'>' => self.bytes.extend(b"%3E"),
                b'"' => self.bytes.extend(b"%22"),
                byte => self.bytes.push(byte),
            }
        }
    }

    /// Whether the part that is here can still become a request. Looks each time the head has doubled, so
    /// that a head which comes byte by byte is not read over and over.
    pub(super) fn may_become_one(&mut self) -> Result<(), Failure> {
        if self.len() < self.look_at {
            return Ok(());
        }
        self.look_at = 2 * self.len();
        judge(&self.bytes).map(drop)
    }

    /// What was gathered.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Ready for the next.
    pub(super) fn forget(&mut self) {
        self.bytes.clear();
        self.bytes.shrink_to(KEPT_BYTES_MAX);
        (self.line_from, self.look_at, self.blank_lines) = (0, 0, 0);
    }

    /// What was gathered, for whom it is no head.
    pub(super) fn give_up(&mut self) -> Vec<u8> {
        std::mem::take(self).bytes
    }

    /// Hands the whole head over, tells what comes after it, and is ready for the next.
    pub(super) fn finish(&mut self, sound: &mut BytesMut) -> Result<Framing, Failure> {
        let judged = judge(&self.bytes);
        if let Ok(Some(_)) = judged {
            sound.extend_from_slice(&self.bytes);
        }
        self.forget();
        judged?.ok_or_else(|| malformed("it has no end"))
    }
}
