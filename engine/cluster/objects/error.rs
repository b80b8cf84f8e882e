//! Errors about objects.

use super::super::ClusterError;
use super::field_problem::{FieldProblem, OwnedField, joined};

/// Why objects could not be read, applied or deleted. `doing` is the operation that failed, with the object:
/// `apply Deployment/web (namespace dev)`.
#[derive(Debug, Clone, thiserror::Error, miette::Diagnostic)]
pub enum ApplyError {
    /// The object was changed at the same time, or its manifest has an old `resourceVersion`.
    #[error("cannot {doing}: it changed in the cluster at the same time ({reason})")]
    #[diagnostic(
        code(deploy::changed),
        help("deploy again; if it fails again, remove `resourceVersion` and `uid` from the manifest")
    )]
    Changed {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// The cluster failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Cluster(#[from] ClusterError),

    /// An admission webhook or a policy denied the request.
    #[error("cannot {doing}: {by} denied it: {reason}")]
    #[diagnostic(
        code(deploy::denied),
        help("change the manifest as {by} requires, or ask a cluster admin about it")
    )]
    Denied {
        /// The operation that failed.
        doing: String,
        /// The webhook or policy, as a phrase.
        by: String,
        /// Its message.
        reason: String,
    },

    /// Other field managers own fields that windlass would change.
    #[error("cannot {doing}: {}", joined(fields))]
    #[diagnostic(
        code(deploy::field_conflict),
        help("remove the field from the manifest, so that its owner keeps it, or remove it from the owner")
    )]
    FieldConflict {
        /// The operation that failed.
        doing: String,
        /// The fields, each with its owner.
        fields: Vec<OwnedField>,
    },

    /// The user lacks a permission.
    #[error("cannot {doing}: {user} lacks the permission to `{verb}` `{resource}`")]
    #[diagnostic(
        code(cluster::forbidden),
        help(
            "get permission to `{verb}` `{resource}` (check: `kubectl auth can-i {verb} {resource}{scope}`)"
        )
    )]
    Forbidden {
        /// The operation that failed.
        doing: String,
        /// The user, as a phrase.
        user: String,
        /// The forbidden verb.
        verb: String,
        /// The resource of the verb.
        resource: String,
        /// The option that selects the namespace: ` -n dev`; empty at the cluster scope.
        scope: String,
    },

    /// Fields cannot change after creation.
    #[error("cannot {doing}: {}", joined(fields))]
    #[diagnostic(
        code(deploy::immutable),
        help("revert the change, or delete and create the object: `--recreate {object}`")
    )]
    Immutable {
        /// The operation that failed.
        doing: String,
        /// The object: `Job/migrate`.
        object: String,
        /// The fields; the messages contain the old and new values if they are known.
        fields: Vec<FieldProblem>,
    },

    /// An object without identity.
    #[error("{} has no `{missing}`", if object.is_empty() { "an object".to_owned() } else { format!("`{object}`") })]
    #[diagnostic(code(deploy::incomplete_object))]
    Incomplete {
        /// The known part of the object: `Deployment`.
        object: String,
        /// The missing field.
        missing: &'static str,
        /// The hint.
        #[help]
        help: String,
    },

    /// The cluster rejects values.
    #[error("cannot {doing}: {}", joined(fields))]
    #[diagnostic(code(deploy::invalid), help("correct the manifest"))]
    Invalid {
        /// The operation that failed.
        doing: String,
        /// The fields.
        fields: Vec<FieldProblem>,
    },

    /// A name that cannot be a part of a URL.
    #[error("cannot apply {object}: invalid name `{name}`")]
    #[diagnostic(code(deploy::invalid_name), help("use letters, digits, `-` and `.`"))]
    InvalidName {
        /// The object.
        object: String,
        /// The name.
        name: String,
    },

    /// Another run holds the lock of the deployment.
    #[error("the deployment `{deployment}` is locked: {holder} has been working on it since {since}")]
    #[diagnostic(
        code(deploy::locked),
        help(
            "wait for it, or set a longer `--timeout`; a run that no longer exists loses the lock after 60 seconds"
        )
    )]
    Locked {
        /// The deployment.
        deployment: String,
        /// The holder, as a phrase.
        holder: String,
        /// The time at which it acquired the lock.
        since: String,
    },

    /// The lock was not renewed in time, or another run took it over.
    #[error("lost the lock of the deployment `{deployment}`: {reason}")]
    #[diagnostic(code(deploy::lock_lost), help("deploy again when no other run deploys it"))]
    LockLost {
        /// The deployment.
        deployment: String,
        /// The reason.
        reason: String,
    },

    /// The user lacks the permission to create the namespace.
    #[error(
        "cannot create the namespace `{namespace}`: {user} lacks the permission to `create` `namespaces`"
    )]
    #[diagnostic(
        code(cluster::no_namespace),
        help(
            "ask a cluster admin, or another user with that permission, to run `kubectl create namespace \
             {namespace}`; or deploy to an existing one with `-n`"
        )
    )]
    NamespaceForbidden {
        /// The namespace.
        namespace: String,
        /// The user, as a phrase.
        user: String,
    },

    /// A namespace does not exist.
    #[error("cannot {doing}: namespace `{namespace}` not found")]
    #[diagnostic(code(cluster::no_namespace), help("create it with `kubectl create namespace {namespace}`"))]
    NamespaceMissing {
        /// The operation that failed.
        doing: String,
        /// The namespace.
        namespace: String,
    },

    /// A namespace is being deleted.
    #[error("cannot {doing}: the namespace `{namespace}` is being deleted{remaining}")]
    #[diagnostic(
        code(deploy::namespace_terminating),
        help("wait until it is deleted (`kubectl get namespace {namespace} -o yaml` shows what remains)")
    )]
    NamespaceTerminating {
        /// The operation that failed.
        doing: String,
        /// The namespace.
        namespace: String,
        /// The remaining contents, after a colon; empty if unknown.
        remaining: String,
    },

    /// The API server does not serve a custom resource in time.
    #[error("cannot use the CustomResourceDefinition `{name}`: {reason}")]
    #[diagnostic(code(deploy::crd_not_established), help("run `kubectl describe crd {name}` to inspect it"))]
    NotEstablished {
        /// Its name.
        name: String,
        /// The reason.
        reason: String,
    },

    /// Another deployment, or another tool, owns the object.
    #[error("cannot {doing}: it belongs to {owner}")]
    #[diagnostic(
        code(deploy::owned_by_other),
        help("rename the object, or remove it from one of the two; to move it, remove its label `{label}`")
    )]
    OwnedElsewhere {
        /// The operation that failed.
        doing: String,
        /// The owner, as a phrase.
        owner: String,
        /// The label that records the owner.
        label: &'static str,
    },

    /// A quota of the namespace is exceeded.
    #[error("cannot {doing}: exceeded quota {quota}")]
    #[diagnostic(
        code(deploy::quota),
        help("lower what the manifest requests, or ask a cluster admin for a higher quota")
    )]
    Quota {
        /// The operation that failed.
        doing: String,
        /// The quota, with the requested, used and limited amounts.
        quota: String,
    },

    /// The API server postpones requests for longer than the timeout.
    #[error("cannot {doing}: API server overloaded ({reason})")]
    #[diagnostic(code(cluster::overloaded), help("deploy again later"))]
    Overloaded {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// The cluster rejected the request for another reason.
    #[error("cannot {doing}: {reason}")]
    #[diagnostic(code(cluster::refused))]
    Refused {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// Unknown fields, or fields of the wrong type.
    #[error("cannot {doing}: {}", joined(fields))]
    #[diagnostic(
        code(deploy::schema),
        help("correct the manifest (`kubectl explain` lists the fields of a kind)")
    )]
    Schema {
        /// The operation that failed.
        doing: String,
        /// The fields.
        fields: Vec<FieldProblem>,
    },

    /// Objects still exist after the timeout.
    #[error("cannot delete {object}: it still exists after {seconds} seconds{waiting}")]
    #[diagnostic(
        code(deploy::not_deleted),
        help("check the controller that must remove the finalizers; deletion continues in the cluster")
    )]
    StillExists {
        /// The object, and the number of further objects.
        object: String,
        /// The timeout.
        seconds: u64,
        /// The end of the sentence: the finalizers that prevent the deletion.
        waiting: String,
    },

    /// The object exceeds the size limit of the cluster.
    #[error("cannot {doing}: it is too large ({reason})")]
    #[diagnostic(code(deploy::too_large), help("split it: the cluster limits an object to about 1 MiB"))]
    TooLarge {
        /// The operation that failed.
        doing: String,
        /// The cluster's message.
        reason: String,
    },

    /// A list has more objects than windlass reads.
    #[error("cannot {doing}: more than {limit} objects")]
    #[diagnostic(code(deploy::too_many_objects), help("delete unused objects, or use another namespace"))]
    TooMany {
        /// The operation that failed.
        doing: String,
        /// The maximum number.
        limit: usize,
    },

    /// The cluster does not serve a kind.
    #[error("unknown kind `{kind}` in `{api_version}`: the cluster does not serve it")]
    #[diagnostic(code(deploy::unknown_kind))]
    UnknownKind {
        /// The kind.
        kind: String,
        /// The API group and version.
        api_version: String,
        /// The hint.
        #[help]
        help: String,
    },

    /// The API server cannot reach an admission webhook.
    #[error("cannot {doing}: admission webhook `{webhook}` failed: {reason}")]
    #[diagnostic(code(deploy::webhook), help("check {service}, or ask a cluster admin about the webhook"))]
    Webhook {
        /// The operation that failed.
        doing: String,
        /// The webhook.
        webhook: String,
        /// The reason.
        reason: String,
        /// Its service, as a phrase.
        service: String,
    },
}

impl ApplyError {
    /// The fields that are the cause, to find them in a manifest.
    pub fn fields(&self) -> &[FieldProblem] {
        match self {
            Self::Immutable { fields, .. } | Self::Invalid { fields, .. } | Self::Schema { fields, .. } => {
                fields
            }
            _ => &[],
        }
    }
}
