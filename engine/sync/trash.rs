//! Copies of overwritten and deleted files: `.windlass/trash/` and `.windlass/conflicts/`.

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
    /// Copies in `folder`, for changes from `now` on. Copies older than a week are removed.
    pub fn new(folder: PathBuf, now: Timestamp) -> Self {
        let oldest = name_of(now - KEPT);
        for item in fs::read_dir(&folder).into_iter().flatten().flatten() {
            let is_old =
                item.file_name().to_str().is_some_and(|name| is_name(name) && name < oldest.as_str());
            if is_old {
                // The next start retries it.
                let _ = fs::remove_dir_all(item.path());
            }
        }
        Self { folder, name: name_of(now) }
    }

    /// Creates a copy of `path` with `create`, which fails if the file exists: then uses the next free
    /// name. Other directories and sessions may keep copies of the same path at the same moment.
    fn create_free(
        &self,
        path: &RelativePath,
        create: impl Fn(&Path) -> io::Result<()>,
    ) -> io::Result<PathBuf> {
        let first = path.within(&self.folder.join(&self.name));
        own_file::create_folder(first.parent().unwrap_or(&self.folder))?;
        let mut place = first.clone();
        for number in 1_u64.. {
            match create(&place) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                created => return created.map(|()| place),
            }
            let mut name = first.file_name().unwrap_or_default().to_owned();
            name.push(format!("~{number}"));
            place = first.with_file_name(name);
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    /// An empty file in the place of a copy of `path`.
    fn reserve(&self, path: &RelativePath) -> io::Result<PathBuf> {
        self.create_free(path, |place| own_file::options().create_new(true).open(place).map(drop))
    }

    /// Keeps a copy of the file or link `source`, which stays where it is.
    ///
    /// # Errors
    /// If it cannot be kept.
    pub fn copy_in(&self, path: &RelativePath, source: &Path) -> io::Result<()> {
        // A hard link has the content immediately, and keeps it when `source` is replaced by a rename.
        match self.create_free(path, |place| fs::hard_link(source, place)) {
            Err(_) => fs::copy(source, self.reserve(path)?).map(drop),
            Ok(_) => Ok(()),
        }
    }

    /// Moves the file or link `source` here.
    ///
    /// # Errors
    /// If it cannot be moved.
    pub fn move_in(&self, path: &RelativePath, source: &Path) -> io::Result<()> {
        let place = self.reserve(path)?;
        if fs::rename(source, &place).is_ok() {
            return Ok(());
        }
        if source.is_symlink() {
            fs::remove_file(&place)?;
        } else {
            fs::copy(source, &place)?;
        }
        fs::remove_file(source)
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
    fn copies_that_are_made_at_once_do_not_replace_each_other() {
        let folder = tempfile::tempdir().expect("a directory");
        let (trash, start) = (folder.path().join("trash"), Timestamp::UNIX_EPOCH);
        let path = RelativePath::new("a").expect("a path");
        std::thread::scope(|threads| {
            for number in 0..8 {
                let copies = Trash::new(trash.clone(), start);
                let (source, path) = (folder.path().join(number.to_string()), &path);
                threads.spawn(move || {
                    for text in 0..20 {
                        fs::write(&source, format!("{number} {text}")).expect("written");
                        let kept = if text % 2 == 0 { Trash::move_in } else { Trash::copy_in };
                        kept(&copies, path, &source).expect("kept");
                        let _ = fs::remove_file(&source);
                    }
                });
            }
        });
        let kept = fs::read_dir(Trash::new(trash, start).directory()).expect("a directory").flatten();
        let texts: std::collections::BTreeSet<_> =
            kept.map(|file| fs::read_to_string(file.path()).expect("a copy")).collect();
        assert_eq!(texts.len(), 160);
    }

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
