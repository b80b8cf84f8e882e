//! Applies objects with kubectl.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Kubectl;
use crate::cluster::{ClusterAccess, MANAGER};
use crate::deploy::manifest::print;
use crate::error::{Cancelled, StageError};
use crate::process::{CommandLine, Exec as _, ExecRequest, LiveExec, Pipe, ProcessError, Purpose, Tail};

/// The timeout of kubectl.
const LIMIT: Duration = Duration::from_secs(600);

/// Kubectl could not apply objects.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot apply the manifests with `{program}`: {reason}")]
#[diagnostic(code(deploy::kubectl))]
struct KubectlError {
    program: String,
    reason: String,
    #[help]
    help: Option<String>,
}

/// Applies `objects`, in their order, with server-side apply and the field manager of windlass. Equals `kubectl apply
/// --server-side -f -`.
///
/// # Errors
/// `deploy::kubectl` with the end of its output, `run::cancelled`.
pub(super) async fn apply<'a>(
    access: &ClusterAccess,
    kubectl: &Kubectl,
    namespace: &str,
    objects: impl Iterator<Item = &'a Value>,
    cancel: &CancellationToken,
) -> Result<(), StageError> {
    let manager = format!("--field-manager={MANAGER}");
    let mut words = vec![kubectl.program.clone()];
    words.extend(["apply", "--server-side", &manager, "--namespace", namespace].map(str::to_owned));
    if let Some(context) = access.named_context()? {
        words.extend(["--context".to_owned(), context]);
    }
    words.extend(kubectl.arguments.iter().cloned());
    words.extend(["-f", "-"].map(str::to_owned));
    let mut request = ExecRequest::new(Purpose::Script, CommandLine::Program(words), &kubectl.directory);
    if let Some(kubeconfig) = access.kubeconfig_variable() {
        request = request.env("KUBECONFIG", kubeconfig);
    }
    request.input = Some(Bytes::from(print(objects)));
    request.limit = Some(LIMIT);
    let mut tail = Tail::default();
    let mut on_line = |_: Pipe, line: &str| tail.push(line);
    let ended = LiveExec.run(&request, &mut on_line, cancel).await;
    let program = kubectl.program.clone();
    match ended {
        Ok(0) => Ok(()),
        Ok(code) => {
            let reason = format!("exit code {code}");
            Err(KubectlError { program, reason, help: tail.into_help() }.into())
        }
        Err(ProcessError::Cancelled { .. }) => Err(Cancelled.into()),
        Err(error) => Err(error.into()),
    }
}
