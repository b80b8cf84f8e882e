//! The content of a side of a sync: paths, entries, scans.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::image::Digest;

/// A path below the root of a side, with `/` between its names: `src/main.rs`. Never empty; no name is `.`, `..` or
/// empty, or has a line feed or a NUL byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelativePath(Arc<str>);

impl RelativePath {
    /// The path `text`; `None` if it cannot be synced.
    pub fn new(text: &str) -> Option<Self> {
        let is_name = |name: &str| !matches!(name, "" | "." | "..") && !name.contains(['\n', '\0']);
        text.split('/').all(is_name).then(|| Self(text.into()))
    }

    /// The path `text`, or `None` if it cannot be synced. Shares the memory of an equal path in `known`.
    pub fn new_or_known<T>(text: &str, known: &BTreeMap<Self, T>) -> Option<Self> {
        let known = known.get_key_value(text).map(|(path, _)| path.clone());
        known.or_else(|| Self::new(text))
    }

    /// The path as a string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its last name.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// The directory that contains it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.into()))
    }

    /// The path of `name` in this directory; `None` if `name` cannot be synced.
    pub fn child(&self, name: &str) -> Option<Self> {
        Self::new(&format!("{}/{name}", self.0))
    }

    /// Whether it is below `directory`.
    pub fn is_below(&self, directory: &Self) -> bool {
        self.0.strip_prefix(&*directory.0).is_some_and(|rest| rest.starts_with('/'))
    }

    /// The path on this machine, below `root`.
    pub fn within(&self, root: &Path) -> PathBuf {
        self.0.split('/').fold(root.to_owned(), |path, name| path.join(name))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Borrow<str> for RelativePath {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for RelativePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RelativePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(&text).ok_or_else(|| serde::de::Error::custom(format!("invalid relative path `{text}`")))
    }
}

/// The kind of an entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link and its target.
    Link(Box<str>),
}

/// The file, directory or link at one path of a side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncEntry {
    /// The kind.
    pub kind: Kind,
    /// The permission bits: at most `0o7777`.
    pub mode: u32,
    /// The size in bytes; 0 unless it is a file.
    pub size: u64,
    /// The modification time in nanoseconds since the epoch, by the clock of that side. Times before 1677 and after
    /// 2262 are stored as the nearest of those.
    pub mtime: i64,
    /// The inode number; 0 if unknown.
    pub inode: u64,
    /// The user and the group that own it.
    pub owner: (u32, u32),
    /// The SHA-256 digest of a file's content, if it is known.
    pub digest: Option<SharedDigest>,
}

impl SyncEntry {
    /// The modification time for calculations, which cannot overflow.
    pub fn modified(&self) -> i128 {
        self.mtime.into()
    }

    /// The nearest modification time to `time`, in nanoseconds since the epoch.
    pub fn nearest_mtime(time: i128) -> i64 {
        i64::try_from(time).unwrap_or(if time < 0 { i64::MIN } else { i64::MAX })
    }
}

/// The digest of a content. Copies share its memory: both sides of many files have the same one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Digest", into = "Digest")]
pub struct SharedDigest(Arc<Digest>);

impl From<Digest> for SharedDigest {
    fn from(digest: Digest) -> Self {
        Self(Arc::new(digest))
    }
}

impl From<SharedDigest> for Digest {
    fn from(digest: SharedDigest) -> Self {
        *digest.0
    }
}

/// The result of a scan of a side.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// The root itself; `None` if it does not exist.
    pub root: Option<SyncEntry>,
    /// Everything below the root that can be synced, without pruned paths.
    pub entries: BTreeMap<RelativePath, SyncEntry>,
    /// Names that cannot be synced, for a notice: they have a line feed, or are not UTF-8.
    pub unusable: Vec<String>,
    /// Why it may lack entries; `None` if it proves that entries which it does not have do not exist.
    pub gap: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_that_can_be_synced_are_paths() {
        let check =
            |text: &str, expected: bool| assert_eq!(RelativePath::new(text).is_some(), expected, "{text:?}");
        check("a", true);
        check("a b/-rf/$(x)/..c/…", true);
        check("", false);
        check("/a", false);
        check("a/", false);
        check("a//b", false);
        check("./a", false);
        check("a/../b", false);
        check("a\nb", false);
    }

    #[test]
    fn paths_know_their_parts() {
        let path = |text| RelativePath::new(text).unwrap();
        assert_eq!((path("a/b/c").name(), path("a/b/c").parent()), ("c", Some(path("a/b"))));
        assert_eq!((path("a").name(), path("a").parent()), ("a", None));
        assert!(path("a/b").is_below(&path("a")) && !path("ab").is_below(&path("a")));
        assert_eq!(path("a/b").within(Path::new("/x")), Path::new("/x").join("a").join("b"));
        assert_eq!(path("a").child("b"), Some(path("a/b")));
        assert_eq!(path("a").child(".."), None);
    }
}
