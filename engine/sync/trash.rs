//! Copies of what is overwritten or deleted: `.windlass/trash/` and `.windlass/conflicts/`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::RelativePath;
use crate::own_file;

/// How long copies are kept.
const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A directory with copies, by the time of the connection and their path.
#[derive(Debug, Clone)]
pub struct Trash {
    folder: PathBuf,
    name: String,
}

impl Trash {
    /// Copies in `folder`, for what happens from `now` on. Copies older than a week are removed.
    pub fn new(folder: PathBuf, now: Timestamp) -> Self {
        let oldest = name_of(now - KEPT);
        for item in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let is_old =
                item.file_name().to_str().is_some_and(|name| is_name(name) && name < oldest.as_str());
            if is_old {
                // It is tried again at the next start.
                let _ = fs::remove_dir_all(item.path());
            }
        }
        Self { folder, name: name_of(now) }
    }

    /// Where a copy of `path` goes: a name that is free.
    ///
    /// # Errors
    /// If its directory cannot be created.
    pub fn place(&self, path: &RelativePath) -> io::Result<PathBuf> {
        let place = path.within(&self.folder.join(&self.name));
        own_file::create_folder(place.parent().unwrap_or(&self.folder))?;
        let taken = |place: &Path| fs::symlink_metadata(place).is_ok();
        let numbered = (1..).map(|number| {
            let mut name = place.file_name().unwrap_or_default().to_owned();
            name.push(format!("~{number}"));
            place.with_file_name(name)
        });
        let mut places = std::iter::once(place.clone()).chain(numbered);
        Ok(places.find(|place| !taken(place)).unwrap_or(place.clone()))
    }

    /// Keeps a copy of the file or link `source`, which stays where it is.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn copy_in(&self, path: &RelativePath, source: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        // A hard link has the content at once, and keeps it when `source` is replaced by a rename.
        match fs::hard_link(source, &place) {
            Err(_) => fs::copy(source, &place).map(drop),
            linked => linked,
        }
    }

    /// Moves the file or link `source` here.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn move_in(&self, path: &RelativePath, source: &Path) -> io::Result<()> {
        let place = self.place(path)?;
        if fs::rename(source, &place).is_err() {
            if !source.is_symlink() {
                fs::copy(source, &place)?;
            }
            fs::remove_file(source)?;
        }
        Ok(())
    }

    /// The directory of these copies.
    pub fn directory(&self) -> PathBuf {
        self.folder.join(&self.name)
    }
}

fn name_of(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H-%M-%S").to_string()
}

fn is_name(name: &str) -> bool {
    name.len() == 19 && name.bytes().all(|byte| byte.is_ascii_digit() || b"-T".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_are_kept_for_a_week_and_never_overwrite_each_other() {
        let folder = tempfile::tempdir().expect("a directory");
        let (trash, source) = (folder.path().join("trash"), folder.path().join("a"));
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let path = RelativePath::new("x/a").expect("a path");
        let copies = Trash::new(trash.clone(), start);
        for text in ["one", "two"] {
            fs::write(&source, text).expect("written");
            copies.move_in(&path, &source).expect("moved");
            assert!(!source.exists());
        }
        fs::write(&source, "three").expect("written");
        copies.copy_in(&path, &source).expect("copied");
        let read = |name: &str| fs::read_to_string(copies.directory().join("x").join(name)).expect("a copy");
        assert_eq!((read("a"), read("a~1"), read("a~2")), ("one".into(), "two".into(), "three".into()));
        fs::write(trash.join("notes"), "of the user").expect("written");
        Trash::new(trash.clone(), start + SignedDuration::from_hours(7 * 24));
        assert!(copies.directory().exists());
        Trash::new(trash.clone(), start + SignedDuration::from_hours(8 * 24));
        assert!(!copies.directory().exists() && trash.join("notes").exists());
    }
}
