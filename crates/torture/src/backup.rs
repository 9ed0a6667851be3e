//! A copy of a running primary, to make a standby of: PostgreSQL's low-level backup.
//!
//! Not `pg_basebackup`, which the npm packages lack. The copy holds no log: the standby fetches it from the
//! primary, which keeps enough of it.

use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::Path;

use anyhow::Context as _;
use tokio::task::block_in_place;
use tokio_postgres::Client;

/// Directories whose content belongs to the server that runs.
const EMPTIED: [&str; 8] = [
    "pg_dynshmem",
    "pg_notify",
    "pg_replslot",
    "pg_serial",
    "pg_snapshots",
    "pg_stat_tmp",
    "pg_subtrans",
    "pg_wal",
];

/// Files of the server that runs.
const LEFT: [&str; 2] = ["postmaster.pid", "postmaster.opts"];

/// Copies the data directory `from` of the server that `client` is connected to.
pub(crate) async fn copy(client: &Client, version: u32, from: &Path, to: &Path) -> anyhow::Result<()> {
    let (start, stop) = if version >= 15 {
        ("select pg_backup_start('torture', true)::text", "select labelfile from pg_backup_stop(false)")
    } else {
        (
            "select pg_start_backup('torture', true, false)::text",
            "select labelfile from pg_stop_backup(false, false)",
        )
    };
    client.query_one(start, &[]).await?;
    block_in_place(|| copy_directory(from, to, true))?;
    let label: String = client.query_one(stop, &[]).await?.get(0);
    std::fs::write(to.join("backup_label"), label)?;
    std::fs::write(to.join("standby.signal"), "")?;
    let owner = std::fs::metadata(from)?;
    let root = to.parent().context("the data directory is in another")?;
    give(root, owner.uid(), owner.gid())
}

fn copy_directory(from: &Path, to: &Path, top: bool) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    std::fs::set_permissions(to, std::fs::Permissions::from_mode(0o700))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (name, source) = (entry.file_name(), entry.path());
        let target = to.join(&name);
        if source.is_dir() {
            if top && EMPTIED.iter().any(|emptied| name == *emptied) {
                std::fs::create_dir_all(target.join(if name == "pg_wal" { "archive_status" } else { "" }))?;
            } else {
                copy_directory(&source, &target, false)?;
            }
        } else if !(top && LEFT.iter().any(|left| name == *left)) {
            match std::fs::copy(&source, &target) {
                // Removed while the copy was being made; the log tells the standby.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                other => drop(other.with_context(|| format!("cannot copy {}", source.display()))?),
            }
        }
    }
    Ok(())
}

/// Gives a directory and all in it to a user.
fn give(path: &Path, user: u32, group: u32) -> anyhow::Result<()> {
    chown(path, Some(user), Some(group)).with_context(|| format!("cannot give away {}", path.display()))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in std::fs::read_dir(path)? {
            give(&entry?.path(), user, group)?;
        }
    }
    Ok(())
}
