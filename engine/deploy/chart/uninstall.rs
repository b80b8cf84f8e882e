//! `helm uninstall`.

use std::path::PathBuf;
use std::time::Duration;

use super::arguments::{option, timeout};
use super::run::{Invocation, environment};
use super::{ChartError, HelmRun};
use crate::process::Pipe;

/// A release to remove.
#[derive(Debug, Clone, Default)]
pub struct UninstallRequest {
    /// The release's name.
    pub release: String,
    /// Its namespace.
    pub namespace: String,
    /// The context of the kubeconfig; the current one if absent.
    pub context: Option<String>,
    /// The value of `KUBECONFIG`; that of windlass if absent.
    pub kubeconfig: Option<String>,
    /// The project directory, in which helm runs.
    pub directory: PathBuf,
    /// The storage of releases (`HELM_DRIVER`).
    pub driver: Option<String>,
    /// Whether helm waits until all objects are deleted.
    pub wait: bool,
    /// The timeout of helm.
    pub timeout: Option<Duration>,
    /// Whether the hooks of the chart are skipped.
    pub disable_hooks: bool,
    /// Additional arguments (`deleteArgs`).
    pub delete_args: Vec<String>,
}

/// Removes a release with its objects; returns whether it existed. Equals `helm uninstall`.
///
/// # Errors
/// [`ChartError`].
pub async fn uninstall(
    request: &UninstallRequest,
    on_line: &mut (dyn FnMut(Pipe, &str) + Send),
    run: HelmRun<'_>,
) -> Result<bool, ChartError> {
    let mut arguments =
        ["uninstall", &request.release, "--namespace", &request.namespace].map(str::to_owned).to_vec();
    arguments.extend(option("--kube-context", request.context.as_deref()));
    let flags = [("--wait", request.wait), ("--no-hooks", request.disable_hooks)];
    arguments.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()));
    arguments.extend(request.timeout.into_iter().flat_map(timeout));
    arguments.extend(request.delete_args.iter().cloned());
    let invocation = Invocation {
        arguments,
        directory: &request.directory,
        environment: environment(request.kubeconfig.as_deref(), request.driver.as_deref()),
        is_pure: false,
        limit: None,
    };
    let output = run.call(invocation, on_line).await?;
    let message = output.message();
    // `--ignore-not-found` exists only since helm 3.13.
    let is_missing = message.contains("release: not found");
    match output.code {
        0 => Ok(true),
        _ if is_missing => Ok(false),
        _ => Err(super::failure::of_release("uninstall", &request.release, &request.namespace, &output)),
    }
}
