//! Requests that must be answered, each with the body that PostgreSQL must make for it.

/// A request and its body.
pub(crate) struct Case {
    pub(crate) request: &'static str,
    pub(crate) headers: &'static [&'static str],
    pub(crate) body: &'static str,
    /// The response's body; none where there is none to send.
    pub(crate) answer: Option<&'static str>,
}

const fn get(request: &'static str, answer: &'static str) -> Case {
    Case { request, headers: &[], body: "", answer: Some(answer) }
}

const fn with(
    request: &'static str,
    headers: &'static [&'static str],
    body: &'static str,
    answer: Option<&'static str>,
) -> Case {
    Case { request, headers, body, answer }
}

const REPRESENTATION: &[&str] = &["prefer: return=representation"];

/// Every one of them leaves the database as it found it, since the test rolls back.
pub(crate) const CASES: &[Case] = &[
    // Columns.
    get("GET /clients", r#"[{"id":1,"name":"Acme"}, ~{"id":2,"name":"Bêta \"quoted\""}]"#),
    get("GET /clients?select=name&id=eq.1", r#"[{"name":"Acme"}]"#),
    get("GET /clients?select=id,label:name,id&id=eq.1", r#"[{"id":1,"label":"Acme","id":1}]"#),
    get("GET /projects?select=price::text,n:id::int8&id=eq.1", r#"[{"price":"1.50","n":1}]"#),
    get("GET /projects?select=status::status&id=eq.2", r#"[{"status":"done"}]"#),
    get(
        "GET /projects?select=data->a->b->0,data->a->>b,t:tags->1&id=eq.1",
        r#"[{"b":1,"b":"[1, 2]","t":"blue"}]"#,
    ),
    get("GET /projects?select=data->>\"k'ey\"&id=eq.1", r#"[{"k'ey":"x"}]"#),
    get("GET /projects?select=data->>\"back\\\\slash\"&id=eq.1", r#"[{"back\\slash":null}]"#),
    get(
        "GET /odd%20%22names?select=%22a%20%5C%22b%22,%22c.d%22&%22c.d%22=eq.v",
        r#"[{"a \"b":1,"c.d":"v"}]"#,
    ),
    // Filters.
    get("GET /projects?select=id&name=in.(one,\"two\")&order=id.desc", "[{\"id\":2}, ~{\"id\":1}]"),
    get("GET /projects?select=id&id=in.()", "[]"),
    get("GET /projects?select=id&id=neq.1&id=lt.3", r#"[{"id":2}]"#),
    get("GET /projects?select=id&id=gte.2&id=lte.2", r#"[{"id":2}]"#),
    get("GET /projects?select=id&id=not.gt.1", r#"[{"id":1}]"#),
    get("GET /projects?select=id&name=like.t*o", r#"[{"id":2}]"#),
    get("GET /projects?select=id&name=ilike(any).{T*O,X*}", r#"[{"id":2}]"#),
    get("GET /projects?select=id&name=like(all).{t*,*o}", r#"[{"id":2}]"#),
    get("GET /projects?select=id&name=match.^o&name=imatch.E$", r#"[{"id":1}]"#),
    get("GET /projects?select=id&client_id=is.null", r#"[{"id":3}]"#),
    get("GET /projects?select=id&client_id=not.is.null&id=eq(any).{2,3}", r#"[{"id":2}]"#),
    get("GET /projects?select=id&client_id=isdistinct.1", r#"[{"id":3}]"#),
    get("GET /tasks?select=id&done=is.true", r#"[{"id":2}]"#),
    get("GET /tasks?select=id&search=fts(simple).dig", r#"[{"id":1}]"#),
    get("GET /tasks?select=id&name=plfts(simple).fill&search=not.wfts.dig", "[]"),
    get("GET /tasks?select=id&name=phfts.fill", r#"[{"id":2}]"#),
    get("GET /projects?select=id&tags=cs.{red}&tags=ov.{red,x}&tags=cd.{red,blue,x}", r#"[{"id":1}]"#),
    get("GET /projects?select=id&data->a->>b=eq.[1, 2]", r#"[{"id":1}]"#),
    get("GET /projects?select=id&data=cs.{\"a\":7}", r#"[{"id":3}]"#),
    get("GET /projects?select=id&status=eq.done", r#"[{"id":2}]"#),
    get(
        "GET /projects?select=id&or=(id.eq.1,and(name.eq.two,status.not.eq.open))&order=id",
        "[{\"id\":1}, ~{\"id\":2}]",
    ),
    get("GET /projects?select=id&not.or=(id.eq.1,id.in.(2,5))", r#"[{"id":3}]"#),
    get("GET /projects?select=id&and=(name.eq.\"one\",tags.cs.{red,blue})", r#"[{"id":1}]"#),
    // Order and range.
    get(
        "GET /projects?select=id&order=client_id.asc.nullsfirst,id.desc&limit=2",
        "[{\"id\":3}, ~{\"id\":2}]",
    ),
    get("GET /projects?select=id&order=data->a.desc.nullslast&offset=1", "[{\"id\":3}, ~{\"id\":2}]"),
    get("GET /projects?select=id,clients()&order=clients(name).desc.nullslast,id&limit=1", r#"[{"id":1}]"#),
    with(
        "GET /projects?select=id&order=id",
        &["range: 1-1", "prefer: count=exact"],
        "",
        Some(r#"[{"id":2}]"#),
    ),
    with("HEAD /projects?select=id&id=eq.1", &["prefer: count=planned"], "", Some(r#"[{"id":1}]"#)),
    // Embeds.
    get(
        "GET /projects?select=id,clients(name)&id=gte.2&order=id",
        r#"[{"id":2,"clients":{"name": "Acme"}}, ~{"id":3,"clients":null}]"#,
    ),
    get(
        "GET /clients?select=id,projects(id)&order=id",
        r#"[{"id":1,"projects":[{"id": 1}, {"id": 2}]}, ~{"id":2,"projects":[]}]"#,
    ),
    get(
        "GET /clients?select=id,projects!inner(id,tasks(id))&projects.tasks.id=eq.3&projects.order=id.desc&projects.limit=1",
        r#"[{"id":1,"projects":[{"id": 2, "tasks": [{"id": 3}]}]}]"#,
    ),
    get("GET /projects?select=id,people(name)&id=eq.1", r#"[{"id":1,"people":[{"name": "Ann"}]}]"#),
    get(
        "GET /people?select=name,work:projects!project_people(name)",
        r#"[{"name":"Ann","work":[{"name": "one"}]}]"#,
    ),
    get(
        "GET /projects?select=id,project_details(note)&id=eq.1",
        r#"[{"id":1,"project_details":{"note": "detail"}}]"#,
    ),
    get("GET /projects?select=id,...clients(client:name)&id=eq.1", r#"[{"id":1,"client":"Acme"}]"#),
    get(
        "GET /tasks?select=id,parent:parent_id(name),tasks(id)&id=lte.2&order=id",
        r#"[{"id":1,"parent":null,"tasks":[{"id": 2}]}, ~{"id":2,"parent":{"name": "dig"},"tasks":[]}]"#,
    ),
    get(
        "GET /orders?select=b:addresses!orders_billing(city),s:addresses!shipping_id(id)",
        r#"[{"b":{"city": "Laval"},"s":{"id": 1}}]"#,
    ),
    get("GET /projects?select=id,clients(name)&clients=is.null", r#"[{"id":3,"clients":null}]"#),
    get("GET /clients?select=id,projects()&projects=not.is.null", r#"[{"id":1}]"#),
    get(
        "GET /projects?select=id,clients(name)&or=(clients.is.null,id.eq.1)&clients.name=eq.Zed&order=id",
        "[{\"id\":1,\"clients\":null}, ~{\"id\":2,\"clients\":null}, ~{\"id\":3,\"clients\":null}]",
    ),
    with(
        "GET /projects?select=clients!inner(id)&clients.id=eq.1&limit=1",
        &["prefer: count=exact"],
        "",
        Some(r#"[{"clients":{"id": 1}}]"#),
    ),
    get(
        "GET /projects?select=tasks(id,projects(...clients(name))),id&id=eq.2",
        r#"[{"id":2,"tasks":[{"id": 3, "projects": {"name": "Acme"}}]}]"#,
    ),
    get("GET /clients?select=&id=eq.1", r#"[{"id":1,"name":"Acme"}]"#),
    // Computed fields and relationships.
    get("GET /projects?select=id,title&title=eq.TWO", r#"[{"id":2,"title":"TWO"}]"#),
    get(
        "GET /projects?select=t:title,lengths::text&order=lengths.desc,title&limit=1",
        r#"[{"t":"THREE","lengths":"5"}]"#,
    ),
    get("GET /projects?select=id&title=fts(simple).one", r#"[{"id":1}]"#),
    get(
        "GET /projects?select=lengths,count()&order=lengths",
        "[{\"lengths\":3,\"count\":2}, ~{\"lengths\":5,\"count\":1}]",
    ),
    get("GET /tasks?select=projects(title)&id=eq.1", r#"[{"projects":{"title": "ONE"}}]"#),
    get("GET /tasks?select=id,projects()&order=projects(title).desc,id&limit=1", r#"[{"id":3}]"#),
    get(
        "GET /projects?select=id,owner(name)&id=gte.2&order=id",
        "[{\"id\":2,\"owner\":{\"name\": \"Acme\"}}, ~{\"id\":3,\"owner\":null}]",
    ),
    get(
        "GET /projects?select=id,...owner!inner(client:name)&order=id.desc&limit=1",
        r#"[{"id":2,"client":"Acme"}]"#,
    ),
    get(
        "GET /clients?select=id,open_projects(id,owner(id))&open_projects.id=gt.0&id=eq.1",
        r#"[{"id":1,"open_projects":[{"id": 1, "owner": {"id": 1}}]}]"#,
    ),
    get(
        "GET /clients?select=id,flags(note)&flags.live=is.true&id=eq.1",
        r#"[{"id":1,"flags":[{"note": "x"}]}]"#,
    ),
    get(
        "GET /rpc/client_projects?client=1&select=title,owner(id)&title=eq.ONE&order=lengths",
        r#"[{"title":"ONE","owner":{"id": 1}}]"#,
    ),
    with(
        "PATCH /projects?title=eq.ONE&select=title,owner(name),tasks(id)",
        REPRESENTATION,
        r#"{"name":"uno"}"#,
        Some(r#"[{"title":"UNO","owner":{"name": "Acme"},"tasks":[{"id": 1}, {"id": 2}]}]"#),
    ),
    // Spread rows of many.
    get(
        "GET /clients?select=name,...projects(titles:name,ids:id)&projects.order=id.desc&order=id",
        "[{\"name\":\"Acme\",\"titles\":[\"two\", \"one\"],\"ids\":[2, 1]}, ~{\"name\":\"Bêta \\\"quoted\\\"\",\"titles\":[],\"ids\":[]}]",
    ),
    get("GET /clients?select=name,...projects!inner(p:id)", r#"[{"name":"Acme","p":[1, 2]}]"#),
    get("GET /projects?select=id,...people(who:name)&id=eq.1", r#"[{"id":1,"who":["Ann"]}]"#),
    get(
        "GET /clients?select=id,...projects(t:tasks(id),...tasks(names:name))&projects.limit=1&projects.order=id&id=eq.1",
        r#"[{"id":1,"t":[[{"id": 1}, {"id": 2}]],"names":[["dig", "fill"]]}]"#,
    ),
    get(
        "GET /tasks?select=id,projects(...people(who:name))&id=eq.1",
        r#"[{"id":1,"projects":{"who": ["Ann"]}}]"#,
    ),
    get("GET /clients?select=id,...projects()&projects=not.is.null", r#"[{"id":1}]"#),
    // Aggregates.
    get("GET /projects?select=count()", r#"[{"count":3}]"#),
    get("GET /projects?select=count", r#"[{"count":3}]"#),
    get(
        "GET /projects?select=price.sum(),price.avg(),n:id.max()::text,id.min()",
        r#"[{"sum":3.50,"avg":1.7500000000000000,"n":"3","min":1}]"#,
    ),
    get(
        "GET /projects?select=client_id,count()&order=client_id.nullsfirst",
        "[{\"client_id\":null,\"count\":1}, ~{\"client_id\":1,\"count\":2}]",
    ),
    get("GET /projects?select=data->>a::int.sum()&id=eq.3", r#"[{"sum":7}]"#),
    with(
        "GET /projects?select=status,count()&status=eq.open",
        &["prefer: count=exact"],
        "",
        Some(r#"[{"status":"open","count":2}]"#),
    ),
    get(
        "GET /clients?select=id,projects(count)&order=id",
        "[{\"id\":1,\"projects\":[{\"count\": 2}]}, ~{\"id\":2,\"projects\":[{\"count\": 0}]}]",
    ),
    get(
        "GET /clients?select=id,projects(status,price.sum())&projects.order=status&id=eq.1",
        r#"[{"id":1,"projects":[{"sum": 1.50, "status": "open"}, {"sum": 2, "status": "done"}]}]"#,
    ),
    get(
        "GET /tasks?select=count(),projects(id)&order=count.desc",
        "[{\"count\":2,\"projects\":{\"id\": 1}}, ~{\"count\":1,\"projects\":{\"id\": 2}}]",
    ),
    get(
        "GET /tasks?select=id.count(),...projects(status,price.sum())&order=projects(status).desc",
        "[{\"count\":1,\"status\":\"done\",\"sum\":2}, ~{\"count\":2,\"status\":\"open\",\"sum\":3.00}]",
    ),
    get(
        "GET /tasks?select=...projects(status,...clients(name,c:count()))&order=projects(status)",
        "[{\"status\":\"open\",\"name\":\"Acme\",\"c\":2}, ~{\"status\":\"done\",\"name\":\"Acme\",\"c\":1}]",
    ),
    get(
        "GET /clients?select=id,projects(tasks(count()),...project_details(note,count()))&id=eq.1&projects.id=eq.1",
        r#"[{"id":1,"projects":[{"note": "detail", "count": 1, "tasks": [{"count": 2}]}]}]"#,
    ),
    get("GET /tasks?select=id,projects(id.max())&id=eq.1", r#"[{"id":1,"projects":{"max": 1}}]"#),
    get("GET /rpc/client_projects?client=1&select=price.sum()", r#"[{"sum":3.50}]"#),
    // Forms.
    with(
        "GET /clients?id=eq.1",
        &["accept: application/vnd.pgrst.object+json"],
        "",
        Some(r#"{"id":1,"name":"Acme"}"#),
    ),
    with(
        "GET /projects?select=id,price&id=eq.3",
        &["accept: application/vnd.pgrst.array+json;nulls=stripped"],
        "",
        Some(r#"[{"id":3}]"#),
    ),
    with(
        "GET /clients?order=id",
        &["accept: text/csv"],
        "",
        Some("id,name^1,Acme^2,\"Bêta \"\"quoted\"\"\""),
    ),
    with("GET /clients?id=eq.0", &["accept: text/csv"], "", Some("^")),
    with(
        "GET /projects?select=id,c:clients(id)&id=eq.1",
        &["accept: text/html;q=0.9, text/csv;q=0.5"],
        "",
        Some("id,c^1,\"{\"\"id\"\": 1}\""),
    ),
    with("GET /rpc/totals?order=status&limit=1", &["accept: text/csv"], "", Some("status,many^open,2")),
    with(
        "POST /clients",
        &["accept: text/csv", "prefer: return=representation"],
        r#"{"id":7,"name":"N"}"#,
        Some("id,name^7,N"),
    ),
    with("GET /rpc/page", &["accept: text/html"], "", Some("<p>\"x\"</p>")),
    with("GET /rpc/page", &["accept: */*"], "", Some("\"<p>\\\"x\\\"</p>\"")),
    with("GET /rpc/image", &["accept: image/webp, image/png;q=0.8"], "", Some("89ff00")),
    with("GET /people", &["accept: text/lines"], "", Some("Ann^")),
    with("GET /people?name=eq.Bob", &["accept: text/lines"], "", Some("")),
    with("GET /people?select=name", &["accept: text/lines"], "", Some("(Ann)^")),
    with("GET /clients?id=eq.1", &["accept: text/lines"], "", Some("(1,Acme)^")),
    get("GET /project_list?id=eq.1", r#"[{"id":1,"name":"one","client":"Acme"}]"#),
    get("GET /flags?select=note&name=eq.dark&order=live", "[{\"note\":\"y\"}, ~{\"note\":\"x\"}]"),
    // Writes.
    with("POST /clients", REPRESENTATION, r#"{"id":7,"name":"Neuf"}"#, Some(r#"[{"id":7,"name":"Neuf"}]"#)),
    with("POST /clients", &[], r#"[{"id":7,"name":"a"},{"name":"b","id":8}]"#, None),
    with("POST /clients?select=name", REPRESENTATION, "[]", Some("[]")),
    with("POST /clients", &["prefer: return=headers-only"], r#"{"id":7,"name":"Neuf"}"#, None),
    with(
        "POST /projects?select=id,name,tags,clients(name)&columns=name,client_id,tags",
        REPRESENTATION,
        r#"[{"name":"n","client_id":1,"ignored":[1],"tags":["a","b"]}]"#,
        Some(r#"[{"id":101,"name":"n","tags":["a","b"],"clients":{"name": "Acme"}}]"#),
    ),
    with(
        "POST /clients",
        &["prefer: return=representation, resolution=merge-duplicates"],
        r#"{"id":1,"name":"New"}"#,
        Some(r#"[{"id":1,"name":"New"}]"#),
    ),
    with(
        "POST /clients?on_conflict=id",
        &["prefer: return=representation, resolution=ignore-duplicates"],
        r#"{"id":1,"name":"New"}"#,
        Some("[]"),
    ),
    with(
        "POST /projects?select=status&columns=name,status",
        &["prefer: return=representation, missing=default"],
        r#"{"name":"n"}"#,
        Some(r#"[{"status":"open"}]"#),
    ),
    with(
        "POST /projects?select=id,status&columns=id,name,status",
        &["prefer: return=representation, missing=default"],
        r#"[{"name":"n"},{"id":50,"name":"m","status":"done"}]"#,
        Some("[{\"id\":103,\"status\":\"open\"}, ~{\"id\":50,\"status\":\"done\"}]"),
    ),
    with("POST /clients?limit=0", REPRESENTATION, r#"{"id":7,"name":"N"}"#, Some(r#"[{"id":7,"name":"N"}]"#)),
    with("DELETE /tasks?limit=0&id=eq.3&select=id", REPRESENTATION, "", Some(r#"[{"id":3}]"#)),
    get(
        "GET /projects?select=status::text,count()&order=status.desc&limit=1",
        r#"[{"status":"done","count":1}]"#,
    ),
    with(
        "POST /clients",
        &["prefer: return=representation", "content-type: text/csv"],
        "id,name\r\n7,\"Neuf, \"\"n\"\"\"\r\n8,NULL8\n",
        Some("[{\"id\":7,\"name\":\"Neuf, \\\"n\\\"\"}, ~{\"id\":8,\"name\":\"NULL8\"}]"),
    ),
    with(
        "POST /addresses",
        &["prefer: return=representation", "content-type: text/csv; charset=utf-8"],
        "id,city\n2,NULL\n3,",
        Some("[{\"id\":2,\"city\":null}, ~{\"id\":3,\"city\":\"\"}]"),
    ),
    with(
        "POST /clients",
        &["prefer: return=representation", "content-type: application/x-www-form-urlencoded"],
        "id=7&name=Neuf+%26",
        Some(r#"[{"id":7,"name":"Neuf &"}]"#),
    ),
    with(
        "PUT /clients?id=eq.1",
        REPRESENTATION,
        r#"{"id":1,"name":"New"}"#,
        Some(r#"[{"id":1,"name":"New"}]"#),
    ),
    with(
        "PUT /clients?id=eq.9",
        REPRESENTATION,
        r#"[{"id":9,"name":"n"},{"id":10,"name":"m"}]"#,
        Some(r#"[{"id":9,"name":"n"}]"#),
    ),
    with("PUT /flags?name=eq.dark&live=eq.false", &[], r#"{"name":"dark","live":true}"#, None),
    get(
        "GET /projects?select=id,c:clients(name)&clients.name=eq.Acme&c.limit=1&id=eq.1",
        r#"[{"id":1,"c":{"name": "Acme"}}]"#,
    ),
    with(
        "PATCH /projects?id=in.(1,2)&select=id,price,tasks(id)&order=id",
        REPRESENTATION,
        r#"{"price":9}"#,
        Some(
            r#"[{"id":1,"price":9,"tasks":[{"id": 1}, {"id": 2}]}, ~{"id":2,"price":9,"tasks":[{"id": 3}]}]"#,
        ),
    ),
    with(
        "PATCH /projects?id=eq.2&select=status&columns=status",
        &["prefer: return=representation, missing=default"],
        "{}",
        Some(r#"[{"status":"open"}]"#),
    ),
    with("PATCH /projects?id=eq.1&select=id", REPRESENTATION, "{}", Some("[]")),
    with("PATCH /projects?or=(id.eq.1,name.eq.x)", &["prefer: count=exact"], r#"[{"name":"z"}]"#, None),
    with(
        "DELETE /tasks?id=eq.2&select=id,parent:parent_id(name)",
        REPRESENTATION,
        "",
        Some(r#"[{"id":2,"parent":{"name": "dig"}}]"#),
    ),
    with("DELETE /tasks?id=eq.2", &[], "", None),
    // Functions.
    get("GET /rpc/add?a=2", "3"),
    with("POST /rpc/add", &[], r#"{"a":2,"b":40}"#, Some("42")),
    get("GET /rpc/names?prefix=t&limit=1&offset=1", r#"["two"]"#),
    get(
        "GET /rpc/client_projects?client=1&select=id,clients(name)&id=eq.2&order=id",
        r#"[{"id":2,"clients":{"name": "Acme"}}]"#,
    ),
    with(
        "POST /rpc/client_projects?select=name&limit=1&order=id",
        &["prefer: count=exact"],
        r#"{"client":1}"#,
        Some(r#"[{"name":"one"}]"#),
    ),
    get("GET /rpc/first_project?select=id,name", r#"{"id":1,"name":"one"}"#),
    get("GET /rpc/totals", "[{\"status\":\"open\",\"many\":2}, ~{\"status\":\"done\",\"many\":1}]"),
    get("GET /rpc/totals?select=many&status=eq.done", r#"[{"many":1}]"#),
    get("GET /rpc/sum_all?numbers=1&numbers=2", "3"),
    with("POST /rpc/sum_all", &[], r#"{"numbers":[1,2,3]}"#, Some("6")),
    with("POST /rpc/echo", &[], r#"[1, {"a":2}]"#, Some(r#"[1, {"a":2}]"#)),
    with("POST /rpc/add", &[], r#"[{"a":2,"b":1},{"a":5,"b":1}]"#, Some("3")),
    with("POST /rpc/add?columns=a", &[], r#"{"a":2,"b":40,"c":1}"#, Some("3")),
    with("POST /rpc/add", &["content-type: application/x-www-form-urlencoded"], "a=2&b=5", Some("7")),
    with("POST /rpc/add", &["content-type: text/csv"], "a,b\n2,6", Some("8")),
    get("GET /rpc/pair", r#"{"a":1,"b":2}"#),
    with("POST /rpc/size", &["content-type: application/octet-stream"], "\u{1}\\x", Some("3")),
    with("POST /rpc/touch", &[], "", None),
    get("GET /rpc/since?moment=2019-01-01&select=id&limit=1&order=id", r#"[{"id":1}]"#),
];
