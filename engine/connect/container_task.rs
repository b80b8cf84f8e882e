//! Work in a container that is found first.

use std::fmt;
use std::time::Duration;

use futures_util::{AsyncBufReadExt as _, StreamExt as _, TryStreamExt as _, stream};
use tokio_util::sync::CancellationToken;

use super::{SelectedContainer, TargetLimits, TargetSelector, candidates};
use crate::cluster::{ClusterAccess, ClusterError, ExecOptions};
use crate::error::{Cancelled, StageError};
use crate::event::Events;
use crate::process::{OnLine, Pipe, Purpose, lines_of};

/// The pause between two checks of a container that must exit.
const PAUSE: Duration = Duration::from_millis(500);

/// Work in a container that is found first. Displays as one line: `ls -l in a pod with the labels app=api`.
#[derive(Debug, Clone)]
pub struct ContainerTask {
    /// Its purpose.
    pub purpose: Purpose,
    /// The container.
    pub selector: TargetSelector,
    /// How long to wait for the container.
    pub limits: TargetLimits,
    /// The work.
    pub work: ContainerWork,
    /// The timeout of the work.
    pub timeout: Duration,
}

/// Work in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContainerWork {
    /// Runs a command: its first word is the program, without a shell.
    Run(Vec<String>),
    /// Passes on its log until the container ends: first this many of the last lines, otherwise all.
    Logs(Option<u32>),
    /// Waits until it runs.
    WaitRunning,
    /// Waits until it exits, with this code.
    WaitExit(i32),
}

/// Why work in a container failed.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
enum ContainerTaskError {
    #[error("the container exited with code {code}, not with {wanted}")]
    #[diagnostic(code(connect::exit_code))]
    OtherCode { code: i32, wanted: i32 },

    #[error("timed out after {seconds} seconds: {task}")]
    #[diagnostic(code(connect::task_timeout))]
    TimedOut { task: String, seconds: u64 },
}

impl fmt::Display for ContainerTask {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.work {
            ContainerWork::Run(words) => formatter.write_str(&shell_words::join(words))?,
            ContainerWork::Logs(_) => formatter.write_str("show the log")?,
            ContainerWork::WaitRunning => formatter.write_str("wait until the container runs")?,
            ContainerWork::WaitExit(code) => write!(formatter, "wait until the container exits with {code}")?,
        }
        write!(formatter, " in a pod {}", self.selector)
    }
}

impl ContainerTask {
    /// Finds the container and does the work; returns the exit code of a command, otherwise 0. `on_line` receives each
    /// line of output.
    ///
    /// # Errors
    /// [`TargetError`](super::TargetError), [`ExecError`](crate::cluster::ExecError), `connect::task_timeout`;
    /// `run::cancelled`.
    pub async fn run(
        &self,
        access: &ClusterAccess,
        events: &Events,
        on_line: OnLine<'_>,
        cancel: &CancellationToken,
    ) -> Result<i32, StageError> {
        let work = async {
            match &self.work {
                ContainerWork::Run(words) => {
                    let target =
                        SelectedContainer::resolve(access, &self.selector, self.limits, events, cancel)
                            .await?;
                    run_command(access, &target, words, on_line).await
                }
                ContainerWork::Logs(lines) => {
                    let target =
                        SelectedContainer::resolve(access, &self.selector, self.limits, events, cancel)
                            .await?;
                    follow_log(access, &target, *lines, on_line).await
                }
                ContainerWork::WaitRunning => {
                    SelectedContainer::resolve(access, &self.selector, self.limits, events, cancel)
                        .await
                        .map(|_| 0)
                }
                ContainerWork::WaitExit(code) => self.wait_for_exit(access, *code).await,
            }
        };
        let timed_out =
            || ContainerTaskError::TimedOut { task: self.to_string(), seconds: self.timeout.as_secs() };
        tokio::select! {
            biased;
            () = cancel.cancelled() => Err(Cancelled.into()),
            done = tokio::time::timeout(self.timeout, work) => done.unwrap_or_else(|_| Err(timed_out().into())),
        }
    }

    async fn wait_for_exit(&self, access: &ClusterAccess, wanted: i32) -> Result<i32, StageError> {
        let context = access.context()?.ok_or(ClusterError::NoCluster)?;
        let namespace = self.selector.namespace.as_ref().unwrap_or(&context.namespace);
        let labels = self.selector.labels.as_deref().unwrap_or_default();
        loop {
            let pods = access.pods(namespace, labels).await?.into_iter().map(std::sync::Arc::new);
            let found = candidates(&pods.collect::<Vec<_>>(), &self.selector);
            let found = found
                .iter()
                .find(|found| self.selector.pod.as_ref().is_none_or(|pod| found.pod_name() == pod));
            let state = found.and_then(|found| found.status()).and_then(|status| status.state.as_ref());
            match state.and_then(|state| state.terminated.as_ref()) {
                Some(ended) if ended.exit_code == wanted => return Ok(0),
                Some(ended) => {
                    return Err(ContainerTaskError::OtherCode { code: ended.exit_code, wanted }.into());
                }
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

async fn run_command(
    access: &ClusterAccess,
    target: &SelectedContainer,
    words: &[String],
    on_line: OnLine<'_>,
) -> Result<i32, StageError> {
    let stream = access.exec(&target.container_target(), words, ExecOptions::default()).await?;
    let (stdout, stderr) = (lines_of(stream.stdout, Pipe::Stdout), lines_of(stream.stderr, Pipe::Stderr));
    let mut lines = Box::pin(stream::select(stdout, stderr));
    while let Some((pipe, line)) = lines.next().await {
        on_line(pipe, &line);
    }
    Ok(stream.end.wait().await?)
}

async fn follow_log(
    access: &ClusterAccess,
    target: &SelectedContainer,
    lines: Option<u32>,
    on_line: OnLine<'_>,
) -> Result<i32, StageError> {
    let log = access.follow_log(&target.container_target(), lines).await?;
    let mut log = Box::pin(log.lines());
    // For a hook, an interrupted log has ended.
    while let Ok(Some(line)) = log.try_next().await {
        on_line(Pipe::Stdout, &line);
    }
    Ok(0)
}
