//! The log of a container as it grows.

use std::io;

use futures_util::{AsyncBufRead, AsyncBufReadExt as _};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use kube::api::LogParams;

use super::access::refusal;
use super::{ClusterAccess, ClusterError};
use crate::connection_reason::connection_reason;

/// The container, and the lines of its log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery<'a> {
    /// The namespace.
    pub namespace: &'a str,
    /// The pod.
    pub pod: &'a str,
    /// The container.
    pub container: &'a str,
    /// Whether to wait for future lines.
    pub follow: bool,
    /// Whether the log is that of the container before its last restart.
    pub is_previous: bool,
    /// The number of last lines.
    pub tail: Option<u64>,
    /// The time of the first line, in whole seconds.
    pub since: Option<Timestamp>,
}

/// The log of a container, each line with its time.
pub struct LogStream(Box<dyn AsyncBufRead + Send + Unpin>);

impl LogStream {
    /// The next bytes; none at the end.
    ///
    /// # Errors
    /// If the connection breaks: lines may be missing.
    pub async fn next(&mut self) -> io::Result<Vec<u8>> {
        let bytes = self.0.fill_buf().await?.to_vec();
        self.0.consume_unpin(bytes.len());
        Ok(bytes)
    }
}

impl ClusterAccess {
    /// The log of a container. The cluster might not respond before there is a line: the caller sets a limit.
    ///
    /// # Errors
    /// [`ClusterError`], also if the container has not started.
    pub async fn container_log(&self, query: &LogQuery<'_>) -> Result<LogStream, ClusterError> {
        let (context, client) = self.connect_plainly().await?;
        let api = Api::<Pod>::namespaced(client, query.namespace);
        let params = LogParams {
            container: Some(query.container.to_owned()),
            follow: query.follow,
            previous: query.is_previous,
            tail_lines: query.tail.map(|lines| i64::try_from(lines).unwrap_or(i64::MAX)),
            since_time: query.since,
            timestamps: true,
            ..LogParams::default()
        };
        let LogQuery { namespace, pod, container, .. } = query;
        match api.log_stream(pod, &params).await {
            Ok(log) => Ok(LogStream(Box::new(Box::pin(log)))),
            Err(kube::Error::Api(status)) => {
                let doing = format!(
                    "read the log of the container `{container}` of the pod `{pod}` in the namespace `{namespace}`"
                );
                Err(refusal(*status, &doing, context))
            }
            Err(error) => Err(context.unreachable(connection_reason(&error))),
        }
    }
}
