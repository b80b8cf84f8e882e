//! Executes a plan, batch by batch; each batch is recorded before the next one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use super::changes::LocalChange;
use super::decide::{CompareOptions, SyncDecision, is_directory};
use super::folder::{SyncedFolder, blocking};
use super::local::{LocalFailure, Written};
use super::options::Winner;
use super::reconcile::{Entries, SyncPlan, is_in, stays_inside};
use super::{
    DownloadOutcome, Expected, Kind, PathOutcome, RelativePath, Remote, RemoteError, SharedDigest, SyncEntry,
    Tier, Upload,
};
use crate::event::{Level, SyncChange};
use crate::plural::counted;

/// The limits of a batch.
const BATCH_BYTES: u64 = 64 << 20;
const BATCH_FILES: usize = 10_000;
/// The number of paths that a notice names.
const NAMED: usize = 3;

/// The known state of both sides while a plan is executed.
struct Work<'a> {
    remote: &'a Arc<dyn Remote>,
    here: &'a Entries,
    there: &'a Entries,
    comparison: CompareOptions,
    failures: Vec<(RelativePath, String)>,
}

impl SyncedFolder {
    /// Executes `plan`. Failures of single paths are reported, and retried when the path changes.
    ///
    /// # Errors
    /// [`RemoteError`] if the connection ended.
    pub(super) async fn apply(
        &mut self,
        remote: &Arc<dyn Remote>,
        plan: SyncPlan,
        here: &Entries,
        there: &Entries,
        comparison: CompareOptions,
    ) -> Result<(), RemoteError> {
        let mut work = Work { remote, here, there, comparison, failures: Vec::new() };
        let result = self.apply_all(&mut work, plan).await;
        self.saved(|store| store.save());
        self.report_failures(work.failures);
        result
    }

    async fn apply_all(&mut self, work: &mut Work<'_>, mut plan: SyncPlan) -> Result<(), RemoteError> {
        self.record_decided(work, &plan);
        self.resolve_conflicts(work, &mut plan).await?;
        self.delete_there(work, &plan).await?;
        self.delete_here(work, &plan).await;
        self.upload(work, &plan).await?;
        self.set_modes(work, plan.paths(|decision| decision == SyncDecision::SetMode)).await?;
        self.download(work, plan.paths(is_download), false).await
    }

    /// Records paths that need no work, and reports problems to the user.
    fn record_decided(&mut self, work: &Work<'_>, plan: &SyncPlan) {
        let (mut different, mut again, mut leaving) = (Vec::new(), Vec::new(), Vec::new());
        for (path, decision) in &plan.decisions {
            let (here, there) = (work.here.get(path).cloned(), work.there.get(path).cloned());
            match decision {
                SyncDecision::Agree => self.record(path, here, there, true, work.comparison),
                SyncDecision::Keep => {
                    if let Some(Kind::Link(target)) = there.as_ref().map(|entry| &entry.kind) {
                        if here.is_some() {
                            self.report_once(Level::Info, format!(
                                "`{path}` is a link in the container, to `{target}`: files are written through it, and not downloaded"
                            ));
                        } else if !stays_inside(path, target) && self.is_news(format!("{path} leaves")) {
                            leaving.push(format!("`{path}` to `{target}`"));
                        }
                    }
                    self.record(path, here, there, false, work.comparison);
                }
                SyncDecision::KeepDifferent => {
                    different.push(path.to_string());
                    self.record(path, here, there, false, work.comparison);
                }
                SyncDecision::Hold => {
                    let outcome = match (&here, &there) {
                        (Some(here), Some(there)) if is_directory(here) != is_directory(there) => {
                            "it is a directory on one side and a file on the other: neither is changed until one of them changes"
                        }
                        _ => "another file has this name, except for case: it is not downloaded",
                    };
                    let outcome = outcome.to_owned();
                    if self.is_news(format!("{path}: {outcome}")) {
                        self.emit(SyncChange::Conflict { path: path.to_string(), outcome });
                    }
                    if self.store.known().base.contains_key(path) {
                        self.store.set(path, None);
                    }
                }
                SyncDecision::Forget if self.store.known().base.contains_key(path) => self.store.set(path, None),
                SyncDecision::UploadAgain => again.push(format!(
                    "`{path}` was deleted in the container, but changed on this machine: it is uploaded again"
                )),
                SyncDecision::DownloadAgain => again.push(format!(
                    "`{path}` was deleted on this machine, but changed in the container: it is downloaded again"
                )),
                _ => {}
            }
        }
        for message in again {
            self.notice(Level::Warning, message);
        }
        match leaving.as_slice() {
            [] => {}
            [link] => self.notice(
                Level::Info,
                format!("the container's link {link} leaves the directory: it is not downloaded"),
            ),
            [link, ..] => self.notice(
                Level::Info,
                format!(
                    "{} of the container leave the directory, for example {link}: they are not downloaded",
                    counted(leaving.len(), "link")
                ),
            ),
        }
        if !different.is_empty() {
            let files = counted(different.len(), "file");
            self.notice(
                Level::Warning,
                format!("{files} differ and are kept on both sides until one changes: {}", named(&different)),
            );
        }
    }

    /// Decides which side wins, keeps the content of the other one, and replaces the conflicts by the resulting steps.
    async fn resolve_conflicts(
        &mut self,
        work: &mut Work<'_>,
        plan: &mut SyncPlan,
    ) -> Result<(), RemoteError> {
        let conflicts = plan.paths(|decision| decision == SyncDecision::Conflict);
        if conflicts.is_empty() {
            return Ok(());
        }
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for path in conflicts {
            let ways = self.ways(&path, false);
            let winner = match (ways.up, ways.down) {
                (true, true) => self.hooks.on_conflict(&path).await,
                (true, false) => Winner::Here,
                (false, true) => Winner::There,
                (false, false) => Winner::Neither,
            };
            match winner {
                Winner::Here => up.push(path),
                Winner::There => down.push(path),
                Winner::Neither => {
                    plan.decisions.remove(&path);
                    let outcome = "both are unchanged until one changes".to_owned();
                    self.emit(SyncChange::Conflict { path: path.to_string(), outcome });
                    let (here, there) = (work.here.get(&path).cloned(), work.there.get(&path).cloned());
                    self.record(&path, here, there, false, work.comparison);
                }
            }
        }
        let kept = self.keep_copies(work, up.clone()).await?;
        for path in up {
            match kept.contains(&path) {
                true => {
                    let outcome = format!(
                        "this machine wins; the container's version is kept in `{}`",
                        self.conflicts.directory().display()
                    );
                    self.emit(SyncChange::Conflict { path: path.to_string(), outcome });
                    plan.decisions.insert(path, SyncDecision::Upload);
                }
                false => drop(plan.decisions.remove(&path)),
            }
        }
        for path in &down {
            plan.decisions.remove(path);
            let outcome = format!(
                "the container wins; this machine's version is kept in `{}`",
                self.conflicts.directory().display()
            );
            self.emit(SyncChange::Conflict { path: path.to_string(), outcome });
        }
        self.download(work, down, true).await
    }

    /// Copies the entries of the container to `.windlass/conflicts/`; returns the paths that are safe now.
    async fn keep_copies(
        &mut self,
        work: &mut Work<'_>,
        paths: Vec<RelativePath>,
    ) -> Result<BTreeSet<RelativePath>, RemoteError> {
        let mut kept = BTreeSet::new();
        let mut files = Vec::new();
        for path in paths {
            match work.there.get(&path) {
                Some(entry) if entry.kind == Kind::File => files.push((path, entry.clone())),
                _ => drop(kept.insert(path)),
            }
        }
        if files.is_empty() {
            return Ok(kept);
        }
        let stage = match self.local.stage() {
            Ok(stage) => stage,
            Err(error) => {
                work.failures.extend(files.into_iter().map(|(path, _)| (path, local_text(&error))));
                return Ok(kept);
            }
        };
        let downloads = self.fetch(work, &files, &stage).await?;
        for ((path, _), download) in files.into_iter().zip(downloads) {
            match download {
                DownloadOutcome::File { copy, .. } => match self.conflicts.move_in(&path, &copy) {
                    Ok(()) => drop(kept.insert(path)),
                    Err(error) => work.failures.push((path, format!("cannot keep a copy: {error}"))),
                },
                DownloadOutcome::Link | DownloadOutcome::ChangedThere => self.is_there_unknown = true,
                DownloadOutcome::Failed(error) => self.fail(work, &path, error)?,
            }
        }
        self.local.remove_stage();
        Ok(kept)
    }

    async fn delete_there(&mut self, work: &mut Work<'_>, plan: &SyncPlan) -> Result<(), RemoteError> {
        let is_replaced = |path: &RelativePath, decision: SyncDecision| {
            let (here, there) = (work.here.get(path), work.there.get(path));
            matches!(decision, SyncDecision::Upload | SyncDecision::UploadAgain)
                && there
                    .is_some_and(|there| here.is_some_and(|here| is_directory(here) != is_directory(there)))
        };
        // Deeper paths come first.
        let decisions = plan.decisions.iter().rev();
        let deleted = decisions.filter(|(path, decision)| {
            **decision == SyncDecision::DeleteThere || is_replaced(path, **decision)
        });
        let deletions: Vec<_> = deleted.map(|(path, _)| (path.clone(), self.expected(work, path))).collect();
        for batch in deletions.chunks(BATCH_FILES) {
            let outcomes = work.remote.delete(batch).await?;
            for ((path, _), outcome) in batch.iter().zip(outcomes) {
                let there = work.there.get(path);
                let is_folder = there.is_some_and(is_directory);
                match outcome {
                    PathOutcome::Done(None) => {
                        self.store.set_sent(path);
                        self.store.set(path, None);
                        self.batch.deleted_there.push(path.clone());
                    }
                    // It has excluded files.
                    PathOutcome::Done(Some(_)) | PathOutcome::Failed(_) | PathOutcome::ChangedThere
                        if is_folder && !ends(&outcome) =>
                    {
                        self.record(
                            path,
                            work.here.get(path).cloned(),
                            there.cloned(),
                            false,
                            work.comparison,
                        );
                    }
                    PathOutcome::Done(Some(_)) | PathOutcome::ChangedThere => self.is_there_unknown = true,
                    PathOutcome::ChangedHere => drop(self.again.insert(path.clone())),
                    PathOutcome::Failed(error) => self.fail(work, path, error)?,
                }
            }
            self.saved(|store| store.save());
        }
        Ok(())
    }

    async fn delete_here(&mut self, work: &mut Work<'_>, plan: &SyncPlan) {
        let mut paths = plan.paths(|decision| decision == SyncDecision::DeleteHere);
        if paths.is_empty() {
            return;
        }
        paths.reverse();
        let entry = |path: &RelativePath| Some((path.clone(), work.here.get(path)?.clone()));
        let entries: Vec<_> = paths.iter().filter_map(entry).collect();
        let (local, trash) = (self.local.clone(), self.trash.clone());
        let deleted = blocking(move || {
            let delete = |(path, entry): (RelativePath, SyncEntry)| {
                let result = local.delete(&path, &entry, &trash);
                (path, result)
            };
            entries.into_iter().map(delete).collect::<Vec<_>>()
        });
        for (path, result) in deleted.await.unwrap_or_default() {
            match result {
                Ok(Written::Done(_)) => {
                    Arc::make_mut(&mut self.here).remove(&path);
                    self.store.set(&path, None);
                    self.batch.deleted_here.push(path);
                }
                Ok(Written::NotEmpty) => {
                    self.record(&path, work.here.get(&path).cloned(), None, false, work.comparison);
                }
                Ok(Written::Changed) => drop(self.again.insert(path)),
                Err(error) => self.fail_here(work, &path, &error),
            }
        }
        self.saved(|store| store.save());
    }

    async fn upload(&mut self, work: &mut Work<'_>, plan: &SyncPlan) -> Result<(), RemoteError> {
        let paths =
            plan.paths(|decision| matches!(decision, SyncDecision::Upload | SyncDecision::UploadAgain));
        let mut batch: Vec<Upload> = Vec::new();
        let mut bytes = 0;
        for path in &paths {
            let Some(entry) = work.here.get(path) else { continue };
            self.add_parents(work, path, &mut batch);
            let is_replaced =
                work.there.get(path).is_some_and(|there| is_directory(there) != is_directory(entry));
            let expected = match is_replaced {
                true if !matches!(self.expected(work, path), Expected::Unknown) => Expected::Nothing,
                _ => self.expected(work, path),
            };
            if !batch.is_empty() && (bytes + entry.size > BATCH_BYTES || batch.len() >= BATCH_FILES) {
                self.upload_batch(work, std::mem::take(&mut batch)).await?;
                bytes = 0;
            }
            bytes += entry.size;
            let source = self.local.on_disk(path);
            batch.push(Upload { path: path.clone(), entry: entry.clone(), source, expected });
        }
        self.upload_batch(work, batch).await
    }

    /// Directories that contain `path` and do not exist in the container, because no rule selects them.
    fn add_parents(&mut self, work: &Work<'_>, path: &RelativePath, batch: &mut Vec<Upload>) {
        let mut missing: Vec<_> = std::iter::successors(path.parent(), RelativePath::parent)
            .filter(|parent| {
                !work.there.contains_key(parent)
                    && !work.here.contains_key(parent)
                    && !self.made.contains(parent)
            })
            .collect();
        missing.reverse();
        for parent in missing {
            if let Ok(Some(entry)) = self.local.entry(&parent) {
                let source = self.local.on_disk(&parent);
                self.made.insert(parent.clone());
                batch.push(Upload { path: parent, entry, source, expected: Expected::Unknown });
            }
        }
    }

    async fn upload_batch(&mut self, work: &mut Work<'_>, mut batch: Vec<Upload>) -> Result<(), RemoteError> {
        // A save that overtook an earlier batch has sent it already. A new container does not have the known state.
        let is_replay = self.is_replay;
        batch.retain(|upload| {
            if is_replay {
                return true;
            }
            let seen = self.store.known().base.get(&upload.path).filter(|base| base.is_common);
            let seen = seen.and_then(|base| base.here.as_ref());
            !seen.is_some_and(|seen| {
                seen.entry.kind == upload.entry.kind
                    && super::local::is_same_file(&seen.entry, &upload.entry)
                    && upload.entry.kind == Kind::File
                    && seen.entry.mode == upload.entry.mode
                    && upload.expected != Expected::Unknown
                    && work.there.get(&upload.path).is_none()
            })
        });
        if batch.is_empty() {
            return Ok(());
        }
        let sent: Vec<_> = batch.iter().map(|upload| (upload.path.clone(), upload.entry.clone())).collect();
        let outcomes = self.send(work.remote, batch).await?;
        let mut modes = Vec::new();
        for ((path, entry), outcome) in sent.into_iter().zip(outcomes) {
            match outcome {
                PathOutcome::Done(there) => {
                    if !work.here.contains_key(&path) {
                        continue;
                    }
                    let was = self.store.known().base.get(&path).and_then(|base| base.here.as_ref());
                    let is_mode_new = was.is_some_and(|was| was.entry.mode != entry.mode);
                    let there = there.unwrap_or_else(|| SyncEntry { inode: 0, ..entry.clone() });
                    if is_mode_new && there.mode != entry.mode && work.there.contains_key(&path) {
                        modes.push(path.clone());
                    }
                    match entry.kind {
                        Kind::Directory => self.batch.created.push(path.clone()),
                        _ => self.batch.uploaded.push(path.clone()),
                    }
                    self.batch.bytes += entry.size;
                    let here = SyncEntry { digest: there.digest.clone().or(entry.digest), ..entry };
                    self.store.set_sent(&path);
                    self.record(&path, Some(here), Some(there), true, work.comparison);
                }
                PathOutcome::ChangedHere => drop(self.again.insert(path)),
                PathOutcome::ChangedThere => self.is_there_unknown = true,
                PathOutcome::Failed(error) => {
                    self.made.remove(&path);
                    self.fail(work, &path, error)?;
                }
            }
        }
        self.saved(|store| store.save());
        self.set_modes(work, modes).await
    }

    /// Sends a batch; changes that arrive meanwhile overtake it.
    async fn send(
        &mut self,
        remote: &Arc<dyn Remote>,
        batch: Vec<Upload>,
    ) -> Result<Vec<PathOutcome>, RemoteError> {
        let in_flight: BTreeSet<_> = batch.iter().map(|upload| upload.path.clone()).collect();
        let mut upload = remote.upload(batch);
        // Only the outermost upload is overtaken.
        let Some(mut changes) = self.changes.take() else { return upload.await };
        let result = loop {
            tokio::select! {
                biased;
                outcomes = &mut upload => break outcomes,
                change = changes.recv() => match change {
                    Some(LocalChange::Paths(paths)) => {
                        let (busy, free): (BTreeSet<_>, BTreeSet<_>) =
                            paths.into_iter().partition(|path| is_in(&in_flight, path) || in_flight.iter().any(|sent| sent.is_below(path)));
                        self.later.extend(busy);
                        if !free.is_empty() {
                            let overtaking = Box::pin(self.local_pass(remote, &free));
                            if let Err(error) = overtaking.await {
                                break Err(error);
                            }
                        }
                    }
                    Some(LocalChange::Everything) => self.is_here_unknown = true,
                    None => break upload.await,
                },
            }
        };
        self.changes = Some(changes);
        self.again.append(&mut self.later);
        result
    }

    async fn set_modes(&mut self, work: &mut Work<'_>, paths: Vec<RelativePath>) -> Result<(), RemoteError> {
        if paths.is_empty() {
            return Ok(());
        }
        let mode = |path: &RelativePath| Some((path.clone(), work.here.get(path)?.mode));
        let modes: Vec<_> = paths.iter().filter_map(mode).collect();
        let outcomes = work.remote.set_modes(&modes).await?;
        for ((path, mode), outcome) in modes.into_iter().zip(outcomes) {
            match outcome {
                PathOutcome::Done(_) => {
                    let known = self.store.known().base.get(&path).cloned();
                    let there =
                        known.and_then(|base| base.there).map(|seen| SyncEntry { mode, ..seen.entry });
                    self.store.set_sent(&path);
                    self.record(&path, self.recorded_here(work, &path), there, true, work.comparison);
                    self.batch.modes.push(path);
                }
                PathOutcome::ChangedHere => drop(self.again.insert(path)),
                PathOutcome::ChangedThere => self.is_there_unknown = true,
                PathOutcome::Failed(error) => self.fail(work, &path, error)?,
            }
        }
        self.saved(|store| store.save());
        Ok(())
    }

    /// The entry on this machine, with its known digest.
    fn recorded_here(&self, work: &Work<'_>, path: &RelativePath) -> Option<SyncEntry> {
        let entry = work.here.get(path)?.clone();
        let known = self.store.known().base.get(path).and_then(|base| base.here.as_ref());
        let digest = entry.digest.clone().or_else(|| known?.entry.digest.clone());
        Some(SyncEntry { digest, ..entry })
    }

    /// Downloads `paths`; replaced files go to the trash, or to the conflicts.
    async fn download(
        &mut self,
        work: &mut Work<'_>,
        paths: Vec<RelativePath>,
        is_conflict: bool,
    ) -> Result<(), RemoteError> {
        let trash = if is_conflict { self.conflicts.clone() } else { self.trash.clone() };
        let mut files: Vec<(RelativePath, SyncEntry)> = Vec::new();
        let mut bytes = 0;
        for path in paths {
            let Some(entry) = work.there.get(&path) else { continue };
            match &entry.kind {
                Kind::Directory => {
                    let result = self.local.put_directory(&path, work.here.get(&path), &trash);
                    self.finish_download(work, &path, result, None);
                }
                Kind::Link(target) => {
                    let result = self.local.put_link(&path, target, work.here.get(&path), &trash);
                    self.finish_download(work, &path, result, None);
                }
                Kind::File => {
                    if !files.is_empty() && (bytes + entry.size > BATCH_BYTES || files.len() >= BATCH_FILES) {
                        self.download_batch(work, std::mem::take(&mut files), &trash).await?;
                        bytes = 0;
                    }
                    bytes += entry.size;
                    files.push((path, entry.clone()));
                }
            }
        }
        self.download_batch(work, files, &trash).await
    }

    async fn download_batch(
        &mut self,
        work: &mut Work<'_>,
        files: Vec<(RelativePath, SyncEntry)>,
        trash: &super::trash::Trash,
    ) -> Result<(), RemoteError> {
        if files.is_empty() {
            return Ok(());
        }
        let stage = match self.local.stage() {
            Ok(stage) => stage,
            Err(error) => {
                files.iter().for_each(|(path, _)| self.fail_here(work, path, &error));
                return Ok(());
            }
        };
        let downloads = self.fetch(work, &files, &stage).await?;
        for ((path, entry), download) in files.into_iter().zip(downloads) {
            match download {
                DownloadOutcome::File { copy, digest } => {
                    let mtime = SyncEntry::nearest_mtime(entry.modified() - work.comparison.ahead);
                    let entry = SyncEntry { mtime, ..entry };
                    let (local, trash, expected) =
                        (self.local.clone(), trash.clone(), work.here.get(&path).cloned());
                    let target = path.clone();
                    let put =
                        blocking(move || local.put_file(&target, &copy, &entry, expected.as_ref(), &trash));
                    let Some(result) = put.await else { continue };
                    self.finish_download(work, &path, result, Some(digest));
                }
                DownloadOutcome::Link | DownloadOutcome::ChangedThere => self.is_there_unknown = true,
                DownloadOutcome::Failed(error) => self.fail(work, &path, error)?,
            }
        }
        self.local.remove_stage();
        self.saved(|store| store.save());
        Ok(())
    }

    /// Copies `files` into `stage`. Removes the copies after a failure, because they could fill the disk.
    async fn fetch(
        &self,
        work: &Work<'_>,
        files: &[(RelativePath, SyncEntry)],
        stage: &Path,
    ) -> Result<Vec<DownloadOutcome>, RemoteError> {
        let downloads = work.remote.download(files, stage).await;
        if downloads.is_err() {
            self.local.remove_stage();
        }
        downloads
    }

    fn finish_download(
        &mut self,
        work: &mut Work<'_>,
        path: &RelativePath,
        result: Result<Written, LocalFailure>,
        digest: Option<crate::image::Digest>,
    ) {
        match result {
            Ok(Written::Done(entry)) => {
                let digest: Option<SharedDigest> = digest.map(Into::into);
                let here = entry.map(|entry| SyncEntry { digest: digest.clone(), ..entry });
                let there = work.there.get(path).map(|entry| SyncEntry { digest, ..entry.clone() });
                if let Some(here) = &here {
                    Arc::make_mut(&mut self.here).insert(path.clone(), here.clone());
                    self.batch.bytes += here.size;
                    self.hooks.downloaded(path, &self.local.on_disk(path));
                }
                self.record(path, here, there, true, work.comparison);
                self.batch.downloaded.push(path.clone());
            }
            Ok(Written::Changed) => drop(self.again.insert(path.clone())),
            Ok(Written::NotEmpty) => {
                let (here, there) = (work.here.get(path).cloned(), work.there.get(path).cloned());
                let outcome =
                    "the directory on this machine has excluded files: it is not replaced".to_owned();
                self.emit(SyncChange::Conflict { path: path.to_string(), outcome });
                self.record(path, here, there, false, work.comparison);
            }
            Err(error) => self.fail_here(work, path, &error),
        }
    }

    /// The state of the path that a write must still find in the container.
    fn expected(&self, work: &Work<'_>, path: &RelativePath) -> Expected {
        let is_link = |path: RelativePath| {
            work.there.get(&path).is_some_and(|entry| matches!(entry.kind, Kind::Link(_)))
        };
        let is_unknown = self.options.disable_download
            || work.remote.facts().tier != Tier::Full
            || std::iter::successors(path.parent(), RelativePath::parent).any(is_link);
        match work.there.get(path) {
            _ if is_unknown => Expected::Unknown,
            Some(entry) => Expected::Entry(entry.clone()),
            None => Expected::Nothing,
        }
    }

    /// Records that a path failed.
    fn fail(
        &mut self,
        work: &mut Work<'_>,
        path: &RelativePath,
        error: RemoteError,
    ) -> Result<(), RemoteError> {
        if error.ends_connection() {
            return Err(error);
        }
        self.failed.insert(path.clone(), (work.here.get(path).cloned(), work.there.get(path).cloned()));
        work.failures.push((path.clone(), with_help(&error)));
        Ok(())
    }

    fn fail_here(&mut self, work: &mut Work<'_>, path: &RelativePath, error: &LocalFailure) {
        self.failed.insert(path.clone(), (work.here.get(path).cloned(), work.there.get(path).cloned()));
        work.failures.push((path.clone(), local_text(error)));
    }

    /// One message for all failures of a pass; the same one is not repeated until a pass has none.
    fn report_failures(&mut self, failures: Vec<(RelativePath, String)>) {
        let Some((_, first)) = failures.first() else { return };
        let message = match failures.len() - 1 {
            0 => first.clone(),
            more => format!(
                "{first}\nand {} more: {}",
                more,
                named(&failures[1..].iter().map(|(path, _)| path.to_string()).collect::<Vec<_>>())
            ),
        };
        self.notice_failure(message);
    }
}

fn is_download(decision: SyncDecision) -> bool {
    matches!(decision, SyncDecision::Download | SyncDecision::DownloadAgain)
}

fn ends(outcome: &PathOutcome) -> bool {
    matches!(outcome, PathOutcome::Failed(error) if error.ends_connection())
}

fn local_text(error: &LocalFailure) -> String {
    with_help(error)
}

/// The message of `error` and its hint.
fn with_help(error: &dyn miette::Diagnostic) -> String {
    match error.help() {
        Some(help) => format!("{error}\nhelp: {help}"),
        None => error.to_string(),
    }
}

/// The first of `names`.
fn named(names: &[String]) -> String {
    let more = if names.len() > NAMED { ", ..." } else { "" };
    format!("{}{more}", names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", "))
}
