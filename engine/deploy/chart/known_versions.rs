//! The versions of helm commands, from earlier runs.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use memchr::memmem::Finder;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::HelmVersion;
use super::locate::locate;
use crate::cache_folder::cache_folder;
use crate::image::{Digest, Stamp};
use crate::own_file;

/// The first bytes of programs of Linux and macOS. Scripts do not count: the programs that they run may change without
/// them.
const PROGRAMS: [[u8; 4]; 4] =
    [*b"\x7fELF", [0xcf, 0xfa, 0xed, 0xfe], [0xca, 0xfe, 0xba, 0xbe], [0xce, 0xfa, 0xed, 0xfe]];
/// How much of a program is read at once.
const PIECE: usize = 1 << 20;
/// The maximum size of a record.
const LARGEST: u64 = 4096;

/// The versions that helm commands printed in earlier runs: starting helm only for its version takes as long as
/// rendering a chart. A version counts as long as the file of the command is unchanged.
#[derive(Debug, Clone)]
pub struct KnownVersions(PathBuf);

/// The version of a helm command in one state of its file.
#[derive(Serialize, Deserialize)]
struct Known {
    stamp: Stamp,
    version: String,
}

impl KnownVersions {
    /// The versions in the directory `folder`.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    /// Those of the user: `windlass/helm` in `$XDG_CACHE_HOME`, or in `~/.cache` without it. `variable` looks up
    /// environment variables.
    pub fn of_user(variable: impl Fn(&str) -> Option<String>) -> Self {
        Self::new(cache_folder(variable).join("helm"))
    }

    /// The version of `program`, a path or a name in `PATH`; `None` if it is unknown: then helm must be asked.
    pub(super) fn read(&self, program: &str) -> Option<HelmVersion> {
        let (path, stamp) = file_of(program)?;
        let record = crate::input_file::read_up_to(&self.record_of(&path), LARGEST).ok()?;
        let known: Known = serde_json::from_slice(&record).ok()?;
        (known.stamp == stamp).then(|| HelmVersion::parse(&known.version)).flatten()
    }

    /// Records that `program` printed `version` after `moment`, a time of the clock that stamps files. Does nothing if
    /// its file was changed since, or does not print the version itself: a script, or a program that starts another
    /// one.
    ///
    /// # Errors
    /// If the program cannot be read, or the record cannot be written.
    pub fn record(&self, program: &str, version: HelmVersion, moment: i64) -> io::Result<()> {
        let Some((path, stamp)) = file_of(program).filter(|(_, stamp)| stamp.is_older_than(moment)) else {
            return Ok(());
        };
        let version = format!("v{version}");
        if !is_program_with(&path, &version)? {
            return Ok(());
        }
        own_file::create_folder(&self.0)?;
        let mut file = NamedTempFile::new_in(&self.0)?;
        file.write_all(&serde_json::to_vec(&Known { stamp, version })?)?;
        file.persist(self.record_of(&path))?;
        Ok(())
    }

    fn record_of(&self, path: &Path) -> PathBuf {
        self.0.join(format!("{}.json", Digest::of(path.as_os_str().as_encoded_bytes()).hex()))
    }
}

/// The file of `program` without symbolic links, and its state; `None` if a later change might not be noticed.
fn file_of(program: &str) -> Option<(PathBuf, Stamp)> {
    let path = locate(program).filter(|path| path.is_absolute())?.canonicalize().ok()?;
    let stamp = Stamp::of(&fs::metadata(&path).ok()?);
    stamp.is_identity().then_some((path, stamp))
}

/// Whether `path` is a program that contains `text`.
fn is_program_with(path: &Path, text: &str) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut begin = [0; 4];
    file.read_exact(&mut begin)?;
    if !PROGRAMS.contains(&begin) {
        return Ok(false);
    }
    let finder = Finder::new(text);
    // Keeps the end of each piece, because a match may begin there.
    let mut piece = Vec::with_capacity(PIECE + text.len());
    while (&mut file).take(PIECE as u64).read_to_end(&mut piece)? > 0 {
        if finder.find(&piece).is_some() {
            return Ok(true);
        }
        piece.drain(..piece.len().saturating_sub(text.len()));
    }
    Ok(false)
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;
    use crate::image::file_clock;

    /// A time at which a program that is written now is old enough.
    fn later() -> i64 {
        file_clock() + 10_000_000_000
    }

    /// Writes the executable `name`; returns its path.
    fn program(folder: &Path, name: &str, content: &[u8]) -> String {
        let path = folder.join(name);
        fs::write(&path, content).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("executable");
        path.display().to_string()
    }

    #[test]
    fn a_version_counts_until_the_file_changes() {
        let folder = tempfile::tempdir().expect("a directory");
        let known = KnownVersions::new(folder.path().join("cache/helm"));
        let version = HelmVersion::parse("v3.17.3").expect("a version");
        // The version begins in one piece and ends in the next.
        let text = |more: &str| {
            let mut text = b"\x7fELF".to_vec();
            text.resize(PIECE - 3, b'-');
            [text, b"v3.17.3".to_vec(), more.as_bytes().to_vec()].concat()
        };
        let helm = program(folder.path(), "helm", &text(""));
        assert_eq!(known.read(&helm), None);
        // It may have been changed after it printed its version.
        known.record(&helm, version, file_clock() - 1).expect("nothing is written");
        assert_eq!(known.read(&helm), None);
        known.record(&helm, version, later()).expect("written");
        assert_eq!(known.read(&helm), Some(version));
        symlink("helm", folder.path().join("link")).expect("linked");
        assert_eq!(known.read(&folder.path().join("link").display().to_string()), Some(version));
        program(folder.path(), "helm", &text("x"));
        assert_eq!(known.read(&helm), None);
        fs::remove_file(&helm).expect("removed");
        assert_eq!(known.read(&helm), None);
    }

    #[test]
    fn versions_of_commands_that_only_start_helm_are_not_recorded() {
        let folder = tempfile::tempdir().expect("a directory");
        let known = KnownVersions::new(folder.path().join("cache"));
        let version = HelmVersion::parse("v3.17.3").expect("a version");
        for content in [&b"#!/bin/sh\necho v3.17.3\n"[..], b"\x7fELF without it", b"v3"] {
            let helm = program(folder.path(), "helm", content);
            // A file that is shorter than the first bytes of a program is an error.
            let _ = known.record(&helm, version, later());
            assert_eq!(known.read(&helm), None);
        }
        known.record("no-such-helm", version, later()).expect("nothing to record");
    }
}
