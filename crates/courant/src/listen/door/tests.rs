use std::collections::VecDeque;
use std::task::Waker;

use proptest::prelude::*;
use tokio::io::{Join, Sink, join, sink};

use super::*;

/// A socket that yields one piece at a time, and then its end.
struct Pieces(VecDeque<Vec<u8>>);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(mut piece) = self.0.pop_front() {
            let rest = piece.split_off(piece.len().min(buffer.remaining()));
            buffer.put_slice(&piece);
            if !rest.is_empty() {
                self.0.push_front(rest);
            }
        }
        Poll::Ready(Ok(()))
    }
}

const PATIENCE: Patience = Patience {
    header_bytes_max: 400,
    header_timeout: Duration::from_secs(3600),
    idle_timeout: Duration::from_secs(3600),
    write_timeout: Duration::from_secs(3600),
};

/// Nobody knows any head.
fn nobody() -> Shortcut {
    Shortcut::new(None, false)
}

/// What comes through the door, read with a buffer of that size, and why something did not.
fn through(pieces: impl IntoIterator<Item = Vec<u8>>, buffer_bytes: usize) -> (Vec<u8>, Option<String>) {
    let pieces = pieces.into_iter().filter(|piece| !piece.is_empty()).collect();
    let mut door = Door::new(join(Pieces(pieces), sink()), PATIENCE, nobody(), |_, _| ());
    let (mut all, mut space) = (Vec::new(), vec![0; buffer_bytes]);
    loop {
        let mut buffer = ReadBuf::new(&mut space);
        let read = Pin::new(&mut door).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        assert!(matches!(read, Poll::Ready(Ok(()))));
        if buffer.filled().is_empty() {
            return (all, door.refused.get().map(ToString::to_string));
        }
        all.extend_from_slice(buffer.filled());
    }
}

#[test]
fn after_an_upgrade_nothing_is_looked_at_not_even_what_came_before_it_was_granted() {
    let request = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n".to_vec();
    let sent = [request.clone(), b"GE".to_vec(), b"\x81\n\nnot a head\r\n\r\n".to_vec()];
    let ignored = |_: Refused, _: &Failure| ();
    let mut door = Door::new(join(Pieces(sent.clone().into()), sink()), PATIENCE, nobody(), ignored);
    let read = |door: &mut Door<Join<Pieces, Sink>, _>| {
        let mut space = [0; 64];
        let mut buffer = ReadBuf::new(&mut space);
        let polled = Pin::new(door).poll_read(&mut Context::from_waker(Waker::noop()), &mut buffer);
        assert!(matches!(polled, Poll::Ready(Ok(()))));
        buffer.filled().to_vec()
    };
    assert_eq!(read(&mut door), request);
    // Two bytes that came too early, and were taken for the begin of a head.
    door.raw.extend_from_slice(&sent[1]);
    door.look();
    assert!(door.head.len() > 0);
    door.upgraded().store(true, Ordering::Relaxed);
    let mut rest = Vec::new();
    loop {
        match read(&mut door) {
            piece if piece.is_empty() => break,
            piece => rest.extend(piece),
        }
    }
    assert_eq!(rest, [&sent[1][..], &sent[1], &sent[2]].concat());
    assert!(door.refused.get().is_none());
}

fn whole(sent: impl AsRef<[u8]>) -> (String, Option<String>) {
    let (read, refused) = through([sent.as_ref().to_vec()], 8192);
    (String::from_utf8(read).unwrap(), refused)
}

fn pieces(sent: &[u8], cuts: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(sent.len() + 1)).collect();
    ends.push(sent.len());
    ends.sort_unstable();
    let begins = std::iter::once(0).chain(ends.clone());
    begins.zip(ends).map(|(begin, end)| sent[begin..end].to_vec()).collect()
}

/// A request as it is sent, and as it is to come through.
fn request() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
    let body = prop::collection::vec(prop::sample::select(&b"<>\r\n GET/a:0content-length"[..]), 0..60);
    (0..4_usize, "[a-z<>\"=&]{0,12}", "[ -~]{0,20}", body).prop_map(|(blank_lines, target, value, body)| {
        let head = |target: &str| {
            let length = body.len();
            format!("POST /{target} HTTP/1.1\r\nHost: x\r\nX: <{value}>\r\nContent-LENGTH: {length}\r\n\r\n")
        };
        let written = target.replace('<', "%3C").replace('>', "%3E").replace('"', "%22");
        let sent = [b"\r\n".repeat(blank_lines), head(&target).into_bytes(), body.clone()].concat();
        (sent, [head(&written).into_bytes(), body.clone()].concat())
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn only_request_lines_are_written_out_however_the_bytes_arrive(
        requests in prop::collection::vec(request(), 1..4),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        buffer_bytes in 1..600_usize,
    ) {
        let sent: Vec<u8> = requests.iter().flat_map(|(sent, _)| sent.clone()).collect();
        let expected: Vec<u8> = requests.iter().flat_map(|(_, expected)| expected.clone()).collect();
        let (read, refused) = through(pieces(&sent, &cuts), buffer_bytes);
        prop_assert_eq!(refused, None);
        prop_assert_eq!(String::from_utf8_lossy(&read), String::from_utf8_lossy(&expected));
    }

    #[test]
    fn a_body_in_chunks_is_framed_the_same_however_it_arrives(
        parts in prop::collection::vec(prop_oneof![
            6 => prop::sample::select(&[
                "3\r\nabc\r\n", "1;a=b\r\nx\r\n", "A\r\n0123456789\r\n", "2\r\n\r\n\r\n", "0\r\n\r\n", "0\r\nX: y\r\n\r\n",
                "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
            ][..]),
            1 => prop::sample::select(&["3\r\n", "abc", "\r\n", "\n", ";a", "0\r\n", "X: y\r\n", "\r", " "][..]),
        ], 0..12),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        buffer_bytes in 1..600_usize,
    ) {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
        let sent = format!("{head}{}", parts.concat());
        let (at_once, refused) = whole(&sent);
        let (in_pieces, refused_in_pieces) = through(pieces(sent.as_bytes(), &cuts), buffer_bytes);
        prop_assert_eq!(String::from_utf8(in_pieces).unwrap(), at_once);
        prop_assert_eq!(refused_in_pieces.is_some(), refused.is_some());
    }

    #[test]
    fn any_bytes_come_through_the_same_however_they_arrive(
        parts in prop::collection::vec(prop_oneof![
            4 => prop::sample::select(&[
                "GET ", "POST ", "/<t>", "/", " HTTP/1.1", " HTTP/1.0", "\r\n", "\r\n\r\n", "\n", "\r", "X: <y>", "Host: x\r\n",
                "Content-Length: 3", "Content-Length: 3\r\nContent-Length: 3", "Transfer-Encoding: chunked",
                "Transfer-Encoding: gzip", "abc", "0\r\n\r\n", "3\r\n<b>\r\n", "REFUSED", ": ", " ",
            ][..]).prop_map(|part| part.as_bytes().to_vec()),
            1 => prop::collection::vec(any::<u8>(), 0..8),
        ], 0..30),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        buffer_bytes in 1..600_usize,
    ) {
        let sent = parts.concat();
        let (at_once, refused) = through([sent.clone()], 8192);
        let (in_pieces, refused_in_pieces) = through(pieces(&sent, &cuts), buffer_bytes);
        prop_assert_eq!(String::from_utf8_lossy(&in_pieces), String::from_utf8_lossy(&at_once));
        prop_assert_eq!(refused_in_pieces.is_some(), refused.is_some());
        prop_assert!(refused.is_some() || !at_once.ends_with(STAND_IN));
    }
}

#[test]
fn a_body_in_chunks_is_not_changed_and_what_follows_it_is_looked_at() {
    let chunks = "\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=\"<\"\r\n<a>\r\n0\r\nX: <\r\n\r\n";
    let next = "HTTP/1.1\r\nHost: x\r\n\r\n";
    let (read, refused) = whole(format!("POST /t?a->b=eq.1 HTTP/1.1{chunks}GET /<b> {next}BAD\r\n\r\n"));
    let stand_in = std::str::from_utf8(STAND_IN).unwrap();
    assert_eq!(read, format!("POST /t?a-%3Eb=eq.1 HTTP/1.1{chunks}GET /%3Cb%3E {next}{stand_in}"));
    assert!(refused.is_some());
}

#[test]
fn a_body_that_is_framed_wrongly_ends_at_the_fault() {
    let head = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc";
    let (read, refused) = whole(format!("{head}\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"));
    assert_eq!(read, head);
    assert!(refused.unwrap().contains("bare line feed"));
}

#[test]
fn a_head_that_could_be_read_in_two_ways_ends_the_connection() {
    for (head, why) in [
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked", "both"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 3",
            "more than one Content-Length",
        ),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3, 3", "no length"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3", "no length"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:", "no length"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551616", "no length"),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615", "no length"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked", "not chunked"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked", "not chunked"),
        (
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
            "not chunked",
        ),
        ("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked", "no Transfer-Encoding"),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked", "forbidden character"),
        ("POST / HTTP/1.1\r\nHost: x\r\nX: a\r\n folded: b", "forbidden character"),
        ("POST / HTTP/1.1\r\nHost: x\r\nX: a\0b", "forbidden character"),
        ("POST / HTTP/1.1\r\nHost: x\r\nX: a\rb", "forbidden character"),
        ("POST  / HTTP/1.1", "no request line"),
        ("POST / HTTP/2.0", "version"),
        ("POST /", "no request line"),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1", "no proxy"),
        ("GET /a b HTTP/1.1", "version"),
        ("G(T / HTTP/1.1", "no request line"),
        ("GET a/b/c HTTP/1.1\r\nHost: x", "no form"),
        ("GET /a HTTP/1.1", "no Host"),
    ] {
        let first = "GET /first HTTP/1.1\r\nHost: x\r\n\r\n";
        let (read, refused) = whole(format!("{first}{head}\r\n\r\nGET /smuggled HTTP/1.1\r\n\r\n"));
        let refused = refused.unwrap_or_else(|| panic!("{head:?} passed"));
        assert!(refused.contains(why), "{head:?}: {refused}");
        assert_eq!(read.as_bytes(), [first.as_bytes(), STAND_IN].concat(), "{head:?}");
    }
}

#[test]
fn the_limits_of_a_head_hold_to_the_byte() {
    let head = |bytes: usize| {
        let around = "GET / HTTP/1.1\r\nHost: x\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(bytes - around))
    };
    assert_eq!(whole(head(400)), (head(400), None));
    assert!(whole(head(401)).1.unwrap().contains("http.header_bytes_max"));
    // A line that never ends is not waited for.
    assert!(whole("a".repeat(401)).1.unwrap().contains("http.header_bytes_max"));
}
