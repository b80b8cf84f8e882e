//! Commands in containers, and the terminals of containers, over websockets.

pub(crate) mod channel;
mod error;
mod pump;
mod stream;
#[cfg(test)]
mod tests;

use std::fmt;

use futures_util::AsyncBufRead;
use k8s_openapi::api::core::v1::Pod;
use kube::Resource as _;
use kube::api::{AttachParams, LogParams, Request};
use tokio::time::timeout;

use super::access::CALL_LIMIT;
use super::{ClusterAccess, ClusterError};
use crate::connection_reason::connection_reason;
use error::Attempt;
use pump::Pace;

pub use error::ExecError;
pub use stream::{ExecInput, ExecOutput, ExecStream};

/// A container that a command runs in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerTarget {
    /// The namespace of the pod.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container; `None` for the pod's only one.
    pub container: Option<String>,
}

impl fmt::Display for ContainerTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = &self.container {
            write!(f, "container `{container}` of ")?;
        }
        write!(f, "pod `{}` (namespace `{}`)", self.pod, self.namespace)
    }
}

/// The connections of a command in a container, besides stdout and stderr.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExecOptions {
    /// Whether it has a stdin; otherwise its stdin is empty.
    pub stdin: bool,
    /// The size of its terminal; `None` for none. In a terminal, stderr is part of stdout.
    pub terminal: Option<TerminalSize>,
}

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalSize {
    /// The number of columns.
    pub columns: u16,
    /// The number of lines.
    pub lines: u16,
}

impl TerminalSize {
    /// The message of the protocol with this size.
    fn json(self) -> String {
        format!(r#"{{"Width":{},"Height":{}}}"#, self.columns, self.lines)
    }
}

/// The connections that the main process of a container accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContainerEnds {
    /// Whether it has a stdin.
    pub stdin: bool,
    /// Whether it has a terminal.
    pub terminal: bool,
}

impl ClusterAccess {
    /// Starts `command` in a container without a shell: its first word is the program.
    ///
    /// # Errors
    /// [`ExecError`] if the cluster does not start it; a missing program is only known at its end.
    pub async fn exec(
        &self,
        target: &ContainerTarget,
        command: &[String],
        options: ExecOptions,
    ) -> Result<ExecStream, ExecError> {
        let program = command.first().cloned().unwrap_or_default();
        let doing = format!("run `{program}` in");
        let attempt = Attempt { target: target.clone(), doing, program: Some(program) };
        let request = Request::new(Pod::url_path(&(), Some(&target.namespace)));
        let request = request.exec(&target.pod, command, &params(target, options));
        self.open(request, attempt, options).await
    }

    /// Connects to the main process of a container. Its pod decides whether that has a stdin and a terminal: `options`
    /// that it does not have are an error of the cluster.
    ///
    /// # Errors
    /// [`ExecError`] if the cluster refuses.
    pub async fn attach_to(
        &self,
        target: &ContainerTarget,
        options: ExecOptions,
    ) -> Result<ExecStream, ExecError> {
        let attempt = Attempt { target: target.clone(), doing: "attach to".to_owned(), program: None };
        let request = Request::new(Pod::url_path(&(), Some(&target.namespace)));
        let request = request.attach(&target.pod, &params(target, options));
        self.open(request, attempt, options).await
    }

    /// The connections that the main process of a container accepts, see [`ClusterAccess::attach_to`].
    ///
    /// # Errors
    /// [`ExecError`] if the pod cannot be read, or has no such container.
    pub async fn container_ends(&self, target: &ContainerTarget) -> Result<ContainerEnds, ExecError> {
        let attempt = Attempt { target: target.clone(), doing: "attach to".to_owned(), program: None };
        let pod = self.pod(&target.namespace, &target.pod).await?.ok_or_else(|| attempt.without_pod())?;
        let mut containers = pod.spec.iter().flat_map(|spec| &spec.containers);
        let container =
            containers.find(|found| target.container.as_ref().is_none_or(|name| *name == found.name));
        let Some(container) = container else {
            return Err(attempt.failed("container not found".to_owned()));
        };
        let (stdin, terminal) = (container.stdin == Some(true), container.tty == Some(true));
        Ok(ContainerEnds { stdin, terminal })
    }

    /// The log of a container until it ends: first the last `lines` lines, otherwise all.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn follow_log(
        &self,
        target: &ContainerTarget,
        lines: Option<u32>,
    ) -> Result<impl AsyncBufRead + Unpin + use<>, ClusterError> {
        let params = LogParams {
            container: target.container.clone(),
            follow: true,
            tail_lines: lines.map(Into::into),
            ..LogParams::default()
        };
        self.pod_log(&target.namespace, &target.pod, &params).await
    }

    async fn open(
        &self,
        request: Result<hyper::Request<Vec<u8>>, kube::core::request::Error>,
        attempt: Attempt,
        options: ExecOptions,
    ) -> Result<ExecStream, ExecError> {
        let (context, client) = self.connect_plainly().await?;
        let request = request.map_err(|error| attempt.failed(error.to_string()))?;
        // A later attempt may succeed: a cluster that is unreachable now is not remembered as lost.
        let unreachable = |reason: String| ExecError::Cluster(context.unreachable(reason));
        let connection = match timeout(CALL_LIMIT, client.connect(request)).await {
            Ok(Ok(connection)) => connection,
            Ok(Err(kube::Error::Api(status))) => return Err(attempt.refused(*status, context)),
            Ok(Err(error)) => return Err(unreachable(connection_reason(&error))),
            Err(_) => {
                return Err(unreachable(format!("no response within {} seconds", CALL_LIMIT.as_secs())));
            }
        };
        let closes_stdin = connection.supports_stream_close();
        Ok(ExecStream::start(connection.into_stream(), closes_stdin, attempt, options, Pace::NORMAL))
    }
}

fn params(target: &ContainerTarget, options: ExecOptions) -> AttachParams {
    let has_terminal = options.terminal.is_some();
    AttachParams {
        container: target.container.clone(),
        ..AttachParams::default().stdin(options.stdin).stderr(!has_terminal).tty(has_terminal)
    }
}
