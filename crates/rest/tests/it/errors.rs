//! What goes wrong, as the client sees it.

use rest::{Error, Rules};

use crate::fixture::{asked, rules};

fn refused(request: &str, headers: &[&str], body: &str, rules: &Rules) -> (u16, String) {
    let error = asked(request, headers, body).plan(rules).expect_err(request);
    (error.status().as_u16(), error.to_json())
}

/// Request, headers, body; status, and a part of the error.
type Refused = (&'static str, &'static [&'static str], &'static str, u16, &'static str);

const REFUSED: &[Refused] = &[
    (
        "GET /clients?id=noop.0",
        &[],
        "",
        400,
        r#""PGRST100","details":"unexpected \"o\" expecting \"not\" or operator (eq, gt, ...)","hint":null,"message":"\"failed to parse filter (noop.0)\" (line 1, column 1)"#,
    ),
    ("GET /clients?select=id,projects(name[])", &[], "", 400, r#""PGRST100","details":"unexpected '['"#),
    ("GET /clients?select=id,projects(name[])", &[], "", 400, r#"(line 1, column 17)"#),
    (
        "GET /clients?order=id.descc",
        &[],
        "",
        400,
        r#"\"failed to parse order (id.descc)\" (line 1, column 8)"#,
    ),
    ("GET /clients?or=(id.eq.1", &[], "", 400, "PGRST100"),
    ("GET /clients?id=5", &[], "", 400, "PGRST100"),
    (
        "PUT /rpc/add",
        &[],
        "",
        405,
        r#""PGRST101","details":null,"hint":null,"message":"Cannot use the PUT method on RPC"#,
    ),
    ("POST /clients", &[], "{", 400, "PGRST102"),
    ("POST /clients", &[], "", 400, "PGRST102"),
    (
        "POST /clients",
        &[],
        r#"[{"id":1},{"name":"x"}]"#,
        400,
        r#""PGRST102","details":null,"hint":null,"message":"All object keys must match"#,
    ),
    ("GET /rpc/page", &["accept: text/plain"], "", 406, "PGRST107"),
    ("GET /nothing", &["accept: text/plain"], "", 404, "PGRST205"),
    ("POST /clients", &["content-type: text/plain"], "id", 400, "Content-Type not acceptable: text/plain"),
    (
        "POST /clients",
        &["content-type: text/csv"],
        "id,name\n1,a\n2",
        400,
        "All lines must have same number of fields",
    ),
    ("POST /clients", &[], "[1]", 400, "All object keys must match"),
    ("POST /clients", &[], "7", 400, "All object keys must match"),
    ("DELETE /rpc/add?a=1", &[], "", 405, "PGRST101"),
    (
        "GET /projects?select=id,clients(name)&order=clients(nam)",
        &[],
        "",
        400,
        r#""hint":"Perhaps you meant to reference the column \"projects_clients_1.name\".","message":"column projects_clients_1.nam does not exist"}"#,
    ),
    (
        "PUT /clients?name=eq.x",
        &[],
        r#"{"id":1}"#,
        405,
        r#""PGRST105","details":null,"hint":null,"message":"Filters must include all and only primary key columns with 'eq' operators""#,
    ),
    ("PUT /clients?id=in.(1)", &[], r#"{"id":1}"#, 405, "PGRST105"),
    ("PUT /clients?and=(id.eq.1)", &[], r#"{"id":1}"#, 405, "PGRST105"),
    ("PUT /flags?name=eq.x", &[], r#"{"name":"x"}"#, 405, "PGRST105"),
    ("PUT /project_list?id=eq.1", &[], r#"{"id":1}"#, 405, "PGRST105"),
    (
        "PUT /clients?id=eq.1&limit=1",
        &[],
        r#"{"id":1}"#,
        400,
        r#""PGRST114","details":null,"hint":null,"message":"limit/offset querystring parameters are not allowed for PUT""#,
    ),
    ("PUT /clients?id=eq.1", &[], r#"{"name":"x"}"#, 400, "PGRST115"),
    ("GET /clients", &["range: 5-2"], "", 416, "PGRST103"),
    ("GET /clients?limit=-1", &[], "", 416, "Limit should be greater than or equal to zero."),
    (
        "GET /clients",
        &["accept-profile: secret"],
        "",
        406,
        r#""PGRST106","details":null,"hint":"Only the following schemas are exposed: api","message":"Invalid schema: secret""#,
    ),
    (
        "GET /clients",
        &["accept: text/html"],
        "",
        406,
        r#""PGRST107","details":null,"hint":null,"message":"None of these media types are available: text/html""#,
    ),
    (
        "GET /clients?projects.id=eq.1",
        &[],
        "",
        400,
        r#""PGRST108","details":null,"hint":"Verify that 'projects' is included in the 'select' query parameter.","message":"'projects' is not an embedded resource in this request""#,
    ),
    ("TRACE /clients", &[], "", 405, r#""message":"Unsupported HTTP method: TRACE""#),
    (
        "GET /clients?select=id,projects()&order=projects(id)",
        &[],
        "",
        400,
        r#""PGRST118","details":"'clients' and 'projects' do not form a many-to-one or one-to-one relationship""#,
    ),
    ("GET /clients?select=id,projects()&projects=eq.1", &[], "", 400, "PGRST120"),
    (
        "GET /clients",
        &["prefer: handling=strict, anything"],
        "",
        400,
        r#""PGRST122","details":"Invalid preferences: anything""#,
    ),
    ("GET /clients?select=id.median()", &[], "", 400, "PGRST100"),
    (
        "GET /clients?select=name,...projects(id.sum())",
        &[],
        "",
        400,
        r#""PGRST127","details":"Aggregates are not implemented for one-to-many or many-to-many spreads.","hint":null,"message":"Feature not implemented""#,
    ),
    (
        "GET /clients",
        &["prefer: handling=strict, timezone=Jupiter/Red_Spot, max-affected=many"],
        "",
        400,
        "Invalid preferences: timezone=Jupiter/Red_Spot, max-affected=many",
    ),
    ("GET /projects/1", &[], "", 404, "PGRST125"),
    ("POST /", &[], "{}", 405, "PGRST117"),
    ("DELETE /rpc/ticking?a=1", &[], "", 405, "PGRST101"),
    ("GET /a/b/c", &[], "", 404, "PGRST125"),
    (
        "GET /clients?select=id,people(id)",
        &[],
        "",
        400,
        r#""PGRST200","details":"Searched for a foreign key relationship between 'clients' and 'people' in the schema 'api', but no matches were found.","hint":null,"message":"Could not find a relationship between 'clients' and 'people' in the schema cache""#,
    ),
    (
        "GET /orders?select=id,addresses(id)",
        &[],
        "",
        300,
        r#""PGRST201","details":[{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_billing using orders(billing_id) and addresses(id)"},{"cardinality":"many-to-one","embedding":"orders with addresses","relationship":"orders_shipping using orders(shipping_id) and addresses(id)"}],"hint":"Try changing 'addresses' to one of the following: 'addresses!orders_billing', 'addresses!orders_shipping'. Find the desired relationship in the 'details' key.""#,
    ),
    (
        "GET /rpc/nothing",
        &[],
        "",
        404,
        r#""PGRST202","details":"Searched for the function api.nothing without parameters, but no matches were found in the schema cache.""#,
    ),
    (
        "POST /rpc/add",
        &[],
        r#"{"x":1}"#,
        404,
        r#"with parameter x or with a single unnamed json/jsonb parameter, but no matches were found in the schema cache.","hint":null,"#,
    ),
    (
        "GET /rpc/addd?a=1",
        &[],
        "",
        404,
        r#""hint":"Perhaps you meant to call the function api.add","message":"Could not find the function api.addd(a) in the schema cache""#,
    ),
    (
        "GET /rpc/add?a=1&c=1",
        &[],
        "",
        404,
        r#"with parameters a, c, but no matches were found in the schema cache.","hint":"Perhaps you meant to call the function api.add(a, b)""#,
    ),
    (
        "POST /rpc/add",
        &["content-type: application/octet-stream"],
        "x",
        404,
        "Searched for the function api.add with a single unnamed bytea parameter,",
    ),
    ("POST /rpc/add", &["content-type: image/png"], "x", 400, "Content-Type not acceptable: image/png"),
    (
        "GET /client",
        &[],
        "",
        404,
        r#""hint":"Perhaps you meant the table 'api.clients'","message":"Could not find the table 'api.client' in the schema cache""#,
    ),
    (
        "GET /clients?select=project(id)",
        &[],
        "",
        400,
        r#""hint":"Perhaps you meant 'projects' instead of 'project'.""#,
    ),
    ("GET /rpc/totals?select=clients(id)", &[], "", 400, "PGRST200"),
    (
        "GET /rpc/twice?a=1",
        &[],
        "",
        300,
        r#""message":"Could not choose the best candidate function between: api.twice(a => integer), api.twice(a => text)""#,
    ),
    (
        "POST /clients",
        &[],
        r#"{"nme":1}"#,
        400,
        r#""PGRST204","details":null,"hint":null,"message":"Could not find the 'nme' column of 'clients' in the schema cache""#,
    ),
    (
        "GET /nothing",
        &[],
        "",
        404,
        r#""message":"Could not find the table 'api.nothing' in the schema cache""#,
    ),
    (
        "GET /clients?nothing=eq.1",
        &[],
        "",
        400,
        r#"{"code":"42703","details":null,"hint":null,"message":"column clients.nothing does not exist"}"#,
    ),
    (
        "GET /clients?select=id,projects(nam)",
        &[],
        "",
        400,
        r#""hint":"Perhaps you meant to reference the column \"projects_1.name\".","message":"column projects_1.nam does not exist"}"#,
    ),
    ("GET /clients?select=id::nothing", &[], "", 400, r#""message":"type \"nothing\" does not exist""#),
    ("GET /clients?id=eq.%00", &[], "", 400, "PGRST100"),
];

#[test]
fn a_request_that_cannot_be_answered_says_why_as_postgrest_does() {
    for (request, headers, body, status, part) in REFUSED {
        let (found, json) = refused(request, headers, body, &rules());
        assert!(found == *status && json.contains(part), "{request}\n  {found} {json}\n  {status} {part}");
        serde_json::from_str::<serde_json::Value>(&json).unwrap();
    }
}

#[test]
fn aggregates_are_refused_unless_the_configuration_allows_them() {
    let without = Rules { aggregates: false, ..rules() };
    for request in [
        "GET /clients?select=id.sum()",
        "GET /clients?select=id,projects(id.max())",
        "GET /projects?select=...clients(count())",
        "GET /clients?select=...projects(id.count())",
    ] {
        let (status, json) = refused(request, &[], "", &without);
        assert_eq!(status, 400, "{request}");
        assert_eq!(
            json,
            r#"{"code":"PGRST123","details":null,"hint":null,"message":"Use of aggregate functions is not allowed"}"#
        );
    }
    // It was there before aggregates were.
    asked("GET /clients?select=id,projects(count)", &[], "").plan(&without).unwrap();
}

#[test]
fn bounds_are_kept_with_an_error_that_names_them() {
    let mut small = rules();
    small.limits.filters_max = 2;
    small.limits.embeds_max = 1;
    small.limits.depth_max = 1;
    small.limits.url_bytes_max = 100;
    for (request, status) in [
        ("GET /clients?id=eq.1&id=eq.2&id=eq.3", 400),
        ("GET /clients?select=projects(tasks())", 400),
        ("GET /clients?select=projects(),b:projects()", 400),
        ("GET /clients?or=(and(or(id.eq.1)))", 400),
        (&format!("GET /clients?id=eq.{}", "1".repeat(100)), 414),
    ] {
        let (found, json) = refused(request, &[], "", &small);
        assert!(found == status && json.contains("COURANT001"), "{request} {found} {json}");
    }
    let deep = format!("GET /clients?select={}", "projects(".repeat(3000));
    assert_eq!(refused(&deep, &[], "", &rules()).0, 400);
}

#[test]
fn errors_of_the_database_have_the_status_that_postgrest_gives_them() {
    let status = |code, message, authenticated| {
        Error::from_database(code, message, None, None, authenticated).status().as_u16()
    };
    for (code, wanted) in [
        ("42501", 403),
        ("23505", 409),
        ("23503", 409),
        ("22P02", 400),
        ("57014", 500),
        ("P0001", 400),
        ("P0002", 500),
        ("42883", 404),
        ("42P01", 404),
        ("53300", 503),
        ("53400", 500),
        ("08006", 503),
        ("25006", 405),
        ("40001", 500),
        ("PT402", 402),
        ("PTxyz", 500),
        ("é", 400),
        ("XX000", 500),
    ] {
        assert_eq!(status(code, "", true), wanted, "{code}");
    }
    let anonymous = Error::from_database("42501", "permission denied", Some("d"), Some("h"), false);
    assert_eq!(anonymous.status().as_u16(), 401);
    assert_eq!(anonymous.headers(), [("WWW-Authenticate".to_owned(), "Bearer".to_owned())]);
    assert_eq!(
        anonymous.to_json(),
        r#"{"code":"42501","details":"d","hint":"h","message":"permission denied"}"#
    );
    assert_eq!(status("21000", "UPDATE requires a WHERE clause", true), 400);
    assert_eq!(status("22023", "role \"x\" does not exist", true), 401);
}

#[test]
fn a_raised_response_is_the_response() {
    let body = r#"{"code":"123","message":"Payment","details":"d","hint":null}"#;
    let raised = |detail| Error::from_database("PGRST", body, detail, None, true);
    let error = raised(Some(r#"{"status":402,"headers":{"X-Paid":"no"}}"#));
    assert_eq!(error.status().as_u16(), 402);
    assert_eq!(error.headers(), [("X-Paid".to_owned(), "no".to_owned())]);
    assert_eq!(error.to_json(), r#"{"code":"123","details":"d","hint":null,"message":"Payment"}"#);
    assert_eq!(raised(None).code(), "PGRST121");
    assert_eq!(raised(Some("{}")).status().as_u16(), 500);
}
