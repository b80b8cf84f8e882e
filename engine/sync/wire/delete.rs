//! Deleting, and changing permissions.

use std::collections::{BTreeMap, HashMap};

use super::channel::{CHANGED, Request};
use super::scan::relative;
use super::stat_line::{self, StatLine};
use super::{CHUNK, Wire, target};
use crate::sync::{Expected, Kind, PathOutcome, RelativePath, RemoteError, SyncEntry, Tier};

/// How often files that change all the time in the container are compared.
const ATTEMPTS: usize = 5;

/// The messages of tools about missing files, and about directories.
const ABSENT: &str = "No such file";
const DIRECTORY: [&str; 2] = ["Is a directory", "is a directory"];

impl Wire {
    pub(super) async fn remove(
        &self,
        deletions: &[(RelativePath, Expected)],
    ) -> Result<Vec<PathOutcome>, RemoteError> {
        let is_directory = |expected: &Expected| {
            matches!(expected, Expected::Entry(SyncEntry { kind: Kind::Directory, .. }))
        };
        let mut outcomes = vec![PathOutcome::Done(None); deletions.len()];
        let mut directories = Vec::new();
        let mut files: Vec<usize> = Vec::new();
        for (index, (_, expected)) in deletions.iter().enumerate() {
            if is_directory(expected) { directories.push(index) } else { files.push(index) }
        }
        let compares = self.facts.tier == Tier::Full;
        let is_compared = |index: &usize| compares && matches!(deletions[*index].1, Expected::Entry(_));
        let (compared, unknown): (Vec<_>, Vec<_>) = files.into_iter().partition(is_compared);
        for chunk in compared.chunks(CHUNK) {
            self.remove_compared(deletions, chunk.to_vec(), &mut outcomes).await?;
        }
        for chunk in unknown.chunks(CHUNK) {
            let request = Request::new("rm", "delete files", paths(deletions, chunk));
            for (index, message) in self.failed(request, chunk).await? {
                if DIRECTORY.iter().any(|text| message.contains(text)) {
                    directories.push(index);
                } else {
                    outcomes[index] =
                        PathOutcome::Failed(self.failure(&target(&deletions[index].0), &message).await?);
                }
            }
        }
        // The content of a directory comes before it.
        directories.sort_by(|one, other| deletions[*other].0.cmp(&deletions[*one].0));
        for chunk in directories.chunks(CHUNK) {
            let request = Request::new("rmdir", "delete directories", paths(deletions, chunk));
            for (index, message) in self.failed(request, chunk).await? {
                if !message.contains(ABSENT) {
                    outcomes[index] =
                        PathOutcome::Failed(self.failure(&target(&deletions[index].0), &message).await?);
                }
            }
        }
        Ok(outcomes)
    }

    /// Deletes the files of `chunk` that are as expected.
    async fn remove_compared(
        &self,
        deletions: &[(RelativePath, Expected)],
        mut chunk: Vec<usize>,
        outcomes: &mut [PathOutcome],
    ) -> Result<(), RemoteError> {
        let line = |index: &usize| match &deletions[*index] {
            (path, Expected::Entry(entry)) => stat_line::render(entry, &target(path)),
            _ => String::new(),
        };
        let mut lines: Vec<_> = chunk.iter().map(line).collect();
        for _ in 0..ATTEMPTS {
            if chunk.is_empty() {
                return Ok(());
            }
            let request = Request::new("rm", "delete files", paths(deletions, &chunk));
            let answer = self.main.ask(request.arguments("1").lines(lines)).await?;
            if answer.status != CHANGED {
                for (index, message) in failures(answer.errors(), &chunk) {
                    outcomes[index] =
                        PathOutcome::Failed(self.failure(&target(&deletions[index].0), &message).await?);
                }
                return Ok(());
            }
            let mut seen = HashMap::new();
            for line in answer.lines.iter() {
                if let Some(StatLine::Entry(name, entry)) = stat_line::parse(line)
                    && let Some(path) = relative(name)
                {
                    seen.insert(path, (String::from_utf8_lossy(line).into_owned(), entry));
                }
            }
            chunk.retain(|index| {
                let (path, expected) = &deletions[*index];
                match (seen.get(path), expected) {
                    // Another process deleted it.
                    (None, _) => false,
                    (Some((_, seen)), Expected::Entry(expected)) if stat_line::is_same(expected, seen) => {
                        true
                    }
                    _ => {
                        outcomes[*index] = PathOutcome::ChangedThere;
                        false
                    }
                }
            });
            lines =
                chunk.iter().filter_map(|index| Some(seen.get(&deletions[*index].0)?.0.clone())).collect();
        }
        chunk.into_iter().for_each(|index| outcomes[index] = PathOutcome::ChangedThere);
        Ok(())
    }

    pub(super) async fn change_modes(
        &self,
        modes: &[(RelativePath, u32)],
    ) -> Result<Vec<PathOutcome>, RemoteError> {
        let mut outcomes = vec![PathOutcome::Done(None); modes.len()];
        let mut by_mode: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (index, (_, mode)) in modes.iter().enumerate() {
            by_mode.entry(mode & 0o7777).or_default().push(index);
        }
        for (mode, indexes) in by_mode {
            for chunk in indexes.chunks(CHUNK) {
                let paths = chunk.iter().map(|index| target(&modes[*index].0)).collect();
                let request = Request::new("chmod", "change permissions", paths);
                let request = request.arguments(format!("{mode:o}"));
                for (index, message) in self.failed(request, chunk).await? {
                    outcomes[index] = if message.contains(ABSENT) {
                        PathOutcome::ChangedThere
                    } else {
                        PathOutcome::Failed(self.failure(&target(&modes[index].0), &message).await?)
                    };
                }
            }
        }
        if self.facts.tier == Tier::Full {
            let paths: Vec<_> = modes.iter().map(|(path, _)| path).collect();
            let mut found = self.stat(&paths).await?;
            for (outcome, (path, _)) in outcomes.iter_mut().zip(modes) {
                if matches!(outcome, PathOutcome::Done(_)) {
                    *outcome = PathOutcome::Done(found.remove(path));
                }
            }
        }
        Ok(outcomes)
    }

    /// The members of `chunk` that failed, with the messages.
    async fn failed(&self, request: Request, chunk: &[usize]) -> Result<Vec<(usize, String)>, RemoteError> {
        Ok(failures(self.main.ask(request).await?.errors(), chunk))
    }
}

fn paths(deletions: &[(RelativePath, Expected)], chunk: &[usize]) -> Vec<String> {
    chunk.iter().map(|index| target(&deletions[*index].0)).collect()
}

/// Reads errors such as `3/rm: …`, whose number is a place in `chunk`.
fn failures(errors: impl Iterator<Item = String>, chunk: &[usize]) -> Vec<(usize, String)> {
    let read = |error: String| {
        let (place, message) = error.split_once('/')?;
        Some((*chunk.get(place.parse::<usize>().ok()?)?, message.to_owned()))
    };
    errors.filter_map(read).collect()
}
