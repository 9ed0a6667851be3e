use super::super::{Config, ConfigError, Sources};
use super::*;

fn read(text: &str) -> Result<Proxy, String> {
    let file = Some(("courant.toml".to_owned(), text.to_owned()));
    let config = Config::read(&Sources { file, ..Sources::default() });
    config.map(|config| config.proxy).map_err(|error: ConfigError| error.to_string())
}

#[test]
fn a_route_refines_what_holds_for_all() {
    let proxy = read(
        "[proxy]\nupstream = \"http://a:1\"\nretries = 3\n\
         [[route]]\npath = \"/x/{id}\"\nmethods = [\"GET\"]\nupstreams = [\"http://b:2\", \"http://c:3\"]\n\
         timeout_ms = 5\nidle_timeout_ms = 6\nretries = 0\nbody_bytes_max = 7\ncache = \"none\"\nttl_ms = 8\n\
         [[route]]\npath = \"/y\"\nupstream = \"http://d:4\"\n",
    )
    .expect("a configuration");
    let found = |path| proxy.routes.find(&Method::GET, path).map(|route| route.value.clone());
    let address = |text| Address::parse(text).expect("an address");
    let x = Refined {
        upstreams: vec![address("http://b:2"), address("http://c:3")],
        timeout: Duration::from_millis(5),
        idle_timeout: Duration::from_millis(6),
        retries: 0,
        body_bytes_max: 7,
        is_cached: false,
        ttl: Some(Duration::from_millis(8)),
        declared: None,
    };
    assert_eq!(found("/x/1"), Some(x));
    let general = proxy.fallback.clone().expect("an upstream for all");
    assert_eq!(
        (&general.upstreams, general.retries, general.is_cached),
        (&vec![address("http://a:1")], 3, true)
    );
    assert_eq!(found("/y"), Some(Refined { upstreams: vec![address("http://d:4")], ..general }));
    assert_eq!(found("/z"), None);
    assert!(read("").expect("a configuration").fallback.is_none());
}

#[test]
fn what_cannot_be_right_is_refused_in_words() {
    let route = |text: &str| format!("[[route]]\n{text}\n");
    let cases = [
        (route("path = \"/a\""), "/a: expected upstream here, or proxy.upstream for all routes"),
        (route("methods = [\"GET\"]"), "each route has a path, like \"/conversations/{id}\""),
        (route("path = \"a\""), "path: \"a\": a path begins with /"),
        (route("path = \"/a\"\ntimeout = 5"), "/a: unknown key timeout; did you mean timeout_ms?"),
        (route("path = \"/a\"\nupstraem = \"http://a\""), "/a: unknown key upstraem; did you mean upstream?"),
        (
            route("path = \"/a\"\nupstream = \"ftp://a\""),
            "/a: upstream: expected an address like http://127.0.0.1:8000, found \"ftp://a\": it does not begin with \
             http:// or https://",
        ),
        (
            route("path = \"/a\"\nupstream = \"http://a\"\nupstreams = [\"http://b\"]"),
            "/a: expected upstream or upstreams, found both",
        ),
        (
            route("path = \"/a\"\nupstreams = [\"http://a\", \"http://a:80\"]"),
            "/a: upstream: expected each upstream once, found http://a:80 twice",
        ),
        (
            route("path = \"/a\"\nupstream = \"http://a\"\nmethods = [\"get\"]"),
            "/a: methods: expected methods like [\"GET\", \"POST\"], found \"get\"",
        ),
        (
            route("path = \"/a\"\nupstream = \"http://a\"\ncache = \"some\""),
            "/a: cache: expected one of http, none, found \"some\"",
        ),
        (
            route("path = \"/a/{x}\"\nupstream = \"http://a\"")
                + &route("path = \"/a/{y}\"\nupstream = \"http://a\""),
            "\"/a/{x}\" and \"/a/{y}\" match the same requests",
        ),
    ];
    for (text, why) in cases {
        assert_eq!(read(&text).err(), Some(format!("route (courant.toml, line 1): {why}")), "{text}");
    }
    let unknown = read("[proxy]\nupstrem = \"http://a\"\n").err();
    assert_eq!(
        unknown.as_deref(),
        Some("courant.toml, line 2: unknown key proxy.upstrem; did you mean proxy.upstream?")
    );
}
