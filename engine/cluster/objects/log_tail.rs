//! The end of a container's log.

use super::super::ClusterAccess;
use super::request::{Call, with_query};
use super::resource::segment;
use super::{ApplyError, ObjectKey};

/// The maximum size of the text.
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
    /// The last lines of the log of a container, at most 64 KiB.
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
            Ok(response) => Ok(response.body.as_str().unwrap_or_default().to_owned()),
            Err(failure) => Err(self.problem(failure, &format!("read the log of {key}"), Some(&key))),
        }
    }
}
