//! What can go wrong with a build in a pod.

use crate::builder::BuildError;
use crate::cluster::ClusterError;
use crate::registry::CredentialError;

/// What keeps a pod from building an image.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum KanikoError {
    /// A part of the configuration that is passed on as it is makes no pod.
    #[error("cannot make a build pod for `{image}`: {reason}")]
    #[diagnostic(
        code(kaniko::bad_option),
        help(
            "`kubectl explain pod.spec` shows what `tolerations`, `envFrom` and `resources` of kaniko may have"
        )
    )]
    BadOption {
        /// Name of the image.
        image: String,
        /// What Kubernetes does not know.
        reason: String,
    },

    /// The build itself failed, or was cancelled.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Build(Box<BuildError>),

    /// The cluster stands in the way.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// A container could not be started.
    #[error("cannot build `{image}`: the container `{container}` of the build pod does not start: {reason}")]
    #[diagnostic(code(kaniko::container))]
    Container {
        /// Name of the image.
        image: String,
        /// The container.
        container: String,
        /// What the node says.
        reason: String,
    },

    /// The credentials cannot be had.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Credential(#[from] CredentialError),

    /// The context did not arrive.
    #[error("cannot send the context of `{image}` to the build pod: {reason}")]
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

    /// The pod was ended by the cluster.
    #[error("cannot build `{image}`: the cluster ended the build pod ({reason}): {message}")]
    #[diagnostic(code(kaniko::evicted))]
    Ended {
        /// Name of the image.
        image: String,
        /// Why, in one word: `Evicted`, `DeadlineExceeded`.
        reason: String,
        /// Why, in a sentence.
        message: String,
        /// What to do.
        #[help]
        help: Option<String>,
    },

    /// Kaniko failed outside of any step.
    #[error("kaniko could not build `{image}`: {reason}")]
    #[diagnostic(code(kaniko::failed))]
    Failed {
        /// Name of the image.
        image: String,
        /// What kaniko said last.
        reason: String,
        /// The last lines of its output, under a heading, and what to do.
        #[help]
        output: Option<String>,
    },

    /// Somebody else removed the pod.
    #[error("cannot build `{image}`: somebody deleted the build pod `{pod}`")]
    #[diagnostic(code(kaniko::deleted))]
    Deleted {
        /// Name of the image.
        image: String,
        /// The pod.
        pod: String,
    },

    /// A node cannot get the image of a container.
    #[error("cannot build `{image}`: no node can pull `{container_image}`: {reason}")]
    #[diagnostic(
        code(kaniko::image_pull),
        help("name another with `{option}`, or mirror it to where the nodes can pull from")
    )]
    ImagePull {
        /// Name of the image to build.
        image: String,
        /// The container's image.
        container_image: String,
        /// What the node says.
        reason: String,
        /// What chooses the container's image.
        option: &'static str,
    },

    /// Something that the configuration names is not in the cluster.
    #[error("cannot build `{image}`: there is no {kind} `{name}` in the namespace `{namespace}`")]
    #[diagnostic(code(kaniko::missing), help("create it, or correct `{option}` of kaniko"))]
    Missing {
        /// Name of the image.
        image: String,
        /// What it is: `secret`, `config map`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Where it should be.
        namespace: String,
        /// Where the configuration names it.
        option: &'static str,
    },

    /// A container took more memory than it may.
    #[error("cannot build `{image}`: the container `{container}` of the build pod ran out of memory{}", limit.as_ref().map(|limit| format!(" (its limit is {limit})")).unwrap_or_default())]
    #[diagnostic(
        code(kaniko::out_of_memory),
        help(
            "give it more with `kaniko.resources.limits.memory`, or let it take less: `kaniko.args: [--compressed-caching=false]`"
        )
    )]
    OutOfMemory {
        /// Name of the image.
        image: String,
        /// The container.
        container: String,
        /// Its limit, when it has one.
        limit: Option<String>,
    },

    /// The namespace has no room for the pod.
    #[error(
        "cannot build `{image}`: the quota of the namespace `{namespace}` has no room for a build pod: {reason}"
    )]
    #[diagnostic(
        code(kaniko::quota),
        help(
            "wait until other pods have ended, ask for less with `kaniko.resources`, or build fewer images at once with \
             `--max-concurrent-builds`"
        )
    )]
    Quota {
        /// Name of the image.
        image: String,
        /// The namespace.
        namespace: String,
        /// What the cluster says.
        reason: String,
    },

    /// A quota counts what the pod does not name.
    #[error(
        "cannot build `{image}`: the quota of the namespace `{namespace}` takes only pods that name what they need: {reason}"
    )]
    #[diagnostic(
        code(kaniko::no_limits),
        help(
            "name it with `kaniko.resources`, such as `{{requests: {{cpu: 1, memory: 1Gi}}, limits: {{cpu: 4, memory: 8Gi}}}}`"
        )
    )]
    NoLimits {
        /// Name of the image.
        image: String,
        /// The namespace.
        namespace: String,
        /// What the cluster says.
        reason: String,
    },

    /// Kaniko cannot keep an image without pushing it.
    #[error(
        "cannot build `{image}` with kaniko and push nothing (`{option}`): the image would be gone with its pod"
    )]
    #[diagnostic(
        code(kaniko::skip_push),
        help(
            "leave `{option}` out, build with docker, or try the build alone with `args: [--no-push]` of kaniko"
        )
    )]
    SkipPush {
        /// Name of the image.
        image: String,
        /// What says so.
        option: &'static str,
    },

    /// The pod did not start in time.
    #[error("cannot build `{image}`: the build pod did not start within {seconds} seconds{}", waits_for.as_ref().map(|what| format!(", it waits for this: {what}")).unwrap_or_default())]
    #[diagnostic(code(kaniko::start), help("`--kaniko-start-limit` gives it more time"))]
    Start {
        /// Name of the image.
        image: String,
        /// The limit.
        seconds: u64,
        /// What the cluster says of it.
        waits_for: Option<String>,
    },

    /// Kaniko has no such option.
    #[error("kaniko cannot build `{image}` as it is configured: it has nothing like `{option}`")]
    #[diagnostic(code(kaniko::unfit), help("build it with docker, or remove the option"))]
    Unfit {
        /// Name of the image.
        image: String,
        /// The option, as it is written.
        option: String,
    },

    /// An argument of kaniko says what is read, and windlass does not know it.
    #[error(
        "cannot build `{image}` with `{argument}` of kaniko's `args`{place}: windlass sends kaniko only what it reads"
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
        /// Where it stands, in parentheses.
        place: String,
    },

    /// No node takes the pod.
    #[error("cannot build `{image}`: no node takes the build pod: {reason}")]
    #[diagnostic(
        code(kaniko::unschedulable),
        help(
            "`kubectl describe nodes` shows what they have; `nodeSelector`, `tolerations` and `resources` of kaniko say what the pod wants"
        )
    )]
    Unschedulable {
        /// Name of the image.
        image: String,
        /// What the scheduler says.
        reason: String,
    },
}

impl From<BuildError> for KanikoError {
    fn from(error: BuildError) -> Self {
        Self::Build(Box::new(error))
    }
}
