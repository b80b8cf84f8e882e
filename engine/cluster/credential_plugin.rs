//! Credential plugins of a kubeconfig (`users.user.exec`; Kubernetes documentation, client-go credential plugins).

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kube::config::{AuthInfo, ExecConfig};
use serde::Deserialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::ClusterError;
use crate::process::{Pipe, Process, ProcessError, Tail};

/// The timeout of a plugin: some wait for a login in the browser.
const LIMIT: Duration = Duration::from_secs(60);

/// A plugin's output.
#[derive(Deserialize)]
struct Answer {
    status: Option<Status>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Status {
    token: Option<String>,
    client_certificate_data: Option<String>,
    client_key_data: Option<String>,
}

/// Runs `plugin` and puts its credentials into `login`. It has no terminal and is stopped after 1 minute.
pub(super) async fn log_in(
    plugin: &ExecConfig,
    context: &str,
    login: &mut AuthInfo,
) -> Result<(), ClusterError> {
    let program = plugin.command.clone().unwrap_or_default();
    let failed = |reason: String, help: Option<&str>| ClusterError::Login {
        context: context.to_owned(),
        reason,
        help: help.unwrap_or("run the command yourself to see what it requires").to_owned(),
    };
    let (mut output, mut errors) = (String::new(), Tail::default());
    // Callers drop the future to cancel it.
    let never = CancellationToken::new();
    let ended = process(plugin, &program).run(&never, |pipe, line| match pipe {
        Pipe::Stdout => {
            output.push_str(line);
            output.push('\n');
        }
        Pipe::Stderr => errors.push(line),
    });
    match ended.await {
        Ok(0) => {}
        Ok(code) => {
            let told = errors.into_lines().pop().map(|line| format!(": {line}")).unwrap_or_default();
            return Err(failed(format!("`{program}` failed with exit code {code}{told}"), None));
        }
        Err(error @ ProcessError::NotFound { .. }) => {
            let hint = plugin.install_hint.as_deref().map(str::trim);
            return Err(failed(error.to_string(), hint.or(Some("install it: the kubeconfig requires it"))));
        }
        Err(error) => return Err(failed(error.to_string(), None)),
    }
    // The output is not shown: it contains the credentials.
    let answer: Option<Answer> = serde_yaml::from_str(&output).ok();
    let status = answer.and_then(|answer| answer.status);
    let status = status.ok_or_else(|| failed(format!("`{program}` printed no credentials"), None))?;
    login.token = status.token.map(Into::into).or(login.token.take());
    if let (Some(certificate), Some(key)) = (status.client_certificate_data, status.client_key_data) {
        login.client_certificate_data = Some(STANDARD.encode(certificate));
        login.client_key_data = Some(STANDARD.encode(key).into());
    }
    Ok(())
}

fn process(plugin: &ExecConfig, program: &str) -> Process {
    let mut spec = json!({ "interactive": false });
    if let (true, Some(cluster)) = (plugin.provide_cluster_info, &plugin.cluster) {
        spec["cluster"] = serde_json::to_value(cluster).unwrap_or_default();
    }
    let info = json!({ "apiVersion": plugin.api_version, "kind": "ExecCredential", "spec": spec });
    let variables = plugin.env.iter().flatten();
    let variables = variables.filter_map(|entry| Some((entry.get("name")?, entry.get("value")?)));
    variables
        .fold(Process::new(program), |process, (name, value)| process.env(name, value))
        .args(plugin.args.iter().flatten())
        .env("KUBERNETES_EXEC_INFO", info.to_string())
        .captured()
        .limit(LIMIT)
}
