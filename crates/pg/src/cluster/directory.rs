//! Where a cluster lives on disk: the data directory, its log, its lock and its socket.
//!
//! Makes directories and hands them to the server's user; never starts anything.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::ClusterError;
use super::owner::Owner;

/// The longest socket path that every system's `sockaddr_un` holds (Linux 107 bytes, macOS 103).
const SOCKET_PATH_BYTES_MAX: usize = 103;

/// Where root's clusters go when the server's user cannot enter the place they were wanted in.
const REACHABLE: &str = "/var/lib/courant";

/// A cluster's place on disk, held by this process alone.
#[derive(Debug)]
pub(super) struct Directory {
    /// The whole.
    pub(super) root: PathBuf,
    /// `PGDATA`.
    pub(super) data: PathBuf,
    /// What the server writes to its standard error.
    pub(super) log: PathBuf,
    /// The directory of its socket.
    pub(super) sockets: PathBuf,
    /// Whose it is.
    pub(super) owner: Owner,
    /// Held for as long as this process uses the cluster; the system lets go of it at any kind of death.
    _lock: File,
}

impl Directory {
    /// Opens or makes a cluster's place, for this process alone.
    pub(super) fn open(wanted: &Path) -> Result<Directory, ClusterError> {
        let absolute = std::path::absolute(wanted).map_err(ClusterError::io("find", wanted))?;
        let root = match absolute.canonicalize() {
            Ok(present) => present,
            Err(_) => make(&absolute)?,
        };
        let data = root.join("data");
        let owner = Owner::of(&data)?;
        if !owner.reaches(root.parent().unwrap_or(&root)) {
            return Err(ClusterError::Unreachable { path: root, user: owner.name().to_owned() });
        }
        let lock = lock(&root)?;
        owner.give(&root)?;
        let log = root.join("log");
        let sockets = sockets(&root, &owner)?;
        Ok(Directory { root, data, log, sockets, owner, _lock: lock })
    }

    /// Makes an empty file that only the owner can read, in place of any before.
    pub(super) fn fresh_file(&self, path: &Path) -> Result<File, ClusterError> {
        let file = File::options().create(true).truncate(true).write(true).mode(0o600).open(path);
        let file = file.map_err(ClusterError::io("write", path))?;
        self.owner.give(path)?;
        Ok(file)
    }
}

/// Makes the directory, or, where the server's user could not enter it, one elsewhere and a link to it.
fn make(wanted: &Path) -> Result<PathBuf, ClusterError> {
    let parent = wanted.parent().unwrap_or(wanted);
    std::fs::create_dir_all(parent).map_err(ClusterError::io("make the directory", parent))?;
    let parent = parent.canonicalize().map_err(ClusterError::io("find", parent))?;
    let here = parent.join(wanted.file_name().unwrap_or_default());
    let owner = Owner::of(&here)?;
    if owner.reaches(&parent) {
        make_private(&here)?;
        return Ok(here);
    }
    // A clone under /root, with root at the keyboard. A name that was never used: an old cluster of
    // somebody who removed the link is neither reused nor destroyed.
    let unreachable = |_| ClusterError::Unreachable { path: here.clone(), user: owner.name().to_owned() };
    std::fs::create_dir_all(REACHABLE).map_err(unreachable)?;
    let elsewhere = (1..1000)
        .map(|number| Path::new(REACHABLE).join(format!("cluster-{number}")))
        .find(|path| DirBuilder::new().mode(0o700).create(path).is_ok())
        .ok_or_else(|| unreachable(std::io::ErrorKind::AlreadyExists.into()))?;
    // A link that leads nowhere is what an emptied /var/lib leaves.
    let _ = std::fs::remove_file(&here);
    std::os::unix::fs::symlink(&elsewhere, &here).map_err(ClusterError::io("make the link", &here))?;
    Ok(elsewhere)
}

/// Takes the cluster for this process.
fn lock(root: &Path) -> Result<File, ClusterError> {
    let path = root.join("lock");
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(ClusterError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ClusterError::InUse(root.to_owned())),
        Err(TryLockError::Error(source)) => Err(ClusterError::io("lock", &path)(source)),
    }
}

/// The directory for the socket: the cluster's own, or a short one where that path is too long.
fn sockets(root: &Path, owner: &Owner) -> Result<PathBuf, ClusterError> {
    if root.as_os_str().len() + "/.s.PGSQL.65535".len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(root.to_owned());
    }
    let mut hasher = DefaultHasher::new();
    root.hash(&mut hasher);
    let short = std::env::temp_dir().join(format!("courant-{:016x}", hasher.finish()));
    if short.symlink_metadata().is_err() {
        make_private(&short)?;
        owner.give(&short)?;
    }
    // The name can be foreseen, so somebody else may have been there first.
    let found = short.symlink_metadata().map_err(ClusterError::io("read", &short))?;
    if !found.is_dir() || !owner.owns(&found) || found.permissions().mode() & 0o077 != 0 {
        let why = std::io::Error::other("it is not the server's own private directory: remove it");
        return Err(ClusterError::io("put a socket in", &short)(why));
    }
    Ok(short)
}

/// Makes a directory that only its owner can enter.
pub(super) fn make_private(path: &Path) -> Result<(), ClusterError> {
    DirBuilder::new().mode(0o700).create(path).map_err(ClusterError::io("make the directory", path))
}

/// Closes a directory to all but its owner, as PostgreSQL requires of its data.
pub(super) fn close(path: &Path) -> Result<(), ClusterError> {
    std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(ClusterError::io("close", path))
}
