//! Hints for problems.

use super::{MissingReference, Problem, ProblemKind, PullFailure, Rejection};

/// The hint for `problem`.
pub(super) fn help(problem: &Problem) -> String {
    let kubectl = problem.object.kubectl();
    let advice = advice(problem, &kubectl);
    let inspect = inspect(problem, &kubectl);
    match advice.as_str() {
        "" => inspect,
        question if question.ends_with('?') => format!("{question} ({inspect})"),
        advice => format!("{advice}; {inspect}"),
    }
}

/// The command that shows more.
fn inspect(problem: &Problem, kubectl: &str) -> String {
    match (&problem.kind, &problem.pod) {
        (ProblemKind::VolumePending { claim: Some(claim), .. }, _) => {
            format!("`{kubectl} describe persistentvolumeclaim {claim}`")
        }
        (ProblemKind::MissingReference(missing), _) => {
            format!("`{kubectl} get {}`", missing.kind.to_lowercase())
        }
        (_, Some(pod)) => format!("`{kubectl} describe pod {pod}`"),
        (_, None) => {
            format!("`{kubectl} describe {} {}`", problem.object.kind.to_lowercase(), problem.object.name)
        }
    }
}

fn advice(problem: &Problem, kubectl: &str) -> String {
    match &problem.kind {
        ProblemKind::WrongPlatform { node: Some(node) } => format!("build the image for `{node}`"),
        ProblemKind::WrongPlatform { node: None } => {
            "build the image for the platform of the cluster's nodes".to_owned()
        }
        ProblemKind::OutOfMemory { limit: Some(_), .. } => {
            "raise `resources.limits.memory` of the container, or reduce its memory usage".to_owned()
        }
        ProblemKind::OutOfMemory { limit: None, .. } => {
            "request more memory with `resources.requests.memory`, or reduce the memory usage".to_owned()
        }
        ProblemKind::Crash { probe: Some(_), .. } => {
            "correct the probe, or allow more time with `startupProbe`".to_owned()
        }
        ProblemKind::Crash { exit_code: 0, .. } => {
            "run a command that does not exit, or deploy a Job instead".to_owned()
        }
        ProblemKind::Crash { exit_code: 126 | 127, .. } => {
            "check `command`, `args` and the entrypoint of the image".to_owned()
        }
        ProblemKind::Crash { .. } | ProblemKind::Failed { .. } => String::new(),
        ProblemKind::ContainerStart { message } => container_start(message).to_owned(),
        ProblemKind::ImagePull { image, cause, .. } => image_pull(image, *cause),
        ProblemKind::MissingReference(missing) => missing_reference(missing),
        ProblemKind::Mount { message } if message.contains("Multi-Attach") => {
            "use the strategy `Recreate`, because the volume can be mounted by only one node".to_owned()
        }
        ProblemKind::Mount { .. } => "check `volumes` of the pod".to_owned(),
        ProblemKind::VolumePending { near: Some(near), .. } => {
            format!("did you mean the storage class `{near}`?")
        }
        ProblemKind::VolumePending { .. } => {
            "set an existing `storageClassName` (`kubectl get storageclass`)".to_owned()
        }
        ProblemKind::Unschedulable { message } => unschedulable(message).to_owned(),
        ProblemKind::PodsRejected { cause, message } => rejected(*cause, message, kubectl),
        ProblemKind::Job { hook, .. } => job(problem, hook.is_some(), kubectl),
        ProblemKind::PodFailed { message } if message.contains("low on resource") => {
            "request as much of the resource as the pod needs".to_owned()
        }
        ProblemKind::PodFailed { .. } => "delete the pod and deploy again".to_owned(),
        ProblemKind::Stuck { .. } => {
            let pod = problem.pod.as_deref().unwrap_or_default();
            format!("delete the pod: `{kubectl} delete pod {pod}`")
        }
        ProblemKind::NotReady { probe: Some(_), .. } => "correct the probe, or what it tests".to_owned(),
        ProblemKind::NotReady { probe: None, .. } => String::new(),
        ProblemKind::TooSlow { .. } => {
            "raise `progressDeadlineSeconds` if it only needs more time".to_owned()
        }
    }
}

fn container_start(message: &str) -> &'static str {
    if message.contains("runAsNonRoot") {
        "set a numeric `USER` in the Dockerfile, or `runAsUser` in the `securityContext`"
    } else if message.contains("no such file or directory") || message.contains("not found in $PATH") {
        "check `command`, `args` and the entrypoint of the image"
    } else if message.contains("permission denied") {
        "make the command executable in the image: `RUN chmod +x`"
    } else {
        ""
    }
}

fn image_pull(image: &str, cause: PullFailure) -> String {
    match cause {
        PullFailure::NotFound => "check the image and its tag, or build and push it".to_owned(),
        PullFailure::NotPushed => "omit `--skip-push`, or load the image into the cluster".to_owned(),
        PullFailure::Unauthorized => format!("add the credentials of `{}` to `pullSecrets`", registry(image)),
        PullFailure::NotFoundOrUnauthorized => format!(
            "check the image and its tag, or add the credentials of `{}` to `pullSecrets`",
            registry(image)
        ),
        PullFailure::InvalidName { has_two_tags: true } => {
            "write only one of them: `image(NAME)` and `tag(NAME)` already set a tag".to_owned()
        }
        PullFailure::InvalidName { has_two_tags: false } => "correct `image` of the container".to_owned(),
        PullFailure::NeverPulled => {
            "load the image into the cluster, or set `imagePullPolicy: IfNotPresent`".to_owned()
        }
        PullFailure::NoPlatform => "build the image for the platform of the cluster's nodes".to_owned(),
        PullFailure::RateLimited => {
            format!("add the credentials of `{}` to `pullSecrets`, or deploy again later", registry(image))
        }
        PullFailure::Tls => format!("configure the nodes to trust `{}`", registry(image)),
        PullFailure::Unreachable => format!("check that the nodes can reach `{}`", registry(image)),
        PullFailure::Other => String::new(),
    }
}

/// The registry of `image`.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        _ => "docker.io",
    }
}

fn missing_reference(missing: &MissingReference) -> String {
    match (&missing.near, &missing.key) {
        (Some(near), _) => format!("did you mean `{near}`?"),
        (None, Some(_)) => format!("add the key to {}/{}", missing.kind, missing.name),
        (None, None) => format!("create {}/{}, or correct its name", missing.kind, missing.name),
    }
}

fn unschedulable(message: &str) -> &'static str {
    if message.contains("Insufficient") {
        "lower `resources.requests`, remove other pods, or add nodes"
    } else if message.contains("taint") {
        "add `tolerations` to the pod, or remove the taint from a node"
    } else if message.contains("affinity") || message.contains("selector") {
        "correct `nodeSelector` or `affinity` of the pod (`kubectl get nodes --show-labels`)"
    } else if message.contains("PersistentVolumeClaims") {
        "check the volumes of the pod"
    } else if message.contains("free ports") {
        "remove `hostPort` from the pod, or run fewer replicas than nodes"
    } else {
        "compare the pod with the nodes: `kubectl describe nodes`"
    }
}

fn rejected(cause: Rejection, message: &str, kubectl: &str) -> String {
    match cause {
        Rejection::Quota => {
            format!("lower `resources` or `replicas`, or raise the quota (`{kubectl} describe quota`)")
        }
        Rejection::NoLimits => "set `resources.requests` and `resources.limits` of each container".to_owned(),
        Rejection::LimitRange => {
            format!("change `resources` to fit the limit range (`{kubectl} describe limitrange`)")
        }
        Rejection::NoServiceAccount => {
            "create the service account, or correct `serviceAccountName`".to_owned()
        }
        Rejection::PodSecurity => {
            "change the `securityContext` of the pod, or use another namespace".to_owned()
        }
        Rejection::Webhook if message.contains("failed calling webhook") => {
            "check that the service of the webhook runs".to_owned()
        }
        Rejection::Webhook => "change the pod as the webhook requires".to_owned(),
        Rejection::NoPriorityClass => {
            "correct `priorityClassName` of the pod (`kubectl get priorityclass`)".to_owned()
        }
        Rejection::Other => String::new(),
    }
}

fn job(problem: &Problem, is_hook: bool, kubectl: &str) -> String {
    if is_hook {
        return "correct the hook of the chart, or set `disableHooks: true`".to_owned();
    }
    format!("delete it before it is deployed again: `{kubectl} delete job {}`", problem.object.name)
}
