//! Errors of charts.

use std::io;
use std::path::PathBuf;

use miette::Diagnostic as _;

use super::failures::{HookFailure, InvalidValues, RenderedYaml, TemplateFailure, UnavailableChart};
use super::{HelmVersion, SchemaProblem};
use crate::process::ProcessError;

/// Why a chart cannot be read, rendered or deployed. Never contains credentials.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
pub enum ChartError {
    /// The run was cancelled.
    #[error("the run was cancelled")]
    #[diagnostic(code(run::cancelled))]
    Cancelled,

    /// The path of a chart has no `Chart.yaml`.
    #[error("cannot find chart `{chart}`: `{}` {reason}", path.display())]
    #[diagnostic(code(deploy::chart_not_found))]
    ChartNotFound {
        /// The chart as configured.
        chart: String,
        /// The path that it denotes.
        path: PathBuf,
        /// The problem with the path.
        reason: &'static str,
        /// The nearest directory that is a chart.
        #[help]
        help: Option<String>,
    },

    /// The repository or registry does not have the chart, or cannot be used.
    #[error(transparent)]
    #[diagnostic(transparent)]
    ChartUnavailable(Box<UnavailableChart>),

    /// A file of a chart cannot be read.
    #[error("cannot read `{}` of the chart: {source}", path.display())]
    #[diagnostic(code(deploy::chart_unreadable))]
    ChartUnreadable {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },

    /// The credentials of a chart cannot be passed to helm without being visible to other users.
    #[error("cannot use credentials for chart `{chart}`: it has no repository")]
    #[diagnostic(code(deploy::chart_credentials), help("set `chart.repo` to the URL of the repository"))]
    CredentialsWithoutRepository {
        /// The chart's name.
        chart: String,
    },

    /// Dependencies of the chart are missing.
    #[error("chart `{chart}` lacks its {}{}", plural("dependency", "dependencies", missing), colon(reason.as_deref()))]
    #[diagnostic(code(deploy::chart_dependency))]
    DependencyMissing {
        /// The chart.
        chart: String,
        /// The missing dependencies.
        missing: Vec<String>,
        /// Why they could not be built.
        reason: Option<String>,
        /// The hint, with the last lines of helm.
        #[help]
        help: String,
    },

    /// Helm failed for another reason.
    #[error("cannot {action} release `{release}`: {reason}")]
    #[diagnostic(code(deploy::helm_failed))]
    HelmFailed {
        /// The failed action: `render`, `deploy`, `roll back`, `uninstall`.
        action: &'static str,
        /// The release.
        release: String,
        /// The message of helm.
        reason: String,
        /// The last lines of helm, and a hint.
        #[help]
        help: Option<String>,
    },

    /// The `helm` command is missing, or is another command.
    #[error("cannot deploy charts: `{program}` {reason}")]
    #[diagnostic(
        code(deploy::helm_missing),
        help("install helm {} or newer, or set `helm.path` or `WINDLASS_HELM` to its path", oldest())
    )]
    HelmMissing {
        /// The command.
        program: String,
        /// The problem with the command.
        reason: String,
    },

    /// This version of helm is not supported.
    #[error("helm {version} (`{program}`) is not supported")]
    #[diagnostic(
        code(deploy::helm_version),
        help(
            "install helm {} or newer (3 or 4), or set `helm.path` or `WINDLASS_HELM` to its path",
            oldest()
        )
    )]
    HelmVersion {
        /// The command.
        program: String,
        /// Its version.
        version: String,
    },

    /// A hook of the chart failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    HookFailed(Box<HookFailure>),

    /// A template produced invalid YAML.
    #[error(transparent)]
    #[diagnostic(transparent)]
    InvalidYaml(Box<RenderedYaml>),

    /// An object exists and does not belong to the release.
    #[error("cannot deploy release `{release}`: {object} belongs to {}", owner.as_deref().unwrap_or("no release"))]
    #[diagnostic(code(deploy::ownership))]
    NotOwned {
        /// The release.
        release: String,
        /// The object: `ConfigMap/settings` with its namespace.
        object: String,
        /// The release that owns it, with its namespace.
        owner: Option<String>,
        /// The hint.
        #[help]
        help: String,
    },

    /// Helm cannot be run.
    #[error("cannot run helm: {source}")]
    #[diagnostic(code(deploy::helm_run))]
    Process {
        /// The reason.
        source: ProcessError,
        /// The hint.
        #[help]
        help: Option<String>,
    },

    /// The release is locked by an operation that runs or was killed.
    #[error("cannot deploy release `{release}`: another operation is in progress{}", comma(since.as_deref()))]
    #[diagnostic(code(deploy::release_pending))]
    ReleasePending {
        /// The release.
        release: String,
        /// The status and its time: `pending-upgrade since 2026-01-02T03:04:05Z`.
        since: Option<String>,
        /// The hint.
        #[help]
        help: String,
    },

    /// Helm 2 has deployed the release.
    #[error(
        "cannot deploy release `{release}`: Helm 2 has deployed it (ConfigMaps in the namespace {namespace})"
    )]
    #[diagnostic(
        code(deploy::tiller),
        help(
            "convert it with the helm plugin `2to3`: `helm 2to3 convert {release}`; then remove `v2: true`"
        )
    )]
    Tiller {
        /// The release.
        release: String,
        /// The namespace of Tiller.
        namespace: String,
    },

    /// A stored release cannot be decoded.
    #[error("cannot read the stored release `{name}`: {reason}")]
    #[diagnostic(code(deploy::release_unreadable))]
    ReleaseUnreadable {
        /// The Secret.
        name: String,
        /// The reason.
        reason: String,
    },

    /// The values do not match the schema of the chart.
    #[error("the values of release `{release}` do not match the schema of the chart:\n{}", lines(problems))]
    #[diagnostic(
        code(deploy::values_schema),
        help("see `values.schema.json` of the chart for the allowed values")
    )]
    SchemaMismatch {
        /// The release.
        release: String,
        /// The problems.
        problems: Vec<SchemaProblem>,
    },

    /// A template of the chart failed.
    #[error(transparent)]
    #[diagnostic(transparent)]
    TemplateFailed(Box<TemplateFailure>),

    /// The temporary files for helm cannot be written.
    #[error("cannot write temporary files for helm: {source}")]
    #[diagnostic(
        code(deploy::temporary_files),
        help("check that the directory for temporary files is writable")
    )]
    TemporaryFiles {
        /// The reason.
        source: io::Error,
    },

    /// A values file cannot be read.
    #[error(transparent)]
    #[diagnostic(transparent)]
    ValuesFile(Box<InvalidValues>),
}

impl ChartError {
    /// The error for helm that could not be run or finished.
    pub(super) fn process(source: ProcessError) -> Self {
        match source {
            ProcessError::Cancelled { .. } => Self::Cancelled,
            source => {
                let help = source.help().map(|help| help.to_string());
                Self::Process { source, help }
            }
        }
    }
}

fn oldest() -> String {
    format!("{}.{}", HelmVersion::OLDEST.major, HelmVersion::OLDEST.minor)
}

fn colon(reason: Option<&str>) -> String {
    reason.map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn comma(text: Option<&str>) -> String {
    text.map(|text| format!(" ({text})")).unwrap_or_default()
}

fn plural(one: &str, many: &str, names: &[String]) -> String {
    let noun = if names.len() == 1 { one } else { many };
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("{noun} {}", names.join(", "))
}

fn lines(problems: &[SchemaProblem]) -> String {
    problems.iter().map(|problem| format!("- {problem}")).collect::<Vec<_>>().join("\n")
}
