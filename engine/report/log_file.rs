//! The log file of one image.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};

use super::text::clean;

/// The maximum number of headings that are buffered before the file is created.
const WAITING: usize = 100;

/// A log file that is created only when there is output to record.
///
/// Headings (decisions, steps) are buffered in memory until the first output, or until it is certain that the image is
/// built: a skipped image has no log file.
pub(super) struct LogFile {
    path: PathBuf,
    waiting: Vec<String>,
    file: Option<BufWriter<File>>,
    failed: bool,
}

impl LogFile {
    /// The log file of `image` in `directory`; without an image, the log file of the whole run.
    pub(super) fn new(directory: &Path, image: Option<&str>) -> Self {
        let path = directory.join(format!("{}.log", image.map_or("_run".to_owned(), file_stem)));
        Self { path, waiting: Vec::new(), file: None, failed: false }
    }

    /// The path of the file, once it exists.
    pub(super) fn path(&self) -> Option<&Path> {
        self.file.as_ref().map(|_| self.path.as_path())
    }

    /// Writes headings, one for each line of `text`; buffers them until the file exists.
    pub(super) fn heading(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        for line in text.lines() {
            let line = format!("== {at:.0} {}", clean(line));
            if self.file.is_some() {
                self.write(&line)?;
            } else if self.waiting.len() < WAITING {
                self.waiting.push(line);
            }
        }
        Ok(())
    }

    /// Writes a line of output, creating the file.
    pub(super) fn output(&mut self, line: &str) -> io::Result<()> {
        self.open()?;
        self.write(&clean(line))
    }

    /// Creates the file; renames the one of the previous run to `<image>.log.1`.
    ///
    /// # Errors
    /// The first error; later calls do nothing, so that a full disk is reported once.
    pub(super) fn open(&mut self) -> io::Result<()> {
        if self.file.is_some() || self.failed {
            return Ok(());
        }
        let file = self.create().inspect_err(|_| self.failed = true)?;
        self.file = Some(BufWriter::new(file));
        for line in std::mem::take(&mut self.waiting) {
            self.write(&line)?;
        }
        Ok(())
    }

    /// Flushes the buffer to the operating system.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let flushed = file.flush();
        self.give_up_on_error(flushed)
    }

    fn create(&self) -> io::Result<File> {
        if let Some(directory) = self.path.parent() {
            crate::own_file::create_folder(directory)?;
        }
        let mut previous = self.path.clone().into_os_string();
        previous.push(".1");
        match fs::rename(&self.path, previous) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Another run may create it at the same moment: then both append whole pieces.
        crate::own_file::options().append(true).create(true).open(&self.path)
    }

    fn write(&mut self, line: &str) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let written = file.write_all(line.as_bytes()).and_then(|()| file.write_all(b"\n"));
        self.give_up_on_error(written)
    }

    fn give_up_on_error(&mut self, result: io::Result<()>) -> io::Result<()> {
        if result.is_err() {
            self.failed = true;
            // Dropping the buffer would try to write it again.
            if let Some(file) = self.file.take() {
                drop(file.into_parts());
            }
        }
        result
    }
}

/// A file name for `image`: the image name itself if it is a valid file name on all systems.
///
/// Other names (with separators, with capitals, which case-insensitive file systems do not distinguish, Windows
/// devices, and the reserved `_run`) get a hash, so that two images never share a file.
fn file_stem(image: &str) -> String {
    const DEVICES: [&str; 4] = ["con", "prn", "aux", "nul"];
    let plain = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '-' | '_' | '.');
    let device = DEVICES.contains(&image)
        || ["com", "lpt"].iter().any(|prefix| image.strip_prefix(prefix).is_some_and(|rest| rest.len() == 1));
    let good = image.starts_with(|first: char| first.is_ascii_alphanumeric())
        && image.chars().all(plain)
        && image.len() <= 100
        && !device
        && !image.contains('.');
    if good {
        return image.to_owned();
    }
    let readable: String = image
        .chars()
        .take(60)
        .map(|character| character.to_ascii_lowercase())
        .map(|character| if plain(character) && character != '.' { character } else { '_' })
        .collect();
    format!("{readable}-{}", hex::encode(&Sha256::digest(image)[..4]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(directory: &Path, name: &str) -> String {
        fs::read_to_string(directory.join(name)).unwrap()
    }

    #[test]
    fn every_image_has_its_own_file_name_on_every_system() {
        #[track_caller]
        fn check(image: &str, expected: &str) {
            assert_eq!(file_stem(image), expected);
        }
        check("api", "api");
        check("api_2-x", "api_2-x");
        check("API", "api-c8e5998f");
        check("../../etc/passwd", "______etc_passwd-3754d6cb");
        check("nul", "nul-99e62427");
        check("com1", "com1-957a49c3");
        check("_run", "_run-ae050f1b");
        check("a.log", "a_log-e4355b8d");
        check("", "-e3b0c442");
        assert_ne!(file_stem("a/b"), file_stem("a:b"));
        assert!(file_stem(&"é".repeat(500)).len() < 100);
    }

    #[test]
    fn file_appears_with_the_first_output_and_has_no_colours() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("logs");
        let mut log = LogFile::new(&logs, Some("api"));
        log.heading(Timestamp::UNIX_EPOCH, "building: never built here").unwrap();
        assert_eq!(log.path(), None);
        assert!(!logs.exists());
        log.output("\x1b[32mok\x1b[0m").unwrap();
        log.flush().unwrap();
        assert_eq!(log.path(), Some(logs.join("api.log").as_path()));
        assert_eq!(read(&logs, "api.log"), "== 1970-01-01T00:00:00Z building: never built here\nok\n");
    }

    #[test]
    fn log_of_the_run_before_is_kept_once() {
        let directory = tempfile::tempdir().unwrap();
        for run in ["first", "second", "third"] {
            let mut log = LogFile::new(directory.path(), Some("api"));
            log.output(run).unwrap();
            log.flush().unwrap();
        }
        assert_eq!(read(directory.path(), "api.log"), "third\n");
        assert_eq!(read(directory.path(), "api.log.1"), "second\n");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 2);
    }

    #[test]
    fn directory_that_cannot_be_created_is_reported_once() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "").unwrap();
        let mut log = LogFile::new(&file, Some("api"));
        assert!(log.output("one").is_err());
        assert!(log.output("two").is_ok());
    }
}
