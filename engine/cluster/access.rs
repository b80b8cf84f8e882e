//! The cluster, with a connection on first use.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kube::config::KubeConfigOptions;
use kube::{Client, Config};
use tokio::sync::OnceCell;

use super::clients::Clients;
use super::context::IN_CLUSTER;
use super::objects::{ResourceCache, ServerClock};
use super::{ClusterContext, ClusterError, Kubeconfig, credential_plugin};
use crate::connection_reason::connection_reason;

/// The timeout for a connection to the API server.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// The timeout for one request, including retries.
pub(super) const CALL_LIMIT: Duration = Duration::from_secs(10);

/// The pause between two logins of a long run.
const LOGIN_PAUSE: Duration = Duration::from_secs(60);

/// The user's options for the cluster.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// `--kube-context`.
    pub context: Option<String>,
    /// `--namespace`.
    pub namespace: Option<String>,
    /// Variables of the project's `.env` file that are not set in the environment.
    pub environment: Vec<(String, String)>,
}

impl ClusterOptions {
    /// A variable of the environment, otherwise of the project's `.env` file.
    pub(super) fn variable(&self, name: &str) -> Option<String> {
        let from_file = || self.environment.iter().find(|(known, _)| known == name);
        std::env::var(name).ok().or_else(|| from_file().map(|(_, value)| value.clone()))
    }
}

/// The selected cluster. Nothing is read or contacted before the first call; then the kubeconfig is read once for all
/// clones, and a cluster that did not respond is not queried again.
#[derive(Clone)]
pub struct ClusterAccess(Arc<Inner>);

struct Inner {
    options: ClusterOptions,
    found: OnceLock<Result<Option<ResolvedCluster>, ClusterError>>,
    /// Replaced by a new login.
    clients: RwLock<Arc<ClientsCell>>,
    lost: OnceLock<ClusterError>,
    is_patient: AtomicBool,
    last_login: Mutex<Option<Instant>>,
    resources: ResourceCache,
    /// The clock of the API server, from its last response to a request for an object.
    clock: Mutex<Option<ServerClock>>,
}

type ClientsCell = OnceCell<Result<Clients, ClusterError>>;

/// A cluster and the kubeconfig that it comes from.
struct ResolvedCluster {
    context: ClusterContext,
    /// `None` in a pod, which has service account credentials.
    kubeconfig: Option<Kubeconfig>,
}

impl ClusterAccess {
    /// The cluster that `options` and the environment select.
    pub fn new(options: ClusterOptions) -> Self {
        Self(Arc::new(Inner {
            options,
            found: OnceLock::new(),
            clients: RwLock::default(),
            lost: OnceLock::new(),
            is_patient: AtomicBool::new(false),
            last_login: Mutex::default(),
            resources: ResourceCache::default(),
            clock: Mutex::default(),
        }))
    }

    /// The cluster of the current context of `kubeconfig`, with another namespace.
    #[cfg(test)]
    pub(super) fn of_kubeconfig(kubeconfig: Kubeconfig, namespace: &str) -> Result<Self, ClusterError> {
        let access = Self::new(ClusterOptions::default());
        let context = kubeconfig.context(None, Some(namespace))?;
        let found = context.map(|context| ResolvedCluster { context, kubeconfig: Some(kubeconfig) });
        let _ = access.0.found.set(Ok(found));
        Ok(access)
    }

    /// The cluster as described by the kubeconfig; `None` if none is configured. Sends no requests.
    ///
    /// # Errors
    /// [`ClusterError`] if the kubeconfig is invalid or does not have the context of `--kube-context`.
    pub fn context(&self) -> Result<Option<&ClusterContext>, ClusterError> {
        Ok(self.found()?.map(|found| &found.context))
    }

    /// The kubeconfig; `None` in a pod without one, which has service account credentials.
    pub(super) fn kubeconfig(&self) -> Result<Option<&Kubeconfig>, ClusterError> {
        Ok(self.found()?.and_then(|found| found.kubeconfig.as_ref()))
    }

    /// The user's options for the cluster.
    pub(super) fn options(&self) -> &ClusterOptions {
        &self.0.options
    }

    /// The name of its context, for commands; `None` without a kubeconfig: in a pod and without a cluster.
    ///
    /// # Errors
    /// As for [`ClusterAccess::context`].
    pub fn named_context(&self) -> Result<Option<String>, ClusterError> {
        let found = self.found()?.filter(|found| found.kubeconfig.is_some());
        Ok(found.map(|found| found.context.name.clone()))
    }

    /// The value of `KUBECONFIG`, of the environment or of the project's `.env` file, for commands.
    pub fn kubeconfig_variable(&self) -> Option<String> {
        self.0.options.variable("KUBECONFIG")
    }

    fn found(&self) -> Result<Option<&ResolvedCluster>, ClusterError> {
        let found = self.0.found.get_or_init(|| find(&self.0.options));
        found.as_ref().map(Option::as_ref).map_err(Clone::clone)
    }

    /// The context of the cluster and a client for it.
    pub(super) async fn connect(&self) -> Result<(&ClusterContext, Client), ClusterError> {
        let (context, clients) = self.clients().await?;
        Ok((context, clients.retrying))
    }

    /// Like [`ClusterAccess::connect`], with a client that does not retry by itself.
    pub(super) async fn connect_plainly(&self) -> Result<(&ClusterContext, Client), ClusterError> {
        let (context, clients) = self.clients().await?;
        Ok((context, clients.plain))
    }

    async fn clients(&self) -> Result<(&ClusterContext, Clients), ClusterError> {
        let found = self.found()?.ok_or(ClusterError::NoCluster)?;
        let cell = Arc::clone(&self.0.clients.read().unwrap_or_else(PoisonError::into_inner));
        let clients = cell.get_or_init(|| clients_of(found)).await;
        Ok((&found.context, clients.clone()?))
    }

    /// Logs in again, with the kubeconfig as it is now: the token of a long run has expired. At most once a minute.
    pub async fn log_in_again(&self) {
        {
            let mut last = self.0.last_login.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|time| time.elapsed() < LOGIN_PAUSE) {
                return;
            }
            *last = Some(Instant::now());
        }
        let Ok(Some(found)) = self.found() else { return };
        let is_same = |new: &ResolvedCluster| {
            (&new.context.name, &new.context.server) == (&found.context.name, &found.context.server)
        };
        let changed = find(&self.0.options).ok().flatten().filter(is_same);
        // A failure is not kept: the next request logs in, and reports it.
        if let Ok(clients) = clients_of(changed.as_ref().unwrap_or(found)).await {
            let cell = Arc::new(OnceCell::new_with(Some(Ok(clients))));
            *self.0.clients.write().unwrap_or_else(PoisonError::into_inner) = cell;
        }
    }

    /// Queries the cluster again after it did not respond, for commands that last until they are stopped.
    pub fn keep_trying(&self) {
        self.0.is_patient.store(true, Ordering::Relaxed);
    }

    /// The error that the cluster does not respond, for this reason.
    pub fn unreachable(&self, reason: &str) -> ClusterError {
        let reason = if reason.is_empty() { "no response" } else { reason };
        match self.context() {
            Ok(Some(context)) => context.unreachable(reason.to_owned()),
            Ok(None) => ClusterError::NoCluster,
            Err(error) => error,
        }
    }

    /// The resources that the cluster serves.
    pub(super) fn resources(&self) -> &ResourceCache {
        &self.0.resources
    }

    /// The clock of the API server; `None` before its first response.
    pub(super) fn server_clock(&self) -> Option<ServerClock> {
        *self.0.clock.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the clock of the API server.
    pub(super) fn set_server_clock(&self, clock: ServerClock) {
        *self.0.clock.lock().unwrap_or_else(PoisonError::into_inner) = Some(clock);
    }

    /// The error of an earlier request without a response.
    pub(super) fn lost(&self) -> Option<&ClusterError> {
        self.0.lost.get().filter(|_| !self.0.is_patient.load(Ordering::Relaxed))
    }

    /// Records that the cluster did not respond, so that it is not queried again.
    pub(super) fn lose(&self, error: ClusterError) -> ClusterError {
        if self.0.is_patient.load(Ordering::Relaxed) {
            return error;
        }
        self.0.lost.get_or_init(|| error).clone()
    }

    /// The result of `request`, with a timeout; `doing` describes the operation in errors.
    pub(super) async fn call<T>(
        &self,
        doing: &str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, ClusterError> {
        if let Some(lost) = self.lost() {
            return Err(lost.clone());
        }
        let (context, _) = self.connect().await?;
        let unreachable = |reason: String| self.lose(context.unreachable(reason));
        match tokio::time::timeout(CALL_LIMIT, request).await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(kube::Error::Api(status))) => Err(refusal(*status, doing, context)),
            Ok(Err(error)) => Err(unreachable(connection_reason(&error))),
            Err(_) => Err(unreachable(format!("no response within {} seconds", CALL_LIMIT.as_secs()))),
        }
    }
}

/// The selected cluster: that of the kubeconfig, otherwise the one that windlass runs in.
fn find(options: &ClusterOptions) -> Result<Option<ResolvedCluster>, ClusterError> {
    let variable = |name: &str| options.variable(name);
    let (wanted, namespace) = (options.context.as_deref(), options.namespace.as_deref());
    if let Some(kubeconfig) = Kubeconfig::find(&variable)?
        && let Some(context) = kubeconfig.context(wanted, namespace)?
    {
        return Ok(Some(ResolvedCluster { context, kubeconfig: Some(kubeconfig) }));
    }
    if let Some(name) = wanted {
        let help = "set KUBECONFIG to a kubeconfig: none was found".to_owned();
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
    Ok(Some(ResolvedCluster { context, kubeconfig: None }))
}

/// Clients for the cluster; runs the credential plugin if the kubeconfig has one.
async fn clients_of(found: &ResolvedCluster) -> Result<Clients, ClusterError> {
    // An earlier call has installed the same provider.
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
    Clients::new(config).map_err(|error| bad(connection_reason(&error)))
}

/// The error for an error status.
pub(super) fn refusal(status: kube::core::Status, doing: &str, context: &ClusterContext) -> ClusterError {
    let (doing, reason) = (doing.to_owned(), status.message);
    let (kind, name) = status.details.map(|details| (details.kind, details.name)).unwrap_or_default();
    match status.code {
        401 => ClusterError::Unauthorized { context: context.name.clone() },
        // An exceeded quota and a terminating namespace have the same status, but are not missing permissions.
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

/// Verb and resource of a missing permission, from a message such as `... is forbidden: User "ann" cannot patch
/// resource "secrets" in API group "" in the namespace "dev"`.
pub(crate) fn missing_right(message: &str) -> Option<(String, String)> {
    let (_, right) = message.split_once(" cannot ")?;
    let (verb, rest) = right.split_once(" resource \"")?;
    let (resource, _) = rest.split_once('"')?;
    Some((verb.to_owned(), resource.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[tokio::test]
    async fn a_rejected_token_is_renewed_once_a_minute() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a directory");
        let plugin = folder.path().join("plugin");
        let script = "#!/bin/sh\necho call >>\"${0%/*}/calls\"\necho '{\"apiVersion\": \"client.authentication.k8s.io/v1\", \
                      \"kind\": \"ExecCredential\", \"status\": {\"token\": \"t\"}}'\n";
        std::fs::write(&plugin, script).expect("written");
        std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o755)).expect("a mode");
        let kubeconfig = serde_json::json!({
            "current-context": "test",
            "contexts": [{ "name": "test", "context": { "cluster": "test", "user": "test" } }],
            "clusters": [{ "name": "test", "cluster": { "server": "https://127.0.0.1:1" } }],
            "users": [{ "name": "test", "user": { "exec": {
                "apiVersion": "client.authentication.k8s.io/v1", "command": plugin, "interactiveMode": "Never",
            } } }],
        });
        let path = folder.path().join("kubeconfig");
        std::fs::write(&path, kubeconfig.to_string()).expect("written");
        let path = path.display().to_string();
        let kubeconfig = Kubeconfig::find(&|name| (name == "KUBECONFIG").then(|| path.clone()));
        let kubeconfig = kubeconfig.expect("a kubeconfig").expect("a kubeconfig");
        let access = ClusterAccess::of_kubeconfig(kubeconfig, "default").expect("a cluster");
        let calls =
            || std::fs::read_to_string(folder.path().join("calls")).map_or(0, |text| text.lines().count());
        // Each connection whose token is rejected requests it.
        for _ in 0..3 {
            access.log_in_again().await;
        }
        assert_eq!(calls(), 1);
        // A minute later.
        *access.0.last_login.lock().expect("no panic") = Instant::now().checked_sub(LOGIN_PAUSE);
        for _ in 0..3 {
            access.log_in_again().await;
        }
        assert_eq!(calls(), 2);
    }

    #[test]
    fn a_missing_right_is_read_from_the_refusal() {
        let right = |message| missing_right(message).map(|(verb, resource)| format!("{verb} {resource}"));
        let message = r#"nodes is forbidden: User "ann" cannot list resource "nodes" in API group "" at the cluster scope"#;
        assert_eq!(right(message).as_deref(), Some("list nodes"));
        assert_eq!(right("secrets \"x\" is forbidden: exceeded quota: q"), None);
    }
}
