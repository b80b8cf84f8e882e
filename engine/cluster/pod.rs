//! Pods: create, watch, attach, delete.

use std::fmt::Debug;

use futures_util::{AsyncBufRead, Stream, StreamExt as _};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ConfigMap, Event, Pod, Secret};
use kube::api::{AttachParams, DeleteParams, ListParams, LogParams, PostParams, Preconditions, Request};
use kube::client::Connection;
use kube::runtime::{WatchStreamExt as _, watcher};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::access::refusal;
use super::{ClusterAccess, ClusterError};

/// The grace period of a deleted pod, in seconds. A build needs no cleanup, and no other pod needs its name: without a
/// grace period, the cluster removes the pod immediately, and its node stops the containers.
const GRACE: u32 = 0;

impl ClusterAccess {
    /// Creates `pod`.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn create_pod(&self, namespace: &str, pod: &Pod) -> Result<Pod, ClusterError> {
        let doing = format!("create a build pod in the namespace `{namespace}`");
        self.create(namespace, pod, &doing).await
    }

    /// Creates `secret`.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn create_secret(&self, namespace: &str, secret: &Secret) -> Result<(), ClusterError> {
        let doing = format!("create a secret with the credentials of a build in the namespace `{namespace}`");
        self.create(namespace, secret, &doing).await.map(drop)
    }

    /// Whether the secret `name` exists; `None` without the permission to read it.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn has_secret(&self, namespace: &str, name: &str) -> Result<Option<bool>, ClusterError> {
        self.has::<Secret>(namespace, name).await
    }

    /// Whether the config map `name` exists; `None` without the permission to read it.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn has_config_map(&self, namespace: &str, name: &str) -> Result<Option<bool>, ClusterError> {
        self.has::<ConfigMap>(namespace, name).await
    }

    /// Deletes the pod `name`; with `uid`, only if it is the pod with that UID. A missing pod is not an error.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn delete_pod(
        &self,
        namespace: &str,
        name: &str,
        uid: Option<String>,
    ) -> Result<(), ClusterError> {
        let api = self.namespaced::<Pod>(namespace).await?;
        let doing = format!("delete the build pod `{name}` in the namespace `{namespace}`");
        let params = DeleteParams {
            grace_period_seconds: Some(GRACE),
            preconditions: uid.map(|uid| Preconditions { uid: Some(uid), resource_version: None }),
            ..DeleteParams::background()
        };
        match self.call(&doing, api.delete(name, &params)).await {
            // It no longer exists, or another pod has its name now.
            Err(ClusterError::NotFound { .. } | ClusterError::Conflict { .. }) | Ok(_) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The pods with all of `labels`, written as a label selector.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn pods(&self, namespace: &str, labels: &str) -> Result<Vec<Pod>, ClusterError> {
        let api = self.namespaced::<Pod>(namespace).await?;
        let doing = format!("list the pods in the namespace `{namespace}`");
        Ok(self.call(&doing, api.list(&ListParams::default().labels(labels))).await?.items)
    }

    /// The Deployment `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn deployment(&self, namespace: &str, name: &str) -> Result<Option<Deployment>, ClusterError> {
        let api = self.namespaced::<Deployment>(namespace).await?;
        let doing = format!("read the Deployment `{name}` in the namespace `{namespace}`");
        self.call(&doing, api.get_opt(name)).await
    }

    /// The pod `name`; `None` if it does not exist.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn pod(&self, namespace: &str, name: &str) -> Result<Option<Pod>, ClusterError> {
        let api = self.namespaced::<Pod>(namespace).await?;
        self.call(&format!("read the pod `{name}` in the namespace `{namespace}`"), api.get_opt(name)).await
    }

    /// The events of the pod `name`, warnings and others, the latest last.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn pod_events(&self, namespace: &str, name: &str) -> Result<Vec<Event>, ClusterError> {
        let api = self.namespaced::<Event>(namespace).await?;
        let doing = format!("list the events in the namespace `{namespace}`");
        let params = ListParams::default().fields(&format!("involvedObject.name={name}"));
        Ok(self.call(&doing, api.list(&params)).await?.items)
    }

    /// The pod `name` on each change; `None` when it no longer exists. The stream reconnects after a lost connection
    /// and never ends.
    ///
    /// # Errors
    /// [`ClusterError`] immediately; in the stream, only permanent errors.
    pub async fn watch_pod(
        &self,
        namespace: &str,
        name: &str,
    ) -> Result<impl Stream<Item = Result<Option<Pod>, ClusterError>> + use<>, ClusterError> {
        let (context, _) = self.connect().await?;
        let (context, doing) = (context.clone(), format!("watch the pods in the namespace `{namespace}`"));
        let api = self.namespaced::<Pod>(namespace).await?;
        let changes = watcher::watch_object(api, name).default_backoff();
        Ok(changes.filter_map(move |change| {
            use watcher::Error::{InitialListFailed, WatchFailed, WatchStartFailed};
            let change = match change {
                Ok(pod) => Some(Ok(pod)),
                Err(InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error)) => match error {
                    kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404) => {
                        Some(Err(refusal(*status, &doing, &context)))
                    }
                    _ => None,
                },
                Err(_) => None,
            };
            std::future::ready(change)
        }))
    }

    /// The log of a container; with `follow`, also its future lines.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn pod_log(
        &self,
        namespace: &str,
        name: &str,
        params: &LogParams,
    ) -> Result<impl AsyncBufRead + Unpin + use<>, ClusterError> {
        let api = self.namespaced::<Pod>(namespace).await?;
        let doing = format!("read the log of the pod `{name}` in the namespace `{namespace}`");
        Ok(Box::pin(self.call(&doing, api.log_stream(name, params)).await?))
    }

    /// The last `lines` lines of a container's log; without `container`, of the pod's only container.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn pod_log_text(
        &self,
        namespace: &str,
        name: &str,
        container: Option<&str>,
        lines: u32,
    ) -> Result<String, ClusterError> {
        let api = self.namespaced::<Pod>(namespace).await?;
        let doing = format!("read the log of the pod `{name}` in the namespace `{namespace}`");
        let params = LogParams {
            container: container.map(str::to_owned),
            tail_lines: Some(lines.into()),
            ..LogParams::default()
        };
        self.call(&doing, api.logs(name, &params)).await
    }

    /// A connection to the stdin of a container.
    ///
    /// # Errors
    /// [`ClusterError`].
    pub async fn attach(
        &self,
        namespace: &str,
        name: &str,
        container: &str,
    ) -> Result<Connection, ClusterError> {
        let (_, client) = self.connect().await?;
        let doing = format!("send the build context to the pod `{name}` in the namespace `{namespace}`");
        let params = AttachParams::default().container(container).stdin(true).stdout(false);
        let request = Request::new(Pod::url_path(&(), Some(namespace))).attach(name, &params);
        let request = request
            .map_err(|error| ClusterError::Refused { doing: doing.clone(), reason: error.to_string() })?;
        self.call(&doing, client.connect(request)).await
    }

    async fn create<K>(&self, namespace: &str, object: &K, doing: &str) -> Result<K, ClusterError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + Serialize
            + DeserializeOwned,
    {
        let api = self.namespaced::<K>(namespace).await?;
        let params = PostParams { field_manager: Some(super::MANAGER.to_owned()), ..PostParams::default() };
        self.call(doing, api.create(&params, object)).await
    }

    async fn has<K>(&self, namespace: &str, name: &str) -> Result<Option<bool>, ClusterError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + Debug + DeserializeOwned,
    {
        let api = self.namespaced::<K>(namespace).await?;
        match self.call("look up an object", api.get_metadata_opt(name)).await {
            Ok(found) => Ok(Some(found.is_some())),
            Err(ClusterError::Forbidden { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn namespaced<K>(&self, namespace: &str) -> Result<Api<K>, ClusterError>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        let (_, client) = self.connect().await?;
        Ok(Api::namespaced(client.clone(), namespace))
    }
}
