//! The log of a hook.

use serde_json::Value;

use crate::cluster::{ApplyError, ClusterAccess, LogTail};

/// The maximum number of lines.
const LINES: u32 = 10;

/// The last lines of the log of the newest pod of a hook, `Job/NAME` or `Pod/NAME`; none for other objects.
///
/// # Errors
/// [`ApplyError`].
pub async fn hook_log(
    access: &ClusterAccess,
    namespace: &str,
    object: &str,
) -> Result<Vec<String>, ApplyError> {
    let selector = match object.split_once('/') {
        Some(("Job", name)) => format!("job-name={name}"),
        Some(("Pod", _)) => String::new(),
        _ => return Ok(Vec::new()),
    };
    let resource = access.resource_type("v1", "Pod").await?;
    let pods = access.objects_with_labels(&resource, Some(namespace), &selector).await?;
    let is_own = |pod: &&Value| !selector.is_empty() || object.strip_prefix("Pod/") == name(pod);
    let text = |pod: &Value| pod["metadata"]["creationTimestamp"].as_str().unwrap_or_default().to_owned();
    let Some(pod) = pods.iter().filter(is_own).max_by_key(|pod| text(pod)) else { return Ok(Vec::new()) };
    let tail = LogTail {
        namespace,
        pod: name(pod).unwrap_or_default(),
        container: failed_container(pod),
        lines: LINES,
        is_previous: false,
    };
    Ok(access.log_tail(&tail).await?.lines().map(str::to_owned).collect())
}

fn name(pod: &Value) -> Option<&str> {
    pod["metadata"]["name"].as_str()
}

/// The container that failed, otherwise the first one.
fn failed_container(pod: &Value) -> Option<&str> {
    let statuses = ["initContainerStatuses", "containerStatuses"]
        .into_iter()
        .flat_map(|key| pod["status"][key].as_array().into_iter().flatten());
    let failed =
        |status: &&Value| status["state"]["terminated"]["exitCode"].as_i64().unwrap_or_default() != 0;
    let found = statuses.filter(failed).find_map(|status| status["name"].as_str());
    found.or_else(|| pod["spec"]["containers"][0]["name"].as_str())
}
