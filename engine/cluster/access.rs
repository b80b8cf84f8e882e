//! The cluster, connected when it is first needed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tokio::sync::OnceCell;

use super::context::IN_CLUSTER;
use super::{ClusterContext, ClusterError, Kubeconfig, credential_plugin};

/// How long a connection to the API server may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How long one request may take, retries included.
const CALL_LIMIT: Duration = Duration::from_secs(10);

/// What the user says about the cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// `--kube-context`.
    pub context: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// Variables of the project's `.env` file that the real environment has not.
    pub environment: Vec<(String, String)>,
}

impl ClusterOptions {
    /// A variable of the environment, else of the project's `.env` file.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let from_file = || self.environment.iter().find(|(known, _)| known == name);
        std::env::var(name).ok().or_else(|| from_file().map(|(_, value)| value.clone()))
    }
}

/// The cluster the user means. Nothing is read or contacted before the first call; then the kubeconfig is read once
/// for all clones, and a cluster that gave no answer is not asked again.
#[derive(Clone)]
pub struct ClusterAccess(Arc<Inner>);

struct Inner {
    options: ClusterOptions,
    found: OnceLock<Result<Option<Found>, ClusterError>>,
    client: OnceCell<Result<Client, ClusterError>>,
    lost: OnceLock<ClusterError>,
}

/// A cluster, and where it was found.
struct Found {
    context: ClusterContext,
    /// `None` in a pod, which has its own credentials.
    kubeconfig: Option<Kubeconfig>,
}

impl ClusterAccess {
    /// The cluster that `options` and the environment lead to.
    pub fn new(options: ClusterOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            found: OnceLock::new(),
            client: OnceCell::new(),
            lost: OnceLock::new(),
        }))
    }

    /// The cluster as the kubeconfig describes it; `None` where none is configured. Contacts nothing.
    ///
    /// # Errors
    /// [`ClusterError`] when the kubeconfig is wrong, or does not have the context of `--kube-context`.
    pub fn context(&self) -> Result<Option<&ClusterContext>, ClusterError> {
        Ok(self.found()?.map(|found| &found.context))
    }

    /// The kubeconfig; `None` in a pod without one, which has credentials of its own.
    pub(super) fn kubeconfig(&self) -> Result<Option<&Kubeconfig>, ClusterError> {
        Ok(self.found()?.and_then(|found| found.kubeconfig.as_ref()))
    }

    /// What the user says about the cluster.
    pub(super) fn options(&self) -> &ClusterOptions {
        &self.0.options
    }

    fn found(&self) -> Result<Option<&Found>, ClusterError> {
        let found = self.0.found.get_or_init(|| find(&self.0.options));
        found.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The cluster's context and a client for it.
    pub(super) async fn connect(&self) -> Result<(&ClusterContext, &Client), ClusterError> {
        let found = self.found()?.ok_or(ClusterError::NoCluster)?;
        let client = self.0.client.get_or_init(|| client_of(found)).await;
        Ok((&found.context, client.as_ref().map_err(Clone::clone)?))
    }

    /// What `request` gives, within a limit; `doing` says in errors what it was for.
    pub(super) async fn call<T>(
        &self,
        doing: &str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ClusterError> {
        if let Some(lost) = self.0.lost.get() {
            return Err(lost.clone());
        }
        let (context, _) = self.connect().await?;
        let unreachable = |reason: String| {
            let (server, name) = (context.server.clone(), context.name.clone());
            let error = ClusterError::Unreachable { server, context: name, reason };
            self.0.lost.get_or_init(|| error).clone()
        };
        match tokio::time::timeout(CALL_LIMIT, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(status))) => Err(refusal(*status, doing, context)),
            Ok(Err(error)) => Err(unreachable(innermost(&error))),
            Err(_) => Err(unreachable(format!("no answer within {} seconds", CALL_LIMIT.as_secs()))),
        }
    }
}

/// The cluster the user means: that of the kubeconfig, else the one windlass runs in.
fn find(options: &ClusterOptions) -> Result<Option<Found>, ClusterError> {
    let variable = |name: &str| options.variable(name);
    let (wanted, namespace) = (options.context.as_deref(), options.namespace.as_deref());
    if let Some(kubeconfig) = Kubeconfig::find(&variable)?
        && let Some(context) = kubeconfig.context(wanted, namespace)?
    {
        return Ok(Some(Found { context, kubeconfig: Some(kubeconfig) }));
    }
    if let Some(name) = wanted {
        let help = "there is no kubeconfig: name one in KUBECONFIG".to_owned();
        return Err(ClusterError::UnknownContext { name: name.to_owned(), help });
    }
    let Ok(config) = Config::incluster_env() else { return Ok(None) };
    let context = ClusterContext {
        name: IN_CLUSTER.to_owned(),
        cluster: IN_CLUSTER.to_owned(),
        namespace: namespace.unwrap_or(&config.default_namespace).to_owned(),
        server: config.cluster_url.to_string(),
        provider: None,
    };
    Ok(Some(Found { context, kubeconfig: None }))
}

/// A client for the cluster; runs the credential plugin when the kubeconfig names one.
async fn client_of(found: &Found) -> Result<Client, ClusterError> {
    // Whoever was first has installed the same one.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let name = &found.context.name;
    let bad = |reason: String| ClusterError::BadContext { context: name.clone(), reason };
    let mut config = match &found.kubeconfig {
        Some(kubeconfig) => {
            let options = KubeConfigOptions { context: Some(name.clone()), ..KubeConfigOptions::default() };
            let kubeconfig = kubeconfig.clone().into_inner();
            Config::from_custom_kubeconfig(kubeconfig, &options)
                .await
                .map_err(|error| bad(error.to_string()))?
        }
        None => Config::incluster_env().map_err(|error| bad(error.to_string()))?,
    };
    config.connect_timeout = Some(CONNECT_LIMIT);
    if let Some(plugin) = config.auth_info.exec.take() {
        credential_plugin::log_in(&plugin, name, &mut config.auth_info).await?;
    }
    Client::try_from(config).map_err(|error| bad(innermost(&error)))
}

/// The error for an answer that is none.
pub(super) fn refusal(status: kube::core::Status, doing: &str, context: &ClusterContext) -> ClusterError {
    let (doing, reason) = (doing.to_owned(), status.message);
    let (kind, name) = status.details.map(|details| (details.kind, details.name)).unwrap_or_default();
    match status.code {
        401 => ClusterError::Unauthorized { context: context.name.clone() },
        // A quota and a namespace on its way out are refused with the same code, but are no matter of rights.
        403 => match missing_right(&reason) {
            Some((verb, resource)) => ClusterError::Forbidden { doing, verb, resource, reason },
            None => ClusterError::Refused { doing, reason },
        },
        404 if kind == "namespaces" => ClusterError::NoNamespace {
            doing,
            namespace: if name.is_empty() { context.namespace.clone() } else { name },
            context: context.name.clone(),
        },
        404 if kind == "serviceaccounts" => ClusterError::NoServiceAccount { doing },
        404 => ClusterError::NotFound { doing, reason },
        409 => ClusterError::Conflict { doing, reason },
        _ => ClusterError::Refused { doing, reason },
    }
}

/// Verb and resource of a right, out of a message such as
/// `... is forbidden: User "ann" cannot patch resource "secrets" in API group "" in the namespace "dev"`.
pub(crate) fn missing_right(message: &str) -> Option<(String, String)> {
    let (_, right) = message.split_once(" cannot ")?;
    let (verb, rest) = right.split_once(" resource \"")?;
    let (resource, _) = rest.split_once('"')?;
    Some((verb.to_owned(), resource.to_owned()))
}

/// The innermost cause, which names the trouble; the layers around it only say that there is some.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_is_read_from_the_refusal() {
        let right = |message| missing_right(message).map(|(verb, resource)| format!("{verb} {resource}"));
        let message = r#"nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope"#;
        assert_eq!(right(message).as_deref(), Some("list nodes"));
        assert_eq!(right("secrets \"x\" is forbidden: exceeded quota: q"), None);
    }
}
