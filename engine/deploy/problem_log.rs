//! The log that explains a problem.

use std::time::Duration;

use super::ready::Problem;
use crate::cluster::{ClusterAccess, LogTail};

/// The number of its last lines that are read.
const LINES: u32 = 40;

/// The timeout for reading it.
const LIMIT: Duration = Duration::from_secs(5);

/// The last lines of the log that explains `problem`; empty if it cannot be read.
pub async fn problem_log(access: &ClusterAccess, problem: &Problem) -> Vec<String> {
    let Some(request) = &problem.log else { return Vec::new() };
    // The container may run or have ended for the first time, or end at this moment.
    for is_previous in [request.previous, false, true] {
        let tail = LogTail {
            namespace: &request.namespace,
            pod: &request.pod,
            container: Some(&request.container),
            lines: LINES,
            is_previous,
        };
        if let Ok(Ok(text)) = tokio::time::timeout(LIMIT, access.log_tail(&tail)).await
            && !text.is_empty()
        {
            return text.lines().map(str::to_owned).collect();
        }
    }
    Vec::new()
}
