//! What can go wrong with a cluster.

use std::path::PathBuf;

/// What can go wrong with a cluster. Quotes no kubeconfig, for that holds credentials.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ClusterError {
    /// A kubeconfig cannot be read or understood.
    #[error("cannot read the kubeconfig `{}`: {reason}", path.display())]
    #[diagnostic(code(cluster::bad_kubeconfig), help("repair the file, or name another one in KUBECONFIG"))]
    BadKubeconfig {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },

    /// A context leads nowhere.
    #[error("cannot use the kubernetes context `{context}`: {reason}")]
    #[diagnostic(code(cluster::bad_context), help("`kubectl config view --context {context}` shows it"))]
    BadContext {
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },

    /// Another manager wrote what windlass would change.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(
        code(cluster::conflict),
        help("choose another name with `secret`, or delete what is there if nobody needs it")
    )]
    Conflict {
        /// What could not be done.
        doing: String,
        /// What the cluster says.
        reason: String,
    },

    /// The user may not do this.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(
        code(cluster::forbidden),
        help("ask for the right to `{verb}` `{resource}`; `kubectl auth can-i {verb} {resource}` tells")
    )]
    Forbidden {
        /// What could not be done.
        doing: String,
        /// The verb that is not allowed.
        verb: String,
        /// The resource that it is not allowed for.
        resource: String,
        /// What the cluster says.
        reason: String,
    },

    /// A program that loads images into a cluster failed.
    #[error("cannot load `{image}` into {cluster}: {reason}")]
    #[diagnostic(
        code(cluster::load),
        help(
            "push it in place of that: `--skip-push-local-kube=false`, or `preferMinikube: false` for the image"
        )
    )]
    Load {
        /// The image.
        image: String,
        /// The cluster, as a phrase.
        cluster: String,
        /// Why.
        reason: String,
    },

    /// The program that the kubeconfig names for credentials failed.
    #[error("cannot log in to the cluster of the context `{context}`: {reason}")]
    #[diagnostic(code(cluster::login))]
    Login {
        /// The context.
        context: String,
        /// Why.
        reason: String,
        /// What to do.
        #[help]
        help: String,
    },

    /// No cluster is configured.
    #[error("no cluster is configured: there is no kubeconfig with a current context")]
    #[diagnostic(
        code(cluster::none),
        help("name a kubeconfig in KUBECONFIG, or a context with `--kube-context`")
    )]
    NoCluster,

    /// A namespace does not exist.
    #[error("cannot {doing}: there is no namespace `{namespace}` in the cluster of the context `{context}`")]
    #[diagnostic(
        code(cluster::no_namespace),
        help("create it with `kubectl create namespace {namespace}`, or choose another with `-n`")
    )]
    NoNamespace {
        /// What could not be done.
        doing: String,
        /// The namespace.
        namespace: String,
        /// The context.
        context: String,
    },

    /// A service account does not exist.
    #[error("cannot {doing}: there is no such service account")]
    #[diagnostic(code(cluster::no_service_account), help("create it, or leave it out of `serviceAccounts`"))]
    NoServiceAccount {
        /// What could not be done.
        doing: String,
    },

    /// Another program cannot be led to the context.
    #[error("cannot write a kubeconfig for the context `{context}` into `{}`: {reason}", folder.display())]
    #[diagnostic(
        code(cluster::no_copy),
        help(
            "make the folder writable, or let KUBECONFIG name one file whose current context is `{context}`: then no \
             copy is needed"
        )
    )]
    NoCopy {
        /// The context.
        context: String,
        /// Where it was to be written.
        folder: PathBuf,
        /// Why it was not.
        reason: String,
    },

    /// Something is not there, or not any more.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(code(cluster::not_found))]
    NotFound {
        /// What could not be done.
        doing: String,
        /// What the cluster says.
        reason: String,
    },

    /// The cluster does not do it.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(code(cluster::refused))]
    Refused {
        /// What could not be done.
        doing: String,
        /// What the cluster says.
        reason: String,
    },

    /// The cluster does not know the user.
    #[error("the cluster of the context `{context}` does not accept the credentials of the kubeconfig")]
    #[diagnostic(
        code(cluster::unauthorized),
        help("log in again; `kubectl auth whoami` tells whether it worked")
    )]
    Unauthorized {
        /// The context.
        context: String,
    },

    /// A context that is not in the kubeconfig.
    #[error("there is no context `{name}` in the kubeconfig")]
    #[diagnostic(code(cluster::unknown_context))]
    UnknownContext {
        /// The context.
        name: String,
        /// What to do.
        #[help]
        help: String,
    },

    /// The cluster gives no answer.
    #[error("cannot reach the cluster at `{server}` (context `{context}`): {reason}")]
    #[diagnostic(code(cluster::unreachable), help("start it, or choose another with `--kube-context`"))]
    Unreachable {
        /// The address.
        server: String,
        /// The context.
        context: String,
        /// Why.
        reason: String,
    },
}
