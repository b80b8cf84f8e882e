//! `helm rollback`.

use super::arguments::option;
use super::failure::of_release;
use super::run::Invocation;
use super::{ChartError, ChartRequest, HelmRun};
use crate::process::Pipe;

/// Returns the release of `request` to `revision`, which creates a new revision, and passes warnings to `on_line`.
/// Equals `helm rollback`.
///
/// # Errors
/// [`ChartError`].
pub async fn roll_back(
    request: &ChartRequest,
    revision: u64,
    on_line: &mut (dyn FnMut(Pipe, &str) + Send),
    run: HelmRun<'_>,
) -> Result<(), ChartError> {
    let revision = revision.to_string();
    let words = ["rollback", &request.release, &revision, "--namespace", &request.namespace];
    let mut arguments = words.map(str::to_owned).to_vec();
    arguments.extend(option("--kube-context", request.context.as_deref()));
    arguments.extend(request.disable_hooks.then(|| "--no-hooks".to_owned()));
    let mut show = |pipe: Pipe, line: &str| {
        // The caller reports the result of helm; its error is returned.
        if pipe == Pipe::Stderr && !line.starts_with("Error: ") {
            on_line(pipe, line);
        }
    };
    let output = run.call(Invocation::new(request, arguments), &mut show).await?;
    match output.code {
        0 => Ok(()),
        _ => Err(of_release("roll back", &request.release, &request.namespace, &output)),
    }
}
