//! The details of errors that have many.

use miette::{NamedSource, SourceSpan};

/// A hook that failed.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("{hook} hook of release `{release}` failed: {reason}{}", indented(log))]
#[diagnostic(code(deploy::hook))]
pub struct HookFailure {
    /// The release.
    pub release: String,
    /// The event of the hook: `pre-upgrade`.
    pub hook: String,
    /// The failed object, if helm names it: `Job/migrate`.
    pub object: Option<String>,
    /// The message of helm.
    pub reason: String,
    /// The last lines of the log of its pod.
    pub log: Vec<String>,
    /// The hint.
    #[help]
    pub help: String,
}

/// A values file that cannot be read.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot read values file `{file}`: {reason}")]
#[diagnostic(code(deploy::values_file))]
pub struct InvalidValues {
    /// The file.
    pub file: String,
    /// The reason.
    pub reason: String,
    /// The text of a file that is not valid YAML.
    #[source_code]
    pub text: Option<NamedSource<String>>,
    /// The position of the error in it.
    #[label("here")]
    pub span: Option<SourceSpan>,
}

/// A template that rendered invalid YAML.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("template `{template}` renders invalid YAML: {reason}")]
#[diagnostic(
    code(deploy::rendered_yaml),
    help(
        "quote strings that YAML reads as another type, such as `y`, `on` or `1.0`, and check the indentation"
    )
)]
pub struct RenderedYaml {
    /// The template.
    pub template: String,
    /// The message of the YAML parser.
    pub reason: String,
    /// The rendered document, if helm printed it.
    #[source_code]
    pub rendered: Option<NamedSource<String>>,
    /// The line, if the parser names it.
    #[label("rendered line")]
    pub line: Option<SourceSpan>,
}

/// A failure in a template of a chart.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("template `{template}` failed: {reason}")]
#[diagnostic(code(deploy::template))]
pub struct TemplateFailure {
    /// The template, as helm names it: `web/templates/deployment.yaml`.
    pub template: String,
    /// The line, counted from 1.
    pub line: usize,
    /// The message of helm.
    pub reason: String,
    /// The value that the failed expression reads, as a path: `image.tag`.
    pub value: Option<String>,
    /// The text of the template, if it is on this machine.
    #[source_code]
    pub source_code: Option<NamedSource<String>>,
    /// The position in it.
    #[label("here")]
    pub span: Option<SourceSpan>,
    /// The hint.
    #[help]
    pub help: Option<String>,
}

/// A chart that a repository or registry does not have, or that cannot be fetched.
#[derive(Debug, thiserror::Error, miette::Diagnostic)]
#[error("cannot get chart `{chart}`{}: {reason}", wanted(version.as_deref(), repository.as_deref()))]
#[diagnostic(code(deploy::chart_unavailable))]
pub struct UnavailableChart {
    /// The chart's name or reference.
    pub chart: String,
    /// The requested version.
    pub version: Option<String>,
    /// The repository.
    pub repository: Option<String>,
    /// The reason, from helm.
    pub reason: String,
    /// The hint.
    #[help]
    pub help: String,
}

fn wanted(version: Option<&str>, repository: Option<&str>) -> String {
    let version = version.map(|version| format!(" {version}")).unwrap_or_default();
    let repository = repository.map(|repository| format!(" from {repository}")).unwrap_or_default();
    format!("{version}{repository}")
}

/// The lines below a message.
fn indented(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  {line}")).collect()
}
