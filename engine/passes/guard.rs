//! Passes that cause each other.

use std::path::PathBuf;

use crate::watch::ChangedFile;

/// How many passes in a row may be started only by files that the previous pass wrote, if it is another file each time.
const MOST: usize = 4;

/// Notices that passes start each other: a hook or build writes files that images are built from.
#[derive(Debug, Default)]
pub struct Guard {
    /// The causes of the last passes that were started only by files that the previous pass wrote.
    in_a_row: Vec<Vec<PathBuf>>,
}

/// A file that the last pass wrote or downloaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// The file.
    pub file: PathBuf,
    /// Who wrote it, as a phrase: `` `make` writes it ``.
    pub writer: String,
    /// How to leave it out, as a phrase, if that depends on who wrote it.
    pub remedy: Option<String>,
}

impl Guard {
    /// Whether `files`, which changed, may start a pass; `written` returns whether the last pass wrote one.
    ///
    /// # Errors
    /// The files that the last pass wrote, if no others changed, and the same files started the last pass: a third pass
    /// would follow for the same reason.
    pub fn check(
        &mut self,
        files: &[ChangedFile],
        written: impl Fn(&ChangedFile) -> Option<WrittenFile>,
    ) -> Result<(), Vec<WrittenFile>> {
        let Some(written) = files.iter().map(written).collect::<Option<Vec<_>>>() else {
            self.reset();
            return Ok(());
        };
        let is_known = |last: &Vec<PathBuf>| written.iter().all(|written| last.contains(&written.file));
        if self.in_a_row.last().is_some_and(is_known) || self.in_a_row.len() >= MOST {
            return Err(written);
        }
        self.in_a_row.push(written.into_iter().map(|written| written.file).collect());
        Ok(())
    }

    /// A pass that the user requested.
    pub fn reset(&mut self) {
        self.in_a_row.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::watch::FileChangeKind;

    #[test]
    fn the_third_pass_for_files_that_passes_write_is_refused() {
        let file =
            |name: &str| ChangedFile { path: name.into(), kind: FileChangeKind::Changed, at: Instant::now() };
        let by_hook = |file: &ChangedFile| {
            let writer = "`sh make` writes it".to_owned();
            Some(WrittenFile { file: file.path.clone(), writer, remedy: None })
        };
        let mut guard = Guard::default();
        assert_eq!(guard.check(&[file("a")], |_| None), Ok(()));
        assert_eq!(guard.check(&[file("gen")], by_hook), Ok(()));
        let written = by_hook(&file("gen")).expect("it is written");
        assert_eq!(guard.check(&[file("gen")], by_hook), Err(vec![written]));
        assert!(guard.check(&[file("gen")], by_hook).is_err());
        // A change by another program or person.
        assert_eq!(guard.check(&[file("gen"), file("a")], |_| None), Ok(()));
        assert_eq!(guard.check(&[file("gen")], by_hook), Ok(()));
        guard.reset();
        assert_eq!(guard.check(&[file("gen")], by_hook), Ok(()));
        // Another file may be a save by chance, but not for ever.
        for name in ["one", "two", "three"] {
            assert_eq!(guard.check(&[file(name)], by_hook), Ok(()));
        }
        assert!(guard.check(&[file("four")], by_hook).is_err());
    }
}
