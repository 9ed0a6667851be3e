//! Where the proposal is written: a file that is not there yet, or standard output. Never overwrites anything.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Asked;
use crate::config::ConfigError;

/// Where the proposal goes; looked at before the watch, so that its end is no surprise.
pub(super) enum Output {
    Standard,
    File(PathBuf),
}

impl Output {
    /// Refuses what could not be written at the end.
    pub(super) fn of(asked: &Asked) -> Result<Output, ConfigError> {
        let path = &asked.output;
        let refused = |why: &str| {
            let (key, place) = ("output".to_owned(), path.display().to_string());
            Err(ConfigError::Invalid { key, place, why: why.to_owned() })
        };
        if path == Path::new("-") {
            return if asked.json {
                refused("standard output is for --json; name a file")
            } else {
                Ok(Output::Standard)
            };
        }
        if path.exists() {
            return refused(
                "there is such a file already, and it is not overwritten: name another (--output)",
            );
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if folder.is_some_and(|folder| !folder.is_dir()) {
            return refused("there is no such directory");
        }
        Ok(Output::File(path.clone()))
    }

    /// Writes it, to a file that is not there yet.
    pub(super) fn write(self, text: &str) -> Result<()> {
        match self {
            Output::Standard => {
                let _ = std::io::stdout().write_all(text.as_bytes());
                Ok(())
            }
            Output::File(path) => {
                let written =
                    std::fs::File::create_new(&path).and_then(|mut file| file.write_all(text.as_bytes()));
                written.with_context(|| {
                    format!("cannot write {}; what was learnt follows\n{text}", path.display())
                })
            }
        }
    }
}
