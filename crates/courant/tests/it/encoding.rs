//! Compressed answers: made after a hit, equal to the answer as it is, and gone with it.

use std::io::Read;
use std::time::{Duration, Instant};

use ::http::Method;

use crate::http::Answered;
use crate::node::{Node, cluster, connect};

const SCHEMA: &str = "
    create table calls (id bigint primary key, status text not null, note text not null);
    insert into calls select n, case when n % 3 = 0 then 'pending' else 'done' end, 'call back about ' || n
        from generate_series(1, 200) n;
    grant select on calls to anon;
";
const LIST: &str = "/calls?order=id";
const CODINGS: [&str; 3] = ["zstd", "br", "gzip"];

/// The body out of the coding that it came in.
pub(crate) fn decoded(answer: &Answered) -> Vec<u8> {
    let (body, mut plain) = (&answer.body[..], Vec::new());
    match answer.header("content-encoding") {
        "" => plain.extend_from_slice(body),
        "zstd" => plain = zstd::bulk::decompress(body, 1 << 20).unwrap(),
        "br" => drop(brotli::Decompressor::new(body, 4096).read_to_end(&mut plain).unwrap()),
        "gzip" => drop(flate2::read::GzDecoder::new(body).read_to_end(&mut plain).unwrap()),
        other => panic!("a coding nobody asked for: {other}"),
    }
    plain
}

/// Asks until the answer comes in that coding; whatever comes before decodes to the same.
pub(crate) async fn until_coded(node: &Node, target: &str, coding: &str, plain: &[u8]) -> Answered {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = node.send(Method::GET, target, &[("accept-encoding", coding)], "").await;
        assert!(decoded(&answer) == plain, "{coding}: {answer:?}");
        assert!(answer.header("vary").ends_with("Accept-Encoding"), "{}", answer.header("vary"));
        if answer.header("content-encoding") == coding {
            return answer;
        }
        assert_eq!(answer.header("content-encoding"), "");
        assert!(Instant::now() < deadline, "never came in {coding}");
    }
}

#[tokio::test]
async fn every_coding_decodes_to_the_answer_as_it_is_and_has_a_tag_of_its_own() {
    let cluster = cluster("codings", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    // A miss is sent as it is, whatever the client likes best.
    let miss = node.send(Method::GET, LIST, &[("accept-encoding", "br")], "").await;
    assert_eq!((miss.is_hit(), miss.header("content-encoding")), (false, ""));
    let plain = node.warm(LIST).await;
    let mut tags = vec![plain.header("etag").to_owned()];
    for coding in CODINGS {
        let coded = until_coded(&node, LIST, coding, &plain.body).await;
        assert!(coded.is_hit() && coded.body.len() * 4 < plain.body.len(), "{coding}: {}", coded.body.len());
        assert!(!tags.contains(&coded.header("etag").to_owned()), "{tags:?}");
        tags.push(coded.header("etag").to_owned());
    }
    for (coding, tag) in CODINGS.iter().zip(&tags[1..]) {
        let headers = [("accept-encoding", *coding), ("if-none-match", tag.as_str())];
        let unchanged = node.send(Method::GET, LIST, &headers, "").await;
        assert_eq!((unchanged.status.as_u16(), unchanged.header("etag")), (304, tag.as_str()));
        assert_eq!(unchanged.header("vary"), "Accept, Prefer, Range, Accept-Encoding");
    }
    let best = node.send(Method::GET, LIST, &[("accept-encoding", "gzip, deflate, br, zstd")], "").await;
    assert_eq!(best.header("content-encoding"), "zstd");
    let asked = [("accept-encoding", "zstd;q=0.1, gzip, identity;q=0.5")];
    assert_eq!(node.send(Method::GET, LIST, &asked, "").await.header("content-encoding"), "gzip");
    assert_eq!(node.get(LIST).await.body, plain.body);
    let charged = plain.body.len() as u64;
    node.until(|cache| cache["entries"] == 1 && cache["bytes"].as_u64().unwrap() > charged).await;
}

#[tokio::test]
async fn a_change_drops_an_answer_in_all_its_codings() {
    let cluster = cluster("codings_change", SCHEMA).await;
    let mut node = Node::start(&cluster).await;
    let outside = connect(&cluster).await;
    let plain = node.warm(LIST).await;
    for coding in CODINGS {
        until_coded(&node, LIST, coding, &plain.body).await;
    }
    outside.batch_execute("update calls set note = 'changed' where id = 7").await.unwrap();
    node.until(|cache| cache["entries"] == 0 && cache["bytes"] == 0).await;
    for coding in CODINGS {
        let old = [("accept-encoding", coding), ("if-none-match", plain.header("etag"))];
        let fresh = node.send(Method::GET, LIST, &old, "").await;
        assert_eq!(fresh.status, 200);
        assert!(String::from_utf8(decoded(&fresh)).unwrap().contains("changed"), "{coding}");
    }
    let plain = node.warm(LIST).await;
    for coding in CODINGS {
        until_coded(&node, LIST, coding, &plain.body).await;
    }
}

#[tokio::test]
async fn what_is_not_kept_or_small_is_sent_as_it_is() {
    let schema = format!(
        "{SCHEMA} create function told() returns text language sql volatile as
            $$ select string_agg(note, ',') || random() from calls $$;"
    );
    let cluster = cluster("codings_not", &schema).await;
    let node = Node::start(&cluster).await;
    node.warm("/calls?id=eq.7").await;
    for target in ["/rpc/told", "/calls?id=eq.7"] {
        let method = if target.starts_with("/rpc") { Method::POST } else { Method::GET };
        for _ in 0..3 {
            let answer = node.send(method.clone(), target, &[("accept-encoding", "gzip, br")], "").await;
            assert_eq!((answer.status.as_u16(), answer.header("content-encoding")), (200, ""), "{target}");
        }
    }
}
