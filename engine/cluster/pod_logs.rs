//! What pods print.

use super::{ClusterAccess, ClusterError};

/// Which lines of which pods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PodLogs {
    /// The name of a pod, or a label selector: `app=api`.
    pub pods: String,
    /// The container; a pod's only one when absent.
    pub container: Option<String>,
    /// The namespace; the run's when absent.
    pub namespace: Option<String>,
    /// How many of the last lines of each pod.
    pub lines: u32,
}

impl ClusterAccess {
    /// The last lines of what pods printed so far; of several, each under the name of its pod.
    ///
    /// # Errors
    /// [`ClusterError`]; [`ClusterError::NotFound`] when there is no such pod.
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
                reason: format!("there is none in the namespace `{namespace}`"),
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
