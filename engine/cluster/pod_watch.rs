//! Watches the pods of a namespace.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::stream::BoxStream;
use futures_util::{Stream, StreamExt as _};
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::runtime::{WatchStreamExt as _, watcher};

use super::access::refusal;
use super::objects::WatchDelays;
use super::{ClusterAccess, ClusterContext, ClusterError};
use crate::connection_reason::connection_reason;

/// The pods to watch: all that match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodQuery {
    /// The name of the only pod.
    pub name: Option<String>,
    /// A label selector: `app=api,tier!=cache`; empty: all pods.
    pub labels: String,
}

/// A report of a watch of pods.
#[derive(Debug, Clone)]
pub enum PodsChange {
    /// All pods that match now.
    Pods(Vec<Arc<Pod>>),
    /// The watch lost its connection, for this reason, and connects again.
    Interrupted(String),
    /// The watch has ended, because it is not permitted or the credentials are rejected.
    Failed(ClusterError),
}

impl ClusterAccess {
    /// The pods of `namespace` that match `query`, after each change of one of them. The stream connects again after a
    /// lost connection, and ends only after [`PodsChange::Failed`].
    ///
    /// # Errors
    /// [`ClusterError`] if no cluster is configured, or its credentials cannot be used.
    pub async fn watch_pods(
        &self,
        namespace: &str,
        query: &PodQuery,
    ) -> Result<BoxStream<'static, PodsChange>, ClusterError> {
        let (context, client) = self.connect().await?;
        let (context, doing) = (context.clone(), format!("watch the pods in the namespace `{namespace}`"));
        let config = watcher::Config::default().labels(&query.labels);
        let config = match &query.name {
            Some(name) => config.fields(&format!("metadata.name={name}")),
            None => config,
        };
        let api = Api::<Pod>::namespaced(client, namespace);
        let changes = watcher::watcher(api, config).backoff(WatchDelays::default());
        Ok(ends_after_failure(followed(changes, doing, context)).boxed())
    }
}

/// The changes from the events of a watch.
fn followed(
    events: impl Stream<Item = watcher::Result<watcher::Event<Pod>>> + Send + 'static,
    doing: String,
    context: ClusterContext,
) -> impl Stream<Item = PodsChange> + Send {
    let mut pods = KnownPods::default();
    events.filter_map(move |event| {
        use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
        let change = match event {
            Ok(event) => pods.take(event).then(|| PodsChange::Pods(pods.all())),
            Err(InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error)) => {
                Some(match error {
                    kube::Error::Api(status) if matches!(status.code, 400 | 401 | 403 | 404) => {
                        PodsChange::Failed(refusal(*status, &doing, &context))
                    }
                    error => PodsChange::Interrupted(connection_reason(&error)),
                })
            }
            // The list is too old: the watcher reads it again.
            Err(WatchError(status)) if status.code == 410 => None,
            Err(error) => Some(PodsChange::Interrupted(connection_reason(&error))),
        };
        std::future::ready(change)
    })
}

/// `changes` up to the first failure.
fn ends_after_failure(
    changes: impl Stream<Item = PodsChange> + Send,
) -> impl Stream<Item = PodsChange> + Send {
    changes.scan(false, |has_failed, change| {
        let is_last = std::mem::replace(has_failed, matches!(change, PodsChange::Failed(_)));
        std::future::ready((!is_last).then_some(change))
    })
}

/// The pods of a watch, by name.
#[derive(Default)]
struct KnownPods {
    pods: BTreeMap<String, Arc<Pod>>,
    /// The pods of a list that is being read.
    listed: BTreeMap<String, Arc<Pod>>,
}

impl KnownPods {
    /// Takes an event; `true` if the pods are complete after it.
    fn take(&mut self, event: watcher::Event<Pod>) -> bool {
        let name = |pod: &Pod| pod.metadata.name.clone().unwrap_or_default();
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                false
            }
            watcher::Event::InitApply(pod) => {
                self.listed.insert(name(&pod), Arc::new(pod));
                false
            }
            watcher::Event::InitDone => {
                self.pods = std::mem::take(&mut self.listed);
                true
            }
            watcher::Event::Apply(pod) => {
                self.pods.insert(name(&pod), Arc::new(pod));
                true
            }
            watcher::Event::Delete(pod) => {
                self.pods.remove(&name(&pod));
                true
            }
        }
    }

    fn all(&self) -> Vec<Arc<Pod>> {
        self.pods.values().cloned().collect()
    }
}
