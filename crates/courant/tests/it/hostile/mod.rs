//! Requests that nobody means well by: each ends soon, in an answer of PostgREST's shape, and the node lives on.

mod heads;
mod injection;
mod leaks;
mod overload;
mod sizes;
mod slowness;
mod tokens;

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::node::Node;

/// How long a connection may take to end before a test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SCHEMA: &str = r#"
    create table calls (id int primary key, body text, data jsonb, tags text[]);
    create table notes (id int primary key, call_id int references calls, text text);
    insert into calls values (1, 'call 1', '{"name": "a"}', '{x}');
    insert into notes values (1, 1, 'note 1');
    grant all on calls, notes to anon, clerk;
    create function add(a int, b int) returns int language sql immutable as 'select a + b';
    create function nap() returns void language sql volatile as 'select pg_sleep(600)';
    create function long() returns text language sql stable as $$ select repeat('x', 32000000) $$;
    create function teapot() returns void language plpgsql as $$ begin
        raise sqlstate 'PGRST' using message = '{"code": "T", "message": "tea"}',
            detail = '{"status": 418, "headers": {"X-Pot": "green", "not a name": "x"}}';
    end $$;
"#;

/// A response, cut from a connection's bytes.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Reply {
    /// Fails unless it is an error that a client of PostgREST can read.
    pub(crate) fn assert_typed(&self, of: &str) {
        let error: Value = serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{of}: {self:?}"));
        let is_text = |key: &str| error[key].is_string();
        let has = |key: &str| error.get(key).is_some();
        assert!(is_text("code") && is_text("message") && has("details") && has("hint"), "{of}: {self:?}");
        assert!(self.head.contains("content-type: application/json"), "{of}: {self:?}");
    }
}

/// Sends bytes and returns all that comes back until the connection ends.
pub(crate) async fn exchange(node: &Node, bytes: &[u8]) -> String {
    let mut socket = TcpStream::connect(node.clients).await.unwrap();
    // A node that has heard enough may close before all is sent.
    let _ = socket.write_all(bytes).await;
    until_closed(&mut socket).await
}

pub(crate) async fn until_closed(socket: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, socket.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "never ended: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

/// The responses in what came back. Those to `HEAD` cannot be told from it.
pub(crate) fn replies(mut text: &str) -> Vec<Reply> {
    let mut replies = Vec::new();
    while !text.is_empty() {
        let (head, rest) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head: {text:?}"));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status: {head:?}"));
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.map_or(0, |length| length.parse().unwrap());
        assert!(rest.len() >= length, "cut off: {text:?}");
        let (body, next) = rest.split_at(length);
        replies.push(Reply { status, head: head.to_owned(), body: body.to_owned() });
        text = next;
    }
    replies
}

/// Sends bytes and returns the responses, in order.
pub(crate) async fn replies_to(node: &Node, bytes: &[u8]) -> Vec<Reply> {
    replies(&exchange(node, bytes).await)
}
