//! Why the cluster rejects pods.

/// Why the cluster rejects the pods of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// The quota of the namespace is exceeded.
    Quota,
    /// A quota requires requests or limits that the pod does not set.
    NoLimits,
    /// A limit range of the namespace does not allow its requests or limits.
    LimitRange,
    /// Its service account does not exist.
    NoServiceAccount,
    /// The pod security standard of the namespace forbids it.
    PodSecurity,
    /// An admission webhook denies it, or is unavailable.
    Webhook,
    /// The priority class does not exist.
    NoPriorityClass,
    /// Another one.
    Other,
}

impl Rejection {
    /// Why the cluster rejects a pod with `message`.
    pub(super) fn new(message: &str) -> Self {
        let message = message.to_lowercase();
        let has = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if has(&["exceeded quota"]) {
            Self::Quota
        } else if has(&["must specify"]) {
            Self::NoLimits
        } else if has(&["violates podsecurity", "podsecuritypolicy", "security context constraint"]) {
            Self::PodSecurity
        } else if has(&["webhook"]) {
            Self::Webhook
        } else if has(&["serviceaccount", "service account"]) {
            Self::NoServiceAccount
        } else if has(&["no priorityclass"]) {
            Self::NoPriorityClass
        } else if has(&["usage per", "limit to request ratio"]) {
            Self::LimitRange
        } else {
            Self::Other
        }
    }
}
