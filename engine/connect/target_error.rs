//! Errors of a search for a container.

use std::fmt::Display;

use miette::Diagnostic;

use crate::cluster::ClusterError;

/// The reason why no container can be connected to.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TargetError {
    /// The selection matches several pods.
    #[error("several pods run in the namespace `{namespace}`: {}", quoted(pods))]
    Ambiguous {
        /// The namespace.
        namespace: String,
        /// The names of the pods.
        pods: Vec<String>,
    },

    /// The cluster does not respond, or refuses.
    #[error(transparent)]
    Cluster(#[from] ClusterError),

    /// The only pod has ended.
    #[error("the pod `{pod}` in the namespace `{namespace}` has ended: nothing runs in it")]
    Ended {
        /// The namespace.
        namespace: String,
        /// The pod.
        pod: String,
    },

    /// No pod matches.
    #[error("no pod{} in the namespace `{namespace}`", after_space(wanted))]
    NoPod {
        /// The condition for the pod: ``with the labels `app=api` ``; empty if every pod would do.
        wanted: String,
        /// The namespace.
        namespace: String,
        /// The hint.
        help: String,
    },

    /// The container does not run, and waiting does not help.
    #[error("{message}{}", indented(log))]
    NotRunning {
        /// The code of the problem.
        code: &'static str,
        /// The problem.
        message: String,
        /// The hint.
        help: String,
        /// The end of its log.
        log: Vec<String>,
    },

    /// The container does not run in time.
    #[error(
        "the container `{container}` of the pod `{pod}` in the namespace `{namespace}` did not start within {seconds} seconds"
    )]
    TooSlow {
        /// The namespace.
        namespace: String,
        /// The pod.
        pod: String,
        /// The container.
        container: String,
        /// The limit.
        seconds: u64,
    },
}

/// `text` after a space; empty if it is.
fn after_space(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {text}") }
}

impl Diagnostic for TargetError {
    fn code<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        Some(match self {
            Self::Ambiguous { .. } => Box::new("connect::ambiguous"),
            Self::Cluster(error) => return error.code(),
            Self::Ended { .. } => Box::new("connect::ended"),
            Self::NoPod { .. } => Box::new("connect::no_pod"),
            Self::NotRunning { code, .. } => Box::new(code),
            Self::TooSlow { .. } => Box::new("connect::too_slow"),
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn Display + 'a>> {
        let help = match self {
            Self::Ambiguous { .. } => {
                "choose one: `--pod NAME`, `--image NAME` for an image of the project, or `-l LABELS`"
                    .to_owned()
            }
            Self::Cluster(error) => return error.help(),
            Self::Ended { pod, .. } => format!("show its log with `windlass logs --pod {pod}`"),
            Self::NoPod { help, .. } | Self::NotRunning { help, .. } => help.clone(),
            Self::TooSlow { namespace, pod, .. } => {
                format!("run `kubectl describe pod {pod} -n {namespace}` to see what it waits for")
            }
        };
        (!help.is_empty()).then(|| Box::new(help) as Box<dyn Display>)
    }
}

fn quoted(names: &[String]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The lines below a message.
fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
