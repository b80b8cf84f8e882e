//! Errors of builds in a pod.

use crate::builder::BuildError;
use crate::cluster::ClusterError;
use crate::registry::CredentialError;

/// An error that prevents a pod from building an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum KanikoError {
    /// A part of the configuration that is passed on unchanged is not valid in a pod.
    #[error("cannot create a build pod for `{image}`: {reason}")]
    #[diagnostic(
        code(kaniko::bad_option),
        help(
            "correct `tolerations`, `envFrom` or `resources` of kaniko: `kubectl explain pod.spec` shows their fields"
        )
    )]
    BadOption {
        /// Name of the image.
        image: String,
        /// The part of the pod that Kubernetes rejects, and why.
        reason: String,
    },

    /// The build itself failed, or was cancelled.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(Box<BuildError>),

    /// A cluster operation failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// A container could not be started.
    #[error("cannot build `{image}`: the container `{container}` of the build pod did not start: {reason}")]
    #[diagnostic(code(kaniko::container))]
    Container {
        /// Name of the image.
        image: String,
        /// The container.
        container: String,
        /// The message of the node.
        reason: String,
    },

    /// The credentials are unavailable.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Credential(#[from] CredentialError),

    /// The build context was not received.
    #[error("cannot send the build context of `{image}` to the build pod: {reason}")]
    #[diagnostic(code(kaniko::upload))]
    Upload {
        /// Name of the image.
        image: String,
        /// Why.
        reason: String,
        /// The last lines of its output, under a heading.
        #[help]
        output: Option<String>,
    },

    /// The cluster stopped the pod.
    #[error("cannot build `{image}`: the cluster stopped the build pod ({reason}): {message}")]
    #[diagnostic(code(kaniko::evicted))]
    PipelineRun {
        /// Name of the image.
        image: String,
        /// Why, in one word: `Evicted`, `DeadlineExceeded`.
        reason: String,
        /// Why, in a sentence.
        message: String,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// Kaniko failed outside of any step.
    #[error("kaniko could not build `{image}`: {reason}")]
    #[diagnostic(code(kaniko::failed))]
    Failed {
        /// Name of the image.
        image: String,
        /// The last message of kaniko.
        reason: String,
        /// The last lines of its output, under a heading, and a hint.
        #[help]
        output: Option<String>,
    },

    /// The pod was deleted by another user or process.
    #[error("cannot build `{image}`: build pod `{pod}` was deleted")]
    #[diagnostic(code(kaniko::deleted))]
    Deleted {
        /// Name of the image.
        image: String,
        /// The pod.
        pod: String,
    },

    /// A node cannot pull the image of a container.
    #[error("cannot build `{image}`: no node can pull `{container_image}`: {reason}")]
    #[diagnostic(
        code(kaniko::image_pull),
        help(
            "choose another image with `{option}`, or mirror it to a registry that the nodes can pull from"
        )
    )]
    ImagePull {
        /// Name of the image to build.
        image: String,
        /// The container's image.
        container_image: String,
        /// The message of the node.
        reason: String,
        /// The option that sets the container's image.
        option: &'static str,
    },

    /// An object in the configuration does not exist in the cluster.
    #[error("cannot build `{image}`: the {kind} `{name}` does not exist in the namespace `{namespace}`")]
    #[diagnostic(code(kaniko::missing), help("create it, or correct `{option}` of kaniko"))]
    Missing {
        /// Name of the image.
        image: String,
        /// Its kind: `secret`, `config map`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// The namespace in which it should exist.
        namespace: String,
        /// The key of the configuration that names it.
        option: &'static str,
    },

    /// A container exceeded its memory limit.
    #[error("cannot build `{image}`: the container `{container}` of the build pod ran out of memory{}", limit.as_ref().map(|limit| format!(" (its limit is {limit})")).unwrap_or_default())]
    #[diagnostic(
        code(kaniko::out_of_memory),
        help(
            "raise `kaniko.resources.limits.memory`, or reduce the memory usage: `kaniko.args: [--compressed-caching=false]`"
        )
    )]
    OutOfMemory {
        /// Name of the image.
        image: String,
        /// The container.
        container: String,
        /// Its limit, if it has one.
        limit: Option<String>,
    },

    /// The quota of the namespace is exceeded.
    #[error(
        "cannot build `{image}`: the build pod exceeds the quota of the namespace `{namespace}`: {reason}"
    )]
    #[diagnostic(
        code(kaniko::quota),
        help(
            "wait until other pods have finished, request less with `kaniko.resources`, or build fewer images in \
             parallel with `--max-concurrent-builds`"
        )
    )]
    Quota {
        /// Name of the image.
        image: String,
        /// The namespace.
        namespace: String,
        /// The message of the cluster.
        reason: String,
    },

    /// A quota requires values that the pod does not set.
    #[error(
        "cannot build `{image}`: the quota of the namespace `{namespace}` requires resource requests and limits: {reason}"
    )]
    #[diagnostic(
        code(kaniko::no_limits),
        help(
            "set `kaniko.resources`, such as `{{requests: {{cpu: 1, memory: 1Gi}}, limits: {{cpu: 4, memory: 8Gi}}}}`"
        )
    )]
    NoLimits {
        /// Name of the image.
        image: String,
        /// The namespace.
        namespace: String,
        /// The message of the cluster.
        reason: String,
    },

    /// Kaniko cannot keep an image without pushing it.
    #[error(
        "cannot build `{image}` with kaniko without pushing it (`{option}`): the image is deleted with its pod"
    )]
    #[diagnostic(
        code(kaniko::skip_push),
        help(
            "remove `{option}`, build with Docker, or only test the build with `args: [--no-push]` of kaniko"
        )
    )]
    SkipPush {
        /// Name of the image.
        image: String,
        /// The option that disables the push.
        option: &'static str,
    },

    /// The pod did not start before the timeout.
    #[error("cannot build `{image}`: the build pod did not start within {seconds} seconds{}", waits_for.as_ref().map(|what| format!(", waiting for: {what}")).unwrap_or_default())]
    #[diagnostic(code(kaniko::start), help("raise `--kaniko-start-limit`"))]
    Start {
        /// Name of the image.
        image: String,
        /// The limit.
        seconds: u64,
        /// The cluster's reason why the pod is waiting.
        waits_for: Option<String>,
    },

    /// Kaniko does not support an option.
    #[error("kaniko cannot build `{image}` as configured: it has no equivalent of `{option}`")]
    #[diagnostic(code(kaniko::unfit), help("build it with Docker, or remove the option"))]
    Unfit {
        /// Name of the image.
        image: String,
        /// The option as written.
        option: String,
    },

    /// An argument of kaniko changes which files are read, and windlass does not evaluate it.
    #[error(
        "cannot build `{image}` with `{argument}` of kaniko's `args`{place}: windlass does not evaluate it and could send the wrong files"
    )]
    #[diagnostic(
        code(kaniko::steered),
        help("write it as a key of `build` or of the image: `target`, `buildArgs`, `dockerfile`, `context`")
    )]
    Steered {
        /// Name of the image.
        image: String,
        /// The argument.
        argument: String,
        /// Its location, in parentheses.
        place: String,
    },

    /// The pod is unschedulable.
    #[error("cannot build `{image}`: build pod is unschedulable: {reason}")]
    #[diagnostic(
        code(kaniko::unschedulable),
        help(
            "compare `nodeSelector`, `tolerations` and `resources` of kaniko with the nodes: `kubectl describe nodes`"
        )
    )]
    Unschedulable {
        /// Name of the image.
        image: String,
        /// The message of the scheduler.
        reason: String,
    },
}

impl From<BuildError> for KanikoError {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}
