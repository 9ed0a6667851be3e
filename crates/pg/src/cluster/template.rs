//! `initdb`, and for tests one copy of its work that all of them share.
//!
//! `initdb` takes most of a second, a copy of its result a tenth. The copy lives in cargo's target
//! directory, by version, and is made by whichever test process comes first.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::directory::{Directory, close, make_private};
use super::owner::Owner;
use super::server::{cannot_run, quiet};
use super::{Binaries, ClusterError};

/// Part of the template's name: change it when what `initdb` is asked for changes.
const REVISION: u32 = 1;

/// The superuser of every private cluster, whoever runs it.
pub(super) const SUPERUSER: &str = "postgres";

/// Makes a new cluster in the (absent) data directory.
pub(super) fn initdb(binaries: &Binaries, directory: &Directory, more: &[&str]) -> Result<(), ClusterError> {
    // Made under another name, so that a run that was killed half-way is not taken for a cluster.
    let unfinished = directory.root.join("unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(ClusterError::io("remove", &unfinished))?;
    }
    // A locale that sorts and folds Unicode alike everywhere, where the system has it.
    match run_initdb(binaries, directory, &unfinished, "C.UTF-8", more) {
        Err(ClusterError::Initdb { said, .. }) if said.contains("locale") => {
            run_initdb(binaries, directory, &unfinished, "C", more)
        }
        other => other,
    }?;
    std::fs::rename(&unfinished, &directory.data).map_err(ClusterError::io("rename", &unfinished))
}

fn run_initdb(
    binaries: &Binaries,
    directory: &Directory,
    data: &Path,
    locale: &str,
    more: &[&str],
) -> Result<(), ClusterError> {
    let program = binaries.program("initdb");
    let mut command = quiet(&program, directory);
    command.arg("--pgdata").arg(data);
    command.args(["--username", SUPERUSER, "--auth", "trust", "--encoding", "UTF8", "--locale", locale]);
    let output = command.args(more).output().map_err(|error| cannot_run(error, &program, directory))?;
    if output.status.success() {
        return Ok(());
    }
    let errors = String::from_utf8_lossy(&output.stderr);
    let said = errors.lines().find(|line| line.contains("error:")).or_else(|| errors.lines().last());
    let said = said.unwrap_or("it ended without a word").to_owned();
    Err(ClusterError::Initdb { directory: directory.root.clone(), said })
}

/// Makes a new cluster for a test, from the shared copy.
pub(super) fn from_template(binaries: &Binaries, directory: &Directory) -> Result<(), ClusterError> {
    let shelf = shelf();
    std::fs::create_dir_all(&shelf).map_err(ClusterError::io("make the directory", &shelf))?;
    let template = shelf.join(format!("{}-{REVISION}", binaries.version()));
    if !template.exists() {
        make_template(binaries, &template)?;
    }
    copy(&template, &directory.data, &directory.owner)
}

fn make_template(binaries: &Binaries, template: &Path) -> Result<(), ClusterError> {
    let path = template.with_extension("lock");
    let lock = File::create(&path).map_err(ClusterError::io("write", &path))?;
    lock.lock().map_err(ClusterError::io("lock", &path))?;
    if template.exists() {
        return Ok(());
    }
    // Made where the server's user may write, which the target directory may not be; then copied to a
    // name of its own and renamed, so that the template is there either wholly or not at all.
    let scratch = std::env::temp_dir().join(format!("courant-template-{}", std::process::id()));
    let unfinished = template.with_extension(std::process::id().to_string());
    let made = Directory::open(&scratch).and_then(|directory| {
        // Small segments, so that a copy is small; no sync, since it is made anew when in doubt.
        initdb(binaries, &directory, &["--no-sync", "--wal-segsize", "1"])?;
        copy(&directory.data, &unfinished, &Owner::Myself)?;
        std::fs::rename(&unfinished, template).map_err(ClusterError::io("rename", &unfinished))
    });
    for leftover in [scratch, unfinished] {
        let _ = std::fs::remove_dir_all(leftover);
    }
    made
}

/// Copies a directory tree and gives the copy to its owner.
fn copy(from: &Path, to: &Path, owner: &Owner) -> Result<(), ClusterError> {
    make_private(to)?;
    owner.give(to)?;
    for entry in std::fs::read_dir(from).map_err(ClusterError::io("read", from))? {
        let entry = entry.map_err(ClusterError::io("read", from))?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().map_err(ClusterError::io("read", &source))?.is_dir() {
            copy(&source, &target, owner)?;
        } else {
            std::fs::copy(&source, &target).map_err(ClusterError::io("copy", &source))?;
            owner.give(&target)?;
        }
    }
    close(to)
}

/// Where templates are kept: the target directory that the running test was built in.
fn shelf() -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    let target = test.ancestors().find(|above| above.join("CACHEDIR.TAG").exists());
    target.map_or_else(std::env::temp_dir, Path::to_owned).join("courant-test-clusters")
}
