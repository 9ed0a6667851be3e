//! `cargo xtask postgres`: a private test cluster for as long as somebody looks at it.

use anyhow::Context as _;
use pg::cluster::{Cluster, ClusterSettings};

/// Starts it, prints how to reach it, waits for Ctrl-C.
pub(crate) fn run(settings: &[String]) -> anyhow::Result<()> {
    let mut all = ClusterSettings::for_tests();
    for setting in settings {
        let (name, value) = setting.split_once('=').context("--set wants name=value")?;
        all = all.with(name, value);
    }
    let cluster = Cluster::for_test_with("xtask", all);
    println!("{}", cluster.uri("postgres"));
    eprintln!("{}\nlog: {}\nCtrl-C removes it.", cluster.psql("postgres"), cluster.log().display());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => pressed,
            _ = terminated.recv() => Ok(()),
        }
    })?;
    drop(cluster);
    Ok(())
}
