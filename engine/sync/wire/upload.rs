//! Writing files, links and directories.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use super::channel::{CHANGED, Request};
use super::lines::Lines;
use super::stage::{Group, Packing, Source, Staged, Unread, base, expected_lines, group};
use super::stat_line::{self, StatLine};
use super::{CHUNK, Wire, target};
use crate::image::Digest;
use crate::sync::{Expected, Kind, PathOutcome, RemoteError, SyncEntry, Tier, Upload};

/// The maximum size of a batch and of a piece of a file, in bytes. Other calls run between two of them.
const BATCH: u64 = 8 << 20;

/// The maximum number of files of a batch.
const FILES: usize = 2000;

/// The maximum duration of a batch with a limited speed, in seconds.
const SECONDS: u64 = 4;

/// How often files that change all the time in the container are compared.
const ATTEMPTS: usize = 5;

/// The outcomes of a call by place; those that are not known yet are empty.
type Outcomes = Vec<Option<PathOutcome>>;

impl Wire {
    pub(super) async fn write(&self, mut uploads: Vec<Upload>) -> Result<Vec<PathOutcome>, RemoteError> {
        if self.facts.tier > Tier::Full {
            // The container cannot compare anything.
            uploads.iter_mut().for_each(|upload| upload.expected = Expected::Unknown);
        }
        let mut outcomes: Outcomes = vec![None; uploads.len()];
        self.make_directories(&uploads, &mut outcomes).await?;
        let rest: Vec<_> = (0..uploads.len()).filter(|index| outcomes[*index].is_none()).collect();
        for batch in self.batches(&uploads, &rest) {
            self.write_batch(&uploads, batch, &mut outcomes).await?;
        }
        let unknown = || RemoteError::Failed {
            doing: "upload a file".to_owned(),
            reason: "its outcome is unknown".to_owned(),
        };
        Ok(outcomes
            .into_iter()
            .map(|outcome| outcome.unwrap_or_else(|| PathOutcome::Failed(unknown())))
            .collect())
    }

    /// Creates the directories of `uploads`. Existing ones are unchanged.
    async fn make_directories(&self, uploads: &[Upload], outcomes: &mut Outcomes) -> Result<(), RemoteError> {
        let all = uploads.iter().enumerate().filter(|(_, upload)| upload.entry.kind == Kind::Directory);
        let mut directories: Vec<_> = all.map(|(index, upload)| (&upload.path, index)).collect();
        // Parents first: a directory that is created as the parent of another one does not get its own mode.
        directories.sort();
        let mode = |index: usize| (uploads[index].entry.mode & 0o777) | 0o700;
        for run in directories.chunk_by(|one, other| mode(one.1) == mode(other.1)) {
            for chunk in run.chunks(CHUNK) {
                let paths = chunk.iter().map(|(path, _)| target(path)).collect();
                let request = Request::new("mkdir", "make directories", paths);
                let answer = self.main.ask(request.arguments(format!("{:o}", mode(chunk[0].1)))).await?;
                for error in answer.errors() {
                    let Some((place, message)) = error.split_once('/') else { continue };
                    if let Some((path, index)) = place.parse().ok().and_then(|place: usize| chunk.get(place))
                    {
                        let error = self.failure(&target(path), message).await?;
                        outcomes[*index].get_or_insert(PathOutcome::Failed(error));
                    }
                }
            }
        }
        let paths: Vec<_> = directories.iter().map(|(path, _)| *path).collect();
        let mut found = if self.facts.tier == Tier::Full { self.stat(&paths).await? } else { HashMap::new() };
        for (path, index) in directories {
            outcomes[index].get_or_insert_with(|| PathOutcome::Done(found.remove(path)));
        }
        Ok(())
    }

    /// Splits the uploads `rest` into batches, in their order, by the file system they are staged on.
    fn batches(&self, uploads: &[Upload], rest: &[usize]) -> Vec<Vec<usize>> {
        let limit = self.piece();
        let mut batches: Vec<Vec<usize>> = Vec::new();
        let mut size = 0;
        let staged_on = |index: usize| base(&uploads[index].path, &self.facts.mounts);
        for &index in rest {
            let next = match uploads[index].entry.kind {
                Kind::File => uploads[index].entry.size,
                _ => 0,
            };
            match batches.last_mut() {
                Some(batch)
                    if batch.len() < FILES
                        && size + next <= limit
                        && batch.first().is_some_and(|first| staged_on(*first) == staged_on(index)) =>
                {
                    batch.push(index);
                    size += next;
                }
                _ => {
                    batches.push(vec![index]);
                    size = next;
                }
            }
        }
        batches
    }

    fn piece(&self) -> u64 {
        self.options.upload_limit.map_or(BATCH, |pace| (pace * SECONDS).clamp(1, BATCH))
    }

    async fn write_batch(
        &self,
        uploads: &[Upload],
        batch: Vec<usize>,
        outcomes: &mut Outcomes,
    ) -> Result<(), RemoteError> {
        let mut files = Vec::with_capacity(batch.len());
        let is_large = |upload: &Upload| upload.entry.kind == Kind::File && upload.entry.size > self.piece();
        for &index in &batch {
            let upload = &uploads[index];
            let mut file = Staged { index, upload, content: None, digest: None, place: String::new() };
            if upload.entry.kind == Kind::File && !is_large(upload) {
                let copy = upload.clone();
                match blocking(move || read(&copy)).await {
                    Ok(content) => {
                        file.digest = Some(Digest::of(&content));
                        file.content = Some(content);
                    }
                    Err(unread) => {
                        outcomes[index] = Some(not_sent(unread, upload));
                        continue;
                    }
                }
            }
            files.push(file);
        }
        if files.is_empty() {
            return Ok(());
        }
        let groups = group(&mut files);
        let staged_on =
            base(&files[0].upload.path, &self.facts.mounts).map_or_else(|| ".".to_owned(), target);
        let stage = Stage { wire: self, base: staged_on, number: self.next.fetch_add(1, Ordering::Relaxed) };
        let sent = stage.send(&mut files, outcomes).await;
        match sent {
            Ok(()) => stage.commit(groups, &files, outcomes).await,
            Err(NotStaged::Connection(error)) => Err(error),
            Err(NotStaged::Message(message)) => {
                stage.drop_files(&[]).await?;
                let error = self.failure(&stage.base, &message).await?;
                // A name may be impossible in the container, which must not affect the other files.
                if files.len() > 1 && matches!(error, RemoteError::Failed { .. }) {
                    for file in files {
                        Box::pin(self.write_batch(uploads, vec![file.index], outcomes)).await?;
                    }
                    return Ok(());
                }
                for file in files {
                    outcomes[file.index].get_or_insert_with(|| PathOutcome::Failed(error.clone()));
                }
                Ok(())
            }
        }
    }
}

/// Why a batch was not staged.
enum NotStaged {
    Connection(RemoteError),
    Message(String),
}

impl From<RemoteError> for NotStaged {
    fn from(error: RemoteError) -> Self {
        Self::Connection(error)
    }
}

/// The place of one batch in the container.
struct Stage<'a> {
    wire: &'a Wire,
    base: String,
    number: u64,
}

impl Stage<'_> {
    async fn send(&self, files: &mut [Staged<'_>], outcomes: &mut Outcomes) -> Result<(), NotStaged> {
        let wire = self.wire;
        let packing = Packing { user: wire.facts.user, clock_ahead: wire.facts.clock_ahead };
        let has_tar = wire.facts.tier < Tier::NoArchives;
        let is_packed =
            |file: &Staged<'_>| has_tar && (file.content.is_some() || file.upload.entry.kind != Kind::File);
        if files.iter().any(is_packed) {
            let packed = packing.pack(files.iter().filter(|file| is_packed(file)));
            let packed = packed.map_err(|error| NotStaged::Message(error.to_string()))?;
            let keeps_owners = files.iter().all(|file| packing.owner(file.upload) == wire.facts.user);
            self.put("put", "", packed, if keeps_owners { "o" } else { "" }).await?;
        }
        let is_dropped = |file: &Staged<'_>, outcomes: &Outcomes| outcomes[file.index].is_some();
        for file in files.iter_mut().filter(|file| !is_packed(file)) {
            if let Kind::Link(to) = &file.upload.entry.kind {
                let lines = vec![self.base.clone(), file.place.clone(), to.to_string()];
                let request = Request::new("ln", "upload links", lines).arguments(self.number.to_string());
                checked(wire.main.ask(request).await?.errors().collect())?;
                continue;
            }
            self.send_file(file, outcomes).await?;
            if !is_dropped(file, outcomes) {
                let lines = vec![self.base.clone(), file.place.clone()];
                let (mode, owner) = (packing.mode(file.upload), packing.owner(file.upload));
                let owner = if owner == wire.facts.user {
                    String::new()
                } else {
                    format!(" {}:{}", owner.0, owner.1)
                };
                let seconds = packing.seconds(file.upload);
                let request = Request::new("meta", "upload files", lines);
                let request = request.arguments(format!("{} {mode:o} {seconds}{owner}", self.number));
                checked(wire.main.ask(request).await?.errors().collect())?;
            }
        }
        Ok(())
    }

    /// Sends one file: in one piece if it was read, otherwise in several.
    async fn send_file(&self, file: &mut Staged<'_>, outcomes: &mut Outcomes) -> Result<(), NotStaged> {
        if let Some(content) = file.content.take() {
            return self.put("add", &file.place, content, "").await;
        }
        let upload = file.upload.clone();
        let mut opened = blocking(move || Source::open(&upload)).await;
        let mut hasher = <sha2::Sha256 as sha2::Digest>::new();
        let piece = self.wire.piece();
        loop {
            let (upload, source) = (file.upload.clone(), opened);
            let read = blocking(move || {
                let mut source = source?;
                let content = source.read(piece)?;
                source.verify(&upload)?;
                Ok((source, content))
            });
            match read.await {
                Ok((source, content)) => {
                    sha2::Digest::update(&mut hasher, &content);
                    self.put("add", &file.place, content, "").await?;
                    if source.is_at_end() {
                        break;
                    }
                    opened = Ok(source);
                }
                Err(unread) => {
                    self.drop_files(std::slice::from_ref(&file.place)).await?;
                    outcomes[file.index] = Some(not_sent(unread, file.upload));
                    return Ok(());
                }
            }
        }
        file.digest = Some(hasher.into());
        Ok(())
    }

    /// Sends `body`; `place` is the file to append it to.
    async fn put(&self, verb: &'static str, place: &str, body: Vec<u8>, flag: &str) -> Result<(), NotStaged> {
        let lines = vec![self.base.clone(), place.to_owned()];
        let arguments = format!("{} {} {flag}", body.len(), self.number);
        let request = Request::new(verb, "upload files", lines).arguments(arguments).body(body);
        let answer = self.wire.main.ask(request).await?;
        let errors: Vec<_> = answer.errors().collect();
        // A killed tool may print nothing.
        if answer.status != 0 && errors.is_empty() {
            return Err(NotStaged::Message(format!("exit code {}", answer.status)));
        }
        if answer.status == 0 { Ok(()) } else { checked(errors) }
    }

    /// Deletes staged files; all, if none are named.
    async fn drop_files(&self, places: &[String]) -> Result<(), RemoteError> {
        let lines = std::iter::once(self.base.clone()).chain(places.iter().map(|place| format!("./{place}")));
        let request = Request::new("drop", "clean up", lines.collect());
        self.wire.main.ask(request.arguments(self.number.to_string())).await?;
        Ok(())
    }

    /// Moves the staged files to their places, except those whose places have changed.
    async fn commit(
        &self,
        mut groups: Vec<Group>,
        files: &[Staged<'_>],
        outcomes: &mut Outcomes,
    ) -> Result<(), RemoteError> {
        let leave = |groups: &mut Vec<Group>, outcomes: &Outcomes| {
            for group in groups.iter_mut() {
                group.members.retain(|member| outcomes[files[*member].index].is_none());
            }
            groups.retain(|group| !group.members.is_empty());
        };
        leave(&mut groups, outcomes);
        let mut expected = expected_lines(&groups, files);
        for _ in 0..ATTEMPTS {
            if groups.is_empty() {
                break;
            }
            let named = groups.iter().flat_map(|group| [group.name.clone(), group.target.clone()]);
            let lines = std::iter::once(self.base.clone()).chain(named).collect();
            let request = Request::new("mv", "replace files", lines).lines(expected);
            let answer = self.wire.main.ask(request.arguments(self.number.to_string())).await?;
            if answer.status != CHANGED {
                return self.finish(&answer.lines, files, outcomes).await;
            }
            let seen = Seen::read(&answer.lines);
            let mut dropped = Vec::new();
            for file in groups.iter().flat_map(|group| &group.members).map(|member| &files[*member]) {
                if !seen.is_expected(file) {
                    dropped.push(file.place.clone());
                    outcomes[file.index] = Some(PathOutcome::ChangedThere);
                }
            }
            for places in dropped.chunks(CHUNK) {
                self.drop_files(places).await?;
            }
            leave(&mut groups, outcomes);
            expected = seen.lines_of(&groups, files);
        }
        for member in groups.iter().flat_map(|group| &group.members) {
            outcomes[files[*member].index].get_or_insert(PathOutcome::ChangedThere);
        }
        self.drop_files(&[]).await
    }

    /// Reads the outcomes of the moved files.
    async fn finish(
        &self,
        lines: &Lines,
        files: &[Staged<'_>],
        outcomes: &mut Outcomes,
    ) -> Result<(), RemoteError> {
        let by_place: HashMap<_, _> = files.iter().map(|file| (file.place.as_str(), file)).collect();
        let mut entries: HashMap<usize, SyncEntry> = HashMap::new();
        for line in lines.iter() {
            if let Some(StatLine::Entry(name, entry)) = stat_line::parse(line) {
                let name = std::str::from_utf8(name).ok().and_then(|name| name.strip_prefix("./"));
                if let Some(file) = name.and_then(|name| by_place.get(name)) {
                    entries.insert(file.index, entry);
                }
                continue;
            }
            let line = String::from_utf8_lossy(line);
            if let Some(file) = line.strip_prefix("i ").and_then(|place| by_place.get(place)) {
                let entry = self.wire.stat(&[&file.upload.path]).await?.remove(&file.upload.path);
                match entry {
                    Some(entry) => drop(entries.insert(file.index, entry)),
                    None => drop(entries.remove(&file.index)),
                }
            }
            // `e GROUP/NAME/MESSAGE`
            let mut parts = line.strip_prefix("e ").unwrap_or_default().splitn(3, '/');
            if let (Some(group), Some(name), Some(message)) = (parts.next(), parts.next(), parts.next())
                && let Some(file) = by_place.get(format!("{group}/{name}").as_str())
            {
                let error = self.wire.failure(&target(&file.upload.path), message).await?;
                outcomes[file.index].get_or_insert(PathOutcome::Failed(error));
            }
        }
        for file in files {
            let entry = entries.remove(&file.index).map(|mut entry| {
                if let Kind::Link(to) = &file.upload.entry.kind {
                    entry.kind = Kind::Link(to.clone());
                }
                entry.digest = file.digest.map(Into::into);
                entry
            });
            outcomes[file.index].get_or_insert(PathOutcome::Done(entry));
        }
        Ok(())
    }
}

/// The state of the targets that the loop found.
#[derive(Default)]
struct Seen {
    /// The lines by group and name.
    lines: HashMap<(String, String), (String, Option<SyncEntry>)>,
    /// Groups whose directory does not exist.
    gone: Vec<String>,
}

impl Seen {
    fn read(lines: &Lines) -> Self {
        let mut seen = Self::default();
        let mut group = String::new();
        for line in lines.iter() {
            let text = String::from_utf8_lossy(line).into_owned();
            if let Some(name) = text.strip_prefix("k ") {
                group = name.to_owned();
            } else if text == "g" {
                seen.gone.push(group.clone());
            } else if let Some(name) = text.strip_prefix("x ") {
                seen.lines.insert((group.clone(), name.to_owned()), (text, None));
            } else if let Some(StatLine::Entry(name, entry)) = stat_line::parse(line) {
                let name = String::from_utf8_lossy(name).into_owned();
                seen.lines.insert((group.clone(), name), (text, Some(entry)));
            }
        }
        seen
    }

    fn at(&self, file: &Staged<'_>) -> Option<&(String, Option<SyncEntry>)> {
        let (group, name) = file.place.split_once('/')?;
        self.lines.get(&(group.to_owned(), name.to_owned()))
    }

    fn is_expected(&self, file: &Staged<'_>) -> bool {
        let group = file.place.split('/').next().unwrap_or_default();
        if self.gone.iter().any(|gone| gone == group) {
            return false;
        }
        match (&file.upload.expected, self.at(file)) {
            (Expected::Unknown, _) | (Expected::Nothing, None) => true,
            (Expected::Entry(expected), Some((_, Some(seen)))) => stat_line::is_same(expected, seen),
            _ => false,
        }
    }

    /// The lines of the remaining files, which the loop will repeat if nothing changes again.
    fn lines_of(&self, groups: &[Group], files: &[Staged<'_>]) -> Vec<String> {
        let mut lines = Vec::new();
        for group in groups {
            lines.push(format!("k {}", group.name));
            let mut members: Vec<_> = group.members.iter().map(|member| &files[*member]).collect();
            members.sort_by_key(|file| file.upload.path.name().as_bytes());
            lines.extend(members.iter().filter_map(|file| Some(self.at(file)?.0.clone())));
        }
        lines
    }
}

/// Reads a whole file that must be what it was before and after.
fn read(upload: &Upload) -> Result<Vec<u8>, Unread> {
    let mut source = Source::open(upload)?;
    let content = source.read(u64::MAX)?;
    source.verify(upload)?;
    Ok(content)
}

/// The outcome of a file that was not sent.
fn not_sent(unread: Unread, upload: &Upload) -> PathOutcome {
    match unread {
        Unread::Changed => PathOutcome::ChangedHere,
        Unread::Error(error) => PathOutcome::Failed(RemoteError::Local {
            path: upload.source.display().to_string(),
            reason: error.to_string(),
        }),
    }
}

/// Fails with the messages of `errors` (`0/tar: …`), if there are any.
fn checked(errors: Vec<String>) -> Result<(), NotStaged> {
    let messages: Vec<_> =
        errors.iter().map(|error| error.split_once('/').map_or(error.as_str(), |(_, text)| text)).collect();
    if messages.is_empty() { Ok(()) } else { Err(NotStaged::Message(messages.join("; "))) }
}

/// Runs `work` on a thread that may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Unread> + Send + 'static,
) -> Result<T, Unread> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Unread::Error(std::io::Error::other(error))))
}
