//! Private clusters: made, stopped, killed, found again.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use pg::cluster::{Binaries, Cluster, ClusterError, ClusterSettings};
use tokio_postgres::{Client, NoTls};

use crate::fixture::{Scratch, connect, execute};

#[tokio::test]
async fn a_test_cluster_decodes_its_log_and_answers_on_its_socket() {
    let cluster = Cluster::for_test("answers");
    let client = connect(&cluster.uri("postgres")).await;
    assert_eq!(show(&client, "wal_level").await, "logical");
    assert_eq!(show(&client, "listen_addresses").await, "");
    assert_eq!(show(&client, "server_encoding").await, "UTF8");
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    client.query("select calls from pg_stat_statements", &[]).await.unwrap();
    client.query("select pg_create_logical_replication_slot('s', 'pgoutput', true)", &[]).await.unwrap();
}

#[tokio::test]
async fn settings_of_a_test_reach_the_server() {
    let settings = ClusterSettings::for_tests().with("wal_level", "replica").with("max_connections", "7");
    let mut cluster = Cluster::for_test_with("settings", settings);
    let client = connect(&cluster.uri("postgres")).await;
    assert_eq!(show(&client, "wal_level").await, "replica");
    assert_eq!(show(&client, "max_connections").await, "7");

    cluster.restart_with(ClusterSettings::for_tests()).unwrap();
    assert_eq!(show(&connect(&cluster.uri("postgres")).await, "wal_level").await, "logical");
}

#[tokio::test]
async fn tcp_is_open_only_where_it_is_asked_for_and_as_it_is_asked_for() {
    assert_eq!(Cluster::for_test("closed").tcp_uri("postgres"), None);

    let settings = ClusterSettings::for_tests().with_tcp(&["host all all 127.0.0.1/32 scram-sha-256"]);
    let cluster = Cluster::for_test_with("tcp", settings);
    let client = connect(&cluster.uri("postgres")).await;
    client.batch_execute("create role visitor login password 'secret'").await.unwrap();
    let uri = cluster.tcp_uri("postgres").unwrap();
    let with = |user: &str| uri.replace("127.0.0.1", &format!("{user}@127.0.0.1"));
    connect(&with("visitor:secret")).await;
    assert!(tokio_postgres::connect(&with("visitor:wrong"), NoTls).await.is_err());
}

#[tokio::test]
async fn what_was_committed_outlives_stop_and_kill() {
    let place = Place::new("outlives");
    let mut cluster = place.start();
    execute(&cluster, "create table kept (n int); insert into kept values (1)").await;
    cluster.restart().unwrap();
    execute(&cluster, "insert into kept values (2)").await;
    cluster.kill();
    assert!(!cluster.is_running());
    cluster.restart().unwrap();
    execute(&cluster, "insert into kept values (3)").await;
    drop(cluster);

    let cluster = place.start();
    let client = connect(&cluster.uri("postgres")).await;
    let row = client.query_one("select count(*) from kept", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
}

#[tokio::test]
async fn a_paused_server_answers_only_once_it_is_resumed() {
    let cluster = Cluster::for_test("paused");
    let client = connect(&cluster.uri("postgres")).await;
    cluster.pause();
    let answer = client.query_one("select 1", &[]);
    tokio::pin!(answer);
    assert!(tokio::time::timeout(Duration::from_millis(50), &mut answer).await.is_err());
    cluster.resume();
    answer.await.unwrap();
}

#[test]
fn a_paused_server_is_stopped_all_the_same() {
    let cluster = Cluster::for_test("stuck");
    let directory = cluster.directory().to_owned();
    cluster.pause();
    drop(cluster);
    assert!(!directory.exists());
}

#[test]
fn a_cluster_is_used_by_one_process_at_a_time() {
    let place = Place::new("alone");
    let first = place.start();
    let second = Cluster::start(&binaries(), &place.cluster, ClusterSettings::for_tests());
    assert!(matches!(second, Err(ClusterError::InUse(_))), "{second:?}");
    assert!(first.pid().is_some());
}

#[tokio::test]
async fn a_directory_with_a_long_path_gets_a_socket_elsewhere() {
    let place = Place::new("long");
    let deep = place.cluster.join("directory-with-a-long-name ".repeat(4)).join("cluster");
    make_reachable(deep.parent().unwrap());
    let mut cluster = Cluster::start(&binaries(), &deep, ClusterSettings::for_tests()).unwrap();
    execute(&cluster, "select 1").await;
    cluster.restart().unwrap();
    execute(&cluster, "select 1").await;
}

#[test]
fn a_setting_that_the_server_refuses_is_told_in_one_line() {
    let place = Place::new("refused");
    let settings = ClusterSettings::for_tests().with("wal_level", "sideways");
    let error = Cluster::start(&binaries(), &place.cluster, settings).unwrap_err().to_string();
    assert!(error.contains("wal_level") && error.contains("sideways"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
}

#[test]
fn a_cluster_of_another_version_is_refused_with_advice() {
    let place = Place::new("version");
    drop(place.start());
    std::fs::write(place.cluster.join("data/PG_VERSION"), "9\n").unwrap();
    let error =
        Cluster::start(&binaries(), &place.cluster, ClusterSettings::for_tests()).unwrap_err().to_string();
    assert!(error.contains("made by PostgreSQL 9") && error.contains("COURANT_PG_BIN"), "{error}");
}

#[tokio::test]
async fn a_process_number_that_now_belongs_to_somebody_else_does_not_stand_in_the_way() {
    let place = Place::new("stranger");
    let mut cluster = place.start();
    cluster.kill();
    let file = place.cluster.join("data/postmaster.pid");
    let text = std::fs::read_to_string(&file).unwrap();
    let (_, rest) = text.split_once('\n').unwrap();
    std::fs::write(&file, format!("{}\n{rest}", std::process::id())).unwrap();
    cluster.restart().unwrap();
    execute(&cluster, "select 1").await;
}

#[tokio::test]
async fn a_server_does_not_outlive_a_process_that_was_killed() {
    const CHILD: &str = "COURANT_TEST_CHILD";
    let name = "cluster::a_server_does_not_outlive_a_process_that_was_killed";
    if let Some(directory) = std::env::var_os(CHILD) {
        let cluster =
            Cluster::start(&binaries(), Path::new(&directory), ClusterSettings::for_tests()).unwrap();
        println!("\npostmaster {}", cluster.pid().unwrap());
        // Until it is killed.
        let _ = std::io::stdin().lines().next();
        return;
    }
    let place = Place::new("orphan");
    let start = || -> (Child, u32) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(CHILD, &place.cluster);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let pid = lines.map_while(Result::ok).find_map(|line| line.strip_prefix("postmaster ")?.parse().ok());
        (child, pid.expect("the child started a server"))
    };
    let (mut child, postmaster) = start();
    child.kill().unwrap();
    child.wait().unwrap();
    let file = place.cluster.join("data/postmaster.pid");
    let end = Instant::now() + Duration::from_secs(20);
    while file.exists() {
        assert!(Instant::now() < end, "the keeper did not stop postmaster {postmaster}");
        std::thread::yield_now();
    }

    // And a start that does not wait for the keeper.
    let (mut child, _) = start();
    child.kill().unwrap();
    child.wait().unwrap();
    execute(&place.start(), "select 1").await;
}

/// A place for a cluster that is kept between starts, removed in the end.
struct Place {
    cluster: PathBuf,
    _above: Scratch,
}

impl Place {
    fn new(name: &str) -> Place {
        let above = Scratch::new(name);
        make_reachable(above.path());
        Place { cluster: above.path().join("cluster"), _above: above }
    }

    fn start(&self) -> Cluster {
        Cluster::start(&binaries(), &self.cluster, ClusterSettings::for_tests()).unwrap()
    }
}

fn make_reachable(path: &Path) {
    std::fs::create_dir_all(path).unwrap();
    for above in path.ancestors().take_while(|above| *above != std::env::temp_dir()) {
        std::fs::set_permissions(above, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

fn binaries() -> Binaries {
    Binaries::find(|name| std::env::var_os(name)).unwrap()
}

async fn show(client: &Client, setting: &str) -> String {
    client.query_one("select current_setting($1)", &[&setting]).await.unwrap().get(0)
}
