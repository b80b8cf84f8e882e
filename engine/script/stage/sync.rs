//! A batch of a synced directory, as scripts see it.

use std::sync::Arc;
use std::time::Duration;

use rhai::plugin::*;

use super::current;
use crate::config::Folder;
use crate::dev::{ReloadAdvice, UploadCommands};
use crate::script::RhaiResultOf;
use crate::sync::{Batch, RelativePath, Remote};

/// The changes that were synced together, and the container.
#[derive(Clone)]
pub struct SyncedBatch {
    /// The changes.
    pub batch: Arc<Batch>,
    /// The directory in the container.
    pub remote: Arc<dyn Remote>,
    /// The advice for programs that might not read new files, given once for each directory.
    pub advice: ReloadAdvice,
}

/// Stages and properties for synced directories.
#[export_module]
pub mod sync {
    use std::time::Duration;

    use rhai::{Array, Dynamic};

    use super::super::current;
    use super::SyncedBatch;
    use crate::config::Folder;
    use crate::error::StageError;
    use crate::script::RhaiResultOf;
    use crate::sync::COMMAND_LIMIT;

    /// Runs `onUpload` and `onDownload` of the directory for the batch: their commands, and the restart of the container. A
    /// command that fails is a warning. After 60 seconds windlass reports that a command still runs; after 10 minutes it stops the
    /// command.
    ///
    /// # Example
    /// ```rhai
    /// fn after_sync(folder, batch) {
    ///     print(`${batch.uploaded.len()} files of ${folder.local}`);
    ///     run_commands(folder, batch);
    /// }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn run_commands(context: NativeCallContext, folder: Folder, batch: SyncedBatch) -> RhaiResultOf<()> {
        super::run_commands_within(&context, folder, batch, COMMAND_LIMIT)
    }

    /// Like `run_commands(folder, batch)`, but stops each command after `seconds`.
    ///
    /// # Example
    /// ```rhai
    /// fn after_sync(folder, batch) { run_commands(folder, batch, 1800); }
    /// ```
    #[rhai_fn(name = "run_commands", return_raw)]
    pub fn run_commands_for(
        context: NativeCallContext,
        folder: Folder,
        batch: SyncedBatch,
        seconds: i64,
    ) -> RhaiResultOf<()> {
        let limit = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        super::run_commands_within(&context, folder, batch, limit)
    }

    /// Prompts in the terminal of `windlass dev`, and returns whether the user pressed y. Without a terminal, returns
    /// `false`.
    ///
    /// # Example
    /// ```rhai
    /// fn on_mass_delete(folder, paths) { confirm(`Delete ${paths.len()} files of ${folder.local}?`) }
    /// ```
    #[rhai_fn(return_raw)]
    pub fn confirm(context: NativeCallContext, question: &str) -> RhaiResultOf<bool> {
        let execution = current::execution(&context)?;
        let Some(questions) = execution.questions.get() else { return Ok(false) };
        let answer = execution.run.session.wait(questions.ask(question.to_owned()));
        Ok(answer.map_err(StageError::from)?)
    }

    /// The files that were written in the container, relative to the synced directory.
    #[rhai_fn(get = "uploaded", pure)]
    pub fn uploaded(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.uploaded)
    }

    /// The directories that were created in the container, relative to the synced directory.
    #[rhai_fn(get = "created", pure)]
    pub fn created(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.created)
    }

    /// The paths that were deleted in the container, relative to the synced directory.
    #[rhai_fn(get = "deleted", pure)]
    pub fn deleted(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.deleted_there)
    }

    /// The files that were written on this machine, relative to the synced directory.
    #[rhai_fn(get = "downloaded", pure)]
    pub fn downloaded(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.downloaded)
    }

    /// Whether it is the first batch with this container.
    #[rhai_fn(get = "is_initial", pure)]
    pub fn is_initial(batch: &mut SyncedBatch) -> bool {
        batch.batch.is_initial
    }

    /// The size of the files that were written, in bytes.
    #[rhai_fn(get = "bytes", pure)]
    pub fn bytes(batch: &mut SyncedBatch) -> Dynamic {
        i64::try_from(batch.batch.bytes).unwrap_or(i64::MAX).into()
    }
}

/// Runs `onUpload` of `folder` for `batch`; stops each command after `limit`.
fn run_commands_within(
    context: &NativeCallContext<'_>,
    folder: Folder,
    batch: SyncedBatch,
    limit: Duration,
) -> RhaiResultOf<()> {
    let run = current::run(context)?;
    let session = &run.session;
    let commands = UploadCommands {
        folder,
        limit,
        advice: batch.advice,
        directory: run.project.root.clone(),
        events: session.events.clone(),
        cancel: session.cancellation(),
    };
    session.wait_for_end(commands.run(&batch.batch, &*batch.remote));
    Ok(())
}

fn texts(paths: &[RelativePath]) -> rhai::Array {
    paths.iter().map(|path| path.to_string().into()).collect()
}
