//! What scripts see of a batch of a synced folder.

use std::sync::Arc;

use rhai::plugin::*;

use crate::dev::ReloadAdvice;
use crate::sync::{Batch, RelativePath, Remote};

/// What was synced at a time, and the container.
#[derive(Clone)]
pub struct SyncedBatch {
    /// What was synced.
    pub batch: Arc<Batch>,
    /// The folder in the container.
    pub remote: Arc<dyn Remote>,
    /// The advice for programs that may not read new files, given once for each folder.
    pub advice: ReloadAdvice,
}

/// Stages and properties for synced folders.
#[export_module]
pub mod sync {
    use rhai::{Array, Dynamic};

    use super::super::current;
    use super::SyncedBatch;
    use crate::config::Folder;
    use crate::dev::UploadCommands;
    use crate::error::StageError;
    use crate::script::RhaiResultOf;

    /// Runs what `onUpload` of the folder says about the batch: its commands, and the restart of the container. A
    /// command that fails is a warning.
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
        let run = current::run(&context)?;
        let session = &run.session;
        let commands = UploadCommands {
            folder,
            advice: batch.advice,
            directory: run.project.root.clone(),
            events: session.events.clone(),
            cancel: session.cancellation(),
        };
        session.wait_for_end(commands.run(&batch.batch, &*batch.remote));
        Ok(())
    }

    /// Asks a question in the terminal of `windlass dev`, which y or n answers. Without a terminal, the answer is
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

    /// The files that were written in the container, relative to the folder.
    #[rhai_fn(get = "uploaded", pure)]
    pub fn uploaded(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.uploaded)
    }

    /// The directories that were made in the container, relative to the folder.
    #[rhai_fn(get = "created", pure)]
    pub fn created(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.created)
    }

    /// What was deleted in the container, relative to the folder.
    #[rhai_fn(get = "deleted", pure)]
    pub fn deleted(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.deleted_there)
    }

    /// The files that were written here, relative to the folder.
    #[rhai_fn(get = "downloaded", pure)]
    pub fn downloaded(batch: &mut SyncedBatch) -> Array {
        super::texts(&batch.batch.downloaded)
    }

    /// Whether it is the first one with a container.
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

fn texts(paths: &[RelativePath]) -> rhai::Array {
    paths.iter().map(|path| path.to_string().into()).collect()
}
