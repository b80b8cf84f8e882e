//! Stored values of tests, next to the test file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::lock::lock;

/// The snapshots of one test file: `NAME_test.rhai` has them in `NAME_test.snap`.
///
/// For each snapshot, the file has a line with its name, and below it the indented content.
pub struct Snapshots {
    path: PathBuf,
    known: BTreeMap<String, String>,
    taken: Mutex<BTreeMap<String, String>>,
    is_updating: bool,
}

/// The comparison of a value with its snapshot.
pub enum Kept {
    /// They are equal.
    Same,
    /// The snapshot has another content.
    Other(String),
    /// No snapshot exists.
    None,
}

impl Snapshots {
    /// The snapshots of the test file at `path`. If `is_updating`, taken snapshots replace the stored ones.
    pub fn of_file(path: &Path, is_updating: bool) -> Self {
        let path = path.with_extension("snap");
        let text = crate::input_file::read_text(&path).unwrap_or_default();
        Self { path, known: parse(&text), taken: Mutex::default(), is_updating }
    }

    /// Takes the snapshot `name`.
    pub fn take(&self, name: &str, text: &str) -> Kept {
        lock(&self.taken).insert(name.to_owned(), text.to_owned());
        match self.known.get(name) {
            _ if self.is_updating => Kept::Same,
            Some(known) if known == text => Kept::Same,
            Some(known) => Kept::Other(known.clone()),
            None => Kept::None,
        }
    }

    /// Writes the taken snapshots if updating. Snapshots of tests that did not run stay, unless `ran_all`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, ran_all: bool) -> std::io::Result<()> {
        if !self.is_updating {
            return Ok(());
        }
        let mut all = if ran_all { BTreeMap::new() } else { self.known.clone() };
        all.extend(lock(&self.taken).clone());
        if all == self.known {
            return Ok(());
        }
        if all.is_empty() {
            return std::fs::remove_file(&self.path);
        }
        std::fs::write(&self.path, print(&all))
    }
}

fn print(snapshots: &BTreeMap<String, String>) -> String {
    let one = |(name, text): (&String, &String)| {
        let lines = text.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n");
        format!("{name}:\n{}", lines.collect::<String>())
    };
    snapshots.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn parse(text: &str) -> BTreeMap<String, String> {
    let mut snapshots = BTreeMap::new();
    let mut current: Option<(String, Vec<&str>)> = None;
    let finish = |(name, lines): (String, Vec<&str>)| (name, lines.join("\n").trim_end().to_owned());
    for line in text.lines() {
        match (line.strip_suffix(':').filter(|name| !name.starts_with(' ')), &mut current) {
            (Some(name), current) => {
                snapshots.extend(current.replace((name.to_owned(), Vec::new())).map(finish));
            }
            (None, Some((_, lines))) => lines.push(line.strip_prefix("  ").unwrap_or(line)),
            (None, None) => {}
        }
    }
    snapshots.extend(current.map(finish));
    snapshots
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn snapshots_are_read_as_they_were_written() {
        let texts = [("test_a", "one\n\n  two:\nthree"), ("test_a 2", "x"), ("test_b", "- a: 1")];
        let snapshots: BTreeMap<_, _> =
            texts.into_iter().map(|(name, text)| (name.to_owned(), text.to_owned())).collect();
        assert_eq!(parse(&print(&snapshots)), snapshots);
    }
}
