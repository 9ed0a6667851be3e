//! Who the server runs as: PostgreSQL refuses root, so a cluster made by root belongs to somebody else.
//!
//! Users are read from `/etc/passwd`, and only when running as root.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::ClusterError;

/// The user that a cluster belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Whoever runs this process.
    Myself,
    /// Another, because this process runs as root.
    Other {
        /// Its name.
        name: String,
        /// Its number.
        uid: u32,
        /// Its group's number.
        gid: u32,
    },
}

impl Owner {
    /// The owner of the cluster in `data` if there is one, else whom a new one should belong to.
    pub(super) fn of(data: &Path) -> Result<Owner, ClusterError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Owner::Myself);
        }
        let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
        let present = std::fs::metadata(data.join("PG_VERSION")).ok().filter(|file| file.uid() != 0);
        let owner = match present {
            Some(file) => entries(&passwd).find(|(_, uid, _)| *uid == file.uid()),
            None => ["postgres", "nobody"]
                .iter()
                .find_map(|wanted| entries(&passwd).find(|(name, _, _)| name == wanted)),
        };
        let (name, uid, gid) = owner.ok_or(ClusterError::NoUser)?;
        Ok(Owner::Other { name: name.to_owned(), uid, gid })
    }

    /// Makes a command run as the owner.
    pub(super) fn apply(&self, command: &mut Command) {
        if let Owner::Other { uid, gid, .. } = self {
            command.uid(*uid).gid(*gid);
        }
    }

    /// Gives a file or directory to the owner.
    pub(super) fn give(&self, path: &Path) -> Result<(), ClusterError> {
        match self {
            Owner::Myself => Ok(()),
            Owner::Other { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(ClusterError::io("change the owner of", path))
            }
        }
    }

    /// Whether the owner can reach what is in this directory: every directory above must let it through.
    pub(super) fn reaches(&self, directory: &Path) -> bool {
        let Owner::Other { uid, gid, .. } = self else { return true };
        directory.ancestors().filter_map(|above| above.metadata().ok()).all(|above| {
            let mode = above.permissions().mode();
            let needed = match () {
                () if above.uid() == *uid => 0o100,
                () if above.gid() == *gid => 0o010,
                () => 0o001,
            };
            mode & needed != 0
        })
    }

    /// Its name, for messages.
    pub(super) fn name(&self) -> &str {
        match self {
            Owner::Myself => "running courant",
            Owner::Other { name, .. } => name,
        }
    }

    /// Whether a file is the owner's.
    pub(super) fn owns(&self, metadata: &std::fs::Metadata) -> bool {
        match self {
            Owner::Myself => metadata.uid() == rustix::process::geteuid().as_raw(),
            Owner::Other { uid, .. } => metadata.uid() == *uid,
        }
    }
}

/// The users in the text of `/etc/passwd`: name, user number, group number.
fn entries(passwd: &str) -> impl Iterator<Item = (&str, u32, u32)> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some((name, uid, gid))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_read_from_the_passwd_file() {
        let passwd = "root:x:0:0::/root:/bin/sh\n# comment\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        let found: Vec<_> = entries(passwd).collect();
        assert_eq!(found, [("root", 0, 0), ("postgres", 101, 104)]);
    }
}
