use super::*;

/// What comes through of a body and of what follows it, and whether it ended.
fn through(sent: &str) -> Result<(String, String), String> {
    let (mut chunks, mut raw, mut sound) = (Chunks::default(), BytesMut::from(sent), BytesMut::new());
    loop {
        match chunks.take(&mut raw, &mut sound).map_err(|failure| failure.to_string())? {
            Next::Data(bytes) if bytes <= raw.len() as u64 => {
                sound.extend_from_slice(&raw.split_to(bytes as usize));
            }
            Next::End => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                return Ok((text(&sound), text(&raw)));
            }
            _ if raw.is_empty() => return Err("unfinished".to_owned()),
            _ => {}
        }
    }
}

#[test]
fn a_sound_body_comes_through_as_it_is() {
    for body in [
        "0\r\n\r\n",
        "3\r\nabc\r\n0\r\n\r\n",
        "0003\r\na\nc\r\n00\r\n\r\n",
        "A\r\n0123456789\r\n1\r\n\r\r\n0\r\n\r\n",
        "3;a\r\nabc\r\n0;b=\"c;\\\"d\";e = f\r\n\r\n",
        "1 ; a=b\r\nx\r\n0\r\nX-Sum: 1\r\nX-Empty:\r\n\r\n",
    ] {
        assert_eq!(through(&format!("{body}GET")), Ok((body.to_owned(), "GET".to_owned())), "{body:?}");
    }
}

#[test]
fn a_body_that_could_end_elsewhere_is_refused() {
    let long = |text: &str, times: usize| text.repeat(times);
    for (body, why) in [
        ("\r\n".to_owned(), "size"),
        ("x\r\n".to_owned(), "extension"),
        ("0x3\r\nabc".to_owned(), "extension"),
        ("+3\r\nabc".to_owned(), "extension"),
        ("-1\r\nabc".to_owned(), "extension"),
        (" 3\r\nabc".to_owned(), "extension"),
        ("3 \r\nabc".to_owned(), "extension"),
        ("3\nabc".to_owned(), "bare line feed"),
        ("3\r\nabc\n0\r\n\r\n".to_owned(), "bare line feed"),
        ("3\r\nabcd\r\n".to_owned(), "longer than it says"),
        ("3\r\nabc0\r\n\r\n".to_owned(), "longer than it says"),
        ("3\r\nabc\rX".to_owned(), "longer than it says"),
        ("3\r\r\nabc\r\n".to_owned(), "extension"),
        ("3;\r\nabc".to_owned(), "extension"),
        ("3;a\rb\r\nabc".to_owned(), "extension"),
        ("3;a\nb\r\nabc".to_owned(), "bare line feed"),
        ("3;a=\"b\r\nabc".to_owned(), "extension"),
        ("3;a=\"\\\r\nabc".to_owned(), "extension"),
        ("3;a\0\r\nabc".to_owned(), "extension"),
        ("3,3\r\nabc".to_owned(), "extension"),
        ("3.0\r\nabc".to_owned(), "extension"),
        ("ffffffffffffffff\r\n".to_owned(), "size"),
        ("10000000000000003\r\nabc".to_owned(), "size"),
        (format!("3;{}\r\n", long("a", 5000)), "too long"),
        (long("0", 5000), "too long"),
        (long(&format!("1;{}\r\nx\r\n", long("a", 999)), 9), "extension"),
        ("0\r\nX: a\n\r\n".to_owned(), "bare line feed"),
        ("0\r\n\n".to_owned(), "bare line feed"),
        ("0\r\n X: a\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nX : a\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nX\r\n\r\n".to_owned(), "trailer"),
        ("0\r\n: a\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nX: a\rb\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nX: a\r\n b\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nContent-Length: 5\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nTransfer-encoding: chunked\r\n\r\n".to_owned(), "trailer"),
        ("0\r\nHOST: a\r\n\r\n".to_owned(), "trailer"),
        (format!("0\r\n{}\r\n", long("X: a\r\n", 33)), "trailer"),
    ] {
        let refused = through(&body).expect_err(&body);
        assert!(refused.contains(why), "{body:?}: {refused}");
    }
}
