use super::*;

fn captured(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let pattern = Pattern::parse(pattern).expect("a pattern");
    let owned = |(name, text): (&str, Cow<'_, str>)| (name.to_owned(), text.into_owned());
    Some(pattern.captures(path)?.into_iter().map(owned).collect())
}

#[test]
fn a_pattern_matches_segment_by_segment() {
    type Case<'a> = (&'a str, &'a str, Option<&'a [(&'a str, &'a str)]>);
    let cases: &[Case<'_>] = &[
        ("/", "/", Some(&[])),
        ("/", "/a", None),
        ("/a", "/a", Some(&[])),
        ("/a", "/a/", None),
        ("/a/", "/a/", Some(&[])),
        ("/a", "a", None),
        ("/a", "*", None),
        ("/a/{id}", "/a/7", Some(&[("id", "7")])),
        ("/a/{id}", "/a/", None),
        ("/a/{id}", "/a", None),
        ("/a/{id}", "/a/7/b", None),
        ("/a/{id}/b/{x}", "/a/7/b/y", Some(&[("id", "7"), ("x", "y")])),
        ("/a/{*rest}", "/a/b/c", Some(&[("rest", "b/c")])),
        ("/a/{*rest}", "/a/", Some(&[("rest", "")])),
        ("/a/{*rest}", "/a", Some(&[("rest", "")])),
        ("/a/{*rest}", "/ab", None),
        ("/{*rest}", "/", Some(&[("rest", "")])),
        ("/a/{id}.data", "/a/7.data", Some(&[("id", "7")])),
        ("/a/{id}.data", "/a/7%2Edata", Some(&[("id", "7")])),
        ("/a/{id}.data", "/a/7.b.data", Some(&[("id", "7.b")])),
        ("/a/{id}.data", "/a/.data", None),
        ("/a/{id}.data", "/a/7.DATA", None),
        ("/a/{id}.data", "/a/7", None),
        ("/a/{id}.data/b", "/a/7.data/b", Some(&[("id", "7")])),
        // As the backend reads it.
        ("/admin", "/%61dmin", Some(&[])),
        ("/a/{id}", "/a/x%2Fy", Some(&[("id", "x/y")])),
        ("/a/{id}", "/a/%FF", Some(&[("id", "%FF")])),
        ("/caf%C3%A9", "/caf\u{e9}", Some(&[])),
    ];
    for (pattern, path, expected) in cases {
        let owned = expected.map(|pairs| {
            pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect::<Vec<_>>()
        });
        assert_eq!(captured(pattern, path), owned, "{pattern} {path}");
    }
}

#[test]
fn a_pattern_that_cannot_be_right_is_refused_in_words() {
    let cases = [
        ("a", "\"a\": a path begins with /"),
        ("", "\"\": a path begins with /"),
        ("/a?b", "\"/a?b\": a path has no '?'; queries and fragments match no route"),
        ("/a b", "\"/a b\": a path has no ' '; queries and fragments match no route"),
        ("/a{id}", "\"/a{id}\": \"a{id}\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{id", "\"/{id\": \"{id\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{}", "\"/{}\": \"{}\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{7}", "\"/{7}\": \"{7}\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{id}x", "\"/{id}x\": \"{id}x\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{id}.a.b", "\"/{id}.a.b\": \"{id}.a.b\" is neither text nor {name} nor {name}.word nor {*rest}"),
        (
            "/{*rest}.a",
            "\"/{*rest}.a\": \"{*rest}.a\" is neither text nor {name} nor {name}.word nor {*rest}",
        ),
        ("/*", "\"/*\": \"*\" is neither text nor {name} nor {name}.word nor {*rest}"),
        ("/{*rest}/a", "\"/{*rest}/a\": {*rest} comes last"),
        ("/{id}/{id}", "\"/{id}/{id}\": the name \"id\" stands twice, or is one too many"),
    ];
    for (pattern, message) in cases {
        assert_eq!(Pattern::parse(pattern).map_err(|error| error.to_string()), Err(message.to_owned()));
    }
}

fn table(routes: &[(&str, &[Method])]) -> Result<Routes<usize>, RouteError> {
    let route = |(value, (pattern, methods)): (usize, &(&str, &[Method]))| {
        Ok(Route { pattern: Pattern::parse(pattern)?, methods: methods.to_vec(), value })
    };
    Routes::new(routes.iter().enumerate().map(route).collect::<Result<_, RouteError>>()?)
}

#[test]
fn the_most_specific_route_wins_whatever_the_order() {
    let routes = table(&[
        ("/{*rest}", &[]),
        ("/a/{id}", &[]),
        ("/a/{id}", &[Method::POST]),
        ("/a/me", &[Method::GET]),
        ("/a/{*rest}", &[]),
        ("/a/{id}.data", &[Method::GET]),
    ])
    .expect("routes");
    let cases = [
        (Method::GET, "/a/me", Some(3)),
        (Method::HEAD, "/a/me", Some(3)),
        (Method::PUT, "/a/me", Some(1)),
        (Method::POST, "/a/7", Some(2)),
        (Method::GET, "/a/7", Some(1)),
        (Method::GET, "/a/7.data", Some(5)),
        (Method::PUT, "/a/7.data", Some(1)),
        (Method::GET, "/a/7/b", Some(4)),
        (Method::GET, "/b", Some(0)),
        (Method::OPTIONS, "*", None),
    ];
    for (method, path, expected) in cases {
        assert_eq!(routes.find(&method, path).map(|route| route.value), expected, "{method} {path}");
    }
}

#[test]
fn two_routes_for_the_same_requests_are_refused() {
    assert_eq!(
        table(&[("/a/{id}", &[]), ("/a/{name}", &[])]).err(),
        Some(RouteError::Same("/a/{id}".to_owned(), "/a/{name}".to_owned()))
    );
    assert!(table(&[("/a/{id}.b", &[]), ("/a/{name}.b", &[])]).is_err());
    assert!(table(&[("/a/{id}.b", &[]), ("/a/{id}.c", &[])]).is_ok());
    assert!(table(&[("/a", &[Method::GET]), ("/a", &[Method::GET, Method::PUT])]).is_err());
    assert!(table(&[("/a", &[Method::GET]), ("/a", &[Method::PUT])]).is_ok());
}
