//! `helm upgrade --install`.

use super::arguments::option;
use super::failure::chart_error;
use super::prepare::{Prepared, prepare};
use super::run::Invocation;
use super::{ChartError, ChartRequest, HelmRun, HelmVersion, build_dependencies};
use crate::process::Pipe;

/// A deployed release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upgraded {
    /// The revision, if helm printed it.
    pub revision: Option<u64>,
    /// The status, if helm printed it: `deployed`.
    pub status: Option<String>,
    /// The notes of the chart; empty if it has none.
    pub notes: String,
}

/// Deploys the release of `request` and passes lines of output to `on_line`: all of them with `display_output`,
/// otherwise only warnings. Equals `helm upgrade --install`.
///
/// On cancel, helm is interrupted and marks the release as failed before this returns, if the command runs with
/// [`HelmExec`](super::HelmExec).
///
/// # Errors
/// [`ChartError`].
pub async fn upgrade(
    request: &ChartRequest,
    on_line: &mut (dyn FnMut(Pipe, &str) + Send),
    run: HelmRun<'_>,
) -> Result<Upgraded, ChartError> {
    build_dependencies(request, run).await?;
    let prepared = prepare(request, run).await?;
    let arguments = upgrade_arguments(request, &prepared, run.helm.version);
    let mut is_error = false;
    let mut show = |pipe: Pipe, line: &str| {
        // The error itself is returned.
        is_error |= pipe == Pipe::Stderr && line.starts_with("Error: ");
        let is_shown = request.display_output || pipe == Pipe::Stderr;
        if is_shown && !is_error {
            on_line(pipe, line);
        }
    };
    let output = run.call(Invocation::new(request, arguments), &mut show).await?;
    if output.code != 0 {
        return Err(chart_error("deploy", request, &prepared, &output, run).await);
    }
    Ok(Upgraded::parse(&output.stdout))
}

/// The arguments of `helm upgrade` for `request`.
pub(super) fn upgrade_arguments(
    request: &ChartRequest,
    prepared: &Prepared,
    version: HelmVersion,
) -> Vec<String> {
    let words = ["upgrade", &request.release].map(str::to_owned).to_vec();
    let place = ["--install", "--namespace", &request.namespace].map(str::to_owned).to_vec();
    let context: Vec<_> = option("--kube-context", request.context.as_deref()).collect();
    [
        words,
        prepared.chart.clone(),
        place,
        context,
        prepared.values.clone(),
        version.upgrade_flags(request),
        request.upgrade_args.clone(),
    ]
    .concat()
}

impl Upgraded {
    /// Reads the summary that helm prints.
    fn parse(stdout: &str) -> Self {
        let (summary, notes) = stdout.split_once("\nNOTES:\n").unwrap_or((stdout, ""));
        let field =
            |name: &str| summary.lines().rev().find_map(|line| line.strip_prefix(name)).map(str::trim);
        Self {
            revision: field("REVISION:").and_then(|revision| revision.parse().ok()),
            status: field("STATUS:").map(str::to_owned),
            notes: notes.trim_end().to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_is_parsed() {
        let stdout = "Release \"web\" has been upgraded. Happy Helming!\nNAME: web\nLAST DEPLOYED: Thu\nNAMESPACE: \
                      dev\nSTATUS: deployed\nREVISION: 12\nTEST SUITE: None\nNOTES:\nREVISION: no\n";
        let expected =
            Upgraded { revision: Some(12), status: Some("deployed".into()), notes: "REVISION: no".into() };
        assert_eq!(Upgraded::parse(stdout), expected);
        assert_eq!(Upgraded::parse(""), Upgraded::default());
    }
}
