//! The kinds of problems.

use super::{MissingReference, PullFailure, ReadyCount, Rejection};

/// The kinds of problems. The order is that of importance: the first one causes those after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProblemKind {
    /// A Job failed, which may be the hook of a chart.
    Job {
        /// The events of the hook, such as `pre-upgrade`.
        hook: Option<String>,
        /// The message of the cluster.
        message: String,
        /// The exit code of the container that failed last.
        exit_code: Option<i64>,
    },
    /// The program of a container was compiled for another platform.
    WrongPlatform {
        /// The platform of the node, such as `linux/arm64`.
        node: Option<String>,
    },
    /// A container exceeded its memory limit.
    OutOfMemory {
        /// Its limit, such as `128Mi`.
        limit: Option<String>,
        /// How often it was started.
        times: i64,
    },
    /// A container exits again and again.
    Crash {
        /// Its exit code.
        exit_code: i64,
        /// How often it was started.
        times: i64,
        /// The failed probe because of which the node stopped it, with its response.
        probe: Option<String>,
        /// Its termination message.
        message: String,
    },
    /// A container cannot be created, or its command cannot be run.
    ContainerStart {
        /// The message of the node.
        message: String,
    },
    /// An image cannot be pulled.
    ImagePull {
        /// Its reference.
        image: String,
        /// The cause.
        cause: PullFailure,
        /// The message of the node.
        message: String,
    },
    /// A Secret, ConfigMap or key that a pod uses does not exist.
    MissingReference(MissingReference),
    /// A volume cannot be mounted.
    Mount {
        /// The message of the node.
        message: String,
    },
    /// The volume of a claim is not available.
    VolumePending {
        /// The claim of the pod; `None` if the claim itself was deployed.
        claim: Option<String>,
        /// Its storage class.
        class: Option<String>,
        /// The message of the cluster.
        message: Option<String>,
        /// A storage class with a similar name.
        near: Option<String>,
    },
    /// No node fits.
    Unschedulable {
        /// The message of the scheduler.
        message: String,
    },
    /// The cluster rejects the pods.
    PodsRejected {
        /// Why.
        cause: Rejection,
        /// The message of the cluster.
        message: String,
    },
    /// A pod failed that nothing restarts.
    PodFailed {
        /// The message of the cluster, or the reason.
        message: String,
    },
    /// A pod of the previous revision is broken, and the cluster does not replace it.
    Stuck {
        /// Its state.
        state: &'static str,
    },
    /// A container runs but is not ready.
    NotReady {
        /// The probe that fails, such as `GET :8080/healthz`.
        probe: Option<String>,
        /// The response of the probe, or another missing condition.
        message: Option<String>,
    },
    /// The rollout exceeded its own deadline.
    TooSlow {
        /// Its progress.
        count: Option<ReadyCount>,
        /// Its pods that are not ready: `web-7d9-x2k: pulling`.
        waiting: Vec<String>,
    },
    /// Its controller reports a failure.
    Failed {
        /// The reason, in one word.
        reason: String,
        /// The message.
        message: String,
    },
}

impl ProblemKind {
    /// The diagnostic code.
    pub fn code(&self) -> &'static str {
        match self {
            Self::WrongPlatform { .. } => "deploy::wrong_platform",
            Self::OutOfMemory { .. } => "deploy::out_of_memory",
            Self::Crash { .. } => "deploy::crash",
            Self::ContainerStart { .. } => "deploy::container_start",
            Self::ImagePull { .. } => "deploy::image_pull",
            Self::MissingReference(_) => "deploy::missing_reference",
            Self::Mount { .. } => "deploy::mount",
            Self::VolumePending { .. } => "deploy::volume",
            Self::Unschedulable { .. } => "deploy::unschedulable",
            Self::PodsRejected { .. } => "deploy::pods_rejected",
            Self::Job { hook: Some(_), .. } => "deploy::hook",
            Self::Job { hook: None, .. } => "deploy::job",
            Self::PodFailed { .. } => "deploy::pod_failed",
            Self::Stuck { .. } => "deploy::stuck",
            Self::NotReady { .. } => "deploy::not_ready",
            Self::TooSlow { .. } => "deploy::too_slow",
            Self::Failed { .. } => "deploy::object_failed",
        }
    }

    /// The rest of a sentence that starts with the object, pod or container.
    pub(super) fn message(&self) -> String {
        match self {
            Self::WrongPlatform { node: Some(node) } => {
                format!("is built for another platform than its node ({node}): exec format error")
            }
            Self::WrongPlatform { node: None } => {
                "is built for another platform than its node: exec format error".to_owned()
            }
            Self::OutOfMemory { limit, times } => {
                let limit =
                    limit.as_ref().map(|limit| format!(" (its limit is {limit})")).unwrap_or_default();
                format!("ran out of memory{limit}{}", repeated(*times))
            }
            Self::Crash { exit_code, times, probe, message } => {
                let verb = if *exit_code == 0 { "exited" } else { "failed" };
                let signal = if probe.is_some() { None } else { signal(*exit_code) };
                let signal = signal.map(|signal| format!(" ({signal})")).unwrap_or_default();
                let times = repeated(*times);
                match probe {
                    Some(probe) => format!("was stopped{times}: {probe}"),
                    None if message.is_empty() => format!("{verb} with exit code {exit_code}{signal}{times}"),
                    None => format!("{verb} with exit code {exit_code}{signal}{times}: {message}"),
                }
            }
            Self::ContainerStart { message } => format!("cannot start: {message}"),
            Self::ImagePull { image, cause, message } => {
                let cause = match cause {
                    PullFailure::InvalidName { has_two_tags: true } => "has two tags",
                    PullFailure::InvalidName { has_two_tags: false } => "is not a valid reference",
                    PullFailure::NotPushed => "was built but not pushed",
                    PullFailure::NeverPulled => "is not on the node, and `imagePullPolicy` is `Never`",
                    _ if message.is_empty() => "cannot be pulled",
                    _ => return format!("cannot start: image `{image}` cannot be pulled: {message}"),
                };
                format!("cannot start: image `{image}` {cause}")
            }
            Self::MissingReference(missing) => format!("cannot start: {missing}"),
            Self::Mount { message } => format!("cannot mount its volumes: {message}"),
            Self::VolumePending { claim, class, message, .. } => {
                let claim = claim
                    .as_ref()
                    .map(|claim| format!(" for PersistentVolumeClaim/{claim}"))
                    .unwrap_or_default();
                let class =
                    class.as_ref().map(|class| format!(" (storage class `{class}`)")).unwrap_or_default();
                let message = message.as_deref().unwrap_or("none is available yet");
                format!("has no volume{claim}{class}: {message}")
            }
            Self::Unschedulable { message } if message.is_empty() => "is unschedulable".to_owned(),
            Self::Unschedulable { message } => format!("is unschedulable: {message}"),
            Self::PodsRejected { message, .. } => format!("cannot create pods: {message}"),
            Self::Job { hook, message, exit_code } => {
                let hook = hook.as_ref().map(|hook| format!(" (a {hook} hook)")).unwrap_or_default();
                let exit_code = exit_code.map(|code| format!(", after exit code {code}")).unwrap_or_default();
                format!("failed{hook}{exit_code}: {message}")
            }
            Self::PodFailed { message } => format!("failed: {message}"),
            Self::Stuck { state } => {
                format!("is {state} in the previous revision, and the cluster does not replace it")
            }
            Self::NotReady { probe, message } => {
                let probe = probe.as_ref().map(|probe| format!(" ({probe})")).unwrap_or_default();
                let message = message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
                format!("is not ready{probe}{message}")
            }
            Self::TooSlow { count, waiting } => {
                let count = count.map(|count| format!(": {count}")).unwrap_or_default();
                let waiting =
                    if waiting.is_empty() { String::new() } else { format!(" ({})", waiting.join(", ")) };
                format!("made no progress within its deadline{count}{waiting}")
            }
            Self::Failed { reason, message } if message.is_empty() => format!("failed: {reason}"),
            Self::Failed { reason, message } => format!("failed ({reason}): {message}"),
        }
    }

    /// The rank, 0 for the most important.
    pub(super) fn rank(&self) -> usize {
        match self {
            Self::Job { .. } => 0,
            Self::WrongPlatform { .. } => 1,
            Self::OutOfMemory { .. } => 2,
            Self::Crash { .. } => 3,
            Self::ContainerStart { .. } => 4,
            Self::ImagePull { .. } => 5,
            Self::MissingReference(_) => 6,
            Self::Mount { .. } => 7,
            Self::VolumePending { .. } => 8,
            Self::Unschedulable { .. } => 9,
            Self::PodsRejected { .. } => 10,
            Self::PodFailed { .. } => 11,
            Self::Stuck { .. } => 12,
            Self::NotReady { .. } => 13,
            Self::TooSlow { .. } => 14,
            Self::Failed { .. } => 15,
        }
    }
}

fn repeated(times: i64) -> String {
    if times > 1 { format!(", {times} times") } else { String::new() }
}

/// The meaning of an exit code.
fn signal(exit_code: i64) -> Option<&'static str> {
    Some(match exit_code {
        126 => "command not executable",
        127 => "command not found",
        132 => "illegal instruction",
        134 => "aborted",
        137 => "killed, out of memory?",
        139 => "segmentation fault",
        143 => "terminated",
        _ => return None,
    })
}
