//! The commands that run after files were synced: `onUpload` and `onDownload`.

use std::path::Path;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use tokio_util::sync::CancellationToken;

use super::{Batch, RelativePath, Remote, RemoteCommand, RemoteError};
use crate::config::{OnDownload, OnUpload, SyncCommand, SyncExec};
use crate::process::{CommandLine, Exec, ExecRequest, ProcessError, Purpose, Tail};

/// The default timeout of a command. It is long because such commands install packages.
pub const COMMAND_LIMIT: Duration = Duration::from_secs(600);

/// How long a command runs before windlass reports that it still runs.
pub const SLOW_COMMAND: Duration = Duration::from_secs(60);

/// The causes of commands.
const UPLOAD: &str = "an upload";
const DOWNLOAD: &str = "a download";

/// A command of `onUpload` or `onDownload` that failed. The sync continues.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum AfterUploadError {
    /// It ended with a code other than 0.
    #[error("`{command}` failed with exit code {code} after {occasion}")]
    #[diagnostic(code(sync::command_failed))]
    Failed {
        /// The command.
        command: String,
        /// The cause: `an upload`.
        occasion: &'static str,
        /// Its exit code.
        code: i32,
        /// The last lines of its output.
        #[help]
        output: Option<String>,
    },
    /// It could not be run in the container, or took too long.
    #[error("cannot run `{command}` after an upload")]
    #[diagnostic(code(sync::command_not_run))]
    Remote {
        /// The command.
        command: String,
        /// The reason.
        #[source]
        #[diagnostic_source]
        source: RemoteError,
    },
    /// It could not be run on this machine, or took too long.
    #[error("cannot run `{command}` after {occasion}")]
    #[diagnostic(code(sync::command_not_run))]
    Local {
        /// The command.
        command: String,
        /// The cause: `an upload`.
        occasion: &'static str,
        /// The reason.
        #[source]
        #[diagnostic_source]
        source: ProcessError,
    },
    /// A pattern of `onChange` is invalid.
    #[error("invalid pattern in `onChange`: {reason}")]
    #[diagnostic(code(sync::invalid_pattern))]
    Pattern {
        /// The reason.
        reason: String,
    },
}

/// Runs the commands of a directory.
pub struct AfterUpload<'a> {
    /// The container.
    pub remote: &'a dyn Remote,
    /// This machine.
    pub exec: &'a dyn Exec,
    /// The directory of commands on this machine.
    pub directory: &'a Path,
    /// How long each command may take.
    pub limit: Duration,
    /// How long a command runs before `on_slow` is called.
    pub slow: Duration,
    /// Receives the message that a command still runs.
    pub on_slow: &'a (dyn Fn(String) + Send + Sync),
}

impl AfterUpload<'_> {
    /// Runs the commands of `on_upload` for `batch`, one by one; returns the failures. If a command with `failOnError`
    /// fails, the rest is skipped.
    pub async fn run(
        &self,
        on_upload: &OnUpload,
        batch: &Batch,
        cancel: &CancellationToken,
    ) -> Vec<AfterUploadError> {
        let mut failures = Vec::new();
        if !batch.has_uploads() {
            return failures;
        }
        let files: Vec<_> = batch.uploaded.iter().chain(&batch.deleted_there).cloned().collect();
        if let Some(hooks) = &on_upload.exec_remote {
            let each = [(&hooks.on_dir_create, &batch.created), (&hooks.on_file_change, &files)];
            for (command, paths) in each {
                let Some(command) = command else { continue };
                for path in paths {
                    failures.extend(self.run_there(command, Some(path), cancel).await.err());
                }
            }
            if let Some(command) = &hooks.on_batch {
                failures.extend(self.run_there(command, None, cancel).await.err());
            }
        }
        for exec in &on_upload.exec {
            match selects(exec, batch, &files) {
                Ok(true) => {}
                Ok(false) => continue,
                Err(error) => {
                    failures.push(error);
                    continue;
                }
            }
            let ran = if exec.is_local {
                self.run_here(&exec.command, None, UPLOAD, cancel).await
            } else {
                self.run_there(&exec.command, None, cancel).await
            };
            if let Err(error) = ran {
                failures.push(error);
                if exec.fail_on_error {
                    return failures;
                }
            }
        }
        if on_upload.restart_container && !cancel.is_cancelled() {
            let restarted = self.remote.restart().await;
            let command = "restartContainer".to_owned();
            failures.extend(restarted.err().map(|source| AfterUploadError::Remote { command, source }));
        }
        failures
    }

    /// Runs the commands of `on_download` for `batch`, one by one; returns the failures. `here` is the directory on this
    /// machine.
    pub async fn run_after_download(
        &self,
        on_download: &OnDownload,
        here: &Path,
        batch: &Batch,
        cancel: &CancellationToken,
    ) -> Vec<AfterUploadError> {
        let mut failures = Vec::new();
        let Some(hooks) = &on_download.exec_local else { return failures };
        let changed = batch.downloaded.iter().chain(&batch.deleted_here);
        let (folders, files): (Vec<_>, Vec<_>) =
            changed.map(|path| here.join(path.as_str())).partition(|path| path.is_dir());
        if folders.is_empty() && files.is_empty() {
            return failures;
        }
        for (command, paths) in [(&hooks.on_dir_create, folders), (&hooks.on_file_change, files)] {
            let Some(command) = command else { continue };
            for path in &paths {
                failures.extend(self.run_here(command, Some(path), DOWNLOAD, cancel).await.err());
            }
        }
        if let Some(command) = &hooks.on_batch {
            failures.extend(self.run_here(command, None, DOWNLOAD, cancel).await.err());
        }
        failures
    }

    /// Runs a command in the container; `path` replaces `{}` in its arguments.
    async fn run_there(
        &self,
        command: &SyncCommand,
        path: Option<&RelativePath>,
        cancel: &CancellationToken,
    ) -> Result<(), AfterUploadError> {
        let root = self.remote.facts().root.trim_end_matches('/');
        let filled = |argument: &String| match path {
            Some(path) => argument.replace("{}", &format!("{root}/{path}")),
            None => argument.clone(),
        };
        let words: Vec<_> = match &command.args {
            Some(args) => std::iter::once(command.command.clone()).chain(args.iter().map(filled)).collect(),
            None => ["sh", "-c", &command.command].map(str::to_owned).to_vec(),
        };
        let request = RemoteCommand { words, limit: self.limit };
        let shown = shown(command);
        let ended = tokio::select! {
            ended = self.observed(&shown, UPLOAD, self.remote.run(&request)) => ended,
            () = cancel.cancelled() => return Ok(()),
        };
        match ended {
            Ok(end) => checked(shown, UPLOAD, end.code, &end.output),
            Err(source) => Err(AfterUploadError::Remote { command: shown, source }),
        }
    }

    /// Runs a command on this machine because of `occasion`; `path` replaces `{}` in its arguments.
    async fn run_here(
        &self,
        command: &SyncCommand,
        path: Option<&Path>,
        occasion: &'static str,
        cancel: &CancellationToken,
    ) -> Result<(), AfterUploadError> {
        let filled = |argument: &String| match path {
            Some(path) => argument.replace("{}", &path.display().to_string()),
            None => argument.clone(),
        };
        let args: Option<Vec<_>> = command.args.as_ref().map(|args| args.iter().map(filled).collect());
        let line = CommandLine::configured(&command.command, args.as_deref());
        let mut request = ExecRequest::new(Purpose::Hook, line, self.directory);
        request.limit = Some(self.limit);
        let mut tail = Tail::default();
        let shown = shown(command);
        let ended = self
            .observed(&shown, occasion, self.exec.run(&request, &mut |_, line| tail.push(line), cancel))
            .await;
        match ended {
            Ok(code) => checked(shown, occasion, code, &tail.into_lines()),
            Err(ProcessError::Cancelled { .. }) => Ok(()),
            Err(source) => Err(AfterUploadError::Local { command: shown, occasion, source }),
        }
    }

    /// Waits for `run`, which runs `command` because of `occasion`, and reports that it takes long.
    async fn observed<T>(&self, command: &str, occasion: &str, run: impl Future<Output = T>) -> T {
        tokio::pin!(run);
        if self.slow < self.limit {
            tokio::select! {
                biased;
                ended = &mut run => return ended,
                () = tokio::time::sleep(self.slow) => {}
            }
            let (slow, limit) = (self.slow.as_secs(), self.limit.as_secs());
            (self.on_slow)(format!(
                "`{command}` still runs, {slow} s after {occasion}; it is stopped after {limit} s"
            ));
        }
        run.await
    }
}

fn checked(
    command: String,
    occasion: &'static str,
    code: i32,
    output: &[String],
) -> Result<(), AfterUploadError> {
    if code == 0 {
        return Ok(());
    }
    Err(AfterUploadError::Failed { command, occasion, code, output: crate::process::last_lines(output) })
}

fn shown(command: &SyncCommand) -> String {
    match &command.args {
        Some(args) => shell_words::join(std::iter::once(&command.command).chain(args)),
        None => command.command.clone(),
    }
}

/// Whether `exec` runs after `batch`, which wrote or deleted `files`.
fn selects(exec: &SyncExec, batch: &Batch, files: &[RelativePath]) -> Result<bool, AfterUploadError> {
    if exec.is_once && !batch.is_initial {
        return Ok(false);
    }
    if exec.on_change.is_empty() {
        return Ok(true);
    }
    let patterns =
        patterns(&exec.on_change).map_err(|error| AfterUploadError::Pattern { reason: error.to_string() })?;
    let mut paths = files.iter().chain(&batch.created);
    Ok(paths.any(|path| patterns.is_match(path.as_str())))
}

fn patterns(texts: &[String]) -> Result<GlobSet, globset::Error> {
    let mut patterns = GlobSetBuilder::new();
    for text in texts {
        let text = text.trim_start_matches("./").trim_start_matches('/');
        patterns.add(GlobBuilder::new(text).literal_separator(true).build()?);
    }
    patterns.build()
}
