//! Cluster errors.

use std::path::PathBuf;

/// Cluster errors. They quote nothing from the kubeconfig because it contains credentials.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ClusterError {
    /// A kubeconfig cannot be read or parsed.
    #[error("cannot read the kubeconfig `{}`: {reason}", path.display())]
    #[diagnostic(code(cluster::bad_kubeconfig), help("repair the file, or set KUBECONFIG to another one"))]
    BadKubeconfig {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },

    /// A context is incomplete or unusable.
    #[error("cannot use the Kubernetes context `{context}`: {reason}")]
    #[diagnostic(
        code(cluster::bad_context),
        help("run `kubectl config view --context {context}` to inspect it")
    )]
    BadContext {
        /// The context.
        context: String,
        /// The reason.
        reason: String,
    },

    /// Another field manager owns the fields that windlass would change.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(
        code(cluster::conflict),
        help("choose another name with `secret`, or delete the existing one if it is unused")
    )]
    Conflict {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// The user lacks a permission.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(
        code(cluster::forbidden),
        help("get permission to `{verb}` `{resource}` (check: `kubectl auth can-i {verb} {resource}`)")
    )]
    Forbidden {
        /// The operation that failed.
        doing: String,
        /// The forbidden verb.
        verb: String,
        /// The resource of the verb.
        resource: String,
        /// The cluster's message.
        reason: String,
    },

    /// A command that loads images into a cluster failed.
    #[error("cannot load `{image}` into {cluster}: {reason}")]
    #[diagnostic(
        code(cluster::load),
        help(
            "push it instead: set `--skip-push-local-kube=false`, or `preferMinikube: false` for the image"
        )
    )]
    Load {
        /// The image.
        image: String,
        /// The cluster, as a phrase.
        cluster: String,
        /// The reason.
        reason: String,
    },

    /// The credential plugin of the kubeconfig failed.
    #[error("cannot log in to the cluster of the context `{context}`: {reason}")]
    #[diagnostic(code(cluster::login))]
    Login {
        /// The context.
        context: String,
        /// The reason.
        reason: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// No cluster is configured.
    #[error("no cluster is configured: no kubeconfig with a current context")]
    #[diagnostic(
        code(cluster::none),
        help("name a kubeconfig in KUBECONFIG, or a context with `--kube-context`")
    )]
    NoCluster,

    /// A namespace does not exist.
    #[error("cannot {doing}: namespace `{namespace}` not found in the cluster of the context `{context}`")]
    #[diagnostic(
        code(cluster::no_namespace),
        help("create it with `kubectl create namespace {namespace}`, or choose another with `-n`")
    )]
    NoNamespace {
        /// The operation that failed.
        doing: String,
        /// The namespace.
        namespace: String,
        /// The context.
        context: String,
    },

    /// A service account does not exist.
    #[error("cannot {doing}: service account not found")]
    #[diagnostic(code(cluster::no_service_account), help("create it, or remove it from `serviceAccounts`"))]
    NoServiceAccount {
        /// The operation that failed.
        doing: String,
    },

    /// The kubeconfig for another command cannot be written.
    #[error("cannot write a kubeconfig for the context `{context}` into `{}`: {reason}", folder.display())]
    #[diagnostic(
        code(cluster::no_copy),
        help(
            "make the directory writable, or set KUBECONFIG to one file whose current context is `{context}`: \
             it needs no copy"
        )
    )]
    NoCopy {
        /// The context.
        context: String,
        /// The target directory.
        folder: PathBuf,
        /// The reason.
        reason: String,
    },

    /// An object does not exist, or no longer exists.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(code(cluster::not_found))]
    NotFound {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// The cluster refused.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(code(cluster::refused))]
    Refused {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// The cluster rejected the credentials.
    #[error("the cluster of the context `{context}` rejected the credentials of the kubeconfig")]
    #[diagnostic(code(cluster::unauthorized), help("log in again; run `kubectl auth whoami` to check it"))]
    Unauthorized {
        /// The context.
        context: String,
    },

    /// A context that is not in the kubeconfig.
    #[error("unknown context `{name}`: not in the kubeconfig")]
    #[diagnostic(code(cluster::unknown_context))]
    UnknownContext {
        /// The context.
        name: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// The cluster is unreachable.
    #[error("cannot reach the cluster at `{server}` (context `{context}`): {reason}")]
    #[diagnostic(
        code(cluster::unreachable),
        help("start it, or choose another context with `--kube-context`")
    )]
    Unreachable {
        /// The URL of the API server.
        server: String,
        /// The context.
        context: String,
        /// The reason.
        reason: String,
    },
}
