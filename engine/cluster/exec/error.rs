//! Errors of commands in containers.

use kube::core::Status;

use super::super::access::refusal;
use super::super::{ClusterContext, ClusterError, missing_right};
use super::ContainerTarget;

/// Why a command in a container did not run to its end.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ExecError {
    /// The cluster does not respond, or rejects the credentials.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// The container does not exist or is not running.
    #[error("cannot {doing} {target}: the container does not run: {reason}")]
    #[diagnostic(
        code(exec::container_not_found),
        help(
            "run `kubectl describe pod {} -n {}` to see its state",
            target.pod,
            target.namespace
        )
    )]
    ContainerNotFound {
        /// The operation that failed: `run \`sh\` in`.
        doing: String,
        /// The container.
        target: ContainerTarget,
        /// The cluster's message.
        reason: String,
    },

    /// The user lacks a permission.
    #[error("cannot {doing} {target}: {reason}")]
    #[diagnostic(
        code(exec::forbidden),
        help(
            "get permission to `{verb}` `{resource}` in the namespace `{}` (check: `kubectl auth can-i {verb} {} -n {}`)",
            target.namespace, with_subresource(resource), target.namespace
        )
    )]
    Forbidden {
        /// The operation that failed.
        doing: String,
        /// The container.
        target: ContainerTarget,
        /// The forbidden verb.
        verb: String,
        /// The resource of the verb: `pods/exec`.
        resource: String,
        /// The cluster's message.
        reason: String,
    },

    /// The connection broke before the command ended.
    #[error("lost the connection to {target}: {reason}")]
    #[diagnostic(
        code(exec::lost),
        help(
            "the command may still run; run `kubectl get pod {} -n {}` to see whether its pod does",
            target.pod,
            target.namespace
        )
    )]
    Lost {
        /// The container.
        target: ContainerTarget,
        /// The reason.
        reason: String,
    },

    /// The pod does not exist.
    #[error("cannot {doing} {target}: the pod does not exist")]
    #[diagnostic(
        code(exec::pod_not_found),
        help("run `kubectl get pods -n {}` to list pods, or select another namespace with `-n`", target.namespace)
    )]
    PodNotFound {
        /// The operation that failed.
        doing: String,
        /// The container.
        target: ContainerTarget,
    },

    /// The container's image does not contain the program.
    #[error("cannot {doing} {target}: its image has no program `{program}`")]
    #[diagnostic(
        code(exec::program_not_found),
        help(
            "use a base image that has it, or a debug container: `kubectl debug -it {} -n {} --image=busybox{}`",
            target.pod, target.namespace,
            target.container.as_ref().map(|name| format!(" --target={name}")).unwrap_or_default()
        )
    )]
    ProgramNotFound {
        /// The operation that failed.
        doing: String,
        /// The container.
        target: ContainerTarget,
        /// The program.
        program: String,
    },

    /// The cluster refused for another reason.
    #[error("cannot {doing} {target}: {reason}")]
    #[diagnostic(code(exec::refused))]
    Refused {
        /// The operation that failed.
        doing: String,
        /// The container.
        target: ContainerTarget,
        /// The cluster's message.
        reason: String,
    },
}

/// The arguments of `kubectl auth can-i` for a resource: `pods/exec` would be a pod with the name `exec`.
fn with_subresource(resource: &str) -> String {
    match resource.split_once('/') {
        Some((resource, part)) => format!("{resource} --subresource={part}"),
        None => resource.to_owned(),
    }
}

/// The operation that an error reports.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) target: ContainerTarget,
    /// The operation: `run \`sh\` in`.
    pub(super) doing: String,
    /// The program that is started, if one is.
    pub(super) program: Option<String>,
}

impl Attempt {
    /// The error for a connection that broke.
    pub(super) fn lost(&self, reason: impl Into<String>) -> ExecError {
        ExecError::Lost { target: self.target.clone(), reason: reason.into() }
    }

    /// The error for a program that the image does not have.
    pub(super) fn without_program(&self) -> ExecError {
        ExecError::ProgramNotFound {
            doing: self.doing.clone(),
            target: self.target.clone(),
            program: self.program.clone().unwrap_or_default(),
        }
    }

    /// The error for a response that refuses the connection. Most of them name the reason only in their message.
    pub(super) fn refused(&self, status: Status, context: &ClusterContext) -> ExecError {
        let is_of_pods = status.details.as_ref().is_some_and(|details| details.kind == "pods");
        match status.code {
            401 => refusal(status, &self.doing, context).into(),
            403 => match missing_right(&status.message) {
                Some((verb, resource)) => ExecError::Forbidden {
                    doing: self.doing.clone(),
                    target: self.target.clone(),
                    verb,
                    resource,
                    reason: status.message,
                },
                None => self.failed(status.message),
            },
            404 if is_of_pods => self.without_pod(),
            _ => self.failed(status.message),
        }
    }

    /// The error for a failure that only `reason` explains.
    pub(super) fn failed(&self, reason: String) -> ExecError {
        let (doing, target) = (self.doing.clone(), self.target.clone());
        let says = |text: &str| reason.contains(text);
        if says("pod not found") || says("pod does not exist") {
            self.without_pod()
        } else if self.program.is_some() && is_missing_program(&reason) {
            self.without_program()
        } else if ["container not found", "is not valid for pod", "not running", "not created or running"]
            .into_iter()
            .chain(["No such container", "does not have a host assigned", "in a stopped state"])
            .any(says)
        {
            ExecError::ContainerNotFound { doing, target, reason }
        } else {
            ExecError::Refused { doing, target, reason }
        }
    }

    pub(super) fn without_pod(&self) -> ExecError {
        ExecError::PodNotFound { doing: self.doing.clone(), target: self.target.clone() }
    }
}

/// Whether a container runtime reports that the image does not have the program.
pub(super) fn is_missing_program(reason: &str) -> bool {
    let is_of_runtime = reason.contains("exec failed") || reason.contains("error executing command");
    is_of_runtime
        && (reason.contains("executable file not found") || reason.contains("no such file or directory"))
}
