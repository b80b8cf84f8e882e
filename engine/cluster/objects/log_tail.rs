//! The end of a container's log.

use super::super::ClusterAccess;
use super::request::{Call, with_query};
use super::resource::segment;
use super::{ApplyError, ObjectKey};

/// The maximum size of the lines, in bytes.
const SIZE: &str = "65536";

/// The selection of a container and of lines of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogTail<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container; default: the pod's only one.
    pub container: Option<&'a str>,
    /// The number of last lines.
    pub lines: u32,
    /// Whether the log is that of the container before its last restart.
    pub is_previous: bool,
}

impl ClusterAccess {
    /// The last lines of the log of a container, at most 64 KiB; empty if the node has removed it meanwhile.
    ///
    /// # Errors
    /// [`ApplyError`], also if the container has not started, or was not restarted.
    pub async fn log_tail(&self, tail: &LogTail<'_>) -> Result<String, ApplyError> {
        let path = format!("/api/v1/namespaces/{}/pods/{}/log", segment(tail.namespace), segment(tail.pod));
        let lines = tail.lines.to_string();
        let path = with_query(
            &path,
            &[
                ("container", tail.container.unwrap_or_default()),
                ("tailLines", &lines),
                ("limitBytes", SIZE),
                ("previous", if tail.is_previous { "true" } else { "" }),
            ],
        );
        let key = ObjectKey {
            api_version: "v1".to_owned(),
            kind: "Pod".to_owned(),
            namespace: Some(tail.namespace.to_owned()),
            name: tail.pod.to_owned(),
        };
        match self.send(Call::text(path)).await {
            Ok(response) => {
                let text = response.body.as_str().unwrap_or_default();
                Ok(if is_failure(text) { String::new() } else { text.to_owned() })
            }
            Err(failure) => Err(self.problem(failure, &format!("read the log of {key}"), Some(&key))),
        }
    }
}

/// Whether `text` is an error message instead of a log. The kubelet sends it with status 200 if it cannot read the log
/// because the container is being replaced (Kubernetes, `pkg/kubelet/kuberuntime/logs/logs.go` and
/// `pkg/kubelet/kuberuntime/kuberuntime_container.go`).
fn is_failure(text: &str) -> bool {
    let is_one_line = text.trim_end().lines().count() == 1;
    let starts = [
        "failed to try resolving symlinks in path \"/var/log/pods/",
        "unable to retrieve container logs for ",
    ];
    is_one_line && starts.iter().any(|start| text.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_the_node_are_not_a_log() {
        let check = |text: &str, expected| assert_eq!(is_failure(text), expected, "{text}");
        let gone = "failed to try resolving symlinks in path \"/var/log/pods/dev_web_0/c/1.log\": lstat \
                    /var/log/pods/dev_web_0/c/1.log: no such file or directory";
        check(gone, true);
        check("unable to retrieve container logs for docker://ab12", true);
        check(&format!("{gone}\nlast words"), false);
        check("last words", false);
        check("", false);
    }
}
