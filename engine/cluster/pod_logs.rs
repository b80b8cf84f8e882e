//! Logs of pods.

use super::{ClusterAccess, ClusterError};

/// The selection of pods and lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLogs {
    /// The name of a pod, or a label selector: `app=api`.
    pub pods: String,
    /// The container; default: the pod's only one.
    pub container: Option<String>,
    /// The namespace; default: that of the run.
    pub namespace: Option<String>,
    /// The number of last lines of each pod.
    pub lines: u32,
}

impl ClusterAccess {
    /// The last lines of the logs of pods; for several pods, each part under the name of its pod.
    ///
    /// # Errors
    /// [`ClusterError`]; [`ClusterError::NotFound`] if no pod matches.
    pub async fn pod_logs(&self, logs: &PodLogs) -> Result<String, ClusterError> {
        let context = self.context()?.ok_or(ClusterError::NoCluster)?;
        let namespace = logs.namespace.as_ref().unwrap_or(&context.namespace);
        let container = logs.container.as_deref();
        if !logs.pods.contains('=') {
            return self.pod_log_text(namespace, &logs.pods, container, logs.lines).await;
        }
        let pods = self.pods(namespace, &logs.pods).await?;
        let names: Vec<_> = pods.into_iter().filter_map(|pod| pod.metadata.name).collect();
        match names.as_slice() {
            [] => Err(ClusterError::NotFound {
                doing: format!("read the logs of the pods with `{}`", logs.pods),
                reason: format!("none found in the namespace `{namespace}`"),
            }),
            [name] => self.pod_log_text(namespace, name, container, logs.lines).await,
            names => {
                let mut text = String::new();
                for name in names {
                    let log = self.pod_log_text(namespace, name, container, logs.lines).await?;
                    text += &format!("==> {name} <==\n{log}");
                }
                Ok(text)
            }
        }
    }
}
