//! TLS against a server with certificates of our own making.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use pg::cluster::{Cluster, ClusterSettings};
use pg::connect::{ConnectError, ConnectOptions};

use crate::fixture::{Scratch, execute, superuser, trusting};
use crate::options;

const TRUST: &str = "host all all all trust";

/// Makes an authority and, for each name, a certificate with that subject alternative name.
fn certificates(directory: &Path, certified: &[(&str, &str, &str)]) {
    authority(directory, "ca");
    for (file, subject, alternative) in certified {
        openssl(
            directory,
            &format!(
                "req -new -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -keyout {file}.key -out {file}.csr -subj /CN={subject}"
            ),
        );
        fs::write(directory.join("ext"), format!("basicConstraints=CA:FALSE\n{alternative}\n")).unwrap();
        openssl(
            directory,
            &format!(
                "x509 -req -in {file}.csr -days 2 -CA ca.crt -CAkey ca.key -CAcreateserial -extfile ext -out {file}.crt"
            ),
        );
        let mode = fs::Permissions::from_mode(0o600);
        fs::set_permissions(directory.join(format!("{file}.key")), mode).unwrap();
    }
}

fn authority(directory: &Path, name: &str) {
    openssl(
        directory,
        &format!(
            "req -x509 -nodes -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -days 2 -keyout {name}.key -out {name}.crt -subj /CN=Authority-{name}"
        ),
    );
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A server with what it needs for TLS out of that directory, and these lines for TCP.
fn server_with(certificates: &Scratch, hba: &[&str]) -> Cluster {
    let mut settings = ClusterSettings::for_tests().with_tcp(hba).with("ssl", "on");
    for (parameter, file) in
        [("ssl_cert_file", "server.crt"), ("ssl_key_file", "server.key"), ("ssl_ca_file", "ca.crt")]
    {
        let content = fs::read(certificates.path().join(file)).unwrap();
        settings = settings.with(parameter, file).with_file(file, content);
    }
    Cluster::for_test_with("tls", settings)
}

/// A server whose certificate names `localhost`, and a directory with what a client may trust and show.
fn server(hba: &[&str]) -> (Cluster, Scratch) {
    let made = Scratch::new("certificates");
    certificates(made.path(), &[("server", "db", "subjectAltName=DNS:localhost"), ("client", "carl", "")]);
    authority(made.path(), "other");
    (server_with(&made, hba), made)
}

/// Logs in, and says whether the session is encrypted.
async fn encrypted(options: &ConnectOptions) -> Result<bool, ConnectError> {
    let (client, driver) = options.connect().await?;
    tokio::spawn(driver);
    let sql = "select ssl from pg_stat_ssl where pid = pg_backend_pid()";
    Ok(client.query_one(sql, &[]).await.unwrap().get(0))
}

fn to(cluster: &Cluster, more: &str) -> ConnectOptions {
    options(&format!("hostaddr=127.0.0.1 port={} user=postgres dbname=postgres {more}", cluster.port()))
}

#[tokio::test]
async fn each_mode_verifies_as_much_as_in_libpq() {
    let (cluster, made) = server(&[TRUST]);
    let (ca, other) = (made.path().join("ca.crt"), made.path().join("other.crt"));
    let (ca, other) = (ca.to_str().unwrap(), other.to_str().unwrap());
    for (more, outcome) in [
        ("host=localhost", Some(true)),
        ("host=localhost sslmode=disable", Some(false)),
        ("host=localhost sslmode=allow", Some(false)),
        ("host=localhost sslmode=require", Some(true)),
        ("host=elsewhere sslmode=require", Some(true)),
        (&format!("host=elsewhere sslmode=require sslrootcert={ca}"), Some(true)),
        (&format!("host=localhost sslmode=require sslrootcert={other}"), None),
        (&format!("host=elsewhere sslmode=verify-ca sslrootcert={ca}"), Some(true)),
        (&format!("host=localhost sslmode=verify-ca sslrootcert={other}"), None),
        (&format!("host=localhost sslmode=verify-full sslrootcert={ca}"), Some(true)),
        (&format!("host=LOCALHOST sslmode=verify-full sslrootcert={ca}"), Some(true)),
        (&format!("host=elsewhere sslmode=verify-full sslrootcert={ca}"), None),
        (&format!("host=db sslmode=verify-full sslrootcert={ca}"), None),
        (&format!("sslmode=verify-full sslrootcert={ca}"), None),
        (&format!("host=localhost sslmode=verify-full sslrootcert={other}"), None),
        ("host=localhost sslrootcert=system", None),
        (
            &format!("host=localhost sslmode=require ssl_max_protocol_version=TLSv1.2 sslrootcert={ca}"),
            Some(true),
        ),
    ] {
        let result = encrypted(&to(&cluster, more)).await;
        match outcome {
            Some(wanted) => assert_eq!(result.unwrap(), wanted, "{more}"),
            None => assert!(matches!(result, Err(ConnectError::Tls { .. })), "{more}: {result:?}"),
        }
    }
    // A server that presents the very certificate that is trusted.
    let pinned = made.path().join("server.crt");
    let more = format!("host=localhost sslmode=verify-full sslrootcert={}", pinned.display());
    assert!(encrypted(&to(&cluster, &more)).await.unwrap());
}

#[tokio::test]
async fn a_common_name_counts_where_there_is_no_alternative_name() {
    let made = Scratch::new("certificates");
    certificates(made.path(), &[("server", "*.example.org", "keyUsage=digitalSignature")]);
    let cluster = server_with(&made, &[TRUST]);
    let ca = made.path().join("ca.crt");
    let full = |host| to(&cluster, &format!("host={host} sslmode=verify-full sslrootcert={}", ca.display()));
    assert!(encrypted(&full("db.example.org")).await.unwrap());
    for host in ["example.org", "a.db.example.org", "db.example.com"] {
        assert!(encrypted(&full(host)).await.is_err(), "{host}");
    }
}

#[tokio::test]
async fn a_certificate_of_version_1_will_do_where_nothing_is_verified() {
    let made = Scratch::new("certificates");
    certificates(made.path(), &[("server", "localhost", "")]);
    openssl(made.path(), "x509 -req -in server.csr -days 2 -CA ca.crt -CAkey ca.key -out server.crt");
    let cluster = server_with(&made, &[TRUST]);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let more = format!("host=localhost sslmode=require ssl_max_protocol_version={version}");
        assert!(encrypted(&to(&cluster, &more)).await.unwrap());
    }
    let ca = made.path().join("ca.crt");
    let more = format!("host=localhost sslmode=verify-ca sslrootcert={}", ca.display());
    let error = encrypted(&to(&cluster, &more)).await.unwrap_err().to_string();
    assert!(error.contains("version 1, which cannot be verified"), "{error}");
}

#[tokio::test]
async fn a_server_may_insist_on_encryption_or_on_its_absence() {
    let (cluster, _made) = server(&["hostssl all postgres all trust", "hostnossl all plain all trust"]);
    execute(&cluster, "create role plain login").await;
    let of = |user: &str, mode: &str| {
        options(&format!("host=127.0.0.1 port={} user={user} dbname=postgres sslmode={mode}", cluster.port()))
    };
    for mode in ["allow", "prefer", "require"] {
        assert!(encrypted(&of("postgres", mode)).await.unwrap(), "{mode}");
    }
    for mode in ["allow", "prefer", "disable"] {
        assert!(!encrypted(&of("plain", mode)).await.unwrap(), "{mode}");
    }
    assert!(encrypted(&of("plain", "require")).await.is_err());
    assert!(encrypted(&of("postgres", "disable")).await.is_err());
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_required() {
    let cluster = trusting();
    assert!(!encrypted(&to(&cluster, "")).await.unwrap());
    let error = encrypted(&to(&cluster, "sslmode=require")).await.unwrap_err();
    assert!(matches!(error, ConnectError::TlsNotOffered { .. }), "{error}");
    // As in libpq, there is no TLS over a unix socket, whatever the mode.
    let socket =
        format!("host={} port={} user=postgres sslmode=require", cluster.sockets().display(), cluster.port());
    assert!(!encrypted(&options(&socket)).await.unwrap());
}

#[tokio::test]
async fn a_password_is_bound_to_the_channel() {
    let (cluster, _made) = server(&["host all all all scram-sha-256"]);
    execute(&cluster, "create role ann login password 'pw'").await;
    let of = |more: &str| {
        let base = "hostaddr=127.0.0.1 user=ann password=pw dbname=postgres";
        options(&format!("{base} port={} {more}", cluster.port()))
    };
    assert!(encrypted(&of("channel_binding=require")).await.unwrap());
    assert!(encrypted(&of("channel_binding=disable")).await.unwrap());
    assert!(encrypted(&of("channel_binding=require sslmode=disable")).await.is_err());
    let opened = of("").open().await.unwrap();
    assert!(opened.encrypted && opened.login.channel_binding.is_some());
}

#[tokio::test]
async fn a_client_may_show_a_certificate() {
    let (cluster, made) = server(&["hostssl all carl all cert"]);
    execute(&cluster, "create role carl login").await;
    let (certificate, key) = (made.path().join("client.crt"), made.path().join("client.key"));
    let base = format!("hostaddr=127.0.0.1 port={} user=carl dbname=postgres", cluster.port());
    let text = format!("{base} sslcert={} sslkey={}", certificate.display(), key.display());
    assert!(encrypted(&options(&text)).await.unwrap());
    assert!(encrypted(&options(&base)).await.is_err());

    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let error = ConnectOptions::parse(Some(&text), &|_| None).unwrap_err().to_string();
    assert!(error.ends_with("make it u=rw (0600)"), "{error}");
}

#[tokio::test]
async fn a_dropped_statement_is_cancelled_over_tls_too() {
    let (cluster, made) = server(&[TRUST]);
    let more =
        format!("host=localhost sslmode=verify-full sslrootcert={}", made.path().join("ca.crt").display());
    let text = format!("hostaddr=127.0.0.1 port={} user=postgres dbname=postgres {more}", cluster.port());
    let pool = crate::pool(&text);
    let observer = superuser(&cluster).await;
    let sleeping =
        "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(9%'
                    and pid <> pg_backend_pid()";
    let sleepers = async |wanted: i64| {
        crate::soon(async {
            while observer.query_one(sleeping, &[]).await.unwrap().get::<_, i64>(0) != wanted {}
        })
        .await;
    };
    let sleep = crate::statement("select 1 from pg_sleep(99)", &[]);
    tokio::select! {
        result = pool.read(crate::NOBODY, &sleep) => unreachable!("{result:?}"),
        () = sleepers(1) => {}
    }
    sleepers(0).await;
}
