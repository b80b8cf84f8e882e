//! The output of kaniko for display.

use std::time::Duration;

use futures_util::{AsyncBufRead, AsyncBufReadExt as _};
use kube::api::LogParams;

use super::pod::CONTAINER;
use crate::cluster::{ClusterAccess, ClusterError};

/// The longest line that is buffered, in bytes; a longer one is split.
const LONGEST: usize = 64 * 1024;

/// How long to wait before a log that ended early is requested again.
const PAUSE: Duration = Duration::from_secs(1);

/// The log of a build.
pub(super) struct Log<'a> {
    access: &'a ClusterAccess,
    /// Namespace and name of the pod.
    place: (&'a str, &'a str),
    /// The time of the last line, as in the log, from which to resume.
    last: Option<String>,
}

impl<'a> Log<'a> {
    /// The log of the pod at `place`, its namespace and name.
    pub(super) fn new(access: &'a ClusterAccess, place: (&'a str, &'a str)) -> Self {
        Self { access, place, last: None }
    }

    /// Passes every line to `take` and never returns successfully: a log that ended early is requested again and
    /// resumed.
    ///
    /// # Errors
    /// [`ClusterError::Forbidden`] if the user has no permission to read logs.
    pub(super) async fn follow(&mut self, take: &mut (dyn FnMut(&str) + Send)) -> Result<(), ClusterError> {
        loop {
            match self.read(true, take).await {
                Err(error @ ClusterError::Forbidden { .. }) => return Err(error),
                // The node might not have it yet, or may have removed it; the status of the pod shows the state of
                // the pod.
                _ => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    /// Passes the remaining lines to `take`, if there are any.
    ///
    /// # Errors
    /// If the log is unavailable.
    pub(super) async fn rest(&mut self, take: &mut (dyn FnMut(&str) + Send)) -> Result<(), ClusterError> {
        self.read(false, take).await
    }

    async fn read(&mut self, follow: bool, take: &mut (dyn FnMut(&str) + Send)) -> Result<(), ClusterError> {
        let since_time = self.last.as_ref().and_then(|last| last.parse().ok());
        let params = LogParams {
            container: Some(CONTAINER.to_owned()),
            follow,
            since_time,
            timestamps: true,
            ..LogParams::default()
        };
        let mut log = self.access.pod_log(self.place.0, self.place.1, &params).await?;
        // Kubernetes resumes at the beginning of a second, so lines that were already passed on are repeated.
        let known = self.last.clone().unwrap_or_default();
        let mut line = Vec::new();
        while read_line(&mut log, &mut line).await {
            let text = String::from_utf8_lossy(&line);
            let (time, text) = text.split_once(' ').unwrap_or((&text, ""));
            if time > known.as_str() {
                take(text);
                self.last = Some(time.to_owned());
            }
            line.clear();
        }
        Ok(())
    }
}

/// Reads the next line into `line`, without its end; `false` at the end of the log, or if it ends early.
async fn read_line(log: &mut (impl AsyncBufRead + Unpin), line: &mut Vec<u8>) -> bool {
    while line.len() < LONGEST {
        let Ok(bytes) = log.fill_buf().await else { break };
        if bytes.is_empty() {
            break;
        }
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(bytes.len(), |end| end + 1);
        line.extend_from_slice(&bytes[..end.unwrap_or(taken)]);
        log.consume_unpin(taken);
        if end.is_some() {
            line.pop_if(|last| *last == b'\r');
            return true;
        }
    }
    !line.is_empty()
}
