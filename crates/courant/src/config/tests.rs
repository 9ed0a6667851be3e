//! What is read from where, and what is said when it cannot be.

use super::keys::Key;
use super::*;

fn sources(file: &str, environment: &[(&str, &str)], flags: &[(&'static str, &str)]) -> Sources {
    Sources {
        file: Some(("courant.toml".to_owned(), file.to_owned())),
        environment: environment.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect(),
        flags: flags.iter().map(|(key, value)| (*key, value.to_string())).collect(),
        terminal: true,
        ..Sources::default()
    }
}

fn file(text: &str) -> Result<Config, ConfigError> {
    Config::read(&sources(text, &[], &[]))
}

fn environment(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
    Config::read(&sources("", variables, &[]))
}

fn refusal(read: Result<Config, ConfigError>) -> String {
    let text = read.unwrap_err().to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

#[test]
fn nothing_said_means_the_defaults_of_development() {
    let config = Config::read(&Sources::default()).unwrap();
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:3001");
    assert_eq!(config.database.url, None);
    assert_eq!(config.database.schemas, ["public"]);
    assert_eq!(config.pool.connections_max, 5);
    assert_eq!(config.cache.bound, Duration::from_secs(1));
    assert_eq!(config.cache.poll_interval, Duration::from_millis(250));
    assert_eq!(config.log.format, LogFormat::Json);
    assert!(config.warnings.is_empty());
}

#[test]
fn production_has_more_connections_and_insists_on_a_database() {
    let database = ("COURANT_DATABASE_URL", "postgresql://db/app");
    let config = environment(&[("COURANT_ENVIRONMENT", "production"), database]).unwrap();
    assert_eq!(config.pool.connections_max, 20);
    let said = refusal(environment(&[("COURANT_ENVIRONMENT", "production")]));
    assert!(said.contains("database.url"), "{said}");
}

#[test]
fn the_file_yields_to_postgrest_that_yields_to_courant_that_yields_to_flags() {
    let text = "[pool]\nconnections_max = 11\n[log]\nformat = 'json'\n";
    let postgrest = ("PGRST_DB_POOL", "12");
    let own = ("COURANT_POOL_CONNECTIONS_MAX", "13");
    let connections = |environment: &[(&str, &str)], flags: &[(&'static str, &str)]| {
        Config::read(&sources(text, environment, flags)).unwrap().pool.connections_max
    };
    assert_eq!(connections(&[], &[]), 11);
    assert_eq!(connections(&[postgrest], &[]), 12);
    assert_eq!(connections(&[postgrest, own], &[]), 13);
    assert_eq!(connections(&[postgrest, own], &[("pool.connections_max", "14")]), 14);
    assert_eq!(connections(&[("PGRST_DB_POOL", "")], &[]), 11);
    assert_eq!(file(text).unwrap().log.format, LogFormat::Json);
    assert_eq!(file("").unwrap().log.format, LogFormat::Human);
}

#[test]
fn a_postgrest_setup_is_understood() {
    let secret = "a secret of thirty-two characters, at the least";
    let config = environment(&[
        ("PGRST_DB_URI", "postgres://authenticator@db/app"),
        ("PGRST_DB_SCHEMAS", "api, public"),
        ("PGRST_DB_ANON_ROLE", "anon"),
        ("PGRST_JWT_SECRET", secret),
        ("PGRST_JWT_ROLE_CLAIM_KEY", ".user_role"),
        ("PGRST_DB_MAX_ROWS", "500"),
        ("PGRST_SERVER_HOST", "!4"),
        ("PGRST_SERVER_PORT", "8000"),
        ("PGRST_ADMIN_SERVER_PORT", "8001"),
        ("PGRST_DB_POOL_ACQUISITION_TIMEOUT", "7"),
        ("PGRST_DB_INVENTED", "disabled"),
    ])
    .unwrap();
    assert_eq!(config.database.url.unwrap().expose(), "postgres://authenticator@db/app");
    assert_eq!(config.database.schemas, ["api", "public"]);
    assert_eq!(config.database.anon_role.as_deref(), Some("anon"));
    assert_eq!(config.database.rows_max, Some(500));
    assert_eq!(config.jwt.secret.unwrap().expose(), secret);
    assert_eq!(config.jwt.role_claim, ".user_role".parse().unwrap());
    assert_eq!(config.listen.to_string(), "0.0.0.0:8000");
    assert_eq!(config.admin_listen.to_string(), "127.0.0.1:8001");
    assert_eq!(config.pool.wait_timeout, Duration::from_secs(7));
    assert_eq!(config.warnings, ["PGRST_DB_INVENTED is set but means nothing to this version of Courant"]);
}

#[test]
fn a_port_alone_keeps_the_host_of_the_file() {
    let sources = sources("listen = '0.0.0.0:80'", &[("PGRST_SERVER_PORT", "8080")], &[]);
    assert_eq!(Config::read(&sources).unwrap().listen.to_string(), "0.0.0.0:8080");
}

#[test]
fn the_variables_of_psql_name_a_database_too() {
    let url = |variables: &[(&str, &str)]| environment(variables).unwrap().database.url;
    assert_eq!(url(&[("PGHOST", "db")]), Some(Secret::new("postgresql://")));
    assert_eq!(
        url(&[("PGHOST", "db"), ("PGRST_DB_URI", "postgresql://other")]).unwrap().expose(),
        "postgresql://other"
    );
    assert_eq!(url(&[("PGUSER", "me")]), None);
}

#[test]
fn the_variable_of_an_app_names_a_database_where_nothing_else_does() {
    let url = |variables: &[(&str, &str)]| environment(variables).unwrap().database.url;
    let of_app = |url_of_app| url(&[("DATABASE_URL", url_of_app)]).map(|url| url.expose().to_owned());
    let prisma = of_app("postgresql://u:p@db:5432/app?schema=public&sslmode=require&connection_limit=5");
    assert_eq!(prisma.as_deref(), Some("postgresql://u:p@db:5432/app?sslmode=require"));
    assert_eq!(of_app("postgresql+asyncpg://db/app").as_deref(), Some("postgresql://db/app"));
    assert_eq!(of_app("mysql://db/app"), None);
    let both =
        url(&[("DATABASE_URL", "postgres://app"), ("PGRST_DB_URI", "postgres://other"), ("PGHOST", "x")]);
    assert_eq!(both.unwrap().expose(), "postgres://other");
}

#[test]
fn an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() {
    let cases = [
        (
            "[pool]\n\nconnection_max = 3",
            "courant.toml, line 3: unknown key pool.connection_max; did you mean pool.connections_max?",
        ),
        ("bound_ms = 3", "courant.toml, line 1: unknown key bound_ms; did you mean cache.bound_ms?"),
        ("\n[cash]\nbound_ms = 3", "courant.toml, line 2: unknown key cash; did you mean cache?"),
        (
            "frobnicate = 3",
            "courant.toml, line 1: unknown key frobnicate (`courant config reference` lists them all)",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(refusal(file(text)), expected);
    }
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let said = refusal(file("listen = '127.0.0.1:1'\n[pool\n"));
    assert!(said.starts_with("courant.toml, line 2: not valid TOML"), "{said}");
}

#[test]
fn each_invalid_value_is_one_line_that_names_the_key_and_what_is_allowed() {
    // By how its value is read: something that no such key allows.
    for key in Key::all() {
        let wrong = match key.name {
            "jwt.audience" | "jwt.role_claim" | "database.anon_role" | "database.pre_request" => "''",
            "tls.certificate" | "tls.key" | "proxy.upstream_ca" | "csrf.cookie" | "csrf.header" => "''",
            "headers.content_security_policy" => "''",
            "database.root_function" | "database.pre_config" | "database.channel" | "http.trace_header" => {
                "''"
            }
            "database.extra_search_path" => "[]",
            "database.schemas" | "database.hoisted_settings" => "[]",
            "stream.publication" => "'a name that is longer than PostgreSQL keeps, which is 63 bytes, alas'",
            _ => "'wrong'",
        };
        let said = refusal(file(&format!("{} = {wrong}", key.name)));
        assert!(said.starts_with(&format!("{} (courant.toml, line 1): expected ", key.name)), "{said}");
    }
}

#[test]
fn numbers_have_bounds_whatever_gives_them() {
    let expected = "expected a whole number from 1 to 10000, found";
    for text in ["0", "10001", "-1", "1.5", "'many'", "true", "99999999999999999999"] {
        let said = refusal(file(&format!("[pool]\nconnections_max = {text}")));
        assert!(said.contains(expected) || said.contains("expected a string, a whole number"), "{said}");
    }
    let said = refusal(environment(&[("PGRST_DB_POOL", "0")]));
    assert_eq!(said, format!("pool.connections_max (environment PGRST_DB_POOL): {expected} \"0\""));
    assert_eq!(file("[pool]\nconnections_max = 1_000").unwrap().pool.connections_max, 1000);
}

#[test]
fn keys_that_rest_on_each_other_are_checked_together() {
    let cases = [
        (
            "listen = '127.0.0.1:1'\nadmin_listen = '127.0.0.1:1'",
            "admin_listen (courant.toml, line 2): expected another",
        ),
        (
            "[cache]\nbound_ms = 100\npoll_interval_ms = 100",
            "cache.poll_interval_ms (courant.toml, line 3): expected less",
        ),
        ("[cache]\nmemory_bytes_max = 1048576", "cache.entry_bytes_max (default): expected at most"),
    ];
    for (text, expected) in cases {
        let said = refusal(file(text));
        assert!(said.starts_with(expected), "{said}");
    }
}

#[test]
fn declarations_are_read_and_checked() {
    let config = file(
        "[[cache.declare]]\nfunction = 'get_dashboard_metrics'\ndepends_on = ['calls', 'leads']\nttl_ms = 5000\n\
         [[cache.declare]]\nview = 'api.summary'\ndepends_on = ['calls']\n",
    );
    let declared = config.unwrap().cache.declare;
    assert_eq!(declared[0].target, Target::Function("get_dashboard_metrics".to_owned()));
    assert_eq!(declared[0].depends_on, ["calls", "leads"]);
    assert_eq!(declared[0].ttl, Some(Lifetime::fixed(Duration::from_secs(5))));
    assert_eq!(declared[1].target, Target::View("api.summary".to_owned()));
    assert_eq!(declared[1].ttl, None);
    for (text, expected) in [
        ("depends_on = ['a']", "either a function or a view"),
        ("function = 'f'\nview = 'v'\nttl_ms = 1", "either a function or a view"),
        ("function = 'f'", "depends_on, ttl_ms, or both"),
        ("function = 'f'\nttl = 1", "unknown key ttl"),
        ("function = 'f'\nttl_ms = 0", "ttl_ms: expected a whole number from 1"),
    ] {
        let said = refusal(file(&format!("[[cache.declare]]\n{text}")));
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn secrets_are_read_from_files_and_never_shown() {
    let path = std::env::temp_dir().join(format!("courant-secret-{}", std::process::id()));
    std::fs::write(&path, "a secret of thirty-two characters, at the least\n").unwrap();
    let secret = format!("@{}", path.display());
    let config = environment(&[
        ("PGRST_JWT_SECRET", &secret),
        ("COURANT_DATABASE_URL", "postgresql://user:hunter2@db/app"),
    ]);
    std::fs::remove_file(&path).unwrap();
    let config = config.unwrap();
    assert_eq!(config.jwt.secret.as_ref().unwrap().expose().len(), 47);
    let shown = format!("{config:?}");
    assert!(!shown.contains("hunter2") && !shown.contains("thirty-two"), "{shown}");

    for (name, value) in [("PGRST_JWT_SECRET", "hunter2"), ("PGRST_DB_URI", "hunter2")] {
        let said = refusal(environment(&[(name, value)]));
        assert!(!said.contains("hunter2"), "{said}");
    }
    let said = refusal(environment(&[("PGRST_JWT_SECRET", "@/nowhere/secret")]));
    assert!(said.contains("/nowhere/secret"), "{said}");
}

#[test]
fn the_same_said_in_three_places_is_told_apart_by_them() {
    let conf =
        ("postgrest.conf".to_owned(), "db-pool = 7\nserver-port = 81\nlog-query = \"main-query\"".to_owned());
    let read = |environment: &[(&str, &str)], database: &[(&str, &str)]| {
        let texts = |pairs: &[(&str, &str)]| {
            pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
        };
        Config::read(&Sources {
            postgrest: Some(conf.clone()),
            environment: texts(environment),
            database: texts(database),
            ..Sources::default()
        })
    };
    let config = read(&[("PGRST_DB_MAX_ROWS", "5"), ("PGRST_DB_POOL", "")], &[]).unwrap();
    assert_eq!(
        (config.pool.connections_max, config.database.rows_max, config.listen.port()),
        (7, Some(5), 81)
    );
    assert_eq!(config.warnings.len(), 1, "{:?}", config.warnings);
    assert!(config.warnings[0].starts_with("PGRST_LOG_QUERY (postgrest.conf, line 3) is set and not needed"));
    let over = read(&[("PGRST_DB_MAX_ROWS", "5"), ("PGRST_DB_POOL", "8")], &[("db_max_rows", "6")]).unwrap();
    assert_eq!((over.pool.connections_max, over.database.rows_max), (8, Some(6)));
    let before = read(&[("PGRST_MAX_ROWS", "3"), ("PGRST_DB_SCHEMA", "old")], &[]).unwrap();
    assert_eq!((before.database.rows_max, &before.database.schemas[..]), (Some(3), &["old".to_owned()][..]));
    assert_eq!(before.warnings.len(), 1, "{:?}", before.warnings);
    let own = read(&[("COURANT_DATABASE_ROWS_MAX", "9")], &[("db_max_rows", "6")]).unwrap();
    assert_eq!(own.database.rows_max, Some(9));
    let said = refusal(read(&[], &[("db_max_rows", "many")]));
    assert!(said.starts_with("database.rows_max (the database's pgrst.db_max_rows): expected"), "{said}");
}

#[test]
fn the_generated_pages_are_up_to_date() {
    for (name, now) in [("configuration.md", reference()), ("postgrest.md", postgrest_page())] {
        let path = format!("{}/../../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == now, "docs/{name} is old: run `cargo xtask reference`");
    }
}

#[test]
fn every_key_has_a_name_of_its_own_and_a_sentence() {
    for key in Key::all() {
        assert_eq!(Key::all().filter(|other| other.name == key.name).count(), 1, "{}", key.name);
        assert!(key.meaning.ends_with('.'), "{}", key.name);
    }
}
