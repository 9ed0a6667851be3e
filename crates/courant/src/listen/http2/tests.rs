use http::request::Builder;

use super::*;

fn get(uri: &str) -> Builder {
    Request::builder().uri(uri)
}

fn judged(request: Builder) -> Result<Request<()>, String> {
    let mut request = request.body(()).unwrap();
    judge(&mut request).map(|()| request).map_err(|failure| failure.to_string())
}

#[test]
fn a_head_is_put_into_the_form_of_http_1() {
    let request =
        get("http://App.example:80/a?b").header(COOKIE, "a=b").header(COOKIE, "c=d").header(TE, "trailers");
    let request = judged(request.header("host", "app.EXAMPLE:80")).unwrap();
    assert_eq!(request.headers()[COOKIE], "a=b; c=d");
    assert_eq!(request.headers().get_all(COOKIE).iter().count(), 1);
    assert_eq!(judged(get("http://a/")).unwrap().headers()[HOST], "a");
    assert_eq!(judged(get("/").header("host", "a")).unwrap().headers()[HOST], "a");
}

#[test]
fn what_would_be_two_requests_once_it_is_http_1_is_refused() {
    let many = (0..101).fold(get("http://a/"), |request, number| request.header(format!("x-{number}"), "a"));
    for (request, why) in [
        (get("http://a/").header("host", "b"), "different hosts"),
        (get("http://a/").header("host", "a").header("host", "a"), "more than one Host"),
        (get("/"), "no :authority"),
        (get("/").header("host", ""), "no host"),
        (get("/").header("host", "a b"), "no host"),
        (get("http://a@b/"), "no host"),
        (get("http://a/b\\c"), "no form"),
        (get("*").header("host", "a"), "no form"),
        (get("http://a/").method("CONNECT"), "no proxy"),
        (get("http://a/").header(TE, "chunked"), "TE is not trailers"),
        (
            get("http://a/").header(CONTENT_LENGTH, "1").header(CONTENT_LENGTH, "1"),
            "more than one Content-Length",
        ),
        (get("http://a/").header("x", " a"), "blank"),
        (many, "more than 100"),
    ] {
        let refused = judged(request).unwrap_err();
        assert!(refused.contains(why), "{why}: {refused}");
    }
}
